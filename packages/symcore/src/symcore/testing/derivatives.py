"""Checks of ``L_op``, ``R_op`` and ``connection_pattern`` for ``check_op``."""

from collections.abc import Callable, Sequence
from typing import Any
from zlib import crc32

import numpy as np

from symcore.errors import GradientError
from symcore.graph.null import DisconnectedType, NullType, disconnected
from symcore.graph.variable import Apply
from symcore.interpreter import evaluate
from symcore.tensor.type import TensorType
from symcore.testing.case import OpCase, is_array
from symcore.testing.differences import COARSE, PRECISE, derivative, relative_error
from symcore.testing.layouts import arrange, layouts_of
from symcore.testing.tally import Tally

#: ``<v, J u>`` and ``<J' v, u>`` may differ by this much, relative to the size of their terms.
DUALITY = 1e-10
#: A derivative in a narrower dtype may differ by this many units of it from that in float64 at the same point,
#: relative to the largest entry: what the conditions of the cases' functions make of rounding.
NARROW = 2048


class _Point:
    """A node on fresh inputs, with values, random cotangents ``v`` of its outputs and tangents ``u`` of its inputs."""

    def __init__(self, case: OpCase, dtype: str = "float64"):
        rng = np.random.default_rng(crc32(repr(case).encode()))
        arrays = case.arrays(dtype)
        made = case.op.make_node(*case.variables(arrays, static=False))
        given = {v: x for v, x in zip(case_leaves(made), arrays, strict=False) if v is not None}
        values = [_owned(x) for x in evaluate(made.inputs, given)] if given or not arrays else []
        self._start(case, [v.type for v in made.inputs], values)
        self.cotangents = [_weights(rng, y) for y in self.outputs]
        self.tangents = [_weights(rng, x) for x in self.values]

    def _start(self, case: OpCase, types: Sequence[Any], values: list[Any]) -> None:
        self.values = values
        self.inputs = [t() for t in types]
        self.node = case.op.make_node(*self.inputs)
        assert self.node.inputs == self.inputs, f"make_node of {case.op} changes inputs that fit already."
        self.outputs = self.run(*self.values)
        self.moving = [k for k, v in enumerate(self.inputs) if _is_float(v)]
        self.smooth = [k for k, y in enumerate(self.node.outputs) if _is_float(y) and k not in case.unconnected]
        #: Cases that are about float32 inputs are checked as precisely as these allow.
        self.precise = all(self.values[k].dtype == np.float64 for k in self.moving)

    def widened(self, case: OpCase) -> "_Point":
        """Return the same point, its floats as float64."""
        wide: _Point = object.__new__(_Point)
        types = [t.clone("float64") if _is_float(v) else t for v in self.inputs for t in [v.type]]
        wide._start(case, types, [_widened(x) for x in self.values])
        # An output may have a dtype of its own, whatever the inputs have.
        wide.cotangents = [_weighted(x, y) for x, y in zip(self.cotangents, wide.outputs, strict=True)]
        wide.tangents = [_widened(x) for x in self.tangents]
        return wide

    def run(self, *values: Any) -> list[Any]:
        result = self.node.op.perform(self.node, *values)
        return [_owned(y) for y in result] if isinstance(result, (tuple, list)) else [_owned(result)]

    def projected(self, position: int, index: tuple[int, ...]) -> Callable[[float], float]:
        """Return ``t -> <v, f(x)>`` with ``t`` added to one element of one input."""
        values = list(self.values)
        moved = values[position] = np.array(values[position])
        start = moved[index]

        def value(t: float) -> float:
            moved[index] = start + moved.dtype.type(t)
            results = self.run(*values)
            moved[index] = start
            return float(sum(np.sum(self.cotangents[k] * results[k]) for k in self.smooth))

        return value

    def along(self, k: int) -> Callable[[float], Any]:
        """Return ``t -> f_k(x + t u)``."""

        def value(t: float) -> Any:
            values = [
                x + x.dtype.type(t) * u if i in self.moving else x
                for i, (x, u) in enumerate(zip(self.values, self.tangents, strict=True))
            ]
            return self.run(*values)[k]

        return value


def case_leaves(node: Apply) -> list[Any]:
    """Return the variables ``in0, in1, ...`` that a node was made from, in order, through the casts it added."""
    from symcore.graph.traverse import inputs

    found = {v.name: v for v in inputs(node.inputs) if v.name is not None}
    count = 1 + max((int(name[2:]) for name in found), default=-1)
    return [found.get(f"in{k}") for k in range(count)]


def _owned(x: Any) -> Any:
    return np.array(x) if is_array(x) else x


def _widened(x: Any) -> Any:
    return x.astype(np.float64) if is_array(x) and x.dtype.kind == "f" else x


def _is_float(v: Any) -> bool:
    return isinstance(v.type, TensorType) and v.type.dtype.kind == "f"


