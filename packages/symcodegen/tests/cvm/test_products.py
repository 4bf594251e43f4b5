"""Small products by kernels of our own: every instruction set that this processor has, against long double.

The bound of the error is that of any summation in any order: ``(k + 3) * eps * (|alpha| |A| |B| + |beta| |Y|)``,
element by element (Higham, Accuracy and Stability of Numerical Algorithms, section 3.5).
"""

import itertools

import numpy as np
import pytest

rng = np.random.default_rng(18)

DTYPES = ["float32", "float64"]
SETS = ["avx512", "avx2", "vector", "blas"]
SIZES = [1, 2, 3, 4, 7, 8, 9, 16, 17, 33]
SCALES = [(1, 0), (1, 1), (-0.5, 0), (1, -0.5), (-0.5, -0.5)]


def sample(shape, dtype):
    return rng.standard_normal(shape).astype(dtype)


def columns(a):
    return np.asfortranarray(a)


def window(a):
    """Rows and columns of a larger array: leading dimensions that no length equals."""
    big = np.full((a.shape[0] + 3, a.shape[1] + 5), np.nan, a.dtype)
    big[2:-1, 1:-4] = a
    return big[2:-1, 1:-4]


def backwards(a):
    return a[::-1, ::-1].copy()[::-1, ::-1]


def every_third(a):
    return np.repeat(a, 3, axis=-1)[..., ::3]


LAYOUTS = {
    "rows": np.ascontiguousarray,
    "columns": columns,
    "window": window,
    "window-columns": lambda a: window(a.T).T,
}
ODD = {"backwards": backwards, "every-third": every_third}


def call(b, name, dtype, out_shape, operands, columns=False):
    """Run a routine of BLAS form on arrays and scalars; the result in order of rows or of columns."""
    slots, arrays = [], []
    for value in operands:
        if isinstance(value, np.ndarray):
            slots.append(b.input(value.ndim, dtype))
            arrays.append(value)
        else:
            slots.append(b.const(value, dtype))
    lengths = tuple(b.reg("CONST", n) for n in out_shape)
    if columns:
        target = b.dimshuffle(b.temp(2, dtype, lengths[::-1]), (1, 0))
    else:
        target = b.array(len(out_shape), dtype, lengths)
    b.full(f"{name}_{dtype}", [target], slots)
    return b.program(b.copy(target) if columns else target)(*arrays)[0]


def assert_accurate(result, y, alpha, a, x, beta):
    wide = [np.asarray(v, np.longdouble) for v in (y, a, x)]
    exact = alpha * (wide[1] @ wide[2]) + (beta * wide[0] if beta else 0)
    size = abs(alpha) * (abs(wide[1]) @ abs(wide[2])) + (abs(beta) * abs(wide[0]) if beta else 0)
    bound = (a.shape[-1] + 3) * np.finfo(result.dtype).eps * size
    assert result.shape == exact.shape
    worst = np.max(abs(result - exact) - bound, initial=-1.0)
    assert worst <= 0, f"error exceeds the bound by {worst}"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("depth", [1, 2, 5, 16, 31, 70])
def test_gemm_of_every_small_size(instructions, new_builder, dtype, depth):
    k = depth
    for m, n in itertools.product(SIZES, SIZES):
        a, x, y = sample((m, k), dtype), sample((k, n), dtype), sample((m, n), dtype)
        layout = list(LAYOUTS.values())[(m + n) % 4]
        other = list(LAYOUTS.values())[(m * 3 + n + k) % 4]
        alpha, beta = SCALES[(m + 2 * n) % len(SCALES)]
        for by_columns in (False, True):
            result = call(new_builder(), "gemm", dtype, (m, n), [y, alpha, layout(a), other(x), beta], by_columns)
            assert_accurate(result, y, alpha, a, x, beta)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("left", LAYOUTS | ODD)
