"""Test cases of the rules on fills, views, shapes, indices and reductions."""

import numpy as np

from symcore import tensor as T
from symcore.tensor.elemwise import TABLE
from symcore.tensor.indexing import SliceLength
from symcore.tensor.shapes import MakeVector, SpecifyShape
from symcore.tensor.subtensor import Subtensor
from symcore.tensor.type import TensorType
from symopt.testing import RuleCase

second = TABLE["second"]
FULL = ("slice", None, None, None)
nan, inf = np.nan, np.inf
ROW = TensorType("float64", (1, None))
FIXED = TensorType("float64", (2, 3))


def slice_length(x, start=None, stop=None, step=None):
    """The node that says how long a slice of a vector is; the user-level function simplifies it away."""
    parts = [p for p in (start, stop, step) if p is not None]
    return SliceLength((start is not None, stop is not None, step is not None))(x.shape[0], *parts)


CASES = [
    # --- fills
    RuleCase("useless-second", "dvector dvector", lambda x, y: second(x, y), lambda x, y: second(x, y.sum()),
             lambda x, y: y),
    RuleCase("useless-alloc", "dmatrix", lambda x: T.alloc(x, x.shape[0], x.shape[1]),
             lambda x: T.alloc(x.sum(), x.shape[0]), lambda x: x),
    RuleCase("fill-sink", "dvector dvector", lambda x, y: T.alloc(np.float64(0), x.shape[0]) + y, lambda x, y: x + y,
             lambda x, y: np.float64(0) + y),
    RuleCase("fill-sink", "dvector dscalar", lambda x, s: T.exp(second(x, s)) * 2, lambda x, s: T.exp(x) * s),
    RuleCase("fill-sink", "drow dcol", lambda x, y: second(x, np.float64(2)) * second(y, np.float64(3)),
             lambda x, y: x * y),
    RuleCase("second-to-alloc", "dvector dscalar", lambda x, s: second(x, s), lambda x, s: x * s,
             lambda x, s: T.alloc(s, x.shape[0])),
    RuleCase("alloc-of-fill", "dvector dscalar", lambda x, s: T.alloc(second(x, s), 3, x.shape[0]),
             lambda x, s: T.alloc(x, 3, x.shape[0])),
    RuleCase("view-of-fill", "dmatrix dscalar", lambda x, s: [second(x, s).T, second(x, s)[1:, 0]],
             lambda x, s: [x.T, x[1:, 0]], empty=[(0, 3), ()]),
    RuleCase("increment-of-everything", "dvector dscalar",
             lambda x, s: [T.inc_subtensor(x[:], s), T.set_subtensor(x[:], s)], lambda x, s: T.inc_subtensor(x[1:], s)),
    RuleCase("increment-by-zero", "dvector", lambda x: T.inc_subtensor(x[1:], np.float64(0)),
             lambda x: [T.inc_subtensor(x[1:], 1.0), T.set_subtensor(x[1:], 0.0), T.inc_subtensor(x[0], 0.0)],
             lambda x: x),
    # --- views
    RuleCase("dimshuffle-of-dimshuffle", "dmatrix", lambda x: [x.T.T, x.T.dimshuffle(1, "x", 0)], lambda x: x.T),
    RuleCase("useless-padding", "dmatrix dvector", lambda x, y: x + y.dimshuffle("x", 0),
             lambda x, y: x + y.dimshuffle(0, "x"), lambda x, y: x + y, shapes=[(3, 4), (4,)]),
    RuleCase("useless-padding", "dvector dscalar", lambda x, s: x.dimshuffle("x", 0) * s.dimshuffle("x", "x"),
             lambda x, s: x * s),
    RuleCase("dimshuffle-below-elemwise", "dmatrix dscalar", lambda x, s: (T.exp(x) * s).T,
             lambda x, s: (x + x.sum(axis=0)).T, lambda x, s: T.exp(x.T) * s),
    RuleCase("transposed-dot", "dmatrix dmatrix", lambda a, b: T.dot(a, b).T, lambda a, b: T.dot(a, b),
             lambda a, b: T.dot(b.T, a.T), shapes=[(3, 4), (4, 2)], empty=[(0, 4), (4, 0)]),
    RuleCase("reshape-of-reshape", "dtensor3", lambda x: x.reshape((-1,)).reshape((4, -1)), lambda x: x.reshape((-1,)),
             lambda x: x.reshape((4, -1)), empty=[(0, 3, 4)]),
    RuleCase("useless-reshape", "dmatrix", lambda x: [x.reshape((x.shape[0], x.shape[1])), x.reshape((x.shape[0], -1))],
             lambda x: [x.reshape((x.shape[1], x.shape[0])), x.reshape((x.shape[0] * x.shape[1],))], lambda x: [x, x],
             empty=[(3, 0)]),
    RuleCase("useless-specify-shape", [FIXED], lambda x: SpecifyShape((2, None))(x), lambda x: T.exp(x), lambda x: x),
    # --- shapes
    RuleCase("shape-to-lengths", "dmatrix", lambda x: x.shape, lambda x: x,
             lambda x: MakeVector()(x.shape[0], x.shape[1])),
    RuleCase("lift-shape", "dmatrix dvector", lambda x, y: [T.exp(x + y).shape[0], T.dot(x, y).shape[0]],
             lambda x, y: x.shape[0], lambda x, y: [x.shape[0], x.shape[0]], shapes=[(3, 4), (4,)]),
    RuleCase("lift-shape", "dmatrix", lambda x: [x[1:, ::2].shape[1], x.reshape((-1,)).shape[0],
             x.sum(axis=0).shape[0]],
             lambda x: x.nonzero()[0].shape[0]),
    RuleCase("item-of-vector", "dscalar dscalar", lambda a, b: T.stack([a, b, a])[1], lambda a, b: T.stack([a, b]),
             lambda a, b: b, empty=[(), ()]),
    RuleCase("item-of-vector", "dscalar dscalar", lambda a, b: T.stack([a, b, a])[1:],
             lambda a, b: T.stack([a, b]) + 1, lambda a, b: T.stack([b, a]), empty=[(), ()]),
    RuleCase("length-of-whole-slice", "dvector", lambda x: slice_length(x, 0, None, 1),
             lambda x: slice_length(x, 1, None),
             lambda x: x.shape[0]),
    RuleCase("length-of-whole-slice", "dvector dvector", lambda x, y: slice_length(x, 0, y.shape[0]),
             lambda x, y: slice_length(x, None, y.shape[0])),
    # --- indices
    RuleCase("slice-of-everything", "dmatrix", lambda x: [x[:], Subtensor((("slice", 0, None, None), FULL))(x)],
             lambda x: x[1:], lambda x: [x, x]),
    RuleCase("slice-of-slice", "dtensor3", lambda x: [x[1:][0], x[0, 1:, ::2][:, 1], x[:, 2:3][1:, ::2, 1:]],
             lambda x: [x[-1:][0], x[::-1][1], x[:2][-1:]], lambda x: [x[1], x[0, 1:, 2], x[1:, 2:3:2, 1:]],
             shapes=[(3, 4, 5)], empty=[(3, 0, 5)]),
    RuleCase("slice-of-slice", [TensorType("float64", (10,))],
             lambda x: [x[8:2:-1][2], x[1:9:2][::-1][1:3], x[::-1][5:], x[2:5][7:]], lambda x: x[8:2:-1]),
    RuleCase("index-below-elemwise", "dmatrix dscalar", lambda x, s: [(x * s)[1:, 0], T.exp(x)[:2]],
             lambda x, s: [(x + x.sum(axis=0))[0], x[0]],
             lambda x, s: [x[1:, 0] * s, T.exp(x[:2])], empty=[(0, 2), ()]),
    # --- reductions
    RuleCase("reduce-over-ones", [ROW], lambda x: [x.sum(axis=0), x.sum(axis=(0, 1)), x.sum(axis=())],
             lambda x: x.sum(axis=1)),
    RuleCase("reduce-over-ones", [TensorType("int8", (1, None))], lambda x: x.prod(axis=0), lambda x: x.prod(axis=1)),
    RuleCase("reduce-of-reduce", "dtensor3", lambda x: [x.sum(axis=0).sum(axis=1), x.prod(axis=1).prod(axis=0)],
             lambda x: [x.sum(axis=0).prod(axis=0), x.astype("int8").max(axis=0).sum()],
             lambda x: [x.sum(axis=(0, 2)), x.prod(axis=(0, 1))], special=[np.ones((2, 3, 4))]),
    RuleCase("reduce-of-dimshuffle", "dmatrix dvector",
             lambda x, y: [x.T.sum(axis=0), x.dimshuffle("x", 1, "x", 0).sum(axis=(0, 3)), y.dimshuffle(0, "x").sum()],
             lambda x, y: [x.sum(axis=0), y.dimshuffle(0, "x").sum(axis=1)], shapes=[(3, 4), (4,)]),
    RuleCase("sum-of-fill", "dmatrix lvector",
             lambda x, y: [second(x, np.float64(3)).sum(axis=0), second(x, y).sum(axis=0), T.ones_like(x).sum()],
             lambda x, y: [second(x, y).sum(axis=1), x.sum(), second(x, np.float64(inf)).sum(axis=0)],
             shapes=[(3, 4), (4,)], special=[np.ones((3, 4)), np.array([1, -2, 0, 7])], empty=[(0, 4), (4,)]),
    RuleCase("sum-of-variable-fill", "dmatrix dvector", lambda x, y: second(x, y).sum(axis=0),
             lambda x, y: [second(x, y).sum(axis=1), second(x, np.float64(nan)).sum(axis=0)],
             shapes=[(3, 4), (4,)], special=[np.ones((0, 4)), np.array([inf, nan, 0, -0.0])], empty=[(0, 4), (4,)]),
    RuleCase("sum-of-multiple", "dmatrix", lambda x: [(2 * x).sum(axis=0), (x * 0.5 * T.exp(x)).sum()],
             lambda x: (x * x).sum()),
    RuleCase("sum-of-scaled", "dvector dscalar", lambda x, s: (x * s).sum(), lambda x, s: (x * 2).sum(),
             lambda x, s: s * x.sum(), special=[np.array([1.0, -0.5]), np.array(inf)]),
    RuleCase("sum-of-quotient", "dvector dscalar", lambda x, s: (x / s).sum(), lambda x, s: (s / x).sum(),
             lambda x, s: x.sum() / s, special=[np.array([1.0, -1.0, 1.0]), np.array(0.0)], empty=[(0,), ()]),
    RuleCase("sum-of-neg", "dmatrix", lambda x: (-x).sum(axis=1), lambda x: (-x).prod(axis=1),
             lambda x: -(x.sum(axis=1))),
]
