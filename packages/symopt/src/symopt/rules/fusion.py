"""Fusion: chains of elementwise work become single ``Composite`` nodes, one loop each.

Nodes may share a loop if their results have the same shape. Which of them do is decided by *ranks*: an edge that
cannot be inside one loop (into or out of anything but elementwise work, between different loop shapes, or between what
is needed under different choices of ``ifelse``) is a barrier, and the rank of a node is the largest number of barriers
on a way from it to the outputs. Groups are the connected
components of nodes of equal rank along edges without barrier. They are convex: a way that leaves a group and comes
back would cross a barrier, so its ends would have different ranks; and the groups depend on each other without circles,
for the same reason. Counting from the outputs puts a node that one consumer uses into the loop of that consumer. Time
is linear in the graph.
"""

from collections.abc import Callable, Sequence
from typing import Any

from symcore.graph import trace
from symcore.tensor.elemwise import Composite, Elemwise, ScalarFn
from symopt.lazy import needs
from symopt.rule import graph_rewrite
from symopt.ruleset import RuleSet

#: A kernel takes at most so many inputs and computes at most so many steps.
MOST_INPUTS = 30
MOST_STEPS = 100
#: What is computed again in another loop, up to so many steps of it, rather than written to memory and read back.
CHEAP = frozenset({"add", "sub", "mul", "neg", "sqr", "lt", "le", "gt", "ge", "eq", "neq", "invert", "and_", "or_"})
CHEAP_STEPS = 3


class _Backend:
    """What the backend that will run the loops knows of them; it stands above, and puts its function here."""

    #: ``(function, dtypes of its inputs) -> whether it can be compiled``; ``None``: nothing is compiled.
    compiles: Callable[[Any, Sequence[Any]], bool] | None = None


backend = _Backend()


@graph_rewrite(phase="fuse")
def fuse_elemwise(fgraph: Any) -> int:
    """``f(g(x), h(y)) -> Composite{f(g(i0), h(i1))}(x, y)``, with further outputs for inner results used elsewhere;
    what is cheap is computed again rather than stored."""
    order = fgraph.toposort()
    loops = {node: node.outputs[0].type.broadcastable for node in order if fusible(node)}
    cheap = _cheap(order, loops, fgraph)
    position = {node: k for k, node in enumerate(order)}
    made = 0
    needed = needs(order, fgraph.outputs)
    kinds = {node: (shape, needed[node]) for node, shape in loops.items()}
    for members in _groups(order, kinds, fgraph):
        for nodes in _parts(members):
            part = [node for node in nodes if node in fgraph]  # equal kernels may have become one
            if not part:
                continue
            kept = _kept(part, cheap, fgraph)
            body = _with_cheap(part, cheap, position, loops)
            if len(body) > 1 and kept:
                # One kernel at a time: the next one then reads what this one returns.
                fgraph.replace_all(_fuse(body, kept), "rule 'fuse-elemwise'")
                made += 1
    return made


def fusible(node: Any) -> bool:
    """Tell whether a node may become part of a larger loop. Integer scalars may not: they are arithmetic of shapes,
    which the virtual machine does before any loop starts. Nor may what cannot be compiled: the whole loop could not."""
    if type(node.op) is not Elemwise or not isinstance(node.op.fn, (ScalarFn, Composite)):
        return False
    out = node.outputs[0].type
    if not out.ndim and out.dtype.kind in "biu":
        return False
    return backend.compiles is None or backend.compiles(node.op.fn, tuple([v.type.dtype for v in node.inputs]))


def _cheap(order: list[Any], loops: dict[Any, Any], fgraph: Any) -> dict[Any, list[Any]]:
    """Return the nodes that are better computed again than stored, each with those of them it needs, itself last: a
    few operations on tensors that are in memory anyway, whose result is read by loops of the same shape alone."""
    stored = {node for node, shape in loops.items()
              if any(loops.get(user) != shape for v in node.outputs for user, _ in fgraph.clients[v])}
    cheap: dict[Any, list[Any]] = {}
    for node in order:
        shape = loops.get(node)
        if not shape or node in stored or getattr(node.op.fn, "name", "") not in CHEAP:
            continue
        needs: dict[Any, None] = {}
        for v in node.inputs:
            if v.owner in cheap and loops[v.owner] == shape:
                needs.update(dict.fromkeys(cheap[v.owner]))
            elif v.owner in loops and v.owner not in stored:
                break
        else:
            if len(needs) < CHEAP_STEPS:
                cheap[node] = [*needs, node]
    return cheap


