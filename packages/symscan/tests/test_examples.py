"""Test values in loops: steps have them, mistakes raise at their own lines, and what comes out has them."""

import traceback

import numpy as np
import pytest

from symcore import grad
from symcore import tensor as T
from symcore.config import config
from symcore.errors import TestValueError
from symcore.gradient import Rop
from symcore.graph.test_values import get_test_value, has_test_value
from symcore.random import RandomStreams
from symcore.vectorize import vectorize_graph
from symscan import loop, scan, scan_checkpoints, until

X = np.arange(1.0, 6.0)


def example(value):
    v = T.TensorType("float64", (None,) * np.ndim(value))("v")
    v.tag.test_value = value
    return v


@pytest.fixture(autouse=True)
def _on():
    with config.override(compute_test_value="raise"):
        yield


def seen_by_a_step(**options):
    found = []

    def step(*given):
        found[:] = [v.tag.test_value for v in given]
        return given[-1] * 1.0

    scan(step, **options)
    return [v.tolist() for v in found]


def test_steps_have_the_rows_that_the_first_step_reads():
    x = example(X)
    assert seen_by_a_step(sequences=x, outputs_info=T.zeros(())) == [1, 0]
    assert seen_by_a_step(sequences={"input": x, "taps": [1, -2]}) == [4, 1]
    assert seen_by_a_step(sequences={"input": x, "taps": [1, -2]}, go_backwards=True) == [2, 5][::-1]
    first = example([7.0, 8.0, 9.0])
    assert seen_by_a_step(outputs_info={"initial": first, "taps": [-1, -3]}, n_steps=2) == [9, 7]


def test_what_comes_out_has_them_too():
    x = example(X)
    (products, squares), _ = scan(lambda v, s: [v * s, v * v], x, [T.ones(()), None])
    assert products.tag.test_value.tolist() == [1, 2, 6, 24, 120]
    assert squares.tag.test_value.tolist() == [1, 4, 9, 16, 25]
    assert get_test_value(grad(products[-1], x)).tolist() == [120, 60, 40, 30, 24]
    assert get_test_value(Rop(products, x, T.ones_like(x))).tolist() == [1, 3, 11, 50, 274]
    ended, _ = scan(lambda v: (v, until(v > 2)), x)
    assert ended.tag.test_value.tolist() == [1, 2, 3]
    saved, _ = scan_checkpoints(lambda v, s: v * s, x, T.ones(()), save_every_N=2)
    assert saved.tag.test_value.tolist() == [2, 24, 120]
    last, seen = loop(lambda carry, v: (carry * v, carry), 1.0, x)
    assert last.tag.test_value == 120 and seen.tag.test_value.tolist() == [1, 1, 2, 6, 24]
    noise, _ = scan(lambda v: v + 0 * RandomStreams(1).normal(), x)
    assert noise.tag.test_value.tolist() == X.tolist()
    many = vectorize_graph(products, {x: example(np.array([X, X[::-1]]))})
    assert many.tag.test_value.tolist() == [[1, 2, 6, 24, 120], [5, 20, 60, 120, 120]]


@pytest.mark.parametrize("make", [scan, scan_checkpoints, lambda fn, x, s: loop(lambda c, v: (fn(v, c), None), s, x)])
def test_a_mistake_in_a_step_raises_at_its_own_line(make):
    def step(v, s):
        return s + T.dot(v, T.ones((3,)))  # the mistake

    with pytest.raises(ValueError, match="lengths 4 and 3") as error:
        make(step, example(np.ones((2, 4))), T.zeros(()))
    assert any("the mistake" in (frame.line or "") for frame in traceback.extract_tb(error.tb))


def test_a_state_that_changes_its_shape_raises_where_the_loop_is_built():
    with pytest.raises(ValueError, match="shape"):
        scan(lambda v, s: T.concatenate([s, v]), example(np.ones((2, 3))), example(np.ones(3)))
    with pytest.raises(ValueError, match="length"):
        scan(lambda v, s: s + v, example(np.ones((2, 3))), T.zeros((1,)))


def test_where_there_is_no_row_or_no_example_the_step_has_none():
    nothing, _ = scan(lambda v, s: v + s, example(X[:0]), T.zeros(()))
    assert nothing.tag.test_value.shape == (0,)
    x = T.dvector("x")
    with pytest.raises(TestValueError, match="x .* has no test value"):
        scan(lambda v, s: v + s, x, T.zeros(()))
    with config.override(compute_test_value="ignore"):
        rows, _ = scan(lambda v, s: v + s, x, T.zeros(()))
    assert not has_test_value(rows)


def test_they_are_off_by_default():
    with config.override(compute_test_value="off"):
        rows, _ = scan(lambda v, s: v + s, example(X), T.zeros(()))
    assert not has_test_value(rows)
