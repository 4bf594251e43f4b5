/* Loops: a program of one step, run again and again on pointers that move over the operands of the node.
 *
 * Everything is decided when the outer segment is prepared and bound: the inner Prepared, the arena of the steps, and
 * for each pointer into an operand where it starts and how far it moves. A step is then a walk over the inner runs and
 * an addition for each such pointer; nothing needs the GIL. */
#include "cvm.h"

#include <stdint.h>
#include <string.h>

#include "kernels.h"

#define BETWEEN_CHECKS ((i64)1 << 28) /* work between two looks for a signal: some tens of milliseconds */

/* ---- description ---- */

/* Raises that the description of a loop is wrong; always -1. */
int bad_loop(int index, const char *message) {
    if (!PyErr_Occurred()) PyErr_Format(PyExc_ValueError, "node %d of a program, a loop: %s.", index, message);
    return -1;
}

void free_loop(Loop *loop) {
    if (!loop) return;
    for (int i = 0; loop->tracks && i < loop->n_sequences + loop->n_states + loop->n_results; i++)
        PyMem_Free(loop->tracks[i].offsets);
    PyMem_Free(loop->tracks);
    PyMem_Free(loop->sources);
    PyMem_Free(loop->members);
    PyMem_Free(loop);
}

/* Which operands and which inner inputs and outputs belong to which track. */
static int number_tracks(Node *node, int index) {
    Loop *loop = node->loop;
    int inner_in = 0, inner_out = 0, in = node->n_outputs, out = 0, ring = loop->n_states + loop->n_results;
    int n = loop->n_sequences + loop->n_states + loop->n_results;
    for (int i = 0; i < n; i++) {
        Track *t = loop->tracks + i;
        int result = i >= loop->n_sequences + loop->n_states;
        for (int k = 0; k < t->n && i >= loop->n_sequences; k++)
            if (-t->offsets[k] > t->before) t->before = -t->offsets[k];
        t->first = inner_in;
        t->in = result ? -1 : in++;
        t->out = i < loop->n_sequences ? -1 : out++;
        t->ring = t->out >= 0 && t->keep > (result ? 1 : 0) ? ring++ : -1;
        if (inner_in + t->n > loop->inner->n_inputs) return bad_loop(index, "its program has too few inputs");
        for (int k = 0; k < t->n; k++) loop->sources[inner_in++] = i;
        if (t->out >= 0) inner_out++;
    }
    for (; inner_in < loop->inner->n_inputs; inner_in++, loop->n_same++) loop->sources[inner_in] = -1 - in++;
    if (in != node->n_ops || ring + loop->until != node->n_outputs || inner_out + loop->until != loop->inner->n_outputs)
        return bad_loop(index, "the numbers of its inputs and outputs do not fit its program and parameters");
    return 0;
}

static int check_slot(Program *p, const Node *node, int operand, const Slot *inner, int rows, int index) {
    const Slot *s = p->slots + node->ops[operand];
    if (s->typenum != inner->typenum || s->ndim != inner->ndim + rows || s->kind == OBJECT)
        return bad_loop(index, "an operand and the slot of its program that it belongs to differ in dtype or rank");
    return 0;
}

static int check_inner(Program *p, const Node *node, int index) {
    const Loop *loop = node->loop;
    const Program *inner = loop->inner;
    int n = loop->n_sequences + loop->n_states + loop->n_results;
    if (inner->n_segments != 1 || inner->segments[0].n_reads || inner->n_shared || inner->n_updates)
        return bad_loop(index, "its program has several segments, reads values for shapes, or has shared variables");
    for (int i = 0; i < inner->n_inputs; i++) {
        const Slot *s = inner->slots + inner->inputs[i].slot;
        int source = loop->sources[i], operand = source < 0 ? -1 - source : loop->tracks[source].in;
        if (s->kind != INPUT || check_slot(p, node, operand, s, source >= 0, index))
            return bad_loop(index, "an input of its program is no tensor");
    }
    for (int i = 0; i < inner->n_outputs; i++) {
        const Slot *s = inner->slots + inner->outputs[i];
        if (s->kind != ARRAY) return bad_loop(index, "an output of its program is not an ARRAY");
        if (i < inner->n_outputs - loop->until && check_slot(p, node, i, s, 1, index)) return -1;
        if (i == inner->n_outputs - loop->until && (s->ndim || s->itemsize > 16))
            return bad_loop(index, "its condition is no scalar");
    }
    for (int i = loop->n_sequences; i < n; i++)
        if (loop->tracks[i].ring >= 0 &&
            check_slot(p, node, loop->tracks[i].ring, inner->slots + inner->outputs[loop->tracks[i].out], 1, index))
            return -1;
    const Slot *made = p->slots + node->ops[node->n_outputs - 1];
    if (loop->until && (made->ndim || made->itemsize != 8 || !PyTypeNum_ISINTEGER(made->typenum)))
        return bad_loop(index, "the number of steps made needs a 0-d int64 slot");
    return 0;
}

