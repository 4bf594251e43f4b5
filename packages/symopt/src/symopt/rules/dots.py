"""Rules on products of matrices and vectors: factors taken out, sums taken in, sums of products turned into them."""

from typing import Any

import numpy as np

from symcore.graph.variable import Constant
from symcore.tensor import scalar_functions as sf
from symcore.tensor.creation import Alloc
from symcore.tensor.elemwise import Elemwise
from symcore.tensor.products import BatchedDot, Dot
from symcore.tensor.reduce import Reduce
from symcore.tensor.shapes import DimShuffle, as_length
from symopt.match import conform, fn_of, is_number, number_like, op_of
from symopt.rule import rewrite
from symopt.rules.broadcasting import filling
from symopt.rules.terms import as_number
from symopt.ruleset import RuleSet
from symopt.shape_inference import shape_of


def _is_blas(v: Any) -> bool:
    """Tell whether BLAS knows the dtype."""
    return v.type.dtype.kind in "fc" and v.type.dtype.itemsize >= 4


# ---------------------------------------------------------------------- factors


def _without_factors(node: Any, fgraph: Any, symbolic: bool) -> Any:
    """Return ``s * dot(a, b)`` for ``dot(s * a, b)``, with ``s`` the constant (or else the symbolic) scalars."""
    out = node.outputs[0]
    if not _is_blas(out):
        return None
    scalars: list[Any] = []
    operands = []
    for v in node.inputs:
        rest = v
        if fn_of(v) is sf.mul and v.type.dtype is out.type.dtype and len(fgraph.clients[v]) == 1:
            found = [x for x in v.owner.inputs if _is_scalar(x, symbolic)]
            left = [x for x in v.owner.inputs if not _is_scalar(x, symbolic)]
            if found and left:
                inner = left[0] if len(left) == 1 else sf.mul(*left)
                if inner.type == v.type:
                    scalars += found
                    rest = inner
        operands.append(rest)
    if not scalars:
        return None
    return conform(sf.mul(*[DimShuffle(())(s) if s.type.ndim else s for s in scalars], Dot()(*operands)), out, fgraph)


def _is_scalar(x: Any, symbolic: bool) -> bool:
    number = as_number(x)
    if symbolic:
        return number is None and x.type.ndim == 0 and x.type.dtype.kind == "f"
    return number is not None and bool(np.isfinite(number))


@rewrite(Dot, phase="canonicalize")
def multiple_out_of_dot(node: Any, fgraph: Any) -> Any:
    """``dot(2 * A, B) -> 2 * dot(A, B)``, for constants: BLAS scales for nothing."""
    return _without_factors(node, fgraph, symbolic=False)


@rewrite(Dot, phase="canonicalize", tags={"nan_changing"})
def scaled_out_of_dot(node: Any, fgraph: Any) -> Any:
    """``dot(s * A, B) -> s * dot(A, B)``, for scalars ``s``. Differs for an infinite ``s``, and with no elements to sum
    over for one that is NaN."""
    return _without_factors(node, fgraph, symbolic=True)


@rewrite(Dot, phase=("canonicalize", "stabilize"))
def neg_out_of_dot(node: Any, fgraph: Any) -> Any:
    """``dot(-A, B) -> -dot(A, B)``, ``dot(-A, -B) -> dot(A, B)``."""
    operands = [v.owner.inputs[0] if _is_negated(v, fgraph) else v for v in node.inputs]
    count = sum(a is not b for a, b in zip(operands, node.inputs, strict=True))
    if not count or not _is_blas(node.outputs[0]):
        return None
    new = Dot()(*operands)
    return sf.neg(new) if count == 1 else new


def _is_negated(v: Any, fgraph: Any) -> bool:
    return fn_of(v) is sf.neg and len(fgraph.clients[v]) == 1 and v.owner.inputs[0].type == v.type


@rewrite(Dot, phase="canonicalize", tags={"nan_changing", "shape_hiding"})
def dot_of_zeros(node: Any, fgraph: Any) -> Any:
    """``dot(fill(0), B) -> fill(0)``, of the shape of the product. Written out, NaN and infinity would give NaN."""
    out = node.outputs[0]
    if not any(is_number(v if filling(v) is None else filling(v), 0) for v in node.inputs):
        return None
    zero = number_like(0, out)
    new = Alloc()(zero, *[as_length(d) for d in shape_of(out, fgraph)]) if out.type.ndim else zero
    return new if out.type.is_super(new.type) else None


# ---------------------------------------------------------------------- sums


