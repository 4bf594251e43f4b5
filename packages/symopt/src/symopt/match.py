"""Patterns over graphs: matching them, building what takes their place, and keeping types while doing so.

A pattern is a nested tuple: ``(log, (add, 1, (exp, "x")))``. See ``rule.equation`` for its grammar.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symcore.graph.variable import Constant
from symcore.op import Op
from symcore.tensor.constant import constant, scalar_value
from symcore.tensor.creation import Alloc
from symcore.tensor.elemwise import Elemwise, ScalarFn
from symcore.tensor.scalar_functions import cast
from symcore.tensor.shapes import as_length
from symopt.shape_inference import shape_of

Bound = dict[str, Any]
#: Matches a variable, adding to what is bound; tells whether it does. What it bound before failing may stay.
Matcher = Callable[[Any, Bound], bool]

_COMMUTATIVE = frozenset({"add", "mul", "maximum", "minimum", "and_", "or_", "xor", "eq", "neq"})


def fn_of(variable: Any) -> Any:
    """Return the scalar function that computes ``variable`` (a ``ScalarFn`` or ``Composite``), or ``None``."""
    owner = variable.owner
    return owner.op.fn if owner is not None and type(owner.op) is Elemwise else None


def op_of(variable: Any) -> Any:
    """Return the Op that computes ``variable``, or ``None`` for inputs and constants."""
    return None if variable.owner is None else variable.owner.op


def is_number(variable: Any, number: Any) -> bool:
    """Tell whether ``variable`` is a constant all of whose elements are ``number``."""
    if not isinstance(variable, Constant):
        return False
    value = scalar_value(variable)
    return value is not None and bool(value == number)


def head(pattern: Any) -> Any:
    """Return what a rule with this pattern tracks: a scalar function, or the class of the Op."""
    first = pattern[0]
    if isinstance(first, ScalarFn):
        return first
    if isinstance(first, Op):
        return first.fn if isinstance(first, Elemwise) else type(first)
    raise TypeError(f"a pattern starts with a scalar function or an Op, got {first!r}.")


def show(pattern: Any) -> str:
    """Return a pattern as it would be written."""
    if isinstance(pattern, tuple) and isinstance(pattern[0], str):
        return pattern[0]
    if isinstance(pattern, tuple):
        symbol = getattr(pattern[0], "symbol", None)
        inner = [show(p) for p in pattern[1:]]
        return f"({f' {symbol} '.join(inner)})" if symbol and len(inner) > 1 else f"{pattern[0]}({', '.join(inner)})"
    return str(pattern)


# ---------------------------------------------------------------------- matching


def compile_pattern(pattern: Any) -> Callable[[Any], Bound | None]:
    """Return a function from a node to what its variables are bound to, or to ``None`` if it does not match."""
    match_inputs = _inputs_matcher(pattern)
    wanted = pattern[0] if isinstance(pattern[0], Op) else None

    def match(node: Any) -> Bound | None:
        if wanted is not None and node.op != wanted:
            return None
        bound: Bound = {}
        return bound if match_inputs(node.inputs, bound) else None

    return match


def _matcher(pattern: Any) -> Matcher:
    if isinstance(pattern, str):
        return lambda variable, bound: bound.setdefault(pattern, variable) is variable
    if isinstance(pattern, (int, float)):
        return lambda variable, bound: is_number(variable, pattern)
    if isinstance(pattern[0], str):
        name, guard = pattern
        return lambda variable, bound: guard(variable) and bound.setdefault(name, variable) is variable
    op = pattern[0].op if isinstance(pattern[0], ScalarFn) else pattern[0]
    fn = op.fn if isinstance(op, Elemwise) else None
    match_inputs = _inputs_matcher(pattern)

    def match(variable: Any, bound: Bound) -> bool:
        owner = variable.owner
        if owner is None or type(owner.op) is not type(op):
            return False
        if owner.op.fn is not fn if fn is not None else owner.op != op:
            return False
        return match_inputs(owner.inputs, bound)

    return match


def _inputs_matcher(pattern: Any) -> Callable[[Sequence[Any], Bound], bool]:
    parts = [_matcher(p) for p in pattern[1:]]
    count = len(parts)

    def in_order(inputs: Sequence[Any], bound: Bound) -> bool:
        if len(inputs) != count:
            return False
        for part, variable in zip(parts, inputs, strict=True):  # noqa: SIM110 - this is the hot loop
            if not part(variable, bound):
                return False
        return True

    if count != 2 or getattr(pattern[0], "name", "") not in _COMMUTATIVE:
        return in_order

    def either_order(inputs: Sequence[Any], bound: Bound) -> bool:
        before = dict(bound)
        if in_order(inputs, bound):
            return True
        bound.clear()
        bound.update(before)
        return in_order(inputs[::-1], bound)

    return either_order


# ---------------------------------------------------------------------- building


def compile_result(result: Any) -> Callable[[Bound, Any, Any], Any]:
    """Return a function ``(bound, node, fgraph)`` that builds what takes the place of the node, or ``None``."""
    make = _builder(result)
    is_variable = isinstance(result, str)

    def build(bound: Bound, node: Any, fgraph: Any) -> Any:
        out = node.outputs[0]
        new = _try(make, bound, out)
        if new is None and not is_variable and out.type.dtype.kind in "fc":
            # A cast of the result would not do: a reciprocal of int8 is single precision, the negative of -128 is -128.
            if not all(is_exact_cast(v.type.dtype, out.type.dtype) for v in bound.values()):
                return None
            new = _try(make, {name: cast(v, out.type.dtype) for name, v in bound.items()}, out)
        elif new is None and is_variable and is_exact_cast(bound[result].type.dtype, out.type.dtype):
            new = bound[result]
        return None if new is None else conform(new, out, fgraph)

    return build


def _try(make: Callable[[Bound], Any], bound: Bound, out: Any) -> Any:
    """Build a result; ``None`` if it has another dtype than ``out``, or cannot be (truth values have no negative)."""
    try:
        new = make(bound)
    except TypeError:
        return None
    if isinstance(new, (int, float)):
        return number_like(new, out)
    return new if new.type.dtype is out.type.dtype else None


def _builder(result: Any) -> Callable[[Bound], Any]:
    if isinstance(result, str):
        return lambda bound: bound[result]
    if isinstance(result, (int, float)):
        return lambda bound: result
    function, parts = result[0], [_builder(r) for r in result[1:]]
    return lambda bound: function(*[part(bound) for part in parts])


def is_exact_cast(old: np.dtype[Any], new: np.dtype[Any]) -> bool:
    """Tell whether a cast from ``old`` to ``new`` keeps every value. NumPy calls int64 to float64 safe; it is not."""
    if old.kind in "iu" and new.kind in "fc":
        digits = np.finfo(new).nmant + 1
        return old.itemsize * 8 - (old.kind == "i") <= digits
    return bool(np.can_cast(old, new, "safe"))


def number_like(number: Any, model: Any) -> Any:
    """Return a 0-d constant of the dtype of ``model``."""
    return constant(number, dtype=model.type.dtype)


def conform(new: Any, out: Any, fgraph: Any) -> Any:
    """Return ``new`` with exactly the dtype and shape of ``out``, or ``None`` if that cannot be.

    A type that merely fits is not enough: a length of 1 fits where the length is unknown, but is another shape. Where
    ``new`` does not have the shape by itself it is filled into an ``Alloc`` of the inferred shape of ``out``.
    """
    if new.type is out.type:
        return new
    if new.type.dtype is not out.type.dtype:
        new = cast(new, out.type.dtype)
    if new.type.broadcastable == out.type.broadcastable:
        return new if out.type.is_super(new.type) else None
    if new.type.ndim > out.type.ndim:
        return None
    filled = Alloc()(new, *[as_length(d) for d in shape_of(out, fgraph)])
    return filled if out.type.is_super(filled.type) else None

