"""Basic indices in the form of the virtual machine."""

from collections.abc import Iterator, Sequence
from typing import Any

from symcore.tensor.indexing import INPUT


def items(b: Any, entries: Sequence[Any], scalars: Iterator[Any]) -> list[tuple[int, ...]]:
    """Return a basic index in the machine's form."""
    found: list[tuple[int, ...]] = []
    for entry in entries:
        if isinstance(entry, tuple):
            parts = [-1 if p is None else b.registers.of(next(scalars) if p == INPUT else p) for p in entry[1:]]
            found.append((b.cvm.ITEM_SLICE, *parts))
        else:
            found.append((b.cvm.ITEM_INDEX, b.registers.of(next(scalars) if entry == INPUT else entry)))
    return found
