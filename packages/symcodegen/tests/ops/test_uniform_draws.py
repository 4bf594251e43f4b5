"""MRG31k3p and Philox in C: the same numbers and the same next states as ``perform``."""

import numpy as np
import pytest

from symcodegen.testing import PLAIN
from symcore import tensor as T
from symcore.random.mrg import MRGUniform, substreams
from symcore.random.philox import PhiloxUniform
from symopt import function

pytestmark = pytest.mark.c
DTYPES = ["float16", "float32", "float64"]
COUNTS = [0, 1, 7, 63, 64, 65, 129, 256, 257, 1000, 4097]


def check(op, states, ttype):
    state, n = ttype(), T.lscalar()
    node = op.make_node(state, n)
    f = function([state, n], node.outputs, mode=PLAIN)
    assert all(where != "Python" for _, where, _ in f.placement())
    for count in COUNTS:
        with np.errstate(over="ignore"):  # the number of a block wraps around
            got, wanted = f(states, count), op.perform(node, states, count)
        for a, b in zip(got, wanted, strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)
    with pytest.raises(ValueError, match="would be -1|negative"):
        f(states, -1)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rows", [1, 5, 63, 64, 65, 130, 300])
def test_mrg(rows, dtype):
    states = substreams([12345, 5, 7, 99, 2147462578, 3], rows)
    check(MRGUniform(1, dtype), states, T.TensorType("int32", (None, 6)))
    check(MRGUniform(1, dtype), np.asfortranarray(states), T.TensorType("int32", (None, 6)))


def test_mrg_without_states():
    states, n = T.TensorType("int32", (None, 6))(), T.lscalar()
    f = function([states, n], MRGUniform(1, "float32").make_node(states, n).outputs, mode=PLAIN)
    with pytest.raises(ValueError, match="no states"):
        f(np.zeros((0, 6), np.int32), 3)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("first", [0, 2**32 - 3, 2**64 - 5])
def test_philox(first, dtype):
    state = np.array([2**63 + 12345, 2**33 + 7, first], np.uint64)
    check(PhiloxUniform(1, dtype), state, T.TensorType("uint64", (3,)))


def test_draws_of_several_dimensions():
    state = np.array([3, 4, 5], np.uint64)
    lengths = [T.lscalar() for _ in range(3)]
    variable = T.TensorType("uint64", (3,))()
    op = PhiloxUniform(3, "float32")
    node = op.make_node(variable, *lengths)
    f = function([variable, *lengths], node.outputs, mode=PLAIN)
    for shape in ((2, 3, 5), (1, 300, 1), (4, 0, 2)):
        np.testing.assert_array_equal(f(state, *shape)[1], op.perform(node, state, *shape)[1])
