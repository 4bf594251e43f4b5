"""C text of reductions over any axes.

The loops around the work have no types of elements, so the machine has them (``ctx->loops->reduce``): compiling them
took half the time of a reduction. If the innermost loop is reduced ("rows"), each result is combined from runs of
contiguous elements, in lanes, so that no reassociation by the compiler is needed; floats are added in blocks in their
own type and the blocks' totals in the accumulator's. If the innermost loop is kept ("columns"), blocks of results are
accumulated side by side, several rows at a time (``columns``); of short rows, whole blocks of them as one long row,
which is folded at the end.

Where the elements come from is a ``Source``: memory, or elementwise work done block by block (``map_reduce``). It
hands out one block at a time, as contiguous elements; of short rows several at once, along the next loop.

How floats are combined is in the machine, too (``ctx->loops->known``), for several instruction sets: in vector types
as wide as the processor's. Other types have an array of lanes, which the light flags keep in memory instead of
registers (2 times slower, measured).
"""

from typing import Any

import numpy as np

from symcodegen.cnames import STORED, c_type, has_c_type, suffix
from symcodegen.expr import NoC, cast, functions_in
from symcodegen.kernels.columns import Rows, columns_text
from symcodegen.kernels.elemwise import IVDEP
from symcore.record import Record

LANES = 64
#: As in ``symabi.h``: results side by side; the longest run of what is handed out several at a time; elements that
#: lanes of the elements' own precision add before the accumulator takes over: as accurate as NumPy on a million equal
#: numbers (4096 were a third faster on what the cache holds, and six times as far off); and loops or operands at most.
COLUMNS, SHORT, RUN, MAX_LOOPS = 1024, 128, 1024, 64
#: As in ``cvm/combine.h``: elements of one input that several threads get one by one of what belongs to one result.
SECTION = 1 << 17


def _combine(fn: str, dtype: np.dtype[Any]) -> tuple[str, str, str]:
    """Return the expression that combines ``{0}`` and ``{1}``, the neutral element, and the function needed, if any."""
    if dtype.kind == "c":
        if fn not in ("add", "mul"):
            raise NoC(f"order of {dtype}")
        product = f"sym_mul_c{8 * dtype.itemsize}"
        return ("({0} + {1})", "0", "") if fn == "add" else (f"{product}({{0}}, {{1}})", "1", product)
    t, real = c_type(dtype), dtype.kind == "f"
    if fn == "add":
        return ("({0} + {1})" if real else f"(({t})((unsigned long long){{0}} + (unsigned long long){{1}}))", "0", "")
    if fn == "mul":
        return ("({0} * {1})" if real else f"(({t})((unsigned long long){{0}} * (unsigned long long){{1}}))", "1", "")
    if fn in ("and_", "or_"):
        return (f"({{0}} {'&' if fn == 'and_' else '|'} {{1}})", "1" if fn == "and_" else "0", "")
    name = f"sym_{fn}_{suffix(dtype)}"
    if real:
        return f"{name}({{0}}, {{1}})", f"({'-' if fn == 'maximum' else ''}({t})__builtin_inf())", name
    sign = ">" if fn == "maximum" else "<"
    return f"({{0}} {sign} {{1}} ? {{0}} : {{1}})", _limit(dtype, fn), ""


def _limit(dtype: np.dtype[Any], fn: str) -> str:
    if dtype.kind == "b":
        return "0" if fn == "maximum" else "1"
    info = np.iinfo(dtype)
    value = int(info.min if fn == "maximum" else info.max)
    if value == -(1 << 63):
        return "(-9223372036854775807LL - 1)"
    return f"{value}ULL" if value > (1 << 63) - 1 else f"{value}LL"


class Source(Record):
    """Where the elements come from that a reduction combines.

    Attributes
    ----------
    dtype
        Of the elements.
    operands
        Number of the kernel's inputs.
    block
        Elements handed out at once, at most.
    section
        Elements that several threads get one by one of what belongs to one result.
    rows
        The same work where results lie side by side, if it can be done on several rows at a time.
    text
        C text of the function ``SYM_KERNEL_fetch``, as ``FETCH`` begins it: ``fetch`` of ``sym_reduction``. ``""``: the
        elements are those of the only input, as they lie.
    """

    dtype: np.dtype[Any]
    operands: int
    block: int
    text: str
    section: int = SECTION
    rows: Rows | None = None


