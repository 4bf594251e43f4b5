/* Strided copies and fills, for any element size. */
#include "kernels.h"

#include <string.h>

#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define VECTORS /* clang, gcc from 12 on */
#endif
#endif

#if defined(__GNUC__)
#define UNROLL _Pragma("GCC unroll 16")
#define UNROLL4 _Pragma("GCC unroll 4")
typedef unsigned long long pair __attribute__((vector_size(16), aligned(8)));
#else
#define UNROLL
#define UNROLL4
typedef struct {
    unsigned long long low, high;
} pair;
#endif

#define TILE 32     /* a tile of the largest element fits the first-level cache twice */
#define FEW 16      /* times that an element is written by a loop of its own */
#define STAMP 2048  /* bytes of a fill that are written element by element; the rest are copies of them */

static i64 magnitude(i64 v) {
    return v < 0 ? -v : v;
}

/* The second of the two axes is the faster one on one side and the slower one on the other. */
static int columns_against_rows(const i64 *so, const i64 *si) {
    return (magnitude(so[0]) < magnitude(so[1])) != (magnitude(si[0]) < magnitude(si[1])) && si[0] && si[1];
}

/* Repeat what the first `done` bytes are until there are `all`: by the C library, whose stores are the widest. */
static void repeat_start(char *out, i64 done, i64 all) {
    const i64 piece = done;
    while (done < all) {
        const i64 next = all - done < piece ? all - done : piece;
        memcpy(out + done, out, (size_t)next);
        done += next;
    }
}

#ifdef VECTORS
/* Two vectors of `lanes`, element by element: their first halves, or their second ones. */
#define LOW_1(v, w)                                                                                                    \
    __builtin_shufflevector(v, w, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define HIGH_1(v, w)                                                                                                   \
    __builtin_shufflevector(v, w, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#define LOW_2(v, w) __builtin_shufflevector(v, w, 0, 8, 1, 9, 2, 10, 3, 11)
#define HIGH_2(v, w) __builtin_shufflevector(v, w, 4, 12, 5, 13, 6, 14, 7, 15)
#define LOW_4(v, w) __builtin_shufflevector(v, w, 0, 4, 1, 5)
#define HIGH_4(v, w) __builtin_shufflevector(v, w, 2, 6, 3, 7)
#define LOW_8(v, w) __builtin_shufflevector(v, w, 0, 2)
#define HIGH_8(v, w) __builtin_shufflevector(v, w, 1, 3)

/* A square whose rows are one vector long, turned: log2(lanes) times, row k is interleaved with row k + lanes / 2. */
#define DEFINE_SQUARE(name, type, size, LOW, HIGH)                                                                     \
    static inline void name##_square(char *out, i64 so, const char *in, i64 si) {                                      \
        typedef type vector __attribute__((vector_size(16)));                                                          \
        enum { LANES = 16 / size };                                                                                    \
        vector v[LANES], w[LANES];                                                                                     \
        UNROLL for (int k = 0; k < LANES; k++) memcpy(&v[k], in + k * si, sizeof v[k]);                                \
        UNROLL for (int step = 1; step < LANES; step *= 2) {                                                           \
            UNROLL for (int k = 0; k < LANES / 2; k++) {                                                               \
                w[2 * k] = LOW(v[k], v[k + LANES / 2]);                                                                \
                w[2 * k + 1] = HIGH(v[k], v[k + LANES / 2]);                                                           \
            }                                                                                                          \
            UNROLL for (int k = 0; k < LANES; k++) v[k] = w[k];                                                        \
        }                                                                                                              \
        UNROLL for (int k = 0; k < LANES; k++) memcpy(out + k * so, &v[k], sizeof v[k]);                               \
    }                                                                                                                  \
    /* The squares of a tile of `rows` by `cols`; returns 0 where it has none. */                                      \
    static int name##_squares(i64 rows, i64 cols, char *out, i64 so, const char *in, i64 si) {                         \
        enum { LANES = 16 / size };                                                                                    \
        if (rows % LANES || cols % LANES) return 0;                                                                    \
        for (i64 b = 0; b < cols; b += LANES)                                                                          \
            for (i64 a = 0; a < rows; a += LANES)                                                                      \
                name##_square(out + a * so + b * size, so, in + b * si + a * size, si);                                \
        return 1;                                                                                                      \
    }
