"""Sorting, and the largest or smallest ``k`` elements along an axis."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from symcore.graph.null import disconnected
from symcore.graph.variable import Apply
from symcore.op import Op, Shape
from symcore.tensor.constant import as_tensor
from symcore.tensor.discrete import _Discrete
from symcore.tensor.gather import broadcast_to, set_along_axis, take_along_axis
from symcore.tensor.reduce import normalize_axis
from symcore.tensor.scalar_functions import abs, cast
from symcore.tensor.shapes import as_length, shape_i, static_length
from symcore.tensor.type import TensorType

#: NumPy without its stubs, which want literals where an Op has a parameter.
_np: Any = np
KINDS = ("quicksort", "mergesort", "heapsort", "stable")


def _check_sort(op: Any, x: Any) -> None:
    if op.kind not in KINDS:
        raise ValueError(f"the kinds of sorting are {', '.join(KINDS)}, got {op.kind!r}.")
    if not 0 <= op.axis < x.type.ndim:
        raise ValueError(f"{op} does not fit {x}, which has {x.type.ndim} dimensions.")


class Sort(Op):
    """The elements in ascending order along ``axis``, NaN last."""

    axis: int
    kind: str = "quicksort"

    def make_node(self, x: Any) -> Apply:
        x = as_tensor(x)
        _check_sort(self, x)
        return Apply(self, [x], [x.type()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        return [input_shapes[0]]

    def perform(self, node: Apply, x: Any) -> Any:
        return _np.sort(x, axis=self.axis, kind=self.kind)

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        order = Argsort(self.axis, self.kind)(inputs[0])
        back = Argsort(self.axis, self.kind)(order)  # sorting a permutation gives its inverse
        return [take_along_axis(output_grads[0], back, self.axis)]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        [t] = tangents
        order = Argsort(self.axis, self.kind)(inputs[0])
        return [None if t is None else take_along_axis(t, order, self.axis)]


class Argsort(_Discrete):
    """The positions (int64) of the elements in ascending order along ``axis``; equal ones in the order they stand in.

    So with every ``kind``: results must not depend on what computes them.
    """

    axis: int
    kind: str = "quicksort"

    def make_node(self, x: Any) -> Apply:
        x = as_tensor(x)
        _check_sort(self, x)
        return Apply(self, [x], [TensorType("int64", x.type.shape)()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        return [input_shapes[0]]

    def perform(self, node: Apply, x: Any) -> Any:
        found = _np.argsort(x, axis=self.axis, kind="stable")
        return np.asarray(found, dtype=np.int64)


class TopK(Op):
    """The ``k`` largest elements along ``axis`` and their positions; with ``k < 0`` the ``-k`` smallest.

    Inputs: a tensor and a 0-d int64 ``k``. With ``in_order`` they come in ascending order, otherwise in any.
    """

    axis: int
    in_order: bool = True
    idx_dtype: str = "int64"

    def make_node(self, x: Any, k: Any) -> Apply:
        x, k = as_tensor(x), as_length(k)
        if not 0 <= self.axis < x.type.ndim:
            raise ValueError(f"{self} does not fit {x}, which has {x.type.ndim} dimensions.")
        known = static_length(k)
        if known == 0:
            raise ValueError("topk takes k > 0 for the largest or k < 0 for the smallest elements, got 0.")
        shape = list(x.type.shape)
        shape[self.axis] = None if known is None else known if known > 0 else -known
        return Apply(self, [x, k], [TensorType(x.type.dtype, shape)(), TensorType(self.idx_dtype, shape)()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        shape = list(input_shapes[0])
        known = node.outputs[0].type.shape[self.axis]
        shape[self.axis] = abs(node.inputs[1]) if known is None else known
        return [tuple(shape)] * 2

    def perform(self, node: Apply, x: Any, k: Any) -> Any:
        n, k = x.shape[self.axis], int(k)
        if k == 0 or not -n <= k <= n:
            raise ValueError(f"topk takes 1 to {n} elements along axis {self.axis} of shape {x.shape}, got k = {k}.")
        if self.in_order:
            order = _np.argsort(x, axis=self.axis, kind="stable")
        else:
            order = np.argpartition(x, n - k if k > 0 and k < n else -k - 1 if k < 0 else 0, axis=self.axis)
        picked = slice(n - k, None) if k > 0 else slice(None, -k)
        order = order[(*[slice(None)] * self.axis, picked)]
        return np.take_along_axis(x, order, self.axis), order.astype(self.idx_dtype)

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True, False], [False, False]]

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        [x, _], [_, positions], [g, _] = inputs, outputs, output_grads
        return [set_along_axis(x.zeros_like(), positions, g, self.axis), disconnected()]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        t = tangents[0]
        return [None if t is None else take_along_axis(t, outputs[1], self.axis), None]


def _flat(x: Any, axis: int | None) -> tuple[Any, int]:
    x = as_tensor(x)
    if axis is None:
        return x.flatten(), 0
    return x, normalize_axis(axis, x.type.ndim)[0]


def _no_order(order: Any) -> None:
    if order is not None:
        raise ValueError(f"tensors have no fields, so order= has no meaning; got {order!r}.")


def sort(x: Any, axis: int | None = -1, kind: str = "quicksort", order: None = None) -> Any:
    """Return the elements of ``x`` in ascending order along ``axis``, as ``numpy.sort``.

    ``axis=None``: of the flattened tensor. ``kind``: an algorithm of NumPy's. ``order`` must be ``None``.
    """
    _no_order(order)
    x, axis = _flat(x, axis)
    return Sort(axis, kind)(x)


def argsort(x: Any, axis: int | None = -1, kind: str = "quicksort", order: None = None) -> Any:
    """Return the positions (int64) of the elements of ``x`` in ascending order along ``axis``, as ``numpy.argsort``.

    ``axis=None``: of the flattened tensor. ``kind``: an algorithm of NumPy's. ``order`` must be ``None``.
    """
    _no_order(order)
    x, axis = _flat(x, axis)
    return Argsort(axis, kind)(x)


def topk_and_argtopk(
    x: Any, kth: Any, axis: int | None = -1, sorted: bool = True, idx_dtype: str = "int64"
) -> list[Any]:
    """Return the ``kth`` largest elements of ``x`` along ``axis`` and their positions.

    Parameters
    ----------
    kth
        How many, an int or an integer scalar; negative: the smallest. The function raises ``ValueError`` when it runs
        and there are fewer elements.
    axis
        ``None``: of the flattened tensor.
    sorted
        In ascending order, equal elements as they stand; ``False``: in any order, which takes less time.
    idx_dtype
        The dtype of the positions.
    """
    x, axis = _flat(x, axis)
    return TopK(axis, sorted, idx_dtype).make_node(x, kth).outputs


def topk(x: Any, kth: Any, axis: int | None = -1, sorted: bool = True, idx_dtype: str = "int64") -> Any:
    """Return the ``kth`` largest elements of ``x`` along ``axis``.

    ``sorted`` as in ``topk_and_argtopk``; ``idx_dtype`` is read for the sake of one signature for all three.
    """
    return topk_and_argtopk(x, kth, axis, sorted, idx_dtype)[0]


def argtopk(x: Any, kth: Any, axis: int | None = -1, sorted: bool = True, idx_dtype: str = "int64") -> Any:
    """Return the positions of the ``kth`` largest elements of ``x`` along ``axis``.

    ``sorted`` and ``idx_dtype`` (the dtype of positions) as in ``topk_and_argtopk``.
    """
    return topk_and_argtopk(x, kth, axis, sorted, idx_dtype)[1]


def inverse_permutation(perm: Any) -> Any:
    """Return the inverse of ``perm``: of a permutation (a vector), or of every row of a matrix of them, in its
    dtype.
    """
    perm = as_tensor(perm)
    if perm.type.dtype.kind not in "iu" or perm.type.ndim not in (1, 2):
        raise TypeError(f"a permutation is an integer vector, several a matrix; got {perm.type}.")
    return cast(argsort(perm, -1, "stable"), perm.type.dtype)


def permute_row_elements(x: Any, y: Any, inverse: bool | int = False) -> Any:
    """Return ``x`` with the elements of every row (along the last axis) permuted.

    Parameters
    ----------
    y
        A permutation for all rows, or a tensor of the shape of ``x`` with one for each.
    inverse
        Apply the inverse permutation.
    """
    x, y = as_tensor(x), as_tensor(y)
    if inverse:
        y = argsort(y, -1, "stable")
    if y.type.ndim == 1:
        return x[(*[slice(None)] * (x.type.ndim - 1), y)]
    if y.type.ndim > x.type.ndim:
        x = x.dimshuffle(*["x"] * (y.type.ndim - x.type.ndim), *range(x.type.ndim))
        if any(y.type.shape[a] != 1 for a in range(y.type.ndim - 1)):
            x = broadcast_to(
                x,
                [shape_i(y if x.type.shape[a] == 1 else x, a) for a in range(y.type.ndim - 1)]
                + [shape_i(x, x.type.ndim - 1)],
            )
    return take_along_axis(x, y, -1)
