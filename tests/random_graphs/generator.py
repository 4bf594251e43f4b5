"""Random programs: inputs, steps, outputs and updates, each chosen by ``draw(low, high)``."""

import random
from collections.abc import Callable, Sequence

import numpy as np
from hypothesis import strategies as st

from random_graphs.graph import RandomGraph
from random_graphs.steps import STEPS
from random_graphs.values import LAYOUTS, STYLES, laid_out, numbers

_LENGTHS = (2, 3, 1, 0, 5, 4, 33, 131)
_DTYPES = ("float64", "float64", "float64", "float32", "int64", "bool", "int8", "int32", "uint8", "int16")


def random_graph(draw: Callable[[int, int], int], max_steps: int = 12) -> RandomGraph:
    """Return a program made of the choices ``draw(low, high)``."""
    g = RandomGraph(draw)
    lengths = [g.choose(_LENGTHS) for _ in range(3)]
    style = STYLES[draw(0, 9) % 6 % 5]  # "special" once in ten
    for k in range(draw(1, 4)):
        _add_input(g, k, lengths, style)
    for k in range(draw(0, 2)):
        _add_shared(g, k, lengths, style)
    g.add_input("k", "T.lscalar('k')", np.array(draw(0, 3) - 1), "index")
    wanted = draw(1, max_steps)
    for _ in range(4 * max_steps):
        if sum(e.role == "made" for e in g.pool) >= wanted:
            break
        text = g.choose(STEPS)(g)
        if text is not None:
            g.add(text)
    _finish(g)
    return g


def _shape(g: RandomGraph, lengths: list[int]) -> tuple[tuple[int, ...], tuple[int | None, ...]]:
    shape, static = [], []
    for _ in range(g.choose((1, 2, 0, 2, 3))):
        n = g.choose(lengths)
        if n * int(np.prod(shape, dtype=int)) > 3000:
            n = 2
        way = g.draw(0, 5)
        if way == 4:  # an axis that broadcasts
            n = 1
        shape.append(n)
        static.append(1 if way == 4 else n if way == 5 else None)
    return tuple(shape), tuple(static)


def _add_input(g: RandomGraph, k: int, lengths: list[int], style: str) -> None:
    shape, static = _shape(g, lengths)
    dtype = g.choose(_DTYPES)
    layout = g.choose(tuple(LAYOUTS)) if g.flip() else "C"
    value = laid_out(numbers(g.draw(0, 99), dtype, shape, style), layout)
    g.add_input(f"x{k}", f"T.TensorType('{dtype}', {static})('x{k}')", value, "input")


def _add_shared(g: RandomGraph, k: int, lengths: list[int], style: str) -> None:
    shape, _ = _shape(g, lengths)
    dtype = g.choose(("float64", "float32", "int64"))
    value = numbers(g.draw(0, 99), dtype, shape, style)
    g.add_input(f"s{k}", f"ss.shared(s{k}_value, name='s{k}')", value, "shared")


def _finish(g: RandomGraph) -> None:
    """Choose outputs (lines that no other uses; others, leaves, or the same one twice at times) and updates."""
    ends = g.ends or [g.pool[0]]
    g.outputs = ends[: g.draw(1, 4)]
    for _ in range(g.draw(0, 5) // 3):
        g.outputs.append(g.choose([e for e in reversed(g.pool) if e.role != "index"]))
    for s in g.shared:
        way = g.draw(0, 5)
        fitting = [e for e in g.pool if e.shape == s.shape and e.dtype == s.dtype and e is not s]
        if way == 5:
            g.updates.append((s, s))
        elif way >= 3 and fitting:
            g.updates.append((s, g.choose(fitting[::-1])))
        elif way:
            new = g.add(f"({s.name} * 2 + {g.choose(('1', s.name))}).astype('{s.dtype}')")
            if new is not None:
                g.updates.append((s, new))
    _add_failing(g)


def _add_failing(g: RandomGraph) -> None:
    """Let the last output be an element chosen by the last input, if there is a vector to choose from."""
    long = [e for e in reversed(g.pool) if e.ndim == 1 and e.shape[0]]
    if g.updates and long and g.flip(3):
        at = g.add_input("at", "T.lscalar('at')", np.array(0), "index")
        part = g.add(f"{g.choose(long).name}[{at.name}]")
        if part is not None:
            g.outputs.append(part)
            g.failing = True
        else:
            g.outputs.append(at)


class Choices:
    """``draw`` for a program, from a source of chance, that remembers what it gave; or the same choices once more."""

    def __init__(self, source: random.Random | None = None, given: Sequence[int] = ()):
        self.source = source
        self.given = list(given)
        self.made: list[int] = []

    @classmethod
    def of(cls, seed: int) -> "Choices":
        """Return the choices of one of endlessly many programs."""
        return cls(random.Random(seed))

    def __call__(self, low: int, high: int) -> int:
        if len(self.made) < len(self.given):
            offset = min(self.given[len(self.made)], high - low)
        else:
            offset = self.source.randint(0, high - low) if self.source is not None else 0
        self.made.append(offset)
        return low + offset


def smaller(made: Sequence[int], fails: Callable[[Sequence[int]], bool], tries: int = 300) -> Sequence[int]:
    """Return simpler choices for which ``fails`` still holds: pieces left out, numbers made small."""
    best = list(made)
    for size in (16, 8, 4, 2, 1):
        at = 0
        while at < len(best) and tries > 0:
            shorter = best[:at] + best[at + size :]
            zeroed = best[:at] + [0] * len(best[at : at + size]) + best[at + size :]
            for candidate in (shorter, zeroed):
                tries -= 1
                if candidate != best and fails(candidate):
                    best = candidate
                    break
            else:
                at += size
    return best


@st.composite
def graphs(draw: st.DrawFn, max_steps: int = 12) -> RandomGraph:
    """Hypothesis' strategy of random programs."""
    return random_graph(lambda low, high: draw(st.integers(low, high)), max_steps)
