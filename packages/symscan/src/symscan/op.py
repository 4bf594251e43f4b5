"""``Scan``: a loop as one Op. Its inner graph says what a step does, its ``Spec`` what goes in and out."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from symcore.from_graph import graph_key, reached
from symcore.graph.fgraph import FunctionGraph
from symcore.graph.test_values import paused
from symcore.graph.variable import Apply, Variable
from symcore.op import Op, Shape
from symcore.tensor.constant import as_tensor
from symcore.tensor.scalar_functions import minimum
from symcore.tensor.type import TensorType
from symscan.asking import Asked
from symscan.execution import compile_step, run
from symscan.handing import Handed
from symscan.shapes import row_shape, row_shape_of_values
from symscan.spec import Rows, Spec
from symscan.telling import of_rows


class _Derivatives:
    """The two modes of differentiation, and gradients in less memory; the modules that make them stand above and put
    their functions here."""

    pull_back: Any = None
    push_forward: Any = None
    less_memory: Any = None


derivatives = _Derivatives()


class Scan(Op):
    """Make ``n`` steps of ``fgraph``, with the roles that ``spec`` gives its inputs and outputs.

    Inner graph and specification are immutable; two are equal when both are. ``truncate``: how many steps back the
    gradient goes, -1 for all of them. ``name`` is shown, ``rewritten`` names the phases that have rewritten the
    inner graph; neither counts for equality. ``lean``: memory is dearer than time, in this loop and its derivatives:
    no rule may keep rows of it so as to work on all steps at a time. ``asked``: what the user asks for this loop, such
    as a mode of its own.

    Raises ``TypeError`` when the inner graph and the specification do not fit one another.
    """

    fgraph: FunctionGraph
    spec: Spec

    def __init__(
        self,
        fgraph: FunctionGraph,
        spec: Spec,
        truncate: int = -1,
        name: str | None = None,
        rewritten: tuple[str, ...] = (),
        lean: bool = False,
        asked: Asked | None = None,
    ):
        super().__init__(fgraph=fgraph, spec=spec)
        if (len(fgraph.inputs), len(fgraph.outputs)) != (spec.n_inner_inputs, spec.n_inner_outputs):
            raise TypeError(
                f"the loop's specification has {spec.n_inner_inputs} inner inputs and {spec.n_inner_outputs} inner "
                f"outputs, its inner graph {len(fgraph.inputs)} and {len(fgraph.outputs)}."
            )
        self.truncate = truncate
        self.name = name
        self.rewritten = rewritten
        self.lean = lean
        self.asked = asked
        #: The updates that the user got, where there were any: ``function`` asks whether they were forgotten.
        self.handed: Handed | None = None
        self.key = graph_key(fgraph)
        self.__dict__["pure"] = all(node.op.pure for node in fgraph.nodes)
        _check_inner(spec, fgraph)

    def _values(self) -> tuple[Any, ...]:
        return self.key, self.spec, self.truncate, self.lean, None if self.asked is None else self.asked.mode

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        state.pop("_step", None)
        state["handed"] = None
        return state

    def __str__(self) -> str:
        return f"Scan{{{self.name or f'{len(self.fgraph)} nodes'}}}"

    __repr__ = __str__

    def with_spec(self, spec: Spec) -> "Scan":
        """Return the same loop handing out other rows."""
        return Scan(self.fgraph, spec, self.truncate, self.name, self.rewritten, self.lean, self.asked)

    # ------------------------------------------------------------------ building

    def make_node(self, *inputs: Any) -> Apply:
        spec = self.spec
        if len(inputs) != spec.n_outer_inputs:
            raise TypeError(f"{self} takes {spec.n_outer_inputs} inputs, got {len(inputs)}.")
        variables = [x if isinstance(x, Variable) else as_tensor(x) for x in inputs]
        outer, inner = spec.outer(variables), spec.inner(self.fgraph.inputs)
        n = outer.n_steps
        if not isinstance(n.type, TensorType) or n.type.ndim or n.type.dtype.kind not in "iu":
            raise TypeError(f"the number of steps must be an integer scalar, got {n} of type {n.type}.")
        for k, (x, taps) in enumerate(zip(outer.sequences, inner.sequences, strict=True)):
            _check_rows(self, f"sequence {k}", x, taps)
        for k, (x, taps) in enumerate(zip(outer.states, inner.states, strict=True)):
            _check_rows(self, f"the initial rows of state {k}", x, taps)
        for what, given, wanted in (
            ("carry", outer.carries, inner.carries),
            ("non-sequence", outer.non_sequences, inner.non_sequences),
        ):
            for k, (x, v) in enumerate(zip(given, wanted, strict=True)):
                if not v.type.is_super(x.type):
                    raise TypeError(f"{what} {k} of {self} must be {v.type}, got {x.type}. Cast or reshape it first.")
        return Apply(self, variables, [t() for t in self._output_types(n)])

    def _output_types(self, n: Any) -> list[Any]:
        spec, made = self.spec, self.spec.results(self.fgraph.outputs)
        steps = int(n.data) if hasattr(n, "data") and not spec.until else None
        row_types = [*(taps[0].type for taps in spec.inner(self.fgraph.inputs).states), *(y.type for y in made.plain)]
        rows = [TensorType(t.dtype, (_count(r, steps), *t.shape)) for r, t in zip(spec.rows, row_types, strict=True)]
        k = len(spec.states)
        return [*rows[:k], *(y.type for y in made.carries), *rows[k:]]

    # ------------------------------------------------------------------ computing

    def perform(self, node: Apply, *inputs: Any) -> Any:
        step = self.__dict__.get("_step")
        if step is None:
            if self.asked is not None and self.asked.own_linker:
                step = self.asked.compiled(self.fgraph, f"a step of {self}")
            else:
                step = compile_step(self.fgraph)
            self.__dict__["_step"] = step
        results = run(self.spec, step, inputs, lambda k: self._no_row(k, node, inputs))
        return tuple(results) if len(results) > 1 else results[0]

    def _no_row(self, k: int, node: Apply, inputs: Sequence[Any]) -> Any:
        """Return no rows of plain output ``k``."""
        made = self.spec.results(self.fgraph.outputs).plain[k]
        shape = row_shape_of_values(self.spec, self.fgraph, made, node.inputs, inputs)
        return np.empty((0, *shape), made.type.numpy_dtype)

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape | None]:
        spec = self.spec
        if spec.until:
            return [None] * spec.n_outer_outputs
        n = node.inputs[0]
        firsts = spec.outer(input_shapes).states
        inner = spec.results(self.fgraph.outputs)
        states = [(_length(rows, n), *first[1:]) for rows, first in zip(spec.states, firsts, strict=True)]
        plain: list[Shape | None] = []
        for rows, y in zip(spec.plain, inner.plain, strict=True):
            row = row_shape(spec, self.fgraph, y, node.inputs, input_shapes)
            plain.append(None if row is None else (_length(rows, n), *row))
        return [*states, *([None] * spec.n_carries), *plain]

    def explain_rows(self, node: Apply, output: int) -> str:
        """Return, for an error about a row that is not there, whose rows those of an output are and what to do."""
        return of_rows(self.spec, self.fgraph, self.name, node, output)

    # ------------------------------------------------------------------ differentiating

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return connections(self)

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        with paused():  # the steps of the loops are built on variables that have no values
            terms: list[Any] = derivatives.pull_back(self, inputs, outputs, output_grads)
        return terms

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        with paused():
            terms: list[Any] = derivatives.push_forward(self, inputs, tangents)
        return terms

    def warn_of_forgotten(self, updated: Iterable[Any]) -> None:
        """Warn when the step's updates of shared variables have been forgotten; ``updated``: those that have not."""
        if self.handed is not None:
            self.handed.warn(f"the loop {self.name}" if self.name else "a loop", updated)

    def less_memory(self, node: Apply, fgraph: FunctionGraph) -> dict[Any, Any] | None:
        """Return ``{variable: what takes its place}`` so that a gradient makes steps of this loop again instead of
        remembering them; ``None`` where no gradient reads its rows. See ``symopt.less_memory``."""
        with paused():
            found: dict[Any, Any] | None = derivatives.less_memory(node, fgraph)
        return found


