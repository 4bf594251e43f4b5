/* Preparation of views: they cost nothing at run time, their slot gets a root, an offset, lengths and strides. */
#include "cvm.h"

#include <stdio.h>
#include <string.h>

/* Registers that the slot shares memory with `root` from `offset` bytes on. */
static void set_place(Context *c, Prepared *q, int slot, const Place *from, i64 offset) {
    Program *p = c->program;
    Slot *s = p->slots + slot, *root = p->slots + from->root;
    q->places[s->local] = (Place){.root = from->root, .offset = from->offset + offset};
    if (in_arena(root) && root->segment == q->segment && p->root_last[from->root] < s->last)
        p->root_last[from->root] = s->last;
}

static int dimshuffle(Context *c, Prepared *q, Node *node) {
    Program *p = c->program;
    int ndim = p->slots[node->ops[0]].ndim, n_in = p->slots[node->ops[1]].ndim;
    i64 *to = q->table + p->slots[node->ops[0]].info, *from = lengths_of(c, node->ops[1]);
    npy_uint64 kept = 0;
    for (int i = 0; i < ndim; i++) {
        int axis = node->params[i];
        to[i] = axis < 0 ? 1 : from[axis];
        to[ndim + i] = axis < 0 ? 0 : from[n_in + axis];
        if (axis >= 0) kept |= (npy_uint64)1 << axis;
    }
    for (int i = 0; i < n_in; i++)
        if (!(kept >> i & 1) && from[i] != 1)
            return fail_at(c, (int)(node - p->nodes), SYM_SHAPE,
                           "axis %d has length %lld and cannot be dropped: only an axis of length 1 can.", i, from[i]);
    set_place(c, q, node->ops[0], place_of(c, node->ops[1]), 0);
    return 0;
}

static int subtensor(Context *c, Prepared *q, Node *node) {
    Program *p = c->program;
    int n_in = p->slots[node->ops[1]].ndim, ndim = p->slots[node->ops[0]].ndim, out = 0;
    i64 *to = q->table + p->slots[node->ops[0]].info, *from = lengths_of(c, node->ops[1]), *r = q->registers,
        offset = 0;
    for (int i = 0; i < n_in; i++) {
        Item it = i < node->n_params ? node->items[i] : (Item){ITEM_SLICE, -1, -1, -1};
        i64 length = from[i], stride = from[n_in + i];
        if (it.kind == ITEM_INDEX) {
            i64 v = r[it.a];
            if (v < -length || v >= length)
                return fail_at(c, (int)(node - p->nodes), SYM_INDEX,
                               "index %lld is out of bounds for axis %d with size %lld.", v, i, length);
            offset += (v < 0 ? v + length : v) * stride;
            continue;
        }
        i64 start = it.a < 0 ? 0 : r[it.a], stop = it.b < 0 ? 0 : r[it.b], step = it.c < 0 ? 1 : r[it.c];
        if (!step)
            return fail_at(c, (int)(node - p->nodes), SYM_VALUE, "the step of a slice is 0. Use one that is not zero.");
        if (out == ndim) break;
        to[out] = slice_length(&start, &stop, step, it.a >= 0, it.b >= 0, length);
        to[ndim + out] = to[out] > 1 ? step * stride : stride; /* one element: the step may be beyond any stride */
        offset += to[out++] ? start * stride : 0;
    }
    if (out != ndim)
        return fail_at(c, (int)(node - p->nodes), SYM_SHAPE,
                       "the result of indexing does not have %d axes as declared.", ndim);
    set_place(c, q, node->ops[0], place_of(c, node->ops[1]), offset);
    return 0;
}

/* ---- reshape ---- */

static void print_shape(char *text, size_t size, const i64 *lengths, int ndim) {
    size_t at = 0;
    text[0] = 0;
    for (int i = 0; i < ndim && at + 24 < size; i++)
        at += (size_t)snprintf(text + at, size - at, i ? ", %lld" : "%lld", lengths[i]);
}

/* Reads the wanted lengths and replaces one -1. */
static int wanted_lengths(Context *c, Prepared *q, Node *node, i64 *to, int ndim, i64 total) {
    i64 known = 1;
    int unknown = -1, index = (int)(node - c->program->nodes), fits = 1;
    char text[200];
    for (int i = 0; i < ndim; i++) {
        to[i] = q->registers[node->params[i]];
        if (to[i] == -1 && unknown < 0) {
            unknown = i;
        } else if (to[i] < 0) {
            return fail_at(c, index, SYM_SHAPE,
                           "reshape to length %lld along axis %d. Use lengths >= 0, and -1 at most once.", to[i], i);
        } else {
            fits &= !to[i] || known <= ((i64)1 << 62) / to[i];
            known = fits ? known * to[i] : known;
        }
    }
    if (unknown >= 0 && fits && known && total % known == 0)
        to[unknown] = total / known;
    else if (unknown >= 0 || !fits || known != total) {
        print_shape(text, sizeof text, to, ndim);
        return fail_at(c, index, SYM_SHAPE, "cannot reshape %lld elements into shape (%s).", total, text);
    }
    return 0;
}