DEFINE_SQUARE(copy_1, unsigned char, 1, LOW_1, HIGH_1)
DEFINE_SQUARE(copy_2, unsigned short, 2, LOW_2, HIGH_2)
DEFINE_SQUARE(copy_4, unsigned, 4, LOW_4, HIGH_4)
DEFINE_SQUARE(copy_8, unsigned long long, 8, LOW_8, HIGH_8)
#else
#define NO_SQUARES(name)                                                                                               \
    static int name##_squares(i64 rows, i64 cols, char *out, i64 so, const char *in, i64 si) {                         \
        (void)rows, (void)cols, (void)out, (void)so, (void)in, (void)si;                                               \
        return 0;                                                                                                      \
    }
NO_SQUARES(copy_1)
NO_SQUARES(copy_2)
NO_SQUARES(copy_4)
NO_SQUARES(copy_8)
#endif

/* An element of 16 bytes is a square of its own. */
static int copy_16_squares(i64 rows, i64 cols, char *out, i64 so, const char *in, i64 si) {
    for (i64 a = 0; a < rows; a++) {
        pair *to = (pair *)(out + a * so);
        const char *from = in + a * (i64)sizeof(pair);
        UNROLL4 for (i64 b = 0; b < cols; b++) to[b] = *(const pair *)(from + b * si);
    }
    return 1;
}

/* One row; a stride of 0 on the input side is a fill. Two rows through tiles, when one side walks columns. */
#define DEFINE_COPY(name, type)                                                                                        \
    static void name##_fill(i64 n, type *out, const type *value) {                                                     \
        const i64 all = n * (i64)sizeof(type), stamp = all < STAMP ? n : STAMP / (i64)sizeof(type);                    \
        const type v = *value;                                                                                         \
        if (sizeof v == 1 || (n > 8 && is_zero(value, sizeof v))) {                                                    \
            memset(out, *(const unsigned char *)&v, (size_t)all);                                                      \
            return;                                                                                                    \
        }                                                                                                              \
        UNROLL4 for (i64 i = 0; i < stamp; i++) out[i] = v;                                                            \
        repeat_start((char *)out, stamp * (i64)sizeof(type), all);                                                     \
    }                                                                                                                  \
    static inline void name##_row(i64 n, char *out, i64 so, const char *in, i64 si) {                                  \
        const i64 size = sizeof(type);                                                                                 \
        if (!n) return; /* there may be no element to read the value of a fill from */                                 \
        if (so == size && si == size) {                                                                                \
            memcpy(out, in, (size_t)(n * size));                                                                       \
        } else if (so == size && si == 0) {                                                                            \
            name##_fill(n, (type *)out, (const type *)in);                                                             \
        } else if (so == size) {                                                                                       \
            UNROLL4 for (i64 i = 0; i < n; i++) ((type *)out)[i] = *(const type *)(in + i * si);                       \
        } else {                                                                                                       \
            UNROLL4 for (i64 i = 0; i < n; i++) *(type *)(out + i * so) = *(const type *)(in + i * si);                \
        }                                                                                                              \
    }                                                                                                                  \
    /* Elements each of which is written some times, one after another. */                                             \
    static void name##_spread(const i64 *d, char *out, i64 so, const char *in, i64 si) {                               \
        if (!d[1]) return; /* as above */                                                                              \
        for (i64 i = 0; i < d[0]; i++) {                                                                               \
            type *to = (type *)(out + i * so);                                                                         \
            const type v = *(const type *)(in + i * si);                                                               \
            for (i64 k = 0; k < d[1]; k++) to[k] = v;                                                                  \
        }                                                                                                              \
    }                                                                                                                  \
    static void name##_tiles(const i64 *d, char *out, const i64 *so, const char *in, const i64 *si) {                  \
        const int w = magnitude(so[0]) < magnitude(so[1]) ? 0 : 1, r = 1 - w; /* written along `w`, read along `r` */  \
        const int straight = so[w] == sizeof(type) && si[r] == sizeof(type);                                           \
        for (i64 i = 0; i < d[r]; i += TILE)                                                                           \
            for (i64 j = 0; j < d[w]; j += TILE) {                                                                     \
                const i64 rows = d[r] - i < TILE ? d[r] - i : TILE, cols = d[w] - j < TILE ? d[w] - j : TILE;          \
                char *to = out + i * so[r] + j * so[w];                                                                \
                const char *from = in + i * si[r] + j * si[w];                                                         \
                if (straight && name##_squares(rows, cols, to, so[r], from, si[w])) continue;                          \
                for (i64 a = 0; a < rows; a++) name##_row(cols, to + a * so[r], so[w], from + a * si[r], si[w]);       \
            }                                                                                                          \
    }                                                                                                                  \
    static void name##_block(i64 ndim, const i64 *d, char *out, const i64 *so, const char *in, const i64 *si) {        \
        if (ndim == 0) {                                                                                               \
            *(type *)out = *(const type *)in;                                                                          \
        } else if (ndim == 1) {                                                                                        \
            name##_row(d[0], out, so[0], in, si[0]);                                                                   \
        } else if (ndim == 2 && columns_against_rows(so, si)) {                                                        \
            name##_tiles(d, out, so, in, si);                                                                          \
        } else if (ndim == 2 && d[1] <= FEW && si[1] == 0 && so[1] == sizeof(type)) {                                  \
            name##_spread(d, out, so[0], in, si[0]);                                                                   \
        } else {                                                                                                       \
            for (i64 i = 0; i < d[0]; i++)                                                                             \
                name##_block(ndim - 1, d + 1, out + i * so[0], so + 1, in + i * si[0], si + 1);                        \
        }                                                                                                              \
    }                                                                                                                  \
    KERNEL(name) {                                                                                                     \
        (void)ctx;                                                                                                     \
        const i64 *so = s, *si = s + d[0];                                                                             \
        if (p[0] == p[1] && !memcmp(so, si, (size_t)d[0] * sizeof *s)) return SYM_OK;                                  \
        name##_block(d[0], d + 1, p[0], so, p[1], si);                                                                 \
        return SYM_OK;                                                                                                 \
    }

