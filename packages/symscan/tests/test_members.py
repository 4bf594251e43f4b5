"""Loops over a batch, shared out by its members: the same values as with one thread, steps and rows of every kind."""

import os
import sys
import threading
import time

import numpy as np
import pytest

from symcore import tensor as T
from symcore.config import config
from symcore.gradient import grad
from symopt import function
from symscan import loop, scan, until

pytestmark = [pytest.mark.c, pytest.mark.default_mode]
rng = np.random.default_rng(77)
HIDDEN = 4


@pytest.fixture(autouse=True)
def _however_small():
    """Threads share loops of a few members and steps, busy as the machine that runs the tests may be."""
    from symcodegen import extension

    cvm = extension.load()
    before = cvm.share_always(True), cvm.share_small_steps(True)
    yield
    cvm.share_always(before[0])
    cvm.share_small_steps(before[1])


def jobs():
    from symcodegen import extension

    return extension.load().thread_pool()["jobs"]


def made(inputs, outputs, threads):
    with config.override(threads=threads, on_unused_input="ignore"):
        return function(inputs, outputs)


def check(inputs, outputs, args, shared=None):
    """Check that three threads give what one gives; ``shared``: whether they must have shared the loop, or must not."""
    wanted = made(inputs, outputs, 1)(*args)
    f, before = made(inputs, outputs, 3), jobs()
    for _ in range(3):
        for got, expected in zip(f(*args), wanted, strict=True):
            # a product of some rows may add in another order than that of all: twelve steps of numbers around one
            np.testing.assert_allclose(got, expected, rtol=1e-10, atol=1e-10)
    if shared is not None and sys.platform != "win32":
        assert (jobs() > before) == shared


# ---- the layers that it is for ----


def lstm_step(x, h, c, W, U, b):
    gates = T.dot(x, W) + T.dot(h, U) + b
    i, f, g, o = (gates[:, k * HIDDEN : (k + 1) * HIDDEN] for k in range(4))
    c = T.sigmoid(f) * c + T.sigmoid(i) * T.tanh(g)
    return [T.sigmoid(o) * T.tanh(c), c]


def lstm(gradient):
    x, U, W, b = T.dtensor3("x"), T.dmatrix("U"), T.dmatrix("W"), T.dvector("b")
    zeros = T.zeros((x.shape[1], HIDDEN))
    (h, c), _ = scan(lstm_step, x, [zeros, zeros], [W, U, b])
    cost = T.sqr(h).mean() + c[-1].sum()
    return [x, W, U, b], [cost, h, *grad(cost, [W, U, b, x])] if gradient else [h, c[-1]]


def lstm_values(steps, batch):
    return [rng.standard_normal(s) for s in ((steps, batch, 3), (3, 4 * HIDDEN), (HIDDEN, 4 * HIDDEN), (4 * HIDDEN,))]


@pytest.mark.parametrize("gradient", [False, True])
@pytest.mark.parametrize("batch", [1, 2, 3, 7, 8, 9, 20])
def test_layer(gradient, batch):
    check(*lstm(gradient), lstm_values(12, batch), shared=batch > 1)


@pytest.mark.parametrize(("steps", "batch"), [(0, 5), (1, 5), (12, 0), (2, 2)])
def test_few_steps_and_empty_batches(steps, batch):
    inputs, outputs = lstm(True)
    check(inputs, outputs[1:] if steps else outputs[1:2], lstm_values(steps, batch))


def test_one_thread_and_small_loops_are_left_alone():
    from symcodegen import extension

    inputs, outputs = lstm(False)
    args = lstm_values(12, 8)
    before = jobs()
    made(inputs, outputs, 1)(*args)
    extension.load().share_small_steps(False)
    made(inputs, outputs, 3)(*args)
    assert jobs() == before


def test_groups_do_not_depend_on_threads():
    """From two threads on, whether others help or not, results have the same bits."""
    inputs, outputs = lstm(True)
    args = lstm_values(12, 11)
    wanted = [np.asarray(v).tobytes() for v in made(inputs, outputs, 2)(*args)]
    for threads in (3, 8):
        assert [np.asarray(v).tobytes() for v in made(inputs, outputs, threads)(*args)] == wanted


