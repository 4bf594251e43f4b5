"""Linear algebra over a batch in one call: NumPy's own routines take stacks of matrices.

``over_stack(op, values, batched)`` is a single-dispatch function on the class of an Op, for ``Blockwise.perform``. It
returns the outputs of all entries, stacked, or ``None`` where they have to be computed one by one.
"""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from symcore.linalg.decompositions import QR, SVD, Cholesky, Eig, Eigh
from symcore.linalg.inverses import Adjugate, Det, MatrixInverse, MatrixPinv, SLogDet
from symcore.linalg.solving import SolveGeneral

#: NumPy without its stubs, which want literals where an Op has a parameter.
_np: Any = np

Outputs = tuple[Any, ...]


@functools.singledispatch
def over_stack(op: Any, values: Sequence[Any], batched: Sequence[bool]) -> Outputs | None:
    """Return the outputs for a batch of inputs, or ``None``; see the module."""
    return None


@over_stack.register
def _inverse(op: MatrixInverse, values: Sequence[Any], batched: Sequence[bool]) -> Outputs:
    return (np.linalg.inv(values[0]),)


@over_stack.register
def _pseudo_inverse(op: MatrixPinv, values: Sequence[Any], batched: Sequence[bool]) -> Outputs:
    return (np.linalg.pinv(values[0], rcond=op.rcond),)


@over_stack.register
def _determinant(op: Det, values: Sequence[Any], batched: Sequence[bool]) -> Outputs:
    return (np.linalg.det(values[0]),)


@over_stack.register
def _adjugate(op: Adjugate, values: Sequence[Any], batched: Sequence[bool]) -> Outputs | None:
    [x] = values
    if op.singular or not np.isfinite(x).all():
        return None
    with np.errstate(all="ignore"):
        try:
            inverse, determinant = np.linalg.inv(x), np.linalg.det(x)
        except np.linalg.LinAlgError:
            return None  # singular ones go another way, one by one
        condition = np.linalg.norm(x, 1, axis=(1, 2)) * np.linalg.norm(inverse, 1, axis=(1, 2))
        plain = (condition < np.finfo(x.dtype).eps ** -0.5) & np.isfinite(determinant) & (determinant != 0)
        return (determinant[:, None, None] * inverse,) if plain.all() else None


@over_stack.register
def _log_determinant(op: SLogDet, values: Sequence[Any], batched: Sequence[bool]) -> Outputs:
    return tuple(np.linalg.slogdet(values[0]))


@over_stack.register
def _solution(op: SolveGeneral, values: Sequence[Any], batched: Sequence[bool]) -> Outputs:
    a, b = values
    if b.ndim - batched[1] == 1:  # one vector per entry: NumPy would read a matrix of columns
        return (np.linalg.solve(a, b[..., None])[..., 0],)
    return (np.linalg.solve(a, b),)


@over_stack.register
def _cholesky(op: Cholesky, values: Sequence[Any], batched: Sequence[bool]) -> Outputs | None:
    [x] = values
    try:
        if op.lower:
            return (np.linalg.cholesky(x),)
        return (np.ascontiguousarray(np.linalg.cholesky(x.conj().swapaxes(1, 2)).conj().swapaxes(1, 2)),)
    except np.linalg.LinAlgError:
        if op.on_error == "raise":
            raise
        return None  # NaN for those alone that have no factor


@over_stack.register
def _eigen(op: Eig, values: Sequence[Any], batched: Sequence[bool]) -> Outputs:
    return tuple(np.linalg.eig(values[0]))


@over_stack.register
def _symmetric_eigen(op: Eigh, values: Sequence[Any], batched: Sequence[bool]) -> Outputs:
    return tuple(_np.linalg.eigh(values[0], op.UPLO))


@over_stack.register
def _singular_values(op: SVD, values: Sequence[Any], batched: Sequence[bool]) -> Outputs:
    found = _np.linalg.svd(values[0], op.full_matrices, op.compute_uv)
    return tuple(found) if op.compute_uv else (found,)


@over_stack.register
def _orthogonal(op: QR, values: Sequence[Any], batched: Sequence[bool]) -> Outputs:
    found = _np.linalg.qr(values[0], op.mode)
    return (found,) if op.mode == "r" else tuple(found)
