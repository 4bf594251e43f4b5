"""C for what has as many elements as values say: one kernel counts, the next segment of the program fills."""

from typing import Any

from symcodegen.dispatch import Answer, CKernel, Routine, c_impl, refuse
from symcodegen.expr import NoC
from symcodegen.kernels.counting import (
    REPEATED,
    REPEATED_LENGTH,
    bincount_kernel,
    bincount_length_kernel,
    distinct_count_kernel,
    distinct_kernel,
    nonzero_count_kernel,
    nonzero_kernel,
)
from symcodegen.kernels.sorting import SORT_WEIGHT, sort_extras
from symcodegen.ops.counted import counted
from symcore.graph.variable import Apply
from symcore.tensor.arranging import RepeatedPositions
from symcore.tensor.counting import BinCount, Unique
from symcore.tensor.subtensor import Nonzero
from symcore.tensor.type import TensorType


@c_impl.register
def nonzero_c(op: Nonzero, node: Apply) -> Answer:
    """Count, then note the positions."""
    x = node.inputs[0].type
    count = CKernel(nonzero_count_kernel(x.dtype, x.ndim, len(node.inputs) > 1), fallible=len(node.inputs) > 1)
    fill = CKernel(nonzero_kernel(x.dtype, x.ndim))

    def emit(b: Any, n: Apply) -> None:
        inputs = [b.slot(v) for v in n.inputs]
        length = counted(b, count, inputs, f"count {op}")
        outputs = [b.out(y, lengths=(length,)) for y in n.outputs]
        b.kernel(fill, outputs, inputs[:1], name=str(op))

    return Routine("count and fill", emit, fallible=True)


@c_impl.register
def bincount_c(op: BinCount, node: Apply) -> Answer:
    """Find the largest, then count."""
    weights = node.inputs[2].type.dtype if op.weighted else None
    length_of = CKernel(bincount_length_kernel(op.weighted), fallible=True, heavy=True)
    fill = CKernel(*bincount_kernel(weights), fallible=weights is not None, weight=4)

    def emit(b: Any, n: Apply) -> None:
        inputs = [b.slot(v) for v in n.inputs]
        length = counted(b, length_of, inputs, f"length of {op}")
        b.kernel(fill, [b.out(n.outputs[0], lengths=(length,))], [inputs[0], *inputs[2:]], name=str(op))

    return Routine("count and fill", emit, fallible=True)


@c_impl.register
def unique_c(op: Unique, node: Apply) -> Answer:
    """Sort, or find the order, count where neighbours differ, take one of each."""
    if op.axis is not None:
        return refuse(node, "different slices along an axis have no C, different elements have")
    x = node.inputs[0].type
    by_order = op.return_index or op.return_inverse
    try:
        extras = sort_extras(x.dtype, 1, 0)
        count = CKernel(distinct_count_kernel(x.dtype, by_order))
        fill = CKernel(
            distinct_kernel(x.dtype, by_order, op.return_index, op.return_inverse, op.return_counts, x.ndim), weight=2
        )
    except NoC as why:
        return refuse(node, f"no C for {why}")
    vector = TensorType(x.dtype, (None,))
    order = TensorType("int64", (None,)) if by_order else vector

    def emit(b: Any, n: Apply) -> None:
        shape = b.registers.shape(n.inputs[0])
        size = (b.registers.product(shape),)
        flat = b.new_view(vector)
        b.emit(b.cvm.RESHAPE, None, [flat], [b.slot(n.inputs[0])], size)
        found = b.temp(order, size)
        known = [b.registers.of(k) for k in extras]
        b.routine("argsort" if by_order else "sort", [found], [flat], known, weight=SORT_WEIGHT)
        inputs = [flat, found] if by_order else [found]
        length = (counted(b, count, inputs, f"count {op}"),)
        outputs = [b.out(y, lengths=shape if _is_inverse(op, k) else length) for k, y in enumerate(n.outputs)]
        b.kernel(fill, outputs, inputs, name=str(op))

    return Routine("sort and count", emit, fallible=True)


def _is_inverse(op: Unique, position: int) -> bool:
    return op.return_inverse and position == 1 + op.return_index


@c_impl.register
def repeated_positions_c(op: RepeatedPositions, node: Apply) -> Answer:
    """Add up, then fill."""

    def emit(b: Any, n: Apply) -> None:
        inputs = [b.slot(v) for v in n.inputs]
        length = counted(b, CKernel(REPEATED_LENGTH, fallible=True), inputs, f"length of {op}")
        b.kernel(CKernel(REPEATED), [b.out(n.outputs[0], lengths=(length,))], inputs, name=str(op))

    return Routine("count and fill", emit, fallible=True)
