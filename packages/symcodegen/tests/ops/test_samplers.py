"""Discrete samples from uniform draws in C: the same, draw by draw, as ``perform`` gives; and checks of arguments."""

import numpy as np
import pytest

from symcodegen.testing import PLAIN
from symcore import tensor as T
from symcore.random.from_uniform import Chances, ChoiceFromUniform, MultinomialFromUniform
from symcore.random.poisson import PoissonFromUniform
from symcore.tensor.discrete import InBounds
from symopt import function

pytestmark = pytest.mark.c
RNG = np.random.default_rng(21)


def compiled(inputs, outputs):
    f = function(inputs, outputs, mode=PLAIN)
    assert not [str(node.op) for node, where, _ in f.placement() if where == "Python"]
    return f


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("op", [MultinomialFromUniform("float32"), MultinomialFromUniform(), ChoiceFromUniform(),
                                ChoiceFromUniform(False)], ids=str)  # fmt: skip
def test_outcomes(op, dtype):
    p, u, n = T.TensorType(dtype, (None, None))(), T.dvector(), T.lscalar()
    node = op.make_node(p, u, n)
    f = compiled([p, u, n], node.outputs[0])
    for rows, outcomes, count in ((7, 3, 4), (5, 40, 20), (3, 300, 50), (0, 4, 2), (2, 5, 0), (1, 20, 1)):
        chances = RNG.random((rows, outcomes))
        if outcomes > count + 1:
            chances[:, ::7] = 0
        chances = (chances / chances.sum(1, keepdims=True)).astype(dtype)
        draws = RNG.random(rows * count)
        ends = np.array([0, 1 - 2.0**-53])[: rows * count]
        draws[: len(ends)] = ends
        if count <= (chances > 0).sum(1).min(initial=outcomes) or getattr(op, "replace", True):
            for given in (chances, np.asfortranarray(chances), chances[::-1]):
                wanted = op.perform(node, given, draws, np.array(count))
                np.testing.assert_array_equal(f(given, draws, count), wanted)
    with pytest.raises(ValueError, match="4 uniform draws, got 3"):
        f(np.full((2, 2), 0.5, dtype), np.zeros(3), 2)
    if op == ChoiceFromUniform(False):
        with pytest.raises(ValueError, match="2 outcomes without replacement where 1"):
            f(np.array([[0, 1]], dtype), np.zeros(2), 2)


@pytest.mark.parametrize("dtypes", [("float64", "float64", "int64"), ("float32", "float32", "int32"),
                                    ("int64", "float64", "float32"), ("float16", "float64", "int8")])  # fmt: skip
def test_poisson_counts(dtypes):
    rate, u = (T.TensorType(d, (None, None))() for d in dtypes[:2])
    op = PoissonFromUniform(dtypes[2])
    node = op.make_node(rate, u)
    f = compiled([rate, u], node.outputs[0])
    rates = [np.full((40, 25), r) for r in (0, 2, 50)] + [RNG.uniform(0, 60, (40, 25))]
    if dtypes[2] != "int8":
        rates += [np.full((40, 25), 700.0), 10 ** RNG.uniform(-2, 3, (40, 25)), np.repeat([[3.0], [90.0]], 25, 1)]
    if dtypes[2] == "int64":
        rates += [10 ** RNG.uniform(7.5, 15, (2, 3)), np.zeros((0, 3))]
    for given in rates:
        given = given.astype(dtypes[0])
        draws = RNG.random(given.shape).astype(dtypes[1])
        draws.ravel()[: 2 if draws.size else 0] = [0, 1 - np.finfo(dtypes[1]).epsneg] if draws.size else []
        np.testing.assert_array_equal(f(given, draws), op.perform(node, given, draws))
        np.testing.assert_array_equal(f(given.T, draws.T), op.perform(node, given.T, draws.T))
    if np.dtype(dtypes[0]).kind == "f":
        for wrong in (-1, np.nan, np.inf):
            with pytest.raises(ValueError, match="rate of a Poisson draw"):
                f(np.array([[1, wrong]], dtypes[0]), np.zeros((1, 2), dtypes[1]))
    with pytest.raises(ValueError, match="a uniform draw is needed per rate"):
        f(np.ones((2, 3), dtypes[0]), np.zeros((2, 2), dtypes[1]))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_what_is_no_probability_is_refused(dtype):
    p = T.TensorType(dtype, (None, None))()
    f = compiled([p], Chances()(p) * 2)
    for good in (np.array([[0, 1, 0.5], [0.25, 1, 0]], dtype), np.zeros((0, 3), dtype)):
        np.testing.assert_array_equal(f(good), good * 2)
        np.testing.assert_array_equal(f(good.T), good.T * 2)
    for wrong in (1.5, -0.25, np.nan):
        with pytest.raises(ValueError, match=f"from 0 to 1, got {wrong:g}"):
            f(np.array([[0.5, wrong]], dtype))


def test_positions_in_bounds():
    x, n = T.lmatrix(), T.lscalar()
    f = compiled([x, n], InBounds()(x, n) + 1)
    good = RNG.integers(0, 9, (6, 7))
    for array in (good, good[::-1, ::2], good.T, good[:0]):
        np.testing.assert_array_equal(f(array, 9), array + 1)
    good[2, 3] = 9
    with pytest.raises(IndexError, match="position 9 is out of range: there are 9"):
        f(good, 9)
    good[4, 4] = -1
    with pytest.raises(IndexError, match="position -1 is out of range"):
        f(good, 10)
