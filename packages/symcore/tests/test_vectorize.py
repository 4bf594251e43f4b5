"""``vectorize_graph``: every Op over a batch, against a loop over its entries."""

import numpy as np
import pytest

from symcore import OpFromGraph, as_op, grad, jacobian, shared, verify_grad
from symcore import tensor as T
from symcore.gradient.flow import GradScale, grad_scale
from symcore.graph.traverse import ops
from symcore.ifelse import IfElse, ifelse
from symcore.interpreter import evaluate
from symcore.linalg import nlinalg, slinalg
from symcore.tensor.type import TensorType
from symcore.testing.core_cases import CASES
from symcore.testing.sparse_cases import SparseCase
from symcore.vectorize import vectorize, vectorize_graph
from symcore.vectorize.blockwise import Blockwise

RNG = np.random.default_rng(5)
#: One case per Op and set of input ranks would do; every case costs little.
TENSORS = [
    case for case in CASES
    if not isinstance(case, SparseCase)  # they need SciPy to be made
    and case.inputs and case.values and all(isinstance(x, np.ndarray) for x in case.inputs)
    and all(isinstance(y.type, TensorType)  # sparse matrices and lists have no batches
            for y in case.op.make_node(*case.variables(case.arrays("float64"), static=False)).outputs)
]  # fmt: skip


def batch_of(x):
    """Three values like ``x``: it, it reversed along all axes, and it again."""
    flipped = x[tuple(slice(None, None, -1) for _ in x.shape)]
    return np.stack([x, flipped, x])


def looped(outputs, inputs, values, batched):
    """Return the outputs for every entry of a batch, stacked, or ``None`` where they have no common shape."""
    rows = []
    for k in range(3):
        row = [v[k] if b else v for v, b in zip(values, batched, strict=True)]
        rows.append(evaluate(outputs, dict(zip(inputs, row, strict=True))))
    if any(len({y.shape for y in column}) > 1 for column in zip(*rows, strict=True)):
        return None
    return [np.stack(column) for column in zip(*rows, strict=True)]


def subsets(case):
    n = len(case.inputs)
    yield (True,) * n
    if n > 1:
        for k in range(n):
            yield tuple(i == k for i in range(n))
            if n > 2:
                yield tuple(i != k for i in range(n))


def check(outputs, inputs, values, batched):
    stacked = [batch_of(v) if b else v for v, b in zip(values, batched, strict=True)]
    try:
        wanted = looped(outputs, inputs, stacked, batched)
    except (ValueError, IndexError, np.linalg.LinAlgError):
        wanted = None  # what was turned around is no valid input
    if wanted is None:
        return
    batches = {x: TensorType(x.type.dtype, (None, *x.type.shape))() for x, b in zip(inputs, batched, strict=True) if b}
    results = vectorize_graph(outputs, batches)
    given = {batches.get(x, x): v for x, v in zip(inputs, stacked, strict=True)}
    for y, new, value, right in zip(outputs, results, evaluate(results, given), wanted, strict=True):
        assert new.type.dtype == y.type.dtype
        if new.type.ndim == y.type.ndim:  # the same for every entry
            value = np.broadcast_to(value, right.shape)
        assert value.shape == right.shape
        assert all(s in (None, n) for s, n in zip(new.type.shape, np.shape(evaluate(new, given)), strict=True))
        if value.dtype.kind in "fc":
            np.testing.assert_allclose(value, right, rtol=1e-6 if value.dtype.itemsize < 8 else 1e-12, atol=1e-12)
        else:
            np.testing.assert_array_equal(value, right)


@pytest.mark.parametrize("case", TENSORS, ids=[f"{k}-{case}" for k, case in enumerate(TENSORS)])
def test_every_op_over_a_batch(case):
    arrays = case.arrays("float64")
    inputs = case.variables(arrays, static=False)
    outputs = case.op.make_node(*inputs).outputs
    for batched in subsets(case):
        if not (isinstance(case.op, IfElse) and batched[0] and choice_of_shapes(case)):
            check(outputs, inputs, arrays, batched)


def choice_of_shapes(case):
    """Tell whether the two sides of a choice have different shapes: then each entry cannot make its own."""
    a, b = case.op.sides(case.inputs[1:])
    return [x.shape for x in a] != [x.shape for x in b]


