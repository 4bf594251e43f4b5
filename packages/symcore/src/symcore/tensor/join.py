"""Putting tensors together and taking them apart."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from symcore.graph.variable import Apply, Variable
from symcore.op import Op, Shape
from symcore.tensor import dtypes
from symcore.tensor.constant import as_tensor, as_tensors, converters
from symcore.tensor.reduce import one_axis
from symcore.tensor.scalar_functions import cast
from symcore.tensor.shapes import MakeVector, shape_i, specify_shape
from symcore.tensor.subtensor import getitem
from symcore.tensor.type import TensorType


class Join(Op):
    """Concatenate tensors along ``axis``."""

    axis: int

    def make_node(self, *tensors: Any) -> Apply:
        variables = as_tensors(tensors)
        if not variables:
            raise ValueError("join needs at least one tensor.")
        ndim = variables[0].type.ndim
        if not ndim or any(v.type.ndim != ndim for v in variables):
            raise TypeError(
                "join takes tensors of the same number of dimensions (at least 1), got "
                f"{', '.join(str(v.type) for v in variables)}."
            )
        if not 0 <= self.axis < ndim:
            raise IndexError(f"join along axis {self.axis} of tensors with {ndim} dimensions.")
        dtype = dtypes.upcast(*[v.type.dtype for v in variables])
        shape: list[int | None] = []
        for axis in range(ndim):
            lengths = [v.type.shape[axis] for v in variables]
            known = {n for n in lengths if n is not None}
            if axis == self.axis:
                shape.append(None if None in lengths else sum(lengths))  # type: ignore[arg-type]
            elif len(known) > 1:
                raise ValueError(f"join along axis {self.axis}: the lengths along axis {axis} differ: {lengths}.")
            else:
                shape.append(known.pop() if known else None)
        return Apply(self, [cast(v, dtype) for v in variables], [TensorType(dtype, shape)()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        total = input_shapes[0][self.axis]
        for shape in input_shapes[1:]:
            total = total + shape[self.axis]
        result = list(input_shapes[0])
        result[self.axis] = total
        return [tuple(result)]

    def perform(self, node: Apply, *tensors: Any) -> Any:
        for k, t in enumerate(tensors[1:], 1):
            for axis, (a, b) in enumerate(zip(tensors[0].shape, t.shape, strict=True)):
                if axis != self.axis and a != b:
                    raise ValueError(
                        f"join along axis {self.axis}: input 0 has shape {tensors[0].shape}, input {k} has {t.shape}."
                    )
        return np.concatenate(tensors, axis=self.axis)

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        [g] = output_grads
        grads, start = [], 0
        for x in inputs:
            stop = start + shape_i(x, self.axis)
            piece = getitem(g, (*[slice(None)] * self.axis, slice(start, stop)))
            grads.append(_stated(piece, x))
            start = stop
        return grads

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        if all(t is None for t in tangents):
            return [None]
        return [self(*[x.zeros_like() if t is None else t for x, t in zip(inputs, tangents, strict=True)])]

    def __str__(self) -> str:
        return f"Join{{{self.axis}}}"


def _stated(piece: Any, x: Any) -> Any:
    return piece if x.type.is_super(piece.type) else specify_shape(piece, x.type.shape)


def join(axis: int, *tensors: Any) -> Any:
    """Concatenate ``tensors`` of one rank along ``axis``; the result has their common dtype.

    Raises ``ValueError`` when there is no tensor, ``TypeError`` when ranks differ, ``IndexError`` when they have no
    such axis. Lengths along the other axes must agree when the graph runs.
    """
    variables = as_tensors(tensors)
    if not variables:
        raise ValueError("join needs at least one tensor, got none.")
    ndim = variables[0].type.ndim
    if ndim and not -ndim <= axis < ndim:
        raise IndexError(f"join along axis {axis} of tensors with {ndim} dimensions.")
    return variables[0] if len(variables) == 1 else Join(axis % ndim if ndim else 0)(*variables)


def concatenate(tensors: Sequence[Any], axis: int = 0) -> Any:
    """Concatenate a list of tensors along ``axis``, as ``numpy.concatenate``."""
    if isinstance(tensors, Variable) or not isinstance(tensors, (list, tuple)):
        raise TypeError(f"concatenate takes a list or tuple of tensors, got {tensors!r}.")
    return join(axis, *tensors)


def stack(tensors: Any, *more: Any, axis: int = 0) -> Any:
    """Put tensors of one shape together along a new axis, as ``numpy.stack``."""
    items = list(tensors) if isinstance(tensors, (list, tuple)) else [tensors, *more]
    if not items:
        raise ValueError("stack needs at least one tensor.")
    variables = as_tensors(items)
    ndim = variables[0].type.ndim
    if any(v.type.ndim != ndim for v in variables):
        raise TypeError(f"stack takes tensors of one rank, got {', '.join(str(v.type) for v in variables)}.")
    if not ndim:
        return MakeVector()(*variables)
    axis = one_axis(axis, ndim + 1)
    pattern: list[Any] = list(range(ndim))
    pattern.insert(axis, "x")
    return join(axis, *[v.dimshuffle(*pattern) for v in variables])


def split(x: Any, splits_size: Any, n_splits: int, axis: int = 0) -> list[Any]:
    """Cut ``x`` along ``axis`` into ``n_splits`` pieces of the lengths ``splits_size`` (numbers, or an integer vector).

    Raises ``ValueError`` for a negative length, and, at the latest when the function runs, when the lengths do not add
    up to that of ``x``.
    """
    x = as_tensor(x)
    axis = one_axis(axis, x.type.ndim)
    if isinstance(splits_size, (list, tuple)) and len(splits_size) != n_splits:
        raise ValueError(f"split into {n_splits} pieces got {len(splits_size)} lengths.")
    sizes = [splits_size[i] for i in range(n_splits)]
    if any(isinstance(size, int) and size < 0 for size in sizes):
        raise ValueError(f"a piece cannot have a negative length; split got {sizes}.")
    pieces, start = [], 0
    for k, size in enumerate(sizes):
        stop = start + size if k < n_splits - 1 else None  # the last piece shows whether anything is left over
        piece = getitem(x, (*[slice(None)] * axis, slice(start, stop)))
        pieces.append(specify_shape(piece, [size if a == axis else d for a, d in enumerate(piece.type.shape)]))
        start = start + size
    return pieces


def _from_list(value: Any) -> Any:
    """Convert nested lists that hold variables."""
    if isinstance(value, (list, tuple)) and value and any(_holds_variable(v) for v in value):
        return stack([as_tensor(v) if not isinstance(v, (int, float, bool, complex)) else v for v in value])
    return None


def _holds_variable(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(_holds_variable(v) for v in value)
    return isinstance(value, Variable)


converters.append(_from_list)
