"""dtypes in C: the closed set of types that generated code may name."""

import functools
from typing import Any

import numpy as np

# fmt: off
#: dtype name -> C type.
C_TYPES = {
    "bool": "unsigned char", "int8": "signed char", "int16": "short", "int32": "int", "int64": "long long",
    "uint8": "unsigned char", "uint16": "unsigned short", "uint32": "unsigned int", "uint64": "unsigned long long",
    "float32": "float", "float64": "double",
}
#: Types of elementwise work alone: float16 is stored, and computed in float32.
STORED = {"float16": "unsigned short", "complex64": "float _Complex", "complex128": "double _Complex"}
#: dtype name -> suffix of the functions of symmath.
SUFFIXES = {
    "float32": "f32", "float64": "f64", "int8": "i8", "int16": "i16", "int32": "i32", "int64": "i64", "uint8": "u8",
    "uint16": "u16", "uint32": "u32", "uint64": "u64", "bool": "u8",
}
# fmt: on


@functools.lru_cache(maxsize=64)
def _name(dtype: np.dtype[Any]) -> str:
    """Return the name of a dtype, which NumPy puts together anew each time."""
    return dtype.name


def has_c_type(dtype: np.dtype[Any]) -> bool:
    """Tell whether kernels can be generated for a dtype (for more than elementwise work, see ``STORED``)."""
    return _name(dtype) in C_TYPES


def c_type(dtype: np.dtype[Any]) -> str:
    """Return the C type of a dtype."""
    name = _name(dtype)
    return C_TYPES.get(name) or STORED[name]


def suffix(dtype: np.dtype[Any]) -> str:
    """Return how functions of that dtype end."""
    return SUFFIXES[_name(dtype)]
