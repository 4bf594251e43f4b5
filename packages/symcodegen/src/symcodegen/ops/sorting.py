"""Sorting, by routines of the machine."""

from typing import Any

import numpy as np

from symcodegen.dispatch import Answer, Routine, c_impl, refuse
from symcodegen.expr import NoC
from symcodegen.kernels.sorting import SORT_WEIGHT, TOPK_WEIGHT, sort_extras
from symcodegen.kernels.walk import cut_of_lines
from symcore.graph.variable import Apply
from symcore.tensor.sorting import Argsort, Sort, TopK


def _routine(node: Apply, name: str, axis: int, weight: int, positions: np.dtype[Any] | None = None) -> Answer:
    x = node.inputs[0].type
    cut = cut_of_lines(x.ndim, axis, 1 + len(node.outputs))
    try:
        extras = sort_extras(x.dtype, x.ndim, axis, positions)
    except NoC as why:
        return refuse(node, f"no C for {why}")

    def emit(b: Any, n: Apply) -> None:
        known = [b.registers.of(k) for k in extras]
        b.routine(name, [b.out(y) for y in n.outputs], [b.slot(v) for v in n.inputs], known, (), cut, weight)

    return Routine(name, emit, fallible=True)


@c_impl.register
def sort_c(op: Sort, node: Apply) -> Answer:
    """Every kind is stable, so the kind makes no difference."""
    return _routine(node, "sort", op.axis, SORT_WEIGHT)


@c_impl.register
def argsort_c(op: Argsort, node: Apply) -> Answer:
    """Keys sorted together with their positions."""
    return _routine(node, "argsort", op.axis, SORT_WEIGHT)


@c_impl.register
def topk_c(op: TopK, node: Apply) -> Answer:
    """A heap of ``k``, or a sort; they always come in order, whether that was asked for or not."""
    return _routine(node, "topk", op.axis, TOPK_WEIGHT, np.dtype(op.idx_dtype))
