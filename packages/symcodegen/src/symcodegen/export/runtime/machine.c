/* The machine around the tables of one function: state, a call, the commit. Memory is that of the state alone: calls on
 * one state must not overlap, different states share nothing. */

enum { SYM_LAST = SYM_N_BODIES - 1 }; /* the function itself; before it the steps of its loops */

struct SYM_STATE {
    Program programs[SYM_N_BODIES];
    Instruction *code[SYM_N_BODIES];
    Context *context;
    PyObject *inputs, *shared, *spares, *results;
    char message[1000];
};

/* ---- what the sources of the machine ask for ---- */

void raise_failure(Context *c) {
    (void)c; /* it stands in the context: sym_failed tells it */
}

int interrupted(Context *c) {
    (void)c; /* signals are the program's own business */
    return 0;
}

Context *take_context(Program *p) {
    Context *c = calloc(1, sizeof *c);
    if (!c || !start_context(c, p)) return c;
    free_context(c);
    return NULL;
}

void free_context(Context *c) {
    end_context(c);
    free(c);
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
    aligned_free(array->data);
    array->data = aligned_new(size);
    array->capacity = array->data ? (size_t)size : 0;
    return array->data ? 0 : -1;
}

static i64 sym_bytes(const PyObject *array, const Slot *s) {
    i64 size = s->itemsize;
    for (int i = 0; i < s->ndim; i++) size *= array->dims[i];
    return size;
}

/* The description of a loop is filled in where it is placed: a copy, whose program is that of its steps. */
static int sym_loop(struct SYM_STATE *state, Program *p, int n, const Loop *given) {
    const size_t tracks = (size_t)(given->n_sequences + given->n_states + given->n_results);
    Loop *loop = p->nodes[n].loop = sym_copied(given, 1, sizeof *given);
    if (!loop) return -1;
    loop->inner = state->programs + given->index;
    loop->tracks = sym_copied(given->tracks, tracks, sizeof *given->tracks);
    for (size_t i = 0; loop->tracks && i < tracks; i++)
        loop->tracks[i].offsets = sym_copied(given->tracks[i].offsets, (size_t)given->tracks[i].n, sizeof(int));
    for (size_t i = 0; loop->tracks && i < tracks; i++)
        if (!loop->tracks[i].offsets) return -1;
    return loop->tracks ? place_loop(p, p->nodes + n, n) : -1;
}

/* Nodes as the analysis may write into them. */
static int sym_nodes(struct SYM_STATE *state, int body) {
    Program *p = state->programs + body;
    const Node *given = SYM_BODIES[body].nodes;
    size_t n_code = 0;
    for (int n = 0; n < p->n_nodes; n++) {
        n_code += (size_t)given[n].n_code;
        p->nodes[n].loop = NULL;
    }
    Instruction *code = state->code[body] = calloc(n_code + 1, sizeof *code);
    if (!code) return -1;
    for (int n = 0; n < p->n_nodes; n++) {
        Node *node = p->nodes + n;
        if (node->n_code) memcpy(code, given[n].code, (size_t)node->n_code * sizeof *code);
        node->code = code;
        code += node->n_code;
        node->routine = find_routine(node->fn);
        if (node->routine && node->routine->fallible) node->flags |= FALLIBLE;
        if (given[n].loop && sym_loop(state, p, n, given[n].loop)) return -1;
    }
    return 0;
}

static int sym_program(struct SYM_STATE *state, int body) {
    const SymBody *b = SYM_BODIES + body;
    Program *p = state->programs + body;
    const int last = body == SYM_LAST;
    p->slots = sym_copied(b->slots, (size_t)b->n_slots, sizeof(Slot));
    p->nodes = sym_copied(b->nodes, (size_t)b->n_nodes, sizeof(Node));
    p->inputs = sym_copied(b->inputs, (size_t)b->n_inputs, sizeof(Input));
    p->outputs = sym_copied(b->outputs, (size_t)b->n_outputs, sizeof(int));
    p->shared = sym_copied(SYM_SHARED, SYM_N_SHARED, sizeof(Shared));
    p->updates = sym_copied(SYM_UPDATES, SYM_N_UPDATES, sizeof(Update));
    if (!p->slots || !p->nodes || !p->inputs || !p->outputs || !p->shared || !p->updates) return -1;
    p->n_slots = b->n_slots;
    p->n_nodes = b->n_nodes;
    p->n_inputs = b->n_inputs;
    p->n_outputs = b->n_outputs;
    p->n_registers = b->n_registers;
    p->n_shared = last ? SYM_N_SHARED : 0;
    p->n_updates = last ? SYM_N_UPDATES : 0;
    for (int i = 0; i < p->n_outputs; i++) p->slots[p->outputs[i]].ring = i; /* which result an ARRAY slot is */
    for (int i = 0; i < p->n_shared; i++) p->shared[i].storage = state->shared + i;
    return sym_nodes(state, body) || analyse_program(p) || allocate_work_space(p) ? -1 : 0;
}

