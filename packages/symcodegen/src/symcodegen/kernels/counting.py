"""C text of results whose length depends on values: nonzero, unique, bincount, repeated positions, ranges of floats.

Each is made by two kernels. The first finds the length, a 0-d int64 from which the virtual machine prepares the next
segment of the program; the second fills outputs of that length. Where the first has work that the second can use
(sorting), it leaves it in a tensor of its own.
"""

from typing import Any

import numpy as np

from symcodegen.cnames import c_type, has_c_type
from symcodegen.expr import NoC
from symcodegen.kernels.elemwise import IVDEP
from symcodegen.kernels.walk import ENTRY, WALK

_WORDS = {1: "unsigned char", 2: "unsigned short", 4: "unsigned int", 8: "unsigned long long"}

# ---------------------------------------------------------------------- nonzero

#: ``SYM_KERNEL_row(x, sx, n, ...)``: a run of elements. Bytes that lie side by side are looked at eight at a time.
_NONZERO = """
typedef %(T)s __attribute__((may_alias)) SYM_KERNEL_item;
typedef unsigned long long __attribute__((may_alias, aligned(1))) SYM_KERNEL_eight;
static inline int SYM_KERNEL_holds(const char *x) { return %(holds)s; }
"""
_NONZERO_COUNT = """
static __attribute__((noinline)) i64 SYM_KERNEL_flat(const SYM_KERNEL_item *x, i64 n) {
    i64 total = 0;
    for (i64 from = 0; from < n; from += %(RUN)d) {
        const i64 end = n - from < %(RUN)d ? n : from + %(RUN)d;
        %(C)s here = 0;
        SYM_IVDEP
        for (i64 i = from; i < end; i++) here += %(holds_flat)s;
        total += here;
    }
    return total;
}
"""
_NONZERO_COUNT_BODY = """
    enum { N = %(ndim)d, INDEXED = %(indexed)d };
    i64 shape[N], at[N], total = 0;
    const i64 n = d[N - 1], sx = s[N - 1];
    for (int a = 0; a < N; a++) {
        if (INDEXED && *(const i64 *)p[2 + (INDEXED ? a : 0)] != d[a])
            return ctx->fail(ctx, SYM_INDEX, "along axis %%d a mask of length %%lld cannot index a length of %%lld.", a,
                             d[a], *(const i64 *)p[2 + (INDEXED ? a : 0)]);
    }
    for (int a = 0; a < N; a++) {
        shape[a] = d[a];
        at[a] = 0;
        if (!d[a]) { *(i64 *)p[0] = 0; return 0; }
    }
    shape[N - 1] = 1;
    char *q[1] = {p[1]};
    do {
        if (sx == sizeof(%(T)s)) total += SYM_KERNEL_flat((const SYM_KERNEL_item *)q[0], n);
        else for (i64 i = 0; i < n; i++) total += SYM_KERNEL_holds(q[0] + i * sx);
    } while (sym_next(N, at, shape, 1, q, s));
    *(i64 *)p[0] = total;
    return 0;
}
"""
_NONZERO_FILL = """
static __attribute__((noinline)) i64 SYM_KERNEL_row(i64 *y, i64 k, i64 count, const char *x, i64 sx, i64 n) {
    i64 i = 0;
    if (%(skips)d && sx == 1)
        for (; i + 8 <= n && k < count; i += 8) {
            unsigned long long word = *(const SYM_KERNEL_eight *)(x + i);
            if (!word) continue;
            if (k + 8 > count) break;
            for (int j = 0; j < 8; j++, word >>= 8) { y[k] = i + j; k += (word & 255) != 0; }
        }
    for (; i < n && k < count; i++) { y[k] = i; k += SYM_KERNEL_holds(x + i * sx); }
    return k;
}
"""
_NONZERO_FILL_BODY = """
    enum { N = %(ndim)d };
    const i64 count = d[0], *xd = d + N, *xs = s + N;
    i64 shape[N], at[N], k = 0;
    (void)ctx;
    for (int a = 0; a < N; a++) {
        shape[a] = xd[a];
        at[a] = 0;
        if (!xd[a]) return 0;
    }
    shape[N - 1] = 1;
    char *q[1] = {p[N]};
    do {
        const i64 first = k;
        k = SYM_KERNEL_row((i64 *)p[N - 1], k, count, q[0], xs[N - 1], xd[N - 1]);
        for (int a = 0; a < N - 1; a++)
            for (i64 j = first; j < k; j++) ((i64 *)p[a])[j] = at[a];
    } while (sym_next(N, at, shape, 1, q, xs));
    return 0;
}
"""


