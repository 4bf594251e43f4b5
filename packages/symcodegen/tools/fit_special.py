"""Coefficients of the polynomials in ``symcodegen/runtime/symmath``: ``gamma.h``, ``bessel.h``, ``bessel_first.h`` and
``quantile.h``; prints them as C.

Interpolation at Chebyshev's nodes in 60-digit arithmetic (N. L. Trefethen, "Approximation Theory and Approximation
Practice", 2013), converted to powers of ``t``, which runs over ``[-h, h]``; the error is printed beside.

    python tools/fit_special.py            # all
    python tools/fit_special.py gammaln    # one
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from typing import NamedTuple

import mpmath as mp

mp.mp.dps = 60

Function = Callable[[mp.mpf], mp.mpf]
#: The root of psi on the positive axis.
ROOT = mp.findroot(mp.digamma, mp.mpf("1.4616321449683623"))


def chebyshev(f: Function, half: float, terms: int) -> list[mp.mpf]:
    """Coefficients in powers of t, lowest first, of the interpolant of ``f`` on ``[-half, half]``."""
    nodes = [mp.cos(mp.pi * (k + mp.mpf(1) / 2) / terms) for k in range(terms)]
    values = [f(half * x) for x in nodes]
    series = [
        (2 if j else 1) * sum(v * mp.cos(j * mp.acos(x)) for v, x in zip(values, nodes, strict=True)) / terms
        for j in range(terms)
    ]
    powers = [mp.mpf(0)] * terms
    before, now = [mp.mpf(1)], [mp.mpf(0), mp.mpf(1)]
    for c in series:
        for k, a in enumerate(before):
            powers[k] += c * a
        following = [mp.mpf(0), *(2 * a for a in now)]
        for k, a in enumerate(before):
            following[k] -= a
        before, now = now, following
    return [c / mp.mpf(half) ** k for k, c in enumerate(powers)]


def _of_root(y: mp.mpf) -> mp.mpf:
    return mp.digamma(y) / (y - ROOT)


def _of_roots(y: mp.mpf) -> mp.mpf:
    return mp.loggamma(y) / ((y - 1) * (y - 2))


def _far(order: int, size: float) -> Function:
    """What is left of sqrt(x) exp(-x) I(x), for x from 6 on, without its ``size``."""

    def f(t: mp.mpf) -> mp.mpf:  # t = 12 / x - 1
        x = 12 / (t + 1)
        return mp.sqrt(x) * mp.exp(-x) * mp.besseli(order, x) / size - 1

    return f


def _sine(z: mp.mpf) -> mp.mpf:
    """(sin(pi v) / v - pi) / z, z = v^2."""
    v = mp.sqrt(z)
    return (mp.sin(mp.pi * v) / v - mp.pi) / z


def _cosine(z: mp.mpf) -> mp.mpf:
    return (mp.cos(mp.pi * mp.sqrt(z)) - 1) / z


def _tri_gamma(z: mp.mpf) -> mp.mpf:
    """What follows 1 / x + 1 / (2 x^2), of 1 / x^3, z = 1 / x."""
    return (mp.psi(1, 1 / z) - z - z * z / 2) / z**3


def _erfinv(w: mp.mpf) -> mp.mpf:
    """erfinv(x) / x, w = -log(1 - x^2); by Newton's method on erfc, where x is near 1."""
    x = mp.sqrt(-mp.expm1(-w))
    rest = mp.exp(-w) / (1 + x)
    if rest > 0.3:
        return mp.erfinv(x) / x
    t = mp.sqrt(-2 * mp.log(rest / 2))
    y = (t - mp.log(t) / t) / mp.sqrt(2)
    for _ in range(9):
        d = (mp.erfc(y) - rest) * mp.sqrt(mp.pi) / 2 * mp.exp(y * y)
        y += d / (1 - y * d)
    return y / x


def _erfinv_less(s: mp.mpf) -> mp.mpf:
    return _erfinv(s * s) - s


def _near_of(order: int) -> Function:
    def f(t: mp.mpf) -> mp.mpf:  # t = x^2 / 32 - 1, for x from 0 to 8; of J1 the quotient by x
        x = mp.sqrt(32 * (t + 1))
        return mp.besselj(order, x) / x**order

    return f


def _phase(order: int, sine: bool) -> Function:
    """Hankel's functions: J(x) = sqrt(2 / (pi x)) (P cos w - Q sin w), w = x - order pi / 2 - pi / 4."""

    def f(t: mp.mpf) -> mp.mpf:  # 64 / x^2 = (t + 1) / 2; of Q the product with x / 8
        x = 8 / mp.sqrt((t + 1) / 2)
        w = x - order * mp.pi / 2 - mp.pi / 4
        j, y, size = mp.besselj(order, x), mp.bessely(order, x), mp.sqrt(mp.pi * x / 2)
        return size * (y * mp.cos(w) - j * mp.sin(w)) * x / 8 if sine else size * (j * mp.cos(w) + y * mp.sin(w))

    return f


class Fit(NamedTuple):
    """A function of t on ``[-half, half]``. The first ``lead`` coefficients are those of a plain Horner scheme, which
    keeps small what the others round; those after them are taken in turn for even and odd powers, which halves the
    chain of operations.
    """

    function: Function
    half: float
    terms: int
    lead: int = 0


