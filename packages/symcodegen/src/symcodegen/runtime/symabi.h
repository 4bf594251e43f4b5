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

#define SYM_ABI_VERSION 3

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

/* Loops around the work of kernels. They know sizes of elements and no types,
 * so the machine has them once and no kernel compiles them. */
enum {
  SYM_LOOPS = 64,     /* loops, or operands of a reduction, at most */
  SYM_BLOCK = 512,    /* elements of a block of packed operands */
  SYM_RUN = 1024,     /* elements that a reduction combines at once, at most */
  SYM_COLUMNS = 1024, /* results that are combined side by side: a page, so that
                         rows are read as one stream (6 times faster than 256) */
  SYM_SHORT = 128     /* rows of up to so many elements are combined several at a
                         time */
};

typedef struct sym_loops sym_loops;

/* Reductions that the machine knows, by types of elements and totals: float64 for sums of float32, else the same where
 * one is named. Copied and completed by kernels that do work before, see `known`. */
enum {
  SYM_ADD_F32,
  SYM_ADD_F32_F32,
  SYM_ADD_F64,
  SYM_MUL_F32_F32,
  SYM_MUL_F64,
  SYM_MAXIMUM_F32,
  SYM_MAXIMUM_F64,
  SYM_MINIMUM_F32,
  SYM_MINIMUM_F64,
  SYM_KNOWN
};

/* An operand of elementwise work: bytes of an element (0: it is read once, where
 * it begins), and whether it is a result. Results come first. */
typedef struct {
  i64 size;
  int written;
} sym_operand;

/* The loops of a reduction, sorted into kept ones and reduced ones. */
typedef struct {
  i64 kept[SYM_LOOPS], reduced[SYM_LOOPS], at[SYM_LOOPS], step[SYM_LOOPS],
      jump[SYM_LOOPS];
  i64 K, R, n, group, rows, operands;
  int columns, apart, empty, dense;
} sym_nest;

/* What is combined, and how. Elements are what is combined, totals what they are
 * combined in. No two pointers of a call below point to the same memory. */
typedef struct {
  i64 element, total, result; /* bytes of one */
  i64 operands;               /* of the kernel, its result among them */
  i64 block;                  /* elements handed out at once, at most */
  i64 section;                /* elements worth a thread */
  int extremum;               /* of no elements, a failure */
  const void *unit;           /* the total of no elements */
  /* Returns rows * m elements: m of the innermost loop from the position `from`
   * on, for each of `rows` positions of another loop from `row` on. Operand k
   * begins at q[k] and moves by step[k] and jump[k] bytes; p are the operands'
   * beginnings; v has room for SYM_RUN elements. NULL: the elements are those of
   * operand 1. */
  const void *(*fetch)(const sym_loops *loops, char *const *p, char *const *q,
                       i64 from, i64 m, i64 row, i64 rows, const i64 *step,
                       const i64 *jump, void *v);
  /* Combines each of `count` totals with the next n elements. */
  void (*run)(void *totals, const void *x, i64 n, i64 count);
  /* Combines n totals with as many elements, or with other totals. */
  void (*each)(void *totals, const void *x, i64 n);
  void (*join)(void *totals, const void *others, i64 n);
  /* Makes results of totals; NULL: they are the same. */
  void (*store)(void *y, const void *totals, i64 n);
  /* Combines m totals with the elements from `from` on of the rows from `row` up
   * to `end`, as many as go in groups; returns the row after the last one. NULL:
   * always none. */
  i64 (*columns)(char *const *p, char *const *q, i64 from, i64 m, i64 row,
                 i64 end, const i64 *step, const i64 *jump, void *totals);
} sym_reduction;

/* The elements of m results from the position `from` of the innermost loop on
 * (m = 1, if that is reduced), and how threads share them: sections of `unit`
 * steps of a loop. `first` and `parts` are the machine's. */
typedef struct {
  const sym_reduction *how;
  sym_nest *nest;
  char *const *p, *const *place;
  const i64 *d, *s;
  i64 sections, loop, unit, from, m, first;
  char *parts;
} sym_share;

struct sym_loops {
  /* `loop` on all elements; q are the operands' places. `bytes`: sum of sizes. */
  int (*strided)(char *const *p, const i64 *d, const i64 *s,
                 const sym_operand *operand, int operands, i64 bytes,
                 void (*loop)(i64 n, char *const *q));
  /* Copies `rows` times n elements, `jump` and `step` bytes apart, to v, one
   * after another; returns v. */
  void *(*pack)(void *v, const char *x, i64 rows, i64 n, i64 step, i64 jump,
                i64 size);
  /* The way back, from v to y. */
  void (*unpack)(char *y, const void *v, i64 rows, i64 n, i64 step, i64 jump,
                 i64 size);
  /* `work` on blocks of at most `most` elements: m of the innermost loop from
   * the position `from` on, for each of `rows` positions of the next loop from
   * `row` on; several at once where rows are short. q, step and jump as above. */
  int (*by_rows)(char *const *p, const i64 *d, const i64 *s, i64 operands,
                 i64 most,
                 void (*work)(const sym_loops *loops, char *const *p,
                              char *const *q, i64 from, i64 m, i64 row, i64 rows,
                              const i64 *step, const i64 *jump));
  /* A kernel that is a reduction and nothing else. */
  int (*reduce)(char *const *p, const i64 *d, const i64 *s, const sym_ctx *ctx,
                const sym_reduction *how);
  /* Sorts loops; 0: there are no results. */
  int (*sort)(sym_nest *t, i64 operands, i64 block, const i64 *d, const i64 *s);
  /* Advances the loops `which`, innermost last, and the places q of operands;
   * 0: all have gone round. */
  int (*next)(i64 count, const i64 *which, i64 *at, i64 operands, const i64 *d,
              const i64 *s, char **q);
  /* Sets sections, loop and unit: `section` elements are worth a thread. */
  void (*divide)(sym_share *share, i64 section);
  /* The totals of share->m results. */
  void (*combine)(const sym_ctx *ctx, sym_share *share, void *totals);
  /* By SYM_ADD_F32 and so on: reductions of one operand as it lies, with results of the elements' type. */
  const sym_reduction *known;
};

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
  const sym_loops *loops;
};

typedef int sym_kernel(char *const *p, const i64 *d, const i64 *s,
                       const sym_ctx *ctx);

/* Not inlined, or the compiler makes code again wherever it is called; hot, for
 * a function that is called beside a cold one alone is taken for cold, and has
 * no vectors. */
#define SYM_NOINLINE static __attribute__((noinline, unused))
#define SYM_HOT static __attribute__((noinline, unused, hot))

#endif
