"""What ``benchmarks.breadth`` measures: functions of one Op, as a line of ours beside a line of NumPy or SciPy.

Names in the lines: ``x``, ``y`` arrays of the dtype and the layout of the row; ``v``, ``w`` a row and a column of
numbers, ``a`` one number; ``b`` truths; ``i``, ``j`` indices into the rows (with duplicates); ``k`` one index per
element; ``r`` one index per row; ``n`` the length of an axis as a Python number. All are matrices of n x n but for
those that say otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

FLOATS = ("float32", "float64")
ALL_FLOATS = ("float16", *FLOATS)
COMPLEX = ("complex64", "complex128")
INTS = ("int8", "int32", "int64")
ALL_INTS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
NUMBERS = (*ALL_FLOATS, *INTS, "uint8")
MOVED = ("int8", "float16", "float32", "float64", "complex128")


class Case(NamedTuple):
    """One function: its family, a line with ``T`` and ``rs``, a line with ``np``, dtypes, and whether layouts matter.

    ``largest``: the size beyond which the function is not measured.
    """

    family: str
    ours: str
    numpy: str
    dtypes: tuple[str, ...]
    layouts: bool = True
    largest: int = 10**6


def _same(family: str, dtypes: tuple[str, ...], *lines: str, layouts: bool = True, largest: int = 10**6) -> list[Case]:
    """Cases whose lines differ in the name of the module alone, or are given as ``ours | numpy``."""
    cases = []
    for line in lines:
        ours, _, numpy = line.partition(" | ")
        cases.append(Case(family, ours, numpy or re.sub(r"\bT\.(?=[a-z])", "np.", ours), dtypes, layouts, largest))
    return cases


def _elementwise() -> Iterator[Case]:
    yield from _same("arithmetic", (*NUMBERS, *COMPLEX), "x + y", "x - y", "x * y", "-x")
    yield from _same("arithmetic", (*ALL_FLOATS, *COMPLEX), "x / y", "1 / x", "x ** 2", "T.sqrt(x)")
    yield from _same("arithmetic", ("int32", "int64", "uint8"), "x / y", "x ** 2")
    yield from _same("arithmetic", ("float16", *FLOATS, *ALL_INTS), "x // y", "x % y")
    yield from _same("arithmetic", NUMBERS, "abs(x)", "T.maximum(x, y)", "T.minimum(x, y)", "T.sign(x)")
    yield from _same("arithmetic", COMPLEX, "abs(x)", "T.conj(x)", "T.real(x) | np.real(x).copy()", "T.angle(x)")
    yield from _same("rounding", ALL_FLOATS, "T.floor(x)", "T.ceil(x)", "T.trunc(x)",
                     "T.round(x, mode='half_to_even') | np.round(x)", "T.isnan(x)", "T.isinf(x)")
    yield from _same("comparison", (*NUMBERS, "complex128"), "T.eq(x, y) | x == y", "T.neq(x, y) | x != y")
    yield from _same("comparison", NUMBERS, "x < y", "x >= y", "x > 1", "T.isclose(x, y)")
    yield from _same("boolean", ("bool",), "x & y", "x |y", "x ^ y", "~x",
                     "T.eq(x, y) | x == y")
    yield from _same("boolean", FLOATS, "T.and_(x > 1, y > 1) | (x > 1) & (y > 1)")
    yield from _same("bits", ALL_INTS, "x & y", "x ^ y", "~x")
    yield from _same("choices", (*NUMBERS, "complex128"), "T.where(b, x, y)", "T.switch(b, x, 0) | np.where(b, x, 0)")
    yield from _same("choices", NUMBERS, "T.clip(x, 1, 2)", "T.choose(k % 2, [x, y]) | np.choose(k % 2, [x, y])")
    yield from _same("functions", ALL_FLOATS, "T.exp(x)", "T.log(x)", "T.tanh(x)", "T.sin(x)", "x ** y",
                     "T.sigmoid(x) | special.expit(x)", "T.erf(x) | special.erf(x)", "T.log1p(x)", "T.arctan2(x, y)")
    yield from _same("functions", COMPLEX, "T.exp(x)", "T.log(x)", "T.sin(x)", "T.tanh(x)")
    yield from _same("functions", ("int32", "int8"), "T.exp(x)", "T.sqrt(x)")
    for to in ("bool", "int8", "uint8", "int32", "int64", "float16", "float32", "float64"):
        origins = tuple(d for d in ("bool", "int8", "uint8", "int32", "int64", *ALL_FLOATS) if d != to)
        yield Case("casts", f"T.cast(x, '{to}')", f"x.astype('{to}')", origins)
    yield Case("casts", "T.cast(x, 'complex128')", "x.astype('complex128')", ("complex64", "float64", "float32"))
    yield from _same("broadcasting", NUMBERS, "x + v", "x + w", "x + a", "w * v")
    yield from _same("mixed", ("float32", "int32"), "x + T.cast(y, 'float64') | x + y.astype('float64')", "x * b",
                     "x + k")


def _reductions() -> Iterator[Case]:
    for axis in (None, 0, 1):
        many = ("sum", "max", "min", "prod")
        yield from _same("reductions", (*NUMBERS, "complex128"), *(f"T.{f}(x, axis={axis})" for f in ("sum", "prod")))
        yield from _same("reductions", NUMBERS, *(f"T.{f}(x, axis={axis})" for f in (*many[1:3], "argmax", "ptp")))
        yield from _same("reductions", ALL_FLOATS, *(f"T.{f}(x, axis={axis})" for f in ("mean", "var", "std")),
                         f"T.logsumexp(x, axis={axis}) | special.logsumexp(x, axis={axis})",
                         f"T.sqrt(T.sum(T.sqr(x), axis={axis})) | np.linalg.norm(x if {axis} is not None "
                         f"else x.ravel(), axis={axis})",
                         f"T.sum(abs(x), axis={axis}) | np.abs(x).sum(axis={axis})")
        yield from _same("reductions", ("bool",), *(f"T.{f}(x, axis={axis})" for f in ("any", "all", "sum")))
        yield from _same("reductions", FLOATS, f"T.any(x > 9, axis={axis}) | np.any(x > 9, axis={axis})")
        yield from _same("cumulative", (*FLOATS, "int32", "int64", "float16"), f"T.cumsum(x, axis={axis})",
                         f"T.cumprod(x, axis={axis})")


def _movement() -> Iterator[Case]:
    yield from _same("joins", MOVED, "T.concatenate([x, y], axis=0)", "T.concatenate([x, y], axis=1)",
                     "T.stack([x, y], axis=0)", "T.stack([x, y], axis=2)",
                     "T.concatenate([x[:, :1], y[:, 1:], x], axis=1)",
                     "T.split(x, [n // 2, n - n // 2], 2, axis=1)[0] + 0 | np.split(x, 2, axis=1)[0] + x.dtype.type(0)")
    yield from _same("copies", MOVED, "T.tensor_copy(x) | x.copy()", "T.tensor_copy(x.T) | x.T.copy()",
                     "T.tensor_copy(x[::2, ::2]) | x[::2, ::2].copy()", "x.T.flatten() | x.T.flatten()",
                     "x[::-1].flatten()")
    yield from _same("repeats", MOVED, "T.repeat(x, 2, axis=0)", "T.repeat(x, 2, axis=1)", "T.repeat(x, 3)",
                     "T.tile(x, (2, 2))", "T.tile(x[0], 3)", "T.roll(x, 3, axis=0)", "T.roll(x, 3, axis=1)",
                     "T.roll(x, 3)",
                     "T.tensor_copy(T.flip(x, 0)) | np.flip(x, 0).copy()",
                     "T.tensor_copy(T.flip(x, 1)) | np.flip(x, 1).copy()")
    yield from _same("repeats", (*FLOATS, "int32"), "T.diff(x, axis=0)", "T.diff(x, axis=1)")
    yield from _same("repeats", FLOATS, "T.set_subtensor(T.zeros((n + 2, n + 2), dtype=x.dtype)[1:-1, 1:-1], x) "
                     "| np.pad(x, 1)")
    yield from _same("making", ("float32", "float64", "int32"), "T.eye(n, dtype=x.dtype)", "T.tri(n, dtype=x.dtype)",
                     "T.diag(x[0])", "T.tensor_copy(T.diag(x)) | np.diag(x).copy()", "T.tril(x)", "T.triu(x)",
                     "T.zeros((n, n), dtype=x.dtype)", "T.ones_like(x)", "T.fill(x, a) | np.full_like(x, a)",
                     "T.trace(x)", "T.to_one_hot(i, n, dtype=x.dtype) | np.eye(n, dtype=x.dtype)[i]")
    yield from _same("making", ("int64", "float32"), "T.arange(n * n, dtype=x.dtype)", layouts=False)


def _indexing() -> Iterator[Case]:
    yield from _same("reads", MOVED, "x[i]", "x[:, i]", "x[i, j]", "x[i[:, None], j] | x[i[:, None], j]",
                     "T.take(x, k)",
                     "T.take(x, i, axis=1)", "x[T.arange(n), r] | x[np.arange(n), r]", "x.flatten()[k]",
                     "T.take_along_axis(x, k % n, axis=1)", "T.take_along_axis(x, k % n, axis=0)", "x[b]",
                     "T.compress(r > n // 2, x, axis=0)", "x[3:-3, ::2] + 0 | x[3:-3, ::2] + x.dtype.type(0)")
    added = "T.inc_subtensor({0}, y[:n]) | added(x, np.s_[{1}], y[:n])"
    yield from _same("writes", (*FLOATS, "int64", "float16"), added.format("x[i]", "i"),
                     added.format("x[:, j]", ":, j"),
                     "T.inc_subtensor(x[i, j], v[:n]) | added(x, np.s_[i, j], v[:n])",
                     "T.set_subtensor(x[i], y[:n]) | put(x, np.s_[i], y[:n])",
                     "T.set_subtensor(x[:, j], y) | put(x, np.s_[:, j], y)",
                     "T.set_subtensor(x[i, j], v) | put(x, np.s_[i, j], v)",
                     "T.set_subtensor(x[1:-1, 1:-1], 0) | put(x, np.s_[1:-1, 1:-1], 0)",
                     "T.inc_subtensor(x[::2], y[::2]) | plus(x, np.s_[::2], y[::2])",
                     "T.inc_subtensor(x.flatten()[k.flatten()], y.flatten()) | added(x.ravel(), k.ravel(), y.ravel())",
                     "T.set_subtensor(x[b], 0) | put(x, b, 0)")
    yield from _same("searches", (*FLOATS, "int32"), "T.searchsorted(T.sort(v), x.flatten()[:n]) "
                     "| np.searchsorted(np.sort(v), x.ravel()[:n])", "T.searchsorted(v, x.flatten())", layouts=False)
    yield from _same("searches", (*FLOATS, "int32", "uint8"), "T.unique(x)", layouts=False)
    yield from _same("searches", (*FLOATS, "bool"), "T.nonzero(x)[0]", "T.nonzero(x.flatten())[0] | np.flatnonzero(x)")
    yield from _same("searches", ("int64",), "T.bincount(k.flatten()) | np.bincount(k.ravel())",
                     "T.bincount(r, weights=v)", layouts=False)


def _products() -> Iterator[Case]:
    yield from _same("products", INTS, "T.dot(x, y)", "T.dot(x, y[0])", "T.dot(x[0], y)", largest=10**4)
    yield from _same("products", ("bool", "float16", "uint8"), "T.dot(x, y)", largest=10**4)
    yield from _same("products", (*FLOATS, "complex128"), "T.dot(x, y)", "T.dot(x, y[0])", "T.dot(y[0], x)")
    yield from _same("products", (*FLOATS, *INTS, "complex128"), "T.outer(x[0], y[0])")
    yield from _same("products", FLOATS, "T.einsum('ij,ij->i', x, y)", "T.einsum('ij,jk->ik', x, y)",
                     "T.tensor_copy(T.einsum('ij->ji', x)) | x.T.copy()",
                     "T.einsum('i,j->ij', v, v)", "T.einsum('ii->i', x) + 0", "T.tensordot(x, y, axes=[[0], [0]])",
                     "T.tensordot(x, y, axes=2)", "T.einsum('ij,j->i', x, v)")


def _draws() -> Iterator[Case]:
    for maker in ("rs", "mrg"):
        yield from _same("draws", FLOATS,
                         f"{maker}.uniform(size=(n, n), dtype=x.dtype) | g.random((n, n), x.dtype.name)",
                         f"{maker}.normal(size=(n, n), dtype=x.dtype) | g.standard_normal((n, n), x.dtype.name)",
                         layouts=False)
        yield from _same("draws", ("int64",),
                         f"{maker}.binomial(size=(n, n), n=1, p=0.3) | g.binomial(1, 0.3, (n, n))", layouts=False)
    yield from _same("draws", ("int64",), "rs.random_integers(size=(n, n), low=0, high=9) | g.integers(0, 10, (n, n))",
                     "rs.permutation(n=n * n) | g.permutation(n * n)",
                     "rs.choice(size=(n, n), a=10) | g.choice(10, (n, n))",
                     "rs.choice(size=(n,), a=n * n, replace=False) | g.choice(n * n, n, replace=False)",
                     "rs.binomial(size=(n, n), n=20, p=0.4) | g.binomial(20, 0.4, (n, n))",
                     "rs.poisson(size=(n, n), lam=4.0) | g.poisson(4.0, (n, n))", layouts=False)


CASES: tuple[Case, ...] = (
    *_elementwise(), *_reductions(), *_movement(), *_indexing(), *_products(), *_draws(),
)  # fmt: skip
