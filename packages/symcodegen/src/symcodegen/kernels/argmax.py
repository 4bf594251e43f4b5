"""C text of the position of the largest element along any axes.

Elements that lie one after another along the last reduced loop are taken in blocks. A block is first asked whether any
element is beyond the best so far, which compilers turn into vector code; seldom one is, and only then its largest is
looked for. Where results lie closer to one another than the elements of one of them, blocks of results keep their best
side by side. Numbers of 16 bits are compared as floats.
"""

from typing import Any

import numpy as np

from symcodegen.cnames import c_type, has_c_type
from symcodegen.expr import NoC, cast, functions_in
from symcodegen.kernels.elemwise import IVDEP
from symcodegen.kernels.reduce import MAX_LOOPS, RUN, SINGLE, Source, known, once, run_text

#: Elements of a block; elements in which the largest is looked for at once; what is too short for that; and results
#: side by side.
BLOCK, PIECE, SHORT, COLUMNS = 1024, 64, 32, 512
_UNSIGNED = {1: "unsigned char", 2: "unsigned short", 4: "unsigned", 8: "unsigned long long"}


def argmax_kernel(in_dtype: np.dtype[Any]) -> tuple[str, tuple[str, ...]]:
    """Return the C text of ``Argmax`` (``collapsed``, loops in program order: the reduced ones count the position), and
    the functions it needs."""
    if not has_c_type(in_dtype) and in_dtype.name != "float16":
        raise NoC(f"argmax of {in_dtype}")
    work = SINGLE if in_dtype.name == "float16" else in_dtype
    words: dict[str, Any] = {
        "X": c_type(work),
        "E": c_type(in_dtype),
        "MAX": MAX_LOOPS,
        "B": BLOCK,
        "PIECE": PIECE,
        "SHORT": SHORT,
        "found_piece": "piece[k] == b",
        "C": COLUMNS,
        "U": _UNSIGNED[work.itemsize],  # as wide as an element: so vectors of both have as many lanes
        "W": "i64" if work.itemsize == 8 else "int",
        "straight": "return v;",
        "nan": "0",
        "beyond": "x[k] > b",
        "column": "x[k] > best[k]",
    }
    words["load"] = load = cast(f"*(const {c_type(in_dtype)} *)(q + k * step)", in_dtype, work)
    if work != in_dtype:
        words["straight"] = f"{{ for (i64 k = 0; k < n; k++) to[k] = {cast('v[k]', in_dtype, work)}; return to; }}"
    if work.kind == "f":
        words |= {"nan": "x[k] != x[k]", "beyond": "!(x[k] <= b)"}
        words["found_piece"] = "(piece[k] == b) | (piece[k] != piece[k])"  # where there is a NaN, it is the largest
        words["column"] = "(x[k] > best[k]) | ((x[k] != x[k]) & (best[k] == best[k]))"
    if number := known("maximum", Source(work, 1, RUN, ""), work, work):
        text, words["largest"] = "", f"loops->known[{number}].run"
    else:
        name = f"argmax_{work.name}"
        text = once(name, run_text("maximum", work, work, work, name)[0])
        words["largest"] = f"sym_{name}_run"
    return IVDEP + text + _ARGMAX % words, tuple(functions_in(load))


