"""``MapRows``: a graph applied to every row of its sequences, at once as far as the outer graph is concerned."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from symcore.gradient.grad import Lop
from symcore.gradient.rop import Rop
from symcore.graph.fgraph import FunctionGraph
from symcore.graph.null import disconnected
from symcore.graph.traverse import toposort
from symcore.graph.variable import Apply, Constant, Variable
from symcore.interpreter import evaluate
from symcore.op import Op, Shape
from symcore.tensor.constant import as_tensor
from symcore.tensor.type import TensorType


class MapRows(Op):
    """Apply an inner graph to each row of the first ``n_sequences`` inputs; the others are the same for every row.

    The rows' results, which must have one shape, are stacked along a new first axis. Rows do not feed each other, so
    derivatives are of the same kind: a ``MapRows`` of the inner graph's derivative, summed over the rows for what all
    of them share.

    Parameters
    ----------
    fgraph
        The inner graph; its first ``n_sequences`` inputs are rows. It must hold no shared variables of its own.
    n_sequences
        How many of the inputs are walked along their first axis.
    """

    fgraph: FunctionGraph
    n_sequences: int

    def __init__(self, fgraph: FunctionGraph, n_sequences: int):
        super().__init__(fgraph, n_sequences)
        self.key = graph_key(fgraph)

    def __str__(self) -> str:
        return f"MapRows{{{self.n_sequences} sequences, {len(self.fgraph)} nodes}}"

    __repr__ = __str__

    def _values(self) -> tuple[Any, ...]:
        return self.key, self.n_sequences

    def make_node(self, *inputs: Any) -> Apply:
        variables = [as_tensor(v) for v in inputs]
        if len(variables) != len(self.fgraph.inputs):
            raise TypeError(f"{self} takes {len(self.fgraph.inputs)} inputs, got {len(variables)}.")
        for position, (given, inner) in enumerate(zip(variables, self.fgraph.inputs, strict=True)):
            wanted = (
                inner.type if position >= self.n_sequences else TensorType(inner.type.dtype, (None, *inner.type.shape))
            )
            if not wanted.is_super(given.type):
                raise TypeError(f"input {position} of {self} must be {wanted}, got {given.type}.")
        lengths = [v.type.shape[0] for v in variables[: self.n_sequences] if v.type.shape[0] is not None]
        rows = lengths[0] if lengths else None
        return Apply(self, variables, [TensorType(y.type.dtype, (rows, *y.type.shape))() for y in self.fgraph.outputs])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape | None]:
        rows = input_shapes[0][0]
        if all(None not in y.type.shape for y in self.fgraph.outputs):
            return [(rows, *y.type.shape) for y in self.fgraph.outputs]
        return [None if None in y.type.shape else (rows, *y.type.shape) for y in self.fgraph.outputs]

    def perform(self, node: Apply, *inputs: Any) -> Any:
        rows, fixed = inputs[: self.n_sequences], inputs[self.n_sequences :]
        if len({x.shape[0] for x in rows}) > 1:
            raise ValueError(f"{self}: the sequences have different lengths: {[x.shape[0] for x in rows]}.")
        if not rows[0].shape[0]:  # a row of zeros tells the shapes
            result = self._row([np.zeros(x.shape[1:], x.dtype) for x in rows], fixed)
            return tuple(np.zeros((0, *np.shape(y)), y.dtype) for y in result)
        steps = [self._row([np.asarray(x[k]) for x in rows], fixed) for k in range(rows[0].shape[0])]
        return tuple(np.stack(column) for column in zip(*steps, strict=True))

    def _row(self, row: Sequence[Any], fixed: Sequence[Any]) -> list[Any]:
        return evaluate(self.fgraph.outputs, dict(zip(self.fgraph.inputs, (*row, *fixed), strict=True)))

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [_reached(x, self.fgraph) for x in self.fgraph.inputs]

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        given, results = self.fgraph.inputs, self.fgraph.outputs
        wrt = [x for x in given if x.type.dtype.kind in "fc"]
        seeds = [y.type() for y in results]
        terms = Lop(results, wrt, seeds, disconnected_inputs="ignore")
        back = MapRows(FunctionGraph([*seeds, *given], terms), len(seeds) + self.n_sequences)
        found: dict[Any, Any] = dict(zip(wrt, back.make_node(*output_grads, *inputs).outputs, strict=True))
        return [
            disconnected() if x not in found else found[x] if k < self.n_sequences else found[x].sum(axis=0)
            for k, x in enumerate(given)
        ]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        given, n = self.fgraph.inputs, self.n_sequences
        moving = [k for k, t in enumerate(tangents) if t is not None]
        points = {k: given[k].type() for k in moving}
        forward = Rop(self.fgraph.outputs, [given[k] for k in moving], list(points.values()), "ignore", "none")
        known = [k for k, t in enumerate(forward) if t is not None]
        if not known:
            return [None] * len(outputs)
        rows, fixed = [k for k in moving if k < n], [k for k in moving if k >= n]
        inner = [*[points[k] for k in rows], *given, *[points[k] for k in fixed]]
        outer = [*[tangents[k] for k in rows], *inputs, *[tangents[k] for k in fixed]]
        node = MapRows(FunctionGraph(inner, [forward[k] for k in known]), len(rows) + n).make_node(*outer)
        found = dict(zip(known, node.outputs, strict=True))
        return [found.get(k) for k in range(len(outputs))]


def _reached(x: Variable[Any], fgraph: FunctionGraph) -> list[bool]:
    """Tell for every output of a graph whether it depends differentiably on ``x``."""
    reached = {x}
    for node in fgraph.toposort():
        if reached.isdisjoint(node.inputs):
            continue
        pattern = node.op.connection_pattern(node)
        for k, y in enumerate(node.outputs):
            if any(v in reached and pattern[i][k] for i, v in enumerate(node.inputs)):
                reached.add(y)
    return [y in reached for y in fgraph.outputs]


def graph_key(fgraph: FunctionGraph) -> Any:
    """Return a hashable key that two graphs share when they compute the same in the same way."""
    numbers: dict[Variable[Any], int] = {v: k for k, v in enumerate(fgraph.inputs)}
    steps: list[Any] = [tuple(v.type for v in fgraph.inputs)]

    def number(v: Variable[Any]) -> Any:
        return (v.type, v.signature()) if isinstance(v, Constant) else numbers[v]

    for node in fgraph.toposort():
        steps.append((node.op, tuple(map(number, node.inputs))))
        for y in node.outputs:
            numbers[y] = len(numbers)
    return (*steps, tuple(map(number, fgraph.outputs)))


def map_rows(sequence: Variable[Any], row: Variable[Any], results: Sequence[Variable[Any]]) -> list[Any]:
    """Return ``results`` stacked, with ``row`` taken from each row of ``sequence``.

    Whatever does not depend on ``row`` is computed once, outside.
    """
    depends = {row}
    shared: dict[Variable[Any], None] = {}
    for node in toposort(results):
        if depends.isdisjoint(node.inputs):
            continue
        depends.update(node.outputs)
        shared.update(dict.fromkeys(v for v in node.inputs if not isinstance(v, Constant)))
    shared.update(dict.fromkeys(v for v in results if not isinstance(v, Constant)))
    fixed = [v for v in shared if v not in depends]
    return MapRows(FunctionGraph([row, *fixed], results), 1).make_node(sequence, *fixed).outputs
