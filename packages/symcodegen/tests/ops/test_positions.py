"""Index arrays in any place, searching, flat positions, diagonals: in C, against NumPy."""

import numpy as np
import pytest

from symcodegen.testing import PLAIN
from symcore import tensor as T
from symcore.gradient import grad
from symopt import function

pytestmark = pytest.mark.c


def compiled(inputs, outputs):
    f = function(inputs, outputs, mode=PLAIN, on_unused_input="ignore")
    assert not [str(node.op) for node, where, _ in f.placement() if where == "Python"]
    return f


INDICES = {
    "behind a slice": lambda x, i, j, k: x[:, i],
    "apart": lambda x, i, j, k: x[i, :, j],
    "behind": lambda x, i, j, k: x[:, i, j],
    "a matrix": lambda x, i, j, k: x[i],
    "between slices": lambda x, i, j, k: x[1:, i, ::-2],
    "everywhere": lambda x, i, j, k: x[i, j, k],
    "reversed": lambda x, i, j, k: x[::-1, :, j],
    "with an integer": lambda x, i, j, k: x[k, :, j],
    "slices known at the call": lambda x, i, j, k: x[i, k:, :k],
    "three of one shape": lambda x, i, j, k: x[i, j, i],
    "an empty slice": lambda x, i, j, k: x[:0, i],
}


@pytest.mark.parametrize("dtype", ["int8", "int16", "float32", "float64", "bool"])
@pytest.mark.parametrize("index", INDICES.values(), ids=INDICES)
def test_reads_and_writes(index, dtype):
    rng = np.random.default_rng(3)
    x = (rng.standard_normal((4, 5, 6)) * 9).astype(dtype)
    i, j, k = np.array([[0, 3, -1], [2, 2, 1]]), np.array([4, 0, -2]), np.array(2)
    vx, vi, vj, vk = T.TensorType(dtype, (None,) * 3)(), T.lmatrix(), T.lvector(), T.lscalar()
    part = index(vx, vi, vj, vk)
    value = T.TensorType(dtype, (None,) * part.type.ndim)()
    f = compiled([vx, vi, vj, vk, value], [part, T.inc_subtensor(part, value), T.set_subtensor(part, value)])
    for array in (x, x[::-1, :, ::-1], np.asfortranarray(x)):
        flat = index(np.arange(array.size).reshape(array.shape), i, j, k).ravel()
        new = (rng.standard_normal(index(array, i, j, k).shape) * 9).astype(dtype)
        added, written = array.ravel().copy(), array.ravel().copy()
        np.add.at(added, flat, new.ravel())
        written[flat] = new.ravel()
        got = f(array, i, j, k, new)
        np.testing.assert_array_equal(got[0], index(array, i, j, k))
        np.testing.assert_array_equal(got[1], added.reshape(array.shape))
        np.testing.assert_array_equal(got[2], written.reshape(array.shape))


def test_one_value_for_a_whole_part():
    x, i, v = T.dmatrix(), T.lmatrix(), T.dscalar()
    f = compiled([x, i, v], T.inc_subtensor(x[:, i], v))
    got = f(np.zeros((2, 3)), np.array([[0, 0], [2, -1]]), 1.5)
    np.testing.assert_array_equal(got, [[3, 0, 3], [3, 0, 3]])


@pytest.mark.parametrize("wrong", [3, -4])
@pytest.mark.parametrize("columns", [0, 2])
def test_positions_out_of_range_change_nothing(wrong, columns):
    from symcore.tensor.shared import shared

    s = shared(np.zeros((columns, 3)))
    i = T.lmatrix()
    f = function([i], [], updates=[(s, T.inc_subtensor(s[:, i], 1.0))], mode=PLAIN)
    with pytest.raises(IndexError, match=f"index {wrong} is out of bounds for axis 1 with size 3"):
        f(np.array([[0, wrong]]))
    np.testing.assert_array_equal(s.get_value(), np.zeros((columns, 3)))


def test_index_arrays_that_do_not_broadcast():
    x, i, j = T.dtensor3(), T.lmatrix(), T.lmatrix()
    f = function([x, i, j], x[i, :, j], mode=PLAIN)
    with pytest.raises((ValueError, IndexError), match="broadcast|shape|length"):
        f(np.zeros((3, 3, 3)), np.zeros((2, 2), int), np.zeros((2, 3), int))


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("types", [("float64", "float64"), ("float32", "float64"), ("int32", "int64"),
                                   ("uint8", "int16"), ("int64", "float32"), ("uint64", "int64")])  # fmt: skip
def test_searches(types, side):
    rng = np.random.default_rng(7)
    x, v = (T.TensorType(t, (None,) * n)() for t, n in zip(types, (1, 2), strict=True))
    order = T.lvector()
    f = compiled([x, v, order], [T.searchsorted(x, v, side), T.searchsorted(x, v, side, order)])
    for n in (0, 1, 2, 3, 31, 100):
        table = np.sort(rng.integers(0, 40, n).astype(types[0]))
        keys = rng.integers(0, 45, (3, 21)).astype(types[1])
        if np.dtype(types[0]).kind == "f" and n > 3:
            table[-2:] = np.nan
        if np.dtype(types[1]).kind == "f":
            keys[0, :3] = np.nan, np.inf, -np.inf
        shuffled = rng.permutation(n)
        for k in (keys, keys[:, ::-2], keys.T.copy().T, keys[:0]):
            got = f(table, k, np.arange(n))
            np.testing.assert_array_equal(got[0], np.searchsorted(table, k, side))
            np.testing.assert_array_equal(got[1], got[0])
            mixed = np.empty_like(table)
            mixed[shuffled] = table
            np.testing.assert_array_equal(f(mixed, k, shuffled)[1], np.searchsorted(table, k, side))


