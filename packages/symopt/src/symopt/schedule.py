"""The order in which the nodes of a graph run: low peak memory, and updates that can be written in place.

The base is the depth-first order of the graph, with three changes. A node that takes no more memory than it sets free
(or very little of what it reads) runs as soon as it can: what it sets free is then free for all that follows. In a
training step these are the updates of the weights, each of which ends the life of one layer's activations and of their
gradient. Nodes that only make memory wait until somebody wants it. And the node that computes an update waits until
the old value has been read and nothing is left that can fail.

Lengths are mostly not known yet; those are taken to be ``UNKNOWN``, for what counts is which of two buffers is larger.
Every node is looked at when its inputs are there and when it has become the last reader of one of them, so time is
linear in the graph.
"""

import heapq
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from symcore.graph.fgraph import FunctionGraph
from symcore.graph.shared import SharedVariable
from symcore.graph.variable import Apply, Variable
from symcore.tensor.creation import Alloc
from symcore.tensor.elemwise import Elemwise
from symcore.tensor.subtensor import AdvancedIncSubtensor, IncSubtensor
from symcore.tensor.type import TensorType

UNKNOWN = 256
#: A result of so small a part of what its node reads is worth having early.
SMALL_PART = 16
#: What writes a part of its first input, and what may make that input in the memory of the result.
_WRITES = (IncSubtensor, AdvancedIncSubtensor)
_MAKES = (*_WRITES, Elemwise, Alloc)


def schedule(
    fgraph: FunctionGraph,
    n_outputs: int,
    updated: Sequence[SharedVariable[Any]],
    root: Mapping[Variable[Any], Variable[Any]],
    can_fail: Callable[[Apply], bool],
) -> list[Apply]:
    """Return the nodes in the order in which they are to run.

    Parameters
    ----------
    n_outputs
        How many of the graph's outputs are the function's; the rest are the new values of ``updated``.
    root
        ``{view: the variable whose buffer it looks at}``.
    can_fail
        Whether a node can fail once the shapes have been checked.
    """
    order = fgraph.toposort()
    final = _final_nodes(fgraph, n_outputs, updated)
    return _Scheduler(fgraph, order, final, root, can_fail).run()


def _final_nodes(fgraph: FunctionGraph, n_outputs: int, updated: Sequence[Any]) -> dict[Apply, Any]:
    """Return the nodes whose only result is the new value of one shared variable, and nothing else uses it; and those
    that write the parts of it before."""
    final: dict[Apply, Any] = {}
    for shared, new in zip(updated, fgraph.outputs[n_outputs:], strict=True):
        node = new.owner
        if (
            node is not None
            and all(user is None for user, _ in fgraph.clients[new])
            and node not in final
            and all(not fgraph.clients[y] for y in node.outputs if y is not new)
        ):
            final[node] = shared
            final.update((x.owner, shared) for x in written_parts(new, fgraph) if x.owner is not None)
    return final


def written_parts(new: Variable[Any], fgraph: FunctionGraph) -> list[Variable[Any]]:
    """Return what ``new`` is before each of the writes of parts that make it, last to first.

    Several parts of a table that are written one after another are one work on the memory that ``new`` will be in: the
    results in between, and the elementwise work or the fill that they begin from, need none of their own. Each of them
    is read by the next write alone.
    """
    found: list[Variable[Any]] = []
    node = new.owner
    while node is not None and type(node.op) in _WRITES:
        x = node.inputs[0]
        made_by: Any = x.owner
        if made_by is None or type(made_by.op) not in _MAKES or len(fgraph.clients[x]) > 1 or x.type != new.type:
            break
        if len(made_by.outputs) > 1:
            break
        found.append(x)
        node = made_by
    return found


