"""Decompositions of matrices.

Derivatives: of eigenvalues and -vectors, M. B. Giles, "Collected matrix derivative results for forward and reverse mode
algorithmic differentiation" (2008); of the Cholesky factor, I. Murray, arXiv:1602.07527 (2016); of the singular value
decomposition, J. Townsend, "Differentiating the singular value decomposition" (2016); of QR, S. F. Walter and
L. Lehmann, Optim. Methods Softw. 28 (2013), its wide form split into a square one and a product.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from symcore.graph.null import grad_not_implemented
from symcore.graph.variable import Apply
from symcore.linalg.matrices import (
    as_operand,
    as_square,
    complex_grads,
    differences_inverted,
    dot,
    halved_diagonal,
)
from symcore.linalg.solving import SolveGeneral
from symcore.op import Op, Shape
from symcore.tensor import dtypes
from symcore.tensor.constant import as_tensor
from symcore.tensor.diagonals import alloc_diag, diagonal, tril, triu
from symcore.tensor.join import join
from symcore.tensor.scalar_functions import eq, minimum, sqr, switch
from symcore.tensor.shapes import as_length, shape_i
from symcore.tensor.type import TensorType

#: NumPy without its stubs, which want literals where an Op has a parameter.
_np: Any = np


def _real_of(dtype: Any) -> Any:
    return dtypes.as_dtype(f"float{dtype.itemsize * 4}") if dtype.kind == "c" else dtype


def _static_min(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else min(a, b)


def _rank(shape: Shape) -> Any:
    """Return the smaller of two lengths: an int where both are."""
    a, b = shape
    return min(a, b) if isinstance(a, int) and isinstance(b, int) else minimum(as_length(a), as_length(b))


class Cholesky(Op):
    """The triangular ``l`` with ``l l' = x``, or with ``lower=False`` ``r`` with ``r' r = x``; zeros in the other half.

    Only that triangle of ``x`` is read. A matrix that is not positive definite raises ``numpy.linalg.LinAlgError`` when
    the function runs, or with ``on_error="nan"`` gives NaN.
    """

    lower: bool = True
    on_error: str = "raise"

    def make_node(self, x: Any) -> Apply:
        x = as_square(self, x)
        if self.on_error not in ("raise", "nan"):
            raise ValueError(f"Cholesky has on_error='raise' and 'nan', got {self.on_error!r}.")
        return Apply(self, [x], [x.type()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        return [input_shapes[0]]

    def perform(self, node: Apply, x: Any) -> Any:
        try:
            if self.lower:
                return np.linalg.cholesky(x)
            return np.ascontiguousarray(np.linalg.cholesky(x.conj().T).conj().T)
        except np.linalg.LinAlgError:
            if self.on_error == "raise":
                raise
            return np.full(x.shape, np.nan, x.dtype)

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        [y], [g] = outputs, output_grads
        low, g = (y, g) if self.lower else (y.T, g.T)
        solve = SolveGeneral()
        inner = tril(halved_diagonal(dot(low.T, tril(g))))
        s = solve(low.T, solve(low.T, inner.T).T)  # l^-T inner l^-1
        grad = tril(halved_diagonal(s + s.T))
        return complex_grads(self, inputs) or [grad if self.lower else grad.T]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        [y], [t] = outputs, tangents
        if t is None:
            return [None]
        low, t = (y, t) if self.lower else (y.T, t.T)
        t = tril(t) + tril(t, -1).T
        solve = SolveGeneral()
        inner = solve(low, solve(low, t).T).T  # l^-1 t l^-T
        moved = dot(low, tril(halved_diagonal(inner)))
        return [moved if self.lower else moved.T]


class Eig(Op):
    """Eigenvalues and, as columns, eigenvectors of a square matrix; complex, for those of real matrices may be."""

    def make_node(self, x: Any) -> Apply:
        x = as_square(self, x)
        dtype = dtypes.upcast(x.type.dtype, dtypes.as_dtype("complex64"))
        side = x.type.shape[0]
        return Apply(self, [x], [TensorType(dtype, (side,))(), TensorType(dtype, x.type.shape)()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        return [input_shapes[0][:1], input_shapes[0]]

    def perform(self, node: Apply, x: Any) -> Any:
        return tuple(np.asarray(v).astype(y.type.dtype) for v, y in zip(np.linalg.eig(x), node.outputs, strict=True))


class Eigh(Op):
    """Eigenvalues, in ascending order, and eigenvectors, as columns, of a symmetric or Hermitian matrix.

    Only the triangle ``UPLO`` (``"L"`` or ``"U"``) is read. Vectors of equal eigenvalues have no derivative; 0 stands
    for what is undefined in it.
    """

    UPLO: str = "L"

    def make_node(self, x: Any) -> Apply:
        x = as_square(self, x)
        if self.UPLO not in ("L", "U"):
            raise ValueError(f"the triangle of Eigh is 'L' or 'U', got {self.UPLO!r}.")
        return Apply(self, [x], [TensorType(_real_of(x.type.dtype), x.type.shape[:1])(), x.type()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        return [input_shapes[0][:1], input_shapes[0]]

    def perform(self, node: Apply, x: Any) -> Any:
        values, vectors = _np.linalg.eigh(x, self.UPLO)
        return values, vectors

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        [w, v], [gw, gv] = outputs, output_grads
        inner = differences_inverted(w) * dot(v.T, gv) + alloc_diag(gw)
        g = dot(dot(v, inner), v.T)
        folded = tril(g) + tril(g.T, -1) if self.UPLO == "L" else triu(g) + triu(g.T, 1)
        return complex_grads(self, inputs) or [folded]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        [w, v], [t] = outputs, tangents
        if t is None:
            return [None, None]
        t = tril(t) + tril(t, -1).T if self.UPLO == "L" else triu(t) + triu(t, 1).T
        inner = dot(dot(v.T, t), v)
        return [diagonal(inner), dot(v, differences_inverted(w) * inner)]


class SVD(Op):
    """The singular value decomposition ``x = u diag(s) vt``: ``u``, ``s`` (descending) and ``vt``, or ``s`` alone.

    With ``full_matrices``, ``u`` and ``vt`` are square; then derivatives are not implemented. Vectors of equal singular
    values have no derivative; 0 stands for what is undefined in it.
    """

    full_matrices: bool = True
    compute_uv: bool = True

    def make_node(self, x: Any) -> Apply:
        x = as_operand(self, x)
        (m, n), dtype = x.type.shape, x.type.dtype
        k = _static_min(m, n)
        s = TensorType(_real_of(dtype), (k,))()
        if not self.compute_uv:
            return Apply(self, [x], [s])
        u, vt = ((m, m), (n, n)) if self.full_matrices else ((m, k), (k, n))
        return Apply(self, [x], [TensorType(dtype, u)(), s, TensorType(dtype, vt)()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        m, n = input_shapes[0]
        k = _rank((m, n))
        if not self.compute_uv:
            return [(k,)]
        return [(m, m), (k,), (n, n)] if self.full_matrices else [(m, k), (k,), (k, n)]

    def perform(self, node: Apply, x: Any) -> Any:
        found = _np.linalg.svd(x, self.full_matrices, self.compute_uv)
        return tuple(found) if self.compute_uv else np.asarray(found)

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        refused = complex_grads(self, inputs)
        if refused or not self.compute_uv:
            u, _, vt = SVD(False, True).make_node(inputs[0]).outputs
            return refused or [dot(u * output_grads[0].dimshuffle("x", 0), vt)]
        if self.full_matrices:
            return [grad_not_implemented(self, 0, inputs[0], "Use svd(x, full_matrices=False).")]
        [u, s, vt], [gu, gs, gvt] = outputs, output_grads
        gaps, nonzero = differences_inverted(sqr(s)), switch(eq(s, 0), np.ones((), s.type.dtype), s)
        column, row = s.dimshuffle(0, "x"), s.dimshuffle("x", 0)
        utgu, vtgv = dot(u.T, gu), dot(vt, gvt.T)
        inner = gaps * (utgu - utgu.T) * row + column * (gaps * (vtgv - vtgv.T)) + alloc_diag(gs)
        outside_u = (gu - dot(u, utgu)) / nonzero.dimshuffle("x", 0)
        outside_v = (gvt - dot(vtgv.T, vt)) / nonzero.dimshuffle(0, "x")
        return [dot(dot(u, inner) + outside_u, vt) + dot(u, outside_v)]


class QR(Op):
    """``x = q r`` with orthonormal columns in ``q`` and an upper triangular ``r``.

    ``mode``: ``"reduced"``, ``"complete"`` (a square ``q``; its derivatives are not implemented), or ``"r"`` (``r``
    alone). Derivatives need the first columns of ``x``, as many as it has rows, to be linearly independent.
    """

    mode: str = "reduced"

    def make_node(self, x: Any) -> Apply:
        x = as_operand(self, x)
        if self.mode not in ("reduced", "complete", "r"):
            raise ValueError(f"QR has the modes 'reduced', 'complete' and 'r', got {self.mode!r}.")
        (m, n), dtype = x.type.shape, x.type.dtype
        k = m if self.mode == "complete" else _static_min(m, n)
        r = TensorType(dtype, (k, n))()
        return Apply(self, [x], [r] if self.mode == "r" else [TensorType(dtype, (m, k))(), r])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        m, n = input_shapes[0]
        k = m if self.mode == "complete" else _rank((m, n))
        return [(k, n)] if self.mode == "r" else [(m, k), (k, n)]

    def perform(self, node: Apply, x: Any) -> Any:
        found = _np.linalg.qr(x, self.mode)
        return np.asarray(found) if self.mode == "r" else tuple(found)

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        refused = complex_grads(self, inputs)
        if refused or self.mode == "complete":
            return refused or [grad_not_implemented(self, 0, inputs[0], "Use mode='reduced'.")]
        x, gr = inputs[0], triu(output_grads[-1])
        q: Any
        r: Any
        q, r = outputs if self.mode == "reduced" else QR().make_node(x).outputs
        k = shape_i(q, 1)
        wide = gr[:, k:]  # of the columns beyond the square part, which are q times those of r
        gq = dot(x[:, k:], wide.T)
        gq = gq + output_grads[0] if self.mode == "reduced" else gq
        inner = dot(r[:, :k], gr[:, :k].T) - dot(gq.T, q)
        right = gq + dot(q, tril(inner) + tril(inner, -1).T)
        return [join(1, SolveGeneral()(r[:, :k], right.T).T, dot(q, wide))]


def cholesky(x: Any, lower: bool = True, on_error: str = "raise") -> Any:
    """Return the Cholesky factor of ``x``, a positive definite matrix: the ``lower`` one or the upper.

    ``on_error``: what a matrix that is not positive definite does, ``"raise"`` or ``"nan"``; see ``Cholesky``.
    """
    return Cholesky(bool(lower), on_error)(x)


def eig(x: Any) -> list[Any]:
    """Return the eigenvalues and eigenvectors (columns) of ``x``, a square matrix; both complex."""
    return Eig().make_node(x).outputs


def eigh(x: Any, UPLO: str = "L") -> list[Any]:  # noqa: N803
    """Return eigenvalues, ascending, and eigenvectors (columns) of ``x``, a symmetric matrix.

    ``UPLO``: ``L`` or ``U``, the triangle that is read.
    """
    return Eigh(UPLO).make_node(x).outputs


def eigvalsh(a: Any, b: Any = None, lower: bool = True) -> Any:
    """Return the eigenvalues, ascending, of a symmetric matrix; with a positive definite ``b``, those of
    ``a v = w b v``. ``lower``: which triangle is read.
    """
    a = as_tensor(a)
    if b is not None:
        whole = tril(a) + tril(a, -1).T if lower else triu(a) + triu(a, 1).T
        factor = cholesky(b if lower else as_tensor(b).T)
        half = SolveGeneral()(factor, whole)
        a = SolveGeneral()(factor, half.T)
        lower = True
    return eigh(a, "L" if lower else "U")[0]


def svd(x: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """Return ``[u, s, vt]`` of ``x``, or ``s`` alone without ``compute_uv``, as ``numpy.linalg.svd``; see ``SVD``.

    ``full_matrices``: ``u`` and ``vt`` square.
    """
    return SVD(bool(full_matrices), bool(compute_uv))(x)


def qr(x: Any, mode: str = "reduced") -> Any:
    """Return ``[q, r]`` with ``q r = x``, or ``r`` alone in the ``mode`` ``"r"``, as ``numpy.linalg.qr``; see
    ``QR``.
    """
    return QR({"full": "reduced", "economic": "reduced"}.get(mode, mode))(x)
