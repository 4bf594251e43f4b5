"""Loops over functions that have a fast form for small arguments: the sine, the cosine and the tangent, and
the complex functions made of them.

Right for arguments of every size, they cost a look-up that is always executed, six times the work of the rest. So a
loop goes through blocks: a first pass only asks whether an argument is beyond the limit of the fast form, and the block
is computed in that form, or in the one for all arguments. Both give the same bits below the limit: what an element
becomes does not depend on its neighbours. The first pass reads and writes nothing, so results may overwrite operands.
"""

import re
from collections.abc import Sequence

from symcodegen.symmath import available

#: Elements per block: the operands are still in the first-level cache when they are read again.
BLOCK = 512
_CALL = re.compile(r"\bsym_(\w+)_(f32|f64|c64|c128)\(")
#: The mark of a function: complex ones of either size compute in float64.
_MARK = {"f32": "far_f32", "f64": "far_f64", "c64": "far_f64", "c128": "far_f64"}


def _near(name: str, kind: str) -> str | None:
    """Return the fast form of a function, which begins with a pointer to a mark."""
    found = f"sym_{name}_near_{kind}"
    return found if found in available() else None


def near_functions(text: str) -> set[str]:
    """Return the fast forms of all functions in a text that have one."""
    return {near for name, kind in _CALL.findall(text) if (near := _near(name, kind))}


def _in_near_form(text: str) -> str:
    def replaced(call: re.Match[str]) -> str:
        near = _near(call[1], call[2])
        return f"{near}(&{_MARK[call[2]]}, " if near else call[0]

    return _CALL.sub(replaced, text)


def near_loop(loads: Sequence[str], lines: Sequence[str], results: Sequence[str], stores: Sequence[str]) -> str:
    """Return the loops over ``i`` from 0 to ``n``: what reads, computes, and writes ``r0``, ``r1``, ... of an element.

    ``results``: definitions of ``r0``, ``r1``, ...; ``stores``: what is done with them.
    """
    every = "\n            ".join([*loads, *lines, *results, *stores])
    fast = "\n            ".join([*loads, *map(_in_near_form, [*lines, *results]), *stores])
    asks = "\n            ".join([*loads, *map(_in_near_form, [*lines, *results])])
    unused = " ".join(f"(void)r{k};" for k in range(len(results)))
    return f"""
    for (i64 start = 0; start < n; start += {BLOCK}) {{
        const i64 stop = n - start < {BLOCK} ? n : start + {BLOCK};
        unsigned far_f32 = 0;
        unsigned long long far_f64 = 0;
        for (i64 i = start; i < stop; i++) {{
            {asks}
            {unused}
        }}
        if (far_f32 | (far_f64 != 0)) {{
            SYM_IVDEP
            for (i64 i = start; i < stop; i++) {{
            {every}
            }}
        }} else {{
            SYM_IVDEP
            for (i64 i = start; i < stop; i++) {{
            {fast}
            }}
        }}
    }}
"""
