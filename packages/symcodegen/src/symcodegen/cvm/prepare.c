/* A segment and the shapes it meets: signature, memo, and the steps that build a Prepared. */
#include "cvm.h"
#include "products.h"

#include <string.h>

/* ---- life ---- */

void drop_prepared(Prepared *q) {
    while (q && !--q->refs) {
        Prepared *before = q->before;
        drop_loops(q->loops);
        drop_cuts(q->cuts);
        PyMem_Free(q);
        q = before;
    }
}

static Prepared *new_prepared(Program *p, int segment, Prepared *before) {
    Segment *g = p->segments + segment;
    size_t n_nodes = (size_t)(g->end - g->first);
    size_t words = (size_t)g->n_sig + p->n_registers + g->n_table + 1;
    size_t size = sizeof(Prepared) + words * sizeof(i64) + (size_t)g->n_hosts * HOST_SIZE +
                  (g->n_slots + 1) * sizeof(Place) + (n_nodes + 1) * sizeof(Run) + (g->n_ops + 1) * sizeof(Bind);
    Prepared *q = PyMem_Calloc(1, size + HOST_SIZE);
    if (!q) return NULL;
    q->refs = 1;
    q->segment = segment;
    q->products = product_choices;
    if ((q->before = before)) before->refs++;
    /* the widest alignment first: HOST cells hold complex128 at most, aligned as double */
    char *at = (char *)(q + 1);
    q->sig = (i64 *)at;
    q->registers = q->sig + g->n_sig;
    q->table = q->registers + p->n_registers;
    q->hosts = (char *)(q->table + g->n_table + 1);
    q->places = (Place *)(q->hosts + (size_t)g->n_hosts * HOST_SIZE);
    q->runs = (Run *)(q->places + g->n_slots + 1);
    q->binds = (Bind *)(q->runs + n_nodes + 1);
    for (int i = 0; i < g->n_slots; i++) q->places[i].root = -1;
    return q;
}

/* ---- signature ---- */

/* The program has no such value in this call: the nodes that would have made it were left out. */
static int is_absent(Context *c, int slot) {
    const Slot *s = c->program->slots + slot;
    if (s->kind == HELD) return !c->objects[slot];
    return s->kind != INPUT && s->kind != SHARED && s->kind != CONST && place_of(c, slot)->root < 0;
}

static int gather_value(Context *c, int segment, const Read *read, i64 *value) {
    Program *p = c->program;
    Slot *s = p->slots + read->slot;
    const char *address;
    i64 length = 1, stride = 0;
    if (is_absent(c, read->slot)) {
        *value = 1; /* the one number that is no bad length, step, divisor or condition */
        return 0;
    }
    if (s->kind == INPUT || s->kind == SHARED || s->kind == HELD || s->kind == CONST) {
        PyArrayObject *array = (PyArrayObject *)(s->kind == CONST ? s->value : c->objects[read->slot]);
        address = c->base[read->slot];
        if (s->ndim) {
            length = PyArray_DIM(array, 0);
            stride = PyArray_STRIDE(array, 0);
        }
    } else {
        address = slot_address(c, read->slot);
        if (s->ndim) {
            length = lengths_of(c, read->slot)[0];
            stride = strides_of(c, read->slot)[0];
        }
    }
    if (read->position >= length)
        return fail_at(c, p->segments[segment].first, SYM_SHAPE,
                       "element %lld of a vector of length %lld gives a shape.", read->position, length);
    *value = read_integer(address + read->position * stride, s->typenum);
    return 0;
}

static int gather_signature(Context *c, int segment) {
    Program *p = c->program;
    Segment *g = p->segments + segment;
    i64 *sig = c->sig;
    for (int i = 0; i < g->n_externals; i++) {
        int slot = g->externals[i], ndim = p->slots[slot].ndim;
        if (!ndim || p->slots[slot].kind == CONST) continue;
        PyArrayObject *array = (PyArrayObject *)c->objects[slot];
        if (array) {
            const npy_intp *lengths = PyArray_DIMS(array), *strides = PyArray_STRIDES(array);
            for (int a = 0; a < ndim; a++) sig[a] = lengths[a];
            for (int a = 0; a < ndim; a++) sig[ndim + a] = strides[a];
        } else { /* a Python node was left out */
            memset(sig, 0, 2 * ndim * sizeof(i64));
        }
        sig += 2 * ndim;
    }
    for (int i = 0; i < g->n_reads; i++)
        if (gather_value(c, segment, g->reads + i, sig++)) return -1;
    return 0;
}

/* ---- building ---- */

static void fill_externals(Context *c, Prepared *q) {
    Program *p = c->program;
    Segment *g = p->segments + q->segment;
    const i64 *sig = q->sig;
    for (int i = 0; i < g->n_externals; i++) {
        Slot *s = p->slots + g->externals[i];
        i64 *info = q->table + s->info;
        q->places[s->local].root = s->kind == HELD && !c->objects[g->externals[i]] ? -1 : g->externals[i];
        if (s->kind == CONST) {
            for (int a = 0; a < s->ndim; a++) info[a] = PyArray_DIM((PyArrayObject *)s->value, a);
            for (int a = 0; a < s->ndim; a++) info[s->ndim + a] = PyArray_STRIDE((PyArrayObject *)s->value, a);
        } else {
            memcpy(info, sig, 2 * s->ndim * sizeof(i64));
            sig += 2 * s->ndim;
        }
    }
}

