# ruff: noqa: S307 - the expressions are those of the table in breadth_cases.py
"""``python -m benchmarks.breadth``: functions of one Op beside the line of NumPy or SciPy that computes the same.

One process, one thread, by turns; the least time of many short blocks counts. A row is printed where NumPy is faster
by more than ``--below`` says; ``--all`` prints every row, ``-w`` chooses rows by a regular expression over
``family expression dtype``. Columns: size, layout, microseconds here, microseconds of NumPy, NumPy's time over ours.

Layouts are of the matrices: ``plain``; ``turned`` (transposed); ``every2nd`` (every other column of a wider one);
``backward`` (columns in the opposite order). Both libraries make their results anew and let go of the last ones, as
programs do that only call; what a call costs before its work shows in the smallest size.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from itertools import repeat
from typing import Any

import numpy as np

from benchmarks.breadth_cases import CASES, Case
from benchmarks.process import pin

Call = Callable[[], Any]
LAYOUTS = ("plain", "turned", "every2nd", "backward")
SIDES = {100: 10, 10**4: 100, 10**6: 1000}
BLOCK_S = 2e-4
LIMIT_S = 0.25  # for one row; the rounds are as many as it allows
MOST_ROUNDS, FEWEST_ROUNDS = 25, 4


def numbers(shape: tuple[int, ...], dtype: str, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """Return numbers that every function takes: small and positive, bytes and truths included."""
    kind = np.dtype(dtype).kind
    if kind == "b":
        return rng.random(shape) > 0.5
    if kind in "iu":
        return rng.integers(1, 100, shape).astype(dtype)
    real = rng.uniform(0.5, 2.0, shape)
    return (real + 1j * rng.uniform(0.5, 2.0, shape) if kind == "c" else real).astype(dtype)


def laid(a: np.ndarray[Any, Any], layout: str) -> np.ndarray[Any, Any]:
    """Return the matrix ``a`` with its elements in another layout."""
    if layout == "turned":
        return np.ascontiguousarray(a.T).T
    if layout == "every2nd":
        return np.repeat(a, 2, axis=1)[:, ::2]
    return np.ascontiguousarray(a[:, ::-1])[:, ::-1] if layout == "backward" else a


def arguments(dtype: str, n: int, layout: str) -> dict[str, Any]:
    """Return the arrays that lines speak of, by name."""
    rng = np.random.default_rng(1)
    found: dict[str, Any] = {name: laid(numbers((n, n), dtype, rng), layout) for name in "xy"}
    found["v"], found["w"] = np.sort(numbers((n,), dtype, rng)), numbers((n, 1), dtype, rng)
    found["a"] = numbers((), dtype, rng)
    found["b"] = laid(rng.random((n, n)) > 0.5, layout)
    found["i"], found["j"], found["r"] = (rng.integers(0, n, n) for _ in "ijr")
    found["k"] = rng.integers(0, n * n, (n, n))
    return found


def _added(x: Any, where: Any, y: Any) -> Any:
    new = x.copy()
    np.add.at(new, where, y)
    return new


def _put(x: Any, where: Any, y: Any) -> Any:
    new = x.copy()
    new[where] = y
    return new


def _plus(x: Any, where: Any, y: Any) -> Any:
    new = x.copy()
    new[where] += y
    return new


def _used(line: str) -> list[str]:
    return [name for name in "xyvwabijkr" if re.search(rf"(?<![\w.'])\b{name}\b(?!['\w])", line)]


def compiled(case: Case, dtype: str, n: int) -> tuple[Any, list[str]]:
    """Return the compiled function of a line, and the names of its arguments."""
    import symstack as ss
    from symstack import tensor as T

    kinds: dict[str, tuple[str, tuple[bool, ...]]] = {}
    kinds |= dict.fromkeys("xy", (dtype, (False, False))) | dict.fromkeys("ijr", ("int64", (False,)))
    kinds |= {"v": (dtype, (False,)), "w": (dtype, (False, True)), "a": (dtype, ())}
    kinds |= {"b": ("bool", (False, False)), "k": ("int64", (False, False))}
    variables = {name: T.tensor(kind, bcast, name=name) for name, (kind, bcast) in kinds.items()}
    scope = variables | {"T": T, "n": n}
    if case.family == "draws":
        from symcore.random import MRG_RandomStreams

        scope |= {"rs": ss.RandomStreams(1), "mrg": MRG_RandomStreams(1)}
    result = eval(case.ours, scope)
    used = _used(case.ours)
    return ss.function([variables[name] for name in used], result, on_unused_input="ignore"), used


def counterpart(case: Case, given: dict[str, Any], n: int) -> Call:
    """Return the call of NumPy."""
    from scipy import special

    scope = {"np": np, "special": special, "n": n, "g": np.random.default_rng(1)}
    scope |= {"added": _added, "put": _put, "plus": _plus}
    used = [name for name in given if re.search(rf"\b{name}\b", case.numpy)]
    line = eval(f"lambda {', '.join(used)}: {case.numpy}", scope)
    taken = [given[name] for name in used]
    return lambda: line(*taken)


def _block(call: Call, count: int) -> float:
    start = time.perf_counter()
    for _ in repeat(None, count):
        call()
    return (time.perf_counter() - start) / count


def by_turns(ours: Call, theirs: Call) -> tuple[float, float]:
    """Return the least seconds a call of each of them."""
    ours(), theirs()
    once = [max(_block(call, 1), 1e-7) for call in (ours, theirs)]
    counts = [max(1, int(BLOCK_S / s)) for s in once]
    spent = sum(max(s * c, BLOCK_S) for s, c in zip(once, counts, strict=True))
    for _ in range(max(FEWEST_ROUNDS, min(MOST_ROUNDS, int(LIMIT_S / spent)))):
        for place, call in enumerate((ours, theirs)):
            once[place] = min(once[place], _block(call, counts[place]))
    return once[0], once[1]


def _agree(case: Case, got: Any, wanted: Any) -> str:
    """Return a word on results that differ in dtype, or that are not equal within rounding."""
    if case.family == "draws":
        return ""
    got, wanted = np.asarray(got), np.asarray(wanted)
    if got.shape != wanted.shape:
        return f"shapes {got.shape} {wanted.shape}"
    loose = 3e-2 if "float16" in (got.dtype, wanted.dtype) else 1e-3
    same = np.allclose(got.astype(complex), wanted.astype(complex), rtol=loose, atol=loose, equal_nan=True)
    word = "" if got.dtype == wanted.dtype else f"{got.dtype} for {wanted.dtype}"
    return word if same else word + " DIFFERENT"


def rows(case: Case, dtype: str, sizes: list[int], layouts: list[str]) -> Iterator[tuple[str, float, float, str]]:
    """Measure one case: its size and layout, seconds of ours and of NumPy, and a remark."""
    for size in sizes:
        n = SIDES[size]
        if size > case.largest:
            continue
        f, used = compiled(case, dtype, n)
        for layout in layouts:
            if layout != "plain" and (not case.layouts or size == 100):
                continue
            given = arguments(dtype, n, layout)
            theirs, taken = counterpart(case, given, n), [given[name] for name in used]
            remark = _agree(case, f(*taken), theirs())
            ours, numpy = by_turns(partial(f, *taken), theirs)
            yield f"{size:>7} {layout:8}", ours, numpy, remark


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.breadth", description=__doc__.split("\n")[0])
    parser.add_argument("-w", "--workload", default="", metavar="REGEX", help="only rows that match")
    parser.add_argument("-s", "--sizes", default="100,10000,1000000", help="of 100, 10000, 1000000")
    parser.add_argument("-l", "--layouts", default="plain", help="of " + ", ".join(LAYOUTS) + "; all")
    parser.add_argument("--below", type=float, default=0.9, help="print rows with a smaller ratio (default 0.9)")
    parser.add_argument("--all", action="store_true", help="print all rows")
    return parser


def main() -> int:
    """Print the rows; return the number of lines whose functions could not be made or do not agree."""
    given = _parser().parse_args()
    pin(1)
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    layouts = list(LAYOUTS) if given.layouts == "all" else given.layouts.split(",")
    sizes = [int(s) for s in given.sizes.split(",")]
    measured = slower = failed = 0
    for case in CASES:
        for dtype in case.dtypes:
            name = f"{case.family} {case.ours} {dtype}"
            if not re.search(given.workload, name):
                continue
            try:
                for where, ours, numpy, remark in rows(case, dtype, sizes, layouts):
                    measured, below = measured + 1, numpy / ours < given.below
                    slower, failed = slower + below, failed + ("DIFFERENT" in remark or "shapes" in remark)
                    if below or given.all or "DIFFERENT" in remark or "shapes" in remark:
                        print(f"{name:66} {where} {ours * 1e6:10.2f} {numpy * 1e6:10.2f} {numpy / ours:7.2f} {remark}",
                              flush=True)  # fmt: skip
            except Exception as error:  # a row that cannot be made must not end the sweep
                failed += 1
                print(f"{name:66} FAILED {type(error).__name__}: {str(error).splitlines()[0][:100]}", flush=True)
    print(f"{measured} rows, {slower} below {given.below}, {failed} that failed or differ")
    return failed


def _alone() -> None:
    """Begin anew with one thread for every library, which they read when they are imported."""
    flags = ",".join(filter(None, (os.environ.get("SYMSTACK_FLAGS"), "threads=1")))
    wanted = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "SYMSTACK_FLAGS": flags}
    if os.environ.get("OPENBLAS_NUM_THREADS") != "1":
        os.execve(sys.executable, [sys.executable, "-m", "benchmarks.breadth", *sys.argv[1:]], {**os.environ, **wanted})


if __name__ == "__main__":
    _alone()
    sys.exit(min(main(), 1))
