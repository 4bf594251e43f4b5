"""C text of elementwise kernels: one fused loop for any number of inputs and outputs.

The loop itself is written once, over contiguous arrays and scalars, so that the compiler vectorises it once. Operands
with other strides are packed into small buffers, block by block, and results unpacked; so strided and broadcast
operands cost a copy through the first-level cache instead of a second, scalar loop.

The compiler's time is what a cold start consists of, and nearly all of it goes into generating code. So a kernel has
only its loop and a test for the commonest case; everything else is a function of the machine, ``ctx->loops->strided``.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from symcodegen.cnames import c_type
from symcodegen.expr import expression, functions_in
from symcodegen.kernels.usual import usual_functions, usual_loop
from symcore.tensor.elemwise import Composite

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
    return "".join([IVDEP, loop, _entry(sizes, n_out)]), needed


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
    table = [f"{{{size}, {int(k < n_out)}}}" for k, size in enumerate(sizes)]
    straight = " && ".join(f"s[{k}] == {size}" for k, size in enumerate(sizes) if size)
    return f"""
int SYM_KERNEL(char *const *restrict p, const i64 *restrict d, const i64 *restrict s, const sym_ctx *ctx) {{
    static const sym_operand operand[] = {{{", ".join(table)}}};
    if (d[0] == 0 || (d[0] == 1 && {straight})) {{
        SYM_KERNEL_loop(d[0] ? d[1] : 1, p);
        return 0;
    }}
    return ctx->loops->strided(p, d, s, operand, {len(sizes)}, {sum(sizes)}, SYM_KERNEL_loop);
}}
"""
