"""A forward loop that a condition ends, in blocks of steps of which the states before each are remembered.

How many steps there are is known when they have been made. So they are made in blocks of about the square root of the
most there can be, by a loop that ends with the block in which the condition held; and what a gradient does with them is
done as if exactly so many had been asked for: whole blocks, and a rest that is shorter than one, whose steps are made
again as those of every block are.
"""

from dataclasses import replace
from typing import Any

from symcore.graph.fgraph import FunctionGraph
from symcore.graph.variable import Apply
from symcore.tensor.constant import as_tensor
from symcore.tensor.creation import zeros
from symcore.tensor.elemwise import elemwise_name
from symcore.tensor.join import concatenate
from symcore.tensor.scalar_functions import neq, switch
from symcore.tensor.shapes import Shape_i
from symcore.tensor.subtensor import set_subtensor
from symscan.blocks import Forward, Lengths, named, row_of
from symscan.op import Scan
from symscan.reading import Made, fitting
from symscan.spec import Outer, Results, Rows, Spec


def steps_made(node: Apply, fgraph: FunctionGraph) -> list[Any]:
    """Return the variables that say how many steps a loop has made: the lengths of its rows, less the initial ones."""
    op: Any = node.op
    found: list[Any] = []
    for y, kind in zip(op.spec.results(node.outputs).rows, op.spec.rows, strict=True):
        for user, _ in fgraph.clients[y]:
            if user is None or type(user.op) is not Shape_i or user.op.i:
                continue
            length = user.outputs[0]
            if not kind.depth:
                found.append(length)
                continue
            for less, _ in fgraph.clients[length]:
                if less is not None and elemwise_name(less.outputs[0]) == "sub" and _takes_off(less, kind.depth):
                    found.append(less.outputs[0])
    return list(dict.fromkeys(found))


def _takes_off(less: Any, depth: int) -> bool:
    taken = getattr(less.inputs[1], "data", None)
    return taken is not None and taken.ndim == 0 and int(taken) == depth


