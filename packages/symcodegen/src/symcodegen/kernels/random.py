"""C text of uniform draws: the generators of ``symcore.random.philox`` and ``symcore.random.mrg``, bit for bit.

Philox: the words of a block depend on its number alone, so a page of blocks is computed side by side.
MRG31k3p: the streams (rows of the state) are independent, so a group of streams advances together.
"""

from typing import Any

import numpy as np

from symcodegen.kernels.elemwise import IVDEP
from symcodegen.kernels.walk import ENTRY

#: Blocks of four words, or streams, that are computed side by side.
SIDE_BY_SIDE = 64
#: Pages of Philox that a thread gets at once: some ten thousand draws.
GRAIN = 128
#: First constant of each half of a round of Philox, and by how much the key grows from round to round.
_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)
_ROUNDS = 10

#: dtype -> C type stored, functions needed.
_TYPES = {
    "float32": ("float", ()),
    "float64": ("double", ()),
    "float16": ("unsigned short", ("sym_to_half_f32",)),
}
#: From words ``a`` (and ``b``) to [0, 1). float64: 27 and 26 bits.
_FROM_WORDS = {
    "float32": "(float)(int)(a >> 8) * 0x1p-24f",
    "float16": "sym_to_half_f32((float)(int)(a >> 21) * 0x1p-11f)",
    "float64": "((double)(int)(a >> 5) * 0x1p26 + (double)(int)(b >> 6)) * 0x1p-53",
}
#: From a draw ``v`` in 1 .. 2^31 - 1.
_FROM_DRAW = {
    "float32": "(float)v * %(scale)s",
    "float16": "SYM_KERNEL_below_one(sym_to_half_f32((float)v * %(scale)s))",
    "float64": "(double)v * 0x1p-31",
}

#: Where draw ``at`` (in C order) belongs, if they do not lie one after another.
_PLACE = """
static __attribute__((noinline)) void SYM_KERNEL_store(char *y, const %(T)s *v, i64 from, i64 m, i64 jump,
                                                       const i64 *shape, const i64 *strides, int dense) {
    if (dense) {
        %(T)s *to = (%(T)s *)y + from;
        for (i64 i = 0; i < m; i++) to[i * jump] = v[i];
        return;
    }
    for (i64 i = 0; i < m; i++) {
        i64 rest = from + i * jump, offset = 0;
        for (int a = %(ndim)d - 1; a >= 0; a--) { offset += rest %% shape[a] * strides[a]; rest /= shape[a]; }
        *(%(T)s *)(y + offset) = v[i];
    }
}
"""
_COUNT = """
    i64 count = 1, size = sizeof(%(T)s);
    int dense = 1;
    for (int a = %(ndim)d - 1; a >= 0; a--) {
        dense &= s[Y + a] == size || d[Y + a] <= 1;
        size *= d[Y + a];
        count *= d[Y + a];
    }
"""

_PHILOX = """
static __attribute__((noinline)) void SYM_KERNEL_words(unsigned long long first, unsigned int k0, unsigned int k1,
                                                       unsigned int s0, unsigned int s1, unsigned int *restrict w) {
    SYM_IVDEP
    for (int i = 0; i < %(SIDE)d; i++) {
        const unsigned long long number = first + (unsigned long long)i;
        unsigned int c0 = (unsigned int)number, c1 = (unsigned int)(number >> 32), c2 = s0, c3 = s1;
        %(rounds)s
        w[i] = c0; w[%(SIDE)d + i] = c1; w[2 * %(SIDE)d + i] = c2; w[3 * %(SIDE)d + i] = c3;
    }
}
static __attribute__((noinline)) void SYM_KERNEL_draws(const unsigned int *restrict w, %(T)s *restrict v) {
    for (int i = 0; i < %(SIDE)d; i++) {
        unsigned int a, b;
        (void)b;
        %(draws)s
    }
}
"""
#: Pages of blocks (and their draws), which threads share.
_PHILOX_PAGES = """
typedef struct { char *y; const i64 *shape, *strides; i64 count; unsigned long long key, stream, first; int dense; }
    SYM_KERNEL_job;
static __attribute__((noinline)) void SYM_KERNEL_pages(void *data, i64 lo, i64 hi) {
    enum { DRAWS = %(per_block)d * %(SIDE)d };
    const SYM_KERNEL_job *j = data;
    unsigned int w[4 * %(SIDE)d] __attribute__((aligned(64)));
    %(T)s v[DRAWS] __attribute__((aligned(64)));
    for (i64 page = lo; page < hi; page++) {
        const i64 from = page * DRAWS, m = j->count - from < DRAWS ? j->count - from : DRAWS;
        SYM_KERNEL_words(j->first + (unsigned long long)page * %(SIDE)d, (unsigned int)j->key,
                         (unsigned int)(j->key >> 32), (unsigned int)j->stream, (unsigned int)(j->stream >> 32), w);
        if (j->dense && m == DRAWS) SYM_KERNEL_draws(w, (%(T)s *)j->y + from);
        else {
            SYM_KERNEL_draws(w, v);
            SYM_KERNEL_store(j->y, v, from, m, 1, j->shape, j->strides, j->dense);
        }
    }
}
"""
_PHILOX_BODY = """
    enum { Y = 1, PER_BLOCK = %(per_block)d };
    const unsigned long long *state = (const unsigned long long *)p[2];
    const i64 step = s[1 + %(ndim)d] / 8;
    if (d[1 + %(ndim)d] != 3 || d[0] != 3)
        return ctx->fail(ctx, SYM_VALUE, "a state of Philox has 3 numbers, got %%lld.", d[1 + %(ndim)d]);
    const unsigned long long key = state[0], stream = state[step], first = state[2 * step];
""" + _COUNT + """
    const i64 blocks = (count + PER_BLOCK - 1) / PER_BLOCK;
    SYM_KERNEL_job job = {p[1], d + Y, s + Y, count, key, stream, first, dense};
    ctx->parallel_for(ctx, (blocks + %(SIDE)d - 1) / %(SIDE)d, %(grain)d, SYM_KERNEL_pages, &job);
    *(unsigned long long *)p[0] = key;
    *(unsigned long long *)(p[0] + s[0]) = stream;
    *(unsigned long long *)(p[0] + 2 * s[0]) = first + (unsigned long long)blocks;
    return 0;
}
"""