# ---- random steps ----


def keep_rows(pool, weights, mask):
    """Ways to make a new value of the shape of a row, each member on its own."""
    U, V, b = weights
    h, g = (pool[k] for k in rng.integers(len(pool), size=2))
    return [
        lambda: T.tanh(T.dot(h, U) + b),
        lambda: T.sigmoid(h) * g,
        lambda: T.dot(h, V)[:, HIDDEN : 2 * HIDDEN] + g,
        lambda: T.concatenate([h[:, 1:], g[:, :1]], axis=1),
        lambda: h - h.max(axis=1, keepdims=True),
        lambda: T.switch(T.gt(mask, 0).dimshuffle(0, "x"), h, g),
        lambda: T.set_subtensor(h[:, 1:3], g[:, :2]),
        lambda: T.inc_subtensor(h[:, 0], g[:, 1]),
        lambda: (h.dimshuffle(0, 1, "x") * U.dimshuffle("x", 0, 1)).sum(axis=1),
        lambda: T.dot(U, h.T).T * 0.5,
        lambda: h[:, ::-1] + T.ones_like(g),
        lambda: T.tanh(T.stack([h, g], axis=1)[:, 1]),
        lambda: T.exp(h - T.sqr(h).sum(axis=1, keepdims=True)),
        lambda: T.batched_dot(h.dimshuffle(0, "x", 1), T.stack([g, h], axis=2))[:, 0, :1] + h,
    ]


def bring_together(pool, weights, mask):
    """Ways in which members meet."""
    h = pool[rng.integers(len(pool))]
    return [
        lambda: h + h.mean(axis=0),
        lambda: h[::-1],
        lambda: h - h[0],
        lambda: h * T.cast(h.shape[0], "float64"),
        lambda: h / T.sqr(h).sum(),
        lambda: T.dot(T.dot(h, h.T), h),
        lambda: T.concatenate([h[1:], h[:1]], axis=0),
        lambda: h - h.max(axis=0, keepdims=True),
        lambda: T.set_subtensor(h[0], 1.0),
        lambda: h + T.arange(h.shape[0]).dimshuffle(0, "x"),
        lambda: T.cumsum(h, axis=0),
    ]


def random_loop(choose, seed):
    """Return inputs, outputs and gradients of a loop whose last value is made in a way that ``choose`` draws."""
    generator = np.random.default_rng(seed)
    x, mask = T.dtensor3("x"), T.dmatrix("mask")
    first, context, U, V, b = T.dmatrix("first"), T.dmatrix("context"), T.dmatrix("U"), T.dmatrix("V"), T.dvector("b")

    def step(x, m, h, g, context, U, V, b):
        pool = [x, h, g, context]
        for _ in range(4):
            ways = keep_rows(pool, (U, V, b), m)
            pool.append(ways[generator.integers(len(ways))]())
        ways = choose(pool, (U, V, b), m)
        pool.append(ways[generator.integers(len(ways))]())
        return [T.tanh(pool[-1] + h), T.sigmoid(pool[-2]), pool[-1] * 0.5]

    (h, g, y), _ = scan(step, [x, mask], [first, T.zeros_like(first), None], [context, U, V, b])
    inputs = [x, mask, first, context, U, V, b]
    cost = T.sqr(h).sum() + T.sin(y).sum() + g[-1].sum()
    return inputs, [h, g[-1], y, *grad(cost, [x, first, context, U, V, b], disconnected_inputs="ignore")]


def random_values(batch):
    shapes = ((7, batch, HIDDEN), (7, batch), *[(batch, HIDDEN)] * 2, (HIDDEN, HIDDEN), (HIDDEN, 3 * HIDDEN), (HIDDEN,))
    return [0.5 * rng.standard_normal(s) for s in shapes]


