/* gemm, gemv and ger for one element type. Before including: T, NAME(x), GEMM, GEMV, GER (fields of sym_blas),
 * IS_ZERO(b), SCALE(x, b) for pointers to T.
 *
 *     gemm  out[m,n] = beta * y[m,n] + alpha * a[m,k] @ x[k,n]      operands out, y, alpha, a, x, beta
 *     gemv  out[m]   = beta * y[m]   + alpha * a[m,k] @ x[k]        operands out, y, alpha, a, x, beta
 *     ger   out[m,n] = a[m,n] + alpha * outer(x[m], y[n])           operands out, a, alpha, x, y
 *     gemm_batched  out[...,m,n] = a[...,m,k] @ x[...,k,n]           operands out, a, x; extra: their rank, at least 2
 *
 * Where SMALL is defined (0 for float, 1 for double), products.h is asked first: it does small products itself.
 * Any strides; what BLAS cannot take is packed into scratch. out may be y (for ger, a). y is not read where beta is 0.
 * The _check twins look at shapes alone and reserve the scratch: after one has passed, its kernel cannot fail. */

enum { NAME(SIZE) = sizeof(T) };

/* Brings y into c, which BLAS then accumulates into; with `finish`, multiplies by beta at once. */
static void NAME(seed)(const Matrix *c, char *y, const i64 *y_strides, const T *beta, int finish) {
    const i64 shape[] = {c->rows, c->cols}, strides[] = {c->rs, c->cs};
    const int zero = IS_ZERO(beta);
    if (!zero) copy_block(NAME(SIZE), 2, shape, c->data, strides, y, y_strides);
    if (!finish) return;
    for (i64 i = 0; i < c->rows; i++) {
        if (zero && c->cs == NAME(SIZE)) {
            memset(c->data + i * c->rs, 0, (size_t)c->cols * NAME(SIZE));
            continue;
        }
        for (i64 j = 0; j < c->cols; j++) {
            T *element = (T *)(c->data + i * c->rs + j * c->cs);
            if (zero)
                *element = (T){0};
            else
                SCALE(element, beta);
        }
    }
}

static void NAME(copy_out)(const Matrix *c, char *out, const i64 *strides) {
    const i64 shape[] = {c->rows, c->cols}, from[] = {c->rs, c->cs};
    copy_block(NAME(SIZE), 2, shape, out, strides, c->data, from);
}

/* ---- gemm ---- */

typedef struct {
    Matrix out, a, x, c; /* c: out, or its stand-in in the scratch */
    i64 scratch;
} NAME(gemm_plan);

static NAME(gemm_plan) NAME(plan_gemm)(char *const *p, const i64 *d, const i64 *s) {
    NAME(gemm_plan) g = {.scratch = 0};
    g.out = as_matrix(p ? p[0] : NULL, d, s, NAME(SIZE));
    g.a = as_matrix(p ? p[3] : NULL, d + 4, s + 4, NAME(SIZE));
    g.x = as_matrix(p ? p[4] : NULL, d + 6, s + 6, NAME(SIZE));
    plan_matrix(&g.a, NAME(SIZE), &g.scratch);
    plan_matrix(&g.x, NAME(SIZE), &g.scratch);
    plan_matrix(&g.out, NAME(SIZE), &g.scratch);
    g.c = g.out;
    return g;
}

KERNEL(NAME(gemm_check)) {
    (void)p;
    if (d[5] != d[6] || d[0] != d[4] || d[1] != d[7] || d[2] != d[0] || d[3] != d[1])
        return ctx->fail(ctx, SYM_SHAPE,
                         "matrix product of shapes (%lld, %lld) and (%lld, %lld) into (%lld, %lld): the inner "
                         "lengths must be equal, the outer ones those of the result.",
                         d[4], d[5], d[6], d[7], d[0], d[1]);
    if (check_lengths(ctx, "gemm", d, 8)) return SYM_VALUE;
    i64 scratch = NAME(plan_gemm)(NULL, d, s).scratch;
    if (scratch && !ctx->reserve(ctx, scratch))
        return ctx->fail(ctx, SYM_MEMORY, "gemm: no memory for %lld bytes of packed operands.", scratch);
    return SYM_OK;
}

/* A stand-in for an `out` that BLAS cannot write: row-major in the scratch. */
static void NAME(stand_in)(Matrix *c, char *scratch) {
    if (c->order) return;
    c->data = scratch + c->packed;
    c->rs = c->cols * NAME(SIZE);
    c->cs = NAME(SIZE);
    c->order = 'T';
    c->ld = (int)c->cols;
}

