/* The loops around the innermost loops of elementwise kernels, and copies between strided memory and blocks. They know
 * sizes of elements and no types, so kernels call them (ctx->loops) instead of compiling them each. */
#include <stdint.h>
#include <string.h>

#include "combine.h"
#include "kernels.h"
#include "nests.h"

typedef unsigned long long Sixteen __attribute__((vector_size(16), aligned(8), may_alias));

#if defined(__GNUC__) && !defined(__clang__)
#define VECTORS __attribute__((optimize("O3")))
#else
#define VECTORS
#endif
#define FILLED 512 /* bytes of a repeated element that are written here; the rest is copied from them */

/* The loop over strided memory has no vectors: inserting elements one by one takes half as long again. */
#define DEFINE_PACK(BYTES, TYPE)                                                                                       \
    typedef TYPE __attribute__((may_alias)) Word##BYTES;                                                               \
    VECTORS static void fill_##BYTES(Word##BYTES *to, Word##BYTES w, i64 n) {                                          \
        i64 done = n < FILLED / BYTES ? n : FILLED / BYTES;                                                            \
        for (i64 i = 0; i < done; i++) to[i] = w;                                                                      \
        for (; done < n; done *= 2) memcpy(to + done, to, (size_t)((n - done < done ? n - done : done) * BYTES));      \
    }                                                                                                                  \
    static void pack_##BYTES(void *v, const char *x, i64 n, i64 step) {                                                \
        Word##BYTES *to = v;                                                                                           \
        if (step)                                                                                                      \
            for (i64 i = 0; i < n; i++) to[i] = *(const Word##BYTES *)(x + i * step);                                  \
        else fill_##BYTES(to, *(const Word##BYTES *)x, n);                                                             \
    }                                                                                                                  \
    static void unpack_##BYTES(char *y, const void *v, i64 n, i64 step) {                                              \
        const Word##BYTES *from = v;                                                                                   \
        for (i64 i = 0; i < n; i++) *(Word##BYTES *)(y + i * step) = from[i];                                          \
    }
DEFINE_PACK(1, unsigned char)
DEFINE_PACK(2, unsigned short)
DEFINE_PACK(4, unsigned int)
DEFINE_PACK(8, unsigned long long)
DEFINE_PACK(16, Sixteen)

void pack_run(void *v, const char *x, i64 n, i64 step, i64 size) {
    if (step == size) {
        memcpy(v, x, (size_t)(n * size));
        return;
    }
    switch (size) {
    case 1: pack_1(v, x, n, step); return;
    case 2: pack_2(v, x, n, step); return;
    case 4: pack_4(v, x, n, step); return;
    case 8: pack_8(v, x, n, step); return;
    default: pack_16(v, x, n, step);
    }
}

void unpack_run(char *y, const void *v, i64 n, i64 step, i64 size) {
    if (step == size) {
        memcpy(y, v, (size_t)(n * size));
        return;
    }
    switch (size) {
    case 1: unpack_1(y, v, n, step); return;
    case 2: unpack_2(y, v, n, step); return;
    case 4: unpack_4(y, v, n, step); return;
    case 8: unpack_8(y, v, n, step); return;
    default: unpack_16(y, v, n, step);
    }
}

void *pack_rows(void *v, const char *x, i64 rows, i64 n, i64 step, i64 jump, i64 size) {
    char *to = v;
    for (i64 row = 0; row < rows; row++) pack_run(to + row * n * size, x + row * jump, n, step, size);
    return v;
}

void unpack_rows(char *y, const void *v, i64 rows, i64 n, i64 step, i64 jump, i64 size) {
    const char *from = v;
    for (i64 row = 0; row < rows; row++) unpack_run(y + row * jump, from + row * n * size, n, step, size);
}

