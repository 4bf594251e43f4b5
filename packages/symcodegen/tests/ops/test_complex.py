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


INVERSES = ("arcsin", "arccos", "arctan", "arcsinh", "arccosh", "arctanh")
FUNCTIONS = ("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "sinh", "cosh", "tanh", "sin", "cos",
             "tan", "reciprocal", "sgn", *INVERSES)  # fmt: skip


def _exact(name, z):
    """The function in extended precision, by a formula that keeps its digits near zero."""
    with np.errstate(all="ignore"):
        if name == "log1p":
            x, y = z.real, z.imag
            near = np.log1p(x * (2 + x) + y * y) / 2 + 1j * np.arctan2(y, 1 + x)
            return np.where(np.abs(z) < 0.5, near, np.log(1 + z))
        if name == "expm1":
            half = np.sin(z.imag / 2)
            return np.expm1(z.real) * np.cos(z.imag) - 2 * half * half + 1j * np.exp(z.real) * np.sin(z.imag)
        return np.sign(z) if name == "sgn" else getattr(np, name)(z)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_functions(name, dtype):
    """Within a few units in the last place of the whole number; where the exact argument of 2^z is rounded, more."""
    rng = np.random.default_rng(8)
    size = 10.0 ** rng.integers(-7, 3, 4000)
    z = ((rng.standard_normal(4000) + 1j * rng.standard_normal(4000)) * size).astype(dtype)
    z = np.concatenate([z, z.real + 0j, 1j * z.imag, (z * 1e6)[:100], 1 + z[:500] * 1e-6]).astype(dtype)
    x = T.TensorType(dtype, (None,))()
    f = compiled([x], getattr(T, name)(x))
    wide = z.astype(np.clongdouble)
    exact, got = _exact(name, wide), f(z)
    fine = (np.abs(exact) < np.finfo(dtype).max / 4) & (np.abs(exact) > np.finfo(dtype).tiny)
    argument = np.abs(wide) if name == "exp2" else 0
    bound = (6 + argument) * np.finfo(dtype).eps * np.abs(exact)
    assert fine.sum() > len(z) / 2 and (np.abs(got[fine] - exact[fine]) <= bound[fine]).all()
    np.testing.assert_array_equal(f(np.stack([z, z])[::-1, ::-3].T[:, 0]), got[::-3])


