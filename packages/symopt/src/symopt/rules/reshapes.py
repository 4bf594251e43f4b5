"""Rules on reshapes: those that only add or drop axes of length 1 are views, the others go below elementwise work."""

from collections.abc import Sequence
from typing import Any

from symcore.tensor.elemwise import Elemwise, ScalarFn
from symcore.tensor.reduce import Reduce
from symcore.tensor.shapes import DimShuffle, Reshape, static_length
from symcore.tensor.subtensor import Subtensor
from symopt.match import op_of
from symopt.rule import rewrite
from symopt.rules.shaping import is_length
from symopt.ruleset import RuleSet


@rewrite(Reshape, phase="canonicalize")
def reshape_to_dimshuffle(node: Any, fgraph: Any) -> Any:
    """``reshape(x, (n, 1)) -> dimshuffle(x, 0, 'x')`` where ``n`` is the length of ``x``: axes of length 1 come and go
    without a copy."""
    x, lengths = node.inputs[0], node.inputs[1:]
    own = [a for a, n in enumerate(x.type.shape) if n != 1]
    wanted = [k for k, n in enumerate(lengths) if static_length(n) != 1]
    if len(own) != len(wanted) or len(own) == x.type.ndim == len(lengths):
        return None
    free = 0
    for a, k in zip(own, wanted, strict=True):
        known = static_length(lengths[k])
        if known == -1:
            free += 1
        elif not is_length(lengths[k], known, x, a, fgraph):
            return None
    if free > 1:
        return None
    axes = dict(zip(wanted, own, strict=True))
    new = DimShuffle(tuple([axes.get(k, -1) for k in range(len(lengths))]))(x)
    return new if node.outputs[0].type.is_super(new.type) else None


@rewrite(Reshape, phase="canonicalize")
def reshape_of_dimshuffle(node: Any) -> Any:
    """``reshape(dimshuffle(x, 0, 'x', 1), shape) -> reshape(x, shape)`` where only axes of length 1 came or went."""
    x = node.inputs[0]
    if type(op_of(x)) is not DimShuffle:
        return None
    order = [a for a in x.owner.op.order if a >= 0]
    if order != sorted(order):
        return None
    new = node.op(x.owner.inputs[0], *node.inputs[1:])
    return new if node.outputs[0].type.is_super(new.type) else None


#: What may lie in memory in another order than it counts: reshaping it copies, reshaping what is made of it does not.
_STRIDED = (DimShuffle, Subtensor)


@rewrite(Reshape, phase="canonicalize")
def reshape_below_elemwise(node: Any, fgraph: Any) -> Any:
    """``reshape(f(x, s), shape) -> f(reshape(x, shape), s)`` for scalars ``s``, where nobody else needs ``f(x, s)``: so
    ``f`` is fused with what comes after it."""
    inner = node.inputs[0]
    if type(op_of(inner)) is not Elemwise or type(inner.owner.op.fn) is not ScalarFn:
        return None
    large = [k for k, v in enumerate(inner.owner.inputs) if v.type.ndim]
    if len(large) != 1 or len(fgraph.clients[inner]) != 1:
        return None
    inputs = list(inner.owner.inputs)
    if isinstance(op_of(inputs[large[0]]), _STRIDED):
        return None
    inputs[large[0]] = node.op(inputs[large[0]], *node.inputs[1:])
    new = inner.owner.op.fn(*inputs)
    return new if node.outputs[0].type.is_super(new.type) else None


@rewrite(Reduce, phase="canonicalize", tags={"shape_hiding"})
def reduce_of_reshape(node: Any) -> Any:
    """``sum(reshape(x, shape)) -> sum(x)`` over all axes, and so for all reductions."""
    inner, op = node.inputs[0], node.op
    if type(op_of(inner)) is not Reshape or op.axis != _all_axes(inner.type.shape):
        return None
    x = inner.owner.inputs[0]
    return Reduce(op.fn, _all_axes(x.type.shape), op.dtype, op.acc_dtype)(x)


def _all_axes(shape: Sequence[Any]) -> tuple[int, ...]:
    return tuple(range(len(shape)))


RULES = RuleSet(reshape_to_dimshuffle, reshape_of_dimshuffle, reshape_below_elemwise, reduce_of_reshape)
