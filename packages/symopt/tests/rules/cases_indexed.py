"""Test cases of the rule that lets loops read rows of tables by an index."""

import numpy as np

from symcore import tensor as T
from symcore.tensor.elemwise import TABLE, Composite, Elemwise
from symcore.tensor.indexed_map import IndexedMap
from symcore.tensor.map_reduce import MapReduce
from symcore.tensor.subtensor import AdvancedIncSubtensor
from symopt.testing import RuleCase

F = "float64"
tanh, sqr, sub, mul, exp = (TABLE[name] for name in ("tanh", "sqr", "sub", "mul", "exp"))
DIFFERENCE, SQUARED = (sub, (0, 1), F), (sqr, (2,), F)
DISTANCE = Composite(2, (DIFFERENCE, SQUARED), (3,))
SCALED = Composite(2, (DIFFERENCE, (mul, (2, 1), F)), (3,))
#: Of as many rows as the second input has.
ROWS = np.array([1, -1, 0, 1])
GIVEN = {"shapes": [(3, 5), (4, 5)], "empty": [(3, 0), (4, 0)]}


def rows(x):
    return x[ROWS]


def index():
    return T.constant(ROWS)


def loss_and_gradient(x, y):
    """A reduction and a loop that read the same rows, and compute the same difference."""
    g = rows(x)
    return [MapReduce(DISTANCE, "add", (0, 1), F, F)(g, y), Elemwise(SCALED)(g, y)]


def after_loss_and_gradient(x, y):
    both = Composite(2, (DIFFERENCE, SQUARED, (mul, (2, 1), F)), (3, 4))
    return IndexedMap(both, (0,), "add", (0, 1), F, F)(x, y, index())


def gradient_needs_loss(x, y):
    """One has to be known before the other can begin."""
    g = rows(x)
    total = MapReduce(DISTANCE, "add", (0, 1), F, F)(g, y)
    return [Elemwise(SCALED)(g, total), total]


def one_result_is_summed(x, y):
    """A loop with two results, one of which is read by a sum alone."""
    h, square = Elemwise(Composite(2, (DIFFERENCE, SQUARED, (tanh, (3,), F)), (2, 4)))(rows(x), y)
    return [h, square.sum(axis=1)]


def after_one_result_is_summed(x, y):
    both = Composite(2, (DIFFERENCE, SQUARED, (tanh, (3,), F)), (4, 2))
    total, h = IndexedMap(both, (0,), "add", (1,), F, F)(x, y, index())
    return [h, total]


def read_otherwise(x, y):
    """The rows are wanted as they are, too, and elsewhere by two loops of different lengths."""
    g, u = rows(x), x[ROWS[:3]]
    return [g, exp(g), y * 2, MapReduce(sqr, "add", (0,), F, F)(u), MapReduce(tanh, "add", (1,), F, F)(u)]


def after_a_write(x, y):
    """What the loop needs was made in the memory of the table, whose rows must be read before."""
    written = AdvancedIncSubtensor(("array",))(x, y, index())
    return [Elemwise(mul)(rows(x), written.sum().dimshuffle("x", "x")), T.exp(y)]


CASES = [
    RuleCase("fuse-indexed-reads", "dmatrix dmatrix", lambda x, y: mul(rows(x), y), read_otherwise,
             lambda x, y: IndexedMap(mul, (0,))(x, y, index()), **GIVEN),
    RuleCase("fuse-indexed-reads", "dmatrix dmatrix", lambda x, y: MapReduce(DISTANCE, "add", (1,), F, F)(y, rows(x)),
             lambda x, y: MapReduce(DISTANCE, "add", (0,), F, F)(y, rows(x)),
             lambda x, y: IndexedMap(DISTANCE, (1,), "add", (1,), F, F)(y, x, index()), **GIVEN),
    RuleCase("fuse-indexed-reads", "dmatrix dmatrix", loss_and_gradient, gradient_needs_loss, after_loss_and_gradient,
             **GIVEN),
    RuleCase("fuse-indexed-reads", "dmatrix dmatrix", one_result_is_summed, after_a_write, after_one_result_is_summed,
             **GIVEN),
    RuleCase("fuse-indexed-reads", "dtensor3 dtensor3",
             lambda x, y: MapReduce(mul, "maximum", (2,), F, F)(x[ROWS], y[::-1][ROWS % 2]),
             lambda x, y: [mul(x[:, ROWS % 2], y), mul(x[ROWS][:, :, None], y[0, 0, 0])],
             lambda x, y: IndexedMap(mul, (0, 1), "maximum", (2,), F, F)(x, y[::-1], index(), T.constant(ROWS % 2)),
             shapes=[(3, 4, 5), (3, 4, 5)], empty=[(3, 0, 2), (2, 0, 2)],
             special=[np.full((2, 2, 1), np.inf), np.full((2, 2, 1), np.nan)]),
]
