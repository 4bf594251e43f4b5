"""Elementwise kernels, shapes, views, registers, errors: one call at a time."""

import numpy as np
import pytest

rng = np.random.default_rng(1)


def test_increment(b):
    x = b.input(1)
    y = b.array(1)
    b.elementwise("inc", y, x)
    f = b.program(y)
    value = np.arange(5.0)
    [result] = f(value)
    np.testing.assert_array_equal(result, value + 1)
    assert result.flags.owndata and result.flags.c_contiguous and result.dtype == np.float64


@pytest.mark.parametrize(
    "shapes",
    [
        ((3, 4), (3, 4)),
        ((3, 4), (4,)),
        ((3, 1), (1, 4)),
        ((0, 4), (1, 4)),
        ((1, 1), (1, 1)),
        ((), (2, 3)),
        ((), ()),
        ((5, 0), (5, 1)),
    ],
)
def test_broadcasting(b, shapes):
    left, right = (rng.normal(size=shape) for shape in shapes)
    x, y = b.input(left.ndim), b.input(right.ndim)
    out = b.array(max(left.ndim, right.ndim))
    first, second = (x, y) if left.ndim >= right.ndim else (y, x)
    b.elementwise("add", out, first, second)
    [result] = b.program(out)(left, right)
    np.testing.assert_array_equal(result, left + right)
    assert result.shape == (left + right).shape


LAYOUTS = {
    "contiguous": lambda a: a.copy(),
    "fortran": lambda a: np.asfortranarray(a),
    "sliced": lambda a: np.repeat(np.repeat(a, 2, 0), 3, 1)[::2, ::3],
    "negative": lambda a: a[::-1, ::-1].copy()[::-1, ::-1],
    "broadcast": lambda a: np.broadcast_to(a[:1], a.shape),
    "read-only": lambda a: _readonly(a.copy()),
    "transposed": lambda a: a.T.copy().T,
}


def _readonly(a):
    a.flags.writeable = False
    return a


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", [(3, 5), (1, 5), (4, 1), (0, 3), (2, 0)])
def test_layouts(b, layout, shape):
    value = LAYOUTS[layout](np.arange(float(np.prod(shape))).reshape(shape))
    x, y = b.input(2), b.input(2)
    out, total = b.array(2), b.array(1)
    b.elementwise("add", out, x, y)
    b.reduce("sum", total, x, (0,))
    f = b.program(out, total)
    kept = value.copy()
    result, columns = f(value, np.ones(shape))
    np.testing.assert_array_equal(result, value + 1)
    np.testing.assert_array_equal(columns, value.sum(0))
    np.testing.assert_array_equal(value, kept)


def misaligned(a):
    raw = np.zeros(a.nbytes + 1, np.uint8)
    shifted = raw[1 : 1 + a.nbytes].view(a.dtype).reshape(a.shape)
    shifted[...] = a
    assert not shifted.flags.aligned
    return shifted


class Sub(np.ndarray):
    pass


@pytest.mark.parametrize(
    "make",
    [misaligned, lambda a: a.astype(">f8"), lambda a: a.astype("f4"), lambda a: a.tolist(), lambda a: a.view(Sub)],
)
def test_improper_arguments_go_to_the_filter(b, make):
    asked = []

    def accept(value):
        asked.append(value)
        return np.require(np.asarray(value), "f8", ["A", "E"])

    x = b.input(1, filter=accept)
    y = b.array(1)
    b.elementwise("inc", y, x)
    f = b.program(y)
    value = np.arange(4.0)
    np.testing.assert_array_equal(f(make(value))[0], value + 1)
    assert len(asked) == 1
    f(value)
    assert len(asked) == 1


def test_without_filter_a_type_error_says_what_is_needed(b):
    x = b.input(1, lengths=(3,))
    y = b.array(1)
    b.elementwise("inc", y, x)
    f = b.program(y)
    for wrong in (np.zeros(4), np.zeros((3, 1)), np.zeros(3, "f4"), [1.0, 2.0, 3.0], None, misaligned(np.zeros(3))):
        with pytest.raises(TypeError, match=r"argument 0 must be .* float64 and rank 1"):
            f(wrong)
    with pytest.raises(TypeError, match="1 inputs; got 2"):
        f(np.zeros(3), np.zeros(3))
    with pytest.raises(TypeError, match="keyword"):
        f(x=np.zeros(3))
    np.testing.assert_array_equal(f(np.zeros(3))[0], np.ones(3))


