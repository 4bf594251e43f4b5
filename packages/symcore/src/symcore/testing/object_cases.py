"""The cases of the Ops whose values are no tensors (lists, slices), and of those that stop in the debugger."""

from typing import Any

import numpy as np

from symcore.graph.generic import NoneConst
from symcore.graph.variable import Constant
from symcore.printing.breakpoint import PdbBreakpoint
from symcore.tensor.slices import MakeSlice, SliceBounds, SliceConstant, slicetype
from symcore.tensor.type import TensorType
from symcore.testing.case import OpCase
from symcore.typed_list.building import (
    AddElements,
    Append,
    Extend,
    GetItem,
    Insert,
    MakeList,
    PlaceItem,
    Remove,
    Reverse,
    ZerosLike,
)
from symcore.typed_list.counting import Count, Index, Length
from symcore.typed_list.type import TypedListType
from symcore.typed_list.variable import TypedListConstantVariable

_rng = np.random.default_rng(11)
_LIST = TypedListType(TensorType("float64", (None,)))
_ELEMENTS = [_rng.normal(size=n) for n in (3, 2, 0)]
#: Lists have no layouts and no finite differences: what is asked of them is in the tests of typed lists.
_OPTIONS: dict[str, Any] = {"dtypes": ("float64",), "grad": False, "layouts": False}


def _list(*elements: Any) -> Constant[Any]:
    return TypedListConstantVariable(_LIST, list(elements))


def _slice(*parts: int | None) -> Constant[Any]:
    return SliceConstant(slicetype, slice(*parts))


def _case(op: Any, *inputs: Any, **more: Any) -> OpCase:
    shapes = [() if isinstance(x, Constant) else (None,) * np.ndim(x) for x in inputs]
    return OpCase(op, *inputs, shapes=shapes, **{**_OPTIONS, **more})


def _lists() -> list[OpCase]:
    items, [x, y, _] = _list(*_ELEMENTS), _ELEMENTS
    one = np.int64(1)
    return [
        _case(MakeList(), x, y, layouts=True),
        _case(GetItem(), items, np.int64(-2), expected=lambda items, k: y),
        _case(GetItem(), items, _slice(0, 2)),
        _case(PlaceItem(), items, one, y),
        _case(PlaceItem(), items, _slice(0, 2), _list(x, y)),
        _case(ZerosLike(), items),
        _case(AddElements(), items, items),
        _case(Append(), items, x),
        _case(Append(), _list(), x),
        _case(Extend(), items, items),
        _case(Insert(), items, one, x),
        _case(Insert(), items, np.int64(-9), x),
        _case(Remove(), items, y),
        _case(Reverse(), items),
        _case(Length(), items, expected=len),
        _case(Index(), items, y, expected=lambda items, x: 1),
        _case(Count(), items, x, expected=lambda items, x: 1),
    ]


def _slices() -> list[OpCase]:
    five = np.int64(5)
    return [
        _case(MakeSlice(), np.int64(1), five, NoneConst),
        _case(SliceBounds(), _slice(None, None, -1), five, expected=lambda s, n: (4, -6, -1)),
        _case(SliceBounds(), _slice(1, 100), five, expected=lambda s, n: (1, 5, 1)),
        _case(SliceBounds(), _slice(-100, None, -2), np.int64(0), expected=lambda s, n: (-1, -1, -2)),
    ]


def _breakpoints() -> list[OpCase]:
    return [
        OpCase(PdbBreakpoint("never"), np.array(False), _rng.normal(size=(3, 2)), expected=lambda c, x: x),
        OpCase(
            PdbBreakpoint("of two"),
            np.int8(0),
            _rng.normal(size=3),
            np.arange(4),
            expected=lambda c, x, y: (x, y),
        ),
    ]


CASES: list[OpCase] = [*_lists(), *_slices(), *_breakpoints()]
