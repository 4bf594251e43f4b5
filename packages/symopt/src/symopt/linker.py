"""Linkers turn a memory plan into a program: something that runs."""

from typing import Any, Protocol

from symcore.config import Snapshot
from symcore.graph.variable import Apply
from symopt.plan import MemoryPlan


class Program(Protocol):
    """A linked function body. Calling it with one value per input returns the list of outputs and commits the updates."""

    def __call__(self, *values: Any) -> list[Any]:
        """Run. A failed run leaves every shared variable as it was."""
        ...

    def placement(self) -> list[tuple[Apply, str, str]]:
        """Return, per node in order, where it runs (``C``, ``view``, ``Python`` ...) and why or how."""
        ...


class Linker(Protocol):
    """Makes programs. Registered under the entry-point group ``symstack.linkers``."""

    name: str

    def can_fail(self, node: Apply) -> bool:
        """Tell whether a node may fail once the shapes have been checked."""
        ...

    def link(self, plan: MemoryPlan, signature: "Signature", config: Snapshot) -> Program:
        """Return a program that follows the plan."""
        ...


class Signature:
    """How a function is called: its inputs (``In``), how outputs are handed back, its name."""

    __slots__ = ("function_class", "inputs", "keys", "name", "single")

    def __init__(self, inputs: list[Any], single: bool, keys: list[str] | None, name: str):
        self.inputs = inputs
        self.single = single
        self.keys = keys
        self.name = name


def available_linker(config: Snapshot) -> Any:
    """Return the linker that ``config.linker`` asks for: the C virtual machine where it can run, else the Python one.

    Raises ``RuntimeError`` when ``cvm`` is demanded and cannot run here, saying why.
    """
    from symcore import plugins
    from symopt.vm import PyLinker

    if config.linker == "py":
        return PyLinker()
    found = plugins.load("symstack.linkers").get("cvm")
    if found is None:
        if config.linker == "cvm":
            raise RuntimeError("config.linker is 'cvm', but symcodegen, which brings it, is not installed.")
        return PyLinker()
    why_not = found.why_not(config)
    if why_not is None:
        return found()
    if config.linker == "cvm":
        raise RuntimeError(f"config.linker is 'cvm', but the C virtual machine cannot run here: {why_not}")
    _say_once(why_not)
    return PyLinker()


_said: set[str] = set()


def _say_once(why_not: str) -> None:
    import warnings

    if why_not not in _said:
        _said.add(why_not)
        warnings.warn(f"functions run in Python, node by node, which is slow: {why_not}", stacklevel=4)
