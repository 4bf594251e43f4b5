"""Rules that put forms which neither over- nor underflow in the place of those that do."""

from typing import Any

import numpy as np

from symcore.tensor import scalar_functions as sf
from symcore.tensor.reduce import Reduce
from symcore.tensor.shapes import DimShuffle
from symopt.match import conform, fn_of, is_number, op_of
from symopt.rule import equation, rewrite
from symopt.rules.logsumexp import fuse_logsumexp
from symopt.ruleset import RuleSet

_ACCURATE = {"more_accurate"}
_PHASE = "stabilize"


def _is_float(variable: Any) -> bool:
    return bool(variable.type.dtype.kind == "f")


def is_real_float(variable: Any) -> bool:
    """Tell whether a variable holds real floating point numbers."""
    return _is_float(variable)


X = ("x", is_real_float)
A = ("a", is_real_float)
B = ("b", is_real_float)


def _stable(name: str, pattern: Any, result: Any, tags: Any = frozenset(_ACCURATE)) -> Any:
    return equation(name, pattern, result, phase=_PHASE, tags=tags)


# ---------------------------------------------------------------------- logistic

LOGISTIC = RuleSet(
    _stable("exp-over-one-plus-exp", (sf.true_div, (sf.exp, X), (sf.add, 1, (sf.exp, X))), (sf.sigmoid, "x")),
    _stable("one-over-one-plus-exp", (sf.true_div, A, (sf.add, 1, (sf.exp, X))),
            (sf.mul, "a", (sf.sigmoid, (sf.neg, "x")))),
    _stable("reciprocal-of-one-plus-exp", (sf.reciprocal, (sf.add, 1, (sf.exp, X))), (sf.sigmoid, (sf.neg, "x"))),
    _stable("sigmoid-times-exp", (sf.mul, (sf.sigmoid, (sf.neg, X)), (sf.exp, X)), (sf.sigmoid, "x")),
    _stable("one-minus-sigmoid", (sf.sub, 1, (sf.sigmoid, X)), (sf.sigmoid, (sf.neg, "x"))),
    _stable("log-of-sigmoid", (sf.log, (sf.sigmoid, X)), (sf.neg, (sf.softplus, (sf.neg, "x")))),
    _stable("log1p-of-minus-sigmoid", (sf.log1p, (sf.neg, (sf.sigmoid, X))), (sf.neg, (sf.softplus, "x"))),
    _stable("log1p-of-exp", (sf.log1p, (sf.exp, X)), (sf.softplus, "x")),
    _stable("difference-to-softplus", (sf.sub, X, (sf.softplus, X)), (sf.neg, (sf.softplus, (sf.neg, "x")))),
    _stable("softplus-minus-itself", (sf.sub, (sf.softplus, X), X), (sf.softplus, (sf.neg, "x"))),
)

# ---------------------------------------------------------------------- exponentials and logarithms

INVERSES = RuleSet(
    _stable("log-of-exp", (sf.log, (sf.exp, X)), "x"),
    equation("exp-of-log", (sf.exp, (sf.log, X)), "x", phase=_PHASE, tags={"nan_changing"}),
    equation("exp-of-log1p", (sf.exp, (sf.log1p, X)), (sf.add, 1, "x"), phase=_PHASE, tags={"nan_changing"}),
    equation("expm1-of-log1p", (sf.expm1, (sf.log1p, X)), "x", phase=_PHASE, tags={"nan_changing"}),
    _stable("log1p-of-expm1", (sf.log1p, (sf.expm1, X)), "x"),
    equation("sqrt-of-sqr", (sf.sqrt, (sf.sqr, X)), (sf.abs, "x"), phase=(_PHASE, "specialize"), tags=_ACCURATE),
    _stable("exp-minus-one", (sf.sub, (sf.exp, X), 1), (sf.expm1, "x")),
    _stable("exp-plus-minus-one", (sf.add, (sf.exp, X), -1), (sf.expm1, "x")),
)


