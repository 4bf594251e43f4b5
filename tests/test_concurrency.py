"""Threads and processes: equal results, no lost update, no torn compilation, nothing kept from a failed call."""

import json
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import symstack as ss
from symstack import tensor as T

LINKERS = ["auto", "py"]


def in_threads(count, work, timeout=120):
    """Run ``work(k)`` in ``count`` threads that start together; returns their results, raises the first error."""
    results, errors = [None] * count, []
    gate = threading.Barrier(count)

    def body(k):
        try:
            gate.wait(timeout)
            results[k] = work(k)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=body, args=(k,), daemon=True) for k in range(count)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + timeout
    for thread in threads:
        thread.join(max(0, deadline - time.monotonic()))
    assert not any(thread.is_alive() for thread in threads), "threads wait for each other"
    if errors:
        raise errors[0]
    return results


@pytest.mark.parametrize("linker", LINKERS)
def test_one_function_called_from_eight_threads_gives_equal_results(linker):
    x, W = T.dmatrix("x"), ss.shared(np.random.default_rng(0).normal(size=(30, 20)), name="W")
    y = T.tanh(T.dot(x, W)).sum(axis=1)
    with ss.config.override(linker=linker):
        f = ss.function([x], [y, T.exp(-(y**2))])
    # another shape per thread, so that contexts cannot be mixed up unnoticed
    values = [np.random.default_rng(k).normal(size=(5 + k, 30)) for k in range(8)]
    expected = [f(v) for v in values]

    def work(k):
        return all(np.array_equal(a, b) for _ in range(100) for a, b in zip(f(values[k]), expected[k], strict=True))

    assert in_threads(8, work) == [True] * 8


def test_one_large_function_called_from_eight_threads():
    """Large enough for the GIL to be released while kernels run."""
    x = T.dvector("x")
    f = ss.function([x], (T.exp(-x) * T.tanh(x) + T.log1p(x * x)).sum())
    values = [np.random.default_rng(k).normal(size=200_000) for k in range(8)]
    expected = [f(v) for v in values]
    assert in_threads(8, lambda k: [f(values[k]) == expected[k] for _ in range(5)]) == [[True] * 5] * 8


@pytest.mark.parametrize("linker", LINKERS)
@pytest.mark.parametrize("size", [1, 1000])
def test_no_update_is_lost(linker, size):
    W = ss.shared(np.zeros(size), name="W")
    with ss.config.override(linker=linker):
        add = ss.function([], [], updates=[(W, W + 1)])
    in_threads(8, lambda k: [add() for _ in range(1000)])
    np.testing.assert_array_equal(W.get_value(), np.full(size, 8000.0))


def test_no_update_is_lost_when_the_gil_is_released():
    W = ss.shared(np.zeros(100_000), name="W")
    x = T.dvector("x")
    add = ss.function([x], [], updates=[(W, W + T.tanh(x) * 0 + 1)], mode=ss.get_mode().excluding("nan_changing"))
    zeros = np.zeros(100_000)
    in_threads(8, lambda k: [add(zeros) for _ in range(30)])
    np.testing.assert_array_equal(W.get_value(), np.full(100_000, 240.0))


@pytest.mark.parametrize("linker", LINKERS)
def test_two_functions_that_update_two_variables_in_opposite_order(linker):
    a, b = ss.shared(np.zeros(3), name="a"), ss.shared(np.zeros(3), name="b")
    with ss.config.override(linker=linker):
        first = ss.function([], [], updates=[(a, a + 1), (b, b + 1)])
        second = ss.function([], [], updates=[(b, b + 1), (a, a + 1)])
    in_threads(8, lambda k: [(first if k % 2 else second)() for _ in range(300)])
    np.testing.assert_array_equal(a.get_value(), np.full(3, 2400.0))
    np.testing.assert_array_equal(b.get_value(), np.full(3, 2400.0))


def test_a_reader_sees_a_whole_update_or_none():
    """Two variables that always change together are equal in every snapshot that a function takes of them."""
    a, b = ss.shared(np.zeros(2000), name="a"), ss.shared(np.zeros(2000), name="b")
    step = ss.function([], [], updates=[(a, a + 1), (b, b + 1)])
    difference = ss.function([], [abs(a - b).max(), a.max() - a.min()])

    def work(k):
        if k == 0:
            return [step() for _ in range(500)] and True
        return all(tuple(map(float, difference())) == (0.0, 0.0) for _ in range(200))

    assert in_threads(4, work) == [True] * 4


