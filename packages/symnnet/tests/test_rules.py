"""Each rule alone against the reference interpreter: where it applies, where not, with NaN, without elements."""

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from symcore import tensor as T
from symcore.gradient.grad import grad
from symcore.graph.fgraph import FunctionGraph
from symcore.interpreter import evaluate
from symcore.tensor.reduce import Argmax
from symnnet import nnet
from symnnet.crossentropy import (
    CrossentropyCategorical1Hot,
    CrossentropyCategorical1HotGrad,
    CrossentropySoftmax1hot,
    CrossentropySoftmax1hotGrad,
    CrossentropySoftmax1hotWithGrad,
)
from symnnet.rules import RULES
from symnnet.softmax import LogSoftmax, LogSoftmaxGrad, Softmax, SoftmaxGrad
from symopt.engine import rewrite

KINDS = ("positive", "negative", "nan", "zero")
rng = np.random.default_rng(5)
SCORES = rng.standard_normal((4, 3)) * 3
CLASSES = np.array([2, 0, -1, 1])
x, g2 = T.dmatrix("x"), T.dmatrix("g2")
y, n = T.lvector("y"), T.lscalar("n")
g1, s = T.dvector("g1"), T.dscalar("s")
p, ls = Softmax()(x), LogSoftmax()(x)
rows = T.arange(y.shape[0])


def with_nan() -> np.ndarray:
    scores = SCORES.copy()
    scores[1, 2] = np.nan
    return scores


VALUES = {x: SCORES, y: CLASSES, g2: rng.standard_normal((4, 3)), g1: rng.standard_normal(4), s: np.array(0.5),
          n: np.array(4)}  # fmt: skip
ZERO = {x: SCORES[:0], y: CLASSES[:0], g2: SCORES[:0], g1: np.zeros(0), s: np.array(0.5), n: np.array(0)}
NAN = {**VALUES, x: with_nan()}


@dataclass
class Case:
    """What a rule makes of ``outputs``: ``makes`` is the Op that must stand there afterwards (``None``: unchanged)."""

    rule: str
    outputs: Callable[[], Any]
    makes: type | None
    kinds: tuple[str, ...] = ("positive", "nan", "zero")
    nan: Any = None  # what comes out with NaN, where the rule is known to change that

    def __str__(self) -> str:
        return f"{self.rule}-{'/'.join(self.kinds)}"


def no(rule: str, outputs: Callable[[], Any]) -> Case:
    return Case(rule, outputs, None, ("negative",))


def spread(at: Any, value: Any, base: Any = 0.0) -> Any:
    return T.inc_subtensor(T.full_like(x, base)[at, y], value)


def shape_numbers(at: Any) -> list[Any]:
    """Return what the rules on ``[at, y]`` look for, each with a rule's name."""
    kind = "" if at is rows else "_by_number"
    return [
        Case(f"pick_of_log_softmax{kind}", lambda: ls[at, y], CrossentropySoftmax1hot),
        Case(f"pick_of_log_softmax{kind}", lambda: (-ls)[at, y], CrossentropySoftmax1hot),
        Case(f"log_of_picked_softmax{kind}", lambda: T.log(p[at, y]), CrossentropySoftmax1hot),
        Case(f"log_softmax_grad_at_targets{kind}", lambda: LogSoftmaxGrad()(spread(at, g1), ls),
             CrossentropySoftmax1hotGrad),
        Case(f"log_softmax_grad_at_targets{kind}", lambda: LogSoftmaxGrad()(-spread(at, g1) * 3.0, ls),
             CrossentropySoftmax1hotGrad),
        Case(f"softmax_grad_at_targets{kind}", lambda: SoftmaxGrad()(spread(at, g1 / p[at, y]), p),
             CrossentropySoftmax1hotGrad),
        Case(f"softmax_grad_at_targets{kind}", lambda: grad(T.log(p[at, y]).sum(), x), CrossentropySoftmax1hotGrad),
    ]  # fmt: skip


