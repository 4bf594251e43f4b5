"""The scalar table in C: one expression per function.

``{0}``, ``{1}`` are the operands, already of the type computed in, ``{t}`` the suffix of that type, ``{T}`` its C type,
``{zero}`` and ``{one}`` its constants.

A name of the form ``sym_..._{t}`` is a function of the vector mathematics, which is embedded where it is used.
"""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from symcodegen.cnames import STORED, c_type, has_c_type, suffix
from symcodegen.expr_complex import complex_text
from symcodegen.symmath import available
from symcore.tensor.elemwise import TABLE

# fmt: off
#: For floats.
C_EXPR: dict[str, str] = {
    "sub": "({0} - {1})", "neg": "(-{0})", "true_div": "({0} / {1})", "sqr": "({0} * {0})",
    "int_div": "sym_floor_divide_{t}({0}, {1})", "mod": "sym_mod_{t}({0}, {1})", "pow": "sym_pow_{t}({0}, {1})",
    "sqrt": "__builtin_sqrt{f}({0})", "cbrt": "sym_cbrt_{t}({0})", "reciprocal": "({one} / {0})",
    "abs": "__builtin_fabs{f}({0})", "sgn": "sym_sign_{t}({0})",
    "maximum": "sym_maximum_{t}({0}, {1})", "minimum": "sym_minimum_{t}({0}, {1})",
    "clip": "sym_minimum_{t}(sym_maximum_{t}({0}, {1}), {2})",
    "exp": "sym_exp_{t}({0})", "exp2": "sym_exp2_{t}({0})", "expm1": "sym_expm1_{t}({0})", "log": "sym_log_{t}({0})",
    "log2": "sym_log2_{t}({0})", "log10": "sym_log10_{t}({0})", "log1p": "sym_log1p_{t}({0})",
    "sigmoid": "sym_sigmoid_{t}({0})", "softplus": "sym_softplus_{t}({0})", "tanh": "sym_tanh_{t}({0})",
    "sin": "sym_sin_{t}({0})", "cos": "sym_cos_{t}({0})", "tan": "sym_tan_{t}({0})", "sinh": "sym_sinh_{t}({0})",
    "cosh": "sym_cosh_{t}({0})", "arcsin": "sym_arcsin_{t}({0})", "arccos": "sym_arccos_{t}({0})",
    "arctan": "sym_arctan_{t}({0})", "arctan2": "sym_arctan2_{t}({0}, {1})", "arcsinh": "sym_arcsinh_{t}({0})",
    "arccosh": "sym_arccosh_{t}({0})", "arctanh": "sym_arctanh_{t}({0})",
    "erf": "sym_erf_{t}({0})", "erfc": "sym_erfc_{t}({0})", "erfcx": "sym_erfcx_{t}({0})",
    "erfinv": "sym_erfinv_{t}({0})", "erfcinv": "sym_erfcinv_{t}({0})",
    "normal_quantile": "sym_normal_quantile_{t}({0})", "gamma": "sym_gamma_{t}({0})",
    "gammaln": "sym_gammaln_{t}({0})", "psi": "sym_psi_{t}({0})", "tri_gamma": "sym_tri_gamma_{t}({0})",
    "gammainc": "sym_gammainc_{t}({0}, {1})", "gammaincc": "sym_gammaincc_{t}({0}, {1})",
    "jv": "sym_jv_{t}({0}, {1})", "iv": "sym_iv_{t}({0}, {1})", "polygamma": "sym_polygamma_{t}({0}, {1})",
    "j0": "sym_j0_{t}({0})", "j1": "sym_j1_{t}({0})", "i0": "sym_i0_{t}({0})", "i1": "sym_i1_{t}({0})",
    "xlogx": "({0} == 0 ? {zero} : {0} * sym_log_{t}({0}))", "xlogy0": "({0} == 0 ? {zero} : {0} * sym_log_{t}({1}))",
    "ceil": "sym_ceil_{t}({0})", "floor": "sym_floor_{t}({0})", "trunc": "sym_trunc_{t}({0})",
    "round_half_to_even": "sym_rint_{t}({0})",
    "round_half_away_from_zero": "(sym_trunc_{t}({0}) + __builtin_copysign{f}("
                                 "__builtin_fabs{f}({0} - sym_trunc_{t}({0})) >= (({T})0.5) ? {one} : {zero}, {0}))",
    "deg2rad": "({0} * ({T})0.017453292519943295)", "rad2deg": "({0} * ({T})57.29577951308232)",
    "isnan": "({0} != {0})", "isinf": "(__builtin_fabs{f}({0}) == ({T})__builtin_inf())",
    "angle": "sym_arctan2_{t}({zero}, {0})",
    "sinc": "({0} == 0 ? {one} : sym_sin_{t}({0} * ({T})3.14159265358979323846) / ({0} * ({T})3.14159265358979323846))",
}
#: For the bits of float16, where no arithmetic is needed.
C_HALF: dict[str, str] = {
    "neg": "((unsigned short)({0} ^ 0x8000))", "abs": "((unsigned short)({0} & 0x7fff))", "identity": "({0})",
    "conj": "({0})", "real": "({0})", "second": "({1})", "switch": "({0} != 0 ? {1} : {2})",
    "isnan": "(({0} & 0x7fff) > 0x7c00)", "isinf": "(({0} & 0x7fff) == 0x7c00)",
}
#: For every type.
C_COMMON: dict[str, str] = {
    "lt": "({0} < {1})", "le": "({0} <= {1})", "gt": "({0} > {1})", "ge": "({0} >= {1})", "eq": "({0} == {1})",
    "neq": "({0} != {1})", "switch": "({0} != 0 ? {1} : {2})", "identity": "({0})", "second": "({1})", "real": "({0})",
    "conj": "({0})", "imag": "({zero})",
}
#: For integers. Signed sums are done in unsigned arithmetic, where wrapping around is defined.
C_INT: dict[str, str] = {
    "sub": "(({T})(({U}){0} - ({U}){1}))", "neg": "(({T})(({U})0 - ({U}){0}))", "sqr": "(({T})(({W}){0} * ({W}){0}))",
    "int_div": "sym_floor_divide_{t}({0}, {1})", "mod": "sym_mod_{t}({0}, {1})",
    "maximum": "({0} > {1} ? {0} : {1})", "minimum": "({0} < {1} ? {0} : {1})",
    "clip": "(({0} < {1} ? {1} : {0}) > {2} ? {2} : ({0} < {1} ? {1} : {0}))",
    "abs": "({0} < 0 ? ({T})(({U})0 - ({U}){0}) : {0})", "sgn": "(({0} > 0) - ({0} < 0))",
    "and_": "({0} & {1})", "or_": "({0} | {1})", "xor": "({0} ^ {1})", "invert": "(({T})~{0})",
    "ceil": "({0})", "floor": "({0})", "trunc": "({0})", "isnan": "(0)", "isinf": "(0)",
    "pow_unsigned": "sym_ipow({0}, {1})",
}
#: A signed integer compared with an unsigned one of 64 bits; and the comparison with the operands exchanged.
C_LESS = "({0} < 0 || (unsigned long long){0} %s {1})"
C_MORE = "({0} >= 0 && (unsigned long long){0} %s {1})"
_MIXED = {"lt": C_LESS % "<", "le": C_LESS % "<=", "neq": C_LESS % "!=", "gt": C_MORE % ">", "ge": C_MORE % ">=",
          "eq": C_MORE % "=="}
