"""C for reductions."""

import numpy as np

from symcodegen.dispatch import COLLAPSED, Answer, CKernel, c_impl, refuse
from symcodegen.expr import NoC
from symcodegen.kernels.columns import moves_of
from symcodegen.kernels.map_reduce import map_reduce_kernel
from symcodegen.kernels.reduce import reduce_kernel
from symcodegen.ops.elemwise import broadcast_axes, work
from symcore.graph.variable import Apply
from symcore.tensor.map_reduce import MapReduce
from symcore.tensor.reduce import Argmax, Reduce


def reduced_axes(ndim: int, reduced: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the axes that the loops move along: those of the result (-1 where it is reduced), those of the input."""
    kept = iter(range(ndim))
    return tuple(-1 if a in reduced else next(kept) for a in range(ndim)), tuple(range(ndim))


@c_impl.register
def reduce_c(op: Reduce, node: Apply) -> Answer:
    """Rows or columns, see ``kernels.reduce``."""
    x = node.inputs[0].type
    try:
        body, functions = reduce_kernel(
            op.fn, x.dtype, np.dtype(op.dtype), np.dtype(op.acc_dtype), side_by_side=len(op.axis) < x.ndim
        )
    except NoC as why:
        return refuse(node, f"no C for a {why}")
    return CKernel(
        body,
        functions,
        COLLAPSED,
        reduced_axes(x.ndim, op.axis),
        (0, 0),
        reorder=True,
        fallible=op.fn in ("maximum", "minimum"),
        heavy=x.dtype.kind == "c",
        cut=True,
    )


@c_impl.register
def map_reduce_c(op: MapReduce, node: Apply) -> Answer:
    """The map block by block, combined as it is computed; see ``kernels.map_reduce``."""
    types = [v.type for v in node.inputs]
    ndim = max(t.ndim for t in types)
    repeated = [(True,) * (ndim - t.ndim) + tuple(d == 1 for d in t.shape) for t in types]
    try:
        body, functions = map_reduce_kernel(
            op.map,
            op.fn,
            [t.dtype for t in types],
            np.dtype(op.dtype),
            np.dtype(op.acc_dtype),
            moves_of(repeated, op.axis),
        )
    except NoC as why:
        return refuse(node, f"no C for {why}")
    axes, stretch = broadcast_axes(types, ndim)
    return CKernel(
        body,
        functions,
        COLLAPSED,
        (reduced_axes(ndim, op.axis)[0], *axes),
        (0, *stretch),
        reorder=True,
        fallible=op.fn in ("maximum", "minimum"),
        heavy=any(t.dtype.kind == "c" for t in types),
        weight=work(op.map),
        cut=True,
    )


@c_impl.register
def argmax_c(op: Argmax, node: Apply) -> Answer:
    """A scan of each row."""
    from symcodegen.kernels.argmax import argmax_kernel  # few graphs have one

    x = node.inputs[0].type
    try:
        body, functions = argmax_kernel(x.dtype)
    except NoC as why:
        return refuse(node, f"no C for {why}")
    return CKernel(body, functions, COLLAPSED, reduced_axes(x.ndim, op.axis), (0, 0), fallible=True, cut=True)
