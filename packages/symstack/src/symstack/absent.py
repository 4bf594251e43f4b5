"""Names of the language that no package builds yet: they exist, and using one says which package will bring it.

``ABSENT`` is the whole list: public name -> (package that will own it, what to do meanwhile).
"""

from __future__ import annotations

import types
from typing import Any, NoReturn

__all__ = ["ABSENT", "SIGNAL", "absent_namespace", "not_built"]

ABSENT: dict[str, tuple[str, str]] = {}

SIGNAL = ("conv2d", "pool_2d", "max_pool_2d", "max_pool_2d_same_size")
"""Functions of ``T.signal``."""


def _message(name: str, package: str, meanwhile: str) -> str:
    return f"{name} was called, but it is not built yet: it will be a part of {package}. {meanwhile}"


def not_built(name: str, package: str, meanwhile: str = "") -> Any:
    """Return a stand-in that raises ``NotImplementedError``, naming ``package``, when it is called."""
    message = _message(name, package, meanwhile).strip()
    short = name.rpartition(".")[2]

    def refuse(*_arguments: Any, **_options: Any) -> NoReturn:
        raise NotImplementedError(message)

    refuse.__name__ = refuse.__qualname__ = short
    refuse.__module__ = "symstack"
    refuse.__doc__ = message
    return refuse


def absent_namespace(name: str, package: str, members: tuple[str, ...], meanwhile: str = "") -> types.ModuleType:
    """Return a module ``name`` whose ``members`` are stand-ins of :func:`not_built`."""
    module = types.ModuleType(name, f"Not built yet: {name} will be a part of {package}.")
    short = name.rpartition(".")[2]
    for member in members:
        setattr(module, member, not_built(f"T.{short}.{member}", package, meanwhile))
    module.__dict__["__all__"] = list(members)
    return module


def __getattr__(name: str) -> Any:
    if name == "signal":
        value: Any = absent_namespace("symstack.tensor.signal", "symnnet", SIGNAL)
    elif name in ABSENT:
        value = not_built(f"ss.{name}", *ABSENT[name])
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value
