"""What need not be computed: nodes that only one side of an ``IfElse`` asks for, until that side is taken."""

from collections.abc import Hashable, Sequence
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


def needs(order: Sequence[Apply], outputs: Sequence[Variable[Any]]) -> dict[Apply, int]:
    """Return a number for every node: equal numbers, needed under the same choices; 0, always.

    Nodes that are needed under different choices must not become one: its work would be done, and its failures and
    warnings met, where only one of them is asked for. Numbers may differ where the choices come to the same by a way
    that is not seen here. A graph without choices has no other numbers than 0. Time is linear in the graph.
    """
    if not any(isinstance(node.op, IfElse) for node in order):
        return dict.fromkeys(order, 0)
    numbers: dict[Hashable, int] = {}
    of_number: dict[int, Hashable] = {}

    def number(reason: Hashable) -> int:
        found = numbers.setdefault(reason, len(numbers) + 1)
        of_number[found] = reason
        return found

    asked: dict[Apply, set[int]] = {node: set() for node in order}
    for v in outputs:
        if v.owner is not None:
            asked[v.owner].add(0)
    found: dict[Apply, int] = {}
    for node in reversed(order):
        own = found[node] = _joint(asked[node], of_number, number)
        for position, v in enumerate(node.inputs):
            if v.owner is None:
                continue
            if isinstance(node.op, IfElse) and position:
                asked[v.owner].add(number((node.inputs[0], position <= node.op.n_outs, own)))
            else:
                asked[v.owner].add(own)
    return found


def needed_together(nodes: Sequence[Apply], fgraph: Any) -> bool:
    """Tell whether nodes of a graph are needed under the same choices, so that they may become one."""
    found = needs(fgraph.toposort(), fgraph.outputs)
    return len({found[node] for node in nodes}) == 1


def _joint(asked: set[int], of_number: dict[int, Hashable], number: Any) -> int:
    """Return the number of what is needed if any of ``asked`` holds: both sides of a choice are the choice itself."""
    asked = set(asked)
    stack = list(asked)
    while stack:
        reason = of_number.get(stack.pop())
        if not isinstance(reason, tuple):
            continue
        condition, side, outer = reason
        here, there = number(reason), number((condition, not side, outer))
        if here in asked and there in asked:
            asked -= {here, there}
            asked.add(outer)
            stack.append(outer)
    if 0 in asked or not asked:
        return 0
    return asked.pop() if len(asked) == 1 else number(frozenset(asked))


def wanted(node: Apply, condition: Any) -> list[Variable[Any]]:
    """Return the inputs that an ``IfElse`` node hands on for a value of its condition."""
    op = node.op
    assert isinstance(op, IfElse)
    return [node.inputs[k] for k in op.taken(condition)]
