"""``ForkLock``: the lock to guard what a process makes once, such as the plug-ins that it loads.

A process that is forked while another of its threads holds a lock has that lock, but not the thread that would let it
go: the first to want it would wait for ever. The standard library's locks are left so by a fork.
"""

import os
import threading
import weakref
from types import TracebackType

from symcore import half_imports  # noqa: F401 - it mends what locks alone cannot


class ForkLock:
    """A re-entrant lock for ``with``, which in a forked child is free, unless the thread that forked holds it.

    What it guards must be sound at any moment at which the lock is held: made first, and then put in its place at once.
    In the child what was half made is made again.
    """

    __slots__ = ("__weakref__", "_lock")

    def __init__(self) -> None:
        self._lock = threading.RLock()
        _locks.add(self)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._lock.release()

    def _after_fork(self) -> None:
        if not self._lock._is_owned():  # type: ignore[attr-defined]
            self._lock = threading.RLock()


_locks: "weakref.WeakSet[ForkLock]" = weakref.WeakSet()


def _after_fork() -> None:
    for lock in list(_locks):
        lock._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
