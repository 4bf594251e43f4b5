"""Reading and writing parts of tensors, as NumPy indexes them: basic, by integer arrays, by masks."""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from symcore.graph.null import disconnected
from symcore.graph.variable import Apply
from symcore.op import Op, Shape
from symcore.tensor.broadcast import static_broadcast
from symcore.tensor.constant import as_tensor
from symcore.tensor.elemwise import unbroadcast_to
from symcore.tensor.indexing import (
    FULL,
    INPUT,
    advanced_position,
    as_index_array,
    basic_shape,
    count_inputs,
    fill,
    show,
    split,
    static_slice,
)
from symcore.tensor.reduce import one_axis
from symcore.tensor.scalar_functions import clip, eq, switch
from symcore.tensor.shapes import DimShuffle, Shape_i, as_length, shape_i
from symcore.tensor.slices import is_slice_variable, plain_slice
from symcore.tensor.type import TensorType


def _check_rank(entries: Sequence[Any], x: Any) -> None:
    if len(entries) > x.type.ndim:
        raise IndexError(
            f"too many indices: {x} has {x.type.ndim} dimensions, the index [{show(entries)}] has {len(entries)}."
        )


class Subtensor(Op):
    """``x[entries]`` for integers and slices; a view. Inputs: ``x``, then the symbolic integers in order."""

    entries: tuple[Any, ...]

    def make_node(self, x: Any, *scalars: Any) -> Apply:
        x = as_tensor(x)
        _check_rank(self.entries, x)
        if len(scalars) != count_inputs(self.entries):
            raise TypeError(f"{self} takes {count_inputs(self.entries)} scalars, got {len(scalars)}.")
        shape: list[int | None] = []
        for axis, entry in enumerate(self.entries):
            known = x.type.shape[axis]
            if isinstance(entry, tuple):
                shape.append(static_slice(known, *entry[1:]))
            elif known is not None and entry != INPUT and not -known <= entry < known:
                raise IndexError(f"index {entry} is out of bounds for axis {axis} of {x}, which has length {known}.")
        shape += x.type.shape[len(self.entries) :]
        return Apply(self, [x, *scalars], [TensorType(x.type.dtype, shape)()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        return [tuple(basic_shape(self.entries, input_shapes[0], iter(node.inputs[1:])))]

    def perform(self, node: Apply, x: Any, *scalars: Any) -> Any:
        return x[(*fill(self.entries, iter(scalars)), ...)]  # with the dots a view, of 0-d results too

    def view(self, node: Apply) -> dict[int, int]:
        return {0: 0}

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True]] + [[False]] * (len(node.inputs) - 1)

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        x, *scalars = inputs
        g = IncSubtensor(self.entries)(x.zeros_like(), output_grads[0], *scalars)
        return [g, *(disconnected() for _ in scalars)]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [None if tangents[0] is None else self(tangents[0], *inputs[1:])]

    def __str__(self) -> str:
        return f"Subtensor{{{show(self.entries)}}}"

    __repr__ = __str__


class IncSubtensor(Op):
    """``x`` with ``x[entries] += y``, or if ``set_instead`` ``x[entries] = y``. Inputs: ``x``, ``y``, integers."""

    entries: tuple[Any, ...]
    set_instead: bool = False

    def make_node(self, x: Any, y: Any, *scalars: Any) -> Apply:
        x = as_tensor(x)
        part = Subtensor(self.entries).make_node(x, *scalars).outputs[0]
        y = _fitting(as_tensor(y), x, part.type)
        return Apply(self, [x, y, *scalars], [x.type()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        return [input_shapes[0]]

    def perform(self, node: Apply, x: Any, y: Any, *scalars: Any) -> Any:
        result = x.copy()
        index = fill(self.entries, iter(scalars))
        _check_part(self, result[index].shape, y.shape, node.inputs[1].type)
        with np.errstate(all="ignore"):
            if self.set_instead:
                result[index] = y
            else:
                result[index] += y
        return result

    def inplace(self, node: Apply) -> dict[int, tuple[int, ...]]:
        return {0: (0,)}

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True], [True]] + [[False]] * (len(node.inputs) - 2)

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        [_, y, *scalars], [g] = inputs, output_grads
        by_x = IncSubtensor(self.entries, True)(g, y.zeros_like(), *scalars) if self.set_instead else g
        by_y = unbroadcast_to(Subtensor(self.entries)(g, *scalars), y)
        return [by_x, by_y, *(disconnected() for _ in scalars)]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [_inc_tangent(self, inputs, tangents)]

    def __str__(self) -> str:
        return f"{'Set' if self.set_instead else 'Inc'}Subtensor{{{show(self.entries)}}}"

    __repr__ = __str__


