/* Sorting with the 128-bit vectors that every processor of today has (SSE2, NEON), where the compiler makes use of
 * them. */
#include "sorting.h"

#include <limits.h>
#include <string.h>

#if COMBINE_VECTOR
#if defined(__GNUC__) && !defined(__clang__)
#define TARGET __attribute__((VECTORIZED))
#else
#define TARGET
#endif

typedef int Four __attribute__((vector_size(16), aligned(4), may_alias));
typedef i64 Two __attribute__((vector_size(16), aligned(8), may_alias));

#define KEY_BLOCK 8
#define VECTOR 16
#ifdef __SSE2__
#define RANKS 0 /* SSE2 compares no integers of 64 bits */
#define WIDE_SIDE 0
#else
#define RANKS 1
#define WIDE_SIDE 64
#endif
#define LOAD_KEYS(p) (*(const V *)(p))
#define STORE_KEYS(p, v) (*(V *)(p) = (v))
#define MASK V
#define BELOW(a, b) ((V)((a) < (b)))
#define SAME(a, b) ((V)((a) == (b)))
#define EITHER(m, n) ((m) | (n))
#define BOTH(m, n) ((m) & (n))
#define CHOOSE(m, a, b) (((a) & (m)) | ((b) & ~(m)))
#define SMALLER(a, b) CHOOSE(BELOW(b, a), b, a)
#define LARGER(a, b) CHOOSE(BELOW(b, a), a, b)

#define NAME(x) x##_4
#define K int
#define U unsigned int
#define V Four
#define LANES 4
#include "sorting_template.h"
#undef NAME
#undef K
#undef U
#undef V
#undef LANES

#define NAME(x) x##_8
#define K i64
#define U unsigned long long
#define V Two
#define LANES 2
#include "sorting_template.h"
#undef NAME
#undef K
#undef U

#include "sorting_order.h"

const SortKernels sorting_vector = {
    .name = "vector",
    .lanes = {4, 2},
    .sorted = {2048, WIDE_SIDE},
    .ordered = {WIDE_SIDE, WIDE_SIDE},
    .values = {values_4, values_8},
    .positions = {positions_word, positions_pair},
};
#endif
