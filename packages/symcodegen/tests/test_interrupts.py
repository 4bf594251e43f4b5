"""Signals (Ctrl-C) in long calls: between two kernels, between two steps, never amid a kernel or a commit."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from symcore import shared
from symcore import tensor as T
from symopt import function

pytestmark = [
    pytest.mark.c,
    pytest.mark.default_mode,
    pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="signals by timer"),
]
rng = np.random.default_rng(31)


@contextlib.contextmanager
def alarm(seconds, handler):
    """Send a signal after so many seconds of the process' own time: other processes have no say in that."""
    before = signal.signal(signal.SIGPROF, handler)
    try:
        signal.setitimer(signal.ITIMER_PROF, seconds)
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def stop(number, frame):
    raise KeyboardInterrupt


def products(count, updates=()):
    """A function that makes so many products one after another, of 5 ms or so each, and no loop."""
    x, a = T.dmatrix("x"), T.dmatrix("a")
    y = x
    for _ in range(count):
        y = T.tanh(y @ a)
    f = function([x, a], y, updates=updates)
    return f, (rng.normal(size=(500, 500)), rng.normal(size=(500, 500)) / 20)


def test_a_long_row_of_kernels_can_be_interrupted():
    w = shared(np.zeros(3), name="w")
    f, values = products(50, updates=[(w, w + 1)])
    start = time.process_time()
    wanted = f(*values)
    whole = time.process_time() - start
    assert w.get_value().tolist() == [1, 1, 1]
    start = time.process_time()
    with alarm(0.1 * whole, stop), pytest.raises(KeyboardInterrupt):
        f(*values)
    assert time.process_time() - start < 0.7 * whole
    np.testing.assert_array_equal(w.get_value(), [1, 1, 1])
    np.testing.assert_array_equal(f(*values), wanted)
    np.testing.assert_array_equal(w.get_value(), [2, 2, 2])


def test_a_handler_that_does_not_raise_lets_the_call_end():
    f, values = products(40)
    wanted, seen = f(*values), []
    with alarm(0.05, lambda number, frame: seen.append(number)):
        np.testing.assert_array_equal(f(*values), wanted)
    assert seen == [signal.SIGPROF]


def test_what_is_written_in_place_is_never_half_written():
    """Two large shared variables are updated in place: an interrupted call has changed both or none."""
    a, b = (shared(np.zeros(4_000_000), name=name) for name in "ab")
    f = function([], [], updates=[(w, T.sin(w) + T.exp(-w * w) + 1.0) for w in (a, b)])
    f()
    assert f.linked.machine.direct == (True, True)
    for _ in range(5):
        with contextlib.suppress(KeyboardInterrupt), alarm(0.01, stop):
            f()
            time.sleep(0.02)
        np.testing.assert_array_equal(a.get_value(borrow=True), b.get_value(borrow=True))


LONG = """
import signal
import numpy as np
from symcore import tensor as T
from symopt import function

x, a = T.dmatrix("x"), T.dmatrix("a")
y = x
signal.signal(signal.SIGINT, signal.default_int_handler)  # it is ignored in what a shell runs in the background
for _ in range(100):
    y = T.tanh(y @ a)
f = function([x, a], y)
values = np.ones((300, 300)), np.ones((300, 300)) / 300
f(*values)
print("ready", flush=True)
while True:
    f(*values)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT of another process")
def test_ctrl_c_ends_a_program():
    process = subprocess.Popen(
        [sys.executable, "-c", LONG], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.2)
        os.kill(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert "KeyboardInterrupt" in err and process.returncode == -signal.SIGINT
