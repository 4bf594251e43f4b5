"""C text of positions: binary search, and flat positions as positions per axis and back."""

from typing import Any

import numpy as np

from symcodegen.cnames import c_type, has_c_type
from symcodegen.expr import NoC, cast
from symcodegen.kernels.elemwise import IVDEP
from symcodegen.kernels.walk import ENTRY, WALK

#: Searches that run side by side, so that their waits for memory overlap.
BATCH = 16

_SEARCH = """
static inline %(W)s SYM_KERNEL_at(const char *x, i64 sx, const char *o, i64 so, i64 i) {
    const %(X)s v = *(const %(X)s *)(x + (%(position)s) * sx);
    (void)o; (void)so;
    return %(from_x)s;
}
static inline int SYM_KERNEL_below(%(W)s a, %(W)s w) { return %(below)s; }
/* m searches, at most BATCH: how many elements, from the first on, stand before the place of each key. */
static inline __attribute__((always_inline)) void SYM_KERNEL_steps(const char *x, i64 sx, const char *o, i64 so, i64 n,
                                                                   const %(W)s *restrict key, i64 *restrict found) {
    i64 length = n;
    for (int j = 0; j < %(BATCH)d; j++) found[j] = 0;
    while (length > 1) {
        const i64 half = length / 2;
        SYM_IVDEP
        for (int j = 0; j < %(BATCH)d; j++)
            found[j] += half & -(i64)SYM_KERNEL_below(SYM_KERNEL_at(x, sx, o, so, found[j] + half - 1), key[j]);
        length -= half;
    }
    if (n)
        for (int j = 0; j < %(BATCH)d; j++)
            found[j] += SYM_KERNEL_below(SYM_KERNEL_at(x, sx, o, so, found[j]), key[j]);
}
static __attribute__((noinline)) void SYM_KERNEL_search(const char *x, i64 sx, const char *o, i64 so, i64 n,
                                                        const %(W)s *key, i64 *found) {
    if (sx == sizeof(%(X)s) && !o) SYM_KERNEL_steps(x, sizeof(%(X)s), 0, 0, n, key, found);
    else SYM_KERNEL_steps(x, sx, o, so, n, key, found);
}
"""
_SEARCH_BODY = """
    enum { N = %(ndim)d, SORTED = %(sorted)d };
    const i64 n = d[N], sx = s[N], *vs = s + N + 1, so = SORTED ? s[2 * N + 1] : 0, wide = N ? d[N - 1] : 1;
    const char *o = SORTED ? p[3] : 0;
    i64 shape[N + 1], at[N + 1], strides[2 * N + 1];
    for (int a = 0; a < N; a++) {
        if (!d[a]) return 0;
        shape[a] = d[a];
        at[a] = 0;
        strides[a] = s[a];
        strides[N + a] = vs[a];
    }
    if (SORTED && d[2 * N + 1] != n)
        return ctx->fail(ctx, SYM_VALUE, "sorter.size must equal a.size; they are %%lld and %%lld.", d[2 * N + 1], n);
    for (i64 i = 0; SORTED && i < n; i++) {
        const %(O)s v = *(const %(O)s *)(o + i * so);
        if (v < 0 || (unsigned long long)v >= (unsigned long long)n)
            return ctx->fail(ctx, SYM_VALUE, "position %%lld of the sorter is out of range: there are %%lld elements.",
                             (i64)v, n);
    }
    if (N) shape[N - 1] = 1;
    const i64 sy = N ? s[N - 1] : 0, sv = N ? vs[N - 1] : 0;
    char *q[2] = {p[0], p[2]};
    do
        for (i64 i = 0; i < wide; i += %(BATCH)d) {
            const i64 m = wide - i < %(BATCH)d ? wide - i : %(BATCH)d;
            %(W)s key[%(BATCH)d];
            i64 found[%(BATCH)d];
            for (i64 j = 0; j < %(BATCH)d; j++) {
                const %(V)s v = *(const %(V)s *)(q[1] + (i + (j < m ? j : 0)) * sv);
                key[j] = %(from_v)s;
            }
            SYM_KERNEL_search(p[1], sx, o, so, n, key, found);
            for (i64 j = 0; j < m; j++) *(i64 *)(q[0] + (i + j) * sy) = found[j];
        }
    while (sym_next(N, at, shape, 2, q, strides));
    return 0;
}
"""


def search_kernel(
    x: np.dtype[Any], v: np.dtype[Any], side: str, ndim: int, sorter: np.dtype[Any] | None
) -> str:  # fmt: skip
    """Return the C text of a ``full`` kernel. Operands: positions, ascending vector, keys of rank ``ndim``, and what
    sorts the vector, if anything. NaN comes last. Raises ``NoC``."""
    common = np.promote_types(x, v)
    for t in (x, v, common):
        if not has_c_type(t):
            raise NoC(f"search in {x} for {v}")
    if common.kind == "f":
        less = "(({0} < {1}) | (({1} != {1}) & ({0} == {0})))"  # no branch: nobody can foresee it
    else:
        less = "({0} < {1})"
    below = less.format("a", "w") if side == "left" else f"(!{less.format('w', 'a')})"
    order = c_type(sorter) if sorter is not None else "i64"
    words = {
        "X": c_type(x), "V": c_type(v), "W": c_type(common), "O": order, "from_x": cast("v", x, common),
        "from_v": cast("v", v, common), "below": below, "ndim": ndim, "sorted": int(sorter is not None),
        "BATCH": BATCH, "position": f"(i64)*(const {order} *)(o + i * so)" if sorter is not None else "i",
    }  # fmt: skip
    return IVDEP + WALK + _SEARCH % words + ENTRY + _SEARCH_BODY % words


