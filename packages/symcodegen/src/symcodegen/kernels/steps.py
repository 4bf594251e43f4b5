"""C text of whole loops whose steps are elementwise functions: no call and no table between two steps.

Such a kernel is handed the pointers of the kernels of a step, one table for all of them, and

    d[0]  the number of steps             d[2 + 2k], d[3 + 2k]  pointer k into a ring of rows: the row where it starts,
    d[1]  the number of elements of a row                       and how many rows there are
    s[k]  bytes from one row to the next at pointer k
    p[n_pointers]  where the number of steps made is written
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from symcodegen.cnames import c_type
from symcodegen.expr import functions_in
from symcodegen.kernels.elemwise import IVDEP, loop_body
from symcodegen.kernels.panels import panels_text
from symcore.record import Record

#: How the rows at a pointer lie: one for all steps, one after another, in a ring.
STILL, LINE, RING = "still", "line", "ring"


class Pointer(Record):
    """Memory that a step reads or writes: its place in the table, dtype, motion, and whether a row is one value."""

    at: int
    dtype: np.dtype[Any]
    motion: str
    scalar: bool


class Part(Record):
    """One function of a step. Each input is a ``Pointer``, or ``(part, output)`` of an earlier part; ``fn`` ``None``
    hands its input on. ``stores``: the pointers that outputs are written to, ``None`` where only later parts read."""

    fn: Any
    inputs: tuple[Pointer | tuple[int, int], ...]
    out_dtypes: tuple[np.dtype[Any], ...]
    stores: tuple[Pointer | None, ...]


def steps_kernel(
    parts: Sequence[Part],
    n_pointers: int,
    feedback: Mapping[Pointer, tuple[int, int]],
    condition: tuple[int, int] | None = None,
    only_last: bool = False,
) -> tuple[str, tuple[str, ...]]:
    """Return the C text of a loop over ``parts``, and the functions it needs. Raises ``NoC``.

    ``feedback``: pointers at what an output of a part was one step before, kept in a variable where every row is one
    value. ``condition``: the output that ends the loop where it is not zero. ``only_last``: no state is read further
    back than one step, and only last rows are kept.
    """
    text = _Text(parts, n_pointers, feedback)
    needed = tuple(sorted(functions_in(" ".join(text.work))))
    if all(x.scalar for x in text.pointers):
        return text.of_scalars(condition), needed
    panels = panels_text(parts, text.reads, n_pointers, feedback) if only_last else None
    return panels or IVDEP + text.of_rows(), needed


class _Text:
    """Writes the parts of one kernel. What pointer ``k`` is at is ``q{k}``, a value read there ``v{k}``."""

    def __init__(self, parts: Sequence[Part], n_pointers: int, feedback: Mapping[Pointer, tuple[int, int]]):
        self.parts, self.n_pointers, self.feedback = parts, n_pointers, feedback
        read = [x for part in parts for x in part.inputs if isinstance(x, Pointer)]
        self.reads = list({x.at: x for x in read}.values())
        self.writes = [x for part in parts for x in part.stores if x is not None]
        self.pointers = [*self.writes, *self.reads]
        self.work = [line for k, part in enumerate(parts) for line in self._part(k, part)]

    def _part(self, number: int, part: Part) -> list[str]:
        """The statements that compute the outputs ``r{number}_{k}`` of a part."""
        names = []
        for x in part.inputs:
            if isinstance(x, Pointer):
                names.append((f"v{x.at}", x.dtype))
            else:
                names.append((f"r{x[0]}_{x[1]}", self.parts[x[0]].out_dtypes[x[1]]))
        lines, results = ([], [names[0][0]]) if part.fn is None else loop_body(part.fn, names, part.out_dtypes)
        types = [c_type(d) for d in part.out_dtypes]
        found = [f"{t} r{number}_{k};" for k, t in enumerate(types)]
        found.append("{ " + " ".join([*lines, *(f"r{number}_{k} = {x};" for k, x in enumerate(results))]) + " }")
        return found

    def _store(self, row: str) -> list[str]:
        """The statements that write results, at element ``i`` of a row or at its only one."""
        return [
            f"(({c_type(x.dtype)} *)q{x.at}){row} = r{number}_{k};"
            for number, part in enumerate(self.parts)
            for k, x in enumerate(part.stores)
            if x is not None
        ]

    def _ends(self, skipped: Sequence[int]) -> tuple[list[str], list[str]]:
        """What stands before the loop, and at the end of every step: where the pointers point."""
        head, tail = [], []
        for x in self.pointers:
            k = x.at
            if k in skipped:
                continue
            head.append(f"char *q{k} = p[{k}];")
            if x.motion != STILL:
                tail.append(f"q{k} += s[{k}];")
            if x.motion == RING:
                head.append(f"i64 w{k} = d[{2 + 2 * k}]; const i64 m{k} = d[{3 + 2 * k}];")
                tail.append(f"if (++w{k} == m{k}) {{ w{k} = 0; q{k} -= m{k} * s[{k}]; }}")
        return head, tail

    def _wrapped(self, before: str, head: Sequence[str], body: Sequence[str]) -> str:
        start, inside = "\n    ".join(head), "\n        ".join(body)
        return (
            f"{before}\nint SYM_KERNEL(char *const *restrict p, const i64 *restrict d, const i64 *restrict s, "
            "const sym_ctx *ctx) {\n"
            f"    const i64 n = d[0];\n    i64 step = 0;\n    (void)ctx; (void)s;\n    {start}\n"
            f"    while (step < n) {{\n        step++;\n        {inside}\n    }}\n"
            f"    *(i64 *)p[{self.n_pointers}] = step;\n    return 0;\n}}\n"
        )

    def of_scalars(self, condition: tuple[int, int] | None) -> str:
        fed = {x.at: source for x, source in self.feedback.items()}
        head, tail = self._ends(list(fed))
        body: list[str] = []
        for x in self.reads:
            load = f"{c_type(x.dtype)} v{x.at} = *(const {c_type(x.dtype)} *)"
            if x.at in fed:
                head.append(f"{load}p[{x.at}];")
            else:
                (head if x.motion == STILL else body).append(f"const {load}q{x.at};")
        body += [*self.work, *self._store("[0]")]
        body += [f"v{at} = r{source[0]}_{source[1]};" for at, source in fed.items()]
        if condition is not None:
            body.append(f"if (r{condition[0]}_{condition[1]} != 0) break;")
        return self._wrapped("", head, [*body, *tail])

    def of_rows(self) -> str:
        head, tail = self._ends([])
        body: list[str] = []
        loads: list[str] = []
        parameters, arguments = ["i64 length"], ["d[1]"]
        for x in self.writes:
            parameters.append(f"{c_type(x.dtype)} *restrict q{x.at}")
            arguments.append(f"({c_type(x.dtype)} *)q{x.at}")
        for x in self.reads:
            t = c_type(x.dtype)
            if x.scalar:
                parameters.append(f"const {t} v{x.at}")
                arguments.append(f"v{x.at}")
                (head if x.motion == STILL else body).append(f"const {t} v{x.at} = *(const {t} *)q{x.at};")
            else:
                parameters.append(f"const {t} *q{x.at}")
                arguments.append(f"(const {t} *)q{x.at}")
                loads.append(f"const {t} v{x.at} = q{x.at}[i];")
        inside = "\n        ".join([*loads, *self.work, *self._store("[i]")])
        row = (
            f"static __attribute__((noinline)) void SYM_KERNEL_row({', '.join(parameters)}) {{\n    SYM_IVDEP\n"
            f"    for (i64 i = 0; i < length; i++) {{\n        {inside}\n    }}\n}}\n"
        )
        return self._wrapped(row, head, [*body, f"SYM_KERNEL_row({', '.join(arguments)});", *tail])
