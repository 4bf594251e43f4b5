/* Products with few rows and columns, for one element type: kernels of the ABI, chosen when lengths and strides are known, so
 * that a call finds everything decided. Before including: T, NAME(x), V, WIDTH, MASK, LANES, SPLAT, LOAD, LOAD_SOME, STORE,
 * STORE_SOME, FMA, SUM_FOUR, PACK_FOUR and TARGET as products_template.h wants them, GEMM and GEMV (the
 * routines for all products), TABLE (the name of what is defined here),
 * MOST_TINY (multiplications that these are used for).
 *
 *   rows   vectors lie along n; elements of a, which may have any strides, are spread over a vector. Whole ones if n is
 *          a multiple of WIDTH. A b that lies along k is turned round on the stack first.
 *   dots   one column: vectors lie along k, contiguous in both operands
 *
 * and each for the transposed product. Operands are those of gemm, out, y, alpha, a, b, beta, but for alpha = 1 and beta = 0
 * only: anything else goes back to GEMM or GEMV. Rows of the result are contiguous (for dots it may have any strides). */

#define T_INLINE static inline __attribute__((always_inline)) TARGET
#define T_UNROLL _Pragma("GCC unroll 16")
enum { NAME(TINY_SIZE) = sizeof(T) };

typedef struct {
    i64 m, n, k, a_rs, a_cs, b_rs, b_cs, c_rs;
    const char *a, *b;
    char *c;
} NAME(Tiny);

/* The operands of a product, or of the transposed one. */
T_INLINE NAME(Tiny) NAME(take_tiny)(char *const *p, const i64 *d, const i64 *s, const int turned) {
    return turned ? (NAME(Tiny)){.m = d[7], .n = d[4], .k = d[5], .a_rs = s[7], .a_cs = s[6], .b_rs = s[5], .b_cs = s[4],
                                 .c_rs = s[1], .a = p[4], .b = p[3], .c = p[0]}
                  : (NAME(Tiny)){.m = d[4], .n = d[7], .k = d[5], .a_rs = s[4], .a_cs = s[5], .b_rs = s[6], .b_cs = s[7],
                                 .c_rs = s[0], .a = p[3], .b = p[4], .c = p[0]};
}

/* ---- rows ---- */

T_INLINE void NAME(tiny_step)(const NAME(Tiny) * t, const char *a, const char *b, MASK last, const int whole,
                              const int rows, const int vectors, V *sums) {
    V x[2];
    T_UNROLL for (int v = 0; v < vectors; v++) {
        const T *at = (const T *)b + v * WIDTH;
        x[v] = whole || v + 1 < vectors ? LOAD(at) : LOAD_SOME(at, last);
    }
    T_UNROLL for (int r = 0; r < rows; r++) {
        const V w = SPLAT(*(const T *)(a + r * t->a_rs));
        T_UNROLL for (int v = 0; v < vectors; v++) sums[r * vectors + v] = FMA(w, x[v], sums[r * vectors + v]);
    }
}

/* A block of the result: `vectors` from column j on, the last one with the lanes of `last` unless all are whole. `chains`
 * accumulators of each element take turns along k. */
T_INLINE void NAME(tiny_block)(const NAME(Tiny) * t, i64 i, i64 j, MASK last, const int whole, const int rows,
                               const int vectors, const int chains) {
    V sums[8];
    const int block = rows * vectors;
    const char *a = t->a + i * t->a_rs, *b = t->b + j * NAME(TINY_SIZE);
    T_UNROLL for (int z = 0; z < block * chains; z++) sums[z] = SPLAT((T)0);
    i64 k = t->k;
    for (; k >= chains; k -= chains)
        T_UNROLL for (int u = 0; u < chains; u++, a += t->a_cs, b += t->b_rs)
            NAME(tiny_step)(t, a, b, last, whole, rows, vectors, sums + u * block);
    for (; chains > 1 && k > 0; k--, a += t->a_cs, b += t->b_rs)
        NAME(tiny_step)(t, a, b, last, whole, rows, vectors, sums);
    T_UNROLL for (int z = block; z < block * chains; z++) sums[z % block] += sums[z];
    char *c = t->c + i * t->c_rs + j * NAME(TINY_SIZE);
    T_UNROLL for (int z = 0; z < block; z++) {
        const int v = z % vectors;
        T *to = (T *)(c + (z / vectors) * t->c_rs) + v * WIDTH;
        if (whole || v + 1 < vectors)
            STORE(to, sums[z]);
        else
            STORE_SOME(to, last, sums[z]);
    }
}

