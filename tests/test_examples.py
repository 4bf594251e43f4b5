"""Every example of the documentation and of the READMEs runs.

Fenced blocks marked ``python`` are executed, blocks marked ``pycon`` are compared as doctests; the blocks of one page
share their names, top to bottom. A block that is not meant to run carries another mark (``text``, ``sh``).
"""

import doctest
import re
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
FENCE = re.compile(r"^```(python|pycon)\n(.*?)^```", re.MULTILINE | re.DOTALL)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


class Example(NamedTuple):
    """One fenced block: what it is, its text, and the line of the page on which it begins (from 1)."""

    language: str
    text: str
    line: int


def pages():
    found = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("packages/*/README.md")]
    found += [page for page in ROOT.glob("docs/**/*.md") if not {"_build", "api", "designs"} & set(page.parts)]
    return sorted(page.relative_to(ROOT).as_posix() for page in found if examples(page.read_text(encoding="utf-8")))


def examples(text):
    """The examples of a page, in order."""
    return [Example(match[1], match[2], text.count("\n", 0, match.start(2)) + 1) for match in FENCE.finditer(text)]


def run(example, names, where):
    """Run one example in ``names``; raises what it raises, or fails with doctest's own account of the difference."""
    if example.language == "python":
        # Leading lines put the page's line numbers into a traceback.
        exec(compile("\n" * (example.line - 1) + example.text, where, "exec"), names)
        return
    test = doctest.DocTestParser().get_doctest(example.text, names, where, where, example.line - 1)
    account = []
    runner = doctest.DocTestRunner(optionflags=FLAGS, verbose=False)
    runner.run(test, out=account.append, clear_globs=False)
    names.update(test.globs)
    assert not runner.failures, "".join(account)


@pytest.fixture
def tables_as_they_were():
    """An example may enter a function into the tables of scalar functions, which tests of these tables would meet."""
    from symcodegen.expr import C_EXPR
    from symcore.tensor.elemwise import TABLE

    before = [(table, dict(table)) for table in (TABLE, C_EXPR)]
    yield
    for table, content in before:
        table.clear()
        table.update(content)


@pytest.mark.parametrize("page", pages())
def test_the_examples_of_a_page_run(page, monkeypatch, tmp_path, tables_as_they_were):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "__example__"}
    for example in examples((ROOT / page).read_text(encoding="utf-8")):
        run(example, names, str(ROOT / page))


def test_a_wrong_example_is_noticed():
    page = "```python\na = 1\n```\n\n```pycon\n>>> a + 1\n3\n```\n"
    first, second = examples(page)
    names = {}
    run(first, names, "page")
    assert (names["a"], second.line) == (1, 6)
    with pytest.raises(AssertionError, match=r"Expected:\s+3\s+Got:\s+2"):
        run(second, names, "page")


def test_a_wrong_statement_is_noticed_at_its_line():
    [example] = examples("# Title\n\n```python\nx = 1\nassert x == 2\n```\n")
    with pytest.raises(AssertionError) as caught:
        run(example, {}, "page")
    assert caught.traceback[-1].lineno + 1 == 5
