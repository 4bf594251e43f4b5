"""Random step functions, and the same loops written out step by step.

``python -m random_steps 300 0`` (from this folder) compares 300 of them, from seed 0, as they are compiled by default:
values, last values of shared variables, gradients, tangents and second derivatives. A third argument is the mode;
``less_memory`` makes all steps of gradients twice, ``unwritten`` is no rule at all. With a fourth one, ``wide``, loops
may also have truncated gradients, random draws, states that are matrices or truth values, and choices in their steps.
"""

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

from symcore import shared
from symcore import tensor as T
from symcore.config import config
from symcore.gradient import Rop, disconnected_grad, grad
from symcore.ifelse import ifelse
from symcore.random import RandomStreams
from symopt import Mode, RuleSet, function
from symscan import scan, until

UNARY = [T.tanh, T.sin, T.sigmoid, lambda v: -v, lambda v: v * 0.5, lambda v: v.sum() * 0.1 + v, T.sqr]
BINARY = [T.add, T.sub, lambda a, b: T.tanh(a) * b, T.maximum, lambda a, b: T.switch(T.gt(a, 0), a, b)]
WIDTH = 3


@dataclass
class Extras:
    """What a loop may have besides: a state that counts, a condition on it, a shared variable, a loop in its steps; a
    state that is a matrix, one that is a truth value, a choice, draws, a gradient that is cut."""

    counts: bool = False
    stop: int | None = None
    shared: bool = False
    nested: bool = False
    dtype: str = "float64"
    matrix: bool = False
    flag: bool = False
    choice: bool = False
    draws: bool = False
    truncate: int = -1

    def first(self) -> list[Any]:
        """Return the initial values of the states that these are."""
        found: list[Any] = [np.int64(0)] if self.counts else []
        found += [np.eye(WIDTH, dtype=self.dtype)] if self.matrix else []
        return found + ([np.bool_(False)] if self.flag else [])


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

        stream = RandomStreams(self.seed)

        def fn(*given: Any) -> Any:
            at, end = sum(counts[: len(self.sequences)]), sum(counts)
            noise = stream.normal(size=(WIDTH,)).astype(extras.dtype) if extras.draws else None
            more = More(extras, given[end:], memory, noise, weights)
            made = self.step(list(given[:at]), list(given[at:end]), weights, more)
            rows = [*made[: len(self.states)], *more.states, *made[len(self.states) :]]
            parts: list[Any] = [[*rows, *([noise] if extras.draws else [])]]
            parts += [{memory: more.memory}] if extras.shared else []
            return (*parts, until(T.ge(more.states[0], extras.stop))) if extras.stop else tuple(parts)

        infos: list[Any] = [
            {"initial": f, "taps": taps} if taps != [-1] else f[0] for f, taps in zip(firsts, self.states, strict=True)
        ]
        infos += extras.first()
        rows, updates = scan(
            fn, [{"input": x, "taps": t} for x, t in zip(xs, self.sequences, strict=True)],
            [*infos, *[None] * (self.n_plain + extras.draws)] or None, None, n, extras.truncate, self.backwards,
            return_list=True,
        )  # fmt: skip
        return [*rows, *([updates[memory]] if extras.shared else [])]

    def unrolled(
        self, xs: list[Any], firsts: list[Any], weights: list[Any], memory: Any, n: int, lengths: list[int], noise: Any
    ) -> list[Any]:
        """Return the same, every step of its own. Gradients do not go to steps before the last ``truncate``."""
        extras = self.extras
        n = min(n, extras.stop or n)
        cut = n - extras.truncate if extras.truncate >= 0 else 0
        known = disconnected_grad if cut > 0 else _same
        traces: list[list[Any]] = [
            [known(f[k]) for k in range(-min(taps))] for f, taps in zip(firsts, self.states, strict=True)
        ]
        traces += [[T.constant(v)] for v in extras.first()]
        plain: list[list[Any]] = [[] for _ in range(self.n_plain)]
        memory = known(memory)
        for i in range(n):
            slices = []
            for x, taps, length in zip(xs, self.sequences, lengths, strict=True):
                past, future = min(0, *taps), max(0, *taps)
                t = length - 1 - future - i if self.backwards else i - past
                slices += [x[t + tap] for tap in taps]
            earlier = [tr[tap] for tr, taps in zip(traces, self.states, strict=False) for tap in taps]
            own = [tr[-1] for tr in traces[len(self.states) :]]
            more = More(extras, own, memory, noise and noise[i], weights, written_out=True)
            made = self.step(slices, earlier, weights, more)
            made = [*made[: len(self.states)], *more.states, *made[len(self.states) :]]
            known = disconnected_grad if i < cut else _same
            memory = known(more.memory)
            for target, v in zip(traces + plain, made, strict=True):
                target.append(known(v) if v.dtype.startswith("float") else v)
        kept = [tr[-min(taps) :] for tr, taps in zip(traces, self.states, strict=False)]
        kept += [tr[1:] for tr in traces[len(self.states) :]]
        rows = [T.stack(r) for r in kept + plain] + ([noise] if extras.draws else [])
        return [*rows, *([memory] if extras.shared else [])]


def _same(v: Any) -> Any:
    return v


