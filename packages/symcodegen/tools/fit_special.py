"""Coefficients of the polynomials in ``symcodegen/runtime/symmath/gamma.h`` and ``bessel.h``; prints them as C.

Interpolation at Chebyshev's nodes in 60-digit arithmetic (N. L. Trefethen, "Approximation Theory and Approximation
Practice", 2013), converted to powers of ``t``, which runs over ``[-h, h]``; the error is printed beside.

    python tools/fit_special.py            # all
    python tools/fit_special.py gammaln    # one
"""

from __future__ import annotations

import sys
from collections.abc import Callable

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


def _far(order: int) -> Function:
    def f(t: mp.mpf) -> mp.mpf:  # t = 16 / x - 1
        x = 16 / (t + 1)
        return mp.sqrt(x) * mp.exp(-x) * mp.besseli(order, x)

    return f


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


#: name -> (function of t, half of the interval, number of terms)
FITS: dict[str, tuple[Function, float, int]] = {
    "gammaln": (lambda t: _of_roots(t + mp.mpf("1.75")), 0.75, 27),
    "psi": (lambda t: _of_root(t + mp.mpf("1.75")), 0.75, 27),
    "gamma": (lambda t: mp.gamma(t + mp.mpf("1.5")), 0.5, 22),
    "sinpi": (lambda t: mp.sin(mp.pi * mp.sqrt(t + mp.mpf("0.125"))) / mp.sqrt(t + mp.mpf("0.125")), 0.125, 10),
    "i0_far": (_far(0), 1.0, 26),
    "i1_far": (_far(1), 1.0, 26),
    "j0_near": (_near_of(0), 1.0, 20),
    "j1_near": (_near_of(1), 1.0, 19),
    "j0_p": (_phase(0, False), 1.0, 14),
    "j0_q": (_phase(0, True), 1.0, 14),
    "j1_p": (_phase(1, False), 1.0, 14),
    "j1_q": (_phase(1, True), 1.0, 14),
}
#: Functions that have zeros: their error is that of the value.
ABSOLUTE = frozenset({"j0_near", "j1_near"})


def text(name: str) -> str:
    """The C function of one fit: even and odd powers apart, which halves the chain of operations."""
    f, half, terms = FITS[name]
    exact = chebyshev(f, half, terms)
    given = [mp.mpf(float(c)) for c in exact]
    points = [mp.mpf(half) * mp.cos(mp.pi * (k + mp.mpf("0.3")) / 97) for k in range(97)]
    errors = [(mp.polyval(given[::-1], t) - f(t)) / (1 if name in ABSOLUTE else f(t)) for t in points]
    error, kind = max(map(abs, errors)), "absolute" if name in ABSOLUTE else "relative"
    lines = [f"SYM_FN double sym_{name}_poly_f64(double t) {{", "  double s = t * t;"]
    for start, variable in ((0, "e"), (1, "o")):
        chain = [float(c) for c in exact[start::2]][::-1]
        lines.append(f"  double {variable} = {chain[0]!r};")
        lines += [f"  {variable} = SYM_FMA({variable}, s, {c!r});" for c in chain[1:]]
    lines += ["  return SYM_FMA(o, t, e);", "}"]
    return f"//@ {name}_poly: base\n/* {kind} error {mp.nstr(error, 2)} */\n" + "\n".join(lines) + "\n"


if __name__ == "__main__":
    for chosen in sys.argv[1:] or FITS:
        print(text(chosen))
