"""Tables: the best peer, the ratios, and that nothing wrong is printed as a time."""

from __future__ import annotations

import pytest

from benchmarks.report import best_peer, ratio_table, seconds, table
from benchmarks.session import matching, result_name
from benchmarks.setup_env import requirements


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.234e-7, "123 ns"),
        (9.996e-7, "1 us"),
        (9.99e-7, "999 ns"),
        (4.56e-6, "4.56 us"),
        (0.01, "10 ms"),
        (2.5, "2.5 s"),
        (150.4, "150 s"),
        (0.0, "0 ns"),
    ],
)
def test_seconds(value: float, text: str) -> None:
    assert seconds(value) == text


def test_the_best_peer_is_neither_ours_nor_a_bound() -> None:
    assert best_peer({"symstack": 1.0, "c": 0.1, "jax": 3.0, "numpy": 4.0}) == "jax"
    assert best_peer({"symstack": 1.0, "c": 0.1}) is None


def test_ratios_are_to_the_best_peer() -> None:
    row = {"symstack": {"time_s": 1e-6}, "jax": {"time_s": 4e-6, "disturbed": True}, "numpy": {"time_s": 2e-6}}
    header, _, line, *_ = ratio_table({"add_one": row}, "time_s").splitlines()
    assert header == "| workload | symstack | numpy | jax | best peer | symstack / best peer |"
    assert line == "| add_one | 1 us (0.50x) | 2 us (1.00x) | 4 us~ (2.00x) | numpy | **0.50x** |"


def test_a_contender_that_disagrees_has_no_time_and_cannot_be_best() -> None:
    wrong = {"error": "disagrees: relative error 1e-2", "disagrees": True, "time_s": 1e-9}
    text = ratio_table({"add_one": {"numpy": {"time_s": 2e-6}, "jax": wrong}}, "time_s")
    assert "| add_one | 2 us (1.00x) | **DISAGREES** [1] | numpy |" in text
    assert "* [1] add_one, jax: disagrees: relative error 1e-2" in text


def test_a_bar_in_a_cell_does_not_end_it() -> None:
    assert table(["a"], [["x|y"]]).splitlines()[-1] == "| x\\|y |"


def test_filtered_runs_have_their_own_files() -> None:
    assert result_name("run", 1) == "run"
    assert result_name("run", 2, quick=True, partial=True) == "run-quick-threads2-partial"


def test_matching_names_what_there_is() -> None:
    assert matching("^b", ["ab", "ba"]) == ["ba"]
    with pytest.raises(SystemExit, match=r"Nothing matches 'z'\. There is: ab, ba"):
        matching("z", ["ab", "ba"])
    with pytest.raises(SystemExit, match="not a regular expression"):
        matching("(", ["ab"])


def test_requirements_are_the_lines_without_comments() -> None:
    assert requirements("# peers\nnumpy==1  # pinned\n\ntorch==2\n") == ["numpy==1", "torch==2"]
