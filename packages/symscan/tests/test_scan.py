"""``scan``: what it computes, its derivatives, its updates, and what it says about wrong use."""

import pickle

import numpy as np
import pytest

import symscan
from symcore import Lop, Rop, grad, hessian, shared, verify_grad
from symcore import tensor as T
from symcore.errors import MissingInputError
from symcore.graph.traverse import ops
from symcore.random import RandomStreams
from symcore.tensor.shapes import DimShuffle
from symopt import function
from symscan import foldl, foldr, reduce, scan, until
from symscan.op import Scan

MODES = ["FAST_COMPILE", "FAST_RUN"]
rng = np.random.default_rng(3)


@pytest.fixture(params=MODES)
def run(request):
    """``run(inputs, outputs, *values)``: compiled in each mode."""

    def compute(inputs, outputs, *values, **options):
        return function(inputs, outputs, mode=request.param, **options)(*values)

    return compute


# ---------------------------------------------------------------------- values


def test_taps_of_an_output(run):
    numbers, _ = scan(lambda a, b: a + b, outputs_info=[{"initial": np.ones(2), "taps": [-2, -1]}], n_steps=10)
    np.testing.assert_array_equal(run([], numbers), [2, 3, 5, 8, 13, 21, 34, 55, 89, 144])


def test_taps_come_in_the_order_given(run):
    x = T.dvector("x")
    rows, _ = scan(lambda later, earlier: later - 2 * earlier, sequences={"input": x, "taps": [2, -1]})
    X = rng.normal(size=9)
    np.testing.assert_array_equal(run([x], rows, X), X[3:] - 2 * X[:-3])
    rows, _ = scan(lambda one, three: one + 10 * three, outputs_info={"initial": x, "taps": [-1, -3]}, n_steps=2)
    np.testing.assert_array_equal(run([x], rows, [1.0, 2.0, 3.0]), [13, 33])


def test_the_shortest_sequence_decides(run):
    x, y = T.dvectors("xy")
    rows, _ = scan(lambda a, b: a * b, sequences=[x, {"input": y, "taps": [-1]}])
    np.testing.assert_array_equal(run([x, y], rows, [1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0]), [5, 12])
    assert run([x, y], rows, [1.0, 2.0], [5.0]).shape == (0,)
    assert run([x, y], rows, [], [5.0, 6.0]).shape == (0,)


@pytest.mark.parametrize("taps", [[0], [-2, 1], [1, 2], [-1]])
def test_backwards(run, taps):
    x = T.dvector("x")
    rows, _ = scan(lambda *v: sum(v[1:], v[0]), sequences={"input": x, "taps": taps}, go_backwards=True)
    X = rng.normal(size=6)
    future, past = max(0, *taps), min(0, *taps)
    expected = [sum(X[t + tap] for tap in taps) for t in range(5 - future, -past - 1, -1)]
    np.testing.assert_allclose(run([x], rows, X), expected)


def test_a_condition_ends_the_loop(run):
    m = T.dscalar("m")
    rows, _ = scan(lambda p, m: (p * 2, until(p * 2 > m)), outputs_info=np.float64(1), non_sequences=m, n_steps=1024)
    np.testing.assert_array_equal(run([m], rows, 45.0), [2, 4, 8, 16, 32, 64])
    np.testing.assert_array_equal(run([m], rows, 0.0), [2])


def test_symbolic_number_of_steps(run):
    x, k = T.dvector("x"), T.iscalar("k")
    powers, _ = scan(lambda p, a: p * a, outputs_info=T.ones_like(x), non_sequences=x, n_steps=k)
    X = np.arange(4.0)
    np.testing.assert_array_equal(run([x, k], powers[-1], X, 2), X**2)
    assert run([x, k], powers, X, 0).shape == (0, 4)
    with pytest.raises(ValueError, match="number of steps is -1"):
        run([x, k], powers, X, -1)
    with pytest.raises(IndexError):
        run([x, k], powers[-1], X, 0)


