"""The child process of a measurement: ``python -m benchmarks.worker TASK ARGUMENTS-AS-JSON EVENTS-FILE``.

Each line that it writes is an event; the parent sees all lines written before a crash. Tasks:

``probe``    which contenders can take part here, and their versions
``run``      steady-state times of all contenders on one workload, taking turns
``compile``  from building the graph to the first result: one contender, one workload, time and memory
``rewrite``  from building the graph to the rewritten graph
"""

from __future__ import annotations

import json
import os
import platform
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.contenders import CONTENDERS, Entry
from benchmarks.process import one_line, pin
from benchmarks.workloads import WORKLOADS, Data, Workload

CHECKED_CALLS = 2  # the second call sees the state that the first one left

Emit = Callable[..., None]


class BuildTimeout(Exception):
    """A contender took longer than it was given to be ready."""


@contextmanager
def _deadline(seconds: int) -> Iterator[None]:
    def expire(signum: int, frame: object) -> None:
        raise BuildTimeout(f"not ready after {seconds} s")

    if not hasattr(signal, "SIGALRM"):  # there the parent's time-out of the whole process has to do
        yield
        return
    previous = signal.signal(signal.SIGALRM, expire)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)


def _describe(error: BaseException) -> str:
    return one_line(f"{type(error).__name__}: {error}")[:300]


def probe(arguments: dict[str, Any], emit: Emit) -> None:
    emit("machine", python=platform.python_version(), blas=_blas())
    for entry in CONTENDERS.values():
        try:
            reason = entry.why_not()
        except Exception as error:
            reason = _describe(error)
        emit("contender", name=entry.name, reason=reason, versions={} if reason else entry.versions())


def _blas() -> str:
    from benchmarks.contenders.blas import scipy_openblas

    found = scipy_openblas()
    return found.library.name if found else "none beside SciPy: PyTensor uses what it finds itself"


def _build(entry: Entry, workload: Workload, data: Data, threads: int) -> Any:
    """The prepared computation, or None if the contender has none for this kind of workload."""
    contender = entry.create(workload.dtype, threads)
    method = getattr(contender, workload.kind, None)
    if method is None:
        return None
    _own_blas_threads(entry, threads)
    with contender.making():
        return method(data)


def _own_blas_threads(entry: Entry, threads: int) -> None:
    """Several contenders share SciPy's BLAS: each has its own number of threads there in its turns."""
    from benchmarks.contenders.blas import set_threads

    if threads > 1:
        set_threads(entry.load().blas_threads(threads))


def run(arguments: dict[str, Any], emit: Emit) -> None:
    """Arguments: workload, contenders, threads, budget_s, build_timeout_s."""
    threads: int = arguments["threads"]
    emit("pinned", how=pin(threads))  # before the contenders are imported: thread pools count the processors then
    from benchmarks import agreement, timing
    from benchmarks.usage import Stopwatch

    workload = WORKLOADS[arguments["workload"]]
    data = workload.make_data()
    expected = agreement.reference(workload, data, CHECKED_CALLS)
    calls: dict[str, Callable[[], object]] = {}
    for name in arguments["contenders"]:
        emit("building", name=name)
        watch = Stopwatch()
        try:
            with _deadline(arguments["build_timeout_s"]):
                prepared = _build(CONTENDERS[name], workload, data, threads)
                if prepared is None:
                    continue
                results = [prepared.fetch(prepared.call()) for _ in range(CHECKED_CALLS)]
        except Exception as error:
            emit("failed", name=name, error=_describe(error))
            continue
        build = watch.read()
        observed = [agreement.observe(workload, data, r) for r in results]
        verdict = agreement.compare(expected, observed, workload.tolerance)
        emit("checked", name=name, build=build, **asdict(verdict))
        if verdict.agrees:  # the time of a wrong result says nothing
            calls[name] = prepared.call
    emit("building", name="")
    turns = {name: partial(_own_blas_threads, CONTENDERS[name], threads) for name in calls} if threads > 1 else {}
    for name, summary in timing.measure(calls, arguments["budget_s"], threads, turns).items():
        emit("timed", name=name, **summary)


def compile_once(arguments: dict[str, Any], emit: Emit) -> None:
    """Arguments: workload, contender, threads. CPU seconds include those of compilers, which are children."""
    import numpy as np

    from benchmarks.usage import Stopwatch, peak_mib, resident_mib

    assert np  # imported before the clock starts, for everybody
    workload, entry = WORKLOADS[arguments["workload"]], CONTENDERS[arguments["contender"]]
    cls, watch = entry.load(), Stopwatch()
    cls.import_modules()
    imported = watch.read()
    data = workload.make_data()
    before, watch = resident_mib(), Stopwatch()
    prepared = _build(entry, workload, data, arguments["threads"])
    if prepared is None:
        return
    result = prepared.call()
    first = watch.read()
    memory = {"before_mib": before, "after_mib": resident_mib(), "peak_mib": peak_mib()}
    emit("compiled", imported=imported, first_result=first, memory=memory)

    from benchmarks import agreement

    expected = agreement.reference(workload, data, 1)
    observed = [agreement.observe(workload, data, prepared.fetch(result))]
    verdict = agreement.compare(expected, observed, workload.tolerance)
    emit("checked", **asdict(verdict))


def rewrite_once(arguments: dict[str, Any], emit: Emit) -> None:
    """Arguments: workload (a layer chain), contender, threads."""
    workload, entry = WORKLOADS[arguments["workload"]], CONTENDERS[arguments["contender"]]
    entry.load().import_modules()
    contender = entry.create(workload.dtype, arguments["threads"])
    method = getattr(contender, f"rewrite_{workload.kind}", None)
    if method is not None:
        emit("rewritten", stages=method(workload.make_data()))


TASKS = {"probe": probe, "run": run, "compile": compile_once, "rewrite": rewrite_once}


def main() -> None:
    task, arguments, path = sys.argv[1:]
    with Path(path).open("a") as file:

        def emit(event: str, **values: Any) -> None:
            file.write(json.dumps({"event": event, **values}) + "\n")
            file.flush()

        TASKS[task](json.loads(arguments), emit)
    # Libraries with threads of their own sometimes crash at exit; nothing is left to do.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
