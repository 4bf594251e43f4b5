"""``memory``: the memory that a training step needs beside its inputs and parameters, in symstack, JAX and PyTorch.

Every library reports its own figure, for the same shapes in float32 and in a process of its own: symstack the arena of
its virtual machine and the arrays it makes, JAX ``memory_analysis()`` of the compiled step (temporaries and outputs
that alias no donated parameter), PyTorch the largest total that its allocator's events show over that before the step.
*Least* is what no order of execution can do without: the activations that the way back reads, and one more buffer of
their size.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.process import CACHE, ROOT, child_environment, peers_python

#: name -> widths of the layers (input first), rows of a batch. Hidden layers are tanh; the cost is a squared error.
NETWORKS: dict[str, tuple[tuple[int, ...], int]] = {
    "mlp_20": ((784, 500, 10), 20),
    "mlp_256": ((784, 500, 10), 256),
    "layers_20_wide": ((512,) * 21, 256),
    "layers_20_batch": ((256,) * 21, 1024),
}
CONTENDERS = ("symstack", "jax", "torch", "torch_compile")
RATE = 0.01


def least(name: str) -> int:
    """Bytes that a step cannot do without: each activation until its gradient is known, and that gradient."""
    widths, batch = NETWORKS[name]
    return 4 * batch * (sum(widths[1:]) + widths[-1] if len(set(widths)) == 1 else 2 * widths[1])


def data(name: str) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Return weights and biases in turns, a batch, and its targets."""
    widths, batch = NETWORKS[name]
    rng = np.random.default_rng(0)

    def normal(*shape: int) -> np.ndarray:
        return (rng.standard_normal(shape) / np.sqrt(shape[0])).astype("float32")

    parameters = [p for a, b in zip(widths, widths[1:], strict=False) for p in (normal(a, b), np.zeros(b, "float32"))]
    return parameters, normal(batch, widths[0]), normal(batch, widths[-1])


# ---------------------------------------------------------------------- the contenders


def symstack(name: str) -> int:
    """The step as one function that updates shared variables."""
    import symstack as ss
    from symopt.memory import measured, outline, usage
    from symstack import tensor as T

    values, *batch = data(name)
    parameters = [ss.shared(v) for v in values]
    x, y = T.fmatrix("x"), T.fmatrix("y")
    h: Any = x
    for k in range(0, len(parameters), 2):
        h = T.dot(h, parameters[k]) + parameters[k + 1]
        h = T.tanh(h) if k + 2 < len(parameters) else h
    cost = ((h - y) ** 2).mean()
    updates = [(p, p - np.float32(RATE) * g) for p, g in zip(parameters, ss.grad(cost, parameters), strict=True)]
    step = ss.function([x, y], cost, updates=updates)
    for _ in range(2):
        step(*batch)
    planned = usage(step.plan, measured(step.plan, [outline(v) for v in batch]))
    machine = getattr(step.linked, "machine", None)
    return planned.peak if machine is None else machine.stats["arena_bytes"] + planned.outputs


def jax(name: str) -> int:
    """The jitted step, its parameters donated."""
    import jax as j
    from jax import numpy as jnp

    def cost(parameters: Any, x: Any, y: Any) -> Any:
        for k in range(0, len(parameters), 2):
            x = x @ parameters[k] + parameters[k + 1]
            x = jnp.tanh(x) if k + 2 < len(parameters) else x
        return ((x - y) ** 2).mean()

    def step(parameters: Any, x: Any, y: Any) -> Any:
        value, slopes = j.value_and_grad(cost)(parameters, x, y)
        return value, [p - RATE * g for p, g in zip(parameters, slopes, strict=True)]

    found = []
    for donated in ((), (0,)):
        report = j.jit(step, donate_argnums=donated).lower(*data(name)).compile().memory_analysis()
        found.append(report.temp_size_in_bytes + report.output_size_in_bytes - report.alias_size_in_bytes)
    return int(min(found))


def torch(name: str, compiled: bool = False) -> int:
    """A module's usual step: gradients, then an update without recording."""
    import torch as t
    from torch.profiler import ProfilerActivity, profile

    values, *batch = data(name)
    parameters = [t.tensor(v, requires_grad=True) for v in values]
    x, y = (t.tensor(v) for v in batch)

    def cost(x: Any, y: Any) -> Any:
        for k in range(0, len(parameters), 2):
            x = x @ parameters[k] + parameters[k + 1]
            x = t.tanh(x) if k + 2 < len(parameters) else x
        return ((x - y) ** 2).mean()

    run = t.compile(cost) if compiled else cost

    def step() -> None:
        run(x, y).backward()
        with t.no_grad():
            for p in parameters:
                p -= RATE * p.grad
                p.grad = None

    for _ in range(3):
        step()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as record:
        step()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json"
        record.export_chrome_trace(str(path))
        events = json.loads(path.read_text())["traceEvents"]
    live = highest = 0
    for event in sorted((e for e in events if e.get("name") == "[memory]"), key=lambda e: e["ts"]):
        live += event["args"]["Bytes"]
        highest = max(highest, live)
    return highest


def torch_compile(name: str) -> int:
    """The same, compiled."""
    return torch(name, compiled=True)


# ---------------------------------------------------------------------- the table


def memory(workload: str, contender: str) -> int:
    """Measure all in processes of their own and print the table; returns 1 if a contender failed, else 0."""
    import re

    names = [n for n in NETWORKS if re.search(workload, n)]
    contenders = [c for c in CONTENDERS if re.search(contender, c)]
    print(f"{'MB beside inputs and parameters':<34}{'least':>9}" + "".join(f"{c:>15}" for c in contenders))
    failed = False
    for name in names:
        row = [f"{name:<34}{least(name) / 1e6:>9.3f}"]
        for c in contenders:
            found = _in_a_process(c, name)
            failed |= found is None
            row.append(f"{'failed':>15}" if found is None else f"{found / 1e6:>15.3f}")
        print("".join(row), flush=True)
    return int(failed)


def _in_a_process(contender: str, name: str) -> int | None:
    command = [str(peers_python()), "-m", "benchmarks.memory", contender, name]
    environment = child_environment(1, CACHE / "run")
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{contender}, {name}: {(done.stderr.strip().splitlines() or ['no message'])[-1]}", file=sys.stderr)
        return None
    return int(done.stdout.split()[-1])


def main(arguments: Sequence[str]) -> None:
    """One figure, for the parent process."""
    contender, name = arguments
    measure: Callable[[str], int] = {f.__name__: f for f in (symstack, jax, torch, torch_compile)}[contender]
    print(measure(name))


if __name__ == "__main__":
    main(sys.argv[1:])
