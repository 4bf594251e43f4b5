"""C for linear algebra, through the functions of LAPACK that SciPy publishes.

Registered when the first of these Ops asks for its kernel. Decompositions into eigen- and singular vectors, QR and
least squares stay with NumPy: LAPACK's work there is so long that the way through Python costs nothing.
"""

from typing import Any

from symcodegen import blas
from symcodegen.dispatch import Answer, CKernel, Routine, c_impl, refuse
from symcodegen.kernels import lapack
from symcore.graph.variable import Apply
from symcore.linalg.decompositions import Cholesky
from symcore.linalg.inverses import Det, MatrixInverse, SLogDet
from symcore.linalg.solving import SolveGeneral, SolveTriangular


def _through(node: Apply, names: tuple[str, ...], text: str, functions: tuple[str, ...] = ()) -> Answer:
    """Return what runs a kernel that takes addresses of LAPACK behind its inputs; ``None`` without SciPy."""
    wanted = lapack.functions_of(names, node.inputs[0].type.dtype)
    try:
        addresses = [blas.lapack(name) for name in wanted]
    except ImportError as error:
        return refuse(node, str(error))
    kernel = CKernel(text, functions, fallible=True, weight=64)

    def emit(b: Any, n: Apply) -> None:
        b.uses_blas = True
        outputs = [b.out(y) for y in n.outputs]
        given = [b.host(b.registers.of(address)) for address in addresses]
        b.kernel(kernel, outputs, [*(b.slot(v) for v in n.inputs), *given], name=str(n.op))

    return Routine("LAPACK " + ", ".join(names), emit, fallible=True)


def _unknown(node: Apply) -> Answer:
    return refuse(node, f"LAPACK has no {node.inputs[0].type.dtype}")


def _is_known(node: Apply) -> bool:
    return lapack.is_known(node.inputs[0].type.dtype)


@c_impl.register
def cholesky_c(op: Cholesky, node: Apply) -> Answer:
    """potrf on a copy."""
    if not _is_known(node):
        return _unknown(node)
    dtype = node.inputs[0].type.dtype
    return _through(node, ("potrf",), lapack.cholesky_kernel(dtype, op.lower, op.on_error == "nan"))


@c_impl.register
def inverse_c(op: MatrixInverse, node: Apply) -> Answer:
    """getrf and getri on a copy."""
    if not _is_known(node):
        return _unknown(node)
    return _through(node, ("getrf", "getri"), lapack.inverse_kernel(node.inputs[0].type.dtype))


@c_impl.register
def solve_c(op: SolveGeneral, node: Apply) -> Answer:
    """getrf and getrs on copies."""
    if not _is_known(node):
        return _unknown(node)
    a, b = (v.type for v in node.inputs)
    return _through(node, ("getrf", "getrs"), lapack.solve_kernel(a.dtype, b.ndim == 2))


@c_impl.register
def solve_triangular_c(op: SolveTriangular, node: Apply) -> Answer:
    """trtrs on copies."""
    if not _is_known(node):
        return _unknown(node)
    a, b = (v.type for v in node.inputs)
    text = lapack.triangular_kernel(a.dtype, b.ndim == 2, op.lower, op.transposed, op.unit_diagonal)
    return _through(node, ("trtrs",), text)


@c_impl.register
def det_c(op: Det, node: Apply) -> Answer:
    """The product of the diagonal that getrf leaves."""
    if not _is_known(node):
        return _unknown(node)
    return _through(node, ("getrf",), lapack.determinant_kernel(node.inputs[0].type.dtype))


@c_impl.register
def slogdet_c(op: SLogDet, node: Apply) -> Answer:
    """The sum of the logarithms of that diagonal."""
    if not _is_known(node):
        return _unknown(node)
    return _through(node, ("getrf",), lapack.log_determinant_kernel(node.inputs[0].type.dtype), ("sym_log_f64",))
