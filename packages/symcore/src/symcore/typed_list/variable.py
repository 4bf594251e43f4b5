"""Variables that stand for lists: their operators and methods. The top floor of ``typed_list``."""

from collections.abc import Iterator
from typing import Any

from symcore.graph.variable import Variable
from symcore.typed_list.building import (
    AddElements,
    Append,
    Extend,
    GetItem,
    Insert,
    MakeList,
    Remove,
    Reverse,
    ZerosLike,
)
from symcore.typed_list.counting import Count, Index, Length
from symcore.typed_list.type import TypedListConstant, TypedListSharedVariable, TypedListType

getitem = GetItem()
append = Append()
extend = Extend()
insert = Insert()
remove = Remove()
reverse = Reverse()
index_ = Index()
count = Count()
length = Length()


def make_list(elements: Any) -> Any:
    """Return the list of some variables (or values that tensors can be made of): ``make_list([x, y])``.

    They are of one type; tensors may differ in what is known of their lengths. Raises ``TypeError`` if there is no such
    type, ``ValueError`` for no elements.
    """
    if not isinstance(elements, (list, tuple)):
        raise TypeError(f"make_list takes a list of variables, got {elements!r} ({type(elements).__name__}).")
    return MakeList()(*elements)


class TypedListOperators:
    """What variables, constants and shared variables of a list type can do: make new lists, and never change one."""

    type: TypedListType

    def __getitem__(self, index: Any) -> Any:
        return getitem(self, index)

    def __len__(self) -> int:
        raise TypeError("len() of a symbolic list is not known while the graph is built; use l.length().")

    def __iter__(self) -> Iterator[Any]:
        raise TypeError("cannot iterate over a symbolic list: its length is not known while the graph is built.")

    def __bool__(self) -> bool:
        return True

    @property
    def ttype(self) -> Any:
        """The type of the elements."""
        return self.type.ttype

    def length(self) -> Any:
        """Return the number of elements, as a symbolic integer."""
        return length(self)

    def append(self, element: Any) -> Any:
        """Return the list with one more element at its end."""
        return append(self, element)

    def extend(self, more: Any) -> Any:
        """Return the list with the elements of another at its end."""
        return extend(self, more)

    def insert(self, index: Any, element: Any) -> Any:
        """Return the list with one more element before position ``index``."""
        return insert(self, index, element)

    def remove(self, element: Any) -> Any:
        """Return the list without its first element that equals the given one."""
        return remove(self, element)

    def reverse(self) -> Any:
        """Return the list from its end to its beginning."""
        return reverse(self)

    def ind(self, element: Any) -> Any:
        """Return the position of the first element that equals the given one. (``index`` has another meaning here:
        which output of its node a variable is.)
        """
        return index_(self, element)

    def count(self, element: Any) -> Any:
        """Return how many elements equal the given one."""
        return count(self, element)

    def zeros_like(self, dtype: Any = None) -> Any:
        """Return a list of zeros, as many and of the shapes of the elements."""
        return ZerosLike()(self)

    def add_elements(self, other: Any) -> Any:
        """Return the list of the sums of the elements of two lists; ``+`` is left to mean nothing."""
        return AddElements()(self, other)


class TypedListVariable(TypedListOperators, Variable[TypedListType]):
    """A symbolic list."""


class TypedListConstantVariable(TypedListOperators, TypedListConstant):
    """A list whose elements are known. Do not change it."""


class TypedListShared(TypedListOperators, TypedListSharedVariable):
    """A shared list."""


TypedListType.variable_class = TypedListVariable
TypedListType.constant_class = TypedListConstantVariable
TypedListType.shared_class = TypedListShared
