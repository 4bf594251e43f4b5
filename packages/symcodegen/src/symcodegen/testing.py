"""The C backend of the test kit: run one node through the C virtual machine."""

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

from symcodegen.linker import CLinker
from symcore.graph.variable import Apply
from symopt import Mode, RuleSet, function

#: The node as it is: no rule, the C linker.
PLAIN = Mode("no rules", RuleSet(), CLinker)
#: The functions of the nodes that are being checked, which run once per layout of the inputs; ``None``: not in C.
_compiled: WeakKeyDictionary[Apply, Any] = WeakKeyDictionary()


def run_in_c(node: Apply, inputs: Sequence[Any]) -> list[Any] | None:
    """Return the outputs of a node computed in C, or ``None`` where it has no C there.

    Enter it into ``symcore.testing.BACKENDS`` to have ``check_op`` compare it with ``perform``.
    """
    if node not in _compiled:
        variables = [v.type() for v in node.inputs]
        copy = node.op.make_node(*variables)
        f = function(variables, copy.outputs, mode=PLAIN, on_unused_input="ignore")
        _compiled[node] = None if any(where == "Python" for _, where, _ in f.placement()) else f
    f = _compiled[node]
    if f is None:
        return None
    results: list[Any] = f(*inputs)
    return results
