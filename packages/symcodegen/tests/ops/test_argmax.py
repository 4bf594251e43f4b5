"""Positions of largest elements: lengths around blocks, ties, NaN in any place, every layout, against NumPy."""

import numpy as np
import pytest

from symcodegen.testing import PLAIN
from symcore import tensor as T
from symopt import function

pytestmark = pytest.mark.c
DTYPES = ["bool", "int8", "uint8", "int16", "int32", "uint32", "int64", "uint64", "float16", "float32", "float64"]
LENGTHS = [1, 2, 9, 31, 32, 33, 63, 64, 65, 130, 1023, 1024, 1025, 2111]
LAYOUTS = {
    "plain": lambda a: a,
    "turned": lambda a: np.ascontiguousarray(a.T).T,
    "backward": lambda a: np.ascontiguousarray(a[:, ::-1])[:, ::-1],
    "every second": lambda a: np.repeat(a, 2, axis=1)[:, ::2],
}
rng = np.random.default_rng(1)


def numbers(shape, dtype):
    """Few different numbers, so that there are ties; zeros of both signs."""
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        return rng.choice([-np.inf, -2.5, -0.0, 0.0, 1.0, 3.5], size=shape).astype(dtype)
    if dtype.kind == "b":
        return rng.random(shape) > 0.9
    info = np.iinfo(dtype)
    return rng.choice(np.array([info.min, info.min + 1, 3, info.max // 2, info.max - 1], dtype), size=shape)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("axis", [None, 0, 1])
def test_matrices(axis, layout, dtype):
    x = T.tensor(dtype, (False, False))
    f = function([x], T.argmax(x, axis=axis), mode=PLAIN)
    for n in LENGTHS:
        for shape in [(n, 3), (3, n), (n, 20)]:
            given = layout(numbers(shape, dtype))
            np.testing.assert_array_equal(f(given), np.argmax(given, axis=axis))
            single = np.sort(given, axis=None)[::-1].reshape(shape)  # the largest comes first, then last
            np.testing.assert_array_equal(f(single), np.argmax(single, axis=axis))
            np.testing.assert_array_equal(f(single[::-1, ::-1]), np.argmax(single[::-1, ::-1], axis=axis))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("axis", [None, 0, 1])
def test_the_first_nan_is_the_largest(axis, dtype):
    x = T.tensor(dtype, (False, False))
    f = function([x], T.argmax(x, axis=axis), mode=PLAIN)
    for n in LENGTHS:
        for many in (1, 3):
            given = numbers((n, 17), dtype)
            given.flat[rng.integers(0, given.size, many)] = np.array([np.nan, -np.nan, np.nan], dtype)[:many]
            for view in (given, given.T, given[:, ::-1], given[::-1].T):
                np.testing.assert_array_equal(f(view), np.argmax(view, axis=axis))


@pytest.mark.parametrize("axes", [(0, 2), (1, 2), (0, 1), (1,), (2,), (0,)])
def test_axes_of_three(axes):
    x = T.tensor("float32", (False,) * 3)
    f = function([x], T.argmax(x, axis=list(axes)), mode=PLAIN)
    for shape in [(4, 5, 6), (3, 70, 2), (2, 1, 1100), (600, 2, 9), (1, 1, 1)]:
        given = rng.permutation(int(np.prod(shape))).reshape(shape).astype("float32")
        for view in (given, given.transpose(2, 0, 1), given[::-1]):
            kept = [a for a in range(3) if a not in axes]
            rows = view.transpose(*kept, *axes).reshape([view.shape[a] for a in kept] + [-1])
            np.testing.assert_array_equal(f(view), np.argmax(rows, axis=-1))


def test_no_elements():
    x = T.fmatrix()
    assert function([x], T.argmax(x, axis=1), mode=PLAIN)(np.zeros((0, 3), "float32")).shape == (0,)
    with pytest.raises(ValueError, match="no largest of no elements"):
        function([x], T.argmax(x, axis=0), mode=PLAIN)(np.zeros((0, 3), "float32"))
