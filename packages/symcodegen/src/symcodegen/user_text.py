"""The text of a user's C as a kernel: views of the operands around what the user wrote, with its own line numbers."""

import functools
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from symcodegen.cnames import C_TYPES
from symcodegen.kernels.text import abi

#: dtype name -> C type of an element. float16 is given as its bits.
ELEMENTS = {**C_TYPES, "complex64": "float _Complex", "complex128": "double _Complex", "float16": "unsigned short"}
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
_WORDS = """
    auto break case char const continue default do double else enum extern float for goto if inline int long register
    restrict return short signed sizeof static struct switch typedef union unsigned void volatile while
    ctx scratch i64 p d s sym_array sym_ctx linux unix i386
"""
_RESERVED = frozenset(_WORDS.split())


def check_name(name: Any, what: str) -> str:
    """Return a name that may stand in C. Raises ``ValueError`` for any other."""
    if not isinstance(name, str) or not _IDENTIFIER.fullmatch(name) or name in _RESERVED or name.startswith("SYM_"):
        raise ValueError(
            f"{what} {name!r} cannot be a name in C. Use letters, digits and _, no word of the language, none of "
            "ctx, scratch, i64, p, d, s, and nothing that begins with SYM_."
        )
    return name


@functools.cache
def prelude() -> str:
    """Return the ABI and what the user's C sees besides, without comments."""
    text = (Path(__file__).parent / "runtime" / "symuser.h").read_text(encoding="utf-8")
    return abi() + "\n".join(line for line in _COMMENT.sub("", text).splitlines() if line.strip()) + "\n"


def constant(name: str, value: Any) -> str:
    """Return the C definition of a parameter. Raises ``TypeError`` for what C cannot hold."""
    if isinstance(value, (tuple, list)) and value and all(isinstance(v, (int, np.integer)) for v in value):
        return f"static const i64 SYM_UNUSED {name}[] = {{{', '.join(_integer(v) for v in value)}}};\n"
    if isinstance(value, str):
        return f"static const char SYM_UNUSED {name}[] = {quoted(value)};\n"
    if isinstance(value, (bool, int, np.bool_, np.integer)):
        return f"static const i64 SYM_UNUSED {name} = {_integer(value)};\n"
    if isinstance(value, (float, np.floating)):
        return f"static const double SYM_UNUSED {name} = {_real(float(value))};\n"
    raise TypeError(
        f"parameter {name} is {value!r}; C can be given bools, ints, floats, strings and tuples of ints. Name the "
        "parameters for C in c_params."
    )


def _integer(value: Any) -> str:
    number = int(value)
    if not -(2**63) <= number < 2**63:
        raise ValueError(f"the integer {number} does not fit in 64 bits.")
    return f"{number}LL" if number > -(2**63) else "(-9223372036854775807LL - 1)"


def _real(value: float) -> str:
    if math.isnan(value):
        return '__builtin_nan("")'
    return value.hex() if math.isfinite(value) else ("-" if value < 0 else "") + "__builtin_inf()"


def quoted(text: str) -> str:
    """Return a C string with every byte that is not plain written in octal."""
    plain = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _-.,:/")
    return '"' + "".join(chr(b) if b in plain else f"\\{b:03o}" for b in text.encode()) + '"'


def marked(text: str, where: str) -> str:
    """Return a user's text so that the compiler counts its lines from 1, in ``where``."""
    file = re.sub(r'[^ -~]|["\\?]', "_", where)
    return f'#line 1 "{file}"\n{text}\n#line 1 "around {file}"\n' if text else ""


