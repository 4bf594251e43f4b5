"""The usual shapes of loops, by ``scan``: ``map``, ``reduce``, ``foldl``, ``foldr``."""

from collections.abc import Callable
from typing import Any

from symscan.scanning import scan

Loop = tuple[Any, dict[Any, Any]]


def map(
    fn: Callable[..., Any],
    sequences: Any,
    non_sequences: Any = None,
    truncate_gradient: int = -1,
    go_backwards: bool = False,
    mode: Any = None,
    name: str | None = None,
) -> Loop:
    """Apply ``fn`` to every slice of ``sequences``. Returns ``(stacked results, updates)``, as ``scan`` does.

    ``non_sequences``, ``truncate_gradient``, ``go_backwards`` and ``mode`` as in ``scan``.
    """
    return scan(fn, sequences, None, non_sequences, None, truncate_gradient, go_backwards, mode, name)


def reduce(
    fn: Callable[..., Any],
    sequences: Any,
    outputs_info: Any,
    non_sequences: Any = None,
    go_backwards: bool = False,
    mode: Any = None,
    name: str | None = None,
) -> Loop:
    """Fold ``fn(slice, accumulated)`` over ``sequences``. Returns ``(last accumulated value, updates)``.

    ``outputs_info``: the first accumulated value; ``non_sequences``, ``go_backwards`` and ``mode`` as in ``scan``. Of
    a fold over no slices there is no last value: the call of the function raises ``IndexError``.
    """
    given = outputs_info if isinstance(outputs_info, (list, tuple)) else [outputs_info]
    if all(v is None for v in given):
        raise ValueError(
            "a fold needs the initial value of what it accumulates: outputs_info. map() makes loops that accumulate "
            "nothing."
        )
    rows, updates = scan(fn, sequences, outputs_info, non_sequences, None, -1, go_backwards, mode, name)
    return ([r[-1] for r in rows] if isinstance(rows, list) else rows[-1]), updates


def foldl(
    fn: Callable[..., Any],
    sequences: Any,
    outputs_info: Any,
    non_sequences: Any = None,
    mode: Any = None,
    name: str | None = None,
) -> Loop:
    """Fold ``fn(slice, accumulated)`` over ``sequences``, from the first slice to the last.

    ``outputs_info``: the first accumulated value; ``non_sequences`` and ``mode`` as in ``scan``. Returns as
    ``reduce``.
    """
    return reduce(fn, sequences, outputs_info, non_sequences, False, mode, name)


def foldr(
    fn: Callable[..., Any],
    sequences: Any,
    outputs_info: Any,
    non_sequences: Any = None,
    mode: Any = None,
    name: str | None = None,
) -> Loop:
    """Fold ``fn(slice, accumulated)`` over ``sequences``, from the last slice to the first.

    ``outputs_info``: the first accumulated value; ``non_sequences`` and ``mode`` as in ``scan``. Returns as
    ``reduce``.
    """
    return reduce(fn, sequences, outputs_info, non_sequences, True, mode, name)
