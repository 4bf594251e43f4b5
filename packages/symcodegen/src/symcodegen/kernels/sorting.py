"""C text of sorting, of the order of elements, and of the largest few, along one axis.

Elements become unsigned keys whose order is theirs; NaN, of whatever sign, has the largest. Keys are sorted by their
bytes, least significant first, leaving out bytes that are the same everywhere; few keys by their ranks and by merging.
That is stable, so that one kernel serves all kinds of sorting.

The order is found by sorting *words*, a key with its position: one integer of 64 bits where the key has at most 32,
else a pair. Of the largest ``k`` a heap of ``k`` words is kept while the elements pass by, where ``k`` is small.

Complex numbers are compared and merged. Those without NaN come first, then those whose
imaginary part alone is NaN, then those whose real part is, then NaN in both, as NumPy has them.
"""

from typing import Any

import numpy as np

from symcodegen.cnames import c_type
from symcodegen.expr import NoC
from symcodegen.kernels.walk import ENTRY, WALK

#: Words placed by rank at once: at most 255, for they are counted in the type of the key.
RANKED = 48
_UNSIGNED = {1: "unsigned char", 2: "unsigned short", 4: "unsigned int", 8: "unsigned long long"}
#: Bits of the exponent, all ones: what is larger without its sign is NaN.
_INFINITY = {2: "0x7c00", 4: "0x7f800000", 8: "0x7ff0000000000000"}

#: From an element (``U``: its bits) to its key and back. Zeros of both signs are equal.
_KEYS = """
typedef %(U)s __attribute__((may_alias)) SYM_KERNEL_bits;
typedef %(U)s SYM_KERNEL_key;
static inline int SYM_KERNEL_isnan(%(U)s u) { (void)u; return %(isnan)s; }
static inline %(U)s SYM_KERNEL_to(%(U)s u) { return (%(U)s)%(to)s; }
static inline %(U)s SYM_KERNEL_from(%(U)s u) { return (%(U)s)%(back)s; }
"""

