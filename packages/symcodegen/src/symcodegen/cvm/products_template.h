/* Products for one element type and one instruction set. Before including: TARGET (attributes of functions), T,
 * NAME(x), V (vector type), WIDTH (its lanes), MASK (which lanes), LANES(n) (the first n, 1 <= n <= WIDTH), SPLAT, LOAD,
 * LOAD_SOME, STORE, STORE_SOME, FMA(a, b, c) = a * b + c, SUM_FOUR(out, a, b, c, d) (sums across lanes),
 * PACK_FOUR(to, ld, from, stride) (4 x 4 elements transposed: to[s * ld + l] = element s of row l), PREFETCH(p);
 * the sizes of blocks ROWS (of spread), MOST_COLS (of dots, by four rows), TILE_ROWS (of tiles, by two vectors) and DEPTH(size)
 * (steps of the sum in a block of tiles); the limits MOST_WORK (multiplications) and MOST_BYTES (of a and b) of the ways
 * without blocks, LEAST_PACKED, MOST_PACKED (multiplications) and DOTS_BYTES (of the copy) of those that copy;
 * SWEEP_BYTES, of a matrix, beyond which the result is swept over;
 * LARGE_SIDE(size), the length from which on a product whose sides all have it is BLAS's;
 * and, for the choice, in multiplications of a vector: WRITE_COST (of a vector of the result), TILE_CALL, BLOCKED_CALL, PACKED_ELEMENT (in
 * eighths, copied across), BLAS_CALL (what its call costs more than ours), BLAS_COPIES (multiplications beyond which it copies
 * its operands), BLAS_GAIN and BLAS_LOSS (per cent by which its loops are faster up to there and slower from there on).
 *
 * Five ways through a product:
 *   spread       vectors lie along n: rows of b are read as they are, elements of a are spread over a vector
 *   dots         vectors lie along k: both operands are contiguous along k, lanes are added up at the end
 *   blocked      as spread, by larger blocks, with copies of what does not lie as they want it (products_blocked.h)
 *   dots packed  as dots, with a copy of b
 *   sweep        one row: several rows of b at a time are added to all of the result (products_sweep.h)
 * and each of them through the transposed product. Blocks of accumulators stay in registers; `chains` are accumulators of the
 * same element that take turns along k, so that an addition need not wait for the one before. Loops over a block are
 * unrolled completely: their bounds are constants once inlined. */

#ifndef TINY_ALONE /* else the kernels of products_tiny.h are all that is wanted */

enum { NAME(SIZE) = sizeof(T) };
#define PACKED_BYTES 16384 /* of the stack */
#define FIRST_CACHE 16384  /* half of the least one in use */
#define INLINE static inline __attribute__((always_inline)) TARGET
#define UNROLL _Pragma("GCC unroll 32")
#define AT(base, offset) ((T *)((char *)(base) + (offset)))
#define CONST_AT(base, offset) ((const T *)((const char *)(base) + (offset)))

/* ---- spread ---- */

/* c = beta * y + alpha * sums for a block, whose last vectors have the lanes of `last`. All of y is read before anything is
 * written: a load close behind a store that it touches, as those of neighbouring short rows are, waits for it. */
INLINE void NAME(write_rows)(const Product *q, i64 i, i64 j, MASK last, const int rows, const int vectors, V *values) {
    const T alpha = *(const T *)q->alpha, beta = *(const T *)q->beta;
    const int end = vectors - 1;
    if (alpha != 1)
        UNROLL for (int z = 0; z < rows * vectors; z++) values[z] *= SPLAT(alpha);
    if (beta != 0)
        UNROLL for (int z = 0; z < rows * vectors; z++) {
            const int v = z % vectors;
            const T *y = CONST_AT(q->y, (i + z / vectors) * q->y_rs) + j + v * WIDTH;
            values[z] = FMA(SPLAT(beta), v < end ? LOAD(y) : LOAD_SOME(y, last), values[z]);
        }
    UNROLL for (int z = 0; z < rows * vectors; z++) {
        const int v = z % vectors;
        T *c = AT(q->c, (i + z / vectors) * q->c_rs) + j + v * WIDTH;
        if (v < end)
            STORE(c, values[z]);
        else
            STORE_SOME(c, last, values[z]);
    }
}

