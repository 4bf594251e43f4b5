"""The Ops themselves: values against NumPy written out, derivatives against finite differences, contracts, errors."""

import pickle

import numpy as np
import pytest

from symcore import tensor as T
from symcore.gradient.grad import grad
from symcore.gradient.rop import Rop
from symcore.gradient.verify import verify_grad
from symcore.interpreter import evaluate
from symnnet.crossentropy import (
    CrossentropyCategorical1Hot,
    CrossentropyCategorical1HotGrad,
    CrossentropySoftmax1hot,
    CrossentropySoftmax1hotGrad,
    CrossentropySoftmax1hotWithGrad,
)
from symnnet.softmax import LogSoftmax, LogSoftmaxGrad, Softmax, SoftmaxGrad

rng = np.random.default_rng(6)
X = rng.standard_normal((4, 3))
P = np.exp(X) / np.exp(X).sum(1, keepdims=True)
G = rng.standard_normal((4, 3))
ROW = rng.standard_normal(4)
FAIR = rng.uniform(0.5, 1.5, (4, 3))  # far from 0, where finite differences of logarithms are good
CLASSES = np.array([2, 0, -1, 1])


def on(op, *values):
    """Return the value of an Op on arrays."""
    return evaluate(op(*[T.as_tensor(v) for v in values]))


@pytest.mark.parametrize("axis", [0, 1, -1, -2])
def test_values(axis):
    e = np.exp(X)
    p = e / e.sum(axis, keepdims=True)
    np.testing.assert_allclose(on(Softmax(axis), X), p, rtol=1e-14)
    np.testing.assert_allclose(on(LogSoftmax(axis), X), np.log(p), rtol=1e-13)
    np.testing.assert_allclose(on(SoftmaxGrad(axis), G, p), p * (G - (G * p).sum(axis, keepdims=True)), rtol=1e-12)
    np.testing.assert_allclose(on(LogSoftmaxGrad(axis), G, np.log(p)), G - p * G.sum(axis, keepdims=True), rtol=1e-12)


def test_crossentropy_values():
    at = np.arange(4)
    one_hot = np.zeros((4, 3))
    one_hot[at, CLASSES] = 1
    np.testing.assert_allclose(on(CrossentropyCategorical1Hot(), P, CLASSES), -np.log(P[at, CLASSES]), rtol=1e-14)
    np.testing.assert_allclose(on(CrossentropySoftmax1hot(), X, CLASSES), -np.log(P[at, CLASSES]), rtol=1e-13)
    slope = on(CrossentropySoftmax1hotGrad(), ROW, X, CLASSES)
    np.testing.assert_allclose(slope, ROW[:, None] * (P - one_hot), rtol=1e-12)
    slope = on(CrossentropyCategorical1HotGrad(), ROW, P, CLASSES)
    np.testing.assert_allclose(slope, -ROW[:, None] * one_hot / P, rtol=1e-12)
    both = on(CrossentropySoftmax1hotWithGrad(), ROW, X, CLASSES)
    np.testing.assert_array_equal(both[0], on(CrossentropySoftmax1hot(), X, CLASSES))
    np.testing.assert_array_equal(both[1], on(CrossentropySoftmax1hotGrad(), ROW, X, CLASSES))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_scores_of_any_size(dtype):
    scores = np.array([[1000, 0], [-1000, -1000], [60000, -60000]], dtype)
    np.testing.assert_array_equal(on(Softmax(), scores), np.array([[1, 0], [0.5, 0.5], [1, 0]], dtype))
    result = on(LogSoftmax(), scores[:2])
    assert result.dtype == dtype
    np.testing.assert_allclose(result, [[0, -1000], [-np.log(2)] * 2], rtol=1e-3)
    np.testing.assert_array_equal(on(CrossentropySoftmax1hot(), scores[:1], np.array([1])), np.array([1000], dtype))
    slope = on(CrossentropySoftmax1hotGrad(), np.array(1, dtype), scores[:1], np.array([1]))
    np.testing.assert_array_equal(slope, [[1, -1]])


def test_half_precision_sums_in_single():
    out = on(Softmax(), np.zeros((1, 30_000), np.float16))
    np.testing.assert_allclose(out, 1 / 30_000, rtol=1e-2)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0,)])
