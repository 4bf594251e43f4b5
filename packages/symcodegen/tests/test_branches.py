"""``ifelse`` in the C virtual machine: what is not asked for does not run, whatever asks for it."""

import threading
import time

import numpy as np
import pytest

from symcodegen.guards import ALWAYS, MOST_CHOICES, NEVER, Guards, simplified
from symcore import as_op, grad, shared
from symcore import tensor as T
from symcore.ifelse import ifelse
from symcore.printing.ops_printing import Print
from symcore.tensor.type import TensorType
from symopt import function
from symopt.mode import get_mode

pytestmark = pytest.mark.default_mode  # what runs in C

PLAIN = get_mode("FAST_RUN").excluding("canonicalize", "stabilize", "specialize")
PY = get_mode("FAST_RUN").with_linker("py")
rng = np.random.default_rng(11)
ran: list[str] = []


def note(op, value):
    ran.append(op.message)


def says(name, v):
    return Print(name, global_fn=note)(v)


@as_op([T.dvector], [T.dvector])
def fails(v):
    raise RuntimeError("this side was computed")


@pytest.fixture(autouse=True)
def _clean():
    ran.clear()


def all_in_c(f):
    """Nothing of the function runs in Python (or the test is of something else)."""
    return all(where != "Python" for _, where, _ in f.placement())


def executed(f, *values):
    """How many nodes one call runs."""
    f.program.profile = True
    f(*values)
    f.program.profile = False
    return sum(calls for _, calls, _ in f.program.timings())


def test_the_side_not_taken_is_neither_run_nor_prepared():
    c, x, y = T.bscalar("c"), T.dvector("x"), T.dvector("y")
    f = function([c, x, y], ifelse(c, T.exp(x), x * y))
    assert all_in_c(f)
    assert f(1, [0.0, 0.0], [1.0, 2.0, 3.0]).tolist() == [1.0, 1.0]  # the other side has no shape
    with pytest.raises(ValueError, match="length"):
        f(0, [0.0, 0.0], [1.0, 2.0, 3.0])
    assert f(0, [2.0], [3.0]).tolist() == [6.0]


def test_python_nodes_of_the_other_side_are_not_called():
    c, x = T.bscalar("c"), T.dvector("x")
    f = function([c, x], ifelse(c, fails(x) * 2, x + 1))
    assert f(0, [1.0]).tolist() == [2.0]
    with pytest.raises(RuntimeError, match="this side was computed"):
        f(1, [1.0])
    assert f(0, [1.0]).tolist() == [2.0]


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint64", "int64", "float16", "float32", "float64", "complex128"])
def test_conditions_of_every_dtype(dtype):
    c, x = TensorType(dtype, ())("c"), T.dvector("x")
    f = function([c, x], ifelse(c, says("a", x) + 1, says("b", x) + 2))
    for value in (0, 1):
        assert f(np.array(value, dtype), [0.0]).tolist() == [2.0 - value]
    assert ran == ["b", "a"]
    if np.dtype(dtype).kind in "fc":
        assert f(np.array(np.nan, dtype), [0.0]).tolist() == [1.0]


def test_conditions_that_are_computed():
    x = T.dvector("x")
    f = function([x], ifelse(T.exp(x).sum() > 5, x * 2, T.tanh(x)))
    assert all_in_c(f)
    for value in ([0.0, 0.0], [2.0, 0.0], [3.0]):
        v = np.array(value)
        np.testing.assert_allclose(f(v), v * 2 if np.exp(v).sum() > 5 else np.tanh(v), rtol=1e-15)


def test_conditions_of_shapes_cost_no_segment():
    x = T.dvector("x")
    f = function([x], ifelse(x.shape[0] > 3, x[:3] * 2, x + 1))
    assert f.program.stats["segments"] == 1
    assert f([1.0, 1.0, 1.0, 1.0]).tolist() == [2.0, 2.0, 2.0]
    assert f([1.0]).tolist() == [2.0]


