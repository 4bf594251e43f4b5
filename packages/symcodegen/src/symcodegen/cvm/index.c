/* Indexing by integer vectors: x[i, j, ...] with vectors on the leading axes, read, set and added to.
 *
 * All have the layout `full` with the extra integers (k, ndim, itemsize, scalars): k index vectors (int64), ndim = rank of x,
 * scalars: bit j is set if vector j is a single number, not a vector that happens to have one. The scatters have one more, `stretch`: bit a is set if one value may stand for all along axis a of `values`.
 *     gather       out[n, rest], x[a1..ak, rest], i1[n] .. ik[n]
 *     scatter_*    out like x, x[a1..ak, rest], values[n, rest], i1[n] .. ik[n]:  out = x with out[i1..ik] set or added
 *     row_offsets  out[m.., t], x[n, ..], i[n.., t] with the extra integers (rank of i, rank of x): where, in bytes from
 *                  the beginning of x, the rows x[i] are. out is C-contiguous and has m >= n: more offsets follow that
 *                  are within x, for what asks for rows ahead of those it works on
 * An index vector may have length 1 instead of the full length. Indices are checked before anything is written;
 * duplicates: the last one set wins, all are added. out may be x itself.
 */
#include "kernels.h"

#include <string.h>

typedef struct {
    int vectors, ndim, rest; /* rest: axes behind the indexed ones */
    i64 itemsize, rows;
    unsigned long long scalars;
    const i64 *x_shape, *x_strides, *row_strides, *index_strides;
    const i64 *row_shape;
    char *const *indices;
} Indexing;

#if defined(__GNUC__) && !defined(__clang__)
#define UNROLLED __attribute__((optimize("O3", "unroll-loops")))
#else
#define UNROLLED
#endif

enum { BLOCK = 256 }; /* rows whose places are computed together */

/* Two passes: whether any index is out of range, one comparison each, then which one it is. Single numbers must be in range even
 * beside vectors without elements, as NumPy has it; vectors of length 1 need not be. */
UNROLLED static int check_indices(const Indexing *g, const sym_ctx *ctx) {
    for (int j = 0; j < g->vectors; j++) {
        const i64 length = g->x_shape[j], step = g->index_strides[j];
        const i64 rows = g->rows || !(g->scalars >> j & 1) ? g->rows : 1;
        const char *q = g->indices[j];
        const unsigned long long reach = (unsigned long long)length;
        int wrong = 0;
        if (step == sizeof(i64))
            for (i64 i = 0; i < rows; i++) wrong |= ((const unsigned long long *)q)[i] + reach >= 2 * reach;
        else
            for (i64 i = 0; i < rows; i++) wrong |= *(const unsigned long long *)(q + i * step) + reach >= 2 * reach;
        for (i64 i = 0; wrong && i < rows; i++) {
            const i64 v = *(const i64 *)(q + i * step);
            if (v < -length || v >= length)
                return ctx->fail(ctx, SYM_INDEX, "index %lld is out of bounds for axis %d with size %lld.", v, j,
                                 length);
        }
    }
    return SYM_OK;
}

/* Where the rows from `first` on begin, `m` of them, in bytes. */
UNROLLED static void row_offsets_of(const Indexing *g, i64 first, i64 m, i64 *restrict offset) {
    for (int j = 0; j < g->vectors; j++) {
        const i64 length = g->x_shape[j], step = g->index_strides[j], stride = g->x_strides[j];
        const char *q = g->indices[j] + first * step;
        if (!j)
            for (i64 i = 0; i < m; i++) offset[i] = 0;
        if (step == sizeof(i64))
            for (i64 i = 0; i < m; i++) {
                const i64 v = ((const i64 *)q)[i];
                offset[i] += (v + (length & -(i64)(v < 0))) * stride;
            }
        else
            for (i64 i = 0; i < m; i++) {
                const i64 v = *(const i64 *)(q + i * step);
                offset[i] += (v + (length & -(i64)(v < 0))) * stride;
            }
    }
}

typedef struct {
    char bytes[16];
} sixteen;

#define DEFINE_ITEMS(SIZE, T)                                                                                          \
    UNROLLED static void gather_##SIZE(i64 m, const i64 *offset, char *out, i64 so, const char *x) {                   \
        if (so == sizeof(T))                                                                                           \
            for (i64 i = 0; i < m; i++) memcpy((T *)out + i, x + offset[i], sizeof(T));                                \
        else                                                                                                           \
            for (i64 i = 0; i < m; i++) memcpy(out + i * so, x + offset[i], sizeof(T));                                \
    }                                                                                                                  \
    static void scatter_##SIZE(i64 m, const i64 *offset, char *out, const char *v, i64 sv) {                           \
        for (i64 i = 0; i < m; i++) memcpy(out + offset[i], v + i * sv, sizeof(T));                                    \
    }

