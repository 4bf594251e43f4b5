/* Loops whose steps need Python, or shapes of their own: the program of a step called again and again from here.
 *
 * It is called with views of the rows that the step reads; what it makes is copied to the rows it belongs to. No Python
 * runs between two steps, and a view is the same object from step to step unless something has kept it. */
#include "cvm.h"

#include <string.h>

#define BETWEEN_TURNS 256 /* steps after which another thread may have the GIL */

/* What one argument of a step is a row of: row (at + step * i), in a ring of `rows` modulo that. */
typedef struct {
    PyArrayObject *of;
    npy_intp at, step, rows;
} Moving;

typedef struct {
    Program *program;
    PyObject *sequences, *states, *carries, *same, *results, *keeps, *name;
    npy_intp n;
    int until, n_moving, n_states, n_carries, n_results;
    Moving *moving;   /* the arguments that are rows, in order */
    PyObject **given; /* all arguments */
} Steps;

/* ---- rows ---- */

static PyObject *row_view(PyArrayObject *of, char *data) {
    PyArray_Descr *descr = PyArray_DESCR(of);
    Py_INCREF(descr);
    PyObject *view = PyArray_NewFromDescr(&PyArray_Type, descr, PyArray_NDIM(of) - 1, PyArray_DIMS(of) + 1,
                                          PyArray_STRIDES(of) + 1, data, 0, NULL);
    if (view && PyArray_SetBaseObject((PyArrayObject *)view, Py_NewRef((PyObject *)of))) Py_CLEAR(view);
    return view;
}

/* Lets an argument be a row: by moving the view of the step before, if nobody else has it. */
static int point(PyObject **view, PyArrayObject *of, npy_intp row) {
    char *data = PyArray_BYTES(of) + row * PyArray_STRIDE(of, 0);
    if (*view && Py_REFCNT(*view) == 1 && !((PyArrayObject_fields *)*view)->weakreflist) {
        ((PyArrayObject_fields *)*view)->data = data;
        return 0;
    }
    Py_XSETREF(*view, row_view(of, data));
    return *view ? 0 : -1;
}

static PyObject *lengths_tuple(PyArrayObject *array, int from) {
    PyObject *shape = PyTuple_New(PyArray_NDIM(array) - from);
    for (int i = from; shape && i < PyArray_NDIM(array); i++)
        PyTuple_SET_ITEM(shape, i - from, PyLong_FromSsize_t(PyArray_DIM(array, i)));
    return shape;
}

static int wrong_shape(const char *what, Py_ssize_t k, PyArrayObject *value, PyArrayObject *buffer) {
    PyObject *made = lengths_tuple(value, 0), *before = lengths_tuple(buffer, 1);
    if (made && before)
        PyErr_Format(PyExc_ValueError,
                     "a step makes %s %zd of shape %R, where the one before it has shape %R. Every step must keep its "
                     "shape.",
                     what, k, made, before);
    Py_XDECREF(made);
    Py_XDECREF(before);
    return -1;
}

static int store(PyArrayObject *buffer, npy_intp row, PyObject *value, const char *what, Py_ssize_t k) {
    PyArrayObject *array = (PyArrayObject *)value;
    int ndim = PyArray_NDIM(buffer) - 1;
    /* an array without axes has no lengths at all, not even a place for them */
    if (PyArray_NDIM(array) != ndim ||
        (ndim && memcmp(PyArray_DIMS(array), PyArray_DIMS(buffer) + 1, ndim * sizeof(npy_intp))))
        return wrong_shape(what, k, array, buffer);
    char *target = PyArray_BYTES(buffer) + row * PyArray_STRIDE(buffer, 0);
    if (PyArray_IS_C_CONTIGUOUS(array)) { /* buffers are */
        memcpy(target, PyArray_DATA(array), PyArray_NBYTES(array));
        return 0;
    }
    PyObject *view = row_view(buffer, target);
    int failed = !view || PyArray_CopyInto((PyArrayObject *)view, array);
    Py_XDECREF(view);
    return failed ? -1 : 0;
}

