"""Measure symmath: float32 on every number there is, float64 on dense samples; prints a table of errors and times.

    python tools/ulp_sweep.py                  # all functions; half a minute to two minutes each
    python tools/ulp_sweep.py exp tanh         # some
    python tools/ulp_sweep.py --stride 1009    # a quick look
    python tools/ulp_sweep.py --readme README.symmath.md    # all, and put the rows into the table there
    python tools/ulp_sweep.py --other-stride 1    # every float32 without AVX-512 and without FMA, too

Float32 results are compared with symmath's own float64 functions (float32_sweep.py), these with mpmath in 40 digits.
"""

from __future__ import annotations

import argparse
import ctypes
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import symmath_build as tools
from float32_sweep import BUILDS, Worst, build_loop, sweep_binary, sweep_unary
from symmath_reference import EXACT

from symcodegen.toolchain import find_compiler

Array = np.ndarray[Any, Any]

UNARY = ["exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "tanh", "sinh", "cosh", "sigmoid", "softplus",
         "log_sigmoid", "sin", "cos", "tan", "erf", "erfc", "arcsin", "arccos", "arctan", "arcsinh", "arccosh",
         "arctanh", "cbrt"]  # fmt: skip
BINARY = ["pow", "arctan2"]
SPECIAL = ["gamma", "gammaln", "psi", "tri_gamma", "erfcx", "erfinv", "erfcinv", "normal_quantile", "i0", "i1"]

#: The build whose errors are searched everywhere, and those that are searched with a longer stride.
MAIN, OTHERS = "AVX-512", ("AVX2", "SSE2", "AVX-512 clang", "SSE2 clang")
HEAD = [
    "function", "f32 ns", "f32 max ulp", "at", *OTHERS, "f64 ns", "f64 max ulp", "NumPy f32 ns", "NumPy f64 ns",
]  # fmt: skip


def sweep_f32(name: str, build: str, folder: Path, stride: int) -> Worst:
    """The largest error of a float32 function, and where."""
    loop = build_loop(name, build, folder, name in BINARY)
    return sweep_binary(name, loop, stride) if name in BINARY else sweep_unary(loop, stride)


RANGES = {
    "exp": (-746, 710), "exp2": (-1076, 1024), "expm1": (-40, 710), "tanh": (-22, 22), "sinh": (-711, 711),
    "cosh": (-711, 711), "sigmoid": (-746, 50), "softplus": (-746, 800), "log_sigmoid": (-800, 746), "sin": (-1e3, 1e3),
    "cos": (-1e3, 1e3), "tan": (-1e3, 1e3), "erf": (-6, 6), "erfc": (-6, 26.5),
    "cbrt": (-8e307, 8e307), "gamma": (-170, 171.6), "gammaln": (0, 100), "psi": (0, 100), "tri_gamma": (-20, 20),
    "erfcx": (-26, 30), "erfinv": (-1, 1), "erfcinv": (0, 2), "normal_quantile": (0, 1), "i0": (-713, 713),
    "i1": (-713, 713),
}  # fmt: skip
# What is accurate in absolute terms only near its roots at negative arguments.
POSITIVE = frozenset({"gammaln", "psi"})


def samples_f64(name: str, count: int) -> list[Array]:
    """Arguments over the whole domain, around 0 and around 1."""
    rng = np.random.default_rng(2)
    third = count // 3
    if name == "pow":
        x = np.exp(rng.normal(size=count) * 3)
        x[:third] = 1 + rng.normal(size=third) * 1e-2
        x = np.abs(x)
        return [x, rng.uniform(-1, 1, count) * 740 / np.log(x)]
    tiny = rng.normal(size=third) * np.exp(-rng.uniform(0, 40, third))
    if name.startswith("arc"):
        return _inverse_samples(name, third, tiny, rng)
    if name in ("log", "log2", "log10", "log1p"):
        wide = np.exp(rng.uniform(-700, 700, third))
        near = rng.uniform(-0.5, 1, third) * np.exp(-rng.uniform(0, 10, third))
        if name == "log1p":
            return [np.concatenate([wide, near, tiny[tiny > -1]])]
        return [np.concatenate([wide, 1 + near, np.abs(tiny)])]
    if name in ("sin", "cos", "tan"):
        tiny = np.exp(rng.uniform(0, 700, third)) * np.sign(tiny)
    low, high = RANGES[name]
    if name in POSITIVE or low == 0:
        near = rng.uniform(low, min(high, 3), third)
        return [np.concatenate([rng.uniform(low, high, third), near, np.abs(tiny)[np.abs(tiny) < high]])]
    if name == "erfinv":
        return [np.concatenate([rng.uniform(low, high, 2 * third), tiny[np.abs(tiny) < 1]])]
    return [np.concatenate([rng.uniform(low, high, third), rng.uniform(max(low, -3), 3, third), tiny])]