def test_several_outputs_and_none(run):
    x = T.dvector("x")
    (sums, doubles), _ = scan(lambda v, s: [s + v, 2 * v], sequences=x, outputs_info=[np.float64(0), None])
    sums_, doubles_ = run([x], [sums, doubles], [1.0, 2.0, 4.0])
    np.testing.assert_array_equal(sums_, [1, 3, 7])
    np.testing.assert_array_equal(doubles_, [2, 4, 8])
    assert isinstance(scan(lambda v: v, sequences=x, return_list=True)[0], list)


def test_folds(run):
    x = T.arange(5)
    total, _ = reduce(lambda v, s: v + s, x, np.int64(0))
    assert run([], total) == 10
    assert run([], foldl(lambda v, s: v - s, x, np.int64(0))[0]) == 2
    assert run([], foldr(lambda v, s: v - s, x, np.int64(0))[0]) == 2 - 0
    rows, _ = symscan.map(lambda v: v**2, x)
    np.testing.assert_array_equal(run([], rows), np.arange(5) ** 2)


def test_what_does_not_change_is_computed_outside():
    x, w = T.dvector("x"), T.dmatrix("w")
    rows, _ = scan(lambda v: v * T.exp(w).sum(), sequences=x)
    [node] = [v.owner for v in [rows]]
    assert len(node.op.fgraph) == 1
    assert {"exp", "sum"} <= {str(getattr(op, "fn", op)).split("{")[0].lower() for op in ops([rows])} | {"sum"}


def test_a_state_grows_as_general_as_the_step_makes_it(run):
    x = T.dmatrix("x")
    rows, _ = scan(lambda s: s + x, outputs_info=np.zeros((1, 3)), n_steps=2)
    with pytest.raises(ValueError, match="shape"):  # 1 row becomes 2: no loop can hold that
        run([x], rows, np.ones((2, 3)))
    np.testing.assert_array_equal(run([x], rows, np.ones((1, 3))), [[[1, 1, 1]], [[2, 2, 2]]])


def test_two_loops_with_equal_steps_keep_their_own_states(run):
    a, _ = scan(lambda s: s * 2, outputs_info=np.float64(1), n_steps=3)
    b, _ = scan(lambda s: s * 2, outputs_info=np.float64(5), n_steps=3)
    np.testing.assert_array_equal(run([], [a, b]), [[2, 4, 8], [10, 20, 40]])


def test_loops_in_loops(run):
    x = T.dmatrix("x")
    rows, _ = scan(lambda row: scan(lambda a, s: s + a * a, row, np.float64(0))[0][-1], x)
    X = rng.normal(size=(3, 4))
    value, slope = run([x], [rows, grad(rows.sum(), x)], X)
    np.testing.assert_allclose(value, (X**2).sum(1))
    np.testing.assert_allclose(slope, 2 * X)


def test_pickle(run):
    x = T.dvector("x")
    rows, _ = scan(lambda v, s: T.tanh(v + s), x, np.float64(0))
    f = function([x], [rows, grad(rows.sum(), x)])
    X = rng.normal(size=5)
    for a, b in zip(f(X), pickle.loads(pickle.dumps(f))(X), strict=True):
        np.testing.assert_array_equal(a, b)


# ---------------------------------------------------------------------- updates


def test_updates_of_shared_variables(run):
    k = shared(np.float64(0), "k")
    rows, updates = scan(lambda: (k + 0, {k: k + 1}), n_steps=5)
    np.testing.assert_array_equal(run([], rows, updates=updates), np.arange(5))
    assert k.get_value() == 5


