"""What threads win or lose on a busy machine: ``python -m benchmarks.busy [-w REGEX] [-c REGEX] [-n NEIGHBOURS ...]``.

Every contender runs in two processes, with one thread and with as many as asked for, which take turns of some tenths of
a second; 0, 1 or 2 neighbours, which do nothing but burn their processor, run all the while. All may use the same
processors, as many as there are threads. Each call is timed. The table gives the median, the 95th percentile and the
mean, and the ratio of each between several threads and one: below 1 threads win. The mean is what throughput follows;
a median does not see that one short call in a hundred waited for a time slice.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from benchmarks.contenders import CONTENDERS
from benchmarks.process import CACHE, ROOT, child_environment, peers_python, pin
from benchmarks.session import matching
from benchmarks.workloads import WORKLOADS

USUAL = "^(fused_1e[57]|gemm_(128|1024)|xent_grad|mlp_256|lstm_(forward|gradient))_f32$"
PEERS = "^(symstack|numpy|jax|torch)$"
TURN_S = 0.2
SETTLE_S = 0.05  # threads of the process before may still look for work
BURN = "import os\nif hasattr(os, 'sched_setaffinity'): os.sched_setaffinity(0, {processors})\nwhile True: pass"


# -- the child ---------------------------------------------------------------------------------------------------------


def timed_calls(call: Any, seconds: float) -> list[float]:
    """Return the seconds of each call of about so many seconds, at least two calls; one call before is not counted."""
    clock = time.perf_counter
    times: list[float] = []
    call()
    end = clock() + seconds
    while len(times) < 2 or clock() < end:
        start = clock()
        call()
        times.append(clock() - start)
    return times


def _free(processors: set[int]) -> None:
    """Let all threads of this process run on these processors, however it was pinned while libraries counted them."""
    for thread in os.listdir("/proc/self/task") if os.path.isdir("/proc/self/task") else ():
        os.sched_setaffinity(int(thread), processors)


def serve(contender: str, workload: str, threads: int, processors: set[int]) -> None:
    """Make the computation, say ``ready`` or why not, then answer each number of seconds with the times of calls."""
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)  # whatever libraries print
        pin(threads)
        from benchmarks.worker import _build

        row = WORKLOADS[workload]
        prepared = _build(CONTENDERS[contender], row, row.make_data(), threads)
        for _ in range(2 if prepared else 0):
            prepared.fetch(prepared.call())
        _free(processors)
        print("ready" if prepared else "no such kind", file=answers, flush=True)
        for line in sys.stdin if prepared else ():
            print(json.dumps(timed_calls(prepared.call, float(line))), file=answers, flush=True)


# -- the parent --------------------------------------------------------------------------------------------------------


class Runner:
    """A child that has made the computation of a workload and waits for its turn."""

    def __init__(self, contender: str, workload: str, threads: int, processors: set[int]) -> None:
        self.threads = threads
        arguments = ["--serve", contender, workload, str(threads), json.dumps(sorted(processors))]
        self.child = subprocess.Popen(
            [str(peers_python()), "-m", "benchmarks.busy", *arguments],
            cwd=ROOT,
            env=child_environment(threads, CACHE / "run"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def ready(self) -> bool:
        """Wait until it is; False if it has nothing for this workload, or failed."""
        assert self.child.stdout
        return self.child.stdout.readline().strip() == "ready"

    def turn(self, seconds: float) -> list[float]:
        """Return the times of calls in one turn. Raises RuntimeError if the child died."""
        assert self.child.stdin and self.child.stdout
        self.child.stdin.write(f"{seconds}\n")
        self.child.stdin.flush()
        line = self.child.stdout.readline()
        if not line:
            raise RuntimeError(f"A measured process ended with status {self.child.wait()} in its turn.")
        found: list[float] = json.loads(line)
        return found

    def close(self) -> None:
        """End it."""
        self.child.kill()
        self.child.communicate()


@contextmanager
def neighbours(count: int, processors: set[int]) -> Iterator[None]:
    """So many processes that burn one of these processors each, as the system distributes them."""
    script = BURN.format(processors=sorted(processors))
    others = [subprocess.Popen([sys.executable, "-c", script]) for _ in range(count)]
    try:
        time.sleep(0.2 if others else 0)
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def summary(times: Sequence[float]) -> dict[str, float]:
    """Return the median, the 95th percentile and the mean."""
    ordered = sorted(times)
    return {
        "median": statistics.median(ordered),
        "p95": ordered[min(len(ordered) - 1, round(0.95 * len(ordered)))],
        "mean": statistics.fmean(ordered),
    }


def compare(
    contender: str, workload: str, threads: int, counts: Sequence[int], seconds: float, processors: set[int]
) -> dict[int, list[dict[str, float]]]:
    """Return the summaries with one thread and with several, by the number of neighbours; empty: nothing to measure.

    Raises RuntimeError if a process ends in its turn.
    """
    with ExitStack() as stack:
        runners = [Runner(contender, workload, n, processors) for n in (1, threads)]
        for runner in runners:
            stack.callback(runner.close)
        ready = [runner.ready() for runner in runners]
        if not all(ready):
            return {}
        found = {}
        for count in counts:
            with neighbours(count, processors):
                times: list[list[float]] = [[], []]
                for _ in range(max(2, round(seconds / TURN_S))):
                    for runner, own in zip(runners, times, strict=True):
                        time.sleep(SETTLE_S)
                        own += runner.turn(TURN_S)
            found[count] = [summary(own) for own in times]
        return found


def _line(contender: str, workload: str, count: int, one: dict[str, float], several: dict[str, float]) -> str:
    cells = [f"{one[k] * 1e6:.0f}, {several[k] * 1e6:.0f} us, **{several[k] / one[k]:.2f}**" for k in one]
    return f"| {workload} | {count} | {contender} | " + " | ".join(cells) + " |"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.busy", description="Threads on a busy machine.")
    parser.add_argument("-w", "--workload", default=USUAL, metavar="REGEX", help="only workloads whose name matches")
    parser.add_argument("-c", "--contender", default=PEERS, metavar="REGEX", help="only contenders whose name matches")
    parser.add_argument("-n", "--neighbours", type=int, nargs="*", default=[0, 1, 2], help="how many (default 0 1 2)")
    parser.add_argument("-t", "--threads", type=int, default=2, help="threads beside one (default 2)")
    parser.add_argument("-s", "--seconds", type=float, default=2.0, help="per figure (default 2)")
    given = parser.parse_args(arguments)
    if given.threads < 2 or given.seconds <= 0 or min(given.neighbours, default=-1) < 0:
        parser.error("give 2 threads or more, a number of seconds above 0, and numbers of neighbours of 0 or more.")
    everywhere = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    processors = set(sorted(everywhere)[-given.threads :])
    print(f"| workload | neighbours | | median: 1, {given.threads} threads | 95th percentile | mean |")
    print("|---|---|---|---|---|---|", flush=True)
    for workload in matching(given.workload, WORKLOADS):
        for contender in matching(given.contender, CONTENDERS):
            if not CONTENDERS[contender].takes(WORKLOADS[workload]):
                continue
            found = compare(contender, workload, given.threads, given.neighbours, given.seconds, processors)
            for count, (one, several) in found.items():
                print(_line(contender, workload, count, one, several), flush=True)
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(sys.argv[2], sys.argv[3], int(sys.argv[4]), set(json.loads(sys.argv[5])))
    else:
        sys.exit(main())
