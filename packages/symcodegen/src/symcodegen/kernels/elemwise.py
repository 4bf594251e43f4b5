"""C text of elementwise kernels: one fused loop for any number of inputs and outputs.

The loop itself is written once, over contiguous arrays and scalars, so that the compiler vectorises it once. Operands
with other strides are packed into small buffers, block by block, and results unpacked; so strided and broadcast
operands cost a copy through the first-level cache instead of a second, scalar loop.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from symcodegen.cnames import c_type
from symcodegen.expr import expression, functions_in
from symcodegen.kernels.near import near_functions, near_loop
from symcore.tensor.elemwise import Composite

#: Elements per block of the packed path: small enough that all buffers stay in the first-level cache.
BLOCK = 256
MAX_LOOPS = 64

#: Copies between strided memory and blocks, by size of the element. They are shared by all kernels of a translation
#: unit and not inlined, and so is the loop: each would otherwise be compiled again wherever it is called.
PACKING = """
#ifndef SYM_PACKING
#define SYM_PACKING
#define SYM_NOINLINE static __attribute__((noinline, unused))
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
    needed = tuple(sorted(functions_in(work) | near_functions(work)))
    if all(scalars) and ndim == 0:
        return _single([c_type(d) for d in (*out_dtypes, *in_dtypes)], n_out, lines, results), needed
    types = [c_type(d) for d in (*out_dtypes, *in_dtypes)]
    moving = [*range(n_out), *(n_out + k for k, s in enumerate(scalars) if not s)]
    parts = [IVDEP, PACKING, loop_function(types, n_out, scalars, lines, results)]
    parts.append(_entry(types, [d.itemsize for d in (*out_dtypes, *in_dtypes)], n_out, scalars, moving))
    text = "".join(parts)
    return text, needed


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
    types: Sequence[str], n_out: int, scalars: Sequence[bool], lines: Sequence[str], results: Sequence[str]
) -> str:
    """Return the text of ``SYM_KERNEL_loop(n, outputs, inputs)``: the work on ``n`` elements, one after another.

    ``types``: C types of outputs and inputs; ``scalars``: inputs that are handed over by value.
    """
    # Outputs may be the memory of an input (in place): no `restrict`, but no dependence between two elements either.
    parameters = ["i64 n"] + [f"{types[k]} *y{k}" for k in range(n_out)]
    loads = []
    for k, scalar in enumerate(scalars):
        ctype = types[n_out + k]
        parameters.append(f"const {ctype} x{k}" if scalar else f"const {ctype} *v{k}")
        if not scalar:
            loads.append(f"{ctype} x{k} = v{k}[i];")
    values = [f"{types[k]} r{k} = {text};" for k, text in enumerate(results)]
    stores = [f"y{k}[i] = r{k};" for k in range(n_out)]
    head = f"SYM_NOINLINE void SYM_KERNEL_loop({', '.join(parameters)}) {{\n"
    if near_functions(" ".join([*lines, *results])):
        return head + near_loop(loads, lines, values, stores) + "}\n"
    body = "\n        ".join([*loads, *lines, *values, *stores])
    return f"{head}    SYM_IVDEP\n    for (i64 i = 0; i < n; i++) {{\n        {body}\n    }}\n}}\n"


def _entry(
    types: Sequence[str], sizes: Sequence[int], n_out: int, scalars: Sequence[bool], moving: Sequence[int]
) -> str:
    scalar_loads = "".join(
        f"    const {types[n_out + k]} c{k} = *(const {types[n_out + k]} *)p[{n_out + k}];\n"
        for k, s in enumerate(scalars)
        if s
    )
    inner = " && ".join([f"s{k} == (i64)sizeof({types[k]})" for k in moving])

    def call(count: str, pointers: dict[int, str]) -> str:
        arguments = [count] + [pointers[k] for k in range(n_out)]
        arguments += [f"c{k}" if s else pointers[n_out + k] for k, s in enumerate(scalars)]
        return f"SYM_KERNEL_loop({', '.join(arguments)});"

    straight = call("n", {k: f"({'const ' if k >= n_out else ''}{types[k]} *)q{k}" for k in moving})
    buffers = "".join(f"            {types[k]} b{k}[{BLOCK}] __attribute__((aligned(64)));\n" for k in moving)
    packs = "".join(
        f"                const {types[k]} *a{k} = (const {types[k]} *)(q{k} + i * s{k});\n"
        f"                if (s{k} != (i64)sizeof({types[k]})) {{ sym_pack_{sizes[k]}(b{k}, q{k} + i * s{k}, m, s{k}); "
        f"a{k} = b{k}; }}\n"
        for k in moving
        if k >= n_out
    )
    outs = "".join(
        f"                {types[k]} *a{k} = "
        f"s{k} != (i64)sizeof({types[k]}) ? b{k} : ({types[k]} *)(q{k} + i * s{k});\n"
        for k in range(n_out)
    )
    unpacks = "".join(
        f"                if (s{k} != (i64)sizeof({types[k]})) sym_unpack_{sizes[k]}(q{k} + i * s{k}, b{k}, m, s{k});\n"
        for k in range(n_out)
    )
    blocked = call("m", {k: f"a{k}" for k in moving})
    strides = "".join(f"    const i64 s{k} = L ? s[{k} * L + L - 1] : (i64)sizeof({types[k]});\n" for k in moving)
    starts = "".join(f"    char *q{k} = p[{k}];\n" for k in moving)
    steps = " ".join(f"q{k} += s[{k} * L + j];" for k in moving)
    backs = " ".join(f"q{k} -= s[{k} * L + j] * d[1 + j];" for k in moving)
    return f"""
int SYM_KERNEL(char *const *restrict p, const i64 *restrict d, const i64 *restrict s, const sym_ctx *ctx) {{
    const i64 L = d[0], n = L ? d[L] : 1;
{scalar_loads}{strides}{starts}    i64 at[{MAX_LOOPS}];
    (void)ctx;
    for (i64 j = 0; j < L; j++) {{
        if (d[1 + j] == 0) return 0;
        at[j] = 0;
    }}
    for (;;) {{
        if ({inner}) {{
            {straight}
        }} else {{
{buffers}            for (i64 i = 0; i < n; i += {BLOCK}) {{
                const i64 m = n - i < {BLOCK} ? n - i : {BLOCK};
{packs}{outs}                {blocked}
{unpacks}            }}
        }}
        i64 j = L - 2;
        for (; j >= 0; j--) {{
            {steps}
            if (++at[j] < d[1 + j]) break;
            at[j] = 0;
            {backs}
        }}
        if (j < 0) return 0;
    }}
}}
"""