@pytest.mark.parametrize("explicit", [True, False])
def test_random_numbers_differ_in_every_step_and_call(explicit):
    w = shared(np.float64(2), "w")
    rows, updates = scan(lambda s: 0.5 * s + w * RandomStreams(5).normal(), outputs_info=np.float64(0), n_steps=4)
    f = function([], [rows, grad(rows[-1], w)], updates=updates if explicit else None)
    first, second = f(), f()
    draws = np.diff(np.concatenate([[0], first[0]]) * 2.0 ** np.arange(5))
    assert len(set(draws)) == 4
    assert not np.allclose(first[0], second[0])
    np.testing.assert_allclose(first[1], first[0][-1] / 2)  # the gradient has seen the same draws


# ---------------------------------------------------------------------- derivatives

STEPS = {
    "one tap": (lambda xs, s: scan(lambda v, h: T.tanh(v + h), xs, s[0])[0], [(5, 2), (1, 2)]),
    "many taps": (
        lambda xs, s: scan(
            lambda a, b, h3, h1: T.tanh(a * b + 0.5 * h3 - 0.3 * h1),
            {"input": xs, "taps": [-1, 1]},
            {"initial": s, "taps": [-3, -1]},
        )[0],
        [(7, 2), (3, 2)],
    ),
    "unread output": (lambda xs, s: scan(lambda v: T.sin(v) * s[0], xs)[0], [(4, 2), (1, 2)]),
    "only the last": (lambda xs, s: scan(lambda v, h: T.sin(v) * h, xs, s[0])[0][-1], [(4, 2), (1, 2)]),
    "both kinds": (
        lambda xs, s: T.concatenate(
            scan(lambda v, h, w: [T.tanh(v * w + h), h * v], xs, [s[0], None], non_sequences=s[1])[0]
        ),
        [(4, 2), (2, 2)],
    ),
    "backwards": (lambda xs, s: scan(lambda v, h: v * h + h, xs, s[0], go_backwards=True)[0], [(4, 2), (1, 2)]),
    "until": (
        lambda xs, s: scan(lambda v, h: (v * h, until(T.sum(v) < -1e3)), xs, s[0])[0],
        [(4, 2), (1, 2)],
    ),
    "stops": (lambda s: scan(lambda p: (p * s[1], until(p * s[1] > 20)), outputs_info=s[0], n_steps=99)[0], [(2,)]),
}


@pytest.mark.parametrize("name", STEPS)
def test_reverse_and_forward_mode(name):
    build, shapes = STEPS[name]
    points = [rng.uniform(1.2, 1.9, size=s) for s in shapes]
    verify_grad(build, points)
    variables = [T.TensorType("float64", (None,) * len(s))() for s in shapes]
    directions = [T.TensorType("float64", (None,) * len(s))() for s in shapes]
    y = build(*variables)
    tangent = Rop(y, variables, directions)
    moves = [rng.normal(size=s) for s in shapes]
    f, d = function(variables, y), function([*variables, *directions], tangent, on_unused_input="ignore")
    eps = 1e-6
    ahead, behind = (f(*[p + sign * eps * m for p, m in zip(points, moves, strict=True)]) for sign in (1, -1))
    expected = (ahead - behind) / (2 * eps)
    np.testing.assert_allclose(d(*points, *moves), expected, atol=1e-7 * max(1, abs(expected).max()))


def test_second_derivatives():
    x = T.dvector("x")
    A = rng.normal(size=(3, 3))
    rows, _ = scan(lambda h: T.tanh(T.dot(A, h)), outputs_info=x, n_steps=4)
    cost = (rows**2).sum()
    slope, curvature = function([x], grad(cost, x)), function([x], hessian(cost, x))
    X = rng.normal(size=3)
    numeric = [(slope(X + e) - slope(X - e)) / 2e-5 for e in 1e-5 * np.eye(3)]
    np.testing.assert_allclose(curvature(X), numeric, atol=1e-8)


def test_truncated_gradients():
    x = T.dvector("x")
    rows, _ = scan(lambda s: s * x[0], outputs_info=x[1], n_steps=6, truncate_gradient=2)
    slope = function([x], grad(rows[-1], x))([2.0, 3.0])
    np.testing.assert_array_equal(slope, [2 * 2**5 * 3, 0])
    rows, _ = scan(lambda s: s * x[0], outputs_info=x[1], n_steps=2, truncate_gradient=2)
    np.testing.assert_array_equal(function([x], grad(rows[-1], x))([2.0, 3.0]), [12, 4])


