/* BLAS for each element type. */
#include "matrix.h"
#include "products.h"

#include <string.h>

typedef struct {
    float re, im;
} complex_float;
typedef struct {
    double re, im;
} complex_double;

#define IS_ZERO(b) (*(b) == 0)
#define SCALE(x, b) (*(x) *= *(b))
#define SET_ONE(x) (*(x) = 1)

#if SYM_PRODUCT_TYPES & 1
#define T float
#define NAME(x) s_##x
#define GEMM sgemm
#define GEMV sgemv
#define GER sger
#define SMALL 0
#include "blas_template.h"
#endif

#if SYM_PRODUCT_TYPES & 2
#define T double
#define NAME(x) d_##x
#define GEMM dgemm
#define GEMV dgemv
#define GER dger
#define SMALL 1
#include "blas_template.h"
#endif

#undef IS_ZERO
#undef SCALE
#undef SET_ONE
#define IS_ZERO(b) ((b)->re == 0 && (b)->im == 0)
#define SCALE(x, b) scale_complex(&(x)->re, &(x)->im, (b)->re, (b)->im)
#define SET_ONE(x) ((x)->re = 1)

#if SYM_PRODUCT_TYPES & 4
#define scale_complex scale_complex_float
static void scale_complex_float(float *re, float *im, float b_re, float b_im) {
    float a = *re * b_re - *im * b_im;
    *im = *re * b_im + *im * b_re;
    *re = a;
}

#define T complex_float
#define NAME(x) c_##x
#define GEMM cgemm
#define GEMV cgemv
#define GER cgeru
#include "blas_template.h"
#undef scale_complex
#endif

#if SYM_PRODUCT_TYPES & 8
#define scale_complex scale_complex_double
static void scale_complex_double(double *re, double *im, double b_re, double b_im) {
    double a = *re * b_re - *im * b_im;
    *im = *re * b_im + *im * b_re;
    *re = a;
}

#define T complex_double
#define NAME(x) z_##x
#define GEMM zgemm
#define GEMV zgemv
#define GER zgeru
#include "blas_template.h"
#endif
