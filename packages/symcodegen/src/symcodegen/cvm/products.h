/* Kernels of our own for products of matrices: small ones, where a call of BLAS costs more than the product, and those with
 * a short side or more, where it copies more than it multiplies.
 *
 * One set of kernels per instruction set, compiled into the extension and chosen once, when it is loaded. Every function
 * answers 1 if it has computed the product and 0 if it leaves it to BLAS, having written nothing. No Python here. */
#ifndef SYMCVM_PRODUCTS_H
#define SYMCVM_PRODUCTS_H

#include "kernels.h"

#include <stdint.h>

/* c[m,n] = beta * y[m,n] + alpha * a[m,k] @ b[k,n], with byte strides along rows (rs) and columns (cs).
 * c may be y; alpha, beta point to elements. m, n, k are positive, alpha is not 0, and all strides are multiples of the
 * element's size: the caller has looked. */
typedef struct {
    i64 m, n, k;
    const char *a, *b, *y;
    char *c;
    i64 a_rs, a_cs, b_rs, b_cs, y_rs, y_cs, c_rs, c_cs;
    const void *alpha, *beta;
    i64 limit; /* of multiplications: beyond, it is BLAS's */
    int *choice; /* NULL, or where to keep for products like it what has been chosen for this one; 0: nothing yet */
} Product;

/* May rewrite q: the strides of axes of length 1, and a for b. May reserve scratch of ctx. */
typedef int small_product(Product *q, const sym_ctx *ctx);

/* Kernels for products with few rows and columns (products_tiny.h), of one element type and width of vectors. */
enum {
    TINY_WHOLE_ROWS,
    TINY_ROWS,
    TINY_ROWS_TURNED,
    TINY_COLUMNS,
    TINY_COLUMNS_TURNED,
    TINY_DOTS_DOWN,
    TINY_DOTS_ALONG,
    TINY_GEMV_DOTS,
    TINY_GEMV_ROWS,
    N_TINY
};

typedef struct {
    int width;
    i64 most; /* multiplications that they are used for */
    sym_kernel *kernels[N_TINY];
} TinyKernels;

#define TINY 16          /* rows and columns at most */
#define MOST_TINY_SUM 64 /* terms of a sum at most */

/* For float and double, in this order. `outer` reads k = 1: c = y + alpha * a[m] b[n]^T; beta is not read. */
typedef struct {
    const char *name;
    small_product *gemm[2], *outer[2];
    const TinyKernels *tiny[2]; /* or NULL */
} ProductKernels;

/* Which sets are compiled. The extension has all that the processors of its kind may have. An exported program is compiled where it
 * is used, and quickly: it has the set that the compiler's flags promise, or else the one that nearly all processors have;
 * -DSYM_ALL_PROCESSORS gives it all of them. Where a processor has none of the sets, products are BLAS's. */
#if !defined(__GNUC__)
#define PRODUCTS_AVX512 0
#define PRODUCTS_AVX2 0
#define PRODUCTS_VECTOR 0
#elif !defined(__x86_64__)
#define PRODUCTS_AVX512 0
#define PRODUCTS_AVX2 0
#define PRODUCTS_VECTOR 1
#elif !defined(SYM_EXPORTED) || defined(SYM_ALL_PROCESSORS)
#define PRODUCTS_AVX512 1
#define PRODUCTS_AVX2 1
#define PRODUCTS_VECTOR 1
#elif defined(__AVX512F__) && defined(__AVX2__) && defined(__FMA__)
#define PRODUCTS_AVX512 1
#define PRODUCTS_AVX2 0 /* but for the kernels for few rows and columns, which both use */
#define PRODUCTS_VECTOR 0
#else
#define PRODUCTS_AVX512 0
#define PRODUCTS_AVX2 1
#define PRODUCTS_VECTOR 0
#endif

/* Entries of tables by element type: what is left out is never asked for. */
#if SYM_PRODUCT_TYPES & 1
#define OF_FLOAT(kernel) kernel
#else
#define OF_FLOAT(kernel) NULL
#endif
#if SYM_PRODUCT_TYPES & 2
#define OF_DOUBLE(kernel) kernel
#else
#define OF_DOUBLE(kernel) NULL
#endif

extern const TinyKernels products_avx2_s_tiny, products_avx2_d_tiny, products_vector_s_tiny, products_vector_d_tiny;
extern const ProductKernels products_avx512, products_avx2, products_vector;

/* Products with more multiplications are left to BLAS, unless a batch of them is shared by threads. */
extern i64 product_limit;
#define MOST_PRODUCT ((i64)1 << 40) /* costs of larger ones might not fit 64 bits */

/* Counts changes of the two above and below: what has been chosen for given shapes was chosen under one count. */
extern int product_choices;

/* Does a product itself if it can; 1 if it has. `type`: 0 for float, 1 for double. */
int small_gemm(int type, Product *q, const sym_ctx *ctx);

/* The kernel that is for products of these lengths and strides alone, in the layout of gemm; NULL: there is none. Pointers are
 * not looked at: it finds out itself whether alpha and beta suit it. */
sym_kernel *tiny_kernel(int type, const Product *q);

/* The same in the layout of gemv; n is 1. */
sym_kernel *tiny_vector_kernel(int type, const Product *q);

/* Large products are BLAS's if it has so many threads (0: not known), unless it has one. */
void share_products(int blas_threads);

/* The way (Way in products_template.h) that all products must take where it is possible; -1: the cheapest. For tests, which
 * change it under the GIL. */
extern int product_way;

/* The chosen ones, never NULL. Changed under the GIL by `choose_products` alone. */
extern const ProductKernels *product_kernels;

/* The kernels called `name` ("avx512", "avx2", "vector", or "blas": none of ours), or the best for this processor if name is
 * NULL. 0, or -1 if the processor or the compiler does not have them. */
int choose_products(const char *name);

#endif