#: Sorting of ``n`` words; ``b`` has room for as many. ``LESS`` orders words, ``KEY`` is what is sorted by its bytes.
#: Up to ``RANKED`` words, which come in the order of their positions, are placed by their rank, counted in vectors.
_SORT = """
typedef %(U)s SYM_KERNEL_vector __attribute__((vector_size(64)));
enum { SYM_KERNEL_WIDTH = 64 / sizeof(%(U)s) };
static __attribute__((noinline)) void SYM_KERNEL_rank(%(W)s *v, %(W)s *b, i64 n) {
    %(U)s key[%(RANKED)d + SYM_KERNEL_WIDTH], place[%(RANKED)d + SYM_KERNEL_WIDTH], count[SYM_KERNEL_WIDTH];
    for (i64 i = 0; i < n; i++) { key[i] = KEY(v[i]); b[i] = v[i]; }
    for (i64 i = n; i < n + SYM_KERNEL_WIDTH; i++) key[i] = 0;
    for (int i = 0; i < SYM_KERNEL_WIDTH; i++) count[i] = (%(U)s)i;
    SYM_KERNEL_vector at;
    __builtin_memcpy(&at, count, sizeof at);
    for (i64 i = 0; i < n; i += SYM_KERNEL_WIDTH) {
        SYM_KERNEL_vector own, rank = at - at;
        __builtin_memcpy(&own, key + i, sizeof own);
        i64 j = 0;
        for (; j < n; j++) {
            const SYM_KERNEL_vector w = at - at + key[j], here = at - at + (%(U)s)j;
            rank -= (SYM_KERNEL_vector)((w < own) | ((w == own) & (here < at)));
        }
        __builtin_memcpy(place + i, &rank, sizeof rank);
        at += SYM_KERNEL_WIDTH;
    }
    for (i64 i = 0; i < n; i++) v[place[i]] = b[i];
}
static __attribute__((noinline)) void SYM_KERNEL_merge(%(W)s *v, %(W)s *b, i64 n, int placed) {
    enum { RUN = 32 };
    if (placed && n <= %(RANKED)d) { SYM_KERNEL_rank(v, b, n); return; }
    for (i64 run = 0; run < n; run += RUN) {
        const i64 end = run + RUN < n ? run + RUN : n;
        if (placed) { SYM_KERNEL_rank(v + run, b, end - run); continue; }
        for (i64 i = run + 1; i < end; i++) {
            const %(W)s w = v[i];
            i64 j = i;
            for (; j > run && LESS(w, v[j - 1]); j--) v[j] = v[j - 1];
            v[j] = w;
        }
    }
    for (i64 run = RUN; run < n; run *= 2) {
        for (i64 from = 0; from < n; from += 2 * run) {
            const i64 middle = from + run < n ? from + run : n, end = middle + run < n ? middle + run : n;
            i64 i = from, j = middle, k = from;
            while (i < middle && j < end) {
                const int right = LESS(v[j], v[i]);
                b[k++] = right ? v[j] : v[i];
                i += !right;
                j += right;
            }
            while (i < middle) b[k++] = v[i++];
            while (j < end) b[k++] = v[j++];
        }
        for (i64 i = 0; i < n; i++) v[i] = b[i];
    }
}
static __attribute__((noinline)) void SYM_KERNEL_sort(%(W)s *v, %(W)s *b, i64 n) {
    enum { BYTES = sizeof(SYM_KERNEL_key) };
    i64 count[BYTES][256];
    int sorted = 1;
    for (i64 i = 1; i < n && sorted; i++) sorted = !LESS(v[i], v[i - 1]);
    if (sorted) return;
    if (n <= 96 * BYTES) { SYM_KERNEL_merge(v, b, n, 1); return; }
    for (int k = 0; k < BYTES; k++)
        for (int j = 0; j < 256; j++) count[k][j] = 0;
    for (i64 i = 0; i < n; i++) {
        const SYM_KERNEL_key u = KEY(v[i]);
        for (int k = 0; k < BYTES; k++) count[k][(u >> (8 * k)) & 255]++;
    }
    %(W)s *from = v, *to = b;
    for (int k = 0; k < BYTES; k++) {
        i64 total = 0, *c = count[k];
        if (c[(KEY(v[0]) >> (8 * k)) & 255] == n) continue;
        for (int j = 0; j < 256; j++) { const i64 here = c[j]; c[j] = total; total += here; }
        for (i64 i = 0; i < n; i++) { const %(W)s w = from[i]; to[c[(KEY(w) >> (8 * k)) & 255]++] = w; }
        %(W)s *other = from; from = to; to = other;
    }
    if (from != v) for (i64 i = 0; i < n; i++) v[i] = from[i];
}
#undef LESS
#undef KEY
"""

#: One row: numbers first, sorted; NaN as they came; zeros, where there are both, in their first order.
_ROW = """
static inline __attribute__((always_inline)) int SYM_KERNEL_load(const char *x, i64 sx, i64 n, %(U)s *v) {
    %(U)s nans = 0, minus = 0, zeros = 0;
    for (i64 i = 0; i < n; i++) {
        const %(U)s u = *(const SYM_KERNEL_bits *)(x + i * sx);
        v[i] = SYM_KERNEL_to(u);
        nans |= (%(U)s)SYM_KERNEL_isnan(u);
        minus |= (%(U)s)%(isminus)s;
        zeros |= (%(U)s)%(iszero)s;
    }
    return nans | (minus & zeros) << 1;
}
static void SYM_KERNEL_row(char *y, i64 sy, const char *x, i64 sx, i64 n, %(U)s *v, %(U)s *b) {
    enum { SIZE = sizeof(%(U)s) };
    const int special = sx == SIZE ? SYM_KERNEL_load(x, SIZE, n, v) : SYM_KERNEL_load(x, sx, n, v);
    i64 m = n;
    if (special & 1) {
        m = 0;
        for (i64 i = 0; i < n; i++) {
            const %(U)s u = *(const SYM_KERNEL_bits *)(x + i * sx);
            v[m] = SYM_KERNEL_to(u);
            m += !SYM_KERNEL_isnan(u);
        }
    }
    SYM_KERNEL_sort(v, b, m);
    if (sy == SIZE) for (i64 i = 0; i < m; i++) ((SYM_KERNEL_bits *)y)[i] = SYM_KERNEL_from(v[i]);
    else for (i64 i = 0; i < m; i++) *(SYM_KERNEL_bits *)(y + i * sy) = SYM_KERNEL_from(v[i]);
    if (m < n)
        for (i64 i = 0, k = m; i < n; i++) {
            const %(U)s u = *(const SYM_KERNEL_bits *)(x + i * sx);
            if (SYM_KERNEL_isnan(u)) *(SYM_KERNEL_bits *)(y + k++ * sy) = u;
        }
    if (special & 2) {
        i64 k = 0;
        while (v[k] < SYM_KERNEL_to(%(sign)s)) k++;
        for (i64 i = 0; i < n; i++) {
            const %(U)s u = *(const SYM_KERNEL_bits *)(x + i * sx);
            if ((%(U)s)(u << 1) == 0) *(SYM_KERNEL_bits *)(y + k++ * sy) = u;
        }
    }
}
"""
_ORDER = """
static void SYM_KERNEL_row(char *y, i64 sy, const char *x, i64 sx, i64 n, %(W)s *v, %(W)s *b) {
    for (i64 i = 0; i < n; i++) v[i] = WORD(SYM_KERNEL_to(*(const SYM_KERNEL_bits *)(x + i * sx)), i);
    SYM_KERNEL_sort(v, b, n);
    for (i64 i = 0; i < n; i++) *(i64 *)(y + i * sy) = AT(v[i]);
}
"""

