"""The reference interpreter: what it hands back is nobody else's memory, and what it refuses."""

import numpy as np
import pytest

from symcore import as_op
from symcore import tensor as T
from symcore.errors import MissingInputError
from symcore.graph.variable import Apply
from symcore.interpreter import evaluate, run_node
from symcore.op import Op
from symcore.tensor.shared import shared


@as_op([T.dvector], [T.dvector])
def itself(a):
    return a


@as_op([T.dvector], [T.dvector, T.dvector])
def twice(a):
    b = a * 2
    return b[1:], b


class Claims(Op):
    """Says that its output has three elements; returns its input as it comes."""

    def make_node(self, x):
        return Apply(self, [x], [T.TensorType("float64", (3,))()])

    def perform(self, node, x):
        return x + 1


def separate(*arrays):
    return not any(np.shares_memory(a, b) for k, a in enumerate(arrays) for b in arrays[:k])


def test_results_are_memory_of_their_own():
    x, s, c = T.dmatrix("x"), shared(np.ones(3)), T.constant(np.arange(3.0))
    array = np.arange(6.0).reshape(2, 3)
    y = x * 2
    results = evaluate([x, x.T, x[0], s, s[1:], c, y, y, y.T], {x: array})
    assert separate(array, s.get_value(borrow=True), c.data, *results)
    assert all(r.flags.writeable for r in results)
    np.testing.assert_array_equal(results[1], array.T)


def test_results_given_as_values_are_copied():
    x = T.dvector("x")
    y = x * 2
    given = np.arange(3.0)
    [got, part] = evaluate([y, y[1:]], {y: given})
    assert separate(given, got, part)


def test_a_function_that_hands_back_its_input_does_not_share_it():
    x = T.dvector("x")
    given = np.arange(3.0)
    assert separate(given, evaluate(itself(x), {x: given}))
    assert separate(given, *run_node(itself(x).owner, [given]))
    parts = run_node(twice(x)[0].owner, [given])
    assert separate(given, *parts)
    assert [p.tolist() for p in parts] == [[2, 4], [0, 2, 4]]


def test_declared_views_stay_views():
    x = T.dmatrix("x")
    given = np.arange(6.0).reshape(2, 3)
    assert np.shares_memory(given, run_node(x.T.owner, [given])[0])


def test_a_result_must_have_the_lengths_of_its_type():
    x = T.dvector("x")
    assert evaluate(Claims()(x), {x: np.ones(3)}).tolist() == [2, 2, 2]
    with pytest.raises(TypeError, match="length 3"):
        evaluate(Claims()(x), {x: np.ones(4)})


def test_values_by_name_and_missing_values():
    x, y = T.dscalars("xy")
    assert evaluate(x + y, {"x": 1.0, y: 2.0}) == 3
    with pytest.raises(MissingInputError, match="y"):
        evaluate(x + y, {x: 1.0})