def test_no_elements(shape):
    assert on(Softmax(), np.zeros(shape)).shape == shape
    assert on(LogSoftmax(), np.zeros(shape)).shape == shape


DERIVATIVES = {
    "softmax": (lambda x: Softmax()(x), [X]),
    "softmax-axis-0": (lambda x: Softmax(0)(x), [X]),
    "softmax-3d": (lambda x: Softmax(1)(x), [rng.standard_normal((2, 3, 2))]),
    "softmax-vector": (lambda x: Softmax()(x), [X[0]]),
    "softmax-grad": (lambda g, p: SoftmaxGrad()(g, p), [G, P]),
    "softmax-grad-axis-0": (lambda g, p: SoftmaxGrad(0)(g, p), [G, P]),
    "log-softmax": (lambda x: LogSoftmax()(x), [X]),
    "log-softmax-axis-0": (lambda x: LogSoftmax(0)(x), [X]),
    "log-softmax-grad": (lambda g, y: LogSoftmaxGrad()(g, y), [G, np.log(P)]),
    "categorical": (lambda p: CrossentropyCategorical1Hot()(p, CLASSES), [FAIR]),
    "categorical-grad": (lambda g, p: CrossentropyCategorical1HotGrad()(g, p, CLASSES), [ROW, FAIR]),
    "categorical-grad-scalar": (lambda g, p: CrossentropyCategorical1HotGrad()(g, p, CLASSES), [ROW[0], FAIR]),
    "categorical-shorter": (lambda p: CrossentropyCategorical1Hot(False)(p, CLASSES[:2]), [FAIR]),
    "categorical-grad-shorter": (lambda g, p: CrossentropyCategorical1HotGrad(False)(g, p, CLASSES[:2]),
                                 [ROW[:2], FAIR]),
    "fused": (lambda x: CrossentropySoftmax1hot()(x, CLASSES), [X]),
    "fused-shorter": (lambda x: CrossentropySoftmax1hot(False)(x, CLASSES[:2]), [X]),
    "fused-grad": (lambda g, x: CrossentropySoftmax1hotGrad()(g, x, CLASSES), [ROW, X]),
    "fused-grad-scalar": (lambda g, x: CrossentropySoftmax1hotGrad()(g, x, CLASSES), [ROW[0], X]),
    "fused-grad-shorter": (lambda g, x: CrossentropySoftmax1hotGrad(False)(g, x, CLASSES[:2]), [ROW[:2], X]),
    "both": (lambda g, x: sum(o.sum() for o in CrossentropySoftmax1hotWithGrad()(g, x, CLASSES)), [ROW, X]),
}  # fmt: skip


@pytest.mark.parametrize("name", DERIVATIVES)
def test_gradient(name):
    function, values = DERIVATIVES[name]
    verify_grad(function, [np.asarray(v) for v in values], rng=np.random.default_rng(1))


@pytest.mark.parametrize("name", DERIVATIVES)
def test_tangent(name):
    """Forward mode against central differences along a random direction."""
    function, values = DERIVATIVES[name]
    values = [np.asarray(v) for v in values]
    variables = [T.TensorType("float64", (None,) * v.ndim)() for v in values]
    directions = [np.asarray(rng.standard_normal(v.shape)) for v in values]
    points = [T.as_tensor(d) for d in directions]
    tangent = evaluate(Rop(function(*variables), variables, points), dict(zip(variables, values, strict=True)))
    output = function(*variables)

    def at(h):
        return evaluate(output, {v: a + h * d for v, a, d in zip(variables, values, directions, strict=True)})

    np.testing.assert_allclose(tangent, (at(1e-5) - at(-1e-5)) / 2e-5, rtol=1e-6, atol=1e-7)


def test_the_gradient_of_log_softmax_survives_underflow():
    x = T.dmatrix("x")
    slope = grad(LogSoftmax()(x)[0, 1], x)
    np.testing.assert_array_equal(evaluate(slope, {x: np.array([[1000.0, 0.0]])}), [[-1, 1]])


