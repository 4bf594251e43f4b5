"""Random step functions, and the same loops written out step by step.

``python -m random_steps 300 0`` (from this folder) compares 300 of them, from seed 0: values and gradients.
"""

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

from symcore import tensor as T
from symcore.gradient import grad
from symopt import function
from symscan import scan

UNARY = [T.tanh, T.sin, T.sigmoid, lambda v: -v, lambda v: v * 0.5, lambda v: v.sum() * 0.1 + v, T.sqr]
BINARY = [T.add, T.sub, lambda a, b: T.tanh(a) * b, T.maximum, lambda a, b: T.switch(T.gt(a, 0), a, b)]


@dataclass
class Loop:
    """A loop drawn at random: the taps of its sequences and states, and how a step combines what it reads."""

    sequences: list[list[int]]
    states: list[list[int]]
    n_plain: int
    backwards: bool
    seed: int

    def step(self, slices: list[Any], taps: list[Any], weights: list[Any]) -> list[Any]:
        """Return what a step makes; the same expressions every time it is called."""
        rng = np.random.default_rng(self.seed)
        pool = [*slices, *taps]
        pool = [T.dot(v, weights[0]) if rng.random() < 0.4 else v for v in pool] or [weights[1]]
        for _ in range(rng.integers(1, 6)):
            if rng.random() < 0.5:
                pool.append(UNARY[rng.integers(len(UNARY))](pool[rng.integers(len(pool))]))
            else:
                a, b = (pool[k] for k in rng.integers(len(pool), size=2))
                pool.append(BINARY[rng.integers(len(BINARY))](a, b))
        made = []
        for _ in range(len(self.states)):
            v = pool[-1 - rng.integers(min(3, len(pool)))]
            made.append(T.tanh(v + 0.3 * weights[1]) if rng.random() < 0.8 else v)
        for _ in range(self.n_plain):
            v = pool[rng.integers(len(pool))]
            made.append(T.dot(made[0] if made else v, weights[0]) if rng.random() < 0.5 else v * 2)
        return made

    def scanned(self, xs: list[Any], firsts: list[Any], weights: list[Any], n: Any = None) -> list[Any]:
        """Return the outputs of the loop."""
        counts = [*map(len, self.sequences), *map(len, self.states)]

        def fn(*given: Any) -> list[Any]:
            at = sum(counts[: len(self.sequences)])
            return self.step(list(given[:at]), list(given[at : sum(counts)]), list(given[sum(counts) :]))

        infos: list[Any] = [
            {"initial": f, "taps": taps} if taps != [-1] else f[0] for f, taps in zip(firsts, self.states, strict=True)
        ]
        rows, _ = scan(
            fn, [{"input": x, "taps": t} for x, t in zip(xs, self.sequences, strict=True)],
            [*infos, *[None] * self.n_plain] or None, weights, n, go_backwards=self.backwards, return_list=True,
        )  # fmt: skip
        return list(rows)

    def unrolled(self, xs: list[Any], firsts: list[Any], weights: list[Any], n: int, lengths: list[int]) -> list[Any]:
        """Return the outputs, every step of its own."""
        traces: list[list[Any]] = [
            [f[k] for k in range(-min(taps))] for f, taps in zip(firsts, self.states, strict=True)
        ]
        plain: list[list[Any]] = [[] for _ in range(self.n_plain)]
        for i in range(n):
            slices = []
            for x, taps, length in zip(xs, self.sequences, lengths, strict=True):
                past, future = min(0, *taps), max(0, *taps)
                t = length - 1 - future - i if self.backwards else i - past
                slices += [x[t + tap] for tap in taps]
            earlier = [tr[tap] for tr, taps in zip(traces, self.states, strict=True) for tap in taps]
            made = self.step(slices, earlier, weights)
            for target, v in zip(traces + plain, made, strict=True):
                target.append(v)
        kept = [tr[-min(taps) :] for tr, taps in zip(traces, self.states, strict=True)] + plain
        return [T.stack(rows) for rows in kept]


def draw(seed: int) -> Loop:
    """Return loop number ``seed``."""
    rng = np.random.default_rng(seed)

    def taps(choices: list[int], most: int) -> list[int]:
        count = rng.integers(1, most + 1)
        return [int(t) for t in rng.permutation(choices)[:count]]

    sequences = [taps([-2, -1, 0, 1], 2) if rng.random() < 0.5 else [0] for _ in range(rng.integers(0, 3))]
    states = [taps([-3, -2, -1], 2) if rng.random() < 0.5 else [-1] for _ in range(rng.integers(0, 3))]
    n_plain = int(rng.integers(0, 2)) if states else 1
    return Loop(sequences, states, n_plain, bool(rng.random() < 0.3), seed)


def compare(seed: int, mode: Any) -> None:
    """Check one loop, its outputs and gradients, against the same loop written out."""
    loop, rng = draw(seed), np.random.default_rng(seed + 10_000)
    n, width = int(rng.integers(1, 5)), 3
    lost = [max(0, *t) - min(0, *t) for t in loop.sequences]
    lengths = [n + k + int(rng.integers(0, 2)) * bool(loop.sequences) for k in lost]
    if loop.sequences:
        n = min(length - k for length, k in zip(lengths, lost, strict=True))
    X = [rng.normal(size=(length, width)) for length in lengths]
    F = [rng.normal(size=(-min(t), width)) for t in loop.states]
    W = [rng.normal(size=(width, width)) * 0.6, rng.normal(size=width)]
    xs, firsts, weights = [T.dmatrix() for _ in X], [T.dmatrix() for _ in F], [T.dmatrix(), T.dvector()]
    inputs = [*xs, *firsts, *weights]
    steps = None if loop.sequences else n
    results = []
    for rows in (loop.scanned(xs, firsts, weights, steps), loop.unrolled(xs, firsts, weights, n, lengths)):
        cost = sum(((r * np.cos(np.arange(1, n + 1))[:, None]).sum() for r in rows[1:]), (rows[0] ** 2).sum())
        slopes = grad(cost, inputs, disconnected_inputs="ignore")
        f = function(inputs, [*rows, *slopes], mode=mode, on_unused_input="ignore")
        results.append(f(*X, *F, *W))
    for k, (a, b) in enumerate(zip(*results, strict=True)):
        scale = max(1.0, float(np.abs(b).max(initial=0)))
        np.testing.assert_allclose(a, b, atol=1e-9 * scale, rtol=1e-7, err_msg=f"loop {seed}: {loop}, result {k}")


if __name__ == "__main__":
    total, first = int(sys.argv[1]), int(sys.argv[2])
    from symopt import Mode

    for seed in range(first, first + total):
        compare(seed, Mode("compared", linker="py"))
    print(f"{total} loops agree with themselves written out, values and gradients")
