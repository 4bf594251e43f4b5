"""Diagonals and triangles of matrices."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from symcore.graph.variable import Apply
from symcore.op import Op, Shape
from symcore.tensor.constant import as_tensor
from symcore.tensor.creation import Alloc, arange
from symcore.tensor.reductions import sum as total
from symcore.tensor.scalar_functions import cast, ge, maximum, minimum, switch
from symcore.tensor.shapes import as_length, shape_i
from symcore.tensor.subtensor import set_subtensor
from symcore.tensor.type import TensorType


def _two_axes(op: Any, x: Any) -> None:
    if x.type.ndim < 2 or not (0 <= op.axis1 < x.type.ndim and 0 <= op.axis2 < x.type.ndim) or op.axis1 == op.axis2:
        raise ValueError(f"{op} needs two different axes of a tensor of at least 2 dimensions, got {x.type}.")


def _static_diagonal(rows: int | None, columns: int | None, offset: int) -> int | None:
    if rows is None or columns is None:
        return None
    return max(min(rows + min(offset, 0), columns - max(offset, 0)), 0)


class ExtractDiag(Op):
    """The diagonal ``x[i, i + offset]`` of the axes ``axis1`` and ``axis2``, as the last axis of the result; a copy."""

    offset: int = 0
    axis1: int = 0
    axis2: int = 1

    def make_node(self, x: Any) -> Apply:
        x = as_tensor(x)
        _two_axes(self, x)
        shape = [n for a, n in enumerate(x.type.shape) if a not in (self.axis1, self.axis2)]
        length = _static_diagonal(x.type.shape[self.axis1], x.type.shape[self.axis2], self.offset)
        return Apply(self, [x], [TensorType(x.type.dtype, [*shape, length])()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        shape = input_shapes[0]
        known = node.outputs[0].type.shape[-1]
        rows, columns = (as_length(shape[a]) for a in (self.axis1, self.axis2))
        length = maximum(minimum(rows + min(self.offset, 0), columns - max(self.offset, 0)), 0)
        rest = [n for a, n in enumerate(shape) if a not in (self.axis1, self.axis2)]
        return [(*rest, length if known is None else known)]

    def perform(self, node: Apply, x: Any) -> Any:
        return np.diagonal(x, self.offset, self.axis1, self.axis2).copy()

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        return [WriteDiag(self.offset, self.axis1, self.axis2)(inputs[0].zeros_like(), output_grads[0])]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [None if tangents[0] is None else self(tangents[0])]


class WriteDiag(Op):
    """``x`` with the diagonal that ``ExtractDiag`` takes replaced by ``values``, which have its shape."""

    offset: int = 0
    axis1: int = 0
    axis2: int = 1

    def make_node(self, x: Any, values: Any) -> Apply:
        x = as_tensor(x)
        part = ExtractDiag(self.offset, self.axis1, self.axis2).make_node(x).outputs[0].type
        values = cast(values, x.type.dtype)
        if values.type.ndim != part.ndim:
            raise TypeError(f"{self} writes a tensor of {part.ndim} dimensions, got {values.type}.")
        return Apply(self, [x, values], [x.type()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        return [input_shapes[0]]

    def perform(self, node: Apply, x: Any, values: Any) -> Any:
        result = np.array(x, order="C")
        part = np.diagonal(result, self.offset, self.axis1, self.axis2)
        if part.shape != values.shape:
            raise ValueError(f"{self}: a diagonal of shape {part.shape} cannot take values of shape {values.shape}.")
        part.flags.writeable = True
        part[...] = values
        return result

    def inplace(self, node: Apply) -> dict[int, tuple[int, ...]]:
        return {0: (0,)}

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        [_, values], [g] = inputs, output_grads
        by_values = ExtractDiag(self.offset, self.axis1, self.axis2)(g)
        return [self(g, values.zeros_like(dtype=g.type.dtype)), by_values]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        [x, values], [u, v] = inputs, tangents
        if u is None and v is None:
            return [None]
        return [self(x.zeros_like() if u is None else u, values.zeros_like() if v is None else v)]


def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Return the diagonal of ``x`` over ``axis1`` and ``axis2``, as the last axis of the result, as
    ``numpy.diagonal``.

    ``offset``: how far above the main one. Raises ``ValueError`` for a tensor that has not two axes.
    """
    x = as_tensor(x)
    if x.type.ndim < 2 or not all(-x.type.ndim <= a < x.type.ndim for a in (axis1, axis2)):
        raise ValueError(f"diagonal needs a tensor with the axes {axis1} and {axis2}, got {x.type}.")
    return ExtractDiag(int(offset), axis1 % x.type.ndim, axis2 % x.type.ndim)(x)


def extract_diag(x: Any) -> Any:
    """Return the main diagonal of a matrix, a vector of length ``min(x.shape)``; see ``diagonal``."""
    return diagonal(x)


