"""``SparseType``: matrices of SciPy in a compressed format, and what all modules of this folder do with such values."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from symcore.extras import scipy_module
from symcore.graph.type import Type
from symcore.graph.variable import Variable
from symcore.tensor import dtypes
from symcore.tensor.type import TensorType

StaticShape = tuple[int | None, int | None]
#: Compressed by column, by row, and by rows of dense blocks.
FORMATS = ("csc", "csr", "bsr")
#: What SciPy has sparse kernels for: every dtype but float16.
DTYPES = frozenset(set(dtypes.DTYPES) - {"float16"})


def scipy_sparse(asked: str = "a sparse matrix") -> Any:
    """Return ``scipy.sparse``. Raises ``ImportError`` that names the extra."""
    return scipy_module("sparse", asked)


def is_sparse_value(value: Any) -> bool:
    """Tell whether a value is a sparse matrix (or array) of SciPy, without importing it."""
    return type(value).__module__.startswith("scipy.sparse") and scipy_sparse().issparse(value)


class SparseType(Type):
    """Sparse matrices of one format and dtype, with what is known of their shape.

    Parameters
    ----------
    format
        ``"csc"``, ``"csr"`` or ``"bsr"``.
    dtype
        A dtype of tensors but float16; ``"floatX"`` by default.
    shape
        The lengths of the two axes, ``None`` where they are known only at run time.

    Values are ``scipy.sparse.csc_matrix``, ``csr_matrix`` and ``bsr_matrix`` objects in canonical form: indices sorted,
    no position stored twice (``filter`` sees to it). An entry that is stored may be zero. Types are interned: equal
    parameters give the same object.

    Raises
    ------
    ValueError
        For an unknown format or a shape that is not two lengths.
    TypeError
        For a dtype that sparse matrices cannot have.
    ImportError
        Where SciPy is not installed.
    """

    format: str
    dtype: np.dtype[Any]
    shape: StaticShape
    ndim: ClassVar[int] = 2
    broadcastable: ClassVar[tuple[bool, bool]] = (False, False)
    dtype_set: ClassVar[frozenset[str]] = DTYPES
    #: What the functions of tensors say when they are given a sparse matrix.
    how_to_tensor: ClassVar[str] = "Use the function of that name in sparse, or make the matrix dense: x.toarray()."
    _interned: ClassVar[dict[Any, "SparseType"]] = {}

    def __new__(
        cls, format: str, dtype: Any = "floatX", shape: Sequence[int | None] | None = None, name: str | None = None
    ) -> "SparseType":
        scipy_sparse()
        if format not in FORMATS:
            raise ValueError(f"a sparse matrix has format {', '.join(map(repr, FORMATS))}, got {format!r}.")
        found = dtypes.as_dtype(dtype)
        if found.name not in DTYPES:
            raise TypeError(f"sparse matrices cannot be {found.name}; use float32.")
        static = _static(shape)
        key = (cls, format, found, static)
        self = cls._interned.get(key)
        if self is None:
            self = super().__new__(cls)
            self.format, self.dtype, self.shape = format, found, static
            self = cls._interned.setdefault(key, self)  # another thread may have been first
        return self

    def __hash__(self) -> int:
        return hash((self.format, self.dtype.name, self.shape))

    def __eq__(self, other: object) -> bool:
        return self is other

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.format, self.dtype.name, self.shape)

    def clone(self, format: str | None = None, dtype: Any = None, shape: Any = None) -> "SparseType":
        """Return this type with another format, dtype or shape."""
        return type(self)(
            self.format if format is None else format,
            self.dtype if dtype is None else dtype,
            self.shape if shape is None else shape,
        )

    def is_super(self, other: Type) -> bool:
        """Tell whether every value of ``other`` is a value of this type."""
        return self is other or (
            isinstance(other, SparseType)
            and other.format == self.format
            and other.dtype is self.dtype
            and all(a is None or a == b for a, b in zip(self.shape, other.shape, strict=True))
        )

    def filter(self, value: Any, strict: bool = False, allow_downcast: bool | None = None) -> Any:
        """Return ``value`` as a matrix of this type.

        Other formats are converted, dense matrices too, and dtypes that lose nothing are cast. With ``strict`` the
        value must have this format and dtype already; with ``allow_downcast`` it may lose precision.

        Raises
        ------
        TypeError
            For symbolic variables, what is no matrix, a loss of precision that is not allowed, a wrong static length,
            and matrices whose indices lie outside of them.
        """
        cls = class_of(self.format)
        if type(value) is not cls or value.dtype != self.dtype:
            value = self._converted(value, strict, allow_downcast)
        if "_has_canonical_format" not in vars(value):  # SciPy has not looked at it yet: once per matrix
            check_parts(value)
        if not value.has_canonical_format:
            value = value.copy()
            value.sum_duplicates()
        for axis, (wanted, got) in enumerate(zip(self.shape, value.shape, strict=True)):
            if wanted is not None and wanted != got:
                raise TypeError(f"axis {axis} must have length {wanted} for {self}, got shape {value.shape}.")
        return value

    def _converted(self, value: Any, strict: bool, allow_downcast: bool | None) -> Any:
        if isinstance(value, Variable):
            raise TypeError(f"expected a value for {self}, got the symbolic variable {value}.")
        if not is_sparse_value(value):
            if strict:
                raise TypeError(f"expected exactly a {self.format} matrix of {self.dtype} (strict), got {value!r}.")
            try:
                value = TensorType(self.dtype, (None, None)).filter(value, allow_downcast=allow_downcast)
            except TypeError as error:
                raise TypeError(f"cannot make a sparse matrix for {self}: {error}") from None
            return class_of(self.format)(value)
        if value.ndim != 2:
            raise TypeError(f"expected a matrix for {self}, got a sparse array of shape {value.shape}.")
        if strict and (value.format != self.format or value.dtype != self.dtype):
            raise TypeError(
                f"expected exactly a {self.format} matrix of {self.dtype} (strict), got {value.format} of "
                f"{value.dtype}. Convert it: value.asformat('{self.format}').astype('{self.dtype}')."
            )
        loses = np.promote_types(value.dtype, self.dtype) != self.dtype
        if loses and (not allow_downcast or (value.dtype.kind == "c" and self.dtype.kind != "c")):
            raise TypeError(
                f"a sparse matrix of {value.dtype} does not fit {self} without losing precision. Cast it yourself, "
                f"value.astype('{self.dtype}'), or make the function with allow_input_downcast=True."
            )
        return as_matrix(value, self.format, self.dtype)

    def values_eq(self, a: Any, b: Any) -> bool:
        """Tell whether two matrices have equal dtype, shape and elements, stored or not; NaN equals NaN."""
        if not _comparable(a, b):
            return False
        left, right = aligned(a, b)
        return bool(np.array_equal(left, right, equal_nan=left.dtype.kind in "fc"))

    def values_eq_approx(self, a: Any, b: Any, rtol: float | None = None, atol: float | None = None) -> bool:
        """Tell whether two matrices agree up to the rounding of their dtype."""
        if not _comparable(a, b):
            return False
        return TensorType(a.dtype, (None,)).values_eq_approx(*aligned(a, b), rtol=rtol, atol=atol)

    def may_share_memory(self, a: Any, b: Any) -> bool:
        """Tell whether two values (matrices, or arrays) may overlap in memory."""
        return any(np.may_share_memory(x, y) for x in arrays_of(a) for y in arrays_of(b))

    def __repr__(self) -> str:
        if self.shape == (None, None):
            return f"SparseType({self.dtype}, {self.format})"
        lengths = ", ".join("?" if d is None else str(d) for d in self.shape)
        return f"SparseType({self.dtype}, {self.format}, shape=({lengths}))"

    __str__ = __repr__


def _static(shape: Sequence[int | None] | None) -> StaticShape:
    if shape is None:
        return (None, None)
    lengths = tuple(None if d is None else int(d) for d in shape)
    if len(lengths) != 2 or any(d is not None and d < 0 for d in lengths):
        raise ValueError(f"the shape of a sparse matrix is two lengths (or None), got {tuple(shape)}.")
    return lengths  # type: ignore[return-value]


def class_of(format: str) -> Any:
    """Return the class of the values of a format."""
    return getattr(scipy_sparse(), f"{format}_matrix")


def as_matrix(value: Any, format: str, dtype: Any = None) -> Any:
    """Return a sparse value in another format and dtype; itself where it has them."""
    cls = class_of(format)
    if dtype is not None and value.dtype != dtype:
        with np.errstate(all="ignore"):
            value = value.astype(dtype)
    return value if type(value) is cls else cls(value)


def with_entries(matrix: Any, data: np.ndarray[Any, Any]) -> Any:
    """Return a canonical matrix with the structure of ``matrix`` (shared, not copied) and the entries ``data``."""
    made = type(matrix)(
        (data.reshape(matrix.data.shape), matrix.indices, matrix.indptr), shape=matrix.shape, copy=False
    )
    made.has_canonical_format = True  # said once, not looked for again
    return made


def coordinates(matrix: Any) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the rows and the columns of the stored entries, in the order of ``matrix.data``."""
    if matrix.format == "bsr":
        found = matrix.tocoo(copy=False)
        return found.row, found.col
    major = np.repeat(np.arange(len(matrix.indptr) - 1, dtype=matrix.indices.dtype), np.diff(matrix.indptr))
    return (major, matrix.indices) if matrix.format == "csr" else (matrix.indices, major)


