/* Sorting of lines with keys of one size. Before including: TARGET; VECTOR and RANKS, see sorting_core.h; K (the key, a
 * signed integer), U (the same without sign), NAME(x); V (a vector of keys), LANES (keys in it), KEY_BLOCK (BLOCK of
 * sorting_network.h), LOAD_KEYS(p), STORE_KEYS(p, v), SMALLER(a, b), LARGER(a, b). TRANSPOSE(to, from), if there is
 * one: four keys of each of the four rows `from`, turned round. */

#define W K
#define KEY(w) (w)
#define LESS(a, b) ((a) < (b))
#include "sorting_core.h"
#undef W
#undef KEY
#undef LESS

#define BITS ((int)(8 * sizeof(K) - 1))

static inline TARGET K NAME(key)(K u, K turned, K flip) {
    return u ^ ((u >> BITS) & turned) ^ flip;
}

static inline TARGET K NAME(back)(K key, K turned, K flip) {
    const K u = key ^ flip;
    return u ^ ((u >> BITS) & turned);
}

/* The same element for NaN of all kinds, and for zeros of both signs. */
static inline TARGET K NAME(equal)(K u, K magnitude, K infinity, K zero) {
    const K size = u & magnitude;
    u = size > infinity ? magnitude : u;
    return size ? u : u & zero;
}

/* ---- several lines, side by side in vectors: element i of line l at v[i * LANES + l] ---- */

#define MOVE_TYPES(MOVE)                                                                                               \
    switch (o->size) {                                                                                                 \
    case 1: MOVE(signed char); break;                                                                                  \
    case 2: MOVE(short); break;                                                                                        \
    case 4: MOVE(int); break;                                                                                          \
    default: MOVE(i64); break;                                                                                         \
    }

#define GATHER(TYPE)                                                                                                   \
    {                                                                                                                  \
        typedef TYPE __attribute__((may_alias)) E;                                                                     \
        if (side)                                                                                                      \
            for (i64 i = 0; i < n; i++)                                                                                \
                for (int l = 0; l < LANES; l++) v[i * LANES + l] = (K)((const E *)(t->x[0] + i * sx))[l];              \
        else                                                                                                           \
            for (int l = 0; l < LANES; l++) {                                                                          \
                const char *x = t->x[l];                                                                               \
                for (i64 i = from; i < n; i++) v[i * LANES + l] = (K) * (const E *)(x + i * sx);                       \
            }                                                                                                          \
    }

static TARGET void NAME(gather)(const Lines *t, K *v) {
    const Ordering *o = &t->order;
    const i64 n = t->n, sx = t->sx;
    i64 from = 0;
    int side = 1;
    for (int l = 1; l < LANES; l++) side &= t->x[l] == t->x[0] + l * o->size;
#ifdef TRANSPOSE
    if (!side && sx == sizeof(K) && o->size == sizeof(K))
        for (; from + 4 <= n; from += 4)
            for (int l = 0; l < LANES; l += 4) {
                char *w = (char *)(v + from * LANES + l);
                const char *const *x = t->x + l;
                const i64 at = from * sx, row = LANES * sizeof(K);
                TRANSPOSE(((char *const[]){w, w + row, w + 2 * row, w + 3 * row}),
                          ((const char *const[]){x[0] + at, x[1] + at, x[2] + at, x[3] + at}));
            }
#endif
    MOVE_TYPES(GATHER)
}

#define SCATTER(TYPE)                                                                                                  \
    {                                                                                                                  \
        typedef TYPE __attribute__((may_alias)) E;                                                                     \
        if (side)                                                                                                      \
            for (i64 i = 0; i < n; i++)                                                                                \
                for (int l = 0; l < LANES; l++) ((E *)(t->y[0] + i * sy))[l] = (E)v[i * LANES + l];                    \
        else                                                                                                           \
            for (int l = 0; l < lines; l++) {                                                                          \
                char *y = t->y[l];                                                                                     \
                for (i64 i = l < whole ? from : 0; i < n; i++) *(E *)(y + i * sy) = (E)v[i * LANES + l];               \
            }                                                                                                          \
    }

static TARGET void NAME(scatter)(const Lines *t, const K *v, int lines) {
    const Ordering *o = &t->order;
    const i64 n = t->n, sy = t->sy;
    i64 from = 0;
    int side = lines == LANES, whole = 0;
    for (int l = 1; l < lines; l++) side &= t->y[l] == t->y[0] + l * o->size;
#ifdef TRANSPOSE
    if (!side && sy == sizeof(K) && o->size == sizeof(K)) {
        whole = lines & ~3;
        for (; from + 4 <= n; from += 4)
            for (int l = 0; l < whole; l += 4) {
                const char *w = (const char *)(v + from * LANES + l);
                char *const *y = t->y + l;
                const i64 at = from * sy, row = LANES * sizeof(K);
                TRANSPOSE(((char *const[]){y[0] + at, y[1] + at, y[2] + at, y[3] + at}),
                          ((const char *const[]){w, w + row, w + 2 * row, w + 3 * row}));
            }
    }
#endif
    MOVE_TYPES(SCATTER)
}

