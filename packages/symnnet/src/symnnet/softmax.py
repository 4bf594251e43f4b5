"""Softmax, its logarithm, and what their gradients are made of.

All four Ops take float tensors of at least one dimension and work along one axis; the other axes are independent rows.
They shift by the largest element of the row, so that ``exp`` cannot overflow (P. Blanchard, D. J. Higham and
N. J. Higham, "Accurately computing the log-sum-exp and softmax functions", IMA J. Numer. Anal. 41, 2021). A row that
holds NaN or plus infinity, or nothing but minus infinity, gives NaN, as the formula written out in NumPy does.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from symcore.graph.variable import Apply
from symcore.op import Op, Shape
from symcore.tensor.constant import as_tensor
from symcore.tensor.scalar_functions import exp


def float_tensor(op: Any, x: Any) -> Any:
    """Return ``x`` as a float tensor. Raises ``TypeError``, naming ``op``, for any other."""
    x = as_tensor(x)
    if x.type.dtype.kind != "f":
        raise TypeError(f"{op} needs a float tensor, got {x.type}. Cast it first: x.astype('float32').")
    return x


def canonical_axis(op: Any, axis: int, ndim: int) -> int:
    """Return ``axis`` as the one number that names it: -1 for the last, else counted from the front.

    Raises ``ValueError`` for an axis that a tensor of ``ndim`` dimensions does not have.
    """
    if not -ndim <= axis < ndim:
        raise ValueError(f"{op} works along axis {axis}, but its input has {ndim} dimensions.")
    return -1 if axis % ndim == ndim - 1 else axis % ndim


def working(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return ``x`` in the dtype to compute in: float16 is too coarse for sums."""
    return x.astype(np.float32) if x.dtype == np.float16 else x


def shifted(x: np.ndarray[Any, Any], axis: int) -> np.ndarray[Any, Any]:
    """Return ``x`` minus its largest element along ``axis``; of no elements, nothing."""
    return x - x.max(axis, keepdims=True, initial=-np.inf)


class _AlongAxis(Op):
    """Abstract: an Op along ``axis`` whose inputs and output are float tensors of one type."""

    axis: int = -1

    def make_node(self, *inputs: Any) -> Apply:
        variables = [float_tensor(self, v) for v in inputs]
        first = variables[-1]
        for v in variables:
            if v.type.ndim != first.type.ndim or v.type.dtype is not first.type.dtype:
                raise TypeError(f"{self} needs inputs of one dtype and rank, got {[str(v.type) for v in variables]}.")
        op = type(self)(canonical_axis(self, self.axis, first.type.ndim))
        return Apply(op, variables, [first.type()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        return [input_shapes[-1]]

    def check_shapes(self, a: Any, b: Any) -> None:
        """Raise ``ValueError`` unless two arrays have the same shape."""
        if a.shape != b.shape:
            raise ValueError(f"{self} needs a gradient and a result of the same shape, got {a.shape} and {b.shape}.")

    def total(self, x: Any) -> Any:
        """Sum a symbolic tensor along the axis, keeping it."""
        return x.sum(axis=self.axis, keepdims=True)


class Softmax(_AlongAxis):
    """``exp(x) / sum(exp(x))`` along ``axis``, shifted by ``max(x)`` so that it cannot overflow."""

    def make_node(self, x: Any) -> Apply:
        return super().make_node(x)

    def perform(self, node: Apply, x: Any) -> Any:
        with np.errstate(all="ignore"):
            e = np.exp(shifted(working(x), self.axis))
            return (e / e.sum(self.axis, keepdims=True)).astype(x.dtype, copy=False)

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        return [SoftmaxGrad(self.axis)(output_grads[0].astype(outputs[0].type.dtype), outputs[0])]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        # the Jacobian, diag(y) - y y', is symmetric
        return [None] if tangents[0] is None else self.L_op(inputs, outputs, tangents)

    def inplace(self, node: Apply) -> dict[int, tuple[int, ...]]:
        return {0: (0,)}


class SoftmaxGrad(_AlongAxis):
    """``y * (g - sum(g * y))``: the gradient of a softmax whose result is ``y`` and whose gradient is ``g``."""

    def make_node(self, g: Any, y: Any) -> Apply:
        return super().make_node(g, y)

    def perform(self, node: Apply, g: Any, y: Any) -> Any:
        self.check_shapes(g, y)
        with np.errstate(all="ignore"):
            wg, wy = working(g), working(y)
            return (wy * (wg - (wg * wy).sum(self.axis, keepdims=True))).astype(y.dtype, copy=False)

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        [g, y], [h] = inputs, output_grads
        h = h.astype(y.type.dtype)
        return [self(h, y), h * (g - self.total(g * y)) - g * self.total(h * y)]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        [g, y], [u, v] = inputs, tangents
        terms = [] if u is None else [self(u, y)]
        if v is not None:
            terms.append(v * (g - self.total(g * y)) - y * self.total(g * v))
        return [sum(terms[1:], terms[0]) if terms else None]

    def inplace(self, node: Apply) -> dict[int, tuple[int, ...]]:
        return {0: (0, 1)}


class LogSoftmax(_AlongAxis):
    """``x - log(sum(exp(x)))`` along ``axis``: right where ``log(softmax(x))`` would take the logarithm of 0."""

    def make_node(self, x: Any) -> Apply:
        return super().make_node(x)

    def perform(self, node: Apply, x: Any) -> Any:
        with np.errstate(all="ignore"):
            z = shifted(working(x), self.axis)
            return (z - np.log(np.exp(z).sum(self.axis, keepdims=True))).astype(x.dtype, copy=False)

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        return [LogSoftmaxGrad(self.axis)(output_grads[0].astype(outputs[0].type.dtype), outputs[0])]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        [y], [t] = outputs, tangents
        return [None if t is None else t - self.total(exp(y) * t)]

    def inplace(self, node: Apply) -> dict[int, tuple[int, ...]]:
        return {0: (0,)}


class LogSoftmaxGrad(_AlongAxis):
    """``g - exp(y) * sum(g)``: the gradient of a log-softmax whose result is ``y`` and whose gradient is ``g``."""

    def make_node(self, g: Any, y: Any) -> Apply:
        return super().make_node(g, y)

    def perform(self, node: Apply, g: Any, y: Any) -> Any:
        self.check_shapes(g, y)
        with np.errstate(all="ignore"):
            wg = working(g)
            return (wg - np.exp(working(y)) * wg.sum(self.axis, keepdims=True)).astype(y.dtype, copy=False)

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        [g, y], [h] = inputs, output_grads
        h = h.astype(y.type.dtype)
        weighted = h * exp(y)
        return [h - self.total(weighted), -weighted * self.total(g)]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        [g, y], [u, v] = inputs, tangents
        terms = [] if u is None else [self(u, y)]
        if v is not None:
            terms.append(-v * exp(y) * self.total(g))
        return [sum(terms[1:], terms[0]) if terms else None]

    def inplace(self, node: Apply) -> dict[int, tuple[int, ...]]:
        return {0: (0, 1)}
