"""``T.matrix('x')`` and its kin: one constructor per rank and dtype prefix, and their plurals."""

from collections.abc import Callable, Sequence
from typing import Any

from symcore.tensor.type import StaticShape, TensorType

# fmt: off
#: Prefix -> dtype; no prefix is ``floatX``.
PREFIXES = {"": "floatX", "b": "int8", "w": "int16", "i": "int32", "l": "int64", "f": "float32", "d": "float64",
            "c": "complex64", "z": "complex128"}
SHAPES: dict[str, StaticShape] = {
    "scalar": (), "vector": (None,), "row": (1, None), "col": (None, 1), "matrix": (None, None),
    **{f"tensor{n}": (None,) * n for n in range(3, 8)},
}
# fmt: on


def tensor(
    dtype: Any = None,
    broadcastable: Sequence[bool] | None = None,
    name: str | None = None,
    shape: Sequence[int | None] | None = None,
) -> Any:
    """Return an input of any dtype and shape: ``tensor("float32", shape=(None, 3))``.

    The first argument may also be a name, with the dtype after it: ``tensor("x", dtype="int32", shape=(None,))`` is
    spelled with keywords. ``broadcastable`` is the older way to say the shape.
    """
    if shape is None and broadcastable is None:
        raise TypeError("tensor() needs shape=(...), one entry per dimension, None where the length is open.")
    return TensorType("floatX" if dtype is None else dtype, shape if shape is not None else broadcastable)(name)


def _singular(prefix: str, kind: str) -> Callable[..., Any]:
    default, shape = PREFIXES[prefix], SHAPES[kind]

    if prefix:
        ttype = TensorType(default, shape)

        def make(name: str | None = None) -> Any:
            return ttype(name)
    else:

        def make(name: str | None = None, dtype: Any = None) -> Any:  # type: ignore[misc]
            return TensorType("floatX" if dtype is None else dtype, shape)(name)

    make.__name__ = make.__qualname__ = prefix + kind
    make.__doc__ = f"Return a symbolic {kind}, of dtype {default}" + (", or of ``dtype``." if not prefix else ".")
    return make


def _plural(singular: Callable[..., Any]) -> Callable[..., Any]:
    def make(*names: Any, **options: Any) -> Any:
        if len(names) == 1 and not isinstance(names[0], str):
            if isinstance(names[0], int):
                if not 0 <= names[0] <= 10_000:
                    raise ValueError(f"the number of variables must lie between 0 and 10000, got {names[0]}.")
                return [singular(**options) for _ in range(names[0])]
            names = tuple(names[0]) if isinstance(names[0], (list, tuple)) else names
        elif len(names) == 1:
            names = tuple(names[0])  # matrices('xy') is matrices('x', 'y')
        if not all(n is None or isinstance(n, str) for n in names):
            raise TypeError(f"give names, one string of one-letter names, or a number; got {names}.")
        return [singular(name, **options) for name in names]

    make.__name__ = make.__qualname__ = plural_name(singular.__name__)
    make.__doc__ = (
        f"Return several: ``x, y = {make.__name__}('xy')``, ``('x', 'y')`` or ``(2)``; see ``{singular.__name__}``."
    )
    return make


def plural_name(name: str) -> str:
    """Return the plural of a constructor's name."""
    return name[: -len("matrix")] + "matrices" if name.endswith("matrix") else name + "s"


CONSTRUCTORS: dict[str, Callable[..., Any]] = {}
for _kind in SHAPES:
    for _prefix in PREFIXES:
        _make = _singular(_prefix, _kind)
        CONSTRUCTORS[_make.__name__] = _make
        CONSTRUCTORS[plural_name(_make.__name__)] = _plural(_make)
globals().update(CONSTRUCTORS)
__all__ = ["tensor", *CONSTRUCTORS]  # noqa: PLE0604 - the keys are strings
