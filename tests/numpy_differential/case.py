"""One comparison: a text in the tensor language, its twin in NumPy, the arrays, and how close the two must be."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from random_graphs.values import LAYOUTS, STYLES, laid_out, numbers

Array = np.ndarray[Any, Any]

KINDS = {
    "b": ("bool",),
    "i": ("int64", "int32", "int8", "int16"),
    "u": ("uint8", "uint64", "uint16", "uint32"),
    "f": ("float64", "float32", "float16"),
    "c": ("complex128", "complex64"),
}
_LENGTHS = (3, 2, 1, 4, 0, 5, 7, 33)

#: What the tensor language does otherwise than NumPy, and why. Cases that meet one say so.
DIFFERENCES = {
    "float of 8 bits": "Functions such as exp of int8, uint8 and bool give float32, not float16: float16 has no C.",
    "rounding of integers": "round gives floats: the language of 2015 has it so. ceil, floor and trunc keep integers.",
    "floor of bool": "sqr, sgn, ceil, floor and trunc of truth values give int8.",
    "reciprocal of integers": "reciprocal of integers gives floats: 1 // x is not what it is used for.",
    "running sums": "cumsum and cumprod keep the dtype of their input; NumPy widens small integers to 64 bits.",
    "conjugate of bool": "conj of truth values gives truth values, not int8.",
    "one times infinity": "1 * x is x; NumPy's product of 1 and a complex infinity has a part that is NaN.",
    "variance of float16": "mean, var and std of float16 are computed in float32 throughout, and rounded once.",
    "accumulator": "Sums and products of float16 and float32 are accumulated in the next wider dtype.",
}


@dataclass
class Case:
    """``ours`` and ``numpy``: expressions in the names of ``values``.

    Without ``ulps`` and ``scale`` they must be equal; otherwise they may differ by ``ulps`` units in the last place,
    and by ``factor`` roundings of the number ``scale``. ``wide``: what is exact is found with arrays of a wider dtype.
    """

    ours: str
    numpy: str
    values: dict[str, Array]
    types: dict[str, tuple[int | None, ...]]
    ulps: float | None = None
    scale: str | None = None
    factor: float = 4.0
    wide: bool = True
    layouts: dict[str, str] = field(default_factory=dict)
    differences: set[str] = field(default_factory=set)
    compiled: bool = False

    def __repr__(self) -> str:
        lines = [f"{self.ours}    # NumPy: {self.numpy}"]
        for name, value in self.values.items():
            text = repr(np.asarray(value))
            lines.append(f"{name}: {value.dtype.str}{self.types[name]} {self.layouts[name]} = {text[:400]}")
        return "\n".join(lines)


def _integers(seed: int, dtype: str, shape: tuple[int, ...], style: str) -> Array:
    found = numbers(seed, dtype, shape, "wide" if style == "wide" else "normal")
    if style == "special" and found.size:
        info = np.iinfo(dtype)
        found.flat[0], found.flat[-1] = (info.max, info.min) if seed % 2 else (info.min, info.max)
    return found


class Drawer:
    """Draws the parts of a case by ``draw(low, high)``."""

    def __init__(self, draw: Callable[[int, int], int]):
        self.draw = draw
        self.values: dict[str, Array] = {}
        self.types: dict[str, tuple[int | None, ...]] = {}
        self.layouts: dict[str, str] = {}
        self.differences: set[str] = set()
        self.style = STYLES[draw(0, 9) % 5]

    def choose(self, items: Sequence[Any]) -> Any:
        return items[self.draw(0, len(items) - 1)]

    def flip(self, among: int = 2) -> bool:
        return self.draw(0, among - 1) == among - 1

    def dtype(self, kinds: str = "biufc") -> str:
        """Return a dtype of one of ``kinds``."""
        return str(self.choose(KINDS[self.choose(kinds)]))

    def shape(self, low: int = 0, high: int = 3, least: int = 0) -> tuple[int, ...]:
        """Return a shape of ``low`` to ``high`` dimensions whose lengths are at least ``least``."""
        lengths = [n for n in _LENGTHS if n >= least]
        ndim = self.draw(low, high)
        return tuple(self.choose(lengths if ndim < 3 else lengths[:-1]) for _ in range(ndim))

    def array(self, dtype: str, shape: tuple[int, ...], style: str | None = None, high: int | None = None) -> str:
        """Add an array and return its name. ``high``: integers from 0 to below it."""
        style = style or self.style
        seed = self.draw(0, 99)
        if high is not None:
            value = np.random.default_rng(seed).integers(0, high, shape).astype(dtype)
        elif np.dtype(dtype).kind == "c":
            part = f"float{np.dtype(dtype).itemsize * 4}"
            with np.errstate(all="ignore"):
                value = (numbers(seed, part, shape, style) + 1j * numbers(seed + 100, part, shape, style)).astype(dtype)
        elif np.dtype(dtype).kind in "iu":
            value = _integers(seed, dtype, shape, style)
        else:
            value = numbers(seed, dtype, shape, style)
        return self.given(value)

    def given(self, value: Array, layout: str | None = None) -> str:
        """Add an array of these values, in some layout, and return its name."""
        name = f"x{len(self.values)}"
        if layout is None:
            layout = self.choose([k for k in LAYOUTS if k != "stride 0"]) if self.flip() else "C"
        self.values[name], self.layouts[name] = laid_out(np.asarray(value), layout), layout
        way = self.draw(0, 2)
        self.types[name] = tuple(1 if n == 1 else n if way == 2 else None for n in value.shape)
        return name

    def any(self, kinds: str = "biufc", low: int = 0, high: int = 3, least: int = 0, style: str | None = None) -> str:
        """Add an array of any dtype of ``kinds`` and any shape."""
        return self.array(self.dtype(kinds), self.shape(low, high, least), style)

    def beside(self, name: str) -> tuple[int, ...]:
        """Return a shape that broadcasts with that of an array."""
        shape = self.values[name].shape
        kept = shape[self.draw(0, len(shape)) if self.flip(3) else 0 :]
        return tuple(1 if self.flip(4) else n for n in kept)

    def kind(self, name: str) -> str:
        return self.values[name].dtype.kind

    def differs(self, what: str) -> None:
        """Note that the language differs from NumPy here; the text for NumPy must say what it does instead."""
        assert what in DIFFERENCES
        self.differences.add(what)

    def as_float(self, name: str) -> str:
        """Return the text for NumPy of an array that a function such as ``exp`` first converts to a float."""
        dtype = self.values[name].dtype
        if dtype.kind in "biu" and dtype.itemsize == 1:
            self.differs("float of 8 bits")
            return f"{name}.astype('float32')"
        return name

    def axis(self, ndim: int) -> int:
        return self.draw(-ndim, ndim - 1) if self.flip(3) else self.draw(0, ndim - 1)

    def case(self, ours: str, numpy: str | None = None, **how: Any) -> Case:
        """Return the case of a text and its twin (the same with ``np`` for ``T``)."""
        twin = ours.replace("T.", "np.") if numpy is None else numpy
        return Case(ours, twin, self.values, self.types, layouts=self.layouts, differences=self.differences, **how)
