"""The rest of the tensor language: functions made of the Ops of the other modules."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from symcore.config import config
from symcore.tensor import dtypes, shapes
from symcore.tensor import reductions as reductions
from symcore.tensor import scalar_functions as sf
from symcore.tensor.constant import as_tensor, as_tensors, constant
from symcore.tensor.creation import full_like
from symcore.tensor.join import stack
from symcore.tensor.reduce import normalize_axis, one_axis
from symcore.tensor.shapes import DimShuffle, Reshape, addbroadcast, shape_i
from symcore.tensor.subtensor import nonzero as _nonzero


def true_div(a: Any, b: Any) -> Any:
    """``a / b``. Two integers give ``floatX``, or what ``config.int_division`` says."""
    if config.int_division != "floatX":
        a, b = as_tensors([a, b])
        if dtypes.is_discrete(a.type.dtype) and dtypes.is_discrete(b.type.dtype):
            if config.int_division == "raise":
                raise TypeError(
                    "x / y of two integers, and config.int_division is 'raise': use x // y, or cast one to float."
                )
            return sf.int_div(a, b)
    return sf.true_div(a, b)


def dimshuffle(x: Any, *pattern: Any) -> Any:
    """Return ``x`` with its axes reordered; ``'x'`` makes a new axis of length 1."""
    x = as_tensor(x)
    if len(pattern) == 1 and isinstance(pattern[0], (list, tuple)):
        pattern = tuple(pattern[0])
    order = []
    for p in pattern:
        if p == "x":
            order.append(-1)
        elif isinstance(p, (int, np.integer)):
            if not -x.type.ndim <= p < x.type.ndim:
                raise ValueError(f"dimshuffle names axis {p} of {x}, which has {x.type.ndim} dimensions.")
            order.append(int(p) % x.type.ndim)
        else:
            raise TypeError(f"a dimshuffle pattern holds numbers of axes and 'x', got {p!r}.")
    return x if order == list(range(x.type.ndim)) else DimShuffle(tuple(order))(x)


def transpose(x: Any, axes: Sequence[int] | None = None) -> Any:
    """Return ``x`` with its axes in the order ``axes``, reversed by default."""
    x = as_tensor(x)
    return dimshuffle(x, *(range(x.type.ndim - 1, -1, -1) if axes is None else axes))


def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """Return ``x`` with the axes ``axis1`` and ``axis2`` exchanged. ``ValueError`` for one that it does not have."""
    x = as_tensor(x)
    order = list(range(x.type.ndim))
    a, b = one_axis(axis1, x.type.ndim), one_axis(axis2, x.type.ndim)
    order[a], order[b] = b, a
    return dimshuffle(x, *order)


def flatten(x: Any, ndim: int | None = None, outdim: int | None = None) -> Any:
    """Merge the last axes of ``x`` so that ``ndim`` remain: one by default. ``outdim`` is the older name of ``ndim``.

    Raises ``ValueError`` for a number of axes that ``x`` cannot have, or when both names are given and differ.
    """
    x = as_tensor(x)
    if outdim is not None and ndim not in (None, outdim):
        raise ValueError(f"flatten() was given ndim={ndim} and outdim={outdim}, two names of one number.")
    ndim = next((n for n in (ndim, outdim) if n is not None), 1)
    if not 1 <= ndim <= max(x.type.ndim, 1):
        raise ValueError(f"cannot flatten a tensor of {x.type.ndim} dimensions to {ndim}.")
    if x.type.ndim == ndim:
        return x
    kept = [shape_i(x, i) for i in range(ndim - 1)]
    rest: Any = constant(1, dtype="int64")
    for i in range(ndim - 1, x.type.ndim):
        rest = shape_i(x, i) if i == ndim - 1 else rest * shape_i(x, i)
    return Reshape(ndim)(x, *kept, rest)


def squeeze(x: Any, axis: Any = None) -> Any:
    """Return ``x`` without the axes whose length is known to be 1, or without those of ``axis``."""
    x = as_tensor(x)
    drop = [a for a, d in enumerate(x.type.shape) if d == 1] if axis is None else normalize_axis(axis, x.type.ndim)
    return dimshuffle(x, *[a for a in range(x.type.ndim) if a not in drop])


def expand_dims(x: Any, axis: Any) -> Any:
    """Insert axes of length 1 into ``x``, at the positions ``axis`` (an int or several) of the result."""
    x = as_tensor(x)
    axes = [axis] if isinstance(axis, int) else list(axis)
    ndim = x.type.ndim + len(axes)
    new = normalize_axis(axes, ndim)
    rest = iter(range(x.type.ndim))
    return dimshuffle(x, *["x" if a in new else next(rest) for a in range(ndim)])


def shape_padleft(x: Any, n_ones: int = 1) -> Any:
    """Return ``x`` with ``n_ones`` axes of length 1 before its own."""
    x = as_tensor(x)
    return dimshuffle(x, *["x"] * n_ones, *range(x.type.ndim))


def shape_padright(x: Any, n_ones: int = 1) -> Any:
    """Return ``x`` with ``n_ones`` axes of length 1 after its own."""
    x = as_tensor(x)
    return dimshuffle(x, *range(x.type.ndim), *["x"] * n_ones)


def shape_padaxis(x: Any, axis: int) -> Any:
    """Return ``x`` with a further axis of length 1 at position ``axis`` of the result."""
    return expand_dims(x, axis)


def unbroadcast(x: Any, *axes: int) -> Any:
    """Forget that ``x`` has length 1 along ``axes``."""
    x = as_tensor(x)
    open_axes = normalize_axis(axes, x.type.ndim)
    lengths = [_opaque_one() if a in open_axes and d == 1 else shape_i(x, a) for a, d in enumerate(x.type.shape)]
    return Reshape(x.type.ndim)(x, *lengths)


def _opaque_one() -> Any:
    """A length of 1 that the type system does not look through: the shape of a tensor that is not static."""
    return sf.maximum(sf.identity(constant(1, dtype="int64")), 1)


def patternbroadcast(x: Any, broadcastable: Sequence[bool]) -> Any:
    """Give ``x`` the pattern ``broadcastable``. Raises ``ValueError`` unless it has an entry per dimension."""
    x = as_tensor(x)
    if len(broadcastable) != x.type.ndim:
        raise ValueError(f"{x} has {x.type.ndim} dimensions, the pattern {broadcastable} has {len(broadcastable)}.")
    on = [a for a, b in enumerate(broadcastable) if b and not x.type.broadcastable[a]]
    off = [a for a, b in enumerate(broadcastable) if not b and x.type.broadcastable[a]]
    x = addbroadcast(x, *on) if on else x
    return unbroadcast(x, *off) if off else x


def size(x: Any) -> Any:
    """Return the number of elements of ``x`` as a symbolic integer."""
    x = as_tensor(x)
    total: Any = constant(1, dtype="int64")
    for i in range(x.type.ndim):
        total = shape_i(x, i) if i == 0 else total * shape_i(x, i)
    return total


def shape_vector(x: Any) -> Any:
    """Return the shape of ``x`` as a symbolic vector."""
    return shapes.ShapeOf()(as_tensor(x))


def round(x: Any, mode: str | None = None) -> Any:
    """Round ``x`` to integers; halves to even (default) or away from zero (``mode="half_away_from_zero"``).

    The result is a float tensor, also of integers. Raises ``ValueError`` for another mode.
    """
    if mode in (None, "half_to_even"):
        return sf.round_half_to_even(x)
    if mode == "half_away_from_zero":
        return sf.round_half_away_from_zero(x)
    raise ValueError(f"round has the modes 'half_to_even' and 'half_away_from_zero', got {mode!r}.")


def iround(x: Any, mode: str | None = None) -> Any:
    """Round ``x`` elementwise and convert to int64; ``mode`` as in ``round``."""
    return sf.cast(round(x, mode), "int64")


def norm(x: Any, L: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the norm of order ``L`` of ``x`` along ``axis``: 0 counts, ``inf`` takes the largest.

    The gradient at 0 is 0. ``keepdims`` leaves the axes with length 1.
    """
    x = as_tensor(x)
    if L == 0:
        return reductions.sum(sf.neq(x, 0), axis, keepdims=keepdims)
    size_of = sf.abs(x)
    if L in (float("inf"), float("-inf")):
        return (reductions.max if L > 0 else reductions.min)(size_of, axis, keepdims)
    if L == 1:
        return reductions.sum(size_of, axis, keepdims=keepdims)
    if L == 2:
        total = reductions.sum(sf.sqr(size_of), axis, keepdims=keepdims)
        nonzero_total = sf.switch(sf.eq(total, 0), 1, total)
        return sf.switch(sf.eq(total, 0), total, sf.sqrt(nonzero_total))
    return reductions.sum(size_of**L, axis, keepdims=keepdims) ** (1.0 / L)


