/* Kernels in pieces, on the threads of the pool. A kernel knows nothing of it: a piece is the same kernel with other
 * pointers and a shorter loop (COLLAPSED), or with fewer rows of some operands (FULL). Which nodes may be cut is said by
 * their flags; whether one is, by its lengths alone; how many threads share the pieces has no influence on results, for
 * each element of a result is computed within one piece, from the same operands in the same order. Products are the exception:
 * other kernels may be chosen for some rows than for all, so where there is more than one thread, products run in the
 * same pieces whether others help or not. */
#include "cvm.h"
#include "threads.h"

#include <string.h>

#define PIECE_NS 10000       /* what a piece of parallel_for is worth at least */
#define CUT_FROM (1 << 19)   /* work from which a kernel is cut: it takes some 20 us, and a job costs 3 where threads are awake */
#define LEAST_PIECE (1 << 17) /* of work: some 5 us */
#define MOST_PIECE (1 << 21) /* what a thread that is stopped amid a piece may cost */
#define PIECES_EACH 8        /* that a thread should get, so that slow ones leave some to the others */
#define INNER_UNIT 1024      /* elements: pieces of an innermost loop end between blocks of the kernels */
#define ENOUGH_UNITS 64      /* for any number of threads that is likely */
#define FEW_UNITS 8          /* of a reduction: below, the kernel had better share the work on each result */
#define MOST_KEPT (4 << 20)  /* bytes of scratch */
#define MOST_OPERANDS 128
#define MOST_WORDS 1024
#define PRODUCT_UNIT 32   /* rows or columns of a product: whole tiles */
#define LEAST_VECTOR (1 << 21) /* of work of products with vectors, which memory bounds */
#define PRODUCT_PIECES 16 /* of a product at most: not a matter of how many threads there are */
#define PRODUCT_PIECE (1 << 18) /* of work that a piece of a product has at least */
#define LEAST_PRODUCT (1 << 20) /* of work of products of matrices of float32: 40 us; half of it for float64 */
#define FEW_COLUMNS 32
#define BROAD_UNITS 16 /* rows of such a product, in units */
#define SUM_PIECE (1 << 23) /* of work of a piece of a sum: each costs some microseconds */

struct Cut {
    struct Cut *next;
    sym_kernel *fn;
    const Node *node;
    int loop; /* of COLLAPSED; -1: rows or columns of a FULL kernel */
    unsigned rows, columns; /* operands cut along their first axis, their second */
    int blas;
    int summed;  /* a product with a vector along the columns of a matrix: pieces of the sum, not of the result */
    char *sums;  /* of the pieces, made when they first run; before them ones, and a zero */
    int n_ops, n_words;
    i64 length, unit, work;
    i64 across; /* of the result of a product, the length that is not cut */
};

/* Scratch of a thread of the pool, kept from piece to piece; a caller uses that of its context. */
static _Thread_local struct {
    char *memory;
    i64 size;
} kept;

typedef struct {
    Context *context;
    const Run *run;
    const void *caller; /* the thread of it */
    i64 grain;
    int lock, kind; /* of the first piece that failed */
    i64 failed;
    char message[sizeof((Context *)0)->message];
} Job;

void drop_cuts(Cut *cut) {
    while (cut) {
        Cut *next = cut->next;
        PyMem_RawFree(cut->sums);
        PyMem_Free(cut);
        cut = next;
    }
}

/* ---- what may be cut, and along what ---- */

/* Of a loop only whole units: a kernel that shares out reductions goes by the lengths it sees, which are those of a
 * shorter loop alone where there is less than a block of it. */
static i64 units_of(const Cut *cut) {
    return cut->loop >= 0 ? cut->length / cut->unit : (cut->length - 1) / cut->unit + 1;
}

static unsigned rows_mask(const Node *node) {
    return (unsigned)node->flags >> CUT_ROWS;
}

