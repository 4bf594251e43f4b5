"""How much memory a planned function needs: with the plan, without it, and at the least.

Counted are the buffers that a call makes: intermediate results, outputs, and second buffers of updates. Inputs, shared
variables and constants are there already. Sizes follow from the shapes of the inputs of a call by ``infer_shape``, so
nothing is computed for it, unless a shape depends on values.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from symcore.graph.shared import SharedVariable
from symcore.graph.traverse import ancestors
from symcore.graph.variable import Apply, Constant, Variable
from symcore.interpreter import evaluate
from symcore.tensor.shapes import Shape_i, ShapeOf
from symcore.tensor.type import TensorType
from symopt.plan import MemoryPlan

#: Values up to so many elements are kept as they are: shapes may depend on them.
SMALL = 64


class Usage(NamedTuple):
    """Bytes that one call needs.

    Attributes
    ----------
    peak
        With the plan: what is alive at the same time, at most.
    position
        Which node of ``plan.order`` runs then.
    kept
        Without a plan: every result in a buffer of its own until the end of the call.
    outputs
        What is returned, and second buffers of updates: in ``peak`` and ``kept`` too.
    unknown
        How many results could not be counted, for their shapes depend on what is not known.
    """

    peak: int
    position: int
    kept: int
    outputs: int
    unknown: int


def outline(value: Any) -> Any:
    """Return what is needed of a value to tell shapes: small ones themselves, of others shape and dtype alone."""
    if not isinstance(value, np.ndarray):
        value = np.asarray(value) if isinstance(value, (int, float, list, tuple)) else value
    if isinstance(value, np.ndarray) and value.size > SMALL:
        return np.broadcast_to(np.zeros((), value.dtype), value.shape)
    return value


def measured(plan: MemoryPlan, values: Sequence[Any]) -> dict[Variable[Any], int | None]:
    """Return the bytes of every variable for the (outlined) arguments of a call; ``None`` where they are not known."""
    given: dict[Variable[Any], Any] = dict(zip(plan.fgraph.inputs, values, strict=False))
    for v in plan.fgraph.inputs[len(values) :]:
        if isinstance(v, SharedVariable):
            given[v] = outline(v.container.value)
    shapes: dict[Variable[Any], Any] = {v: getattr(value, "shape", None) for v, value in given.items()}
    for node in plan.order:
        for v in node.inputs:
            if isinstance(v, Constant):
                shapes[v] = getattr(v.data, "shape", None)
        shapes.update(zip(node.outputs, _shapes(node, shapes, given), strict=True))
    return {v: _bytes(v, shape) for v, shape in shapes.items()}


def _shapes(node: Apply, shapes: Mapping[Variable[Any], Any], given: dict[Variable[Any], Any]) -> list[Any]:
    found: list[Any] = []
    known = [_lengths(v, shapes.get(v)) for v in node.inputs]
    for y, shape in zip(node.outputs, node.op.infer_shape(node, known), strict=True):
        if shape is None or not isinstance(y.type, TensorType):
            found.append(None)
            continue
        lengths = [n if length is None else length for n, length in zip(shape, y.type.shape, strict=True)]
        symbolic = [n for n in lengths if isinstance(n, Variable)]
        numbers = _evaluated(symbolic, given)
        if numbers is None:
            found.append(None)
            continue
        rest = iter(numbers)
        found.append(tuple(int(next(rest)) if isinstance(n, Variable) else int(n) for n in lengths))
    return found


def _lengths(v: Variable[Any], shape: Any) -> Any:
    """Return a shape for ``infer_shape``: what is not known is a variable without a value."""
    if shape is None and isinstance(v.type, TensorType):
        return tuple(TensorType("int64", ())() if n is None else n for n in v.type.shape)
    return shape


def _evaluated(symbolic: list[Variable[Any]], given: dict[Variable[Any], Any]) -> list[Any] | None:
    """Return the values of lengths; ``None`` where they depend on values that are not kept, or on nothing known."""
    if not symbolic:
        return []
    for v in ancestors(symbolic, given):
        if v.owner is None:
            if v not in given and not isinstance(v, Constant):
                return None
        elif not isinstance(v.owner.op, (Shape_i, ShapeOf)) and any(
            isinstance(given.get(x), np.ndarray) and given[x].size > SMALL for x in v.owner.inputs
        ):
            return None
    try:
        return list(evaluate(symbolic, given))
    except (ValueError, TypeError, IndexError):  # the call itself would fail
        return None


def _bytes(v: Variable[Any], shape: Any) -> int | None:
    if shape is None or not isinstance(v.type, TensorType):
        return None
    size = int(v.type.dtype.itemsize)
    for n in shape:
        size *= n
    return size


def usage(plan: MemoryPlan, sizes: Mapping[Variable[Any], int | None], order: Sequence[Apply] | None = None) -> Usage:
    """Return what a call needs that follows a plan; ``order`` is another order of its nodes to try."""
    order = plan.order if order is None else order
    levels, rest, kept = _levels(plan, sizes, order)
    copies = _copies(plan, sizes)
    peak = max(levels, default=0)
    position = levels.index(peak) if peak else -1
    unknown = sum(1 for node in order for y in node.outputs if sizes.get(y) is None)
    return Usage(max(peak, rest + copies), position, kept + copies, rest + copies, unknown)


def timeline(plan: MemoryPlan, sizes: Mapping[Variable[Any], int | None]) -> list[int]:
    """Return the bytes that are in use while each node of ``plan.order`` runs."""
    return _levels(plan, sizes, plan.order)[0]


def _levels(
    plan: MemoryPlan, sizes: Mapping[Variable[Any], int | None], order: Sequence[Apply]
) -> tuple[list[int], int, int]:
    """Return the bytes in use during each node, those in use after the last, and those of all results together."""
    owner = _buffers(plan, order)
    direct = plan.in_shared()
    last = _last_uses(plan, order, owner)
    live, kept = 0, 0
    levels: list[int] = []
    dying: dict[int, int] = {}
    for k, node in enumerate(order):
        for y in node.outputs:
            size = sizes.get(y) or 0
            if plan.root.get(y, y) is not y:
                continue
            kept += size
            if owner[y] is y and y not in direct:
                live += size
                end = last.get(y, k)
                dying[end] = dying.get(end, 0) + size
        levels.append(live)
        live -= dying.pop(k, 0)
    return levels, live, kept


def _buffers(plan: MemoryPlan, order: Sequence[Apply]) -> dict[Variable[Any], Variable[Any]]:
    """Return, per variable, the one in whose buffer it is: through views, and through results written over inputs."""
    owner: dict[Variable[Any], Variable[Any]] = {}
    direct = plan.in_shared()
    for node in order:
        pairs = plan.inplace.get(node, {})
        for k, y in enumerate(node.outputs):
            source = plan.root.get(y, y)
            if source is y and k in pairs and y not in direct:
                source = node.inputs[pairs[k]]
            owner[y] = y if source is y else owner.get(source, source)
    return owner


def _last_uses(
    plan: MemoryPlan, order: Sequence[Apply], owner: Mapping[Variable[Any], Variable[Any]]
) -> dict[Variable[Any], int]:
    last: dict[Variable[Any], int] = {}
    for k, node in enumerate(order):
        for v in (*node.outputs, *node.inputs):
            last[owner.get(v, v)] = k
    for v in plan.fgraph.outputs:
        last[owner.get(v, v)] = len(order)
    return last


def _copies(plan: MemoryPlan, sizes: Mapping[Variable[Any], int | None]) -> int:
    """Return the bytes of copies made at the end: outputs that are something else's memory, updates likewise."""
    outputs = zip(plan.fgraph.outputs, plan.copied, strict=False)
    copies = sum(sizes.get(v) or 0 for v, copied in outputs if copied)
    return copies + sum(sizes.get(u.new) or 0 for u in plan.updates if plan.root.get(u.new, u.new).owner is None)
