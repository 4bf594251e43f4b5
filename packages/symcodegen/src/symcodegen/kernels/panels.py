"""C text of whole loops of which only the last row is wanted: a panel of every row goes through all steps in registers.

Where steps are arithmetic on rows, one element of the last row depends on the same element of the first rows alone, so
that the loop over steps may be the inner one: nothing is read or written between two steps. The pointers are those of
``kernels.steps``.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from symcodegen.cnames import c_type
from symcodegen.kernels.elemwise import loop_body

#: Vectors of a panel: enough chains of operations to wait for none.
VECTORS = 8
#: More rows than these, read or made, do not fit the registers.
MOST_ROWS = 5

#: What is no plain arithmetic on names and numbers: calls and casts.
_NOT_ARITHMETIC = re.compile(r"[A-Za-z_]\w*\s*\(|\(\s*(?:double|float)\s*\)|[^\w\s.+\-*/()=;]")

_TEXT = """
#ifndef SYM_VECTOR_BYTES
#if defined(__AVX512F__)
#define SYM_VECTOR_BYTES 64
#elif defined(__AVX__)
#define SYM_VECTOR_BYTES 32
#else
#define SYM_VECTOR_BYTES 16
#endif
#endif
typedef %(T)s SYM_KERNEL_vec __attribute__((vector_size(SYM_VECTOR_BYTES)));

static inline void SYM_KERNEL_copy(%(T)s *to, const %(T)s *from, i64 count) {
    for (i64 k = 0; k < count; k++) to[k] = from[k];
}

int SYM_KERNEL(char *const *restrict p, const i64 *restrict d, const i64 *restrict s, const sym_ctx *ctx) {
    typedef SYM_KERNEL_vec vec;
    enum { PANEL = %(vectors)d * (SYM_VECTOR_BYTES / (int)sizeof(%(T)s)) };
    const i64 n = d[0], length = d[1];
    (void)ctx; (void)s;
    *(i64 *)p[%(n_pointers)d] = n;
    if (n <= 0) return 0;
    %(head)s
    for (i64 j = 0; j < length; j += PANEL) {
        const i64 count = length - j < PANEL ? length - j : PANEL;
        vec panel[%(vectors)d] = {{0}};
        %(loads)s
        for (i64 step = 0; step < n; step++) {
            %(inside)s
        }
        %(stores)s
    }
    return 0;
}
"""


def panels_text(
    parts: Sequence[Any], reads: Sequence[Any], n_pointers: int, feedback: Mapping[Any, tuple[int, int]]
) -> str | None:
    """Return the text of a loop over ``parts``; ``None`` where these are more than arithmetic, or read rows that move.

    Parameters are those of ``kernels.steps``; every state is read one step back, and only last rows are kept.
    """
    fed = {x.at: source for x, source in feedback.items()}
    dtypes = {x.dtype for x in reads} | {dtype for part in parts for dtype in part.out_dtypes}
    rows = [x for x in reads if not x.scalar]
    held = len({fed.get(x.at, x.at) for x in rows})  # a state that is read at two places is in registers once
    stores = [(x, k, o) for k, part in enumerate(parts) for o, x in enumerate(part.stores) if x is not None]
    if len(dtypes) != 1 or held + len(stores) > MOST_ROWS or any(x.scalar for x, _, _ in stores):
        return None
    [dtype] = dtypes
    if dtype not in (np.dtype("float32"), np.dtype("float64")):
        return None
    if any(x.motion != "still" and x.at not in fed for x in rows) or any(x.motion == "line" for x, _, _ in stores):
        return None
    if any(x.scalar and (x.at in fed or x.motion == "ring") for x in reads):
        return None
    return _Panels(parts, reads, fed, dtype, stores, n_pointers).text()


class _Panels:
    """Writes one kernel. Vector ``u`` of what pointer ``k`` is at is ``v{k}_{u}``."""

    def __init__(self, parts: Any, reads: Any, fed: Any, dtype: Any, stores: Any, n_pointers: int):
        self.parts, self.reads, self.fed, self.dtype = parts, reads, fed, dtype
        self.stores, self.n_pointers = stores, n_pointers
        self.type = c_type(dtype)
        first: dict[Any, int] = {}
        #: By pointer: the first one at the same state, whose variables stand for all of them.
        self.same = {x.at: first.setdefault(fed[x.at], x.at) if x.at in fed else x.at for x in reads}

    def text(self) -> str | None:
        steps = [self._step(u) for u in range(VECTORS)]
        if any(_NOT_ARITHMETIC.search(line) for line in steps[0]):
            return None
        declared = [f"vec r{k}_{o}_{u} = {{0}};" for k, part in enumerate(self.parts)
                    for o in range(len(part.out_dtypes)) for u in range(VECTORS)]  # fmt: skip
        head: list[str] = []
        inside: list[str] = []
        loads = list(declared)
        for x in self.reads:
            if self.same[x.at] != x.at:
                continue
            if not x.scalar:
                loads.append(f"SYM_KERNEL_copy(({self.type} *)panel, (const {self.type} *)p[{x.at}] + j, count);")
                loads += [f"vec v{x.at}_{u} = panel[{u}];" for u in range(VECTORS)]
                continue
            at = "" if x.motion == "still" else f" + step * s[{x.at}]"
            value = f"const vec v{x.at} = *(const {self.type} *)(p[{x.at}]{at}) - (vec){{0}};"  # -0.0 stays what it is
            (loads if x.motion == "still" else inside).append(value)
        for line in steps:
            inside += ["{ " + " ".join(re.sub(rf"\b{self.type}\b", "vec", part) for part in line) + " }"]
        inside += [f"v{at}_{u} = r{k}_{o}_{u};" for at, (k, o) in self.fed.items() if self.same[at] == at
                   for u in range(VECTORS)]  # fmt: skip
        ends = []
        for x, k, o in self.stores:
            where = f"({self.type} *)p[{x.at}]"
            if x.motion == "ring":  # the row that the last step writes; the pointer is at that of the first
                first, rows = f"d[{2 + 2 * x.at}]", f"d[{3 + 2 * x.at}]"
                head.append(f"const i64 w{x.at} = ({first} + n - 1) % {rows} - {first};")
                where = f"({self.type} *)(p[{x.at}] + w{x.at} * s[{x.at}])"
            ends += [f"panel[{u}] = r{k}_{o}_{u};" for u in range(VECTORS)]
            ends.append(f"SYM_KERNEL_copy({where} + j, (const {self.type} *)panel, count);")
        return _TEXT % {
            "T": self.type, "vectors": VECTORS, "n_pointers": self.n_pointers, "head": "\n    ".join(head),
            "loads": "\n        ".join(loads), "inside": "\n            ".join(inside),
            "stores": "\n        ".join(ends),
        }  # fmt: skip

    def _step(self, u: int) -> list[str]:
        """Return the statements of one step on vector ``u``."""
        scalars = {x.at for x in self.reads if x.scalar}
        found = []
        for number, part in enumerate(self.parts):
            names = []
            for x in part.inputs:
                if isinstance(x, tuple):
                    names.append((f"r{x[0]}_{x[1]}_{u}", self.dtype))
                else:
                    names.append((f"v{x.at}" if x.at in scalars else f"v{self.same[x.at]}_{u}", self.dtype))
            lines, results = ([], [names[0][0]]) if part.fn is None else loop_body(part.fn, names, part.out_dtypes)
            found += lines
            found += [f"r{number}_{o}_{u} = {value};" for o, value in enumerate(results)]
            found = [re.sub(r"\bt(\d+)\b", rf"t{number}_\1", line) for line in found]
        return found
