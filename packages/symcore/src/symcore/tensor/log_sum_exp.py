"""``LogSumExp``: the logarithm of a sum of exponentials as one Op, which reads its input once where rows fit the cache.

Rewriting makes it; ``logsumexp`` is written with a maximum, a sum and elementwise work, so that rules see through it.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from symcore.graph.variable import Apply
from symcore.op import Op, Shape
from symcore.tensor.constant import as_tensor
from symcore.tensor.reduce import Reduce, keep
from symcore.tensor.scalar_functions import exp
from symcore.tensor.type import TensorType


class LogSumExp(Op):
    """``m + log(sum(exp(x - m)))`` along ``axis``, with ``m = max(x)``, or 0 where that is infinite.

    ``axis`` is a sorted tuple. ``x`` is float32 or float64; the output has its dtype, and its shape without ``axis``.
    The sum is accumulated in float64. Of no elements it is -inf. The error is that of ``exp`` and of the sum, for no
    term of the sum exceeds 1 (P. Blanchard, D. J. Higham, N. J. Higham, "Accurately computing the log-sum-exp and
    softmax functions", IMA J. Numer. Anal. 41, 2021).

    Raises ``TypeError`` for another dtype, ``ValueError`` for an axis that ``x`` does not have.
    """

    axis: tuple[int, ...]

    def make_node(self, x: Any) -> Apply:
        x = as_tensor(x)
        if x.type.dtype.name not in ("float32", "float64"):
            raise TypeError(f"LogSumExp takes float32 or float64, got {x.type}; cast it first.")
        if any(not 0 <= a < x.type.ndim for a in self.axis):
            raise ValueError(f"{self} does not fit {x}, which has {x.type.ndim} dimensions.")
        shape = [d for a, d in enumerate(x.type.shape) if a not in self.axis]
        return Apply(self, [x], [TensorType(x.type.dtype.name, shape)()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        return [tuple(d for a, d in enumerate(input_shapes[0]) if a not in self.axis)]

    def perform(self, node: Apply, x: Any) -> Any:
        with np.errstate(all="ignore"):
            top = np.max(x, axis=self.axis, keepdims=True, initial=-np.inf)
            shift = np.where(np.isinf(top), x.dtype.type(0), top).astype(x.dtype)
            total = np.asarray(np.exp(x - shift).sum(axis=self.axis, dtype=np.float64))
            return np.asarray(np.log(total) + shift.reshape(total.shape)).astype(x.dtype)

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        [x], [y], [g] = inputs, outputs, output_grads
        return [keep(g, self.axis, x.type.ndim) * exp(x - keep(y, self.axis, x.type.ndim))]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        [x], [y], [t] = inputs, outputs, tangents
        if t is None:
            return [None]
        terms = t * exp(x - keep(y, self.axis, x.type.ndim))
        return [Reduce("add", self.axis, terms.type.dtype.name, "float64")(terms)]

    def __str__(self) -> str:
        return f"LogSumExp{{axis={self.axis}}}"

    __repr__ = __str__
