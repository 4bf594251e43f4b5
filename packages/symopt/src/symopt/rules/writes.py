"""Rules that add what was gathered into a part of zeros straight to where it belongs.

The gradient of ``W[i]`` is ``inc_subtensor(0[i], g)``: zeros of the shape of ``W``, a few of them not zero. A step of
gradient descent ``W - c * inc_subtensor(0[i], g)`` would make, scale and subtract a tensor as large as ``W``. It is
``inc_subtensor(W[i], -c * g)``, which the memory plan writes in place: the cost is that of the rows that change.

The rules belong to the phase ``specialize``: by then sums are collected, equal terms have met, and indices have gone
below the sums, as they cannot go below what is written by arrays.
"""

from collections.abc import Sequence
from math import isfinite
from typing import Any

from symcore.tensor import scalar_functions as sf
from symcore.tensor.indexing import INPUT
from symcore.tensor.shapes import DimShuffle, shape_i
from symcore.tensor.subtensor import IncSubtensor
from symopt.match import conform, fn_of
from symopt.rule import rewrite
from symopt.rules.indexing import compose
from symopt.rules.subtensors import WHOLE, Part, at, is_slice, parts_of, writes_on_nothing
from symopt.rules.terms import as_number, build_difference, build_product, signed_terms
from symopt.ruleset import RuleSet

_PHASE = "specialize"
#: Numbers up to which a place in a tensor and a distance from there add up without going beyond 64 bits.
MOST_APART = 1 << 62


def _written_again(base: Any, writes: list[Any], values: list[Any]) -> Any:
    """Return ``base`` with other values written where, and in the order in which, ``writes`` did."""
    for write, value in zip(writes, values, strict=True):
        base = write.op(base, value, *write.inputs[2:])
    return base


# ---------------------------------------------------------------------- what multiplies


def _factors(node: Any, fgraph: Any) -> tuple[Any, list[Any], list[Any]] | None:
    """Return ``inc(0[i], g)``, by which nodes it was made and the scalars that multiply (or divide) it in ``node``;
    ``None`` where ``node`` is something else."""
    inputs, out = node.inputs, node.outputs[0]
    candidates = inputs[:1] if node.op.fn is sf.true_div else inputs
    for position, v in enumerate(candidates):
        others = [x for k, x in enumerate(inputs) if k != position]
        if v.type.dtype is not out.type.dtype or v.type.broadcastable != out.type.broadcastable or not v.type.ndim:
            continue
        if all(all(x.type.broadcastable) for x in others) and (writes := writes_on_nothing(v, fgraph)):
            return v, writes, [DimShuffle(())(x) if x.type.ndim else x for x in others]
    return None


def _scale(node: Any, fgraph: Any, only_numbers: bool) -> Any:
    found = _factors(node, fgraph)
    if found is None:
        return None
    v, writes, scalars = found
    if only_numbers and not all(_keeps_zero(as_number(x), node.op.fn) for x in scalars):
        return None
    values = [_times(node.op.fn, write.inputs[1], scalars, v.type.dtype) for write in writes]
    new = _written_again(writes[0].inputs[0], writes, values)
    return new if node.outputs[0].type.is_super(new.type) else None


def _keeps_zero(number: Any, fn: Any) -> bool:
    """Tell whether zero times (or over) a number is zero."""
    if number is None or not (isfinite(number.real) and isfinite(number.imag)):
        return False
    return not (fn is sf.true_div and number == 0)


def _times(fn: Any, value: Any, scalars: list[Any], dtype: Any) -> Any:
    if fn is sf.neg:
        return sf.neg(value)
    if fn is sf.true_div:
        return sf.true_div(value, sf.cast(scalars[0], dtype))
    return sf.mul(build_product(scalars, dtype), value)  # the scalars first: one product for each element


@rewrite(sf.mul, sf.true_div, sf.neg, phase=_PHASE)
def scale_into_write(node: Any, fgraph: Any) -> Any:
    """``c * inc_subtensor(0[i], g) -> inc_subtensor(0[i], c * g)`` for finite numbers ``c``, where nobody else needs
    the tensor; also ``/ c`` and ``-``. Of positions that are written twice the products are added: up to rounding."""
    return _scale(node, fgraph, only_numbers=True)


@rewrite(sf.mul, sf.true_div, phase=_PHASE, tags={"nan_changing"})
def scale_into_write_by_scalar(node: Any, fgraph: Any) -> Any:
    """``s * inc_subtensor(0[i], g) -> inc_subtensor(0[i], s * g)`` for any scalars ``s``, as ``scale_into_write``.
    Where ``s`` is infinite or NaN what is not written stays zero, and is not NaN."""
    return _scale(node, fgraph, only_numbers=False)


# ---------------------------------------------------------------------- what is added


