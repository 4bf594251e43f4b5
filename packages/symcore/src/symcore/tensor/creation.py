"""Tensors made from nothing: filled, empty, ranges, identities."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from symcore.graph.null import disconnected
from symcore.graph.variable import Apply
from symcore.op import Op, Shape
from symcore.tensor import dtypes
from symcore.tensor.constant import as_tensor, as_tensors, constant
from symcore.tensor.scalar_functions import ceil, maximum
from symcore.tensor.shapes import Shape_i, as_length, shape_i, shape_lengths, static_length
from symcore.tensor.type import TensorType


def _shape_of(lengths: Sequence[Any]) -> list[Any]:
    return [n if static_length(n) is None else static_length(n) for n in lengths]


def _with_room(lengths: Sequence[Any], dtype: np.dtype[Any]) -> tuple[int, ...]:
    """Return the lengths of an array that is to be made. Raises ``ValueError`` for a negative one, and
    ``MemoryError`` where no array can be so large."""
    shape = tuple(int(n) for n in lengths)
    for axis, n in enumerate(shape):
        if n < 0:
            raise ValueError(f"the length of axis {axis} would be {n}, which is negative.")
    if math.prod(shape) * dtype.itemsize >= 2**63:
        raise MemoryError(f"a result of shape {shape} does not fit in memory.")
    return shape


class Alloc(Op):
    """A tensor of the given lengths, filled with a value that is broadcast to them."""

    def make_node(self, value: Any, *lengths: Any) -> Apply:
        value = as_tensor(value)
        dims = [as_length(n) for n in lengths]
        if value.type.ndim > len(dims):
            raise TypeError(f"cannot fill {len(dims)} dimensions with {value} of type {value.type}.")
        shape = [static_length(n) for n in dims]
        offset = len(dims) - value.type.ndim
        for axis, known in enumerate(value.type.shape):
            if known not in (None, 1) and shape[offset + axis] is None:
                shape[offset + axis] = known
        return Apply(self, [value, *dims], [TensorType(value.type.dtype, shape)()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        return [tuple(_shape_of(node.inputs[1:]))]

    def perform(self, node: Apply, value: Any, *lengths: Any) -> Any:
        shape = _with_room(lengths, value.dtype)
        offset = len(shape) - value.ndim
        for axis, (static, got) in enumerate(zip(node.inputs[0].type.shape, value.shape, strict=True)):
            if static != 1 and got != shape[offset + axis]:
                raise ValueError(f"cannot fill shape {shape} with a value of shape {value.shape}.")
        return np.broadcast_to(value, shape).copy()

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True]] + [[False]] * (len(node.inputs) - 1)

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        from symcore.tensor.elemwise import unbroadcast_to

        return [unbroadcast_to(output_grads[0], inputs[0]), *(disconnected() for _ in inputs[1:])]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [None if tangents[0] is None else self(tangents[0], *inputs[1:])]


class AllocEmpty(Op):
    """A tensor of the given lengths whose contents are arbitrary: a buffer for an Op that does not read it."""

    dtype: str

    def make_node(self, *lengths: Any) -> Apply:
        dims = [as_length(n) for n in lengths]
        return Apply(self, dims, [TensorType(self.dtype, [static_length(n) for n in dims])()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        return [tuple(_shape_of(node.inputs))]

    def perform(self, node: Apply, *lengths: Any) -> Any:
        return np.empty(_with_room(lengths, np.dtype(self.dtype)), self.dtype)

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[False]] * len(node.inputs)

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        return [disconnected() for _ in inputs]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [None]

    def __str__(self) -> str:
        return f"AllocEmpty{{dtype={self.dtype!r}}}"

    __repr__ = __str__


class ARange(Op):
    """``start, start + step, ...`` up to but not including ``stop``.

    The bounds of a range of integers are int64, whatever its ``dtype``: a range of uint8 may go down from 5 in steps of
    -1.
    """

    dtype: str

    def make_node(self, start: Any, stop: Any, step: Any) -> Apply:
        bounds = "int64" if self.dtype.startswith(("int", "uint")) else self.dtype
        inputs = [as_tensor(v).astype(bounds) for v in (start, stop, step)]
        if any(v.type.ndim for v in inputs):
            raise TypeError(f"arange takes scalars, got {[str(v.type) for v in inputs]}.")
        values = [static_length(v) for v in inputs] if self.dtype.startswith(("int", "uint")) else [None]
        length = None if None in values or values[2] == 0 else len(range(*values))  # type: ignore[arg-type]
        return Apply(self, inputs, [TensorType(self.dtype, (length,))()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape | None]:
        if node.outputs[0].type.shape[0] is not None:
            return [node.outputs[0].type.shape]
        start: Any
        start, stop, step = node.inputs
        if not self.dtype.startswith(("int", "uint")):
            return [(maximum(ceil((stop - start) / step), 0).astype("int64"),)]
        if static_length(start) == 0 and static_length(step) == 1:
            is_length = stop.owner is not None and isinstance(stop.owner.op, Shape_i)  # never below 0
            return [(stop if is_length else maximum(stop, 0).astype("int64"),)]
        return [(maximum(-((start - stop) // step), 0).astype("int64"),)]

    def perform(self, node: Apply, start: Any, stop: Any, step: Any) -> Any:
        if step == 0:
            raise ValueError("the step of a range is 0. Use one that is not zero.")
        length = (float(stop) - float(start)) / float(step) if self.dtype.startswith("float") else 0.0
        if length != length:
            raise ValueError(f"a range from {start} to {stop} in steps of {step} has no length.")
        if length > 2.0**60:
            raise MemoryError(f"a range of {length:g} elements has no room.")
        return np.arange(start, stop, step, dtype=start.dtype).astype(self.dtype, copy=False)

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[self.dtype.startswith("float")], [False], [self.dtype.startswith("float")]]

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        if not self.dtype.startswith("float"):
            return [disconnected() for _ in inputs]
        [g], [start, _, _] = output_grads, inputs
        steps = arange(shape_i(outputs[0], 0)).astype(start.type.dtype)
        return [g.sum(), disconnected(), (g * steps).sum()]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        start, _, step = tangents
        if not self.dtype.startswith("float") or (start is None and step is None):
            return [None]
        steps = arange(shape_i(outputs[0], 0)).astype(self.dtype)
        result = 0 if step is None else step * steps
        return [result if start is None else result + start * steps.ones_like()]


class Eye(Op):
    """A matrix with ones on its ``k``-th diagonal and zeros elsewhere."""

    dtype: str

    def make_node(self, n: Any, m: Any, k: Any) -> Apply:
        dims = [as_length(v) for v in (n, m, k)]
        return Apply(self, dims, [TensorType(self.dtype, [static_length(v) for v in dims[:2]])()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        return [tuple(_shape_of(node.inputs[:2]))]

    def perform(self, node: Apply, n: Any, m: Any, k: Any) -> Any:
        rows, columns = _with_room((n, m), np.dtype(self.dtype))
        return np.eye(rows, columns, int(k), dtype=self.dtype)

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[False]] * 3

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        return [disconnected() for _ in inputs]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [None]


def alloc(value: Any, *shape: Any) -> Any:
    """Return a tensor of the given lengths filled with ``value``."""
    return Alloc()(value, *shape)


def _filled(number: int, shape: Any, dtype: Any) -> Any:
    value = constant(number, dtype=dtypes.as_dtype("floatX" if dtype is None else dtype))
    return Alloc()(value, *shape_lengths(shape))


def zeros(shape: Any, dtype: Any = None) -> Any:
    """Return a tensor of zeros. ``shape``: an int, a tuple, or an integer vector; ``dtype``: ``floatX`` by default."""
    return _filled(0, shape, dtype)


def ones(shape: Any, dtype: Any = None) -> Any:
    """Return a tensor of ones. ``shape``: an int, a tuple, or an integer vector; ``dtype``: ``floatX`` by default."""
    return _filled(1, shape, dtype)


def full_like(x: Any, value: Any, dtype: Any = None) -> Any:
    """Return a tensor of the shape of ``x`` filled with ``value``, of the dtype of ``x`` unless ``dtype`` is given."""
    x = as_tensor(x)
    filling = as_tensor(value).astype(x.type.dtype if dtype is None else dtype)
    if x.type.ndim == 0:
        return filling
    return Alloc()(filling, *[shape_i(x, i) for i in range(x.type.ndim)])


def zeros_like(x: Any, dtype: Any = None, opt: bool = False) -> Any:
    """Return zeros of the shape of ``x``, of its dtype unless ``dtype`` is given. ``opt`` is read and has no
    influence.
    """
    return full_like(x, 0, dtype)


def ones_like(x: Any, dtype: Any = None, opt: bool = False) -> Any:
    """Return ones of the shape of ``x``, of its dtype unless ``dtype`` is given. ``opt`` is read and has no
    influence.
    """
    return full_like(x, 1, dtype)


def arange(start: Any, stop: Any = None, step: Any = 1, dtype: Any = None) -> Any:
    """Return the values from ``start`` to ``stop`` (left out) by ``step``, as ``numpy.arange``: a vector.

    With one argument, from 0 to that. Numbers or scalars; integers give int64 unless ``dtype`` says otherwise.
    """
    if stop is None:
        start, stop = 0, start
    if dtype is None:
        given = as_tensors([start, stop, step])
        found = dtypes.upcast(*[v.type.dtype for v in given])
        dtype = dtypes.INT64 if dtypes.is_discrete(found) else dtypes.upcast(found, dtypes.as_dtype("floatX"))
    return ARange(dtypes.as_dtype(dtype).name)(start, stop, step)


def eye(n: Any, m: Any = None, k: Any = 0, dtype: Any = None) -> Any:
    """Return an ``n`` by ``m`` matrix with ones on the ``k``-th diagonal; ``m`` is ``n`` and ``dtype`` ``floatX`` by
    default.
    """
    return Eye(dtypes.as_dtype("floatX" if dtype is None else dtype).name)(n, n if m is None else m, k)


def identity_like(x: Any) -> Any:
    """Return the identity matrix of the shape and dtype of the matrix ``x``."""
    x = as_tensor(x)
    if x.type.ndim != 2:
        raise ValueError(f"identity_like takes a matrix, got {x} of type {x.type}.")
    return eye(shape_i(x, 0), shape_i(x, 1), dtype=x.type.dtype)
