"""Poisson counts, permutations and shuffled rows of the streams that are made of uniform draws."""

import numpy as np
import pytest

from symcore import grad, shared
from symcore import tensor as T
from symcore.errors import NullTypeGradError
from symcore.interpreter import evaluate
from symcore.random import MRG_RandomStreams, PhiloxStreams
from symcore.random.poisson import LARGE, SMALL, poisson_quantile

STREAMS = pytest.mark.parametrize("streams", [MRG_RandomStreams, PhiloxStreams])
rng = np.random.default_rng(20)


@pytest.mark.parametrize("rate", [0.0, 1e-3, 0.7, 5.0, SMALL, 64.5, 900.0, 1e5, 3e7])
def test_counts_are_the_quantiles_of_the_distribution(rate):
    poisson = pytest.importorskip("scipy.stats").poisson(rate)
    u = np.concatenate([rng.random(400), [0.0, 2.0**-31, 1 - 2.0**-31]])
    k = poisson_quantile(np.full(u.shape, rate), u)
    # SciPy's distribution function carries some rounding of its own: at a step either side is right.
    slack = 1e-9
    assert np.all(poisson.cdf(k) >= u - slack)
    assert np.all((k == 0) | (poisson.cdf(k - 1) <= u + slack))


def test_large_rates_have_the_moments_and_the_shape_of_their_distribution():
    poisson = pytest.importorskip("scipy.stats").poisson
    u = (np.arange(2000) + 0.5) / 2000
    for rate in (LARGE, 3e9):
        k = poisson_quantile(np.full(u.shape, rate), u)
        exact = poisson.ppf(u, rate)
        assert np.abs(k - exact).max() <= 1 + 1e-9 * np.sqrt(rate)


def test_many_different_rates_are_counted_as_tables_do():
    """Adding up and looking up are two ways to the same counts."""
    rates = rng.uniform(0, 1.2 * SMALL, 300)
    u = rng.random(300)
    one_by_one = [poisson_quantile(np.full(50, r), np.full(50, v))[0] for r, v in zip(rates, u, strict=True)]
    assert poisson_quantile(rates, u).tolist() == one_by_one


def test_rates_of_all_sizes_side_by_side_are_found_as_alone():
    rates = np.array([[0.3, 70.0, 1e9], [70.0, 0.3, 12.0]])
    u = rng.random(rates.shape)
    together = poisson_quantile(rates, u)
    alone = [[poisson_quantile(r, v).item() for r, v in zip(*pair, strict=True)] for pair in zip(rates, u, strict=True)]
    assert together.tolist() == alone


@pytest.mark.parametrize("rate", [-1.0, np.nan, np.inf])
def test_rates_that_are_none(rate):
    with pytest.raises(ValueError, match="from 0 to 9e18"):
        poisson_quantile(np.array([1.0, rate]), np.array([0.5, 0.5]))


@STREAMS
def test_poisson_draws(streams):
    draws = streams(7).poisson((4000,), 3.5)
    found = evaluate(draws)
    assert found.dtype == np.int64 and found.shape == (4000,)
    # five standard deviations of the mean and of the variance of 4,000 draws
    assert abs(found.mean() - 3.5) < 5 * np.sqrt(3.5 / 4000)
    assert abs(found.var() - 3.5) < 5 * np.sqrt((3.5 + 2 * 3.5**2) / 4000)
    assert draws.update[0] is draws.rng


@STREAMS
def test_poisson_draws_take_the_shape_of_the_rates(streams):
    rates = shared(np.array([[0.0, 1000.0], [2.0, 5e8]]))
    found = evaluate(streams(7).poisson(lam=rates, dtype="float32"))
    assert found.shape == (2, 2) and found.dtype == np.float32
    assert found[0, 0] == 0 and 700 < found[0, 1] < 1300 and abs(found[1, 1] - 5e8) < 10 * np.sqrt(5e8)


@STREAMS
def test_counts_have_no_derivative(streams):
    rate = T.dscalar("rate")
    with pytest.raises(NullTypeGradError, match="integers"):
        grad(streams(1).poisson((3,), rate, dtype="float64").sum(), rate)


@STREAMS
def test_permutations(streams):
    n = T.lscalar("n")
    draws = streams(3).permutation((500,), n)
    found = evaluate(draws, {n: 3})
    assert found.shape == (500, 3) and np.array_equal(np.sort(found), np.tile(np.arange(3), (500, 1)))
    counts = np.unique(found @ [9, 3, 1], return_counts=True)[1]
    # chi-square of 5 degrees of freedom: above 30 with a probability of 1.5e-5
    assert len(counts) == 6 and ((counts - 500 / 6) ** 2 / (500 / 6)).sum() < 30


@STREAMS
def test_a_single_permutation_and_its_dtype(streams):
    found = evaluate(streams(3).permutation(n=50, dtype="int32"))
    assert found.dtype == np.int32 and sorted(found.tolist()) == list(range(50))
    assert found.tolist() != list(range(50))
    assert evaluate(streams(3).permutation((2,), 0)).shape == (2, 0)


@STREAMS
def test_shuffled_rows(streams):
    x = T.dmatrix("x")
    value = np.arange(40.0).reshape(2, 20)
    shuffled = streams(5).shuffle_row_elements(x)
    found = evaluate(shuffled, {x: value})
    assert np.array_equal(np.sort(found), value) and not np.array_equal(found, value)
    assert not np.array_equal(found[0], found[1] - 20)
    assert shuffled.update[0] is shuffled.rng
    with pytest.raises(ValueError, match="at least one dimension"):
        streams(5).shuffle_row_elements(T.dscalar())


@STREAMS
def test_seeding_repeats_them(streams):
    many = streams(11)
    draws = [many.poisson((5,), 40.0), many.permutation((2,), 6)]
    first = [evaluate(d) for d in draws]
    for d in draws:
        d.rng.set_value(evaluate(d.update[1]))
    assert any(not np.array_equal(a, evaluate(d)) for a, d in zip(first, draws, strict=True))
    many.seed(11)
    for a, d in zip(first, draws, strict=True):
        np.testing.assert_array_equal(evaluate(d), a)