/* The buffer of a result, made when the shape of its rows is known. */
static PyArrayObject *result_buffer(Steps *s, Py_ssize_t k, PyObject *value) {
    PyObject *known = PyList_GET_ITEM(s->results, k);
    if (known != Py_None) return (PyArrayObject *)known;
    PyArrayObject *array = (PyArrayObject *)value;
    npy_intp dims[MAX_LOOPS + 1], keep = PyLong_AsSsize_t(PyTuple_GET_ITEM(s->keeps, k));
    dims[0] = keep < 0 || keep > s->n ? s->n : keep;
    for (int i = 0; i < PyArray_NDIM(array); i++) dims[1 + i] = PyArray_DIM(array, i);
    Py_INCREF(PyArray_DESCR(array));
    PyObject *made =
        PyArray_NewFromDescr(&PyArray_Type, PyArray_DESCR(array), PyArray_NDIM(array) + 1, dims, NULL, NULL, 0, NULL);
    if (made) PyList_SetItem(s->results, k, made); /* which has the reference */
    return (PyArrayObject *)made;
}

/* ---- from tuples ---- */

static int bad_steps(const char *message) {
    if (!PyErr_Occurred()) PyErr_Format(PyExc_ValueError, "run_steps: %s.", message);
    return -1;
}

static PyArrayObject *array_of(PyObject *entry) {
    PyObject *array = PyTuple_Check(entry) && PyTuple_GET_SIZE(entry) > 1 ? PyTuple_GET_ITEM(entry, 0) : NULL;
    if (array && PyArray_CheckExact(array) && PyArray_NDIM((PyArrayObject *)array)) return (PyArrayObject *)array;
    bad_steps("an entry is a tuple of an array with rows and integers");
    return NULL;
}

/* (array, step, row, ...): rows of the first step; (array, initial rows, tap, ...): a state, with all rows or a ring. */
static int add_moving(Steps *s, PyObject *entry, int is_state) {
    PyArrayObject *array = array_of(entry);
    if (!array) return -1;
    npy_intp lead = PyLong_AsSsize_t(PyTuple_GET_ITEM(entry, 1));
    for (Py_ssize_t k = 2; k < PyTuple_GET_SIZE(entry); k++) {
        npy_intp at = PyLong_AsSsize_t(PyTuple_GET_ITEM(entry, k));
        if (s->n_moving >= s->program->n_inputs) return bad_steps("the program has fewer inputs than rows are given");
        s->moving[s->n_moving++] = is_state ? (Moving){array, lead + at, 1, PyArray_DIM(array, 0)}
                                            : (Moving){array, at, lead, PY_SSIZE_T_MAX};
    }
    return PyErr_Occurred() ? -1 : 0;
}

/* Are the rows that the steps read those of the array? The caller has checked; a mistake must not read beyond. */
static int check_moving(const Steps *s) {
    for (const Moving *m = s->moving, *end = m + s->n_moving; m < end; m++) {
        npy_intp rows = PyArray_DIM(m->of, 0), last = m->at + m->step * (s->n - 1);
        if (m->at < 0 || !rows || (m->rows > rows && (m->at >= rows || last < 0 || last >= rows)))
            return bad_steps("a row is not in its array");
    }
    return 0;
}

static int start(Steps *s) {
    s->moving = PyMem_Calloc(s->program->n_inputs + 1, sizeof *s->moving);
    s->given = PyMem_Calloc(s->program->n_inputs + 1, sizeof *s->given);
    if (!s->moving || !s->given) return PyErr_NoMemory(), -1;
    for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(s->sequences); k++)
        if (add_moving(s, PyTuple_GET_ITEM(s->sequences, k), 0)) return -1;
    for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(s->states); k++)
        if (add_moving(s, PyTuple_GET_ITEM(s->states, k), 1)) return -1;
    s->n_states = (int)PyTuple_GET_SIZE(s->states);
    s->n_carries = (int)PyList_GET_SIZE(s->carries);
    s->n_results = (int)PyList_GET_SIZE(s->results);
    int n_same = (int)PyTuple_GET_SIZE(s->same), at = s->n_moving + s->n_carries;
    if (at + n_same != s->program->n_inputs || PyTuple_GET_SIZE(s->keeps) != s->n_results ||
        s->n_states + s->n_carries + s->n_results + s->until != s->program->n_outputs)
        return bad_steps("the program has another number of inputs or outputs");
    for (int k = 0; k < n_same; k++) s->given[at + k] = Py_NewRef(PyTuple_GET_ITEM(s->same, k));
    return check_moving(s);
}