#ifdef SMALL
/* Are the strides of the matrices multiples of the element's size, as kernels of our own want them? */
static int NAME(whole_strides)(const Product *q) {
    return ((q->a_rs | q->a_cs | q->b_rs | q->b_cs | q->y_rs | q->y_cs | q->c_rs | q->c_cs) & (NAME(SIZE) - 1)) == 0;
}

static int NAME(small_enough)(const Product *q) {
    return q->m > 0 && q->n > 0 && q->k > 0 && !IS_ZERO((const T *)q->alpha) && NAME(whole_strides)(q);
}

/* The operands of gemm; without pointers to them lengths and strides alone. */
static inline Product NAME(as_product)(char *const *p, const i64 *d, const i64 *s) {
    Product q = {.m = d[4], .k = d[5], .n = d[7], .c_rs = s[0], .c_cs = s[1], .y_rs = s[2], .y_cs = s[3],
                 .a_rs = s[4], .a_cs = s[5], .b_rs = s[6], .b_cs = s[7]};
    if (p) q.a = p[3], q.b = p[4], q.y = p[1], q.c = p[0], q.alpha = p[2], q.beta = p[5];
    return q;
}

sym_kernel *NAME(gemm_choose)(const i64 *d, const i64 *s) {
    const Product q = NAME(as_product)(NULL, d, s);
    if (d[6] != q.k || d[0] != q.m || d[1] != q.n || d[2] != q.m || d[3] != q.n) return NULL; /* the check will say so */
    return q.m > 0 && q.n > 0 && q.k > 0 && NAME(whole_strides)(&q) ? tiny_kernel(SMALL, &q) : NULL;
}
#endif

static int NAME(gemm_by_blas)(char *const *p, const i64 *d, const i64 *s, const sym_ctx *ctx) {
    NAME(gemm_plan) g = NAME(plan_gemm)(p, d, s);
    int m = (int)g.a.rows, n = (int)g.x.cols, k = (int)g.a.cols;
    char *scratch = g.scratch ? ctx->reserve(ctx, g.scratch) : NULL;
    if (g.scratch && !scratch) return ctx->fail(ctx, SYM_MEMORY, "gemm: no memory for %lld bytes.", g.scratch);
    if (!m || !n) return SYM_OK;
    NAME(stand_in)(&g.c, scratch);
    NAME(seed)(&g.c, p[1], s + 2, (const T *)p[5], !k);
    if (k) {
        pack_matrix(&g.a, NAME(SIZE), scratch);
        pack_matrix(&g.x, NAME(SIZE), scratch);
        if (g.c.order == 'N') {
            ctx->blas->GEMM(&g.a.order, &g.x.order, &m, &n, &k, p[2], g.a.data, &g.a.ld, g.x.data, &g.x.ld, p[5],
                            g.c.data, &g.c.ld);
        } else { /* rows of c are contiguous: BLAS sees its transpose, which is x^T @ a^T */
            char ta = flipped(g.a.order), tx = flipped(g.x.order);
            ctx->blas->GEMM(&tx, &ta, &n, &m, &k, p[2], g.x.data, &g.x.ld, g.a.data, &g.a.ld, p[5], g.c.data, &g.c.ld);
        }
    }
    if (g.c.data != g.out.data) NAME(copy_out)(&g.c, p[0], s);
    return SYM_OK;
}

/* A product of one row or one column as one with a vector, for which BLAS has gemv: its gemm takes twice as long. */
static int NAME(gemm_of_vector)(char *const *p, const i64 *d, const i64 *s, const sym_ctx *ctx) {
    const int column = d[7] == 1;
    char *const operands[] = {p[0], p[1], p[2], column ? p[3] : p[4], column ? p[4] : p[3], p[5]};
    const i64 m = column ? d[4] : d[7], lengths[] = {m, m, m, d[5], d[5]};
    const i64 down[] = {s[0], s[2], s[4], s[5], s[6]}, along[] = {s[1], s[3], s[7], s[6], s[5]};
    return NAME(gemv)(operands, lengths, column ? down : along, ctx);
}

KERNEL(NAME(gemm)) {
    if (d[4] == 1 || d[7] == 1) return NAME(gemm_of_vector)(p, d, s, ctx);
#ifdef SMALL
    Product q = NAME(as_product)(p, d, s);
    q.limit = product_limit;
    if (NAME(small_enough)(&q) && small_gemm(SMALL, &q, ctx)) return SYM_OK;
#endif
    return NAME(gemm_by_blas)(p, d, s, ctx);
}