/* Along which loop: the outermost one with pieces enough, of those along which every output moves. */
static void choose_loop(Cut *cut, const Node *node, const i64 *d, const i64 *s) {
    const i64 L = d[0];
    i64 most = 1;
    int reduced = 0;
    for (i64 j = 0; j < L; j++) {
        int moves = 1;
        for (int k = 0; k < node->n_outputs; k++) moves &= s[k * L + j] != 0;
        reduced |= !moves;
        if (d[1 + j] == 0) return;
        const i64 unit = j == L - 1 ? INNER_UNIT : 1, units = d[1 + j] / unit;
        if (!moves || units <= most || most >= ENOUGH_UNITS) continue;
        most = units;
        cut->loop = (int)j;
        cut->length = d[1 + j];
        cut->unit = unit;
    }
    if (reduced && most < FEW_UNITS) cut->length = 0;
    cut->n_words = (int)L + 1;
}

static int cut_axis(const Cut *cut, int k) {
    if (k >= 32) return -1;
    return cut->rows >> k & 1 ? 0 : cut->columns >> k & 1 ? 1 : -1;
}

static char *count_scratch(const sym_ctx *ctx, i64 bytes) {
    Context *c = (Context *)ctx;
    c->scratch_size += bytes;
    return (char *)c;
}

/* A matrix whose columns are contiguous times a vector: elements of the result lie in every line of it, so that pieces of
 * the result would walk through all of it by short stretches (1024 x 1024 in float32: 16 of them took 154 us, the whole
 * 55). The sum is cut, and what the pieces give is added up in order. */
static int choose_sum(Cut *cut, const Slot *out, const i64 *d, const i64 *s) {
    if (out->typenum != NPY_FLOAT32 && out->typenum != NPY_FLOAT64) return 0;
    if (s[2] != out->itemsize || s[3] == out->itemsize || d[2] < PRODUCT_UNIT || d[3] < 2 * PRODUCT_UNIT) return 0;
    if (d[2] > MOST_KEPT / (PRODUCT_PIECES * out->itemsize)) return 0; /* long stretches all the same */
    cut->summed = 1;
    cut->length = d[3];
    return 1;
}

/* A product of matrices is cut by rows, or by columns where there are more than twice as many: the operand on that side is cut,
 * the other one may be copied for every piece, and for rows it mostly need not be (256 x 784 @ 784 x 500 in float32: pieces
 * of columns take 5 % more processor time than the whole, those of rows no more). One that packs operands into scratch stays
 * whole: it could fail amid an update. */
static int choose_product(Cut *cut, Context *c, const Node *node, const i64 *d, const i64 *s) {
    const Slot *slots = c->program->slots;
    const i64 *out = lengths_of(c, node->ops[0]);
    Context probe = {.program = c->program, .scratch_size = 0};
    probe.abi = c->abi;
    probe.abi.reserve = count_scratch;
    if (node->routine->check && (node->routine->check(NULL, d, s, &probe.abi) || probe.scratch_size)) return 0;
    cut->blas = 1;
    if (slots[node->ops[0]].ndim > 2) return 1; /* a batch */
    cut->unit = PRODUCT_UNIT;
    cut->across = slots[node->ops[0]].ndim > 1 ? out[1] : FEW_COLUMNS;
    if (node->n_ops == 6 && slots[node->ops[0]].ndim == 2 && cut->work < 4 * LEAST_PRODUCT / slots[node->ops[0]].itemsize)
        return 0;
    if ((node->n_ops == 5 || slots[node->ops[0]].ndim == 1) && cut->work < LEAST_VECTOR) return 0;
    if (node->n_ops == 6 && slots[node->ops[0]].ndim == 2 && slots[node->ops[4]].ndim == 2 && out[1] > 2 * out[0]) {
        cut->across = out[0];
        cut->columns = 1u << 0 | 1u << 1 | 1u << 4;
        cut->rows = 0;
    }
    return 1;
}

/* Rows of the operands that the flags name; all must have as many. An update whose kernel may fail is left whole: a
 * kernel fails before it writes, a piece after others have written. */