/* A kernel describes its operands by a table. If no operand needs a copy, rows follow one another without more ado. */
int strided_loops(char *const *p, const i64 *d, const i64 *s, const sym_operand *operand, int operands, i64 bytes,
                  void (*loop)(i64 n, char *const *q)) {
    const i64 L = d[0], n = d[L];
    i64 at[SYM_LOOPS];
    i64 step[operands], row[operands];
    char *q[operands], *a[operands];
    int straight = 1;
    for (i64 j = 0; j < L; j++) {
        if (d[1 + j] == 0) return 0;
        at[j] = 0;
    }
    for (int k = 0; k < operands; k++) {
        q[k] = a[k] = p[k];
        row[k] = L > 1 ? s[k * L + L - 2] : 0;
        step[k] = operand[k].size ? s[k * L + L - 1] : 0;
        if (operand[k].size != step[k]) straight = 0;
    }
    char room[straight ? 1 : bytes * SYM_BLOCK + 64];
    char *const blocks = (char *)(((uintptr_t)room + 63) & ~(uintptr_t)63);
    for (;;) {
        if (straight) {
            const i64 rows = L > 1 ? d[L - 1] : 1;
            for (i64 r = rows;;) {
                loop(n, q);
                if (--r == 0) break;
                for (int k = 0; k < operands; k++) q[k] += row[k];
            }
            if (rows > 1)
                for (int k = 0; k < operands; k++) q[k] -= (rows - 1) * row[k];
        } else
            for (i64 i = 0; i < n; i += SYM_BLOCK) {
                const i64 m = n - i < SYM_BLOCK ? n - i : SYM_BLOCK;
                char *b = blocks;
                for (int k = 0; k < operands; k++) {
                    const sym_operand *o = operand + k;
                    a[k] = q[k] + i * step[k];
                    if (o->size == step[k]) continue;
                    /* what is repeated is there from the first block on */
                    if (!o->written && (i == 0 || step[k])) pack_run(b, a[k], m, step[k], o->size);
                    a[k] = b;
                    b += SYM_BLOCK * o->size;
                }
                loop(m, a);
                for (int k = 0; k < operands && operand[k].written; k++)
                    if (operand[k].size != step[k])
                        unpack_run(q[k] + i * step[k], a[k], m, step[k], operand[k].size);
            }
        i64 j = L - 2 - straight;
        for (; j >= 0; j--) {
            const i64 back = at[j] + 1 == d[1 + j] ? at[j] : -1;
            for (int k = 0; k < operands; k++) q[k] -= s[k * L + j] * back;
            if (back < 0) {
                at[j]++;
                break;
            }
            at[j] = 0;
        }
        if (j < 0) return 0;
    }
}

int loops_by_rows(char *const *p, const i64 *d, const i64 *s, i64 operands, i64 most,
                  void (*work)(const sym_loops *loops, char *const *p, char *const *q, i64 from, i64 m, i64 row,
                               i64 rows, const i64 *step, const i64 *jump)) {
    const i64 L = d[0], n = L ? d[L] : 1, group = L > 1 ? d[L - 1] : 1, outer = L > 2 ? L - 2 : 0;
    i64 at[SYM_LOOPS], which[SYM_LOOPS];
    i64 step[operands], jump[operands];
    char *q[operands];
    for (i64 j = 0; j < L; j++) {
        if (d[1 + j] == 0) return 0;
        at[j] = 0;
        which[j] = j;
    }
    for (i64 k = 0; k < operands; k++) {
        q[k] = p[k];
        step[k] = L ? s[k * L + L - 1] : 0;
        jump[k] = L > 1 ? s[k * L + L - 2] : 0;
    }
    const i64 some = n < most ? most / n : 1;
    do
        for (i64 row = 0; row < group; row += some)
            for (i64 from = 0; from < n; from += most)
                work(&kernel_loops, p, q, from, n - from < most ? n - from : most, row,
                     group - row < some ? group - row : some, step, jump);
    while (next_position(outer, which, at, operands, d, s, q));
    return 0;
}

const sym_loops kernel_loops = {.strided = strided_loops,
                                .pack = pack_rows,
                                .unpack = unpack_rows,
                                .by_rows = loops_by_rows,
                                .reduce = reduce_loops,
                                .sort = sort_loops,
                                .next = next_position,
                                .divide = divide_share,
                                .combine = combine_share,
                                .known = known_reductions};
