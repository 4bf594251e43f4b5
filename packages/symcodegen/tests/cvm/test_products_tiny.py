"""Products of at most sixteen rows and columns: kernels chosen when lengths are known, on every set of instructions."""

import itertools

import numpy as np
import pytest

rng = np.random.default_rng(27)

DTYPES = ["float32", "float64"]
TERMS = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 64, 65]


def framed(a, by_columns):
    """The array in order of rows or of columns, amid NaN."""
    if by_columns:
        return framed(a.T, False).T
    big = np.full((a.shape[0] + 2, a.shape[1] + 3), np.nan, a.dtype)
    big[1:-1, 2:-1] = a
    return big[1:-1, 2:-1]


class Product:
    """``a @ x`` written into the middle of an array of sevens, in order of rows or of columns."""

    def __init__(self, b, dtype, m, n, by_columns):
        a, x = b.input(2, dtype), b.input(2, dtype)
        lengths = tuple(b.reg("CONST", v) for v in ((n, m) if by_columns else (m, n)))
        whole = tuple(b.reg("CONST", v) for v in ((n + 2, m + 3) if by_columns else (m + 2, n + 3)))
        around = b.array(2, dtype, whole)
        b.elementwise(f"copy_{np.dtype(dtype).itemsize}", around, b.const(7, dtype))
        middle = b.subtensor(around, slice(1, -1), slice(1, -2))
        target = b.dimshuffle(middle, (1, 0)) if by_columns else middle
        nothing = b.temp(2, dtype, lengths)
        y = b.dimshuffle(nothing, (1, 0)) if by_columns else nothing
        b.full(f"gemm_{dtype}", [target], [y, b.const(1, dtype), a, x, b.const(0, dtype)])
        self.program, self.by_columns = b.program(around), by_columns

    def __call__(self, a, x):
        whole = self.program(a, x)[0].copy()
        inner = whole[1:-1, 1:-2].copy()
        whole[1:-1, 1:-2] = 7
        assert (whole == 7).all(), "something around the result was written to"
        return inner.T if self.by_columns else inner


def assert_product(result, a, x):
    wide = [np.asarray(v, np.longdouble) for v in (a, x)]
    bound = (a.shape[1] + 3) * np.finfo(result.dtype).eps * (abs(wide[0]) @ abs(wide[1]))
    assert (abs(result - wide[0] @ wide[1]) <= bound).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("by_columns", [False, True])
def test_every_number_of_rows_and_columns(instructions, new_builder, dtype, by_columns):
    terms = itertools.cycle(TERMS)
    orders = itertools.cycle(itertools.product([False, True], repeat=2))
    for m, n in itertools.product(range(1, 18), repeat=2):
        k, (left, right) = next(terms), next(orders)
        a, x = rng.standard_normal((m, k)).astype(dtype), rng.standard_normal((k, n)).astype(dtype)
        f = Product(new_builder(), dtype, m, n, by_columns)
        assert_product(f(framed(a, left), framed(x, right)), a, x)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_order_of_square_matrices(instructions, new_builder, dtype):
    for n, left, right, by_columns in itertools.product([2, 3, 4, 6, 8, 12, 16], *[[False, True]] * 3):
        a, x = (rng.standard_normal((n, n)).astype(dtype) for _ in "ax")
        f = Product(new_builder(), dtype, n, n, by_columns)
        assert_product(f(framed(a, left), framed(x, right)), a, x)
        assert_product(f(a[::-1], x[:, ::-1]), a[::-1], x[:, ::-1])
        assert_product(f(np.repeat(a, 2, 1)[:, ::2], np.repeat(x, 2, 0)[::2]), a, x)


