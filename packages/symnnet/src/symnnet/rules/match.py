"""What the rules of this package look for in a graph: softmaxes, quotients, one target per row."""

from collections.abc import Callable
from typing import Any

import numpy as np

from symcore.graph.variable import Constant
from symcore.record import Record
from symcore.tensor import scalar_functions as sf
from symcore.tensor.constant import constant
from symcore.tensor.creation import Alloc, ARange
from symcore.tensor.elemwise import Elemwise
from symcore.tensor.shapes import DimShuffle, Shape_i, shape_i, static_length
from symcore.tensor.subtensor import AdvancedIncSubtensor, AdvancedSubtensor
from symopt.match import fn_of, is_number, op_of

#: Rules run in all of these: what they look for may stand there from the start, or after others have tidied up.
PHASES = ("canonicalize", "stabilize", "specialize")
_BOTH_ARRAYS = ("array", "array")


def made_by(op_class: type, variable: Any) -> bool:
    """Tell whether a node of ``op_class`` computes ``variable``."""
    return isinstance(op_of(variable), op_class)


def is_zero(variable: Any) -> bool:
    """Tell whether a tensor is known to hold nothing but zeros."""
    while made_by(Alloc, variable) or _is_cast(variable):
        variable = variable.owner.inputs[0]
    return is_number(variable, 0)


def _is_cast(variable: Any) -> bool:
    fn = fn_of(variable)
    return fn is not None and fn.name.startswith("cast_")


def without_casts(index: Any) -> Any:
    """Return integers before they were cast to a wider integer dtype."""
    while _is_cast(index):
        source = index.owner.inputs[0]
        if source.type.dtype.kind not in "iu" or not np.can_cast(source.type.dtype, index.type.dtype):
            break
        index = source
    return index


def fits(new: Any, out: Any) -> bool:
    """Tell whether ``new`` may take the place of ``out``: same dtype, same broadcasting, no less known."""
    return new.type.broadcastable == out.type.broadcastable and out.type.is_super(new.type)


class Targets(Record):
    """``[arange(n), y]``. ``proven``: ``n`` is certainly the length of ``y``."""

    y: Any
    proven: bool


def targets(entries: tuple[Any, ...], indices: list[Any]) -> Targets | None:
    """Return what ``[arange(n), y]`` takes from each of the first rows, or ``None`` for any other index."""
    if entries != _BOTH_ARRAYS:
        return None
    at, y = indices
    if at.type.ndim != 1 or y.type.ndim != 1 or at.type.broadcastable != y.type.broadcastable:
        return None
    at, y = without_casts(at), without_casts(y)
    known = y.type.shape[0]
    if isinstance(at, Constant):
        counts = at.type.dtype.kind in "iu" and np.array_equal(at.data, np.arange(len(at.data)))
        return _targets(y, at, known == len(at.data)) if counts else None
    if not made_by(ARange, at):
        return None
    start, stop, step = (_folded(v) for v in at.owner.inputs)
    if not is_number(start, 0) or not is_number(step, 1):
        return None
    if isinstance(stop, Constant):
        return _targets(y, at, known == static_length(stop))
    of_y = made_by(Shape_i, stop) and stop.owner.op.i == 0 and without_casts(stop.owner.inputs[0]) is y
    return _targets(y, at, of_y)


def _targets(y: Any, at: Any, proven: bool) -> Targets:
    """Return the targets; where ``n`` may be another number than the length of ``y``, as many as ``at`` has.

    One target is stretched over ``n`` rows, as the index does it. Any other number is an index out of bounds; that is
    said of one row for many targets, too, which the fused Ops do not know.
    """
    if proven:
        return Targets(y, True)
    length = shape_i(y, 0)
    one, switch, differ = Elemwise(sf.eq)(length, 1), Elemwise(sf.switch), Elemwise(sf.neq)
    wrong = differ(shape_i(at, 0), length) & differ(length, 1)
    return Targets(y[switch(one, 0, at) + switch(wrong, length, 0)], False)


def _folded(length: Any) -> Any:
    """Return an integer before it was cast: constants that are not folded yet."""
    while _is_cast(length) and length.owner.inputs[0].type.dtype.kind in "iu":
        length = length.owner.inputs[0]
    return length


