"""Graphs as text (``debugprint``, ``pp``) and as pictures (``pydotprint``), and Ops that print or check at run time."""

from symcore.printing.breakpoint import PdbBreakpoint
from symcore.printing.debugprint import debugprint
from symcore.printing.describe import min_informative_str, var_descriptor
from symcore.printing.dot import dot_text, pydotprint
from symcore.printing.ops_printing import Assert, Print
from symcore.printing.pp import pp
from symcore.printing.rich import latex

pprint = pp