CASES = [
    Case("log_of_softmax", lambda: T.log(p), LogSoftmax),
    Case("log_of_softmax", lambda: T.log(Softmax(0)(x)), LogSoftmax, ("positive", "nan")),
    no("log_of_softmax", lambda: T.log(p * 2)),
    Case("softmax_written_out", lambda: T.exp(x) / T.exp(x).sum(axis=1, keepdims=True), Softmax),
    Case("softmax_written_out", lambda: T.exp(x) / T.exp(x).sum(axis=0, keepdims=True), Softmax, ("positive",)),
    Case("softmax_written_out", lambda: T.reciprocal(T.exp(x).sum(axis=1, keepdims=True)) * T.exp(x), Softmax),
    no("softmax_written_out", lambda: T.exp(x) / T.exp(x).sum()),
    no("softmax_written_out", lambda: T.exp(x) / T.exp(g2).sum(axis=1, keepdims=True)),
    no("softmax_written_out", lambda: T.exp(x).sum(axis=1, keepdims=True) / T.exp(x)),
    no("softmax_written_out", lambda: T.exp(x) * T.exp(x).sum(axis=1, keepdims=True)),
    Case("log_softmax_written_out", lambda: x - T.log(T.exp(x).sum(axis=1, keepdims=True)), LogSoftmax),
    Case("log_softmax_written_out", lambda: x - T.log(T.exp(x).sum(axis=1)).dimshuffle(0, "x"), LogSoftmax),
    Case("log_softmax_written_out", lambda: x - T.log(T.exp(x).sum(axis=0)), None, ("negative",)),
    no("log_softmax_written_out", lambda: x - T.log(T.exp(g2).sum(axis=1, keepdims=True))),
    no("log_softmax_written_out", lambda: x - T.exp(x).sum(axis=1, keepdims=True)),
    no("log_softmax_written_out", lambda: T.log(T.exp(x).sum(axis=1, keepdims=True)) - x),
    Case("softmax_of_shifted", lambda: Softmax()(x - x.max(axis=1, keepdims=True)), Softmax, ("positive", "nan")),
    Case("softmax_of_shifted", lambda: LogSoftmax()(x - x.max(axis=1, keepdims=True)), LogSoftmax,
         ("positive", "nan", "zero")),
    no("softmax_of_shifted", lambda: Softmax()(x - g2.max(axis=1, keepdims=True))),
    no("softmax_of_shifted", lambda: Softmax()(x - x.max(axis=0, keepdims=True))),
    Case("argmax_of_softmax", lambda: T.argmax(p, axis=1), Argmax, nan=[0, 2]),
    Case("argmax_of_softmax", lambda: T.argmax(LogSoftmax(0)(x), axis=0), Argmax, ("positive",)),
    no("argmax_of_softmax", lambda: T.argmax(p, axis=0)),
    no("argmax_of_softmax", lambda: T.argmax(p)),
    Case("softmax_grad_of_quotient", lambda: grad((T.log(p) * g2).sum(), x), LogSoftmaxGrad),
    Case("softmax_grad_of_quotient", lambda: SoftmaxGrad()(g2 / p, p), LogSoftmaxGrad),
    Case("softmax_grad_of_quotient", lambda: SoftmaxGrad()(-(g2 * T.reciprocal(p)), p), LogSoftmaxGrad),
    no("softmax_grad_of_quotient", lambda: SoftmaxGrad()(g2 / (p + 1), p)),
    no("softmax_grad_of_quotient", lambda: SoftmaxGrad()(p / g2, p)),
    no("softmax_grad_of_quotient", lambda: SoftmaxGrad()(T.switch(T.eq(x, 0), 0.0, g2 / p), p)),
    *shape_numbers(rows),
    *shape_numbers(T.arange(n)),
    no("pick_of_log_softmax", lambda: ls[T.arange(n), y]),
    no("pick_of_log_softmax", lambda: ls[y, rows]),
    no("pick_of_log_softmax", lambda: LogSoftmax(0)(x)[rows, y]),
    no("pick_of_log_softmax", lambda: ls[T.arange(1, y.shape[0] + 1) - 1, y]),
    no("pick_of_log_softmax_by_number", lambda: ls[rows, y]),
    no("pick_of_log_softmax_by_number", lambda: ls[T.arange(0, n * 2, 2) // 2, y]),
    no("log_of_picked_softmax", lambda: T.log(p[y, rows])),
    no("log_of_picked_softmax_by_number", lambda: T.log(Softmax(0)(x)[T.arange(n), y])),
    Case("crossentropy_of_softmax", lambda: CrossentropyCategorical1Hot()(p, y), CrossentropySoftmax1hot),
    no("crossentropy_of_softmax", lambda: CrossentropyCategorical1Hot()(Softmax(0)(x), y)),
    no("log_softmax_grad_at_targets", lambda: LogSoftmaxGrad()(spread(rows, g1, base=1.0), ls)),
    no("log_softmax_grad_at_targets", lambda: LogSoftmaxGrad()(spread(rows, g1) * g2, ls)),
    no("log_softmax_grad_at_targets_by_number", lambda: LogSoftmaxGrad(0)(spread(T.arange(n), g1), LogSoftmax(0)(x))),
    no("softmax_grad_at_targets", lambda: SoftmaxGrad()(spread(rows, g1), p)),
    no("softmax_grad_at_targets", lambda: SoftmaxGrad()(spread(rows, g1 / p[rows, y * 0]), p)),
    no("softmax_grad_at_targets_by_number", lambda: SoftmaxGrad()(spread(T.arange(n), g1 * p[T.arange(n), y]), p)),
    Case("softmax_grad_of_crossentropy", lambda: grad(CrossentropyCategorical1Hot()(p, y).sum(), x),
         CrossentropySoftmax1hotGrad),
    no("softmax_grad_of_crossentropy", lambda: SoftmaxGrad()(CrossentropyCategorical1HotGrad()(g1, abs(g2), y), p)),
    Case("one_gradient_for_all_rows", lambda: CrossentropySoftmax1hotGrad()(T.alloc(s, y.shape[0]), x, y),
         CrossentropySoftmax1hotGrad),
    Case("one_gradient_for_all_rows", lambda: CrossentropySoftmax1hotGrad()(T.fill(y, s) * -2.0, x, y),
         CrossentropySoftmax1hotGrad),
    Case("one_gradient_for_all_rows", lambda: CrossentropySoftmax1hotWithGrad()(T.alloc(s, y.shape[0]), x, y),
         CrossentropySoftmax1hotWithGrad),
    no("one_gradient_for_all_rows", lambda: CrossentropySoftmax1hotGrad()(T.fill(y, g1), x, y)),
    no("one_gradient_for_all_rows", lambda: CrossentropySoftmax1hotGrad()(s, x, y)),
    Case("crossentropy_with_grad", lambda: [CrossentropySoftmax1hot()(x, y), CrossentropySoftmax1hotGrad()(g1, x, y)],
         CrossentropySoftmax1hotWithGrad),
    no("crossentropy_with_grad", lambda: [CrossentropySoftmax1hot()(x, y),
                                          CrossentropySoftmax1hotGrad()(T.exp(CrossentropySoftmax1hot()(x, y)), x, y)]),
    no("crossentropy_with_grad", lambda: [CrossentropySoftmax1hot()(x, y * 0),
                                          CrossentropySoftmax1hotGrad()(g1, x, y)]),
]  # fmt: skip


def names(fgraph: FunctionGraph) -> list[str]:
    return sorted(str(node.op) for node in fgraph.nodes)


def apply_alone(rule: Any, outputs: list[Any], values: dict[Any, Any]) -> tuple[FunctionGraph, int, list[Any]]:
    """Return the rewritten graph, how often the rule applied, and what the graph computes."""
    inputs = list(values)
    fgraph = FunctionGraph(inputs, outputs)
    hits = rewrite(fgraph, rule).hits()
    fgraph.check()
    return fgraph, sum(hits.values()), evaluate(fgraph.outputs, dict(zip(fgraph.inputs, values.values(), strict=True)))


def check(case: Case, values: dict[Any, Any], kind: str) -> None:
    made = case.outputs()
    outputs = made if isinstance(made, list) else [made]
    rule = RULES[case.rule.replace("_", "-")]
    if case.makes is None:
        assert not rewrite(FunctionGraph(list(values), outputs), rule).hits()
        return
    fgraph, hits, results = apply_alone(rule, outputs, values)
    assert hits
    assert any(type(node.op) is case.makes for node in fgraph.nodes)
    for position, (result, expected) in enumerate(zip(results, evaluate(outputs, values), strict=True)):
        assert result.shape == expected.shape
        if kind == "nan" and case.nan is not None:
            assert [expected[1], result[1]] == case.nan
            result, expected = np.delete(result, 1), np.delete(expected, 1)
        np.testing.assert_allclose(result, expected, rtol=1e-10, atol=1e-12, err_msg=f"output {position}")


@pytest.mark.parametrize(("case", "kind"), [(c, k) for c in CASES for k in c.kinds], ids=str)
def test_rule(case, kind):
    check(case, {"nan": NAN, "zero": ZERO}.get(kind, VALUES), kind)


def test_every_rule_has_all_four_cases():
    have = {(case.rule.replace("_", "-"), kind) for case in CASES for kind in case.kinds}
    assert not {(rule.name, kind) for rule in RULES for kind in KINDS} - have


def test_rules_say_what_they_are():
    for rule in RULES:
        assert rule.doc
        assert pickle.loads(pickle.dumps(rule)) is rule


def test_infinite_scores_keep_their_meaning():
    """A rule that is not tagged gives what the graph as written gives, for infinite and huge scores too."""
    values = {**VALUES, x: np.array([[np.inf, 0, 1], [-np.inf, 0, 1], [-np.inf] * 3, [1e300, -1e300, 0.0]])}
    plain = [case for case in CASES if "positive" in case.kinds
             and not RULES[case.rule.replace("_", "-")].tags & {"more_accurate", "nan_changing"}]  # fmt: skip
    assert len(plain) > 8
    for case in plain:
        check(case, values, "positive")


def test_huge_scores_are_right_where_the_graph_as_written_is_not():
    scores = np.array([[1000.0, 0.0]])
    values = {x: scores, y: np.array([1])}
    results = apply_alone(RULES, [T.log(p), T.log(p)[rows, y], grad(T.log(p)[rows, y].sum(), x)], values)[2]
    np.testing.assert_array_equal(results[0], [[0, -1000]])
    np.testing.assert_array_equal(results[1], [-1000])
    np.testing.assert_array_equal(results[2], [[-1, 1]])


def test_softmax_written_out_does_not_overflow():
    outputs = [T.exp(x) / T.exp(x).sum(axis=1, keepdims=True)]
    np.testing.assert_array_equal(apply_alone(RULES, outputs, {x: np.array([[1000.0, 0.0]])})[2][0], [[1, 0]])


def test_argmax_of_softmax_sees_what_rounding_hides():
    values = {x: np.array([[-1000.0, -999.0, 0.0], [0.0, 1e-17, -1.0]])}
    np.testing.assert_array_equal(apply_alone(RULES, [T.argmax(p, axis=1)], values)[2][0], [2, 1])


W, b = T.dmatrix("W"), T.dvector("b")
LOSSES = {
    "log-pick": lambda q, t: -T.mean(T.log(q)[T.arange(t.shape[0]), t]),
    "pick-log": lambda q, t: -T.mean(T.log(q[T.arange(t.shape[0]), t])),
    "minus-log-pick": lambda q, t: (-T.log(q))[T.arange(t.shape[0]), t].sum(),
    "rows-of-scores": lambda q, t: -T.mean(T.log(q)[T.arange(q.shape[0]), t]),
    "weighted": lambda q, t: -T.mean(2 * T.log(q)[T.arange(t.shape[0]), t]),
    "categorical": lambda q, t: nnet.categorical_crossentropy(q, t).mean(),
}


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("dtype", ["int64", "int32"])
def test_logistic_regression_ends_as_one_fused_kernel(name, dtype):
    from symopt.rules.catalog import all_rules

    t = T.TensorType(dtype, (None,))("t")
    cost = LOSSES[name](nnet.softmax(x.dot(W) + b), t)
    outputs = [cost, *grad(cost, [W, b])]
    values = {x: SCORES, W: rng.standard_normal((3, 5)), b: rng.standard_normal(5), t: np.array([4, 0, 2, 2], dtype)}
    fgraph, _, results = apply_alone(all_rules(), outputs, values)
    for result, expected in zip(results, evaluate(outputs, values), strict=True):
        np.testing.assert_allclose(result, expected, rtol=1e-9, atol=1e-12)
    gone = (Softmax, LogSoftmax, SoftmaxGrad, LogSoftmaxGrad, CrossentropyCategorical1Hot,
            CrossentropyCategorical1HotGrad)  # fmt: skip
    assert not [node for node in fgraph.nodes if isinstance(node.op, gone) or "Advanced" in str(node.op)], names(fgraph)
    fused = [node for node in fgraph.nodes if type(node.op).__name__.startswith("CrossentropySoftmax1hot")]
    assert 1 <= len(fused) <= 2, names(fgraph)


def test_fewer_classes_than_rows_stay_right():
    cost = -T.log(p)[rows, y].sum()
    values = {x: SCORES, y: CLASSES[:2]}
    outputs = [cost, grad(cost, x)]
    results = apply_alone(RULES, outputs, values)[2]
    for result, expected in zip(results, evaluate(outputs, values), strict=True):
        np.testing.assert_allclose(result, expected, rtol=1e-12)
    assert (results[1][2:] == 0).all()


def test_one_class_for_all_rows_is_left_alone():
    one = T.TensorType("int64", (1,))("one")
    output = T.log(p)[T.arange(x.shape[0]), one]
    fgraph, _, [result] = apply_alone(RULES, [output], {x: SCORES, one: np.array([1])})
    np.testing.assert_allclose(result, evaluate(output, {x: SCORES, one: np.array([1])}))
    assert result.shape == (4,)
    assert not [node for node in fgraph.nodes if isinstance(node.op, CrossentropySoftmax1hot)]


def test_excluding_shape_hiding_keeps_the_error():
    output = T.log(p)[T.arange(x.shape[0]), y]
    values = {x: SCORES, y: CLASSES[:2]}
    with pytest.raises((ValueError, IndexError)):
        apply_alone(RULES - {"shape_hiding"}, [output], values)
