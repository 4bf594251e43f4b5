/* How the parts of a program fit together: segments, what is available where, positions in the tables of a Prepared,
 * and which updates may really be written straight into their shared array. */
#include "cvm.h"

#include <string.h>

typedef struct {
    Program *p;
    int *alias;   /* by slot: the slot whose memory a view may share (itself if it is no view) */
    int *written; /* by slot: segment of its latest writer, -1 */
    char *listed; /* by slot: is an input, shared, or made by a Python node */
    char *seen;   /* by slot: work space of spread */
    int node, segment;
} Walk;

static int wrong(const Walk *w, const char *what, int slot) {
    if (slot >= 0)
        PyErr_Format(PyExc_ValueError, "node %d of a program: slot %d %s.", w->node, slot, what);
    else
        PyErr_Format(PyExc_ValueError, "node %d of a program: %s.", w->node, what);
    return -1;
}

static int grow(void *array, int n, size_t size) {
    /* doubles at powers of two: amortised without a capacity field */
    if (n & (n - 1)) return 0;
    void *bigger = PyMem_Realloc(*(void **)array, size * (n ? 2 * (size_t)n : 1));
    if (!bigger) return PyErr_NoMemory(), -1;
    *(void **)array = bigger;
    return 0;
}

/* ---- slots and registers ---- */

/* Gives the slot its place in the Prepared of a segment. */
static int place_slot(Walk *w, int slot, int segment) {
    Slot *s = w->p->slots + slot;
    Segment *g = w->p->segments + segment;
    s->segment = segment;
    s->local = g->n_slots++;
    s->info = g->n_table;
    g->n_table += 2 * s->ndim;
    if (s->kind == HOST) s->host = g->n_hosts++;
    if (s->kind != INPUT && s->kind != SHARED && s->kind != CONST && s->kind != HELD) return 0;
    if (grow(&g->externals, g->n_externals, sizeof(int))) return -1;
    g->externals[g->n_externals++] = slot;
    if (s->kind != CONST) g->n_sig += 2 * s->ndim;
    return 0;
}

static int need_register(const Walk *w, i64 r) {
    if (r >= 0 && r < w->p->n_registers && w->p->register_segment[r] >= 0) return 0;
    PyErr_Format(PyExc_ValueError, "node %d of a program reads register %lld, which nothing before it sets.", w->node,
                 r);
    return -1;
}

static int need_registers(const Walk *w, const int *registers, int n) {
    for (int i = 0; i < n; i++)
        if (need_register(w, registers[i])) return -1;
    return 0;
}

/* First mention of a slot: checks that it can be there, and places it. */
static int introduce(Walk *w, int slot, int written_here) {
    Slot *s = w->p->slots + slot;
    if (s->first < 0) s->first = w->node;
    s->last = w->node;
    if (s->segment >= 0) return 0;
    switch (s->kind) {
    case CONST: return place_slot(w, slot, 0);
    case INPUT:
    case SHARED: return w->listed[slot] ? place_slot(w, slot, 0) : wrong(w, "is neither an input nor shared", slot);
    case OBJECT:
    case HELD: return w->listed[slot] ? 0 : wrong(w, "is read before anything makes it", slot);
    case HOST: return need_register(w, s->reg) ? -1 : place_slot(w, slot, w->p->register_segment[s->reg]);
    case VIEW:
        return written_here ? place_slot(w, slot, w->segment) : wrong(w, "is a view that no node has made yet", slot);
    }
    if (s->registers) return need_registers(w, s->registers, s->ndim) ? -1 : place_slot(w, slot, w->segment);
    int prep = w->p->nodes[w->node].prep;
    if (!written_here || (prep != COLLAPSED && prep != LOOP))
        return wrong(w, "has no lengths: give registers, or let a COLLAPSED node or a LOOP write it first", slot);
    return place_slot(w, slot, w->segment);
}

/* ---- code ---- */

static int check_read(Walk *w, Instruction *in) {
    Program *p = w->p;
    Segment *g = p->segments + w->segment;
    Slot *s = p->slots + in->a;
    if (!(s->kind == INPUT || s->kind == SHARED || s->kind == CONST || s->kind == HELD || s->segment >= 0) ||
        s->kind == OBJECT || s->ndim > 1 || !(PyTypeNum_ISINTEGER(s->typenum) || PyTypeNum_ISBOOL(s->typenum)))
        return wrong(w, "cannot be read by R_VALUE: it needs a known integer or bool of rank 0 or 1", (int)in->a);
    if (introduce(w, (int)in->a, 0) || grow(&g->reads, g->n_reads, sizeof(Read))) return -1;
    g->reads[g->n_reads] = (Read){(int)in->a, in->b};
    in->d = g->n_reads++;
    g->n_sig++;
    return 0;
}

