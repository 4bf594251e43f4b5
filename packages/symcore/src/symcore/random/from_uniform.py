"""Discrete samples from uniform draws, so that every generator of uniforms gives them too."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from symcore.graph.null import disconnected, grad_undefined
from symcore.graph.variable import Apply, Constant
from symcore.op import Op, Shape
from symcore.tensor.constant import as_tensor
from symcore.tensor.shapes import as_length, static_length
from symcore.tensor.type import TensorType


class _FromUniform(Op):
    """Inputs: probabilities, one row per distribution; uniform draws, ``n`` per row; ``n``. Abstract.

    Draw ``k`` of row ``r`` uses the uniform number ``k * rows + r``. The probabilities of a row should sum to 1.
    """

    def _checked(self, pvals: Any, uniforms: Any, n: Any) -> list[Any]:
        pvals, uniforms = as_tensor(pvals), as_tensor(uniforms)
        if pvals.type.ndim != 2 or pvals.type.dtype.kind != "f":
            raise TypeError(f"{self} takes a float matrix of probabilities, a row per distribution; got {pvals.type}.")
        if uniforms.type.ndim != 1 or uniforms.type.dtype.kind != "f":
            raise TypeError(f"{self} takes a float vector of uniform draws, got {uniforms.type}.")
        return [pvals, uniforms, as_length(n)]

    def _uniforms(self, pvals: Any, uniforms: Any, n: Any) -> Any:
        rows, count = pvals.shape[0], int(n)
        if uniforms.shape[0] != rows * count:
            raise ValueError(
                f"{self}: {rows} rows and n={count} need {rows * count} uniform draws, got {len(uniforms)}."
            )
        return uniforms.reshape(count, rows)

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True], [False], [False]]

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        why = "A draw of integers has no derivative."
        return [grad_undefined(self, 0, inputs[0], why), disconnected(), disconnected()]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [None]


class Chances(Op):
    """Floats, having made sure that each is a number from 0 to 1: a view. Raises ``ValueError`` where one is not."""

    def make_node(self, p: Any) -> Apply:
        p = as_tensor(p)
        if p.type.dtype.kind != "f":
            raise TypeError(f"{self} takes floats, got {p.type}.")
        return Apply(self, [p], [p.type()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        return [input_shapes[0]]

    def perform(self, node: Apply, p: Any) -> Any:
        inside = (p >= 0) & (p <= 1)
        if not np.all(inside):
            raise ValueError(OUTSIDE % float(p[~inside].flat[0]))
        return p

    def view(self, node: Apply) -> dict[int, int]:
        return {0: 0}

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        return [output_grads[0]]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [tangents[0]]


#: What is said of a number that is no probability.
OUTSIDE = "a probability must be a number from 0 to 1, got %g."


def chances(p: Any) -> Any:
    """Return probabilities as a variable: constants are checked now, others when the function runs.

    Raises ``ValueError`` for a constant that is not from 0 to 1, ``TypeError`` for complex numbers.
    """
    x = as_tensor(p)
    if x.type.dtype.kind == "c":
        raise TypeError(f"probabilities are real numbers, got {x.type}.")
    if isinstance(x, Constant):
        outside = ~((x.data >= 0) & (x.data <= 1))
        if np.any(outside):
            raise ValueError(OUTSIDE % float(x.data[outside].flat[0]))
        return x
    return Chances()(x) if x.type.dtype.kind == "f" else x


def _pick(cumulative: Any, u: Any) -> Any:
    """Return, per row, the first outcome at which the sum of the probabilities exceeds ``u``.

    Where rounding keeps the whole sum at or below ``u`` that is the last outcome that has a probability at all.
    """
    found = (cumulative <= u[:, None]).sum(axis=1)
    last = (cumulative < cumulative[:, -1:]).sum(axis=1)
    return np.minimum(found, last)


class MultinomialFromUniform(_FromUniform):
    """Count how often each outcome comes up in ``n`` draws: ``(rows, outcomes)`` of ``dtype``."""

    dtype: str = "int64"

    def make_node(self, pvals: Any, uniforms: Any, n: Any) -> Apply:
        inputs = self._checked(pvals, uniforms, n)
        return Apply(self, inputs, [TensorType(self.dtype, inputs[0].type.shape)()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        return [input_shapes[0]]

    def perform(self, node: Apply, pvals: Any, uniforms: Any, n: Any) -> Any:
        counts = np.zeros(pvals.shape, self.dtype)
        cumulative, rows = pvals.cumsum(axis=1), np.arange(pvals.shape[0])
        for u in self._uniforms(pvals, uniforms, n):
            counts[rows, _pick(cumulative, u)] += 1
        return counts


class ChoiceFromUniform(_FromUniform):
    """Choose ``n`` outcomes per row: ``(rows, n)`` of int64. Without replacement no outcome comes twice in a row."""

    replace: bool = True

    def make_node(self, pvals: Any, uniforms: Any, n: Any) -> Apply:
        inputs = self._checked(pvals, uniforms, n)
        return Apply(self, inputs, [TensorType("int64", (inputs[0].type.shape[0], static_length(inputs[2])))()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        n = node.inputs[2]
        return [(input_shapes[0][0], n if static_length(n) is None else static_length(n))]

    def perform(self, node: Apply, pvals: Any, uniforms: Any, n: Any) -> Any:
        count = int(n)
        if not self.replace and pvals.size and ((pvals > 0).sum(axis=1) < count).any():
            raise ValueError(
                f"{self}: cannot choose {count} outcomes without replacement where fewer have a probability."
            )
        left, rows = pvals.copy(), np.arange(pvals.shape[0])
        chosen = np.zeros((pvals.shape[0], count), np.int64)
        for k, u in enumerate(self._uniforms(pvals, uniforms, n)):
            chosen[:, k] = _pick(left.cumsum(axis=1), u)
            if not self.replace and k + 1 < count:
                left[rows, chosen[:, k]] = 0
                left /= left.sum(axis=1, keepdims=True)
        return chosen
