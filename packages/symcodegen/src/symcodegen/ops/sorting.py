"""C for sorting."""

import numpy as np

from symcodegen.dispatch import Answer, CKernel, c_impl, refuse
from symcodegen.expr import NoC
from symcodegen.kernels.sorting import argsort_kernel, sort_kernel, topk_kernel
from symcodegen.kernels.walk import cut_of_lines
from symcore.graph.variable import Apply
from symcore.tensor.sorting import Argsort, Sort, TopK


@c_impl.register
def sort_c(op: Sort, node: Apply) -> Answer:
    """Every kind is stable, so the kind makes no difference."""
    x = node.inputs[0].type
    cut = cut_of_lines(x.ndim, op.axis, 2)
    try:
        return CKernel(sort_kernel(x.dtype, x.ndim, op.axis), fallible=True, heavy=True, weight=64, cut=cut)
    except NoC as why:
        return refuse(node, f"no C for {why}")


@c_impl.register
def argsort_c(op: Argsort, node: Apply) -> Answer:
    """Keys sorted together with their positions."""
    x = node.inputs[0].type
    cut = cut_of_lines(x.ndim, op.axis, 2)
    try:
        return CKernel(argsort_kernel(x.dtype, x.ndim, op.axis), fallible=True, heavy=True, weight=64, cut=cut)
    except NoC as why:
        return refuse(node, f"no C for {why}")


@c_impl.register
def topk_c(op: TopK, node: Apply) -> Answer:
    """A heap of ``k``, or a sort; they always come in order, whether that was asked for or not."""
    x = node.inputs[0].type
    try:
        text = topk_kernel(x.dtype, np.dtype(op.idx_dtype), x.ndim, op.axis)
        return CKernel(text, fallible=True, weight=16, cut=cut_of_lines(x.ndim, op.axis, 3))
    except NoC as why:
        return refuse(node, f"no C for {why}")
