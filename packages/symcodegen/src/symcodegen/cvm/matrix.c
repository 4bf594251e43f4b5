/* Strides turned into BLAS's transposition flags, leading dimensions and increments. */
#include "matrix.h"

#include <limits.h>

/* Are columns contiguous (first stride = element) and far enough apart for a leading dimension? */
static int leading_dimension(i64 rows, i64 cols, i64 rs, i64 cs, i64 itemsize) {
    i64 least = rows > 1 ? rows : 1;
    if (rows > 1 && rs != itemsize) return 0;
    if (cols <= 1) return (int)least; /* never stepped over */
    return cs % itemsize == 0 && cs / itemsize >= least && cs / itemsize <= INT_MAX ? (int)(cs / itemsize) : 0;
}

Matrix as_matrix(char *data, const i64 *shape, const i64 *strides, i64 itemsize) {
    Matrix m = {.data = data, .rows = shape[0], .cols = shape[1], .rs = strides[0], .cs = strides[1]};
    if ((m.ld = leading_dimension(m.rows, m.cols, m.rs, m.cs, itemsize)))
        m.order = 'N';
    else if ((m.ld = leading_dimension(m.cols, m.rows, m.cs, m.rs, itemsize)))
        m.order = 'T';
    return m;
}

Vector as_vector(char *data, i64 n, i64 stride, i64 itemsize) {
    Vector v = {.data = data, .n = n, .stride = stride};
    if (n <= 1)
        v.inc = 1;
    else if (stride && stride % itemsize == 0 && stride / itemsize <= INT_MAX && stride / itemsize >= -INT_MAX)
        v.inc = (int)(stride / itemsize);
    if (v.inc < 0 && data) v.data += (n - 1) * stride;
    return v;
}

static i64 take(i64 *used, i64 bytes) {
    i64 at = *used;
    *used += (bytes + 63) / 64 * 64;
    return at;
}

void plan_matrix(Matrix *m, i64 itemsize, i64 *used) {
    if (!m->order) m->packed = take(used, m->rows * m->cols * itemsize);
}

void plan_vector(Vector *v, i64 itemsize, i64 *used) {
    if (!v->inc) v->packed = take(used, v->n * itemsize);
}

void pack_matrix(Matrix *m, i64 itemsize, char *scratch) {
    if (m->order) return;
    const i64 shape[] = {m->rows, m->cols}, to[] = {m->cols * itemsize, itemsize}, from[] = {m->rs, m->cs};
    copy_block(itemsize, 2, shape, scratch + m->packed, to, m->data, from);
    m->data = scratch + m->packed;
    m->rs = to[0];
    m->cs = to[1];
    m->order = 'T';
    m->ld = (int)m->cols;
}

void pack_vector(Vector *v, i64 itemsize, char *scratch) {
    if (v->inc) return;
    copy_block(itemsize, 1, &v->n, scratch + v->packed, &itemsize, v->data, &v->stride);
    v->data = scratch + v->packed;
    v->stride = itemsize;
    v->inc = 1;
}

char flipped(char order) {
    return order == 'N' ? 'T' : 'N';
}

int check_lengths(const sym_ctx *ctx, const char *routine, const i64 *d, int n) {
    for (int i = 0; i < n; i++)
        if (d[i] > INT_MAX)
            return ctx->fail(ctx, SYM_VALUE, "%s: length %lld does not fit BLAS's 32-bit integers. Split the product.",
                             routine, d[i]);
    return SYM_OK;
}
