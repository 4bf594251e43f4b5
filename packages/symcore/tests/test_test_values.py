"""Test values: computed while the graph is built, and what happens without, with wrong ones, and with errors."""

import pdb
import threading

import numpy as np
import pytest

from symcore import OpFromGraph, Rop, config, debugprint, get_test_value, grad, hessian, shared
from symcore import tensor as T
from symcore.errors import TestValueError
from symcore.graph.test_values import has_test_value, paused
from symcore.graph.variable import Apply
from symcore.op import Op
from symcore.random import RandomStreams


def given(name, value):
    x = T.TensorType(value.dtype, (None,) * value.ndim)(name)
    x.tag.test_value = value
    return x


def wanted(how):
    return config.override(compute_test_value=how)


def test_every_node_has_the_value_that_it_computes():
    a = np.array([1.0, 2.0, 3.0])
    with wanted("raise"):
        x = given("x", a)
        w = shared(np.full((2, 3), 0.5), "w")
        y = T.tanh(T.dot(w, x) + T.constant([0.0, 1.0]))
        slope = grad(y.sum(), w)
    np.testing.assert_allclose(y.tag.test_value, np.tanh([3.0, 4.0]), rtol=1e-15)
    np.testing.assert_allclose(slope.tag.test_value, (1 - np.tanh([3.0, 4.0]) ** 2)[:, None] * a, rtol=1e-13)
    assert all(hasattr(v.tag, "test_value") for v in (y.owner.inputs[0], slope))


def test_nothing_is_computed_when_it_is_off():
    x = given("x", np.ones(3))
    assert not has_test_value(x + 1)
    with wanted("raise"), paused():
        assert not has_test_value(x + 1)


def test_an_error_is_raised_by_the_line_that_makes_it():
    with wanted("ignore"):
        x, y = given("x", np.ones(3)), given("y", np.ones(2))
        with pytest.raises(ValueError, match="length 3") as caught:
            x * y  # noqa: B018
    here = [entry for entry in caught.traceback if entry.path.name == "test_test_values.py"]
    assert "x * y" in str(here[-1].statement)
    [note] = caught.value.__notes__
    assert "shape (3,)" in note and "shape (2,)" in note and "x * y" in note


def test_a_missing_value():
    z = T.dvector("z")
    x = given("x", np.ones(3))
    with wanted("raise"), pytest.raises(TestValueError, match="z .*has no test value.*z?tag.test_value = value"):
        x + z  # noqa: B018
    with wanted("warn"), pytest.warns(UserWarning, match="has no test value") as seen:
        y = x + z
    assert seen[0].filename == __file__ and not hasattr(y.tag, "test_value")
    with wanted("ignore"):
        y = T.exp(x + z)
    assert not hasattr(y.tag, "test_value")


@pytest.mark.parametrize("value", [np.ones((2, 2)), np.ones(2, dtype="complex128"), "text"])
def test_a_value_that_does_not_fit_its_variable(value):
    x = T.dvector("x")
    x.tag.test_value = value
    for how in ("ignore", "warn", "raise"):
        with wanted(how), pytest.raises(TypeError, match="the test value of x does not fit its type TensorType"):
            x + 1  # noqa: B018
    with pytest.raises(TypeError, match="does not fit"):
        get_test_value(x)


def test_pdb_opens_where_the_error_is(monkeypatch):
    stops = []
    monkeypatch.setattr(pdb, "post_mortem", lambda traceback: stops.append(traceback))
    x, y = given("x", np.ones(3)), given("y", np.ones(2))
    with wanted("pdb"):
        with pytest.raises(ValueError, match="length"):
            x + y  # noqa: B018
        with pytest.raises(TestValueError):
            x + T.dvector()  # noqa: B018
        assert (x + 1).tag.test_value.tolist() == [2, 2, 2]
    assert len(stops) == 2 and all(stops)


