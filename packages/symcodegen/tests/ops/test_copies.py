"""Copies and fills by the C machine: every element size, lengths around its tiles and squares, every layout."""

import numpy as np
import pytest

from symcodegen.testing import PLAIN
from symcore import tensor as T
from symopt import function

pytestmark = pytest.mark.c
DTYPES = ["int8", "float16", "float32", "float64", "complex64", "complex128"]
LENGTHS = [0, 1, 2, 3, 7, 8, 15, 16, 17, 31, 32, 33, 48, 64, 67]
VIEWS = {
    "transposed": lambda a: a.T,
    "backward": lambda a: a[:, ::-1],
    "transposed backward": lambda a: a.T[::-1, ::-1],
    "every second": lambda a: a[::2, 1::2],
    "every second transposed": lambda a: a[::2, 1::2].T,
    "a column": lambda a: a[:, -1:],
    "read everywhere": lambda a: np.broadcast_to(a[:1].T, (a.shape[1], a.shape[0])),
}
rng = np.random.default_rng(1)


def numbers(shape, dtype):
    """Arbitrary bytes: what moves must not change, NaN and signed zeros included."""
    count = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return np.frombuffer(rng.bytes(count), dtype=dtype).reshape(shape)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_views_of_matrices(view, dtype):
    x = T.tensor(dtype, (False, False))
    f = function([x], T.tensor_copy(x), mode=PLAIN)
    for rows in LENGTHS:
        for cols in (1, 16, 33, 64, 70):
            given = view(numbers((rows, cols), dtype))
            got = f(given)
            assert got.shape == given.shape
            assert got.tobytes() == np.ascontiguousarray(given).tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("axes", [(0, 2, 1), (2, 0, 1), (2, 1, 0), (1, 0, 2)])
def test_axes_of_three(axes, dtype):
    x = T.tensor(dtype, (False,) * 3)
    f = function([x], T.tensor_copy(x.dimshuffle(axes)), mode=PLAIN)
    for shape in [(3, 32, 64), (5, 16, 33), (2, 1, 40), (33, 2, 8)]:
        given = numbers(shape, dtype)
        assert f(given).tobytes() == np.ascontiguousarray(given.transpose(axes)).tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("value", [0, -0.0, 1, 127])
def test_fills(value, dtype):
    n, m = T.lscalars("n", "m")
    y = T.tensor(dtype, (False, False))
    number = np.array(value).astype(dtype)
    whole = function([n, m], T.alloc(number, n, m), mode=PLAIN)
    part = function([y], T.set_subtensor(y[1:, 1:-1], number), mode=PLAIN)
    for shape in [(0, 3), (1, 1), (1, 9), (3, 85), (1, 2049), (70, 301)]:
        assert whole(*shape).tobytes() == np.full(shape, number).tobytes()
        given = numbers(shape, dtype)
        wanted = given.copy()
        wanted[1:, 1:-1] = number
        assert part(given).tobytes() == wanted.tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
def test_elements_that_are_repeated(dtype):
    x, times = T.tensor(dtype, (False, False)), T.lscalar()
    f = function([x, times], [T.repeat(x, times, axis=1), T.repeat(x, times, axis=0)], mode=PLAIN)
    for count in (0, 1, 2, 3, 16, 17):
        for given in (numbers((5, 7), dtype), numbers((7, 5), dtype).T, numbers((0, 3), dtype)):
            for axis, got in zip((1, 0), f(given, count), strict=True):
                assert got.tobytes() == np.repeat(given, count, axis=axis).tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
def test_identities(dtype):
    n, m, k = T.lscalars("n", "m", "k")
    f = function([n, m, k], T.eye(n, m, k, dtype=dtype), mode=PLAIN)
    for offset in (0, 1, -1, 4, -4, 5, -6, 2**63 - 1, -(2**63)):
        for shape in [(5, 4), (4, 5), (0, 3), (3, 0), (1, 1)]:
            rows, cols = np.indices(shape)
            wanted = np.array(cols - rows == offset).astype(dtype)
            np.testing.assert_array_equal(f(*shape, offset), wanted, strict=True)
