"""Rules that turn products into the calls of BLAS: Gemv, Gemm, Ger.

Every product first becomes a call that writes into an empty buffer (``beta = 0``) or adds to zeros (Ger). Such a
call then takes in, one local step at a time, the scalars that multiply it and the tensor that is added to it.
Transposes stay views, which BLAS reads as they are. Products of integers, of two vectors and of float16 stay ``Dot``.
"""

from typing import Any

from symcore.tensor import scalar_functions as sf
from symcore.tensor.creation import Alloc, AllocEmpty
from symcore.tensor.elemwise import Elemwise
from symcore.tensor.products import Dot, Gemm, Gemv, Ger
from symcore.tensor.shapes import DimShuffle, as_length
from symopt.match import is_number, number_like, op_of
from symopt.rule import rewrite
from symopt.rules.terms import as_number, as_term, build_product
from symopt.ruleset import RuleSet
from symopt.shape_inference import shape_of

_PHASE = "specialize"


def _empty(out: Any, fgraph: Any) -> Any:
    return AllocEmpty(out.type.dtype.name)(*[as_length(d) for d in shape_of(out, fgraph)])


@rewrite(Dot, phase=_PHASE)
def dot_to_blas(node: Any, fgraph: Any) -> Any:
    """``dot(A, x) -> gemv(empty, 1, A, x, 0)``, ``dot(x, A) -> gemv(empty, 1, A.T, x, 0)``,
    ``dot(A, B) -> gemm(empty, 1, A, B, 0)``, ``dot(column, row) -> ger(zeros, 1, column, row)``."""
    [a, b], [out] = node.inputs, node.outputs
    dtype = out.type.dtype
    if dtype.kind not in "fc" or dtype.itemsize < 4 or a.type.dtype is not dtype or b.type.dtype is not dtype:
        return None
    one, zero = number_like(1, out), number_like(0, out)
    if a.type.ndim == 2 and b.type.ndim == 2:
        if a.type.shape[1] == 1 and b.type.shape[0] == 1:
            return _outer(a, b, out, one, zero, fgraph)
        new = Gemm()(_empty(out, fgraph), one, a, b, zero)
    elif a.type.ndim == 2:
        new = Gemv()(_empty(out, fgraph), one, a, b, zero)
    elif b.type.ndim == 2:
        new = Gemv()(_empty(out, fgraph), one, DimShuffle((1, 0))(b), a, zero)
    else:
        return None
    return new if out.type.is_super(new.type) else None


def _outer(a: Any, b: Any, out: Any, one: Any, zero: Any, fgraph: Any) -> Any:
    if out.type.dtype.kind == "c":
        return None
    zeros = Alloc()(zero, *[as_length(d) for d in shape_of(out, fgraph)])
    new = Ger()(zeros, one, _vector(a, (0,)), _vector(b, (1,)))
    return new if out.type.is_super(new.type) else None


def _vector(x: Any, order: tuple[int, ...]) -> Any:
    """Drop the axis of length 1; a dimshuffle that had put it there is undone."""
    op = op_of(x)
    if type(op) is DimShuffle and x.owner.inputs[0].type.ndim == 1:
        return x.owner.inputs[0]
    return DimShuffle(order)(x)


# ---------------------------------------------------------------------- taking in scalars and addends


def is_fresh(v: Any, fgraph: Any) -> bool:
    """Tell whether ``v`` is a product that adds to nothing yet and that only one node uses."""
    op = op_of(v)
    if type(op) is Gemm or type(op) is Gemv:
        fresh = is_number(v.owner.inputs[4], 0)
    elif type(op) is Ger:
        c = v.owner.inputs[0]
        fresh = type(op_of(c)) is Alloc and is_number(c.owner.inputs[0], 0)
    else:
        return False
    return fresh and len(fgraph.clients[v]) == 1


