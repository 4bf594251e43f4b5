"""All rules of the package in one set."""

from symopt.ruleset import RuleSet
from symscan.rules import steps

RULES = RuleSet(*steps.RULES)
