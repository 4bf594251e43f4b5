"""Rules that keep the gradients of ``ifelse`` lazy.

The gradient of ``ifelse(c, a, b)`` hands ``ifelse(c, g, 0)`` to ``a`` and ``ifelse(c, 0, g)`` to ``b``. What follows is
linear in it: of the side that was not taken all is zero, but would be computed. Moved behind the linear functions, to
where the gradients of both sides are added up, the choice leaves nothing of that side to compute.
"""

from typing import Any

from symcore.ifelse import IfElse, ifelse
from symcore.tensor import scalar_functions as sf
from symcore.tensor.creation import Alloc
from symcore.tensor.products import BatchedDot, Dot
from symcore.tensor.reduce import Reduce
from symcore.tensor.shapes import DimShuffle, Reshape, as_length
from symcore.tensor.subtensor import AdvancedIncSubtensor, AdvancedSubtensor, IncSubtensor, Subtensor
from symopt.match import conform, number_like
from symopt.rule import rewrite
from symopt.rules.broadcasting import filling
from symopt.rules.terms import uniform_number
from symopt.ruleset import RuleSet
from symopt.shape_inference import shape_of


def _half(v: Any) -> tuple[Any, Any, bool] | None:
    """Return ``(c, g, side)`` of ``ifelse(c, g, 0)`` (``side`` true) or ``ifelse(c, 0, g)``, else ``None``."""
    if v.owner is None or not isinstance(v.owner.op, IfElse) or v.type.dtype.kind not in "fc":
        return None
    k = v.owner.outputs.index(v)
    yes, no = (side[k] for side in v.owner.op.sides(v.owner.inputs[1:]))
    for g, other, side in ((yes, no, True), (no, yes, False)):
        if _is_zero(other) and not _is_zero(g):
            return v.owner.inputs[0], g, side
    return None


def _zeros(out: Any, fgraph: Any) -> Any:
    zero = number_like(0, out)
    return Alloc()(zero, *[as_length(d) for d in shape_of(out, fgraph)]) if out.type.ndim else zero


def _is_zero(v: Any) -> bool:
    value = filling(v)
    return uniform_number(v if value is None else value) == 0


def _chosen(node: Any, fgraph: Any, condition: Any, parts: tuple[Any, Any]) -> Any:
    """Return ``ifelse(condition, *parts)`` as the node's output; zeros for a part that is ``None``."""
    out = node.outputs[0]
    made = ifelse(condition, *(_zeros(out, fgraph) if part is None else part for part in parts))
    return conform(made, out, fgraph)


def _behind(node: Any, fgraph: Any, position: int) -> Any:
    """Return a node that is linear in one of its inputs, with the choice of that input made after it."""
    half = _half(node.inputs[position])
    if half is None or node.outputs[0].type.dtype.kind not in "fc":
        return None
    condition, g, side = half
    inputs = list(node.inputs)
    if g.type != inputs[position].type:
        return None
    inputs[position] = g
    made = node.op.make_node(*inputs).outputs[0]
    return _chosen(node, fgraph, condition, (made, None) if side else (None, made))


def _only_half(node: Any, fgraph: Any, positions: Any) -> Any:
    found = [k for k in positions if _half(node.inputs[k]) is not None]
    return _behind(node, fgraph, found[0]) if found else None


@rewrite(sf.mul, sf.true_div, sf.neg, sf.second, phase="canonicalize", tags={"nan_changing"})
def ifelse_behind_elementwise(node: Any, fgraph: Any) -> Any:
    """``a * ifelse(c, g, 0) -> ifelse(c, a * g, 0)``, and so of quotients, negation and fills."""
    fn = node.op.fn
    positions = range(len(node.inputs)) if fn is sf.mul else (1,) if fn is sf.second else (0,)
    return _only_half(node, fgraph, positions)


@rewrite(sf.add, sf.sub, phase="canonicalize", tags={"nan_changing"})
def ifelse_behind_sum(node: Any, fgraph: Any) -> Any:
    """``ifelse(c, a, 0) + ifelse(c, 0, b) -> ifelse(c, a, b)``, and so of more terms and of differences."""
    halves = [_half(v) for v in node.inputs]
    out = node.outputs[0]
    found = [half for half in halves if half is not None]
    if len(found) < len(halves) or any(half[0] is not found[0][0] for half in found):
        return None
    if any(v.type != out.type or half[1].type != out.type for v, half in zip(node.inputs, found, strict=True)):
        return None
    minus = node.op.fn is sf.sub
    parts: dict[bool, Any] = {True: None, False: None}
    for k, (_, g, side) in enumerate(found):
        term = sf.neg(g) if minus and k else g
        parts[side] = term if parts[side] is None else sf.add(parts[side], term)
    return _chosen(node, fgraph, found[0][0], (parts[True], parts[False]))


@rewrite(Dot, BatchedDot, phase="canonicalize", tags={"nan_changing"})
def ifelse_behind_dot(node: Any, fgraph: Any) -> Any:
    """``dot(a, ifelse(c, g, 0)) -> ifelse(c, dot(a, g), 0)``, and so of the first operand and of batches."""
    return _only_half(node, fgraph, (0, 1))


@rewrite(Reduce, DimShuffle, Reshape, Subtensor, AdvancedSubtensor, Alloc, phase="canonicalize")
def ifelse_behind_axes(node: Any, fgraph: Any) -> Any:
    """``f(ifelse(c, g, 0)) -> ifelse(c, f(g), 0)`` for sums, other axes, parts and fills."""
    if isinstance(node.op, Reduce) and node.op.fn != "add":
        return None
    return _only_half(node, fgraph, (0,))


@rewrite(IncSubtensor, AdvancedIncSubtensor, phase="canonicalize")
def ifelse_behind_part(node: Any, fgraph: Any) -> Any:
    """``inc_subtensor(0[i], ifelse(c, g, 0)) -> ifelse(c, inc_subtensor(0[i], g), 0)``."""
    return _only_half(node, fgraph, (1,)) if _is_zero(node.inputs[0]) else None


RULES = RuleSet(
    ifelse_behind_elementwise, ifelse_behind_sum, ifelse_behind_dot, ifelse_behind_axes, ifelse_behind_part
)
