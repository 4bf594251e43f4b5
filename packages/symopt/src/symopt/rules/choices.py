"""Rules on choices: ``switch`` of ``switch``, sums and products of choices, comparisons turned round, ``ifelse``."""

from typing import Any

from symcore.graph.variable import Constant
from symcore.ifelse import IfElse
from symcore.tensor import scalar_functions as sf
from symcore.tensor.shapes import Shape_i
from symopt.match import conform, fn_of, is_number, number_like, op_of
from symopt.rule import equation, rewrite
from symopt.rules.folding import ALWAYS, is_truth
from symopt.rules.terms import uniform_number
from symopt.ruleset import RuleSet

# ---------------------------------------------------------------------- switch

NESTED = RuleSet(
    equation(
        "switch-in-true-branch",
        (sf.switch, "c", (sf.switch, "c", "a", "b"), "d"),
        (sf.switch, "c", "a", "d"),
        tags={"shape_hiding"},
    ),
    equation(
        "switch-in-false-branch",
        (sf.switch, "c", "a", (sf.switch, "c", "b", "d")),
        (sf.switch, "c", "a", "d"),
        tags={"shape_hiding"},
    ),
)


def _is_zero(v: Any) -> bool:
    return is_number(v, 0)


@rewrite(sf.add, sf.sub, phase="canonicalize", tags={"shape_hiding"})
def sum_of_switches(node: Any, fgraph: Any) -> Any:
    """``switch(c, a, 0) + switch(c, 0, b) -> switch(c, a, b)``,
    ``switch(c, a, 0) + switch(c, b, 0) -> switch(c, a + b, 0)``: on each side one of the terms must be zero, or both
    terms numbers."""
    if len(node.inputs) != 2 or any(fn_of(v) is not sf.switch for v in node.inputs):
        return None
    (condition, a, b), (other, x, y) = (v.owner.inputs for v in node.inputs)
    out, fn = node.outputs[0], node.op.fn
    if condition is not other or any(len(fgraph.clients[v]) != 1 for v in node.inputs):
        return None
    sides = [(a, x), (b, y)]
    if not any(_is_zero(v) for side in sides for v in side) or any(
        v.type.dtype is not out.type.dtype for v in node.inputs
    ):
        return None
    if all(not _is_zero(p) and not _is_zero(q) for p, q in sides):
        return None
    return conform(
        sf.switch(condition, *[fn(*[sf.cast(v, out.type.dtype) for v in side]) for side in sides]), out, fgraph
    )


#: What is infinite or NaN somewhere.
_POLES = frozenset(
    {
        sf.true_div,
        sf.reciprocal,
        sf.log,
        sf.log1p,
        sf.log2,
        sf.log10,
        sf.pow,
        sf.sqrt,
        sf.exp,
        sf.expm1,
        sf.tan,
        sf.arcsin,
        sf.arccos,
        sf.arctanh,
        sf.arccosh,
    }
)


@rewrite(sf.mul, phase="canonicalize", tags={"nan_changing"})
def switch_out_of_product(node: Any, fgraph: Any) -> Any:
    """``switch(c, 0, t) * log(x) -> switch(c, 0, t * log(x))``, and so for zeros on the other side and all factors
    that are infinite somewhere: what is not chosen stays zero. Written out, zero times infinity would give NaN."""
    inputs = node.inputs
    if not any(fn_of(v) in _POLES for v in inputs):
        return None
    for k, v in enumerate(inputs):
        if _is_mask(v, node.outputs[0], fgraph):
            rest = [*inputs[:k], *inputs[k + 1 :]]
            return _sunk(v, lambda t, rest=rest: sf.mul(t, *rest), node.outputs[0], fgraph)
    return None


@rewrite(sf.true_div, phase="canonicalize", tags={"nan_changing"})
def switch_out_of_quotient(node: Any, fgraph: Any) -> Any:
    """``switch(c, 0, t) / x -> switch(c, 0, t / x)``: what is not chosen stays zero, whatever ``x`` is there."""
    v, divisor = node.inputs
    if isinstance(divisor, Constant) or not _is_mask(v, node.outputs[0], fgraph):
        return None
    return _sunk(v, lambda t: sf.true_div(t, divisor), node.outputs[0], fgraph)


def _is_mask(v: Any, out: Any, fgraph: Any) -> bool:
    """Tell whether ``v`` is a choice between zero and something, of the type of ``out``, that nobody else needs."""
    if fn_of(v) is not sf.switch or v.type.dtype is not out.type.dtype or len(fgraph.clients[v]) != 1:
        return False
    _, a, b = v.owner.inputs
    return v.type.broadcastable == out.type.broadcastable and _is_zero(a) != _is_zero(b)


def _sunk(v: Any, apply: Any, out: Any, fgraph: Any) -> Any:
    condition, a, b = v.owner.inputs
    zero = number_like(0, out)
    new = sf.switch(condition, *[zero if _is_zero(side) else apply(sf.cast(side, out.type.dtype)) for side in (a, b)])
    return conform(new, out, fgraph)


# ---------------------------------------------------------------------- comparisons

