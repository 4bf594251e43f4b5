"""Nested tuples, lists, named tuples and dictionaries: taken apart into leaves, and put together again.

A form is what is left of a structure without its leaves. ``None`` has no leaves and belongs to the form.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


class _Leaf:
    """The form of what is not nested."""

    def __repr__(self) -> str:
        return "*"


LEAF = _Leaf()


def flatten(value: Any, where: str, leaves: list[tuple[str, Any]]) -> Any:
    """Append ``(path, leaf)`` of every leaf of ``value``, which is called ``where``; return the form."""
    if value is None:
        return None
    if isinstance(value, (list, tuple)):
        return type(value), [flatten(v, path, leaves) for path, v in _entries(value, where)]
    if isinstance(value, Mapping):
        return dict, {k: flatten(value[k], f"{where}[{k!r}]", leaves) for k in value}
    leaves.append((where, value))
    return LEAF


def flatten_like(form: Any, value: Any, where: str, leaves: list[tuple[str, Any]]) -> None:
    """Append ``(path, leaf)`` of every leaf of ``value``, in the order of ``form``.

    Raises ``TypeError``, naming the place, where ``value`` has another form.
    """
    if form is LEAF:
        if value is None or isinstance(value, (list, tuple, Mapping)):
            raise TypeError(f"{where} must be one value, as it is at first; the step made {describe(value)} of it.")
        leaves.append((where, value))
        return
    if form is None:
        if value is not None:
            raise TypeError(f"{where} must be None, as it is at first; the step made {describe(value)} of it.")
        return
    kind, parts = form
    same = isinstance(value, Mapping) if kind is dict else type(value) is kind
    if not same or len(value) != len(parts) or (kind is dict and set(value) != set(parts)):
        raise TypeError(
            f"{where} must be {_described(kind, parts)}, as it is at first; the step made {describe(value)} of it."
        )
    if kind is dict:
        for k, part in parts.items():
            flatten_like(part, value[k], f"{where}[{k!r}]", leaves)
        return
    for part, (path, v) in zip(parts, _entries(value, where), strict=True):
        flatten_like(part, v, path, leaves)


def fill(form: Any, leaves: Iterator[Any]) -> Any:
    """Return the structure of a form with leaves in its places, taken one after the other."""
    if form is LEAF:
        return next(leaves)
    if form is None:
        return None
    kind, parts = form
    if kind is dict:
        return {k: fill(part, leaves) for k, part in parts.items()}
    values = [fill(part, leaves) for part in parts]
    return kind(*values) if hasattr(kind, "_fields") else kind(values)


def describe(value: Any) -> str:
    """Say in words what a value is, for errors about structures."""
    if isinstance(value, Mapping):
        return _described(dict, value)
    if isinstance(value, (list, tuple)):
        return _described(type(value), value)
    return "None" if value is None else f"one value, {value}"


def _described(kind: Any, parts: Any) -> str:
    if kind is dict:
        return f"a dictionary with {', '.join(map(repr, parts)) or 'no keys'}"
    return f"a {kind.__name__} of {len(parts)}"


def _entries(value: Sequence[Any], where: str) -> list[tuple[str, Any]]:
    fields = getattr(value, "_fields", None)
    paths = [f"{where}.{n}" for n in fields] if fields else [f"{where}[{k}]" for k in range(len(value))]
    return list(zip(paths, value, strict=True))
