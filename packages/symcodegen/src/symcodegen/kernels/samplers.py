"""C text of discrete samples from uniform draws: ``symcore.random.from_uniform`` and ``symcore.random.poisson``.

Probabilities are added up in their own dtype and in NumPy's order, so that a draw is the same as that of ``perform``.
"""

from typing import Any

import numpy as np

from symcodegen.cnames import c_type, has_c_type
from symcodegen.expr import NoC, cast, functions_in
from symcodegen.kernels.walk import ENTRY, WALK

#: ``pick``: the first outcome at which the sum exceeds the draw, at most the last one that has a probability. The sums
#: ascend unless a probability is negative, or none: then all are looked at. ``sum`` adds as NumPy does, in pairs.
_PICK = """
static i64 SYM_KERNEL_add_up(const %(T)s *p, i64 n, %(T)s *cumulative, int *ascending) {
    %(T)s total = 0;
    i64 last = 0;
    *ascending = 1;
    for (i64 i = 0; i < n; i++) {
        total = i ? total + p[i] : p[i];
        *ascending &= p[i] >= 0;
        cumulative[i] = total;
    }
    for (i64 i = 0; i < n; i++) last += cumulative[i] < total;
    return last;
}
static i64 SYM_KERNEL_pick(const %(T)s *cumulative, i64 n, i64 last, int ascending, %(C)s u) {
    i64 found = 0;
    if (!ascending || n <= 16) {
        for (i64 i = 0; i < n; i++) found += cumulative[i] <= u;
    } else {
        i64 length = n;
        while (length > 1) {
            const i64 half = length / 2;
            found += half & -(i64)(cumulative[found + half - 1] <= u);
            length -= half;
        }
        found += cumulative[found] <= u;
    }
    return found < last ? found : last;
}
static __attribute__((unused)) %(T)s SYM_KERNEL_sum(const %(T)s *p, i64 n) {
    if (n < 8) {
        %(T)s total = -0.0;
        for (i64 i = 0; i < n; i++) total += p[i];
        return total;
    }
    if (n <= 128) {
        %(T)s r[8];
        i64 i = 8;
        for (int k = 0; k < 8; k++) r[k] = p[k];
        for (; i < n - n %% 8; i += 8)
            for (int k = 0; k < 8; k++) r[k] += p[i + k];
        %(T)s total = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
        for (; i < n; i++) total += p[i];
        return total;
    }
    const i64 half = n / 2 - n / 2 %% 8;
    return SYM_KERNEL_sum(p, half) + SYM_KERNEL_sum(p + half, n - half);
}
"""
_ROWS = """
    enum { P = 2 };
    const i64 rows = d[P], n = d[P + 1], draws = d[P + 2], su = s[P + 2];
    const i64 count = *(const i64 *)p[3];
    if (draws != (count > 0 ? rows * count : 0) || count < 0)
        return ctx->fail(ctx, SYM_VALUE, "%%lld rows and n=%%lld need %%lld uniform draws, got %%lld.", rows, count,
                         rows * count, draws);
    if (draws && !n) return ctx->fail(ctx, SYM_INDEX, "there are no outcomes to draw.");
    %(check)s
    char *scratch = ctx->reserve(ctx, (n + 1) * (i64)(2 * sizeof(%(T)s) + sizeof(i64)));
    if (!scratch) return ctx->fail(ctx, SYM_MEMORY, "no memory for the sums of %%lld probabilities.", n);
    i64 *counts = (i64 *)scratch;
    %(T)s *left = (%(T)s *)(counts + n + 1), *cumulative = left + n + 1;
    (void)counts;
    for (i64 r = 0; r < rows; r++) {
        int ascending;
        for (i64 i = 0; i < n; i++) left[i] = *(const %(T)s *)(p[1] + r * s[P] + i * s[P + 1]);
        i64 last = SYM_KERNEL_add_up(left, n, cumulative, &ascending);
        %(before)s
        for (i64 k = 0; k < count; k++) {
            const %(U)s v = *(const %(U)s *)(p[2] + (k * rows + r) * su);
            const i64 chosen = SYM_KERNEL_pick(cumulative, n, last, ascending, %(u)s);
            %(each)s
        }
        %(after)s
    }
    return 0;
}
"""
_WITHOUT = """
            if (k + 1 < count) {
                left[chosen] = 0;
                const %(T)s rest = SYM_KERNEL_sum(left, n);
                for (i64 i = 0; i < n; i++) left[i] /= rest;
                last = SYM_KERNEL_add_up(left, n, cumulative, &ascending);
            }"""