def _inc_tangent(op: Op, inputs: Any, tangents: Any) -> Any:
    [x, y, *rest], [u, v, *_] = inputs, tangents
    if u is None and v is None:
        return None
    return op(x.zeros_like() if u is None else u, y.zeros_like() if v is None else v, *rest)


def _fitting(y: Any, x: Any, part: TensorType) -> Any:
    """Cast what is written to the dtype of ``x``; refuse a loss of precision or more dimensions than there are."""
    if y.type.dtype is not x.type.dtype:
        if np.promote_types(y.type.dtype, x.type.dtype) != x.type.dtype and not _weak_constant(y, x):
            raise TypeError(
                f"cannot write {y.type} into {x.type} without losing precision; cast it: y.astype('{x.type.dtype}')."
            )
        y = y.astype(x.type.dtype)
    if y.type.ndim > part.ndim:
        raise ValueError(f"cannot write {y} of {y.type.ndim} dimensions into a part of {part.ndim} dimensions.")
    if static_broadcast([part, y.type], "writing into a part") != part.shape and part.ndim:
        for axis in range(-y.type.ndim, 0):
            if part.shape[axis] == 1 and y.type.shape[axis] not in (None, 1):
                raise ValueError(f"cannot write shape {y.type.shape} into a part of shape {part.shape}.")
    return y


def _weak_constant(y: Any, x: Any) -> bool:
    from symcore.tensor.constant import constant_value

    value = constant_value(y)
    if value is None or value.ndim:
        return False
    if x.type.dtype.kind in "iu" and value.dtype.kind in "iu":
        info = np.iinfo(x.type.dtype.name)
        return bool(info.min <= int(value) <= info.max)
    return x.type.dtype.kind in "fc" and value.dtype.kind in "biuf"


def _check_part(op: Any, part: tuple[int, ...], y: tuple[int, ...], y_type: TensorType) -> None:
    offset = len(part) - len(y)
    for axis, got in enumerate(y):
        if got != part[offset + axis] and y_type.shape[axis] != 1:
            hint = " A length of 1 is stretched only if the type says so: see T.addbroadcast." if got == 1 else ""
            raise ValueError(f"{op}: cannot write a value of shape {y} into a part of shape {part}.{hint}")


class AdvancedSubtensor(Op):
    """``x[entries]`` with integer arrays among the entries (``"array"``), placed as NumPy does; a copy.

    Inputs: ``x``, then arrays and symbolic integers in the order of the entries.
    """

    entries: tuple[Any, ...]

    def make_node(self, x: Any, *indices: Any) -> Apply:
        x = as_tensor(x)
        _check_rank(self.entries, x)
        indices = tuple(_index_input(v) for v in indices)
        return Apply(self, [x, *indices], [TensorType(x.type.dtype, _advanced_static(self.entries, x, indices))()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        return [_advanced_shape(self.entries, input_shapes[0], node.inputs[1:], input_shapes[1:])]

    def perform(self, node: Apply, x: Any, *indices: Any) -> Any:
        return np.asarray(x[_advanced_index(self.entries, indices)])

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True]] + [[False]] * (len(node.inputs) - 1)

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        x, *indices = inputs
        g = AdvancedIncSubtensor(self.entries)(x.zeros_like(), output_grads[0], *indices)
        return [g, *(disconnected() for _ in indices)]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [None if tangents[0] is None else self(tangents[0], *inputs[1:])]

    def __str__(self) -> str:
        return f"AdvancedSubtensor{{{show_advanced(self.entries)}}}"

    __repr__ = __str__


