"""Elementwise work on complex numbers in C, against NumPy."""

import numpy as np
import pytest

from symcodegen.testing import PLAIN
from symcore import tensor as T
from symopt import function

pytestmark = pytest.mark.c
DTYPES = ["complex64", "complex128"]
PARTS = np.array([0.0, -0.0, 1.0, -2.5, 3e-4, np.inf, -np.inf, np.nan])


def compiled(inputs, outputs):
    f = function(inputs, outputs, mode=PLAIN)
    assert not [str(node.op) for node, where, _ in f.placement() if where == "Python"]
    return f


def pairs(dtype):
    """All pairs of numbers made of the parts, infinities and NaN among them."""
    numbers = (PARTS[:, None] + 1j * 0).repeat(len(PARTS), 1)
    numbers.imag = PARTS
    x, y = np.meshgrid(numbers.ravel(), numbers.ravel())
    return x.ravel().astype(dtype), y.ravel().astype(dtype)


def parts_close(got, wanted, rtol):
    assert got.dtype == wanted.dtype
    size = np.abs(wanted).astype(float)
    bound = np.where(np.isfinite(size), rtol * size, 0)  # of the number: its parts may cancel
    if got.dtype == bool:
        np.testing.assert_array_equal(got, wanted)
        return
    for a, b in ((got.real, wanted.real), (got.imag, wanted.imag)):
        with np.errstate(invalid="ignore"):
            same = (a == b) | (np.isnan(a) & np.isnan(b)) | (np.abs(a - b) <= bound)
        assert same.all(), (a[~same], b[~same])


@pytest.mark.parametrize("dtype", DTYPES)
def test_arithmetic_of_special_numbers_is_numpys(dtype):
    a, b = pairs(dtype)
    x, y = T.TensorType(dtype, (None,))(), T.TensorType(dtype, (None,))()
    with np.errstate(all="ignore"):
        expected = [a + b, a - b, a * b, a / b, -a, np.conj(a), np.abs(a), np.angle(a), a == b, a != b]
    f = compiled([x, y], [x + y, x - y, x * y, x / y, -x, T.conj(x), abs(x), T.angle(x), T.eq(x, y), T.neq(x, y)])
    for got, wanted in zip(f(a, b), expected, strict=True):
        parts_close(got, wanted, 16 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", DTYPES)
def test_random_numbers_in_every_layout(dtype):
    rng = np.random.default_rng(1)
    a, b = ((rng.standard_normal((5, 70, 2)) * 10.0 ** rng.integers(-9, 9, (5, 70, 1))).view(complex)[..., 0]
            .astype(dtype) for _ in range(2))  # fmt: skip
    x, y = T.TensorType(dtype, (None, None))(), T.TensorType(dtype, (None, None))()
    f = compiled([x, y], [x * y + x, x / y, abs(x), T.real(x), T.imag(x)])
    for u, v in ((a, b), (a.T.copy().T, b), (a[::-1, ::-2], b[::-1, ::-2]), (a[:0], b[:0])):
        wanted = [u * v + u, u / v, np.abs(u), u.real, u.imag]
        for got, expected in zip(f(u, v), wanted, strict=True):
            scale = np.abs(expected).astype(float) + np.abs(u * v)
            assert (np.abs(got - expected) <= 16 * np.finfo(dtype).eps * scale).all()


def test_absolute_values_do_not_overflow():
    x = T.TensorType("complex128", (None,))()
    numbers = np.array([1e300 + 1e300j, 1e-300 + 1e-300j, 3e200, 4e-320j])
    np.testing.assert_allclose(compiled([x], abs(x))(numbers), np.abs(numbers), rtol=1e-15)


def test_casts():
    x, z = T.dvector(), T.TensorType("complex64", (None,))()
    f = compiled([x, z], [x.astype("complex64"), z.astype("complex128"), x + z])
    a, c = np.array([1.5, np.nan, -0.0]), np.array([1 + 2j, 3j, -1], "complex64")
    for got, wanted in zip(f(a, c), (a.astype("c8"), c.astype("c16"), a + c), strict=True):
        parts_close(got, wanted, 1e-15)