#: Complex numbers, dealt out by where NaN stands; then no comparison meets one that matters, if those whose real part
#: is NaN have their parts the other way round. ``%(at)s``: their position too.
_PAIRS = """
typedef struct { %(T)s re, im; %(at)s } SYM_KERNEL_pair;
static inline int SYM_KERNEL_less(const SYM_KERNEL_pair *a, const SYM_KERNEL_pair *b) {
    return (a->re < b->re) | ((a->re == b->re) & (a->im < b->im));
}
static __attribute__((noinline)) void SYM_KERNEL_merge(SYM_KERNEL_pair *v, SYM_KERNEL_pair *b, i64 n) {
    enum { RUN = 12 };
    for (i64 run = 0; run < n; run += RUN)
        for (i64 i = run + 1; i < n && i < run + RUN; i++) {
            const SYM_KERNEL_pair w = v[i];
            i64 j = i;
            for (; j > run && SYM_KERNEL_less(&w, v + j - 1); j--) v[j] = v[j - 1];
            v[j] = w;
        }
    SYM_KERNEL_pair *from = v, *to = b;
    for (i64 run = RUN; run < n; run *= 2) {
        for (i64 start = 0; start < n; start += 2 * run) {
            const i64 middle = start + run < n ? start + run : n, end = middle + run < n ? middle + run : n;
            i64 i = start, j = middle, k = start;
            if (end - start == 2 * run) { /* from both ends at once: neither waits for the other */
                i64 last = middle - 1, top = end - 1;
                for (i64 step = 0; step < run; step++) {
                    const int right = SYM_KERNEL_less(from + j, from + i);
                    const int left = SYM_KERNEL_less(from + top, from + last);
                    to[start + step] = *(right ? from + j : from + i);
                    to[end - 1 - step] = *(left ? from + last : from + top);
                    i += !right;
                    j += right;
                    last -= left;
                    top -= !left;
                }
                continue;
            }
            while (i < middle && j < end) {
                const int right = SYM_KERNEL_less(from + j, from + i);
                to[k++] = *(right ? from + j : from + i);
                i += !right;
                j += right;
            }
            while (i < middle) to[k++] = from[i++];
            while (j < end) to[k++] = from[j++];
        }
        SYM_KERNEL_pair *other = from; from = to; to = other;
    }
    if (from != v) for (i64 i = 0; i < n; i++) v[i] = from[i];
}
static void SYM_KERNEL_row(char *y, i64 sy, const char *x, i64 sx, i64 n, SYM_KERNEL_pair *v, SYM_KERNEL_pair *b) {
    i64 end[4] = {0, 0, 0, 0}, place[4], total = 0;
    for (i64 i = 0; i < n; i++) {
        const %(T)s *z = (const %(T)s *)(x + i * sx), re = z[0], im = z[1];
        end[2 * (re != re) + (im != im)]++;
    }
    for (int c = 0; c < 4; c++) { place[c] = total; total += end[c]; end[c] = total; }
    for (i64 i = 0; i < n; i++) {
        const %(T)s *z = (const %(T)s *)(x + i * sx), re = z[0], im = z[1];
        const int c = 2 * (re != re) + (im != im);
        SYM_KERNEL_pair *w = v + place[c]++;
        w->re = c == 2 ? im : re;
        w->im = c == 2 ? re : im;
        %(keep)s
    }
    for (int c = 0; c < 3; c++) {
        const i64 start = c ? end[c - 1] : 0;
        SYM_KERNEL_merge(v + start, b + start, end[c] - start);
    }
    for (i64 i = 0; i < n; i++) {
        %(store)s
    }
}
"""
#: The elements in their order, and their positions.
_PAIRS_SORTED = {
    "at": "", "keep": "",
    "store": """%(T)s *to = (%(T)s *)(y + i * sy);
        const int turned = (i >= end[1]) & (i < end[2]);
        to[0] = turned ? v[i].im : v[i].re;
        to[1] = turned ? v[i].re : v[i].im;""",
}  # fmt: skip
_PAIRS_ORDER = {"at": "i64 at;", "keep": "w->at = i;", "store": "*(i64 *)(y + i * sy) = v[i].at;"}

