"""Products through BLAS where it has the type; through kernels of our own where it has not, and where matrices are
small, for which the routines look at shapes."""

from typing import Any

from symcodegen.dispatch import Answer, CKernel, Routine, c_impl, refuse
from symcodegen.expr import NoC
from symcore.graph.variable import Apply
from symcore.tensor.constant import constant
from symcore.tensor.products import BatchedDot, Dot, Gemm, Gemv, Ger
from symcore.tensor.type import TensorType

_BLAS = frozenset({"float32", "float64", "complex64", "complex128"})
#: Operands of gemm, gemv and ger whose rows are those of the result: it, what is added to it, the first factor.
ROWS = (0, 1, 3)


def _blas(name: str, node: Apply) -> Routine:
    dtype = node.outputs[0].type.dtype.name

    def emit(b: Any, n: Apply) -> None:
        inplace = tuple(b.plan.inplace.get(n, {}).items())
        b.routine(f"{name}_{dtype}", [b.out(n.outputs[0])], [b.slot(v) for v in n.inputs], (), inplace, ROWS)

    return Routine(f"BLAS {name}", emit)


@c_impl.register
def gemm_c(op: Gemm, node: Apply) -> Answer:
    """BLAS."""
    return _blas("gemm", node)


@c_impl.register
def gemv_c(op: Gemv, node: Apply) -> Answer:
    """BLAS."""
    return _blas("gemv", node)


@c_impl.register
def ger_c(op: Ger, node: Apply) -> Answer:
    """BLAS."""
    return _blas("ger", node)


@c_impl.register
def dot_c(op: Dot, node: Apply) -> Answer:
    """A GEMM on views with axes of length 1 where there are vectors; beta is 0, so what the buffer held is not read."""
    x, y = (v.type for v in node.inputs)
    if x.dtype.name not in _BLAS:
        return _without_blas(node, 0, x.ndim == 2, y.ndim == 2)

    def emit(b: Any, n: Apply) -> None:
        registers, z = b.registers, n.outputs[0].type
        rows = registers.shape(n.inputs[0])[0] if x.ndim == 2 else registers.of(1)
        columns = registers.shape(n.inputs[1])[1] if y.ndim == 2 else registers.of(1)
        matrix = TensorType(x.dtype, (None, None))
        left = _matrix(b, n.inputs[0], (-1, 0), matrix) if x.ndim == 1 else b.slot(n.inputs[0])
        right = _matrix(b, n.inputs[1], (0, -1), matrix) if y.ndim == 1 else b.slot(n.inputs[1])
        one, zero = (b.slot(constant(k, dtype=x.dtype)) for k in (1, 0))
        empty = b.temp(matrix, (rows, columns))
        target = b.out(n.outputs[0])
        if z.ndim < 2:
            whole, target = target, b.new_view(matrix)
            b.dimshuffle(target, whole, (0 if x.ndim == 2 else -1, z.ndim - 1 if y.ndim == 2 else -1))
        b.routine(f"gemm_{x.dtype.name}", [target], [empty, one, left, right, zero], cut=ROWS)

    return Routine("BLAS gemm", emit)


def _without_blas(node: Apply, batch: int, rows: bool, columns: bool) -> Answer:
    """Return the kernel for types that BLAS does not have."""
    from symcodegen.kernels.integer_dot import product_kernel  # noqa: PLC0415 - most products are of floats

    try:
        text, functions = product_kernel(node.outputs[0].type.dtype, batch, rows, columns)
    except NoC as why:
        return refuse(node, f"no C for a {why}")
    return CKernel(text, functions, fallible=True, heavy=True, weight=32)


def _matrix(b: Any, v: Any, order: tuple[int, int], ttype: TensorType) -> int:
    view: int = b.new_view(ttype)
    b.dimshuffle(view, b.slot(v), order)
    return view


@c_impl.register
def batched_dot_c(op: BatchedDot, node: Apply) -> Answer:
    """A product for each pair of matrices: kernels of our own where they are small, BLAS otherwise."""
    dtype = node.outputs[0].type.dtype
    if any(v.type.dtype is not dtype for v in node.inputs):
        return refuse(node, f"no C for a product of {' and '.join(str(v.type.dtype) for v in node.inputs)}")
    if dtype.name not in _BLAS:
        return _without_blas(node, node.outputs[0].type.ndim - 2, True, True)

    def emit(b: Any, n: Apply) -> None:
        rank = b.registers.of(n.outputs[0].type.ndim)
        name, cut = f"gemm_batched_{dtype.name}", (0, 1, 2) if n.outputs[0].type.ndim > 2 else ()
        b.routine(name, [b.out(n.outputs[0])], [b.slot(v) for v in n.inputs], (rank,), cut=cut)

    return Routine("BLAS gemm, batched", emit)