def _zeros(y: Any) -> Any:
    return y.zeros_like(dtype="floatX") if isinstance(y.type, TensorType) else disconnected()


def _weights(rng: np.random.Generator, x: Any) -> Any:
    return _weighted(rng.uniform(0.5, 1.5, np.shape(x)) * rng.choice([-1.0, 1.0], np.shape(x)), x)


def _weighted(weights: Any, x: Any) -> Any:
    """Return weights in the dtype of what they are for."""
    return np.asarray(weights).astype(x.dtype) if is_array(x) and x.dtype.kind == "f" else weights


def _has_no_value(term: Any) -> bool:
    return isinstance(getattr(term, "type", None), (DisconnectedType, NullType))


def check_derivatives(case: OpCase, tally: Tally | None = None) -> None:
    """Check ``L_op`` and ``R_op`` of a case: against finite differences and against each other in float64, and in the
    other dtypes of the case against float64. Raises ``AssertionError`` or ``GradientError``."""
    tally = Tally() if tally is None else tally
    point = _Point(case)
    pattern = case.op.connection_pattern(point.node)
    for k in case.unconnected:
        assert not any(row[k] for row in pattern), f"{case.op} says that output {k} is connected, the case does not."
    if not point.moving or not point.smooth:
        return
    pulled = _check_L_op(case, point, tally)
    pushed = _check_R_op(case, point, tally)
    if case.same_jacobian and not case.undefined:
        _check_duality(case, point, pulled, pushed, tally)
    for dtype in case.dtypes:
        if dtype != "float64":
            _check_dtype(case, _Point(case, dtype), float(np.finfo(dtype).eps), tally)


def _check_duality(case: OpCase, point: _Point, pulled: Any, pushed: Any, tally: Tally) -> None:
    left = [point.cotangents[k] * pushed[k] for k in point.smooth]
    right = [pulled[i] * point.tangents[i] for i in point.moving]
    scale = max(sum(float(np.sum(np.abs(x))) for x in side) for side in (left, right))
    sums = [sum(float(np.sum(x)) for x in side) for side in (left, right)]
    error = abs(sums[0] - sums[1]) / scale if scale else 0.0
    assert error <= (DUALITY if point.precise else 1e-5), (
        f"L_op and R_op of {case.op} do not belong to one Jacobian: <v, J u> = {sums[0]!r}, <J' v, u> = {sums[1]!r}."
    )
    if point.precise:
        tally.error("<v, J u> = <J' v, u>", error, case)


def _pull(point: _Point) -> tuple[list[Any], Callable[[Sequence[Any]], dict[int, Any]]]:
    """Return the terms of ``L_op``, and a function that computes those that have values from values of the inputs."""
    node: Any = point.node
    seeds: list[Any] = [y.type() if k in point.smooth else _zeros(y) for k, y in enumerate(node.outputs)]
    terms = list(node.op.L_op(list(node.inputs), list(node.outputs), seeds))
    wanted = [i for i in point.moving if i < len(terms) and terms[i] is not None and not _has_no_value(terms[i])]

    def compute(values: Sequence[Any]) -> dict[int, Any]:
        given = dict(zip(point.inputs, values, strict=True)) | {seeds[k]: point.cotangents[k] for k in point.smooth}
        return dict(zip(wanted, evaluate([terms[i] for i in wanted], given), strict=True))

    return terms, compute


def _check_L_op(case: OpCase, point: _Point, tally: Tally) -> dict[int, Any]:
    node = point.node
    terms, compute = _pull(point)
    assert len(terms) == len(node.inputs), f"L_op of {node.op} gives {len(terms)} terms for {len(node.inputs)} inputs."
    pulled = compute(point.values)
    pattern = node.op.connection_pattern(node)
    for i in point.moving:
        _check_term(case, node, i, terms[i], connected=any(pattern[i][k] for k in point.smooth))
        if i in case.undefined:
            continue
        if i not in pulled:
            pulled[i] = np.zeros(np.shape(point.values[i]))
        _check_shape(pulled[i], point.values[i], f"L_op of {node.op} for input {i}")
        if case.same_jacobian:
            for index in np.ndindex(*np.shape(point.values[i])):
                width = max(1.0, abs(float(point.values[i][index])))
                _check_slope(case, point, tally, point.projected(i, index), width, pulled[i][index],
                             f"input {i} (L_op), element {index}")  # fmt: skip
    if case.layouts:
        for name in layouts_of(point.values):
            _check_close(compute(arrange(name, point.values)), pulled, 1e-12, f"L_op of {node.op} on {name} inputs")
            tally.add("L_op on layouts of inputs")
    return pulled


