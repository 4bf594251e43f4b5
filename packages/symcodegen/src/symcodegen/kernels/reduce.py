"""C text of reductions over any axes.

The loops are sorted into kept ones and reduced ones. If the innermost loop is reduced ("rows"), each result is combined
from runs of contiguous elements, in lanes, so that no reassociation by the compiler is needed; floats are added in
blocks of at most 4096 in their own type and the blocks' totals in the accumulator's. If the innermost loop is kept
("columns"), blocks of results are accumulated side by side, several rows at a time (``columns``); of short rows, whole
blocks of them as one long row, which is folded at the end.

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
from symcodegen.kernels.elemwise import IVDEP, PACKING
from symcore.record import Record

LANES = 64
#: Results accumulated side by side: a page of memory, so that rows are read as one stream (6 times faster than 256).
COLUMNS = 1024
#: Elements that lanes of the elements' own precision add before the accumulator takes over: as accurate as NumPy on a
#: million equal numbers (4096 were a third faster on what the cache holds, and six times as far off). The blocks of
#: map_reduce must not be longer.
RUN = 1024
#: Runs of up to so many elements are handed out several at a time.
SHORT = 128
#: Sections of what is combined into one result, at most. Where they end is decided by lengths alone: so the result does
#: not depend on who computes them. Where results lie side by side, a quarter, for each section has a row of them.
SECTIONS = 64
MAX_LOOPS = 64


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
        C text of the function ``SYM_KERNEL_fetch``, as ``FETCH`` begins it. It returns a pointer to ``rows * m``
        elements: ``m`` of the innermost loop from the position ``from`` on, for each of ``rows`` positions of another
        loop from ``row`` on. Operand ``k`` begins at ``q[k]`` and moves by ``step[k]`` and ``jump[k]`` bytes; ``p`` are
        the operands' beginnings. ``v`` has room for ``block`` elements.
    """

    dtype: np.dtype[Any]
    operands: int
    block: int
    text: str
    section: int = 1 << 17
    rows: Rows | None = None


#: How every ``SYM_KERNEL_fetch`` begins; see ``Source``. The type of the elements is put in.
FETCH = (
    "SYM_NOINLINE const {0} *SYM_KERNEL_fetch(char *const *p, char *const *q, i64 from, i64 m, i64 row, i64 rows, "
    "const i64 *step, const i64 *jump, {0} *v) {{\n"
)


