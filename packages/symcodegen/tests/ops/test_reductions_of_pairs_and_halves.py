"""Reductions of complex numbers and of float16, in C, against NumPy in a wider type."""

import numpy as np
import pytest

from symcodegen.testing import PLAIN
from symcore import tensor as T
from symopt import function

pytestmark = pytest.mark.c
WIDE = {"complex64": "complex128", "complex128": "complex128", "float16": "float64"}
AXES = [None, 0, 1, 2, (0, 2), (1, 2)]


def compiled(inputs, outputs):
    f = function(inputs, outputs, mode=PLAIN)
    assert not [str(node.op) for node, where, _ in f.placement() if where == "Python"]
    return f


def numbers(dtype, shape):
    rng = np.random.default_rng(5)
    x = rng.standard_normal(shape)
    return (x + 1j * rng.standard_normal(shape) if dtype[0] == "c" else x).astype(dtype)


def layouts(x):
    return [x, x[::-1, :, ::2], x.transpose(2, 0, 1), x[:, :1], x[:1, :, :3]]


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("dtype", WIDE)
def test_sums_and_products(dtype, axis):
    """No worse than the rounding of the result, and of sums of ``n`` numbers in the accumulator of the Op."""
    x = T.TensorType(dtype, (None, None, None))()
    f = compiled([x], [x.sum(axis=axis), x.prod(axis=axis), T.sqr(x).sum(axis=axis)])
    accumulator = 2.0**-24 if dtype == "float16" else 2.0**-53
    for a in layouts(numbers(dtype, (5, 40, 33))):
        wide = a.astype(WIDE[dtype])
        squares = (a * a).astype(WIDE[dtype])
        got = f(a)
        n = a.size
        for y, terms in ((got[0], wide), (got[2], squares)):
            wanted, size = terms.sum(axis=axis), np.abs(terms).sum(axis=axis)
            bound = np.finfo(dtype).eps * np.abs(wanted) + 2 * n * accumulator * size + np.finfo(dtype).tiny
            extra = 2 * np.finfo(dtype).eps * size if y is got[2] and dtype[0] == "c" else 0  # of the products
            assert y.dtype == np.dtype(dtype) and (np.abs(y - wanted) <= bound + extra).all()
        near_one = (a / np.abs(a) * (1 + a.real / 4096).astype(a.real.dtype)).astype(dtype)
        product = near_one.astype(WIDE[dtype]).prod(axis=axis)
        bound = (np.finfo(dtype).eps + 4 * n * accumulator) * np.abs(product) + np.finfo(dtype).tiny
        assert (np.abs(f(near_one)[1] - product) <= bound).all()


@pytest.mark.parametrize("axis", AXES)
def test_extrema_of_halves(axis):
    x = T.TensorType("float16", (None, None, None))()
    f = compiled([x], [x.max(axis=axis), x.min(axis=axis), x.argmax(axis=axis) if axis != (0, 2) else x.max()])
    values = numbers("float16", (5, 40, 33))
    special = values.copy()
    special[2, 3, 4], special[0, 1, 2], special[1, 1, 1] = np.nan, np.inf, -np.inf
    for a in [*layouts(values), *layouts(special)]:
        got = f(a)
        np.testing.assert_array_equal(got[0], a.max(axis=axis))
        np.testing.assert_array_equal(got[1], a.min(axis=axis))
        if axis is None or isinstance(axis, int):
            np.testing.assert_array_equal(got[2], a.argmax(axis=axis))
    with pytest.raises(ValueError, match="no elements"):
        f(values[:0, :0, :0])


def test_what_float16_cannot_hold_while_it_is_added_up():
    x = T.TensorType("float16", (None,))()
    f = compiled([x], [x.sum(), x.mean(), x.sum(dtype="float32")])
    a = np.full(100_000, 0.5, np.float16)
    assert f(a)[0] == 50_000 and f(a)[1] == 0.5 and f(a)[2] == 50_000
    assert np.isposinf(f(np.full(70_000, 1, np.float16))[0]) and f(np.full(70_000, 1, np.float16))[2] == 70_000
    assert f(a[:0])[0] == 0 and np.isnan(f(np.array([1, np.nan], np.float16))[0])


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_special_complex_values(dtype):
    x = T.TensorType(dtype, (None,))()
    f = compiled([x], [x.sum(), x.prod(), x.mean()])
    assert f(np.zeros(0, dtype))[:2] == [0, 1]
    total = f(np.array([complex(np.inf, 1), complex(0, np.nan)], dtype))[0]
    assert np.isposinf(total.real) and np.isnan(total.imag)
