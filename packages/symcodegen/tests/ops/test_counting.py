"""Results as long as values say: positions, different elements, counts, repetitions; in C, against NumPy."""

import numpy as np
import pytest

from symcodegen.testing import PLAIN
from symcore import tensor as T
from symcore.tensor.arranging import RepeatedPositions
from symopt import function

pytestmark = pytest.mark.c
RNG = np.random.default_rng(11)
DTYPES = ["bool", "int8", "uint16", "int32", "uint64", "float16", "float32", "float64"]


def compiled(inputs, outputs):
    f = function(inputs, outputs, mode=PLAIN, on_unused_input="ignore")
    assert not [str(node.op) for node, where, _ in f.placement() if where == "Python"]
    return f


@pytest.mark.parametrize("dtype", [*DTYPES, "complex64", "complex128"])
def test_positions_of_what_is_not_zero(dtype):
    x = T.TensorType(dtype, (None, None, None))()
    f = compiled([x], list(T.nonzero(x)))
    for share in (0.0, 0.02, 0.5, 1.0):
        values = (RNG.random((3, 7, 29)) < share).astype(dtype)
        if dtype[0] in "fc":
            values[0, 0, :3] = -0.0, np.nan, np.inf
        for array in (values, values[::-1, :, ::-2], values.transpose(2, 0, 1), values[:, :0], values[:1, 1:2]):
            for got, wanted in zip(f(array), np.nonzero(array), strict=True):
                np.testing.assert_array_equal(got, wanted)


def test_a_mask_reads_and_writes():
    x, m = T.dmatrix(), T.TensorType("bool", (None, None))()
    f = compiled([x, m], [x[m], T.inc_subtensor(x[m], 1.0), T.set_subtensor(x[m], 0.0)])
    for n in (0, 1, 5, 300):  # every call with another number of elements
        a = RNG.standard_normal((n, 4))
        mask = a > 0.3
        got = f(a, mask)
        np.testing.assert_array_equal(got[0], a[mask])
        np.testing.assert_array_equal(got[1], a + mask)
        np.testing.assert_array_equal(got[2], np.where(mask, 0, a))
    with pytest.raises(IndexError, match=r"mask of length 3 cannot index a length of 2"):
        f(np.ones((2, 4)), np.ones((3, 4), bool))
    assert len(f(np.ones((2, 4)), np.ones((2, 4), bool))[0]) == 8


@pytest.mark.parametrize("dtype", [None, "float16", "float32", "float64"])
def test_counts(dtype):
    x, n = T.lvector(), T.lscalar()
    w = [] if dtype is None else [T.TensorType(dtype, (None,))()]
    f = compiled([x, n, *w], T.bincount(x, *w, minlength=n))
    for values in (RNG.integers(0, 9, 100), np.zeros(0, int), np.array([70]), RNG.integers(0, 500, 64)[::-2]):
        weights = [RNG.standard_normal(len(values)).astype(dtype)] if dtype else []
        for least in (0, 20):
            wanted = np.bincount(values, *weights, minlength=least)
            got = f(values, least, *weights)
            assert got.dtype == np.dtype(dtype or "int64")
            np.testing.assert_array_equal(got, wanted.astype(got.dtype))
    weights = [np.ones(2, dtype)] if dtype else []
    with pytest.raises(ValueError, match="from 0, got -3"):
        f(np.array([1, -3]), 0, *weights)
    with pytest.raises((MemoryError, ValueError)):
        f(np.array([1, 2**62]), 0, *weights)
    if dtype:
        with pytest.raises(ValueError, match="3 integers needs as many weights, got 2"):
            f(np.array([1, 2, 0]), 0, *weights)


@pytest.mark.parametrize("asked", [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1), (1, 0, 1)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_different_elements(dtype, asked):
    x = T.TensorType(dtype, (None, None))()
    outputs = T.unique(x, *map(bool, asked))
    f = compiled([x], outputs)
    values = RNG.integers(0, 20, (13, 11)).astype(dtype)
    special = values.copy()
    if np.dtype(dtype).kind == "f":
        special[3, :4] = np.nan, -0.0, -np.inf, np.nan
        special[4, :2] = -np.nan, 0.0
    for array in (values, special, special[::-1, ::2], special.T, values[:0], values[:1, :1], np.ones_like(values)):
        got, wanted = f(array), np.unique(array, *map(bool, asked))
        if not any(asked):
            got, wanted = [got], [wanted]
        for a, b in zip(got, wanted, strict=True):
            np.testing.assert_array_equal(a, b.reshape(a.shape) if a.ndim == 2 else b)


def test_repeated_positions():
    n, r = T.lscalar(), T.lvector()
    f = compiled([n, r], RepeatedPositions()(n, r))
    for repeats in ([0, 3, 1], [], [9] * 40, [0] * 5, [20, 0, 8, 1], list(RNG.integers(0, 12, 200))):
        np.testing.assert_array_equal(
            f(len(repeats), np.array(repeats, int)), np.repeat(np.arange(len(repeats)), np.array(repeats, int))
        )
    np.testing.assert_array_equal(f(4, np.array([2])), np.repeat(np.arange(4), 2))
    for count, wrong, why in ((2, [1, -1], "below 0"), (2, [1, 1, 1], "as many numbers"), (3, [2**61] * 3, "no room")):
        with pytest.raises((ValueError, MemoryError), match=why):
            f(count, np.array(wrong))


def test_what_is_counted_feeds_what_is_counted():
    """Lengths that depend on lengths that depend on values, and outputs that are updates and kept arrays."""
    x = T.lvector()
    counts = T.bincount(T.unique(x) % 7)
    f = compiled([x], [counts, T.unique(counts), T.nonzero(counts)[0] + 1])
    kept = []
    for size in (5, 100, 3, 100):
        values = RNG.integers(0, 50, size)
        wanted = np.bincount(np.unique(values) % 7)
        kept.append((f(values), [wanted, np.unique(wanted), np.nonzero(wanted)[0] + 1]))
    for got, wanted in kept:
        for a, b in zip(got, wanted, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_ranges_of_floats(dtype):
    start, stop, step = (T.TensorType(dtype, ())() for _ in range(3))
    y = T.arange(start, stop, step, dtype=dtype)
    assert y.type.dtype.name == dtype
    f = compiled([start, stop, step], [y, y * 2, y.shape[0]])
    for bounds in ((0, 1, 0.1), (0, 1.0000001, 0.1), (5, -2, -0.75), (3, 3, 1), (3, 1, 1), (-1, 1e4, 0.3)):
        given = [np.asarray(v, dtype) for v in bounds]
        wanted = np.arange(*given, dtype=dtype)
        got = f(*given)
        np.testing.assert_allclose(got[0], wanted, rtol=4 * np.finfo(dtype).eps, atol=1e-6 * abs(float(given[1])))
        assert got[2] == len(wanted) == len(got[1])
    for bounds, why in (((0, 1, 0), "a range is 0"), ((0, np.nan, 1), "no length"), ((0, np.inf, 1), "no room")):
        with pytest.raises((ValueError, MemoryError), match=why):
            f(*[np.asarray(v, dtype) for v in bounds])
