"""Every rule on loops, alone: it keeps values, leaves similar loops alone, treats NaN as tagged, keeps empty shapes."""

import runpy
from pathlib import Path

import numpy as np
import pytest

from symcore import grad
from symcore import tensor as T
from symopt import Mode, function
from symscan import scan
from symscan.op import Scan
from symscan.rules import RULES

PYTHON = Mode("rewritten", linker="py")
CASES = runpy.run_path(str(Path(__file__).with_name("cases_loops.py")))["CASES"]


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_applies_and_keeps_values(case):
    case.check_positive()


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_leaves_similar_loops_alone(case):
    case.check_negative()


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_special_values_as_tagged(case):
    case.check_special()


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_no_steps_and_no_elements(case):
    case.check_empty()


def loops(f):
    """Return the Ops of the loops in a compiled function, in the order of their work."""
    ops = [node.op for node in f.fgraph.toposort()]
    return [op for op in ops if isinstance(op, Scan)]


def inner_names(op):
    return [type(node.op).__name__ for node in op.fgraph.nodes]


x, h, w = T.dmatrix("x"), T.dvector("h"), T.dmatrix("w")


@pytest.mark.default_mode
def test_equal_products_leave_the_loop_and_one_is_left_of_two_loops():
    outputs = [scan(lambda v, s, fn=fn: fn(T.dot(v, w) + s), x, h)[0] for fn in (T.tanh, T.sin)]
    f = function([x, h, w], outputs, mode=PYTHON)
    [op] = loops(f)
    assert len(op.spec.states) == 2 and len(op.spec.sequences) == 1
    assert not {"Dot", "Gemm", "Gemv", "CGemv", "Dot22"} & set(inner_names(op))


@pytest.mark.default_mode
def test_a_gradient_that_needs_all_rows_has_them():
    rows, _ = scan(lambda v, s: T.tanh(v * s), x, h)
    f = function([x, h], [rows[-1], grad(rows[-1].sum(), x)], mode=PYTHON)
    forward, backward = loops(f)
    assert forward.spec.states[0].keep is None and backward.spec.states[0].keep == 1
    [only] = loops(function([x, h], rows[-1], mode=PYTHON))
    assert only.spec.states[0].keep == 1


@pytest.mark.default_mode
def test_the_gradient_of_weights_is_one_product():
    x3, h2 = T.dtensor3("x3"), T.dmatrix("h2")
    rows, _ = scan(lambda v, s: T.tanh(T.dot(s, w) + v), x3, h2)
    f = function([x3, h2, w], grad((rows**2).sum(), w), mode=PYTHON)
    backward = loops(f)[-1]
    assert all(v.type.ndim < 3 for v in backward.fgraph.outputs)
    assert len(backward.spec.states) == 1, "the sum over the steps is still in the loop"


def test_no_rows_and_the_last_of_them():
    n = T.lscalar("n")
    rows, _ = scan(lambda s: s + 1, outputs_info=h, n_steps=n)
    for mode in ("FAST_COMPILE", PYTHON, "FAST_RUN"):
        f = function([h, n], rows[-1], mode=mode)
        np.testing.assert_array_equal(f([1.0], 2), [3])
        with pytest.raises(IndexError):
            f([1.0], 0)


def test_every_rule_has_a_case():
    """A case carries all four tests, so a rule without a case is a rule without them."""
    assert {rule.name for rule in RULES} == {case.rule for case in CASES}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_says_its_equation(rule):
    assert "->" in rule.doc
