"""How long the training step takes to compile, measured in a process of its own.

``python -m symstack.commands.compile_time`` builds the step of the demonstration, times ``function`` and one call, and
prints a JSON object. :func:`cold_and_warm` runs it twice on an empty folder: first nothing is cached, then everything
is.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple

import numpy as np

__all__ = ["CompileTimes", "cold_and_warm", "compile_step", "load_compiler"]

TIMEOUT = 300


class CompileTimes(NamedTuple):
    """Seconds from the symbolic graph to the result of the first call, with an empty cache and with a filled one.

    ``load`` is what a process spends once, before its first compilation, on importing rules, kernels and the linker.
    """

    cold: float
    warm: float
    load: float


def load_compiler() -> float:
    """Import what the first compilation of a process would import; returns the seconds that took."""
    import symstack as ss

    start = time.perf_counter()
    ss.get_mode().make_linker(ss.config.snapshot())
    return time.perf_counter() - start


def compile_step(network: object) -> tuple[object, float]:
    """Compile the training step and call it once, with a rate of 0, which changes no weight.

    Returns the function and the seconds that took.
    """
    from symstack.commands.digits import BATCH, SIDE

    images = np.zeros((BATCH, SIDE * SIDE), np.float32)
    labels = np.zeros(BATCH, np.int64)
    start = time.perf_counter()
    step = network.compile_step()  # type: ignore[attr-defined]
    step(images, labels, np.float32(0))
    return step, time.perf_counter() - start


def cold_and_warm() -> CompileTimes:
    """Measure in two fresh processes that share a cache folder nobody used before.

    Raises ``RuntimeError`` with the last line of the process's own error when one of them fails.
    """
    with tempfile.TemporaryDirectory(prefix="symstack-demo-") as folder:
        flags = [part for part in os.environ.get("SYMSTACK_FLAGS", "").split(",") if part.strip()]
        flags = [part for part in flags if part.split("=")[0].strip() != "cache_dir"]
        environment = {**os.environ, "SYMSTACK_FLAGS": ",".join([*flags, f"cache_dir={folder}"])}
        cold, _ = _measure(environment)
        warm, load = _measure(environment)
        return CompileTimes(cold, warm, load)


def _measure(environment: dict[str, str]) -> tuple[float, float]:
    command = [sys.executable, "-m", __spec__.name]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        raise RuntimeError(f"the process that measures compile time failed (status {done.returncode}): {last[0]}")
    answer = json.loads(done.stdout)
    return float(answer["compile"]), float(answer["load"])


def main() -> None:
    """Measure once and print ``{"load": seconds, "compile": seconds}``."""
    from symstack.commands.digits import SIDE, build_perceptron

    network = build_perceptron(np.zeros(SIDE * SIDE, np.float32))
    load = load_compiler()
    _, seconds = compile_step(network)
    print(json.dumps({"load": load, "compile": seconds}))


if __name__ == "__main__":
    main()