def test_choices_within_choices_and_conditions_from_choices():
    c, d, x = T.bscalar("c"), T.bscalar("d"), T.dvector("x")
    inner = ifelse(d, says("a", x + 1) * 2, says("b", x + 2) * 2)
    f = function([c, d, x], ifelse(c, inner, says("c", x + 3)))
    for values, shown, wanted in (((1, 1), ["a"], 4.0), ((1, 0), ["b"], 6.0), ((0, 1), ["c"], 4.0)):
        ran.clear()
        assert f(*values, [1.0]).tolist() == [wanted]
        assert ran == shown
    chosen = ifelse(c, says("p", x).sum() > 0, says("q", x).sum() < 0)
    g = function([c, x], ifelse(chosen, says("r", x * 2), says("s", x * 3)))
    for c_, value, shown, wanted in ((1, 1.0, "pr", 2.0), (0, 1.0, "qs", 3.0), (0, -1.0, "qr", -2.0)):
        ran.clear()
        assert g(c_, [value]).tolist() == [wanted]
        assert "".join(ran) == shown


def test_what_a_condition_needs_itself_runs_once_and_in_time():
    """A value wanted by one side of a choice, and by the condition of that choice through another."""
    c, x = T.bscalar("c"), T.dvector("x")
    v = says("v", x + 1)
    j = ifelse(c, v, x)
    f = function([c, x], ifelse(j.sum() > 1, v * 2, x))
    for value in (0.0, 1.0):
        for c_ in (0, 1):
            ran.clear()
            j_ = value + 1 if c_ else value
            assert f(c_, [value]).tolist() == [(value + 1) * 2 if j_ > 1 else value]
            assert len(ran) <= 1


def test_only_nodes_that_run_are_counted():
    c, x = T.bscalar("c"), T.dvector("x")
    y = x
    for _ in range(5):
        y = T.exp(y).cumsum() if hasattr(y, "cumsum") else T.exp(y).sum() + y
    f = function([c, x], ifelse(c, y, x + 1), mode=PLAIN)
    assert executed(f, 0, [0.0]) < executed(f, 1, [0.0]) - 4


def test_several_outputs_some_of_them_unused():
    c, x = T.bscalar("c"), T.dvector("x")
    a, b, _ = ifelse(c, [x * 2, says("u", x), fails(x)], [x.sum() * x, x - 1, fails(x)])
    f = function([c, x], [a, b, a + b])
    for c_ in (0, 1):
        v = np.array([1.0, 2.0])
        a_, b_ = (v * 2, v) if c_ else (v.sum() * v, v - 1)
        for got, wanted in zip(f(c_, v), (a_, b_, a_ + b_), strict=True):
            np.testing.assert_array_equal(got, wanted)
    assert ran == ["u"]


def test_lengths_that_differ_and_what_is_made_of_them():
    c, x = T.bscalar("c"), T.dvector("x")
    y = ifelse(c, x[1:], T.concatenate([x, x]))
    f = function([c, x], [y, y.shape[0], (y * y.shape[0]).sum(), T.zeros_like(y), y.reshape((1, -1))])
    for c_ in (0, 1, 0):
        v = rng.normal(size=5)
        w = v[1:] if c_ else np.concatenate([v, v])
        for got, wanted in zip(f(c_, v), (w, len(w), (w * len(w)).sum(), 0 * w, w[None]), strict=True):
            np.testing.assert_allclose(got, wanted, rtol=1e-14)


def test_what_is_shared_between_sides_and_with_others():
    c, x = T.bscalar("c"), T.dvector("x")
    common, late = says("common", T.exp(x)), says("late", x * 5)
    f = function([c, x], [ifelse(c, common + 1, common * late), ifelse(c, late, x), x.sum()])
    for c_ in (0, 1):
        ran.clear()
        a, b, s = f(c_, [0.5])
        e, m = np.exp(0.5), 2.5
        np.testing.assert_allclose([a[0], b[0], s], [e + 1 if c_ else e * m, m if c_ else 0.5, 0.5], rtol=1e-15)
        assert sorted(ran) == ["common", "late"]


