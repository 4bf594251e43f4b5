"""Repeating, moving and stacking whole tensors. All but ``RepeatedPositions`` are made of other Ops."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from symcore.graph.variable import Apply
from symcore.tensor.constant import as_tensor, as_tensors
from symcore.tensor.creation import Alloc, arange
from symcore.tensor.discrete import _Discrete, as_integers
from symcore.tensor.gather import along
from symcore.tensor.join import join, stack
from symcore.tensor.reduce import keep, normalize_axis, reduce_with
from symcore.tensor.reductions import sum as total
from symcore.tensor.scalar_functions import exp, isinf, log, maximum, switch
from symcore.tensor.shapes import Reshape, as_length, shape_i, shape_lengths
from symcore.tensor.type import TensorType


def tile(x: Any, reps: Any, ndim: int | None = None) -> Any:
    """Return ``x`` repeated as a whole along every axis, as ``numpy.tile``.

    Parameters
    ----------
    reps
        How often along each axis, from the last: an int, a list of ints and integer scalars, or an integer vector
        (whose length its type must know, unless ``ndim`` is given).
    ndim
        The least number of dimensions of the result.
    """
    x = as_tensor(x)
    count = None
    if not isinstance(reps, (int, np.integer, list, tuple)):
        known = as_tensor(reps).type
        count = ndim if known.ndim == 1 and known.shape[0] is None else None
    repeats = shape_lengths(reps, count)
    out_ndim = max(x.type.ndim, len(repeats), ndim or 0)
    repeats = [1] * (out_ndim - len(repeats)) + repeats
    x = x.dimshuffle(*["x"] * (out_ndim - x.type.ndim), *range(x.type.ndim))
    lengths: list[Any] = []
    for axis, r in enumerate(repeats):
        lengths += [r, shape_i(x, axis)]
    if not out_ndim:
        return x.copy()
    pairs = x.dimshuffle(*[p for axis in range(out_ndim) for p in ("x", axis)])
    return Reshape(out_ndim)(Alloc()(pairs, *lengths), *_merged(lengths))


def _merged(lengths: Sequence[Any]) -> list[Any]:
    """Return the products of neighbouring lengths."""
    dims = [as_length(n) for n in lengths]
    return [a * b for a, b in zip(dims[::2], dims[1::2], strict=True)]


class RepeatedPositions(_Discrete):
    """The positions 0 to ``n - 1``, each repeated as often as a vector says. Inputs: ``n`` and the vector.

    A vector of one element stands for all positions.
    """

    def make_node(self, n: Any, repeats: Any) -> Apply:
        repeats = as_integers(self, "the numbers of repetitions", repeats)
        if repeats.type.ndim != 1:
            raise TypeError(f"{self} takes a vector of repetitions, got {repeats.type}.")
        return Apply(self, [as_length(n), repeats], [TensorType("int64", (None,))()])

    def perform(self, node: Apply, n: Any, repeats: Any) -> Any:
        if len(repeats) not in (1, int(n)) or (repeats.size and repeats.min() < 0):
            raise ValueError(f"repeat along an axis of {n} elements takes {n} numbers >= 0, or one; got {repeats}.")
        return np.repeat(np.arange(int(n)), repeats)


def repeat(x: Any, repeats: Any, axis: int | None = None) -> Any:
    """Return ``x`` with every element repeated along ``axis`` (flattened, by default), as ``numpy.repeat``.

    ``repeats``: an integer scalar for all, or a vector of one number for each position along ``axis``.
    """
    x = as_tensor(x)
    if axis is None:
        x, axis = x.flatten(), 0
    [axis] = normalize_axis(axis, x.type.ndim)
    repeats = as_integers("repeat", "the numbers of repetitions", repeats)
    if repeats.type.ndim == 1 and repeats.type.shape[0] == 1:
        repeats = repeats[0]
    if repeats.type.ndim:
        return x[along(axis, RepeatedPositions()(shape_i(x, axis), repeats))]
    ndim = x.type.ndim
    lengths = [shape_i(x, a) for a in range(ndim)]
    spread = x.dimshuffle(*range(axis + 1), "x", *range(axis + 1, ndim))
    filled = Alloc()(spread, *lengths[: axis + 1], repeats, *lengths[axis + 1 :])
    lengths[axis] = lengths[axis] * repeats
    return Reshape(ndim)(filled, *lengths)


def roll(x: Any, shift: Any, axis: Any = None) -> Any:
    """Return ``x`` with its elements moved on by ``shift`` along ``axis``, those beyond the end coming in at the start.

    ``None`` for ``axis`` rolls the flattened tensor. Several axes take as many shifts, or one for all.
    """
    x = as_tensor(x)
    if axis is None:
        flat = roll(x.flatten(), shift, 0)
        return Reshape(x.type.ndim)(flat, *[shape_i(x, a) for a in range(x.type.ndim)])
    axes = [axis] if isinstance(axis, int) else list(axis)
    shifts = list(shift) if isinstance(shift, (list, tuple)) else [shift] * len(axes)
    if len(shifts) != len(axes):
        raise ValueError(f"roll along {len(axes)} axes needs as many shifts or one, got {len(shifts)}.")
    for one, by in zip(axes, shifts, strict=True):
        [a] = normalize_axis(one, x.type.ndim)
        n = shape_i(x, a)
        start = (n - as_length(by)) % maximum(n, 1)
        x = join(a, x[along(a, slice(start, None))], x[along(a, slice(None, start))])
    return x


def flip(x: Any, axis: Any = None) -> Any:
    """Return ``x`` with its elements in reverse order along ``axis`` (one, several, or all by default)."""
    x = as_tensor(x)
    axes = normalize_axis(axis, x.type.ndim)
    return x[tuple(slice(None, None, -1) if a in axes else slice(None) for a in range(x.type.ndim))] if axes else x


def moveaxis(x: Any, source: Any, destination: Any) -> Any:
    """Return ``x`` with the axes ``source`` at the positions ``destination``, the others in order, as ``numpy``."""
    x = as_tensor(x)
    ndim = x.type.ndim
    from_axes = [source] if isinstance(source, int) else list(source)
    to_axes = [destination] if isinstance(destination, int) else list(destination)
    if len(from_axes) != len(to_axes):
        raise ValueError(f"moveaxis needs as many sources as destinations, got {from_axes} and {to_axes}.")
    normalize_axis(from_axes, ndim), normalize_axis(to_axes, ndim)
    order = [a for a in range(ndim) if a not in [s % ndim for s in from_axes]]
    for to, origin in sorted(zip([t % ndim for t in to_axes], [s % ndim for s in from_axes], strict=True)):
        order.insert(to, origin)
    return x.dimshuffle(*order)


def horizontal_stack(*tensors: Any) -> Any:
    """Return matrices side by side. Raises ``ValueError`` for what is no matrix."""
    return _matrices_joined("horizontal_stack", 1, tensors)


def vertical_stack(*tensors: Any) -> Any:
    """Return matrices one below the other. Raises ``ValueError`` for what is no matrix."""
    return _matrices_joined("vertical_stack", 0, tensors)


def _matrices_joined(name: str, axis: int, tensors: Sequence[Any]) -> Any:
    if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
        tensors = tensors[0]
    variables = as_tensors(tensors)
    if len(variables) < 1 or any(v.type.ndim != 2 for v in variables):
        raise ValueError(f"{name} takes matrices, got {', '.join(str(v.type) for v in variables) or 'nothing'}.")
    return join(axis, *variables)


def hstack(tensors: Sequence[Any]) -> Any:
    """Return tensors joined along the second axis (vectors along the first), as ``numpy.hstack``."""
    variables = [atleast_1d(v) for v in as_tensors(tensors)]
    return join(0 if variables[0].type.ndim == 1 else 1, *variables)


def vstack(tensors: Sequence[Any]) -> Any:
    """Return tensors joined along the first axis, vectors as rows, as ``numpy.vstack``."""
    return join(0, *[atleast_2d(v) for v in as_tensors(tensors)])


def stacklists(nested: Any) -> Any:
    """Return nested lists of tensors of one shape as one: ``stacklists([[a, b], [c, d]])`` of shape (2, 2, ...)."""
    if isinstance(nested, (list, tuple)):
        return stack([stacklists(item) for item in nested])
    return as_tensor(nested)


def atleast_1d(x: Any) -> Any:
    """Return ``x`` with at least one dimension."""
    return _atleast(x, 1)


def atleast_2d(x: Any) -> Any:
    """Return ``x`` with at least two dimensions; a vector becomes a row."""
    return _atleast(x, 2)


def atleast_3d(x: Any) -> Any:
    """Return ``x`` with at least three dimensions, new ones on the left."""
    return _atleast(x, 3)


def _atleast(x: Any, ndim: int) -> Any:
    x = as_tensor(x)
    return x.dimshuffle(*["x"] * max(ndim - x.type.ndim, 0), *range(x.type.ndim))


def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return ``log(sum(exp(x)))`` along ``axis``, shifted by the largest element so that it cannot overflow.

    Of no elements it is -inf. ``axis``: an int, several, or ``None`` for all; ``keepdims`` leaves the axes with
    length 1.
    """
    x = as_tensor(x)
    axes = normalize_axis(axis, x.type.ndim)
    top = reduce_with("supremum", x, axes, False, None, None)
    shift = switch(isinf(top), 0, top)
    y = log(total(exp(x - keep(shift, axes, x.type.ndim)), axes)) + shift
    return keep(y, axes, x.type.ndim) if keepdims else y


def bartlett(n: Any) -> Any:
    """Return the triangular window of ``n`` points, zero at both ends, as ``numpy.bartlett``."""
    n = as_length(n)
    k = arange(n).astype("float64")
    half = (n - 1).astype("float64") / 2
    # A single point is 1; its half width of 0 must not divide.
    slope = k / switch(half > 0, half, 1)
    return switch(half > 0, switch(k <= half, slope, 2 - slope), 1.0)
