"""The interfaces between ``function()``, linkers and programs."""

from typing import Any, Protocol

from symcore.config import Snapshot
from symcore.graph.variable import Apply
from symopt.plan import MemoryPlan


class Program(Protocol):
    """A linked function body. Called with one value per input, it returns the outputs and commits the updates."""

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

    __slots__ = ("inputs", "keys", "name", "single")

    def __init__(self, inputs: list[Any], single: bool, keys: list[str] | None, name: str):
        self.inputs = inputs
        self.single = single
        self.keys = keys
        self.name = name
