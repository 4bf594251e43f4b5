"""Prebuilt routines against NumPy: BLAS on any strides, indexing by integer vectors."""

import numpy as np
import pytest

rng = np.random.default_rng(4)

DTYPES = ["float32", "float64", "complex64", "complex128"]


def sample(shape, dtype):
    value = rng.integers(-4, 5, shape).astype(dtype)
    if np.dtype(dtype).kind == "c":
        value = value + 1j * rng.integers(-4, 5, shape).astype(dtype)
    return value.astype(dtype)


LAYOUTS = {
    "rows": lambda a: np.ascontiguousarray(a),
    "columns": lambda a: np.asfortranarray(a),
    "row-window": lambda a: window(a, (2, 3)),
    "column-window": lambda a: window(a.T, (1, 5)).T,
    "odd": lambda a: np.repeat(np.repeat(a, 2, 0), 3, 1)[::2, ::3],
    "negative": lambda a: a[::-1, ::-1].copy()[::-1, ::-1],
    "negative-rows": lambda a: a[::-1].copy()[::-1],
}


def window(a, margin):
    big = np.full((a.shape[0] + margin[0], a.shape[1] + margin[1]), 99, a.dtype)
    inner = big[margin[0] :, margin[1] :]
    inner[...] = a
    return inner


VECTORS = {
    "contiguous": lambda v: v.copy(),
    "strided": lambda v: np.repeat(v, 3)[::3],
    "negative": lambda v: v[::-1].copy()[::-1],
    "negative-strided": lambda v: np.repeat(v[::-1], 2)[::-2],
    "half-strided": lambda v: half_strided(v),
    "broadcast": lambda v: np.broadcast_to(v[:1], v.shape) if v.size else v,
}


def half_strided(v):
    """A stride that is no multiple of the itemsize (records of one and a half items), aligned all the same."""
    if v.dtype.itemsize < 16 or v.dtype.kind != "c":
        return v.copy()
    raw = np.zeros(v.size * 24 + 24, np.uint8)
    out = np.ndarray(v.shape, v.dtype, raw.data, 0, (24,))
    out[...] = v
    return out


def gemm(b, dtype, y, a, x, alpha, beta, out_kind="array"):
    slots = [b.input(2, dtype) for _ in range(3)]
    scalars = [b.const(alpha, dtype), b.const(beta, dtype)]
    regs = (b.reg("DIM", slots[1], 0), b.reg("DIM", slots[2], 1))
    if out_kind == "array":
        out = target = b.array(2, dtype, regs)
    elif out_kind == "columns":
        base = b.temp(2, dtype, regs[::-1])
        target = b.dimshuffle(base, (1, 0))
    else:  # every second row, backwards
        base = b.temp(2, dtype, (b.reg("MUL", regs[0], b.reg("CONST", 2)), b.reg("MUL", regs[1], b.reg("CONST", 2))))
        target = b.subtensor(base, slice(None, None, -2), slice(None, None, 2))
    b.full(f"gemm_{dtype}", [target], [slots[0], scalars[0], slots[1], slots[2], scalars[1]])
    out = target if out_kind == "array" else b.copy(target)
    return b.program(out)(y, a, x)[0]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("other", LAYOUTS)
def test_gemm_layouts(new_builder, dtype, layout, other):
    a, x, y = sample((5, 4), dtype), sample((4, 3), dtype), sample((5, 3), dtype)
    for out_kind in ("array", "columns", "odd"):
        for alpha, beta in ((1, 0), (2, 1), (-1, 3)):
            result = gemm(
                new_builder(), dtype, LAYOUTS[other](y), LAYOUTS[layout](a), LAYOUTS[other](x), alpha, beta, out_kind
            )
            np.testing.assert_array_equal(result, beta * y + alpha * (a @ x))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "shape", [(0, 3, 2), (2, 0, 3), (2, 3, 0), (0, 0, 0), (1, 1, 1), (1, 5, 1), (4, 1, 3), (1, 4, 6), (6, 3, 1)]
)
def test_gemm_sizes(new_builder, dtype, shape):
    m, k, n = shape
    a, x, y = sample((m, k), dtype), sample((k, n), dtype), sample((m, n), dtype)
    for layout in ("rows", "columns", "odd"):
        for out_kind in ("array", "columns"):
            for beta in (0, 1, 2):
                result = gemm(new_builder(), dtype, y, LAYOUTS[layout](a), LAYOUTS[layout](x), 3, beta, out_kind)
                np.testing.assert_array_equal(result, beta * y + 3 * (a @ x))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [1, 3, 16, 40])
