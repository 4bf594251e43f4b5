"""C for softmax, log-softmax and their gradients."""

from typing import Any

from symcodegen.dispatch import CKernel, c_impl, refuse
from symnnet.c.rows import REALS
from symnnet.c.softmax_text import softmax_text
from symnnet.softmax import LogSoftmax, LogSoftmaxGrad, Softmax, SoftmaxGrad


def _kernel(op: Any, node: Any) -> CKernel | None:
    dtype = node.outputs[0].type.dtype.name
    if dtype not in REALS:
        refuse(node, f"{type(op).__name__} has C for float32 and float64, not for {dtype}")
        return None
    functions = (f"sym_exp_{REALS[dtype][0]}", f"sym_exp_usual_{REALS[dtype][0]}", "sym_log_f64")
    fallible = len(node.inputs) > 1  # the shapes of the two inputs are compared
    ndim = node.outputs[0].type.ndim
    cut = tuple(range(1 + len(node.inputs))) if ndim > 1 and op.axis % ndim else ()
    return CKernel(softmax_text(node, op.axis), functions, fallible=fallible, weight=4, cut=cut)


@c_impl.register
def softmax_c(op: Softmax, node: Any) -> CKernel | None:
    """Softmax: any axis, any strides."""
    return _kernel(op, node)


@c_impl.register
def log_softmax_c(op: LogSoftmax, node: Any) -> CKernel | None:
    """Log-softmax: any axis, any strides."""
    return _kernel(op, node)


@c_impl.register
def softmax_grad_c(op: SoftmaxGrad, node: Any) -> CKernel | None:
    """Gradient of softmax: any axis, any strides."""
    return _kernel(op, node)


@c_impl.register
def log_softmax_grad_c(op: LogSoftmaxGrad, node: Any) -> CKernel | None:
    """Gradient of log-softmax: any axis, any strides."""
    return _kernel(op, node)
