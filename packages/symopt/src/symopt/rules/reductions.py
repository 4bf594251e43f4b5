"""Rules on sums, products, largest and smallest elements along axes."""

import math
from typing import Any

import numpy as np

from symcore.graph.variable import Constant
from symcore.tensor import scalar_functions as sf
from symcore.tensor.reduce import Reduce
from symcore.tensor.shapes import DimShuffle
from symopt.match import conform, fn_of, number_like, op_of
from symopt.rule import rewrite
from symopt.rules.broadcasting import filling
from symopt.rules.folding import ALWAYS
from symopt.rules.terms import as_number
from symopt.ruleset import RuleSet
from symopt.shape_inference import shape_of


def _reduce_like(op: Any, axis: Any) -> Any:
    return Reduce(op.fn, tuple(axis), op.dtype, op.acc_dtype)


def _keeps_dtype(node: Any) -> bool:
    """Tell whether the reduction gives the dtype it takes, so that work may move from one side of it to the other."""
    return node.inputs[0].type.dtype is node.outputs[0].type.dtype


@rewrite(Reduce, phase=ALWAYS)
def reduce_over_ones(node: Any) -> Any:
    """``sum(x, axis) -> x`` without the axes whose length is known to be 1 (or over no axis), cast to the dtype of the
    sum."""
    op, x = node.op, node.inputs[0]
    ones = [a for a in op.axis if x.type.shape[a] == 1]
    if len(ones) < len(op.axis) and not ones:
        return None
    kept = [a for a in range(x.type.ndim) if a not in ones]
    squeezed = x if not ones else DimShuffle(tuple(kept))(x)
    if len(ones) < len(op.axis):
        return _reduce_like(op, [kept.index(a) for a in op.axis if a not in ones])(squeezed)
    return sf.cast(squeezed, node.outputs[0].type.dtype)


@rewrite(Reduce, phase="canonicalize")
def reduce_of_reduce(node: Any, fgraph: Any) -> Any:
    """``sum(sum(x, a), b) -> sum(x, a and b)``, and so for products and extrema; not if others use the inner one."""
    inner = node.inputs[0]
    op, below = node.op, op_of(inner)
    if type(below) is not Reduce or below.fn != op.fn or len(fgraph.clients[inner]) != 1 or not _keeps_dtype(node):
        return None
    if below.acc_dtype != op.acc_dtype:
        return None
    x = inner.owner.inputs[0]
    left = [a for a in range(x.type.ndim) if a not in below.axis]  # axis k of the inner result is axis left[k] of x
    return _reduce_like(op, sorted([*below.axis, *(left[a] for a in op.axis)]))(x)


@rewrite(Reduce, phase="canonicalize")
def reduce_of_dimshuffle(node: Any) -> Any:
    """``sum(dimshuffle(x), axis) -> dimshuffle(sum(x, axis'))``: the elements are summed where they lie."""
    op, view = node.op, node.inputs[0]
    if type(op_of(view)) is not DimShuffle:
        return None
    x, order = view.owner.inputs[0], view.owner.op.order
    axis = {order[a] for a in op.axis if order[a] >= 0}
    if not axis:
        return None  # only new axes: see reduce_over_ones
    left = [a for a in range(x.type.ndim) if a not in axis]
    rest = tuple(left.index(order[k]) if order[k] >= 0 else -1 for k in range(len(order)) if k not in op.axis)
    y = _reduce_like(op, sorted(axis))(x)
    return y if rest == tuple(range(len(left))) else DimShuffle(rest)(y)


@rewrite(Reduce, phase=ALWAYS, tags={"shape_hiding"})
def sum_of_fill(node: Any, fgraph: Any) -> Any:
    """``sum(fill(v), axis) -> fill(v * n)`` with ``n`` the number of elements along
    ``axis``, for integers and finite constants ``v``; only where ``v`` does not vary along it."""
    return _filled_sum(node, fgraph, finite=True)


@rewrite(Reduce, phase=ALWAYS, tags={"shape_hiding", "nan_changing"})
def sum_of_variable_fill(node: Any, fgraph: Any) -> Any:
    """``sum(fill(v), axis) -> fill(v * n)`` for floats ``v``: of no elements an infinite ``v`` gives NaN, not 0."""
    return _filled_sum(node, fgraph, finite=False)


def _is_finite(v: Any) -> bool:
    """Tell whether it is known that every element is finite."""
    return v.type.dtype.kind not in "fc" or (isinstance(v, Constant) and bool(np.isfinite(v.data).all()))


