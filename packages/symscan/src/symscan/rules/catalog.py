"""All rules of the package in one set."""

from symopt.ruleset import RuleSet
from symscan.rules import steps, trimming

RULES = RuleSet(*trimming.RULES, *steps.RULES)
