"""Hand-written C: a bound, not a competitor. Fixed shapes, outputs allocated once, almost no checks, one thread."""

from __future__ import annotations

import ctypes
import hashlib
import importlib.machinery
import importlib.util
import os
import shutil
import subprocess
import sysconfig
import tempfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from benchmarks.contenders.base import Contender, Prepared, as_list
from benchmarks.contenders.blas import scipy_openblas
from benchmarks.process import CACHE
from benchmarks.workloads import Data

_SOURCES = Path(__file__).parent / "c"
# Fast-math lets gcc call the vector functions of glibc. It is given to the compiler only: at the link it would switch
# the whole process to flush-to-zero.
_ROWS = 12  # rows that one pass of the logistic regression takes; they divide the batch
_FLAGS = ["-O3", "-march=native", "-std=gnu11", "-fPIC", "-ffast-math", "-fopenmp-simd"]


def _pointer(array: np.ndarray) -> ctypes.c_void_p:
    """The address of an array; it keeps the array alive as long as a call holds it."""
    return array.ctypes.data_as(ctypes.c_void_p)


def _compile(source: str, flags: list[str], libraries: list[str]) -> Path:
    """Compile a file of ``c/`` into a shared object, once per content and flags."""
    text = "".join(path.read_text() for path in sorted(_SOURCES.iterdir()))
    key = hashlib.sha256(repr((text, source, flags, libraries)).encode()).hexdigest()[:16]
    target = CACHE / "c" / f"{Path(source).stem}-{key}.so"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            part, linked = Path(folder) / "part.o", Path(folder) / "linked.so"
            subprocess.run(["gcc", *_FLAGS, *flags, "-c", _SOURCES / source, "-o", part], check=True)
            subprocess.run(["gcc", "-shared", part, "-o", linked, *libraries, "-lm"], check=True)
            os.replace(linked, target)
    return target


@cache
def _bound() -> ctypes.CDLL:
    blas = scipy_openblas()
    assert blas is not None, "why_not() was not asked"
    flags = [f"-DCBLAS(f)={blas.prefix}cblas_##f", f"-DROWS={_ROWS}"]
    return ctypes.CDLL(str(_compile("bound.c", flags, blas.link_flags.split())))


