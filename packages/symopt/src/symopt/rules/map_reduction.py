"""Fusion of reductions with the elementwise work that feeds them: no tensor is written only to be summed up.

It runs after the elementwise loops have been made. A loop whose one result only reductions read becomes part of the
reduction. A loop that has other results too keeps those; the steps that lead to the reduced result, from the loop's
inputs or from its other results, move into the reduction, if the loop does not need them or they are cheap.
"""

from collections.abc import Sequence
from typing import Any

from symcore.graph import trace
from symcore.tensor.elemwise import Composite, Elemwise
from symcore.tensor.map_reduce import MapReduce
from symcore.tensor.reduce import Reduce
from symopt.rule import graph_rewrite
from symopt.rules.fusion import CHEAP, CHEAP_STEPS, fusible
from symopt.ruleset import RuleSet

#: A reduction that takes its steps out of a loop reads at most so many tensors for it: the loop reads them too.
MOST_READ_TWICE = 2


@graph_rewrite(phase="fuse")
def fuse_reduction(fgraph: Any) -> int:
    """``sum(f(x, y), axis) -> MapReduce{f, sum, axis}(x, y)``, and so for all reductions; not if ``f(x, y)`` is
    needed for anything else."""
    made = 0
    for node in fgraph.toposort():
        if type(node.op) is not Reduce or node not in fgraph or not node.op.axis:
            continue
        loop = node.inputs[0].owner
        if loop is None or not _joins(node.inputs[0], fgraph):
            continue
        pairs = _whole(node, loop) if len(loop.outputs) == 1 else _part(node, loop)
        if pairs:
            fgraph.replace_all(pairs, "rule 'fuse-reduction'")
            made += 1
    return made


def _joins(x: Any, fgraph: Any) -> bool:
    """Tell whether ``x`` is elementwise work on more than single numbers that only reductions read; several only if
    it is cheap."""
    if not fusible(x.owner) or all(x.type.broadcastable):
        return False
    users = fgraph.clients[x]
    if len(users) == 1:
        return True
    fn = x.owner.op.fn
    steps = fn.steps if isinstance(fn, Composite) else [(fn, (), "")]
    return _cheap(steps) and all(user is not None and type(user.op) is Reduce and user.op.axis for user, _ in users)


def _cheap(steps: Sequence[Any]) -> bool:
    return len(steps) <= CHEAP_STEPS and all(fn.name in CHEAP for fn, *_ in steps)


def _reduced(node: Any, fn: Any, inputs: Sequence[Any], lines: Sequence[Any]) -> Any:
    """Return the reduction ``node`` of the map ``fn`` of ``inputs``; ``lines``: the traces of the steps of ``fn``."""
    op = node.op
    with trace.inherit(trace.together(lines, node.trace)):
        return MapReduce(fn, op.fn, op.axis, op.dtype, op.acc_dtype)(*inputs)


def _whole(node: Any, loop: Any) -> list[tuple[Any, Any]]:
    y = _reduced(node, loop.op.fn, loop.inputs, _lines(loop))
    return [(node.outputs[0], y)] if y.type == node.outputs[0].type else []


def _part(node: Any, loop: Any) -> list[tuple[Any, Any]]:
    """Return ``(old, new)`` pairs that move one result of a loop with several into the reduction ``node``."""
    x, fn = node.inputs[0], loop.op.fn
    kept = [k for k in range(fn.nout) if k != x.index]
    values = dict(enumerate(loop.inputs))
    stored = {**{fn.results[k]: loop.outputs[k] for k in kept}, **values}
    wanted = fn.results[x.index]
    steps = _needed(fn, [wanted], stored)
    left = _needed(fn, [fn.results[k] for k in kept], values)
    if wanted in stored or not _cheap([fn.steps[k - fn.nin] for k in steps if k in set(left)]):
        return []
    mapped, inputs = _subset(fn, steps, [wanted], stored)
    rest, rest_inputs = _subset(fn, left, [fn.results[k] for k in kept], values)
    pattern = x.type.broadcastable
    if sum(v.type.broadcastable == pattern for v in inputs) > MOST_READ_TWICE:
        return []
    with trace.inherit(trace.together([_lines(loop)[place - fn.nin] for place in left])):
        others = Elemwise(rest).make_node(*rest_inputs).outputs
    # The reduction reads the results of the smaller loop.
    renamed = dict(zip([loop.outputs[k] for k in kept], others, strict=True))
    lines = _lines(loop)
    y = _reduced(node, mapped, [renamed.get(v, v) for v in inputs], [lines[place - fn.nin] for place in steps])
    pairs = [*renamed.items(), (node.outputs[0], y)]
    return pairs if all(old.type == new.type for old, new in pairs) else []


def _lines(loop: Any) -> Sequence[Any]:
    """Return the traces of the steps of elementwise work."""
    fn = loop.op.fn
    return trace.each(loop.trace, len(fn.steps) if isinstance(fn, Composite) else 1)


def _needed(fn: Composite, places: Sequence[int], stored: dict[int, Any]) -> list[int]:
    """Return, in order, the places of the steps that compute ``places`` from what is ``stored``."""
    found: set[int] = set()
    stack = list(places)
    while stack:
        place = stack.pop()
        if place not in found and (place not in stored or place in places) and place >= fn.nin:
            found.add(place)
            stack.extend(fn.steps[place - fn.nin][1])
    return sorted(found)


def _subset(fn: Composite, steps: Sequence[int], results: Sequence[int], stored: dict[int, Any]) -> tuple[Any, Any]:
    """Return a function made of some steps of another, and its inputs."""
    used = dict.fromkeys(a for place in steps for a in fn.steps[place - fn.nin][1] if a not in set(steps))
    number = {place: k for k, place in enumerate([*used, *steps])}
    taken = [fn.steps[place - fn.nin] for place in steps]
    inputs = [stored[place] for place in used]
    if len(taken) == 1 and len(results) == 1 and taken[0][1] == tuple(used):
        return taken[0][0], inputs
    renumbered = tuple((step, tuple(number[a] for a in arguments), dtype) for step, arguments, dtype in taken)
    return Composite(len(inputs), renumbered, tuple(number[r] for r in results)), inputs


RULES = RuleSet(fuse_reduction)