static void choose_rows(Cut *cut, Context *c, const Node *node, const i64 *d, const i64 *s) {
    cut->loop = -1;
    cut->unit = 1;
    cut->n_words = node->n_params;
    for (int k = 0; k < node->n_ops; k++) {
        const Slot *s = c->program->slots + node->ops[k];
        cut->n_words += s->ndim;
        if (k < node->n_outputs && node->flags & FALLIBLE &&
            c->program->slots[place_of(c, node->ops[k])->root].kind == UPDATE)
            return;
    }
    cut->rows = rows_mask(node);
    if (node->routine && node->routine->needs_blas && !choose_product(cut, c, node, d, s)) return;
    if (node->routine && node->routine->needs_blas && node->n_ops == 6 && c->program->slots[node->ops[0]].ndim == 1 &&
        choose_sum(cut, c->program->slots + node->ops[0], d, s))
        return;
    i64 length = -1;
    for (int k = 0; k < node->n_ops && k < 32; k++) {
        const int axis = cut_axis(cut, k);
        if (axis < 0) continue;
        if (c->program->slots[node->ops[k]].ndim <= axis) return;
        const i64 own = lengths_of(c, node->ops[k])[axis];
        if (length >= 0 && own != length) return;
        length = own;
    }
    cut->length = length;
}

/* Decides about the run that was added last. Without memory for it, it stays whole. */
void plan_cut(Context *c, Prepared *q, const Node *node, i64 work) {
    if (work < CUT_FROM || !(node->flags & CUT || rows_mask(node)) || node->n_ops > MOST_OPERANDS) return;
    Run *run = q->runs + q->n_runs - 1;
    Cut cut = {.fn = run->fn, .node = node, .n_ops = node->n_ops, .work = work};
    if (node->prep == COLLAPSED)
        choose_loop(&cut, node, run->d, run->s);
    else
        choose_rows(&cut, c, node, run->d, run->s);
    if (cut.length <= cut.unit || cut.n_words > MOST_WORDS) return;
    if (!(run->cut = PyMem_Malloc(sizeof cut))) return;
    *run->cut = cut;
    run->cut->next = q->cuts;
    q->cuts = run->cut;
}

/* ---- running ---- */

/* What a piece has reserved is there for the next one; of a thread of the pool only so much for ever. */
static void keep_scratch(Context *c, const Context *own) {
    if (c) {
        c->scratch = own->scratch;
        c->scratch_size = own->scratch_size;
        return;
    }
    const int small = own->scratch_size <= MOST_KEPT;
    if (!small) aligned_free(own->scratch);
    kept.memory = small ? own->scratch : NULL;
    kept.size = small ? own->scratch_size : 0;
}

/* Runs the kernel of a piece that begins at `lo`, with scratch and message of its own: it sees no more of the context. */
static void run_kernel(Job *job, i64 lo, char *const *p, const i64 *d, const i64 *s) {
    Context own;
    own.abi = job->context->abi;
    own.program = job->context->program;
    own.outer = NULL;
    const int mine = job->caller == &kept;
    own.scratch = mine ? job->context->scratch : kept.memory;
    own.scratch_size = mine ? job->context->scratch_size : kept.size;
    own.message[0] = 0;
    const int kind = job->run->cut->fn(p, d, s, &own.abi);
    if (kind) {
        while (__atomic_exchange_n(&job->lock, 1, __ATOMIC_ACQUIRE)) {}
        if (!job->kind || lo < job->failed) {
            job->kind = kind;
            job->failed = lo;
            memcpy(job->message, own.message, sizeof job->message);
        }
        __atomic_store_n(&job->lock, 0, __ATOMIC_RELEASE);
    }
    keep_scratch(mine ? job->context : NULL, &own);
}

static i64 end_of(const Cut *cut, i64 hi) {
    return hi < units_of(cut) ? hi * cut->unit : cut->length;
}