static void place_hosts(Program *p, Prepared *q) {
    if (!p->segments[q->segment].n_hosts) return;
    for (int i = 0; i < p->n_slots; i++)
        if (p->slots[i].kind == HOST && p->slots[i].segment == q->segment) q->places[p->slots[i].local].root = i;
}

static void write_hosts(Program *p, Prepared *q) {
    if (!p->segments[q->segment].n_hosts) return;
    for (int i = 0; i < p->n_slots; i++) {
        Slot *s = p->slots + i;
        if (s->kind == HOST && s->segment == q->segment)
            write_integer(q->hosts + s->host * HOST_SIZE, s->typenum, q->registers[s->reg]);
    }
}

static int is_static(const Slot *root) {
    return in_arena(root) || root->kind == CONST || root->kind == HOST;
}

static void add_bind(Context *c, Bind *bind, int pos, int slot) {
    Place *place = place_of(c, slot);
    *bind = (Bind){pos, place->root, place->offset};
}

/* Which pointer of which run points where; those that only the arena decides come first. */
static void fill_binds(Context *c, Prepared *q) {
    Program *p = c->program;
    for (int fixed = 1; fixed >= 0; fixed--) {
        for (int r = 0; r < q->n_runs; r++) {
            Node *node = p->nodes + q->runs[r].node;
            for (int k = 0; k < node->n_ops; k++)
                if (is_static(p->slots + place_of(c, node->ops[k])->root) == fixed)
                    add_bind(c, q->binds + q->n_binds++, node->ptr + k, node->ops[k]);
        }
        if (fixed) q->n_static = q->n_binds;
    }
}

static int fill_prepared(Context *c, Prepared *q) {
    Program *p = c->program;
    Segment *g = p->segments + q->segment;
    p->n_births = 0;
    fill_externals(c, q);
    place_hosts(p, q);
    for (int n = g->first; n < g->end && !g->python; n++) {
        Node *node = p->nodes + n;
        if (node->guard >= 0 && !q->registers[node->guard]) continue;
        if (run_registers(c, q, node)) return -1;
        if (node->prep == COLLAPSED || node->prep == FULL) {
            if (prepare_kernel(c, q, node)) return -1;
        } else if (node->prep == LOOP) {
            if (prepare_loop(c, q, node)) return -1;
        } else if (node->prep != CODE && prepare_view(c, q, node)) {
            return -1;
        }
    }
    write_hosts(p, q);
    if ((q->arena_size = pack_arena(c, q)) < 0) return fail_at(c, g->first, SYM_MEMORY, "no memory to plan the arena.");
    fill_binds(c, q);
    return 0;
}

static Prepared *build(Context *c, int segment, Prepared *before) {
    Program *p = c->program;
    Prepared *q = new_prepared(p, segment, before);
    if (!q) {
        fail_at(c, p->segments[segment].first, SYM_MEMORY, "no memory to prepare for new shapes.");
        raise_failure(c);
        return NULL;
    }
    p->prepares++;
    memcpy(q->sig, c->sig, p->segments[segment].n_sig * sizeof(i64));
    if (before) memcpy(q->registers, before->registers, p->n_registers * sizeof(i64));
    drop_prepared(c->chain[segment]);
    c->chain[segment] = q; /* what prepares look up shapes in; the context keeps this reference */
    c->bound[segment] = NULL;
    if (fill_prepared(c, q)) {
        raise_failure(c);
        c->chain[segment] = NULL;
        drop_prepared(q);
        return NULL;
    }
    return q;
}

static int matches(const Prepared *q, const Prepared *before, const i64 *sig, size_t size) {
    return q && q->before == before && q->products == product_choices && !memcmp(q->sig, sig, size);
}

/* Lets the context run the segment with a Prepared. */
void use_prepared(Context *c, int segment, Prepared *q) {
    q->refs++;
    drop_prepared(c->chain[segment]);
    c->chain[segment] = q;
    c->bound[segment] = NULL;
}

static void remember(Prepared **memo, int at, Prepared *q) {
    memmove(memo + 1, memo, at * sizeof *memo);
    memo[0] = q;
}

/* The Prepared of the segment for the signature in c->sig; as find_prepared. */
Prepared *find_signature(Context *c, int segment) {
    Program *p = c->program;
    size_t size = p->segments[segment].n_sig * sizeof(i64);
    Prepared *before = segment ? c->chain[segment - 1] : NULL, *q = c->chain[segment];
    if (matches(q, before, c->sig, size)) {
        p->hits++;
        return q;
    }
    Prepared **memo = p->memo + segment * MEMO;
    for (int i = 0; i < MEMO; i++)
        if (matches(memo[i], before, c->sig, size)) {
            q = memo[i];
            remember(memo, i, q);
            use_prepared(c, segment, q);
            p->hits++;
            return q;
        }
    if (!(q = build(c, segment, before))) return NULL;
    drop_prepared(memo[MEMO - 1]);
    q->refs++;
    remember(memo, MEMO - 1, q);
    return q;
}

/* The Prepared of the segment for the shapes and values at hand, from the context, the memo, or built now; it stands in
 * c->chain[segment]. NULL with an exception. */
Prepared *find_prepared(Context *c, int segment) {
    if (gather_signature(c, segment)) {
        drop_prepared(c->chain[segment]); /* of an earlier call: its shapes are not those of this failure */
        c->chain[segment] = NULL;
        raise_failure(c);
        return NULL;
    }
    return find_signature(c, segment);
}