/* Gives the loop of a node its place in the program, once its tracks are described. 0, or -1 with an exception. */
int place_loop(Program *p, Node *node, int index) {
    Loop *loop = node->loop;
    loop->sources = PyMem_Calloc(loop->inner->n_inputs + 1, sizeof(int));
    if (!loop->sources) return PyErr_NoMemory(), -1;
    if (number_tracks(node, index)) return -1;
    loop->index = p->n_loops++;
    return check_inner(p, node, index);
}

/* ---- preparation ---- */

void drop_loops(LoopPrepared *l) {
    while (l) {
        LoopPrepared *next = l->next;
        for (int g = 0; g < l->n_groups; g++) drop_loops(l->groups[g]);
        drop_prepared(l->inner);
        PyMem_Free(l);
        l = next;
    }
}

static int at(Context *c, const Node *node) {
    return (int)(node - c->program->nodes);
}

/* Every row that a step reads is there. */
static int check_rows(Context *c, const Node *node, int track, i64 n) {
    const Track *t = node->loop->tracks + track;
    i64 length = lengths_of(c, node->ops[t->in])[0];
    for (int k = 0; k < t->n && n > 0; k++) {
        i64 first = t->offsets[k] < 0 ? t->offsets[k] + length : t->offsets[k], last = first + t->step * (n - 1);
        if (first < 0 || first >= length || last < 0 || last >= length)
            return fail_at(c, at(c, node), SYM_SHAPE,
                           "%lld steps need rows %lld to %lld of sequence %d, which has %lld. Ask for fewer steps, or "
                           "give a longer sequence.",
                           n, first, last, track, length);
    }
    return 0;
}

/* Lengths and strides of an inner input, as its program will see them. */
static void inner_shape(Context *c, const Node *node, int input, const Slot *s, i64 *sig) {
    const Loop *loop = node->loop;
    int source = loop->sources[input], rows = source >= 0;
    int operand = rows ? loop->tracks[source].in : -1 - source;
    const i64 *lengths = lengths_of(c, node->ops[operand]), *strides = lengths + s->ndim + rows;
    memcpy(sig, lengths + rows, s->ndim * sizeof(i64));
    memcpy(sig + s->ndim, strides + rows, s->ndim * sizeof(i64));
    if (!rows || source < loop->n_sequences) return;
    i64 stride = s->itemsize; /* states lie in memory of the machine's own */
    for (int i = s->ndim - 1; i >= 0; i--) {
        sig[s->ndim + i] = stride;
        stride *= sig[i] ? sig[i] : 1;
    }
}

/* The kernels of a step count on the lengths that its inputs were declared with. */
static int check_declared(Context *c, const Node *node, const Slot *s, const i64 *lengths, int input) {
    for (int i = 0; s->lengths && i < s->ndim; i++)
        if (s->lengths[i] >= 0 && s->lengths[i] != lengths[i])
            return fail_at(c, at(c, node), SYM_SHAPE,
                           "input %d of a step is declared to have length %lld along axis %d; it is given %lld.", input,
                           s->lengths[i], i, lengths[i]);
    return 0;
}

/* The context of the steps of a loop, or of a group, made when this one first needs it; NULL with a failure noted. */
static Context *steps_context(Context *c, const Node *node, int part) {
    Context **place = steps_of(c, node->loop, part), *k = *place;
    if (k) return k;
    if (!(k = *place = take_context(node->loop->inner))) {
        PyErr_Clear();
        fail_at(c, at(c, node), SYM_MEMORY, "no memory for the steps.");
        return NULL;
    }
    k->outer = c;
    return k;
}

/* Prepares the program of a step, for so many members of a batch (-1: all there are); the result stands in the inner
 * context. NULL with a failure noted. */
