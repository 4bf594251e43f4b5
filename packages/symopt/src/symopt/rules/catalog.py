"""All rules: those of the core language, and those of the packages that are installed."""

from functools import cache

from symcore import plugins
from symopt.rules import (
    arithmetic,
    blas,
    broadcasting,
    choices,
    dots,
    error_functions,
    folding,
    fusion,
    indexing,
    inline_graphs,
    joins,
    lazy_gradients,
    map_reduction,
    powers,
    reductions,
    reshapes,
    scalars,
    shaping,
    stability,
    subtensors,
)
from symopt.ruleset import RuleSet

#: The rules of the core language, in the order in which they are tried.
RULES: RuleSet = RuleSet(
    inline_graphs.RULES, folding.RULES, choices.RULES, lazy_gradients.RULES, broadcasting.RULES, shaping.RULES,
    reshapes.RULES, indexing.RULES, subtensors.RULES, joins.RULES, dots.RULES, reductions.RULES, scalars.RULES,
    arithmetic.RULES, stability.RULES, error_functions.RULES, powers.RULES, blas.RULES, fusion.RULES,
    map_reduction.RULES,
)


@cache
def all_rules() -> RuleSet:
    """Return ``RULES`` and the rule sets of the entry points ``symstack.rewrites``, which are loaded at the first call.

    Raises ``TypeError`` for an entry point that is not a ``RuleSet``, ``ValueError`` when two rules have one name.
    """
    total = RULES
    for name, rules in plugins.load("symstack.rewrites").items():
        if not isinstance(rules, RuleSet):
            raise TypeError(f"the plugin {name!r} of the group symstack.rewrites must be a RuleSet, got {rules!r}.")
        total = total + rules
    return total