_SWAPPED = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le", "eq": "eq", "neq": "neq"}
#: For truth values, where they differ from unsigned bytes.
C_BOOL: dict[str, str] = {"invert": "(!{0})", "abs": "({0})"}
# fmt: on
#: From float16 and back.
HALVES = frozenset({"sym_from_half_f32", "sym_to_half_f32"})
_UNSIGNED = {1: "unsigned char", 2: "unsigned short", 4: "unsigned int", 8: "unsigned long long"}
_FUNCTION = re.compile(r"\bsym_\w+")


_SINGLE, _WIDE = np.dtype("float32"), np.dtype("int64")


def _is_half(dtype: np.dtype[Any]) -> bool:
    """Float16 is storage: a function takes and gives it, and computes in float32, rounding after every step."""
    return dtype.char == "e"


class CheckedPower:
    """The power of integers, for exponents that have been found to be none below 0: what a kernel cannot raise."""

    name = "pow_checked"
    rule = staticmethod(lambda dtypes: TABLE["pow"].rule(dtypes))


class NoC(Exception):  # noqa: N818
    """There is no C expression for a function on a type; the message says which."""


def expression(fn: Any, inputs: Sequence[tuple[str, np.dtype[Any]]]) -> tuple[str, np.dtype[Any]]:
    """Return the C expression of a scalar function, and its dtype.

    ``inputs``: expressions (names of variables: they may be repeated) and dtypes. Raises ``NoC``.
    """
    work, out = fn.rule([d for _, d in inputs])
    _check_types(fn, (work, out, *(d for _, d in inputs)))
    if _is_half(work):
        if (bits := _bits(fn.name, inputs)) is not None:
            return bits, out
        work = _SINGLE
    if fn.name.startswith("cast_"):
        return cast(inputs[0][0], inputs[0][1], out), out
    if fn.name in _MIXED and out.kind == "b" and work.kind == "f" and all(d.kind in "biu" for _, d in inputs):
        return _mixed(fn.name, *inputs), out
    if fn.name in ("pow", "pow_checked") and work.kind in "iu" and (fn.name != "pow" or inputs[1][1].kind in "bu"):
        base = _template("pow_unsigned", work)  # negative powers of integers raise, which a kernel cannot
        return cast(base.format(*(cast(e, d, _WIDE) for e, d in inputs)), _WIDE, out), out
    if work.kind == "c":
        return _complex(fn.name, inputs, work, out), out
    if fn.name == "switch":
        operands = [_condition(*inputs[0]), *(cast(e, d, work) for e, d in inputs[1:])]
    else:
        operands = [cast(e, d, work) for e, d in inputs]
    if fn.name in ("add", "mul"):
        text = _nary(fn.name, operands, work)
    else:
        text = _template(fn.name, work).format(*operands, **_words(work))
    missing = functions_in(text) - available()
    if missing:
        raise NoC(f"{fn.name} on {work}")
    return (text if out == work else cast(text, work, out)), out


