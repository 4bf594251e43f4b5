"""Loops whose steps have Python nodes, generators, or shapes and choices of their own: the machine calls the program
of a step, and no Python runs between two of them."""

import signal
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from symcore import Op, grad, shared
from symcore import tensor as T
from symcore.graph.variable import Apply
from symcore.ifelse import ifelse
from symcore.random import RandomStreams
from symcore.tensor.constant import as_tensor
from symopt import Mode, function
from symscan import scan, until
from symscan.op import Scan

pytestmark = pytest.mark.c
rng = np.random.default_rng(23)
x, h, v = T.dvector("x"), T.dvector("h"), T.dvector("v")
k = T.lvector("k")
X, V, K = rng.normal(size=9), rng.normal(size=12), rng.integers(0, 7, size=9)
SEEN = []
IN_PYTHON = Mode("in_python", linker="py")


class Twice(Op):
    """``2 x``, in Python alone; ``SEEN`` is what it was given."""

    def make_node(self, a):
        return Apply(self, [as_tensor(a)], [as_tensor(a).type()])

    def perform(self, node, a):
        SEEN.append(a)
        return 2 * a

    def infer_shape(self, node, shapes):
        return shapes

    def L_op(self, inputs, outputs, output_grads):
        return [2 * output_grads[0]]


class Same(Op):
    """``x`` itself: the very array that it is given."""

    def make_node(self, a):
        return Apply(self, [as_tensor(a)], [as_tensor(a).type()])

    def perform(self, node, a):
        return a


def fails_at_three(a):
    if a == 3:
        raise KeyError("three")
    return a


class Fails(Twice):
    def perform(self, node, a):
        return fails_at_three(a)


STEPS = {
    "a Python node": (lambda: scan(lambda a, s: s * 0.5 + Twice()(a), x, 0.0)[0], [x]),
    "a node that hands back its input": (lambda: scan(lambda a, s: Same()(s) + Same()(a), x, 0.0)[0], [x]),
    "a choice": (lambda: scan(lambda a, s: ifelse(T.gt(s, 0), s - a, T.exp(-a) + s), x, 1.0)[0], [x]),
    "a slice": (lambda: scan(lambda a, s: s + v[:a].sum(), k, 0.0)[0], [k, v]),
    "rows of another length each": (lambda: scan(lambda a, s: s + T.cumsum(v[a:]).sum(), k, 0.0)[0], [k, v]),
    "a part that is set": (lambda: scan(lambda a, s: T.set_subtensor(s[a], s[a] * 0.5 + 1), k, v)[0], [k, v]),
    "only the last row": (lambda: scan(lambda a, s: T.set_subtensor(s[a], s[a] * 0.5 + 1), k, v)[0][-1], [k, v]),
    "the last three rows": (lambda: scan(lambda a: v[:a].sum() + v[:3], [k])[0][-3:], [k, v]),
    "as many as a value says": (lambda: scan(lambda a: T.arange(a).sum() * v[a], k)[0], [k, v]),
    "taps": (
        lambda: scan(
            lambda a, b, s3, s1: ifelse(T.gt(s3, s1), s3 * a, s1 + b),
            {"input": x, "taps": [-1, 2]}, {"initial": v[:3], "taps": [-3, -1]},
        )[0],
        [x, v],
    ),
    "backwards": (lambda: scan(lambda a, s: s + Twice()(a), x, 0.0, go_backwards=True)[0], [x]),
    "a condition": (lambda: scan(lambda a, s: (s + v[:a].sum() ** 2, until(s > 1)), k, 0.0)[0], [k, v]),
    "two states": (lambda: T.stack(scan(lambda a, s, t: [t + Twice()(a), s], x, [0.0, 1.0])[0]), [x]),
    "a loop of its own": (
        lambda: scan(
            lambda a, s: s + scan(lambda q: q * 0.5 + 1, outputs_info=s, n_steps=a + 1)[0].sum(), k, np.float64(0)
        )[0],
        [k],
    ),
}  # fmt: skip
GIVEN = {x: X, v: V, k: K}


@pytest.mark.default_mode
@pytest.mark.parametrize("name", STEPS)
def test_values_and_where_they_are_computed(name):
    build, inputs = STEPS[name]
    rows = build()
    f, g = function(inputs, rows), function(inputs, rows, mode=IN_PYTHON)
    for n in (9, 4, 3):
        given = [GIVEN[i][:n] if i is not v else V for i in inputs]
        np.testing.assert_allclose(f(*given), g(*given), rtol=1e-12)
    [how] = [(where, how) for node, where, how in f.placement() if isinstance(node.op, Scan)]
    assert how[0] == "C" and "calls its step as a program" in how[1]


@pytest.mark.parametrize("name", ["a Python node", "a choice", "taps", "backwards", "two states"])
def test_gradients(name):
    build, inputs = STEPS[name]
    cost = (build() ** 2).sum()
    slopes = grad(cost, inputs)
    given = [GIVEN[i] for i in inputs]
    for a, b in zip(function(inputs, slopes)(*given), function(inputs, slopes, mode=IN_PYTHON)(*given), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11)


