"""The rules of ``vectorize_node`` for elementwise work, shapes, reductions and products."""

from collections.abc import Sequence
from typing import Any

from symcore.graph.variable import Apply
from symcore.ifelse import IfElse
from symcore.tensor.creation import Alloc
from symcore.tensor.elemwise import Elemwise
from symcore.tensor.join import Join
from symcore.tensor.products import BatchedDot, Dot, tensordot
from symcore.tensor.reduce import Argmax, Reduce
from symcore.tensor.scalar_functions import switch
from symcore.tensor.shapes import DimShuffle, MakeVector, Reshape, Shape_i, ShapeOf, SpecifyShape, shape_i
from symcore.tensor.subtensor import getitem
from symcore.tensor.type import TensorType
from symcore.vectorize.dispatch import all_with_batch, padded, vectorize_node

Inputs = Sequence[Any]
Flags = Sequence[bool]


@vectorize_node.register(Elemwise)
def elemwise(op: Elemwise, node: Apply, inputs: Inputs, batched: Flags) -> Sequence[Any]:
    """Entries of fewer axes are padded after the batch, for Elemwise pads in front of it."""
    ndim = node.outputs[0].type.ndim
    return op.make_node(*[padded(x, b, ndim) for x, b in zip(inputs, batched, strict=True)]).outputs


@vectorize_node.register(DimShuffle)
def dimshuffle(op: DimShuffle, node: Apply, inputs: Inputs, batched: Flags) -> Sequence[Any]:
    """All axes move up by one."""
    return [DimShuffle((0, *(a + 1 if a >= 0 else a for a in op.order)))(inputs[0])]


@vectorize_node.register(Reduce)
def reduce(op: Reduce, node: Apply, inputs: Inputs, batched: Flags) -> Sequence[Any]:
    """All axes move up by one."""
    return [Reduce(op.fn, tuple(a + 1 for a in op.axis), op.dtype, op.acc_dtype)(inputs[0])]


@vectorize_node.register(Argmax)
def argmax(op: Argmax, node: Apply, inputs: Inputs, batched: Flags) -> Sequence[Any]:
    """All axes move up by one."""
    return [Argmax(tuple(a + 1 for a in op.axis))(inputs[0])]


@vectorize_node.register(ShapeOf)
def shape_of(op: ShapeOf, node: Apply, inputs: Inputs, batched: Flags) -> Sequence[Any]:
    """Every entry has the same shape."""
    return [getitem(op(inputs[0]), slice(1, None))]


@vectorize_node.register(Shape_i)
def one_length(op: Shape_i, node: Apply, inputs: Inputs, batched: Flags) -> Sequence[Any]:
    """Every entry has the same shape."""
    return [Shape_i(op.i + 1)(inputs[0])]


@vectorize_node.register(Reshape)
def reshape(op: Reshape, node: Apply, inputs: Inputs, batched: Flags) -> Sequence[Any] | None:
    """The lengths of an entry are worked out (a length of -1 says nothing of an empty batch)."""
    if any(batched[1:]):
        return None
    x, *lengths = inputs
    entry = x.type.clone(shape=x.type.shape[1:])()
    core = op.make_node(entry, *lengths)
    shape = [shape_i(x, i + 1) if n is None else n for i, n in enumerate(entry.type.shape)]
    [wanted] = op.infer_shape(core, [tuple(shape)])
    return [Reshape(op.ndim + 1)(x, shape_i(x, 0), *wanted)]


@vectorize_node.register(SpecifyShape)
def specify_shape(op: SpecifyShape, node: Apply, inputs: Inputs, batched: Flags) -> Sequence[Any] | None:
    """Nothing is stated of the batch; lengths that differ within it cannot be."""
    if any(batched[1:]):
        return None
    x, *lengths = inputs
    return [SpecifyShape((None, *op.shape))(x, *lengths)]


