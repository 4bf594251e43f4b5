"""Views and shapes: work of the prepared program, not of any kernel."""

from typing import Any

from symcodegen.dispatch import Answer, Routine, c_impl
from symcore.graph.variable import Apply
from symcore.tensor.shapes import INPUT, DimShuffle, MakeVector, Reshape, ShapeOf, SpecifyShape
from symcore.tensor.type import TensorType


def view_slot(b: Any, node: Apply) -> int:
    """Make the slot of a node's output as a view."""
    slot: int = b.new_view(node.outputs[0].type)
    b.bind(node.outputs[0], slot)
    return slot


@c_impl.register
def dimshuffle_c(op: DimShuffle, node: Apply) -> Answer:
    """A view."""
    return Routine("view", lambda b, n: b.dimshuffle(view_slot(b, n), b.slot(n.inputs[0]), op.order))


@c_impl.register
def reshape_c(op: Reshape, node: Apply) -> Answer:
    """A view, or a copy where strides do not allow one."""

    def emit(b: Any, n: Apply) -> None:
        lengths = tuple(b.registers.of(v) for v in n.inputs[1:])
        b.emit(b.cvm.RESHAPE, None, [view_slot(b, n)], [b.slot(n.inputs[0])], lengths)

    return Routine("view", emit, lengths=tuple(range(1, len(node.inputs))))


@c_impl.register
def specify_shape_c(op: SpecifyShape, node: Apply) -> Answer:
    """A view, and a check while shapes are prepared."""

    def emit(b: Any, n: Apply) -> None:
        x, registers = n.inputs[0], b.registers
        lengths = iter(n.inputs[1:])
        for axis, stated in enumerate(op.shape):
            if stated == INPUT:
                registers.require_equal(registers.shape(x)[axis], next(lengths))
            elif stated is not None and x.type.shape[axis] is None:
                registers.require_equal(registers.shape(x)[axis], stated)
        b.subtensor(view_slot(b, n), b.slot(x), ())

    return Routine("view", emit, lengths=tuple(range(1, len(node.inputs))))


def _store_elements(b: Any, target: int, ttype: TensorType, elements: list[int]) -> None:
    """Write 0-d slots one after the other into a vector."""
    item = TensorType(ttype.dtype, ())
    for k, element in enumerate(elements):
        place = b.new_view(item)
        b.subtensor(place, target, [(b.cvm.ITEM_INDEX, b.registers.of(k))])
        b.copy(place, element, item)


@c_impl.register
def make_vector_c(op: MakeVector, node: Apply) -> Answer:
    """One store per element."""

    def emit(b: Any, n: Apply) -> None:
        y = n.outputs[0]
        _store_elements(b, b.out(y), y.type, [b.slot(v) for v in n.inputs])

    return Routine("stores", emit)


@c_impl.register
def shape_of_c(op: ShapeOf, node: Apply) -> Answer:
    """The lengths that preparing found, stored into a vector."""

    def emit(b: Any, n: Apply) -> None:
        y, x = n.outputs[0], n.inputs[0]
        elements = [b.host(r) for r in b.registers.shape(x)]
        if not elements:
            b.blank(y)
            return
        _store_elements(b, b.out(y), y.type, elements)

    return Routine("stores", emit)