class AdvancedIncSubtensor(Op):
    """``x`` with ``x[entries] += y`` (duplicates add up) or, with ``set_instead``, ``= y`` (the last one wins)."""

    entries: tuple[Any, ...]
    set_instead: bool = False

    def make_node(self, x: Any, y: Any, *indices: Any) -> Apply:
        x = as_tensor(x)
        part = AdvancedSubtensor(self.entries).make_node(x, *indices)
        return Apply(self, [x, _fitting(as_tensor(y), x, part.outputs[0].type), *part.inputs[1:]], [x.type()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        return [input_shapes[0]]

    def perform(self, node: Apply, x: Any, y: Any, *indices: Any) -> Any:
        result = x.copy()
        index = _advanced_index(self.entries, indices)
        part = result[index].shape
        _check_part(self, part, y.shape, node.inputs[1].type)
        if self.set_instead:
            result[index] = y
        else:
            with np.errstate(all="ignore"):
                np.add.at(result, index, y)
        return result

    def inplace(self, node: Apply) -> dict[int, tuple[int, ...]]:
        return {0: (0,)}

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True], [True]] + [[False]] * (len(node.inputs) - 2)

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        [_, y, *indices], [g] = inputs, output_grads
        by_x = AdvancedIncSubtensor(self.entries, True)(g, y.zeros_like(), *indices) if self.set_instead else g
        by_y = unbroadcast_to(AdvancedSubtensor(self.entries)(g, *indices), y)
        return [by_x, by_y, *(disconnected() for _ in indices)]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [_inc_tangent(self, inputs, tangents)]

    def __str__(self) -> str:
        return f"Advanced{'Set' if self.set_instead else 'Inc'}Subtensor{{{show_advanced(self.entries)}}}"

    __repr__ = __str__


def show_advanced(entries: Sequence[Any]) -> str:
    """Return entries with arrays as they would be typed."""
    return ", ".join("[?]" if e == "array" else show([e]) for e in entries)


def _index_input(v: Any) -> Any:
    v = as_tensor(v)
    if v.type.dtype.kind not in "iu":
        raise TypeError(f"an index array must hold integers, got {v.type}.")
    return v if v.type.dtype.name == "int64" else v.astype("int64")


def _advanced_index(entries: Sequence[Any], values: Sequence[Any]) -> tuple[Any, ...]:
    taken = iter(values)
    return tuple(next(taken) if e == "array" else fill([e], taken)[0] for e in entries)


def _arrays(entries: Sequence[Any]) -> list[int]:
    """Return the positions of the index arrays among the inputs that the entries take."""
    positions, at = [], 0
    for e in entries:
        if e == "array":
            positions.append(at)
        at += 1 if e == "array" else count_inputs([e])
    return positions


def _advanced_static(entries: Sequence[Any], x: Any, indices: Sequence[Any]) -> list[int | None]:
    joint = static_broadcast([indices[k].type for k in _arrays(entries)], "index arrays")
    kept = [static_slice(x.type.shape[axis], *e[1:]) for axis, e in enumerate(entries) if isinstance(e, tuple)]
    at = sum(isinstance(e, tuple) for e in entries[: advanced_position(entries)])
    return [*kept[:at], *joint, *kept[at:], *x.type.shape[len(entries) :]]


def _advanced_shape(
    entries: Sequence[Any], shape: Shape, indices: Sequence[Any], index_shapes: Sequence[Shape]
) -> Shape:
    positions = _arrays(entries)
    joint = _joint_shape([indices[k] for k in positions], [index_shapes[k] for k in positions])
    taken, kept = iter(indices), []
    for axis, e in enumerate(entries):
        if isinstance(e, tuple):
            kept.append(basic_shape([e], (shape[axis],), taken)[0])
        elif e == "array":
            next(taken)
    at = sum(isinstance(e, tuple) for e in entries[: advanced_position(entries)])
    return (*kept[:at], *joint, *kept[at:], *shape[len(entries) :])


