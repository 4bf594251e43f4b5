"""Functions of the tensor language beyond their Ops: what they refuse, checks of lengths, small dtypes."""

import threading
import time

import numpy as np
import pytest

from symcore import tensor as T
from symcore.gradient import Lop, Rop, grad
from symcore.graph.fgraph import FunctionGraph
from symcore.interpreter import evaluate
from symcore.tensor.products import BatchedDot
from symcore.tensor.reduce import one_axis
from symcore.tensor.shapes import INPUT, Reshape, SpecifyShape
from symcore.tensor.shared import shared
from symcore.tensor.subtensor import Nonzero
from symcore.tensor.type import TensorType
from symcore.testing import OpCase, check_op

# ---------------------------------------------------------------------- lengths


def test_stated_lengths_may_be_symbolic():
    x, n = T.dmatrix("x"), T.lscalar("n")
    y = T.specify_shape(x, (n, 3))
    assert y.owner.op == SpecifyShape((INPUT, 3))
    assert y.type.shape == (None, 3)
    given = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(evaluate(y, {x: given, n: 2}), given)
    with pytest.raises(ValueError, match="axis 0 was stated to have length 5"):
        evaluate(y, {x: given, n: 5})
    np.testing.assert_array_equal(evaluate(grad((y**2).sum(), x), {x: given, n: 2}), 2 * given)
    assert T.specify_shape(x, T.constant([2, 3])).type.shape == (2, 3)
    assert T.specify_shape(x, (None, None)) is x
    with pytest.raises(TypeError, match="takes 1 lengths"):
        SpecifyShape((INPUT, 3))(x)


def test_tensordot_checks_every_pair_of_axes():
    x, y = T.dmatrix("x"), T.dmatrix("y")
    z = T.tensordot(x, y, 2)
    a = np.arange(6.0).reshape(2, 3)
    assert evaluate(z, {x: a, y: a}) == np.tensordot(a, a, 2)
    with pytest.raises(ValueError, match="length"):
        evaluate(z, {x: a, y: np.ones((3, 2))})  # as many elements, but other lengths
    for axes in (3, -1, [[0, 0], [0, 1]], [[2], [0]]):
        with pytest.raises(ValueError):
            T.tensordot(x, y, axes)


def test_matmul_of_stacks_checks_every_leading_axis():
    x, y = T.dtensor4("x"), T.dtensor4("y")
    a, b = np.random.default_rng(0).random((2, 3, 4, 5)), np.random.default_rng(1).random((2, 3, 5, 4))
    z = T.matmul(x, y)
    np.testing.assert_allclose(evaluate(z, {x: a, y: b}), a @ b)
    with pytest.raises(ValueError, match="batch"):
        evaluate(z, {x: a, y: b.reshape(3, 2, 5, 4)})
    gx, gy = grad(z.sum(), [x, y])
    np.testing.assert_allclose(evaluate(gx, {x: a, y: b}), np.ones((2, 3, 4, 4)) @ b.swapaxes(-1, -2))
    np.testing.assert_allclose(evaluate(gy, {x: a, y: b}), a.swapaxes(-1, -2) @ np.ones((2, 3, 4, 4)))


def test_split_takes_everything_or_complains():
    x, n = T.dvector("x"), T.lvector("n")
    given = np.arange(5.0)
    for sizes in ([2, 3], n):
        pieces = T.split(x, sizes, 2)
        assert [p.tolist() for p in evaluate(pieces, {x: given, n: [2, 3]})] == [[0, 1], [2, 3, 4]]
        for wrong in (given[:4], np.arange(6.0)):
            with pytest.raises(ValueError, match="length 3"):
                evaluate(pieces, {x: wrong, n: [2, 3]})
    with pytest.raises(ValueError, match="2 pieces got 1"):
        T.split(x, [1], 2)
    with pytest.raises(ValueError, match="negative"):
        T.split(x, [6, -1], 2)


def test_a_mask_must_have_the_lengths_of_what_it_indexes():
    x, mask = T.dmatrix("x"), T.tensor("bool", shape=(None,), name="mask")
    given = np.arange(12.0).reshape(3, 4)
    for index, numpy_index in ((mask, lambda m: m), ((slice(None), mask), lambda m: (slice(None), m)),
                               ((..., mask), lambda m: (..., m))):  # fmt: skip
        y = x[index]
        for length in (2, 3, 4):
            m = np.arange(length) % 2 == 0
            try:
                wanted = given[numpy_index(m)]
            except IndexError:
                with pytest.raises(IndexError, match="mask"):
                    evaluate(y, {x: given, mask: m})
            else:
                np.testing.assert_array_equal(evaluate(y, {x: given, mask: m}), wanted)
    with pytest.raises(IndexError, match="length 2"):
        T.constant(given)[np.array([True, False])]