#: How every ``SYM_KERNEL_fetch`` begins; see ``Source``. The type of the elements is put in.
FETCH = (
    "SYM_NOINLINE const void *SYM_KERNEL_fetch(const sym_loops *loops, char *const *p, char *const *q, i64 from, "
    "i64 m, i64 row, i64 rows, const i64 *step, const i64 *jump, void *to) {{\n    {0} *v = to;\n"
)


def fetch_operand(k: int, dtype: np.dtype[Any], buffer: str) -> str:
    """Return statements that make ``a<k>`` point to the elements of operand ``k`` of a block: in memory if they lie
    there one after another, else packed into ``buffer``."""
    t, size = c_type(dtype), dtype.itemsize
    return f"""    const char *q{k} = q[{k}] + from * step[{k}] + row * jump[{k}];
    const {t} *a{k} = (const {t} *)q{k};
    if (step[{k}] != {size} || (rows > 1 && jump[{k}] != m * {size}))
        a{k} = loops->pack({buffer}, q{k}, rows, m, step[{k}], jump[{k}], {size});
"""


SINGLE = np.dtype("float32")
#: Numbers of 16 bits are handed out as floats, and combined as such.
_FETCH_HALF = (
    FETCH.format("float")
    + f"""    (void)p;
    unsigned short b[{RUN}] __attribute__((aligned(64)));
{fetch_operand(1, np.dtype("float16"), "b")}    for (i64 i = 0; i < rows * m; i++) v[i] = sym_from_half_f32(a1[i]);
    return v;
}}
"""
)


def reduce_kernel(
    fn: str, in_dtype: np.dtype[Any], out_dtype: np.dtype[Any], acc_dtype: np.dtype[Any], side_by_side: bool = True
) -> tuple[str, tuple[str, ...]]:
    """Return the C text of a ``collapsed`` kernel and the functions it needs. Raises ``NoC``.

    Its operands are the output, then the input. ``side_by_side``: results may lie so, for some axes are kept.
    """
    if in_dtype.name == "float16":
        body, functions = reduction(fn, Source(SINGLE, 1, RUN, _FETCH_HALF), out_dtype, acc_dtype)
        return body, tuple(sorted({*functions, "sym_from_half_f32"}))
    if not has_c_type(in_dtype) and in_dtype.name not in STORED:
        raise NoC(f"reduction of {in_dtype}")
    rows = Rows(("rows",), (in_dtype,), (), "x0", in_dtype) if side_by_side else None
    return reduction(fn, Source(in_dtype, 1, RUN, "", rows=rows), out_dtype, acc_dtype)


def reduction(
    fn: str, source: Source, out_dtype: np.dtype[Any], acc_dtype: np.dtype[Any]
) -> tuple[str, tuple[str, ...]]:
    """Return the C text of a kernel that combines what ``source`` hands out, and the functions that combining needs.

    Raises ``NoC``.
    """
    columns, text, needed = "0", source.text, set()
    rows = None if source.dtype.kind == "c" else source.rows
    if rows is not None and rows.count and not (known(fn, source, out_dtype, acc_dtype) and not text):
        wide = _wide(acc_dtype)
        lane = _lane(fn, source, out_dtype, wide)
        columns = "SYM_KERNEL_columns"
        (lane_op, _, lane_needs), (acc_op, _, acc_needs) = (_combine(_plain(fn), d) for d in (lane, wide))
        text += columns_text(rows, lane, lane_op, wide, acc_op)
        needed = {n for n in (lane_needs, acc_needs) if n}
    fetch = "SYM_KERNEL_fetch" if source.text else "0"
    how, shared, functions = combining(fn, source, out_dtype, acc_dtype, fetch, columns)
    text = IVDEP + shared + text if shared or text else ""
    return text + _ENTRY % how, tuple(sorted(needed.union(functions)))


