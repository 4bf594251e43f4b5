"""The signatures of the symbolic loops, so that programs can already be written against them.

None of them is built in this version of symscan: each call raises ``NotImplementedError`` that names the package and
says what to use meanwhile. Nothing here builds a graph.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from symcore.graph.variable import Variable

__all__ = ["foldl", "foldr", "map", "reduce", "scan", "until"]


def _not_built(name: str) -> NoReturn:
    raise NotImplementedError(
        f"symscan.{name} was called, but symscan does not build symbolic loops yet (version 0.1). For a fixed, small "
        f"number of steps, write a Python loop over symbolic variables."
    )


def scan(
    fn: Callable[..., Any],
    sequences: Any = None,
    outputs_info: Any = None,
    non_sequences: Any = None,
    n_steps: int | Variable | None = None,
    *,
    truncate_gradient: int = -1,
    go_backwards: bool = False,
    mode: Any = None,
    name: str | None = None,
    strict: bool = False,
    return_list: bool = False,
) -> NoReturn:
    """Apply ``fn`` at every step of a symbolic loop.

    Parameters
    ----------
    fn
        Called once with symbolic variables: the slices of ``sequences``, the previous values named by
        ``outputs_info``, then ``non_sequences``. Returns the values of the next step, updates of shared variables, and
        perhaps :func:`until`.
    sequences
        Tensors walked along their first axis, or dicts ``{"input": x, "taps": [-1, 0]}``.
    outputs_info
        Per output: its initial value, a dict ``{"initial": x0, "taps": [-2, -1]}``, or ``None`` for one not fed back.
    non_sequences
        Values that are the same at every step.
    n_steps
        The number of steps; by default the length of the shortest sequence.

    Raises
    ------
    NotImplementedError
        Always, in this version.
    """
    _not_built("scan")


def map(fn: Callable[..., Any], sequences: Any, non_sequences: Any = None, **scan_options: Any) -> NoReturn:
    """Apply ``fn`` to every slice of ``sequences``. Raises ``NotImplementedError`` in this version."""
    _not_built("map")


def reduce(
    fn: Callable[..., Any], sequences: Any, outputs_info: Any, non_sequences: Any = None, **scan_options: Any
) -> NoReturn:
    """Fold ``fn`` over ``sequences`` and keep the last value. Raises ``NotImplementedError`` in this version."""
    _not_built("reduce")


def foldl(
    fn: Callable[..., Any], sequences: Any, outputs_info: Any, non_sequences: Any = None, **scan_options: Any
) -> NoReturn:
    """:func:`reduce` from the first slice to the last. Raises ``NotImplementedError`` in this version."""
    _not_built("foldl")


def foldr(
    fn: Callable[..., Any], sequences: Any, outputs_info: Any, non_sequences: Any = None, **scan_options: Any
) -> NoReturn:
    """:func:`reduce` from the last slice to the first. Raises ``NotImplementedError`` in this version."""
    _not_built("foldr")


def until(condition: Any) -> NoReturn:
    """Returned by the step of :func:`scan`: stop after the step in which ``condition`` is true.

    Raises ``NotImplementedError`` in this version.
    """
    _not_built("until")