INLINE void NAME(spread_step)(const Product *q, const char *a, const char *b, MASK last, const int rows,
                              const int vectors, V *sums) {
    V x[8];
    UNROLL for (int v = 0; v < vectors; v++) x[v] =
        v + 1 < vectors ? LOAD((const T *)b + v * WIDTH) : LOAD_SOME((const T *)b + v * WIDTH, last);
    UNROLL for (int r = 0; r < rows; r++) {
        V w = SPLAT(*CONST_AT(a, r * q->a_rs));
        UNROLL for (int v = 0; v < vectors; v++) sums[r * vectors + v] = FMA(w, x[v], sums[r * vectors + v]);
    }
}

INLINE void NAME(spread_block)(const Product *q, i64 i, i64 j, MASK last, const int rows, const int vectors,
                               const int chains) {
    V sums[24];
    const int block = rows * vectors;
    const char *a = q->a + i * q->a_rs, *b = q->b + j * NAME(SIZE);
    UNROLL for (int z = 0; z < block * chains; z++) sums[z] = SPLAT((T)0);
    i64 k = q->k;
    for (; k >= chains; k -= chains)
        UNROLL for (int u = 0; u < chains; u++, a += q->a_cs, b += q->b_rs)
            NAME(spread_step)(q, a, b, last, rows, vectors, sums + u * block);
    for (; k > 0; k--, a += q->a_cs, b += q->b_rs) NAME(spread_step)(q, a, b, last, rows, vectors, sums);
    UNROLL for (int z = block; z < block * chains; z++) sums[z % block] += sums[z];
    NAME(write_rows)(q, i, j, last, rows, vectors, sums);
}

/* All rows of a column of blocks: the part of b that it reads stays in the cache from one block to the next. */
#define SPREAD_COLUMN(vectors, chains4, chains2, chains1)                                                              \
    static TARGET void NAME(spread_##vectors)(const Product *q, i64 j, MASK last) {                                    \
        i64 i = 0;                                                                                                     \
        if (ROWS > 4 && vectors == 2)                                                                                  \
            for (i64 rest = q->m; rest >= 20 || (rest >= 12 && rest < 16); rest -= 12, i += 12)                        \
                NAME(spread_block)(q, i, j, last, ROWS > 4 && vectors == 2 ? 12 : 1, vectors, 1);                      \
        if (ROWS > 4 && vectors < 4)                                                                                   \
            for (; i + 8 <= q->m; i += 8) NAME(spread_block)(q, i, j, last, 8, vectors < 4 ? vectors : 1, 1);          \
        for (; i + 4 <= q->m; i += 4) NAME(spread_block)(q, i, j, last, 4, vectors, chains4);                          \
        if (i + 2 <= q->m) {                                                                                           \
            NAME(spread_block)(q, i, j, last, 2, vectors, chains2);                                                    \
            i += 2;                                                                                                    \
        }                                                                                                              \
        if (i < q->m) NAME(spread_block)(q, i, j, last, 1, vectors, chains1);                                          \
    }
SPREAD_COLUMN(1, 2, 4, 8)
SPREAD_COLUMN(2, 1, 2, 4)
#if ROWS > 4
SPREAD_COLUMN(3, 1, 2, 4)
#endif
SPREAD_COLUMN(4, 1, 1, 2)

static TARGET void NAME(spread_row)(const Product *q, i64 j, MASK last) {
    NAME(spread_block)(q, 0, j, last, 1, 8, 1);
}

