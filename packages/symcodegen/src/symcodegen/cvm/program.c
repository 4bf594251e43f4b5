/* The Python type Program: construction, destruction, attributes. */
#include "cvm.h"

static PyObject *program_vectorcall(PyObject *self, PyObject *const *args, size_t n_flags, PyObject *names) {
    if (names && PyTuple_GET_SIZE(names)) {
        PyErr_SetString(PyExc_TypeError, "a program takes no keyword arguments.");
        return NULL;
    }
    return call_program((Program *)self, args, PyVectorcall_NARGS(n_flags), 0);
}

/* ---- construction ---- */

static int allocate_all(Program *p) {
    p->node_ns = PyMem_Calloc(p->n_nodes + 1, sizeof(i64));
    p->node_calls = PyMem_Calloc(p->n_nodes + 1, sizeof(i64));
    p->node_cuts = PyMem_Calloc(p->n_nodes + 1, sizeof(i64));
    if (!allocate_work_space(p) && p->node_ns && p->node_calls && p->node_cuts) return 0;
    PyErr_NoMemory();
    return -1;
}

static PyObject *program_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"slots", "nodes", "inputs", "shared", "updates", "outputs", "on_error", "name", NULL};
    PyObject *slots, *nodes, *inputs, *shared, *updates, *outputs, *on_error = Py_None, *name = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOOOOO|OU:Program", names, &slots, &nodes, &inputs, &shared,
                                     &updates, &outputs, &on_error, &name))
        return NULL;
    if (on_error != Py_None && !PyCallable_Check(on_error)) {
        PyErr_Format(PyExc_TypeError, "on_error must be callable or None, got %R.", on_error);
        return NULL;
    }
    Program *p = (Program *)type->tp_alloc(type, 0);
    if (!p) return NULL;
    p->vectorcall = program_vectorcall;
    p->gil_threshold = 1 << 18; /* about 10 us of work; a release that meets a busy thread can cost milliseconds */
    p->threads = 1;
    p->on_error = Py_NewRef(on_error);
    p->name = name ? Py_NewRef(name) : PyUnicode_FromString("");
    if (!p->name || parse_program(p, slots, nodes, inputs, shared, updates, outputs) || analyse_program(p) ||
        allocate_all(p))
        Py_CLEAR(p);
    else
        plan_repeats(p);
    return (PyObject *)p;
}

/* ---- destruction ---- */

static void drop_idle(Program *p) {
    while (p->idle) {
        Context *c = p->idle;
        p->idle = c->next;
        p->n_idle--;
        free_context(c);
    }
}

static int program_traverse(PyObject *self, visitproc visit, void *arg) {
    Program *p = (Program *)self;
    for (int i = 0; p->nodes && i < p->n_nodes; i++) Py_VISIT(p->nodes[i].callable);
    for (int i = 0; p->inputs && i < p->n_inputs; i++) Py_VISIT(p->inputs[i].filter);
    for (int i = 0; p->shared && i < p->n_shared; i++) Py_VISIT(p->shared[i].storage);
    Py_VISIT(p->on_error);
    return 0;
}

/* Clears what Python code could run; what kernels and tables need goes with the program itself. */
static int program_clear_references(PyObject *self) {
    Program *p = (Program *)self;
    p->cleared = 1;
    for (int i = 0; p->nodes && i < p->n_nodes; i++) /* contexts of a loop's steps need its program to the end */
        if (p->nodes[i].prep != LOOP) Py_CLEAR(p->nodes[i].callable);
    for (int i = 0; p->inputs && i < p->n_inputs; i++) Py_CLEAR(p->inputs[i].filter);
    for (int i = 0; p->shared && i < p->n_shared; i++) Py_CLEAR(p->shared[i].storage);
    Py_CLEAR(p->on_error);
    return 0;
}

static void free_description(Program *p) {
    for (int i = 0; p->nodes && i < p->n_nodes; i++) {
        Node *n = p->nodes + i;
        free_loop(n->loop);
        if (n->prep == LOOP) Py_XDECREF(n->callable);
        void *const parts[] = {n->ops, n->params, n->axes, n->stretch, n->inplace, n->items, n->code};
        for (size_t k = 0; k < sizeof parts / sizeof *parts; k++) PyMem_Free(parts[k]);
    }
    for (int i = 0; p->slots && i < p->n_slots; i++) {
        PyMem_Free(p->slots[i].registers);
        PyMem_Free(p->slots[i].lengths);
        Py_XDECREF(p->slots[i].value);
        Py_XDECREF(p->slots[i].descr);
    }
    for (int i = 0; p->segments && i < p->n_segments; i++) {
        PyMem_Free(p->segments[i].externals);
        PyMem_Free(p->segments[i].reads);
    }
}

static void program_dealloc(PyObject *self) {
    Program *p = (Program *)self;
    PyObject_GC_UnTrack(self);
    drop_idle(p);
    drop_memo(p);
    program_clear_references(self);
    Py_XDECREF(p->name);
    free_description(p);
    void *const tables[] = {p->slots,   p->nodes,   p->segments,         p->inputs,       p->shared,    p->updates,
                            p->outputs, p->holders, p->register_segment, p->result_slots, p->memo,      p->root_last,
                            p->births,  p->deaths,  p->next_death,       p->node_ns,      p->node_calls, p->node_cuts};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) PyMem_Free(tables[i]);
    Py_TYPE(self)->tp_free(self);
}

