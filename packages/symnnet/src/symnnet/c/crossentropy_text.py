"""C text of the kernels of the cross-entropies: any strides, float32 and float64, classes of any integer but uint64."""

from string import Template
from typing import Any

from symnnet.c.rows import EXP_CALL, REALS, SCALE, Layout, exp_text, helpers, map_text

#: Integer types of classes. An uint64 above 2^63 would look negative, hence valid.
CLASSES = {"int8": "signed char", "int16": "short", "int32": "int", "int64": "long long",
           "uint8": "unsigned char", "uint16": "unsigned short", "uint32": "unsigned int"}  # fmt: skip

#: All that can fail comes before anything is written.
_CHECKS = """
  const i64 n = $N, rows = $ROWS, given = $GIVEN;
  if ($WRONG)
    return ctx->fail(ctx, SYM_SHAPE, "cross-entropy got %lld rows and %lld classes, not one for each row", rows, given);
  if (given > rows)
    return ctx->fail(ctx, SYM_INDEX, "index %lld is out of bounds for axis 0 with size %lld", rows, rows);
  for (i64 i = 0; i < given; i++) {
    const i64 c = *(const $Y *)($PY + i * $SY);
    if (c >= n || c < -n)
      return ctx->fail(ctx, SYM_INDEX, "index %lld is out of bounds for axis 1 with size %lld", c, n);
  }
"""

_ROW_GRADIENT = """
  const i64 sg = $SG;
  if ($WRONG_G)
    return ctx->fail(ctx, SYM_SHAPE, "cross-entropy got %lld gradients for %lld rows", $NG, given);
"""

_FUSED = Template("""
int SYM_KERNEL(char *const *restrict p, const i64 *restrict d, const i64 *restrict s, const sym_ctx *ctx) {
  const i64 unit = sizeof($T);
  $CHECKS
  symnn_rows_$F h;
  const int failed = symnn_open_$F(&h, ctx, n, given, $STRAIGHT, 1);
  if (failed) return failed;
  i64 *ox = h.o, *od = ox + h.most + 4;
  for (i64 first = 0; first < given; first += h.here) {
    h.here = given - first < h.most ? given - first : h.most;
    for (i64 k = 0; k < h.here; k++) {
      ox[k] = (first + k) * $SX0;
      SYMNN_PLAIN(k);
    }
    $READ
    symnn_top_$F(&h);
    $EXPS
    $LOGS
    for (i64 k = 0; k < h.here; k++) {
      const i64 i = first + k;
      i64 c = *(const $Y *)($PY + i * $SY);
      c += c < 0 ? n : 0;
      $VALUE
      $SCALE
      SYMNN_PLAIN(k);
    }
    $SLOPE
  }
  $REST
  return 0;
}
""")

_READ = "symnn_read_$F(&h, h.t, $PX, ox, $SX1, -__builtin_inff());"

_VALUE = """const $T t = *(const $T *)($PX + i * $SX0 + c * $SX1) - h.m[k * h.lane];
      *($T *)(p[0] + i * $SV) = ($T)(h.l[k] - t);"""

#: What a row is multiplied by; and where the result for the right class goes, from which 1 is taken.
_SCALE = """const double g = *(const $T *)($PG + i * sg), inverse = 1.0 / h.q[k];
      h.l[k] = g * (*($T *)((char *)h.t + h.in[k] + c * h.unit) * inverse - 1.0);
      h.a[k * h.lane] = ($T)(g * inverse);
      od[k] = i * $SD0;
      ox[k] = i * $SD0 + c * $SD1;"""

_SLOPE = """symnn_scale_$F(&h, $PD, od, $SD1);
    for (i64 k = 0; k < h.here; k++) {
      *($T *)($PD + ox[k]) = ($T)h.l[k];
      SYMNN_PLAIN(k);
    }"""

_ZEROS = """for (i64 i = $FROM; i < rows; i++)
    for (i64 j = 0; j < n; j++) *($T *)($PD + i * $SD0 + j * $SD1) = 0;"""

