"""What a C program sees of an exported function: header, functions, the example, the page on building."""

from typing import Any

import numpy as np

from symcodegen.export.operands import Operand
from symcodegen.export.tables import words


def _inputs(e: Any) -> list[str]:
    declared = []
    for v in e.inputs:
        declared.append(f"const {v.c} *{v.name}")
        if v.shape:
            declared.append(f"const long long {v.name}_shape[{len(v.shape)}]")
    return declared


def _signatures(e: Any) -> dict[str, str]:
    """Return the declarations of all public functions by their last name."""
    p, state = e.prefix, f"{e.prefix}_state *state"
    lengths = [f"long long {v.name}_shape[{len(v.shape)}]" for v in e.outputs if v.shape]
    found = {"new": f"{p}_state *{p}_new(void)", "free": f"void {p}_free({state})"}
    if e.shapes_first:
        found["shapes"] = f"int {p}_shapes({', '.join([state, *_inputs(e), *lengths])})"
        results = [f"{v.c} *{v.name}" for v in e.outputs]
        found["call"] = f"int {p}_call({', '.join([state, *_inputs(e), *results])})"
    found["run"] = f"int {p}_run({', '.join([state, *_inputs(e)])})"
    for v in e.outputs:
        read = [f"const {state}", *([f"long long shape[{len(v.shape)}]"] if v.shape else [])]
        found[f"result_{v.name}"] = f"const {v.c} *{p}_result_{v.name}({', '.join(read)})"
    found["message"] = f"const char *{p}_message(const {state})"
    for v in e.states:
        ndim = len(v.shape)
        read = [state, *([f"long long shape[{ndim}]"] if ndim else [])]
        found[f"get_{v.name}"] = f"const {v.c} *{p}_get_{v.name}({', '.join(read)})"
        write = [state, f"const {v.c} *value", *([f"const long long shape[{ndim}]"] if ndim else [])]
        found[f"set_{v.name}"] = f"int {p}_set_{v.name}({', '.join(write)})"
    if e.states:
        found["load"] = f"int {p}_load({state}, const char *path)"
        found["save"] = f"int {p}_save({state}, const char *path)"
    if e.products:
        found["set_blas"] = f"int {p}_set_blas(const char *name, void (*routine)(void))"
    return found


_SAID = {
    "new": "A state of its own: the shared variables with the values they had. NULL: no memory.",
    "free": "Ends a state.",
    "shapes": "Shapes of the results for these shapes of the inputs. 0, or a kind of failure.",
    "call": "Computes. Results go where the last pointers lead, without gaps; they must not overlap the inputs. 0, or\n"
    " * a kind of failure: 1 value, 2 shape, 3 index, 4 memory. A call that fails changes no shared variable.",
    "run": "Computes, like call where there is one; results stay in the state, until its next run or its end. 0, or a\n"
    " * kind of failure.",
    "message": "What went wrong last.",
    "load": "Reads the values of all shared variables from a file. 0, or a kind of failure.",
    "save": "Writes them.",
    "set_blas": "Takes a BLAS function (Fortran's convention, 32-bit integers) by its name, such as \"sgemm\". For\n"
    " * all states. 0, or -1 if it has no use for it.",
}


def header(e: Any) -> str:
    """Return the header."""
    guard = f"{e.prefix.upper()}_H"
    lines = [
        f"/* {e.prefix}: a function written by symstack. Arrays lie in C order without gaps; inputs are pointers with",
        " * their shapes. One state serves one call at a time; different states are independent. */",
        f"#ifndef {guard}\n#define {guard}\n\n#include <stdint.h>\n",
        '#ifdef __cplusplus\nextern "C" {\n#endif\n',
        f"typedef struct {e.prefix}_state {e.prefix}_state;\n",
    ]
    for what, operands in (("inputs", e.inputs), ("results", e.outputs), ("shared variables", e.states)):
        if operands:
            listed = "\n".join(f" *   {v.name}: {v.dtype} {v.axes}" for v in operands)
            lines.append(f"/* {what}\n{listed} */")
    for name, declared in _signatures(e).items():
        if name.startswith("get_"):
            lines.append("/* The present value of a shared variable (until the next call), and a new one. */")
        if name.startswith("result_"):
            lines.append("/* A result of the last run, and its shape. */")
        said = _SAID.get(name)
        lines.append((f"/* {said} */\n" if said else "") + f"{declared};\n")
    return "\n".join([*lines, "#ifdef __cplusplus\n}\n#endif\n\n#endif\n"])