def _joint_shape(arrays: Sequence[Any], shapes: Sequence[Shape]) -> Shape:
    """Return the shape that index arrays have together.

    Unlike the operands of elementwise work, they are stretched along every axis whose length turns out to be 1: nothing
    is differentiated with respect to them.
    """
    ndim = max(v.type.ndim for v in arrays)
    result: list[Any] = []
    for axis in range(-ndim, 0):
        lengths: dict[Any, Any] = {}
        for v, shape in zip(arrays, shapes, strict=True):
            if v.type.ndim >= -axis and v.type.shape[axis] != 1:
                lengths.setdefault(_measured(shape[axis]), shape[axis])
        result.append(_joint_length(list(lengths.values())))
    return tuple(result)


def _joint_length(lengths: Sequence[Any]) -> Any:
    """Return the one length that is not 1, or 1: ``switch(eq(a, 1), b, a)`` for two that are not known."""
    for length in lengths:
        if isinstance(length, int) and length != 1:
            return length
    open_lengths = [length for length in lengths if not isinstance(length, int)]
    if not open_lengths:
        return 1
    *others, joint = open_lengths
    for length in reversed(others):
        joint = switch(eq(length, 1), joint, length)
    return joint


def _measured(length: Any) -> Any:
    """Return what is the same for lengths that are certainly equal."""
    owner = getattr(length, "owner", None)
    if owner is None or not isinstance(owner.op, Shape_i):
        return length
    node = owner.inputs[0].owner
    # The positions that one mask chooses: as many along each axis.
    return node if node is not None and isinstance(node.op, Nonzero) else (owner.op, owner.inputs[0])


class Nonzero(Op):
    """The positions of the elements that are not zero: one int64 vector per axis. Their length depends on the values.

    Inputs: the tensor and, if it is a mask, the lengths of the axes that it indexes, which must be its own.
    """

    def make_node(self, x: Any, *lengths: Any) -> Apply:
        x = as_tensor(x)
        if not x.type.ndim:
            raise ValueError("nonzero of a scalar is not defined; compare it instead.")
        if len(lengths) not in (0, x.type.ndim):
            raise TypeError(f"a mask of {x.type.ndim} dimensions indexes as many axes, got {len(lengths)} lengths.")
        outputs = [TensorType("int64", (None,))() for _ in range(x.type.ndim)]
        return Apply(self, [x, *map(as_length, lengths)], outputs)

    def perform(self, node: Apply, x: Any, *lengths: Any) -> Any:
        indexed = tuple(int(n) for n in lengths)
        if indexed and x.shape != indexed:
            raise IndexError(f"a mask of shape {x.shape} cannot index axes of lengths {indexed}.")
        found = tuple(np.asarray(v, dtype=np.int64) for v in np.nonzero(x))
        return found if len(found) > 1 else found[0]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[False] * len(node.outputs) for _ in node.inputs]

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        return [disconnected() for _ in inputs]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [None] * len(outputs)


def nonzero(x: Any) -> tuple[Any, ...]:
    """Return the positions of the elements that are not zero, one vector per axis."""
    return tuple(Nonzero().make_node(x).outputs)


def getitem(x: Any, item: Any) -> Any:
    """Return ``x[item]``: integers, slices, ``None``, ``...``, integer arrays, masks, mixtures as NumPy has them."""
    x = as_tensor(x)
    items = list(item) if isinstance(item, tuple) else [item]
    if not isinstance(item, tuple) and isinstance(item, list):
        items = [item]
    plain = all(isinstance(i, slice) or i is Ellipsis for i in items) and bool(items) and x.type.ndim > 0
    x, entries, inputs, arrays, apart = _take_apart(x, items)
    while entries and entries[-1] == FULL:
        entries.pop()
    if not entries:  # x[:] and x[...] are parts of x that can be written to; x[None] is no more than a view
        return Subtensor((FULL,))(x) if plain else x
    part = (AdvancedSubtensor if arrays else Subtensor)(tuple(entries))(x, *inputs)
    return _joint_axes_first(part, entries) if arrays and apart is not None and _between(entries, apart) else part


def _between(entries: Sequence[Any], at: int) -> bool:
    """Tell whether there are index arrays on both sides of a position."""
    return "array" in entries[:at] and "array" in entries[at:]


