"""C text of reductions over any axes.

The loops are sorted into kept ones and reduced ones. If the innermost loop is reduced ("rows"), each result is combined
from runs of contiguous elements, in lanes, so that no reassociation by the compiler is needed; floats are added in
blocks of 4096 in their own type and the blocks' totals in the accumulator's. If the innermost loop is kept ("columns"),
blocks of results are accumulated side by side.

Sums and extrema of floats use vector types as wide as the processor's: with the light flags, which compile three times
faster than -O3, an array of lanes would be kept in memory instead of registers (2 times slower, measured).
"""

import numpy as np

from symcodegen.cnames import c_type, has_c_type, suffix
from symcodegen.expr import NoC
from symcodegen.kernels.elemwise import IVDEP, PACKING

LANES = 64
COLUMNS = 256
RUN = 4096
MAX_LOOPS = 64


def _combine(fn: str, dtype: "np.dtype") -> tuple[str, str, str]:
    """Return the expression that combines ``{0}`` and ``{1}``, the neutral element, and the function needed, if any."""
    t, real = c_type(dtype), dtype.kind == "f"
    if fn == "add":
        return ("({0} + {1})" if real else f"(({t})((unsigned long long){{0}} + (unsigned long long){{1}}))", "0", "")
    if fn == "mul":
        return ("({0} * {1})" if real else f"(({t})((unsigned long long){{0}} * (unsigned long long){{1}}))", "1", "")
    if fn in ("and_", "or_"):
        return (f"({{0}} {'&' if fn == 'and_' else '|'} {{1}})", "1" if fn == "and_" else "0", "")
    name = f"sym_{fn}_{suffix(dtype)}"
    if real:
        return f"{name}({{0}}, {{1}})", f"({'-' if fn == 'maximum' else ''}({t})__builtin_inf())", name
    sign = ">" if fn == "maximum" else "<"
    return f"({{0}} {sign} {{1}} ? {{0}} : {{1}})", _limit(dtype, fn), ""


def _limit(dtype: "np.dtype", fn: str) -> str:
    if dtype.kind == "b":
        return "0" if fn == "maximum" else "1"
    info = np.iinfo(dtype)
    value = int(info.min if fn == "maximum" else info.max)
    if value == -(1 << 63):
        return "(-9223372036854775807LL - 1)"
    return f"{value}ULL" if value > (1 << 63) - 1 else f"{value}LL"


def reduce_kernel(
    fn: str, in_dtype: "np.dtype", out_dtype: "np.dtype", acc_dtype: "np.dtype"
) -> tuple[str, tuple[str, ...]]:
    """Return the C text of a ``collapsed`` kernel and the functions it needs. Raises ``NoC``.

    Its operands are the output, then the input.
    """
    for d in (in_dtype, out_dtype, acc_dtype):
        if not has_c_type(d):
            raise NoC(f"reduction of {d}")
    # What the lanes hold: the input's own type where the blocks are short enough to lose nothing, else the
    # accumulator's.
    lane = in_dtype if fn in ("add", "maximum", "minimum") and in_dtype.kind == "f" else acc_dtype
    lane_op, lane_unit, need = _combine(fn, lane)
    acc_op, acc_unit, need_acc = _combine(fn, acc_dtype)
    if fn in ("and_", "or_"):
        lane = acc_dtype
    words = {
        "X": c_type(in_dtype),
        "Y": c_type(out_dtype),
        "A": c_type(acc_dtype),
        "S": c_type(lane),
        "LANES": LANES,
        "COLUMNS": COLUMNS,
        "RUN": RUN,
        "MAX": MAX_LOOPS,
        "lane_unit": lane_unit,
        "acc_unit": acc_unit,
        "lane_k": lane_op.format("a[k]", "(S)x[i + k]").replace("(S)", f"({c_type(lane)})"),
        "lane_w": lane_op.format("a[k]", "a[k + w]"),
        "tail": lane_op.format("a[0]", f"({c_type(lane)})x[i]"),
        "acc_run": acc_op.format("acc", "SYM_KERNEL_run(x, m)"),
        "acc_col": acc_op.format("acc[i]", f"({c_type(acc_dtype)})x[i]"),
        "size": in_dtype.itemsize,
        "empty": _EMPTY if fn in ("maximum", "minimum") else "",
    }
    vectors = lane == in_dtype and lane.kind == "f"
    if vectors:
        words["I"] = "int" if lane.itemsize == 4 else "long long"
        words["vector_two"] = _VECTOR_TWO[fn]
    text = IVDEP + PACKING + (_VECTOR_TEXT if vectors else _LANES_TEXT) + _TEXT
    return text % words, tuple(sorted({n for n in (need, need_acc) if n}))


