/* Sorting, the order of elements, and the largest or smallest few, along one axis: the walk over lines, and what no
 * vector does. Extra integers of all three kernels: the number of axes, the axis, the code of the dtype, and the bytes
 * of a position of `topk`. */
#include "sorting.h"

#include <string.h>

/* ---- which kernels ---- */

#if COMBINE_AVX512
static int has_avx512(void) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2");
}
#endif

#if COMBINE_AVX2
static int has_avx2(void) {
    return __builtin_cpu_supports("avx2");
}
#endif

#if COMBINE_VECTOR
static int always(void) {
    return 1;
}
#endif

/* Best first. */
static const struct {
    const SortKernels *kernels;
    int (*supported)(void);
} CHOICES[] = {
#if COMBINE_AVX512
    {&sorting_avx512, has_avx512},
#endif
#if COMBINE_AVX2
    {&sorting_avx2, has_avx2},
#endif
#if COMBINE_VECTOR
    {&sorting_vector, always},
#endif
};

static const SortKernels *chosen; /* NULL: nobody has asked yet */

int choose_sorting(const char *name) {
#if defined(__x86_64__)
    __builtin_cpu_init();
#endif
    for (size_t i = 0; i < sizeof CHOICES / sizeof *CHOICES; i++)
        if ((!name || !strcmp(name, CHOICES[i].kernels->name)) && CHOICES[i].supported()) {
            __atomic_store_n(&chosen, CHOICES[i].kernels, __ATOMIC_RELAXED);
            return 0;
        }
    return -1;
}

const SortKernels *sort_kernels(void) {
    if (!__atomic_load_n(&chosen, __ATOMIC_RELAXED)) choose_sorting(NULL); /* threads find the same */
    return __atomic_load_n(&chosen, __ATOMIC_RELAXED);
}

/* ---- dtypes ---- */

/* Codes of dtypes: these, plus the bytes of an element. */
enum { UNSIGNED = 0, SIGNED = 32, FLOATING = 64, COMPLEX = 96, SIZE = 31 };

static Ordering order_of(i64 code) {
    const i64 size = code & SIZE;
    if (code >= COMPLEX) return (Ordering){.size = size};
    const unsigned long long sign = 1ULL << (8 * size - 1);
    /* elements come with their sign extended, as far as they are taken to have one */
    Ordering o = {.size = size, .magnitude = 0, .zero = -1, .bias = sign};
    if (code < SIGNED) o.flip = -(i64)(sign - 1) - 1;
    if (code >= FLOATING) {
        o.turned = o.magnitude = (i64)(sign - 1);
        o.infinity = size == 2 ? 0x7c00 : size == 4 ? 0x7f800000 : 0x7ff0000000000000;
        o.zero = 0;
    }
    return o;
}

/* ---- lines ---- */

int take_lines(Lines *t, int most) {
    int m = 0;
    const int last = t->ndim - 1;
    for (; m < most && t->left > 0; m++, t->left--) {
        t->x[m] = t->next[0];
        t->y[m] = t->next[1];
        t->at[m] = t->next[2];
        for (int a = last; a >= 0; a--) {
            if (t->shape[a] == 1) continue;
            const i64 back = ++t->place[a] == t->shape[a] ? t->shape[a] - 1 : -1;
            for (int o = 0; o < 3; o++)
                if (t->strides[o]) t->next[o] -= back * t->strides[o][a];
            if (back < 0) break;
            t->place[a] = 0;
        }
    }
    for (int l = m; m && l < MOST_LANES; l++) t->x[l] = t->x[0];
    return m;
}

/* ---- lines in the order of their bits, and in that of their numbers ---- */

#define DEFINE_MEND(BYTES, TYPE)                                                                                       \
    static void mend_##BYTES(const char *x, i64 sx, char *y, i64 sy, i64 n, TYPE infinity) {                           \
        typedef TYPE __attribute__((may_alias)) E;                                                                     \
        const TYPE magnitude = (TYPE)((TYPE)~(TYPE)0 >> 1);                                                            \
        i64 first = 0, end = n, k = 0;                                                                                 \
        while (first < n && (*(const E *)(y + first * sy) & magnitude) > infinity) first++;                            \
        while (end > first && (*(const E *)(y + (end - 1) * sy) & magnitude) > infinity) end--;                        \
        end -= first;                                                                                                  \
        if (first)                                                                                                     \
            for (i64 i = 0; i < end; i++) *(E *)(y + i * sy) = *(const E *)(y + (i + first) * sy);                     \
        while (k < end && (*(const E *)(y + k * sy) & magnitude)) k++;                                                 \
        for (i64 i = 0; i < n; i++) {                                                                                  \
            const TYPE u = *(const E *)(x + i * sx);                                                                   \
            if ((u & magnitude) > infinity) *(E *)(y + end++ * sy) = u;                                                \
            if (!(u & magnitude)) *(E *)(y + k++ * sy) = u;                                                            \
        }                                                                                                              \
    }
