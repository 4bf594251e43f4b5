"""Rules on DimShuffle, Reshape, SpecifyShape, and on what asks for shapes."""

from typing import Any

from symcore.tensor.constant import constant
from symcore.tensor.elemwise import Elemwise, ScalarFn
from symcore.tensor.indexing import SliceLength
from symcore.tensor.products import Dot
from symcore.tensor.shapes import (
    DimShuffle,
    MakeVector,
    Reshape,
    Shape_i,
    ShapeOf,
    SpecifyShape,
    as_length,
    shape_i,
    static_length,
)
from symcore.tensor.subtensor import Subtensor
from symopt.match import op_of
from symopt.rule import rewrite
from symopt.rules.folding import ALWAYS
from symopt.ruleset import RuleSet
from symopt.shape_inference import shape_inference

# ---------------------------------------------------------------------- dimshuffle


@rewrite(DimShuffle, phase=ALWAYS, tags={"fast_compile"})
def dimshuffle_of_dimshuffle(node: Any) -> Any:
    """``dimshuffle(dimshuffle(x)) -> dimshuffle(x)``, and ``x`` where the axes end up as they were."""
    x, order = node.inputs[0], node.op.order
    inner = op_of(x)
    if type(inner) is DimShuffle:
        x = x.owner.inputs[0]
        order = tuple(-1 if a < 0 else inner.order[a] for a in order)
    elif order != tuple(range(x.type.ndim)):
        return None
    return x if order == tuple(range(x.type.ndim)) else DimShuffle(order)(x)


@rewrite(Elemwise, phase=ALWAYS)
def useless_padding(node: Any) -> Any:
    """``f(x, dimshuffle(y, 'x', 0)) -> f(x, y)``: axes are padded on the left without being asked."""
    inputs = node.inputs
    if type(node.op.fn) is not ScalarFn:
        return None
    bare = None
    for k, v in enumerate(inputs):
        op = op_of(v)
        if type(op) is DimShuffle and op.order and op.order[0] < 0:
            x = v.owner.inputs[0]
            start = len(op.order) - x.type.ndim
            if op.order[start:] == tuple(range(x.type.ndim)) and all(a < 0 for a in op.order[:start]):
                bare = bare or list(inputs)
                bare[k] = x
    if bare is None:
        return None
    out = node.outputs[0]
    if max(v.type.ndim for v in bare) < out.type.ndim:
        for k, v in enumerate(inputs):  # one of them has to keep the rank
            if v.type.ndim == out.type.ndim:
                bare[k] = v
                break
        if all(a is b for a, b in zip(bare, inputs, strict=True)):
            return None
    new = node.op.fn(*bare)
    return new if new.type is out.type or out.type.is_super(new.type) else None


@rewrite(DimShuffle, phase="canonicalize")
def dimshuffle_below_elemwise(node: Any, fgraph: Any) -> Any:
    """``dimshuffle(f(x, s)) -> f(dimshuffle(x), s)`` for scalars ``s``, where nobody else needs ``f(x, s)``: so the
    view comes to where products and other views can see it."""
    inner = node.inputs[0]
    if inner.owner is None or type(inner.owner.op) is not Elemwise or type(inner.owner.op.fn) is not ScalarFn:
        return None
    large = [k for k, v in enumerate(inner.owner.inputs) if v.type.ndim]
    if len(large) != 1 or len(fgraph.clients[inner]) != 1:
        return None
    inputs = list(inner.owner.inputs)
    inputs[large[0]] = node.op(inputs[large[0]])
    return inner.owner.op.fn(*inputs)


@rewrite(DimShuffle, phase="canonicalize")
def transposed_dot(node: Any, fgraph: Any) -> Any:
    """``dot(A, B).T -> dot(B.T, A.T)`` for matrices, where nobody else needs ``dot(A, B)``."""
    product = node.inputs[0]
    if type(op_of(product)) is not Dot or node.op.order != (1, 0) or len(fgraph.clients[product]) != 1:
        return None
    a, b = product.owner.inputs
    if a.type.ndim != 2 or b.type.ndim != 2:
        return None
    return Dot()(node.op(b), node.op(a))


# ---------------------------------------------------------------------- reshape and stated shapes


@rewrite(Reshape, phase=ALWAYS)
def reshape_of_reshape(node: Any) -> Any:
    """``reshape(reshape(x), shape) -> reshape(x, shape)``."""
    x = node.inputs[0]
    if type(op_of(x)) is not Reshape:
        return None
    new = node.op(x.owner.inputs[0], *node.inputs[1:])
    return new if node.outputs[0].type.is_super(new.type) else None


