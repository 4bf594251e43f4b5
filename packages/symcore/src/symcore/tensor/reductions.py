"""Reductions as users call them: sum, prod, max, min, mean, var, std, all, any, argmax."""

from typing import Any

from symcore.graph.variable import Variable
from symcore.tensor import dtypes
from symcore.tensor.constant import as_tensor
from symcore.tensor.elemwise import TABLE
from symcore.tensor.reduce import Argmax, keep, normalize_axis, reduce_with
from symcore.tensor.scalar_functions import cast
from symcore.tensor.shapes import shape_i


def sum(x: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False, acc_dtype: Any = None) -> Any:
    """Sum of ``x`` over ``axis``: an int, several, or ``None`` for all.

    ``dtype``: of the result; by default integers grow to 64 bits and the others stay. ``acc_dtype``: what is
    accumulated in; by default the next wider float. ``keepdims`` leaves the axes with length 1.
    """
    return reduce_with("add", x, axis, keepdims, dtype, acc_dtype)


def prod(
    x: Any,
    axis: Any = None,
    dtype: Any = None,
    keepdims: bool = False,
    acc_dtype: Any = None,
    no_zeros_in_input: bool = False,
) -> Any:
    """Product of ``x`` over ``axis``. The gradient is right however many zeros there are.

    ``axis``, ``dtype``, ``keepdims`` and ``acc_dtype`` as in ``sum``. ``no_zeros_in_input``: you know that there is no
    zero, which makes the gradient simpler.
    """
    return reduce_with("mul", x, axis, keepdims, dtype, acc_dtype)


def max(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Largest element of ``x`` along ``axis``; NaN if there is one. The gradient is 1 for every element that ties.

    ``axis``: an int, several, or ``None`` for all; ``keepdims`` leaves the axes with length 1. Raises ``ValueError``
    when the graph runs and there is no element.
    """
    return reduce_with("maximum", x, axis, keepdims, None, None)


def min(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Smallest element of ``x`` along ``axis``; NaN if there is one. The gradient is 1 for every element that ties.

    ``axis``: an int, several, or ``None`` for all; ``keepdims`` leaves the axes with length 1. Raises ``ValueError``
    when the graph runs and there is no element.
    """
    return reduce_with("minimum", x, axis, keepdims, None, None)


def all(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Whether every element of ``x`` along ``axis`` is different from zero; a truth value each.

    ``axis``: an int, several, or ``None`` for all. ``keepdims`` leaves the axes with length 1.
    """
    return reduce_with("and_", x, axis, keepdims, None, None)


def any(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Whether some element of ``x`` along ``axis`` is different from zero; a truth value each.

    ``axis``: an int, several, or ``None`` for all. ``keepdims`` leaves the axes with length 1.
    """
    return reduce_with("or_", x, axis, keepdims, None, None)


def count(x: Any, axes: tuple[int, ...], dtype: Any) -> Any:
    """Return the number of elements along ``axes`` as a scalar of ``dtype``: a number if the type knows it."""
    total: Any = 1
    for a in axes:
        known = x.type.shape[a]
        total = total * (known if known is not None else shape_i(x, a))
    return total if isinstance(total, int) else cast(total, dtype)


def mean(x: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False, acc_dtype: Any = None) -> Any:
    """Arithmetic mean of ``x`` along ``axis``; of integers in float64.

    ``axis``, ``dtype``, ``keepdims`` and ``acc_dtype`` as in ``sum``.
    """
    x = as_tensor(x)
    axes = normalize_axis(axis, x.type.ndim)
    if dtype is None and x.type.dtype.name == "float16":  # the sum, and the number of elements, may be beyond its range
        return cast(mean(x, axes, dtypes.FLOAT32, keepdims, acc_dtype), x.type.dtype)
    if dtype is None:
        dtype = dtypes.FLOAT64 if dtypes.is_discrete(x.type.dtype) else x.type.dtype
    total = sum(x, axes, dtype, keepdims, acc_dtype)
    return total / count(x, axes, total.type.dtype)


def var(x: Any, axis: Any = None, ddof: Any = 0, keepdims: bool = False, corrected: bool = False) -> Any:
    """Variance of ``x`` along ``axis``, dividing by ``n - ddof``; two passes.

    ``corrected``: less the rounding of the mean. ``keepdims`` leaves the axes with length 1. Integers give float64.
    """
    x = as_tensor(x)
    if x.type.dtype.name == "float16":  # squares are beyond its range so soon
        return cast(var(cast(x, dtypes.FLOAT32), axis, ddof, keepdims, corrected), x.type.dtype)
    axes = normalize_axis(axis, x.type.ndim)
    deviation = x - mean(x, axes, keepdims=True)
    square = abs_square(deviation)
    if not ddof and not corrected:
        return mean(square, axes, keepdims=keepdims)
    total = sum(square, axes, keepdims=keepdims)
    n = count(x, axes, total.type.dtype)
    if corrected:
        total = total - abs_square(sum(deviation, axes, keepdims=keepdims)) / n
    # of fewer elements than that the variance is not defined, as in NumPy
    degrees = n - ddof
    return total / (TABLE["maximum"](degrees, 0) if isinstance(degrees, Variable) else degrees if degrees > 0 else 0)


def abs_square(x: Any) -> Any:
    """Return ``|x|**2``."""
    return TABLE["sqr"](TABLE["abs"](x) if x.type.dtype.kind == "c" else x)


def std(x: Any, axis: Any = None, ddof: Any = 0, keepdims: bool = False, corrected: bool = False) -> Any:
    """Standard deviation of ``x`` along ``axis``: the root of ``var`` with the same ``ddof``, ``corrected``,
    ``keepdims``.
    """
    x = as_tensor(x)
    if x.type.dtype.name == "float16":  # a variance beyond its range may have a root within it
        return cast(std(cast(x, dtypes.FLOAT32), axis, ddof, keepdims, corrected), x.type.dtype)
    return TABLE["sqrt"](var(x, axis, ddof, keepdims, corrected))


def argmax(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Position (int64) of the largest element of ``x`` along ``axis`` (over all elements, flattened, by default).

    The first of equal ones; a NaN is larger than all. ``keepdims`` leaves the axes with length 1.
    """
    x = as_tensor(x)
    axes = normalize_axis(axis, x.type.ndim)
    y = Argmax(axes)(x)
    return keep(y, axes, x.type.ndim) if keepdims else y


def argmin(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Position (int64) of the smallest element of ``x`` along ``axis`` (over all elements, flattened, by default).

    The first of equal ones; a NaN is smaller than all. ``keepdims`` leaves the axes with length 1.
    """
    x = as_tensor(x)
    return argmax(~x if dtypes.is_discrete(x.type.dtype) else -x, axis, keepdims)


def max_and_argmax(x: Any, axis: Any = None, keepdims: bool = False) -> list[Any]:
    """Return the largest element of ``x`` along ``axis`` and its position (int64); see ``max`` and ``argmax``.

    ``keepdims`` leaves the axes with length 1.
    """
    return [max(x, axis, keepdims), argmax(x, axis, keepdims)]
