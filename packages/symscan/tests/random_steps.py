"""Random step functions, and the same loops written out step by step.

``python -m random_steps 300 0`` (from this folder) compares 300 of them, from seed 0, as they are compiled by default:
values, last values of shared variables, gradients, tangents and second derivatives. A third argument is the mode;
``less_memory`` makes all steps of gradients twice.
"""

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

from symcore import shared
from symcore import tensor as T
from symcore.config import config
from symcore.gradient import Rop, grad
from symopt import function
from symscan import scan, until

UNARY = [T.tanh, T.sin, T.sigmoid, lambda v: -v, lambda v: v * 0.5, lambda v: v.sum() * 0.1 + v, T.sqr]
BINARY = [T.add, T.sub, lambda a, b: T.tanh(a) * b, T.maximum, lambda a, b: T.switch(T.gt(a, 0), a, b)]
WIDTH = 3


@dataclass
class Extras:
    """What a loop may have besides: a state that counts, a condition on it, a shared variable, a loop in its steps."""

    counts: bool = False
    stop: int | None = None
    shared: bool = False
    nested: bool = False
    dtype: str = "float64"


@dataclass
class Loop:
    """A loop drawn at random: the taps of its sequences and states, and how a step combines what it reads."""

    sequences: list[list[int]]
    states: list[list[int]]
    n_plain: int
    backwards: bool
    seed: int
    extras: Extras

    def step(self, slices: list[Any], taps: list[Any], weights: list[Any], more: "More") -> list[Any]:
        """Return what a step makes; the same expressions every time it is called."""
        rng = np.random.default_rng(self.seed)
        pool = [*slices, *taps]
        pool = [T.dot(v, weights[0]) if rng.random() < 0.4 else v for v in pool] or [weights[1]]
        pool += more.values(pool[-1])
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
        more.after(made[-1])
        return made

    def scanned(self, xs: list[Any], firsts: list[Any], weights: list[Any], memory: Any, n: Any) -> list[Any]:
        """Return the outputs of the loop, then the last value of the shared variable."""
        counts = [*map(len, self.sequences), *map(len, self.states)]
        extras = self.extras

        def fn(*given: Any) -> Any:
            at, end = sum(counts[: len(self.sequences)]), sum(counts)
            more = More(extras, given[end] if extras.counts else None, memory)
            made = self.step(list(given[:at]), list(given[at:end]), weights, more)
            count = [given[end] + 1] if extras.counts else []
            parts: list[Any] = [[*made[: len(self.states)], *count, *made[len(self.states) :]]]
            parts += [{memory: more.memory}] if extras.shared else []
            return (*parts, until(T.ge(count[0], extras.stop))) if extras.stop else tuple(parts)

        infos: list[Any] = [
            {"initial": f, "taps": taps} if taps != [-1] else f[0] for f, taps in zip(firsts, self.states, strict=True)
        ]
        infos += [np.int64(0)] if extras.counts else []
        rows, updates = scan(
            fn, [{"input": x, "taps": t} for x, t in zip(xs, self.sequences, strict=True)],
            [*infos, *[None] * self.n_plain] or None, None, n, go_backwards=self.backwards, return_list=True,
        )  # fmt: skip
        return [*rows, *updates.values()]

    def unrolled(
        self, xs: list[Any], firsts: list[Any], weights: list[Any], memory: Any, n: int, lengths: list[int]
    ) -> list[Any]:
        """Return the same, every step of its own."""
        traces: list[list[Any]] = [
            [f[k] for k in range(-min(taps))] for f, taps in zip(firsts, self.states, strict=True)
        ]
        plain: list[list[Any]] = [[] for _ in range(self.n_plain)]
        n = min(n, self.extras.stop or n)
        for i in range(n):
            slices = []
            for x, taps, length in zip(xs, self.sequences, lengths, strict=True):
                past, future = min(0, *taps), max(0, *taps)
                t = length - 1 - future - i if self.backwards else i - past
                slices += [x[t + tap] for tap in taps]
            earlier = [tr[tap] for tr, taps in zip(traces, self.states, strict=True) for tap in taps]
            more = More(self.extras, T.constant(np.int64(i)), memory, written_out=True)
            made = self.step(slices, earlier, weights, more)
            memory = more.memory
            for target, v in zip(traces + plain, made, strict=True):
                target.append(v)
        kept = [tr[-min(taps) :] for tr, taps in zip(traces, self.states, strict=True)]
        rows = [T.stack(r) for r in kept] + ([T.arange(1, n + 1)] if self.extras.counts else [])
        return [*rows, *(T.stack(r) for r in plain), *([memory] if self.extras.shared else [])]


class More:
    """The values that the extras of a loop give a step, and what becomes of its shared variable."""

    def __init__(self, extras: Extras, count: Any, memory: Any, written_out: bool = False):
        self.extras, self.count, self.memory, self.written_out = extras, count, memory, written_out

    def values(self, v: Any) -> list[Any]:
        found = []
        if self.extras.counts:
            found.append(v * T.cos(self.count.astype(self.extras.dtype)))
        if self.extras.shared:
            found.append(T.sin(v) * self.memory)
        if self.extras.nested:
            start = T.zeros((), self.extras.dtype)
            if not self.written_out:
                found.append(scan(lambda a, s: 0.5 * s + T.tanh(a), v, start)[0])
            else:
                sums = [start]
                for k in range(WIDTH):
                    sums.append(0.5 * sums[-1] + T.tanh(v[k]))
                found.append(T.stack(sums[1:]))
        return found

    def after(self, made: Any) -> None:
        if self.extras.shared:
            self.memory = T.tanh(self.memory + 0.5 * made)


