/* Sorting along one axis: what the walk over lines (sorting.c) and the kernels of each kind of processor share.
 *
 * Elements become signed keys whose order is theirs, of 32 bits or 64: `turned` bits of a negative element are
 * inverted, then those of `flip`. A word is what is sorted: a key; or a key of at most 32 bits with the position of its
 * element in one integer of 64; or a pair of both. */
#ifndef SYMCVM_SORTING_H
#define SYMCVM_SORTING_H

#include "combine.h" /* which instruction sets are compiled */
#include "kernels.h"

/* Loops become vectors; -O3 would do no more and need half as much room again. */
#if defined(__GNUC__) && !defined(__clang__)
#define VECTORIZED optimize("O2", "tree-vectorize", "vect-cost-model=dynamic")
#endif

enum {
    MOST_LANES = 16, /* lines sorted side by side by one network of vectors */
    MOST_FEW = 32,   /* the longest ones, where few words of each are wanted */
    COUNTED = 128,   /* single bytes in a line from which they are counted */
    MOST_LINE_AXES = 64
};

typedef struct {
    i64 size; /* bytes of an element */
    i64 turned, flip;
    i64 magnitude, infinity; /* larger than infinity without its sign is NaN; of integers the magnitude is 0 */
    i64 zero;                /* what is kept of an element without magnitude */
    unsigned long long bias; /* added to a key: its bytes are in order, and the others 0 */
} Ordering;

/* Lines along the axis of `n` elements. Operands: x; y (elements, or NULL), at (positions, or NULL). Of the words in
 * their order the last `k` are wanted; `inverted`: -1 if all bits of words are, so that the smallest come last. */
typedef struct {
    Ordering order;
    i64 n, k, inverted, position_size;
    i64 sx, sy, sat;
    const char *x[MOST_LANES];
    char *y[MOST_LANES], *at[MOST_LANES];
    int side; /* whether lines are sorted side by side */
    char *room;
    /* of the walk */
    int ndim;
    i64 shape[MOST_LINE_AXES], place[MOST_LINE_AXES], left;
    const i64 *strides[3];
    char *next[3];
} Lines;

/* Takes up to `most` lines (x, y, at); how many. */
int take_lines(Lines *t, int most);
/* Puts NaN, which stand at both ends of a sorted line, last, as they came, and zeros in their first order. */
void mend_line(const Lines *t, const char *x, char *y);
/* Sorts a line of single bytes by counting them. */
void count_line(const Lines *t, const char *x, char *y);
/* Writes k positions to `at`, and the elements of the line x there to y unless that is NULL. */
void store_positions(const Lines *t, const i64 *position, i64 k, const char *x, char *y, char *at);

typedef struct {
    const char *name;
    int lanes[2];                   /* lines side by side: with keys of 32 bits, of 64 */
    i64 sorted[2], ordered[2];      /* the longest ones that are faster so, of `values` and `positions` */
    void (*values[2])(Lines *t);    /* sorts elements: keys of 32 bits, of 64 */
    void (*positions[2])(Lines *t); /* finds the order: words of 64 bits, pairs */
} SortKernels;

/* Whether of many words few are wanted, for which a heap is kept. */
static inline int wants_few(const Lines *t) {
    return t->k <= t->n / 16 || (t->k <= 8 && t->k < t->n);
}

extern const SortKernels sorting_avx512, sorting_avx2, sorting_vector;

/* The kernels that this processor runs. */
const SortKernels *sort_kernels(void);
/* Chooses those of a name, or the best ones if it is NULL. 0, or -1 if the processor or the compiler does not have
 * them. */
int choose_sorting(const char *name);

/* Sorts complex numbers, or finds their order. */
void sort_complex(Lines *t);

#endif
