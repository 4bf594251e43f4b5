"""C text of matrix products of types that BLAS does not have: integers, truth values, float16.

Sums of integers wrap around as NumPy's do, for which all is computed in unsigned arithmetic of the same width; truth
values are products and sums of logic; float16 is added up in float32. Rows of the right factor are read as they lie, or
packed once if their elements are apart; four rows of the result, a block of columns, at a time.
"""

from typing import Any

import numpy as np

from symcodegen.cnames import c_type, has_c_type
from symcodegen.expr import NoC, cast, functions_in
from symcodegen.kernels.elemwise import IVDEP
from symcodegen.kernels.walk import ENTRY, WALK

#: Columns of the result that are added up side by side, for four rows at once.
COLUMNS = 256

_UNSIGNED = {1: "unsigned char", 2: "unsigned short", 4: "unsigned int", 8: "unsigned long long"}

_TEXT = """
/* Four rows (fewer: the last one again) of m columns: z = x y with x (4, k) and y (k, m) in C order. */
static __attribute__((noinline)) void SYM_KERNEL_block(const %(U)s *restrict x, i64 sx, const %(U)s *restrict y, i64 sy,
                                                       i64 k, i64 m, %(U)s *restrict z) {
    %(U)s *restrict z0 = z, *restrict z1 = z + %(COLUMNS)d, *restrict z2 = z1 + %(COLUMNS)d,
          *restrict z3 = z2 + %(COLUMNS)d;
    for (i64 j = 0; j < m; j++) z0[j] = z1[j] = z2[j] = z3[j] = 0;
    for (i64 l = 0; l < k; l++, y += sy) {
        const %(U)s a = x[l], b = x[sx + l], c = x[2 * sx + l], e = x[3 * sx + l];
        SYM_IVDEP
        for (i64 j = 0; j < m; j++) {
            const %(U)s v = y[j];
            z0[j] = %(z0)s; z1[j] = %(z1)s; z2[j] = %(z2)s; z3[j] = %(z3)s;
        }
    }
}
static __attribute__((noinline)) %(U)s SYM_KERNEL_inner(const %(U)s *restrict x, const %(U)s *restrict y, i64 k) {
    %(U)s total = 0;
    for (i64 l = 0; l < k; l++) total = %(inner)s;
    return total;
}
static void SYM_KERNEL_pack(%(U)s *to, const char *from, i64 rows, i64 columns, i64 sr, i64 sc) {
    for (i64 i = 0; i < rows; i++)
        for (i64 j = 0; j < columns; j++) {
            const %(T)s given = *(const %(T)s *)(from + i * sr + j * sc);
            to[i * columns + j] = (%(U)s)%(load)s;
        }
}
"""
_BODY = """
    enum { N = %(batch)d, RX = %(rx)d, RY = %(ry)d, RZ = N + RX + RY, X = RZ, Y = RZ + N + RX + 1 };
    const i64 m = RX ? d[X + N] : 1, k = d[X + N + RX], n = RY ? d[Y + N + 1] : 1;
    const i64 zr = RX ? s[N] : 0, zc = RY ? s[N + RX] : 0;
    const i64 xr = RX ? s[X + N] : 0, xc = s[X + N + RX], yr = s[Y + N], yc = RY ? s[Y + N + 1] : 0;
    i64 shape[N + 1], at[N + 1], strides[3 * N + 1];
    if (d[Y + N] != k)
        return ctx->fail(ctx, SYM_VALUE, "the lengths that a product sums over differ: %%lld and %%lld.", k, d[Y + N]);
    for (int b = 0; b < N; b++) {
        if (d[X + b] != d[Y + b])
            return ctx->fail(ctx, SYM_VALUE, "the lengths of batch axis %%d differ: %%lld and %%lld.", b, d[X + b],
                             d[Y + b]);
    }
    if (!m || !n) return 0;
    for (int b = 0; b < N; b++) {
        if (!d[X + b]) return 0;
        shape[b] = d[X + b];
        at[b] = 0;
        strides[b] = s[b];
        strides[N + b] = s[X + b];
        strides[2 * N + b] = s[Y + b];
    }
    const i64 upright = yc == sizeof(%(T)s) && %(as_it_is)d, one = n == 1;
    %(U)s *x = (%(U)s *)ctx->reserve(ctx, (4 * k + (upright ? 0 : k * n) + 4 * %(COLUMNS)d) * (i64)sizeof(%(U)s));
    if (!x) return ctx->fail(ctx, SYM_MEMORY, "no memory for the factors of a product.");
    %(U)s *z = x + 4 * k, *packed = z + 4 * %(COLUMNS)d;
    char *q[3] = {p[0], p[1], p[2]};
    do {
        const %(U)s *y = packed;
        if (upright) y = (const %(U)s *)q[2];
        else SYM_KERNEL_pack(packed, q[2], k, n, yr, yc);
        const i64 sy = upright ? yr / (i64)sizeof(%(U)s) : n;
        for (i64 i = 0; i < m; i += 4) {
            const i64 rows = m - i < 4 ? m - i : 4;
            SYM_KERNEL_pack(x, q[1] + i * xr, rows, k, xr, xc);
            if (one && sy == 1) {
                for (i64 r = 0; r < rows; r++) {
                    const %(U)s sum = SYM_KERNEL_inner(x + r * k, y, k);
                    *(%(T)s *)(q[0] + (i + r) * zr) = %(store_sum)s;
                }
                continue;
            }
            for (i64 r = rows; r < 4; r++)
                for (i64 l = 0; l < k; l++) x[r * k + l] = x[l];
            for (i64 j = 0; j < n; j += %(COLUMNS)d) {
                const i64 w = n - j < %(COLUMNS)d ? n - j : %(COLUMNS)d;
                SYM_KERNEL_block(x, k, y + j, sy, k, w, z);
                for (i64 r = 0; r < rows; r++)
                    for (i64 c = 0; c < w; c++) {
                        const %(U)s sum = z[r * %(COLUMNS)d + c];
                        *(%(T)s *)(q[0] + (i + r) * zr + (j + c) * zc) = %(store_sum)s;
                    }
            }
        }
    } while (sym_next(N, at, shape, 3, q, strides));
    return 0;
}
"""


