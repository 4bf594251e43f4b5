"""Products of matrices and vectors, and the BLAS forms that rewriting turns them into."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from symcore.graph.variable import Apply
from symcore.op import Op, Shape
from symcore.tensor import dtypes
from symcore.tensor.constant import as_tensor, as_tensors
from symcore.tensor.elemwise import unbroadcast_to
from symcore.tensor.reduce import normalize_axis
from symcore.tensor.scalar_functions import cast, second
from symcore.tensor.shapes import Reshape, shape_i, specify_shape
from symcore.tensor.type import TensorType


def _match(op: Any, a: int | None, b: int | None, which: str = "summed") -> None:
    if a is not None and b is not None and a != b:
        raise ValueError(f"{op}: lengths {a} and {b} of the {which} axes differ.")


class Dot(Op):
    """The product of two tensors of one or two dimensions: inner, matrix-vector, vector-matrix or matrix product."""

    def make_node(self, x: Any, y: Any) -> Apply:
        x, y = as_tensors([x, y])
        if x.type.ndim not in (1, 2) or y.type.ndim not in (1, 2):
            raise TypeError(f"Dot takes vectors and matrices, got {x.type} and {y.type}; see T.dot and T.tensordot.")
        _match(self, x.type.shape[-1], y.type.shape[0])
        dtype = dtypes.upcast(x.type.dtype, y.type.dtype)
        return Apply(
            self, [cast(x, dtype), cast(y, dtype)], [TensorType(dtype, x.type.shape[:-1] + y.type.shape[1:])()]
        )

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        x, y = input_shapes
        return [(*x[:-1], *y[1:])]

    def perform(self, node: Apply, x: Any, y: Any) -> Any:
        if x.shape[-1] != y.shape[0]:
            raise ValueError(f"dot of shapes {x.shape} and {y.shape}: lengths {x.shape[-1]} and {y.shape[0]} differ.")
        with np.errstate(all="ignore"):
            return np.asarray(np.dot(x, y))

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        [x, y], [g] = inputs, output_grads
        if g.type.ndim == 0:
            terms = [g * y, g * x]
        elif x.type.ndim == 1:
            terms = [Dot()(g, y.T), outer(x, g)]
        elif y.type.ndim == 1:
            terms = [outer(g, y), Dot()(x.T, g)]
        else:
            terms = [Dot()(g, y.T), Dot()(x.T, g)]
        return [_like(t, v) for t, v in zip(terms, inputs, strict=True)]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        [x, y], [u, v] = inputs, tangents
        terms = [self(u, y)] if u is not None else []
        terms += [self(x, v)] if v is not None else []
        return [_sum(terms)]

    def __str__(self) -> str:
        return "dot"

    __repr__ = __str__


def _like(term: Any, x: Any) -> Any:
    """Give a gradient the pattern of ``x``: a length that one side of the product knows to be 1 is 1 in the other."""
    term = unbroadcast_to(term, x)
    if not x.type.is_super(term.type) and term.type.ndim == x.type.ndim:
        term = specify_shape(term, x.type.shape)
    return term


def _sum(terms: Sequence[Any]) -> Any:
    if not terms:
        return None
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def outer(x: Any, y: Any) -> Any:
    """Return the matrix ``x[:, None] * y[None, :]`` of two vectors."""
    x, y = as_tensors([x, y])
    return Dot()(x.flatten().dimshuffle(0, "x"), y.flatten().dimshuffle("x", 0))


class _Blas(Op):
    """``beta * y + alpha * product``, in one pass of BLAS. ``y`` is not read where ``beta`` is 0. Abstract."""

    def inplace(self, node: Apply) -> dict[int, tuple[int, ...]]:
        return {0: (0,)}

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        return [input_shapes[0]]

    def __str__(self) -> str:
        return type(self).__name__


def _blas_node(op: Op, ranks: Sequence[int], inputs: Sequence[Any]) -> Apply:
    variables = [as_tensor(v) for v in inputs]
    dtype = variables[0].type.dtype
    if [v.type.ndim for v in variables] != list(ranks) or any(v.type.dtype is not dtype for v in variables):
        raise TypeError(
            f"{op} takes tensors of {list(ranks)} dimensions and one dtype, "
            f"got {', '.join(str(v.type) for v in variables)}."
        )
    if dtype.kind not in "fc" or dtype.itemsize < 4:
        raise TypeError(f"{op} takes float32, float64, complex64 or complex128, got {dtype}.")
    return Apply(op, variables, [variables[0].type()])


def _scaled(beta: Any, y: Any) -> Any:
    return 0 if beta == 0 else beta * y


class Gemv(_Blas):
    """``beta * y + alpha * A @ x``; inputs ``(y, alpha, A, x, beta)``."""

    def make_node(self, *inputs: Any) -> Apply:
        return _blas_node(self, (1, 0, 2, 1, 0), inputs)

    def perform(self, node: Apply, y: Any, alpha: Any, a: Any, x: Any, beta: Any) -> Any:
        if a.shape != (y.shape[0], x.shape[0]):
            raise ValueError(
                f"Gemv: a matrix of shape {a.shape} does not map a vector of shape {x.shape} to {y.shape}."
            )
        with np.errstate(all="ignore"):
            return np.asarray(_scaled(beta, y) + alpha * np.dot(a, x)).astype(y.dtype)

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        [y, alpha, a, x, beta], [g] = inputs, output_grads
        return [
            beta * g,
            (g * Dot()(a, x)).sum().astype(g.type.dtype),
            alpha * outer(g, x),
            alpha * Dot()(a.T, g),
            (g * y).sum().astype(g.type.dtype),
        ]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        [y, alpha, a, x, beta], (dy, dalpha, da, dx, dbeta) = inputs, tangents
        terms = [beta * dy] if dy is not None else []
        terms += [dalpha * Dot()(a, x)] if dalpha is not None else []
        terms += [alpha * Dot()(da, x)] if da is not None else []
        terms += [alpha * Dot()(a, dx)] if dx is not None else []
        terms += [dbeta * y] if dbeta is not None else []
        return [_sum(terms)]


class Gemm(_Blas):
    """``beta * C + alpha * A @ B``; inputs ``(C, alpha, A, B, beta)``."""

    def make_node(self, *inputs: Any) -> Apply:
        return _blas_node(self, (2, 0, 2, 2, 0), inputs)

    def perform(self, node: Apply, c: Any, alpha: Any, a: Any, b: Any, beta: Any) -> Any:
        if a.shape[1] != b.shape[0] or c.shape != (a.shape[0], b.shape[1]):
            raise ValueError(f"Gemm: shapes {a.shape} and {b.shape} do not multiply to {c.shape}.")
        with np.errstate(all="ignore"):
            return np.asarray(_scaled(beta, c) + alpha * np.dot(a, b)).astype(c.dtype)

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        [c, alpha, a, b, beta], [g] = inputs, output_grads
        return [
            _like(beta * g, c),
            (g * Dot()(a, b)).sum().astype(g.type.dtype),
            _like(alpha * Dot()(g, b.T), a),
            _like(alpha * Dot()(a.T, g), b),
            (g * c).sum().astype(g.type.dtype),
        ]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        [c, alpha, a, b, beta], (dc, dalpha, da, db, dbeta) = inputs, tangents
        terms = [beta * dc] if dc is not None else []
        terms += [dalpha * Dot()(a, b)] if dalpha is not None else []
        terms += [alpha * Dot()(da, b)] if da is not None else []
        terms += [alpha * Dot()(a, db)] if db is not None else []
        terms += [dbeta * c] if dbeta is not None else []
        return [_sum(terms)]


class Ger(_Blas):
    """``A + alpha * outer(x, y)``; inputs ``(A, alpha, x, y)``."""

    def make_node(self, *inputs: Any) -> Apply:
        return _blas_node(self, (2, 0, 1, 1), inputs)

    def perform(self, node: Apply, a: Any, alpha: Any, x: Any, y: Any) -> Any:
        if a.shape != (x.shape[0], y.shape[0]):
            raise ValueError(f"Ger: the outer product of shapes {x.shape} and {y.shape} does not fit {a.shape}.")
        with np.errstate(all="ignore"):
            return np.asarray(a + alpha * np.outer(x, y)).astype(a.dtype)

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        [a, alpha, x, y], [g] = inputs, output_grads
        return [_like(g, a), (g * outer(x, y)).sum().astype(g.type.dtype), alpha * Dot()(g, y), alpha * Dot()(g.T, x)]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        [a, alpha, x, y], (da, dalpha, dx, dy) = inputs, tangents
        terms = [da] if da is not None else []
        terms += [dalpha * outer(x, y)] if dalpha is not None else []
        terms += [alpha * outer(dx, y)] if dx is not None else []
        terms += [alpha * outer(x, dy)] if dy is not None else []
        total = _sum(terms)
        return [total if total is None else second(a, total)]


class BatchedDot(Op):
    """Matrix products along common leading axes: ``(..., m, k) x (..., k, n) -> (..., m, n)``."""

    def make_node(self, x: Any, y: Any) -> Apply:
        x, y = as_tensors([x, y])
        if x.type.ndim < 3 or y.type.ndim != x.type.ndim:
            raise TypeError(f"BatchedDot takes two tensors of one rank, at least 3, got {x.type} and {y.type}.")
        _match(self, x.type.shape[-1], y.type.shape[-2])
        batch = []
        for a, b in zip(x.type.shape[:-2], y.type.shape[:-2], strict=True):
            _match(self, a, b, "batch")
            batch.append(b if a is None else a)
        dtype = dtypes.upcast(x.type.dtype, y.type.dtype)
        return Apply(
            self, [cast(x, dtype), cast(y, dtype)], [TensorType(dtype, (*batch, x.type.shape[-2], y.type.shape[-1]))()]
        )

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        x, y = input_shapes
        return [(*x[:-1], y[-1])]

    def perform(self, node: Apply, x: Any, y: Any) -> Any:
        if x.shape[:-2] != y.shape[:-2] or x.shape[-1] != y.shape[-2]:
            raise ValueError(f"batched_dot of shapes {x.shape} and {y.shape}: the batch or the summed axes differ.")
        with np.errstate(all="ignore"):
            return np.matmul(x, y)

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        [x, y], [g] = inputs, output_grads
        terms = [self(g, _swapped(y)), self(_swapped(x), g)]
        return [_like(t, v) for t, v in zip(terms, inputs, strict=True)]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        [x, y], [u, v] = inputs, tangents
        terms = [self(u, y)] if u is not None else []
        terms += [self(x, v)] if v is not None else []
        return [_sum(terms)]


def _swapped(x: Any) -> Any:
    """Exchange the last two axes."""
    *lead, rows, columns = range(x.type.ndim)
    return x.dimshuffle(*lead, columns, rows)


def dot(x: Any, y: Any) -> Any:
    """The product of two tensors, as ``numpy.dot``: elementwise with a scalar, else the last axis of ``x`` is summed
    against the last but one (the only one of a vector) of ``y``. An operand of another kind (a sparse matrix) says
    itself, by ``__dot__`` or ``__rdot__``, what its product is."""
    if hasattr(x, "__dot__"):
        return x.__dot__(y)
    if hasattr(y, "__rdot__"):
        return y.__rdot__(x)
    x, y = as_tensors([x, y])
    if not x.type.ndim or not y.type.ndim:
        return x * y
    if x.type.ndim <= 2 and y.type.ndim <= 2:
        return Dot()(x, y)
    return tensordot(x, y, [[x.type.ndim - 1], [max(0, y.type.ndim - 2)]])


def matmul(x: Any, y: Any) -> Any:
    """The product of stacks of matrices, as ``numpy.matmul`` and ``@``. Stacks must have equal leading axes.

    Where ``x`` or ``y`` is of another kind, as in ``dot``.
    """
    if hasattr(x, "__dot__") or hasattr(y, "__rdot__"):
        return dot(x, y)
    x, y = as_tensors([x, y])
    if not x.type.ndim or not y.type.ndim:
        raise ValueError("matmul takes no scalars; use *.")
    if x.type.ndim <= 2 and y.type.ndim <= 2:
        return Dot()(x, y)
    if y.type.ndim <= 2:
        return tensordot(x, y, [[x.type.ndim - 1], [0]])
    if x.type.ndim == y.type.ndim:
        return BatchedDot()(x, y)
    raise ValueError(f"matmul of {x.type} and {y.type}: give both the same number of dimensions.")


def batched_dot(x: Any, y: Any) -> Any:
    """Return the products of ``x[i]`` and ``y[i]`` for all ``i`` of a common first axis.

    ``x`` and ``y`` have 1 to 3 dimensions, the first included; ``TypeError`` otherwise. Raises ``ValueError`` when
    the graph runs and lengths do not agree.
    """
    x, y = as_tensors([x, y])
    if min(x.type.ndim, y.type.ndim) < 1 or max(x.type.ndim, y.type.ndim) > 3:
        raise TypeError(f"batched_dot takes tensors of 1 to 3 dimensions, got {x.type} and {y.type}.")
    if x.type.ndim == 1 or y.type.ndim == 1:
        pad = ["x"] * (max(x.type.ndim, y.type.ndim) - 1)
        x, y = (v.dimshuffle(0, *pad) if v.type.ndim == 1 else v for v in (x, y))
        return x * y
    a = x.dimshuffle(0, "x", 1) if x.type.ndim == 2 else x
    b = y.dimshuffle(0, 1, "x") if y.type.ndim == 2 else y
    product = BatchedDot()(a, b)
    kept = [0] + ([1] if x.type.ndim == 3 else []) + ([2] if y.type.ndim == 3 else [])
    return product.dimshuffle(*kept) if len(kept) < 3 else product


def tensordot(x: Any, y: Any, axes: Any = 2) -> Any:
    """Sum the products of ``x`` and ``y`` over ``axes``: a number (last of ``x``, first of ``y``), or two lists."""
    x, y = as_tensors([x, y])
    if isinstance(axes, int):
        if not 0 <= axes <= min(x.type.ndim, y.type.ndim):
            raise ValueError(f"tensordot cannot sum over {axes} axes of {x.type} and {y.type}.")
        axes = [list(range(x.type.ndim - axes, x.type.ndim)), list(range(axes))]
    a_axes, b_axes = ([a] if isinstance(a, int) else list(a) for a in axes)
    if len(a_axes) != len(b_axes):
        raise ValueError(f"tensordot needs as many axes of x as of y, got {a_axes} and {b_axes}.")
    for given, v in ((a_axes, x), (b_axes, y)):
        normalize_axis(given, v.type.ndim)  # refuses what is out of range or there twice
    a_axes = [a % x.type.ndim for a in a_axes]
    b_axes = [b % y.type.ndim for b in b_axes]
    for a, b in zip(a_axes, b_axes, strict=True):
        _match("tensordot", x.type.shape[a], y.type.shape[b])
    if len(a_axes) > 1:  # one pair is checked by the product; of several it sees only how many elements there are
        lengths_of = {b: shape_i(x, a) for a, b in zip(a_axes, b_axes, strict=True)}
        y = specify_shape(y, [lengths_of.get(b, d) for b, d in enumerate(y.type.shape)])
    a_rest = [a for a in range(x.type.ndim) if a not in a_axes]
    b_rest = [b for b in range(y.type.ndim) if b not in b_axes]
    lengths = [shape_i(x, a) for a in a_rest] + [shape_i(y, b) for b in b_rest]
    left = _matrix(x.dimshuffle(*a_rest, *a_axes), len(a_rest))
    right = _matrix(y.dimshuffle(*b_axes, *b_rest), len(b_axes))
    return Reshape(len(lengths))(Dot()(left, right), *lengths)


def _matrix(x: Any, rows: int) -> Any:
    """Flatten the first ``rows`` axes into one and the rest into another."""
    from symcore.tensor.constant import constant

    def length(axes: Any) -> Any:
        total = constant(1, dtype="int64")
        for a in axes:
            total = total * shape_i(x, a)
        return total

    if x.type.ndim == 2 and rows == 1:
        return x
    return Reshape(2)(x, length(range(rows)), length(range(rows, x.type.ndim)))
