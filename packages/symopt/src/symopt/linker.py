"""Choosing the linker of a function."""

import warnings
from typing import Any

from symcore import plugins
from symcore.config import Snapshot
from symcore.graph import trace
from symopt.interfaces import Linker, Program, Signature
from symopt.vm import PyLinker


def make_linker(wanted: Any, config: Snapshot) -> Any:
    """Return a linker: the given one, one by its name, or for ``"auto"`` the one that ``config.linker`` asks for.

    That is the C virtual machine where it can run, else the Python one, with one warning. Raises ``RuntimeError`` when
    a linker is demanded by name and cannot run here, and ``ValueError`` for a name that nobody registered.
    """
    if not isinstance(wanted, str):
        return wanted() if isinstance(wanted, type) else wanted
    name = config.linker if wanted == "auto" else wanted
    if name == "py":
        return PyLinker()
    found = plugins.load("symstack.linkers")
    if name not in ("auto", "cvm") and name not in found:
        raise ValueError(f"there is no linker {name!r}; there are: auto, py, {', '.join(found)}.")
    linker = found.get("cvm" if name == "auto" else name)
    if linker is None:
        if name == "auto":
            return PyLinker()
        raise RuntimeError("the linker 'cvm' was asked for, but symcodegen, which brings it, is not installed.")
    why_not = linker.why_not(config)
    if why_not is None:
        return linker()
    if name != "auto":
        raise RuntimeError(f"the linker {name!r} was asked for, but it cannot run here: {why_not}")
    warn_slow(why_not)
    return PyLinker()


_said: set[str] = set()


def warn_slow(why_not: str) -> None:
    """Say once per process and reason that functions run in Python."""
    if why_not not in _said:
        _said.add(why_not)
        message = f"functions run in Python, node by node, which is slow: {why_not}"
        warnings.warn(message, stacklevel=trace.users_level())


__all__ = ["Linker", "Program", "Signature", "make_linker", "warn_slow"]