def test_nothing_is_shared_with_inputs_or_between_outputs():
    c, x = T.bscalar("c"), T.dvector("x")
    y = x * 2
    f = function([c, x], [ifelse(c, x, y), ifelse(c, y, x), y, *ifelse(c, [y, y], [x, x])])
    given = np.ones(3)
    for condition in (0, 1):
        outs = f(condition, given)
        for k, a in enumerate(outs):
            assert not np.shares_memory(a, given)
            assert not any(np.shares_memory(a, b) for b in outs[:k])
    assert given.tolist() == [1.0, 1.0, 1.0]


def test_updates():
    w, v = shared(np.zeros(2), "w"), shared(np.ones(2), "v")
    c = T.bscalar("c")
    chosen = ifelse(c, w, v)
    # w is written while a view of it, or of v, is still to be read: the machine has to keep the old value
    f = function([c], (chosen * 2).sum(), updates=[(w, ifelse(c, w + 1, w)), (v, v + chosen)])
    state = np.zeros(2), np.ones(2)
    for c_ in (1, 0, 1, 1, 0):
        a, b = state
        ch = a if c_ else b
        assert float(f(c_)) == (ch * 2).sum()
        state = a + 1 if c_ else a, b + ch
        np.testing.assert_array_equal(w.get_value(), state[0])
        np.testing.assert_array_equal(v.get_value(), state[1])


def test_a_choice_of_random_states():
    r = shared(np.random.default_rng(3), "r") if _takes_generators() else None
    if r is None:
        pytest.skip("no shared random states")
    c = T.bscalar("c")
    f = function([c], [], updates=[(r, ifelse(c, r, r))])
    f(1)
    assert r.get_value().random() == np.random.default_rng(3).random()


def _takes_generators():
    try:
        shared(np.random.default_rng(3))
    except TypeError:
        return False
    return True


def test_gradients_agree_with_both_sides():
    c, x = T.bscalar("c"), T.dvector("x")
    y = ifelse(c, T.exp(x).sum(), (x**2).sum())
    f = function([c, x], grad(y, x))
    v = rng.normal(size=4)
    np.testing.assert_allclose(f(1, v), np.exp(v), rtol=1e-14)
    np.testing.assert_allclose(f(0, v), 2 * v, rtol=1e-14)


@pytest.mark.default_mode
@pytest.mark.parametrize("mode", [None, PY], ids=str)
def test_gradients_of_the_side_not_taken_are_not_computed(mode):
    c, x, w = T.bscalar("c"), T.dvector("x"), T.dmatrix("w")
    hidden = T.tanh(T.dot(x, w))
    y = ifelse(c, (T.exp(hidden) * x).sum() + T.dot(hidden[1:], x[1:]), (x**2).sum()) * 3
    f = function([c, x, w], grad(y, [x, w]), mode=mode)
    v, m = rng.normal(size=4), rng.normal(size=(4, 4))
    for value in (0, 1):
        for got, wanted in zip(f(value, v, m), _gradients(value, v, m), strict=True):
            np.testing.assert_allclose(got, wanted, rtol=1e-6, atol=1e-7)
    if mode is None:
        taken = executed(f, 1, v, m)
        g = function([c, x, w], grad(y, [x, w]))
        assert executed(g, 0, v, m) < taken - 3
    with np.errstate(all="ignore"):
        left = f(0, v, np.full((4, 4), np.nan))  # 0 * nan, had the side been computed
    np.testing.assert_allclose(left[0], 6 * v, rtol=1e-14)
    assert not left[1].any()


