"""Extra integers of the routines that sort, find the order of elements, or the largest few, along one axis.

Their loops are the machine's own (``cvm/sorting*``): no compiler runs for them.
"""

from typing import Any

import numpy as np

from symcodegen.expr import NoC

#: Work per byte touched, in the unit of plain arithmetic.
SORT_WEIGHT, TOPK_WEIGHT = 64, 16
_KINDS = {"b": 0, "u": 0, "i": 32, "f": 64, "c": 96}


def sort_extras(dtype: np.dtype[Any], ndim: int, axis: int, positions: np.dtype[Any] | None = None) -> tuple[int, ...]:
    """Return the integers that precede the shapes of a routine that sorts elements of a dtype.

    ``positions``: the dtype of the positions ``topk`` returns. Raises ``NoC`` for a dtype without an order in C.
    """
    if dtype.kind not in _KINDS or dtype.itemsize > (16 if dtype.kind == "c" else 8):
        raise NoC(f"an order of {dtype}")
    if positions is not None and (dtype.kind == "c" or positions.kind not in "iu"):
        raise NoC(f"positions of {positions} in an order of {dtype}")
    return ndim, axis % ndim, _KINDS[dtype.kind] + dtype.itemsize, 8 if positions is None else positions.itemsize