@pytest.mark.parametrize("index", [
    lambda x, i, j, r: x[i], lambda x, i, j, r: x[:, i, 1:], lambda x, i, j, r: x[-1, :, i],
    lambda x, i, j, r: x[r], lambda x, i, j, r: x[:, r], lambda x, i, j, r: x[r, :, i], lambda x, i, j, r: x[:, r, i],
    lambda x, i, j, r: x[:, :, r], lambda x, i, j, r: x[r.dimshuffle(0, "x"), r], lambda x, i, j, r: x[j:, r],
    lambda x, i, j, r: x[i:], lambda x, i, j, r: x[j], lambda x, i, j, r: x[0, i, j], lambda x, i, j, r: x[r, i],
])  # fmt: skip
def test_reading_and_writing_parts(index):
    x, i, j, r = T.dtensor3("x"), T.lscalar("i"), T.lscalar("j"), T.lvector("r")
    part = index(x, i, j, r)
    inputs = [x, i, j, r]
    values = [RNG.normal(size=(3, 4, 4)), np.array(1), np.array(2), np.array([2, 0, 2])]
    size = evaluate(part, dict(zip(inputs, values, strict=True))).shape
    y = TensorType("float64", (None,) * len(size))("y")
    outputs = [part, T.inc_subtensor(part, y), T.set_subtensor(part, 2.5), grad((part**2).sum(), x)]
    inputs, values = [*inputs, y], [*values, RNG.normal(size=size)]
    for k in range(2**5):
        batched = tuple(bool(k >> p & 1) for p in range(5))
        if any(batched):
            check(outputs, inputs, values, batched)


def test_several_batch_axes_and_empty_batches():
    x, s = T.dvector("x"), T.dscalar("s")
    out = [T.exp(x * s).sum(), x[::-1] + s, T.outer(x, x)]
    xs, ss = T.dtensor3("xs"), T.dmatrix("ss")
    a, b, c = vectorize_graph(out, {x: xs, s: ss})
    vx, vs = RNG.normal(size=(2, 3, 4)), RNG.normal(size=(2, 3))
    got = evaluate([a, b, c], {xs: vx, ss: vs})
    np.testing.assert_allclose(got[0], np.exp(vx * vs[..., None]).sum(-1))
    np.testing.assert_allclose(got[1], vx[..., ::-1] + vs[..., None])
    np.testing.assert_allclose(got[2], vx[..., :, None] * vx[..., None, :])
    empty = evaluate([a, b, c], {xs: vx[:, :0], ss: vs[:, :0]})
    assert [v.shape for v in empty] == [(2, 0), (2, 0, 4), (2, 0, 4, 4)]


def test_what_does_not_depend_on_the_batch_is_as_it_was():
    x, y = T.dvector("x"), T.dvector("y")
    xs = T.dmatrix("xs")
    common = T.exp(y)
    a, b, n = vectorize_graph([common * x, common, x.shape[0]], {x: xs})
    assert b is common
    assert (a.ndim, n.ndim) == (2, 0)
    assert vectorize_graph((x,), {x: xs}) == (xs,)


def test_static_shapes_of_entries_are_kept():
    x = TensorType("float64", (1, 3))("x")
    xs = T.dtensor3("xs")
    out = vectorize_graph(x + np.ones((4, 3)), {x: xs})
    assert out.type.shape == (None, 4, 3)
    assert evaluate(out, {xs: np.zeros((2, 1, 3))}).shape == (2, 4, 3)
    with pytest.raises(ValueError, match="stated to have length 3"):
        evaluate(out, {xs: np.zeros((2, 1, 5))})


def test_bad_batches():
    x, y = T.dvector("x"), T.dvector("y")
    with pytest.raises(ValueError, match="at least one"):
        vectorize_graph(x, {x: y})
    with pytest.raises(ValueError, match="same number of axes"):
        vectorize_graph(x + y, {x: T.dmatrix(), y: T.dtensor3()})
    with pytest.raises(TypeError, match="Cast it first"):
        vectorize_graph(x, {x: T.fmatrix()})
    with pytest.raises(TypeError, match="tensors"):
        vectorize_graph(x, {x: np.ones((2, 2))})
    out = vectorize_graph(x + y, {x: (xs := T.dmatrix()), y: (ys := T.dmatrix())})
    with pytest.raises(ValueError, match="length"):
        evaluate(out, {xs: np.ones((2, 3)), ys: np.ones((3, 3))})


@as_op([T.dvector, T.dscalar], [T.dvector, T.dscalar], infer_shape=lambda node, shapes: [shapes[0], ()])
def python_function(x, s):
    return x * s, x.sum()