def _gradients(value, v, m, step=1e-6):
    """By central differences."""

    def y(v, m):
        h = np.tanh(v @ m)
        return 3 * (((np.exp(h) * v).sum() + h[1:] @ v[1:]) if value else (v**2).sum())

    found = []
    for k, a in enumerate((v, m)):
        g = np.zeros_like(a)
        for at in np.ndindex(a.shape):
            ends = []
            for sign in (1, -1):
                moved = a.copy()
                moved[at] += sign * step
                ends.append(y(*(moved if j == k else b for j, b in enumerate((v, m)))))
            g[at] = (ends[0] - ends[1]) / (2 * step)
        found.append(g)
    return found


def test_deep_chains():
    c, x = T.bscalar("c"), T.dvector("x")
    y = x
    for _ in range(1000):
        y = ifelse(c, y + 1, x)
    f = function([c, x], y, mode=get_mode("FAST_COMPILE").with_linker("cvm"))
    assert f(1, [0.0]).tolist() == [1000.0]
    assert f(0, [7.0]).tolist() == [7.0]
    n = T.lscalar("n")
    y = x
    for k in range(60):
        y = ifelse(T.gt(n, k), y + 1, y * 2)
    g = function([n, x], y, mode=get_mode("FAST_COMPILE").with_linker("cvm"))
    for n_ in (0, 7, 60):
        want = 1.0
        for k in range(60):
            want = want + 1 if n_ > k else want * 2
        assert g(n_, [1.0]).tolist() == [want]


def _random_graph(random):
    """A graph of choices, sums, products and views, some values used on both sides or outside."""
    conditions, x = [T.bscalar(f"c{k}") for k in range(3)], T.dvector("x")
    pool = [x, x + 1]
    for _ in range(random.integers(6, 20)):
        a, b = (pool[random.integers(len(pool))] for _ in range(2))
        kind = random.integers(8)
        if kind < 3:
            condition = conditions[random.integers(3)] if random.random() < 0.6 else T.gt((a * b).sum(), 0)
            new = ifelse(condition, a, b)
        elif kind == 3:
            new = T.tanh(a) + b
        elif kind == 4:
            new = a * 0.5 - b[::-1]
        elif kind == 5:
            new = says("n", a) * 0.5
        elif kind == 6:
            new = T.set_subtensor(a[:1], b[:1])
        else:
            new = a.sum() * 0.1 + b
        pool.append(new)
    picks = random.choice(len(pool), 3, replace=False)
    return [*conditions, x], [pool[k] for k in picks] + [pool[-1]]


