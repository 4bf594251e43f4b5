"""Arrays of every kind as arguments and as values of shared variables: the right answer, and the argument as it was."""

import os
import sys

import numpy as np
import pytest

import symstack as ss
from symstack import tensor as T

pytestmark = pytest.mark.c
LONG = pytest.mark.skipif("SYMSTACK_LONG" not in os.environ, reason="reads 2 GB: set SYMSTACK_LONG=1")
SPARSE = pytest.mark.skipif(sys.platform != "linux", reason="a file of 2 GB that takes no room")


class Tagged(np.ndarray):
    """A subclass with an attribute, and with an opinion on what NumPy's functions return."""

    def __array_finalize__(self, other):
        self.note = getattr(other, "note", "none")

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        raise AssertionError("a subclass is computed with as the array that it is")


def mapped(folder, mode):
    path = folder / "data.bin"
    np.arange(12.0).tofile(path)
    return np.memmap(path, "f8", mode, shape=(3, 4))


def windows():
    """Rows that overlap each other: ``[[0 1 2 3], [1 2 3 4], [2 3 4 5]]``."""
    return np.lib.stride_tricks.sliding_window_view(np.arange(6.0), 4)


def misaligned():
    return np.frombuffer(b"-" + np.arange(12.0).tobytes(), "f8", offset=1)


KINDS = {
    "memmap, read-only": lambda folder: mapped(folder, "r"),
    "memmap, writeable": lambda folder: mapped(folder, "r+"),
    "memmap, copy on write": lambda folder: mapped(folder, "c"),
    "subclass": lambda folder: np.arange(12.0).reshape(3, 4).view(Tagged),
    "matrix that overlaps itself": lambda folder: windows(),
    "columns backwards, Fortran": lambda folder: np.asfortranarray(np.arange(12.0).reshape(3, 4))[:, ::-1],
    "byte-swapped, sliced": lambda folder: np.arange(24.0).astype(">f8").reshape(3, 8)[:, ::2],
    "misaligned, reversed": lambda folder: misaligned()[::-1].reshape(3, 4),
    "stride 0 in both axes": lambda folder: np.broadcast_to(np.array(2.5), (3, 4)),
    "no rows": lambda folder: np.zeros((0, 4)),
    "no columns": lambda folder: np.zeros((3, 0)),
}


def graph(x):
    """Elementwise work, reductions, products, indexing, a loop, sorting, joins."""
    rows, _ = ss.scan(lambda r, s: T.tanh(s + r.sum()), sequences=[x], outputs_info=[T.zeros(())])
    return [T.exp(-x) + 1, x.sum(axis=0), x @ x.T, x[::-1, 1:], T.concatenate([x, x[:1]], axis=0), rows,
            T.sort(x, axis=0), T.inc_subtensor(x[:, :1], 5.0), (x > 2).any(axis=1)]  # fmt: skip


def expected(x):
    rows, s = [], 0.0
    for r in x:
        s = np.tanh(s + r.sum())
        rows.append(s)
    more = x.copy()
    more[:, :1] += 5.0
    return [np.exp(-x) + 1, x.sum(axis=0), x @ x.T, x[::-1, 1:], np.concatenate([x, x[:1]]), np.array(rows),
            np.sort(x, axis=0), more, (x > 2).any(axis=1)]  # fmt: skip


@pytest.fixture(scope="module", params=["auto", "py"])
def f(request):
    x = T.dmatrix("x")
    with ss.config.override(linker=request.param):
        return ss.function([x], graph(x))


@pytest.mark.parametrize("kind", KINDS)
def test_as_an_argument(f, kind, tmp_path):
    given = KINDS[kind](tmp_path)
    plain = np.array(given, dtype="f8", subok=False)
    for _ in range(2):
        found = f(given)
        for got, want in zip(found, expected(plain), strict=True):
            assert type(got) is np.ndarray and got.flags.aligned and got.dtype.isnative
            np.testing.assert_allclose(got, want, rtol=1e-14, atol=1e-14)
            assert not np.shares_memory(got, np.asarray(given))
    np.testing.assert_array_equal(np.asarray(given), plain)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("linker", ["auto", "py"])
