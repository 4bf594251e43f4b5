"""Loops in every mode and at every place: in graphs of their own, in choices, in jit, in threads, with generators."""

import copy
import io
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from symcore import OpFromGraph, grad, shared
from symcore import tensor as T
from symcore.graph.traverse import explicit_inputs
from symcore.ifelse import ifelse
from symcore.printing import debugprint, pydotprint
from symcore.random import MRG_RandomStreams, PhiloxStreams, RandomStreams
from symopt import Mode, NanGuardMode, function, jit
from symopt.nanguard import NanGuardError
from symscan import loop, scan, until
from symscan.op import Scan

MODES = ["FAST_COMPILE", "FAST_RUN", Mode("rewritten", linker="py"), "DEBUG", NanGuardMode()]
rng = np.random.default_rng(9)
x, h, w, n = T.dmatrix("x"), T.dvector("h"), T.dmatrix("w"), T.lscalar("n")
X, H, W = rng.normal(size=(5, 3)), rng.normal(size=3), rng.normal(size=(3, 3)) / 3


def cell(v, s):
    return T.tanh(v + T.dot(s, w))


def recurrent(x, h, w):
    rows = []
    for v in x:
        h = np.tanh(v + h @ w)
        rows.append(h)
    return np.array(rows).reshape(len(x), len(w))


every_mode = pytest.mark.parametrize("mode", MODES, ids=["FAST_COMPILE", "FAST_RUN", "rewritten", "DEBUG", "NanGuard"])


@every_mode
def test_values_and_gradients(mode):
    rows, _ = scan(cell, x, h)
    f = function([x, h, w], [rows, *grad((rows**2).sum(), [x, h, w])], mode=mode)
    values, *slopes = f(X, H, W)
    np.testing.assert_allclose(values, recurrent(X, H, W), rtol=1e-12)
    eps = 1e-6
    for k, slope in enumerate(slopes):
        move = rng.normal(size=slope.shape)
        ahead, behind = ([v + sign * eps * move if j == k else v for j, v in enumerate((X, H, W))] for sign in (1, -1))
        numeric = ((recurrent(*ahead) ** 2).sum() - (recurrent(*behind) ** 2).sum()) / (2 * eps)
        np.testing.assert_allclose((slope * move).sum(), numeric, rtol=1e-6, atol=1e-8)
    assert f(X[:0], H, W)[0].shape == (0, 3)


# ---------------------------------------------------------------------- mistakes that others made


@every_mode
def test_a_state_that_is_only_read_further_back(mode):
    """No tap is -1: the value of two steps ago must not be overwritten by that of the last."""
    first = T.dvector("first")
    rows, _ = scan(lambda s: s + 1, outputs_info={"initial": first, "taps": [-2]}, n_steps=5)
    np.testing.assert_array_equal(function([first], rows, mode=mode)([0.0, 10.0]), [1, 11, 2, 12, 3])
    np.testing.assert_array_equal(function([first], rows[-1], mode=mode)([0.0, 10.0]), 3)
    np.testing.assert_array_equal(function([first], rows[-2:], mode=mode)([0.0, 10.0]), [12, 3])


@every_mode
def test_outputs_that_trade_places_do_not_overwrite_each_other(mode):
    (a, b, c), _ = scan(lambda a, b: [b, a, a + b], outputs_info=[h, h * 2, None], n_steps=3)
    got = function([h], [a, b, c, a[-1], b[-1]], mode=mode)(H)
    for value, factors in zip(got[:3], ([2, 1, 2], [1, 2, 1], [3, 3, 3]), strict=True):
        np.testing.assert_array_equal(value, np.outer(factors, H))
    np.testing.assert_array_equal(got[3:], [2 * H, H])
    f = function([h], [a[-1], b[-1]], mode=mode)  # nothing but the last rows is kept here
    np.testing.assert_array_equal(f(H), [2 * H, H])


@every_mode
@pytest.mark.parametrize("steps", [0, 1, 2, 3, 7])
def test_the_last_row_of_a_state_with_two_initial_ones(mode, steps):
    first = T.dvector("first")
    rows, _ = scan(lambda a, b: a + b, outputs_info={"initial": first, "taps": [-2, -1]}, n_steps=n)
    fibonacci = [1.0, 1.0]
    for _ in range(steps):
        fibonacci.append(sum(fibonacci[-2:]))
    f = function([first, n], rows[-1], mode=mode)
    whole = function([first, n], rows, mode=mode)
    np.testing.assert_array_equal(whole([1.0, 1.0], steps), fibonacci[2:])
    if steps:
        assert f([1.0, 1.0], steps) == fibonacci[-1]
    else:
        with pytest.raises(IndexError):
            f([1.0, 1.0], 0)


