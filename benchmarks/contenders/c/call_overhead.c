/* The least that a call from Python can cost: one C function that checks its arrays, makes its output and loops.
 * A bound for the "call overhead" workloads; float64 vectors only. */
#define NPY_NO_DEPRECATED_API NPY_1_7_API_VERSION
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <numpy/arrayobject.h>

/* The array itself if it is a contiguous float64 array of `ndim` dimensions; otherwise NULL with TypeError set. */
static PyArrayObject *checked(PyObject *object, int ndim) {
    PyArrayObject *array = (PyArrayObject *)object;
    if (PyArray_CheckExact(object) && PyArray_TYPE(array) == NPY_DOUBLE && PyArray_NDIM(array) == ndim &&
        PyArray_ISCARRAY(array))
        return array;
    PyErr_Format(PyExc_TypeError, "expected a contiguous float64 array of %d dimension(s)", ndim);
    return NULL;
}

static PyObject *add_one(PyObject *self, PyObject *argument) {
    PyArrayObject *x = checked(argument, 1);
    if (x == NULL) return NULL;
    npy_intp size = PyArray_DIM(x, 0);
    PyArrayObject *out = (PyArrayObject *)PyArray_SimpleNew(1, &size, NPY_DOUBLE);
    if (out == NULL) return NULL;
    const double *from = PyArray_DATA(x);
    double *to = PyArray_DATA(out);
    for (npy_intp i = 0; i < size; i++) to[i] = from[i] + 1;
    return (PyObject *)out;
}

static PyObject *five_ops(PyObject *self, PyObject *argument) {
    PyArrayObject *x = checked(argument, 1);
    if (x == NULL) return NULL;
    npy_intp size = PyArray_DIM(x, 0);
    PyArrayObject *out = (PyArrayObject *)PyArray_SimpleNew(1, &size, NPY_DOUBLE);
    if (out == NULL) return NULL;
    const double *from = PyArray_DATA(x);
    double *to = PyArray_DATA(out);
    for (npy_intp i = 0; i < size; i++) to[i] = exp(-(from[i] * 2)) / (from[i] + 3);
    return (PyObject *)out;
}

/* ten_updates(list of vectors, x): s <- 0.9 * s + x in place */
static PyObject *ten_updates(PyObject *self, PyObject *const *arguments, Py_ssize_t count) {
    if (count != 2 || !PyList_CheckExact(arguments[0])) {
        PyErr_SetString(PyExc_TypeError, "expected a list of vectors and a 0-d array");
        return NULL;
    }
    PyArrayObject *x = checked(arguments[1], 0);
    if (x == NULL) return NULL;
    double added = *(const double *)PyArray_DATA(x);
    for (Py_ssize_t k = 0; k < PyList_GET_SIZE(arguments[0]); k++) {
        PyArrayObject *state = checked(PyList_GET_ITEM(arguments[0], k), 1);
        if (state == NULL) return NULL;
        double *s = PyArray_DATA(state);
        for (npy_intp i = 0; i < PyArray_DIM(state, 0); i++) s[i] = s[i] * 0.9 + added;
    }
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"add_one", add_one, METH_O, "x + 1"},
    {"five_ops", five_ops, METH_O, "exp(-(x * 2)) / (x + 3)"},
    {"ten_updates", (PyCFunction)(void (*)(void))ten_updates, METH_FASTCALL, "s <- 0.9 * s + x for a list of s"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "call_overhead", NULL, -1, methods};

PyMODINIT_FUNC PyInit_call_overhead(void) {
    import_array();
    return PyModule_Create(&module);
}