@rewrite(sf.sqr, phase=(_PHASE, "specialize"), tags=_ACCURATE)
def sqr_of_sqrt(node: Any, fgraph: Any) -> Any:
    """``sqr(sqrt(x)) -> switch(x >= 0, x, NaN)``: the square root of a negative number is NaN, and so is its square."""
    root, out = node.inputs[0], node.outputs[0]
    if fn_of(root) is not sf.sqrt or out.type.dtype.kind != "f":
        return None
    x = root.owner.inputs[0]
    return conform(sf.switch(sf.ge(x, 0), x, float("nan")), out, fgraph) if x.type.dtype is out.type.dtype else None


@rewrite(sf.log, phase=_PHASE, tags=_ACCURATE)
def log_of_one_minus_exp(node: Any, fgraph: Any) -> Any:
    """``log(1 - exp(x)) -> switch(x > -log 2, log(-expm1(x)), log1p(-exp(x)))`` (Maechler, "Accurately computing
    ``log(1 - exp(-|a|))``", 2012): keeps all digits for ``x`` near zero and for ``x`` far below it."""
    x = _one_minus_exp(node.inputs[0])
    if x is None:
        return None
    near = sf.log(sf.neg(sf.expm1(x)))
    far = sf.log1p(sf.neg(sf.exp(x)))
    return conform(sf.switch(sf.gt(x, float(-np.log(2.0))), near, far), node.outputs[0], fgraph)


@rewrite(sf.log, sf.log1p, phase=_PHASE, tags=_ACCURATE)
def log1p_of_minus_exp(node: Any, fgraph: Any) -> Any:
    """``log1p(-exp(x))`` and ``log(-expm1(x)) -> switch(x > -log 2, log(-expm1(x)), log1p(-exp(x)))``: each is right on
    one side alone; see ``log_of_one_minus_exp``."""
    v, out = node.inputs[0], node.outputs[0]
    inner = v.owner.inputs[0] if fn_of(v) is sf.neg else None
    if inner is None or fn_of(inner) is not (sf.exp if node.op.fn is sf.log1p else sf.expm1):
        return None
    x = inner.owner.inputs[0]
    if not _is_float(x) or x.type.dtype is not out.type.dtype:
        return None
    for user, position in fgraph.clients[out]:
        if user is not None and position and user.op == sf.switch.op and fn_of(user.inputs[0]) is sf.gt \
                and user.inputs[0].owner.inputs[0] is x:
            return None
    near, far = sf.log(sf.neg(sf.expm1(x))), sf.log1p(sf.neg(sf.exp(x)))
    return conform(sf.switch(sf.gt(x, float(-np.log(2.0))), near, far), out, fgraph)


def _one_minus_exp(v: Any) -> Any:
    """Return ``x`` if ``v`` is ``1 - exp(x)``."""
    if fn_of(v) is sf.sub:
        one, power = v.owner.inputs
        if is_number(one, 1) and fn_of(power) is sf.exp and _is_float(power.owner.inputs[0]):
            return power.owner.inputs[0]
    return None


@rewrite(sf.sub, phase=_PHASE, tags=_ACCURATE)
def one_minus_exp(node: Any, fgraph: Any) -> Any:
    """``1 - exp(x) -> -expm1(x)``, except under a logarithm, which has a form of its own."""
    out = node.outputs[0]
    x = _one_minus_exp(out)
    if x is None or any(user.op == sf.log.op for user in fgraph.users(out)):
        return None
    return conform(sf.neg(sf.expm1(x)), out, fgraph)


@rewrite(sf.log, phase=_PHASE, tags=_ACCURATE)
def log_of_one_plus(node: Any, fgraph: Any) -> Any:
    """``log(1 + x) -> log1p(x)``, ``log(1 - x) -> log1p(-x)``: right for tiny ``x``."""
    v, out = node.inputs[0], node.outputs[0]
    fn = fn_of(v)
    if (fn is not sf.add and fn is not sf.sub) or out.type.dtype.kind != "f":
        return None
    inputs = v.owner.inputs
    at = next((k for k, x in enumerate(inputs) if is_number(x, 1) and (fn is sf.add or k == 0)), None)
    if at is None:
        return None
    rest = [*inputs[:at], *inputs[at + 1:]]
    if any(x.type.dtype.kind != "f" for x in rest):
        return None
    x = rest[0] if len(rest) == 1 else sf.add(*rest)
    if x.type.dtype is not v.type.dtype:
        return None
    return conform(sf.log1p(sf.neg(x) if fn is sf.sub else x), out, fgraph)


