"""Pickling of graphs without recursion: a chain of a hundred thousand nodes is as good as one of ten.

``pickle`` follows references by recursion, from a variable to its node to that node's inputs and so on. Here a node is
pickled after a *prelude*: all the nodes it needs, each after those that it needs itself. When the pickler comes to a
node, its inputs are in the memo already, so it never goes deep. The nodes of a prelude need none of their own; a
thread-local note, which lives as long as the pickler's memo keeps the prelude, says so. The note only saves recursion:
a node always refers to its inputs, so every node, variable and constant is pickled once and right, whatever the note
says. ``copy.deepcopy`` works the same way.
"""

import copyreg
import threading
import weakref
from collections.abc import Iterator
from typing import Any

from symcore.graph.collector import full_collections_wait
from symcore.graph.traverse import toposort
from symcore.graph.variable import Apply

_local = threading.local()


class Prelude(list[Apply]):
    """Nodes in topological order; read back as a ``Rebuilt``."""

    def __reduce_ex__(self, protocol: Any) -> Any:
        _local.notes = [*_notes(), _Note(self)]
        return Rebuilt, (), None, self._in_order()

    def _in_order(self) -> Iterator[Apply]:
        with full_collections_wait:  # ends with the iterator, also where the pickler gives up
            yield from self


class Rebuilt(list[Apply]):
    """The nodes of a prelude while they are read back, or copied. Full collections wait until ``end``, or, where the
    reader gives up before, as long as the list lives."""

    def __init__(self) -> None:
        full_collections_wait.__enter__()
        self.open = True

    def end(self) -> None:
        """Tell that all nodes are there."""
        if self.open:
            self.open = False
            full_collections_wait.__exit__(None, None, None)

    __del__ = end


class _Note:
    """Which nodes a pickler is about to write, and which of them it has not come to yet."""

    def __init__(self, prelude: Prelude):
        self.alive = weakref.ref(prelude)
        self.nodes = frozenset(prelude)
        self.pending = set(prelude)


def _notes() -> list[_Note]:
    return [note for note in getattr(_local, "notes", ()) if note.pending and note.alive() is not None]


def _reduce(node: Apply) -> Any:
    notes = getattr(_local, "notes", None)
    if notes:
        for note in notes:
            note.pending.discard(node)
        if not notes[-1].pending or notes[-1].alive() is None:
            notes = _local.notes = _notes()
    parents = {v.owner for v in node.inputs if v.owner is not None}
    if notes:
        parents = {p for p in parents if not any(p in note.nodes for note in notes)}
    prelude = Prelude(toposort(node.inputs)) if parents else None
    types = tuple([y.type for y in node.outputs])
    tag, notes = getattr(node, "_tag", None), [y._annotations() for y in node.outputs]
    state = (tag, notes) if tag is not None or any(notes) else None
    return _rebuild, (prelude, node.op, tuple(node.inputs), types, node.trace), state


def _rebuild(prelude: Any, op: Any, inputs: Any, types: Any, trace: Any) -> Apply:
    if isinstance(prelude, Rebuilt):
        prelude.end()
    node = Apply(op, inputs, [t() for t in types])
    node.trace = trace
    return node


copyreg.pickle(Apply, _reduce)
