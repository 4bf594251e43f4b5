/* Preparation of kernels: shapes of what they write, agreement of lengths, memory taken over from dead inputs. */
#include "cvm.h"

#include <limits.h>
#include <string.h>

/* Sets the lengths and C strides of a slot that the program allocates. 0, or -1 with a failure noted. */
int fill_shape(Context *c, Prepared *q, int slot, const i64 *lengths, int node) {
    Slot *s = c->program->slots + slot;
    i64 *own = q->table + s->info, *strides = own + s->ndim, size = s->itemsize, empty = 0;
    for (int i = s->ndim - 1; i >= 0; i--) {
        i64 n = lengths[i];
        if (n < 0) return fail_at(c, node, SYM_SHAPE, "the length of axis %d would be %lld.", i, n);
        own[i] = n;
        strides[i] = size;
        empty |= n == 0;
        if (n > 1 && size > (i64)PY_SSIZE_T_MAX / 2 / n) {
            if (!empty) /* an empty array may have any other lengths; look at those in front */
                for (int j = 0; j < i; j++) empty |= lengths[j] == 0;
            if (!empty) return fail_at(c, node, SYM_MEMORY, "a result of this shape does not fit in memory.");
            continue;
        }
        size *= n ? n : 1;
    }
    Place *place = q->places + s->local;
    *place = (Place){.root = slot};
    if (s->kind == TEMP) add_root(c, slot);
    return 0;
}

static int fill_declared(Context *c, Prepared *q, Node *node) {
    Program *p = c->program;
    i64 lengths[MAX_LOOPS];
    for (int k = 0; k < node->n_ops; k++) {
        Slot *s = p->slots + node->ops[k];
        if (!s->registers || s->segment != q->segment || q->places[s->local].root >= 0) continue;
        for (int i = 0; i < s->ndim; i++) lengths[i] = q->registers[s->registers[i]];
        if (fill_shape(c, q, node->ops[k], lengths, (int)(node - p->nodes))) return -1;
    }
    return 0;
}

/* ---- in place ---- */

static int same_layout(Context *c, int a, int b) {
    int ndim = c->program->slots[a].ndim;
    if (ndim != c->program->slots[b].ndim) return 0;
    const i64 *la = lengths_of(c, a), *lb = lengths_of(c, b);
    for (int i = 0; i < ndim; i++)
        if (la[i] != lb[i] || (la[i] > 1 && la[ndim + i] != lb[ndim + i])) return 0;
    return 1;
}

/* Operands of one layout visit the same elements at the same time if they move along the same axes (what may stretch
 * does not matter: their lengths are those of the output). */
static int same_walk(const Node *node, int k, int other) {
    if (node->prep != COLLAPSED) return 1;
    return !memcmp(node->axes + k * node->n_loops, node->axes + other * node->n_loops, node->n_loops * sizeof(int));
}

/* Lets output `out` (a position) use the memory of input `in`, if that is dead after this node and no other operand
 * would see the writes at another element than its own. */
static void take_over(Context *c, Prepared *q, Node *node, int out, int in) {
    Program *p = c->program;
    int index = (int)(node - p->nodes), output = node->ops[out], input = node->ops[in];
    Slot *o = p->slots + output;
    Place *to = place_of(c, output), *from = place_of(c, input);
    Slot *root = p->slots + from->root;
    if (o->kind != TEMP || o->first != index || to->root != output || !in_arena(root) || root->segment != q->segment ||
        p->root_last[from->root] != index || o->itemsize != p->slots[input].itemsize ||
        !same_layout(c, output, input) || !same_walk(node, out, in))
        return;
    for (int k = 0; k < node->n_ops; k++) {
        Place *other = place_of(c, node->ops[k]);
        if (k == out || k == in || other->root != from->root) continue;
        if (k < node->n_outputs || node->prep == FULL || other->offset != from->offset || !same_walk(node, in, k) ||
            !same_layout(c, input, node->ops[k]))
            return;
    }
    *to = (Place){.root = from->root, .offset = from->offset};
    p->root_last[from->root] = o->last;
}

/* ---- loops ---- */

static int disagree(Context *c, Node *node, int loop, int k, i64 a, i64 b) {
    int axis = node->axes[k * node->n_loops + loop], position = k < node->n_outputs ? k : k - node->n_outputs;
    return fail_at(c, (int)(node - c->program->nodes), SYM_SHAPE,
                   "%s %d has length %lld along axis %d, where the operands before it have length %lld. Lengths must "
                   "be "
                   "equal; only an axis declared broadcastable may have length 1 instead.",
                   k < node->n_outputs ? "output" : "input", position, b, axis, a);
}

/* The length of each loop, from all operands whose shape is known. */
static int loop_lengths(Context *c, Node *node, i64 *d) {
    int n = node->n_loops;
    for (int j = 0; j < n; j++) d[j] = -1;
    for (int k = 0; k < node->n_ops; k++) {
        if (place_of(c, node->ops[k])->root < 0) continue;
        const i64 *lengths = lengths_of(c, node->ops[k]);
        for (int j = 0; j < n; j++) {
            int axis = node->axes[k * n + j];
            if (axis < 0 || (lengths[axis] == 1 && node->stretch[k] >> j & 1)) continue;
            if (d[j] >= 0 && d[j] != lengths[axis]) return disagree(c, node, j, k, d[j], lengths[axis]);
            d[j] = lengths[axis];
        }
    }
    for (int j = 0; j < n; j++)
        if (d[j] < 0) d[j] = 1;
    return 0;
}

