"""Running a loop step by step in Python: what ``Scan`` means."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symcore.graph.fgraph import FunctionGraph
from symcore.graph.variable import Constant
from symcore.ifelse import IfElse
from symcore.interpreter import run_node
from symscan.spec import Results, Rows, Spec

Step = Callable[[list[Any]], list[Any]]


def compile_step(fgraph: FunctionGraph) -> Step:
    """Return a function from the values of the inner inputs to those of the inner outputs. It keeps no values.

    Of what an ``IfElse`` chooses from, only what is taken is computed.
    """
    places: dict[Any, int] = {v: k for k, v in enumerate(fgraph.inputs)}
    start: list[Any] = [None] * len(places)

    def place(v: Any) -> int:
        if v not in places:
            places[v] = len(start)
            start.append(v.data if isinstance(v, Constant) else None)
        return places[v]

    program = [(node, [place(v) for v in node.inputs], [place(y) for y in node.outputs]) for node in fgraph.toposort()]
    results = [place(v) for v in fgraph.outputs]
    n_inputs = len(fgraph.inputs)
    if any(isinstance(node.op, IfElse) for node, _, _ in program):
        return _lazy_step(program, results, start, n_inputs)

    def step(inputs: list[Any]) -> list[Any]:
        values = start.copy()
        values[:n_inputs] = inputs
        for node, sources, targets in program:
            for target, value in zip(targets, run_node(node, [values[s] for s in sources]), strict=True):
                values[target] = value
        return [values[r] for r in results]

    return step


def _lazy_step(program: Sequence[Any], results: Sequence[int], start: list[Any], n_inputs: int) -> Step:
    """Return the same for a graph with choices: values are computed when they are asked for."""
    makers = {target: entry for entry in program for target in entry[2]}

    def compute(wanted: int, values: list[Any]) -> None:
        stack = [wanted]
        while stack:
            if values[stack[-1]] is not None:
                stack.pop()
                continue
            node, sources, targets = makers[stack[-1]]
            needed = sources
            if isinstance(node.op, IfElse):
                condition = values[sources[0]]
                needed = [sources[0]] if condition is None else [sources[k] for k in node.op.taken(condition)]
            missing = [s for s in needed if values[s] is None]
            if missing:
                stack += missing
                continue
            if isinstance(node.op, IfElse):
                made = [values[s] for s in needed]
            else:
                made = run_node(node, [values[s] for s in sources])
            for target, value in zip(targets, made, strict=True):
                values[target] = value

    def step(inputs: list[Any]) -> list[Any]:
        values = start.copy()
        values[:n_inputs] = inputs
        for r in results:
            compute(r, values)
        return [values[r] for r in results]

    return step


def run(spec: Spec, step: Step, inputs: Sequence[Any], no_rows: Callable[[int], Any]) -> list[Any]:
    """Make all steps. Returns the values of the outputs; ``no_rows(k)`` is plain output ``k`` when no step was made.

    Raises ``ValueError`` for a negative number of steps, and for sequences or initial rows that are too few; an error
    of a step gets a note with the step's number.
    """
    outer = spec.outer(inputs)
    n = check(spec, outer.n_steps, outer.sequences, outer.states)
    firsts = [*outer.states, *(None for _ in spec.plain)]
    kept = [_Kept(rows, n, first) for rows, first in zip(spec.rows, firsts, strict=True)]
    carries, done = list(outer.carries), n
    for i in range(n):
        given = [x[i + tap] for x, taps in zip(outer.sequences, spec.sequences, strict=True) for tap in taps]
        given += [k.read(i + tap) for k, rows in zip(kept, spec.states, strict=False) for tap in rows.taps]
        try:
            made = spec.results(step([*map(_value, given), *carries, *outer.non_sequences]))
        except Exception as error:
            error.add_note(f"in step {i} of a loop of {n} steps")
            raise
        for k, value in zip(kept, made.rows, strict=True):
            k.write(i, value)
        carries = made.carries
        if spec.until and made.condition:
            done = i + 1
            break
    given_carries = outer.carries
    own = [c.copy() if any(c is g for g in given_carries) and hasattr(c, "copy") else c for c in carries]
    at = len(spec.states)
    plain = [k.result(done) if n else no_rows(p) for p, k in enumerate(kept[at:])]
    return Results([k.result(done) for k in kept[:at]], own, plain).flat()


def check(spec: Spec, n_steps: Any, sequences: Sequence[Any], states: Sequence[Any]) -> int:
    """Return the number of steps as an ``int``, after checking that everything is long enough for it."""
    n = int(n_steps)
    if n < 0:
        raise ValueError(f"the number of steps is {n}. It must not be negative.")
    for k, (x, taps) in enumerate(zip(sequences, spec.sequences, strict=True)):
        if n and len(x) < n + taps[-1]:
            raise ValueError(
                f"{n} steps need rows {taps[0]} to {n + taps[-1] - 1} of sequence {k}, which has {len(x)}. Ask for "
                "fewer steps, or leave n_steps out: the shortest sequence then decides."
            )
    for k, (x, rows) in enumerate(zip(states, spec.states, strict=True)):
        if len(x) != rows.depth:
            raise ValueError(
                f"state {k} of a loop reads {rows.depth} steps back (taps {rows.taps}) and needs {rows.depth} initial "
                f"rows, got {len(x)}."
            )
    return n


def _value(x: Any) -> Any:
    return np.asarray(x) if isinstance(x, np.generic) else x


class _Kept:
    """The rows of a state or plain output: in an array for all of them, or in a ring for the last few."""

    def __init__(self, rows: Rows, n: int, first: Any):
        self.depth, total = rows.depth, rows.depth + n
        self.keep = total if rows.keep is None else min(rows.keep, total)
        self.size = max(self.keep, self.depth, 1)
        self.total = total
        self.first = first
        self.values: Any = None if first is None else self._allocate(first.shape[1:], first.dtype)
        if self.values is not None:
            self.values[: self.depth] = first

    def _allocate(self, row: tuple[int, ...], dtype: Any) -> Any:
        return np.empty((min(self.size, self.total) if self.first is None else self.size, *row), dtype)

    def read(self, step: int) -> Any:
        return self.values[(self.depth + step) % self.size].copy()

    def write(self, step: int, value: Any) -> None:
        if self.values is None:
            self.values = self._allocate(value.shape, value.dtype)
        row = self.values[(self.depth + step) % self.size]
        if row.shape != value.shape:
            raise ValueError(
                f"a step of a loop made a value of shape {value.shape} where the steps before, or the initial value, "
                f"have shape {row.shape}; every step must keep the shape."
            )
        self.values[(self.depth + step) % self.size] = value

    def result(self, steps: int) -> Any:
        total = self.depth + steps
        keep = min(self.keep, total)
        if total <= self.size:
            return self.values[total - keep : total]
        order = [(total - keep + j) % self.size for j in range(keep)]
        return self.values[order]
