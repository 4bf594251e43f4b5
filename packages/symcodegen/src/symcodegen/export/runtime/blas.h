/* BLAS: that of a library (-DSYM_BLAS and, say, -lopenblas), what the program is given at run time, or these loops.
 * Column-major, Fortran's convention. Before including: T, GEMM, GEMV, GER, and the names of the library. */
#define SYM_PART 256 /* of the inner length: one column of the right operand in the first-level cache */

static void GEMM(char *ta, char *tb, int *m, int *n, int *k, void *alpha, void *a, int *lda, void *b, int *ldb,
                 void *beta, void *c, int *ldc) {
    const T *A = a, *B = b, f = *(const T *)alpha, g = *(const T *)beta;
    const i64 ra = *ta == 'N' ? 1 : *lda, ca = *ta == 'N' ? *lda : 1, rb = *tb == 'N' ? 1 : *ldb,
              cb = *tb == 'N' ? *ldb : 1;
    T part[SYM_PART];
    for (i64 j = 0; j < *n; j++) {
        T *to = (T *)c + j * *ldc;
        for (i64 i = 0; i < *m && g != 1; i++) to[i] = g == 0 ? 0 : g * to[i];
        for (i64 l = 0; l < *k; l += SYM_PART) {
            const i64 length = *k - l < SYM_PART ? *k - l : SYM_PART;
            for (i64 q = 0; q < length; q++) part[q] = f * B[(l + q) * rb + j * cb];
            if (ra == 1) {
                for (i64 q = 0; q < length; q++) {
                    const T *from = A + (l + q) * ca;
                    for (i64 i = 0; i < *m; i++) to[i] += part[q] * from[i];
                }
                continue;
            }
            for (i64 i = 0; i < *m; i++) {
                const T *from = A + i * ra + l;
                T lanes[8] = {0};
                i64 q = 0;
                for (; q + 8 <= length; q += 8)
                    for (int e = 0; e < 8; e++) lanes[e] += part[q + e] * from[q + e];
                for (; q < length; q++) lanes[0] += part[q] * from[q];
                to[i] += ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
            }
        }
    }
}

static void GEMV(char *ta, int *m, int *n, void *alpha, void *a, int *lda, void *x, int *incx, void *beta, void *y,
                 int *incy) {
    const i64 rows = *ta == 'N' ? *m : *n, cols = *ta == 'N' ? *n : *m, ra = *ta == 'N' ? 1 : *lda,
              ca = *ta == 'N' ? *lda : 1;
    const T *A = a, *X = (const T *)x + (*incx < 0 ? (1 - cols) * *incx : 0), f = *(const T *)alpha, g = *(const T *)beta;
    T *Y = (T *)y + (*incy < 0 ? (1 - rows) * *incy : 0);
    for (i64 i = 0; i < rows && g != 1; i++) Y[i * *incy] = g == 0 ? 0 : g * Y[i * *incy];
    if (ra == 1) {
        for (i64 j = 0; j < cols; j++) {
            const T by = f * X[j * *incx];
            for (i64 i = 0; i < rows; i++) Y[i * *incy] += by * A[i + j * ca];
        }
        return;
    }
    for (i64 i = 0; i < rows; i++) {
        T sum = 0;
        for (i64 j = 0; j < cols; j++) sum += A[i * ra + j * ca] * X[j * *incx];
        Y[i * *incy] += f * sum;
    }
}

static void GER(int *m, int *n, void *alpha, void *x, int *incx, void *y, int *incy, void *a, int *lda) {
    const T f = *(const T *)alpha, *X = (const T *)x + (*incx < 0 ? (1 - (i64)*m) * *incx : 0),
            *Y = (const T *)y + (*incy < 0 ? (1 - (i64)*n) * *incy : 0);
    T *A = a;
    for (i64 j = 0; j < *n; j++)
        for (i64 i = 0; i < *m; i++) A[i + j * *lda] += f * Y[j * *incy] * X[i * *incx];
}

#undef SYM_PART
#undef T
#undef GEMM
#undef GEMV
#undef GER