_MRG = """
typedef unsigned int SYM_KERNEL_row[%(SIDE)d];
#define M1 2147483647u
#define M2 2147462579u
/* One step of all streams: the oldest of three values becomes the newest. */
static __attribute__((noinline)) void SYM_KERNEL_step(const unsigned int *x2, unsigned int *x3, const unsigned int *y1,
                                                      unsigned int *y3, %(T)s *out) {
    SYM_IVDEP
    for (int j = 0; j < %(SIDE)d; j++) {
        const unsigned long long p = ((unsigned long long)x2[j] << 22) + ((unsigned long long)x3[j] << 7) + x3[j];
        unsigned int x = (unsigned int)(p & M1) + (unsigned int)(p >> 31);
        x -= x >= M1 ? M1 : 0;
        const unsigned long long q = (((unsigned long long)y1[j] + y3[j]) << 15) + y3[j];
        unsigned int y = (unsigned int)(q & M1) + (unsigned int)(q >> 31) * 21069u;
        y -= y >= M2 ? M2 : 0;
        x3[j] = x;
        y3[j] = y;
        const int v = (int)(x - y + (x <= y ? M1 : 0));
        out[j] = %(convert)s;
    }
}
"""
_BELOW_ONE = """
static inline unsigned short SYM_KERNEL_below_one(unsigned short h) { return h < 0x3c00 ? h : 0x3bff; }
"""
#: Groups of streams, which threads share.
_MRG_GROUPS = """
typedef struct { char *const *p; const i64 *d, *s; i64 count; int dense; } SYM_KERNEL_job;
static __attribute__((noinline)) void SYM_KERNEL_groups(void *data, i64 lo, i64 hi) {
    enum { Y = 2, IN = 2 + %(ndim)d };
    const SYM_KERNEL_job *job = data;
    char *const *p = job->p;
    const i64 *d = job->d, *s = job->s, rows = d[IN], count = job->count;
    const int dense = job->dense;
    SYM_KERNEL_row state[6];
    %(T)s v[%(SIDE)d] __attribute__((aligned(64)));
    for (i64 r = lo * %(SIDE)d; r < hi * %(SIDE)d && r < rows; r += %(SIDE)d) {
        const i64 m = rows - r < %(SIDE)d ? rows - r : %(SIDE)d;
        for (int c = 0; c < 6; c++)
            for (i64 j = 0; j < %(SIDE)d; j++)
                state[c][j] = *(const unsigned int *)(p[2] + (r + (j < m ? j : 0)) * s[IN] + c * s[IN + 1]);
        unsigned int *x[3] = {state[0], state[1], state[2]}, *y[3] = {state[3], state[4], state[5]};
        i64 from = r;
        /* all m streams draw; of the last turn only the first streams do */
        for (; from + m <= count; from += rows) {
            if (dense && m == %(SIDE)d) SYM_KERNEL_step(x[1], x[2], y[0], y[2], (%(T)s *)p[1] + from);
            else {
                SYM_KERNEL_step(x[1], x[2], y[0], y[2], v);
                SYM_KERNEL_store(p[1], v, from, m, 1, d + Y, s + Y, dense);
            }
            unsigned int *a = x[2], *b = y[2];
            x[2] = x[1]; x[1] = x[0]; x[0] = a;
            y[2] = y[1]; y[1] = y[0]; y[0] = b;
        }
        i64 k = count - from;
        if (k < 0) k = 0;
        SYM_KERNEL_row before[2];
        if (k) {
            for (i64 j = 0; j < %(SIDE)d; j++) { before[0][j] = x[2][j]; before[1][j] = y[2][j]; }
            SYM_KERNEL_step(x[1], x[2], y[0], y[2], v);
            SYM_KERNEL_store(p[1], v, from, k, 1, d + Y, s + Y, dense);
        }
        for (i64 j = 0; j < m; j++) {
            unsigned int now[6] = {x[0][j], x[1][j], x[2][j], y[0][j], y[1][j], y[2][j]};
            if (j < k) {
                const unsigned int moved[6] = {x[2][j], x[0][j], x[1][j], y[2][j], y[0][j], y[1][j]};
                for (int c = 0; c < 6; c++) now[c] = moved[c];
            } else if (k) {
                now[2] = before[0][j];
                now[5] = before[1][j];
            }
            for (int c = 0; c < 6; c++) *(unsigned int *)(p[0] + (r + j) * s[0] + c * s[1]) = now[c];
        }
    }
}
"""
_MRG_BODY = """
    enum { Y = 2, IN = 2 + %(ndim)d };
    const i64 rows = d[IN];
""" + _COUNT + """
    if (d[IN + 1] != 6 || d[0] != rows)
        return ctx->fail(ctx, SYM_VALUE, "states of MRG31k3p have 6 numbers each, got %%lld.", d[IN + 1]);
    if (count && !rows) return ctx->fail(ctx, SYM_VALUE, "there are no states to draw %%lld numbers from.", count);
    SYM_KERNEL_job job = {p, d, s, count, dense};
    const i64 each = rows ? count / rows * %(SIDE)d + 1 : 1;
    ctx->parallel_for(ctx, (rows + %(SIDE)d - 1) / %(SIDE)d, 1 + 16384 / each, SYM_KERNEL_groups, &job);
    return 0;
}
#undef M1
#undef M2
"""


