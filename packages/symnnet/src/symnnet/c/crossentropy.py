"""C for the cross-entropies of one right class per row, and for their gradients."""

from typing import Any

from symcodegen.dispatch import CKernel, c_impl, refuse
from symnnet.c.crossentropy_text import CLASSES, categorical_text, fused_text
from symnnet.c.rows import REALS
from symnnet.crossentropy import (
    CrossentropyCategorical1Hot,
    CrossentropyCategorical1HotGrad,
    CrossentropySoftmax1hot,
    CrossentropySoftmax1hotGrad,
    CrossentropySoftmax1hotWithGrad,
)


def _refused(op: Any, node: Any) -> bool:
    """Tell whether the dtypes have no C, and note the reason."""
    real, classes = node.outputs[0].type.dtype.name, node.inputs[-1].type.dtype.name
    if real in REALS and classes in CLASSES:
        return False
    refuse(node, f"{type(op).__name__} has C for float32 and float64 with classes of any integer dtype but uint64, "
                 f"not for {real} with {classes}")
    return True


def _kernel(node: Any, text: str, *functions: str) -> CKernel:
    f = REALS[node.outputs[0].type.dtype.name][0]
    needed = tuple(dict.fromkeys(name.format(f) for name in functions))
    slope = node.inputs[0].type  # of a gradient; one for all rows goes whole to every piece
    whole = len(node.outputs) if slope.ndim == 0 or slope.broadcastable == (True,) else -1
    cut = tuple(k for k in range(len(node.outputs) + len(node.inputs)) if k != whole)
    return CKernel(text, needed, fallible=True, weight=4, cut=cut)


def _fused(op: Any, node: Any, value: bool, slope: bool) -> CKernel | None:
    if _refused(op, node):
        return None
    return _kernel(node, fused_text(node, value, slope), "sym_exp_{}", "sym_exp_usual_{}", "sym_log_f64")


@c_impl.register
def crossentropy_softmax_c(op: CrossentropySoftmax1hot, node: Any) -> CKernel | None:
    """Cross-entropy of a softmax: any strides."""
    return _fused(op, node, True, False)


@c_impl.register
def crossentropy_softmax_grad_c(op: CrossentropySoftmax1hotGrad, node: Any) -> CKernel | None:
    """Gradient of the cross-entropy of a softmax: any strides."""
    return _fused(op, node, False, True)


@c_impl.register
def crossentropy_softmax_with_grad_c(op: CrossentropySoftmax1hotWithGrad, node: Any) -> CKernel | None:
    """Cross-entropy of a softmax and its gradient: any strides."""
    return _fused(op, node, True, True)


@c_impl.register
def crossentropy_categorical_c(op: CrossentropyCategorical1Hot, node: Any) -> CKernel | None:
    """Cross-entropy of probabilities: any strides."""
    return None if _refused(op, node) else _kernel(node, categorical_text(node, False), "sym_log_{}")


@c_impl.register
def crossentropy_categorical_grad_c(op: CrossentropyCategorical1HotGrad, node: Any) -> CKernel | None:
    """Gradient of the cross-entropy of probabilities: any strides."""
    return None if _refused(op, node) else _kernel(node, categorical_text(node, True))
