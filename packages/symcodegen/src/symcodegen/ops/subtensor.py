"""Parts of tensors: views, gathers and scatters."""

from collections.abc import Sequence
from typing import Any

from symcodegen.dispatch import Answer, CKernel, Routine, c_impl, refuse
from symcodegen.expr import NoC
from symcodegen.ops.arrays import gather_any, scatter_any
from symcodegen.ops.elemwise import kernel_for
from symcodegen.ops.items import items
from symcodegen.ops.shapes import view_slot
from symcore.graph.variable import Apply
from symcore.tensor.elemwise import TABLE
from symcore.tensor.subtensor import AdvancedIncSubtensor, AdvancedSubtensor, IncSubtensor, Subtensor
from symcore.tensor.type import TensorType


@c_impl.register
def subtensor_c(op: Subtensor, node: Apply) -> Answer:
    """A view."""

    def emit(b: Any, n: Apply) -> None:
        index = items(b, op.entries, iter(n.inputs[1:]))
        b.subtensor(view_slot(b, n), b.slot(n.inputs[0]), index)

    return Routine("view", emit, lengths=tuple(range(1, len(node.inputs))))


@c_impl.register
def inc_subtensor_c(op: IncSubtensor, node: Apply) -> Answer:
    """A copy of the whole (none in place), then a copy into, or a sum with, a view of the part."""
    x, y = node.inputs[0].type, node.inputs[1].type
    part = Subtensor(op.entries).make_node(node.inputs[0], *node.inputs[2:]).outputs[0].type
    kernel: CKernel | None = None
    if not op.set_instead:
        try:
            kernel = kernel_for(TABLE["add"], [part, y], [part])
        except NoC as why:
            return refuse(node, f"no C expression for {why}")

    def emit(b: Any, n: Apply) -> None:
        index = items(b, op.entries, iter(n.inputs[2:]))
        target = b.out(n.outputs[0])
        b.copy(target, b.slot(n.inputs[0]), x, inplace=n in b.plan.inplace)
        view = b.new_view(part)
        b.subtensor(view, target, index)
        if kernel is None:
            b.copy(view, b.slot(n.inputs[1]), part, y)
        else:
            b.kernel(kernel, [view], [view, b.slot(n.inputs[1])], name="add into a part")

    return Routine("copy and part", emit, lengths=tuple(range(2, len(node.inputs))))


def _vectors(entries: Sequence[Any], indices: Sequence[Any]) -> bool:
    """Whether the index is one or more integer vectors (or scalars beside them) on the leading axes."""
    return (
        all(e == "array" for e in entries)
        and any(v.type.ndim == 1 for v in indices)
        and all(v.type.ndim <= 1 for v in indices)
    )


def _as_vectors(b: Any, indices: Sequence[Any]) -> list[int]:
    found = []
    for v in indices:
        if v.type.ndim == 1:
            found.append(b.slot(v))
        else:
            view = b.new_view(TensorType("int64", (1,)))
            b.dimshuffle(view, b.slot(v), (-1,))
            found.append(view)
    return found


def _scalars(indices: Sequence[Any]) -> int:
    """Return the bit mask of the indices that are single numbers."""
    return sum(1 << k for k, v in enumerate(indices) if v.type.ndim == 0)


@c_impl.register
def advanced_subtensor_c(op: AdvancedSubtensor, node: Apply) -> Answer:
    """A gather of rows."""
    x, *indices = node.inputs
    if not _vectors(op.entries, indices):
        return gather_any(op, node)

    def emit(b: Any, n: Apply) -> None:
        numbers = (len(indices), x.type.ndim, x.type.dtype.itemsize, _scalars(indices))
        extras = [b.registers.of(k) for k in numbers]
        cut = (0, *range(2, 2 + len(indices)))  # the result and the indices by rows; the table goes whole to all
        b.routine("gather", [b.out(n.outputs[0])], [b.slot(x), *_as_vectors(b, indices)], extras, cut=cut)

    return Routine("gather", emit, fallible=True)


@c_impl.register
def advanced_inc_subtensor_c(op: AdvancedIncSubtensor, node: Apply) -> Answer:
    """A scatter of rows."""
    x, y, *indices = node.inputs
    if not _vectors(op.entries, indices) or (x.type.dtype.name == "float16" and not op.set_instead):
        return scatter_any(op, node)
    name = "scatter_set" if op.set_instead else f"scatter_add_{x.type.dtype.name}"
    rank = x.type.ndim - len(indices) + 1
    shape = (1,) * (rank - y.type.ndim) + y.type.shape
    stretch = sum(1 << a for a, n in enumerate(shape) if n == 1)

    def emit(b: Any, n: Apply) -> None:
        values = b.slot(y)
        if y.type.ndim < rank:
            padded = b.new_view(TensorType(y.type.dtype, shape))
            b.dimshuffle(padded, values, [-1] * (rank - y.type.ndim) + list(range(y.type.ndim)))
            values = padded
        numbers = (len(indices), x.type.ndim, x.type.dtype.itemsize, _scalars(indices), stretch)
        extras = [b.registers.of(k) for k in numbers]
        inplace = tuple(b.plan.inplace.get(n, {}).items())
        b.routine(name, [b.out(n.outputs[0])], [b.slot(x), values, *_as_vectors(b, indices)], extras, inplace)

    return Routine("scatter", emit, fallible=True)