def fetch_operand(k: int, dtype: np.dtype[Any], buffer: str) -> str:
    """Return statements that make ``a<k>`` point to the elements of operand ``k`` of a block: in memory if they lie
    there one after another, else packed into ``buffer``."""
    t, size = c_type(dtype), dtype.itemsize
    return f"""    const char *q{k} = q[{k}] + from * step[{k}] + row * jump[{k}];
    const {t} *a{k} = (const {t} *)q{k};
    if (step[{k}] != {size} || (rows > 1 && jump[{k}] != m * {size})) {{
        for (i64 i = 0; i < rows; i++) sym_pack_{size}({buffer} + i * m, q{k} + i * jump[{k}], m, step[{k}]);
        a{k} = {buffer};
    }}
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
    fetch = f"{FETCH.format(c_type(in_dtype))}    (void)p;\n{fetch_operand(1, in_dtype, 'v')}    return a1;\n}}\n"
    rows = Rows(("rows",), (in_dtype,), (), "x0", in_dtype) if side_by_side else None
    return reduction(fn, Source(in_dtype, 1, RUN, fetch, rows=rows), out_dtype, acc_dtype)


def reduction(
    fn: str, source: Source, out_dtype: np.dtype[Any], acc_dtype: np.dtype[Any]
) -> tuple[str, tuple[str, ...]]:
    """Return the C text of a kernel that combines what ``source`` hands out, and the functions that combining needs.

    Raises ``NoC``.
    """
    name, shared, functions = combining(fn, source, out_dtype, acc_dtype)
    words = {"ID": name, "operands": 1 + source.operands, "block": source.block, "section": source.section}
    words["columns"], text = "0", shared + source.text
    if source.rows is not None and source.rows.count and source.dtype.kind != "c":
        acc_dtype = _wide(acc_dtype)
        lane = _lane(fn, source, out_dtype, acc_dtype)
        words["columns"] = "SYM_KERNEL_columns"
        lane_op, acc_op = (_combine(_plain(fn), d)[0] for d in (lane, acc_dtype))
        text += columns_text(source.rows, lane, lane_op, acc_dtype, acc_op)
    return text + _ENTRY % words, functions


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
    fn: str, source: Source, out_dtype: np.dtype[Any], acc_dtype: np.dtype[Any]
) -> tuple[str, str, tuple[str, ...]]:
    """Return a name, the C functions ``sym_<name>_run`` (of contiguous elements), ``..._all``, ``..._shared`` (of what
    belongs to one result, or to a block of them) and so on, and what functions they need. Raises ``NoC``."""
    for d in (source.dtype, out_dtype, acc_dtype):
        if not has_c_type(d) and d.name not in STORED:
            raise NoC(f"reduction of {d}")
    acc_dtype = _wide(acc_dtype)
    empty = _EMPTY if fn in ("maximum", "minimum") else ""
    called, fn = fn, _plain(fn)  # what no elements give is where the lanes start
    if source.operands >= MAX_LOOPS:
        raise NoC(f"reduction of {source.operands} inputs")
    lane = _lane(fn, source, out_dtype, acc_dtype)
    lane_op, lane_unit, need = _combine(fn, lane)
    acc_op, acc_unit, need_acc = _combine(fn, acc_dtype)
    name = "_".join((called, source.dtype.name, out_dtype.name, acc_dtype.name))
    words: dict[str, Any] = {
        "ID": name,
        "X": c_type(source.dtype),
        "Y": c_type(out_dtype),
        "A": c_type(acc_dtype),
        "S": c_type(lane),
        "LANES": LANES,
        "COLUMNS": COLUMNS,
        "RUN": RUN,
        "SHORT": SHORT,
        "SECTIONS": SECTIONS,
        "MAX": MAX_LOOPS,
        "lane_unit": lane_unit,
        "acc_unit": acc_unit,
        "lane_k": lane_op.format("a[k]", f"({c_type(lane)})x[i + k]"),
        "lane_w": lane_op.format("a[k]", "a[k + w]"),
        "tail": lane_op.format("a[0]", f"({c_type(lane)})x[i]"),
        "alone": acc_op.format("unit", f"sym_{name}_run(x + j * m, m)"),
        "acc_run": acc_op.format("one", f"sym_{name}_run(x, r * n)"),
        "acc_part": acc_op.format("acc[i]", "x[i]"),
        "acc_fold": acc_op.format("acc[i]", "acc[i + far]"),
        "acc_col": acc_op.format("acc[i]", f"({c_type(acc_dtype)})x[i]"),
        "empty": empty,
        "store_col": cast("acc[i]", acc_dtype, out_dtype),
    }
    words["store_alone"] = cast(words["alone"], acc_dtype, out_dtype)
    vectors = lane == source.dtype and lane.kind == "f"
    if vectors:
        words["I"] = "int" if lane.itemsize == 4 else "long long"
        words["vector_two"] = _VECTOR_TWO[fn]
    runs = _VECTOR_TEXT if vectors else _LANES_TEXT
    if source.dtype.kind == lane.kind == "c" and fn == "add":
        runs = _PAIRS_TEXT
        words |= {k: c_type(np.dtype(f"f{d.itemsize // 2}")) for k, d in (("P", source.dtype), ("Q", lane))}
    shared = (runs + _TEXT) % words
    text = IVDEP + PACKING + _NEST % words + _ONCE % {**words, "text": shared}
    return name, text, tuple(sorted({n for n in (need, need_acc) if n} | functions_in(words["store_col"])))


_CHOOSE = "return (V)((m & (I)b) | (~m & (I)a));"
#: How two vectors are combined. A NaN is greater than everything on either side.
_VECTOR_TWO = {
    "add": "return a + b;",
    "mul": "return a * b;",
    "maximum": "const I m = (b > a) | (b != b); " + _CHOOSE,
    "minimum": "const I m = (b < a) | (b != b); " + _CHOOSE,
}
_EMPTY = 'if (t.empty) return ctx->fail(ctx, SYM_VALUE, "the largest or smallest of no elements is not defined.");'

_ONCE = """
#ifndef SYM_REDUCE_%(ID)s
#define SYM_REDUCE_%(ID)s
%(text)s
#endif
"""
_ENTRY = """
int SYM_KERNEL(char *const *restrict p, const i64 *restrict d, const i64 *restrict s, const sym_ctx *ctx) {
    return sym_%(ID)s_reduce(p, d, s, ctx, %(operands)d, %(block)d, %(section)d, SYM_KERNEL_fetch, %(columns)s);
}
"""

_LANES_TEXT = """
SYM_NOINLINE %(A)s sym_%(ID)s_run(const %(X)s *x, i64 n) {
    %(S)s a[%(LANES)d];
    i64 i = 0;
    for (int k = 0; k < %(LANES)d; k++) a[k] = %(lane_unit)s;
    for (; i + %(LANES)d <= n; i += %(LANES)d)
        for (int k = 0; k < %(LANES)d; k++) a[k] = %(lane_k)s;
    for (int w = %(LANES)d / 2; w; w >>= 1)
        for (int k = 0; k < w; k++) a[k] = %(lane_w)s;
    for (; i < n; i++) a[0] = %(tail)s;
    return (%(A)s)a[0];
}
"""

#: Sums of complex numbers: real and imaginary parts lie in turn, and so do the lanes.
_PAIRS_TEXT = """
SYM_NOINLINE %(A)s sym_%(ID)s_run(const %(X)s *x, i64 n) {
    %(Q)s a[%(LANES)d];
    const %(P)s *v = (const %(P)s *)x;
    i64 i = 0;
    for (int k = 0; k < %(LANES)d; k++) a[k] = 0;
    for (; i + %(LANES)d <= 2 * n; i += %(LANES)d)
        for (int k = 0; k < %(LANES)d; k++) a[k] += (%(Q)s)v[i + k];
    for (int w = %(LANES)d / 2; w >= 2; w >>= 1)
        for (int k = 0; k < w; k++) a[k] += a[k + w];
    for (; i < 2 * n; i += 2) { a[0] += (%(Q)s)v[i]; a[1] += (%(Q)s)v[i + 1]; }
    return (%(A)s)__builtin_complex(a[0], a[1]);
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

SYM_HOT %(A)s sym_%(ID)s_run(const %(X)s *x, i64 n) {
    enum { W = SYM_VECTOR_BYTES / (int)sizeof(%(X)s) };
    const sym_%(ID)s_v unit = (sym_%(ID)s_v){0} + %(lane_unit)s;
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
    return (%(A)s)sym_%(ID)s_lanes(a0);
}
"""

#: The loops of a reduction, sorted out: the same for all kernels, so a translation unit has it once.
_NEST = """
#ifndef SYM_NEST
#define SYM_NEST
typedef struct {
    i64 kept[%(MAX)d], reduced[%(MAX)d], at[%(MAX)d], step[%(MAX)d], jump[%(MAX)d];
    i64 K, R, n, group, rows, operands;
    int columns, apart, empty, dense;
} sym_nest;

/* Sorts the loops but the innermost one into kept and reduced ones. Where that one is short, `rows` positions of the
 * next loop, `group` in all, are taken at a time; if that loop is kept, their results are apart. In columns the next
 * loop is always a reduced one; `dense`: its rows lie one after another, of all inputs. Returns 0 if there are no
 * results at all; `empty` says whether they would be of no elements. */
SYM_ONCE_A_CALL int sym_nest_sort(sym_nest *t, int operands, i64 block, const i64 *d, const i64 *s) {
    const i64 L = d[0];
    i64 g = -1;
    int results = 1;
    t->K = t->R = t->empty = t->apart = 0;
    for (i64 j = 0; j < L; j++) {
        t->at[j] = 0;
        if (s[j]) {
            if (d[1 + j] == 0) results = 0;
            t->kept[t->K++] = j;
        } else {
            if (d[1 + j] == 0) t->empty = 1;
            t->reduced[t->R++] = j;
        }
        __asm__ volatile("");
    }
    if (!results) return 0;
    t->operands = operands;
    t->n = L ? d[L] : 1;
    t->columns = L && s[L - 1] != 0;
    if (t->columns) t->K--; else if (t->R) t->R--;
    if (!t->empty && (t->columns || t->n <= %(SHORT)d)) {
        if (t->R) g = t->reduced[--t->R];
        else if (!t->columns && t->K) { g = t->kept[--t->K]; t->apart = 1; }
    }
    t->group = g >= 0 ? d[1 + g] : 1;
    t->rows = g >= 0 && t->n <= %(SHORT)d ? block / t->n : 1;
    t->dense = 1;
    for (int k = 0; k < operands; k++) {
        t->step[k] = L ? s[k * L + L - 1] : 0;
        t->jump[k] = g >= 0 ? s[k * L + g] : 0;
        t->dense &= !k || t->jump[k] == t->n * t->step[k];
        __asm__ volatile("");
    }
    return 1;
}

/* Advances the loops `which`, innermost last, and the places of the operands; returns 0 when all have gone round. */
SYM_ONCE_A_CALL int sym_nest_next(
    i64 count, const i64 *which, i64 *at, int operands, const i64 *d, const i64 *s, char **q
) {
    for (i64 j = count - 1; j >= 0; j--) {
        const i64 w = which[j], L = d[0], around = at[w] + 1 == d[1 + w] ? at[w] : -1;
        for (int k = 0; k < operands; k++) { q[k] -= s[k * L + w] * around; __asm__ volatile(""); }
        if (around < 0) { at[w]++; return 1; }
        at[w] = 0;
    }
    return 0;
}

/* Into how many sections of `unit` steps of `loop` what belongs to one result is divided: the outermost reduced loop
 * that is long enough, else the longest. Of the innermost loop, sections end between runs. */
SYM_ONCE_A_CALL i64 sym_nest_sections(const i64 *d, const i64 *s, i64 section, i64 *loop, i64 *unit) {
    const i64 L = d[0];
    double total = 1;
    *loop = -1;
    for (i64 j = 0; j < L; j++) {
        if (!s[j]) {
            total *= (double)d[1 + j];
            if (*loop < 0 || (d[1 + *loop] < 2 * %(SECTIONS)d && d[1 + j] > d[1 + *loop])) *loop = j;
        } else if (j == L - 1) total *= (double)(d[L] < %(COLUMNS)d ? d[L] : %(COLUMNS)d);
        __asm__ volatile("");
    }
    if (*loop < 0 || total < 4.0 * (double)section) return 1;
    const i64 n = d[1 + *loop], many = s[L - 1] ? %(SECTIONS)d / 4 : %(SECTIONS)d;
    const i64 least = (i64)((double)section * (double)n / total) + 1, most = (n - 1) / many + 1;
    *unit = least > most ? least : most;
    if (*loop == L - 1) *unit = (*unit + %(RUN)d - 1) / %(RUN)d * %(RUN)d;
    return (n - 1) / *unit + 1;
}

/* The nest of section k: kept loops stand still but the innermost one. */
SYM_ONCE_A_CALL void sym_nest_section(i64 k, i64 loop, i64 unit, int operands, const i64 *d, const i64 *s,
                                   char *const *from, i64 *own, char **place) {
    const i64 L = d[0], left = d[1 + loop] - k * unit;
    own[0] = L;
    for (i64 j = 0; j < L; j++) { own[1 + j] = s[j] && j < L - 1 ? 1 : d[1 + j]; __asm__ volatile(""); }
    own[1 + loop] = left < unit ? left : unit;
    for (int o = 0; o < operands; o++) { place[o] = from[o] + s[o * L + loop] * unit * k; __asm__ volatile(""); }
}
#endif
"""

#: The reduction itself, the same for all sources of elements, so a translation unit has it once.
_TEXT = """
typedef const %(X)s *sym_%(ID)s_fetch(char *const *p, char *const *q, i64 from, i64 m, i64 row, i64 rows,
                                      const i64 *step, const i64 *jump, %(X)s *v);
typedef i64 sym_%(ID)s_columns(char *const *p, char *const *q, i64 from, i64 m, i64 row, i64 end,
                               const i64 *step, const i64 *jump, %(A)s *acc);

/* Combines the rows of the group with acc[0..wide * m): row k with those from (k mod wide) * m on, or several rows with
 * the first ones. Hot: a function that is called beside a cold one alone is taken for cold, and has no vectors. */
SYM_HOT void sym_%(ID)s_group(const sym_nest *t, char *const *p, char *const *q, sym_%(ID)s_fetch *fetch,
                                   sym_%(ID)s_columns *columns, i64 from, i64 m, i64 wide, %(A)s *acc) {
    %(X)s v[%(RUN)d] __attribute__((aligned(64)));
    i64 jump[%(MAX)d], row = 0;
    if (columns && wide > 1 && t->dense) {
        for (i64 k = 0; k < t->operands; k++) { jump[k] = wide * t->jump[k]; __asm__ volatile(""); }
        row = columns(p, q, 0, wide * m, 0, t->group / wide, t->step, jump, acc) * wide;
    }
    if (columns) row = columns(p, q, from, m, row, t->group, t->step, t->jump, acc);
    for (; row < t->group; row += wide) {
        const i64 r = t->group - row < wide ? t->group - row : wide, all = r * m;
        const %(X)s *x = fetch(p, q, from, m, row, r, t->step, t->jump, v);
        SYM_IVDEP
        for (i64 i = 0; i < all; i++) acc[i] = %(acc_col)s;
    }
}

/* Combines what belongs to one result, or to the m ones from the position `from` of a kept innermost loop on. */
SYM_NOINLINE void sym_%(ID)s_all(sym_nest *t, char *const *p, char *const *place, const i64 *d, const i64 *s,
                                 int operands, i64 block, sym_%(ID)s_fetch *fetch, sym_%(ID)s_columns *columns,
                                 i64 from, i64 m, %(A)s *to) {
    %(X)s v[%(RUN)d] __attribute__((aligned(64)));
    %(A)s acc[%(COLUMNS)d] __attribute__((aligned(64))), one = %(acc_unit)s;
    char *q[%(MAX)d];
    for (int k = 0; k < operands; k++) { q[k] = place[k]; __asm__ volatile(""); }
    if (t->columns) {
        i64 wide = t->rows < t->group ? t->rows : t->group;
        for (i64 i = 0; i < wide * m; i++) acc[i] = %(acc_unit)s;
        if (!t->empty) do sym_%(ID)s_group(t, p, q, fetch, columns, from, m, wide, acc);
        while (sym_nest_next(t->R, t->reduced, t->at, operands, d, s, q));
        while (wide > 1) {
            const i64 half = wide / 2, far = (wide - half) * m;
            SYM_IVDEP
            for (i64 i = 0; i < half * m; i++) acc[i] = %(acc_fold)s;
            wide -= half;
        }
        for (i64 i = 0; i < m; i++) to[i] = acc[i];
        return;
    }
    if (!t->empty) do {
        for (i64 row = 0; row < t->group; row += t->rows)
            for (i64 at = 0; at < t->n; at += block) {
                const i64 n = t->n - at < block ? t->n - at : block;
                const i64 r = t->group - row < t->rows ? t->group - row : t->rows;
                const %(X)s *x = fetch(p, q, at, n, row, r, t->step, t->jump, v);
                one = %(acc_run)s;
            }
    } while (t->R && sym_nest_next(t->R, t->reduced, t->at, operands, d, s, q));
    *to = one;
}

/* The same for some sections of a reduced loop, each into results of its own. */
typedef struct {
    char *const *p, *const *place;
    const i64 *d, *s;
    sym_%(ID)s_fetch *fetch;
    sym_%(ID)s_columns *columns;
    i64 operands, block, from, m, loop, unit, first;
    %(A)s *parts;
} sym_%(ID)s_job;

SYM_NOINLINE void sym_%(ID)s_sections(void *data, i64 lo, i64 hi) {
    const sym_%(ID)s_job *job = data;
    const int operands = (int)job->operands;
    for (i64 k = lo; k < hi; k++) {
        i64 d[%(MAX)d];
        char *place[%(MAX)d];
        sym_nest t;
        sym_nest_section(k, job->loop, job->unit, operands, job->d, job->s, job->place, d, place);
        sym_nest_sort(&t, operands, job->block, d, job->s);
        sym_%(ID)s_all(&t, job->p, place, d, job->s, operands, job->block, job->fetch, job->columns, job->from,
                       job->m, job->parts + (k - job->first) * job->m);
    }
}

SYM_NOINLINE void sym_%(ID)s_shared(const sym_ctx *ctx, sym_%(ID)s_job *job, i64 sections, %(A)s *acc) {
    %(A)s own[%(COLUMNS)d] __attribute__((aligned(64)));
    char *room = ctx->reserve(ctx, sections * job->m * (i64)sizeof *acc);
    job->first = 0;
    job->parts = room ? (%(A)s *)room : own;
    if (room) ctx->parallel_for(ctx, sections, 1, sym_%(ID)s_sections, job);
    for (i64 i = 0; i < job->m; i++) acc[i] = %(acc_unit)s;
    for (i64 k = 0; k < sections; k++) {
        if (!room) { job->first = k; sym_%(ID)s_sections(job, k, k + 1); }
        const %(A)s *x = job->parts + (k - job->first) * job->m;
        for (i64 i = 0; i < job->m; i++) acc[i] = %(acc_part)s;
    }
}

SYM_NOINLINE int sym_%(ID)s_reduce(char *const *p, const i64 *d, const i64 *s, const sym_ctx *ctx, int operands,
                                   i64 block, i64 section, sym_%(ID)s_fetch *fetch, sym_%(ID)s_columns *columns) {
    const %(A)s unit = %(acc_unit)s;
    %(X)s v[%(RUN)d] __attribute__((aligned(64)));
    %(A)s acc[%(COLUMNS)d] __attribute__((aligned(64)));
    char *place[%(MAX)d];
    sym_nest t;
    const int results = sym_nest_sort(&t, operands, block, d, s);
    %(empty)s
    if (!results) return 0;
    for (int k = 0; k < operands; k++) { place[k] = p[k]; __asm__ volatile(""); }
    sym_%(ID)s_job job = {p, place, d, s, fetch, columns, operands, block, 0, 1, -1, 0, 0, 0};
    const i64 sections = sym_nest_sections(d, s, section, &job.loop, &job.unit);
    do {
        if (t.apart && !t.empty) {
            for (i64 row = 0; row < t.group; row += t.rows) {
                const i64 m = t.n, r = t.group - row < t.rows ? t.group - row : t.rows;
                const %(X)s *x = fetch(p, place, 0, m, row, r, t.step, t.jump, v);
                for (i64 j = 0; j < r; j++)
                    *(%(Y)s *)(place[0] + (row + j) * t.jump[0]) = %(store_alone)s;
            }
        } else for (i64 from = 0; from < (t.columns ? t.n : 1); from += %(COLUMNS)d) {
            const i64 m = !t.columns ? 1 : t.n - from < %(COLUMNS)d ? t.n - from : %(COLUMNS)d;
            job.from = from;
            job.m = m;
            if (sections > 1) sym_%(ID)s_shared(ctx, &job, sections, acc);
            else sym_%(ID)s_all(&t, p, place, d, s, operands, block, fetch, columns, from, m, acc);
            const i64 step = t.columns ? t.step[0] : 0;
            for (i64 i = 0; i < m; i++) *(%(Y)s *)(place[0] + (from + i) * step) = %(store_col)s;
        }
    } while (sym_nest_next(t.K, t.kept, t.at, operands, d, s, place));
    return 0;
}
"""
