"""Test cases of the rules on parts of tensors, joins and reshapes."""

import numpy as np

from symcore import tensor as T
from symcore.tensor.elemwise import TABLE
from symcore.tensor.join import Join
from symcore.tensor.shapes import Reshape
from symcore.tensor.subtensor import AdvancedIncSubtensor, IncSubtensor, Subtensor
from symcore.tensor.type import TensorType
from symopt.testing import RuleCase

nan, inf = np.nan, np.inf
second = TABLE["second"]
PAIR = [TensorType("float64", (2, None)), TensorType("float64", (3, None))]
INDEX = TensorType("int64", ())
INDICES = TensorType("int64", (None,))


def at(x, *scalars, entries=("input",)):
    """An index as a node, however it is written."""
    return Subtensor(entries)(x, *scalars)


def write(x, y, entry, set_instead=False):
    return IncSubtensor((entry,), set_instead)(x, y)


def cut(a, b):
    return ("slice", a, b, None)


CASES = [
    # --- indices of what is computed
    RuleCase(
        "index-below-broadcast",
        "dmatrix dvector",
        lambda x, y: [(x + y)[0], (x * y)[1:, 2:]],
        lambda x, y: [x[0] + y, (x + y).sum(axis=0)[1:]],
        lambda x, y: [x[0] + y, x[1:, 2:] * y[2:]],
        shapes=[(3, 4), (4,)],
        empty=[(1, 0), (0,)],
    ),
    RuleCase(
        "index-below-broadcast",
        [TensorType("float64", (None, 1)), TensorType("float64", (1, None)), INDEX],
        lambda c, r, k: [(c - r)[1], (c + r)[:, k], (c * r)[:2, ::2]],
        lambda c, r, k: [(c - r)[1], c - r, r[:, k]],
        lambda c, r, k: [c[1] - r[0], c[:, 0] + r[:, k], c[:2] * r[:, ::2]],
        shapes=[(3, 1), (1, 9), ()],
        empty=[(2, 1), (1, 9), ()],
        special=[np.ones((3, 1)), np.full((1, 9), nan), 1],
    ),
    RuleCase(
        "index-below-dimshuffle",
        "dtensor3 lscalar",
        lambda x, k: [
            x.dimshuffle(2, 0, 1)[k, 1:],
            x.dimshuffle(0, "x", 2, 1)[:, 0, :, 1],
            x.dimshuffle("x", 0, 1, 2)[0],
        ],
        lambda x, k: [x.dimshuffle(0, "x", 1, 2)[:, 1:], x[k]],
        lambda x, k: [x[1:, :, k], x[:, 1].dimshuffle(0, 1), x],
        shapes=[(2, 3, 4), ()],
        empty=[(0, 3, 6), ()],
        special=[np.full((2, 3, 4), nan), 1],
    ),
    RuleCase(
        "index-below-dot",
        "dmatrix dmatrix dvector",
        lambda a, b, x: [T.dot(a, b)[1], T.dot(T.exp(a), b)[1:, 0], T.dot(a, x)[0], T.dot(x, b)[1:]],
        lambda a, b, x: [T.dot(a[0], b), (T.dot(a, b) + 1)[0]],
        lambda a, b, x: [T.dot(a[1], b), T.dot(T.exp(a)[1:], b[:, 0]), T.dot(a[0], x), T.dot(x, b[:, 1:])],
        shapes=[(3, 4), (4, 2), (4,)],
        empty=[(3, 0), (0, 2), (0,)],
        special=[np.full((3, 4), inf), np.eye(4, 2), np.full(4, nan)],
    ),
    RuleCase(
        "index-below-reduction",
        "dtensor3 lscalar",
        lambda x, k: [x.sum(axis=1)[k], x.max(axis=(0, 2))[1:], x.prod(axis=0)[0, 1:]],
        lambda x, k: [x[k].sum(axis=1), (x.sum(axis=1) * 2)[k]],
        lambda x, k: [x[k].sum(axis=0), x[:, 1:].max(axis=(0, 2)), x[:, 0, 1:].prod(axis=0)],
        shapes=[(2, 3, 4), ()],
        empty=[(7, 1, 1), ()],
        special=[np.full((2, 3, 4), nan), 1],
    ),
    # --- indices of what is put together
    RuleCase(
        "index-of-join",
        PAIR,
        lambda a, b: [T.join(0, a, b)[1], T.join(0, a, b)[-1], T.join(0, a, b)[2:4], T.join(0, a, b)[1:3]],
        lambda a, b: [T.join(0, a, b)[::2], T.join(0, a[:, 1:], b[:, 1:])],
        lambda a, b: [a[1], b[-1], b[0:2], T.join(0, a[1:2], b[0:1])],
        shapes=[(2, 4), (3, 4)],
        empty=[(2, 0), (3, 0)],
    ),
    RuleCase(
        "index-of-join",
        "dmatrix dmatrix lscalar",
        lambda a, b, k: [T.join(1, a, b)[k], T.join(1, b, a)[1:]],
        lambda a, b, k: [T.join(0, a, b)[k], T.join(0, a, b)[2]],
        lambda a, b, k: [T.join(0, a[k], b[k]), T.join(1, b[1:], a[1:])],
        shapes=[(6, 2), (6, 4), ()],
        empty=[(6, 0), (6, 0), ()],
        special=[np.ones((3, 2)), np.full((3, 1), nan), 1],
    ),
    RuleCase(
        "index-of-fill",
        "dmatrix dvector",
        lambda x, y: [second(x, y)[1], second(x, y)[1:, 2:]],
        lambda x, y: [second(x, y) + 1, x[1]],
        shapes=[(3, 4), (4,)],
        empty=[(2, 0), (0,)],
    ),
    RuleCase(
        "index-of-gather",
        [TensorType("float64", (None, None)), INDICES, INDEX],
        lambda x, i, k: [x[i][k], T.exp(x)[i][1:]],
        lambda x, i, k: [x[k], x[i] + 1],
        lambda x, i, k: [at(x, i[k]), T.exp(x)[i[1:]]],
        shapes=[(9, 4), (6,), ()],
        empty=[(6, 0), (6,), ()],
        special=[np.full((3, 2), nan), np.array([0, 2]), 1],
    ),
    # --- indices of what was written
    RuleCase(
        "read-of-write",
        "dmatrix dvector lscalar",
        lambda x, y, k: [T.set_subtensor(x[k], y)[k], T.inc_subtensor(x[1:], y)[1:]],
        lambda x, y, k: [T.set_subtensor(x[k], y)[1], T.inc_subtensor(x[1:], y)[:1]],
        lambda x, y, k: [y, x[1:] + y],
        shapes=[(6, 4), (4,), ()],
        empty=[(6, 0), (0,), ()],
        special=[np.full((6, 2), nan), np.full(2, inf), 1],
    ),
    RuleCase(
        "read-of-write", "dmatrix", lambda x: T.set_subtensor(x[:2], 0.5)[:2], lambda x: T.set_subtensor(x[:2], 0.5)[:3]
    ),
    RuleCase(
        "read-beside-write",
        "dmatrix dvector",
        lambda x, y: [T.set_subtensor(x[1], y)[0], T.inc_subtensor(x[:2], y)[2:], T.set_subtensor(x[-1], y)[-2]],
        lambda x, y: [T.set_subtensor(x[-1], y)[0], T.inc_subtensor(x[1:], y)[:2], T.set_subtensor(x[0], y)[0:2]],
        lambda x, y: [x[0], x[2:], x[-2]],
        shapes=[(3, 4), (4,)],
        empty=[(3, 0), (0,)],
    ),
    RuleCase(
        "write-over-write",
        "dmatrix dvector dvector",
        lambda x, y, z: [
            write(write(x, y, 1, True), z, 1, True),
            write(write(x, y, 1), z, 1),
            write(write(x, y, cut(0, 2), True), z, cut(0, 2)),
        ],
        lambda x, y, z: [write(write(x, y, 1), z, 0), write(write(x, y, 0, True), z, 1, True)],
        lambda x, y, z: [write(x, z, 1, True), write(x, y + z, 1), write(x, y + z, cut(0, 2), True)],
        shapes=[(3, 4), (4,), (4,)],
        empty=[(3, 0), (0,), (0,)],
    ),
    RuleCase(
        "write-over-write",
        [TensorType("float64", (None,)), INDICES],
        lambda x, i: [AdvancedIncSubtensor(("array",))(AdvancedIncSubtensor(("array",))(x, 2.0, i), 3.0, i)],
        lambda x, i: [AdvancedIncSubtensor(("array",))(AdvancedIncSubtensor(("array",), True)(x, 2.0, i), 3.0, i)],
        shapes=[(6,), (5,)],
        empty=[(6,), (0,)],
        special=[np.array([nan, inf, 0.0]), np.array([0, 0, 2])],
    ),
    RuleCase(
        "sum-of-writes",
        "dmatrix dvector dvector",
        lambda x, y, z: write(T.zeros_like(x), y, 1) + write(T.zeros_like(x), z, 0),
        lambda x, y, z: [
            write(T.zeros_like(x), y, 1) + x,
            write(T.zeros_like(x), y, 1) + write(T.ones_like(x), z, 0),
            write(T.zeros_like(x), y, 1, True) + write(T.zeros_like(x), z, 0),
        ],
        lambda x, y, z: write(write(T.zeros_like(x), y, 1), z, 0),
        shapes=[(3, 4), (4,), (4,)],
        empty=[(3, 0), (0,), (0,)],
    ),
    RuleCase(
        "sum-of-writes",
        "dmatrix dvector dvector",
        lambda x, y, z: T.add(x, write(T.zeros_like(x), y, 1), write(write(T.zeros_like(x), z, 1), y, cut(1, 2))),
        lambda x, y, z: T.add(x, write(T.zeros_like(x), y, 1), T.zeros_like(x)),
        lambda x, y, z: T.add(write(write(write(T.zeros_like(x), y, 1), z, 1), y, cut(1, 2)), x),
        shapes=[(3, 4), (4,), (4,)],
        empty=[(3, 0), (0,), (0,)],
    ),
    # --- joins
    RuleCase("join-of-one", "dvector", lambda x: Join(0)(x), lambda x: T.join(0, x, x), lambda x: x),
    RuleCase(
        "join-of-joins",
        "dmatrix dmatrix",
        lambda x, y: T.join(1, T.join(1, x, y), x),
        lambda x, y: T.join(1, T.join(0, x, y), T.join(0, y, x)),
        lambda x, y: T.join(1, x, y, x),
        shapes=[(3, 4), (3, 2)],
        empty=[(3, 0), (3, 0)],
    ),
    RuleCase(
        "join-without-empties",
        [TensorType("float64", (None,)), TensorType("float64", (0,))],
        lambda x, e: [T.join(0, x, e), T.join(0, e, x, x)],
        lambda x, e: T.join(0, x, x),
        lambda x, e: [x, T.join(0, x, x)],
    ),
    RuleCase(
        "join-of-slices",
        "dmatrix lscalar",
        lambda x, k: [T.join(0, x[:k], x[k:]), T.join(0, x[:2], x[2:5], x[5:7]), T.join(1, x[:, :1], x[:, 1:])],
        lambda x, k: [
            T.join(0, x[:k], x[k + 1 :]),
            T.join(0, x[:2], x[3:]),
            T.join(0, x[2:k], x[k:5]),
            T.join(1, x[:2], x[2:]),
            T.join(0, x[:2, 1:], x[2:, :1]),
        ],
        lambda x, k: [x, x[:7], x],
        shapes=[(9, 4), ()],
        empty=[(0, 3), ()],
        special=[np.full((3, 2), nan), -2],
    ),
    RuleCase(
        "reduce-of-join",
        "dmatrix dmatrix",
        lambda a, b: [T.join(0, a, b).sum(), T.join(0, b, a).prod(axis=0), T.join(1, a, b).sum(axis=0)],
        lambda a, b: [T.join(0, a, b).max(axis=0), T.join(0, a, b).astype("float32").sum()],
        lambda a, b: [a.sum() + b.sum(), b.prod(axis=0) * a.prod(axis=0), T.join(0, a.sum(axis=0), b.sum(axis=0))],
        shapes=[(3, 4), (3, 4)],
        empty=[(0, 4), (0, 4)],
        special=[np.ones((2, 2)), np.array([[nan, inf], [0, 1]])],
    ),
    RuleCase(
        "reduce-of-join",
        PAIR,
        lambda a, b: [T.join(0, a, b).max(axis=0), T.join(0, a > 0, b > 0).any(axis=1)],
        lambda a, b: T.join(0, a, b).max(),
        shapes=[(2, 4), (3, 4)],
        empty=[(2, 0), (3, 0)],
    ),
    # --- reshapes
    RuleCase(
        "reshape-to-dimshuffle",
        "dvector dmatrix",
        lambda x, y: [x.reshape((x.shape[0], 1)), x.reshape((1, -1, 1)), y.reshape((y.shape[0], 1, -1))],
        lambda x, y: [x.reshape((2, -1)), y.reshape((-1,)), y.reshape((y.shape[1], 1, -1))],
        lambda x, y: [x.dimshuffle(0, "x"), x.dimshuffle("x", 0, "x"), y.dimshuffle(0, "x", 1)],
        shapes=[(4,), (3, 2)],
        empty=[(0,), (3, 0)],
    ),
    RuleCase(
        "reshape-of-dimshuffle",
        "dmatrix",
        lambda x: Reshape(1)(x.dimshuffle(0, "x", 1), -1),
        lambda x: x.T.reshape((-1,)),
        lambda x: x.reshape((-1,)),
    ),
    RuleCase(
        "reshape-below-elemwise",
        "dmatrix dscalar",
        lambda x, s: [T.exp(x).reshape((-1,)), (x * s).reshape((2, -1))],
        lambda x, s: [(x + x.sum(axis=0)).reshape((-1,)), T.exp(x.T).reshape((-1,))],
        lambda x, s: [T.exp(x.reshape((-1,))), x.reshape((2, -1)) * s],
        shapes=[(3, 4), ()],
    ),
    RuleCase(
        "reduce-of-reshape",
        "dmatrix",
        lambda x: [x.reshape((-1,)).sum(), x.reshape((2, -1, 2)).max()],
        lambda x: x.reshape((2, -1)).sum(axis=0),
        lambda x: [x.sum(), x.max()],
        shapes=[(3, 4)],
        empty=[(3, 4)],
    ),
]
