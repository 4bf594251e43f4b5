"""The C backend of the test kit: run one node through the C virtual machine."""

from collections.abc import Sequence
from typing import Any

from symcodegen.linker import CLinker
from symcore.graph.variable import Apply
from symopt import Mode, RuleSet, function

#: The node as it is: no rule, the C linker.
PLAIN = Mode("no rules", RuleSet(), CLinker)


def run_in_c(node: Apply, inputs: Sequence[Any]) -> list[Any] | None:
    """Return the outputs of a node computed in C, or ``None`` where it has no C there.

    Enter it into ``symcore.testing.BACKENDS`` to have ``check_op`` compare it with ``perform``.
    """
    variables = [v.type() for v in node.inputs]
    copy = node.op.make_node(*variables)
    f = function(variables, copy.outputs, mode=PLAIN, on_unused_input="ignore")
    if any(where == "Python" for _, where, _ in f.placement()):
        return None
    results: list[Any] = f(*inputs)
    return results
