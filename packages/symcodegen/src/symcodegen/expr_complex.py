"""The scalar table in C for complex numbers: one expression per function; see ``expr``.

``{c}`` is the suffix of the complex type, ``{t}`` that of its parts.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

# fmt: off
#: Expressions with a complex value.
C_COMPLEX: dict[str, str] = {
    "sub": "({0} - {1})", "neg": "(-{0})", "sqr": "sym_mul_{c}({0}, {0})", "true_div": "sym_div_{c}({0}, {1})",
    "conj": "__builtin_complex(__real__ {0}, -__imag__ {0})", "identity": "({0})", "second": "({1})",
    "switch": "({0} != 0 ? {1} : {2})",
}
#: Expressions with a real value.
C_REAL: dict[str, str] = {
    "real": "(__real__ {0})", "imag": "(__imag__ {0})", "abs": "sym_abs_{c}({0})",
    "angle": "sym_arctan2_{t}(__imag__ {0}, __real__ {0})",
}
#: Truth values.
C_TRUTH: dict[str, str] = {"eq": "({0} == {1})", "neq": "({0} != {1})"}
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
