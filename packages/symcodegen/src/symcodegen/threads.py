"""How many threads a call may use: what the system grants to this process, and what ``config.threads`` asks for.

The pool itself is the virtual machine's (``cvm/threads.c``); it starts its threads when a call first wants them.
"""

from __future__ import annotations

import os
from pathlib import Path

from symcore.record import Record

__all__ = ["MOST", "POOL", "Granted", "count", "granted"]

POOL = os.name != "nt"
"""Whether the virtual machine has threads on this system."""

MOST = 256
"""Threads that take part in one call, at most; the machine's own bound."""


class Granted(Record):
    """A number of threads, and where it comes from."""

    threads: int
    reason: str


def count(wanted: int) -> int:
    """Return the number of threads for a value of ``config.threads``: itself, or for 0 what the system grants.

    Asked when a function is made: a process that is moved to other processors later keeps its numbers.
    """
    return min(wanted, MOST) if wanted > 0 else granted().threads


def granted(root: str | Path = "/") -> Granted:
    """Return as many threads as can run at once: by the processors of this process, and by its control group's quota.

    A quota is in processors per time; what is left of a whole one is not counted, for a thread that is throttled holds
    up the others. ``root``: where ``proc`` and ``sys/fs/cgroup`` are.
    """
    if hasattr(os, "sched_getaffinity"):
        processors, source = len(os.sched_getaffinity(0)), "processors this process may run on"
    else:
        processors, source = os.cpu_count() or 1, "processors of this machine"
    found = Granted(min(processors, MOST), f"{processors} {source}")
    quota = _quota(Path(root))
    if quota is None or quota[0] >= found.threads:
        return found
    share, file = quota
    return Granted(max(1, int(share)), f"a quota of {share:g} processors in {file}, of {processors} {source}")


def _quota(root: Path) -> tuple[float, str] | None:
    """Return the smallest quota of this process' control groups and their parents, and its file; ``None``: no limit."""
    quotas = []
    for file in _files(root):
        try:
            share = _share(file)
        except (OSError, ValueError, IndexError):
            continue  # no such controller there, or not for us to read
        if share is not None:
            quotas.append((share, f"/{file.relative_to(root)}"))
    return min(quotas, default=None)


def _files(root: Path) -> list[Path]:
    """Return the files that may hold a quota, of versions 1 and 2, from the own group up to the topmost one.

    Inside a container the path in ``/proc/self/cgroup`` may be that of the host, which is not to be seen there: then
    the group is the one mounted as the topmost.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    files: dict[Path, None] = {}
    for line in lines:
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            tops, name = [root / "sys/fs/cgroup", root / "sys/fs/cgroup/unified"], "cpu.max"
        elif "cpu" in controllers.split(","):
            tops, name = [root / "sys/fs/cgroup" / c for c in (controllers, "cpu")], "cpu.cfs_quota_us"
        else:
            continue
        parts = [part for part in path.split("/") if part not in ("", ".", "..")]
        for top in tops:
            files.update({top.joinpath(*parts[:k], name): None for k in range(len(parts), -1, -1)})
    return list(files)


def _share(file: Path) -> float | None:
    """Return the processors that a file grants; ``None``: no limit. Raises OSError, ValueError, IndexError."""
    words = file.read_text(encoding="utf-8").split()
    if file.name == "cpu.max":  # "max 100000" or "150000 100000"
        if words[:1] == ["max"]:
            return None
        quota, period = float(words[0]), float(words[1]) if len(words) > 1 else 100000.0
    else:
        quota, period = float(words[0]), float(file.with_name("cpu.cfs_period_us").read_text(encoding="utf-8"))
    return quota / period if quota > 0 and period > 0 else None
