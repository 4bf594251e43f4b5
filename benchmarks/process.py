"""Child processes: which Python, which threads, which caches, and what came back.

Every measurement runs in a child, under the interpreter of the peers' environment. Parent and child speak through a
file of JSON lines, because libraries print on both streams; lines written before a crash or a time-out are not lost.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
RESULTS = HERE / "results"
CACHE = HERE / ".cache"
ENVIRONMENT = HERE / ".env"
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


def environment_python(folder: Path = ENVIRONMENT) -> Path:
    """The interpreter inside a virtual environment, whether or not it exists."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def peers_python() -> Path:
    """The interpreter of ``benchmarks/.env``, or this one while ``setup`` has not been run."""
    python = environment_python()
    return python if python.exists() else Path(sys.executable)


def child_environment(threads: int, cache: Path) -> dict[str, str]:
    """Environment variables of a measurement: ``threads`` for every library, every compile cache under ``cache``."""
    settings = {name: str(threads) for name in _THREAD_VARIABLES}
    settings |= {
        "PYTHONWARNINGS": "ignore",
        "PYTHONHASHSEED": "0",
        # No configuration and no cache of the user: neither may change the figures
        "HOME": str(cache / "home"),
        "XDG_CACHE_HOME": str(cache / "home" / ".cache"),
        "SYMSTACK_FLAGS": f"cache_dir={cache / 'symstack'},threads={threads}",
        "PYTENSORRC": str(cache / "no-pytensorrc"),
        "PYTENSOR_FLAGS": f"base_compiledir={cache / 'pytensor'}",
        "NUMBA_CACHE_DIR": str(cache / "numba"),
        # JAX keeps compiled programs on disk only if asked to, and then only slow ones
        "JAX_PLATFORMS": "cpu",
        "JAX_ENABLE_X64": "1",
        "JAX_COMPILATION_CACHE_DIR": str(cache / "jax"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        "TORCHINDUCTOR_CACHE_DIR": str(cache / "inductor"),
        "TORCHINDUCTOR_COMPILE_THREADS": "1",  # its pool of compiler processes escapes the accounting of CPU time
    }
    # Without bytecode files an import would measure Python's own compiler.
    foreign = ("PYTENSOR", "JAX_", "SYMSTACK", "PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONPROFILEIMPORTTIME")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)} | settings


def pin(threads: int) -> str:
    """Keep this process on as many processors as it has threads; returns a sentence for the report."""
    if not hasattr(os, "sched_setaffinity"):
        return "not pinned (this system has no affinity call)"
    # The highest numbers: interrupts and the system's own work tend to sit on processor 0.
    chosen = sorted(os.sched_getaffinity(0))[-threads:]
    os.sched_setaffinity(0, chosen)
    return "pinned to processor " + ", ".join(map(str, chosen))


@dataclass
class Outcome:
    """The lines a child wrote, and how it ended: ``failure`` is empty when it ended well."""

    events: list[dict[str, Any]] = field(default_factory=list)
    failure: str = ""

    def of(self, kind: str) -> Iterator[dict[str, Any]]:
        return (event for event in self.events if event["event"] == kind)

    def last(self, kind: str) -> dict[str, Any] | None:
        return next(iter([*self.of(kind)][::-1]), None)


def one_line(text: str) -> str:
    """Text for a cell or a footnote: no line breaks, and no paths of this machine in results that are published."""
    return " ".join(text.replace(f"{ROOT}{os.sep}", "").split())


def run_worker(task: str, arguments: Mapping[str, Any], threads: int, cache: Path, timeout_s: float) -> Outcome:
    """Run ``benchmarks.worker`` on a task, in a process group of its own, and collect what it wrote."""
    (cache / "home").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        file = Path(folder) / "events.jsonl"
        file.touch()
        command = [str(peers_python()), "-m", "benchmarks.worker", task, json.dumps(dict(arguments)), str(file)]
        with (Path(folder) / "output").open("w+b") as output:
            failure = _run(command, child_environment(threads, cache), output, timeout_s)
            output.seek(0)
            text = output.read().decode(errors="replace")
        events = [json.loads(line) for line in file.read_text().splitlines() if line.endswith("}")]
    if failure and text.strip():
        failure += ": " + one_line(text)[-300:]
    return Outcome(events, failure)


def _run(command: list[str], environment: dict[str, str], output: Any, timeout_s: float) -> str:
    child = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,  # its compilers can be stopped with it
    )
    try:
        status = child.wait(timeout_s)
    except subprocess.TimeoutExpired:
        _kill_group(child)
        return f"stopped after {timeout_s:.0f} s"
    except BaseException:
        _kill_group(child)
        raise
    if status < 0:
        return f"killed by {signal.Signals(-status).name}"
    return f"exit status {status}" if status else ""


def _kill_group(child: subprocess.Popen[bytes]) -> None:
    if hasattr(os, "killpg"):
        os.killpg(child.pid, signal.SIGKILL)
    else:
        child.kill()
    child.wait()
