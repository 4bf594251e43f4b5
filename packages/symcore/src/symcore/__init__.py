"""Symbolic expressions: types, variables, Ops, graphs, gradients, printing and the reference interpreter.

The tensor language is ``symcore.tensor``. Names are taken from their modules when they are first used, so that
importing symcore costs next to nothing beyond NumPy.
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from symcore import interpreter as _interpreter  # what eval() runs, until a compiler takes over
from symcore.config import config
from symcore.gradient.rop import Rop  # what Ops without an R_op fall back on comes with it
from symcore.graph import variable as _variable

if _TYPE_CHECKING:
    from symcore import gradient, printing, random, sparse, tensor, testing, typed_list
    from symcore.from_function import as_op
    from symcore.from_graph import OpFromGraph
    from symcore.gradient.flow import (
        consider_constant,
        disconnected_grad,
        grad_clip,
        grad_scale,
        undefined_grad,
        zero_grad,
    )
    from symcore.gradient.grad import Lop, grad
    from symcore.gradient.matrices import hessian, jacobian
    from symcore.gradient.subgraph import subgraph_grad
    from symcore.gradient.verify import numeric_grad, verify_grad
    from symcore.graph.clone import clone
    from symcore.graph.fgraph import FunctionGraph
    from symcore.graph.generic import Generic, NoneConst, generic
    from symcore.graph.null import grad_not_implemented, grad_undefined
    from symcore.graph.shared import SharedVariable
    from symcore.graph.test_values import get_test_value
    from symcore.graph.type import Type
    from symcore.graph.variable import Apply, Constant, Variable
    from symcore.interpreter import evaluate
    from symcore.op import Op
    from symcore.printing.breakpoint import PdbBreakpoint
    from symcore.printing.debugprint import debugprint
    from symcore.printing.dot import dot_text, pydotprint
    from symcore.printing.ops_printing import Assert, Print
    from symcore.printing.pp import pp
    from symcore.printing.pp import pp as pprint
    from symcore.printing.rich import latex
    from symcore.tensor.shared import shared
    from symcore.tensor.slices import SliceType, make_slice, slicetype
    from symcore.vectorize.graph import vectorize_graph

__version__ = "0.1.0"


def _latex(variable: _Any) -> str:
    return _import_module("symcore.printing.rich").latex_repr(variable)  # type: ignore[no-any-return]


_variable.display.latex = _latex

#: Public name -> module, and the name in it if that is another.
_HOMES = {
    "gradient": "symcore.gradient:",
    "printing": "symcore.printing:",
    "random": "symcore.random:",
    "sparse": "symcore.sparse:",
    "tensor": "symcore.tensor:",
    "testing": "symcore.testing:",
    "as_op": "symcore.from_function",
    "OpFromGraph": "symcore.from_graph",
    **dict.fromkeys(
        ("consider_constant", "disconnected_grad", "grad_clip", "grad_scale", "undefined_grad", "zero_grad"),
        "symcore.gradient.flow",
    ),
    "Lop": "symcore.gradient.grad",
    "grad": "symcore.gradient.grad",
    "hessian": "symcore.gradient.matrices",
    "jacobian": "symcore.gradient.matrices",
    "subgraph_grad": "symcore.gradient.subgraph",
    "numeric_grad": "symcore.gradient.verify",
    "verify_grad": "symcore.gradient.verify",
    "clone": "symcore.graph.clone",
    "FunctionGraph": "symcore.graph.fgraph",
    "grad_not_implemented": "symcore.graph.null",
    "grad_undefined": "symcore.graph.null",
    "SharedVariable": "symcore.graph.shared",
    "Type": "symcore.graph.type",
    **dict.fromkeys(("Apply", "Constant", "Variable"), "symcore.graph.variable"),
    "evaluate": "symcore.interpreter",
    "Op": "symcore.op",
    "debugprint": "symcore.printing.debugprint",
    "dot_text": "symcore.printing.dot",
    "pydotprint": "symcore.printing.dot",
    "Assert": "symcore.printing.ops_printing",
    "Print": "symcore.printing.ops_printing",
    "PdbBreakpoint": "symcore.printing.breakpoint",
    "latex": "symcore.printing.rich",
    "get_test_value": "symcore.graph.test_values",
    "Generic": "symcore.graph.generic",
    "generic": "symcore.graph.generic",
    "NoneConst": "symcore.graph.generic",
    "SliceType": "symcore.tensor.slices",
    "slicetype": "symcore.tensor.slices",
    "make_slice": "symcore.tensor.slices",
    "typed_list": "symcore.typed_list:",
    "pp": "symcore.printing.pp",
    "pprint": "symcore.printing.pp:pp",
    "shared": "symcore.tensor.shared",
    "vectorize_graph": "symcore.vectorize.graph",
}

__all__ = ["Rop", "__version__", "config", *_HOMES]  # noqa: PLE0604 - the names of the table, all strings


def __getattr__(name: str) -> _Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'symcore' has no attribute {name!r}")
    module, colon, attribute = home.partition(":")
    value = _import_module(module)
    if attribute or not colon:
        value = getattr(value, attribute or name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
