"""All rules of the package in one set."""

from symnnet.rules import crossentropy, softmax
from symopt.ruleset import RuleSet

RULES = RuleSet(*softmax.RULES, *crossentropy.RULES)
