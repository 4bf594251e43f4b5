/* Products by tiles of accumulators, for one element type and one instruction set; included by products_template.h.
 *
 * The scheme is that of Goto and van de Geijn (Anatomy of high-performance matrix multiplication, ACM TOMS 34:3, 2008) with
 * rows and columns exchanged: a few rows of a, copied so that a step of the sum reads neighbours, stay in the first
 * cache; a block of b is read from the second cache again and again, two vectors at a time. Unlike there, b is not copied where
 * its rows are contiguous, whatever their distance (but for multiples of 4096 bytes). Measured on Zen 4, 256 x 784 x 500 to
 * 128 x 1600 x 512 in float32: 106 GFLOP/s without, 102 to 105 with the copy, of 118 possible; with a few rows the
 * copy would take as long as the product. Prefetching from beyond a row of the result or of b made no difference, nor did
 * depths from 192 to 400. */

enum { NAME(PANEL) = 2 * WIDTH };
#define BLOCK_BYTES (1 << 19) /* of b: half of the second cache */

/* One tile of c = beta * y + alpha * a @ b: a is packed, b and c contiguous along the lanes of the vectors. */
typedef struct {
    i64 k, b_rs, c_rs, y_rs, ahead;
    const T *a, *y;
    const char *b;
    T *c;
    T alpha, beta;
    MASK last; /* lanes of the last vector */
} NAME(Tile);

INLINE void NAME(write_tile)(const NAME(Tile) * t, const int rows, const int vectors, const int whole, V *values) {
    const V alpha = SPLAT(t->alpha), beta = SPLAT(t->beta);
    const int end = vectors - 1;
    UNROLL for (int z = 0; z < rows * vectors; z++) values[z] *= alpha;
    if (t->beta != 0) /* all is read before anything is written: a load just behind a store that it touches waits for it */
        UNROLL for (int z = 0; z < rows * vectors; z++) {
            const int v = z % vectors;
            const T *y = CONST_AT(t->y, z / vectors * t->y_rs) + v * WIDTH;
            values[z] = FMA(beta, v < end || whole ? LOAD(y) : LOAD_SOME(y, t->last), values[z]);
        }
    UNROLL for (int z = 0; z < rows * vectors; z++) {
        const int v = z % vectors;
        T *c = AT(t->c, z / vectors * t->c_rs) + v * WIDTH;
        if (v < end || whole)
            STORE(c, values[z]);
        else
            STORE_SOME(c, t->last, values[z]);
    }
}

/* `whole`: the last vector has all its lanes. A mask in every step takes 5 % of the time. */
INLINE void NAME(tile)(const NAME(Tile) * t, const int rows, const int vectors, const int whole) {
    V sums[2 * TILE_ROWS], x[2];
    const T *a = t->a;
    const char *b = t->b;
    const i64 b_rs = t->b_rs, ahead = t->ahead;
    const int end = vectors - 1;
    UNROLL for (int r = 0; r < rows; r++) PREFETCH(CONST_AT(t->c, r * t->c_rs));
    UNROLL for (int z = 0; z < rows * vectors; z++) sums[z] = SPLAT((T)0);
    for (i64 k = t->k; k > 0; k--, a += rows, b += b_rs) {
        if (vectors > 1) x[0] = LOAD((const T *)b);
        x[end] = whole ? LOAD((const T *)b + end * WIDTH) : LOAD_SOME((const T *)b + end * WIDTH, t->last);
        UNROLL for (int v = 0; v < vectors; v++) PREFETCH(b + ahead + v * (int)sizeof(V));
        UNROLL for (int r = 0; r < rows; r++) {
            const V w = SPLAT(a[r]);
            UNROLL for (int v = 0; v < vectors; v++) sums[r * vectors + v] = FMA(w, x[v], sums[r * vectors + v]);
        }
    }
    NAME(write_tile)(t, rows, vectors, whole, sums);
}

