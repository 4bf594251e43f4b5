"""Matrices beyond the first caches by vectors: rows swept over the result, sums of rows fetched ahead, on every set of
instructions."""

import numpy as np
import pytest

rng = np.random.default_rng(41)

DTYPES = ["float32", "float64"]
#: Rows and columns: pages of rows, groups of eight and some; rows of any length; more columns than are swept at once;
#: fewer rows than a group has.
SHAPES = [(67, 4096), (613, 500), (333, 997), (9, 40_003), (3, 50_000), (1030, 130)]


@pytest.fixture(params=["avx512", "avx2", "vector"])
def instructions(request, cvm):
    try:
        before = cvm.set_products(request.param)
    except ValueError:
        pytest.skip("this processor or compiler lacks them")
    yield request.param
    cvm.set_products(before)


def at(a, offset):
    """A copy that begins ``offset`` bytes after a multiple of 64, with NaN around it."""
    items = a.size + 128
    big = np.full(items, np.nan, a.dtype)
    start = ((-big.ctypes.data) % 64 + offset) // a.itemsize
    view = big[start : start + a.size].reshape(a.shape)
    view[...] = a
    return view


def gemv(b, dtype, length, y, alpha, a, x, beta):
    inputs = [b.input(v.ndim, dtype) for v in (y, a, x)]
    target = b.array(1, dtype, (b.reg("CONST", length),))
    b.full(f"gemv_{dtype}", [target], [inputs[0], b.const(alpha, dtype), inputs[1], inputs[2], b.const(beta, dtype)])
    return b.program(target)(y, a, x)[0]


def assert_accurate(result, y, alpha, a, x, beta):
    """The bound of any order of summation (Higham, Accuracy and Stability of Numerical Algorithms, section 3.5)."""
    y, a, x = (np.asarray(v, np.longdouble) for v in (y, a, x))
    exact = alpha * (a @ x) + (beta * y if beta else 0)
    size = abs(alpha) * (abs(a) @ abs(x)) + (abs(beta) * abs(y) if beta else 0)
    assert (abs(result - exact) <= (a.shape[1] + 3) * np.finfo(result.dtype).eps * size).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("down", [False, True])
def test_against_long_double_wherever_they_lie(instructions, new_builder, dtype, shape, down):
    matrix = rng.standard_normal(shape).astype(dtype)
    seen = matrix.T if down else matrix
    x, y = (rng.standard_normal(n).astype(dtype) for n in seen.shape[::-1])
    for offset, (alpha, beta) in zip((0, 16, 40), ((1, 0), (-0.5, 1), (2, -0.25)), strict=True):
        held = at(matrix, offset)
        before = np.full_like(y, np.nan) if beta == 0 else y
        result = gemv(new_builder(), dtype, y.size, before, alpha, held.T if down else held, at(x, 24), beta)
        assert_accurate(result, y, alpha, seen, x, beta)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("down", [False, True])
@pytest.mark.parametrize("shape", [(67, 4096), (520, 1009)])
def test_bits_do_not_depend_on_where_operands_lie(instructions, new_builder, dtype, shape, down):
    matrix = rng.standard_normal(shape).astype(dtype)
    x, y = (rng.standard_normal(n).astype(dtype) for n in (shape if down else shape[::-1]))
    found = []
    for offset in (0, 8, 16, 48):
        held = at(matrix, offset)
        found.append(gemv(new_builder(), dtype, y.size, y, 1, held.T if down else held, at(x, offset), 0.5).copy())
    for other in found[1:]:
        np.testing.assert_array_equal(other, found[0])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("down", [False, True])
def test_what_is_no_number_stays_in_its_row(instructions, new_builder, dtype, down):
    matrix = rng.standard_normal((70, 4096)).astype(dtype)
    matrix[65, 4095], matrix[3, 17] = np.nan, np.inf
    seen = matrix.T if down else matrix
    x, y = np.ones(seen.shape[1], dtype), np.full(seen.shape[0], np.nan, dtype)
    result = gemv(new_builder(), dtype, y.size, y, 1, seen, x, 0)
    nan, inf = (4095, 17) if down else (65, 3)
    expected = np.zeros(y.size, bool)
    expected[[nan, inf]] = True
    np.testing.assert_array_equal(~np.isfinite(result), expected)
    assert np.isnan(result[nan]) and result[inf] == np.inf