def test_y_is_not_read_where_beta_is_zero(new_builder, dtype, size):
    a, v = sample((size, size), dtype), sample(size, dtype)
    garbage = np.full((size, size), np.nan, dtype)
    np.testing.assert_array_equal(gemm(new_builder(), dtype, garbage, a, a, 1, 0), a @ a)
    np.testing.assert_array_equal(gemm(new_builder(), dtype, garbage, a, a, 1, 0, "columns"), a @ a)
    for layout in ("rows", "columns"):
        result = gemv(new_builder(), dtype, garbage[0], LAYOUTS[layout](a), v, 1, 0)
        np.testing.assert_array_equal(result, a @ v)
    # a recycled output full of NaN stands where y would be: the plain dot
    b = new_builder()
    left, right = b.input(2, dtype), b.input(2, dtype)
    out = b.array(2, dtype, (b.reg("DIM", left, 0), b.reg("DIM", right, 1)))
    b.full(f"gemm_{dtype}", [out], [out, b.const(1, dtype), left, right, b.const(0, dtype)])
    f = b.program(out)
    f(a, a)[0].fill(np.nan)
    np.testing.assert_array_equal(f(a, a)[0], a @ a)


def gemv(b, dtype, y, a, x, alpha, beta, odd=False):
    ys, matrix, xs = b.input(1, dtype), b.input(2, dtype), b.input(1, dtype)
    scalars = [b.const(alpha, dtype), b.const(beta, dtype)]
    rows = b.reg("DIM", matrix, 0)
    if odd:
        base = b.temp(1, dtype, (b.reg("MUL", rows, b.reg("CONST", 3)),))
        target = b.subtensor(base, slice(None, None, -3))
    else:
        target = b.array(1, dtype, (rows,))
    b.full(f"gemv_{dtype}", [target], [ys, scalars[0], matrix, xs, scalars[1]])
    return b.program(b.copy(target) if odd else target)(y, a, x)[0]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("vector", VECTORS)
def test_gemv(new_builder, dtype, layout, vector):
    for m, n in ((5, 4), (1, 4), (4, 1), (0, 3), (3, 0), (1, 1)):
        a = LAYOUTS[layout](sample((m, n), dtype))
        x, y = VECTORS[vector](sample(n, dtype)), VECTORS[vector](sample(m, dtype))
        for odd in (False, True):
            for beta in (0, 1, 2):
                result = gemv(new_builder(), dtype, y, a, x, 3, beta, odd)
                np.testing.assert_array_equal(result, beta * y + 3 * (a @ x))


def ger(b, dtype, a, x, y, alpha, kind="array"):
    matrix, xs, ys = b.input(2, dtype), b.input(1, dtype), b.input(1, dtype)
    regs = (b.reg("DIM", xs, 0), b.reg("DIM", ys, 0))
    if kind == "array":
        target = b.array(2, dtype, regs)
    elif kind == "columns":
        target = b.dimshuffle(b.temp(2, dtype, regs[::-1]), (1, 0))
    else:
        base = b.temp(2, dtype, (regs[0], b.reg("MUL", regs[1], b.reg("CONST", 2))))
        target = b.subtensor(base, slice(None, None, -1), slice(None, None, 2))
    b.full(f"ger_{dtype}", [target], [matrix, b.const(alpha, dtype), xs, ys])
    return b.program(target if kind == "array" else b.copy(target))(a, x, y)[0]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("vector", VECTORS)
@pytest.mark.parametrize("kind", ["array", "columns", "odd"])
def test_ger(new_builder, dtype, vector, kind):
    for m, n in ((5, 4), (1, 4), (4, 1), (0, 3), (3, 0)):
        a, x, y = sample((m, n), dtype), VECTORS[vector](sample(m, dtype)), VECTORS[vector](sample(n, dtype))
        for layout in ("rows", "columns", "odd"):
            result = ger(new_builder(), dtype, LAYOUTS[layout](a), x, y, 2, kind)
            np.testing.assert_array_equal(result, a + 2 * np.outer(x, y))


def test_gemm_in_place_of_y(b):
    """With y a dead temporary and the hint given, BLAS accumulates into it: no copy, one buffer."""
    x, w = b.input(2), b.input(2)
    y = b.temp(2)
    b.elementwise("inc", y, x)
    out = b.temp(2, regs=(b.reg("DIM", w, 0), b.reg("DIM", w, 1)))
    b.full("gemm_float64", [out], [y, b.const(1.0), w, w, b.const(2.0)], inplace=[(0, 0)])
    f = b.program(b.copy(out))
    a, m = sample((8, 8), "float64"), sample((8, 8), "float64")
    np.testing.assert_array_equal(f(a, m)[0], 2 * (a + 1) + m @ m)
    assert f.stats["arena_bytes"] < 2 * 8 * 8 * 8


