"""BLAS through the function pointers that SciPy publishes: no headers, no system library, no flags.

The extension module ``scipy.linalg.cython_blas`` is loaded by itself, without the package around it: that costs a
quarter of the time of ``import scipy.linalg``.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.machinery
import importlib.util
import os
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

from symcodegen import extension

__all__ = ["FUNCTIONS", "load", "pointers", "set_threads"]

FUNCTIONS = (
    *(f"{letter}{name}" for name in ("gemm", "gemv") for letter in "sdcz"),
    "sger",
    "dger",
    "cgeru",
    "zgeru",
)
"""The functions that kernels may call: Fortran's calling convention, 32-bit integers."""

_NAME = "scipy.linalg.cython_blas"
_SETTERS = ("scipy_openblas_set_num_threads", "openblas_set_num_threads", "MKL_Set_Num_Threads")
_VARIABLES = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "GOTO_NUM_THREADS")
_lock = threading.RLock()
_loaded = False


def load() -> None:
    """Give the virtual machine its BLAS, once per process. Thread-safe.

    Raises ImportError if SciPy is not installed or offers no such pointers, RuntimeError without the extension.
    """
    global _loaded
    if _loaded:
        return
    with _lock:
        if not _loaded:
            cvm = extension.load()
            if cvm is None:
                raise RuntimeError(f"BLAS kernels need the C virtual machine: {extension.why_not()}")
            if not cvm.set_blas(pointers()):
                raise ImportError(f"{_NAME} lacks some of {', '.join(FUNCTIONS)}: install scipy>=1.13.")
            _loaded = True


def set_threads(count: int) -> bool:
    """Let the BLAS of SciPy use ``count`` threads, 0 for as many as this process may run on; for the whole process.

    Left to itself OpenBLAS takes every core and waits for them spinning: on a busy machine a product of small
    matrices then takes ten times as long (measured: 7.4 ms instead of 0.9 for a training step). A number set in the
    environment (``OPENBLAS_NUM_THREADS`` and the like) is respected. Returns whether the library could be told.
    """
    if any(os.environ.get(name) for name in _VARIABLES):
        return False
    if count == 0:
        count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with _lock:
        setter = _thread_setter()
        if setter is None:
            return False
        setter(ctypes.c_int(count))
        return True


@functools.cache
def _thread_setter() -> Any:
    file = getattr(_module(), "__file__", None)
    if not file:
        return None
    library = ctypes.CDLL(file)  # a symbol is looked up in the libraries that this one needs, too
    return next((getattr(library, name) for name in _SETTERS if hasattr(library, name)), None)


def pointers() -> dict[str, int]:
    """Addresses of :data:`FUNCTIONS`. Raises ImportError if SciPy is absent or publishes none of them."""
    capsules: dict[str, Any] = getattr(_module(), "__pyx_capi__", {})
    missing = [name for name in FUNCTIONS if name not in capsules]
    if missing:
        raise ImportError(f"{_NAME} publishes no {', '.join(missing)}: install scipy>=1.13.")
    return {name: _address(capsules[name]) for name in FUNCTIONS}


@functools.cache
def _module() -> ModuleType:
    if _NAME in sys.modules:
        return sys.modules[_NAME]
    spec = importlib.util.find_spec("scipy")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError("BLAS comes from SciPy, which is not installed: pip install scipy.")
    for folder in spec.submodule_search_locations:
        for suffix in importlib.machinery.EXTENSION_SUFFIXES:
            path = Path(folder) / "linalg" / f"cython_blas{suffix}"
            if path.is_file():
                return _load_alone(path)
    return importlib.import_module(_NAME)  # an installation of another form: the long way round


def _load_alone(path: Path) -> ModuleType:
    """The module without its package. It does not enter sys.modules: a later import of scipy.linalg is undisturbed."""
    loader = importlib.machinery.ExtensionFileLoader(_NAME, str(path))
    spec = importlib.util.spec_from_file_location(_NAME, path, loader=loader)
    if spec is None:
        raise ImportError(f"{path} is no extension module.")
    before = sys.modules.get(_NAME)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    if before is None:
        sys.modules.pop(_NAME, None)
    return module


def _address(capsule: Any) -> int:
    api = ctypes.pythonapi
    get_name = ctypes.PYFUNCTYPE(ctypes.c_char_p, ctypes.py_object)(("PyCapsule_GetName", api))
    get_pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(("PyCapsule_GetPointer", api))
    address = get_pointer(capsule, get_name(capsule))
    if not address:
        raise ImportError(f"{_NAME} publishes a null pointer.")
    return int(address)
