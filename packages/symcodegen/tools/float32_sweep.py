"""The errors of float32 functions over every number there is, found by C loops that keep the largest one.

A loop compares ``sym_<name>_f32``, and the form for usual arguments where there is one, with ``sym_<name>_f64`` of the
same build: its error is a billionth of what is measured. Functions that are computed in float64 and rounded show half
a unit.
"""

from __future__ import annotations

import ctypes
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from symcodegen.kernels.usual import judges_largest
from symcodegen.symmath import available, snippets

Array = np.ndarray[Any, Any]
BLOCK = 4096
#: Arguments of the binary functions: random pairs, for there are 2^64 of them.
PAIRS = 1 << 28
COMMON = ["-std=gnu11", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off", "-fPIC", "-shared", "-nostdlib",
          "-fvisibility=hidden", "-Wno-psabi"]  # fmt: skip
_LIGHT = {"gcc": ["-O1", "-ftree-loop-vectorize", "-fno-tree-bit-ccp"], "clang": ["-O2"]}
_MACHINES = {
    "AVX-512": ["-march=native", "-mprefer-vector-width=512"],
    "AVX2": ["-march=x86-64", "-mavx2", "-mfma"],
    "SSE2": ["-march=x86-64"],
}
#: Names of builds, as columns of the table show them, and their compiler with its flags.
BUILDS: dict[str, list[str]] = {
    machine if kind == "gcc" else f"{machine} {kind}": [kind, *COMMON, *_LIGHT[kind], *flags]
    for kind in ("gcc", "clang")
    for machine, flags in _MACHINES.items()
}

# Errors are kept as the bits of a float32, whose order is that of integers: their largest one is a vector instruction.
# A result of the wrong infinity, NaN or sign of zero counts as 1e30. Where the exact value rounds to infinity, infinity
# is expected.
_ERROR = """
SYM_FN sym_u32 error_of(float f, double r) {
  double g = (double)f;
  sym_u64 e = sym_bits_f64(r) & 0x7ff0000000000000ull, least = 0x3810000000000000ull;
  double d = __builtin_fabs(g - r) * 8388608.0 / sym_double_of(e < least ? least : e);
  double infinity = r > 0.0 ? __builtin_inf() : -__builtin_inf();
  d = __builtin_fabs(r) >= 3.4028235677973366e+38 ? (g == infinity ? 0.0 : 1e30) : d;
  d = ((r != r) | (g != g)) ? (((r != r) & (g != g)) ? 0.0 : 1e30) : d;
  d = ((g == 0.0) & (__builtin_copysign(1.0, g) != __builtin_copysign(1.0, r))) ? 1e30 : d;
  return sym_bits_f32((float)d);
}
static sym_u32 errors[%(block)d];
static sym_u32 look(sym_u32 *record, long long n) {
  sym_u32 most = 0, at = 0;
  for (long long i = 0; i < n; i++) most = errors[i] > most ? errors[i] : most;
  if (most <= *record) return ~0u;
  *record = most;
  while (errors[at] != most) at++;
  return at;
}
"""
_UNARY = """
__attribute__((visibility("default"))) void sweep(
    long long blocks, sym_u32 start, sym_u32 step, sym_u32 *record, sym_u32 *where)
{
  for (long long b = 0; b < blocks; b++, start += %(block)du * step) {
    for (sym_u32 i = 0; i < %(block)du; i++) {
      sym_u32 bits = start + i * step;
      float x = sym_float_of(bits);
      double r = sym_%(name)s_f64((double)x);
      sym_u32 most = error_of(sym_%(name)s_f32(x), r);
      %(usual)s
      errors[i] = most;
    }
    sym_u32 at = look(record, %(block)d);
    if (at != ~0u) *where = start + at * step;
  }
}
"""
_BINARY = """
__attribute__((visibility("default"))) sym_u32 compare(
    long long n, const float *restrict a, const float *restrict b, sym_u32 *record)
{
  for (long long i = 0; i < n; i++) {
    float x = a[i], y = b[i];
    double r = sym_%(name)s_f64((double)x, (double)y);
    sym_u32 most = error_of(sym_%(name)s_f32(x, y), r);
    %(usual)s
    errors[i] = most;
  }
  return look(record, n);
}
"""
_USUAL = """sym_u32 unusual = 0;
      sym_u32 other = error_of(sym_%s_usual_f32(&unusual, %s), r);
      other = unusual > %s ? 0u : other;
      most = other > most ? other : most;"""


