# ruff: noqa: S307 - the expressions are those of the table below
"""``mathematics``: nanoseconds per element and largest error of elementwise functions, beside four libraries.

One process and one thread; contenders take turns in short blocks, and the least time counts. A figure is the
difference between arrays of 240 and of 24 kilobytes, which fit the second-level cache: what a call costs before its
loop is not in it.
Errors are in units in the last place of the result, on the same arguments for everybody, against 40 digits.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np

from benchmarks.process import CACHE, ROOT, child_environment, peers_python

Array = np.ndarray[Any, Any]
CONTENDERS = ("symstack", "numpy", "scipy", "torch", "jax")
DTYPES = ("float32", "float64")
SMALL, LARGE = 24_000, 240_000  # bytes
BLOCK_S, ROUNDS = 1.0e-3, 25
SAMPLES = 300


@dataclass(frozen=True)
class Function:
    """One row of the table.

    ``timed``: from normal deviates to the arguments of the timing. ``intervals``: (low, high, how) for float32 and for
    float64, ``how`` one of "" (uniform) and "log"; both signs where ``low`` is negative and ``how`` is "log".
    The other fields are expressions over the arguments ``x`` (and ``y``), one for each library that has the function.
    """

    symstack: str
    exact: str
    float32: tuple[tuple[float, float, str], ...]
    float64: tuple[tuple[float, float, str], ...]
    numpy: str = ""
    scipy: str = ""
    torch: str = ""
    jax: str = ""
    timed: str = "z"

    @property
    def arity(self) -> int:
        """How many arguments there are."""
        return 1 + bool(re.search(r"\by\b", self.symstack))


def _everywhere(low: float, high: float) -> tuple[tuple[float, float, str], ...]:
    """Uniform over an interval, uniform around 0, and magnitudes down to the smallest."""
    tiny = (-1e-30, -1.0, "log") if low < 0 else (1e-30, 1.0, "log")
    return (low, high, ""), (max(low, -3.0), min(high, 3.0), ""), tiny


def _same(*intervals: tuple[float, float, str]) -> dict[str, Any]:
    return {"float32": intervals, "float64": intervals}


def _plain(name: str, f32: tuple[float, float], f64: tuple[float, float], torch: str = "", **more: Any) -> Function:
    given = {"numpy": f"np.{name}(x, out=o)", "torch": f"torch.{torch or name}(x, out=o)", "jax": f"jnp.{name}(x)"}
    given |= {"symstack": f"T.{name}(x)", "exact": f"mp.{torch or name}(x)"} | more
    return Function(**given, float32=_everywhere(*f32), float64=_everywhere(*f64))


_UNIT = _same((-0.999, 0.999, ""), (-1e-30, -1.0, "log"), (0.49, 0.51, ""))
_POSITIVE = {"float32": ((1e-44, 3e38, "log"), (0.3, 3.0, ""), (0.999, 1.001, "")),
             "float64": ((5e-324, 1e308, "log"), (0.3, 3.0, ""), (0.999, 1.001, ""))}  # fmt: skip
_ANGLES = {"float32": ((-10.0, 10.0, ""), (-1e5, 1e5, ""), (1e-30, 1e38, "log")),
           "float64": ((-10.0, 10.0, ""), (-1e5, 1e5, ""), (1e-30, 1e300, "log"))}  # fmt: skip
_GAMMA = _same((1e-30, 1.0, "log"), (0.01, 10.0, ""), (1.4, 1.5, ""), (0.9, 2.1, ""), (10.0, 1e10, "log"))
_MAGNITUDE = "abs(z)"

FUNCTIONS: dict[str, Function] = {
    "exp": _plain("exp", (-103, 88), (-745, 709)),
    "exp2": _plain("exp2", (-149, 127), (-1074, 1023), exact="mp.power(2, x)"),
    "expm1": _plain("expm1", (-20, 88), (-40, 709)),
    "log": Function("T.log(x)", "mp.log(x)", **_POSITIVE, numpy="np.log(x, out=o)", torch="torch.log(x, out=o)",
                    jax="jnp.log(x)", timed=_MAGNITUDE),
    "log2": Function("T.log2(x)", "mp.log(x, 2)", **_POSITIVE, numpy="np.log2(x, out=o)", torch="torch.log2(x, out=o)",
                     jax="jnp.log2(x)", timed=_MAGNITUDE),
    "log10": Function("T.log10(x)", "mp.log10(x)", **_POSITIVE, numpy="np.log10(x, out=o)",
                      torch="torch.log10(x, out=o)", jax="jnp.log10(x)", timed=_MAGNITUDE),
    "log1p": Function("T.log1p(x)", "mp.log1p(x)",
                      **_same((-0.999, 3.0, ""), (-1e-30, -0.9, "log"), (1.0, 1e30, "log")),
                      numpy="np.log1p(x, out=o)", torch="torch.log1p(x, out=o)", jax="jnp.log1p(x)", timed=_MAGNITUDE),
    "tanh": _plain("tanh", (-10, 10), (-22, 22)),
    "sinh": _plain("sinh", (-89, 89), (-709, 709)),
    "cosh": _plain("cosh", (-89, 89), (-709, 709)),
    "sigmoid": Function("T.sigmoid(x)", "1 / (1 + mp.exp(-x))", _everywhere(-87, 40), _everywhere(-708, 50),
                        scipy="special.expit(x, out=o)", torch="torch.sigmoid(x, out=o)", jax="jax.nn.sigmoid(x)"),
    "softplus": Function("T.softplus(x)", "mp.log1p(mp.exp(x))", _everywhere(-87, 100), _everywhere(-708, 800),
                         numpy="np.logaddexp(x, zero, out=o)", torch="torch.nn.functional.softplus(x)",
                         jax="jax.nn.softplus(x)"),
    "pow": Function("x ** y", "mp.power(x, y)", ((0.01, 30.0, ""), (0.9, 1.1, "")), ((0.01, 30.0, ""), (0.9, 1.1, "")),
                    numpy="np.power(x, y, out=o)", torch="torch.pow(x, y, out=o)", jax="jnp.power(x, y)",
                    timed=_MAGNITUDE),
    "sqrt": Function("T.sqrt(x)", "mp.sqrt(x)", **_POSITIVE, numpy="np.sqrt(x, out=o)", torch="torch.sqrt(x, out=o)",
                     jax="jnp.sqrt(x)", timed=_MAGNITUDE),
    "rsqrt": Function("1 / T.sqrt(x)", "1 / mp.sqrt(x)", ((1e-37, 1e37, "log"),), ((1e-300, 1e300, "log"),),
                      torch="torch.rsqrt(x, out=o)", jax="jax.lax.rsqrt(x)", timed=_MAGNITUDE),
    "cbrt": Function("T.cbrt(x)", "mp.cbrt(x) if x > 0 else -mp.cbrt(-x)", _everywhere(-1e3, 1e3),
                     _everywhere(-1e3, 1e3), numpy="np.cbrt(x, out=o)", jax="jnp.cbrt(x)"),
    "sin": Function("T.sin(x)", "mp.sin(x)", **_ANGLES, numpy="np.sin(x, out=o)", torch="torch.sin(x, out=o)",
                    jax="jnp.sin(x)"),
    "cos": Function("T.cos(x)", "mp.cos(x)", **_ANGLES, numpy="np.cos(x, out=o)", torch="torch.cos(x, out=o)",
                    jax="jnp.cos(x)"),
    "tan": Function("T.tan(x)", "mp.tan(x)", **_ANGLES, numpy="np.tan(x, out=o)", torch="torch.tan(x, out=o)",
                    jax="jnp.tan(x)"),
    "asin": Function("T.arcsin(x)", "mp.asin(x)", **_UNIT, numpy="np.arcsin(x, out=o)", torch="torch.asin(x, out=o)",
                     jax="jnp.arcsin(x)", timed="np.tanh(z)"),
    "acos": Function("T.arccos(x)", "mp.acos(x)", **_UNIT, numpy="np.arccos(x, out=o)", torch="torch.acos(x, out=o)",
                     jax="jnp.arccos(x)", timed="np.tanh(z)"),
    "atan": _plain("arctan", (-30, 30), (-30, 30), "atan"),
    "asinh": _plain("arcsinh", (-1e6, 1e6), (-1e6, 1e6), "asinh"),
    "acosh": Function("T.arccosh(x)", "mp.acosh(x)", **_same((1.0, 3.0, ""), (1.0, 1e30, "log"), (1.0, 1.01, "")),
                      numpy="np.arccosh(x, out=o)", torch="torch.acosh(x, out=o)", jax="jnp.arccosh(x)",
                      timed="1 + abs(z)"),
    "atanh": Function("T.arctanh(x)", "mp.atanh(x)", **_UNIT, numpy="np.arctanh(x, out=o)",
                      torch="torch.atanh(x, out=o)", jax="jnp.arctanh(x)", timed="np.tanh(z)"),
    "erf": Function("T.erf(x)", "mp.erf(x)", _everywhere(-4, 4), _everywhere(-6, 6), scipy="special.erf(x, out=o)",
                    torch="torch.erf(x, out=o)", jax="jax.scipy.special.erf(x)"),
    "erfc": Function("T.erfc(x)", "mp.erfc(x)", _everywhere(-4, 9), _everywhere(-6, 26), scipy="special.erfc(x, out=o)",
                     torch="torch.erfc(x, out=o)", jax="jax.scipy.special.erfc(x)"),
    "erfinv": Function("T.erfinv(x)", "mp.erfinv(x)", **_UNIT, scipy="special.erfinv(x, out=o)",
                       torch="torch.erfinv(x, out=o)", jax="jax.scipy.special.erfinv(x)", timed="np.tanh(z)"),
    "gammaln": Function("T.gammaln(x)", "mp.loggamma(x)", **_GAMMA, scipy="special.gammaln(x, out=o)",
                        torch="torch.lgamma(x, out=o)", jax="jax.scipy.special.gammaln(x)", timed="5 * abs(z)"),
    "digamma": Function("T.psi(x)", "mp.digamma(x)", **_GAMMA, scipy="special.psi(x, out=o)",
                        torch="torch.digamma(x, out=o)", jax="jax.scipy.special.digamma(x)", timed="5 * abs(z)"),
}  # fmt: skip


# ---------------------------------------------------------------------- the contenders


def contender(library: str, f: Function, dtype: str) -> Callable[[Sequence[Array]], Callable[[], Any]] | None:
    """From arrays to a call without arguments that computes the function on them; None: the library lacks it."""
    text = getattr(f, library)
    if not text:
        return None
    return {"symstack": _symstack, "torch": _torch, "jax": _jax}.get(library, _numpy)(text, f, dtype)


def _names(f: Function) -> str:
    return "xy"[: f.arity]


def _symstack(text: str, f: Function, dtype: str) -> Callable[[Sequence[Array]], Callable[[], Any]] | None:
    import symstack as ss
    from symstack import tensor as T

    if (needed := re.match(r"T\.(\w+)", text)) and not hasattr(T, needed[1]):
        return None
    variables = [T.vector(name, dtype=dtype) for name in _names(f)]
    function = ss.function(variables, eval(text, {"T": T}, dict(zip("xy", variables, strict=False))))
    return lambda arrays: lambda: function(*arrays)


def _numpy(text: str, f: Function, dtype: str) -> Callable[[Sequence[Array]], Callable[[], Any]]:
    from scipy import special

    scope = {"np": np, "special": special, "zero": np.dtype(dtype).type(0)}
    body = eval(f"lambda {', '.join(_names(f))}, o: {text}", scope)

    def prepare(arrays: Sequence[Array]) -> Callable[[], Any]:
        out = np.empty_like(arrays[0])
        return lambda: body(*arrays, out)

    return prepare


def _torch(text: str, f: Function, dtype: str) -> Callable[[Sequence[Array]], Callable[[], Any]]:
    import torch

    torch.set_num_threads(1)
    body = eval(f"lambda {', '.join(_names(f))}, o: {text}", {"torch": torch})

    def prepare(arrays: Sequence[Array]) -> Callable[[], Any]:
        given = [torch.from_numpy(a) for a in arrays]
        out = torch.empty_like(given[0])
        return lambda: body(*given, out)

    return prepare


def _jax(text: str, f: Function, dtype: str) -> Callable[[Sequence[Array]], Callable[[], Any]]:
    import jax
    from jax import numpy as jnp

    jax.config.update("jax_enable_x64", True)
    body = jax.jit(eval(f"lambda {', '.join(_names(f))}: {text}", {"jax": jax, "jnp": jnp}))

    def prepare(arrays: Sequence[Array]) -> Callable[[], Any]:
        given = [jnp.asarray(a) for a in arrays]
        return lambda: body(*given).block_until_ready()

    return prepare


# ---------------------------------------------------------------------- time and error


def timing_arguments(f: Function, dtype: str, size: int) -> list[Array]:
    """Arguments as they are common: made from normal deviates."""
    rng = np.random.default_rng(3)
    first = eval(f.timed, {"np": np, "abs": np.abs}, {"z": rng.standard_normal(size)}).astype(dtype)
    return [first, rng.standard_normal(size).astype(dtype)][: f.arity]


def error_arguments(f: Function, dtype: str) -> list[Array]:
    """Arguments from all intervals, no zeros among them."""
    rng = np.random.default_rng(4)
    parts = []
    for low, high, how in getattr(f, dtype):
        if how:
            magnitudes = np.exp(rng.uniform(np.log(abs(low)), np.log(abs(high)), SAMPLES))
            parts.append(magnitudes * (rng.choice([-1, 1], SAMPLES) if low < 0 else 1))
        else:
            parts.append(rng.uniform(low, high, SAMPLES))
    x = np.concatenate(parts).astype(dtype)
    x = x[(x != 0) & np.isfinite(x)]
    return [x, rng.uniform(-20, 20, x.size).astype(dtype)][: f.arity]


def exact_values(f: Function, arguments: Sequence[Array]) -> tuple[Array, Array]:
    """The values in 40 digits, as the nearest float64 and what is left."""
    import mpmath as mp

    body = eval(f"lambda {', '.join(_names(f))}: {f.exact}", {"mp": mp})
    high, low = np.empty(arguments[0].size), np.empty(arguments[0].size)
    with mp.workdps(40):
        for i, point in enumerate(zip(*arguments, strict=True)):
            value = body(*(mp.mpf(float(v)) for v in point))
            high[i] = float(value)
            low[i] = float(value - mp.mpf(high[i])) if np.isfinite(high[i]) else 0.0
    return high, low


def largest_error(got: Array, exact: tuple[Array, Array]) -> float:
    """In units in the last place, over the results that are normal numbers of got's dtype."""
    kind, (high, low) = np.finfo(got.dtype), exact
    with np.errstate(all="ignore"):
        counts = (np.abs(high) > float(kind.tiny)) & (np.abs(high) < float(kind.max))
        spacing = np.exp2(np.floor(np.log2(np.abs(high))) - kind.nmant)
        errors = np.abs((got.astype("float64") - high) - low) / spacing
    errors = np.where(np.isnan(errors), np.inf, errors)
    return float(errors[counts].max())


