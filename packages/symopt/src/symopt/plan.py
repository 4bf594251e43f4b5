"""The memory plan: in which order nodes run, what may be written over what, and where updates go.

It is made once, after all rewriting, from an unchanged, pure graph, and is followed by every linker. Buffers are known
by their *root*: the variable whose node (or input) made them; views share the root of what they look at.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from symcore.graph.fgraph import FunctionGraph
from symcore.graph.shared import SharedVariable
from symcore.graph.variable import Apply, Variable
from symcore.tensor.elemwise import Elemwise
from symopt.schedule import schedule, written_parts


class Update:
    """One update: ``shared`` takes the value of ``new``; ``direct`` if the node that computes it may write it there."""

    __slots__ = ("direct", "new", "shared")

    def __init__(self, shared: SharedVariable[Any], new: Variable[Any], direct: bool):
        self.shared = shared
        self.new = new
        self.direct = direct


class MemoryPlan:
    """What is decided about the memory of one function.

    Attributes
    ----------
    fgraph
        The graph; its outputs are the function's outputs, then the new values of the updated variables.
    order
        Its nodes in the order in which they run.
    inplace
        ``{node: {output: input}}``: that output takes over that input's buffer.
    root
        ``{variable: variable whose buffer it is in}``.
    n_outputs
        How many of the graph's outputs are the function's.
    copied
        Per output of the function: whether it must be copied, for its buffer belongs to something else.
    within
        ``{variable: result}``: what an output or an update is before some part of it is written, and lies in its memory
        from the beginning.
    updates
        The updates, in the order given.
    """

    def __init__(
        self,
        fgraph: FunctionGraph,
        n_outputs: int,
        updated: Sequence[SharedVariable[Any]],
        mutable: Sequence[Variable[Any]] = (),
        can_fail: Callable[[Apply], bool] | None = None,
    ):
        self.fgraph = fgraph
        self.n_outputs = n_outputs
        self.updated = list(updated)
        self.mutable = set(mutable)
        self.can_fail = can_fail or (lambda node: True)
        new_values = fgraph.outputs[n_outputs:]
        self.root = _roots(fgraph.toposort())
        self.order = schedule(fgraph, n_outputs, self.updated, self.root, self.can_fail)
        self.position = {node: k for k, node in enumerate(self.order)}
        self._last = self._last_uses()
        self._last_fallible = max((k for k, node in enumerate(self.order) if self.can_fail(node)), default=-1)
        self._times_output = Counter(fgraph.outputs)
        self._seen_outside = {self.root.get(v, v) for v in fgraph.outputs}
        self.copied = self._copied()
        self.inplace = self._inplace()
        self.within = self._within()
        self.updates = [Update(s, new, self._direct(s, new)) for s, new in zip(self.updated, new_values, strict=True)]

    def last_use(self, variable: Variable[Any]) -> int:
        """Return the position of the last node that reads the buffer of ``variable``; the end for outputs."""
        return self._last.get(self.root.get(variable, variable), -1)

    def _last_uses(self) -> dict[Variable[Any], int]:
        last: dict[Variable[Any], int] = {}
        for k, node in enumerate(self.order):
            for v in node.inputs:
                last[self.root.get(v, v)] = k
        for v in self.fgraph.outputs:
            last[self.root.get(v, v)] = len(self.order)
        return last

    def _copied(self) -> list[bool]:
        """An output is copied if its buffer is an input's, a constant's, another output's, or is to hold an update."""
        taken = {self.root.get(v, v) for v in self.fgraph.outputs[self.n_outputs :]}
        copied = []
        for v in self.fgraph.outputs[: self.n_outputs]:
            root = self.root.get(v, v)
            copied.append(root.owner is None or root in taken)
            taken.add(root)
        return copied

    def _is_fresh(self, variable: Variable[Any]) -> bool:
        """Whether a variable is a buffer of this call's own, whole and not a view."""
        return self.root.get(variable, variable) is variable and (
            variable.owner is not None or variable in self.mutable
        )

    def _inplace(self) -> dict[Apply, dict[int, int]]:
        decided: dict[Apply, dict[int, int]] = {}
        for k, node in enumerate(self.order):
            taken: set[Variable[Any]] = set()
            for output, candidates in node.op.inplace(node).items():
                for i in candidates:
                    x = node.inputs[i]
                    if x in taken or not self._is_fresh(x) or self._last[x] != k or not self._alone(node, i):
                        continue
                    decided.setdefault(node, {})[output] = i
                    taken.add(x)
                    break
        return decided

    def _within(self) -> dict[Variable[Any], Variable[Any]]:
        copied = [*self.copied, *([False] * len(self.updated))]
        found: dict[Variable[Any], Variable[Any]] = {}
        for new, apart in zip(self.fgraph.outputs, copied, strict=True):
            if not apart and self.root.get(new, new) is new:
                found.update((x, new) for x in written_parts(new, self.fgraph))
        return found

    def first_write(self, new: Variable[Any]) -> Variable[Any]:
        """Return what lies first in the memory of an output or update: itself, or what it is before parts of it are
        written."""
        return next((x for x in reversed(written_parts(new, self.fgraph)) if self.within.get(x) is new), new)

    def _alone(self, node: Apply, position: int) -> bool:
        """Whether no other input of the node looks at the same buffer (the very same variable is fine elementwise)."""
        x = node.inputs[position]
        root = self.root.get(x, x)
        pointwise = type(node.op) is Elemwise
        return not any(
            self.root.get(v, v) is root and not (pointwise and v is x)
            for i, v in enumerate(node.inputs)
            if i != position
        )

    def _direct(self, shared: SharedVariable[Any], new: Variable[Any]) -> bool:
        """Whether the new value may be written straight into the shared variable's array.

        Every node that can fail and every reader of the old value must come before; the node itself may read it if it
        may work in place on it.
        """
        if new.owner is None or self.root.get(new, new) is not new or self._times_output[new] > 1:
            return False
        new = self.first_write(new)
        node: Any = new.owner
        k = self.position[node]
        if k < self._last_fallible:  # a kernel that fails does so before it writes
            return False
        if shared in self._seen_outside:
            return False
        last = self._last.get(shared, -1)
        if last < k:
            return True
        if last > k:
            return False
        allowed = node.op.inplace(node).get(node.outputs.index(new), ())
        uses = [i for i, v in enumerate(node.inputs) if self.root.get(v, v) is shared]
        return all(node.inputs[i] is shared and i in allowed for i in uses) and self._alone(node, uses[0])

    def in_shared(self) -> set[Variable[Any]]:
        """Return the results that are written into the arrays of shared variables."""
        direct = {u.new for u in self.updates if u.direct}
        return direct | {x for x, new in self.within.items() if new in direct}

    def describe(self, node: Apply) -> str:
        """Return the in-place decision for a node as ``debugprint`` shows it: ``[(0, 0)]``, or an empty string."""
        pairs = sorted(self.inplace.get(node, {}).items())
        return str(pairs) if pairs else ""


def _roots(order: Sequence[Apply]) -> dict[Variable[Any], Variable[Any]]:
    root: dict[Variable[Any], Variable[Any]] = {}
    for node in order:
        for output, i in node.op.view(node).items():
            source = node.inputs[i]
            root[node.outputs[output]] = root.get(source, source)
    return root
