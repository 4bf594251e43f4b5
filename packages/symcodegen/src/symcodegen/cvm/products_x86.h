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

/* to[s * ld + l] = the element s of the row l, which begins at from + l * stride: four by four. */
static inline TARGET void transpose_s(float *to, i64 ld, const char *from, i64 stride) {
    __m128 a = _mm_loadu_ps((const float *)from), b = _mm_loadu_ps((const float *)(from + stride)),
           c = _mm_loadu_ps((const float *)(from + 2 * stride)), d = _mm_loadu_ps((const float *)(from + 3 * stride));
    _MM_TRANSPOSE4_PS(a, b, c, d);
    _mm_storeu_ps(to, a);
    _mm_storeu_ps(to + ld, b);
    _mm_storeu_ps(to + 2 * ld, c);
    _mm_storeu_ps(to + 3 * ld, d);
}

static inline TARGET void transpose_d(double *to, i64 ld, const char *from, i64 stride) {
    const __m256d a = _mm256_loadu_pd((const double *)from), b = _mm256_loadu_pd((const double *)(from + stride)),
                  c = _mm256_loadu_pd((const double *)(from + 2 * stride)),
                  d = _mm256_loadu_pd((const double *)(from + 3 * stride));
    const __m256d even = _mm256_unpacklo_pd(a, b), odd = _mm256_unpackhi_pd(a, b), even_2 = _mm256_unpacklo_pd(c, d),
                  odd_2 = _mm256_unpackhi_pd(c, d);
    _mm256_storeu_pd(to, _mm256_permute2f128_pd(even, even_2, 0x20));
    _mm256_storeu_pd(to + ld, _mm256_permute2f128_pd(odd, odd_2, 0x20));
    _mm256_storeu_pd(to + 2 * ld, _mm256_permute2f128_pd(even, even_2, 0x31));
    _mm256_storeu_pd(to + 3 * ld, _mm256_permute2f128_pd(odd, odd_2, 0x31));
}
