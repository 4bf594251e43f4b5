"""C text that the kernels of this package share: how rows are laid out for vectors, and the loops over them.

All loops work on *panels*, scratch memory in strips of whole vectors, so that no loop has a remainder. Rows get there
in one of two ways:

* as columns: element j of row k at ``j * step + k``. Each lane of a vector is a row of its own. This serves short rows
  (ten classes would leave a vector half empty), and rows that run across memory.
* one after the other, each filled up to whole vectors. Maxima and sums are combined over the lanes afterwards.

As a panel has been read before results are written, an output may take over the memory of an input.

Float32 are added up to 64 at a time, the partial sums in float64. A NaN may slip past the maximum (the comparison is
false), but not past the sum: so it reaches the whole row, as it does in NumPy.

The vectors are explicit, because with the light flags the compiler keeps arrays of lanes in memory; and every loop is a
function that is not inlined, so that it is compiled once however often it is called. So a kernel costs the compiler a
third of the time that the same loops need under -O3.
"""

from collections.abc import Sequence
from string import Template
from typing import Any

#: dtype -> (its name in the vector mathematics, C type, C type of the mask of a comparison).
REALS = {"float32": ("f32", "float", "int"), "float64": ("f64", "double", "long long")}
#: dtype -> arguments from which on the exponential is a normal number, and below which it is 0.
LIMITS = {"float32": ("-87.0f", "-104.0f"), "float64": ("-708.0", "-746.0")}
#: Rows of at most this many bytes are worked on as columns.
SHORT = 160
#: Elements of a panel: 8 KB of float32, 16 KB of float64, unless its rows are long.
PANEL = 2048
#: Rows of a panel at least, as far as PANEL_MOST allows, where rows run across memory: whole lines of the cache.
ACROSS = 64
PANEL_MOST = 1 << 18

_TYPES = """
#ifndef SYMNN_TYPES
#define SYMNN_TYPES
#ifndef SYM_VECTOR_BYTES
#if defined(__AVX512F__)
#define SYM_VECTOR_BYTES 64
#elif defined(__AVX__)
#define SYM_VECTOR_BYTES 32
#else
#define SYM_VECTOR_BYTES 16
#endif
#endif
#define SYMNN_FN static __attribute__((noinline, unused))
/* Keeps the compiler from analysing a loop not worth it: it cannot know how `k` counts, nor what memory holds. */
#define SYMNN_PLAIN(k) __asm__ volatile("" : "+r"(k) : : "memory")
#endif
#ifndef SYMNN_TYPES_$F
#define SYMNN_TYPES_$F
typedef $T symnn_v_$F __attribute__((vector_size(SYM_VECTOR_BYTES)));
typedef $T symnn_u_$F __attribute__((vector_size(SYM_VECTOR_BYTES), aligned(sizeof($T)), may_alias));
typedef $I symnn_i_$F __attribute__((vector_size(SYM_VECTOR_BYTES)));
enum { SYMNN_W_$F = SYM_VECTOR_BYTES / (int)sizeof($T) };
#define SYMNN_AT_$F(x) (*(symnn_u_$F *)(x))
/* How `here` rows of n elements lie in panels (t: the input, and what becomes of it; z: a second input): as `strips` of
 * `count` vectors, `step` elements from one to the next; strips are `apart`. m: the largest of row k at k * lane, and
 * for a row on its own in all lanes; a: another number, at k * lane; q, l: numbers at k. Element j of row k begins
 * o[k] + j * stride bytes after an operand, in[k] + j * unit in a panel. */
typedef struct {
  i64 n, most, here, strips, apart, count, step, unit, lane;
  int columns;
  $T *t, *z, *m, *a;
  double *q, *l;
  i64 *in, *o;
  const char *next;
} symnn_rows_$F;
#endif
"""