@pytest.mark.parametrize("right", LAYOUTS | ODD)
def test_gemm_of_every_layout(instructions, new_builder, dtype, left, right):
    for (m, k, n), (alpha, beta) in itertools.product([(6, 9, 19), (16, 64, 40), (40, 33, 3)], SCALES):
        a, x, y = sample((m, k), dtype), sample((k, n), dtype), sample((m, n), dtype)
        strided = [(LAYOUTS | ODD)[left](a), (LAYOUTS | ODD)[right](x)]
        addend = (LAYOUTS | ODD)[right](y)
        for by_columns in (False, True):
            result = call(new_builder(), "gemm", dtype, (m, n), [addend, alpha, *strided, beta], by_columns)
            assert_accurate(result, y, alpha, a, x, beta)


@pytest.mark.parametrize("dtype", DTYPES)
def test_products_of_recurrent_networks(instructions, new_builder, dtype):
    for m, k, n in ((1, 128, 512), (16, 128, 512), (20, 300, 100), (32, 64, 256), (16, 512, 128), (128, 16, 512)):
        a, x, y = sample((m, k), dtype), sample((k, n), dtype), sample((m, n), dtype)
        for left, right in itertools.product((np.ascontiguousarray, columns), repeat=2):
            result = call(new_builder(), "gemm", dtype, (m, n), [y, 1, left(a), right(x), 1])
            assert_accurate(result, y, 1, a, x, 1)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS | ODD)
def test_gemv(instructions, new_builder, dtype, layout):
    for m, n in [*itertools.product([1, 2, 5, 8, 31, 64], [1, 3, 16, 37, 64]), (100, 512), (512, 100), (256, 256)]:
        a, x, y = sample((m, n), dtype), sample(n, dtype), sample(m, dtype)
        for vector in (np.ascontiguousarray, every_third, lambda v: v[::-1].copy()[::-1]):
            for alpha, beta in SCALES:
                operands = [vector(y), alpha, (LAYOUTS | ODD)[layout](a), vector(x), beta]
                assert_accurate(call(new_builder(), "gemv", dtype, (m,), operands), y, alpha, a, x, beta)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS | ODD)
def test_ger(instructions, new_builder, dtype, layout):
    for m, n in [*itertools.product([1, 2, 7, 33], [1, 3, 8, 40]), (128, 100)]:
        a, x, y = sample((m, n), dtype), sample(m, dtype), sample(n, dtype)
        for vector in (np.ascontiguousarray, every_third):
            for alpha, by_columns in itertools.product((1, -0.5, 0), (False, True)):
                operands = [(LAYOUTS | ODD)[layout](a), alpha, vector(x), vector(y)]
                result = call(new_builder(), "ger", dtype, (m, n), operands, by_columns)
                assert_accurate(result, a, alpha, x[:, None], y[None], 1)


@pytest.mark.parametrize("dtype", [*DTYPES, "complex64", "complex128"])
@pytest.mark.parametrize("batch", [(0,), (1,), (7,), (3, 2), (2, 1, 3)])
def test_batched_gemm(instructions, new_builder, dtype, batch):
    for m, k, n in ((1, 1, 1), (2, 3, 4), (8, 8, 8), (5, 16, 17), (3, 0, 2), (0, 2, 3), (40, 40, 40)):
        a, x = sample((*batch, m, k), dtype), sample((*batch, k, n), dtype)
        swapped = np.swapaxes(np.swapaxes(x, -1, -2).copy(), -1, -2)
        for left, right in ((a, x), (a, swapped), (every_third(a), x), (a[..., ::-1, :].copy()[..., ::-1, :], x)):
            b = new_builder()
            slots = [b.input(a.ndim, dtype), b.input(a.ndim, dtype)]
            out = b.array(a.ndim, dtype, tuple(b.reg("CONST", length) for length in (*batch, m, n)))
            b.full(f"gemm_batched_{dtype}", [out], slots, (a.ndim,))
            [result] = b.program(out)(left, right)
            exact = np.asarray(a, np.clongdouble) @ np.asarray(x, np.clongdouble)
            bound = (4 * k + 8) * np.finfo(dtype).eps * (abs(a) @ abs(x))
            assert np.all(abs(result - exact) <= bound)


