"""Sparse variables: operators and methods. The top floor of ``sparse``: it knows the functions, none knows it."""

from typing import Any, NoReturn

from symcore.graph.shared import SharedVariable
from symcore.graph.variable import Constant, Variable
from symcore.sparse import arithmetic, base, entries, indexing, joining, parts, products, structured
from symcore.sparse.type import SparseType, class_of


class SparseOperators:
    """What sparse variables, constants and shared sparse variables can do. Nothing computes."""

    type: SparseType
    owner: Any
    #: NumPy and SciPy must hand their operators over to ours.
    __array_priority__ = 1001
    __array_ufunc__ = None

    # ------------------------------------------------------------------ what is known

    @property
    def ndim(self) -> int:
        """Number of dimensions: 2."""
        return 2

    @property
    def dtype(self) -> str:
        """Name of the dtype."""
        return self.type.dtype.name

    @property
    def format(self) -> str:
        """``"csc"``, ``"csr"`` or ``"bsr"``."""
        return self.type.format

    @property
    def shape(self) -> Any:
        """The shape as a symbolic vector; ``x.shape[0]`` is a symbolic integer. What is known: ``x.type.shape``."""
        return parts.csm_shape(self)

    @property
    def size(self) -> Any:
        """The number of stored entries, as a symbolic integer; of ``bsr`` those of whole blocks."""
        return entries.entries(self).size

    nnz = size

    @property
    def T(self) -> Any:
        """The transposed matrix: of ``csc`` a ``csr`` one, and the other way round."""
        return base.transpose(self)

    # ------------------------------------------------------------------ as a Python object

    def __bool__(self) -> bool:
        return True

    def __len__(self) -> NoReturn:
        raise TypeError("len() of a sparse matrix is not known while the graph is built; use x.shape[0].")

    def __iter__(self) -> NoReturn:
        raise TypeError(f"cannot iterate over the sparse matrix {self}; take its rows by index, x[i].")

    def __array__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError(
            f"{self} is symbolic and has no values; compute it with .eval() or a function. A matrix of SciPy on the "
            "left of an operator becomes symbolic by sparse.as_sparse_variable(A)."
        )

    # ------------------------------------------------------------------ operators

    def __add__(self, other: Any) -> Any:
        return arithmetic.add(self, other)

    def __radd__(self, other: Any) -> Any:
        return arithmetic.add(other, self)

    def __sub__(self, other: Any) -> Any:
        return arithmetic.sub(self, other)

    def __rsub__(self, other: Any) -> Any:
        return arithmetic.sub(other, self)

    def __mul__(self, other: Any) -> Any:
        return arithmetic.mul(self, other)

    def __rmul__(self, other: Any) -> Any:
        return arithmetic.mul(other, self)

    def __truediv__(self, other: Any) -> Any:
        return arithmetic.true_divide(self, other)

    def __neg__(self) -> Any:
        return arithmetic.neg(self)

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        return structured.abs(self)

    def __lt__(self, other: Any) -> Any:
        return arithmetic.lt(self, other)

    def __le__(self, other: Any) -> Any:
        return arithmetic.le(self, other)

    def __gt__(self, other: Any) -> Any:
        return arithmetic.gt(self, other)

    def __ge__(self, other: Any) -> Any:
        return arithmetic.ge(self, other)

    def __dot__(self, other: Any) -> Any:
        return products.structured_dot(self, other)

    def __rdot__(self, other: Any) -> Any:
        return products.structured_dot(other, self)

    def __matmul__(self, other: Any) -> Any:
        return products.structured_dot(self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return products.structured_dot(other, self)

    def __getitem__(self, index: Any) -> Any:
        return indexing.getitem(self, index)

    # ------------------------------------------------------------------ work

    def dot(self, other: Any) -> Any:
        """Return the matrix product, with gradients of stored entries: see ``sparse.structured_dot``."""
        return products.structured_dot(self, other)

    def transpose(self) -> Any:
        """Return the transposed matrix."""
        return base.transpose(self)

    def toarray(self) -> Any:
        """Return the matrix as a tensor; its gradient is that of the stored entries."""
        return entries.dense_from_sparse(self)

    todense = toarray

    def asformat(self, format: str) -> Any:
        """Return the matrix in the format ``"csc"``, ``"csr"`` or ``"bsr"``."""
        return entries.in_format(self, format)

    def tocsc(self) -> Any:
        """Return the matrix compressed by column."""
        return entries.in_format(self, "csc")

    def tocsr(self) -> Any:
        """Return the matrix compressed by row."""
        return entries.in_format(self, "csr")

    def tobsr(self) -> Any:
        """Return the matrix as rows of dense blocks."""
        return entries.in_format(self, "bsr")

    def astype(self, dtype: Any) -> Any:
        """Return the matrix with another dtype."""
        return arithmetic.cast(self, dtype)

    def multiply(self, other: Any) -> Any:
        """Return the elementwise product, as ``*``."""
        return arithmetic.mul(self, other)

    def sum(self, axis: Any = None, sparse_grad: bool = False) -> Any:
        """See ``sparse.sp_sum``."""
        return entries.sp_sum(self, axis, sparse_grad)

    def diagonal(self) -> Any:
        """Return the main diagonal as a dense vector."""
        return joining.diag(self)

    def conj(self) -> Any:
        """Return the complex conjugate."""
        return structured.conj(self)

    def copy(self, name: str | None = None) -> Any:
        """Return the matrix under a variable of its own."""
        result = entries.ConvertFormat(self.type.format)(self)
        result.name = name
        return result

    def zeros_like(self, dtype: Any = None) -> Any:
        """Return a matrix of this shape that stores nothing."""
        return parts.sp_zeros_like(self, dtype)

    def ones_like(self, dtype: Any = None) -> Any:
        """Return the matrix that stores 1 wherever this one stores an entry."""
        return entries.sp_ones_like(self, dtype)


class SparseVariable(SparseOperators, Variable[SparseType]):
    """A symbolic sparse matrix."""


class SparseConstant(SparseOperators, Constant[SparseType]):
    """A sparse matrix whose value is known. Its arrays are read-only."""

    def signature(self) -> Any:
        found = self.__dict__.get("_signature")
        if found is None:
            found = self.__dict__["_signature"] = base.signature(self.data)
        return found

    def __str__(self) -> str:
        return self.name if self.name is not None else base.described(self)


class SparseSharedVariable(SparseOperators, SharedVariable[SparseType]):
    """A shared sparse matrix."""

    def zero(self, borrow: bool = False) -> None:
        """Set every element to zero, keeping shape and dtype: nothing is stored any more."""
        value = self.container.value
        self.container.value = class_of(value.format)(value.shape, dtype=value.dtype)


SparseType.variable_class = SparseVariable
SparseType.constant_class = SparseConstant
SparseType.shared_class = SparseSharedVariable