#define TILE(rows)                                                                                                     \
    static TARGET void NAME(tile_##rows##x1)(const NAME(Tile) * t) {                                                   \
        NAME(tile)(t, rows, 1, 0);                                                                                     \
    }                                                                                                                  \
    static TARGET void NAME(tile_##rows##x2)(const NAME(Tile) * t) {                                                   \
        NAME(tile)(t, rows, 2, 0);                                                                                     \
    }                                                                                                                  \
    static TARGET void NAME(tile_##rows##whole)(const NAME(Tile) * t) {                                                \
        NAME(tile)(t, rows, 2, 1);                                                                                     \
    }
#define TILE_NAMES(rows) {NAME(tile_##rows##x1), NAME(tile_##rows##x2), NAME(tile_##rows##whole)}
TILE(1) TILE(2) TILE(3) TILE(4)
#if TILE_ROWS > 4
TILE(5) TILE(6)
#endif
#if TILE_ROWS > 6
TILE(7) TILE(8) TILE(9) TILE(10) TILE(11) TILE(12) TILE(13) TILE(14)
#endif

/* For one vector or less, for two or less, for two. */
static void (*const NAME(tiles)[TILE_ROWS][3])(const NAME(Tile) *) = {
    TILE_NAMES(1), TILE_NAMES(2), TILE_NAMES(3), TILE_NAMES(4),
#if TILE_ROWS > 4
    TILE_NAMES(5), TILE_NAMES(6),
#endif
#if TILE_ROWS > 6
    TILE_NAMES(7), TILE_NAMES(8), TILE_NAMES(9), TILE_NAMES(10), TILE_NAMES(11), TILE_NAMES(12), TILE_NAMES(13), TILE_NAMES(14),
#endif
};

INLINE int NAME(tile_of)(i64 lanes) {
    return lanes == NAME(PANEL) ? 2 : lanes > WIDTH;
}

/* ---- packing ---- */

/* to[s * lanes + l] = from[l * lane + s * step] for `lanes` lanes and `k` steps. */
static TARGET void NAME(pack_across)(T *to, const char *from, i64 lane, i64 lanes, i64 k) {
    i64 s = 0;
    if (lanes >= 4)
        for (; s + 4 <= k; s += 4) {
            i64 l = 0;
            for (; l + 4 <= lanes; l += 4) PACK_FOUR(to + s * lanes + l, lanes, from + l * lane + s * NAME(SIZE), lane);
            l = lanes - 4; /* the last four overlap */
            if (lanes & 3) PACK_FOUR(to + s * lanes + l, lanes, from + l * lane + s * NAME(SIZE), lane);
        }
    for (i64 l = 0; l < lanes; l++)
        for (i64 z = s; z < k; z++) to[z * lanes + l] = *CONST_AT(from, l * lane + z * NAME(SIZE));
}

static TARGET void NAME(pack)(T *to, const char *from, i64 lane, i64 step, i64 lanes, i64 k) {
    if (step == NAME(SIZE) && lane != NAME(SIZE)) {
        NAME(pack_across)(to, from, lane, lanes, k);
    } else if (lane == NAME(SIZE)) {
        const i64 whole = (lanes - 1) / WIDTH * WIDTH;
        const MASK last = LANES(lanes - whole);
        for (i64 s = 0; s < k; s++, from += step, to += lanes) {
            for (i64 l = 0; l < whole; l += WIDTH) STORE(to + l, LOAD((const T *)from + l));
            STORE_SOME(to + whole, last, LOAD_SOME((const T *)from + whole, last));
        }
    } else {
        for (i64 s = 0; s < k; s++, from += step, to += lanes)
            for (i64 l = 0; l < lanes; l++) to[l] = *CONST_AT(from, l * lane);
    }
}

/* ---- the walk ---- */

/* What one block of the sum needs: `depth` steps, `columns` columns; b packed into `panels` if that is not NULL. */
typedef struct {
    i64 depth, columns;
    T *rows, *panels;
    T beta;
} NAME(Block);

/* c = sums + beta * y for `n` neighbours. */
static TARGET void NAME(add_line)(T *c, const T *y, const T *sums, i64 n, T beta) {
    for (i64 at = 0; at < n; at += WIDTH) {
        const MASK some = LANES(n - at < WIDTH ? n - at : WIDTH);
        V value = LOAD_SOME(sums + at, some);
        if (beta != 0) value = FMA(SPLAT(beta), LOAD_SOME(y + at, some), value);
        STORE_SOME(c + at, some, value);
    }
}