def test_batches_of_different_numbers_are_refused(new_builder):
    b = new_builder()
    slots = [b.input(3), b.input(3)]
    out = b.array(3, regs=b.dims(slots[0]))
    b.full("gemm_batched_float64", [out], slots, (3,))
    with pytest.raises(ValueError, match="axis 0 has length 2 in the first operand, 3 in the second"):
        b.program(out)(np.zeros((2, 4, 4)), np.zeros((3, 4, 4)))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [2, 8, 16, 17, 40])
def test_what_is_no_number_propagates(instructions, new_builder, dtype, size):
    """A NaN or an infinity of an operand reaches its row or column and nothing else; y is not read where beta is 0."""
    a, x, nothing = sample((size, size), dtype), sample((size, size), dtype), np.full((size, size), np.nan, dtype)
    a[1, 0], x[0, size - 1] = np.nan, np.inf
    a[0, 0] = 1
    for left, right in itertools.product((np.ascontiguousarray, columns), repeat=2):
        result = call(new_builder(), "gemm", dtype, (size, size), [nothing, 1, left(a), right(x), 0])
        assert np.isnan(result[1]).all()
        np.testing.assert_array_equal(~np.isfinite(result[:, -1]), np.ones(size, bool))
        assert result[0, -1] == np.inf
        rest = np.delete(np.delete(result, 1, 0), -1, 1)
        assert np.isfinite(rest).all()
        vector = call(new_builder(), "gemv", dtype, (size,), [nothing[0], 1, left(a), sample(size, dtype), 0])
        np.testing.assert_array_equal(np.isnan(vector), np.arange(size) == 1)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["gemm", "gemv"])
def test_alpha_of_zero_is_left_to_blas(cvm, instructions, new_builder, dtype, name):
    """Whether a NaN times an alpha of 0 counts differs from one BLAS to the next: ours is no third answer."""
    a, v, y = np.full((8, 8), np.nan, dtype), sample(8, dtype), sample((8, 8), dtype)
    operands = [y, 0, a, a, -0.5] if name == "gemm" else [y[0], 0, a, v, -0.5]
    result = call(new_builder(), name, dtype, operands[0].shape, operands)
    cvm.set_products("blas")
    np.testing.assert_array_equal(result, call(new_builder(), name, dtype, operands[0].shape, operands))


@pytest.mark.parametrize("dtype", DTYPES)
def test_in_place_of_y(instructions, new_builder, dtype):
    """The result takes the memory of y, in the middle of vectors too."""
    for m, k, n in ((5, 7, 19), (16, 16, 16), (1, 40, 33), (33, 3, 1)):
        b = new_builder()
        y, a, x = b.input(2, dtype), b.input(2, dtype), b.input(2, dtype)
        copied = b.temp(2, dtype)
        b.copy(y, copied)
        out = b.temp(2, dtype, regs=(b.reg("DIM", a, 0), b.reg("DIM", x, 1)))
        b.full(f"gemm_{dtype}", [out], [copied, b.const(1, dtype), a, x, b.const(-0.5, dtype)], inplace=[(0, 0)])
        values = sample((m, n), dtype), sample((m, k), dtype), sample((k, n), dtype)
        [result] = b.program(b.copy(out))(*values)
        assert_accurate(result, values[0], 1, values[1], values[2], -0.5)


