"""The Python virtual machine computes the side of an ``ifelse`` that is taken, and graphs made into Ops are inlined."""

import numpy as np
import pytest

from symcore import OpFromGraph, as_op, grad, shared
from symcore import tensor as T
from symcore.graph.fgraph import FunctionGraph
from symcore.ifelse import IfElse, ifelse
from symcore.printing.ops_printing import Print
from symcore.tensor.indexed_map import IndexedMap
from symopt.function import function
from symopt.lazy import needs
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


# ---------------------------------------------------------------------- what is needed under which choices


def numbers(outputs, *variables):
    """The numbers of the nodes of some variables, which the graph holds as they are."""
    graph = FunctionGraph([v for v in variables if v.owner is None], outputs, clone=False)
    found = needs(graph.toposort(), graph.outputs)
    return [found[v.owner] for v in variables if v.owner is not None]


def test_nodes_are_needed_under_the_same_choices_or_not():
    c, d, x = T.bscalar("c"), T.bscalar("d"), T.dvector("x")
    always, then, other, both, inner, again = (T.exp(x * k) for k in range(1, 7))
    out = ifelse(c, ifelse(d, inner, then) + both, other + both)
    shared_by = ifelse(c, T.tanh(again), x)
    found = numbers([out, always, shared_by], c, d, x, always, then, other, both, inner, again)
    assert found[0] == found[3] == 0  # what both sides need is needed always
    assert len({found[k] for k in (1, 2, 4)} | {0}) == 4
    twice = numbers([out, always, shared_by], c, d, x, again, shared_by.owner.inputs[1], out.owner.inputs[1])
    assert twice[0] == twice[1] == twice[2] != 0  # two choices by one condition


def test_without_choices_everything_is_needed():
    x = T.dvector("x")
    graph = FunctionGraph([x], [T.exp(x).sum() + x])
    assert set(needs(graph.toposort(), graph.outputs).values()) == {0}


def test_many_choices_take_linear_time():
    x = T.dvector("x")
    conditions = [T.bscalar(f"c{k}") for k in range(300)]
    y, ends = x, []
    for c in conditions:
        y = ifelse(c, T.exp(y) + 1, y * 2)
        ends.append(y)
    graph = FunctionGraph([*conditions, x], ends[-1:])
    assert len(needs(graph.toposort(), graph.outputs)) == len(graph.nodes)


def apart(f):
    """Whether no node of a function has results that are needed under different choices."""
    fgraph = f.fgraph
    order = fgraph.toposort()
    number = needs(order, fgraph.outputs)
    for node in order:
        asked = set()
        for v in node.outputs:
            for user, position in fgraph.clients[v]:
                side = user is not None and isinstance(user.op, IfElse) and position > 0
                asked.add(0 if user is None else (user, position <= user.op.n_outs) if side else number[user])
        if len(asked) > 1 and len(node.outputs) > 1:
            return False
    return True


@pytest.mark.default_mode
@pytest.mark.parametrize("build", [
    lambda c, x, i: [T.sin(x), ifelse(c, T.tanh(T.sin(x) + 2), x)],
    lambda c, x, i: [ifelse(c, T.tanh(T.sin(x) + 2), T.cosh(T.sin(x)) * 3)],
    lambda c, x, i: [T.sin(x) * 2 + T.cos(x), ifelse(c, T.tanh(T.sin(x)).sum(), (T.cos(x) - 1).max())],
    lambda c, x, i: [(x[i] * x[i]).sum(axis=1), ifelse(c, T.sin(x[i]) + 1, x[i[:0]])],
    lambda c, x, i: [T.sin(x[i]) + 1, ifelse(c, (x[i] * x[i]).sum(axis=1), x[0])],
    lambda c, x, i: [T.sin(x[i]), ifelse(c, T.sin(x[i]).sum(axis=1), x[0])],
])
def test_work_of_one_side_is_not_fused_with_other_work(build):
    c, x, i = T.bscalar("c"), T.dmatrix("x"), T.lvector("i")
    outputs = build(c, x, i)
    f = function([c, x, i], outputs, on_unused_input="ignore")
    plain = function([c, x, i], outputs, on_unused_input="ignore", mode="FAST_COMPILE")
    assert apart(f)
    value = np.linspace(-1, 1, 12).reshape(4, 3)
    for taken in (0, 1):
        for got, want in zip(f(taken, value, [0, 2, 2]), plain(taken, value, [0, 2, 2]), strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-13, atol=12 * np.finfo(float).eps)


@pytest.mark.default_mode
def test_work_of_one_side_is_fused_with_its_own():
    c, x, i = T.bscalar("c"), T.dmatrix("x"), T.lvector("i")
    rows = x[i]
    side = ifelse(c, [T.sin(rows) + 1, (rows * rows).sum(axis=1)], [x, x[0]])
    f = function([c, x, i], [*side, x.sum()])
    assert apart(f) and sum(isinstance(node.op, IndexedMap) for node in f.fgraph.nodes) == 1
