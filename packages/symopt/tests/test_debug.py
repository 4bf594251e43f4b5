"""DEBUG mode finds rules, kernels, views and plans that are wrong, names them, and leaves right ones alone."""

import numpy as np
import pytest

from symcore import tensor as T
from symcore.config import config
from symcore.gradient import grad
from symcore.graph.variable import Apply
from symcore.op import Op
from symcore.tensor.constant import as_tensor
from symcore.tensor.elemwise import Elemwise
from symcore.tensor.scalar_functions import exp, log, mul
from symcore.tensor.shared import shared
from symopt import Mode, Out, RuleSet, function, get_mode, graph_rewrite, rewrite
from symopt.debug import BadDestroy, BadKernel, BadPlan, BadRewrite, BadView, DebugError, DebugLinker
from symopt.faults import summary, worst
from symopt.journal import WatchedGraph
from symopt.plan import MemoryPlan
from symopt.reference import moved, run_noisy, spread


def debug(*rules):
    """A mode with nothing but these rules, checked."""
    return Mode("debugged", RuleSet(*rules), DebugLinker)


# ---------------------------------------------------------------------- rules


@rewrite(exp, phase="canonicalize")
def exp_is_sum(node):
    """``exp(x) -> x + 1``: right at 0 alone."""
    return node.inputs[0] + 1.0


@rewrite(mul, phase="stabilize", name="swap-factors")
def swap_factors(node):
    """``x * y -> y * x``: right, once."""
    a, b = node.inputs
    return b * a if getattr(a, "name", None) == "x" else None


@rewrite(exp, phase="canonicalize", tags={"nan_changing"})
def exp_of_log(node):
    """``exp(log(x)) -> x``."""
    inner = node.inputs[0].owner
    return inner.inputs[0] if inner is not None and inner.op == Elemwise(log) else None


@pytest.mark.default_mode
def test_the_mode_checks_with_all_rules_and_is_silent_when_they_are_right():
    x, w = T.dvector("x"), shared(np.ones(3), name="w")
    assert get_mode("DEBUG").linker is DebugLinker
    f = function([x], [T.log(1 + T.exp(x * w)).sum(), x / x], updates=[(w, w - 0.5 * x)], mode="DEBUG")
    plain = function([x], [T.log(1 + T.exp(x * w)).sum(), x / x], mode="FAST_COMPILE")
    expected = plain([1.0, 2.0, 3.0])
    for got, wanted in zip(f([1.0, 2.0, 3.0]), expected, strict=True):
        np.testing.assert_allclose(got, wanted)
    assert w.get_value().tolist() == [0.5, 0.0, -0.5]
    assert f.fgraph.journal.check({x_: np.zeros(3) for x_ in f.fgraph.inputs}) > 0


@pytest.mark.default_mode
def test_a_wrong_rule_is_named_with_the_line():
    x, w = T.dvector("x"), shared(np.ones(2), name="w")
    f = function([x], T.exp(x), updates=[(w, w + x)], mode=debug(swap_factors, exp_is_sum))
    with pytest.raises(BadRewrite, match=r"rule 'exp-is-sum' changed a value: element") as caught:
        f([0.0, 0.5])
    error = caught.value
    assert (error.rule, str(error.node.op)) == ("exp-is-sum", "Elemwise{exp}")
    assert error.old.owner.op == Elemwise(exp)
    text = str(error)
    assert "right at 0 alone" in text
    assert "excluding('exp-is-sum')" in text
    assert "test_debug.py" in text
    assert "element (1,) is 1.5 instead of 1.64" in text
    assert len(text.splitlines()) <= 15
    assert w.get_value().tolist() == [1, 1]
    assert f([0.0, 0.0]).tolist() == [1, 1]  # where the rule is right


@pytest.mark.default_mode
def test_the_first_wrong_rule_is_named_not_what_builds_on_it():
    @rewrite(mul, phase="specialize", name="square-away")
    def square_away(node):
        """``x * x -> sqr(x)``: right."""
        a, b = node.inputs
        return T.sqr(a) if a is b else None

    x = T.dvector("x")
    y = T.exp(x)
    f = function([x], y * y, mode=debug(exp_is_sum, square_away))
    with pytest.raises(BadRewrite) as caught:
        f([0.5])
    assert caught.value.rule == "exp-is-sum"


