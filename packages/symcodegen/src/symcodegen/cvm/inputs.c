/* Arguments of a call: those that kernels can read as they are, those that a filter must convert first. */
#include "cvm.h"

static int fits_lengths(PyArrayObject *array, const Slot *s) {
    for (int i = 0; s->lengths && i < s->ndim; i++)
        if (s->lengths[i] >= 0 && s->lengths[i] != PyArray_DIM(array, i)) return 0;
    return 1;
}

/* Can kernels read `value` as this slot: exact ndarray, dtype, rank, alignment, byte order, static lengths? */
int is_proper(PyObject *value, const Slot *s) {
    if (!PyArray_CheckExact(value)) return 0;
    PyArrayObject *array = (PyArrayObject *)value;
    if (PyArray_DESCR(array) != s->descr &&
        (!PyArray_EquivTypenums(PyArray_TYPE(array), s->typenum) || !PyArray_ISNOTSWAPPED(array)))
        return 0;
    return PyArray_NDIM(array) == s->ndim && PyArray_ISALIGNED(array) && fits_lengths(array, s);
}

/* A Python float for a 0-d float64, a Python int for a 0-d int64: kept in the context's cell, no array is made. */
int take_number(Context *c, int i, const Slot *s, PyObject *value) {
    if (s->ndim) return 0;
    if (s->typenum == NPY_DOUBLE && PyFloat_CheckExact(value)) {
        c->cells[i] = PyFloat_AS_DOUBLE(value);
    } else if (s->descr->kind == 'i' && s->itemsize == 8 && PyLong_CheckExact(value)) {
        int overflow;
        long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
        if (overflow) return 0;
        *(npy_int64 *)(c->cells + i) = number;
    } else {
        return 0;
    }
    c->base[c->program->inputs[i].slot] = (char *)(c->cells + i);
    return 1;
}

static int improper(int i, const Slot *s, PyObject *value) {
    PyErr_Format(PyExc_TypeError,
                 "argument %d must be an aligned numpy.ndarray of dtype %S and rank %d in native byte order, with the "
                 "lengths "
                 "that were declared; got %R. Convert it first: numpy.asarray(value, dtype).",
                 i, s->descr, s->ndim, value);
    return -1;
}

static int take_filtered(Context *c, int i, const Slot *s, PyObject *value) {
    Program *p = c->program;
    int slot = p->inputs[i].slot;
    PyObject *filter = p->inputs[i].filter;
    PyObject *filtered = filter ? PyObject_CallOneArg(filter, value) : Py_NewRef(value);
    if (!filtered) return -1;
    c->objects[slot] = filtered;
    if (s->kind == OBJECT) return 0;
    if (!is_proper(filtered, s)) return improper(i, s, filtered);
    c->base[slot] = PyArray_BYTES((PyArrayObject *)filtered);
    return 0;
}

/* Takes one argument per input; 0, or -1 with an exception. May run Python code (filters). */
int take_inputs(Context *c, PyObject *const *args) {
    Program *p = c->program;
    for (int i = 0; i < p->n_inputs; i++) {
        int slot = p->inputs[i].slot;
        const Slot *s = p->slots + slot;
        if (s->kind != OBJECT && is_proper(args[i], s)) {
            c->objects[slot] = Py_NewRef(args[i]);
            c->base[slot] = PyArray_BYTES((PyArrayObject *)args[i]);
        } else if ((s->kind == OBJECT || !take_number(c, i, s, args[i])) && take_filtered(c, i, s, args[i])) {
            return -1;
        }
    }
    return 0;
}