static TARGET void NAME(spread_rows)(const Product *q) {
    const i64 n = q->n;
    const MASK all = LANES(WIDTH);
    i64 j = 0;
    if (q->m == 1)
        for (; j + 8 * WIDTH <= n; j += 8 * WIDTH) NAME(spread_row)(q, j, all);
    if (q->m < (ROWS > 4 ? 8 : 4))
        for (; j + 4 * WIDTH <= n; j += 4 * WIDTH) NAME(spread_4)(q, j, all);
#if ROWS > 4 /* threes, but for what is left by twos alone */
    for (; n - j > 4 * WIDTH; j += 3 * WIDTH) NAME(spread_3)(q, j, all);
    if (n - j > 2 * WIDTH && n - j <= 3 * WIDTH) {
        NAME(spread_3)(q, j, LANES(n - j - 2 * WIDTH));
        return;
    }
#endif
    for (; j + 2 * WIDTH <= n; j += 2 * WIDTH) NAME(spread_2)(q, j, all);
    const i64 rest = n - j;
    if (rest > WIDTH)
        NAME(spread_2)(q, j, LANES(rest - WIDTH));
    else if (rest > 0)
        NAME(spread_1)(q, j, LANES(rest));
}

/* Down the columns of blocks: what each reads of b comes from memory once. A b that fits the cache is better read for a
 * few rows at a time, so that the result is written row by row, unless there are but one or two columns of blocks. */
static TARGET void NAME(spread)(const Product *q) {
    if (q->m <= ROWS || q->n <= (ROWS > 4 ? 4 : 2) * WIDTH || q->k * q->n * NAME(SIZE) > FIRST_CACHE) {
        NAME(spread_rows)(q);
        return;
    }
    Product few = *q;
    for (i64 i = 0; i < q->m; i += ROWS) {
        few.m = q->m - i < ROWS ? q->m - i : ROWS;
        NAME(spread_rows)(&few);
        few.a += ROWS * q->a_rs, few.c += ROWS * q->c_rs, few.y += ROWS * q->y_rs;
    }
}

#include "products_sweep.h"

/* ---- dots ---- */

INLINE void NAME(write_dot)(const Product *q, i64 i, i64 j, T sum) {
    const T alpha = *(const T *)q->alpha, beta = *(const T *)q->beta;
    T value = alpha * sum;
    if (beta != 0) value += beta * *CONST_AT(q->y, i * q->y_rs + j * q->y_cs);
    *AT(q->c, i * q->c_rs + j * q->c_cs) = value;
}

INLINE void NAME(dots_step)(const Product *q, const T *a, const T *b, int whole, MASK last, const int rows,
                            const int cols, const int ahead, V *sums) {
    V x[MOST_COLS];
    UNROLL for (int c = 0; c < cols; c++) {
        const T *at = CONST_AT(b, c * q->b_cs);
        x[c] = whole ? LOAD(at) : LOAD_SOME(at, last);
    }
    UNROLL for (int r = 0; r < rows; r++) {
        const T *at = CONST_AT(a, r * q->a_rs);
        if (ahead) PREFETCH((const char *)at + AHEAD);
        V w = whole ? LOAD(at) : LOAD_SOME(at, last);
        UNROLL for (int c = 0; c < cols; c++) sums[c * rows + r] = FMA(w, x[c], sums[c * rows + r]);
    }
}

/* rows * cols * chains is a multiple of 4. */
INLINE void NAME(dots_block)(const Product *q, i64 i, i64 j, const int rows, const int cols, const int chains,
                             const int ahead) {
    V sums[4 * MOST_COLS];
    T totals[4 * MOST_COLS];
    const int block = rows * cols;
    const T *a = CONST_AT(q->a, i * q->a_rs), *b = CONST_AT(q->b, j * q->b_cs);
    const i64 whole = q->k / WIDTH, rest = q->k % WIDTH;
    UNROLL for (int z = 0; z < block * chains; z++) sums[z] = SPLAT((T)0);
    i64 k = whole;
    for (; k >= chains; k -= chains)
        UNROLL for (int u = 0; u < chains; u++, a += WIDTH, b += WIDTH)
            NAME(dots_step)(q, a, b, 1, LANES(WIDTH), rows, cols, ahead, sums + u * block);
    for (; k > 0; k--, a += WIDTH, b += WIDTH) NAME(dots_step)(q, a, b, 1, LANES(WIDTH), rows, cols, ahead, sums);
    if (rest) NAME(dots_step)(q, a, b, 0, LANES(rest), rows, cols, 0, sums);
    UNROLL for (int z = 0; z < block * chains; z += 4)
        SUM_FOUR(totals + z, sums[z], sums[z + 1], sums[z + 2], sums[z + 3]);
    UNROLL for (int z = block; z < block * chains; z++) totals[z % block] += totals[z];
    UNROLL for (int c = 0; c < cols; c++)
        UNROLL for (int r = 0; r < rows; r++) NAME(write_dot)(q, i + r, j + c, totals[c * rows + r]);
}

