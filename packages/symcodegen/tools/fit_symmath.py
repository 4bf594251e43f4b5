"""Minimax coefficients of the polynomials in ``symcodegen/runtime/symmath``; prints them as C literals.

Each polynomial is fitted by the second algorithm of Remez (E. Ya. Remez, 1934; see J.-M. Muller, "Elementary
Functions", chapter 3) in 50-digit arithmetic. On intervals that begin at 0, coefficients are then rounded to the
working precision one by one, lowest degree first, and those still free are fitted again, so that each rounding is made
good by the later ones. On intervals around 0 where that matters, the fit is one of least squares at Chebyshev points,
which can be repeated with some coefficients fixed.

    python tools/fit_symmath.py            # all fits
    python tools/fit_symmath.py exp_f32    # one
    python tools/fit_symmath.py tables     # residues of powers of two, for the trigonometric functions
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath as mp

mp.mp.dps = 50

Function = Callable[[mp.mpf], mp.mpf]


@dataclass(frozen=True)
class Fit:
    """Fit ``target`` by a polynomial of ``terms`` coefficients on [low, high]; ``weight`` scales the error.

    ``precision`` is "f32" or "f64": the format the coefficients are rounded to. ``squares``: least squares, not Remez.
    """

    target: Function
    weight: Function
    low: mp.mpf
    high: mp.mpf
    terms: int
    precision: str
    squares: bool = False


def rounded(value: mp.mpf, precision: str) -> mp.mpf:
    """The nearest float of that format."""
    if precision == "f64":
        return mp.mpf(float(value))
    return mp.mpf(struct.unpack("f", struct.pack("f", float(value)))[0])


def remez(fit: Fit, fixed: list[mp.mpf]) -> tuple[list[mp.mpf], mp.mpf]:
    """Coefficients after the ``fixed`` ones, and the largest weighted error."""
    free = fit.terms - len(fixed)
    skip = len(fixed)

    def goal(x: mp.mpf) -> mp.mpf:
        return fit.target(x) - mp.polyval(fixed[::-1], x) if fixed else fit.target(x)

    middle, half = (fit.low + fit.high) / 2, (fit.high - fit.low) / 2
    points = [middle - half * mp.cos(mp.pi * (i + mp.mpf("0.5")) / (free + 1)) for i in range(free + 1)]
    grid = [middle - half * mp.cos(mp.pi * (i + mp.mpf("0.5")) / 600) for i in range(600)]
    goals, weights = [goal(x) for x in grid], [fit.weight(x) for x in grid]
    solution: list[mp.mpf] = []
    worst = mp.mpf(0)
    for _ in range(12):
        rows = [[x ** (skip + j) for j in range(free)] + [(-1) ** i / fit.weight(x)] for i, x in enumerate(points)]
        solved = mp.lu_solve(mp.matrix(rows), mp.matrix([goal(x) for x in points]))
        solution, level = list(solved[:free]), abs(solved[free])
        coefficients = [mp.mpf(0)] * skip + solution
        errors = [(g - mp.polyval(coefficients[::-1], x)) * w for x, g, w in zip(grid, goals, weights, strict=True)]
        worst = max(abs(e) for e in errors)
        if worst < level * mp.mpf("1.01"):
            break
        points = exchange(grid, errors, free + 1)
    return solution, worst


def least_squares(fit: Fit, fixed: list[mp.mpf], points: int = 120) -> list[mp.mpf]:
    """Coefficients after the ``fixed`` ones, with the least sum of squares of weighted errors at Chebyshev points."""
    middle, half = (fit.low + fit.high) / 2, (fit.high - fit.low) / 2
    xs = [middle + half * mp.cos(mp.pi * (i + mp.mpf("0.5")) / points) for i in range(points)]
    weights = [fit.weight(x) for x in xs]
    free = range(len(fixed), fit.terms)
    rows = mp.matrix([[w * x**j for j in free] for x, w in zip(xs, weights, strict=True)])
    goals = [fit.target(x) - mp.polyval([*fixed[::-1], 0], x) / x for x in xs]
    rest = mp.matrix([w * g for w, g in zip(weights, goals, strict=True)])
    return list(mp.lu_solve(rows.T * rows, rows.T * rest))


def exchange(grid: list[mp.mpf], errors: list[mp.mpf], count: int) -> list[mp.mpf]:
    """The ``count`` alternating extrema of the error with the largest magnitudes."""
    extrema: list[tuple[mp.mpf, mp.mpf]] = []
    for x, e in zip(grid, errors, strict=True):
        if extrema and (e > 0) == (extrema[-1][1] > 0):
            if abs(e) > abs(extrema[-1][1]):
                extrema[-1] = (x, e)
        else:
            extrema.append((x, e))
    while len(extrema) > count:
        # Dropping an end keeps the signs alternating.
        extrema.pop(0 if abs(extrema[0][1]) < abs(extrema[-1][1]) else -1)
    if len(extrema) < count:
        raise ArithmeticError(f"{len(extrema)} alternations, {count} needed: the error is below the arithmetic's noise")
    return [x for x, _ in extrema]


def coefficients(fit: Fit) -> tuple[list[mp.mpf], mp.mpf]:
    """Rounded coefficients, lowest degree first, and the largest weighted error they leave."""
    fixed: list[mp.mpf] = []
    if fit.low < 0 and not fit.squares:
        # Powers without the constant all vanish at 0: inside the interval, they are no Haar system to fit again with.
        fixed = [rounded(value, fit.precision) for value in remez(fit, [])[0]]
    while len(fixed) < fit.terms:
        solution = least_squares(fit, fixed) if fit.squares else remez(fit, fixed)[0]
        fixed.append(rounded(solution[0], fit.precision))
    step = (fit.high - fit.low) / 2000
    samples = [fit.low + step * (i + mp.mpf("0.5")) for i in range(2000)]
    return fixed, max(abs((fit.target(x) - mp.polyval(fixed[::-1], x)) * fit.weight(x)) for x in samples)


def series(function: Function, order: int) -> Function:
    """``function`` near 0, where its closed form loses all digits: its Taylor polynomial."""
    terms = mp.taylor(function, 0, order)
    return lambda x: mp.polyval(terms[::-1], x)


def quotient(function: Function, leading: list[float], power: int, step: int = 1) -> Function:
    """``(f(x) - sum of leading terms) / x**power`` as a function of ``x**step``, accurate near 0."""
    with mp.workdps(80):
        terms = mp.taylor(function, 0, 80)
    for i, value in enumerate(leading):
        assert abs(terms[i] - value) < mp.mpf("1e-45"), (i, terms[i], value)
    kept = terms[power::step]
    return lambda x: mp.polyval(kept[::-1], x)


def log_ratio(z: mp.mpf) -> mp.mpf:
    """``(log((1+s)/(1-s)) - 2 s) / s**3`` for ``z = s*s``."""
    return (
        mp.nsum(lambda k: 2 * z**k / (2 * k + 3), [0, 60])
        if z > mp.mpf("1e-3")
        else mp.polyval([2 / mp.mpf(2 * k + 3) for k in range(30)][::-1], z)
    )


def atanh_rest(z: mp.mpf, begin: int) -> mp.mpf:
    """``atanh(s) / s`` without its terms below ``z**begin``, divided by that, for ``z = s*s``."""
    return mp.polyval([1 / mp.mpf(2 * (k + begin) + 1) for k in range(60)][::-1], z)


def erf_ratio(z: mp.mpf) -> mp.mpf:
    """``erf(x) / x - 1`` for ``z = x*x``."""
    return mp.erf(mp.sqrt(z)) / mp.sqrt(z) - 1 if z > mp.mpf("1e-20") else 2 / mp.sqrt(mp.pi) - 1


def scaled_erfc(x: mp.mpf) -> mp.mpf:
    """``x exp(x^2) erfc(x)``, which varies little."""
    with mp.workdps(60):
        return x * mp.exp(x * x) * mp.erfc(x)


def bessel_rest(order: int) -> Function:
    """``(f(z) - f(0)) / z`` for ``f`` = I0 and I1 / x, z = x^2 / 4: ``f(z)`` is 0F1(order + 1, z) / 2^order."""

    def target(z: mp.mpf) -> mp.mpf:
        if z == 0:
            return mp.mpf(1) / (order + 1) / 2**order
        with mp.workdps(70):
            return (mp.hyp0f1(order + 1, z) - 1) / z / 2**order

    return target


def stirling_rest(w: mp.mpf) -> mp.mpf:
    """``x`` times the rest of Stirling's formula, ``w = 1 / x**2``."""
    if w < mp.mpf("1e-12"):
        return mp.mpf(1) / 12 - w / 360
    x = 1 / mp.sqrt(w)
    with mp.workdps(70):
        return (mp.loggamma(x) - (x - mp.mpf(1) / 2) * mp.log(x) + x - mp.log(2 * mp.pi) / 2) * x