def test_a_filter_that_raises_or_returns_nonsense(b):
    def refuse(value):
        if value == "bad":
            raise KeyError("no")
        return value

    x = b.input(0, filter=refuse)
    y = b.array(0)
    b.elementwise("inc", y, x)
    f = b.program(y)
    with pytest.raises(KeyError):
        f("bad")
    with pytest.raises(TypeError, match="argument 0"):
        f("nonsense")
    assert f(1.5)[0] == 2.5


def test_python_numbers(b):
    x, n = b.input(0), b.input(0, "i8")
    y, m = b.array(0), b.array(0, "i8")
    b.elementwise("inc", y, x)
    b.elementwise("addi", m, n, n)
    f = b.program(y, m)
    assert [float(v) for v in f(2.5, 4)] == [3.5, 8]
    assert f(2.5, -(2**62))[1] == -(2**63)
    with pytest.raises(TypeError, match="argument 1"):
        f(2.5, 2**63)
    with pytest.raises(TypeError, match="argument 1"):
        f(2.5, True)
    with pytest.raises(TypeError, match="argument 0"):
        f(2, 4)


def test_broadcast_mismatch_is_a_shape_error(b):
    seen = []

    def on_error(tag, kind, message, operands, cause, slots):
        seen.append((tag, kind, operands, cause))
        assert {("float64", (2, 3), (24, 8)), operands[2]} <= {*slots}
        return ValueError(f"node {tag}: {message}")

    x, y = b.input(2), b.input(1)
    t, out = b.temp(2), b.array(2)
    b.elementwise("inc", t, x)
    b.elementwise("add", out, t, y, stretch=False)
    f = b.program(out, on_error=on_error)
    with pytest.raises(ValueError, match=r"node 101: input 1 has length 4 along axis 0, where .* length 3"):
        f(np.zeros((2, 3)), np.zeros(4))
    [(tag, kind, operands, cause)] = seen
    assert (tag, kind, cause) == (101, "shape", None)
    assert operands == (None, ("float64", (2, 3), (24, 8)), ("float64", (4,), (8,)))
    with pytest.raises(ValueError, match="only an axis declared broadcastable"):  # length 1 is not stretched here
        f(np.zeros((2, 3)), np.zeros(1))
    np.testing.assert_array_equal(f(np.zeros((2, 3)), np.zeros(3))[0], np.ones((2, 3)))


def test_on_error_itself_may_fail(b):
    for answer, expected in ((lambda *a: 3, TypeError), (lambda *a: 1 / 0, ZeroDivisionError), (None, ValueError)):
        c = type(b)(b.c, b.k)
        x, y, out = c.input(1), c.input(1), c.array(1)
        c.elementwise("add", out, x, y, stretch=False)
        with pytest.raises(expected):
            c.program(out, on_error=answer)(np.zeros(2), np.zeros(3))


def test_kernel_errors(b):
    x = b.input(0)
    out = b.array(0)
    b.elementwise("always_fails", out, x)
    with pytest.raises(ValueError, match="this kernel fails with 42 and reason"):
        b.program(out)(1.0)
    c = type(b)(b.c, b.k)
    x, out = c.input(0), c.array(0)
    c.elementwise("fails_silently", out, x)
    with pytest.raises(IndexError, match="returned error 3 without a message"):
        c.program(out)(1.0)


@pytest.mark.parametrize(
    "shape,over",
    [
        ((3, 4), (0,)),
        ((3, 4), (1,)),
        ((3, 4), (0, 1)),
        ((0, 4), (0,)),
        ((3, 0), (1,)),
        ((2, 3, 4), (0, 2)),
        ((2, 1, 4), (1,)),
        ((), ()),
    ],
)
def test_reductions(b, shape, over):
    value = rng.integers(-9, 9, shape).astype(float)
    x = b.input(len(shape))
    out = b.array(len(shape) - len(over))
    b.reduce("sum", out, x, over)
    f = b.program(out)
    np.testing.assert_array_equal(f(value)[0], value.sum(over))
    np.testing.assert_array_equal(f(np.array(value, order="F"))[0], value.sum(over))


