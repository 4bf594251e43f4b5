"""Loops over symmath functions, compiled with chosen flags, callable on NumPy arrays; their errors in ulp."""

from __future__ import annotations

import ctypes
import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from symcodegen.symmath import snippets

Array = np.ndarray[Any, Any]

COMMON = [
    "-std=gnu11", "-fno-math-errno", "-fno-trapping-math", "-fno-semantic-interposition", "-fvisibility=hidden",
    "-fPIC", "-shared", "-nostdlib", "-Wall", "-Wextra", "-Wno-psabi",
]  # fmt: skip
LIGHT = ["-O1", "-ftree-loop-vectorize", "--param", "vect-epilogues-nomask=0", "-fno-tree-bit-ccp"]
HEAVY = ["-O3"]
C_TYPES = {
    "f32": "float", "f64": "double", "i8": "signed char", "i16": "short", "i32": "int", "i64": "long long",
    "u8": "unsigned char", "u16": "unsigned short", "u32": "unsigned", "u64": "unsigned long long",
}  # fmt: skip
DTYPES = {name: np.dtype(name.replace("f32", "f4").replace("f64", "f8")) for name in ("f32", "f64")} | {
    f"{sign}{bits}": np.dtype(f"{sign}{bits // 8}") for sign in "iu" for bits in (8, 16, 32, 64)
}


def gcc_release() -> int:
    """The first number of gcc's version."""
    done = subprocess.run(["gcc", "-dumpversion"], capture_output=True, text=True, check=True)
    return int(done.stdout.split(".")[0])


def loop_text(name: str, arity: int) -> str:
    """C text of ``loop_<name>(n, out, a[, b])``."""
    kind = C_TYPES[name.rsplit("_", 1)[1]]
    operands = "ab"[:arity]
    parameters = "".join(f", const {kind} *restrict {x}" for x in operands)
    call = ", ".join(f"{x}[i]" for x in operands)
    return (
        f'__attribute__((visibility("default"))) void loop_{name}(long long n, {kind} *restrict o{parameters})\n'
        f"{{ for (long long i = 0; i < n; i++) o[i] = {name}({call}); }}\n"
    )


def build(functions: dict[str, int], out: Path, flags: Sequence[str], compiler: str = "gcc") -> Path:
    """Compile loops over these functions (name -> number of arguments) into the shared object ``out``."""
    build_with_report(functions, out, flags, compiler)
    return out


def build_with_report(
    functions: dict[str, int], out: Path, flags: Sequence[str], compiler: str = "gcc"
) -> dict[str, bool]:
    """As :func:`build`; tells which loops gcc says it has vectorised.

    Raises RuntimeError with the compiler's words where it warns of anything.
    """
    source = out.with_suffix(".c")
    head = snippets(functions)
    loops = [loop_text(name, arity) for name, arity in functions.items()]
    source.write_text(head + "".join(loops), encoding="utf-8")
    report = ["-fopt-info-vec-optimized"] if "gcc" in compiler else []
    command = [compiler, *COMMON, *flags, *report, str(source), "-o", str(out)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    if "warning:" in done.stderr:
        raise RuntimeError(f"{compiler} warns of loops over {', '.join(functions)}:\n{done.stderr}")
    said = {int(line) for line in re.findall(r":(\d+):\d+: optimized: loop vectorized", done.stderr)}
    first = head.count("\n") + 2  # a loop's second line
    return {name: first + 2 * i in said for i, name in enumerate(functions)}


def bind(library: Path, name: str) -> Callable[..., Array]:
    """The loop of one function as a function on 1-d arrays of its dtype."""
    function = getattr(ctypes.CDLL(str(library)), f"loop_{name}")
    function.restype = None
    dtype = DTYPES[name.rsplit("_", 1)[1]]

    def call(*arguments: Array) -> Array:
        arrays = [np.ascontiguousarray(a, dtype) for a in arguments]
        out = np.empty_like(arrays[0])
        pointers = [ctypes.c_void_p(a.ctypes.data) for a in (out, *arrays)]
        function(ctypes.c_longlong(out.size), *pointers)
        return out

    return call


def ulp_error(got: Array, reference: Array) -> Array:
    """Distance of ``got`` from ``reference[0] + reference[1]`` in units in the last place of got's dtype.

    0 where both are NaN, infinite with one sign, or both 0; infinity where only one is NaN or the overflow is wrong.
    """
    kind = np.finfo(got.dtype)
    high = reference[0]
    with np.errstate(all="ignore"):
        # A reference beyond the largest finite number but less than half an ulp may round to it or to infinity.
        rounded = high.astype(got.dtype)
        exponent = np.floor(np.log2(np.maximum(np.abs(high), float(kind.tiny))))
        spacing = np.ldexp(1.0, np.maximum(exponent, kind.minexp).astype(int) - kind.nmant)
        error = np.abs((got.astype(np.float64) - high) - reference[1]) / spacing
        error = np.where(np.isnan(got) & np.isnan(high), 0.0, error)
        error = np.where(np.isinf(rounded) & (got == rounded), 0.0, error)
        error = np.where(np.isnan(got) != np.isnan(high), np.inf, error)
        wrong_infinity = np.isinf(got) & ~np.isinf(rounded)
        return np.where(wrong_infinity, np.inf, np.where(np.isnan(error), np.inf, error))