_ALONG = """
    enum { N = %(ndim)d, AXIS = %(axis)d };
    i64 shape[N], at[N];
    const i64 n = d[AXIS];
    for (int a = 0; a < N; a++) {
        shape[a] = d[a];
        at[a] = 0;
        if (!d[a]) return 0;
    }
    shape[AXIS] = 1;
    %(TOO_LONG)s
    %(W)s *v = (%(W)s *)ctx->reserve(ctx, 2 * n * (i64)sizeof(%(W)s));
    if (!v) return ctx->fail(ctx, SYM_MEMORY, "no memory to sort rows of %%lld elements.", n);
    char *q[2] = {p[0], p[1]};
    do SYM_KERNEL_row(q[0], s[AXIS], q[1], s[N + AXIS], n, v, v + n);
    while (sym_next(N, at, shape, 2, q, s));
    return 0;
}
"""

#: The ``k`` largest words, ascending: in a heap with the smallest on top, or by sorting all. For the smallest of the
#: elements words are inverted, so that they are the largest.
_TOP = """
#define NEXT(i) WORD((SYM_KERNEL_key)(SYM_KERNEL_to(*(const SYM_KERNEL_bits *)(x + (i) * sx)) ^ flip), (i) ^ turn)
static const %(W)s *SYM_KERNEL_top(const char *x, i64 sx, i64 n, i64 k, int least, %(W)s *v, %(W)s *b) {
    const SYM_KERNEL_key flip = least ? (SYM_KERNEL_key)~(SYM_KERNEL_key)0 : 0;
    const i64 turn = least ? %(LAST)s : 0;
    const i64 few = k <= n / 16 || k <= 8 ? k : n;
    for (i64 i = 0; i < few; i++) v[least ? few - 1 - i : i] = NEXT(i);
    if (few < n) {
        for (i64 i = few / 2 - 1; i >= 0; i--) SYM_KERNEL_settle(v, few, i);
        for (i64 i = few; i < n; i++) {
            const %(W)s w = NEXT(i);
            if (LESS(v[0], w)) { v[0] = w; SYM_KERNEL_settle(v, few, 0); }
        }
    }
    if (few < n) SYM_KERNEL_merge(v, b, few, 0);
    else SYM_KERNEL_sort(v, b, few); /* positions, or inverted ones, ascend */
    return v + few - k;
}
"""

