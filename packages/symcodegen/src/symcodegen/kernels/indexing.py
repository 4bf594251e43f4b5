"""C text of reading and writing ``x[index]`` where some axes are indexed by arrays of integers, the others are whole.

The offsets in ``x`` that the arrays stand for are computed, and checked, once, before anything is written. Kept axes
before those of the arrays are walked outside, those behind them inside. Duplicates are met in the order of the arrays:
the last one set wins, all are added. One array of indices that lie side by side is checked in vectors first, and
element by element only if that finds one out of bounds.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from symcodegen.cnames import STORED, c_type, has_c_type
from symcodegen.expr import NoC
from symcodegen.kernels.walk import ENTRY, WALK

_WORDS = {1: "unsigned char", 2: "unsigned short", 4: "unsigned int", 8: "unsigned long long", 16: "__int128"}

_BLOCK = """
typedef %(T)s __attribute__((may_alias, aligned(%(align)d))) SYM_KERNEL_item;
static __attribute__((noinline, unused)) void SYM_KERNEL_row(char *a, i64 sa, char *b, i64 sb, i64 n) {
    if (sa == sizeof(%(T)s) && sb == sizeof(%(T)s)) {
        SYM_KERNEL_item *u = (SYM_KERNEL_item *)a, *v = (SYM_KERNEL_item *)b;
        for (i64 i = 0; i < n; i++) %(between_items)s
    } else {
        for (i64 i = 0; i < n; i++) {
            SYM_KERNEL_item *u = (SYM_KERNEL_item *)(a + i * sa), *v = (SYM_KERNEL_item *)(b + i * sb);
            %(between)s
        }
    }
}
static __attribute__((noinline, unused)) void SYM_KERNEL_items(char *a, i64 step, char *b, const i64 *offset, i64 n) {
    if (step == sizeof(%(T)s))
        for (i64 i = 0; i < n; i++) {
            SYM_KERNEL_item *u = (SYM_KERNEL_item *)a + i, *v = (SYM_KERNEL_item *)(b + offset[i]);
            %(between)s
        }
    else
        for (i64 i = 0; i < n; i++) {
            SYM_KERNEL_item *u = (SYM_KERNEL_item *)(a + i * step), *v = (SYM_KERNEL_item *)(b + offset[i]);
            %(between)s
        }
}
/* The offsets that n indices stand for; 0 if one is out of bounds. Without a branch, so that it becomes vectors. */
static __attribute__((noinline, unused)) int SYM_KERNEL_offsets(const char *q, i64 step, i64 n, i64 length, i64 stride,
                                                                i64 *offset) {
    const i64 *v = (const i64 *)q;
    i64 wrong = 0;
    if (step != sizeof *v) return 0;
    for (i64 i = 0; i < n; i++) {
        const i64 at = v[i] + (length & -(i64)(v[i] < 0));
        wrong |= at | (length - 1 - at);
        offset[i] = (i64)((unsigned long long)at * (unsigned long long)stride);
    }
    return wrong >= 0;
}
static inline __attribute__((unused)) void SYM_KERNEL_block(int n, const i64 *shape, char *a, char *b,
                                                            const i64 *strides) {
    if (n == 0) {
        SYM_KERNEL_item *u = (SYM_KERNEL_item *)a, *v = (SYM_KERNEL_item *)b;
        %(between)s
        return;
    }
    const i64 length = shape[n - 1];
    if (n == 1) { SYM_KERNEL_row(a, strides[0], b, strides[1], length); return; }
    i64 at[64], rest[64];
    for (int k = 0; k < n; k++) {
        at[k] = 0;
        rest[k] = shape[k];
    }
    rest[n - 1] = 1;
    char *q[2] = {a, b};
    do SYM_KERNEL_row(q[0], strides[n - 1], q[1], strides[2 * n - 1], length);
    while (sym_next(n, at, rest, 2, q, strides));
}
"""

#: ``PART``, ``X``, ``I``: where the part, the indexed tensor and the index arrays stand among lengths and strides.
_BODY = """
    enum { N = %(ndim)d, R = %(joint)d, K = %(arrays)d, BEFORE = %(before)d, AFTER = %(after)d,
           PART = %(part)d, X = %(x)d, I = %(i)d, OUT = BEFORE + R + AFTER };
    static const int axis[K] = {%(axes)s}, kept[] = {%(kept)s};
    i64 joint[R + 1], part[OUT + 1], ps[OUT + 1], is[K * R + 1], at[OUT + 1], strides[2 * OUT + 2], count = 1, size = 1;
    (void)kept;
    for (int r = 0; r < R; r++) {
        joint[r] = 1;
        for (int k = 0; k < K; k++) {
            const i64 n = d[I + k * R + r];
            if (n != 1 && joint[r] != 1 && n != joint[r])
                return ctx->fail(ctx, SYM_INDEX, "index arrays of lengths %%lld and %%lld do not broadcast.", joint[r],
                                 n);
            if (n != 1) joint[r] = n;
        }
        count *= joint[r];
    }
    for (int k = 0; k < K; k++)
        for (int r = 0; r < R; r++) is[k * R + r] = d[I + k * R + r] == 1 ? 0 : s[I + k * R + r];
    for (int a = 0; a < OUT; a++) {
        part[a] = a < BEFORE ? d[X + kept[a]] : a < BEFORE + R ? joint[a - BEFORE] : d[X + kept[a - R]];
        size *= part[a];
        ps[a] = s[PART + a];
        if (d[PART + a] == part[a]) continue;
        if (!(d[PART + a] == 1 && %(stretch)sULL >> a & 1))
            return ctx->fail(ctx, SYM_SHAPE, "a value of length %%lld does not fit a part of length %%lld.",
                             d[PART + a], part[a]);
        ps[a] = 0;
    }
    i64 *offset = (i64 *)ctx->reserve(ctx, (count ? count : 1) * (i64)sizeof(i64));
    if (!offset) return ctx->fail(ctx, SYM_MEMORY, "no memory for %%lld positions.", count);
    const i64 inner = R ? joint[R - 1] : 1;
    if (R) joint[R - 1] = 1;
    char *q[K];
    for (int k = 0; k < K; k++) q[k] = p[%(first_index)d + k];
    for (int r = 0; r <= OUT; r++) at[r] = 0;
