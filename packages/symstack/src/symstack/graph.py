"""``ss.graph``: the parts of a graph, and functions that walk, compare and copy graphs. All are defined in symcore."""

from symstack.lazy import lazy_names

_HOMES = {
    **{name: f"symcore.graph.variable:{name}" for name in ("Apply", "Constant", "Variable")},
    "FunctionGraph": "symcore.graph.fgraph:FunctionGraph",
    "MissingInputError": "symcore.errors:MissingInputError",
    "TestValueError": "symcore.errors:TestValueError",
    **{
        name: f"symcore.graph.debug_values:{name}"
        for name in ("debug_assert", "debug_error_message", "get_debug_values")
    },
    "get_test_value": "symcore.graph.test_values:get_test_value",
    "Op": "symcore.op:Op",
    "SharedVariable": "symcore.graph.shared:SharedVariable",
    "Type": "symcore.graph.type:Type",
    "clone": "symcore.graph.clone:clone",
    "clone_get_equiv": "symcore.graph.walks:clone_get_equiv",
    "equal_computations": "symcore.graph.equal:equal_computations",
    "io_toposort": "symcore.graph.walks:io_toposort",
    "is_same_graph": "symcore.graph.equal:is_same_graph",
    "walk": "symcore.graph.walks:walk",
    **{
        name: f"symcore.graph.traverse:{name}"
        for name in ("ancestors", "explicit_inputs", "inputs", "ops", "toposort", "variables_and_orphans")
    },
}

__all__ = sorted(_HOMES)  # noqa: PLE0605

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
