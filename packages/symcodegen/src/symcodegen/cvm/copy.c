/* Strided copies and fills, for any element size. */
#include "kernels.h"

#include <string.h>

typedef struct {
    unsigned long long low, high;
} pair;

#define TILE 32 /* a tile of the largest element fits the first-level cache twice */

/* One row; a stride of 0 on the input side is a fill. Two rows through tiles, when one side walks columns. */
#define DEFINE_COPY(name, type)                                                                                        \
    static void name##_row(i64 n, char *out, i64 so, const char *in, i64 si) {                                         \
        const i64 size = sizeof(type);                                                                                 \
        if (!n) return; /* there may be no element to read the value of a fill from */                                 \
        if (so == size && si == size) {                                                                                \
            memcpy(out, in, (size_t)(n * size));                                                                       \
        } else if (so == size && si == 0) {                                                                            \
            const type value = *(const type *)in;                                                                      \
            for (i64 i = 0; i < n; i++) ((type *)out)[i] = value;                                                      \
        } else {                                                                                                       \
            for (i64 i = 0; i < n; i++) *(type *)(out + i * so) = *(const type *)(in + i * si);                        \
        }                                                                                                              \
    }                                                                                                                  \
    static void name##_tiles(const i64 *d, char *out, const i64 *so, const char *in, const i64 *si) {                  \
        for (i64 i = 0; i < d[0]; i += TILE)                                                                           \
            for (i64 j = 0; j < d[1]; j += TILE)                                                                       \
                for (i64 a = i; a < d[0] && a < i + TILE; a++)                                                         \
                    name##_row(d[1] - j < TILE ? d[1] - j : TILE, out + a * so[0] + j * so[1], so[1],                  \
                               in + a * si[0] + j * si[1], si[1]);                                                     \
    }                                                                                                                  \
    static void name##_block(i64 ndim, const i64 *d, char *out, const i64 *so, const char *in, const i64 *si) {        \
        if (ndim == 0) {                                                                                               \
            *(type *)out = *(const type *)in;                                                                          \
        } else if (ndim == 1) {                                                                                        \
            name##_row(d[0], out, so[0], in, si[0]);                                                                   \
        } else if (ndim == 2 && columns_against_rows(so, si)) {                                                        \
            name##_tiles(d, out, so, in, si);                                                                          \
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

static i64 magnitude(i64 v) {
    return v < 0 ? -v : v;
}

static int columns_against_rows(const i64 *so, const i64 *si) {
    return (magnitude(so[0]) < magnitude(so[1])) != (magnitude(si[0]) < magnitude(si[1])) && si[0] && si[1];
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