@pytest.mark.default_mode
def test_a_rule_on_the_whole_graph_is_named():
    @graph_rewrite(phase="fuse", name="drop-exp")
    def drop_exp(fgraph):
        """``exp(x) -> x``: wrong."""
        nodes = [n for n in fgraph.toposort() if n.op == Elemwise(exp)]
        for n in nodes:
            fgraph.replace(n.outputs[0], n.inputs[0], "rule 'drop-exp'")
        return len(nodes)

    x = T.dvector("x")
    with pytest.raises(BadRewrite, match="rule 'drop-exp'"):
        function([x], T.exp(x) * 2, mode=debug(drop_exp))([1.0])


@pytest.mark.default_mode
def test_a_replacement_that_raises_or_has_another_shape():
    @rewrite(exp, phase="canonicalize", name="first-row")
    def first_row(node):
        """``exp(x) -> exp(x[5:])``: other shapes."""
        x = node.inputs[0]
        return T.log(x)[5:] if x.owner is None else None

    @rewrite(exp, phase="canonicalize", name="too-far")
    def too_far(node):
        """``exp(x) -> x[100] + 0 * x``: raises."""
        x = node.inputs[0]
        return x[100] + 0.0 * x

    x = T.dvector("x")
    with pytest.raises(BadRewrite, match=r"another dtype, shape or value(.|\n)*\(2,\)(.|\n)*\(0,\)"):
        function([x], T.exp(x), mode=debug(first_row))([1.0, 2.0])
    with pytest.raises(BadRewrite, match="raises IndexError"):
        function([x], T.exp(x), mode=debug(too_far))([1.0, 2.0])


@pytest.mark.default_mode
def test_tags_announce_differences_where_the_original_is_not_finite():
    x = T.dvector("x")
    tagged = function([x], T.exp(T.log(x)) + 1, mode=debug(exp_of_log))
    assert tagged([1.0, -2.0]).tolist() == [2, -1]
    untagged = rewrite(exp, phase="canonicalize", name="untagged")(exp_of_log.function)
    with pytest.raises(BadRewrite, match="rule 'untagged'"):
        function([x], T.exp(T.log(x)) + 1, mode=debug(untagged))([1.0, -2.0])


@pytest.mark.default_mode
def test_what_follows_a_tagged_difference_is_not_blamed():
    @rewrite(mul, phase="specialize", name="halve")
    def halve(node):
        """``x * 2 -> x + x``: right."""
        a, b = node.inputs
        return a + a if getattr(b, "data", None) is not None and np.all(b.data == 2) else None

    x = T.dvector("x")
    f = function([x], T.exp(T.log(x)) * 2.0, mode=debug(exp_of_log, halve))
    assert f([-3.0]).tolist() == [-6]


def test_cancellation_is_not_a_fault():
    x, y, z = T.fvectors("xyz")
    f = function([x, y, z], (x + y) + z, mode=debug(_reassociate()))
    big = np.float32([1e8, 12345.678])
    f(big, np.float32([1.2345, 0.1]), -big)  # the two orders agree in no digit, and both are right


def _reassociate():
    from symcore.tensor.scalar_functions import add

    @rewrite(add, phase="canonicalize", name="reassociate")
    def reassociate(node):
        """``(x + y) + z -> x + (y + z)``."""
        inner = node.inputs[0].owner
        if inner is None or inner.op != node.op or len(node.inputs) != 2 or len(inner.inputs) != 2:
            return None
        return inner.inputs[0] + (inner.inputs[1] + node.inputs[1])

    return reassociate


@pytest.mark.default_mode
def test_the_installed_rules_pass_on_gradients():
    x, y = T.dmatrix("x"), T.dvector("y")
    w, b = shared(np.random.default_rng(0).normal(size=(4, 3)), name="w"), shared(np.zeros(3), name="b")
    p = 1 / (1 + T.exp(-T.dot(x, w) - b))
    cost = -(y.dimshuffle(0, "x") * T.log(p) + (1 - y.dimshuffle(0, "x")) * T.log(1 - p)).mean() + 0.01 * (w**2).sum()
    gw, gb = grad(cost, [w, b])
    f = function([x, y], cost, updates=[(w, w - 0.1 * gw), (b, b - 0.1 * gb)], mode="DEBUG")
    data = np.random.default_rng(1).normal(size=(5, 4)) * 30, np.array([0.0, 1, 0, 1, 1])
    costs = [f(*data) for _ in range(5)]
    assert np.isfinite(costs).all()
    assert costs[-1] < costs[0]