def test_no_steps():
    rows, _ = scan(lambda a, s: [s + v[:a].sum(), v[:3] * a], k, [0.0, None])
    got = function([k, v], rows)(np.zeros(0, "int64"), V)
    assert [r.shape for r in got] == [(0,), (0, 3)]


def test_what_a_node_keeps_does_not_change_under_it():
    """The views that a step is given are used again, but not while somebody else holds them."""
    op = Twice()
    SEEN.clear()
    rows, _ = scan(lambda a: op(a), x)
    function([x], rows, mode=Mode("no rules", linker="cvm").excluding("canonicalize", "fuse"))(X)
    np.testing.assert_array_equal([float(a) for a in SEEN], X)


@pytest.mark.parametrize("mode", [None, "FAST_COMPILE"])
def test_generators_are_the_same_as_in_python(mode):
    """Draws write into the loop's own copy of the generator, not into the shared one before the call is done."""
    w = shared(np.float64(2), "w")

    def build():
        draws = RandomStreams(5)
        return scan(lambda a, s: 0.5 * s + w * draws.normal() * T.gt(draws.uniform(), 0.3) + a, x, 0.0)

    (rows, updates), (rows_, updates_) = build(), build()
    f, g = function([x], rows, updates=updates, mode=mode), function([x], rows_, updates=updates_, mode=IN_PYTHON)
    for _ in range(3):
        np.testing.assert_allclose(f(X), g(X), rtol=1e-13)


def test_a_call_that_fails_leaves_generators_as_they_were():
    draws = RandomStreams(5)
    rows, updates = scan(lambda a: Fails()(a) + draws.normal(), x)
    f = function([x], rows, updates=updates)
    fresh = function([x], rows, updates=updates, mode=IN_PYTHON)
    ok = np.zeros(4)
    [state] = updates
    before = state.get_value().get_state()[1].copy()
    with pytest.raises(KeyError) as caught:
        f([0.0, 1.0, 3.0, 4.0])
    assert any("in step 2 of" in note for note in caught.value.__notes__)
    np.testing.assert_array_equal(state.get_value().get_state()[1], before)
    first = f(ok)
    state.set_value(np.random.RandomState(1))
    second = fresh(ok)
    state.set_value(np.random.RandomState(1))
    np.testing.assert_array_equal(f(ok), second)
    assert not np.array_equal(first, second)


@pytest.mark.default_mode  # the words are those of the C machine
def test_states_that_change_their_shape():
    rows, _ = scan(lambda a, s: s[:a], k, v)
    with pytest.raises(ValueError, match=r"a step makes state 0 of shape \(2,\).* shape \(12,\).* keep its shape"):
        function([k, v], rows)([12, 2], V)
    rows, _ = scan(lambda a: v[:a], k)
    with pytest.raises(ValueError, match=r"a step makes output 0 of shape \(3,\), .* shape \(2,\)"):
        function([k, v], rows)([2, 3], V)
    np.testing.assert_array_equal(function([k, v], rows)([2, 2], V), [V[:2]] * 2)


def test_from_eight_threads():
    f = function([x, v], scan(lambda a, s: ifelse(T.gt(s.sum(), 0), s - a, Twice()(s) + a), x, v)[0])
    given = [(rng.normal(size=n), rng.normal(size=3)) for n in rng.integers(1, 600, size=40)]
    wanted = [f(*values) for values in given]
    with ThreadPoolExecutor(8) as pool:
        for a, b in zip(wanted, pool.map(lambda values: f(*values), given), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.default_mode  # without rules all rows are kept
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer that sends signals")
def test_a_signal_ends_a_long_loop():
    class Alarm(Exception):
        pass

    def ring(*_):
        raise Alarm

    n = T.lscalar("n")
    last = scan(lambda s: ifelse(T.gt(s, 3), s * 0.5, s + 1), outputs_info=T.zeros(()), n_steps=n)[0][-1]
    f = function([n], last)
    assert 0 < f(10) < 5
    before = signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(Alarm):
            f(1 << 40)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert 0 < f(10) < 5


@pytest.mark.default_mode  # of the C machine
def test_the_machine_checks_what_it_is_given():
    from symcodegen import extension

    cvm, f = extension.load(), function([x], x.sum())
    machine, rows = f.linked.machine, np.ones((4, 3))

    def run(n=2, sequences=((rows, 1, 0),), states=(), carries=(), same=(), keeps=(-1,), until=False):
        results = [None] * len(keeps)
        made = cvm.run_steps(machine, n, sequences, states, list(carries), same, results, keeps, until, "a loop")
        return made, results

    made, [sums] = run(4)
    assert made == 4 and sums.tolist() == [3] * 4
    for wrong in (
        {"n": 5}, {"sequences": ((rows, -1, 0),)}, {"sequences": ((rows, 1, -1),)}, {"sequences": ((rows,),)},
        {"sequences": ((rows, 1, 0, 1),)}, {"sequences": ((np.ones(()), 1, 0),)}, {"sequences": ()}, {"keeps": ()},
        {"same": (rows[0],)}, {"until": True}, {"carries": [rows]}, {"states": ((rows, 1, -1),)},
    ):  # fmt: skip
        with pytest.raises(ValueError, match="run_steps: "):
            run(**wrong)
