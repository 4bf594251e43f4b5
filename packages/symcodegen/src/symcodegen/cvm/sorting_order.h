/* Both kinds of words with positions. Before including: sorting_template.h with keys of 64 bits (names end in _8), and
 * what it needs; BELOW(a, b) and SAME(a, b) (masks of vectors), EITHER(m, n), BOTH(m, n), CHOOSE(m, a, b): a where m is
 * set, else b; and MASK, their type. */

/* ---- keys of at most 32 bits above the position ---- */

static inline TARGET i64 word_of(i64 key, i64 at) {
    return (i64)((unsigned long long)key << 32 | (unsigned int)at);
}

static TARGET void word_lanes(const Lines *t, i64 *v) {
    for (i64 i = 0; i < t->n; i++)
        for (int l = 0; l < LANES; l++) v[i * LANES + l] = word_of(v[i * LANES + l], i ^ t->inverted);
    sort_rows_8(v, t->n);
}

#define NAME(x) x##_word
#define K int
#define U unsigned int
#define W i64
#define KEY(w) ((int)((w) >> 32))
#define LESS(a, b) ((a) < (b))
#include "sorting_core.h"
#undef K
#undef U
#undef KEY
#define BIAS(t) ((unsigned int)(t)->order.bias)
#define WORD word_of
#define AT(w, inverted) (((w) ^ (inverted)) & 0xffffffff)
#define ORDER_LANES word_lanes
#define SIDE(v, i, l, inverted) AT((v)[(i) * LANES + (l)], inverted)
#include "sorting_positions.h"
#undef NAME

/* ---- keys of 64 bits beside the position ---- */

typedef struct {
    i64 key, at;
} Pair;

static inline TARGET Pair pair_of(i64 key, i64 at) {
    return (Pair){key, at};
}

#define NAME(x) x##_pair
#define ROWS_OF i64 *v, i64 *w
#define FROM(i) v + (i) * LANES, w + (i) * LANES
#define ROW(r, i) V key##r = LOAD_KEYS(v + (i) * LANES), at##r = LOAD_KEYS(w + (i) * LANES);
#define EXCHANGE(r, s)                                                                                                 \
    {                                                                                                                  \
        const MASK turn = EITHER(BELOW(key##s, key##r), BOTH(SAME(key##s, key##r), BELOW(at##s, at##r)));              \
        const V key = CHOOSE(turn, key##s, key##r), at = CHOOSE(turn, at##s, at##r);                                   \
        key##s = CHOOSE(turn, key##r, key##s);                                                                         \
        at##s = CHOOSE(turn, at##r, at##s);                                                                            \
        key##r = key;                                                                                                  \
        at##r = at;                                                                                                    \
    }
#define KEEP(r, i)                                                                                                     \
    STORE_KEYS(v + (i) * LANES, key##r);                                                                               \
    STORE_KEYS(w + (i) * LANES, at##r);
#define BLOCK 8
#include "sorting_network.h"

static TARGET void pair_lanes(const Lines *t, i64 *v) {
    const i64 n = t->n, rows = (n + 7) / 8 * 8;
    i64 *at = v + rows * LANES;
    for (i64 i = 0; i < n; i++)
        for (int l = 0; l < LANES; l++) at[i * LANES + l] = i ^ t->inverted;
    for (i64 i = n * LANES; i < rows * LANES; i++) v[i] = at[i] = LLONG_MAX;
    network_pair(v, at, rows);
}

#define K i64
#define U unsigned long long
#define W Pair
#define KEY(w) ((w).key)
#define LESS(a, b) ((a).key < (b).key || ((a).key == (b).key && (a).at < (b).at))
#include "sorting_core.h"
#undef K
#undef U
#undef KEY
#define WORD pair_of
#define AT(w, inverted) ((w).at ^ (inverted))
#define BIAS(t) ((t)->order.bias)
#define ORDER_LANES pair_lanes
#define SIDE(v, i, l, inverted) ((v)[((t->n + 7) / 8 * 8 + (i)) * LANES + (l)] ^ (inverted))
#include "sorting_positions.h"
#undef NAME
