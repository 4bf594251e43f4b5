"""Linear systems.

Derivatives: M. B. Giles, "Collected matrix derivative results for forward and reverse mode algorithmic differentiation"
(2008), section 2.3.1; least squares through the pseudo-inverse (see ``inverses``).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from symcore.extras import scipy_module
from symcore.graph.variable import Apply
from symcore.linalg.inverses import MatrixPinv, pinv
from symcore.linalg.matrices import as_operand, as_square, complex_grads, dot, length_between, one_dtype, outer_like
from symcore.op import Op, Shape
from symcore.tensor.constant import as_tensor
from symcore.tensor.diagonals import tril, triu
from symcore.tensor.shapes import Reshape, shape_i
from symcore.tensor.type import TensorType


def _system(op: Any, a: Any, b: Any) -> Apply:
    a, b = one_dtype(as_square(op, a), as_operand(op, b, 1, 2))
    rows, n = b.type.shape[0], a.type.shape[0]
    if rows is not None and n is not None and rows != n:
        raise ValueError(f"{op}: a matrix of shape {a.type.shape} does not fit a right-hand side of {b.type.shape}.")
    return Apply(op, [a, b], [b.type()])


class SolveGeneral(Op):
    """The ``x`` for which ``a x = b``; ``b`` is a vector, or a matrix of columns.

    A singular ``a`` raises ``numpy.linalg.LinAlgError`` when the function runs.
    """

    def make_node(self, a: Any, b: Any) -> Apply:
        return _system(self, a, b)

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        return [input_shapes[1]]

    def perform(self, node: Apply, a: Any, b: Any) -> Any:
        return np.linalg.solve(a, b)

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        by_b = self(inputs[0].T, output_grads[0])
        return complex_grads(self, inputs) or [-outer_like(by_b, outputs[0]), by_b]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        u, v = tangents
        moved = None if u is None else -dot(u, outputs[0])
        right = v if moved is None else moved if v is None else v + moved
        return [None if right is None else self(inputs[0], right)]


class SolveTriangular(Op):
    """The ``x`` for which ``a x = b`` (``a' x = b`` with ``transposed``), reading one triangle of ``a`` alone.

    With ``unit_diagonal`` the diagonal counts as ones and is not read. SciPy computes it.
    """

    lower: bool = True
    transposed: bool = False
    unit_diagonal: bool = False

    def make_node(self, a: Any, b: Any) -> Apply:
        return _system(self, a, b)

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        return [input_shapes[1]]

    def perform(self, node: Apply, a: Any, b: Any) -> Any:
        linalg = scipy_module("linalg", "solve_triangular")
        if not b.size:
            return np.zeros(b.shape, b.dtype)
        return linalg.solve_triangular(
            a, b, trans=int(self.transposed), lower=self.lower, unit_diagonal=self.unit_diagonal, check_finite=False
        )

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        by_b = SolveTriangular(self.lower, not self.transposed, self.unit_diagonal)(inputs[0], output_grads[0])
        by_a = -(outer_like(outputs[0], by_b) if self.transposed else outer_like(by_b, outputs[0]))
        return complex_grads(self, inputs) or [self._read(by_a), by_b]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        u, v = tangents
        right = v
        if u is not None:
            part = self._read(u)
            moved = dot(part.T if self.transposed else part, outputs[0])
            right = -moved if v is None else v - moved
        return [None if right is None else self(inputs[0], right)]

    def _read(self, x: Any) -> Any:
        """Return the part of a matrix that is read, zeros elsewhere."""
        beside = int(self.unit_diagonal)
        return tril(x, -beside) if self.lower else triu(x, beside)


class Lstsq(Op):
    """Least squares: the shortest ``x`` that makes ``|a x - b|`` smallest, the squared residuals (no element if ``a``
    has not full rank or no more rows than columns), the rank of ``a``, and its singular values.

    Only the first output can be differentiated, for an ``a`` of full rank; use ``svd`` for singular values.
    """

    rcond: float | None = None

    def make_node(self, a: Any, b: Any) -> Apply:
        a, b = one_dtype(as_operand(self, a), as_operand(self, b, 1, 2))
        real = b.real.type.dtype
        outputs = [
            TensorType(b.type.dtype, (a.type.shape[1], *b.type.shape[1:])),
            TensorType(real, (None,)),
            TensorType("int64", ()),
            TensorType(real, (None,)),
        ]
        return Apply(self, [a, b], [t() for t in outputs])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape | None]:
        a, b = input_shapes
        return [(a[1], *b[1:]), None, (), None]

    def perform(self, node: Apply, a: Any, b: Any) -> Any:
        x, residuals, rank, values = np.linalg.lstsq(a, b, rcond=self.rcond)
        return x, residuals, np.asarray(rank, np.int64), values

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True, False, False, False]] * 2

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        [a, b], g = inputs, output_grads[0]
        inverse = pinv(a)
        [by_a] = MatrixPinv().L_op([a], [inverse], [outer_like(g, b)])
        return complex_grads(self, inputs) or [by_a, dot(inverse.T, g)]


def Solve(
    A_structure: str = "general",
    lower: bool = False,
    overwrite_A: bool = False,  # noqa: N802, N803
    overwrite_b: bool = False,
) -> Op:
    """Return the Op that solves systems whose matrix is, by ``A_structure``, ``general``, ``symmetric``,
    ``lower_triangular`` or ``upper_triangular``; ``ValueError`` for another. ``lower``, ``overwrite_A`` and
    ``overwrite_b`` have no influence: symmetric matrices are read whole, and the compiler decides what is overwritten.
    """
    ops = {
        "general": SolveGeneral(),
        "symmetric": SolveGeneral(),
        "lower_triangular": SolveTriangular(True),
        "upper_triangular": SolveTriangular(False),
    }
    if A_structure not in ops:
        raise ValueError(f"the structures of a matrix are {', '.join(ops)}, got {A_structure!r}.")
    return ops[A_structure]


def solve(a: Any, b: Any, A_structure: str = "general") -> Any:  # noqa: N803
    """Return the ``x`` for which ``a x = b``, for a vector or a matrix ``b``. ``A_structure``: see ``Solve``."""
    return Solve(A_structure)(a, b)


def solve_symmetric(a: Any, b: Any) -> Any:
    """Return the ``x`` for which ``a x = b``, for a symmetric ``a``."""
    return SolveGeneral()(a, b)


def solve_triangular(a: Any, b: Any, trans: int | str = 0, lower: bool = False, unit_diagonal: bool = False) -> Any:
    """Return the ``x`` for which ``a x = b``, reading one triangle of ``a`` alone, as ``scipy.linalg``.

    ``trans``: 0 or ``"N"``; 1 or ``"T"`` solves with the transpose of ``a``. ``lower``: which triangle.
    ``unit_diagonal``: take the diagonal as ones, without reading it.
    """
    if trans not in (0, 1, "N", "T"):
        raise ValueError(f"solve_triangular takes trans = 0, 1, 'N' or 'T', got {trans!r}.")
    return SolveTriangular(bool(lower), trans in (1, "T"), bool(unit_diagonal))(a, b)


def solve_lower_triangular(a: Any, b: Any) -> Any:
    """Return the ``x`` for which ``a x = b``, reading the lower triangle of ``a`` alone."""
    return SolveTriangular(True)(a, b)


def solve_upper_triangular(a: Any, b: Any) -> Any:
    """Return the ``x`` for which ``a x = b``, reading the upper triangle of ``a`` alone."""
    return SolveTriangular(False)(a, b)


def cho_solve(c_and_lower: tuple[Any, bool], b: Any) -> Any:
    """Return the ``x`` for which ``a x = b``. ``c_and_lower``: the Cholesky factor of ``a``, and whether it is the
    lower.
    """
    factor, lower = c_and_lower
    first = SolveTriangular(bool(lower), transposed=not lower)(factor, b)
    return SolveTriangular(bool(lower), transposed=bool(lower))(factor, first)


def lstsq(a: Any, b: Any, rcond: float | None = None) -> list[Any]:
    """Return the least-squares solution of ``a x = b``, squared residuals, rank and singular values.

    As ``numpy.linalg.lstsq``; ``rcond``: singular values below it times the largest count as zero.
    """
    return Lstsq(None if rcond is None else float(rcond)).make_node(a, b).outputs


def tensorsolve(a: Any, b: Any, axes: Sequence[int] | None = None) -> Any:
    """Return the ``x`` for which ``tensordot(a, x, x.ndim) = b``, as ``numpy.linalg.tensorsolve``.

    ``axes`` of ``a`` are moved to its end first.
    """
    a, b = as_tensor(a), as_tensor(b)
    if axes is not None:
        last = [axis % a.type.ndim for axis in axes]
        a = a.dimshuffle(*[k for k in range(a.type.ndim) if k not in last], *last)
    if b.type.ndim > a.type.ndim:
        raise ValueError(f"tensorsolve needs at least the dimensions of b in a, got {a.type} and {b.type}.")
    matrix = Reshape(2)(a, length_between(a, 0, b.type.ndim), length_between(a, b.type.ndim, a.type.ndim))
    lengths = [shape_i(a, k) for k in range(b.type.ndim, a.type.ndim)]
    return Reshape(len(lengths))(SolveGeneral()(matrix, b.flatten()), *lengths)
