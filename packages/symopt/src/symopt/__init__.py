"""From an expression to a callable: rewriting, modes, memory planning and ``function``."""

from symopt.compiled import Function
from symopt.evaluate import install
from symopt.function import function
from symopt.io import In, Out
from symopt.jit import jit
from symopt.mode import Mode, get_mode, register_mode
from symopt.monitor import MonitorMode
from symopt.nanguard import NanGuardMode
from symopt.plan import MemoryPlan
from symopt.rule import Rule, equation, graph_rewrite, rewrite
from symopt.ruleset import RuleSet

__version__ = "0.1.0"
__all__ = ["Function", "In", "MemoryPlan", "Mode", "MonitorMode", "NanGuardMode", "Out", "Rule", "RuleSet", "equation",
           "function", "get_mode", "graph_rewrite", "jit", "register_mode", "rewrite"]

install()