/* ---- steps ---- */

static int give(Steps *s, npy_intp i) {
    for (int k = 0; k < s->n_moving; k++) {
        const Moving *m = s->moving + k;
        npy_intp row = m->at + m->step * i;
        if (point(s->given + k, m->of, row >= m->rows ? row % m->rows : row)) return -1;
    }
    for (int k = 0; k < s->n_carries; k++)
        Py_XSETREF(s->given[s->n_moving + k], Py_NewRef(PyList_GET_ITEM(s->carries, k)));
    return 0;
}

/* Puts what a step made where it belongs: 1 if the loop ends with it, -1 with an exception. */
static int take(Steps *s, npy_intp i, PyObject *made) {
    int at = 0;
    for (int k = 0; k < s->n_states; k++, at++) {
        PyObject *entry = PyTuple_GET_ITEM(s->states, k);
        PyArrayObject *buffer = (PyArrayObject *)PyTuple_GET_ITEM(entry, 0);
        npy_intp row = PyLong_AsSsize_t(PyTuple_GET_ITEM(entry, 1)) + i;
        if (store(buffer, row % PyArray_DIM(buffer, 0), PyList_GET_ITEM(made, at), "state", k)) return -1;
    }
    for (int k = 0; k < s->n_carries; k++, at++) {
        Py_CLEAR(s->given[s->n_moving + k]);
        PyList_SetItem(s->carries, k, Py_NewRef(PyList_GET_ITEM(made, at)));
    }
    for (int k = 0; k < s->n_results; k++, at++) {
        PyObject *value = PyList_GET_ITEM(made, at);
        PyArrayObject *buffer = result_buffer(s, k, value);
        if (!buffer || store(buffer, i % PyArray_DIM(buffer, 0), value, "output", k)) return -1;
    }
    return s->until ? PyObject_IsTrue(PyList_GET_ITEM(made, at)) : 0;
}

/* Tells in which step an exception came. */
static void note_step(const Steps *s, npy_intp i) {
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback) PyException_SetTraceback(value, traceback);
    PyObject *text = PyUnicode_FromFormat("in step %zd of %U", i, s->name);
    PyObject *done = text ? PyObject_CallMethod(value, "add_note", "O", text) : NULL;
    if (!done) PyErr_Clear();
    Py_XDECREF(done);
    Py_XDECREF(text);
    PyErr_Restore(type, value, traceback);
}

static npy_intp all_steps(Steps *s) {
    for (npy_intp i = 0; i < s->n; i++) {
        PyObject *made = give(s, i) ? NULL : call_program(s->program, s->given, s->program->n_inputs, 0);
        int ends = made ? take(s, i, made) : -1;
        Py_XDECREF(made);
        if (ends < 0) {
            note_step(s, i);
            return -1;
        }
        if (ends) return i + 1;
        if (PyErr_CheckSignals()) return -1;
        if (i % BETWEEN_TURNS == BETWEEN_TURNS - 1) {
            PyThreadState *state = PyEval_SaveThread();
            PyEval_RestoreThread(state);
        }
    }
    return s->n;
}

PyObject *run_program_steps(PyObject *self, PyObject *args) {
    Steps s = {0};
    (void)self;
    if (!PyArg_ParseTuple(args, "O!nO!O!O!O!O!O!pU:run_steps", &ProgramType, &s.program, &s.n, &PyTuple_Type,
                          &s.sequences, &PyTuple_Type, &s.states, &PyList_Type, &s.carries, &PyTuple_Type, &s.same,
                          &PyList_Type, &s.results, &PyTuple_Type, &s.keeps, &s.until, &s.name))
        return NULL;
    npy_intp made = start(&s) ? -1 : all_steps(&s);
    for (int k = 0; s.given && k < s.program->n_inputs; k++) Py_XDECREF(s.given[k]);
    PyMem_Free(s.given);
    PyMem_Free(s.moving);
    return made < 0 ? NULL : PyLong_FromSsize_t(made);
}
