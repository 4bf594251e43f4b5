"""Slices as variables: ``x[s]`` for a variable ``s`` whose values are Python's slices."""

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from symcore.graph.generic import NoneConst, NoneTypeT
from symcore.graph.null import disconnected
from symcore.graph.type import Type
from symcore.graph.variable import Apply, Constant, Variable
from symcore.op import Op, Shape
from symcore.tensor.shapes import as_length
from symcore.tensor.type import TensorType

_PARTS = ("start", "stop", "step")


class SliceType(Type):
    """Values are slices whose start, stop and step are integers or ``None``."""

    def filter(self, value: Any, strict: bool = False, allow_downcast: bool | None = None) -> slice:
        """Return the slice, with plain integers in it. Raises ``TypeError`` for anything else."""
        if not isinstance(value, slice):
            raise TypeError(f"expected a slice, such as slice(2, 5), got {value!r} ({type(value).__name__}).")
        parts: list[int | None] = []
        for name in _PARTS:
            part = getattr(value, name)
            try:
                parts.append(None if part is None else operator.index(part))
            except TypeError:
                raise TypeError(
                    f"the {name} of a slice must be an integer or None, got {part!r} ({type(part).__name__})."
                ) from None
        return slice(*parts)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))

    def __repr__(self) -> str:
        return "SliceType"

    __str__ = __repr__


class SliceVariable(Variable[SliceType]):
    """A symbolic slice. It indexes tensors: ``x[s]``, ``x[s, 0]``."""


class SliceConstant(Constant[SliceType]):
    """A slice in a graph."""

    def signature(self) -> Any:
        """Return a key of start, stop and step."""
        return SliceType, self.data.start, self.data.stop, self.data.step

    def __str__(self) -> str:
        if self.name is not None:
            return self.name
        start, stop, step = ("" if p is None else str(p) for p in (self.data.start, self.data.stop, self.data.step))
        return f"SliceConstant{{{start}:{stop}{':' + step if step else ''}}}"


SliceType.variable_class = SliceVariable
SliceType.constant_class = SliceConstant

#: The one type of its kind: ``slicetype("s")`` is a variable for a slice.
slicetype = SliceType()


def as_slice(value: Any) -> Any:
    """Return a slice as a variable: variables pass through, slices of integers become constants, others ``MakeSlice``.

    Raises ``TypeError`` for what is no slice.
    """
    if isinstance(value, Variable):
        if not isinstance(value.type, SliceType):
            raise TypeError(f"expected a slice, got {value} of type {value.type}.")
        return value
    if isinstance(value, slice) and any(isinstance(getattr(value, name), Variable) for name in _PARTS):
        return make_slice(value)
    return SliceConstant(slicetype, slicetype.filter(value))


def is_slice_variable(item: Any) -> bool:
    """Tell whether ``item`` is a variable whose values are slices."""
    return isinstance(item, Variable) and isinstance(item.type, SliceType)


def _part(value: Any) -> Any:
    if value is None:
        return NoneConst
    if isinstance(value, Variable) and isinstance(value.type, NoneTypeT):
        return value
    if isinstance(value, Variable) and not isinstance(value.type, TensorType):
        raise TypeError(f"a part of a slice must be an integer scalar or None, got {value} of type {value.type}.")
    return as_length(value)


class MakeSlice(Op):
    """``slice(start, stop, step)`` of integer scalars, or ``NoneConst`` where a part is left out."""

    def make_node(self, start: Any, stop: Any = None, step: Any = None) -> Apply:
        if isinstance(start, slice):
            if stop is not None or step is not None:
                raise TypeError(f"make_slice takes a slice or its parts, got {start}, {stop} and {step}.")
            start, stop, step = start.start, start.stop, start.step
        return Apply(self, [_part(start), _part(stop), _part(step)], [slicetype()])

    def perform(self, node: Apply, *parts: Any) -> Any:
        return slice(*[None if p is None else int(p) for p in parts])

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[False]] * 3

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        return [disconnected() for _ in inputs]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [None]


#: ``make_slice(start, stop, step)``, or ``make_slice(slice(start, stop))``: a slice whose parts may be variables.
make_slice = MakeSlice()


class SliceBounds(Op):
    """Three int64 scalars start, stop and step that select the same elements of an axis of ``length`` as a slice does.

    A slice as it is cannot be taken apart, for a part that is ``None`` is no number. Here it is one, and ``x[s]``
    becomes an ordinary part of a tensor, with the gradient, the shape and the C of one.
    """

    def make_node(self, s: Any, length: Any) -> Apply:
        return Apply(self, [as_slice(s), as_length(length)], [TensorType("int64", ())() for _ in _PARTS])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        return [(), (), ()]

    def perform(self, node: Apply, s: Any, length: Any) -> Any:
        n = int(length)
        if s.step == 0:
            raise ValueError("the step of a slice cannot be zero.")
        start, stop, step = s.indices(n)
        if step < 0:  # -1 means "before the first element" here, and "the last element" to whoever reads it again
            start, stop = (-n - 1 if k == -1 else k for k in (start, stop))
        return tuple(np.array(k, dtype=np.int64) for k in (start, stop, step))

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[False] * 3, [False] * 3]

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        return [disconnected() for _ in inputs]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [None] * 3


def plain_slice(s: Any, length: Any) -> slice:
    """Return a Python slice of integers and integer scalars that selects what the variable ``s`` does.

    ``length`` is a function that gives the length of the axis; it is asked only where that is needed.
    """
    if isinstance(s, Constant):
        return s.data  # type: ignore[no-any-return]
    if s.owner is not None and isinstance(s.owner.op, MakeSlice):
        return slice(*[None if isinstance(p.type, NoneTypeT) else p for p in s.owner.inputs])
    return slice(*SliceBounds()(s, length()))
