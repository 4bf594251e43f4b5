"""Reductions in C, of memory and of elementwise work: every way in which blocks, short rows and columns can fall."""

import numpy as np
import pytest

from symcodegen.dispatch import CKernel, c_impl
from symcodegen.kernels import map_reduce, reduce
from symcodegen.linker import CLinker
from symcore import tensor as T
from symcore.interpreter import evaluate
from symcore.tensor.elemwise import TABLE, Composite, ScalarFn
from symcore.tensor.map_reduce import MapReduce
from symopt import Mode, RuleSet, function

pytestmark = pytest.mark.c
PLAIN = Mode("no rules", RuleSet(), CLinker)
BLOCK, SHORT = map_reduce.BLOCK, reduce.SHORT
SHAPES = [
    (1,), (SHORT - 1,), (SHORT,), (SHORT + 1,), (BLOCK,), (BLOCK + 1,), (3 * BLOCK + 7,), (0,),
    (1, 3), (5, 3), (3 * BLOCK, 3), (2, BLOCK + 3), (700, SHORT), (40, SHORT + 1), (0, 3), (4, 0), (2 * BLOCK + 5, 1),
    (3, 40, 5), (40, 3, 2), (2, 3, 300), (5, 1, 700), (2, 2, 2, 2, 2),
]  # fmt: skip
AXES = {1: [(0,)], 2: [(0,), (1,), (0, 1)], 3: [(0,), (1,), (2,), (0, 2), (1, 2), (0, 1, 2)], 4: [(3,), (1, 3)]}


