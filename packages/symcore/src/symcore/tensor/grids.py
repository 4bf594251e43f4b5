"""Grids of coordinates: ``mgrid``, ``ogrid``, ``meshgrid``."""

from typing import Any

from symcore.tensor.constant import as_tensors
from symcore.tensor.creation import arange
from symcore.tensor.gather import broadcast_arrays
from symcore.tensor.scalar_functions import cast


def _coordinates(part: slice) -> Any:
    """Return the points of one slice: ``start:stop:step``, or with ``5j`` as step five points, both ends included."""
    start = 0 if part.start is None else part.start
    if part.stop is None:
        raise ValueError("a slice of a grid needs its end: mgrid[0:5].")
    if not isinstance(part.step, complex):
        return arange(start, part.stop, 1 if part.step is None else part.step)
    count = int(abs(part.step))
    [start, stop] = as_tensors([start, part.stop])
    points = cast(arange(count), "float64")
    return start + points * ((stop - start) / (count - 1.0)) if count > 1 else start + points


def _laid_out(parts: list[Any]) -> list[Any]:
    """Return vectors, each along an axis of its own."""
    n = len(parts)
    return [v.dimshuffle(*["x"] * k, 0, *["x"] * (n - k - 1)) for k, v in enumerate(parts)]


class _Grid:
    """What ``mgrid`` and ``ogrid`` are: indexing them with slices gives coordinates."""

    def __init__(self, sparse: bool):
        self.sparse = sparse

    def __getitem__(self, item: Any) -> Any:
        if isinstance(item, slice):
            return _coordinates(item)
        open_grid = _laid_out([_coordinates(part) for part in item])
        return open_grid if self.sparse else broadcast_arrays(*open_grid)


#: ``mgrid[0:2, 0:3]`` gives a list of matrices of row and of column numbers; bounds and steps may be symbolic.
mgrid = _Grid(sparse=False)
#: ``ogrid[0:2, 0:3]`` gives a column and a row that broadcast to those.
ogrid = _Grid(sparse=True)


def meshgrid(*vectors: Any, indexing: str = "xy", sparse: bool = False) -> list[Any]:
    """Return the coordinates of the grid that vectors span, one tensor per vector, as ``numpy.meshgrid``.

    ``indexing``: ``"ij"``, vector ``k`` varies along axis ``k``; ``"xy"``, the first two are exchanged. ``sparse``:
    leave the other axes at length 1.
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f"meshgrid has the indexings 'xy' and 'ij', got {indexing!r}.")
    result = _laid_out([v.flatten() for v in as_tensors(vectors)])
    if indexing == "xy" and len(result) > 1:
        order = [1, 0, *range(2, len(result))]
        result = [v.dimshuffle(*order) for v in result]
    return result if sparse or not result else broadcast_arrays(*result)
