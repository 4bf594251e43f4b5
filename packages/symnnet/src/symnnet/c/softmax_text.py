"""C text of the kernels of softmax, log-softmax and their gradients: any axis, any strides, float32 and float64."""

from string import Template
from typing import Any

from symnnet.c.rows import REALS, Layout, helpers

#: One frame for all four: ``$LOAD`` fills t (and u) with a group of rows, ``$VECTOR`` works on all its elements at
#: once, ``$FINISH`` writes the row y.
_FRAME = Template("""
int SYM_KERNEL(char *const *restrict p, const i64 *restrict d, const i64 *restrict s, const sym_ctx *ctx) {
  const i64 n = $N, rows = $ROWS, unit = sizeof($T);
  if (n <= 0 || rows <= 0) return 0;
  $CHECK
  const i64 group = symnn_group_$F(n, rows, $ACROSS);
  $T *restrict t = ($T *)ctx->reserve(ctx, group * (2 * n * unit + $OPERANDS * (i64)sizeof(i64) + (i64)sizeof(double)));
  if (!t) return ctx->fail(ctx, SYM_MEMORY, "there is no memory for a row of %lld elements", n);
  $T *restrict u = t + group * n;
  double *restrict q = (double *)(void *)(u + group * n);
  i64 *restrict o = (i64 *)(void *)(q + group);
  for (i64 first = 0; first < rows; first += group) {
    const i64 here = rows - first < group ? rows - first : group;
    for (i64 k = 0; k < here; k++) {
      $OFFSETS
    }
    $LOAD
    $VECTOR
    for (i64 k = 0; k < here; k++) {
      $T *tk = t + k * n, *uk = u + k * n, *y = $S0 == unit ? ($T *)(p[0] + o[k]) : tk;
      (void)uk;
      $FINISH
    }
    if ($S0 != unit) symnn_store_$F(p[0], t, o, here, n, $S0);
  }
  return 0;
}
""")

_SHIFTED = """if ($S1 == unit) {
      for (i64 k = 0; k < here; k++) symnn_shift_$F(t + k * n, ($T *)(p[1] + o[group + k]), n);
    } else {
      symnn_load_$F(t, p[1], o + group, here, n, $S1);
      for (i64 k = 0; k < here; k++) symnn_shift_$F(t + k * n, t + k * n, n);
    }"""
_BOTH = """symnn_load_$F(t, p[1], o + group, here, n, $S1);
    symnn_load_$F(u, p[2], o + 2 * group, here, n, $S2);"""

#: Op -> ``$LOAD``, ``$VECTOR``, ``$FINISH``.
_PIECES = {
    "Softmax": (
        _SHIFTED,
        "symnn_exp_$F(t, t, here * n);",
        "symnn_affine_$F(y, tk, n, ($T)(1.0 / symnn_sum_$F(tk, n)), 0);",
    ),
    "LogSoftmax": (
        _SHIFTED,
        """symnn_exp_$F(u, t, here * n);
    for (i64 k = 0; k < here; k++) q[k] = symnn_sum_$F(u + k * n, n);
    for (i64 k = 0; k < here; k++) q[k] = sym_log_f64(q[k]);""",
        "symnn_affine_$F(y, tk, n, 1, ($T)-q[k]);",
    ),
    "SoftmaxGrad": (
        _BOTH,
        "",
        """const $T sum = ($T)symnn_dot_$F(tk, uk, n);
#pragma GCC ivdep
      for (i64 j = 0; j < n; j++) y[j] = uk[j] * (tk[j] - sum);""",
    ),
    "LogSoftmaxGrad": (
        _BOTH,
        "symnn_exp_$F(u, u, here * n);",
        """const $T sum = ($T)symnn_sum_$F(tk, n);
#pragma GCC ivdep
      for (i64 j = 0; j < n; j++) y[j] = tk[j] - uk[j] * sum;""",
    ),
}


def softmax_text(node: Any, axis: int) -> str:
    """Return the C of a node of ``Softmax``, ``LogSoftmax``, ``SoftmaxGrad`` or ``LogSoftmaxGrad``, along ``axis``."""
    f, real, _ = REALS[node.outputs[0].type.dtype.name]
    layout = Layout(node)
    load, vector, finish = _PIECES[type(node.op).__name__]
    operands = range(len(layout.ranks))
    words = {"F": f, "T": real, **{f"S{k}": layout.stride(k, axis) for k in operands}}
    parts = {name: Template(text).substitute(words)
             for name, text in {"LOAD": load, "VECTOR": vector, "FINISH": finish}.items()}
    offsets = [f"o[{k} * group + k] = {layout.offset(k, axis, 'first + k')};" for k in operands]
    return helpers(node.outputs[0].type.dtype.name) + _FRAME.substitute(
        words, **parts, N=layout.dim(0, axis), ROWS=layout.rows(0, axis), OPERANDS=len(operands),
        ACROSS=" || ".join(f"{words[f'S{k}']} != unit" for k in operands), OFFSETS="\n      ".join(offsets),
        CHECK=_same_shapes(node, layout))


def _same_shapes(node: Any, layout: Layout) -> str:
    """Return C that compares the shapes of two inputs; with one input there is nothing to compare."""
    if len(node.inputs) == 1:
        return ""
    tests = [f"{layout.dim(1, a)} != {layout.dim(2, a)}" for a in range(layout.ranks[0])]
    return f"""if ({' || '.join(tests)})
    return ctx->fail(ctx, SYM_SHAPE, "the gradient and the result of a softmax must have the same shape");"""
