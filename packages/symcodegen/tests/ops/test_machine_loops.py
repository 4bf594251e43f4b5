"""The loops that kernels find in the machine: around elementwise work, and around the rows of reductions."""

import re
from pathlib import Path

import numpy as np
import pytest

import symcodegen
from symcodegen import extension
from symcodegen.cache import ABI_VERSION
from symcodegen.kernels import reduce
from symcodegen.linker import CLinker
from symcore import tensor as T
from symopt import Mode, RuleSet, function

pytestmark = pytest.mark.c
PLAIN = Mode("no rules", RuleSet(), CLinker)
HEADER = (Path(symcodegen.__file__).parent / "runtime" / "symabi.h").read_text(encoding="utf-8")
rng = np.random.default_rng(7)


def in_header(name):
    return int(re.search(rf"\b{name}(?: =)? (\d+)", HEADER)[1])


def test_numbers_that_python_repeats_are_those_of_the_header():
    names = {"SYM_COLUMNS": reduce.COLUMNS, "SYM_SHORT": reduce.SHORT, "SYM_RUN": reduce.RUN}
    for name, value in {**names, "SYM_LOOPS": reduce.MAX_LOOPS, "SYM_ABI_VERSION": ABI_VERSION}.items():
        assert in_header(name) == value, name
    section = (Path(symcodegen.__file__).parent / "cvm" / "combine.h").read_text(encoding="utf-8")
    assert 1 << int(re.search(r"SECTION \(\(i64\)1 << (\d+)\)", section)[1]) == reduce.SECTION


@pytest.mark.parametrize("dtype", ["int8", "bool", "float16", "float32", "float64", "complex64", "complex128"])
def test_operands_of_every_size_are_repeated_packed_and_unpacked(dtype):
    """Lengths around a block, and around the bytes of a repeated element that are written before the rest is copied."""
    block = in_header("SYM_BLOCK")
    size = np.dtype(dtype).itemsize
    x, y, row, one = (T.tensor(dtype, shape=s) for s in [(None, None)] * 2 + [(None, 1), (1, 1)])
    total = x | row if dtype == "bool" else x + row
    f = function([x, y, row, one], [total, (total & y) if dtype == "bool" else total * y + one], mode=PLAIN,
                 on_unused_input="ignore")  # fmt: skip
    for n in (1, 31, 512 // size, 512 // size + 1, 1024 // size + 3, block - 1, block, block + 1, 3 * block + 5):
        a, b, c, d = (rng.integers(0, 2, s).astype(dtype) for s in [(3, n), (n, 3), (3, 1), (1, 1)])
        strided = np.repeat(a, 2, axis=1)[:, ::2]
        for first in (a, strided, a[:, ::-1]):
            found = f(first, b.T, c, d)
            wanted = first | c if dtype == "bool" else first + c
            np.testing.assert_array_equal(found[0], wanted)
            np.testing.assert_array_equal(found[1], wanted & b.T if dtype == "bool" else wanted * b.T + d)


@pytest.fixture(params=["avx512", "avx2", "vector"])
def vectors(request):
    """One set of the machine's functions that combine floats after the other, as far as this processor has them."""
    cvm = extension.load()
    try:
        cvm.set_combining(request.param)
    except ValueError:
        pytest.skip(f"this processor has no {request.param}")
    yield request.param
    cvm.set_combining(None)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_floats_are_combined_alike_in_vectors_of_every_width(vectors, dtype):
    """Whole numbers, so that no order of additions rounds; lengths around vectors, four of them, and groups of rows."""
    x = T.matrix(dtype=dtype)
    made = [g(axis) for g in (x.sum, x.max, x.min, x.prod) for axis in (0, 1, None)]
    made += [T.sum(x, axis=a, dtype=dtype, acc_dtype=dtype) for a in (0, 1)]
    made += [T.prod(x, axis=a, dtype=dtype, acc_dtype=dtype) for a in (0, 1)]
    f = function([x], made, mode=PLAIN)
    for n in (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 129, reduce.RUN + 1):
        for shape in ((n, 3), (3, n), (n, 40)):
            value = rng.integers(-3, 4, shape).astype(dtype)
            factors = np.where(rng.random(shape) < 20 / value.size, 2, -1).astype(dtype)
            for laid in (value, np.repeat(value, 2, axis=1)[:, ::2], value[::-1]):
                found = f(laid)
                for g, got in zip((np.sum, np.max, np.min), (found[:3], found[3:6], found[6:9]), strict=True):
                    for axis, one in zip((0, 1, None), got, strict=True):
                        np.testing.assert_array_equal(one, g(laid, axis=axis))
                for axis, one in zip((0, 1), found[12:14], strict=True):
                    np.testing.assert_array_equal(one, laid.sum(axis))
            found = f(factors)
            for axis, one in zip((0, 1, None, 0, 1), (*found[9:12], *found[14:]), strict=True):
                np.testing.assert_array_equal(one, factors.prod(axis))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_nan_and_infinities_reach_sums_and_extrema_in_vectors_of_every_width(vectors, dtype):
    x = T.matrix(dtype=dtype)
    f = function([x], [g(axis) for g in (x.sum, x.max, x.min) for axis in (0, 1)], mode=PLAIN)
    for n in (1, 5, 17, 40, 100):
        for odd in (np.nan, np.inf, -np.inf):
            for at in {0, n // 2, n - 1}:
                value = rng.normal(size=(n, n)).astype(dtype)
                value[at, n - 1 - at] = odd
                wanted = [g(value, axis=a) for g in (np.max, np.min) for a in (0, 1)]
                found = f(value)
                for got, right in zip(found[2:], wanted, strict=True):
                    np.testing.assert_array_equal(got, right)
                for axis, got in enumerate(found[:2]):
                    right = value.sum(axis)
                    np.testing.assert_array_equal(np.isnan(got), np.isnan(right))
                    np.testing.assert_array_equal(np.isinf(got), np.isinf(right))


def test_only_vectors_that_there_are_can_be_chosen():
    with pytest.raises(ValueError, match="'avx512', 'avx2', 'vector' or None"):
        extension.load().set_combining("mmx")


@pytest.mark.parametrize("rows", [1, 2, 63, 64, 65, 130])
def test_results_of_long_rows_are_stored_together(rows):
    """Rows longer than a block, between kept axes too, into totals of the elements' type and of another."""
    n = reduce.RUN + 3
    for dtype in ("float32", "float64", "int32", "uint8", "complex64"):
        x = T.tensor(dtype, shape=(None,) * 3)
        f = function([x], [x.sum(2), x.sum(1), x.sum((0, 2))], mode=PLAIN)
        value = rng.integers(0, 5, (2, rows, n)).astype(dtype)
        for laid in (value, value[:, ::-1], np.repeat(value, 2, axis=2)[..., ::2]):
            for got, axis in zip(f(laid), (2, 1, (0, 2)), strict=True):
                np.testing.assert_array_equal(got, laid.sum(axis).astype(got.dtype))