DEFINE_MEND(2, unsigned short)
DEFINE_MEND(4, unsigned int)
DEFINE_MEND(8, unsigned long long)

void mend_line(const Lines *t, const char *x, char *y) {
    switch (t->order.size) {
    case 2: mend_2(x, t->sx, y, t->sy, t->n, (unsigned short)t->order.infinity); break;
    case 4: mend_4(x, t->sx, y, t->sy, t->n, (unsigned int)t->order.infinity); break;
    default: mend_8(x, t->sx, y, t->sy, t->n, (unsigned long long)t->order.infinity); break;
    }
}

void count_line(const Lines *t, const char *x, char *y) {
    i64 count[256] = {0}, at = 0;
    for (i64 i = 0; i < t->n; i++) count[*(const unsigned char *)(x + i * t->sx)]++;
    for (int k = 0; k < 256; k++) {
        const int byte = t->order.flip ? k : k ^ 128; /* from the smallest on */
        const i64 end = at + count[byte];
        if (t->sy == 1) memset(y + at, byte, (size_t)count[byte]);
        else
            for (i64 i = at; i < end; i++) y[i * t->sy] = (char)byte;
        at = end;
    }
}

/* ---- results ---- */

void store_positions(const Lines *t, const i64 *position, i64 k, const char *x, char *y, char *at) {
    const i64 sat = t->sat, sx = t->sx, sy = t->sy;
#define STORE(TYPE, STEP, VALUE)                                                                                       \
    {                                                                                                                  \
        typedef TYPE __attribute__((may_alias)) E;                                                                     \
        for (i64 i = 0; i < k; i++) *(E *)(STEP) = (E)(VALUE);                                                         \
    }                                                                                                                  \
    break
#define STORE_AS(SIZE, STEP, VALUE)                                                                                    \
    switch (SIZE) {                                                                                                    \
    case 1: STORE(signed char, STEP, VALUE(signed char));                                                              \
    case 2: STORE(short, STEP, VALUE(short));                                                                          \
    case 4: STORE(int, STEP, VALUE(int));                                                                              \
    default: STORE(i64, STEP, VALUE(i64));                                                                             \
    }
#define POSITION(TYPE) position[i]
#define ELEMENT(TYPE) *(const E *)(x + position[i] * sx)
    if (sat == sizeof(i64) && t->position_size == sizeof(i64)) memcpy(at, position, (size_t)k * sizeof(i64));
    else STORE_AS(t->position_size, at + i * sat, POSITION)
    if (y) STORE_AS(t->order.size, y + i * sy, ELEMENT)
}

/* ---- the kernels ---- */

enum { NDIM, AXIS, CODE, POSITION_SIZE, EXTRAS };

/* `length`: of the tensor, which has `n` elements along the axis. 0: there are no lines. */
static int begin_lines(Lines *t, const i64 *d, i64 n, const i64 *length) {
    t->ndim = (int)d[NDIM];
    t->inverted = t->sy = t->sat = 0;
    t->position_size = sizeof(i64);
    for (int o = 0; o < 3; o++) {
        t->next[o] = NULL;
        t->strides[o] = NULL;
    }
    t->order = order_of(d[CODE]);
    t->n = t->k = n;
    t->left = n > 0;
    for (int a = 0; a < t->ndim; a++) {
        t->shape[a] = a == d[AXIS] ? 1 : length[a];
        t->place[a] = 0;
        t->left *= t->shape[a];
    }
    return t->left > 0;
}

static void take_operand(Lines *t, int o, char *p, const i64 *s, i64 axis, i64 *step) {
    t->next[o] = p;
    t->strides[o] = s;
    *step = s[axis];
}

/* Words of `bytes` for each element of a line are twice there, and room for positions; or as many vectors of them. */
static int sort_lines(Lines *t, const sym_ctx *ctx, int lanes, i64 longest, i64 bytes,
                      void (*work)(Lines *)) {
    i64 room = 2 * bytes * t->n;
    if (t->order.size < 4 && longest > 128 * t->order.size) longest = 128 * t->order.size; /* few bytes to sort by */
    if (wants_few(t) && longest > MOST_FEW) longest = MOST_FEW;
    t->side = t->n > 1 && t->n <= longest && t->left > lanes / 4;
    if (t->side) { /* rows of keys and of positions, in whole blocks of a network */
        const i64 vectors = ((t->n + 15) / 16 * 32 * lanes + t->n) * (i64)sizeof(i64);
        if (room < vectors) room = vectors;
    }
    if (!(t->room = ctx->reserve(ctx, room)))
        return ctx->fail(ctx, SYM_MEMORY, "no memory to sort rows of %lld elements.", t->n);
    work(t);
    return SYM_OK;
}

