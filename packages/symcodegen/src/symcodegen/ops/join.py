"""Joins: each piece is copied into a view of the result."""

from typing import Any

from symcodegen.dispatch import Answer, Routine, c_impl
from symcore.graph.variable import Apply
from symcore.tensor.join import Join
from symcore.tensor.type import TensorType


@c_impl.register
def join_c(op: Join, node: Apply) -> Answer:
    """One copy per piece; lengths along the other axes are checked by the copies."""

    def emit(b: Any, n: Apply) -> None:
        registers = b.registers
        y = n.outputs[0]
        target = b.out(y)
        start = registers.of(0)
        for v in n.inputs:
            stop = registers.add(start, registers.shape(v)[op.axis])
            ttype = TensorType(y.type.dtype, [None] * y.type.ndim)
            view = b.new_view(ttype)
            whole = (b.cvm.ITEM_SLICE, -1, -1, -1)
            b.subtensor(view, target, [whole] * op.axis + [(b.cvm.ITEM_SLICE, start, stop, -1)])
            b.copy(view, b.slot(v), ttype)
            start = stop

    return Routine("copies", emit)