class More:
    """The values that the extras of a loop give a step, and what becomes of its shared variable and extra states."""

    def __init__(self, extras: Extras, states: Any, memory: Any, noise: Any, weights: Any, written_out: bool = False):
        self.extras, self.memory, self.noise, self.written_out = extras, memory, noise, written_out
        states = iter(states)
        self.count = next(states) if extras.counts else None
        self.matrix = next(states) if extras.matrix else None
        self.flag = next(states) if extras.flag else None
        self.weights = weights

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
        if self.extras.matrix:
            found.append(T.dot(self.matrix, v))
        if self.extras.flag:
            found.append(T.switch(self.flag, T.sin(v), v * 0.5))
        if self.extras.choice:
            found.append(ifelse(T.gt(v.sum(), 0), T.tanh(T.dot(v, self.weights[0])), v * 0.25))
        if self.extras.draws:
            found.append(T.tanh(v) * self.noise)
        return found

    def after(self, made: Any) -> None:
        """Take the next step of what changes: the extra states are then in ``states``."""
        if self.extras.shared:
            self.memory = T.tanh(self.memory + 0.5 * made)
        self.states = [self.count + 1] if self.extras.counts else []
        if self.extras.matrix:
            self.states.append(0.5 * T.dot(self.matrix, self.weights[0]) + 0.1 * T.outer(made, T.tanh(made)))
        if self.extras.flag:
            self.states.append(T.or_(self.flag, T.gt(made.sum(), 0.5)))


def draw(seed: int, wide: bool = False) -> Loop:
    """Return loop number ``seed``; ``wide``: with extras that it does not have otherwise."""
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
    if wide:
        extras.matrix, extras.flag, extras.choice, extras.draws = (bool(rng.random() < 0.35) for _ in range(4))
        extras.truncate = int(rng.integers(0, 4)) if rng.random() < 0.3 else -1
    return Loop(sequences, states, n_plain, backwards, seed, extras)


def compare(seed: int, mode: Any, wide: bool = False) -> None:
    """Check one loop, all that can be asked of it, against the same loop written out."""
    loop, rng = draw(seed, wide), np.random.default_rng(seed + 10_000)
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
    noise = T.TensorType(dtype, (None, None))() if loop.extras.draws else None
    unrolled = loop.unrolled(xs, firsts, weights, memory, n, lengths, noise)
    asked = inputs, wrt, directions, mode, loop.extras.truncate < 0
    results = [_all_of(scanned, *asked)(*values)]
    drawn = [results[0][len(scanned) - 1 - loop.extras.shared]] if loop.extras.draws else []
    results.append(_all_of(unrolled, *asked, noise)(*values, *drawn))
    tolerance = 2**14 * np.finfo(dtype).eps  # for some dozens of operations whose derivatives are of order 1
    for k, (a, b) in enumerate(zip(*results, strict=True)):
        scale = max(1.0, float(np.abs(b).max(initial=0)))
        assert a.dtype == b.dtype, f"loop {seed}: {loop}, result {k}: {a.dtype}, {b.dtype}"
        np.testing.assert_allclose(a, b, atol=tolerance * scale, rtol=0, err_msg=f"loop {seed}: {loop}, result {k}")


def _all_of(
    rows: list[Any],
    inputs: list[Any],
    wrt: list[Any],
    directions: list[Any],
    mode: Any,
    tangents: bool,
    noise: Any = None,
) -> Any:
    """Return a function from the inputs to rows, gradients, the tangent of their cost, and a product of the Hessian.

    ``tangents``: unless gradients are cut, for tangents are not.
    """
    floats = [r for r in rows if r.dtype.startswith("float")]
    cost = (floats[0] ** 2).sum()
    for r in floats[1:]:
        cost = cost + (r * T.cos(T.arange(r.size).astype(r.dtype)).reshape(r.shape)).sum()
    slopes = grad(cost, wrt, disconnected_inputs="ignore")
    along = [T.as_tensor_variable(d) for d in directions]
    tangent = [Rop(cost, inputs, along, disconnected_outputs="zero")] if tangents else []
    turned = sum(((s * d).sum() for s, d in zip(slopes, along, strict=False)), T.zeros((), floats[0].dtype))
    curved = grad(turned, wrt, disconnected_inputs="ignore")
    outputs = [*rows, *slopes, *tangent, *curved]
    given = [*inputs, *([] if noise is None else [noise])]
    if mode == "less_memory":  # one byte is less than any row has
        with config.override(loop_memory=1):
            return function(given, outputs, mode="FAST_RUN", on_unused_input="ignore")
    if mode == "unwritten":
        mode = Mode("unwritten", RuleSet(), "py")
    return function(given, outputs, mode=mode, on_unused_input="ignore")


if __name__ == "__main__":
    total, first = int(sys.argv[1]), int(sys.argv[2])
    wrong = []
    for seed in range(first, first + total):
        try:
            compare(seed, (sys.argv[3] or None) if len(sys.argv) > 3 else None, "wide" in sys.argv)
        except Exception as error:
            wrong.append(seed)
            print(f"{seed}: {type(error).__name__}: {str(error).strip()[:300]}", flush=True)
    print(f"{total - len(wrong)} of {total} loops agree with themselves written out; not: {wrong}")
    sys.exit(bool(wrong))
