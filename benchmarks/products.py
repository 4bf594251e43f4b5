"""Products of odd shapes and layouts beside NumPy's: ``python -m benchmarks.products [SECONDS PER CASE]``.

Rows and columns, outer products, sums of no terms, lengths around those where kernels give way to BLAS, transposed and
strided operands, in one process and one thread, taking turns; least times. It prints the worst ratios, so that a cliff
shows, then what products of few rows cost alone, in a chain of ten, and added to a matrix.
"""

from __future__ import annotations

import math
import operator
import os
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from benchmarks.contenders.blas import BLAS_VARIABLES

Array = np.ndarray[Any, Any]

LENGTHS = (15, 16, 17, 31, 33, 47, 64, 65, 96, 100, 127, 128, 129, 160, 255, 257, 384, 513)
SHAPES = (
    *((1, k, n) for k in (1, 7, 64, 513, 1000) for n in (1, 7, 64, 1000)),
    *((m, k, 1) for m in (7, 64, 1000) for k in (7, 64, 513)),
    *((m, 1, n) for m in (1, 7, 64, 1000) for n in (7, 64, 1000)),
    *((n, n, n) for n in LENGTHS),
    (20, 784, 500), (600, 784, 10), (784, 600, 10), (256, 500, 10), (1000, 3, 1000), (3, 1000, 3), (2, 2000, 2),
    (64, 4096, 64), (5, 0, 7), (300, 0, 300), (0, 8, 8),
)  # fmt: skip
LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "every other": lambda a: np.repeat(np.repeat(a, 2, 0), 2, 1)[::2, ::2],
}
ORDERS = (("C", "C"), ("F", "C"), ("C", "F"), ("F", "F"), ("every other", "C"), ("C", "every other"))
SMALL = (4, 8, 12, 16)
LEAST_TURNS = 6


def least(calls: tuple[Callable[[], object], ...], seconds: float) -> list[float]:
    """Return the least time of each call, in turns of blocks of some microseconds, for about ``seconds`` together."""
    found, end = [math.inf] * len(calls), time.perf_counter() + seconds
    counts, turns = [0] * len(calls), 0
    while time.perf_counter() < end or turns <= LEAST_TURNS:
        turns += 1
        for k, call in enumerate(calls):
            count = counts[k] or 1
            start = time.perf_counter()
            for _ in range(count):
                call()
            took = (time.perf_counter() - start) / count
            if counts[k]:
                found[k] = min(found[k], took)
            counts[k] = max(1, int(20e-6 / took))
    return found


def sweep(
    product: Callable[[Array, Array], Array],
    dtype: str,
    seconds: float,
    shapes: tuple[tuple[int, int, int], ...] = SHAPES,
) -> Iterator[tuple[float, str, float, float]]:
    """Yield NumPy's time / that of ``product``, the case, and both times. Raises AssertionError if they disagree."""
    rng = np.random.default_rng(5)
    for m, k, n in shapes:
        given = rng.standard_normal((m, k)).astype(dtype), rng.standard_normal((k, n)).astype(dtype)
        bound = 4 * (k + 1) * np.finfo(dtype).eps * (np.abs(given[0]) @ np.abs(given[1])).max(initial=1)
        for orders in ORDERS:
            a, b = (LAYOUTS[order](x) for order, x in zip(orders, given, strict=True))
            np.testing.assert_allclose(product(a, b), a @ b, rtol=0, atol=bound)
            ours, theirs = least((partial(product, a, b), partial(np.matmul, a, b)), seconds)
            yield theirs / ours, f"{m} x {k} ({orders[0]}) @ {k} x {n} ({orders[1]})", ours, theirs


def small(dtype: str, seconds: float) -> Iterator[tuple[int, list[float]]]:
    """Yield n and seconds of n x n products: ours, np.dot, A @ B, ours in a chain of ten; added to a matrix, NumPy."""
    import symstack as ss
    from symstack import tensor as T

    x, y, z = (T.matrix(dtype=dtype) for _ in range(3))
    chained: Any = x
    for _ in range(10):
        chained = T.dot(chained, y)
    one, ten = (ss.function([x, y], out) for out in (T.dot(x, y), chained))
    added = ss.function([x, y, z], z + T.dot(x, y))
    rng = np.random.default_rng(6)
    for n in SMALL:
        a, b, c = (rng.standard_normal((n, n)).astype(dtype) / n for _ in range(3))
        calls = (
            partial(one, a, b), partial(np.dot, a, b), partial(operator.matmul, a, b), partial(ten, a, b),
            partial(added, a, b, c), lambda c=c, a=a, b=b: c + a @ b,
        )  # fmt: skip
        times = least(calls, 20 * seconds)
        yield n, [*times[:3], times[3] / 10, *times[4:]]


def main(seconds: float) -> None:
    """Print the tables."""
    import symstack as ss
    from symstack import tensor as T

    for dtype in ("float32", "float64"):
        x, y = T.matrix(dtype=dtype), T.matrix(dtype=dtype)
        found = sorted(sweep(ss.function([x, y], T.dot(x, y)), dtype, seconds))
        ratios = [f[0] for f in found]
        mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
        slower = sum(r < 0.98 for r in ratios)
        print(f"{dtype}: {len(found)} products, NumPy / ours {mean:.2f} in the mean, {slower} below 0.98")
        for ratio, case, ours, theirs in found[:8]:
            print(f"  {ratio:.2f}  {case}: {ours * 1e6:.2f} us, NumPy {theirs * 1e6:.2f}")
        print("  ns of n x n: ours, np.dot, A @ B; ours in a chain of ten; C + A @ B: ours, NumPy")
        for n, times in small(dtype, seconds):
            print(f"  {n:4}  " + "  ".join(f"{t * 1e9:.0f}" for t in times))


if __name__ == "__main__":
    if any(os.environ.get(name) != "1" for name in BLAS_VARIABLES):  # read when NumPy loads its BLAS: begin again
        alone = os.environ | dict.fromkeys(BLAS_VARIABLES, "1")
        os.execve(sys.executable, [sys.executable, "-m", "benchmarks.products", *sys.argv[1:]], alone)
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 0.02)
