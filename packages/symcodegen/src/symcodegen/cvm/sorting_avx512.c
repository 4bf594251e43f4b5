/* Sorting with 512-bit vectors. */
#include "sorting.h"

#include <limits.h>
#include <string.h>

#if COMBINE_AVX512
#include <immintrin.h>

#if defined(__clang__)
#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,bmi2")))
#else
#define TARGET                                                                                                         \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,bmi2,prefer-vector-width=512"), VECTORIZED))
#endif
#include "sorting_x86.h"

#define KEY_BLOCK 16
#define VECTOR 64
#define RANKS 1
#define V __m512i
#define LOAD_KEYS(p) _mm512_loadu_si512(p)
#define STORE_KEYS(p, v) _mm512_storeu_si512(p, v)

#define NAME(x) x##_4
#define K int
#define U unsigned int
#define LANES 16
#define SMALLER(a, b) _mm512_min_epi32(a, b)
#define LARGER(a, b) _mm512_max_epi32(a, b)
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
#define LANES 8
#define SMALLER(a, b) _mm512_min_epi64(a, b)
#define LARGER(a, b) _mm512_max_epi64(a, b)
#define TRANSPOSE transpose_8
#include "sorting_template.h"
#undef NAME
#undef K
#undef U

#define MASK __mmask8
#define BELOW(a, b) _mm512_cmplt_epi64_mask(a, b)
#define SAME(a, b) _mm512_cmpeq_epi64_mask(a, b)
#define EITHER(m, n) ((__mmask8)((m) | (n)))
#define BOTH(m, n) ((__mmask8)((m) & (n)))
#define CHOOSE(m, a, b) _mm512_mask_blend_epi64(m, b, a)
#include "sorting_order.h"

const SortKernels sorting_avx512 = {
    .name = "avx512",
    .lanes = {16, 8},
    .sorted = {8192, 8192},
    .ordered = {1024, 2048},
    .values = {values_4, values_8},
    .positions = {positions_word, positions_pair},
};
#endif