static int check_dim(Walk *w, const Instruction *in) {
    const Slot *s = w->p->slots + in->a;
    if (in->b >= s->ndim) return wrong(w, "has no such axis", (int)in->a);
    if (s->segment < 0 && s->kind != INPUT && s->kind != SHARED && s->kind != CONST)
        return wrong(w, "has no lengths yet: R_DIM must come after the node that mentions it first", (int)in->a);
    return introduce(w, (int)in->a, 0);
}

static int check_code(Walk *w, Node *node) {
    Program *p = w->p;
    for (int i = 0; i < node->n_code; i++) {
        Instruction *in = node->code + i;
        if (in->op == R_DIM || in->op == R_VALUE) {
            if (in->a >= p->n_slots) return wrong(w, "an instruction names no slot", -1);
            if (in->op == R_VALUE && check_read(w, in)) return -1;
            if (in->op == R_DIM && check_dim(w, in)) return -1;
        } else if (in->op != R_CONST) {
            const int operands[] = {(int)in->a, in->b, in->c, in->d};
            for (int k = 0; k < 4; k++)
                if (operands[k] >= 0 && need_register(w, operands[k])) return -1;
        }
        if (p->register_segment[in->dst] >= 0) return wrong(w, "a register is set twice", -1);
        p->register_segment[in->dst] = w->segment;
    }
    return 0;
}

/* ---- segments ---- */

/* R_VALUE reads memory when its segment is prepared: what it reads must have been written in an earlier one. */
static int reads_this_segment(const Walk *w, const Node *node) {
    for (int i = 0; i < node->n_code; i++)
        if (node->code[i].op == R_VALUE && node->code[i].a < w->p->n_slots) {
            const Slot *s = w->p->slots + node->code[i].a;
            int computed =
                s->kind == TEMP || s->kind == ARRAY || s->kind == UPDATE || s->kind == VIEW || s->kind == HOST;
            if (computed && (s->segment == w->segment || w->written[w->alias[node->code[i].a]] == w->segment)) return 1;
        }
    return 0;
}

static void enter_segment(Walk *w, const Node *node) {
    Segment *g = w->p->segments + w->segment;
    if (node->prep != PYTHON && !g->python && !reads_this_segment(w, node)) return;
    g->end = w->node;
    g = w->p->segments + ++w->segment;
    g->first = w->node;
    g->python = node->prep == PYTHON;
}

/* ---- operands ---- */

static int check_output(Walk *w, Node *node, int slot) {
    Program *p = w->p;
    int kind = p->slots[slot].kind;
    if (node->prep == PYTHON) {
        if ((kind != HELD && kind != OBJECT) || w->listed[slot])
            return wrong(w, "cannot be made by a Python node", slot);
        w->listed[slot] = 1;
        return kind == HELD ? place_slot(w, slot, w->segment) : 0;
    }
    if (node->prep != COLLAPSED && node->prep != FULL && node->prep != LOOP) { /* a view: parse_node checked its kind */
        if (p->slots[slot].segment >= 0) return wrong(w, "is made by two views", slot);
        if (node->prep == SELECT) /* of one memory or another: never written, and read no sooner than both could be */
            w->written[slot] = w->segment;
        else
            w->alias[slot] = w->alias[node->ops[1]];
        return introduce(w, slot, 1);
    }
    if (node->prep == LOOP && w->alias[slot] != slot) return wrong(w, "is a view, and a LOOP writes whole slots", slot);
    int root = p->slots[w->alias[slot]].kind;
    if (root != TEMP && root != ARRAY && root != UPDATE)
        return wrong(w, "is written, but its memory is not the program's", slot);
    w->written[w->alias[slot]] = w->segment;
    return introduce(w, slot, 1);
}

static int check_operands(Walk *w, Node *node) {
    if (node->guard >= 0 && need_register(w, node->guard)) return -1;
    if (node->loop && need_register(w, node->loop->steps)) return -1;
    for (int k = node->n_outputs; k < node->n_ops; k++) {
        if (w->p->slots[node->ops[k]].kind == OBJECT && node->prep != PYTHON)
            return wrong(w, "is a Python object: only Python nodes read it", node->ops[k]);
        /* an output that is also an input (the result of a plain dot as its own y) is introduced as an output */
        int also_output = 0;
        for (int j = 0; j < node->n_outputs; j++) also_output |= node->ops[j] == node->ops[k];
        if (introduce(w, node->ops[k], also_output && node->prep == COLLAPSED)) return -1;
    }
    for (int k = 0; k < node->n_outputs; k++)
        if (check_output(w, node, node->ops[k])) return -1;
    int registers = node->prep == FULL || node->prep == RESHAPE || node->prep == SELECT ? node->n_params : 0;
    if (need_registers(w, node->params, registers)) return -1;
    for (int i = 0; node->items && i < node->n_params; i++) {
        const Item *it = node->items + i;
        const int operands[] = {it->a, it->b, it->c};
        for (int k = 0; k < 3; k++)
            if (operands[k] >= 0 && need_register(w, operands[k])) return -1;
    }
    return 0;
}

