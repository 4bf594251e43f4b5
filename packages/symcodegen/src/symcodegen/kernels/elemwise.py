"""C text of elementwise kernels: one fused loop for any number of inputs and outputs.

The loop itself is written once, over contiguous arrays and scalars, so that the compiler vectorises it once. Operands
with other strides are packed into small buffers, block by block, and results unpacked; so strided and broadcast
operands cost a copy through the first-level cache instead of a second, scalar loop.

The compiler's time is what a cold start consists of, and nearly all of it goes into generating code. So a kernel has
only its loop and a test for the commonest case; everything else is one function for all kernels of a translation unit.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from symcodegen.cnames import c_type
from symcodegen.expr import expression, functions_in
from symcodegen.kernels.usual import usual_functions, usual_loop
from symcore.tensor.elemwise import Composite

#: Elements per block of the packed path: the buffers of a few operands stay in the first-level cache.
BLOCK = 512
MAX_LOOPS = 64

#: Copies between strided memory and blocks, by size of the element. They are shared by all kernels of a translation
#: unit and not inlined, and so is the loop: each would otherwise be compiled again wherever it is called. What runs
#: once a call or once a block is `cold`: optimised for size, which takes half as long.
PACKING = """
#ifndef SYM_PACKING
#define SYM_PACKING
#define SYM_NOINLINE static __attribute__((noinline, unused))
#define SYM_HOT static __attribute__((noinline, unused, hot))
#define SYM_ONCE_A_CALL static __attribute__((noinline, unused, cold))
typedef unsigned long long sym_sixteen __attribute__((vector_size(16), aligned(8)));
#define SYM_PACK(BYTES, T) \\
    typedef T __attribute__((may_alias)) sym_word_##BYTES; \\
    SYM_NOINLINE void sym_pack_##BYTES(void *b, const char *x, i64 n, i64 s) { \\
        const sym_word_##BYTES w = *(const sym_word_##BYTES *)x; \\
        if (!s) { for (i64 i = 0; i < n; i++) ((sym_word_##BYTES *)b)[i] = w; return; } \\
        sym_word_##BYTES *to = b; \\
        for (i64 i = 0; i < n; i++) { to[i] = *(const sym_word_##BYTES *)(x + i * s); __asm__ volatile(""); } \\
    } \\
    SYM_NOINLINE void sym_unpack_##BYTES(char *y, const void *b, i64 n, i64 s) { \\
        const sym_word_##BYTES *from = b; \\
        for (i64 i = 0; i < n; i++) { *(sym_word_##BYTES *)(y + i * s) = from[i]; __asm__ volatile(""); } \\
    }
SYM_PACK(1, unsigned char)
SYM_PACK(2, unsigned short)
SYM_PACK(4, unsigned int)
SYM_PACK(8, unsigned long long)
SYM_PACK(16, sym_sixteen)
#endif
"""
#: The nest of loops around a kernel's innermost one, the same for all kernels: a translation unit has it once. A kernel
#: describes its operands by a table; ``size`` 0 is an operand that is read once, where it begins.
NEST = """
#ifndef SYM_STRIDED
#define SYM_STRIDED
enum { SYM_BLOCK = @BLOCK@, SYM_LOOPS = @LOOPS@ };
typedef struct {
    i64 size;
    void (*pack)(void *b, const char *x, i64 n, i64 s);
    void (*unpack)(char *y, const void *b, i64 n, i64 s);
} sym_operand;
#define SYM_OUT(BYTES) {BYTES, 0, sym_unpack_##BYTES}
#define SYM_IN(BYTES) {BYTES, sym_pack_##BYTES, 0}
#define SYM_ONCE {0, 0, 0}
SYM_NOINLINE int sym_strided(
    char *const *p, const i64 *d, const i64 *s, const sym_operand *operand, int operands, i64 bytes,
    void (*loop)(i64 n, char *const *q)
) {
    const i64 L = d[0], n = d[L];
    i64 at[SYM_LOOPS];
    i64 step[operands], row[operands];
    char *q[operands], *a[operands];
    int straight = 1;
    for (i64 j = 0; j < L; j++) {
        if (d[1 + j] == 0) return 0;
        at[j] = 0;
        __asm__ volatile("");
    }
    for (int k = 0; k < operands; k++) {
        q[k] = a[k] = p[k];
        row[k] = L > 1 ? s[k * L + L - 2] : 0;
        step[k] = operand[k].size ? s[k * L + L - 1] : 0;
        if (operand[k].size != step[k]) straight = 0;
        __asm__ volatile("");
    }
    char room[straight ? 1 : bytes * SYM_BLOCK + 64];
    char *const blocks = (char *)(((unsigned long long)room + 63) & ~63ULL);
    for (;;) {
        if (straight) {
            const i64 rows = L > 1 ? d[L - 1] : 1;
            for (i64 r = rows; ; ) {
                loop(n, q);
                if (--r == 0) break;
                for (int k = 0; k < operands; k++) { q[k] += row[k]; __asm__ volatile(""); }
            }
            if (rows > 1) for (int k = 0; k < operands; k++) { q[k] -= (rows - 1) * row[k]; __asm__ volatile(""); }
        } else for (i64 i = 0; i < n; i += SYM_BLOCK) {
            const i64 m = n - i < SYM_BLOCK ? n - i : SYM_BLOCK;
            char *b = blocks;
            for (int k = 0; k < operands; k++) {
                const sym_operand *o = operand + k;
                a[k] = q[k] + i * step[k];
                if (o->size == step[k]) continue;
                if (o->pack) o->pack(b, a[k], m, step[k]);
                a[k] = b;
                b += SYM_BLOCK * o->size;
            }
            loop(m, a);
            for (int k = 0; k < operands && operand[k].unpack; k++) {
                if (operand[k].size != step[k]) operand[k].unpack(q[k] + i * step[k], a[k], m, step[k]);
            }
        }
        i64 j = L - 2 - straight;
        for (; j >= 0; j--) {
            const i64 back = at[j] + 1 == d[1 + j] ? at[j] : -1;
            for (int k = 0; k < operands; k++) { q[k] -= s[k * L + j] * back; __asm__ volatile(""); }
            if (back < 0) { at[j]++; break; }
            at[j] = 0;
        }
        if (j < 0) return 0;
    }
}
#endif
""".replace("@BLOCK@", str(BLOCK)).replace("@LOOPS@", str(MAX_LOOPS))
IVDEP = """
#ifndef SYM_IVDEP
#ifdef __clang__
#define SYM_IVDEP _Pragma("clang loop vectorize(assume_safety)")
#else
#define SYM_IVDEP _Pragma("GCC ivdep")
#endif
#endif
"""


def loop_body(
    fn: Any, inputs: Sequence[tuple[str, np.dtype[Any]]], out_dtypes: Sequence[np.dtype[Any]]
) -> tuple[list[str], list[str]]:
    """Return statements that compute ``fn`` from C names, and the expressions of its results. Raises ``NoC``."""
    if not isinstance(fn, Composite):
        text, _ = expression(fn, inputs)
        return [], [text]
    values = list(inputs)
    lines = []
    for number, (step, arguments, _) in enumerate(fn.steps):
        text, dtype = expression(step, [values[a] for a in arguments])
        lines.append(f"{c_type(dtype)} t{number} = {text};")
        values.append((f"t{number}", dtype))
    return lines, [values[r][0] for r in fn.results]


def elemwise_kernel(
    fn: Any, in_dtypes: Sequence[np.dtype[Any]], out_dtypes: Sequence[np.dtype[Any]], scalars: Sequence[bool], ndim: int
) -> tuple[str, tuple[str, ...]]:
    """Return the C text of a ``collapsed`` kernel and the functions it needs.

    ``scalars[k]``: input ``k`` has the same value for all elements, and is read once. ``ndim``: rank of the outputs.
    Raises ``NoC``.
    """
    names = [(f"x{k}", d) for k, d in enumerate(in_dtypes)]
    lines, results = loop_body(fn, names, out_dtypes)
    n_out = len(out_dtypes)
    work = " ".join([*lines, *results])
    needed = tuple(sorted(functions_in(work) | usual_functions(work)))
    if all(scalars) and ndim == 0:
        return _single([c_type(d) for d in (*out_dtypes, *in_dtypes)], n_out, lines, results), needed
    types = [c_type(d) for d in (*out_dtypes, *in_dtypes)]
    sizes = [d.itemsize for d in out_dtypes]
    sizes += [0 if scalar else d.itemsize for scalar, d in zip(scalars, in_dtypes, strict=True)]
    loop = loop_function(types, n_out, scalars, lines, results, table=True)
    return "".join([IVDEP, PACKING, NEST, loop, _entry(sizes, n_out)]), needed


def _single(types: Sequence[str], n_out: int, lines: Sequence[str], results: Sequence[str]) -> str:
    """Return the text for scalars: no loop, a quarter of the time to compile."""
    loads = [f"const {t} x{k} = *(const {t} *)p[{n_out + k}];" for k, t in enumerate(types[n_out:])]
    stores = [f"const {types[k]} r{k} = {text};" for k, text in enumerate(results)]
    stores += [f"*({types[k]} *)p[{k}] = r{k};" for k in range(n_out)]
    body = "\n    ".join(["(void)d; (void)s; (void)ctx;", *loads, *lines, *stores, "return 0;"])
    return (
        "int SYM_KERNEL(char *const *restrict p, const i64 *restrict d, const i64 *restrict s, const sym_ctx *ctx) {\n"
        f"    {body}\n}}\n"
    )


def loop_function(
    types: Sequence[str], n_out: int, scalars: Sequence[bool], lines: Sequence[str], results: Sequence[str], table: bool
) -> str:
    """Return the text of ``SYM_KERNEL_loop``: the work on ``n`` elements, one after another.

    Its parameters are ``n`` and, with ``table``, ``q``: operand ``k`` begins at ``q[k]``; else a pointer per operand,
    or its value where it is scalar. ``types``: C types of outputs and inputs; ``scalars``: inputs that are read once.
    """
    # Outputs may be the memory of an input (in place): no `restrict`, but no dependence between two elements either.
    operands = [(f"{t} *", f"y{k}") for k, t in enumerate(types[:n_out])]
    loads = []
    for k, (t, scalar) in enumerate(zip(types[n_out:], scalars, strict=True)):
        operands.append((f"const {t} ", f"x{k}") if scalar else (f"const {t} *", f"v{k}"))
        loads += [] if scalar else [f"{t} x{k} = v{k}[i];"]
    work = [*lines, *(f"{types[k]} r{k} = {text};" for k, text in enumerate(results))]
    if table:
        head = "SYM_NOINLINE void SYM_KERNEL_loop(i64 n, char *const *q) {\n    "
        for k, (t, name) in enumerate(operands):
            head += f"{t}{name} = " + (f"({t})q[{k}];\n    " if "*" in t else f"*({t}*)q[{k}];\n    ")
    else:
        parameters = ", ".join(["i64 n", *(t + name for t, name in operands)])
        head = f"SYM_NOINLINE void SYM_KERNEL_loop({parameters}) {{\n    "
    if usual_functions(" ".join(work)):
        read = [name for _, name in operands if name.startswith("v")]
        return head + usual_loop(loads, work, types[:n_out], read, "SYM_IVDEP") + "}\n"
    body = "\n        ".join([*loads, *work, *(f"y{k}[i] = r{k};" for k in range(n_out))])
    return f"{head}SYM_IVDEP\n    for (i64 i = 0; i < n; i++) {{\n        {body}\n    }}\n}}\n"


def _entry(sizes: Sequence[int], n_out: int) -> str:
    """Return the text of a kernel around its loop. ``sizes``: bytes of an element per operand, 0 if it is read once."""
    table = [f"SYM_OUT({size})" for size in sizes[:n_out]]
    table += [f"SYM_IN({size})" if size else "SYM_ONCE" for size in sizes[n_out:]]
    straight = " && ".join(f"s[{k}] == {size}" for k, size in enumerate(sizes) if size)
    return f"""
int SYM_KERNEL(char *const *restrict p, const i64 *restrict d, const i64 *restrict s, const sym_ctx *ctx) {{
    static const sym_operand operand[] = {{{", ".join(table)}}};
    (void)ctx;
    if (d[0] == 0 || (d[0] == 1 && {straight})) {{
        SYM_KERNEL_loop(d[0] ? d[1] : 1, p);
        return 0;
    }}
    return sym_strided(p, d, s, operand, {len(sizes)}, {sum(sizes)}, SYM_KERNEL_loop);
}}
"""