static void sym_free_program(Program *p) {
    drop_memo(p);
    for (int n = 0; p->nodes && n < p->n_nodes; n++) free_loop(p->nodes[n].loop);
    for (int i = 0; p->segments && i < p->n_segments; i++) free(p->segments[i].externals), free(p->segments[i].reads);
    free(p->segments), free(p->register_segment), free(p->result_slots), free(p->holders);
    free(p->memo), free(p->root_last), free(p->births), free(p->deaths), free(p->next_death);
    free(p->slots), free(p->nodes), free(p->inputs), free(p->shared), free(p->updates), free(p->outputs);
}

static void sym_free_arrays(PyObject *arrays, int n) {
    for (int i = 0; arrays && i < n; i++) aligned_free(arrays[i].data);
    free(arrays);
}

static void sym_free(struct SYM_STATE *state) {
    if (!state) return;
    if (state->context) free_context(state->context);
    for (int i = SYM_LAST; i >= 0; i--) { /* a loop's Prepared holds one of its steps */
        sym_free_program(state->programs + i);
        free(state->code[i]);
    }
    sym_free_arrays(state->shared, SYM_N_SHARED);
    sym_free_arrays(state->spares, SYM_N_UPDATES);
    sym_free_arrays(state->results, SYM_N_OUTPUTS);
    free(state->inputs), free(state);
}

/* Shared variables with the values they had. */
static int sym_first_values(struct SYM_STATE *state) {
    const Program *p = state->programs + SYM_LAST;
    for (int i = 0; i < SYM_N_SHARED; i++) {
        const Slot *s = p->slots + p->shared[i].slot;
        if (sym_resize(state->shared + i, s, SYM_FIRST[i].dims)) return -1;
        size_t bytes = (size_t)sym_bytes(state->shared + i, s);
        if (SYM_FIRST[i].data)
            memcpy(state->shared[i].data, SYM_FIRST[i].data, bytes);
        else
            memset(state->shared[i].data, 0, bytes);
    }
    return 0;
}

static int sym_start(struct SYM_STATE *state) {
    state->inputs = calloc(SYM_N_INPUTS + 1, sizeof(PyObject));
    state->shared = calloc(SYM_N_SHARED + 1, sizeof(PyObject));
    state->spares = calloc(SYM_N_UPDATES + 1, sizeof(PyObject));
    state->results = calloc(SYM_N_OUTPUTS + 1, sizeof(PyObject));
    if (!state->inputs || !state->shared || !state->spares || !state->results) return -1;
    for (int i = 0; i < SYM_N_BODIES; i++)
        if (sym_program(state, i)) return -1;
    if ((state->programs[SYM_LAST].n_segments == 1) != SYM_ONE_SEGMENT) return -1;
    state->context = take_context(state->programs + SYM_LAST);
    return state->context ? sym_first_values(state) : -1;
}

static struct SYM_STATE *sym_new(void) {
    struct SYM_STATE *state = calloc(1, sizeof *state);
    if (!state || !sym_start(state)) return state;
    sym_free(state);
    return NULL;
}

/* ---- a call ---- */

static int sym_take_input(struct SYM_STATE *state, int i, const void *data, const i64 *lengths) {
    Context *c = state->context;
    int slot = c->program->inputs[i].slot;
    const Slot *s = c->program->slots + slot;
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
    const Program *p = c->program;
    c->failed_node = -1;
    c->failed_kind = SYM_OK;
    for (int i = 0; i < p->n_holders; i++) c->objects[p->holders[i]] = NULL;
    for (int i = 0; i < SYM_N_INPUTS; i++)
        if (sym_take_input(state, i, inputs[i], shapes[i])) return -1;
    for (int i = 0; i < SYM_N_SHARED; i++) {
        c->objects[p->shared[i].slot] = state->shared + i;
        c->base[p->shared[i].slot] = state->shared[i].data;
    }
    return find_prepared(c, 0) ? 0 : -1;
}

static void sym_output_shape(struct SYM_STATE *state, int output, i64 *lengths) {
    const Program *p = state->context->program;
    int slot = p->outputs[output], ndim = p->slots[slot].ndim;
    if (ndim) memcpy(lengths, lengths_of(state->context, slot), (size_t)ndim * sizeof *lengths);
}

/* Memory for the next value of a shared variable: its own where the plan says that it may be, else the spare. */
static PyObject *sym_update_memory(struct SYM_STATE *state, const Slot *s, const i64 *lengths) {
    const Update *u = state->context->program->updates + s->update;
    PyObject *target = state->shared + u->shared;
    if (u->mode == DIRECT && (!s->ndim || !memcmp(target->dims, lengths, (size_t)s->ndim * sizeof *lengths)))
        return target;
    target = state->spares + s->update;
    return sym_resize(target, s, lengths) ? NULL : target;
}

