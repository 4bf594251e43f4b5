"""C text of the kernels of the cross-entropies: any strides, float32 and float64, classes of any integer but uint64."""

from string import Template
from typing import Any

from symnnet.c.rows import REALS, Layout, helpers

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

_CLASS_OF_ROW = """i64 c = *(const $Y *)($PY + i * $SY);
      c += c < 0 ? n : 0;"""

_FUSED = Template("""
int SYM_KERNEL(char *const *restrict p, const i64 *restrict d, const i64 *restrict s, const sym_ctx *ctx) {
  const i64 unit = sizeof($T);
  $CHECKS
  const i64 group = symnn_group_$F(n, given, $ACROSS);
  $T *restrict t = ($T *)ctx->reserve(ctx, group * (2 * n * unit + 2 * (i64)sizeof(i64) + (i64)sizeof(double)) + 64);
  if (!t) return ctx->fail(ctx, SYM_MEMORY, "there is no memory for a row of %lld elements", n);
  $T *restrict u = t + group * n;
  double *restrict q = (double *)(void *)(u + group * n);
  i64 *restrict o = (i64 *)(void *)(q + group);
  for (i64 first = 0; first < given; first += group) {
    const i64 here = given - first < group ? given - first : group;
    if ($SX1 == unit) {
      for (i64 k = 0; k < here; k++) symnn_shift_$F(t + k * n, ($T *)($PX + (first + k) * $SX0), n);
    } else {
      for (i64 k = 0; k < here; k++) o[k] = (first + k) * $SX0;
      symnn_load_$F(t, $PX, o, here, n, $SX1);
      for (i64 k = 0; k < here; k++) symnn_shift_$F(t + k * n, t + k * n, n);
    }
    symnn_exp_ahead_$F(u, t, here * n, $PX + (first + here) * $SX0);
    for (i64 k = 0; k < here; k++) q[k] = symnn_sum_$F(u + k * n, n);
    $SLOPE
    $VALUE
  }
  $REST
  return 0;
}
""")

_VALUE = """for (i64 k = 0; k < here; k++) q[k] = sym_log_f64(q[k]);
    for (i64 k = 0; k < here; k++) {
      const i64 i = first + k;
      $CLASS
      *($T *)(p[0] + i * $SV) = ($T)(q[k] - t[k * n + c]);
    }"""

_SLOPE = """for (i64 k = 0; k < here; k++) {
      const i64 i = first + k;
      $CLASS
      const double g = *(const $T *)($PG + i * sg), inverse = 1.0 / q[k];
      $T *uk = u + k * n, *y = $SD1 == unit ? ($T *)($PD + i * $SD0) : uk;
      const $T at = ($T)(g * (uk[c] * inverse - 1.0));
      symnn_affine_$F(y, uk, n, ($T)(g * inverse), 0);
      y[c] = at;
      o[k] = i * $SD0;
    }
    if ($SD1 != unit) symnn_store_$F($PD, u, o, here, n, $SD1);"""

_ZEROS = """for (i64 i = $FROM; i < rows; i++)
    for (i64 j = 0; j < n; j++) *($T *)($PD + i * $SD0 + j * $SD1) = 0;"""

_PICK = Template("""
int SYM_KERNEL(char *const *restrict p, const i64 *restrict d, const i64 *restrict s, const sym_ctx *ctx) {
  $CHECKS
  $ZEROS
  for (i64 i = 0; i < given; i++) {
      $CLASS
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
    words["CLASS"] = Template(_CLASS_OF_ROW).substitute(words)
    return words


def fused_text(node: Any, value: bool, slope: bool) -> str:
    """Return the C of ``CrossentropySoftmax1hot`` (``value``), of its gradient (``slope``), or of both at once."""
    words = _words(node, value + slope, slope, node.op.strict)
    if value:
        words["SV"] = Layout(node).stride(0, 0)
    rest = Template(_ZEROS).substitute(words, FROM="given") if slope and not node.op.strict else ""
    return helpers(node.outputs[0].type.dtype.name) + _FUSED.substitute(
        words, VALUE=Template(_VALUE).substitute(words) if value else "",
        ACROSS=f"{words['SX1']} != unit" + (f" || {words['SD1']} != unit" if slope else ""),
        SLOPE=Template(_SLOPE).substitute(words) if slope else "", REST=rest)


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