def _filled_sum(node: Any, fgraph: Any, finite: bool) -> Any:
    op, x, out = node.op, node.inputs[0], node.outputs[0]
    value = filling(x)
    if value is None or op.fn != "add" or _is_finite(value) is not finite:
        return None
    if not finite and isinstance(value, Constant):
        return None  # known to be infinite or NaN: the sum is whatever it is
    offset = x.type.ndim - value.type.ndim
    inside = [a - offset for a in op.axis if a >= offset]
    if any(value.type.shape[a] != 1 for a in inside):
        return None
    dims = shape_of(x, fgraph)
    count = math.prod(dims[a] for a in op.axis if isinstance(dims[a], int))
    factors = [number_like(count, out)] if count != 1 else []
    factors += [sf.cast(dims[a], out.type.dtype) for a in op.axis if not isinstance(dims[a], int)]
    if inside:
        value = DimShuffle(tuple(a for a in range(value.type.ndim) if a not in inside))(value)
    value = sf.cast(value, out.type.dtype)
    return conform(sf.mul(value, *factors) if factors else value, out, fgraph)


def _scaled(node: Any, fgraph: Any, constants: bool) -> Any:
    """Return ``s * sum(x)`` for a node ``sum(s * x)``, with ``s`` the constant (or else the symbolic) scalars."""
    product = node.inputs[0]
    if node.op.fn != "add" or fn_of(product) is not sf.mul or not _keeps_dtype(node):
        return None
    if len(fgraph.clients[product]) != 1:
        return None
    scalars: list[Any] = []
    rest: list[Any] = []
    for x in product.owner.inputs:
        scalar = as_number(x) is not None and _is_finite(x) if constants else x.type.ndim == 0 and as_number(x) is None
        (scalars if scalar else rest).append(x)
    if not scalars or not rest or any(x.type.dtype.kind not in "fc" for x in scalars):
        return None
    inner = rest[0] if len(rest) == 1 else sf.mul(*rest)
    if inner.type.dtype is not product.type.dtype or inner.type.broadcastable != product.type.broadcastable:
        return None
    new = sf.mul(*[_squeeze(s) for s in scalars], node.op(inner))
    return conform(new, node.outputs[0], fgraph)


def _squeeze(x: Any) -> Any:
    return x if not x.type.ndim else DimShuffle(())(x)


@rewrite(Reduce, phase="canonicalize")
def sum_of_multiple(node: Any, fgraph: Any) -> Any:
    """``sum(2 * x) -> 2 * sum(x)``, for floating point constants."""
    return _scaled(node, fgraph, constants=True)


@rewrite(Reduce, phase="canonicalize", tags={"nan_changing"})
def sum_of_scaled(node: Any, fgraph: Any) -> Any:
    """``sum(s * x) -> s * sum(x)``, for scalars ``s``. Differs for an infinite ``s``."""
    return _scaled(node, fgraph, constants=False)


@rewrite(Reduce, phase="canonicalize", tags={"nan_changing"})
def sum_of_quotient(node: Any, fgraph: Any) -> Any:
    """``sum(x / s) -> sum(x) / s``, for scalars ``s``. Differs for ``s`` of zero."""
    quotient = node.inputs[0]
    if node.op.fn != "add" or fn_of(quotient) is not sf.true_div or len(fgraph.clients[quotient]) != 1:
        return None
    x, s = quotient.owner.inputs
    if s.type.ndim or x.type.dtype is not node.outputs[0].type.dtype or x.type.dtype.kind not in "fc":
        return None
    return conform(sf.true_div(node.op(x), s), node.outputs[0], fgraph)


@rewrite(Reduce, phase=ALWAYS)
def sum_of_neg(node: Any, fgraph: Any) -> Any:
    """``sum(-x) -> -sum(x)``; also of what other rules leave negated."""
    x = node.inputs[0]
    if node.op.fn != "add" or fn_of(x) is not sf.neg or not _keeps_dtype(node) or len(fgraph.clients[x]) != 1:
        return None
    return sf.neg(node.op(x.owner.inputs[0]))


RULES = RuleSet(
    reduce_over_ones, reduce_of_reduce, reduce_of_dimshuffle, sum_of_fill, sum_of_variable_fill, sum_of_multiple,
    sum_of_scaled, sum_of_quotient, sum_of_neg,
)
