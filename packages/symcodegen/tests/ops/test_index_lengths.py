"""Index arrays whose length turns out to be 1 stand for all positions, as in NumPy, in every machine."""

import numpy as np
import pytest

from symcore import grad
from symcore import tensor as T
from symopt import function

pytestmark = pytest.mark.c
rng = np.random.default_rng(20260907)

PAIRS = [([0, 2, 1], [1]), ([1], [0, 2, 2]), ([2], [0]), ([], [1]), ([1], []), ([0, 1], [2, 2]), ([], [])]
MODES = ["FAST_RUN", "FAST_COMPILE"]




def written(x, index, values, add):
    result = x.copy()
    if add:
        np.add.at(result, index, values)
    else:
        result[index] = values
    return result


@pytest.mark.default_mode
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("rest", [(), (2,)], ids=["items", "rows"])
@pytest.mark.parametrize("apart", [False, True], ids=["leading", "behind_a_slice"])
def test_two_vectors(mode, rest, apart):
    x = T.TensorType("float64", (None,) * (2 + apart + len(rest)))("x")
    i, j = T.lvectors("i", "j")
    part = x[:, i, j] if apart else x[i, j]
    y = part.type("y")
    f = function(
        [x, i, j, y],
        [
            part, part.shape, T.set_subtensor(part, y), T.inc_subtensor(part, y),
            grad((part * part).sum(), x), grad((T.inc_subtensor(part, y) ** 2).sum(), y),
        ],
        mode=mode,
    )  # fmt: skip
    array = rng.normal(size=(2,) * apart + (3, 3) + rest)
    for a, b in PAIRS:
        a, b = np.array(a, "int64"), np.array(b, "int64")
        index = (slice(None), a, b) if apart else (a, b)
        # Positions that come twice: the last value counts, in the order of the joint index, in NumPy as well.
        values = rng.normal(size=array[index].shape)
        got = f(array, a, b, values)
        added = written(array, index, values, True)
        np.testing.assert_array_equal(got[0], array[index])
        assert got[1].tolist() == list(array[index].shape)
        np.testing.assert_array_equal(got[2], written(array, index, values, False))
        np.testing.assert_allclose(got[3], added, rtol=1e-14, atol=1e-14)
        expected = written(np.zeros_like(array), index, 2 * array[index], True)
        np.testing.assert_allclose(got[4], expected, rtol=1e-14, atol=1e-14)
        np.testing.assert_allclose(got[5], 2 * added[index], rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("mode", MODES)
def test_arrays_of_two_axes_and_three_vectors(mode):
    x = T.tensor3("x")
    a, b = T.lmatrices("a", "b")
    i, j, k = T.lvectors("i", "j", "k")
    f = function([x, a, b], [x[a, b], x[a, b].shape], mode=mode)
    g = function([x, i, j, k], [x[i, j, k], x[i, j, k].shape], mode=mode)
    array = rng.normal(size=(3, 4, 5))
    for left, right in [((2, 3), (2, 1)), ((1, 3), (2, 1)), ((1, 1), (2, 3)), ((2, 1), (0,) * 2), ((1, 1), (1, 0))]:
        if 0 in right and left[0] > 1:
            left = (1, 1)
        u, v = rng.integers(0, 3, left), rng.integers(0, 4, right)
        got, shape = f(array, u, v)
        np.testing.assert_array_equal(got, array[u, v])
        assert tuple(shape) == array[u, v].shape
    for lengths in [(1, 1, 3), (1, 3, 1), (3, 1, 1), (3, 3, 1), (1, 1, 1), (1, 0, 1)]:
        u, v, w = (rng.integers(0, 3, n) for n in lengths)
        got, shape = g(array, u, v, w)
        np.testing.assert_array_equal(got, array[u, v, w])
        assert tuple(shape) == array[u, v, w].shape


@pytest.mark.parametrize("mode", MODES)
def test_mask_that_chooses_one(mode):
    x, i, mask = T.matrix("x"), T.lvector("i"), T.vector("mask", dtype="bool")
    f = function([x, i, mask], x[i, mask], mode=mode)
    array, rows = rng.normal(size=(4, 3)), np.array([3, 0, 3])
    one = np.array([False, True, False])
    np.testing.assert_array_equal(f(array, rows, one), array[rows, one])
    np.testing.assert_array_equal(f(array, rows, np.ones(3, bool)), array[rows, np.ones(3, bool)])


@pytest.mark.parametrize("mode", MODES)
def test_what_does_not_fit_is_refused_alike(mode):
    x = T.matrix("x")
    i, j, y = T.lvector("i"), T.lvector("j"), T.vector("y")
    array = np.ones((3, 3))
    two, three, one = np.arange(2), np.arange(3), np.arange(1)
    with pytest.raises(IndexError):
        function([x, i, j], x[i, j], mode=mode)(array, two, three)
    for write in (T.set_subtensor, T.inc_subtensor):
        f = function([x, i, j, y], write(x[i, j], y), mode=mode)
        with pytest.raises(IndexError):
            f(array, two, three, np.ones(3))
        with pytest.raises(ValueError, match="5"):  # not one after the other into one position
            f(array, one, one, np.ones(5))
        with pytest.raises(ValueError, match="stretched only if the type says so"):
            f(array, one, three, np.ones(1))
        row = T.TensorType("float64", (1,))("row")
        stretched = function([x, i, j, row], write(x[i, j], row), mode=mode)(array, one, three, np.full(1, 2.0))
        np.testing.assert_array_equal(stretched, written(array, (one, three), 2.0, write is T.inc_subtensor))


@pytest.mark.default_mode
@pytest.mark.parametrize("build", [
    lambda x, y: x[T.arange(y.shape[0]), y],
    lambda x, y: x[y, y + 1],
    lambda x, y: x[x.nonzero()],
    lambda x, y: x[T.arange(3), y],
], ids=["arange", "one_length", "nonzero", "known"])  # fmt: skip
def test_lengths_that_are_certainly_equal_are_not_compared(build):
    x, y = T.matrix("x"), T.lvector("y")
    f = function([x, y], grad(build(x, y).mean(), x), on_unused_input="ignore")
    assert not [node for node in f.fgraph.toposort() if "switch" in str(node.op)]


@pytest.mark.default_mode
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("apart", [False, True], ids=["leading", "around_a_slice"])
@pytest.mark.parametrize("last", [False, True], ids=["number_first", "number_last"])
def test_a_number_beside_no_indices_is_in_range(mode, apart, last):
    """A vector of length 1 is stretched to nothing and never looked at; a number is, as NumPy looks at it."""
    x, k, i, one = T.dtensor3("x"), T.lscalar("k"), T.lvector("i"), T.lvector("one")

    def place(number, vector):
        pair = (vector, number) if last else (number, vector)
        return (pair[0], slice(None), pair[1]) if apart else pair

    empty = np.zeros(0, "int64")
    parts = {"k": x[place(k, i)], "one": x[place(one, i)]}
    functions = {
        name: [
            function([x, k if name == "k" else one, i], out, mode=mode)
            for out in (part, part.sum(), T.set_subtensor(part, 2.0), T.inc_subtensor(part, 2.0))
        ]
        for name, part in parts.items()
    }
    for shape in ((3, 4, 5), (0, 4, 0)):
        value = rng.normal(size=shape)
        for number in (7, -9, 0, -1):
            for f in functions["k"]:
                try:
                    want = value[place(number, empty)]
                except IndexError:
                    with pytest.raises(IndexError, match=f"index {number} is out of bounds"):
                        f(value, number, empty)
                    continue
                assert np.size(f(value, number, empty)) in (want.size, 1, value.size)
            for f in functions["one"]:
                value[place(np.array([number]), empty)]  # NumPy does not mind
                f(value, [number], empty)
