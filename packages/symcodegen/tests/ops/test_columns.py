"""Reductions whose results lie side by side: groups of rows in registers, short rows as long ones, and what is left."""

import math

import numpy as np
import pytest

from symcodegen.kernels.columns import Rows, moves_of
from symcodegen.kernels.reduce import COLUMNS, SHORT
from symcodegen.linker import CLinker
from symcore import tensor as T
from symcore.tensor.elemwise import TABLE, Composite
from symcore.tensor.map_reduce import MapReduce
from symopt import Mode, RuleSet, function

pytestmark = pytest.mark.c
PLAIN = Mode("no rules", RuleSet(), CLinker)
rng = np.random.default_rng(31)

#: Rows around whole groups of 8, 4 and 2; columns around vectors, short rows and blocks.
ROWS = [1, 2, 7, 8, 9, 17, 67]
WIDTHS = [1, 3, 16, 17, SHORT, SHORT + 1, COLUMNS, COLUMNS + 5]


def layouts(value):
    """Return the same numbers as they may lie in memory."""
    apart = np.repeat(value, 2, axis=-1)[..., ::2]
    spaced = np.concatenate([value, value], axis=-1)[..., : value.shape[-1]]
    upwards, backwards = value[::-1].copy()[::-1], value[..., ::-1].copy()[..., ::-1]
    return [value, apart, spaced, upwards, backwards, np.asfortranarray(value)]


@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "uint16", "int64", "bool", "float16"])
def test_sums_extrema_and_products_of_whole_numbers(dtype):
    x = T.tensor(dtype, shape=(None, None))
    outputs = [x.sum(0), x.max(0), x.min(0)]
    if dtype != "bool":
        outputs.append(x.prod(0))
    f = function([x], outputs, mode=PLAIN)
    for shape in [(r, n) for r in ROWS for n in WIDTHS] + [(4100, 3), (1500, 40), (COLUMNS + 1, 1)]:
        small = rng.integers(0, 3, shape) if shape[0] < 20 else rng.integers(0, 2, shape)  # products stay exact
        value = small.astype(dtype)
        for laid in layouts(value):
            found = f(laid)
            wanted = [value.astype("int64").sum(0), value.max(0), value.min(0), value.astype("int64").prod(0)]
            for got, right in zip(found, wanted, strict=False):
                np.testing.assert_array_equal(got, right.astype(got.dtype), err_msg=str(shape))


def test_rows_of_several_axes():
    x = T.tensor("float64", shape=(None,) * 4)
    axes = [(0,), (1,), (0, 1), (0, 2), (1, 2), (0, 1, 2)]
    f = function([x], [x.sum(a) for a in axes], mode=PLAIN)
    value = rng.integers(-9, 9, (3, 19, 5, 21)).astype("float64")
    for laid in [*layouts(value), value.transpose(0, 2, 1, 3).copy().transpose(0, 2, 1, 3)]:
        for got, a in zip(f(laid), axes, strict=True):
            np.testing.assert_array_equal(got, value.sum(a))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "shapes",
    [("xy", "xy"), ("xy", "1y"), ("xy", "x1"), ("1y", "x1"), ("xy", "11"), ("x1", "x1"), ("1y", "1y")],
)
def test_maps_of_operands_that_move_in_every_way(shapes, dtype):
    """(a - b)**2: whole numbers, so that sums are exact in any order."""
    squares = Composite(2, ((TABLE["sub"], (0, 1), dtype), (TABLE["sqr"], (2,), dtype)), (3,))
    sides = {"x": None, "y": None, "1": 1}
    a, b = (T.tensor(dtype, shape=tuple(sides[c] for c in s)) for s in shapes)
    outputs = [
        MapReduce(squares, fn, (0,), dtype, acc)(a, b) for fn, acc in (("add", "float64"), ("maximum", dtype))
    ]
    f = function([a, b], outputs, mode=PLAIN)
    for r, n in [(1, 5), (8, 40), (21, 300), (70, 9), (19, COLUMNS + 3)]:
        lengths = {"x": r, "y": n, "1": 1}
        u, v = (rng.integers(-9, 9, [lengths[c] for c in s]).astype(dtype) for s in shapes)
        wanted = (u.astype("f8") - v) ** 2
        for p, q in zip(layouts(u), layouts(v), strict=True):
            for got, right in zip(f(p, q), (wanted.sum(0), wanted.max(0)), strict=True):
                np.testing.assert_array_equal(got, right)


