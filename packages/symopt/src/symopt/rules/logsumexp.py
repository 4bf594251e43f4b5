"""A logarithm of a sum of exponentials becomes one Op, before its parts are spread over elementwise loops."""

from typing import Any

from symcore.tensor import scalar_functions as sf
from symcore.tensor.log_sum_exp import LogSumExp
from symcore.tensor.reduce import Reduce
from symcore.tensor.shapes import DimShuffle
from symopt.match import fn_of, is_number
from symopt.rule import graph_rewrite


@graph_rewrite(phase="fuse")
def fuse_logsumexp(fgraph: Any) -> int:
    """``log(sum(exp(x - m), axis)) + m -> LogSumExp{axis}(x)`` with ``m = max(x, axis)``, or 0 where that is infinite;
    not if the sum or its terms are needed for anything else."""
    made = 0
    for node in fgraph.toposort():
        if node not in fgraph or node.outputs[0].owner is not node or fn_of(node.outputs[0]) is not sf.add:
            continue
        if len(node.inputs) != 2:
            continue
        for power, shift in (node.inputs, node.inputs[::-1]):
            op, x = _parts(power, shift, fgraph)
            if op is not None and LogSumExp(op.axis).make_node(x).outputs[0].type == node.outputs[0].type:
                fgraph.replace_all([(node.outputs[0], LogSumExp(op.axis)(x))], "rule 'fuse-logsumexp'")
                made += 1
                break
    return made


def _parts(logarithm: Any, shift: Any, fgraph: Any) -> tuple[Any, Any]:
    """Return the sum and x if ``logarithm`` is ``log(sum(exp(x - shift)))`` and ``shift`` the largest of x, else
    ``(None, None)``."""
    x = _shifted(shift)
    if x is None or fn_of(logarithm) is not sf.log:
        return None, None
    total = logarithm.owner.inputs[0]
    if not _is_sum(total) or fn_of(total.owner.inputs[0]) is not sf.exp:
        return None, None
    power = total.owner.inputs[0]
    difference, op = power.owner.inputs[0], total.owner.op
    alone = all(len(fgraph.clients[v]) == 1 for v in (logarithm, total, power, difference))
    if not alone or fn_of(difference) is not sf.sub or difference.owner.inputs[0] is not x:
        return None, None
    largest = shift.owner.inputs[2].owner
    if largest.op.axis != op.axis or not _kept(difference.owner.inputs[1], shift, op.axis):
        return None, None
    # The largest of no elements is an error, but their supremum is not.
    if largest.op.fn == "maximum" and not all(x.type.shape[a] for a in op.axis):
        return None, None
    return op, x


def _is_sum(v: Any) -> bool:
    op = v.owner.op if v.owner is not None else None
    return type(op) is Reduce and op.fn == "add" and op.acc_dtype == "float64" and bool(op.axis)


def _shifted(shift: Any) -> Any:
    """Return x if ``shift`` is ``switch(isinf(max(x)), 0, max(x))``, else ``None``."""
    if fn_of(shift) is not sf.switch:
        return None
    test, zero, largest = shift.owner.inputs
    if fn_of(test) is not sf.isinf or test.owner.inputs[0] is not largest or not is_number(zero, 0):
        return None
    op = largest.owner and largest.owner.op
    return largest.owner.inputs[0] if type(op) is Reduce and op.fn in ("maximum", "supremum") else None


def _kept(v: Any, shift: Any, axis: tuple[int, ...]) -> bool:
    """Tell whether ``v`` is ``shift`` with the reduced axes put back; leading ones may be left to broadcasting."""
    order = tuple(range(shift.type.ndim))
    if v is not shift:
        if v.owner is None or type(v.owner.op) is not DimShuffle or v.owner.inputs[0] is not shift:
            return False
        order = v.owner.op.order
    left, ndim = iter(range(shift.type.ndim)), shift.type.ndim + len(axis)
    return (-1,) * (ndim - len(order)) + order == tuple(-1 if a in axis else next(left) for a in range(ndim))
