"""Loops over functions that have a fast form for usual arguments.

What is right for every argument (denormal numbers, infinities, NaN; for the sine, all that is beyond a limit) costs up
to six times the work of the rest. So a loop goes through blocks: a block is computed in the form for usual arguments,
which marks any other argument, and computed again for all arguments if one was marked. Both forms give the same bits
where both are right: what an element becomes does not depend on its neighbours. Where a result overwrites an operand,
the first form writes to a buffer.
"""

import functools
import re
from collections.abc import Sequence

from symcodegen.symmath import available, snippets

#: Elements per block: operands and results stay in the first-level cache while it is computed again.
BLOCK = 512
_CALL = re.compile(r"\bsym_(\w+)_(f32|f64|c64|c128)\(")
#: The mark of most functions: complex ones of either size compute in float64.
_MARK = {"f32": "unusual_f32", "f64": "unusual_f64", "c64": "unusual_f64", "c128": "unusual_f64"}


def _usual(name: str, kind: str) -> str | None:
    """Return the fast form of a function, which begins with a pointer to a mark."""
    found = f"sym_{name}_usual_{kind}"
    return found if found in available() else None


@functools.cache
def judges_largest(usual: str) -> bool:
    """Whether a fast form keeps the largest of numbers, which ``SYM_MOST_USUAL_F32`` judges after the loop.

    The others set bits of their mark.
    """
    return f"{usual}(sym_u32 *most," in snippets([usual])


def usual_functions(text: str) -> set[str]:
    """Return the fast forms of all functions in a text that have one."""
    return {usual for name, kind in _CALL.findall(text) if (usual := _usual(name, kind))}


def _in_usual_form(text: str) -> str:
    def replaced(call: re.Match[str]) -> str:
        usual = _usual(call[1], call[2])
        if not usual:
            return call[0]
        return f"{usual}(&{'most_f32' if judges_largest(usual) else _MARK[call[2]]}, "

    return _CALL.sub(replaced, text)


def usual_loop(
    loads: Sequence[str], work: Sequence[str], types: Sequence[str], operands: Sequence[str], pragma: str
) -> str:
    """Return the loops over ``i`` from 0 to ``n``: what reads, computes and writes an element.

    ``work``: statements that define ``r0``, ``r1``, ... of the C types ``types``, which go to ``y0[i]``, ``y1[i]``, ...
    ``operands``: the pointers that ``loads`` reads.
    """
    count = range(len(types))
    every = "\n            ".join([*loads, *work, *(f"y{k}[i] = r{k};" for k in count)])
    fast = "\n            ".join([*loads, *map(_in_usual_form, work), *(f"z{k}[i - start] = r{k};" for k in count)])
    buffers = "".join(f"    {types[k]} b{k}[{BLOCK}] __attribute__((aligned(64)));\n" for k in count)
    same = " | ".join(f"((const void *)y{k} == (const void *){v})" for k in count for v in operands) or "0"
    targets = " ".join(f"{types[k]} *z{k} = in_place ? b{k} : y{k} + start;" for k in count)
    copies = " ".join(f"y{k}[i] = b{k}[i - start];" for k in count)
    return f"""{buffers}    const int in_place = {same};
    for (i64 start = 0; start < n; start += {BLOCK}) {{
        const i64 stop = n - start < {BLOCK} ? n : start + {BLOCK};
        unsigned unusual_f32 = 0, most_f32 = 0;
        unsigned long long unusual_f64 = 0;
        {targets}
        {pragma}
        for (i64 i = start; i < stop; i++) {{
            {fast}
        }}
        if (unusual_f32 | (unusual_f64 != 0) | (most_f32 > 0x7effffffu)) {{
            {pragma}
            for (i64 i = start; i < stop; i++) {{
            {every}
            }}
        }} else if (in_place) {{
            {pragma}
            for (i64 i = start; i < stop; i++) {{ {copies} }}
        }}
    }}
"""