class UserKernel:
    """Writes the text of one kernel; ``op`` is the user's Op and gives its texts, ``types`` are those of the operands.

    ``names`` and ``types`` list the outputs, then the inputs.
    """

    def __init__(self, op: Any, names: Sequence[str], types: Sequence[Any], n_outputs: int):
        self.op, self.names, self.types, self.n_outputs = op, list(names), list(types), n_outputs

    def text(self) -> str:
        """Return the whole text."""
        op, where = self.op, f"C of {self.op.title}"
        parts = [*(f"#include {_header(h)}\n" for h in op.headers), prelude(), op.define_constants()]
        for k, (n, t) in enumerate(zip(self.names, self.types, strict=True)):
            # An input may be an array of the user, or be read by others later.
            const = "" if k < self.n_outputs else "const "
            parts.append(f"typedef {ELEMENTS[t.dtype.name]} dtype_{n};\ntypedef {const}dtype_{n} sym_element_{n};\n")
            parts.append(f"enum {{ sym_axes_{n} = {t.ndim} }};\n")
        parts += [marked(op.support_code, f"{where}, support code")]
        body = op.code
        if op.c_function:
            parts.append(marked(op.code, op.file or where))
            body = f"return {op.c_function}({', '.join([*self.names, *op.arguments, 'scratch', 'ctx'])});"
        parts.append(self._user_function(body if op.c_function else marked(body, op.file or where)))
        return "".join([*parts, self._entry()])

    def _user_function(self, body: str) -> str:
        operands = [f"const sym_array *const {n}" for n in self.names]
        arguments = [f"const {t} {n}" for n, t in self.op.typed_arguments()]
        known = "".join(f"(void){n}; " for n in [*self.names, *self.op.arguments])
        return (
            f"static inline int SYM_KERNEL_user({', '.join([*operands, *arguments])}, char *const scratch, "
            f"const sym_ctx *const ctx) {{\n{known}(void)scratch; (void)ctx;\n{body}\nreturn SYM_OK;\n}}\n"
        )

    def _entry(self) -> str:
        """Return the kernel itself: views of the operands, copies without gaps where they are asked for, the call."""
        lines = [
            "int SYM_KERNEL(char *const *restrict p, const i64 *restrict d, const i64 *restrict s, "
            "const sym_ctx *ctx) {",
            "(void)d; (void)s;",
        ]
        at, extras = 0, len(self.op.arguments)
        for k, (name, t) in enumerate(zip(self.names, self.types, strict=True)):
            lines.append(
                f"sym_array sym_{name} = {{p[{k}], {t.ndim}, d + {extras + at}, s + {at}, {t.dtype.itemsize}, "
                f'"{t.dtype.name}"}};'
            )
            lines.append(f"const sym_array *const {name} = &sym_{name}; (void){name};")
            at += t.ndim
        for k, (name, c_type) in enumerate(self.op.typed_arguments()):
            read = f"((union {{ i64 bits; double value; }}){{d[{k}]}}).value" if c_type == "double" else f"d[{k}]"
            lines.append(f"const {c_type} {name} = {read}; (void){name};")
        lines += self._memory()
        passed = ", ".join([*self.names, *self.op.arguments, "scratch", "ctx"])
        return "\n".join([*lines, f"return SYM_KERNEL_user({passed});", "}", ""])

    def _memory(self) -> list[str]:
        """Return the statements that reserve memory, for copies of inputs and for the user."""
        op = self.op
        packed = self.names[self.n_outputs :] if op.contiguous else []
        if not packed and not op.scratch:
            return ["char *const scratch = 0;"]
        lines = [f"const i64 sym_bytes_{n} = sym_gaps(&sym_{n});" for n in packed]
        lines.append(f"const i64 sym_asked = {f'({op.scratch})' if op.scratch else '0'};")
        total = " + ".join([f"sym_bytes_{n}" for n in packed] + ["sym_asked"])
        lines += [
            f"const i64 sym_total = {total};",
            'if (sym_asked < 0) return ctx->fail(ctx, SYM_VALUE, "the scratch asked for has %lld bytes.", sym_asked);',
            "char *scratch = sym_total ? ctx->reserve(ctx, sym_total) : 0;",
            "if (sym_total && !scratch) return ctx->fail(ctx, SYM_MEMORY, "
            '"no memory for %lld bytes of scratch.", sym_total);',
        ]
        for n, t in zip(self.names[self.n_outputs :], self.types[self.n_outputs :], strict=True):
            if n in packed:
                lines.append(f"i64 sym_strides_{n}[{max(t.ndim, 1)}];")
                lines.append(f"scratch = sym_pack(&sym_{n}, sym_bytes_{n}, scratch, sym_strides_{n});")
        return lines


def _header(name: str) -> str:
    """Return a header as it is included: ``<math.h>`` as it stands, any other name in quotes."""
    return name if name.startswith("<") else f'"{name}"'