#: Chooses the layout and reserves its memory. ``straight``: the rows of all operands lie along memory.
_OPEN = """
#ifndef SYMNN_OPEN_$F
#define SYMNN_OPEN_$F
SYMNN_FN int symnn_open_$F(symnn_rows_$F *h, const sym_ctx *ctx, i64 n, i64 rows, int straight, int inputs) {
  const i64 W = SYMNN_W_$F, unit = sizeof($T);
  i64 most = $PANEL / (n + !n);
  if (!straight && most < $ACROSS) {
    most = $PANEL_MOST / n;
    most = most < $ACROSS ? most : $ACROSS;
  }
  h->n = n;
  h->columns = rows > 1 && (n * unit <= $SHORT || (!straight && most >= W));
  most = most < 1 ? 1 : most < rows ? most : rows;
  i64 lanes = most * W, size = (n + W - 1) & -W;
  h->count = size / W;
  h->step = W;
  h->apart = size;
  h->lane = W;
  h->unit = unit;
  if (h->columns) {
    lanes = most = (most + W - 1) & -W;
    h->count = n;
    h->step = most;
    h->apart = W;
    h->lane = 1;
    h->unit = most * unit;
    size = n;
  }
  h->most = most;
  const i64 all = inputs * size * most;
  h->t = ($T *)(void *)ctx->reserve(ctx, (2 * lanes + 4 * (most + 4)) * (i64)sizeof(double) + (2 * lanes + all) * unit);
  if (!h->t) return ctx->fail(ctx, SYM_MEMORY, "there is no memory for %lld rows of %lld elements", most, n);
  h->z = h->t + all - size * most;
  h->m = h->t + all;
  h->a = h->m + lanes;
  h->q = (double *)(void *)(h->a + lanes);
  h->l = h->q + lanes;
  h->in = (i64 *)(void *)(h->l + lanes);
  h->o = h->in + most + 4;
  const i64 apart = h->columns ? unit : size * unit;
  for (i64 k = 0; k < most; k++) {
    h->in[k] = k * apart;
    SYMNN_PLAIN(k);
  }
  return 0;
}
#endif
"""

#: Between memory and panels.
_MOVE = """
#ifndef SYMNN_MOVE_$F
#define SYMNN_MOVE_$F
SYMNN_FN void symnn_copy_$F(char *y, i64 sy, const char *x, i64 sx, i64 n) {
  i64 j = 0;
  if (sx == sizeof($T) && sy == sizeof($T))
    for (; j + SYMNN_W_$F <= n; j += SYMNN_W_$F)
      SYMNN_AT_$F(y + j * (i64)sizeof($T)) = SYMNN_AT_$F(x + j * (i64)sizeof($T));
  for (; j < n; j++) {
    *($T *)(y + j * sy) = *(const $T *)(x + j * sx);
    SYMNN_PLAIN(j);
  }
}
/* Copies the elements of rows from x to y. Columns go four at a time: the last one takes the place of those missing. */
SYMNN_FN void symnn_move_$F(const symnn_rows_$F *h, char *y, i64 *oy, i64 sy, const char *x, i64 *ox, i64 sx) {
  const i64 here = h->here, unit = sizeof($T);
  i64 k = 1;
  while (k < here && ox[k] - ox[k - 1] == unit && oy[k] - oy[k - 1] == unit) k++;
  if (!h->columns || k == here) {
    const i64 across = h->columns, lines = across ? h->n : here, length = across ? here : h->n;
    for (k = 0; k < lines; k++) {
      const i64 at = across ? 0 : k, by = across ? k : 0;
      symnn_copy_$F(y + oy[at] + by * sy, across ? unit : sy, x + ox[at] + by * sx, across ? unit : sx, length);
      SYMNN_PLAIN(k);
    }
    return;
  }
  for (k = here; k % 4; k++) {
    oy[k] = oy[k - 1], ox[k] = ox[k - 1];
    SYMNN_PLAIN(k);
  }
  for (k = 0; k < here; k += 4) {
    SYMNN_PLAIN(k);
    char *y0 = y + oy[k], *y1 = y + oy[k + 1], *y2 = y + oy[k + 2], *y3 = y + oy[k + 3];
    const char *x0 = x + ox[k], *x1 = x + ox[k + 1], *x2 = x + ox[k + 2], *x3 = x + ox[k + 3];
    for (i64 j = 0, at = 0, to = 0; j < h->n; j++, at += sx, to += sy) {
      const $T a = *(const $T *)(x0 + at), b = *(const $T *)(x1 + at);
      const $T c = *(const $T *)(x2 + at), d = *(const $T *)(x3 + at);
      *($T *)(y0 + to) = a, *($T *)(y1 + to) = b, *($T *)(y2 + to) = c, *($T *)(y3 + to) = d;
      SYMNN_PLAIN(at);
      SYMNN_PLAIN(to);
    }
  }
}
/* Packs h->here rows; what lies behind the end of a row on its own is `filler`. */
SYMNN_FN void symnn_read_$F(symnn_rows_$F *h, $T *t, const char *x, i64 *o, i64 stride, $T filler) {
  h->strips = h->columns ? (h->here + SYMNN_W_$F - 1) / SYMNN_W_$F : h->here;
  for (i64 s = 1; s <= h->strips && !h->columns; s++)
    SYMNN_AT_$F(t + s * h->apart - SYMNN_W_$F) = filler - (symnn_v_$F){0};
  symnn_move_$F(h, (char *)t, h->in, h->unit, x, o, stride);
  h->next = stride == sizeof($T) ? x + o[h->here - 1] + h->n * stride : (const char *)t;
}
#endif
"""

