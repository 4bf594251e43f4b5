"""Checking gradients against finite differences: ``verify_grad`` and ``numeric_grad``.

The numeric derivative is the central difference with one step of Richardson extrapolation (L. F. Richardson, 1911):
``D = (4 d(h/2) - d(h)) / 3`` with ``d(h) = (f(x + h) - f(x - h)) / 2h``, whose error is of order ``h**4``.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symcore.errors import GradientError
from symcore.gradient.grad import grad
from symcore.graph.variable import Variable
from symcore.tensor.constant import constant
from symcore.tensor.type import TensorType

#: dtype -> (step relative to the size of the point, absolute tolerance, relative tolerance).
SETTINGS = {
    "float64": (2e-3, 1e-6, 1e-6),
    "float32": (5e-2, 1e-2, 1e-2),
    "float16": (2e-1, 1e-1, 1e-1),
}


def numeric_grad(fun: Callable[..., Any], pt: Any, eps: float | None = None) -> Any:
    """Return the derivatives of a function of arrays, by finite differences.

    Parameters
    ----------
    fun
        Takes arrays, returns a number.
    pt
        An array, or a list of arrays: where to differentiate. Not changed.
    eps
        The step, relative to ``max(1, |x|)``; by default one that suits the least precise dtype of ``pt``. The function
        must be defined and smooth that far from the point.

    Returns
    -------
    One array of the shape of each point, in float64.
    """
    points = [np.array(p, order="C") for p in (pt if isinstance(pt, (list, tuple)) else [pt])]
    step = _setting(points)[0] if eps is None else eps
    result = []
    for point in points:
        slopes = np.zeros(point.shape, dtype=np.float64)
        for index in np.ndindex(*point.shape):
            slopes[index] = _slope(fun, points, point, index, step)
        result.append(slopes)
    return result if isinstance(pt, (list, tuple)) else result[0]


def _slope(fun: Callable[..., Any], points: Sequence[Any], point: Any, index: tuple[int, ...], step: float) -> float:
    before = point[index]
    width = step * max(1.0, abs(float(before)))

    def central(h: float) -> float:
        values, places = [], []
        for side in (h, -h):
            point[index] = before + point.dtype.type(side)
            places.append(float(point[index]))  # what was really added, after rounding
            values.append(float(fun(*points)))
        point[index] = before
        return (values[0] - values[1]) / (places[0] - places[1])

    return (4.0 * central(width / 2) - central(width)) / 3.0


def _setting(points: Sequence[Any]) -> tuple[float, float, float]:
    names = {p.dtype.name for p in points}
    for name in ("float16", "float32"):
        if name in names:
            return SETTINGS[name]
    return SETTINGS["float64"]


def verify_grad(
    fun: Callable[..., Any],
    pt: Sequence[Any],
    n_tests: int = 2,
    rng: np.random.Generator | None = None,
    eps: float | None = None,
    out_type: str | None = None,
    abs_tol: float | None = None,
    rel_tol: float | None = None,
    mode: Any = None,
    cast_to_output_type: bool = False,
) -> None:
    """Check the symbolic gradient of a function against finite differences.

    Parameters
    ----------
    fun
        Takes symbolic tensors, returns one (or an Op, or a list of outputs).
    pt
        List of float arrays: the point to check at. The function must be smooth there.
    n_tests
        How often to check, each time with another random projection of the output to a number.
    rng
        Source of the projections; by default a fixed seed, so that a check gives the same answer every time.
    eps
        Step of the finite differences; see ``numeric_grad``.
    out_type
        dtype of the output, if it is less precise than the inputs: the tolerances are then those of that dtype.
    abs_tol, rel_tol
        Allowed error: an element fails when both its absolute and its relative error are larger.
    mode
        Mode to compile with; by default the reference interpreter computes everything.
    cast_to_output_type
        Cast the random projection to the dtype of the output instead of projecting in float64.

    Raises
    ------
    GradientError
        Naming the input, the element, both values and the errors.
    TypeError
        When a point is no float array.
    """
    points = [np.asarray(p) for p in pt]
    for position, p in enumerate(points):
        if p.dtype.name not in SETTINGS:
            raise TypeError(
                f"verify_grad differentiates with respect to float16, float32 and float64 arrays; input "
                f"{position} is {p.dtype}. Wrap the function so that it takes the floats alone."
            )
    rng = np.random.default_rng(234) if rng is None else rng
    settings = _setting([*points, np.zeros(0, out_type)] if out_type else points)
    variables = [
        TensorType(p.dtype, [1 if n == 1 else None for n in p.shape])(f"input {k}") for k, p in enumerate(points)
    ]
    outputs = fun(*variables)
    outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    for _ in range(n_tests):
        cost = _projected(outputs, variables, points, rng, mode, cast_to_output_type)
        grads = grad(cost, variables, disconnected_inputs="ignore")
        values = dict(zip(variables, points, strict=True))
        symbolic = [_compute(g, values, mode) for g in grads]

        def value(*arrays: Any, cost: Any = cost) -> Any:
            return _compute(cost, dict(zip(variables, arrays, strict=True)), mode)

        numeric = numeric_grad(value, points, settings[0] if eps is None else eps)
        for k, (s, n) in enumerate(zip(symbolic, numeric, strict=True)):
            compare_grads(
                s,
                n,
                settings[1] if abs_tol is None else abs_tol,
                settings[2] if rel_tol is None else rel_tol,
                f"input {k}",
            )


def _projected(outputs: Sequence[Any], variables: Any, points: Any, rng: Any, mode: Any, cast: bool) -> Any:
    """Return the scalar ``sum(output * random weights)`` over all outputs. The weights stay away from zero."""
    total: Any = None
    for y in outputs:
        if not isinstance(y, Variable) or y.type.dtype.kind != "f":
            raise TypeError(f"verify_grad needs float outputs, got {y}.")
        shape = np.shape(_compute(y, dict(zip(variables, points, strict=True)), mode))
        weights = rng.uniform(0.5, 1.5, shape) * rng.choice([-1.0, 1.0], shape)
        term = (y * constant(weights, dtype=y.type.dtype if cast else "float64")).sum()
        total = term if total is None else total + term
    return total


def _compute(variable: Any, values: dict[Any, Any], mode: Any) -> Any:
    if mode is None:
        from symcore.interpreter import evaluate

        return evaluate(variable, values)
    return variable.eval(values, mode=mode)  # which ignores points that the variable does not need


def compare_grads(symbolic: Any, numeric: Any, abs_tol: float, rel_tol: float, what: str) -> None:
    """Raise ``GradientError`` where two gradients differ by more than both tolerances, naming the worst element."""
    symbolic, numeric = np.asarray(symbolic, np.float64), np.asarray(numeric, np.float64)
    if symbolic.shape != numeric.shape:
        raise GradientError(f"the gradient of {what} has shape {symbolic.shape}, the input has shape {numeric.shape}.")
    if not symbolic.size:
        return
    absolute = np.abs(symbolic - numeric)
    relative = absolute / np.maximum(np.maximum(np.abs(symbolic), np.abs(numeric)), 1e-300)
    worse = np.minimum(absolute / abs_tol, relative / rel_tol)
    worse = np.where(np.isfinite(worse), worse, np.inf)
    worst = np.unravel_index(int(worse.argmax()), worse.shape)
    if worse[worst] > 1:
        raise GradientError(
            f"the gradient of {what} at element {tuple(map(int, worst))} is {symbolic[worst]:.9g}, finite differences "
            f"give {numeric[worst]:.9g}: absolute error {absolute[worst]:.3g} (allowed {abs_tol:g}), relative error "
            f"{relative[worst]:.3g} (allowed {rel_tol:g})."
        )
