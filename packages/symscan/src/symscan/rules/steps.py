"""The inner graph of a loop is rewritten by the rules that rewrite the graph around it, phase by phase."""

from typing import Any

from symcore.graph.fgraph import FunctionGraph
from symopt.engine import rewrite as rewrite_graph
from symopt.phases import PHASES
from symopt.rule import Rule, rewrite
from symopt.ruleset import RuleSet
from symscan.op import Scan


def _step_rule(phase: str, phases: tuple[str, ...]) -> Rule:
    @rewrite(Scan, phase=phase, name=f"step-{phase}", tags={"fast_compile"})
    def step(node: Any, fgraph: Any) -> Any:
        """``scan(f) -> scan(f')``, where ``f'`` is the step ``f`` rewritten by the rules at work."""
        done = node.op.rewritten
        if fgraph.rules is None or phase in done:
            return None
        inner = FunctionGraph(node.op.fgraph.inputs, node.op.fgraph.outputs)
        for earlier in phases:
            if earlier not in done:
                rewrite_graph(inner, fgraph.rules, phases=(earlier,))
        op = Scan(inner, node.op.spec, node.op.truncate, node.op.name, phases, node.op.lean)
        return op.make_node(*node.inputs).outputs

    return step


RULES = RuleSet(*(_step_rule(phase, PHASES[: k + 1]) for k, phase in enumerate(PHASES) if phase != "device"))
