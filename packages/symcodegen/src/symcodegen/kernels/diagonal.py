"""C text of reading and writing diagonals."""

from typing import Any

import numpy as np

from symcodegen.kernels.walk import ENTRY, WALK

_WORDS = {1: "unsigned char", 2: "unsigned short", 4: "unsigned int", 8: "unsigned long long", 16: "__int128"}

#: Operand 0 is the diagonal when it is read (its lengths and strides first), the tensor when it is written.
_BODY = """
    typedef %(T)s __attribute__((may_alias, aligned(%(align)d))) item;
    enum { N = %(ndim)d, M = N - 1, FIRST = %(axis1)d, SECOND = %(axis2)d, DIAGONAL = %(diagonal)d, X = %(x)d };
    const i64 offset = %(offset)dLL, *xd = d + X, *xs = s + X;
    const i64 rows = xd[FIRST] + (offset < 0 ? offset : 0), columns = xd[SECOND] - (offset > 0 ? offset : 0);
    const i64 least = rows < columns ? rows : columns, n = least > 0 ? least : 0;
    i64 shape[M], at[M], strides[2 * M];
    int k = 0;
    for (int a = 0; a < N; a++) {
        if (a == FIRST || a == SECOND) continue;
        shape[k] = xd[a];
        strides[M + k++] = xs[a];
    }
    shape[M - 1] = n;
    strides[2 * M - 1] = xs[FIRST] + xs[SECOND];
    for (int a = 0; a < M; a++) {
        if (d[DIAGONAL + a] != shape[a])
            return ctx->fail(ctx, SYM_VALUE, "a diagonal has %%lld elements along axis %%d, the values have %%lld.",
                             shape[a], a, d[DIAGONAL + a]);
        at[a] = 0;
        strides[a] = s[DIAGONAL + a];
    }
    for (int a = 0; a < M; a++) if (!shape[a]) return 0;
    shape[M - 1] = 1;
    const i64 sa = strides[M - 1], sb = strides[2 * M - 1];
    char *q[2] = {p[%(diagonal_at)d], p[%(x_at)d]};
    q[1] += offset > 0 ? offset * xs[SECOND] : -offset * xs[FIRST];
    do
        for (i64 i = 0; i < n; i++) {
            item *u = (item *)(q[0] + i * sa), *v = (item *)(q[1] + i * sb);
            %(move)s
        }
    while (sym_next(M, at, shape, 2, q, strides));
    return 0;
}
"""


def diagonal_kernel(dtype: np.dtype[Any], ndim: int, offset: int, axis1: int, axis2: int, write: bool) -> str:
    """Return the C text of a ``full`` kernel for a tensor of rank ``ndim``.

    Operands: the diagonal and the tensor; with ``write`` the tensor (twice) and the diagonal that is written into it.
    """
    words = {
        "T": _WORDS[dtype.itemsize], "align": min(dtype.itemsize, 8), "ndim": ndim, "axis1": axis1, "axis2": axis2,
        "offset": offset, "move": "*v = *u;" if write else "*u = *v;", "diagonal": 2 * ndim if write else 0,
        "x": 0 if write else ndim - 1, "diagonal_at": 2 if write else 0, "x_at": 0 if write else 1,
    }  # fmt: skip
    return WALK + ENTRY + _BODY % words