/* Strides for the new lengths over the same memory, if there are any: both shapes are cut into the smallest runs of
 * axes with equal products; the old axes of each run must follow one another in memory. */
static int strides_without_copy(const i64 *from, int n_in, i64 *to, int ndim, i64 itemsize) {
    i64 lengths[MAX_LOOPS], strides[MAX_LOOPS];
    int n = 0, old = 0, new = 0;
    for (int i = 0; i < n_in; i++)
        if (from[i] != 1) {
            lengths[n] = from[i];
            strides[n++] = from[n_in + i];
        }
    while (old < n) {
        i64 have = lengths[old], want = 1;
        int old_end = old + 1, new_end = new;
        while (have != want) {
            if (want < have)
                want *= to[new_end++];
            else
                have *= lengths[old_end++];
        }
        for (int i = old; i + 1 < old_end; i++)
            if (strides[i] != strides[i + 1] * lengths[i + 1]) return 0;
        i64 stride = strides[old_end - 1];
        for (int i = new_end - 1; i >= new; i--) {
            to[ndim + i] = stride;
            stride *= to[i];
        }
        old = old_end;
        new = new_end;
    }
    for (; new < ndim; new++) to[ndim + new] = itemsize; /* only lengths 1 are left */
    return 1;
}

static void c_strides(i64 *to, int ndim, i64 itemsize) {
    for (int i = ndim - 1; i >= 0; i--) {
        to[ndim + i] = itemsize;
        itemsize *= to[i] ? to[i] : 1;
    }
}

static int reshape(Context *c, Prepared *q, Node *node) {
    Program *p = c->program;
    Slot *view = p->slots + node->ops[0], *in = p->slots + node->ops[1];
    i64 *to = q->table + view->info, *from = lengths_of(c, node->ops[1]), total = 1;
    for (int i = 0; i < in->ndim; i++) total *= from[i];
    if (wanted_lengths(c, q, node, to, view->ndim, total)) return -1;
    if (!total) {
        c_strides(to, view->ndim, view->itemsize);
        set_place(c, q, node->ops[0], place_of(c, node->ops[1]), 0);
    } else if (strides_without_copy(from, in->ndim, to, view->ndim, view->itemsize)) {
        set_place(c, q, node->ops[0], place_of(c, node->ops[1]), 0);
    } else {
        /* copy in the order of the old axes into new memory, which the new lengths then describe */
        i64 *d = q->table + node->d, *s = q->table + node->s, shape[2 * MAX_LOOPS];
        memcpy(shape, from, in->ndim * sizeof(i64));
        c_strides(shape, in->ndim, in->itemsize);
        memcpy(d + 1, from, in->ndim * sizeof(i64));
        memcpy(s, shape + in->ndim, in->ndim * sizeof(i64));
        memcpy(s + in->ndim, from + in->ndim, in->ndim * sizeof(i64));
        collapse(2, 1, in->ndim, d, s, 1);
        c_strides(to, view->ndim, view->itemsize);
        q->places[view->local] = (Place){.root = node->ops[0]};
        add_root(c, node->ops[0]);
        add_run(c, q, node, copy_kernel(view->itemsize));
    }
    return 0;
}

static int select_one(Context *c, Prepared *q, Node *node) {
    Program *p = c->program;
    int chosen = node->ops[q->registers[node->params[0]] ? 1 : 2];
    Slot *view = p->slots + node->ops[0];
    if (p->slots[chosen].typenum != view->typenum)
        return fail_at(c, (int)(node - p->nodes), SYM_VALUE, "a choice has the dtype of both that it is between.");
    memcpy(q->table + view->info, lengths_of(c, chosen), 2 * view->ndim * sizeof(i64));
    set_place(c, q, node->ops[0], place_of(c, chosen), 0);
    return 0;
}

/* 0, or -1 with a failure noted. */
int prepare_view(Context *c, Prepared *q, Node *node) {
    Program *p = c->program;
    Slot *in = p->slots + node->ops[1];
    i64 lengths[MAX_LOOPS];
    if (node->prep == SELECT) return select_one(c, q, node);
    if (p->slots[node->ops[0]].typenum != in->typenum)
        return fail_at(c, (int)(node - p->nodes), SYM_VALUE, "a view has the dtype of what it looks at.");
    if (in->registers && in->segment == q->segment && q->places[in->local].root < 0) { /* viewed before it is written */
        for (int i = 0; i < in->ndim; i++) lengths[i] = q->registers[in->registers[i]];
        if (fill_shape(c, q, node->ops[1], lengths, (int)(node - p->nodes))) return -1;
    }
    switch (node->prep) {
    case DIMSHUFFLE: return dimshuffle(c, q, node);
    case SUBTENSOR: return subtensor(c, q, node);
    default: return reshape(c, q, node);
    }
}