@pytest.mark.parametrize("seed", range(12))
def test_random_steps_whose_members_do_not_meet(seed):
    inputs, outputs = random_loop(keep_rows, seed)
    check(inputs, outputs[:3], random_values(5), shared=True)
    check(inputs, outputs, random_values(6))


@pytest.mark.parametrize("seed", range(12))
def test_random_steps_whose_members_meet(seed):
    inputs, outputs = random_loop(bring_together, seed)
    check(inputs, outputs, random_values(5))


@pytest.mark.parametrize("way", range(14))
def test_every_way_to_keep_rows_apart(way):
    x, mask, first = T.dtensor3("x"), T.dmatrix("mask"), T.dmatrix("first")
    weights = T.dmatrix("U"), T.dmatrix("V"), T.dvector("b")
    rows, _ = scan(
        lambda x, m, h, *w: T.tanh(keep_rows([x, h], w, m)[way]() + h), [x, mask], first, list(weights)
    )  # fmt: skip
    values = random_values(5)
    check([x, mask, first, *weights], [rows], [*values[:3], *values[4:]], shared=True)


@pytest.mark.parametrize("way", range(11))
def test_every_way_in_which_members_meet(way):
    x, first = T.dtensor3("x"), T.dmatrix("first")
    rows, _ = scan(lambda x, h: T.tanh(bring_together([h], (), None)[way]() + x + h), x, first)
    values = random_values(5)
    check([x, first], [rows], [values[0], values[2]], shared=False)


# ---- kinds of rows ----


def test_taps_rings_and_rows_backwards():
    x, first = T.dtensor3("x"), T.dtensor3("first")
    taps = {"initial": first, "taps": [-3, -1]}
    rows, _ = scan(lambda x, y, a, b: T.tanh(a + 0.5 * b * x - y), {"input": x, "taps": [-1, 0]}, taps)
    back, _ = scan(lambda x, a, b: T.sin(a - b + x), x, taps, go_backwards=True)
    args = [rng.standard_normal((10, 6, 4)), rng.standard_normal((3, 6, 4))]
    check([x, first], [rows, back], args, shared=True)
    check([x, first], [rows[-1], back[-2:]], args, shared=True)
    strided = [np.asfortranarray(args[0]), args[1][:, ::-1]]
    check([x, first], [rows, back], strided, shared=True)


def test_vectors_of_members_and_fused_steps():
    x, first, w = T.dmatrix("x"), T.dvector("first"), T.dscalar("w")
    rows, _ = scan(lambda x, h, w: T.tanh(h * w + x), x, first, w)
    last, _ = scan(lambda h, w: h * w + 1, None, first, w, n_steps=9)
    args = [rng.standard_normal((9, 17)), rng.standard_normal(17), 0.3]
    check([x, first, w], [rows], args, shared=True)
    check([x, first, w], [last[-1]], args, shared=True)


def test_rows_of_one_number_among_them():
    """A state that counts belongs to all members, so they stay together."""
    x, first = T.dtensor3("x"), T.dmatrix("first")
    (rows, count), _ = scan(lambda x, h, k: [h + x * k, k + 1.0], x, [first, T.constant(0.0)])
    args = [rng.standard_normal((5, 4, 3)), rng.standard_normal((4, 3))]
    check([x, first], [rows, count], args, shared=False)


def test_a_row_for_all_members():
    x, first = T.dmatrix("x"), T.dmatrix("first")
    rows, _ = scan(lambda x, h: T.tanh(h + x), x, first)
    args = [rng.standard_normal((5, 3)), rng.standard_normal((4, 3))]
    check([x, first], [rows], args, shared=True)
    check([x, first], [rows], [rng.standard_normal((5, 4)), rng.standard_normal((4, 4))], shared=True)


def test_states_of_different_lengths_stay_together():
    a, b = T.dmatrix("a"), T.dmatrix("b")
    (x, y), _ = scan(lambda a, b: [T.tanh(a), T.sin(b)], None, [a, b], n_steps=6)
    check([a, b], [x, y], [rng.standard_normal((4, 3)), rng.standard_normal((5, 3))], shared=False)
    check([a, b], [x, y], [rng.standard_normal((4, 3)), rng.standard_normal((4, 3))], shared=True)