DEFINE_ITEMS(1, char)
DEFINE_ITEMS(2, short)
DEFINE_ITEMS(4, int)
DEFINE_ITEMS(8, i64)
DEFINE_ITEMS(16, sixteen)

/* Single elements, m of them. */
static void gather_items(i64 itemsize, i64 m, const i64 *offset, char *out, i64 so, const char *x) {
    switch (itemsize) {
    case 1: gather_1(m, offset, out, so, x); break;
    case 2: gather_2(m, offset, out, so, x); break;
    case 4: gather_4(m, offset, out, so, x); break;
    case 8: gather_8(m, offset, out, so, x); break;
    default: gather_16(m, offset, out, so, x); break;
    }
}

static void scatter_items(i64 itemsize, i64 m, const i64 *offset, char *out, const char *v, i64 sv) {
    switch (itemsize) {
    case 1: scatter_1(m, offset, out, v, sv); break;
    case 2: scatter_2(m, offset, out, v, sv); break;
    case 4: scatter_4(m, offset, out, v, sv); break;
    case 8: scatter_8(m, offset, out, v, sv); break;
    default: scatter_16(m, offset, out, v, sv); break;
    }
}

/* Rows lie anywhere in a table that no cache holds. The processor guesses the next row as little as it can guess the
 * index, so the lines of a row to come are asked for while rows before it are worked on; of long rows the first lines,
 * from which on it does guess. `writing` is a constant: 1 where the row is written too. */
enum { AHEAD = 4, LINE = 64, MOST_FETCHED = 1024 };

#if defined(__GNUC__)
#define FETCH_ROW(row, bytes, writing)                                                                                 \
    for (i64 at = 0; at < (bytes) && at < MOST_FETCHED; at += LINE) __builtin_prefetch((row) + at, writing)
#else
#define FETCH_ROW(row, bytes, writing) (void)0
#endif

/* The bytes of a row of `rest` axes that is one piece of memory; 0 for one that is not. */
static i64 piece(i64 itemsize, int rest, const i64 *d, const i64 *strides) {
    i64 bytes = itemsize;
    for (int a = rest - 1; a >= 0; a--) {
        if (d[a] != 1 && strides[a] != bytes) return 0;
        bytes *= d[a];
    }
    return bytes;
}

/* Rows of several axes, m of them, from x + offset[i] into out. */
static void gather_rows(const Indexing *g, i64 m, const i64 *offset, const i64 *d, char *out, const i64 *so,
                        const char *x) {
    const i64 *sx = g->x_strides + g->vectors, bytes = piece(g->itemsize, g->rest, d, sx);
    if (bytes && piece(g->itemsize, g->rest, d, so + 1) == bytes)
        for (i64 i = 0; i < m; i++) {
            if (i + AHEAD < m) FETCH_ROW(x + offset[i + AHEAD], bytes, 0);
            memcpy(out + i * so[0], x + offset[i], (size_t)bytes);
        }
    else
        for (i64 i = 0; i < m; i++)
            copy_block(g->itemsize, g->rest, d, out + i * so[0], so + 1, x + offset[i], sx);
}

/* Lengths of the index vectors against the number of rows; a single index stands for all rows. */
static int match_vectors(Indexing *g, const i64 *lengths, const i64 *strides, i64 *own, const sym_ctx *ctx) {
    for (int j = 0; j < g->vectors; j++) {
        if (lengths[j] != g->rows && lengths[j] != 1)
            return ctx->fail(ctx, SYM_INDEX, "index vector %d has length %lld where %lld rows are indexed.", j,
                             lengths[j], g->rows);
        own[j] = lengths[j] == 1 ? 0 : strides[j];
    }
    g->index_strides = own;
    return SYM_OK;
}

#define MAX_AXES 64

static int read_extras(Indexing *g, const i64 *d, const sym_ctx *ctx) {
    *g = (Indexing){.vectors = (int)d[0], .ndim = (int)d[1], .itemsize = d[2], .scalars = (unsigned long long)d[3]};
    g->rest = g->ndim - g->vectors;
    if (g->vectors < 1 || g->rest < 0 || g->ndim > MAX_AXES)
        return ctx->fail(ctx, SYM_VALUE, "cannot index %lld axes of an array of rank %lld.", d[0], d[1]);
    return SYM_OK;
}

