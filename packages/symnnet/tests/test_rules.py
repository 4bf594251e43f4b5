"""Each rule alone against the reference interpreter: where it applies, where not, with NaN, without elements."""

import pickle
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symcore import tensor as T
from symcore.gradient.grad import grad
from symcore.graph.fgraph import FunctionGraph
from symcore.interpreter import evaluate
from symnnet import nnet
from symnnet.crossentropy import (
    CrossentropyCategorical1Hot,
    CrossentropyCategorical1HotGrad,
    CrossentropySoftmax1hot,
)
from symnnet.rules import RULES
from symnnet.softmax import LogSoftmax, LogSoftmaxGrad, Softmax, SoftmaxGrad
from symopt.engine import rewrite
from symopt.testing import apply_alone as apply_case
from symopt.testing import assert_same_values

rng = np.random.default_rng(5)
SCORES = rng.standard_normal((4, 3)) * 3
CLASSES = np.array([2, 0, -1, 1])
CASES = runpy.run_path(str(Path(__file__).with_name("cases_nnet.py")))["CASES"]
x, y = T.dmatrix("x"), T.lvector("y")
p = Softmax()(x)
rows = T.arange(y.shape[0])


def names(fgraph: FunctionGraph) -> list[str]:
    return sorted(str(node.op) for node in fgraph.nodes)


def apply_alone(rule: Any, outputs: list[Any], values: dict[Any, Any]) -> tuple[FunctionGraph, int, list[Any]]:
    """Return the rewritten graph, how often the rule applied, and what the graph computes."""
    inputs = list(values)
    fgraph = FunctionGraph(inputs, outputs)
    hits = rewrite(fgraph, rule).hits()
    fgraph.check()
    return fgraph, sum(hits.values()), evaluate(fgraph.outputs, dict(zip(fgraph.inputs, values.values(), strict=True)))


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_applies_and_keeps_values(case):
    case.check_positive()


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_leaves_the_similar_alone(case):
    case.check_negative()


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_special_values_as_tagged(case):
    case.check_special()


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_no_rows(case):
    case.check_empty()


def test_every_rule_has_a_case():
    assert {case.rule for case in CASES} == {rule.name for rule in RULES}


def test_rules_say_what_they_are():
    for rule in RULES:
        assert rule.doc
        assert pickle.loads(pickle.dumps(rule)) is rule


def test_infinite_scores_keep_their_meaning():
    """A rule that is not tagged gives what the graph as written gives, for infinite and huge scores too."""
    scores = np.array([[np.inf, 0, 1], [-np.inf, 0, 1], [-np.inf] * 3, [1e300, -1e300, 0.0]])
    plain = [case for case in CASES if case.how == "equal"]
    assert len(plain) > 8
    for case in plain:
        inputs = case._inputs()
        made = case.build(*inputs)
        values = [scores if k == "x" else v for k, v in zip(case.given, case._values("ordinary", None), strict=True)]
        fgraph, given, hits = apply_case(case.rule, made, inputs)
        assert hits
        assert_same_values(fgraph, given, made if isinstance(made, list) else [made], values)


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
    for node in fgraph.nodes:  # targets, a vector, may be stretched over the rows
        picks = "Advanced" in str(node.op) and node.inputs[0].type.ndim > 1
        assert not picks and not isinstance(node.op, gone), names(fgraph)
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


PICKS = {"pick": lambda x, y, rows: LogSoftmax()(x)[rows, y], "log": lambda x, y, rows: T.log(Softmax()(x)[rows, y])}


@pytest.mark.parametrize("pick", PICKS)
@pytest.mark.parametrize("length", ["rows", "number", "four"])
def test_one_target_for_all_rows(pick, length):
    """``[arange(n), y]`` stretches a target that turns out to be one, with its gradient; other lengths are refused."""
    n = T.lscalar("n")
    at = {"rows": T.arange(x.shape[0]), "number": T.arange(n), "four": T.arange(4)}[length]
    loss = PICKS[pick](x, y, at)
    outputs = [loss, grad((loss * T.arange(1, loss.shape[0] + 1)).sum(), x)]
    inputs = [x, y, n]
    fgraph = FunctionGraph(inputs, outputs)
    rewrite(fgraph, RULES)

    def both(classes):
        values = [SCORES, np.array(classes), np.int64(4)]
        plain = evaluate(outputs, dict(zip(inputs, values, strict=True)))
        return evaluate(fgraph.outputs, dict(zip(fgraph.inputs, values, strict=True))), plain

    for classes in ([2], [2, 0, 1, 1]):
        for result, expected in zip(*both(classes), strict=True):
            np.testing.assert_allclose(result, expected, rtol=1e-12, atol=1e-14)
    for wrong in ([2, 0], [0, 1, 2, 0, 1]):
        with pytest.raises(IndexError):
            both(wrong)
        with pytest.raises(IndexError):
            evaluate(fgraph.outputs, dict(zip(fgraph.inputs, [SCORES, np.array(wrong), np.int64(4)], strict=True)))
