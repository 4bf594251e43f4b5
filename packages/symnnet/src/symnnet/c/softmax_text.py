"""C text of the kernels of softmax, log-softmax and their gradients: any axis, any strides, float32 and float64."""

from string import Template
from typing import Any

from symnnet.c.rows import GROUP, REALS, Layout, helpers

#: One frame for all four: ``$LOAD`` fills t (and u, v) with the group's rows, ``$VECTOR`` works on all elements of
#: the group at once, ``$FINISH`` writes one row.
_FRAME = Template("""
int SYM_KERNEL(char *const *restrict p, const i64 *restrict d, const i64 *restrict s, const sym_ctx *ctx) {
  const i64 n = $N, rows = $ROWS;
  if (n <= 0 || rows <= 0) return 0;
  i64 group = $GROUP / n;
  group = group < 1 ? 1 : group > rows ? rows : group;
  $CHECK
  $T *restrict t = ($T *)ctx->reserve(ctx, group * (2 * n * (i64)sizeof($T) + (i64)sizeof(double)));
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
      const $T *restrict tk = t + k * n, *restrict uk = u + k * n;
      char *y = p[0] + ($OUT);
      (void)tk, (void)uk;
      $FINISH
    }
  }
  return 0;
}
""")

_PIECES = {
    "Softmax": (
        "symnn_shift_$F(t + k * n, p[1] + ($IN1), n, $S1);",
        "symnn_exp_$F(t, t, here * n);",
        "symnn_write_$F(y, $S0, tk, n, ($T)(1.0 / symnn_sum_$F(tk, n)), 0);",
    ),
    "LogSoftmax": (
        "symnn_shift_$F(t + k * n, p[1] + ($IN1), n, $S1);",
        """symnn_exp_$F(u, t, here * n);
    for (i64 k = 0; k < here; k++) q[k] = symnn_sum_$F(u + k * n, n);
    for (i64 k = 0; k < here; k++) q[k] = sym_log_f64(q[k]);""",
        "symnn_write_$F(y, $S0, tk, n, 1, ($T)-q[k]);",
    ),
    "SoftmaxGrad": (
        """symnn_read_$F(t + k * n, p[1] + ($IN1), n, $S1);
      symnn_read_$F(u + k * n, p[2] + ($IN2), n, $S2);""",
        "",
        """$T *restrict w = t + k * n;
      double sum = symnn_dot_$F(tk, uk, n);
      for (i64 j = 0; j < n; j++) w[j] = uk[j] * (w[j] - ($T)sum);
      symnn_write_$F(y, $S0, w, n, 1, 0);""",
    ),
    "LogSoftmaxGrad": (
        """symnn_read_$F(t + k * n, p[1] + ($IN1), n, $S1);
      symnn_read_$F(u + k * n, p[2] + ($IN2), n, $S2);""",
        "symnn_exp_$F(u, u, here * n);",
        """$T *restrict w = t + k * n;
      const $T sum = ($T)symnn_sum_$F(tk, n);
      for (i64 j = 0; j < n; j++) w[j] -= uk[j] * sum;
      symnn_write_$F(y, $S0, w, n, 1, 0);""",
    ),
}


def softmax_text(node: Any, axis: int) -> str:
    """Return the C of a node of ``Softmax``, ``LogSoftmax``, ``SoftmaxGrad`` or ``LogSoftmaxGrad``, along ``axis``."""
    f, real, _ = REALS[node.outputs[0].type.dtype.name]
    layout = Layout(node)
    load, vector, finish = _PIECES[type(node.op).__name__]
    words = {"F": f, "T": real}
    for k in range(len(layout.ranks)):
        words[f"S{k}"] = layout.stride(k, axis)
        words[f"IN{k}"] = layout.offset(k, axis, "first + k")
    parts = {name: Template(text).substitute(words)
             for name, text in {"LOAD": load, "VECTOR": vector, "FINISH": finish}.items()}
    return helpers(node.outputs[0].type.dtype.name) + _FRAME.substitute(
        words, **parts, N=layout.dim(0, axis), ROWS=layout.rows(0, axis), GROUP=GROUP, OUT=words["IN0"],
        CHECK=_same_shapes(node, layout))


def _same_shapes(node: Any, layout: Layout) -> str:
    """Return C that compares the shapes of two inputs; with one input there is nothing to compare."""
    if len(node.inputs) == 1:
        return ""
    tests = [f"{layout.dim(1, a)} != {layout.dim(2, a)}" for a in range(layout.ranks[0])]
    return f"""if ({' || '.join(tests)})
    return ctx->fail(ctx, SYM_SHAPE, "the gradient and the result of a softmax must have the same shape");"""
