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

/* log(sum(exp(x))) of the rows of x (n, c). */
void NAME(logsumexp_rows)(long n, long c, const REAL *restrict x, REAL *restrict out) {
    for (long i = 0; i < n; i++) {
        const REAL *restrict row = x + i * c;
        REAL largest = row[0], sum = 0;
        for (long j = 0; j < c; j++) largest = row[j] > largest ? row[j] : largest;
#pragma omp simd reduction(+ : sum)
        for (long j = 0; j < c; j++) sum += MATH(exp)(row[j] - largest);
        out[i] = largest + MATH(log)(sum);
    }
}

/* Mean and variance of the columns of x (n, c), in two passes over x. */
void NAME(column_moments)(long n, long c, const REAL *restrict x, REAL *restrict mean, REAL *restrict variance) {
    for (long j = 0; j < c; j++) mean[j] = variance[j] = 0;
    for (long i = 0; i < n; i++)
        for (long j = 0; j < c; j++) mean[j] += x[i * c + j];
    for (long j = 0; j < c; j++) mean[j] /= n;
    for (long i = 0; i < n; i++)
        for (long j = 0; j < c; j++) {
            REAL d = x[i * c + j] - mean[j];
            variance[j] += d * d;
        }
    for (long j = 0; j < c; j++) variance[j] /= n;
}

/* W[x] -= rate * gradient of the mean of (W[x] - y)^2, y (n, c); g (n, c) is scratch, for rows of x may be equal. */
double NAME(embedding_step)(long n, long c, const long *restrict x, const REAL *restrict y, REAL *restrict W,
                            REAL *restrict g, REAL rate) {
    double cost = 0;
    for (long i = 0; i < n; i++) {
        const REAL *restrict row = W + x[i] * c;
        REAL sum = 0;
#pragma omp simd reduction(+ : sum)
        for (long j = 0; j < c; j++) {
            REAL d = row[j] - y[i * c + j];
            g[i * c + j] = d;
            sum += d * d;
        }
        cost += sum;
    }
    REAL scale = 2 * rate / (n * c);
    for (long i = 0; i < n; i++) {
        REAL *restrict row = W + x[i] * c;
        for (long j = 0; j < c; j++) row[j] -= scale * g[i * c + j];
    }
    return cost / (n * c);
}

/* The scores of one row: LANES classes in PARTS vectors of 64 bytes, which gcc keeps in registers (longer vectors it does
 * not). */
enum { NAME(PARTS) = LANES * sizeof(REAL) / 64 };
typedef REAL NAME(vector) __attribute__((vector_size(64), may_alias));
typedef struct {
    NAME(vector) part[LANES * sizeof(REAL) / 64];
} NAME(classes);

/* One step of logistic regression: x (n, d), n a multiple of ROWS, c <= LANES. The classes are padded to LANES; ROWS rows
 * share each load of W, and are read a second time, for the gradient, while they are in cache. padded and gradient are
 * scratch of d rows of LANES each. Returns the cost before the step. */
double NAME(logistic_step)(long n, long d, long c, const REAL *restrict x, const long *restrict y, REAL *restrict W,
                           REAL *restrict b, REAL rate, NAME(classes) *restrict padded,
                           NAME(classes) *restrict gradient) {
    REAL bias[LANES], bias_gradient[LANES] = {0};
    NAME(classes) start;
    double cost = 0;
    for (long j = 0; j < LANES; j++) bias[j] = j < c ? b[j] : (REAL)-1e30; /* its exponential is 0 */
    memcpy(&start, bias, sizeof start);
    memset(padded, 0, d * sizeof *padded);
    memset(gradient, 0, d * sizeof *gradient);
    for (long k = 0; k < d; k++) memcpy(padded + k, W + k * c, c * sizeof *W);

    for (long i = 0; i < n; i += ROWS) {
        const REAL *rows = x + i * d;
        NAME(classes) s[ROWS];
        for (int r = 0; r < ROWS; r++) s[r] = start;
        for (long k = 0; k < d; k++)
#pragma GCC unroll 16
            for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 2
                for (int v = 0; v < NAME(PARTS); v++) s[r].part[v] += rows[r * d + k] * padded[k].part[v];

        for (int r = 0; r < ROWS; r++) {
            REAL e[LANES];
            memcpy(e, &s[r], sizeof e);
            REAL largest = e[0], sum = 0, target = e[y[i + r]];
            for (int j = 1; j < c; j++) largest = e[j] > largest ? e[j] : largest;
            for (int j = 0; j < LANES; j++) e[j] = MATH(exp)(e[j] - largest);
            for (int j = 0; j < LANES; j++) sum += e[j];
            cost -= target - largest - MATH(log)(sum);
            for (int j = 0; j < LANES; j++) e[j] *= rate / (sum * n);
            e[y[i + r]] -= rate / n;
            for (int j = 0; j < LANES; j++) bias_gradient[j] += e[j];
            memcpy(&s[r], e, sizeof e);
        }
        for (long k = 0; k < d; k++)
#pragma GCC unroll 2
            for (int v = 0; v < NAME(PARTS); v++) {
                NAME(vector) even = gradient[k].part[v], odd = {0}; /* two sums: half the latency */
#pragma GCC unroll 16
                for (int r = 0; r < ROWS; r += 2) {
                    even += rows[r * d + k] * s[r].part[v];
                    odd += rows[(r + 1) * d + k] * s[r + 1].part[v];
                }
                gradient[k].part[v] = even + odd;
            }
    }
    for (long k = 0; k < d; k++) {
        REAL g[LANES];
        memcpy(g, gradient + k, sizeof g);
        for (long j = 0; j < c; j++) W[k * c + j] -= g[j];
    }
    for (long j = 0; j < c; j++) b[j] -= bias_gradient[j];
    return cost / n;
}