/* ---- gemm_batched: extra (ndim,); shapes and strides of `ndim` axes each ---- */

/* The lengths and strides that gemm takes for one pair of matrices. Strides begin where the shapes do, less the extra. */
static void NAME(one_of_batch)(const i64 *d, const i64 *s, i64 *lengths, i64 *strides) {
    const i64 nd = d[0];
    const i64 from[] = {nd - 2, nd - 1, nd - 2, nd - 1, 2 * nd - 2, 2 * nd - 1, 3 * nd - 2, 3 * nd - 1};
    for (int i = 0; i < 8; i++) {
        lengths[i] = d[1 + from[i]];
        strides[i] = s[from[i]];
    }
}

KERNEL(NAME(gemm_batched_check)) {
    i64 lengths[8], strides[8];
    const i64 nd = d[0], *out = d + 1, *a = out + nd, *x = a + nd;
    for (i64 axis = 0; axis < nd - 2; axis++)
        if (a[axis] != x[axis] || out[axis] != a[axis])
            return ctx->fail(ctx, SYM_SHAPE,
                             "batched product: axis %lld has length %lld in the first operand, %lld in the second and "
                             "%lld in the result: they must be equal.",
                             axis, a[axis], x[axis], out[axis]);
    NAME(one_of_batch)(d, s, lengths, strides);
    return NAME(gemm_check)(p, lengths, strides, ctx);
}

/* What is the same for all products of a batch: what is chosen for the first serves them all. */
typedef struct {
    const i64 *d, *s;
    i64 lengths[8], strides[8];
    T one, zero;
#ifdef SMALL
    sym_kernel *tiny; /* the kernel for such products, if there is one */
    Product product;  /* for the others, but for the pointers; of any size, for threads share batches. m = 0: it is BLAS's */
    int choice;
#endif
} NAME(Batch);

static int NAME(one_product)(NAME(Batch) * b, char *const *at, const sym_ctx *ctx) {
    char *const operands[] = {at[0], at[0], (char *)&b->one, at[1], at[2], (char *)&b->zero};
#ifdef SMALL
    if (b->tiny) return b->tiny(operands, b->lengths, b->strides, ctx);
    if (b->product.m) {
        Product q = b->product;
        q.a = at[1], q.b = at[2], q.y = q.c = at[0];
        if (product_kernels->gemm[SMALL](&q, ctx)) return SYM_OK;
        b->product.m = 0; /* what is BLAS's for one is so for all */
    }
#endif
    return NAME(gemm_by_blas)(operands, b->lengths, b->strides, ctx);
}

/* Walks the leading axes; `at` are the operands out, a, x. */
static int NAME(batch_axis)(NAME(Batch) * b, i64 axis, char *const *at, const sym_ctx *ctx) {
    const i64 nd = b->d[0], n = b->d[1 + axis], *s = b->s + axis;
    char *next[] = {at[0], at[1], at[2]};
    for (i64 i = 0; i < n; i++, next[0] += s[0], next[1] += s[nd], next[2] += s[2 * nd]) {
        const int failed = axis + 1 < nd - 2 ? NAME(batch_axis)(b, axis + 1, next, ctx) : NAME(one_product)(b, next, ctx);
        if (failed) return failed;
    }
    return SYM_OK;
}

KERNEL(NAME(gemm_batched)) {
    NAME(Batch) b = {.d = d, .s = s};
    SET_ONE(&b.one);
    NAME(one_of_batch)(d, s, b.lengths, b.strides);
#ifdef SMALL
    b.tiny = NAME(gemm_choose)(b.lengths, b.strides);
    b.product = NAME(as_product)(NULL, b.lengths, b.strides);
    b.product.alpha = &b.one, b.product.beta = &b.zero;
    b.product.limit = MOST_PRODUCT, b.product.choice = &b.choice;
    if (b.tiny || !NAME(small_enough)(&b.product)) b.product.m = 0;
#endif
    return d[0] == 2 ? NAME(one_product)(&b, p, ctx) : NAME(batch_axis)(&b, 0, p, ctx);
}

/* ---- gemv ---- */

typedef struct {
    Matrix a;
    Vector x, out;
    i64 scratch;
} NAME(gemv_plan);