def check_parts(matrix: Any) -> None:
    """Raise ``TypeError`` for a matrix whose indices or pointers lie outside: SciPy's kernels would follow them."""
    try:
        matrix.check_format(full_check=True)
    except ValueError as error:
        raise TypeError(
            f"the {matrix.format} matrix of shape {matrix.shape} is malformed: {error}. See its check_format()."
        ) from None


def same_structure(a: Any, b: Any) -> bool:
    """Tell whether two canonical matrices store the same positions in the same order."""
    if a.format != b.format or a.shape != b.shape or a.data.shape != b.data.shape:
        return False
    return (a.indices is b.indices and a.indptr is b.indptr) or (
        np.array_equal(a.indptr, b.indptr) and np.array_equal(a.indices, b.indices)
    )


def elements(matrix: Any, rows: np.ndarray[Any, Any], columns: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the elements at the given positions, 0 where none is stored. Raises ``IndexError`` outside the matrix."""
    if matrix.format == "bsr":
        matrix = matrix.tocsr()
    if not len(rows):
        return np.zeros(0, matrix.dtype)
    return np.asarray(matrix[rows, columns]).ravel()


def aligned(a: Any, b: Any) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the elements of two matrices of one shape at all positions that either stores."""
    if same_structure(a, b):
        return a.data.ravel(), b.data.ravel()
    places = [np.concatenate(pair) for pair in zip(coordinates(a), coordinates(b), strict=True)]
    return elements(a, *places), elements(b, *places)


def arrays_of(value: Any) -> list[Any]:
    """Return the arrays that a value is made of."""
    if isinstance(value, np.ndarray):
        return [value]
    return [value.data, value.indices, value.indptr] if hasattr(value, "indptr") else []


def _comparable(a: Any, b: Any) -> bool:
    return all(map(is_sparse_value, (a, b))) and a.format == b.format and a.dtype == b.dtype and a.shape == b.shape