def test_blas_shape_errors(new_builder):
    f8 = "float64"
    square = np.zeros((3, 3))
    with pytest.raises(ValueError, match=r"shapes \(3, 4\) and \(5, 3\)"):
        gemm(new_builder(), f8, square, np.zeros((3, 4)), np.zeros((5, 3)), 1, 1)
    with pytest.raises(ValueError, match=r"matrix \(3, 3\) and a vector \(4\)"):
        gemv(new_builder(), f8, np.zeros(3), square, np.zeros(4), 1, 1)
    with pytest.raises(ValueError, match=r"vectors \(3\) and \(4\) added to \(3, 3\)"):
        ger(new_builder(), f8, square, np.zeros(3), np.zeros(4), 1)


def test_lengths_beyond_32_bits_are_refused(new_builder):
    """A stride-0 operand of 2**31 columns costs no memory; BLAS could not take it."""
    huge = np.broadcast_to(np.float64(1.0), (2**31,))
    with pytest.raises(ValueError, match="length 2147483648 does not fit"):
        gemv(new_builder(), "float64", np.zeros(1), huge[None], huge, 1, 0)
    with pytest.raises(ValueError, match="length 2147483648 does not fit"):
        gemm(new_builder(), "float64", np.zeros((1, 1)), huge[None], huge[:, None], 1, 0)
    with pytest.raises(ValueError, match="length 2147483648 does not fit"):
        b = new_builder()
        a, x, y = b.input(2), b.input(1), b.input(1)
        none = b.array(2, regs=(b.reg("CONST", 0), b.reg("DIM", y, 0)))
        b.full("ger_float64", [none], [a, b.const(1.0), x, y])
        b.program(none)(np.zeros((0, 2**31)), np.zeros(0), huge)


# -- indexing ---------------------------------------------------------------------------------------------------------


def gather(b, x, *indices):
    slots = [b.input(x.ndim, x.dtype), *(b.input(1, "i8") for _ in indices)]
    rest = tuple(b.reg("DIM", slots[0], a) for a in range(len(indices), x.ndim))
    out = b.array(1 + len(rest), x.dtype, (b.reg("DIM", slots[1], 0), *rest))
    b.full("gather", [out], slots, (len(indices), x.ndim, x.itemsize, 0))
    return b.program(out)(x, *indices)[0]


ROWS = {
    "rows": lambda a: a.copy(),
    "fortran": lambda a: np.array(a, order="F"),
    "negative": lambda a: a[::-1].copy()[::-1],
    "strided": lambda a: np.repeat(a, 2, a.ndim - 1)[..., ::2],
}


@pytest.mark.parametrize("dtype", ["b1", "i2", "f4", "f8", "c16"])
@pytest.mark.parametrize("layout", ROWS)
def test_gather(new_builder, dtype, layout):
    for shape in ((6,), (6, 3), (6, 1, 2), (6, 0)):
        x = ROWS[layout](rng.integers(0, 2, shape).astype(dtype))
        for index in ([0, 5, -1, -6, 2, 2], [], [3]):
            index = np.array(index, "i8")
            np.testing.assert_array_equal(gather(new_builder(), x, index), x[index])
    x = ROWS[layout](rng.integers(0, 2, (4, 5, 3)).astype(dtype))
    i, j = np.array([0, 3, -1, 2]), np.array([4, -5, 0, 0])
    np.testing.assert_array_equal(gather(new_builder(), x, i, j), x[i, j])
    np.testing.assert_array_equal(gather(new_builder(), x, i, j, np.array([2])), x[i, j, 2])
    np.testing.assert_array_equal(gather(new_builder(), x, i[::-2], j[::-2]), x[i[::-2], j[::-2]])


def test_index_errors(new_builder):
    x = np.zeros((5, 3))
    for index, message in (
        ([0, 7], "index 7 is out of bounds for axis 0 with size 5"),
        ([-6], "index -6 .* axis 0 with size 5"),
    ):
        with pytest.raises(IndexError, match=message):
            gather(new_builder(), x, np.array(index))
        with pytest.raises(IndexError, match=message):
            scatter(new_builder(), "scatter_set", x, np.zeros((len(index), 3)), np.array(index))
    with pytest.raises(IndexError, match="index 3 is out of bounds for axis 1 with size 3"):
        gather(new_builder(), x, np.array([4]), np.array([3]))
    with pytest.raises(IndexError, match="axis 0 with size 0"):
        gather(new_builder(), np.zeros((0, 3)), np.array([0]))
    with pytest.raises(IndexError, match="index vector 1 has length 3 where 2 rows"):
        gather(new_builder(), x, np.array([0, 1]), np.array([0, 1, 2]))
    with pytest.raises(ValueError, match="values have length 2 along axis 1 where .* 3"):
        scatter(new_builder(), "scatter_set", x, np.zeros((1, 2)), np.array([0]))
    with pytest.raises(ValueError, match="values have length 5 along axis 0 where .* 1"):
        scatter(new_builder(), "scatter_set", x, np.zeros((5, 3)), np.array([0]))
    with pytest.raises(ValueError, match="length 1 along axis 0 where .* 2. A length of 1 is stretched only if"):
        scatter(new_builder(), "scatter_set", x, np.zeros((1, 3)), np.array([0, 1]), stretch=2)


