"""The reference interpreter, and how far rounding alone may carry each of its results.

How well a result is conditioned is found by stochastic arithmetic (J. Vignes, "A stochastic arithmetic for reliable
scientific computation", Math. Comput. Simul. 35, 1993): the graph is run again as written, with every rounded number
moved by a few units in the last place. What moves with them may differ as much between ways of computing; truth values,
integers and patterns of NaN that flip are not determined by the expression in floating point, and are not compared.

Numbers that come out on a coarse grid from sums and products of numbers on it are exact and not moved. Two things that
moving numbers cannot show are provoked: a comparison of what differs by no more than it moves (a variance of rounding
errors is positive however they fall, and zero where they cancel) comes out either way, and so does the sign of a zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symcore.graph.shared import SharedVariable
from symcore.graph.traverse import toposort
from symcore.graph.variable import Constant
from symcore.interpreter import run_node

Array = np.ndarray[Any, Any]

#: How far a rounded number is moved, in units in the last place of its dtype.
ULPS = 4.0
#: How often the graph is run with moved numbers; and how often before a difference counts: few runs may all fall to one
#: side of a comparison.
RUNS, MANY_RUNS = 4, 60
#: A result may differ by this many times the largest movement seen, plus this many units in the last place.
FACTOR, SLACK = 24.0, 16.0

_EXACT = frozenset({"identity", "neg", "abs", "sgn", "maximum", "minimum", "clip", "switch", "second",
                    "floor", "ceil", "trunc", "round_half_to_even", "round_half_away_from_zero", "real",
                    "conj"})  # fmt: skip
_GRID = frozenset({"add", "sub", "mul", "sqr"})
_CANCELS = frozenset({"add", "sub"})
_ROUNDING_OPS = frozenset({"Reduce", "Dot", "BatchedDot", "IncSubtensor", "AdvancedIncSubtensor",
                           "Softmax", "SoftmaxGrad", "LogSoftmax", "LogSoftmaxGrad",
                           "CrossentropyCategorical1Hot", "CrossentropyCategorical1HotGrad",
                           "CrossentropySoftmax1hot", "CrossentropySoftmax1hotGrad"})  # fmt: skip

_SUMS = frozenset({"Reduce", "Dot", "BatchedDot", "IncSubtensor", "AdvancedIncSubtensor"})
_COMPARING = frozenset({"lt", "le", "gt", "ge", "eq", "neq"})
#: Products, as sums of products of elements. BLAS leaves out the terms of a zero, and with them the NaN of 0 * inf.
_PRODUCTS = {
    "Dot": {(1, 1): "i,i", (1, 2): "i,ij->j", (2, 1): "ij,j->i", (2, 2): "ij,jk->ik"},
    "BatchedDot": {(n, n): "...ij,...jk->...ik" for n in (3, 4)},
}
#: Ops that take the logarithm of a number near 1: good to units in the last place of 1, not of their result.
_NEAR_ONE = frozenset({"LogSoftmax", "CrossentropySoftmax1hot"})


@dataclass
class Reference:
    """What a result is, what it may differ by, and which of its elements are determined at all.

    ``tame``: every number on the way to any result was finite, and none denormal or a negative zero. ``fragile``:
    rounding decides whether there are results at all: an error comes of it, such as that of two shapes of which one is
    chosen by ``ifelse``; then nothing is determined.
    """

    values: list[Array]
    bounds: list[Array | None]
    determined: list[Array]
    tame: bool
    fragile: bool = False

    def share(self) -> float:
        """Return the part of the elements that are compared."""
        total = sum(v.size for v in self.values)
        return sum(int(d.sum()) for d in self.determined) / total if total else 1.0


def reference(outputs: Sequence[Any], values: dict[Any, Array], runs: int = RUNS) -> Reference:
    """Run a graph as written, then ``runs`` times with moved numbers. ``values``: one per input; shared variables have
    their own."""
    comparisons = _Comparisons()
    results, tame = _run(outputs, values, None, comparisons)
    bounds: list[Array | None] = [np.zeros(r.shape) if r.dtype.kind == "f" else None for r in results]
    determined = [np.ones(r.shape, bool) for r in results]
    for k in range(2 * runs):
        if k == runs and not comparisons.decide():
            break
        try:
            moved, _ = _run(outputs, values, np.random.default_rng(k), comparisons)
        except Exception:  # that the graph as written did not raise: moved numbers led elsewhere
            return Reference(results, [None] * len(results), [np.zeros(r.shape, bool) for r in results], tame, True)
        for i, (exact, other) in enumerate(zip(results, moved, strict=True)):
            if exact.shape != other.shape:
                determined[i][...] = False
                continue
            bound = bounds[i]
            if bound is None:
                determined[i] &= exact == other
                continue
            with np.errstate(all="ignore"):
                same = (exact == other) | (np.isnan(exact) & np.isnan(other))
                determined[i] &= same | (np.isfinite(exact) & np.isfinite(other))
                distance = np.where(same, 0.0, np.abs(exact.astype(float) - other.astype(float)))
                bounds[i] = np.maximum(bound, np.where(np.isfinite(distance), distance, 0.0))
    allowed = [None if b is None else FACTOR * b + SLACK * _spacing(r) for b, r in zip(bounds, results, strict=True)]
    return Reference(results, allowed, determined, tame)


class _Comparisons:
    """How the sides of every comparison differ, from run to run."""

    def __init__(self) -> None:
        self.exact: dict[Any, Array] = {}
        self.widest: dict[Any, Array] = {}
        self.shaky: dict[Any, Array] = {}

    def record(self, node: Any, given: list[Array], moved: bool) -> None:
        """Take note of one comparison in one run."""
        if getattr(getattr(node.op, "fn", None), "name", "") not in _COMPARING or given[0].dtype.kind != "f":
            return
        with np.errstate(all="ignore"):
            difference = np.asarray(given[0], float) - np.asarray(given[1], float)
        if not moved:
            self.exact[node] = difference
            self.widest[node] = np.zeros(difference.shape)
        elif node in self.exact and difference.shape == self.exact[node].shape:
            with np.errstate(all="ignore"):
                distance = np.abs(difference - self.exact[node])
            self.widest[node] = np.fmax(self.widest[node], np.where(np.isfinite(distance), distance, 0.0))

    def decide(self) -> bool:
        """Find the comparisons that rounding decides; tell whether there are any."""
        for node, difference in self.exact.items():
            with np.errstate(all="ignore"):
                shaky = (self.widest[node] > 0) & (np.abs(difference) <= FACTOR * self.widest[node])
            if shaky.any():
                self.shaky[node] = shaky
        return bool(self.shaky)

    def fall(self, node: Any, results: list[Array], rng: np.random.Generator) -> list[Array]:
        """Let what rounding decides come out either way."""
        shaky = self.shaky.get(node)
        if shaky is None or shaky.shape != results[0].shape:
            return results
        return [np.where(shaky, rng.random(shaky.shape) < 0.5, results[0])]


def _spacing(x: Array) -> Array:
    with np.errstate(all="ignore"):
        return np.nan_to_num(np.spacing(np.abs(x)).astype(float), posinf=0.0)


def _run(
    outputs: Sequence[Any], values: dict[Any, Array], rng: np.random.Generator | None, comparisons: _Comparisons
) -> tuple[list[Array], bool]:
    storage: dict[Any, Array] = dict(values)
    tame = [_plain(x) for x in values.values()]

    def value(variable: Any) -> Array:
        if variable not in storage:
            leaf = variable.data if isinstance(variable, Constant) else variable.container.value
            assert isinstance(variable, (Constant, SharedVariable))
            storage[variable] = leaf
            tame.append(_plain(np.asarray(leaf)))
        return storage[variable]

    for node in toposort(list(outputs), storage):
        given = [value(v) for v in node.inputs]
        results = run_node(node, given)
        tame += map(_plain, results)
        comparisons.record(node, given, rng is not None)
        if rng is not None:
            results = comparisons.fall(node, _moved(node, given, results, rng), rng)
        storage.update(zip(node.outputs, results, strict=True))
    return [np.asarray(value(v)) for v in outputs], all(tame)


def _plain(x: Array) -> bool:
    if x.dtype.kind != "f":
        return True
    size = np.abs(x)
    least = np.finfo(x.dtype).tiny * x.dtype.type(1e4)
    return bool((np.isfinite(x) & ((size > least) | ((size == 0) & ~np.signbit(x)))).all())


def _moved(node: Any, given: list[Array], results: list[Array], rng: np.random.Generator) -> list[Array]:
    name = getattr(getattr(node.op, "fn", None), "name", getattr(node.op, "fn", ""))
    kind = type(node.op).__name__
    if all(r.dtype.kind != "f" for r in results):
        return results
    if kind == "Elemwise":
        if name in _EXACT or str(name).startswith("cast_"):
            return results
        cancels, grid = name in _CANCELS, name in _GRID
    elif kind in _ROUNDING_OPS and not getattr(node.op, "set_instead", False) and name not in ("maximum", "minimum"):
        cancels, grid = True, kind in _SUMS
    else:
        return results
    if cancels and kind == "Elemwise":  # partial sums round to units of the largest term, be it an integer
        given = [x.astype(results[0].dtype) for x in given]
    fresh = run_node(node, [_shake(x, rng) for x in given]) if cancels else results
    if kind in _PRODUCTS and not all(np.isfinite(x).all() for x in given):
        fresh = [np.asarray(np.einsum(_PRODUCTS[kind][given[0].ndim, given[1].ndim], *given))]
    if kind in _NEAR_ONE:
        fresh = [(f + rng.uniform(-ULPS, ULPS, f.shape) * float(np.finfo(f.dtype).eps)).astype(f.dtype) for f in fresh]
    moved = [_shake(f, rng) for f in fresh]
    if grid:
        moved = [_keep_exact(given, r, m, kind == "Elemwise") for r, m in zip(results, moved, strict=True)]
    return [_any_zero(m, rng) if m.dtype.kind == "f" else m for m in moved]


def _any_zero(x: Array, rng: np.random.Generator) -> Array:
    """Give every zero a sign by chance."""
    return np.asarray(np.where((x == 0) & (rng.random(x.shape) < 0.5), -x, x))


def _shake(x: Array, rng: np.random.Generator) -> Array:
    """Move every number by up to ``ULPS`` units in the last place."""
    if x.dtype.kind != "f":
        return x
    with np.errstate(all="ignore"):
        step = rng.uniform(-ULPS, ULPS, x.shape) * float(np.finfo(x.dtype).eps)
        return np.asarray(np.where(np.isfinite(x), x * (1 + step), x)).astype(x.dtype)


def _keep_exact(given: list[Array], result: Array, moved: Array, elementwise: bool) -> Array:
    """Leave alone what sums and products of numbers on a coarse grid give exactly."""
    if result.dtype.kind != "f":
        return result
    exact = _on_grid(result)
    for x in given:
        exact = exact & (_on_grid(x) if elementwise else _on_grid(x).all())
    return np.asarray(np.where(exact, result, moved)).astype(result.dtype)


def _on_grid(x: Array) -> Array:
    """Tell which numbers are moderate multiples of 1/4096."""
    with np.errstate(all="ignore"):
        return np.asarray((np.abs(x) < 2.0**12) & (x * 4096.0 == np.rint(x * 4096.0)))
