"""C text of running sums and products, and of first-order linear recurrences, along one axis.

Every result depends on the one before it, so a single row runs at the latency of one operation, kept in a register.
Where several rows lie side by side in memory, all of a page advance together in vector code; otherwise four rows at
once, whose latencies overlap. The order of operations along the axis is NumPy's: results are the same to the last bit.
"""

from typing import Any

import numpy as np

from symcodegen.cnames import c_type, has_c_type
from symcodegen.expr import HALVES, NoC
from symcodegen.kernels.elemwise import IVDEP
from symcodegen.kernels.walk import ENTRY, WALK

#: Rows that advance together where they lie side by side.
LANES = 4096

_ROWS = """
static __attribute__((noinline)) void SYM_KERNEL_row(i64 n, %(row_parameters)s) {
    %(T)s v = %(first_row)s;
    *(%(T)s *)y = v;
    if (%(contiguous)s) {
        %(T)s *to = (%(T)s *)y; %(pointers)s
        for (i64 i = 1; i < n; i++) to[i] = v = %(next_item)s;
        return;
    }
    for (i64 i = 1; i < n; i++) {
        y += sy; %(advance)s
        v = %(next_row)s;
        *(%(T)s *)y = v;
    }
}
static __attribute__((noinline)) void SYM_KERNEL_four(i64 n, %(four_parameters)s) {
    %(T)s v0 = %(first_0)s, v1 = %(first_1)s, v2 = %(first_2)s, v3 = %(first_3)s;
    for (i64 i = 1;; i++) {
        *(%(T)s *)y = v0; *(%(T)s *)(y + ly) = v1; *(%(T)s *)(y + 2 * ly) = v2; *(%(T)s *)(y + 3 * ly) = v3;
        if (i >= n) return;
        y += sy; %(advance)s
        v0 = %(next_0)s; v1 = %(next_1)s; v2 = %(next_2)s; v3 = %(next_3)s;
    }
}
static __attribute__((noinline)) void SYM_KERNEL_line(i64 m, const %(T)s *v, %(T)s *y, %(line_parameters)s) {
    SYM_IVDEP
    for (i64 j = 0; j < m; j++) y[j] = %(line)s;
}
"""
_ENTRY = """
    enum { N = %(ndim)d, AXIS = %(axis)d, K = %(operands)d };
    i64 shape[N], at[N];
    const i64 size = sizeof(%(T)s), n = d[AXIS];
    int lane = -1, dense = 1;
    for (int o = 1; o < K; o++)
        for (int a = 0; a < N; a++)
            if (d[o * N + a] != d[a])
                return ctx->fail(ctx, SYM_SHAPE, "a recurrence needs factors and terms of one shape; along axis %%d "
                                 "there are %%lld and %%lld.", a, d[N + a], d[2 * N + a]);
    for (int a = 0; a < N; a++) {
        shape[a] = d[a];
        at[a] = 0;
        if (!d[a]) return 0;
        if (a == AXIS || d[a] == 1) continue;
        if (lane < 0 || (s[a] < 0 ? -s[a] : s[a]) <= (s[lane] < 0 ? -s[lane] : s[lane])) lane = a;
    }
    shape[AXIS] = 1;
    const i64 m = lane < 0 ? 1 : d[lane];
    if (lane >= 0) shape[lane] = 1;
    for (int o = 0; o < K; o++) dense &= lane >= 0 && s[o * N + (lane < 0 ? 0 : lane)] == size;
    const i64 sy = s[AXIS], ly = lane < 0 ? 0 : s[lane]; %(strides)s
    char *q[K];
    for (int o = 0; o < K; o++) q[o] = p[o];
    do {
        if (dense && m >= 8) {
            for (i64 j = 0; j < m; j += %(LANES)d) {
                const i64 w = m - j < %(LANES)d ? m - j : %(LANES)d;
                char *y = q[0] + j * size; %(block)s
                for (i64 k = 0; k < w; k++) ((%(T)s *)y)[k] = %(first_line)s;
                for (i64 i = 1; i < n; i++) {
                    const %(T)s *v = (const %(T)s *)y;
                    y += sy; %(advance)s
                    SYM_KERNEL_line(w, v, (%(T)s *)y, %(line_arguments)s);
                }
            }
            continue;
        }
        i64 j = 0;
        for (; j + 4 <= m; j += 4) SYM_KERNEL_four(n, q[0] + j * ly, sy, ly%(four_arguments)s);
        for (; j < m; j++) SYM_KERNEL_row(n, q[0] + j * ly, sy%(row_arguments)s);
    } while (sym_next(N, at, shape, K, q, s));
    return 0;
}
"""


