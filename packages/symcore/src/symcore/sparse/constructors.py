"""Making sparse variables, and shared variables that hold sparse matrices."""

from collections.abc import Callable
from typing import Any

from symcore.graph.shared import SharedVariable
from symcore.sparse.type import SparseType, is_sparse_value
from symcore.tensor.shared import constructors


def matrix(format: str, name: str | None = None, dtype: Any = None, shape: Any = None) -> Any:
    """Return a sparse variable of a format (``"csc"``, ``"csr"`` or ``"bsr"``) and dtype, ``floatX`` by default.

    ``shape``: what is known of the lengths of the axes. Raises what ``SparseType`` does.
    """
    return SparseType(format, "floatX" if dtype is None else dtype, shape)(name)


def _maker(name: str, format: str, dtype: str | None) -> Callable[..., Any]:
    def make(name: str | None = None, dtype: Any = dtype, shape: Any = None) -> Any:
        return matrix(format, name, dtype, shape)

    make.__name__ = make.__qualname__ = name
    make.__doc__ = f"Return a ``{format}`` variable of dtype {dtype or 'floatX'}, unless another one is given."
    return make


csc_matrix = _maker("csc_matrix", "csc", None)
csr_matrix = _maker("csr_matrix", "csr", None)
bsr_matrix = _maker("bsr_matrix", "bsr", None)
csc_fmatrix = _maker("csc_fmatrix", "csc", "float32")
csr_fmatrix = _maker("csr_fmatrix", "csr", "float32")
bsr_fmatrix = _maker("bsr_fmatrix", "bsr", "float32")
csc_dmatrix = _maker("csc_dmatrix", "csc", "float64")
csr_dmatrix = _maker("csr_dmatrix", "csr", "float64")
bsr_dmatrix = _maker("bsr_dmatrix", "bsr", "float64")


def sparse_shared(
    value: Any,
    name: str | None = None,
    strict: bool = False,
    allow_downcast: bool | None = None,
    borrow: bool = False,
    **_: Any,
) -> SharedVariable[Any] | None:
    """Return a shared variable holding a sparse matrix of SciPy; ``None`` for other values. ``shared()`` asks this
    first. Formats other than ``csc``, ``csr`` and ``bsr`` become ``csr``; the value is copied unless ``borrow``."""
    if not is_sparse_value(value):
        return None
    stype = SparseType(value.format if value.format in ("csc", "bsr") else "csr", value.dtype)
    given = value if borrow else value.copy()
    made: SharedVariable[Any] = stype.shared_class(
        stype, given, name=name, strict=strict, allow_downcast=allow_downcast
    )
    return made


constructors.append(sparse_shared)