def _scaled_by(v: Any, factors: list[Any], divisors: list[Any], negative: bool) -> Any:
    """Return a fresh product with its ``alpha`` multiplied."""
    c, alpha, *rest = v.owner.inputs
    dtype = v.type.dtype
    factors = [sf.cast(f, dtype) for f in factors]
    if not is_number(alpha, 1) or not factors:
        factors.insert(0, alpha)
    scale = build_product(factors, dtype)
    for d in divisors:
        scale = sf.true_div(scale, sf.cast(d, dtype))
    return v.owner.op(c, sf.neg(scale) if negative else scale, *rest)


@rewrite(sf.mul, sf.true_div, sf.neg, phase=_PHASE)
def scale_into_blas(node: Any, fgraph: Any) -> Any:
    """``s * gemm(empty, alpha, A, B, 0) -> gemm(empty, s * alpha, A, B, 0)`` for scalars ``s``; also ``/ s``, ``-``."""
    inputs, out, fn = node.inputs, node.outputs[0], node.op.fn
    at = next((k for k, v in enumerate(inputs) if is_fresh(v, fgraph)), None)
    if at is None or (fn is sf.true_div and at == 1):
        return None
    product = inputs[at]
    others = [x for k, x in enumerate(inputs) if k != at]
    if out.type is not product.type or any(not _is_scalar(x) for x in others):
        return None
    others = [DimShuffle(())(x) if x.type.ndim else x for x in others]
    if fn is sf.true_div:
        return _scaled_by(product, [], others, False)
    return _scaled_by(product, others, [], fn is sf.neg)


def _is_scalar(x: Any) -> bool:
    return all(x.type.broadcastable)


@rewrite(sf.add, sf.sub, phase=_PHASE)
def add_into_blas(node: Any, fgraph: Any) -> Any:
    """``beta * C + alpha * dot(A, B) -> gemm(C, alpha, A, B, beta)`` and so for gemv and ger, where ``C`` has the shape
    of the sum and nobody else needs the product. A ``C`` that is elementwise work of its own stays in the sum, to be
    fused with what comes after it."""
    inputs, out = node.inputs, node.outputs[0]
    fresh = [k for k, v in enumerate(inputs) if is_fresh(v, fgraph) and v.type.broadcastable == out.type.broadcastable]
    if not fresh or out.type.dtype is not inputs[fresh[0]].type.dtype:
        return None
    at = fresh[-1]
    product = inputs[at]
    negative = node.op.fn is sf.sub and at == 1
    if len(inputs) == 2:
        other = inputs[1 - at]
        return _accumulate(other, product, negative, node.op.fn is sf.sub and at == 0, out)
    if len(fresh) > 1:  # of many terms only the products are put together
        both = _accumulate(inputs[fresh[0]], product, False, False, out)
        return None if both is None else sf.add(*[v for k, v in enumerate(inputs) if k not in (fresh[0], at)], both)
    return None


def _accumulate(other: Any, product: Any, negative: bool, other_negative: bool, out: Any) -> Any:
    """Return ``+-other + -product`` as one call of BLAS, or ``None``."""
    if other.type.dtype is not out.type.dtype:
        return None
    term = as_term(-1 if other_negative else 1, other)
    if len(term.rest) != 1:
        return None
    c = term.rest[0]
    if c.type.broadcastable != out.type.broadcastable or c.type.dtype is not out.type.dtype:
        return None
    if c.owner is not None and type(c.owner.op) is Elemwise or not out.type.is_super(c.type):
        return None
    beta = number_like(term.number, out)
    if term.scalars:
        scalars = [sf.cast(s, out.type.dtype) for s in term.scalars]
        beta = build_product(scalars if term.number == 1 else [beta, *scalars], out.type.dtype)
    _, alpha, *rest = product.owner.inputs
    if negative:
        number = as_number(alpha)
        alpha = sf.neg(alpha) if number is None else number_like(-number, out)
    if type(product.owner.op) is Ger:
        return Ger()(c, alpha, *rest) if is_number(beta, 1) else None
    return product.owner.op(c, alpha, rest[0], rest[1], beta)


RULES = RuleSet(dot_to_blas, scale_into_blas, add_into_blas)