def product_kernel(dtype: np.dtype[Any], batch: int, rows: bool, columns: bool) -> tuple[str, tuple[str, ...]]:
    """Return the C text of a ``full`` kernel, and the functions it needs. Operands: the product, the factors, all with
    ``batch`` leading axes; the left factor has rows, and the right one columns, or is a vector. Raises ``NoC``."""
    half = dtype.name == "float16"
    if not half and (not has_c_type(dtype) or dtype.kind not in "biu"):
        raise NoC(f"product of {dtype}")
    work = np.dtype("float32") if half else dtype
    u = "float" if half else _UNSIGNED[dtype.itemsize]
    step = "({0} | ({1} & {2}))" if dtype.kind == "b" else "({0} + {1} * {2})"
    # narrow types would be promoted to int, whose products may not overflow
    step = step if half or dtype.itemsize > 2 or dtype.kind == "b" else "({0} + (unsigned){1} * {2})"
    words = {
        "T": c_type(dtype), "U": u, "COLUMNS": COLUMNS, "batch": batch, "rx": int(rows), "ry": int(columns),
        "load": cast("given", dtype, work), "as_it_is": int(not half),
        "store_sum": cast("sum", work, dtype) if half else f"({c_type(dtype)})sum",
        "inner": f"({u}){step.format('total', 'x[l]', 'y[l]')}",
    }  # fmt: skip
    for z, x in (("z0", "a"), ("z1", "b"), ("z2", "c"), ("z3", "e")):
        words[z] = f"({u}){step.format(f'{z}[j]', x, 'v')}"
    functions = functions_in(f"{words['load']} {words['store_sum']}")
    return IVDEP + WALK + _TEXT % words + ENTRY + _BODY % words, tuple(sorted(functions))
