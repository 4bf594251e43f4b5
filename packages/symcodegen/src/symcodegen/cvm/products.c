/* Which kernels of products this processor runs. */
#include "products.h"

#include <string.h>

static int leave_to_blas(Product *q, const sym_ctx *ctx) {
    (void)q, (void)ctx;
    return 0;
}

static const ProductKernels none = {"blas", {leave_to_blas, leave_to_blas}, {leave_to_blas, leave_to_blas}};

const ProductKernels *product_kernels = &none;
i64 product_limit = MOST_PRODUCT;
int product_way = -1;

#define THREADED_PRODUCT ((i64)1 << 21) /* multiplications: some tens of microseconds of one thread */

void share_products(int blas_threads) {
    const i64 limit = blas_threads == 1 ? MOST_PRODUCT : THREADED_PRODUCT;
    if (product_limit != limit) product_limit = limit;
}

#if defined(__GNUC__) && defined(__x86_64__)
static int has_avx512(void) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

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
#if defined(__GNUC__) && defined(__x86_64__)
    {&products_avx512, has_avx512},
    {&products_avx2, has_avx2},
#endif
#if defined(__GNUC__)
    {&products_vector, always},
#endif
    {&none, always},
};

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
