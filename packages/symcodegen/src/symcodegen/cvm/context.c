/* Contexts: everything a call changes, taken from a free list so that a program can run many times at once. */
#include "cvm.h"

#define SMALL_UPDATE (1 << 16) /* bytes; see update_array */
#define SMALL_RESULT (1 << 20) /* results up to this size are recycled in turn with a second one */

/* ---- life ---- */

static int allocate_objects(Context *c, const Program *p) {
    c->rings = PyMem_Calloc(2 * p->n_rings + 1, sizeof(PyObject *));
    c->spares = PyMem_Calloc(p->n_updates + 1, sizeof(PyObject *));
    c->results = PyMem_Calloc(p->n_outputs + p->n_updates + 1, sizeof(PyObject *));
    c->cells = PyMem_Calloc(p->n_inputs + 1, sizeof(double));
    c->owned = PyMem_Calloc(p->n_updates + 1, 1);
    return c->rings && c->spares && c->results && c->cells && c->owned ? 0 : -1;
}

static Context *new_context(Program *p) {
    Context *c = PyMem_Calloc(1, sizeof *c);
    if (c) p->n_contexts++;
    if (!c || start_context(c, p) || allocate_objects(c, p)) {
        if (c) free_context(c);
        PyErr_NoMemory();
        return NULL;
    }
    return c;
}

void free_context(Context *c) {
    Program *p = c->program;
    for (int i = 0; c->rings && i < 2 * p->n_rings; i++) Py_XDECREF(c->rings[i]);
    for (int i = 0; c->spares && i < p->n_updates; i++) Py_XDECREF(c->spares[i]);
    Py_XDECREF(c->lock);
    end_context(c);
    void *const tables[] = {c->rings, c->spares, c->results, c->cells, c->owned, c->node_ns, c->node_calls, c->node_cuts};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) PyMem_Free(tables[i]);
    PyMem_Free(c);
    p->n_contexts--;
}

/* A context for one call; NULL with MemoryError. */
Context *take_context(Program *p) {
    Context *c = p->idle;
    if (!c) return new_context(p);
    p->idle = c->next;
    p->n_idle--;
    return c;
}

/* Ends a call, whether it failed or not: drops what the call held, keeps what the next one can use. */
void give_context(Context *c) {
    Program *p = c->program;
    for (int i = 0; i < p->n_holders; i++) Py_CLEAR(c->objects[p->holders[i]]);
    for (int i = 0; p->n_held_results && i < p->n_outputs + p->n_updates; i++) Py_CLEAR(c->results[i]);
    if (p->n_idle >= MAX_CONTEXTS) {
        free_context(c);
        return;
    }
    c->next = p->idle;
    p->idle = c;
    p->n_idle++;
}

/* ---- arrays ---- */

PyObject *fresh_array(const Slot *slot, const i64 *lengths) {
    npy_intp dims[MAX_LOOPS];
    for (int i = 0; i < slot->ndim; i++) dims[i] = (npy_intp)lengths[i];
    Py_INCREF(slot->descr); /* stolen */
    return PyArray_NewFromDescr(&PyArray_Type, slot->descr, slot->ndim, dims, NULL, NULL, 0, NULL);
}

/* Is it an array as fresh_array makes them, with this many references and no other way to reach its memory? */
int is_untouched(PyObject *object, const Slot *slot, const i64 *lengths, Py_ssize_t references) {
    const int plain = NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_OWNDATA | NPY_ARRAY_ALIGNED | NPY_ARRAY_WRITEABLE;
    if (!object || Py_REFCNT(object) != references || !PyArray_CheckExact(object)) return 0;
    PyArrayObject *array = (PyArrayObject *)object;
    if (PyArray_DESCR(array) != slot->descr || PyArray_NDIM(array) != slot->ndim || PyArray_BASE(array) ||
        (PyArray_FLAGS(array) & ~NPY_ARRAY_F_CONTIGUOUS) != plain || ((PyArrayObject_fields *)array)->weakreflist)
        return 0;
    const npy_intp *dims = PyArray_DIMS(array), *strides = PyArray_STRIDES(array);
    i64 stride = slot->itemsize;
    for (int i = slot->ndim - 1; i >= 0; i--) {
        if (dims[i] != lengths[i]) return 0;
        if (dims[i] > 1 && strides[i] != stride) return 0;
        stride *= dims[i] ? dims[i] : 1;
    }
    return 1;
}

/* The array of an ARRAY slot for this call: one of the last two that nobody holds any more, or a new one. */
PyObject *result_array(Context *c, const Slot *s, const i64 *lengths) {
    PyObject **ring = c->rings + 2 * s->ring;
    for (int i = 0; i < 2; i++)
        if (is_untouched(ring[i], s, lengths, 1)) return Py_NewRef(ring[i]);
    PyObject *array = fresh_array(s, lengths), *old = ring[1];
    if (!array) return NULL;
    /* `y = f(x)` in a loop holds the last result during the call: two arrays in turn serve it */
    ring[1] = PyArray_NBYTES((PyArrayObject *)array) <= SMALL_RESULT ? ring[0] : (Py_XDECREF(ring[0]), NULL);
    ring[0] = Py_NewRef(array);
    Py_XDECREF(old);
    return array;
}

/* The memory of an UPDATE slot: the shared array itself where that is allowed and nobody else holds it, or a spare. A
 * long call may be broken off until it writes into a shared array: a small one, such as a counter, is not worth that. */
static PyObject *update_array(Context *c, const Slot *s, const i64 *lengths, int is_long) {
    Program *p = c->program;
    Update *u = p->updates + s->update;
    PyObject *current = c->objects[p->shared[u->shared].slot];
    /* two references: the storage's and this context's */
    int in_place = u->mode == DIRECT && !(is_long && PyArray_NBYTES((PyArrayObject *)current) <= SMALL_UPDATE);
    if (in_place && PyList_GET_ITEM(p->shared[u->shared].storage, 0) == current &&
        is_untouched(current, s, lengths, 2))
        return Py_NewRef(current);
    PyObject *spare = c->spares[s->update];
    c->spares[s->update] = NULL;
    if (is_untouched(spare, s, lengths, 1)) return spare;
    Py_XDECREF(spare);
    return fresh_array(s, lengths);
}

static int allocate_arrays(Context *c, Prepared *q) {
    Program *p = c->program;
    for (int b = q->n_static; b < q->n_binds; b++) {
        int root = q->binds[b].root;
        Slot *s = p->slots + root;
        if ((s->kind != ARRAY && s->kind != UPDATE) || c->objects[root]) continue;
        const i64 *lengths = lengths_of(c, root);
        PyObject *array = s->kind == ARRAY ? result_array(c, s, lengths) : update_array(c, s, lengths, q->work > LONG_WORK);
        if (!array) {
            PyErr_Clear();
            fail_at(c, s->first, SYM_MEMORY, "no memory for a result of this shape.");
            raise_failure(c);
            return -1;
        }
        c->objects[root] = array;
        c->base[root] = PyArray_BYTES((PyArrayObject *)array);
    }
    return 0;
}

/* ---- pointers ---- */

/* Allocates and points everything the kernels of a segment use. 0, or -1 with an exception. */
int bind_segment(Context *c, int segment) {
    Prepared *q = c->chain[segment];
    if (bind_static(c, segment)) {
        raise_failure(c);
        return -1;
    }
    if (allocate_arrays(c, q)) return -1;
    for (int b = q->n_static; b < q->n_binds; b++)
        c->pointers[q->binds[b].pos] = c->base[q->binds[b].root] + q->binds[b].offset;
    return 0;
}
