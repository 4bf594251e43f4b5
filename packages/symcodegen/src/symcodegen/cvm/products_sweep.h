/* Row times matrix, for one element type and one instruction set; part of products_template.h.
 *
 * The matrix lies by rows, which are read as they lie, several side by side, and added to the whole result: memory sees a few
 * streams that run on, where blocks of accumulators would come back to each row for every few lines of it. Each element of
 * the result is read and written once for so many rows. */

/* Of the result, so that it stays in the second cache from one group of rows to the next. */
enum { NAME(SWEEP_COLUMNS) = 131072 / sizeof(T) };

/* Of matrices that come from memory, eight rows at once and lines fetched ahead are fastest; of those that are in a cache, four
 * as they are: rows that lie multiples of 4096 bytes apart share a set of the first cache, which has eight places. */
#define FROM_MEMORY (12 << 20) /* bytes */
#define LONG_ROW 16384         /* bytes: the matrix may be a part of one that comes from memory */
#define AHEAD 256              /* bytes */
#define LINE 64                /* bytes */

/* `step`: from one row to the next. */
static inline int NAME(from_memory)(i64 rows, i64 row_bytes, i64 step) {
    const i64 bytes = rows * row_bytes;
    return bytes > FROM_MEMORY || (bytes >= 1 << 20 && row_bytes >= LONG_ROW && (step & 4095) == 0);
}

/* Elements before the first whole vector of `n` that begins at a multiple of its bytes. Matrices of NumPy begin 16 bytes behind such a place,
 * and a vector that spans two lines takes twice as long from the first cache. */
static inline i64 NAME(before_aligned)(const void *p, i64 n) {
    const i64 head = -((uintptr_t)p / NAME(SIZE)) & (WIDTH - 1);
    return head < n ? head : 0;
}

/* One group of rows: c = start + sum of w[r] * row r, with `start` zero or what `from` holds, times beta. */
typedef struct {
    i64 n, step, head; /* columns; bytes from row to row; columns taken first, so that the rest is aligned */
    const char *rows;
    T *c;
    const T *from; /* NULL: zeros */
    T beta;
} NAME(Sweep);

INLINE void NAME(sweep_vectors)(const NAME(Sweep) * s, i64 j, const V *w, MASK some, const int partial, const int rows,
                                const int vectors, const int starts, const int ahead) {
    UNROLL for (int v = 0; v < vectors; v++) {
        const i64 at = j + v * WIDTH;
        V sum = SPLAT((T)0);
        if (!starts)
            sum = partial ? LOAD_SOME(s->c + at, some) : LOAD(s->c + at);
        else if (s->from)
            sum = SPLAT(s->beta) * (partial ? LOAD_SOME(s->from + at, some) : LOAD(s->from + at));
        UNROLL for (int r = 0; r < rows; r++) {
            const char *row = s->rows + r * s->step + at * NAME(SIZE);
            if (ahead && v * sizeof(V) % LINE == 0) PREFETCH(row + AHEAD);
            sum = FMA(w[r], partial ? LOAD_SOME((const T *)row, some) : LOAD((const T *)row), sum);
        }
        if (partial)
            STORE_SOME(s->c + at, some, sum);
        else
            STORE(s->c + at, sum);
    }
}

/* x: the weight of the first row, `apart` bytes from the next. */
INLINE void NAME(sweep_group)(const NAME(Sweep) * s, const char *x, i64 apart, T alpha, const int rows, const int starts,
                              const int ahead) {
    V w[8];
    UNROLL for (int r = 0; r < rows; r++) w[r] = SPLAT(alpha * *CONST_AT(x, r * apart));
    const MASK all = LANES(WIDTH);
    i64 j = s->head;
    if (j) NAME(sweep_vectors)(s, 0, w, LANES(j), 1, rows, 1, starts, ahead);
    for (; j + 4 * WIDTH <= s->n; j += 4 * WIDTH) NAME(sweep_vectors)(s, j, w, all, 0, rows, 4, starts, ahead);
    for (; j + WIDTH <= s->n; j += WIDTH) NAME(sweep_vectors)(s, j, w, all, 0, rows, 1, starts, ahead);
    if (j < s->n) NAME(sweep_vectors)(s, j, w, LANES(s->n - j), 1, rows, 1, starts, ahead);
}

#define SWEEP(name, rows, starts, ahead)                                                                               \
    static TARGET void NAME(sweep_##name)(const NAME(Sweep) * s, const char *x, i64 apart, T alpha) {                  \
        NAME(sweep_group)(s, x, apart, alpha, rows, starts, ahead);                                                    \
    }
SWEEP(first, 1, 1, 0)
SWEEP(one, 1, 0, 0)
SWEEP(four, 4, 0, 0)
SWEEP(first_four, 4, 1, 0)
SWEEP(eight, 8, 0, 1)

/* c[n] = beta * y[n] + alpha * a[k] @ b[k,n]; m is 1, rows of b, c and y are contiguous. */
static TARGET void NAME(sweep)(const Product *q) {
    const T alpha = *(const T *)q->alpha, beta = *(const T *)q->beta;
    const int eight = (q->b_rs & 4095) != 0 || NAME(from_memory)(q->k, q->n * NAME(SIZE), q->b_rs);
    for (i64 j = 0; j < q->n; j += NAME(SWEEP_COLUMNS)) {
        const i64 rest = q->n - j;
        NAME(Sweep) s = {.n = rest < NAME(SWEEP_COLUMNS) ? rest : NAME(SWEEP_COLUMNS), .step = q->b_rs,
                         .rows = q->b + j * NAME(SIZE), .c = (T *)q->c + j, .from = beta != 0 ? (const T *)q->y + j : NULL,
                         .beta = beta};
        s.head = NAME(before_aligned)(s.step % sizeof(V) == 0 ? (const void *)s.rows : s.c, s.n);
        const char *x = q->a;
        for (i64 k = 0, taken; k < q->k; k += taken, x += taken * q->a_cs, s.rows += taken * q->b_rs) {
            const i64 left = q->k - k;
            taken = k == 0 ? (left >= 4 ? 4 : 1) : eight && left >= 8 ? 8 : left >= 4 ? 4 : 1;
            if (k == 0)
                (taken == 4 ? NAME(sweep_first_four) : NAME(sweep_first))(&s, x, q->a_cs, alpha);
            else
                (taken == 8 ? NAME(sweep_eight) : taken == 4 ? NAME(sweep_four) : NAME(sweep_one))(&s, x, q->a_cs, alpha);
        }
    }
}

/* The result is read and written for every few rows; blocks of accumulators, which do neither, are as fast where the matrix fits a
 * cache near by. Rows that begin at any place cost twice the lines, of which BLAS makes a little more in float32. */
static inline i64 NAME(sweep_cost)(i64 m, i64 n, i64 k, i64 b_rs, i64 b_cs, i64 c_cs, i64 y_cs, int reads_y) {
    if (m != 1 || b_cs != NAME(SIZE) || c_cs != NAME(SIZE) || (reads_y && y_cs != NAME(SIZE))) return (i64)1 << 60;
    const i64 cost = (n + WIDTH - 1) / WIDTH * k, split = sizeof(T) == 4 && b_rs % LINE ? cost / 16 : 0;
    return n * k * NAME(SIZE) > SWEEP_BYTES && n >= 4 * WIDTH ? cost + split : 2 * cost + 8;
}

#undef SWEEP
