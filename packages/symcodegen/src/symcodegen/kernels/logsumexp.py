"""C text of ``LogSumExp``: of any axes, any strides, float32 and float64.

What belongs to one result (or to a block of results that lie side by side) is read twice, the second time from the
cache if it fits: first for the largest element, then for the sum of the exponentials, block by block. Both are combined
by the functions of ``reduce``, which also share what belongs to one long result among threads.
"""

from string import Template
from typing import Any

import numpy as np

from symcodegen.cnames import c_type, suffix
from symcodegen.kernels.elemwise import IVDEP
from symcodegen.kernels.reduce import FETCH, RUN, Source, combining, fetch_operand
from symcodegen.kernels.usual import usual_functions, usual_loop

#: Elements of one result that a thread takes at least: an exponential is worth ten times what it costs to add.
SECTION = 1 << 14

_TEXT = Template("""
/* Exponentials. What is taken away from the elements is so before: this loop stands here once for one number and for
 * many. */
SYM_NOINLINE void SYM_KERNEL_powers_of(i64 n, $T *y0, const $T *a) {
$LOOP}
/* e = a - top in rows of n elements; the next number to take away is `along` an element and `down` a row. */
SYM_NOINLINE void SYM_KERNEL_less(i64 rows, i64 n, $T *restrict e, const $T *restrict a, const $T *restrict top,
                                  i64 down, int along) {
    for (; rows--; e += n, a += n, top += down) {
        const $T same = *top;
        if (along) for (i64 i = 0; i < n; i++) e[i] = a[i] - top[i];
        else for (i64 i = 0; i < n; i++) e[i] = a[i] - same;
    }
}
/* Keeps the compiler from making vectors of a loop over a few numbers: it would put three others around it. */
#define SYM_ONE_BY_ONE(i) __asm__ volatile("" : "+r"(i))
/* Behind the operands of the kernel come the numbers to take away: one for all, or as many as `from` counts. */
$POWERS$OPERAND    const $T *top = (const $T *)(void *)p[2];
    $T e[SYM_RUN] __attribute__((aligned(64)));
    if (p[3]) SYM_KERNEL_less(rows, m, e, a1, top, 0, 1);
    else SYM_KERNEL_less(1, rows * m, e, a1, top, 0, 0);
    SYM_KERNEL_powers_of(rows * m, v, e);
    return v;
}
/* Several short rows from `row` on: their largest elements, and the sums. */
SYM_NOINLINE void SYM_KERNEL_short(const sym_reduction *max, const sym_reduction *sum, const sym_loops *loops,
                                   const sym_nest *t, char *const *q, i64 row, i64 rows, $T *tops, double *sums) {
    $T v[SYM_RUN] __attribute__((aligned(64))), e[SYM_RUN] __attribute__((aligned(64)));
    const i64 m = t->n, from = 0, *step = t->step, *jump = t->jump;
$OPERAND    for (i64 j = 0; j < rows; j++) {
        tops[j] = *($T *)max->unit;
        sums[j] = 0;
        SYM_ONE_BY_ONE(j);
    }
    max->run(tops, a1, m, rows);
    for (i64 j = 0; j < rows; j++) {
        tops[j] = tops[j] - tops[j] == 0 || tops[j] != tops[j] ? tops[j] : 0;
        SYM_ONE_BY_ONE(j);
    }
    SYM_KERNEL_less(rows, m, e, a1, tops, 1, 0);
    SYM_KERNEL_powers_of(rows * m, v, e);
    sum->run(sums, v, m, rows);
}
int SYM_KERNEL(char *const *restrict p, const i64 *restrict d, const i64 *restrict s, const sym_ctx *ctx) {
    $T tops[SYM_COLUMNS] __attribute__((aligned(64)));
    double sums[SYM_COLUMNS] __attribute__((aligned(64)));
    const sym_loops *loops = ctx->loops;
    $MAX
    $SUM
    char *place[2] = {p[0], p[1]}, *row[2] = {p[0], p[1]};
    sym_nest t;
    if (!loops->sort(&t, 2, SYM_RUN, d, s)) return 0;
    char *own[4] = {p[0], p[1], (char *)tops, t.columns ? (char *)tops : 0};
    sym_share largest = {.how = max, .nest = &t, .p = own, .place = row, .d = d, .s = s};
    largest.sections = 1;
    if (!t.empty) loops->divide(&largest, $SECTION);
    sym_share total = largest;
    total.how = sum;
    const int apart = t.apart && !t.empty;
    /* Results side by side, of short rows, or of long ones; only the work on each of these is done apart. */
    i64 count = 1, most = SYM_COLUMNS, step = 0, jump = 0;
    if (apart) { count = t.group; most = t.rows; step = t.jump[0]; }
    else if (t.columns) { count = t.n; step = t.step[0]; }
    else if (t.K) {
        const i64 g = t.kept[--t.K];
        count = d[1 + g];
        step = s[g];
        jump = s[d[0] + g];
    }
    do {
        for (i64 from = 0; from < count; from += most) {
            const i64 m = count - from < most ? count - from : most, each = t.columns ? m : 1;
            if (apart) SYM_KERNEL_short(max, sum, loops, &t, place, from, m, tops, sums);
            else for (i64 k = 0; k < m; k += each) {
                row[1] = place[1] + (from + k) * jump;
                own[2] = (char *)(tops + k);
                largest.from = total.from = t.columns ? from : 0;
                largest.m = total.m = each;
                loops->combine(ctx, &largest, tops + k);
                for (i64 i = k; i < k + each; i++) {
                    tops[i] = tops[i] - tops[i] == 0 || tops[i] != tops[i] ? tops[i] : 0;
                    SYM_ONE_BY_ONE(i);
                }
                loops->combine(ctx, &total, sums + k);
            }
            /* Whole vectors, so that the logarithm stands here once; what lies behind the last sum is of no account. */
            for (i64 i = 0; i < m; i += 16) {
                SYM_IVDEP
                for (int k = 0; k < 16; k++) sums[i + k] = sym_log_f64(sums[i + k]) + tops[i + k];
            }
            for (i64 i = 0; i < m; i++) {
                *($T *)(place[0] + (from + i) * step) = ($T)sums[i];
                SYM_ONE_BY_ONE(i);
            }
        }
    } while (loops->next(t.K, t.kept, t.at, 2, d, s, place));
    return 0;
}
""")


def logsumexp_kernel(dtype: np.dtype[Any]) -> tuple[str, tuple[str, ...]]:
    """Return the C text of a ``collapsed`` kernel of ``dtype`` (float32 or float64), and the functions it needs.

    Its operands are the output, then the input.
    """
    t, double = c_type(dtype), np.dtype("float64")
    source, fetching = (Source(dtype, 1, RUN, text, SECTION) for text in ("", "SYM_KERNEL_powers"))
    largest, text, needed = combining("supremum", source, dtype, dtype, "0", name="max")
    total, more, also = combining("add", fetching, dtype, double, "SYM_KERNEL_powers", name="sum")
    work = f"const {t} r0 = sym_exp_{suffix(dtype)}(a[i]);"
    text = IVDEP + text + more + _TEXT.substitute(
        T=t, LOOP=usual_loop([], [work], [t], [], "SYM_IVDEP"), OPERAND=fetch_operand(1, dtype, "v"),
        POWERS=FETCH.format(t).replace("KERNEL_fetch", "KERNEL_powers"), MAX=largest, SUM=total, SECTION=SECTION,
    )  # fmt: skip
    functions = {*needed, *also, f"sym_exp_{suffix(dtype)}", "sym_log_f64", *usual_functions(work)}
    return text, tuple(sorted(functions))
