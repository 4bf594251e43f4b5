"""C text of the kernels of softmax, log-softmax and their gradients: any axis, any strides, float32 and float64."""

from string import Template
from typing import Any

from symnnet.c.rows import SCALE, Layout, helpers, map_text, sum_text, words_of

_KERNEL = Template("""
int SYM_KERNEL(char *const *restrict p, const i64 *restrict d, const i64 *restrict s, const sym_ctx *ctx) {
  const i64 n = $N, rows = $ROWS, unit = sizeof($T);
  if (n <= 0 || rows <= 0) return 0;
  $CHECK
  symnn_rows_$F h;
  const int failed = symnn_open_$F(&h, ctx, n, rows, $STRAIGHT, $INPUTS);
  if (failed) return failed;
  i64 *o0 = h.o, *o1 = o0 + h.most + 4, *o2 = o1 + h.most + 4;
  (void)o2;
  for (i64 first = 0; symnn_more_$F(&h, rows - first); first += h.here) {
    for (i64 k = 0; k < h.here; k++) {
      const i64 row = first + k;
      $OFFSETS
      SYMNN_NO_VECTORS;
    }
    $WORK
    symnn_$NAME(&h, p[0], o0, $S0);
  }
  return 0;
}
""")

_ONE = """symnn_read_$F(&h, h.t, p[1], o1, $S1, -__builtin_inff());
    symnn_top_$F(&h);
    """
_SOFTMAX = _ONE + """symnn_exps_$F(&h);
    for (i64 k = 0; k < h.here; k++) h.a[k] = ($T)(1.0 / h.q[k]);"""
_LOG_SOFTMAX = _ONE + """symnn_exp_sum_$F(&h);
    symnn_logs(h.l, h.q, h.here);
    for (i64 k = 0; k < h.here; k++) h.a[k] = ($T)h.l[k];"""
_TWO = """symnn_read_$F(&h, h.t, p[1], o1, $S1, 0);
    symnn_read_$F(&h, h.z, p[2], o2, $S2, 0);
    symnn_$SUM(&h);
    for (i64 k = 0; k < h.here; k++) h.a[k] = ($T)h.q[k];"""
_EXP_TERM = """$T e[SYMNN_W_$F];
      for (int l = 0; l < SYMNN_W_$F; l++) e[l] = sym_exp_$F(z[at + l]);
      const symnn_v_$F r = SYMNN_AT_$F(t + at) - SYMNN_AT_$F(e) * ak;"""

#: Op -> pieces of ``rows``, work on panels x (and z), the sum, the last loop (its name, how it makes y).
_PARTS = {
    "Softmax": (("rows", "top", "exps"), _SOFTMAX, "", SCALE),
    "LogSoftmax": (
        ("rows", "top", "exp_sum", "logs"), _LOG_SOFTMAX, "",
        ("shift", "const symnn_v_$F r = (SYMNN_AT_$F(t + at) - mk) - ak;"),
    ),
    "SoftmaxGrad": (
        ("rows",), _TWO, ("dot", "sum += SYMNN_AT_$F(t + at) * SYMNN_AT_$F(z + at);"),
        ("softmax_grad", "const symnn_v_$F r = SYMNN_AT_$F(z + at) * (SYMNN_AT_$F(t + at) - ak);"),
    ),
    "LogSoftmaxGrad": (
        ("rows",), _TWO, ("sum", "sum += SYMNN_AT_$F(t + at);"), ("log_softmax_grad", _EXP_TERM),
    ),
}  # fmt: skip


def softmax_text(node: Any, axis: int) -> str:
    """Return the C of a node of ``Softmax``, ``LogSoftmax``, ``SoftmaxGrad`` or ``LogSoftmaxGrad``, along ``axis``."""
    dtype = node.outputs[0].type.dtype.name
    pieces, work, added, (name, term) = _PARTS[type(node.op).__name__]
    layout = Layout(node)
    operands = range(len(layout.ranks))
    words = words_of(dtype)
    text = helpers(dtype, *pieces) + map_text(dtype, name, term)
    if added:
        text += sum_text(dtype, *added)
        words["SUM"] = f"{added[0]}_{words['F']}"
    words |= {f"S{k}": layout.stride(k, axis) for k in operands}
    offsets = [f"o{k}[k] = {layout.offset(k, axis, 'row')};" for k in operands]
    return text + _KERNEL.substitute(
        words, N=layout.dim(0, axis), ROWS=layout.rows(0, axis), CHECK=_same_shapes(node, layout),
        INPUTS=len(node.inputs), NAME=f"{name}_{words['F']}",
        STRAIGHT=" && ".join(f"{words[f'S{k}']} == unit" for k in operands),
        OFFSETS="\n      ".join(offsets), WORK=Template(work).substitute(words),
    )  # fmt: skip


def _same_shapes(node: Any, layout: Layout) -> str:
    """Return C that compares the shapes of two inputs; with one input there is nothing to compare."""
    if len(node.inputs) == 1:
        return ""
    tests = [f"{layout.dim(1, a)} != {layout.dim(2, a)}" for a in range(layout.ranks[0])]
    return f"""if ({' || '.join(tests)})
    return ctx->fail(ctx, SYM_SHAPE, "the gradient and the result of a softmax must have the same shape");"""