_TOP = """
#ifndef SYMNN_TOP_$F
#define SYMNN_TOP_$F
static inline symnn_v_$F symnn_max_$F(symnn_v_$F a, symnn_v_$F b) {
  const symnn_i_$F more = b > a;
  return (symnn_v_$F)((more & (symnn_i_$F)b) | (~more & (symnn_i_$F)a));
}
/* m = the largest of each row. */
SYMNN_FN void symnn_top_$F(const symnn_rows_$F *h) {
  const i64 step = h->step;
  for (i64 s = 0; s < h->strips; s++) {
    SYMNN_PLAIN(s);
    symnn_v_$F a = -__builtin_inff() - (symnn_v_$F){0}, b = a;
    const $T *x = h->t + s * h->apart;
    i64 j = 0;
    for (; j + 2 <= h->count; j += 2, x += 2 * step) {
      a = symnn_max_$F(a, SYMNN_AT_$F(x));
      b = symnn_max_$F(b, SYMNN_AT_$F(x + step));
    }
    if (j < h->count) a = symnn_max_$F(a, SYMNN_AT_$F(x));
    $T *m = h->m + s * SYMNN_W_$F;
    SYMNN_AT_$F(m) = symnn_max_$F(a, b);
    if (!h->columns) {
      $T c = m[0], e = m[1];
      for (i64 k = 2; k < SYMNN_W_$F; k += 2) {
        SYMNN_PLAIN(k);
        c = m[k] > c ? m[k] : c, e = m[k + 1] > e ? m[k + 1] : e;
      }
      SYMNN_AT_$F(m) = (e > c ? e : c) - (symnn_v_$F){0};
    }
  }
}
#endif
"""

#: A loop over panels that adds up rows: ``$TERM`` adds to ``sum`` what it makes of t, z and m; ``$LANES``
#: and ``$ROW`` keep the sum of a row. ``$VERDICT`` tells whether all this must be done again in another way.
_SUM = """
#ifndef SYMNN_$NAME
#define SYMNN_$NAME
SYMNN_FN int symnn_$NAME(symnn_rows_$F *h) {
  const i64 step = h->step;
  symnn_i_$F bad = {0};
  (void)bad;
  for (i64 s = 0; s < h->strips; s++) {
    SYMNN_PLAIN(s);
    $T *t = h->t + s * h->apart, *z = h->z + s * h->apart, *m = h->m + s * SYMNN_W_$F;
    const symnn_v_$F top = SYMNN_AT_$F(m);
    const char *next = h->next + s * h->apart * (i64)sizeof($T);
    double q[SYMNN_W_$F] = {0};
    (void)z, (void)m, (void)next, (void)top;
    for (i64 j = 0; j < h->count;) {
      const i64 end = h->count - j < 64 ? h->count : j + 64;
      symnn_v_$F sum = {0};
      for (i64 at = j * step; j < end; j++, at += step) {
        $TERM
      }
      const $T *lanes = (const $T *)&sum;
      for (int l = 0; l < SYMNN_W_$F; l++) q[l] += lanes[l];
    }
    if (h->columns) {
      $LANES
    } else {
      double a = q[0], b = q[1];
      for (i64 l = 2; l < SYMNN_W_$F; l += 2) {
        SYMNN_PLAIN(l);
        a += q[l], b += q[l + 1];
      }
      $ROW
    }
  }
  $VERDICT
}
#endif
"""

#: What the sums in q go to, in columns.
_LANES_Q = "for (int l = 0; l < SYMNN_W_$F; l++) h->q[s * SYMNN_W_$F + l] = q[l];"
_LANES_A = """$T a[SYMNN_W_$F];
      for (int l = 0; l < SYMNN_W_$F; l++) a[l] = ($T)$KEPT;
      SYMNN_AT_$F(h->a + s * SYMNN_W_$F) = SYMNN_AT_$F(a);"""

