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
    numbers: dict[Any, int] = {}
    paired = {a: ("given", n) for n, a in enumerate(given or ())} | {
        b: ("given", n) for n, b in enumerate((given or {}).values())
    }
    with full_collections_wait:
        ids = [_number(side, numbers, paired) for side in (left, right)]
    return ids[0] == ids[1]


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
    """Tell whether ``a`` and ``b`` are the same computation. See ``equal_computations``."""
    return equal_computations([a], [b], givens)