def tables() -> None:
    """Print 2^e (2/pi) modulo 4 as sums of floats: for float32 (e = -3 ... 104) and float64 (e = -32, -16, ... 960)."""
    with mp.workdps(420):
        for name, exponents, widths in (("f32", range(-3, 105), (29, 53)), ("f64", range(-32, 961, 16), (53,) * 4)):
            print(f"powers of two, times 2/pi, modulo 4: {name}")
            for exponent in exponents:
                rest = mp.fmod(mp.mpf(2) ** exponent * 2 / mp.pi, 4)
                parts = []
                for width in widths:
                    scale = mp.mpf(2) ** (width - 1 - mp.floor(mp.log(rest, 2)))
                    parts.append(mp.floor(rest * scale) / scale)
                    rest -= parts[-1]
                print("    " + ", ".join(float(part).hex() for part in parts) + ",")


HALF_LN2 = mp.log(2) / 2 * mp.mpf("1.0005")
S_MAX = ((mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)) ** 2 * mp.mpf("1.0005")
QUARTER_PI = mp.pi / 4 * mp.mpf("1.0005")


def fits() -> dict[str, Callable[[], Fit]]:
    """All fits by name, made when asked for."""
    table: dict[str, Callable[[], Fit]] = {}

    def add(name: str, make: Callable[[str, int], Fit], **terms: int) -> None:
        for precision, count in terms.items():
            table[f"{name}_{precision}"] = lambda p=precision, n=count: make(p, n)

    add(
        "exp",  # exp(r) = 1 + r + r^2 q(r)
        lambda p, n: Fit(
            quotient(mp.exp, [1, 1], 2), lambda r: r * r * mp.exp(-r) + mp.mpf("1e-12"), -HALF_LN2, HALF_LN2, n, p
        ),
        f32=5,
    )
    table["exp_f64"] = lambda: _squares(
        lambda r: (mp.expm1(r) - r) / r**2, lambda r: r * r * mp.exp(-r), HALF_LN2, 10, "f64"
    )
    add(
        "exp2",  # 2^r = 1 + r q(r)
        lambda p, n: Fit(
            quotient(lambda x: mp.power(2, x), [1], 1), lambda r: abs(r) * mp.power(2, -r) + mp.mpf("1e-12"),
            -mp.mpf("0.5005"), mp.mpf("0.5005"), n, p,
        ),
        f32=6,
        f64=12,
    )  # fmt: skip
    add("log", lambda p, n: Fit(log_ratio, lambda z: z + mp.mpf("1e-4"), mp.mpf(0), S_MAX, n, p), f32=4, f64=7)
    add(
        "tanh",  # tanh(x) = x + x^3 q(x^2), |x| <= 0.5625
        lambda p, n: Fit(
            quotient(mp.tanh, [0, 1], 3, 2), lambda z: z + mp.mpf("1e-3"), mp.mpf(0), mp.mpf("0.3169"), n, p
        ),
        f32=5,
        f64=12,
    )
    add(
        "sin",  # sin(r) = r + r^3 q(r^2)
        lambda p, n: Fit(quotient(mp.sin, [0, 1], 3, 2), lambda z: z + mp.mpf("1e-3"), mp.mpf(0), QUARTER_PI**2, n, p),
        f32=4,
        f64=7,
    )
    add(
        "cos",  # cos(r) = 1 - r^2/2 + r^4 q(r^2)
        lambda p, n: Fit(
            quotient(mp.cos, [1, 0, -0.5], 4, 2), lambda z: z * z + mp.mpf("1e-3"), mp.mpf(0), QUARTER_PI**2, n, p
        ),
        f32=4,
        f64=7,
    )
    add(
        "atan",  # atan(t) = t + t^3 q(t^2), |t| <= tan(pi/8)
        lambda p, n: Fit(
            quotient(mp.atan, [0, 1], 3, 2), lambda z: z + mp.mpf("1e-3"), mp.mpf(0), mp.mpf("0.17165"), n, p
        ),
        f32=5,
        f64=11,
    )
    add(
        "asin",  # asin(x) = x + x^3 q(x^2), |x| <= 1/2
        lambda p, n: Fit(
            quotient(mp.asin, [0, 1], 3, 2), lambda z: z + mp.mpf("1e-3"), mp.mpf(0), mp.mpf("0.2501"), n, p
        ),
        f32=5,
        f64=12,
    )
    table["logpair_f64"] = lambda: Fit(  # the rest of the logarithm after 2 s + (2/3) s^3, for pairs
        lambda z: 2 * atanh_rest(z, 2), lambda z: z * z + mp.mpf("1e-6"), mp.mpf(0), S_MAX, 8, "f64"
    )
    add(
        "erf",  # erf(x) = x + x q(x^2), |x| <= 0.866
        lambda p, n: Fit(erf_ratio, lambda z: mp.mpf(1), mp.mpf(0), mp.mpf("0.7505"), n, p),
        f64=12,
    )
    for precision, terms, shift, top in (("f32", 10, 2, mp.mpf("10.5")), ("f64", 23, 3, mp.mpf("28"))):
        # x exp(x^2) erfc(x) - 7/16, x >= 1/2, as a polynomial of t = (x - shift) / (x + shift): M. M. Shepherd and
        # J. G. Laframboise, Mathematics of Computation 36 (1981).
        table[f"erfc_{precision}"] = lambda p=precision, n=terms, k=shift, b=top: Fit(
            lambda t: scaled_erfc(k * (1 + t) / (1 - t)) - mp.mpf(7) / 16,
            lambda t: 1 / scaled_erfc(k * (1 + t) / (1 - t)),
            (mp.mpf("0.5") - k) / (mp.mpf("0.5") + k), (b - k) / (b + k), n, p,
        )  # fmt: skip
    for order in (0, 1):  # up to x = 6
        table[f"i{order}_f64"] = lambda k=order: Fit(
            bessel_rest(k), lambda z: (z + mp.mpf("1e-3")) * 2**k / mp.hyp0f1(k + 1, z), mp.mpf(0), mp.mpf(9), 13, "f64"
        )
    table["stirling_f64"] = lambda: Fit(  # from x = 5 on
        stirling_rest, lambda w: mp.sqrt(w) + mp.mpf("1e-4"), mp.mpf(0), 1 / mp.mpf(25), 8, "f64"
    )
    table["erf_f32"] = lambda: Fit(
        erf_ratio, lambda z: mp.sqrt(z) + mp.mpf("0.3"), mp.mpf(0), mp.mpf("0.97") ** 2, 6, "f32"
    )
    # The fourth root of erfc, where 1 - erf needs no more than absolute accuracy.
    table["erfroot_f32"] = lambda: Fit(
        lambda a: mp.root(mp.erfc(a), 4), lambda a: 4 * mp.erfc(a) ** 0.75, mp.mpf("0.97"), mp.mpf("3.93"), 9, "f32"
    )
    table |= _power_fits() | _root_fits()
    return table


