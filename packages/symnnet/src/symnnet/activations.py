"""Activation functions: elementwise ones, made of the scalar functions of symcore, and the softmax family.

Integer tensors are computed in float, as the scalar functions do.
"""

from typing import Any

from symcore.tensor.constant import as_tensor
from symcore.tensor.scalar_functions import abs as abs_
from symcore.tensor.scalar_functions import clip, exp, expm1, gt, lt, minimum, sigmoid, softplus, switch
from symnnet.softmax import LogSoftmax, Softmax

__all__ = [
    "elu", "hard_sigmoid", "log_softmax", "logsoftmax", "relu", "selu", "sigmoid", "softmax", "softmax_graph",
    "softmax_with_bias", "softplus", "softsign", "ultra_fast_sigmoid",
]  # fmt: skip

#: The fixed point of self-normalising networks (G. Klambauer et al., "Self-normalizing neural networks", 2017).
SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805


def hard_sigmoid(x: Any) -> Any:
    """Return ``clip(0.2 x + 0.5, 0, 1)``: a sigmoid of three straight lines."""
    return clip(as_tensor(x) * 0.2 + 0.5, 0, 1)


def ultra_fast_sigmoid(x: Any) -> Any:
    """Return an approximation of the sigmoid, at most 0.03 off, without any exponential.

    It is ``(1 + t) / 2`` with ``t`` an odd, piecewise stand-in for ``tanh(x / 2)``: with ``u = |x| / 2``, the fraction
    ``1.5 u / (1 + u)`` below 1.7, a line up to 3, a constant beyond. It has small steps at 1.7 and 3. For a new model
    take ``sigmoid``, which is vectorised.
    """
    x = as_tensor(x)
    u = abs_(x) * 0.5
    line = (u - 1.7) * 0.0458812946797165 + 0.935409070603099
    t = switch(lt(u, 1.7), u * 1.5 / (u + 1), switch(lt(u, 3), line, 0.99505475368673))
    return (switch(lt(x, 0), -t, t) + 1) * 0.5


def softsign(x: Any) -> Any:
    """Return ``x / (1 + |x|)``, elementwise; values lie between -1 and 1."""
    x = as_tensor(x)
    return x / (abs_(x) + 1)


def relu(x: Any, alpha: Any = 0) -> Any:
    """Return ``max(x, 0)``; with a slope ``alpha`` (a number or a tensor) ``max(x, 0) + alpha min(x, 0)``.

    Written as ``(x + |x|) / 2``, so that the derivative at 0 is the mean of both sides: 0.5, or ``(1 + alpha) / 2``.
    For the same reason minus infinity gives NaN.
    """
    x = as_tensor(x)
    if isinstance(alpha, (int, float)) and alpha == 0:
        return (x + abs_(x)) * 0.5
    return x * ((alpha + 1) * 0.5) + abs_(x) * ((1 - alpha) * 0.5)


def elu(x: Any, alpha: Any = 1) -> Any:
    """Return ``x`` where it is positive, ``alpha (exp(x) - 1)`` elsewhere.

    D.-A. Clevert et al., "Fast and accurate deep network learning by exponential linear units", 2016.
    """
    x = as_tensor(x)
    # the minimum keeps the side that is not taken finite, and with it its gradient
    return switch(gt(x, 0), x, expm1(minimum(x, 0)) * alpha)


def selu(x: Any) -> Any:
    """Return ``1.0507 elu(x, 1.6733)``: keeps mean 0 and variance 1 through the layers of a network.

    G. Klambauer et al., "Self-normalizing neural networks", 2017.
    """
    return elu(x, SELU_ALPHA) * SELU_SCALE


def softmax(x: Any, axis: int = -1) -> Any:
    """Return ``exp(x) / sum(exp(x))`` along ``axis``, the last by default.

    ``x`` is a float tensor of one dimension or more; the result has its type. A vector stays a vector (older libraries
    made it a matrix of one row: write ``softmax(x.dimshuffle('x', 0))`` for that).

    Raises ``TypeError`` for integers, ``ValueError`` for an axis that does not exist.
    """
    return Softmax(axis)(x)


def log_softmax(x: Any, axis: int = -1) -> Any:
    """Return ``log(softmax(x))`` along ``axis``, right for scores of any size. Types and errors as for ``softmax``."""
    return LogSoftmax(axis)(x)


logsoftmax = log_softmax


def softmax_with_bias(x: Any, b: Any) -> Any:
    """Return the softmax of each row of the matrix ``x`` plus the vector ``b``."""
    return softmax(as_tensor(x) + b)


def softmax_graph(x: Any) -> Any:
    """Return the softmax of ``x`` over its last axis written out in elementary functions, shifted by the largest
    element.
    """
    x = as_tensor(x)
    e = exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)