def _joint_axes_first(part: Any, entries: Sequence[Any]) -> Any:
    """Move the axes of the index arrays to the front: NumPy takes arrays for apart that have ``...`` between them, even
    where that stands for no axis."""
    position = advanced_position(entries)
    if not position:
        return part
    first = sum(isinstance(e, tuple) for e in entries[:position])
    last = part.type.ndim - (part.owner.inputs[0].type.ndim - len(entries))
    last -= sum(isinstance(e, tuple) for e in entries[position:])
    return part.dimshuffle(*range(first, last), *range(first), *range(last, part.type.ndim))


def _take_apart(x: Any, items: list[Any]) -> tuple[Any, list[Any], list[Any], bool, int | None]:
    """Insert the new axes, spell out ``...`` and masks.

    Return the tensor, the entries, their inputs, whether there are arrays among them, and before which entry there was
    a ``...`` that stood for no axis.
    """
    arrays: list[Any] = [as_index_array(i) for i in items]
    spans = [_span(item, array) for item, array in zip(items, arrays, strict=True)]
    used = sum(s for s in spans if s is not None)
    if spans.count(None) > 1:
        raise IndexError("an index can hold only one '...'.")
    if used > x.type.ndim:
        raise IndexError(f"too many indices: {x} has {x.type.ndim} dimensions, {used} were given.")
    full: list[tuple[Any, Any]] = []
    axis = 0
    apart = None
    for item, array, span in zip(items, arrays, spans, strict=True):
        if span is None:
            apart = len(full) if used == x.type.ndim else None
            full += [(slice(None), None)] * (x.type.ndim - used)
        elif array is not None and array.type.dtype.kind == "b":
            full += [(None, v) for v in _mask_positions(x, axis, array)]
        else:
            full.append((item, array))
        axis += x.type.ndim - used if span is None else span
    x = _insert_axes(x, full)
    entries: list[Any] = []
    inputs: list[Any] = []
    for axis, (item, array) in enumerate(full):
        if is_slice_variable(item):
            item = plain_slice(item, functools.partial(shape_i, x, axis))
        entry, needed = ("array", [array]) if array is not None else (FULL, []) if item is None else split(item)
        entries.append(entry)
        inputs += needed
    has_arrays = "array" in entries
    if has_arrays:  # integers beside arrays broadcast with them, as NumPy does
        entries, inputs = _scalars_to_inputs(entries, inputs)
    return x, entries, inputs, has_arrays, apart


def _span(item: Any, array: Any) -> int | None:
    """Return how many axes of the tensor an item takes; ``None`` for ``...``, which takes the rest."""
    if array is None:
        return None if item is Ellipsis else 0 if item is None else 1
    if array.type.dtype.kind != "b":
        return 1
    if array.type.ndim == 0:
        raise TypeError("a single truth value cannot be used as an index; use T.switch.")
    return int(array.type.ndim)


def _mask_positions(x: Any, axis: int, mask: Any) -> tuple[Any, ...]:
    """Return the positions that a mask on the axes of ``x`` from ``axis`` on chooses; their lengths must be its own."""
    lengths = x.type.shape[axis : axis + mask.type.ndim]
    for k, (wanted, got) in enumerate(zip(lengths, mask.type.shape, strict=True)):
        if None not in (wanted, got) and wanted != got:
            raise IndexError(f"a mask of length {got} cannot index axis {axis + k} of {x}, which has length {wanted}.")
    if None not in lengths and lengths == mask.type.shape:
        return nonzero(mask)
    return tuple(Nonzero().make_node(mask, *(shape_i(x, axis + k) for k in range(mask.type.ndim))).outputs)


def _scalars_to_inputs(entries: list[Any], inputs: list[Any]) -> tuple[list[Any], list[Any]]:
    from symcore.tensor.constant import constant

    taken, new_inputs, new_entries = iter(inputs), [], []
    for e in entries:
        if isinstance(e, int):
            new_entries.append("array")
            new_inputs.append(constant(e, dtype="int64"))
        elif e == INPUT:
            new_entries.append("array")
            new_inputs.append(next(taken))
        else:
            new_entries.append(e)
            new_inputs += [next(taken) for _ in range(1 if e == "array" else count_inputs([e]))]
    return new_entries, new_inputs


