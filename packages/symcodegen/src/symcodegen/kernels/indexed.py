"""C text of elementwise loops, and of reductions of them, that read rows of tables where an index says.

Where the rows are is told by a table of offsets in bytes, an operand of its own beside the table of rows: a routine of
the machine makes it, and has checked it by then. The work is that of ``elemwise`` on one row after another, in place of
where the rows lie; of rows that are short, or whose elements do not lie one after another, whole blocks are copied
together first. Rows lie anywhere, which no processor foresees: those of a few rows later are asked for beforehand.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from symcodegen.cnames import c_type
from symcodegen.expr import cast, functions_in
from symcodegen.kernels.elemwise import IVDEP, loop_body, loop_function
from symcodegen.kernels.map_reduce import BLOCK, SECTION
from symcodegen.kernels.reduce import FETCH, SINGLE, Source, reduction
from symcodegen.kernels.usual import usual_functions

#: So many rows ahead are asked for; the offsets of as many rows beyond the last one can be read.
AHEAD = 4
#: Shorter rows are copied together: the loop on each would cost more than what it does.
SHORT = 16
#: So are rows that are no multiple of that: what is left after whole vectors is computed one by one. From so many
#: elements on it matters no more where an element is plain arithmetic, from ``BLOCK`` on in any case.
LONG = 64
#: Of long rows so many bytes are asked for, from which on the processor foresees the rest.
MOST_FETCHED = 1024

#: What asks for a row, and what copies elements of rows that the offsets ``o`` tell of, one for all where ``so`` is 0.
_ROWS = """
#ifndef SYM_ROW_AHEAD
#define SYM_ROW_AHEAD
static inline __attribute__((unused)) void sym_row_ahead(const char *table, const char *o, i64 bytes) {
    const char *row = table + ((const i64 *)o)[@AHEAD@];
    for (i64 at = 0; at < bytes && at < @MOST@; at += 64) __builtin_prefetch(row + at);
}
typedef unsigned long long sym_row_64 __attribute__((vector_size(64), aligned(1), may_alias));
typedef unsigned long long sym_row_16 __attribute__((vector_size(16), aligned(1), may_alias));
typedef unsigned long long sym_row_8 __attribute__((aligned(1), may_alias));
/* Whole pieces, then the last one, which may lie over the one before. */
#define SYM_COPY_ROW(PIECE, BYTES) { \\
        for (i64 at = 0; at <= bytes - BYTES; at += BYTES) *(PIECE *)(to + at) = *(const PIECE *)(row + at); \\
        *(PIECE *)(to + bytes - BYTES) = *(const PIECE *)(row + bytes - BYTES); \\
    }
