/* Sorting with 256-bit vectors. */
#include "sorting.h"

#include <limits.h>
#include <string.h>

#if COMBINE_AVX2
#include <immintrin.h>

#if defined(__clang__)
#define TARGET __attribute__((target("avx2")))
#else
#define TARGET __attribute__((target("avx2"), VECTORIZED))
#endif
#include "sorting_x86.h"

#define KEY_BLOCK 8
#define VECTOR 32
#define RANKS 1
#define V __m256i
#define LOAD_KEYS(p) _mm256_loadu_si256((const __m256i *)(p))
#define STORE_KEYS(p, v) _mm256_storeu_si256((__m256i *)(p), v)
#define MASK __m256i
#define BELOW(a, b) _mm256_cmpgt_epi64(b, a)
#define SAME(a, b) _mm256_cmpeq_epi64(a, b)
#define EITHER(m, n) _mm256_or_si256(m, n)
#define BOTH(m, n) _mm256_and_si256(m, n)
#define CHOOSE(m, a, b) _mm256_blendv_epi8(b, a, m)

#define NAME(x) x##_4
#define K int
#define U unsigned int
#define LANES 8
#define SMALLER(a, b) _mm256_min_epi32(a, b)
#define LARGER(a, b) _mm256_max_epi32(a, b)
#define TRANSPOSE transpose_4
#include "sorting_template.h"
#undef NAME
#undef K
#undef U
#undef LANES
#undef SMALLER
#undef LARGER
#undef TRANSPOSE

#define NAME(x) x##_8
#define K i64
#define U unsigned long long
#define LANES 4
#define SMALLER(a, b) CHOOSE(BELOW(b, a), b, a)
#define LARGER(a, b) CHOOSE(BELOW(b, a), a, b)
#define TRANSPOSE transpose_8
#include "sorting_template.h"
#undef NAME
#undef K
#undef U

#include "sorting_order.h"

const SortKernels sorting_avx2 = {
    .name = "avx2",
    .lanes = {8, 4},
    .sorted = {8192, 8192},
    .ordered = {1024, 2048},
    .values = {values_4, values_8},
    .positions = {positions_word, positions_pair},
};
#endif
