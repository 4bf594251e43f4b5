/* Small products with 512-bit vectors. */
#include "products.h"

#if PRODUCTS_AVX512
#define TARGET __attribute__((target("avx512f,avx2,fma")))
#include "products_x86.h"

#if SYM_PRODUCT_TYPES & 1
static inline TARGET __m256 half_s(__m512 v) {
    __m256d high = _mm512_extractf64x4_pd(_mm512_castps_pd(v), 1);
    return _mm256_add_ps(_mm512_castps512_ps256(v), _mm256_castpd_ps(high));
}
#endif

#if SYM_PRODUCT_TYPES & 2
static inline TARGET __m256d half_d(__m512d v) {
    return _mm256_add_pd(_mm512_castpd512_pd256(v), _mm512_extractf64x4_pd(v, 1));
}
#endif

#define LANES(n) ((1u << (n)) - 1)
#define ROWS 8 /* of a block of accumulators: 32 registers */
#define MOST_WORK (1 << 21)
#define MOST_BYTES (1 << 19)
#define WRITE_COST 6
#define MOST_COLS 6 /* of a block of dots, by four rows */
#define LEAST_PACKED 4096
#define MOST_PACKED MOST_PRODUCT
#define TILE_CALL 40
#define BLOCKED_CALL 150
#define PACKED_ELEMENT 3
#define DOTS_BYTES (1 << 18)
#define SWEEP_BYTES (3 << 17)
#define LARGE_SIDE(size) (size == 4 ? 1025 : 512) /* measured: beyond, the blocks of BLAS use the caches better */
#define BLAS_LOSS 5
#define TILE_ROWS 14
#define DEPTH(size) (size == 4 ? 256 : 160)
#define PREFETCH(p) _mm_prefetch((const char *)(p), _MM_HINT_T0)
#define BLAS_CALL 400
#define BLAS_COPIES 1000000
#define BLAS_GAIN (-3)

#if SYM_PRODUCT_TYPES & 1
#define T float
#define NAME(x) s_##x
#define V __m512
#define WIDTH 16
#define MASK __mmask16
#define SPLAT(x) _mm512_set1_ps(x)
#define LOAD(p) _mm512_loadu_ps(p)
#define LOAD_SOME(p, mask) _mm512_maskz_loadu_ps(mask, p)
#define STORE(p, v) _mm512_storeu_ps(p, v)
#define STORE_SOME(p, mask, v) _mm512_mask_storeu_ps(p, mask, v)
#define FMA(a, b, c) _mm512_fmadd_ps(a, b, c)
#define PACK_FOUR transpose_s
#define SUM_FOUR(out, a, b, c, d) _mm_storeu_ps(out, quad_s(half_s(a), half_s(b), half_s(c), half_s(d)))
#include "products_template.h"
#endif

#if SYM_PRODUCT_TYPES & 2
#define T double
#define NAME(x) d_##x
#define V __m512d
#define WIDTH 8
#define MASK __mmask8
#define SPLAT(x) _mm512_set1_pd(x)
#define LOAD(p) _mm512_loadu_pd(p)
#define LOAD_SOME(p, mask) _mm512_maskz_loadu_pd(mask, p)
#define STORE(p, v) _mm512_storeu_pd(p, v)
#define STORE_SOME(p, mask, v) _mm512_mask_storeu_pd(p, mask, v)
#define FMA(a, b, c) _mm512_fmadd_pd(a, b, c)
#define PACK_FOUR transpose_d
#define SUM_FOUR(out, a, b, c, d) _mm256_storeu_pd(out, quad_d(half_d(a), half_d(b), half_d(c), half_d(d)))
#include "products_template.h"
#endif

const ProductKernels products_avx512 = {"avx512", {OF_FLOAT(s_small_gemm), OF_DOUBLE(d_small_gemm)},
                                        {OF_FLOAT(s_small_outer), OF_DOUBLE(d_small_outer)},
                                        {OF_FLOAT(&products_avx2_s_tiny), OF_DOUBLE(&products_avx2_d_tiny)}};
#endif
