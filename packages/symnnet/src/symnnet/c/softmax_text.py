"""C text of the kernels of softmax, log-softmax and their gradients: any axis, any strides, float32 and float64."""

from string import Template
from typing import Any

from symnnet.c.rows import GROUP, REALS, Layout, column_helpers, helpers

#: Rows that lie along memory, in groups: ``$LOAD`` fills t (and u), ``$VECTOR`` works on all elements at once,
#: ``$FINISH`` writes the row y. Other rows go to the function for rows across memory.
_ALONG = Template("""
$ACROSS_TEXT
int SYM_KERNEL(char *const *restrict p, const i64 *restrict d, const i64 *restrict s, const sym_ctx *ctx) {
  const i64 n = $N, rows = $ROWS, unit = sizeof($T);
  if (n <= 0 || rows <= 0) return 0;
  $CHECK
  if ($IS_ACROSS) return SYM_KERNEL_across(p, d, s, ctx);
  const i64 group = symnn_group_$F(n, rows, 0);
  $T *restrict t = ($T *)ctx->reserve(ctx, group * (2 * n * unit + (i64)sizeof(double)));
  if (!t) return ctx->fail(ctx, SYM_MEMORY, "there is no memory for a row of %lld elements", n);
  $T *restrict u = t + group * n;
  double *restrict q = (double *)(void *)(u + group * n);
  for (i64 first = 0; first < rows; first += group) {
    const i64 here = rows - first < group ? rows - first : group;
    for (i64 k = 0; k < here; k++) {
      $LOAD
    }
    $VECTOR
    for (i64 k = 0; k < here; k++) {
      $T *tk = t + k * n, *uk = u + k * n, *y = ($T *)(p[0] + ($OFF0));
      (void)uk;
      $FINISH
    }
  }
  return 0;
}
""")

#: Rows across memory: a group is a panel of n by ``here`` elements, its columns the rows; ``$COLUMNS`` works on it.
_ACROSS = Template("""
static int SYM_KERNEL_across(char *const *restrict p, const i64 *restrict d, const i64 *restrict s,
                             const sym_ctx *ctx) {
  const i64 n = $N, rows = $ROWS, inner = $INNER, unit = sizeof($T);
  /* few columns, but some whole lines of the cache, unless the scratch memory would grow too large */
  i64 width = $GROUP / n, most = $PANEL / n;
  width = width < 128 ? 128 : width;
  width = width < most ? width : most < 1 ? 1 : most;
  width = width < inner ? width : inner;
  $T *restrict t = ($T *)ctx->reserve(ctx, width * ((2 * n + 2) * unit + (i64)sizeof(double)));
  if (!t) return ctx->fail(ctx, SYM_MEMORY, "there is no memory for %lld rows of %lld elements", width, n);
  $T *restrict u = t + width * n, *restrict m = u + width * n;
  double *restrict q = (double *)(void *)(m + 2 * width);
  (void)u, (void)m;
  i64 here;
  for (i64 first = 0; first < rows; first += here) {
    here = inner - first % inner;
    here = here < width ? here : width;
    $READ
    $COLUMNS
    symnn_unpack_$F(p[0] + ($AT0), $S0, $FAST0, t, n, here);
  }
  return 0;
}
""")

#: Elements of a panel at most.
PANEL = 1 << 18

_READ_T = "symnn_pack_$F(t, n, here, p[1] + ($AT1), $S1, $FAST1);"
_READ_BOTH = _READ_T + "\n    symnn_pack_$F(u, n, here, p[2] + ($AT2), $S2, $FAST2);"
_COPY_BOTH = """const $T *restrict g = ($T *)(p[1] + ($OFF1)), *restrict z = ($T *)(p[2] + ($OFF2));
      for (i64 j = 0; j < n; j++) t[k * n + j] = g[j], u[k * n + j] = z[j];"""
_EACH = "for (i64 j = 0; j < n; j++)\n      for (i64 k = 0; k < here; k++)"

