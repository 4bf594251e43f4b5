"""The C of the cross-entropies against ``perform``."""

import numpy as np
import pytest

from symcore import tensor as T
from symcore.tensor.constructors import tensor
from symnnet.crossentropy import (
    CrossentropyCategorical1Hot,
    CrossentropyCategorical1HotGrad,
    CrossentropySoftmax1hot,
    CrossentropySoftmax1hotGrad,
    CrossentropySoftmax1hotWithGrad,
)

pytestmark = pytest.mark.c
WITHOUT_G = [CrossentropySoftmax1hot, CrossentropyCategorical1Hot]
WITH_G = [CrossentropySoftmax1hotGrad, CrossentropyCategorical1HotGrad, CrossentropySoftmax1hotWithGrad]
CATEGORICAL = (CrossentropyCategorical1Hot, CrossentropyCategorical1HotGrad)
rng = np.random.default_rng(4)


def case(op_class, rows, n, dtype="float32", classes="int64", g="vector", strict=True, given=None):
    """Return a node and values for it."""
    given = rows if given is None else given
    x = rng.standard_normal((rows, n)) * 3
    if op_class in CATEGORICAL:
        x = np.exp(x) / np.exp(x).sum(-1, keepdims=True)
    y = rng.integers(0, n, given).astype(classes)
    values = [x.astype(dtype), y]
    types = [tensor(dtype=dtype, shape=(None, None)), tensor(dtype=classes, shape=(None,))]
    if op_class in WITH_G:
        shape = {"vector": (given,), "one": (1,), "scalar": ()}[g]
        values.insert(0, np.asarray(rng.standard_normal(shape), dtype))
        types.insert(0, tensor(dtype=dtype, shape=() if g == "scalar" else (1,) if g == "one" else (None,)))
    return op_class(strict).make_node(*types), values


def compare(kernels, node, values):
    expected = node.op.perform(node, *values)
    expected = expected if isinstance(expected, tuple) else (expected,)
    outputs = [np.full(e.shape, 77, e.dtype) for e in expected]
    kernels(node, *values, outputs=outputs)
    for out, e in zip(outputs, expected, strict=True):
        tolerance = 4e-6 if e.dtype == np.float32 else 2e-14
        np.testing.assert_allclose(out, e, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("op_class", WITHOUT_G + WITH_G)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("rows", "n"), [(1, 1), (1, 10), (600, 10), (5, 1000), (3, 5000), (0, 4), (0, 0)])
def test_sizes(kernels, op_class, dtype, rows, n):
    if not rows:
        node, values = case(op_class, 1, max(n, 1), dtype)
        values = [v[:0] if v.ndim == 1 else v[:0, :n] for v in values]
    else:
        node, values = case(op_class, rows, n, dtype)
    compare(kernels, node, values)


@pytest.mark.parametrize("op_class", WITHOUT_G + WITH_G)
@pytest.mark.parametrize(("dtype", "short"), [("float32", 40), ("float64", 20)])
@pytest.mark.parametrize("rows", [2, 3, 65, 131])
def test_both_layouts_of_rows(kernels, op_class, dtype, short, rows):
    for n in (short, short + 1):
        compare(kernels, *case(op_class, rows, n, dtype))


@pytest.mark.parametrize("op_class", WITHOUT_G + WITH_G)
def test_rows_across_memory_too_long_for_panels(kernels, op_class):
    node, values = case(op_class, 3, 80_002)
    values[-2], values[-1] = values[-2][:, ::2], values[-1] // 2
    compare(kernels, node, values)


@pytest.mark.parametrize("op_class", WITHOUT_G + WITH_G)
def test_light_flags(kernels, op_class):
    """They compile several times faster than -O3."""
    import symnnet.c  # noqa: F401
    from symcodegen.dispatch import c_impl

    node, _ = case(op_class, 2, 2)
    assert not c_impl(node.op, node).heavy


@pytest.mark.parametrize("op_class", WITH_G)
@pytest.mark.parametrize("g", ["vector", "one", "scalar"])
def test_gradients_per_row_or_for_all(kernels, op_class, g):
    compare(kernels, *case(op_class, 9, 20, g=g))


@pytest.mark.parametrize("op_class", WITHOUT_G + WITH_G)
@pytest.mark.parametrize("classes", ["int8", "int16", "int32", "uint8", "uint16", "uint32"])
def test_integer_types(kernels, op_class, classes):
    compare(kernels, *case(op_class, 9, 20, classes=classes))


@pytest.mark.parametrize("op_class", WITHOUT_G + WITH_G)
def test_negative_classes_count_from_the_end(kernels, op_class):
    node, values = case(op_class, 9, 20)
    values[-1] = values[-1] - 20
    compare(kernels, node, values)


