"""What a process has used: CPU seconds with those of its children, resident memory and its peak."""

from __future__ import annotations

import re
import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path

_STATUS = Path("/proc/self/status")
MIB = 1024.0


def cpu_seconds() -> float:
    """User and system time of this process and of the children it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def resident_mib() -> float:
    """Resident memory now; where the system does not tell, its peak."""
    return _status("VmRSS") or peak_mib()


def peak_mib() -> float:
    """The highest resident memory so far. Children (compilers) are not counted."""
    found = _status("VmHWM")
    if found is not None:
        return found
    unit = MIB * MIB if sys.platform == "darwin" else MIB  # macOS counts bytes, others KiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def _status(key: str) -> float | None:
    if not _STATUS.exists():
        return None
    match = re.search(rf"^{key}:\s+(\d+) kB", _STATUS.read_text(), re.MULTILINE)
    return int(match.group(1)) / MIB if match else None


@dataclass
class Stopwatch:
    """CPU and wall seconds since it was made."""

    def __post_init__(self) -> None:
        self._cpu, self._wall = cpu_seconds(), time.perf_counter()

    def read(self) -> dict[str, float]:
        return {"cpu_s": cpu_seconds() - self._cpu, "wall_s": time.perf_counter() - self._wall}
