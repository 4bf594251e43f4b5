"""Loops that read rows of tables by an index: every way in which rows and blocks can lie, errors, updates in place."""

import shutil

import numpy as np
import pytest

from symcodegen.kernels.indexed import AHEAD, BLOCK, LONG, SHORT
from symcodegen.linker import CLinker
from symcodegen.testing import assert_same_exported
from symcore import shared
from symcore import tensor as T
from symcore.config import config
from symcore.gradient.grad import grad
from symcore.tensor.elemwise import TABLE, Composite, Elemwise
from symcore.tensor.indexed_map import IndexedMap
from symcore.tensor.subtensor import AdvancedIncSubtensor
from symopt import Mode, RuleSet, function

pytestmark = pytest.mark.c
PLAIN = Mode("no rules", RuleSet(), CLinker)
rng = np.random.default_rng(29)
#: Lengths of rows: of one element, on either side of what is copied together, of a vector, of a block, of several.
LENGTHS = [0, 1, 3, SHORT - 1, SHORT, SHORT + 1, LONG + 1, 129, BLOCK, BLOCK + 1, 2 * BLOCK + 5]
#: How many rows: fewer than are asked for ahead, and more than a block of short ones.
COUNTS = [0, 1, AHEAD - 1, AHEAD + 2, 700]


@pytest.fixture(autouse=True)
def seeded():
    global rng
    rng = np.random.default_rng(29)


def normal(*shape, dtype="float32"):
    return rng.normal(size=shape).astype(dtype)


def in_c(inputs, outputs, mode=PLAIN, **kwargs):
    f = function(inputs, outputs, mode=mode, **kwargs)
    python = [(str(node.op), how) for node, where, how in f.placement() if where == "Python"]
    assert not python
    return f


def layouts(array):
    """Yield the same values as they may lie in memory."""
    yield array
    yield np.asfortranarray(array)
    yield np.repeat(array, 2, axis=-1)[..., ::2]
    yield np.ascontiguousarray(array[::-1])[::-1]
    yield np.ascontiguousarray(array[..., ::-1])[..., ::-1]


def work(dtype):
    """``(i0 - i1)**2`` and ``(i0 - i1) * i2``."""
    steps = ((TABLE["sub"], (0, 1), dtype), (TABLE["sqr"], (3,), dtype), (TABLE["mul"], (3, 2), dtype))
    return Composite(3, steps, (4, 5))


def wanted(x, y, row, axis):
    difference = x.astype("f8") - y
    return (difference**2).sum(axis), difference * row


def close(got, expected, dtype):
    """Sums are added in blocks in the elements' type; differences are rounded once and scaled once."""
    eps = np.finfo(dtype).eps
    for g, e in zip(got, expected, strict=True):
        assert g.dtype == dtype and g.shape == np.shape(e)
        np.testing.assert_allclose(g, e, rtol=64 * eps, atol=8 * eps)


