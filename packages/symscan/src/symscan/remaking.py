"""Gradients in less memory: steps are made again, block by block, instead of being remembered.

A backward loop reads the rows that the forward loop made, in the opposite order. ``less_memory`` finds such pairs in a
graph and writes both as loops over blocks of about ``sqrt(n)`` steps: the forward loop remembers its states between
two blocks, and the backward loop makes the steps of a block once more before it goes back through them. Of ``n`` rows
about ``2 sqrt(n)`` are in memory at a time, and every step but those of the last, incomplete block is made twice. (A.
Griewank, "Achieving logarithmic growth of temporal and spatial complexity in reverse automatic differentiation", 1992:
two levels of it.)

The pairs are found by their form alone, whoever built them; what the two loops compute is not looked at.
"""

from dataclasses import dataclass
from itertools import product
from typing import Any

from symcore.graph.fgraph import FunctionGraph
from symcore.graph.variable import Apply, Constant
from symcore.tensor.join import concatenate
from symcore.tensor.type import TensorType
from symscan.blocks import Forward, Lengths, named, row_of
from symscan.ending import EndedForward, steps_made
from symscan.gradient import values_of_carries
from symscan.op import Scan, derivatives
from symscan.reading import Reads, fitting, from_start, is_reversal, shorter
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

    ``None`` where ``node`` is no such loop: nobody reads its rows backwards, it hands on values that are no tensors and
    leads to some that no gradient remembers, or it is one of blocks already. What was drawn from a generator is
    remembered, for it cannot be drawn again. A truncated gradient remembers the steps it reads (of a loop that a
    condition ends, all of them).
    """
    op: Any = node.op
    spec, n = op.spec, node.inputs[0]
    if op.lean or any(rows.keep is not None for rows in spec.rows):
        return None
    if op.truncate >= 0:
        return less_truncated(node, fgraph)
    if isinstance(n, Constant) and int(n.data) < FEWEST_STEPS:
        return None
    counts = steps_made(node, fgraph) if spec.until else [n]
    readers, drawn = _readers(node, counts, fgraph), _drawn_rows(op)
    if not readers or drawn is None:
        return None
    known, others, results = {r.node for r in readers}, shorter(node, fgraph), spec.results(node.outputs)
    pairs = zip(results.rows, spec.rows, strict=True)
    reads = [Reads(k, y, rows, fgraph, known) for k, (y, rows) in enumerate(pairs)]
    parts = [(g, Reads(k, y, rows, fgraph, known)) for g, rows, k, y in others.rows]
    wanted = {r.k for r in (*reads, *(r for _, r in parts)) if r.whole}
    forward = EndedForward(node, wanted, drawn) if spec.until else Forward(node, Lengths(n), wanted, drawn)
    found = dict(zip(results.carries, forward.carries, strict=True)) | others.carried(forward.carries)
    for r in reads:
        found |= forward.replaced(r)
    for keep, r in parts:
        found |= forward.replaced(r, keep)
    for reader in readers:
        found |= _backward(forward, reader)
    return found


# ---------------------------------------------------------------------- who reads what


def _readers(node: Apply, counts: list[Any], fgraph: FunctionGraph) -> list[_Reader]:
    """Return the loops of as many steps that read rows of ``node`` from the last to the first.

    ``counts``: the variables that say how many steps ``node`` makes.
    """
    found: dict[Any, _Reader] = {}
    op: Any = node.op
    pairs = zip(op.spec.results(node.outputs).rows, op.spec.rows, strict=True)
    for (k, (y, rows)), n in product(enumerate(pairs), counts):
        for view, start in from_start(y, n, rows.depth, fgraph):
            for back, _ in fgraph.clients[view]:
                if back is None or not is_reversal(back):
                    continue
                for user, position in fgraph.clients[back.outputs[0]]:
                    taps = _taps_of(user, counts)
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


def _taps_of(user: Any, counts: list[Any]) -> tuple[tuple[int, ...], ...]:
    """Return the taps of the sequences of a loop of the form that gradients have, over one of ``counts`` steps.

    Of any other node: none.
    """
    if user is None or type(user.op) is not Scan or not any(user.inputs[0] is n for n in counts):
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


# ---------------------------------------------------------------------- backwards


def _backward(forward: Forward, reader: _Reader) -> dict[Any, Any]:
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


def _back_in_blocks(forward: Forward, reader: _Reader, outer: Outer, states: list[Any]) -> Results:
    """Return what a backward loop makes of the blocks, from the last to the first, given its states before."""
    op, lengths = reader.node.op, forward.lengths
    slices, firsts, forward_fixed = forward.fresh()
    others = [x for x, rows in zip(outer.sequences, reader.rows, strict=True) if rows is None]
    walked = [lengths.split(x, lengths.rest) for x in others]
    given = [row_of(x) for x in walked]
    waiting = [TensorType(x.type.dtype, v[0].type.shape)() for x, v in
               zip(outer.states, op.spec.inner(op.fgraph.inputs).states, strict=True)]  # fmt: skip
    fixed = [x.type(x.name) for x in outer.non_sequences]
    walked += [forward.blocks[k][::-1] for k in forward.drawn]
    drawn = [row_of(x) for x in walked[len(given) :]]
    remade = forward.again(slices, drawn, firsts, forward_fixed)
    block = slices[0].shape[0].astype("int64")
    rows = iter(given)
    read = [next(rows) if at is None else remade[at[0]][at[1] : at[1] + block][::-1] for at in reader.rows]
    inner = op.spec.results(op.make_node(*Outer(block, read, [w[None] for w in waiting], [], fixed).flat()).outputs)
    after = [fitting(x[-1], w) for x, w in zip(inner.states, waiting, strict=True)]
    spec = Spec(((0,),) * (len(slices) + len(firsts) + len(walked)), tuple(Rows((-1,), 1) for _ in waiting),
                (Rows(),) * len(inner.plain), 0, len(forward_fixed) + len(fixed))  # fmt: skip
    graph = FunctionGraph([*slices, *firsts, *given, *drawn, *waiting, *forward_fixed, *fixed], [*after, *inner.plain])
    loop = Scan(graph, spec, -1, named("blocks", op), lean=True)
    backwards = [x[::-1] for x in forward.walked] + [x[:-1][::-1] for x in forward.between]
    starts = [fitting(x, w[None]) for x, w in zip(states, waiting, strict=True)]
    return spec.results(
        loop.make_node(
            lengths.count, *backwards, *walked, *starts, *forward.outer.non_sequences, *outer.non_sequences
        ).outputs
    )


derivatives.less_memory = less_memory