def _check_term(case: OpCase, node: Apply, i: int, term: Any, connected: bool) -> None:
    kind = getattr(term, "type", None)
    undefined = i in case.undefined
    assert isinstance(kind, NullType) == undefined, (
        f"the gradient of {node.op} for input {i} is {'' if not undefined else 'not '}declared undefined."
    )
    assert undefined or isinstance(kind, DisconnectedType) == (not connected), (
        f"connection_pattern of {node.op} says that input {i} is {'' if connected else 'not '}connected, L_op gives "
        f"{kind}."
    )
    if term is not None and connected and not undefined:
        assert term.type.ndim == node.inputs[i].type.ndim, f"L_op of {node.op} gives {kind} for input {i}."


def _check_shape(found: Any, like: Any, what: str) -> None:
    assert np.shape(found) == np.shape(like), f"{what} has shape {np.shape(found)} instead of {np.shape(like)}."


def _check_slope(
    case: OpCase, point: _Point, tally: Tally, fun: Any, width: float, found: Any, what: str
) -> None:
    step, levels = PRECISE if point.precise else COARSE
    wanted, rounding = derivative(fun, step * width, levels)
    tol = case.tol if point.precise else max(case.tol, 1e-2)
    error = relative_error(found, wanted, rounding, tol)
    error = np.where(np.isfinite(error), error, np.inf)
    worst = float(error.max(initial=0.0))
    if worst > tol:
        place = np.unravel_index(int(error.argmax()), error.shape)
        raise GradientError(
            f"the gradient of {case.op}: {what}{list(map(int, place)) if place else ''} is "
            f"{np.asarray(found)[place]:.9g}, finite differences give {np.asarray(wanted)[place]:.9g}: relative error "
            f"{worst:.3g} (allowed {tol:g})."
        )
    if point.precise:
        tally.error("derivatives against finite differences", worst, case)


def _check_close(found: Any, wanted: Any, tol: float, what: str) -> None:
    """Compare derivatives that are made in two ways, relative to the largest entry of each."""
    for k in found:
        a, b = np.asarray(found[k], np.float64), np.asarray(wanted[k], np.float64)
        close = np.allclose(a, b, rtol=0, atol=tol * float(np.abs(b).max(initial=0.0)), equal_nan=True)
        assert close, f"{what}: number {k} is\n{a}\ninstead of\n{b}"


def _check_R_op(case: OpCase, point: _Point, tally: Tally) -> dict[int, Any]:
    whole = _push(case, point, point.moving)
    apart = [_push(case, point, [i]) for i in point.moving] if len(point.moving) > 1 else []
    for k in point.smooth:
        if whole[k] is None:
            continue
        if apart:
            total = sum(part[k] for part in apart)
            _check_close({k: total}, {k: whole[k]}, 1e-10, f"R_op of {case.op} is not linear, tangents apart")
        if case.same_jacobian:
            _check_slope(case, point, tally, point.along(k), 1.0, whole[k], f"output {k} (R_op)")
    return whole


def _push(case: OpCase, point: _Point, positions: Sequence[int]) -> dict[int, Any]:
    """Return ``J u`` with tangents for the inputs at ``positions`` alone; ``None`` where it is declared undefined."""
    node = point.node
    tangents = [v.type() if i in positions else None for i, v in enumerate(point.inputs)]
    results = node.op.R_op(list(node.inputs), list(node.outputs), list(tangents))
    assert len(results) == len(node.outputs), f"R_op of {node.op} gives {len(results)} results."
    given = dict(zip(point.inputs, point.values, strict=True))
    given |= {tangents[i]: point.tangents[i] for i in positions}
    pushed: dict[int, Any] = {}
    for k in point.smooth:
        if results[k] is None:
            pushed[k] = np.zeros(point.outputs[k].shape)
            continue
        if isinstance(results[k].type, NullType):
            assert case.undefined, f"R_op of {node.op} is undefined for output {k}, which the case does not say."
            pushed[k] = None
            continue
        assert results[k].type.ndim == node.outputs[k].type.ndim, f"R_op of {node.op} gives {results[k].type}."
        pushed[k] = evaluate(results[k], given)
        _check_shape(pushed[k], point.outputs[k], f"R_op of {node.op} for output {k}")
    return pushed


def _check_dtype(case: OpCase, point: _Point, eps: float, tally: Tally) -> None:
    """Check that derivatives in a narrower dtype are those of float64 at the same point, up to its rounding."""
    wide = point.widened(case)
    for what, narrow, precise in (
        ("L_op", _pull(point)[1](point.values), _pull(wide)[1](wide.values)),
        ("R_op", _push(case, point, point.moving), _push(case, wide, wide.moving)),
    ):
        for k, found in narrow.items():
            if found is None or precise.get(k) is None:
                continue
            _check_close({k: found}, precise, NARROW * eps, f"{what} of {case.op} on narrower floats")
            tally.add("derivatives in narrower dtypes")
