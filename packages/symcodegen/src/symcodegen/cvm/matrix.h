/* How BLAS sees strided matrices and vectors. */
#ifndef SYMCVM_MATRIX_H
#define SYMCVM_MATRIX_H

#include "kernels.h"

typedef struct {
    char *data;
    i64 rows, cols, rs, cs; /* byte strides along rows and columns */
    char order;             /* 'N': BLAS reads it as it lies (columns contiguous); 'T': rows are; 0: needs packing */
    int ld;                 /* leading dimension, if order */
    i64 packed;             /* position in the scratch, if not */
} Matrix;

typedef struct {
    char *data; /* as BLAS wants it: the lowest address, also for negative increments */
    i64 n, stride;
    int inc; /* 0: needs packing */
    i64 packed;
} Vector;

Matrix as_matrix(char *data, const i64 *shape, const i64 *strides, i64 itemsize);
Vector as_vector(char *data, i64 n, i64 stride, i64 itemsize);

/* Takes scratch for what needs packing; `used` counts the bytes. */
void plan_matrix(Matrix *m, i64 itemsize, i64 *used);
void plan_vector(Vector *v, i64 itemsize, i64 *used);

/* Copies what needs packing into the scratch, and points there. */
void pack_matrix(Matrix *m, i64 itemsize, char *scratch);
void pack_vector(Vector *v, i64 itemsize, char *scratch);

char flipped(char order);

/* SYM_OK if all fit BLAS's 32-bit integers. */
int check_lengths(const sym_ctx *ctx, const char *routine, const i64 *d, int n);

#endif
