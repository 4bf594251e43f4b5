"""Rules that bring an index to where its tensor comes from: only what is wanted is computed.

Views cost nothing, so an index goes below everything that nobody else needs: below elementwise work, products,
reductions, joins and changes of axes. Parts that were just written are read from what was written.
"""

from collections.abc import Sequence
from typing import Any

from symcore.tensor import scalar_functions as sf
from symcore.tensor.creation import Alloc
from symcore.tensor.elemwise import Elemwise, ScalarFn
from symcore.tensor.indexing import FULL, INPUT, count_inputs
from symcore.tensor.join import Join
from symcore.tensor.products import Dot
from symcore.tensor.reduce import Reduce
from symcore.tensor.shapes import DimShuffle, as_length
from symcore.tensor.subtensor import AdvancedIncSubtensor, AdvancedSubtensor, IncSubtensor, Subtensor
from symopt.match import conform, is_number, op_of
from symopt.rule import rewrite
from symopt.rules.broadcasting import filling
from symopt.ruleset import RuleSet
from symopt.shape_inference import shape_of

#: One axis of an index: the entry, and the symbolic integers that it takes.
Part = tuple[Any, tuple[Any, ...]]
WHOLE: Part = (FULL, ())


def parts_of(entries: Sequence[Any], scalars: Sequence[Any], ndim: int) -> list[Part]:
    """Return an index axis by axis, for all ``ndim`` axes of the tensor."""
    left = iter(scalars)
    parts = [(entry, tuple([next(left) for _ in range(count_inputs((entry,)))])) for entry in entries]
    return parts + [WHOLE] * (ndim - len(parts))


def at(x: Any, parts: Sequence[Part]) -> Any:
    """Return ``x`` indexed by ``parts``; ``x`` itself where they are all whole."""
    parts = list(parts)
    while parts and parts[-1] == WHOLE:
        parts.pop()
    if not parts:
        return x
    return Subtensor(tuple([entry for entry, _ in parts]))(x, *[s for _, scalars in parts for s in scalars])


def is_slice(part: Part) -> bool:
    """Tell whether the axis stays."""
    return isinstance(part[0], tuple)


def _index(node: Any) -> list[Part]:
    return parts_of(node.op.entries, node.inputs[1:], node.inputs[0].type.ndim)


def _alone(v: Any, fgraph: Any) -> bool:
    return len(fgraph.clients[v]) == 1


# ---------------------------------------------------------------------- below what computes


@rewrite(Subtensor, phase="canonicalize", tags={"shape_hiding"})
def index_below_broadcast(node: Any, fgraph: Any) -> Any:
    """``f(x, y)[i] -> f(x[i], y[i])``, along axes that are stretched ``f(x[0], y[i])``, where nobody else needs
    ``f(x, y)``."""
    inner = node.inputs[0]
    if type(op_of(inner)) is not Elemwise or type(inner.owner.op.fn) is not ScalarFn or not _alone(inner, fgraph):
        return None
    parts = _index(node)
    result = inner.owner.op.fn(*[_stretched(v, parts, inner.type) for v in inner.owner.inputs])
    # One row of an operand of known length could be stretched, for all that its type tells: then less is known.
    return result if node.outputs[0].type.is_super(result.type) else None


def _stretched(v: Any, parts: Sequence[Part], whole: Any) -> Any:
    """Return the part of ``v`` that meets the part of the result, of type ``whole``, into which it is stretched."""
    offset = whole.ndim - v.type.ndim
    own = []
    for axis, part in enumerate(parts[offset:]):
        if v.type.shape[axis] == 1 and not whole.broadcastable[offset + axis]:
            part = WHOLE if is_slice(part) else (0, ())
        own.append(part)
    return at(v, own)


@rewrite(Subtensor, phase="canonicalize")
def index_below_dimshuffle(node: Any) -> Any:
    """``x.T[i, a:b] -> x[a:b, i].T``: an index goes to the axes where they lie."""
    inner = node.inputs[0]
    if type(op_of(inner)) is not DimShuffle:
        return None
    x, parts = inner.owner.inputs[0], _index(node)
    own = [WHOLE] * x.type.ndim
    kept = []
    for part, axis in zip(parts, inner.owner.op.order, strict=True):
        if axis >= 0:
            own[axis] = part
        elif part != WHOLE and part[0] not in (0, -1):
            return None
        if is_slice(part):
            kept.append(axis)
    left = [axis for axis, part in enumerate(own) if is_slice(part)]
    order = tuple([-1 if axis < 0 else left.index(axis) for axis in kept])
    taken = at(x, own)
    return taken if order == tuple(range(taken.type.ndim)) else DimShuffle(order)(taken)


@rewrite(Subtensor, phase="canonicalize")
def index_below_dot(node: Any, fgraph: Any) -> Any:
    """``dot(A, B)[i, j] -> dot(A[i], B[:, j])``, where nobody else needs ``dot(A, B)``."""
    product = node.inputs[0]
    if type(op_of(product)) is not Dot or not _alone(product, fgraph):
        return None
    a, b = product.owner.inputs
    parts = _index(node)
    rows = a.type.ndim - 1
    return Dot()(at(a, parts[:rows]), at(b, [WHOLE, *parts[rows:]]))