@pytest.mark.parametrize("seed", range(40))
def test_random_graphs(seed):
    random = np.random.default_rng(seed)
    inputs, outputs = _random_graph(random)
    w = shared(np.zeros(3), "w")
    settings = {"updates": [(w, w + outputs[-1])], "on_unused_input": "ignore"}
    f, g = (function(inputs, [*outputs, w * 2], mode=mode, **settings) for mode in (None, PLAIN))
    state = np.zeros(3)
    for _ in range(6):
        values = [*random.integers(0, 2, 3).astype("int8"), random.normal(size=3)]
        want = function(inputs, outputs, mode=PY, on_unused_input="ignore")(*values)
        for h in (f, g):
            w.set_value(state)
            got = h(*values)
            for a, b in zip(got, [*want, state * 2], strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
            np.testing.assert_allclose(w.get_value(), state + want[-1], rtol=1e-9, atol=1e-12)
        state = w.get_value()


def test_from_eight_threads():
    c, x = T.bscalar("c"), T.dvector("x")
    y = ifelse(c, T.exp(x).sum() * x, ifelse(x.sum() > 0, x[:2], x * 3))
    f = function([c, x], y)
    wrong = []

    def run(seed):
        random = np.random.default_rng(seed)
        for _ in range(300):
            c_, v = int(random.integers(2)), random.normal(size=int(random.integers(2, 6)))
            want = np.exp(v).sum() * v if c_ else v[:2] if v.sum() > 0 else v * 3
            got = f(c_, v)
            if got.shape != want.shape or not np.allclose(got, want, rtol=1e-12):
                wrong.append((c_, v, got))

    threads = [threading.Thread(target=run, args=(k,)) for k in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_a_long_side_costs_nothing_when_it_is_not_taken():
    c, x, m = T.bscalar("c"), T.dvector("x"), T.dmatrix("m")
    power = m
    for _ in range(8):
        power = T.dot(power, power) * 1e-3
    f = function([c, x, m], ifelse(c, power.sum(0)[:1], x))
    big = rng.normal(size=(300, 300))
    v = np.ones(1)
    start = time.perf_counter()
    f(1, v, big)
    long = time.perf_counter() - start
    times = []
    zero = np.int8(0)
    condition = np.array(zero)
    for _ in range(200):
        start = time.perf_counter()
        f(condition, v, big)
        times.append(time.perf_counter() - start)
    assert min(times) < long / 50


def test_a_length_that_several_sides_use_is_known_whichever_is_taken():
    """The product in a side and the gradient of the product before it are written into memory of the same length, which
    nothing computes but the first of them: only a node that runs may be asked for it."""
    u, w, s = T.dvector("u"), T.dmatrix("w"), T.dvector("s")
    before = T.dot(u, w)
    chosen = ifelse(T.gt(before.sum(), 0), T.tanh(T.dot(before, w)), before * 0.25)
    slopes = grad(None, [u, w], known_grads={chosen: s})
    curved = grad((slopes[0] * T.cos(u)).sum() + slopes[1].sum(), [u, w, s])
    f, reference = (function([u, w, s], [*slopes, *curved], mode=mode) for mode in ("FAST_RUN", "FAST_COMPILE"))
    assert all_in_c(f)
    for sign in (1, -1, 1):
        values = sign * np.ones(3), rng.uniform(0.1, 1, size=(3, 3)), rng.normal(size=3)
        for a, b in zip(f(*values), reference(*values), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


def test_memory_that_a_side_is_first_to_use_is_known_whichever_is_taken():
    """Products in the sides of two choices, one of which decides the other, begin from the same blank vector."""
    x, w = T.dvector("x"), T.dmatrix("w")
    u, square = T.specify_shape(x, (3,)), T.specify_shape(w, (3, 3))
    first = ifelse(T.gt(x.sum(), 0), T.tanh(T.dot(T.tanh(u), square)), u * 0.25)
    second = ifelse(T.gt(first.sum(), 0), T.sin(first), T.dot(first, square))
    outputs = [first, T.dot(T.exp(second), square)]
    f, reference = (function([x, w], outputs, mode=mode) for mode in ("FAST_RUN", "FAST_COMPILE"))
    assert all_in_c(f)
    for sign in (-1, 1, -1):
        values = sign * np.ones(3), rng.uniform(0.1, 1, size=(3, 3))
        for a, b in zip(f(*values), reference(*values), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12)


# -- guards ------------------------------------------------------------------------------------------------------------


def test_guards_simplify():
    guards = Guards()
    p, q, r = T.bscalar("p"), T.bscalar("q"), T.bscalar("r")
    yes, no = guards.within(ALWAYS, p, True), guards.within(ALWAYS, p, False)
    assert simplified(yes | no) == ALWAYS and simplified(yes) == yes != no
    assert guards.within(yes, p, True) == yes and guards.within(yes, p, False) == NEVER
    deep = guards.within(guards.within(yes, q, False), r, True)
    assert simplified(deep | yes) == yes and simplified(deep | no) == deep | no
    assert simplified(guards.within(yes, q, True) | guards.within(yes, q, False) | no) == ALWAYS
    many = frozenset().union(*(guards.within(yes, T.bscalar(), True) for _ in range(MOST_CHOICES + 1)))
    assert simplified(many) == yes
