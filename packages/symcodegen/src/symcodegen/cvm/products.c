/* Which kernels of products this processor runs. */
#include "products.h"

#include <string.h>

static int leave_to_blas(Product *q, const sym_ctx *ctx) {
    (void)q, (void)ctx;
    return 0;
}

static const ProductKernels none = {"blas", {leave_to_blas, leave_to_blas}, {leave_to_blas, leave_to_blas}, {NULL, NULL}};

const ProductKernels *product_kernels = &none;
i64 product_limit = MOST_PRODUCT;
int product_way = -1;

#define THREADED_PRODUCT ((i64)1 << 21) /* multiplications: some tens of microseconds of one thread */

void share_products(int blas_threads) {
    const i64 limit = blas_threads == 1 ? MOST_PRODUCT : THREADED_PRODUCT;
    if (product_limit != limit) product_limit = limit;
}

#if PRODUCTS_AVX512
static int has_avx512(void) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
#endif

#if PRODUCTS_AVX2
static int has_avx2(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
#endif

static int always(void) {
    return 1;
}

/* Best first. */
static const struct {
    const ProductKernels *kernels;
    int (*supported)(void);
} CHOICES[] = {
#if PRODUCTS_AVX512
    {&products_avx512, has_avx512},
#endif
#if PRODUCTS_AVX2
    {&products_avx2, has_avx2},
#endif
#if PRODUCTS_VECTOR
    {&products_vector, always},
#endif
    {&none, always},
};

/* ---- few rows and columns ---- */

static int tiny_way(const Product *q, i64 size) {
    const int rows = q->c_cs == size, columns = q->c_rs == size;
    if (q->n == 1 && q->a_cs == size && q->b_rs == size) return TINY_DOTS_DOWN;
    if (q->m == 1 && q->b_rs == size && q->a_cs == size) return TINY_DOTS_ALONG;
    if (q->n > 1 && rows && q->b_cs == size) return TINY_ROWS;
    if (q->m > 1 && columns && q->a_rs == size) return TINY_COLUMNS;
    if (q->k > TINY || q->m == 1 || q->n == 1) return N_TINY;
    if (rows && q->b_rs == size) return TINY_ROWS_TURNED;
    return columns && q->a_cs == size ? TINY_COLUMNS_TURNED : N_TINY;
}

sym_kernel *tiny_kernel(int type, const Product *given) {
    const TinyKernels *tiny = product_kernels->tiny[type];
    if (!tiny || product_way >= 0 || given->m > TINY || given->n > TINY || given->k > MOST_TINY_SUM ||
        given->m * given->n * given->k > tiny->most)
        return NULL;
    const i64 size = type ? sizeof(double) : sizeof(float);
    Product q = *given;
    if (q.m == 1) q.a_rs = q.c_rs = size; /* strides that are never taken: as it suits */
    if (q.n == 1) q.b_cs = q.c_cs = size;
    if (q.k == 1) q.a_cs = q.b_rs = size;
    const int way = tiny_way(&q, size);
    if (way == N_TINY) return NULL;
    return tiny->kernels[way == TINY_ROWS && q.n % tiny->width == 0 ? TINY_WHOLE_ROWS : way];
}

sym_kernel *tiny_vector_kernel(int type, const Product *q) {
    const TinyKernels *tiny = product_kernels->tiny[type];
    const i64 size = type ? sizeof(double) : sizeof(float);
    if (!tiny || product_way >= 0 || q->m > TINY || q->k > MOST_TINY_SUM || q->m * q->k > tiny->most) return NULL;
    if ((q->a_cs == size && q->b_rs == size) || q->k == 1) return tiny->kernels[TINY_GEMV_DOTS];
    return (q->a_rs == size && q->c_rs == size) || q->m == 1 ? tiny->kernels[TINY_GEMV_ROWS] : NULL;
}

static int is_plain(int type, const Product *q) {
    return type ? *(const double *)q->alpha == 1 && *(const double *)q->beta == 0
                : *(const float *)q->alpha == 1 && *(const float *)q->beta == 0;
}

int small_gemm(int type, Product *q, const sym_ctx *ctx) {
    sym_kernel *kernel = is_plain(type, q) ? tiny_kernel(type, q) : NULL;
    if (!kernel) return product_kernels->gemm[type](q, ctx);
    char *const p[] = {q->c, (char *)q->y, (char *)q->alpha, (char *)q->a, (char *)q->b, (char *)q->beta};
    const i64 d[] = {q->m, q->n, q->m, q->n, q->m, q->k, q->k, q->n};
    const i64 s[] = {q->c_rs, q->c_cs, q->y_rs, q->y_cs, q->a_rs, q->a_cs, q->b_rs, q->b_cs};
    return !kernel(p, d, s, ctx);
}

int choose_products(const char *name) {
#if defined(__GNUC__) && defined(__x86_64__)
    __builtin_cpu_init();
#endif
    for (size_t i = 0; i < sizeof CHOICES / sizeof *CHOICES; i++)
        if ((!name || !strcmp(name, CHOICES[i].kernels->name)) && CHOICES[i].supported()) {
            product_kernels = CHOICES[i].kernels;
            return 0;
        }
    return -1;
}