_OPPOSITE = {sf.eq: sf.neq, sf.neq: sf.eq, sf.lt: sf.ge, sf.ge: sf.lt, sf.gt: sf.le, sf.le: sf.gt}


@rewrite(sf.invert, phase="canonicalize")
def not_of_comparison(node: Any) -> Any:
    """``not (x == y) -> x != y``, ``not (n < m) -> n >= m``: of floats only the first, for both ``x < y`` and
    ``x >= y`` are false of NaN."""
    v = node.inputs[0]
    fn = fn_of(v)
    if fn not in _OPPOSITE:
        return None
    exact = fn in (sf.eq, sf.neq) or all(x.type.dtype.kind in "biu" for x in v.owner.inputs)
    return _OPPOSITE[fn](*v.owner.inputs) if exact else None


def _is_length(v: Any) -> bool:
    return type(op_of(v)) is Shape_i


@rewrite(sf.lt, sf.le, sf.gt, sf.ge, phase=ALWAYS)
def comparison_of_length(node: Any) -> Any:
    """``n < 0 -> False``, ``n >= 0 -> True`` of a length ``n``, and with the sides exchanged."""
    a, b = node.inputs
    fn = node.op.fn
    if _is_length(b):
        a, b, fn = b, a, {sf.lt: sf.gt, sf.gt: sf.lt, sf.le: sf.ge, sf.ge: sf.le}[fn]
    bound = uniform_number(b) if _is_length(a) and not b.type.ndim else None
    if bound is None or isinstance(bound, complex):
        return None
    if (fn is sf.lt and bound <= 0) or (fn is sf.le and bound < 0):
        return number_like(False, node.outputs[0])
    if (fn is sf.ge and bound <= 0) or (fn is sf.gt and bound < 0):
        return number_like(True, node.outputs[0])
    return None


@rewrite(sf.maximum, phase=ALWAYS)
def maximum_of_length(node: Any) -> Any:
    """``maximum(n, 0) -> n`` of a length ``n``."""
    for v, bound in (node.inputs, node.inputs[::-1]):
        number = uniform_number(bound)
        if _is_length(v) and number is not None and not isinstance(number, complex) and number <= 0:
            return v if v.type is node.outputs[0].type else None
    return None


# ---------------------------------------------------------------------- ifelse


@rewrite(IfElse, phase=ALWAYS, tags={"fast_compile"})
def ifelse_of_constant(node: Any) -> Any:
    """``ifelse(True, a, b) -> a``, ``ifelse(False, a, b) -> b``."""
    condition = node.inputs[0]
    if not isinstance(condition, Constant):
        return None
    chosen = node.op.sides(node.inputs[1:])[0 if condition.data else 1]
    return _fitting(node, chosen)


@rewrite(IfElse, phase="canonicalize")
def ifelse_of_equals(node: Any) -> Any:
    """``ifelse(c, a, a) -> a``."""
    yes, no = node.op.sides(node.inputs[1:])
    return _fitting(node, yes) if all(a is b for a, b in zip(yes, no, strict=True)) else None


def _fitting(node: Any, chosen: Any) -> Any:
    if not all(y.type.is_super(v.type) for y, v in zip(node.outputs, chosen, strict=True)):
        return None
    return list(chosen)


@rewrite(IfElse, phase="canonicalize")
def ifelse_of_not(node: Any) -> Any:
    """``ifelse(not c, a, b) -> ifelse(c, b, a)`` for truth values ``c``."""
    condition = node.inputs[0]
    if fn_of(condition) is not sf.invert or not is_truth(condition):
        return None
    yes, no = node.op.sides(node.inputs[1:])
    return list(node.op.make_node(condition.owner.inputs[0], *no, *yes).outputs)


@rewrite(IfElse, phase="canonicalize")
def ifelse_of_ifelse(node: Any) -> Any:
    """``ifelse(c, ifelse(c, a, b), d) -> ifelse(c, a, d)``, and so of the other side."""
    sides = [
        [_chosen_already(v, node.inputs[0], side) for v in values]
        for side, values in enumerate(node.op.sides(node.inputs[1:]))
    ]
    new = [*sides[0], *sides[1]]
    if all(a is b for a, b in zip(new, node.inputs[1:], strict=True)):
        return None
    return list(node.op.make_node(node.inputs[0], *new).outputs)


def _chosen_already(v: Any, condition: Any, side: int) -> Any:
    """Return what ``v`` is on a side (0: true) of a condition that it chooses by itself."""
    while v.owner is not None and isinstance(v.owner.op, IfElse) and v.owner.inputs[0] is condition:
        found = v.owner.op.sides(v.owner.inputs[1:])[side][v.owner.outputs.index(v)]
        if found.type != v.type:
            break
        v = found
    return v


RULES = RuleSet(
    NESTED,
    sum_of_switches,
    switch_out_of_product,
    switch_out_of_quotient,
    not_of_comparison,
    comparison_of_length,
    maximum_of_length,
    ifelse_of_constant,
    ifelse_of_equals,
    ifelse_of_not,
    ifelse_of_ifelse,
)