#endif
""".replace("@AHEAD@", str(AHEAD)).replace("@MOST@", str(MOST_FETCHED))
#: Copies ``rows`` rows of ``m`` elements, ``s`` bytes apart, together; ``o``: their offsets, if they have some.
_COPY = """
#ifndef SYM_COPY_ROWS_@
#define SYM_COPY_ROWS_@
typedef $WORD sym_word_@;
SYM_HOT void sym_copy_rows_@(void *b, const char *x, i64 rows, i64 m, i64 s, i64 jump, const char *o, i64 so,
                             i64 away) {
    const i64 bytes = m * @;
    if (s == @ && !so && bytes >= 8) {
        for (char *to = b; rows; rows--, to += bytes, x += jump) {
            const char *row = x;
            if (o) { row += *(const i64 *)o; sym_row_ahead(x, o, bytes); o += away; }
            if (bytes >= 64) SYM_COPY_ROW(sym_row_64, 64)
            else if (bytes >= 16) SYM_COPY_ROW(sym_row_16, 16)
            else {
                *(sym_row_8 *)to = *(const sym_row_8 *)row;
                *(sym_row_8 *)(to + bytes - 8) = *(const sym_row_8 *)(row + bytes - 8);
            }
        }
        return;
    }
    sym_word_@ *to = b;
    for (; rows; rows--, x += jump, o += away)
        for (i64 i = 0; i < m; i++) {
            *to++ = *(const sym_word_@ *)(x + i * s + (o ? *(const i64 *)(o + i * so) : 0));
            __asm__ volatile("");
        }
}
#endif
"""
#: What is copied of an element, by its size.
_WORDS = {
    size: f"unsigned {name} __attribute__((may_alias))"
    for size, name in (("1", "char"), ("2", "short"), ("4", "int"), ("8", "long long"))
} | {"16": "unsigned long long __attribute__((vector_size(16), aligned(8), may_alias))"}
_BLOCK = (
    "SYM_NOINLINE void SYM_KERNEL_block(const sym_loops *loops, char *const *p, char *const *q, i64 from, i64 m, "
    "i64 row, i64 rows, const i64 *step, const i64 *jump) {\n"
)


def indexed_kernel(
    fn: Any,
    in_dtypes: Sequence[np.dtype[Any]],
    out_dtypes: Sequence[np.dtype[Any]],
    scalars: Sequence[bool],
    tables: Sequence[int],
    combined: tuple[str, np.dtype[Any], np.dtype[Any]] | None,
) -> tuple[str, tuple[str, ...]]:
    """Return the C text of a ``collapsed`` kernel and the functions it needs. Raises ``NoC``.

    Its operands are the results of ``fn``, its inputs, then offsets for each of the inputs ``tables``, which lie in the
    memory as ``row_offsets`` leaves them, ``AHEAD`` rows more than there are. Its loops must keep their order.

    Parameters
    ----------
    in_dtypes, out_dtypes
        Of the inputs and the results of ``fn``.
    scalars
        The inputs that have one value for all elements.
    combined
        How the first result is combined with those of other elements, the dtype of what comes of it and the
        accumulator's; ``None``: no result is.
    """
    lines, results = loop_body(fn, [(f"x{k}", d) for k, d in enumerate(in_dtypes)], out_dtypes)
    dtypes = list(out_dtypes)
    if combined is not None and dtypes[0].name == "float16":
        results, dtypes[0] = [cast(results[0], dtypes[0], SINGLE), *results[1:]], SINGLE
    types = [c_type(d) for d in (*dtypes, *in_dtypes)]
    loop = loop_function(types, len(dtypes), scalars, lines, results, table=False)
    sizes = dict.fromkeys(str(d.itemsize) for d, scalar in zip(in_dtypes, scalars, strict=True) if not scalar)
    helpers = _ROWS + "".join(_COPY.replace("@", size).replace("$WORD", _WORDS[size]) for size in sizes)
    work = " ".join([*lines, *results])
    needed = functions_in(work) | usual_functions(work)
    block = _Block(dtypes, in_dtypes, scalars, tables, combined is not None, bool(needed)).text()
    if combined is None:
        entry = _ENTRY % (len(types) + len(tables), BLOCK)
        return "".join([IVDEP, helpers, loop, block, entry]), tuple(sorted(needed))
    how, out_dtype, acc_dtype = combined
    source = Source(dtypes[0], len(types) - 1 + len(tables), BLOCK, helpers + loop + block, SECTION)
    body, functions = reduction(how, source, out_dtype, acc_dtype)
    return body, tuple(sorted(needed | set(functions)))


_ENTRY = """
int SYM_KERNEL(char *const *restrict p, const i64 *restrict d, const i64 *restrict s, const sym_ctx *ctx) {
    return ctx->loops->by_rows(p, d, s, %d, %d, SYM_KERNEL_block);
}
"""


class _Block:
    """Writes the function that does the work on ``rows`` rows of ``m`` elements, as ``reduce.FETCH`` begins it.

    Operand ``k`` of the kernel is at ``q<k>``; ``offsets`` tells the operand with the offsets of a table.
    """

    def __init__(
        self,
        out_dtypes: Sequence[np.dtype[Any]],
        in_dtypes: Sequence[np.dtype[Any]],
        scalars: Sequence[bool],
        tables: Sequence[int],
        combines: bool,
        costly: bool,
    ):
        n_out = len(out_dtypes)
        self.dtypes = [*out_dtypes, *in_dtypes]
        self.combines = combines
        self.costly = costly
        self.first = 1 if combines else 0
        self.stored = range(self.first, n_out)
        self.scalars = {n_out + k for k, scalar in enumerate(scalars) if scalar}
        self.offsets = {n_out + k: len(self.dtypes) + n for n, k in enumerate(tables)}
        self.read = [k for k in range(n_out, len(self.dtypes)) if k not in self.scalars]

    def text(self) -> str:
        """Return the whole function."""
        head = FETCH.format(c_type(self.dtypes[0])) if self.combines else _BLOCK
        end = "return v;" if self.combines else "return;"
        moving = [*self.stored, *self.read, *self.offsets.values()]
        places = "".join(f"    char *o{k} = q[{k}] + from * step[{k}] + row * jump[{k}];\n" for k in moving)
        alone = BLOCK if self.costly else LONG
        tests = [f"m >= {SHORT}", f"(m % {SHORT} == 0 || m >= {alone})"]
        tests += [f"step[{k}] == {self.dtypes[k].itemsize}" for k in (*self.stored, *self.read)]
        tests += [f"step[{o}] == 0" for o in self.offsets.values()]
        return (
            f"{head}    (void)p;\n    (void)loops;\n{places}    if ({' && '.join(tests)}) {{\n"
            f"{self._straight(moving)}        {end}\n    }}\n{self._packed()}    {end}\n}}\n"
        )

    def _call(self, count: str, names: dict[int, str]) -> str:
        """Return the call of the loop; ``names``: what its pointers point to, by operand."""
        arguments = [count]
        for k, d in enumerate(self.dtypes):
            t = c_type(d)
            if k in self.scalars:
                arguments.append(f"*(const {t} *)p[{k}]")
            elif k < self.first:
                arguments.append(names[k])
            else:
                arguments.append(f"({'const ' if k in self.read else ''}{t} *){names[k]}")
        return f"SYM_KERNEL_loop({', '.join(arguments)});\n"

    def _straight(self, moving: Sequence[int]) -> str:
        """The rows are worked on where they lie."""
        names = {k: f"o{k}" for k in moving} | {k: f"(o{k} + *(const i64 *)o{o})" for k, o in self.offsets.items()}
        names[0] = names.get(0, "v + r * m")
        ahead = [f"sym_row_ahead(o{k}, o{o}, m * {self.dtypes[k].itemsize});" for k, o in self.offsets.items()]
        steps = " ".join(f"o{k} += jump[{k}];" for k in moving)
        return (
            f"        for (i64 r = 0; r < rows; r++) {{\n            if (!from) {{ {' '.join(ahead)} }}\n"
            f"            {self._call('m', names)}            {steps}\n        }}\n"
        )

    def _dense(self, k: int) -> str:
        """Whether the elements of an operand lie one after another."""
        size = self.dtypes[k].itemsize
        return f"step[{k}] == {size} && (rows == 1 || jump[{k}] == m * {size})"

    def _packed(self) -> str:
        """Everything that does not lie as the loop needs it is copied to and from buffers."""
        parts, after, names = [], [], {0: "v"}
        for k in (*self.stored, *self.read):
            parts.append(f"    {c_type(self.dtypes[k])} b{k}[{BLOCK}] __attribute__((aligned(64)));\n")
        for k in self.read:
            size, o = self.dtypes[k].itemsize, self.offsets.get(k)
            offsets = "0, 0, 0" if o is None else f"o{o}, step[{o}], jump[{o}]"
            copy = f"sym_copy_rows_{size}(b{k}, o{k}, rows, m, step[{k}], jump[{k}], {offsets});"
            names[k] = f"a{k}" if o is None else f"b{k}"
            if o is None:
                t = f"const {c_type(self.dtypes[k])} *"
                parts.append(f"    {t}a{k} = ({t})o{k};\n    if (!({self._dense(k)})) {{ {copy} a{k} = b{k}; }}\n")
            else:
                parts.append(f"    {copy}\n")
        for k in self.stored:
            size, names[k] = self.dtypes[k].itemsize, f"y{k}"
            parts.append(f"    const int dense{k} = {self._dense(k)};\n")
            parts.append(f"    void *y{k} = dense{k} ? (void *)o{k} : (void *)b{k};\n")
            after.append(f"    if (!dense{k}) loops->unpack(o{k}, b{k}, rows, m, step[{k}], jump[{k}], {size});\n")
        return "".join([*parts, f"    {self._call('rows * m', names)}", *after])
