"""Where the nodes of a compiled function run, as a table."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

__all__ = ["NodeRow", "node_rows"]


class NodeRow(NamedTuple):
    """``number`` nodes of one Op that run ``where`` (``C`` or ``Python``), and how, or why not in C."""

    op: str
    number: int
    where: str
    reason: str


def node_rows(function: Any) -> list[NodeRow]:
    """Count the nodes of ``function`` by Op, place and reason; those that fell back to Python come first.

    Views and what else the virtual machine does without calling Python count as C.
    """
    counts: Counter[tuple[str, str, str]] = Counter()
    for node, where, how in function.placement():
        python = where == "Python"
        reason = how if python or where in ("C", how) else f"{where}: {how}" if how else where
        counts[str(node.op), "Python" if python else "C", reason] += 1
    rows = [NodeRow(op, count, where, reason) for (op, where, reason), count in counts.items()]
    return sorted(rows, key=lambda row: (row.where != "Python", -row.number, row.op))