/* Positions of the node's d, s and pointers. */
static void place_node(Walk *w, Node *node) {
    Segment *g = w->p->segments + w->segment;
    int ranks = 0, n_d = 0, n_s = 0, n_ptr = node->n_ops;
    for (int k = 0; k < node->n_ops; k++) ranks += w->p->slots[node->ops[k]].ndim;
    node->segment = w->segment;
    if (node->prep == COLLAPSED) {
        n_d = 1 + node->n_loops;
        n_s = node->n_ops * node->n_loops;
    } else if (node->prep == FULL) {
        n_d = node->n_params + ranks;
        n_s = ranks;
    } else if (node->prep == LOOP) {
        n_d = 1; /* the address of its LoopPrepared */
    } else if (node->prep == RESHAPE) { /* room for the copy, should strides demand it */
        int ndim = w->p->slots[node->ops[1]].ndim;
        n_d = 1 + ndim;
        n_s = 2 * ndim;
    } else {
        n_ptr = 0;
    }
    node->d = g->n_table;
    node->s = g->n_table + n_d;
    g->n_table += n_d + n_s;
    node->ptr = w->p->n_pointers;
    w->p->n_pointers += n_ptr;
    g->n_ops += n_ptr;
}

/* ---- results ---- */

static int check_results(Walk *w) {
    Program *p = w->p;
    for (int i = 0; i < p->n_outputs; i++) {
        Slot *s = p->slots + p->outputs[i];
        int made = s->kind == ARRAY ? w->written[p->outputs[i]] >= 0 : w->listed[p->outputs[i]];
        if ((s->kind != ARRAY && s->kind != HELD && s->kind != OBJECT) || !made || p->result_slots[p->outputs[i]]) {
            PyErr_Format(PyExc_ValueError,
                         "output %d of a program: slot %d must be an ARRAY, HELD or OBJECT slot that a node "
                         "makes, and stand there once. Copy it into an ARRAY slot.",
                         i, p->outputs[i]);
            return -1;
        }
        p->result_slots[p->outputs[i]] = 1;
        p->n_held_results += s->kind == HELD;
        s->last = p->n_nodes;
    }
    for (int i = 0; i < p->n_updates; i++) {
        Slot *s = p->slots + p->updates[i].slot, *t = p->slots + p->shared[p->updates[i].shared].slot;
        int made =
            s->kind == UPDATE ? w->written[p->updates[i].slot] >= 0 && s->update < 0 : w->listed[p->updates[i].slot];
        if ((s->kind != UPDATE && s->kind != HELD && s->kind != OBJECT) || !made || s->typenum != t->typenum ||
            s->ndim != t->ndim) {
            PyErr_Format(PyExc_ValueError,
                         "update %d of a program: slot %d must be an UPDATE, HELD or OBJECT slot that a node "
                         "makes, of the dtype and rank of its shared slot, and no other update's.",
                         i, p->updates[i].slot);
            return -1;
        }
        for (int j = 0; j < i; j++)
            if (p->updates[j].shared == p->updates[i].shared)
                return PyErr_Format(PyExc_ValueError, "updates %d and %d of a program have the same target.", j, i), -1;
        p->n_held_results += s->kind == HELD;
        s->update = i;
        s->last = p->n_nodes;
    }
    return 0;
}

/* Slots that stand for arguments and containers, each once. */
static int check_entries(Walk *w) {
    Program *p = w->p;
    for (int i = 0; i < p->n_inputs + p->n_shared; i++) {
        int input = i < p->n_inputs, at = input ? i : i - p->n_inputs;
        int slot = input ? p->inputs[at].slot : p->shared[at].slot, kind = p->slots[slot].kind;
        if ((kind != OBJECT && kind != (input ? INPUT : SHARED)) || w->listed[slot]) {
            PyErr_Format(PyExc_ValueError, "%s %d of a program: slot %d is of another kind, or stands there twice.",
                         input ? "input" : "shared", at, slot);
            return -1;
        }
        w->listed[slot] = 1;
        for (int j = 0; !input && j < at; j++)
            if (p->shared[j].storage == p->shared[at].storage)
                return PyErr_Format(PyExc_ValueError, "shared %d and %d of a program are the same container.", j, at),
                       -1;
    }
    return 0;
}

/* ---- direct updates ---- */

static int same_axes(const Node *node, int k, int other) {
    for (int j = 0; node->prep == COLLAPSED && j < node->n_loops; j++)
        if (node->axes[k * node->n_loops + j] != node->axes[other * node->n_loops + j]) return 0;
    return 1;
}

