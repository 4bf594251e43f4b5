"""Metamorphic tests: a program rewritten by identities of mathematics must compile to an equal function.

``disguise`` rebuilds a graph and puts, in the place of some of its variables, expressions that are equal to them:
``x + 0``, ``log(exp(x))``, a tensor cut in two and joined again, a sum in another order. ``DisguisedChecker`` then
compiles the disguised program and holds it against the original as written. What the detour loses by rounding (the
logarithm of an exponential near 1 has few digits) counts as in ``reference``: for the disguised program as written.
"""

import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import symstack as ss
from random_graphs.compare import Checker, mode_of
from random_graphs.graph import RandomGraph
from random_graphs.reference import RUNS, Reference, reference
from symcore.graph.traverse import toposort
from symcore.graph.variable import Constant
from symcore.interpreter import run_node
from symcore.tensor import scalar_functions as sf
from symcore.tensor.products import Dot
from symcore.tensor.reduce import Reduce
from symstack import tensor as T

Array = np.ndarray[Any, Any]
Chance = random.Random


def _within(value: Array, low: float, high: float) -> bool:
    return value.size > 0 and bool(np.isfinite(value).all() and (value >= low).all() and (value <= high).all())


def _long_axis(value: Array, chance: Chance) -> int | None:
    axes = [a for a, n in enumerate(value.shape) if n > 1]
    return chance.choice(axes) if axes else None


# ---------------------------------------------------------------------- of any variable

Identity = Callable[[Any, Array, Chance], Any]


def plus_zero(x: Any, value: Array, chance: Chance) -> Any:
    """``x + 0``, ``0 + x``, ``x - 0``."""
    return None if value.dtype.kind == "b" else chance.choice([lambda: x + 0, lambda: 0 + x, lambda: x - 0])()