_VERDICT = """$I any = 0;
  for (int l = 0; l < SYMNN_W_$F; l++) any |= bad[l];
  return any != 0;"""

#: Adds up ``exp(t - m)``, for any numbers.
_EXP = """$T e[SYMNN_W_$F];
        for (int l = 0; l < SYMNN_W_$F; l++) e[l] = sym_exp_$F(t[at + l] - m[l]);
        sum += SYMNN_AT_$F(e);"""
#: The same of numbers whose exponential is normal or 0, meanwhile fetching the next rows; others are bad. The fast form
#: of the exponential makes nonsense of those and of what is far below m, which becomes 0.
_EXP_USUAL = """__builtin_prefetch(next + at * (i64)sizeof($T));
        $T e[SYMNN_W_$F];
        unsigned $I unused = 0;
        for (int l = 0; l < SYMNN_W_$F; l++) e[l] = sym_exp_usual_$F(&unused, t[at + l] - m[l]);
        const symnn_v_$F x = SYMNN_AT_$F(t + at) - top;
        const symnn_i_$F far = x < $FAR;
        bad |= ~(far | (x >= $NORMAL));
        const symnn_v_$F power = (symnn_v_$F)((symnn_i_$F)SYMNN_AT_$F(e) & ~far);
        sum += power;"""
#: The exponentials take the place of t.
_KEPT, _KEPT_USUAL = "SYMNN_AT_$F(t + at) = SYMNN_AT_$F(e);", "SYMNN_AT_$F(t + at) = power;"
#: What is called for sums of exponentials; where there are bad numbers, the panel is read, and added up, once more.
EXP_CALL = """if (symnn_$SUM(&h)) {
      $READ
      symnn_every_$SUM(&h);
    }"""

#: The last loop: ``$TERM`` makes r of t, z and of ak, mk (numbers of rows), which goes to y, at once if it is a row.
_MAP = """
#ifndef SYMNN_$NAME
#define SYMNN_$NAME
SYMNN_FN void symnn_$NAME(const symnn_rows_$F *h, char *to, i64 *o, i64 stride) {
  const i64 step = h->step, direct = !h->columns && stride == sizeof($T), whole = direct ? h->n / SYMNN_W_$F : h->count;
  for (i64 s = 0; s < h->strips; s++) {
    SYMNN_PLAIN(s);
    $T *t = h->t + s * h->apart, *z = h->z + s * h->apart, *y = direct ? ($T *)(to + o[s]) : t;
    const symnn_v_$F mk = SYMNN_AT_$F(h->m + s * SYMNN_W_$F);
    symnn_v_$F ak = SYMNN_AT_$F(h->a + s * SYMNN_W_$F);
    if (!h->columns) ak = h->a[s * SYMNN_W_$F] - (symnn_v_$F){0};
    (void)z, (void)mk;
    for (i64 j = 0, at = 0; j < h->count; j++, at += step) {
      $TERM
      if (j < whole) {
        SYMNN_AT_$F(y + at) = r;
      } else {
        SYMNN_AT_$F(t + at) = r;
        symnn_copy_$F((char *)(y + at), stride, (char *)(t + at), stride, h->n - at);
      }
    }
  }
  if (!direct) symnn_move_$F(h, to, o, stride, (char *)h->t, h->in, h->unit);
}
#endif
"""

_LOGS = """
#ifndef SYMNN_LOGS
#define SYMNN_LOGS
/* y = log(q), at least n of them: whole vectors. */
SYMNN_FN void symnn_logs(double *restrict y, const double *restrict q, i64 n) {
  for (i64 k = 0; k < n; k += SYM_VECTOR_BYTES / 8)
    for (int l = 0; l < SYM_VECTOR_BYTES / 8; l++) y[k + l] = sym_log_f64(q[k + l]);
}
#endif
"""

#: What a kernel may ask for besides the types: name -> text.
PIECES = {
    "rows": _OPEN + _MOVE,
    "top": _TOP,
    "logs": _LOGS,
}
#: Name and statement of the last loop of a softmax.
SCALE = ("scale", "const symnn_v_$F r = SYMNN_AT_$F(t + at) * ak;")


