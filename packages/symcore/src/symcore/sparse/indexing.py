"""Parts of sparse matrices by index. What is taken along both axes stays a matrix, but single elements."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from symcore.graph.null import disconnected
from symcore.graph.variable import Apply, Variable
from symcore.op import Shape
from symcore.sparse.base import _SparseOp, as_sparse_variable, dims, length, transpose
from symcore.sparse.entries import in_format
from symcore.sparse.parts import FromCoordinates, PickElements, as_integer_vector, from_start
from symcore.sparse.products import SparseDot
from symcore.sparse.type import as_matrix
from symcore.tensor import functions
from symcore.tensor.constant import as_tensor, constant
from symcore.tensor.creation import alloc, arange
from symcore.tensor.indexing import fill, split, static_slice
from symcore.tensor.shapes import as_length, shape_i
from symcore.tensor.subtensor import getitem as dense_getitem

Entry = Any


class TakeRows(_SparseOp):
    """The rows at given positions, in their order; a row may come more than once. Negative ones count from the end."""

    def make_node(self, x: Any, rows: Any) -> Apply:
        x, rows = as_sparse_variable(x), as_integer_vector(self, rows)
        return Apply(self, [x, rows], [x.type.clone(shape=(rows.type.shape[0], x.type.shape[1]))()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape | None]:
        shape = dims(node, input_shapes, 0)
        return [None if shape is None else (input_shapes[1][0], shape[1])]

    def perform(self, node: Apply, x: Any, rows: Any) -> Any:
        if not len(rows):
            return type(x)((0, x.shape[1]), dtype=x.dtype)
        return as_matrix(_indexable(x)[rows], x.format)

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True], [False]]

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        [x, rows], [g] = inputs, output_grads
        return [_placed(g, x, rows, None), disconnected()]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [None if tangents[0] is None else self(tangents[0], inputs[1])]


class SliceSparse(_SparseOp):
    """``x[rows, columns]`` for slices and integers, of which an integer keeps its axis, with length 1.

    ``entries`` is as for tensors: two integers, or ``("slice", start, stop, step)``, of which ``"input"`` stands for an
    input of the node.
    """

    entries: tuple[Entry, ...]

    def make_node(self, x: Any, *scalars: Any) -> Apply:
        x = as_sparse_variable(x)
        shape = [_static(n, entry) for n, entry in zip(x.type.shape, self.entries, strict=True)]
        return Apply(self, [x, *map(as_length, scalars)], [x.type.clone(shape=shape)()])

    def perform(self, node: Apply, x: Any, *scalars: Any) -> Any:
        return as_matrix(_indexable(x)[fill(self.entries, iter(scalars))], x.format).copy()

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True]] + [[False]] * (len(node.inputs) - 1)

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        [x, *scalars], [g] = inputs, output_grads
        values = iter(scalars)
        places = [_positions(length(x, axis), entry, values) for axis, entry in enumerate(self.entries)]
        return [_placed(g, x, *places), *(disconnected() for _ in scalars)]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [None if tangents[0] is None else self(tangents[0], *inputs[1:])]


_ALL: Entry = ("slice", None, None, None)


def _indexable(x: Any) -> Any:
    return x.tocsr() if x.format == "bsr" else x


def _static(n: int | None, entry: Entry) -> int | None:
    if not isinstance(entry, tuple):
        return 1
    return static_slice(n, *entry[1:])


def _positions(n: Any, entry: Entry, values: Any) -> Any:
    """Return the positions along an axis of length ``n`` that an entry takes, as a vector; ``None`` for all."""
    if entry == _ALL:
        return None
    if isinstance(entry, tuple):
        parts = [next(values) if p == "input" else p for p in entry[1:]]
        return dense_getitem(arange(n), slice(*parts))
    return as_tensor(next(values) if entry == "input" else constant(entry, dtype="int64")).dimshuffle("x")


def _placed(g: Any, x: Any, rows: Any, columns: Any) -> Any:
    """Return the matrix of the shape of ``x`` to which the rows and columns of ``g`` are added at these positions."""
    if rows is not None:
        g = SparseDot()(transpose(_selection(rows, length(x, 0), g)), g)
    if columns is not None:
        g = SparseDot()(g, _selection(columns, length(x, 1), g))
    return in_format(g, x.type.format)


def _selection(positions: Any, n: Any, g: Any) -> Any:
    """Return the matrix of ones whose product with another takes the rows at ``positions`` of it."""
    count = shape_i(positions, 0)
    ones = alloc(np.ones((), g.type.dtype), count)
    return FromCoordinates("csr")(ones, arange(count), from_start(positions, n), count, n)


# ---------------------------------------------------------------------- as users write it


def get_item_list(x: Any, rows: Any) -> Any:
    """Return the rows of a sparse matrix at the positions ``rows`` (a list or a vector), as a sparse matrix."""
    return TakeRows()(x, rows)


def get_item_2lists(x: Any, rows: Any, columns: Any) -> Any:
    """Return the elements of a sparse matrix at ``(rows[k], columns[k])``, as a dense vector."""
    return PickElements()(x, rows, columns)


def get_item_scalar(x: Any, index: Sequence[Any]) -> Any:
    """Return one element of a sparse matrix, at ``index = (row, column)``, as a dense scalar."""
    i, j = [as_tensor(k).dimshuffle("x") for k in index]
    return PickElements()(x, i, j)[0]


def get_item_2d(x: Any, index: Any) -> Any:
    """Return ``x[rows, columns]`` for slices and integers, as a sparse matrix: an integer keeps its axis."""
    index = tuple(index) if isinstance(index, (tuple, list)) else (index,)
    index += (slice(None),) * (2 - len(index))
    found: list[Entry] = []
    inputs: list[Any] = []
    for item in index:
        entry, needed = split(item)
        found.append(entry)
        inputs += needed
    return SliceSparse(tuple(found))(x, *inputs)


def getitem(x: Any, index: Any) -> Any:
    """Return ``x[index]``: an element, a part by slices, rows or columns by list, or elements by two lists.

    Raises ``IndexError`` for more than two indices, and ``TypeError`` for what is no index of a matrix.
    """
    x = as_sparse_variable(x)
    items = tuple(index) if isinstance(index, tuple) else (index,)
    items = _without_ellipsis(items)
    if len(items) > 2:
        raise IndexError(f"a sparse matrix takes at most two indices, got {len(items)}.")
    items = tuple(_as_positions(item) for item in items) + (slice(None),) * (2 - len(items))
    rows, columns = items
    if _is_list(rows) and _is_list(columns):
        return get_item_2lists(x, rows, columns)
    if _is_list(rows):
        taken = get_item_list(x, rows)
        return taken if _is_everything(columns) else get_item_2d(taken, (slice(None), columns))
    if _is_list(columns):
        taken = x if _is_everything(rows) else get_item_2d(x, (rows, slice(None)))
        return transpose(get_item_list(transpose(taken), columns))
    if not isinstance(rows, slice) and not isinstance(columns, slice):
        return get_item_scalar(x, items)
    return get_item_2d(x, items)


def _without_ellipsis(items: tuple[Any, ...]) -> tuple[Any, ...]:
    if not any(item is Ellipsis for item in items):
        return items
    at = next(k for k, item in enumerate(items) if item is Ellipsis)
    rest = items[:at] + items[at + 1 :]
    return rest[:at] + (slice(None),) * (2 - len(rest)) + rest[at:]


def _as_positions(item: Any) -> Any:
    """Return lists, arrays and vectors of positions as vectors; truth values as the positions where they hold."""
    if isinstance(item, (list, np.ndarray)) and np.ndim(item) == 1:
        item = as_integer_vector("x[index]", item) if len(item) == 0 else as_tensor(item)
    if isinstance(item, Variable) and getattr(item.type, "ndim", 0) == 1 and item.type.dtype.kind == "b":
        return functions.nonzero(item)[0]
    return item


def _is_list(item: Any) -> bool:
    return isinstance(item, Variable) and getattr(item.type, "ndim", 0) == 1


def _is_everything(item: Any) -> bool:
    return isinstance(item, slice) and item == slice(None)
