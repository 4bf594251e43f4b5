"""Gradients in less memory: steps are made again, block by block, instead of being remembered.

A backward loop reads the rows that the forward loop made, in the opposite order. ``less_memory`` finds such pairs in a
graph and writes both as loops over blocks of about ``sqrt(n)`` steps: the forward loop remembers its states between
two blocks, and the backward loop makes the steps of a block once more before it goes back through them. Of ``n`` rows
about ``2 sqrt(n)`` are in memory at a time, and every step but those of the last, incomplete block is made twice. (A.
Griewank, "Achieving logarithmic growth of temporal and spatial complexity in reverse automatic differentiation", 1992:
two levels of it.)

The pairs are found by their form alone, whoever built them; what the two loops compute is not looked at.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

from symcore.from_graph import detached
from symcore.graph.clone import clone_graph
from symcore.graph.fgraph import FunctionGraph
from symcore.graph.variable import Apply, Constant
from symcore.tensor.constant import as_tensor
from symcore.tensor.creation import arange
from symcore.tensor.join import concatenate
from symcore.tensor.scalar_functions import ceil, maximum, sqrt
from symcore.tensor.type import TensorType
from symscan.gradient import values_of_carries
from symscan.op import Scan, derivatives
from symscan.reading import Made, Reads, fitting, from_start, is_reversal, shorter
from symscan.spec import Outer, Results, Rows, Spec
from symscan.truncating import less_truncated

#: A loop known to make fewer steps than this is left as it is.
FEWEST_STEPS = 4


@dataclass
class _Reader:
    """A backward loop: per sequence of it ``(which output of the forward loop, its first row)``, or ``None``."""

    node: Any
    rows: list[tuple[int, int] | None]


def less_memory(node: Apply, fgraph: FunctionGraph) -> dict[Any, Any] | None:
    """Return what takes the place of outputs of a forward loop, and of the backward loops that read its rows.

    ``None`` where ``node`` is no such loop: nobody reads its rows backwards, a condition ends it, it hands on values
    that are no tensors and leads to some that no gradient remembers, or it is one of blocks already. What was drawn
    from a generator is remembered, for it cannot be drawn again. A truncated gradient remembers the steps it reads.
    """
    op: Any = node.op
    spec, n = op.spec, node.inputs[0]
    if spec.until or op.lean or any(rows.keep is not None for rows in spec.rows):
        return None
    if op.truncate >= 0:
        return less_truncated(node, fgraph)
    if isinstance(n, Constant) and int(n.data) < FEWEST_STEPS:
        return None
    readers, drawn = _readers(node, fgraph), _drawn_rows(op)
    if not readers or drawn is None:
        return None
    known, others, results = {r.node for r in readers}, shorter(node, fgraph), spec.results(node.outputs)
    pairs = zip(results.rows, spec.rows, strict=True)
    reads = [Reads(k, y, rows, fgraph, known) for k, (y, rows) in enumerate(pairs)]
    parts = [(g, Reads(k, y, rows, fgraph, known)) for g, rows, k, y in others.rows]
    wanted = {r.k for r in (*reads, *(r for _, r in parts)) if r.whole}
    forward = _Forward(node, _Lengths(n), wanted, drawn)
    found = dict(zip(results.carries, forward.carries, strict=True)) | others.carried(forward.carries)
    for r in reads:
        found |= forward.replaced(r)
    for keep, r in parts:
        found |= forward.replaced(r, keep)
    for reader in readers:
        found |= _backward(forward, reader)
    return found


# ---------------------------------------------------------------------- who reads what


def _readers(node: Apply, fgraph: FunctionGraph) -> list[_Reader]:
    """Return the loops of as many steps that read rows of ``node`` from the last to the first."""
    found: dict[Any, _Reader] = {}
    op: Any = node.op
    for k, (y, rows) in enumerate(zip(op.spec.results(node.outputs).rows, op.spec.rows, strict=True)):
        for view, start in from_start(y, node.inputs[0], rows.depth, fgraph):
            for back, _ in fgraph.clients[view]:
                if back is None or not is_reversal(back):
                    continue
                for user, position in fgraph.clients[back.outputs[0]]:
                    taps = _taps_of(user, node)
                    if 1 <= position <= len(taps):
                        reader = found.setdefault(user, _Reader(user, [None] * len(taps)))
                        reader.rows[position - 1] = k, start
    return list(found.values())


def _drawn_rows(op: Any) -> list[int] | None:
    """Return the outputs whose rows are what steps drew from carries; ``None`` where some of that is not handed out."""
    made = op.spec.results(op.fgraph.outputs)
    drawn = values_of_carries(made.rows, set(op.spec.inner(op.fgraph.inputs).carries))
    if any(v not in made.rows for v in drawn):
        return None
    return [k for k, v in enumerate(made.rows) if v in drawn]


def _taps_of(user: Any, forward: Apply) -> tuple[tuple[int, ...], ...]:
    """Return the taps of the sequences of a loop of the form that gradients have, over as many steps as ``forward``.

    Of any other node: none.
    """
    if user is None or type(user.op) is not Scan or user.inputs[0] is not forward.inputs[0]:
        return ()
    spec: Spec = user.op.spec
    fits = (
        not spec.until
        and not spec.n_carries
        and all(taps == (0,) for taps in spec.sequences)
        and all(rows == Rows((-1,), 1) for rows in spec.states)
        and all(rows.keep is None for rows in spec.plain)
    )
    return spec.sequences if fits else ()


# ---------------------------------------------------------------------- blocks


class _Lengths:
    """``n`` steps as ``count`` blocks of ``block`` steps, ``whole`` together, and ``rest`` more."""

    def __init__(self, n: Any):
        self.n = n
        if isinstance(n, Constant):
            steps = int(n.data)
            block = math.isqrt(steps - 1) + 1
            count = steps // block
            self.block, self.count = as_tensor(block), as_tensor(count).astype("int64")
            self.whole, self.rest = as_tensor(count * block), as_tensor(steps - count * block).astype("int64")
            return
        self.block = maximum(ceil(sqrt(n.astype("float64"))).astype("int64"), 1)
        self.count = n // self.block
        self.whole = self.count * self.block
        self.rest = n - self.whole

    def split(self, x: Any, start: Any) -> Any:
        """Return rows from ``start`` on as blocks of rows."""
        rows = x[start : start + self.whole]
        return rows.reshape((self.count, self.block, *(x.shape[i] for i in range(1, x.type.ndim))))

    def joined(self, blocks: Any) -> Any:
        """Return blocks of rows as rows."""
        return blocks.reshape((self.whole, *(blocks.shape[i] for i in range(2, blocks.type.ndim))))


def _row_of(x: Any) -> Any:
    """Return a variable for one row of a tensor; no length is known that only some rows may have."""
    return TensorType(x.type.dtype, x.type.shape[1:])()


class _Forward(Made):
    """The forward loop in blocks: the states before each of them, the rest as one loop, rows that others want."""

    def __init__(self, node: Apply, lengths: _Lengths, wanted: set[int], drawn: list[int]):
        super().__init__(node)
        self.lengths, self.drawn = lengths, drawn
        #: Every tap is a sequence of its own: blocks of one tensor at different taps overlap.
        sequences = zip(self.outer.sequences, self.spec.sequences, strict=True)
        self.taps = [(x, tap) for x, taps in sequences for tap in taps]
        self.walked = [lengths.split(x, tap) for x, tap in self.taps] or [lengths.split(arange(lengths.n), 0)]
        self.wanted = sorted(wanted | set(drawn))
        self._in_blocks()
        self._the_rest()

    def steps(self, slices: list[Any], firsts: list[Any], carries: list[Any], fixed: list[Any]) -> Results:
        """Return what the steps of one block make, given rows of sequences, the states and the carries before."""
        walked = slices[: len(self.taps)]
        spec = replace(self.spec, sequences=((0,),) * len(walked))
        op = Scan(self.op.fgraph, spec, -1, self.op.name, asked=self.op.asked)
        n = slices[0].shape[0].astype("int64")
        return spec.results(op.make_node(*Outer(n, walked, firsts, carries, fixed).flat()).outputs)

    def again(self, slices: list[Any], drawn: list[Any], firsts: list[Any], fixed: list[Any]) -> list[Any]:
        """Return all rows that the steps of one block make, given what they drew."""
        if not self.spec.n_carries:
            return self.steps(slices, firsts, [], fixed).rows
        walked = [*slices[: len(self.taps)], *drawn]
        given, outputs = detached(self.op.fgraph)
        inner, rows = self.spec.inner(given), self.spec.results(outputs).rows
        cut = {rows[k]: rows[k].type() for k in self.drawn}
        inner.sequences.append(list(cut.values()))
        inner.carries = []
        spec = replace(self.spec, sequences=((0,),) * len(walked), n_carries=0)
        graph = FunctionGraph(inner.flat(), clone_graph(rows, dict(cut)))
        op = Scan(graph, spec, -1, self.op.name, asked=self.op.asked)
        n = slices[0].shape[0].astype("int64")
        return spec.results(op.make_node(*Outer(n, walked, firsts, [], fixed).flat()).outputs).rows

    def fresh(self) -> tuple[list[Any], list[Any], list[Any]]:
        """Return variables for what a block is given: rows of sequences, the states before it, what never changes."""
        states = [
            TensorType(x.type.dtype, (r.depth, *vs[0].type.shape))()
            for x, r, vs in zip(self.outer.states, self.spec.states, self.spec.inner(self.op.fgraph.inputs).states,
                                strict=True)
        ]  # fmt: skip
        return [_row_of(x) for x in self.walked], states, [x.type(x.name) for x in self.outer.non_sequences]

    def _in_blocks(self) -> None:
        slices, firsts, fixed = self.fresh()
        carries = [x.type() for x in self.outer.carries]
        made = self.steps(slices, firsts, carries, fixed)
        after = [fitting(rows[-r.depth :], f) for f, rows, r in zip(firsts, made.states, self.spec.states, strict=True)]
        rows = [made.rows[k][self.spec.rows[k].depth :] for k in self.wanted]
        spec = Spec(((0,),) * len(slices), tuple(Rows((-1,)) for _ in firsts), (Rows(),) * len(rows), len(carries),
                    len(fixed))  # fmt: skip
        graph = FunctionGraph([*slices, *firsts, *carries, *fixed], Results(after, made.carries, rows).flat())
        op = Scan(graph, spec, -1, _named("blocks", self.op), lean=True)
        starts = [fitting(x, f)[None] for x, f in zip(self.outer.states, firsts, strict=True)]
        given = Outer(self.lengths.count, self.walked, starts, self.outer.carries, self.outer.non_sequences)
        found = spec.results(op.make_node(*given.flat()).outputs)
        #: Per state its rows before every block, and after the last one; the carries after it.
        self.between, self.carried = found.states, found.carries
        self.blocks = dict(zip(self.wanted, found.plain, strict=True))

    def _the_rest(self) -> None:
        cut = [x[self.lengths.whole :] for x in self.outer.sequences]
        op = self.op.with_spec(self.spec.keeping_all())
        firsts = [rows[-1] for rows in self.between]
        given = Outer(self.lengths.rest, cut, firsts, self.carried, self.outer.non_sequences)
        made = self.spec.results(op.make_node(*given.flat()).outputs)
        self.rest, self.carries = made.rows, made.carries

    def whole(self, k: int) -> Any:
        depth = self.spec.rows[k].depth
        parts = [self.lengths.joined(self.blocks[k]), self.rest[k][depth:]]
        return concatenate([self.outer.states[k], *parts] if depth else parts)


def _named(what: str, op: Any) -> str | None:
    return f"{what} of {op.name}" if op.name else None


# ---------------------------------------------------------------------- backwards


def _backward(forward: _Forward, reader: _Reader) -> dict[Any, Any]:
    """Return the outputs of a backward loop, computed through the rest first and then block by block."""
    node, lengths = reader.node, forward.lengths
    spec, outer = node.op.spec, node.op.spec.outer(node.inputs)
    rest_rows = [
        x[: lengths.rest] if rows is None else forward.rest[rows[0]][rows[1] : rows[1] + lengths.rest][::-1]
        for x, rows in zip(outer.sequences, reader.rows, strict=True)
    ]
    given = Outer(lengths.rest, rest_rows, outer.states, [], outer.non_sequences)
    rest = spec.results(node.op.make_node(*given.flat()).outputs)
    made = _back_in_blocks(forward, reader, outer, rest.states)
    plain = [concatenate([a, lengths.joined(b)]) for a, b in zip(rest.plain, made.plain, strict=True)]
    return {old: fitting(new, old) for old, new in zip(node.outputs, [*made.states, *plain], strict=True)}


def _back_in_blocks(forward: _Forward, reader: _Reader, outer: Outer, states: list[Any]) -> Results:
    """Return what a backward loop makes of the blocks, from the last to the first, given its states before."""
    op, lengths = reader.node.op, forward.lengths
    slices, firsts, forward_fixed = forward.fresh()
    others = [x for x, rows in zip(outer.sequences, reader.rows, strict=True) if rows is None]
    walked = [lengths.split(x, lengths.rest) for x in others]
    given = [_row_of(x) for x in walked]
    waiting = [TensorType(x.type.dtype, v[0].type.shape)() for x, v in
               zip(outer.states, op.spec.inner(op.fgraph.inputs).states, strict=True)]  # fmt: skip
    fixed = [x.type(x.name) for x in outer.non_sequences]
    walked += [forward.blocks[k][::-1] for k in forward.drawn]
    drawn = [_row_of(x) for x in walked[len(given) :]]
    remade = forward.again(slices, drawn, firsts, forward_fixed)
    block = slices[0].shape[0].astype("int64")
    rows = iter(given)
    read = [next(rows) if at is None else remade[at[0]][at[1] : at[1] + block][::-1] for at in reader.rows]
    inner = op.spec.results(op.make_node(*Outer(block, read, [w[None] for w in waiting], [], fixed).flat()).outputs)
    after = [fitting(x[-1], w) for x, w in zip(inner.states, waiting, strict=True)]
    spec = Spec(((0,),) * (len(slices) + len(firsts) + len(walked)), tuple(Rows((-1,), 1) for _ in waiting),
                (Rows(),) * len(inner.plain), 0, len(forward_fixed) + len(fixed))  # fmt: skip
    graph = FunctionGraph([*slices, *firsts, *given, *drawn, *waiting, *forward_fixed, *fixed], [*after, *inner.plain])
    loop = Scan(graph, spec, -1, _named("blocks", op), lean=True)
    backwards = [x[::-1] for x in forward.walked] + [x[:-1][::-1] for x in forward.between]
    starts = [fitting(x, w[None]) for x, w in zip(states, waiting, strict=True)]
    return spec.results(
        loop.make_node(
            lengths.count, *backwards, *walked, *starts, *forward.outer.non_sequences, *outer.non_sequences
        ).outputs
    )


derivatives.less_memory = less_memory
