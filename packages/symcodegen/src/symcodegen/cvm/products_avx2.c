/* Small products with 256-bit vectors. */
#include "products.h"

#if PRODUCTS_AVX2 || PRODUCTS_AVX512
#define TARGET __attribute__((target("avx2,fma")))
#include "products_x86.h"

/* The first n lanes. Stores go by halves of n: a masked store takes AMD's processors twenty times as long. */
typedef struct {
    __m256i on;
    int count;
} Lanes;

#if SYM_PRODUCT_TYPES & 1
static inline TARGET Lanes lanes_s(int n) {
    const __m256i at = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return (Lanes){_mm256_cmpgt_epi32(_mm256_set1_epi32(n), at), n};
}

static inline TARGET void store_some_s(float *p, int n, __m256 v) {
    if (n == 8) {
        _mm256_storeu_ps(p, v);
        return;
    }
    __m128 rest = _mm256_castps256_ps128(v);
    if (n & 4) {
        _mm_storeu_ps(p, rest);
        rest = _mm256_extractf128_ps(v, 1);
        p += 4;
    }
    if (n & 2) {
        _mm_storel_pi((__m64 *)p, rest);
        rest = _mm_movehl_ps(rest, rest);
        p += 2;
    }
    if (n & 1) _mm_store_ss(p, rest);
}
#endif

#if SYM_PRODUCT_TYPES & 2
static inline TARGET Lanes lanes_d(int n) {
    const __m256i at = _mm256_setr_epi64x(0, 1, 2, 3);
    return (Lanes){_mm256_cmpgt_epi64(_mm256_set1_epi64x(n), at), n};
}

static inline TARGET void store_some_d(double *p, int n, __m256d v) {
    if (n == 4) {
        _mm256_storeu_pd(p, v);
        return;
    }
    __m128d rest = _mm256_castpd256_pd128(v);
    if (n & 2) {
        _mm_storeu_pd(p, rest);
        rest = _mm256_extractf128_pd(v, 1);
        p += 2;
    }
    if (n & 1) _mm_store_sd(p, rest);
}
#endif

#define ROWS 4 /* of a block of accumulators: 16 registers */
#define MOST_WORK (1 << 21)
#define MOST_BYTES (1 << 19)
#define WRITE_COST 7
#define MOST_COLS 3 /* of a block of dots, by four rows */
#define LEAST_PACKED 4096
#define MOST_PACKED MOST_PRODUCT
#define TILE_CALL 40
#define BLOCKED_CALL 150
#define PACKED_ELEMENT 6
#define DOTS_BYTES (1 << 18)
#define SWEEP_BYTES (3 << 17)
#define LARGE_SIDE(size) MOST_PRODUCT
#define BLAS_LOSS 10
#define TILE_ROWS 6
#define DEPTH(size) (size == 4 ? 384 : 192)
#define PREFETCH(p) _mm_prefetch((const char *)(p), _MM_HINT_T0)
#define BLAS_CALL 300
#define BLAS_COPIES 0
#define BLAS_GAIN (-3)
#define MOST_TINY (TINY * TINY * MOST_TINY_SUM)

#if !PRODUCTS_AVX2
#define TINY_ALONE
#endif

#if SYM_PRODUCT_TYPES & 1
#define T float
#define NAME(x) s_##x
#define V __m256
#define WIDTH 8
#define MASK Lanes
#define LANES(n) lanes_s((int)(n))
#define SPLAT(x) _mm256_set1_ps(x)
#define LOAD(p) _mm256_loadu_ps(p)
#define LOAD_SOME(p, mask) _mm256_maskload_ps(p, (mask).on)
#define STORE(p, v) _mm256_storeu_ps(p, v)
#define STORE_SOME(p, mask, v) store_some_s(p, (mask).count, v)
#define FMA(a, b, c) _mm256_fmadd_ps(a, b, c)
#define PACK_FOUR transpose_s
#define SUM_FOUR(out, a, b, c, d) _mm_storeu_ps(out, quad_s(a, b, c, d))
#define GEMM s_gemm
#define GEMV s_gemv
#define TABLE products_avx2_s_tiny
#include "products_tiny.h"
#include "products_template.h"
#undef LANES
#endif

#if SYM_PRODUCT_TYPES & 2
#define T double
#define NAME(x) d_##x
#define V __m256d
#define WIDTH 4
#define MASK Lanes
#define LANES(n) lanes_d((int)(n))
#define SPLAT(x) _mm256_set1_pd(x)
#define LOAD(p) _mm256_loadu_pd(p)
#define LOAD_SOME(p, mask) _mm256_maskload_pd(p, (mask).on)
#define STORE(p, v) _mm256_storeu_pd(p, v)
#define STORE_SOME(p, mask, v) store_some_d(p, (mask).count, v)
#define FMA(a, b, c) _mm256_fmadd_pd(a, b, c)
#define PACK_FOUR transpose_d
#define SUM_FOUR(out, a, b, c, d) _mm256_storeu_pd(out, quad_d(a, b, c, d))
#define GEMM d_gemm
#define GEMV d_gemv
#define TABLE products_avx2_d_tiny
#include "products_tiny.h"
#include "products_template.h"
#endif

#if PRODUCTS_AVX2
const ProductKernels products_avx2 = {"avx2", {OF_FLOAT(s_small_gemm), OF_DOUBLE(d_small_gemm)},
                                      {OF_FLOAT(s_small_outer), OF_DOUBLE(d_small_outer)},
                                      {OF_FLOAT(&products_avx2_s_tiny), OF_DOUBLE(&products_avx2_d_tiny)}};
#endif
#endif
