"""Functions as plain C beside themselves: ``python -m benchmarks.exported [-w REGEX]``.

Builds the functions of the workloads as symstack does, exports them, has the C compiler build them with the flags that
the export's README names for full speed, compares the numbers, and prints the time of both, taking turns in one
process, and their ratio. Both use the same BLAS. A call through ctypes costs about half a microsecond more than one of
a function, which C programs do not pay.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.contenders.symstack_ import Symstack
from benchmarks.timing import measure
from benchmarks.workloads import WORKLOADS, Workload

#: Training steps, loops and their gradients, and what has no loops at all.
DEFAULT = "mlp_|logistic_|rnn_|lstm_|power|fused_1e5_f32|xent_grad_f32"


def compare(workload: Workload, folder: Path, budget_s: float) -> str:
    """Return one line: the largest difference, the time of the function and of its export, the ratio."""
    from symcodegen.export import Library, export_c
    from symcodegen.export.api import NATIVE

    prepared = getattr(Symstack(workload.dtype), workload.kind)(workload.make_data())
    if not isinstance(prepared.call, partial):
        raise TypeError(f"{workload.name}: its call is not a function with its arguments.")
    f, values = prepared.call.func, prepared.call.args
    library = Library(export_c(f, folder, name="exported"), *NATIVE)
    worst = 0.0
    for _ in range(2):  # the second call sees the shared variables that the first one left
        for got, want in zip(library(*values), _as_list(f(*values)), strict=True):
            scale = float(np.abs(want).max()) or 1.0
            worst = max(worst, float(np.abs(got - want).max()) / scale)
    times = measure({"f": prepared.call, "c": library.bound(*values)}, budget_s, 1)
    library.close()
    ours, exported = (float(times[name]["time_s"]) for name in ("f", "c"))  # type: ignore[arg-type]
    return f"{workload.name:24} {worst:10.1e} {1e6 * ours:12.2f} {1e6 * exported:12.2f} {exported / ours:8.3f}"


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def main() -> int:
    """Print the table; 1 if the numbers of an export are not those of its function."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.exported", description=__doc__)
    parser.add_argument("-w", "--workload", default=DEFAULT, metavar="REGEX", help="only workloads whose name matches")
    parser.add_argument("-s", "--seconds", type=float, default=2.0, help="measuring time of each contender (default 2)")
    given = parser.parse_args()
    print(f"{'workload':24} {'difference':>10} {'f, us':>12} {'C, us':>12} {'C / f':>8}")
    failed = 0
    for workload in WORKLOADS.values():
        if not re.search(given.workload, workload.name):
            continue
        with tempfile.TemporaryDirectory(prefix="exported-") as folder:
            line = compare(workload, Path(folder), given.seconds)
        failed |= float(line.split()[1]) > workload.tolerance
        print(line, flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
