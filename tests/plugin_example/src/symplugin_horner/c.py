"""The C of ``Horner``. Loaded by symcodegen alone, through the entry point ``symstack.c``."""

import math

from symcodegen.dispatch import COLLAPSED, CKernel, c_impl, refuse
from symcore.graph.variable import Apply
from symplugin_horner.op import Horner

C_TYPES = {"float32": "float", "float64": "double"}

# `d[0]` is the number of loops, `d[1..]` their lengths, `s` the byte strides of the output, then of the input.
TEXT = """
int SYM_KERNEL(char *const *restrict p, const i64 *restrict d, const i64 *restrict s, const sym_ctx *ctx) {
    const i64 loops = d[0], n = loops ? d[loops] : 1;
    const i64 sy = loops ? s[loops - 1] : 0, sx = loops ? s[2 * loops - 1] : 0;
    i64 rows = 1;
    (void)ctx;
    for (i64 j = 1; j < loops; j++) rows *= d[j];
    for (i64 row = 0; row < rows; row++) {
        char *y = p[0];
        const char *x = p[1];
        i64 rest = row;
        for (i64 j = loops - 1; j >= 1; j--) {
            const i64 at = rest %% d[j];
            rest /= d[j];
            y += at * s[j - 1];
            x += at * s[loops + j - 1];
        }
        for (i64 i = 0; i < n; i++) {
            const %(type)s v = *(const %(type)s *)(x + i * sx);
            %(type)s r = %(first)s;
            %(steps)s
            *(%(type)s *)(y + i * sy) = r;
        }
    }
    return 0;
}
"""


@c_impl.register
def horner_c(op: Horner, node: Apply) -> CKernel | None:
    """One loop nest over all elements; the coefficients are literals of the kernel."""
    x = node.inputs[0]
    dtype = str(x.type.dtype)
    if dtype not in C_TYPES:
        return refuse(node, f"Horner has no C for {dtype}")
    if not all(map(math.isfinite, op.coefficients)):
        return refuse(node, "Horner has no C for infinite or NaN coefficients")
    # Hexadecimal literals are exact; the cast rounds as NumPy does when it mixes a Python float with a float32 array.
    first, *others = [f"(({C_TYPES[dtype]}){float(c).hex()})" for c in reversed(op.coefficients)]
    steps = " ".join(f"r = r * v + {literal};" for literal in others)
    axes = tuple(range(x.type.ndim))
    return CKernel(
        body=TEXT % {"type": C_TYPES[dtype], "first": first, "steps": steps},
        layout=COLLAPSED,
        axes=(axes, axes),
        stretch=(0, 0),
        reorder=True,
    )
