/* Caller: the base of what users call. The plain call (positional, complete) never leaves C. */
#include "cvm.h"

typedef struct {
    PyObject_HEAD vectorcallfunc vectorcall;
    Program *program;
    int return_kind;
} Caller;

static PyObject *text_call_general, *text_wrap_outputs;

/* Keywords, defaults, a wrong count: the subclass sorts it out in Python. */
static PyObject *call_general(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *names) {
    Py_ssize_t n_names = names ? PyTuple_GET_SIZE(names) : 0;
    PyObject *positional = PyTuple_New(n), *keywords = PyDict_New(), *result = NULL;
    int failed = !positional || !keywords;
    for (Py_ssize_t i = 0; !failed && i < n; i++) PyTuple_SET_ITEM(positional, i, Py_NewRef(args[i]));
    for (Py_ssize_t i = 0; !failed && i < n_names; i++)
        failed = PyDict_SetItem(keywords, PyTuple_GET_ITEM(names, i), args[n + i]) < 0;
    if (!failed) result = PyObject_CallMethodObjArgs(self, text_call_general, positional, keywords, NULL);
    Py_XDECREF(positional);
    Py_XDECREF(keywords);
    return result;
}

static PyObject *caller_vectorcall(PyObject *self, PyObject *const *args, size_t n_flags, PyObject *names) {
    Caller *caller = (Caller *)self;
    Program *program = caller->program;
    Py_ssize_t n = PyVectorcall_NARGS(n_flags);
    if (names || !program || n != program->n_inputs) return call_general(self, args, n, names);
    /* a filter or a Python node could set another program, or drop the last reference to this one */
    Py_INCREF(program);
    PyObject *result = NULL;
    if (caller->return_kind == RETURN_ONE && program->repeats && repeat_call(program, args, &result)) {
        Py_DECREF(program);
        return result;
    }
    result = call_program(program, args, n, caller->return_kind == RETURN_ONE);
    Py_DECREF(program);
    if (!result && PyErr_ExceptionMatches(row_limit_exceeded)) { /* another program makes do with less */
        PyErr_Clear();
        return call_general(self, args, n, NULL);
    }
    if (!result || caller->return_kind != RETURN_WRAPPED) return result;
    PyObject *wrapped = PyObject_CallMethodOneArg(self, text_wrap_outputs, result);
    Py_DECREF(result);
    return wrapped;
}

/* Python sets the vectorcall flag for a subclass written in Python from 3.12 on; before, only we can know that it is
 * right: the class inherits our tp_call, so it defines no __call__ of its own. */
static void allow_vectorcall(PyTypeObject *type) {
    if (type->tp_call != CallerType.tp_call || PyType_HasFeature(type, Py_TPFLAGS_HAVE_VECTORCALL)) return;
    type->tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL;
    PyType_Modified(type);
}

static PyObject *caller_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    (void)args; /* for the __init__ of another base class: none is defined here, so that it is found */
    (void)kwargs;
    if (!text_call_general) text_call_general = PyUnicode_InternFromString("_call_general");
    if (!text_wrap_outputs) text_wrap_outputs = PyUnicode_InternFromString("_wrap_outputs");
    if (!text_call_general || !text_wrap_outputs) return NULL;
    allow_vectorcall(type);
    Caller *self = (Caller *)type->tp_alloc(type, 0);
    if (self) self->vectorcall = caller_vectorcall;
    return (PyObject *)self;
}

static int caller_traverse(PyObject *self, visitproc visit, void *arg) {
    Py_VISIT(((Caller *)self)->program);
    return 0;
}

static int caller_clear(PyObject *self) {
    Py_CLEAR(((Caller *)self)->program);
    return 0;
}

static void caller_dealloc(PyObject *self) {
    PyObject_GC_UnTrack(self);
    caller_clear(self);
    Py_TYPE(self)->tp_free(self);
}

static PyObject *get_program(PyObject *self, void *closure) {
    Caller *caller = (Caller *)self;
    (void)closure;
    return Py_NewRef(caller->program ? (PyObject *)caller->program : Py_None);
}

static int set_program(PyObject *self, PyObject *value, void *closure) {
    Caller *caller = (Caller *)self;
    (void)closure;
    if (value && value != Py_None && !PyObject_TypeCheck(value, &ProgramType)) {
        PyErr_Format(PyExc_TypeError, "program must be a Program or None, got %R.", value);
        return -1;
    }
    Program *program = value && value != Py_None ? (Program *)Py_NewRef(value) : NULL;
    if (program && caller->return_kind == RETURN_ONE && program->n_outputs != 1) {
        Py_DECREF(program);
        PyErr_SetString(PyExc_ValueError, "return_kind RETURN_ONE needs a program with one output.");
        return -1;
    }
    Py_XSETREF(caller->program, program);
    return 0;
}

static PyObject *get_return_kind(PyObject *self, void *closure) {
    (void)closure;
    return PyLong_FromLong(((Caller *)self)->return_kind);
}

static int set_return_kind(PyObject *self, PyObject *value, void *closure) {
    Caller *caller = (Caller *)self;
    (void)closure;
    long kind = value ? PyLong_AsLong(value) : -1;
    if (kind == -1 && PyErr_Occurred()) return -1;
    if (kind < 0 || kind >= N_RETURN_KINDS) {
        PyErr_SetString(PyExc_ValueError, "return_kind must be RETURN_LIST, RETURN_ONE or RETURN_WRAPPED.");
        return -1;
    }
    if (kind == RETURN_ONE && caller->program && caller->program->n_outputs != 1) {
        PyErr_SetString(PyExc_ValueError, "RETURN_ONE needs a program with one output.");
        return -1;
    }
    caller->return_kind = (int)kind;
    return 0;
}

static PyGetSetDef getset[] = {
    {"program", get_program, set_program, "the Program that a plain call runs", NULL},
    {"return_kind", get_return_kind, set_return_kind, "how the outputs are handed back", NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyMemberDef members[] = {{"__vectorcalloffset__", T_PYSSIZET, offsetof(Caller, vectorcall), READONLY, NULL},
                                {NULL, 0, 0, 0, NULL}};

PyTypeObject CallerType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "symcodegen.cvm.Caller",
    .tp_doc = "Base class of callables that run a Program: set `program` and `return_kind` (RETURN_LIST: a list of "
              "outputs,\n"
              "RETURN_ONE: the output itself, RETURN_WRAPPED: self._wrap_outputs(list)). A call with exactly one "
              "positional\n"
              "argument per input runs in C; any other becomes self._call_general(args, kwargs), which the subclass "
              "defines.",
    .tp_basicsize = sizeof(Caller),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_vectorcall_offset = offsetof(Caller, vectorcall),
    .tp_call = PyVectorcall_Call,
    .tp_new = caller_new,
    .tp_dealloc = caller_dealloc,
    .tp_traverse = caller_traverse,
    .tp_clear = caller_clear,
    .tp_getset = getset,
    .tp_members = members,
};
