"""Every Op of the package through the test kit: contract, shapes, derivatives, layouts, each installed backend."""

import numpy as np
import pytest

from symcore.testing import BACKENDS, OpCase, check_op, missing_cases
from symnnet.crossentropy import (
    CrossentropyCategorical1Hot,
    CrossentropyCategorical1HotGrad,
    CrossentropySoftmax1hot,
    CrossentropySoftmax1hotGrad,
    CrossentropySoftmax1hotWithGrad,
)
from symnnet.softmax import LogSoftmax, LogSoftmaxGrad, Softmax, SoftmaxGrad

rng = np.random.default_rng(8)
X, G, P, ROW = rng.normal(size=(4, 3)), rng.normal(size=(4, 3)), rng.uniform(0.5, 1.5, (4, 3)), rng.normal(size=4)
CUBE, NOTHING = rng.normal(size=(2, 3, 4)), np.zeros((0, 3))
Y, Y8 = np.array([2, 0, -1, 1]), np.array([2, 0, 1, 1], np.int8)


def softmax(x, axis=-1):
    e = np.exp(x)
    return e / e.sum(axis, keepdims=True)


def one_hot(y):
    return np.eye(3)[y]


CASES = [
    OpCase(Softmax(), X, expected=softmax),
    OpCase(Softmax(0), X, expected=lambda x: softmax(x, 0)),
    OpCase(Softmax(1), CUBE, expected=lambda x: softmax(x, 1)),
    OpCase(Softmax(), X[0], expected=softmax),
    OpCase(Softmax(), NOTHING),
    OpCase(Softmax(), NOTHING.T),
    OpCase(LogSoftmax(), X, expected=lambda x: np.log(softmax(x))),
    OpCase(LogSoftmax(0), CUBE, expected=lambda x: np.log(softmax(x, 0))),
    OpCase(LogSoftmax(), NOTHING),
    OpCase(SoftmaxGrad(), G, P, expected=lambda g, y: y * (g - (g * y).sum(1, keepdims=True))),
    OpCase(SoftmaxGrad(1), CUBE, CUBE + 1),
    OpCase(LogSoftmaxGrad(), G, X, expected=lambda g, y: g - np.exp(y) * g.sum(1, keepdims=True)),
    OpCase(LogSoftmaxGrad(0), CUBE, CUBE + 1),
    OpCase(CrossentropyCategorical1Hot(), P, Y, expected=lambda p, y: -np.log(p[np.arange(4), y])),
    OpCase(CrossentropyCategorical1Hot(strict=False), P, Y8[:2]),
    OpCase(CrossentropyCategorical1HotGrad(), ROW, P, Y, expected=lambda g, p, y: -g[:, None] * one_hot(y) / p),
    OpCase(CrossentropyCategorical1HotGrad(strict=False), ROW[:2], P, Y[:2]),
    OpCase(CrossentropySoftmax1hot(), X, Y, expected=lambda x, y: -np.log(softmax(x)[np.arange(4), y])),
    OpCase(CrossentropySoftmax1hot(strict=False), X, Y8[:2]),
    OpCase(CrossentropySoftmax1hot(), NOTHING, Y[:0]),
    OpCase(CrossentropySoftmax1hotGrad(), ROW, X, Y, expected=lambda g, x, y: g[:, None] * (softmax(x) - one_hot(y))),
    OpCase(CrossentropySoftmax1hotGrad(), ROW[0], X, Y8),
    OpCase(CrossentropySoftmax1hotGrad(), ROW[:1], X, Y8, shapes=[(1,), (None, None), (None,)]),
    OpCase(CrossentropySoftmax1hotGrad(strict=False), ROW[:2], X, Y[:2]),
    OpCase(CrossentropySoftmax1hotWithGrad(), ROW, X, Y, expected=lambda g, x, y: (
        -np.log(softmax(x)[np.arange(4), y]), g[:, None] * (softmax(x) - one_hot(y)))),
    OpCase(CrossentropySoftmax1hotWithGrad(strict=False), ROW[0], X, Y[:2]),
]


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_op(case):
    check_op(case)


@pytest.mark.c
@pytest.mark.parametrize("case", CASES, ids=repr)
def test_c_agrees(case, kernels, monkeypatch):
    def run(node, inputs):
        results = node.op.perform(node, *inputs)
        results = results if isinstance(results, tuple) else (results,)
        return kernels(node, *inputs, outputs=[np.full_like(r, 77) for r in results])

    monkeypatch.setitem(BACKENDS, "c", run)
    check_op(case)


def test_no_op_is_left_out():
    assert not missing_cases("symnnet", CASES)