T_INLINE void NAME(tiny_column)(const NAME(Tiny) * t, i64 j, MASK last, const int whole, const int vectors) {
    i64 i = 0;
    if (vectors == 1)
        for (; i + 8 <= t->m; i += 8) NAME(tiny_block)(t, i, j, last, whole, vectors == 1 ? 8 : 1, vectors, 1);
    for (; i + 4 <= t->m; i += 4) NAME(tiny_block)(t, i, j, last, whole, 4, vectors, vectors == 1 ? 2 : 1);
    if (i + 2 <= t->m) {
        NAME(tiny_block)(t, i, j, last, whole, 2, vectors, 2);
        i += 2;
    }
    if (i < t->m) NAME(tiny_block)(t, i, j, last, whole, 1, vectors, 4);
}

/* Two vectors at a time; what is left of n takes one or two. */
T_INLINE void NAME(tiny_spread)(const NAME(Tiny) * t, const int whole) {
    i64 j = 0;
    for (; j + 2 * WIDTH < t->n; j += 2 * WIDTH) NAME(tiny_column)(t, j, LANES(WIDTH), whole, 2);
    const i64 rest = t->n - j;
    if (rest > WIDTH)
        NAME(tiny_column)(t, j, LANES(whole ? WIDTH : rest - WIDTH), whole, 2);
    else
        NAME(tiny_column)(t, j, LANES(whole ? WIDTH : rest), whole, 1);
}

static TARGET __attribute__((noinline)) void NAME(tiny_any)(const NAME(Tiny) * given) {
    const NAME(Tiny) t = *given;
    NAME(tiny_spread)(&t, 0);
}

/* With b, which lies along k, as rows of whole vectors. */
static TARGET __attribute__((noinline)) void NAME(tiny_turned)(NAME(Tiny) * t) {
    T copy[TINY * ((TINY + WIDTH - 1) / WIDTH * WIDTH)] __attribute__((aligned(64)));
    const i64 ld = (t->n + WIDTH - 1) / WIDTH * WIDTH;
    i64 j = 0;
    for (; j + 4 <= t->n; j += 4) {
        const char *from = t->b + j * t->b_cs;
        i64 l = 0;
        for (; l + 4 <= t->k; l += 4) PACK_FOUR(copy + l * ld + j, ld, from + l * NAME(TINY_SIZE), t->b_cs);
        for (; l < t->k; l++)
            for (i64 u = 0; u < 4; u++) copy[l * ld + j + u] = ((const T *)(from + u * t->b_cs))[l];
    }
    for (; j < t->n; j++)
        for (i64 l = 0; l < t->k; l++) copy[l * ld + j] = ((const T *)(t->b + j * t->b_cs))[l];
    t->b = (const char *)copy;
    t->b_rs = ld * NAME(TINY_SIZE);
    NAME(tiny_any)(t);
}

/* ---- dots ---- */

/* Elements i to i + rows of the one column. */
T_INLINE void NAME(tiny_dot_block)(const NAME(Tiny) * t, i64 i, const int rows) {
    V sums[4];
    T totals[4] __attribute__((aligned(32)));
    const char *a = t->a + i * t->a_rs, *b = t->b;
    T_UNROLL for (int r = 0; r < 4; r++) sums[r] = SPLAT((T)0);
    i64 k = t->k;
    for (; k >= WIDTH; k -= WIDTH, a += WIDTH * NAME(TINY_SIZE), b += WIDTH * NAME(TINY_SIZE)) {
        const V x = LOAD((const T *)b);
        T_UNROLL for (int r = 0; r < rows; r++) sums[r] = FMA(LOAD((const T *)(a + r * t->a_rs)), x, sums[r]);
    }
    if (k > 0) {
        const MASK last = LANES(k);
        const V x = LOAD_SOME((const T *)b, last);
        T_UNROLL for (int r = 0; r < rows; r++) sums[r] = FMA(LOAD_SOME((const T *)(a + r * t->a_rs), last), x, sums[r]);
    }
    SUM_FOUR(totals, sums[0], sums[1], sums[2], sums[3]);
    T_UNROLL for (int r = 0; r < rows; r++) *(T *)(t->c + (i + r) * t->c_rs) = totals[r];
}

