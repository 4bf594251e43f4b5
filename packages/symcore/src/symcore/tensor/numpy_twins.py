"""Which function of the tensor language answers which function of NumPy, and how their parameters correspond.

An entry reads ``twin(parameters)``. ``twin`` is a name of the tensor language; of ``linalg.``, linear algebra; of
``here.``, a composition in ``numpy_compositions``. The parameters stand in NumPy's order:

* ``x``: handed on by position; ``*x``: all remaining positional arguments are;
* ``x=y``: handed on by the keyword ``y``, if it was given;
* ``!x``: must be left out, or have the value that changes nothing; ``!x=value`` names such a value;
* ``~x``: says how NumPy should lay out memory or which class to return; ignored.
"""

from functools import lru_cache

from symcore.record import Record

#: ufunc -> function of as many arguments.
UFUNCS: dict[str, str] = {
    "add": "add", "subtract": "sub", "multiply": "mul", "divide": "true_div", "floor_divide": "int_div",
    "remainder": "mod", "power": "pow", "float_power": "here.float_power", "negative": "neg",
    "positive": "here.positive", "absolute": "abs", "fabs": "abs", "rint": "round", "sign": "sgn",
    "conjugate": "conj", "exp": "exp", "exp2": "exp2", "expm1": "expm1", "log": "log", "log2": "log2",
    "log10": "log10", "log1p": "log1p", "sqrt": "sqrt", "cbrt": "cbrt", "square": "sqr", "reciprocal": "reciprocal",
    "sin": "sin", "cos": "cos", "tan": "tan", "arcsin": "arcsin", "arccos": "arccos", "arctan": "arctan",
    "arctan2": "arctan2", "sinh": "sinh", "cosh": "cosh", "tanh": "tanh", "arcsinh": "arcsinh", "arccosh": "arccosh",
    "arctanh": "arctanh",
    "deg2rad": "deg2rad", "radians": "deg2rad", "rad2deg": "rad2deg", "degrees": "rad2deg", "ceil": "ceil",
    "floor": "floor", "trunc": "trunc", "maximum": "maximum", "minimum": "minimum", "fmax": "here.fmax",
    "fmin": "here.fmin", "less": "lt", "less_equal": "le", "greater": "gt", "greater_equal": "ge", "equal": "eq",
    "not_equal": "neq", "bitwise_and": "and_", "bitwise_or": "or_", "bitwise_xor": "xor", "invert": "invert",
    "logical_and": "here.logical_and", "logical_or": "here.logical_or", "logical_xor": "here.logical_xor",
    "logical_not": "here.logical_not", "isnan": "isnan", "isinf": "isinf", "isfinite": "here.isfinite",
    "divmod": "divmod", "logaddexp": "here.logaddexp", "heaviside": "here.heaviside", "matmul": "matmul",
    "vecdot": "here.vecdot",
}  # fmt: skip

#: ufunc -> function of a tensor and an axis, for ``ufunc.reduce`` and ``ufunc.accumulate``.
REDUCE: dict[str, str] = {
    "add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min", "logical_and": "all", "logical_or": "any",
}  # fmt: skip
ACCUMULATE: dict[str, str] = {"add": "cumsum", "multiply": "cumprod"}

