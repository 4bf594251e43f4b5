"""Rules on what is put together: joins of joins, of pieces of one tensor, and reductions of joins."""

import functools
from typing import Any

from symcore.tensor import scalar_functions as sf
from symcore.tensor.join import Join
from symcore.tensor.reduce import Reduce
from symcore.tensor.subtensor import Subtensor
from symopt.match import conform, op_of
from symopt.rule import rewrite
from symopt.rules.folding import ALWAYS
from symopt.rules.subtensors import WHOLE, Part, at, parts_of
from symopt.ruleset import RuleSet


@rewrite(Join, phase=ALWAYS, tags={"fast_compile"})
def join_of_one(node: Any) -> Any:
    """``join(x) -> x``."""
    return node.inputs[0] if len(node.inputs) == 1 else None


@rewrite(Join, phase="canonicalize")
def join_of_joins(node: Any) -> Any:
    """``join(join(a, b), c) -> join(a, b, c)`` along one axis: every element is copied once."""
    if not any(op_of(v) == node.op for v in node.inputs):
        return None
    return node.op(*[x for v in node.inputs for x in (v.owner.inputs if op_of(v) == node.op else [v])])


@rewrite(Join, phase="canonicalize", tags={"shape_hiding"})
def join_without_empties(node: Any, fgraph: Any) -> Any:
    """``join(a, empty) -> join(a)`` for what is known to have no elements along the axis."""
    kept = [v for v in node.inputs if v.type.shape[node.op.axis] != 0]
    if len(kept) == len(node.inputs) or not kept:
        return None
    return conform(kept[0] if len(kept) == 1 else node.op(*kept), node.outputs[0], fgraph)


@rewrite(Join, phase="canonicalize")
def join_of_slices(node: Any) -> Any:
    """``join(x[:k], x[k:]) -> x``, ``join(x[a:b], x[b:c]) -> x[a:c]``: pieces that lie side by side are one."""
    axis = node.op.axis
    merged: list[Any] = []
    for v in node.inputs:
        together = _side_by_side(merged[-1], v, axis) if merged else None
        if together is None:
            merged.append(v)
        else:
            merged[-1] = together
    if len(merged) == len(node.inputs):
        return None
    new = merged[0] if len(merged) == 1 else node.op(*merged)
    return new if node.outputs[0].type.is_super(new.type) else None


def _side_by_side(a: Any, b: Any, axis: int) -> Any:
    """Return the one slice that ``a`` and then ``b`` are, or ``None``."""
    if type(op_of(a)) is not Subtensor or type(op_of(b)) is not Subtensor or a.owner.inputs[0] is not b.owner.inputs[0]:
        return None
    x = a.owner.inputs[0]
    first, second = (parts_of(v.owner.op.entries, v.owner.inputs[1:], x.type.ndim) for v in (a, b))
    if len(first) != a.type.ndim:  # an integer index moves the axes
        return None
    if any(p != q for k, (p, q) in enumerate(zip(first, second, strict=True)) if k != axis):
        return None
    part = _united(first[axis], second[axis])
    return None if part is None else at(x, [*first[:axis], part, *first[axis + 1 :]])


def _united(p: Part, q: Part) -> Part | None:
    """Return ``a:c`` for ``a:b`` and ``b:c``. A ``b`` from the back, or one that is not known, cuts the whole axis."""
    bounds = [_bounds(part) for part in (p, q)]
    if None in bounds:
        return None
    (start, middle), (again, stop) = bounds  # type: ignore[misc]
    if middle is None or again is not middle and again != middle:
        return None
    if start in (None, 0) and stop is None:
        return WHOLE
    known = [0 if start is None else start, middle, middle if stop is None else stop]
    if not all(isinstance(n, int) for n in known) or not 0 <= known[0] <= known[1] <= known[2]:
        return None
    return ("slice", start, stop, None), ()


def _bounds(part: Part) -> tuple[Any, Any] | None:
    """Return the start and the end of a slice without a step: an int, a variable or ``None`` each."""
    entry, scalars = part
    if not isinstance(entry, tuple) or entry[3] not in (None, 1):
        return None
    left = iter(scalars)
    start, stop = (next(left) if isinstance(n, str) else n for n in entry[1:3])
    return start, stop


_COMBINED = {"add": sf.add, "mul": sf.mul, "and_": sf.and_, "or_": sf.or_, "maximum": sf.maximum, "minimum": sf.minimum}


@rewrite(Reduce, phase="canonicalize", tags={"shape_hiding"})
def reduce_of_join(node: Any, fgraph: Any) -> Any:
    """``sum(join(a, b)) -> sum(a) + sum(b)``, along another axis ``join(sum(a), sum(b))``, and so for all reductions,
    where nobody else needs the join. Extrema only of what is known not to be empty."""
    whole, op = node.inputs[0], node.op
    if type(op_of(whole)) is not Join or len(fgraph.clients[whole]) != 1 or op.fn not in _COMBINED:
        return None
    along, pieces = whole.owner.op.axis, whole.owner.inputs
    if op.acc_dtype != op.dtype:
        return None  # the parts would be rounded to less than they are added up in
    if along not in op.axis:
        return Join(along - sum(a < along for a in op.axis))(*[op(v) for v in pieces])
    if op.fn in ("maximum", "minimum") and not all(v.type.shape[a] for v in pieces for a in op.axis):
        return None
    return conform(functools.reduce(_COMBINED[op.fn], [op(v) for v in pieces]), node.outputs[0], fgraph)


RULES = RuleSet(join_of_one, join_of_joins, join_without_empties, join_of_slices, reduce_of_join)
