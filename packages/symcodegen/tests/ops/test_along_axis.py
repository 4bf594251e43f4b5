"""Kernels along one axis: running sums and products, recurrences, sorting, the largest few; against ``perform``."""

import warnings

import numpy as np
import pytest

from symcodegen.testing import PLAIN
from symcore import tensor as T
from symcore.interpreter import evaluate
from symcore.tensor.cumulative import Recurrence
from symopt import function

pytestmark = pytest.mark.c
INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
REALS = ["float32", "float64"]
SHAPES = [(1,), (0,), (7,), (4, 0), (0, 4), (5, 3), (3, 70), (70, 3), (2, 9, 5), (1, 1, 8)]


def values(shape, dtype, rng):
    """Numbers with ties, and of floats NaN of both signs, infinities and zeros of both signs among them."""
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return rng.integers(0, 2, shape).astype(bool)
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        wide = rng.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)
        return np.where(rng.random(shape) < 0.5, wide, rng.integers(0, 5, shape).astype(dtype))
    x = np.round(rng.standard_normal(shape) * 3, 1).astype(dtype)
    special = np.array([np.nan, -np.nan, np.inf, -np.inf, 0.0, -0.0], dtype)
    return np.where(rng.random(shape) < 0.3, rng.choice(special, shape), x)


def layouts(x):
    yield x
    yield np.asfortranarray(x)
    yield np.ascontiguousarray(x[..., ::-1])[..., ::-1]
    yield np.repeat(x, 2, axis=0)[::2]


