"""What every command does first and last: find out who takes part on which machine, and keep the results."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.contenders import CONTENDERS, Entry
from benchmarks.process import CACHE, RESULTS, ROOT, run_worker
from benchmarks.workloads import WORKLOADS, Workload


def say(text: str) -> None:
    print(text, flush=True)


def matching(pattern: str, names: Iterable[str]) -> list[str]:
    """The names in which the regular expression is found. Raises SystemExit, listing them all, if there is none."""
    names = list(names)
    try:
        found = [name for name in names if re.search(pattern, name)]
    except re.error as error:
        raise SystemExit(f"{pattern!r} is not a regular expression: {error}.") from None
    if not found:
        raise SystemExit(f"Nothing matches {pattern!r}. There is: {', '.join(names)}.")
    return found


def load_average() -> list[float]:
    return [round(x, 2) for x in os.getloadavg()] if hasattr(os, "getloadavg") else []


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    match = re.search(r"^model name\s*:\s*(.*)$", cpuinfo.read_text(), re.MULTILINE) if cpuinfo.exists() else None
    return match.group(1) if match else platform.processor() or platform.machine()


def _revision() -> str:
    command = ["git", "describe", "--always", "--dirty", "--abbrev=10", "--exclude=*"]
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


@dataclass
class Session:
    """One command's run: who takes part, on what, and the results so far, saved after every row."""

    name: str
    threads: int = 1
    contenders: list[Entry] = field(default_factory=list)
    meta: dict[str, Any] = field(default_factory=dict)
    rows: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def start(cls, name: str, threads: int, chosen: Iterable[str]) -> Session:
        """Ask the peers' environment who can take part; say in one line why somebody is left out."""
        outcome = run_worker("probe", {}, threads, CACHE / "run", timeout_s=120)
        if outcome.failure:
            raise SystemExit(f"The interpreter of the benchmarks does not work: {outcome.failure}")
        session = cls(name, threads)
        left_out: dict[str, str] = {}
        versions: dict[str, str] = {}
        chosen = set(chosen)
        for event in outcome.of("contender"):
            if event["name"] not in chosen:
                continue
            if event["reason"]:
                left_out[event["name"]] = event["reason"]
                say(f"left out: {event['name']}: {event['reason']}")
            else:
                session.contenders.append(CONTENDERS[event["name"]])
                versions |= event["versions"]
        if not session.contenders:
            raise SystemExit("No contender is left. `python -m benchmarks setup` installs them.")
        machine = outcome.last("machine") or {}
        session.meta = {
            "command": name,
            "date": time.strftime("%Y-%m-%d %H:%M"),
            "revision": _revision(),
            "threads": threads,
            "processor": f"{_processor()}, {os.cpu_count()} processors",
            "system": f"{platform.system()} {platform.machine()}, Python {machine.get('python')}",
            "blas": machine.get("blas"),
            "versions": versions,
            "left_out": left_out,
            "load_before": load_average(),
        }
        return session

    @property
    def path(self) -> Path:
        return RESULTS / f"{self.name}.json"

    def save(self) -> None:
        """Write the results so far, whole or not at all."""
        self.meta["load_after"] = load_average()
        RESULTS.mkdir(exist_ok=True)
        part = self.path.with_suffix(".part")
        part.write_text(json.dumps({"meta": self.meta, "rows": self.rows}, indent=1) + "\n")
        part.replace(self.path)

    def finish(self, render: Callable[[dict[str, Any]], str]) -> str:
        """Save the results as JSON and as Markdown; returns the Markdown."""
        self.save()
        text = render({"meta": self.meta, "rows": self.rows})
        self.path.with_suffix(".md").write_text(text)
        return text


def result_name(command: str, threads: int, quick: bool = False, partial: bool = False) -> str:
    """The name of the files of a run: a quick or a filtered run never replaces a whole one."""
    marks = {"quick": quick, f"threads{threads}": threads > 1, "partial": partial}
    return "-".join([command, *(mark for mark, holds in marks.items() if holds)])


def workloads(pattern: str, admits: Callable[[Workload], bool]) -> list[Workload]:
    """The workloads a command admits whose name matches."""
    return [WORKLOADS[name] for name in matching(pattern, (w.name for w in WORKLOADS.values() if admits(w)))]
