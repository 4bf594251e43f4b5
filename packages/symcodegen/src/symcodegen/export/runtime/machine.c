/* The machine around the tables of one function: state, a call, the commit. Memory is that of the state alone: calls on
 * one state must not overlap, different states share nothing. */

struct SYM_STATE {
    Program program;
    Context *context;
    PyObject *inputs, *shared, *spares;
    Instruction *code;
};

/* ---- what the sources of the machine ask for ---- */

static char *sym_aligned(i64 size) {
    return aligned_alloc(ALIGNMENT, ((size_t)size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
}

static int sym_note(Context *c, int kind, const char *format, va_list arguments) {
    c->failed_kind = kind >= SYM_VALUE && kind <= SYM_MEMORY ? kind : SYM_VALUE;
    vsnprintf(c->message, sizeof c->message, format, arguments);
    return c->failed_kind;
}

int fail(const sym_ctx *ctx, int kind, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    kind = sym_note((Context *)ctx, kind, format, arguments);
    va_end(arguments);
    return kind;
}

int fail_at(Context *c, int node, int kind, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    sym_note(c, kind, format, arguments);
    va_end(arguments);
    c->failed_node = node;
    return -1;
}

void raise_failure(Context *c) {
    (void)c; /* the message is there already */
}

int prepare_loop(Context *c, Prepared *q, Node *node) {
    (void)q;
    return fail_at(c, (int)(node - c->program->nodes), SYM_VALUE, "loops cannot be exported.");
}

void drop_loops(LoopPrepared *l) {
    (void)l;
}

const Routine *find_routine(sym_kernel *fn) {
    for (size_t i = 0; i + 1 < sizeof SYM_ROUTINES / sizeof *SYM_ROUTINES; i++)
        if (SYM_ROUTINES[i].fn == fn) return SYM_ROUTINES + i;
    return NULL;
}

sym_kernel *copy_kernel(i64 itemsize) {
    switch (itemsize) {
    case 1: return copy_1;
    case 2: return copy_2;
    case 4: return copy_4;
    case 8: return copy_8;
    default: return copy_16;
    }
}

static char *root_address(Context *c, int root) {
    const Slot *s = c->program->slots + root;
    if (in_arena(s)) return c->arenas[s->segment] + place_of(c, root)->arena;
    if (s->kind == HOST) return c->chain[s->segment]->hosts + s->host * HOST_SIZE;
    return c->base[root];
}

char *slot_address(Context *c, int slot) {
    Place *place = place_of(c, slot);
    return root_address(c, place->root) + place->offset;
}

/* ---- services for kernels ---- */

static char *sym_reserve(const sym_ctx *ctx, i64 bytes) {
    Context *c = (Context *)ctx;
    if (bytes <= c->scratch_size) return c->scratch;
    free(c->scratch);
    c->scratch = sym_aligned(bytes);
    c->scratch_size = c->scratch ? bytes : 0;
    return c->scratch;
}

static void sym_parallel_for(const sym_ctx *ctx, i64 n, i64 grain, void (*body)(void *, i64, i64), void *data) {
    (void)ctx;
    (void)grain;
    if (n > 0) body(data, 0, n);
}

#ifndef SYM_LAST_LEVEL_CACHE
#define SYM_LAST_LEVEL_CACHE (8 << 20)
#endif

/* ---- life ---- */

static void *sym_copied(const void *from, size_t n, size_t size) {
    void *to = calloc(n + 1, size);
    if (to && n) memcpy(to, from, n * size);
    return to;
}

/* Gives an array these lengths, without gaps, and memory for them. */
static int sym_resize(PyObject *array, const Slot *s, const i64 *lengths) {
    i64 size = s->itemsize;
    for (int i = s->ndim - 1; i >= 0; i--) {
        array->dims[i] = lengths[i];
        array->strides[i] = size;
        size *= lengths[i] ? lengths[i] : 1;
    }
    if (array->data && (size_t)size <= array->capacity) return 0;
    free(array->data);
    array->data = sym_aligned(size);
    array->capacity = array->data ? (size_t)size : 0;
    return array->data ? 0 : -1;
}

static i64 sym_bytes(const PyObject *array, const Slot *s) {
    i64 size = s->itemsize;
    for (int i = 0; i < s->ndim; i++) size *= array->dims[i];
    return size;
}

static int sym_tables(struct SYM_STATE *state) {
    Program *p = &state->program;
    p->n_slots = SYM_N_SLOTS;
    p->n_nodes = SYM_N_NODES;
    p->n_inputs = SYM_N_INPUTS;
    p->n_shared = SYM_N_SHARED;
    p->n_updates = SYM_N_UPDATES;
    p->n_outputs = SYM_N_OUTPUTS;
    p->n_registers = SYM_N_REGISTERS;
    p->slots = sym_copied(SYM_SLOTS, SYM_N_SLOTS, sizeof(Slot));
    p->nodes = sym_copied(SYM_NODES, SYM_N_NODES, sizeof(Node));
    p->inputs = sym_copied(SYM_INPUTS, SYM_N_INPUTS, sizeof(Input));
    p->shared = sym_copied(SYM_SHARED, SYM_N_SHARED, sizeof(Shared));
    p->updates = sym_copied(SYM_UPDATES, SYM_N_UPDATES, sizeof(Update));
    p->outputs = sym_copied(SYM_OUTPUTS, SYM_N_OUTPUTS, sizeof(int));
    state->inputs = calloc(SYM_N_INPUTS + 1, sizeof(PyObject));
    state->shared = calloc(SYM_N_SHARED + 1, sizeof(PyObject));
    state->spares = calloc(SYM_N_UPDATES + 1, sizeof(PyObject));
    size_t n_code = 0;
    for (int n = 0; n < SYM_N_NODES; n++) n_code += (size_t)SYM_NODES[n].n_code;
    Instruction *code = state->code = calloc(n_code + 1, sizeof *code);
    if (!p->slots || !p->nodes || !p->inputs || !p->shared || !p->updates || !p->outputs || !state->inputs ||
        !state->shared || !state->spares || !code)
        return -1;
    for (int n = 0; n < SYM_N_NODES; n++) { /* the analysis writes into code */
        Node *node = p->nodes + n;
        if (node->n_code) memcpy(code, node->code, (size_t)node->n_code * sizeof *code);
        node->code = code;
        code += node->n_code;
        node->routine = find_routine(node->fn);
        if (node->routine && node->routine->fallible) node->flags |= FALLIBLE;
    }
    for (int i = 0; i < SYM_N_SHARED; i++) p->shared[i].storage = state->shared + i;
    return analyse_program(p);
}

static int sym_work_space(Program *p) {
    p->memo = calloc((size_t)p->n_segments * MEMO, sizeof(Prepared *));
    p->root_last = calloc(SYM_N_SLOTS + 1, sizeof(int));
    p->births = calloc(SYM_N_SLOTS + 1, sizeof(int));
    p->deaths = calloc(SYM_N_NODES + 1, sizeof(int));
    p->next_death = calloc(SYM_N_SLOTS + 1, sizeof(int));
    return p->memo && p->root_last && p->births && p->deaths && p->next_death ? 0 : -1;
}

static int sym_context(Program *p, Context *c) {
    c->pointers = calloc((size_t)p->n_pointers + 1, sizeof(char *));
    c->base = calloc(SYM_N_SLOTS + 1, sizeof(char *));
    c->objects = calloc(SYM_N_SLOTS + 1, sizeof(PyObject *));
    c->chain = calloc((size_t)p->n_segments, sizeof(Prepared *));
    c->bound = calloc((size_t)p->n_segments, sizeof(Prepared *));
    c->arenas = calloc((size_t)p->n_segments, sizeof(char *));
    c->arena_sizes = calloc((size_t)p->n_segments, sizeof(i64));
    c->sig = calloc((size_t)p->max_sig + 1, sizeof(i64));
    if (!c->pointers || !c->base || !c->objects || !c->chain || !c->bound || !c->arenas || !c->arena_sizes || !c->sig)
        return -1;
    c->program = p;
    c->abi = (sym_ctx){.blas = &blas_pointers,
                       .parallel_for = sym_parallel_for,
                       .reserve = sym_reserve,
                       .fail = fail,
                       .llc = SYM_LAST_LEVEL_CACHE};
    for (int i = 0; i < SYM_N_SLOTS; i++)
        if (p->slots[i].kind == CONST) c->base[i] = p->slots[i].value->data;
    return 0;
}

static void sym_free(struct SYM_STATE *state) {
    if (!state) return;
    Program *p = &state->program;
    Context *c = state->context;
    if (c) {
        if (c->chain) drop_prepared(c->chain[0]);
        if (c->arenas) free(c->arenas[0]);
        free(c->pointers), free(c->base), free(c->objects), free(c->chain), free(c->bound), free(c->arenas);
        free(c->arena_sizes), free(c->sig), free(c->scratch), free(c);
    }
    for (int i = 0; p->memo && i < MEMO; i++) drop_prepared(p->memo[i]);
    for (int i = 0; state->shared && i < SYM_N_SHARED; i++) free(state->shared[i].data);
    for (int i = 0; state->spares && i < SYM_N_UPDATES; i++) free(state->spares[i].data);
    for (int i = 0; p->segments && i < p->n_segments; i++) free(p->segments[i].externals), free(p->segments[i].reads);
    free(p->segments), free(p->register_segment), free(p->result_slots), free(p->holders);
    free(p->memo), free(p->root_last), free(p->births), free(p->deaths), free(p->next_death);
    free(p->slots), free(p->nodes), free(p->inputs), free(p->shared), free(p->updates), free(p->outputs);
    free(state->inputs), free(state->shared), free(state->spares), free(state->code), free(state);
}

static struct SYM_STATE *sym_new(void) {
    struct SYM_STATE *state = calloc(1, sizeof *state);
    if (!state) return NULL;
    if (sym_tables(state) || state->program.n_segments != 1 || sym_work_space(&state->program) ||
        !(state->context = calloc(1, sizeof *state->context)) || sym_context(&state->program, state->context)) {
        sym_free(state);
        return NULL;
    }
    for (int i = 0; i < SYM_N_SHARED; i++) {
        const Slot *s = state->program.slots + state->program.shared[i].slot;
        if (sym_resize(state->shared + i, s, SYM_FIRST[i].dims)) {
            sym_free(state);
            return NULL;
        }
        size_t bytes = (size_t)sym_bytes(state->shared + i, s);
        if (SYM_FIRST[i].data)
            memcpy(state->shared[i].data, SYM_FIRST[i].data, bytes);
        else
            memset(state->shared[i].data, 0, bytes);
    }
    return state;
}

/* ---- a call ---- */

static int sym_take_input(struct SYM_STATE *state, int i, const void *data, const i64 *lengths) {
    Context *c = state->context;
    int slot = state->program.inputs[i].slot;
    const Slot *s = state->program.slots + slot;
    PyObject *array = state->inputs + i;
    i64 size = s->itemsize;
    for (int a = s->ndim - 1; a >= 0; a--) {
        if (lengths[a] < 0 || (s->lengths[a] >= 0 && lengths[a] != s->lengths[a]))
            return fail_at(c, -1, SYM_SHAPE, "argument %s has length %lld along axis %d; it must be %lld.",
                           SYM_INPUT_NAMES[i], lengths[a], a, s->lengths[a]);
        array->dims[a] = lengths[a];
        array->strides[a] = size;
        size *= lengths[a] ? lengths[a] : 1;
    }
    c->objects[slot] = array;
    c->base[slot] = array->data = (char *)data;
    return 0;
}

static int sym_prepare(struct SYM_STATE *state, const void *const *inputs, const i64 *const *shapes) {
    Context *c = state->context;
    c->message[0] = 0;
    c->failed_kind = SYM_OK;
    for (int i = 0; i < SYM_N_INPUTS; i++)
        if (sym_take_input(state, i, inputs[i], shapes[i])) return -1;
    for (int i = 0; i < SYM_N_SHARED; i++) {
        int slot = state->program.shared[i].slot;
        c->objects[slot] = state->shared + i;
        c->base[slot] = state->shared[i].data;
    }
    return find_prepared(c, 0) ? 0 : -1;
}

static void sym_output_shape(struct SYM_STATE *state, int output, i64 *lengths) {
    int slot = state->program.outputs[output], ndim = state->program.slots[slot].ndim;
    if (ndim) memcpy(lengths, lengths_of(state->context, slot), (size_t)ndim * sizeof *lengths);
}

/* Memory for the next values of shared variables: their own where the plan says that it may be, else spares. */
static int sym_update_memory(struct SYM_STATE *state) {
    Program *p = &state->program;
    Context *c = state->context;
    for (int i = 0; i < SYM_N_UPDATES; i++) {
        const Update *u = p->updates + i;
        const Slot *s = p->slots + u->slot;
        const i64 *lengths = lengths_of(c, u->slot);
        PyObject *target = state->shared + u->shared;
        if (u->mode != DIRECT || (s->ndim && memcmp(target->dims, lengths, (size_t)s->ndim * sizeof *lengths)))
            target = state->spares + i;
        if (target == state->spares + i && sym_resize(target, s, lengths))
            return fail_at(c, s->first, SYM_MEMORY, "no memory for an update of this shape.");
        c->base[u->slot] = target->data;
    }
    return 0;
}

static int sym_check_routines(Context *c, const Prepared *q) {
    for (int r = 0; r < q->n_runs; r++) {
        const Routine *routine = c->program->nodes[q->runs[r].node].routine;
        if (!routine || !routine->check || routine->fn != q->runs[r].fn) continue;
        c->failed_node = q->runs[r].node;
        if (routine->check(NULL, q->runs[r].d, q->runs[r].s, &c->abi)) return -1;
    }
    return 0;
}

static int sym_grow_arena(Context *c, i64 size) {
    if (size <= c->arena_sizes[0]) return 0;
    free(c->arenas[0]);
    c->arenas[0] = sym_aligned(size);
    c->arena_sizes[0] = c->arenas[0] ? size : 0;
    c->bound[0] = NULL;
    return c->arenas[0] ? 0 : fail_at(c, 0, SYM_MEMORY, "no memory for %lld bytes of temporaries.", size);
}

static int sym_bind(struct SYM_STATE *state, void *const *outputs) {
    Context *c = state->context;
    Prepared *q = c->chain[0];
    if (sym_update_memory(state)) return -1;
    for (int i = 0; i < SYM_N_OUTPUTS; i++) c->base[state->program.outputs[i]] = outputs[i];
    if (c->bound[0] != q) {
        if (sym_grow_arena(c, q->arena_size) || sym_check_routines(c, q)) return -1;
        for (int b = 0; b < q->n_static; b++)
            c->pointers[q->binds[b].pos] = root_address(c, q->binds[b].root) + q->binds[b].offset;
        c->bound[0] = q;
    }
    for (int b = q->n_static; b < q->n_binds; b++)
        c->pointers[q->binds[b].pos] = c->base[q->binds[b].root] + q->binds[b].offset;
    return 0;
}

static int sym_kernels(Context *c) {
    const Prepared *q = c->chain[0];
    for (const Run *r = q->runs, *end = r + q->n_runs; r < end; r++) {
        int kind = r->fn(c->pointers + r->ptr, r->d, r->s, &c->abi);
        if (!kind) continue;
        c->failed_node = r->node;
        c->failed_kind = kind >= SYM_VALUE && kind <= SYM_MEMORY ? kind : SYM_VALUE;
        return -1;
    }
    return 0;
}

static void sym_commit(struct SYM_STATE *state) {
    for (int i = 0; i < SYM_N_UPDATES; i++) {
        const Update *u = state->program.updates + i;
        PyObject *shared = state->shared + u->shared, old = *shared;
        if (state->context->base[u->slot] == shared->data) continue;
        *shared = state->spares[i];
        state->spares[i] = old;
    }
}

/* Puts the node that failed before the message. */
static int sym_failed(struct SYM_STATE *state) {
    Context *c = state->context;
    char text[sizeof c->message];
    long tag = c->failed_node >= 0 && c->failed_node < SYM_N_NODES ? SYM_NODES[c->failed_node].tag : -1;
    if (!c->failed_kind) c->failed_kind = SYM_MEMORY;
    if (!c->message[0]) snprintf(c->message, sizeof c->message, "it failed without a message.");
    if (tag >= 0 && tag < SYM_N_TAGS) {
        memcpy(text, c->message, sizeof text);
        snprintf(c->message, sizeof c->message, "%.120s: %.270s", SYM_TAGS[tag], text);
    }
    return c->failed_kind;
}

/* Shapes of the outputs into `lengths` (one pointer each), or, with `outputs`, a call. 0, or a kind of failure. */
static int sym_call(struct SYM_STATE *state, const void *const *inputs, const i64 *const *shapes, i64 *const *lengths,
                    void *const *outputs) {
    state->context->failed_node = -1;
    if (sym_prepare(state, inputs, shapes)) return sym_failed(state);
    for (int i = 0; lengths && i < SYM_N_OUTPUTS; i++) sym_output_shape(state, i, lengths[i]);
    if (!outputs) return SYM_OK;
    if (sym_bind(state, outputs) || sym_kernels(state->context)) return sym_failed(state);
    sym_commit(state);
    return SYM_OK;
}

/* ---- shared variables ---- */

static __attribute__((unused)) void *sym_value(struct SYM_STATE *state, int i, i64 *lengths) {
    int ndim = state->program.slots[state->program.shared[i].slot].ndim;
    if (lengths && ndim) memcpy(lengths, state->shared[i].dims, (size_t)ndim * sizeof *lengths);
    return state->shared[i].data;
}

static __attribute__((unused)) int sym_set(struct SYM_STATE *state, int i, const void *data, const i64 *lengths) {
    const Slot *s = state->program.slots + state->program.shared[i].slot;
    for (int a = 0; a < s->ndim; a++)
        if (lengths[a] < 0 || (s->lengths[a] >= 0 && lengths[a] != s->lengths[a])) return SYM_SHAPE;
    if (sym_resize(state->shared + i, s, lengths)) return SYM_MEMORY;
    memcpy(state->shared[i].data, data, (size_t)sym_bytes(state->shared + i, s));
    return SYM_OK;
}

/* All values, one after another: the lengths of each as 64-bit integers, then its elements. */
static __attribute__((unused)) int sym_file(struct SYM_STATE *state, const char *path, int writing) {
    FILE *file = fopen(path, writing ? "wb" : "rb");
    int kind = file ? SYM_OK : SYM_VALUE;
    for (int i = 0; !kind && i < SYM_N_SHARED; i++) {
        const Slot *s = state->program.slots + state->program.shared[i].slot;
        PyObject *array = state->shared + i;
        i64 lengths[SYM_MAX_NDIM] = {0};
        size_t ndim = (size_t)s->ndim, bytes;
        if (writing) {
            bytes = (size_t)sym_bytes(array, s);
            if (fwrite(array->dims, sizeof(i64), ndim, file) != ndim || fwrite(array->data, 1, bytes, file) != bytes)
                kind = SYM_VALUE;
            continue;
        }
        if (fread(lengths, sizeof(i64), ndim, file) != ndim) kind = SYM_VALUE;
        i64 total = s->itemsize;
        for (size_t a = 0; a < ndim && !kind; a++) {
            if (lengths[a] < 0 || (s->lengths[a] >= 0 && lengths[a] != s->lengths[a])) kind = SYM_SHAPE;
            if (!kind && lengths[a] && total > LLONG_MAX / 4 / lengths[a]) kind = SYM_MEMORY;
            if (!kind) total *= lengths[a] ? lengths[a] : 1;
        }
        if (!kind && sym_resize(array, s, lengths)) kind = SYM_MEMORY;
        bytes = kind ? 0 : (size_t)sym_bytes(array, s);
        if (!kind && fread(array->data, 1, bytes, file) != bytes) kind = SYM_VALUE;
    }
    if (file && fclose(file) && !kind) kind = SYM_VALUE;
    return kind;
}