@cache
def _call_overhead() -> ModuleType:
    """Loaded by its file: the name of the file is a hash, the module's name is fixed."""
    includes = [f"-I{sysconfig.get_path('include')}", f"-I{np.get_include()}"]
    path = _compile("call_overhead.c", includes, [])
    loader = importlib.machinery.ExtensionFileLoader("call_overhead", str(path))
    spec = importlib.util.spec_from_file_location("call_overhead", path, loader=loader)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class HandWrittenC(Contender):
    def __init__(self, dtype: str, threads: int = 1) -> None:
        super().__init__(dtype, threads)
        self.real: Any = ctypes.c_float if dtype == "float32" else ctypes.c_double
        self.suffix = "_f32" if dtype == "float32" else "_f64"

    @classmethod
    def why_not(cls) -> str:
        if shutil.which("gcc") is None:
            return "no gcc found"
        return "" if scipy_openblas() else "SciPy has no OpenBLAS of its own here"

    def _function(self, name: str, result: Any = None) -> Callable[..., Any]:
        function = getattr(_bound(), name + self.suffix)
        function.restype = result
        return function

    def add_one(self, data: Data) -> Prepared:
        return Prepared(partial(_call_overhead().add_one, data["x"]), as_list)

    def five_ops(self, data: Data) -> Prepared:
        return Prepared(partial(_call_overhead().five_ops, data["x"]), as_list)

    def ten_updates(self, data: Data) -> Prepared:
        states = [data[f"s{i}"].copy() for i in range(10)]
        return Prepared(partial(_call_overhead().ten_updates, states, data["x"]), lambda _: [s.copy() for s in states])

    def fused_chain(self, data: Data) -> Prepared:
        out = np.empty_like(data["x"])
        scalars = [self.real(data[name]) for name in "ab"]
        inputs = [_pointer(data[name]) for name in "xyz"]
        call = partial(self._function("fused_chain"), ctypes.c_long(out.size), *inputs, *scalars, _pointer(out))
        return Prepared(call, lambda _: [out])

    def cross_entropy_gradient(self, data: Data) -> Prepared:
        out = np.empty_like(data["x"])
        arguments = [*map(ctypes.c_long, out.shape), _pointer(data["x"]), _pointer(data["y"]), _pointer(out)]
        call = partial(self._function("cross_entropy_gradient", ctypes.c_double), *arguments)
        return Prepared(call, lambda cost: [np.asarray(cost), out])

    def logsumexp_rows(self, data: Data) -> Prepared:
        x = data["x"]
        out = np.empty(len(x), x.dtype)
        arguments = [*map(ctypes.c_long, x.shape), _pointer(x), _pointer(out)]
        return Prepared(partial(self._function("logsumexp_rows"), *arguments), lambda _: [out])

    def column_moments(self, data: Data) -> Prepared:
        x = data["x"]
        mean, variance = np.empty(x.shape[1], x.dtype), np.empty(x.shape[1], x.dtype)
        arguments = [*map(ctypes.c_long, x.shape), *map(_pointer, (x, mean, variance))]
        return Prepared(partial(self._function("column_moments"), *arguments), lambda _: [mean, variance])

    def embedding_step(self, data: Data) -> Prepared:
        W, gradient = data["W"].copy(), np.empty_like(data["y"])
        arguments = [*map(ctypes.c_long, data["y"].shape), *map(_pointer, (data["x"], data["y"], W, gradient))]
        call = partial(
            self._function("embedding_step", ctypes.c_double), *arguments, self.real(data["learning_rate"])
        )
        return Prepared(call, lambda cost: [np.asarray(cost), W.copy()])

    def logistic_step(self, data: Data) -> Prepared:
        W, b = data["W"].copy(), data["b"].copy()
        (rows, features), classes = data["x"].shape, len(b)
        if rows % _ROWS or classes > 16:
            raise ValueError(
                f"the C of logistic_step takes multiples of {_ROWS} rows and 16 classes, not {rows}, {classes}"
            )
        scratch = [_aligned_scratch(features, 16, self.dtype) for _ in range(2)]
        call = partial(
            self._function("logistic_step", ctypes.c_double),
            *map(ctypes.c_long, (rows, features, classes)),
            *map(_pointer, (data["x"], data["y"], W, b)),
            self.real(data["learning_rate"]),
            *map(_pointer, scratch),
        )
        return Prepared(call, lambda cost: [np.asarray(cost), W.copy(), b.copy()])

    def logistic_map(self, data: Data) -> Prepared:
        out = np.empty_like(data["x"])
        arguments = [ctypes.c_long(data["steps"]), _pointer(data["x"]), _pointer(data["r"]), _pointer(out)]
        return Prepared(partial(self._function("logistic_map"), *arguments), lambda _: [out])

    def power(self, data: Data) -> Prepared:
        out = np.empty_like(data["a"])
        arguments = [*map(ctypes.c_long, (data["steps"], len(out))), _pointer(data["a"]), _pointer(out)]
        return Prepared(partial(self._function("power"), *arguments), lambda _: [out])

    def mlp_step(self, data: Data) -> Prepared:
        parameters = [data[name].copy() for name in ("W1", "b1", "W2", "b2")]
        (rows, features), hidden, classes = data["x"].shape, len(data["b1"]), len(data["b2"])
        scratch = [np.empty((rows, width), self.dtype) for width in (hidden, hidden, classes)]
        function = _bound().mlp_step
        function.restype = ctypes.c_float
        call = partial(
            function,
            *map(ctypes.c_int, (rows, features, hidden, classes)),
            *map(_pointer, (data["x"], data["y"], *parameters)),
            ctypes.c_float(data["learning_rate"]),
            ctypes.c_float(data["l2"]),
            *map(_pointer, scratch),
        )
        return Prepared(call, lambda cost: [np.asarray(cost), *(p.copy() for p in parameters)])


def _aligned_scratch(rows: int, lanes: int, dtype: str) -> np.ndarray:
    """An uninitialised (rows, lanes) array at a multiple of 128 bytes, as the vectors of ``bound_real.h`` need."""
    size = rows * lanes * np.dtype(dtype).itemsize
    buffer = np.empty(size + 128, "uint8")
    start = -buffer.ctypes.data % 128
    return buffer[start : start + size].view(dtype).reshape(rows, lanes)