#define DOTS(cols)                                                                                                     \
    static TARGET void NAME(dots_4x##cols)(const Product *q, i64 i, i64 j) {                                           \
        NAME(dots_block)(q, i, j, 4, cols, 1, 0);                                                                      \
    }
DOTS(2)
DOTS(3)
#if MOST_COLS > 3
DOTS(4)
DOTS(5)
DOTS(6)
#endif

static void (*const NAME(dots_four)[MOST_COLS + 1])(const Product *, i64, i64) = {
    NULL, NULL, NAME(dots_4x2), NAME(dots_4x3),
#if MOST_COLS > 3
    NAME(dots_4x4), NAME(dots_4x5), NAME(dots_4x6),
#endif
};

/* Eight rows that come from memory. */
static TARGET void NAME(dots_ahead)(const Product *q, i64 i, i64 j) {
    NAME(dots_block)(q, i, j, 8, 1, 1, 1);
}

/* A column of the result from row i on. Sums do not begin where memory is aligned, though that is faster: their bits would depend on
 * where an operand lies. */
static TARGET void NAME(dots_column)(const Product *q, i64 i, i64 j) {
    if (NAME(from_memory)(q->m, q->k * NAME(SIZE), q->a_rs))
        for (; i + 8 <= q->m; i += 8) NAME(dots_ahead)(q, i, j);
    if (q->a_rs & 4095) /* else eight rows would fight for one set of the first cache */
        for (; i + 8 <= q->m; i += 8) NAME(dots_block)(q, i, j, 8, 1, 1, 0);
    for (; i + 4 <= q->m; i += 4) NAME(dots_block)(q, i, j, 4, 1, 2, 0);
    for (; i < q->m; i++) NAME(dots_block)(q, i, j, 1, 1, 4, 0);
}

static Product NAME(transposed)(const Product *q) {
    Product t = *q;
    t.m = q->n, t.n = q->m;
    t.a = q->b, t.a_rs = q->b_cs, t.a_cs = q->b_rs;
    t.b = q->a, t.b_rs = q->a_cs, t.b_cs = q->a_rs;
    t.y_rs = q->y_cs, t.y_cs = q->y_rs;
    t.c_rs = q->c_cs, t.c_cs = q->c_rs;
    return t;
}

/* Four rows by up to MOST_COLS columns at a time; of the two operands the larger one is read once. */
static TARGET void NAME(dots)(const Product *q) {
    if (q->m < 4 || q->n < 2) {
        const Product t = q->n > q->m ? NAME(transposed)(q) : *q;
        for (i64 j = 0; j < t.n; j++) NAME(dots_column)(&t, 0, j);
        return;
    }
    const i64 rows = q->m & ~(i64)3, groups = (q->n + MOST_COLS - 1) / MOST_COLS, least = q->n / groups;
    const i64 larger = q->n % groups; /* so many groups have one column more */
    if (q->m > q->n)
        for (i64 i = 0; i < rows; i += 4)
            for (i64 g = 0, j = 0; g < groups; j += least + (g < larger), g++)
                NAME(dots_four)[least + (g < larger)](q, i, j);
    else
        for (i64 g = 0, j = 0; g < groups; j += least + (g < larger), g++)
            for (i64 i = 0; i < rows; i += 4) NAME(dots_four)[least + (g < larger)](q, i, j);
    if (rows == q->m) return;
    const Product t = NAME(transposed)(q);
    for (i64 i = rows; i < q->m; i++) NAME(dots_column)(&t, 0, i);
}

