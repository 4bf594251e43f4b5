"""The C of softmax, log-softmax and their gradients against ``perform``: axes, strides, sizes, special values."""

import subprocess
import sys

import numpy as np
import pytest

from symcore.tensor.constructors import tensor
from symnnet.softmax import LogSoftmax, LogSoftmaxGrad, Softmax, SoftmaxGrad

pytestmark = pytest.mark.c
OPS = [Softmax, LogSoftmax, SoftmaxGrad, LogSoftmaxGrad]
TOLERANCE = {"float32": 4e-6, "float64": 1e-14}
rng = np.random.default_rng(3)


def node_of(op_class, dtype, ndim, axis=-1):
    count = 2 if op_class in (SoftmaxGrad, LogSoftmaxGrad) else 1
    return op_class(axis).make_node(*[tensor(dtype=dtype, shape=(None,) * ndim) for _ in range(count)])


def inputs_of(node, shape, scale=3.0):
    dtype = node.outputs[0].type.dtype
    x = (rng.standard_normal(shape) * scale).astype(dtype)
    if len(node.inputs) == 1:
        return [x]
    forward = (Softmax if isinstance(node.op, SoftmaxGrad) else LogSoftmax)(node.op.axis)
    y = forward.perform(forward.make_node(tensor(dtype=dtype, shape=(None,) * len(shape))), x)
    return [rng.standard_normal(shape).astype(dtype), y]


def expected_of(node, inputs, precision=np.longdouble):
    """Return the result computed in ``precision``, and how far each element may lie from it.

    The gradients subtract a sum over the row: its rounding grows with the sum of what is summed, without signs.
    """
    wide = [x.astype(precision) for x in inputs]
    expected = node.op.perform(node, *wide)
    info = np.finfo(inputs[0].dtype)
    with np.errstate(invalid="ignore"):
        bound = TOLERANCE[str(info.dtype)] * (1 + abs(expected))
    if len(inputs) == 2:
        g, weight = wide[0], wide[1]
        terms, weight = (g * weight, weight) if isinstance(node.op, SoftmaxGrad) else (g, np.exp(weight))
        bound += 4 * info.eps * weight * abs(terms).sum(node.op.axis, keepdims=True)
    return expected, bound


def assert_near(actual, expected, bound):
    with np.errstate(invalid="ignore"):
        near = (abs(actual - expected) <= bound) | (actual == expected) | (np.isnan(actual) & np.isnan(expected))
    np.testing.assert_array_equal(near, True, err_msg=f"{actual[~near]} should be {expected[~near]}")


def compare(kernels, node, inputs, out=None, precision=np.longdouble):
    expected, bound = expected_of(node, inputs, precision)
    out = np.full(expected.shape, 77, inputs[0].dtype) if out is None else out
    kernels(node, *inputs, outputs=[out])
    assert_near(out, expected, bound)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("op_class", OPS)
@pytest.mark.parametrize("n", [1, 2, 10, 31, 63, 64, 65, 127, 128, 200, 1000, 2049, 5000, 12345])
def test_row_lengths(kernels, op_class, dtype, n):
    node = node_of(op_class, dtype, 2)
    compare(kernels, node, inputs_of(node, (7, n)))


@pytest.mark.parametrize("op_class", OPS)
@pytest.mark.parametrize("rows", [1, 3, 204, 205, 700])
def test_groups_of_short_rows(kernels, op_class, rows):
    node = node_of(op_class, "float32", 2)
    compare(kernels, node, inputs_of(node, (rows, 10)))


@pytest.mark.parametrize("op_class", OPS)
@pytest.mark.parametrize(("dtype", "short"), [("float32", 40), ("float64", 20)])
@pytest.mark.parametrize("longer", [0, 1])
@pytest.mark.parametrize("rows", [1, 2, 5, 64, 65, 131])
def test_both_layouts_of_rows(kernels, op_class, dtype, short, longer, rows):
    """Rows up to 160 bytes become columns of a panel, longer ones follow one another; panels may be partly filled."""
    compare(kernels, node_of(op_class, dtype, 2), inputs_of(node_of(op_class, dtype, 2), (rows, short + longer)))


@pytest.mark.parametrize("op_class", OPS)
def test_rows_across_memory_too_long_for_panels(kernels, op_class):
    node = node_of(op_class, "float32", 2)
    inputs = [v[:, ::2] for v in inputs_of(node, (3, 80_002))]
    compare(kernels, node, inputs)
    compare(kernels, node, inputs, np.zeros((40_001, 3), np.float32).T)


@pytest.mark.parametrize("op_class", OPS)
def test_rows_with_uneven_distances(kernels, op_class):
    """Neighbouring rows of three dimensions need not lie at one distance."""
    node = node_of(op_class, "float64", 3)
    for shape in ((40, 3, 6), (40, 3, 30)):
        inputs = [v[::2, 1:] for v in inputs_of(node, shape)]
        compare(kernels, node, inputs)
        compare(kernels, node, [v[::-1] for v in inputs])
    node = node_of(op_class, "float64", 3, 0)
    compare(kernels, node, [v[:, ::3] for v in inputs_of(node, (50, 7, 5))])


@pytest.mark.parametrize("op_class", OPS)
@pytest.mark.parametrize(("shape", "axis"), [((6,), 0), ((5, 7), 0), ((3, 4, 5), 0), ((3, 4, 5), 1), ((3, 4, 5), -1),
                                             ((2, 3, 4, 5), 1), ((2, 3, 4, 5), -2)])  # fmt: skip
def test_every_axis(kernels, op_class, shape, axis):
    node = node_of(op_class, "float64", len(shape), axis)
    compare(kernels, node, inputs_of(node, shape))