_PICK = Template("""
int SYM_KERNEL(char *const *restrict p, const i64 *restrict d, const i64 *restrict s, const sym_ctx *ctx) {
  $CHECKS
  $ZEROS
  for (i64 i = 0; i < given; i++) {
      i64 c = *(const $Y *)($PY + i * $SY);
      c += c < 0 ? n : 0;
      const $T at = *(const $T *)($PX + i * $SX0 + c * $SX1);
      $RESULT
  }
  return 0;
}
""")


def _words(node: Any, outputs: int, has_g: bool, strict: bool) -> dict[str, str]:
    """Return what the pieces of text call pointers, lengths and strides. The matrix is input 0; after a gradient, 1."""
    f, real, _ = REALS[node.outputs[0].type.dtype.name]
    at = Layout(node)
    x, y = outputs + has_g, outputs + has_g + 1
    words = {
        "F": f, "T": real, "Y": CLASSES[node.inputs[-1].type.dtype.name],
        "N": at.dim(x, 1), "ROWS": at.dim(x, 0), "GIVEN": at.dim(y, 0), "WRONG": "rows != given" if strict else "0",
        "PX": f"p[{x}]", "SX0": at.stride(x, 0), "SX1": at.stride(x, 1), "PY": f"p[{y}]", "SY": at.stride(y, 0),
    }  # fmt: skip
    checks = _CHECKS
    if has_g:
        vector, one = node.inputs[0].type.ndim == 1, node.inputs[0].type.broadcastable == (True,)
        words |= {
            "PG": f"p[{outputs}]", "SG": at.stride(outputs, 0) if vector and not one else "0",
            "NG": at.dim(outputs, 0) if vector else "1", "PD": f"p[{outputs - 1}]",
            "SD0": at.stride(outputs - 1, 0), "SD1": at.stride(outputs - 1, 1),
        }  # fmt: skip
        words["WRONG_G"] = f"{words['NG']} != given" if vector and not one else "0"
        checks += _ROW_GRADIENT
    words["CHECKS"] = Template(checks).substitute(words)
    return words


def fused_text(node: Any, value: bool, slope: bool) -> str:
    """Return the C of ``CrossentropySoftmax1hot`` (``value``), of its gradient (``slope``), or of both at once."""
    dtype = node.outputs[0].type.dtype.name
    words = _words(node, value + slope, slope, node.op.strict)
    text = helpers(dtype, "rows", "top") + exp_text(dtype, "exps", stored=True)
    read = Template(_READ).substitute(words)
    exps = Template(EXP_CALL).substitute(SUM=f"exps_{words['F']}", READ=read)
    parts = {"READ": read, "EXPS": exps} | dict.fromkeys(("LOGS", "VALUE", "SCALE", "SLOPE", "REST"), "")
    straight = f"{words['SX1']} == unit"
    if value:
        words["SV"] = Layout(node).stride(0, 0)
        text += helpers(dtype, "logs")
        parts |= {"LOGS": "symnn_logs(h.l, h.q, h.here);", "VALUE": Template(_VALUE).substitute(words)}
    if slope:
        text += map_text(dtype, *SCALE)
        straight += f" && {words['SD1']} == unit"
        parts |= {"SCALE": Template(_SCALE).substitute(words), "SLOPE": Template(_SLOPE).substitute(words)}
        if not node.op.strict:
            parts["REST"] = Template(_ZEROS).substitute(words, FROM="given")
    return text + _FUSED.substitute(words, STRAIGHT=straight, **parts)


def categorical_text(node: Any, slope: bool) -> str:
    """Return the C of ``CrossentropyCategorical1Hot``, or with ``slope`` of its gradient."""
    words = _words(node, 1, slope, node.op.strict)
    if slope:
        result = """const $T g = *(const $T *)($PG + i * sg);
      *($T *)($PD + i * $SD0 + c * $SD1) = g == 0 ? 0 : -g / at;"""
        zeros = Template(_ZEROS).substitute(words, FROM="0")
    else:
        words["SV"] = Layout(node).stride(0, 0)
        result, zeros = "*($T *)(p[0] + i * $SV) = -sym_log_$F(at);", ""
    return _PICK.substitute(words, ZEROS=zeros, RESULT=Template(result).substitute(words))