@pytest.mark.parametrize("linker", LINKERS)
def test_a_failing_last_node_leaves_every_shared_variable_while_others_update(linker):
    """The failing call and the good ones run at once: only the good ones count."""
    W = ss.shared(np.zeros(4), name="W")
    k = T.lscalar("k")
    with ss.config.override(linker=linker):
        f = ss.function([k], (W * 3)[k], updates=[(W, W + 1)])

    def work(thread):
        for _ in range(100):
            if thread % 2:
                f(0)
            else:
                with pytest.raises(IndexError):
                    f(4)

    in_threads(8, work)
    np.testing.assert_array_equal(W.get_value(), np.full(4, 400.0))


def test_thirty_two_threads_compile_at_once(tmp_path):
    """Half of them the same function, half one of their own, all from an empty cache."""
    x = T.dvector("x")
    value = np.linspace(0.1, 1, 11)

    def work(k):
        constant = 0.5 if k % 2 else 0.5 + k
        with ss.config.override(cache_dir=str(tmp_path / "cache")):
            f = ss.function([x], T.exp(-x * constant) / (1 + x))
        return np.allclose(f(value), np.exp(-value * constant) / (1 + value), rtol=1e-13)

    assert in_threads(32, work) == [True] * 32


COLD = """
import json, sys
import numpy as np
import symstack as ss
from symstack import tensor as T
x, y = T.dmatrix("x"), T.lvector("y")
W = ss.shared(np.linspace(-1, 1, 12).reshape(4, 3), name="W")
cost = T.nnet.categorical_crossentropy(T.nnet.softmax(T.tanh(T.dot(x, W))), y).mean()
train = ss.function([x, y], cost, updates=[(W, W - 0.1 * ss.grad(cost, W))])
X, Y = np.arange(20.0).reshape(5, 4) / 20, np.array([0, 1, 2, 1, 0])
costs = [float(train(X, Y)) for _ in range(3)]
print(json.dumps({"costs": costs, "W": W.get_value().tolist()}))
"""


@pytest.mark.slow
def test_sixteen_cold_processes_at_once(tmp_path):
    cache = tmp_path / "cache"
    environment = {**os.environ, "SYMSTACK_FLAGS": f"cache_dir={cache}"}
    start = time.monotonic()
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", COLD], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(16)
    ]
    answers = []
    for process in processes:
        out, err = process.communicate(timeout=max(1, 240 - (time.monotonic() - start)))
        assert process.returncode == 0, err
        answers.append(json.loads(out))
    assert all(answer == answers[0] for answer in answers)
    with ss.config.override(linker="py"):
        scope = {}
        exec(COLD.replace("print(", "result = ("), scope)
    np.testing.assert_allclose(answers[0]["costs"], scope["costs"], rtol=1e-12)
    np.testing.assert_allclose(answers[0]["W"], scope["W"].get_value(), rtol=1e-12)


FORKED = """
import os, threading, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons warn of forks with threads
import numpy as np
import symstack as ss
from symstack import tensor as T

begun, go_on = threading.Event(), threading.Event()

@ss.as_op(itypes=[T.dscalar], otypes=[T.dscalar], infer_shape=lambda node, shapes: shapes)
def slowly(x):
    begun.set()
    assert go_on.wait(60)
    return x + 1

x, total, other = T.dscalar("x"), ss.shared(0.0, name="total"), ss.shared(5.0, name="other")
with ss.config.override(linker=%r):
    slow = ss.function([x], slowly(x), updates=[(total, total + x)])
    quick = ss.function([x], x + total, updates=[(total, total + x)])
    apart = ss.function([x], x + other, updates=[(other, other + x)])
caller = threading.Thread(target=slow, args=(2.0,))
caller.start()
assert begun.wait(60)
child = os.fork()
if child == 0:
    fine = apart(1.0) == 6.0 and apart(1.0) == 7.0
    for ask in (lambda: quick(1.0), lambda: slow(1.0), total.get_value):
        try:
            fine = ask() is None
        except RuntimeError as error:
            fine = fine and "when this process was forked" in str(error)
    total.set_value(3.0)
    fine = fine and quick(1.0) == 4.0 and total.get_value() == 4.0
    os._exit(0 if fine else 1)
_, status = os.waitpid(child, 0)
go_on.set()
caller.join()
assert status == 0 and total.get_value() == 2.0 and quick(1.0) == 3.0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.parametrize("linker", LINKERS)
def test_a_fork_amid_an_update(linker):
    done = subprocess.run(
        [sys.executable, "-c", FORKED % linker], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