@vectorize_node.register(Alloc)
def alloc(op: Alloc, node: Apply, inputs: Inputs, batched: Flags) -> Sequence[Any] | None:
    """The batch is one more length; lengths that differ within it cannot be."""
    if any(batched[1:]):
        return None
    value, *lengths = inputs
    return [op(padded(value, True, len(lengths)), shape_i(value, 0), *lengths)]


@vectorize_node.register(MakeVector)
def make_vector(op: MakeVector, node: Apply, inputs: Inputs, batched: Flags) -> Sequence[Any]:
    """Columns side by side."""
    return [Join(1)(*[x.dimshuffle(0, "x") for x in all_with_batch(inputs, batched)])]


@vectorize_node.register(Join)
def join(op: Join, node: Apply, inputs: Inputs, batched: Flags) -> Sequence[Any]:
    """The axis moves up by one."""
    return [Join(op.axis + 1)(*all_with_batch(inputs, batched))]


@vectorize_node.register(Dot)
def dot(op: Dot, node: Apply, inputs: Inputs, batched: Flags) -> Sequence[Any]:
    """One large product where one side is the same for every entry, products of stacks where both differ."""
    (x, y), (rank_x, rank_y) = inputs, [v.type.ndim for v in node.inputs]
    if all(batched):
        a = x if rank_x == 2 else x.dimshuffle(0, "x", 1)
        b = y if rank_y == 2 else y.dimshuffle(0, 1, "x")
        kept = [0] + ([1] if rank_x == 2 else []) + ([2] if rank_y == 2 else [])
        product = BatchedDot()(a, b)
        return [product if len(kept) == 3 else product.dimshuffle(*kept)]
    if batched[0]:
        return [_product(x, y, rank_x, 0)]
    product = _product(x, y, rank_x - 1, 1)
    # The batch comes after the rows of x: bring it to the front.
    return [product if rank_x == 1 else product.dimshuffle(1, 0, *range(2, product.type.ndim))]


def _product(x: Any, y: Any, axis_x: int, axis_y: int) -> Any:
    if x.type.ndim <= 2 and y.type.ndim <= 2:  # without the reshaping of tensordot
        return Dot()(x if axis_x == x.type.ndim - 1 else x.T, y if axis_y == 0 else y.T)
    return tensordot(x, y, [[axis_x], [axis_y]])


@vectorize_node.register(BatchedDot)
def batched_dot(op: BatchedDot, node: Apply, inputs: Inputs, batched: Flags) -> Sequence[Any]:
    """Both batches as one."""
    both = all_with_batch(inputs, batched)
    flat = [Reshape(3)(v, shape_i(v, 0) * shape_i(v, 1), shape_i(v, 2), shape_i(v, 3)) for v in both]
    x, y = both
    product = op(*flat)
    return [Reshape(4)(product, shape_i(x, 0), shape_i(x, 1), shape_i(x, 2), shape_i(y, 3))]


@vectorize_node.register(IfElse)
def ifelse(op: IfElse, node: Apply, inputs: Inputs, batched: Flags) -> Sequence[Any] | None:
    """One choice for the whole batch stays one; a choice per entry is made by ``switch``, which computes both sides."""
    if not all(isinstance(v.type, TensorType) for v in node.inputs):
        return None
    condition, *values = inputs
    flags = list(batched[1:])
    if not batched[0]:
        return op.make_node(condition, *all_with_batch(values, flags)).outputs
    sides = list(zip(*op.sides(values), *op.sides(flags), strict=True))
    if any(
        a.type.broadcastable[-n:] != b.type.broadcastable[-n:]
        for (a, b, *_), y in zip(sides, node.outputs, strict=True)
        if (n := y.type.ndim)
    ):
        return None
    return [
        switch(padded(condition, True, y.type.ndim), padded(a, p, y.type.ndim), padded(b, q, y.type.ndim))
        for (a, b, p, q), y in zip(sides, node.outputs, strict=True)
    ]
