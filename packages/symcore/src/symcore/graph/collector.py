"""Full garbage collections wait while a graph is copied or differentiated.

Python's collector looks through all objects of the process each time their number has grown by a quarter. A copy of a
graph makes a great many objects, none of them garbage, so that these searches find nothing and take up to half of the
time. ``full_collections_wait`` puts them off; the collector stays on, and young garbage is collected as ever.
"""

import gc
import os
import threading
from types import TracebackType

#: A count of collections of the middle generation that is never reached.
_NEVER = 1_000_000_000


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
        self._before = 0

    def _after_fork(self) -> None:
        # Only one thread lives on in the child, and it may be a thread that was not inside: then what it found stays
        # changed unless it is put back here.
        inside = self._inside
        before = self._before
        self.forget()
        if inside:
            young, middle, _ = gc.get_threshold()
            gc.set_threshold(young, middle, before)

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                young, middle, self._before = gc.get_threshold()
                gc.set_threshold(young, middle, _NEVER)
            self._inside += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._lock:
            self._inside = max(0, self._inside - 1)  # a child that was forked inside has forgotten it
            if not self._inside:
                young, middle, full = gc.get_threshold()
                if full == _NEVER:  # and not what somebody else has asked for meanwhile
                    gc.set_threshold(young, middle, self._before)


#: ``with full_collections_wait: ...``.
full_collections_wait = _Waiting()