_ENOUGH = """
    for (i64 r = 0; r < rows && n; r++) {
        i64 some = 0;
        for (i64 i = 0; i < n; i++) some += *(const %(T)s *)(p[1] + r * s[P] + i * s[P + 1]) > 0;
        if (some < count)
            return ctx->fail(ctx, SYM_VALUE, "cannot choose %%lld outcomes without replacement where %%lld have a "
                             "probability.", count, some);
    }"""


def _words(p: np.dtype[Any], u: np.dtype[Any]) -> dict[str, Any]:
    if not has_c_type(p) or not has_c_type(u):
        raise NoC(f"draws with {p} and {u}")
    wider = np.promote_types(p, u)
    return {"T": c_type(p), "U": c_type(u), "C": c_type(wider), "u": cast("v", u, wider)}


def multinomial_kernel(
    p: np.dtype[Any], u: np.dtype[Any], out: np.dtype[Any]
) -> tuple[str, tuple[str, ...]]:  # fmt: skip
    """Return the C text of a ``full`` kernel, and the functions it needs. Operands: how often each outcome comes up, a
    row per distribution; the probabilities; the uniform draws; how many there are for each row. Raises ``NoC``."""
    store = cast("counts[i]", np.dtype("int64"), out)
    words = _words(p, u) | {
        "check": "",
        "before": "for (i64 i = 0; i < n; i++) counts[i] = 0;",
        "each": "counts[chosen]++;",
        "after": f"for (i64 i = 0; i < n; i++) *({c_type(out)} *)(p[0] + r * s[0] + i * s[1]) = {store};",
    }
    return _PICK % words + ENTRY + _ROWS % words, tuple(functions_in(store))


def choice_kernel(p: np.dtype[Any], u: np.dtype[Any], replace: bool) -> str:
    """Return the C text of a ``full`` kernel. Operands: the outcomes (int64), a row per distribution; the rest as for
    ``multinomial_kernel``. Raises ``NoC``."""
    words = _words(p, u) | {"before": "", "after": ""}
    words["check"] = "" if replace else _ENOUGH % words
    words["each"] = "*(i64 *)(p[0] + r * s[0] + k * s[1]) = chosen;" + ("" if replace else _WITHOUT % words)
    return _PICK % words + ENTRY + _ROWS % words


# ---------------------------------------------------------------------- Poisson