@pytest.mark.parametrize("dtype", DTYPES)
def test_vectors(instructions, new_builder, dtype):
    """``a @ x`` into every other element of an array of sevens, and into one without gaps."""
    for (m, k), order, step, gaps in itertools.product(
        itertools.product([1, 2, 5, 8, 16, 17], TERMS), [False, True], [1, -2], [1, 2]
    ):
        a, x = rng.standard_normal((m, k)).astype(dtype), np.full(2 * k + 1, np.nan, dtype)
        x[:k] = x[k + 1 :] = rng.standard_normal(k)
        vector = x[:k] if step == 1 else np.repeat(x[:k], 2)[::-2]
        b = new_builder()
        slots = b.input(2, dtype), b.input(1, dtype)
        whole = b.array(1, dtype, (b.reg("CONST", gaps * m + 1),))
        b.elementwise(f"copy_{np.dtype(dtype).itemsize}", whole, b.const(7, dtype))
        target = b.subtensor(whole, slice(0, -1, gaps))
        y = b.temp(1, dtype, (b.reg("CONST", m),))
        b.full(f"gemv_{dtype}", [target], [y, b.const(1, dtype), *slots, b.const(0, dtype)])
        result = b.program(whole)(framed(a, order), vector)[0]
        assert_product(result[:-1:gaps, None], a, vector[:, None])
        assert result[-1] == 7 and (gaps == 1 or (result[1:-1:2] == 7).all())


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(5, 6, 7), (1, 16, 16), (16, 16, 1), (1, 9, 1), (16, 16, 16)])
def test_infinities_and_nan_reach_their_row_or_column_alone(instructions, new_builder, dtype, shape):
    m, k, n = shape
    a, x = np.ones((m, k), dtype), np.ones((k, n), dtype)
    a[m - 1, k - 1], x[0, 0] = np.inf, np.nan
    expected = np.full((m, n), float(k))
    expected[m - 1], expected[:, 0] = np.inf, np.nan
    for left, right, by_columns in itertools.product([False, True], repeat=3):
        f = Product(new_builder(), dtype, m, n, by_columns)
        np.testing.assert_array_equal(f(framed(a, left), framed(x, right)), expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(0, 3, 2), (3, 0, 2), (3, 2, 0)])
def test_products_without_elements(instructions, new_builder, dtype, shape):
    m, k, n = shape
    f = Product(new_builder(), dtype, m, n, False)
    np.testing.assert_array_equal(f(np.ones((m, k), dtype), np.ones((k, n), dtype)), np.zeros((m, n)))


@pytest.mark.parametrize("dtype", DTYPES)
def test_lengths_that_do_not_fit(instructions, new_builder, dtype):
    f = Product(new_builder(), dtype, 3, 4, False)
    for a, x in (((3, 5), (6, 4)), ((2, 5), (5, 4)), ((3, 5), (5, 3))):
        with pytest.raises(ValueError, match="matrix product of shapes"):
            f(np.ones(a, dtype), np.ones(x, dtype))


@pytest.mark.parametrize("dtype", DTYPES)
def test_batches(instructions, new_builder, dtype):
    leads, lengths = [(3,), (2, 3), (0,), (2, 0, 2)], [(8, 8, 8), (5, 3, 2), (1, 4, 1), (20, 9, 18)]
    for lead, (m, k, n) in itertools.product(leads, lengths):
        a, x = rng.standard_normal((*lead, m, k)).astype(dtype), rng.standard_normal((*lead, k, n)).astype(dtype)
        for left, right in itertools.product([False, True], repeat=2):
            b = new_builder()
            nd = len(lead) + 2
            inputs = [b.input(nd, dtype) for _ in "ax"]
            out = b.array(nd, dtype, tuple(b.reg("CONST", v) for v in (*lead, m, n)))
            b.full(f"gemm_batched_{dtype}", [out], inputs, (nd,))
            operands = [v.swapaxes(-1, -2).copy().swapaxes(-1, -2) if by else v for v, by in ((a, left), (x, right))]
            result = b.program(out)(*operands)[0]
            assert result.shape == (*lead, m, n)
            for i in np.ndindex(*lead):
                assert_product(result[i], a[i], x[i])


def test_programs_that_have_run_follow_a_change_of_kernels(cvm, new_builder):
    f = Product(new_builder(), "float32", 5, 4, False)
    a, x = np.ones((5, 3), "float32"), np.ones((3, 4), "float32")
    f(a, x), f(a, x)
    assert f.program.stats["prepares"] == 1
    before = cvm.set_products("blas")
    try:
        f(a, x)
        assert f.program.stats["prepares"] == 2
    finally:
        cvm.set_products(before)
    f(a, x), f(a, x)
    assert f.program.stats["prepares"] == 3
