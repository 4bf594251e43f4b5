"""Updates of shared variables that a step makes and that nobody passes on: ``function`` says so, once."""

import pickle
import warnings

import numpy as np
import pytest

from symcore import OpFromGraph, grad, shared
from symcore import tensor as T
from symcore.random import RandomStreams
from symopt import function
from symopt.updates import OrderedUpdates
from symscan import scan

x = T.dvector("x")
OTHER = shared(np.float64(0), "other")


def counting(name="k"):
    k = shared(np.float64(0), name)
    return k, *scan(lambda v: (v + k, {k: k + v}), x)


def test_a_forgotten_update_is_named():
    k, rows, _ = counting("total")
    with pytest.warns(UserWarning, match="a loop updates total, but .* keeps its value. .*updates=updates") as said:
        f = function([x], rows)
    assert said[0].filename == __file__
    f([1.0, 2.0])
    assert k.get_value() == 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        function([x], rows)  # it has been said


def test_several_and_the_name_of_the_loop():
    a, b = shared(np.float64(0), "a"), shared(np.float64(1), "b")
    rows = scan(lambda v: (v + a * b, {a: a + v, b: b * 2}), x, name="bookkeeping")[0]
    with pytest.warns(UserWarning, match="the loop bookkeeping updates a, b, .* they keep their values"):
        function([x], rows.sum())


USES = {
    "passed on": lambda k, rows, updates: function([x], rows, updates=updates),
    "as pairs": lambda k, rows, updates: function([x], rows, updates=list(updates.items())),
    "among others": lambda k, rows, updates: function([x], rows, updates={**updates, OTHER: OTHER + 1}),
    "united": lambda k, rows, updates: function([x], rows, updates={} | updates),
    "united the other way": lambda k, rows, updates: function([x], rows, updates=updates | {}),
    "a copy": lambda k, rows, updates: function([x], rows, updates=dict(updates)),
    "collected": lambda k, rows, updates: function([x], rows, updates=OrderedUpdates(updates)),
    "added to others": lambda k, rows, updates: (
        others := {}, others.update(updates), function([x], rows, updates=others),
    ),
    "one of them": lambda k, rows, updates: function([x], rows, updates=[(k, updates[k] * 2)]),
    "another update": lambda k, rows, updates: function([x], rows, updates={k: k + 1}),
    "looked at and left out": lambda k, rows, updates: (len(updates), function([x], rows)),
    "a gradient beside it": lambda k, rows, updates: function([x], [rows, grad(rows.sum(), x)], updates=updates),
    "in a graph of its own": lambda k, rows, updates: (list(updates), function([x], OpFromGraph([x], [rows])(x))),
}  # fmt: skip


@pytest.mark.parametrize("use", USES)
def test_nothing_is_said_where_they_were_used(use):
    k, rows, updates = counting()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        USES[use](k, rows, updates)


def test_generators_need_no_updates():
    draws = RandomStreams(3)
    rows, updates = scan(lambda v: v + draws.normal(), x)
    assert type(updates) is dict
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        f = function([x], rows)
    assert not np.array_equal(f([1.0]), f([1.0]))


def test_what_is_returned_is_a_dictionary():
    k, _, updates = counting()
    assert isinstance(updates, dict) and list(updates) == [k] and updates == {k: updates[k]} and k in updates
    assert type(pickle.loads(pickle.dumps(updates))) is dict and len(pickle.loads(pickle.dumps(updates))) == 1
