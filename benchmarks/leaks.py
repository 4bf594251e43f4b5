"""Memory that calls leave behind: ``python -m benchmarks.leaks [-w REGEX] [-s SECONDS]``.

Every case runs in a process of its own: it is called until nothing is warming up any more, then again and again while
the resident memory is looked at in equal steps. Printed are the slope of a line through these figures, in kilobytes
per 10,000 calls, and, from a second and shorter run, what 100 calls add to the objects that Python's garbage collector
knows and to the memory that Python allocates. The exit status is 1 if a slope is above 1 MB per 10,000 calls, or if
objects are left behind.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import re
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.process import ROOT
from benchmarks.usage import resident_mib

MOST_KIB = 1024  # per 10,000 calls
STEPS = 12
LEAST_CALLS = 300
Call = Callable[[], object]


def elementwise() -> Call:
    import symstack as ss
    from symstack import tensor as T

    x = T.dmatrix("x")
    f, value = ss.function([x], T.tanh(x) * 2 + x.sum(axis=0)), np.ones((30, 40))
    return lambda: f(value)


def shapes() -> Call:
    """Another shape in every call: prepared anew each time."""
    import symstack as ss
    from symstack import tensor as T

    x = T.dmatrix("x")
    f, turn = ss.function([x], T.exp(x).sum(axis=1)), iter(range(1 << 60))
    values = [np.ones((n + 1, 5)) for n in range(50)]
    return lambda: f(values[next(turn) % 50])


def gemm() -> Call:
    import symstack as ss
    from symstack import tensor as T

    W = ss.shared(np.ones((30, 20)), name="W")
    x = T.dmatrix("x")
    cost = ((x @ W) ** 2).sum()
    f, value = ss.function([x], cost, updates=[(W, W - 1e-6 * ss.grad(cost, W))]), np.ones((10, 30))
    return lambda: f(value)


def indexing() -> Call:
    import symstack as ss
    from symstack import tensor as T

    x, i = T.dmatrix("x"), T.lvector("i")
    f = ss.function([x, i], [x[i], T.inc_subtensor(x[i], 1.0), x[1:, ::-1], x[x[:, 0] > 0.5]])
    values = np.eye(20), np.array([0, 3, 3, -1])
    return lambda: f(*values)


def sort() -> Call:
    import symstack as ss
    from symstack import tensor as T

    x = T.dmatrix("x")
    f, value = ss.function([x], [T.sort(x), T.argsort(x, axis=0)]), np.random.default_rng(0).random((20, 30))
    return lambda: f(value)


def random() -> Call:
    """Draws of the three kinds of streams."""
    import symstack as ss

    kinds = ss.RandomStreams, ss.MRG_RandomStreams, ss.PhiloxStreams
    streams = [kind(seed=1) for kind in kinds]
    return ss.function([], [stream.normal(size=(20, 10)) for stream in streams])


def scan() -> Call:
    import symstack as ss
    from symstack import tensor as T

    x, W = T.dmatrix("x"), T.dmatrix("W")
    h, _ = ss.scan(lambda r, h, W: T.tanh(r + h @ W), sequences=[x], outputs_info=[x[0] * 0], non_sequences=[W])
    f, values = ss.function([x, W], [h[-1], ss.grad(h[-1].sum(), W)]), (np.ones((12, 5)), np.eye(5))
    return lambda: f(*values)


def scan_in_python() -> Call:
    """A loop whose steps are called from Python: each chooses by a value."""
    import symstack as ss
    from symstack import tensor as T

    x = T.dvector("x")
    rows, _ = ss.scan(lambda e: ss.ifelse(e > 0, T.exp(e), e * 2), sequences=[x])
    f, value = ss.function([x], rows), np.linspace(-1, 1, 8)
    return lambda: f(value)


def ifelse() -> Call:
    import symstack as ss
    from symstack import tensor as T

    x, c = T.dvector("x"), T.lscalar("c")
    f, turn = ss.function([x, c], ss.ifelse(c > 0, T.exp(x).sum(), x.prod())), iter(range(1 << 60))
    value = np.ones(30)
    return lambda: f(value, next(turn) % 2)


def sparse() -> Call:
    import scipy.sparse

    import symstack as ss
    from symstack import tensor as T

    x, y = T.sparse.csr_dmatrix("x"), T.dmatrix("y")
    f = ss.function([x, y], [x @ y, x.T * 2.0])
    values = scipy.sparse.random(20, 15, 0.3, format="csr", random_state=0), np.ones((15, 4))
    return lambda: f(*values)


def from_graph() -> Call:
    import symstack as ss
    from symstack import tensor as T

    a, b = T.dvector("a"), T.dvector("b")
    op = ss.OpFromGraph([a, b], [T.exp(a) * b])
    x = T.dvector("x")
    f, value = ss.function([x], [op(x, x + 1), ss.grad(op(x, x).sum(), x)]), np.ones(10)
    return lambda: f(value)


def perform() -> Call:
    """A node without C."""
    import symstack as ss
    from symstack import tensor as T

    @ss.as_op([T.dvector], [T.dvector])
    def reversed_(v: Any) -> Any:
        return v[::-1].copy()

    x = T.dvector("x")
    f, value = ss.function([x], reversed_(x * 2) + 1), np.ones(10)
    return lambda: f(value)


def errors() -> Call:
    """Calls that fail: shapes, an index, a value of the wrong type."""
    import symstack as ss
    from symstack import tensor as T

    x, y, i = T.dvector("x"), T.dvector("y"), T.lvector("i")
    f = ss.function([x, y, i], (x + y)[i])
    wrong = [(np.ones(3), np.ones(4), [0]), (np.ones(3), np.ones(3), [7]), ("no", np.ones(3), [0])]

    def call() -> None:
        for values in wrong:
            try:
                f(*values)
            except (ValueError, IndexError, TypeError):
                continue
            raise AssertionError("a call that must fail has not")

    return call


def compiling() -> Call:
    """A function is made, called, and dropped; its kernels are in the cache."""
    import symstack as ss
    from symstack import tensor as T

    def call() -> None:
        x, W = T.dvector("x"), ss.shared(np.ones(3), name="W")
        f = ss.function([x], T.tanh(x * W).sum(), updates=[(W, W + x)])
        f(np.ones(3))

    return call


CASES: dict[str, Callable[[], Call]] = {
    made.__name__: made
    for made in (elementwise, shapes, gemm, indexing, sort, random, scan, scan_in_python, ifelse, sparse, from_graph,
                 perform, errors, compiling)
}  # fmt: skip


# ---------------------------------------------------------------------- measuring


def _settled() -> float:
    """Resident kilobytes after everything that can be given back has been."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
    return 1024 * resident_mib()