#: Op -> ``$LOAD``, ``$VECTOR``, ``$FINISH`` of rows along memory, ``$READ``, ``$COLUMNS`` of rows across it.
_PIECES = {
    "Softmax": (
        "symnn_shift_$F(t + k * n, ($T *)(p[1] + ($OFF1)), n);",
        "symnn_exp_ahead_$F(t, t, here * n, p[1] + ($NEXT));",
        "symnn_affine_$F(y, tk, n, ($T)(1.0 / symnn_sum_$F(tk, n)), 0);",
        _READ_T,
        f"""symnn_shift_columns_$F(t, m, n, here);
    symnn_exp_$F(t, t, here * n);
    symnn_sum_columns_$F(q, t, n, here);
    for (i64 k = 0; k < here; k++) m[k] = ($T)(1.0 / q[k]);
    {_EACH} t[j * here + k] *= m[k];""",
    ),
    "LogSoftmax": (
        "symnn_shift_$F(t + k * n, ($T *)(p[1] + ($OFF1)), n);",
        """symnn_exp_ahead_$F(u, t, here * n, p[1] + ($NEXT));
    for (i64 k = 0; k < here; k++) q[k] = symnn_sum_$F(u + k * n, n);
    for (i64 k = 0; k < here; k++) q[k] = sym_log_f64(q[k]);""",
        "symnn_affine_$F(y, tk, n, 1, ($T)-q[k]);",
        _READ_T,
        f"""symnn_shift_columns_$F(t, m, n, here);
    symnn_exp_$F(u, t, here * n);
    symnn_sum_columns_$F(q, u, n, here);
    for (i64 k = 0; k < here; k++) m[k] = ($T)sym_log_f64(q[k]);
    {_EACH} t[j * here + k] -= m[k];""",
    ),
    "SoftmaxGrad": (
        _COPY_BOTH,
        "",
        """const $T sum = ($T)symnn_dot_$F(tk, uk, n);
#pragma GCC ivdep
      for (i64 j = 0; j < n; j++) y[j] = uk[j] * (tk[j] - sum);""",
        _READ_BOTH,
        f"""for (i64 k = 0; k < here; k++) q[k] = 0;
    {_EACH} q[k] += t[j * here + k] * u[j * here + k];
    for (i64 k = 0; k < here; k++) m[k] = ($T)q[k];
    {_EACH} t[j * here + k] = u[j * here + k] * (t[j * here + k] - m[k]);""",
    ),
    "LogSoftmaxGrad": (
        _COPY_BOTH,
        "symnn_exp_$F(u, u, here * n);",
        """const $T sum = ($T)symnn_sum_$F(tk, n);
#pragma GCC ivdep
      for (i64 j = 0; j < n; j++) y[j] = tk[j] - uk[j] * sum;""",
        _READ_BOTH,
        f"""symnn_exp_$F(u, u, here * n);
    symnn_sum_columns_$F(q, t, n, here);
    for (i64 k = 0; k < here; k++) m[k] = ($T)q[k];
    {_EACH} t[j * here + k] -= u[j * here + k] * m[k];""",
    ),
}


def softmax_text(node: Any, axis: int) -> str:
    """Return the C of a node of ``Softmax``, ``LogSoftmax``, ``SoftmaxGrad`` or ``LogSoftmaxGrad``, along ``axis``."""
    f, real, _ = REALS[node.outputs[0].type.dtype.name]
    layout = Layout(node)
    operands = range(len(layout.ranks))
    words = {"F": f, "T": real, "N": layout.dim(0, axis), "ROWS": layout.rows(0, axis), "INNER": layout.inner(0, axis),
             "NEXT": layout.offset(1, axis, "first + here")}  # fmt: skip
    for k in operands:
        words |= {f"S{k}": layout.stride(k, axis), f"FAST{k}": layout.inner_stride(k, axis),
                  f"OFF{k}": layout.offset(k, axis, "first + k"),
                  f"AT{k}": layout.offset(k, axis, "first")}  # fmt: skip
    names = ("LOAD", "VECTOR", "FINISH", "READ", "COLUMNS")
    parts = {name: Template(text).substitute(words)
             for name, text in zip(names, _PIECES[type(node.op).__name__], strict=True)}  # fmt: skip
    across = _ACROSS.substitute(words, **parts, GROUP=4 * GROUP, PANEL=PANEL)
    is_across = " || ".join(f"{words[f'S{k}']} != unit" for k in operands)
    dtype = node.outputs[0].type.dtype.name
    return helpers(dtype) + column_helpers(dtype) + _ALONG.substitute(
        words, **parts, ACROSS_TEXT=across, IS_ACROSS=is_across, CHECK=_same_shapes(node, layout))


def _same_shapes(node: Any, layout: Layout) -> str:
    """Return C that compares the shapes of two inputs; with one input there is nothing to compare."""
    if len(node.inputs) == 1:
        return ""
    tests = [f"{layout.dim(1, a)} != {layout.dim(2, a)}" for a in range(layout.ranks[0])]
    return f"""if ({' || '.join(tests)})
    return ctx->fail(ctx, SYM_SHAPE, "the gradient and the result of a softmax must have the same shape");"""
