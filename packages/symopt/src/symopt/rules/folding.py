"""Rules on constants, casts, copies, choices and comparisons."""

from typing import Any

import numpy as np

from symcore.graph.variable import Constant
from symcore.op import Op
from symcore.tensor import dtypes
from symcore.tensor import scalar_functions as sf
from symcore.tensor.constant import constant, scalar_value
from symcore.tensor.creation import Alloc, AllocEmpty
from symcore.tensor.elemwise import lookup
from symcore.tensor.type import TensorType
from symopt.match import conform, fn_of, is_exact_cast, is_number, number_like
from symopt.rule import equation, rewrite
from symopt.ruleset import RuleSet

#: The phases of rules that tidy up after others.
ALWAYS = ("canonicalize", "stabilize", "specialize")
#: Constants of more elements than this are not made while compiling, unless an input is as large.
LARGEST = 4096
CASTS = tuple(lookup(f"cast_{name}") for name in dtypes.DTYPES)
#: Filled tensors stay Ops: a fill is dropped where its consumer broadcasts, a constant array is not.
_NEVER_FOLDED = (Alloc, AllocEmpty)


@rewrite(Op, phase=ALWAYS, tags={"fast_compile"})
def constant_folding(node: Any) -> Any:
    """``op(constants) -> constant``: what is known while compiling is computed then. Not of impure Ops, not of large
    results. Where computing it fails the node stays, to fail when (and if) it runs."""
    inputs = node.inputs
    for v in inputs:
        if not isinstance(v, Constant):
            return None
    if not inputs or not node.op.pure or isinstance(node.op, _NEVER_FOLDED) or _too_large(node):
        return None
    try:
        values = node.op.perform(node, *[v.data for v in inputs])
    except Exception:
        return None
    values = values if len(node.outputs) > 1 else (values,)
    new = [_as_constant(value, output) for value, output in zip(values, node.outputs, strict=True)]
    return None if None in new else new


def _too_large(node: Any) -> bool:
    limit = LARGEST
    for v in (*node.inputs, *node.outputs):
        if not isinstance(v.type, TensorType):
            return True
        if isinstance(v, Constant):
            limit = max(limit, v.data.size)
    return any(None not in v.type.shape and int(np.prod(v.type.shape)) > limit for v in node.outputs)


def _as_constant(value: Any, output: Any) -> Any:
    array = np.asarray(value)
    if array.dtype != output.type.dtype or array.size > max(LARGEST, 1) and output.type.shape != array.shape:
        return None
    new = constant(array)
    return new if output.type.is_super(new.type) else None


# ---------------------------------------------------------------------- copies and casts

identity_removal = equation("identity-removal", (sf.identity, "x"), "x", phase=ALWAYS, tags={"fast_compile"})


@rewrite(*CASTS, phase=ALWAYS, tags={"fast_compile"})
def useless_cast(node: Any) -> Any:
    """``cast(x) -> x`` where ``x`` has that dtype already."""
    [x] = node.inputs
    return x if x.type.dtype is node.outputs[0].type.dtype else None


@rewrite(*CASTS, phase=ALWAYS)
def double_cast(node: Any) -> Any:
    """``cast_b(cast_a(x)) -> cast_b(x)`` where ``cast_a`` keeps every value of ``x``."""
    inner = node.inputs[0]
    if fn_of(inner) not in CASTS:
        return None
    x = inner.owner.inputs[0]
    if not is_exact_cast(x.type.dtype, inner.type.dtype) or x.type.dtype.kind == "c" != node.outputs[0].type.dtype.kind:
        return None
    return sf.cast(x, node.outputs[0].type.dtype)


# ---------------------------------------------------------------------- choices


@rewrite(sf.switch, phase=ALWAYS)
def switch_of_constant(node: Any, fgraph: Any) -> Any:
    """``switch(True, a, b) -> a``, ``switch(False, a, b) -> b``."""
    condition, a, b = node.inputs
    value = scalar_value(condition)
    if value is None:
        return None
    return conform(a if value != 0 else b, node.outputs[0], fgraph)


switch_of_equals = equation("switch-of-equals", (sf.switch, "c", "a", "a"), "a", tags={"shape_hiding"})


def is_truth(variable: Any) -> bool:
    """Tell whether a variable holds truth values."""
    return bool(variable.type.dtype.kind == "b")


switch_of_not = equation("switch-of-not", (sf.switch, (sf.invert, ("c", is_truth)), "a", "b"),
                         (sf.switch, "c", "b", "a"))


# ---------------------------------------------------------------------- comparisons


@rewrite(sf.lt, sf.gt, phase="canonicalize")
def strict_comparison_with_itself(node: Any, fgraph: Any) -> Any:
    """``x < x -> False``, ``x > x -> False``; right for NaN too."""
    a, b = node.inputs
    return conform(number_like(False, node.outputs[0]), node.outputs[0], fgraph) if a is b else None


@rewrite(sf.eq, sf.neq, sf.le, sf.ge, phase="canonicalize")
def comparison_with_itself(node: Any, fgraph: Any) -> Any:
    """``n == n -> True``, ``n != n -> False`` and the like, of integers; a float may be NaN."""
    a, b = node.inputs
    if a is not b or a.type.dtype.kind not in "biu":
        return None
    return conform(number_like(node.op.fn is not sf.neq, node.outputs[0]), node.outputs[0], fgraph)


@rewrite(sf.eq, sf.neq, sf.le, sf.ge, phase="canonicalize", tags={"nan_changing"})
def comparison_with_itself_of_floats(node: Any, fgraph: Any) -> Any:
    """``x == x -> True``, ``x != x -> False`` and the like. Differs where ``x`` is NaN."""
    a, b = node.inputs
    if a is not b or a.type.dtype.kind not in "fc":
        return None
    return conform(number_like(node.op.fn is not sf.neq, node.outputs[0]), node.outputs[0], fgraph)


extremum_of_equals = RuleSet(
    equation("maximum-of-equals", (sf.maximum, "x", "x"), "x"),
    equation("minimum-of-equals", (sf.minimum, "x", "x"), "x"),
)


@rewrite(sf.and_, sf.or_, phase="canonicalize")
def logic_with_constant(node: Any, fgraph: Any) -> Any:
    """``x & True -> x``, ``x & False -> False``, ``x | False -> x``, ``x | True -> True``, of truth values."""
    out = node.outputs[0]
    if out.type.dtype.kind != "b" or len(node.inputs) != 2:
        return None
    neutral = node.op.fn is sf.and_
    for value, other in (node.inputs, node.inputs[::-1]):
        if is_number(value, neutral):
            return conform(other, out, fgraph)
        if is_number(value, not neutral):
            return conform(number_like(not neutral, out), out, fgraph)
    return None


not_not = equation("not-not", (sf.invert, (sf.invert, "x")), "x")

RULES = RuleSet(
    constant_folding, identity_removal, useless_cast, double_cast, switch_of_constant, switch_of_equals, switch_of_not,
    strict_comparison_with_itself, comparison_with_itself, comparison_with_itself_of_floats, extremum_of_equals,
    logic_with_constant, not_not,
)