def words_of(dtype: str) -> dict[str, Any]:
    """Return what the pieces of text call the types of ``dtype`` (float32 or float64)."""
    f, real, mask = REALS[dtype]
    normal, far = LIMITS[dtype]
    return {
        "F": f, "T": real, "I": mask, "NORMAL": normal, "FAR": far,
        "SHORT": SHORT, "PANEL": PANEL, "PANEL_MOST": PANEL_MOST, "ACROSS": ACROSS,
    }  # fmt: skip


def helpers(dtype: str, *pieces: str) -> str:
    """Return the C functions of the named pieces for rows of ``dtype``.

    ``logs`` needs ``sym_log_f64``.
    """
    return Template(_TYPES + "".join(PIECES[name] for name in pieces)).substitute(words_of(dtype))


def map_text(dtype: str, name: str, term: str) -> str:
    """Return the function ``symnn_<name>_<dtype>`` that writes the vectors r of the statement ``term``."""
    return Template(Template(_MAP).safe_substitute(NAME=f"{name}_$F", TERM=term)).substitute(words_of(dtype))


def sum_text(dtype: str, name: str, term: str, kept: str = "", verdict: str = "return 0;") -> str:
    """Return the function ``symnn_<name>_<dtype>`` of the sums of what the statement ``term`` adds to ``sum``.

    Sums go to q, or what ``kept``, an expression with ``%s`` for a sum, makes of them to a. It returns what ``verdict``
    says.
    """
    lanes, row = _LANES_Q, "h->q[s] = (a + b);"
    if kept:
        lanes, row = _LANES_A.replace("$KEPT", kept % "q[l]"), f"h->a[s * SYMNN_W_$F] = ($T){kept % '(a + b)'};"
    text = Template(_SUM).safe_substitute(NAME=f"{name}_$F", TERM=term, LANES=lanes, ROW=row, VERDICT=verdict)
    return Template(text).substitute(words_of(dtype))


def exp_text(dtype: str, name: str, stored: bool, kept: str = "") -> str:
    """Return two functions of the sums of ``exp(t - m)``, where m are the largest of the rows t.

    ``symnn_<name>_<dtype>`` returns whether a number is bad: then ``symnn_every_<name>_<dtype>`` must be called on the
    panel, read again: ``EXP_CALL``. ``stored``: the exponentials take the place of t. ``kept`` as in ``sum_text``. They
    need ``sym_exp_<dtype>`` and ``sym_exp_usual_<dtype>``.
    """
    usual, every = (_EXP_USUAL + _KEPT_USUAL, _EXP + _KEPT) if stored else (_EXP_USUAL, _EXP)
    return sum_text(dtype, name, usual, kept, _VERDICT) + sum_text(dtype, f"every_{name}", every, kept)


class Layout:
    """Where the lengths and strides of each operand stand in ``d`` and ``s`` of a kernel with the full layout.

    Operands are numbered as the kernel sees them: outputs, then inputs.
    """

    def __init__(self, node: Any):
        self.ranks = [v.type.ndim for v in (*node.outputs, *node.inputs)]
        self.starts = [sum(self.ranks[:k]) for k in range(len(self.ranks))]

    def dim(self, operand: int, axis: int) -> str:
        """Return the C expression for the length of an operand along ``axis``."""
        return f"d[{self.starts[operand] + axis % self.ranks[operand]}]"

    def stride(self, operand: int, axis: int) -> str:
        """Return the C expression for the byte stride of an operand along ``axis``."""
        return f"s[{self.starts[operand] + axis % self.ranks[operand]}]"

    def rows(self, operand: int, axis: int) -> str:
        """Return the C expression for the number of rows along ``axis``."""
        others = self._others(operand, axis)
        return " * ".join(self.dim(operand, a) for a in others) or "1"

    def offset(self, operand: int, axis: int, row: str) -> str:
        """Return the C expression for the byte offset of row number ``row`` (the last axis counts fastest)."""
        others = self._others(operand, axis)
        terms, inner = [], ""
        for position, a in enumerate(reversed(others)):
            index = f"({row}) / ({inner})" if inner else f"({row})"
            if position < len(others) - 1:
                index = f"({index}) % {self.dim(operand, a)}"
            terms.append(f"({index}) * {self.stride(operand, a)}")
            inner = f"{inner} * {self.dim(operand, a)}" if inner else self.dim(operand, a)
        return " + ".join(terms) or "0"

    def _others(self, operand: int, axis: int) -> Sequence[int]:
        ndim = self.ranks[operand]
        return [a for a in range(ndim) if a != axis % ndim]
