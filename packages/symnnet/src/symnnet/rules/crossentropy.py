"""Rules that fuse softmax, logarithm and the choice of one class per row, forwards and backwards.

Each comes twice where it looks for ``[arange(n), y]``: as it is where ``n`` is provably the length of ``y``, and with
the tag ``shape_hiding`` where it is not: one target is stretched over ``n`` rows, and one row for many targets, which
the fused Op does not know, is an error.
"""

from typing import Any

from symcore.graph.variable import Apply
from symcore.tensor import scalar_functions as sf
from symcore.tensor.creation import Alloc
from symcore.tensor.subtensor import AdvancedSubtensor
from symnnet.crossentropy import (
    CrossentropyCategorical1Hot,
    CrossentropyCategorical1HotGrad,
    CrossentropySoftmax1hot,
    CrossentropySoftmax1hotGrad,
    CrossentropySoftmax1hotWithGrad,
)
from symnnet.rules.match import PHASES, as_scalar, fits, made_by, picked, quotient, scaled, spread, times
from symnnet.softmax import LogSoftmax, LogSoftmaxGrad, Softmax, SoftmaxGrad
from symopt.lazy import needed_together
from symopt.match import fn_of
from symopt.rule import rewrite

#: How far back a gradient is searched for the loss it might depend on, in nodes.
SEARCH = 200


def _classes_last(variable: Any, op_class: type) -> bool:
    """Tell whether ``variable`` is a softmax (or its logarithm) of each row of a matrix."""
    return made_by(op_class, variable) and variable.owner.op.axis == -1 and variable.type.ndim == 2


def _loss(scores: Any, y: Any, out: Any) -> Any:
    new = -CrossentropySoftmax1hot(strict=False)(scores, y)
    return new if fits(new, out) else None


def _slope(g: Any, scores: Any, y: Any, out: Any) -> Any:
    new = CrossentropySoftmax1hotGrad(strict=False)(g, scores, y)
    return new if fits(new, out) else None


# ---------------------------------------------------------------------- forwards


def _pick_of_log_softmax(node: Any, proven: bool) -> Any:
    found = picked(node.outputs[0])
    if found is None or found[1].proven != proven:
        return None
    source, negative = found[0], fn_of(found[0]) is sf.neg
    source = source.owner.inputs[0] if negative else source
    if not _classes_last(source, LogSoftmax):
        return None
    new = _loss(source.owner.inputs[0], found[1].y, node.outputs[0])
    return -new if new is not None and negative else new


def _log_of_picked_softmax(node: Any, proven: bool) -> Any:
    found = picked(node.inputs[0])
    if found is None or found[1].proven != proven or not _classes_last(found[0], Softmax):
        return None
    return _loss(found[0].owner.inputs[0], found[1].y, node.outputs[0])


@rewrite(CrossentropyCategorical1Hot, phase=PHASES, tags={"more_accurate"})
def crossentropy_of_softmax(node: Any) -> Any:
    """``crossentropy_categorical_1hot(softmax(x), y) -> crossentropy_softmax_1hot(x, y)``"""
    p, y = node.inputs
    if not _classes_last(p, Softmax):
        return None
    new = CrossentropySoftmax1hot(node.op.strict)(p.owner.inputs[0], y)
    return new if fits(new, node.outputs[0]) else None


# ---------------------------------------------------------------------- backwards


def _log_softmax_grad_at_targets(node: Any, proven: bool) -> Any:
    g, y = node.inputs
    if not _classes_last(y, LogSoftmax) or node.op.axis != -1:
        return None
    g, scale = scaled(g)
    found = spread(g)
    if found is None or found[1].proven != proven:
        return None
    return _slope(times(found[0], -scale), y.owner.inputs[0], found[1].y, node.outputs[0])


def _softmax_grad_at_targets(node: Any, proven: bool) -> Any:
    slope, p = node.inputs
    if not _classes_last(p, Softmax) or node.op.axis != -1:
        return None
    slope, scale = scaled(slope)
    found = spread(slope)
    if found is None or found[1].proven != proven:
        return None
    indices = slope.owner.inputs[2:]

    def is_pick(v: Any) -> bool:
        return made_by(AdvancedSubtensor, v) and v.owner.op.entries == slope.owner.op.entries and all(
            a is b for a, b in zip(v.owner.inputs, [p, *indices], strict=True))

    g = quotient(found[0], is_pick)
    return None if g is None else _slope(times(g, -scale), p.owner.inputs[0], found[1].y, node.outputs[0])


@rewrite(SoftmaxGrad, phase=PHASES, tags={"more_accurate"})
def softmax_grad_of_crossentropy(node: Any) -> Any:
    """The gradient of ``crossentropy_categorical_1hot(softmax(x), y)``: ``softmax(x) - onehot(y)``."""
    slope, p = node.inputs
    if not _classes_last(p, Softmax) or not made_by(CrossentropyCategorical1HotGrad, slope) or node.op.axis != -1:
        return None
    g, of, y = slope.owner.inputs
    if of is not p:
        return None
    new = CrossentropySoftmax1hotGrad(slope.owner.op.strict)(g, p.owner.inputs[0], y)
    return new if fits(new, node.outputs[0]) else None