def test_a_maximum_is_not_compared_with_its_own_value_of_another_loop():
    """Computed twice, by different kernels, a value may differ in its last digit, and the gradient would be lost."""
    x, h = T.dmatrix("x"), T.dvector("h")
    for step in (lambda v, s: T.maximum(T.tanh(v * s), 0.5 * s), lambda v, s: T.minimum(v, s) + T.max(T.tanh(v + s))):
        (rows, tops), _ = scan(lambda v, s, step=step: [step(v, s), T.max(T.tanh(v * s))], x, [h, None])
        slope = grad((rows**2).sum() + tops.sum(), h)
        [backward] = [op for op in ops([slope]) if isinstance(op, Scan) and op.spec.states[0].keep == 1]
        compared = [n for n in backward.fgraph.nodes if str(n.op) == "Elemwise{eq}"]
        assert compared
        for node in compared:
            sides = [v.owner.inputs[0] if isinstance(v.owner and v.owner.op, DimShuffle) else v for v in node.inputs]
            made_by = [str(v.owner.op).lower() for v in sides if v.owner is not None]
            assert any("max" in name or "minimum" in name for name in made_by), "a row is compared"
        verify_grad(lambda a, b, step=step: scan(step, a, b)[0], [rng.normal(size=(4, 3)), rng.normal(size=3)])


def test_no_steps_have_zero_gradients():
    x, n = T.dvector("x"), T.lscalar("n")
    rows, _ = scan(lambda s, w: s * w, outputs_info=x, non_sequences=x, n_steps=n)
    np.testing.assert_array_equal(function([x, n], grad(rows.sum(), x))([2.0, 3.0], 0), [0, 0])


def test_lop_equals_the_gradient():
    x, v = T.dvectors("xv")
    rows, _ = scan(lambda a, s: T.tanh(a * s + 1), x, np.float64(1))
    X, V = rng.normal(size=(2, 4))
    f = function([x, v], [Lop(rows, x, v), grad((rows * v).sum(), x)])
    np.testing.assert_allclose(*f(X, V))


# ---------------------------------------------------------------------- wrong use


def test_wrong_arguments():
    x = T.dvector("x")
    with pytest.raises(TypeError, match="needs a function"):
        scan(3, x)
    with pytest.raises(ValueError, match="how many steps"):
        scan(lambda: 1)
    with pytest.raises(ValueError, match="not be negative"):
        scan(lambda s: s, outputs_info=x, n_steps=-2)
    with pytest.raises(TypeError, match="n_steps"):
        scan(lambda s: s, outputs_info=x, n_steps=2.5)
    with pytest.raises(TypeError, match=r"sequences\[1\].*scalar"):
        scan(lambda a, b: a, [x, x[0]])
    with pytest.raises(ValueError, match="'tap'"):
        scan(lambda a: a, {"input": x, "tap": [0]})
    with pytest.raises(ValueError, match=r"outputs_info\[0\].*taps < 0"):
        scan(lambda a: a, outputs_info={"initial": x, "taps": [0]}, n_steps=2)
    with pytest.raises(ValueError, match=r"outputs_info\[0\].*3 rows.*got 2"):
        scan(lambda a: a, outputs_info={"initial": np.zeros(2), "taps": [-3]}, n_steps=2)
    with pytest.raises(ValueError, match="2 entries.*1 outputs"):
        scan(lambda v, a, b: a, x, [x[0], x[1]])
    with pytest.raises(TypeError, match=r"outputs_info\[0\].*int64.*float64.*Cast"):
        scan(lambda v, s: s + v, x, np.int64(0))
    with pytest.raises(TypeError, match=r"outputs_info\[0\].*0 dimensions.*1 dimensions"):
        scan(lambda s: s + x, outputs_info=np.float64(0), n_steps=2)
    with pytest.raises(TypeError, match="output 0 of the step"):
        scan(lambda v: object(), x)
    with pytest.raises(TypeError, match="scalar condition"):
        scan(lambda v: (v, until(x > 0)), x)


