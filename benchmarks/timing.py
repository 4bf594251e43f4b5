"""Steady-state time per call: contenders take turns in short blocks, so that a disturbance falls on all of them."""

from __future__ import annotations

import gc
import statistics
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path

BLOCK_S = 4e-3  # one block: long against the clock and the switch between contenders, short against the scheduler
THREADED_BLOCK_S = 20e-3  # with several threads, where every turn begins with a wait
SETTLED = 0.05  # of a processor: no thread of this process waits spinning
SETTLED_LOOKS = 3  # at the threads of this process, a millisecond apart, that find none of them running
WARM_UP_BELOW_S = 20e-3  # shorter calls get an untimed call before each block, because others have used the caches
DISTURBED = 1.3  # wall time above this multiple of CPU time means that the process had to wait for its processor
MIN_BLOCKS, MAX_BLOCKS = 5, 400


@dataclass
class Samples:
    """Seconds per call, one entry per block."""

    calls_per_block: int
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    spent: float = 0.0

    def summary(self, threads: int) -> dict[str, object]:
        """The reported time is the median wall time; with one thread, median CPU time if the machine was disturbed."""
        wall, cpu = statistics.median(self.wall), statistics.median(self.cpu)
        disturbed = threads == 1 and wall > DISTURBED * cpu
        return {
            "time_s": cpu if disturbed else wall,
            "disturbed": disturbed,
            "wall_median_s": wall,
            "wall_min_s": min(self.wall),
            "cpu_median_s": cpu,
            "blocks": len(self.wall),
            "calls_per_block": self.calls_per_block,
        }


def _block(call: Callable[[], object], count: int) -> tuple[float, float]:
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in repeat(None, count):
        call()
    return time.perf_counter() - wall, time.process_time() - cpu


def settle(limit_s: float = 0.5) -> None:
    """Wait until no other thread of this process runs, at most so long.

    Threads of OpenBLAS, OpenMP and others look for more work for up to 100 ms after a call: on the processors that the
    contender whose turn is next needs for its own.
    """
    end, quiet = time.perf_counter() + limit_s, 0
    while quiet < SETTLED_LOOKS and time.perf_counter() < end:
        quiet = 0 if _others_run() else quiet + 1


def _others_run() -> bool:
    """Whether other threads of this process run or want to, as seen after some milliseconds.

    By their states where the system shows them. Elsewhere by CPU time, over a window longer than ticks of the clock:
    between two ticks many systems do not count what other threads use.
    """
    tasks = Path("/proc/self/task")
    if not tasks.is_dir():
        wall, cpu = time.perf_counter(), time.process_time()
        time.sleep(25e-3)
        return time.process_time() - cpu >= SETTLED * (time.perf_counter() - wall)
    time.sleep(1e-3)
    own = str(threading.get_native_id())
    for task in tasks.iterdir():
        try:
            state = (task / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue  # it has just ended
        if state == "R" and task.name != own:
            return True
    return False


def calls_per_block(call: Callable[[], object], block_s: float = BLOCK_S) -> int:
    """How many calls fill a block; at least 1. The call has run before, so that nothing is compiled here."""
    count = 1
    while True:
        wall, cpu = _block(call, count)
        seconds = min(wall, cpu) if cpu > 0 else wall
        if seconds >= block_s / 2 or count >= 2**16:
            return max(1, min(2**16, round(count * block_s / max(seconds, 1e-9))))
        count *= 4


def measure(
    calls: dict[str, Callable[[], object]],
    budget_s: float,
    threads: int,
    before: Mapping[str, Callable[[], object]] | None = None,
) -> dict[str, dict[str, object]]:
    """Time every call for about ``budget_s`` seconds each, in turns. Returns ``Samples.summary`` by name.

    ``before``, by name: what is called, untimed, before each turn. With several threads a turn begins when
    those of the turn before are asleep.
    """
    before = before or {}
    pause, block_s = (settle, THREADED_BLOCK_S) if threads > 1 else (_nothing, BLOCK_S)
    samples = {}
    for name, call in calls.items():
        before.get(name, _nothing)()
        pause()
        samples[name] = Samples(calls_per_block(call, block_s))
    gc.collect()
    gc.disable()
    try:
        while True:
            waiting = [n for n, s in samples.items() if _unfinished(s, budget_s)]
            if not waiting:
                break
            for name in waiting:
                call, sample = calls[name], samples[name]
                before.get(name, _nothing)()
                pause()
                if not sample.wall or sample.wall[-1] < WARM_UP_BELOW_S:
                    call()
                wall, cpu = _block(call, sample.calls_per_block)
                sample.wall.append(wall / sample.calls_per_block)
                sample.cpu.append(cpu / sample.calls_per_block)
                sample.spent += cpu if threads == 1 else wall
    finally:
        gc.enable()
    return {name: sample.summary(threads) for name, sample in samples.items()}


def _nothing() -> None:
    """What comes before the turns of most."""


def _unfinished(sample: Samples, budget_s: float) -> bool:
    return len(sample.wall) < MIN_BLOCKS or (sample.spent < budget_s and len(sample.wall) < MAX_BLOCKS)
