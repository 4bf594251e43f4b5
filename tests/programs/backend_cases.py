"""What each function of the backend gives: an expression of placeholders, their values, and the same in NumPy."""

import numpy as np
from scipy import special

from programs import backend as K
from symstack import tensor as T

rng = np.random.default_rng(2016)
a, b = rng.normal(size=(3, 4)), rng.normal(size=(4, 5))
c, d = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 4, 5))
p, k = np.abs(a) + 0.1, np.array([[0, 2], [1, 1]])
classes, image = np.array([0, 3, 1]), c[None]


def hot(indices, n):
    return np.eye(n)[indices]


def soft(x):
    return special.softmax(x, -1)


def crossentropy(t, x):
    return -(t * np.log(x)).sum(-1)


# Neither differentiable nor of a differentiable argument: no gradient is asked for.
STEPS = {"round", "sign", "one_hot", "one_hot of a vector", "mean of integers", "mean of truth values", "arange"}

CASES = {
    "dot": (K.dot, [a, b], np.matmul),
    "dot of three axes": (K.dot, [c, b], np.matmul),
    "batch_dot": (K.batch_dot, [c, d], np.matmul),
    "batch_dot, axis 1": (lambda x, y: K.batch_dot(x, y, 1), [a, a], lambda x, y: (x * y).sum(1, keepdims=True)),
    "batch_dot, matrix": (
        lambda x, y: K.batch_dot(x, y, (2, 1)),
        [c, c[:, 0]],
        lambda x, y: np.einsum("bij,bj->bi", x, y),
    ),
    "transpose": (K.transpose, [c], np.transpose),
    "gather": (K.gather, [a, k], lambda x, i: x[i]),
    "one_hot": (lambda i: K.one_hot(i, 4), [k], lambda i: hot(i, 4)),
    "one_hot of a vector": (lambda i: K.one_hot(i, 4), [k[0]], lambda i: hot(i, 4)),
    "reverse": (lambda x: K.reverse(x, [0, 2]), [c], lambda x: x[::-1, :, ::-1]),
    "slice": (lambda x: K.slice_rows(x, 1, x.shape[0]), [a], lambda x: x[1:]),
    "max": (lambda x: K.max(x, 1, True), [a], lambda x: x.max(1, keepdims=True)),
    "min": (K.min, [a], np.min),
    "sum": (lambda x: K.sum(x, (0, 2)), [c], lambda x: x.sum((0, 2))),
    "prod": (lambda x: K.prod(x, 1), [a], lambda x: x.prod(1)),
    "cumsum": (lambda x: K.cumsum(x, 1), [a], lambda x: x.cumsum(1)),
    "cumprod": (lambda x: K.cumprod(x, 1), [a], lambda x: x.cumprod(1)),
    "mean": (lambda x: K.mean(x, -1, True), [c], lambda x: x.mean(-1, keepdims=True)),
    "mean of integers": (lambda x: K.mean(x, 0), [k], lambda x: x.mean(0)),
    "mean of truth values": (lambda x: K.mean(K.equal(x, 1)), [k], lambda x: (x == 1).mean()),
    "var": (lambda x: K.var(x, (0, 2)), [c], lambda x: x.var((0, 2))),
    "std": (lambda x: K.std(x, -1, True), [c], lambda x: x.std(-1, keepdims=True)),
    "any": (lambda x: K.any(x, 0), [a > 1], lambda x: x.any(0)),
    "any of numbers": (lambda x: K.any(x, 0), [a], lambda x: x.any(0)),
    "all": (lambda x: K.all(K.greater(x, -1), 1, True), [a], lambda x: (x > -1).all(1, keepdims=True)),
    "argmax": (K.argmax, [a], lambda x: x.argmax(-1)),
    "argmin": (lambda x: K.argmin(x, 0), [a], lambda x: x.argmin(0)),
    "logsumexp": (lambda x: K.logsumexp(x, 1, True), [a], lambda x: special.logsumexp(x, 1, keepdims=True)),
    "logsumexp of all": (K.logsumexp, [a], special.logsumexp),
    "square, abs": (lambda x: K.square(x) - K.abs(x), [a], lambda x: x**2 - abs(x)),
    "sqrt": (lambda x: K.sqrt(x - 0.3), [p], lambda x: np.sqrt((x - 0.3).clip(0))),
    "exp, log": (lambda x: K.exp(-x) * K.log(x), [p], lambda x: np.exp(-x) * np.log(x)),
    "sin, cos": (lambda x: K.sin(x) * K.cos(2 * x), [a], lambda x: np.sin(x) * np.cos(2 * x)),
    "round": (lambda x: K.round(x * 10), [a], lambda x: np.round(x * 10)),
    "sign": (K.sign, [a], np.sign),
    "pow": (lambda x: K.pow(x, 2.5), [p], lambda x: x**2.5),
    "clip": (lambda x: K.clip(x, -0.5, 0.5), [a], lambda x: x.clip(-0.5, 0.5)),
    "comparisons": (
        lambda x: K.less(x, 0) + 2 * K.greater_equal(x, 1) + 4 * K.less_equal(x, -1) + K.not_equal(x, x),
        [a],
        lambda x: (x < 0) + 2 * (x >= 1) + 4 * (x <= -1),
    ),
    "maximum, minimum": (
        lambda x: K.maximum(x, 0.5) - K.minimum(x, -0.5),
        [a],
        lambda x: x.clip(0.5) - x.clip(None, -0.5),
    ),
    "cast": (lambda x: K.cast(3 * x, "int32"), [a], lambda x: (3 * x).astype("int32")),
    "concatenate": (lambda x: K.concatenate([x, 2 * x]), [a], lambda x: np.concatenate([x, 2 * x], -1)),
    "reshape": (lambda x: K.reshape(x, (2, -1)), [c], lambda x: x.reshape(2, -1)),
    "permute_dimensions": (lambda x: K.permute_dimensions(x, (2, 0, 1)), [c], lambda x: x.transpose(2, 0, 1)),
    "repeat": (lambda x: K.repeat(x, 3), [a], lambda x: np.repeat(x[:, None], 3, 1)),
    "repeat_elements": (lambda x: K.repeat_elements(x, 2, 1), [c], lambda x: np.repeat(x, 2, 1)),
    "tile": (lambda x: K.tile(x, (2, 3)), [a], lambda x: np.tile(x, (2, 3))),
    "arange": (lambda x: K.arange(1, x.shape[0] * 3, 2), [a], lambda x: np.arange(1, 9, 2)),
    "flatten": (K.flatten, [c], np.ravel),
    "batch_flatten": (K.batch_flatten, [c], lambda x: x.reshape(2, -1)),
    "expand_dims": (K.expand_dims, [a], lambda x: x[..., None]),
    "expand_dims, second from the end": (lambda x: K.expand_dims(x, -2), [a], lambda x: x[:, None]),
    "squeeze": (lambda x: K.squeeze(x, 1), [a[:, :1]], lambda x: x[:, 0]),
    "temporal_padding": (
        lambda x: K.temporal_padding(x, (1, 2)),
        [c],
        lambda x: np.pad(x, ((0, 0), (1, 2), (0, 0))),
    ),
    "spatial_padding": (K.spatial_padding, [image], lambda x: np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))),
    "stack": (lambda x: K.stack([x, 2 * x], 1), [a], lambda x: np.stack([x, 2 * x], 1)),
    "zeros_like, ones_like": (lambda x: K.zeros_like(x) - K.ones_like(x) * x, [a], np.negative),
    "identity": (K.identity, [a], np.copy),
    "switch": (lambda x: K.switch(x.sum() > 0, x, -x), [a], lambda x: x if x.sum() > 0 else -x),
    "switch of rows": (
        lambda x: K.switch(K.greater(x[:, 0], 0), x, -x),
        [a],
        lambda x: np.where(x[:, :1] > 0, x, -x),
    ),
    "foldl": (
        lambda x: K.foldl(lambda s, v: s * 0.5 + v, x, T.zeros_like(x[0])),
        [a],
        lambda x: x[0] / 4 + x[1] / 2 + x[2],
    ),
    "foldr": (
        lambda x: K.foldr(lambda s, v: s * 0.5 + v, x, T.zeros_like(x[0])),
        [a],
        lambda x: x[2] / 4 + x[1] / 2 + x[0],
    ),
    "map_fn": (lambda x: K.map_fn(lambda v: v.sum(), x), [a], lambda x: x.sum(1)),
    "relu": (lambda x: K.relu(x, 0.1, 0.7), [a], lambda x: np.minimum(np.where(x > 0, x, 0.1 * x), 0.7)),
    "elu": (K.elu, [a], lambda x: np.where(x > 0, x, np.expm1(x))),
    "softmax": (K.softmax, [a], soft),
    "softmax of three axes": (K.softmax, [c], soft),
    "softplus, softsign": (
        lambda x: K.softplus(x) + K.softsign(x),
        [a],
        lambda x: np.logaddexp(0, x) + x / (1 + abs(x)),
    ),
    "sigmoid, tanh": (lambda x: K.sigmoid(x) + K.tanh(x), [a], lambda x: special.expit(x) + np.tanh(x)),
    "hard_sigmoid": (K.hard_sigmoid, [a], lambda x: (0.2 * x + 0.5).clip(0, 1)),
    "bias_add": (K.bias_add, [c, c[0, 0]], np.add),
    "categorical_crossentropy": (
        lambda t, x: K.categorical_crossentropy(t, x, True),
        [hot(classes, 4), a],
        lambda t, x: crossentropy(t, soft(x)),
    ),
    "categorical_crossentropy of three axes": (
        K.categorical_crossentropy,
        [hot(k, 4), np.abs(c[:, :2])],
        lambda t, x: crossentropy(t, x / x.sum(-1, keepdims=True)),
    ),
    "sparse_categorical_crossentropy": (
        lambda t, x: K.sparse_categorical_crossentropy(t, x, True),
        [classes, a],
        lambda t, x: crossentropy(hot(t, 4), soft(x)),
    ),
    "binary_crossentropy": (
        lambda t, x: K.binary_crossentropy(t, x, True),
        [np.float64(a > 0), a],
        lambda t, x: np.logaddexp(0, x) - t * x,
    ),
    "l2_normalize": (lambda x: K.l2_normalize(x, 1), [a], lambda x: x / np.sqrt((x**2).sum(1, keepdims=True))),
    "in_top_k": (
        lambda x, t: K.in_top_k(x, t, 2),
        [a, np.array([0, 1, 2])],
        lambda x, t: (x > x[np.arange(3), t][:, None]).sum(1) < 2,
    ),
    "normalize_batch": (
        lambda x: K.normalize_batch_in_training(x, T.ones_like(x[0, 0]), T.zeros_like(x[0, 0]), (0, 1))[0],
        [c],
        lambda x: (x - x.mean((0, 1))) / np.sqrt(x.var((0, 1)) + 1e-3),
    ),
    "greedy path": (K.ctc_free_path, [hot([0, 0, 2, 1, 1, 3, 1], 4)], lambda x: np.array([0, 2, 1, 1])),
    "in_train_phase": (lambda x: K.in_train_phase(x, -x), [a], np.copy),
}
