"""``Type``: what values a variable may take."""

from typing import Any, ClassVar


class Type:
    """What values a variable may take, and how a given value becomes one of them.

    A subclass is hashable and compares by its parameters. ``variable_class``, ``constant_class`` and ``shared_class``
    say what calling the type, a constant and a shared variable of it are made of.
    """

    variable_class: ClassVar[Any] = None
    constant_class: ClassVar[Any] = None
    shared_class: ClassVar[Any] = None

    def filter(self, value: Any, strict: bool = False, allow_downcast: bool | None = None) -> Any:
        """Return ``value`` as a value of this type, or raise ``TypeError`` saying what was expected."""
        raise NotImplementedError(f"{type(self).__name__} does not define filter().")

    def is_super(self, other: "Type") -> bool:
        """Tell whether every value of ``other`` is a value of this type."""
        return self == other

    def values_eq(self, a: Any, b: Any) -> bool:
        """Tell whether two values are equal; NaN equals NaN."""
        return bool(a == b)

    def values_eq_approx(self, a: Any, b: Any) -> bool:
        """Tell whether two values are equal up to the rounding of their type."""
        return self.values_eq(a, b)

    def may_share_memory(self, a: Any, b: Any) -> bool:
        """Tell whether changing ``a`` could change ``b``."""
        return a is b

    def __call__(self, name: str | None = None) -> Any:
        """Return a new variable of this type."""
        return self.variable_class(self, None, None, name)

    def make_variable(self, name: str | None = None) -> Any:
        """Return a new variable of this type; the same as calling it."""
        return self(name)
