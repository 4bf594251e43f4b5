/* A call like the one before it: arguments and shared values of the same dtypes, lengths and strides, results that nobody
 * holds any more. All that it needs is there already. It compares, points and runs, under the GIL throughout and without
 * any code of Python's, so it takes no references to what it reads (the caller and the storages hold them) and leaves
 * its context among the idle ones.
 *
 * Whatever differs is left to the whole course of a call (run.c), before anything has been written. So is a kernel that
 * fails: it will fail again there, and be reported. Every check here may be stricter than it need be. */
#include "cvm.h"
#include "products.h"

/* Decides whether calls of a program may go this way: kernels alone, whose shapes follow from arguments and shared values,
 * with updates that are written in place. */
void plan_repeats(Program *p) {
    p->repeats = p->n_segments == 1 && !p->segments[0].python && !p->segments[0].n_reads && !p->n_held_results;
    for (int i = 0; i < p->n_inputs; i++) {
        const Slot *s = p->slots + p->inputs[i].slot;
        if (s->kind != INPUT || s->segment < 0) p->repeats = 0; /* what no node reads has no lengths to compare with */
    }
    for (int i = 0; i < p->n_shared; i++) {
        const Slot *s = p->slots + p->shared[i].slot;
        if (s->kind != SHARED || s->segment < 0) p->repeats = 0;
    }
    for (int i = 0; i < p->n_updates; i++)
        if (p->updates[i].mode != DIRECT) p->repeats = 0;
}

static inline int has_layout(const PyArrayObject_fields *a, const Slot *s, const i64 *lengths) {
    const int n = s->ndim;
    const npy_intp *own = a->dimensions, *strides = a->strides;
    if (a->descr != s->descr || a->nd != n) return 0;
    for (int i = 0; i < n; i++)
        if (own[i] != lengths[i] || strides[i] != lengths[n + i]) return 0;
    return 1;
}

/* Is it an ndarray that kernels can read, with the lengths and strides that were prepared for? */
static inline int is_alike(PyObject *value, const Slot *s, const i64 *lengths) {
    return PyArray_CheckExact(value) && PyArray_FLAGS((PyArrayObject *)value) & NPY_ARRAY_ALIGNED &&
           has_layout((PyArrayObject_fields *)value, s, lengths);
}

/* As is_untouched with one reference, for arrays that are just as fresh_array made them. */
static inline int is_recycled(PyObject *object, const Slot *s, const i64 *lengths) {
    const int plain = NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_OWNDATA | NPY_ARRAY_ALIGNED | NPY_ARRAY_WRITEABLE;
    const PyArrayObject_fields *a = (const PyArrayObject_fields *)object;
    return object && Py_REFCNT(object) == 1 && PyArray_CheckExact(object) && !a->base && !a->weakreflist &&
           (a->flags & ~NPY_ARRAY_F_CONTIGUOUS) == plain && has_layout(a, s, lengths);
}

static inline int point_inputs(Context *c, const Program *p, const i64 *table, PyObject *const *args) {
    const Slot *slots = p->slots;
    const Input *inputs = p->inputs;
    char **base = c->base;
    for (int i = 0, n = p->n_inputs; i < n; i++) {
        const int slot = inputs[i].slot;
        const Slot *s = slots + slot;
        if (is_alike(args[i], s, table + s->info))
            base[slot] = ((PyArrayObject_fields *)args[i])->data;
        else if (!take_number(c, i, s, args[i]))
            return 0;
    }
    return 1;
}

/* The value of a shared variable that no call owns; NULL otherwise. */
static inline PyObject *free_value(const Shared *shared) {
    PyObject *storage = shared->storage;
    return PyList_GET_SIZE(storage) == 2 && PyList_GET_ITEM(storage, 1) == Py_None ? PyList_GET_ITEM(storage, 0) : NULL;
}

static inline int point_shared(Context *c, const Program *p, const i64 *table) {
    const Slot *slots = p->slots;
    char **base = c->base;
    for (int i = 0, n = p->n_shared; i < n; i++) {
        const int slot = p->shared[i].slot;
        const Slot *s = slots + slot;
        PyObject *value = free_value(p->shared + i);
        if (!value || !is_alike(value, s, table + s->info)) return 0;
        base[slot] = ((PyArrayObject_fields *)value)->data;
    }
    for (int i = 0, n = p->n_updates; i < n; i++) { /* in place, where the storage alone holds the array */
        const Update *u = p->updates + i;
        const Slot *s = slots + u->slot;
        PyObject *value = PyList_GET_ITEM(p->shared[u->shared].storage, 0);
        if (!is_recycled(value, s, table + s->info)) return 0;
        base[u->slot] = ((PyArrayObject_fields *)value)->data;
    }
    return 1;
}

/* A recycled array, or a new one if others hold both that could be. NULL: dropping one of them could run code. */
static inline PyObject *array_for(Context *c, const Slot *s, const i64 *lengths) {
    PyObject **ring = c->rings + 2 * s->ring;
    if (is_recycled(ring[0], s, lengths)) return Py_NewRef(ring[0]);
    if (is_recycled(ring[1], s, lengths)) return Py_NewRef(ring[1]);
    if ((ring[0] && Py_REFCNT(ring[0]) == 1) || (ring[1] && Py_REFCNT(ring[1]) == 1)) return NULL;
    PyObject *made = result_array(c, s, lengths);
    if (!made) PyErr_Clear();
    return made;
}

static inline int point_outputs(Context *c, const Program *p, const i64 *table, PyObject **outputs) {
    for (int i = 0, n = p->n_outputs; i < n; i++) {
        const int slot = p->outputs[i];
        const Slot *s = p->slots + slot;
        PyObject *array = array_for(c, s, table + s->info);
        if (!array) return 0;
        outputs[i] = array;
        c->base[slot] = ((PyArrayObject_fields *)array)->data;
    }
    return 1;
}

static inline int run_kernels(Context *c, const Program *p, const Prepared *q) {
    char **pointers = c->pointers, **base = c->base;
    for (const Bind *b = q->binds + q->n_static, *end = q->binds + q->n_binds; b < end; b++)
        pointers[b->pos] = base[b->root] + b->offset;
    if (q->blas && p->blas_threads) {
        use_blas_threads(p->blas_threads);
        share_products(p->blas_threads);
    }
    for (const Run *r = q->runs, *end = r + q->n_runs; r < end; r++)
        if (r->cut ? run_cut(c, r) : r->fn(pointers + r->ptr, r->d, r->s, &c->abi)) return -1;
    return 0;
}

/* Runs a call if it is like the last one of the program. 1: `outputs` holds its results, new references; 0: nothing has
 * been done, and no exception is set. */
int repeat_call(Program *p, PyObject *const *args, PyObject **outputs) {
    Context *c = p->idle;
    if (!c || p->profile || p->cleared) return 0;
    const Prepared *q = c->chain[0];
    if (!q || c->bound[0] != q || q->work > p->gil_threshold || q->products != product_choices) return 0;
    if (!point_inputs(c, p, q->table, args) || !point_shared(c, p, q->table)) return 0;
    if (!point_outputs(c, p, q->table, outputs) || run_kernels(c, p, q)) {
        for (int i = 0; i < p->n_outputs; i++) Py_CLEAR(outputs[i]);
        return 0;
    }
    p->calls++;
    p->hits++;
    return 1;
}
