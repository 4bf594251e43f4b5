"""Products of integers, truth values and float16 in C: as NumPy's, wrapping around included."""

import numpy as np
import pytest

from symcodegen.testing import PLAIN
from symcore import tensor as T
from symopt import function

pytestmark = pytest.mark.c
DTYPES = ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]


def compiled(inputs, outputs):
    f = function(inputs, outputs, mode=PLAIN)
    assert not [str(node.op) for node, where, _ in f.placement() if where == "Python"]
    return f


def numbers(dtype, shape):
    rng = np.random.default_rng(sum(shape))
    if dtype == "bool":
        return rng.random(shape) < 0.3
    info = np.iinfo(dtype)
    return rng.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)


@pytest.mark.parametrize("dtype", DTYPES)
def test_products(dtype):
    a, b = (T.TensorType(dtype, (None, None))() for _ in range(2))
    v, w = (T.TensorType(dtype, (None,))() for _ in range(2))
    f = compiled([a, b, v, w], [T.dot(a, b), T.dot(a, v), T.dot(w, b), T.dot(v, v)])
    for m, k, n in ((1, 1, 1), (3, 7, 5), (9, 4, 600), (4, 0, 3), (0, 2, 3), (2, 3, 0), (33, 40, 1)):
        x, y = numbers(dtype, (2 * m, 2 * k)), numbers(dtype, (2 * k, 2 * n))
        for p, q in ((x[:m, :k], y[:k, :n]), (x[m:, k:][::-1, ::-1], y[::2, ::-2]), (x.T[:k, :m].T, y.T[:n, :k].T)):
            got = f(p, q, q[:, 0] if n else y[:k, 0] if y.size else np.zeros(k, dtype), p[0] if m else x[:1, :k].ravel()
                    if x.size else np.zeros(k, dtype))  # fmt: skip
            assert got[0].dtype == np.dtype(dtype)
            np.testing.assert_array_equal(got[0], np.dot(p, q))
            if m and n:
                np.testing.assert_array_equal(got[1], np.dot(p, q[:, 0]))
                np.testing.assert_array_equal(got[2], np.dot(p[0], q))
                np.testing.assert_array_equal(got[3], np.dot(q[:, 0], q[:, 0]))
    with pytest.raises(ValueError, match="differ: 3 and 2"):
        f(np.ones((2, 3), dtype), np.ones((2, 2), dtype), np.ones(3, dtype), np.ones(2, dtype))


@pytest.mark.parametrize("dtype", ["bool", "int16", "int64"])
def test_batches(dtype):
    a, b = (T.TensorType(dtype, (None,) * 4)() for _ in range(2))
    f = compiled([a, b], T.matmul(a, b))
    x, y = numbers(dtype, (2, 3, 5, 4)), numbers(dtype, (2, 3, 4, 6))
    np.testing.assert_array_equal(f(x, y), x @ y)
    np.testing.assert_array_equal(f(x[:, ::-1], y[::-1, :, :, ::2]), x[:, ::-1] @ y[::-1, :, :, ::2])


def test_float16_is_added_up_in_float32():
    a, b = (T.TensorType("float16", (None, None))() for _ in range(2))
    f = compiled([a, b], T.dot(a, b))
    rng = np.random.default_rng(2)
    x, y = rng.standard_normal((20, 500)).astype("f2"), rng.standard_normal((500, 30)).astype("f2")
    exact = x.astype("f8") @ y.astype("f8")
    bound = 2.0**-11 * np.abs(exact) + 500 * 2.0**-23 * (np.abs(x).astype("f8") @ np.abs(y).astype("f8"))
    assert (np.abs(f(x, y) - exact) <= bound).all()
    assert f(np.ones((1, 4096), "f2"), np.ones((4096, 1), "f2")) == 4096
