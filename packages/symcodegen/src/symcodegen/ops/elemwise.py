"""C for elementwise Ops."""

from typing import Any

from symcodegen.dispatch import COLLAPSED, Answer, CKernel, c_impl, refuse
from symcodegen.expr import NoC
from symcodegen.kernels.elemwise import elemwise_kernel
from symcore.graph.variable import Apply
from symcore.tensor.elemwise import Elemwise
from symcore.tensor.type import TensorType

#: Functions with more work per byte than plain arithmetic.
_PLAIN = frozenset(
    {"add", "sub", "mul", "neg", "sqr", "abs", "identity", "second", "lt", "le", "gt", "ge", "eq", "neq"}
)


@c_impl.register
def elemwise_c(op: Elemwise, node: Apply) -> Answer:
    """One fused loop."""
    try:
        return kernel_for(op.fn, [v.type for v in node.inputs], [y.type for y in node.outputs])
    except NoC as why:
        return refuse(node, f"no C expression for {why}")


def kernel_for(fn: Any, in_types: list[TensorType], out_types: list[TensorType]) -> CKernel:
    """Return the kernel that maps ``fn`` over tensors of the given types. Raises ``NoC``."""
    ndim = out_types[0].ndim
    scalars = [all(d == 1 for d in t.shape) for t in in_types]
    body, functions = elemwise_kernel(fn, [t.dtype for t in in_types], [t.dtype for t in out_types], scalars, ndim)
    axes, stretch = [], []
    for t in (*out_types, *in_types):
        offset = ndim - t.ndim
        axes.append(tuple(a - offset if a >= offset else -1 for a in range(ndim)))
        stretch.append(sum(1 << (a + offset) for a, d in enumerate(t.shape) if d == 1))
    n_out = len(out_types)
    stretch[:n_out] = [0] * n_out
    weight = 1 if getattr(fn, "name", "") in _PLAIN else 4
    return CKernel(body, functions, COLLAPSED, tuple(axes), tuple(stretch), reorder=True, weight=weight)
