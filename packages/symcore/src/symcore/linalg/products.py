"""Products, powers and sizes of matrices.

The derivative of the exponential: R. Mathias, SIAM J. Matrix Anal. Appl. 17 (1996): the exponential of the block matrix
``[[a, t], [0, a]]`` holds it in its upper right block.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from symcore.extras import scipy_module
from symcore.graph.variable import Apply
from symcore.linalg.decompositions import svd
from symcore.linalg.matrices import as_square, complex_grads
from symcore.op import Op, Shape
from symcore.tensor import dtypes, functions
from symcore.tensor.constant import as_tensor, as_tensors
from symcore.tensor.join import join
from symcore.tensor.products import dot
from symcore.tensor.reduce import normalize_axis
from symcore.tensor.reductions import max as largest
from symcore.tensor.reductions import min as smallest
from symcore.tensor.reductions import sum as total
from symcore.tensor.scalar_functions import abs, cast
from symcore.tensor.shapes import Reshape, shape_i


class Expm(Op):
    """The exponential of a square matrix. SciPy computes it."""

    def make_node(self, x: Any) -> Apply:
        x = as_square(self, x)
        return Apply(self, [x], [x.type()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        return [input_shapes[0]]

    def perform(self, node: Apply, x: Any) -> Any:
        return np.asarray(scipy_module("linalg", "expm").expm(x)).astype(x.dtype, copy=False)

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        return complex_grads(self, inputs) or [self._moved(inputs[0].T, output_grads[0])]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [None if tangents[0] is None else self._moved(inputs[0], tangents[0])]

    def _moved(self, x: Any, t: Any) -> Any:
        blocks = join(0, join(1, x, t), join(1, x.zeros_like(), x))
        n = shape_i(x, 0)
        return self(blocks)[:n, n:]


expm = Expm()


def matrix_dot(*matrices: Any) -> Any:
    """Return the product of matrices (or a vector first or last), from the left. Raises ``ValueError`` for none."""
    if not matrices:
        raise ValueError("matrix_dot needs at least one matrix.")
    result = as_tensor(matrices[0])
    for matrix in matrices[1:]:
        result = dot(result, matrix)
    return result


def kron(a: Any, b: Any) -> Any:
    """Return the Kronecker product, as ``numpy.kron``: for matrices the blocks ``a[i, j] b``."""
    a, b = as_tensors([a, b])
    ndim = max(a.type.ndim, b.type.ndim)
    if not ndim:
        return a * b
    a, b = (v.dimshuffle(*["x"] * (ndim - v.type.ndim), *range(v.type.ndim)) for v in (a, b))
    lengths = [shape_i(a, k) * shape_i(b, k) for k in range(ndim)]
    left = a.dimshuffle(*[p for k in range(ndim) for p in (k, "x")])
    right = b.dimshuffle(*[p for k in range(ndim) for p in ("x", k)])
    return Reshape(ndim)(left * right, *lengths)


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the norm of ``x``, a vector or a matrix, as ``numpy.linalg.norm``. Where it is zero its gradient is zero.

    Parameters
    ----------
    ord
        ``None``: the root of the sum of squares. Vectors: a number, ``inf``, ``-inf`` or 0. Matrices: ``"fro"``,
        ``"nuc"`` (the sum of singular values), 1, -1, ``inf``, ``-inf`` (sums of columns and rows), 2, -2 (singular
        values). The norm of integers is a float64.
    axis
        One axis: of vectors; two: of matrices; ``None``: all.
    keepdims
        Leave the axes with length 1.
    """
    x = as_tensor(x)
    x = cast(x, dtypes.FLOAT64) if dtypes.is_discrete(x.type.dtype) else x
    axes = normalize_axis(axis, x.type.ndim)
    if ord is None or (ord == "fro" and len(axes) == 2):
        return functions.norm(x, 2, axes, keepdims)
    if len(axes) == 1 and not isinstance(ord, str):
        return functions.norm(x, ord, axes, keepdims)
    if len(axes) != 2:
        raise ValueError(f"there is no norm of order {ord!r} along {len(axes)} axes; for a tensor give axis=.")
    first, second = axes if axis is None else [a % x.type.ndim for a in axis]
    if ord in (1, -1, np.inf, -np.inf):
        summed, kept = (first, second) if ord in (1, -1) else (second, first)
        sizes = total(abs(x), summed, keepdims=True)
        y = (largest if ord > 0 else smallest)(sizes, kept, keepdims=True)
    elif ord in (2, -2, "nuc"):
        if x.type.ndim != 2:
            raise ValueError(f"the norm of order {ord!r} is of one matrix, got {x.type}.")
        s = svd(x, False, False)
        y = (total(s) if ord == "nuc" else largest(s) if ord == 2 else smallest(s)).dimshuffle("x", "x")
    else:
        raise ValueError(f"a matrix has the norms 'fro', 'nuc', 1, -1, 2, -2, inf and -inf, got {ord!r}.")
    return y if keepdims else y.dimshuffle(*[a for a in range(x.type.ndim) if a not in axes])