def _kept(part: list[Any], cheap: dict[Any, Any], fgraph: Any) -> list[Any]:
    """Return the results of a kernel that something outside of it reads from memory."""
    members = set(part)
    return [v for node in part if node not in cheap for v in node.outputs
            if any(user not in members for user, _ in fgraph.clients[v])]


def _with_cheap(part: list[Any], cheap: dict[Any, list[Any]], position: dict[Any, int], loops: Any) -> list[Any]:
    """Return the nodes of a kernel together with the cheap nodes of other kernels that it computes again."""
    shape = loops[part[0]]
    body = dict.fromkeys(part)
    for node in part:
        for v in node.inputs:
            if v.owner in cheap and loops[v.owner] == shape:
                body.update(dict.fromkeys(cheap[v.owner]))
    return part if len(body) == len(part) else sorted(body, key=position.__getitem__)


def _groups(order: list[Any], loops: dict[Any, Any], fgraph: Any) -> list[list[Any]]:
    """Return the groups of nodes that can share a loop, each in topological order."""
    ranks: dict[Any, int] = {}
    leader: dict[Any, Any] = {}
    for node in reversed(order):
        shape = loops.get(node)
        users = [user for output in node.outputs for user, _ in fgraph.clients[output] if user is not None]
        inside = [user for user in users if shape is not None and loops.get(user) == shape]
        rank = max((ranks[user] for user in inside), default=0)
        if len(inside) < len(users):
            outside = [user for user in users if shape is None or loops.get(user) != shape]
            rank = max(rank, *(ranks[user] + 1 for user in outside))
        ranks[node] = rank
        if shape is None:
            continue
        leader[node] = node
        for user in inside:
            if ranks[user] == rank:
                leader[_find(leader, user)] = _find(leader, node)
    members: dict[Any, list[Any]] = {}
    for node in order:
        if node in leader:
            members.setdefault(_find(leader, node), []).append(node)
    return list(members.values())


def _find(leader: dict[Any, Any], node: Any) -> Any:
    root = node
    while leader[root] is not root:
        root = leader[root]
    while leader[node] is not root:
        leader[node], node = root, leader[node]
    return root


def _parts(members: list[Any]) -> list[list[Any]]:
    """Cut a group that is too large for one kernel. Any cut of a topological order keeps the pieces free of circles."""
    parts: list[list[Any]] = []
    part: list[Any] = []
    inside: set[Any] = set()
    inputs: set[Any] = set()
    steps = 0
    for node in members:
        outer = {v for v in node.inputs if v not in inside}
        size = _size(node)
        if part and (len(inputs | outer) > MOST_INPUTS or steps + size > MOST_STEPS):
            parts.append(part)
            part, inside, inputs, steps = [], set(), set(), 0
            outer = set(node.inputs)
        part.append(node)
        inside.update(node.outputs)
        inputs |= outer
        steps += size
    parts.append(part)
    return parts


def _size(node: Any) -> int:
    return len(node.op.fn.steps) if isinstance(node.op.fn, Composite) else 1


def _fuse(body: list[Any], kept: list[Any]) -> list[tuple[Any, Any]]:
    """Return ``(old result, new result)`` pairs for one kernel that runs the nodes ``body`` and returns ``kept``."""
    inside = {v for node in body for v in node.outputs}
    inputs = list(dict.fromkeys(v for node in body for v in node.inputs if v not in inside))
    number: dict[Any, int] = {v: k for k, v in enumerate(inputs)}
    steps: list[Any] = []
    for node in body:
        _add_steps(node, number, steps, len(inputs))
    composite = Composite(len(inputs), tuple(steps), tuple(number[v] for v in kept))
    lines = [line for node in body for line in trace.each(node.trace, _size(node))]
    with trace.inherit(trace.together(lines)):
        made = Elemwise(composite).make_node(*inputs)
    return list(zip(kept, made.outputs, strict=True))


def _add_steps(node: Any, number: dict[Any, int], steps: list[Any], nin: int) -> None:
    fn = node.op.fn
    arguments = [number[v] for v in node.inputs]
    if not isinstance(fn, Composite):
        steps.append((fn, tuple(arguments), node.outputs[0].type.dtype.name))
        number[node.outputs[0]] = nin + len(steps) - 1
        return
    values = list(arguments)
    for inner, places, dtype in fn.steps:
        steps.append((inner, tuple(values[p] for p in places), dtype))
        values.append(nin + len(steps) - 1)
    for output, place in zip(node.outputs, fn.results, strict=True):
        number[output] = values[place]


RULES = RuleSet(fuse_elemwise)
