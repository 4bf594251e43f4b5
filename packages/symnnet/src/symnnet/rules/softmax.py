"""Rules on softmaxes: recognised where they are written out, stable under a logarithm, gone under ``argmax``."""

from typing import Any

from symcore.tensor import scalar_functions as sf
from symcore.tensor.reduce import Argmax, Reduce
from symcore.tensor.shapes import DimShuffle
from symnnet.rules.match import PHASES, fits, made_by, quotient
from symnnet.softmax import LogSoftmax, LogSoftmaxGrad, Softmax, SoftmaxGrad
from symopt.match import fn_of, op_of
from symopt.rule import rewrite


def _kept_reduction(variable: Any, fn: str, after: Any = None) -> tuple[Any, int] | None:
    """Return ``(x, axis)`` if ``variable`` reduces ``x`` with ``fn`` along one axis and keeps that with length 1.

    ``after``: a scalar function that must stand between the two.
    """
    if not made_by(DimShuffle, variable):
        return None
    reduced = variable.owner.inputs[0]
    if after is not None:
        if fn_of(reduced) is not after:
            return None
        reduced = reduced.owner.inputs[0]
    op = op_of(reduced)
    if not isinstance(op, Reduce) or op.fn != fn or len(op.axis) != 1:
        return None
    x, axis = reduced.owner.inputs[0], op.axis[0]
    ndim, rest = x.type.ndim, iter(range(x.type.ndim - 1))
    kept = tuple(-1 if a == axis else next(rest) for a in range(ndim))
    return (x, axis) if variable.owner.op.order == kept else None


@rewrite(sf.log, phase=PHASES, tags={"more_accurate"})
def log_of_softmax(node: Any) -> Any:
    """``log(softmax(x)) -> log_softmax(x)``: never takes the logarithm of an underflowed 0."""
    p = node.inputs[0]
    return LogSoftmax(p.owner.op.axis)(p.owner.inputs[0]) if made_by(Softmax, p) else None


@rewrite(sf.true_div, sf.mul, phase=PHASES, tags={"more_accurate", "nan_changing"})
def softmax_written_out(node: Any) -> Any:
    """``exp(x) / exp(x).sum(axis, keepdims=True) -> softmax(x)``: cannot overflow."""
    if len(node.inputs) != 2:
        return None
    pairs = [node.inputs]
    if node.op.fn is sf.mul:
        pairs = [(a, b.owner.inputs[0]) for a, b in (node.inputs, node.inputs[::-1]) if fn_of(b) is sf.reciprocal]
    for e, total in pairs:
        found = _kept_reduction(total, "add")
        if found is None or found[0] is not e or fn_of(e) is not sf.exp:
            continue
        x = e.owner.inputs[0]
        if x.type.dtype is node.outputs[0].type.dtype and x.type.dtype.kind == "f":
            return Softmax(found[1])(x)
    return None


@rewrite(sf.sub, phase=PHASES, tags={"more_accurate", "nan_changing"})
def log_softmax_written_out(node: Any) -> Any:
    """``x - log(exp(x).sum(axis, keepdims=True)) -> log_softmax(x)``: cannot overflow."""
    x, norm = node.inputs
    if fn_of(norm) is sf.log:  # log(keep(sum))
        found = _kept_reduction(norm.owner.inputs[0], "add")
    else:  # keep(log(sum))
        found = _kept_reduction(norm, "add", sf.log)
    if found is None or fn_of(found[0]) is not sf.exp or found[0].owner.inputs[0] is not x:
        return None
    if x.type.dtype is not node.outputs[0].type.dtype or x.type.dtype.kind != "f":
        return None
    new = LogSoftmax(found[1])(x)
    return new if fits(new, node.outputs[0]) else None


@rewrite(Softmax, LogSoftmax, phase=PHASES)
def softmax_of_shifted(node: Any) -> Any:
    """``softmax(x - x.max(axis, keepdims=True)) -> softmax(x)``, which shifts by itself; and ``log_softmax``."""
    shifted = node.inputs[0]
    if fn_of(shifted) is not sf.sub:
        return None
    x, top = shifted.owner.inputs
    found = _kept_reduction(top, "maximum")
    if found is None or found[0] is not x or found[1] != node.op.axis % x.type.ndim:
        return None
    new = node.op(x)
    return new if fits(new, node.outputs[0]) else None


@rewrite(Argmax, phase=PHASES, tags={"more_accurate", "nan_changing"})
def argmax_of_softmax(node: Any) -> Any:
    """``argmax(softmax(x)) -> argmax(x)`` along the axis of the softmax, the same for ``log_softmax``.

    It sees differences that rounding has made equal in the softmax. With NaN it gives the position of the first one,
    where the softmax has spread it over the row and 0 would come out.
    """
    p = node.inputs[0]
    if not (made_by(Softmax, p) or made_by(LogSoftmax, p)):
        return None
    x = p.owner.inputs[0]
    if node.op.axis != (p.owner.op.axis % x.type.ndim,):
        return None
    new = node.op(x)
    return new if fits(new, node.outputs[0]) else None


@rewrite(SoftmaxGrad, phase=PHASES, tags={"more_accurate"})
def softmax_grad_of_quotient(node: Any) -> Any:
    """``y * (g / y - sum(g / y * y)) -> g - y * sum(g)`` for ``y = softmax(x)``: the gradient of ``log(softmax(x))``.

    Right where ``y`` is 0 and ``g / y`` infinite.
    """
    slope, y = node.inputs
    if not made_by(Softmax, y) or y.owner.op.axis != node.op.axis:
        return None
    g = quotient(slope, lambda p: p is y)
    if g is None or g.type.ndim != y.type.ndim or g.type.dtype is not y.type.dtype:
        return None
    if g.type.broadcastable != y.type.broadcastable:
        return None
    new = LogSoftmaxGrad(node.op.axis)(g, LogSoftmax(node.op.axis)(y.owner.inputs[0]))
    return new if fits(new, node.outputs[0]) else None


RULES = (
    log_of_softmax, softmax_written_out, log_softmax_written_out, softmax_of_shifted, argmax_of_softmax,
    softmax_grad_of_quotient,
)  # fmt: skip
