/* Failures, as exceptions: what services.c noted while the GIL may have been away is raised when it is back. */
#include "cvm.h"

#include <stdio.h>
#include <string.h>

PyObject *row_limit_exceeded;

static const char *const KINDS[] = {"value", "value", "shape", "index", "memory", "linalg", "assertion"};

/* (dtype name, shape, strides) of an operand, None if its shape is not known. */
static PyObject *describe(Context *c, int slot) {
    Slot *s = c->program->slots + slot;
    if (s->kind == OBJECT || (s->kind == HELD && !c->objects[slot]) || s->segment < 0 || !c->chain[s->segment] ||
        place_of(c, slot)->root < 0)
        Py_RETURN_NONE;
    const i64 *lengths = lengths_of(c, slot);
    PyObject *shape = PyTuple_New(s->ndim), *strides = PyTuple_New(s->ndim), *result = NULL;
    for (int i = 0; shape && strides && i < s->ndim; i++) {
        PyTuple_SET_ITEM(shape, i, PyLong_FromLongLong(lengths[i]));
        PyTuple_SET_ITEM(strides, i, PyLong_FromLongLong(lengths[s->ndim + i]));
    }
    PyObject *name = PyObject_Str((PyObject *)s->descr);
    if (shape && strides && name && !PyErr_Occurred()) result = PyTuple_Pack(3, name, shape, strides);
    Py_XDECREF(shape);
    Py_XDECREF(strides);
    Py_XDECREF(name);
    return result;
}

static PyObject *describe_operands(Context *c, const Node *node) {
    PyObject *all = PyTuple_New(node ? node->n_ops : 0);
    for (int k = 0; all && node && k < node->n_ops; k++) {
        PyObject *one = describe(c, node->ops[k]);
        if (!one)
            Py_CLEAR(all);
        else
            PyTuple_SET_ITEM(all, k, one);
    }
    return all;
}

/* The same of all slots whose shapes this call has settled by the time `node` failed. */
static PyObject *describe_slots(Context *c, const Node *node) {
    Program *p = c->program;
    PyObject *all = PyTuple_New(node ? p->n_slots : 0);
    for (int k = 0; all && node && k < p->n_slots; k++) {
        PyObject *one = p->slots[k].segment > node->segment ? Py_NewRef(Py_None) : describe(c, k);
        if (!one)
            Py_CLEAR(all);
        else
            PyTuple_SET_ITEM(all, k, one);
    }
    return all;
}

static PyObject *plain_exception(int kind) {
    return kind == SYM_INDEX       ? PyExc_IndexError
           : kind == SYM_MEMORY    ? PyExc_MemoryError
           : kind == SYM_ASSERTION ? PyExc_AssertionError
                                   : PyExc_ValueError;
}

/* Asks on_error for the exception; `cause` (stolen) is that of a Python node or NULL. */
static void raise_through(Context *c, int node, const char *kind, const char *message, PyObject *cause) {
    Program *p = c->program;
    int known = node >= 0 && node < p->n_nodes;
    PyObject *operands = describe_operands(c, known ? p->nodes + node : NULL), *exception = NULL;
    PyObject *slots = operands ? describe_slots(c, known ? p->nodes + node : NULL) : NULL;
    if (slots)
        exception = PyObject_CallFunction(p->on_error, "lssOOO", known ? p->nodes[node].tag : -1L, kind, message,
                                          operands, cause ? cause : Py_None, slots);
    if (exception && !PyExceptionInstance_Check(exception))
        PyErr_Format(PyExc_TypeError, "on_error returned %R, which is no exception.", exception);
    else if (exception)
        PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
    Py_XDECREF(exception);
    Py_XDECREF(slots);
    Py_XDECREF(operands);
    Py_XDECREF(cause);
}

/* Raises the failure of a step of a loop, through the error handlers of the step and of the loop. */
static void raise_inside(Context *c) {
    PyObject *type, *value, *traceback;
    char message[60];
    Context *inside = c->inside;
    c->inside = NULL;
    if (inside->failed_kind == SYM_INSIDE || !PyErr_Occurred()) raise_failure(inside);
    if (c->program->on_error == Py_None) return;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback) PyException_SetTraceback(value, traceback);
    Py_XDECREF(type);
    Py_XDECREF(traceback);
    if (c->failed_step < 0)
        snprintf(message, sizeof message, "while shapes of its steps were prepared");
    else
        snprintf(message, sizeof message, "step %lld", c->failed_step);
    raise_through(c, c->failed_node, "loop", message, value);
}

/* Raises what fail or fail_at noted. */
void raise_failure(Context *c) {
    if (c->failed_kind == SYM_RAISED) return;
    if (c->failed_kind == SYM_LIMIT) {
        PyErr_SetString(row_limit_exceeded, "loops would keep more rows than row_limit allows.");
        return;
    }
    if (c->failed_kind == SYM_INSIDE) {
        raise_inside(c);
        return;
    }
    char message[sizeof c->message];
    memcpy(message, c->message, sizeof message); /* on_error may run this program again */
    if (!message[0]) snprintf(message, sizeof message, "a kernel returned error %d without a message.", c->failed_kind);
    c->message[0] = 0;
    if (c->program->on_error == Py_None)
        PyErr_SetString(plain_exception(c->failed_kind), message);
    else
        raise_through(c, c->failed_node, KINDS[c->failed_kind], message, NULL);
}

/* Raises the exception that a Python node left, through on_error. */
void raise_python_failure(Context *c, int node) {
    PyObject *type, *value, *traceback;
    if (c->program->on_error == Py_None) return;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback) PyException_SetTraceback(value, traceback);
    Py_XDECREF(type);
    Py_XDECREF(traceback);
    raise_through(c, node, "python", "", value);
}
