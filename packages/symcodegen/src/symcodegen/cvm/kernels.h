/* Shared by the prebuilt kernels: no Python here, they run without the GIL. */
#ifndef SYMCVM_KERNELS_H
#define SYMCVM_KERNELS_H

#include <stddef.h>

#include "../runtime/symabi.h"

#define KERNEL(name) int name(char *const *p, const i64 *d, const i64 *s, const sym_ctx *ctx)

/* Copies a block of elements: lengths d[0..ndim-1], outermost first, byte strides so and si. The blocks are the same or
 * do not overlap. */
void copy_block(i64 itemsize, int ndim, const i64 *d, char *out, const i64 *so, const char *in, const i64 *si);

KERNEL(copy_1);
KERNEL(copy_2);
KERNEL(copy_4);
KERNEL(copy_8);
KERNEL(copy_16);

KERNEL(gather);
KERNEL(row_offsets);
KERNEL(scatter_set);
KERNEL(scatter_add_bool);
KERNEL(scatter_add_1);
KERNEL(scatter_add_2);
KERNEL(scatter_add_4);
KERNEL(scatter_add_8);
KERNEL(scatter_add_f4);
KERNEL(scatter_add_f8);
KERNEL(scatter_add_c8);
KERNEL(scatter_add_c16);

KERNEL(sort_axis);
KERNEL(argsort_axis);
KERNEL(topk_axis);

/* See `choose` of Routine. */
sym_kernel *s_gemm_choose(const i64 *d, const i64 *s);
sym_kernel *d_gemm_choose(const i64 *d, const i64 *s);
sym_kernel *s_gemv_choose(const i64 *d, const i64 *s);
sym_kernel *d_gemv_choose(const i64 *d, const i64 *s);

/* Element types of products, the sum of 1 (float), 2 (double), 4 and 8 (complex): all, unless an exported program, which is
 * compiled with these sources, says that it needs fewer. */
#ifndef SYM_PRODUCT_TYPES
#define SYM_PRODUCT_TYPES 15
#endif

#define BLAS_KERNELS(letter)                                                                                           \
    KERNEL(letter##_gemm);                                                                                             \
    KERNEL(letter##_gemm_check);                                                                                       \
    KERNEL(letter##_gemm_batched);                                                                                     \
    KERNEL(letter##_gemm_batched_check);                                                                               \
    KERNEL(letter##_gemv);                                                                                             \
    KERNEL(letter##_gemv_check);                                                                                       \
    KERNEL(letter##_ger);                                                                                              \
    KERNEL(letter##_ger_check)
BLAS_KERNELS(s);
BLAS_KERNELS(d);
BLAS_KERNELS(c);
BLAS_KERNELS(z);

#endif
