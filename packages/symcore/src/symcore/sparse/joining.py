"""Matrices put beside each other, below each other, or along a diagonal; diagonals; entries that are zero."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from symcore.graph.null import disconnected
from symcore.graph.variable import Apply
from symcore.op import Shape
from symcore.sparse.arithmetic import cast
from symcore.sparse.base import _SparseOp, as_sparse_or_tensor_variable, as_sparse_variable, dims, is_sparse, length
from symcore.sparse.entries import SparseFromDense, in_format
from symcore.sparse.indexing import get_item_2d
from symcore.sparse.parts import sp_zeros_like
from symcore.sparse.type import FORMATS, SparseType, as_matrix, scipy_sparse
from symcore.tensor import dtypes
from symcore.tensor.constant import as_tensor
from symcore.tensor.shapes import as_length, shape_i
from symcore.tensor.type import TensorType


def _same_dtype(op: Any, blocks: Sequence[Any]) -> list[Any]:
    if not blocks:
        raise ValueError(f"{op} needs at least one matrix.")
    found = [as_sparse_variable(b) for b in blocks]
    dtype = dtypes.upcast(*[b.type.dtype for b in found])
    return [cast(b, dtype) for b in found]


def _total(lengths: Sequence[Any]) -> Any:
    total = lengths[0]
    for n in lengths[1:]:
        total = total + n
    return total


def _check_format(op: Any, format: str) -> None:
    if format not in FORMATS:
        raise ValueError(f"{op}: the format is {', '.join(map(repr, FORMATS))}, got {format!r}.")


def _or_zeros(tangents: Sequence[Any], inputs: Sequence[Any]) -> list[Any] | None:
    """Return tangents with matrices of zeros for those that are ``None``; ``None`` if all of them are."""
    if all(t is None for t in tangents):
        return None
    return [sp_zeros_like(x) if t is None else t for x, t in zip(inputs, tangents, strict=True)]


class SparseStack(_SparseOp):
    """Matrices below each other (``axis`` 0) or beside each other (1)."""

    axis: int
    format: str

    def make_node(self, *blocks: Any) -> Apply:
        _check_format(self, self.format)
        found = _same_dtype(self, blocks)
        other = {b.type.shape[1 - self.axis] for b in found} - {None}
        if len(other) > 1:
            raise ValueError(
                f"{self}: matrices of lengths {sorted(other)} along axis {1 - self.axis} cannot be put together."
            )
        along = [b.type.shape[self.axis] for b in found]
        shape: list[int | None] = [None, None]
        shape[self.axis] = None if None in along else sum(along)
        shape[1 - self.axis] = next(iter(other), None)
        return Apply(self, found, [SparseType(self.format, found[0].type.dtype, shape)()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape | None]:
        shapes = [dims(node, input_shapes, k) for k in range(len(node.inputs))]
        known = [s for s in shapes if s is not None]
        if len(known) < len(shapes):
            return [None]
        total, other = _total([s[self.axis] for s in known]), known[0][1 - self.axis]
        return [(total, other) if self.axis == 0 else (other, total)]

    def perform(self, node: Apply, *blocks: Any) -> Any:
        if len({b.shape[1 - self.axis] for b in blocks}) > 1:
            raise ValueError(f"{self}: matrices of shapes {[b.shape for b in blocks]} cannot be put together.")
        stack = scipy_sparse().vstack if self.axis == 0 else scipy_sparse().hstack
        return as_matrix(stack(blocks, format=self.format, dtype=blocks[0].dtype), self.format).copy()

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        start: Any = 0
        terms = []
        for x in inputs:
            stop = start + length(x, self.axis)
            part = slice(start, stop)
            taken = get_item_2d(output_grads[0], (part, slice(None)) if self.axis == 0 else (slice(None), part))
            terms.append(in_format(taken, x.type.format))
            start = stop
        return terms

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        filled = _or_zeros(tangents, inputs)
        return [None if filled is None else self(*filled)]


class BlockDiag(_SparseOp):
    """Matrices along the diagonal of a matrix that is zero elsewhere."""

    format: str

    def make_node(self, *blocks: Any) -> Apply:
        _check_format(self, self.format)
        found = _same_dtype(self, blocks)
        shape = [
            None if any(b.type.shape[k] is None for b in found) else sum(b.type.shape[k] for b in found) for k in (0, 1)
        ]
        return Apply(self, found, [SparseType(self.format, found[0].type.dtype, shape)()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape | None]:
        shapes = [dims(node, input_shapes, k) for k in range(len(node.inputs))]
        known = [s for s in shapes if s is not None]
        if len(known) < len(shapes):
            return [None]
        return [(_total([s[0] for s in known]), _total([s[1] for s in known]))]

    def perform(self, node: Apply, *blocks: Any) -> Any:
        return as_matrix(scipy_sparse().block_diag(blocks, format=self.format, dtype=blocks[0].dtype), self.format)

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        row: Any = 0
        column: Any = 0
        terms = []
        for x in inputs:
            below, beside = row + length(x, 0), column + length(x, 1)
            taken = get_item_2d(output_grads[0], (slice(row, below), slice(column, beside)))
            terms.append(in_format(taken, x.type.format))
            row, column = below, beside
        return terms

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        filled = _or_zeros(tangents, inputs)
        return [None if filled is None else self(*filled)]


class Diag(_SparseOp):
    """The main diagonal, as a dense vector."""

    def make_node(self, x: Any) -> Apply:
        x = as_sparse_variable(x)
        m, n = x.type.shape
        return Apply(self, [x], [TensorType(x.type.dtype, (None if m is None or n is None else min(m, n),))()])

    def perform(self, node: Apply, x: Any) -> Any:
        return x.diagonal()

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        [x], [g] = inputs, output_grads
        return [DiagonalMatrix(x.type.format)(g, length(x, 0), length(x, 1))]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [None if tangents[0] is None else self(tangents[0])]


class DiagonalMatrix(_SparseOp):
    """The sparse matrix of a given shape with a dense vector on its main diagonal. Inputs ``(vector, m, n)``."""

    format: str

    def make_node(self, v: Any, m: Any, n: Any) -> Apply:
        _check_format(self, self.format)
        v = as_tensor(v)
        if v.type.ndim != 1:
            raise TypeError(f"{self} takes the diagonal as a vector, got {v.type}.")
        return Apply(self, [v, as_length(m), as_length(n)], [SparseType(self.format, v.type.dtype)()])

    def lengths(self, node: Apply) -> Shape:
        return tuple(node.inputs[1:])

    def perform(self, node: Apply, v: Any, m: Any, n: Any) -> Any:
        m, n = int(m), int(n)
        if len(v) != min(m, n):
            raise ValueError(f"{self}: the diagonal of a matrix of shape {(m, n)} is {min(m, n)} long, not {len(v)}.")
        positions = np.arange(len(v))
        placed = scipy_sparse().coo_matrix((v.copy(), (positions, positions)), shape=(m, n))
        return as_matrix(placed, self.format)

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True], [False], [False]]

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        return [Diag()(output_grads[0]), disconnected(), disconnected()]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [None if tangents[0] is None else self(tangents[0], *inputs[1:])]


class Remove0(_SparseOp):
    """The same matrix without the stored entries that are zero. Its gradient is that of all elements."""

    shape_of: ClassVar[int | None] = 0

    def make_node(self, x: Any) -> Apply:
        x = as_sparse_variable(x)
        return Apply(self, [x], [x.type()])

    def perform(self, node: Apply, x: Any) -> Any:
        y = x.copy()
        y.eliminate_zeros()
        return y

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        return [output_grads[0]]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [tangents[0]]


# ---------------------------------------------------------------------- as users write it


def hstack(blocks: Sequence[Any], format: str | None = None, dtype: Any = None) -> Any:
    """Return sparse matrices beside each other.

    ``format`` is that of the result, ``"csc"`` by default; ``dtype`` the common one by default. Raises ``ValueError``
    for no matrices, and where the numbers of rows differ.
    """
    return _stacked(1, blocks, format, dtype)


def vstack(blocks: Sequence[Any], format: str | None = None, dtype: Any = None) -> Any:
    """Return sparse matrices below each other; see ``hstack``."""
    return _stacked(0, blocks, format, dtype)


def _stacked(axis: int, blocks: Sequence[Any], format: str | None, dtype: Any) -> Any:
    found = list(blocks) if dtype is None else [cast(b, dtype) for b in blocks]
    return SparseStack(axis, format or "csc")(*found)


def block_diag(*matrices: Any, format: str = "csc") -> Any:
    """Return sparse or dense matrices along the diagonal of a sparse one, in ``format``.

    A single list of matrices is taken as these.
    """
    if len(matrices) == 1 and isinstance(matrices[0], (list, tuple)):
        matrices = tuple(matrices[0])
    found = [as_sparse_or_tensor_variable(m) for m in matrices]
    return BlockDiag(format)(*[m if is_sparse(m) else SparseFromDense(format)(m) for m in found])


def diag(x: Any) -> Any:
    """Return the main diagonal of a sparse matrix as a dense vector."""
    return Diag()(x)


def square_diagonal(v: Any) -> Any:
    """Return the square ``csc`` matrix with the dense vector ``v`` on its diagonal."""
    v = as_tensor(v)
    if v.type.ndim != 1:
        raise TypeError(f"square_diagonal takes a vector, got {v} of type {v.type}.")
    n = shape_i(v, 0)
    return DiagonalMatrix("csc")(v, n, n)


def remove0(x: Any) -> Any:
    """Return a sparse matrix without the stored entries that are zero."""
    return Remove0()(x)


def ensure_sorted_indices(x: Any) -> Any:
    """Return a sparse matrix with its indices in order: itself, for so they always are here."""
    return as_sparse_variable(x)


def clean(x: Any) -> Any:
    """Return a sparse matrix with its indices in order and without stored zeros."""
    return remove0(ensure_sorted_indices(x))
