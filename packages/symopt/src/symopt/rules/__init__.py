"""The rules of the core language."""

from symopt.rules.catalog import RULES, all_rules
