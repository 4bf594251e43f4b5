"""Rules on filled tensors: ``second(x, y)`` and ``Alloc`` give a value a shape.

Elementwise work broadcasts by itself, so most fills of a gradient can go; what remains becomes one ``Alloc`` that
depends on shapes alone.
"""

from typing import Any

from symcore.tensor import scalar_functions as sf
from symcore.tensor.creation import Alloc
from symcore.tensor.elemwise import Elemwise, ScalarFn
from symcore.tensor.shapes import DimShuffle, Reshape, as_length, static_length
from symcore.tensor.subtensor import AdvancedIncSubtensor, AdvancedSubtensor, IncSubtensor, Subtensor
from symopt.match import conform, is_number
from symopt.rule import rewrite
from symopt.rules.folding import ALWAYS
from symopt.ruleset import RuleSet
from symopt.shape_inference import shape_of


@rewrite(sf.second, phase=ALWAYS, tags={"shape_hiding", "fast_compile"})
def useless_second(node: Any) -> Any:
    """``second(x, y) -> y`` where ``y`` has the shape by itself."""
    [_, y], [out] = node.inputs, node.outputs
    return y if y.type.broadcastable == out.type.broadcastable and out.type.is_super(y.type) else None


def filling(v: Any) -> Any:
    """Return the value that a fill spreads, or ``None`` if ``v`` is no fill."""
    owner = v.owner
    if owner is None:
        return None
    if type(owner.op) is Alloc:
        return owner.inputs[0]
    return owner.inputs[1] if type(owner.op) is Elemwise and owner.op.fn is sf.second else None


@rewrite(Elemwise, phase=ALWAYS, tags={"shape_hiding"})
def fill_sink(node: Any, fgraph: Any) -> Any:
    """``f(fill(v), y) -> f(v, y)`` where ``y`` has the shape; else ``f(fill(v), s) -> fill(f(v, s))``, which computes
    ``f`` on fewer elements."""
    inputs = node.inputs
    values = [filling(v) for v in inputs]
    if not any(v is not None for v in values) or type(node.op.fn) is not ScalarFn:
        return None
    out = node.outputs[0]
    bare = [v if value is None else value for v, value in zip(inputs, values, strict=True)]
    pattern = out.type.broadcastable
    if _joint_pattern([v for v, value in zip(inputs, values, strict=True) if value is None], len(pattern)) == pattern:
        new = node.op.fn(*bare)
        return new if out.type.is_super(new.type) and new.type.broadcastable == pattern else None
    if node.op.fn is sf.second or _joint_pattern(bare, len(pattern)) == pattern:
        return _keep_one(node, inputs, values, pattern)
    return conform(node.op.fn(*bare), out, fgraph)


def _joint_pattern(variables: Any, ndim: int) -> tuple[bool, ...]:
    """Return which of ``ndim`` axes have length 1 in the broadcast of ``variables``."""
    pattern = [True] * ndim
    for v in variables:
        offset = ndim - v.type.ndim
        for axis, stretched in enumerate(v.type.broadcastable):
            if not stretched:
                pattern[offset + axis] = False
    return tuple(pattern)


def _keep_one(node: Any, inputs: Any, values: Any, pattern: Any) -> Any:
    """Drop the fills that other inputs, fills among them, make superfluous."""
    kept = list(inputs)
    for k, value in enumerate(values):
        if value is not None and not (node.op.fn is sf.second and k == 0):
            trial = [*kept[:k], value, *kept[k + 1:]]
            if _joint_pattern([*kept[:k], *kept[k + 1:]], len(pattern)) == pattern:
                kept = trial
    if kept == list(inputs):
        return None
    new = node.op.fn(*kept)
    return new if node.outputs[0].type.is_super(new.type) and new.type.broadcastable == pattern else None


@rewrite(sf.second, phase=("stabilize", "specialize"), tags={"shape_hiding"})
def second_to_alloc(node: Any, fgraph: Any) -> Any:
    """``second(x, y) -> alloc(y, *shape)``: needs the shape of ``x`` alone, not its value."""
    return conform(node.inputs[1], node.outputs[0], fgraph)


@rewrite(Alloc, phase=ALWAYS, tags={"shape_hiding", "fast_compile"})
def useless_alloc(node: Any) -> Any:
    """``alloc(x, *shape) -> x`` where nothing is stretched."""
    x, out = node.inputs[0], node.outputs[0]
    return x if x.type.broadcastable == out.type.broadcastable and out.type.is_super(x.type) else None


@rewrite(Alloc, phase=ALWAYS)
def alloc_of_fill(node: Any) -> Any:
    """``alloc(fill(v), *shape) -> alloc(v, *shape)``."""
    value = filling(node.inputs[0])
    if value is None:
        return None
    new = Alloc()(value, *node.inputs[1:])
    return new if node.outputs[0].type.is_super(new.type) else None


def _number_fill(v: Any) -> Any:
    """Return the 0-d value that fills ``v``, or ``None``."""
    value = filling(v)
    return value if value is not None and value.type.ndim == 0 else None


@rewrite(DimShuffle, Reshape, Subtensor, AdvancedSubtensor, phase=ALWAYS, tags={"shape_hiding"})
def view_of_fill(node: Any, fgraph: Any) -> Any:
    """``view(fill(v)) -> fill(v)`` of the shape of the view, for a scalar ``v``: its elements are all the same."""
    value, out = _number_fill(node.inputs[0]), node.outputs[0]
    if value is None:
        return None
    if isinstance(node.op, Reshape):
        lengths = [static_length(n) for n in node.inputs[1:]]
        if any(n is None or n < 0 for n in lengths):
            return None  # a length of -1 found at run time is not worth its arithmetic
    new = Alloc()(value, *[as_length(d) for d in shape_of(out, fgraph)]) if out.type.ndim else value
    return new if out.type.is_super(new.type) else None


@rewrite(IncSubtensor, phase="canonicalize", tags={"shape_hiding"})
def increment_of_everything(node: Any, fgraph: Any) -> Any:
    """``inc_subtensor(x[:], y) -> x + y``, ``set_subtensor(x[:], y) -> y``, of the shape of ``x``."""
    x, y = node.inputs[:2]
    if any(entry != ("slice", None, None, None) for entry in node.op.entries):
        return None
    return conform(y if node.op.set_instead else sf.add(x, y), node.outputs[0], fgraph)


@rewrite(IncSubtensor, AdvancedIncSubtensor, phase="canonicalize")
def increment_by_zero(node: Any) -> Any:
    """``inc_subtensor(x[i], 0) -> x``."""
    if node.op.set_instead or len(node.inputs) > 2:
        return None  # a symbolic index may be out of range, which must be said
    y = node.inputs[1]
    value = filling(y)
    return node.inputs[0] if is_number(y if value is None else value, 0) and _is_safe(node) else None


def _is_safe(node: Any) -> bool:
    """Tell whether the index can never be out of range: slices alone."""
    return all(isinstance(entry, tuple) for entry in node.op.entries)


RULES = RuleSet(
    useless_second, useless_alloc, fill_sink, second_to_alloc, alloc_of_fill, view_of_fill, increment_of_everything,
    increment_by_zero,
)