@rewrite(sf.log, phase=_PHASE, tags=_ACCURATE)
def log_of_sum_of_two_exp(node: Any, fgraph: Any) -> Any:
    """``log(exp(a) + exp(b)) -> max(a, b) + log1p(exp(-|a - b|))``; where ``a = b``, which may be infinite,
    ``a + log 2``."""
    v, out = node.inputs[0], node.outputs[0]
    if fn_of(v) is not sf.add or len(v.owner.inputs) != 2 or any(fn_of(x) is not sf.exp for x in v.owner.inputs):
        return None
    a, b = (x.owner.inputs[0] for x in v.owner.inputs)
    if not (_is_float(a) and _is_float(b)):
        return None
    larger = sf.add(sf.maximum(a, b), sf.log1p(sf.exp(sf.neg(sf.abs(sf.sub(a, b))))))
    new = sf.switch(sf.eq(a, b), sf.add(a, float(np.log(2.0))), larger)
    return conform(new, out, fgraph) if new.type.dtype is out.type.dtype else None


@rewrite(sf.log, phase=_PHASE, tags=_ACCURATE)
def log_of_sum_of_exp(node: Any, fgraph: Any) -> Any:
    """``log(sum(exp(x), axis)) -> m + log(sum(exp(x - m), axis))`` with ``m = max(x, axis)``, or 0 where that is
    infinite (all ``x`` -inf, or some +inf, or no ``x`` at all)."""
    view = node.inputs[0]
    total = view.owner.inputs[0] if _is_dimshuffle(view) else view
    if total.owner is None or type(total.owner.op) is not Reduce or total.owner.op.fn != "add":
        return None
    power, axis = total.owner.inputs[0], total.owner.op.axis
    if fn_of(power) is not sf.exp or total.type.dtype is not power.type.dtype or not axis:
        return None
    x = power.owner.inputs[0]
    if not _is_float(x) or x.type.dtype is not power.type.dtype:
        return None
    if _is_shifted(x):
        return None
    name = "maximum" if all(x.type.shape[a] for a in axis) else "supremum"  # which is -inf of no elements
    largest = Reduce(name, axis, x.type.dtype.name, x.type.dtype.name)(x)
    shift = sf.switch(sf.isinf(largest), np.zeros((), x.type.dtype), largest)
    left = iter(range(largest.type.ndim))
    kept = DimShuffle(tuple(-1 if a in axis else next(left) for a in range(x.type.ndim)))
    new = sf.add(shift, sf.log(total.owner.op(sf.exp(sf.sub(x, kept(shift))))))
    return conform(view.owner.op(new) if _is_dimshuffle(view) else new, node.outputs[0], fgraph)


def _is_shifted(x: Any) -> bool:
    """Tell whether ``x`` is ``z - max(z)`` already, by this rule or by hand."""
    if fn_of(x) is not sf.sub:
        return False
    z, shift = x.owner.inputs
    if _is_dimshuffle(shift):
        shift = shift.owner.inputs[0]
    if fn_of(shift) is sf.switch:
        shift = shift.owner.inputs[2]
    if _is_dimshuffle(shift):  # the axes were kept before the choice
        shift = shift.owner.inputs[0]
    op = op_of(shift)
    return type(op) is Reduce and op.fn in ("maximum", "supremum") and shift.owner.inputs[0] is z


def _is_dimshuffle(v: Any) -> bool:
    return v.owner is not None and type(v.owner.op) is DimShuffle


RULES = RuleSet(
    sqr_of_sqrt, one_minus_exp, log_of_one_minus_exp, log1p_of_minus_exp,
    log_of_one_plus, log_of_sum_of_two_exp, log_of_sum_of_exp, fuse_logsumexp,
    LOGISTIC, INVERSES,
)