Prepared *prepare_step(Context *c, const Node *node, int part, i64 members) {
    Program *inner = node->loop->inner;
    Context *k = steps_context(c, node, part);
    if (!k) return NULL;
    i64 *sig = k->sig;
    for (int e = 0; e < inner->segments[0].n_externals; e++) {
        int slot = inner->segments[0].externals[e], input = 0;
        const Slot *s = inner->slots + slot;
        if (s->kind == CONST || !s->ndim) continue;
        while (inner->inputs[input].slot != slot) input++;
        inner_shape(c, node, input, s, sig);
        if (members >= 0 && node->loop->members[input] >= 0) sig[node->loop->members[input]] = members;
        if (check_declared(c, node, s, sig, input)) return NULL;
        sig += 2 * s->ndim;
    }
    Prepared *q = find_signature(k, 0);
    if (!q) {
        c->inside = k;
        c->failed_step = -1;
        c->failed_node = at(c, node);
        c->failed_kind = SYM_INSIDE;
    }
    return q;
}

/* Gives an operand its shape: `rows` rows of an output of the inner program. */
static int shape_rows(Context *c, Prepared *q, const Node *node, int operand, int output, i64 rows) {
    const Loop *loop = node->loop;
    const Slot *s = loop->inner->slots + loop->inner->outputs[output];
    i64 lengths[MAX_LOOPS + 1];
    lengths[0] = rows;
    memcpy(lengths + 1, lengths_of(c->loops[loop->index], loop->inner->outputs[output]), s->ndim * sizeof(i64));
    return fill_shape(c, q, node->ops[operand], lengths, at(c, node));
}

static int shape_track(Context *c, Prepared *q, const Node *node, const Track *t, i64 n) {
    i64 total = t->before + n, most = total > t->before + 1 ? total : t->before + 1;
    if (t->before) {
        const i64 *first = lengths_of(c, node->ops[t->in]);
        int output = t->out, ndim = c->program->slots[node->ops[t->in]].ndim - 1;
        const i64 *row = lengths_of(c->loops[node->loop->index], node->loop->inner->outputs[output]);
        if (first[0] != t->before)
            return fail_at(c, at(c, node), SYM_SHAPE,
                           "state %d needs %d initial rows, for it is read that many steps back; it is given %lld.",
                           output, t->before, first[0]);
        for (int i = 0; i < ndim; i++)
            if (first[1 + i] != row[i])
                return fail_at(c, at(c, node), SYM_SHAPE,
                               "a step makes state %d of length %lld along axis %d, where the initial value has length "
                               "%lld. Every step must keep the shape of a state.",
                               output, row[i], i, first[1 + i]);
    }
    if (t->ring >= 0) {
        i64 rows = t->before + 1 > t->keep ? t->before + 1 : t->keep;
        if (shape_rows(c, q, node, t->ring, t->out, rows < most ? rows : most)) return -1;
    }
    return shape_rows(c, q, node, t->out, t->out, t->keep >= 0 && t->keep < total ? t->keep : total);
}

static i64 row_size(Context *c, const Node *node, int operand) {
    return strides_of(c, node->ops[operand])[0];
}

/* Where the pointer to an inner input or output starts, and how it moves. */
static Move input_move(Context *c, const Node *node, int input) {
    const Loop *loop = node->loop;
    int source = loop->sources[input];
    if (source < 0) return (Move){.operand = -1 - source};
    const Track *t = loop->tracks + source;
    i64 offset = t->offsets[input - t->first];
    if (source < loop->n_sequences) {
        i64 stride = row_size(c, node, t->in), length = lengths_of(c, node->ops[t->in])[0];
        return (Move){.operand = t->in,
                      .start = stride * (offset < 0 ? length + offset : offset),
                      .step = stride * t->step};
    }
    int operand = t->ring >= 0 ? t->ring : t->out;
    i64 size = row_size(c, node, operand);
    if (t->ring < 0) return (Move){.operand = operand, .start = size * (t->before + offset), .step = size};
    i64 rows = lengths_of(c, node->ops[operand])[0];
    return (Move){.operand = operand, .step = size, .row = (t->before + offset) % rows, .rows = rows};
}

static Move output_move(Context *c, const Node *node, int output) {
    const Loop *loop = node->loop;
    if (output == loop->inner->n_outputs - loop->until) return (Move){.operand = -1};
    const Track *t = loop->tracks + loop->n_sequences + output;
    int operand = t->ring >= 0 ? t->ring : t->out;
    i64 size = row_size(c, node, operand);
    if (t->ring < 0) return (Move){.operand = operand, .start = size * t->before, .step = t->keep == 1 ? 0 : size};
    i64 rows = lengths_of(c, node->ops[operand])[0];
    return (Move){.operand = operand, .step = size, .row = t->before % rows, .rows = rows};
}

