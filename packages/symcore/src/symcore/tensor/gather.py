"""Picking elements by position along an axis."""

from typing import Any

from symcore.tensor.broadcast import broadcast_shape
from symcore.tensor.constant import as_tensor, as_tensors
from symcore.tensor.creation import Alloc, arange
from symcore.tensor.discrete import InBounds
from symcore.tensor.join import stack
from symcore.tensor.reduce import normalize_axis
from symcore.tensor.scalar_functions import clip
from symcore.tensor.shapes import shape_i, shape_lengths
from symcore.tensor.subtensor import nonzero, set_subtensor


def along(axis: int, index: Any) -> tuple[Any, ...]:
    """Return the index that applies ``index`` along ``axis`` and leaves the axes before it whole."""
    return (*[slice(None)] * axis, index)


def positions_along(indices: Any, axis: int) -> tuple[Any, ...]:
    """Return the index that takes, along ``axis``, the position that ``indices`` has there, and elsewhere its own."""
    ndim = indices.type.ndim
    own = [arange(shape_i(indices, a)).dimshuffle(*["x"] * a, 0, *["x"] * (ndim - a - 1)) for a in range(ndim)]
    return (*own[:axis], indices, *own[axis + 1 :])


def take_along_axis(x: Any, indices: Any, axis: int | None = -1) -> Any:
    """Return ``x`` at ``indices`` along ``axis``, matching all other axes, as ``numpy.take_along_axis``.

    ``indices``: integers, of the rank of ``x`` and its lengths along the other axes (or, known to the type, 1 there).
    ``None`` for ``axis`` takes both flattened. Raises ``TypeError`` for another rank.
    """
    x, indices = as_tensor(x), as_tensor(indices)
    if axis is None:
        x, indices, axis = x.flatten(), indices.flatten(), 0
    if x.type.ndim != indices.type.ndim or indices.type.dtype.kind not in "iu":
        raise TypeError(f"take_along_axis takes a tensor and integers of its rank, got {x.type} and {indices.type}.")
    [axis] = normalize_axis(axis, x.type.ndim)
    stretched = [shape_i(x if indices.type.shape[a] == 1 and a != axis else indices, a) for a in range(x.type.ndim)]
    if any(indices.type.shape[a] == 1 != x.type.shape[a] for a in range(x.type.ndim) if a != axis):
        indices = Alloc()(indices, *stretched)
    return x[positions_along(indices, axis)]


def set_along_axis(x: Any, indices: Any, values: Any, axis: int) -> Any:
    """Return ``x`` with ``values`` at ``indices`` along ``axis``; see ``take_along_axis``."""
    return set_subtensor(x[positions_along(as_tensor(indices), axis)], values)


def broadcast_to(x: Any, shape: Any) -> Any:
    """Return a copy of ``x`` stretched to ``shape``: ints and integer scalars, or an integer vector.

    A length of ``x`` is stretched where its type says that it is 1. Raises ``ValueError`` when the function runs and
    another length differs.
    """
    return Alloc()(x, *shape_lengths(shape))


def broadcast_arrays(*tensors: Any) -> list[Any]:
    """Return copies of ``tensors`` stretched to their common shape."""
    variables = as_tensors(tensors)
    types = [v.type for v in variables]
    shape = broadcast_shape(types, [tuple(shape_i(v, a) for a in range(v.type.ndim)) for v in variables])
    return [Alloc()(v, *shape) for v in variables]


def choose(a: Any, choices: Any, out: None = None, mode: str = "raise") -> Any:
    """Return, for every position, the element there of ``choices[a]``, as ``numpy.choose``.

    Parameters
    ----------
    a
        Integers.
    choices
        A list of tensors that broadcast with ``a``, or a tensor whose first axis is the list.
    mode
        What a number out of range does: ``raise`` an ``IndexError``, ``wrap`` around, or ``clip`` to the nearest.
    """
    if out is not None:
        raise ValueError("choose computes a new tensor; out= cannot be given.")
    a = as_tensor(a)
    items = list(choices) if isinstance(choices, (list, tuple)) else None
    if items is None:
        table = as_tensor(choices)
        [a] = (
            broadcast_arrays(a)
            if a.type.ndim == table.type.ndim - 1
            else [Alloc()(a, *[shape_i(table, i) for i in range(1, table.type.ndim)])]
        )
    else:
        a, *spread = broadcast_arrays(a, *as_tensors(items))
        table = stack(spread)
    n = shape_i(table, 0)
    if mode not in ("raise", "wrap", "clip"):
        raise ValueError(f"choose has the modes 'raise', 'wrap' and 'clip', got {mode!r}.")
    if mode == "raise":  # a negative number would count from the end
        a = InBounds()(a, n)
    else:
        a = a % n if mode == "wrap" else clip(a, 0, n - 1)
    own = [arange(shape_i(a, i)).dimshuffle(*["x"] * i, 0, *["x"] * (a.type.ndim - i - 1)) for i in range(a.type.ndim)]
    return table[(a, *own)]


def compress(condition: Any, x: Any, axis: int | None = None) -> Any:
    """Return the slices of ``x`` along ``axis`` (the elements, flattened, by default) where the vector ``condition``
    is not zero. A condition that is too long raises ``IndexError`` when the function runs."""
    x = as_tensor(x)
    if axis is None:
        x, axis = x.flatten(), 0
    [axis] = normalize_axis(axis, x.type.ndim)
    condition = as_tensor(condition)
    if condition.type.ndim != 1:
        raise TypeError(f"compress takes a vector as condition, got {condition.type}.")
    return x[along(axis, nonzero(condition)[0])]


def flatnonzero(x: Any) -> Any:
    """Return the positions in the flattened ``x`` of the elements that are not zero."""
    return nonzero(as_tensor(x).flatten())[0]


def nonzero_values(x: Any) -> Any:
    """Return the elements of ``x`` that are not zero, as a vector."""
    flat = as_tensor(x).flatten()
    return flat[flatnonzero(flat)]
