"""The tables of the documentation are whole, and what the README says is missing is missing."""

import importlib.util
import re
from pathlib import Path

import pytest

import symstack
from symcodegen import extension
from symcore.config import OPTIONS
from symcore.tensor.elemwise import TABLE
from symcore.testing import op_classes
from symopt.rules.catalog import all_rules
from symstack import tensor

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def tables():
    spec = importlib.util.spec_from_file_location("documentation_tables", ROOT / "docs" / "tables.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def first_cells(page):
    """What the first column of all tables of a page names."""
    return {
        name
        for line in page.splitlines()
        if line.startswith("| `")
        for name in re.findall("`(.*?)`", line[: line.index(" | ")])
    }


def section(title):
    """The text of a section of the README."""
    return README.partition(f"## {title}\n")[2].partition("\n## ")[0]


@pytest.mark.skipif(extension.load() is None, reason="no C virtual machine to ask where Ops run")
def test_the_table_of_ops_has_every_op_and_scalar_function(tables):
    page = tables.ops_page()
    classes = {cls.__name__ for package in ("symcore", "symnnet") for cls in op_classes(package)}
    scalars = {name for name, fn in TABLE.items() if not name.startswith("cast_") and is_ours(fn)}
    assert classes | scalars <= first_cells(page)
    row = next(line for line in page.splitlines() if line.startswith("| `Softmax`"))
    assert "C (kernel)" in row and "| yes |" in row
    row = next(line for line in page.splitlines() if line.startswith("| `UndefinedGrad`"))
    assert "| Python |" in row and "| undefined |" in row


def is_ours(fn):
    """Other tests enter functions of their own."""
    return (getattr(fn.numpy, "__module__", None) or "numpy").partition(".")[0] in ("numpy", "symcore", "symnnet")


def test_the_table_of_rules_has_every_rule(tables):
    page = tables.rules_page()
    ours = {rule.name for rule in all_rules() if tables.home_of(rule) in ("symopt", "symnnet")}
    assert len(ours) > 100 and ours <= first_cells(page)
    assert re.search(r"^\| `log-of-exp` \| ``log\(exp\(x\)\) -> x`` \| `more_accurate` \|$", page, re.MULTILINE)


def test_the_table_of_options_has_every_option(tables):
    assert {option.name for option in OPTIONS} == first_cells(tables.config_page())


def test_the_list_of_names_tells_what_is_built(tables):
    built, _, missing = tables.names_page().partition("## Not built yet")
    assert {"function", "grad", "shared", "dot", "exp", "softmax"} <= first_cells(built)
    assert "`T.nnet.conv2d`" in missing and not {"`ss.function`", "`ss.scan`"} & set(missing.split())


def test_what_the_readme_says_is_missing_is_missing(tables):
    named = re.findall(r"`(ss|T)\.([\w.]+)`", section("What does not work yet"))
    assert named
    for root, path in named:
        value = symstack if root == "ss" else tensor
        for part in path.split("."):
            value = getattr(value, part)
        absent = "not built yet" in (value.__doc__ or "").lower() or tables.is_stub(value)
        assert absent or path == "ifelse", f"{root}.{path} is built: take it out of the README's list."


def test_the_readme_names_all_that_is_missing_at_the_top(tables):
    named = re.findall(r"`ss\.(\w+)`", section("What does not work yet"))
    assert {name for name, value in tables.public(symstack) if tables.is_stub(value)} <= set(named)