def _squares(target: Function, weight: Function, high: mp.mpf, terms: int, precision: str, low: Any = None) -> Fit:
    """A fit of least squares, on an interval around 0 unless ``low`` is given."""
    return Fit(target, weight, -high if low is None else low, high, terms, precision, squares=True)


def _power_fits() -> dict[str, Callable[[], Fit]]:
    """pow: the logarithm as 2/ln 2 (s + s^3 (1/3 + ...)), in float64 three times that, 2^r; log2 and log10 in float32.

    The latter two were changed in their last places afterwards, by a search for the least error in float32.
    """
    table: dict[str, Callable[[], Fit]] = {
        "powlog_f32": lambda: Fit(
            lambda z: atanh_rest(z, 1), lambda z: z + mp.mpf("1e-4"), mp.mpf(0), S_MAX, 4, "f32"
        ),
        "powlog_f64": lambda: Fit(
            lambda z: 3 * atanh_rest(z, 2), lambda z: z * z + mp.mpf("1e-6"), mp.mpf(0), S_MAX, 7, "f64"
        ),
        "powexp_f64": lambda: _squares(
            lambda r: (mp.power(2, r) - 1) / r, lambda r: abs(r) * mp.power(2, -r), mp.mpf("0.504"), 11, "f64"
        ),
        # Without a fused multiply-add pow for float32 works in float64.
        "powlogwide": lambda: Fit(log_ratio, lambda z: z + mp.mpf("1e-4"), mp.mpf(0), S_MAX, 4, "f64"),
    }
    for base in (2, 10):  # log(1 + f) / f
        table[f"log{base}_f32"] = lambda b=base: Fit(
            lambda f: (mp.log1p(f) / f if abs(f) > mp.mpf("1e-15") else 1 - f / 2) / mp.log(b),
            lambda f: mp.log(b) * (f / mp.log1p(f) if abs(f) > mp.mpf("1e-15") else 1),
            mp.sqrt("0.5") - 1 - mp.mpf("1e-4"), mp.sqrt(2) - 1 + mp.mpf("1e-4"), 9, "f32",
        )  # fmt: skip
    return table