KERNEL(gather) {
    Indexing g;
    i64 strides[MAX_AXES];
    if (read_extras(&g, d, ctx)) return SYM_VALUE;
    const i64 *out_shape = d + 4, *out_strides = s;
    g.x_shape = out_shape + 1 + g.rest;
    g.x_strides = out_strides + 1 + g.rest;
    g.rows = out_shape[0];
    g.indices = p + 2;
    int kind = match_vectors(&g, g.x_shape + g.ndim, g.x_strides + g.ndim, strides, ctx);
    for (int a = 0; !kind && a < g.rest; a++)
        if (out_shape[1 + a] != g.x_shape[g.vectors + a])
            kind = ctx->fail(ctx, SYM_SHAPE, "the result of indexing has length %lld where the rows have %lld.",
                             out_shape[1 + a], g.x_shape[g.vectors + a]);
    if (kind || (kind = check_indices(&g, ctx))) return kind;
    i64 offset[BLOCK];
    for (i64 first = 0; first < g.rows; first += BLOCK) {
        const i64 m = g.rows - first < BLOCK ? g.rows - first : BLOCK;
        char *out = p[0] + first * out_strides[0];
        row_offsets_of(&g, first, m, offset);
        if (!g.rest)
            gather_items(g.itemsize, m, offset, out, out_strides[0], p[1]);
        else
            gather_rows(&g, m, offset, out_shape + 1, out, out_strides, p[1]);
    }
    return SYM_OK;
}

/* The next line of an index array along its last axis: 1, or 0 when all have been visited. */
static int next_line(int rank, i64 *at, const i64 *d, const i64 *s, char **q) {
    for (int a = rank - 2; a >= 0; a--) {
        *q += s[a];
        if (++at[a] < d[a]) return 1;
        *q -= at[a] * s[a];
        at[a] = 0;
    }
    return 0;
}

KERNEL(row_offsets) {
    const int rank = (int)d[0], ndim = (int)d[1];
    if (rank < 1 || rank > MAX_AXES || ndim < 1)
        return ctx->fail(ctx, SYM_VALUE, "cannot index an array of rank %d by one of rank %d.", ndim, rank);
    const i64 *out_shape = d + 2, *x_shape = out_shape + rank, *shape = x_shape + ndim, *is = s + rank + ndim;
    i64 at[MAX_AXES] = {0}, room = 1, lines = 1, step = is[rank - 1], *offset = (i64 *)p[0];
    Indexing g = {.vectors = 1, .x_shape = x_shape, .x_strides = s + rank, .index_strides = &step};
    char *q = p[2];
    for (int a = 0; a < rank; a++) room *= out_shape[a];
    for (int a = 0; a < rank - 1; a++) lines *= shape[a];
    g.indices = &q;
    g.rows = shape[rank - 1];
    if (piece(sizeof(i64), rank, shape, is)) { /* an index that is one piece of memory is one line */
        g.rows *= lines;
        step = sizeof(i64);
        lines = lines > 0;
    }
    const i64 *end = offset + room;
    if (lines && g.rows) do {
            int kind = check_indices(&g, ctx);
            if (kind) return kind;
            row_offsets_of(&g, 0, g.rows, offset);
            offset += g.rows;
        } while (lines > 1 && next_line(rank, at, shape, is, &q));
    while (offset < end) *offset++ = 0;
    return SYM_OK;
}

/* Works on `m` rows: the k-th is at out + offset[k], its values at in + k * step. */
typedef void row_operation(const Indexing *g, i64 m, const i64 *offset, const i64 *d, char *out, const i64 *so,
                           const char *in, i64 step, const i64 *si);

static int scatter(char *const *p, const i64 *d, const i64 *s, const sym_ctx *ctx, row_operation *operate) {
    Indexing g;
    i64 strides[MAX_AXES], value_strides[MAX_AXES + 1];
    if (read_extras(&g, d, ctx)) return SYM_VALUE;
    const i64 stretch = d[4], *out_shape = d + 5, *values_shape = out_shape + 2 * g.ndim, *out_strides = s;
    g.x_shape = out_shape + g.ndim;
    g.x_strides = out_strides; /* rows are addressed in out */
    const i64 *vs = s + 2 * g.ndim, *vectors = values_shape + 1 + g.rest;
    g.indices = p + 3;
    g.rows = 1;
    for (int j = 0; j < g.vectors; j++)
        if (vectors[j] != 1) g.rows = vectors[j];
    int kind = match_vectors(&g, vectors, vs + 1 + g.rest, strides, ctx);
    for (int a = 0; !kind && a < 1 + g.rest; a++) {
        i64 length = a ? out_shape[g.vectors + a - 1] : g.rows;
        if (values_shape[a] != length && !(values_shape[a] == 1 && stretch >> a & 1))
            kind = ctx->fail(ctx, SYM_SHAPE,
                             "the values have length %lld along axis %d where the indexed part has %lld.%s",
                             values_shape[a], a, length,
                             values_shape[a] == 1 ? " A length of 1 is stretched only if the type says so." : "");
        value_strides[a] = values_shape[a] == 1 ? 0 : vs[a];
    }
    for (int a = 0; !kind && a < g.ndim; a++)
        if (out_shape[a] != g.x_shape[a])
            kind = ctx->fail(ctx, SYM_SHAPE, "result and input differ along axis %d: %lld and %lld.", a, out_shape[a],
                             g.x_shape[a]);
    if (kind || (kind = check_indices(&g, ctx))) return kind;
    copy_block(g.itemsize, g.ndim, out_shape, p[0], out_strides, p[1], s + g.ndim);
    i64 offset[BLOCK];
    for (i64 first = 0; first < g.rows; first += BLOCK) {
        const i64 m = g.rows - first < BLOCK ? g.rows - first : BLOCK;
        row_offsets_of(&g, first, m, offset);
        operate(&g, m, offset, out_shape + g.vectors, p[0], out_strides + g.vectors, p[2] + first * value_strides[0],
                value_strides[0], value_strides + 1);
    }
    return SYM_OK;
}

