"""Every rule of every package has a case: where it applies, where not, with NaN, without elements.

The tables are called ``CASES``, in ``cases_*.py`` of a package's tests, and say of each case which ``rule`` it is for;
a ``RuleCase``, or what has its methods, is four tests. The packages' own tests run them. How many there are:
``nox -s rules``.
"""

from pathlib import Path

import pytest

from symcore import plugins
from symopt.rules import RULES
from symopt.testing import load_cases, main

PACKAGES = Path(__file__).resolve().parents[1] / "packages"
SETS = {"symopt": RULES, **plugins.load("symstack.rewrites")}


def tables(package):
    folder = PACKAGES / package / "tests"
    return sorted(folder.rglob("cases_*.py"))


@pytest.mark.parametrize("package", [name for name in SETS if (PACKAGES / name).exists()])
def test_every_rule_has_a_case(package):
    covered = {case.rule for case in load_cases(tables(package))}
    missing = [rule.name for rule in SETS[package] if rule.name not in covered]
    assert not missing, f"rules of {package} without a case: {', '.join(missing)}"


@pytest.mark.parametrize("package", [name for name in SETS if (PACKAGES / name).exists()])
def test_every_rule_says_what_it_does(package):
    assert not [rule.name for rule in SETS[package] if not rule.doc]


def test_the_count_is_printed_and_a_rule_without_a_case_is_named(capsys):
    assert main([]) == 0
    assert capsys.readouterr().out.startswith(f"{sum(map(len, SETS.values()))} rules (")
    assert main([str(PACKAGES / "symopt" / "tests" / "rules" / "cases_graphs.py")]) == 1
    out = capsys.readouterr().out
    assert "each checked four ways" in out and "fuse-elemwise" in out