def cumulative_kernel(mode: str, dtype: np.dtype[Any], ndim: int, axis: int) -> tuple[str, tuple[str, ...]]:
    """Return the C text of a ``full`` kernel, running sums (``add``) or products (``mul``), and the functions it needs.
    Raises ``NoC``."""
    sign = "+" if mode == "add" else "*"
    if dtype.kind == "c":
        product = f"sym_mul_c{8 * dtype.itemsize}"
        step = "({v} + {x})" if mode == "add" else f"{product}({{v}}, {{x}})"
        return _text(c_type(dtype), ndim, axis, ["x"], "{x}", step), () if mode == "add" else (product,)
    if dtype.name == "float16":
        step = f"sym_to_half_f32(sym_from_half_f32({{v}}) {sign} sym_from_half_f32({{x}}))"
        return _text(c_type(dtype), ndim, axis, ["x"], "{x}", step), tuple(sorted(HALVES))
    t = _type(dtype)
    if dtype.kind == "f":
        step = f"({{v}} {sign} {{x}})"
    else:  # signed overflow wraps around, as NumPy's does
        wide = "unsigned long long" if dtype.itemsize == 8 else "unsigned int"
        step = f"(({t})(({wide}){{v}} {sign} ({wide}){{x}}))"
    return _text(t, ndim, axis, ["x"], "{x}", step), ()


def recurrence_kernel(dtype: np.dtype[Any], ndim: int, axis: int) -> str:
    """Return the C text of a ``full`` kernel: ``y[i] = a[i] * y[i-1] + b[i]`` for inputs ``a``, ``b``. Raises
    ``NoC``."""
    t = _type(dtype)
    if dtype.kind == "f":
        step = "({a} * {v} + {b})"
    else:
        wide = "(unsigned long long)"
        step = f"(({t})({wide}{{a}} * {wide}{{v}} + {wide}{{b}}))"
    return _text(t, ndim, axis, ["a", "b"], "{b}", step)


def _type(dtype: np.dtype[Any]) -> str:
    if not has_c_type(dtype) or dtype.kind == "b":
        raise NoC(f"running results of {dtype}")
    return c_type(dtype)


def _text(t: str, ndim: int, axis: int, names: list[str], first: str, step: str) -> str:
    def at(offset: str) -> dict[str, str]:
        return {x: f"(*(const {t} *)({x}{offset.format(x=x)}))" for x in names}

    lines = {x: f"{x}[j]" for x in names}
    words: dict[str, Any] = {
        "T": t, "ndim": ndim, "axis": axis, "operands": 1 + len(names), "LANES": LANES,
        "row_parameters": ", ".join(["char *y, i64 sy", *(f"const char *{x}, i64 s{x}" for x in names)]),
        "four_parameters": ", ".join(
            ["char *y, i64 sy, i64 ly", *(f"const char *{x}, i64 s{x}, i64 l{x}" for x in names)]
        ),
        "line_parameters": ", ".join(f"const {t} *{x}" for x in names),
        "line_arguments": ", ".join(f"(const {t} *){x}" for x in names),
        "row_arguments": "".join(f", q[{k}] + j * l{x}, s{x}" for k, x in enumerate(names, 1)),
        "four_arguments": "".join(f", q[{k}] + j * l{x}, s{x}, l{x}" for k, x in enumerate(names, 1)),
        "strides": " ".join(
            f"const i64 s{x} = s[{k} * N + AXIS], l{x} = lane < 0 ? 0 : s[{k} * N + lane];"
            for k, x in enumerate(names, 1)
        ),
        "block": " ".join(f"const char *{x} = q[{k}] + j * size;" for k, x in enumerate(names, 1)),
        "advance": " ".join(f"{x} += s{x};" for x in names),
        "first_row": first.format(**at("")), "next_row": step.format(v="v", **at("")),
        "contiguous": " && ".join(f"s{x} == (i64)sizeof({t})" for x in ["y", *names]),
        "pointers": " ".join(f"const {t} *from_{x} = (const {t} *){x};" for x in names),
        "next_item": step.format(v="v", **{x: f"from_{x}[i]" for x in names}),
        "first_line": first.format(**{x: f"((const {t} *){x})[k]" for x in names}),
        "line": step.format(v="v[j]", **lines),
    }  # fmt: skip
    for k in range(4):
        place = at(f" + {k} * l{{x}}")
        words |= {f"first_{k}": first.format(**place), f"next_{k}": step.format(v=f"v{k}", **place)}
    return IVDEP + WALK + _ROWS % words + ENTRY + _ENTRY % words
