"""NumPy: the same mathematics with gradients derived by hand. In float64 it is also the reference for all others."""

from __future__ import annotations

import operator
from functools import partial
from typing import Any

import numpy as np

from benchmarks.contenders.base import Contender, Prepared, as_list
from benchmarks.workloads import Data


def softmax(x: np.ndarray) -> np.ndarray:
    """Rows of ``exp(x - max(x))`` over their sums."""
    e = np.exp(x - x.max(axis=1, keepdims=True))
    e /= e.sum(axis=1, keepdims=True)
    return e


def cross_entropy(x: np.ndarray, y: np.ndarray, rows: np.ndarray) -> tuple[np.floating[Any], np.ndarray]:
    """Mean cross-entropy of softmax(x) with labels y, and its gradient ``(softmax(x) - onehot(y)) / n``."""
    p = softmax(x)
    cost = -np.log(p[rows, y]).mean()
    p[rows, y] -= 1
    p /= len(y)
    return cost, p


class NumPy(Contender):
    def add_one(self, data: Data) -> Prepared:
        return Prepared(partial(operator.add, data["x"], 1), as_list)

    def five_ops(self, data: Data) -> Prepared:
        def call() -> np.ndarray:
            return np.exp(-(x * 2.0)) / (x + 3.0)

        x = data["x"]
        return Prepared(call, as_list)

    def ten_updates(self, data: Data) -> Prepared:
        def call() -> list[np.ndarray]:
            for s in states:
                s *= 0.9
                s += x
            return states

        x, states = data["x"], [data[f"s{i}"].copy() for i in range(10)]
        return Prepared(call, lambda _: [s.copy() for s in states])

    def fused_chain(self, data: Data) -> Prepared:
        def call() -> np.ndarray:
            return 1.0 / (1.0 + np.exp(-(a * x + b))) * np.tanh(y) + np.log1p(z * z)

        x, y, z, a, b = (data[name] for name in ("x", "y", "z", "a", "b"))
        return Prepared(call, as_list)

    def cross_entropy_gradient(self, data: Data) -> Prepared:
        rows = np.arange(len(data["y"]))
        return Prepared(partial(cross_entropy, data["x"], data["y"], rows), as_list)

    def logsumexp_rows(self, data: Data) -> Prepared:
        x = data["x"]

        def call() -> np.ndarray:
            top = x.max(axis=1, keepdims=True)
            return np.log(np.exp(x - top).sum(axis=1)) + top[:, 0]

        return Prepared(call, as_list)

    def matrix_product(self, data: Data) -> Prepared:
        return Prepared(partial(np.dot, data["a"], data["b"]), as_list)

    def batched_product(self, data: Data) -> Prepared:
        return Prepared(partial(np.matmul, data["a"], data["b"]), as_list)

    def column_moments(self, data: Data) -> Prepared:
        x = data["x"]
        return Prepared(lambda: (x.mean(axis=0), x.var(axis=0)), as_list)

    def embedding_step(self, data: Data) -> Prepared:
        x, y, rate, W = data["x"], data["y"], data["learning_rate"], data["W"].copy()

        def call() -> np.floating[Any]:
            difference = W[x] - y
            np.add.at(W, x, difference * (-2 * rate / y.size))
            return (difference * difference).mean()

        return Prepared(call, lambda cost: [np.asarray(cost), W.copy()])

    def logistic_step(self, data: Data) -> Prepared:
        x, y, rate, rows = data["x"], data["y"], data["learning_rate"], np.arange(len(data["y"]))
        W, b = data["W"].copy(), data["b"].copy()

        def call() -> np.floating[Any]:
            nonlocal b, W
            cost, g = cross_entropy(x @ W + b, y, rows)
            W -= rate * (x.T @ g)
            b -= rate * g.sum(axis=0)
            return cost

        return Prepared(call, lambda cost: [np.asarray(cost), W.copy(), b.copy()])

    def mlp_step(self, data: Data) -> Prepared:
        x, y, rate, l2 = (data[name] for name in ("x", "y", "learning_rate", "l2"))
        rows = np.arange(len(y))
        W1, b1, W2, b2 = (data[name].copy() for name in ("W1", "b1", "W2", "b2"))

        def call() -> np.floating[Any]:
            nonlocal W1, b1, W2, b2
            h = np.tanh(x @ W1 + b1)
            cost, g = cross_entropy(h @ W2 + b2, y, rows)
            cost = cost + l2 * ((W1 * W1).sum() + (W2 * W2).sum())
            gh = (g @ W2.T) * (1 - h * h)
            W2 -= rate * (h.T @ g + 2 * l2 * W2)
            b2 -= rate * g.sum(axis=0)
            W1 -= rate * (x.T @ gh + 2 * l2 * W1)
            b1 -= rate * gh.sum(axis=0)
            return cost

        return Prepared(call, lambda cost: [np.asarray(cost), W1.copy(), b1.copy(), W2.copy(), b2.copy()])

    def layer_chain(self, data: Data) -> Prepared:
        def call() -> tuple[np.floating[Any], np.ndarray, np.ndarray]:
            outputs = [h0]
            for _ in range(count):
                outputs.append(np.tanh(outputs[-1] @ W))
            h = outputs.pop()
            cost, gh, gW = (h * h).mean(), h * (2 / h.size), np.zeros_like(W)
            while outputs:
                g = gh * (1 - h * h)
                h = outputs.pop()
                gW += h.T @ g
                gh = g @ W.T
            return cost, gh, gW

        h0, W, count = data["h"], data["W"], data["layers"]
        return Prepared(call, as_list)

    def logistic_map(self, data: Data) -> Prepared:
        def last() -> Any:
            x, r = data["x"], data["r"]
            for _ in range(data["steps"]):
                x = r * x * (1 - x)
            return x

        return Prepared(last, as_list)

    def power(self, data: Data) -> Prepared:
        def last() -> Any:
            p = np.ones_like(data["a"])
            for _ in range(data["steps"]):
                p = p * data["a"]
            return p

        return Prepared(last, as_list)

    def rnn_forward(self, data: Data) -> Prepared:
        return Prepared(lambda: _rnn(data)[1:], lambda h: [h])

    def rnn_gradient(self, data: Data) -> Prepared:
        return Prepared(lambda: _rnn_gradient(data), as_list)

    def lstm_forward(self, data: Data) -> Prepared:
        return Prepared(lambda: _lstm(data)[0][1:], lambda h: [h])

    def lstm_gradient(self, data: Data) -> Prepared:
        return Prepared(lambda: _lstm_gradient(data), as_list)