def loops_seen(b, *values):
    """What `loops` reports for operands of these layouts: the collapsed lengths."""
    ins = [b.input(v.ndim) for v in values]
    probe = b.input(1, "i8")
    ndim = values[0].ndim
    out = b.array(ndim)
    axes = (tuple(range(ndim)), (-1,) * ndim, *((tuple(range(ndim)),) * len(ins)))
    stretch = (0, 0, *(((1 << ndim) - 1,) * len(ins)))
    b.node(b.c.COLLAPSED, b.k.loops, [out], [probe, *ins], (axes, stretch), (), b.c.REORDER)
    seen = np.full(8, -1)
    b.program(out)(*values, seen)
    return seen[1 : 1 + seen[0]].tolist()


def test_loops_are_merged_and_ordered(new_builder):
    a = np.zeros((4, 5, 6))
    assert loops_seen(new_builder(), a) == [120]
    assert loops_seen(new_builder(), a[:, :, :5]) == [20, 5]
    assert loops_seen(new_builder(), a[:, :, ::2]) == [60]
    assert loops_seen(new_builder(), a[:, :1]) == [4, 6]
    assert loops_seen(new_builder(), np.zeros((4, 1, 6))) == [24]
    assert loops_seen(new_builder(), np.zeros((1, 1, 1))) == []
    assert loops_seen(new_builder(), a, a[:1]) == [4, 30]
    assert loops_seen(new_builder(), np.asfortranarray(a))[-1] == 6


def test_full_layout(b):
    x = b.input(2)
    n = b.reg("CONST", 8)
    out = b.array(1, "i8", (n,))
    b.full("dump", [out], [x], (5, 3))
    [result] = b.program(out)(np.zeros((3, 4), order="F"))
    assert result.tolist() == [5, 3, 8, 3, 4, 8, 8, 24]


def test_views(b):
    x = b.input(3)
    transposed = b.dimshuffle(x, (2, -1, 0, 1))
    part = b.subtensor(transposed, slice(None, None, -1), 0, slice(1, None))
    out = b.copy(part)
    value = np.arange(24.0).reshape(2, 3, 4)
    [result] = b.program(out)(value)
    np.testing.assert_array_equal(result, value.transpose(2, 0, 1)[::-1, None][:, 0, 1:])


SLICES = [
    slice(None),
    slice(1, None),
    slice(-2, None),
    slice(None, None, 2),
    slice(None, None, -1),
    slice(8, 2, -1),
    slice(5, 1, -2),
    slice(3, 3),
    slice(10, 20),
    slice(-20, 2),
    slice(-1, -20, -3),
    slice(None, None, 2**31 - 1),
    slice(None, 0, -1),
]


@pytest.mark.parametrize("n", [0, 1, 5, 9])
@pytest.mark.parametrize("item", SLICES, ids=str)
def test_slices(b, item, n):
    x = b.input(1)
    out = b.copy(b.subtensor(x, item))
    value = np.arange(float(n))
    np.testing.assert_array_equal(b.program(out)(value)[0], value[item])


def test_index_out_of_bounds(b):
    x = b.input(2)
    out = b.copy(b.subtensor(x, slice(None), 7))
    f = b.program(out)
    with pytest.raises(IndexError, match="index 7 is out of bounds for axis 1 with size 5"):
        f(np.zeros((3, 5)))
    np.testing.assert_array_equal(f(np.arange(16.0).reshape(2, 8))[0], [7, 15])


def test_dropping_an_axis_that_is_not_one(b):
    x = b.input(2)
    out = b.copy(b.dimshuffle(x, (1,)))
    f = b.program(out)
    with pytest.raises(ValueError, match="axis 0 has length 2 and cannot be dropped"):
        f(np.zeros((2, 5)))
    np.testing.assert_array_equal(f(np.ones((1, 5)))[0], np.ones(5))


RESHAPES = [
    ((6, 4), (24,)),
    ((6, 4), (2, 3, -1)),
    ((6, 4), (4, 6)),
    ((2, 3, 4), (6, 4)),
    ((2, 3, 4), (2, 12)),
    ((24,), (1, 24, 1)),
    ((1, 1), ()),
    ((), (1, 1)),
    ((0, 3), (3, 0)),
    ((0, 3), (-1, 3)),
    ((2, 6), (2, 2, 3, 1)),
]