def scatter(b, name, x, values, *indices, stretch=-1):
    slots = [b.input(x.ndim, x.dtype), b.input(values.ndim, x.dtype), *(b.input(1, "i8") for _ in indices)]
    out = b.array(x.ndim, x.dtype, b.dims(slots[0]))
    b.full(name, [out], slots, (len(indices), x.ndim, x.itemsize, 0, stretch))
    return b.program(out)(x, values, *indices)[0]


ADDS = [
    "bool",
    "int8",
    "uint8",
    "int16",
    "uint16",
    "int32",
    "uint32",
    "int64",
    "uint64",
    "float32",
    "float64",
    "complex64",
    "complex128",
]


@pytest.mark.parametrize("dtype", ADDS)
@pytest.mark.parametrize("layout", ROWS)
def test_scatter(new_builder, dtype, layout):
    for shape in ((6,), (6, 3), (6, 1, 2), (6, 0)):
        x = ROWS[layout](rng.integers(0, 2, shape).astype(dtype))
        for index in ([0, 5, -1, -6, 2, 2, 2], []):
            index = np.array(index, "i8")
            values = ROWS[layout](rng.integers(0, 2, (len(index), *shape[1:])).astype(dtype))
            for given in (values, values[:1]):
                check_scatter(new_builder, x, given, index)
    x = ROWS[layout](rng.integers(0, 2, (4, 5, 3)).astype(dtype))
    i, j = np.array([0, 3, -1, 3]), np.array([4, -5, 0, 0])
    check_scatter(new_builder, x, rng.integers(0, 2, (4, 3)).astype(dtype), i, j)
    check_scatter(new_builder, x, rng.integers(0, 2, (4, 1)).astype(dtype), i, j)
    check_scatter(new_builder, x, rng.integers(0, 2, 4).astype(dtype), i, j, np.array([1]))


def check_scatter(new_builder, x, values, *index):
    if values.shape[0] == 0 and index[0].size:
        return
    kept = x.copy()
    expected = x.copy()
    np.add.at(expected, tuple(np.broadcast_arrays(*index)), values)
    np.testing.assert_array_equal(scatter(new_builder(), f"scatter_add_{x.dtype}", x, values, *index), expected)
    expected = x.copy()
    for row, where in enumerate(zip(*np.broadcast_arrays(*index), strict=True)):  # in order: the last one wins
        expected[where] = values[min(row, values.shape[0] - 1)]
    np.testing.assert_array_equal(scatter(new_builder(), "scatter_set", x, values, *index), expected)
    np.testing.assert_array_equal(x, kept)


def test_integer_sums_wrap(new_builder):
    x = np.array([127, 0], "i1")
    result = scatter(new_builder(), "scatter_add_int8", x, np.array([1, 1], "i1"), np.array([0, 0]))
    np.testing.assert_array_equal(result, np.array([-127, 0], "i1"))


def test_gradient_of_a_choice_per_row(new_builder):
    """log_prob[arange(n), y] and what its gradient adds back."""
    logp = rng.normal(size=(6, 4))
    rows, y = np.arange(6), np.array([3, 0, 1, 1, 2, 3])
    np.testing.assert_array_equal(gather(new_builder(), logp, rows, y), logp[rows, y])
    expected = np.zeros((6, 4))
    expected[rows, y] = -1
    result = scatter(new_builder(), "scatter_add_float64", np.zeros((6, 4)), np.full(6, -1.0), rows, y)
    np.testing.assert_array_equal(result, expected)


def test_blas_without_pointers_is_refused():
    """In a fresh process: nothing has loaded SciPy's pointers yet."""
    import subprocess
    import sys

    code = (
        "from symcodegen import extension\n"
        "c = extension.load()\n"
        "try:\n"
        "    c.Program([(c.TEMP, 12, 1, None)], [(c.FULL, c.routines['gemm_float64'], (0,), (), (), (), (), 0, 1, 0)],"
        " [], [], [], [])\n"
        "except RuntimeError as error: print(error)\n"
        "import sys; print('scipy.linalg' in sys.modules)\n"
        "from symcodegen import blas; blas.load(); print('scipy.linalg' in sys.modules)\n"
        "import scipy.linalg; print(scipy.linalg.blas.ddot([1.0, 2.0], [3.0, 4.0]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert "Call symcodegen.blas.load() first" in lines[0]
    assert lines[1:] == ["False", "False", "11.0"]
