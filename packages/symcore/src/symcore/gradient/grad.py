"""``grad`` and ``Lop``: reverse-mode differentiation, by the ``L_op`` of the nodes between cost and variables."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from symcore.errors import DisconnectedInputError, NullTypeGradError
from symcore.gradient.choices import Sums
from symcore.graph import trace
from symcore.graph.clone import as_variable_like
from symcore.graph.collector import full_collections_wait
from symcore.graph.null import DisconnectedType, NullType, disconnected
from symcore.graph.traverse import toposort
from symcore.graph.variable import Apply, Variable
from symcore.op import Op

Grads = dict[Variable[Any], Any]


def grad(
    cost: Any,
    wrt: Any,
    consider_constant: Sequence[Any] | None = None,
    disconnected_inputs: str = "raise",
    add_names: bool = True,
    known_grads: Mapping[Any, Any] | None = None,
    return_disconnected: str = "zero",
    null_gradients: str = "raise",
) -> Any:
    """Return the gradient of ``cost`` with respect to ``wrt``.

    Parameters
    ----------
    cost
        A scalar of a float dtype; ``None`` if ``known_grads`` says where to start.
    wrt
        A variable, or a list or tuple of them (then the result is one too).
    consider_constant
        Variables behind which the gradient does not look.
    disconnected_inputs
        What a variable that the cost does not depend on does: ``raise``, ``warn`` or ``ignore``.
    add_names
        Name the gradients ``(dcost/dx)``, where cost and variable have names.
    known_grads
        ``{variable: its gradient}``: known from elsewhere, taken as they are.
    return_disconnected
        What stands for the gradient of such a variable: ``zero``, ``none`` or ``disconnected``.
    null_gradients
        What a gradient that is undefined or not implemented does: ``raise`` or ``return``.

    Raises
    ------
    TypeError
        When the cost is not a scalar, or not a float.
    DisconnectedInputError, NullTypeGradError
        See ``disconnected_inputs`` and ``null_gradients``.
    """
    targets = list(wrt) if isinstance(wrt, (list, tuple)) else [wrt]
    check_variables("grad() differentiates with respect to", targets)
    if known_grads is not None and not isinstance(known_grads, Mapping):
        raise TypeError(f"known_grads is a dictionary {{variable: its gradient}}, got {known_grads!r}.")
    if isinstance(consider_constant, Variable):
        consider_constant = [consider_constant]
    sources: Grads = {v: as_variable_like(g, v, strict=False) for v, g in (known_grads or {}).items()}
    for variable, known in sources.items():
        if known.type.ndim != variable.type.ndim:
            raise TypeError(f"the known gradient of {variable} has type {known.type}, the variable {variable.type}.")
    if cost is not None:
        _check_cost(cost)
        sources.setdefault(cost, cost.ones_like())
    elif not sources:
        raise ValueError("grad() without a cost needs known_grads.")
    fixed = set(known_grads or ())
    with full_collections_wait:
        grads = _backward(sources, fixed, targets, set(consider_constant or ()))
    results = []
    for target in targets:  # a loop, so that a warning finds the caller at the same depth in all versions of Python
        results.append(_finish(target, grads, cost, disconnected_inputs, return_disconnected, null_gradients))
    if add_names and cost is not None and cost.name:
        _name(cost, targets, results)
    return type(wrt)(results) if isinstance(wrt, (list, tuple)) else results[0]


def _name(cost: Any, targets: Sequence[Any], results: Sequence[Any]) -> None:
    for target, result in zip(targets, results, strict=True):
        if target.name and result is not None and result.name is None:
            result.name = f"(d{cost.name}/d{target.name})"


def Lop(f: Any, wrt: Any, eval_points: Any, consider_constant: Any = None, disconnected_inputs: str = "raise") -> Any:
    """Return ``eval_points`` times the Jacobian of ``f`` with respect to ``wrt``: a row vector times a matrix.

    ``f`` and ``eval_points``: a tensor each, or lists of them, of the same shapes. The result has the shapes of
    ``wrt``. ``consider_constant`` and ``disconnected_inputs`` as in ``grad``, and its errors; ``ValueError`` where
    the numbers of outputs and evaluation points differ.
    """
    outputs = list(f) if isinstance(f, (list, tuple)) else [f]
    points = list(eval_points) if isinstance(eval_points, (list, tuple)) else [eval_points]
    if len(outputs) != len(points):
        raise ValueError(f"Lop needs one evaluation point per output: {len(outputs)} outputs, {len(points)} points.")
    known: Grads = {}
    check_variables("Lop() differentiates", outputs)
    for y, v in zip(outputs, points, strict=True):
        # An output may lead to another one, or be what is differentiated by. What is known of a variable is all that
        # flows into it, so each output ends in a variable of its own.
        end = y.copy() if hasattr(y, "copy") else y
        known[end] = as_variable_like(v, y, strict=False)
    return grad(None, wrt, consider_constant, disconnected_inputs, known_grads=known)


def check_variables(does: str, given: Sequence[Any]) -> None:
    """Raise ``TypeError`` for what is no variable; ``does`` says what is done with variables."""
    for v in given:
        if not isinstance(v, Variable):
            raise TypeError(f"{does} variables, got {v!r} ({type(v).__name__}).")


def _check_cost(cost: Any) -> None:
    if not isinstance(cost, Variable):
        raise TypeError(f"the cost must be a symbolic scalar, got {cost!r} ({type(cost).__name__}).")
    ndim = getattr(cost.type, "ndim", None)
    if isinstance(cost.type, NullType):
        raise NullTypeGradError(f"the cost itself has no value: {cost.type.why_null}")
    if ndim != 0:
        raise TypeError(f"the cost must be a scalar, got {cost} of type {cost.type}. Sum it or take its mean first.")
    if cost.type.dtype.kind not in "fc":
        raise TypeError(f"the cost must be a float, got {cost} of type {cost.type}; integers have no gradient.")


def _connected(order: Iterable[Apply], targets: Iterable[Variable[Any]]) -> set[Variable[Any]]:
    """Return the variables that depend differentiably on a target."""
    reached = set(targets)
    for node in order:
        if reached.isdisjoint(node.inputs):
            continue
        if getattr(node.op.connection_pattern, "__func__", None) is Op.connection_pattern:  # all of all
            reached.update(node.outputs)
            continue
        pattern = node.op.connection_pattern(node)
        for k, output in enumerate(node.outputs):
            if any(v in reached and pattern[i][k] for i, v in enumerate(node.inputs)):
                reached.add(output)
    return reached


def _backward(sources: Grads, fixed: set[Any], targets: Sequence[Any], constants: set[Any]) -> Sums:
    """Accumulate gradients from ``sources`` back to ``targets``. What has ``None``: connected, gradient 0."""
    order = toposort(list(sources), constants)
    reached = _connected(order, targets)
    constants = constants.difference(targets)  # not looked behind (the order ends there), but asked for
    wanted = reached.difference(fixed, constants)
    sums = Sums({v: g for v, g in sources.items() if v in reached})
    for node in reversed(order):
        if not any(v in reached and v not in fixed for v in node.inputs):
            continue
        if not any(y in sums for y in node.outputs):
            continue
        place, incoming = sums.incoming(node)
        terms = _terms(node, incoming, reached)
        for x, term, where in zip(node.inputs, terms, sums.places(node, place), strict=True):
            if x in wanted and not isinstance(getattr(term, "type", None), DisconnectedType):
                sums.add(x, term, where)
    return sums


def _terms(node: Apply, incoming: Sequence[Any], reached: set[Variable[Any]]) -> Sequence[Any]:
    """Return the gradient terms that a node gives its inputs."""
    for g in incoming:
        if g is not None and isinstance(g.type, NullType):
            return [g] * len(node.inputs)
    if all(g is None for g in incoming):
        return [None] * len(node.inputs)
    if all(map(_discrete, node.outputs)) and all(_discrete(x) for x in node.inputs if x in reached):
        # From integers to integers all is flat, and the L_op need not know how to write a float into integers.
        return [_zeros(x) if x in reached else None for x in node.inputs]
    with trace.inherit(node.trace):
        filled = [_zeros(y) if g is None else _cast_like(g, y) for g, y in zip(incoming, node.outputs, strict=True)]
        terms = node.op.L_op(list(node.inputs), list(node.outputs), filled)
        if len(terms) != len(node.inputs):
            raise ValueError(f"{node.op}.L_op returned {len(terms)} gradients for {len(node.inputs)} inputs.")
        return [
            _checked(node, i, x, t) if x in reached else None
            for i, (x, t) in enumerate(zip(node.inputs, terms, strict=True))
        ]


def _discrete(y: Any) -> bool:
    return getattr(getattr(y.type, "dtype", None), "kind", "f") in "biu"


def _cast_like(g: Any, y: Any) -> Any:
    """A gradient has the dtype of what it belongs to, so that float32 graphs stay float32."""
    if hasattr(y.type, "dtype") and y.type.dtype.kind in "fc" and g.type.dtype != y.type.dtype:
        return g.astype(y.type.dtype)
    return g


def _zeros(y: Any) -> Any:
    if not hasattr(y, "zeros_like"):
        return disconnected()
    return y.zeros_like() if y.type.dtype.kind in "fc" else y.zeros_like(dtype="floatX")


def _checked(node: Apply, position: int, x: Any, term: Any) -> Any:
    if term is None or isinstance(term.type, (DisconnectedType, NullType)):
        return term
    if hasattr(x.type, "ndim") and getattr(term.type, "ndim", None) != x.type.ndim:
        raise ValueError(
            f"{node.op}.L_op returned a gradient of type {term.type} for its input {position}, "
            f"which is of type {x.type}."
        )
    return _cast_like(term, x)


def _finish(
    target: Any, grads: Sums, cost: Any, disconnected_inputs: str, return_disconnected: str, null_gradients: str
) -> Any:
    """Return the gradient of one target, or what stands for one that does not exist."""
    if target not in grads:
        _complain(target, cost, disconnected_inputs)
        return _of_disconnected(target, return_disconnected)
    result = grads.total(target)
    if result is None:
        return _zeros(target)
    if isinstance(result.type, NullType) and null_gradients == "raise":
        raise NullTypeGradError(f"the gradient with respect to {target} does not exist: {result.type.why_null}")
    return result


def _complain(target: Any, cost: Any, disconnected_inputs: str) -> None:
    what = "the cost" if cost is None else f"the cost {cost}"
    message = f"{what} does not depend on {target} (or only through integers or shapes)."
    if disconnected_inputs == "raise":
        computed = ""
        if target.owner is not None:
            computed = (
                f" {target} is itself computed from other variables: the cost must be made with this very variable; "
                "the same expression written again is another one."
            )
        raise DisconnectedInputError(
            f"{message}{computed} Pass disconnected_inputs='ignore' if its gradient is meant to be zero."
        )
    if disconnected_inputs == "warn":
        warnings.warn(message, stacklevel=trace.users_level())
    elif disconnected_inputs != "ignore":
        raise ValueError(f"disconnected_inputs is 'raise', 'warn' or 'ignore', got {disconnected_inputs!r}.")


def _of_disconnected(target: Any, return_disconnected: str) -> Any:
    wanted = return_disconnected.lower()
    if wanted == "zero":
        return _zeros(target)
    if wanted == "none":
        return None
    if wanted == "disconnected":
        return disconnected()
    raise ValueError(f"return_disconnected is 'zero', 'none' or 'disconnected', got {return_disconnected!r}.")