#: What C99 leaves open, or NumPy has not as C99 has it.
_OPEN = {
    "expm1": lambda z: (z.imag == 0) | ~np.isfinite(z.real),
    "sinh": lambda z: np.isinf(z.real) & ~np.isfinite(z.imag),
    "sin": lambda z: np.isinf(z.imag) & ~np.isfinite(z.real),
    "exp2": lambda z: np.isinf(z.real) & ~np.isfinite(z.imag),
    "exp": lambda z: np.isinf(z.real) & ~np.isfinite(z.imag),
    "reciprocal": lambda z: ~np.isfinite(z.real) & ~np.isfinite(z.imag),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_special_numbers(name):
    parts = np.array([0.0, -0.0, 1.0, -2.5, 3e-4, 800.0, -1e300, 5e-324, np.inf, -np.inf, np.nan])
    z = np.empty(len(parts) ** 2, complex)
    z.real, z.imag = (v.ravel() for v in np.meshgrid(parts, parts))
    z = z[~_OPEN.get(name, lambda z: np.zeros(len(z), bool))(z)]
    if name in ("log1p", "exp2", "sgn", "reciprocal"):  # NumPy's are not as exact, or fail, where numbers are extreme
        z = z[(np.abs(z.real) != 1e300) & (np.abs(z.imag) != 1e300) & (np.abs(z) != 5e-324)]
    x = T.zvector()
    with np.errstate(all="ignore"):
        wanted = np.sign(z) if name == "sgn" else getattr(np, name)(z)
    parts_close(compiled([x], getattr(T, name)(x))(z), wanted, 2e-15 if name != "log1p" else 1e-11)


@pytest.mark.parametrize("name", INVERSES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_sides_of_branch_cuts(name, dtype):
    """Zeros of both signs beside every kind of number: signs are NumPy's, on the cuts, at their ends and off them."""
    numbers = np.array([0.0, 1e-30, 3e-4, 0.5, 1.0, 1.5, 2.5, 3e7, 3e30, np.inf])
    parts = np.concatenate([numbers, -numbers])
    z = np.empty((4, len(parts)), dtype)
    z[:2].real, z[2:].imag = parts, parts
    z[0].imag, z[1].imag, z[2].real, z[3].real = 0.0, -0.0, 0.0, -0.0
    x = T.TensorType(dtype, (None,))()
    with np.errstate(all="ignore"):
        got, wanted = compiled([x], getattr(T, name)(x))(z.ravel()), getattr(np, name)(z.ravel())
    parts_close(got, wanted, 8 * np.finfo(dtype).eps)
    for a, b in ((got.real, wanted.real), (got.imag, wanted.imag)):
        np.testing.assert_array_equal(np.signbit(a), np.signbit(b))


@pytest.mark.parametrize("name", INVERSES)
def test_inverses_where_terms_cancel(name):
    """Around the branch points, on the unit circle and where numbers are as large or as small as they can be: each part
    is right to a few units in its own last place."""
    rng = np.random.default_rng(10)
    around = (rng.standard_normal(1000) + 1j * rng.standard_normal(1000)) * 10.0 ** rng.integers(-15, 0, 1000)
    circle = (1 + 1e-3 * rng.standard_normal(1000)) * np.exp(1j * rng.uniform(0, 7, 1000))
    wide = (rng.standard_normal(1000) * 10.0 ** rng.integers(-300, 300, 1000)
            + 1j * rng.standard_normal(1000) * 10.0 ** rng.integers(-300, 300, 1000))  # fmt: skip
    ends = 2.0 ** rng.choice([-28, 28, 54], 1000) * (1 + 1e-3 * around)  # where one formula follows another
    z = np.concatenate([around, 1 + around, around - 1, around + 1j, around - 1j, circle, wide, ends, 1j * ends])
    x = T.zvector()
    got, exact = compiled([x], getattr(T, name)(x))(z), getattr(np, name)(z.astype(np.clongdouble))
    for a, b in ((got.real, exact.real), (got.imag, exact.imag)):
        fine = np.abs(b) > np.finfo(float).tiny
        assert (np.abs(a - b)[fine] <= 4 * np.finfo(float).eps * np.abs(b)[fine]).all()
        np.testing.assert_allclose(a[~fine], b[~fine].astype(float), rtol=0, atol=1e-320)


@pytest.mark.parametrize("dtype", DTYPES)
def test_powers(dtype):
    rng = np.random.default_rng(9)
    a = (rng.standard_normal(3000) + 1j * rng.standard_normal(3000)).astype(dtype)
    b = ((rng.standard_normal(3000) + 1j * rng.standard_normal(3000)) * 4).astype(dtype)
    whole = rng.integers(-99, 100, 3000).astype(dtype)
    x, y = (T.TensorType(dtype, (None,))() for _ in range(2))
    f = compiled([x, y], x**y)
    for e in (b, whole):
        exact = np.exp(e.astype(np.clongdouble) * np.log(a.astype(np.clongdouble)))
        fine = (np.abs(exact) < np.finfo(dtype).max / 4) & (np.abs(exact) > np.finfo(dtype).tiny)
        bound = (8 + 2 * np.abs(e) * (1 + np.abs(np.log(a.astype(complex))))) * np.finfo(dtype).eps * np.abs(exact)
        assert (np.abs(f(a, e)[fine] - exact[fine]) <= bound[fine]).all()
    zero = np.array([0, 0, 0, 0, 2j], dtype)
    powers = np.array([0, 2, 1j, -1, 0], dtype)
    np.testing.assert_array_equal(f(zero, powers), [1, 0, complex(np.nan, np.nan), complex(np.nan, np.nan), 1])


@pytest.mark.parametrize("dtype", DTYPES)
def test_order_and_rounding(dtype):
    a, b = pairs(dtype)
    x, y = T.TensorType(dtype, (None,))(), T.TensorType(dtype, (None,))()
    f = compiled([x, y], [T.lt(x, y), T.le(x, y), T.gt(x, y), T.ge(x, y), T.maximum(x, y), T.minimum(x, y), T.isnan(x),
                          T.isinf(x), T.clip(x, y, y)])  # fmt: skip
    with np.errstate(all="ignore"):
        wanted = [a < b, a <= b, a > b, a >= b, np.maximum(a, b), np.minimum(a, b), np.isnan(a), np.isinf(a),
                  np.minimum(np.maximum(a, b), b)]  # fmt: skip
    for got, expected in zip(f(a, b), wanted, strict=True):
        np.testing.assert_array_equal(got, expected)
    z = np.array([1.5 - 2.5j, 0.49 + 7.5j, -0.5 + 1e20j], dtype)
    np.testing.assert_array_equal(compiled([x], T.round(x, mode="half_to_even"))(z), np.rint(z))
