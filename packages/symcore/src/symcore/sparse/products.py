"""Matrix products with sparse matrices.

Their gradients come in two kinds. *Regular*: the derivative with respect to every element of the sparse matrix, stored
or not; a full matrix, in sparse format, if the other factor is dense. *Structured*: with respect to the stored entries
alone, computed only there.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from symcore.graph.null import disconnected
from symcore.graph.variable import Apply
from symcore.op import Shape
from symcore.sparse.arithmetic import AddSS
from symcore.sparse.base import (
    _SparseOp,
    as_sparse_or_tensor_variable,
    as_sparse_variable,
    dims,
    in_dtype_of,
    is_sparse,
    is_sparse_variable,
    transpose,
)
from symcore.sparse.entries import (
    DenseFromSparse,
    SparseFromDense,
    entries,
    in_format,
    sparse_at,
    structure,
    with_entries_of,
)
from symcore.sparse.type import SparseType, as_matrix, coordinates
from symcore.tensor import dtypes
from symcore.tensor import products as dense_products
from symcore.tensor.constant import as_tensor
from symcore.tensor.type import TensorType

#: Elements of a factor that ``SampledDot`` looks up at a time: few enough to stay in a core's own cache.
_BLOCK = 1 << 15


class SparseDot(_SparseOp):
    """The product of a sparse matrix with a sparse matrix (sparse), or a dense matrix or vector (dense).

    ``structured``: the gradients with respect to sparse factors are those of their stored entries. Zeros that are not
    stored count as zeros even against infinity.
    """

    structured: bool = False

    def make_node(self, x: Any, y: Any) -> Apply:
        x, y = as_sparse_variable(x), as_sparse_or_tensor_variable(y)
        if y.type.ndim not in (1, 2):
            raise TypeError(f"{self} multiplies a sparse matrix by a vector or a matrix, got {y.type}.")
        inner, given = x.type.shape[1], y.type.shape[0]
        if inner is not None and given is not None and inner != given:
            raise ValueError(f"{self}: {x.type} and {y.type} cannot be multiplied: {inner} columns, {given} rows.")
        dtype = dtypes.upcast(x.type.dtype, y.type.dtype)
        shape = (x.type.shape[0], *y.type.shape[1:])
        made = SparseType(x.type.format, dtype, shape) if is_sparse_variable(y) else TensorType(dtype, shape)
        return Apply(self, [x, y], [made()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape | None]:
        x, y = dims(node, input_shapes, 0), dims(node, input_shapes, 1)
        return [None if x is None or y is None else (x[0], *y[1:])]

    def perform(self, node: Apply, x: Any, y: Any) -> Any:
        out = node.outputs[0].type
        if x.shape[1] != y.shape[0]:
            raise ValueError(f"{self}: shapes {x.shape} and {y.shape} cannot be multiplied.")
        with np.errstate(all="ignore"):
            if isinstance(out, SparseType):
                return as_matrix(as_matrix(x, x.format, out.dtype) @ as_matrix(y, y.format, out.dtype), out.format)
            return np.asarray(as_matrix(x, x.format, out.dtype) @ y.astype(out.dtype, copy=False))

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        [x, y], [g] = inputs, output_grads
        to_y = SparseDot()(transpose(x), g)
        if is_sparse_variable(y):
            to_x = SparseDot()(g, transpose(y))
            return [in_dtype_of(self._like(t, v), v) for t, v in ((to_x, x), (to_y, y))]
        rows, columns = (v.dimshuffle(0, "x") if v.type.ndim == 1 else v for v in (g, y))
        if self.structured:
            to_x = with_entries_of(x, SampledDot()(rows, columns, structure(x)))
        else:
            to_x = SparseFromDense(x.type.format)(dense_products.dot(rows, columns.T))
        return [in_dtype_of(to_x, x), in_dtype_of(to_y, y)]

    def _like(self, term: Any, x: Any) -> Any:
        """Return the gradient of a sparse factor in its format, and where it stores something only if structured."""
        if self.structured:
            return with_entries_of(x, sparse_at(x, term))
        return in_format(term, x.type.format)

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        [x, y], (u, v) = inputs, tangents
        terms = [self(u, y)] if u is not None else []
        terms += [self(x, v)] if v is not None else []
        if len(terms) < 2:
            return terms or [None]
        return [AddSS()(*terms) if is_sparse_variable(y) else terms[0] + terms[1]]


class SampledDot(_SparseOp):
    """The elements of ``x @ y.T`` at the positions that the sparse ``p`` stores, as a vector; no others are computed.

    Inputs ``(x, y, p)``: dense matrices of shapes ``(m, k)`` and ``(n, k)``, a sparse one of shape ``(m, n)``.
    """

    def make_node(self, x: Any, y: Any, p: Any) -> Apply:
        x, y, p = as_tensor(x), as_tensor(y), as_sparse_variable(p)
        if x.type.ndim != 2 or y.type.ndim != 2:
            raise TypeError(f"{self} takes two dense matrices, got {x.type} and {y.type}.")
        return Apply(self, [x, y, p], [TensorType(dtypes.upcast(x.type.dtype, y.type.dtype), (None,))()])

    def perform(self, node: Apply, x: Any, y: Any, p: Any) -> Any:
        if x.shape[1] != y.shape[1] or p.shape != (x.shape[0], y.shape[0]):
            raise ValueError(f"{self}: factors of shapes {x.shape} and {y.shape} do not give a matrix of {p.shape}.")
        dtype = node.outputs[0].type.dtype
        x, y = x.astype(dtype, copy=False), y.astype(dtype, copy=False)
        rows, columns = coordinates(p)
        found = np.empty(len(rows), dtype)
        step = max(1, _BLOCK // max(1, x.shape[1]))
        with np.errstate(all="ignore"):
            for start in range(0, len(rows), step):
                part = slice(start, start + step)
                np.einsum("ij,ij->i", x.take(rows[part], 0), y.take(columns[part], 0), out=found[part])
        return found

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True], [True], [False]]

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        [x, y, p], [g] = inputs, output_grads
        weights = with_entries_of(p, g)
        terms = [SparseDot()(weights, y), SparseDot()(transpose(weights), x)]
        return [*(in_dtype_of(t, v) for t, v in zip(terms, (x, y), strict=True)), disconnected()]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        [x, y, p], (u, v, _) = inputs, tangents
        terms = [self(u, y, p)] if u is not None else []
        terms += [self(x, v, p)] if v is not None else []
        return [terms[0] + terms[1] if len(terms) == 2 else terms[0] if terms else None]


def _product(structured: bool, x: Any, y: Any, asked: str) -> Any:
    if is_sparse(x):
        return SparseDot(structured)(x, y)
    if not is_sparse(y):
        raise TypeError(f"sparse.{asked} takes at least one sparse matrix, got {x} and {y}; use T.dot.")
    x = as_tensor(x)
    if x.type.ndim not in (1, 2):
        raise TypeError(f"sparse.{asked} multiplies a vector or a matrix by a sparse matrix, got {x.type}.")
    product = SparseDot(structured)(transpose(y), x.T)
    return product.T


def dot(x: Any, y: Any) -> Any:
    """Return the matrix product, of which at least one factor is sparse, as a tensor. Its gradient is regular.

    Factors are matrices; a dense one may be a vector. See ``true_dot`` for a sparse product of sparse matrices, and
    ``structured_dot`` for gradients of the stored entries alone.
    """
    product = _product(False, x, y, "dot")
    return DenseFromSparse(False)(product) if is_sparse_variable(product) else product


def true_dot(x: Any, y: Any, grad_preserves_dense: bool = True) -> Any:
    """Return the matrix product: sparse if both factors are, else dense. Its gradient is regular.

    With ``grad_preserves_dense=False`` the gradient of a sparse factor is that of its stored entries.
    """
    return _product(not grad_preserves_dense, x, y, "true_dot")


def structured_dot(x: Any, y: Any) -> Any:
    """Return the matrix product: sparse if both factors are, else dense. Its gradient is structured: with respect to
    a sparse factor it is that of the stored entries, computed only there. ``x @ y`` and ``T.dot`` mean this one."""
    return _product(True, x, y, "structured_dot")


def sampling_dot(x: Any, y: Any, p: Any) -> Any:
    """Return ``p * (x @ y.T)`` for dense ``x`` and ``y``, computed only where the sparse ``p`` stores something.

    Shapes ``(m, k)``, ``(n, k)`` and ``(m, n)``. The gradient with respect to ``p`` is that of its stored entries.
    """
    p = as_sparse_variable(p)
    return with_entries_of(p, entries(p) * SampledDot()(x, y, structure(p)))


def usmm(alpha: Any, x: Any, y: Any, z: Any) -> Any:
    """Return ``alpha * (x @ y) + z``: one of ``x`` and ``y`` sparse, the scalar ``alpha`` and ``z`` dense."""
    product = _product(False, x, y, "usmm")
    if is_sparse_variable(product):
        product = DenseFromSparse(False)(product)
    return as_tensor(alpha) * product + as_tensor(z)