def random(shape, dtype="float64", seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def differences(dtype):
    """``(i0 - i1)**2``."""
    return Composite(2, ((TABLE["sub"], (0, 1), dtype), (TABLE["sqr"], (2,), dtype)), (3,))


def in_c(inputs, outputs):
    f = function(inputs, outputs, mode=PLAIN)
    python = [(str(node.op), how) for node, where, how in f.placement() if where == "Python"]
    assert not python
    return f


def transposed(array):
    return np.ascontiguousarray(array.T).T


@pytest.mark.parametrize("dims", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_shape_and_layout(dims, dtype):
    x, y = (T.tensor(dtype, shape=(None,) * dims) for _ in range(2))
    axes = AXES.get(dims, [(0, 2, 4)])
    maps = [MapReduce(differences(dtype), "add", axis, dtype, "float64")(x, y) for axis in axes]
    f = in_c([x, y], [*maps, *[x.sum(axis=axis) for axis in axes]])
    for shape in (s for s in SHAPES if len(s) == dims):
        a, b = abs(random(shape, dtype)), random(shape, dtype, 1)
        wide = np.repeat(b, 2, axis=-1)[..., ::2]
        wanted = [((a.astype("f8") - b) ** 2).sum(axis=axis) for axis in axes]
        wanted += [a.astype("f8").sum(axis=axis) for axis in axes]
        for u, v in [
            (a, b),
            (transposed(a), b),
            (transposed(a), transposed(b)),
            (a[..., ::-1], b[..., ::-1]),
            (a, wide),
        ]:
            got = f(u, v)
            assert [g.dtype for g in got] == [np.dtype(dtype)] * len(got)
            again = [
                w[..., ::-1] if u.strides[-1] < 0 and dims - 1 not in axis else w
                for w, axis in zip(wanted, [*axes, *axes], strict=True)
            ]
            for g, w in zip(got, again, strict=True):
                np.testing.assert_allclose(
                    g, w, rtol=1e-6 if dtype == "float32" else 1e-13, atol=1e-5, err_msg=str(shape)
                )


@pytest.mark.parametrize("axis", [(0,), (1,), (0, 1)])
@pytest.mark.parametrize("shape", [(3, 4), (2 * BLOCK + 1, 3), (3, 2 * BLOCK + 1), (200, 200)])
def test_inputs_that_are_broadcast(axis, shape):
    x, row, col, number = T.matrix(), T.row(), T.col(), T.scalar()
    steps = (
        (TABLE["sub"], (0, 1), "float64"),
        (TABLE["mul"], (4, 2), "float64"),
        (TABLE["tanh"], (5,), "float64"),
        (TABLE["add"], (6, 3), "float64"),
    )
    inputs = [x, row, col, number]
    outputs = [
        MapReduce(Composite(4, steps, (7,)), fn, axis, "float64", "float64")(*inputs) for fn in ("add", "minimum")
    ]
    outputs.append(MapReduce(TABLE["mul"], "add", axis, "float64", "float64")(row, col))
    arrays = [random(shape), random((1, shape[1]), seed=1), random((shape[0], 1), seed=2), np.array(0.3)]
    for got, wanted in zip(
        in_c(inputs, outputs)(*arrays), evaluate(outputs, dict(zip(inputs, arrays, strict=True))), strict=True
    ):
        np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-11)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("fn", ["add", "mul", "maximum", "minimum"])
@pytest.mark.parametrize("shape", [(7,), (BLOCK + 9,), (5, 20), (20, 5), (300, 200)])
def test_special_values_as_in_the_separate_form(dtype, fn, shape):
    """NaN and infinities, at every position of a short run, come out as without fusion."""
    x = T.tensor(dtype, shape=(None,) * len(shape))
    outputs = [MapReduce(TABLE["abs"], fn, axis, dtype, dtype)(x) for axis in AXES[len(shape)]]
    f = in_c([x], outputs)
    for special in (np.nan, np.inf, -np.inf):
        for place in ((0,) * len(shape), tuple(n - 1 for n in shape), tuple(n // 2 for n in shape)):
            a = 1 + random(shape, dtype) / 1000  # their product neither over- nor underflows
            a[place] = special
            with np.errstate(all="ignore"):
                wanted = evaluate(outputs, {x: a})
            for got, want in zip(f(a), wanted, strict=True):
                np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("source", ["int8", "int32", "uint64", "bool", "float32"])
def test_integers_and_truth_values(source):
    x, y = (T.tensor(source, shape=(None, None)) for _ in range(2))
    outputs = []
    for axis in AXES[2]:
        outputs += [MapReduce(TABLE["lt"], "add", axis, "int64", "int64")(x, y)]
        outputs += [MapReduce(TABLE["neq"], fn, axis, "bool", "bool")(x, y) for fn in ("and_", "or_")]
        kind = "int64" if source in ("int8", "int32", "bool") else source
        fold = TABLE["add"]
        dtype = fold.out_dtypes([np.dtype(source)] * 2)[0].name
        outputs += [MapReduce(fold, "maximum", axis, dtype, dtype)(x, y)]
        outputs += [MapReduce(fold, "add", axis, kind, kind)(x, y)]
    f = in_c([x, y], outputs)
    rng = np.random.default_rng(0)
    for shape in [(5, 7), (2000, 3), (3, 2000)]:
        a, b = (rng.integers(0, 2 if source == "bool" else 9, shape).astype(source) for _ in range(2))
        for got, wanted in zip(f(a, b), evaluate(outputs, {x: a, y: b}), strict=True):
            assert got.dtype == wanted.dtype
            np.testing.assert_allclose(got, wanted, rtol=1e-5)


def test_long_sums_keep_their_digits():
    """Totals of short blocks are added in the accumulator's type: as exact as NumPy in float64."""
    x = T.fvector()
    f = in_c([x], [MapReduce(TABLE["sqr"], "add", (0,), "float32", "float64")(x), x.sum()])
    a = np.random.default_rng(0).uniform(0.5, 1.5, 3_000_000).astype("float32")
    square, total = f(a)
    assert abs(float(square) / (a.astype("f8") ** 2).sum() - 1) < 2e-7
    assert abs(float(total) / a.astype("f8").sum() - 1) < 2e-7


def test_the_largest_of_nothing_is_an_error():
    x = T.matrix()
    f = in_c([x], MapReduce(TABLE["abs"], "maximum", (0,), "float64", "float64")(x))
    with pytest.raises(ValueError, match="no elements"):
        f(np.zeros((0, 3)))
    assert f(np.zeros((3, 0))).shape == (0,)


def test_a_map_without_c_says_so():
    x = T.matrix()
    alone = ScalarFn("in_no_c", np.copy, 1, TABLE["exp"].rule)
    node = MapReduce(alone, "add", (0,), "float64", "float64").make_node(x)
    assert c_impl(node.op, node) is None
    assert "in_no_c" in node.tag.no_c
    node = MapReduce(TABLE["abs"], "add", (0,), "float64", "float64").make_node(x)
    assert isinstance(c_impl(node.op, node), CKernel)


@pytest.mark.default_mode
def test_functions_use_it():
    x, y = T.dmatrix(), T.dvector()
    f = function([x, y], [((x - y) ** 2).sum(axis=1), T.max(abs(x))])
    assert [type(node.op) for node, *_ in f.placement()] == [MapReduce, MapReduce]
    a, b = random((30, 40)), random(40)
    distances, largest = f(a, b)
    np.testing.assert_allclose(distances, ((a - b) ** 2).sum(1), rtol=1e-13)
    assert largest == abs(a).max()


@pytest.mark.default_mode
def test_a_function_without_c_does_not_drag_its_neighbours_along():
    x = T.dvector()
    alone = ScalarFn("without_c", np.copy, 1, TABLE["exp"].rule)
    f = function([x], [T.exp(alone(T.sin(x) * 2)) + 1, alone(x * 3).sum()])
    where = {str(node.op): place for node, place, _ in f.placement()}
    assert where.pop("Elemwise{without_c}") == "Python"
    assert len(where) == 4
    assert set(where.values()) == {"C"}
    a = random(9)
    np.testing.assert_allclose(f(a)[0], np.exp(2 * np.sin(a)) + 1, rtol=1e-14)
