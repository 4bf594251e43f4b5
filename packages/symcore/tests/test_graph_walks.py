"""Orders, walks and copies of graphs; checks on test values."""

import pytest

from symcore import Constant, config, shared
from symcore import tensor as T
from symcore.errors import TestValueError as NoTestValue  # pytest would collect a class of its own name
from symcore.graph.debug_values import debug_assert, debug_error_message, get_debug_values
from symcore.graph.equal import equal_computations
from symcore.graph.walks import clone_get_equiv, io_toposort, walk
from symcore.interpreter import evaluate


def test_the_order_ends_at_the_given_inputs():
    x = T.dvector("x")
    y = T.exp(x)
    z = y + T.log(y)
    assert [str(n.op) for n in io_toposort([x], [z])] == ["Elemwise{exp}", "Elemwise{log}", "Elemwise{add}"]
    assert [str(n.op) for n in io_toposort([y], [z])] == ["Elemwise{log}", "Elemwise{add}"]
    assert io_toposort([z], [z]) == []


def test_a_chain_of_many_nodes_has_an_order():
    x = y = T.dscalar("x")
    for _ in range(20_000):
        y = -y
    assert len(io_toposort([x], [y])) == 20_000
    assert sum(1 for _ in walk([y], lambda v: v.owner and v.owner.inputs)) == 20_001


TREE = {"a": ["b", "c"], "b": ["d", "e"], "c": ["e", "f"]}


def test_walks_visit_everything_once_and_in_their_order():
    assert list(walk(["a"], TREE.get)) == list("abcdef")
    assert list(walk(["a"], TREE.get, bfs=False)) == list("acfebd")
    assert list(walk(["b", "b"], TREE.get, return_children=True)) == [("b", ["d", "e"]), ("d", None), ("e", None)]
    assert list(walk(["a"], TREE.get, hash_fn=lambda name: name in "bc")) == ["a", "b"]


def test_copies_are_told_node_by_node():
    x, w, loose = T.dvector("x"), shared(2.0, name="w"), T.dscalar("loose")
    y = w * x + loose
    equiv = clone_get_equiv([x], [y])
    new = equiv[y]
    assert new is not y and equiv[x] is not x and equiv[loose] is not loose
    assert equiv[w] is w and equiv[y.owner] is new.owner and equiv[y.owner.inputs[0].owner] is new.owner.inputs[0].owner
    assert equal_computations([y], [new], {x: equiv[x], loose: equiv[loose]})
    assert evaluate(new, {equiv[x]: [1.0], equiv[loose]: 5.0}).tolist() == [7.0]


def test_copies_that_share_inputs_and_orphans():
    x, loose = T.dvector("x"), T.dscalar("loose")
    y = 2 * x + loose
    equiv = clone_get_equiv([x], [y], copy_inputs=False, copy_orphans=False)
    assert equiv[x] is x and equiv[loose] is loose and equiv[y] is not y
    assert all(equiv[v] is v for v in y.owner.inputs[0].owner.inputs if isinstance(v, Constant))
    assert evaluate(equiv[y], {x: [1.0], loose: 5.0}).tolist() == [7.0]


def test_a_computed_variable_as_an_input_of_a_copy():
    x = T.dvector("x")
    y = T.exp(x)
    z = y + 1
    equiv = clone_get_equiv([y], [z])
    assert x not in equiv and equiv[y].owner is None
    assert evaluate(equiv[z], {equiv[y]: [1.0]}).tolist() == [2.0]


# ---------------------------------------------------------------------- checks on test values


def test_nothing_is_checked_while_test_values_are_off():
    x = T.dvector("x")
    x.tag.test_value = [1.0]
    with config.override(compute_test_value="off"):
        assert get_debug_values(x) == []
        with pytest.raises(RuntimeError, match="'off': never"):
            debug_assert(False, "never")


@pytest.mark.parametrize("wanted", ["ignore", "warn", "raise"])
def test_the_values_to_check(wanted):
    x, w = T.dvector("x"), shared(3.0)
    x.tag.test_value = [1.0, 2.0]
    with config.override(compute_test_value=wanted):
        [(a, b, c)] = get_debug_values(x, w, 4)
    assert (list(a), b, c) == ([1.0, 2.0], 3.0, 4)


def test_a_missing_test_value():
    x = T.dvector("x")
    with config.override(compute_test_value="ignore"):
        assert get_debug_values(x, 1) == []
    with config.override(compute_test_value="warn"), pytest.warns(UserWarning, match="no test value"):
        assert get_debug_values(x) == []
    with config.override(compute_test_value="raise"), pytest.raises(NoTestValue, match="x"):
        get_debug_values(x)


def test_complaints_follow_the_option():
    with config.override(compute_test_value="raise"):
        debug_assert(True)
        with pytest.raises(AssertionError, match="rows"):
            debug_assert(1 == 2, "rows")
        with pytest.raises(AssertionError, match="a check of test values failed"):
            debug_assert(False)
        with pytest.raises(ValueError, match="columns"):
            debug_error_message("columns")
    with config.override(compute_test_value="warn"):
        with pytest.warns(UserWarning, match="rows"):
            debug_assert(False, "rows")
        with pytest.warns(UserWarning, match="columns"):
            debug_error_message("columns")
