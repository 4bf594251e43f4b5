"""What need not be computed: nodes that only one side of an ``IfElse`` asks for, until that side is taken."""

from collections.abc import Sequence
from typing import Any

from symcore.graph.variable import Apply, Variable
from symcore.ifelse import IfElse


def needed_at(order: Sequence[Apply], outputs: Sequence[Variable[Any]]) -> tuple[set[Apply], dict[Apply, int]]:
    """Return the nodes that may never be needed, and for every node the last position of ``order`` where it can run.

    A node runs at its own place, unless all that use it are the sides of choices, or nodes of that kind: it is then
    left out until a choice asks for it, at the latest at the place of the last choice that can.
    """
    place = {node: k for k, node in enumerate(order)}
    always = {v.owner for v in outputs if v.owner is not None}
    latest: dict[Apply, int] = {}
    for node in reversed(order):
        when = place[node] if node in always else latest[node]
        latest[node] = when
        for position, v in enumerate(node.inputs):
            if v.owner is None:
                continue
            if node in always and (position == 0 or not isinstance(node.op, IfElse)):
                always.add(v.owner)
            latest[v.owner] = max(latest.get(v.owner, -1), when)
    return {node for node in order if node not in always}, latest


def wanted(node: Apply, condition: Any) -> list[Variable[Any]]:
    """Return the inputs that an ``IfElse`` node hands on for a value of its condition."""
    op = node.op
    assert isinstance(op, IfElse)
    return [node.inputs[k] for k in op.taken(condition)]