@rewrite(Subtensor, phase="canonicalize")
def index_below_reduction(node: Any, fgraph: Any) -> Any:
    """``sum(x, axis=0)[i] -> sum(x[:, i], axis=0)`` and so for all reductions, where nobody else needs the whole."""
    inner = node.inputs[0]
    op = op_of(inner)
    if type(op) is not Reduce or not _alone(inner, fgraph):
        return None
    x, parts = inner.owner.inputs[0], iter(_index(node))
    own = [WHOLE if axis in op.axis else next(parts) for axis in range(x.type.ndim)]
    left = [axis for axis, part in enumerate(own) if is_slice(part)]
    return Reduce(op.fn, tuple([left.index(axis) for axis in op.axis]), op.dtype, op.acc_dtype)(at(x, own))


# ---------------------------------------------------------------------- of what is put together


@rewrite(Subtensor, phase="canonicalize", tags={"shape_hiding"})
def index_of_join(node: Any, fgraph: Any) -> Any:
    """``join(a, b)[k] -> b[k - len(a)]``, ``join(a, b)[i:j] -> a[i:j]`` where the lengths tell that no more is needed;
    ``join(a, b, axis=1)[i] -> join(a[i], b[i])``, where nobody else needs the whole."""
    whole = node.inputs[0]
    if type(op_of(whole)) is not Join:
        return None
    axis, parts = whole.owner.op.axis, _index(node)
    chosen = _pieces(whole.owner.inputs, axis, parts[axis])
    if not chosen or (len(chosen) > 1 and not _alone(whole, fgraph)):
        return None
    taken = [at(v, [*parts[:axis], part, *parts[axis + 1 :]]) for v, part in chosen]
    if len(taken) == 1:
        return conform(taken[0], node.outputs[0], fgraph)
    return Join(sum(is_slice(part) for part in parts[:axis]))(*taken)


def _pieces(inputs: Sequence[Any], axis: int, part: Part) -> list[tuple[Any, Part]] | None:
    """Return which parts of which joined tensors an index along ``axis`` takes; ``None`` where that is not known."""
    entry, scalars = part
    if part == WHOLE:
        return [(v, WHOLE) for v in inputs]
    lengths = [v.type.shape[axis] for v in inputs]
    if scalars:
        return None
    if not isinstance(entry, tuple):
        return _piece_at(inputs, lengths, entry)
    if None in lengths or entry[3] not in (None, 1):
        return None
    start, stop, _ = slice(*entry[1:]).indices(sum(lengths))  # type: ignore[arg-type]
    found, before = [], 0
    for v, length in zip(inputs, lengths, strict=True):
        low, high = max(start - before, 0), min(stop - before, length)
        if low < high:
            found.append((v, WHOLE if (low, high) == (0, length) else (("slice", low, high, None), ())))
        before += length
    return found


def _piece_at(inputs: Sequence[Any], lengths: Sequence[int | None], k: int) -> list[tuple[Any, Part]] | None:
    backwards = k < 0
    order = list(zip(inputs, lengths, strict=True))
    position = -k - 1 if backwards else k
    for v, length in reversed(order) if backwards else order:
        if length is None:
            return None
        if position < length:
            return [(v, (-position - 1 if backwards else position, ()))]
        position -= length
    return None


@rewrite(Subtensor, phase="canonicalize", tags={"shape_hiding"})
def index_of_fill(node: Any, fgraph: Any) -> Any:
    """``fill(v)[i] -> fill(v[i])`` of the shape of the part, for ``v`` that is no scalar."""
    whole, out = node.inputs[0], node.outputs[0]
    value = filling(whole)
    if value is None or not value.type.ndim or value.type.dtype is not out.type.dtype:
        return None
    taken = _stretched(value, _index(node), whole.type)
    if taken.type.ndim > out.type.ndim:
        return None
    new = Alloc()(taken, *[as_length(d) for d in shape_of(out, fgraph)]) if out.type.ndim else taken
    return new if out.type.is_super(new.type) else None


@rewrite(Subtensor, phase="canonicalize", tags={"shape_hiding"})
def index_of_gather(node: Any, fgraph: Any) -> Any:
    """``x[idx][k] -> x[idx[k]]``, where nobody else needs ``x[idx]``."""
    gathered = node.inputs[0]
    op = op_of(gathered)
    if type(op) is not AdvancedSubtensor or op.entries != ("array",) or not _alone(gathered, fgraph):
        return None
    x, idx = gathered.owner.inputs
    if idx.type.ndim != 1:
        return None
    first, *rest = _index(node)
    if is_slice(first):
        return None if any(part != WHOLE for part in rest) else op(x, at(idx, [first]))
    return at(x, [(INPUT, (as_length(at(idx, [first])),)), *rest])