def test_how_operands_move():
    repeated = [(False, False), (True, False), (False, True), (True, True)]
    assert moves_of(repeated, (0,)) == ("rows", "row", "one", "scalar")
    assert moves_of([(False, True, False), (True, False, True)], (0, 2)) == ("one", "row")


def test_how_many_rows_go_together():
    real = np.dtype("float32")
    assert [Rows(("rows",) * k, (real,) * k, (), "x0", real).count for k in (1, 2, 3, 4, 5)] == [8, 4, 2, 2, 0]
    assert Rows(("rows",), (real,), (), "sym_exp_f32(x0)", real).count == 0  # by blocks, in its form for most arguments
    assert Rows(("one", "scalar"), (real,) * 2, (), "x0 * x1", real).count == 0


@pytest.mark.parametrize("width", [3, 200])
def test_accuracy_of_long_columns(width):
    """The sums of a group in float32, each off by half a unit in its last place at most; the rest in float64."""
    value = rng.random((20_000, width)).astype("float32")
    x = T.fmatrix("x")
    got = function([x], x.sum(0), mode=PLAIN)(value)
    exact = np.array([math.fsum(column) for column in value.T.astype("f8")])
    groups = 7 * 2.0**-24 * exact  # seven additions lose at most so much of the sum of a group
    assert np.all(np.abs(got - exact) <= groups + np.spacing(got))
    assert np.abs(got - exact).max() <= np.abs(value.sum(0) - exact).max()  # NumPy's adds row after row


@pytest.mark.parametrize("shape", [(67, 300), (4096, 5)])
def test_what_is_no_number_stays_in_its_column(shape):
    x = T.dmatrix("x")
    f = function([x], [x.sum(0), x.max(0), x.min(0), ((x - 1.0) ** 2).sum(0)])
    value = rng.random(shape)
    for row, column in [(0, 0), (shape[0] - 1, 1), (33, shape[1] - 1), (9, 2)]:
        damaged = value.copy()
        damaged[row, column] = np.nan
        for got in f(damaged):
            assert np.flatnonzero(np.isnan(got)).tolist() == [column]


def test_no_rows_no_columns():
    x = T.dmatrix("x")
    f = function([x], x.sum(0), mode=PLAIN)
    np.testing.assert_array_equal(f(np.ones((0, 300))), np.zeros(300))
    assert f(np.ones((40, 0))).shape == (0,)
    with pytest.raises(ValueError, match="no elements"):
        function([x], x.max(0), mode=PLAIN)(np.ones((0, 300)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", [1, 300])
def test_rows_that_end_amid_a_vector(rows, dtype):
    """What is left of a row is one vector more, filled up with what changes nothing; no result is that filling."""
    x = T.tensor(dtype, shape=(None, None))
    f = function([x], [x.sum(1), x.max(1), x.min(1), x.prod(1), x.max()], mode=PLAIN)
    for n in [*range(1, 36), 63, 65, 127, 129, 1023, 1025, 1031]:
        value = rng.integers(-9, -1, (rows, n)).astype(dtype)
        value[:, n // 3 :] = -1  # products stay exact
        value[:, -1] = -3
        for laid in layouts(value)[:3]:
            total, top, least, product, largest = f(laid)
            np.testing.assert_array_equal(total, value.sum(1))
            np.testing.assert_array_equal(top, value.max(1))
            np.testing.assert_array_equal(least, value.min(1))
            if n <= 36:
                np.testing.assert_array_equal(product, value.astype("f8").prod(1).astype(dtype))
            assert largest == value.max()
        value[0, n - 1] = np.nan
        assert [np.flatnonzero(np.isnan(r)).tolist() for r in f(value)[:4]] == [[0]] * 4


@pytest.mark.parametrize("n", [1, 5, 40])
def test_signs_of_zeros_and_infinities_in_rows(n):
    x = T.dmatrix("x")
    f = function([x], [x.max(1), x.min(1), x.max(0)], mode=PLAIN)
    for value in (-0.0, np.inf, -np.inf):
        for got in f(np.full((9, n), value)):
            assert np.all(got == value) and np.all(np.signbit(got) == np.signbit(value))