/* Writes a tile to a c (and y) contiguous along the rows of the tile, by way of a transposed copy. Where the columns of the
 * tile do not follow each other all of y is read before anything is written, as in write_tile. */
static TARGET void NAME(write_across)(const Product *q, const NAME(Tile) * t, T *copy, i64 rows, i64 lanes) {
    T across[TILE_ROWS * NAME(PANEL) + WIDTH] __attribute__((aligned(64)));
    T lines[NAME(PANEL) * WIDTH] __attribute__((aligned(64)));
    NAME(pack)(across, (const char *)copy, NAME(PANEL) * NAME(SIZE), NAME(SIZE), rows, lanes);
    if (q->c_cs == rows * NAME(SIZE) && (t->beta == 0 || q->y_cs == q->c_cs)) {
        NAME(add_line)(t->c, t->y, across, rows * lanes, t->beta);
        return;
    }
    const MASK some = LANES(rows);
    for (i64 l = 0; l < lanes; l++) {
        V sums = LOAD_SOME(across + l * rows, some);
        if (t->beta != 0) sums = FMA(SPLAT(t->beta), LOAD_SOME(CONST_AT(t->y, l * q->y_cs), some), sums);
        STORE(lines + l * WIDTH, sums);
    }
    for (i64 l = 0; l < lanes; l++) STORE_SOME(AT(t->c, l * q->c_cs), some, LOAD(lines + l * WIDTH));
}

/* A tile of a c or y that is not contiguous along the lanes of the vectors, by way of a copy. */
static TARGET void NAME(scatter_tile)(const Product *q, const NAME(Tile) * t, i64 rows, i64 lanes) {
    T copy[TILE_ROWS * NAME(PANEL)] __attribute__((aligned(64)));
    const T beta = t->beta;
    NAME(Tile) own = *t;
    own.c = copy;
    own.c_rs = NAME(PANEL) * NAME(SIZE);
    own.beta = 0;
    NAME(tiles)[rows - 1][NAME(tile_of)(lanes)](&own);
    const int line = q->c_cs == rows * NAME(SIZE) && (beta == 0 || q->y_cs == q->c_cs);
    if ((line || rows <= WIDTH) && t->c_rs == NAME(SIZE) && (beta == 0 || t->y_rs == NAME(SIZE))) {
        NAME(write_across)(q, t, copy, rows, lanes);
        return;
    }
    for (i64 l = 0; l < lanes; l++)
        for (i64 r = 0; r < rows; r++) {
            const T sum = copy[r * NAME(PANEL) + l];
            *AT(t->c, r * t->c_rs + l * q->c_cs) =
                beta != 0 ? sum + beta * *CONST_AT(t->y, r * t->y_rs + l * q->y_cs) : sum;
        }
}

/* The rows of one packed block of a with all columns of the block of b. */
static TARGET void NAME(row_of_tiles)(const Product *q, const NAME(Block) * block, i64 rows) {
    const int scattered = q->c_cs != NAME(SIZE) || (block->beta != 0 && q->y_cs != NAME(SIZE));
    NAME(Tile) t = {.k = block->depth, .c_rs = q->c_rs, .y_rs = q->y_rs, .a = block->rows,
                    .alpha = *(const T *)q->alpha, .beta = block->beta};
    for (i64 j = 0; j < block->columns; j += NAME(PANEL)) {
        const i64 rest = block->columns - j, lanes = rest < NAME(PANEL) ? rest : NAME(PANEL);
        t.last = LANES(lanes > WIDTH ? lanes - WIDTH : lanes);
        t.b = block->panels ? (const char *)(block->panels + j * block->depth) : q->b + j * NAME(SIZE);
        t.b_rs = block->panels ? lanes * NAME(SIZE) : q->b_rs;
        t.ahead = block->panels ? 8 * t.b_rs : NAME(PANEL) * NAME(SIZE);
        t.c = AT(q->c, j * q->c_cs);
        t.y = CONST_AT(q->y, j * q->y_cs);
        if (scattered)
            NAME(scatter_tile)(q, &t, rows, lanes);
        else
            NAME(tiles)[rows - 1][NAME(tile_of)(lanes)](&t);
    }
}

