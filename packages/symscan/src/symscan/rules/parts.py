"""A loop taken apart, for rules that change what goes in and out of it."""

from dataclasses import dataclass
from typing import Any

from symcore.graph.clone import clone_graph
from symcore.graph.fgraph import FunctionGraph
from symcore.graph.traverse import ancestors
from symscan.op import Scan
from symscan.spec import Inner, Outer, Results, Rows, Spec


@dataclass
class Sequence_:
    """A sequence: the tensor, its taps and the slices that a step reads."""

    x: Any
    taps: tuple[int, ...]
    values: list[Any]


@dataclass
class State:
    """A state: its initial rows, what a step reads and makes, and the output of the node (``None`` for a new one)."""

    first: Any
    rows: Rows
    values: list[Any]
    made: Any
    output: Any = None


@dataclass
class Carry:
    """A carry: its first value, what a step reads and makes, and the output of the node."""

    first: Any
    value: Any
    made: Any
    output: Any = None


@dataclass
class Plain:
    """A plain output: what a step makes, and the output of the node (``None`` for a new one)."""

    rows: Rows
    made: Any
    output: Any = None


@dataclass
class Fixed:
    """A non-sequence: its value outside, and the inner variable."""

    x: Any
    value: Any


class LoopParts:
    """The parts of a node of ``Scan``, in lists that may be changed; ``build`` makes a node of them again.

    The inner variables are those of the Op's own graph and must not be changed; ``replace`` exchanges some of them.
    ``rewritten``: the phases of rewriting that the steps have been through.
    """

    def __init__(self, node: Any):
        op: Scan = node.op
        spec, outer = op.spec, op.spec.outer(node.inputs)
        inner, made, outputs = spec.inner(op.fgraph.inputs), spec.results(op.fgraph.outputs), spec.results(node.outputs)
        self.op, self.node, self.n_steps, self.condition = op, node, outer.n_steps, made.condition
        self.rewritten = op.rewritten
        self.sequences = [Sequence_(*p) for p in zip(outer.sequences, spec.sequences, inner.sequences, strict=True)]
        self.states = [
            State(*p) for p in zip(outer.states, spec.states, inner.states, made.states, outputs.states, strict=True)
        ]
        self.carries = [
            Carry(*p) for p in zip(outer.carries, inner.carries, made.carries, outputs.carries, strict=True)
        ]
        self.plain = [Plain(*p) for p in zip(spec.plain, made.plain, outputs.plain, strict=True)]
        self.fixed = [Fixed(*p) for p in zip(outer.non_sequences, inner.non_sequences, strict=True)]

    def outputs(self) -> list[State | Carry | Plain]:
        """Return the parts that the node has outputs of, in their order."""
        return [*self.states, *self.carries, *self.plain]

    def made(self) -> list[Any]:
        """Return the inner outputs."""
        return Results(
            [s.made for s in self.states], [c.made for c in self.carries], [p.made for p in self.plain], self.condition
        ).flat()

    def replace(self, mapping: dict[Any, Any]) -> None:
        """Exchange inner variables in everything that a step makes."""
        new = iter(clone_graph(self.made(), dict(mapping)))
        self.rewritten = ()
        for part in self.outputs():
            part.made = next(new)
        if self.condition is not None:
            self.condition = next(new)

    def drop_unused_inputs(self) -> bool:
        """Leave out the slices and non-sequences that no step reads; tell whether there were any."""
        used = set(ancestors(self.made()))
        before = sum(len(s.taps) for s in self.sequences), len(self.fixed)
        for s in self.sequences:
            kept = [(t, v) for t, v in zip(s.taps, s.values, strict=True) if v in used]
            s.taps, s.values = tuple(t for t, _ in kept), [v for _, v in kept]
        self.sequences = [s for s in self.sequences if s.taps]
        self.fixed = [f for f in self.fixed if f.value in used]
        return before != (sum(len(s.taps) for s in self.sequences), len(self.fixed))

    def build(self) -> tuple[Any, dict[Any, Any]]:
        """Return the new node, and ``{output of the old node: output of the new one}``."""
        spec = Spec(
            tuple(s.taps for s in self.sequences),
            tuple(s.rows for s in self.states), tuple(p.rows for p in self.plain), len(self.carries),
             len(self.fixed), self.condition is not None,
        )  # fmt: skip
        inner = Inner(
            [s.values for s in self.sequences], [s.values for s in self.states], [c.value for c in self.carries],
            [f.value for f in self.fixed],
        )  # fmt: skip
        outer = Outer(
            self.n_steps, [s.x for s in self.sequences], [s.first for s in self.states],
            [c.first for c in self.carries], [f.x for f in self.fixed],
        )  # fmt: skip
        op = Scan(FunctionGraph(inner.flat(), self.made()), spec, self.op.truncate, self.op.name, self.rewritten,
                  self.op.lean, self.op.asked)  # fmt: skip
        node = op.make_node(*outer.flat())
        new = zip(self.outputs(), node.outputs, strict=True)
        return node, {p.output: y for p, y in new if p.output is not None}
