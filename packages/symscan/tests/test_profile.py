"""``f.profile`` of functions with loops: the nodes of a step, per loop."""

import numpy as np
import pytest

from symcore import as_op
from symcore import tensor as T
from symopt import function
from symscan import scan

pytestmark = [pytest.mark.c, pytest.mark.default_mode]
rng = np.random.default_rng(5)


def layer():
    x, h0, W = T.dmatrix("x"), T.dvector("h0"), T.dmatrix("W")
    hs, _ = scan(lambda xt, h, W: T.tanh(xt + h @ W), sequences=[x], outputs_info=[h0], non_sequences=[W])
    return function([x, h0, W], hs[-1]), (rng.normal(size=(30, 8)), np.zeros(8), rng.normal(size=(8, 8)))


def test_nodes_of_a_step_are_timed():
    f, values = layer()
    f.profile_on()
    for _ in range(3):
        f(*values)
    [loop] = f.profile.loops()
    assert type(loop.node.op).__name__ == "Scan" and f.plan.order[loop.position] is loop.node
    assert {row.calls for row in loop.nodes} == {90}
    assert {op.name for op in loop.ops()} == {type(row.node.op).__name__ for row in loop.nodes}
    [outer] = [row for row in f.profile.nodes() if row.node is loop.node]
    assert 0 < sum(row.seconds for row in loop.nodes) <= outer.seconds
    assert f"within {loop.position} Scan" in str(f.profile)
    [told] = f.profile.to_dict()["loops"]
    assert [row["calls"] for row in told["nodes"]] == [90] * len(loop.nodes)


def test_nothing_is_counted_without_profiling():
    f, values = layer()
    f(*values)
    f.profile_on()
    assert f.profile.loops() == []
    f(*values)
    found = f.profile_off()
    f(*values)
    [loop] = found.loops()
    assert {row.calls for row in loop.nodes} == {30}


def test_a_fused_loop_is_one_kernel():
    a = T.dvector("a")
    powers, _ = scan(lambda p, a: p * a, outputs_info=[T.ones_like(a)], non_sequences=[a], n_steps=6)
    f = function([a], powers[-1], profile=True)
    f([1.0, 2.0])
    [loop] = f.profile.loops()
    assert loop.nodes == [] and "all steps are one kernel" in str(f.profile)


def test_loops_within_loops():
    x = T.dmatrix("x")

    def row(r, total):
        inner, _ = scan(lambda e, s: T.tanh(s + T.sort(e).sum() * s), sequences=[r.reshape((-1, 2))],
                        outputs_info=[total])  # fmt: skip
        return inner[-1]

    sums, _ = scan(row, sequences=[x], outputs_info=[np.float64(1.0)])
    f = function([x], sums, profile=True)
    f(rng.normal(size=(3, 8)))
    [outer] = [loop for loop in f.profile.loops() if loop.loops]
    [inner] = outer.loops
    assert {row.calls for row in outer.nodes if row.node is inner.node} == {3}
    assert {row.calls for row in inner.nodes} <= {3, 12} and inner.nodes
    assert str(f.profile).count("within") == len(f.profile.loops()) + 1


@as_op([T.dvector], [T.dvector])
def in_python(v):
    return v + 1


def test_steps_called_from_python():
    x = T.dmatrix("x")
    values, _ = scan(lambda r: in_python(r) * 2, sequences=[x])
    f = function([x], values, profile=True)
    f(np.zeros((5, 2)))
    [loop] = f.profile.loops()
    [row] = [row for row in loop.nodes if row.node.op is in_python or row.where == "Python"]
    assert row.calls == 5