@pytest.mark.parametrize("op", [Softmax(0), SoftmaxGrad(), LogSoftmax(), LogSoftmaxGrad(1), CrossentropySoftmax1hot(),
                                CrossentropySoftmax1hotGrad(False), CrossentropyCategorical1Hot(),
                                CrossentropyCategorical1HotGrad(), CrossentropySoftmax1hotWithGrad()])  # fmt: skip
def test_ops_are_values(op):
    again = pickle.loads(pickle.dumps(op))
    assert again == op
    assert hash(again) == hash(op)
    assert again != Softmax(7)


def test_one_axis_has_one_name():
    x = T.dmatrix("x")
    assert Softmax(1)(x).owner.op == Softmax(-1)(x).owner.op
    assert Softmax(-2)(x).owner.op == Softmax(0)(x).owner.op


def test_static_and_inferred_shapes():
    x, y = T.TensorType("float32", (None, 3))("x"), T.TensorType("int32", (5,))("y")
    assert Softmax()(x).type == x.type
    assert CrossentropySoftmax1hot()(x, y).type == T.TensorType("float32", (5,))
    loss, slope = CrossentropySoftmax1hotWithGrad()(T.fvector(), x, y)
    assert loss.type.shape == (5,)
    assert slope.type == x.type
    for op, inputs in ((Softmax(), [X]), (CrossentropySoftmax1hot(), [X, CLASSES]),
                       (CrossentropySoftmax1hotGrad(), [ROW, X, CLASSES]), (LogSoftmaxGrad(), [G, P])):  # fmt: skip
        node = op.make_node(*inputs)
        shapes = node.op.infer_shape(node, [v.shape for v in inputs])
        assert shapes == [node.op.perform(node, *inputs).shape]


def test_inputs_are_not_changed():
    values = [ROW.copy(), X.copy(), CLASSES.copy()]
    on(CrossentropySoftmax1hotWithGrad(), *values)
    on(Softmax(), values[1])
    on(LogSoftmaxGrad(), values[1], values[1])
    for value, before in zip(values, [ROW, X, CLASSES], strict=True):
        np.testing.assert_array_equal(value, before)


@pytest.mark.parametrize(("build", "error", "message"), [
    (lambda: Softmax()(T.lmatrix()), TypeError, "float tensor"),
    (lambda: Softmax()(T.dscalar()), ValueError, "0 dimensions"),
    (lambda: Softmax(2)(T.dmatrix()), ValueError, "axis 2"),
    (lambda: SoftmaxGrad()(T.dvector(), T.dmatrix()), TypeError, "one dtype and rank"),
    (lambda: SoftmaxGrad()(T.fmatrix(), T.dmatrix()), TypeError, "one dtype and rank"),
    (lambda: CrossentropySoftmax1hot()(T.dvector(), T.lvector()), TypeError, "matrix with a row per example"),
    (lambda: CrossentropySoftmax1hot()(T.dmatrix(), T.dvector()), TypeError, "integer vector"),
    (lambda: CrossentropySoftmax1hot()(T.dmatrix(), T.lmatrix()), TypeError, "integer vector"),
    (lambda: CrossentropySoftmax1hotGrad()(T.dmatrix(), T.dmatrix(), T.lvector()), TypeError,
     "one gradient for each row"),
    (lambda: CrossentropySoftmax1hot()(X, CLASSES[:2]), ValueError, "4 rows and 2 classes"),
])  # fmt: skip
def test_errors_while_building(build, error, message):
    with pytest.raises(error, match=message):
        build()


def test_errors_while_computing():
    x, y, g = T.dmatrix(), T.lvector(), T.dmatrix()
    for op in (CrossentropySoftmax1hot, CrossentropyCategorical1Hot):
        with pytest.raises(ValueError, match="4 rows and 2 classes"):
            evaluate(op()(x, y), {x: P, y: CLASSES[:2]})
        with pytest.raises(IndexError):
            evaluate(op(False)(x, y), {x: P[:2], y: CLASSES})
        with pytest.raises(IndexError):
            evaluate(op()(x, y), {x: P, y: CLASSES + 3})
    with pytest.raises(ValueError, match="same shape"):
        evaluate(SoftmaxGrad()(g, x), {g: G[:1], x: P})