static void run_piece(void *data, i64 lo, i64 hi) {
    Job *job = data;
    const Run *run = job->run;
    const Cut *cut = run->cut;
    const Node *node = cut->node;
    const i64 *s = run->s, from = lo * cut->unit, to = end_of(cut, hi);
    char **pointers = job->context->pointers + run->ptr, *p[cut->n_ops];
    i64 d[cut->n_words];
    memcpy(d, run->d, sizeof d);
    if (cut->loop >= 0) {
        const i64 L = d[0];
        d[1 + cut->loop] = to - from;
        for (int k = 0; k < cut->n_ops; k++) p[k] = pointers[k] + s[k * L + cut->loop] * from;
    } else {
        const Slot *slots = job->context->program->slots;
        i64 *lengths = d + node->n_params;
        for (int k = 0; k < cut->n_ops; k++) {
            p[k] = pointers[k];
            const int axis = cut_axis(cut, k);
            if (axis >= 0) {
                p[k] += s[axis] * from;
                lengths[axis] = to - from;
            }
            lengths += slots[node->ops[k]].ndim;
            s += slots[node->ops[k]].ndim;
        }
        s = run->s;
    }
    run_kernel(job, lo, p, d, s);
}

/* ---- sums in pieces ---- */

enum { SUMS_AT = 4 * PRODUCT_PIECES * sizeof(double) };

static i64 size_of_result(const Job *job) {
    return job->context->program->slots[job->run->cut->node->ops[0]].itemsize;
}

/* Memory for the sums of all pieces, with what multiplies them; 0 where there is none. */
static int have_sums(const Job *job, i64 pieces) {
    Cut *cut = job->run->cut;
    const i64 size = size_of_result(job);
    if (cut->sums) return 1;
    if (!(cut->sums = PyMem_RawCalloc(1, (size_t)(SUMS_AT + pieces * job->run->d[2] * size)))) return 0;
    for (int k = 0; k < PRODUCT_PIECES; k++)
        if (size == sizeof(float))
            ((float *)cut->sums)[k] = 1;
        else
            ((double *)cut->sums)[k] = 1;
    return 1;
}

/* The sum of a piece: the same product without what it is added to. */
static void run_sum(void *data, i64 lo, i64 hi) {
    Job *job = data;
    const Cut *cut = job->run->cut;
    const i64 *s = job->run->s, from = lo * cut->unit, n = end_of(cut, hi) - from, m = job->run->d[2],
              size = size_of_result(job), d[] = {m, m, m, n, n}, strides[] = {size, size, s[2], s[3], s[4]};
    char **given = job->context->pointers + job->run->ptr, *sums = cut->sums + SUMS_AT + lo / job->grain * m * size;
    char *p[] = {sums, sums, cut->sums, given[3] + from * s[3], given[4] + from * s[4], cut->sums + SUMS_AT / 2};
    run_kernel(job, lo, p, d, strides);
}

/* beta * y + alpha * all sums: a product by as many ones. */
static int add_sums(Context *c, const Job *job, i64 pieces) {
    const Cut *cut = job->run->cut;
    const i64 *s = job->run->s, m = job->run->d[2], size = size_of_result(job), d[] = {m, m, m, pieces, pieces},
              strides[] = {s[0], s[1], size, m * size, size};
    char **given = c->pointers + job->run->ptr;
    char *p[] = {given[0], given[1], given[2], cut->sums + SUMS_AT, cut->sums, given[5]};
    return cut->fn(p, d, strides, &c->abi);
}

/* Units in a piece of a product: 2, 4, 8 or 16 pieces, so that two or four threads finish together. A piece has enough to do and
 * is broad enough, for it copies the operand that is not cut: the more there is to multiply, the more of that BLAS does; where
 * the result has few columns, the copy of it takes as long as some thirty rows. */
