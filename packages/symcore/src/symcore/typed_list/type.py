"""``TypedListType``: Python lists whose elements are all values of one type."""

from typing import Any

import numpy as np

from symcore.graph.generic import copied, plain_key
from symcore.graph.shared import Container, SharedVariable
from symcore.graph.type import Type
from symcore.graph.variable import Constant, Variable


class TypedListType(Type):
    """Lists of values of ``inner``.

    Parameters
    ----------
    inner
        The type of the elements: a ``TensorType``, or any other.
    depth
        How many more lists stand around: ``TypedListType(t, 1)`` is ``TypedListType(TypedListType(t))``.

    Lists may have any length, and their elements any lengths that ``inner`` leaves open. Raises ``TypeError`` when
    ``inner`` is no type, ``ValueError`` for a negative depth.
    """

    def __init__(self, inner: Type, depth: int = 0):
        if not isinstance(inner, Type):
            raise TypeError(f"TypedListType takes the type of the elements, got {inner!r} ({type(inner).__name__}).")
        if depth < 0:
            raise ValueError(f"the depth of a TypedListType is zero or more, got {depth}.")
        self.ttype: Type = inner if depth == 0 else TypedListType(inner, depth - 1)

    @property
    def depth(self) -> int:
        """How many lists stand around the elements, less one."""
        return self.ttype.depth + 1 if isinstance(self.ttype, TypedListType) else 0

    def filter(self, value: Any, strict: bool = False, allow_downcast: bool | None = None) -> list[Any]:
        """Return a list whose elements are values of the inner type: ``value`` itself if it is one already.

        Tuples are taken for lists unless ``strict``. Raises ``TypeError``, naming the element, for what does not fit.
        """
        if not isinstance(value, list) and (strict or not isinstance(value, tuple)):
            raise TypeError(f"expected a list for {self}, got {_shown(value)}.")
        elements = []
        for position, element in enumerate(value):
            try:
                elements.append(self.ttype.filter(element, strict, allow_downcast))
            except TypeError as error:
                raise TypeError(f"element {position} of the list does not fit {self}: {error}") from None
        same = isinstance(value, list) and all(a is b for a, b in zip(elements, value, strict=True))
        return value if same else elements  # type: ignore[return-value]

    def is_super(self, other: Type) -> bool:
        """Tell whether every value of ``other`` is a value of this type."""
        return isinstance(other, TypedListType) and self.ttype.is_super(other.ttype)

    def values_eq(self, a: Any, b: Any) -> bool:
        """Tell whether two lists have equal elements in the same places; NaN equals NaN."""
        return len(a) == len(b) and all(self.ttype.values_eq(x, y) for x, y in zip(a, b, strict=True))

    def values_eq_approx(self, a: Any, b: Any) -> bool:
        """Tell whether two lists have the same elements up to rounding."""
        return len(a) == len(b) and all(self.ttype.values_eq_approx(x, y) for x, y in zip(a, b, strict=True))

    def may_share_memory(self, a: Any, b: Any) -> bool:
        """Tell whether changing ``a``, or one of its elements, could change ``b``."""
        if a is b:
            return True
        if not (isinstance(a, list) and isinstance(b, list)):
            return False
        return any(self.ttype.may_share_memory(x, y) for x in a for y in b)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TypedListType) and self.ttype == other.ttype

    def __hash__(self) -> int:
        return hash((TypedListType, self.ttype))

    def __repr__(self) -> str:
        return f"TypedList({self.ttype})"

    __str__ = __repr__


def element_key(ttype: Type, value: Any) -> Any:
    """Return a hashable key of a value: by content for arrays and lists."""
    if isinstance(ttype, TypedListType):
        return tuple(element_key(ttype.ttype, x) for x in value)
    if isinstance(value, (np.ndarray, np.generic)):
        array = np.asarray(value)
        return array.dtype.str, array.shape, array.tobytes()
    return plain_key(value)


class TypedListConstant(Constant[TypedListType]):
    """A list whose elements are known. Do not change it."""

    def signature(self) -> Any:
        """Return a key of the type and of the contents of all elements."""
        return self.type, element_key(self.type, self.data)

    def __str__(self) -> str:
        return self.name if self.name is not None else f"TypedListConstant{{{len(self.data)} elements}}"


class TypedListSharedVariable(SharedVariable[TypedListType]):
    """A shared list."""

    def zero(self, borrow: bool = False) -> None:
        """Set every element to zero, keeping their number and shapes. Raises ``TypeError`` for lists of no tensors."""
        self.container.value = zeros(self.type, self.container.value)


def zeros(ttype: Type, value: Any) -> Any:
    """Return a value like the given one with zeros in it. Raises ``TypeError`` for types that have none."""
    if isinstance(ttype, TypedListType):
        return [zeros(ttype.ttype, x) for x in value]
    if not isinstance(value, (np.ndarray, np.generic)):
        raise TypeError(f"values of type {ttype} have no zero.")
    return np.zeros_like(value)


def shared_list(value: Any, ttype: TypedListType, name: str | None = None, borrow: bool = False) -> Any:
    """Return a shared variable that holds a list. Without ``borrow`` the list and its elements are copied.

    Raises ``TypeError`` when the list is not of the given type.
    """
    given = ttype.filter(value)
    container = Container(given if borrow else copied(given))
    return ttype.shared_class(ttype, name=name, container=container)


def _shown(value: Any) -> str:
    text = f"{value} of type {value.type}" if isinstance(value, Variable) else repr(value)
    return f"{text if len(text) <= 60 else text[:57] + '...'} ({type(value).__name__})"


TypedListType.constant_class = TypedListConstant
TypedListType.shared_class = TypedListSharedVariable
