/* Included by bound.c once per precision, with REAL, NAME(function) and MATH(function) defined. */

void NAME(fused_chain)(long n, const REAL *restrict x, const REAL *restrict y, const REAL *restrict z, REAL a, REAL b,
                       REAL *restrict out) {
#pragma omp simd
    for (long i = 0; i < n; i++)
        out[i] = 1 / (1 + MATH(exp)(-(a * x[i] + b))) * MATH(tanh)(y[i]) + MATH(log1p)(z[i] * z[i]);
}

/* Mean cross-entropy of softmax(x) (n, c) with labels y; its gradient goes to g (n, c). Row by row, so that a row stays
 * in the first cache from its maximum to its gradient. */
double NAME(cross_entropy_gradient)(long n, long c, const REAL *restrict x, const long *restrict y, REAL *restrict g) {
    double cost = 0;
    for (long i = 0; i < n; i++) {
        const REAL *restrict row = x + i * c;
        REAL *restrict out = g + i * c;
        REAL largest = row[0], sum = 0;
        for (long j = 0; j < c; j++) largest = row[j] > largest ? row[j] : largest;
#pragma omp simd reduction(+ : sum)
        for (long j = 0; j < c; j++) {
            out[j] = MATH(exp)(row[j] - largest);
            sum += out[j];
        }
        cost -= row[y[i]] - largest - MATH(log)(sum);
        REAL scale = 1 / (sum * n);
        for (long j = 0; j < c; j++) out[j] *= scale;
        out[y[i]] -= (REAL)1 / n;
    }
    return cost / n;
}

enum { NAME(LANES) = 16, NAME(ROWS) = 8 };
typedef REAL NAME(vector) __attribute__((vector_size(16 * sizeof(REAL))));

/* One step of logistic regression: x (n, d), n a multiple of 8, c <= 16 classes. The classes are padded to one vector
 * of 16 lanes; eight rows share each load of W, and are read a second time, for the gradient, while they are in cache.
 * padded and gradient are scratch of d vectors each. Returns the cost before the step. */
double NAME(logistic_step)(long n, long d, long c, const REAL *restrict x, const long *restrict y, REAL *restrict W,
                           REAL *restrict b, REAL rate, NAME(vector) *restrict padded, NAME(vector) *restrict gradient) {
    NAME(vector) bias, bias_gradient = {0};
    double cost = 0;
    for (long j = 0; j < NAME(LANES); j++) bias[j] = j < c ? b[j] : (REAL)-1e30; /* its exponential is 0 */
    memset(padded, 0, d * sizeof *padded);
    memset(gradient, 0, d * sizeof *gradient);
    for (long k = 0; k < d; k++) memcpy(padded + k, W + k * c, c * sizeof *W);

    for (long i = 0; i < n; i += NAME(ROWS)) {
        const REAL *rows = x + i * d;
        NAME(vector) s[8];
        for (int r = 0; r < 8; r++) s[r] = bias;
        for (long k = 0; k < d; k++)
#pragma GCC unroll 8
            for (int r = 0; r < 8; r++) s[r] += rows[r * d + k] * padded[k];
        for (int r = 0; r < 8; r++) {
            REAL e[16], largest = s[r][0], sum = 0, target = s[r][y[i + r]];
            for (int j = 1; j < c; j++) largest = s[r][j] > largest ? s[r][j] : largest;
            for (int j = 0; j < 16; j++) e[j] = MATH(exp)(s[r][j] - largest);
            for (int j = 0; j < 16; j++) sum += e[j];
            cost -= target - largest - MATH(log)(sum);
            memcpy(&s[r], e, sizeof e);
            s[r] *= rate / (sum * n);
            s[r][y[i + r]] -= rate / n;
            bias_gradient += s[r];
        }
        for (long k = 0; k < d; k++) {
            NAME(vector) even = gradient[k], odd = {0}; /* two sums: half the latency */
#pragma GCC unroll 4
            for (int r = 0; r < 8; r += 2) {
                even += rows[r * d + k] * s[r];
                odd += rows[(r + 1) * d + k] * s[r + 1];
            }
            gradient[k] = even + odd;
        }
    }
    for (long k = 0; k < d; k++)
        for (long j = 0; j < c; j++) W[k * c + j] -= gradient[k][j];
    for (long j = 0; j < c; j++) b[j] -= bias_gradient[j];
    return cost / n;
}