/* `first`: the member of the batch that comes first. */
static Move move_of(Context *c, const Node *node, const Bind *bind, int part, i64 first) {
    const Program *inner = node->loop->inner;
    Move move = {0};
    int found = -1;
    for (int i = 0; i < inner->n_inputs && found < 0; i++)
        if (inner->inputs[i].slot == bind->root) {
            move = input_move(c, node, i);
            found = i;
        }
    for (int i = 0; i < inner->n_outputs && found < 0; i++)
        if (inner->outputs[i] == bind->root) {
            move = output_move(c, node, i);
            found = inner->n_inputs + i;
        }
    move.pos = bind->pos;
    move.start += bind->offset;
    const int axis = first && found >= 0 ? node->loop->members[found] : -1;
    if (axis >= 0) move.start += first * strides_of(*steps_of(c, node->loop, part), bind->root)[axis];
    return move;
}

/* May the kernel of all steps run: is every row of one length, and without gaps? */
static int fits_fused(const Loop *loop, const Prepared *inner) {
    if (!loop->fused || !inner->n_runs) return 0;
    const Run *first = inner->runs;
    for (const Run *run = first; run < first + inner->n_runs; run++) {
        const Node *node = loop->inner->nodes + run->node;
        if (node->prep != COLLAPSED || run->d[0] > 1 || run->d[0] != first->d[0]) return 0;
        if (run->d[0] && run->d[1] != first->d[1]) return 0;
        for (int k = 0; k < node->n_ops && run->d[0]; k++)
            if (!(loop->scalars >> (run->ptr + k) & 1) && run->s[k] != loop->inner->slots[node->ops[k]].itemsize)
                return 0;
    }
    return 1;
}

/* Counts the rows that stay in the arena until the loop, or what reads them, is done. 0, or -1 with a failure noted. */
static int count_rows(Context *c, Prepared *q, const Node *node) {
    const Program *p = c->program;
    for (int k = 0; k < node->loop->n_states + node->loop->n_results; k++) {
        const Slot *s = p->slots + node->ops[k];
        i64 bytes = s->itemsize, *lengths = lengths_of(c, node->ops[k]);
        for (int i = 0; i < s->ndim; i++) bytes *= lengths[i];
        if (s->kind == TEMP) q->row_bytes += bytes;
    }
    if (!p->row_limit || q->row_bytes <= p->row_limit) return 0;
    c->failed_kind = SYM_LIMIT;
    return -1;
}

/* Where the steps of a loop, or of the members of its batch from `first` on, find what they read and write. NULL: no
 * memory. */
LoopPrepared *place_steps(Context *c, const Node *node, Prepared *inner, int part, i64 first) {
    const int n_moves = inner->n_binds - inner->n_static;
    LoopPrepared *l = PyMem_Calloc(1, sizeof *l + (n_moves + 1) * sizeof(Move));
    if (!l) return NULL;
    l->loop = node->loop;
    l->node = node;
    l->part = part;
    l->inner = inner;
    inner->refs++;
    l->fused = fits_fused(node->loop, inner);
    int at_end = n_moves;
    for (int b = inner->n_static; b < inner->n_binds; b++) {
        Move move = move_of(c, node, inner->binds + b, part, first);
        l->moves[move.rows ? --at_end : l->n_moves++] = move;
    }
    l->n_turns = n_moves - l->n_moves;
    return l;
}

