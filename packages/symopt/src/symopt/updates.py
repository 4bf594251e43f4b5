"""``OrderedUpdates``: the updates of a function, collected from several places that must not disagree."""

from collections.abc import Iterable, Mapping
from typing import Any

from symcore.graph.shared import SharedVariable


class OrderedUpdates(dict[SharedVariable[Any], Any]):
    """A dictionary ``{shared variable: new value}`` that refuses other keys and contradictions.

    ``updates[w] = v`` replaces an entry; ``update``, ``+`` and the constructor join collections, and raise ``KeyError``
    where two of them have different new values for the same variable (the same value twice is no contradiction). The
    order is that in which the variables came first. Raises ``TypeError`` for a key that is not a shared variable.

    Examples
    --------
    >>> import symcore
    >>> from symopt.updates import OrderedUpdates
    >>> w, n = symcore.shared(1.0, name="w"), symcore.shared(0, name="n")
    >>> list(OrderedUpdates({w: w / 2}) + {n: n + 1})
    [w, n]
    """

    def __init__(self, *given: Any):
        super().__init__()
        if len(given) > 1:
            raise TypeError(f"OrderedUpdates takes one dictionary or list of pairs, got {len(given)} arguments.")
        for item in given:
            self.update(item)

    def __setitem__(self, key: SharedVariable[Any], value: Any) -> None:
        if not isinstance(key, SharedVariable):
            raise TypeError(f"updates are for shared variables, got the key {key!r} ({type(key).__name__}).")
        super().__setitem__(key, value)

    # Keywords could not be shared variables.
    def update(  # type: ignore[override]
        self, other: Mapping[SharedVariable[Any], Any] | Iterable[tuple[SharedVariable[Any], Any]] | None = None
    ) -> None:
        """Add the updates of ``other``. Raises ``KeyError``, and adds nothing, if one contradicts an entry."""
        pairs = list(other.items() if isinstance(other, Mapping) else other or ())
        for key, value in pairs:
            if key in self and self[key] is not value:
                raise KeyError(f"two different updates of {key}: {self[key]} and {value}.")
        for key, value in pairs:
            self[key] = value

    def setdefault(self, key: SharedVariable[Any], default: Any = None) -> Any:
        """Return the update of ``key``, after setting it to ``default`` if there was none."""
        if key not in self:
            self[key] = default
        return self[key]

    def copy(self) -> "OrderedUpdates":
        """Return another collection of the same updates."""
        return OrderedUpdates(self)

    def __add__(self, other: Any) -> "OrderedUpdates":
        joined = OrderedUpdates(self)
        joined.update(other)
        return joined

    def __radd__(self, other: Any) -> "OrderedUpdates":
        joined = OrderedUpdates(other)
        joined.update(self)
        return joined

    def __ior__(self, other: Any) -> "OrderedUpdates":  # type: ignore[override, misc]
        self.update(other)
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return OrderedUpdates, (list(self.items()),)
