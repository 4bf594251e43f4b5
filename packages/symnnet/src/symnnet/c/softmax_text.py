"""C text of the kernels of softmax, log-softmax and their gradients: any axis, any strides, float32 and float64."""

from string import Template
from typing import Any

from symnnet.c.rows import EXP_CALL, SCALE, Layout, exp_text, helpers, map_text, sum_text, words_of

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
  for (i64 first = 0; first < rows; first += h.here) {
    h.here = rows - first < h.most ? rows - first : h.most;
    for (i64 k = 0; k < h.here; k++) {
      const i64 row = first + k;
      $OFFSETS
      SYMNN_PLAIN(k);
    }
    $WORK
    symnn_$NAME(&h, p[0], o0, $S0);
  }
  return 0;
}
""")

_READ = "symnn_read_$F(&h, h.t, p[1], o1, $S1, -__builtin_inff());"
_ONE = f"""{_READ}
    symnn_top_$F(&h);
    {EXP_CALL.replace("$READ", _READ)}"""
_TWO = """symnn_read_$F(&h, h.t, p[1], o1, $S1, 0);
    symnn_read_$F(&h, h.z, p[2], o2, $S2, 0);
    symnn_$SUM(&h);"""
_EXP_TERM = """$T e[SYMNN_W_$F];
      for (int l = 0; l < SYMNN_W_$F; l++) e[l] = sym_exp_$F(z[at + l]);
      const symnn_v_$F r = SYMNN_AT_$F(t + at) - SYMNN_AT_$F(e) * ak;"""

#: Op -> work on panels, the loop that adds up (name, statement, what is kept of a sum; of exponentials, in place of a
#: statement, whether they are stored), the last (name, statement).
_PARTS: dict[str, tuple[str, tuple[Any, ...], tuple[str, str]]] = {
    "Softmax": (_ONE, ("softmax", True, "(1.0 / %s)"), SCALE),
    "LogSoftmax": (
        _ONE, ("log_softmax", False, "sym_log_f64(%s)"),
        ("shift", "const symnn_v_$F r = (SYMNN_AT_$F(t + at) - mk) - ak;"),
    ),
    "SoftmaxGrad": (
        _TWO, ("dot", "sum += SYMNN_AT_$F(t + at) * SYMNN_AT_$F(z + at);", "%s"),
        ("softmax_grad", "const symnn_v_$F r = SYMNN_AT_$F(z + at) * (SYMNN_AT_$F(t + at) - ak);"),
    ),
    "LogSoftmaxGrad": (_TWO, ("sum", "sum += SYMNN_AT_$F(t + at);", "%s"), ("log_softmax_grad", _EXP_TERM)),
}  # fmt: skip


def softmax_text(node: Any, axis: int) -> str:
    """Return the C of a node of ``Softmax``, ``LogSoftmax``, ``SoftmaxGrad`` or ``LogSoftmaxGrad``, along ``axis``."""
    dtype = node.outputs[0].type.dtype.name
    work, added, (name, term) = _PARTS[type(node.op).__name__]
    layout = Layout(node)
    operands = range(len(layout.ranks))
    words = words_of(dtype)
    words["SUM"] = f"{added[0]}_{words['F']}"
    text = helpers(dtype, *(("rows", "top") if len(node.inputs) == 1 else ("rows",)))
    text += (sum_text if isinstance(added[1], str) else exp_text)(dtype, *added) + map_text(dtype, name, term)
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
