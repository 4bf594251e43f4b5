"""Plans made from plans: other shared variables, fewer outputs, no updates; nothing is rewritten again."""

import copy
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from symcore.graph.clone import Mapped
from symcore.graph.fgraph import FunctionGraph
from symcore.graph.shared import SharedVariable
from symcore.graph.variable import Apply, Variable
from symopt.plan import MemoryPlan, Update


def derived_plan(
    plan: MemoryPlan,
    n_inputs: int,
    can_fail: Callable[[Apply], bool],
    swap: Mapping[SharedVariable[Any], SharedVariable[Any]] | None = None,
    outputs: Sequence[int] | None = None,
    updates: bool = True,
) -> MemoryPlan:
    """Return a plan of a copy of a rewritten graph.

    Parameters
    ----------
    n_inputs
        How many of the graph's inputs are the function's; the rest are shared variables.
    can_fail
        The new linker's.
    swap
        ``{shared variable: the one of the same type that takes its place}``.
    outputs
        The positions of the outputs to keep; all by default.
    updates
        Whether to keep the updates.
    """
    swap = swap or {}
    kept = range(plan.n_outputs) if outputs is None else outputs
    fgraph = plan.fgraph
    wanted = [fgraph.outputs[k] for k in kept]
    if updates:
        wanted += fgraph.outputs[plan.n_outputs :]
    mapping: Mapped = {old: new for old, new in swap.items()}  # noqa: C416 - a wider type
    other = FunctionGraph(fgraph.inputs[:n_inputs], wanted, mapping=mapping)
    mutable = [mapping[v] for v in fgraph.inputs if v in plan.mutable]
    updated = [swap.get(s, s) for s in plan.updated] if updates else []
    return MemoryPlan(other, len(kept), updated, mutable, can_fail)


def same_plan(
    plan: MemoryPlan, n_inputs: int, swap: Mapping[SharedVariable[Any], SharedVariable[Any]]
) -> MemoryPlan | None:
    """Return the very same plan for a graph with other shared variables, without deciding anything again.

    ``None`` where the decisions may not hold: one variable takes the place of two, or one that is in use already.
    """
    fgraph = plan.fgraph
    touched = {*(v for v in fgraph.inputs if isinstance(v, SharedVariable)), *plan.updated}
    before = {id(s.container) for s in touched}
    after = {id(swap.get(s, s).container) for s in touched}
    if not len(before) == len(after) == len(touched):
        return None
    mapping: Mapped = {old: new for old, new in swap.items()}  # noqa: C416 - a wider type
    other = FunctionGraph(fgraph.inputs[:n_inputs], fgraph.outputs, mapping=mapping)
    if len(other) != len(fgraph):
        return None
    made = copy.copy(plan)
    told = _Translation(mapping, other)
    made.__dict__.update({name: told(value) for name, value in vars(plan).items()})
    return made


class _Translation:
    """Says the same of the copy of a graph: values of every kind that a plan is made of."""

    def __init__(self, mapping: Mapped, fgraph: FunctionGraph):
        self.variables = mapping
        self.fgraph = fgraph

    def __call__(self, value: Any) -> Any:
        if isinstance(value, Variable):
            return self.variables.get(value, value)
        if isinstance(value, Apply):
            return self.variables[value.outputs[0]].owner
        if isinstance(value, FunctionGraph):
            return self.fgraph
        if isinstance(value, Update):
            return Update(self(value.shared), self(value.new), value.direct)
        if isinstance(value, dict):
            kind = Counter if isinstance(value, Counter) else dict
            return kind({self(k): self(v) for k, v in value.items()})
        if isinstance(value, (list, set, tuple)):
            return type(value)([self(v) for v in value])
        return value