def draw(seed: int) -> Loop:
    """Return loop number ``seed``."""
    rng = np.random.default_rng(seed)

    def taps(choices: list[int], most: int) -> list[int]:
        count = rng.integers(1, most + 1)
        return [int(t) for t in rng.permutation(choices)[:count]]

    sequences = [taps([-2, -1, 0, 1], 2) if rng.random() < 0.5 else [0] for _ in range(rng.integers(0, 3))]
    states = [taps([-3, -2, -1], 2) if rng.random() < 0.5 else [-1] for _ in range(rng.integers(0, 3))]
    n_plain = int(rng.integers(0, 2)) if states else 1
    backwards = bool(rng.random() < 0.3)
    extras = Extras(counts=bool(rng.random() < 0.4), shared=bool(rng.random() < 0.25), nested=bool(rng.random() < 0.25),
                    dtype="float32" if rng.random() < 0.25 else "float64")  # fmt: skip
    if extras.counts and rng.random() < 0.4:
        extras.stop = int(rng.integers(1, 4))
    return Loop(sequences, states, n_plain, backwards, seed, extras)


def compare(seed: int, mode: Any) -> None:
    """Check one loop, all that can be asked of it, against the same loop written out."""
    loop, rng = draw(seed), np.random.default_rng(seed + 10_000)
    n, dtype = int(rng.integers(1, 5)), loop.extras.dtype
    n += 3 * (mode == "less_memory")  # more than one block
    lost = [max(0, *t) - min(0, *t) for t in loop.sequences]
    lengths = [n + k + int(rng.integers(0, 2)) * bool(loop.sequences) for k in lost]
    if loop.sequences:
        n = min(length - k for length, k in zip(lengths, lost, strict=True))
    shapes = [*((length, WIDTH) for length in lengths), *((-min(t), WIDTH) for t in loop.states)]
    values = [rng.normal(size=s) for s in shapes] + [rng.normal(size=(WIDTH, WIDTH)) * 0.6, rng.normal(size=WIDTH)]
    directions = [rng.normal(size=v.shape).astype(dtype) for v in values]
    values = [v.astype(dtype) for v in values]
    inputs = [T.TensorType(dtype, (None,) * v.ndim)() for v in values]
    xs, firsts, weights = inputs[: len(lengths)], inputs[len(lengths) : -2], inputs[-2:]
    memory = shared(rng.normal(size=WIDTH).astype(dtype))
    wrt = [*inputs, memory] if loop.extras.shared else inputs
    scanned = loop.scanned(xs, firsts, weights, memory, None if loop.sequences else n)
    unrolled = loop.unrolled(xs, firsts, weights, memory, n, lengths)
    results = [_all_of(rows, inputs, wrt, directions, mode)(*values) for rows in (scanned, unrolled)]
    tolerance = 2**14 * np.finfo(dtype).eps  # for some dozens of operations whose derivatives are of order 1
    for k, (a, b) in enumerate(zip(*results, strict=True)):
        scale = max(1.0, float(np.abs(b).max(initial=0)))
        assert a.dtype == b.dtype, f"loop {seed}: {loop}, result {k}: {a.dtype}, {b.dtype}"
        np.testing.assert_allclose(a, b, atol=tolerance * scale, rtol=0, err_msg=f"loop {seed}: {loop}, result {k}")


def _all_of(rows: list[Any], inputs: list[Any], wrt: list[Any], directions: list[Any], mode: Any) -> Any:
    """Return a function from the inputs to rows, gradients, the tangent of their cost, and a product of the Hessian."""
    floats = [r for r in rows if r.dtype.startswith("float")]
    cost = (floats[0] ** 2).sum()
    for r in floats[1:]:
        cost = cost + (r * T.cos(T.arange(r.size).astype(r.dtype)).reshape(r.shape)).sum()
    slopes = grad(cost, wrt, disconnected_inputs="ignore")
    along = [T.as_tensor_variable(d) for d in directions]
    tangent = Rop(cost, inputs, along, disconnected_outputs="zero")
    turned = sum(((s * d).sum() for s, d in zip(slopes, along, strict=False)), T.zeros((), rows[0].dtype))
    curved = grad(turned, wrt, disconnected_inputs="ignore")
    outputs = [*rows, *slopes, tangent, *curved]
    if mode == "less_memory":  # one byte is less than any row has
        with config.override(loop_memory=1):
            return function(inputs, outputs, mode="FAST_RUN", on_unused_input="ignore")
    return function(inputs, outputs, mode=mode, on_unused_input="ignore")


if __name__ == "__main__":
    total, first = int(sys.argv[1]), int(sys.argv[2])
    wrong = []
    for seed in range(first, first + total):
        try:
            compare(seed, sys.argv[3] if len(sys.argv) > 3 else None)
        except Exception as error:
            wrong.append(seed)
            print(f"{seed}: {type(error).__name__}: {str(error).strip()[:300]}", flush=True)
    print(f"{total - len(wrong)} of {total} loops agree with themselves written out; not: {wrong}")
    sys.exit(bool(wrong))
