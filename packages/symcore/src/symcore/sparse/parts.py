"""Sparse matrices from their parts, and the parts of sparse matrices: positions, pointers, coordinates."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from symcore.graph.null import disconnected
from symcore.graph.variable import Apply
from symcore.op import Shape
from symcore.sparse.base import _SparseOp, as_sparse_variable, length
from symcore.sparse.entries import entries
from symcore.sparse.type import SparseType, class_of, elements, scipy_sparse
from symcore.tensor import dtypes
from symcore.tensor.arranging import repeat
from symcore.tensor.constant import as_tensor, constant
from symcore.tensor.creation import arange
from symcore.tensor.cumulative import diff
from symcore.tensor.shapes import MakeVector, as_length, shape_i
from symcore.tensor.type import TensorType

_POINTERS = TensorType("int32", (None,))


class CSM(_SparseOp):
    """A ``csr`` or ``csc`` matrix from the vectors ``data``, ``indices`` and ``indptr``, and its shape.

    Unsorted indices are sorted, and entries at one position added: the stored entries of the result are in order.
    Indices beyond the shape, or pointers that do not fit, raise ``ValueError`` when the function runs.
    """

    format: str

    def make_node(self, data: Any, indices: Any, indptr: Any, shape: Any) -> Apply:
        if self.format not in ("csr", "csc"):
            raise ValueError(f"CSM makes csr and csc matrices, got format {self.format!r}.")
        data = as_tensor(data)
        if data.type.ndim != 1:
            raise TypeError(f"{self} takes the stored entries as a vector, got {data.type}.")
        vectors = [as_integer_vector(self, v) for v in (indices, indptr, shape)]
        return Apply(self, [data, *vectors], [SparseType(self.format, data.type.dtype)()])

    def lengths(self, node: Apply) -> Shape:
        shape: Any = node.inputs[3]
        if shape.owner is not None and isinstance(shape.owner.op, MakeVector):
            return tuple(as_length(n) for n in shape.owner.inputs)
        return as_length(shape[0]), as_length(shape[1])

    def perform(self, node: Apply, data: Any, indices: Any, indptr: Any, shape: Any) -> Any:
        if len(shape) != 2 or len(indices) != len(data):
            raise ValueError(
                f"{self} takes as many indices as entries, and two lengths: got {len(data)} entries, {len(indices)} "
                f"indices, shape {tuple(shape)}."
            )
        made = class_of(self.format)((data.copy(), indices.copy(), indptr.copy()), shape=tuple(map(int, shape)))
        made.check_format(full_check=True)
        made.sum_duplicates()
        return made

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True], [False], [False], [False]]

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        data, indices, indptr, _ = inputs
        major = repeat(arange(shape_i(indptr, 0) - 1), diff(indptr))
        places = (major, indices) if self.format == "csr" else (indices, major)
        return [PickElements()(output_grads[0], *places), *(disconnected() for _ in range(3))]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [None if tangents[0] is None else self(tangents[0], *inputs[1:])]


class Positions(_SparseOp):
    """One of the vectors of int32 that say where entries are stored: ``indices`` or ``indptr``."""

    which: str

    def make_node(self, x: Any) -> Apply:
        if self.which not in ("indices", "indptr"):
            raise ValueError(f"Positions gives 'indices' or 'indptr', got {self.which!r}.")
        return Apply(self, [as_compressed(self.which, x)], [_POINTERS()])

    def perform(self, node: Apply, x: Any) -> Any:
        found = getattr(x, self.which)
        if found.dtype.itemsize > 4 and found.size and found.max() > np.iinfo(np.int32).max:
            raise OverflowError(f"{self}: a matrix with {x.nnz} entries and shape {x.shape} needs 64 bits for these.")
        return found.astype(np.int32)

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[False]]

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        return [disconnected()]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [None]


class FromCoordinates(_SparseOp):
    """The matrix of a given shape with ``data[k]`` at ``(rows[k], columns[k])``; entries at one place are added."""

    format: str

    def make_node(self, data: Any, rows: Any, columns: Any, n_rows: Any, n_columns: Any) -> Apply:
        data = as_tensor(data)
        if data.type.ndim != 1:
            raise TypeError(f"{self} takes the entries as a vector, got {data.type}.")
        places = [as_integer_vector(self, v) for v in (rows, columns)]
        return Apply(
            self, [data, *places, as_length(n_rows), as_length(n_columns)], [SparseType(self.format, data.type.dtype)()]
        )

    def lengths(self, node: Apply) -> Shape:
        return tuple(node.inputs[3:])

    def perform(self, node: Apply, data: Any, rows: Any, columns: Any, m: Any, n: Any) -> Any:
        if not len(data) == len(rows) == len(columns):
            raise ValueError(
                f"{self} takes vectors of one length, got {len(data)} entries, {len(rows)} rows and {len(columns)} "
                "columns."
            )
        # Through csr or csc: the coordinates are checked against the shape, and the parts are copies.
        placed = scipy_sparse().coo_matrix((data, (rows, columns)), shape=(int(m), int(n)))
        return placed.asformat(self.format)

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True]] + [[False]] * 4

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        return [PickElements()(output_grads[0], inputs[1], inputs[2]), *(disconnected() for _ in range(4))]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [None if tangents[0] is None else self(tangents[0], *inputs[1:])]


class PickElements(_SparseOp):
    """The elements at ``(rows[k], columns[k])``, stored or not, as a vector. Negative numbers count from the end."""

    def make_node(self, x: Any, rows: Any, columns: Any) -> Apply:
        x = as_sparse_variable(x)
        places = [as_integer_vector(self, v) for v in (rows, columns)]
        return Apply(self, [x, *places], [TensorType(x.type.dtype, (places[0].type.shape[0],))()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        return [input_shapes[1]]

    def perform(self, node: Apply, x: Any, rows: Any, columns: Any) -> Any:
        if len(rows) != len(columns):
            raise ValueError(f"{self} takes as many rows as columns, got {len(rows)} and {len(columns)}.")
        return elements(x, rows, columns)

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True], [False], [False]]

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        [x, rows, columns], [g] = inputs, output_grads
        m, n = length(x, 0), length(x, 1)
        made = FromCoordinates(x.type.format)(g, from_start(rows, m), from_start(columns, n), m, n)
        return [made, disconnected(), disconnected()]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [None if tangents[0] is None else self(tangents[0], *inputs[1:])]


def as_integer_vector(op: Any, value: Any) -> Any:
    """Return ``value`` as a vector of integers. Raises ``TypeError`` for anything else."""
    if isinstance(value, (list, tuple)) and not value:
        return constant(np.zeros(0, np.int64))
    v = as_tensor(value)
    if v.type.ndim != 1 or v.type.dtype.kind not in "iu":
        raise TypeError(f"{op} takes positions and lengths as vectors of integers, got {v} of type {v.type}.")
    return v


def as_compressed(asked: str, x: Any) -> Any:
    """Return ``x`` as a sparse variable in ``csr`` or ``csc``. Raises ``TypeError`` for ``bsr``."""
    x = as_sparse_variable(x)
    if x.type.format == "bsr":
        raise TypeError(f"{asked} is asked of csr and csc matrices, got {x} of type {x.type}. Convert it: x.tocsr().")
    return x


def from_start(positions: Any, n: Any) -> Any:
    """Return positions of which negative ones count from the end as such that count from the start."""
    if positions.type.dtype.kind == "u":
        return positions
    return positions + n * (positions < 0)


#: Matrices by column and by row from ``(data, indices, indptr, shape)``.
CSC, CSR = CSM("csc"), CSM("csr")


def csm_data(x: Any) -> Any:
    """Return the stored entries of a ``csr`` or ``csc`` matrix as a vector."""
    return entries(as_compressed("csm_data", x))


def csm_indices(x: Any) -> Any:
    """Return the column (``csr``) or row (``csc``) of every stored entry, as a vector of int32."""
    return Positions("indices")(x)


def csm_indptr(x: Any) -> Any:
    """Return where every row (``csr``) or column (``csc``) begins in ``csm_data`` and ``csm_indices``, and where the
    last one ends, as a vector of int32."""
    return Positions("indptr")(x)


def csm_shape(x: Any) -> Any:
    """Return the shape of a sparse matrix as a vector of two int64."""
    x = as_sparse_variable(x)
    return MakeVector()(length(x, 0), length(x, 1))


def csm_properties(x: Any) -> tuple[Any, Any, Any, Any]:
    """Return ``(data, indices, indptr, shape)`` of a ``csr`` or ``csc`` matrix; ``CSR`` and ``CSC`` are the inverse."""
    return csm_data(x), csm_indices(x), csm_indptr(x), csm_shape(x)


def sp_zeros_like(x: Any, dtype: Any = None) -> Any:
    """Return a matrix of the shape, format and dtype of ``x`` that stores nothing."""
    x = as_sparse_variable(x)
    nothing = constant(np.zeros(0, x.type.dtype if dtype is None else dtypes.as_dtype(dtype)))
    nowhere = constant(np.zeros(0, np.int64))
    return FromCoordinates(x.type.format)(nothing, nowhere, nowhere, length(x, 0), length(x, 1))
