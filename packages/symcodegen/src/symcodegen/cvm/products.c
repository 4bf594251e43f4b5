/* Which kernels of small products this processor runs. */
#include "products.h"

#include <string.h>

static int leave_to_blas(Product *q) {
    (void)q;
    return 0;
}

static const ProductKernels none = {"blas", {leave_to_blas, leave_to_blas}, {leave_to_blas, leave_to_blas}};

const ProductKernels *product_kernels = &none;

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
