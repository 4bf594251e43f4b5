"""Cases of the Ops that accumulate, sort, count, arrange and transform."""

from typing import Any

import numpy as np

from symcore.fft import IRFFT, RFFT
from symcore.tensor.arranging import RepeatedPositions
from symcore.tensor.counting import BinCount, RavelMultiIndex, SearchSorted, Unique, UnravelIndex
from symcore.tensor.cumulative import CumOp, Recurrence
from symcore.tensor.diagonals import ExtractDiag, WriteDiag
from symcore.tensor.discrete import InBounds
from symcore.tensor.sorting import Argsort, Sort, TopK
from symcore.testing.case import OpCase

_rng = np.random.default_rng(2)


def _normal(*shape: int) -> Any:
    return _rng.normal(size=shape)


def _int(values: Any, dtype: str = "int64") -> Any:
    return np.array(values, dtype=dtype)


def _apart(*shape: int) -> Any:
    """Return numbers no two of which are close, in random order: sorting is smooth there."""
    return (_rng.permutation(int(np.prod(shape))) + 0.3 * _rng.uniform(size=int(np.prod(shape)))).reshape(shape) / 4


_T = _apart(2, 5, 3)
_ZEROS = np.array([[0.0, 2.0, -3.0, 0.5], [1.5, 0.0, 0.0, 4.0]])


def _recurrence(a: Any, b: Any) -> Any:
    y = b.copy()
    for i in range(1, len(y)):
        y[i] += a[i] * y[i - 1]
    return y


def _cumulative() -> list[OpCase]:
    bytes_ = _int([100, 100, -3], "int8")
    return [
        OpCase(CumOp(1), _normal(2, 5, 3), expected=lambda x: np.cumsum(x, 1)),
        OpCase(CumOp(0), bytes_, expected=lambda x: np.cumsum(x, dtype="int8")),
        OpCase(CumOp(0), np.array([True, False, True]), expected=np.cumsum),
        OpCase(CumOp(0), np.zeros((0, 2))),
        OpCase(CumOp(0), np.zeros((3, 0)), expected=lambda x: x),
        OpCase(CumOp(1, "mul"), _normal(2, 5, 3), expected=lambda x: np.cumprod(x, 1)),
        OpCase(CumOp(1, "mul"), _ZEROS, expected=lambda x: np.cumprod(x, 1)),
        OpCase(CumOp(0, "mul"), _ZEROS, expected=lambda x: np.cumprod(x, 0)),
        OpCase(CumOp(0, "mul"), np.zeros((0,))),
        OpCase(CumOp(0, "mul"), _int([3, -2, 5], "int16"), expected=lambda x: np.cumprod(x, dtype="int16")),
        OpCase(Recurrence(0), _normal(5, 2), _normal(5, 2), expected=_recurrence),
        OpCase(Recurrence(1), _normal(2, 4), _normal(2, 4), expected=lambda a, b: _recurrence(a.T, b.T).T),
        OpCase(Recurrence(0), np.zeros((0, 2)), np.zeros((0, 2))),
    ]


def _sorting() -> list[OpCase]:
    ties = np.array([2.0, np.nan, 1.0, 2.0, -np.inf])
    pairs = np.array([2 + 1j, complex(1, np.nan), 2 - 1j, complex(np.nan, 0), 2 + 1j, -3j, complex(0, np.nan)])
    return [
        OpCase(Sort(1), _T, expected=lambda x: np.sort(x, 1)),
        OpCase(Sort(0, "stable"), ties, grad=False, expected=np.sort),
        OpCase(Sort(0), _int([3, 1, 2], "int8"), expected=np.sort),
        OpCase(Sort(1), np.zeros((2, 0)), expected=lambda x: x),
        OpCase(Sort(0), pairs, grad=False, expected=np.sort),
        OpCase(Argsort(0, "stable"), pairs, expected=lambda x: np.argsort(x, kind="stable")),
        OpCase(Argsort(2), _T, expected=lambda x: np.argsort(x, 2)),
        OpCase(Argsort(0, "stable"), ties, expected=lambda x: np.argsort(x, kind="stable")),
        OpCase(TopK(1), _T, _int(2), expected=lambda x, k: (np.sort(x, 1)[:, -2:], np.argsort(x, 1)[:, -2:])),
        OpCase(TopK(0), _T[0, :, 0], _int(-3), expected=lambda x, k: (np.sort(x)[:3], np.argsort(x)[:3])),
        OpCase(TopK(1, idx_dtype="int32"), _int([[3, 9, 1, 4]]), _int(1),
               expected=lambda x, k: ([[9]], [[1]])),
        OpCase(TopK(0, in_order=False), _apart(6), _int(6), values=False),
        OpCase(TopK(0, in_order=False), _apart(6), _int(1), expected=lambda x, k: ([x.max(0)], [x.argmax(0)])),
        OpCase(TopK(0, in_order=False), _apart(6), _int(-1), expected=lambda x, k: ([x.min(0)], [x.argmin(0)])),
    ]  # fmt: skip


