"""Threads beside neighbours: what is timed, who runs meanwhile, and that both processes take their turns."""

from __future__ import annotations

import os
import subprocess
import time
from typing import Any

import pytest

from benchmarks import busy

PROCESSORS = set(sorted(os.sched_getaffinity(0))[-2:]) if hasattr(os, "sched_getaffinity") else {0}


def test_each_call_is_timed_and_the_first_is_not_counted() -> None:
    durations = iter([0.05, 0.002, 0.01, *[0.002] * 100])
    times = busy.timed_calls(lambda: time.sleep(next(durations)), 0.03)
    assert 2 <= len(times) < 15
    assert 0.002 <= times[0] < 0.05 and times[1] >= 0.01
    assert len(busy.timed_calls(lambda: time.sleep(0.01), 0.0)) == 2


def test_the_mean_sees_what_a_median_does_not() -> None:
    found = busy.summary([1e-3] * 99 + [101e-3])
    assert found["median"] == found["p95"] == 1e-3
    assert found["mean"] == pytest.approx(2e-3)
    assert busy.summary([3.0])["p95"] == 3.0


def test_neighbours_run_while_they_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    popen = subprocess.Popen

    def start(*arguments: Any, **options: Any) -> Any:
        made.append(popen(*arguments, **options))
        return made[-1]

    monkeypatch.setattr(busy.subprocess, "Popen", start)
    with busy.neighbours(2, PROCESSORS):
        assert len(made) == 2 and all(other.poll() is None for other in made)
    assert all(other.poll() is not None for other in made)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processes are not placed on this system")
def test_a_contender_is_measured_with_one_thread_and_with_two() -> None:
    found = busy.compare("numpy", "gemm_128_f32", 2, [0, 1], 0.2, PROCESSORS)
    assert list(found) == [0, 1]
    for one, several in found.values():
        assert 1e-6 < one["median"] <= one["p95"] and 1e-6 < several["median"] <= several["p95"]
    assert busy.compare("nobody", "gemm_128_f32", 2, [0], 0.1, PROCESSORS) == {}
