"""Rules on powers, and the last choices of cheaper scalar functions."""

import math
from typing import Any

from symcore.tensor import scalar_functions as sf
from symopt.match import conform, number_like
from symopt.rule import equation, rewrite
from symopt.rules.terms import as_number, uniform_number, whole_number
from symopt.ruleset import RuleSet

#: Integer powers up to this are products; higher ones lose digits against ``pow``.
HIGHEST = 8


@rewrite(sf.pow, phase="canonicalize")
def trivial_power(node: Any, fgraph: Any) -> Any:
    """``x ** 0 -> 1`` (of NaN too), ``x ** 1 -> x``."""
    out = node.outputs[0]
    exponent = uniform_number(node.inputs[1])
    if exponent == 0:
        return conform(number_like(1, out), out, fgraph)
    return conform(node.inputs[0], out, fgraph) if exponent == 1 else None


@rewrite(sf.pow, phase="specialize")
def integer_power(node: Any, fgraph: Any) -> Any:
    """``x ** 2 -> sqr(x)``, ``x ** 3 -> x * sqr(x)`` and so up to 8; ``x ** -1 -> 1 / x``."""
    out = node.outputs[0]
    exponent = whole_number(node.inputs[1])
    if exponent is None or out.type.dtype.kind == "b":
        return None
    base = sf.cast(node.inputs[0], out.type.dtype)
    if exponent == -1 and out.type.dtype.kind == "f":
        return conform(sf.reciprocal(base), out, fgraph)
    if not 2 <= exponent <= HIGHEST:
        return None
    factors, square, left = [], base, exponent
    while left:
        if left & 1:
            factors.append(square)
        left >>= 1
        if left:
            square = sf.sqr(square)
    return conform(factors[0] if len(factors) == 1 else sf.mul(*factors), out, fgraph)


@rewrite(sf.pow, phase="specialize", tags={"nan_changing"})
def root_power(node: Any, fgraph: Any) -> Any:
    """``x ** 0.5 -> sqrt(x)``, ``x ** -0.5 -> 1 / sqrt(x)``. As written, minus infinity gives infinity, not NaN."""
    out = node.outputs[0]
    exponent = uniform_number(node.inputs[1])
    if exponent not in (0.5, -0.5) or out.type.dtype.kind != "f":
        return None
    root = sf.sqrt(sf.cast(node.inputs[0], out.type.dtype))
    return conform(root if exponent == 0.5 else sf.reciprocal(root), out, fgraph)


@rewrite(sf.mul, phase="specialize")
def square_of_factor(node: Any, fgraph: Any) -> Any:
    """``x * x -> sqr(x)``, ``x * y * x -> sqr(x) * y``."""
    inputs = node.inputs
    if len(set(inputs)) == len(inputs) or node.outputs[0].type.dtype.kind == "b":
        return None
    out = node.outputs[0]
    factors: list[Any] = []
    seen: dict[Any, int] = {}
    for x in inputs:
        seen[x] = seen.get(x, 0) + 1
    for x, count in seen.items():
        if x.type.dtype is not out.type.dtype:
            return None
        factors += [sf.sqr(x)] * (count // 2) + [x] * (count % 2)
    return conform(factors[0] if len(factors) == 1 else sf.mul(*factors), out, fgraph)


@rewrite(sf.mul, phase="specialize")
def times_minus_one(node: Any, fgraph: Any) -> Any:
    """``x * -1 -> -x``."""
    out = node.outputs[0]
    if out.type.dtype.kind not in "ifc":
        return None
    for k, x in enumerate(node.inputs):
        if as_number(x) == -1 and x.type.dtype is out.type.dtype:
            rest = [*node.inputs[:k], *node.inputs[k + 1:]]
            product = rest[0] if len(rest) == 1 else sf.mul(*rest)
            return conform(sf.neg(product), out, fgraph) if product.type.dtype is out.type.dtype else None
    return None


@rewrite(sf.true_div, phase="specialize")
def division_by_power_of_two(node: Any, fgraph: Any) -> Any:
    """``x / 4 -> x * 0.25``: exact for powers of two, and several times as fast."""
    out = node.outputs[0]
    x, divisor = node.inputs
    number = as_number(divisor)
    if out.type.dtype.kind != "f" or x.type.dtype is not out.type.dtype or not isinstance(number, (int, float)):
        return None
    if not 2**-10 <= abs(number) <= 2**10 or abs(math.frexp(number)[0]) != 0.5:
        return None
    return conform(sf.mul(x, number_like(1 / number, out)), out, fgraph)


RULES = RuleSet(
    trivial_power, integer_power, root_power, square_of_factor, times_minus_one, division_by_power_of_two,
    equation("one-over", (sf.true_div, 1, "x"), (sf.reciprocal, "x"), phase="specialize"),
    equation("times-reciprocal", (sf.mul, "x", (sf.reciprocal, "y")), (sf.true_div, "x", "y"),
             phase=("canonicalize", "specialize")),
)