def _counting() -> list[OpCase]:
    x, matrix = _int([3, 1, 3, 0, 3]), _int([[2, 1, 2], [0, 1, 2]])
    table = np.array([0.5, 1.0, 1.0, 2.5])
    looked = np.array([[1.0, 0.0], [3.0, 2.0]])
    first, second = _int([0, 1, 1]), _int([2, 0, 3])
    return [
        OpCase(BinCount(), x, _int(0), expected=lambda x, n: np.bincount(x)),
        OpCase(BinCount(), _int([], "int8"), _int(3), expected=lambda x, n: np.zeros(3)),
        OpCase(BinCount(True), x, _int(6), _normal(5), expected=lambda x, n, w: np.bincount(x, w, 6)),
        OpCase(BinCount(True), x, _int(0), _int([1, 2, 3, 4, 5]), expected=lambda x, n, w: np.bincount(x, w)),
        OpCase(Unique(), matrix, expected=np.unique),
        OpCase(Unique(True, True, True), matrix, expected=lambda x: (
            [0, 1, 2], [3, 1, 0], [[2, 1, 2], [0, 1, 2]], [1, 2, 3])),
        OpCase(Unique(return_counts=True), table, grad=False, expected=lambda x: np.unique(x, return_counts=True)),
        OpCase(Unique(False, True, False, 1), matrix, expected=lambda x: ([[1, 2, 2], [1, 0, 2]], [1, 0, 2])),
        OpCase(Unique(), np.zeros((0,)), grad=False, expected=np.unique),
        OpCase(SearchSorted(), table, looked, expected=np.searchsorted),
        OpCase(SearchSorted("right"), table, np.float64(1.0), expected=lambda x, v: np.searchsorted(x, v, "right")),
        OpCase(SearchSorted(), table[::-1].copy(), looked, _int([3, 2, 1, 0]), expected=lambda x, v, s: np.searchsorted(
            x, v, sorter=s)),
        OpCase(UnravelIndex(2), _int([[5, 0], [7, 1]]), _int(2), _int(4),
               expected=lambda i, a, b: np.unravel_index(i, (2, 4))),
        OpCase(UnravelIndex(3, "F"), _int(7), _int(2), _int(2), _int(3),
               expected=lambda i, *d: np.unravel_index(i, (2, 2, 3), "F")),
        OpCase(RavelMultiIndex(2), first, second, _int(2), _int(4),
               expected=lambda i, j, a, b: np.ravel_multi_index((i, j), (2, 4))),
        OpCase(RavelMultiIndex(2, "wrap", "F"), first, second + 4, _int(2), _int(4),
               expected=lambda i, j, a, b: np.ravel_multi_index((i, j), (2, 4), "wrap", "F")),
        OpCase(InBounds(), first, _int(2), expected=lambda i, n: i),
        OpCase(RepeatedPositions(), _int(3), _int([2, 0, 1]), expected=lambda n, r: _int([0, 0, 2])),
        OpCase(RepeatedPositions(), _int(2), _int([2]), expected=lambda n, r: _int([0, 0, 1, 1])),
    ]  # fmt: skip


def _diagonals() -> list[OpCase]:
    m, t = _normal(3, 4), _normal(2, 3, 4)
    return [
        OpCase(ExtractDiag(), m, expected=np.diagonal),
        OpCase(ExtractDiag(-1), m, expected=lambda x: np.diagonal(x, -1)),
        OpCase(ExtractDiag(9), m, expected=lambda x: np.diagonal(x, 9)),
        OpCase(ExtractDiag(1, 2, 0), t, expected=lambda x: np.diagonal(x, 1, 2, 0)),
        OpCase(ExtractDiag(), np.zeros((0, 3))),
        OpCase(WriteDiag(), m, _normal(3), expected=lambda x, v: x + np.eye(3, 4) * (v[:, None] - x)),
        OpCase(WriteDiag(1, 0, 2), t, _normal(3, 2)),
        OpCase(WriteDiag(), _int([[1, 2], [3, 4]]), _int([7, 8]), expected=lambda x, v: _int([[7, 2], [3, 8]])),
    ]


def _pairs(z: Any) -> Any:
    return np.stack([z.real, z.imag], -1)


def _transforms() -> list[OpCase]:
    half = _normal(2, 3, 2)
    return [
        OpCase(RFFT(), _normal(2, 6), expected=lambda x: _pairs(np.fft.rfft(x))),
        OpCase(RFFT(), _normal(2, 3, 5), expected=lambda x: _pairs(np.fft.rfftn(x, axes=(1, 2)))),
        OpCase(RFFT(), _normal(0, 4)),
        OpCase(RFFT(), _normal(2, 1)),
        OpCase(IRFFT(), half, _int(4), expected=lambda z, n: np.fft.irfft(z[..., 0] + 1j * z[..., 1], 4) * 4),
        OpCase(IRFFT(), half, _int(5), expected=lambda z, n: np.fft.irfft(z[..., 0] + 1j * z[..., 1], 5) * 5),
        OpCase(IRFFT(), _normal(2, 3, 3, 2), _int(4), expected=lambda z, n: 12 * np.fft.irfftn(
            z[..., 0] + 1j * z[..., 1], (3, 4), (1, 2))),
    ]  # fmt: skip


#: One list of all cases; none needs anything but NumPy.
NUMERIC_CASES: list[OpCase] = [*_cumulative(), *_sorting(), *_counting(), *_diagonals(), *_transforms()]
