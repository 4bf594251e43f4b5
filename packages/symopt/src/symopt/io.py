"""Inputs and outputs of a function: ``In`` and ``Out``, and how call arguments become values."""

import copy
from typing import Any

import numpy as np

from symcore.graph.shared import Container, SharedVariable
from symcore.graph.variable import Constant, Variable
from symcore.tensor.exchange import is_lent

_MISSING = object()

#: The plain parameters of an input: with its variable, value and update they say all about it.
SETTINGS = ("name", "mutable", "strict", "allow_downcast", "implicit", "borrow", "shared")


class In:
    """One input of a function.

    Parameters
    ----------
    variable
        The symbolic input.
    name
        The keyword it is called by; the variable's own name by default (none with ``autoname=False``).
    value
        A default: the caller may leave the input out. A ``Container`` (``f.container[x]``) is shared with whoever else
        uses it.
    update
        The input keeps a value from call to call: it starts as ``value``, a call that leaves the input out reads it,
        and every call sets it to what this expression gives. An argument takes its place for that call.
    mutable
        The function may overwrite the array it is given.
    strict
        Take only arrays of exactly the right dtype.
    allow_downcast
        Let values lose precision: ``True``, ``False``, or ``None`` (Python floats where the input is ``floatX``).
    implicit
        The input has no place among the positional arguments; it can be given by name. By default only an input whose
        ``value`` is a ``Container`` is.
    borrow
        The default value is not copied; by default as ``mutable``.
    shared
        ``variable`` is a shared variable: ``In(w, shared=True, update=new)`` says the same as ``updates=[(w, new)]``,
        and the input is implicit.

    Raises
    ------
    TypeError
        For what is no symbolic variable or has a value already, for a ``value`` that does not fit, and for
        ``mutable=True`` with ``borrow=False``.
    ValueError
        For an ``update`` or ``implicit=True`` without a ``value``.
    """

    __slots__ = (
        "allow_downcast", "borrow", "implicit", "mutable", "name", "shared", "strict", "update", "value", "variable",
    )  # fmt: skip

    def __init__(
        self,
        variable: Any,
        name: str | None = None,
        value: Any = _MISSING,
        update: Any = None,
        mutable: bool = False,
        strict: bool = False,
        allow_downcast: bool | None = None,
        autoname: bool = True,
        implicit: bool | None = None,
        borrow: bool | None = None,
        shared: bool = False,
    ):
        if not isinstance(variable, Variable):
            raise TypeError(f"In() takes a symbolic variable, got {variable!r} ({type(variable).__name__}).")
        if name is not None and not isinstance(name, str):
            raise TypeError(f"the name of an input is text, got {name!r} ({type(name).__name__}).")
        if shared:
            value = _shared_value(variable, value)
        elif isinstance(variable, (Constant, SharedVariable)):
            kind = "constant" if isinstance(variable, Constant) else "shared variable"
            hint = f", or In({variable}, shared=True, update=...) to update it" if kind == "shared variable" else ""
            raise TypeError(
                f"the {kind} {variable} cannot be an input: it has a value. To put another in its place use "
                f"givens=[({variable}, x)]{hint}."
            )
        if mutable and borrow is False:
            raise TypeError(
                f"In({variable}, mutable=True, borrow=False): a function cannot both overwrite the array it is given "
                "and leave it alone. Leave borrow out, or mutable."
            )
        self.variable = variable
        self.name = variable.name if name is None and autoname else name
        self.update = update
        self.mutable = bool(mutable)
        self.strict = bool(strict)
        self.allow_downcast = allow_downcast
        self.implicit = bool(isinstance(value, Container) if implicit is None else implicit)
        self.borrow = self.mutable if borrow is None else bool(borrow)
        self.shared = bool(shared)
        if value is None and not self._takes_none():
            value = _MISSING
        self.value = value if value is _MISSING else self._default(value)
        if not self.has_default and (update is not None or self.implicit):
            what = "implicit=True" if update is None else "update=..."
            raise ValueError(f"In({variable}, {what}) needs a value to start from: In({variable}, value=..., {what}).")

    def __getstate__(self) -> dict[str, Any]:
        # The mark for "no default" is known by its identity, which does not travel.
        return {name: getattr(self, name) for name in self.__slots__ if name != "value" or self.has_default}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.value = _MISSING
        for name, value in state.items():
            setattr(self, name, value)

    def _takes_none(self) -> bool:
        try:
            self.variable.type.filter(None)
        except (TypeError, ValueError):
            return False
        return True

    def _default(self, value: Any) -> Any:
        if isinstance(value, Container):
            self.filter(value.value)
            return value
        filtered = self.filter(value)
        lent = filtered is value or (isinstance(filtered, np.ndarray) and is_lent(filtered, value))
        return copy.deepcopy(filtered) if lent and not self.borrow else filtered

    @property
    def is_state(self) -> bool:
        """Whether its value is kept from call to call, in a container."""
        return self.update is not None or self.shared or isinstance(self.value, Container)

    def with_default(self, value: Any) -> "In":
        """Return the same input with another default; ``None`` for none. Raises ``TypeError`` if it does not fit."""
        made = copy.copy(self)
        made.value = _MISSING if value is None else self._default(value)
        return made

    @property
    def has_default(self) -> bool:
        """Whether the caller may leave it out."""
        return self.value is not _MISSING

    def filter(self, value: Any) -> Any:
        """Return a call argument as a value of the input's type; raises ``TypeError`` naming the input."""
        try:
            return self.variable.type.filter(value, strict=self.strict, allow_downcast=self.allow_downcast)
        except TypeError as error:
            raise TypeError(f"bad value for input {self.name or self.variable}: {error}") from None

    def __repr__(self) -> str:
        return f"In({self.variable})"


def _shared_value(variable: Any, value: Any) -> Container:
    """Return the container of a shared variable that is declared as an input."""
    if not isinstance(variable, SharedVariable):
        raise TypeError(
            f"In({variable}, shared=True) is for shared variables; {variable} is a {type(variable).__name__}. Leave "
            "shared=True out."
        )
    if value is not _MISSING and value is not None and value is not variable.container:
        raise TypeError(f"{variable} has a value already; leave value out, or set it: {variable}.set_value(...).")
    found: Container = variable.container
    return found


class Out:
    """One output of a function.

    ``borrow=True`` permits the function to return memory that it uses again, or that something else sees too; without
    it an output is always memory of its own. (It is a permission: at present every output is.)
    """

    __slots__ = ("borrow", "variable")

    def __init__(self, variable: Any, borrow: bool = False):
        if not isinstance(variable, Variable):
            raise TypeError(f"Out() takes a symbolic variable, got {variable!r} ({type(variable).__name__}).")
        self.variable = variable
        self.borrow = bool(borrow)

    def __repr__(self) -> str:
        return f"Out({self.variable}{', borrow=True' if self.borrow else ''})"


def as_input(item: Any, allow_downcast: bool | None) -> In:
    """Return an entry of ``inputs`` as an ``In``: a variable, an ``In``, or a pair ``(variable, default)``."""
    if isinstance(item, In):
        if item.allow_downcast is not None or allow_downcast is None:
            return item
        made = copy.copy(item)
        made.allow_downcast = allow_downcast
        return made
    if isinstance(item, (tuple, list)) and len(item) == 2:
        return In(item[0], value=item[1], allow_downcast=allow_downcast)
    if not isinstance(item, Variable):
        raise TypeError(f"inputs holds symbolic variables and In(...), got {item!r} ({type(item).__name__}).")
    return In(item, allow_downcast=allow_downcast)