def test_the_side_of_a_choice_that_is_not_taken_may_fail():
    from symcore.ifelse import ifelse

    x, c = T.dvector("x"), T.bscalar("c")
    f = function([x, c], ifelse(c, x[10] * 2.0, x.sum()), mode="DEBUG")
    assert f([1.0, 2.0], 0) == 3
    with pytest.raises(IndexError):
        f([1.0, 2.0], 1)


# ---------------------------------------------------------------------- nodes


class Fixed(Op):
    """Returns what its function makes of a vector; ``viewed`` is what it declares."""

    fn: object
    viewed: tuple = ()
    destroyed: tuple = ()

    def make_node(self, x):
        x = as_tensor(x)
        return Apply(self, [x], [x.type()])

    def perform(self, node, x):
        return self.fn(x)

    def view(self, node):
        return dict(self.viewed)

    def destroys(self, node):
        return self.destroyed


def change(x):
    x[:1] = 7
    return x * 2.0


def itself(x):
    return x[::-1]


def test_a_node_that_changes_its_input():
    x = T.dvector("x")
    given = np.ones(3)
    with pytest.raises(BadDestroy, match=r"perform of Fixed.*changed its input 0"):
        function([x], Fixed(change)(x), mode=debug())(given)
    f = function([x], Fixed(change, destroyed=(0,))(x), mode=debug())
    given = np.ones(3)
    assert f(given).tolist() == [14, 2, 2]
    assert given.tolist() == [1, 1, 1]


def test_an_output_that_is_an_undeclared_view():
    x = T.dvector("x")
    with pytest.raises(BadView, match=r"output 0 of Fixed.*shares memory with its input 0") as caught:
        function([x], Fixed(itself)(x), mode=debug())(np.ones(3))
    assert "view(node) gives {0: 0}" in str(caught.value)
    assert "test_debug.py" in str(caught.value)
    assert function([x], Fixed(itself, viewed=((0, 0),))(x), mode=debug())([1.0, 2.0]).tolist() == [2, 1]


class Two(Op):
    """Declares a view of its first input and returns one of the second."""

    def make_node(self, x, y):
        return Apply(self, [as_tensor(x), as_tensor(y)], [as_tensor(x).type()])

    def perform(self, node, x, y):
        return y[:]

    def view(self, node):
        return {0: 0}


def test_a_view_of_another_input_than_the_declared_one():
    x, y = T.dvectors("xy")
    f = function([x, y], Two()(x, y), mode=debug())
    with pytest.raises(BadView, match=r"its input 1; view\(\) names input 0"):
        f(np.ones(3), np.zeros(3))
    both = np.ones(3)
    assert f(both, both[:2]).tolist() == [1, 1]  # what overlaps the declared input may be shared


def test_an_output_that_is_not_of_its_type():
    x = T.dvector("x")
    with pytest.raises(BadKernel, match=r"is not of its type TensorType\(.*wrong number of dimensions"):
        function([x], Fixed(np.sum)(x), mode=debug())(np.ones(3))


def test_an_error_of_an_op_stays_that_error():
    x = T.dvector("x")
    with pytest.raises(IndexError) as caught:
        function([x], x[5], mode="DEBUG")([1.0])
    assert not isinstance(caught.value, DebugError)


# ---------------------------------------------------------------------- the plan


def test_what_is_written_to_a_shared_variable_by_a_failing_call_is_taken_back(monkeypatch):
    import symopt.debug as module

    x, w = T.dvector("x"), shared(np.ones(2), name="w")
    f = function([x], x * w, updates=[(w, w + x)], mode="DEBUG")
    if f.linked._whole is None:
        pytest.skip("no C here")
    monkeypatch.setattr(module.WholeInC, "run", lambda self, leaves: [np.array([1.0, 2.0]), np.array([9.0, 9.0])])
    with pytest.raises(BadPlan, match=r"the update of w differs when the whole function runs in C"):
        f([1.0, 2.0])
    assert w.get_value().tolist() == [1, 1]
    monkeypatch.setattr(module.WholeInC, "run", lambda self, leaves: RuntimeError("buffer"))
    with pytest.raises(BadPlan, match="raises in C"):
        f([1.0, 2.0])


