"""Equality of graphs: same Ops on same inputs, whatever the identity of the nodes."""

from collections.abc import Mapping, Sequence
from typing import Any

from symcore.graph.collector import full_collections_wait
from symcore.graph.traverse import toposort
from symcore.graph.variable import Constant, Variable


def equal_computations(
    left: Sequence[Variable[Any]],
    right: Sequence[Variable[Any]],
    given: Mapping[Variable[Any], Variable[Any]] | None = None,
) -> bool:
    """Tell whether two lists of variables are computed by the same Ops in the same way.

    Inputs must be identical, or paired by ``given`` (left variable -> right variable); constants must have equal
    values. Two nodes that are equal to one merged node count as the same computation.
    """
    if len(left) != len(right):
        return False
    if _in_step(left, right, given or {}):
        return True
    numbers: dict[Any, int] = {}
    paired = {a: ("given", n) for n, a in enumerate(given or ())} | {
        b: ("given", n) for n, b in enumerate((given or {}).values())
    }
    with full_collections_wait:
        ids = [_number(side, numbers, paired) for side in (left, right)]
    return ids[0] == ids[1]


def _in_step(left: Sequence[Any], right: Sequence[Any], given: Mapping[Any, Any]) -> bool:
    """Tell whether two graphs are the same node by node, as copies are; then no numbers are needed to tell."""
    a_nodes, b_nodes = toposort(left, given), toposort(right, set(given.values()))
    if len(a_nodes) != len(b_nodes):
        return False
    twins = dict(given)

    def match(a: Variable[Any], b: Variable[Any]) -> bool:
        twin = twins.get(a)
        if twin is None:
            twin = twins[a] = b if a is b or _equal_constants(a, b) else a
        return twin is b

    for m, n in zip(a_nodes, b_nodes, strict=True):
        same = m.op is n.op or m.op == n.op
        if not same or len(m.inputs) != len(n.inputs) or len(m.outputs) != len(n.outputs):
            return False
        for a, b in zip(m.inputs, n.inputs, strict=True):
            if twins.get(a) is not b and not match(a, b):
                return False
        twins.update(zip(m.outputs, n.outputs, strict=True))
    return all(map(match, left, right))


def _equal_constants(a: Variable[Any], b: Variable[Any]) -> bool:
    both = isinstance(a, Constant) and isinstance(b, Constant)
    return both and a.type == b.type and a.signature() == b.signature()  # type: ignore[attr-defined]


def _number(outputs: Sequence[Variable[Any]], numbers: dict[Any, int], paired: Mapping[Any, Any]) -> list[int]:
    """Give every distinct computation a number (value numbering); return the numbers of ``outputs``."""
    found: dict[Variable[Any], int] = {}

    def leaf(v: Variable[Any]) -> int:
        if v not in found:
            if v in paired:
                key: Any = paired[v]
            elif isinstance(v, Constant):
                key = (v.type, v.signature())
            else:
                key = v
            found[v] = numbers.setdefault(key, len(numbers))
        return found[v]

    for node in toposort(outputs, paired):
        key = (node.op, *[found[v] if v in found else leaf(v) for v in node.inputs])
        number = numbers.setdefault(key, len(numbers))
        if len(node.outputs) == 1:
            found[node.outputs[0]] = number
            continue
        for output in node.outputs:
            found[output] = numbers.setdefault((number, output.index), len(numbers))
    return [leaf(v) for v in outputs]


def is_same_graph(a: Variable[Any], b: Variable[Any], givens: Mapping[Any, Any] | None = None) -> bool:
    """Tell whether ``a`` and ``b`` are the same computation, with ``givens``: see ``equal_computations``."""
    return equal_computations([a], [b], givens)
