"""The table that a notebook shows of a compiled function."""

from html.parser import HTMLParser

import numpy as np

from symcore import shared
from symcore import tensor as T
from symcore.printing.rich import ROWS
from symopt.function import function


class Reader(HTMLParser):
    """Collects the cells, and checks that what is opened is closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.cells = [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th"):
            self.cells[-1] += data


def test_the_table():
    x, w = T.dvector("x<1>"), shared(np.ones(3), "w & co")
    f = function([x], T.exp(x * w).sum(), updates={w: w * 2}, name="step <a>")
    text = f._repr_html_()
    cells = Reader(text).cells
    assert "step &lt;a&gt;" in text and "<1>" not in text
    assert cells[:6] == ["inputs", "x<1>", "outputs", "1", "updates", "w & co"]
    for node, where, _ in f.placement():
        row = next(k for k, cell in enumerate(cells) if cell.startswith(str(node.op)[:100]))
        assert cells[row + 1] in {place for _, place, _ in f.placement()} and where in cells


def test_a_large_function_is_cut():
    xs = [T.dvector(f"x{k}") for k in range(ROWS + 30)]
    f = function(xs, [T.exp(v) for v in xs], mode="FAST_COMPILE")
    cells = Reader(f._repr_html_()).cells
    assert "and 30 more: print(f.explain())" in cells


def test_a_function_of_nothing():
    assert Reader(function([], [])._repr_html_()).cells == ["inputs", "none", "outputs", "0", "nodes", "0"]
