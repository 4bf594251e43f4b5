"""Who reads which rows of a loop, and what stands in their place when the loop is written in another way."""

from dataclasses import dataclass, replace
from typing import Any

from symcore.graph.fgraph import FunctionGraph
from symcore.graph.variable import Apply, Constant
from symcore.tensor.elemwise import elemwise_name
from symcore.tensor.scalar_functions import eq, switch
from symcore.tensor.shapes import Shape_i, specify_shape
from symcore.tensor.subtensor import Subtensor
from symscan.op import Scan
from symscan.spec import Outer, Results, Rows, Spec


def fitting(x: Any, wanted: Any) -> Any:
    """Return ``x`` as what may take the place of ``wanted``, whose type may know more lengths."""
    return x if wanted.type.is_super(x.type) else specify_shape(x, wanted.type.shape)


def from_start(y: Any, n: Any, total: int, fgraph: FunctionGraph) -> list[tuple[Any, int]]:
    """Return ``(rows[start : start + n], start)`` for all such views of ``total + n`` rows, or the rows themselves."""
    found = [(y, 0)] if not total else []
    for view, _ in fgraph.clients[y]:
        if view is None or type(view.op) is not Subtensor or len(view.op.entries) != 1:
            continue
        [entry] = view.op.entries
        if not isinstance(entry, tuple) or entry[3] is not None or isinstance(entry[1], str):
            continue
        start = entry[1] or 0
        if start >= 0 and is_end(view.inputs[1] if entry[2] == "input" else entry[2], start, n, total):
            found.append((view.outputs[0], start))
    return found


def is_end(stop: Any, start: int, n: Any, total: int) -> bool:
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


def is_reversal(node: Any) -> bool:
    return type(node.op) is Subtensor and node.op.entries == (("slice", None, None, -1),)


@dataclass
class Others:
    """Other loops that make the same as one does: per output ``(keep, rows, position, output)``, and their nodes."""

    rows: list[tuple[int | None, Rows, int, Any]]
    nodes: list[Any]

    def carried(self, carries: list[Any]) -> dict[Any, Any]:
        """Return what takes the place of the carries that they hand out."""
        return {old: new for node in self.nodes
                for old, new in zip(node.op.spec.results(node.outputs).carries, carries, strict=True)}  # fmt: skip


def shorter(node: Apply, fgraph: FunctionGraph) -> Others:
    """Return the loops whose outputs are the same as ``node``'s.

    A gradient asks for more than the user's loop hands out, so that there are two loops; they must become one.
    """
    op: Any = node.op
    made = op.spec.results(op.fgraph.outputs)
    users: list[Any] = [user for v in node.inputs for user, _ in fgraph.clients[v]]
    others = [user for user in dict.fromkeys(users) if user is not None and user is not node]
    found = Others([], [])
    for other in others:
        if type(other.op) is not Scan or list(other.inputs) != list(node.inputs):
            continue
        spec: Spec = other.op.spec
        same = replace(op.spec, plain=op.spec.plain[: len(spec.plain)])
        outputs = Results(made.states, made.carries, made.plain[: len(spec.plain)], made.condition).flat()
        if len(outputs) != len(other.op.fgraph.outputs) or spec.keeping_all() != same:
            continue
        if Scan(FunctionGraph(op.fgraph.inputs, outputs), spec, op.truncate, asked=op.asked) == other.op:
            rows = enumerate(zip(spec.rows, spec.results(other.outputs).rows, strict=True))
            found.rows += [(r.keep, r, k, y) for k, (r, y) in rows]
            found.nodes.append(other)
    return found


class Reads:
    """How rows of output ``k`` are read by others than gradients: lengths, first and last rows, or ``whole``.

    ``known``: the nodes by which gradients read, loops that go backwards or views.
    """

    def __init__(self, k: int, rows: Any, kind: Rows, fgraph: FunctionGraph, known: set[Any]):
        self.k, self.rows, self.kind = k, rows, kind
        self.lengths: list[Any] = []
        self.firsts: list[Any] = []
        self.lasts: list[Any] = []
        self.whole = False
        self._known = known
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
                self.lasts.append((node, self.kind.depth - depth))
            elif node.op.entries and node.op.entries[0] == 0 and depth:
                self.firsts.append(node)
            elif depth and node.op.entries == (("slice", depth, None, None),):
                self._sort(node.outputs[0], fgraph, 0)
            elif node not in self._known and not self._only_backwards(node, fgraph):
                self.whole = True

    def _only_backwards(self, view: Any, fgraph: FunctionGraph) -> bool:
        """Tell whether a view is read by loops that go backwards alone."""
        users = [user for user, _ in fgraph.clients[view.outputs[0]]]
        if is_reversal(view):
            return all(user in self._known for user in users)
        return all(
            user is not None
            and is_reversal(user)
            and all(last in self._known for last, _ in fgraph.clients[user.outputs[0]])
            for user in users
        )


class Made:
    """A forward loop written in another way, in two parts: ``rest``, the rows of all outputs that the second part
    makes (of a state the rows before them first), and what ``whole`` makes of both."""

    rest: list[Any]
    carries: list[Any]

    def __init__(self, node: Apply):
        op: Any = node.op
        self.node, self.op = node, op
        self.spec: Spec = op.spec
        self.outer: Outer = self.spec.outer(node.inputs)
        self.n = self.outer.n_steps

    def whole(self, k: int) -> Any:
        """Return all rows of output ``k``."""
        raise NotImplementedError

    def _with_a_last_row(self, rest: Any, skipped: int) -> Any:
        """Return rows whose last one is that of all rows without the first ``skipped``; of no steps there is none."""
        if not skipped or (isinstance(self.n, Constant) and int(self.n.data)):
            return rest
        return rest[switch(eq(self.n, 0), skipped, 0) :]

    def replaced(self, reads: Reads, keep: int | None = None) -> dict[Any, Any]:
        """Return what is read in place of the old rows; the last ``keep`` of them where a loop kept no more."""
        k, rest, depth = reads.k, self.rest[reads.k], reads.kind.depth
        if keep is not None:
            whole = rest if keep <= depth else self.whole(k)
            return {reads.rows: fitting(whole[-keep:], reads.rows)}
        found = {}
        for node, before in reads.lengths:
            axis = node.op.i
            length = rest.shape[axis] if axis else self.n + before
            found[node.outputs[0]] = length.astype("int64")
        for node, skipped in reads.lasts:
            last = self._with_a_last_row(rest, skipped)
            found[node.outputs[0]] = fitting(node.op.make_node(last, *node.inputs[1:]).outputs[0], node.outputs[0])
        for node in reads.firsts:
            first = self.outer.states[k]
            found[node.outputs[0]] = fitting(node.op.make_node(first, *node.inputs[1:]).outputs[0], node.outputs[0])
        if reads.whole:
            found[reads.rows] = fitting(self.whole(k), reads.rows)
        return found