_CHOOSE = "return (SYM_KERNEL_v)((m & (SYM_KERNEL_i)b) | (~m & (SYM_KERNEL_i)a));"
#: How two vectors are combined. A NaN is greater than everything on either side.
_VECTOR_TWO = {
    "add": "return a + b;",
    "mul": "return a * b;",
    "maximum": "const SYM_KERNEL_i m = (b > a) | (b != b); " + _CHOOSE,
    "minimum": "const SYM_KERNEL_i m = (b < a) | (b != b); " + _CHOOSE,
}
_EMPTY = 'if (empty) return ctx->fail(ctx, SYM_VALUE, "the largest or smallest of no elements is not defined.");'

_LANES_TEXT = """
SYM_NOINLINE %(A)s SYM_KERNEL_run(const %(X)s *x, i64 n) {
    %(S)s a[%(LANES)d];
    i64 i = 0;
    for (int k = 0; k < %(LANES)d; k++) a[k] = %(lane_unit)s;
    for (; i + %(LANES)d <= n; i += %(LANES)d)
        for (int k = 0; k < %(LANES)d; k++) a[k] = %(lane_k)s;
    for (int w = %(LANES)d / 2; w; w >>= 1)
        for (int k = 0; k < w; k++) a[k] = %(lane_w)s;
    for (; i < n; i++) a[0] = %(tail)s;
    return (%(A)s)a[0];
}
"""

_VECTOR_TEXT = """
#ifndef SYM_VECTOR_BYTES
#if defined(__AVX512F__)
#define SYM_VECTOR_BYTES 64
#elif defined(__AVX__)
#define SYM_VECTOR_BYTES 32
#else
#define SYM_VECTOR_BYTES 16
#endif
#endif
typedef %(X)s SYM_KERNEL_v __attribute__((vector_size(SYM_VECTOR_BYTES)));
typedef %(X)s SYM_KERNEL_u __attribute__((vector_size(SYM_VECTOR_BYTES), aligned(sizeof(%(X)s))));
typedef %(I)s SYM_KERNEL_i __attribute__((vector_size(SYM_VECTOR_BYTES)));
static inline SYM_KERNEL_v SYM_KERNEL_two(SYM_KERNEL_v a, SYM_KERNEL_v b) { %(vector_two)s }

SYM_NOINLINE %(A)s SYM_KERNEL_run(const %(X)s *x, i64 n) {
    enum { W = SYM_VECTOR_BYTES / (int)sizeof(%(X)s) };
    const SYM_KERNEL_v unit = (SYM_KERNEL_v){0} + %(lane_unit)s;
    SYM_KERNEL_v a0 = unit, a1 = unit, a2 = unit, a3 = unit;
    i64 i = 0;
    for (; i + 4 * W <= n; i += 4 * W) {
        a0 = SYM_KERNEL_two(a0, *(const SYM_KERNEL_u *)(x + i));
        a1 = SYM_KERNEL_two(a1, *(const SYM_KERNEL_u *)(x + i + W));
        a2 = SYM_KERNEL_two(a2, *(const SYM_KERNEL_u *)(x + i + 2 * W));
        a3 = SYM_KERNEL_two(a3, *(const SYM_KERNEL_u *)(x + i + 3 * W));
    }
    a0 = SYM_KERNEL_two(SYM_KERNEL_two(a0, a1), SYM_KERNEL_two(a2, a3));
    %(X)s a[W];
    *(SYM_KERNEL_u *)a = a0;
    for (int w = W / 2; w; w >>= 1)
        for (int k = 0; k < w; k++) a[k] = %(lane_w)s;
    for (; i < n; i++) a[0] = %(tail)s;
    return (%(A)s)a[0];
}
"""

