"""C for running sums and products, and recurrences."""

from symcodegen.dispatch import Answer, CKernel, c_impl, refuse
from symcodegen.expr import NoC
from symcodegen.kernels.cumulative import cumulative_kernel, recurrence_kernel
from symcodegen.kernels.walk import cut_of_lines
from symcore.graph.variable import Apply
from symcore.tensor.cumulative import CumOp, Recurrence


@c_impl.register
def cumulative_c(op: CumOp, node: Apply) -> Answer:
    """Rows, or all rows of a page at once; see ``kernels.cumulative``."""
    x = node.inputs[0].type
    try:
        text, functions = cumulative_kernel(op.mode, x.dtype, x.ndim, op.axis)
        return CKernel(text, functions, heavy=True, cut=cut_of_lines(x.ndim, op.axis, 2))
    except NoC as why:
        return refuse(node, f"no C for {why}")


@c_impl.register
def recurrence_c(op: Recurrence, node: Apply) -> Answer:
    """The same with a factor for every term."""
    x = node.inputs[0].type
    try:
        text = recurrence_kernel(x.dtype, x.ndim, op.axis)
        return CKernel(text, fallible=True, heavy=True, cut=cut_of_lines(x.ndim, op.axis, 3))
    except NoC as why:
        return refuse(node, f"no C for {why}")
