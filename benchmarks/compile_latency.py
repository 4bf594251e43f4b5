"""``compile`` and ``rewrite``: what it costs to get to the first result, and to the rewritten graph.

Each figure comes from fresh processes. *Cold* starts with empty caches, *warm* is the next process with the caches
that the cold one left. CPU seconds are the ones to compare: they count compilers too and hardly notice the neighbours.
"""

from __future__ import annotations

import shutil
import statistics
from typing import Any

from benchmarks.contenders import BOUND, CONTENDERS, Entry
from benchmarks.process import CACHE, run_worker
from benchmarks.report import render_compile, render_rewrite, seconds
from benchmarks.session import Session, matching, result_name, say, workloads
from benchmarks.workloads import CHAIN, Workload

DEFAULT = "^(add_one|mlp_20_f32)$"
PHASES = ("cold", "warm")
TIMEOUT_S = 150
# Fast contenders are measured again until this much time has been spent on them or they have this many figures.
REPEAT_BELOW_S, REPEATS = 8.0, 5


def compile_latency(workload: str, contender: str, threads: int) -> int:
    """Cold and warm time to the first result, and memory; returns 1 if any contender disagreed or failed, else 0."""
    rows = workloads(workload or DEFAULT, lambda w: True)
    session = _start("compile", workload, contender, threads, [n for n, e in CONTENDERS.items() if _differs(e)])
    for row in rows:
        cells = session.rows.setdefault(row.name, {})
        for entry in session.contenders:
            cell = _cold_and_warm(row, entry, threads)
            if cell is None:
                continue
            cells[entry.name] = cell
            session.save()
            say(f"{row.name}, {entry.name}: {_brief(cell)}")
    say("\n" + session.finish(render_compile))
    return _status(session)


def rewrite_time(workload: str, contender: str, threads: int) -> int:
    """CPU seconds from nothing to the rewritten graph of the layer chains with their gradients."""
    rows = workloads(workload, lambda w: w.group == CHAIN)
    able = [n for n, e in CONTENDERS.items() if e.rewrites]
    session = _start("rewrite", workload, contender, threads, able)
    for row in rows:
        cells = session.rows.setdefault(row.name, {})
        for entry in session.contenders:
            cell = _rewrite(row, entry, threads)
            if cell is None:
                continue
            cells[entry.name] = cell
            session.save()
            stages = ", ".join(f"{name} {seconds(value)}" for name, value in cell.get("stages", {}).items())
            say(f"{row.name}, {entry.name}: {cell.get('error') or stages}")
    say("\n" + session.finish(render_rewrite))
    return _status(session)


def _start(command: str, workload: str, contender: str, threads: int, able: list[str]) -> Session:
    filtered = bool(workload or contender)
    return Session.start(result_name(command, threads, partial=filtered), threads, matching(contender, able))


def _differs(entry: Entry) -> bool:
    """trust_input concerns calls, not compilation, and the bound was compiled beforehand."""
    return entry.role != BOUND and not entry.options.get("trust_input")


def _status(session: Session) -> int:
    return int(any("error" in cell for cells in session.rows.values() for cell in cells.values()))


def _brief(cell: dict[str, Any]) -> str:
    if "error" in cell:
        return str(cell["error"])[:120]
    figures = [
        f"{phase} {seconds(cell[phase]['cpu_s'])} CPU, {seconds(cell[phase]['wall_s'])} wall" for phase in PHASES
    ]
    return ", ".join(figures)


def _cold_and_warm(workload: Workload, entry: Entry, threads: int) -> dict[str, Any] | None:
    """One cell, or None if the contender has no such workload."""
    pairs: list[dict[str, Any]] = []
    spent = 0.0
    while not pairs or (spent < REPEAT_BELOW_S and len(pairs) < REPEATS):
        cache = CACHE / "compile" / f"{workload.name}-{entry.name}"
        shutil.rmtree(cache, ignore_errors=True)
        pair = {}
        try:
            for phase in PHASES:
                arguments = {"workload": workload.name, "contender": entry.name, "threads": threads}
                outcome = run_worker("compile", arguments, threads, cache, TIMEOUT_S)
                compiled, checked = outcome.last("compiled"), outcome.last("checked")
                if outcome.failure:
                    return {"error": f"{phase}: {outcome.failure}"}
                if compiled is None or checked is None:
                    return None
                if not checked["agrees"]:
                    return {"error": f"{phase}: disagrees: {checked['detail']}", "disagrees": True}
                pair[phase] = compiled
                spent += compiled["imported"]["wall_s"] + compiled["first_result"]["wall_s"]
        finally:
            shutil.rmtree(cache, ignore_errors=True)
        pairs.append(pair)
    return _medians(pairs)


def _medians(pairs: list[dict[str, Any]]) -> dict[str, Any]:
    cell: dict[str, Any] = {"repeats": len(pairs)}
    for phase in PHASES:
        first = [pair[phase]["first_result"] for pair in pairs]
        cell[phase] = {key: statistics.median(f[key] for f in first) for key in ("cpu_s", "wall_s")}
        memory = [pair[phase]["memory"] for pair in pairs]
        cell[phase]["grown_mib"] = statistics.median(m["after_mib"] - m["before_mib"] for m in memory)
        cell[phase]["peak_mib"] = statistics.median(m["peak_mib"] for m in memory)
    return cell


def _rewrite(workload: Workload, entry: Entry, threads: int) -> dict[str, Any] | None:
    found: list[dict[str, float]] = []
    while not found or (sum(sum(f.values()) for f in found) < REPEAT_BELOW_S / 4 and len(found) < REPEATS):
        arguments = {"workload": workload.name, "contender": entry.name, "threads": threads}
        cache = CACHE / "rewrite"
        shutil.rmtree(cache, ignore_errors=True)
        outcome = run_worker("rewrite", arguments, threads, cache, TIMEOUT_S)
        if outcome.failure:
            return {"error": outcome.failure}
        event = outcome.last("rewritten")
        if event is None:
            return None
        found.append(event["stages"])
    return {"repeats": len(found), "stages": {key: statistics.median(f[key] for f in found) for key in found[0]}}