def api(e: Any, chooses: bool, products: bool) -> str:
    """Return the definitions of the public functions."""
    s = _signatures(e)
    listed = ", ".join(v.name for v in e.inputs) or "NULL"
    shapes = ", ".join(f"{v.name}_shape" if v.shape else "NULL" for v in e.inputs) or "NULL"
    lengths = ", ".join(f"{v.name}_shape" if v.shape else "NULL" for v in e.outputs) or "NULL"
    results = ", ".join(v.name for v in e.outputs) or "NULL"
    given = (
        f"    const void *const sym_inputs[] = {{{listed}}};\n"
        f"    const i64 *const sym_lengths_of[] = {{{shapes}}};\n"
    )
    start = "    choose_combining(NULL);\n" if e.combines else ""
    start += "    choose_products(NULL);\n" if chooses else ""
    parts = [
        f"\n{s['new']} {{\n{start}    return sym_new();\n}}\n",
        f"\n{s['free']} {{\n    sym_free(state);\n}}\n",
        f"\n{s['run']} {{\n{given}    return sym_call(state, sym_inputs, sym_lengths_of, NULL);\n}}\n",
        f"\n{s['message']} {{\n    return state->message;\n}}\n",
    ]
    if e.shapes_first:
        parts += [
            f"\n{s['shapes']} {{\n{given}    i64 *const sym_lengths[] = {{{lengths}}};\n"
            "    return sym_shapes(state, sym_inputs, sym_lengths_of, sym_lengths);\n}\n",
            f"\n{s['call']} {{\n{given}    void *const sym_outputs[] = {{{results}}};\n"
            "    return sym_call(state, sym_inputs, sym_lengths_of, sym_outputs);\n}\n",
        ]
    for k, v in enumerate(e.outputs):
        shape = "shape" if v.shape else "NULL"
        parts.append(f"\n{s[f'result_{v.name}']} {{\n    return sym_result(state, {k}, {shape});\n}}\n")
    for k, v in enumerate(e.states):
        shape = "shape" if v.shape else "NULL"
        parts.append(f"\n{s[f'get_{v.name}']} {{\n    return sym_value(state, {k}, {shape});\n}}\n")
        parts.append(f"\n{s[f'set_{v.name}']} {{\n    return sym_set(state, {k}, value, {shape});\n}}\n")
    if e.states:
        parts.append(f"\n{s['load']} {{\n    return sym_file(state, path, 0);\n}}\n")
        parts.append(f"\n{s['save']} {{\n    return sym_file(state, path, 1);\n}}\n")
    if products:
        parts.append(f"\n{s['set_blas']} {{\n    return sym_set_blas(name, routine);\n}}\n")
    return "".join(parts)


#: Flags under which kernels round and run as in the process that wrote them.
NATIVE = ("-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off")
_GROUPS = {"s": "float", "d": "double"}


def blas(types: str, functions: tuple[str, ...], loops: str) -> str:
    """Return the table of BLAS functions: of a library, or loops; complex products need a library.

    ``types`` are the letters that BLAS has for the types of elements of products in the program.
    """
    if not types:
        return "sym_blas blas_pointers;\n"
    functions = tuple(n for n in functions if n[0] in types)
    real = [n for n in functions if n[0] in _GROUPS]
    declared = "".join(f"void {n}_();\n" for n in functions)
    library = ", ".join(f".{n} = (void *){n}_" for n in functions)
    own = "".join(
        f"#define T {t}\n#define GEMM sym_{c}gemm\n#define GEMV sym_{c}gemv\n#define GER sym_{c}ger\n{loops}"
        for c, t in _GROUPS.items()
        if c in types
    )
    ours = ", ".join(f".{n} = sym_{n}" for n in real) or "0"
    rows = "".join(f'    {{"{n}", offsetof(sym_blas, {n})}},\n' for n in functions)
    return (
        f"#ifdef SYM_BLAS\n{declared}sym_blas blas_pointers = {{{library}}};\n#else\n{own}"
        f"sym_blas blas_pointers = {{{ours}}};\n#endif\n\n"
        f"static const struct {{\n    const char *name;\n    size_t at;\n}} SYM_BLAS_NAMES[] = {{\n{rows}}};\n\n"
        "static int sym_set_blas(const char *name, void (*routine)(void)) {\n"
        "    for (size_t i = 0; i < sizeof SYM_BLAS_NAMES / sizeof *SYM_BLAS_NAMES; i++)\n"
        "        if (!strcmp(name, SYM_BLAS_NAMES[i].name)) {\n"
        "            memcpy((char *)&blas_pointers + SYM_BLAS_NAMES[i].at, &routine, sizeof routine);\n"
        "            return 0;\n        }\n    return -1;\n}\n\n"
    )


# --------------------------------------------------------------------------------------- the example


