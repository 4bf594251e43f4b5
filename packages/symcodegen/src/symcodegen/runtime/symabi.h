/* The kernel ABI: what generated and prebuilt kernels share with the virtual
 * machine.
 *
 * Plain C, no header needed: generated code embeds this text. Raise
 * SYM_ABI_VERSION whenever anything here changes meaning; the number is part of
 * every key of the kernel cache.
 *
 * A kernel is
 *
 *     int k_<hash>(char *const *restrict p, const i64 *restrict d, const i64
 * *restrict s, const sym_ctx *ctx);
 *
 * p    operand pointers, outputs first, then inputs
 * d    lengths, s byte strides, in one of two layouts:
 *      collapsed  d[0] = L, the number of loops (0 allowed); d[1..L] their
 * lengths, outermost first; s[k*L + j] = byte stride of operand k along loop j,
 * 0 where it is broadcast or reduced. No loop has length 1; a length may be 0
 * (a reduction must still write its outputs then). An output's stride is 0
 * along exactly the loops it is reduced over. full       d = the extra integers
 * of the node, then the shapes of all operands one after another; s = the byte
 * strides of all operands one after another (no extras). Ranks are known to the
 * kernel. ctx  services of the machine, below
 *
 * It returns 0, or what ctx->fail returned. A kernel that fails must fail
 * before it writes to an operand.
 */
#ifndef SYMABI_H
#define SYMABI_H

#define SYM_ABI_VERSION 1

typedef long long i64;
typedef struct sym_ctx sym_ctx;

/* Kinds of failure: what a kernel returns. The machine maps them to exceptions.
 */
enum {
  SYM_OK = 0,
  SYM_VALUE = 1,
  SYM_SHAPE = 2,
  SYM_INDEX = 3,
  SYM_MEMORY = 4,
  SYM_LINALG = 5, /* a matrix that has no inverse, or is not as it must be */
  SYM_ASSERTION = 6
};

/* Fortran BLAS, 32-bit integers, no hidden string lengths (the convention of
 * scipy.linalg.cython_blas). Each type has its own entries, in the order of the
 * letters s d c z; `void *` stands for a pointer to the element type. */
typedef void sym_gemm_fn(char *ta, char *tb, int *m, int *n, int *k,
                         void *alpha, void *a, int *lda, void *b, int *ldb,
                         void *beta, void *c, int *ldc);
typedef void sym_gemv_fn(char *ta, int *m, int *n, void *alpha, void *a,
                         int *lda, void *x, int *incx, void *beta, void *y,
                         int *incy);
typedef void sym_ger_fn(int *m, int *n, void *alpha, void *x, int *incx,
                        void *y, int *incy, void *a, int *lda);

typedef struct {
  sym_gemm_fn *sgemm, *dgemm, *cgemm, *zgemm;
  sym_gemv_fn *sgemv, *dgemv, *cgemv, *zgemv;
  sym_ger_fn *sger, *dger, *cgeru, *zgeru;
} sym_blas;

struct sym_ctx {
  const sym_blas *blas;
  /* Calls body(data, lo, hi) so that [0, n) is covered, in pieces of at least
   * `grain`, perhaps on several threads; returns when all are done. A piece
   * should take ten microseconds or more. body must not call ctx; no element of
   * a result may depend on where the pieces end. */
  void (*parallel_for)(const sym_ctx *ctx, i64 n, i64 grain,
                       void (*body)(void *data, i64 lo, i64 hi), void *data);
  /* At least `bytes` bytes, 64-byte aligned, valid until this kernel returns or
   * reserves again; NULL: no memory. */
  char *(*reserve)(const sym_ctx *ctx, i64 bytes);
  /* Records a message (printf subset: %d %lld %s %g) and returns `kind`:
   * `return ctx->fail(ctx, SYM_VALUE, ...)`. */
  int (*fail)(const sym_ctx *ctx, int kind, const char *format, ...);
  i64 llc; /* bytes of the last-level cache: results larger than half of it are
              worth streaming stores */
};

typedef int sym_kernel(char *const *p, const i64 *d, const i64 *s,
                       const sym_ctx *ctx);

#endif