def _check_inner(spec: Spec, fgraph: FunctionGraph) -> None:
    inner, made = spec.inner(fgraph.inputs), spec.results(fgraph.outputs)
    for k, (taps, y) in enumerate(zip(inner.states, made.states, strict=True)):
        if any(v.type != taps[0].type or not v.type.is_super(y.type) for v in taps):
            raise TypeError(f"state {k} of a loop is {taps[0].type} when it is read and {y.type} when it is made.")
    for k, (v, y) in enumerate(zip(inner.carries, made.carries, strict=True)):
        if not v.type.is_super(y.type):
            raise TypeError(f"carry {k} of a loop is {v.type} before a step and {y.type} after it.")
    for y in made.rows:
        if not isinstance(y.type, TensorType):
            raise TypeError(f"a loop stacks tensors; its step makes {y} of type {y.type}. Hand it on as a carry.")


def _check_rows(op: Scan, what: str, x: Any, taps: Sequence[Any]) -> None:
    wanted = taps[0].type if taps else None
    if not isinstance(x.type, TensorType) or x.type.ndim == 0:
        raise TypeError(f"{what} of {op} must be a tensor with rows, got {x.type}.")
    row = TensorType(x.type.dtype, x.type.shape[1:])
    if wanted is not None and not wanted.is_super(row):
        raise TypeError(f"{what} of {op} must have rows of type {wanted}, got {x.type}.")


