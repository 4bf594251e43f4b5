"""``jacobian`` and ``hessian``: matrices of derivatives; the gradient of one element, for all elements at once."""

from collections.abc import Sequence
from typing import Any

from symcore.gradient.grad import Lop, grad
from symcore.graph.test_values import paused
from symcore.graph.variable import Variable
from symcore.tensor.creation import eye
from symcore.tensor.functions import flatten
from symcore.tensor.shapes import Reshape, shape_i
from symcore.vectorize.dispatch import with_batch
from symcore.vectorize.graph import vectorize_graph


def jacobian(
    expression: Any, wrt: Any, consider_constant: Sequence[Any] | None = None, disconnected_inputs: str = "raise"
) -> Any:
    """Return the derivatives of every element of ``expression`` with respect to every element of ``wrt``.

    Parameters
    ----------
    expression
        A float tensor of any rank.
    wrt
        A variable, or a list or tuple of them (then the result is one too).
    consider_constant, disconnected_inputs
        As for ``grad``.

    Returns
    -------
    Per variable a tensor of shape ``expression.shape + wrt.shape``. The gradient of one element is built and vectorised
    over the elements (see ``vectorize_graph``): no loop, and everything that the rows have in common is computed once.

    Raises
    ------
    TypeError
        When ``expression`` is no float tensor.
    """
    if not isinstance(expression, Variable) or not hasattr(expression.type, "dtype"):
        raise TypeError(f"jacobian() differentiates a tensor, got {expression!r}.")
    if expression.type.dtype.kind != "f":
        raise TypeError(f"jacobian() differentiates floats, got {expression} of type {expression.type}.")
    targets = list(wrt) if isinstance(wrt, (list, tuple)) else [wrt]
    if expression.type.ndim == 0:
        return grad(expression, wrt, consider_constant, disconnected_inputs)
    flat = flatten(expression)
    length = shape_i(flat, 0)
    units = eye(length, dtype=expression.type.dtype)
    row = flat.type()
    with paused():  # the row has no test value
        grads = Lop(flat, targets, row, consider_constant, disconnected_inputs)
        stacked = [
            y if y.type.ndim > g.type.ndim else with_batch(y, length)
            for g, y in zip(grads, vectorize_graph(grads, {row: units}), strict=True)
        ]
    lengths = [shape_i(expression, i) for i in range(expression.type.ndim)]
    results = [_unflatten(y, lengths, x) for y, x in zip(stacked, targets, strict=True)]
    return type(wrt)(results) if isinstance(wrt, (list, tuple)) else results[0]


def _unflatten(rows: Any, lengths: Sequence[Any], x: Any) -> Any:
    """Give the axis of rows the shape of the expression again."""
    if len(lengths) == 1:
        return rows
    own = [shape_i(x, i) for i in range(x.type.ndim)]
    return Reshape(len(lengths) + len(own))(rows, *lengths, *own)


def hessian(
    cost: Any, wrt: Any, consider_constant: Sequence[Any] | None = None, disconnected_inputs: str = "raise"
) -> Any:
    """Return the second derivatives of a scalar ``cost`` with respect to every element of ``wrt``.

    The result has shape ``wrt.shape + wrt.shape``; for a list of variables a list of them, without mixed derivatives.
    ``consider_constant`` and ``disconnected_inputs`` as in ``grad``. Raises ``TypeError`` when the cost is no float
    scalar.
    """
    targets = list(wrt) if isinstance(wrt, (list, tuple)) else [wrt]
    grads = grad(cost, targets, consider_constant, disconnected_inputs)
    results = [jacobian(g, x, consider_constant, "ignore") for g, x in zip(grads, targets, strict=True)]
    return type(wrt)(results) if isinstance(wrt, (list, tuple)) else results[0]