def times_one(x: Any, value: Array, chance: Chance) -> Any:
    """``x * 1``, ``1 * x``, ``x / 1``, ``x ** 1``."""
    if value.dtype.kind == "b":
        return None
    ways = [lambda: x * 1, lambda: 1 * x, lambda: x**1]
    return chance.choice([*ways, lambda: x / 1] if value.dtype.kind == "f" else [*ways, lambda: x // 1])()


def twice_negated(x: Any, value: Array, chance: Chance) -> Any:
    """``-(-x)``, ``~~x``, ``0 - (0 - x)``."""
    if value.dtype.kind in "bu":
        return ~~x
    return sf.neg(sf.neg(x)) if chance.random() < 0.5 else 0 - (0 - x)


def log_of_exp(x: Any, value: Array, chance: Chance) -> Any:
    """``log(exp(x))``, ``log1p(expm1(x))``, ``exp(log(x))``, ``sqr(sqrt(x))``, where the detour is defined."""
    if value.dtype.kind != "f" or not _within(value, -20, 20):
        return None
    ways = [lambda: T.log(T.exp(x)), lambda: T.log1p(T.expm1(x))]
    if _within(value, 1e-3, 20):
        ways += [lambda: T.exp(T.log(x)), lambda: T.sqr(T.sqrt(x)), lambda: T.sqrt(T.sqr(x)), lambda: abs(x)]
    return chance.choice(ways)()


def halved_and_doubled(x: Any, value: Array, chance: Chance) -> Any:
    """``(x * 2) / 2``, ``x / 4 + x * 0.75``, ``(x + x) * 0.5``."""
    if value.dtype.kind != "f":
        return None
    return chance.choice([lambda: (x * 2) / 2, lambda: x / 4 + x * 0.75, lambda: (x + x) * 0.5])()


def added_and_taken(x: Any, value: Array, chance: Chance) -> Any:
    """``(x + 3) - 3``, ``(x - 1) + 1``."""
    if value.dtype.kind == "b" or (value.dtype.kind != "f" and value.dtype.itemsize < 4):
        return None
    return (x + 3) - 3 if chance.random() < 0.5 else (x - 1) + 1


def cast_and_back(x: Any, value: Array, chance: Chance) -> Any:
    """A cast to a wider dtype and back."""
    wider = {"float32": "float64", "int8": "int16", "int16": "int64", "int32": "float64", "uint8": "int32"}
    return x.astype(wider[value.dtype.name]).astype(value.dtype.name) if value.dtype.name in wider else None


def chosen_either_way(x: Any, value: Array, chance: Chance) -> Any:
    """``switch(x > 0, x, x)``, ``switch(c, x, switch(not c, x, 0))``, ``maximum(x, x)``."""
    condition = T.gt(x, 0) if value.dtype.kind != "b" else x
    zero = T.zeros_like(x)
    return chance.choice([lambda: T.switch(condition, x, x), lambda: T.maximum(x, x), lambda: sf.second(x, x),
                          lambda: T.switch(condition, x, T.switch(~condition, x, zero))])()  # fmt: skip


def transposed_twice(x: Any, value: Array, chance: Chance) -> Any:
    """``x.T.T``, ``x[::-1][::-1]``, a new axis that is indexed away."""
    if not value.ndim:
        return x.dimshuffle("x")[0]
    return chance.choice([lambda: x.T.T, lambda: x[::-1][::-1], lambda: x.dimshuffle("x", *range(value.ndim))[0]])()


def cut_and_joined(x: Any, value: Array, chance: Chance) -> Any:
    """``join(x[:k], x[k:])``, ``set_subtensor(x[k:], x[k:])``, ``set_subtensor(zeros[:], x)``."""
    axis = _long_axis(value, chance)
    if axis is None:
        return None
    k = chance.randint(0, value.shape[axis])
    first, second = ((*[slice(None)] * axis, part) for part in (slice(None, k), slice(k, None)))
    if chance.random() < 0.5:
        return T.concatenate([x[first], x[second]], axis=axis)
    return T.set_subtensor(x[second], x[second]) if chance.random() < 0.5 else T.set_subtensor(
        T.zeros_like(x)[:], x)  # fmt: skip


def stacked_and_picked(x: Any, value: Array, chance: Chance) -> Any:
    """``stack([x, -x])[0]``, ``join(x[None], x[None])[1]``."""
    if not value.ndim or value.dtype.kind == "b":
        return None
    return T.stack([x, -x])[0] if chance.random() < 0.5 else T.stack([x * 2, x])[1]


def reshaped_and_back(x: Any, value: Array, chance: Chance) -> Any:
    """``x.reshape((-1,)).reshape(x.shape)``."""
    return x.reshape((-1,)).reshape(x.shape, ndim=value.ndim) if value.size else None


EVERYWHERE: tuple[Identity, ...] = (
    plus_zero, times_one, twice_negated, log_of_exp, halved_and_doubled, added_and_taken, cast_and_back,
    chosen_either_way, transposed_twice, cut_and_joined, stacked_and_picked, reshaped_and_back,
)  # fmt: skip

# ---------------------------------------------------------------------- of how a variable is computed


def other_order(node: Any, inputs: Sequence[Any], value: Array, chance: Chance) -> Any:
    """``b + a`` for ``a + b``, ``a + (b + c)`` for ``(a + b) + c``, and so for products."""
    fn = getattr(node.op, "fn", None)
    if fn is not sf.add and fn is not sf.mul:
        return None
    turned = list(inputs)
    chance.shuffle(turned)
    return fn(*turned) if len(turned) < 3 else fn(turned[0], fn(*turned[1:]))


def expanded(node: Any, inputs: Sequence[Any], value: Array, chance: Chance) -> Any:
    """``a * b + a * c`` for ``a * (b + c)``, ``-(b - a)`` for ``a - b``, ``a * (1 / b)`` for ``a / b``."""
    fn = getattr(node.op, "fn", None)
    if value.dtype.kind != "f":
        return None
    if fn is sf.sub:
        return sf.neg(sf.sub(inputs[1], inputs[0]))
    if fn is sf.true_div:
        return inputs[0] * sf.reciprocal(inputs[1])
    if fn is sf.mul and len(inputs) == 2:
        a, bracket = inputs
        owner = bracket.owner
        if owner is not None and getattr(owner.op, "fn", None) is sf.add:
            return sf.add(*[a * term for term in owner.inputs])
    return None


def other_product(node: Any, inputs: Sequence[Any], value: Array, chance: Chance) -> Any:
    """``dot(B.T, A.T).T`` for ``dot(A, B)``, ``sum`` over one axis after the other, sums of halves."""
    if type(node.op) is Dot:
        return Dot()(inputs[1].T, inputs[0].T).T
    if type(node.op) is Reduce and node.op.fn in ("add", "mul") and value.dtype.kind == "f" and node.op.axis:
        op, [x] = node.op, inputs
        if len(op.axis) > 1:
            first, *rest = op.axis
            inner = Reduce(op.fn, (first,), op.dtype, op.acc_dtype)(x)
            return Reduce(op.fn, tuple(a - 1 for a in rest), op.dtype, op.acc_dtype)(inner)
        at = (*[slice(None)] * op.axis[0], slice(None, 1)), (*[slice(None)] * op.axis[0], slice(1, None))
        a, b = (op(x[part]) for part in at)
        return a + b if op.fn == "add" else a * b
    return None


COMPUTED = (other_order, expanded, other_product)


# ---------------------------------------------------------------------- programs


def disguise(outputs: Sequence[Any], values: dict[Any, Array], chance: Chance, density: float = 0.5) -> list[Any]:
    """Return expressions equal to ``outputs``, in which about ``density`` of the variables are written differently.

    ``values``: those of the inputs, which decide where an identity holds.
    """
    known: dict[Any, Array] = dict(values)
    new: dict[Any, Any] = {}

    def leaf(v: Any) -> Any:
        if v not in known:
            known[v] = np.asarray(v.data if isinstance(v, Constant) else v.container.value)
        if v not in new:
            new[v] = v if isinstance(v, Constant) else _dressed(v, known[v], chance, density)
        return new[v]

    for node in toposort(list(outputs)):
        inputs = [leaf(v) for v in node.inputs]
        results = run_node(node, [known[v] for v in node.inputs])
        known.update(zip(node.outputs, results, strict=True))
        made = _rebuilt(node, inputs, chance, results, density)
        for old, fresh, value in zip(node.outputs, made, results, strict=True):
            new[old] = _dressed(fresh, value, chance, density)
    return [leaf(v) for v in outputs]


def _rebuilt(node: Any, inputs: list[Any], chance: Chance, results: Sequence[Any], density: float) -> list[Any]:
    plain = node.op.make_node(*inputs).outputs
    if len(plain) > 1 or not isinstance(results[0], np.ndarray) or chance.random() > density:
        return list(plain)
    other = chance.choice(COMPUTED)(node, inputs, results[0], chance)
    return [other if other is not None and other.type == plain[0].type else plain[0]]


def _dressed(x: Any, value: Any, chance: Chance, density: float) -> Any:
    """Return ``x``, or an expression of the same type that is equal to it."""
    if not isinstance(value, np.ndarray) or chance.random() > density or (not value.ndim and value.dtype.kind != "f"):
        return x  # integer scalars may be lengths and indices, which have rules of their own
    other = chance.choice(EVERYWHERE)(x, value, chance)
    return other if other is not None and other.type == x.type else x


class DisguisedChecker(Checker):
    """Compiles a disguised program and compares what it computes with the original as written."""

    def __init__(self, g: RandomGraph, seed: int):
        super().__init__(g)
        self.disguised = disguise(self.wanted, self.values, random.Random(seed))
        self.reference = self._reference(RUNS)

    def _reference(self, runs: int) -> Reference:
        if not hasattr(self, "disguised"):
            return super()._reference(runs)
        plain, other = reference(self.wanted, self.values, runs), reference(self.disguised, self.values, runs)
        bounds = [None if a is None or b is None else a + b for a, b in zip(plain.bounds, other.bounds, strict=True)]
        determined = [a & b for a, b in zip(plain.determined, other.determined, strict=True)]
        return Reference(plain.values, bounds, determined, plain.tame and other.tame, plain.fragile or other.fragile)

    def _compile(self, way: str, *excluded: str) -> Any:
        g, n = self.g, len(self.g.outputs)
        updates = [(s.var, new) for (s, _), new in zip(g.updates, self.disguised[n:], strict=True)]
        inputs = [e.var for e in g.inputs]
        mode = mode_of(way, *excluded)
        return ss.function(inputs, self.disguised[:n], updates=updates, mode=mode, on_unused_input="ignore")
