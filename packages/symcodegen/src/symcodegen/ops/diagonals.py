"""C for diagonals."""

from typing import Any

from symcodegen.dispatch import Answer, CKernel, Routine, c_impl
from symcodegen.kernels.diagonal import diagonal_kernel
from symcore.graph.variable import Apply
from symcore.tensor.diagonals import ExtractDiag, WriteDiag


def _kernel(op: Any, node: Apply, write: bool) -> CKernel:
    x = node.inputs[0].type
    return CKernel(diagonal_kernel(x.dtype, x.ndim, op.offset, op.axis1, op.axis2, write), fallible=write)


@c_impl.register
def extract_diag_c(op: ExtractDiag, node: Apply) -> Answer:
    """One loop with the strides of both axes."""
    return _kernel(op, node, write=False)


@c_impl.register
def write_diag_c(op: WriteDiag, node: Apply) -> Answer:
    """A copy of the whole (none in place), then the diagonal."""
    kernel = _kernel(op, node, write=True)

    def emit(b: Any, n: Apply) -> None:
        x, values = n.inputs
        target = b.out(n.outputs[0])
        b.copy(target, b.slot(x), x.type, inplace=n in b.plan.inplace)
        b.kernel(kernel, [target], [target, b.slot(values)], name=str(op))

    return Routine("copy and diagonal", emit, fallible=True)
