"""``Generic``: variables whose values are any Python objects; and ``NoneConst``, the variable that is always ``None``.

Such values pass through graphs to the Ops that know what to do with them (``as_op`` with ``generic`` among its types);
the compiler does nothing but hand them on. An object is never changed by a function; what a function returns is a copy
where the object came from outside.
"""

import copy
from typing import Any, NoReturn

import numpy as np

from symcore.graph.shared import Container, SharedVariable
from symcore.graph.type import Type
from symcore.graph.variable import Constant, Variable

_PLAIN = (type(None), bool, int, float, complex, str, bytes)


class Generic(Type):
    """Any Python object is a value. Two values are equal if Python says so, or if they are the same object."""

    def filter(self, value: Any, strict: bool = False, allow_downcast: bool | None = None) -> Any:
        """Return the object itself. Raises ``TypeError`` for a symbolic variable, which is no value."""
        if isinstance(value, Variable):
            raise TypeError(f"expected a Python object, got the symbolic variable {value}. To join graphs use givens.")
        return value

    def values_eq(self, a: Any, b: Any) -> bool:
        """Tell whether two objects are the same, or equal; what cannot be compared as a whole is not equal."""
        if a is b:
            return True
        try:
            return type(a) is type(b) and bool(a == b)
        except (TypeError, ValueError):  # arrays and their like have no single truth value
            return False

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))

    def __repr__(self) -> str:
        return "Generic"

    __str__ = __repr__


class NoneTypeT(Type):
    """The type whose only value is ``None``."""

    def filter(self, value: Any, strict: bool = False, allow_downcast: bool | None = None) -> None:
        """Return ``None``. Raises ``TypeError`` for anything else."""
        if value is not None:
            raise TypeError(f"expected None, got {value!r} ({type(value).__name__}).")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))

    def __repr__(self) -> str:
        return "NoneTypeT"

    __str__ = __repr__


class Identity:
    """An object as part of a key: equal to itself alone, for objects that have no hash or compare by value."""

    __slots__ = ("value",)

    def __init__(self, value: Any):
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Identity) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value) >> 4


def plain_key(value: Any) -> Any:
    """Return a key that objects share if one can stand for the other: exactly equal plain values, or one object."""
    if type(value) in _PLAIN:
        return type(value).__name__, repr(value)  # 1, 1.0 and True are equal, -0.0 and 0.0 too, and yet not the same
    return Identity(value)


class GenericVariable(Variable[Generic]):
    """A variable that stands for a Python object."""


class GenericConstant(Constant[Generic]):
    """A Python object in a graph. Do not change the object."""

    def signature(self) -> Any:
        """Return a key by value for numbers, text and ``None``, else by identity."""
        return Generic, plain_key(self.data)

    def __str__(self) -> str:
        text = repr(self.data)
        return self.name if self.name is not None else text if len(text) <= 60 else text[:57] + "..."


class GenericSharedVariable(SharedVariable[Generic]):
    """A shared variable that holds a Python object."""

    def get_value(self, borrow: bool = False, return_internal_type: bool = False) -> Any:
        """Return a deep copy of the object; with ``borrow=True``, or where it cannot be copied, the object itself."""
        value = self.container.value
        return value if borrow else copied(value)

    def set_value(self, new_value: Any, borrow: bool = False) -> None:
        """Set the object, or a deep copy of it unless ``borrow``."""
        value = self.type.filter(new_value)
        self.container.value = value if borrow else copied(value)

    def zero(self, borrow: bool = False) -> NoReturn:
        """There is no zero among the objects. Raises ``TypeError``."""
        raise TypeError(f"{self} holds a Python object ({type(self.container.value).__name__}), which has no zero.")


class NoneConstant(Constant[NoneTypeT]):
    """The constant ``None``."""

    def signature(self) -> Any:
        """Return the key of the one value there is."""
        return (NoneTypeT,)


def copied(value: Any) -> Any:
    """Return a deep copy; of modules, locks, open files and whatever else cannot be copied the object itself."""
    if isinstance(value, np.ndarray):
        return value.copy()
    try:
        return copy.deepcopy(value)
    except (TypeError, NotImplementedError):
        return value


Generic.variable_class = GenericVariable
Generic.constant_class = GenericConstant
Generic.shared_class = GenericSharedVariable
NoneTypeT.constant_class = NoneConstant

#: The one type of its kind: ``generic("config")`` is a variable for any Python object.
generic = Generic()
none_type_t = NoneTypeT()
#: The variable that is always ``None``.
NoneConst = NoneConstant(none_type_t, None, name="NoneConst")


def as_generic(value: Any, name: str | None = None) -> Any:
    """Return a Python object as a constant of the type ``Generic``; variables pass through."""
    return value if isinstance(value, Variable) else GenericConstant(generic, value, name)


def shared_generic(value: Any, name: str | None = None, borrow: bool = False) -> GenericSharedVariable:
    """Return a shared variable that holds any Python object (a deep copy of it unless ``borrow``)."""
    if isinstance(value, Variable):
        raise TypeError(f"shared() takes a value, got the symbolic variable {value}. Compute it first: x.eval().")
    return GenericSharedVariable(generic, container=Container(value if borrow else copied(value)), name=name)