@pytest.mark.parametrize("dtype", DTYPES)
def test_no_less_accurate_than_blas(cvm, new_builder, dtype):
    """Root mean square of the errors of 40,000 sums, which varies by less than 2 % from draw to draw: at most a tenth
    more than that of BLAS."""
    a, x, y = sample((200, 256), dtype), sample((256, 200), dtype), sample((200, 200), dtype)
    exact = np.asarray(a, np.longdouble) @ np.asarray(x, np.longdouble)

    def error(rows):
        parts = [
            call(new_builder(), "gemm", dtype, (rows, 200), [y[i : i + rows], 1, a[i : i + rows], x, 0])
            for i in range(0, 200, rows)
        ]
        return float(np.sqrt(np.mean((np.concatenate(parts) - exact) ** 2)))

    ours = error(10)
    before = cvm.set_products("blas")
    try:
        blas = error(10)
    finally:
        cvm.set_products(before)
    assert ours <= 1.1 * blas


def test_kernels_are_chosen_by_name(cvm):
    best = cvm.set_products("blas")
    assert best in SETS
    assert cvm.set_products(None) == "blas" and cvm.set_products(best) == best
    with pytest.raises(ValueError, match="set_products\\('mmx'\\): this processor"):
        cvm.set_products("mmx")
    with pytest.raises(TypeError):
        cvm.set_products(3)
    with pytest.raises(ValueError, match="there is no way 'sideways'"):
        cvm.set_products(best, "sideways")
    assert cvm.set_products(best) == best


WAYS = ["spread", "dots", "blocked", "dots packed", "sweep"]
#: Rows, columns, lengths of the sum: fewer and more than a tile has, several blocks of the sum (256, 384 deep), lanes
#: that do not fill a vector.
BLOCKS = [(1, 40, 33), (2, 17, 400), (15, 9, 401), (61, 47, 20)]


@pytest.fixture(params=WAYS)
def way(request, cvm, instructions):
    """All products take this way where they can."""
    cvm.set_products(instructions, request.param)
    yield request.param
    cvm.set_products(instructions)


def wild(a):
    """A view with NaN around it and between its elements."""
    big = np.full((2 * a.shape[0] + 3, 3 * a.shape[1] + 5), np.nan, a.dtype)
    big[2:-1:2, 1:-4:3] = a
    return big[2:-1:2, 1:-4:3]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", BLOCKS)
def test_every_way_in_every_order(way, new_builder, dtype, size):
    m, n, k = size
    a, x, y = sample((m, k), dtype), sample((k, n), dtype), sample((m, n), dtype)
    orders = [np.ascontiguousarray, columns]
    for left, right, by_columns in [*itertools.product(orders, orders, [False, True]), (wild, wild, False)]:
        before = columns(y) if by_columns else y
        beta = -0.5 if left is not right else 1
        result = call(new_builder(), "gemm", dtype, (m, n), [before, -0.5, left(a), right(x), beta], by_columns)
        assert_accurate(result, y, -0.5, a, x, beta)


@pytest.mark.parametrize("dtype", DTYPES)
def test_several_blocks_of_columns(way, new_builder, dtype):
    """More of the second operand than the 512 KB that one block may take."""
    a, x = sample((16, 250), dtype), sample((250, 560), dtype)
    y = np.zeros((16, 560), dtype)
    for right in (x, columns(x)):
        assert_accurate(call(new_builder(), "gemm", dtype, (16, 560), [y, 1, a, right, 0]), y, 1, a, x, 0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_rows_a_multiple_of_a_page_apart(way, new_builder, dtype):
    a, x = sample((50, 70), dtype), np.full((70, 4096), np.nan, dtype)
    x[:, 5:42] = sample((70, 37), dtype)
    y = np.zeros((50, 37), dtype)
    assert_accurate(call(new_builder(), "gemm", dtype, (50, 37), [y, 1, a, x[:, 5:42], 0]), y, 1, a, x[:, 5:42], 0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(30, 40, 300), (3, 20, 500), (200, 10, 33)])
