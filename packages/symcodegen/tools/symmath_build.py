"""Loops over symmath functions, compiled with chosen flags, callable on NumPy arrays. For tests and measurements."""

from __future__ import annotations

import ctypes
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
LIGHT = ["-O1", "-ftree-vectorize", "--param", "vect-epilogues-nomask=0"]
HEAVY = ["-O3"]
C_TYPES = {
    "f32": "float", "f64": "double", "i8": "signed char", "i16": "short", "i32": "int", "i64": "long long",
    "u8": "unsigned char", "u16": "unsigned short", "u32": "unsigned", "u64": "unsigned long long",
}  # fmt: skip
DTYPES = {name: np.dtype(name.replace("f32", "f4").replace("f64", "f8")) for name in ("f32", "f64")} | {
    f"{sign}{bits}": np.dtype(f"{sign}{bits // 8}") for sign in "iu" for bits in (8, 16, 32, 64)
}


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
    source = out.with_suffix(".c")
    text = snippets(functions) + "".join(loop_text(name, arity) for name, arity in functions.items())
    source.write_text(text, encoding="utf-8")
    subprocess.run([compiler, *COMMON, *flags, str(source), "-o", str(out)], check=True)
    return out


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
