/* What preparation and kernels ask of the machine, in plain C: failures are noted, memory is given, pointers are set,
 * kernels run. With the sources of preparation it makes up the part of the machine that knows no Python; exported
 * functions are built from the same files. */
#include "cvm.h"
#include "nests.h"
#include "products.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef _WIN32
#include <malloc.h>
#else
#include <unistd.h>
#endif

int product_choices; /* here, for programs without products are prepared, too */

/* ---- failures ---- */

static int note(Context *c, int kind, const char *format, va_list arguments) {
    c->failed_kind = kind >= SYM_VALUE && kind <= SYM_ASSERTION ? kind : SYM_VALUE;
    vsnprintf(c->message, sizeof c->message, format, arguments);
    return c->failed_kind;
}

/* ctx->fail of the kernel ABI. */
int fail(const sym_ctx *ctx, int kind, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    kind = note((Context *)ctx, kind, format, arguments);
    va_end(arguments);
    return kind;
}

/* Notes a failure of `node`; always -1. */
int fail_at(Context *c, int node, int kind, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    note(c, kind, format, arguments);
    va_end(arguments);
    c->failed_node = node;
    return -1;
}

/* ---- aligned memory, usable without the GIL ---- */

char *aligned_new(i64 size) {
    size_t whole = ((size_t)size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
#ifdef _WIN32
    return _aligned_malloc(whole, ALIGNMENT);
#else
    return aligned_alloc(ALIGNMENT, whole);
#endif
}

void aligned_free(char *memory) {
#ifdef _WIN32
    _aligned_free(memory);
#else
    free(memory);
#endif
}

/* ---- services for kernels ---- */

static char *reserve(const sym_ctx *ctx, i64 bytes) {
    Context *c = (Context *)ctx;
    if (bytes <= c->scratch_size) return c->scratch;
    aligned_free(c->scratch);
    c->scratch = aligned_new(bytes);
    c->scratch_size = c->scratch ? bytes : 0;
    return c->scratch;
}

#ifdef SYM_WITHOUT_THREADS
/* All of the range in the calling thread. */
static void parallel_for(const sym_ctx *ctx, i64 n, i64 grain, void (*body)(void *, i64, i64), void *data) {
    (void)ctx;
    (void)grain;
    if (n > 0) body(data, 0, n);
}
#endif

static i64 last_level_cache(void) {
    static i64 size;
    if (!size) {
        i64 found = 0;
#ifdef _SC_LEVEL3_CACHE_SIZE
        found = sysconf(_SC_LEVEL3_CACHE_SIZE);
#endif
        size = found > 0 ? found : 8 << 20;
    }
    return size;
}

/* ---- life ---- */

/* The tables of preparation. 0, or -1: no memory. */
int allocate_work_space(Program *p) {
    p->memo = PyMem_Calloc((size_t)p->n_segments * MEMO, sizeof(Prepared *));
    p->root_last = PyMem_Calloc(p->n_slots + 1, sizeof(int));
    p->births = PyMem_Calloc(p->n_slots + 1, sizeof(int));
    p->deaths = PyMem_Calloc(p->n_nodes + 1, sizeof(int));
    p->next_death = PyMem_Calloc(p->n_slots + 1, sizeof(int));
    return p->memo && p->root_last && p->births && p->deaths && p->next_death ? 0 : -1;
}

void drop_memo(Program *p) {
    for (int i = 0; p->memo && i < p->n_segments * MEMO; i++) {
        drop_prepared(p->memo[i]);
        p->memo[i] = NULL;
    }
}

static int allocate_tables(Context *c, const Program *p) {
    c->pointers = PyMem_Calloc(p->n_pointers + 1, sizeof(char *));
    c->base = PyMem_Calloc(p->n_slots + 1, sizeof(char *));
    c->objects = PyMem_Calloc(p->n_slots + 1, sizeof(PyObject *));
    c->chain = PyMem_Calloc(p->n_segments, sizeof(Prepared *));
    c->bound = PyMem_Calloc(p->n_segments, sizeof(Prepared *));
    c->arenas = PyMem_Calloc(p->n_segments, sizeof(char *));
    c->arena_sizes = PyMem_Calloc(p->n_segments, sizeof(i64));
    c->sig = PyMem_Calloc(p->max_sig + 1, sizeof(i64));
    c->loops = PyMem_Calloc(all_loops(p) + 1, sizeof(Context *));
    return c->pointers && c->base && c->objects && c->chain && c->bound && c->arenas && c->arena_sizes && c->sig &&
                   c->loops
               ? 0
               : -1;
}

/* Makes a context able to prepare and to run. 0, or -1: no memory. */
int start_context(Context *c, Program *p) {
    c->program = p;
    c->walk = run_plain;
    c->abi = (sym_ctx){.blas = &blas_pointers,
                       .parallel_for = parallel_for,
                       .reserve = reserve,
                       .fail = fail,
                       .llc = last_level_cache(),
                       .loops = &kernel_loops};
    if (allocate_tables(c, p)) return -1;
    for (int i = 0; i < p->n_slots; i++)
        if (p->slots[i].kind == CONST) c->base[i] = PyArray_BYTES((PyArrayObject *)p->slots[i].value);
    return 0;
}

/* Frees what start_context and running have made, but not the context. */
void end_context(Context *c) {
    Program *p = c->program;
    for (int i = 0; c->loops && i < all_loops(p); i++)
        if (c->loops[i]) free_context(c->loops[i]);
    for (int i = 0; i < p->n_segments; i++) {
        if (c->chain) drop_prepared(c->chain[i]);
        if (c->arenas) aligned_free(c->arenas[i]);
        if (c->arena_sizes) p->arena_bytes -= c->arena_sizes[i];
    }
    aligned_free(c->scratch);
    void *const tables[] = {c->pointers, c->base,   c->objects,     c->chain, c->bound,
                            c->arenas,   c->loops,  c->arena_sizes, c->sig};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) PyMem_Free(tables[i]);
}

