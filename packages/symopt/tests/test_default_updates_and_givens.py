"""Default updates are written in the user's variables: what is given in their place is given in these updates too."""

import numpy as np

from symcore import shared
from symcore.random.streams import RandomStreams
from symcore.tensor import dmatrix, dvector, lscalar
from symopt.function import function
from symopt.io import In


def test_a_stream_that_draws_by_the_shape_of_what_is_given():
    data, start, x = shared(np.ones((8, 3))), lscalar("start"), dmatrix("x")
    noisy = x + RandomStreams(5).normal(x.shape)
    given = function([start], noisy, givens={x: data[start : start + 2]})
    first, second = given(0), given(6)
    assert first.shape == second.shape == (2, 3) and not np.any(first == second)
    again = x + RandomStreams(5).normal(x.shape)
    plain = function([x], again)
    np.testing.assert_array_equal(first, plain(np.ones((2, 3))))
    np.testing.assert_array_equal(second, plain(np.ones((2, 3))))


def test_default_updates_that_read_what_is_given():
    x, total = dvector("x"), shared(0.0, name="total")
    total.default_update = total + x.sum()
    f = function([], total + x[0], givens={x: np.array([1.0, 2.0])})
    assert (f(), f(), total.get_value()) == (1.0, 4.0, 6.0)


def test_a_shared_variable_that_is_given_away_is_not_updated():
    x, total = dvector("x"), shared(0.0, name="total")
    total.default_update = total + 1
    assert function([], x.sum() + total, givens={x: np.ones(2), total: np.float64(10.0)})() == 12
    assert total.get_value() == 0


def test_default_updates_of_default_updates_and_of_what_is_given():
    a, b, c = shared(0.0, name="a"), shared(0.0, name="b"), shared(0.0, name="c")
    a.default_update, b.default_update, c.default_update = a + b, b + 1, c + 2
    x = dvector("x")
    f = function([], a + x.sum(), givens={x: c * np.ones(2)})
    f(), f(), f()
    assert [v.get_value() for v in (a, b, c)] == [3, 3, 6]
    function([], a, no_default_updates=[b])()
    assert [v.get_value() for v in (a, b)] == [6, 3]
    function([], a, no_default_updates=True)()
    assert [v.get_value() for v in (a, b)] == [6, 3]


def test_updates_of_inputs_that_keep_their_value_read_what_is_given():
    x, count = dvector("x"), lscalar("count")
    f = function([In(count, value=0, update=count + x.shape[0])], x.sum() * count, givens={x: np.ones(3)})
    assert [f(), f(), f()] == [0, 9, 18]


def test_default_updates_that_read_an_input_that_keeps_its_value():
    count, total = lscalar("count"), shared(0, name="total")
    total.default_update = total + count
    f = function([In(count, value=1, update=count + 1)], total + count)
    assert [f(), f(), f()] == [1, 3, 6]
    assert total.get_value() == 6
