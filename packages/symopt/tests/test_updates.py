"""``OrderedUpdates``: what is collected, in which order, and what is refused."""

import copy
import pickle

import pytest

from symcore import shared
from symcore import tensor as T
from symopt import function
from symopt.updates import OrderedUpdates


@pytest.fixture
def pair():
    return shared(1.0, name="w"), shared(10, name="n")


def test_updates_of_a_function(pair):
    w, n = pair
    step = function([], n + 0, updates=OrderedUpdates({w: w * 2}) + [(n, n + 1)])
    assert [step().item(), step().item()] == [10, 11]
    assert (w.get_value(), n.get_value()) == (4.0, 12)


def test_the_order_is_that_of_the_first_mention(pair):
    w, n = pair
    updates = OrderedUpdates([(n, n + 1), (w, w)])
    updates[n] = n + 2
    assert list(updates) == [n, w]
    assert list({w: w} + updates) == [w, n]


def test_only_shared_variables_are_updated(pair):
    w, _ = pair
    updates = OrderedUpdates()
    for wrong in (T.dscalar("x"), "w", w + 1):
        with pytest.raises(TypeError, match="shared variables"):
            updates[wrong] = w
        with pytest.raises(TypeError, match="shared variables"):
            updates.update([(wrong, w)])
        with pytest.raises(TypeError, match="shared variables"):
            updates.setdefault(wrong, w)
    assert len(updates) == 0


def test_contradictions_are_refused_and_change_nothing(pair):
    w, n = pair
    first = w + 1
    updates = OrderedUpdates({w: first})
    with pytest.raises(KeyError, match="two different updates of w"):
        updates.update([(n, n + 1), (w, w + 2)])
    assert list(updates.items()) == [(w, first)]
    updates.update({w: first})  # no contradiction
    updates |= {n: n}
    assert list(updates) == [w, n]
    with pytest.raises(KeyError):
        updates + {w: w + 1}


def test_replacing_one_is_no_contradiction(pair):
    w, _ = pair
    updates = OrderedUpdates({w: w + 1})
    other = updates.copy()
    other[w] = w + 2
    assert updates[w] is not other[w] and type(other) is OrderedUpdates
    assert updates.setdefault(w, None) is updates[w]


def test_sums_are_new_collections(pair):
    w, n = pair
    a, b = OrderedUpdates({w: w}), OrderedUpdates({n: n})
    assert type(a + b) is OrderedUpdates and len(a + b) == 2 and len(a) == len(b) == 1
    assert OrderedUpdates(None) == {} and OrderedUpdates().copy() == {}


def test_copies_and_pickles(pair):
    w, n = pair
    updates = OrderedUpdates({w: w * 2, n: n + 1})
    assert list(copy.copy(updates).items()) == list(updates.items())
    again = pickle.loads(pickle.dumps(updates))
    assert type(again) is OrderedUpdates and [v.name for v in again] == ["w", "n"]
    with pytest.raises(TypeError, match="got 2 arguments"):
        OrderedUpdates({}, {})