def test_nothing_but_the_operands_is_read_and_what_is_no_number_propagates(way, new_builder, dtype, shape):
    """With beta = 0 what the result held does not show; infinities and NaN reach their row or column and no other."""
    m, n, k = shape
    y = np.full((m, n), np.nan, dtype)
    a, x = sample((m, k), dtype), sample((k, n), dtype)
    a[1, k // 2], x[k - 1, n - 2], a[2, k - 1] = np.inf, np.nan, 0  # 0 * NaN is NaN
    for operands in ([a, x], [columns(a), x], [a, columns(x)], [wild(a), wild(x)]):
        result = call(new_builder(), "gemm", dtype, (m, n), [y, 1, *operands, 0])
        expected = np.zeros((m, n), bool)
        expected[1], expected[:, n - 2] = True, True
        np.testing.assert_array_equal(~np.isfinite(result), expected)
        assert np.isnan(result[:, n - 2]).all() and np.isinf(result[1, : n - 2]).all()
        np.testing.assert_array_equal(np.sign(result[1, 0]), np.sign(x[k // 2, 0]))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("by_columns", [False, True])
@pytest.mark.parametrize("shape", [(300, 10, 20), (47, 50, 300), (12, 200, 20)])
def test_gradients_are_added_in_place(cvm, way, new_builder, dtype, shape, by_columns):
    """``W = W - rate * x.T @ d`` in the memory of ``W``, as a step of training does it."""
    m, n, k = shape
    w, x, d = sample((m, n), dtype), sample((k, m), dtype), sample((k, n), dtype)
    b = new_builder()
    source, *inputs = [b.input(2, dtype) for _ in "wxd"]
    lengths = tuple(b.reg("DIM", source, axis) for axis in ((1, 0) if by_columns else (0, 1)))
    target = b.temp(2, dtype, lengths)
    view = b.dimshuffle(target, (1, 0)) if by_columns else target
    b.copy(source, view)
    scales = [b.const(scale, dtype) for scale in (-0.25, 0.5)]
    b.full(f"gemm_{dtype}", [view], [view, scales[0], b.dimshuffle(inputs[0], (1, 0)), inputs[1], scales[1]])
    result = b.program(b.copy(view))(w, x, d)[0]
    assert_accurate(result, w, -0.25, x.T, d, 0.5)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("way_and_shape", [("blocked", (256, 100, 500)), ("dots packed", (300, 10, 784))])
def test_blocks_are_no_less_accurate_than_blas(cvm, new_builder, dtype, way_and_shape):
    way, (m, n, k) = way_and_shape
    a, x = rng.random((m, k)).astype(dtype), rng.random((k, n)).astype(dtype)
    exact = np.asarray(a, np.longdouble) @ np.asarray(x, np.longdouble)
    y = np.zeros((m, n), dtype)

    def error(name, way=None):
        before = cvm.set_products(name, way)
        try:
            result = call(new_builder(), "gemm", dtype, (m, n), [y, 1, a, x, 0])
        finally:
            cvm.set_products(before)
        return float(np.sqrt(np.mean((result - exact) ** 2)))

    assert error(None, way) <= 1.1 * error("blas")


def test_large_products_are_left_to_a_blas_with_threads(cvm, new_builder):
    """The results of the two differ in their last bits, by which they can be told apart."""
    a, x, y = sample((64, 700), "float32"), sample((700, 300), "float32"), np.zeros((64, 300), "float32")

    def result(name, threads):
        before = cvm.set_products(name)
        cvm.share_products(threads)
        try:
            return call(new_builder(), "gemm", "float32", (64, 300), [y, 1, a, x, 0])
        finally:
            cvm.share_products(1)
            cvm.set_products(before)

    of_blas = result("blas", 1)
    for threads in (0, 2):
        np.testing.assert_array_equal(result(None, threads), of_blas)
    if cvm.set_products(None) in ("avx512", "avx2"):
        assert (result(None, 1) != of_blas).any()
    with pytest.raises(TypeError):
        cvm.share_products("many")
