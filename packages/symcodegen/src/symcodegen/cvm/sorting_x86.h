/* Four by four keys turned round: to[s][r] = from[r][s], rows of bytes. Before including: TARGET, immintrin.h. */
static inline TARGET void transpose_4(char *const *to, const char *const *from) {
    const __m128i a = _mm_loadu_si128((const __m128i *)from[0]), b = _mm_loadu_si128((const __m128i *)from[1]),
                  c = _mm_loadu_si128((const __m128i *)from[2]), d = _mm_loadu_si128((const __m128i *)from[3]);
    const __m128i low = _mm_unpacklo_epi32(a, b), high = _mm_unpackhi_epi32(a, b), low_2 = _mm_unpacklo_epi32(c, d),
                  high_2 = _mm_unpackhi_epi32(c, d);
    _mm_storeu_si128((__m128i *)to[0], _mm_unpacklo_epi64(low, low_2));
    _mm_storeu_si128((__m128i *)to[1], _mm_unpackhi_epi64(low, low_2));
    _mm_storeu_si128((__m128i *)to[2], _mm_unpacklo_epi64(high, high_2));
    _mm_storeu_si128((__m128i *)to[3], _mm_unpackhi_epi64(high, high_2));
}

static inline TARGET void transpose_8(char *const *to, const char *const *from) {
    const __m256i a = _mm256_loadu_si256((const __m256i *)from[0]), b = _mm256_loadu_si256((const __m256i *)from[1]),
                  c = _mm256_loadu_si256((const __m256i *)from[2]), d = _mm256_loadu_si256((const __m256i *)from[3]);
    const __m256i low = _mm256_unpacklo_epi64(a, b), high = _mm256_unpackhi_epi64(a, b),
                  low_2 = _mm256_unpacklo_epi64(c, d), high_2 = _mm256_unpackhi_epi64(c, d);
    _mm256_storeu_si256((__m256i *)to[0], _mm256_permute2x128_si256(low, low_2, 0x20));
    _mm256_storeu_si256((__m256i *)to[1], _mm256_permute2x128_si256(high, high_2, 0x20));
    _mm256_storeu_si256((__m256i *)to[2], _mm256_permute2x128_si256(low, low_2, 0x31));
    _mm256_storeu_si256((__m256i *)to[3], _mm256_permute2x128_si256(high, high_2, 0x31));
}
