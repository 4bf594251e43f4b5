"""Rules on sums and products: neutral elements, cancellation, constants gathered, scalars distributed."""

import math
from collections import Counter
from typing import Any

from symcore.tensor import scalar_functions as sf
from symopt.match import conform, fn_of, is_number, number_like
from symopt.rule import equation, rewrite
from symopt.rules.folding import ALWAYS
from symopt.rules.terms import (
    WIDEST,
    Number,
    Term,
    as_number,
    as_term,
    build_difference,
    build_sum,
    cancelling,
    holds,
    product_of,
    rebuild_product,
    signed_terms,
    uniform_number,
)
from symopt.ruleset import RuleSet

# ---------------------------------------------------------------------- neutral elements


@rewrite(sf.add, sf.sub, sf.mul, sf.true_div, phase=ALWAYS, tags={"fast_compile"})
def neutral_element(node: Any, fgraph: Any) -> Any:
    """``x + 0 -> x``, ``x - 0 -> x``, ``x * 1 -> x``, ``x / 1 -> x``."""
    out = node.outputs[0]
    if out.type.dtype.kind == "b":
        return None
    fn, inputs = node.op.fn, node.inputs
    neutral = 0 if fn is sf.add or fn is sf.sub else 1
    fixed = 1 if fn is sf.sub or fn is sf.true_div else 0  # the inputs on the left whose being neutral does not matter
    rest = [x for k, x in enumerate(inputs) if k < fixed or uniform_number(x) != neutral]
    if len(rest) == len(inputs):
        return None
    if not rest:
        return conform(number_like(neutral, out), out, fgraph)
    if len(rest) > 1:  # what is left is still computed in the dtype of the whole: int8 + int8 + 0.0 does not overflow
        rest = [sf.cast(x, out.type.dtype) for x in rest]
    return conform(rest[0] if len(rest) == 1 else fn(*rest), out, fgraph)


zero_minus = equation("zero-minus", (sf.sub, 0, "x"), (sf.neg, "x"))


@rewrite(sf.mul, phase=ALWAYS, tags={"nan_changing"})
def times_zero(node: Any, fgraph: Any) -> Any:
    """``x * 0 -> 0``, of the shape of the product. Written out, NaN and infinity would give NaN."""
    return _zero(node, fgraph) if node.outputs[0].type.dtype.kind in "fc" else None


@rewrite(sf.mul, phase=ALWAYS)
def times_zero_of_integers(node: Any, fgraph: Any) -> Any:
    """``n * 0 -> 0``, of integers."""
    return _zero(node, fgraph) if node.outputs[0].type.dtype.kind in "iu" else None


def _zero(node: Any, fgraph: Any) -> Any:
    out = node.outputs[0]
    return conform(number_like(0, out), out, fgraph) if any(is_number(x, 0) for x in node.inputs) else None


# ---------------------------------------------------------------------- signs

neg_neg = equation("neg-neg", (sf.neg, (sf.neg, "x")), "x", phase=ALWAYS)


@rewrite(sf.neg, phase="canonicalize")
def neg_of_difference(node: Any, fgraph: Any) -> Any:
    """``-(a - b) -> b - a``, where nobody else needs ``a - b``."""
    x = node.inputs[0]
    if fn_of(x) is not sf.sub or len(fgraph.clients[x]) != 1:
        return None
    a, b = x.owner.inputs
    return sf.sub(b, a)


@rewrite(sf.add, sf.sub, phase=ALWAYS)
def neg_in_sum(node: Any) -> Any:
    """``a + (-b) -> a - b``, ``a - (-b) -> a + b``."""
    inputs = node.inputs
    if not any(fn_of(x) is sf.neg for x in inputs):
        return None
    plus: list[Any] = []
    minus: list[Any] = []
    for k, x in enumerate(inputs):
        negative = node.op.fn is sf.sub and k == 1
        if fn_of(x) is sf.neg and x.type.dtype is node.outputs[0].type.dtype:
            negative, x = not negative, x.owner.inputs[0]
        (minus if negative else plus).append(x)
    new = build_difference(plus, minus, node.outputs[0].type.dtype)
    return new if fn_of(new) is not sf.neg or new.owner.inputs[0].type is node.outputs[0].type else None


# ---------------------------------------------------------------------- sums