def _inverse_samples(name: str, third: int, tiny: Array, rng: Any) -> list[Array]:
    wide = np.exp(rng.uniform(-300, 300, third)) * rng.choice([-1, 1], third)
    if name == "arctan2":
        return [
            np.concatenate([wide, rng.normal(size=third)]),
            np.concatenate([rng.permutation(wide), rng.normal(size=third)]),
        ]
    if name in ("arctan", "arcsinh"):
        return [np.concatenate([wide, tiny, rng.uniform(-3, 3, third)])]
    gap = np.exp(-rng.uniform(0, 36, third))
    if name == "arccosh":
        return [np.concatenate([1 + gap, 1 + np.abs(tiny), np.abs(wide)[np.abs(wide) >= 1]])]
    return [np.concatenate([(1 - gap) * rng.choice([-1, 1], third), tiny[np.abs(tiny) < 1], rng.uniform(-1, 1, third)])]


def nanoseconds(function: Callable[[], object], elements: int) -> float:
    """Best of several runs, per element."""
    best = float("inf")
    for _ in range(15):
        start = time.perf_counter()
        for _ in range(20):
            function()
        best = min(best, (time.perf_counter() - start) / 20 / elements * 1e9)
    return best


def speed(name: str, kind: str, library: Path) -> tuple[float, float | None]:
    """Nanoseconds per element, ours and NumPy's, on 8192 normal deviates (logarithms and pow: their magnitudes; inverse
    functions: moved into their domain; special ones: five times their magnitudes)."""
    rng = np.random.default_rng(3)
    dtype = tools.DTYPES[kind]
    x = rng.normal(size=8192)
    if name in ("log", "log2", "log10", "log1p", "pow"):
        x = np.abs(x)
    if name in ("arcsin", "arccos", "arctanh", "arccosh"):
        x = 1 + np.abs(x) if name == "arccosh" else np.tanh(x)
    if name in SPECIAL:
        inside = {"erfinv": np.tanh(x), "erfcinv": 1 - np.tanh(x), "normal_quantile": (1 + np.tanh(x)) / 2}
        x = inside.get(name, 5 * np.abs(x))
    arrays = [x.astype(dtype)] + ([rng.normal(size=8192).astype(dtype)] if name in BINARY else [])
    out = np.empty_like(arrays[0])
    function = getattr(ctypes.CDLL(str(library)), f"loop_sym_{name}_{kind}")
    arguments = [ctypes.c_longlong(8192), *(ctypes.c_void_p(a.ctypes.data) for a in (out, *arrays))]
    ufunc = getattr(np, name, None)
    theirs = nanoseconds(lambda: ufunc(*arrays, out=out), 8192) if isinstance(ufunc, np.ufunc) else None
    return nanoseconds(lambda: function(*arguments), 8192), theirs


def put_row(path: Path, name: str, row: str) -> None:
    """Replace the row of this function in the Markdown table of that file, or add it below the last one."""
    lines = path.read_text(encoding="utf-8").splitlines()
    head = next(i for i, line in enumerate(lines) if line.startswith("| function | f32 ns"))
    end = next(i for i in range(head, len(lines) + 1) if i == len(lines) or not lines[i].startswith("|"))
    at = next((i for i in range(head, end) if lines[i].startswith(f"| {name} |")), end)
    lines[at : at + (at < end)] = [row]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="functions (default: all)")
    parser.add_argument("--stride", type=int, default=1, help="take every N-th float32")
    parser.add_argument("--other-stride", type=int, default=61, help="the same for the other builds")
    parser.add_argument("--samples", type=int, default=30_000, help="float64 arguments per function")
    parser.add_argument("--readme", type=Path, help="a file whose table gets the rows")
    options = parser.parse_args()
    compiler = find_compiler()
    print(f"{compiler.kind} {compiler.version}, light flags, {compiler.target}\n")
    print(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for name in options.names or [*UNARY, *BINARY, *SPECIAL]:
            functions = {f"sym_{name}_{kind}": 2 if name in BINARY else 1 for kind in ("f32", "f64")}
            library = tools.build(functions, folder / f"{name}.so", compiler.flags(heavy=False), compiler.path)
            worst = sweep_f32(name, MAIN, folder, options.stride)
            stride = max(options.stride, options.other_stride)
            others = [sweep_f32(name, build, folder, stride).ulp if can_run(build) else None for build in OTHERS]
            inputs = samples_f64(name, options.samples)
            with np.errstate(all="ignore"):
                error = tools.ulp_error(tools.bind(library, f"sym_{name}_f64")(*inputs), EXACT[name](*inputs))
            (f32, numpy32), (f64, numpy64) = (speed(name, kind, library) for kind in ("f32", "f64"))
            times = [f"{t:.2f}" if t is not None else "-" for t in (f32, f64, numpy32, numpy64)]
            errors = [f"{e:.3f}" if e is not None else "-" for e in (worst.ulp, *others, error.max())]
            cells = [name, times[0], errors[0], worst.where, *errors[1:-1], times[1], errors[-1], *times[2:]]
            row = f"| {' | '.join(cells)} |"
            print(row, flush=True)
            if options.readme is not None:
                put_row(options.readme, name, row)


def can_run(build: str) -> bool:
    """Whether its compiler is installed."""
    return shutil.which(BUILDS[build][0]) is not None


if __name__ == "__main__":
    main()