# ---------------------------------------------------------------------- one gradient for all rows, one walk for both


@rewrite(CrossentropySoftmax1hotGrad, CrossentropySoftmax1hotWithGrad, phase=PHASES, tags={"shape_hiding"})
def one_gradient_for_all_rows(node: Any) -> Any:
    """A gradient filled with one scalar is passed as that scalar."""
    given, *rest = node.inputs
    g, scale = scaled(given)
    position = 0 if made_by(Alloc, g) else 1 if fn_of(g) is sf.second else None
    if given.type.ndim == 0 or position is None:
        return None
    value = g.owner.inputs[position]
    if not all(value.type.broadcastable):
        return None
    return node.op.make_node(times(as_scalar(value), scale), *rest).outputs


@rewrite(CrossentropySoftmax1hotGrad, phase="specialize")
def crossentropy_with_grad(node: Any, fgraph: Any) -> Any:
    """The loss of each row and its gradient, where both are needed, are computed in one walk over the scores."""
    g, x, y = node.inputs
    forward = CrossentropySoftmax1hot(node.op.strict)
    for user in fgraph.users(x):
        if user.op == forward and user.inputs == [x, y]:
            if _depends_on(g, user) or not needed_together([user, node], fgraph):
                return None
            loss, slope = CrossentropySoftmax1hotWithGrad(node.op.strict).make_node(g, x, y).outputs
            if fits(loss, user.outputs[0]) and fits(slope, node.outputs[0]):
                return {user.outputs[0]: loss, node.outputs[0]: slope}
    return None


def _depends_on(variable: Any, target: Apply) -> bool:
    """Tell whether ``variable`` needs the node ``target``, or might: the search is short."""
    stack: list[Any] = [variable.owner]
    seen: set[Apply] = set()
    while stack:
        node = stack.pop()
        if node is None or node in seen:
            continue
        if node is target or len(seen) >= SEARCH:
            return True
        seen.add(node)
        stack += [v.owner for v in node.inputs]
    return False


# ---------------------------------------------------------------------- the rules on targets


@rewrite(AdvancedSubtensor, phase=PHASES)
def pick_of_log_softmax(node: Any) -> Any:
    """``log_softmax(x)[arange(len(y)), y] -> -crossentropy_softmax_1hot(x, y)``"""
    return _pick_of_log_softmax(node, True)


@rewrite(AdvancedSubtensor, phase=PHASES, tags={"shape_hiding"})
def pick_of_log_softmax_by_number(node: Any) -> Any:
    """``log_softmax(x)[arange(n), y] -> -crossentropy_softmax_1hot(x, y)``"""
    return _pick_of_log_softmax(node, False)


@rewrite(sf.log, phase=PHASES, tags={"more_accurate"})
def log_of_picked_softmax(node: Any) -> Any:
    """``log(softmax(x)[arange(len(y)), y]) -> -crossentropy_softmax_1hot(x, y)``"""
    return _log_of_picked_softmax(node, True)


@rewrite(sf.log, phase=PHASES, tags={"more_accurate", "shape_hiding"})
def log_of_picked_softmax_by_number(node: Any) -> Any:
    """``log(softmax(x)[arange(n), y]) -> -crossentropy_softmax_1hot(x, y)``"""
    return _log_of_picked_softmax(node, False)


@rewrite(LogSoftmaxGrad, phase=PHASES, tags={"more_accurate"})
def log_softmax_grad_at_targets(node: Any) -> Any:
    """The gradient ``g`` of ``log_softmax(x)[arange(len(y)), y]`` is ``g (onehot(y) - softmax(x))``."""
    return _log_softmax_grad_at_targets(node, True)


@rewrite(LogSoftmaxGrad, phase=PHASES, tags={"more_accurate", "shape_hiding"})
def log_softmax_grad_at_targets_by_number(node: Any) -> Any:
    """The gradient ``g`` of ``log_softmax(x)[arange(n), y]`` is ``g (onehot(y) - softmax(x))``."""
    return _log_softmax_grad_at_targets(node, False)


@rewrite(SoftmaxGrad, phase=PHASES, tags={"more_accurate"})
def softmax_grad_at_targets(node: Any) -> Any:
    """The gradient ``g`` of ``log(softmax(x)[arange(len(y)), y])`` is ``g (onehot(y) - softmax(x))``."""
    return _softmax_grad_at_targets(node, True)


@rewrite(SoftmaxGrad, phase=PHASES, tags={"more_accurate", "shape_hiding"})
def softmax_grad_at_targets_by_number(node: Any) -> Any:
    """The gradient ``g`` of ``log(softmax(x)[arange(n), y])`` is ``g (onehot(y) - softmax(x))``."""
    return _softmax_grad_at_targets(node, False)


RULES = (
    pick_of_log_softmax, pick_of_log_softmax_by_number, log_of_picked_softmax, log_of_picked_softmax_by_number,
    crossentropy_of_softmax, log_softmax_grad_at_targets, log_softmax_grad_at_targets_by_number,
    softmax_grad_at_targets, softmax_grad_at_targets_by_number, softmax_grad_of_crossentropy,
    one_gradient_for_all_rows, crossentropy_with_grad,
)  # fmt: skip
