/* Elements are combined in 256-bit vectors. */
#include "combine.h"

#if COMBINE_AVX2
#define TARGET __attribute__((target("avx2")))
#include <immintrin.h>

static inline TARGET __m256 rest_f32(const float *x, long long n, float other) {
    const __m256i used = _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    return _mm256_blendv_ps(_mm256_set1_ps(other), _mm256_maskload_ps(x, used), _mm256_castsi256_ps(used));
}

static inline TARGET __m256d rest_f64(const double *x, long long n, double other) {
    const __m256i used = _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), _mm256_setr_epi64x(0, 1, 2, 3));
    return _mm256_blendv_pd(_mm256_set1_pd(other), _mm256_maskload_pd(x, used), _mm256_castsi256_pd(used));
}

#define BYTES 32
#define TABLE combine_avx2
#include "combine_template.h"
#endif