def _nonzero_words(dtype: np.dtype[Any], ndim: int) -> dict[str, Any]:
    if dtype.kind == "c":
        half = c_type(np.dtype(f"f{dtype.itemsize // 2}"))
        holds = f"((const {half} *)x)[0] != 0 || ((const {half} *)x)[1] != 0"
        flat = "(__real__ x[i] != 0) | (__imag__ x[i] != 0)"
        t = f"_Complex {half}"
    else:
        t = c_type(dtype)
        mask = " & 0x7fff" if dtype.name == "float16" else ""
        holds, flat = f"(*(const {t} *)x{mask}) != 0", f"((x[i]{mask}) != 0)"
    small = dtype.itemsize == 1
    return {
        "T": t, "ndim": ndim, "holds": holds, "holds_flat": flat, "RUN": 128 if small else 1 << 15,
        "C": {1: "unsigned char", 2: "unsigned short", 4: "unsigned int"}.get(dtype.itemsize, "unsigned long long"),
        "skips": int(small),
    }  # fmt: skip


def nonzero_count_kernel(dtype: np.dtype[Any], ndim: int, indexed: bool) -> str:
    """Return the C text of a ``full`` kernel: how many elements are not zero.

    Operands: the number (0-d int64), the tensor and, with ``indexed``, one 0-d int64 per axis, which must be its
    lengths.
    """
    words = _nonzero_words(dtype, ndim) | {"indexed": int(indexed)}
    return IVDEP + WALK + (_NONZERO + _NONZERO_COUNT) % words + ENTRY + _NONZERO_COUNT_BODY % words


def nonzero_kernel(dtype: np.dtype[Any], ndim: int) -> str:
    """Return the C text of a ``full`` kernel: where elements are not zero, a vector of int64 per axis, then the
    tensor; the vectors have as many elements as there are positions."""
    words = _nonzero_words(dtype, ndim)
    return WALK + (_NONZERO + _NONZERO_FILL) % words + ENTRY + _NONZERO_FILL_BODY % words


# ---------------------------------------------------------------------- bincount

_BINCOUNT_LENGTH = """
    const i64 n = d[0], sx = s[0];
    i64 least = 0, most = -1;
    for (i64 i = 0; i < n; i++) {
        const i64 v = *(const i64 *)(p[1] + i * sx);
        least = v < least ? v : least;
        most = v > most ? v : most;
    }
    if (least < 0) return ctx->fail(ctx, SYM_VALUE, "bincount counts integers from 0, got %%lld.", least);
    if (%(weighted)d && d[%(weighted)d] != n)
        return ctx->fail(ctx, SYM_VALUE, "bincount of %%lld integers needs as many weights, got %%lld.", n,
                         d[%(weighted)d]);
    const i64 minlength = *(const i64 *)p[2];
    if (minlength < 0) return ctx->fail(ctx, SYM_VALUE, "the minlength of bincount is %%lld, below 0.", minlength);
    if (most == 9223372036854775807LL) return ctx->fail(ctx, SYM_MEMORY, "bincount up to %%lld has no room.", most);
    *(i64 *)p[0] = most + 1 > minlength ? most + 1 : minlength;
    return 0;
}
"""
_BINCOUNT = """
    const i64 n = d[1], sx = s[1], sy = s[0], sw = %(sw)s;
    (void)ctx; (void)sw;
    %(A)s *sum = (%(A)s *)p[0];
    if (sy != sizeof(%(T)s) || sizeof(%(A)s) != sizeof(%(T)s)) {
        sum = (%(A)s *)ctx->reserve(ctx, (d[0] + 1) * (i64)sizeof(%(A)s));
        if (!sum) return ctx->fail(ctx, SYM_MEMORY, "no memory for %%lld counts.", d[0]);
    }
    for (i64 i = 0; i < d[0]; i++) sum[i] = 0;
    for (i64 i = 0; i < n; i++) sum[*(const i64 *)(p[1] + i * sx)] += %(weight)s;
    if ((char *)sum != p[0])
        for (i64 i = 0; i < d[0]; i++) *(%(T)s *)(p[0] + i * sy) = %(back)s;
    return 0;
}
"""


