"""``TensorType``: n-dimensional arrays of one dtype, with what is known of their shape."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from symcore.graph.type import Type
from symcore.graph.variable import Variable
from symcore.tensor import dtypes
from symcore.tensor.exchange import as_array, is_array

StaticShape = tuple[int | None, ...]
_NAMES = {0: "scalar", 1: "vector", 2: "matrix"}


class TensorType(Type):
    """Arrays of ``dtype`` with ``len(shape)`` dimensions.

    Parameters
    ----------
    dtype
        One of ``dtypes.DTYPES``, or ``"floatX"``.
    shape
        Per dimension its length, or ``None`` where it is known only at run time. A length of 1 makes the dimension
        broadcastable. Booleans are read as the older ``broadcastable`` pattern: ``True`` is 1, ``False`` is ``None``.

    Types are interned: equal parameters give the same object.
    """

    dtype: np.dtype[Any]
    shape: StaticShape
    ndim: int
    broadcastable: tuple[bool, ...]
    numpy_dtype: np.dtype[Any]
    _hash: int
    _interned: ClassVar[dict[Any, "TensorType"]] = {}

    def __new__(
        cls,
        dtype: Any = "floatX",
        shape: Sequence[int | bool | None] | None = None,
        name: str | None = None,
        *,
        broadcastable: Sequence[bool] | None = None,
    ) -> "TensorType":
        if shape is None:
            shape = broadcastable
        if shape is None:
            raise TypeError("TensorType needs a shape, such as (None, None) for a matrix.")
        static = tuple([_static_dim(d) for d in shape])
        found = dtypes.as_dtype(dtype)
        key = (cls, found, static)
        self = cls._interned.get(key)
        if self is None:
            self = super().__new__(cls)
            self.dtype, self.shape = found, static
            self.ndim = len(static)
            self.broadcastable = tuple(d == 1 for d in static)
            self.numpy_dtype = found
            self._hash = hash((found.name, static))
            self = cls._interned.setdefault(key, self)  # another thread may have been first
        return self

    @classmethod
    def of(cls, dtype: np.dtype[Any], shape: StaticShape) -> "TensorType":
        """Return the type of a dtype out of ``dtypes.DTYPES`` and a shape of ints and ``None``, which are not checked.

        For the building of nodes, which makes most types from parts of other types.
        """
        return cls._interned.get((cls, dtype, shape)) or cls(dtype, shape)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.dtype.name, self.shape)

    def clone(self, dtype: Any = None, shape: Any = None, broadcastable: Any = None) -> "TensorType":
        """Return this type with another dtype or shape."""
        if shape is None:
            shape = broadcastable
        return type(self)(self.dtype if dtype is None else dtype, self.shape if shape is None else shape)

    def is_super(self, other: Type) -> bool:
        """Tell whether ``other`` is the same, or knows more of its shape."""
        return self is other or (
            isinstance(other, TensorType)
            and self.dtype is other.dtype
            and self.ndim == other.ndim
            and all(mine is None or mine == theirs for mine, theirs in zip(self.shape, other.shape, strict=True))
        )

    def filter(self, value: Any, strict: bool = False, allow_downcast: bool | None = None) -> np.ndarray[Any, Any]:
        """Return ``value`` as an aligned array of this type in native byte order, copying only where needed.

        Parameters
        ----------
        strict
            Refuse anything but an array of exactly this dtype.
        allow_downcast
            ``True``: cast whatever loses precision. ``None``: only Python floats, where this is ``config.floatX``.
            ``False``: never.

        Raises
        ------
        TypeError
            For a wrong number of dimensions, a wrong static dimension, or a loss of precision that is not allowed.
        """
        if isinstance(value, Variable):
            raise TypeError(
                f"expected a value for {self}, got the symbolic variable {value}. "
                "Give arrays and numbers here; to join graphs use givens."
            )
        if isinstance(value, np.ndarray) and value.dtype is self.dtype:
            array = value
        elif strict:
            raise TypeError(f"expected exactly a numpy array of dtype {self.dtype} (strict), got {_describe(value)}.")
        else:
            array = self._convert(value, allow_downcast)
        if type(array) is not np.ndarray:
            array = np.asarray(as_array(array))  # the array that a subclass is: a memory map is not read for it
        if not (array.flags.aligned and array.dtype.isnative):
            array = np.array(array, dtype=self.dtype, order="K")
        if array.ndim != self.ndim:
            raise TypeError(
                f"wrong number of dimensions: expected {self.ndim} ({self}), got {array.ndim} with shape {array.shape}."
            )
        for axis, (wanted, got) in enumerate(zip(self.shape, array.shape, strict=True)):
            if wanted is not None and wanted != got:
                raise TypeError(f"dimension {axis} must have length {wanted} for {self}, got shape {array.shape}.")
        return array

    def _convert(self, value: Any, allow_downcast: bool | None) -> np.ndarray[Any, Any]:
        try:
            given = as_array(value)
        except TypeError as error:
            raise TypeError(f"{error} ({_describe(value)}, for {self})") from None
        if given.dtype.kind not in "biufc":
            raise TypeError(f"expected numbers for {self}, got {_describe(value)}.")
        if given.dtype.kind == "c" and self.dtype.kind != "c":
            raise TypeError(f"{_describe(value)} is complex, {self} is not. Give its real part: value.real.")
        if given.dtype == self.dtype or allow_downcast:
            return _cast(given, self.dtype)
        if is_array(value):
            if np.promote_types(given.dtype, self.dtype) == self.dtype:
                return _cast(given, self.dtype)
        elif allow_downcast is None and given.dtype.kind in "bif" and self.dtype.name == _floatX():
            return _cast(given, self.dtype)
        else:
            converted = _cast(given, self.dtype)
            if np.array_equal(given, converted, equal_nan=given.dtype.kind in "fc"):
                return converted
        raise TypeError(
            f"{_describe(value)} does not fit {self} without losing precision. Cast it yourself, "
            f"value.astype('{self.dtype}'), or make the function with allow_input_downcast=True."
        )

    def values_eq(self, a: Any, b: Any) -> bool:
        """Tell whether two arrays have equal dtype, shape and elements; NaN equals NaN."""
        a, b = np.asarray(a), np.asarray(b)
        return a.dtype == b.dtype and a.shape == b.shape and bool(np.array_equal(a, b, equal_nan=a.dtype.kind in "fc"))

    def values_eq_approx(self, a: Any, b: Any, rtol: float | None = None, atol: float | None = None) -> bool:
        """Tell whether two arrays agree up to the rounding of their dtype (NaN and infinities exactly)."""
        a, b = np.asarray(a), np.asarray(b)
        if a.dtype != b.dtype or a.shape != b.shape:
            return False
        if a.dtype.kind not in "fc":
            return bool(np.array_equal(a, b))
        eps = float(np.finfo(a.dtype).eps) ** 0.7
        return bool(
            np.allclose(a, b, rtol=eps if rtol is None else rtol, atol=eps if atol is None else atol, equal_nan=True)
        )

    def may_share_memory(self, a: Any, b: Any) -> bool:
        """Tell whether two arrays may overlap in memory."""
        return isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and bool(np.may_share_memory(a, b))

    def __repr__(self) -> str:
        if all(d in (None, 1) for d in self.shape):
            kind = _NAMES.get(self.ndim, f"{self.ndim}D")
            if self.broadcastable == (True, False):
                kind = "row"
            elif self.broadcastable == (False, True):
                kind = "col"
            elif any(self.broadcastable):
                kind = f"shape=({', '.join('?' if d is None else str(d) for d in self.shape)})"
            return f"TensorType({self.dtype}, {kind})"
        return f"TensorType({self.dtype}, shape=({', '.join('?' if d is None else str(d) for d in self.shape)}))"

    __str__ = __repr__


def _floatX() -> str:
    from symcore.config import config

    return str(config.floatX)


def _static_dim(dim: Any) -> int | None:
    if dim is None:
        return None
    if isinstance(dim, (bool, np.bool_)):
        return 1 if dim else None
    length = int(dim)
    if length < 0:
        raise ValueError(f"a static dimension must be a length or None, got {dim}.")
    return length


def _cast(array: np.ndarray[Any, Any], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    with np.errstate(all="ignore"):
        return array.astype(dtype, order="K", copy=False, subok=False)


def _describe(value: Any) -> str:
    if isinstance(value, (np.ndarray, np.generic)):
        return f"an array of dtype {value.dtype} and shape {value.shape}"
    text = repr(value)
    return f"{text if len(text) <= 60 else text[:57] + '...'} ({type(value).__name__})"