# ---------------------------------------------------------------------- of what was written


def _same_place(writing: Any, entries: Any, scalars: Sequence[Any]) -> bool:
    own = writing.inputs[2:]
    return (
        writing.op.entries == entries
        and len(own) == len(scalars)
        and all(a is b for a, b in zip(own, scalars, strict=True))
    )


@rewrite(Subtensor, phase="canonicalize", tags={"shape_hiding"})
def read_of_write(node: Any, fgraph: Any) -> Any:
    """``set_subtensor(x[i], y)[i] -> y`` of the shape of ``x[i]``, ``inc_subtensor(x[i], y)[i] -> x[i] + y``."""
    written = node.inputs[0]
    if type(op_of(written)) is not IncSubtensor or not _same_place(written.owner, node.op.entries, node.inputs[1:]):
        return None
    x, y = written.owner.inputs[:2]
    new = y if written.owner.op.set_instead else sf.add(node.op(x, *node.inputs[1:]), y)
    return conform(new, node.outputs[0], fgraph)


@rewrite(Subtensor, phase="canonicalize", tags={"shape_hiding"})
def read_beside_write(node: Any) -> Any:
    """``set_subtensor(x[1], y)[0] -> x[0]``: what is known to lie elsewhere is read from what was there before."""
    written = node.inputs[0]
    if type(op_of(written)) is not IncSubtensor:
        return None
    apart = any(_apart(a, b) for a, b in zip(node.op.entries, written.owner.op.entries, strict=False))
    return node.op(written.owner.inputs[0], *node.inputs[1:]) if apart else None


def _apart(a: Any, b: Any) -> bool:
    """Tell whether two entries for one axis, of any length, never choose the same position."""
    if isinstance(a, int) and isinstance(b, int):
        return a != b and (a < 0) == (b < 0)
    first, second = _interval(a), _interval(b)
    return first is not None and second is not None and (first[1] <= second[0] or second[1] <= first[0])


def _interval(entry: Any) -> tuple[float, float] | None:
    """Return the positions from the front among which an entry chooses."""
    if isinstance(entry, int):
        return (entry, entry + 1) if entry >= 0 else None
    if not isinstance(entry, tuple) or INPUT in entry:
        return None
    start, stop, step = (0 if entry[1] is None else entry[1]), entry[2], (1 if entry[3] is None else entry[3])
    if start < 0 or step < 1 or (stop is not None and stop < 0):
        return None
    return start, float("inf") if stop is None else stop


@rewrite(IncSubtensor, AdvancedIncSubtensor, phase="canonicalize", tags={"shape_hiding"})
def write_over_write(node: Any, fgraph: Any) -> Any:
    """``set(set(x[i], y)[i], z) -> set(x[i], z)``, ``inc(inc(x[i], y)[i], z) -> inc(x[i], y + z)``."""
    before = node.inputs[0]
    owner = before.owner
    if type(op_of(before)) is not type(node.op) or not _same_place(owner, node.op.entries, node.inputs[2:]):
        return None
    x, y = owner.inputs[:2]
    z, place = node.inputs[1], node.inputs[2:]
    if node.op.set_instead:
        return node.op(x, z, *place)
    if not _alone(before, fgraph) or (owner.op.set_instead and type(node.op) is AdvancedIncSubtensor):
        return None  # of positions that are written twice, the last value counts, but every increment
    return owner.op(x, sf.add(y, z), *place)


@rewrite(sf.add, phase="canonicalize", tags={"shape_hiding"})
def sum_of_writes(node: Any, fgraph: Any) -> Any:
    """``inc(0[i], x) + inc(0[j], y) + z -> inc(inc(0[i], x)[j], y) + z``: the gradients of several parts of one tensor
    are collected in one."""
    out = node.outputs[0].type
    writes = {v: w for v in node.inputs if v.type == out and (w := writes_on_nothing(v, fgraph))}
    if len(writes) < 2:
        return None
    total, *others = writes
    for v in others:
        for write in writes[v]:
            total = write.op(total, *write.inputs[1:])
    rest = [v for v in node.inputs if v not in writes]
    return sf.add(total, *rest) if rest else total


def writes_on_nothing(v: Any, fgraph: Any) -> list[Any]:
    """Return the increments, first to last, by which ``v`` was made from zeros, if it is for one user; else nothing."""
    found: list[Any] = []
    while type(op_of(v)) in (IncSubtensor, AdvancedIncSubtensor) and not v.owner.op.set_instead and _alone(v, fgraph):
        found.append(v.owner)
        v = v.owner.inputs[0]
    value = filling(v)
    return found[::-1] if is_number(v if value is None else value, 0) else []


RULES = RuleSet(
    sum_of_writes,
    index_below_broadcast,
    index_below_dimshuffle,
    index_below_dot,
    index_below_reduction,
    index_of_join,
    index_of_fill,
    index_of_gather,
    read_of_write,
    read_beside_write,
    write_over_write,
)
