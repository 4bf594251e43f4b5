"""The interfaces between ``function()``, linkers and programs."""

from collections.abc import Mapping, Sequence
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


class LoopProgram(Protocol):
    """The steps of one loop in a linked program, for profiles. A program that has loops gives them by ``loops()``.

    Attributes
    ----------
    node
        The loop's node.
    plan
        The plan of a step.
    machine
        Its ``timings()`` are ``(position in the plan, calls, nanoseconds)`` of the nodes that ran while profiling.
    """

    node: Apply
    plan: MemoryPlan
    machine: Any

    def placement(self) -> list[tuple[Apply, str, str]]:
        """Return where every node of a step runs."""
        ...

    def loops(self) -> Sequence["LoopProgram"]:
        """Return the loops within a step."""
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
    """How a function is called: its inputs (``In``), how outputs are handed back, its name.

    Attributes
    ----------
    inputs
        What the program reads, in its order.
    declared
        All inputs in the order in which the user gave them. Those that are not among ``inputs`` keep their value from
        call to call.
    states
        ``{position in declared: the shared variable that keeps the value}``.
    single, keys
        Whether the one output is returned by itself; the keys of a dictionary of outputs.
    """

    __slots__ = ("declared", "inputs", "keys", "name", "single", "states")

    def __init__(
        self,
        inputs: list[Any],
        single: bool,
        keys: list[str] | None,
        name: str,
        declared: Sequence[Any] | None = None,
        states: Mapping[int, Any] | None = None,
    ):
        self.inputs = inputs
        self.single = single
        self.keys = keys
        self.name = name
        self.declared = inputs if declared is None else list(declared)
        self.states = dict(states or {})

    @property
    def plain(self) -> bool:
        """Whether the arguments of a call are the inputs of the program, one for one."""
        return len(self.declared) == len(self.inputs) and not any(i.implicit for i in self.inputs)

    def changed(self, **attributes: Any) -> "Signature":
        """Return a signature that differs in some attributes."""
        made = object.__new__(Signature)
        for name in self.__slots__:
            setattr(made, name, attributes.get(name, getattr(self, name)))
        return made
