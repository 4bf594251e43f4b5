"""Arrays of other libraries as NumPy arrays, over the memory they have where their owner allows it.

Objects say that they are arrays by ``__array__``, ``__array_interface__``, ``__array_struct__`` (NumPy's protocols) or
``__dlpack__`` (the DLPack protocol of the array API standard).
"""

from typing import Any

import numpy as np

_PROTOCOLS = ("__array__", "__array_interface__", "__array_struct__")


def is_array(value: Any) -> bool:
    """Tell whether an object is an array, of NumPy or of another library, and thus has a dtype of its own."""
    return isinstance(value, (np.ndarray, np.generic)) or any(hasattr(value, p) for p in (*_PROTOCOLS, "__dlpack__"))


def as_array(value: Any) -> np.ndarray[Any, Any]:
    """Return ``value`` (an array, a number, nested lists) as a NumPy array, without copying if that can be.

    Raises ``TypeError`` for an array that lies on another device or of which its library lets nobody make a NumPy
    array, for lists of unequal lengths, and for masked elements, which are no numbers.
    """
    if isinstance(value, np.ndarray):
        if type(value) is not np.ndarray and isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
            count = np.ma.count_masked(value)
            raise TypeError(
                f"{count} of the {value.size} elements of an array are masked, and a tensor has no mask. "
                "Give them values first: array.filled(0)."
            )
        return value
    try:
        if hasattr(value, "__dlpack__") and not any(hasattr(value, p) for p in _PROTOCOLS):
            return np.from_dlpack(value)
        return np.asarray(value)
    except (TypeError, ValueError, RuntimeError, BufferError) as error:
        raise TypeError(f"cannot make an array of a {type(value).__name__}: {error}") from error


def is_lent(array: np.ndarray[Any, Any], value: Any) -> bool:
    """Tell whether ``array``, made of ``value``, may be memory that somebody else can write to.

    What another library's ``__array__`` gives may or may not be its own memory; it counts as lent.
    """
    if isinstance(value, np.ndarray):
        return array is value or bool(np.may_share_memory(array, value))
    return is_array(value) and not isinstance(value, np.generic)
