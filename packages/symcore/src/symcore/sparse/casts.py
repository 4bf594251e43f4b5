"""Casts by the letter of the dtype, as code in this language spells them."""

from collections.abc import Callable
from typing import Any

from symcore.sparse.arithmetic import cast


def _caster(letter: str, dtype: str) -> Callable[[Any], Any]:
    def apply(x: Any) -> Any:
        return cast(x, dtype)

    apply.__name__ = apply.__qualname__ = f"{letter}cast"
    apply.__doc__ = f"Return a sparse matrix as {dtype}."
    return apply


bcast = _caster("b", "int8")
wcast = _caster("w", "int16")
icast = _caster("i", "int32")
lcast = _caster("l", "int64")
fcast = _caster("f", "float32")
dcast = _caster("d", "float64")
ccast = _caster("c", "complex64")
zcast = _caster("z", "complex128")
