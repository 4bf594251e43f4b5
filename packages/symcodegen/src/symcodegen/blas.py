"""BLAS through SciPy: no headers, no system library, no flags.

A wheel of SciPy brings OpenBLAS as a library beside the package. Its functions are looked up there, and nothing of
SciPy is imported: 2 ms instead of 13. Any other installation is asked for the pointers that it publishes in
``scipy.linalg.cython_blas``, an extension module that is loaded without the package around it.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.machinery
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from symcodegen import extension, threads
from symcore.locks import ForkLock

__all__ = ["FUNCTIONS", "lapack", "load", "pointers", "set_threads"]

FUNCTIONS = (
    *(f"{letter}{name}" for name in ("gemm", "gemv") for letter in "sdcz"),
    "sger",
    "dger",
    "cgeru",
    "zgeru",
)
"""The functions that kernels may call: Fortran's calling convention, 32-bit integers."""

_NAME = "scipy.linalg.cython_blas"
_LAPACK = "scipy.linalg.cython_lapack"
_SETTERS = ("scipy_openblas_set_num_threads", "openblas_set_num_threads", "MKL_Set_Num_Threads")
_GETTERS = ("scipy_openblas_get_num_threads", "openblas_get_num_threads", "MKL_Get_Max_Threads")
_VARIABLES = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "GOTO_NUM_THREADS")
_MAC_LIBRARY = ".dylibs/libscipy_openblas.dylib"
_lock = ForkLock()
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
            getter = _function(_GETTERS)
            cvm.share_products(getter() if getter is not None else 0)
            _loaded = True


def set_threads(count: int) -> bool:
    """Let the BLAS of SciPy use ``count`` threads, 0 for as many as this process is granted; for the whole process.

    The virtual machine sets the number again before a call that wants another one. Where it has threads of its own, it
    wants one: they share large products.

    Left to itself OpenBLAS takes every core and waits for them spinning: on a busy machine a product of small
    matrices then takes ten times as long (measured: 7.4 ms instead of 0.9 for a training step). A number set in the
    environment (``OPENBLAS_NUM_THREADS`` and the like) is respected. Returns whether the library could be told.
    Large products are BLAS's where it has several threads; where it has one, kernels of this package may take them.
    """
    if any(os.environ.get(name) for name in _VARIABLES):
        return False
    cvm = extension.load()
    with _lock:
        setter = _thread_setter() if cvm is not None else None
        if cvm is None or setter is None:
            return False
        cvm.set_blas_setter(ctypes.cast(setter, ctypes.c_void_p).value)
        cvm.set_blas_threads(threads.count(count))
        return True


@functools.cache
def _thread_setter() -> Any:
    return _function(_SETTERS)


def _function(names: tuple[str, ...]) -> Any:
    library = _library()
    if library is None:
        file = getattr(_module(), "__file__", None)
        if not file:
            return None
        library = ctypes.CDLL(file)  # a symbol is looked up in the libraries that this one needs, too
    return next((getattr(library, name) for name in names if hasattr(library, name)), None)


def pointers() -> dict[str, int]:
    """Addresses of :data:`FUNCTIONS`. Raises ImportError if SciPy is absent or publishes none of them."""
    library = _library()
    if library is not None:
        return {name: _symbol(library, name) for name in FUNCTIONS}
    capsules: dict[str, Any] = getattr(_module(), "__pyx_capi__", {})
    missing = [name for name in FUNCTIONS if name not in capsules]
    if missing:
        raise ImportError(f"{_NAME} publishes no {', '.join(missing)}: install scipy>=1.13.")
    return {name: _address(capsules[name]) for name in FUNCTIONS}


@functools.cache
def _library() -> ctypes.CDLL | None:
    """The OpenBLAS of a wheel of SciPy, if it has all that is needed with 32-bit integers; else None.

    It is the file that SciPy itself loads, so the process has one BLAS however SciPy is imported later.
    """
    spec = importlib.util.find_spec("scipy")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for path in _libraries_beside(folder):
            try:
                library = ctypes.CDLL(path)
                if all(_symbol(library, name) for name in FUNCTIONS):
                    return library
            except (OSError, AttributeError):
                continue  # not for this machine, or with names of another kind: SciPy knows what it uses
    return None


def _libraries_beside(package: str) -> list[str]:
    """The libraries that a wheel may have put beside its package."""
    folder = package + ".libs"
    try:
        names = [name for name in os.listdir(folder) if name.startswith("libscipy_openblas-") and name.endswith(".so")]
    except OSError:
        names = []
    of_mac = os.path.join(package, _MAC_LIBRARY)
    return [*(os.path.join(folder, name) for name in sorted(names)), *([of_mac] if os.path.exists(of_mac) else [])]


def _symbol(library: ctypes.CDLL, name: str) -> int:
    return ctypes.cast(getattr(library, f"scipy_{name}_"), ctypes.c_void_p).value or 0


@functools.cache
def _module(name: str = _NAME) -> ModuleType:
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.find_spec("scipy")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError("BLAS comes from SciPy, which is not installed: pip install scipy.")
    for folder in spec.submodule_search_locations:
        for suffix in importlib.machinery.EXTENSION_SUFFIXES:
            path = Path(folder) / "linalg" / f"{name.rpartition('.')[2]}{suffix}"
            if path.is_file():
                return _load_alone(path, name)
    return importlib.import_module(name)  # an installation of another form: the long way round


def _load_alone(path: Path, name: str) -> ModuleType:
    """The module without its package. It does not enter sys.modules: a later import of scipy.linalg is undisturbed."""
    loader = importlib.machinery.ExtensionFileLoader(name, str(path))
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    if spec is None:
        raise ImportError(f"{path} is no extension module.")
    before = sys.modules.get(name)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    if before is None:
        sys.modules.pop(name, None)
    return module


@functools.cache
def lapack(name: str) -> int:
    """Address of a function of LAPACK (``dpotrf``) with Fortran's calling convention and 32-bit integers.

    Raises ImportError if SciPy is absent or publishes no such function.
    """
    capsules: dict[str, Any] = getattr(_module(_LAPACK), "__pyx_capi__", {})
    if name not in capsules:
        raise ImportError(f"{_LAPACK} publishes no {name}: install scipy>=1.13.")
    return _address(capsules[name])


def _address(capsule: Any) -> int:
    api = ctypes.pythonapi
    get_name = ctypes.PYFUNCTYPE(ctypes.c_char_p, ctypes.py_object)(("PyCapsule_GetName", api))
    get_pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(("PyCapsule_GetPointer", api))
    address = get_pointer(capsule, get_name(capsule))
    if not address:
        raise ImportError(f"{_NAME} publishes a null pointer.")
    return int(address)
