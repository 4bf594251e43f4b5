"""C for searching and for flat positions."""

from symcodegen.dispatch import Answer, CKernel, c_impl, refuse
from symcodegen.expr import NoC
from symcodegen.kernels.positions import ravel_kernel, search_kernel, unravel_kernel
from symcore.graph.variable import Apply
from symcore.tensor.counting import RavelMultiIndex, SearchSorted, UnravelIndex


@c_impl.register
def search_sorted_c(op: SearchSorted, node: Apply) -> Answer:
    """Binary searches, several at a time."""
    x, v, *sorter = (i.type for i in node.inputs)
    try:
        text = search_kernel(x.dtype, v.dtype, op.side, v.ndim, sorter[0].dtype if sorter else None)
    except NoC as why:
        return refuse(node, f"no C for a {why}")
    return CKernel(text, fallible=bool(sorter), heavy=True, weight=16)


@c_impl.register
def unravel_index_c(op: UnravelIndex, node: Apply) -> Answer:
    """Divisions by the lengths."""
    indices = node.inputs[0].type
    return CKernel(unravel_kernel(indices.dtype, op.ndim, indices.ndim, op.order), fallible=True, weight=8)


@c_impl.register
def ravel_multi_index_c(op: RavelMultiIndex, node: Apply) -> Answer:
    """Sums of products with the lengths."""
    positions = [v.type for v in node.inputs[: op.ndim]]
    text = ravel_kernel([t.dtype for t in positions], positions[0].ndim, op.mode, op.order)
    return CKernel(text, fallible=True, weight=2)
