/* Nodes without a kernel: their operands as Python values, their results checked and held. */
#include "cvm.h"

/* A fresh copy of a slot that lives in the arena (or in a cell), which the next call overwrites. */
static PyObject *copied_operand(Context *c, int slot) {
    Slot *s = c->program->slots + slot;
    npy_intp dims[MAX_LOOPS], strides[MAX_LOOPS];
    const i64 *lengths = lengths_of(c, slot);
    for (int i = 0; i < s->ndim; i++) {
        dims[i] = (npy_intp)lengths[i];
        strides[i] = (npy_intp)lengths[s->ndim + i];
    }
    Py_INCREF(s->descr);
    PyObject *window =
        PyArray_NewFromDescr(&PyArray_Type, s->descr, s->ndim, dims, strides, slot_address(c, slot), 0, NULL);
    PyObject *copy = window ? PyArray_NewCopy((PyArrayObject *)window, NPY_CORDER) : NULL;
    Py_XDECREF(window);
    return copy;
}

/* A view of an array: it keeps its base alive, and its base keeps the memory from being recycled. */
static PyObject *viewing_operand(Context *c, int slot, PyObject *base) {
    Slot *s = c->program->slots + slot;
    npy_intp dims[MAX_LOOPS], strides[MAX_LOOPS];
    const i64 *lengths = lengths_of(c, slot);
    for (int i = 0; i < s->ndim; i++) {
        dims[i] = (npy_intp)lengths[i];
        strides[i] = (npy_intp)lengths[s->ndim + i];
    }
    Py_INCREF(s->descr);
    int writeable = PyArray_FLAGS((PyArrayObject *)base) & NPY_ARRAY_WRITEABLE;
    PyObject *view =
        PyArray_NewFromDescr(&PyArray_Type, s->descr, s->ndim, dims, strides, slot_address(c, slot), writeable, NULL);
    if (view && PyArray_SetBaseObject((PyArrayObject *)view, Py_NewRef(base))) Py_CLEAR(view);
    return view;
}

static PyObject *operand(Context *c, int slot) {
    Slot *s = c->program->slots + slot;
    if (s->kind == CONST) return Py_NewRef(s->value);
    if (s->kind != VIEW && c->objects[slot]) return Py_NewRef(c->objects[slot]);
    int root = s->kind == OBJECT ? -1 : place_of(c, slot)->root;
    if (root < 0) Py_RETURN_NONE; /* what makes it was left out */
    PyObject *base = c->program->slots[root].kind == CONST ? c->program->slots[root].value : c->objects[root];
    return s->kind == VIEW && base ? viewing_operand(c, slot, base) : copied_operand(c, slot);
}

static int wrong_result(Context *c, int node, const Slot *s, int position, PyObject *value) {
    PyErr_Format(PyExc_TypeError,
                 "result %d of a Python node must be a numpy.ndarray of dtype %S and rank %d; it returned %R.",
                 position, s->descr, s->ndim, value);
    raise_python_failure(c, node);
    return -1;
}

/* Keeps a result; an array that kernels cannot read is copied, one of another dtype or rank is an error. */
static int hold(Context *c, int node, int position, PyObject *value) {
    int slot = c->program->nodes[node].ops[position];
    Slot *s = c->program->slots + slot;
    PyObject *held = Py_NewRef(value);
    if (s->kind == HELD && !is_proper(value, s)) {
        Py_DECREF(held);
        held = PyArray_CheckFromAny(value, NULL, 0, 0, NPY_ARRAY_ALIGNED | NPY_ARRAY_NOTSWAPPED | NPY_ARRAY_ENSUREARRAY,
                                    NULL);
        if (!held) return raise_python_failure(c, node), -1;
        if (!is_proper(held, s)) {
            Py_DECREF(held);
            return wrong_result(c, node, s, position, value);
        }
    }
    c->objects[slot] = held;
    if (s->kind == HELD) c->base[slot] = PyArray_BYTES((PyArrayObject *)held);
    return 0;
}

static int hold_all(Context *c, int index, PyObject *result) {
    Node *node = c->program->nodes + index;
    if (node->n_outputs == 1) return hold(c, index, 0, result);
    if (!(PyTuple_Check(result) || PyList_Check(result)) || PySequence_Fast_GET_SIZE(result) != node->n_outputs) {
        PyErr_Format(PyExc_TypeError,
                     "a Python node with %d outputs must return a tuple or list of as many; it returned %R.",
                     node->n_outputs, result);
        raise_python_failure(c, index);
        return -1;
    }
    for (int k = 0; k < node->n_outputs; k++)
        if (hold(c, index, k, PySequence_Fast_GET_ITEM(result, k))) return -1;
    return 0;
}

/* Calls the node; 0, or -1 with an exception. */
int run_python_node(Context *c, Node *node) {
    int index = (int)(node - c->program->nodes), failed = 0;
    PyObject **values = PyMem_Calloc(node->n_inputs + 1, sizeof *values), *result = NULL;
    if (!values) return PyErr_NoMemory(), -1;
    for (int k = 0; k < node->n_inputs && !failed; k++)
        failed = !(values[k] = operand(c, node->ops[node->n_outputs + k]));
    if (!failed && !(result = PyObject_Vectorcall(node->callable, values, node->n_inputs, NULL))) {
        raise_python_failure(c, index);
        failed = 1;
    }
    for (int k = 0; k < node->n_inputs; k++) Py_XDECREF(values[k]);
    PyMem_Free(values);
    if (!failed) failed = hold_all(c, index, result);
    Py_XDECREF(result);
    return failed ? -1 : 0;
}
