"""C text of reductions over any axes.

The loops around the work have no types of elements, so the machine has them (``ctx->loops->reduce``): compiling them
took half the time of a reduction. If the innermost loop is reduced ("rows"), each result is combined from runs of
contiguous elements, in lanes, so that no reassociation by the compiler is needed; floats are added in blocks in their
own type and the blocks' totals in the accumulator's. If the innermost loop is kept ("columns"), blocks of results are
accumulated side by side, several rows at a time (``columns``); of short rows, whole blocks of them as one long row,
which is folded at the end.

Where the elements come from is a ``Source``: memory, or elementwise work done block by block (``map_reduce``). It
hands out one block at a time, as contiguous elements; of short rows several at once, along the next loop.

Sums and extrema of floats use vector types as wide as the processor's: with the light flags, which compile three times
faster than -O3, an array of lanes would be kept in memory instead of registers (2 times slower, measured).
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
    section: int = 1 << 17
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
    columns, text = "0", source.text
    if source.rows is not None and source.rows.count and source.dtype.kind != "c":
        wide = _wide(acc_dtype)
        lane = _lane(fn, source, out_dtype, wide)
        columns = "SYM_KERNEL_columns"
        lane_op, acc_op = (_combine(_plain(fn), d)[0] for d in (lane, wide))
        text += columns_text(source.rows, lane, lane_op, wide, acc_op)
    fetch = "SYM_KERNEL_fetch" if source.text else "0"
    table, shared, functions = combining(fn, source, out_dtype, acc_dtype, fetch, columns)
    return shared + text + _ENTRY % table, functions


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
    fn: str, source: Source, out_dtype: np.dtype[Any], acc_dtype: np.dtype[Any], fetch: str, columns: str = "0"
) -> tuple[str, str, tuple[str, ...]]:
    """Return the initialiser of a ``sym_reduction``, the C text of its functions, and what functions they need.

    ``fetch``, ``columns``: names of the functions that it takes besides, or ``"0"``. Raises ``NoC``.
    """
    for d in (source.dtype, out_dtype, acc_dtype):
        if not has_c_type(d) and d.name not in STORED:
            raise NoC(f"reduction of {d}")
    acc_dtype = _wide(acc_dtype)
    extremum = fn in ("maximum", "minimum")
    called, fn = fn, _plain(fn)  # what no elements give is where the lanes start
    if source.operands >= MAX_LOOPS:
        raise NoC(f"reduction of {source.operands} inputs")
    lane = _lane(fn, source, out_dtype, acc_dtype)
    acc_op, acc_unit, need = _combine(fn, acc_dtype)
    name = "_".join((called, source.dtype.name, out_dtype.name, acc_dtype.name))
    types = [c_type(d) for d in (source.dtype, acc_dtype, out_dtype)]
    words: dict[str, Any] = {
        "ID": name,
        **dict(zip("XAY", types, strict=True)),
        "acc_unit": acc_unit,
        "acc_part": acc_op.format("acc[i]", "x[i]"),
        "acc_col": acc_op.format("acc[i]", f"({types[1]})x[i]"),
        "store_col": cast("acc[i]", acc_dtype, out_dtype),
    }
    run, need_run = run_text(fn, source.dtype, lane, acc_dtype, name)
    parts, names = [run, _TEXT % words], [fetch, *(f"sym_{name}_{part}" for part in ("run", "each", "each")), "0"]
    if acc_dtype != source.dtype:
        parts.append(_JOIN % words)
        names[3] = f"sym_{name}_join"
    if acc_dtype != out_dtype:
        parts.append(_STORE % words)
        names[4] = f"sym_{name}_store"
    sizes = [*(f"sizeof({t})" for t in types), 1 + source.operands, source.block, source.section, int(extremum)]
    table = "{" + ", ".join(map(str, [*sizes, f"&sym_{name}_unit", *names, columns])) + "}"
    functions = {n for n in (need, need_run) if n} | functions_in(words["store_col"])
    return table, IVDEP + once(name, "".join(parts)), tuple(sorted(functions))


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
    if lane == dtype and lane.kind == "f":
        words["I"] = "int" if lane.itemsize == 4 else "long long"
        words["vector_two"] = _VECTOR_TWO[fn]
        words["acc_run"] = combine.format("*one", f"({a})sym_{name}_lanes(a0)")
        return _VECTOR_TEXT % words, need
    if lane.kind in "iub" and fn != "mul":  # in any order the same: compilers know how; products wait for one another
        words["acc_run"] = combine.format("*one", f"({a})a")
        words["next"] = op.format("a", f"({s})x[i]")
        return _INTEGERS_TEXT % words, need
    words["lane_k"] = op.format("a[k]", f"({s})x[i + k]")
    words["lane_w"] = op.format("a[k]", "a[k + w]")
    words["tail"] = op.format("a[0]", f"({s})x[i]")
    return _LANES_TEXT % words, need


_CHOOSE = "return (V)((m & (I)b) | (~m & (I)a));"
#: How two vectors are combined. A NaN is greater than everything on either side.
_VECTOR_TWO = {
    "add": "return a + b;",
    "mul": "return a * b;",
    "maximum": "const I m = (b > a) | (b != b); " + _CHOOSE,
    "minimum": "const I m = (b < a) | (b != b); " + _CHOOSE,
}

_ONCE = """
#ifndef SYM_REDUCE_%(ID)s
#define SYM_REDUCE_%(ID)s
%(text)s
#endif
"""
_ENTRY = """
int SYM_KERNEL(char *const *restrict p, const i64 *restrict d, const i64 *restrict s, const sym_ctx *ctx) {
    static const sym_reduction how = %s;
    return ctx->loops->reduce(p, d, s, ctx, &how);
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

_VECTOR_TEXT = """
#ifndef SYM_VECTOR_BYTES
#if defined(__AVX512F__)
#define SYM_VECTOR_BYTES 64
#elif defined(__AVX__)
#define SYM_VECTOR_BYTES 32
#else
#define SYM_VECTOR_BYTES 16
#endif
#endif
typedef %(X)s sym_%(ID)s_v __attribute__((vector_size(SYM_VECTOR_BYTES)));
typedef %(X)s sym_%(ID)s_u __attribute__((vector_size(SYM_VECTOR_BYTES), aligned(sizeof(%(X)s)), may_alias));
typedef %(I)s sym_%(ID)s_i __attribute__((vector_size(SYM_VECTOR_BYTES)));
static inline sym_%(ID)s_v sym_%(ID)s_two(sym_%(ID)s_v a, sym_%(ID)s_v b) {
    typedef sym_%(ID)s_v V __attribute__((unused));
    typedef sym_%(ID)s_i I __attribute__((unused));
    %(vector_two)s
}

/* All lanes of a vector: halves of it down to 16 bytes, then one by one, each in all lanes: without a branch. */
typedef %(X)s sym_%(ID)s_q __attribute__((vector_size(16)));
typedef %(I)s sym_%(ID)s_j __attribute__((vector_size(16)));
static inline sym_%(ID)s_q sym_%(ID)s_few(sym_%(ID)s_q a, sym_%(ID)s_q b) {
    typedef sym_%(ID)s_q V __attribute__((unused));
    typedef sym_%(ID)s_j I __attribute__((unused));
    %(vector_two)s
}
static inline %(X)s sym_%(ID)s_lanes(sym_%(ID)s_v v) {
    enum { Q = SYM_VECTOR_BYTES / 16, E = 16 / (int)sizeof(%(X)s) };
    sym_%(ID)s_q part[Q];
    *(sym_%(ID)s_u *)part = v;
    for (int w = Q / 2; w; w >>= 1)
        for (int k = 0; k < w; k++) part[k] = sym_%(ID)s_few(part[k], part[k + w]);
    sym_%(ID)s_q all = part[0];
    for (int k = 1; k < E; k++) all = sym_%(ID)s_few(all, part[0][k] - (sym_%(ID)s_q){0});
    return all[0];
}

SYM_HOT void sym_%(ID)s_run(void *totals, const void *elements, i64 n, i64 count) {
    enum { W = SYM_VECTOR_BYTES / (int)sizeof(%(X)s) };
    const sym_%(ID)s_v unit = (sym_%(ID)s_v){0} + %(lane_unit)s;
    const %(X)s *x = elements;
    for (%(A)s *one = totals; count--; one++, x += n) {
        sym_%(ID)s_v a0 = unit, a1 = unit, a2 = unit, a3 = unit;
        i64 i = 0;
        for (; i + 4 * W <= n; i += 4 * W) {
            a0 = sym_%(ID)s_two(a0, *(const sym_%(ID)s_u *)(x + i));
            a1 = sym_%(ID)s_two(a1, *(const sym_%(ID)s_u *)(x + i + W));
            a2 = sym_%(ID)s_two(a2, *(const sym_%(ID)s_u *)(x + i + 2 * W));
            a3 = sym_%(ID)s_two(a3, *(const sym_%(ID)s_u *)(x + i + 3 * W));
        }
        if (i) a0 = sym_%(ID)s_two(sym_%(ID)s_two(a0, a1), sym_%(ID)s_two(a2, a3));
        for (; i + W <= n; i += W) a0 = sym_%(ID)s_two(a0, *(const sym_%(ID)s_u *)(x + i));
        if (i < n) {
            %(X)s rest[W] __attribute__((aligned(64)));
            for (int k = 0; k < W; k++) rest[k] = k < n - i ? x[i + k] : %(lane_unit)s;
            a0 = sym_%(ID)s_two(a0, *(const sym_%(ID)s_v *)rest);
        }
        *one = %(acc_run)s;
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
SYM_HOT void sym_%(ID)s_store(void *results, const void *totals, i64 n) {
    %(Y)s *y = results;
    const %(A)s *acc = totals;
    SYM_IVDEP
    for (i64 i = 0; i < n; i++) y[i] = %(store_col)s;
}
"""
