"""All rules of the package in one set."""

from symopt.ruleset import RuleSet
from symscan.rules import batching, merging, steps, trimming

RULES = RuleSet(*trimming.RULES, *merging.RULES, *batching.RULES, *steps.RULES)
