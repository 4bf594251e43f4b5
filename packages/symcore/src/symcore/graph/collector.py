"""Full garbage collections wait while a graph is copied, differentiated or compiled.

Python's collector looks through all objects of the process each time their number has grown by a quarter. A copy of a
graph makes a great many objects, none of them garbage, so that these searches find nothing and take up to half of the
time. ``full_collections_wait`` puts them off. The collector stays on, and looks through young objects as ever, only
that more of them come together first: every 700, as Python has it, took 2 ms of the 40 ms in which a new process
rewrites and links a training step.
"""

import gc
import os
import threading
from types import TracebackType

#: A count of collections of the middle generation that is never reached.
_NEVER = 1_000_000_000
#: How many young objects come together before they are looked through: a few megabytes at most.
_MANY = 20_000


class _Waiting:
    """A block of code, in any number of threads at once and one inside the other, without full collections."""

    def __init__(self) -> None:
        self.forget()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._after_fork)

    def forget(self) -> None:
        """Start with nobody inside."""
        # Re-entrant, for taking it may set off a collection, whose finalisers may want it.
        self._lock = threading.RLock()
        self._inside = 0
        self._young = self._put = self._full = 0

    def _after_fork(self) -> None:
        # Only one thread lives on in the child, and it may be a thread that was not inside: then what it found stays
        # changed unless it is put back here.
        inside, young, full = self._inside, self._young, self._full
        self.forget()
        if inside:
            _, middle, _ = gc.get_threshold()
            gc.set_threshold(young, middle, full)

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._young, middle, self._full = gc.get_threshold()
                self._put = max(self._young, _MANY) if self._young else 0  # 0: the collector is switched off
                gc.set_threshold(self._put, middle, _NEVER)
            self._inside += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._lock:
            self._inside = max(0, self._inside - 1)  # a child that was forked inside has forgotten it
            if not self._inside:
                young, middle, full = gc.get_threshold()
                # and not what somebody else has asked for meanwhile
                gc.set_threshold(
                    self._young if young == self._put else young, middle, self._full if full == _NEVER else full
                )


#: ``with full_collections_wait: ...``.
full_collections_wait = _Waiting()
