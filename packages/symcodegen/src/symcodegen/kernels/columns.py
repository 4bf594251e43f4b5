"""C text of reductions whose results lie side by side: several rows at a time are combined in registers.

One row at a time, every result is read and written once per element; here, once per group of rows. The elements of a
group are combined in their own precision, in so short a chain that it loses little more than the last place. The rows
are read as so many streams, which processors fetch ahead.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from symcodegen.cnames import c_type
from symcodegen.expr import cast
from symcore.record import Record

#: Statements of an element, at most: the text repeats them for every row.
MOST_LINES = 8


class Rows(Record):
    """Elementwise work on rows that are combined with one another.

    Attributes
    ----------
    moves
        How each operand moves: ``rows`` (along rows, and from one to the next), ``row`` (all rows are the same one),
        ``one`` (one value for each row), ``scalar`` (one value for all).
    dtypes
        Of the operands.
    lines, value
        Statements on ``x0``, ``x1``, ..., elements of the operands, and the expression for what is combined.
    dtype
        Of that.
    """

    moves: tuple[str, ...]
    dtypes: tuple[np.dtype[Any], ...]
    lines: tuple[str, ...]
    value: str
    dtype: np.dtype[Any]

    @property
    def count(self) -> int:
        """Rows that are combined in registers; 0: none, there is too much to do for each."""
        streams = self.moves.count("rows")
        if not streams or len(self.lines) > MOST_LINES or "sym_" in " ".join((*self.lines, self.value)):
            return 0
        return {1: 8, 2: 4, 3: 2, 4: 2}.get(streams, 0)


def moves_of(broadcast: Sequence[Sequence[bool]], axes: Sequence[int]) -> tuple[str, ...]:
    """Return how operands move (see ``Rows``) where ``axes`` are reduced.

    ``broadcast[k][axis]``: operand ``k`` is repeated along that axis.
    """
    found = []
    for repeated in broadcast:
        down = not all(repeated[a] for a in axes)
        along = not all(r for a, r in enumerate(repeated) if a not in axes)
        found.append({(1, 1): "rows", (0, 1): "row", (1, 0): "one", (0, 0): "scalar"}[down, along])
    return tuple(found)


def columns_text(rows: Rows, lane: np.dtype[Any], lane_op: str, acc: np.dtype[Any], acc_op: str) -> str:
    """Return the C text of ``SYM_KERNEL_columns``.

    It combines ``m`` elements, from the position ``from`` of every row on, of the rows from ``row`` up to ``end``, as
    many as go in groups, into ``acc``, and returns the row after the last one: ``row`` where operands do not lie as it
    needs them. Operand ``k`` of the kernel begins at ``q[k]``, a scalar at ``p[k]``; it moves by ``step[k]`` and
    ``jump[k]`` bytes.

    Parameters
    ----------
    lane, acc
        Types in which the elements of a group are combined, and groups.
    lane_op, acc_op
        Expressions that combine ``{0}`` and ``{1}`` in these types.
    """
    count = rows.count
    tests, still, heads, shared = ["end - row < ROWS"], [], [], []
    elements: list[list[str]] = [[] for _ in range(count)]
    for k, (move, dtype) in enumerate(zip(rows.moves, rows.dtypes, strict=True)):
        t, size, o = c_type(dtype), dtype.itemsize, k + 1
        if move == "scalar":
            still.append(f"const {t} x{k} = *(const {t} *)p[{o}];")
            continue
        tests.append(f"step[{o}] != {0 if move == 'one' else size}")
        if move == "row":
            still.append(f"const {t} *a{k} = (const {t} *)(q[{o}] + from * {size});")
            shared.append(f"const {t} x{k} = a{k}[i];")
            continue
        heads.append(f"const char *b{k} = q[{o}] + from * step[{o}] + row * jump[{o}];")
        for r, reads in enumerate(elements):
            if move == "one":
                heads.append(f"const {t} c{k}_{r} = *(const {t} *)(b{k} + {r} * jump[{o}]);")
                reads.append(f"const {t} x{k} = c{k}_{r};")
            else:
                heads.append(f"const {t} *a{k}_{r} = (const {t} *)(b{k} + {r} * jump[{o}]);")
                reads.append(f"const {t} x{k} = a{k}_{r}[i];")
    value = f"const {c_type(lane)} v = {cast(rows.value, rows.dtype, lane)};"
    work = []
    for r, reads in enumerate(elements):
        combined = lane_op.format("a", "v") if r else "v"
        work.append("{ " + " ".join([*reads, *rows.lines, value, f"a = {combined};"]) + " }")
    return _TEXT % {
        "rows": count, "acc": c_type(acc), "lane": c_type(lane), "unsuitable": " || ".join(tests),
        "still": "\n    ".join(still), "heads": "\n        ".join(heads), "shared": " ".join(shared),
        "work": "\n            ".join(work), "combined": acc_op.format("acc[i]", cast("a", lane, acc)),
    }  # fmt: skip


_TEXT = """
SYM_HOT i64 SYM_KERNEL_columns(char *const *p, char *const *q, i64 from, i64 m, i64 row, i64 end,
                               const i64 *step, const i64 *jump, void *totals) {
    enum { ROWS = %(rows)d };
    if (%(unsuitable)s) return row;
    %(acc)s *acc = totals;
    (void)p;
    %(still)s
    for (; end - row >= ROWS; row += ROWS) {
        %(heads)s
        SYM_IVDEP
        for (i64 i = 0; i < m; i++) {
            %(shared)s
            %(lane)s a;
            %(work)s
            acc[i] = %(combined)s;
        }
    }
    return row;
}
"""
