"""The functions that users call."""

import numpy as np
import pytest

from symcore import tensor as T
from symcore.gradient.grad import grad
from symcore.interpreter import evaluate
from symnnet import absent, nnet

V = np.array([-700.0, -3.0, -0.5, 0.0, 0.25, 2.0, 5.0, 7.0, 800.0])
x = T.dvector("x")
rng = np.random.default_rng(7)


def value(function, *arguments):
    return evaluate(function(x, *arguments), {x: V})


def slope(function, *arguments):
    return evaluate(grad(function(x, *arguments).sum(), x), {x: V})


def test_elementwise_values():
    positive = np.maximum(V, 0)
    np.testing.assert_allclose(value(nnet.sigmoid), 1 / (1 + np.exp(-V)), rtol=1e-12)
    np.testing.assert_allclose(value(nnet.softplus), np.logaddexp(V, 0), rtol=1e-14)
    np.testing.assert_allclose(value(nnet.hard_sigmoid), np.clip(0.2 * V + 0.5, 0, 1), rtol=1e-14)
    np.testing.assert_allclose(value(nnet.softsign), V / (1 + abs(V)), rtol=1e-14)
    np.testing.assert_allclose(value(nnet.relu), positive)
    np.testing.assert_allclose(value(nnet.relu, 0.1), np.where(V > 0, V, 0.1 * V), rtol=1e-13)
    np.testing.assert_allclose(value(nnet.elu, 2.0), np.where(V > 0, V, 2 * np.expm1(np.minimum(V, 0))), rtol=1e-14)
    expected = 1.0507009873554805 * np.where(V > 0, V, 1.6732632423543772 * np.expm1(np.minimum(V, 0)))
    np.testing.assert_allclose(value(nnet.selu), expected, rtol=1e-14)
    np.testing.assert_allclose(value(nnet.ultra_fast_sigmoid), 1 / (1 + np.exp(-V)), atol=0.03)


def test_elementwise_slopes():
    np.testing.assert_array_equal(slope(nnet.relu), [0, 0, 0, 0.5, 1, 1, 1, 1, 1])
    np.testing.assert_allclose(slope(nnet.relu, 0.5), [0.5, 0.5, 0.5, 0.75, 1, 1, 1, 1, 1])
    np.testing.assert_allclose(slope(nnet.elu), np.where(V > 0, 1, np.exp(np.minimum(V, 0))), rtol=1e-14)
    s = 1 / (1 + np.exp(-V))
    np.testing.assert_allclose(slope(nnet.sigmoid), s * (1 - s), atol=1e-16)
    np.testing.assert_allclose(slope(nnet.softplus), s, rtol=1e-12)


def test_relu_with_a_slope_per_unit():
    alpha = T.dvector("alpha")
    result = evaluate(nnet.relu(x, alpha), {x: V, alpha: np.linspace(0, 1, len(V))})
    np.testing.assert_allclose(result, np.where(V > 0, V, V * np.linspace(0, 1, len(V))), rtol=1e-12)


@pytest.mark.parametrize("function", [nnet.relu, nnet.elu, nnet.selu, nnet.hard_sigmoid, nnet.softsign, nnet.softplus,
                                      nnet.ultra_fast_sigmoid, nnet.sigmoid, nnet.softmax, nnet.logsoftmax])
def test_single_precision_stays_single(function):
    assert function(T.fvector()).dtype == "float32"


def test_softmax_family():
    m = rng.standard_normal((3, 4))
    matrix, bias = T.dmatrix("m"), T.dvector("bias")
    p = np.exp(m) / np.exp(m).sum(1, keepdims=True)
    for built in (nnet.softmax(matrix), nnet.softmax_graph(matrix), nnet.softmax(matrix, axis=1)):
        np.testing.assert_allclose(evaluate(built, {matrix: m}), p, rtol=1e-13)
    np.testing.assert_allclose(evaluate(nnet.softmax(matrix, axis=0), {matrix: m}).sum(0), 1, rtol=1e-14)
    np.testing.assert_allclose(evaluate(nnet.log_softmax(matrix), {matrix: m}), np.log(p), rtol=1e-12)
    assert nnet.logsoftmax is nnet.log_softmax
    assert nnet.softmax(x).type == x.type
    shifted = evaluate(nnet.softmax_with_bias(matrix, bias), {matrix: m, bias: np.array([0, 0, 0, 1000.0])})
    np.testing.assert_array_equal(shifted, [[0, 0, 0, 1]] * 3)


