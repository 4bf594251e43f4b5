"""Taking turns between processes, so that one compiles what many want. Advisory: never needed for correctness."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

__all__ = ["PATIENCE", "turn"]

PATIENCE = 5.0
"""Seconds another process may take for the same batch before a second one starts to compile it as well."""


@contextlib.contextmanager
def turn(folder: Path, batch: str, timeout: float, published: Callable[[], bool]) -> Iterator[bool]:
    """Take turns between processes that want the same batch; yields whether this one shall compile it.

    ``folder`` takes the lock files, ``batch`` names the work, ``timeout`` bounds one compilation in seconds, and
    ``published`` tells whether the result has appeared. At most one process compiles; if it takes longer than PATIENCE
    seconds (or is stopped), one more may. The others watch for the result. The turn is advice, not protection: whoever
    has waited for a compilation and PATIENCE goes ahead without it, and a file system without locks costs double work.
    """
    started = time.monotonic()
    pause = 0.005
    while True:
        waited = time.monotonic() - started
        slots = 1 if waited < PATIENCE else 2
        for slot in range(slots):
            held = _try_lock(folder / f"{batch}.{slot}.lock")
            if held is not None:
                try:
                    yield True
                finally:
                    held()
                return
        if waited > timeout + PATIENCE:
            yield True
            return
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)
        if published():
            yield False
            return


def _try_lock(path: Path) -> Callable[[], None] | None:
    """Take a lock that dies with the process; returns how to release it, or None if another holds it.

    If there can be no lock here (read-only, full, a network file system without locks), the caller gets a sham one.
    """
    try:
        import fcntl  # noqa: PLC0415 - absent on Windows
    except ImportError:
        return _try_filelock(path)
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    except OSError:
        return lambda: None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    except OSError:
        os.close(handle)
        return lambda: None

    def release() -> None:
        # Unlinked while still held: whoever locks the orphaned file looks into the cache before compiling.
        with contextlib.suppress(OSError):
            path.unlink()
        os.close(handle)

    return release


def _try_filelock(path: Path) -> Callable[[], None] | None:
    import filelock  # noqa: PLC0415 - 50 ms of import; used where the system has no flock

    lock = filelock.FileLock(str(path))
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        return None
    except (OSError, NotImplementedError):
        return lambda: None
    return lock.release