def _count(rows: Rows, steps: int | None) -> int | None:
    if steps is None:
        return None
    return steps + rows.depth if rows.keep is None else min(rows.keep, steps + rows.depth)


def _length(rows: Rows, n: Any) -> Any:
    fixed = _count(rows, int(n.data) if hasattr(n, "data") else None)
    if fixed is not None:
        return fixed
    total = n.astype("int64") + rows.depth if rows.depth else n.astype("int64")
    if rows.keep is None:
        return total
    return rows.keep if rows.keep <= rows.depth else minimum(rows.keep, total)


def connections(op: Scan) -> list[list[bool]]:
    """Return ``pattern[input][output]``: what depends differentiably on what, through any number of steps."""
    spec, fgraph = op.spec, op.fgraph
    direct = {v: reached(v, fgraph) for v in fgraph.inputs}
    inner = spec.inner(fgraph.inputs)

    def merged(variables: Sequence[Any]) -> list[bool]:
        return [any(direct[v][k] for v in variables) for k in range(spec.n_inner_outputs)]

    fed_back = [*(merged(taps) for taps in inner.states), *(merged([v]) for v in inner.carries)]

    def closed(row: list[bool]) -> list[bool]:
        row = list(row)
        pending = [k for k, r in enumerate(row[: len(fed_back)]) if r]
        while pending:
            for k, r in enumerate(fed_back[pending.pop()]):
                if r and not row[k]:
                    row[k] = True
                    if k < len(fed_back):
                        pending.append(k)
        return row[: spec.n_outer_outputs]

    def source(k: int, row: list[bool]) -> list[bool]:
        found = closed(row)
        found[k] = True
        return found

    rows = [closed(merged(taps)) for taps in inner.sequences]
    rows += [source(k, row) for k, row in enumerate(fed_back)]
    rows += [closed(direct[v]) for v in inner.non_sequences]
    return [[False] * spec.n_outer_outputs, *rows]
