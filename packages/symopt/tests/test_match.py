"""Patterns, and keeping types while replacing."""

import numpy as np
import pytest

from symcore import tensor as T
from symcore.graph.fgraph import FunctionGraph
from symcore.tensor import scalar_functions as sf
from symcore.tensor.shapes import DimShuffle, Shape_i
from symcore.tensor.type import TensorType
from symopt.engine import rewrite
from symopt.match import compile_pattern, conform, is_exact_cast
from symopt.rule import equation
from symopt.shape_inference import shape_of
from symopt.testing import assert_rewrites


def match(pattern, variable):
    return compile_pattern(pattern)(variable.owner)


def test_variables_numbers_and_nesting():
    x = T.dvector("x")
    assert match((sf.log, (sf.add, 1, (sf.exp, "x"))), T.log(1 + T.exp(x))) == {"x": x}
    assert match((sf.log, (sf.add, 2, (sf.exp, "x"))), T.log(1 + T.exp(x))) is None
    assert match((sf.sub, "x", 1), x - 1) == {"x": x}
    assert match((sf.sub, "x", 1), 1 - x) is None


def test_sums_match_in_any_order_and_the_same_name_is_the_same_variable():
    x, y = T.dvectors("x", "y")
    pattern = (sf.add, (sf.exp, "x"), "y")
    assert match(pattern, y + T.exp(x)) == {"x": x, "y": y}
    assert match((sf.sub, "x", "x"), x - y) is None
    assert match((sf.mul, "x", (sf.neg, "x")), (-y) * y) == {"x": y}
    assert match((sf.mul, "x", (sf.neg, "x")), (-y) * x) is None


def test_guards_and_ops():
    x = T.dmatrix("x")
    is_matrix = lambda v: v.ndim == 2  # noqa: E731
    assert match((sf.exp, ("x", is_matrix)), T.exp(x)) == {"x": x}
    assert match((sf.exp, ("x", is_matrix)), T.exp(x.sum())) is None
    assert match((DimShuffle((1, 0)), "x"), x.T) == {"x": x}
    assert match((DimShuffle((0, 1)), "x"), x.T) is None


def test_the_equation_is_the_documentation():
    rule = equation("softplus", (sf.log, (sf.add, 1, (sf.exp, "x"))), (sf.softplus, "x"), where=lambda bound: True)
    assert rule.doc == "``log((1 + exp(x))) -> softplus(x)``"


def test_a_replacement_keeps_dtype_and_shape():
    x, y = T.fvector("x"), T.dmatrix("y")
    constant = equation("zero", (sf.mul, "x", "y"), 0)
    fgraph = assert_rewrites(constant, x * y, values=[np.zeros(4, "float32"), np.zeros((3, 4))])
    assert fgraph.outputs[0].type == (x * y).type
    first = equation("first", (sf.add, "x", "y"), "x")
    assert_rewrites(first, T.add(x, y), values=[np.ones(4, "float32"), np.zeros((3, 4))])


def test_a_replacement_that_would_lose_precision_is_declined():
    x, y = T.dvector("x"), T.fvector("y")
    second = equation("cast-away", (sf.second, "x", "y"), "x")
    assert_rewrites(second, sf.second(x, y), unchanged=True)


def test_a_length_of_one_does_not_stand_for_an_unknown_one():
    x, row = T.dmatrix("x"), T.drow("r")
    out = x + row
    fgraph = FunctionGraph([x, row], [out])
    x, row = fgraph.inputs
    filled = conform(row, fgraph.outputs[0], fgraph)
    assert filled.broadcastable == (False, False)
    assert conform(x, fgraph.outputs[0], fgraph) is x
    assert conform(T.dtensor3(), fgraph.outputs[0], fgraph) is None


@pytest.mark.parametrize(("old", "new", "exact"), [
    ("int64", "float64", False), ("int32", "float64", True), ("int32", "float32", False), ("int16", "float32", True),
    ("uint8", "int8", False), ("float32", "float64", True), ("bool", "int8", True), ("float64", "complex64", False),
])
def test_exact_casts(old, new, exact):
    assert is_exact_cast(np.dtype(old), np.dtype(new)) is exact


# ---------------------------------------------------------------------- shapes


def test_shapes_are_expressed_in_the_inputs():
    x, w, b = T.dmatrix("x"), T.dmatrix("w"), T.dvector("b")
    hidden = T.tanh(T.dot(x, w) + b).T
    fgraph = FunctionGraph([x, w, b], [hidden])
    columns, rows = shape_of(fgraph.outputs[0], fgraph)
    assert rows.owner.op == Shape_i(0)
    assert rows.owner.inputs[0] is fgraph.inputs[0]
    assert columns.owner.inputs[0] in (fgraph.inputs[1], fgraph.inputs[2])


def test_static_lengths_are_numbers():
    x = TensorType("float64", (3, None))("x")
    assert shape_of(T.exp(x).sum(axis=1)) == (3,)


def test_lengths_that_depend_on_values_are_measured():
    x = T.dvector("x")
    [positions] = x.nonzero()
    fgraph = FunctionGraph([x], [T.exp(positions)])
    [length] = shape_of(fgraph.outputs[0], fgraph)
    assert length.owner.op == Shape_i(0)
    assert length.owner.inputs[0] is fgraph.outputs[0].owner.inputs[0]


def test_an_answer_found_earlier_does_not_bring_back_dead_nodes():
    x = T.dvector("x")
    [positions] = x.copy().nonzero()
    fgraph = FunctionGraph([x], [T.exp(positions)])
    shape_of(fgraph.outputs[0], fgraph)
    rewrite(fgraph, "FAST_COMPILE")
    [length] = shape_of(fgraph.outputs[0], fgraph)
    assert length.owner.inputs[0] in fgraph


def test_deep_graphs_need_no_recursion():
    y = x = T.dvector("x")
    for _ in range(3000):
        y = y[1:]
    [length] = shape_of(y, FunctionGraph([x], [x]))
    assert length.type == T.lscalar().type
