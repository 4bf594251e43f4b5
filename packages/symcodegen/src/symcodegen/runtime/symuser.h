/* What C of a user sees besides the kernel ABI: operands as views of strided memory, access to their elements, failure,
 * and products of row-major matrices through BLAS. No header of Python or NumPy. */
#ifndef SYMUSER_H
#define SYMUSER_H

#define SYM_UNUSED __attribute__((unused))

typedef struct {
  char *data;         /* the first element */
  i64 ndim;           /* number of axes */
  const i64 *shape;   /* length of each axis */
  const i64 *strides; /* bytes from one element to the next along each axis; may be 0 or negative */
  i64 itemsize;       /* bytes of an element */
  const char *dtype;  /* "float32", "int64", ... */
} sym_array;

/* Elements of an operand `a` by position: SYM_AT(x, i, j), of any strides; those of inputs are const. SYM_ELEMENT names the type itself, and is
 * for arrays of any name; that there is a position for each axis is for the user to see to there. */
#define SYM_AT(a, ...)                                                                                                 \
  (*({                                                                                                                 \
    _Static_assert(SYM_COUNT(__VA_ARGS__) == sym_axes_##a, "SYM_AT needs one position for each axis of " #a);          \
    &SYM_ELEMENT(sym_element_##a, a, __VA_ARGS__);                                                                     \
  }))
#define SYM_COUNT(...) SYM_PICK(__VA_ARGS__, 6, 5, 4, 3, 2, 1, )
#define SYM_ELEMENT(T, a, ...)                                                                                         \
  (*(T *)((a)->data + SYM_PICK(__VA_ARGS__, SYM_O6, SYM_O5, SYM_O4, SYM_O3, SYM_O2, SYM_O1, )(a, __VA_ARGS__)))
#define SYM_PICK(a, b, c, d, e, f, name, ...) name
#define SYM_O1(a, i) (i) * (a)->strides[0]
#define SYM_O2(a, i, j) SYM_O1(a, i) + (j) * (a)->strides[1]
#define SYM_O3(a, i, j, k) SYM_O2(a, i, j) + (k) * (a)->strides[2]
#define SYM_O4(a, i, j, k, l) SYM_O3(a, i, j, k) + (l) * (a)->strides[3]
#define SYM_O5(a, i, j, k, l, m) SYM_O4(a, i, j, k, l) + (m) * (a)->strides[4]
#define SYM_O6(a, i, j, k, l, m, n) SYM_O5(a, i, j, k, l, m) + (n) * (a)->strides[5]

#define SYM_SCALAR(a) (*(sym_element_##a *)(a)->data) /* of an operand without axes */
#define SYM_DATA(a) ((sym_element_##a *)(a)->data) /* of one without gaps: outputs, and inputs with contiguous=True */
#define SYM_LEN(a, axis) ((a)->shape[axis])
#define SYM_SIZE(a) sym_size(a)

/* Leaves the function with a failure: a format as of printf (%d %lld %s %g) and its values. `ctx` must be in scope.
 * Values that do not go with the format are an error of the compiler: reading them would bring the process down. */
#define SYM_FAIL(...) SYM_FAILED(SYM_VALUE, __VA_ARGS__)
#define SYM_FAIL_SHAPE(...) SYM_FAILED(SYM_SHAPE, __VA_ARGS__)
#define SYM_FAIL_INDEX(...) SYM_FAILED(SYM_INDEX, __VA_ARGS__)
#define SYM_FAILED(kind, ...)                                                                                          \
  do {                                                                                                                 \
    _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic error \"-Wformat\"") if (0) sym_formatted(__VA_ARGS__);     \
    _Pragma("GCC diagnostic pop") return ctx->fail(ctx, kind, __VA_ARGS__);                                            \
  } while (0)

static inline SYM_UNUSED __attribute__((format(printf, 1, 2))) int sym_formatted(const char *format, ...) {
  (void)format;
  return 0;
}

static inline SYM_UNUSED i64 sym_size(const sym_array *a) {
  i64 n = 1;
  for (i64 i = 0; i < a->ndim; i++) n *= a->shape[i];
  return n;
}

/* c[m,n] = beta * c + alpha * op(a)[m,k] @ op(b)[k,n] for row-major matrices, whose rows are lda, ldb, ldc elements
 * apart; ta, tb: 'N' or 'T'. BLAS counts in 32 bits. 0, or a failure. */
#define SYM_DEFINE_GEMM(sym_name, sym_type, sym_entry)                                                                 \
  static inline SYM_UNUSED int sym_name(const sym_ctx *ctx, char sym_ta, char sym_tb, i64 sym_m, i64 sym_n, i64 sym_k, \
                                        sym_type sym_alpha, const sym_type *sym_a, i64 sym_lda, const sym_type *sym_b, \
                                        i64 sym_ldb, sym_type sym_beta, sym_type *sym_c, i64 sym_ldc) {                \
    const i64 sym_most = 2147483647;                                                                                   \
    int sym_d[] = {(int)sym_m, (int)sym_n, (int)sym_k, (int)sym_lda, (int)sym_ldb, (int)sym_ldc};                      \
    if (sym_m > sym_most || sym_n > sym_most || sym_k > sym_most || sym_lda > sym_most || sym_ldb > sym_most ||        \
        sym_ldc > sym_most)                                                                                            \
      return ctx->fail(ctx, SYM_VALUE, "a length of this product does not fit BLAS's 32-bit integers.");               \
    if (!sym_m || !sym_n) return SYM_OK;                                                                               \
    if (!sym_k) {                                                                                                      \
      for (i64 i = 0; i < sym_m; i++)                                                                                  \
        for (i64 j = 0; j < sym_n; j++)                                                                                \
          sym_c[i * sym_ldc + j] = sym_beta == 0 ? 0 : sym_beta * sym_c[i * sym_ldc + j];                              \
      return SYM_OK;                                                                                                   \
    }                                                                                                                  \
    ctx->blas->sym_entry(&sym_tb, &sym_ta, sym_d + 1, sym_d, sym_d + 2, &sym_alpha, (void *)sym_b, sym_d + 4,          \
                         (void *)sym_a, sym_d + 3, &sym_beta, sym_c, sym_d + 5);                                       \
    return SYM_OK;                                                                                                     \
  }
SYM_DEFINE_GEMM(sym_sgemm, float, sgemm)
SYM_DEFINE_GEMM(sym_dgemm, double, dgemm)

/* Bytes that a copy without gaps of `a` takes, 0 if it has none already. */
static SYM_UNUSED i64 sym_gaps(const sym_array *a) {
  i64 step = a->itemsize, gaps = 0;
  for (i64 i = a->ndim - 1; i >= 0; i--) {
    gaps |= a->shape[i] > 1 && a->strides[i] != step;
    step *= a->shape[i];
  }
  return gaps ? (step + 63) / 64 * 64 : 0;
}

static SYM_UNUSED void sym_copy(const sym_array *a, i64 axis, const char *from, char **to) {
  if (axis == a->ndim) {
    __builtin_memcpy(*to, from, (unsigned long)a->itemsize);
    *to += a->itemsize;
    return;
  }
  for (i64 i = 0; i < a->shape[axis]; i++) sym_copy(a, axis + 1, from + i * a->strides[axis], to);
}

/* Copies `a` to `at` without gaps; `strides` holds those of the copy. Gives what follows it. */
static SYM_UNUSED char *sym_pack(sym_array *a, i64 bytes, char *at, i64 *strides) {
  char *to = at;
  i64 step = a->itemsize;
  if (!bytes) return at;
  sym_copy(a, 0, a->data, &to);
  for (i64 i = a->ndim - 1; i >= 0; i--) {
    strides[i] = step;
    step *= a->shape[i];
  }
  a->data = at;
  a->strides = strides;
  return at + bytes;
}

#endif
