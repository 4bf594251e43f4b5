"""Reference values for symmath, in 40 digits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath as mp
import numpy as np

Array = np.ndarray[Any, Any]

mp.mp.dps = 40


def _exact(function: Callable[..., mp.mpf]) -> Callable[..., Array]:
    """The function in 40 digits, as pairs: nearest float64 and what is left of it."""

    def apply(*arguments: Array) -> Array:
        out = np.empty((2, arguments[0].size))
        for i, point in enumerate(zip(*(a.astype(np.float64) for a in arguments), strict=True)):
            try:
                value = function(*(mp.mpf(float(x)) for x in point))
            except (ValueError, ZeroDivisionError, OverflowError, TypeError):
                value = mp.nan
            if isinstance(value, mp.mpc):
                value = mp.nan
            out[0, i] = float(value)
            out[1, i] = float(value - mp.mpf(out[0, i])) if mp.isfinite(value) and np.isfinite(out[0, i]) else 0.0
        return out

    return apply


def _sigmoid(x: mp.mpf) -> mp.mpf:
    return 1 / (1 + mp.exp(-x))


def _softplus(x: mp.mpf) -> mp.mpf:
    return mp.log1p(mp.exp(x)) if x < 100 else x + mp.log1p(mp.exp(-x))


def _erfcinv(p: mp.mpf) -> mp.mpf:
    """By Halley's method on erfc; from the leading term of its expansion, or from the derivative at 1."""
    if not 0 < p < 2:
        return mp.inf if p == 0 else -mp.inf if p == 2 else mp.nan
    if p > 1:
        return -_erfcinv(2 - p)
    t = mp.sqrt(-2 * mp.log(p / 2))
    z = (1 - p) * mp.sqrt(mp.pi) / 2 if p > 0.5 else (t - mp.log(t) / t) / mp.sqrt(2)
    for _ in range(6):
        d = (mp.erfc(z) - p) * mp.sqrt(mp.pi) / 2 * mp.exp(z * z)
        z += d / (1 - z * d)
        if abs(d) < mp.mpf(10) ** -20:
            break
    return z


def _erfinv(x: mp.mpf) -> mp.mpf:
    return mp.erfinv(x) if abs(x) < 0.5 else (_erfcinv(1 - x) if x > 0 else -_erfcinv(1 + x))


EXACT: dict[str, Callable[..., Array]] = {
    name: _exact(function)
    for name, function in {
        "exp": mp.exp, "exp2": lambda x: mp.power(2, x), "expm1": mp.expm1, "log": mp.log,
        "log2": lambda x: mp.log(x, 2), "log10": mp.log10, "log1p": mp.log1p, "tanh": mp.tanh, "sinh": mp.sinh,
        "cosh": mp.cosh, "sigmoid": _sigmoid, "softplus": _softplus, "log_sigmoid": lambda x: -_softplus(-x),
        "pow": mp.power, "sin": mp.sin, "cos": mp.cos, "tan": mp.tan, "erf": mp.erf, "erfc": mp.erfc,
        "arcsin": mp.asin, "arccos": mp.acos, "arctan": mp.atan, "arctan2": mp.atan2, "arcsinh": mp.asinh,
        "arccosh": mp.acosh, "arctanh": mp.atanh, "gamma": mp.gamma, "gammaln": mp.loggamma,
        "psi": mp.digamma, "tri_gamma": lambda x: mp.psi(1, x), "erfcx": lambda x: mp.exp(x * x) * mp.erfc(x),
        "erfinv": _erfinv, "erfcinv": _erfcinv, "normal_quantile": lambda p: -mp.sqrt(2) * _erfcinv(2 * p),
        "i0": lambda x: mp.besseli(0, x), "i1": lambda x: mp.besseli(1, x),
        "cbrt": lambda x: mp.sign(x) * mp.cbrt(abs(x)),
    }.items()
}  # fmt: skip
"""By function name: arguments -> (2, n) array of float64, whose column sums are the values in 30 digits."""