static NAME(gemv_plan) NAME(plan_gemv)(char *const *p, const i64 *d, const i64 *s) {
    NAME(gemv_plan) g = {.scratch = 0};
    g.out = as_vector(p ? p[0] : NULL, d[0], s[0], NAME(SIZE));
    g.a = as_matrix(p ? p[3] : NULL, d + 2, s + 2, NAME(SIZE));
    g.x = as_vector(p ? p[4] : NULL, d[4], s[4], NAME(SIZE));
    plan_matrix(&g.a, NAME(SIZE), &g.scratch);
    plan_vector(&g.x, NAME(SIZE), &g.scratch);
    plan_vector(&g.out, NAME(SIZE), &g.scratch);
    return g;
}

KERNEL(NAME(gemv_check)) {
    (void)p;
    if (d[3] != d[4] || d[0] != d[2] || d[1] != d[0])
        return ctx->fail(ctx, SYM_SHAPE,
                         "product of a matrix (%lld, %lld) and a vector (%lld) into a vector (%lld): the lengths "
                         "do not fit.",
                         d[2], d[3], d[4], d[0]);
    if (check_lengths(ctx, "gemv", d, 5)) return SYM_VALUE;
    i64 scratch = NAME(plan_gemv)(NULL, d, s).scratch;
    if (scratch && !ctx->reserve(ctx, scratch))
        return ctx->fail(ctx, SYM_MEMORY, "gemv: no memory for %lld bytes of packed operands.", scratch);
    return SYM_OK;
}

#ifdef SMALL
sym_kernel *NAME(gemv_choose)(const i64 *d, const i64 *s) {
    const Product q = {.m = d[2], .k = d[3], .n = 1, .c_rs = s[0], .y_rs = s[1], .a_rs = s[2], .a_cs = s[3], .b_rs = s[4]};
    if (d[4] != q.k || d[0] != q.m || d[1] != q.m) return NULL; /* the check will say so */
    return q.m > 0 && q.k > 0 && NAME(whole_strides)(&q) ? tiny_vector_kernel(SMALL, &q) : NULL;
}
#endif

#ifdef SMALL
enum { NAME(LINE) = 16384 / sizeof(T) };

/* A product with rows that are contiguous, by a vector that is not: with a copy of it. 1, or 0 if it is left to BLAS. */
static __attribute__((noinline)) int NAME(gemv_copied)(const Product *given, const sym_ctx *ctx) {
    T line[NAME(LINE)];
    Product q = *given;
    for (i64 i = 0; i < q.k; i++) line[i] = *(const T *)(q.b + i * q.b_rs);
    q.b = (const char *)line;
    q.b_rs = NAME(SIZE);
    return small_gemm(SMALL, &q, ctx);
}
#endif

KERNEL(NAME(gemv)) {
#ifdef SMALL
    Product q = {.m = d[2], .k = d[3], .n = 1, .a = p[3], .b = p[4], .y = p[1], .c = p[0],
                 .c_rs = s[0], .c_cs = NAME(SIZE), .y_rs = s[1], .y_cs = NAME(SIZE), .a_rs = s[2], .a_cs = s[3],
                 .b_rs = s[4], .b_cs = NAME(SIZE), .alpha = p[2], .beta = p[5], .limit = product_limit};
    if (NAME(small_enough)(&q)) {
        const int apart = q.b_rs != NAME(SIZE) && q.a_cs == NAME(SIZE) && q.m > 1 && q.k > 1 && q.k <= NAME(LINE);
        if (apart ? NAME(gemv_copied)(&q, ctx) : small_gemm(SMALL, &q, ctx)) return SYM_OK;
    }
#endif
    NAME(gemv_plan) g = NAME(plan_gemv)(p, d, s);
    int rows = (int)(g.a.rows), cols = (int)(g.a.cols), standing_in = !g.out.inc;
    char *scratch = g.scratch ? ctx->reserve(ctx, g.scratch) : NULL;
    T one = {0}, *beta = (T *)p[5];
    if (g.scratch && !scratch) return ctx->fail(ctx, SYM_MEMORY, "gemv: no memory for %lld bytes.", g.scratch);
    if (!rows) return SYM_OK;
    Matrix c = {.data = standing_in ? scratch + g.out.packed : p[0],
                .rows = rows,
                .cols = 1,
                .rs = standing_in ? NAME(SIZE) : s[0],
                .cs = NAME(SIZE)};
    const i64 y_strides[] = {s[1], NAME(SIZE)}, out_strides[] = {s[0], NAME(SIZE)};
    /* zeros are written here, for a BLAS may multiply what lies in out by beta = 0, and NaN * 0 is NaN */
    const int zero = IS_ZERO(beta);
    NAME(seed)(&c, p[1], y_strides, beta, zero || !cols);
    if (standing_in) g.out = as_vector(c.data, rows, c.rs, NAME(SIZE));
    if (cols) {
        pack_matrix(&g.a, NAME(SIZE), scratch);
        pack_vector(&g.x, NAME(SIZE), scratch);
        char trans = g.a.order;
        int *m = trans == 'N' ? &rows : &cols, *n = trans == 'N' ? &cols : &rows;
        SET_ONE(&one);
        ctx->blas->GEMV(&trans, m, n, p[2], g.a.data, &g.a.ld, g.x.data, &g.x.inc, zero ? &one : beta, g.out.data,
                        &g.out.inc);
    }
    if (standing_in) NAME(copy_out)(&c, p[0], out_strides);
    return SYM_OK;
}

