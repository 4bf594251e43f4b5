"""What the Ops of linear algebra share: their inputs, and the pieces of which their derivatives are made."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from symcore.graph.null import grad_not_implemented
from symcore.tensor import dtypes
from symcore.tensor.constant import as_tensor, constant
from symcore.tensor.diagonals import alloc_diag, diagonal
from symcore.tensor.products import Dot
from symcore.tensor.scalar_functions import cast, eq, switch
from symcore.tensor.shapes import shape_i

dot = Dot()


def as_operand(op: Any, value: Any, *ranks: int) -> Any:
    """Return ``value`` as a tensor that LAPACK can work on; integers become floats.

    Raises ``TypeError`` for another rank than ``ranks`` (2 by default) and for float16.
    """
    x = as_tensor(value)
    wanted = ranks or (2,)
    if x.type.ndim not in wanted:
        shapes = " or ".join({1: "a vector", 2: "a matrix"}.get(r, f"{r} dimensions") for r in wanted)
        raise TypeError(f"{op} takes {shapes}, got {x} of type {x.type}.")
    if x.type.dtype.name == "float16":
        raise TypeError(f"{op} cannot work in float16, got {x}. Cast it first: .astype('float32').")
    return cast(x, dtypes.FLOAT64) if dtypes.is_discrete(x.type.dtype) else x


def as_square(op: Any, value: Any) -> Any:
    """Return ``value`` as a matrix for LAPACK. Raises ``ValueError`` if its type says that it is not square."""
    x = as_operand(op, value)
    check_square(op, x.type.shape)
    return x


def check_square(op: Any, shape: Sequence[int | None]) -> None:
    """Raise ``ValueError`` for a shape that is not square, as far as it is known."""
    rows, columns = shape
    if rows is not None and columns is not None and rows != columns:
        raise ValueError(f"{op} takes a square matrix, got one of shape {tuple(shape)}.")


def one_dtype(*tensors: Any) -> list[Any]:
    """Return tensors in the dtype that holds all of them."""
    dtype = dtypes.upcast(*[x.type.dtype for x in tensors])
    return [cast(x, dtype) for x in tensors]


def complex_grads(op: Any, inputs: Sequence[Any]) -> list[Any] | None:
    """Return the gradients of a node with complex inputs, which are not implemented; ``None`` for real ones."""
    if all(x.type.dtype.kind != "c" for x in inputs):
        return None
    return [grad_not_implemented(op, k, x, "It is for real matrices.") for k, x in enumerate(inputs)]


def halved_diagonal(x: Any) -> Any:
    """Return a square matrix with half its diagonal."""
    return x - alloc_diag(diagonal(x)) / 2


def differences_inverted(values: Any) -> Any:
    """Return the matrix ``F[i, j] = 1 / (values[j] - values[i])``, 0 where they are equal."""
    d = values.dimshuffle("x", 0) - values.dimshuffle(0, "x")
    zero = eq(d, 0)
    return switch(zero, np.zeros((), d.type.dtype), 1 / switch(zero, np.ones((), d.type.dtype), d))


def outer_like(a: Any, b: Any) -> Any:
    """Return ``a b'`` of two matrices, or the outer product of two vectors."""
    if a.type.ndim == 1:
        a, b = a.dimshuffle(0, "x"), b.dimshuffle(0, "x")
    return dot(a, b.T)


def length_between(x: Any, start: int, stop: int) -> Any:
    """Return the number of elements along the axes ``start`` to ``stop - 1`` of ``x``."""
    total: Any = constant(1, dtype="int64")
    for axis in range(start, stop):
        total = shape_i(x, axis) if axis == start else total * shape_i(x, axis)
    return total
