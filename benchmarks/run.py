"""``run``: time per call, all contenders on one workload in one process, taking turns."""

from __future__ import annotations

from typing import Any

from benchmarks.contenders import BOUND, CONTENDERS, Entry
from benchmarks.process import CACHE, Outcome, run_worker
from benchmarks.report import render_run, seconds
from benchmarks.session import Session, matching, result_name, say, workloads
from benchmarks.workloads import CHAIN, Workload

BUDGET_S, QUICK_BUDGET_S = 0.8, 0.1  # time spent on one cell, warm-up not counted
BUILD_TIMEOUT_S, QUICK_BUILD_TIMEOUT_S = 120, 60


def run(workload: str, contender: str, threads: int, quick: bool) -> int:
    """Measure, write ``results/run*.json`` and ``.md``; returns 1 if any contender disagreed or failed, else 0."""
    filtered = bool(workload or contender)
    # Building a chain of 2,000 nodes takes some peers minutes: chains belong to `compile` and `rewrite`.
    rows = workloads(workload, lambda w: w.group != CHAIN and (w.quick or not quick))
    skip_slow = quick and not contender
    names = [n for n in matching(contender, CONTENDERS) if not (skip_slow and CONTENDERS[n].slow_to_compile)]
    session = Session.start(result_name("run", threads, quick, filtered), threads, names)
    for row in rows:
        session.rows[row.name] = _measure(row, session, quick)
        session.save()
        say(f"{row.name}: " + "  ".join(f"{n} {_brief(cell)}" for n, cell in session.rows[row.name].items()))
    say("\n" + session.finish(render_run))
    return int(any("error" in cell for cells in session.rows.values() for cell in cells.values()))


def _brief(cell: dict[str, Any]) -> str:
    return cell["error"][:90] if "error" in cell else seconds(cell["time_s"])


def _measure(workload: Workload, session: Session, quick: bool) -> dict[str, Any]:
    """One row. A contender that takes the process down is noted, and the others run again without it."""
    waiting = [entry for entry in session.contenders if entry.takes(workload) and _fits(entry, session.threads)]
    crashed: dict[str, Any] = {}
    timeout = QUICK_BUILD_TIMEOUT_S if quick else BUILD_TIMEOUT_S
    while waiting:
        arguments = {
            "workload": workload.name,
            "contenders": [entry.name for entry in waiting],
            "threads": session.threads,
            "budget_s": QUICK_BUDGET_S if quick else BUDGET_S,
            "build_timeout_s": timeout,
        }
        outcome = run_worker("run", arguments, session.threads, CACHE / "run", 60 + len(waiting) * (timeout + 20))
        pinned = outcome.last("pinned")
        if pinned is not None:
            session.meta["pinned"] = pinned["how"]
        if not outcome.failure:
            return crashed | _cells(outcome)
        building = (outcome.last("building") or {"name": ""})["name"]
        if not building:
            return crashed | {entry.name: {"error": outcome.failure} for entry in waiting}
        crashed[building] = {"error": outcome.failure}
        waiting = [entry for entry in waiting if entry.name != building]
    return crashed


def _fits(entry: Entry, threads: int) -> bool:
    return entry.role != BOUND or threads == 1  # the hand-written C has one thread


def _cells(outcome: Outcome) -> dict[str, Any]:
    cells: dict[str, Any] = {e["name"]: {"error": e["error"]} for e in outcome.of("failed")}
    for event in outcome.of("checked"):
        cell = {"relative_error": event["error"], "build": event["build"]}
        if not event["agrees"]:
            cell |= {"error": f"disagrees: {event['detail']}", "disagrees": True}
        cells[event["name"]] = cell
    for event in outcome.of("timed"):
        cells[event["name"]] |= {key: value for key, value in event.items() if key not in ("event", "name")}
    return cells
