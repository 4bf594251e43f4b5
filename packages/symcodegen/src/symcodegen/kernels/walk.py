"""C text that kernels of the layout ``full`` share: the walk over all axes but those that a kernel handles itself."""

#: ``sym_next(ndim, at, shape, k, q, s)`` moves ``k`` pointers, whose strides follow one another in ``s``, to the next
#: position of a box, the last axis first; 0 at the end. Axes that are not walked have length 1 in ``shape``.
WALK = """
#ifndef SYM_WALK
#define SYM_WALK
static __attribute__((noinline, unused)) int sym_next(int ndim, i64 *at, const i64 *shape, int k, char **q,
                                                      const i64 *s) {
    for (int a = ndim - 1; a >= 0; a--) {
        if (shape[a] == 1) continue;
        for (int o = 0; o < k; o++) q[o] += s[o * ndim + a];
        if (++at[a] < shape[a]) return 1;
        for (int o = 0; o < k; o++) q[o] -= at[a] * s[o * ndim + a];
        at[a] = 0;
    }
    return 0;
}
#endif
"""
#: How every kernel begins.
ENTRY = "int SYM_KERNEL(char *const *restrict p, const i64 *restrict d, const i64 *restrict s, const sym_ctx *ctx) {\n"


def cut_of_lines(ndim: int, axis: int, operands: int) -> tuple[int, ...]:
    """Return the ``cut`` of a ``CKernel`` that works on one line along ``axis`` of its first ``operands`` at a time.

    Their rows may be shared out, unless the lines run down through all of them. ``ndim``: their rank.
    """
    return tuple(range(operands)) if ndim > 1 and axis % ndim else ()