def bincount_length_kernel(weighted: bool) -> str:
    """Return the C text of a ``full`` kernel: the length of the result (0-d int64). Operands behind it: the integers,
    the smallest length and, with ``weighted``, the weights."""
    return ENTRY + _BINCOUNT_LENGTH % {"weighted": int(weighted)}


def bincount_kernel(weights: np.dtype[Any] | None) -> tuple[str, tuple[str, ...]]:
    """Return the C text of a ``full`` kernel, and the functions it needs. Operands: counts, or sums of the weights'
    dtype, then the integers and the weights. Sums are added up in float64, as NumPy's are."""
    if weights is None:
        return ENTRY + _BINCOUNT % {"T": "i64", "A": "i64", "sw": "0", "weight": "1", "back": "sum[i]"}, ()
    t = c_type(weights)
    weight, back = f"(double)*(const {t} *)(p[2] + i * sw)", f"({t})sum[i]"
    functions: tuple[str, ...] = ()
    if weights.name == "float16":
        weight = f"(double)sym_from_half_f32(*(const {t} *)(p[2] + i * sw))"
        back, functions = "sym_to_half_f64(sum[i])", ("sym_from_half_f32", "sym_to_half_f64")
    words = {"T": t, "A": "double", "sw": "s[2]", "weight": weight, "back": back}
    return ENTRY + _BINCOUNT % words, functions


# ---------------------------------------------------------------------- unique

#: Elements in ascending order, directly or through the vector of their positions. Equal: as numbers, or both NaN.
_SAME = """
typedef %(U)s __attribute__((may_alias)) SYM_KERNEL_bits;
static inline int SYM_KERNEL_same(%(U)s a, %(U)s b) { return %(same)s; }
"""
_DISTINCT_COUNT = """
    const i64 n = d[0], sx = s[0];
    %(order)s
    i64 count = n > 0;
    (void)ctx;
    for (i64 i = 1; i < n; i++) count += !SYM_KERNEL_same(%(at_i)s, %(at_before)s);
    *(i64 *)p[0] = count;
    return 0;
}
"""
_DISTINCT = """
    const i64 n = d[%(X)d], sx = s[%(X)d];
    %(order)s
    i64 k = -1, first = 0;
    %(U)s last = 0;
    (void)ctx; (void)first;
    for (i64 i = 0; i < n; i++) {
        const %(U)s now = %(at_i)s;
        if (!i || !SYM_KERNEL_same(now, last)) {
            %(close)s
            k++;
            first = i;
            *(SYM_KERNEL_bits *)(p[0] + k * s[0]) = now;
            %(open)s
        }
        last = now;
        %(each)s
    }
    %(end)s
    return 0;
}
"""


def _same_words(dtype: np.dtype[Any]) -> dict[str, Any]:
    if dtype.kind not in "biuf":
        raise NoC(f"an order of {dtype}")
    bits = 8 * dtype.itemsize
    same = "a == b"
    if dtype.kind == "f":
        infinity = {16: "0x7c00", 32: "0x7f800000u", 64: "0x7ff0000000000000ull"}[bits]
        u = _WORDS[dtype.itemsize]
        rest = f"({u})(({u})~({u})0 >> 1)"
        same = f"a == b || !((a | b) & {rest}) || ((a & {rest}) > {infinity} && (b & {rest}) > {infinity})"
    return {"U": _WORDS[dtype.itemsize], "same": same}


def _element(i: str, ordered: int) -> str:
    place = f"(p[{ordered - 1}] + order[{i}] * sx)" if ordered else f"(x + ({i}) * sx)"
    return f"*(const SYM_KERNEL_bits *){place}"


def distinct_count_kernel(dtype: np.dtype[Any], ordered: bool) -> str:
    """Return the C text of a ``full`` kernel: how many different elements there are (0-d int64). Operands behind it: a
    vector in ascending order, or with ``ordered`` any vector and the positions that sort it. Raises ``NoC``."""
    at = 2 if ordered else 0
    words = _same_words(dtype) | {
        "at_i": _element("i", at), "at_before": _element("i - 1", at),
        "order": "const i64 *order = (const i64 *)p[2];" if ordered else "const char *x = p[1];",
    }  # fmt: skip
    return _SAME % words + ENTRY + _DISTINCT_COUNT % words


