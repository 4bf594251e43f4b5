"""Rules on single scalar functions: even functions, repeated ones, constants gathered, cheaper equals."""

from typing import Any

from symcore.tensor import scalar_functions as sf
from symcore.tensor.reduce import Reduce
from symopt.match import conform, fn_of, is_number, number_like
from symopt.rule import equation, rewrite
from symopt.rules.stability import X
from symopt.rules.terms import as_number, uniform_number, whole_number
from symopt.ruleset import RuleSet

# ---------------------------------------------------------------------- signs

_NEVER_NEGATIVE = frozenset({sf.abs, sf.sqr, sf.exp, sf.exp2, sf.sigmoid, sf.softplus, sf.cosh})


@rewrite(sf.abs, sf.sqr, sf.cos, sf.cosh, phase=("canonicalize", "specialize"))
def even_function(node: Any) -> Any:
    """``sqr(-x) -> sqr(x)``, ``cos(abs(x)) -> cos(x)``, and so for ``abs`` and ``cosh``, of floats."""
    v = node.inputs[0]
    fn = fn_of(v)
    if v.type.dtype.kind != "f" or (fn is not sf.neg and fn is not sf.abs):
        return None
    x = v.owner.inputs[0]
    return node.op.fn(x) if x.type.dtype is v.type.dtype and node.op.fn is not fn else None


@rewrite(sf.abs, phase=("canonicalize", "specialize"))
def abs_of_positive(node: Any) -> Any:
    """``abs(exp(x)) -> exp(x)``, and so for squares, absolute values, ``sigmoid``, ``softplus`` and ``cosh``."""
    v = node.inputs[0]
    return v if fn_of(v) in _NEVER_NEGATIVE and v.type.dtype.kind == "f" else None


@rewrite(sf.mul, sf.true_div, phase=("stabilize", "specialize"))
def neg_out_of_product(node: Any, fgraph: Any) -> Any:
    """``(-x) * y -> -(x * y)``, ``(-x) / y -> -(x / y)``, ``(-x) * (-y) -> x * y``: signs cancel. Not the sign
    of a smaller tensor, which is cheaper to change."""
    out, inputs = node.outputs[0], node.inputs
    if out.type.dtype.kind not in "ifc" or any(v.type.dtype is not out.type.dtype for v in inputs):
        return None
    negated = [k for k, v in enumerate(inputs) if fn_of(v) is sf.neg]
    if not negated:
        return None
    left = [v.owner.inputs[0] if k in negated else v for k, v in enumerate(inputs)]
    if len(negated) % 2 == 0:
        return conform(node.op.fn(*left), out, fgraph)
    full = next((k for k in negated if inputs[k].type.broadcastable == out.type.broadcastable), None)
    if full is not None:
        return conform(sf.neg(node.op.fn(*left)), out, fgraph)
    if len(negated) == 1:
        return None
    left[negated[0]] = inputs[negated[0]]
    return conform(node.op.fn(*left), out, fgraph)


# ---------------------------------------------------------------------- repeated functions

_ROUNDING = (sf.floor, sf.ceil, sf.trunc, sf.round_half_to_even, sf.round_half_away_from_zero)


@rewrite(*_ROUNDING, phase="canonicalize")
def rounding_of_rounded(node: Any) -> Any:
    """``floor(ceil(x)) -> ceil(x)``, and so for all pairs of functions that round to whole numbers."""
    v = node.inputs[0]
    return v if fn_of(v) in _ROUNDING and v.type is node.outputs[0].type else None


sign_of_sign = equation("sign-of-sign", (sf.sgn, (sf.sgn, "x")), (sf.sgn, "x"))


@rewrite(sf.maximum, sf.minimum, phase="canonicalize")
def extremum_of_constants(node: Any, fgraph: Any) -> Any:
    """``maximum(maximum(x, 1), 2) -> maximum(x, 2)``, ``minimum(minimum(x, 1), 2) -> minimum(x, 1)``."""
    out, fn = node.outputs[0], node.op.fn
    for inner, a in (node.inputs, node.inputs[::-1]):
        if fn_of(inner) is not fn or as_number(a) is None or inner.type.dtype is not out.type.dtype:
            continue
        for x, b in (inner.owner.inputs, inner.owner.inputs[::-1]):
            if as_number(b) is not None:
                return conform(fn(x, fn(a, b)), out, fgraph)
    return None


