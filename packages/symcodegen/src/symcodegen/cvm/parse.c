/* From the tuples of the interface to the structures of a Program: types and ranges of every number are checked here,
 * so that nothing later has to. How the parts fit together is analyse.c's business. */
#include "cvm.h"

#include <limits.h>

static int bad(const char *what, long index, const char *need, PyObject *given) {
    if (!PyErr_Occurred())
        PyErr_Format(PyExc_TypeError, "%s %ld of a program: need %s, got %R.", what, index, need, given);
    return -1;
}

/* A tuple of ints as a new array (at least one element long); NULL with an exception. */
int *parse_ints(PyObject *tuple, int *n, const char *what, long index) {
    if (!PyTuple_Check(tuple)) {
        bad(what, index, "a tuple of ints", tuple);
        return NULL;
    }
    *n = (int)PyTuple_GET_SIZE(tuple);
    int *values = PyMem_Calloc(*n + 1, sizeof(int));
    if (!values) {
        PyErr_NoMemory();
        return NULL;
    }
    for (int i = 0; i < *n; i++) {
        long v = PyLong_AsLong(PyTuple_GET_ITEM(tuple, i));
        if ((v == -1 && PyErr_Occurred()) || v < INT_MIN || v > INT_MAX) {
            PyErr_Clear();
            bad(what, index, "a tuple of 32-bit ints", tuple);
            PyMem_Free(values);
            return NULL;
        }
        values[i] = (int)v;
    }
    return values;
}

static int in_range(const int *values, int n, int low, int high, const char *what, long index, const char *name) {
    for (int i = 0; i < n; i++)
        if (values[i] < low || values[i] >= high) {
            PyErr_Format(PyExc_ValueError, "%s %ld of a program: %s %d is not in [%d, %d).", what, index, name,
                         values[i], low, high);
            return -1;
        }
    return 0;
}

/* ---- slots ---- */

static int parse_lengths(Slot *s, PyObject *extra, int index) {
    if (!PyTuple_Check(extra) || PyTuple_GET_SIZE(extra) != s->ndim)
        return bad("slot", index, "a tuple of ndim static lengths", extra);
    s->lengths = PyMem_Calloc(s->ndim + 1, sizeof(i64));
    if (!s->lengths) return PyErr_NoMemory(), -1;
    for (int i = 0; i < s->ndim; i++) {
        s->lengths[i] = PyLong_AsLongLong(PyTuple_GET_ITEM(extra, i));
        if (PyErr_Occurred()) return -1;
    }
    return 0;
}

static int parse_extra(Slot *s, PyObject *extra, int index) {
    int n;
    switch (s->kind) {
    case INPUT:
    case SHARED: return parse_lengths(s, extra, index);
    case CONST:
        s->value = Py_NewRef(extra);
        if (!is_proper(extra, s))
            return bad("slot", index, "an aligned ndarray of native byte order with its typenum and ndim", extra);
        return 0;
    case TEMP:
    case ARRAY:
    case UPDATE:
        if (extra == Py_None) return 0;
        if (!(s->registers = parse_ints(extra, &n, "slot", index))) return -1;
        return n == s->ndim ? 0 : bad("slot", index, "ndim registers for its lengths", extra);
    case HOST:
        s->reg = (int)PyLong_AsLong(extra);
        if (s->reg == -1 && PyErr_Occurred()) return -1;
        if (s->ndim || !(PyTypeNum_ISINTEGER(s->typenum) || PyTypeNum_ISBOOL(s->typenum) || s->typenum == NPY_FLOAT ||
                         s->typenum == NPY_DOUBLE))
            return bad("slot", index, "a HOST slot of rank 0 that is bool, an integer, float32 or float64", extra);
        return 0;
    default: return extra == Py_None ? 0 : bad("slot", index, "None as its last item", extra);
    }
}

static int parse_slot(Program *p, int index, PyObject *item) {
    Slot *s = p->slots + index;
    PyObject *extra;
    if (!PyTuple_Check(item) || !PyArg_ParseTuple(item, "iiiO", &s->kind, &s->typenum, &s->ndim, &extra))
        return PyErr_Clear(), bad("slot", index, "(kind, typenum, ndim, extra)", item);
    if (in_range(&s->kind, 1, 0, N_KINDS, "slot", index, "kind")) return -1;
    s->segment = s->local = s->first = s->last = s->reg = s->ring = s->update = -1;
    if (s->kind == OBJECT) {
        s->typenum = -1;
        s->ndim = 0;
        return extra == Py_None ? 0 : bad("slot", index, "None as its last item", extra);
    }
    if (in_range(&s->ndim, 1, 0, MAX_LOOPS + 1, "slot", index, "ndim")) return -1;
    if (s->typenum < 0 || s->typenum > NPY_HALF || s->typenum == NPY_OBJECT || s->typenum == NPY_STRING ||
        s->typenum == NPY_UNICODE || s->typenum == NPY_VOID || s->typenum == NPY_DATETIME ||
        s->typenum == NPY_TIMEDELTA || s->typenum == NPY_LONGDOUBLE || s->typenum == NPY_CLONGDOUBLE)
        return bad("slot", index, "the dtype.num of a bool or number", item);
    if (!(s->descr = PyArray_DescrFromType(s->typenum))) return -1;
    s->itemsize = PyDataType_ELSIZE(s->descr);
    if (s->kind == ARRAY) s->ring = p->n_rings++;
    return parse_extra(s, extra, index);
}

