"""Truncated gradients in less memory: the steps that the gradient does not go back to are not remembered.

A gradient that is cut after ``m = min(n, truncate)`` steps reads the last ``m`` rows of what the forward loop made.
``less_truncated`` finds these reads in a graph and writes the forward loop as two, one after the other: ``n - m`` steps
that hand on their last states, and ``m`` steps whose rows are kept. No step is made twice.
"""

from dataclasses import replace
from typing import Any

from symcore.graph.fgraph import FunctionGraph
from symcore.graph.variable import Apply, Constant
from symcore.tensor.elemwise import elemwise_name
from symcore.tensor.join import concatenate
from symcore.tensor.subtensor import Subtensor
from symscan.reading import Made, Reads, fitting, is_end, shorter
from symscan.spec import Outer, Rows


def less_truncated(node: Apply, fgraph: FunctionGraph) -> dict[Any, Any] | None:
    """Return what takes the place of outputs of a loop whose last rows a truncated gradient reads; ``None`` where there
    is no such gradient, or a condition ends the loop."""
    op: Any = node.op
    spec = op.spec
    if spec.until or op.lean or any(rows.keep is not None for rows in spec.rows):
        return None
    rows = spec.results(node.outputs).rows
    views = {k: _last_views(y, node.inputs[0], kind.depth, fgraph)
             for k, (y, kind) in enumerate(zip(rows, spec.rows, strict=True))}  # fmt: skip
    lengths = {m for found in views.values() for _, _, m in found}
    if len(lengths) != 1:
        return None
    [m] = lengths
    known = {view for found in views.values() for view, _, _ in found}
    reads = [Reads(k, y, kind, fgraph, known) for k, (y, kind) in enumerate(zip(rows, spec.rows, strict=True))]
    others = shorter(node, fgraph)
    parts = [(keep, Reads(k, y, kind, fgraph, known)) for keep, kind, k, y in others.rows]
    made = _Halves(node, m, {r.k for r in (*reads, *(r for _, r in parts)) if r.whole})
    found = dict(zip(spec.results(node.outputs).carries, made.carries, strict=True))
    found |= others.carried(made.carries)
    for r in reads:
        found |= made.replaced(r)
    for keep, r in parts:
        found |= made.replaced(r, keep)
    for k, pieces in views.items():
        for view, start, _ in pieces:
            found[view.outputs[0]] = fitting(made.rest[k][start : start + m], view.outputs[0])
    return found


def _last_views(y: Any, n: Any, total: int, fgraph: FunctionGraph) -> list[tuple[Any, int, Any]]:
    """Return ``(node, start, m)`` of all views ``y[start + n - m : start + n]`` of ``total + n`` rows, where ``m`` is
    the smaller of ``n`` and a number."""
    found = []
    for view, _ in fgraph.clients[y]:
        if view is None or type(view.op) is not Subtensor or view.op.entries != (("slice", "input", "input", None),):
            continue
        first: Any
        stop: Any
        first, stop = view.inputs[1:]
        if elemwise_name(first) != "sub" or first.owner.inputs[0] is not stop:
            continue
        m: Any = first.owner.inputs[1]
        if elemwise_name(m) != "minimum" or not any(v is n for v in m.owner.inputs):
            continue
        if not any(isinstance(v, Constant) for v in m.owner.inputs):
            continue
        found += [(view, start, m) for start in range(total + 1) if is_end(stop, start, n, total)]
    return found


class _Halves(Made):
    """The steps before the last ``m``, then these: of both the rows that others want, of the second all of them."""

    def __init__(self, node: Apply, m: Any, wanted: set[int]):
        op: Any = node.op
        super().__init__(node)
        spec, outer = self.spec, self.outer
        before = (self.n - m).astype("int64")
        rows = [Rows(r.taps, None if k in wanted else max(r.depth, 1)) for k, r in enumerate(spec.rows)]
        states = len(spec.states)
        kept = replace(spec, states=tuple(rows[:states]), plain=tuple(rows[states:]))
        first = op.with_spec(kept).make_node(before, *outer.flat()[1:])
        self.first = kept.results(first.outputs)
        firsts = [
            fitting(x[-r.depth :], given)
            for x, r, given in zip(self.first.states, spec.states, outer.states, strict=True)
        ]
        cut = [x[before:] for x in outer.sequences]
        second = op.make_node(*Outer(m.astype("int64"), cut, firsts, self.first.carries, outer.non_sequences).flat())
        last = spec.results(second.outputs)
        self.rest, self.carries = last.rows, last.carries

    def whole(self, k: int) -> Any:
        """Return all rows of output ``k``."""
        return concatenate([self.first.rows[k], self.rest[k][self.spec.rows[k].depth :]])