def test_get_test_value():
    x = given("x", np.arange(3.0))
    deep = x
    for _ in range(3000):
        deep = deep + 1
    assert not has_test_value(deep)
    assert get_test_value(deep).tolist() == [3000, 3001, 3002]
    assert get_test_value(deep.owner.inputs[0]).tolist() == [2999, 3000, 3001]  # what was on the way is kept
    w = shared(5.0)
    assert get_test_value(w) == 5 and get_test_value(T.constant(2.5)) == 2.5
    assert get_test_value("no variable") == "no variable"
    with pytest.raises(AttributeError, match="no test value"):
        get_test_value(T.exp(T.dscalar("q")))


def test_a_test_value_of_a_result_is_taken_as_it_is():
    x = given("x", np.ones(2))
    y = T.exp(x)
    y.tag.test_value = np.array([7.0, 8.0])
    with wanted("raise"):
        assert (y * 2).tag.test_value.tolist() == [14, 16]


def test_nodes_with_several_outputs_and_random_draws():
    with wanted("raise"):
        x = given("x", np.array([[0.0, 1.0], [2.0, 0.0]]))
        rows, columns = T.nonzero(x)
        assert rows.tag.test_value.tolist() == [0, 1] and columns.tag.test_value.tolist() == [1, 0]
        draw = RandomStreams(3).normal(size=(4,))
        assert draw.tag.test_value.shape == (4,)


class Counted(Op):
    """Counts how often it is computed."""

    runs = 0

    def make_node(self, x):
        return Apply(self, [x], [x.type()])

    def perform(self, node, x):
        type(self).runs += 1
        return x.copy()


def test_a_node_is_computed_once():
    with wanted("raise"):
        y = Counted()(given("x", np.ones(2)))
        for _ in range(5):
            y = y * 2
    assert Counted.runs == 1 and y.tag.test_value.tolist() == [32, 32]


def test_another_thread_is_not_concerned():
    built = []
    x = given("x", np.ones(2))
    with wanted("raise"):
        thread = threading.Thread(target=lambda: built.append(x + T.dvector()))
        thread.start()
        thread.join()
    assert len(built) == 1 and not has_test_value(built[0])


def test_for_the_whole_process():
    try:
        config.compute_test_value = "raise"
        assert (given("x", np.ones(2)) + 1).tag.test_value.tolist() == [2, 2]
    finally:
        config.compute_test_value = "off"
    assert not has_test_value(given("x", np.ones(2)) + 1)


def test_debugprint_shows_test_values():
    with wanted("raise"):
        y = given("x", np.array([1.5, 2.5])) * 2 + given("large", np.zeros(2)).sum()
    big = given("big", np.zeros((6, 7)))
    assert "test value" not in debugprint(y, file="str")
    with config.override(print_test_value=True):
        text = debugprint([y, big], file="str")
    assert "test value array([3., 5.])" in text and "x [id" in text and "array([1.5, 2.5])" in text
    assert "test value of shape (6, 7), dtype float64" in text
    assert "TensorConstant{2.0} [id" in text and "array(2.)" not in text  # constants show their value anyway


def test_graphs_inside_ops_need_none():
    a, b = T.dvectors("ab")
    op = OpFromGraph([a, b], [T.exp(a) * b])
    with wanted("raise"):
        x = given("x", np.zeros(3))
        y = op(x, x + 2)
        assert y.tag.test_value.tolist() == [2, 2, 2]
        assert grad(y.sum(), x).tag.test_value.tolist() == [3, 3, 3]
        assert Rop(y, [x], [x + 1]).tag.test_value.tolist() == [3, 3, 3]
        assert get_test_value(hessian((x**3 + x**2).sum(), x)).tolist() == (2 * np.eye(3)).tolist()


def test_an_attribute_that_needs_an_example_says_so():
    """A property that raises is there: ``x.shape`` is not said to be missing."""
    x = T.dvector("x")
    with config.override(compute_test_value="raise"), pytest.raises(TestValueError, match="x .* has no test value"):
        _ = x.shape
    with pytest.raises(AttributeError, match="no attribute 'get_value': only shared"):
        x.get_value()