def run(op, dtype, arrays):
    """Compute in C, and by ``perform``."""
    inputs = [T.TensorType(a.dtype, (None,) * a.ndim)() for a in arrays]
    outputs = op(*inputs)
    outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    f = function(inputs, outputs, mode=PLAIN)
    assert all(where != "Python" for _, where, _ in f.placement())
    for variant in zip(*[list(layouts(a)) for a in arrays], strict=True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            wanted = evaluate(outputs, dict(zip(inputs, variant, strict=True)))
        yield f(*variant), wanted


def same_bits(got, wanted):
    assert got.dtype == wanted.dtype
    np.testing.assert_array_equal(got, wanted)
    if got.dtype.kind == "f":
        numbers = ~np.isnan(wanted)
        np.testing.assert_array_equal(np.signbit(got)[numbers], np.signbit(wanted)[numbers])


@pytest.mark.parametrize("dtype", INTEGERS + REALS)
@pytest.mark.parametrize("of", [T.cumsum, T.cumprod], ids=["sum", "product"])
def test_running_results_are_the_same_to_the_last_bit(of, dtype):
    rng = np.random.default_rng(1)
    for shape in SHAPES:
        for axis in range(len(shape)):
            for [got], [wanted] in run(lambda x, a=axis: of(x, a), dtype, [values(shape, dtype, rng)]):
                same_bits(got, wanted)


@pytest.mark.parametrize("dtype", ["int32", "uint8", *REALS])
def test_recurrence_is_the_same_to_the_last_bit(dtype):
    rng = np.random.default_rng(2)
    for shape in SHAPES:
        for axis in range(len(shape)):
            arrays = [values(shape, dtype, rng) for _ in range(2)]
            for [got], [wanted] in run(Recurrence(axis), dtype, arrays):
                same_bits(got, wanted)


def test_recurrence_of_two_shapes_is_refused():
    a, b = T.dvector(), T.dvector()
    f = function([a, b], Recurrence(0)(a, b), mode=PLAIN)
    with pytest.raises(ValueError, match="one shape"):
        f(np.zeros(3), np.zeros(4))


#: Lengths on both sides of where one method hands over to the next.
LENGTHS = [1, 2, 15, 16, 17, 33, 48, 49, 64, 95, 200, 800, 3000]


@pytest.mark.parametrize("dtype", ["bool", "float16", *INTEGERS, *REALS])
def test_sort_and_argsort_are_stable(dtype):
    rng = np.random.default_rng(3)
    for n in LENGTHS:
        x = values((2, n), dtype, rng)
        for [got, order], _ in run(lambda v: [T.sort(v, kind="stable"), T.argsort(v, kind="stable")], dtype, [x]):
            same_bits(got, np.sort(x, kind="stable"))
            np.testing.assert_array_equal(order, np.argsort(x, kind="stable"))


@pytest.mark.parametrize("dtype", ["int16", "uint64", *REALS])
def test_sort_of_ordered_equal_and_reversed_elements(dtype):
    for n in LENGTHS:
        for x in (np.arange(n), np.arange(n)[::-1].copy(), np.zeros(n), np.arange(n) % 3):
            [got, order], _ = next(run(lambda v: [T.sort(v), T.argsort(v, kind="stable")], dtype, [x.astype(dtype)]))
            same_bits(got, np.sort(x.astype(dtype)))
            np.testing.assert_array_equal(order, np.argsort(x, kind="stable"))


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_complex_numbers_in_the_order_of_numpy(dtype):
    """By real parts, then imaginary ones; NaN in the imaginary part, the real part and in both, in this order, last."""
    rng = np.random.default_rng(12)
    real = f"float{np.dtype(dtype).itemsize * 4}"
    for n in LENGTHS:
        x = np.empty((2, n), dtype)
        x.real, x.imag = np.round(values((2, n), real, rng) / 4), values((2, n), real, rng)
        for sample in (x, np.sort(x), np.sort(x)[:, ::-1].copy(), np.zeros_like(x)):
            both = run(lambda v: [T.sort(v, kind="stable"), T.argsort(v, kind="stable")], dtype, [sample])
            for [got, order], _ in both:
                np.testing.assert_array_equal(order, np.argsort(sample, kind="stable"))
                wanted = np.take_along_axis(sample, order, 1)
                same_bits(got.view(real), wanted.view(real))
    for shape in SHAPES:
        for axis in range(len(shape)):
            x = (values(shape, "int8", rng) + 1j * values(shape, "int8", rng)).astype(dtype)
            for [got], [wanted] in run(lambda v, a=axis: T.sort(v, a), dtype, [x]):
                np.testing.assert_array_equal(got, wanted)


def test_sort_along_every_axis():
    rng = np.random.default_rng(4)
    for shape in SHAPES:
        for axis in range(len(shape)):
            x = values(shape, "float64", rng)
            for [got], _ in run(lambda v, a=axis: T.sort(v, a, "stable"), "float64", [x]):
                same_bits(got, np.sort(x, axis, kind="stable"))


@pytest.mark.parametrize("dtype", ["float16", "int8", "uint32", "int64", *REALS])
def test_topk_takes_the_last_of_a_stable_sort(dtype):
    rng = np.random.default_rng(5)
    k = T.lscalar()
    x = T.TensorType(dtype, (None, None))()
    f = function([x, k], T.topk_and_argtopk(x, k, 1), mode=PLAIN)
    assert all(where != "Python" for _, where, _ in f.placement())
    for n in LENGTHS:
        array = values((3, n), dtype, rng)
        order = np.argsort(array, 1, kind="stable")
        for count in sorted({1, min(2, n), min(7, n), max(n // 20, 1), n // 2 or 1, n}):
            for signed, wanted in ((count, order[:, n - count :]), (-count, order[:, :count])):
                got, positions = f(array, signed)
                np.testing.assert_array_equal(positions, wanted)
                same_bits(got, np.take_along_axis(array, wanted, 1))


@pytest.mark.parametrize("k", [0, 5, -5])
def test_topk_of_more_than_there_are_is_an_error(k):
    x, n = T.dvector(), T.lscalar()
    f = function([x, n], T.topk(x, n), mode=PLAIN)
    with pytest.raises(ValueError, match="topk takes 1 to 4 elements"):
        f(np.zeros(4), k)