/* ---- attributes ---- */

static PyObject *get_stats(PyObject *self, void *closure) {
    Program *p = (Program *)self;
    (void)closure;
    return Py_BuildValue("{sLsLsisLsLsi}", "prepares", p->prepares, "hits", p->hits, "contexts", p->n_contexts,
                         "arena_bytes", p->arena_bytes, "calls", p->calls, "segments", p->n_segments);
}

static PyObject *get_direct(PyObject *self, void *closure) {
    Program *p = (Program *)self;
    (void)closure;
    PyObject *modes = PyTuple_New(p->n_updates);
    for (int i = 0; modes && i < p->n_updates; i++)
        PyTuple_SET_ITEM(modes, i, PyBool_FromLong(p->updates[i].mode == DIRECT));
    return modes;
}

static PyObject *timings(PyObject *self, PyObject *unused) {
    Program *p = (Program *)self;
    (void)unused;
    PyObject *list = PyList_New(0);
    for (int n = 0; list && n < p->n_nodes; n++) {
        if (!p->node_calls[n]) continue;
        PyObject *row = Py_BuildValue("(lLL)", p->nodes[n].tag, p->node_calls[n], p->node_ns[n]);
        if (!row || PyList_Append(list, row)) Py_CLEAR(list);
        Py_XDECREF(row);
    }
    return list;
}

static PyObject *shared_calls(PyObject *self, PyObject *unused) {
    Program *p = (Program *)self;
    (void)unused;
    PyObject *list = PyList_New(0);
    for (int n = 0; list && n < p->n_nodes; n++) {
        if (!p->node_cuts[n]) continue;
        PyObject *row = Py_BuildValue("(lL)", p->nodes[n].tag, p->node_cuts[n]);
        if (!row || PyList_Append(list, row)) Py_CLEAR(list);
        Py_XDECREF(row);
    }
    return list;
}

static PyObject *clear(PyObject *self, PyObject *unused) {
    Program *p = (Program *)self;
    (void)unused;
    drop_idle(p);
    drop_memo(p);
    for (int i = 0; i < p->n_nodes; i++)
        if (p->nodes[i].loop) Py_DECREF(clear(p->nodes[i].callable, NULL));
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {{"timings", timings, METH_NOARGS,
                                 "timings()\n--\n\nList of (tag, calls, nanoseconds) of the nodes that ran while "
                                 "`profile` was set."},
                                {"shared", shared_calls, METH_NOARGS,
                                 "shared()\n--\n\nList of (tag, calls) of the nodes whose work several threads shared "
                                 "while `profile` was set."},
                                {"clear", clear, METH_NOARGS,
                                 "clear()\n--\n\nFrees the memory that is kept for the next call: arenas, recycled "
                                 "arrays, memoised prepares."},
                                {NULL, NULL, 0, NULL}};

static PyMemberDef members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Program, vectorcall), READONLY, NULL},
    {"profile", T_BOOL, offsetof(Program, profile), 0, "time every node"},
    {"gil_threshold", T_PYSSIZET, offsetof(Program, gil_threshold), 0, "work above which kernels run without the GIL"},
    {"row_limit", T_PYSSIZET, offsetof(Program, row_limit), 0,
     "bytes of rows that loops may keep in the arena; 0: any. A call for which that is too little raises "
     "RowLimitExceeded before anything has run"},
    {"threads", T_INT, offsetof(Program, threads), 0, "threads that may share a kernel's work, the caller among them"},
    {"blas_threads", T_INT, offsetof(Program, blas_threads), 0, "threads that BLAS is told to use; 0: nothing is told"},
    {"name", T_OBJECT, offsetof(Program, name), READONLY, NULL},
    {"n_inputs", T_INT, offsetof(Program, n_inputs), READONLY, NULL},
    {"n_outputs", T_INT, offsetof(Program, n_outputs), READONLY, NULL},
    {NULL, 0, 0, 0, NULL}};

static PyGetSetDef getset[] = {
    {"stats", get_stats, NULL, "dict: prepares, hits, contexts, arena_bytes, calls, segments", NULL},
    {"direct", get_direct, NULL, "for each update: may it be written straight into its shared array?", NULL},
    {NULL, NULL, NULL, NULL, NULL}};

PyTypeObject ProgramType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "symcodegen.cvm.Program",
    .tp_doc = PROGRAM_DOC,
    .tp_basicsize = sizeof(Program),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_vectorcall_offset = offsetof(Program, vectorcall),
    .tp_call = PyVectorcall_Call,
    .tp_new = program_new,
    .tp_dealloc = program_dealloc,
    .tp_traverse = program_traverse,
    .tp_clear = program_clear_references,
    .tp_methods = methods,
    .tp_members = members,
    .tp_getset = getset,
};