def _rnn(data: Data) -> Any:
    """All states of the recurrent layer, the initial one first."""
    x, W, U, b = (data[name] for name in "xWUb")
    h = np.zeros((len(x) + 1, x.shape[1], data["hidden"]), x.dtype)
    for t in range(len(x)):
        h[t + 1] = np.tanh(x[t] @ W + h[t] @ U + b)
    return h


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def _rnn_gradient(data: Data) -> list[Any]:
    x, U, h = data["x"], data["U"], _rnn(data)
    slopes = np.empty((*x.shape[:2], len(U)), x.dtype)
    waiting = np.zeros_like(h[0])
    for t in reversed(range(len(x))):
        slopes[t] = (2 * h[t + 1] / h[1:].size + waiting) * (1 - h[t + 1] ** 2)
        waiting = slopes[t] @ U.T
    return [(h[1:] ** 2).mean(), *_weight_gradients(x, h[:-1], slopes)]


def _weight_gradients(x: Any, h: Any, slopes: Any) -> list[Any]:
    return [np.einsum("tbi,tbj->ij", v, slopes) for v in (x, h)] + [slopes.sum((0, 1))]


def _lstm(data: Data) -> tuple[Any, Any, Any]:
    """States and cells, the initial ones first, and the gates after their functions."""
    x, W, U, b = (data[name] for name in "xWUb")
    n = data["hidden"]
    h, c = np.zeros((2, len(x) + 1, x.shape[1], n), x.dtype)
    gates = np.empty((*x.shape[:2], 4 * n), x.dtype)
    for t in range(len(x)):
        gates[t] = x[t] @ W + h[t] @ U + b
        cell = np.tanh(gates[t][:, 2 * n : 3 * n])
        gates[t] = _sigmoid(gates[t])
        gates[t][:, 2 * n : 3 * n] = cell
        i, f, g, o = np.split(gates[t], 4, axis=1)
        c[t + 1] = f * c[t] + i * g
        h[t + 1] = o * np.tanh(c[t + 1])
    return h, c, gates


def _lstm_gradient(data: Data) -> list[Any]:
    x, U, (h, c, gates) = data["x"], data["U"], _lstm(data)
    slopes = np.empty_like(gates)
    waiting_h, waiting_c = np.zeros_like(h[0]), np.zeros_like(c[0])
    for t in reversed(range(len(x))):
        i, f, g, o = np.split(gates[t], 4, axis=1)
        gh, squashed = 2 * h[t + 1] / h[1:].size + waiting_h, np.tanh(c[t + 1])
        gc = waiting_c + gh * o * (1 - squashed**2)
        parts = gc * g * i * (1 - i), gc * c[t] * f * (1 - f), gc * i * (1 - g**2), gh * squashed * o * (1 - o)
        slopes[t] = np.concatenate(parts, axis=1)
        waiting_c, waiting_h = gc * f, slopes[t] @ U.T
    return [(h[1:] ** 2).mean(), *_weight_gradients(x, h[:-1], slopes)]


class NumPyMatmul(Contender):
    """``A @ B`` beside ``np.dot(A, B)``."""

    def matrix_product(self, data: Data) -> Prepared:
        return Prepared(partial(operator.matmul, data["a"], data["b"]), as_list)