/* Launch parameters of a LOOP node. 0, or -1 with a failure noted. */
int prepare_loop(Context *c, Prepared *q, Node *node) {
    const Loop *loop = node->loop;
    i64 n = q->registers[loop->steps];
    int index = at(c, node), first = loop->n_sequences;
    if (n < 0) return fail_at(c, index, SYM_VALUE, "the number of steps is %lld. It must not be negative.", n);
    for (int i = 0; i < loop->n_sequences; i++)
        if (check_rows(c, node, i, n)) return -1;
    Prepared *inner = prepare_step(c, node, 0, -1);
    if (!inner) return -1;
    for (int i = 0; i < loop->n_states + loop->n_results; i++)
        if (shape_track(c, q, node, loop->tracks + first + i, n)) return -1;
    if (loop->until && fill_shape(c, q, node->ops[node->n_outputs - 1], NULL, index)) return -1;
    if (count_rows(c, q, node)) return -1;
    LoopPrepared *l = place_steps(c, node, inner, 0, 0);
    if (!l) return fail_at(c, index, SYM_MEMORY, "no memory to prepare the steps.");
    l->next = q->loops;
    q->loops = l;
    q->blas = 1; /* perhaps: not looked up */
    l->n = n;
    i64 work = inner->work + 64;
    l->check = BETWEEN_CHECKS / work + 1;
    q->table[node->d] = (i64)(intptr_t)l;
    add_run(c, q, node, run_loop);
    plan_groups(c, q, l);
    work = n && work > ((i64)1 << 60) / n ? (i64)1 << 60 : work * n;
    q->work = q->work > ((i64)1 << 61) ? q->work : q->work + work;
    return 0;
}

static int bind_steps(Context *c, const LoopPrepared *l) {
    Context *k = steps_context(c, l->node, l->part); /* a context that found it in the memo has none yet */
    if (!k) return -1;
    if (k->chain[0] != l->inner) use_prepared(k, 0, l->inner);
    if (!bind_static(k, 0)) return 0;
    c->inside = k;
    c->failed_step = -1;
    c->failed_node = at(c, l->node);
    c->failed_kind = SYM_INSIDE;
    return -1;
}

/* Gives the contexts of the steps of all loops in `q` their memory and what is known before a call. */
int bind_loops(Context *c, Prepared *q) {
    for (LoopPrepared *l = q->loops; l; l = l->next) {
        if (bind_steps(c, l)) return -1;
        for (int g = 0; g < l->n_groups; g++)
            if (bind_steps(c, l->groups[g])) return -1;
    }
    return 0;
}

/* ---- a run ---- */

static void copy_rows(Context *c, const LoopPrepared *l, int to, char *target, int from, const char *source, i64 rows) {
    const Slot *s = c->program->slots + l->node->ops[to];
    const i64 *lengths = lengths_of(c, l->node->ops[to]);
    i64 d[MAX_LOOPS + 1];
    if (rows <= 0) return;
    memcpy(d, lengths, s->ndim * sizeof(i64));
    d[0] = rows;
    copy_block(s->itemsize, s->ndim, d, target, lengths + s->ndim, source, strides_of(c, l->node->ops[from]));
}

static void start_states(Context *c, const LoopPrepared *l, char *const *p) {
    for (int i = 0; i < l->loop->n_states; i++) {
        const Track *t = l->loop->tracks + l->loop->n_sequences + i;
        int to = t->ring >= 0 ? t->ring : t->out;
        copy_rows(c, l, to, p[to], t->in, p[t->in], t->before);
    }
}

/* Moves what is to be kept from the rings to the outputs, oldest first. */
static void end_rings(Context *c, const LoopPrepared *l, char *const *p, i64 made) {
    for (int i = 0; i < l->loop->n_states + l->loop->n_results; i++) {
        const Track *t = l->loop->tracks + l->loop->n_sequences + i;
        if (t->ring < 0) continue;
        i64 total = t->before + made, kept = total < t->keep ? total : t->keep, size = row_size(c, l->node, t->ring);
        i64 rows = lengths_of(c, l->node->ops[t->ring])[0], first = (total - kept) % rows;
        i64 before_end = kept < rows - first ? kept : rows - first;
        copy_rows(c, l, t->out, p[t->out], t->ring, p[t->ring] + first * size, before_end);
        copy_rows(c, l, t->out, p[t->out] + before_end * size, t->ring, p[t->ring], kept - before_end);
    }
}

static int is_true(const void *address, int typenum) {
    switch (typenum) {
    case NPY_FLOAT: return *(const float *)address != 0;
    case NPY_DOUBLE: return *(const double *)address != 0;
    default: return read_integer(address, typenum) != 0;
    }
}

static int condition_type(Context *k) {
    return k->program->slots[k->program->outputs[k->program->n_outputs - 1]].typenum;
}

static inline void advance(char **pointers, const LoopPrepared *l, char *const *p, i64 *rows) {
    for (const Move *m = l->moves, *end = m + l->n_moves; m < end; m++) pointers[m->pos] += m->step;
    for (int i = 0; i < l->n_turns; i++) {
        const Move *m = l->moves + l->n_moves + i;
        if (++rows[i] == m->rows) rows[i] = 0;
        pointers[m->pos] = p[m->operand] + m->start + rows[i] * m->step;
    }
}

