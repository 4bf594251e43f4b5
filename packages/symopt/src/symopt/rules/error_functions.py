"""Rules on the error function and its complement, which each lose all digits where the other is needed."""

import math
from typing import Any

from symcore.tensor import scalar_functions as sf
from symcore.tensor.special_functions import erf, erfc, erfcx
from symopt.match import conform, fn_of
from symopt.rule import equation, rewrite
from symopt.rules.stability import X, is_real_float
from symopt.rules.terms import Step, product_of, rebuild_product
from symopt.ruleset import RuleSet

_ACCURATE = {"more_accurate"}
_PHASE = "stabilize"


def _stable(name: str, pattern: Any, result: Any) -> Any:
    return equation(name, pattern, result, phase=_PHASE, tags=_ACCURATE)


COMPLEMENTS = RuleSet(
    _stable("one-minus-erf", (sf.sub, 1, (erf, X)), (erfc, "x")),
    _stable("one-minus-erfc", (sf.sub, 1, (erfc, X)), (erf, "x")),
    _stable("erf-minus-one", (sf.sub, (erf, X), 1), (sf.neg, (erfc, "x"))),
    _stable("erf-plus-minus-one", (sf.add, (erf, X), -1), (sf.neg, (erfc, "x"))),
    _stable("erfc-minus-one", (sf.sub, (erfc, X), 1), (sf.neg, (erf, "x"))),
    _stable("erfc-plus-minus-one", (sf.add, (erfc, X), -1), (sf.neg, (erf, "x"))),
    _stable("one-plus-erf", (sf.add, 1, (erf, X)), (erfc, (sf.neg, "x"))),
)


@rewrite(sf.log, phase=_PHASE, tags=_ACCURATE)
def log_of_erfc(node: Any, fgraph: Any) -> Any:
    """``log(erfc(x)) -> switch(x < 1, log(erfc(x)), log(erfcx(x)) - x ** 2)``: ``erfc`` underflows at 27, and
    ``erfcx(x) = exp(x ** 2) * erfc(x)`` does not (Abramowitz and Stegun, 7.1.23)."""
    inner, out = node.inputs[0], node.outputs[0]
    if fn_of(inner) is not erfc:
        return None
    x = inner.owner.inputs[0]
    if not is_real_float(x) or x.type.dtype is not out.type.dtype or _is_near_side(out, fgraph):
        return None
    far = sf.sub(sf.log(erfcx(sf.maximum(x, 1))), sf.sqr(x))
    return conform(sf.switch(sf.lt(x, 1), node.op.fn(inner), far), out, fgraph)


def _is_near_side(out: Any, fgraph: Any) -> bool:
    """Tell whether ``out`` is already what ``log_of_erfc`` makes for small ``x``."""
    x = out.owner.inputs[0].owner.inputs[0]
    for user, position in fgraph.clients[out]:
        if user is not None and position == 1 and fn_of(user.outputs[0]) is sf.switch:
            condition = user.inputs[0]
            if fn_of(condition) is sf.lt and condition.owner.inputs[0] is x:
                return True
    return False


@rewrite(sf.true_div, sf.mul, phase=_PHASE, tags=_ACCURATE)
def exp_over_erfc(node: Any, fgraph: Any) -> Any:
    """``exp(-x ** 2) / erfc(x) -> 1 / erfcx(x)``, also among other factors: the gradient of ``log(erfc(x))``."""
    out = node.outputs[0]
    if not is_real_float(out):
        return None
    found = product_of(out, fgraph, shared=True)
    leaves = [(k, step) for k, step in enumerate(found.tree) if step.fn is None and not step.is_number]
    for k, step in leaves:
        if step.above or fn_of(step.v) is not erfc:
            continue
        x = step.v.owner.inputs[0]
        at = next((i for i, other in leaves if other.above and _is_exp_of_minus_square(other.v, x)), None)
        if at is None:
            continue
        found.tree[k] = Step(None, 0, erfcx(x), False)
        new = rebuild_product(out, found, math.prod(found.numbers), math.prod(found.divisors), {at})
        return None if new is None or new.type.dtype is not out.type.dtype else conform(new, out, fgraph)
    return None


def _is_exp_of_minus_square(v: Any, x: Any) -> bool:
    if fn_of(v) is not sf.exp or v.type.dtype is not x.type.dtype:
        return False
    power = v.owner.inputs[0]
    if fn_of(power) is not sf.neg:
        return False
    square = power.owner.inputs[0]
    return fn_of(square) is sf.sqr and square.owner.inputs[0] is x


RULES = RuleSet(COMPLEMENTS, log_of_erfc, exp_over_erfc)
