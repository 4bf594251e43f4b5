"""The rule of ``Horner``. Loaded by symopt alone, through the entry point ``symstack.rewrites``."""

from typing import Any

from symcore.tensor import full_like
from symopt.rule import rewrite
from symopt.ruleset import RuleSet
from symplugin_horner.op import Horner


@rewrite(Horner, phase="canonicalize")
def horner_of_low_degree(node: Any) -> Any:
    """``Horner((a,))(x) -> a`` in the shape of x; ``Horner((a, b))(x) -> b x + a``, which fuses with its neighbours."""
    [x], coefficients = node.inputs, node.op.coefficients
    if len(coefficients) == 1:
        return full_like(x, coefficients[0])
    if len(coefficients) == 2:
        return coefficients[1] * x + coefficients[0]
    return None


RULES = RuleSet(horner_of_low_degree)
