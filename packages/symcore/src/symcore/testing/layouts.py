"""The layouts that an array may have in memory, for the checks that they make no difference."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


def _sliced(x: Any) -> Any:
    wide = np.zeros([2 * n for n in x.shape], x.dtype)
    inner = wide[tuple(slice(None, None, 2) for _ in x.shape)]
    inner[...] = x
    return inner


def _reversed(x: Any) -> Any:
    flip = tuple(slice(None, None, -1) for _ in x.shape)
    return np.ascontiguousarray(x[flip]).reshape(x.shape)[flip]


#: ``name -> function`` from an array to an equal one.
LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "Fortran-ordered": np.asfortranarray,
    "sliced": _sliced,
    "reversed": _reversed,
}


def layouts_of(values: Sequence[Any]) -> list[str]:
    """Return the names of the layouts that the values can have: none where all are single numbers."""
    return list(LAYOUTS) if any(np.ndim(x) for x in values if isinstance(x, np.ndarray)) else []


def arrange(name: str, values: Sequence[Any]) -> list[Any]:
    """Return the values, those that are arrays in the layout of that name."""
    return [LAYOUTS[name](x) if isinstance(x, np.ndarray) and x.ndim else x for x in values]