def isclose(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """Compare ``a`` and ``b`` elementwise: ``|a - b| <= atol + rtol * |b|``, as ``numpy.isclose``.

    Infinities are close if they are equal; NaNs to each other with ``equal_nan``.
    """
    a, b = as_tensors([a, b])
    close = sf.le(sf.abs(a - b), atol + rtol * sf.abs(b))
    finite = sf.invert(sf.or_(sf.isinf(a), sf.isinf(b)))
    result = sf.or_(sf.and_(close, finite), sf.eq(a, b))
    return sf.or_(result, sf.and_(sf.isnan(a), sf.isnan(b))) if equal_nan else result


def allclose(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """Tell whether ``a`` and ``b`` are close everywhere, in one truth value.

    ``rtol``, ``atol``, ``equal_nan`` as in ``isclose``.
    """
    return reductions.all(isclose(a, b, rtol, atol, equal_nan))


def ptp(x: Any, axis: Any = None) -> Any:
    """Return the largest minus the smallest element of ``x`` along ``axis`` (of all by default)."""
    return reductions.max(x, axis) - reductions.min(x, axis)


def nonzero(x: Any, return_matrix: bool = False) -> Any:
    """Return the positions of the elements of ``x`` that are not zero: one int64 vector per axis.

    ``return_matrix``: one matrix instead, with a row per axis.
    """
    found = _nonzero(x)
    return stack(found) if return_matrix else found


def fill(x: Any, value: Any) -> Any:
    """Return a tensor of the shape of ``x`` filled with ``value``."""
    return full_like(x, value)


def ceil_intdiv(a: Any, b: Any) -> Any:
    """Return the smallest integer not below ``a / b``."""
    return -sf.int_div(-as_tensor(a), b)
