"""Making lists longer, shorter or in another order; each Op returns a new list and changes none.

Elements are copied with the lists, so that no two values of a graph share memory. An Op that takes an element also
takes what becomes one by the inner type's ``filter`` (a number for a list of tensors of floats).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from symcore.graph.generic import copied
from symcore.graph.null import disconnected
from symcore.graph.variable import Apply, Variable
from symcore.op import Op
from symcore.tensor.constant import as_tensor
from symcore.tensor.creation import zeros_like
from symcore.tensor.scalar_functions import clip, lt, switch
from symcore.tensor.shapes import as_length
from symcore.tensor.slices import as_slice, is_slice_variable
from symcore.tensor.type import TensorType
from symcore.typed_list.type import TypedListType, zeros


def as_list(value: Any, what: str) -> Any:
    """Return a variable whose values are lists: one that is given, or a Python list of variables made into one.

    Raises ``TypeError``, naming ``what`` asked for it, for anything else.
    """
    if isinstance(value, (list, tuple)) and value:
        return MakeList()(*value)
    if not isinstance(value, Variable) or not isinstance(value.type, TypedListType):
        raise TypeError(
            f"{what} takes a typed list, got {value!r} ({getattr(value, 'type', type(value).__name__)}). "
            "Make one with typed_list.make_list([x, y]), or as an input with TypedListType(inner)()."
        )
    return value


def as_element(value: Any, items: Any, what: str) -> Any:
    """Return a variable that can be an element of ``items``. Raises ``TypeError`` if it cannot."""
    wanted = items.type.ttype
    if not isinstance(value, Variable):
        try:
            value = wanted.constant_class(wanted, wanted.filter(value))
        except TypeError as error:
            raise TypeError(f"{what}: {value!r} cannot be an element of {items} ({items.type}): {error}") from None
    if not wanted.is_super(value.type):
        raise TypeError(
            f"{what}: {value} of type {value.type} cannot be an element of {items}, a list of {wanted}. "
            "Cast or reshape it first."
        )
    return value


def tangents_of(inputs: Sequence[Any], tangents: Sequence[Any], linear: Sequence[int]) -> list[Any] | None:
    """Return the inputs with tangents in the places ``linear``, zeros for those that are ``None``; ``None`` if all are.

    For Ops that are linear in these inputs: applied to this, they are their own Jacobian-vector product.
    """
    if all(tangents[k] is None for k in linear):
        return None
    moved = list(inputs)
    for k in linear:
        moved[k] = inputs[k].zeros_like() if tangents[k] is None else tangents[k]
    return moved


class _ListOp(Op):
    """What the Ops have in common that are linear in some of their inputs, and have no gradient to the others."""

    _linear: tuple[int, ...] = (0,)

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[k in self._linear] for k in range(len(node.inputs))]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        moved = tangents_of(inputs, tangents, self._linear)
        return [None if moved is None else self(*moved)]


class MakeList(Op):
    """The list of its inputs, which are of one type, or of types of which one takes in all others."""

    def make_node(self, *elements: Any) -> Apply:
        if not elements:
            raise ValueError("make_list needs at least one element; an empty list can be a value of TypedListType.")
        variables = [v if isinstance(v, Variable) else as_tensor(v) for v in elements]
        inner = variables[0].type
        for v in variables[1:]:
            inner = v.type if v.type.is_super(inner) else inner
        inner = _common(inner, variables)
        return Apply(self, variables, [TypedListType(inner)()])

    def perform(self, node: Apply, *elements: Any) -> Any:
        return ([copied(x) for x in elements],)

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        return [GetItem()(output_grads[0], k) for k in range(len(inputs))]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        moved = tangents_of(inputs, tangents, range(len(inputs)))
        return [None if moved is None else self(*moved)]


def _common(inner: Any, variables: Sequence[Any]) -> Any:
    """Return a type for all variables. Tensors of one dtype and rank have one: lengths that differ are open."""
    if all(inner.is_super(v.type) for v in variables):
        return inner
    types = [v.type for v in variables]
    if all(isinstance(t, TensorType) and t.dtype == inner.dtype and t.ndim == inner.ndim for t in types):
        lengths = [set(n) for n in zip(*(t.shape for t in types), strict=True)]
        return TensorType(inner.dtype, [n.pop() if len(n) == 1 else None for n in lengths])
    raise TypeError(
        f"the elements of a typed list are of one type, got {', '.join(map(str, types))}. Cast or reshape them first."
    )


class GetItem(_ListOp):
    """``l[index]``: an element for an integer scalar, a list for a slice (a Python one, or a variable)."""

    def make_node(self, items: Any, index: Any) -> Apply:
        items = as_list(items, "getitem")
        if isinstance(index, slice) or is_slice_variable(index):
            return Apply(self, [items, as_slice(index)], [items.type()])
        return Apply(self, [items, as_length(index)], [items.type.ttype()])

    def perform(self, node: Apply, items: Any, index: Any) -> Any:
        part = items[index if isinstance(index, slice) else _position(index, items)]
        return (copied(part),)

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        return [PlaceItem()(*inputs, output_grads[0]), disconnected()]


def _position(index: Any, items: Any) -> int:
    k = int(index)
    if not -len(items) <= k < len(items):
        raise IndexError(f"index {k} is out of bounds for a list of {len(items)} elements.")
    return k


class PlaceItem(_ListOp):
    """Zeros like a list, with ``part`` where ``index`` says: the gradient of ``GetItem``. Inputs: list, index, part."""

    _linear = (2,)

    def make_node(self, items: Any, index: Any, part: Any) -> Apply:
        got = GetItem().make_node(items, index)
        if not got.outputs[0].type.is_super(part.type):
            raise TypeError(f"{self} puts {got.outputs[0].type} in its place, got {part} of type {part.type}.")
        return Apply(self, [*got.inputs, part], [got.inputs[0].type()])

    def perform(self, node: Apply, items: Any, index: Any, part: Any) -> Any:
        result = zeros(node.inputs[0].type, items)
        result[index if isinstance(index, slice) else _position(index, items)] = copied(part)
        return (result,)

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        return [disconnected(), disconnected(), GetItem()(output_grads[0], inputs[1])]


class ZerosLike(Op):
    """Zeros like a list: as many elements, each of the shape it has."""

    def make_node(self, items: Any) -> Apply:
        items = as_list(items, "zeros_like")
        return Apply(self, [items], [items.type()])

    def perform(self, node: Apply, items: Any) -> Any:
        return (zeros(node.inputs[0].type, items),)

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[False]]

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        return [disconnected()]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [None]


class AddElements(_ListOp):
    """The sums of the elements of two lists of the same length: how gradients with respect to a list add up."""

    _linear = (0, 1)

    def make_node(self, a: Any, b: Any) -> Apply:
        a, b = as_list(a, "add"), as_list(b, "add")
        if a.type != b.type:
            raise TypeError(f"{self} adds lists of one type, got {a.type} and {b.type}.")
        return Apply(self, [a, b], [a.type()])

    def perform(self, node: Apply, a: Any, b: Any) -> Any:
        return (_added(a, b),)

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        return [output_grads[0], output_grads[0]]


def _added(a: Any, b: Any) -> Any:
    if not isinstance(a, list):
        return np.asarray(a + b)
    if len(a) != len(b):
        raise ValueError(f"lists of {len(a)} and {len(b)} elements cannot be added element by element.")
    return [_added(x, y) for x, y in zip(a, b, strict=True)]


class Append(_ListOp):
    """The list with one more element at its end."""

    _linear = (0, 1)

    def make_node(self, items: Any, element: Any) -> Apply:
        items = as_list(items, "append")
        return Apply(self, [items, as_element(element, items, "append")], [items.type()])

    def perform(self, node: Apply, items: Any, element: Any) -> Any:
        return ([*copied(items), copied(element)],)

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        [g] = output_grads
        return [g[:-1], g[-1]]


class Extend(_ListOp):
    """One list, then the elements of another."""

    _linear = (0, 1)

    def make_node(self, items: Any, more: Any) -> Apply:
        items, more = as_list(items, "extend"), as_list(more, "extend")
        if not items.type.is_super(more.type):
            raise TypeError(f"extend: {more} of type {more.type} cannot follow {items}, which is a {items.type}.")
        return Apply(self, [items, more], [items.type()])

    def perform(self, node: Apply, items: Any, more: Any) -> Any:
        return ([*copied(items), *copied(more)],)

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        [items, _], [g] = inputs, output_grads
        return [g[: items.length()], g[items.length() :]]


class Insert(_ListOp):
    """The list with one more element before position ``index``. Inputs: list, index, element."""

    _linear = (0, 2)

    def make_node(self, items: Any, index: Any, element: Any) -> Apply:
        items = as_list(items, "insert")
        return Apply(self, [items, as_length(index), as_element(element, items, "insert")], [items.type()])

    def perform(self, node: Apply, items: Any, index: Any, element: Any) -> Any:
        result = copied(items)
        result.insert(int(index), copied(element))
        return (result,)

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        [items, index, _], [g] = inputs, output_grads
        n = items.length()
        k = clip(switch(lt(index, 0), index + n, index), 0, n)  # an index beyond the ends means the end
        return [Extend()(g[:k], g[k + 1 :]), disconnected(), g[k]]


class Remove(_ListOp):
    """The list without its first element that equals the given one."""

    def make_node(self, items: Any, element: Any) -> Apply:
        items = as_list(items, "remove")
        return Apply(self, [items, as_element(element, items, "remove")], [items.type()])

    def perform(self, node: Apply, items: Any, element: Any) -> Any:
        k = find(node, items, element)
        return (copied([*items[:k], *items[k + 1 :]]),)

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        items, element = inputs
        k = items.ind(element)
        return [Insert()(output_grads[0], k, zeros_like(items[k])), disconnected()]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        items, element = inputs
        if tangents[0] is None:
            return [None]
        k, moved = items.ind(element), tangents[0]
        return [Extend()(moved[:k], moved[k + 1 :])]


def find(node: Apply, items: Any, element: Any) -> int:
    """Return the position of the first element that equals the given one. Raises ``ValueError`` if there is none."""
    ttype = node.inputs[0].type.ttype
    for k, x in enumerate(items):
        if ttype.values_eq(x, element):
            return k
    raise ValueError(f"{node.op}: none of the {len(items)} elements of the list equals the one asked for.")


class Reverse(_ListOp):
    """The list from its end to its beginning."""

    def make_node(self, items: Any) -> Apply:
        items = as_list(items, "reverse")
        return Apply(self, [items], [items.type()])

    def perform(self, node: Apply, items: Any) -> Any:
        return (copied(items[::-1]),)

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        return [self(output_grads[0])]