_ARGMAX = """
typedef struct {
    const sym_loops *loops;
    const i64 *d, *sy, *sx;
    i64 n, step, R, reduced[%(MAX)d], at[%(MAX)d];
} SYM_KERNEL_nest;

static int SYM_KERNEL_next(SYM_KERNEL_nest *t, i64 count, const i64 *which, char **y, const char **x) {
    for (i64 j = count - 1; j >= 0; j--) {
        const i64 w = which[j];
        *y += t->sy[w];
        *x += t->sx[w];
        if (++t->at[w] < t->d[1 + w]) return 1;
        *y -= t->sy[w] * t->d[1 + w];
        *x -= t->sx[w] * t->d[1 + w];
        t->at[w] = 0;
    }
    return 0;
}

SYM_HOT const %(X)s *SYM_KERNEL_elements(const char *q, i64 n, i64 step, %(X)s *to) {
    const %(E)s *v = (const %(E)s *)q;
    if (step == sizeof *v) %(straight)s
    for (i64 k = 0; k < n; k++) to[k] = %(load)s;
    return to;
}

/* The first of the largest elements, or the first NaN, if it is beyond the best so far; else -1. */
SYM_HOT i64 SYM_KERNEL_block(const sym_loops *loops, const %(X)s *x, i64 n, %(X)s *best, int first) {
    %(X)s b = *best;
    i64 where = -1;
    %(U)s any = 0;
    if (n < %(SHORT)d) {
        for (i64 k = 0; k < n; k++)
            if (%(beyond)s) {
                b = x[k];
                where = k;
                if (%(nan)s) break;
            }
        *best = b;
        return where;
    }
    if (!first) {
        for (i64 k = 0; k < n; k++) any |= (%(U)s)(%(beyond)s);
        if (!any) return -1;
    }
    %(largest)s(&b, x, n, 1);
    *best = b;
    for (where = 0; where + %(PIECE)d <= n; where += %(PIECE)d) {
        const %(X)s *piece = x + where;
        %(U)s equal = 0;
        for (int k = 0; k < %(PIECE)d; k++) equal |= (%(U)s)(%(found_piece)s);
        if (equal) break;
    }
    for (const %(X)s *piece = x + where;; where++, piece++) {
        const int k = 0;
        if (%(found_piece)s) return where;
    }
}

SYM_HOT i64 SYM_KERNEL_line(SYM_KERNEL_nest *t, const char *q) {
    const i64 step = t->step, n = t->n, k = 0;
    %(X)s best = %(load)s, to[%(B)d];
    i64 where = 0, base = 0;
    char *no = 0;
    do {
        for (i64 from = 0; from < n; from += %(B)d) {
            const i64 m = n - from < %(B)d ? n - from : %(B)d;
            const %(X)s *x = SYM_KERNEL_elements(q + from * step, m, step, to);
            const i64 k = SYM_KERNEL_block(t->loops, x, m, &best, base + from == 0);
            if (k < 0) continue;
            where = base + from + k;
            if (best != best) {
                for (i64 j = 0; j < t->R; j++) t->at[t->reduced[j]] = 0;
                return where;
            }
        }
        base += n;
    } while (SYM_KERNEL_next(t, t->R, t->reduced, &no, &q));
    return where;
}

SYM_HOT void SYM_KERNEL_columns(SYM_KERNEL_nest *t, const char *q, i64 n, char *y, i64 apart) {
    %(X)s best[%(C)d], to[%(C)d];
    %(W)s where[%(C)d], count = 0;
    char *no = 0;
    const %(X)s *x = SYM_KERNEL_elements(q, n, t->step, to);
    for (i64 k = 0; k < n; k++) { best[k] = x[k]; where[k] = 0; }
    while (SYM_KERNEL_next(t, t->R, t->reduced, &no, &q)) {
        x = SYM_KERNEL_elements(q, n, t->step, to);
        count++;
        SYM_IVDEP
        for (i64 k = 0; k < n; k++) {
            const int more = %(column)s;
            best[k] = more ? x[k] : best[k];
            where[k] = more ? count : where[k];
        }
    }
    for (i64 k = 0; k < n; k++) *(i64 *)(y + k * apart) = where[k];
}

static i64 SYM_KERNEL_magnitude(i64 v) { return v < 0 ? -v : v; }

int SYM_KERNEL(char *const *restrict p, const i64 *restrict d, const i64 *restrict s, const sym_ctx *ctx) {
    const i64 L = d[0], *sx = s + L;
    SYM_KERNEL_nest t = {ctx->loops, d, s, sx, 1, 0, 0};
    i64 kept[%(MAX)d], K = 0, c = -1, results = 1;
    double positions = 1;
    for (i64 j = 0; j < L; j++) {
        t.at[j] = 0;
        if (s[j]) {
            if (d[1 + j] == 0) results = 0;
            if (c < 0 || SYM_KERNEL_magnitude(sx[j]) < SYM_KERNEL_magnitude(sx[kept[c]])) c = K;
            kept[K++] = j;
        } else {
            positions *= (double)d[1 + j];
            t.reduced[t.R++] = j;
        }
    }
    if (positions == 0) return ctx->fail(ctx, SYM_VALUE, "there is no largest of no elements.");
    if (!results) return 0;
    i64 side = -1, apart = 0; /* the loop whose results are found side by side */
    if (c >= 0 && d[1 + kept[c]] >= 8 && positions < 2e9) {
        const i64 last = t.R ? SYM_KERNEL_magnitude(sx[t.reduced[t.R - 1]]) : 0;
        if (!t.R || SYM_KERNEL_magnitude(sx[kept[c]]) < last) side = kept[c];
    }
    if (side >= 0) {
        for (K--; c < K; c++) kept[c] = kept[c + 1];
        apart = s[side];
    } else if (t.R) side = t.reduced[--t.R];
    if (side >= 0) {
        t.n = d[1 + side];
        t.step = sx[side];
    }
    char *y = p[0];
    const char *x = p[1];
    do {
        if (!apart) *(i64 *)y = SYM_KERNEL_line(&t, x);
        else
            for (i64 from = 0; from < t.n; from += %(C)d) {
                const i64 n = t.n - from < %(C)d ? t.n - from : %(C)d;
                SYM_KERNEL_columns(&t, x + from * t.step, n, y + from * apart, apart);
            }
    } while (SYM_KERNEL_next(&t, K, kept, &y, &x));
    return 0;
}
"""