T_INLINE void NAME(tiny_dots)(const NAME(Tiny) * t) {
    i64 i = 0;
    for (; i + 4 <= t->m; i += 4) NAME(tiny_dot_block)(t, i, 4);
    for (; i < t->m; i++) NAME(tiny_dot_block)(t, i, 1);
}

/* ---- kernels ---- */

#define TINY_KERNEL(name, turned, body)                                                                                \
    static TARGET int NAME(name)(char *const *p, const i64 *d, const i64 *s, const sym_ctx *ctx) {                     \
        if (*(const T *)p[2] != 1 || *(const T *)p[5] != 0) return GEMM(p, d, s, ctx);                                 \
        NAME(Tiny) t = NAME(take_tiny)(p, d, s, turned);                                                               \
        NAME(body);                                                                                                    \
        return SYM_OK;                                                                                                 \
    }
TINY_KERNEL(tiny_whole_rows, 0, tiny_spread(&t, 1))
TINY_KERNEL(tiny_rows, 0, tiny_any(&t))
TINY_KERNEL(tiny_rows_turned, 0, tiny_turned(&t))
TINY_KERNEL(tiny_columns, 1, tiny_any(&t))
TINY_KERNEL(tiny_columns_turned, 1, tiny_turned(&t))
TINY_KERNEL(tiny_dots_down, 0, tiny_dots(&t))
TINY_KERNEL(tiny_dots_along, 1, tiny_dots(&t))

/* out[m], y[m], alpha, a[m,k], x[k], beta, as gemv has them: the column of a product, or the row of the transposed one. */
static TARGET int NAME(tiny_gemv_dots)(char *const *p, const i64 *d, const i64 *s, const sym_ctx *ctx) {
    if (*(const T *)p[2] != 1 || *(const T *)p[5] != 0) return GEMV(p, d, s, ctx);
    const NAME(Tiny) t = {.m = d[2], .k = d[3], .a_rs = s[2], .c_rs = s[0], .a = p[3], .b = p[4], .c = p[0]};
    NAME(tiny_dots)(&t);
    return SYM_OK;
}

static TARGET int NAME(tiny_gemv_rows)(char *const *p, const i64 *d, const i64 *s, const sym_ctx *ctx) {
    if (*(const T *)p[2] != 1 || *(const T *)p[5] != 0) return GEMV(p, d, s, ctx);
    const NAME(Tiny) t = {.m = 1, .n = d[2], .k = d[3], .a_cs = s[4], .b_rs = s[3], .a = p[4], .b = p[3], .c = p[0]};
    NAME(tiny_any)(&t);
    return SYM_OK;
}

#define TINY_KERNELS                                                                                                   \
    {WIDTH, MOST_TINY,                                                                                                 \
     {[TINY_WHOLE_ROWS] = NAME(tiny_whole_rows), [TINY_ROWS] = NAME(tiny_rows),                                        \
      [TINY_ROWS_TURNED] = NAME(tiny_rows_turned), [TINY_COLUMNS] = NAME(tiny_columns),                                \
      [TINY_COLUMNS_TURNED] = NAME(tiny_columns_turned), [TINY_DOTS_DOWN] = NAME(tiny_dots_down),                      \
      [TINY_DOTS_ALONG] = NAME(tiny_dots_along), [TINY_GEMV_DOTS] = NAME(tiny_gemv_dots),                              \
      [TINY_GEMV_ROWS] = NAME(tiny_gemv_rows)}}
const TinyKernels TABLE = TINY_KERNELS;

#undef TINY_KERNELS
#undef TINY_KERNEL
#undef T_INLINE
#undef T_UNROLL
#undef GEMM
#undef GEMV
#undef TABLE
