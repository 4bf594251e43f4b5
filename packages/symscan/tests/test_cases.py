"""The Op of loops through the test kit, in every role that its inputs and outputs can have; equality and copies."""

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest

from symcore import tensor as T
from symcore.random import RandomStreams
from symcore.testing import OpCase, check_op, missing_cases
from symscan import loop, scan, scan_checkpoints, until
from symscan.lengths import EnoughRows
from symscan.op import Scan
from symscan.spec import Rows, Spec

rng = np.random.default_rng(17)
X, H, W, FIRST = rng.normal(size=(6, 3)), rng.normal(size=(1, 3)), rng.normal(size=3), rng.normal(size=(3, 3))
N, NONE = np.int64(4), np.int64(0)


def loops_of(*outputs):
    """Return the Ops of the loops that outputs are made by."""
    from symcore.graph.traverse import ancestors

    found = {}
    for v in ancestors(outputs):
        if v.owner is not None and isinstance(v.owner.op, Scan):
            found[v.owner] = v.owner.op
    return list(found.values())


def op_of(outputs):
    """Return the Op of the only loop that the outputs come from."""
    [op] = loops_of(*outputs) if isinstance(outputs, (list, tuple)) else loops_of(outputs)
    return op


def keeping(op, *keep):
    """Return the same loop handing out the given numbers of last rows."""
    rows = [replace(r, keep=k) for r, k in zip(op.spec.rows, keep, strict=True)]
    k = len(op.spec.states)
    return op.with_spec(replace(op.spec, states=tuple(rows[:k]), plain=tuple(rows[k:])))


x, first, h, w = T.dmatrix("x"), T.dmatrix("first"), T.dvector("h"), T.dvector("w")
ONE = op_of(scan(lambda v, s: T.tanh(v * w + s), x, h)[0])
PLAIN = op_of(scan(lambda v: T.sin(v * w), x)[0])
TAPS = op_of(scan(lambda a, b, s3, s1: T.tanh(a * b + s3 - 0.5 * s1), {"input": x, "taps": [0, 2]},
                  {"initial": first, "taps": [-3, -1]})[0])  # fmt: skip
BOTH = op_of(scan(lambda v, a, b: [a + v, b * v.sum(), a.sum()], x, [h, h.sum(), None])[0])
UNTIL = op_of(scan(lambda v, s: (s + v, until(v.sum() < -1e6)), x, h)[0])
COUNTS = op_of(scan(lambda v, k: [k + 1, v * k], x, [T.zeros((), "int64"), None])[0])
NESTED = op_of(scan(lambda row: scan(lambda v, s: s * v + 1, row, w[0])[0], x)[0])
LEAN = op_of(scan_checkpoints(lambda v, s: T.tanh(v * w + s), x, h, n_steps=4, save_every_N=2)[0])
POWERS = op_of(loop(lambda p, _: (p * w, None), h, n_steps=T.lscalar())[0])
OPTIONS = {"plain": False, "dtypes": ("float64",)}


def recurrent(n, x, h, w):
    rows = [h[0]]
    for t in range(int(n)):
        rows.append(np.tanh(x[t] * w + rows[-1]))
    return np.array(rows)


def running(n, x, a, b):
    a, b, sums = [a[0]], [b[0]], []
    for t in range(int(n)):
        sums.append(a[-1].sum())
        a.append(a[-1] + x[t])
        b.append(b[-1] * x[t].sum())
    return np.array(a), np.array(b), np.array(sums)


