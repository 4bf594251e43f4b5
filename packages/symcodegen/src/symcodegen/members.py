"""Which axis of the rows of a loop is a batch whose members no step brings together.

In a recurrent layer what a step makes of one row of the batch depends on that row alone. Such a loop may be run for
some of the rows, and for the others elsewhere. What is needed to know it is one axis for every value of a step: the
axis along which members lie, ``WHOLE`` for what belongs to all of them, ``COUNT`` for how many there are. Rules say for
each Op how the axes of outputs follow from those of inputs; an Op without a rule, or whose rule finds that members
meet, ends the search.
"""

from collections.abc import Callable, Sequence
from typing import Any

from symcodegen.dispatch import LoopSpec
from symcore.graph.variable import Apply, Variable
from symcore.tensor.creation import Alloc, AllocEmpty
from symcore.tensor.elemwise import Elemwise
from symcore.tensor.indexing import FULL
from symcore.tensor.join import Join
from symcore.tensor.map_reduce import MapReduce
from symcore.tensor.products import BatchedDot, Dot, Gemm, Gemv, Ger
from symcore.tensor.reduce import Reduce
from symcore.tensor.shapes import DimShuffle, Shape_i, SpecifyShape
from symcore.tensor.subtensor import IncSubtensor, Subtensor
from symcore.tensor.type import TensorType

WHOLE, COUNT = -1, -2
_Axes = Sequence[int]


class _Meet(Exception):
    """Members meet, or nobody knows that they do not."""


class _Needed(Exception):
    """They do not if those of ``variable`` lie along ``axis``."""

    def __init__(self, variable: Variable[Any], axis: int):
        super().__init__(variable, axis)
        self.variable, self.axis = variable, axis


def member_axes(order: Sequence[Apply], inner: Any, spec: LoopSpec) -> tuple[int, ...]:
    """Return the axis of every input, then output, of the graph ``inner`` of a step; none if members meet.

    ``order``: its nodes as they run. Members lie along the first axis of whatever a step hands out. Lengths that types
    state are not looked behind: there is no batch in rows of a stated shape.
    """
    if spec.until or spec.carries or not inner.outputs or not spec.states:
        return ()
    rows = sum(len(s.rows) for s in spec.sequences)
    taps = sum(len(s.taps) for s in spec.states)
    states = dict.fromkeys(inner.inputs[rows : rows + taps], 0)
    for sequences in ({v: 0 for v in inner.inputs[:rows] if _may_lie(v, 0)}, {}):
        axes = _search(order, inner, {**states, **sequences})
        if axes is not None:
            return tuple(axes.get(v, WHOLE) for v in (*inner.inputs, *inner.outputs))
    return ()


def _may_lie(v: Variable[Any], axis: int) -> bool:
    """Tell whether members may lie along an axis: its length is not known beforehand."""
    return isinstance(v.type, TensorType) and axis < v.type.ndim and v.type.shape[axis] is None


def _search(order: Sequence[Apply], inner: Any, given: dict[Any, int]) -> dict[Any, int] | None:
    """Return the axis of every value, from those of some inputs; others are what is needed of them. ``None`` if members
    meet, or if something that steps hand out has none along its first axis."""
    inputs = set(inner.inputs)
    while True:
        try:
            axes = _walk(order, given)
            for v in inner.outputs:
                if axes.get(v, WHOLE) != 0:
                    raise _Needed(v, 0)
            return axes
        except _Meet:
            return None
        except _Needed as need:
            if need.variable not in inputs or need.variable in given:
                return None
            given = {**given, need.variable: need.axis}


def _walk(order: Sequence[Apply], given: dict[Any, int]) -> dict[Any, int]:
    axes = dict(given)
    if not all(_may_lie(v, axis) for v, axis in given.items()):
        raise _Meet
    for node in order:
        own = [axes.get(v, WHOLE) for v in node.inputs]
        if all(axis == WHOLE for axis in own):
            continue
        rule = RULES.get(type(node.op))
        if rule is None:
            raise _Meet
        found = rule(node, own)
        for y in node.outputs:
            if found >= 0 and not _may_lie(y, found):
                raise _Meet
            axes[y] = found
    return axes


def _aligned(values: Sequence[Variable[Any]], axes: _Axes) -> int:
    """Return the axis, counted from the end, that broadcast values have in common; 0: they are whole."""
    if COUNT in axes:
        raise _Meet
    found = {axis - v.type.ndim for v, axis in zip(values, axes, strict=True) if axis != WHOLE}
    if len(found) > 1:
        raise _Meet
    at = found.pop() if found else 0
    for v, axis in zip(values, axes, strict=True):
        if at and axis == WHOLE and v.type.ndim >= -at and v.type.shape[at] != 1:
            raise _Needed(v, v.type.ndim + at)
    return at


def _elemwise(node: Any, axes: _Axes) -> int:
    return node.outputs[0].type.ndim + _aligned(node.inputs, axes)


def _without(axis: int, gone: Sequence[int]) -> int:
    """Return what an axis becomes when others are summed over or indexed."""
    if axis in gone:
        raise _Meet
    return axis - sum(k < axis for k in gone)


def _reduce(node: Any, axes: _Axes) -> int:
    return _without(axes[0], node.op.axis)


def _map_reduce(node: Any, axes: _Axes) -> int:
    mapped = max(v.type.ndim for v in node.inputs)
    return _without(mapped + _aligned(node.inputs, axes), node.op.axis)


