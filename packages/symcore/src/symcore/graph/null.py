"""Types of gradients that do not exist: ``DisconnectedType`` (no path) and ``NullType`` (undefined, or unwritten)."""

from typing import Any

from symcore.graph.type import Type
from symcore.graph.variable import Variable


class DisconnectedType(Type):
    """The gradient with respect to something the cost does not depend on."""

    def filter(self, value: Any, strict: bool = False, allow_downcast: bool | None = None) -> Any:
        """Refuse every value: there is none."""
        raise TypeError("a disconnected gradient has no value; it marks that the cost does not depend on the variable.")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))

    def __str__(self) -> str:
        return "DisconnectedType"


class NullType(Type):
    """The gradient that is undefined, or not implemented, for the reason given in ``why_null``."""

    def __init__(self, why_null: str = "the gradient does not exist"):
        self.why_null = why_null

    def filter(self, value: Any, strict: bool = False, allow_downcast: bool | None = None) -> Any:
        """Refuse every value: there is none."""
        raise TypeError(f"this gradient has no value: {self.why_null}")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))

    def __str__(self) -> str:
        return "NullType"


def disconnected() -> Variable[Any]:
    """Return a variable that says: no path."""
    return DisconnectedType()()


def grad_undefined(op: Any, position: int, x: Variable[Any], comment: str = "") -> Variable[Any]:
    """Return the gradient of ``op`` with respect to input ``position`` (``x``) as mathematically undefined.

    For ``L_op``: differentiating through it raises ``NullTypeGradError`` with ``comment``.
    """
    return NullType(f"{op} has no gradient with respect to its input {position} ({x}). {comment}".strip())()


def grad_not_implemented(op: Any, position: int, x: Variable[Any], comment: str = "") -> Variable[Any]:
    """Return the gradient of ``op`` with respect to input ``position`` (``x``) as one that nobody has written yet.

    For ``L_op``: differentiating through it raises ``NullTypeGradError`` with ``comment``.
    """
    return NullType(
        f"the gradient of {op} with respect to its input {position} ({x}) is not implemented: "
        f"its class {type(op).__name__} defines no L_op. {comment}".strip()
    )()
