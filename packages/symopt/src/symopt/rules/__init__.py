"""The rules of the core language. Importing one module of them does not import all: names are looked up when used."""

from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

if _TYPE_CHECKING:
    from symopt.rules.catalog import all_rules, rules_in_use
    from symopt.ruleset import RuleSet

    RULES: RuleSet

__all__ = ["RULES", "all_rules", "rules_in_use"]


def __getattr__(name: str) -> _Any:
    if name not in __all__:
        raise AttributeError(f"module 'symopt.rules' has no attribute {name!r}")
    from symopt.rules import catalog

    return catalog.core_rules() if name == "RULES" else getattr(catalog, name)