_SHAPES = """
    shape: shape(a)
    ndim: here.ndim(a)
    size: here.size(a, axis=axis)
    reshape: reshape(a, shape, !order=C, !copy)
    ravel: here.ravel(a, !order=C)
    transpose: transpose(a, axes=axes)
    permute_dims: transpose(a, axes=axes)
    matrix_transpose: here.matrix_transpose(x)
    swapaxes: swapaxes(a, axis1, axis2)
    moveaxis: moveaxis(a, source, destination)
    squeeze: here.squeeze(a, axis=axis)
    expand_dims: expand_dims(a, axis)
    broadcast_to: broadcast_to(array, shape, ~subok)
    broadcast_arrays: broadcast_arrays(*args, ~subok)
    atleast_1d: here.atleast_1d(*arys)
    atleast_2d: here.atleast_2d(*arys)
    repeat: repeat(a, repeats, axis=axis)
    tile: tile(A, reps)
    roll: roll(a, shift, axis=axis)
    flip: flip(m, axis=axis)
    fliplr: here.fliplr(m)
    flipud: here.flipud(m)
    concatenate: here.concatenate(arrays, axis=axis, !out, dtype=dtype, !casting=same_kind)
    concat: here.concatenate(arrays, axis=axis, !out, dtype=dtype, !casting=same_kind)
    stack: here.stack(arrays, axis=axis, !out, dtype=dtype, !casting=same_kind)
    hstack: hstack(tup, !dtype, !casting=same_kind)
    vstack: vstack(tup, !dtype, !casting=same_kind)
    dstack: here.dstack(tup)
    column_stack: here.column_stack(tup)
    append: here.append(arr, values, axis=axis)
    split: here.split(ary, indices_or_sections, axis=axis)
    meshgrid: meshgrid(*xi, !copy=True, sparse=sparse, indexing=indexing)
    copy: here.positive(a, ~order, ~subok)
    zeros_like: zeros_like(a, dtype=dtype, ~order, ~subok, !shape, !device)
    empty_like: zeros_like(prototype, dtype=dtype, ~order, ~subok, !shape, !device)
    ones_like: ones_like(a, dtype=dtype, ~order, ~subok, !shape, !device)
    full_like: full_like(a, fill_value, dtype=dtype, ~order, ~subok, !shape, !device)
"""
_REDUCTIONS = """
    sum: sum(a, axis=axis, dtype=dtype, !out, keepdims=keepdims, !initial, !where)
    prod: prod(a, axis=axis, dtype=dtype, !out, keepdims=keepdims, !initial, !where)
    mean: mean(a, axis=axis, dtype=dtype, !out, keepdims=keepdims, !where)
    var: var(a, axis=axis, !dtype, !out, ddof=ddof, keepdims=keepdims, !where, !mean, correction=ddof)
    std: std(a, axis=axis, !dtype, !out, ddof=ddof, keepdims=keepdims, !where, !mean, correction=ddof)
    max: max(a, axis=axis, !out, keepdims=keepdims, !initial, !where)
    amax: max(a, axis=axis, !out, keepdims=keepdims, !initial, !where)
    min: min(a, axis=axis, !out, keepdims=keepdims, !initial, !where)
    amin: min(a, axis=axis, !out, keepdims=keepdims, !initial, !where)
    all: all(a, axis=axis, !out, keepdims=keepdims, !where)
    any: any(a, axis=axis, !out, keepdims=keepdims, !where)
    argmax: argmax(a, axis=axis, !out, keepdims=keepdims)
    argmin: argmin(a, axis=axis, !out, keepdims=keepdims)
    ptp: ptp(a, axis=axis, !out, !keepdims)
    average: here.average(a, axis=axis, weights=weights, !returned=False, keepdims=keepdims)
    count_nonzero: here.count_nonzero(a, axis=axis, keepdims=keepdims)
    cumsum: here.cumsum(a, axis=axis, dtype=dtype, !out)
    cumprod: here.cumprod(a, axis=axis, dtype=dtype, !out)
    diff: diff(a, n=n, axis=axis, !prepend, !append)
    trace: trace(a, offset=offset, axis1=axis1, axis2=axis2, !dtype, !out)
"""
_PICKING = """
    sort: sort(a, axis=axis, kind=kind, order=order, !stable)
    argsort: argsort(a, axis=axis, kind=kind, order=order, !stable)
    searchsorted: searchsorted(a, v, side=side, sorter=sorter)
    unique: unique(ar, return_index=return_index, return_inverse=return_inverse, return_counts=return_counts,
                   axis=axis, !equal_nan=True, !sorted=True)
    bincount: bincount(x, weights=weights, minlength=minlength)
    nonzero: nonzero(a)
    flatnonzero: flatnonzero(a)
    argwhere: here.argwhere(a)
    where: here.where(condition, *arrays)
    select: here.select(condlist, choicelist, default=default)
    choose: choose(a, choices, !out, mode=mode)
    compress: compress(condition, a, axis=axis, !out)
    extract: compress(condition, arr)
    take: take(a, indices, axis=axis, !out, mode=mode)
    take_along_axis: take_along_axis(arr, indices, axis=axis)
    diag: diag(v, k=k)
    diagonal: diagonal(a, offset=offset, axis1=axis1, axis2=axis2)
    tril: tril(m, k=k)
    triu: triu(m, k=k)
    clip: here.clip(a, a_min=a_min, a_max=a_max, !out, min=a_min, max=a_max)
    round: here.round(a, decimals=decimals, !out)
    around: here.round(a, decimals=decimals, !out)
    fix: trunc(x, !out)
    real: here.real(val)
    imag: here.imag(val)
    angle: here.angle(z, deg=deg)
    sinc: sinc(x)
    i0: i0(x)
    isclose: isclose(a, b, rtol=rtol, atol=atol, equal_nan=equal_nan)
    allclose: allclose(a, b, rtol=rtol, atol=atol, equal_nan=equal_nan)
    iscomplexobj: here.iscomplexobj(x)
    isrealobj: here.isrealobj(x)
    result_type: here.result_type(*arrays_and_dtypes)
    ravel_multi_index: ravel_multi_index(multi_index, dims, mode=mode, order=order)
    unravel_index: unravel_index(indices, shape, order=order)
"""
_PRODUCTS = """
    dot: dot(a, b, !out)
    vdot: here.vdot(a, b)
    inner: here.inner(a, b)
    outer: here.outer(a, b, !out)
    tensordot: tensordot(a, b, axes=axes)
    einsum: einsum(*operands, !out, ~optimize, !dtype, ~order, !casting=safe)
    kron: linalg.kron(a, b)
    linalg.norm: linalg.norm(x, ord=ord, axis=axis, keepdims=keepdims)
    linalg.vector_norm: here.vector_norm(x, axis=axis, keepdims=keepdims, ord=ord)
    linalg.matrix_norm: here.matrix_norm(x, keepdims=keepdims, ord=ord)
    linalg.inv: linalg.inv(a)
    linalg.pinv: linalg.pinv(a, rcond=rcond, !hermitian=False, !rtol)
    linalg.det: linalg.det(a)
    linalg.slogdet: linalg.slogdet(a)
    linalg.solve: linalg.solve(a, b)
    linalg.lstsq: linalg.lstsq(a, b, rcond=rcond)
    linalg.eig: linalg.eig(a)
    linalg.eigh: linalg.eigh(a, UPLO=UPLO)
    linalg.eigvalsh: here.eigvalsh(a, UPLO=UPLO)
    linalg.svd: linalg.svd(a, full_matrices=full_matrices, compute_uv=compute_uv, !hermitian=False)
    linalg.svdvals: here.svdvals(x)
    linalg.qr: linalg.qr(a, mode=mode)
    linalg.cholesky: here.cholesky(a, upper=upper)
    linalg.matrix_power: linalg.matrix_power(a, n)
    linalg.multi_dot: here.multi_dot(arrays, !out)
    linalg.tensorinv: linalg.tensorinv(a, ind=ind)
    linalg.tensorsolve: linalg.tensorsolve(a, b, axes=axes)
    linalg.matmul: matmul(x1, x2)
    linalg.matrix_transpose: here.matrix_transpose(x)
    linalg.trace: here.matrix_trace(x, offset=offset, !dtype)
    linalg.diagonal: here.matrix_diagonal(x, offset=offset)
    linalg.outer: outer(x1, x2)
    linalg.tensordot: tensordot(x1, x2, axes=axes)
    fft.rfft: here.rfft(a, !n, axis=axis, norm=norm, !out)
    fft.irfft: here.irfft(a, n=n, axis=axis, norm=norm, !out)
    fft.fft: here.fft(a, !n, axis=axis, norm=norm, !out)
    fft.ifft: here.ifft(a, !n, axis=axis, norm=norm, !out)
"""


class Parameter(Record):
    """One parameter of a NumPy function: how it is handed on, and under which name or if it has which value."""

    name: str
    #: "position", "rest", "keyword", "refused" or "ignored".
    way: str
    to: str


class Twin(Record):
    """The function that answers a function of NumPy, and the parameters of the latter."""

    target: str
    parameters: tuple[Parameter, ...]


def _parameter(text: str) -> Parameter:
    way = {"*": "rest", "!": "refused", "~": "ignored"}.get(text[0])
    name, _, to = text.lstrip("*!~").partition("=")
    return Parameter(name, way or ("keyword" if to else "position"), to)


@lru_cache(maxsize=1)
def functions() -> dict[str, Twin]:
    """Return the table: name under ``numpy`` (``sum``, ``linalg.inv``) -> what answers it."""
    table = {}
    text = " ".join((_SHAPES + _REDUCTIONS + _PICKING + _PRODUCTS).split())
    for entry in text.split(")"):
        if entry.strip():
            name, _, rest = entry.strip().partition(": ")
            target, _, parameters = rest.partition("(")
            table[name] = Twin(target, tuple(_parameter(p.strip()) for p in parameters.split(",")))
    return table
