"""Indexing against NumPy, on indices that hypothesis makes up."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from symcore import grad
from symcore import tensor as T
from symcore.interpreter import evaluate
from symcore.tensor.type import TensorType

QUICK = settings(max_examples=60, deadline=None)
shapes = hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5)


def values(shape):
    return np.arange(int(np.prod(shape)), dtype=np.float64).reshape(shape) + 0.5


def symbolic(index):
    """Return the index with every integer in it made symbolic, and the values of those."""
    given_values = {}

    def one(item):
        if isinstance(item, int) and not isinstance(item, bool):
            v = T.lscalar(f"i{len(given_values)}")
            given_values[v] = item
            return v
        if isinstance(item, slice):
            return slice(*[None if p is None else one(p) for p in (item.start, item.stop, item.step)])
        return item

    return tuple(one(item) for item in index), given_values


@QUICK
@given(st.data(), shapes)
def test_basic_indexing(data, shape):
    index = data.draw(hnp.basic_indices(shape, allow_newaxis=True, allow_ellipsis=True))
    index = index if isinstance(index, tuple) else (index,)
    value = values(shape)
    x = TensorType("float64", (None,) * len(shape))("x")
    wanted = value[index]
    known = TensorType("float64", shape)("x")
    for source, (spelled, more) in ((x, (index, {})), (x, symbolic(index)), (known, (index, {}))):
        y = source[spelled]
        got = evaluate(y, {source: value, **more})
        np.testing.assert_array_equal(got, wanted)
        assert y.ndim == wanted.ndim
        assert all(s in (None, n) for s, n in zip(y.type.shape, wanted.shape, strict=True))


@QUICK
@given(st.data(), hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=5))
def test_integer_arrays(data, shape):
    count = data.draw(st.integers(1, len(shape)))
    result = data.draw(hnp.array_shapes(min_dims=0, max_dims=2, min_side=1, max_side=3))
    arrays = [data.draw(hnp.arrays(np.int64, result, elements=st.integers(-n, n - 1))) for n in shape[:count]]
    index = list(arrays)
    rest = len(shape) - count
    if rest:  # a slice before, between or after the arrays
        at = data.draw(st.integers(0, count))
        arrays_here = [
            data.draw(hnp.arrays(np.int64, result, elements=st.integers(-n, n - 1)))
            for n in (*shape[:at], *shape[at + 1 : count + 1])
        ]
        index = [*arrays_here[:at], slice(None, None, data.draw(st.sampled_from([None, -1, 2]))), *arrays_here[at:]]
    value = values(shape)
    x = TensorType("float64", (None,) * len(shape))("x")
    symbols = [T.constant(i) if isinstance(i, np.ndarray) else i for i in index]
    np.testing.assert_array_equal(evaluate(x[tuple(index)], {x: value}), value[tuple(index)])
    y = x[tuple(symbols)]
    np.testing.assert_array_equal(evaluate(y, {x: value}), value[tuple(index)])
    weights = np.random.default_rng(0).normal(size=value[tuple(index)].shape)
    wanted = np.zeros(shape)
    np.add.at(wanted, tuple(index), weights)
    np.testing.assert_allclose(
        evaluate(grad((y * T.constant(weights)).sum(), x), {x: value}), wanted, rtol=1e-12, atol=1e-12
    )


@QUICK
@given(st.data(), hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4))
def test_masks(data, shape):
    mask = data.draw(hnp.arrays(np.bool_, shape[: data.draw(st.integers(1, len(shape)))]))
    value = values(shape)
    x, m = TensorType("float64", (None,) * len(shape))("x"), TensorType("bool", (None,) * mask.ndim)("m")
    np.testing.assert_array_equal(evaluate(x[m], {x: value, m: mask}), value[mask])
    np.testing.assert_array_equal(evaluate(x[mask], {x: value}), value[mask])


@QUICK
@given(st.data(), hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4), st.booleans())
def test_writing_parts(data, shape, add):
    index = data.draw(hnp.basic_indices(shape))
    value = values(shape)
    x = TensorType("float64", (None,) * len(shape))("x")
    part = value[index]
    y = np.random.default_rng(1).normal(size=part.shape)
    wanted = value.copy()
    wanted[index] = y + (wanted[index] if add else 0)
    write = T.inc_subtensor if add else T.set_subtensor
    source = x[index] if x[index] is not x else x[(slice(None),) * len(shape)]
    np.testing.assert_array_equal(evaluate(write(source, T.constant(y)), {x: value}), wanted)
    np.testing.assert_array_equal(value, values(shape))  # never in place


@pytest.mark.parametrize("add", [False, True])
def test_writing_parts_of_an_index_with_new_axes(add):
    """As in NumPy, ``x[1:, None] = y`` changes ``x``, which keeps its axes."""
    x, i, value = T.tensor3("x"), T.lvector("i"), values((3, 4, 5))
    write = T.inc_subtensor if add else T.set_subtensor
    rows = np.array([2, 0])
    for spelled, index in (
        (x[1:, None, ::2], np.s_[1:, None, ::2]),
        (x[0, None], np.s_[0, None]),
        (x[None, ..., 1, None], np.s_[None, ..., 1, None]),
        (x[i, None, i], np.s_[rows, None, rows]),
        (x[None, :, i], np.s_[None, :, rows]),
    ):
        wanted = value.copy()
        y = np.random.default_rng(2).normal(size=wanted[index].shape)
        wanted[index] = y + (wanted[index] if add else 0)
        np.testing.assert_array_equal(evaluate(write(spelled, T.constant(y)), {x: value, i: rows}), wanted)
    longer = x.dimshuffle(0, "x", 1, 2)  # a tensor of its own
    assert write(longer[1:], 0.0).ndim == 4


def test_writing_with_duplicates():
    x, i = T.vector("x"), T.lvector("i")
    given_values = {x: np.zeros(3), i: [1, 1, 2]}
    assert evaluate(T.inc_subtensor(x[i], 1.0), given_values).tolist() == [0, 2, 1]
    assert evaluate(T.set_subtensor(x[i], T.constant([5.0, 6.0, 7.0])), given_values).tolist() == [0, 6, 7]
    assert evaluate(T.inc_subtensor(x[[0, 0]], 1.0), {x: np.zeros(2)}).tolist() == [2, 0]


def test_apart_arrays_come_first():
    a = T.tensor4("a")
    value = values((2, 3, 4, 5))
    got = evaluate(a[:, [0], :, [1]], {a: value})
    np.testing.assert_array_equal(got, value[:, [0], :, [1]])
    assert got.shape == (1, 2, 4)
    np.testing.assert_array_equal(evaluate(a[0, :, [1, 2]], {a: value}), value[0, :, [1, 2]])


def test_take():
    m = T.matrix("m")
    value = values((3, 4))
    for mode, indices in (("raise", [0, -1]), ("wrap", [5, -7]), ("clip", [9, -3])):
        for axis in (None, 0, 1):
            np.testing.assert_array_equal(
                evaluate(T.take(m, indices, axis, mode), {m: value}), np.take(value, indices, axis, mode=mode)
            )


def test_shape_by_index_is_a_number():
    m = T.matrix("m")
    assert str(m.shape[0].owner.op) == "Shape_i{0}" and evaluate(m.shape[-1], {m: np.zeros((2, 5))}) == 5
    assert evaluate(m.shape[::-1], {m: np.zeros((2, 5))}).tolist() == [5, 2]
    assert T.TensorType("float64", (3, None))().shape[0].data == 3


@pytest.mark.parametrize(
    ("index", "error", "words"),
    [
        (lambda x: x[0, 0], IndexError, "too many indices"),
        (lambda x: x[..., ...], IndexError, "..."),
        (lambda x: x[1.5], TypeError, "float"),
        (lambda x: x[::0], ValueError, "zero"),
        (lambda x: x["a"], TypeError, "'a'"),
        (lambda x: x[T.scalar()], TypeError, "integer"),
        (lambda x: x[T.constant(True)], TypeError, "T.switch"),
        (lambda x: T.TensorType("float64", (3,))("v")[5], IndexError, "out of bounds for axis 0"),
        (lambda x: T.set_subtensor(x, 0), TypeError, "a[:]"),
        (lambda x: T.inc_subtensor(x[:2], T.matrix()), ValueError, "2 dim"),
        (lambda x: T.set_subtensor(T.ivector()[:2], 0.5), TypeError, "precision"),
    ],
)
def test_wrong_indices_are_refused_while_building(index, error, words):
    with pytest.raises(error) as info:
        index(T.vector("x"))
    assert words in str(info.value)


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda x: x[5], IndexError),
        (lambda x: x[[5]], IndexError),
        (lambda x: T.set_subtensor(x[:2], T.vector("y")), ValueError),
    ],
)
def test_wrong_indices_are_refused_while_running(make, error):
    x = T.vector("x")
    with pytest.raises(error) as info:
        evaluate(make(x), {x: np.ones(3), "y": np.ones(3)})
    assert "test_indexing.py" in "".join(info.value.__notes__)
