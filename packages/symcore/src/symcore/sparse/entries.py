"""The stored entries as a vector, the way back, sums, and the ways between sparse and dense.

A function of the stored entries alone is ``with_entries_of(x, f(entries(x)))``: elementwise kernels, fusion and
derivatives are those of vectors. The Ops here are each other's derivatives, which is why they stand together:

* ``Entries`` and ``WithEntries``: a vector, and the matrix that stores it where another one stores something;
* ``DenseAt`` and ``SparseAt``: the elements of a matrix at the positions that another one stores;
* ``SparseFromDense`` and ``DenseFromSparse``; ``SpSum``.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from symcore.graph.null import disconnected
from symcore.graph.variable import Apply
from symcore.op import Shape
from symcore.sparse.base import (
    _SparseOp,
    as_matrix_pattern,
    as_sparse_variable,
    check_fits,
    check_shapes,
    common_shape,
    dims,
    length,
)
from symcore.sparse.type import SparseType, as_matrix, class_of, coordinates, elements, same_structure, with_entries
from symcore.tensor import dtypes
from symcore.tensor.constant import as_tensor
from symcore.tensor.creation import Alloc, alloc
from symcore.tensor.reduce import normalize_axis
from symcore.tensor.type import TensorType

#: How far ``sparse_at`` looks through a gradient for one that need not be built.
_DEPTH = 16


class Entries(_SparseOp):
    """The stored entries as a vector, in the order of the format; of ``bsr`` all elements of the stored blocks."""

    def make_node(self, x: Any) -> Apply:
        x = as_sparse_variable(x)
        return Apply(self, [x], [TensorType(x.type.dtype, (None,))()])

    def perform(self, node: Apply, x: Any) -> Any:
        return x.data.ravel()

    def view(self, node: Apply) -> dict[int, int]:
        return {0: 0}

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        return [with_entries_of(inputs[0], output_grads[0])]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [None if tangents[0] is None else sparse_at(inputs[0], tangents[0])]


class WithEntries(_SparseOp):
    """The matrix that stores the elements of a vector at the positions where ``x`` stores its own."""

    shape_of: ClassVar[int | None] = 0
    structure_of: ClassVar[int | None] = 0

    def make_node(self, x: Any, data: Any) -> Apply:
        x, data = as_sparse_variable(x), as_tensor(data)
        if data.type.ndim != 1:
            raise TypeError(f"{self} takes the stored entries as a vector, got {data.type}.")
        return Apply(self, [x, data], [x.type.clone(dtype=data.type.dtype)()])

    def perform(self, node: Apply, x: Any, data: Any) -> Any:
        if data.size != x.data.size:
            raise ValueError(f"{self}: the matrix stores {x.data.size} entries, the vector has {data.size}.")
        return with_entries(x, data.copy())

    def view(self, node: Apply) -> dict[int, int]:
        return {0: 0}  # of the positions

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[False], [True]]

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        return [disconnected(), sparse_at(inputs[0], output_grads[0])]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [None if tangents[1] is None else with_entries_of(inputs[0], tangents[1])]


class DenseAt(_SparseOp):
    """The elements of a tensor, broadcast to the shape of ``x``, at the positions that ``x`` stores: a vector."""

    def make_node(self, x: Any, y: Any) -> Apply:
        x = as_sparse_variable(x)
        y = as_matrix_pattern(self, as_tensor(y), x)
        return Apply(self, [x, y], [TensorType(y.type.dtype, (None,))()])

    def perform(self, node: Apply, x: Any, y: Any) -> Any:
        return dense_elements(self, x, y, node.inputs[1].type.shape)

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[False], [True]]

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        [x, y], [g] = inputs, output_grads
        if y.type.shape == (1, 1):
            return [disconnected(), g.sum().dimshuffle("x", "x").astype(g.type.dtype)]
        return [disconnected(), collected(with_entries_of(x, g), y)]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [None if tangents[1] is None else self(inputs[0], tangents[1])]


class SparseAt(_SparseOp):
    """The elements of a sparse matrix at the positions that ``x``, of the same shape, stores: a vector."""

    def make_node(self, x: Any, y: Any) -> Apply:
        x, y = as_sparse_variable(x), as_sparse_variable(y)
        common_shape(self, x, y)
        return Apply(self, [x, y], [TensorType(y.type.dtype, (None,))()])

    def perform(self, node: Apply, x: Any, y: Any) -> Any:
        check_shapes(self, x, y)
        return y.data.flatten() if same_structure(x, y) else elements(y, *coordinates(x))

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[False], [True]]

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        [x, y], [g] = inputs, output_grads
        return [disconnected(), in_format(with_entries_of(x, g), y.type.format)]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [None if tangents[1] is None else sparse_at(inputs[0], tangents[1])]


class ConvertFormat(_SparseOp):
    """The same matrix in another format."""

    shape_of: ClassVar[int | None] = 0
    format: str

    def make_node(self, x: Any) -> Apply:
        x = as_sparse_variable(x)
        return Apply(self, [x], [x.type.clone(format=self.format)()])

    def perform(self, node: Apply, x: Any) -> Any:
        return x.copy() if x.format == self.format else as_matrix(x, self.format)

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        return [in_format(output_grads[0], inputs[0].type.format)]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [None if tangents[0] is None else in_format(tangents[0], self.format)]


class SparseFromDense(_SparseOp):
    """A dense matrix as a sparse one, of its elements that are not zero. Its gradient is that of all elements."""

    shape_of: ClassVar[int | None] = 0
    format: str

    def make_node(self, x: Any) -> Apply:
        x = as_tensor(x)
        if x.type.ndim > 2:
            raise TypeError(f"{self} takes a tensor of at most two dimensions, got {x.type}.")
        if x.type.ndim < 2:
            x = x.dimshuffle(*["x"] * (2 - x.type.ndim), *range(x.type.ndim))
        return Apply(self, [x], [SparseType(self.format, x.type.dtype, x.type.shape)()])

    def perform(self, node: Apply, x: Any) -> Any:
        return class_of(self.format)(x)

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        return [DenseFromSparse(False)(output_grads[0])]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [None if tangents[0] is None else self(tangents[0])]


class DenseFromSparse(_SparseOp):
    """A sparse matrix as a tensor. ``sparse_grad``: its gradient is that of the stored entries alone."""

    shape_of: ClassVar[int | None] = 0
    sparse_grad: bool = True

    def make_node(self, x: Any) -> Apply:
        x = as_sparse_variable(x)
        return Apply(self, [x], [TensorType(x.type.dtype, x.type.shape)()])

    def perform(self, node: Apply, x: Any) -> Any:
        return x.toarray()

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        [x], [g] = inputs, output_grads
        return [with_entries_of(x, DenseAt()(x, g)) if self.sparse_grad else SparseFromDense(x.type.format)(g)]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [None if tangents[0] is None else self(tangents[0])]


class SpSum(_SparseOp):
    """The sum over one axis or both: a vector or a scalar, of 64 bits for integers.

    ``sparse_grad``: its gradient is that of the stored entries alone.
    """

    axis: tuple[int, ...]
    sparse_grad: bool = False

    def make_node(self, x: Any) -> Apply:
        x = as_sparse_variable(x)
        shape = [n for k, n in enumerate(x.type.shape) if k not in self.axis]
        return Apply(self, [x], [TensorType(dtypes.sum_dtype(x.type.dtype), shape)()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape | None]:
        shape = dims(node, input_shapes, 0)
        return [None if shape is None else tuple(n for k, n in enumerate(shape) if k not in self.axis)]

    def perform(self, node: Apply, x: Any) -> Any:
        dtype = node.outputs[0].type.dtype
        wide = dtypes.accumulator(dtype)
        with np.errstate(all="ignore"):
            if len(self.axis) == 2:
                return np.asarray(x.data.sum(dtype=wide)).astype(dtype)
            return np.asarray(as_matrix(x, x.format, wide).sum(axis=self.axis[0])).ravel().astype(dtype)

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        [x], [g] = inputs, output_grads
        spread = g.dimshuffle(*{(0, 1): ("x", "x"), (0,): ("x", 0), (1,): (0, "x")}[self.axis])
        if self.sparse_grad:
            return [with_entries_of(x, DenseAt()(x, spread))]
        return [SparseFromDense(x.type.format)(alloc(spread, length(x, 0), length(x, 1)))]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [None if tangents[0] is None else self(tangents[0])]


# ---------------------------------------------------------------------- functions


def entries(x: Any) -> Any:
    """Return the stored entries of a sparse matrix as a vector.

    Of a product with a tensor, or a cast, it is made from the entries of the matrix before: one kernel for a chain.
    """
    x = as_sparse_variable(x)
    node = x.owner
    if node is not None and isinstance(node.op, WithEntries):
        return node.inputs[1]
    made = None if node is None else getattr(node.op, "stored", None)
    return Entries()(x) if made is None else made(node)


def structure(x: Any) -> Any:
    """Return the first variable that stores entries at the same positions in the same order as ``x``."""
    while x.owner is not None and getattr(x.owner.op, "structure_of", None) is not None:
        x = x.owner.inputs[x.owner.op.structure_of]
    return x


def with_entries_of(x: Any, data: Any) -> Any:
    """Return the matrix that stores ``data`` where ``x`` stores its entries."""
    return WithEntries()(structure(as_sparse_variable(x)), data)


def at_entries(x: Any, y: Any) -> Any:
    """Return the elements of the tensor ``y`` that belong to the stored entries of ``x``: a scalar or a vector."""
    if y.type.ndim and all(n == 1 for n in y.type.shape):
        y = y.dimshuffle()
    return y if y.type.ndim == 0 else DenseAt()(structure(x), y)


def sparse_at(x: Any, y: Any, depth: int = _DEPTH) -> Any:
    """Return the elements of the sparse matrix ``y`` at the positions that ``x`` stores.

    ``y`` is often a gradient with respect to all elements, of which few are wanted: a dense matrix that was made
    sparse, or a sum with one. Then only those are taken.
    """
    x = structure(x)
    if structure(y) is x:
        return entries(y)
    node = y.owner
    if node is not None and depth:
        if isinstance(node.op, SparseFromDense):
            [dense] = node.inputs
            spread = dense.owner is not None and isinstance(dense.owner.op, Alloc)
            return DenseAt()(x, dense.owner.inputs[0] if spread else dense)
        if isinstance(node.op, WithEntries):
            return SparseAt()(x, y)
        parts = getattr(node.op, "sampled", None)
        if parts is not None:
            return parts(node, lambda v: sparse_at(x, v, depth - 1), lambda v: DenseAt()(x, v))
    return SparseAt()(x, y)


def collected(s: Any, y: Any) -> Any:
    """Return the sparse ``s`` summed along the axes along which ``y``, a tensor of two dimensions, was stretched."""
    rows, columns = (n == 1 for n in y.type.shape)
    if rows and columns:
        return SpSum((0, 1))(s).dimshuffle("x", "x")
    if rows:
        return SpSum((0,))(s).dimshuffle("x", 0)
    return SpSum((1,))(s).dimshuffle(0, "x") if columns else DenseFromSparse(False)(s)


def dense_elements(op: Any, x: Any, y: Any, static: Sequence[int | None]) -> Any:
    """Return the elements of the array ``y`` at the positions that ``x`` stores; ``y`` is stretched where its static
    length is 1. Raises ``ValueError`` where it does not fit."""
    check_fits(op, y, x.shape, static)
    if tuple(static) == (1, 1):
        return np.repeat(y.ravel(), x.data.size)
    rows, columns = coordinates(x)
    if static[0] == 1:
        return y[0].take(columns)
    return y[:, 0].take(rows) if static[1] == 1 else y[rows, columns]


def in_format(x: Any, format: str) -> Any:
    """Return a sparse matrix in the format ``"csc"``, ``"csr"`` or ``"bsr"``."""
    x = as_sparse_variable(x)
    return x if x.type.format == format else ConvertFormat(format)(x)


def csr_from_dense(x: Any) -> Any:
    """Return a dense matrix (a vector is a row) as a ``csr`` matrix of its elements that are not zero."""
    return SparseFromDense("csr")(x)


def csc_from_dense(x: Any) -> Any:
    """Return a dense matrix (a vector is a row) as a ``csc`` matrix of its elements that are not zero."""
    return SparseFromDense("csc")(x)


def bsr_from_dense(x: Any) -> Any:
    """Return a dense matrix (a vector is a row) as a ``bsr`` matrix of its blocks that are not zero."""
    return SparseFromDense("bsr")(x)


def dense_from_sparse(x: Any, sparse_grad: bool = True) -> Any:
    """Return a sparse matrix as a tensor.

    Its gradient is that of the stored entries, or with ``sparse_grad=False`` that of all elements.
    """
    return DenseFromSparse(sparse_grad)(x)


def sp_sum(x: Any, axis: Any = None, sparse_grad: bool = False) -> Any:
    """Return the sum of a sparse matrix over ``axis`` (0, 1, or both: ``None``), as a vector or a scalar.

    Its gradient is that of all elements, a full matrix in sparse format; with ``sparse_grad=True`` that of the stored
    entries alone. Raises ``ValueError`` for an axis that there is not.
    """
    return SpSum(normalize_axis(axis, 2), sparse_grad)(x)


def sp_ones_like(x: Any, dtype: Any = None) -> Any:
    """Return the matrix that stores 1 wherever ``x`` stores an entry."""
    data = entries(x)
    return with_entries_of(x, data.ones_like(dtype))