/* ---- pointers ---- */

static char *root_address(Context *c, int root) {
    Slot *s = c->program->slots + root;
    if (in_arena(s)) return c->arenas[s->segment] + place_of(c, root)->arena;
    if (s->kind == HOST) return c->chain[s->segment]->hosts + s->host * HOST_SIZE;
    return c->base[root];
}

/* Where the first element of a slot lies in this call. */
char *slot_address(Context *c, int slot) {
    Place *place = place_of(c, slot);
    return root_address(c, place->root) + place->offset;
}

static int grow_arena(Context *c, int segment, i64 size) {
    if (size <= c->arena_sizes[segment]) return 0;
    aligned_free(c->arenas[segment]);
    c->arenas[segment] = aligned_new(size);
    c->program->arena_bytes -= c->arena_sizes[segment];
    c->arena_sizes[segment] = c->arenas[segment] ? size : 0;
    c->program->arena_bytes += c->arena_sizes[segment];
    for (int k = segment; k < c->program->n_segments; k++) c->bound[k] = NULL;
    if (c->arenas[segment]) return 0;
    fail_at(c, c->program->segments[segment].first, SYM_MEMORY, "no memory for %lld bytes of temporaries.", size);
    return -1;
}

/* Prebuilt routines look at their shapes before anything runs, so that a later failure cannot leave half an update. */
static int check_routines(Context *c, Prepared *q) {
    for (int r = 0; r < q->n_runs; r++) {
        const Routine *routine = c->program->nodes[q->runs[r].node].routine;
        if (!routine || !routine->check || routine->fn != q->runs[r].fn) continue;
        c->failed_node = q->runs[r].node;
        if (routine->check(NULL, q->runs[r].d, q->runs[r].s, &c->abi)) return -1;
    }
    return 0;
}

/* Points what stays where it is until the arena moves or the shapes change. 0, or -1 with a failure noted. */
int bind_static(Context *c, int segment) {
    Prepared *q = c->chain[segment];
    if (c->bound[segment] == q) return 0;
    if (grow_arena(c, segment, q->arena_size) || check_routines(c, q) || bind_loops(c, q)) return -1;
    for (int b = 0; b < q->n_static; b++)
        c->pointers[q->binds[b].pos] = root_address(c, q->binds[b].root) + q->binds[b].offset;
    c->bound[segment] = q;
    return 0;
}

/* ---- kernels ---- */

/* Runs the kernels of a segment; 0, or -1 with a failure noted. */
int run_plain(Context *c, const Prepared *q) {
    char **pointers = c->pointers;
    for (const Run *r = q->runs, *end = r + q->n_runs; r < end; r++) {
        int kind = r->cut ? run_cut(c, r) : r->fn(pointers + r->ptr, r->d, r->s, &c->abi);
        if (kind) {
            c->failed_node = r->node;
            c->failed_kind = (kind >= SYM_VALUE && kind <= SYM_ASSERTION) || kind >= SYM_INSIDE ? kind : SYM_VALUE;
            return -1;
        }
    }
    return 0;
}
