"""Sorting side by side and line by line, by the kernels of every kind of processor, against NumPy's stable order."""

import numpy as np
import pytest

from symcodegen.cache import KernelCache
from symcodegen.extension import load
from symcodegen.testing import PLAIN
from symcore import tensor as T
from symopt import function

pytestmark = pytest.mark.c
cvm = load()
BITS = {2: "uint16", 4: "uint32", 8: "uint64"}
#: On both sides of where the network has a block more, and of where lines are sorted one by one again.
LENGTHS = [1, 2, 3, 7, 8, 9, 15, 16, 17, 20, 31, 32, 33, 48, 49, 64, 65, 100, 127, 128, 129, 256, 257, 700]
SMALL = ["bool", "int8", "uint8", "int16", "uint16", "float16"]
DTYPES = [*SMALL, "int32", "uint32", "float32", "int64", "uint64", "float64"]


@pytest.fixture(params=["avx512", "avx2", "vector"])
def kernels(request):
    try:
        before = cvm.set_sorting(request.param)
    except ValueError:
        pytest.skip(f"this processor has no {request.param}")
    yield request.param
    cvm.set_sorting(before)


def elements(rng, shape, dtype, style):
    """``style`` 0: few different ones; 1: any bits, among them NaN with any payload; 2: zeros and NaN of both signs."""
    dtype = np.dtype(dtype)
    if dtype.kind == "b" or style == 0:
        return rng.integers(0, 2 if dtype.kind == "b" else 5, shape).astype(dtype)
    if style == 1:
        return np.frombuffer(rng.bytes(int(np.prod(shape)) * dtype.itemsize), dtype).reshape(shape)
    if dtype.kind != "f":
        info = np.iinfo(dtype)
        return rng.choice(np.array([info.min, info.max, 0, 1], dtype), shape)
    special = np.array([np.nan, -np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0], dtype)
    return rng.choice(special, shape)


def bits(x):
    return np.ascontiguousarray(x).view(BITS.get(x.dtype.itemsize, "uint8"))


def compiled(dtype, ndim, axis):
    x, k = T.TensorType(dtype, (None,) * ndim)("x"), T.lscalar("k")
    f = function([x, k], [T.sort(x, axis), T.argsort(x, axis), *T.topk_and_argtopk(x, k, axis)], mode=PLAIN)
    assert all(where != "Python" for _, where, _ in f.placement())
    return f


def check(f, x, axis, k):
    order = np.argsort(x, axis, kind="stable")
    n = x.shape[axis]
    few = np.take(order, np.arange(n - k, n) if k > 0 else np.arange(-k), axis)
    values, positions, top, top_positions = f(x, k)
    np.testing.assert_array_equal(positions, order)
    np.testing.assert_array_equal(bits(values), bits(np.take_along_axis(x, order, axis)))
    np.testing.assert_array_equal(top_positions, few)
    np.testing.assert_array_equal(bits(top), bits(np.take_along_axis(x, few, axis)))


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("dtype", DTYPES)
def test_to_the_last_bit_in_the_stable_order(kernels, dtype):
    rng = np.random.default_rng(20)
    f = compiled(dtype, 2, 1)
    for n in LENGTHS:
        for lines in (int(rng.integers(1, 9)), int(rng.integers(9, 40))):
            x = elements(rng, (lines, n), dtype, int(rng.integers(3)))
            check(f, x, 1, int(rng.integers(1, n + 1)) * int(rng.choice([-1, 1])))


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("dtype", ["uint8", "float16", "int32", "float32", "float64"])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_any_axis_and_any_strides(kernels, dtype, axis):
    rng = np.random.default_rng(21)
    f = compiled(dtype, 3, axis)
    for shape in ((5, 20, 9), (1, 33, 2), (17, 1, 16), (20, 3, 64), (2, 2, 2), (40, 17, 1)):
        x = elements(rng, shape, dtype, 2)
        for given in (x, np.asfortranarray(x), x[::-1, :, ::-1], np.repeat(x, 2, 1)[:, ::2], x.transpose(1, 2, 0)):
            check(f, given, axis, -1 if given.shape[axis] < 3 else int(rng.integers(1, 3)))


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
def test_no_elements(kernels, shape):
    x = T.dmatrix()
    f = function([x], [T.sort(x, 1), T.argsort(x, 1), T.sort(x, 0)], mode=PLAIN)
    for got in f(np.zeros(shape)):
        assert got.shape == shape


@pytest.mark.parametrize("idx", ["int8", "uint16", "int32", "uint64"])
def test_positions_of_any_integer_dtype(kernels, idx):
    x = T.fmatrix()
    f = function([x], T.argtopk(x, 3, 1, idx_dtype=idx), mode=PLAIN)
    value = np.random.default_rng(22).standard_normal((50, 20)).astype("float32")
    got = f(value)
    assert got.dtype == idx
    np.testing.assert_array_equal(got, np.argsort(value, 1)[:, -3:])


def test_kernels_are_chosen_by_name():
    best = cvm.set_sorting("vector")
    assert cvm.set_sorting(None) == "vector" and cvm.set_sorting(None) == best
    with pytest.raises(ValueError, match="set_sorting\\('mmx'\\): this processor"):
        cvm.set_sorting("mmx")
    with pytest.raises(TypeError):
        cvm.set_sorting(3)


def test_no_kernel_is_compiled(monkeypatch):
    """Sorting alone needs the kernels of the machine and no others."""

    def asked(*_):
        raise AssertionError("a kernel was asked for")

    monkeypatch.setattr(KernelCache, "load", asked)
    x = T.fmatrix()
    f = function([x], [T.sort(x, 1), T.argsort(x, 0), T.topk(x, 2, 1)], mode=PLAIN)
    assert all(where != "Python" for _, where, _ in f.placement())
