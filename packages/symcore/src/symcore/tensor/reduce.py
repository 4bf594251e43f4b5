"""The Ops that combine elements along axes: ``Reduce``, and the position of the largest, ``Argmax``."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from symcore.graph.null import disconnected
from symcore.graph.variable import Apply, Variable
from symcore.op import Op, Shape
from symcore.tensor import dtypes
from symcore.tensor.constant import as_tensor
from symcore.tensor.scalar_functions import eq, neq, second, switch
from symcore.tensor.type import TensorType


def _supremum(x: Any, axis: Any, dtype: Any) -> Any:
    """Return the largest elements; of none, what is below every number."""
    kind = np.dtype(dtype).kind
    least = -np.inf if kind == "f" else False if kind == "b" else np.iinfo(dtype).min
    return np.maximum.reduce(x, axis=axis, dtype=dtype, initial=least)


#: What ``Reduce`` may be made of: name -> (NumPy reduction, value of an empty reduction). ``supremum`` is ``maximum``
#: with a value for no elements; rewriting asks for it where it knows what becomes of that value.
REDUCTIONS: dict[str, tuple[Any, Any]] = {
    "add": (np.add.reduce, 0),
    "mul": (np.multiply.reduce, 1),
    "maximum": (np.maximum.reduce, None),
    "minimum": (np.minimum.reduce, None),
    "and_": (np.logical_and.reduce, True),
    "or_": (np.logical_or.reduce, False),
    "supremum": (_supremum, -np.inf),
}
NAMES = {"add": "Sum", "mul": "Prod", "maximum": "Max", "minimum": "Min", "and_": "All", "or_": "Any",
         "supremum": "Sup"}


class Reduce(Op):
    """Combine the elements along ``axis`` with an associative scalar function.

    ``axis`` is a sorted tuple. ``dtype`` is that of the result; the work is done in ``acc_dtype``.
    """

    fn: str
    axis: tuple[int, ...]
    dtype: str
    acc_dtype: str

    def make_node(self, x: Any) -> Apply:
        x = as_tensor(x)
        if any(not 0 <= a < x.type.ndim for a in self.axis):
            raise ValueError(f"{self} does not fit {x}, which has {x.type.ndim} dimensions.")
        shape = [d for a, d in enumerate(x.type.shape) if a not in self.axis]
        return Apply(self, [x], [TensorType(self.dtype, shape)()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        return [tuple(d for a, d in enumerate(input_shapes[0]) if a not in self.axis)]

    def perform(self, node: Apply, x: Any) -> Any:
        reduce, empty = REDUCTIONS[self.fn]
        if empty is None and any(x.shape[a] == 0 for a in self.axis):
            raise ValueError(f"{self}: the largest or smallest of no elements is not defined (shape {x.shape}).")
        if self.fn in ("and_", "or_"):
            return np.asarray(reduce(x, axis=self.axis))
        with np.errstate(all="ignore"):
            return np.asarray(reduce(x, axis=self.axis, dtype=self.acc_dtype)).astype(self.dtype)

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        [x], [y], [g] = inputs, outputs, output_grads
        order = iter(range(y.type.ndim))
        pattern = ["x" if a in self.axis else next(order) for a in range(x.type.ndim)]
        g = g.dimshuffle(*pattern)
        if x.type.dtype.kind in "fc":
            g = g.astype(x.type.dtype)
        if self.fn == "add":
            return [second(x, g)]
        if self.fn == "mul":
            return [g * x._products_of_others(self.axis)]
        if self.fn in ("maximum", "minimum", "supremum"):
            return [switch(eq(x, y.dimshuffle(*pattern)), g, 0)]
        return [None]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        [y], [t] = outputs, tangents
        if t is None or self.fn in ("and_", "or_"):
            return [None]
        if self.fn == "add":
            return [self(t)]
        slope = self.L_op(inputs, outputs, [y.ones_like()])[0]
        return [(slope * t).sum(axis=self.axis).astype(y.type.dtype)]

    def __str__(self) -> str:
        return f"{NAMES[self.fn]}{{axis={self.axis}, acc_dtype={self.acc_dtype}}}"

    __repr__ = __str__


def normalize_axis(axis: Any, ndim: int) -> tuple[int, ...]:
    """Return ``axis`` (``None``, an int, or several) as a sorted tuple. Raises ``ValueError`` out of range or twice."""
    if axis is None:
        return tuple(range(ndim))
    if isinstance(axis, np.ndarray):
        axis = axis.tolist()
    if isinstance(axis, (int, np.integer)):
        axes = [axis]
    elif isinstance(axis, Iterable) and not isinstance(axis, Variable):
        axes = list(axis)
    else:
        raise TypeError(f"axis must be an int, a tuple of ints or None, got {axis!r}.")
    found = []
    for a in axes:
        if not isinstance(a, (int, np.integer)) or isinstance(a, bool):
            raise TypeError(f"axis must be an int, a tuple of ints or None, got {axis!r}.")
        if not -ndim <= a < ndim:
            raise ValueError(f"axis {a} is out of range for a tensor of {ndim} dimensions.")
        found.append(int(a) % ndim)
    if len(set(found)) != len(found):
        raise ValueError(f"an axis is given twice: {axis}.")
    return tuple(sorted(found))


def one_axis(axis: Any, ndim: int) -> int:
    """Return one axis, counted from the left. Raises ``ValueError`` out of range, ``TypeError`` for what is no int."""
    if not isinstance(axis, (int, np.integer)):
        raise TypeError(f"axis must be an int, got {axis!r}.")
    return normalize_axis(axis, ndim)[0]


def keep(y: Any, axis: tuple[int, ...], ndim: int) -> Any:
    """Put the reduced axes back with length 1."""
    rest = iter(range(y.type.ndim))
    return y.dimshuffle(*["x" if a in axis else next(rest) for a in range(ndim)])


def reduce_with(fn: str, x: Any, axis: Any, keepdims: bool, dtype: Any, acc_dtype: Any) -> Any:
    x = as_tensor(x)
    axes = normalize_axis(axis, x.type.ndim)
    if fn in ("and_", "or_"):
        x = neq(x, 0) if x.type.dtype.kind != "b" else x
        out = acc = dtypes.BOOL
    elif fn in ("add", "mul"):
        out = dtypes.as_dtype(dtype) if dtype is not None else dtypes.sum_dtype(x.type.dtype)
        acc = dtypes.as_dtype(acc_dtype) if acc_dtype is not None else dtypes.accumulator(out)
        if acc.kind in "biu" and x.type.dtype.kind in "fc":
            raise TypeError(f"a sum of {x.type.dtype} cannot be accumulated in {acc}; cast the tensor first.")
    else:
        out = acc = x.type.dtype
    y = Reduce(fn, axes, out.name, acc.name)(x)
    return keep(y, axes, x.type.ndim) if keepdims else y


class Argmax(Op):
    """The position (int64) of the largest element along ``axis``; of several, or of several NaN, the first."""

    axis: tuple[int, ...]

    def make_node(self, x: Any) -> Apply:
        x = as_tensor(x)
        shape = [d for a, d in enumerate(x.type.shape) if a not in self.axis]
        return Apply(self, [x], [TensorType("int64", shape)()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        return [tuple(d for a, d in enumerate(input_shapes[0]) if a not in self.axis)]

    def perform(self, node: Apply, x: Any) -> Any:
        kept = [a for a in range(x.ndim) if a not in self.axis]
        flat = x.transpose(kept + list(self.axis)).reshape([x.shape[a] for a in kept] + [-1]) if x.size else x
        if not x.size and any_zero(x, self.axis):
            raise ValueError(f"{self}: there is no largest of no elements (shape {x.shape}).")
        if not x.size:
            return np.zeros([x.shape[a] for a in kept], np.int64)
        return np.asarray(flat.argmax(axis=-1), dtype=np.int64)

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[False]]

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        return [disconnected()]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [None]


def any_zero(x: Any, axes: Sequence[int]) -> bool:
    """Tell whether an array has length 0 along one of ``axes``."""
    return 0 in [x.shape[a] for a in axes]
