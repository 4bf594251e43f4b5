"""A forward loop in blocks of about ``sqrt(n)`` steps, of which the states before each block are remembered.

See ``symscan.remaking``, which makes gradients of it.
"""

import math
from dataclasses import replace
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
from symscan.op import Scan
from symscan.reading import Made, fitting
from symscan.spec import Outer, Results, Rows, Spec


class Lengths:
    """``n`` steps as ``count`` blocks of ``block`` steps, ``whole`` together, and ``rest`` more.

    ``block`` is about the square root of ``n`` unless it is given.
    """

    def __init__(self, n: Any, block: Any = None):
        self.n = n
        if block is None and isinstance(n, Constant):
            steps = int(n.data)
            block = math.isqrt(steps - 1) + 1
            count = steps // block
            self.block, self.count = as_tensor(block), as_tensor(count).astype("int64")
            self.whole, self.rest = as_tensor(count * block), as_tensor(steps - count * block).astype("int64")
            return
        self.block = maximum(ceil(sqrt(n.astype("float64"))).astype("int64"), 1) if block is None else block
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


def row_of(x: Any) -> Any:
    """Return a variable for one row of a tensor; no length is known that only some rows may have."""
    return TensorType(x.type.dtype, x.type.shape[1:])()


class Forward(Made):
    """The forward loop in blocks: the states before each of them, the rest as one loop, rows that others want."""

    def __init__(self, node: Apply, lengths: Lengths, wanted: set[int], drawn: list[int]):
        super().__init__(node)
        self.drawn, self.wanted = drawn, sorted(wanted | set(drawn))
        self.walk(lengths)
        self._in_blocks()
        self._the_rest()

    def walk(self, lengths: Lengths) -> None:
        """Cut the sequences into blocks."""
        self.lengths = lengths
        #: Every tap is a sequence of its own: blocks of one tensor at different taps overlap.
        sequences = zip(self.outer.sequences, self.spec.sequences, strict=True)
        self.taps = [(x, tap) for x, taps in sequences for tap in taps]
        self.walked = [lengths.split(x, tap) for x, tap in self.taps] or [lengths.split(arange(lengths.n), 0)]

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
        cut = [rows[k].type() for k in self.drawn]
        inner.sequences.append(cut)
        inner.carries = []
        spec = replace(self.spec, sequences=((0,),) * len(walked), n_carries=0)
        instead = {rows[k]: v for k, v in zip(self.drawn, cut, strict=True)}  # a draw may be in two outputs
        graph = FunctionGraph(inner.flat(), clone_graph(rows, instead))
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
        return [row_of(x) for x in self.walked], states, [x.type(x.name) for x in self.outer.non_sequences]

    def _in_blocks(self) -> None:
        slices, firsts, fixed = self.fresh()
        carries = [x.type() for x in self.outer.carries]
        made = self.steps(slices, firsts, carries, fixed)
        after = [fitting(rows[-r.depth :], f) for f, rows, r in zip(firsts, made.states, self.spec.states, strict=True)]
        rows = [made.rows[k][self.spec.rows[k].depth :] for k in self.wanted]
        spec = Spec(((0,),) * len(slices), tuple(Rows((-1,)) for _ in firsts), (Rows(),) * len(rows), len(carries),
                    len(fixed))  # fmt: skip
        graph = FunctionGraph([*slices, *firsts, *carries, *fixed], Results(after, made.carries, rows).flat())
        op = Scan(graph, spec, -1, named("blocks", self.op), lean=True)
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


def named(what: str, op: Any) -> str | None:
    return f"{what} of {op.name}" if op.name else None
