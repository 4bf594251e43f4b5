"""The updates that ``scan`` returns: a dictionary that knows whether anybody has looked at it.

A step that updates a shared variable has no effect on it unless these updates are passed on to ``function``. Where
nobody has so much as looked at them, they were forgotten, and ``function`` says so.
"""

import warnings
from collections.abc import Callable, Iterable
from typing import Any

from symcore.graph import trace


class Handed:
    """What a loop's Op and the dictionary of its updates both know: which variables, and whether they were looked at.

    It says what it has to say once.
    """

    __slots__ = ("looked_at", "shared")

    def __init__(self, shared: Iterable[Any]):
        self.shared = list(shared)
        self.looked_at = False

    def warn(self, loop: str, updated: Iterable[Any]) -> None:
        """Warn if nobody has looked at the updates, for the variables that ``updated`` does not hold either."""
        have = set(updated)
        missing = [str(s) for s in self.shared if s not in have]
        if self.looked_at or not missing:
            return
        self.looked_at = True
        warnings.warn(
            f"the step of {loop} updates {', '.join(missing)}, but nothing has been done with the updates that scan "
            f"returned: {'they keep their values' if len(missing) > 1 else 'it keeps its value'}. Pass them on: "
            "outputs, updates = scan(...); function(..., updates=updates). A state that only the loop needs belongs to "
            "outputs_info.",
            UserWarning,
            stacklevel=trace.users_level(),
        )


def _looking(name: str) -> Callable[..., Any]:
    method = getattr(dict, name)

    def look(self: "Updates", *args: Any, **kwargs: Any) -> Any:
        self.handed.looked_at = True
        return method(self, *args, **kwargs)

    look.__name__ = name
    return look


class Updates(dict[Any, Any]):
    """``{shared variable: its value after the loop}``; ``handed`` notes when it is looked at."""

    def __init__(self, pairs: Any, handed: Handed):
        super().__init__(pairs)
        self.handed = handed

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (list(self.items()),)


# ``{**updates}``, ``dict(updates)`` and ``others.update(updates)`` ask for keys where __iter__ is not that of a dict.
for _name in ("__iter__", "__getitem__", "__len__", "__contains__", "__eq__", "__or__", "__ror__", "copy", "get",
              "items", "keys", "pop", "popitem", "setdefault", "values"):  # fmt: skip
    setattr(Updates, _name, _looking(_name))
