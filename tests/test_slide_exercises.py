"""The exercises of the introduction, solved, and logistic regression as its notebook trains it."""

import numpy as np
import pytest

import symstack as ss
from symstack import tensor as T


def test_exercise_1_scalars():
    x, y = T.scalar("x"), T.scalar("y")
    f = ss.function([x, y], x + T.log(y))
    np.testing.assert_allclose(f(1.0, 2.0), 1 + np.log(2), rtol=1e-15)


def test_exercise_1_in_float32():
    x, y = T.fscalar("x"), T.fscalar("y")
    result = ss.function([x, y], x + T.log(y))(np.float32(1), np.float32(2))
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, 1 + np.log(2), rtol=1e-6)


def test_exercise_2_products_of_vectors():
    x, y = T.vector("x"), T.vector("y")
    f = ss.function([x, y], x * y)
    np.testing.assert_array_equal(f([1.0, 2.0, 3.0], [4.0, 5.0, 6.0]), [4.0, 10.0, 18.0])


def test_exercise_2_matrix_times_vector():
    A, x = T.matrix("A"), T.vector("x")
    f = ss.function([A, x], T.dot(A, x))
    np.testing.assert_array_equal(f([[1.0, 2.0], [3.0, 4.0]], [10.0, 1.0]), [12.0, 34.0])


def test_exercise_3_dimshuffle_and_broadcasting():
    a, b = T.tensor3("a"), T.tensor4("b")
    f = ss.function([a, b], a.dimshuffle(2, "x", 1, 0) + b)
    rng = np.random.default_rng(0)
    a_val, b_val = rng.normal(size=(2, 3, 4)), rng.normal(size=(4, 5, 3, 2))
    np.testing.assert_allclose(f(a_val, b_val), a_val.transpose(2, 1, 0)[:, None] + b_val, rtol=1e-15)


def test_exercise_3_max_over_two_axes():
    a = T.tensor3("a")
    f = ss.function([a], a.max(axis=(1, 2)))
    values = np.random.default_rng(1).normal(size=(2, 3, 4))
    np.testing.assert_array_equal(f(values), values.max(axis=(1, 2)))


def test_exercise_4_integers():
    x, y = T.iscalar("x"), T.iscalar("y")
    evaluate = ss.function([x, y], x + y)
    result = evaluate(1, 2)
    assert result == 3
    assert result.dtype == np.int32


def test_exercise_5_swap_shared_variables():
    a, b = ss.shared(np.zeros(2), name="a"), ss.shared(np.ones(2), name="b")
    swap = ss.function([], updates=[(a, b), (b, a)])
    result = swap()
    assert result == [] and len(result) == 0
    np.testing.assert_array_equal(a.get_value(), np.ones(2))
    np.testing.assert_array_equal(b.get_value(), np.zeros(2))
    swap()
    np.testing.assert_array_equal(a.get_value(), np.zeros(2))


def test_exercise_6_gradients_of_scalars():
    x, y = T.scalar("x"), T.scalar("y")
    z = T.sin(x) + T.exp(y)
    assert sum(T.grad(z, [x, y])).eval({x: 0, y: 0}) == 2


# --- logistic regression ----------------------------------------------------------------------------------------------


def synthetic(n=1000, features=20, classes=5, seed=3):
    """Points of a random linear classifier: separable, so that training must reach almost no error."""
    rng = np.random.default_rng(seed)
    images = rng.normal(size=(n, features))
    labels = np.argmax(images @ rng.normal(size=(features, classes)), axis=1)
    return images, labels


def logistic_regression(features, classes, rate=0.13):
    x, y = T.matrix("x"), T.lvector("y")
    W = ss.shared(np.zeros((features, classes)), name="W")
    b = ss.shared(np.zeros(classes), name="b")
    log_prob = T.log(T.nnet.softmax(T.dot(x, W) + b))
    cost = -T.mean(log_prob[T.arange(y.shape[0]), y])
    error = T.mean(T.neq(T.argmax(log_prob, axis=1), y))
    dW, db = T.grad(cost, [W, b])
    train = ss.function([x, y], cost, updates=[(W, W - rate * dW), (b, b - rate * db)])
    return W, b, train, ss.function([x, y], error)


def reference_step(images, labels, W, b, rate=0.13):
    scores = images @ W + b
    scores = scores - scores.max(axis=1, keepdims=True)
    log_prob = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    slope = np.exp(log_prob)
    slope[np.arange(len(labels)), labels] -= 1
    slope /= len(labels)
    return -log_prob[np.arange(len(labels)), labels].mean(), W - rate * images.T @ slope, b - rate * slope.sum(axis=0)


def test_logistic_regression_step_by_step_against_numpy():
    images, labels = synthetic()
    W, b, train, _ = logistic_regression(20, 5)
    W_val, b_val = W.get_value(), b.get_value()
    for start in range(0, 1000, 500):
        batch = slice(start, start + 500)
        expected, W_val, b_val = reference_step(images[batch], labels[batch], W_val, b_val)
        np.testing.assert_allclose(train(images[batch], labels[batch]), expected, rtol=1e-12)
    np.testing.assert_allclose(W.get_value(), W_val, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(b.get_value(), b_val, rtol=1e-10, atol=1e-14)


def test_logistic_regression_learns():
    images, labels = synthetic()
    _, _, train, error = logistic_regression(20, 5)
    assert error(images, labels) > 0.5
    costs = [float(train(images, labels)) for _ in range(300)]
    assert costs[0] == np.float64(np.log(5)) or abs(costs[0] - np.log(5)) < 1e-12
    assert all(after < before for before, after in zip(costs, costs[1:], strict=False))
    assert error(images, labels) < 0.08


@pytest.mark.default_mode
def test_crossentropy_and_softmax_are_fused():
    """One kernel for cost and gradient, or one for each: no log, exp or softmax is left, nothing is scattered."""
    _, _, train, _ = logistic_regression(20, 5)
    names = [str(node.op) for node in train.fgraph.toposort()]
    fused = [name for name in names if name.lower().startswith("crossentropysoftmax")]
    assert len(fused) in (1, 2)
    left = [name for name in names if "Softmax" in name and name not in fused]
    assert left == []
    assert not [name for name in names if "AdvancedIncSubtensor" in name or "AdvancedSubtensor" in name]
    assert not [name for name in names if name in ("Elemwise{log}", "Elemwise{exp}")]


@pytest.mark.default_mode
def test_huge_activations_do_not_overflow():
    images, labels = synthetic()
    W, _, train, _ = logistic_regression(20, 5)
    W.set_value(1e4 * np.random.default_rng(0).normal(size=(20, 5)))
    assert np.isfinite(train(images, labels))
    assert np.isfinite(W.get_value()).all()
