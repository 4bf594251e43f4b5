"""Discrete Fourier transforms of real tensors. Complex numbers are pairs of reals along a last axis of length 2.

The first axis is a batch; all others are transformed. Of the last one only the ``n // 2 + 1`` frequencies that are not
conjugates of others are kept. Both Ops are linear and unscaled, and up to weights each is the other's adjoint: in the
inverse every frequency but the first and (for an even ``n``) the last of that axis stands for two.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from symcore.graph.null import disconnected
from symcore.graph.variable import Apply
from symcore.op import Op, Shape
from symcore.tensor import dtypes
from symcore.tensor.constant import as_tensor
from symcore.tensor.creation import arange
from symcore.tensor.scalar_functions import cast, eq, or_, sqrt, switch
from symcore.tensor.shapes import as_length, shape_i, static_length
from symcore.tensor.type import TensorType


def _operand(op: Any, value: Any, least: int) -> Any:
    x = as_tensor(value)
    if x.type.ndim < least or x.type.dtype.kind == "c":
        raise TypeError(f"{op} takes a real tensor of at least {least} dimensions, the first a batch; got {x.type}.")
    if x.type.dtype.name == "float16":
        raise TypeError(f"{op} cannot work in float16, got {x}. Cast it first: .astype('float32').")
    return cast(x, "floatX") if dtypes.is_discrete(x.type.dtype) else x


def _pairs(z: Any, dtype: Any) -> Any:
    return np.stack([z.real, z.imag], axis=-1).astype(dtype, copy=False)


class RFFT(Op):
    """The unscaled transform of real numbers: ``(b, ..., n) -> (b, ..., n // 2 + 1, 2)``."""

    def make_node(self, x: Any) -> Apply:
        x = _operand(self, x, 2)
        n = x.type.shape[-1]
        shape = (*x.type.shape[:-1], None if n is None else n // 2 + 1, 2)
        return Apply(self, [x], [TensorType(x.type.dtype, shape)()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        *lead, n = input_shapes[0]
        return [(*lead, n // 2 + 1, 2)]

    def perform(self, node: Apply, x: Any) -> Any:
        if 0 in x.shape[1:]:
            raise ValueError(f"rfft needs at least one point along every axis but the first, got shape {x.shape}.")
        return _pairs(np.fft.rfftn(x, axes=tuple(range(1, x.ndim))), x.dtype)

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        [x], [g] = inputs, output_grads
        n = shape_i(x, x.type.ndim - 1)
        return [IRFFT()(g / _weights(g, n), n)]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [None if tangents[0] is None else self(tangents[0])]


class IRFFT(Op):
    """The unscaled inverse: ``(b, ..., n // 2 + 1, 2) -> (b, ..., n)``. Inputs: the frequencies, and ``n``."""

    def make_node(self, z: Any, n: Any) -> Apply:
        z, n = _operand(self, z, 3), as_length(n)
        if z.type.shape[-1] not in (None, 2):
            raise TypeError(f"{self} takes pairs of real and imaginary parts along the last axis, got {z.type}.")
        return Apply(self, [z, n], [TensorType(z.type.dtype, (*z.type.shape[:-2], static_length(n)))()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        n = node.inputs[1]
        return [(*input_shapes[0][:-2], n if static_length(n) is None else static_length(n))]

    def perform(self, node: Apply, z: Any, n: Any) -> Any:
        lengths = (*z.shape[1:-2], int(n))
        if z.shape[-1] != 2 or z.shape[-2] != lengths[-1] // 2 + 1 or 0 in lengths:
            raise ValueError(
                f"irfft to {lengths[-1]} points needs pairs of {lengths[-1] // 2 + 1} frequencies, got shape {z.shape}."
            )
        values = z[..., 0] + 1j * z[..., 1]
        axes = tuple(range(1, z.ndim - 1))
        return np.fft.irfftn(values, lengths, axes, norm="forward").astype(z.dtype, copy=False)

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True], [False]]

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        back = RFFT()(output_grads[0])
        return [back * _weights(back, inputs[1]), disconnected()]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [None if tangents[0] is None else self(tangents[0], inputs[1])]


def _weights(z: Any, n: Any) -> Any:
    """Return how many frequencies each one of the last transformed axis stands for, to broadcast with ``z``."""
    axis = z.type.ndim - 2
    k = arange(shape_i(z, axis))
    alone = or_(eq(k, 0), eq(2 * k, n))
    dtype = z.type.dtype
    return switch(alone, np.ones((), dtype), np.full((), 2, dtype)).dimshuffle(*["x"] * axis, 0, "x")


def _points(x: Any) -> Any:
    """Return the number of points of one transform of a batch, as a number of the dtype of ``x``."""
    total: Any = shape_i(x, 1)
    for axis in range(2, x.type.ndim):
        total = total * shape_i(x, axis)
    return cast(total, x.type.dtype)


def _check_norm(norm: str | None) -> None:
    if norm not in (None, "ortho", "no_norm"):
        raise ValueError(f"the norms of Fourier transforms are None, 'ortho' and 'no_norm', got {norm!r}.")


def rfft(x: Any, norm: str | None = None) -> Any:
    """Return the Fourier transform of real numbers.

    Parameters
    ----------
    x
        A tensor ``(b, ..., n)``: all axes but the first are transformed.
    norm
        ``None``: unscaled, the inverse divides by the number of points; ``"ortho"``: both divide by its root;
        ``"no_norm"``: neither is scaled.

    Returns
    -------
    A tensor ``(b, ..., n // 2 + 1, 2)`` of real and imaginary parts, in the dtype of ``x`` (``floatX`` for integers).
    """
    _check_norm(norm)
    x = _operand("rfft", x, 2)
    y = RFFT()(x)
    return y / sqrt(_points(x)) if norm == "ortho" else y


def irfft(z: Any, norm: str | None = None, is_odd: bool = False) -> Any:
    """Return the inverse of ``rfft``.

    Parameters
    ----------
    z
        A tensor ``(b, ..., m, 2)`` of real and imaginary parts.
    norm
        That of the ``rfft``.
    is_odd
        The last axis of the result has ``2 m - 1`` points, not ``2 m - 2``.
    """
    _check_norm(norm)
    z = _operand("irfft", z, 3)
    m = shape_i(z, z.type.ndim - 2)
    known = static_length(m)
    n = 2 * (m if known is None else known) - (1 if is_odd else 2)
    y = IRFFT()(z, n)
    if norm == "no_norm":
        return y
    points = _points(y)
    return y / (sqrt(points) if norm == "ortho" else points)
