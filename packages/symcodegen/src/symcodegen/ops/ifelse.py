"""Choices between whole values: only the side that is taken is computed."""

from symcodegen.dispatch import Answer, Branch, c_impl
from symcore.graph.variable import Apply
from symcore.ifelse import IfElse


@c_impl.register
def ifelse_c(op: IfElse, node: Apply) -> Answer:
    """A choice that the machine makes while it prepares, so that the other side is not even looked at."""
    then, otherwise = op.sides(node.inputs[1:])
    return Branch(node.inputs[0], tuple(then), tuple(otherwise))
