"""C text that the kernels of this package share: walks along one row, and where a row begins.

Rows are worked on in groups whose elements fit the first-level cache. The elements of a group lie side by side in
scratch memory, so that ``exp`` runs over long vectors even for rows of ten; strides, negative ones too, are dealt with
where a group is read and where it is written. As the input of a group has been read before its output is written, an
output may take over the memory of an input.

Maxima and sums are kept in lanes, which the compiler turns into vectors without being allowed to reassociate; partial
sums are added in float64. A NaN may slip past the maximum (the comparison is false), but not past the sum: so it
reaches the whole row, as it does in NumPy.
"""

from collections.abc import Sequence
from string import Template
from typing import Any

#: dtype -> (its name in the vector mathematics, C type, lanes).
REALS = {"float32": ("f32", "float", 64), "float64": ("f64", "double", 32)}
#: Elements of a group of rows: 8 KB of float32, 16 KB of float64.
GROUP = 2048

_HELPERS = Template("""
#ifndef SYMNN_ROWS_$F
#define SYMNN_ROWS_$F
#define SYMNN_MAX(a, b) ((b) > (a) ? (b) : (a))
#define SYMNN_MAX4(m, k, w) SYMNN_MAX(SYMNN_MAX(m[k], m[k + w]), SYMNN_MAX(m[k + 2 * (w)], m[k + 3 * (w)]))
static $T symnn_max_$F(const $T *x, i64 n) {
  $T top = -__builtin_inff();
  i64 j = 0;
  if (n >= $L) {
    $T m[$L];
    for (int k = 0; k < $L; k++) m[k] = x[k];
    for (j = $L; j + $L <= n; j += $L)
      for (int k = 0; k < $L; k++) m[k] = SYMNN_MAX(m[k], x[j + k]);
    for (int k = 0; k < $L / 4; k++) m[k] = SYMNN_MAX4(m, k, $L / 4);
    for (; j + $L / 4 <= n; j += $L / 4)
      for (int k = 0; k < $L / 4; k++) m[k] = SYMNN_MAX(m[k], x[j + k]);
    for (int k = 0; k < $L / 8; k++) m[k] = SYMNN_MAX(m[k], m[k + $L / 8]);
    for (int k = 0; k < $L / 8; k++) top = SYMNN_MAX(top, m[k]);
  }
  for (; j < n; j++) top = SYMNN_MAX(top, x[j]);
  return top;
}
#undef SYMNN_MAX4
#undef SYMNN_MAX
$SUMS
/* y may be x. */
static void symnn_exp_$F($T *y, const $T *x, i64 n) {
#pragma GCC ivdep
  for (i64 j = 0; j < n; j++) y[j] = sym_exp_$F(x[j]);
}
/* The same, fetching meanwhile what lies at `next`, n elements too: the loads of the next group then need not wait. */
static void symnn_exp_ahead_$F($T *y, const $T *x, i64 n, const char *next) {
  for (i64 j = 0; j < n; j += 256) {
    const i64 block = n - j < 256 ? n - j : 256;
    for (i64 at = 0; at < block * (i64)sizeof($T); at += 64) __builtin_prefetch(next + j * (i64)sizeof($T) + at);
    symnn_exp_$F(y + j, x + j, block);
  }
}
/* y = x - max(x); y may be x. */
static void symnn_shift_$F($T *y, const $T *x, i64 n) {
  const $T top = symnn_max_$F(x, n);
#pragma GCC ivdep
  for (i64 j = 0; j < n; j++) y[j] = x[j] - top;
}
/* y = a x + b; y may be x. */
static void symnn_affine_$F($T *y, const $T *x, i64 n, $T a, $T b) {
#pragma GCC ivdep
  for (i64 j = 0; j < n; j++) y[j] = a * x[j] + b;
}
/* Copies rows between memory with any strides (row k begins o[k] bytes after x) and t, where they lie side by side; by
 * tiles, so that no line of the cache is fetched twice when the rows run across the lines. */
static void symnn_load_$F($T *restrict t, const char *restrict x, const i64 *restrict o, i64 rows, i64 n, i64 stride) {
  if (stride == sizeof($T)) {
    for (i64 k = 0; k < rows; k++)
      for (i64 j = 0; j < n; j++) t[k * n + j] = (($T *)(x + o[k]))[j];
    return;
  }
  for (i64 k0 = 0; k0 < rows; k0 += 16)
    for (i64 j0 = 0; j0 < n; j0 += 16) {
      const i64 k1 = k0 + 16 < rows ? k0 + 16 : rows, j1 = j0 + 16 < n ? j0 + 16 : n;
      $T tile[16][16];
      for (i64 j = j0; j < j1; j++)
        for (i64 k = k0; k < k1; k++) tile[k - k0][j - j0] = *($T *)(x + o[k] + j * stride);
      for (i64 k = k0; k < k1; k++)
        for (i64 j = j0; j < j1; j++) t[k * n + j] = tile[k - k0][j - j0];
    }
}
static void symnn_store_$F(char *restrict y, const $T *restrict t, const i64 *restrict o, i64 rows, i64 n, i64 stride) {
  for (i64 k0 = 0; k0 < rows; k0 += 16)
    for (i64 j0 = 0; j0 < n; j0 += 16) {
      const i64 k1 = k0 + 16 < rows ? k0 + 16 : rows, j1 = j0 + 16 < n ? j0 + 16 : n;
      $T tile[16][16];
      for (i64 k = k0; k < k1; k++)
        for (i64 j = j0; j < j1; j++) tile[j - j0][k - k0] = t[k * n + j];
      for (i64 j = j0; j < j1; j++)
        for (i64 k = k0; k < k1; k++) *($T *)(y + o[k] + j * stride) = tile[j - j0][k - k0];
    }
}
/* How many rows make a group. Rows that run across the lines of the cache come in sixteens, while that fits it. */
static i64 symnn_group_$F(i64 n, i64 rows, int across) {
  i64 group = n ? $GROUP / n : 1;
  if (across && group < 16) group = n * 16 <= 65536 ? 16 : 65536 / n;
  group = group < 1 ? 1 : group;
  return group < rows ? group : rows;
}
#endif
""")