/* All rows of a with the block of b at q->b. */
static TARGET void NAME(block)(const Product *q, const NAME(Block) * block) {
    const i64 blocks = (q->m + TILE_ROWS - 1) / TILE_ROWS, least = q->m / blocks, larger = q->m % blocks;
    if (block->panels)
        for (i64 j = 0; j < block->columns; j += NAME(PANEL)) {
            const i64 rest = block->columns - j, lanes = rest < NAME(PANEL) ? rest : NAME(PANEL);
            NAME(pack)(block->panels + j * block->depth, q->b + j * q->b_cs, q->b_cs, q->b_rs, lanes, block->depth);
        }
    Product part = *q;
    for (i64 i = 0; i < blocks; i++) {
        const i64 rows = least + (i < larger);
        NAME(pack)(block->rows, part.a, q->a_rs, q->a_cs, rows, block->depth);
        NAME(row_of_tiles)(&part, block, rows);
        part.a += rows * q->a_rs, part.c += rows * q->c_rs, part.y += rows * q->y_rs;
    }
}

/* Rows of b that lie multiples of 4096 bytes apart would fight for a few sets of the caches. */
static inline int NAME(packs_b)(i64 m, i64 b_rs, i64 b_cs) {
    return b_cs != NAME(SIZE) || ((b_rs & 4095) == 0 && m > 2 * TILE_ROWS);
}

/* 1, or 0 if there is no memory. */
static TARGET int NAME(blocked)(const Product *q, const sym_ctx *ctx) {
    const i64 most = DEPTH(NAME(SIZE)), blocks = (q->k + most - 1) / most, depth = (q->k + blocks - 1) / blocks;
    const int packs = NAME(packs_b)(q->m, q->b_rs, q->b_cs);
    const i64 fitting = q->m > TILE_ROWS ? BLOCK_BYTES / (depth * NAME(SIZE)) : q->n,
              parts = (q->n + fitting - 1) / fitting,
              columns = (q->n + parts * NAME(PANEL) - 1) / (parts * NAME(PANEL)) * NAME(PANEL);
    const i64 rows_bytes = (TILE_ROWS * depth * NAME(SIZE) + 63) / 64 * 64;
    char *scratch = ctx->reserve(ctx, rows_bytes + (packs ? columns * depth * NAME(SIZE) : 0));
    if (!scratch) return 0;
    NAME(Block) block = {.rows = (T *)scratch, .panels = packs ? (T *)(scratch + rows_bytes) : NULL};
    for (i64 j = 0; j < q->n; j += columns) {
        Product part = *q;
        part.b += j * q->b_cs, part.c += j * q->c_cs, part.y += j * q->y_cs;
        block.beta = *(const T *)q->beta;
        block.columns = q->n - j < columns ? q->n - j : columns;
        for (i64 k = 0; k < q->k; k += depth) {
            block.depth = q->k - k < depth ? q->k - k : depth;
            NAME(block)(&part, &block);
            part.a += depth * q->a_cs, part.b += depth * q->b_rs;
            part.y = part.c, part.y_rs = q->c_rs, part.y_cs = q->c_cs;
            block.beta = 1;
        }
    }
    return 1;
}

/* The dots way with a copy of b, contiguous along k. 1, or 0 if there is no memory. */
static TARGET int NAME(dots_packed)(const Product *given, const sym_ctx *ctx) {
    Product q = *given;
    T *copy = (T *)ctx->reserve(ctx, q.n * q.k * NAME(SIZE));
    if (!copy) return 0;
    NAME(pack)(copy, q.b, q.b_rs, q.b_cs, q.k, q.n);
    q.b = (const char *)copy;
    q.b_rs = NAME(SIZE);
    q.b_cs = q.k * NAME(SIZE);
    NAME(dots)(&q);
    return 1;
}

#undef TILE
#undef TILE_NAMES
#undef BLOCK_BYTES
