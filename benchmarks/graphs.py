"""``graph``: what it costs to build a large expression, to differentiate it and to copy it, before any compilation.

CPU seconds for about ten thousand nodes, in fresh processes that take turns. ``chain`` is ``y <- tanh(y) + x``;
``mixed`` is ``y <- tanh(y) * x + 0.5 * y``, whose variables are used more than once and beside numbers.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.process import CACHE, ROOT, child_environment, peers_python

NODES = 10_000
REPEATS = 3
#: Contender -> (module of tensors, module of ``grad``, module of ``clone_replace`` or ``clone``, its name).
LIBRARIES = {
    "symstack": ("symcore.tensor", "symcore", "symcore", "clone"),
    "pytensor": ("pytensor.tensor", "pytensor", "pytensor.graph.replace", "clone_replace"),
}
WORK = ("build", "gradient", "copy")


def chain(T: Any, nodes: int) -> tuple[Any, Any]:
    """``y <- tanh(y) + x``, ``nodes / 2`` times."""
    x = T.dvector("x")
    y = x
    for _ in range(nodes // 2):
        y = T.tanh(y) + x
    return x, y


def mixed(T: Any, nodes: int) -> tuple[Any, Any]:
    """``y <- tanh(y) * x + 0.5 * y``, ``nodes / 4`` times."""
    x = T.dvector("x")
    y = x
    for _ in range(nodes // 4):
        y = T.tanh(y) * x + 0.5 * y
    return x, y


EXPRESSIONS: dict[str, Callable[[Any, int], tuple[Any, Any]]] = {"chain": chain, "mixed": mixed}


def measure(library: str) -> dict[str, dict[str, float]]:
    """In a child: CPU seconds per expression and work, after a small round that warms up."""
    import importlib

    tensors, gradients, copies, name = LIBRARIES[library]
    T, grad = importlib.import_module(tensors), importlib.import_module(gradients).grad
    clone = getattr(importlib.import_module(copies), name)
    found: dict[str, dict[str, float]] = {}
    for label, build in EXPRESSIONS.items():
        _once(T, grad, clone, build, 400)
        found[label] = _once(T, grad, clone, build, NODES)
    return found


def _once(T: Any, grad: Any, clone: Any, build: Any, nodes: int) -> dict[str, float]:
    clock = time.process_time
    marks = [clock()]
    x, y = build(T, nodes)
    marks.append(clock())
    cost = y.sum()
    grad(cost, x)
    marks.append(clock())
    clone([y], {x: T.dvector("z")})
    marks.append(clock())
    return {work: b - a for work, a, b in zip(WORK, marks, marks[1:], strict=False)}


def graphs(repeats: int = REPEATS) -> int:
    """Measure every library that is installed, in turns, and print a table. Returns 0, or 1 if none could be run."""
    samples: dict[str, list[dict[str, dict[str, float]]]] = {name: [] for name in LIBRARIES}
    for _ in range(repeats):
        for name in list(samples):
            command = [str(peers_python()), "-c", _CHILD, name]
            environment = child_environment(1, CACHE / "run") | {"PYTHONPATH": str(ROOT)}
            done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
            if done.returncode:
                print(f"left out: {name}: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
                del samples[name]
            else:
                samples[name].append(json.loads(done.stdout.splitlines()[-1]))
    print(_table({name: found for name, found in samples.items() if found}))
    return 0 if any(samples.values()) else 1


# The peers walk graphs by recursion: they need a deep stack, and leave to use it.
_CHILD = """
import json, sys, threading
sys.setrecursionlimit(10**6)
threading.stack_size(512 * 2**20)
from benchmarks.graphs import measure
run = threading.Thread(target=lambda: print(json.dumps(measure(sys.argv[1]))))
run.start()
run.join()
"""


def _table(samples: dict[str, list[dict[str, dict[str, float]]]]) -> str:
    """Return medians as a Markdown table, with the ratio to symstack's in brackets."""
    names = list(samples)
    rows = [f"| {NODES} nodes, CPU | {' | '.join(names)} |", f"| --- |{' --- |' * len(names)}"]
    for label in EXPRESSIONS:
        for work in WORK:
            medians = {n: statistics.median(s[label][work] for s in samples[n]) for n in names}
            ours = medians.get("symstack")
            cells = [
                f"{1e3 * m:.0f} ms" + (f" ({m / ours:.1f}x)" if ours and n != "symstack" else "")
                for n, m in medians.items()
            ]
            rows.append(f"| {label}: {work} | {' | '.join(cells)} |")
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(graphs(*map(int, sys.argv[1:])))