def _rounds() -> str:
    lines = []
    for k in range(_ROUNDS):
        k0, k1 = (f"(k{j} + {k * _WEYL[j] & 0xFFFFFFFF}u)" for j in (0, 1))
        lines.append(
            f"{{ const unsigned long long p0 = (unsigned long long)c0 * {_MULTIPLIERS[0]}u, "
            f"p1 = (unsigned long long)c2 * {_MULTIPLIERS[1]}u; "
            f"c0 = (unsigned int)(p1 >> 32) ^ c1 ^ {k0}; c1 = (unsigned int)p1; "
            f"c2 = (unsigned int)(p0 >> 32) ^ c3 ^ {k1}; c3 = (unsigned int)p0; }}"
        )
    return "\n        ".join(lines)


def philox_kernel(dtype: np.dtype[Any], ndim: int) -> tuple[str, tuple[str, ...]]:
    """Return the C text of a ``full`` kernel and the functions it needs.

    Operands: the next state, the draws (of rank ``ndim``), the state.
    """
    t, functions = _TYPES[dtype.name]
    wide = dtype.name == "float64"
    per_block = 2 if wide else 4
    word = f"w[{{}} * {SIDE_BY_SIDE} + i]"
    draws = [
        (f"a = {word.format(2 * k)}; b = {word.format(2 * k + 1)}; " if wide else f"a = {word.format(k)}; b = a; ")
        + f"v[{per_block} * i + {k}] = {_FROM_WORDS[dtype.name]};"
        for k in range(per_block)
    ]
    words = {
        "T": t, "ndim": ndim, "SIDE": SIDE_BY_SIDE, "per_block": per_block, "rounds": _rounds(),
        "draws": "\n        ".join(draws), "grain": GRAIN,
    }  # fmt: skip
    text = IVDEP + _PLACE % words + _PHILOX % words + _PHILOX_PAGES % words
    return text + ENTRY + _PHILOX_BODY % words, functions


def mrg_kernel(dtype: np.dtype[Any], ndim: int, scale: float) -> tuple[str, tuple[str, ...]]:
    """Return the C text of a ``full`` kernel and the functions it needs; ``scale``: of a draw in float32.

    Operands: the next states, the draws (of rank ``ndim``), the states.
    """
    t, functions = _TYPES[dtype.name]
    convert = _FROM_DRAW[dtype.name] % {"scale": f"{float(scale).hex()}f"} if dtype.name != "float64" else _FROM_DRAW[
        "float64"
    ]
    words = {"T": t, "ndim": ndim, "SIDE": SIDE_BY_SIDE, "convert": convert}
    half = _BELOW_ONE if dtype.name == "float16" else ""
    return IVDEP + half + _PLACE % words + _MRG % words + _MRG_GROUPS % words + ENTRY + _MRG_BODY % words, functions
