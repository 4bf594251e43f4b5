"""dtypes: the closed set of them, and how they combine.

Two arrays combine as in NumPy. A Python number is *weak*: it takes the dtype of the tensors beside it where that can
hold its kind (a float beside a float32 tensor is float32), and otherwise the smallest dtype that holds its value, as
the recorded answers of the language have it (``int8 + 1`` is int8, ``int8 + 1000`` is int16).
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np

from symcore.config import config

BOOL = np.dtype("bool")
INT64 = np.dtype("int64")
FLOAT32 = np.dtype("float32")
FLOAT64 = np.dtype("float64")

INTEGERS = tuple(np.dtype(n) for n in ("int8", "int16", "int32", "int64"))
UNSIGNED = tuple(np.dtype(n) for n in ("uint8", "uint16", "uint32", "uint64"))
FLOATS = tuple(np.dtype(n) for n in ("float16", "float32", "float64"))
COMPLEX = tuple(np.dtype(n) for n in ("complex64", "complex128"))
#: Every dtype a tensor may have.
DTYPES = {d.name: d for d in (BOOL, *INTEGERS, *UNSIGNED, *FLOATS, *COMPLEX)}
#: The same by themselves: NumPy works out the name of a dtype in Python, each time it is asked.
_NATIVE = {d: d for d in DTYPES.values()}


def as_dtype(dtype: Any) -> np.dtype[Any]:
    """Return one of the supported dtypes. ``"floatX"`` is ``config.floatX``. Raises ``TypeError`` for any other."""
    if isinstance(dtype, np.dtype):
        found = _NATIVE.get(dtype)
        if found is not None:
            return found
    if isinstance(dtype, str):
        name = config.floatX if dtype == "floatX" else dtype
        found = DTYPES.get(name)
        if found is not None:
            return found
    try:
        found = DTYPES.get(np.dtype(dtype).name)
    except TypeError:
        found = None
    if found is None:
        raise TypeError(f"{dtype!r} is not a dtype of tensors; these are: {', '.join(DTYPES)}.")
    return found


def is_discrete(dtype: np.dtype[Any]) -> bool:
    """Tell whether a dtype holds integers or truth values, along which nothing can be differentiated."""
    return dtype.kind in "biu"


@lru_cache(maxsize=4096)
def upcast(*dtypes: np.dtype[Any]) -> np.dtype[Any]:
    """Return the smallest dtype that holds all of ``dtypes``, as NumPy has it."""
    result = dtypes[0]
    for dtype in dtypes[1:]:
        result = np.promote_types(result, dtype)
    return result


@lru_cache(maxsize=256)
def upgrade_to_float(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype in which a function such as ``sqrt`` of ``dtype`` is computed."""
    if not is_discrete(dtype):
        return dtype
    return FLOAT64 if dtype.itemsize > 2 else FLOAT32


def sum_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype of sums and products: integers grow to 64 bits."""
    if dtype.kind in "bi":
        return INT64
    return DTYPES["uint64"] if dtype.kind == "u" else dtype


def accumulator(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype in which a sum or product giving ``dtype`` is accumulated."""
    wider = {"float16": "float32", "float32": "float64", "complex64": "complex128"}
    return DTYPES[wider.get(dtype.name, dtype.name)]


def smallest_int(value: int) -> np.dtype[Any]:
    """Return the smallest signed dtype (or uint64) that holds ``value``. Raises ``OverflowError`` if there is none."""
    for dtype in (*INTEGERS, DTYPES["uint64"]):
        info = np.iinfo(dtype.name)
        if info.min <= value <= info.max:
            return dtype
    raise OverflowError(f"the integer {value} does not fit into 64 bits; write it as a float.")


def autocast(value: float | int | bool | complex) -> np.dtype[Any]:
    """Return the dtype of a Python number that stands alone: the smallest that holds it exactly."""
    if isinstance(value, bool):
        return BOOL
    if isinstance(value, int):
        return smallest_int(value)
    if isinstance(value, complex):
        return DTYPES["complex128"]
    if config.floatX == "float16":
        return DTYPES["float16"]
    if config.floatX == "float32" or config.cast_policy == "numpy+floatX":
        return as_dtype(config.floatX)
    with np.errstate(over="ignore"):
        exact = value != value or float(np.float32(value)) == value
    return FLOAT32 if exact else FLOAT64


def weak(value: float | int | bool | complex, beside: Iterable[np.dtype[Any]]) -> np.dtype[Any]:
    """Return the dtype that a Python number takes beside tensors of the given dtypes."""
    inexact = [d for d in beside if d.kind in "fc"]
    if isinstance(value, bool):
        return BOOL
    if inexact:
        together = upcast(*inexact)
        if isinstance(value, complex):
            return upcast(together, DTYPES["complex64"])
        return as_dtype(f"float{together.itemsize * 4}") if together.kind == "c" else together
    if isinstance(value, int):
        integers = [d for d in beside if d.kind in "iu"]
        if integers:
            together = upcast(*integers)
            if together.kind in "iu":
                info = np.iinfo(together)
                if info.min <= value <= info.max:
                    return together
        return smallest_int(value)
    return (
        DTYPES["complex128"]
        if isinstance(value, complex)
        else as_dtype("float32" if config.floatX != "float64" else "float64")
    )