#: Restores the heap below entry ``i``.
_SETTLE = """
static void SYM_KERNEL_settle(%(W)s *h, i64 k, i64 i) {
    const %(W)s w = h[i];
    for (i64 c; (c = 2 * i + 1) < k; i = c) {
        if (c + 1 < k && LESS(h[c + 1], h[c])) c++;
        if (!LESS(h[c], w)) break;
        h[i] = h[c];
    }
    h[i] = w;
}
"""
_PICK = """
    enum { N = %(ndim)d, AXIS = %(axis)d };
    i64 shape[N], at[N];
    const i64 *length = d + 2 * N;
    const i64 n = length[AXIS], signed_k = *(const i64 *)p[3], k = signed_k < 0 ? -signed_k : signed_k;
    if (k == 0 || signed_k < -n || signed_k > n)
        return ctx->fail(ctx, SYM_VALUE, "topk takes 1 to %%lld elements along axis %%d, got k = %%lld.", n, AXIS,
                         signed_k);
    for (int o = 0; o < 2; o++)
        for (int a = 0; a < N; a++)
            if (d[o * N + a] != (a == AXIS ? k : length[a]))
                return ctx->fail(ctx, SYM_SHAPE, "topk of k = %%lld has %%lld elements along axis %%d.", signed_k,
                                 d[o * N + a], a);
    for (int a = 0; a < N; a++) {
        shape[a] = length[a];
        at[a] = 0;
        if (!length[a]) return 0;
    }
    shape[AXIS] = 1;
    %(TOO_LONG)s
    %(W)s *v = (%(W)s *)ctx->reserve(ctx, 2 * n * (i64)sizeof(%(W)s));
    if (!v) return ctx->fail(ctx, SYM_MEMORY, "no memory to sort rows of %%lld elements.", n);
    const int least = signed_k < 0;
    char *q[3] = {p[0], p[1], p[2]};
    do {
        const %(W)s *top = SYM_KERNEL_top(q[2], s[2 * N + AXIS], n, k, least, v, v + n);
        for (i64 i = 0; i < k; i++) {
            const i64 from = AT(top[least ? k - 1 - i : i]) ^ (least ? %(LAST)s : 0);
            *(SYM_KERNEL_bits *)(q[0] + i * s[AXIS]) = *(const SYM_KERNEL_bits *)(q[2] + from * s[2 * N + AXIS]);
            *(%(I)s *)(q[1] + i * s[N + AXIS]) = (%(I)s)from;
        }
    } while (sym_next(N, at, shape, 3, q, s));
    return 0;
}
"""


def _words(dtype: np.dtype[Any]) -> dict[str, Any]:
    """Words of the templates for keys of a dtype. Raises ``NoC``."""
    if dtype.kind not in "biuf":
        raise NoC(f"an order of {dtype}")
    size = dtype.itemsize
    u = _UNSIGNED[size]
    sign = f"(({u})1 << {8 * size - 1})"
    words: dict[str, Any] = {
        "U": u, "RANKED": RANKED, "sign": sign, "isnan": "0", "to": "(u)", "back": "(u)", "isminus": "0", "iszero": "0",
    }  # fmt: skip
    if dtype.kind == "i":
        words |= {"to": f"(u ^ {sign})", "back": f"(u ^ {sign})"}
    elif dtype.kind == "f":
        words |= {
            "isnan": f"(({u})(u & ~{sign}) > {_INFINITY[size]})",
            "to": f"(u & {sign} ? ~u : u ^ {sign})",
            "back": f"(u & {sign} ? u ^ {sign} : ~u)",
            "isminus": f"(u == {sign})",
            "iszero": "(u == 0)",
        }
    return words


def _key_words(dtype: np.dtype[Any]) -> dict[str, Any]:
    """The same for words: NaN of all kinds have one key, and so have zeros."""
    words = _words(dtype)
    if dtype.kind == "f":
        u, bits = words["U"], 8 * dtype.itemsize
        sign = f"(({u})1 << {bits - 1})"
        words["to"] = (
            f"(SYM_KERNEL_isnan(u) ? ({u})~({u})0 : u == {sign} ? {sign} : u & {sign} ? ({u})~u : ({u})(u ^ {sign}))"
        )
    if dtype.itemsize <= 4:
        words |= {"W": "unsigned long long", "LAST": "0xffffffffLL"}
    else:
        words |= {"W": "SYM_KERNEL_pair", "LAST": "0x7fffffffffffffffLL"}
    return words


