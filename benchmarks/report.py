"""Results as Markdown tables."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from benchmarks.contenders import CONTENDERS, OURS, PEER, Entry
from benchmarks.process import RESULTS

Results = dict[str, Any]

_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns"))


def seconds(value: float) -> str:
    """Three significant digits with a unit: ``0.00123`` gives ``1.23 ms``."""
    unit, name = next((pair for pair in _UNITS if abs(value) >= 0.9995 * pair[0]), _UNITS[-1])
    scaled = value / unit
    return f"{scaled:.0f} {name}" if abs(scaled) >= 99.95 else f"{scaled:.3g} {name}"


def table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def _is_peer(entry: Entry) -> bool:
    return entry.role == PEER


def _compiling_peer(entry: Entry) -> bool:
    return entry.role == PEER and entry.compiles


def best_peer(times: dict[str, float], competes: Callable[[Entry], bool] = _is_peer) -> str | None:
    """The fastest contender that competes; by default, all but ours and the bound."""
    peers = {name: time for name, time in times.items() if competes(CONTENDERS[name])}
    return min(peers, key=lambda name: peers[name]) if peers else None


def columns(rows: dict[str, Any]) -> list[str]:
    """The contenders with at least one cell, in the order of the registry."""
    return [name for name in CONTENDERS if any(name in cells for cells in rows.values())]


def _head(title: str, meta: dict[str, Any], notes: list[str]) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in meta["versions"].items())
    facts = [
        f"{meta['date']}, revision {meta['revision']}. {meta['processor']}; {meta['system']}.",
        f"Versions: {versions}. BLAS for PyTensor and C: {meta['blas']}.",
        f"Load average {meta['load_before'][:1]} before, {meta.get('load_after', [])[:1]} after.",
    ]
    left_out = [f"Left out: {name}: {reason}." for name, reason in meta["left_out"].items()]
    return f"## {title}\n\n" + "\n".join(f"* {line}" for line in facts + left_out + notes) + "\n\n"


def _footnote(cell: dict[str, Any], where: str, notes: list[str]) -> str:
    """The mark in the table for a cell with an error, whose text goes below it."""
    notes.append(f"[{len(notes) + 1}] {where}: {cell['error']}")
    return f"**{'DISAGREES' if cell.get('disagrees') else 'failed'}** [{len(notes)}]"


def _below(notes: list[str]) -> str:
    return "\n" + "\n".join(f"* {note}" for note in notes) + "\n" if notes else ""


def ratio_table(rows: dict[str, Any], key: str, competes: Callable[[Entry], bool] = _is_peer) -> str:
    """A row per workload, a column per contender: ``rows[workload][contender][key]`` and its ratio to the best peer."""
    names = columns(rows)
    ours = [name for name in names if CONTENDERS[name].role == OURS]
    notes: list[str] = []
    body = []
    for workload, cells in rows.items():
        times = {name: cell[key] for name, cell in cells.items() if "error" not in cell and key in cell}
        best = best_peer(times, competes)
        line = [workload]
        for name in names:
            cell = cells.get(name)
            if cell is None:
                line.append("-")
            elif name not in times:
                line.append(_footnote(cell, f"{workload}, {name}", notes))
            else:
                ratio = f" ({times[name] / times[best]:.2f}x)" if best else ""
                line.append(seconds(times[name]) + ("~" if cell.get("disturbed") else "") + ratio)
        line.append(best or "-")
        line += [f"**{times[name] / times[best]:.2f}x**" if best and name in times else "-" for name in ours]
        body.append(line)
    return table(["workload", *names, "best peer", *(f"{name} / best peer" for name in ours)], body) + _below(notes)


def render_run(results: Results) -> str:
    meta = results["meta"]
    notes = [
        f"Threads: {meta['threads']}, {meta.get('pinned', 'not pinned')}.",
        "Median time per call and, in brackets, its ratio to the best peer (neither symstack nor the C bound).",
        "All contenders of a row ran in one process, taking turns; every figure belongs to a result that agrees with"
        " NumPy in float64.",
        "`~`: the machine was disturbed, CPU time is given. Gaps under about 1.3x are a tie on a shared machine.",
    ]
    return _head("Time per call", meta, notes) + ratio_table(results["rows"], "time_s")


def render_compile(results: Results) -> str:
    meta = results["meta"]
    text = _head(
        "Compile latency: from building the graph to the first result",
        meta,
        [
            f"Threads of the libraries: {meta['threads']}; processes are not pinned, compilers may use all processors.",
            "Fresh process each; cold: empty caches, warm: the next one. CPU time includes compilers, not the import.",
            "Median of up to 5 pairs for fast contenders, one pair for slow ones.",
            "NumPy and torch compile nothing: they stand here for their memory and are no peers in this table.",
        ],
    )
    for phase in ("cold", "warm"):
        for key, unit in (("cpu_s", "CPU time"), ("wall_s", "wall time")):
            rows = _flat(results["rows"], phase, key)
            text += f"### {phase.capitalize()}, {unit}\n\n{ratio_table(rows, key, _compiling_peer)}\n"
    text += "### Memory\n\nMiB grown by building and running once / peak of the process, cold\n\n"
    return text + _memory(results["rows"])


def _flat(rows: dict[str, Any], phase: str, key: str) -> dict[str, Any]:
    return {
        workload: {name: cell if "error" in cell else {key: cell[phase][key]} for name, cell in cells.items()}
        for workload, cells in rows.items()
    }


def _memory(rows: dict[str, Any]) -> str:
    names = columns(rows)
    body = []
    for workload, cells in rows.items():
        line = [workload]
        for name in names:
            cold = cells.get(name, {}).get("cold")
            line.append(f"{cold['grown_mib']:.0f} / {cold['peak_mib']:.0f}" if cold else "-")
        body.append(line)
    return table(["workload", *names], body)


def render_rewrite(results: Results) -> str:
    rows = results["rows"]
    notes: list[str] = []
    body = []
    for workload, cells in rows.items():
        for name, cell in cells.items():
            if "error" in cell:
                body.append([workload, name, _footnote(cell, f"{workload}, {name}", notes), "", ""])
                continue
            stages = dict(cell["stages"])
            build = stages.pop("build")
            (stage, value), *_ = stages.items()
            body.append([workload, name, seconds(build), stage, seconds(value)])
    head = _head(
        "Rewrite time of layer chains with gradients",
        results["meta"],
        [
            "CPU time in a fresh process. Build: the expression and its gradients (in JAX: tracing).",
            "No code is generated, except in JAX, whose compiler rewrites and generates code in one stage.",
        ],
    )
    return head + table(["workload", "contender", "build", "stage", "time"], body) + _below(notes)


def render_imports(results: Results) -> str:
    rows = [
        [f"`import {module}`", f"{1e3 * row['cpu_s']:.0f}", f"{1e3 * row['over_numpy_s']:.0f}", str(row["repeats"])]
        for module, row in results["rows"].items()
    ]
    head = _head("Import time", results["meta"], ["Median over fresh processes of CPU time, user and system."])
    return head + table(["", "CPU ms", "over `import numpy`, CPU ms", "processes"], rows)


_RENDERERS = {"run": render_run, "compile": render_compile, "rewrite": render_rewrite, "imports": render_imports}


def report() -> int:
    """Render every result file again, print all tables and write them to ``results/REPORT.md``."""
    parts = []
    for path in sorted(RESULTS.glob("*.json"), key=lambda p: (list(_RENDERERS).index(p.stem.split("-")[0]), p.stem)):
        results = json.loads(path.read_text())
        text = _RENDERERS[path.stem.split("-")[0]](results)
        path.with_suffix(".md").write_text(text)
        parts.append(f"<!-- {path.name} -->\n{text}")
    if not parts:
        raise SystemExit("There are no results yet: python -m benchmarks run")
    text = "# Benchmark results\n\n" + "\n".join(parts)
    (RESULTS / "REPORT.md").write_text(text)
    print(text)
    return 0
