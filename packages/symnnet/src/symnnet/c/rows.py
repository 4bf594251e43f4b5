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
#: Rows of at most this many elements are worked on as columns.
SHORT = 40
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
#define SYMNN_NO_VECTORS __asm__ volatile("")
#endif
#ifndef SYMNN_TYPES_$F
#define SYMNN_TYPES_$F
typedef $T symnn_v_$F __attribute__((vector_size(SYM_VECTOR_BYTES)));
typedef $T symnn_u_$F __attribute__((vector_size(SYM_VECTOR_BYTES), aligned(sizeof($T)), may_alias));
typedef $I symnn_i_$F __attribute__((vector_size(SYM_VECTOR_BYTES)));
enum { SYMNN_W_$F = SYM_VECTOR_BYTES / (int)sizeof($T) };
#define SYMNN_AT_$F(x) (*(symnn_u_$F *)(x))
/* How `here` rows of n elements lie in panels (t: the input, and what becomes of it; z: a second input): as `strips` of
 * `count` vectors, `step` elements from one to the next; strips are `apart`. m, a, q, l: numbers of the rows; m lane by
 * lane, strip after strip, a too in columns. Element j of row k begins o[k] + j * stride bytes after an operand,
 * in[k] + j * unit in a panel. */
typedef struct {
  i64 n, most, here, strips, apart, count, step, unit;
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
  h->columns = rows > 1 && (n <= $SHORT || (!straight && most >= W));
  most = most < 1 ? 1 : most < rows ? most : rows;
  i64 lanes = most * W, size = (n + W - 1) & -W;
  h->count = size / W;
  h->step = W;
  h->apart = size;
  h->unit = unit;
  if (h->columns) {
    lanes = most = (most + W - 1) & -W;
    h->count = n;
    h->step = most;
    h->apart = W;
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
    SYMNN_NO_VECTORS;
  }
  return 0;
}
/* Goes on to the next rows, as many as there may be. */
SYMNN_FN int symnn_more_$F(symnn_rows_$F *h, i64 rows) {
  h->here = rows < h->most ? rows : h->most;
  h->strips = h->columns ? (h->here + SYMNN_W_$F - 1) / SYMNN_W_$F : h->here;
  return rows > 0;
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
    SYMNN_NO_VECTORS;
  }
}
/* Copies the elements of rows from x to y. Columns go four at a time: the last one takes the place of those missing. */
SYMNN_FN void symnn_move_$F(const symnn_rows_$F *h, char *y, i64 *oy, i64 sy, const char *x, i64 *ox, i64 sx) {
  const i64 here = h->here, unit = sizeof($T);
  i64 k = 1;
  while (k < here && ox[k] - ox[k - 1] == unit && oy[k] - oy[k - 1] == unit) k++;
  if (!h->columns) {
    for (k = 0; k < here; k++) symnn_copy_$F(y + oy[k], sy, x + ox[k], sx, h->n);
  } else if (k == here) {
    for (i64 j = 0; j < h->n; j++) symnn_copy_$F(y + oy[0] + j * sy, unit, x + ox[0] + j * sx, unit, here);
  } else {
    for (k = here; k % 4; k++) oy[k] = oy[k - 1], ox[k] = ox[k - 1];
    for (k = 0; k < here; k += 4) {
      char *y0 = y + oy[k], *y1 = y + oy[k + 1], *y2 = y + oy[k + 2], *y3 = y + oy[k + 3];
      const char *x0 = x + ox[k], *x1 = x + ox[k + 1], *x2 = x + ox[k + 2], *x3 = x + ox[k + 3];
      i64 at = 0, to = 0;
      for (i64 j = 0; j < h->n; j++, at += sx, to += sy) {
        const $T a = *(const $T *)(x0 + at), b = *(const $T *)(x1 + at);
        const $T c = *(const $T *)(x2 + at), d = *(const $T *)(x3 + at);
        *($T *)(y0 + to) = a, *($T *)(y1 + to) = b, *($T *)(y2 + to) = c, *($T *)(y3 + to) = d;
        SYMNN_NO_VECTORS;
      }
    }
  }
}
/* Packs rows; what lies behind the end of a row on its own is `filler`. */
SYMNN_FN void symnn_read_$F(symnn_rows_$F *h, $T *t, const char *x, i64 *o, i64 stride, $T filler) {
  symnn_move_$F(h, (char *)t, h->in, h->unit, x, o, stride);
  for (i64 k = h->columns ? h->here : 0; k < h->here; k++)
    for (i64 j = h->n; j < h->apart; j++) {
      t[k * h->apart + j] = filler;
      SYMNN_NO_VECTORS;
    }
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
      for (int k = 2; k < SYMNN_W_$F; k += 2) c = m[k] > c ? m[k] : c, e = m[k + 1] > e ? m[k + 1] : e;
      SYMNN_AT_$F(m) = (e > c ? e : c) - (symnn_v_$F){0};
    }
  }
}
#endif
"""

#: A loop over panels that adds up rows: ``$TERM`` adds to ``sum`` what it makes of t, z and m.
_SUM = """
#ifndef SYMNN_$NAME
#define SYMNN_$NAME
SYMNN_FN void symnn_$NAME(symnn_rows_$F *h) {
  const i64 step = h->step;
  for (i64 s = 0; s < h->strips; s++) {
    $T *t = h->t + s * h->apart, *z = h->z + s * h->apart, *m = h->m + s * SYMNN_W_$F;
    double q[SYMNN_W_$F] = {0};
    (void)z, (void)m;
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
      for (int l = 0; l < SYMNN_W_$F; l++) h->q[s * SYMNN_W_$F + l] = q[l];
    } else {
      for (int l = 2; l < SYMNN_W_$F; l += 2) q[0] += q[l], q[1] += q[l + 1];
      h->q[s] = q[0] + q[1];
    }
  }
}
#endif
"""

#: Adds up ``exp(t - m)``, meanwhile fetching the next rows. For a softmax, they take the place of t.
_EXPS_TERM = """__builtin_prefetch(h->next + (s * h->apart + at) * (i64)sizeof($T));
        $T e[SYMNN_W_$F];
        for (int l = 0; l < SYMNN_W_$F; l++) e[l] = sym_exp_$F(t[at + l] - m[l]);
        sum += SYMNN_AT_$F(e);"""
_EXPS_KEPT = _EXPS_TERM + """
        SYMNN_AT_$F(t + at) = SYMNN_AT_$F(e);"""

#: The last loop: ``$TERM`` makes r of t, z and of ak, mk (numbers of rows), which goes to y, at once if it is a row.
_MAP = """
#ifndef SYMNN_$NAME
#define SYMNN_$NAME
SYMNN_FN void symnn_$NAME(const symnn_rows_$F *h, char *to, i64 *o, i64 stride) {
  const i64 step = h->step, direct = !h->columns && stride == sizeof($T), whole = direct ? h->n / SYMNN_W_$F : h->count;
  for (i64 s = 0; s < h->strips; s++) {
    $T *t = h->t + s * h->apart, *z = h->z + s * h->apart, *y = direct ? ($T *)(to + o[s]) : t;
    const symnn_v_$F mk = SYMNN_AT_$F(h->m + s * SYMNN_W_$F);
    symnn_v_$F ak = h->a[s] - (symnn_v_$F){0};
    if (h->columns) ak = SYMNN_AT_$F(h->a + s * SYMNN_W_$F);
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
    "exps": Template(_SUM).safe_substitute(NAME="exps_$F", TERM=_EXPS_KEPT),
    "exp_sum": Template(_SUM).safe_substitute(NAME="exp_sum_$F", TERM=_EXPS_TERM),
    "logs": _LOGS,
}
#: Name and statement of the last loop of a softmax.
SCALE = ("scale", "const symnn_v_$F r = SYMNN_AT_$F(t + at) * ak;")


def words_of(dtype: str) -> dict[str, Any]:
    """Return what the pieces of text call the types of ``dtype`` (float32 or float64)."""
    f, real, mask = REALS[dtype]
    return {"F": f, "T": real, "I": mask, "SHORT": SHORT, "PANEL": PANEL, "PANEL_MOST": PANEL_MOST, "ACROSS": ACROSS}


def helpers(dtype: str, *pieces: str) -> str:
    """Return the C functions of the named pieces for rows of ``dtype``.

    ``exps`` and ``exp_sum`` need ``sym_exp_f32`` or ``_f64``; ``logs`` needs ``sym_log_f64``.
    """
    return Template(_TYPES + "".join(PIECES[name] for name in pieces)).substitute(words_of(dtype))


def map_text(dtype: str, name: str, term: str) -> str:
    """Return the function ``symnn_<name>_<dtype>`` that writes the vectors r of the statement ``term``."""
    return Template(Template(_MAP).safe_substitute(NAME=f"{name}_$F", TERM=term)).substitute(words_of(dtype))


def sum_text(dtype: str, name: str, term: str) -> str:
    """Return the function ``symnn_<name>_<dtype>`` that adds to q what the statement ``term`` adds to ``sum``."""
    return Template(Template(_SUM).safe_substitute(NAME=f"{name}_$F", TERM=term)).substitute(words_of(dtype))


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
