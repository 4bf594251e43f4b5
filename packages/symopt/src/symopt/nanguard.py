"""``NanGuardMode``: stops at the first node that makes a NaN, an infinity or a huge number, and names the line.

The rules that fuse nodes are left out, so that the node named is a single operation of the user's expression.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from symcore.config import Snapshot
from symcore.errors import SymstackError
from symcore.graph import trace
from symcore.graph.variable import Apply, Constant, Variable
from symcore.interpreter import run_node
from symopt.faults import summary
from symopt.interfaces import Signature
from symopt.mode import Mode, all_rules
from symopt.plan import MemoryPlan
from symopt.ruleset import RuleSet
from symopt.vm import PyLinker, PyProgram


class NanGuardError(SymstackError, AssertionError):
    """A value that was to be finite and of ordinary size is not. ``node`` made it; ``None`` if it came in from outside.

    ``variable`` is the variable that has the value, ``value`` the value itself.
    """

    def __init__(self, message: str, node: Apply | None, variable: Variable[Any], value: Any):
        super().__init__(message)
        self.node = node
        self.variable = variable
        self.value = value


class NanGuardMode(Mode):
    """A mode that runs in Python and checks every value.

    Parameters
    ----------
    nan_is_error, inf_is_error, big_is_error
        What to stop at: NaN, infinities, finite numbers whose absolute value is above ``big``.
    rules
        The rules to apply; by default all that do not fuse nodes.
    big
        From where on a number is huge.

    Constants are not checked (an infinity that is written down is meant), nor are variables with
    ``variable.tag.nan_guard_mode_check = False``. Calls raise ``NanGuardError``; shared variables stay as they were.
    """

    __slots__ = ()

    def __init__(
        self,
        nan_is_error: bool = True,
        inf_is_error: bool = True,
        big_is_error: bool = True,
        rules: RuleSet | None = None,
        big: float = 1e10,
    ):
        chosen = all_rules() - "fuse" if rules is None else rules
        super().__init__("NanGuardMode", chosen, NanGuardLinker(nan_is_error, inf_is_error, big_is_error, big))


class NanGuardLinker(PyLinker):
    """Links plans to the Python virtual machine, with a check after every node. Parameters as of ``NanGuardMode``."""

    name = "nanguard"

    def __init__(self, nan: bool, inf: bool, big: bool, limit: float):
        self.options = (nan, inf, big, limit)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NanGuardLinker) and self.options == other.options

    def __hash__(self) -> int:
        return hash(self.options)

    def link(self, plan: MemoryPlan, signature: Signature, config: Snapshot) -> PyProgram:
        """Return a program that checks what every node reads from outside and what it computes."""
        return PyProgram(plan, signature, self._step)

    def _step(self, node: Apply, inputs: Sequence[Any]) -> list[Any]:
        for v, value in zip(node.inputs, inputs, strict=True):
            if v.owner is None and not isinstance(v, Constant) and (fault := self._fault(v, value)):
                raise NanGuardError(_from_outside(fault, v, value, node), None, v, value)
        values = run_node(node, inputs)
        for y, value in zip(node.outputs, values, strict=True):
            if fault := self._fault(y, value):
                raise NanGuardError(_made_here(fault, y, value, inputs), node, y, value)
        return values

    def _fault(self, variable: Variable[Any], value: Any) -> str | None:
        """Return what is wrong with a value, or ``None``."""
        value = value.data if hasattr(value, "indptr") else value  # of a sparse matrix what it stores
        if getattr(value, "dtype", None) is None or value.dtype.kind not in "fc" or not value.size:
            return None
        if not getattr(getattr(variable, "_tag", None), "nan_guard_mode_check", True):
            return None
        nan, inf, big, limit = self.options
        with np.errstate(all="ignore"):
            size = np.abs(np.asarray(value))
            largest = float(size.max())  # NaN if there is one
            if largest <= limit:
                return None
            if nan and np.isnan(size).any():
                return _where("NaN", np.isnan(size))
            if inf and np.isinf(size).any():
                return _where("infinite", np.isinf(size))
            if big and (huge := np.isfinite(size) & (size > limit)).any():
                return _where(f"above {limit:g} in size", huge)
        return None


def _where(what: str, found: Any) -> str:
    if not found.ndim:
        return f"is {what}"
    first = tuple(int(i[0]) for i in found.nonzero())
    return f"has {int(found.sum())} of {found.size} elements that are {what}, the first at {first}"


def _from_outside(fault: str, variable: Variable[Any], value: Any, node: Apply) -> str:
    return (
        f"the value of {variable} {fault}; it was given to the function, no node made it.\n"
        f"  {variable}: {summary(value)}\n  first used by {node.op}{_built(node)}\n"
        "  Look at the data, or at what the last update has put into a shared variable."
    )


def _made_here(fault: str, output: Variable[Any], value: Any, inputs: Sequence[Any]) -> str:
    node = output.owner
    assert node is not None
    lines = [f"the output of {node.op} {fault}.", f"  output {output.index}: {summary(value)}"]
    for k, (v, given) in enumerate(zip(node.inputs[:6], inputs, strict=False)):
        lines.append(f"  input {k} ({v}): {summary(given)}")
    lines.append("  All its inputs passed the check: it is this node that makes the value." + _built(node))
    return "\n".join(lines)


def _built(node: Apply) -> str:
    where = trace.describe(node.trace)
    return f"\n  built at {where}" if where else ""