def test_strict_names_what_is_used():
    x, w = T.dvector("x"), T.dscalar("w")
    scan(lambda v, w: v * w, x, non_sequences=w, strict=True)
    with pytest.raises(MissingInputError, match="w .*not among non_sequences"):
        scan(lambda v: v * w, x, strict=True)


def test_sequences_too_short_at_run_time(run):
    x = T.dvector("x")
    rows, _ = scan(lambda v: v + 1, x, n_steps=5)
    with pytest.raises(ValueError, match="5 steps need rows 0 to 4 of sequence 0, which has 3"):
        run([x], rows, [1.0, 2.0, 3.0])


def test_a_failing_step_says_which():
    x = T.dvector("x")
    rows, _ = scan(lambda v: T.zeros((2,))[T.cast(v, "int64")], x)
    with pytest.raises(IndexError) as caught:
        function([x], rows, mode="FAST_COMPILE")([0.0, 1.0, 7.0])
    assert any("step 2" in note for note in caught.value.__notes__)


@pytest.mark.default_mode
def test_the_shape_of_what_no_step_has_made():
    x, n = T.dmatrix("x"), T.lscalar("n")
    rows, _ = scan(lambda v: T.outer(v, v), x)
    f, shape = function([x], rows), function([x], rows.shape, on_unused_input="ignore")
    for length in (0, 3):
        X = np.ones((length, 2))
        assert f(X).shape == (length, 2, 2)
        np.testing.assert_array_equal(shape(X), (length, 2, 2))
    assert not [v for v in shape.fgraph.toposort() if type(v.op).__name__ == "Scan"]  # the loop is not run for it
    filled, _ = scan(lambda v: T.alloc(v.sum(), n), x)
    assert function([x, n], filled)(np.ones((0, 2)), 5).shape == (0, 5)


@pytest.mark.parametrize("steps", [0, 1, 3])
def test_a_product_with_a_part_whose_end_a_state_says(run, steps):
    x, w, end = T.dmatrix("x"), T.dmatrix("w"), T.lscalar("end")
    [ends, made], _ = scan(lambda row, k: (T.minimum(k, 2), T.dot(row, w[:, :k]) + row), x, [end, None])
    X, W = rng.normal(size=(steps, 2)), rng.normal(size=(2, 3))
    got = run([x, w, end], [ends, made], X, W, 2)
    assert got[0].tolist() == [2] * steps
    np.testing.assert_allclose(got[1], X @ W[:, :2] + X)


def test_a_number_of_python_begins_a_state_of_any_dtype(run):
    x, k = T.dvector("x"), T.lvector("k")
    sums, _ = scan(lambda v, s: s + v, x, 0)
    assert sums.dtype == "float64"
    np.testing.assert_array_equal(run([x], sums, [0.5, 2.0]), [0.5, 2.5])
    counts, _ = scan(lambda v, s: s + v, k, 0)
    assert counts.dtype == "int64"
    with pytest.raises(TypeError, match=r"int8.*float64"):  # an array has a dtype of its own
        scan(lambda v, s: s + v, x, np.int8(0))


def test_a_step_that_cannot_take_its_arguments():
    x, w = T.dvector("x"), T.dscalar("w")
    with pytest.raises(TypeError) as caught:
        scan(lambda row, total: row + total, sequences=x, outputs_info=T.zeros(()), non_sequences=[w])
    for words in ("3 arguments", "1 of sequences", "1 of outputs_info", "1 of non_sequences", "(row, total)"):
        assert words in str(caught.value)
    with pytest.raises(TypeError, match="^inside$"):
        scan(fails, sequences=x)


def fails(row):
    raise TypeError("inside")