def _open_sum(node: Any, fgraph: Any, shared: bool = False) -> tuple[list[Number], dict[Any, list[Term]]] | None:
    """Return the numbers of a sum, and its terms grouped by what their coefficients multiply."""
    out = node.outputs[0]
    numbers: list[Number] = []
    groups: dict[Any, list[Term]] = {}
    for sign, v in signed_terms(out, fgraph, shared):
        number = as_number(v)
        if number is not None:
            numbers.append(sign * number)
            continue
        if v.type.dtype is not out.type.dtype:
            return None
        term = as_term(sign, v)
        groups.setdefault(_key(term.rest), []).append(term)
    return numbers, groups


def _key(rest: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return factors in an order of their own, so that ``x * y`` and ``y * x`` are alike."""
    return rest if len(rest) < 2 else tuple(sorted(rest, key=id))


def _close_sum(node: Any, fgraph: Any, numbers: list[Number], groups: dict[Any, list[Term]]) -> Any:
    out = node.outputs[0]
    total = sum(numbers)
    if not holds(total, out.type.dtype):
        return None
    new = build_sum(out, total, [(terms, terms[0].rest) for terms in groups.values()])
    return None if new is None or new.type.dtype is not out.type.dtype else conform(new, out, fgraph)


@rewrite(sf.add, sf.sub, phase="canonicalize")
def collect_sum(node: Any, fgraph: Any) -> Any:
    """``(x + 1) + 2 -> x + 3``, ``x + x -> 2 * x``: numbers gathered, equal terms of one sign collected."""
    if node.outputs[0].type.dtype.kind == "b":
        return None
    opened = _open_sum(node, fgraph)
    if opened is None:
        return None
    numbers, groups = opened
    alike = any(len(terms) > 1 for terms in groups.values())
    if len(numbers) < 2 and not alike:
        return None
    if any(len(terms) > 1 and not _of_one_sign(terms) for terms in groups.values()):
        return None
    return _close_sum(node, fgraph, numbers, groups)


def _of_one_sign(terms: list[Term]) -> bool:
    if any(t.scalars or isinstance(t.number, complex) for t in terms):
        return False
    return all(t.number > 0 for t in terms) or all(t.number < 0 for t in terms)  # type: ignore[operator]


def _cancel(node: Any, fgraph: Any) -> Any:
    opened = _open_sum(node, fgraph, shared=True)
    if opened is None:
        return None
    numbers, groups = opened
    if not any(len(terms) > 1 and not _of_one_sign(terms) for terms in groups.values()):
        return None
    return _close_sum(node, fgraph, numbers, groups)


@rewrite(sf.add, sf.sub, phase="canonicalize", tags={"nan_changing", "shape_hiding"})
def cancel_sum(node: Any, fgraph: Any) -> Any:
    """``x - x -> 0``, ``(x + y) - x -> y``, ``x - c * x -> (1 - c) * x`` with scalars ``c``. Written out, infinity and
    NaN would give NaN."""
    return _cancel(node, fgraph) if node.outputs[0].type.dtype.kind in "fc" else None


@rewrite(sf.add, sf.sub, phase="canonicalize", tags={"shape_hiding"})
def cancel_sum_of_integers(node: Any, fgraph: Any) -> Any:
    """``n - n -> 0``, ``(n + m) - n -> m``, of integers."""
    return _cancel(node, fgraph) if node.outputs[0].type.dtype.kind in "iu" else None


@rewrite(sf.add, sf.sub, phase="canonicalize", tags={"nan_changing"})
def distribute_scalar(node: Any, fgraph: Any) -> Any:
    """``w - s * (g + c * w) -> (1 - s * c) * w - s * g`` with scalars ``s``, ``c``: weight decay. Only where a term
    inside the bracket then meets its like outside, so that a product ``g`` can be accumulated onto ``w``. Differs for
    infinite and NaN inputs."""
    out = node.outputs[0]
    if out.type.ndim == 0 or out.type.dtype.kind not in "fc" or not any(fn_of(x) in _SCALED for x in node.inputs):
        return None
    signed = signed_terms(out, fgraph)
    if any(v.type.dtype is not out.type.dtype for _, v in signed):
        return None
    terms = [as_term(sign, v) for sign, v in signed]
    outside = {t.rest for t in terms}
    for k, term in enumerate(terms):
        inner = _bracket(term, out, fgraph)
        if inner is not None and any(t.rest in outside for t in inner):
            groups: dict[Any, list[Term]] = {}
            spread = [Term(term.number * t.number, term.scalars + t.scalars, t.rest) for t in inner]
            for t in terms[:k] + spread + terms[k + 1:]:
                groups.setdefault(_key(t.rest), []).append(t)
            return _close_sum(node, fgraph, [], groups)
    return None


#: What a term with a coefficient is made by.
_SCALED = frozenset({sf.mul, sf.neg, sf.add, sf.sub})


def _bracket(term: Term, out: Any, fgraph: Any) -> list[Term] | None:
    """Return the terms of ``(a + b)`` in a term ``s * (a + b)``."""
    if len(term.rest) != 1 or (term.number in (1, -1) and not term.scalars):
        return None
    bracket = term.rest[0]
    if fn_of(bracket) not in (sf.add, sf.sub) or bracket.type.broadcastable != out.type.broadcastable:
        return None
    if len(fgraph.clients[bracket]) != 1 or bracket.type.dtype is not out.type.dtype:
        return None
    inner = signed_terms(bracket, fgraph)
    if any(v.type.dtype is not out.type.dtype or as_number(v) is not None for _, v in inner):
        return None
    return [as_term(sign, v) for sign, v in inner]


# ---------------------------------------------------------------------- products


@rewrite(sf.mul, sf.true_div, sf.neg, phase="canonicalize")
def collect_product(node: Any, fgraph: Any) -> Any:
    """``(x * 2) * 3 -> x * 6``, ``(x * 2) / 4 -> x * 0.5``, ``(-x) * y -> -(x * y)``: numbers and signs gathered. Not
    where the gathered number would over- or underflow while the given ones do not."""
    out = node.outputs[0]
    if out.type.dtype.kind == "b":
        return None
    found = product_of(out, fgraph)
    if len(found.numbers) + len(found.divisors) < 2 and not found.negated:
        return None
    if 0 in found.numbers or 0 in found.divisors:
        return None
    number, divisor = math.prod(found.numbers), math.prod(found.divisors)
    if found.divisors and abs(number) != 1:
        number, divisor = number / divisor, 1
    if divisor not in (1, -1) and number == -1:
        number, divisor = 1, -divisor
    dtype = out.type.dtype
    if number == 0 or divisor == 0 or (dtype.kind in "iu" and found.divisors):
        return None
    if not (holds(number, dtype) and holds(divisor, dtype)):
        return None
    new = rebuild_product(out, found, number, divisor)
    return None if new is None or new.type.dtype is not dtype else conform(new, out, fgraph)


@rewrite(sf.mul, sf.true_div, phase="canonicalize", tags={"nan_changing", "shape_hiding"})
def cancel_product(node: Any, fgraph: Any) -> Any:
    """``x / x -> 1``, ``(x * y) / y -> x``. Written out, zero, infinity and NaN would give NaN."""
    out = node.outputs[0]
    if out.type.dtype.kind not in "fc":
        return None
    found = product_of(out, fgraph, shared=True)
    common = cancelling(found)
    if not common:
        return None
    new = rebuild_product(out, found, math.prod(found.numbers), math.prod(found.divisors), common)
    return None if new is None or new.type.dtype is not out.type.dtype else conform(new, out, fgraph)


def _is_guard(v: Any) -> bool:
    """Tell whether ``v`` is ``switch(g == 0, 0, term)``, as gradients of functions with poles have it."""
    if fn_of(v) is not sf.switch:
        return False
    condition, zero, _ = v.owner.inputs
    return is_number(zero, 0) and fn_of(condition) is sf.eq and is_number(condition.owner.inputs[1], 0)


@rewrite(sf.mul, phase="canonicalize", tags={"nan_changing"})
def guard_out_of_product(node: Any, fgraph: Any) -> Any:
    """``switch(g == 0, 0, t) * x -> switch(g == 0, 0, t * x)``, so that ``t`` and ``x`` can cancel: the gradient of
    ``log(p(x))`` is ``p'(x) / p(x)``. Differs where ``g`` is zero and ``x`` infinite or NaN."""
    out = node.outputs[0]
    for k, v in enumerate(node.inputs):
        if _is_guard(v) and v.type.dtype is out.type.dtype and v.type.broadcastable == out.type.broadcastable \
                and len(fgraph.clients[v]) == 1:
            condition, zero, term = v.owner.inputs
            product = sf.mul(*node.inputs[:k], term, *node.inputs[k + 1:])
            return conform(sf.switch(condition, zero, product), out, fgraph)
    return None


@rewrite(sf.mul, phase="canonicalize", tags={"nan_changing"})
def distribute_to_cancel(node: Any, fgraph: Any) -> Any:
    """``(a / x - b / y) * x * y -> a * y - b * x``: a product is distributed over a sum where every term then cancels.
    This is the gradient of the cross-entropy of two classes. Written out, zero and infinity would give NaN."""
    out, inputs = node.outputs[0], node.inputs
    if out.type.dtype.kind not in "fc":
        return None
    for k, bracket in enumerate(inputs):
        if fn_of(bracket) not in (sf.add, sf.sub) or bracket.type is not out.type or len(fgraph.clients[bracket]) != 1:
            continue
        others = [*inputs[:k], *inputs[k + 1:]]
        signed = signed_terms(bracket, fgraph)
        if len(signed) <= _MOST_DISTRIBUTED and all(_shares_divisor(v, others, fgraph) for _, v in signed):
            spread = [(sign, _times(v, others)) for sign, v in signed]
            over, under = [v for sign, v in spread if sign > 0], [v for sign, v in spread if sign < 0]
            return conform(build_difference(over, under, out.type.dtype), out, fgraph)
    return None


_MOST_DISTRIBUTED = 4


def _shares_divisor(v: Any, factors: list[Any], fgraph: Any) -> bool:
    term = v.owner.inputs[2] if _is_guard(v) else v
    if fn_of(term) not in (sf.true_div, sf.mul, sf.reciprocal):
        return False
    under = product_of(term, fgraph, shared=True).under
    return any(x in factors for x in under)


def _times(v: Any, factors: list[Any]) -> Any:
    if _is_guard(v):
        condition, zero, term = v.owner.inputs
        return sf.switch(condition, zero, sf.mul(term, *factors))
    return sf.mul(v, *factors)


#: Functions that are finite for finite inputs.
_FINITE = frozenset({sf.sigmoid, sf.tanh, sf.sin, sf.cos, sf.add, sf.sub, sf.neg, sf.abs, sf.sqr, sf.softplus})


@rewrite(sf.switch, phase="stabilize", tags={"nan_changing"})
def useless_guard(node: Any, fgraph: Any) -> Any:
    """``switch(g == 0, 0, g * x) -> g * x`` where ``x`` has no pole (any more). Differs for infinite and NaN ``x``."""
    out = node.outputs[0]
    if not _is_guard(out) or fn_of(node.inputs[2]) is not sf.mul:
        return None
    g = node.inputs[0].owner.inputs[0]
    term = product_of(node.inputs[2], fgraph, shared=True)
    of_g = Counter(product_of(g, fgraph, shared=True).over)
    left = Counter(term.over) - of_g
    if term.under or not of_g or of_g - Counter(term.over):
        return None
    if any(x.owner is not None and fn_of(x) not in _FINITE for x in left):
        return None
    return conform(node.inputs[2], out, fgraph)


# ---------------------------------------------------------------------- flat sums and products


def _is_inner(out: Any, fn: Any, clients: Any) -> bool:
    """Tell whether a sum is a term of a larger one, which will be flattened as a whole."""
    if len(clients[out]) != 1:
        return False
    [(user, _)] = clients[out]
    return user is not None and fn_of(user.outputs[0]) is fn and user.outputs[0].type is out.type


def _flat(out: Any, fn: Any, clients: Any) -> list[Any]:
    found: list[Any] = []
    stack = [out]
    while stack:
        v = stack.pop()
        inner = v is out or (fn_of(v) is fn and v.type is out.type and len(clients[v]) == 1)
        if inner and len(found) + len(stack) + len(v.owner.inputs) <= max(WIDEST, len(out.owner.inputs)):
            stack.extend(reversed(v.owner.inputs))
        else:
            found.append(v)
    return found


@rewrite(sf.add, phase="canonicalize")
def flatten_sum(node: Any, fgraph: Any) -> Any:
    """``(a + b) + c -> add(a, b, c)``."""
    return _flatten(node, sf.add, fgraph.clients)


@rewrite(sf.mul, phase="canonicalize")
def flatten_product(node: Any, fgraph: Any) -> Any:
    """``(a * b) * c -> mul(a, b, c)``."""
    return _flatten(node, sf.mul, fgraph.clients)


def _flatten(node: Any, fn: Any, clients: Any) -> Any:
    out = node.outputs[0]
    if not any(fn_of(x) is fn for x in node.inputs) or _is_inner(out, fn, clients):
        return None
    flat = _flat(out, fn, clients)
    return None if len(flat) == len(node.inputs) else fn(*flat)


RULES = RuleSet(
    neutral_element, zero_minus, times_zero, times_zero_of_integers, neg_neg, neg_of_difference, neg_in_sum,
    collect_sum, cancel_sum, cancel_sum_of_integers, distribute_scalar, collect_product, cancel_product,
    guard_out_of_product, distribute_to_cancel, useless_guard, flatten_sum, flatten_product,
)