def _insert_axes(x: Any, full: list[tuple[Any, Any]]) -> Any:
    if all(item is not None or array is not None for item, array in full):
        return x
    pattern: list[Any] = []
    axis = 0
    for item, array in full:
        if item is None and array is None:
            pattern.append("x")
        else:
            pattern.append(axis)
            axis += 1
    longer = x.dimshuffle(*pattern, *range(axis, x.type.ndim))
    longer.tag.new_axes = True  # of the index: what is written to such a part is written to x
    return longer


def inc_subtensor(
    x: Any,
    y: Any,
    inplace: bool = False,
    tolerate_inplace_aliasing: bool = False,
    set_instead: bool = False,
    ignore_duplicates: bool = False,
) -> Any:
    """Return the tensor of which ``x`` is a part, with ``y`` added to that part; duplicates in an index add up.

    ``x`` must be the result of indexing (``T.inc_subtensor(a[2:5], 1)``), and ``y`` broadcasts to its shape.
    ``set_instead``: as ``set_subtensor``. ``inplace``, ``tolerate_inplace_aliasing`` and ``ignore_duplicates`` are
    read and have no influence: the compiler decides what is done in place.

    Raises ``TypeError`` for an ``x`` that is no part, or a dtype of ``y`` that does not fit.
    """
    part = as_tensor(x)
    owner = part.owner
    if owner is not None and isinstance(owner.op, DimShuffle) and sorted(owner.op.order) == list(range(part.type.ndim)):
        inner = owner.inputs[0].owner
        if inner is not None and isinstance(inner.op, (Subtensor, AdvancedSubtensor)):
            back = _transposed_back(as_tensor(y), owner.op.order)
            return inc_subtensor(owner.inputs[0], back, set_instead=set_instead)
    if owner is None or not isinstance(owner.op, (Subtensor, AdvancedSubtensor)):
        raise TypeError(
            f"set_subtensor and inc_subtensor take an indexed tensor, such as a[1:3]; got {x}. "
            "For the whole of it use a[:]."
        )
    source, *indices = owner.inputs
    kind = IncSubtensor if isinstance(owner.op, Subtensor) else AdvancedIncSubtensor
    changed = kind(owner.op.entries, set_instead)(source, y, *indices)
    if getattr(source.tag, "new_axes", False):
        return changed.dimshuffle(*[a for a, of in enumerate(source.owner.op.order) if of >= 0])
    return changed


def _transposed_back(y: Any, order: Sequence[int]) -> Any:
    """Return what is written into a part whose axes were put into ``order``, with axes as they were before."""
    if y.type.ndim > len(order):
        raise ValueError(f"cannot write {y} of {y.type.ndim} dimensions into a part of {len(order)} dimensions.")
    y = y.dimshuffle(*["x"] * (len(order) - y.type.ndim), *range(y.type.ndim))
    return y.dimshuffle(*[order.index(a) for a in range(len(order))])


def set_subtensor(x: Any, y: Any, inplace: bool = False, tolerate_inplace_aliasing: bool = False) -> Any:
    """Return the tensor of which ``x`` is a part, with that part replaced by ``y``.

    ``x`` must be the result of indexing; of a position that comes twice the last value counts. ``inplace`` and
    ``tolerate_inplace_aliasing`` are read and have no influence. Raises ``TypeError`` as ``inc_subtensor`` does.
    """
    return inc_subtensor(x, y, set_instead=True)


def take(x: Any, indices: Any, axis: int | None = None, mode: str = "raise") -> Any:
    """Return the elements of ``x`` at ``indices`` along ``axis`` (of the flattened tensor by default).

    ``mode``: what happens out of bounds: ``raise``, ``wrap`` or ``clip``. Raises ``ValueError`` for another mode or an
    axis out of range.
    """
    if mode not in ("raise", "wrap", "clip"):
        raise ValueError(f"take has the modes 'raise', 'wrap' and 'clip', got {mode!r}.")
    x = as_tensor(x)
    if axis is None:
        x, axis = x.flatten(), 0
    axis = one_axis(axis, x.type.ndim)
    indices = as_tensor(indices)
    if mode != "raise":
        n = shape_i(x, axis)
        indices = indices % n if mode == "wrap" else clip(indices, 0, n - 1)
    return getitem(x, (*[slice(None)] * axis, indices))
