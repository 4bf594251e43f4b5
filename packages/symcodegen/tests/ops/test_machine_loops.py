"""The loops that kernels find in the machine: around elementwise work, and around the rows of reductions."""

import re
from pathlib import Path

import numpy as np
import pytest

import symcodegen
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
