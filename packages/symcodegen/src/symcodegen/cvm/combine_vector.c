/* Elements are combined in the 128-bit vectors that every processor of today has (SSE2, NEON). */
#include "combine.h"

#if COMBINE_VECTOR
#define TARGET

typedef float Floats __attribute__((vector_size(16)));
typedef double Doubles __attribute__((vector_size(16)));

static inline Floats rest_f32(const float *x, long long n, float other) {
    return (Floats){x[0], n > 1 ? x[1] : other, n > 2 ? x[2] : other, other};
}

static inline Doubles rest_f64(const double *x, long long n, double other) {
    (void)n;
    return (Doubles){x[0], other};
}

#define BYTES 16
#define TABLE combine_vector
#include "combine_template.h"
#endif
