"""The sweep of one-node functions: its arrays are what they are said to be, and rows compare the same work."""

import numpy as np
import pytest

from benchmarks import breadth
from benchmarks.breadth_cases import CASES


@pytest.mark.parametrize("layout", breadth.LAYOUTS)
def test_layouts_hold_the_same_elements(layout):
    a = np.arange(12.0).reshape(3, 4)
    found = breadth.laid(a, layout)
    np.testing.assert_array_equal(found, a)
    strides = {"plain": (32, 8), "turned": (8, 24), "every2nd": (64, 16), "backward": (32, -8)}
    assert found.strides == strides[layout]


def test_names_in_a_line_are_found():
    assert breadth._used("T.concatenate([x[:, :1], y[:, 1:]], axis=1)") == ["x", "y"]
    assert breadth._used("T.take_along_axis(x, k % n, axis=1)") == ["x", "k"]
    assert breadth._used("T.round(x, mode='half_to_even')") == ["x"]


def test_every_row_has_a_name_of_its_own():
    names = [(case.ours, dtype) for case in CASES for dtype in case.dtypes]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("family", sorted({case.family for case in CASES}))
def test_a_case_of_each_family_agrees(family):
    case = next(case for case in CASES if case.family == family)
    f, used = breadth.compiled(case, case.dtypes[-1], 10)
    given = breadth.arguments(case.dtypes[-1], 10, "turned" if case.layouts else "plain")
    assert not breadth._agree(case, f(*[given[name] for name in used]), breadth.counterpart(case, given, 10)())


def test_results_that_differ_are_told():
    case = CASES[0]
    assert breadth._agree(case, np.ones(3), np.zeros(3)).endswith("DIFFERENT")
    assert breadth._agree(case, np.ones(3), np.ones(2)).startswith("shapes")
    assert breadth._agree(case, np.ones(3, "float32"), np.ones(3)) == "float32 for float64"
