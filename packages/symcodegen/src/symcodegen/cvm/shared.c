/* Shared variables: reading them, owning those that the call updates, committing the new values.
 *
 * A container's storage is the list [value, owner]. Everything here runs under the GIL; the one place that lets it go
 * is wait_for, which holds nothing. A storage shows an owner only while the call that updates it may let other threads
 * run. */
#include "cvm.h"

static PyObject *text_acquire, *text_release, *text_is_owned;

static int intern_names(void) {
    if (!text_acquire) text_acquire = PyUnicode_InternFromString("acquire");
    if (!text_release) text_release = PyUnicode_InternFromString("release");
    if (!text_is_owned) text_is_owned = PyUnicode_InternFromString("_is_owned");
    return text_acquire && text_release && text_is_owned ? 0 : -1;
}

static int truth_of(PyObject *result) {
    int truth = result ? PyObject_IsTrue(result) : -1;
    Py_XDECREF(result);
    return truth;
}

/* An owner that this thread itself holds belongs to a call further up its stack (a Python node called this function).
 */
static int is_mine(PyObject *owner) {
    return truth_of(PyObject_CallMethodNoArgs(owner, text_is_owned));
}

static int wait_for(PyObject *owner) {
    Py_INCREF(owner);                                                    /* its context may die meanwhile */
    int done = truth_of(PyObject_CallMethodNoArgs(owner, text_acquire)); /* lets the GIL go while it waits */
    if (done > 0) done = truth_of(PyObject_CallMethodNoArgs(owner, text_release)) < 0 ? -1 : 1;
    Py_DECREF(owner);
    return done < 0 ? -1 : 0;
}

static int bad_storage(const Slot *s, PyObject *value) {
    if (s)
        PyErr_Format(PyExc_TypeError,
                     "a shared variable must hold an aligned numpy.ndarray of dtype %S and rank %d in native "
                     "byte order with the declared lengths; it holds %R. Set it through its set_value.",
                     s->descr, s->ndim, value);
    else
        PyErr_SetString(PyExc_TypeError, "the storage of a shared variable must stay the list [value, owner].");
    return -1;
}

/* Waits until no other thread owns any of the storages. */
static int wait_for_owners(Program *p) {
    for (int i = 0; i < p->n_shared; i++) {
        PyObject *storage = p->shared[i].storage;
        if (PyList_GET_SIZE(storage) != 2) return bad_storage(NULL, NULL);
        PyObject *owner = PyList_GET_ITEM(storage, 1);
        if (owner == Py_None) continue;
        int mine = intern_names() ? -1 : is_mine(owner);
        if (mine < 0 || (!mine && wait_for(owner))) return -1;
        if (!mine) i = -1; /* others may have been taken meanwhile: look at all again */
    }
    return 0;
}

/* Takes a reference to the value of every shared slot. 0, or -1 with an exception. */
int take_shared(Context *c) {
    Program *p = c->program;
    if (wait_for_owners(p)) return -1;
    for (int i = 0; i < p->n_shared; i++) {
        int slot = p->shared[i].slot;
        const Slot *s = p->slots + slot;
        PyObject *value = PyList_GET_ITEM(p->shared[i].storage, 0), *old = c->objects[slot];
        if (s->kind == SHARED && !is_proper(value, s)) return bad_storage(s, value);
        c->objects[slot] = Py_NewRef(value);
        if (s->kind == SHARED) c->base[slot] = PyArray_BYTES((PyArrayObject *)value);
        Py_XDECREF(old);
    }
    return 0;
}

/* ---- ownership ---- */

static PyObject *new_lock(void) {
    PyObject *threading = PyImport_ImportModule("threading");
    PyObject *lock = threading ? PyObject_CallMethod(threading, "RLock", NULL) : NULL;
    Py_XDECREF(threading);
    return lock;
}

static int lock_context(Context *c) {
    for (;;) {
        if (!c->lock && !(c->lock = new_lock())) return -1;
        int got = truth_of(PyObject_CallMethodOneArg(c->lock, text_acquire, Py_False));
        if (got) return got < 0 ? -1 : 0;
        Py_CLEAR(c->lock); /* someone who waited for an earlier call still holds it for a moment: leave it to them */
    }
}

static int still_as_taken(Context *c) {
    Program *p = c->program;
    for (int i = 0; i < p->n_updates; i++) {
        Shared *shared = p->shared + p->updates[i].shared;
        PyObject *owner = PyList_GET_SIZE(shared->storage) == 2 ? PyList_GET_ITEM(shared->storage, 1) : NULL;
        if (!owner || PyList_GET_ITEM(shared->storage, 0) != c->objects[shared->slot]) return 0;
        if (owner == Py_None) continue;
        int mine = is_mine(owner);
        if (mine <= 0) return mine;
    }
    return 1;
}