static int fail_inside(Context *c, Context *k, i64 step) {
    if (k->failed_kind == SYM_RAISED) return SYM_RAISED;
    c->inside = k;
    c->failed_step = step;
    return SYM_INSIDE;
}

/* `n` steps; gives the kind of failure, and in `made` how many were done. */
static int run_steps(Context *c, Context *k, const LoopPrepared *l, char *const *p, i64 *rows, i64 n, i64 *made) {
    const Prepared *inner = l->inner;
    int typenum = l->loop->until ? condition_type(k) : 0;
    i64 i = 0, check = l->check;
    while (i < n) {
        *made = i;
        if (k->walk(k, inner)) return SYM_INSIDE;
        i++;
        if (l->loop->until && is_true(k->condition, typenum)) break;
        advance(k->pointers, l, p, rows);
        if (i == check) {
            check += l->check;
            if (interrupted(c)) return SYM_RAISED;
        }
    }
    *made = i;
    return 0;
}

/* As run_steps, through the kernel of all steps, in pieces between which a signal may come through. */
static int run_fused(Context *c, Context *k, const LoopPrepared *l, char *const *p, i64 *rows, i64 all, i64 *made) {
    const Run *run = l->inner->runs;
    int n = k->program->n_pointers;
    char *pointers[n + 1];
    i64 d[2 + 2 * n], s[n + 1], count = 0;
    memcpy(pointers, k->pointers, n * sizeof(char *));
    memset(d, 0, sizeof d);
    memset(s, 0, sizeof s);
    pointers[n] = (char *)&count;
    d[1] = run->d[0] ? run->d[1] : 1;
    for (int i = 0; i < l->n_moves + l->n_turns; i++) {
        s[l->moves[i].pos] = l->moves[i].step;
        d[3 + 2 * l->moves[i].pos] = l->moves[i].rows;
    }
    while (*made < all) {
        d[0] = all - *made < l->check ? all - *made : l->check;
        for (int i = 0; i < l->n_turns; i++) {
            const Move *m = l->moves + l->n_moves + i;
            i64 row = (rows[i] + *made) % m->rows;
            d[2 + 2 * m->pos] = row;
            pointers[m->pos] = p[m->operand] + m->start + row * m->step;
        }
        if (l->loop->fused(pointers, d, s, &k->abi)) return SYM_INSIDE;
        *made += count;
        if (l->loop->until && is_true(k->condition, condition_type(k))) break;
        for (int i = 0; i < l->n_moves; i++) pointers[l->moves[i].pos] += count * l->moves[i].step;
        if (*made < all && interrupted(c)) return SYM_RAISED;
    }
    return 0;
}

/* Steps `from` to `from + n` in the context of `l`; what it gives is that of run_steps. Several threads may do so at once
 * for the groups of one loop, which look for no signals. */
int run_range(Context *c, const LoopPrepared *l, char *const *p, i64 from, i64 n, i64 *made) {
    Context *k = *steps_of(c, l->loop, l->part);
    i64 rows[l->n_turns + 1];
    for (int i = 0; i < l->n_moves + l->n_turns; i++) {
        const Move *m = l->moves + i;
        char *base = m->operand < 0 ? (char *)k->condition : p[m->operand];
        const i64 row = m->rows ? (m->row + from) % m->rows : from;
        k->pointers[m->pos] = base + m->start + row * m->step;
        if (i >= l->n_moves) rows[i - l->n_moves] = row;
    }
    *made = 0;
    return (l->fused ? run_fused : run_steps)(c, k, l, p, rows, n, made);
}

/* The kernel of a LOOP node. */
int run_loop(char *const *p, const i64 *d, const i64 *s, const sym_ctx *ctx) {
    Context *c = (Context *)ctx;
    const LoopPrepared *l = (const LoopPrepared *)(intptr_t)d[0];
    i64 made = l->n;
    (void)s;
    start_states(c, l, p);
    int kind = l->n_groups ? run_groups(c, l, p) : 1;
    if (kind && kind != SYM_RAISED) kind = run_range(c, l, p, 0, l->n, &made);
    if (kind == SYM_INSIDE) return fail_inside(c, *steps_of(c, l->loop, 0), made);
    if (kind) return kind;
    end_rings(c, l, p, made);
    if (l->loop->until) *(i64 *)p[l->node->n_outputs - 1] = made;
    return 0;
}
