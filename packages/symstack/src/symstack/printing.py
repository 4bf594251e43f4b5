"""``ss.printing``: graphs as text and as pictures, and Ops that print or check while a function runs.

Every name is defined in symcore.
"""

from symstack.lazy import lazy_names

NAMES = (
    "Assert",
    "PdbBreakpoint",
    "Print",
    "debugprint",
    "dot_text",
    "latex",
    "min_informative_str",
    "pp",
    "pprint",
    "pydotprint",
    "var_descriptor",
)

__all__ = list(NAMES)  # noqa: PLE0605

__getattr__, __dir__ = lazy_names(__name__, {name: f"symcore.printing:{name}" for name in NAMES})
