"""float16: stored in 16 bits, computed in float32, rounded after every step; as NumPy does."""

import numpy as np
import pytest

from symcodegen.testing import PLAIN
from symcore import tensor as T
from symopt import function

pytestmark = pytest.mark.c
ALL = np.arange(65536, dtype=np.uint16).view(np.float16)
HALF = T.TensorType("float16", (None,))


def compiled(inputs, outputs):
    f = function(inputs, outputs, mode=PLAIN)
    assert all(where != "Python" for _, where, _ in f.placement())
    return f


def test_every_number_is_read_right():
    x = HALF()
    f = compiled([x], [x.astype("float32"), x.astype("float64"), x.astype("bool")])
    for got, wanted in zip(f(ALL), (ALL.astype("f4"), ALL.astype("f8"), ALL.astype(bool)), strict=True):
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rounding_to_nearest(dtype):
    """Every number that float16 has, halfway between two, and next to halfway; and any bits."""
    numbers = np.unique(ALL[np.isfinite(ALL)].astype("f8"))
    middle = (numbers[1:] + numbers[:-1]) / 2
    rng = np.random.default_rng(1)
    wide = np.dtype(dtype)
    bits = rng.integers(0, 2**32, 100_000, dtype=np.uint64).astype(np.uint32)
    with np.errstate(invalid="ignore"):  # signalling NaN
        noise = bits.view(np.float32).astype(wide)
    exact = np.concatenate([numbers, middle, [65519.99, 65520, 65521, 1e30, -1e30, np.inf, -np.inf, np.nan]])
    exact = exact.astype(wide)
    near = [np.nextafter(exact, wide.type(np.inf)), np.nextafter(exact, wide.type(-np.inf))]
    x = T.TensorType(dtype, (None,))()
    values = np.concatenate([exact, *near, noise])
    with np.errstate(all="ignore"):
        wanted = values.astype(np.float16)
    got = compiled([x], x.astype("float16"))(values)
    np.testing.assert_array_equal(got, wanted)
    numbers = ~np.isnan(wanted)
    np.testing.assert_array_equal(np.signbit(got)[numbers], np.signbit(wanted)[numbers])


def test_arithmetic_is_numpys():
    rng = np.random.default_rng(2)
    other = rng.permutation(ALL)
    x, y = HALF(), HALF()
    f = compiled([x, y], [x + y, x - y, x * y, x / y, T.maximum(x, y), T.lt(x, y), T.sqrt(x), (x * y + x) * y])
    with np.errstate(all="ignore"):
        wanted = [ALL + other, ALL - other, ALL * other, ALL / other, np.maximum(ALL, other), np.less(ALL, other),
                  np.sqrt(ALL), (ALL * other + ALL) * other]  # fmt: skip
    for got, expected in zip(f(ALL, other), wanted, strict=True):
        assert got.dtype == expected.dtype
        np.testing.assert_array_equal(got, expected)


def test_functions_are_within_one_unit():
    x = HALF()
    values = ALL[np.isfinite(ALL) & (np.abs(ALL) <= np.float16(8))]
    f = compiled([x], [T.exp(x), T.tanh(x), T.sin(x)])
    for got, fn in zip(f(values), (np.exp, np.tanh, np.sin), strict=True):
        exact = fn(values.astype("f8"))
        assert (np.abs(got - exact) <= 0.51 * np.spacing(np.abs(exact).astype("f2")).astype("f8")).all()


def test_functions_of_the_bits():
    """What takes no arithmetic keeps every bit, those of NaN among them."""
    other = np.random.default_rng(4).permutation(ALL)
    x, y = HALF(), HALF()
    f = compiled([x, y], [-x, abs(x), T.isnan(x), T.isinf(x), T.switch(x, x, y), T.switch(T.lt(x, y), y, x), x.copy()])
    wanted = [-ALL, abs(ALL), np.isnan(ALL), np.isinf(ALL), np.where(ALL, ALL, other),
              np.where(other > ALL, other, ALL), ALL]  # fmt: skip
    for got, expected in zip(f(ALL, other), wanted, strict=True):
        np.testing.assert_array_equal(got, expected)
        if got.dtype == np.float16:
            np.testing.assert_array_equal(got.view(np.uint16), expected.view(np.uint16))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "bool", "int8", "complex64", "complex128"])
def test_every_number_as_a_condition(dtype):
    """Also -0, whose bits are not all 0, is false."""
    x, a, b = HALF(), T.TensorType(dtype, (None,))(), T.TensorType(dtype, (None,))()
    first, second = np.zeros(ALL.size, dtype), np.ones(ALL.size, dtype)
    np.testing.assert_array_equal(compiled([x, a, b], T.switch(x, a, b))(ALL, first, second), np.where(ALL, 0, 1))
