"""Do the contenders compute the same thing? Results are compared with NumPy in float64, written independently."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.contenders.numpy_ import NumPy
from benchmarks.workloads import Data, Workload

Results = list[np.ndarray]


@dataclass(frozen=True)
class Verdict:
    """``error`` is the largest difference over the largest magnitude of the reference, the worst over all results."""

    error: float
    agrees: bool
    detail: str = ""


def observe(workload: Workload, data: Data, results: Results) -> Results:
    """Replace updated state by its difference from the initial state, in float64.

    A step changes a parameter by a thousandth of its size: compared as they are, parameters would agree whatever the
    gradient.
    """
    arrays = [np.asarray(result, dtype="float64") for result in results]
    first_state = len(arrays) - len(workload.state)
    for i, name in enumerate(workload.state):
        arrays[first_state + i] = arrays[first_state + i] - np.asarray(data[name], dtype="float64")
    return arrays


def reference(workload: Workload, data: Data, calls: int) -> list[Results]:
    """The observed results after each of the first ``calls`` calls, computed by NumPy in float64."""
    wide = {
        name: value.astype("float64") if isinstance(value, np.ndarray) and value.dtype.kind == "f" else value
        for name, value in data.items()
    }
    prepared = getattr(NumPy("float64"), workload.kind)(wide)
    return [observe(workload, data, prepared.fetch(prepared.call())) for _ in range(calls)]


def compare(expected: list[Results], observed: list[Results], tolerance: float) -> Verdict:
    """Compare what each call gave. A result that is missing, misshapen or not finite is an infinite error."""
    worst = 0.0
    for call, (wanted, given) in enumerate(zip(expected, observed, strict=True), start=1):
        if len(wanted) != len(given):
            return Verdict(float("inf"), False, f"call {call} gave {len(given)} results where {len(wanted)} are wanted")
        for k, (a, b) in enumerate(zip(wanted, given, strict=True)):
            if a.shape != b.shape:
                return Verdict(float("inf"), False, f"result {k} of call {call} has shape {b.shape}, not {a.shape}")
            if not np.isfinite(b).all():
                return Verdict(float("inf"), False, f"result {k} of call {call} is not finite")
            scale = float(np.max(np.abs(a), initial=0.0)) or 1.0
            worst = max(worst, float(np.max(np.abs(a - b), initial=0.0)) / scale)
    if worst > tolerance:
        return Verdict(worst, False, f"relative error {worst:.1e} exceeds {tolerance:.0e}")
    return Verdict(worst, True)