#include "products_blocked.h"

/* ---- which way ---- */

/* Where b lies along k, the spread way needs a copy of it: worth it if the copy is small and there are rows enough. */
static TARGET __attribute__((noinline)) void NAME(spread_copy)(const Product *given) {
    T copy[PACKED_BYTES / sizeof(T)] __attribute__((aligned(64)));
    Product q = *given;
    for (i64 l = 0; l < q.k; l++) {
        const char *from = q.b + l * q.b_rs;
        T *to = copy + l * q.n;
        for (i64 j = 0; j < q.n; j++, from += q.b_cs) to[j] = *(const T *)from;
    }
    q.b = (const char *)copy;
    q.b_rs = q.n * NAME(SIZE);
    q.b_cs = NAME(SIZE);
    NAME(spread)(&q);
}

#define VECTORS(n) (((n) + WIDTH - 1) / WIDTH)
#define NOT_POSSIBLE ((i64)1 << 60)

/* Costs in multiplications of a vector, beyond what a call takes; `n` is the axis that vectors lie along. Rows of b that
 * lie multiples of 4096 bytes apart take turns in one set of the first cache: every block reads them from the second. Two or three rows are blocks that load
 * almost as much as they multiply. */
static inline i64 NAME(spread_cost)(i64 m, i64 n, i64 k, i64 b_rs, i64 b_cs, i64 c_cs, i64 y_cs, int reads_y) {
    if (c_cs != NAME(SIZE) || (reads_y && y_cs != NAME(SIZE))) return NOT_POSSIBLE;
    i64 cost = m * VECTORS(n) * (k + WRITE_COST);
    if (m == 2 || m == 3) cost += cost / 4;
    if (b_cs == NAME(SIZE)) return (b_rs & 4095) == 0 && k > 8 && m > 4 ? 2 * cost : cost;
    return n * k * NAME(SIZE) <= PACKED_BYTES ? cost + n * k * 2 : NOT_POSSIBLE;
}

/* With two or three rows or columns, blocks load more than they multiply. */
static inline i64 NAME(dots_cost)(const Product *q, i64 m, i64 n, i64 k) {
    if (q->a_cs != NAME(SIZE) || q->b_rs != NAME(SIZE)) return NOT_POSSIBLE;
    const i64 least = m < n ? m : n, vectors = VECTORS(k);
    if (least == 1 && k >= 2 * WIDTH) { /* BLAS adds lanes up as well; vectors of two cache lines each take longer */
        const int split = sizeof(V) == 64 && ((m > 1 ? q->a_rs : q->b_cs) & 63);
        return m * n * (vectors + (split ? vectors / 4 : 0) + 1);
    }
    const int crowded = least > 3 && ((q->a_rs & 4095) == 0 || (q->b_cs & 4095) == 0); /* in the first cache, as above */
    return m * n * (vectors + (least == 2 || least == 3 || crowded ? vectors / 2 : 0) + 7);
}

/* Of tiles with two rows or less, the additions wait for each other. Packing is counted in eighths. */
static inline i64 NAME(blocked_cost)(const Product *q, int reads_y) {
    const i64 m = q->m, n = q->n, k = q->k, row_blocks = (m + TILE_ROWS - 1) / TILE_ROWS,
              k_blocks = (k + DEPTH(NAME(SIZE)) - 1) / DEPTH(NAME(SIZE));
    const int direct = q->c_cs == NAME(SIZE) && (!reads_y || q->y_cs == NAME(SIZE));
    i64 cost = (m < 3 ? 3 : m) * VECTORS(n) * k + 5 * m * VECTORS(n) * k_blocks + (direct ? 0 : (m + 2) * n * k_blocks * (q->c_rs == NAME(SIZE) ? 1 : 3)) +
               TILE_CALL * row_blocks * ((n + NAME(PANEL) - 1) / NAME(PANEL)) * k_blocks;
    cost += q->a_rs == NAME(SIZE) ? 3 * row_blocks * k : m * k * (q->a_cs == NAME(SIZE) ? 1 : 4) * PACKED_ELEMENT / 8;
    if (NAME(packs_b)(m, q->b_rs, q->b_cs))
        cost += q->b_cs == NAME(SIZE) ? VECTORS(n) * k * 3 : n * k * (q->b_rs == NAME(SIZE) ? 1 : 4) * PACKED_ELEMENT / 8;
    return cost + BLOCKED_CALL;
}