@rewrite(Reduce, phase="canonicalize", tags={"nan_changing"})
def sum_of_dot(node: Any, fgraph: Any) -> Any:
    """``sum(dot(A, B), axis=0) -> dot(sum(A, axis=0), B)``, along the other axis ``dot(A, sum(B, axis=1))``: a product
    with a vector in the place of one of matrices. Differs where sums of large numbers overflow."""
    product, op = node.inputs[0], node.op
    if type(op_of(product)) is not Dot or op.fn != "add" or len(fgraph.clients[product]) != 1 or not op.axis:
        return None
    if not _is_blas(product) or node.outputs[0].type.dtype is not product.type.dtype:
        return None
    a, b = product.owner.inputs
    rows = a.type.ndim - 1
    if rows and 0 in op.axis:
        a = Reduce("add", (0,), op.dtype, op.acc_dtype)(a)
    columns = [axis for axis in op.axis if axis >= rows]
    if columns:
        b = Reduce("add", (1,), op.dtype, op.acc_dtype)(b)
    return Dot()(a, b)


@rewrite(Reduce, phase="specialize")
def sum_of_products(node: Any, fgraph: Any) -> Any:
    """``sum(x * y) -> dot(x, y)``, ``sum(A * x, axis=1) -> dot(A, x)``, ``sum(A * x[:, None], axis=0) -> dot(x, A)``,
    of tensors that are in memory anyway."""
    product, op, out = node.inputs[0], node.op, node.outputs[0]
    if op.fn != "add" or fn_of(product) is not sf.mul or len(fgraph.clients[product]) != 1 or len(op.axis) != 1:
        return None
    factors = product.owner.inputs
    if len(factors) != 2 or any(x.type.dtype is not out.type.dtype or not _is_blas(x) for x in factors):
        return None
    if any(_is_computed_here(x, fgraph) for x in factors) or op.acc_dtype != op.dtype:
        return None
    for a, x in (factors, factors[::-1]):
        if a.type.broadcastable == product.type.broadcastable:
            new = _as_dot(a, x, op.axis[0])
            if new is not None:
                return conform(new, out, fgraph)
    return None


def _is_computed_here(x: Any, fgraph: Any) -> bool:
    """Tell whether ``x`` is elementwise work for this sum alone, which becomes one loop with it."""
    return isinstance(x, Constant) or (type(op_of(x)) is Elemwise and len(fgraph.clients[x]) == 1)


def _as_dot(a: Any, x: Any, axis: int) -> Any:
    """Return ``sum(a * x, axis)`` as a product, or ``None``. ``a`` has the shape of ``a * x``."""
    if a.type.ndim == 1:
        return Dot()(a, x) if x.type.broadcastable == a.type.broadcastable == (False,) else None
    if a.type.ndim != 2 or True in a.type.broadcastable:
        return None
    if axis == 1:
        vector = _squeezed(x, 1) if x.type.broadcastable in ((False,), (True, False)) else None
        return None if vector is None else Dot()(a, vector)
    vector = _squeezed(x, 0) if x.type.broadcastable == (False, True) else None
    return None if vector is None else Dot()(vector, a)


def _squeezed(x: Any, axis: int) -> Any:
    """Drop the other axis; a dimshuffle that had put it there is undone."""
    if type(op_of(x)) is DimShuffle and x.owner.inputs[0].type.ndim == 1:
        return x.owner.inputs[0]
    return x if x.type.ndim == 1 else DimShuffle((axis,))(x)


# ---------------------------------------------------------------------- batches


@rewrite(DimShuffle, phase="canonicalize")
def transposed_batched_dot(node: Any, fgraph: Any) -> Any:
    """``batched_dot(A, B)`` with its last axes exchanged ``-> batched_dot(B', A')`` of the exchanged factors, where
    nobody else needs the product."""
    product = node.inputs[0]
    *lead, rows, columns = range(product.type.ndim) if product.type.ndim > 2 else (0, 0)
    if type(op_of(product)) is not BatchedDot or node.op.order != (*lead, columns, rows):
        return None
    if len(fgraph.clients[product]) != 1:
        return None
    a, b = product.owner.inputs
    return BatchedDot()(node.op(b), node.op(a))


@rewrite(BatchedDot, phase="canonicalize")
def batched_dot_of_one(node: Any) -> Any:
    """``batched_dot(A[None], B[None]) -> dot(A, B)[None]``: a batch of one is one product."""
    a, b = node.inputs
    lead = a.type.ndim - 2
    if any(n != 1 for v in (a, b) for n in v.type.shape[:lead]):
        return None
    squeeze = DimShuffle((lead, lead + 1))
    return DimShuffle((-1,) * lead + (0, 1))(Dot()(squeeze(a), squeeze(b)))


RULES = RuleSet(
    multiple_out_of_dot,
    scaled_out_of_dot,
    neg_out_of_dot,
    dot_of_zeros,
    sum_of_dot,
    sum_of_products,
    transposed_batched_dot,
    batched_dot_of_one,
)