@pytest.mark.parametrize("layout", ["contiguous", "fortran", "sliced", "transposed"])
@pytest.mark.parametrize("shape,to", RESHAPES)
def test_reshape(b, shape, to, layout):
    value = np.arange(float(np.prod(shape))).reshape(shape)
    if value.ndim == 2:
        value = LAYOUTS[layout](value)
    elif layout == "sliced":
        value = np.repeat(value, 2, -1)[..., ::2] if value.ndim else value
    elif layout != "contiguous":
        value = np.array(value, order="F")
    x = b.input(len(shape))
    y = b.temp(len(shape))
    b.elementwise("inc", y, x)
    from_input, from_temp = b.reshape(x, *to), b.reshape(y, *to)
    out = b.array(len(to))
    b.elementwise("add", out, from_input, from_temp)
    np.testing.assert_array_equal(b.program(out)(value)[0], (2 * value + 1).reshape(to))


def test_reshape_errors(new_builder):
    for to, message in (
        ((5,), r"6 elements into shape \(5\)"),
        ((-1, -1), "length -1 along axis 1"),
        ((-2, 3), "length -2"),
        ((4, -1), r"shape \(4, -1\)"),
    ):
        b = new_builder()
        x = b.input(2)
        out = b.copy(b.reshape(x, *to))
        with pytest.raises(ValueError, match=message):
            b.program(out)(np.zeros((2, 3)))


def test_join_is_copies_into_views(b):
    x, y = b.input(2), b.input(2)
    rows, n, m = b.reg("DIM", x, 0), b.reg("DIM", x, 1), b.reg("DIM", y, 1)
    out = b.array(2, regs=(rows, b.reg("ADD", n, m)))
    zero, none = b.reg("CONST", 0), -1
    left, right = b.view(2), b.view(2)
    whole = (b.c.ITEM_SLICE, none, none, none)
    b.node(b.c.SUBTENSOR, None, [left], [out], (whole, (b.c.ITEM_SLICE, zero, n, none)))
    b.copy(x, left)
    b.node(b.c.SUBTENSOR, None, [right], [out], (whole, (b.c.ITEM_SLICE, n, none, none)))
    b.copy(y, right)
    f = b.program(out)
    a, c = np.arange(6.0).reshape(2, 3), np.arange(4.0).reshape(2, 2)
    np.testing.assert_array_equal(f(a, c)[0], np.hstack([a, c]))
    with pytest.raises(ValueError, match="length 3 along axis 0, where .* length 2"):
        f(a, np.zeros((3, 2)))


def test_copy_of_every_itemsize(new_builder):
    for dtype in ("b1", "i1", "u2", "f2", "i4", "f4", "f8", "i8", "c8", "c16"):
        value = rng.integers(0, 2, (70, 45)).astype(dtype)
        for layout in ("contiguous", "fortran", "sliced", "negative", "broadcast"):
            b = new_builder()
            x = b.input(2, dtype)
            f = b.program(b.copy(b.dimshuffle(x, (1, 0))), b.copy(x))
            given = LAYOUTS[layout](value)
            turned, straight = f(given)
            np.testing.assert_array_equal(turned, given.T)
            np.testing.assert_array_equal(straight, given)


def test_fill(b):
    v = b.input(0)
    rows, columns = b.reg("CONST", 3), b.reg("CONST", 4)
    out = b.array(2, regs=(rows, columns))
    b.node(b.c.COLLAPSED, b.k.copy_8, [out], [v], (((0, 1), (-1, -1)), (0, 0)), (), b.c.REORDER)
    np.testing.assert_array_equal(b.program(out)(2.5)[0], np.full((3, 4), 2.5))


# -- registers --------------------------------------------------------------------------------------------------------

INTEGERS = [0, 1, 2, 3, -1, -2, -7, 5, 2**62, -(2**63)]


def evaluate(b, op, *values):
    registers = [b.reg("CONST", v) for v in values]
    out = b.array(0, "i8")
    host = b.host(b.reg(op, *registers))
    b.elementwise("copy_8", out, host)
    return int(b.program(out)()[0])


