"""Inverses and determinants.

Derivatives: M. B. Giles, "Collected matrix derivative results for forward and reverse mode algorithmic differentiation"
(2008); of the pseudo-inverse: G. H. Golub and V. Pereyra, SIAM J. Numer. Anal. 10 (1973), equation 4.12.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from symcore.graph.variable import Apply
from symcore.linalg.matrices import as_operand, as_square, complex_grads, dot, length_between
from symcore.op import Op, Shape
from symcore.tensor import dtypes
from symcore.tensor.constant import as_tensor
from symcore.tensor.creation import eye
from symcore.tensor.shapes import Reshape, shape_i
from symcore.tensor.type import TensorType


class MatrixInverse(Op):
    """The inverse of a square matrix. A singular one raises ``numpy.linalg.LinAlgError`` when the function runs."""

    def make_node(self, x: Any) -> Apply:
        x = as_square(self, x)
        return Apply(self, [x], [x.type()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        return [input_shapes[0]]

    def perform(self, node: Apply, x: Any) -> Any:
        return np.linalg.inv(x)

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        [y], [g] = outputs, output_grads
        return complex_grads(self, inputs) or [-dot(dot(y.T, g), y.T)]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        [y], [t] = outputs, tangents
        return [None if t is None else -dot(dot(y, t), y)]


class MatrixPinv(Op):
    """The Moore-Penrose inverse of a matrix; singular values below ``rcond`` times the largest count as zero."""

    rcond: float = 1e-15

    def make_node(self, x: Any) -> Apply:
        x = as_operand(self, x)
        return Apply(self, [x], [TensorType(x.type.dtype, x.type.shape[::-1])()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        return [(input_shapes[0][1], input_shapes[0][0])]

    def perform(self, node: Apply, x: Any) -> Any:
        return np.linalg.pinv(x, rcond=self.rcond)

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        [x], [y], [g] = inputs, outputs, output_grads
        # Of dY = -Y dX Y + Y Y' dX' (I - X Y) + (I - Y X) dX' Y' Y; written so that no identity is needed.
        right = dot(g.T, y)
        right = dot(right - dot(x, dot(y, right)), y.T)
        left = dot(y, g.T)
        left = dot(y.T, left - dot(dot(left, y), x))
        return complex_grads(self, inputs) or [right + left - dot(dot(y.T, g), y.T)]


class Det(Op):
    """The determinant of a square matrix. Its gradient is the transposed adjugate, at singular matrices too."""

    def make_node(self, x: Any) -> Apply:
        x = as_square(self, x)
        return Apply(self, [x], [TensorType(x.type.dtype, ())()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        return [()]

    def perform(self, node: Apply, x: Any) -> Any:
        return np.asarray(np.linalg.det(x))

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        [x], [g] = inputs, output_grads
        return complex_grads(self, inputs) or [g * adjugate(x).T]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        [x], [t] = inputs, tangents
        return [None if t is None else (adjugate(x).T * t).sum()]


class Adjugate(Op):
    """The transposed cofactors of a square matrix: ``det(x)`` times its inverse, and defined where there is none.

    Well-conditioned matrices go through the inverse. Of others the adjugate is taken of the factors of the singular
    value decomposition ``u diag(s) v'``: ``det(u v') v diag(p) u'``, with ``p[i]`` the product of all ``s`` but
    ``s[i]`` (G. W. Stewart, "On the adjugate matrix", Linear Algebra and its Applications 283 (1998)). Its own
    derivative takes the inverse: at a singular matrix that raises ``numpy.linalg.LinAlgError`` when the function runs.
    ``singular`` says that the matrix is known to have no inverse, so that none is tried.
    """

    singular: bool = False

    def make_node(self, x: Any) -> Apply:
        x = as_square(self, x)
        return Apply(self, [x], [x.type()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        return [input_shapes[0]]

    def perform(self, node: Apply, x: Any) -> Any:
        if x.shape[0] != x.shape[1]:
            raise ValueError(f"{self} takes a square matrix, got one of shape {x.shape}.")
        if not x.size or not np.isfinite(x).all():
            return np.full_like(x, np.nan)
        with np.errstate(all="ignore"):
            regular = None if self.singular else self._of_regular(x)
            if regular is not None:
                return regular
            u, s, vt = np.linalg.svd(x)
            before = np.cumprod(np.concatenate([[1], s[:-1]]))
            behind = np.cumprod(np.concatenate([[1], s[:0:-1]]))[::-1]
            sign = np.linalg.det(u) * np.linalg.det(vt)
            return ((vt.conj().T * (before * behind)) @ u.conj().T * sign).astype(x.dtype, copy=False)

    @staticmethod
    def _of_regular(x: Any) -> Any:
        """Return the adjugate of a matrix that has a good inverse, else ``None``."""
        try:
            inverse, determinant = np.linalg.inv(x), np.linalg.det(x)
        except np.linalg.LinAlgError:
            return None
        condition = np.linalg.norm(x, 1) * np.linalg.norm(inverse, 1)
        good = condition < np.finfo(x.dtype).eps ** -0.5 and np.isfinite(determinant) and determinant != 0
        return determinant * inverse if good else None

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        [x], [y], [g] = inputs, outputs, output_grads
        back = matrix_inverse(x).T
        return complex_grads(self, inputs) or [(g * y).sum() * back - dot(dot(back, g), y.T)]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        [x], [y], [t] = inputs, outputs, tangents
        if t is None:
            return [None]
        inverse = matrix_inverse(x)
        return [(inverse.T * t).sum() * y - dot(dot(y, t), inverse)]


class SLogDet(Op):
    """The sign of the determinant and the logarithm of its absolute value, which neither over- nor underflows."""

    def make_node(self, x: Any) -> Apply:
        x = as_square(self, x)
        real = dtypes.as_dtype(f"float{x.type.dtype.itemsize * 4}") if x.type.dtype.kind == "c" else x.type.dtype
        return Apply(self, [x], [TensorType(x.type.dtype, ())(), TensorType(real, ())()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        return [(), ()]

    def perform(self, node: Apply, x: Any) -> Any:
        sign, logarithm = np.linalg.slogdet(x)
        return np.asarray(sign), np.asarray(logarithm)

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        return complex_grads(self, inputs) or [output_grads[1] * matrix_inverse(inputs[0]).T]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        [t] = tangents
        return [None, None if t is None else (matrix_inverse(inputs[0]).T * t).sum()]


matrix_inverse = MatrixInverse()
inv = matrix_inverse
det = Det()
adjugate = Adjugate()


def pinv(x: Any, rcond: float = 1e-15) -> Any:
    """Return the Moore-Penrose inverse of ``x``; singular values below ``rcond`` times the largest count as zero."""
    return MatrixPinv(float(rcond))(x)


def slogdet(x: Any) -> list[Any]:
    """Return the sign of the determinant of ``x`` and the logarithm of its absolute value, two scalars."""
    return SLogDet().make_node(x).outputs


def matrix_power(x: Any, n: int) -> Any:
    """Return the square matrix ``x`` multiplied ``n`` times; a negative ``n`` takes the inverse. ``n`` is an int."""
    if not isinstance(n, (int, np.integer)) or isinstance(n, bool):
        raise TypeError(f"matrix_power takes an int as its power, got {n!r} ({type(n).__name__}).")
    x = as_tensor(x)
    if n <= 0:
        floats = as_square("matrix_power", x)
        if n == 0:
            return eye(shape_i(x, 0), dtype=x.type.dtype)
        x = floats
    base, left = (x, int(n)) if n > 0 else (matrix_inverse(x), -int(n))
    result = None
    while left:
        if left & 1:
            result = base if result is None else dot(result, base)
        left >>= 1
        base = dot(base, base) if left else base
    return result


def tensorinv(x: Any, ind: int = 2) -> Any:
    """Return the inverse of ``x`` for ``tensordot(tensorinv(x, ind), x, ind)``, as ``numpy.linalg.tensorinv``.

    The product of the first ``ind`` lengths must be that of the others.
    """
    x = as_tensor(x)
    if not 0 < ind <= x.type.ndim:
        raise ValueError(f"tensorinv needs 0 < ind <= {x.type.ndim} (the number of dimensions), got {ind}.")
    matrix = Reshape(2)(x, length_between(x, 0, ind), length_between(x, ind, x.type.ndim))
    lengths = [shape_i(x, a) for a in (*range(ind, x.type.ndim), *range(ind))]
    return Reshape(x.type.ndim)(matrix_inverse(matrix), *lengths)