class EndedForward(Forward):
    """The forward loop up to its end, then the same steps as blocks and a rest whose lengths are known."""

    def __init__(self, node: Apply, wanted: set[int], drawn: list[int]):
        Made.__init__(self, node)
        self.drawn, self.wanted = drawn, sorted(wanted | set(drawn))
        most = Lengths(self.n)
        self.walk(most)
        self._to_the_end(most)
        self._without_condition()
        self.walk(Lengths(self.n, most.block))
        lengths = self.lengths
        self.between = [rows[: lengths.count + 1] for rows in self.between]
        self.blocks = {k: lengths.split(self._made[k], 0) for k in drawn}
        start, stop = lengths.whole, self.n
        slices = [x[tap + start : tap + stop] for x, tap in self.taps] or [zeros((lengths.rest,), "int64")]
        drawn_last = [self._made[k][start:stop] for k in drawn]
        firsts = [rows[-1] for rows in self.between]
        self.rest = self.again(slices, drawn_last, firsts, self.outer.non_sequences)

    def whole(self, k: int) -> Any:
        rows = self._made[k]
        return concatenate([self.outer.states[k], rows]) if self.spec.rows[k].depth else rows

    def _to_the_end(self, most: Lengths) -> None:
        """Make blocks of steps, and then those that are no whole block, unless the condition has held before."""
        states, total, ended, padded, carries = self._blocks_to_the_end(most)
        self.between = states
        left = switch(ended, 0, most.rest).astype("int64")
        cut = [x[most.whole :] for x in self.outer.sequences]
        firsts = [rows[-1] for rows in states]
        node = self.op.make_node(*Outer(left, cut, firsts, carries, self.outer.non_sequences).flat())
        last = self.spec.results(node.outputs)
        self.n = total + last.rows[0].shape[0] - self.spec.rows[0].depth
        self.carries = last.carries
        self._made = {
            k: concatenate([_joined(padded[k], most.block), last.rows[k][self.spec.rows[k].depth :]])[: self.n]
            for k in self.wanted
        }

    def _blocks_to_the_end(self, most: Lengths) -> tuple[list[Any], Any, Any, dict[int, Any], list[Any]]:
        """Return the states between the blocks that were made, how many steps these have, whether the condition has
        held, the rows that are wanted, filled up where a block was not, and the carries."""
        slices, firsts, fixed = self.fresh()
        carries = [x.type() for x in self.outer.carries]
        done, held = as_tensor(0).astype("int64").type(), neq(as_tensor(0), 0).type()
        count, holds, made = self._one_block(slices, firsts, carries, fixed)
        after = [fitting(rows[-r.depth :], f) for f, rows, r in zip(firsts, made.states, self.spec.states, strict=True)]
        size = slices[0].shape[0]
        padded = [_padded(made.rows[k][self.spec.rows[k].depth :], size) for k in self.wanted]
        spec = Spec(((0,),) * len(slices), (*(Rows((-1,)) for _ in firsts), Rows((-1,), 1), Rows((-1,), 1)),
                    (Rows(),) * len(padded), len(carries), len(fixed), until=True)  # fmt: skip
        graph = FunctionGraph(
            [*slices, *firsts, done, held, *carries, *fixed],
            Results([*after, done + count, holds], made.carries, padded, holds).flat(),
        )
        starts = [fitting(x, f)[None] for x, f in zip(self.outer.states, firsts, strict=True)]
        starts += [as_tensor([0]).astype("int64"), neq(as_tensor([0]), 0)]
        given = Outer(most.count, self.walked, starts, self.outer.carries, self.outer.non_sequences)
        found = spec.results(
            Scan(graph, spec, -1, named("blocks", self.op), lean=True).make_node(*given.flat()).outputs
        )
        [*states, total, ended] = found.states
        return states, total[-1], ended[-1], dict(zip(self.wanted, found.plain, strict=True)), found.carries

    def _one_block(
        self, slices: list[Any], firsts: list[Any], carries: list[Any], fixed: list[Any]
    ) -> tuple[Any, Any, Results]:
        """Return how many steps of a block are made, whether the condition held, and what they make."""
        walked = slices[: len(self.taps)]
        old = self.spec.results(self.op.fgraph.outputs)
        spec = replace(self.spec, sequences=((0,),) * len(walked), plain=(*self.spec.plain, Rows()))
        outputs = Results(old.states, old.carries, [*old.plain, neq(old.condition, 0)], old.condition).flat()
        op = Scan(FunctionGraph(self.op.fgraph.inputs, outputs), spec, -1, self.op.name, asked=self.op.asked)
        n = slices[0].shape[0].astype("int64")
        made = spec.results(op.make_node(*Outer(n, walked, firsts, carries, fixed).flat()).outputs)
        *made.plain, conditions = made.plain
        return conditions.shape[0].astype("int64"), conditions[-1], made

    def _without_condition(self) -> None:
        """Let the steps be those of a loop whose number of steps is known."""
        fgraph, self.spec = self.op.fgraph, replace(self.spec, until=False)
        self.op = Scan(FunctionGraph(fgraph.inputs, fgraph.outputs[:-1]), self.spec, -1, self.op.name,
                       asked=self.op.asked)  # fmt: skip
        self.outer = replace(self.outer, n_steps=self.n)


def _padded(rows: Any, size: Any) -> Any:
    """Return ``size`` rows, of which the first are ``rows``."""
    none = zeros((size, *(rows.shape[i] for i in range(1, rows.type.ndim))), rows.type.dtype)
    filled = set_subtensor(none[: rows.shape[0]], rows)
    return fitting(filled, row_of(none[None]))


def _joined(blocks: Any, size: Any) -> Any:
    return blocks.reshape((blocks.shape[0] * size, *(blocks.shape[i] for i in range(2, blocks.type.ndim))))
