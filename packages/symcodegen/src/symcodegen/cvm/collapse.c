/* Loop nests made small: loops of length 1 dropped, loops ordered by stride, loops that walk memory as one merged. */
#include "cvm.h"

#include <string.h>

static i64 magnitude(i64 v) {
    return v < 0 ? -v : v;
}

#define LINE 64 /* bytes of a cache line: longer strides cost no more than one line per element */

/* What moving along loop j costs in bytes, each stride counted up to `most`. Outputs count twice, for a scattered write
 * costs more than a scattered read. */
static i64 cost(int n_ops, int n_outputs, int loops, const i64 *s, int j, i64 most) {
    i64 total = 0;
    for (int k = 0; k < n_ops; k++) {
        i64 stride = magnitude(s[k * loops + j]);
        total += (stride < most ? stride : most) << (k < n_outputs);
    }
    return total;
}

/* Loops with long strides go outside (a stable insertion sort); then the one that touches the fewest cache lines goes
 * innermost, which differs when one operand lies by rows and another by columns. */
static void order_loops(int n_ops, int n_outputs, int loops, const i64 *s, int *order, int n) {
    i64 keys[MAX_LOOPS], least = -1;
    int best = n - 1;
    for (int i = 0; i < n; i++) {
        int j = order[i], at = i;
        i64 key = cost(n_ops, n_outputs, loops, s, j, (i64)1 << 56);
        for (; at > 0 && keys[at - 1] < key; at--) {
            keys[at] = keys[at - 1];
            order[at] = order[at - 1];
        }
        keys[at] = key;
        order[at] = j;
    }
    for (int i = n - 1; i >= 0; i--) {
        i64 lines = cost(n_ops, n_outputs, loops, s, order[i], LINE);
        if (least >= 0 && lines >= least) continue;
        least = lines;
        best = i;
    }
    int innermost = order[best];
    memmove(order + best, order + best + 1, (n - 1 - best) * sizeof *order);
    order[n - 1] = innermost;
}

static int mergeable(int n_ops, int loops, const i64 *s, int outer, int inner, i64 length) {
    for (int k = 0; k < n_ops; k++)
        if (s[k * loops + outer] != s[k * loops + inner] * length) return 0;
    return 1;
}

/* Collapses, in place, the nest of lengths d[1..loops] and strides s[k*loops + j] to d[0] loops; gives the number of
 * iterations of its body. */
i64 collapse(int n_ops, int n_outputs, int loops, i64 *d, i64 *s, int reorder) {
    int order[MAX_LOOPS], innermost[MAX_LOOPS], n = 0, groups = 0;
    i64 lengths[MAX_LOOPS], row[MAX_LOOPS], total = 1;
    for (int j = 0; j < loops; j++) {
        total *= d[1 + j];
        if (d[1 + j] != 1) order[n++] = j;
    }
    if (reorder && n > 1 && total) order_loops(n_ops, n_outputs, loops, s, order, n);
    for (int i = 0; i < n; i++) {
        int j = order[i];
        if (groups && total && mergeable(n_ops, loops, s, innermost[groups - 1], j, d[1 + j])) {
            lengths[groups - 1] *= d[1 + j];
            innermost[groups - 1] = j;
        } else {
            lengths[groups] = d[1 + j];
            innermost[groups++] = j;
        }
    }
    d[0] = groups;
    memcpy(d + 1, lengths, groups * sizeof(i64));
    for (int k = 0; k < n_ops; k++) { /* rows shrink towards the front: what is read lies at or after what is written */
        for (int g = 0; g < groups; g++) row[g] = s[k * loops + innermost[g]];
        memcpy(s + k * groups, row, groups * sizeof(i64));
    }
    return total;
}
