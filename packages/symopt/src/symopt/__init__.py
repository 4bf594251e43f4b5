"""From an expression to a callable: rewriting, modes, memory planning and ``function``."""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from symopt.compiled import Function
from symopt.evaluate import install
from symopt.function import function
from symopt.io import In, Out
from symopt.jit import jit
from symopt.mode import Mode, get_mode, register_mode
from symopt.monitor import MonitorMode
from symopt.nanguard import NanGuardMode
from symopt.plan import MemoryPlan
from symopt.profile import ProfileStats
from symopt.rule import Rule, equation, graph_rewrite, rewrite
from symopt.ruleset import RuleSet

if _TYPE_CHECKING:
    from symopt.loading import load
    from symopt.saving import save

__version__ = "0.1.0"
__all__ = ["Function", "In", "MemoryPlan", "Mode", "MonitorMode", "NanGuardMode", "Out", "ProfileStats", "Rule",
           "RuleSet", "equation", "function", "get_mode", "graph_rewrite", "jit", "load", "register_mode",
           "rewrite", "save"]

#: Taken from their modules when they are first used.
_HOMES = {"load": "symopt.loading", "save": "symopt.saving"}


def __getattr__(name: str) -> _Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'symopt' has no attribute {name!r}")
    value = globals()[name] = getattr(_import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


install()
