"""Children: their environment, and what is kept of one that fails."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks import process


def test_threads_and_caches_reach_every_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTENSOR_FLAGS", "cxx=")
    monkeypatch.setenv("SYMSTACK_FLAGS", "mode=FAST_COMPILE")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    environment = process.child_environment(2, tmp_path)
    assert {environment[name] for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")} == {"2"}
    assert environment["PYTENSOR_FLAGS"] == f"base_compiledir={tmp_path / 'pytensor'}"
    assert environment["SYMSTACK_FLAGS"] == f"cache_dir={tmp_path / 'symstack'},threads=2"
    assert "PYTHONDONTWRITEBYTECODE" not in environment


def test_no_paths_of_this_machine_in_published_text() -> None:
    assert process.one_line(f"cannot open\n {process.ROOT / 'packages' / 'x.so'}") == "cannot open packages/x.so"


@pytest.fixture
def _this_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "peers_python", lambda: Path(sys.executable))


@pytest.mark.usefixtures("_this_python")
def test_a_row_is_measured_in_a_child(tmp_path: Path) -> None:
    arguments = {
        "workload": "add_one",
        "contenders": ["numpy"],
        "threads": 1,
        "budget_s": 0.01,
        "build_timeout_s": 20,
    }
    outcome = process.run_worker("run", arguments, 1, tmp_path, timeout_s=60)
    assert outcome.failure == ""
    checked, timed = outcome.last("checked"), outcome.last("timed")
    assert checked is not None and checked["agrees"]
    assert timed is not None and 0 < timed["time_s"] < 1e-3


@pytest.mark.usefixtures("_this_python")
def test_compile_latency_and_memory_of_one_contender(tmp_path: Path) -> None:
    arguments = {"workload": "fused_1e5_f64", "contender": "numpy", "threads": 1}
    outcome = process.run_worker("compile", arguments, 1, tmp_path, timeout_s=60)
    compiled = outcome.last("compiled")
    assert outcome.failure == "" and compiled is not None
    assert 0 <= compiled["first_result"]["cpu_s"] < 10
    assert 0 < compiled["memory"]["before_mib"] <= compiled["memory"]["peak_mib"]


@pytest.mark.usefixtures("_this_python")
def test_a_child_that_fails_says_why_and_keeps_its_events(tmp_path: Path) -> None:
    arguments = {"workload": "no such row", "contenders": [], "threads": 1}
    outcome = process.run_worker("run", arguments, 1, tmp_path, timeout_s=60)
    assert outcome.failure.startswith("exit status 1") and "no such row" in outcome.failure
    assert outcome.last("pinned") is not None


@pytest.mark.usefixtures("_this_python")
def test_a_child_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    outcome = process.run_worker("probe", {}, 1, tmp_path, timeout_s=0.01)
    assert outcome.failure.startswith("stopped after")
