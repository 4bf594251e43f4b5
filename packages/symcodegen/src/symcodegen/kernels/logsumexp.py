"""C text of ``LogSumExp``: of any axes, any strides, float32 and float64.

What belongs to one result (or to a block of results that lie side by side) is read twice, the second time from the
cache if it fits: first for the largest element, then for the sum of the exponentials, block by block. Both are combined
by the functions of ``reduce``, which also share what belongs to one long result among threads.
"""

from string import Template
from typing import Any

import numpy as np

from symcodegen.cnames import c_type, suffix
from symcodegen.kernels.reduce import COLUMNS, FETCH, RUN, Source, combining, fetch_operand
from symcodegen.kernels.usual import usual_functions, usual_loop

#: Elements of one result that a thread takes at least: an exponential is worth ten times what it costs to add.
SECTION = 1 << 14

_TEXT = Template("""
SYM_NOINLINE void SYM_KERNEL_one(i64 n, $T *y0, const $T *a, $T top) {
$ONE}
SYM_NOINLINE void SYM_KERNEL_each(i64 n, $T *y0, const $T *a, const $T *top) {
$EACH}
$READ    (void)p;
$OPERAND    return a1;
}
/* The exponentials; behind the operands of the kernel come the numbers to take away, one for all, or as many as
 * `from` counts. */
$POWERS$OPERAND    const $T *top = (const $T *)(void *)p[2];
    if (!p[3]) SYM_KERNEL_one(rows * m, v, a1, *top);
    else if (rows == 1) SYM_KERNEL_each(m, v, a1, top);
    else {
        $T e[$RUN] __attribute__((aligned(64)));
        for (i64 j = 0; j < rows; j++)
            for (i64 i = 0; i < m; i++) e[j * m + i] = top[i];
        SYM_KERNEL_each(rows * m, v, a1, e);
    }
    return v;
}
/* Several short rows from `row` on: their largest elements, and the sums. */
SYM_NOINLINE void SYM_KERNEL_short(const sym_nest *t, char *const *p, char *const *place, i64 row, i64 rows,
                                   $T *tops, double *sums) {
    $T v[$RUN] __attribute__((aligned(64))), e[$RUN] __attribute__((aligned(64)));
    const i64 n = t->n;
    const $T *x = SYM_KERNEL_read(p, place, 0, n, row, rows, t->step, t->jump, v);
    for (i64 j = 0; j < rows; j++) {
        const $T top = sym_${MAX}_run(x + j * n, n);
        tops[j] = top - top == 0 || top != top ? top : 0;
        for (i64 i = 0; i < n; i++) e[j * n + i] = tops[j];
    }
    SYM_KERNEL_each(rows * n, v, x, e);
    for (i64 j = 0; j < rows; j++) sums[j] = sym_${SUM}_run(v + j * n, n);
}
int SYM_KERNEL(char *const *restrict p, const i64 *restrict d, const i64 *restrict s, const sym_ctx *ctx) {
    $T tops[$COLUMNS] __attribute__((aligned(64)));
    double sums[$COLUMNS] __attribute__((aligned(64)));
    char *place[2] = {p[0], p[1]};
    sym_nest t;
    if (!sym_nest_sort(&t, 2, $RUN, d, s)) return 0;
    char *const own[4] = {p[0], p[1], (char *)tops, t.columns ? (char *)tops : 0};
    sym_${MAX}_job largest = {own, place, d, s, SYM_KERNEL_read, 0, 2, $RUN, 0, 1, -1, 0, 0, 0};
    sym_${SUM}_job total = {own, place, d, s, SYM_KERNEL_powers, 0, 2, $RUN, 0, 1, -1, 0, 0, 0};
    const i64 sections = t.empty ? 1 : sym_nest_sections(d, s, $SECTION, &total.loop, &total.unit);
    largest.loop = total.loop;
    largest.unit = total.unit;
    const int apart = t.apart && !t.empty;
    const i64 count = apart ? t.group : t.columns ? t.n : 1, most = apart ? t.rows : $COLUMNS;
    const i64 step = apart ? t.jump[0] : t.columns ? t.step[0] : 0;
    do {
        for (i64 from = 0; from < count; from += most) {
            const i64 m = count - from < most ? count - from : most;
            if (apart) SYM_KERNEL_short(&t, p, place, from, m, tops, sums);
            else {
                largest.from = total.from = from;
                largest.m = total.m = m;
                if (sections > 1) sym_${MAX}_shared(ctx, &largest, sections, tops);
                else sym_${MAX}_all(&t, own, place, d, s, 2, $RUN, SYM_KERNEL_read, 0, from, m, tops);
                for (i64 i = 0; i < m; i++) tops[i] = tops[i] - tops[i] == 0 || tops[i] != tops[i] ? tops[i] : 0;
                if (sections > 1) sym_${SUM}_shared(ctx, &total, sections, sums);
                else sym_${SUM}_all(&t, own, place, d, s, 2, $RUN, SYM_KERNEL_powers, 0, from, m, sums);
            }
            SYM_IVDEP
            for (i64 i = 0; i < m; i++) sums[i] = sym_log_f64(sums[i]) + tops[i];
            for (i64 i = 0; i < m; i++) *($T *)(place[0] + (from + i) * step) = ($T)sums[i];
        }
    } while (sym_nest_next(t.K, t.kept, t.at, 2, d, s, place));
    return 0;
}
""")


def logsumexp_kernel(dtype: np.dtype[Any]) -> tuple[str, tuple[str, ...]]:
    """Return the C text of a ``collapsed`` kernel of ``dtype`` (float32 or float64), and the functions it needs.

    Its operands are the output, then the input.
    """
    t, double = c_type(dtype), np.dtype("float64")
    source = Source(dtype, 1, RUN, "", SECTION)
    largest, text, needed = combining("supremum", source, dtype, dtype)
    total, more, also = combining("add", source, dtype, double)
    work = f"const {t} r0 = sym_exp_{suffix(dtype)}(a[i] - %s);"
    loops = [usual_loop([], [work % top], [t], ["a"], "SYM_IVDEP") for top in ("top", "top[i]")]
    fetch = FETCH.format(t)
    text += more + _TEXT.substitute(
        T=t, ONE=loops[0], EACH=loops[1], READ=fetch.replace("KERNEL_fetch", "KERNEL_read"),
        POWERS=fetch.replace("KERNEL_fetch", "KERNEL_powers"), OPERAND=fetch_operand(1, dtype, "v"), RUN=RUN,
        COLUMNS=COLUMNS, MAX=largest, SUM=total, SECTION=SECTION,
    )  # fmt: skip
    functions = {*needed, *also, f"sym_exp_{suffix(dtype)}", "sym_log_f64", *usual_functions(work)}
    return text, tuple(sorted(functions))