@pytest.mark.parametrize("op_class", WITHOUT_G + WITH_G)
def test_any_strides(kernels, op_class):
    node, values = case(op_class, 60, 70)
    x, y = values[-2:]
    compare(kernels, node, [*values[:-2], np.asfortranarray(x), np.repeat(y, 2)[::2]])
    compare(kernels, node, [*(v[::-1] for v in values[:-2]), x[::-1, ::-1], y[::-1]])


@pytest.mark.parametrize("op_class", WITHOUT_G + WITH_G)
def test_fewer_classes_than_rows(kernels, kernel_failed, op_class):
    compare(kernels, *case(op_class, 9, 20, strict=False, given=6))
    node, values = case(op_class, 9, 20, strict=True, given=6)
    refuse(kernels, kernel_failed, node, values, 2, "9 rows and 6 classes")
    node, values = case(op_class, 6, 20, strict=False, given=9)
    refuse(kernels, kernel_failed, node, values, 3, "index 6 is out of bounds for axis 0 with size 6")


@pytest.mark.parametrize("op_class", WITHOUT_G + WITH_G)
@pytest.mark.parametrize("wrong", [20, -21])
def test_class_out_of_bounds(kernels, kernel_failed, op_class, wrong):
    node, values = case(op_class, 9, 20)
    values[-1][5] = wrong
    refuse(kernels, kernel_failed, node, values, 3, f"index {wrong} is out of bounds for axis 1 with size 20")
    with pytest.raises(IndexError):
        node.op.perform(node, *values)


def refuse(kernels, kernel_failed, node, values, kind, message):
    """Check that the kernel fails as told, before it writes."""
    outputs = [np.full((9, 20) if v.type.ndim == 2 else 9, 77, v.type.dtype) for v in node.outputs]
    with pytest.raises(kernel_failed, match=message) as caught:
        kernels(node, *values, outputs=outputs)
    assert caught.value.kind == kind
    assert all((out == 77).all() for out in outputs)


def test_no_classes_at_all(kernels, kernel_failed):
    node, values = case(CrossentropySoftmax1hot, 3, 5)
    refuse(kernels, kernel_failed, node, [values[0][:, :0], values[1]], 3, "axis 1 with size 0")


@pytest.mark.parametrize("op_class", [CrossentropySoftmax1hot, CrossentropySoftmax1hotGrad])
def test_special_values(kernels, op_class):
    node, values = case(op_class, 7, 5)
    x = values[-2]
    x[0, 0], x[1, 1], x[2, 2] = np.nan, np.inf, -np.inf
    x[3] = -np.inf
    x[4, values[-1][4]] = -np.inf
    x[5], x[6] = 3e38, [1000, 0, -1000, 500, 1e30]
    compare(kernels, node, values)


@pytest.mark.parametrize("op_class", [CrossentropySoftmax1hotGrad, CrossentropySoftmax1hotWithGrad])
@pytest.mark.parametrize("n", [6, 300])
def test_scores_far_below_the_largest(kernels, op_class, n):
    """One row of a panel whose exponentials are denormal: its neighbours are read again as well."""
    node, values = case(op_class, 30, n, "float64")
    values[-2][7, 1], values[-2][20, 2], values[-2][21, 2] = -712.0, -1e300, -np.inf
    compare(kernels, node, values)


@pytest.mark.parametrize("op_class", [CrossentropySoftmax1hotGrad, CrossentropySoftmax1hotWithGrad])
def test_gradient_over_scores(kernels, op_class):
    node, values = case(op_class, 50, 100)
    expected = node.op.perform(node, *values)
    outputs = [np.empty(50, np.float32)] * (len(node.outputs) - 1) + [values[1]]
    kernels(node, *values, outputs=outputs)
    np.testing.assert_allclose(outputs[-1], expected[-1] if len(outputs) > 1 else expected, rtol=4e-6, atol=4e-6)


def test_unsigned_64_bits_have_no_c():
    dispatch = pytest.importorskip("symcodegen.dispatch")
    pytest.importorskip("symnnet.c")
    node, _ = case(CrossentropySoftmax1hot, 3, 4, classes="uint64")
    assert dispatch.c_impl(node.op, node) is None
    assert "uint64" in dispatch.reason(node)


def test_targets_that_are_no_classes_are_refused_with_what_to_do():
    y, chances = T.dvector("y"), T.dtensor3("chances")
    with pytest.raises(TypeError, match=r"got y of type .* cast it: y\.astype\('int64'\)"):
        CrossentropyCategorical1Hot()(T.dmatrix(), y)
    with pytest.raises(TypeError, match="use categorical_crossentropy"):
        CrossentropyCategorical1Hot()(T.dmatrix(), T.dmatrix())
    with pytest.raises(TypeError, match=r"3D\)\.$"):
        CrossentropyCategorical1Hot()(T.dmatrix(), chances)
