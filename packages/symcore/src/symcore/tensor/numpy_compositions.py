"""Functions of NumPy that have no namesake in the tensor language, made of functions of it; found through NumPy alone.

Each takes the parameters that ``numpy_twins`` hands on, and means what its namesake in NumPy documents.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symcore.tensor import arranging, diagonals, dtypes, functions, products, reductions, shapes
from symcore.tensor import cumulative as running
from symcore.tensor import scalar_functions as sf
from symcore.tensor.constant import as_tensor, as_tensors
from symcore.tensor.join import concatenate as join_list
from symcore.tensor.join import stack as stack_list
from symcore.tensor.reduce import normalize_axis, one_axis
from symcore.tensor.subtensor import nonzero as positions

# ---------------------------------------------------------------------- elementwise


def positive(x: Any) -> Any:
    return sf.identity(x)


def float_power(a: Any, b: Any) -> Any:
    a, b = as_tensors([a, b])
    target = dtypes.upcast(a.type.dtype, b.type.dtype, dtypes.FLOAT64)
    return sf.pow(sf.cast(a, target), sf.cast(b, target))


def _or_other_if_nan(choose: Callable[..., Any], a: Any, b: Any) -> Any:
    a, b = as_tensors([a, b])
    return sf.switch(sf.isnan(a), b, sf.switch(sf.isnan(b), a, choose(a, b)))


def fmax(a: Any, b: Any) -> Any:
    return _or_other_if_nan(sf.maximum, a, b)


def fmin(a: Any, b: Any) -> Any:
    return _or_other_if_nan(sf.minimum, a, b)


def _truth(x: Any) -> Any:
    x = as_tensor(x)
    return x if x.type.dtype.kind == "b" else sf.neq(x, 0)


def logical_and(a: Any, b: Any) -> Any:
    return sf.and_(_truth(a), _truth(b))


def logical_or(a: Any, b: Any) -> Any:
    return sf.or_(_truth(a), _truth(b))


def logical_xor(a: Any, b: Any) -> Any:
    return sf.xor(_truth(a), _truth(b))


def logical_not(x: Any) -> Any:
    return sf.invert(_truth(x))


def isfinite(x: Any) -> Any:
    return sf.invert(sf.or_(sf.isnan(x), sf.isinf(x)))


def logaddexp(a: Any, b: Any) -> Any:
    a, b = as_tensors([a, b])
    # of equal infinities the difference is not defined, and the sum is twice the exponential
    same = sf.eq(a, b)
    distance = sf.switch(same, 0, sf.abs(a - b))
    return sf.maximum(a, b) + sf.log1p(sf.exp(-distance))


def heaviside(x: Any, at_zero: Any) -> Any:
    x, at_zero = as_tensors([x, at_zero])
    step = sf.cast(sf.gt(x, 0), dtypes.upgrade_to_float(dtypes.upcast(x.type.dtype, at_zero.type.dtype)))
    return sf.switch(sf.isnan(x), x, sf.switch(sf.eq(x, 0), at_zero, step))


def clip(x: Any, a_min: Any = None, a_max: Any = None) -> Any:
    if a_min is not None and a_max is not None:
        return sf.clip(x, a_min, a_max)
    x = as_tensor(x)
    return sf.maximum(x, a_min) if a_min is not None else sf.minimum(x, a_max) if a_max is not None else positive(x)


def round(x: Any, decimals: int = 0) -> Any:
    x = as_tensor(x)
    if dtypes.is_discrete(x.type.dtype):
        if decimals >= 0:
            return positive(x)
        step = 10**-decimals
        return sf.cast(functions.round(x / step) * step, x.type.dtype)
    if not decimals:
        return functions.round(x)
    scale = 10.0 ** abs(decimals)
    return functions.round(x * scale) / scale if decimals > 0 else functions.round(x / scale) * scale


def real(x: Any) -> Any:
    return as_tensor(x).real


def imag(x: Any) -> Any:
    return as_tensor(x).imag


def angle(z: Any, deg: bool = False) -> Any:
    found = sf.angle(z)
    return sf.rad2deg(found) if deg else found


def where(condition: Any, *arrays: Any) -> Any:
    if not arrays:
        return positions(as_tensor(condition))
    if len(arrays) != 2:
        raise ValueError(f"where takes a condition, and both or neither of two tensors; got {len(arrays)}.")
    return sf.switch(condition, *arrays)


def select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Any:
    if len(condlist) != len(choicelist) or not condlist:
        raise ValueError(f"select takes as many choices as conditions, got {len(choicelist)} and {len(condlist)}.")
    *choices, rest = as_tensors([*choicelist, default])
    for condition, choice in zip(reversed(condlist), reversed(choices), strict=True):
        rest = sf.switch(condition, choice, rest)
    return rest


# ---------------------------------------------------------------------- what is known of a tensor


def ndim(x: Any) -> int:
    return int(as_tensor(x).type.ndim)


def size(x: Any, axis: Any = None) -> Any:
    x = as_tensor(x)
    return functions.size(x) if axis is None else reductions.count(x, normalize_axis(axis, x.type.ndim), "int64")


def iscomplexobj(x: Any) -> bool:
    return bool(as_tensor(x).type.dtype.kind == "c")


def isrealobj(x: Any) -> bool:
    return not iscomplexobj(x)


def result_type(*items: Any) -> np.dtype[Any]:
    def known(item: Any) -> Any:
        return np.dtype(item) if isinstance(item, (str, type, np.dtype)) else as_tensor(item).type.dtype

    numbers = [v for v in items if isinstance(v, (bool, int, float, complex)) and not isinstance(v, np.generic)]
    found = [known(v) for v in items if not any(v is n for n in numbers)]
    return dtypes.upcast(*found, *[dtypes.weak(n, found) for n in numbers])


# ---------------------------------------------------------------------- shapes


def ravel(x: Any) -> Any:
    return functions.flatten(x, 1)


def matrix_transpose(x: Any) -> Any:
    return functions.swapaxes(x, -1, -2)


def squeeze(x: Any, axis: Any = None) -> Any:
    x = as_tensor(x)
    if axis is None and None in x.type.shape:
        raise TypeError(
            f"np.squeeze({x}) needs axis=: the lengths of {x.type} are known only when the function runs. "
            "x.squeeze() drops those axes whose length the type knows to be 1."
        )
    return functions.squeeze(x, axis)


def _each(function: Callable[..., Any], tensors: Sequence[Any]) -> Any:
    made = tuple(function(t) for t in tensors)
    return made[0] if len(made) == 1 else made


def atleast_1d(*tensors: Any) -> Any:
    return _each(arranging.atleast_1d, tensors)


def atleast_2d(*tensors: Any) -> Any:
    return _each(arranging.atleast_2d, tensors)


def _flipped(name: str, x: Any, axis: int) -> Any:
    x = as_tensor(x)
    if x.type.ndim <= axis:
        raise ValueError(f"{name} takes a tensor of at least {axis + 1} dimensions, got {x.type}.")
    return arranging.flip(x, axis)


def fliplr(x: Any) -> Any:
    return _flipped("fliplr", x, 1)


def flipud(x: Any) -> Any:
    return _flipped("flipud", x, 0)


def _cast_all(tensors: Any, dtype: Any) -> list[Any]:
    items = list(tensors) if isinstance(tensors, (list, tuple)) else list(as_tensor(tensors))
    return items if dtype is None else [sf.cast(t, dtype) for t in as_tensors(items)]


def concatenate(tensors: Any, axis: int | None = 0, dtype: Any = None) -> Any:
    items = _cast_all(tensors, dtype)
    return join_list([ravel(t) for t in items], 0) if axis is None else join_list(items, axis)


def stack(tensors: Any, axis: int = 0, dtype: Any = None) -> Any:
    return stack_list(_cast_all(tensors, dtype), axis=axis)


def dstack(tensors: Any) -> Any:
    def deep(t: Any) -> Any:
        t = arranging.atleast_2d(t)
        return t.dimshuffle(0, 1, "x") if t.type.ndim == 2 else t

    return join_list([deep(t) for t in as_tensors(tensors)], 2)


def column_stack(tensors: Any) -> Any:
    def column(t: Any) -> Any:
        return t if t.type.ndim > 1 else arranging.atleast_2d(t).T

    return join_list([column(t) for t in as_tensors(tensors)], 1)


def append(x: Any, values: Any, axis: int | None = None) -> Any:
    return concatenate([x, values], axis)


def split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    x = as_tensor(x)
    axis = one_axis(axis, x.type.ndim)
    n = shapes.shape_i(x, axis)
    if isinstance(indices_or_sections, (int, np.integer)):
        count = int(indices_or_sections)
        known = x.type.shape[axis]
        if count <= 0 or (known is not None and known % count):
            raise ValueError(f"split cannot cut {known} elements along axis {axis} into {count} equal pieces.")
        from symcore.tensor.join import split as split_sizes

        return split_sizes(x, [sf.int_div(n, count)] * count, count, axis)
    cuts = [None, *indices_or_sections, None]
    lead = [slice(None)] * axis
    return [x[(*lead, slice(a, b))] for a, b in zip(cuts[:-1], cuts[1:], strict=True)]


# ---------------------------------------------------------------------- reductions and running results


def average(x: Any, axis: Any = None, weights: Any = None, keepdims: bool = False) -> Any:
    x = as_tensor(x)
    if weights is None:
        return reductions.mean(x, axis, keepdims=keepdims)
    w = as_tensor(weights)
    if w.type.ndim != x.type.ndim:
        if axis is None or w.type.ndim != 1:
            raise TypeError(f"average takes weights of the shape of {x.type}, or a vector and an axis; got {w.type}.")
        at = one_axis(axis, x.type.ndim)
        w = w.dimshuffle(*[0 if a == at else "x" for a in range(x.type.ndim)])
    if dtypes.is_discrete(w.type.dtype):
        w = sf.cast(w, "float64")
    together = sf.second(x, w) if w.type.broadcastable != x.type.broadcastable else w
    return reductions.sum(x * w, axis, keepdims=keepdims) / reductions.sum(together, axis, keepdims=keepdims)


def count_nonzero(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return reductions.sum(_truth(x), axis, keepdims=keepdims)


def _running(function: Callable[..., Any], x: Any, axis: int | None, dtype: Any) -> Any:
    x = as_tensor(x)
    return function(sf.cast(x, dtypes.sum_dtype(x.type.dtype) if dtype is None else dtype), axis)


def cumsum(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    return _running(running.cumsum, x, axis, dtype)


def cumprod(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    return _running(running.cumprod, x, axis, dtype)


def argwhere(x: Any) -> Any:
    return functions.nonzero(as_tensor(x), True).T


# ---------------------------------------------------------------------- products and linear algebra


def vdot(a: Any, b: Any) -> Any:
    a, b = as_tensors([a, b])
    return products.dot(ravel(a.conj()), ravel(b))


def inner(a: Any, b: Any) -> Any:
    a, b = as_tensors([a, b])
    if not a.type.ndim or not b.type.ndim:
        return a * b
    return products.tensordot(a, b, [[a.type.ndim - 1], [b.type.ndim - 1]])


def vecdot(a: Any, b: Any) -> Any:
    a, b = as_tensors([a, b])
    return reductions.sum(a.conj() * b, -1, dtype=dtypes.upcast(a.type.dtype, b.type.dtype))


def outer(a: Any, b: Any) -> Any:
    return products.outer(ravel(as_tensor(a)) if ndim(a) else arranging.atleast_1d(a), ravel(arranging.atleast_1d(b)))


def _linalg() -> Any:
    from importlib import import_module

    return import_module("symcore.linalg.nlinalg")  # a higher floor, known by name alone


def multi_dot(arrays: Sequence[Any]) -> Any:
    return _linalg().matrix_dot(*arrays)


def vector_norm(x: Any, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    return functions.norm(x, ord, axis, keepdims)


def matrix_norm(x: Any, keepdims: bool = False, ord: Any = "fro") -> Any:
    return _linalg().norm(x, ord, (-2, -1), keepdims)


def eigvalsh(a: Any, UPLO: str = "L") -> Any:  # noqa: N803
    return _linalg().eigh(a, UPLO)[0]


def svdvals(x: Any) -> Any:
    return _linalg().svd(x, False, False)


def cholesky(a: Any, upper: bool = False) -> Any:
    from importlib import import_module

    return import_module("symcore.linalg.slinalg").cholesky(a, not upper)


def matrix_trace(x: Any, offset: int = 0) -> Any:
    return diagonals.trace(x, offset, -2, -1)


def matrix_diagonal(x: Any, offset: int = 0) -> Any:
    return diagonals.diagonal(x, offset, -2, -1)


# ---------------------------------------------------------------------- Fourier transforms along one axis


def _scale(norm: str | None, n: Any, inverse: bool) -> Any:
    """Return what to divide the unscaled transform by, or ``None``."""
    if norm not in (None, "backward", "ortho", "forward"):
        raise ValueError(f"transforms have the norms 'backward', 'ortho' and 'forward', got {norm!r}.")
    if norm == "ortho":
        return sf.sqrt(sf.cast(n, "float64"))
    return n if inverse == (norm != "forward") else None


def _scaled(y: Any, by: Any) -> Any:
    if by is None:
        return y
    return y / sf.cast(by, "float32" if y.type.dtype.name in ("complex64", "float32") else "float64")


def _rows(x: Any, axis: int) -> tuple[Any, Callable[[Any], Any]]:
    """Return a matrix whose rows lie along ``axis`` of ``x``, and the way back from a matrix of such rows."""
    ndim = x.type.ndim
    lead = [a for a in range(ndim) if a != axis]
    moved = x.dimshuffle(*lead, axis)
    lengths = [shapes.shape_i(x, a) for a in lead]
    total: Any = 1
    for n in lengths:
        total = total * n
    matrix = shapes.reshape(moved, (total, shapes.shape_i(x, axis)))

    def back(rows: Any) -> Any:
        y = shapes.reshape(rows, (*lengths, shapes.shape_i(rows, 1)))
        return arranging.moveaxis(y, -1, axis)

    return matrix, back


def _half_spectrum(rows: Any) -> Any:
    from importlib import import_module

    pairs = import_module("symcore.fft").rfft(rows)
    return pairs[..., 0] + 1j * pairs[..., 1]


def _float_rows(x: Any, axis: int) -> tuple[Any, Callable[[Any], Any]]:
    x = as_tensor(x)
    if dtypes.is_discrete(x.type.dtype):
        x = sf.cast(x, "float64")
    return _rows(x, one_axis(axis, x.type.ndim))


def rfft(x: Any, axis: int = -1, norm: str | None = None) -> Any:
    rows, back = _float_rows(x, axis)
    return back(_scaled(_half_spectrum(rows), _scale(norm, shapes.shape_i(rows, 1), False)))


def irfft(x: Any, n: int | None = None, axis: int = -1, norm: str | None = None) -> Any:
    from importlib import import_module

    rows, back = _float_rows(x, axis)
    known = rows.type.shape[1]
    if n is not None and (known is None or known != n // 2 + 1):
        raise TypeError(
            f"np.fft.irfft of {as_tensor(x).type} to n = {n} points needs an axis known to hold {n // 2 + 1} "
            "frequencies; state it with T.specify_shape."
        )
    parts = sf.real(rows), sf.imag(rows) if rows.type.dtype.kind == "c" else rows.zeros_like()
    y = import_module("symcore.fft").irfft(stack_list(parts, axis=-1), "no_norm", n is not None and n % 2 == 1)
    return back(_scaled(y, _scale(norm, shapes.shape_i(y, 1), True)))


def _spectrum(rows: Any) -> Any:
    if rows.type.dtype.kind == "c":
        return _spectrum(sf.real(rows)) + 1j * _spectrum(sf.imag(rows))
    half = _half_spectrum(rows)
    n = shapes.shape_i(rows, 1)
    # frequency n - k is the conjugate of frequency k
    rest = sf.conj(half[:, 1 : (n + 1) // 2])[:, ::-1]
    return join_list([half, rest], 1)


def fft(x: Any, axis: int = -1, norm: str | None = None) -> Any:
    rows, back = _float_rows(x, axis)
    return back(_scaled(_spectrum(rows), _scale(norm, shapes.shape_i(rows, 1), False)))


def ifft(x: Any, axis: int = -1, norm: str | None = None) -> Any:
    rows, back = _float_rows(x, axis)
    mirrored = sf.conj(_spectrum(rows.conj()))
    return back(_scaled(mirrored, _scale(norm, shapes.shape_i(rows, 1), True)))