@pytest.mark.parametrize("op_class", OPS)
def test_any_strides(kernels, op_class):
    node = node_of(op_class, "float32", 2)
    for view in (lambda a: a[::2, ::3], lambda a: a[::-1, ::-1], lambda a: a.T, lambda a: a[1:, 1:]):
        inputs = [view(v) for v in inputs_of(node, (90, 80))]
        compare(kernels, node, inputs)
        compare(kernels, node, inputs, np.zeros(inputs[0].shape[::-1], np.float32).T)
    inputs = [np.broadcast_to(v, (5, 70)) for v in inputs_of(node, (1, 70))]
    compare(kernels, node, inputs)


@pytest.mark.parametrize("op_class", OPS)
@pytest.mark.parametrize("shape", [(0, 5), (3, 0), (0, 0)])
def test_no_elements(kernels, op_class, shape):
    node = node_of(op_class, "float32", 2)
    compare(kernels, node, [np.zeros(shape, np.float32)] * len(node.inputs))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("op_class", [Softmax, LogSoftmax])
@pytest.mark.parametrize("n", [4, 100])
def test_special_values(kernels, op_class, dtype, n):
    x = rng.standard_normal((9, n)).astype(dtype)
    x[0, 1] = np.nan
    x[1, 2] = np.inf
    x[2, 3] = -np.inf
    x[3, :] = -np.inf
    x[4, :] = np.nan
    x[5, 0], x[5, 1] = np.inf, np.nan
    x[6, 0] = 1e4
    x[7, :] = np.finfo(dtype).max
    x[8, :2] = np.finfo(dtype).max, -np.finfo(dtype).max
    compare(kernels, node_of(op_class, dtype, 2), [x], precision=dtype)  # the largest floats overflow in no wider one


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("op_class", [Softmax, LogSoftmax])
@pytest.mark.parametrize("n", [4, 45, 300])
@pytest.mark.parametrize("inplace", [False, True])
def test_far_below_the_largest(kernels, op_class, dtype, n, inplace):
    """Exponentials that are normal or 0 are computed faster than denormal ones; all come out right."""
    info = np.finfo(dtype)
    low = np.log(info.smallest_normal)
    x = rng.standard_normal((40, n)).astype(dtype)
    places = [0.9 * low, low + 0.5, low - 2, low - 9, 1.02 * low, 1.2 * low, 3 * low, -1e30, -np.inf]
    for row, below in enumerate(places):
        x[4 * row + 1, row % n] = below
    node = node_of(op_class, dtype, 2)
    expected, bound = expected_of(node, [x])
    if op_class is Softmax:
        distance = np.minimum(x.max(-1, keepdims=True) - x.astype(np.longdouble), -2 * low)  # it is rounded once
        bound = (TOLERANCE[dtype] + info.eps * distance) * expected + 2 * info.smallest_subnormal
        assert np.any((expected > 0) & (expected < info.smallest_normal))
    out = x if inplace else np.full(x.shape, 77, dtype)
    kernels(node, x, outputs=[out])
    assert_near(out, expected, bound)


@pytest.mark.parametrize("op_class", OPS)
@pytest.mark.parametrize("n", [10, 300])
def test_output_over_input(kernels, op_class, n):
    node = node_of(op_class, "float32", 2)
    for position in node.op.inplace(node)[0]:
        for across in (False, True):
            inputs = [np.asfortranarray(v) if across else v for v in inputs_of(node, (33, n))]
            expected, bound = expected_of(node, inputs)
            kernels(node, *inputs, outputs=[inputs[position]])
            assert_near(inputs[position], expected, bound)


def test_long_sums_keep_their_precision(kernels):
    node = node_of(Softmax, "float32", 2)
    out = np.empty((1, 3_000_000), np.float32)
    kernels(node, np.zeros_like(out), outputs=[out])
    np.testing.assert_allclose(out, 1 / out.size, rtol=2e-7)


@pytest.mark.parametrize("op_class", [SoftmaxGrad, LogSoftmaxGrad])
def test_shapes_that_differ_fail(kernels, kernel_failed, op_class):
    node = node_of(op_class, "float32", 2)
    out = np.full((3, 4), 5, np.float32)
    with pytest.raises(kernel_failed, match="same shape") as caught:
        kernels(node, np.zeros((3, 5), np.float32), np.zeros((3, 4), np.float32), outputs=[out])
    assert caught.value.kind == 2
    assert (out == 5).all()


def test_other_dtypes_say_why_they_have_no_c(kernels):
    import symnnet.c  # noqa: F401
    from symcodegen.dispatch import c_impl, reason

    node = node_of(Softmax, "float16", 2)
    assert c_impl(node.op, node) is None
    assert "float16" in reason(node)


@pytest.mark.parametrize("op_class", OPS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_light_and_the_same_text_for_equal_nodes(kernels, op_class, dtype):
    """Light flags compile several times faster; equal text is compiled once."""
    import symnnet.c  # noqa: F401
    from symcodegen.dispatch import c_impl

    one, two = (c_impl(node.op, node) for node in (node_of(op_class, dtype, 2), node_of(op_class, dtype, 2)))
    assert one == two
    assert not one.heavy


def test_the_package_says_which_module_registers_which_kernels():
    pytest.importorskip("symcodegen", reason="symnnet[c] is not installed")
    code = (
        "import importlib, symnnet.c\n"
        "from symcodegen.dispatch import c_impl\n"
        "said = {op: home for op, home in c_impl._absent.items() if home.startswith('symnnet.c.')}\n"
        "for home in set(said.values()):\n"
        "    importlib.import_module(home)\n"
        "done = {(op.__module__, op.__qualname__): f.__module__ for op, f in c_impl._generic.registry.items()}\n"
        "assert said == {op: home for op, home in done.items() if home.startswith('symnnet.c.')} and len(said) == 9\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
