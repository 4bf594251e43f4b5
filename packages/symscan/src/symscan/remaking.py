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

from symcore.graph.fgraph import FunctionGraph
from symcore.graph.variable import Apply, Constant
from symcore.tensor.constant import as_tensor
from symcore.tensor.creation import arange
from symcore.tensor.elemwise import elemwise_name
from symcore.tensor.join import concatenate
from symcore.tensor.scalar_functions import ceil, maximum, sqrt
from symcore.tensor.shapes import Shape_i, specify_shape
from symcore.tensor.subtensor import Subtensor
from symcore.tensor.type import TensorType
from symscan.op import Scan, derivatives
from symscan.spec import Outer, Results, Rows, Spec

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
    that are no tensors, or it is one of blocks already.
    """
    op: Any = node.op
    spec, n = op.spec, node.inputs[0]
    if spec.until or spec.n_carries or op.lean or any(rows.keep is not None for rows in spec.rows):
        return None
    if isinstance(n, Constant) and int(n.data) < FEWEST_STEPS:
        return None
    readers = _readers(node, fgraph)
    if not readers:
        return None
    pairs = zip(node.outputs, spec.rows, strict=True)
    reads = [_Reads(k, y, rows, fgraph, readers) for k, (y, rows) in enumerate(pairs)]
    parts = [(g, _Reads(k, y, rows, fgraph, readers)) for g, rows, k, y in _shorter(node, fgraph)]
    wanted = {r.k for r in (*reads, *(r for _, r in parts)) if r.whole}
    forward = _Forward(node, _Lengths(n), wanted)
    found: dict[Any, Any] = {}
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
    for k, (y, rows) in enumerate(zip(node.outputs, op.spec.rows, strict=True)):
        for view, start in _from_start(y, node.inputs[0], rows.depth, fgraph):
            for back, _ in fgraph.clients[view]:
                if back is None or not _is_reversal(back):
                    continue
                for user, position in fgraph.clients[back.outputs[0]]:
                    taps = _taps_of(user, node)
                    if 1 <= position <= len(taps):
                        reader = found.setdefault(user, _Reader(user, [None] * len(taps)))
                        reader.rows[position - 1] = k, start
    return list(found.values())


def _from_start(y: Any, n: Any, total: int, fgraph: FunctionGraph) -> list[tuple[Any, int]]:
    """Return ``(rows[start : start + n], start)`` for all such views of ``total + n`` rows, or the rows themselves."""
    found = [(y, 0)] if not total else []
    for view, _ in fgraph.clients[y]:
        if view is None or type(view.op) is not Subtensor or len(view.op.entries) != 1:
            continue
        [entry] = view.op.entries
        if not isinstance(entry, tuple) or entry[3] is not None or isinstance(entry[1], str):
            continue
        start = entry[1] or 0
        if start >= 0 and _is_end(view.inputs[1] if entry[2] == "input" else entry[2], start, n, total):
            found.append((view.outputs[0], start))
    return found


def _is_end(stop: Any, start: int, n: Any, total: int) -> bool:
    """Tell whether a slice from ``start`` to ``stop`` of ``total + n`` rows has ``n`` rows."""
    if stop is None:
        return start == total
    if isinstance(stop, int):
        return isinstance(n, Constant) and stop == start + int(n.data)
    if stop is n:
        return start == 0
    if elemwise_name(stop) != "add" or len(stop.owner.inputs) != 2:
        return False
    return any(
        b is n and isinstance(a, Constant) and int(a.data) == start
        for a, b in (stop.owner.inputs, stop.owner.inputs[::-1])
    )


def _is_reversal(node: Any) -> bool:
    return type(node.op) is Subtensor and node.op.entries == (("slice", None, None, -1),)


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


def _shorter(node: Apply, fgraph: FunctionGraph) -> list[tuple[int | None, Rows, int, Any]]:
    """Return ``(keep, rows, position, output)`` for outputs of other loops that are the same as ``node``'s.

    A gradient asks for more than the user's loop hands out, so that there are two loops; in blocks they must be one.
    """
    op: Any = node.op
    made = op.spec.results(op.fgraph.outputs)
    users: list[Any] = [user for v in node.inputs for user, _ in fgraph.clients[v]]
    others = [user for user in dict.fromkeys(users) if user is not None and user is not node]
    found = []
    for other in others:
        if type(other.op) is not Scan or list(other.inputs) != list(node.inputs):
            continue
        spec: Spec = other.op.spec
        same = replace(op.spec, plain=op.spec.plain[: len(spec.plain)])
        outputs = Results(made.states, [], made.plain[: len(spec.plain)]).flat()
        if len(outputs) != len(other.op.fgraph.outputs) or spec.keeping_all() != same:
            continue
        if Scan(FunctionGraph(op.fgraph.inputs, outputs), spec, op.truncate) == other.op:
            rows = enumerate(zip(spec.rows, other.outputs, strict=True))
            found += [(r.keep, r, k, y) for k, (r, y) in rows]
    return found


class _Reads:
    """How rows of output ``k`` are read by others than backward loops: lengths, first and last rows, or ``whole``."""

    def __init__(self, k: int, rows: Any, kind: Rows, fgraph: FunctionGraph, readers: list[_Reader]):
        self.k, self.rows, self.kind = k, rows, kind
        self.lengths: list[Any] = []
        self.firsts: list[Any] = []
        self.lasts: list[Any] = []
        self.whole = False
        self._backward = {r.node for r in readers}
        self._sort(rows, fgraph, kind.depth)

    def _sort(self, rows: Any, fgraph: FunctionGraph, depth: int) -> None:
        for node, _ in fgraph.clients[rows]:
            if node is None:
                self.whole = True
            elif type(node.op) is Shape_i:
                self.lengths.append((node, depth))
            elif type(node.op) is not Subtensor:
                self.whole = True
            elif node.op.entries and node.op.entries[0] == -1 and self.kind.depth:
                self.lasts.append(node)
            elif node.op.entries and node.op.entries[0] == 0 and depth:
                self.firsts.append(node)
            elif depth and node.op.entries == (("slice", depth, None, None),):
                self._sort(node.outputs[0], fgraph, 0)
            elif not self._only_backwards(node, fgraph):
                self.whole = True

    def _only_backwards(self, view: Any, fgraph: FunctionGraph) -> bool:
        """Tell whether a view is read by the backward loops alone."""
        users = [user for user, _ in fgraph.clients[view.outputs[0]]]
        if _is_reversal(view):
            return all(user in self._backward for user in users)
        return all(
            user is not None
            and _is_reversal(user)
            and all(last in self._backward for last, _ in fgraph.clients[user.outputs[0]])
            for user in users
        )


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


def _fitting(x: Any, wanted: Any) -> Any:
    return x if wanted.type.is_super(x.type) else specify_shape(x, wanted.type.shape)


class _Forward:
    """The forward loop in blocks: the states before each of them, the rest as one loop, rows that others want."""

    def __init__(self, node: Apply, lengths: _Lengths, wanted: set[int]):
        op: Any = node.op
        self.node, self.lengths, self.op = node, lengths, op
        self.spec: Spec = op.spec
        self.outer: Outer = self.spec.outer(node.inputs)
        #: Every tap is a sequence of its own: blocks of one tensor at different taps overlap.
        sequences = zip(self.outer.sequences, self.spec.sequences, strict=True)
        self.taps = [(x, tap) for x, taps in sequences for tap in taps]
        self.walked = [lengths.split(x, tap) for x, tap in self.taps] or [lengths.split(arange(lengths.n), 0)]
        self.wanted = sorted(wanted)
        self._in_blocks()
        self._the_rest()

    def steps(self, slices: list[Any], firsts: list[Any], fixed: list[Any]) -> list[Any]:
        """Return all rows that the steps of one block make, given rows of sequences and the states before."""
        walked = slices[: len(self.taps)]
        op = Scan(self.op.fgraph, replace(self.spec, sequences=((0,),) * len(walked)), -1, self.op.name)
        n = slices[0].shape[0].astype("int64")
        made: list[Any] = op.make_node(*Outer(n, walked, firsts, [], fixed).flat()).outputs
        return made

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
        made = self.steps(slices, firsts, fixed)
        after = [_fitting(rows[-r.depth :], f) for f, rows, r in zip(firsts, made, self.spec.states, strict=False)]
        rows = [made[k][self.spec.rows[k].depth :] for k in self.wanted]
        spec = Spec(((0,),) * len(slices), tuple(Rows((-1,)) for _ in firsts), (Rows(),) * len(rows), 0, len(fixed))
        graph = FunctionGraph([*slices, *firsts, *fixed], [*after, *rows])
        op = Scan(graph, spec, -1, _named("blocks", self.op), lean=True)
        starts = [_fitting(x, f)[None] for x, f in zip(self.outer.states, firsts, strict=True)]
        found = spec.results(
            op.make_node(self.lengths.count, *self.walked, *starts, *self.outer.non_sequences).outputs
        )
        #: Per state its rows before every block, and after the last one.
        self.between = found.states
        self.blocks = dict(zip(self.wanted, found.plain, strict=True))

    def _the_rest(self) -> None:
        cut = [x[self.lengths.whole :] for x in self.outer.sequences]
        op = self.op.with_spec(self.spec.keeping_all())
        firsts = [rows[-1] for rows in self.between]
        node = op.make_node(*Outer(self.lengths.rest, cut, firsts, [], self.outer.non_sequences).flat())
        #: The rows of the steps after the last block; of a state these begin with the rows before them.
        self.rest = node.outputs

    def replaced(self, reads: _Reads, keep: int | None = None) -> dict[Any, Any]:
        """Return what is read in place of the old rows; the last ``keep`` of them where a loop kept no more."""
        k, rest, depth = reads.k, self.rest[reads.k], reads.kind.depth
        if keep is not None:
            whole = rest if keep <= depth else self._whole(k)
            return {reads.rows: _fitting(whole[-keep:], reads.rows)}
        found = {}
        for node, before in reads.lengths:
            axis = node.op.i
            length = rest.shape[axis] if axis else self.lengths.n + before
            found[node.outputs[0]] = length.astype("int64")
        for node in reads.lasts:
            found[node.outputs[0]] = _fitting(node.op.make_node(rest, *node.inputs[1:]).outputs[0], node.outputs[0])
        for node in reads.firsts:
            first = self.outer.states[k]
            found[node.outputs[0]] = _fitting(node.op.make_node(first, *node.inputs[1:]).outputs[0], node.outputs[0])
        if reads.whole:
            found[reads.rows] = _fitting(self._whole(k), reads.rows)
        return found

    def _whole(self, k: int) -> Any:
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
    return {old: _fitting(new, old) for old, new in zip(node.outputs, [*made.states, *plain], strict=True)}


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
    remade = forward.steps(slices, firsts, forward_fixed)
    block = slices[0].shape[0].astype("int64")
    rows = iter(given)
    read = [next(rows) if at is None else remade[at[0]][at[1] : at[1] + block][::-1] for at in reader.rows]
    inner = op.spec.results(op.make_node(*Outer(block, read, [w[None] for w in waiting], [], fixed).flat()).outputs)
    after = [_fitting(x[-1], w) for x, w in zip(inner.states, waiting, strict=True)]
    spec = Spec(((0,),) * (len(slices) + len(firsts) + len(given)), tuple(Rows((-1,), 1) for _ in waiting),
                (Rows(),) * len(inner.plain), 0, len(forward_fixed) + len(fixed))  # fmt: skip
    graph = FunctionGraph([*slices, *firsts, *given, *waiting, *forward_fixed, *fixed], [*after, *inner.plain])
    loop = Scan(graph, spec, -1, _named("blocks", op), lean=True)
    backwards = [x[::-1] for x in forward.walked] + [x[:-1][::-1] for x in forward.between]
    starts = [_fitting(x, w[None]) for x, w in zip(states, waiting, strict=True)]
    return spec.results(
        loop.make_node(
            lengths.count, *backwards, *walked, *starts, *forward.outer.non_sequences, *outer.non_sequences
        ).outputs
    )


derivatives.less_memory = less_memory
