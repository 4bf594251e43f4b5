"""Constants, and how Python values become tensors."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symcore.graph.variable import Apply, Constant, Variable
from symcore.tensor import dtypes
from symcore.tensor.exchange import as_array, is_array
from symcore.tensor.type import TensorType

#: Converters for values that are neither numbers nor arrays (lists that hold variables, and so on); each returns a
#: variable or ``None``. Higher modules append to it.
converters: list[Callable[[Any], Variable[Any] | None]] = []


def constant(value: Any, name: str | None = None, ndim: int | None = None, dtype: Any = None) -> Any:
    """Return ``value``, a number, a list or an array, as a constant tensor.

    Without ``dtype`` an array keeps its own; a Python number takes the smallest that holds it exactly (see
    ``dtypes``). ``ndim`` pads the shape with ones on the left. Raises ``TypeError`` for what is not numeric.
    """
    if dtype is None and isinstance(value, (bool, int, float, complex)) and not isinstance(value, np.generic):
        dtype = dtypes.autocast(value)
    other = is_array(value)
    array = np.array(as_array(value) if other else value, None if dtype is None else dtypes.as_dtype(dtype), order="C")
    if array.dtype.kind not in "biufc":
        raise TypeError(f"cannot make a constant tensor of {value!r} ({type(value).__name__}).")
    if dtype is None and not other:
        array = _shrink(array)
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if ndim is not None:
        if array.ndim > ndim:
            raise ValueError(f"cannot make a constant of {ndim} dimensions from a value of shape {array.shape}.")
        array = array.reshape((1,) * (ndim - array.ndim) + array.shape)
    array.flags.writeable = False
    ttype = TensorType(array.dtype, array.shape)
    return ttype.constant_class(ttype, array, name)


def _shrink(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Give nested lists of Python numbers the dtype that the numbers alone would have."""
    if array.dtype.kind == "i" and array.size:
        return array.astype(dtypes.upcast(dtypes.smallest_int(int(array.min())), dtypes.smallest_int(int(array.max()))))
    if array.dtype.kind == "f":
        return array.astype(dtypes.as_dtype("floatX"))
    return array


def as_tensor(value: Any, name: str | None = None, ndim: int | None = None, dtype: Any = None) -> Any:
    """Return ``value`` as a tensor variable.

    Tensor variables pass through; a node with one output stands for it; numbers and arrays become constants; lists
    that hold variables are stacked. ``ndim`` pads the shape with ones on the left. ``dtype`` is that of a constant; a
    variable must have it. Raises ``TypeError`` for anything else.
    """
    if isinstance(value, Apply):
        value = value.out()
    if not isinstance(value, Variable):
        value = _convert(value, name, ndim, dtype)
    if not isinstance(value.type, TensorType):
        raise _no_tensor(value)
    if dtype is not None and value.type.dtype != dtypes.as_dtype(dtype):
        raise TypeError(
            f"expected a tensor of dtype {dtype}, got {value} of type {value.type}. Use .astype('{dtype}')."
        )
    if ndim is not None and value.type.ndim != ndim:
        if value.type.ndim > ndim:
            raise ValueError(f"expected a tensor of {ndim} dimensions, got {value} of type {value.type}.")
        value = value.dimshuffle(*["x"] * (ndim - value.type.ndim), *range(value.type.ndim))
    return value


def _convert(value: Any, name: str | None, ndim: int | None, dtype: Any) -> Variable[Any]:
    for converter in converters:
        variable = converter(value)
        if variable is not None:
            return variable
    try:
        return constant(value, name, ndim, dtype)
    except (TypeError, ValueError) as error:
        raise TypeError(f"cannot make a tensor of {value!r} ({type(value).__name__}): {error}") from None


def as_tensors(values: Sequence[Any]) -> list[Any]:
    """Return several values as tensors; Python numbers take their dtype from the tensors beside them."""
    result: list[Any] = [v if isinstance(v, Variable) else None if _is_number(v) else as_tensor(v) for v in values]
    if None in result:
        beside = [v.type.dtype for v in result if v is not None and isinstance(v.type, TensorType)]
        for position, number in enumerate(values):
            if result[position] is None:
                dtype = dtypes.weak(number, beside) if beside else None
                result[position] = constant(number, dtype=dtype)
    for v in result:
        if not isinstance(v.type, TensorType):
            raise _no_tensor(v)
    return result


def _no_tensor(v: Any) -> TypeError:
    """Return the error that says that ``v`` is no tensor, with what its type has to say about that."""
    hint = getattr(v.type, "how_to_tensor", "")
    return TypeError(f"expected a tensor, got {v} of type {v.type}.{hint and ' ' + hint}")


def _is_number(value: Any) -> bool:
    return isinstance(value, (bool, int, float, complex)) and not isinstance(value, np.generic)


def signature_of(array: np.ndarray[Any, Any]) -> Any:
    """Return a hashable key of an array's content: small arrays by their bytes, large ones by a digest of them."""
    content = array.tobytes()
    if len(content) > 256:
        return array.dtype.str, array.shape, hashlib.blake2b(content, digest_size=20).digest()
    return array.dtype.str, array.shape, content


def constant_value(variable: Any) -> np.ndarray[Any, Any] | None:
    """Return the value of a constant, or ``None`` for any other variable."""
    return variable.data if isinstance(variable, Constant) else None


def scalar_value(variable: Any) -> Any:
    """Return the one number that all elements of a constant have, as a NumPy scalar; ``None`` if there is none."""
    if isinstance(variable, Constant):
        data = variable.data
        if isinstance(data, np.ndarray) and data.size:
            first = data.flat[0]
            if data.size == 1 or bool((data == first).all()):
                return first
    return None