static int is_zero(const void *value, size_t size) {
    static const char zeros[sizeof(pair)];
    return !memcmp(value, zeros, size);
}

DEFINE_COPY(copy_1, unsigned char)
DEFINE_COPY(copy_2, unsigned short)
DEFINE_COPY(copy_4, unsigned)
DEFINE_COPY(copy_8, unsigned long long)
DEFINE_COPY(copy_16, pair)

void copy_block(i64 itemsize, int ndim, const i64 *d, char *out, const i64 *so, const char *in, const i64 *si) {
    i64 run = itemsize;
    int tail = ndim; /* the axes from here on are one piece of memory on both sides */
    if (out == in && !memcmp(so, si, (size_t)ndim * sizeof *so)) return;
    while (tail && (d[tail - 1] == 1 || (so[tail - 1] == run && si[tail - 1] == run))) run *= d[--tail];
    if (tail == 0) {
        memcpy(out, in, (size_t)run);
        return;
    }
    if (ndim - tail > 1) { /* worth the recursion: the inner axes collapse into one memcpy */
        for (i64 i = 0; i < d[0]; i++)
            copy_block(itemsize, ndim - 1, d + 1, out + i * so[0], so + 1, in + i * si[0], si + 1);
        return;
    }
    switch (itemsize) {
    case 1: copy_1_block(ndim, d, out, so, in, si); break;
    case 2: copy_2_block(ndim, d, out, so, in, si); break;
    case 4: copy_4_block(ndim, d, out, so, in, si); break;
    case 8: copy_8_block(ndim, d, out, so, in, si); break;
    default: copy_16_block(ndim, d, out, so, in, si); break;
    }
}
