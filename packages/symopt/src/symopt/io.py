"""Inputs and outputs of a function: ``In`` and ``Out``, and how call arguments become values."""

import copy
from typing import Any

from symcore.graph.shared import SharedVariable
from symcore.graph.variable import Constant, Variable

_MISSING = object()


class In:
    """One input of a function.

    Parameters
    ----------
    variable
        The symbolic input.
    name
        The keyword it is called by; the variable's own name by default.
    value
        A default: the caller may leave the input out.
    mutable
        The function may overwrite the array it is given.
    strict
        Take only arrays of exactly the right dtype.
    allow_downcast
        Let values lose precision: ``True``, ``False``, or ``None`` (Python floats where the input is ``floatX``).
    borrow
        The default value is not copied.
    """

    __slots__ = ("allow_downcast", "borrow", "mutable", "name", "strict", "value", "variable")

    def __init__(
        self,
        variable: Any,
        name: str | None = None,
        value: Any = _MISSING,
        mutable: bool = False,
        strict: bool = False,
        allow_downcast: bool | None = None,
        borrow: bool | None = None,
        update: Any = None,
    ):
        if not isinstance(variable, Variable):
            raise TypeError(f"In() takes a symbolic variable, got {variable!r} ({type(variable).__name__}).")
        if isinstance(variable, (Constant, SharedVariable)):
            kind = "constant" if isinstance(variable, Constant) else "shared variable"
            raise TypeError(
                f"the {kind} {variable} cannot be an input: it has a value. To put another in its place use "
                f"givens=[({variable}, x)]."
            )
        if update is not None:
            raise NotImplementedError(
                "In(update=...) is not built: make the input a shared variable and use "
                "function(..., updates=[(shared, new)]) (symopt)."
            )
        self.variable = variable
        self.name = variable.name if name is None else name
        self.mutable = mutable
        self.strict = strict
        self.allow_downcast = allow_downcast
        self.borrow = mutable if borrow is None else borrow
        self.value = value if value is _MISSING or value is None else self._default(value)

    def __getstate__(self) -> dict[str, Any]:
        # The mark for "no default" is known by its identity, which does not travel.
        return {name: getattr(self, name) for name in self.__slots__ if name != "value" or self.has_default}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.value = _MISSING
        for name, value in state.items():
            setattr(self, name, value)

    def _default(self, value: Any) -> Any:
        filtered = self.filter(value)
        return copy.deepcopy(filtered) if filtered is value and not self.borrow else filtered

    @property
    def has_default(self) -> bool:
        """Whether the caller may leave it out."""
        return self.value is not _MISSING and self.value is not None

    def filter(self, value: Any) -> Any:
        """Return a call argument as a value of the input's type; raises ``TypeError`` naming the input."""
        try:
            return self.variable.type.filter(value, strict=self.strict, allow_downcast=self.allow_downcast)
        except TypeError as error:
            raise TypeError(f"bad value for input {self.name or self.variable}: {error}") from None

    def __repr__(self) -> str:
        return f"In({self.variable})"


class Out:
    """One output of a function. With ``borrow=True`` the array may be used by the function again at its next call."""

    __slots__ = ("borrow", "variable")

    def __init__(self, variable: Any, borrow: bool = False):
        if not isinstance(variable, Variable):
            raise TypeError(f"Out() takes a symbolic variable, got {variable!r} ({type(variable).__name__}).")
        self.variable = variable
        self.borrow = borrow


def as_input(item: Any, allow_downcast: bool | None) -> In:
    """Return an entry of ``inputs`` as an ``In``: a variable, an ``In``, or a pair ``(variable, default)``."""
    if isinstance(item, In):
        return item
    if isinstance(item, (tuple, list)) and len(item) == 2:
        return In(item[0], value=item[1], allow_downcast=allow_downcast)
    if not isinstance(item, Variable):
        raise TypeError(f"inputs holds symbolic variables and In(...), got {item!r} ({type(item).__name__}).")
    return In(item, allow_downcast=allow_downcast)
