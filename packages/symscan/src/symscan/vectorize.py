"""Loops over a batch: one loop whose slices, states and outputs have the batch in front."""

from collections.abc import Sequence
from typing import Any

from symcore.graph.fgraph import FunctionGraph
from symcore.graph.test_values import paused
from symcore.graph.variable import Apply
from symcore.tensor.shapes import shape_i, specify_shape
from symcore.tensor.type import TensorType
from symcore.vectorize.dispatch import batch_length, vectorize_node, walk, with_batch
from symscan.op import Scan


@vectorize_node.register(Scan)
def loop_over_a_batch(op: Scan, node: Apply, inputs: Sequence[Any], batched: Sequence[bool]) -> Sequence[Any] | None:
    """``scan(f) -> scan(f over the batch)``: rows stay the first axis of the loop's tensors, the batch is the second.

    A state is one of a batch as soon as its first rows, or what a step makes of it, are. Entries that make different
    numbers of steps (a batch of ``n_steps``, a condition) and loops that hand on generators are left to ``Blockwise``.
    """
    spec, outer = op.spec, op.spec.outer(list(batched))
    if outer.n_steps or spec.until or spec.n_carries:
        return None
    length = batch_length(inputs, batched)
    known = next((x.type.shape[0] for x, b in zip(inputs, batched, strict=True) if b and x.type.shape[0]), None)
    with paused():  # the step is about variables of its own
        step = _BatchedStep(op, outer, known)
    given = spec.outer(list(inputs))
    sequences = [_rows_first(x) if b else x for x, b in zip(given.sequences, outer.sequences, strict=True)]
    states = [
        _rows_first(x) if b else with_batch_second(x, length) if now else x
        for x, b, now in zip(given.states, outer.states, step.states, strict=True)
    ]
    loop = Scan(FunctionGraph(step.inputs, step.outputs), spec, op.truncate, op.name, lean=op.lean, asked=op.asked)
    made = loop.make_node(given.n_steps, *sequences, *states, *given.non_sequences).outputs
    flags = [*step.states, *step.plain]
    return [_rows_first(rows) if b else rows for rows, b in zip(made, flags, strict=True)]


class _BatchedStep:
    """One step over the batch: its inputs and outputs, and which states and plain outputs have the batch."""

    def __init__(self, op: Scan, batched: Any, length: int | None):
        self.states: list[bool] = list(batched.states)
        while True:  # at most once for every state
            self._build(op, batched, length)
            grown = [b or y.type.ndim > v[0].type.ndim
                     for b, y, v in zip(self.states, self.made.states, self.read.states, strict=True)]  # fmt: skip
            if grown == self.states:
                break
            self.states = grown
        lengths = [shape_i(new, 0) for new, old in zip(self.inputs, op.fgraph.inputs, strict=True)
                   if new.type.ndim > old.type.ndim]  # fmt: skip
        states = [
            _as(with_batch(y, lengths[0]) if b and y.type.ndim == v[0].type.ndim else y, now[0].type)
            for y, b, v, now in zip(self.made.states, self.states, self.read.states, self.now.states, strict=True)
        ]
        plain = op.spec.results(op.fgraph.outputs).plain
        self.plain = [new.type.ndim > old.type.ndim for new, old in zip(self.made.plain, plain, strict=True)]
        self.outputs = [*states, *self.made.plain]

    def _build(self, op: Scan, batched: Any, length: int | None) -> None:
        spec = op.spec
        self.read = spec.inner(op.fgraph.inputs)
        flags = [b for b, taps in zip(batched.sequences, self.read.sequences, strict=True) for _ in taps]
        flags += [b for b, taps in zip(self.states, self.read.states, strict=True) for _ in taps]
        flags += batched.non_sequences
        self.inputs = [
            TensorType(v.type.dtype, (length, *v.type.shape))(v.name) if b else v.type(v.name)
            for v, b in zip(op.fgraph.inputs, flags, strict=True)
        ]
        self.now = spec.inner(self.inputs)
        self.made = spec.results(
            walk(op.fgraph.outputs, dict(zip(op.fgraph.inputs, self.inputs, strict=True)))
        )


def _rows_first(x: Any) -> Any:
    """Exchange the batch and the rows."""
    return x.dimshuffle(1, 0, *range(2, x.type.ndim))


def with_batch_second(x: Any, length: Any) -> Any:
    """Return rows repeated for every entry of a batch, the batch as the second axis."""
    return _rows_first(with_batch(x, length))


def _as(y: Any, wanted: Any) -> Any:
    return y if wanted.is_super(y.type) else specify_shape(y, wanted.shape)