@rewrite(sf.clip, phase="canonicalize")
def useless_clip(node: Any, fgraph: Any) -> Any:
    """``clip(x, -inf, inf) -> x``."""
    x, low, high = node.inputs
    return (
        conform(x, node.outputs[0], fgraph) if is_number(low, -float("inf")) and is_number(high, float("inf")) else None
    )


#: Functions that never decrease and are defined everywhere.
_MONOTONE = frozenset(
    {sf.exp, sf.exp2, sf.expm1, sf.tanh, sf.sigmoid, sf.softplus, sf.arctan, sf.arcsinh, sf.sinh, sf.cbrt}
    | {sf.floor, sf.ceil}
)


@rewrite(Reduce, phase="canonicalize")
def extremum_of_monotone(node: Any, fgraph: Any) -> Any:
    """``max(exp(x), axis) -> exp(max(x, axis))``, and so for ``min`` and all functions that never decrease: they are
    computed of one element. Not if others need all of them."""
    op, v = node.op, node.inputs[0]
    fn = fn_of(v)
    if op.fn not in ("maximum", "minimum") or fn not in _MONOTONE or len(fgraph.clients[v]) != 1 or not op.axis:
        return None
    x = v.owner.inputs[0]
    return fn(op(x)) if x.type.dtype is v.type.dtype and x.type.dtype.kind == "f" else None


# ---------------------------------------------------------------------- division and powers


@rewrite(sf.int_div, sf.mod, phase="canonicalize")
def integer_division_by_one(node: Any, fgraph: Any) -> Any:
    """``n // 1 -> n``, ``n % 1 -> 0``, of integers."""
    out = node.outputs[0]
    if out.type.dtype.kind not in "iu" or not is_number(node.inputs[1], 1):
        return None
    return conform(node.inputs[0] if node.op.fn is sf.int_div else number_like(0, out), out, fgraph)


@rewrite(sf.true_div, phase="canonicalize", tags={"nan_changing", "shape_hiding"})
def zero_over(node: Any, fgraph: Any) -> Any:
    """``0 / x -> 0``, of the shape of the quotient. Written out, a zero or NaN below would give NaN."""
    out = node.outputs[0]
    return conform(number_like(0, out), out, fgraph) if is_number(node.inputs[0], 0) else None


@rewrite(sf.pow, phase="canonicalize")
def power_of_power(node: Any, fgraph: Any) -> Any:
    """``(x ** 2) ** 3 -> x ** 6``, for whole exponents from 1 up."""
    inner, out = node.inputs[0], node.outputs[0]
    if fn_of(inner) is not sf.pow or inner.type.dtype is not out.type.dtype:
        return None
    a, b = whole_number(inner.owner.inputs[1]), whole_number(node.inputs[1])
    if a is None or b is None or not (1 <= a <= 64 and 1 <= b <= 64):
        return None
    base = sf.cast(inner.owner.inputs[0], out.type.dtype)
    new = sf.pow(base, a * b)
    return conform(new, out, fgraph) if new.type.dtype is out.type.dtype else None


@rewrite(sf.pow, phase="specialize")
def power_of_two(node: Any, fgraph: Any) -> Any:
    """``2 ** x -> exp2(x)``, of floats."""
    base, x = node.inputs
    out = node.outputs[0]
    if uniform_number(base) != 2 or out.type.dtype.kind != "f" or x.type.dtype is not out.type.dtype:
        return None
    return conform(sf.exp2(x), out, fgraph)


OVER_EXP = RuleSet(
    equation(
        "one-over-exp",
        (sf.true_div, 1, (sf.exp, X)),
        (sf.exp, (sf.neg, "x")),
        phase="stabilize",
        tags={"more_accurate"},
    ),
    equation(
        "reciprocal-of-exp",
        (sf.reciprocal, (sf.exp, X)),
        (sf.exp, (sf.neg, "x")),
        phase="stabilize",
        tags={"more_accurate"},
    ),
)

RULES = RuleSet(
    even_function,
    abs_of_positive,
    rounding_of_rounded,
    sign_of_sign,
    extremum_of_constants,
    useless_clip,
    extremum_of_monotone,
    integer_division_by_one,
    zero_over,
    power_of_power,
    power_of_two,
    OVER_EXP,
    neg_out_of_product,
)
