/* Small products with the 128-bit vectors that every processor of today has (SSE2, NEON), in the vector extension of gcc
 * and clang. */
#include "products.h"

#include <string.h>

#if PRODUCTS_VECTOR
#define TARGET
#define ROWS 4
#define MOST_WORK (1 << 18)
#define MOST_BYTES (1 << 17)
#define WRITE_COST 4
#define MOST_COLS 3 /* of a block of dots, by four rows */
#define LEAST_PACKED 4096
#define MOST_PACKED MOST_WORK
#define TILE_CALL 40
#define BLOCKED_CALL 150
#define PACKED_ELEMENT 8
#define DOTS_BYTES (1 << 18)
#define SWEEP_BYTES (3 << 17)
#define LARGE_SIDE(size) MOST_PRODUCT
#define BLAS_LOSS 0
#define TILE_ROWS 4
#define DEPTH(size) (size == 4 ? 384 : 192)
#define PREFETCH(p) __builtin_prefetch(p)
#define BLAS_CALL 110
#define BLAS_COPIES MOST_WORK
#define BLAS_GAIN 15
#define MOST_TINY 1024
#define MASK int /* the number of lanes */
#define LANES(n) ((int)(n))

/* Lanes are written out: with an index that varies, compilers take vectors apart in memory. */
#if SYM_PRODUCT_TYPES & 1
typedef float four_floats __attribute__((vector_size(16)));

static inline float s_total(four_floats v) {
    return (v[0] + v[2]) + (v[1] + v[3]);
}

static inline four_floats s_load(const float *p, int n) {
    four_floats v;
    switch (n) {
    case 1: return (four_floats){p[0], 0, 0, 0};
    case 2: return (four_floats){p[0], p[1], 0, 0};
    case 3: return (four_floats){p[0], p[1], p[2], 0};
    default: memcpy(&v, p, sizeof v); return v;
    }
}

static inline void s_store(float *p, int n, four_floats v) {
    memcpy(p, &v, (size_t)n * sizeof *p);
}
#endif

#if SYM_PRODUCT_TYPES & 2
typedef double two_doubles __attribute__((vector_size(16)));

static inline double d_total(two_doubles v) {
    return v[0] + v[1];
}

static inline two_doubles d_load(const double *p, int n) {
    two_doubles v;
    if (n == 1) return (two_doubles){p[0], 0};
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void d_store(double *p, int n, two_doubles v) {
    memcpy(p, &v, (size_t)n * sizeof *p);
}
#endif

#define LOAD(p) NAME(load)(p, WIDTH)
#define LOAD_SOME(p, mask) NAME(load)(p, mask)
#define STORE(p, v) NAME(store)(p, WIDTH, v)
#define STORE_SOME(p, mask, v) NAME(store)(p, mask, v)
#define FMA(a, b, c) ((a) * (b) + (c))
#define SUM_FOUR(out, a, b, c, d)                                                                                      \
    ((out)[0] = NAME(total)(a), (out)[1] = NAME(total)(b), (out)[2] = NAME(total)(c), (out)[3] = NAME(total)(d))
#define PACK_FOUR(to, ld, from, stride)                                                                                \
    do                                                                                                                 \
        for (int l_ = 0; l_ < 4; l_++)                                                                                 \
            for (int s_ = 0; s_ < 4; s_++) (to)[s_ * (ld) + l_] = ((const T *)((from) + l_ * (stride)))[s_];           \
    while (0)
#define KEEP_VECTOR_MACROS

#if SYM_PRODUCT_TYPES & 1
#define T float
#define NAME(x) s_##x
#define V four_floats
#define WIDTH 4
#define SPLAT(x) ((V){x, x, x, x})
#define GEMM s_gemm
#define GEMV s_gemv
#define TABLE products_vector_s_tiny
#include "products_tiny.h"
#include "products_template.h"
#endif

#if SYM_PRODUCT_TYPES & 2
#define T double
#define NAME(x) d_##x
#define V two_doubles
#define WIDTH 2
#define SPLAT(x) ((V){x, x})
#define GEMM d_gemm
#define GEMV d_gemv
#define TABLE products_vector_d_tiny
#include "products_tiny.h"
#include "products_template.h"
#endif

const ProductKernels products_vector = {"vector", {OF_FLOAT(s_small_gemm), OF_DOUBLE(d_small_gemm)},
                                        {OF_FLOAT(s_small_outer), OF_DOUBLE(d_small_outer)},
                                        {OF_FLOAT(&products_vector_s_tiny), OF_DOUBLE(&products_vector_d_tiny)}};
#endif
