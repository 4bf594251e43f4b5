"""``imports``: what ``import X`` costs, in CPU milliseconds over ``import numpy``, each time in a fresh process."""

from __future__ import annotations

import os
import statistics
import subprocess

from benchmarks.process import CACHE, ROOT, child_environment, peers_python
from benchmarks.report import render_imports
from benchmarks.session import Session, matching, result_name, say

BASE = "numpy"
MODULES = ("numpy", "symcore", "symstack", "scipy", "numba", "pytensor", "jax", "torch")
REPEATS, QUICK_REPEATS = 20, 5


def imports(contender: str, quick: bool) -> int:
    """Measure and write ``results/imports*.json`` and ``.md``; a module that does not import is left out. Returns 0."""
    name = result_name("imports", 1, quick, bool(contender))
    session = Session.start(name, 1, ["numpy"])
    modules = list(dict.fromkeys([BASE, *matching(contender, MODULES)]))
    usable = [module for module in modules if _usable(module, session)]
    samples: dict[str, list[float]] = {module: [] for module in usable}
    for _ in range(QUICK_REPEATS if quick else REPEATS):  # in turns: a disturbance falls on all of them
        for module in usable:
            samples[module].append(_cpu_seconds(module))
    base = statistics.median(samples[BASE])
    for module, found in samples.items():
        median = statistics.median(found)
        session.rows[module] = {"cpu_s": median, "over_numpy_s": median - base, "repeats": len(found)}
    say(session.finish(render_imports))
    return 0


def _usable(module: str, session: Session) -> bool:
    """Import it once, unmeasured, so that bytecode and file caches are warm."""
    try:
        _cpu_seconds(module)
    except ImportError as error:
        session.meta["left_out"][module] = str(error)
        say(f"left out: {module}: {error}")
        return False
    return True


def _cpu_seconds(module: str) -> float:
    """User and system time of ``python -c 'import module'``. Raises ImportError with its last line if it fails."""
    command = [str(peers_python()), "-c", f"import {module}"]
    environment = child_environment(1, CACHE / "run")
    with subprocess.Popen(command, cwd=ROOT.parent, env=environment, stderr=subprocess.PIPE, text=True) as child:
        assert child.stderr is not None
        errors = child.stderr.read()
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise ImportError((errors.strip().splitlines() or [f"exit status {child.returncode}"])[-1])
    return used.ru_utime + used.ru_stime
