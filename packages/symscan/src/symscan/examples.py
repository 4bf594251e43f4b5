"""Test values where loops are built: what a step is called with has them, and so has what comes out.

A slice of a sequence has the row that the first step reads, an earlier value of a state the row that stands for it, so
that a mistake in a step raises at its own line (see ``symcore.graph.test_values``). Where one of them has no example,
or there is no such row, the step is called without.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from symcore.config import config
from symcore.errors import TestValueError
from symcore.graph.test_values import get_test_value, paused, watch
from symscan.arguments import OutputArgument, SequenceArgument


def give(seqs: Sequence[SequenceArgument], outs: Sequence[OutputArgument]) -> bool:
    """Give the variables of a step their test values; tell whether all of them have one."""
    if config.compute_test_value == "off":
        return False
    try:
        rows = [(v, get_test_value(s.x), at) for s in seqs for v, at in zip(s.slices, s.rows, strict=True)]
        rows += [(v, get_test_value(o.first), o.depth + t) for o in outs for v, t in zip(o.values, o.taps, strict=True)]
    except TestValueError:
        return False
    if any(at >= len(x) for _, x, at in rows):
        return False
    for v, x, at in rows:
        v.tag.test_value = v.type.filter(x[at], allow_downcast=True)
    return True


@contextmanager
def watched(wanted: bool) -> Iterator[None]:
    """Inside the block test values are computed only if ``wanted``."""
    if wanted:
        yield
        return
    with paused():
        yield


def of_outputs(outputs: Sequence[Any]) -> None:
    """Compute the test values of what a loop hands out, as ``config.compute_test_value`` asks."""
    if config.compute_test_value == "off":
        return
    for node in dict.fromkeys(y.owner for y in outputs if y.owner is not None):
        watch(node)
