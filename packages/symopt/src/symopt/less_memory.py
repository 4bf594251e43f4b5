"""Gradients of loops in less memory: a second program, made when a call turns out to need it.

The gradient of a loop reads what all its steps made. Where that is more than ``config.loop_memory`` bytes, the function
is compiled once more, with loops in blocks of steps that are made again on the way back; that program serves the calls
that are too large for the first one, which goes on to serve the others. Whether a call is too large is known from the
shapes of its arguments, before its loops run, so that the others pay nothing for it.

What blocks are is the business of the Op: one that can be written so has a method ``less_memory(node, fgraph)``, which
returns ``{variable: what takes its place}``, or ``None``. It also has ``warn_of_forgotten(updated)``, which is told
which shared variables a function updates, and may have ``asked.profile``.
"""

import logging
from collections.abc import Callable
from typing import Any

from symcore.graph.fgraph import FunctionGraph
from symcore.locks import ForkLock

_log = logging.getLogger("symopt")
_COMPILED_AGAIN = (
    "%s: loops would keep more than %d bytes (config.loop_memory); compiling it again, with steps that are made twice."
)
_NOTHING_SAVED = (
    "%s: loops keep more than %d bytes (config.loop_memory), and no gradient reads their rows that could make steps "
    "again instead: a loop whose rows are asked for remembers everything. Fewer steps at a time, or scan_checkpoints, "
    "need less."
)


def loops_of(fgraph: FunctionGraph) -> list[Any]:
    """Return the nodes of a graph that can do with less memory."""
    return [node for node in fgraph.nodes if hasattr(type(node.op), "less_memory")]


def profile_of(loops: list[Any]) -> Any:
    """Return the profile that loops, or loops in their steps, were asked for: that of the first of them that wants
    one, or ``None``."""
    for node in loops:
        asked = getattr(node.op, "asked", None)
        if asked is not None and asked.profile is not None:
            return asked.profile
        within = profile_of(loops_of(node.op.fgraph))
        if within is not None:
            return within
    return None


def in_less_memory(fgraph: FunctionGraph) -> bool:
    """Let gradients make the steps of loops again, in a graph that no rule has changed but that Ops made of graphs are
    taken apart; tell whether any can."""
    changed = False
    for node in fgraph.toposort():
        make: Any = getattr(node.op, "less_memory", None)
        if make is not None and node in fgraph.nodes:
            pairs = make(node, fgraph)
            if pairs:
                fgraph.replace_all(list(pairs.items()), "less memory")
                changed = True
    return changed


class SecondProgram:
    """Makes the function that takes over when a call needs too much, at the first such call.

    ``make``: compiles it; ``None`` where nothing can be saved. ``source``: what it is compiled from, in a form that can
    be pickled, or ``None`` for a copy of another one.
    """

    def __init__(self, make: Callable[[], Any], limit: int, source: Callable[[], Any] | None = None):
        self._make, self.limit, self.source = make, limit, source
        self._lock = ForkLock()
        self._made: Any = None
        self._tried = False

    def function(self, name: str | None) -> Any:
        """Return the function, or ``None`` where it would need as much; ``name`` is that of the first one, if it is to
        be told that it is compiled again."""
        with self._lock:
            if not self._tried:
                if name is not None:
                    _log.info(_COMPILED_AGAIN, name, self.limit)
                self._made, self._tried = self._make(), True
                if self._made is None and name is not None:
                    _log.warning(_NOTHING_SAVED, name, self.limit)
        return self._made

    @property
    def saves_nothing(self) -> bool:
        """Whether it was asked for and there is none."""
        return self._tried and self._made is None

    def derived(self, derive: Callable[[Any], Any]) -> "SecondProgram":
        """Return what makes the second program of a copy of the first one: ``derive`` of this one's second program."""

        def make() -> Any:
            made = self.function(None)  # the copy has told
            return None if made is None else derive(made)

        return SecondProgram(make, self.limit)

    def free(self) -> None:
        """Give back what is kept for the next call."""
        if self._made is not None:
            self._made.free()