#: Of what the machine knows how to combine it: by function, elements and totals.
_KNOWN = {
    ("add", "float32", "float64"): "SYM_ADD_F32", ("add", "float32", "float32"): "SYM_ADD_F32_F32",
    ("add", "float64", "float64"): "SYM_ADD_F64", ("mul", "float32", "float32"): "SYM_MUL_F32_F32",
    ("mul", "float64", "float64"): "SYM_MUL_F64", ("maximum", "float32", "float32"): "SYM_MAXIMUM_F32",
    ("maximum", "float64", "float64"): "SYM_MAXIMUM_F64", ("minimum", "float32", "float32"): "SYM_MINIMUM_F32",
    ("minimum", "float64", "float64"): "SYM_MINIMUM_F64",
}  # fmt: skip


def known(fn: str, source: Source, out_dtype: np.dtype[Any], acc_dtype: np.dtype[Any]) -> str:
    """Return the name of the machine's own functions that combine such elements; ``""`` if it has none."""
    wide = _wide(acc_dtype)
    if _lane(fn, source, out_dtype, wide) != source.dtype:
        return ""
    return _KNOWN.get((_plain(fn), source.dtype.name, wide.name), "")


def _wide(acc_dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the type of the accumulator in C."""
    return SINGLE if acc_dtype.name == "float16" else acc_dtype


def _plain(fn: str) -> str:
    """Return how elements are combined; what no elements give is another question."""
    return "maximum" if fn == "supremum" else fn


def _lane(fn: str, source: Source, out_dtype: np.dtype[Any], acc_dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return what the lanes hold: the elements' own type where the blocks are short enough to lose nothing, else the
    accumulator's. A result wider than the elements is asked for its precision."""
    own = fn in ("add", "maximum", "minimum", "supremum") and source.dtype.kind == "f"
    return source.dtype if own and (fn != "add" or out_dtype.itemsize <= source.dtype.itemsize) else acc_dtype


def combining(
    fn: str,
    source: Source,
    out_dtype: np.dtype[Any],
    acc_dtype: np.dtype[Any],
    fetch: str,
    columns: str = "0",
    name: str = "how",
) -> tuple[str, str, tuple[str, ...]]:
    """Return statements that make ``name`` a pointer to a ``sym_reduction``, the C text of its functions, and what
    functions they need.

    The statements need a ``sym_loops`` called ``loops``, the text ``IVDEP``. ``fetch``, ``columns``: names of the
    functions that it takes besides, or ``"0"``. Raises ``NoC``.
    """
    for d in (source.dtype, out_dtype, acc_dtype):
        if not has_c_type(d) and d.name not in STORED:
            raise NoC(f"reduction of {d}")
    if source.operands >= MAX_LOOPS:
        raise NoC(f"reduction of {source.operands} inputs")
    extremum = int(fn in ("maximum", "minimum"))
    number, acc_dtype = known(fn, source, out_dtype, acc_dtype), _wide(acc_dtype)
    store, text, functions = "0", "", set[str]()
    if acc_dtype != out_dtype and not (number and out_dtype == source.dtype):
        values = cast("acc[i]", acc_dtype, out_dtype)
        store, functions = f"sym_{acc_dtype.name}_{out_dtype.name}_store", functions_in(values)
        words = {"ID": store, "A": c_type(acc_dtype), "Y": c_type(out_dtype), "values": values}
        text = once(store, _STORE % words)
    if number:
        changes = {"fetch": fetch, "columns": columns, "operands": 1 + source.operands, "block": source.block}
        changes |= {"section": source.section, "extremum": extremum}
        return _of_machine(name, number, changes, source, out_dtype, store), text, tuple(sorted(functions))
    table, more, needed = _own(_plain(fn), fn, source, _lane(fn, source, out_dtype, acc_dtype), acc_dtype)
    sizes = [*(f"sizeof({c_type(d)})" for d in (source.dtype, acc_dtype, out_dtype)), 1 + source.operands]
    values = ", ".join(map(str, [*sizes, source.block, source.section, extremum, table[0], fetch, *table[1:], store]))
    made = f"static const sym_reduction {name}_table = {{{values}, {columns}}}, *const {name} = &{name}_table;"
    return made + "\n    (void)loops;", more + text, tuple(sorted(functions | needed))


def _of_machine(
    name: str, number: str, changes: dict[str, Any], source: Source, out_dtype: np.dtype[Any], store: str
) -> str:
    """Return statements that make ``name`` point to a reduction of the machine, or to a copy with ``changes``."""
    as_it_is = {"operands": 2, "block": RUN, "section": SECTION, "extremum": int("IMUM" in number), "fetch": "0"}
    plain = not source.text
    if plain:
        changes.pop("columns")
    changes = {k: v for k, v in changes.items() if as_it_is.get(k) != v}
    if out_dtype != source.dtype:
        changes |= {"result": f"sizeof({c_type(out_dtype)})", "store": store}
    if not changes:
        return f"const sym_reduction *const {name} = loops->known + {number};"
    lines = [f"sym_reduction {name}_table = loops->known[{number}], *const {name} = &{name}_table;"]
    return "\n    ".join([*lines, *(f"{name}_table.{k} = {v};" for k, v in changes.items())])


def _own(
    fn: str, called: str, source: Source, lane: np.dtype[Any], acc_dtype: np.dtype[Any]
) -> tuple[list[str], str, set[str]]:
    """Return what the table has of the kernel's own functions: the neutral element, ``run``, ``each`` and ``join``.

    Then their C text, and the functions that they need.
    """
    acc_op, acc_unit, need = _combine(fn, acc_dtype)
    name = "_".join((called, source.dtype.name, lane.name, acc_dtype.name))
    types = [c_type(d) for d in (source.dtype, acc_dtype)]
    words: dict[str, Any] = {
        "ID": name,
        **dict(zip("XA", types, strict=True)),
        "acc_unit": acc_unit,
        "acc_part": acc_op.format("acc[i]", "x[i]"),
        "acc_col": acc_op.format("acc[i]", f"({types[1]})x[i]"),
    }
    run, need_run = run_text(fn, source.dtype, lane, acc_dtype, name)
    parts, names = [run, _TEXT % words], [f"sym_{name}_{part}" for part in ("run", "each", "each")]
    if acc_dtype != source.dtype:
        parts.append(_JOIN % words)
        names[2] = f"sym_{name}_join"
    text = once(name, "".join(parts))
    return [f"&sym_{name}_unit", *names], text, {n for n in (need, need_run) if n}


def once(name: str, text: str) -> str:
    """Return a text that several kernels of one file may bring, of which only the first counts."""
    return _ONCE % {"ID": name, "text": text}


def run_text(
    fn: str, dtype: np.dtype[Any], lane: np.dtype[Any], acc_dtype: np.dtype[Any], name: str
) -> tuple[str, str]:
    """Return the C text of ``sym_<name>_run``, which combines contiguous elements, and what function it needs."""
    op, unit, need = _combine(fn, lane)
    combine, a, s = _combine(fn, acc_dtype)[0], c_type(acc_dtype), c_type(lane)
    words: dict[str, Any] = {"ID": name, "X": c_type(dtype), "A": a, "S": s, "LANES": LANES, "lane_unit": unit}
    words["acc_run"] = combine.format("*one", f"({a})a[0]")
    if dtype.kind == lane.kind == "c" and fn == "add":
        words |= {k: c_type(np.dtype(f"f{d.itemsize // 2}")) for k, d in (("P", dtype), ("Q", lane))}
        return _PAIRS_TEXT % words, need
    if lane.kind in "iub" and fn != "mul":  # in any order the same: compilers know how; products wait for one another
        words["acc_run"] = combine.format("*one", f"({a})a")
        words["next"] = op.format("a", f"({s})x[i]")
        return _INTEGERS_TEXT % words, need
    words["lane_k"] = op.format("a[k]", f"({s})x[i + k]")
    words["lane_w"] = op.format("a[k]", "a[k + w]")
    words["tail"] = op.format("a[0]", f"({s})x[i]")
    return _LANES_TEXT % words, need


_ONCE = """
#ifndef SYM_REDUCE_%(ID)s
#define SYM_REDUCE_%(ID)s
%(text)s
#endif
"""
_ENTRY = """
int SYM_KERNEL(char *const *restrict p, const i64 *restrict d, const i64 *restrict s, const sym_ctx *ctx) {
    const sym_loops *loops = ctx->loops;
    %s
    return loops->reduce(p, d, s, ctx, how);
}
"""

_LANES_TEXT = """
SYM_HOT void sym_%(ID)s_run(void *totals, const void *elements, i64 n, i64 count) {
    const %(X)s *x = elements;
    for (%(A)s *one = totals; count--; one++, x += n) {
        %(S)s a[%(LANES)d];
        i64 i = 0;
        for (int k = 0; k < %(LANES)d; k++) a[k] = %(lane_unit)s;
        for (; i + %(LANES)d <= n; i += %(LANES)d)
            for (int k = 0; k < %(LANES)d; k++) a[k] = %(lane_k)s;
        for (int w = %(LANES)d / 2; w; w >>= 1)
            for (int k = 0; k < w; k++) a[k] = %(lane_w)s;
        for (; i < n; i++) a[0] = %(tail)s;
        *one = %(acc_run)s;
    }
}
"""

_INTEGERS_TEXT = """
SYM_HOT void sym_%(ID)s_run(void *totals, const void *elements, i64 n, i64 count) {
    const %(X)s *x = elements;
    for (%(A)s *one = totals; count--; one++, x += n) {
        %(S)s a = %(lane_unit)s;
        for (i64 i = 0; i < n; i++) a = %(next)s;
        *one = %(acc_run)s;
    }
}
"""

#: Sums of complex numbers: real and imaginary parts lie in turn, and so do the lanes.
_PAIRS_TEXT = """
SYM_HOT void sym_%(ID)s_run(void *totals, const void *elements, i64 n, i64 count) {
    const %(P)s *v = elements;
    for (%(A)s *one = totals; count--; one++, v += 2 * n) {
        %(Q)s a[%(LANES)d];
        i64 i = 0;
        for (int k = 0; k < %(LANES)d; k++) a[k] = 0;
        for (; i + %(LANES)d <= 2 * n; i += %(LANES)d)
            for (int k = 0; k < %(LANES)d; k++) a[k] += (%(Q)s)v[i + k];
        for (int w = %(LANES)d / 2; w >= 2; w >>= 1)
            for (int k = 0; k < w; k++) a[k] += a[k + w];
        for (; i < 2 * n; i += 2) { a[0] += (%(Q)s)v[i]; a[1] += (%(Q)s)v[i + 1]; }
        *one += (%(A)s)__builtin_complex(a[0], a[1]);
    }
}
"""

#: What a loop around it needs of the work, and the loops that the machine has; see ``sym_reduction``.
_TEXT = """
static const %(A)s sym_%(ID)s_unit = %(acc_unit)s;
SYM_HOT void sym_%(ID)s_each(void *totals, const void *elements, i64 n) {
    %(A)s *acc = totals;
    const %(X)s *x = elements;
    SYM_IVDEP
    for (i64 i = 0; i < n; i++) acc[i] = %(acc_col)s;
}
"""
_JOIN = """
SYM_HOT void sym_%(ID)s_join(void *totals, const void *others, i64 n) {
    %(A)s *acc = totals;
    const %(A)s *x = others;
    SYM_IVDEP
    for (i64 i = 0; i < n; i++) acc[i] = %(acc_part)s;
}
"""
_STORE = """
SYM_HOT void %(ID)s(void *results, const void *totals, i64 n) {
    %(Y)s *y = results;
    const %(A)s *acc = totals;
    SYM_IVDEP
    for (i64 i = 0; i < n; i++) y[i] = %(values)s;
}
"""