@dataclass
class Worst:
    """The largest error found so far, in units in the last place, and its arguments as text."""

    ulp: float = 0.0
    where: str = ""


def build_loop(name: str, build: str, folder: Path, binary: bool) -> ctypes.CDLL:
    """Compile the loop over this function. Raises CalledProcessError where the compiler does not take it."""
    needed = [f"sym_{name}_f32", f"sym_{name}_f64"]
    usual = f"sym_{name}_usual_f32" in available()
    if usual:
        needed.append(f"sym_{name}_usual_f32")
    words = {"name": name, "block": BLOCK, "usual": ""}
    if usual:
        limit = "SYM_MOST_USUAL_F32" if judges_largest(needed[-1]) else "0"
        words["usual"] = _USUAL % (name, "x, y" if binary else "x", limit)
    stem = f"{name}_{build.replace(' ', '_')}"
    source, out = folder / f"{stem}.c", folder / f"{stem}.so"
    source.write_text(snippets(needed) + _ERROR % words + (_BINARY if binary else _UNARY) % words, encoding="utf-8")
    subprocess.run([*BUILDS[build], str(source), "-o", str(out)], check=True)
    return ctypes.CDLL(str(out))


def sweep_unary(loop: ctypes.CDLL, stride: int) -> Worst:
    """The largest error over every ``stride``-th float32 (an odd number, so that all low bits occur)."""
    record, where = ctypes.c_uint32(0), ctypes.c_uint32(0)
    blocks = -(-(1 << 32) // (BLOCK * stride))  # what runs over the end starts again at 0, which harms nothing
    loop.sweep.argtypes = [ctypes.c_longlong, ctypes.c_uint32, ctypes.c_uint32, *2 * [ctypes.POINTER(ctypes.c_uint32)]]
    loop.sweep(blocks, 0, stride, ctypes.byref(record), ctypes.byref(where))
    error, x = np.array([record.value, where.value], np.uint32).view(np.float32)
    return Worst(float(error), f"{float(x):.9g}")


def sweep_binary(name: str, loop: ctypes.CDLL, stride: int) -> Worst:
    """The largest error over random pairs, as many as :data:`PAIRS` divided by ``stride``."""
    rng, worst, record = np.random.default_rng(1), Worst(), ctypes.c_uint32(0)
    for _ in range(max(PAIRS // (BLOCK * 64) // stride, 1)):
        first, second = random_pairs(name, rng, BLOCK * 64)
        for k in range(0, first.size, BLOCK):
            pointers = [ctypes.c_void_p(v[k:].ctypes.data) for v in (first, second)]
            at = loop.compare(ctypes.c_longlong(BLOCK), *pointers, ctypes.byref(record))
            if at != -1:
                error = float(np.array([record.value], np.uint32).view(np.float32)[0])
                worst = Worst(error, f"{float(first[k + at]):.9g}, {float(second[k + at]):.9g}")
    return worst


def random_pairs(name: str, rng: np.random.Generator, count: int) -> tuple[Array, Array]:
    """Pairs of arguments of pow (results over all magnitudes) or arctan2 (all first arguments, all quotients)."""
    if name == "pow":
        x = np.exp(rng.normal(size=count) * 4)
        y = rng.uniform(-1, 1, count) * 104 / np.where(x == 1, 1, np.log(x))
        return x.astype(np.float32), y.astype(np.float32)
    y = rng.integers(0, 1 << 32, count, np.uint32).view(np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        return y, (rng.normal(size=count) * np.abs(np.nan_to_num(y))).astype(np.float32)
