"""Rules that make several loops one, and equal states and outputs of a loop one."""

from collections.abc import Iterable
from typing import Any

from symcore.graph.clone import clone_graph
from symcore.graph.fgraph import FunctionGraph
from symcore.graph.variable import Constant
from symopt.lazy import needs
from symopt.rule import graph_rewrite, rewrite
from symopt.ruleset import RuleSet
from symscan.op import Scan
from symscan.rules.parts import LoopParts, Plain, State


@graph_rewrite(phase="canonicalize", tags={"fast_compile"})
def loops_merge(fgraph: Any) -> int:
    """``scan(f, x), scan(g, x) -> scan((f, g), x)``, where neither needs the other and they make as many steps.

    Nor may one be needed under other choices (``ifelse``) than the other.

    Only loops that read something in common are merged: the others would only take more memory at a time.
    """
    changes = 0
    while True:
        pair = _mergeable(fgraph)
        if pair is None:
            return changes
        first, second = map(LoopParts, pair)
        second.replace({})
        first.sequences += second.sequences
        first.states += second.states
        first.carries += second.carries
        first.plain += second.plain
        first.fixed += second.fixed
        first.rewritten = ()
        _, new = first.build()
        fgraph.replace_all(list(new.items()), "loops-merge")
        changes += 1


def _mergeable(fgraph: Any) -> tuple[Any, Any] | None:
    loops = [n for n in fgraph.toposort() if type(n.op) is Scan and not n.op.spec.until and n.op.pure]
    groups: dict[Any, list[Any]] = {}
    for node in loops:
        groups.setdefault((node.inputs[0], node.op.lean), []).append(node)
    groups = {n: group for n, group in groups.items() if len(group) > 1}
    if not groups:
        return None
    needed = needs(fgraph.toposort(), fgraph.outputs)
    upstream = _upstream(fgraph, {node for group in groups.values() for node in group})
    for group in groups.values():
        for k, a in enumerate(group):
            read = {v for v in a.inputs[1:] if not isinstance(v, Constant)}
            for b in group[k + 1 :]:
                if a in upstream[b] or read.isdisjoint(b.inputs[1:]):
                    continue
                if needed[a] == needed[b]:
                    return a, b
    return None


def _upstream(fgraph: Any, loops: set[Any]) -> dict[Any, frozenset[Any]]:
    """Return for each of the loops which others its inputs are computed from."""
    above: dict[Any, frozenset[Any]] = {}
    found = {}
    nothing: frozenset[Any] = frozenset()
    for node in fgraph.toposort():
        sets = {above[v.owner] for v in node.inputs if v.owner is not None and above[v.owner]}
        own = nothing.union(*sets) if len(sets) != 1 else next(iter(sets))
        if node in loops:
            found[node] = own
            own |= {node}
        above[node] = own
    return found


@rewrite(Scan, phase="canonicalize", tags={"fast_compile"})
def loop_same_output(node: Any) -> Any:
    """``scan((f, f)) -> scan(f)``: equal plain outputs are one, and states with equal beginnings and steps are one.

    States are equal when supposing so makes their next values equal (partition refinement, as of automata).
    """
    loop = LoopParts(node)
    twins = [*_equal_states(loop), *_equal_outputs(loop.plain)]
    if not twins:
        return None
    states = [(a, b) for a, b in twins if isinstance(a, State) and isinstance(b, State)]
    gone = {id(b) for _, b in twins}
    loop.states = [s for s in loop.states if id(s) not in gone]
    loop.plain = [p for p in loop.plain if id(p) not in gone]
    loop.replace({v: w for a, b in states for v, w in zip(b.values, a.values, strict=True)})
    _, new = loop.build()
    return new | {b.output: new[a.output] for a, b in twins}


def _equal_outputs(plain: Iterable[Plain]) -> list[tuple[Any, Any]]:
    first: dict[Any, Plain] = {}
    pairs = [(first.setdefault((p.made, p.rows), p), p) for p in plain]
    return [(a, b) for a, b in pairs if a is not b]


def _equal_states(loop: LoopParts) -> list[tuple[Any, Any]]:
    classes: dict[Any, list[State]] = {}
    for s in loop.states:
        classes.setdefault((s.first, s.rows, s.values[0].type), []).append(s)
    groups = [g for g in classes.values() if len(g) > 1]
    while groups:
        supposed = {v: w for g in groups for s in g[1:] for v, w in zip(s.values, g[0].values, strict=True)}
        made = _next_values([s for g in groups for s in g], loop, supposed)
        split: dict[Any, list[State]] = {}
        for k, g in enumerate(groups):
            for s in g:
                split.setdefault((k, made[id(s)]), []).append(s)
        finer = [g for g in split.values() if len(g) > 1]
        if [len(g) for g in finer] == [len(g) for g in groups]:
            return [(g[0], s) for g in groups for s in g[1:]]
        groups = finer
    return []


def _next_values(states: list[State], loop: LoopParts, supposed: dict[Any, Any]) -> dict[int, Any]:
    """Return the next value of each state, equal ones as one variable, supposing that some variables are equal."""
    made = clone_graph([s.made for s in states], dict(supposed))
    inputs = [v for v in loop.op.fgraph.inputs if v not in supposed]
    graph = FunctionGraph(inputs, made)
    return {id(s): y for s, y in zip(states, graph.outputs, strict=True)}


RULES = RuleSet(loops_merge, loop_same_output)
