/* Elements are combined in 512-bit vectors. */
#include "combine.h"

#if COMBINE_AVX512
#if defined(__clang__)
#define TARGET __attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,avx2")))
#else
#define TARGET __attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,avx2,prefer-vector-width=512")))
#endif
#include <immintrin.h>

static inline TARGET __m512 rest_f32(const float *x, long long n, float other) {
    return _mm512_mask_loadu_ps(_mm512_set1_ps(other), (__mmask16)((1u << n) - 1), x);
}

static inline TARGET __m512d rest_f64(const double *x, long long n, double other) {
    return _mm512_mask_loadu_pd(_mm512_set1_pd(other), (__mmask8)((1u << n) - 1), x);
}

#define BYTES 64
#define TABLE combine_avx512
#include "combine_template.h"
#endif