@pytest.mark.parametrize("axis", [None, (1,), (0, 1)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_length_and_layout(axis, dtype):
    x, y, row, index = (*(T.tensor(dtype, shape=(None,) * n) for n in (2, 2, 1)), T.lvector())
    how = () if axis is None else ("add", axis, dtype, "float64")
    outputs = IndexedMap(work(dtype), (0,), *how)(x, y, row, index)
    f = in_c([x, y, row, index], outputs)
    for length in LENGTHS:
        for count in COUNTS:
            if count * length > 1 << 18:
                continue
            table, u, r = (normal(*shape, dtype=dtype) for shape in ((9, length), (count, length), (length,)))
            i = rng.integers(-9, 9, size=count)
            square, scaled = wanted(table[i], u, r, axis or ())
            for a, b in zip(layouts(table), layouts(u), strict=True):
                close(f(a, b, r, i), (square, scaled), np.dtype(dtype))
            for b in layouts(u):
                close(f(table, b, np.repeat(r, 2)[::2], np.repeat(i, 2)[::2]), (square, scaled), np.dtype(dtype))


def test_functions_whose_rows_end_amid_a_vector():
    """They are computed in blocks of several rows: each row alone would be computed one by one at its end."""
    x, y, i = T.dmatrix(), T.dmatrix(), T.lvector()
    f = in_c([x, y, i], IndexedMap(Composite(2, ((TABLE["tanh"], (0,), "float64"), (TABLE["mul"], (2, 1), "float64")),
                                             (3,)), (0,))(x, y, i))
    for length in (2, SHORT, SHORT + 3, 5 * SHORT, LONG + 9, BLOCK + 7):
        table, u = normal(5, length, dtype="float64"), normal(70, length, dtype="float64")
        index = rng.integers(-5, 5, size=70)
        np.testing.assert_allclose(f(table, u, index), np.tanh(table[index]) * u, rtol=1e-14)


@pytest.mark.parametrize("shape", [(3, 5), (1, 4), (4, 1), (2, 300), (0, 3), (3, 0), (2, 2, 3)])
def test_indices_of_several_axes(shape):
    x, i = T.fmatrix(), T.tensor("int64", shape=(None,) * len(shape))
    y = T.tensor("float32", shape=(None,) * (len(shape) + 1))
    row = T.fvector()
    op = IndexedMap(work("float32"), (0,), "add", (len(shape),), "float32", "float64")
    f = in_c([x, y, row, i], op(x, y, row, i))
    for length in (1, 3, 40):
        table, u, r = normal(7, length), normal(*shape, length), normal(length)
        index = rng.integers(-7, 7, size=shape)
        expected = wanted(table[index], u, r, -1)
        for a in layouts(index):
            close(f(table, u, r, a), expected, np.dtype("float32"))
        close(f(table, np.asfortranarray(u), r, np.asfortranarray(index)), expected, np.dtype("float32"))


def test_rows_of_several_axes_and_two_tables():
    x, z, i, j = T.ftensor3(), T.dtensor3(), T.lvector(), T.lvector()
    f = in_c([x, z, i, j], IndexedMap(TABLE["mul"], (0, 1), "add", (1, 2), "float64", "float64")(x, z, i, j))
    for rest in [(3, 5), (1, 40), (20, 1), (0, 3)]:
        a, b = normal(6, *rest), normal(4, *rest, dtype="float64")
        k, n = rng.integers(-6, 6, size=11), rng.integers(-4, 4, size=11)
        for u in (a, np.asfortranarray(a)):
            np.testing.assert_allclose(f(u, b, k, n), (a[k] * b[n]).sum((1, 2)), rtol=1e-13, atol=1e-13)


def test_what_is_repeated_by_its_type():
    """A single row that stands for all, a table whose rows are of one element, a value per row."""
    x, z, i, j = T.fmatrix(), T.tensor("float32", shape=(None, 1)), T.tensor("int64", shape=(1,)), T.lvector()
    column = T.tensor("float32", shape=(None, 1))
    f = in_c([x, z, column, i, j], IndexedMap(work("float32"), (0, 1))(x, z, column, i, j))
    a, b, c, k = normal(6, 30), normal(5, 1), normal(9, 1), rng.integers(-5, 5, size=9)
    expected = (a[[-2]] - b[k]).astype("f8")
    close(f(a, b, c, [-2], k), (expected**2, expected * c), np.dtype("float32"))


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "int64", "float16", "complex64", "complex128"])
def test_other_types(dtype):
    x, y, i = T.tensor(dtype, shape=(None, None)), T.tensor(dtype, shape=(None, None)), T.lvector()
    fn = TABLE["or_"] if dtype == "bool" else TABLE["add"]
    how = ("or_", (1,), "bool", "bool") if dtype == "bool" else ("add", (1,), dtype, dtype)
    f = in_c([x, y, i], [IndexedMap(fn, (0,))(x, y, i), IndexedMap(fn, (0,), *how)(x, y, i)])
    for length in (5, 50):
        a, b = (4 * normal(6, length)).astype(dtype), (4 * normal(8, length)).astype(dtype)
        k = rng.integers(-6, 6, size=8)
        mapped, combined = f(a, b, k)
        expected = a[k] | b if dtype == "bool" else a[k] + b
        np.testing.assert_array_equal(mapped, expected)
        if dtype == "bool":
            np.testing.assert_array_equal(combined, expected.any(1))
        else:
            total = expected.sum(1, dtype=dtype)
            tolerance = 0 if np.dtype(dtype).kind in "iu" else 64 * np.finfo(dtype).eps
            np.testing.assert_allclose(combined, total, rtol=tolerance, atol=tolerance * 8 * length**0.5)


def test_extremes_of_nothing_fail_before_anything_is_written():
    x, y, i = T.dmatrix(), T.dmatrix(), T.lvector()
    both = Composite(2, ((TABLE["sub"], (0, 1), "float64"), (TABLE["neg"], (2,), "float64")), (2, 3))
    f = in_c([x, y, i], IndexedMap(both, (0,), "maximum", (0, 1), "float64", "float64")(x, y, i))
    with pytest.raises(ValueError, match="no elements"):
        f(np.ones((3, 2)), np.ones((0, 2)), [])


# ---------------------------------------------------------------------- in the default mode


def fused(f):
    return [node for node in f.plan.order if type(node.op) is IndexedMap]


def training_step(dtype="float32", rows=40, length=33, name="W"):
    value = normal(rows, length, dtype=dtype)
    W = shared(value.copy(), name=name)
    i, y = T.lvector("i"), T.tensor(dtype, shape=(None, None), name="y")
    cost = T.sqr(W[i] - y).mean()
    f = function([i, y], cost, updates=[(W, W - np.dtype(dtype).type(0.5) * grad(cost, W))], name="step")
    return f, W, value