def test_a_wrong_kernel_is_named(monkeypatch):
    import symopt.debug as module

    x = T.dvector("x")
    f = function([x], T.exp(x) + x, mode=debug())
    wrong = module.NodeInC(lambda x: [np.exp(x) * 1.001], [0])
    monkeypatch.setattr(module.NodesInC, "get", lambda self, node: wrong if node.op == Elemwise(exp) else None)
    with pytest.raises(BadKernel, match=r"output 0 of Elemwise\{exp\}\(x\) differs in C from perform: element \(1,\)"):
        f([0.0, 1.0])

    def broken(x):
        raise ValueError("no")

    wrong.program = broken
    with pytest.raises(BadKernel, match="raises in C, and not in perform: ValueError: no"):
        f([0.0, 1.0])


def test_nothing_runs_in_c_where_the_configuration_says_so():
    x = T.dvector("x")
    with config.override(linker="py"):
        f = function([x], T.exp(x), mode="DEBUG")
    assert not f.linked._step.kernels
    assert f([0.0]).tolist() == [1]


# ---------------------------------------------------------------------- parts


def test_the_journal_knows_every_replacement():
    x = T.dvector("x")
    fgraph = WatchedGraph([x], [T.exp(T.exp(x))])
    from symopt.engine import rewrite as run

    run(fgraph, fgraph.journal.watching(RuleSet(exp_is_sum)))
    [inner] = fgraph.inputs
    assert fgraph.journal.check({inner: np.array([])}) == 2
    with pytest.raises(BadRewrite):
        fgraph.journal.check({inner: np.array([1.0])})
    assert MemoryPlan(fgraph, 1, []).order
    fgraph.check()


def test_the_spread_of_a_sum_that_cancels_is_large_and_of_a_product_small():
    a = np.array([1.1, 2.3])

    def cancel(noise):
        return moved(moved(a * 1e6 + 0.7, noise) - a * 1e6, noise)

    assert (spread(cancel, np.full(2, 0.7)) > 1e-11).all()
    assert (spread(lambda noise: a * 3, a * 3) == 0).all()


def test_noise_moves_what_is_rounded_and_nothing_else():
    noise = np.random.default_rng(0)
    for dtype in ("float16", "float32", "float64"):
        tiny = np.nextafter(np.zeros((), dtype), np.ones((), dtype))
        given = np.array([3.0, 0.0, np.inf, np.nan, 1.3, 50 * float(tiny)], dtype)
        found = moved(given, noise)
        np.testing.assert_array_equal(found[:4], given[:4])
        assert abs(found[4] - given[4]) <= 4 * np.finfo(dtype).eps
        assert 0 < abs(moved(np.full(9, given[5]), noise) - given[5]).max() <= 3 * tiny
        assert found.dtype == dtype
    assert moved(np.array([1.1 + 2.2j]), noise) != 1.1 + 2.2j
    assert moved(np.arange(3), noise).tolist() == [0, 1, 2]


@pytest.mark.default_mode
def test_noise_reaches_the_steps_of_a_fused_node():
    x, y = T.wvector("x"), T.lscalar("y")
    f = function([x, y], y / T.exp(x))  # exp of an int16 is a float32, the quotient a float64
    [node] = f.plan.order
    values = [np.array([-1, 4], "int16"), np.array(6)]
    exact = node.op.perform(node, *values)
    found = spread(lambda noise: run_noisy(node, values, noise)[0], exact)
    assert exact.dtype == "float64"
    assert (found / exact > 1e-8).all()
    g = function([x, y], y / T.exp(x), mode="DEBUG")
    np.testing.assert_allclose(g(*values), exact, rtol=1e-6)


def test_how_values_are_shown():
    assert summary(np.array([1.0, np.nan, -2.0])) == "float64 (3,), from -2 to 1, 1 NaN"
    assert summary(np.array([], dtype="int8")) == "int8 (0,)"
    assert summary("text") == "'text'"
    a, b = np.array([1.0, 2.0, np.nan]), np.array([1.0, 3.0, 4.0])
    assert worst(a, b, np.array([False, True, True])) == "element (2,) is 4.0 instead of nan; 2 of 3 elements differ"


def test_borrowed_outputs_and_dictionaries():
    x = T.dvector("x")
    f = function([x], {"a": Out(x * 2, borrow=True), "b": x}, mode="DEBUG")
    assert {k: v.tolist() for k, v in f([1.0]).items()} == {"a": [2], "b": [1]}
