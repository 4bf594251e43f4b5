"""Nested tuples, lists, named tuples, dictionaries and data classes: taken apart into leaves, and put together again.

A form is what is left of a structure without its leaves. ``None`` has no leaves and belongs to the form.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from symcore.graph.variable import Variable


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
    if _is_data(value):
        return type(value), {k: flatten(v, f"{where}.{k}", leaves) for k, v in _fields(value).items()}
    leaves.append((where, value))
    return LEAF


def flatten_like(form: Any, value: Any, where: str, leaves: list[tuple[str, Any]]) -> None:
    """Append ``(path, leaf)`` of every leaf of ``value``, in the order of ``form``.

    Raises ``TypeError``, naming the place, where ``value`` has another form.
    """
    if form is LEAF:
        if value is None or isinstance(value, (list, tuple, Mapping)) or _is_data(value):
            raise TypeError(f"{where} must be one value, as it is at first; the step made {describe(value)} of it.")
        leaves.append((where, value))
        return
    if form is None:
        if value is not None:
            raise TypeError(f"{where} must be None, as it is at first; the step made {describe(value)} of it.")
        return
    kind, parts = form
    if not _has_form(value, kind, parts):
        raise TypeError(
            f"{where} must be {_described(kind, parts)}, as it is at first; the step made {describe(value)} of it."
        )
    if isinstance(parts, dict):
        for k, part in parts.items():
            of_dict = kind is dict
            path = f"{where}[{k!r}]" if of_dict else f"{where}.{k}"
            flatten_like(part, value[k] if of_dict else getattr(value, k), path, leaves)
        return
    for part, (path, v) in zip(parts, _entries(value, where), strict=True):
        flatten_like(part, v, path, leaves)


def _has_form(value: Any, kind: Any, parts: Any) -> bool:
    if kind is dict:
        return isinstance(value, Mapping) and set(value) == set(parts)
    return type(value) is kind and (isinstance(parts, dict) or len(value) == len(parts))


def fill(form: Any, leaves: Iterator[Any]) -> Any:
    """Return the structure of a form with leaves in its places, taken one after the other."""
    if form is LEAF:
        return next(leaves)
    if form is None:
        return None
    kind, parts = form
    if kind is dict:
        return {k: fill(part, leaves) for k, part in parts.items()}
    if isinstance(parts, dict):
        return kind(**{k: fill(part, leaves) for k, part in parts.items()})
    values = [fill(part, leaves) for part in parts]
    return kind(*values) if hasattr(kind, "_fields") else kind(values)


def describe(value: Any) -> str:
    """Say in words what a value is, for errors about structures."""
    if isinstance(value, Mapping):
        return _described(dict, value)
    if isinstance(value, (list, tuple)):
        return _described(type(value), value)
    if _is_data(value):
        return _described(type(value), _fields(value))
    return "None" if value is None else f"one value, {value}"


def _described(kind: Any, parts: Any) -> str:
    if kind is dict:
        return f"a dictionary with {', '.join(map(repr, parts)) or 'no keys'}"
    if isinstance(parts, dict):
        return f"a {kind.__name__} ({', '.join(parts)})"
    return f"a {kind.__name__} of {len(parts)}"


def _is_data(value: Any) -> bool:
    """Tell whether a value is of a data class; variables of the graph are leaves, whatever their classes are."""
    return dataclasses.is_dataclass(value) and not isinstance(value, (type, Variable))


def _fields(value: Any) -> dict[str, Any]:
    """Return what a data class is made from. Others of its fields are its own to compute."""
    return {f.name: getattr(value, f.name) for f in dataclasses.fields(value) if f.init}


def _entries(value: Sequence[Any], where: str) -> list[tuple[str, Any]]:
    fields = getattr(value, "_fields", None)
    paths = [f"{where}.{n}" for n in fields] if fields else [f"{where}[{k}]" for k in range(len(value))]
    return list(zip(paths, value, strict=True))