def test_binary_crossentropy():
    t = T.dvector("t")
    target = np.array([0, 1, 0.5, 1, 0, 1, 0, 0.25, 1])
    stable = nnet.sigmoid_binary_crossentropy(x, t)
    result = evaluate(stable, {x: V, t: target})
    expected = target * np.logaddexp(-V, 0) + (1 - target) * np.logaddexp(V, 0)
    np.testing.assert_allclose(result, expected, rtol=1e-14)
    assert 0 < result[0] < 1e-300  # exp(-700)
    assert result[-1] == 0  # exp(-800) underflows
    difference = evaluate(grad(stable.sum(), x), {x: V, t: target})
    np.testing.assert_allclose(difference, 1 / (1 + np.exp(-V)) - target, rtol=1e-9, atol=1e-15)
    middle = V[1:-1]
    plain = nnet.binary_crossentropy(nnet.sigmoid(x), t)
    np.testing.assert_allclose(evaluate(plain, {x: middle, t: target[1:-1]}), expected[1:-1], rtol=1e-12)


def test_small_losses_keep_their_digits():
    t = T.dvector("t")
    result = evaluate(nnet.sigmoid_binary_crossentropy(x, t), {x: np.array([40.0, -40.0]), t: np.array([1.0, 0.0])})
    np.testing.assert_allclose(result, np.exp(-40.0), rtol=1e-12)


def test_categorical_crossentropy():
    p = rng.dirichlet(np.ones(4), 3)
    q = rng.dirichlet(np.ones(4), 3)
    dist, other, classes = T.dmatrix("dist"), T.dmatrix("other"), T.ivector("classes")
    result = evaluate(nnet.categorical_crossentropy(dist, other), {dist: p, other: q})
    np.testing.assert_allclose(result, -(q * np.log(p)).sum(1), rtol=1e-13)
    chosen = np.array([3, 0, 1], np.int32)
    result = evaluate(nnet.categorical_crossentropy(dist, classes), {dist: p, classes: chosen})
    np.testing.assert_allclose(result, -np.log(p[np.arange(3), chosen]), rtol=1e-14)
    with pytest.raises(TypeError, match="either a matrix"):
        nnet.categorical_crossentropy(dist, T.iscalar())


def test_fused_losses():
    m, chosen, bias = rng.standard_normal((3, 4)), np.array([3, 0, 1]), rng.standard_normal(4)
    scores, b, y = T.dmatrix(), T.dvector(), T.lvector()
    values = {scores: m, b: bias, y: chosen}
    z = m + bias
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    loss = -np.log(p[np.arange(3), chosen])
    for function, expected in (
        (nnet.crossentropy_softmax_1hot_with_bias, [loss, p]),
        (nnet.crossentropy_softmax_argmax_1hot_with_bias, [loss, p, z.argmax(1)]),
        (nnet.crossentropy_softmax_max_and_argmax_1hot_with_bias, [loss, p, p.max(1), z.argmax(1)]),
    ):
        results = evaluate(function(scores, b, y), values)
        for result, wanted in zip(results, expected, strict=True):
            np.testing.assert_allclose(result, wanted, rtol=1e-12)
    one = nnet.crossentropy_softmax_1hot(T.as_tensor(z[0]), T.as_tensor(np.int64(3)))
    np.testing.assert_allclose(evaluate(one[0]), loss[:1], rtol=1e-12)
    np.testing.assert_allclose(evaluate(one[1]), p[:1], rtol=1e-12)


def test_prepending_columns():
    m = T.dmatrix("m")
    given = rng.standard_normal((2, 3))
    for function, first in ((nnet.prepend_0_to_each_row, 0), (nnet.prepend_1_to_each_row, 1)):
        result = evaluate(function(m), {m: given})
        np.testing.assert_array_equal(result, np.concatenate([np.full((2, 1), first), given], axis=1))
    with pytest.raises(TypeError, match="a scalar and a matrix"):
        nnet.prepend_scalar_to_each_row(x, m)


def test_what_is_not_built_says_so():
    for name in absent.ABSENT:
        assert name in nnet.__all__
        with pytest.raises(NotImplementedError, match=f"symnnet.nnet.{name} was called, but symnnet"):
            getattr(nnet, name)(1, key=2)


def test_all_names_exist():
    assert all(callable(getattr(nnet, name)) for name in nnet.__all__)
    assert len(set(nnet.__all__)) == len(nnet.__all__)
