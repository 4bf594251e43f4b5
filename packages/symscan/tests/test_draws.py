"""Loops that draw random numbers, and gradients through parameters of draws, through loops in loops, in blocks."""

import pickle

import numpy as np
import pytest

from symcore import Rop, grad
from symcore import tensor as T
from symcore.errors import NullTypeGradError
from symcore.ifelse import ifelse
from symcore.random import PhiloxStreams, RandomStreams
from symcore.sparse import csr_matrix, dot
from symopt import function
from symscan import loop, map, scan, scan_checkpoints, until

x = T.dvector("x")
X = np.array([0.2, 0.4, 0.7])


def parameters(streams):
    """The mean and the deviation of what is drawn depend on the row and on the state."""
    return scan(lambda v, s: T.tanh(0.3 * s + streams.normal(avg=v * s, std=1 + v * v)), x, T.ones(()))[0][-1]


def blocks(streams):
    return scan_checkpoints(lambda v, s: T.tanh(s + v * streams.normal()), x, T.zeros(()), save_every_N=2)[0][-1]


def inner(streams, v, s, *more):
    rows, updates = scan(lambda b: (T.tanh(b * 0.9 + streams.normal() * v), *more), outputs_info=s, n_steps=3)
    return rows[-1], updates


def nested(streams):
    return scan(lambda v, s: inner(streams, v, s), x, T.zeros(()))[0][-1]


def nested_with_a_condition(streams):
    return scan(lambda v, s: inner(streams, v, s, until(T.gt(v, 1e9))), x, T.zeros(()))[0][-1]


def nested_twice(streams):
    def outer(v, s):
        rows, updates = scan(lambda b: inner(streams, 2 * v, b), outputs_info=s, n_steps=2)
        return rows[-1] * v, updates

    return scan(outer, x, T.ones(()))[0][-1]


def plain_rows(streams):
    def step(v, s):
        return T.tanh(map(lambda b: streams.normal() * v + b, T.stack([v, s]))[0].sum()) + s

    return scan(step, x, T.zeros(()))[0][-1]


def carried(streams):
    def step(c, v):
        new, _ = loop(lambda b, _: (T.tanh(b + v * streams.normal()), None), c, n_steps=2)
        return new, None

    return loop(step, 0.0, x)[0]


def choices(streams):
    return scan(
        lambda v, s: ifelse(v > 0.3, T.tanh(s + v * streams.normal()), s * v + streams.uniform()), x, T.ones(())
    )[0][-1]


CASES = [parameters, blocks, nested, nested_with_a_condition, nested_twice, plain_rows, carried, choices]


@pytest.mark.parametrize("mode", ["FAST_COMPILE", pytest.param("FAST_RUN", marks=pytest.mark.c)])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_gradients_are_those_of_what_was_drawn(case, mode):
    """Against finite differences of the same draws: every call is that of a fresh copy of one function.

    A step of 1e-5 leaves errors of the order of 1e-10 (third derivatives) and 1e-11 (rounding).
    """
    last = case(RandomStreams(9))
    data = pickle.dumps(function([x], [last, grad(last, x), Rop(last, x, T.ones_like(x))], mode=mode))

    def drawn(value):
        return pickle.loads(data)(value)

    _, slope, tangent = drawn(X)
    numeric = [(drawn(X + d)[0] - drawn(X - d)[0]) / 2e-5 for d in 1e-5 * np.eye(3)]
    assert np.abs(numeric).max() > 1e-3
    np.testing.assert_allclose(slope, numeric, atol=1e-7)
    np.testing.assert_allclose(tangent, slope.sum(), rtol=1e-10)


def test_other_streams_and_second_derivatives():
    last = nested(PhiloxStreams(3))
    slope = grad(last, x)
    data = pickle.dumps(function([x], [slope.sum(), grad(slope.sum(), x)]))
    _, curved = pickle.loads(data)(X)
    numeric = [(pickle.loads(data)(X + d)[0] - pickle.loads(data)(X - d)[0]) / 2e-5 for d in 1e-5 * np.eye(3)]
    np.testing.assert_allclose(curved, numeric, atol=1e-6)


def test_a_draw_stays_in_its_loop_when_products_of_it_leave():
    w = T.dmatrix("w")

    def both(streams):
        return scan(lambda v, s: (T.tanh(s + v), T.dot(streams.normal(size=(3,)) * v, w)), x, [T.zeros(()), None])

    found = []
    for mode in ("FAST_RUN", "FAST_COMPILE"):
        rows, updates = both(RandomStreams(5))
        found.append(function([x, w], rows, updates=updates, mode=mode)(X, np.arange(9.0).reshape(3, 3)))
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13)


def test_a_gradient_through_a_sparse_carry_is_refused_and_not_zero():
    pytest.importorskip("scipy.sparse")
    s, v = csr_matrix("s"), T.dvector("v")

    def step(carry, _):
        matrix, vector = carry
        return (matrix * 2.0, dot(matrix, vector.dimshuffle(0, "x"))[:, 0]), None

    (_, last), _ = loop(step, (s, v), n_steps=2)
    with pytest.raises(NullTypeGradError, match="hands from step to step and does not stack"):
        grad(last.sum(), v)
