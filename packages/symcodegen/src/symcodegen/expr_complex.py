"""The scalar table in C for complex numbers: one expression per function; see ``expr``.

``{c}`` is the suffix of the complex type, ``{t}`` that of its parts.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

_NAMED = ("reciprocal", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "sinh", "cosh", "tanh", "sin",
          "cos", "tan", "arcsin", "arccos", "arctan", "arcsinh", "arccosh", "arctanh")  # fmt: skip
# fmt: off
#: Expressions with a complex value.
C_COMPLEX: dict[str, str] = {
    "sub": "({0} - {1})", "neg": "(-{0})", "sqr": "sym_mul_{c}({0}, {0})", "true_div": "sym_div_{c}({0}, {1})",
    "conj": "__builtin_complex(__real__ {0}, -__imag__ {0})", "identity": "({0})", "second": "({1})",
    "switch": "({0} != 0 ? {1} : {2})",
    "pow": "sym_pow_{c}({0}, {1})",
    "sgn": "sym_sign_{c}({0})", "maximum": "sym_maximum_{c}({0}, {1})", "minimum": "sym_minimum_{c}({0}, {1})",
    "clip": "sym_minimum_{c}(sym_maximum_{c}({0}, {1}), {2})",
    "round_half_to_even": "__builtin_complex(sym_rint_{t}(__real__ {0}), sym_rint_{t}(__imag__ {0}))",
    **{name: f"sym_{name}_{{c}}({{0}})" for name in _NAMED},
}
#: Expressions with a real value.
C_REAL: dict[str, str] = {
    "real": "(__real__ {0})", "imag": "(__imag__ {0})", "abs": "sym_abs_{c}({0})",
    "angle": "sym_arctan2_{t}(__imag__ {0}, __real__ {0})",
}
#: Truth values.
C_TRUTH: dict[str, str] = {
    "eq": "({0} == {1})", "neq": "({0} != {1})",
    "lt": "sym_less_{c}({0}, {1})", "gt": "sym_less_{c}({1}, {0})",
    "le": "sym_less_equal_{c}({0}, {1})", "ge": "sym_less_equal_{c}({1}, {0})",
    "isnan": "((__real__ {0} != __real__ {0}) | (__imag__ {0} != __imag__ {0}))",
    "isinf": "((__builtin_fabs(__real__ {0}) == __builtin_inf()) | (__builtin_fabs(__imag__ {0}) == __builtin_inf()))",
}
# fmt: on


def complex_text(name: str, operands: Sequence[str], work: np.dtype[Any]) -> tuple[str, str] | None:
    """Return the C text of a function of complex operands, and the kind of its value: ``c``, ``f`` or ``b``."""
    words = {"c": f"c{8 * work.itemsize}", "t": f"f{4 * work.itemsize}"}
    if name == "add":
        return f"({' + '.join(operands)})", "c"
    if name == "mul":
        text = operands[0]
        for factor in operands[1:]:
            text = f"sym_mul_{words['c']}({text}, {factor})"
        return text, "c"
    for table, kind in ((C_COMPLEX, "c"), (C_REAL, "f"), (C_TRUTH, "b")):
        if name in table:
            return table[name].format(*operands, **words), kind
    return None
