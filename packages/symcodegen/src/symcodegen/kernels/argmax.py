"""C text of the position of the largest element along any axes."""

from typing import Any

import numpy as np

from symcodegen.cnames import c_type, has_c_type
from symcodegen.expr import NoC, cast, functions_in
from symcodegen.kernels.reduce import MAX_LOOPS, SINGLE


def argmax_kernel(in_dtype: np.dtype[Any]) -> tuple[str, tuple[str, ...]]:
    """Return the C text of ``Argmax`` (``collapsed``, loops in program order: the reduced ones count the position), and
    the functions it needs."""
    if not has_c_type(in_dtype) and in_dtype.name != "float16":
        raise NoC(f"argmax of {in_dtype}")
    work = SINGLE if in_dtype.name == "float16" else in_dtype
    load = cast(f"*(const {c_type(in_dtype)} *)q", in_dtype, work)
    words = {"X": c_type(work), "MAX": MAX_LOOPS, "nan": "x != x" if work.kind == "f" else "0", "load": load}
    return _ARGMAX % words, tuple(functions_in(load))


_ARGMAX = """
int SYM_KERNEL(char *const *restrict p, const i64 *restrict d, const i64 *restrict s, const sym_ctx *ctx) {
    const i64 L = d[0], *sy = s, *sx = s + L;
    i64 kept[%(MAX)d], reduced[%(MAX)d], at[%(MAX)d], K = 0, R = 0;
    int results = 1;
    for (i64 j = 0; j < L; j++) {
        at[j] = 0;
        if (sy[j]) {
            if (d[1 + j] == 0) results = 0;
            kept[K++] = j;
        } else reduced[R++] = j;
    }
    for (i64 j = 0; j < R; j++)
        if (d[1 + reduced[j]] == 0) return ctx->fail(ctx, SYM_VALUE, "there is no largest of no elements.");
    if (!results) return 0;
    char *y = p[0], *x0 = p[1];
    for (;;) {
        const char *q = x0;
        %(X)s best = %(load)s;
        i64 where = 0, count = 0;
        for (int found = 0;;) {
            const %(X)s x = %(load)s;
            if (!found && (%(nan)s)) { where = count; found = 1; }
            if (!found && x > best) { best = x; where = count; }
            count++;
            i64 j = R - 1;
            for (; j >= 0; j--) {
                const i64 w = reduced[j];
                q += sx[w];
                if (++at[w] < d[1 + w]) break;
                q -= sx[w] * d[1 + w];
                at[w] = 0;
            }
            if (j < 0) break;
        }
        *(i64 *)y = where;
        i64 j = K - 1;
        for (; j >= 0; j--) {
            const i64 w = kept[j];
            y += sy[w];
            x0 += sx[w];
            if (++at[w] < d[1 + w]) break;
            y -= sy[w] * d[1 + w];
            x0 -= sx[w] * d[1 + w];
            at[w] = 0;
        }
        if (j < 0) return 0;
    }
}
"""
