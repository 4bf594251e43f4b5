"""What the first result costs in a new process, beyond ``import symstack``: ``python -m benchmarks.starts``.

CPU milliseconds of the process and of the compilers that it starts, from building the graph (or opening the pickle) to
the first result; medians of new processes taking turns, one thread. *Cold*: with an empty cache. *Warm*: the same
function was compiled by an earlier process. *Known kernels*: a function that was never compiled, all of whose kernels
belong to others that were. *Pickled*: the function itself comes from a file, and its kernels are in the cache.

``--kernels [REGEX]``: many functions of one kernel instead, cold; see ``single_kernels``.
"""

from __future__ import annotations

import functools
import os
import pickle
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import single_kernels
from benchmarks.process import ROOT, child_environment, peers_python

REPEATS = 9
REPEATS_OF_KERNELS = 3
LAYERS = 8  # of the network of the long step: 195 nodes, built, and as many again for its gradient


def one_kernel() -> Callable[[], object]:
    """Return a call of ``x + 1``."""
    import numpy as np

    import symstack as ss
    from symstack import tensor as T

    x = T.dvector("x")
    return partial(ss.function([x], x + 1), np.ones(3))


@functools.cache
def mlp_data() -> Any:
    """Return the numbers of ``mlp_step``; they are made before the clock starts."""
    from benchmarks.workloads import WORKLOADS

    return WORKLOADS["mlp_20_f32"].make_data()


def mlp_step() -> Callable[[], object]:
    """Return a training step of the multi-layer perceptron, 20 rows at a time."""
    from benchmarks.contenders.symstack_ import Symstack

    return Symstack("float32").mlp_step(mlp_data()).call


def long_step() -> Callable[[], object]:
    """Return a training step of a network whose graph has 200 nodes before it is rewritten."""
    import numpy as np

    import symstack as ss
    from symstack import tensor as T

    ss.config.floatX = "float32"
    x, rng = T.matrix("x"), np.random.default_rng(1)
    weights = [ss.shared((rng.normal(size=(20, 20)) / 5).astype("f4")) for _ in range(LAYERS)]
    biases = [ss.shared(np.zeros(20, "f4")) for _ in range(LAYERS)]
    h: Any = x
    for w, b in zip(weights, biases, strict=True):
        h = T.tanh(T.dot(h, w) + b)
    cost, parameters = (h**2).mean(), [*weights, *biases]
    updates = [(p, p - 0.1 * g) for p, g in zip(parameters, ss.grad(cost, parameters), strict=True)]
    return partial(ss.function([x], cost, updates=updates), np.ones((5, 20), "f4"))


def both() -> Callable[[], object]:
    """Return a call of one function that has the kernels of ``mlp_step`` and of ``one_kernel``."""
    import numpy as np

    import symstack as ss
    from benchmarks.contenders.base import Prepared
    from benchmarks.contenders.symstack_ import Symstack
    from symstack import tensor as T

    class Joined(Symstack):
        def _step(self, cost: Any, parameters: list[Any], inputs: list[Any], data: Any) -> Prepared:
            x, rate = T.dvector("x"), self._constant(data["learning_rate"])
            updates = [(p, p - rate * g) for p, g in zip(parameters, ss.grad(cost, parameters), strict=True)]
            f = ss.function([*inputs, x], [cost, x + 1], updates=updates)
            return Prepared(partial(f, data["x"], data["y"], np.ones(3)), list)

    return Joined("float32").mlp_step(mlp_data()).call


def pickled(file: str) -> Callable[[], object]:
    """Return a call of the function in a file."""
    call: Callable[[], object] = pickle.loads(Path(file).read_bytes())
    return call


def single(name: str, dtype: str) -> Callable[[], object]:
    """Return a call of a function of ``single_kernels``."""
    return single_kernels.single(name, dtype)


def _cpu() -> tuple[float, float]:
    """Return the CPU milliseconds of this process, and of those that it started."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    own, others = (1e3 * (u.ru_utime + u.ru_stime) for u in used)
    return own, others


def child(task: str, *arguments: str) -> None:
    """Print what a task costs, in all and in compilers. ``save`` writes the function of ``mlp_step`` to a file too."""
    import numpy as np

    import symstack
    from benchmarks.contenders import symstack_
    from symstack import tensor

    assert symstack and symstack_ and tensor and np.random and mlp_data()
    start = _cpu()
    if task == "save":
        call = mlp_step()
        call()
        Path(arguments[0]).write_bytes(pickle.dumps(call))
    else:
        globals()[task](*arguments)()
    own, others = (end - begin for begin, end in zip(start, _cpu(), strict=True))
    print(own + others, others)


def _measure(cache: Path, *command: str) -> tuple[float, float]:
    made = subprocess.run(
        [str(peers_python()), "-m", "benchmarks.starts", *command],
        cwd=ROOT,
        env=child_environment(1, cache),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    total, compilers = map(float, made.stdout.split())
    return total, compilers


def kernels(pattern: str = "") -> int:
    """Print what functions cost cold whose names match, the dearest first; 1 if one is above the bound."""
    rows = []
    for name in filter(re.compile(pattern).search, single_kernels.cases()):
        for dtype in ("float32", "float64"):
            with tempfile.TemporaryDirectory() as folder:
                found = [_measure(Path(folder) / str(k), "single", name, dtype) for k in range(REPEATS_OF_KERNELS)]
            rows.append((*sorted(found)[REPEATS_OF_KERNELS // 2], name, dtype))
    bound, rows = single_kernels.BOUND, sorted(rows, reverse=True)
    for total, compilers, name, dtype in rows:
        verdict = "" if total <= bound else "   too much"
        print(f"{name:24} {dtype:8} {total:7.1f} ms CPU, of compilers {compilers:7.1f}   bound {bound:g}{verdict}")
    return int(any(total > bound for total, *_ in rows))


def main() -> int:
    """Print the table; 1 if a figure is above its bound."""
    rows: dict[str, tuple[list[float], float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        known, file = Path(folder) / "known", str(Path(folder) / "step.pickle")
        for task in ("one_kernel", "mlp_step", "long_step"):
            _measure(known, task)
        _measure(known, "save", file)

        def measured(name: str, bound: float, cache: Path, *command: str) -> None:
            rows.setdefault(name, ([], bound))[0].append(_measure(cache, *command)[0])

        for turn in range(REPEATS):
            fresh = Path(folder) / str(turn)
            measured("one kernel, cold", 120, fresh / "1", "one_kernel")
            measured("MLP step, cold", 400, fresh / "2", "mlp_step")
            measured("step of 200 nodes, cold", 1000, fresh / "3", "long_step")
            measured("MLP step, warm", 40, known, "mlp_step")
            apart = shutil.copytree(known, Path(folder) / f"known{turn}")
            measured("MLP step, known kernels", 40, apart, "both")
            measured("MLP step, pickled", 50, known, "pickled", file)
    for name, (found, bound) in rows.items():
        middle = statistics.median(found)
        print(f"{name:28} {middle:7.1f} ms CPU   {min(found):7.1f} at least   bound {bound:g}"
              f"{'' if middle <= bound else '   too much'}")
    return int(any(statistics.median(found) > bound for found, bound in rows.values()))


if __name__ == "__main__":
    if sys.argv[1:2] not in ([], ["--kernels"]):
        child(*sys.argv[1:])
    else:
        os.environ.pop("SYMSTACK_FLAGS", None)
        sys.exit(kernels(*sys.argv[2:]) if sys.argv[1:] else main())