def test_a_wrong_sorter():
    x, s = T.dvector(), T.lvector()
    f = compiled([x, s], T.searchsorted(x, x, sorter=s))
    with pytest.raises(ValueError, match="sorter"):
        f(np.zeros(2), np.array([0, 2]))
    with pytest.raises(ValueError, match="sorter"):
        f(np.zeros(2), np.array([0]))


@pytest.mark.parametrize("order", ["C", "F"])
def test_flat_positions(order):
    rng = np.random.default_rng(8)
    flat, dims = T.lmatrix(), (T.lscalar(), 5, T.lscalar())
    f = compiled([flat, dims[0], dims[2]], list(T.unravel_index(flat, dims, order)))
    numbers = rng.integers(0, 4 * 5 * 3, (6, 7))
    for array in (numbers, numbers[::-1, ::3], numbers[:0]):
        for got, wanted in zip(f(array, 4, 3), np.unravel_index(array, (4, 5, 3), order=order), strict=True):
            np.testing.assert_array_equal(got, wanted)
    for wrong in (60, -1):
        with pytest.raises(ValueError, match=f"index {wrong} is out of bounds for array with size 60"):
            f(np.array([[0, wrong]]), 4, 3)


def test_more_positions_than_can_be_counted():
    flat, n = T.lmatrix(), T.lscalar()
    f = compiled([flat, n], T.unravel_index(flat, (n, n, 5)))
    got = f(np.array([[3 * 2**40]]), 2**20)  # the divisions need 64 bits
    np.testing.assert_array_equal([g.item() for g in got],
                                  [(3 * 2**40) // (5 * 2**20), (3 * 2**40) // 5 % 2**20, (3 * 2**40) % 5])  # fmt: skip
    with pytest.raises(ValueError, match="more than 2\\^63 positions"):
        f(np.array([[0]]), 2**33)


@pytest.mark.parametrize("mode", ["raise", "wrap", "clip"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_positions_per_axis(mode, order):
    rng = np.random.default_rng(9)
    i, j, n = T.lmatrix(), T.imatrix(), T.lscalar()
    f = compiled([i, j, n], T.ravel_multi_index([i, j], (n, 4), mode, order))
    a, b = rng.integers(-30, 30, (3, 5)), rng.integers(-30, 30, (3, 5)).astype("int32")
    if mode == "raise":
        with pytest.raises(ValueError, match="out of range for axis"):
            f(a, b, 7)
        a, b = a % 7, b % np.int32(4)
    for x, y in ((a, b), (a[:, ::-1], b[:, ::-1]), (a[:, :0], b[:, :0])):
        np.testing.assert_array_equal(f(x, y, 7), np.ravel_multi_index((x, y), (7, 4), mode, order))


@pytest.mark.parametrize("offset", [-9, -2, -1, 0, 1, 3, 9])
@pytest.mark.parametrize("axes", [(0, 1), (2, 0), (1, 2)])
def test_diagonals(offset, axes):
    rng = np.random.default_rng(10)
    x = rng.standard_normal((4, 5, 3))
    v = T.dtensor3()
    diagonal = T.diagonal(v, offset, *axes)
    f = compiled([v], [diagonal, grad(T.sum(diagonal * diagonal), v)])
    for array in (x, x[::-1, ::-1, ::-1], np.asfortranarray(x), x[:, :0]):
        got, slope = f(array)
        mask = np.zeros(array.shape, bool)
        part = np.diagonal(mask, offset, *axes)
        part.flags.writeable = True
        part[...] = True
        np.testing.assert_array_equal(got, np.diagonal(array, offset, *axes))
        np.testing.assert_array_equal(slope, np.where(mask, 2 * array, 0))


@pytest.mark.parametrize("dtype", ["int8", "float32", "complex128"])
def test_long_matrices_of_indices_and_their_ends(dtype):
    rng = np.random.default_rng(5)
    x, values = (rng.integers(0, 99, 40).astype(dtype) for _ in range(2))
    i = rng.integers(-40, 40, (7, 33))
    vx, vi, vy = T.tensor(dtype, (False,)), T.lmatrix(), T.tensor(dtype, (False, False))
    read, add = compiled([vx, vi], vx[vi]), compiled([vx, vi, vy], T.inc_subtensor(vx[vi], vy))
    y = rng.integers(0, 3, i.shape).astype(dtype)
    for index, part in ((i, y), (i[::2, ::3], y[::2, ::3]), (i.T, y.T), (i[:, ::-1], y[:, ::-1]), (i[:0], y[:0])):
        np.testing.assert_array_equal(read(x, index), x[index], strict=True)
        wanted = x.copy()
        np.add.at(wanted, index, part)
        np.testing.assert_array_equal(add(x, index, part), wanted, strict=True)
    for wrong in (40, -41, 2**63 - 1, -(2**63)):
        bad = i.copy()
        bad[5, 20] = wrong
        with pytest.raises(IndexError, match=f"index {wrong} is out of bounds for axis 0 with size 40"):
            read(x, bad)
        with pytest.raises(IndexError, match=f"index {wrong} is out of bounds"):
            add(x, bad, y)
    with pytest.raises(IndexError, match="index 0 is out of bounds"):
        read(values[:0], np.zeros((1, 1), "int64"))
