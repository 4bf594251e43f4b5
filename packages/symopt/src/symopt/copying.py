"""Plans made from plans: other shared variables, fewer outputs, no updates; nothing is rewritten again."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from symcore.graph.clone import Mapped
from symcore.graph.fgraph import FunctionGraph
from symcore.graph.shared import SharedVariable
from symcore.graph.variable import Apply
from symopt.plan import MemoryPlan


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
    copy = FunctionGraph(fgraph.inputs[:n_inputs], wanted, mapping=mapping)
    mutable = [mapping[v] for v in fgraph.inputs if v in plan.mutable]
    updated = [swap.get(s, s) for s in plan.updated] if updates else []
    return MemoryPlan(copy, len(kept), updated, mutable, can_fail)