static void set_owner(PyObject *storage, PyObject *owner) {
    PyObject *old = PyList_GET_ITEM(storage, 1);
    PyList_SET_ITEM(storage, 1, Py_NewRef(owner));
    Py_DECREF(old);
}

/* Shows this context as owner of all that it updates. 1: done; 0: something changed meanwhile, take_shared again; -1:
 * exception. Nothing between the look and the marks lets another thread run. */
int own_updates(Context *c) {
    Program *p = c->program;
    if (!p->n_updates) return 1;
    if (intern_names() || lock_context(c)) return -1;
    int same = still_as_taken(c);
    c->owning = 1;
    if (same <= 0) {
        disown_updates(c);
        return same;
    }
    for (int i = 0; i < p->n_updates; i++) {
        PyObject *storage = p->shared[p->updates[i].shared].storage;
        if (PyList_GET_ITEM(storage, 1) != Py_None) continue; /* a call further up this thread's stack owns it */
        set_owner(storage, c->lock);
        c->owned[i] = 1;
    }
    return 1;
}

/* Takes the marks away and lets the waiters go; keeps an exception that is set. */
void disown_updates(Context *c) {
    Program *p = c->program;
    PyObject *type, *value, *traceback;
    if (!c->owning) return;
    for (int i = 0; i < p->n_updates; i++) {
        PyObject *storage = p->shared[p->updates[i].shared].storage;
        if (c->owned[i] && PyList_GET_SIZE(storage) == 2 && PyList_GET_ITEM(storage, 1) == c->lock)
            set_owner(storage, Py_None);
        c->owned[i] = 0;
    }
    c->owning = 0;
    PyErr_Fetch(&type, &value, &traceback);
    if (truth_of(PyObject_CallMethodNoArgs(c->lock, text_release)) < 0) PyErr_WriteUnraisable(c->lock);
    PyErr_Restore(type, value, traceback);
}

/* ---- commit ---- */

/* Can an ndarray that a Python node returned be handed on, or does something else see its memory? */
static int is_private(PyObject *object) {
    PyArrayObject *array = (PyArrayObject *)object;
    return Py_REFCNT(object) == 1 && !PyArray_BASE(array) && PyArray_CHKFLAGS(array, NPY_ARRAY_OWNDATA) &&
           PyArray_ISWRITEABLE(array) && !((PyArrayObject_fields *)array)->weakreflist;
}

/* Makes sure that no result of a Python node is seen from elsewhere: the first user of a private array gets it, any
 * other a copy. Called before anything is written to a shared array, for it may fail for want of memory. */
int stage_results(Context *c) {
    Program *p = c->program;
    for (int i = 0; p->n_held_results && i < p->n_outputs + p->n_updates; i++) {
        int slot = i < p->n_outputs ? p->outputs[i] : p->updates[i - p->n_outputs].slot;
        PyObject *object = c->objects[slot];
        if (p->slots[slot].kind != HELD) continue;
        c->results[i] = is_private(object) ? Py_NewRef(object) : PyArray_NewCopy((PyArrayObject *)object, NPY_CORDER);
        if (!c->results[i]) return -1;
    }
    return 0;
}

static PyObject *take_result(Context *c, int index, int slot) {
    PyObject *result = c->results[index];
    c->results[index] = NULL;
    return result ? result : Py_NewRef(c->objects[slot]);
}

/* Puts the new values into their storages; cannot fail. The old arrays become spares. */
void commit_updates(Context *c) {
    Program *p = c->program;
    for (int i = 0; i < p->n_updates; i++) {
        Update *u = p->updates + i;
        int shared_slot = p->shared[u->shared].slot;
        PyObject *storage = p->shared[u->shared].storage;
        if (PyList_GET_SIZE(storage) != 2) continue; /* its container was taken apart by a Python node */
        PyObject *new = take_result(c, p->n_outputs + i, u->slot), *old = PyList_GET_ITEM(storage, 0);
        PyList_SET_ITEM(storage, 0, new);
        Py_DECREF(old);
        if (p->slots[u->slot].kind != UPDATE) continue;
        Py_CLEAR(c->objects[u->slot]);
        if (new == c->objects[shared_slot]) continue;
        Py_XDECREF(c->spares[i]);
        c->spares[i] = c->objects[shared_slot];
        c->objects[shared_slot] = NULL;
    }
}

/* The value of an output, a new reference. */
PyObject *take_output(Context *c, int index) {
    return take_result(c, index, c->program->outputs[index]);
}