/* Memory for what the kernels of a segment write and a caller sees. Results go to `outputs`; NULL: into the state. */
static int sym_allocate(struct SYM_STATE *state, const Prepared *q, void *const *outputs) {
    Context *c = state->context;
    for (int b = q->n_static; b < q->n_binds; b++) {
        const int root = q->binds[b].root;
        const Slot *s = c->program->slots + root;
        if ((s->kind != ARRAY && s->kind != UPDATE) || c->objects[root]) continue;
        const i64 *lengths = lengths_of(c, root);
        PyObject *array = s->kind == UPDATE ? sym_update_memory(state, s, lengths) : state->results + s->ring;
        if (!array || (s->kind == ARRAY && !outputs && sym_resize(array, s, lengths)))
            return fail_at(c, s->first, SYM_MEMORY, "no memory for a result of this shape.");
        c->objects[root] = array;
        c->base[root] = s->kind == ARRAY && outputs ? outputs[s->ring] : array->data;
    }
    return 0;
}

static int sym_segment(struct SYM_STATE *state, int segment, void *const *outputs) {
    Context *c = state->context;
    if (segment && !find_prepared(c, segment)) return -1;
    const Prepared *q = c->chain[segment];
    if (bind_static(c, segment) || sym_allocate(state, q, outputs)) return -1;
    for (int b = q->n_static; b < q->n_binds; b++)
        c->pointers[q->binds[b].pos] = c->base[q->binds[b].root] + q->binds[b].offset;
    return run_plain(c, q);
}

static void sym_commit(struct SYM_STATE *state) {
    for (int i = 0; i < SYM_N_UPDATES; i++) {
        const Update *u = state->context->program->updates + i;
        PyObject *shared = state->shared + u->shared, old = *shared;
        if (state->context->base[u->slot] == shared->data) continue;
        *shared = state->spares[i];
        state->spares[i] = old;
    }
}

/* Writes what failed: the node, in a loop the step and its node, and the message. Gives the kind. */
static int sym_failed(struct SYM_STATE *state) {
    Context *c = state->context;
    char *to = state->message;
    size_t room = sizeof state->message;
    for (;;) {
        const SymBody *b = SYM_BODIES + (c->program - state->programs);
        const long tag = c->failed_node >= 0 && c->failed_node < b->n_nodes ? b->nodes[c->failed_node].tag : -1;
        const int within = c->failed_kind == SYM_INSIDE && c->inside;
        int n = 0;
        if (tag >= 0 && tag < b->n_tags) n += snprintf(to, room, "%.120s: ", b->tags[tag]);
        if (within && c->failed_step >= 0)
            n += snprintf(to + n, room - (size_t)n, "step %lld: ", c->failed_step);
        to += n;
        room -= (size_t)n;
        if (!within || room < 300) break;
        Context *inside = c->inside;
        c->inside = NULL;
        c = inside;
    }
    snprintf(to, room, "%s", c->message[0] ? c->message : "it failed without a message.");
    c->message[0] = 0;
    return c->failed_kind >= SYM_VALUE && c->failed_kind <= SYM_ASSERTION ? c->failed_kind : SYM_MEMORY;
}

/* Shapes of the outputs into `lengths` (one pointer each), for a program whose shapes no computed value decides. */
static __attribute__((unused)) int sym_shapes(struct SYM_STATE *state, const void *const *inputs,
                                              const i64 *const *shapes, i64 *const *lengths) {
    state->message[0] = 0;
    if (sym_prepare(state, inputs, shapes)) return sym_failed(state);
    for (int i = 0; i < SYM_N_OUTPUTS; i++) sym_output_shape(state, i, lengths[i]);
    return SYM_OK;
}

/* A call; results go to `outputs`, or, with NULL, into memory of the state. 0, or a kind of failure. */
static int sym_call(struct SYM_STATE *state, const void *const *inputs, const i64 *const *shapes,
                    void *const *outputs) {
    state->message[0] = 0;
    if (sym_prepare(state, inputs, shapes)) return sym_failed(state);
    for (int k = 0; k < state->context->program->n_segments; k++)
        if (sym_segment(state, k, outputs)) return sym_failed(state);
    sym_commit(state);
    return SYM_OK;
}

static __attribute__((unused)) const void *sym_result(const struct SYM_STATE *state, int i, i64 *lengths) {
    const Program *p = state->programs + SYM_LAST;
    const int ndim = p->slots[p->outputs[i]].ndim;
    if (lengths && ndim) memcpy(lengths, state->results[i].dims, (size_t)ndim * sizeof *lengths);
    return state->results[i].data;
}

/* ---- shared variables ---- */

static __attribute__((unused)) void *sym_value(struct SYM_STATE *state, int i, i64 *lengths) {
    int ndim = state->context->program->slots[state->context->program->shared[i].slot].ndim;
    if (lengths && ndim) memcpy(lengths, state->shared[i].dims, (size_t)ndim * sizeof *lengths);
    return state->shared[i].data;
}

static __attribute__((unused)) int sym_set(struct SYM_STATE *state, int i, const void *data, const i64 *lengths) {
    const Slot *s = state->context->program->slots + state->context->program->shared[i].slot;
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
        const Slot *s = state->context->program->slots + state->context->program->shared[i].slot;
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
