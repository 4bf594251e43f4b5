"""All rules: those of the core language, and those of the packages that are installed."""

from functools import cache
from typing import Any

from symcore import plugins
from symopt.rules import (
    arithmetic,
    blas,
    broadcasting,
    choices,
    determinants,
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
    writes,
)
from symopt.ruleset import RuleSet

#: The rules of the core language, in the order in which they are tried.
RULES: RuleSet = RuleSet(
    inline_graphs.RULES, folding.RULES, choices.RULES, lazy_gradients.RULES, broadcasting.RULES, shaping.RULES,
    reshapes.RULES, indexing.RULES, subtensors.RULES, joins.RULES, dots.RULES, reductions.RULES, scalars.RULES,
    arithmetic.RULES, determinants.RULES, stability.RULES, error_functions.RULES, powers.RULES, blas.RULES,
    writes.RULES, fusion.RULES, map_reduction.RULES,
)


def all_rules() -> RuleSet:
    """Return ``RULES`` and the rule sets of the entry points ``symstack.rewrites``, which are loaded at the first call.

    Raises ``TypeError`` for an entry point that is not a ``RuleSet``, ``ValueError`` when two rules have one name.
    """
    return _with(plugins.load("symstack.rewrites"))


def rules_in_use() -> RuleSet:
    """Return ``all_rules()`` without those about the Ops of a package of this project that nobody has imported.

    No graph of this process can hold what they look for, and importing them costs as much as rewriting a training step.
    Raises as ``all_rules`` does.
    """
    return _with(plugins.load_in_use("symstack.rewrites"))


def _with(sets: dict[str, Any]) -> RuleSet:
    for name, rules in sets.items():
        if not isinstance(rules, RuleSet):
            raise TypeError(f"the plugin {name!r} of the group symstack.rewrites must be a RuleSet, got {rules!r}.")
    return _sum(tuple(sets.values()))


@cache
def _sum(sets: tuple[RuleSet, ...]) -> RuleSet:
    """Return ``RULES`` and these sets: one object for the same sets, because a set remembers its rules by Op."""
    return sum(sets, start=RULES)