def _root_fits() -> dict[str, Callable[[], Fit]]:
    """asinh and atanh near 0 as x + x^3 q(x^2), and the powers -2/3 and -1/3 of 1 - r for the cube root."""

    def odd(function: Function) -> Function:
        return lambda z: (function(mp.sqrt(z)) / mp.sqrt(z) - 1) / z

    def power(exponent: mp.mpf) -> Function:
        return lambda r: (mp.power(1 - r, exponent) - 1) / r

    tiny, third = mp.mpf("1e-12"), mp.mpf(1) / 3
    return {
        "asinh_f32": lambda: _squares(odd(mp.asinh), lambda z: z, mp.mpf("0.285"), 5, "f32", tiny),
        "atanh_f32": lambda: _squares(odd(mp.atanh), lambda z: z, mp.mpf("0.2501"), 6, "f32", tiny),
        "cbrt_f32": lambda: _squares(power(-2 * third), abs, mp.mpf("0.1024"), 5, "f32"),
        "cbrt_f64": lambda: _squares(power(-third), abs, mp.mpf("0.1024"), 3, "f64"),
    }


def literal(value: mp.mpf, precision: str) -> str:
    """A C literal that reads back to exactly this value."""
    text = f"{float(value):.9g}" if precision == "f32" else f"{float(value):.17g}"
    if "." not in text and "e" not in text:
        text += ".0"
    return text + ("f" if precision == "f32" else "")


def main(names: list[str]) -> None:
    """Print the named fits, or all."""
    if "tables" in names:
        tables()
    for name, make in fits().items():
        if names and name not in names:
            continue
        fit = make()
        values, error = coefficients(fit)
        print(f"{name}: error 2^{float(mp.log(error, 2)):.2f}")
        for power, value in enumerate(values):
            print(f"    c{power} = {literal(value, fit.precision)}")


if __name__ == "__main__":
    main(sys.argv[1:])
