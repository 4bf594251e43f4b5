"""What a call costs beside its work: ``python -m benchmarks.overhead``.

The least of many repetitions, in one process. *ifelse* is a choice between the input and a loop of 30
million steps, which is not taken; the 100-node chain is additions and products of one element each, not fused, less the
time of a chain of two.
"""

from __future__ import annotations

import sys
import time
import timeit
from collections.abc import Callable
from typing import Any

import numpy as np

TURNS, REPEATS = 200, 2000


def least(call: Callable[[], object]) -> float:
    """Return the least time of a call, in microseconds."""
    return min(timeit.repeat(call, number=TURNS, repeat=REPEATS)) / TURNS * 1e6


def chain(length: int) -> Callable[[], object]:
    """Return a call of so many unfused nodes of one element."""
    import symstack as ss
    from symstack import tensor as T

    y = T.dvector("y")
    z: Any = y
    for k in range(length):
        z = z + 1.5 if k % 2 else z * 0.5
    with ss.config.override(excluding="fuse:canonicalize:specialize"):
        f = ss.function([y], z)
    if len(f.plan.order) != length:
        raise AssertionError(f"the chain has {len(f.plan.order)} nodes, not {length}.")
    value = np.ones(1)
    return lambda: f(value)


def main() -> int:
    """Print the table; 1 if a figure is above its bound."""
    import symstack as ss
    from symstack import tensor as T

    x, c, v = T.dscalar("x"), T.lscalar("c"), T.dvector("v")
    add = ss.function([v], v + 1)
    states = [ss.shared(np.zeros(10)) for _ in range(10)]
    update = ss.function([], [], updates=[(w, w + 1) for w in states])
    long, _ = ss.scan(lambda s: T.cos(s) + T.exp(-s * s), outputs_info=[x], n_steps=30_000_000)
    lazy = ss.function([x, c], ss.ifelse(c > 0, long[-1], x))
    one = np.ones(1)
    start = time.perf_counter()
    lazy(0.1, 1)
    taken = time.perf_counter() - start
    short, hundred = chain(2), chain(102)
    rows = [
        ("x + 1, one element", least(lambda: add(one)), 0.2),
        ("10 shared variables updated", least(update), 0.5),
        (f"ifelse, the branch not taken costs {taken:.1f} s", least(lambda: lazy(0.1, 0)), 1.0),
        ("a node of a chain of 100", (least(hundred) - least(short)) / 100, 0.01),
    ]
    for name, figure, bound in rows:
        print(f"{name:44} {figure:8.4f} us   at most {bound} us{'' if figure <= bound else '  too much'}")
    return int(any(figure > bound for _, figure, bound in rows))


if __name__ == "__main__":
    sys.exit(main())
