"""``scan_checkpoints``: the values and gradients of ``scan``, in less memory."""

import subprocess
import sys

import numpy as np
import pytest

from symcore import Rop, grad, shared
from symcore import tensor as T
from symcore.random import MRG_RandomStreams
from symopt import function
from symscan import scan, scan_checkpoints, until
from symscan.op import Scan

rng = np.random.default_rng(11)
x, h = T.dmatrix("x"), T.dvector("h")
W = rng.normal(size=(3, 3)) / 3


def rows_after_blocks(n, block):
    return sorted({*range(block - 1, n, block), n - 1}) if n else []


@pytest.mark.parametrize("mode", ["FAST_COMPILE", "FAST_RUN"])
@pytest.mark.parametrize("block", [1, 3, 4, 12, 50])
def test_values_and_gradients_are_those_of_scan(mode, block):
    w = shared(W, "w")
    every, _ = scan(lambda v, s: T.tanh(v + T.dot(s, w)), x, h)
    some, _ = scan_checkpoints(lambda v, s: T.tanh(v + T.dot(s, w)), x, h, save_every_N=block)
    costs = [(every[-1] ** 2).sum(), (some[-1] ** 2).sum()]
    f = function([x, h], [every, some, *grad(costs[0], [w, x, h]), *grad(costs[1], [w, x, h])], mode=mode)
    for n in (1, 12, 13):
        all_rows, rows, *slopes = f(rng.normal(size=(n, 3)), rng.normal(size=3))
        np.testing.assert_allclose(rows, all_rows[rows_after_blocks(n, block)], rtol=1e-12)
        for a, b in zip(slopes[:3], slopes[3:], strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-11, atol=1e-13)


def test_gradients_of_the_rows_handed_out():
    every, _ = scan(lambda v, s: T.sin(v + s), x, h)
    some, _ = scan_checkpoints(lambda v, s: T.sin(v + s), x, h, save_every_N=2)
    cost = (every[1] ** 2 + every[3] ** 2 + every[4] ** 2).sum()
    f = function([x, h], [*grad(cost, [x, h]), *grad((some**2).sum(), [x, h])])
    a, b, c, d = f(rng.normal(size=(5, 3)), rng.normal(size=3))
    np.testing.assert_allclose(c, a, rtol=1e-12)
    np.testing.assert_allclose(d, b, rtol=1e-12)


def test_no_steps_at_run_time():
    n = T.lscalar("n")
    some, _ = scan_checkpoints(lambda s: s * 2, outputs_info=h, n_steps=n, save_every_N=3)
    f = function([h, n], [some, grad(some.sum(), h)])
    rows, slope = f([1.0, 2.0], 0)
    assert rows.shape == (0, 2)
    np.testing.assert_array_equal(slope, [0, 0])
    np.testing.assert_array_equal(f([1.0, 2.0], 4)[0], [[8, 16], [16, 32]])


def test_many_taps_plain_outputs_and_forward_mode():
    def step(a, b, h2, h1):
        new = T.tanh(a - b + 0.5 * h2 - 0.3 * h1)
        return new, new.sum()

    given = {"sequences": {"input": x, "taps": [-1, 1]}}
    first = T.dmatrix("first")
    infos = [{"initial": first, "taps": [-2, -1]}, None]
    every, _ = scan(step, outputs_info=infos, **given)
    some, _ = scan_checkpoints(step, outputs_info=infos, save_every_N=3, **given)
    cost, cost_ = (rows[0][-1].sum() + rows[1][-1] for rows in (every, some))
    f = function([x, first], [*every, *some, *grad(cost, [x, first]), *grad(cost_, [x, first]),
                              Rop(cost, first, first), Rop(cost_, first, first)])  # fmt: skip
    for n in (5, 8, 9):
        a, s, a_, s_, *slopes = f(rng.normal(size=(n, 3)), rng.normal(size=(2, 3)))
        kept = rows_after_blocks(n - 2, 3)
        np.testing.assert_allclose(a_, a[kept], rtol=1e-12)
        np.testing.assert_allclose(s_, s[kept], rtol=1e-11, atol=1e-13)
        for one, other in zip((*slopes[:2], slopes[4]), (*slopes[2:4], slopes[5]), strict=True):
            np.testing.assert_allclose(other, one, rtol=1e-11, atol=1e-13)


