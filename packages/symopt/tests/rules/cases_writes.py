"""Cases of the rules that write gradients of parts straight onto what they are added to."""

import numpy as np

from symcore import tensor as T
from symcore.tensor.elemwise import TABLE
from symcore.tensor.subtensor import AdvancedIncSubtensor, IncSubtensor
from symcore.tensor.type import TensorType
from symopt.testing import RuleCase

inf, nan = np.inf, np.nan
neg, sub = TABLE["neg"], TABLE["sub"]
TABLE_ROWS = TensorType("float64", (None, None))
INDICES = TensorType("int64", (None,))
WHOLE_NUMBERS = TensorType("int32", (None, None))
TYPES = [TABLE_ROWS, INDICES, TABLE_ROWS]
#: Seven rows (indices come from -5 to 5), of which 40 are chosen: some twice.
SHAPES = [(7, 4), (40,), (40, 4)]
EMPTY = [(7, 0), (3,), (3, 0)]
NO_ROWS = [(0, 4), (0,), (0, 4)]
#: Row 1 is written twice with infinities of both signs, row 0 with NaN, row 3 with zeros; row 2 is not written.
SPECIAL = [
    np.array([[1.0, inf], [inf, 1.0], [nan, -inf], [-0.0, 0.0]]),
    np.array([1, 0, 1, -1]),
    np.array([[inf, inf], [nan, 1.0], [-inf, 1.0], [0.0, -0.0]]),
]


def rows(base, i, g):
    """``base`` with ``g`` added at rows ``i``."""
    return AdvancedIncSubtensor(("array",))(base, g, i)


def part(base, g, entry=("slice", 1, None, None)):
    """``base`` with ``g`` added to ``base[1:]``."""
    return IncSubtensor((entry,))(base, g)


def written_over(x, i, g):
    """Zeros of which some rows are set, not added to."""
    return AdvancedIncSubtensor(("array",), True)(x.zeros_like(), g, i)


def used_twice(x, i, g):
    dense = rows(x.zeros_like(), i, g)
    return [x - 2.0 * dense, dense.sum()]


def within(x, first, second, base=0.0):
    """``x`` with a tensor added at ``first`` that holds ``base``, and 1.5 more at ``second``."""
    part = x[first]
    zeros = T.alloc(np.float64(base), *[part.shape[k] for k in range(part.ndim)])
    return T.inc_subtensor(part, T.inc_subtensor(zeros[second], 1.5))


def stretched(x, n):
    """One row, in which a number is written, is added to all rows from the ``n``-th on."""
    row = T.alloc(np.float64(0.0), 1, x.shape[1])
    return T.inc_subtensor(x[n:], T.inc_subtensor(row[:, 1:2], 1.5))