/* ---- ger ---- */

typedef struct {
    Matrix out;
    Vector x, y;
    i64 scratch;
} NAME(ger_plan);

static NAME(ger_plan) NAME(plan_ger)(char *const *p, const i64 *d, const i64 *s) {
    NAME(ger_plan) g = {.scratch = 0};
    g.out = as_matrix(p ? p[0] : NULL, d, s, NAME(SIZE));
    g.x = as_vector(p ? p[3] : NULL, d[4], s[4], NAME(SIZE));
    g.y = as_vector(p ? p[4] : NULL, d[5], s[5], NAME(SIZE));
    plan_matrix(&g.out, NAME(SIZE), &g.scratch);
    plan_vector(&g.x, NAME(SIZE), &g.scratch);
    plan_vector(&g.y, NAME(SIZE), &g.scratch);
    return g;
}

KERNEL(NAME(ger_check)) {
    (void)p;
    if (d[0] != d[2] || d[1] != d[3] || d[0] != d[4] || d[1] != d[5])
        return ctx->fail(ctx, SYM_SHAPE,
                         "outer product of vectors (%lld) and (%lld) added to (%lld, %lld) into (%lld, %lld): the "
                         "shapes do not fit.",
                         d[4], d[5], d[2], d[3], d[0], d[1]);
    if (check_lengths(ctx, "ger", d, 6)) return SYM_VALUE;
    i64 scratch = NAME(plan_ger)(NULL, d, s).scratch;
    if (scratch && !ctx->reserve(ctx, scratch))
        return ctx->fail(ctx, SYM_MEMORY, "ger: no memory for %lld bytes of packed operands.", scratch);
    return SYM_OK;
}

KERNEL(NAME(ger)) {
#ifdef SMALL
    Product q = {.m = d[0], .k = 1, .n = d[1], .a = p[3], .b = p[4], .y = p[1], .c = p[0],
                 .c_rs = s[0], .c_cs = s[1], .y_rs = s[2], .y_cs = s[3], .a_rs = s[4], .a_cs = NAME(SIZE),
                 .b_rs = NAME(SIZE), .b_cs = s[5], .alpha = p[2]};
    if (NAME(small_enough)(&q) && product_kernels->outer[SMALL](&q, ctx)) return SYM_OK;
#endif
    NAME(ger_plan) g = NAME(plan_ger)(p, d, s);
    int m = (int)g.out.rows, n = (int)g.out.cols;
    char *scratch = g.scratch ? ctx->reserve(ctx, g.scratch) : NULL;
    if (g.scratch && !scratch) return ctx->fail(ctx, SYM_MEMORY, "ger: no memory for %lld bytes.", g.scratch);
    if (!m || !n) return SYM_OK;
    Matrix c = g.out;
    const i64 shape[] = {m, n};
    NAME(stand_in)(&c, scratch);
    const i64 c_strides[] = {c.rs, c.cs};
    copy_block(NAME(SIZE), 2, shape, c.data, c_strides, p[1], s + 2);
    pack_vector(&g.x, NAME(SIZE), scratch);
    pack_vector(&g.y, NAME(SIZE), scratch);
    if (c.order == 'N')
        ctx->blas->GER(&m, &n, p[2], g.x.data, &g.x.inc, g.y.data, &g.y.inc, c.data, &c.ld);
    else
        ctx->blas->GER(&n, &m, p[2], g.y.data, &g.y.inc, g.x.data, &g.x.inc, c.data, &c.ld);
    if (c.data != g.out.data) NAME(copy_out)(&c, p[0], s);
    return SYM_OK;
}

#undef T
#undef NAME
#undef GEMM
#undef GEMV
#undef GER
#undef SMALL