#: Where gammaln without its roots is nearly a float32, so that the first coefficient is not rounded.
NEAR, MIDDLE = mp.mpf("1.37500095367431640625"), mp.mpf("4.1249065399169921875")
FITS: dict[str, Fit] = {
    "gammaln": Fit(lambda t: _of_roots(t + mp.mpf("1.75")), 0.75, 27, 1),
    "gammaln_near_f32": Fit(lambda t: _of_roots(t + NEAR), 0.8752, 15, 1),
    "gammaln_middle_f32": Fit(lambda t: mp.loggamma(t + MIDDLE) / (t + MIDDLE - 2), 1.8752, 12, 1),
    "psi": Fit(lambda t: _of_root(t + mp.mpf("1.75")), 0.75, 27),
    "gamma": Fit(lambda t: mp.gamma(t + mp.mpf("1.5")) - mp.mpf(0.886226925452758), 0.5, 22),
    "tri_gamma": Fit(lambda t: _tri_gamma((t + 1) / 2), 1.0, 27),
    "sinpi": Fit(lambda t: _sine(t + mp.mpf("0.03125")), 0.03125, 6, 1),
    "cospi": Fit(lambda t: _cosine(t + mp.mpf("0.03125")), 0.03125, 7, 1),
    "i0_far": Fit(_far(0, 0.40234375), 1.0, 28),
    "i1_far": Fit(_far(1, 0.3896484375), 1.0, 28),
    "j0_near": Fit(_near_of(0), 1.0, 20),
    "j1_near": Fit(_near_of(1), 1.0, 19),
    "j0_p": Fit(_phase(0, False), 1.0, 14),
    "j0_q": Fit(_phase(0, True), 1.0, 14),
    "j1_p": Fit(_phase(1, False), 1.0, 14),
    "j1_q": Fit(_phase(1, True), 1.0, 14),
    "erfinv_small": Fit(lambda t: _erfinv(t + mp.mpf("3.125")) - 1, 3.125, 24, 2),
    "erfinv_middle": Fit(lambda t: _erfinv_less(t + 3), 0.5, 17, 2),
    "erfinv_far": Fit(lambda t: _erfinv_less(t + mp.mpf("4.8125")), 1.3125, 23, 2),
    "erfinv_end": Fit(lambda t: _erfinv_less(t + mp.mpf("16.75")), 10.75, 33, 2),
    "erfinv_small_f32": Fit(lambda t: _erfinv(t + mp.mpf("3.125")) - 1, 3.125, 11, 2),
    "erfinv_middle_f32": Fit(lambda t: _erfinv_less(t + mp.mpf("3.3125")), 0.8125, 9, 2),
    "erfinv_end_f32": Fit(lambda t: _erfinv_less(t + mp.mpf("7.25")), 3.25, 11, 2),
}
#: Functions that have zeros, or are added to something larger: their error is that of the value.
ABSOLUTE = frozenset(
    {"j0_near", "j1_near", "gamma", "i0_far", "i1_far", *(name for name in FITS if name.startswith("erfinv"))}
)


def rounded(value: mp.mpf, single: bool) -> float:
    """The nearest float32 or float64."""
    return float(struct.unpack("f", struct.pack("f", float(value)))[0]) if single else float(value)


def literal(value: float, single: bool) -> str:
    """A C literal that reads back to exactly this value."""
    if not single:
        return repr(value)
    text = f"{value:.9g}"
    return f"{text}f" if "." in text or "e" in text else f"{text}.0f"


def text(name: str) -> str:
    """The C function of one fit."""
    fit, single = FITS[name], name.endswith("_f32")
    exact = chebyshev(fit.function, fit.half, fit.terms)
    given = [rounded(c, single) for c in exact]
    points = [mp.mpf(fit.half) * mp.cos(mp.pi * (k + mp.mpf("0.3")) / 97) for k in range(97)]
    values = [fit.function(t) for t in points]
    scale = [mp.mpf(1) if name in ABSOLUTE else v for v in values]
    error = max(abs((mp.polyval(given[::-1], t) - v) / s) for t, v, s in zip(points, values, scale, strict=True))
    kind, number, fma = ("float", "f32", "SYM_FMAF") if single else ("double", "f64", "SYM_FMA")
    measure, name = "absolute" if name in ABSOLUTE else "relative", name.removesuffix("_f32")
    lines = [f"SYM_FN {kind} sym_{name}_poly_{number}({kind} t) {{", f"  {kind} s = t * t;"]
    for start, variable in ((0, "e"), (1, "o")):
        chain = [literal(c, single) for c in given[fit.lead :][start::2]][::-1]
        lines.append(f"  {kind} {variable} = {chain[0]};")
        lines += [f"  {variable} = {fma}({variable}, s, {c});" for c in chain[1:]]
    result = f"{fma}(o, t, e)"
    for c in given[: fit.lead][::-1]:
        result = f"{fma}({result}, t, {literal(c, single)})"
    lines += [f"  return {result};", "}"]
    mark = f"//@ {name}_poly{'_f32' if single else ''}: base"
    note = f"/* {measure} error {mp.nstr(error, 2)} */"
    return "\n".join([mark, note, *lines]) + "\n"


if __name__ == "__main__":
    for chosen in sys.argv[1:] or FITS:
        print(text(chosen))