/* ---- inputs, shared, updates, outputs ---- */

static int parse_input(Program *p, int i, PyObject *item) {
    PyObject *filter;
    if (!PyTuple_Check(item) || !PyArg_ParseTuple(item, "iO", &p->inputs[i].slot, &filter))
        return PyErr_Clear(), bad("input", i, "(slot, filter)", item);
    if (filter != Py_None && !PyCallable_Check(filter)) return bad("input", i, "a callable or None as filter", filter);
    p->inputs[i].filter = filter == Py_None ? NULL : Py_NewRef(filter);
    return in_range(&p->inputs[i].slot, 1, 0, p->n_slots, "input", i, "slot");
}

static int parse_shared(Program *p, int i, PyObject *item) {
    PyObject *storage;
    if (!PyTuple_Check(item) || !PyArg_ParseTuple(item, "iO", &p->shared[i].slot, &storage))
        return PyErr_Clear(), bad("shared", i, "(slot, storage)", item);
    if (!PyList_Check(storage) || PyList_GET_SIZE(storage) != 2)
        return bad("shared", i, "the list [value, owner]", storage);
    p->shared[i].storage = Py_NewRef(storage);
    return in_range(&p->shared[i].slot, 1, 0, p->n_slots, "shared", i, "slot");
}

static int parse_update(Program *p, int i, PyObject *item) {
    Update *u = p->updates + i;
    if (!PyTuple_Check(item) || !PyArg_ParseTuple(item, "iii", &u->shared, &u->slot, &u->mode))
        return PyErr_Clear(), bad("update", i, "(index in shared, slot, mode)", item);
    if (in_range(&u->shared, 1, 0, p->n_shared, "update", i, "index in shared") ||
        in_range(&u->mode, 1, SWAP, DIRECT + 1, "update", i, "mode"))
        return -1;
    return in_range(&u->slot, 1, 0, p->n_slots, "update", i, "slot");
}

static int parse_output(Program *p, int i, PyObject *item) {
    long slot = PyLong_AsLong(item);
    if (slot == -1 && PyErr_Occurred()) return -1;
    p->outputs[i] = slot < 0 || slot > INT_MAX ? -1 : (int)slot;
    return in_range(p->outputs + i, 1, 0, p->n_slots, "output", i, "slot");
}

/* ---- all ---- */

typedef int parser(Program *p, int index, PyObject *item);

static int parse_all(Program *p, PyObject *sequence, const char *name, void *items, size_t size, int *n, parser *one) {
    PyObject *fast = PySequence_Fast(sequence, "a program is described by sequences of tuples");
    if (!fast) return -1;
    int count = (int)PySequence_Fast_GET_SIZE(fast), failed = 0;
    void *memory = PyMem_Calloc(count + 1, size);
    if (!memory) {
        Py_DECREF(fast);
        PyErr_NoMemory();
        return -1;
    }
    *(void **)items = memory;
    *n = count;
    for (int i = 0; i < count && !failed; i++) {
        failed = one(p, i, PySequence_Fast_GET_ITEM(fast, i)) < 0;
        if (failed && !PyErr_Occurred()) PyErr_Format(PyExc_ValueError, "%s %d of a program is malformed.", name, i);
    }
    Py_DECREF(fast);
    return failed ? -1 : 0;
}

/* Fills the arrays of `p`. On failure the caller frees whatever is there (every count covers zeroed memory only). */
int parse_program(Program *p, PyObject *slots, PyObject *nodes, PyObject *inputs, PyObject *shared, PyObject *updates,
                  PyObject *outputs) {
    return parse_all(p, slots, "slot", &p->slots, sizeof(Slot), &p->n_slots, parse_slot) < 0 ||
                   parse_all(p, inputs, "input", &p->inputs, sizeof(Input), &p->n_inputs, parse_input) < 0 ||
                   parse_all(p, shared, "shared", &p->shared, sizeof(Shared), &p->n_shared, parse_shared) < 0 ||
                   parse_all(p, updates, "update", &p->updates, sizeof(Update), &p->n_updates, parse_update) < 0 ||
                   parse_all(p, outputs, "output", &p->outputs, sizeof(int), &p->n_outputs, parse_output) < 0 ||
                   parse_all(p, nodes, "node", &p->nodes, sizeof(Node), &p->n_nodes, parse_node) < 0
               ? -1
               : 0;
}
