"""Broadcasting: shapes aligned on the right, a length of 1 stretched where the *type* says that it is 1.

A dimension whose length is unknown to the type is never stretched, even if it happens to be 1 at run time: the gradient
of a stretched dimension is a sum, and the graph must know that when it is built.
"""

from collections.abc import Sequence
from typing import Any

from symcore.tensor.type import StaticShape, TensorType


def static_broadcast(types: Sequence[TensorType], what: Any) -> StaticShape:
    """Return the static shape of the broadcast of ``types``. Raises ``ValueError`` when lengths can never match."""
    first = types[0].shape
    if all(t.shape == first for t in types):
        return first
    ndim = max(t.ndim for t in types)
    result: list[int | None] = []
    for axis in range(-ndim, 0):
        dims = [t.shape[axis] for t in types if t.ndim >= -axis]
        known = {d for d in dims if d not in (None, 1)}
        if len(known) > 1:
            raise ValueError(
                f"{what}: shapes that cannot be broadcast together: "
                f"{', '.join(str(t.shape) for t in types)} differ along axis {axis}."
            )
        result.append(known.pop() if known else (None if None in dims else 1))
    return tuple(result)


def check_broadcast(types: Sequence[TensorType], shapes: Sequence[tuple[int, ...]], what: Any) -> tuple[int, ...]:
    """Return the shape of the broadcast of ``shapes``. Raises ``ValueError`` for lengths that differ where the type of
    the shorter one does not say that it may be stretched."""
    first = shapes[0]
    if all(s == first for s in shapes):
        return first
    ndim = max(map(len, shapes))
    result = []
    for axis in range(-ndim, 0):
        length, source = 1, -1
        for k, (ttype, shape) in enumerate(zip(types, shapes, strict=True)):
            if len(shape) < -axis or ttype.shape[axis] == 1:
                continue
            if source >= 0 and shape[axis] != length:
                raise ValueError(_mismatch(axis + ndim, source, length, k, shape[axis], what))
            length, source = shape[axis], k
        result.append(length)
    return tuple(result)


def _mismatch(axis: int, a: int, length_a: int, b: int, length_b: int, what: Any) -> str:
    message = f"{what}: input {a} has length {length_a} along axis {axis}, input {b} has length {length_b}."
    if 1 in (length_a, length_b):
        message += (
            " A length of 1 is stretched only if the type says so: make the input with T.row, T.col or "
            "shape=(1, None), or use x.dimshuffle / T.addbroadcast."
        )
    return message


def broadcast_shape(types: Sequence[TensorType], shapes: Sequence[Sequence[Any]]) -> tuple[Any, ...]:
    """Return the symbolic shape of a broadcast: per axis a length of the first input that is not stretched there."""
    ndim = max(t.ndim for t in types)
    result: list[Any] = []
    for axis in range(-ndim, 0):
        chosen: Any = 1
        for ttype, shape in zip(types, shapes, strict=True):
            if ttype.ndim < -axis or ttype.shape[axis] == 1:
                continue
            chosen = shape[axis]
            if isinstance(chosen, int):
                break
        result.append(chosen)
    return tuple(result)
