"""What ``symcore.half_imports`` takes from the inside of Python is there, each part by itself.

A failure says which part an interpreter keeps differently. A child that is forked amid another thread's import may then
wait for ever (``tests/test_forks.py`` meets it), and ``half_imports`` must follow.
"""

import importlib
import os
import subprocess
import sys
import threading

import pytest

from symcore import half_imports

NAME = "a_module_that_waits"
TEXT = """
import sys
sys.modules["symcore_waits"].visit()
"""


@pytest.fixture
def importing(tmp_path, monkeypatch):
    """Another thread amid the import of a module that is not ours, which came to code of ours; its identity."""
    (tmp_path / f"{NAME}.py").write_text(TEXT)
    monkeypatch.syspath_prepend(str(tmp_path))
    reached, finish = threading.Event(), threading.Event()

    def wait():
        reached.set()
        assert finish.wait(30)

    ours = {"__name__": "symcore.pretended", "wait": wait}
    exec("def visit():\n    wait()\n", ours)
    monkeypatch.setitem(sys.modules, "symcore_waits", type(sys)("symcore_waits"))
    sys.modules["symcore_waits"].visit = ours["visit"]
    thread = threading.Thread(target=importlib.import_module, args=(NAME,))
    thread.start()
    assert reached.wait(30)
    yield thread.ident
    finish.set()
    thread.join()
    sys.modules.pop(NAME, None)


def test_locks_of_modules_are_where_they_were(importing):
    locks = half_imports._locks()
    assert locks, (
        f"Python {sys.version.split()[0]} keeps no dict of locks at importlib._bootstrap._module_locks: after a fork "
        "amid another thread's import nothing is mended. Find where it keeps them."
    )
    assert NAME in locks, "the lock of a module that is being imported is not under its name in _module_locks."
    lock = locks[NAME]()
    assert lock is not None, "entries of _module_locks are no weak references to locks."
    assert getattr(lock, "owner", None) == importing, "a lock of a module does not tell by `owner` which thread has it."


def test_modules_tell_that_they_are_being_imported(importing):
    spec = sys.modules[NAME].__spec__
    assert getattr(spec, "_initializing", None) is True, (
        "__spec__._initializing is not set while a module is imported: children keep half made modules."
    )


def test_frames_tell_what_is_being_imported(importing):
    frame = sys._current_frames()[importing]
    assert half_imports.begun_outside(frame) == {NAME}, (
        "frames of _find_and_load do not tell by `name` which module a thread imports: modules that others were "
        "importing would be made unknown, or ours would not."
    )


def test_a_thread_elsewhere_is_not_ours():
    assert half_imports.begun_outside(sys._getframe()) is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_child_imports_what_was_half_imported(tmp_path):
    """The whole of it: without these parts the child below would wait for ever, and be ended."""
    code = (
        "import os, signal, sys, threading, time, warnings\n"
        "warnings.simplefilter('ignore')\n"
        "import symcore.half_imports as h\n"
        "h._is_ours = lambda name, own=h._is_ours: own(name) or name == 'slow_of_ours'\n"
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        "first = os.getpid()\n"
        "sys.first = first\n"
        "threading.Thread(target=__import__, args=('slow_of_ours',), daemon=True).start()\n"
        "while not getattr(sys, 'reached', False): time.sleep(0.001)\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    signal.alarm(20)\n"
        "    import slow_of_ours\n"
        "    os._exit(0 if slow_of_ours.done else 1)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)\n"
        "os._exit(0)\n"
    )
    (tmp_path / "slow_of_ours.py").write_text(
        "import os, sys, time\nsys.reached = True\n"
        "while os.getpid() == sys.first: time.sleep(0.01)\n"
        "done = True\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["0"], (
        f"a forked child cannot import what another thread was importing (it ended with {done.stdout.strip()}; "
        f"-14: it waited): {done.stderr}"
    )