static int fill_inferred(Context *c, Prepared *q, Node *node, const i64 *d) {
    i64 lengths[MAX_LOOPS];
    for (int k = 0; k < node->n_outputs; k++) {
        Slot *s = c->program->slots + node->ops[k];
        if (place_of(c, node->ops[k])->root >= 0) continue;
        for (int i = 0; i < s->ndim; i++) lengths[i] = 1;
        for (int j = 0; j < node->n_loops; j++)
            if (node->axes[k * node->n_loops + j] >= 0) lengths[node->axes[k * node->n_loops + j]] = d[j];
        if (fill_shape(c, q, node->ops[k], lengths, (int)(node - c->program->nodes))) return -1;
    }
    return 0;
}

static i64 saturated(i64 a, i64 b) {
    return a && b > LLONG_MAX / 4 / a ? LLONG_MAX / 4 : a * b;
}

/* Of a loop, what it moves along: a table whose rows are found by an index counts as one row. */
static i64 bytes_touched(Context *c, const Node *node) {
    i64 total = 0;
    for (int k = 0; k < node->n_ops; k++) {
        const Slot *s = c->program->slots + node->ops[k];
        const i64 *lengths = lengths_of(c, node->ops[k]);
        const int *axes = node->prep == COLLAPSED ? node->axes + k * node->n_loops : NULL;
        i64 bytes = s->itemsize;
        for (int i = 0; i < (axes ? node->n_loops : s->ndim); i++)
            if (!axes || axes[i] >= 0) bytes *= lengths[axes ? axes[i] : i];
        total += bytes;
    }
    return total;
}

/* Appends a run of `fn` on the node's pointers, d and s; gives its work. */
i64 add_run(Context *c, Prepared *q, Node *node, sym_kernel *fn) {
    const i64 *d = q->table + node->d;
    i64 work = node->routine && node->routine->work ? node->routine->work(d) : bytes_touched(c, node);
    work = saturated(work, node->weight > 1 ? node->weight : 1);
    q->work = q->work > LLONG_MAX / 2 - work ? LLONG_MAX / 2 : q->work + work;
    q->runs[q->n_runs++] = (Run){fn, d, q->table + node->s, node->ptr, (int)(node - c->program->nodes), NULL};
    return work;
}

static int prepare_collapsed(Context *c, Prepared *q, Node *node) {
    int n = node->n_loops;
    i64 *d = q->table + node->d, *s = q->table + node->s;
    if (loop_lengths(c, node, d + 1) || fill_inferred(c, q, node, d + 1)) return -1;
    for (int k = 0; k < node->n_ops; k++) {
        const i64 *lengths = lengths_of(c, node->ops[k]);
        const i64 *strides = lengths + c->program->slots[node->ops[k]].ndim;
        for (int j = 0; j < n; j++) {
            int axis = node->axes[k * n + j];
            s[k * n + j] = axis < 0 || (lengths[axis] == 1 && d[1 + j] != 1) ? 0 : strides[axis];
            /* a loop is reduced if its output stays: one without elements stays too, but must not look like that */
            if (k < node->n_outputs && axis >= 0 && !s[k * n + j] && d[1 + j] != 1)
                s[k * n + j] = c->program->slots[node->ops[k]].itemsize;
        }
    }
    collapse(node->n_ops, node->n_outputs, n, d, s, node->flags & REORDER);
    return 0;
}

static void prepare_full(Context *c, Prepared *q, Node *node) {
    i64 *d = q->table + node->d, *s = q->table + node->s;
    for (int i = 0; i < node->n_params; i++) *d++ = q->registers[node->params[i]];
    for (int k = 0; k < node->n_ops; k++) {
        int ndim = c->program->slots[node->ops[k]].ndim;
        const i64 *lengths = lengths_of(c, node->ops[k]);
        memcpy(d, lengths, ndim * sizeof(i64));
        memcpy(s, lengths + ndim, ndim * sizeof(i64));
        d += ndim;
        s += ndim;
    }
}

/* Launch parameters of a COLLAPSED or FULL node. 0, or -1 with a failure noted. */
int prepare_kernel(Context *c, Prepared *q, Node *node) {
    if (fill_declared(c, q, node)) return -1;
    if (node->prep == FULL)
        prepare_full(c, q, node);
    else if (prepare_collapsed(c, q, node))
        return -1;
    for (int i = 0; i < node->n_inplace; i++)
        take_over(c, q, node, node->inplace[2 * i], node->n_outputs + node->inplace[2 * i + 1]);
    sym_kernel *chosen = NULL;
    if (node->routine && node->routine->choose) chosen = node->routine->choose(q->table + node->d, q->table + node->s);
    q->blas |= !chosen && node->routine && node->routine->needs_blas;
    plan_cut(c, q, node, add_run(c, q, node, chosen ? chosen : node->fn));
    return 0;
}
