"""Checks of ``L_op``, ``R_op`` and ``connection_pattern`` for ``check_op``."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from symcore.gradient.verify import compare_grads, numeric_grad
from symcore.graph.null import DisconnectedType, NullType, disconnected
from symcore.graph.variable import Apply
from symcore.interpreter import evaluate
from symcore.tensor.type import TensorType
from symcore.testing.case import OpCase, is_array

#: ``<v, J u>`` and ``<J' v, u>`` may differ by this much, relative to the size of their terms.
DUALITY = 1e-10


class _Point:
    """A node on fresh inputs, with values, random cotangents ``v`` of its outputs and tangents ``u`` of its inputs."""

    def __init__(self, case: OpCase):
        rng = np.random.default_rng(7)
        arrays = case.arrays("float64")
        made = case.op.make_node(*case.variables(arrays, static=False))
        given = {v: x for v, x in zip(case_leaves(made), arrays, strict=False) if v is not None}
        self.values = [_owned(x) for x in evaluate(made.inputs, given)] if given or not arrays else []
        self.inputs = [v.type() for v in made.inputs]
        self.node = case.op.make_node(*self.inputs)
        assert self.node.inputs == self.inputs, f"make_node of {case.op} changes inputs that fit already."
        self.outputs = self.run(*self.values)
        self.moving = [k for k, v in enumerate(self.inputs) if _is_float(v)]
        self.smooth = [k for k, y in enumerate(self.node.outputs) if _is_float(y)]
        self.cotangents = [_weights(rng, y) for y in self.outputs]
        self.tangents = [_weights(rng, x) for x in self.values]
        #: Cases that are about float32 inputs are checked as precisely as these allow.
        self.precise = all(self.values[k].dtype == np.float64 for k in self.moving)

    def run(self, *values: Any) -> list[Any]:
        result = self.node.op.perform(self.node, *values)
        return [_owned(y) for y in result] if isinstance(result, (tuple, list)) else [_owned(result)]

    def projected(self, *moved: Any) -> float:
        """Return ``<v, f(x)>`` with the float inputs replaced by ``moved``."""
        values = list(self.values)
        for k, x in zip(self.moving, moved, strict=True):
            values[k] = x
        results = self.run(*values)
        return float(sum(np.sum(self.cotangents[k] * results[k]) for k in self.smooth))


def case_leaves(node: Apply) -> list[Any]:
    """Return the variables ``in0, in1, ...`` that a node was made from, in order, through the casts it added."""
    from symcore.graph.traverse import inputs

    found = {v.name: v for v in inputs(node.inputs) if v.name is not None}
    count = 1 + max((int(name[2:]) for name in found), default=-1)
    return [found.get(f"in{k}") for k in range(count)]


def _owned(x: Any) -> Any:
    return np.array(x) if is_array(x) else x


def _is_float(v: Any) -> bool:
    return isinstance(v.type, TensorType) and v.type.dtype.kind == "f"


def _zeros(y: Any) -> Any:
    return y.zeros_like(dtype="floatX") if isinstance(y.type, TensorType) else disconnected()


def _weights(rng: np.random.Generator, x: Any) -> Any:
    weights = rng.uniform(0.5, 1.5, np.shape(x)) * rng.choice([-1.0, 1.0], np.shape(x))
    return weights.astype(x.dtype) if is_array(x) and x.dtype.kind == "f" else weights


def check_derivatives(case: OpCase) -> None:
    """Check ``L_op`` and ``R_op`` of a case in float64. Raises ``AssertionError`` or ``GradientError``."""
    point = _Point(case)
    if not point.moving or not point.smooth:
        return
    pulled = _check_L_op(case, point)
    pushed = _check_R_op(case, point)
    if case.same_jacobian and not case.undefined:
        left = sum(np.sum(point.cotangents[k] * pushed[k]) for k in point.smooth)
        right = sum(np.sum(pulled[i] * point.tangents[i]) for i in point.moving)
        scale = sum(np.sum(np.abs(pulled[i] * point.tangents[i])) for i in point.moving)
        assert abs(left - right) <= (DUALITY if point.precise else 1e-5) * max(1.0, scale), (
            f"L_op and R_op of {case.op} do not belong to one Jacobian: <v, J u> = {left!r}, <J' v, u> = {right!r}."
        )


def _check_L_op(case: OpCase, point: _Point) -> dict[int, Any]:
    node: Any = point.node
    seeds: list[Any] = [y.type() if k in point.smooth else _zeros(y) for k, y in enumerate(node.outputs)]
    terms = node.op.L_op(list(node.inputs), list(node.outputs), seeds)
    assert len(terms) == len(node.inputs), f"L_op of {node.op} gives {len(terms)} terms for {len(node.inputs)} inputs."
    given = dict(zip(point.inputs, point.values, strict=True))
    given |= {seeds[k]: point.cotangents[k] for k in point.smooth}
    numeric = dict(
        zip(point.moving, numeric_grad(point.projected, [point.values[k] for k in point.moving]), strict=True)
    )
    pattern = node.op.connection_pattern(node)
    pulled = {}
    for i in point.moving:
        term = terms[i]
        kind = getattr(term, "type", None)
        connected = any(pattern[i][k] for k in point.smooth)
        assert isinstance(kind, NullType) == (i in case.undefined), (
            f"the gradient of {node.op} for input {i} is {'' if i not in case.undefined else 'not '}declared undefined."
        )
        if i in case.undefined:
            continue
        assert isinstance(kind, DisconnectedType) == (not connected), (
            f"connection_pattern of {node.op} says that input {i} is {'' if connected else 'not '}connected, L_op "
            f"gives {kind}."
        )
        if term is None or not connected:
            pulled[i] = np.zeros(np.shape(point.values[i]))
        else:
            assert term.type.ndim == point.inputs[i].type.ndim, f"L_op of {node.op} gives {kind} for input {i}."
            pulled[i] = evaluate(term, given)
        if case.same_jacobian:
            compare_grads(pulled[i], numeric[i], case.tol, case.tol, f"{node.op}: input {i} (L_op)")
    return pulled


def _check_R_op(case: OpCase, point: _Point) -> dict[int, Any]:
    whole = _push(point, point.moving)
    apart = [_push(point, [i]) for i in point.moving] if len(point.moving) > 1 else []
    for k in point.smooth:
        if apart:
            total = sum(part[k] for part in apart)
            close = np.allclose(total, whole[k], rtol=DUALITY, atol=DUALITY * (1 + np.abs(whole[k]).max(initial=0.0)))
            assert close, f"R_op of {case.op} is not linear: tangents apart give {total}, together {whole[k]}."
        if case.same_jacobian:
            compare_grads(whole[k], _directional(point, k), case.tol, case.tol, f"{case.op}: output {k} (R_op)")
    return whole


def _push(point: _Point, positions: Sequence[int]) -> dict[int, Any]:
    """Return ``J u`` with tangents for the inputs at ``positions`` alone."""
    node = point.node
    tangents = [v.type() if i in positions else None for i, v in enumerate(point.inputs)]
    results = node.op.R_op(list(node.inputs), list(node.outputs), list(tangents))
    assert len(results) == len(node.outputs), f"R_op of {node.op} gives {len(results)} results."
    given = dict(zip(point.inputs, point.values, strict=True))
    given |= {tangents[i]: point.tangents[i] for i in positions}
    pushed = {}
    for k in point.smooth:
        if results[k] is None:
            pushed[k] = np.zeros(point.outputs[k].shape)
            continue
        assert results[k].type.ndim == node.outputs[k].type.ndim, f"R_op of {node.op} gives {results[k].type}."
        pushed[k] = evaluate(results[k], given)
        assert pushed[k].shape == point.outputs[k].shape, (
            f"R_op of {node.op} gives shape {pushed[k].shape} for output {k}, which has {point.outputs[k].shape}."
        )
    return pushed


def _directional(point: _Point, k: int) -> Any:
    """Return the derivative of output ``k`` along the tangents, by central differences with Richardson's step."""
    step = 1e-3 if point.precise else 5e-2

    def moved(h: float) -> Any:
        values = [
            x + x.dtype.type(h) * point.tangents[i] if i in point.moving else x for i, x in enumerate(point.values)
        ]
        return point.run(*values)[k]

    def central(h: float) -> Any:
        return (moved(h) - moved(-h)) / (2 * h)

    return (4 * central(step / 2) - central(step)) / 3
