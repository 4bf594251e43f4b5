"""Rules on basic indexing: slices of slices, of elementwise work, of everything."""

from typing import Any

from symcore.tensor.elemwise import Elemwise, ScalarFn
from symcore.tensor.indexing import FULL, INPUT, LONGEST, in_64_bits
from symcore.tensor.subtensor import Subtensor
from symopt.match import op_of
from symopt.rule import rewrite
from symopt.rules.folding import ALWAYS
from symopt.rules.subtensors import WHOLE, Part, at, is_slice, parts_of
from symopt.ruleset import RuleSet


@rewrite(Subtensor, phase=ALWAYS, tags={"fast_compile"})
def slice_of_everything(node: Any) -> Any:
    """``x[:] -> x``, ``x[0:, ::1] -> x``."""
    if any(entry not in (FULL, ("slice", 0, None, None), ("slice", None, None, 1), ("slice", 0, None, 1))
           for entry in node.op.entries):
        return None
    return node.inputs[0]


@rewrite(Subtensor, phase="canonicalize")
def index_below_elemwise(node: Any, fgraph: Any) -> Any:
    """``f(x, s)[i] -> f(x[i], s)`` for scalars ``s``, where nobody else needs ``f(x, s)``: computes what is wanted."""
    inner = node.inputs[0]
    if inner.owner is None or type(inner.owner.op) is not Elemwise or type(inner.owner.op.fn) is not ScalarFn:
        return None
    large = [k for k, v in enumerate(inner.owner.inputs) if v.type.ndim]
    if len(large) != 1 or len(fgraph.clients[inner]) != 1:
        return None
    inputs = list(inner.owner.inputs)
    inputs[large[0]] = node.op(inputs[large[0]], *node.inputs[1:])
    return inner.owner.op.fn(*inputs)


@rewrite(Subtensor, phase="canonicalize")
def slice_of_slice(node: Any) -> Any:
    """``x[a:][b:] -> x[a + b:]``, ``x[a:b:s][i] -> x[a + i * s]``, ``x[i][j] -> x[i, j]``: indices that are known
    count from the front, or anywhere where the length of the axis is known; others must be along axes of their own."""
    x = node.inputs[0]
    if type(op_of(x)) is not Subtensor:
        return None
    source = x.owner.inputs[0]
    inner = parts_of(x.owner.op.entries, x.owner.inputs[1:], source.type.ndim)
    outer = iter(parts_of(node.op.entries, node.inputs[1:], x.type.ndim))
    parts: list[Part] = []
    for axis, part in enumerate(inner):
        after = next(outer) if is_slice(part) else WHOLE
        if after == WHOLE or part == WHOLE:
            parts.append(part if after == WHOLE else after)
            continue
        entry = compose(part[0], after[0], source.type.shape[axis])
        if entry is None:
            return None
        parts.append((entry, ()))
    new = at(source, parts)
    return new if node.outputs[0].type.is_super(new.type) else None


def compose(inner: Any, outer: Any, length: int | None) -> Any:
    """Return the one entry that does what the slice ``inner`` and then the entry ``outer`` do, or ``None``."""
    if outer == FULL:
        return inner
    if inner == FULL:
        return outer
    if INPUT in inner or outer == INPUT or (isinstance(outer, tuple) and INPUT in outer):
        return None
    if length is not None:
        return _compose_known(inner, outer, length)
    start, stop, step = (0 if inner[1] is None else inner[1]), inner[2], (1 if inner[3] is None else inner[3])
    if start < 0 or step < 1 or (stop is not None and stop < 0):
        return None
    if not isinstance(outer, tuple):
        at = start + outer * step
        return at if outer >= 0 and (at <= LONGEST if stop is None else at < stop) else None
    first, last, stride = (0 if outer[1] is None else outer[1]), outer[2], (1 if outer[3] is None else outer[3])
    if first < 0 or stride < 1 or (last is not None and last < 0):
        return None
    ends = [end for end in (stop, None if last is None else start + last * step) if end is not None]
    whole = (start + first * step, min(ends) if ends else None, step * stride)
    return ("slice", *(None if part is None else in_64_bits(part) for part in whole))


def _compose_known(inner: Any, outer: Any, length: int) -> Any:
    taken = range(*slice(*inner[1:]).indices(length))
    if not isinstance(outer, tuple):
        return taken[outer] if -len(taken) <= outer < len(taken) else None
    part = taken[slice(*outer[1:])]
    if not len(part):
        return ("slice", 0, 0, None)
    return ("slice", part.start, None if part.stop < 0 else part.stop, part.step)


RULES = RuleSet(slice_of_everything, slice_of_slice, index_below_elemwise)