static int known(const i64 *d, const sym_ctx *ctx) {
    if (d[NDIM] >= 1 && d[NDIM] <= MOST_LINE_AXES) return SYM_OK;
    return ctx->fail(ctx, SYM_VALUE, "cannot sort an array of rank %lld: from 1 to %d.", d[NDIM], MOST_LINE_AXES);
}

/* A position has 32 bits beside a key of up to 32. */
static int fits(const Lines *t, const sym_ctx *ctx) {
    if (t->order.size == 8 || t->n <= 0xffffffffLL) return SYM_OK;
    return ctx->fail(ctx, SYM_VALUE,
                     "rows of %lld elements of this dtype are too long to find their order: at most 2^32 - 1; cast to "
                     "float64 or int64 first.",
                     t->n);
}

KERNEL(sort_axis) {
    if (known(d, ctx)) return SYM_VALUE;
    Lines t;
    const i64 ndim = d[NDIM], axis = d[AXIS];
    const SortKernels *own = sort_kernels();
    if (!begin_lines(&t, d, d[EXTRAS + axis], d + EXTRAS)) return SYM_OK;
    take_operand(&t, 1, p[0], s, axis, &t.sy);
    take_operand(&t, 0, p[1], s + ndim, axis, &t.sx);
    if (d[CODE] >= COMPLEX) return sort_lines(&t, ctx, 0, 0, t.order.size + (i64)sizeof(i64), sort_complex);
    const int wide = t.order.size == 8;
    return sort_lines(&t, ctx, own->lanes[wide], own->sorted[wide], wide ? 8 : 4, own->values[wide]);
}

KERNEL(argsort_axis) {
    if (known(d, ctx)) return SYM_VALUE;
    Lines t;
    const i64 ndim = d[NDIM], axis = d[AXIS];
    const SortKernels *own = sort_kernels();
    if (!begin_lines(&t, d, d[EXTRAS + axis], d + EXTRAS)) return SYM_OK;
    take_operand(&t, 2, p[0], s, axis, &t.sat);
    take_operand(&t, 0, p[1], s + ndim, axis, &t.sx);
    if (d[CODE] >= COMPLEX) return sort_lines(&t, ctx, 0, 0, t.order.size + (i64)sizeof(i64), sort_complex);
    const int wide = t.order.size == 8;
    if (fits(&t, ctx)) return SYM_VALUE;
    return sort_lines(&t, ctx, own->lanes[1], own->ordered[wide], wide ? 16 : 8, own->positions[wide]);
}

/* The operands: elements, positions, the tensor, k. */
KERNEL(topk_axis) {
    if (known(d, ctx)) return SYM_VALUE;
    Lines t;
    const i64 ndim = d[NDIM], axis = d[AXIS], *shape = d + EXTRAS, *length = shape + 2 * ndim;
    const i64 n = length[axis], given = *(const i64 *)p[3], k = given < 0 ? -given : given;
    const SortKernels *own = sort_kernels();
    if (k == 0 || given < -n || given > n)
        return ctx->fail(ctx, SYM_VALUE, "topk takes 1 to %lld elements along axis %d, got k = %lld.", n, (int)axis,
                         given);
    for (int o = 0; o < 2; o++)
        for (i64 a = 0; a < ndim; a++)
            if (shape[o * ndim + a] != (a == axis ? k : length[a]))
                return ctx->fail(ctx, SYM_SHAPE, "topk of k = %lld has %lld elements along axis %d.", given,
                                 shape[o * ndim + a], (int)a);
    if (!begin_lines(&t, d, n, length)) return SYM_OK;
    take_operand(&t, 1, p[0], s, axis, &t.sy);
    take_operand(&t, 2, p[1], s + ndim, axis, &t.sat);
    take_operand(&t, 0, p[2], s + 2 * ndim, axis, &t.sx);
    t.k = k;
    t.inverted = given < 0 ? -1 : 0;
    t.position_size = d[POSITION_SIZE];
    const int wide = t.order.size == 8;
    if (fits(&t, ctx)) return SYM_VALUE;
    return sort_lines(&t, ctx, own->lanes[1], own->ordered[wide], wide ? 16 : 8, own->positions[wide]);
}
