"""The rule that takes graphs that were made into Ops apart, so that everything else sees what is inside."""

from typing import Any

from symcore.from_graph import OpFromGraph, expand
from symopt.rule import rewrite
from symopt.ruleset import RuleSet


@rewrite(OpFromGraph, phase="canonicalize", tags={"fast_compile"})
def inline_graph(node: Any, fgraph: Any) -> Any:
    """``OpFromGraph{f}(x) -> f(x)``. Gradients have been built by then, so overridden ones are not lost."""
    return [new if fgraph.clients[old] else None for old, new in zip(node.outputs, expand(node), strict=True)]


RULES = RuleSet(inline_graph)