@rewrite(Reshape, phase=ALWAYS)
def useless_reshape(node: Any, fgraph: Any) -> Any:
    """``reshape(x, x.shape) -> x``, also with one length left open."""
    x, out = node.inputs[0], node.outputs[0]
    if x.type.ndim != node.op.ndim or not out.type.is_super(x.type):
        return None
    if None not in out.type.shape:
        return x
    free = 0
    for k, length in enumerate(node.inputs[1:]):
        known = static_length(length)
        if known == -1:
            free += 1
        elif not is_length(length, known, x, k, fgraph):
            return None
    return x if free <= 1 and x.type.broadcastable == out.type.broadcastable else None


def is_length(length: Any, known: int | None, x: Any, axis: int, fgraph: Any) -> bool:
    """Tell whether ``length`` is the length of ``x`` along ``axis``."""
    if known is not None:
        return known == x.type.shape[axis]
    if length.owner is None or type(length.owner.op) is not Shape_i:
        return False
    if length.owner.op.i == axis and length.owner.inputs[0] is x:
        return True
    found = shape_inference(fgraph).length(x, axis)
    return (not isinstance(found, int) and found.owner is not None and type(found.owner.op) is Shape_i
            and found.owner.op == length.owner.op and found.owner.inputs[0] is length.owner.inputs[0])


@rewrite(SpecifyShape, phase=ALWAYS)
def useless_specify_shape(node: Any) -> Any:
    """``specify_shape(x, shape) -> x`` where the type of ``x`` says so already."""
    x = node.inputs[0]
    return x if all(s is None or s == d for s, d in zip(node.op.shape, x.type.shape, strict=True)) else None


# ---------------------------------------------------------------------- asking for shapes


@rewrite(ShapeOf, phase=ALWAYS, tags={"fast_compile"})
def shape_to_lengths(node: Any) -> Any:
    """``x.shape -> [length along axis 0, length along axis 1, ...]``, a constant where all are known."""
    x = node.inputs[0]
    if None not in x.type.shape:
        return constant(x.type.shape, dtype="int64") if x.type.ndim else None
    return MakeVector()(*[shape_i(x, i) for i in range(x.type.ndim)])


@rewrite(Shape_i, phase=ALWAYS, tags={"fast_compile"})
def lift_shape(node: Any, fgraph: Any) -> Any:
    """``length of op(x, y) along an axis -> an expression in lengths of the graph's inputs``: nothing is computed for
    the sake of its shape alone."""
    x, axis = node.inputs[0], node.op.i
    known = x.type.shape[axis]
    if known is None and x.owner is None:
        return None
    length = shape_inference(fgraph).length(x, axis) if known is None else known
    if isinstance(length, int):
        return constant(length, dtype="int64")
    if length.owner is not None and length.owner.op == node.op and length.owner.inputs[0] is x:
        return None
    return as_length(length)


@rewrite(Subtensor, phase=ALWAYS, tags={"fast_compile"})
def item_of_vector(node: Any) -> Any:
    """``[a, b, c][1] -> b``, ``[a, b, c][1:] -> [b, c]``, for indices that are known."""
    x = node.inputs[0]
    if type(op_of(x)) is not MakeVector or len(node.inputs) > 1:
        return None
    [entry] = node.op.entries
    items = x.owner.inputs
    if not isinstance(entry, tuple):
        return items[entry] if -len(items) <= entry < len(items) else None
    chosen = items[slice(*entry[1:])]
    return MakeVector()(*chosen) if chosen else None


@rewrite(SliceLength, phase=ALWAYS)
def length_of_whole_slice(node: Any) -> Any:
    """``the length of x[0:n] -> n`` where ``n`` is the length of ``x``; a start of 0 and a step of 1 change nothing."""
    length, *parts = node.inputs
    given = iter(parts)
    start, stop, step = (next(given) if there else None for there in node.op.given)
    if start is not None and static_length(start) != 0 or step is not None and static_length(step) != 1:
        return None
    if stop is None or stop is length:
        return length
    if start is not None or step is not None:
        return SliceLength((False, True, False))(length, stop)
    return None


RULES = RuleSet(
    dimshuffle_of_dimshuffle, useless_padding, dimshuffle_below_elemwise, transposed_dot, reshape_of_reshape,
    useless_reshape, useless_specify_shape, shape_to_lengths, lift_shape, item_of_vector, length_of_whole_slice,
)
