"""The clockwork, on calls whose duration is known."""

from __future__ import annotations

import threading
import time

import pytest

from benchmarks.timing import MIN_BLOCKS, Samples, calls_per_block, measure, settle


def busy(duration: float) -> None:
    end = time.process_time() + duration
    while time.process_time() < end:
        pass


def test_times_are_per_call_and_in_order() -> None:
    found = measure({"short": lambda: busy(5e-4), "long": lambda: busy(2e-3)}, budget_s=0.02, threads=1)
    short, long = (found[name]["cpu_median_s"] for name in ("short", "long"))
    assert short == pytest.approx(5e-4, rel=0.2)
    assert long == pytest.approx(2e-3, rel=0.2)
    assert all(summary["blocks"] >= MIN_BLOCKS for summary in found.values())


def test_a_block_holds_many_short_calls_and_one_long_call() -> None:
    assert calls_per_block(lambda: None) > 1000
    assert calls_per_block(lambda: busy(0.01)) == 1


def test_cpu_time_is_reported_when_one_thread_had_to_wait() -> None:
    samples = Samples(1, wall=[2.0, 3.0, 4.0], cpu=[1.0, 1.0, 1.0])
    assert samples.summary(threads=1)["time_s"] == 1.0 and samples.summary(threads=1)["disturbed"]
    assert samples.summary(threads=2)["time_s"] == 3.0 and not samples.summary(threads=2)["disturbed"]
    assert Samples(1, wall=[1.1], cpu=[1.0]).summary(threads=1)["time_s"] == 1.1


def test_what_comes_before_a_turn_is_called_and_not_timed() -> None:
    turns: list[str] = []

    def prepare() -> None:
        turns.append("before")
        busy(2e-3)

    def work() -> None:
        turns.append("work")
        busy(5e-4)

    found = measure({"one": work, "two": lambda: busy(5e-4)}, budget_s=0.01, threads=2, before={"one": prepare})
    assert found["one"]["cpu_median_s"] == pytest.approx(5e-4, rel=0.3)
    assert turns[0] == "before" and turns.count("before") == int(found["one"]["blocks"]) + 1


def test_with_several_threads_a_turn_begins_when_those_of_the_turn_before_are_asleep() -> None:
    spinning = threading.Event()
    met: list[bool] = []

    def spin() -> None:
        busy(10e-3)  # of the processor, however busy the machine is
        spinning.clear()

    def leave_a_thread() -> None:
        if not spinning.is_set():
            spinning.set()
            threading.Thread(target=spin).start()

    calls = {"leaves": leave_a_thread, "next": lambda: met.append(spinning.is_set())}
    for name in ("leaves", "next"):
        settle()
        calls[name]()
    assert met == [False]