def test_as_the_value_of_a_shared_variable(kind, linker, tmp_path):
    given = KINDS[kind](tmp_path)
    plain = np.array(given, dtype="f8", subok=False)
    s = ss.shared(np.zeros((3, 4)), name="s")
    with ss.config.override(linker=linker):
        f = ss.function([], s.sum(axis=1), updates=[(s, s * 2 + 1)])
    for borrow in (False, True):
        s.set_value(given, borrow=borrow)
        np.testing.assert_allclose(f(), plain.sum(axis=1), rtol=1e-14)
        np.testing.assert_allclose(s.get_value(), plain * 2 + 1, rtol=1e-14)
        np.testing.assert_allclose(f(), (plain * 2 + 1).sum(axis=1), rtol=1e-14)
        if not borrow:
            np.testing.assert_array_equal(np.asarray(given), plain)


@pytest.mark.parametrize("linker", ["auto", "py"])
def test_arguments_that_overlap_in_part(linker):
    x, y, z = T.dvector("x"), T.dvector("y"), T.dmatrix("z")
    with ss.config.override(linker=linker):
        f = ss.function([x, y, z], [x + y, T.set_subtensor(x[:2], y[:2]), z.T @ x[:3], x - y[::-1]])
    memory = np.arange(12.0)
    before = memory.copy()
    first = memory[:6]
    for a, b in ((first, memory[3:9]), (first, memory[5::-1]), (memory[::2], memory[1::2]), (first, memory[:6])):
        z_value = memory.reshape(3, 4)
        c, d = a.copy(), b.copy()
        wanted = [c + d, np.concatenate([d[:2], c[2:]]), z_value.T @ c[:3], c - d[::-1]]
        for got, want in zip(f(a, b, z_value), wanted, strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-14)
        np.testing.assert_array_equal(memory, before)


@pytest.mark.parametrize("linker", ["auto", "py"])
@pytest.mark.parametrize(
    "value",
    [1.5, 2, np.float64(1.5), np.float32(0.5), np.array(1.5), np.array(1.5, ">f8"), np.arange(3.0)[1:2].reshape(()),
     np.bool_(True)],
    ids=repr,
)  # fmt: skip
def test_numbers(value, linker):
    x, v = T.dscalar("x"), T.dvector("v")
    with ss.config.override(linker=linker):
        f = ss.function([x, v], [x * 2, v + x, T.stack([x, x])])
    got = f(value, [1.0, 2.0])
    number = float(value)
    assert got[0] == number * 2 and got[0].shape == ()
    np.testing.assert_array_equal(got[1], [1 + number, 2 + number])
    np.testing.assert_array_equal(got[2], [number, number])


def huge(folder):
    """More than 2**31 elements of a file without contents: only pages that are written to exist."""
    x = np.memmap(folder / "huge.bin", "i1", "w+", shape=(2**31 + 100,))
    x[2**31 + 50], x[7], x[-1] = 5, 3, 9
    return x


@SPARSE
@pytest.mark.parametrize("linker", ["auto", "py"])
def test_places_beyond_two_to_the_31(linker, tmp_path):
    x, i, far = T.bvector("x"), T.lvector("i"), 2**31 + 50
    with ss.config.override(linker=linker):
        f = ss.function([x, i], [x[far - 10 :] * 2, x[i], x[-1], x.shape[0], x[7 :: 2**30] + 1, x[far :: -(2**30)]])
    value = huge(tmp_path)
    index = [far, 7, -1]
    wanted = [value[far - 10 :] * 2, [5, 3, 9], 9, 2**31 + 100, value[7 :: 2**30] + 1, value[far :: -(2**30)]]
    for got, want in zip(f(value, index), wanted, strict=True):
        np.testing.assert_array_equal(got, want)
    with pytest.raises(IndexError):
        f(value, [2**31 + 100])


@SPARSE
@LONG
def test_all_of_more_than_two_to_the_31(tmp_path):
    x = T.bvector("x")
    f = ss.function([x], [x.sum(), x.max(), T.argmax(x), (x + 1)[-60:], T.neq(x, 0).sum()])
    value = huge(tmp_path)
    wanted = [17, 9, 2**31 + 99, value[-60:] + 1, 3]
    for got, want in zip(f(value), wanted, strict=True):
        np.testing.assert_array_equal(got, want)