#: Counts of one rate: a table of the probabilities added up within 12 standard deviations of the mean, each from that
#: of its neighbour by a factor rate / k. Rates up to 64 that do not come twice are added up from 0 for each draw.
_POISSON = """
typedef struct {
    double rate, *sums;
    i64 first, length, room;
    int seen;
} SYM_KERNEL_table;

static int SYM_KERNEL_make(SYM_KERNEL_table *t, double rate, const sym_ctx *ctx) {
    const double width = 12.0 * __builtin_sqrt(rate) + 30.0, low = rate - width;
    const i64 first = low > 0.0 ? (i64)low : 0, length = (i64)(rate + width) - first, mode = (i64)rate - first;
    if (length > t->room) {
        t->room = 2 * length;
        t->sums = (double *)ctx->reserve(ctx, t->room * (i64)sizeof(double));
        if (!t->sums) return ctx->fail(ctx, SYM_MEMORY, "no memory for %lld probabilities.", t->room);
    }
    double *w = t->sums;
    w[mode] = 1.0;
    for (i64 k = mode; k > 0; k--) w[k - 1] = w[k] * ((double)(first + k) / rate);
    for (i64 k = mode + 1; k < length; k++) w[k] = w[k - 1] * (rate / (double)(first + k));
    for (i64 k = 1; k < length; k++) w[k] += w[k - 1];
    t->first = first;
    t->length = length;
    t->rate = rate;
    return 0;
}
static i64 SYM_KERNEL_look_up(const SYM_KERNEL_table *t, double u) {
    const double *w = t->sums, aim = u * w[t->length - 1];
    i64 found = 0, length = t->length;
    while (length > 1) {
        const i64 half = length / 2;
        found += half & -(i64)(w[found + half - 1] <= aim);
        length -= half;
    }
    found += w[found] <= aim;
    return t->first + (found < t->length - 1 ? found : t->length - 1);
}
static i64 SYM_KERNEL_add_up(double rate, double u) {
    double term = sym_exp_f64(-rate), total = term;
    i64 k = 0;
    while (u >= total && (term > 1e-20 || (double)k < rate)) {
        k++;
        term *= rate / (double)k;
        total += term;
    }
    return k;
}
static i64 SYM_KERNEL_expand(double rate, double u) {
    const double root = __builtin_sqrt(rate), z = sym_normal_quantile_f64(u > 0x1p-54 ? u : 0x1p-54);
    const double found = rate + root * z + (z * z + 2.0) / 6.0 - (z * z * z + 2.0 * z) / (72.0 * root);
    return found > 0.0 ? (found < 0x1p63 ? (i64)found : 9223372036854775807LL) : 0;
}
"""
_POISSON_BODY = """
    enum { N = %(ndim)d };
    i64 shape[N + 1], at[N + 1], strides[3 * N + 1];
    SYM_KERNEL_table table = {-1.0, 0, 0, 0, 0, 0};
    for (int a = 0; a < N; a++) {
        if (d[N + a] != d[2 * N + a])
            return ctx->fail(ctx, SYM_VALUE, "a uniform draw is needed per rate; along axis %%d there are %%lld rates "
                             "and %%lld draws.", a, d[N + a], d[2 * N + a]);
    }
    for (int a = 0; a < N; a++) {
        if (!d[a]) return 0;
        shape[a] = d[a];
        at[a] = 0;
        for (int k = 0; k < 3; k++) strides[k * N + a] = s[k * N + a];
    }
    char *q[3] = {p[0], p[1], p[2]};
    do {
        const %(R)s given = *(const %(R)s *)q[1];
        const double rate = %(rate)s;
        if (!(rate >= 0.0 && rate <= 9e18))
            return ctx->fail(ctx, SYM_VALUE, "the rate of a Poisson draw must be a number from 0 to 9e18, got %%g.",
                             rate);
    } while (sym_next(N, at, shape, 3, q, strides));
    for (int a = 0; a < N; a++) at[a] = 0;
    for (int k = 0; k < 3; k++) q[k] = p[k];
    double before = -1.0;
    do {
        const %(R)s given = *(const %(R)s *)q[1];
        const %(U)s drawn = *(const %(U)s *)q[2];
        const double rate = %(rate)s, u = %(u)s;
        i64 count = 0;
        if (rate >= 1e8) count = SYM_KERNEL_expand(rate, u);
        else if (rate > 0.0) {
            if (table.rate != rate && (rate > 64.0 || rate == before)) {
                const int failed = SYM_KERNEL_make(&table, rate, ctx);
                if (failed) return failed;
            }
            count = table.rate == rate ? SYM_KERNEL_look_up(&table, u) : SYM_KERNEL_add_up(rate, u);
        }
        before = rate;
        *(%(Y)s *)q[0] = %(count)s;
    } while (sym_next(N, at, shape, 3, q, strides));
    return 0;
}
"""


def poisson_kernel(
    rate: np.dtype[Any], u: np.dtype[Any], out: np.dtype[Any], ndim: int
) -> tuple[str, tuple[str, ...]]:  # fmt: skip
    """Return the C text of a ``full`` kernel, and the functions it needs. Operands, all of rank ``ndim``: counts, rates
    and uniform draws."""
    wide = np.dtype("float64")
    words = {
        "R": c_type(rate), "U": c_type(u), "Y": c_type(out), "ndim": ndim, "rate": cast("given", rate, wide),
        "u": cast("drawn", u, wide), "count": cast("count", np.dtype("int64"), out),
    }  # fmt: skip
    needed = functions_in(" ".join(map(str, words.values()))) | {"sym_exp_f64", "sym_normal_quantile_f64"}
    return WALK + _POISSON + ENTRY + _POISSON_BODY % words, tuple(sorted(needed))
