/* Sums across the lanes of four 256-bit vectors at once. Before including: TARGET. */
#include <immintrin.h>

static inline TARGET __m128 quad_s(__m256 a, __m256 b, __m256 c, __m256 d) {
    __m256 t = _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
    return _mm_add_ps(_mm256_castps256_ps128(t), _mm256_extractf128_ps(t, 1));
}

static inline TARGET __m256d quad_d(__m256d a, __m256d b, __m256d c, __m256d d) {
    __m256d t = _mm256_hadd_pd(a, b), u = _mm256_hadd_pd(c, d);
    return _mm256_add_pd(_mm256_permute2f128_pd(t, u, 0x20), _mm256_permute2f128_pd(t, u, 0x31));
}