# ---------------------------------------------------------------------- what is refused


def test_axes_out_of_range_are_refused():
    x = T.dmatrix("x")
    for build in (
        lambda: T.take(x, 0, axis=2),
        lambda: T.split(x, [1, 1], 2, axis=-3),
        lambda: T.stack([x, x], axis=3),
        lambda: T.addbroadcast(x, 5),
        lambda: T.unbroadcast(x, 5),
        lambda: x.swapaxes(0, 2),
        lambda: one_axis(2, 2),
    ):
        with pytest.raises(ValueError, match="out of range"):
            build()
    with pytest.raises(TypeError, match="axis must be an int"):
        one_axis("0", 1)


def test_wrong_modes_and_empty_lists_are_refused():
    with pytest.raises(ValueError, match="mode"):
        T.take(T.dvector(), 0, mode="around")
    with pytest.raises(ValueError, match="at least one"):
        T.concatenate([])


# ---------------------------------------------------------------------- dtypes


def test_moments_of_float16_are_computed_in_float32():
    x = T.tensor("float16", shape=(None,))
    given = (100 + np.arange(1000) % 7 * 50).astype("float16")
    mean, var, std = evaluate([x.mean(), x.var(), x.std(ddof=1)], {x: given})
    assert mean.dtype == var.dtype == std.dtype == "float16"
    wide = given.astype("float64")
    np.testing.assert_allclose([mean, var, std], [wide.mean(), wide.var(), wide.std(ddof=1)], rtol=1e-3)


def test_types_are_interned_whoever_comes_first(monkeypatch):
    class Late(dict):
        """A table in which another thread enters a type right after we have not found it."""

        def get(self, key, default=None):
            if key not in self:
                other = object.__new__(TensorType)
                other.__dict__.update(first.__dict__)
                self[key] = other
                return default
            return dict.get(self, key, default)

    first = TensorType("float32", (None, 7))
    table = Late()
    monkeypatch.setattr(TensorType, "_interned", table)
    made = TensorType("float32", (None, 7))
    assert made is next(iter(table.values())) is TensorType("float32", (None, 7))


# ---------------------------------------------------------------------- derivatives and graphs


def test_evaluation_points_and_known_gradients_may_be_arrays():
    x = T.dvector("x")
    y = x**2
    at = {x: [1.0, 2.0]}
    assert evaluate(Lop(y, x, np.array([1.0, 10.0])), at).tolist() == [2, 40]
    assert evaluate(Rop(y, x, np.array([1.0, 10.0])), at).tolist() == [2, 40]
    assert evaluate(grad(None, x, known_grads={y: np.ones(2)}), at).tolist() == [2, 4]


def test_the_warning_of_a_disconnected_gradient_names_the_callers_line():
    with pytest.warns(UserWarning, match="does not depend") as caught:
        grad(T.dscalar() ** 2, T.dscalar(), disconnected_inputs="warn")
    assert caught[0].filename == __file__


def test_a_copied_graph_keeps_its_shared_variables():
    x, s = T.dvector("x"), shared(np.ones(3))
    fgraph = FunctionGraph([x], [x * s])
    copied, mapping = fgraph.clone()
    assert copied.inputs[1] is s is mapping[s]
    assert copied.inputs[0] is not fgraph.inputs[0]
    copied.check()


def test_lengths_computed_in_many_steps_cost_no_more_than_their_steps():
    x = T.dvector("x")
    doubled = stepped = x.shape[0]
    for _ in range(60):
        doubled = doubled + doubled
    for _ in range(5000):
        stepped = stepped + 1
    started = time.perf_counter()
    for length in (doubled, stepped):
        node = Reshape(2).make_node(x, length, 1)
        assert node.op.infer_shape(node, [(x.shape[0],)]) == [(node.inputs[1], 1)]
    assert time.perf_counter() - started < 5


def test_types_made_by_many_threads_are_one():
    made = []
    threads = [threading.Thread(target=lambda: made.append(TensorType("int16", (None, 97, 1)))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, made))) == 1


@pytest.mark.parametrize(
    "case",
    [
        OpCase(SpecifyShape((INPUT, None)), np.ones((3, 4)), np.int64(3), expected=lambda x, n: x),
        OpCase(BatchedDot(), np.ones((2, 1, 3, 4)), np.ones((2, 1, 4, 2)), expected=np.matmul),
        OpCase(Nonzero(), np.array([True, False]), np.int64(2), expected=lambda m, n: np.nonzero(m)),
    ],
    ids=str,
)
def test_ops_with_further_inputs_keep_their_contract(case):
    check_op(case)
