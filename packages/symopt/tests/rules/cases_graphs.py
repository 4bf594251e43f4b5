"""Test cases of the rules on Ops that contain graphs."""

from symcore import tensor as T
from symcore.from_graph import OpFromGraph
from symopt.testing import RuleCase


def _op(x, y):
    a, b = x.type(), y.type()
    return OpFromGraph([a, b], [T.exp(a) / b, (a * b).sum()])(x, y)


CASES = [
    RuleCase("inline-graph", "dvector dvector", lambda x, y: [*_op(x, y), _op(x + 1, y)[0] * 2],
             lambda x, y: [T.exp(x) / y, (x * y).sum()],
             lambda x, y: [T.exp(x) / y, (x * y).sum(), T.exp(x + 1) / y * 2]),
]  # fmt: skip