def test_updates_and_random_numbers_go_through_the_blocks():
    k, draws = shared(np.int64(0), "k"), MRG_RandomStreams(3)
    (counts, sums), updates = scan_checkpoints(
        lambda s: ([k + 1, s + draws.uniform()], {k: k + 1}), None, [None, T.zeros(())], n_steps=10, save_every_N=4
    )
    f = function([], [counts, sums], updates=updates)
    first, second = f(), f()
    np.testing.assert_array_equal(first[0], [4, 8, 10])
    np.testing.assert_array_equal(second[0], [14, 18, 20])
    assert k.get_value() == 20
    plain, plain_updates = scan(lambda s: s + MRG_RandomStreams(3).uniform(), outputs_info=T.zeros(()), n_steps=10)
    np.testing.assert_allclose(first[1], function([], plain, updates=plain_updates)()[[3, 7, 9]], rtol=1e-14)
    assert not np.allclose(first[1], second[1])


@pytest.mark.default_mode
def test_no_rule_keeps_rows_of_all_steps():
    """Products of the inputs, and the sum that the gradient of the weights is, must not leave the blocks."""
    u, w = shared(np.ones((2, 3)), "u"), shared(W, "w")
    X = T.tensor3("X", dtype="float64")
    some, _ = scan_checkpoints(lambda v, s: T.tanh(T.dot(v, u) + T.dot(s, w)), X, T.zeros((4, 3)), n_steps=100)
    f = function([X], grad((some[-1] ** 2).sum(), [u, w]))
    loops = [node.op for node in f.fgraph.toposort() if isinstance(node.op, Scan)]
    assert len(loops) == 2 and all(op.lean for op in loops)
    backward = loops[1]
    assert all(rows.keep == 1 for rows in backward.spec.states) and not backward.spec.plain
    assert any(isinstance(node.op, Scan) for node in backward.fgraph.nodes)


MEASURE = """
import sys
import numpy as np
from symcore import grad, shared, tensor as T
from symopt import function
from symscan import scan, scan_checkpoints
w, x = shared(np.eye(32) / 2), T.dtensor3("x")
step, h = (lambda v, s: T.tanh(v + T.dot(s, w))), T.zeros((8, 32))
rows = scan_checkpoints(step, x, h, save_every_N=50)[0] if sys.argv[1] == "some" else scan(step, x, h)[0]
f = function([x], grad((rows[-1] ** 2).sum(), w))
x = np.lib.stride_tricks.as_strided(np.ones((8, 32)), (4000, 8, 32), (0, 256, 8))
f(x[:60])
def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
before = peak()
f(x)
print(peak() - before)
"""


@pytest.mark.c
@pytest.mark.default_mode  # rules drop the rows that nothing reads
def test_memory_of_a_gradient():
    """4,000 steps of 2 KiB: 8 MiB of states, and as much of what the gradient reads beside them."""
    used = {}
    for kind in ("some", "every"):
        done = subprocess.run([sys.executable, "-c", MEASURE, kind], capture_output=True, text=True, check=True)
        used[kind] = int(done.stdout)
    assert used["every"] > 8 * 1024 and used["some"] < used["every"] / 2, used


def test_wrong_use():
    for wrong in (0, -3, 2.0, True, None):
        with pytest.raises(ValueError, match="save_every_N must be a positive integer"):
            scan_checkpoints(lambda s: s, outputs_info=h, n_steps=4, save_every_N=wrong)
    with pytest.raises(ValueError, match=r"must not return until"):
        scan_checkpoints(lambda s: (s, until(s.sum() > 1)), outputs_info=h, n_steps=4)
    with pytest.raises(TypeError, match="scan_checkpoints needs a function"):
        scan_checkpoints(None, outputs_info=h, n_steps=4)
    with pytest.raises(ValueError, match="n_steps is 5, no multiple of save_every_N = 2"):
        scan_checkpoints(lambda s: s, outputs_info=h, n_steps=5, save_every_N=2, padding=False)
    n = T.lscalar("n")
    rows, _ = scan_checkpoints(lambda s: s + 1, outputs_info=h, n_steps=n, save_every_N=2, padding=False)
    f = function([h, n], rows)
    np.testing.assert_array_equal(f([0.0], 4), [[2], [4]])
    with pytest.raises(AssertionError, match="no multiple of save_every_N = 2"):
        f([0.0], 5)
