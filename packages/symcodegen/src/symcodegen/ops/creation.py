"""C for tensors made from nothing."""

from typing import Any

from symcodegen.cnames import c_type, has_c_type
from symcodegen.dispatch import Answer, CKernel, Routine, c_impl, refuse
from symcore.graph.variable import Apply
from symcore.record import replace
from symcore.tensor.creation import Alloc, AllocEmpty, ARange, Eye
from symcore.tensor.shapes import static_length

_ARANGE = """
int SYM_KERNEL(char *const *restrict p, const i64 *restrict d, const i64 *restrict s, const sym_ctx *ctx) {
    const %(W)s start = *(const %(W)s *)p[1], step = *(const %(W)s *)p[3];
    %(check)s
    for (i64 i = 0; i < d[0]; i++) *(%(T)s *)(p[0] + i * s[0]) = (%(T)s)(start + (%(W)s)i * step);
    return 0;
}
"""
# The length of a range of integers comes from divisions, and n // 0 is 0 there: the step is looked at by the kernel.
_STEP_CHECK = 'if (step == 0) return ctx->fail(ctx, SYM_VALUE, "the step of a range is 0. Use one that is not zero.");'
_EYE = """
int SYM_KERNEL(char *const *restrict p, const i64 *restrict d, const i64 *restrict s, const sym_ctx *ctx) {
    const i64 k = *(const i64 *)p[3];
    const i64 n = d[0], m = d[1];
    (void)ctx;
    for (i64 i = 0; i < n; i++) {
        char *row = p[0] + i * s[0];
        if (s[1] == sizeof(%(T)s))
            for (i64 j = 0; j < m; j++) ((%(T)s *)row)[j] = 0;
        else
            for (i64 j = 0; j < m; j++) *(%(T)s *)(row + j * s[1]) = 0;
        const unsigned long long at = (unsigned long long)i + (unsigned long long)k;
        if (at < (unsigned long long)m) *(%(T)s *)(row + (i64)at * s[1]) = %(one)s;
    }
    return 0;
}
"""


@c_impl.register
def alloc_c(op: Alloc, node: Apply) -> Answer:
    """A broadcast copy."""

    def emit(b: Any, n: Apply) -> None:
        y, value = n.outputs[0], n.inputs[0]
        b.copy(b.out(y), b.slot(value), y.type, value.type)

    return Routine("fill", emit, lengths=tuple(range(1, len(node.inputs))))


@c_impl.register
def alloc_empty_c(op: AllocEmpty, node: Apply) -> Answer:
    """A place in memory: no work at all."""

    def emit(b: Any, n: Apply) -> None:
        b.blank(n.outputs[0])

    return Routine("memory", emit, lengths=tuple(range(len(node.inputs))))


@c_impl.register
def arange_c(op: ARange, node: Apply) -> Answer:
    """``start + i * step``. The length of a range of floats is computed by a kernel, as NumPy does in float64."""
    dtype = node.outputs[0].type.dtype
    if not has_c_type(dtype):
        return refuse(node, f"no C for a range of {dtype}")
    # integers are bounded in 64 bits; unsigned ones wrap around where signed ones must not
    known = dtype.kind == "f" or bool(static_length(node.inputs[2]))
    text = _ARANGE % {
        "T": c_type(dtype),
        "W": c_type(dtype) if dtype.kind == "f" else "unsigned long long",
        "check": "(void)ctx;" if known else _STEP_CHECK,
    }
    if dtype.kind != "f":
        return CKernel(text, fallible=not known)
    return _range_of_floats(op, node, CKernel(text))


def _range_of_floats(op: ARange, node: Apply, fill: CKernel) -> CKernel:
    from symcodegen.kernels.counting import range_length_kernel  # noqa: PLC0415 - most ranges are of integers
    from symcodegen.ops.counted import counted  # noqa: PLC0415

    measure = CKernel(range_length_kernel([v.type.dtype for v in node.inputs]), fallible=True)

    def emit(b: Any, n: Apply) -> None:
        inputs = [b.slot(v) for v in n.inputs]
        length = counted(b, measure, inputs, f"length of {op}")
        b.kernel(fill, [b.out(n.outputs[0], lengths=(length,))], inputs, name=str(op))

    return replace(fill, counted=Routine("count and fill", emit, fallible=True))


@c_impl.register
def eye_c(op: Eye, node: Apply) -> Answer:
    """Zeros, and ones along the diagonal."""
    dtype = node.outputs[0].type.dtype
    one = "0x3c00" if dtype.name == "float16" else "1"
    return CKernel(_EYE % {"T": c_type(dtype), "one": one})