def main_c(e: Any) -> str:
    """Return the example: one call, whose results are printed."""
    p = e.prefix
    parts = [f'/* An example of {p}. */\n#include "{p}.h"\n\n#include <stdio.h>\n#include <stdlib.h>\n\n']
    arguments = []
    for k, v in enumerate(e.inputs):
        shape = [3 if n is None else n for n in v.shape]
        value = np.zeros(shape, v.dtype) if e.example is None else e.example[k]
        parts.append(words(f"data_{v.name}", value))
        arguments.append(f"(const {v.c} *)data_{v.name}")
        if v.shape:
            lengths = ", ".join(map(str, value.shape))
            parts.append(f"static const long long shape_{v.name}[] = {{{lengths}}};\n")
            arguments.append(f"shape_{v.name}")
    parts.append(f"int main(void) {{\n    {p}_state *state = {p}_new();\n    if (!state) return 1;\n")
    if e.in_file:
        parts.append(f'    if ({p}_load(state, "{p}.bin")) return 1;\n')
    shaped = [v for v in e.outputs if v.shape]
    parts += [f"    long long shape_{v.name}[{len(v.shape)}];\n" for v in shaped]
    parts += _called(e, arguments) if e.shapes_first else _run(e, arguments)
    for v in e.outputs:
        parts.append(f'    printf("{v.name} (%zu):", n_{v.name});\n')
        parts.append(f"    for (size_t i = 0; i < n_{v.name} && i < 8; i++) printf(\" %.17g\", {_number(v)});\n")
        parts.append('    printf("\\n");\n' + (f"    free({v.name});\n" if e.shapes_first else ""))
    return "".join([*parts, f"    {p}_free(state);\n    return 0;\n}}\n"])


def _told(e: Any) -> str:
    told = f'fprintf(stderr, "%s\\n", {e.prefix}_message(state));'
    return f"    if (failed) {{\n        {told}\n        return failed;\n    }}\n"


def _count(v: Operand) -> str:
    return " * ".join(f"(size_t)shape_{v.name}[{a}]" for a in range(len(v.shape))) or "(size_t)1"


def _called(e: Any, arguments: list[str]) -> list[str]:
    """Return the call with results in memory of the caller, whose size is asked for first."""
    asked = ", ".join(["state", *arguments, *(f"shape_{v.name}" for v in e.outputs if v.shape)])
    parts = [f"    int failed = {e.prefix}_shapes({asked});\n"]
    for v in e.outputs:
        parts.append(f"    const size_t n_{v.name} = failed ? 0 : {_count(v)};\n")
        parts.append(f"    {v.c} *{v.name} = malloc((n_{v.name} + 1) * sizeof *{v.name});\n")
    given = ", ".join(["state", *arguments, *(v.name for v in e.outputs)])
    return [*parts, f"    if (!failed) failed = {e.prefix}_call({given});\n", _told(e)]


def _run(e: Any, arguments: list[str]) -> list[str]:
    """Return the call with results in memory of the state."""
    parts = [f"    const int failed = {e.prefix}_run({', '.join(['state', *arguments])});\n", _told(e)]
    for v in e.outputs:
        shape = f", shape_{v.name}" if v.shape else ""
        parts.append(f"    const {v.c} *{v.name} = {e.prefix}_result_{v.name}(state{shape});\n")
        parts.append(f"    const size_t n_{v.name} = {_count(v)};\n")
    return parts


def _number(v: Operand) -> str:
    return f"(double)((const {v.c.removesuffix(' _Complex')} *){v.name})[{'2 * ' if 'Complex' in v.c else ''}i]"


def readme(e: Any, exported: Any, types: str) -> str:
    """Return the page on building."""
    extra = " ".join((*exported.flags, *exported.libraries))
    sources = f"main.c {e.prefix}*.c runtime/*.c"
    lines = [
        f"# {e.prefix}\n",
        f"`{e.prefix}.h` declares the function, `main.c` calls it. All they need is a C11 compiler (gcc, clang):\n",
        f"    cc -std=c11 -O2 {sources} -o example {extra} -lm\n",
        "As fast as in the process that wrote it, on the machine that it is built for:\n",
        f"    cc -std=c11 {' '.join(NATIVE)} {sources} -o example {extra} -lm\n",
    ]
    if "s" in types or "d" in types:
        lines.append(
            "Products of matrices have kernels for the processor that the flags promise; without such flags, on\n"
            "x86-64, for those with AVX2. `-DSYM_ALL_PROCESSORS` builds those for all processors, and the best are\n"
            "taken when the program starts. Very large products, and processors without kernels, have plain loops.\n"
        )
    if types:
        lines.append(
            "A BLAS library (32-bit integers) stands in for the loops:\n\n"
            f"    cc -std=c11 -O2 -DSYM_BLAS {sources} -o example {extra} -lopenblas -lm\n\n"
            f"`{e.prefix}_set_blas` takes functions at run time. Complex products need one or the other.\n"
        )
    if e.in_file:
        call = f'`{e.prefix}_load(state, "{e.prefix}.bin")`'
        lines.append(f"Values of the shared variables are in `{e.prefix}.bin`: {call}.\n")
    return "\n".join(lines)
