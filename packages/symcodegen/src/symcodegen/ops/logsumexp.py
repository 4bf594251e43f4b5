"""C for ``LogSumExp``."""

from symcodegen.dispatch import COLLAPSED, Answer, CKernel, c_impl
from symcodegen.kernels.logsumexp import logsumexp_kernel
from symcodegen.ops.reduce import reduced_axes
from symcore.graph.variable import Apply
from symcore.tensor.log_sum_exp import LogSumExp


@c_impl.register
def logsumexp_c(op: LogSumExp, node: Apply) -> Answer:
    """The largest, then the sum of the exponentials, while a row is in the cache; see ``kernels.logsumexp``."""
    x = node.inputs[0].type
    body, functions = logsumexp_kernel(x.dtype)
    axes = reduced_axes(x.ndim, op.axis)
    return CKernel(body, functions, COLLAPSED, axes, (0, 0), reorder=True, weight=8, cut=True)
