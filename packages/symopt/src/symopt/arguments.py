"""From the arguments of a call to the values that a program takes, and the values that inputs keep between calls."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from symcore.graph.shared import Container, SharedVariable
from symcore.graph.variable import Variable
from symopt.io import In
from symopt.vm import acquire, release

if TYPE_CHECKING:
    from symopt.compiled import Function

_MISSING = object()


def bind(
    function: "Function", args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[tuple[Any, ...], dict[SharedVariable[Any], Any]]:
    """Return one value per input of the program, and ``{shared variable: argument}`` for inputs that keep their value.

    Raises ``TypeError`` naming the function and its inputs when an argument is missing, given twice or not known.
    """
    declared, states = function.signature.declared, function.signature.states
    values: list[Any] = [_MISSING] * len(declared)
    places = [k for k, i in enumerate(declared) if not i.implicit]
    if len(args) > len(places):
        raise TypeError(f"{function} takes {_arguments(function)}, got {len(args)}.")
    for k, value in zip(places, args, strict=False):
        values[k] = value
    for key, value in kwargs.items():
        k = _position(function, key)
        if values[k] is not _MISSING:
            raise TypeError(f"{function} got two values for its input {key!r}.")
        values[k] = value
    given = {states[k]: declared[k].filter(values[k]) for k in states if values[k] is not _MISSING}
    for k, i in enumerate(declared):
        if k in states or values[k] is not _MISSING:
            continue
        if not i.has_default:
            raise TypeError(
                f"{function} needs a value for its input {k} ({i.name or i.variable}); it takes {_arguments(function)}."
            )
        values[k] = i.value.copy() if i.mutable and hasattr(i.value, "copy") else i.value
    taken = {states[k]: _own(declared[k], given[states[k]], values[k]) for k in states if states[k] in given}
    return tuple([value for k, value in enumerate(values) if k not in states]), taken


def _own(i: In, filtered: Any, argument: Any) -> Any:
    """Return an argument as a value that the function may keep: the caller's array is copied unless it is mutable."""
    if i.mutable or not i.variable.type.may_share_memory(filtered, argument):
        return filtered
    return filtered.copy() if hasattr(filtered, "copy") else filtered


def _position(function: "Function", key: str) -> int:
    found = [k for k, i in enumerate(function.signature.declared) if i.name == key]
    if len(found) != 1:
        why = "has no input" if not found else "has several inputs"
        told = [f"{i.variable} (by position only)" if i.name is None else i.name for i in function.signature.declared]
        raise TypeError(f"{function} {why} called {key!r}; its inputs are: {', '.join(told) or 'none'}.")
    return found[0]


def _arguments(function: "Function") -> str:
    count = sum(not i.implicit for i in function.signature.declared)
    return f"{count} argument{'s' * (count != 1)} ({names(function)})"


def names(function: "Function") -> str:
    """Return the names of a function's inputs, for messages."""
    return ", ".join(map(_shown, function.signature.declared)) or "none"


@contextlib.contextmanager
def standing_in(function: "Function", given: Mapping[SharedVariable[Any], Any]) -> Iterator[None]:
    """Inside the block, arguments stand in the containers of inputs that keep their value; no other call sees them.

    When the block fails the containers hold again what they held before. All containers of the function are owned
    meanwhile: to own some and wait for the others would let two calls wait for each other.
    """
    storages = list({id(s.container): s.container.storage for s in function.all_shared()}.values())
    owner, taken = acquire(storages)
    before = {s: s.container.storage[0] for s in given}
    try:
        for s, value in given.items():
            s.container.storage[0] = value
        yield
    except BaseException:
        for s, value in before.items():
            s.container.storage[0] = value
        raise
    finally:
        release(owner, taken)


class Values:
    """``f.value``: the values that a function reads when an argument is left out, and those of its shared variables.

    Keys are inputs by name, variable or position, and shared variables by name or themselves. Reading gives a copy of
    the value (``None`` where an input has no default), setting checks it. A default that is set belongs to this
    function alone; what an input with an update or a shared variable holds is seen by all that share its container.

    Raises ``KeyError`` for what the function does not have, ``TypeError`` for a value that does not fit.
    """

    def __init__(self, function: "Function"):
        self._function = function

    def __getitem__(self, key: Any) -> Any:
        found = _found(self._function, key)
        if isinstance(found, SharedVariable):
            return found.get_value()
        i = self._function.signature.declared[found]
        value: Any = i.value if i.has_default else None
        return value.copy() if hasattr(value, "copy") else value

    def __setitem__(self, key: Any, value: Any) -> None:
        found = _found(self._function, key)
        if isinstance(found, SharedVariable):
            found.set_value(value)
            return
        signature = self._function.signature
        old = signature.declared[found]
        new = old.with_default(value)
        inputs = [new if i is old else i for i in signature.inputs]
        declared = inputs if signature.declared is signature.inputs else None
        if declared is None:
            declared = [new if i is old else i for i in signature.declared]
        self._function.signature = signature.changed(inputs=inputs, declared=declared)

    def __contains__(self, key: Any) -> bool:
        try:
            _found(self._function, key)
        except KeyError:
            return False
        return True

    def __iter__(self) -> Iterator[Any]:
        yield from (i.variable for i in self._function.signature.declared)
        yield from self._function.get_shared()

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"<values of {self._function}: {names(self._function)}>"


class Containers(Values):
    """``f.container``: as ``f.value``, but the containers themselves; ``f.container[x].value`` is not a copy.

    The container of an input with an update, or of a shared variable, can be the ``value`` of an ``In`` of another
    function, which then shares it. That of an input with a mere default is a copy of it.
    """

    def __getitem__(self, key: Any) -> Container:
        found = _found(self._function, key)
        if isinstance(found, SharedVariable):
            kept: Container = found.container
            return kept
        return Container(super().__getitem__(key))

    def __setitem__(self, key: Any, value: Any) -> None:
        raise TypeError(f"containers cannot be replaced; set what they hold: f.value[{key!r}] = ...")


def _found(function: "Function", key: Any) -> Any:
    """Return a shared variable, or the position of an input; raises ``KeyError``."""
    signature = function.signature
    places: Iterable[Any] = enumerate(signature.declared)
    if isinstance(key, Variable):
        found = [signature.states.get(k, k) for k, i in places if i.variable is key]
        found += [s for s in function.get_shared() if s is key]
    elif isinstance(key, str):
        found = [signature.states.get(k, k) for k, i in places if i.name == key]
        found += [s for s in function.get_shared() if s.name == key]
    else:
        found = [signature.states.get(k, k) for k, _ in places if type(key) is int and k == key]
    found = list(dict.fromkeys(found))
    if len(found) != 1:
        why = "has no" if not found else "has several"
        known = ", ".join(dict.fromkeys([*map(_shown, signature.declared), *map(str, function.get_shared())])) or "none"
        raise KeyError(f"{function} {why} inputs or shared variables {key!r}; there are: {known}. Use the variable.")
    return found[0]


def _shown(i: In) -> str:
    return str(i.name or i.variable)