def picked(variable: Any) -> tuple[Any, Targets] | None:
    """Return ``(x, targets)`` if ``variable`` is ``x[arange(n), y]`` of a matrix ``x``."""
    if not made_by(AdvancedSubtensor, variable):
        return None
    x, *indices = variable.owner.inputs
    found = targets(variable.owner.op.entries, indices) if x.type.ndim == 2 else None
    return None if found is None else (x, found)


def spread(variable: Any) -> tuple[Any, Targets] | None:
    """Return ``(g, targets)`` if ``variable`` is a matrix of zeros with ``g`` added at ``[arange(n), y]``."""
    if not made_by(AdvancedIncSubtensor, variable) or variable.owner.op.set_instead:
        return None
    base, g, *indices = variable.owner.inputs
    if base.type.ndim != 2 or g.type.ndim > 1 or not is_zero(base):
        return None
    found = targets(variable.owner.op.entries, indices)
    return None if found is None else (g, found)


def quotient(variable: Any, divisor: Callable[[Any], bool]) -> Any:
    """Return ``a`` if ``variable`` is ``a / p`` for a ``p`` with ``divisor(p)``, as gradients of logarithms have it.

    Their forms are ``a / p``, ``a * (1 / p)`` and their negations, as such or inside ``switch(a == 0, 0, ...)``.
    """
    if fn_of(variable) is sf.switch:
        condition, zero, rest = variable.owner.inputs
        if fn_of(condition) is not sf.eq or not is_zero(zero):
            return None
        a = _quotient(rest, divisor)
        tested = [v for v in condition.owner.inputs if not is_zero(v)]
        return a if a is not None and len(tested) == 1 and _zero_with(a, tested[0]) else None
    return _quotient(variable, divisor)


def _zero_with(a: Any, tested: Any) -> bool:
    """Tell whether ``a`` is zero where ``tested`` is."""
    if a is tested or _same_node(a, tested):
        return True
    return fn_of(a) in (sf.neg, sf.mul) and any(_zero_with(v, tested) for v in a.owner.inputs)


def _same_node(a: Any, b: Any) -> bool:
    """Tell whether two variables are computed in the same way: one of them may have been made a moment ago."""
    return (a.owner is not None and b.owner is not None and a.owner.op == b.owner.op
            and all(x is y for x, y in zip(a.owner.inputs, b.owner.inputs, strict=False)))


def _quotient(variable: Any, divisor: Callable[[Any], bool]) -> Any:
    fn = fn_of(variable)
    if fn is sf.neg:
        a = _quotient(variable.owner.inputs[0], divisor)
        return None if a is None else -a
    if fn is sf.true_div:
        a, b = variable.owner.inputs
        return a if divisor(b) else None
    if fn is sf.reciprocal and divisor(variable.owner.inputs[0]):
        return constant(1, dtype=variable.type.dtype)
    if fn is not sf.mul:
        return None
    factors = list(variable.owner.inputs)
    for k, factor in enumerate(factors):
        a = _quotient(factor, divisor)
        if a is not None:
            rest = factors[:k] + factors[k + 1:]
            if not is_number(a, 1):
                rest.append(a)
            return sf.mul(*rest) if len(rest) > 1 else rest[0]
    return None


def scaled(variable: Any) -> tuple[Any, Any]:
    """Return ``(x, c)`` with ``variable = c * x`` and ``c`` a scalar or 1: takes off signs and scalar factors."""
    scale: Any = 1
    while type(op_of(variable)) is Elemwise:
        fn, inputs = fn_of(variable), variable.owner.inputs
        if fn is sf.neg:
            variable, scale = inputs[0], -scale
            continue
        full = [v for v in inputs if not all(v.type.broadcastable)]
        if fn is sf.mul and len(full) == 1:
            for v in inputs:
                if v is not full[0]:
                    scale = as_scalar(v) * scale
        elif fn is sf.true_div and full == inputs[:1]:
            scale = scale / as_scalar(inputs[1])
        else:
            break
        variable = full[0]
    return variable, scale


def times(variable: Any, scale: Any) -> Any:
    """Return ``scale * variable``, without a node for a scale of 1."""
    if isinstance(scale, int) and abs(scale) == 1:
        return variable if scale == 1 else -variable
    return variable * scale


def as_scalar(variable: Any) -> Any:
    """Return a tensor of one element as a scalar."""
    if variable.type.ndim == 0:
        return variable
    if isinstance(variable.owner and variable.owner.op, DimShuffle) and variable.owner.inputs[0].type.ndim == 0:
        return variable.owner.inputs[0]
    return variable.dimshuffle()
