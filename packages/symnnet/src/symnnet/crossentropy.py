"""Cross-entropy between a distribution per row and one right class per row, and its gradients.

The distribution comes as probabilities (``CrossentropyCategorical1Hot``) or, fused with the softmax and therefore safe
for scores of any size, as scores before the softmax (``CrossentropySoftmax1hot``).

Everywhere ``x`` or ``p`` is a float matrix (rows, classes) and ``y`` an integer vector that names the class of each
row; a negative class counts from the end, as in NumPy. A class out of bounds raises ``IndexError``. With ``strict``
(the default) there must be a ``y`` for each row, else ``ValueError``; without it ``y`` may be shorter and the remaining
rows are left out, as in ``p[arange(len(y)), y]``.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from symcore.graph.null import disconnected
from symcore.graph.variable import Apply
from symcore.op import Op, Shape
from symcore.tensor.constant import as_tensor
from symcore.tensor.creation import arange
from symcore.tensor.shapes import shape_i
from symcore.tensor.subtensor import set_subtensor
from symcore.tensor.type import TensorType
from symnnet.softmax import Softmax, SoftmaxGrad, float_tensor, shifted, working


def _matrix(op: Any, x: Any) -> Any:
    x = float_tensor(op, x)
    if x.type.ndim != 2:
        raise TypeError(
            f"{op} needs a matrix with a row per example, got {x.type}. For one example: x.dimshuffle('x', 0)."
        )
    return x


def _targets(op: Any, y: Any, x: Any, strict: bool) -> Any:
    y = as_tensor(y)
    if y.type.ndim != 1 or y.type.dtype.kind not in "iu":
        hint = {
            1: f" If it holds classes as floats, cast it: {y}.astype('int64').",
            2: " For a matrix with a row of chances for each example use categorical_crossentropy.",
        }.get(y.type.ndim, "")
        raise TypeError(f"{op} needs an integer vector with the class of each row, got {y} of type {y.type}.{hint}")
    rows, given = x.type.shape[0], y.type.shape[0]
    if strict and None not in (rows, given) and rows != given:
        raise ValueError(f"{op} got {rows} rows and {given} classes; there must be one class for each row.")
    return y


def _row_gradient(op: Any, g: Any, x: Any) -> Any:
    g = as_tensor(g)
    if g.type.ndim > 1:
        raise TypeError(f"{op} needs one gradient for each row, or one for all, got {g.type}.")
    return g.astype(x.type.dtype)


def _check_rows(op: Any, rows: int, given: int, strict: bool) -> None:
    if strict and rows != given:
        raise ValueError(f"{op} got {rows} rows and {given} classes; there must be one class for each row.")
    if given > rows:
        raise IndexError(f"{op} got classes for {given} rows, but there are only {rows}.")


def _take(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.asarray(x[np.arange(len(y)), y])


class _OneHot(Op):
    """Abstract: an Op with integer targets as its last input."""

    strict: bool = True
    #: Position of the matrix among the inputs.
    _matrix_at: ClassVar[int] = 0

    def make_node(self, *inputs: Any) -> Apply:
        x = _matrix(self, inputs[self._matrix_at])
        y = _targets(self, inputs[-1], x, self.strict)
        if not self._matrix_at:
            rows = y.type.shape[0]
            if rows is None and self.strict:
                rows = x.type.shape[0]
            return Apply(self, [x, y], [TensorType(x.type.dtype, (rows,))()])
        return Apply(self, [_row_gradient(self, inputs[0], x), x, y], [x.type()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape | None]:
        return [input_shapes[1] if not self._matrix_at else input_shapes[1][:2]]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True]] * (len(node.inputs) - 1) + [[False]]

    def _rows(self, x: Any, y: Any) -> Any:
        """Return the rows of a symbolic matrix that have a target."""
        return x if self.strict else x[: shape_i(y, 0)]

    def _all_rows(self, part: Any, x: Any, y: Any) -> Any:
        """Undo ``_rows``: fill the rows without a target with zeros."""
        return part if self.strict else set_subtensor(x.zeros_like()[: shape_i(y, 0)], part)


class CrossentropyCategorical1Hot(_OneHot):
    """``-log(p[i, y[i]])`` for each row ``i``."""

    def perform(self, node: Apply, p: Any, y: Any) -> Any:
        _check_rows(self, len(p), len(y), self.strict)
        with np.errstate(all="ignore"):
            return -np.log(_take(p, y))

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        return [CrossentropyCategorical1HotGrad(self.strict)(output_grads[0], *inputs), disconnected()]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        [p, y], t = inputs, tangents[0]
        if t is None:
            return [None]
        at = arange(shape_i(y, 0))
        return [-t[at, y] / p[at, y]]


class CrossentropyCategorical1HotGrad(_OneHot):
    """``-g[i] / p[i, y[i]]`` at ``[i, y[i]]``, zero elsewhere and where ``g`` is zero."""

    _matrix_at: ClassVar[int] = 1

    def perform(self, node: Apply, g: Any, p: Any, y: Any) -> Any:
        _check_rows(self, len(p), len(y), self.strict)
        result = np.zeros_like(p)
        with np.errstate(all="ignore"):
            value = np.where(g == 0, p.dtype.type(0), -g / _take(p, y))
        result[np.arange(len(y)), y] = value
        return result

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        [g, p, y], [h] = inputs, output_grads
        at = arange(shape_i(y, 0))
        h_at, p_at = h.astype(p.type.dtype)[at, y], p[at, y]
        # d(-g h / p) / dp = g h / p^2, at the targets only
        by_p = CrossentropyCategorical1HotGrad(self.strict)(-(g * h_at / p_at), p, y)
        by_g = -(h_at / p_at)
        return [_like_rows(by_g, g), by_p, disconnected()]


class CrossentropySoftmax1hot(_OneHot):
    """``-log(softmax(x))[i, y[i]]`` for each row ``i``, without ever forming the softmax."""

    def perform(self, node: Apply, x: Any, y: Any) -> Any:
        _check_rows(self, len(x), len(y), self.strict)
        with np.errstate(all="ignore"):
            z = shifted(working(x[: len(y)]), -1)
            return (np.log(np.exp(z).sum(-1)) - _take(z, y)).astype(x.dtype, copy=False)

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        return [CrossentropySoftmax1hotGrad(self.strict)(output_grads[0], *inputs), disconnected()]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        [x, y], t = inputs, tangents[0]
        if t is None:
            return [None]
        slope = CrossentropySoftmax1hotGrad(self.strict)(np.ones((), x.type.dtype), x, y)
        return [(self._rows(slope, y) * self._rows(t, y)).sum(axis=1).astype(x.type.dtype)]


class CrossentropySoftmax1hotGrad(_OneHot):
    """``g[i] * (softmax(x)[i] - onehot(y[i]))``: the gradient of ``CrossentropySoftmax1hot``.

    ``g`` is a vector, or a scalar that holds for all rows.
    """

    _matrix_at: ClassVar[int] = 1

    def perform(self, node: Apply, g: Any, x: Any, y: Any) -> Any:
        _check_rows(self, len(x), len(y), self.strict)
        result = np.zeros_like(x)
        with np.errstate(all="ignore"):
            p = np.exp(shifted(working(x[: len(y)]), -1))
            p /= p.sum(-1, keepdims=True)
            p[np.arange(len(y)), y] -= 1
            result[: len(y)] = p * (g[:, None] if g.ndim else g)
        return result

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        [g, x, y], [h] = inputs, output_grads
        h = self._rows(h.astype(x.type.dtype), y)
        p = Softmax()(self._rows(x, y))
        by_g = (p * h).sum(axis=1).astype(x.type.dtype) - h[arange(shape_i(y, 0)), y]
        by_x = SoftmaxGrad()(h * _column(g), p)
        return [_like_rows(by_g, g), self._all_rows(by_x, x, y), disconnected()]

    def inplace(self, node: Apply) -> dict[int, tuple[int, ...]]:
        return {0: (1,)}


class CrossentropySoftmax1hotWithGrad(Op):
    """``CrossentropySoftmax1hot(x, y)`` and ``CrossentropySoftmax1hotGrad(g, x, y)`` in one walk over ``x``.

    Made by a rule, where a graph needs both and ``g`` does not depend on the first.
    """

    strict: bool = True

    def make_node(self, g: Any, x: Any, y: Any) -> Apply:
        value = CrossentropySoftmax1hot(self.strict).make_node(x, y)
        slope = CrossentropySoftmax1hotGrad(self.strict).make_node(g, *value.inputs)
        return Apply(self, slope.inputs, [value.outputs[0].type(), slope.outputs[0].type()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        return [input_shapes[2], input_shapes[1]]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[False, True], [True, True], [False, False]]

    def perform(self, node: Apply, g: Any, x: Any, y: Any) -> Any:
        return (CrossentropySoftmax1hot(self.strict).perform(node, x, y),
                CrossentropySoftmax1hotGrad(self.strict).perform(node, g, x, y))

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        by_value, by_slope = output_grads
        _, x, y = inputs
        first = CrossentropySoftmax1hot(self.strict).L_op([x, y], outputs[:1], [by_value])[0]
        by_g, second, _ = CrossentropySoftmax1hotGrad(self.strict).L_op(inputs, outputs[1:], [by_slope])
        return [by_g, first + second, disconnected()]

    def inplace(self, node: Apply) -> dict[int, tuple[int, ...]]:
        return {1: (1,)}


def _column(g: Any) -> Any:
    return g.dimshuffle(0, "x") if g.type.ndim else g


def _like_rows(by_row: Any, g: Any) -> Any:
    """Give a gradient per row the rank of ``g``, which may stand for all rows."""
    if g.type.ndim and g.type.shape[0] != 1:
        return by_row
    total = by_row.sum().astype(g.type.dtype)
    return total.dimshuffle("x") if g.type.ndim else total
