"""Shapes: asking for them, changing them, stating them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from symcore.graph.null import disconnected
from symcore.graph.variable import Apply, Constant
from symcore.op import Op
from symcore.op import Shape as SymbolicShape
from symcore.tensor import dtypes
from symcore.tensor.constant import as_tensor, constant
from symcore.tensor.type import TensorType

_INT = TensorType("int64", ())
#: Stands in a parameter of an Op for a value that is an input of the node.
INPUT = "input"


def as_length(value: Any) -> Any:
    """Return a dimension (a Python int or an integer scalar variable) as a 0-d int64 tensor."""
    if isinstance(value, (int, np.integer)):
        return constant(int(value), dtype="int64")
    variable = as_tensor(value)
    if variable.type.ndim or not dtypes.is_discrete(variable.type.dtype):
        raise TypeError(f"a dimension must be an integer scalar, got {value} of type {variable.type}.")
    return variable if variable.type is _INT else variable.astype("int64")


def static_length(variable: Any) -> int | None:
    """Return the value of a dimension if it is a constant."""
    return int(variable.data) if isinstance(variable, Constant) else None


class ShapeOf(Op):
    """The shape of a tensor, as a vector of int64."""

    def make_node(self, x: Any) -> Apply:
        x = as_tensor(x)
        return Apply(self, [x], [TensorType("int64", (x.type.ndim,))()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[SymbolicShape]) -> list[SymbolicShape]:
        return [(node.inputs[0].type.ndim,)]

    def perform(self, node: Apply, x: Any) -> Any:
        return np.array(x.shape, dtype=np.int64)

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[False]]

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        return [disconnected()]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [None]

    def __str__(self) -> str:
        return "Shape"


class Shape_i(Op):
    """The length of a tensor along one axis, as a 0-d int64."""

    i: int

    def make_node(self, x: Any) -> Apply:
        x = as_tensor(x)
        if not 0 <= self.i < x.type.ndim:
            raise IndexError(f"axis {self.i} is out of range for {x}, which has {x.type.ndim} dimensions.")
        return Apply(self, [x], [_INT()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[SymbolicShape]) -> list[SymbolicShape]:
        return [()]

    def perform(self, node: Apply, x: Any) -> Any:
        return np.array(x.shape[self.i], dtype=np.int64)

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[False]]

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        return [disconnected()]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [None]

    def __str__(self) -> str:
        return f"Shape_i{{{self.i}}}"


def shape_i(x: Any, i: int) -> Any:
    """Return the length of ``x`` along axis ``i``: a constant where the type knows it."""
    known = x.type.shape[i]
    return constant(known, dtype="int64") if known is not None else Shape_i(i)(x)


class DimShuffle(Op):
    """Reorder, drop (where the length is 1) and add axes; a view. ``order[k]`` is the input axis that becomes output
    axis ``k``; -1 is a new axis of length 1."""

    order: tuple[int, ...]

    def make_node(self, x: Any) -> Apply:
        x = as_tensor(x)
        ndim = x.type.ndim
        used = [a for a in self.order if a >= 0]
        if len(set(used)) != len(used) or any(a >= ndim for a in used):
            raise ValueError(f"dimshuffle order {self.pattern} does not fit {x}, which has {ndim} dimensions.")
        for axis in set(range(ndim)) - set(used):
            if x.type.shape[axis] != 1:
                raise ValueError(
                    f"dimshuffle order {self.pattern} drops axis {axis} of {x} ({x.type}), whose length is not known "
                    "to be 1. Take an index along it, sum over it, or state its length with T.addbroadcast(x, axis)."
                )
        shape = [1 if a < 0 else x.type.shape[a] for a in self.order]
        return Apply(self, [x], [TensorType(x.type.dtype, shape)()])

    @property
    def pattern(self) -> str:
        """The order as users write it, with ``x`` for a new axis."""
        return ",".join("x" if a < 0 else str(a) for a in self.order)

    def infer_shape(self, node: Apply, input_shapes: Sequence[SymbolicShape]) -> list[SymbolicShape]:
        return [tuple(1 if a < 0 else input_shapes[0][a] for a in self.order)]

    def perform(self, node: Apply, x: Any) -> Any:
        used = [a for a in self.order if a >= 0]
        dropped = [a for a in range(x.ndim) if a not in used]
        y = x.transpose(used + dropped)
        return y.reshape(y.shape[: len(used)])[tuple(None if a < 0 else slice(None) for a in self.order)]

    def view(self, node: Apply) -> dict[int, int]:
        return {0: 0}

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        [g] = output_grads
        new = [k for k, a in enumerate(self.order) if a < 0]
        if any(g.type.shape[k] != 1 for k in new):
            g = g.sum(axis=tuple(new), keepdims=True)
        back = {a: k for k, a in enumerate(self.order) if a >= 0}
        return [g.dimshuffle(*[back.get(axis, "x") for axis in range(inputs[0].type.ndim)])]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [None if tangents[0] is None else self(tangents[0])]

    def __str__(self) -> str:
        return f"DimShuffle{{{self.pattern}}}"


class Reshape(Op):
    """Give the elements, in C order, another shape. Inputs: the tensor, one 0-d int64 per new axis; one may be -1."""

    ndim: int

    def make_node(self, x: Any, *lengths: Any) -> Apply:
        x = as_tensor(x)
        dims = [as_length(n) for n in lengths]
        if len(dims) != self.ndim:
            raise ValueError(f"reshape to {self.ndim} dimensions got {len(dims)} lengths.")
        known = [static_length(d) for d in dims]
        if sum(k == -1 for k in known) > 1:
            raise ValueError(f"only one length of a reshape may be -1, got {known}.")
        given = [k for k in known if k is not None]
        if all(d is not None for d in x.type.shape) and len(given) == len(known):
            known = list(_solve(x.type.shape, given))
        shape = [None if k is None or k < 0 else k for k in known]
        return Apply(self, [x, *dims], [TensorType(x.type.dtype, shape)()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[SymbolicShape]) -> list[SymbolicShape]:
        lengths: list[Any] = []
        for d in node.inputs[1:]:
            known = static_length(d)
            lengths.append(d if known is None else known)
        result = list(lengths)
        for k, length in enumerate(lengths):
            if not _never_negative(length):
                free = _product(input_shapes[0]) // _at_least_one(_product(lengths[:k] + lengths[k + 1 :]))
                result[k] = free if isinstance(length, int) else _where_negative(length, free)
        return [tuple(result)]

    def perform(self, node: Apply, x: Any, *lengths: Any) -> Any:
        return x.reshape(_solve(x.shape, [int(n) for n in lengths]))

    def view(self, node: Apply) -> dict[int, int]:
        return {0: 0}

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True]] + [[False]] * self.ndim

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        x = inputs[0]
        lengths = [shape_i(x, i) for i in range(x.type.ndim)]
        return [Reshape(x.type.ndim)(output_grads[0], *lengths), *(disconnected() for _ in inputs[1:])]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [None if tangents[0] is None else self(tangents[0], *inputs[1:])]

    def __str__(self) -> str:
        return f"Reshape{{{self.ndim}}}"


def _solve(shape: Sequence[Any], lengths: Sequence[int]) -> tuple[int, ...]:
    size = int(np.prod(shape, dtype=np.int64)) if shape else 1
    rest = int(np.prod([n for n in lengths if n != -1], dtype=np.int64))
    if any(n < -1 for n in lengths) or list(lengths).count(-1) > 1:
        raise ValueError(f"cannot reshape {tuple(shape)} into {tuple(lengths)}: lengths are >= 0, one may be -1.")
    if -1 in lengths and rest and size % rest == 0:
        return tuple(size // rest if n == -1 else n for n in lengths)
    if -1 in lengths or rest != size:
        raise ValueError(f"cannot reshape {tuple(shape)} ({size} elements) into {tuple(lengths)}.")
    return tuple(lengths)


def _product(lengths: Sequence[Any]) -> Any:
    result: Any = 1
    for n in lengths:
        result = n if isinstance(result, int) and result == 1 else result * n
    return result


def _at_least_one(length: Any) -> Any:
    from symcore.tensor.scalar_functions import maximum

    return max(length, 1) if isinstance(length, int) else maximum(length, 1)


def _where_negative(length: Any, free: Any) -> Any:
    from symcore.tensor.scalar_functions import lt, switch

    return switch(lt(length, 0), free, length)


def _never_negative(length: Any) -> bool:
    """Tell whether a length is made of lengths by sums, products and quotients alone."""
    stack, seen = [length], {length}
    while stack:
        part = stack.pop()
        known = part if isinstance(part, int) else static_length(part)
        if known is not None:
            if known < 0:
                return False
            continue
        owner = part.owner
        if owner is None:
            return False
        if isinstance(owner.op, Shape_i):
            continue
        if getattr(getattr(owner.op, "fn", None), "name", "") not in ("mul", "add", "int_div"):
            return False
        new = [v for v in owner.inputs if v not in seen]
        seen.update(new)
        stack += new
    return True


class SpecifyShape(Op):
    """State lengths of a tensor: a view with a better type, checked at run time.

    Per axis a length, ``INPUT`` for one that is an input of the node (after the tensor, a 0-d int64 each), or ``None``
    to leave the axis open.
    """

    shape: tuple[int | str | None, ...]

    def make_node(self, x: Any, *lengths: Any) -> Apply:
        x = as_tensor(x)
        if len(self.shape) != x.type.ndim:
            raise ValueError(f"{x} has {x.type.ndim} dimensions, the stated shape {self.shape} has {len(self.shape)}.")
        if len(lengths) != self.shape.count(INPUT):
            raise TypeError(f"{self} takes {self.shape.count(INPUT)} lengths, got {len(lengths)}.")
        merged = []
        for axis, (stated, known) in enumerate(zip(self.shape, x.type.shape, strict=True)):
            if isinstance(stated, int) and known is not None and stated != known:
                raise ValueError(f"axis {axis} of {x} has length {known}; it cannot be stated to be {stated}.")
            merged.append(stated if isinstance(stated, int) else known)
        return Apply(self, [x, *map(as_length, lengths)], [TensorType(x.type.dtype, merged)()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[SymbolicShape]) -> list[SymbolicShape]:
        return [tuple(s if isinstance(s, int) else g for s, g in zip(self.shape, input_shapes[0], strict=True))]

    def perform(self, node: Apply, x: Any, *lengths: Any) -> Any:
        given = iter(lengths)
        for axis, (stated, got) in enumerate(zip(self.shape, x.shape, strict=True)):
            wanted = int(next(given)) if stated == INPUT else stated
            if wanted is not None and wanted != got:
                raise ValueError(f"axis {axis} was stated to have length {wanted}, the value has shape {x.shape}.")
        return x

    def view(self, node: Apply) -> dict[int, int]:
        return {0: 0}

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True]] + [[False]] * (len(node.inputs) - 1)

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        return [output_grads[0], *(disconnected() for _ in inputs[1:])]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [None if tangents[0] is None else self(tangents[0], *inputs[1:])]


class MakeVector(Op):
    """Put 0-d tensors of one dtype side by side into a vector."""

    def make_node(self, *items: Any) -> Apply:
        variables = [as_tensor(v) for v in items]
        if not variables or any(v.type.ndim for v in variables):
            raise TypeError(f"MakeVector takes at least one scalar, got {[str(v.type) for v in variables]}.")
        dtype = dtypes.upcast(*[v.type.dtype for v in variables])
        return Apply(self, [v.astype(dtype) for v in variables], [TensorType(dtype, (len(variables),))()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[SymbolicShape]) -> list[SymbolicShape]:
        return [(len(node.inputs),)]

    def perform(self, node: Apply, *items: Any) -> Any:
        return np.array(items, dtype=node.outputs[0].type.dtype)

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        return [output_grads[0][k] for k in range(len(inputs))]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [self(*[x.zeros_like() if t is None else t for x, t in zip(inputs, tangents, strict=True)])]


def reshape(x: Any, newshape: Any, ndim: int | None = None) -> Any:
    """Return ``x`` with another shape. ``newshape``: a tuple of ints and integer scalars, or an integer vector (then
    ``ndim`` must be given). One length may be -1. Raises ``ValueError`` for lengths that cannot be right."""
    x = as_tensor(x)
    lengths = shape_lengths(newshape, ndim)
    return Reshape(len(lengths))(x, *lengths)


def shape_lengths(shape: Any, ndim: int | None = None) -> list[Any]:
    """Return a shape given as an int, a tuple or an integer vector as a list of lengths."""
    if isinstance(shape, (int, np.integer)):
        shape = (shape,)
    if isinstance(shape, (tuple, list, np.ndarray)):
        if ndim is not None and ndim != len(shape):
            raise ValueError(f"the shape {shape} has {len(shape)} lengths, ndim says {ndim}.")
        return list(shape)
    vector = as_tensor(shape)
    if vector.type.ndim == 0:
        return [vector]
    if isinstance(vector, Constant) and vector.type.ndim == 1 and dtypes.is_discrete(vector.type.dtype):
        return [int(n) for n in vector.data]
    if isinstance(vector.owner, Apply) and isinstance(vector.owner.op, MakeVector):
        return list(vector.owner.inputs)
    if vector.owner is not None and isinstance(vector.owner.op, ShapeOf):
        source = vector.owner.inputs[0]
        return [shape_i(source, i) for i in range(source.type.ndim)]
    count = ndim if ndim is not None else vector.type.shape[0]
    if vector.type.ndim != 1 or count is None:
        raise ValueError(f"cannot tell how many dimensions the shape {shape} ({vector.type}) has; give ndim=.")
    return [vector[i] for i in range(count)]


def specify_shape(x: Any, shape: Any) -> Any:
    """State the shape of ``x``, to be checked when the function runs.

    ``shape``: a tuple of ints, integer scalars (symbolic ones too) and ``None``, which leaves a length open; or an
    integer vector. Raises ``ValueError`` for lengths that cannot be right.
    """
    x = as_tensor(x)
    entries: list[Any] = []
    lengths = []
    for d in shape if isinstance(shape, (tuple, list)) else shape_lengths(shape, x.type.ndim):
        known = d if d is None or isinstance(d, (int, np.integer)) else static_length(as_length(d))
        if d is not None and known is None:
            entries.append(INPUT)
            lengths.append(d)
        else:
            entries.append(None if known is None else int(known))
    stated = tuple(entries)
    return SpecifyShape(stated)(x, *lengths) if stated != x.type.shape else x


def addbroadcast(x: Any, *axes: int) -> Any:
    """State that ``x`` has length 1 along ``axes``, which makes them broadcastable. Checked when the function runs."""
    from symcore.tensor.reduce import normalize_axis

    x = as_tensor(x)
    wanted = normalize_axis(axes, x.type.ndim)
    return specify_shape(x, [1 if a in wanted else d for a, d in enumerate(x.type.shape)])