class _Scheduler:
    def __init__(
        self,
        fgraph: FunctionGraph,
        order: Sequence[Apply],
        final: dict[Apply, Any],
        root: Mapping[Variable[Any], Variable[Any]],
        can_fail: Callable[[Apply], bool],
    ):
        self.root = root
        self.order = order
        self.final = final
        self.place = {node: k for k, node in enumerate(order)}
        self.can_fail = can_fail
        self.makers = {node for node in order if _only_makes_memory(node)}
        self.done: set[Apply] = set()
        self.result: list[Apply] = []
        self.ready: list[int] = []
        self.fallible_left = sum(can_fail(node) for node in order if node not in final)
        self.readers = self._readers(fgraph)
        self.left = {v: len(nodes) for v, nodes in self.readers.items()}
        self.waits: dict[Apply, int] = {}
        self.unlocks: dict[Apply, list[Apply]] = {}
        self._dependencies()

    def run(self) -> list[Apply]:
        """Return all nodes in order."""
        for node in self.order:
            if node not in self.final and node not in self.makers:
                self._emit(node)
                self._run_ahead()
        for node in self.order:  # memory that nobody asked for; old values that are read in a circle (a swap)
            self._emit(node)
        return self.result

    # ------------------------------------------------------------------ bookkeeping

    def _readers(self, fgraph: FunctionGraph) -> dict[Variable[Any], list[Apply]]:
        """Return, per buffer that ends within the call, the nodes that read it or a view of it."""
        lasting = {self.root.get(v, v) for v in fgraph.outputs}
        readers: dict[Variable[Any], dict[Apply, None]] = {}
        for node in self.order:
            for v in node.inputs:
                source = self.root.get(v, v)
                if source.owner is not None and source not in lasting:
                    readers.setdefault(source, {})[node] = None
        return {v: list(nodes) for v, nodes in readers.items()}

    def _dependencies(self) -> None:
        """Count for every node what it waits for."""
        shared_readers: dict[Any, set[Apply]] = {shared: set() for shared in self.final.values()}
        for node in self.order:
            for v in node.inputs:
                source = self.root.get(v, v)
                if source in shared_readers:
                    shared_readers[source].add(node)
        for node in self.order:
            before = {v.owner for v in node.inputs if v.owner is not None}
            if node in self.final:  # what writes other parts of the same variable comes in its own turn
                shared = self.final[node]
                before |= {reader for reader in shared_readers[shared] if self.final.get(reader) is not shared}
            while not before.isdisjoint(self.makers):  # a maker runs when it is asked for: what it reads must be there
                asked = before & self.makers
                before = (before - asked) | {v.owner for m in asked for v in m.inputs if v.owner is not None}
            self.waits[node] = len(before)
            for other in before:
                self.unlocks.setdefault(other, []).append(node)
        for node in self.final:
            if not self.waits[node]:
                self._look_at(node)

    def _look_at(self, node: Apply) -> None:
        if node not in self.done and not self.waits[node]:
            heapq.heappush(self.ready, self.place[node])

    # ------------------------------------------------------------------ choosing

    def _emit(self, node: Apply) -> None:
        if node in self.done:
            return
        for v in node.inputs:
            if v.owner in self.makers and v.owner not in self.done:
                self._emit(v.owner)
        self.done.add(node)
        self.result.append(node)
        if node not in self.final:
            self.fallible_left -= self.can_fail(node)
        for source in {self.root.get(v, v): None for v in node.inputs}:
            if source in self.left:
                self.left[source] -= 1
                if self.left[source] == 1:
                    self._look_at(next(n for n in self.readers[source] if n not in self.done))
        for other in self.unlocks.get(node, ()):
            self.waits[other] -= 1
            self._look_at(other)

    def _run_ahead(self) -> None:
        """Run all that can run by now and is worth it."""
        held = []
        while self.ready:
            place = heapq.heappop(self.ready)
            node = self.order[place]
            if node in self.done:
                continue
            if node in self.final:
                if self.fallible_left:
                    held.append(place)
                else:
                    self._emit(node)
            elif self._worth_it(node):
                self._emit(node)
        for place in held:
            heapq.heappush(self.ready, place)

    def _worth_it(self, node: Apply) -> bool:
        """Whether running a node now takes no memory from those that follow, or hardly any."""
        if not node.op.pure:
            return False
        taken = sum(_weight(y) for y in node.outputs if self.root.get(y, y) is y)
        read = {self.root.get(v, v) for v in node.inputs}
        read = {v for v in read if v in self.left}
        if not read:
            return False
        freed = sum(_weight(v) for v in read if self.left[v] == 1)
        return taken <= freed or taken * SMALL_PART <= max(_weight(v) for v in read)


def _only_makes_memory(node: Apply) -> bool:
    """Whether a node reads nothing but lengths and other scalars that are at hand, and makes more than a scalar."""
    return (
        node.op.pure
        and any(_weight(y) > SMALL_PART for y in node.outputs)
        and all(isinstance(v.type, TensorType) and v.type.ndim == 0 for v in node.inputs)
    )


def _weight(v: Variable[Any]) -> int:
    """Return the bytes of a variable, as far as they are known."""
    if not isinstance(v.type, TensorType):
        return UNKNOWN
    size = int(v.type.dtype.itemsize)
    for n in v.type.shape:
        size *= UNKNOWN if n is None else n
    return size