static inline i64 NAME(dots_packed_cost)(const Product *q) {
    if (q->a_cs != NAME(SIZE) || q->n * q->k * NAME(SIZE) > DOTS_BYTES) return NOT_POSSIBLE;
    Product packed = *q;
    packed.b_rs = NAME(SIZE);
    packed.b_cs = q->k * NAME(SIZE);
    return NAME(dots_cost)(&packed, q->m, q->n, q->k) + BLOCKED_CALL +
           q->n * q->k * (q->b_cs == NAME(SIZE) ? 1 : 4) * PACKED_ELEMENT / 8;
}

/* What BLAS was seen to take: up to BLAS_COPIES multiplications it has kernels that copy nothing, whose vectors lie along n, m or
 * k as the orders of a and b suggest; beyond, it copies both. Short rows that it adds to wait for each other. `n` is the axis along which the result lies. */
static i64 NAME(blas_cost)(const Product *q, int reads_y) {
    const i64 m = q->m, n = q->n, k = q->k, along_n = m * VECTORS(n) * k;
    if (m * n * k > BLAS_COPIES) return along_n + along_n * BLAS_LOSS / 100 + n * k + m * k / 2 + m * n / 4 + BLAS_CALL;
    const i64 along_m = VECTORS(m) * n * k, along_k = m * n * VECTORS(k);
    const i64 other = q->b_rs != NAME(SIZE) ? along_n : q->a_rs == NAME(SIZE) ? along_m : along_k;
    const i64 cost = other < along_m ? other : along_m;
    const i64 waits = reads_y && n < WIDTH && q->b_rs != NAME(SIZE) ? 16 * m : 0;
    return cost - cost * BLAS_GAIN / 100 + m * n / 8 + waits + BLAS_CALL;
}

/* Strides along axes of length 1 are never taken: say what suits. */
static inline void NAME(unit_strides)(Product *q) {
    if (q->m == 1) q->a_rs = q->y_rs = q->c_rs = NAME(SIZE);
    if (q->n == 1) q->b_cs = q->y_cs = q->c_cs = NAME(SIZE);
    if (q->k == 1) q->a_cs = q->b_rs = NAME(SIZE);
}

/* In the order of product_ways in module.c. */
enum NAME(Way) { NAME(SPREAD), NAME(DOTS), NAME(BLOCKED), NAME(DOTS_PACKED), NAME(SWEEP), NAME(N_WAYS) };

typedef struct {
    enum NAME(Way) way;
    int transposed;
    i64 cost;
} NAME(Choice);

static inline void NAME(consider)(NAME(Choice) * best, enum NAME(Way) way, int transposed, i64 cost) {
    if (cost < best->cost) *best = (NAME(Choice)){way, transposed, cost};
}

/* Products that fit the caches, where every step of choosing shows. */
static inline NAME(Choice) NAME(choose_small)(const Product *q, int reads_y) {
    const i64 m = q->m, n = q->n, k = q->k;
    NAME(Choice) best = {NAME(DOTS), 0, NAME(dots_cost)(q, m, n, k)};
    NAME(consider)(&best, NAME(SPREAD), 1, NAME(spread_cost)(n, m, k, q->a_cs, q->a_rs, q->c_rs, q->y_rs, reads_y) - 1);
    NAME(consider)(&best, NAME(SPREAD), 0, NAME(spread_cost)(m, n, k, q->b_rs, q->b_cs, q->c_cs, q->y_cs, reads_y));
    return best;
}

