"""Reading, setting and adding many rows of a table in C: rows of any layout, more of them than are handled at once."""

import numpy as np
import pytest

from symcore import tensor as T
from symopt.function import function

pytestmark = pytest.mark.default_mode  # what runs in C

rng = np.random.default_rng(5)
DTYPES = ("bool", "int8", "uint16", "int32", "int64", "float16", "float32", "float64", "complex64", "complex128")
#: Shapes of one row: none, one element, one piece of any length, several axes, no elements.
ROWS = ((), (1,), (3,), (128,), (700,), (3, 5), (2, 1, 4), (0,), (4, 0))
COUNT, LENGTH = 600, 90  # rows taken (above two blocks of 256) of a table of so many: all come several times


def values(dtype, shape):
    """Small whole numbers, so that sums in any order are exact; in float16 too."""
    found = rng.integers(0, 3, shape)
    return (found + 1j * rng.integers(-2, 3, shape)).astype(dtype) if dtype[0] == "c" else found.astype(dtype)


def layouts(x):
    """The same values contiguous, every second row of a larger array, and with the axes in memory back to front."""
    spaced = np.repeat(x, 2, axis=0)[::2]
    return [x, spaced, np.asfortranarray(x)]


@pytest.mark.parametrize("row", ROWS, ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_rows(dtype, row):
    table_type = T.TensorType(dtype, (None,) * (1 + len(row)))
    x, v, i = table_type("x"), table_type("v"), T.lvector("i")
    f = function([x, v, i], [x[i], T.inc_subtensor(x[i], v), T.set_subtensor(x[i], v)])
    assert "python" not in str(f.explain()).lower()
    index = rng.integers(-LENGTH, LENGTH, COUNT)
    table, new = values(dtype, (LENGTH, *row)), values(dtype, (COUNT, *row))
    added, put = table.copy(), table.copy()
    np.add.at(added, index, new)
    put[index] = new
    for given, written in zip(layouts(table), layouts(new)[::-1], strict=True):
        got = f(given, written, index)
        for a, b in zip(got, (table[index], added, put), strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("row", ((), (128,), (3, 5)), ids=str)
def test_one_value_for_all_rows_and_indices_with_gaps(row):
    table_type = T.TensorType("float32", (None,) * (1 + len(row)))
    x, i = table_type("x"), T.lvector("i")
    f = function([x, i], [x[i[::3]], T.inc_subtensor(x[i[::3]], np.float32(2))])
    table, index = values("float32", (LENGTH, *row)), rng.integers(-LENGTH, LENGTH, COUNT)
    added = table.copy()
    np.add.at(added, index[::3], np.float32(2))
    for got, wanted in zip(f(table, index), (table[index[::3]], added), strict=True):
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("wrong", (-LENGTH - 1, LENGTH, 2**62, -(2**63)))
def test_no_index_out_of_range_at_the_end_of_many(wrong):
    x, v, i = T.fmatrix("x"), T.fmatrix("v"), T.lvector("i")
    index = rng.integers(0, LENGTH, COUNT)
    index[-1] = wrong
    table, new = values("float32", (LENGTH, 3)), values("float32", (COUNT, 3))
    for f in (function([x, v, i], x[i], on_unused_input="ignore"), function([x, v, i], T.inc_subtensor(x[i], v))):
        with pytest.raises(IndexError, match="out of bounds"):
            f(table, new, index)