@pytest.mark.parametrize(
    "op,reference",
    [
        ("FLOORDIV", lambda a, b: a // b),
        ("MOD", lambda a, b: a % b),
        ("MIN", min),
        ("MAX", max),
        ("LT", lambda a, b: a < b),
        ("LE", lambda a, b: a <= b),
        ("GT", lambda a, b: a > b),
        ("GE", lambda a, b: a >= b),
        ("EQ", lambda a, b: a == b),
        ("NE", lambda a, b: a != b),
        ("AND", lambda a, b: bool(a and b)),
        ("OR", lambda a, b: bool(a or b)),
        ("ADD", lambda a, b: a + b),
        ("SUB", lambda a, b: a - b),
        ("MUL", lambda a, b: a * b),
    ],
)
def test_binary_opcodes(new_builder, op, reference):
    for left in INTEGERS:
        for right in (1, -1, 2, -3, 7):
            expected = int(reference(left, right))
            wrapped = (expected + 2**63) % 2**64 - 2**63
            assert evaluate(new_builder(), op, left, right) == wrapped, (op, left, right)


def test_other_opcodes(new_builder):
    assert evaluate(new_builder(), "NEG", 5) == -5
    assert evaluate(new_builder(), "ABS", -5) == 5
    assert evaluate(new_builder(), "NOT", 0) == 1
    assert evaluate(new_builder(), "SWITCH", 1, 10, 20) == 10
    assert evaluate(new_builder(), "SWITCH", 0, 10, 20) == 20
    assert evaluate(new_builder(), "SLICELEN", 10, 8, 2, -1) == len(range(10)[8:2:-1])
    assert evaluate(new_builder(), "REQUIRE_EQ", 4, 4) == 4
    with pytest.raises(ValueError, match="lengths 4 and 5 must be equal"):
        evaluate(new_builder(), "REQUIRE_EQ", 4, 5)
    for op in ("FLOORDIV", "MOD"):  # as NumPy has it for integers
        assert evaluate(new_builder(), op, 4, 0) == evaluate(new_builder(), op, -4, 0) == 0


def test_values_decide_shapes(b):
    n, v = b.input(0, "i8"), b.input(1, "i4")
    one = b.const(1.0)
    out = b.array(2, regs=(b.reg("VALUE", n, 0), b.reg("VALUE", v, 1)))
    b.node(b.c.COLLAPSED, b.k.copy_8, [out], [one], (((0, 1), (-1, -1)), (0, 0)), (), 0)
    f = b.program(out)
    for rows, columns in ((2, 3), (0, 4), (5, 1)):
        np.testing.assert_array_equal(f(rows, np.array([9, columns], "i4"))[0], np.ones((rows, columns)))
    with pytest.raises(ValueError, match="length of axis 0 would be -1"):
        f(-1, np.array([9, 1], "i4"))
    with pytest.raises(ValueError, match="element 1 of a vector of length 1"):
        f(1, np.array([9], "i4"))
    with pytest.raises(MemoryError):
        f(2**40, np.array([9, 2**30], "i4"))


def test_values_computed_by_the_program_start_a_segment(b):
    x = b.input(0, "i8")
    t = b.temp(0, "i8")
    b.elementwise("addi", t, x, x)
    one = b.const(1.0)
    out = b.array(1, regs=(b.reg("VALUE", t, 0),))
    b.node(b.c.COLLAPSED, b.k.copy_8, [out], [one], (((0,), (-1,)), (0, 0)), (), 0)
    f = b.program(out)
    assert f.stats["segments"] == 2
    assert [f(n)[0].shape for n in (0, 1, 5, 1)] == [(0,), (2,), (10,), (2,)]


def test_scratch_is_aligned_and_grows(b):
    out = b.array(0)
    small, large = b.array(0), b.array(0)
    b.node(b.c.COLLAPSED, b.k.copy_8, [out], [b.const(0.0)], (((), ()), (0, 0)), (), 0)
    for target, size in ((small, 100), (large, 1 << 20)):
        b.slots[target] = (b.c.ARRAY, np.dtype("f8").num, 0, ())
        b.full("scratch", [target], [], (size,))
    assert [float(v) for v in b.program(out, small, large)()] == [0, 0, 0]
