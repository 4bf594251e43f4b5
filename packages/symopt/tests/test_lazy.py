"""The Python virtual machine computes the side of an ``ifelse`` that is taken, and graphs made into Ops are inlined."""

import numpy as np
import pytest

from symcore import OpFromGraph, as_op, grad, shared
from symcore import tensor as T
from symcore.ifelse import ifelse
from symcore.printing.ops_printing import Print
from symopt.function import function
from symopt.mode import get_mode

MODES = ["FAST_COMPILE", get_mode("FAST_RUN").with_linker("py")]
ran: list[str] = []


def note(op, value):
    ran.append(op.message)


@as_op([T.dvector], [T.dvector])
def fails(v):
    raise RuntimeError("this side was computed")


@pytest.fixture(autouse=True)
def _clean():
    ran.clear()


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_the_side_not_taken_is_not_computed(mode):
    c, x = T.bscalar("c"), T.dvector("x")
    f = function([c, x], ifelse(c, fails(x) * 2, x + 1), mode=mode)
    assert f(0, [1.0]).tolist() == [2.0]
    with pytest.raises(RuntimeError, match="this side was computed"):
        f(1, [1.0])


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_choices_within_choices(mode):
    c, d, x = T.bscalar("c"), T.bscalar("d"), T.dvector("x")

    def says(name, v):
        return Print(name, global_fn=note)(v)

    inner = ifelse(d, says("a", x + 1) * 2, says("b", x + 2) * 2)
    out = ifelse(c, inner, says("c", x + 3))
    f = function([c, d, x], out, mode=mode)
    for values, shown, wanted in (((1, 1), ["a"], 4.0), ((1, 0), ["b"], 6.0), ((0, 1), ["c"], 4.0)):
        ran.clear()
        assert f(*values, [1.0]).tolist() == [wanted]
        assert ran == shown


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_what_both_sides_or_others_need(mode):
    c, x = T.bscalar("c"), T.dvector("x")
    common = Print("common", global_fn=note)(T.exp(x))
    late = Print("late", global_fn=note)(x * 5)
    out = ifelse(c, common + 1, common * late)
    again = ifelse(c, late, x)
    f = function([c, x], [out, again, x.sum()], mode=mode)
    a, b, s = f(1, [0.0])
    assert (a.tolist(), b.tolist(), s) == ([2.0], [0.0], 0.0)
    assert sorted(ran) == ["common", "late"]
    ran.clear()
    a, b, s = f(0, [1.0])
    np.testing.assert_allclose(a, [np.e * 5])
    assert sorted(ran) == ["common", "late"]


@pytest.mark.parametrize("mode", [*MODES, None], ids=str)
def test_nothing_is_shared_with_inputs_or_between_outputs(mode):
    c, x = T.bscalar("c"), T.dvector("x")
    y = x * 2
    f = function([c, x], [ifelse(c, x, y), ifelse(c, y, x), y, *ifelse(c, [y, y], [x, x])], mode=mode)
    given = np.ones(3)
    for condition in (0, 1):
        outs = f(condition, given)
        for k, a in enumerate(outs):
            assert not np.shares_memory(a, given)
            assert not any(np.shares_memory(a, b) for b in outs[:k])


@pytest.mark.parametrize("mode", [*MODES, None], ids=str)
def test_updates_by_choice(mode):
    w = shared(np.zeros(2), "w")
    c = T.bscalar("c")
    f = function([c], w.sum(), updates=[(w, ifelse(c, w + 1, w))], mode=mode)
    assert [float(f(k)) for k in (1, 0, 1, 0)] == [0.0, 2.0, 2.0, 4.0]
    assert w.get_value().tolist() == [2.0, 2.0]


def test_deep_chains_of_choices_need_no_recursion():
    c, x = T.bscalar("c"), T.dvector("x")
    y = x
    for _ in range(3000):
        y = ifelse(c, y + 1, x)
    f = function([c, x], y, mode="FAST_COMPILE")
    assert f(1, [0.0]).tolist() == [3000.0]
    assert f(0, [7.0]).tolist() == [7.0]


@pytest.mark.default_mode
@pytest.mark.parametrize("mode", ["FAST_COMPILE", None], ids=str)
def test_graphs_made_into_ops_are_taken_apart(mode):
    x = T.dvector("x")
    inner = OpFromGraph([x], [T.exp(x) * 2])
    op = OpFromGraph([x], [inner(x) + 1, x.sum()])
    a, b = op(x)
    f = function([x], [a, b, grad(a.sum() * b, x)], mode=mode)
    assert not any(isinstance(node.op, OpFromGraph) for node in f.fgraph.nodes)
    got = f([0.0, 1.0])
    np.testing.assert_allclose(got[0], np.exp([0.0, 1.0]) * 2 + 1)
    np.testing.assert_allclose(got[2], np.exp([0.0, 1.0]) * 2 + (np.exp([0.0, 1.0]) * 2 + 1).sum())
    kept = function([x], a, mode=get_mode(mode).excluding("inline-graph"))
    assert any(isinstance(node.op, OpFromGraph) for node in kept.fgraph.nodes)
    np.testing.assert_allclose(kept([0.0, 1.0]), got[0])
