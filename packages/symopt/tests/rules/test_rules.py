"""Every rule, alone: it keeps values, leaves similar things alone, treats NaN as tagged, keeps empty shapes."""

import runpy
from pathlib import Path

import pytest

from symopt.rules import RULES

TABLES = sorted(Path(__file__).parent.glob("cases_*.py"))
CASES = [case for path in TABLES for case in runpy.run_path(str(path))["CASES"]]


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_applies_and_keeps_values(case):
    case.check_positive()


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_leaves_similar_expressions_alone(case):
    case.check_negative()


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_special_values_as_tagged(case):
    case.check_special()


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_keeps_empty_shapes(case):
    case.check_empty()


def test_every_rule_has_a_case():
    """A case carries all four tests, so a rule without a case is a rule without them."""
    assert {rule.name for rule in RULES} == {case.rule for case in CASES}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_says_its_equation(rule):
    assert "->" in rule.doc
