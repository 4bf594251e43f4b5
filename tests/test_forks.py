"""A process that is forked while another of its threads compiles, imports or holds a lock: the child does not wait."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")

PREPARED = """
import os, signal, sys, threading, time, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons warn of forks with threads
import numpy as np
import symstack as ss
from symstack import tensor as T

begun, go_on = threading.Event(), threading.Event()

def compiled():
    x = T.dmatrix("x")
    y = (T.exp(x) + 1).sum(axis=0) + T.dot(x, x)[0]
    values = ss.function([x], [y, ss.grad(y.sum(), x)])(np.zeros((2, 2)))
    return values[0].tolist() == [4.0, 4.0] and values[1].tolist() == [[1.0, 1.0], [1.0, 1.0]]

def in_child(work):
    child = os.fork()
    if child == 0:
        signal.alarm(60)  # ends a child that waits
        os._exit(0 if work() else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
"""

HELD = """
from contextlib import ExitStack
from symcodegen import blas, dispatch, extension, linker
from symcore import locks, plugins
from symopt import mode

doubled = ss.jit(lambda x: x * 2)
ours = [blas._lock, dispatch.c_impl._lock, extension._lock, linker._lock, plugins._lock, mode._lock, doubled._lock]
ours.append(ss.get_mode("FAST_RUN").rules._lock)
assert all(isinstance(lock, locks.ForkLock) for lock in ours)

def hold():
    with ExitStack() as stack:
        for lock in list(locks._locks):
            stack.enter_context(lock)
        begun.set()
        go_on.wait(120)

holder = threading.Thread(target=hold)
holder.start()
assert begun.wait(60)
own = locks.ForkLock()
with own:
    status = in_child(lambda: own._lock._is_owned() and compiled() and float(doubled(3.0)) == 6.0)
go_on.set()
holder.join()
assert status == 0, status
assert compiled()
"""

IMPORTING = """
import symopt

folder = sys.argv[1]
symopt.__path__.append(folder)
sys.path.append(folder)

def wait():
    begun.set()
    assert go_on.wait(120)

def imported():
    from symopt.outer_of_test import ANSWER
    import beside_of_test
    return ANSWER == 42 and beside_of_test.ANSWER == 42

sys.wait = wait
thread = threading.Thread(target=imported)
thread.start()
assert begun.wait(60)

def work():
    del sys.wait
    users = sys.modules["user_of_test"]
    return imported() and compiled() and sys.modules["user_of_test"] is users

class Users:  # half imported by a thread that imports nothing of ours: it stays as it is
    def __init__(self):
        self.begun = threading.Event()

users = sys.users = Users()
other = threading.Thread(target=__import__, args=("user_of_test",))
other.start()
assert users.begun.wait(60)
status = in_child(work)
go_on.set()
thread.join()
other.join()
assert status == 0, status
assert "symopt.outer_of_test" in sys.modules and imported()
"""

COMPILING = """
thread = threading.Thread(target=compiled)
thread.start()
time.sleep(float(sys.argv[1]))
status = in_child(compiled)
thread.join()
assert status == 0, status
"""


def run(text, *arguments):
    done = subprocess.run(
        [sys.executable, "-c", PREPARED + text, *map(str, arguments)],
        capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_every_lock_is_held_by_another_thread():
    run(HELD)


def test_another_thread_is_importing_our_modules(tmp_path):
    (tmp_path / "outer_of_test.py").write_text("from beside_of_test import ANSWER\n")
    (tmp_path / "beside_of_test.py").write_text("import sys\nif hasattr(sys, 'wait'):\n    sys.wait()\nANSWER = 42\n")
    (tmp_path / "user_of_test.py").write_text("import sys\nsys.users.begun.set()\nsys.wait()\n")
    run(IMPORTING, tmp_path)


@pytest.mark.parametrize("delay", [0.002, 0.005, 0.01, 0.02, 0.04])
def test_another_thread_compiles_for_the_first_time(delay):
    run(COMPILING, delay)