def _repeat(call: Call, count: int) -> None:
    for _ in range(count):
        call()


def slope(call: Call, seconds: float) -> tuple[int, float]:
    """Return how many calls were made, and the kilobytes that 10,000 of them leave in resident memory.

    The least number of calls is such that a page that is touched late is no slope.
    """
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < seconds / 3 or count < LEAST_CALLS:
        call()
        count += 1
    each = max(1, 2 * count // STEPS)
    figures = [_settled()]
    for _ in range(STEPS):
        _repeat(call, each)
        figures.append(_settled())
    return each * STEPS, 1e4 * float(np.polyfit(np.arange(len(figures)) * each, figures, 1)[0])


def left_behind(call: Call, count: int = 100) -> tuple[int, int]:
    """Return the objects and the bytes of Python's allocator that ``count`` calls leave behind: the least of three."""
    found = []
    tracemalloc.start()
    _repeat(call, count)
    for _ in range(3):
        gc.collect()
        objects, memory = len(gc.get_objects()), tracemalloc.get_traced_memory()[0]
        _repeat(call, count)
        gc.collect()
        found.append((len(gc.get_objects()) - objects, tracemalloc.get_traced_memory()[0] - memory))
    tracemalloc.stop()
    return min(n for n, _ in found), min(size for _, size in found)


def one(name: str, seconds: float) -> dict[str, float]:
    """Measure one case in this process."""
    call = CASES[name]()
    calls, kib = slope(call, seconds)
    objects, size = left_behind(call)
    return {"calls": calls, "kib": kib, "objects": objects, "bytes": size}


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.leaks", description=__doc__)
    parser.add_argument("-w", "--workload", default="", metavar="REGEX", help="only cases whose name matches")
    parser.add_argument("-s", "--seconds", type=float, default=6.0, help="measuring time of each case (default 6)")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.here:
        print(json.dumps(one(given.workload, given.seconds)))
        return 0
    print(f"{'case':16} {'calls':>8} {'KiB / 10,000 calls':>20} {'objects / 100':>14} {'bytes / 100':>12}")
    failed = 0
    for name in CASES:
        if not re.search(given.workload, name):
            continue
        command = [sys.executable, "-m", "benchmarks.leaks", "--here", "-w", name, "-s", str(given.seconds)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
        if done.returncode:
            print(f"{name:16} {done.stderr.strip().splitlines()[-1]}")
            failed = 1
            continue
        row = json.loads(done.stdout)
        bad = row["kib"] > MOST_KIB or row["objects"] > 0
        failed |= bad
        print(
            f"{name:16} {row['calls']:8d} {row['kib']:20.1f} {row['objects']:14d} {row['bytes']:12d}"
            f"{'  too much' if bad else ''}",
            flush=True,
        )
    return failed


if __name__ == "__main__":
    sys.exit(main())
