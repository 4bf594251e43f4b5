"""All rules: those of the core language, and those of the packages that are installed."""

import sys
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
    indexed_reads,
    indexing,
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

#: The rules of the core language, in the order in which they are tried, but for those that come before all others.
_USUAL: RuleSet = RuleSet(
    folding.RULES, choices.RULES, lazy_gradients.RULES, broadcasting.RULES, shaping.RULES,
    reshapes.RULES, indexing.RULES, subtensors.RULES, joins.RULES, dots.RULES, reductions.RULES, scalars.RULES,
    arithmetic.RULES, determinants.RULES, stability.RULES, error_functions.RULES, powers.RULES, blas.RULES,
    writes.RULES, fusion.RULES, map_reduction.RULES, indexed_reads.RULES,
)


@cache
def core_rules() -> RuleSet:
    """Return the rules of the core language, in the order in which they are tried."""
    from symopt.rules import inline_graphs  # its Op takes a while to import, and few graphs have one

    return inline_graphs.RULES + _USUAL


def all_rules() -> RuleSet:
    """Return ``core_rules()`` and the rule sets of the entry points ``symstack.rewrites``, loaded at the first call.

    Raises ``TypeError`` for an entry point that is not a ``RuleSet``, ``ValueError`` when two rules have one name.
    """
    return _with(core_rules(), plugins.load("symstack.rewrites"))


def rules_in_use() -> RuleSet:
    """Return ``all_rules()`` without those about Ops of a module or package of this project that nobody has imported.

    No graph of this process can hold what they look for, and importing them costs as much as rewriting a training step.
    Raises as ``all_rules`` does.
    """
    core = core_rules() if "symcore.from_graph" in sys.modules else _USUAL
    return _with(core, plugins.load_in_use("symstack.rewrites"))


def _with(core: RuleSet, sets: dict[str, Any]) -> RuleSet:
    for name, rules in sets.items():
        if not isinstance(rules, RuleSet):
            raise TypeError(f"the plugin {name!r} of the group symstack.rewrites must be a RuleSet, got {rules!r}.")
    return _sum(core, tuple(sets.values()))


@cache
def _sum(core: RuleSet, sets: tuple[RuleSet, ...]) -> RuleSet:
    """Return ``core`` and these sets: one object for the same sets, because a set remembers its rules by Op."""
    return sum(sets, start=core)
