"""The whole compiler under one name: ``import symstack as ss`` and ``from symstack import tensor as T``.

Every name is defined in the package that owns it and taken from there when it is first used, so that a script pays
for the parts that it uses. A name that is not built yet exists and raises ``NotImplementedError`` when it is called.
"""

import symopt  # noqa: F401 - from here on x.eval() compiles, whatever else a script uses
from symstack.lazy import lazy_names

__version__ = "0.1.0"

_HOMES = {
    # building graphs
    "Apply": "symcore:Apply",
    "Constant": "symcore:Constant",
    "FunctionGraph": "symcore:FunctionGraph",
    "Op": "symcore:Op",
    "SharedVariable": "symcore:SharedVariable",
    "Type": "symcore:Type",
    "Variable": "symcore:Variable",
    "as_op": "symcore:as_op",
    "clone": "symcore:clone",
    "COp": "symcodegen.user_c:COp",
    "change_flags": "symcore.config:config.change_flags",
    "config": "symcore:config",
    "dot": "symcore.tensor:dot",
    "generic": "symcore:generic",
    "get_test_value": "symcore:get_test_value",
    "graph": "symstack.graph",
    "make_slice": "symcore:make_slice",
    "NoneConst": "symcore:NoneConst",
    "shared": "symcore:shared",
    "slicetype": "symcore:slicetype",
    "typed_list": "symcore:typed_list",
    "vectorize": "symcore.vectorize:vectorize",
    "vectorize_graph": "symcore:vectorize_graph",
    # derivatives
    "Lop": "symcore:Lop",
    "Rop": "symcore:Rop",
    "grad": "symcore:grad",
    "gradient": "symstack.gradient",
    # compiling
    "In": "symopt:In",
    "Mode": "symopt:Mode",
    "MonitorMode": "symopt:MonitorMode",
    "NanGuardMode": "symopt:NanGuardMode",
    "OrderedUpdates": "symopt.updates:OrderedUpdates",
    "Out": "symopt:Out",
    "export_c": "symcodegen.export:export_c",
    "function": "symopt.function:function",
    "get_mode": "symopt:get_mode",
    "jit": "symopt.jit:jit",
    "load": "symopt.loading:load",
    "save": "symopt.saving:save",
    # control flow
    "OpFromGraph": "symcore:OpFromGraph",
    "foldl": "symscan:foldl",
    "foldr": "symscan:foldr",
    "ifelse": "symcore.ifelse:ifelse",
    "loop": "symscan:loop",
    "map": "symscan:map",
    "reduce": "symscan:reduce",
    "scan": "symscan:scan",
    "scan_checkpoints": "symscan:scan_checkpoints",
    "scan_module": "symscan",
    "until": "symscan:until",
    # random numbers
    "MRG_RandomStreams": "symcore.random:MRG_RandomStreams",
    "PhiloxStreams": "symcore.random:PhiloxStreams",
    "RandomStreams": "symcore.random:RandomStreams",
    # looking at graphs
    "compat": "symstack.compat",
    "debugprint": "symstack.printing:debugprint",
    "latex": "symstack.printing:latex",
    "pp": "symstack.printing:pp",
    "printing": "symstack.printing",
    "tensor": "symstack.tensor",
}

__all__ = ["__version__", *_HOMES]  # noqa: PLE0604 - the names of the table, all strings

__getattr__, __dir__ = lazy_names(__name__, _HOMES, ["__version__"])