static i64 product_grain(const Cut *cut) {
    const i64 units = units_of(cut), enough = cut->summed ? SUM_PIECE : PRODUCT_PIECE;
    const i64 least = cut->across < FEW_COLUMNS && !cut->summed ? BROAD_UNITS
                      : cut->work > 1 << 28                     ? 8
                      : cut->work > 1 << 24                     ? 4
                      : cut->length < 128                       ? 1
                                                                : 2;
    i64 pieces = 2;
    while (pieces < PRODUCT_PIECES && cut->work / (2 * pieces) >= enough && units / (2 * pieces) >= least) pieces *= 2;
    return (units - 1) / pieces + 1;
}

static i64 grain_of(const Cut *cut, int threads) {
    const i64 units = units_of(cut), each = cut->work / units + 1;
    if (cut->blas && cut->unit > 1) return product_grain(cut);
    i64 grain = units / ((i64)threads * PIECES_EACH);
    if (grain > MOST_PIECE / each) grain = MOST_PIECE / each;
    if (grain < LEAST_PIECE / each) grain = LEAST_PIECE / each;
    return grain > 0 ? grain : 1;
}

/* Runs a kernel that was planned to be cut; what it returns. A failure is that of the whole kernel, run once more, so
 * that its message speaks of the operands as they are. */
int run_cut(Context *c, const Run *run) {
    const Cut *cut = run->cut;
    Context *call = outermost(c);
    const int threads = call->program->threads;
    Job job = {.context = c, .run = run, .caller = &kept};
    int shared = 0;
    if (threads > 1 && (!cut->blas || blas_threads() == 1)) { /* never two pools at once */
        const i64 units = units_of(cut), grain = job.grain = grain_of(cut, threads), pieces = (units - 1) / grain + 1;
        pool_body *body = cut->summed ? run_sum : run_piece;
        if (cut->summed && !have_sums(&job, pieces)) return cut->fn(c->pointers + run->ptr, run->d, run->s, &c->abi);
        shared = pool_run(threads, units, grain, cut->work / WORK_PER_NS, body, &job);
        /* the same pieces without help: a product of some rows need not be rounded as the whole one is */
        for (i64 lo = 0; cut->blas && !shared && lo < units; lo += grain)
            body(&job, lo, lo + grain < units ? lo + grain : units);
        if (shared) call->shared++; /* not within a job, where others would count too */
        if (cut->summed && !job.kind) return add_sums(c, &job, pieces);
        if ((shared || cut->blas) && !job.kind) return SYM_OK;
    }
    const int kind = cut->fn(c->pointers + run->ptr, run->d, run->s, &c->abi);
    if (kind || !shared) return kind;
    memcpy(c->message, job.message, sizeof c->message);
    return job.kind;
}

/* ctx->parallel_for of the kernel ABI. */
void parallel_for(const sym_ctx *ctx, i64 n, i64 grain, void (*body)(void *, i64, i64), void *data) {
    Context *c = (Context *)ctx;
    if (n <= 0) return;
    if (grain < 1) grain = 1;
    if (n > grain) {
        Context *call = outermost(c);
        const int threads = call->program->threads;
        const i64 share = n / ((i64)threads * PIECES_EACH);
        if (pool_run(threads, n, share > grain ? share : grain, n / grain * PIECE_NS, body, data)) {
            call->shared++;
            return;
        }
    }
    body(data, 0, n);
}

/* ---- threads of BLAS ---- */

static void (*blas_setter)(int);
static int blas_now; /* 0: not set by us */

void set_blas_setter(void *address) {
    memcpy(&blas_setter, &address, sizeof blas_setter);
}

int blas_threads(void) {
    return __atomic_load_n(&blas_now, __ATOMIC_RELAXED);
}

/* Lets BLAS use so many threads; gives how many it was before. Nothing happens if it cannot be told. */
int use_blas_threads(int count) {
    const int before = blas_threads();
    if (blas_setter && count > 0 && count != before) {
        blas_setter(count);
        __atomic_store_n(&blas_now, count, __ATOMIC_RELAXED);
    }
    return before;
}
