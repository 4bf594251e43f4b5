"""Fusion of loops with the gathers that feed them: rows ``x[i]`` of a table are read where they lie.

A gather costs reading its rows, writing them, and reading them again in every loop that works on them. A loop that
takes the table and the index reads them once. It runs after elementwise loops and reductions have been fused, and joins
two of these: the loss and its gradient, that is a reduction and a loop which read the same rows, become one kernel with
the results of both. So one step on an embedding passes over the rows once, and over the gradient when it is added in.

Not fused is what would read rows more than once (other pairs of loops), a loop that needs what has been written into
the table before (the table would have to be copied), and reductions along other axes than the last, for these go
through rows side by side, which have to lie in memory at known distances.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from symcore.graph import trace
from symcore.tensor.elemwise import Composite
from symcore.tensor.indexing import FULL
from symcore.tensor.map_reduce import MapReduce
from symcore.tensor.reduce import Reduce
from symcore.tensor.subtensor import AdvancedSubtensor
from symopt.lazy import needed_together
from symopt.rule import graph_rewrite
from symopt.rules.fusion import MOST_INPUTS, fusible
from symopt.ruleset import RuleSet


@graph_rewrite(phase="fuse")
def fuse_indexed_reads(fgraph: Any) -> int:
    """``f(x[i], y) -> IndexedMap{f}(x, y, i)``, ``sum(f(x[i]), axis=-1) -> IndexedMap{sum of f}(x, i)``, and both as
    one node where a loop and a reduction read the same rows; not if anything else reads ``x[i]``."""
    made = 0
    if not any(v.owner is not None and type(v.owner.op) is AdvancedSubtensor for v in fgraph.clients):
        return made
    for node in fgraph.toposort():
        if _is_gather(node) and node in fgraph:
            pairs = _fused(node, fgraph)
            if pairs:
                fgraph.replace_all(pairs, "rule 'fuse-indexed-reads'")
                made += 1
    return made


def _is_gather(node: Any) -> bool:
    """Tell whether a node reads rows: by one array along the first axis, all else whole."""
    op = node.op
    if type(op) is not AdvancedSubtensor or op.entries[0] != "array" or any(e != FULL for e in op.entries[1:]):
        return False
    return node.inputs[0].type.ndim > 1 and node.inputs[1].type.ndim > 0


class _Work:
    """Elementwise work that is to be one loop.

    Attributes
    ----------
    nodes
        The loops and reductions of maps whose work it is, in the order of their results.
    results
        What they return; where one is combined it comes first, and what is combined is not among them.
    combined
        How that is combined: a ``MapReduce`` or a ``Reduce``.
    first
        Which result of the nodes' functions is the first one.
    """

    def __init__(self, nodes: list[Any], results: list[Any], combined: Any = None, first: int = 0):
        self.nodes, self.results, self.combined, self.first = nodes, results, combined, first

    def map(self) -> tuple[Any, list[Any], list[Any]]:
        """Return the function of them all, its inputs, and the traces of its steps."""
        inputs = list(dict.fromkeys(v for node in self.nodes for v in node.inputs))
        steps: dict[Any, int] = {}
        lines: list[Any] = []
        places: list[int] = []
        for node in self.nodes:
            fn = _function(node)
            if len(self.nodes) == 1 and not isinstance(fn, Composite) and inputs == node.inputs:
                return fn, inputs, [node.trace]
            values = [inputs.index(v) for v in node.inputs]
            own = fn.steps if isinstance(fn, Composite) else [(fn, range(len(values)), _dtype(fn, node))]
            for (step, arguments, dtype), line in zip(own, trace.each(node.trace, len(own)), strict=True):
                key = (step, tuple(values[a] for a in arguments), dtype)
                if key not in steps:
                    steps[key] = len(inputs) + len(steps)
                    lines.append(line)
                values.append(steps[key])
            places += [values[r] for r in fn.results] if isinstance(fn, Composite) else [values[-1]]
        places.insert(0, places.pop(self.first))
        return Composite(len(inputs), tuple(steps), tuple(places)), inputs, lines


def _function(node: Any) -> Any:
    return node.op.map if type(node.op) is MapReduce else node.op.fn


def _dtype(fn: Any, node: Any) -> str:
    return str(fn.out_dtypes([v.type.dtype for v in node.inputs])[0].name)


def _fused(gather: Any, fgraph: Any) -> list[tuple[Any, Any]]:
    """Return ``(old result, new result)`` pairs of what reads the rows of a gather, or nothing."""
    work = _work(gather, fgraph)
    if work is None:
        return []
    fn, inputs, lines = work.map()
    tables = [k for k, v in enumerate(inputs) if _read_in_place(v, work.nodes, fgraph)]
    if not any(inputs[k].owner is gather for k in tables) or len(inputs) + len(tables) > MOST_INPUTS:
        return []
    from symcore.tensor.indexed_map import IndexedMap  # few graphs have one

    reads = [inputs[k].owner for k in tables]
    for k, read in zip(tables, reads, strict=True):
        inputs[k] = read.inputs[0]
    combined = work.combined
    how = () if combined is None else (combined.fn, combined.axis, combined.dtype, combined.acc_dtype)
    with trace.inherit(trace.together(lines, gather.trace)):
        made = IndexedMap(fn, tuple(tables), *how).make_node(*inputs, *(read.inputs[1] for read in reads))
    pairs = list(zip(work.results, made.outputs, strict=True))
    return pairs if all(old.type == new.type for old, new in pairs) else []


def _work(gather: Any, fgraph: Any) -> _Work | None:
    """Return what reads the rows, if that can be one loop."""
    rows = gather.outputs[0]
    users = list(dict.fromkeys(user for user, _ in fgraph.clients[rows]))
    loops = [user for user in users if _is_loop(user, rows)]
    reductions = [user for user in users if _is_reduction(user, rows)]
    if len(loops) + len(reductions) < len(users) or len(loops) > 1 or len(reductions) > 1:
        return None
    if not loops:
        return _Work(reductions, reductions[0].outputs, reductions[0].op)
    [loop] = loops
    if reductions:
        joint = [*reductions, loop]
        if _leads_to([loop], reductions, fgraph) or _leads_to(reductions, [loop], fgraph):
            return None
        if not needed_together(joint, fgraph):
            return None
        return _Work(joint, [y for node in joint for y in node.outputs], reductions[0].op)
    own = _own_reduction(loop, fgraph)
    if own is None or not needed_together([loop, own], fgraph):
        return _Work([loop], loop.outputs)
    first = own.inputs[0].index
    others = [y for y in loop.outputs if y.index != first]
    return _Work([loop], [own.outputs[0], *others], own.op, first)


def _is_loop(user: Any, rows: Any) -> bool:
    """Tell whether something is an elementwise loop over all elements of the rows, and over nothing more."""
    return user is not None and fusible(user) and user.outputs[0].type.broadcastable == rows.type.broadcastable


def _is_reduction(user: Any, rows: Any) -> bool:
    """Tell whether something combines a map of the rows, along their last axis at least."""
    if user is None or type(user.op) is not MapReduce or rows.type.ndim - 1 not in user.op.axis:
        return False
    ndim = rows.type.ndim
    if any(v.type.ndim > ndim for v in user.inputs):
        return False
    return all(all(v.type.ndim < ndim - a or v.type.broadcastable[a - ndim] for v in user.inputs) == repeated
               for a, repeated in enumerate(rows.type.broadcastable))


def _own_reduction(loop: Any, fgraph: Any) -> Any:
    """Return the reduction that alone reads one of several results of a loop, along its last axis at least."""
    for y in loop.outputs if len(loop.outputs) > 1 else ():
        users = [user for user, _ in fgraph.clients[y]]
        alone = len(users) == 1 and users[0] is not None
        if alone and type(users[0].op) is Reduce and y.type.ndim - 1 in users[0].op.axis:
            return users[0]
    return None


def _read_in_place(v: Any, nodes: Sequence[Any], fgraph: Any) -> bool:
    """Tell whether an input of a loop is rows that nothing but the loop reads, of a table that is as it was by then."""
    if v.owner is None or not _is_gather(v.owner) or any(user not in nodes for user, _ in fgraph.clients[v]):
        return False
    if v.type.ndim != max(u.type.ndim for node in nodes for u in node.inputs):
        return False
    table = v.owner.inputs[0]
    writers = {user for user, k in fgraph.clients[table] if user is not None and user not in nodes
               and any(k in sources for sources in user.op.inplace(user).values())}
    return not _leads_to(writers, nodes, fgraph)


def _leads_to(makers: Iterable[Any], wanted: Sequence[Any], fgraph: Any) -> bool:
    """Tell whether any of some nodes needs a result of any of ``makers``."""
    stack, seen = list(makers), set(makers)
    while stack:
        for y in stack.pop().outputs:
            for user, _ in fgraph.clients[y]:
                if user is not None and user not in seen:
                    if user in wanted:
                        return True
                    seen.add(user)
                    stack.append(user)
    return False


RULES = RuleSet(fuse_indexed_reads)