%(single)s
    if (count) {
        i64 g = 0;
        do {
            const i64 along = R ? is[K * R - 1] : 0, whole = d[X + axis[0]], by = s[X + axis[0]];
            if (K == 1 && SYM_KERNEL_offsets(q[0], along, inner, whole, by, offset + g)) {
                g += inner;
                continue;
            }
            for (i64 i = 0; i < inner; i++, g++) {
                i64 here = 0;
                for (int k = 0; k < K; k++) {
                    const i64 n = d[X + axis[k]], v = *(const i64 *)(q[k] + (R ? i * is[k * R + R - 1] : 0));
                    if (v < -n || v >= n)
                        return ctx->fail(ctx, SYM_INDEX, "index %%lld is out of bounds for axis %%d with size %%lld.",
                                         v, axis[k], n);
                    here += (v < 0 ? v + n : v) * s[X + axis[k]];
                }
                offset[g] = here;
            }
        } while (sym_next(R, at, joint, K, q, is));
    }
    if (!size) return 0;
    for (int a = 0; a < BEFORE; a++) {
        strides[a] = ps[a];
        strides[BEFORE + a] = s[X + kept[a]];
    }
    i64 *behind = strides + 2 * BEFORE;
    for (int a = 0; a < AFTER; a++) {
        behind[a] = ps[BEFORE + R + a];
        behind[AFTER + a] = s[X + kept[BEFORE + a]];
    }
    i64 *within = at + BEFORE;
    const i64 step = R ? ps[BEFORE + R - 1] : 0;
    char *w[2] = {p[%(part_at)d], p[%(x_at)d]};
    do {
        const i64 *here = offset;
        char *a[1] = {w[0]};
        do
            if (AFTER == 0) {
                SYM_KERNEL_items(a[0], step, w[1], here, inner);
                here += inner;
            } else for (i64 i = 0; i < inner; i++)
                SYM_KERNEL_block(AFTER, part + BEFORE + R, a[0] + i * step, w[1] + *here++, behind);
        while (sym_next(R, within, joint, 1, a, ps + BEFORE));
    } while (sym_next(BEFORE, at, part, 2, w, strides));
    return 0;
}
"""


#: Single numbers are in range even beside arrays without elements, as NumPy has it; arrays of one element need not be.
_SINGLE = """
    if (!count)
        for (int k = 0; k < K; k++) {
            const i64 n = d[X + axis[k]];
            if (!(%dULL >> k & 1)) continue;
            const i64 v = *(const i64 *)q[k];
            if (v < -n || v >= n)
                return ctx->fail(ctx, SYM_INDEX, "index %%lld is out of bounds for axis %%d with size %%lld.", v,
                                 axis[k], n);
        }"""


def _text(
    t: str, between: str, ndim: int, axes: Sequence[int], joint: int, before: int, words: dict[str, Any], align: int
) -> str:
    kept = [a for a in range(ndim) if a not in axes]
    words |= {
        "T": t, "align": align, "ndim": ndim, "joint": joint, "arrays": len(axes), "before": before,
        "after": len(kept) - before, "axes": ", ".join(map(str, axes)), "kept": ", ".join(map(str, kept)) or "0",
        "between": between.format(u="*u", v="*v"), "between_items": between.format(u="u[i]", v="v[i]"),
    }  # fmt: skip
    return WALK + _BLOCK % words + ENTRY + _BODY % words


def gather_kernel(
    dtype: np.dtype[Any], ndim: int, axes: Sequence[int], joint: int, before: int, scalars: int = 0
) -> str:
    """Return the C text of a ``full`` kernel. Operands: the part, the tensor, one index array per axis of ``axes``,
    all of rank ``joint``. The part has their axes behind ``before`` kept ones. ``scalars``: bit mask of the index
    arrays that are single numbers."""
    size = ndim - len(axes) + joint
    words = {"part": 0, "x": size, "i": size + ndim, "stretch": "0", "first_index": 2, "part_at": 0, "x_at": 1,
             "single": _SINGLE % scalars if scalars and joint else ""}  # fmt: skip
    return _text(*_copied(dtype), ndim, axes, joint, before, words, _alignment(dtype))


def scatter_kernel(
    dtype: np.dtype[Any], ndim: int, axes: Sequence[int], joint: int, before: int, stretch: int, add: bool,
    scalars: int = 0,
) -> str:
    """Return the C text of a ``full`` kernel that writes into its output, or adds. Operands: the tensor, once more the
    tensor, the values (of the rank of the part), the index arrays. ``stretch``: bit mask of the axes of the values
    along which one value stands for all; ``scalars``: of the index arrays that are single numbers. Raises ``NoC``."""
    size = ndim - len(axes) + joint
    words = {
        "part": 2 * ndim, "x": 0, "i": 2 * ndim + size, "stretch": str(stretch), "first_index": 3, "part_at": 2,
        "x_at": 0, "single": _SINGLE % scalars if scalars and joint else "",
    }  # fmt: skip
    if not add:
        t, _ = _copied(dtype)
        return _text(t, "{v} = {u};", ndim, axes, joint, before, words, _alignment(dtype))
    if not has_c_type(dtype) and dtype.name not in STORED:
        raise NoC(f"sum of {dtype}")
    t = c_type(dtype)
    if dtype.name == "float16":
        between = "{v} = sym_to_half_f32(sym_from_half_f32({v}) + sym_from_half_f32({u}));"
    elif dtype.kind in "fc":
        between = "{v} += {u};"
    elif dtype.kind == "b":
        between = "{v} |= {u};"
    else:
        between = f"{{v}} = ({t})((unsigned long long){{v}} + (unsigned long long){{u}});"
    return _text(t, between, ndim, axes, joint, before, words, _alignment(dtype))


def _copied(dtype: np.dtype[Any]) -> tuple[str, str]:
    return _WORDS[dtype.itemsize], "{u} = {v};"


def _alignment(dtype: np.dtype[Any]) -> int:
    return min(dtype.itemsize, 8)
