"""Special functions, entered into the table of scalar functions. SciPy computes them, imported at their first use.

Derivatives: Abramowitz and Stegun, "Handbook of Mathematical Functions" (1964), 6.3-6.5 (gamma), 7.1-7.2 (erf), 9.1 and
9.6 (Bessel). Derivatives with respect to the order of a function that has one (``jv``, ``iv``, ``polygamma``,
``gammainc``, ``gammaincc``) are not implemented, and asking for one raises ``NullTypeGradError``.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symcore.extras import scipy_module
from symcore.graph.null import NullType
from symcore.tensor.constant import as_tensors
from symcore.tensor.dtypes import upcast, upgrade_to_float
from symcore.tensor.elemwise import DType, ScalarFn, is_constant
from symcore.tensor.scalar_functions import cos, eq, exp, log, mul, scalar, sqr, switch

_SQRT_PI = float(np.sqrt(np.pi))


def _real_float(ins: Sequence[DType]) -> tuple[DType, DType]:
    d = upgrade_to_float(upcast(*ins))
    if d.kind == "c":
        raise TypeError(f"special functions take real numbers, got {d}. Take T.real or T.abs first.")
    return d, d


def _special(name: str, *partials: Callable[..., Any] | None, nin: int = 1, **options: Any) -> ScalarFn:
    """Enter ``scipy.special.<name>`` into the table."""

    def compute(*arrays: Any) -> Any:
        return getattr(scipy_module("special", f"T.{name}"), name)(*arrays)

    return scalar(name, compute, *partials, nin=nin, rule=_real_float, **options)


def _unknown_slope(name: str, order: Any) -> Any:
    return NullType(
        f"the derivative of {name} with respect to its order ({order}) is not implemented. Make the order a "
        "constant, an integer, or disconnected_grad(order)."
    )()


def _with_order(name: str, slope: Callable[[Any, Any], Any]) -> ScalarFn:
    """Enter a function of an order and a number; ``slope`` is its derivative by the number."""

    def pullback(inputs: Sequence[Any], y: Any, g: Any) -> list[Any]:
        order, x = inputs
        moves = order.type.dtype.kind == "f" and not is_constant(order)
        return [_unknown_slope(name, order) if moves else None, g * slope(order, x)]

    return _special(name, nin=2, pullback=pullback)


# ---------------------------------------------------------------------- error functions

erf = _special("erf", lambda x, y: 2 / _SQRT_PI * exp(-sqr(x)))
erfc = _special("erfc", lambda x, y: -2 / _SQRT_PI * exp(-sqr(x)))
erfcx = _special("erfcx", lambda x, y: 2 * x * y - 2 / _SQRT_PI)
erfinv = _special("erfinv", lambda x, y: _SQRT_PI / 2 * exp(sqr(y)), singular=True)
erfcinv = _special("erfcinv", lambda x, y: -_SQRT_PI / 2 * exp(sqr(y)), singular=True)

# ---------------------------------------------------------------------- gamma and its kin

gamma: ScalarFn = _special("gamma", lambda x, y: y * psi(x), singular=True)
gammaln: ScalarFn = _special("gammaln", lambda x, y: psi(x), singular=True)
psi: ScalarFn = _special("psi", lambda x, y: tri_gamma(x), singular=True)
polygamma: ScalarFn = _with_order("polygamma", lambda n, x: polygamma(n + 1, x))
gammainc: ScalarFn = _with_order("gammainc", lambda k, x: exp((k - 1) * log(x) - x - gammaln(k)))
gammaincc: ScalarFn = _with_order("gammaincc", lambda k, x: -exp((k - 1) * log(x) - x - gammaln(k)))


def _tri_gamma(x: Any) -> Any:
    return scipy_module("special", "T.tri_gamma").polygamma(1, x)


tri_gamma: ScalarFn = scalar("tri_gamma", _tri_gamma, lambda x, y: polygamma(2, x), rule=_real_float, singular=True)
digamma = psi

# ---------------------------------------------------------------------- Bessel functions

jv: ScalarFn = _with_order("jv", lambda v, x: (jv(v - 1, x) - jv(v + 1, x)) / 2)
iv: ScalarFn = _with_order("iv", lambda v, x: (iv(v - 1, x) + iv(v + 1, x)) / 2)
j0: ScalarFn = _special("j0", lambda x, y: -j1(x))
j1: ScalarFn = _special("j1", lambda x, y: (j0(x) - jv(2, x)) / 2)
i0: ScalarFn = _special("i0", lambda x, y: i1(x))
i1: ScalarFn = _special("i1", lambda x, y: (i0(x) + iv(2, x)) / 2)

# ---------------------------------------------------------------------- entropies and others, in NumPy alone


def _xlogy0(x: Any, y: Any) -> Any:
    return np.where(x == 0, 0, x * np.log(np.where(x == 0, 1, y))).astype(x.dtype, copy=False)


def _sinc(x: Any) -> Any:
    return np.sinc(x).astype(x.dtype, copy=False)


def _sinc_slope(x: Any, y: Any) -> Any:
    at_zero = eq(x, 0)
    return switch(at_zero, 0, (cos(mul(x, float(np.pi))) - y) / switch(at_zero, 1, x))


xlogx = scalar(
    "xlogx",
    lambda x: _xlogy0(x, x),
    lambda x, y: 1 + log(x),
    rule=_real_float,
    singular=True,
)
xlogy0 = scalar(
    "xlogy0",
    _xlogy0,
    lambda x, y, z: log(y),
    lambda x, y, z: switch(eq(x, 0), 0, x / y),
    nin=2,
    rule=_real_float,
    singular=True,
)
sinc = scalar("sinc", _sinc, _sinc_slope, rule=_real_float)


def chi2sf(x: Any, k: Any) -> Any:
    """Return the probability that a chi-squared variable with ``k`` degrees of freedom is larger than ``x``."""
    x, k = as_tensors([x, k])
    return gammaincc(k / 2, x / 2)


def gammal(k: Any, x: Any) -> Any:
    """Return the lower incomplete gamma function up to ``x``, not divided by ``gamma(k)``; see ``gammainc``."""
    return gammainc(k, x) * gamma(k)


def gammau(k: Any, x: Any) -> Any:
    """Return the upper incomplete gamma function from ``x``, not divided by ``gamma(k)``; see ``gammaincc``."""
    return gammaincc(k, x) * gamma(k)
