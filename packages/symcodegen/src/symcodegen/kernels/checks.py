"""C text of checks: kernels that fail where a value is not as it must be, and otherwise write a byte nobody reads."""

from typing import Any

import numpy as np

from symcodegen.cnames import c_type
from symcodegen.expr import cast, functions_in
from symcodegen.kernels.walk import ENTRY, WALK

_CHECK = """
    enum { N = %(ndim)d };
    i64 shape[N + 1], at[N + 1];
    *p[0] = 0;
    for (int a = 0; a < N; a++) {
        if (!d[a]) return 0;
        shape[a] = d[a];
        at[a] = 0;
    }
    const i64 n = N ? d[N - 1] : 1, step = N ? s[N - 1] : 0;
    if (N) shape[N - 1] = 1;
    char *q[1] = {p[1]};
    %(start)s
    do
        for (i64 i = 0; i < n; i++) {
            const %(T)s given = *(const %(T)s *)(q[0] + i * step);
            %(each)s
        }
    while (sym_next(N, at, shape, 1, q, s));
    %(end)s
    return 0;
}
"""


def chances_kernel(dtype: np.dtype[Any], ndim: int, message: str) -> tuple[str, tuple[str, ...]]:
    """Return the C text of a ``full`` kernel, and the functions it needs: fails where a number is no probability.

    Operands: a byte that nobody reads, the numbers. ``message`` has a ``%g`` for the first that is none.
    """
    value = cast("given", dtype, np.dtype("float64"))
    words = {
        "T": c_type(dtype), "ndim": ndim, "start": "", "end": "",
        "each": f"const double v = {value};\n            if (!(v >= 0.0 && v <= 1.0)) "
                f'return ctx->fail(ctx, SYM_VALUE, "{message}", v);',
    }  # fmt: skip
    return WALK + ENTRY + _CHECK % words, tuple(functions_in(value))


def in_bounds_kernel(ndim: int) -> str:
    """Return the C text of a ``full`` kernel that fails where a position is out of range. Operands: a byte that nobody
    reads, the positions (int64), and how many choices there are."""
    words = {
        "T": "i64", "ndim": ndim, "start": "i64 least = 0, most = 0;",
        "each": "least = given < least ? given : least;\n            most = given > most ? given : most;",
        "end": "const i64 choices = *(const i64 *)p[2];\n    if (least < 0 || most >= choices)\n        return "
               'ctx->fail(ctx, SYM_INDEX, "position %lld is out of range: there are %lld choices, counted from 0.",\n'
               "                         least < 0 ? least : most, choices);",
    }  # fmt: skip
    return WALK + ENTRY + _CHECK % words


def exponents_kernel(dtype: np.dtype[Any], ndim: int) -> str:
    """Return the C text of a ``full`` kernel that fails where an integer is below 0. Operands: a byte that nobody
    reads, the integers."""
    words = {
        "T": c_type(dtype), "ndim": ndim, "start": "i64 least = 0;", "each": "least = given < least ? given : least;",
        "end": 'if (least < 0)\n        return ctx->fail(ctx, SYM_VALUE, "an integer to a negative integer power is "\n'
               '                         "not an integer; cast one of them to float. The power is %lld.", least);',
    }  # fmt: skip
    return WALK + ENTRY + _CHECK % words


def assertion_kernel(dtype: np.dtype[Any], ndim: int, message: str) -> tuple[str, tuple[str, ...]]:
    """Return the C text of a ``full`` kernel, and the functions it needs: fails where an element is zero. Operands: a
    byte that nobody reads, the condition. ``message``: a C string, its percent signs doubled."""
    zero = f"!{cast('given', dtype, np.dtype('bool'))}"
    words = {
        "T": c_type(dtype), "ndim": ndim, "start": "int failed = 0;", "each": f"failed |= {zero};",
        "end": f"if (failed) return ctx->fail(ctx, SYM_ASSERTION, {message});",
    }  # fmt: skip
    return WALK + ENTRY + _CHECK % words, tuple(functions_in(zero))