def least_times(calls: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """Seconds per call: the least of ``ROUNDS`` blocks of each, in turns."""
    counts = {}
    for name, call in calls.items():
        call()
        counts[name] = max(1, round(BLOCK_S / max(_block(call, 3), 1e-7)))
    best = dict.fromkeys(calls, float("inf"))
    for _ in range(ROUNDS):
        for name, call in calls.items():
            call()
            best[name] = min(best[name], _block(call, counts[name]))
    return best


def _block(call: Callable[[], Any], count: int) -> float:
    start = time.perf_counter()
    for _ in repeat(None, count):
        call()
    return (time.perf_counter() - start) / count


def measure(name: str, dtype: str, libraries: Sequence[str], errors: bool) -> dict[str, list[float | None]]:
    """By library: nanoseconds per element, and the largest error (None unless asked for)."""
    f = FUNCTIONS[name]
    prepared = {lib: p for lib in libraries if (p := contender(lib, f, dtype)) is not None}
    small, large = (n // np.dtype(dtype).itemsize for n in (SMALL, LARGE))
    given = {n: timing_arguments(f, dtype, n) for n in (small, large)}
    times = least_times({f"{lib} {n}": p(x) for lib, p in prepared.items() for n, x in given.items()})
    found: dict[str, list[float | None]] = {
        lib: [(times[f"{lib} {large}"] - times[f"{lib} {small}"]) / (large - small) * 1e9, None] for lib in prepared
    }
    if errors:
        arguments = error_arguments(f, dtype)
        exact = exact_values(f, arguments)
        for lib, p in prepared.items():
            with np.errstate(all="ignore"):
                found[lib][1] = largest_error(np.asarray(p(arguments)()), exact)
    return found


# ---------------------------------------------------------------------- the table


def rows(names: Sequence[str], results: Iterator[dict[str, Any]]) -> Iterator[str]:
    """Lines of the Markdown table, as results come."""
    yield "| function | dtype | " + " | ".join(CONTENDERS) + " | fastest peer / symstack |"
    yield "|---|---|" + "---|" * (len(CONTENDERS) + 1)
    for result in results:
        found = result["found"]
        cells = [_cell(*found[lib]) if lib in found else "-" for lib in CONTENDERS]
        peers = [found[lib][0] for lib in found if lib != "symstack"]
        ours = found.get("symstack")
        ratio = f"{min(peers) / ours[0]:.2f}" if ours and peers else "-"
        yield f"| {result['name']} | {result['dtype']} | {' | '.join(cells)} | {ratio} |"


def _cell(nanoseconds: float, error: float | None) -> str:
    shown = f"{nanoseconds:.2f}"
    if error is None:
        return shown
    return f"{shown} ({error:.1f})" if error < 1000 else f"{shown} (>999)"


def mathematics(pattern: str, libraries: str, errors: bool) -> int:
    """Measure in a process of its own and print the table; returns the status of that process."""
    names = [n for n in FUNCTIONS if re.search(pattern, n)]
    chosen = [c for c in CONTENDERS if re.search(libraries, c)]
    command = [str(peers_python()), "-m", "benchmarks.mathematics", json.dumps([names, chosen, errors])]
    environment = child_environment(1, CACHE / "run")
    child = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    lines = (json.loads(line) for line in child.stdout if line.startswith("{"))
    print("ns per element" + (" (largest error in ulp)" if errors else ""), flush=True)
    for line in rows(names, lines):
        print(line, flush=True)
    return child.wait()


def main(arguments: Sequence[str]) -> None:
    """One line of JSON per function and dtype, for the parent process."""
    from benchmarks.process import pin

    names, libraries, errors = json.loads(arguments[0])
    pin(1)
    for name in names:
        for dtype in DTYPES:
            found = measure(name, dtype, libraries, errors)
            print(json.dumps({"name": name, "dtype": dtype, "found": found}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
