/* Hand-written C for the workloads, in both precisions: what a compiler of expressions could plainly reach.
 * Shapes are trusted, outputs and scratch are the caller's, there is one thread. */
#include <math.h>
#include <string.h>

/* Blocking of the logistic regression: classes are padded to LANES, ROWS (given on the command line) go together. */
enum { LANES = 16 };

enum { ROW_MAJOR = 101, NO_TRANS = 111, TRANS = 112 };
void CBLAS(sgemm)(int, int, int, int, int, int, float, const float *, int, const float *, int, float, float *, int);

#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)

#define REAL float
#define NAME(f) PASTE(f, _f32)
#define MATH(name) PASTE(name, f)
#include "bound_real.h"
#undef REAL
#undef NAME
#undef MATH
#define REAL double
#define NAME(f) PASTE(f, _f64)
#define MATH(name) name
#include "bound_real.h"

/* out (m, n) <- alpha * op(a) @ op(b) + beta * out; all row-major and dense */
static void matmul(int ta, int tb, int m, int n, int k, float alpha, const float *a, const float *b, float beta, float *out) {
    CBLAS(sgemm)(ROW_MAJOR, ta, tb, m, n, k, alpha, a, ta == TRANS ? m : k, b, tb == TRANS ? k : n, beta, out, n);
}

/* The last value of the logistic map, and of p <- p * a from ones. */
void logistic_map_f64(long steps, const double *x, const double *r, double *out) {
    double v = *x;
    for (long i = 0; i < steps; i++) v = *r * v * (1 - v);
    *out = v;
}

void power_f64(long steps, long n, const double *restrict a, double *restrict p) {
    for (long j = 0; j < n; j++) p[j] = 1;
    for (long i = 0; i < steps; i++)
        for (long j = 0; j < n; j++) p[j] *= a[j];
}

/* One step of gradient descent of a perceptron with tanh and softmax; parameters are updated in place, the gradients of
 * the matrices are never stored (the product is added to the scaled matrix). hidden, g_hidden (n, h) and g (n, c) are
 * scratch. Returns the cost before the step. */
float mlp_step(int n, int d, int h, int c, const float *x, const long *y, float *W1, float *b1, float *W2, float *b2,
               float rate, float l2, float *hidden, float *g_hidden, float *g) {
    for (int i = 0; i < n; i++) memcpy(hidden + i * h, b1, h * sizeof *b1);
    matmul(NO_TRANS, NO_TRANS, n, h, d, 1, x, W1, 1, hidden);
    for (int i = 0; i < n * h; i++) hidden[i] = tanhf(hidden[i]);
    for (int i = 0; i < n; i++) memcpy(g_hidden + i * c, b2, c * sizeof *b2);
    matmul(NO_TRANS, NO_TRANS, n, c, h, 1, hidden, W2, 1, g_hidden);
    double cost = cross_entropy_gradient_f32(n, c, g_hidden, y, g);
    float squares = 0;
    for (int i = 0; i < d * h; i++) squares += W1[i] * W1[i];
    for (int i = 0; i < h * c; i++) squares += W2[i] * W2[i];

    matmul(NO_TRANS, TRANS, n, h, c, 1, g, W2, 0, g_hidden);
    for (int i = 0; i < n * h; i++) g_hidden[i] *= 1 - hidden[i] * hidden[i];
    float keep = 1 - 2 * rate * l2;
    matmul(TRANS, NO_TRANS, h, c, n, -rate, hidden, g, keep, W2);
    matmul(TRANS, NO_TRANS, d, h, n, -rate, x, g_hidden, keep, W1);
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < c; j++) b2[j] -= rate * g[i * c + j];
        for (int j = 0; j < h; j++) b1[j] -= rate * g_hidden[i * h + j];
    }
    return (float)cost + l2 * squares;
}