_TEXT = """
/* Advances the indices of the loops `which`, innermost last; returns 0 when all have gone round. */
SYM_NOINLINE int SYM_KERNEL_next(i64 count, const i64 *which, i64 *at, const i64 *d, const i64 *s, char **q) {
    for (i64 j = count - 1; j >= 0; j--) {
        const i64 w = which[j];
        *q += s[w];
        if (++at[w] < d[1 + w]) return 1;
        *q -= s[w] * d[1 + w];
        at[w] = 0;
    }
    return 0;
}

int SYM_KERNEL(char *const *restrict p, const i64 *restrict d, const i64 *restrict s, const sym_ctx *ctx) {
    const i64 L = d[0], *sy = s, *sx = s + L;
    i64 kept[%(MAX)d], reduced[%(MAX)d], at[%(MAX)d], K = 0, R = 0;
    int empty = 0;
    (void)ctx;
    for (i64 j = 0; j < L; j++) {
        at[j] = 0;
        if (sy[j]) {
            if (d[1 + j] == 0) return 0;
            kept[K++] = j;
        } else {
            if (d[1 + j] == 0) empty = 1;
            reduced[R++] = j;
        }
    }
    %(empty)s
    const int columns = L && sy[L - 1] != 0;
    const i64 n = L ? d[L] : 1, step = L ? sx[L - 1] : (i64)sizeof(%(X)s), out_step = columns ? sy[L - 1] : 0;
    if (columns) K--; else if (R) R--;
    char *y = p[0], *x0 = p[1];
    for (;;) {
        if (columns) {
            for (i64 from = 0; from < n; from += %(COLUMNS)d) {
                const i64 m = n - from < %(COLUMNS)d ? n - from : %(COLUMNS)d;
                %(A)s acc[%(COLUMNS)d] __attribute__((aligned(64)));
                %(X)s b[%(COLUMNS)d] __attribute__((aligned(64)));
                for (i64 i = 0; i < m; i++) acc[i] = %(acc_unit)s;
                if (!empty) {
                    char *q = x0;
                    do {
                        const %(X)s *x = (const %(X)s *)(q + from * step);
                        if (step != (i64)sizeof(%(X)s)) { sym_pack_%(size)d(b, q + from * step, m, step); x = b; }
                        SYM_IVDEP
                        for (i64 i = 0; i < m; i++) acc[i] = %(acc_col)s;
                    } while (SYM_KERNEL_next(R, reduced, at, d, sx, &q));
                }
                for (i64 i = 0; i < m; i++) *(%(Y)s *)(y + (from + i) * out_step) = (%(Y)s)acc[i];
            }
        } else {
            %(A)s acc = %(acc_unit)s;
            if (!empty) {
                char *q = x0;
                do {
                    for (i64 from = 0; from < n; from += %(RUN)d) {
                        const i64 m = n - from < %(RUN)d ? n - from : %(RUN)d;
                        const %(X)s *x = (const %(X)s *)(q + from * step);
                        %(X)s b[%(RUN)d] __attribute__((aligned(64)));
                        if (step != (i64)sizeof(%(X)s)) { sym_pack_%(size)d(b, q + from * step, m, step); x = b; }
                        acc = %(acc_run)s;
                    }
                } while (SYM_KERNEL_next(R, reduced, at, d, sx, &q));
            }
            *(%(Y)s *)y = (%(Y)s)acc;
        }
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


def argmax_kernel(in_dtype: "np.dtype") -> str:
    """Return the C text of ``Argmax`` (``collapsed``, loops in program order: the reduced ones count the position)."""
    if not has_c_type(in_dtype):
        raise NoC(f"argmax of {in_dtype}")
    words = {"X": c_type(in_dtype), "MAX": MAX_LOOPS, "nan": "x != x" if in_dtype.kind == "f" else "0"}
    return _ARGMAX % words


_ARGMAX = """
int SYM_KERNEL(char *const *restrict p, const i64 *restrict d, const i64 *restrict s, const sym_ctx *ctx) {
    const i64 L = d[0], *sy = s, *sx = s + L;
    i64 kept[%(MAX)d], reduced[%(MAX)d], at[%(MAX)d], K = 0, R = 0;
    for (i64 j = 0; j < L; j++) {
        at[j] = 0;
        if (sy[j]) {
            if (d[1 + j] == 0) return 0;
            kept[K++] = j;
        } else reduced[R++] = j;
    }
    for (i64 j = 0; j < R; j++)
        if (d[1 + reduced[j]] == 0) return ctx->fail(ctx, SYM_VALUE, "there is no largest of no elements.");
    char *y = p[0], *x0 = p[1];
    for (;;) {
        const char *q = x0;
        %(X)s best = *(const %(X)s *)q;
        i64 where = 0, count = 0;
        for (int found = 0;;) {
            const %(X)s x = *(const %(X)s *)q;
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