@every_mode
def test_equal_loops_with_states_of_their_own(mode):
    one, two = shared(np.float64(1), "one"), shared(np.float64(100), "two")
    (a, ua), (b, ub) = (scan(lambda s=s: (s * 2, {s: s * 2}), n_steps=3) for s in (one, two))
    f = function([], [a, b], updates={**ua, **ub}, mode=mode)
    np.testing.assert_array_equal(f(), [[2, 4, 8], [200, 400, 800]])
    np.testing.assert_array_equal(f(), [[16, 32, 64], [1600, 3200, 6400]])


# ---------------------------------------------------------------------- places


def only_loop(f):
    [op] = [node.op for node in f.fgraph.toposort() if isinstance(node.op, Scan)]
    return op


@every_mode
def test_a_graph_of_its_own_in_a_loop_and_a_loop_in_one(mode):
    a, b = T.dvector(), T.dvector()
    inner = OpFromGraph([a, b], [T.tanh(a * b), a + b])
    rows, _ = scan(lambda v, s: inner(v, s)[0] + inner(v, s)[1].sum(), x, h)
    xs, first = T.dmatrix(), T.dvector()
    whole = OpFromGraph([xs, first], [scan(lambda v, s: T.tanh(v * s) + (v + s).sum(), xs, first)[0]])
    outputs = [v for r in (rows, whole(x, h)) for v in (r, *grad((T.tanh(r) ** 2).sum(), [x, h]))]
    got = function([x, h], outputs, mode=mode)(X, H)
    for one, other in zip(got[:3], got[3:], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("mode", ["FAST_COMPILE", "FAST_RUN", Mode("rewritten", linker="py")])
def test_choices_around_loops_are_lazy(mode):
    """The side not taken would raise: its sequence is too short for the steps. (Gradients are those of both sides.)"""
    long, _ = scan(lambda v, s: v * s, x, h, n_steps=5)
    short, _ = scan(lambda v, s: v + s, x[:2], h, n_steps=2)
    cost = (ifelse(T.gt(n, 0), long[-1], short[-1]) ** 2).sum()
    f = function([x, h, n], cost, mode=mode)
    end, product = X[:2].sum(0) + H, X.prod(0) * H
    np.testing.assert_allclose(f(X[:2], H, 0), (end**2).sum())
    np.testing.assert_allclose(f(X, H, 1), (product**2).sum())
    with pytest.raises(ValueError, match="5 steps need rows 0 to 4"):
        f(X[:2], H, 1)
    f = function([x, h, n], grad(cost, [x, h]), mode=mode)
    np.testing.assert_allclose(f(X, H, 0)[0], [2 * end] * 2 + [0 * end] * 3)
    np.testing.assert_allclose(f(X, H, 0)[1], 2 * end)
    np.testing.assert_allclose(f(X, H, 1)[0], 2 * product**2 / X)
    np.testing.assert_allclose(f(X, H, 1)[1], 2 * product**2 / H)


@pytest.mark.parametrize("mode", ["FAST_COMPILE", "FAST_RUN", Mode("rewritten", linker="py")])
def test_choices_in_loops_are_lazy(mode):
    """Element 7 is read in the steps only where there is one."""
    v = T.dvector("v")
    rows, _ = scan(lambda k, s: ifelse(T.lt(k, 2), s * v[k], s + v[k + 7]), T.lvector("k"), v[0])
    k = next(i for i in explicit_inputs([rows]) if i.name == "k")
    f = function([k, v], rows, mode=mode)
    np.testing.assert_array_equal(f([1, 0, 1], [2.0, 3.0]), [6, 12, 36])
    with pytest.raises(IndexError):
        f([1, 5], [2.0, 3.0])
    slope = function([k, v], grad(rows[-1], v), mode=mode)
    np.testing.assert_array_equal(slope([1, 0, 2], np.arange(2.0, 12)), [12, 4, *[0] * 7, 1])


def test_in_jit_and_jit_in_a_loop():
    @jit
    def act(a, b):
        return T.tanh(a + b)

    @jit(static_argnames="steps")
    def run(x, h, steps):
        rows, _ = scan(lambda v, s: act(v, s), x, h, n_steps=steps)
        return rows, grad(rows.sum(), h)

    rows, slope = run(X, H, steps=4)
    expected, s = [], H
    for v in X[:4]:
        s = np.tanh(v + s)
        expected.append(s)
    np.testing.assert_allclose(rows, expected, rtol=1e-13)
    assert slope.shape == (3,)
    assert run(X, H, steps=2)[0].shape == (2, 3) and run.traces == 2


# ---------------------------------------------------------------------- generators


@pytest.mark.parametrize("mode", ["FAST_COMPILE", "FAST_RUN", "DEBUG"])
@pytest.mark.parametrize("streams", [RandomStreams, MRG_RandomStreams, PhiloxStreams])
def test_streams_in_loops_in_loops(streams, mode):
    draws = streams(4)

    def row(total):
        inner, _ = scan(lambda s: s + draws.uniform((2,)), outputs_info=T.zeros(2), n_steps=3)
        return total + inner[-1], inner

    (_, rows), updates = scan(row, outputs_info=[T.zeros(2), None], n_steps=4)
    f = function([], rows, updates=updates, mode=mode)
    a, b = f(), f()
    steps = np.diff(np.concatenate([np.zeros((8, 1, 2)), np.concatenate([a, b])], axis=1), axis=1)
    assert steps.shape == (8, 3, 2)
    assert len(np.unique(steps.round(12))) == 48
    assert ((steps > 0) & (steps < 1)).all()


# ---------------------------------------------------------------------- threads, copies, pictures


@pytest.mark.parametrize("mode", ["FAST_COMPILE", "FAST_RUN"])
def test_eight_threads_at_once(mode):
    (rows, _), _ = scan(lambda v, s: [cell(v, s), T.dot(v, w)], x, [h, None])
    f = function([x, h, w], [rows, grad((rows**2).sum(), w)], mode=mode)
    given = [(rng.normal(size=(k % 7 + 1, 3)), rng.normal(size=3), W) for k in range(80)]
    expected = [f(*g) for g in given]
    with ThreadPoolExecutor(8) as pool:
        for wanted, got in zip(expected, pool.map(lambda g: f(*g), given), strict=True):
            for a, b in zip(wanted, got, strict=True):
                np.testing.assert_array_equal(a, b)


@pytest.mark.c
def test_eight_threads_in_loops_that_run_without_the_interpreter():
    """Long enough that calls overlap: each has steps, and steps of loops within steps, of its own."""
    u, v = shared(np.eye(48) / 2), T.dtensor3("v")
    rows, _ = scan(lambda a, s: T.tanh(a + T.dot(s, u)), T.dmatrix("m"), T.zeros(48))
    nested, _ = scan(lambda m: scan(lambda a, s: T.tanh(a + T.dot(s, u)), m, T.zeros(48))[0][-1], v)
    [m] = [i for i in explicit_inputs([rows]) if i.name == "m"]
    f = function([m, v], [rows, nested])
    values = [(rng.normal(size=(400 + k, 48)), rng.normal(size=(5, 50 + k, 48))) for k in range(4)]
    wanted = [f(*given) for given in values]
    with ThreadPoolExecutor(8) as pool:
        for k, got in enumerate(pool.map(lambda k: f(*values[k % 4]), range(48))):
            for a, b in zip(wanted[k % 4], got, strict=True):
                np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("mode", ["FAST_COMPILE", "FAST_RUN"])
@pytest.mark.parametrize("copied", [lambda f: pickle.loads(pickle.dumps(f)), copy.deepcopy],
                         ids=["pickle", "deepcopy"])  # fmt: skip
def test_copies_of_functions(copied, mode):
    rows, updates = scan(lambda v, s: cell(v, s) * RandomStreams(3).uniform(), x, h)
    f = function([x, h, w], [rows, grad(rows.sum(), h)], updates=updates, mode=mode)
    g = copied(f)
    for a, b in zip(f(X, H, W), g(X, H, W), strict=True):
        np.testing.assert_array_equal(a, b)


def test_pictures_show_the_steps(tmp_path):
    rows, _ = scan(cell, x, h, name="cell")
    shown = io.StringIO()
    debugprint(rows, file=shown)
    text = shown.getvalue()
    assert "Scan{cell}" in text
    assert "tanh" in text.lower() and "dot" in text.lower(), "the inner graph is not shown"
    path = tmp_path / "loop.dot"
    pydotprint(rows, str(path), format="dot", scan_graphs=True, print_output_file=False)
    assert "Scan{cell}" in path.read_text() and "tanh" in path.read_text()


@pytest.mark.c
def test_explanations_and_profiles_name_the_loop():
    rows, _ = scan(cell, x, h, name="cell")
    f = function([x, h, w], rows, mode="FAST_RUN", profile=True)
    f(X, H, W)
    assert "Scan{cell}" in f.explain()
    assert "Scan{cell}" in str(f.profile)


# ---------------------------------------------------------------------- errors at run time


def test_nan_guard_names_what_is_not_a_number():
    rows, _ = scan(lambda v, s: T.log(v) + s, x, h)
    f = function([x, h], rows, mode=NanGuardMode())
    f(X**2 + 1, H)
    with pytest.raises(NanGuardError):
        f(-(X**2) - 1, H)


@pytest.mark.parametrize("mode", ["FAST_COMPILE", "FAST_RUN", "DEBUG"])
def test_what_does_not_fit_at_run_time(mode):
    m = T.lscalar("m")
    rows, _ = scan(lambda v, s: v * s, x, h, n_steps=m)
    f = function([x, h, m], rows, mode=mode)
    with pytest.raises(ValueError, match="number of steps is -2"):
        f(X, H, -2)
    with pytest.raises(ValueError, match="6 steps need rows 0 to 5 of sequence 0, which has 5"):
        f(X, H, 6)
    first = T.dmatrix("first")
    taps, _ = scan(lambda a, b: a + b, outputs_info={"initial": first, "taps": [-3, -1]}, n_steps=2)
    with pytest.raises(ValueError, match=r"state 0.* needs 3 initial rows.* 2\."):
        function([first], taps, mode=mode)(X[:2])
    with pytest.raises(ValueError, match="shape"):
        f(X, np.ones(2), 3)


@pytest.mark.parametrize("mode", ["FAST_COMPILE", "FAST_RUN"])
def test_a_condition_with_gradients_in_every_mode(mode):
    rows, _ = scan(lambda v, s: (s * v, until((s * v).sum() > 10)), x, h)
    f = function([x, h], [rows, *grad(rows[-1].sum(), [x, h])], mode=mode)
    ones = np.full((6, 2), 2.0)
    value, dx, dh = f(ones, [1.0, 1.0])
    np.testing.assert_array_equal(value, [[2, 2], [4, 4], [8, 8]])
    np.testing.assert_array_equal(dx, [[4, 4]] * 3 + [[0, 0]] * 3)
    np.testing.assert_array_equal(dh, [8, 8])
    total, _ = loop(lambda s, v: (s + v.sum(), None), 0.0, x)
    assert function([x], total, mode=mode)(ones) == 24


# ---------------------------------------------------------------------- options and files


def test_options_of_older_code_change_nothing():
    plain = scan(cell, x, h)[0]
    for options in ({"mode": "FAST_COMPILE"}, {"profile": True}, {"profile": "cells"}):
        rows, _ = scan(cell, x, h, **options)
        assert "mode" in options or rows.owner.inputs[0].owner.op == plain.owner.inputs[0].owner.op, "the same loop"
        wanted = function([x, h, w], plain)(X, H, W)
        np.testing.assert_allclose(function([x, h, w], rows)(X, H, W), wanted, rtol=1e-12)


def test_a_list_is_returned_where_it_is_asked_for():
    one, _ = scan(cell, x, h)
    [same], _ = scan(cell, x, h, return_list=True)
    assert same.owner.op == one.owner.op
    assert isinstance(scan(lambda v: [v, v + 1], x, return_list=True)[0], list)
    assert scan(lambda: {}, n_steps=3, return_list=True)[0] == []


def test_strict_refuses_what_a_step_takes_from_outside():
    from symcore.errors import MissingInputError

    k = shared(np.float64(2), "k")
    for given, refused in (([w], "k"), ([k], "w"), ([], "w|k")):
        with pytest.raises(MissingInputError, match=f"the step uses ({refused}) "):
            scan(lambda v, s, *_: cell(v, s) * k, x, h, non_sequences=given, strict=True)
    rows, _ = scan(lambda v, s, *_: cell(v, s) * k, x, h, non_sequences=[w, k], strict=True)
    free, _ = scan(lambda v, s: cell(v, s) * k, x, h)
    np.testing.assert_array_equal(*function([x, h, w], [rows, free])(X, H, W))


@pytest.mark.parametrize("mode", ["FAST_COMPILE", "FAST_RUN"])
def test_files_of_functions(mode, tmp_path):
    from symopt import load

    total = shared(np.zeros(3), "total")
    (rows, ends), updates = scan(
        lambda v, s: ([cell(v, s), s.sum()], {total: total + s}, until(s.sum() > 50)), x, [h, None]
    )
    nested, _ = scan(lambda v: scan(lambda a, s: 0.5 * s + a, v, T.zeros(()))[0][-1], x)
    f = function([x, h, w], [rows, ends, nested, *grad(rows.sum() + nested.sum(), [x, w])], updates=updates, mode=mode)
    f.save(tmp_path / "f")
    g = load(tmp_path / "f")
    for a, b in zip(f(X, H, W), g(X, H, W), strict=True):
        np.testing.assert_array_equal(a, b)
    [kept] = g.get_shared()
    np.testing.assert_array_equal(kept.get_value(), total.get_value())