def test_conditions_and_rows_read_by_number():
    x, first, index = T.dmatrix("x"), T.dmatrix("first"), T.lvector("index")
    rows, _ = scan(lambda h: (h * 2, until(T.gt(h.sum(), 50.0))), None, first, n_steps=20)
    check([first], [rows], [np.ones((4, 3))], shared=False)
    rows, _ = scan(lambda i, h, x: T.tanh(h + x[i]), index, first, x)
    args = [rng.standard_normal((5, 3)), rng.standard_normal((4, 3)), np.array([1, -1, 3])]
    check([x, first, index], [rows], args)
    with pytest.raises(IndexError):
        made([x, first, index], rows, 3)(*args[:2], np.array([1, 7]))


def test_the_plainer_door():
    x, first = T.dtensor3("x"), T.dmatrix("first")
    last, rows = loop(lambda h, x: (T.tanh(h + x), h.sum(axis=1)), first, x)
    check([x, first], [last, rows], [rng.standard_normal((8, 5, 3)), rng.standard_normal((5, 3))], shared=True)


def test_other_lengths_call_after_call():
    inputs, outputs = lstm(True)
    one, three = made(inputs, outputs, 1), made(inputs, outputs, 3)
    for steps, batch in ((5, 4), (6, 4), (5, 9), (2, 1), (5, 4), (3, 12), (6, 4), (5, 4)):
        args = lstm_values(steps, batch)
        for got, wanted in zip(three(*args), one(*args), strict=True):
            np.testing.assert_allclose(got, wanted, rtol=1e-10, atol=1e-10)


# ---- threads of the program, processes ----


def test_eight_threads_call_one_function():
    inputs, outputs = lstm(True)
    f = made(inputs, outputs, 3)
    given = [lstm_values(12, 5 + k) for k in range(8)]
    wanted = [f(*args) for args in given]
    failed = []

    def call(k):
        for _ in range(30):
            for got, expected in zip(f(*given[k]), wanted[k], strict=True):
                if not np.array_equal(got, expected):
                    failed.append(k)

    threads = [threading.Thread(target=call, args=(k,)) for k in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failed


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_makes_its_own():
    inputs, outputs = lstm(False)
    f, args = made(inputs, outputs, 3), lstm_values(12, 8)
    wanted = f(*args)
    child = os.fork()
    if not child:
        os._exit(0 if all(np.array_equal(a, b) for a, b in zip(f(*args), wanted, strict=True)) and jobs() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_signal_stops_a_long_loop():
    import signal

    x, n = T.dmatrix("x"), T.lscalar("n")
    rows, _ = scan(lambda h: T.tanh(T.sin(h)), None, x, n_steps=n)
    f = made([x, n], rows[-1], 3)
    value = rng.standard_normal((64, 512))
    f(value, 5)

    def stop(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, stop)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            f(value, 2_000_000)  # a minute and more
        assert time.monotonic() - began < 20
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    np.testing.assert_allclose(f(value, 5), made([x, n], rows[-1], 1)(value, 5), rtol=1e-12, atol=1e-12)


def test_profile_counts_both():
    inputs, outputs = lstm(False)
    with config.override(threads=3):
        f = function(inputs, outputs, profile=True)
    args = lstm_values(12, 8)
    wanted = made(inputs, outputs, 1)(*args)
    for got, expected in zip(f(*args), wanted, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-10, atol=1e-10)
    assert "*" in f.profile.summary()


def test_explain_says_which_loops_may_be_shared():
    said = "loop, large ones by 3 threads"
    assert said in made(*lstm(False), 3).explain()
    assert said not in made(*lstm(False), 1).explain()
    x, first = T.dtensor3("x"), T.dmatrix("first")
    together, _ = scan(lambda x, h: T.tanh(h.mean(axis=0) + x + h), x, first)
    assert said not in made([x, first], [together], 3).explain()
