"""Walks and copies that programs ask a graph for: ``io_toposort``, ``walk``, ``clone_get_equiv``. Nothing recurses."""

from collections import deque
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
from typing import Any

from symcore.graph.clone import copy_graph
from symcore.graph.traverse import explicit_inputs, toposort, variables_and_orphans
from symcore.graph.variable import Apply, Constant, Variable


def io_toposort(inputs: Collection[Variable[Any]], outputs: Iterable[Variable[Any]]) -> list[Apply]:
    """Return the nodes between ``inputs`` and ``outputs``, each after the nodes that it needs.

    What computes an input is not a part of the answer. The order depends on the graph alone.
    """
    return toposort(outputs, inputs)


def walk(
    nodes: Iterable[Any],
    expand: Callable[[Any], Iterable[Any] | None],
    bfs: bool = True,
    return_children: bool = False,
    hash_fn: Callable[[Any], Hashable] = id,
) -> Iterator[Any]:
    """Yield ``nodes`` and what ``expand`` leads to from them, everything once.

    Parameters
    ----------
    nodes
        Where to begin.
    expand
        From an item to those behind it; ``None`` for nothing.
    bfs
        Breadth first; otherwise depth first, the last of the items behind one first.
    return_children
        Yield pairs ``(item, what expand gave)``.
    hash_fn
        Two items with equal keys are the same; by default their identity counts.
    """
    pending, seen = deque(nodes), set()
    while pending:
        item = pending.popleft() if bfs else pending.pop()
        key = hash_fn(item)
        if key in seen:
            continue
        seen.add(key)
        behind = expand(item)
        found = None if behind is None else list(behind)
        yield (item, found) if return_children else item
        pending.extend(found or ())


def clone_get_equiv(
    inputs: Sequence[Variable[Any]],
    outputs: Sequence[Variable[Any]],
    copy_inputs: bool = True,
    copy_orphans: bool = True,
) -> dict[Any, Any]:
    """Copy the graph between ``inputs`` and ``outputs``; return what became of every variable and node of it.

    Parameters
    ----------
    copy_inputs
        With ``False`` the copy uses the inputs themselves.
    copy_orphans
        With ``False`` variables without an owner that are no inputs are shared with the copy. Constants and shared
        variables always are: copies of these would be no copies of the function.

    Returns
    -------
    ``{old variable: new variable, old node: new node}``.
    """
    mapping: dict[Any, Any] = {} if copy_inputs else {v: v for v in inputs}
    loose = [v for v in variables_and_orphans(inputs, outputs)[1] if not isinstance(v, Constant)]
    if copy_orphans:
        mapping.update({v: v.clone() for v in explicit_inputs(loose) if v not in inputs})
    nodes = toposort(outputs, inputs)
    mapping = copy_graph(inputs, outputs, mapping)[2]
    mapping.update({v: v for v in variables_and_orphans(inputs, outputs)[1] if v not in mapping})
    return {**mapping, **{node: mapping[node.outputs[0]].owner for node in nodes if node.outputs}}
