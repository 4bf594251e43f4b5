"""Running sums and products, linear recurrences, differences."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from symcore.graph.variable import Apply
from symcore.op import Op, Shape
from symcore.tensor.constant import as_tensor, as_tensors
from symcore.tensor.gather import along
from symcore.tensor.join import join
from symcore.tensor.reduce import normalize_axis
from symcore.tensor.scalar_functions import cast, neq
from symcore.tensor.shapes import Reshape, shape_i
from symcore.tensor.type import TensorType


def _backwards(x: Any, axis: int) -> Any:
    return x[along(axis, slice(None, None, -1))]


class CumOp(Op):
    """The sum (``mode="add"``) or product (``"mul"``) of all elements up to each one along ``axis``.

    The dtype stays (int8 sums wrap around as NumPy's do when told so); truth values are counted in int64.
    """

    axis: int
    mode: str = "add"

    def make_node(self, x: Any) -> Apply:
        x = as_tensor(x)
        if self.mode not in ("add", "mul"):
            raise ValueError(f"CumOp has the modes 'add' and 'mul', got {self.mode!r}.")
        if not 0 <= self.axis < x.type.ndim:
            raise ValueError(f"{self} does not fit {x}, which has {x.type.ndim} dimensions.")
        x = cast(x, "int64") if x.type.dtype.kind == "b" else x
        return Apply(self, [x], [x.type()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        return [input_shapes[0]]

    def perform(self, node: Apply, x: Any) -> Any:
        with np.errstate(all="ignore"):
            return (np.cumsum if self.mode == "add" else np.cumprod)(x, axis=self.axis, dtype=x.dtype)

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        [x], [y], [g] = inputs, outputs, output_grads
        if self.mode == "add":
            return [_backwards(self(_backwards(g, self.axis)), self.axis)]
        if x.type.dtype.kind not in "fc":
            return [None]
        # s[i] = sum over j >= i of g[j] x[i+1] ... x[j], so that no division by a zero of x is needed.
        following = join(self.axis, x[along(self.axis, slice(1, None))], _ones_first(x, self.axis))
        s = Recurrence(self.axis)(_backwards(following, self.axis), _backwards(g, self.axis))
        return [_before(y, x, self.axis) * _backwards(s, self.axis)]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        [x], [y], [t] = inputs, outputs, tangents
        if t is None or y.type.dtype.kind not in "fc":
            return [None]
        return [self(t) if self.mode == "add" else Recurrence(self.axis)(x, _before(y, x, self.axis) * t)]


def _ones_first(x: Any, axis: int) -> Any:
    """Return ones of the shape of the first slice along ``axis`` (of length 0 or 1)."""
    return x[along(axis, slice(None, 1))].ones_like()


def _before(y: Any, x: Any, axis: int) -> Any:
    """Return the product of all elements before each one, from the products up to each one."""
    return join(axis, _ones_first(x, axis), y[along(axis, slice(None, -1))])


def products_of_others(x: Any, axes: Sequence[int]) -> Any:
    """Return, for every element of ``x``, the product of the others along ``axes``, in the shape and dtype of ``x``.

    Products of all before times products of all behind: right with any number of zeros, and where the product of all
    leaves the range of the dtype though that of the others does not. Several axes are gone along in their order.
    """
    if not axes:
        return x.ones_like()
    kept = [a for a in range(x.type.ndim) if a not in axes]
    order, last = [*kept, *axes], len(kept)
    moved = x.dimshuffle(*order)
    lengths = [shape_i(moved, k) for k in range(moved.type.ndim)]
    rows = moved
    if len(axes) > 1:
        count = lengths[last]
        for n in lengths[last + 1 :]:
            count = count * n
        rows = Reshape(last + 1)(moved, *lengths[:last], count)
    running = CumOp(last, "mul")
    back = _backwards(rows, last)
    others = _before(running(rows), rows, last) * _backwards(_before(running(back), back, last), last)
    if len(axes) > 1:
        others = Reshape(moved.type.ndim)(others, *lengths)
    return others.dimshuffle(*[order.index(a) for a in range(x.type.ndim)])


class Recurrence(Op):
    """``y[i] = a[i] * y[i-1] + b[i]`` along ``axis``, with ``y[-1] = 0``. ``a`` and ``b`` have one shape."""

    axis: int

    def make_node(self, a: Any, b: Any) -> Apply:
        a, b = as_tensors([a, b])
        if a.type.ndim != b.type.ndim or a.type.dtype is not b.type.dtype or not 0 <= self.axis < a.type.ndim:
            raise TypeError(f"{self} takes two tensors of one rank and dtype, got {a.type} and {b.type}.")
        shape = [m if m is not None else n for m, n in zip(a.type.shape, b.type.shape, strict=True)]
        return Apply(self, [a, b], [TensorType(a.type.dtype, shape)()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        return [input_shapes[0]]

    def perform(self, node: Apply, a: Any, b: Any) -> Any:
        if a.shape != b.shape:
            raise ValueError(f"{self} takes two tensors of one shape, got {a.shape} and {b.shape}.")
        y = np.array(b, order="C")
        rows, factors = np.moveaxis(y, self.axis, 0), np.moveaxis(a, self.axis, 0)
        with np.errstate(all="ignore"):
            for i in range(1, len(rows)):
                rows[i] += factors[i] * rows[i - 1]
        return y

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        [a, _], [y], [g] = inputs, outputs, output_grads
        following = join(self.axis, a[along(self.axis, slice(1, None))], _ones_first(a, self.axis))
        back = _backwards(self(_backwards(following, self.axis), _backwards(g, self.axis)), self.axis)
        return [back * _previous(y, self.axis), back]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        [a, _], [y], [u, v] = inputs, outputs, tangents
        if u is None and v is None:
            return [None]
        moved = None if u is None else u * _previous(y, self.axis)
        return [self(a, v if moved is None else moved if v is None else moved + v)]


def _previous(y: Any, axis: int) -> Any:
    """Return ``y`` moved on by one, with a zero first."""
    return join(axis, y[along(axis, slice(None, 1))].zeros_like(), y[along(axis, slice(None, -1))])


def _cumulative(mode: str, x: Any, axis: int | None) -> Any:
    x = as_tensor(x)
    if axis is None:
        x, axis = x.flatten(), 0
    [axis] = normalize_axis(axis, x.type.ndim)
    return CumOp(axis, mode)(x)


def cumsum(x: Any, axis: int | None = None) -> Any:
    """Return the running sums along ``axis`` (of all elements, flattened, by default), in the dtype of ``x``."""
    return _cumulative("add", x, axis)


def cumprod(x: Any, axis: int | None = None) -> Any:
    """Return the running products along ``axis`` (of all elements, flattened, by default), in the dtype of ``x``.

    The gradient is right however many zeros there are.
    """
    return _cumulative("mul", x, axis)


def diff(x: Any, n: int = 1, axis: int = -1) -> Any:
    """Return the ``n``-th differences of neighbours of ``x`` along ``axis``, as ``numpy.diff``. ``ValueError`` for n
    < 0.
    """
    x = as_tensor(x)
    if n < 0:
        raise ValueError(f"diff takes the differences n >= 0 times, got n = {n}.")
    [axis] = normalize_axis(axis, x.type.ndim)
    for _ in range(n):
        after, before = x[along(axis, slice(1, None))], x[along(axis, slice(None, -1))]
        x = neq(after, before) if x.type.dtype.kind == "b" else after - before
    return x
