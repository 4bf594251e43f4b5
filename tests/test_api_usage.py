"""What public programs use of the language is there, and the page that says so is made from the present code."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

import symstack as ss
from symstack import compat
from symstack import tensor as T

ROOT = Path(__file__).resolve().parents[1]
REQUIRED = 97.0


@pytest.fixture(scope="module")
def usage():
    spec = importlib.util.spec_from_file_location("documentation_api_usage", ROOT / "docs" / "api_usage.py")
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def rows(usage):
    return usage.rows()


def test_the_share_of_uses_that_are_present(usage, rows):
    share = usage.shares(rows)[usage.LANGUAGE]
    assert share.uses > 15_000
    assert share.percent >= REQUIRED, "\n".join(
        f"{row.uses} {row.name}: {row.why}" for row in rows if row.state == "absent" and row.group == usage.LANGUAGE
    )
    # Most of it under the very path that programs have today: a new spelling is work for their authors.
    assert 100 * share.present / share.uses >= 93.0


def test_the_share_of_keywords_and_indices_that_are_accepted(usage, rows):
    share = usage.keyword_share(rows)
    assert share.uses > 2_000
    assert share.percent >= REQUIRED


def test_every_absence_has_a_reason(usage, rows):
    assert list(usage.unexplained(rows)) == []


def test_the_written_reasons_are_of_absent_names(usage, rows):
    """A reason left behind for a name that was built since would be wrong."""
    states = {row.name: row.state for row in rows}
    assert {name: states.get(name) for name in usage.ABSENT if states.get(name) != "absent"} == {}
    refused = {(row.name, keyword) for row in rows for keyword in row.refused}
    assert set(usage.KEYWORD_REASONS) <= refused


def test_the_page_is_made_from_the_present_code(usage, rows):
    written = usage.PAGE.read_text(encoding="utf-8")
    assert written == usage.page(rows), "stale: run python docs/api_usage.py and commit docs/generated/api_usage.md"


def test_nothing_is_lost_between_the_data_and_the_page(usage, rows):
    with usage.DATA.open(encoding="utf-8") as file:
        lines = [line for line in file if not line.startswith("#")][1:]
    assert len(rows) == len(lines)
    assert sum(s.uses for s in usage.shares(rows).values()) + sum(r.uses for r in rows if r.state == "foreign") == sum(
        int(line.split("\t")[2]) for line in lines
    )
    page = usage.page(rows)
    assert all(f"| `{row.name}` |" in page for row in rows)


def test_the_check_notices_what_is_missing(usage):
    def resolved(name, **keywords):
        row = usage.Row(name, 1, 1, 0, keywords)
        usage.resolve(row)
        return row

    assert resolved("theano.tensor.no_such_function").state == "absent"
    assert list(usage.unexplained([resolved("theano.tensor.no_such_function")])) == ["theano.tensor.no_such_function"]
    assert resolved("theano.function", updates=1, no_such_keyword=1).refused == {"no_such_keyword": ""}
    assert resolved("TensorVariable().sum", axis=1, axes=1).refused == {"axes": ""}
    assert resolved("TensorVariable().no_such_method").state == "absent"
    assert resolved("RandomStreams().normal", avg=1, mean=1).refused == {"mean": ""}
    assert resolved("theano.tensor.nnet.conv.ConvOp.getOutputShape").state == "absent"
    assert resolved("theano.gof.graph.inputs", blockers=1).here == "ss.graph.inputs"
    assert "expr|none" not in resolved("TensorVariable()[...]", **{"int|slice": 1}).refused
    with pytest.raises(KeyError):
        resolved("TensorVariable()[...]", **{"no such index": 1})


def test_names_that_only_promise_do_not_count(usage):
    promise = next(name for name in ("T.nnet.conv2d", "ss.scan", "T.signal.conv2d") if usage.not_built(_at(name)))
    row = usage.Row(promise.replace("T.", "theano.tensor.").replace("ss.", "theano."), 1, 1, 0, {})
    usage.resolve(row)
    assert (row.state, row.why) == ("absent", "not built yet")


def _at(name):
    value = {"T": T, "ss": ss}[name.partition(".")[0]]
    for part in name.split(".")[1:]:
        value = getattr(value, part)
    return value


@pytest.mark.parametrize("old", sorted(compat.NAMES))
def test_the_map_of_old_names_leads_somewhere(old, usage):
    if compat.NAMES[old].startswith(("T.sparse.", "T.nnet.")):
        pytest.skip("checked by the table: a part of the language that may not be built")
    assert compat.resolve(old) is not None
    assert compat.spelling(old) == compat.NAMES[old]


def test_old_names_that_need_no_table():
    assert compat.spelling("theano") == "ss"
    assert compat.spelling("theano.tensor") == "T"
    assert compat.resolve("theano.tensor.dot") is T.dot
    assert compat.resolve("theano.theano.function") is ss.function
    assert compat.resolve("theano.tensor.basic.TensorConstant") is T.TensorConstant
    assert not any(compat.direct(old) == new for old, new in compat.NAMES.items())


def test_an_old_name_without_a_successor_says_so():
    with pytest.raises(LookupError, match="nothing stands for 'theano.gof.OpWiseCLinker'"):
        compat.spelling("theano.gof.OpWiseCLinker")
    with pytest.raises(LookupError, match=re.escape("Near it: theano.gof.graph.")):
        compat.resolve("theano.gof.graph.input")
    with pytest.raises(LookupError, match="begin with 'theano'"):
        compat.direct("numpy.dot")
