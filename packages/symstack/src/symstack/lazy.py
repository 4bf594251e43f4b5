"""Modules whose names are taken from where they are defined when they are first used.

A table ``{public name: "module"}`` or ``{public name: "module:attribute"}`` says where; importing the module that
hands the names on imports none of them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any

__all__ = ["lazy_names"]


def lazy_names(
    module: str, homes: Mapping[str, str], also: Iterable[str] = ()
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return ``__getattr__`` and ``__dir__`` for ``module``, which give the names of ``homes`` (see PEP 562).

    ``also`` names what the module defines itself. A name that was taken once stands in the module from then on, so only
    the first use costs anything.
    """
    names = sorted({*homes, *also})

    def __getattr__(name: str) -> Any:  # noqa: N807 - the name that PEP 562 gives it
        home = homes.get(name)
        if home is None:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        source, _, attribute = home.partition(":")
        value = import_module(source)
        for part in filter(None, attribute.split(".")):
            value = getattr(value, part)
        setattr(sys.modules[module], name, value)
        return value

    def __dir__() -> list[str]:  # noqa: N807
        return names

    return __getattr__, __dir__
