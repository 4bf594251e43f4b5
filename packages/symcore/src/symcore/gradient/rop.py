"""``Rop``: forward-mode differentiation, by the ``R_op`` of every node; and the general way to get an ``R_op``."""

from collections.abc import Sequence
from typing import Any

from symcore.errors import DisconnectedInputError, NullTypeGradError
from symcore.gradient.grad import check_variables, grad
from symcore.graph import trace
from symcore.graph.clone import as_variable_like, clone_graph
from symcore.graph.null import DisconnectedType, NullType
from symcore.graph.traverse import toposort
from symcore.op import r_op_fallback


def Rop(
    f: Any, wrt: Any, eval_points: Any, disconnected_outputs: str = "raise", return_disconnected: str = "zero"
) -> Any:
    """Return the Jacobian of ``f`` with respect to ``wrt``, times ``eval_points``: a matrix times a column vector.

    Raises ``ValueError`` when an evaluation point does not have the rank of its variable,
    ``DisconnectedInputError`` when an output depends on none of ``wrt`` (unless ``disconnected_outputs="ignore"``: then
    ``return_disconnected`` says what stands for its result, ``zero``, ``none`` or ``disconnected``),
    and ``NullTypeGradError`` when an output depends on one of them in a way whose derivative is unknown.
    """
    outputs = list(f) if isinstance(f, (list, tuple)) else [f]
    targets = list(wrt) if isinstance(wrt, (list, tuple)) else [wrt]
    points = list(eval_points) if isinstance(eval_points, (list, tuple)) else [eval_points]
    if len(targets) != len(points):
        raise ValueError(
            f"Rop needs one evaluation point per variable: {len(targets)} variables, {len(points)} points."
        )
    check_variables("Rop() differentiates", outputs)
    check_variables("Rop() differentiates with respect to", targets)
    tangents: dict[Any, Any] = {}
    for x, point in zip(targets, points, strict=True):
        v = as_variable_like(point, x, strict=False)
        if x.type.ndim != v.type.ndim:
            raise ValueError(f"the evaluation point of {x} ({x.type}) has another rank: {v.type}.")
        tangents[x] = v
    for node in toposort(outputs, tangents):
        incoming = [tangents.get(v) for v in node.inputs]
        if all(t is None for t in incoming):
            continue
        unknown = next((t for t in incoming if t is not None and isinstance(t.type, NullType)), None)
        if unknown is not None:
            tangents.update((y, unknown) for y in node.outputs)
            continue
        with trace.inherit(node.trace):
            for y, t in zip(node.outputs, node.op.R_op(node.inputs, node.outputs, incoming), strict=True):
                if t is not None and not isinstance(t.type, DisconnectedType):
                    tangents[y] = t
    results = [_result(y, tangents.get(y), disconnected_outputs, return_disconnected) for y in outputs]
    return type(f)(results) if isinstance(f, (list, tuple)) else results[0]


def _result(y: Any, tangent: Any, disconnected_outputs: str, return_disconnected: str) -> Any:
    if tangent is not None:
        if isinstance(tangent.type, NullType):
            raise NullTypeGradError(f"the derivative of {y} does not exist: {tangent.type.why_null}")
        return tangent
    if disconnected_outputs == "raise":
        raise DisconnectedInputError(f"{y} does not depend on any of the variables given to Rop.")
    return None if return_disconnected.lower() == "none" else y.zeros_like()


def R_op_from_L_op(op: Any, inputs: Sequence[Any], outputs: Sequence[Any], tangents: Sequence[Any]) -> list[Any]:
    """Return Jacobian-vector products from vector-Jacobian products, twice.

    ``u -> L_op(u)`` is linear, with the transposed Jacobian; its own vector-Jacobian product with ``tangents`` is the
    Jacobian times ``tangents``, whatever ``u`` is.
    """
    seeds = [y.type() if _is_float(y) else None for y in outputs]
    if all(s is None for s in seeds):
        return [None] * len(outputs)
    filled = [y.zeros_like(dtype="floatX") if s is None else s for s, y in zip(seeds, outputs, strict=True)]
    terms = op.L_op(list(inputs), list(outputs), filled)
    total = None
    for term, tangent in zip(terms, tangents, strict=True):
        if term is None or tangent is None or isinstance(term.type, DisconnectedType):
            continue
        if isinstance(term.type, NullType):
            return [term] * len(outputs)
        product = (term * tangent).sum()
        total = product if total is None else total + product
    if total is None:
        return [None] * len(outputs)
    used = [s for s in seeds if s is not None]
    results = grad(total, used, disconnected_inputs="ignore", return_disconnected="none")
    replaced = {s: y.zeros_like() for s, y in zip(seeds, outputs, strict=True) if s is not None}
    found = iter(clone_graph([s if r is None else r for r, s in zip(results, used, strict=True)], dict(replaced)))
    return [None if s is None else next(found) for s in seeds]


def _is_float(y: Any) -> bool:
    return hasattr(y.type, "dtype") and y.type.dtype.kind in "fc"


r_op_fallback.compute = R_op_from_L_op