/* Notes in w->seen which slots may share memory with `slot` through a SELECT or a view of one. */
static void spread(const Walk *w, int slot) {
    const Program *p = w->p;
    memset(w->seen, 0, p->n_slots);
    for (int n = 0; n < p->n_nodes; n++) {
        const Node *node = p->nodes + n;
        int view = node->prep == DIMSHUFFLE || node->prep == SUBTENSOR || node->prep == RESHAPE;
        if (!view && node->prep != SELECT) continue;
        for (int k = 1; k < node->n_ops; k++)
            if (w->seen[node->ops[k]] || (node->prep == SELECT && w->alias[node->ops[k]] == slot))
                w->seen[node->ops[0]] = 1;
    }
}

/* May the kernels write update `u` into the shared array itself? Every node that can fail and every reader of the old
 * value must come before the first writer, and that writer must read the old value in place, if at all. */
static int direct_is_safe(const Walk *w, const Update *u) {
    const Program *p = w->p;
    int shared = p->shared[u->shared].slot, writer = -1, position = -1;
    if (p->slots[u->slot].kind != UPDATE) return 0;
    spread(w, shared);
    for (int n = 0; n < p->n_nodes; n++) {
        const Node *node = p->nodes + n;
        int kernel = node->prep == COLLAPSED || node->prep == FULL;
        if (writer < 0 && kernel)
            for (int k = 0; k < node->n_outputs && writer < 0; k++)
                if (w->alias[node->ops[k]] == u->slot) {
                    writer = n;
                    position = k;
                }
        if (writer < 0 || node->prep == CODE) continue;
        if (node->segment != w->segment || (n > writer && node->flags & FALLIBLE && (kernel || node->prep == LOOP)))
            return 0;
        for (int k = node->n_outputs; k < node->n_ops; k++) {
            if (w->alias[node->ops[k]] != shared && !w->seen[node->ops[k]]) continue;
            if (n > writer || node->ops[k] != shared || node->ops[position] != u->slot || !same_axes(node, k, position))
                return 0;
        }
    }
    return writer >= 0;
}

/* ---- all ---- */

static int walk_nodes(Walk *w) {
    Program *p = w->p;
    for (w->node = 0; w->node < p->n_nodes; w->node++) {
        Node *node = p->nodes + w->node;
        enter_segment(w, node);
        if (check_code(w, node) || check_operands(w, node)) return -1;
        place_node(w, node);
    }
    p->segments[w->segment].end = p->n_nodes;
    p->n_segments = w->segment + 1;
    for (int g = 0; g < p->n_segments; g++)
        if (p->segments[g].n_sig > p->max_sig) p->max_sig = p->segments[g].n_sig;
    return 0;
}

/* Checks the program as a whole and fills in every position. 0, or -1 with ValueError. */
int analyse_program(Program *p) {
    Walk w = {.p = p};
    int failed = -1;
    w.alias = PyMem_Calloc(p->n_slots + 1, sizeof(int));
    w.written = PyMem_Calloc(p->n_slots + 1, sizeof(int));
    w.listed = PyMem_Calloc(p->n_slots + 1, 1);
    w.seen = PyMem_Calloc(p->n_slots + 1, 1);
    p->result_slots = PyMem_Calloc(p->n_slots + 1, 1);
    p->holders = PyMem_Calloc(p->n_slots + 1, sizeof(int));
    p->register_segment = PyMem_Calloc(p->n_registers + 1, sizeof(int));
    p->segments = PyMem_Calloc(p->n_nodes + 2, sizeof(Segment));
    if (!w.alias || !w.written || !w.listed || !w.seen || !p->result_slots || !p->holders || !p->register_segment ||
        !p->segments) {
        PyErr_NoMemory();
        goto done;
    }
    for (int i = 0; i < p->n_slots; i++) {
        w.alias[i] = i;
        w.written[i] = -1;
    }
    for (int r = 0; r < p->n_registers; r++) p->register_segment[r] = -1;
    if (check_entries(&w) || walk_nodes(&w) || check_results(&w)) goto done;
    for (int i = 0; i < p->n_updates; i++)
        if (p->updates[i].mode == DIRECT && !direct_is_safe(&w, p->updates + i)) p->updates[i].mode = SWAP;
    for (int i = 0; i < p->n_slots; i++) {
        int kind = p->slots[i].kind;
        if (kind == INPUT || kind == SHARED || kind == ARRAY || kind == UPDATE || kind == HELD || kind == OBJECT)
            p->holders[p->n_holders++] = i;
    }
    failed = 0;
done:
    PyMem_Free(w.alias);
    PyMem_Free(w.written);
    PyMem_Free(w.listed);
    PyMem_Free(w.seen);
    return failed;
}