@rewrite(sf.add, sf.sub, phase=_PHASE, tags={"shape_hiding"})
def sum_into_write(node: Any, fgraph: Any) -> Any:
    """``x + inc_subtensor(0[i], g) -> inc_subtensor(x[i], g)``, with ``-`` ``inc_subtensor(x[i], -g)``, and so for more
    terms, where nobody else needs the tensor. Up to the order of additions, at positions that are
    written twice and in sums of three and more."""
    out = node.outputs[0]
    if _inside_sum(out, fgraph):
        return None
    rest: dict[int, list[Any]] = {1: [], -1: []}
    found: list[tuple[int, list[Any]]] = []
    for sign, v in signed_terms(out, fgraph):
        same = v.type.dtype is out.type.dtype and v.type.broadcastable == out.type.broadcastable
        writes = writes_on_nothing(v, fgraph) if same else []
        if writes:
            found.append((sign, writes))
        else:
            rest[sign].append(v)
    if not found or not (rest[1] or rest[-1]):
        return None
    new = conform(build_difference(rest[1], rest[-1], out.type.dtype), out, fgraph)
    if new is None:
        return None
    for sign, writes in found:
        values = [write.inputs[1] for write in writes]
        new = _written_again(new, writes, values if sign > 0 else [sf.neg(value) for value in values])
    return new if out.type.is_super(new.type) else None


def _inside_sum(out: Any, fgraph: Any) -> bool:
    """Tell whether a sum is but a term of another, which then has more to write onto."""
    clients = fgraph.clients[out]
    if len(clients) != 1:
        return False
    [(user, _)] = clients
    return user is not None and fn_of(user.outputs[0]) in (sf.add, sf.sub) and user.outputs[0].type == out.type


# ---------------------------------------------------------------------- parts of parts


@rewrite(IncSubtensor, phase=_PHASE, tags={"shape_hiding"})
def write_in_write(node: Any, fgraph: Any) -> Any:
    """``inc_subtensor(x[i], inc_subtensor(0[j], y)) -> inc_subtensor(x[i][j], y)``, where nobody else needs the zeros
    with ``y`` among them: the gradient of ``x[i][j]`` makes no tensor as large as ``x[i]``."""
    x, part = node.inputs[:2]
    if node.op.set_instead:
        return None
    outer = parts_of(node.op.entries, node.inputs[2:], x.type.ndim)
    whole = at(x, outer).type
    writes = writes_on_nothing(part, fgraph) if part.type.broadcastable == whole.broadcastable else []
    new = x
    for write in writes:
        own = parts_of(write.op.entries, write.inputs[2:], whole.ndim) if type(write.op) is IncSubtensor else None
        both = None if own is None else _both(x, outer, own)
        while both and both[-1] == WHOLE:
            both.pop()
        if not both:
            return None
        entries = tuple([entry for entry, _ in both])
        new = IncSubtensor(entries)(new, write.inputs[1], *[s for _, scalars in both for s in scalars])
    return new if writes and node.outputs[0].type.is_super(new.type) else None


def _both(x: Any, outer: Sequence[Part], inner: Sequence[Part]) -> list[Part] | None:
    """Return the index, axis by axis, that does what ``outer`` and then ``inner`` do to ``x``, or ``None``."""
    left, both = iter(inner), list[Part]()
    for axis, part in enumerate(outer):
        after = next(left) if is_slice(part) else WHOLE
        if after == WHOLE or part == WHOLE:
            both.append(part if after == WHOLE else after)
            continue
        entry = compose(part[0], after[0], x.type.shape[axis])
        found = _behind(x, axis, part, after[0]) if entry is None else (entry, ())
        if found is None:
            return None
        both.append(found)
    return both


def _behind(x: Any, axis: int, part: Part, after: Any) -> Part | None:
    """Return ``[n + a:n + b]`` for ``[n:]`` and then ``[a:b]``, for numbers ``a`` and ``b`` that count from the front;
    of a negative ``n``, or one beyond the end, the place that it stands for."""
    if part[0] != ("slice", INPUT, None, None) or not isinstance(after, tuple) or after[3] not in (None, 1):
        return None
    first, last = after[1] or 0, after[2]
    if isinstance(first, str) or isinstance(last, str) or last is None or not 0 <= first <= last < MOST_APART:
        return None
    [n], length = part[1], shape_i(x, axis)
    n = sf.cast(n, "int64")
    start = sf.switch(sf.lt(n, 0), sf.maximum(sf.add(n, length), 0), sf.minimum(n, length))
    return ("slice", INPUT, INPUT, None), (sf.add(start, first), sf.add(start, last))


RULES = RuleSet(scale_into_write, scale_into_write_by_scalar, sum_into_write, write_in_write)