@pytest.mark.default_mode
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_loss_and_gradient_are_one_pass_and_the_update_comes_after(dtype):
    f, W, value = training_step(dtype)
    [node] = fused(f)
    assert len(node.outputs) == 2 and "AdvancedSubtensor" not in f.explain()
    assert "written in place" in f.explain()
    for count in (1, 7, 300, 0):  # with more rows than the table has, some come twice
        i, y = rng.integers(-40, 40, size=count), normal(count, 33, dtype=dtype)
        difference = value[i].astype("f8") - y
        expected = value.astype("f8")
        np.add.at(expected, i, -difference / max(difference.size, 1))
        cost = f(i, y)
        if count:
            np.testing.assert_allclose(cost, (difference**2).mean(), rtol=1e-5)
        eps = np.finfo(dtype).eps
        np.testing.assert_allclose(W.get_value(), expected, rtol=8 * eps, atol=8 * eps * max(1, count / 10))
        value = W.get_value()


@pytest.mark.default_mode
def test_errors_are_those_of_the_parts_and_change_nothing():
    f, W, value = training_step()
    with pytest.raises(IndexError, match="index 40 is out of bounds for axis 0 with size 40") as error:
        f([1, 40], normal(2, 33))
    assert "W[i]" in "".join(error.value.__notes__)
    with pytest.raises(IndexError, match="index -41 is out of bounds"):
        f([-41], normal(1, 33))
    with pytest.raises(ValueError, match="has length 32 along axis 1") as error:
        f([1], normal(1, 32))
    assert r"sub fails, on the shapes (1, 33) and (1, 32)" in "".join(error.value.__notes__)
    with pytest.raises(ValueError, match="Lengths must be equal"):
        f([1], normal(2, 33))
    np.testing.assert_array_equal(W.get_value(), value)


@pytest.mark.default_mode
def test_a_table_that_was_written_before_is_not_read_late():
    """What the loop needs is made of the new values, so the rows are gathered before; the table is not copied."""
    W, i, y = shared(normal(20, 24), name="W"), T.lvector(), T.fmatrix()
    old = W.get_value()
    new = AdvancedIncSubtensor(("array",))(W, y, i)
    f = function([i, y], T.exp(W[i] * new.sum()), updates=[(W, new)])
    assert not fused(f) and "written in place" in f.explain()
    k, u = np.array([3, 3, -1]), normal(3, 24) / 50
    updated = old.copy()
    np.add.at(updated, k, u)
    np.testing.assert_allclose(f(k, u), np.exp(old[k] * updated.sum(dtype="f8")), rtol=2e-3)
    np.testing.assert_allclose(W.get_value(), updated, rtol=1e-6, atol=1e-6)


@pytest.mark.default_mode
def test_the_number_of_threads_does_not_matter():
    x, i, y = T.fmatrix(), T.lvector(), T.fmatrix()
    values = normal(3000, 130), rng.integers(-3000, 3000, size=9000), normal(9000, 130)
    results = []
    for count in (1, 3):
        with config.override(threads=count):
            f = function([x, i, y], [T.sqr(x[i] - y).sum(), T.tanh(x[i] - y), T.exp(y * x[-1 - i]).sum(axis=1)])
        assert len(fused(f)) == 2
        results.append(f(*values))
    for a, b in zip(*results, strict=True):
        assert a.tobytes() == b.tobytes()


@pytest.mark.default_mode
def test_in_the_steps_of_a_loop():
    symscan = pytest.importorskip("symscan")
    W, indices = T.dmatrix(), T.lmatrix()

    def step(i, h):
        return T.tanh(W[i] + h)

    hs, _ = symscan.scan(step, sequences=[indices], outputs_info=[T.zeros((4, 6))])
    f = function([W, indices], hs)
    w, k = normal(5, 6, dtype="float64"), rng.integers(-5, 5, size=(7, 4))
    h = np.zeros((4, 6))
    for got, i in zip(f(w, k), k, strict=True):
        h = np.tanh(w[i] + h)
        np.testing.assert_allclose(got, h, rtol=1e-13, atol=1e-13)
    with pytest.raises(IndexError, match="index 5 is out of bounds"):
        f(w, k * 0 + 5)


@pytest.mark.default_mode
@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_exported(tmp_path):
    x, i, y = T.fmatrix("x"), T.lmatrix("i"), T.ftensor3("y")
    f = function([x, i, y], [T.sqr(x[i] - y).sum(), T.tanh(x[i] - y)], name="rows")
    assert len(fused(f)) == 1
    shapes = (2, 3), (1, 1), (4, 0)
    values = [(normal(6, 20), rng.integers(-6, 6, size=shape), normal(*shape, 20)) for shape in shapes]
    assert_same_exported(f, tmp_path, *values)


def test_overwriting_what_it_reads_at_the_same_element():
    """The result may lie in the memory of an input that is dead by then, of a table never."""
    x, i = T.fmatrix(), T.lvector()
    table = T.exp(x)
    f = function([x, i], Elemwise(Composite(2, ((TABLE["mul"], (0, 1), "float32"),), (2,)))(table[i], T.exp(-x)))
    a = normal(5, 20)
    k = np.array([4, 0, 0, 1, 2])
    np.testing.assert_allclose(f(a, k), np.exp(a.astype("f8"))[k] * np.exp(-a.astype("f8")), rtol=1e-5)
