"""Values for the inputs of random graphs: several kinds of numbers, and several ways of lying in memory."""

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

#: How floats are drawn. "dyadic" numbers are quarters: their sums and products are exact.
STYLES = ("normal", "dyadic", "positive", "wide", "special")
_SPECIAL = (0.0, -0.0, 1.0, -1.0, 0.5, 2.0, np.nan, np.inf, -np.inf, 1e-20, 1e3, -800.0)


def numbers(seed: int, dtype: str, shape: tuple[int, ...], style: str) -> Array:
    """Return an array of ``dtype`` and ``shape`` in C order, always the same for the same arguments."""
    rng = np.random.default_rng(seed)
    kind = np.dtype(dtype).kind
    if kind == "b":
        return np.asarray(rng.random(shape) < 0.5)
    if kind in "iu":
        high = 120 if style == "wide" else 7  # products of two then overflow 8 bits
        found = rng.integers(0 if kind == "u" else 1 - high, high, shape)
        if style == "special" and found.size:
            info = np.iinfo(dtype)
            found.flat[0] = info.max if seed % 2 else info.min
        return np.asarray(found.astype(dtype))
    return np.asarray(_floats(rng, shape, style)).astype(dtype)


def _floats(rng: np.random.Generator, shape: tuple[int, ...], style: str) -> Array:
    if style == "dyadic":
        return np.asarray(rng.integers(-8, 9, shape) / 4.0)
    if style == "positive":
        return np.asarray(rng.uniform(0.1, 3.0, shape))
    if style == "wide":
        return np.asarray(rng.normal(size=shape) * 10.0 ** rng.integers(-3, 3, shape))
    found = np.asarray(rng.normal(size=shape))
    if style == "special":
        return np.where(rng.random(shape) < 0.4, rng.choice(_SPECIAL, shape), found)
    return found


def _fortran(x: Array) -> Array:
    return np.asfortranarray(x)


def _reversed(x: Array) -> Array:
    return x[(slice(None, None, -1),) * x.ndim].copy()[(slice(None, None, -1),) * x.ndim]


def _strided(x: Array) -> Array:
    wide = np.zeros(tuple(2 * n + 1 for n in x.shape), x.dtype)
    part = wide[tuple(slice(1, 2 * n + 1, 2) for n in x.shape)]
    part[...] = x
    return part


def _misaligned(x: Array) -> Array:
    buffer = np.zeros(x.nbytes + 1, np.uint8)[1:]
    y = np.ndarray(x.shape, x.dtype, buffer=buffer.data) if x.size else x
    if x.size:
        y[...] = x
    return y


def _swapped(x: Array) -> Array:
    return x.astype(x.dtype.newbyteorder())


def _read_only(x: Array) -> Array:
    y = x.copy()
    y.flags.writeable = False
    return y


def _stretched(x: Array) -> Array:
    """Repeat the first element along every axis with strides of 0."""
    return np.broadcast_to(x[(slice(0, 1),) * x.ndim], x.shape) if x.size else x


def _last_first(x: Array) -> Array:
    axes = (*range(1, x.ndim), 0)
    back = tuple(int(a) for a in np.argsort(axes))
    return x.transpose(axes).copy().transpose(back) if x.ndim else x


class Sub(np.ndarray):  # type: ignore[type-arg]
    """A subclass of arrays, such as those that carry units."""


def _subclass(x: Array) -> Array:
    return x.copy().view(Sub)


#: How an array lies in memory: name -> the same values lying so.
LAYOUTS = {
    "C": np.ascontiguousarray, "fortran": _fortran, "reversed": _reversed, "strided": _strided,
    "misaligned": _misaligned, "byteswapped": _swapped, "read-only": _read_only, "stride 0": _stretched,
    "last axis first": _last_first, "subclass": _subclass,
}  # fmt: skip


def laid_out(x: Array, layout: str) -> Array:
    """Return ``x`` in one of ``LAYOUTS``. Only "stride 0" changes values."""
    y = LAYOUTS[layout](x) if x.ndim else x.copy()
    return np.asarray(y) if layout != "subclass" else y


def as_source(x: Array) -> str:
    """Return Python text that makes the values of ``x`` again."""
    plain = np.asarray(x).astype(x.dtype.newbyteorder("="))
    text = repr(plain.tolist()).replace("nan", "np.nan").replace("inf", "np.inf")
    made = f"np.array({text}, '{plain.dtype.name}')"
    return made if plain.size else f"np.zeros({plain.shape}, '{plain.dtype.name}')"