CASES = [
    # --- what multiplies
    RuleCase(
        "scale-into-write",
        TYPES,
        lambda x, i, g: [2.0 * rows(x.zeros_like(), i, g), neg(rows(x.zeros_like(), i, g * g))],
        lambda x, i, g: [2.0 * rows(x, i, g), 2.0 * written_over(x, i, g), inf * rows(x.zeros_like(), i, g)],
        lambda x, i, g: [rows(x.zeros_like(), i, 2.0 * g), rows(x.zeros_like(), i, neg(g * g))],
        shapes=SHAPES,
        empty=EMPTY,
        special=SPECIAL,
    ),
    RuleCase(
        "scale-into-write",
        TYPES,
        lambda x, i, g: rows(rows(x.zeros_like(), i, g), i + 1, g * g) / 4.0,
        lambda x, i, g: [rows(x.zeros_like(), i, g) / 0.0, 4.0 / rows(x.zeros_like(), i, g)],
        lambda x, i, g: rows(rows(x.zeros_like(), i, g / 4.0), i + 1, g * g / 4.0),
        shapes=SHAPES,
        empty=EMPTY,
        special=SPECIAL[:1] + [np.array([1, 0, 1, -2])] + SPECIAL[2:],
    ),
    RuleCase(
        "scale-into-write",
        "dmatrix dvector",
        lambda x, y: 0.5 * part(x.zeros_like(), y),
        lambda x, y: [2.0 * (dense := part(x.zeros_like(), y)), dense.sum()],
        lambda x, y: part(x.zeros_like(), 0.5 * y),
        empty=[(1, 0), (0,)],
    ),
    RuleCase(
        "scale-into-write-by-scalar",
        [*TYPES, TensorType("float64", ())],
        lambda x, i, g, s: s * rows(x.zeros_like(), i, g),
        lambda x, i, g, s: [s * rows(x, i, g), rows(x.zeros_like(), i, g) * x, s * written_over(x, i, g)],
        lambda x, i, g, s: rows(x.zeros_like(), i, s * g),
        shapes=[*SHAPES, ()],
        empty=[*EMPTY, ()],
        special=[*SPECIAL, nan],
    ),
    RuleCase(
        "scale-into-write-by-scalar",
        "fmatrix fvector fscalar",
        lambda x, y, s: part(x.zeros_like(), y) / s,
        lambda x, y, s: s / part(x.zeros_like(), y),
        lambda x, y, s: part(x.zeros_like(), y / s),
        empty=[(1, 0), (0,), ()],
        special=[np.ones((3, 2), "float32"), np.ones(2, "float32"), np.float32(0)],
    ),
    # --- what is added
    RuleCase(
        "sum-into-write",
        TYPES,
        lambda x, i, g: [x + rows(x.zeros_like(), i, g), x - rows(x.zeros_like(), i, g * g)],
        lambda x, i, g: [x + rows(x, i, g), x + written_over(x, i, g), *used_twice(x, i, g)],
        lambda x, i, g: [rows(x, i, g), rows(x, i, neg(g * g))],
        shapes=SHAPES,
        empty=EMPTY,
        special=SPECIAL,
    ),
    RuleCase(
        "sum-into-write",
        TYPES,
        lambda x, i, g: sub(x * 0.9, sub(rows(rows(x.zeros_like(), i, g), i, g * g), x.sum(axis=0))),
        lambda x, i, g: rows(x.zeros_like(), i, g) + rows(x.zeros_like(), i, g * g),
        lambda x, i, g: rows(rows(x * 0.9 + x.sum(axis=0), i, neg(g)), i, neg(g * g)),
        shapes=SHAPES,
        empty=NO_ROWS,
        special=SPECIAL,
    ),
    RuleCase(
        "sum-into-write",
        [WHOLE_NUMBERS, INDICES, WHOLE_NUMBERS],
        lambda x, i, g: [x - rows(x.zeros_like(), i, g), 1 + rows(x.zeros_like(), i, g * g)],
        lambda x, i, g: [x.astype("float64") - rows(x.zeros_like(), i, g), x * rows(x.zeros_like(), i, g)],
        shapes=SHAPES,
        empty=EMPTY,
        special=[np.array([[2**31 - 1, -(2**31)]] * 3, "int32"), np.array([1, 1]), np.array([[7, -9]] * 2, "int32")],
    ),
    RuleCase(
        "sum-into-write",
        "dmatrix dvector",
        lambda x, y: [x - part(x.zeros_like(), y), part(x.zeros_like(), y, 0) + 1.0],
        lambda x, y: [x[:1] * part(x.zeros_like(), y), x - part(x.ones_like(), y)],
        lambda x, y: [part(x, neg(y)), part(T.ones_like(x), y, 0)],
        shapes=[(3, 4), (4,)],
        empty=[(1, 0), (0,)],
    ),
    # --- parts of parts
    RuleCase(
        "write-in-write",
        "dmatrix lscalar",
        lambda x, n: [within(x, slice(n, None), slice(None, 2)), within(x, slice(n, None), slice(1, 3)),
                      within(x, slice(1, None), slice(None, 2)), within(x, (slice(None), n), slice(1, 2))],
        lambda x, n: [within(x, slice(None, n), slice(None, 2)), within(x, slice(n, None), slice(None, -1)),
                      within(x, slice(n, None), slice(None, None, -1)), within(x, slice(n, None), slice(None, 2), 1.0),
                      stretched(x, n)],
        shapes=[(9, 4), ()],
        empty=[(0, 4), ()],
        special=[np.array([[nan, inf, -0.0, 1.0]] * 4), np.int64(3)],
    ),
]