static __attribute__((noinline)) void NAME(choose_packed)(const Product *q, int reads_y, NAME(Choice) * best) {
    const Product t = NAME(transposed)(q);
    NAME(consider)(best, NAME(DOTS), 0, NAME(dots_cost)(q, q->m, q->n, q->k));
    NAME(consider)(best, NAME(BLOCKED), 0, NAME(blocked_cost)(q, reads_y));
    NAME(consider)(best, NAME(BLOCKED), 1, NAME(blocked_cost)(&t, reads_y));
    NAME(consider)(best, NAME(DOTS_PACKED), 0, NAME(dots_packed_cost)(q));
    NAME(consider)(best, NAME(DOTS_PACKED), 1, NAME(dots_packed_cost)(&t));
}

/* The cheaper orientation of the way that tests ask for. */
static __attribute__((noinline)) NAME(Choice) NAME(choose_this)(const Product *q, int reads_y, enum NAME(Way) way) {
    const Product t = NAME(transposed)(q);
    const Product *both[] = {q, &t};
    NAME(Choice) best = {way, 0, NOT_POSSIBLE};
    for (int i = 0; i < 2; i++) {
        const Product *p = both[i];
        const i64 costs[NAME(N_WAYS)] = {
            [NAME(SPREAD)] = NAME(spread_cost)(p->m, p->n, p->k, p->b_rs, p->b_cs, p->c_cs, p->y_cs, reads_y),
            [NAME(DOTS)] = NAME(dots_cost)(p, p->m, p->n, p->k),
            [NAME(BLOCKED)] = NAME(blocked_cost)(p, reads_y),
            [NAME(DOTS_PACKED)] = NAME(dots_packed_cost)(p),
            [NAME(SWEEP)] = NAME(sweep_cost)(p->m, p->n, p->k, p->b_rs, p->b_cs, p->c_cs, p->y_cs, reads_y),
        };
        NAME(consider)(&best, way, i, costs[way]);
    }
    return best;
}

/* One row or column, beyond the first caches. Sums along rows that lie in a cache are as fast in BLAS. */
static __attribute__((noinline)) void NAME(choose_vector)(const Product *q, int reads_y, NAME(Choice) * best) {
    const Product t = NAME(transposed)(q);
    const Product *column = q->n == 1 ? q : &t;
    if (column->k >= 4 * WIDTH && NAME(from_memory)(column->m, column->k * NAME(SIZE), column->a_rs))
        NAME(consider)(best, NAME(DOTS), 0, NAME(dots_cost)(q, q->m, q->n, q->k));
    NAME(consider)(best, NAME(SWEEP), 0, NAME(sweep_cost)(q->m, q->n, q->k, q->b_rs, q->b_cs, q->c_cs, q->y_cs, reads_y));
    NAME(consider)(best, NAME(SWEEP), 1, NAME(sweep_cost)(t.m, t.n, t.k, t.b_rs, t.b_cs, t.c_cs, t.y_cs, reads_y));
}

/* The cheapest way; NOT_POSSIBLE if BLAS is cheaper. */
static inline NAME(Choice) NAME(choose)(const Product *q, int reads_y) {
    const i64 m = q->m, n = q->n, k = q->k;
    const double work = (double)m * (double)n * (double)k;
    NAME(Choice) best = {NAME(BLOCKED), 0, NOT_POSSIBLE};
    if (product_way >= 0) return NAME(choose_this)(q, reads_y, (enum NAME(Way))product_way);
    if (work > (double)q->limit) return best;
    if (m >= LARGE_SIDE(NAME(SIZE)) && n >= LARGE_SIDE(NAME(SIZE)) && k >= LARGE_SIDE(NAME(SIZE))) return best;
    if (work <= MOST_WORK && (m * k + k * n) * NAME(SIZE) <= MOST_BYTES) best = NAME(choose_small)(q, reads_y);
    if (work >= LEAST_PACKED && work <= MOST_PACKED && m > 1 && n > 1) NAME(choose_packed)(q, reads_y, &best);
    if ((m == 1 || n == 1) && (m * k + k * n) * NAME(SIZE) > SWEEP_BYTES) NAME(choose_vector)(q, reads_y, &best);
    const Product t = NAME(transposed)(q);
    if (best.cost > NAME(blas_cost)(q->c_cs == NAME(SIZE) ? q : &t, reads_y)) best.cost = NOT_POSSIBLE;
    return best;
}

