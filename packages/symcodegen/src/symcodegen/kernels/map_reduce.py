"""C text of reductions fused with the elementwise work that feeds them.

A block of the map's results is computed by the same loop as in ``elemwise``, into a buffer that stays in the
first-level cache, and combined by the same code as in ``reduce``; nothing is written to memory in between.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from symcodegen.cnames import c_type
from symcodegen.expr import cast, functions_in
from symcodegen.kernels.columns import Rows
from symcodegen.kernels.elemwise import loop_body, loop_function
from symcodegen.kernels.reduce import FETCH, RUN, SINGLE, Source, fetch_operand, reduction
from symcodegen.kernels.usual import usual_functions

#: Elements per block: long enough that folding the lanes at its end costs little, short enough that the buffers of a
#: map with many inputs stay in the first-level cache.
BLOCK = min(1024, RUN)
#: Elements of a section, shared by threads: a map is worth several times what it costs to add.
SECTION = 1 << 14


def map_reduce_kernel(
    fn: Any,
    reduce: str,
    in_dtypes: Sequence[np.dtype[Any]],
    out_dtype: np.dtype[Any],
    acc_dtype: np.dtype[Any],
    moves: Sequence[str],
) -> tuple[str, tuple[str, ...]]:
    """Return the C text of a ``collapsed`` kernel and the functions it needs. Raises ``NoC``.

    Its operands are the output, then the inputs of the map ``fn``; ``moves[k]`` tells how input ``k`` moves, as in
    ``columns.Rows``.
    """
    scalars = [move == "scalar" for move in moves]
    dtype = fn.out_dtypes(in_dtypes)[0]
    lines, results = loop_body(fn, [(f"x{k}", d) for k, d in enumerate(in_dtypes)], [dtype])
    if dtype.name == "float16":
        results, dtype = [cast(results[0], dtype, SINGLE)], SINGLE
    types = [c_type(d) for d in (dtype, *in_dtypes)]
    text = loop_function(types, 1, scalars, lines, results, table=False) + _fetch(types, in_dtypes, scalars)
    rows = Rows(tuple(moves), tuple(in_dtypes), tuple(lines), results[0], dtype)
    source = Source(dtype, len(in_dtypes), BLOCK, text, SECTION, rows)
    body, functions = reduction(reduce, source, out_dtype, acc_dtype)
    work = " ".join([*lines, *results])
    return body, tuple(sorted({*functions, *functions_in(work), *usual_functions(work)}))


def _fetch(types: Sequence[str], in_dtypes: Sequence[np.dtype[Any]], scalars: Sequence[bool]) -> str:
    parts = [FETCH.format(types[0]), "    (void)p;\n    (void)loops;\n"]
    arguments = ["rows * m", "v"]
    for k, (dtype, scalar) in enumerate(zip(in_dtypes, scalars, strict=True), 1):
        if scalar:
            arguments.append(f"*(const {types[k]} *)p[{k}]")
            continue
        parts.append(f"    {types[k]} b{k}[{BLOCK}] __attribute__((aligned(64)));\n")
        parts.append(fetch_operand(k, dtype, f"b{k}"))
        arguments.append(f"a{k}")
    parts.append(f"    SYM_KERNEL_loop({', '.join(arguments)});\n    return v;\n}}\n")
    return "".join(parts)