def _defines(dtype: np.dtype[Any]) -> str:
    """The macros and types of words. ``WORD`` and ``AT`` put a key and a position together and take it out again."""
    if dtype.itemsize > 4:
        return """
typedef struct { unsigned long long key; i64 at; } SYM_KERNEL_pair;
static inline SYM_KERNEL_pair SYM_KERNEL_word(unsigned long long key, i64 at) {
    const SYM_KERNEL_pair w = {key, at};
    return w;
}
#define WORD SYM_KERNEL_word
#define AT(w) ((w).at)
#define KEY(w) ((w).key)
#define LESS(a, b) ((a).key < (b).key || ((a).key == (b).key && (a).at < (b).at))
"""
    return """
#define WORD(key, at) ((unsigned long long)(key) << 32 | (unsigned int)(at))
#define AT(w) ((i64)((w) & 0xffffffffu))
#define KEY(w) ((SYM_KERNEL_key)((w) >> 32))
#define LESS(a, b) ((a) < (b))
"""


#: A position has 32 bits beside a key of up to 32.
_TOO_LONG = """if (n > 0xffffffffLL)
        return ctx->fail(ctx, SYM_VALUE, "rows of %lld elements of this dtype are too long to find their order: at "
                         "most 2^32 - 1; cast to float64 or int64 first.", n);"""


def _too_long(dtype: np.dtype[Any]) -> str:
    return _TOO_LONG if dtype.itemsize <= 4 else ""


def _pairs_kernel(dtype: np.dtype[Any], ndim: int, axis: int, how: dict[str, str]) -> str:
    """Return the C text of sorting, or of the order of, complex numbers."""
    words: dict[str, Any] = {"T": c_type(np.dtype(f"f{dtype.itemsize // 2}")), "W": "SYM_KERNEL_pair", "TOO_LONG": ""}
    words |= {name: text % words for name, text in how.items()} | {"ndim": ndim, "axis": axis}
    return WALK + _PAIRS % words + ENTRY + _ALONG % words


def sort_kernel(dtype: np.dtype[Any], ndim: int, axis: int) -> str:
    """Return the C text of a ``full`` kernel that sorts along ``axis``, NaN last. Raises ``NoC``."""
    if dtype.kind == "c":
        return _pairs_kernel(dtype, ndim, axis, _PAIRS_SORTED)
    words = _words(dtype) | {"ndim": ndim, "axis": axis, "TOO_LONG": ""}
    words["W"] = words["U"]
    macros = "#define LESS(a, b) ((a) < (b))\n#define KEY(w) (w)\n"
    return WALK + _KEYS % words + macros + _SORT % words + _ROW % words + ENTRY + _ALONG % words


def argsort_kernel(dtype: np.dtype[Any], ndim: int, axis: int) -> str:
    """Return the C text of a ``full`` kernel: positions (int64) in ascending order along ``axis``, equal elements as
    they stand. Raises ``NoC``."""
    if dtype.kind == "c":
        return _pairs_kernel(dtype, ndim, axis, _PAIRS_ORDER)
    words = _key_words(dtype) | {"ndim": ndim, "axis": axis, "TOO_LONG": _too_long(dtype)}
    text = _KEYS % words + _defines(dtype) + _SORT % words + _ORDER % words
    return WALK + text + "#undef WORD\n#undef AT\n" + ENTRY + _ALONG % words


def topk_kernel(dtype: np.dtype[Any], idx_dtype: np.dtype[Any], ndim: int, axis: int) -> str:
    """Return the C text of a ``full`` kernel: the ``k`` largest elements along ``axis`` and their positions, ascending;
    with ``k < 0`` the smallest. Raises ``NoC``.

    Operands: elements, positions, the tensor, ``k``.
    """
    words = _key_words(dtype) | {"ndim": ndim, "axis": axis, "I": c_type(idx_dtype), "TOO_LONG": _too_long(dtype)}
    # LESS is needed behind the sort, which ends it.
    sort = (_SORT % words).replace("#undef LESS\n#undef KEY\n", "")
    settle = _SETTLE % words
    top = _TOP % words
    end = "#undef LESS\n#undef KEY\n#undef WORD\n#undef NEXT\n"
    text = _KEYS % words + _defines(dtype) + sort + settle + top + end
    return WALK + text + ENTRY + _PICK % words + "#undef AT\n"
