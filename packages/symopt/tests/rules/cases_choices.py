"""Cases of the rules that move ``ifelse`` behind linear functions."""

import numpy as np

from symcore import tensor as T
from symcore.ifelse import ifelse
from symopt.testing import RuleCase

inf, nan = np.inf, np.nan


def half(c, x, side=True):
    zero = T.zeros_like(x)
    return ifelse(c, x, zero) if side else ifelse(c, zero, x)


CASES = [
    RuleCase(
        "ifelse-behind-elementwise",
        "bscalar dmatrix dmatrix",
        lambda c, a, x: [a * half(c, x), half(c, x, False) / a, -half(c, x), T.fill(a, half(c, x.sum()))],
        lambda c, a, x: [a / half(c, x), a * ifelse(c, x, a), T.exp(half(c, x)), a * T.switch(c, x, 0)],
        special=[np.int8(0), np.full((2, 4), inf), np.full((2, 4), nan)],
        shapes=[(), (2, 4), (2, 4)],
        empty=[(), (0, 4), (0, 4)],
    ),
    RuleCase(
        "ifelse-behind-sum",
        "bscalar dvector dvector",
        lambda c, a, b: [half(c, a) + half(c, b, False), half(c, a) - half(c, b), half(c, a, False) - half(c, b)],
        lambda c, a, b: [half(c, a) + b, half(c, a) + half(a.sum() > 0, b), half(c, a) * half(c, b)],
        how="equal",
    ),
    RuleCase(
        "ifelse-behind-dot",
        "bscalar dmatrix dmatrix",
        lambda c, a, b: [T.dot(a, half(c, b)), T.dot(half(c, a, False), b)],
        lambda c, a, b: [T.dot(a, ifelse(c, b, b + 1)), T.dot(T.exp(half(c, a)), b)],
        shapes=[(), (2, 3), (3, 4)],
        empty=[(), (0, 3), (3, 0)],
        special=[np.int8(0), np.full((2, 3), inf), np.full((3, 4), nan)],
    ),
    RuleCase(
        "ifelse-behind-axes",
        "bscalar dmatrix",
        lambda c, a: [half(c, a).sum(0), half(c, a, False).T, half(c, a)[1:, 0], half(c, a).reshape((-1,))],
        lambda c, a: [half(c, a).max(0), half(c, a) * a, ifelse(c, a, a * 2).T],
        shapes=[(), (3, 4)],
        empty=[(), (0, 4)],
    ),
    RuleCase(
        "ifelse-behind-part",
        "bscalar dmatrix",
        lambda c, a: T.inc_subtensor(T.zeros_like(a)[1:], half(c, a[1:] * 2)),
        lambda c, a: [T.inc_subtensor(a[1:], half(c, a[1:] * 2)), T.set_subtensor(T.zeros_like(a)[1:], a[1:])],
        shapes=[(), (3, 4)],
        empty=[(), (1, 0)],
    ),
]
