"""Checking gradients of functions of sparse matrices against finite differences."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symcore.gradient.verify import verify_grad
from symcore.sparse.base import constant, is_sparse_variable
from symcore.sparse.entries import DenseFromSparse, SparseFromDense, with_entries_of
from symcore.sparse.type import SparseType, is_sparse_value


def verify_grad_sparse(fun: Callable[..., Any], pt: Sequence[Any], structured: bool = False, **options: Any) -> None:
    """Check the symbolic gradient of a function of sparse and dense matrices against finite differences.

    Parameters
    ----------
    fun
        Takes variables, one per point, and returns one (or a list of them), sparse or dense.
    pt
        The points: float arrays, and sparse matrices in the format ``csc``, ``csr`` or ``bsr``.
    structured
        Differentiate with respect to the stored entries of the sparse points alone; otherwise to all elements.
    options
        As of ``verify_grad``.

    Raises
    ------
    GradientError
        Naming the input, the element, both values and the errors. Of a sparse input the element is its position, or
        with ``structured`` that in the vector of the stored entries.
    """
    points = [SparseType(p.format, p.dtype).filter(p) if is_sparse_value(p) else np.asarray(p) for p in pt]

    def of_arrays(*variables: Any) -> list[Any]:
        given = [_as_given(v, p, structured) for v, p in zip(variables, points, strict=True)]
        results = fun(*given)
        results = list(results) if isinstance(results, (list, tuple)) else [results]
        return [DenseFromSparse(False)(y) if is_sparse_variable(y) else y for y in results]

    verify_grad(of_arrays, [_as_array(p, structured) for p in points], **options)


def _as_array(point: Any, structured: bool) -> Any:
    if not is_sparse_value(point):
        return point
    return point.data.ravel() if structured else point.toarray()


def _as_given(variable: Any, point: Any, structured: bool) -> Any:
    """Return the sparse variable that a point stands for, made of a dense one."""
    if not is_sparse_value(point):
        return variable
    return with_entries_of(constant(point), variable) if structured else SparseFromDense(point.format)(variable)
