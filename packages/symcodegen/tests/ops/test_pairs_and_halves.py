"""Running sums and products, sums into parts, and identities of complex numbers and float16 in C, against NumPy."""

import numpy as np
import pytest

from symcodegen.testing import PLAIN
from symcore import tensor as T
from symopt import function

pytestmark = pytest.mark.c
DTYPES = ["float16", "complex64", "complex128"]


def compiled(inputs, outputs):
    f = function(inputs, outputs, mode=PLAIN)
    assert not [str(node.op) for node, where, _ in f.placement() if where == "Python"]
    return f


def numbers(dtype, *shape):
    rng = np.random.default_rng(6)
    x = rng.standard_normal(shape)
    return (x + 1j * rng.standard_normal(shape) if dtype[0] == "c" else x).astype(dtype)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("dtype", DTYPES)
def test_running_results(dtype, axis):
    x = T.TensorType(dtype, (None, None))()
    f = compiled([x], [T.cumsum(x, axis), T.cumprod(x, axis)])
    a = numbers(dtype, 9, 40)
    for given in (a, a[::-1, ::2], a.T, a[:, :1], a[:0]):
        sums, products = f(given)
        np.testing.assert_array_equal(sums, np.cumsum(given, axis, dtype=dtype))
        wanted = np.cumprod(given, axis, dtype=dtype)
        # a product of complex numbers may fuse one of its four multiplications with the sum
        bound = 0 if dtype == "float16" else 4 * given.shape[axis] * np.finfo(dtype).eps * np.abs(wanted)
        assert (np.abs(products - wanted) <= bound).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_sums_into_parts(dtype):
    x, y, i = T.TensorType(dtype, (None, None))(), T.TensorType(dtype, (None, None))(), T.lvector()
    f = compiled([x, y, i], [T.inc_subtensor(x[i], y), T.inc_subtensor(x[:, i], y.T), T.set_subtensor(x[:, i], y.T)])
    a, b, at = numbers(dtype, 6, 6), numbers(dtype, 8, 6), np.array([0, 3, 3, -1, 5, 0, 2, 2])
    rows, columns, written = a.copy(), a.copy(), a.copy()
    np.add.at(rows, at, b)
    np.add.at(columns, (slice(None), at), b.T)
    written[:, at] = b.T
    for got, wanted in zip(f(a, b, at), (rows, columns, written), strict=True):
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("dtype", DTYPES)
def test_identities(dtype):
    n, k = T.lscalar(), T.lscalar()
    f = compiled([n, k], T.eye(n, n + 2, k, dtype=dtype))
    for shift in (-1, 0, 3):
        got = f(4, shift)
        assert got.dtype == np.dtype(dtype)
        np.testing.assert_array_equal(got, np.eye(4, 6, shift))