def _check_types(fn: Any, found: Sequence[np.dtype[Any]]) -> None:
    for d in found:
        if not (has_c_type(d) or d.name in STORED):
            raise NoC(f"{fn.name} on {d}")


def _bits(name: str, inputs: Sequence[tuple[str, np.dtype[Any]]]) -> str | None:
    """Return the expression of a function that looks at the bits of float16 alone, if it is one."""
    chosen = inputs[1:] if name == "switch" else inputs
    if name not in C_HALF or not all(_is_half(d) for _, d in chosen):
        return None
    condition = [_condition(e, d) for e, d in inputs[: len(inputs) - len(chosen)]]
    return C_HALF[name].format(*condition, *(e for e, _ in chosen))


def _condition(text: str, dtype: np.dtype[Any]) -> str:
    """Return what is compared with 0: of a float16 the number, since the bits of -0 are not 0."""
    return cast(text, dtype, _SINGLE) if _is_half(dtype) else text


def _complex(name: str, inputs: Sequence[tuple[str, np.dtype[Any]]], work: np.dtype[Any], out: np.dtype[Any]) -> str:
    operands = [_condition(e, d) if name == "switch" and not k else cast(e, d, work) for k, (e, d) in enumerate(inputs)]
    found = complex_text(name, operands, work)
    if found is None:
        raise NoC(f"{name} on {work}")
    text, kind = found
    return cast(text, work, out) if kind == "c" else f"(({c_type(out)}){text})"


def _mixed(name: str, a: tuple[str, np.dtype[Any]], b: tuple[str, np.dtype[Any]]) -> str:
    """Compare a signed integer with an uint64: there is no integer type for both, and a double would round them."""
    if a[1].kind == "u":
        return _mixed(_SWAPPED[name], b, a)
    return _MIXED[name].format(a[0], b[0])


def _template(name: str, work: np.dtype[Any]) -> str:
    if work.kind == "f":
        tables: tuple[dict[str, str], ...] = (C_EXPR, C_COMMON)
    else:
        tables = (C_BOOL, C_INT, C_COMMON) if work.kind == "b" else (C_INT, C_COMMON)
    for table in tables:
        if name in table:
            return table[name]
    raise NoC(f"{name} on {work}")


def _words(work: np.dtype[Any]) -> dict[str, str]:
    ctype = c_type(work)
    wide = _UNSIGNED[max(work.itemsize, 4)]
    return {
        "t": suffix(work),
        "T": ctype,
        "f": "f" if work.itemsize == 4 else "",
        "one": f"(({ctype})1)",
        "zero": f"(({ctype})0)",
        "U": _UNSIGNED[work.itemsize],
        "W": wide,
    }


def _nary(name: str, operands: Sequence[str], work: np.dtype[Any]) -> str:
    if work.kind == "b":
        return "(" + (" | " if name == "add" else " & ").join(operands) + ")"
    if work.kind == "f":
        return "(" + (" + " if name == "add" else " * ").join(operands) + ")"
    wide = _UNSIGNED[max(work.itemsize, 4)]  # small types would be promoted to a signed int, which may not overflow
    return f"(({c_type(work)})(" + (" + " if name == "add" else " * ").join(f"({wide}){o}" for o in operands) + "))"


def cast(text: str, source: np.dtype[Any], target: np.dtype[Any]) -> str:
    """Return an expression converted as NumPy does."""
    if source == target:
        return text
    if _is_half(source):
        return cast(f"sym_from_half_f32({text})", _SINGLE, target)
    if _is_half(target):
        if source.itemsize == 8 and source.kind == "f":
            return f"sym_to_half_f64({text})"
        return f"sym_to_half_f32({cast(text, source, _SINGLE)})"
    if target.kind == "b":
        return f"((unsigned char)({text} != 0))"
    if source.kind == "f" and target.kind in "iu" and target.itemsize < 8:
        return f"(({c_type(target)})(long long){text})"  # through 64 bits, so that what does not fit wraps around
    return f"(({c_type(target)}){text})"


def functions_in(text: str) -> set[str]:
    """Return the functions of the vector mathematics that a text calls."""
    return set(_FUNCTION.findall(text))