def alloc_diag(v: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Return square matrices with ``v`` (along its last axis) on their diagonal ``offset``, and zeros elsewhere.

    A vector gives a matrix; more dimensions as many matrices, along ``axis1`` and ``axis2`` of the result.
    """
    v = as_tensor(v)
    if not v.type.ndim:
        raise ValueError("alloc_diag takes a vector or more dimensions, got a scalar.")
    ndim = v.type.ndim + 1
    first, second = axis1 % ndim, axis2 % ndim
    if first == second:
        raise ValueError(f"alloc_diag needs two different axes, got {axis1} and {axis2}.")
    side = shape_i(v, v.type.ndim - 1) + abs(int(offset))
    others = iter([shape_i(v, a) for a in range(v.type.ndim - 1)])
    lengths = [side if a in (first, second) else next(others) for a in range(ndim)]
    return WriteDiag(int(offset), first, second)(Alloc()(np.zeros((), v.type.dtype), *lengths), v)


def diag(v: Any, k: int = 0) -> Any:
    """Return a matrix with the vector ``v`` on its diagonal ``k``, or that diagonal of a matrix, as ``numpy.diag``."""
    v = as_tensor(v)
    if v.type.ndim == 1:
        return alloc_diag(v, k)
    if v.type.ndim >= 2:
        return diagonal(v, k)
    raise ValueError("diag takes a vector or a matrix, got a scalar.")


def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Return the sum along a diagonal of ``x``, as ``numpy.trace``; ``offset``, ``axis1``, ``axis2`` as in
    ``diagonal``.
    """
    return total(diagonal(x, offset, axis1, axis2), axis=-1)


def fill_diagonal(a: Any, val: Any) -> Any:
    """Return ``a`` with the scalar ``val`` on its main diagonal. More than two dimensions must have one length."""
    a, val = as_tensor(a), as_tensor(val)
    if a.type.ndim < 2 or val.type.ndim:
        raise TypeError(f"fill_diagonal takes a matrix (or more) and a scalar, got {a.type} and {val.type}.")
    if a.type.ndim == 2:
        return fill_diagonal_offset(a, val, 0)
    n = shape_i(a, 0)
    return set_subtensor(a[(arange(n),) * a.type.ndim], cast(val, a.type.dtype))


def fill_diagonal_offset(a: Any, val: Any, offset: Any) -> Any:
    """Return the matrix ``a`` with the scalar ``val`` on its diagonal ``offset``, an int or an integer scalar."""
    a, val = as_tensor(a), as_tensor(val)
    if a.type.ndim != 2 or val.type.ndim:
        raise TypeError(f"fill_diagonal_offset takes a matrix and a scalar, got {a.type} and {val.type}.")
    val = cast(val, a.type.dtype)
    if isinstance(offset, (int, np.integer)):
        length = shape_i(ExtractDiag(int(offset))(a), 0)
        return WriteDiag(int(offset))(a, Alloc()(val, length))
    k = as_length(offset)
    down, right = maximum(-k, 0), maximum(k, 0)
    i = arange(maximum(minimum(shape_i(a, 0) - down, shape_i(a, 1) - right), 0))
    return set_subtensor(a[i + down, i + right], val)


def tri(n: Any, m: Any = None, k: Any = 0, dtype: Any = None) -> Any:
    """Return an ``n`` by ``m`` matrix of ones on and below the diagonal ``k``, zeros above; ``dtype``: ``floatX`` by
    default.
    """
    return cast(_lower(n, n if m is None else m, k), "floatX" if dtype is None else dtype)


def _lower(n: Any, m: Any, k: Any) -> Any:
    rows, columns = arange(as_length(n)), arange(as_length(m))
    return ge(rows.dimshuffle(0, "x") + as_length(k), columns.dimshuffle("x", 0))


def _triangle(x: Any, k: Any, lower: bool) -> Any:
    x = as_tensor(x)
    if x.type.ndim < 2:
        raise ValueError(f"{'tril' if lower else 'triu'} takes a matrix (or several), got {x.type}.")
    rows, columns = shape_i(x, x.type.ndim - 2), shape_i(x, x.type.ndim - 1)
    mask = _lower(rows, columns, k if lower else as_length(k) - 1)
    zero = np.zeros((), x.type.dtype)
    return switch(mask, x, zero) if lower else switch(mask, zero, x)


def tril(x: Any, k: Any = 0) -> Any:
    """Return ``x``, a matrix (or several, along the last two axes), with zeros above the diagonal ``k``."""
    return _triangle(x, k, lower=True)


def triu(x: Any, k: Any = 0) -> Any:
    """Return ``x``, a matrix (or several, along the last two axes), with zeros below the diagonal ``k``."""
    return _triangle(x, k, lower=False)
