"""Counting, finding and numbering: bincount, unique, searchsorted, flat positions, one-hot rows."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from symcore.graph.null import disconnected, grad_undefined
from symcore.graph.variable import Apply
from symcore.op import Op, Shape
from symcore.tensor import dtypes
from symcore.tensor.constant import as_tensor
from symcore.tensor.creation import arange, zeros
from symcore.tensor.discrete import _Discrete, as_integers
from symcore.tensor.reduce import normalize_axis
from symcore.tensor.scalar_functions import cast
from symcore.tensor.shapes import as_length, shape_i, shape_lengths
from symcore.tensor.subtensor import set_subtensor
from symcore.tensor.type import TensorType

#: NumPy without its stubs, which want literals where an Op has a parameter.
_np: Any = np


class BinCount(Op):
    """How often each of 0, 1, 2, ... occurs in a vector of integers, or the sums of the weights of its occurrences.

    Inputs: the vector, the smallest length of the result, and with ``weighted`` a vector of weights. Counts are int64,
    sums of the dtype of the weights.
    """

    weighted: bool = False

    def make_node(self, x: Any, minlength: Any, *weights: Any) -> Apply:
        x, minlength = as_integers(self, "what is counted", x), as_length(minlength)
        weights = tuple(as_tensor(w) for w in weights)
        if x.type.ndim != 1 or len(weights) != self.weighted or any(w.type.ndim != 1 for w in weights):
            raise TypeError(
                f"{self} takes a vector{' and a vector of weights' if self.weighted else ''}, got "
                f"{', '.join(str(v.type) for v in (x, *weights))}."
            )
        if self.weighted and weights[0].type.dtype.kind != "f":
            weights = (cast(weights[0], dtypes.upgrade_to_float(weights[0].type.dtype)),)
            if weights[0].type.dtype.kind == "c":
                raise TypeError("the weights of bincount must be real numbers, got complex ones.")
        dtype = weights[0].type.dtype if self.weighted else "int64"
        return Apply(self, [x, minlength, *weights], [TensorType(dtype, (None,))()])

    def perform(self, node: Apply, x: Any, minlength: Any, *weights: Any) -> Any:
        if x.size and x.min() < 0:
            raise ValueError(f"bincount counts integers from 0, got {x.min()}.")
        if weights and weights[0].shape != x.shape:
            raise ValueError(f"bincount of {len(x)} integers needs as many weights, got {len(weights[0])}.")
        return _np.bincount(x, *weights, minlength=int(minlength)).astype(node.outputs[0].type.dtype)

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[False], [False], [True]][: len(node.inputs)]

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        by_weights = [output_grads[0][inputs[0]]] if self.weighted else []
        return [disconnected(), disconnected(), *by_weights]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [self(*inputs[:2], tangents[2]) if self.weighted and tangents[2] is not None else None]


class Unique(Op):
    """The different elements in ascending order, and as asked where each stands first, which of them each element is,
    and how often each occurs (int64). With ``axis`` the different slices along it."""

    return_index: bool = False
    return_inverse: bool = False
    return_counts: bool = False
    axis: int | None = None

    def make_node(self, x: Any) -> Apply:
        x = as_tensor(x)
        if self.axis is not None and not 0 <= self.axis < x.type.ndim:
            raise ValueError(f"{self} does not fit {x}, which has {x.type.ndim} dimensions.")
        shape = [None] if self.axis is None else [None if a == self.axis else n for a, n in enumerate(x.type.shape)]
        outputs = [TensorType(x.type.dtype, shape)()]
        if self.return_index:
            outputs.append(TensorType("int64", (None,))())
        if self.return_inverse:
            outputs.append(TensorType("int64", x.type.shape if self.axis is None else (x.type.shape[self.axis],))())
        if self.return_counts:
            outputs.append(TensorType("int64", (None,))())
        return Apply(self, [x], outputs)

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape | None]:
        shapes: list[Shape | None] = [None] * len(node.outputs)
        if self.return_inverse:
            shape = input_shapes[0]
            shapes[1 + self.return_index] = shape if self.axis is None else (shape[self.axis],)
        return shapes

    def perform(self, node: Apply, x: Any) -> Any:
        found = _np.unique(x, self.return_index, self.return_inverse, self.return_counts, self.axis)
        if len(node.outputs) == 1:
            return found
        first, *others = found
        results = [np.asarray(v, np.int64) for v in others]
        if self.return_inverse:  # its shape has differed between versions of NumPy
            k = int(self.return_index)
            results[k] = results[k].reshape(x.shape if self.axis is None else -1)
        return first, *results

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True] + [False] * (len(node.outputs) - 1)]

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        return [grad_undefined(self, 0, inputs[0], "Equal elements become different ones when one of them moves.")]


class SearchSorted(_Discrete):
    """Where in the ascending vector ``x`` each element of ``v`` would have to stand (int64): before its equals
    (``side="left"``) or after them (``"right"``). Inputs: ``x``, ``v`` and, if ``x`` is not sorted, what sorts it."""

    side: str = "left"

    def make_node(self, x: Any, v: Any, *sorter: Any) -> Apply:
        x, v = as_tensor(x), as_tensor(v)
        order = [as_integers(self, "the sorter", s) for s in sorter]
        if self.side not in ("left", "right"):
            raise ValueError(f"the side is 'left' or 'right', got {self.side!r}.")
        if x.type.ndim != 1 or any(s.type.ndim != 1 for s in order):
            raise TypeError(f"searchsorted looks into a vector, got {x.type}.")
        return Apply(self, [x, v, *order], [TensorType("int64", v.type.shape)()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        return [input_shapes[1]]

    def perform(self, node: Apply, x: Any, v: Any, *sorter: Any) -> Any:
        found = _np.searchsorted(x, v, self.side, *sorter)
        return np.asarray(found, dtype=np.int64)


class UnravelIndex(_Discrete):
    """Positions in a flattened tensor as one position per axis. Inputs: integers, and one length per axis."""

    ndim: int
    order: str = "C"

    def make_node(self, indices: Any, *dims: Any) -> Apply:
        indices = as_integers(self, "positions", indices)
        if len(dims) != self.ndim or not dims:
            raise ValueError(f"{self} takes {self.ndim} lengths (at least 1), got {len(dims)}.")
        outputs = [TensorType("int64", indices.type.shape)() for _ in dims]
        return Apply(self, [indices, *map(as_length, dims)], outputs)

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        return [input_shapes[0]] * self.ndim

    def perform(self, node: Apply, indices: Any, *dims: Any) -> Any:
        shape = tuple(int(d) for d in dims)
        found = _np.unravel_index(indices, shape, order=self.order)
        return tuple(np.array(v, dtype=np.int64) for v in found)


class RavelMultiIndex(_Discrete):
    """One position per axis as positions in the flattened tensor. Inputs: ``ndim`` tensors of integers of one shape,
    then one length per axis."""

    ndim: int
    mode: str = "raise"
    order: str = "C"

    def make_node(self, *inputs: Any) -> Apply:
        if len(inputs) != 2 * self.ndim or not inputs:
            raise ValueError(f"{self} takes {self.ndim} positions and as many lengths, got {len(inputs)} inputs.")
        positions = [as_integers(self, "positions", v) for v in inputs[: self.ndim]]
        if len({v.type.ndim for v in positions}) > 1:
            raise TypeError(f"{self} takes positions of one shape, got {', '.join(str(v.type) for v in positions)}.")
        shape = [
            next((n for n in lengths if n is not None), None)
            for lengths in zip(*(v.type.shape for v in positions), strict=True)
        ]
        return Apply(self, [*positions, *map(as_length, inputs[self.ndim :])], [TensorType("int64", shape)()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        return [input_shapes[0]]

    def perform(self, node: Apply, *inputs: Any) -> Any:
        positions, dims = inputs[: self.ndim], tuple(int(d) for d in inputs[self.ndim :])
        if len({v.shape for v in positions}) > 1:
            raise ValueError(f"{self} takes positions of one shape, got {[v.shape for v in positions]}.")
        found = _np.ravel_multi_index(positions, dims, self.mode, self.order)
        return np.asarray(found, dtype=np.int64)


def bincount(x: Any, weights: Any = None, minlength: Any = None, assert_nonneg: bool = False) -> Any:
    """Return how often each of 0, 1, 2, ... occurs in the integer vector ``x`` (int64), or sums of ``weights``.

    The result has one element more than the largest of ``x``, and at least ``minlength``. Negative integers raise
    ``ValueError`` when the function runs, whatever ``assert_nonneg`` says.
    """
    extra = [] if weights is None else [weights]
    return BinCount(weights is not None)(x, 0 if minlength is None else minlength, *extra)


def unique(
    x: Any,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
) -> Any:
    """Return the different elements of ``x`` in ascending order, as ``numpy.unique``; a list if more is asked for.

    Parameters
    ----------
    return_index, return_inverse, return_counts
        Also return where each stands first, which of them each element is (in the shape of ``x``, or a vector with
        ``axis``), and how often each occurs.
    axis
        Return the different slices along it.
    """
    x = as_tensor(x)
    where = None if axis is None else normalize_axis(axis, x.type.ndim)[0]
    return Unique(return_index, return_inverse, return_counts, where)(x)


def searchsorted(x: Any, v: Any, side: str = "left", sorter: Any = None) -> Any:
    """Return where in the ascending vector ``x`` the elements of ``v`` belong (int64), as ``numpy.searchsorted``.

    ``side``: ``left`` or ``right`` of equal elements. ``sorter``: the positions that sort ``x``, if it is not
    ascending.
    """
    return SearchSorted(side)(x, v, *([] if sorter is None else [sorter]))


def unravel_index(indices: Any, dims: Any, order: str = "C", ndim: int | None = None) -> tuple[Any, ...]:
    """Return positions in a flattened tensor of shape ``dims`` as a tuple of positions per axis, as ``numpy``.

    ``indices``: an integer tensor. ``dims``: ints and integer scalars, or an integer vector (then ``ndim`` says how
    many, unless its type does). ``order``: ``C`` (last axis fastest) or ``F``. Positions out of range raise
    ``ValueError`` when the function runs.
    """
    lengths = shape_lengths(dims, ndim)
    return tuple(UnravelIndex(len(lengths), order).make_node(indices, *lengths).outputs)


def ravel_multi_index(
    multi_index: Any, dims: Any, mode: str = "raise", order: str = "C", ndim: int | None = None
) -> Any:
    """Return positions per axis of a tensor of shape ``dims`` as positions in it flattened, as ``numpy``.

    ``multi_index``: a list of integer tensors of one shape. ``mode``: ``raise``, ``wrap`` or ``clip`` what is out of
    range. ``order``: ``C`` (last axis fastest) or ``F``. ``ndim``: the number of axes, where ``dims`` is a vector of
    unknown length.
    """
    if mode not in ("raise", "wrap", "clip"):
        raise ValueError(f"ravel_multi_index has the modes 'raise', 'wrap' and 'clip', got {mode!r}.")
    lengths = shape_lengths(dims, ndim)
    positions = multi_index if isinstance(multi_index, (list, tuple)) else [multi_index[i] for i in range(len(lengths))]
    return RavelMultiIndex(len(lengths), mode, order)(*positions, *lengths)


def to_one_hot(y: Any, nb_class: Any, dtype: Any = None) -> Any:
    """Return a matrix with a row per element of the integer vector ``y``: 1 in the column it names, 0 elsewhere.

    ``nb_class``: the number of columns. ``dtype``: ``floatX`` by default.
    """
    y = as_integers("to_one_hot", "classes", y)
    if y.type.ndim != 1:
        raise TypeError(f"to_one_hot takes a vector of classes, got {y.type}.")
    n = shape_i(y, 0)
    rows = zeros((n, nb_class), dtype)
    return set_subtensor(rows[arange(n), y], 1)
