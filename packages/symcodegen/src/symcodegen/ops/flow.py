"""Ops that only say how gradients pass: views."""

from symcodegen.dispatch import Answer, Routine, c_impl
from symcodegen.ops.shapes import view_slot
from symcore.gradient.flow import DisconnectedGrad, GradClip, GradScale, UndefinedGrad, ZeroGrad
from symcore.graph.variable import Apply
from symcore.op import Op
from symcore.tensor.type import TensorType


@c_impl.register(ZeroGrad)
@c_impl.register(DisconnectedGrad)
@c_impl.register(UndefinedGrad)
@c_impl.register(GradClip)
@c_impl.register(GradScale)
def through_c(op: Op, node: Apply) -> Answer:
    """The input itself."""
    if not isinstance(node.inputs[0].type, TensorType):
        return None
    return Routine("view", lambda b, n: b.subtensor(view_slot(b, n), b.slot(n.inputs[0]), ()))
