"""Graphs as text (``debugprint``, ``pp``) and as pictures (``pydotprint``), and Ops that print or check at run time."""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from symcore.printing.debugprint import debugprint
from symcore.printing.ops_printing import Assert, Print
from symcore.printing.pp import pp

if _TYPE_CHECKING:
    from symcore.printing.breakpoint import PdbBreakpoint
    from symcore.printing.describe import min_informative_str, var_descriptor
    from symcore.printing.dot import dot_text, pydotprint
    from symcore.printing.rich import latex

pprint = pp

#: What draws is imported by those who draw: Ops that print stand in graphs that only run.
_HOMES = {
    "PdbBreakpoint": "symcore.printing.breakpoint",
    "dot_text": "symcore.printing.dot",
    "latex": "symcore.printing.rich",
    "min_informative_str": "symcore.printing.describe",
    "pydotprint": "symcore.printing.dot",
    "var_descriptor": "symcore.printing.describe",
}

__all__ = ["Assert", "Print", "debugprint", "pp", "pprint", *_HOMES]  # noqa: PLE0604 - names of the table, all strings


def __getattr__(name: str) -> _Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'symcore.printing' has no attribute {name!r}")
    value = globals()[name] = getattr(_import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