@pytest.mark.parametrize(("work", "shape"), [
    (nlinalg.matrix_inverse, (4, 3, 3)), (nlinalg.pinv, (4, 3, 2)), (nlinalg.det, (4, 3, 3)),
    (lambda x: nlinalg.slogdet(x)[1], (4, 3, 3)), (lambda x: slinalg.cholesky(T.dot(x, x.T)), (4, 3, 3)),
    (lambda x: slinalg.cholesky(T.dot(x, x.T), lower=False), (4, 3, 3)),
    (lambda x: nlinalg.eigh(T.dot(x, x.T))[0], (4, 3, 3)), (lambda x: nlinalg.svd(x, False)[1], (4, 3, 2)),
    (lambda x: nlinalg.qr(x)[1], (4, 3, 2)), (lambda x: nlinalg.qr(x, "r"), (4, 3, 2)),
    (lambda x: slinalg.solve(x, x[0]), (4, 3, 3)), (lambda x: slinalg.solve(x, x[:, :2]), (4, 3, 3)),
])  # fmt: skip
def test_linear_algebra_runs_on_whole_batches(work, shape, monkeypatch):
    x, xs = T.dmatrix("x"), T.dtensor3("xs")
    out = vectorize_graph(work(x), {x: xs})
    slopes = grad((out**2).sum(), xs)
    value = RNG.normal(size=shape) + 2 * np.eye(*shape[1:])
    single = [evaluate([work(x), grad((work(x) ** 2).sum(), x)], {x: v}) for v in value]
    monkeypatch.setattr("symcore.vectorize.blockwise.run_node", None)  # no entry by itself
    for got, one in zip(evaluate([out, slopes], {xs: value}), zip(*single, strict=True), strict=True):
        np.testing.assert_allclose(got, np.stack(one), rtol=1e-9, atol=1e-9)


def test_one_bad_matrix_of_a_batch():
    x, xs = T.dmatrix("x"), T.dtensor3("xs")
    value = np.stack([np.eye(2), -np.eye(2)])
    with pytest.raises(np.linalg.LinAlgError):
        evaluate(vectorize_graph(slinalg.cholesky(x), {x: xs}), {xs: value})
    got = evaluate(vectorize_graph(slinalg.cholesky(x, on_error="nan"), {x: xs}), {xs: value})
    np.testing.assert_array_equal(got, [np.eye(2), np.full((2, 2), np.nan)])


@pytest.mark.parametrize("work", [
    lambda x, i: T.sort(x), lambda x, i: T.argsort(x, axis=0), lambda x, i: T.cumsum(x), lambda x, i: T.cumprod(x, 1),
    lambda x, i: T.topk(x, 2), lambda x, i: T.take(x, i, axis=1), lambda x, i: T.take_along_axis(x, i, 0),
    lambda x, i: T.diagonal(x), lambda x, i: T.tril(x), lambda x, i: T.choose(i[0, 0], [x, x + 1]),
])  # fmt: skip
def test_what_works_along_axes_needs_no_loop(work):
    x, i = T.dmatrix("x"), T.lmatrix("i")
    xs, both = T.dtensor3("xs"), T.ltensor3("both")
    values, places = RNG.normal(size=(4, 3, 3)), RNG.integers(0, 2, (4, 3, 3))
    for new, given in (({x: xs}, {xs: values, i: places[0]}), ({x: xs, i: both}, {xs: values, both: places})):
        out = vectorize_graph(work(x, i), new)
        assert not any(isinstance(op, Blockwise) for op in ops([out]))
        wanted = [evaluate(work(x, i), {x: v, i: p if len(new) > 1 else places[0]})
                  for v, p in zip(values, places, strict=True)]  # fmt: skip
        np.testing.assert_allclose(evaluate(out, given), np.stack(wanted), rtol=1e-14)


def test_ops_without_a_rule_run_entry_by_entry():
    x, s = T.dvector("x"), T.dscalar("s")
    xs = T.dmatrix("xs")
    a, b = vectorize_graph(python_function(x, s), {x: xs})
    assert isinstance(a.owner.op, Blockwise)
    value = RNG.normal(size=(3, 2))
    got = evaluate([a, b], {xs: value, s: 2.0})
    np.testing.assert_allclose(got[0], 2 * value)
    np.testing.assert_allclose(got[1], value.sum(1))
    assert [v.shape for v in evaluate([a, b], {xs: value[:0], s: 2.0})] == [(0, 2), (0,)]
    assert evaluate(a.shape, {xs: value, s: 2.0}).tolist() == [3, 2]


def test_gradients_through_blockwise_and_of_batches():
    x, s = T.dvector("x"), T.dscalar("s")
    op = OpFromGraph([x, s], [T.tanh(x) * s], lop_overrides=lambda i, o, g: [g[0] * 3.0, g[0].sum()])
    xs = T.dmatrix("xs")
    out = vectorize_graph(op(x, s), {x: xs})
    gx, gs = evaluate(grad(out.sum(), [xs, s]), {xs: np.ones((2, 3)), s: 2.0})
    assert (gx == 3.0).all()
    assert gs == 6.0
    inner = vectorize_graph((op(x, s) * T.exp(x)).sum(), {x: xs})
    assert inner.ndim == 1
    verify_grad(lambda v: vectorize_graph(T.dot(T.tanh(x), x), {x: v}), [RNG.normal(size=(3, 4))])


