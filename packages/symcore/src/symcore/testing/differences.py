"""Derivatives by finite differences, precise enough to hold ``L_op`` and ``R_op`` to a relative error of 1e-6.

Central differences ``d(h) = (f(h) - f(-h)) / 2h`` with steps ``h, h/2, h/4, ...`` are extrapolated to ``h = 0`` as a
polynomial in ``h**2`` (L. F. Richardson, 1911; the table is that of Romberg, 1955). With four steps the error of
truncation is of order ``h**8``, so that ``h`` may be large enough to keep the error of rounding, about ``eps |f| / h``,
far below 1e-6.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

#: Step relative to the size of the point, and number of steps. Floats of 4 bytes leave no room for many.
PRECISE = (1e-2, 4)
COARSE = (1e-1, 2)


def derivative(fun: Callable[[float], Any], step: float, levels: int) -> tuple[Any, Any]:
    """Return the derivative at 0 of a function from a number to an array, and a bound of its rounding error.

    The function is called at ``step, -step, step / 2, ...``; it has to be defined and smooth there. Its values are
    taken to be right to a few units of float64 in their last place.
    """
    rows = []
    size: Any = 0.0
    for k in range(levels):
        h = step / 2**k
        up, down = np.asarray(fun(h), np.float64), np.asarray(fun(-h), np.float64)
        size = np.maximum(size, np.maximum(np.abs(up), np.abs(down)))
        rows.append((up - down) / (2 * h))
    for j in range(1, levels):
        rows = [(4**j * b - a) / (4**j - 1) for a, b in zip(rows, rows[1:], strict=False)]
    smallest = step / 2 ** (levels - 1)
    return rows[0], 16 * np.finfo(np.float64).eps * size / smallest


def relative_error(found: Any, wanted: Any, rounding: Any, tol: float) -> Any:
    """Return the errors of ``found`` relative to its size. What rounding hides counts as far as it exceeds ``tol``."""
    found, wanted = np.asarray(found, np.float64), np.asarray(wanted, np.float64)
    error = np.abs(found - wanted)
    scale = np.maximum(np.maximum(np.abs(found), np.abs(wanted)), np.maximum(rounding / tol, 1e-300))
    return np.where(error == 0, 0.0, error / scale)