CASES = [
    OpCase(ONE, N, X, H, W, expected=recurrent, name="a sequence, a state, a non-sequence", **OPTIONS),
    OpCase(ONE, NONE, X, H, W, expected=recurrent, name="no steps", **OPTIONS),
    OpCase(ONE, NONE, X[:0], H, W, name="no rows", **OPTIONS),
    OpCase(ONE, N, X[:, :0], H[:, :0], W[:0], name="no elements", **OPTIONS),
    OpCase(keeping(ONE, 1), N, X, H, W, expected=lambda *v: recurrent(*v)[-1:], name="the last row", **OPTIONS),
    OpCase(keeping(ONE, 2), N, X, H, W, expected=lambda *v: recurrent(*v)[-2:], name="two last rows", **OPTIONS),
    OpCase(PLAIN, N, X, W, expected=lambda n, x, w: np.sin(x[:n] * w), name="a plain output", **OPTIONS),
    OpCase(keeping(PLAIN, 2), N, X, W, expected=lambda n, x, w: np.sin(x[n - 2 : n] * w), name="its end", **OPTIONS),
    OpCase(TAPS, N, X, FIRST, name="taps", **OPTIONS),
    OpCase(EnoughRows("sequences[0]", (-1, 2), 3), np.array(3), expected=lambda rows: rows),
    OpCase(keeping(TAPS, 1), N, X, FIRST, name="the last row of taps", **OPTIONS),
    OpCase(BOTH, N, X, H, np.ones(1), expected=running, name="states and a plain output", **OPTIONS),
    OpCase(UNTIL, N, X, H, expected=lambda n, x, h: np.cumsum([h[0], *x[:n]], 0), name="a condition", **OPTIONS),
    OpCase(COUNTS, N, X, np.zeros(1, np.int64), name="an integer state", **OPTIONS),
    OpCase(NESTED, N, X, W[:1], shapes=[(), (None, None), (1,)], name="a loop in a loop", **OPTIONS),
    OpCase(LEAN, np.int64(2), X[:4].reshape(2, 2, 3), H[None], W, shapes=[(), (None, 2, None), (1, 1, None), (None,)],
           name="blocks", **OPTIONS),
    OpCase(POWERS, N, H, W, expected=lambda n, h, w: np.array([h[0] * w**k for k in range(n + 1)]), name="powers",
           **OPTIONS),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_op(case):
    check_op(case)


def test_no_op_is_left_out():
    assert not missing_cases("symscan", CASES)


def test_equality_is_that_of_graph_and_roles():
    again = op_of(scan(lambda v, s: T.tanh(v * w + s), x, h, name="named")[0])
    assert again == ONE and hash(again) == hash(ONE)
    assert op_of(scan(lambda v, s: T.tanh(v * w - s), x, h)[0]) != ONE
    assert op_of(scan(lambda v, s: T.tanh(v * w + s), x, h, truncate_gradient=2)[0]) != ONE
    assert keeping(ONE, 1) != ONE and keeping(ONE, 1) == keeping(ONE, 1)
    assert Scan(ONE.fgraph, ONE.spec, lean=True) != ONE


@pytest.mark.parametrize("copied", [lambda v: pickle.loads(pickle.dumps(v)), copy.deepcopy, copy.copy])
@pytest.mark.parametrize("op", [ONE, TAPS, UNTIL, NESTED, LEAN], ids=["one", "taps", "until", "nested", "lean"])
def test_copies_are_equal_also_after_use(op, copied):
    case = next(c for c in CASES if c.op is op)
    node = op.make_node(*case.variables(case.inputs, static=False))
    expected = op.perform(node, *map(np.asarray, case.inputs))
    other = copied(op)
    assert other == op and hash(other) == hash(op) and (other.lean, other.name) == (op.lean, op.name)
    np.testing.assert_array_equal(other.perform(node, *map(np.asarray, case.inputs)), expected)


def test_generators_are_carries():
    draws = RandomStreams(2)
    op = op_of(scan(lambda v: v + draws.normal(), x)[0])
    assert op.spec.n_carries == 1
    assert pickle.loads(pickle.dumps(op)) == op


def test_nodes_of_wrong_inputs():
    with pytest.raises(TypeError, match="takes 4 inputs, got 3"):
        ONE.make_node(N, x, h)
    with pytest.raises(TypeError, match="number of steps must be an integer scalar"):
        ONE.make_node(T.dscalar(), x, first, w)
    with pytest.raises(TypeError, match="sequence 0 of .* rows of type"):
        ONE.make_node(N, h, first, w)
    with pytest.raises(TypeError, match="sequence 0 of .* must be a tensor with rows"):
        ONE.make_node(N, T.dscalar(), first, w)
    with pytest.raises(TypeError, match="initial rows of state 0 .* rows of type"):
        ONE.make_node(N, x, h, w)
    with pytest.raises(TypeError, match="non-sequence 0 of .* Cast or reshape"):
        ONE.make_node(N, x, first, T.fvector())
    with pytest.raises(TypeError, match="specification has 1 inner inputs"):
        Scan(ONE.fgraph, Spec(((0,),), plain=(Rows(),)))
