"""The inner graph of a loop is rewritten by the rules that rewrite the graph around it, phase by phase."""

from typing import Any

from symcore.graph.fgraph import FunctionGraph
from symopt.engine import rewrite as rewrite_graph
from symopt.phases import PHASES
from symopt.rule import rewrite
from symopt.ruleset import RuleSet
from symscan.op import Scan


def _advanced(node: Any, fgraph: Any, phase: str) -> Any:
    """Return the loop with its step rewritten up to and with ``phase``, or ``None`` where that is done."""
    done = node.op.rewritten
    if fgraph.rules is None or phase in done:
        return None
    phases = PHASES[: PHASES.index(phase) + 1]
    asked = node.op.asked
    rules = fgraph.rules if asked is None else asked.rules(fgraph.rules)
    if rules is None:
        return None
    inner = FunctionGraph(node.op.fgraph.inputs, node.op.fgraph.outputs)
    for earlier in phases:
        if earlier not in done:
            rewrite_graph(inner, rules, phases=(earlier,))
    asked = None if phase == PHASES[-1] else asked  # it has been done
    op = Scan(inner, node.op.spec, node.op.truncate, node.op.name, phases, node.op.lean, asked)
    return op.make_node(*node.inputs).outputs


@rewrite(Scan, phase="canonicalize", tags={"fast_compile"})
def step_canonicalize(node: Any, fgraph: Any) -> Any:
    """``scan(f) -> scan(f')``, where ``f'`` is the step ``f`` rewritten by the rules of this phase."""
    return _advanced(node, fgraph, "canonicalize")


@rewrite(Scan, phase="stabilize", tags={"fast_compile"})
def step_stabilize(node: Any, fgraph: Any) -> Any:
    """``scan(f) -> scan(f')``, where ``f'`` is the step ``f`` rewritten by the rules of this phase."""
    return _advanced(node, fgraph, "stabilize")


@rewrite(Scan, phase="specialize", tags={"fast_compile"})
def step_specialize(node: Any, fgraph: Any) -> Any:
    """``scan(f) -> scan(f')``, where ``f'`` is the step ``f`` rewritten by the rules of this phase."""
    return _advanced(node, fgraph, "specialize")


@rewrite(Scan, phase="fuse", tags={"fast_compile"})
def step_fuse(node: Any, fgraph: Any) -> Any:
    """``scan(f) -> scan(f')``, where ``f'`` is the step ``f`` rewritten by the rules of this phase."""
    return _advanced(node, fgraph, "fuse")


RULES = RuleSet(step_canonicalize, step_stabilize, step_specialize, step_fuse)
