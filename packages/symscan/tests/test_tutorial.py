"""The small loops that tutorials of this language teach, with the answers that they print."""

import numpy as np
import pytest

from symcore import shared
from symcore import tensor as T
from symcore.random import MRG_RandomStreams
from symopt import function
from symscan import map, reduce, scan, until

every_mode = pytest.mark.parametrize("mode", ["FAST_COMPILE", "FAST_RUN"])


@every_mode
def test_elementwise_product_and_truncation_to_the_shorter_vector(mode):
    a, b = T.dvectors("ab")
    f = function([a, b], scan(lambda x, y: x * y, [a, b])[0], mode=mode)
    assert f([0, 1, 2, 3, 4], [1, 2, 3, 4, 5]).tolist() == [0, 2, 6, 12, 20]
    assert f([0, 1, 2, 3, 4], [1, 2, 3]).tolist() == [0, 2, 6]


@every_mode
def test_affine_map_of_a_minibatch(mode):
    rows, w, b = T.dmatrix("rows"), T.dmatrix("w"), T.dvector("b")
    f = function([rows, w, b], map(lambda v, w, b: T.dot(v, w) + b, rows, [w, b])[0], mode=mode)
    X, W, B = np.arange(6.0).reshape(2, 3), np.array([[1.0, 0], [0, 1], [1, 1]]), np.array([10.0, 20])
    assert f(X, W, B).tolist() == [[12, 23], [18, 29]]


@every_mode
def test_cumulative_sum_and_its_last(mode):
    x = T.dvector("x")
    sums, _ = scan(lambda v, total: total + v, x, T.zeros(()))
    total, _ = reduce(lambda v, total: total + v, x, T.zeros(()))
    got = function([x], [sums, total], mode=mode)([0, 1, 2, 3, 4])
    assert got[0].tolist() == [0, 1, 3, 6, 10] and got[1] == 10


@every_mode
def test_fibonacci_numbers_and_ratios(mode):
    (numbers, ratios), _ = scan(
        lambda a, b: [a + b, (a + b) / b], outputs_info=[{"initial": np.ones(2), "taps": [-2, -1]}, None], n_steps=10
    )
    numbers, ratios = function([], [numbers, ratios], mode=mode)()
    assert numbers.tolist() == [2, 3, 5, 8, 13, 21, 34, 55, 89, 144]
    np.testing.assert_allclose(ratios, numbers / np.concatenate([[1], numbers[:-1]]), rtol=1e-15)


@every_mode
def test_powers_a_polynomial_and_a_limit(mode):
    a, k, c, x, limit = T.dvector("a"), T.iscalar("k"), T.dvector("c"), T.dscalar("x"), T.dscalar("limit")
    powers, _ = scan(lambda p, a: p * a, outputs_info=T.ones_like(a), non_sequences=a, n_steps=k)
    terms, _ = scan(lambda c, power, x: c * x**power, [c, T.arange(1000)], None, x)
    doubled, _ = scan(lambda p: (p * 2, until(p * 2 > limit)), outputs_info=T.constant(1.0), n_steps=1024)
    assert function([a, k], powers[-1], mode=mode)(range(10), 2).tolist() == [v**2 for v in range(10)]
    assert function([c, x], terms.sum(), mode=mode)([1, 0, 2], 3) == 19
    assert function([limit], doubled, mode=mode)(45).tolist() == [2, 4, 8, 16, 32, 64]


@every_mode
def test_sampling_without_replacement(mode):
    draws = MRG_RandomStreams(1234)

    def draw(weights):
        drawn = draws.multinomial(pvals=weights[None, :] / weights.sum(), n=1)[0].argmax()
        return T.set_subtensor(weights[drawn], 0.0), drawn

    (_, sample), updates = scan(draw, outputs_info=[T.constant(np.full(10, 0.1)), None], n_steps=10)
    f = function([], sample, updates=updates, mode=mode)
    first, second = f(), f()
    assert sorted(first) == sorted(second) == list(range(10)) and first.tolist() != second.tolist()


@every_mode
def test_a_counter_in_a_shared_variable(mode):
    a, k = shared(1), T.lscalar("k")
    rows, updates = scan(lambda: {a: a + 1}, n_steps=k)
    assert rows == []
    f = function([k], [], updates=updates, mode=mode)
    f(10)
    assert a.get_value() == 11