#: Positions are checked before the first is written.
_POSITIONS = """
    enum { N = %(ndim)d, R = %(rank)d };
    i64 shape[R + 1], at[R + 1], strides[(N + 1) * R + 1], length[N];
    unsigned long long size = 1;
    for (int k = 0; k < N; k++) {
        length[k] = *(const i64 *)p[%(dims_at)d + k];
        if (length[k] < 0) return ctx->fail(ctx, SYM_VALUE, "a length cannot be negative, got %%lld.", length[k]);
        if (__builtin_mul_overflow(size, (unsigned long long)length[k], &size) || size >> 63)
            return ctx->fail(ctx, SYM_VALUE, "axes of these lengths have more than 2^63 positions; axis %%d has %%lld.",
                             k, length[k]);
    }
    for (int o = 0; o <= N; o++)
        for (int a = 0; a < R; a++) {
            if (d[o * R + a] != d[a])
                return ctx->fail(ctx, SYM_VALUE, "positions of one shape are needed; along axis %%d there are %%lld "
                                 "and %%lld.", a, d[a], d[o * R + a]);
            shape[a] = d[a];
            at[a] = 0;
            strides[o * R + a] = s[o * R + a];
        }
    for (int a = 0; a < R; a++) if (!d[a]) return 0;
    const i64 wide = R ? d[R - 1] : 1;
    if (R) shape[R - 1] = 1;
    char *q[N + 1];
    for (int o = 0; o <= N; o++) q[o] = p[o];
    %(check)s
    do
        for (i64 i = 0; i < wide; i++) {
            %(work)s
        }
    while (sym_next(R, at, shape, N + 1, q, strides));
    return 0;
}
"""
_CHECK = """do
        for (i64 i = 0; i < wide; i++) {
            %(test)s
        }
    while (sym_next(R, at, shape, N + 1, q, strides));"""


def _step(operand: int | str) -> str:
    return f"(q[{operand}] + (R ? i * s[({operand}) * R + R - 1] : 0))"


def unravel_kernel(dtype: np.dtype[Any], ndim: int, rank: int, order: str) -> str:
    """Return the C text of a ``full`` kernel. Operands: a position per axis (int64), flat positions, lengths."""
    load = f"const {c_type(dtype)} v = *(const {c_type(dtype)} *){_step(ndim)};"
    test = load + (
        " if (v < 0 || (unsigned long long)v >= size) return ctx->fail(ctx, SYM_VALUE, "
        '"index %lld is out of bounds for array with size %lld", (i64)v, (i64)size);'
    )
    work = [load]
    for narrow in (True, False):  # a division of 32 bits takes half the time
        word = "unsigned int" if narrow else "unsigned long long"
        work.append(f"if (size <= 0xffffffffu) {{ {word} rest = ({word})v;" if narrow else f"else {{ {word} rest = v;")
        for k in range(ndim - 1, -1, -1) if order == "C" else range(ndim):
            work.append(f"*(i64 *){_step(k)} = (i64)(rest % ({word})length[{k}]); rest /= ({word})length[{k}];")
        work.append("}")
    return _positions(ndim, rank, ndim + 1, _CHECK % {"test": test}, " ".join(work))


def ravel_kernel(dtypes: list[np.dtype[Any]], rank: int, mode: str, order: str) -> str:
    """Return the C text of a ``full`` kernel. Operands: flat positions (int64), a position per axis, lengths."""
    ndim = len(dtypes)
    loads = [f"i64 v{k} = (i64)*(const {c_type(t)} *){_step(k + 1)};" for k, t in enumerate(dtypes)]
    wrong = " ".join(
        f'if (v{k} < 0 || v{k} >= length[{k}]) return ctx->fail(ctx, SYM_VALUE, "position %lld is out of range for '
        f'axis %d of length %lld.", v{k}, {k}, length[{k}]);'
        for k in range(ndim)
    )
    empty = (
        'for (int k = 0; k < N; k++) if (!length[k]) return ctx->fail(ctx, SYM_VALUE, "axis %d has no positions to '
        'take.", k);'
    )
    fit = ""
    if mode == "wrap":
        fit = " ".join(f"v{k} %= length[{k}]; v{k} += v{k} < 0 ? length[{k}] : 0;" for k in range(ndim))
    elif mode == "clip":
        fit = " ".join(
            f"v{k} = v{k} < 0 ? 0 : v{k} >= length[{k}] ? length[{k}] - 1 : v{k};" for k in range(ndim)
        )  # fmt: skip
    flat = "0ULL"
    for k in range(ndim) if order == "C" else range(ndim - 1, -1, -1):
        flat = f"({flat} * (unsigned long long)length[{k}] + (unsigned long long)v{k})"
    check = _CHECK % {"test": " ".join([*loads, wrong])} if mode == "raise" else empty
    work = " ".join([*loads, fit, f"*(i64 *){_step(0)} = (i64){flat};"])
    return _positions(ndim, rank, ndim + 1, check, work)


def _positions(ndim: int, rank: int, dims_at: int, check: str, work: str) -> str:
    words = {"ndim": ndim, "rank": rank, "dims_at": dims_at, "check": check, "work": work}
    return WALK + ENTRY + _POSITIONS % words