def distinct_kernel(
    dtype: np.dtype[Any], ordered: bool, index: bool, inverse: bool, counts: bool, ndim: int
) -> str:  # fmt: skip
    """Return the C text of a ``full`` kernel. Operands: the different elements and, as asked, where each stands first,
    which of them each element is (of rank ``ndim``, in C order), how often each occurs; then those of
    ``distinct_count_kernel``. Raises ``NoC``."""
    n_out = 1 + index + inverse + counts
    # ranks of the outputs: all are vectors but the inverse
    x = n_out - inverse + inverse * ndim
    at_index, at_inverse = 1, 1 + index
    at_counts = 1 + index + inverse
    stride_counts = 1 + index + inverse * ndim
    count = f"*(i64 *)(p[{at_counts}] + k * s[{stride_counts}]) = {{}} - first;"
    words = _same_words(dtype) | {
        "X": x, "at_i": _element("i", n_out + 1 if ordered else 0),
        "order": f"const i64 *order = (const i64 *)p[{n_out + 1}];" if ordered else f"const char *x = p[{n_out}];",
        "close": f"if (i) {count.format('i')}" if counts else "",
        "open": f"*(i64 *)(p[{at_index}] + k * s[1]) = order[i];" if index else "",
        "each": f"((i64 *)p[{at_inverse}])[order[i]] = k;" if inverse else "",
        "end": f"if (n) {count.format('n')}" if counts else "",
    }  # fmt: skip
    return _SAME % words + ENTRY + _DISTINCT % words


# ---------------------------------------------------------------------- repeated positions, ranges

REPEATED_LENGTH = (
    ENTRY
    + """
    const i64 n = *(const i64 *)p[1], m = d[0];
    unsigned long long total = 0;
    if (m != 1 && m != n)
        return ctx->fail(ctx, SYM_VALUE, "repeat along an axis of %lld elements takes as many numbers, or one; got "
                         "%lld.", n, m);
    for (i64 i = 0; i < m; i++) {
        const i64 r = *(const i64 *)(p[2] + i * s[0]);
        if (r < 0) return ctx->fail(ctx, SYM_VALUE, "a number of repetitions is %lld, below 0.", r);
        total += (unsigned long long)r;
        if (total >> 62) return ctx->fail(ctx, SYM_MEMORY, "so many repetitions have no room: more than 2^62.");
    }
    if (m == 1 && n > 0 && total > (1ULL << 62) / (unsigned long long)n)
        return ctx->fail(ctx, SYM_MEMORY, "so many repetitions have no room: more than 2^62.");
    *(i64 *)p[0] = m == 1 ? (i64)total * (n > 0 ? n : 0) : (i64)total;
    return 0;
}
"""
)
REPEATED = (
    ENTRY
    + """
    const i64 n = *(const i64 *)p[1], m = d[1];
    i64 *y = (i64 *)p[0], *const end = y + d[0];
    (void)ctx;
    for (i64 i = 0; i < n; i++) {
        const i64 r = *(const i64 *)(p[2] + (m == 1 ? 0 : i * s[1]));
        if (r <= 8 && end - y >= 8) { /* no branch that nobody can foresee: what is too many is written over */
            for (int j = 0; j < 8; j++) y[j] = i;
            y += r;
        } else
            for (i64 j = 0; j < r; j++) *y++ = i;
    }
    return 0;
}
"""
)

_RANGE_LENGTH = """
    const double start = %(start)s, stop = %(stop)s, step = %(step)s;
    const double n = __builtin_ceil((stop - start) / step);
    if (step == 0) return ctx->fail(ctx, SYM_VALUE, "the step of a range is 0. Use one that is not zero.");
    if (n != n) return ctx->fail(ctx, SYM_VALUE, "a range from %%g to %%g in steps of %%g has no length.", start, stop,
                                 step);
    if (n > 0x1p60) return ctx->fail(ctx, SYM_MEMORY, "a range of %%g elements has no room.", n);
    *(i64 *)p[0] = n > 0 ? (i64)n : 0;
    return 0;
}
"""


def range_length_kernel(dtypes: list[np.dtype[Any]]) -> str:
    """Return the C text of a ``full`` kernel: the length (0-d int64) of a range with the given start, stop and step,
    of these dtypes. Raises ``NoC``."""
    if not all(has_c_type(d) for d in dtypes):
        raise NoC(f"a range of {dtypes[0]}")
    values = [f"(double)*(const {c_type(d)} *)p[{k}]" for k, d in enumerate(dtypes, 1)]
    return ENTRY + _RANGE_LENGTH % dict(zip(("start", "stop", "step"), values, strict=True))
