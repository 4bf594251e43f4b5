"""``MonitorMode``: calls the user's own functions before and after every node."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from symcore.config import Snapshot
from symcore.graph.variable import Apply
from symcore.interpreter import run_node
from symopt.interfaces import Signature
from symopt.mode import Mode
from symopt.plan import MemoryPlan
from symopt.ruleset import RuleSet
from symopt.vm import PyLinker, PyProgram


class NodeValues(NamedTuple):
    """What a node reads and what it computes: lists of values, ``outputs`` empty before the node has run."""

    inputs: list[Any]
    outputs: list[Any]


#: ``(position in the order of execution, node, values)``; what it returns is ignored, what it raises ends the call.
Hook = Callable[[int, Apply, NodeValues], Any]


class MonitorMode(Mode):
    """A mode that runs in Python and calls ``pre_func`` before and ``post_func`` after every node.

    Parameters
    ----------
    pre_func, post_func
        Called as ``(position, node, values)``: the node's place in the order of execution (from 0), the node, and its
        ``NodeValues``. The arrays are the function's own: look, and do not change them.
    rules
        The rules to apply; all that are installed by default. Without those of the phase ``fuse`` the nodes are single
        operations: ``MonitorMode(...).excluding("fuse")``.

    Raises ``TypeError`` for a hook that cannot be called.
    """

    __slots__ = ()

    def __init__(self, pre_func: Hook | None = None, post_func: Hook | None = None, rules: RuleSet | None = None):
        for name, hook in (("pre_func", pre_func), ("post_func", post_func)):
            if hook is not None and not callable(hook):
                raise TypeError(f"{name} of MonitorMode is a function of (position, node, values), got {hook!r}.")
        super().__init__("MonitorMode", rules, MonitorLinker(pre_func, post_func))


class MonitorLinker(PyLinker):
    """Links plans to the Python virtual machine, with calls of two hooks around every node."""

    name = "monitor"

    def __init__(self, pre_func: Hook | None, post_func: Hook | None):
        self.hooks = (pre_func, post_func)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MonitorLinker) and self.hooks == other.hooks

    def __hash__(self) -> int:
        return hash(self.hooks)

    def link(self, plan: MemoryPlan, signature: Signature, config: Snapshot) -> PyProgram:
        """Return a program that calls the hooks around every node."""
        pre_func, post_func = self.hooks

        def step(node: Apply, inputs: Sequence[Any]) -> list[Any]:
            position = plan.position[node]
            if pre_func is not None:
                pre_func(position, node, NodeValues(list(inputs), []))
            outputs = run_node(node, inputs)
            if post_func is not None:
                post_func(position, node, NodeValues(list(inputs), list(outputs)))
            return outputs

        return PyProgram(plan, signature, step)