_SUM = Template("""
static double symnn_$NAME($ARGUMENTS, i64 n) {
  double total = 0;
  i64 j = 0;
  while (n - j >= $L) { /* blocks, so that few float32 are added to one another */
    const i64 end = n - j > 4096 ? j + 4096 : n;
    $T m[$L];
    for (int k = 0; k < $L; k++) m[k] = $TERM;
    for (j += $L; j + $L <= end; j += $L)
      for (int k = 0; k < $L; k++) m[k] += $TERM;
    for (int k = 0; k < $L / 4; k++) m[k] = (m[k] + m[k + $L / 4]) + (m[k + $L / 2] + m[k + 3 * $L / 4]);
    for (; j + $L / 4 <= end; j += $L / 4)
      for (int k = 0; k < $L / 4; k++) m[k] += $TERM;
    for (int k = 0; k < $L / 8; k++) m[k] += m[k + $L / 8];
    for (int k = 0; k < $L / 8; k++) total += m[k];
  }
  for (const int k = 0; j < n; j++) total += $TERM;
  return total;
}
""")


_COLUMNS = Template("""
#ifndef SYMNN_COLUMNS_$F
#define SYMNN_COLUMNS_$F
/* Panels of n by w elements: element (j, k) lies at j * stride + k * fast in memory, at t[j * w + k] in the panel. */
static void symnn_pack_$F($T *restrict t, i64 n, i64 w, const char *restrict x, i64 stride, i64 fast) {
  for (i64 j = 0; j < n; j++)
    if (fast == sizeof($T))
      for (i64 k = 0; k < w; k++) t[j * w + k] = (($T *)(x + j * stride))[k];
    else
      for (i64 k = 0; k < w; k++) t[j * w + k] = *($T *)(x + j * stride + k * fast);
}
static void symnn_unpack_$F(char *restrict y, i64 stride, i64 fast, const $T *restrict t, i64 n, i64 w) {
  for (i64 j = 0; j < n; j++)
    if (fast == sizeof($T))
      for (i64 k = 0; k < w; k++) (($T *)(y + j * stride))[k] = t[j * w + k];
    else
      for (i64 k = 0; k < w; k++) *($T *)(y + j * stride + k * fast) = t[j * w + k];
}
/* Takes from each column its largest element; m is scratch. */
static void symnn_shift_columns_$F($T *restrict t, $T *restrict m, i64 n, i64 w) {
  for (i64 k = 0; k < w; k++) m[k] = t[k];
  for (i64 j = 1; j < n; j++)
    for (i64 k = 0; k < w; k++) m[k] = t[j * w + k] > m[k] ? t[j * w + k] : m[k];
  for (i64 j = 0; j < n; j++)
    for (i64 k = 0; k < w; k++) t[j * w + k] -= m[k];
}
static void symnn_sum_columns_$F(double *restrict q, const $T *restrict t, i64 n, i64 w) {
  for (i64 k = 0; k < w; k++) q[k] = 0;
  for (i64 j = 0; j < n; j++)
    for (i64 k = 0; k < w; k++) q[k] += t[j * w + k];
}
#endif
""")


def column_helpers(dtype: str) -> str:
    """Return the C functions for rows that run across memory: the columns of a panel."""
    f, real, _ = REALS[dtype]
    return _COLUMNS.substitute(F=f, T=real)


def helpers(dtype: str) -> str:
    """Return the C functions for rows of ``dtype`` (float32 or float64); they need ``sym_exp_f32`` or ``_f64``."""
    f, real, lanes = REALS[dtype]
    sums = [
        _SUM.substitute(NAME=f"sum_{f}", ARGUMENTS=f"const {real} *x", TERM="x[j + k]", T=real, L=lanes),
        _SUM.substitute(NAME=f"dot_{f}", ARGUMENTS=f"const {real} *x, const {real} *y", TERM="x[j + k] * y[j + k]",
                        T=real, L=lanes),
    ]  # fmt: skip
    return _HELPERS.substitute(F=f, T=real, L=lanes, SUMS="".join(sums), GROUP=GROUP)


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

    def inner(self, operand: int, axis: int) -> str:
        """Return the C expression for how many rows lie next to one another: the length of the fastest other axis."""
        others = self._others(operand, axis)
        return self.dim(operand, others[-1]) if others else "1"

    def inner_stride(self, operand: int, axis: int) -> str:
        """Return the C expression for the byte distance of such neighbours."""
        others = self._others(operand, axis)
        return self.stride(operand, others[-1]) if others else "0"

    def _others(self, operand: int, axis: int) -> Sequence[int]:
        ndim = self.ranks[operand]
        return [a for a in range(ndim) if a != axis % ndim]