def _dimshuffle(node: Any, axes: _Axes) -> int:
    if axes[0] not in node.op.order:
        raise _Meet
    return int(node.op.order.index(axes[0]))


def _length(node: Any, axes: _Axes) -> int:
    return COUNT if node.op.i == axes[0] else WHOLE


def _same(node: Any, axes: _Axes) -> int:
    _only(axes, 0)
    return axes[0]


def _only(axes: _Axes, *positions: int) -> None:
    """Make sure that no other inputs have members."""
    if any(axis != WHOLE for k, axis in enumerate(axes) if k not in positions) or COUNT in axes:
        raise _Meet


def _indexed(entries: Sequence[Any], axis: int) -> int:
    if axis < len(entries) and entries[axis] != FULL:
        raise _Meet
    return _without(axis, [k for k, entry in enumerate(entries) if not isinstance(entry, tuple)])


def _subtensor(node: Any, axes: _Axes) -> int:
    _only(axes, 0)
    return _indexed(node.op.entries, axes[0])


def _inc_subtensor(node: Any, axes: _Axes) -> int:
    _only(axes, 0, 1)
    x, y = node.inputs[:2]
    if axes[0] == WHOLE:
        raise _Meet
    part = x.type.ndim - sum(not isinstance(entry, tuple) for entry in node.op.entries)
    at = _indexed(node.op.entries, axes[0]) - part
    if axes[1] == WHOLE and y.type.ndim >= -at and y.type.shape[at] != 1:
        raise _Needed(y, y.type.ndim + at)
    if axes[1] not in (WHOLE, y.type.ndim + at):
        raise _Meet
    return axes[0]


def _counted(axes: _Axes) -> int:
    """Return which of some lengths is how many members there are."""
    if [axis != WHOLE for axis in axes].count(True) != 1 or COUNT not in axes:
        raise _Meet
    return axes.index(COUNT)


def _alloc(node: Any, axes: _Axes) -> int:
    value, at = node.inputs[0], _counted(axes[1:]) - node.outputs[0].type.ndim
    if axes[0] == WHOLE and value.type.ndim >= -at and value.type.shape[at] != 1:
        raise _Needed(value, value.type.ndim + at)
    if axes[0] not in (WHOLE, value.type.ndim + at):
        raise _Meet
    return node.outputs[0].type.ndim + at


def _alloc_empty(node: Any, axes: _Axes) -> int:
    return _counted(axes)


def _product(x: Variable[Any], y: Variable[Any], axes: _Axes) -> int:
    """Return along which axis of ``x @ y`` members lie that are rows of ``x`` or columns of ``y``."""
    over_x, over_y = axes
    if over_y == WHOLE and 0 <= over_x < x.type.ndim - 1:
        return over_x
    if over_x == WHOLE and over_y == y.type.ndim - 1 > 0:
        return x.type.ndim - 1
    if over_x == WHOLE == over_y:
        return WHOLE
    raise _Meet


def _dot(node: Any, axes: _Axes) -> int:
    return _product(node.inputs[0], node.inputs[1], axes)


def _added(node: Any, axes: _Axes, product: int) -> int:
    """Return ``product``, where that is where the members of what is added lie, too."""
    if axes[0] == WHOLE and product != WHOLE:
        raise _Needed(node.inputs[0], product)
    if axes[0] != product:
        raise _Meet
    return product


def _gemm(node: Any, axes: _Axes) -> int:
    _only(axes, 0, 2, 3)
    return _added(node, axes, _product(node.inputs[2], node.inputs[3], axes[2:4]))


def _ger(node: Any, axes: _Axes) -> int:
    _only(axes, 0, 2, 3)
    if axes[2] != WHOLE and axes[3] != WHOLE:
        raise _Meet
    return _added(node, axes, 0 if axes[2] == 0 else 1 if axes[3] == 0 else WHOLE)


def _batched_dot(node: Any, axes: _Axes) -> int:
    [x, y], (over_x, over_y), last = node.inputs, axes, node.inputs[0].type.ndim - 1
    if 0 <= over_x == over_y < last - 1:
        return over_x
    for v, axis, other in ((x, over_x, over_y), (y, over_y, over_x)):
        if axis == WHOLE and 0 <= other < last - 1:
            raise _Needed(v, other)
    if (over_x, over_y) in ((last - 1, WHOLE), (WHOLE, last)):
        return max(over_x, over_y)
    raise _Meet


def _join(node: Any, axes: _Axes) -> int:
    at = _aligned(node.inputs, axes) + node.outputs[0].type.ndim
    if at == node.op.axis:
        raise _Meet
    for v, axis in zip(node.inputs, axes, strict=True):
        if axis != at:
            raise _Needed(v, at)
    return at


#: By class of Op: a function of a node and the axes of its inputs, not all of them whole; the axis of all its outputs.
#: Raises ``_Meet``, or ``_Needed`` for an input that must have members too.
RULES: dict[type, Callable[[Any, _Axes], int]] = {
    Elemwise: _elemwise,
    Reduce: _reduce,
    MapReduce: _map_reduce,
    DimShuffle: _dimshuffle,
    Shape_i: _length,
    SpecifyShape: _same,
    Subtensor: _subtensor,
    IncSubtensor: _inc_subtensor,
    Alloc: _alloc,
    AllocEmpty: _alloc_empty,
    Dot: _dot,
    Gemm: _gemm,
    Gemv: _gemm,
    Ger: _ger,
    BatchedDot: _batched_dot,
    Join: _join,
}
