/* Functions that combine elements of the type X in totals of the type A, as sym_reduction has them: NAME(run), NAME(each),
 * NAME(join), NAME(store) and NAME(columns), and NAME(unit).
 *
 * Before including: NAME, X, A; WIDENED, whether these differ; UNIT, what changes nothing; ONE(a, b), two numbers combined;
 * TWO(a, b), a statement that returns two vectors combined; and what combine_template.h asks for. All up to UNIT are
 * undefined here.
 *
 * Runs of elements are combined in lanes, in vectors as wide as the processor's; the blocks' totals in A. */
typedef X NAME(whole) __attribute__((vector_size(BYTES)));
typedef X NAME(loose) __attribute__((vector_size(BYTES), aligned(sizeof(X)), may_alias));
typedef X NAME(quad) __attribute__((vector_size(16)));

#define AT(x) (*(NAME(loose) *)(x))
static const A NAME(unit) = UNIT;

static inline TARGET NAME(whole) NAME(two)(NAME(whole) a, NAME(whole) b) { TWO(a, b) }
static inline TARGET NAME(quad) NAME(few)(NAME(quad) a, NAME(quad) b) { TWO(a, b) }

/* All lanes of a vector: halves of it down to 16 bytes, then one by one, each in all lanes: without a branch. */
static inline TARGET X NAME(lanes)(NAME(whole) v) {
    enum { QUADS = BYTES / 16, LANES = 16 / (int)sizeof(X) };
    NAME(quad) part[QUADS];
    AT(part) = v;
    for (int w = QUADS / 2; w; w >>= 1)
        for (int k = 0; k < w; k++) part[k] = NAME(few)(part[k], part[k + w]);
    NAME(quad) all = part[0];
    for (int k = 1; k < LANES; k++) all = NAME(few)(all, part[0][k] - (NAME(quad)){0});
    return all[0];
}

static TARGET LOOPS void NAME(run)(void *totals, const void *elements, i64 n, i64 count) {
    enum { W = BYTES / (int)sizeof(X) };
    const NAME(whole) unit = (NAME(whole)){0} + (X)UNIT;
    const X *x = elements;
    for (A *one = totals; count--; one++, x += n) {
        NAME(whole) a0 = unit, a1 = unit, a2 = unit, a3 = unit;
        i64 i = 0;
        for (; i + 4 * W <= n; i += 4 * W) {
            a0 = NAME(two)(a0, AT(x + i));
            a1 = NAME(two)(a1, AT(x + i + W));
            a2 = NAME(two)(a2, AT(x + i + 2 * W));
            a3 = NAME(two)(a3, AT(x + i + 3 * W));
        }
        if (i) a0 = NAME(two)(NAME(two)(a0, a1), NAME(two)(a2, a3));
        for (; i + W <= n; i += W) a0 = NAME(two)(a0, AT(x + i));
        if (i < n) a0 = NAME(two)(a0, (NAME(whole))REST(x + i, n - i, UNIT));
        const A total = (A)NAME(lanes)(a0);
        *one = ONE(*one, total);
    }
}

#if WIDENED /* totals of another type: what is left to the compiler is plain enough for it */
static TARGET LOOPS void NAME(each)(void *totals, const void *elements, i64 n) {
    A *acc = totals;
    const X *x = elements;
    IVDEP
    for (i64 i = 0; i < n; i++) acc[i] = ONE(acc[i], (A)x[i]);
}

static TARGET LOOPS void NAME(join)(void *totals, const void *others, i64 n) {
    A *acc = totals;
    const A *x = others;
    IVDEP
    for (i64 i = 0; i < n; i++) acc[i] = ONE(acc[i], x[i]);
}

static TARGET LOOPS void NAME(store)(void *results, const void *totals, i64 n) {
    X *y = results;
    const A *acc = totals;
    IVDEP
    for (i64 i = 0; i < n; i++) y[i] = (X)acc[i];
}
#else
static TARGET LOOPS void NAME(each)(void *totals, const void *elements, i64 n) {
    enum { W = BYTES / (int)sizeof(X) };
    X *acc = totals;
    const X *x = elements;
    i64 i = 0;
    for (; i + W <= n; i += W) AT(acc + i) = NAME(two)(AT(acc + i), AT(x + i));
    for (; i < n; i++) acc[i] = ONE(acc[i], x[i]);
}
#endif

/* Eight rows at a time, read as so many streams, which processors fetch ahead. */
static TARGET LOOPS i64 NAME(columns)(char *const *p, char *const *q, i64 from, i64 m, i64 row, i64 end, const i64 *step,
                                      const i64 *jump, void *totals) {
    enum { ROWS = 8 };
    A *acc = totals;
    (void)p;
    if (step[1] != sizeof(X)) return row;
    for (; end - row >= ROWS; row += ROWS) {
        const char *b = q[1] + from * step[1] + row * jump[1];
        const X *x0 = (const X *)b, *x1 = (const X *)(b + jump[1]), *x2 = (const X *)(b + 2 * jump[1]);
        const X *x3 = (const X *)(b + 3 * jump[1]), *x4 = (const X *)(b + 4 * jump[1]);
        const X *x5 = (const X *)(b + 5 * jump[1]), *x6 = (const X *)(b + 6 * jump[1]);
        const X *x7 = (const X *)(b + 7 * jump[1]);
        i64 i = 0;
#if !WIDENED
        for (const i64 W = BYTES / (int)sizeof(X); i + W <= m; i += W) {
            NAME(whole) a = AT(x0 + i);
            a = NAME(two)(a, AT(x1 + i));
            a = NAME(two)(a, AT(x2 + i));
            a = NAME(two)(a, AT(x3 + i));
            a = NAME(two)(a, AT(x4 + i));
            a = NAME(two)(a, AT(x5 + i));
            a = NAME(two)(a, AT(x6 + i));
            a = NAME(two)(a, AT(x7 + i));
            AT(acc + i) = NAME(two)(AT(acc + i), a);
        }
#endif
        IVDEP
        for (; i < m; i++) {
            X a = x0[i];
            a = ONE(a, x1[i]);
            a = ONE(a, x2[i]);
            a = ONE(a, x3[i]);
            a = ONE(a, x4[i]);
            a = ONE(a, x5[i]);
            a = ONE(a, x6[i]);
            a = ONE(a, x7[i]);
            acc[i] = ONE(acc[i], (A)a);
        }
    }
    return row;
}
#undef AT
#undef NAME
#undef X
#undef A
#undef UNIT
#undef WIDENED