#define ROWS_OF K *v
#define FROM(i) v + (i) * LANES
#define ROW(r, i) V row##r = LOAD_KEYS(v + (i) * LANES);
#define EXCHANGE(r, s)                                                                                                 \
    {                                                                                                                  \
        const V smaller = SMALLER(row##r, row##s);                                                                     \
        row##s = LARGER(row##r, row##s);                                                                               \
        row##r = smaller;                                                                                              \
    }
#define KEEP(r, i) STORE_KEYS(v + (i) * LANES, row##r);
#define BLOCK KEY_BLOCK
#include "sorting_network.h"

/* Sorts n rows; there is room for more, up to a multiple of 16, which become the largest keys. */
static TARGET void NAME(sort_rows)(K *v, i64 n) {
    const i64 rows = n <= 8 ? 8 : (n + KEY_BLOCK - 1) / KEY_BLOCK * KEY_BLOCK;
    for (i64 i = n * LANES; i < rows * LANES; i++) v[i] = (K)(~(U)0 >> 1);
    NAME(network)(v, rows);
}

/* Of floating-point elements: the lines with NaN, or with zeros of both signs. */
static TARGET unsigned NAME(special)(const Lines *t, const K *v) {
    const K magnitude = (K)t->order.magnitude, infinity = (K)t->order.infinity, minus = (K)~magnitude;
    K nan[LANES] = {0}, below[LANES] = {0}, above[LANES] = {0};
    for (i64 i = 0; i < t->n; i++)
        for (int l = 0; l < LANES; l++) {
            const K u = v[i * LANES + l];
            nan[l] |= (u & magnitude) > infinity ? -1 : 0;
            below[l] |= u == minus ? -1 : 0;
            above[l] |= u == 0 ? -1 : 0;
        }
    unsigned found = 0;
    for (int l = 0; l < LANES; l++) found |= (unsigned)(nan[l] | (below[l] & above[l])) >> 31 << l;
    return found;
}

static TARGET void NAME(sort_lanes)(const Lines *t, int lines) {
    K *v = (K *)t->room;
    const i64 words = t->n * LANES;
    const K turned = (K)t->order.turned, flip = (K)t->order.flip;
    NAME(gather)(t, v);
    const unsigned special = turned ? NAME(special)(t, v) : 0;
    for (i64 i = 0; i < words; i++) v[i] = NAME(key)(v[i], turned, flip);
    NAME(sort_rows)(v, t->n);
    for (i64 i = 0; i < words; i++) v[i] = NAME(back)(v[i], turned, flip);
    NAME(scatter)(t, v, lines);
    for (int l = 0; special && l < lines; l++)
        if (special >> l & 1) mend_line(t, t->x[l], t->y[l]);
}

/* ---- one line ---- */

#define LOAD(TYPE)                                                                                                     \
    {                                                                                                                  \
        typedef TYPE __attribute__((may_alias)) E;                                                                     \
        if (sx == sizeof(E))                                                                                           \
            for (i64 i = 0; i < n; i++) v[i] = (K)((const E *)x)[i];                                                   \
        else                                                                                                           \
            for (i64 i = 0; i < n; i++) v[i] = (K) * (const E *)(x + i * sx);                                          \
    }
#define STORE(TYPE)                                                                                                    \
    {                                                                                                                  \
        typedef TYPE __attribute__((may_alias)) E;                                                                     \
        if (sy == sizeof(E))                                                                                           \
            for (i64 i = 0; i < n; i++) ((E *)y)[i] = (E)NAME(back)(v[i], turned, flip);                               \
        else                                                                                                           \
            for (i64 i = 0; i < n; i++) *(E *)(y + i * sy) = (E)NAME(back)(v[i], turned, flip);                        \
    }

static TARGET void NAME(load)(const Lines *t, const char *x, i64 n, K *v) {
    const Ordering *o = &t->order;
    const i64 sx = t->sx;
    MOVE_TYPES(LOAD)
}

static TARGET void NAME(sort_line)(const Lines *t, const char *x, char *y) {
    const Ordering *o = &t->order;
    const i64 n = t->n, sy = t->sy;
    const K turned = (K)o->turned, flip = (K)o->flip, magnitude = (K)o->magnitude, infinity = (K)o->infinity;
    K *v = (K *)t->room, nan = 0, below = 0, above = 0;
    if (o->size == 1 && n >= COUNTED) {
        count_line(t, x, y);
        return;
    }
    NAME(load)(t, x, n, v);
    if (turned)
        for (i64 i = 0; i < n; i++) {
            nan |= (v[i] & magnitude) > infinity;
            below |= v[i] == (K)~magnitude;
            above |= v[i] == 0;
        }
    for (i64 i = 0; i < n; i++) v[i] = NAME(key)(v[i], turned, flip);
    NAME(sort)(v, v + n, n, (int)o->size, (U)o->bias);
    MOVE_TYPES(STORE)
    if (nan | (below & above)) mend_line(t, x, y);
}

static TARGET void NAME(values)(Lines *t) {
    for (int lines; (lines = take_lines(t, t->side ? LANES : 1));) {
        if (t->side && lines > LANES / 4) {
            NAME(sort_lanes)(t, lines);
            continue;
        }
        for (int l = 0; l < lines; l++) NAME(sort_line)(t, t->x[l], t->y[l]);
    }
}

#undef MOVE_TYPES
#undef GATHER
#undef SCATTER
#undef LOAD
#undef STORE
#undef BITS
