"""Poisson draws from uniform draws, by inversion of the distribution function."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from symcore.graph.null import disconnected, grad_undefined
from symcore.graph.variable import Apply
from symcore.op import Op, Shape
from symcore.random.quantile import quantile
from symcore.tensor.constant import as_tensor
from symcore.tensor.type import TensorType

#: Up to this rate counts can be found by adding up probabilities from 0, for all elements side by side.
SMALL = 64.0
#: From this rate on the Cornish-Fisher expansion is used; its error is below 1e-4 of a count.
LARGE = 1e8


class PoissonFromUniform(Op):
    """The Poisson count of each rate: the first at which the distribution function exceeds the uniform draw beside it.

    Inputs: rates, uniform draws from [0, 1), of equal shapes. Output: counts, of ``dtype``. Raises ``ValueError``, when
    it runs, for rates that are negative, NaN or above 9e18.

    Counts are looked up among the cumulated probabilities within 12 standard deviations of the mean; many different
    rates up to 64 add up probabilities from 0, side by side; rates from 1e8 on take the expansion of Cornish and
    Fisher, as M. B. Giles has it for lattices ("Approximation of the inverse Poisson cumulative distribution
    function", ACM TOMS 42, 2016).
    """

    dtype: str = "int64"

    def make_node(self, rates: Any, uniforms: Any) -> Apply:
        rates, uniforms = as_tensor(rates), as_tensor(uniforms)
        if rates.type.ndim != uniforms.type.ndim:
            raise TypeError(f"{self} needs a uniform draw per rate, got {rates.type} and {uniforms.type}.")
        if rates.type.dtype.kind not in "biuf" or uniforms.type.dtype.kind != "f":
            raise TypeError(f"{self} takes real rates and float draws, got {rates.type} and {uniforms.type}.")
        return Apply(self, [rates, uniforms], [TensorType(self.dtype, uniforms.type.shape)()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        return [input_shapes[1]]

    def perform(self, node: Apply, rates: Any, uniforms: Any) -> Any:
        if rates.shape != uniforms.shape:
            raise ValueError(f"{self} needs a uniform draw per rate, got shapes {rates.shape} and {uniforms.shape}.")
        return poisson_quantile(rates, uniforms).astype(self.dtype, copy=False)

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[node.inputs[0].type.dtype.kind == "f"], [False]]

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        if inputs[0].type.dtype.kind != "f":
            return [disconnected(), disconnected()]
        return [grad_undefined(self, 0, inputs[0], "A draw of integers has no derivative."), disconnected()]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [None]


def poisson_quantile(rates: Any, uniforms: Any) -> Any:
    """Return, elementwise, the smallest count ``k`` with ``P(count <= k) > u``, as int64."""
    lam, u = np.asarray(rates, np.float64).ravel(), np.asarray(uniforms, np.float64).ravel()
    if not np.all((lam >= 0) & (lam <= 9e18)):
        raise ValueError("the rate of a Poisson draw must be a number from 0 to 9e18; not all of those given are.")
    counts = np.zeros(lam.shape, np.int64)
    rates_in, group = np.unique(lam, return_inverse=True)
    order = np.argsort(group, kind="stable")
    ends = np.searchsorted(group[order], np.arange(len(rates_in)), side="right")
    # A table costs as much as some forty draws one by one: many different small rates go side by side instead.
    side_by_side = (lam <= SMALL) & (len(lam) < 40 * len(rates_in))
    counts[side_by_side] = _added_up(lam[side_by_side], u[side_by_side])
    counts[lam >= LARGE] = _expanded(lam[lam >= LARGE], u[lam >= LARGE])
    for rate, start, end in zip(rates_in, [0, *ends], ends, strict=False):
        if 0 < rate < LARGE and not side_by_side[order[start]]:
            here = order[start:end]
            counts[here] = _looked_up(rate, u[here])
    return counts.reshape(np.shape(uniforms))


def _added_up(lam: Any, u: Any) -> Any:
    counts = np.zeros(lam.shape, np.int64)
    term = np.exp(-lam)
    total, open_ = term.copy(), np.flatnonzero(u >= term)
    k = 0
    while open_.size:
        k += 1
        term[open_] *= lam[open_] / k
        total[open_] += term[open_]
        counts[open_] = k
        # Rounding can keep the sum below the largest draws: what lies that far out has no probability left.
        open_ = open_[(u[open_] >= total[open_]) & ((term[open_] > 1e-20) | (k < lam[open_]))]
    return counts


def _looked_up(rate: float, u: Any) -> Any:
    width = 12 * np.sqrt(rate) + 30
    first = int(max(0.0, np.floor(rate - width)))
    k = np.arange(first + 1, int(rate + width) + 1)
    steps = np.concatenate([[0.0], np.cumsum(np.log(rate) - np.log(k))])
    cumulated = np.cumsum(np.exp(steps - steps.max()))
    return first + np.minimum(np.searchsorted(cumulated, u * cumulated[-1], side="right"), len(k))


def _expanded(lam: Any, u: Any) -> Any:
    root = np.sqrt(lam)
    z = quantile(np.maximum(u, 2.0**-54))
    return np.floor(np.maximum(lam + root * z + (z * z + 2) / 6 - (z**3 + 2 * z) / (72 * root), 0)).astype(np.int64)