static int NAME(small_gemm)(Product *q, const sym_ctx *ctx) {
    NAME(unit_strides)(q);
    NAME(Choice) best;
    if (q->choice && *q->choice) { /* -1: BLAS */
        if (*q->choice < 0) return 0;
        best = (NAME(Choice)){(enum NAME(Way))((*q->choice - 1) >> 1), (*q->choice - 1) & 1, 0};
    } else {
        best = NAME(choose)(q, *(const T *)q->beta != 0);
        if (q->choice) *q->choice = best.cost >= NOT_POSSIBLE ? -1 : 1 + 2 * (int)best.way + best.transposed;
    }
    if (best.cost >= NOT_POSSIBLE) return 0;
    if (best.transposed) *q = NAME(transposed)(q);
    switch (best.way) {
    case NAME(DOTS): NAME(dots)(q); return 1;
    case NAME(BLOCKED): return NAME(blocked)(q, ctx);
    case NAME(DOTS_PACKED): return NAME(dots_packed)(q, ctx);
    case NAME(SWEEP): NAME(sweep)(q); return 1;
    default: break;
    }
    if (q->b_cs == NAME(SIZE))
        NAME(spread)(q);
    else
        NAME(spread_copy)(q);
    return 1;
}

/* c = y + alpha * a b^T, row by row. */
static TARGET int NAME(small_outer)(Product *q, const sym_ctx *ctx) {
    (void)ctx;
    NAME(unit_strides)(q);
    if (q->c_cs != NAME(SIZE)) *q = NAME(transposed)(q);
    if (q->c_cs != NAME(SIZE) || q->y_cs != NAME(SIZE) || q->b_cs != NAME(SIZE)) return 0;
    if ((double)q->m * (double)q->n * NAME(SIZE) > MOST_BYTES) return 0;
    const i64 whole = q->n / WIDTH * WIDTH;
    const MASK last = LANES(q->n > whole ? q->n - whole : WIDTH);
    for (i64 i = 0; i < q->m; i++) {
        const V w = SPLAT(*(const T *)q->alpha * *CONST_AT(q->a, i * q->a_rs));
        const T *y = CONST_AT(q->y, i * q->y_rs), *b = (const T *)q->b;
        T *c = AT(q->c, i * q->c_rs);
        i64 j = 0;
        for (; j < whole; j += WIDTH) STORE(c + j, FMA(w, LOAD(b + j), LOAD(y + j)));
        if (j < q->n) STORE_SOME(c + j, last, FMA(w, LOAD_SOME(b + j, last), LOAD_SOME(y + j, last)));
    }
    return 1;
}

#endif /* TINY_ALONE */

#undef INLINE
#undef PACKED_BYTES
#undef FIRST_CACHE
#undef UNROLL
#undef AT
#undef CONST_AT
#undef SPREAD_COLUMN
#undef VECTORS
#undef DOTS
#undef NOT_POSSIBLE
#undef FROM_MEMORY
#undef LONG_ROW
#undef AHEAD
#undef LINE
#undef T
#undef NAME
#undef V
#undef WIDTH
#undef SPLAT
#ifndef KEEP_VECTOR_MACROS
#undef MASK
#undef LOAD
#undef LOAD_SOME
#undef STORE
#undef STORE_SOME
#undef FMA
#undef SUM_FOUR
#undef PACK_FOUR
#endif