def test_graphs_made_into_ops_and_choices():
    x, c = T.dvector("x"), T.bscalar("c")
    op = OpFromGraph([x], [T.exp(x).sum(), x * 2])
    xs, cs = T.dmatrix("xs"), T.bvector("cs")
    a, b = vectorize_graph(op(x), {x: xs})
    assert not any(isinstance(o, (OpFromGraph, Blockwise)) for o in ops([a, b]))
    value = RNG.normal(size=(3, 2))
    np.testing.assert_allclose(evaluate(a, {xs: value}), np.exp(value).sum(1))
    out = ifelse(c, x + 1, x * x)
    one = vectorize_graph(out, {x: xs})
    assert any(isinstance(o, IfElse) for o in ops([one]))
    np.testing.assert_allclose(evaluate(one, {c: 0, xs: value}), value**2)
    each = vectorize_graph(out, {x: xs, c: cs})
    assert not any(isinstance(o, (IfElse, Blockwise)) for o in ops([each]))
    wanted = np.where(np.array([[1], [0], [1]]), value + 1, value**2)
    np.testing.assert_allclose(evaluate(each, {cs: [1, 0, 1], xs: value}), wanted)
    with pytest.raises(ValueError, match="length"):  # entries of one batch have one shape
        evaluate(vectorize_graph(ifelse(c, x, x[1:]), {c: cs}), {cs: [1, 1], x: [1.0, 2.0]})
    scaled = vectorize_graph(grad_scale(x, -1.0), {x: xs})
    assert isinstance(scaled.owner.op, GradScale)
    assert (evaluate(grad(scaled.sum(), xs), {xs: value}) == -1).all()


def test_functions_of_batches():
    w = T.dmatrix("w")
    xs, ys = T.dmatrix("xs"), T.dvector("ys")

    def model(x, y, w):
        """One entry."""
        return T.tanh(T.dot(w, x)) * y, w.sum()

    each = vectorize(model, batched=[True, True, False])
    out, total = each(xs, ys, w)
    assert each.__doc__ == "One entry."
    assert (out.ndim, total.ndim) == (2, 0)
    vx, vy, vw = RNG.normal(size=(5, 3)), RNG.normal(size=5), RNG.normal(size=(2, 3))
    got = evaluate(out, {xs: vx, ys: vy, w: vw})
    np.testing.assert_allclose(got, np.tanh(vx @ vw.T) * vy[:, None], rtol=1e-14)
    slopes = vectorize(lambda x: grad((x**3).sum(), x))(xs)
    np.testing.assert_allclose(evaluate(slopes, {xs: vx}), 3 * vx**2, rtol=1e-14)
    np.testing.assert_array_equal(evaluate(vectorize(lambda x: x.sum())(np.eye(2) * 3)), [3.0, 3.0])
    assert vectorize(lambda x: x + 1, [False])(ys).ndim == 1
    with pytest.raises(TypeError, match="3 arguments"):
        each(xs, ys)
    with pytest.raises(TypeError, match="needs an axis"):
        vectorize(lambda x: x)(T.dscalar())


def test_shared_variables_and_names_stay():
    w = shared(np.arange(3.0), "w")
    x = T.dvector("x")
    y = T.dot(x, w)
    y.name = "y"
    out = vectorize_graph(y, {x: T.dmatrix("xs")})
    assert out.name == "y"
    assert evaluate(out, {"xs": np.eye(3)}).tolist() == [0.0, 1.0, 2.0]


def test_jacobians_of_ops_without_a_rule_and_of_what_is_constant():
    x = T.dvector("x")
    a = T.dmatrix("a")
    op = OpFromGraph([x], [T.sin(x)], lop_overrides=lambda i, o, g: [g[0] * T.cos(i[0])])
    np.testing.assert_allclose(evaluate(jacobian(op(x), x), {x: [0.0, 1.0]}), np.diag(np.cos([0.0, 1.0])))
    j = jacobian(a * 2, [a])[0]
    assert evaluate(j, {a: np.ones((2, 2))}).shape == (2, 2, 2, 2)
    flat = jacobian(T.floor(x), x)
    assert evaluate(flat, {x: [1.5, 2.5]}).tolist() == [[0.0, 0.0], [0.0, 0.0]]