static void set_row(const Indexing *g, i64 m, const i64 *offset, const i64 *d, char *out, const i64 *so,
                    const char *in, i64 step, const i64 *si) {
    if (!g->rest)
        scatter_items(g->itemsize, m, offset, out, in, step);
    else
        for (i64 i = 0; i < m; i++) copy_block(g->itemsize, g->rest, d, out + offset[i], so, in + i * step, si);
}

KERNEL(scatter_set) {
    return scatter(p, d, s, ctx, set_row);
}

#define DEFINE_ADD(name, type, ADD)                                                                                    \
    UNROLLED static void name##_run(i64 n, type *restrict a, const type *restrict b) {                                 \
        for (i64 i = 0; i < n; i++) ADD((a + i), (b + i));                                                             \
    }                                                                                                                  \
    static void name##_row(int rest, const i64 *d, char *out, const i64 *so, const char *in, const i64 *si) {          \
        if (rest == 0) {                                                                                               \
            type *a = (type *)out;                                                                                     \
            const type *b = (const type *)in;                                                                          \
            ADD(a, b);                                                                                                 \
        } else if (rest == 1 && so[0] == sizeof(type) && si[0] == sizeof(type)) {                                      \
            name##_run(d[0], (type *)out, (const type *)in);                                                           \
        } else {                                                                                                       \
            for (i64 i = 0; i < d[0]; i++)                                                                             \
                name##_row(rest - 1, d + 1, out + i * so[0], so + 1, in + i * si[0], si + 1);                          \
        }                                                                                                              \
    }                                                                                                                  \
    static void name##_rows(const Indexing *g, i64 m, const i64 *offset, const i64 *d, char *out, const i64 *so,       \
                            const char *in, i64 step, const i64 *si) {                                                 \
        const i64 bytes = g->rest == 1 ? d[0] * (i64)sizeof(type) : 0;                                                 \
        if (!g->rest)                                                                                                  \
            for (i64 i = 0; i < m; i++) {                                                                              \
                type *a = (type *)(out + offset[i]);                                                                   \
                const type *b = (const type *)(in + i * step);                                                         \
                ADD(a, b);                                                                                             \
            }                                                                                                          \
        else                                                                                                           \
            for (i64 i = 0; i < m; i++) {                                                                              \
                if (i + AHEAD < m) FETCH_ROW(out + offset[i + AHEAD], bytes, 1);                                       \
                name##_row(g->rest, d, out + offset[i], so, in + i * step, si);                                        \
            }                                                                                                          \
    }                                                                                                                  \
    KERNEL(name) {                                                                                                     \
        return scatter(p, d, s, ctx, name##_rows);                                                                     \
    }

/* Integers are added unsigned: they wrap as NumPy's do, and signed overflow would be undefined. */
#define ADD_NUMBER(a, b) *(a) += *(b)
#define ADD_TRUTH(a, b) *(a) = *(a) || *(b)
#define ADD_PAIR(a, b) ((a)->re += (b)->re, (a)->im += (b)->im)

typedef struct {
    float re, im;
} complex_float;
typedef struct {
    double re, im;
} complex_double;

DEFINE_ADD(scatter_add_bool, unsigned char, ADD_TRUTH)
DEFINE_ADD(scatter_add_1, unsigned char, ADD_NUMBER)
DEFINE_ADD(scatter_add_2, unsigned short, ADD_NUMBER)
DEFINE_ADD(scatter_add_4, unsigned, ADD_NUMBER)
DEFINE_ADD(scatter_add_8, unsigned long long, ADD_NUMBER)
DEFINE_ADD(scatter_add_f4, float, ADD_NUMBER)
DEFINE_ADD(scatter_add_f8, double, ADD_NUMBER)
DEFINE_ADD(scatter_add_c8, complex_float, ADD_PAIR)
DEFINE_ADD(scatter_add_c16, complex_double, ADD_PAIR)
