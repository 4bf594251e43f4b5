/* The extension module: types, constants, shared objects, prebuilt routines. */
#define SYMCVM_MODULE
#include "cvm.h"
#include "combine.h"
#include "products.h"
#include "sorting.h"
#include "threads.h"

#include <string.h>

#ifdef _WIN32
#include <windows.h>
#else
#include <dlfcn.h>
#endif

#ifndef SYM_SOURCE_DIGEST
#define SYM_SOURCE_DIGEST ""
#endif

static PyObject *load_library(PyObject *self, PyObject *path) {
    PyObject *bytes = NULL;
    (void)self;
    if (!PyUnicode_FSConverter(path, &bytes)) return NULL;
#ifdef _WIN32
    void *handle = (void *)LoadLibraryA(PyBytes_AS_STRING(bytes));
    const char *why = handle ? "" : "LoadLibrary failed";
#else
    void *handle = dlopen(PyBytes_AS_STRING(bytes), RTLD_NOW | RTLD_LOCAL);
    const char *why = handle ? "" : dlerror();
#endif
    Py_DECREF(bytes);
    if (!handle) return PyErr_Format(PyExc_OSError, "cannot load the shared object %R: %s", path, why);
    return PyLong_FromVoidPtr(handle);
}

static PyObject *find_symbol(PyObject *self, PyObject *args) {
    PyObject *handle;
    const char *name;
    (void)self;
    if (!PyArg_ParseTuple(args, "O!s:symbol", &PyLong_Type, &handle, &name)) return NULL;
    void *library = PyLong_AsVoidPtr(handle);
    if (!library)
        return PyErr_Occurred() ? NULL : (PyErr_SetString(PyExc_ValueError, "symbol: the handle is 0."), NULL);
#ifdef _WIN32
    void *address = (void *)GetProcAddress((HMODULE)library, name);
#else
    void *address = dlsym(library, name);
#endif
    if (!address) return PyErr_Format(PyExc_AttributeError, "the shared object has no symbol %s.", name);
    return PyLong_FromVoidPtr(address);
}

static PyObject *set_blas(PyObject *self, PyObject *pointers) {
    PyObject *name, *address;
    Py_ssize_t at = 0;
    (void)self;
    if (!PyDict_Check(pointers))
        return PyErr_Format(PyExc_TypeError, "set_blas needs a dict of addresses, got %R.", pointers);
    while (PyDict_Next(pointers, &at, &name, &address)) {
        const char *text = PyUnicode_AsUTF8(name);
        void *pointer = text ? PyLong_AsVoidPtr(address) : NULL;
        if (PyErr_Occurred()) return NULL;
        if (set_blas_pointer(text, pointer))
            return PyErr_Format(PyExc_ValueError, "set_blas knows no function %R.", name);
    }
    return PyBool_FromLong(blas_is_set());
}

/* In the order of Way in products_template.h. */
static const char *const product_ways[] = {"spread", "dots", "blocked", "dots packed", "sweep", NULL};

static PyObject *set_products(PyObject *self, PyObject *args) {
    PyObject *name;
    const char *before = product_kernels->name, *way = NULL;
    int position = -1;
    (void)self;
    if (!PyArg_ParseTuple(args, "O|z", &name, &way)) return NULL;
    const char *text = name == Py_None ? NULL : PyUnicode_AsUTF8(name);
    if (name != Py_None && !text) return NULL;
    if (way)
        for (position = 0; product_ways[position] && strcmp(product_ways[position], way);) position++;
    if (way && !product_ways[position])
        return PyErr_Format(PyExc_ValueError,
                            "set_products: there is no way '%s'. Pass 'spread', 'dots', 'blocked', 'dots packed', 'sweep' or None.",
                            way);
    if (choose_products(text))
        return PyErr_Format(PyExc_ValueError,
                            "set_products(%R): this processor, or the compiler of this extension, does not have them. "
                            "Pass 'avx512', 'avx2', 'vector', 'blas' or None.",
                            name);
    product_way = position;
    product_choices++;
    return PyUnicode_FromString(before);
}

static PyObject *set_combining(PyObject *self, PyObject *name) {
    const char *text = name == Py_None ? NULL : PyUnicode_AsUTF8(name);
    (void)self;
    if (name != Py_None && !text) return NULL;
    if (choose_combining(text))
        return PyErr_Format(PyExc_ValueError,
                            "set_combining(%R): this processor does not have such vectors. Pass 'avx512', 'avx2', "
                            "'vector' or None.",
                            name);
    Py_RETURN_NONE;
}

static PyObject *set_sorting(PyObject *self, PyObject *name) {
    const char *before = sort_kernels()->name, *text = name == Py_None ? NULL : PyUnicode_AsUTF8(name);
    (void)self;
    if (name != Py_None && !text) return NULL;
    if (choose_sorting(text))
        return PyErr_Format(PyExc_ValueError,
                            "set_sorting(%R): this processor, or the compiler of this extension, does not have them. "
                            "Pass 'avx512', 'avx2', 'vector' or None.",
                            name);
    return PyUnicode_FromString(before);
}

static PyObject *take_blas_setter(PyObject *self, PyObject *address) {
    (void)self;
    void *pointer = PyLong_AsVoidPtr(address);
    if (PyErr_Occurred()) return NULL;
    set_blas_setter(pointer);
    Py_RETURN_NONE;
}

static PyObject *set_blas_threads(PyObject *self, PyObject *count) {
    (void)self;
    const int wanted = (int)PyLong_AsLong(count);
    if (PyErr_Occurred()) return NULL;
    return PyLong_FromLong(use_blas_threads(wanted));
}

static PyObject *share_always(PyObject *self, PyObject *on) {
    (void)self;
    const int wanted = PyObject_IsTrue(on);
    return wanted < 0 ? NULL : PyBool_FromLong(pool_always(wanted));
}

static PyObject *share_small_steps(PyObject *self, PyObject *on) {
    const int wanted = PyObject_IsTrue(on), before = small_steps;
    (void)self;
    if (wanted < 0) return NULL;
    small_steps = wanted;
    product_choices++; /* what is prepared was prepared for the other */
    return PyBool_FromLong(before);
}

static PyObject *thread_pool(PyObject *self, PyObject *unused) {
    i64 jobs, helped;
    (void)self, (void)unused;
    pool_counts(&jobs, &helped);
    return Py_BuildValue("{sisLsL}", "threads", pool_size(), "jobs", jobs, "helped", helped);
}

static PyObject *share_products_with_blas(PyObject *self, PyObject *threads) {
    const long count = PyLong_AsLong(threads);
    (void)self;
    if (PyErr_Occurred()) return NULL;
    share_products((int)count);
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {{"dlopen", load_library, METH_O,
                                   "dlopen(path)\n--\n\nLoads a shared object, all symbols bound and private; its "
                                   "handle, an int. OSError if it cannot."},
                                  {"symbol", find_symbol, METH_VARARGS,
                                   "symbol(handle, name)\n--\n\nAddress of a symbol, an int. AttributeError if "
                                   "absent."},
                                  {"set_blas", set_blas, METH_O,
                                   "set_blas(pointers)\n--\n\nTakes the addresses of Fortran BLAS functions, {'sgemm': "
                                   "address, ...}: [sdcz]gemm, [sdcz]gemv,\n"
                                   "sger, dger, cgeru, zgeru. True once all are known."},
                                  {"share_products", share_products_with_blas, METH_O,
                                   "share_products(threads)\n--\n\nLeaves large products to a BLAS with so many threads, "
                                   "unless it is one; 0: it is not known. For the whole process;\na program that tells "
                                   "BLAS its number of threads sees to it by itself."},
                                  {"set_combining", set_combining, METH_O,
                                   "set_combining(name)\n--\n\nChooses the vectors in which floats are reduced: "
                                   "'avx512', 'avx2', 'vector' (any processor),\nor None for the best that this "
                                   "processor has, which is what a process begins with. For the whole process (for "
                                   "tests).\nValueError if there are none of that name here."},
                                  {"set_products", set_products, METH_VARARGS,
                                   "set_products(name, way=None)\n--\n\nChooses the kernels of products: 'avx512', 'avx2', "
                                   "'vector' (any processor), 'blas' (leave them to\nBLAS), or None for the best that "
                                   "this processor has, which is what a process begins with. For the whole process.\n"
                                   "way: 'spread', 'dots', 'blocked', 'dots packed' or 'sweep' for all products that can take it "
                                   "(for tests), or None for the cheapest.\n"
                                   "Returns the name of those used before. ValueError if there are no such kernels "
                                   "here."},
                                  {"set_sorting", set_sorting, METH_O,
                                   "set_sorting(name)\n--\n\nChooses the kernels of sorting: 'avx512', 'avx2', 'vector' "
                                   "(any processor), or None for the best that\nthis processor has. For the whole "
                                   "process. Returns the name of those used before. ValueError if there are no\nsuch "
                                   "kernels here."},
                                  {"set_blas_setter", take_blas_setter, METH_O,
                                   "set_blas_setter(address)\n--\n\nTakes the address of the C function of BLAS that sets "
                                   "its number of threads, void (int); 0: there is none."},
                                  {"set_blas_threads", set_blas_threads, METH_O,
                                   "set_blas_threads(count)\n--\n\nLets BLAS use so many threads, if set_blas_setter was "
                                   "called; for the whole process. Returns how many\nit was told before, 0: none yet."},
                                  {"share_always", share_always, METH_O,
                                   "share_always(on)\n--\n\nLets threads share work however busy the machine is, which "
                                   "tests want, or only where it has paid lately, which\nis what a process begins with. "
                                   "Returns what held before."},
                                  {"share_small_steps", share_small_steps, METH_O,
                                   "share_small_steps(on)\n--\n\nLets threads share loops over batches however few "
                                   "members there are and however little a step does,\nwhich tests want, or only where "
                                   "it pays. Returns what held before."},
                                  {"thread_pool", thread_pool, METH_NOARGS,
                                   "thread_pool()\n--\n\nThe pool of this process, a dict: threads, those it has started "
                                   "(callers not counted); jobs, pieces of\nwork that were shared; helped, parts of them "
                                   "that its threads did."},
                                  {"run_steps", run_program_steps, METH_VARARGS,
                                   "run_steps(program, n, sequences, states, carries, same, results, keeps, until, "
                                   "name)\n--\n\nCalls the program of a step n times, or until its last output is "
                                   "true; returns how often.\n"
                                   "sequences: tuples (array, 1 or -1, row of the first step, ...); states: (buffer, "
                                   "initial rows, tap, ...), where the\n"
                                   "buffer has a row for every step or is a ring; carries: a list, changed in place; "
                                   "results: a list of None, which\n"
                                   "becomes arrays of the last `keeps` rows (-1: all), as rings. `name` is for notes "
                                   "on errors."},
                                  {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT,
                                        "_cvm",
                                        "The C virtual machine: runs planned graphs of kernels. See Program for the "
                                        "description of a graph, and\n"
                                        "runtime/symabi.h for the ABI of kernels. `routines` maps names of prebuilt "
                                        "kernels to their addresses.",
                                        -1,
                                        functions,
                                        NULL,
                                        NULL,
                                        NULL,
                                        NULL};

#define ENTRY(name) {#name, name}
static const struct {
    const char *name;
    int value;
} CONSTANTS[] = {
    ENTRY(INPUT),      ENTRY(SHARED),         ENTRY(CONST),     ENTRY(TEMP),
    ENTRY(ARRAY),      ENTRY(UPDATE),         ENTRY(VIEW),      ENTRY(HOST),
    ENTRY(HELD),       ENTRY(OBJECT),         ENTRY(COLLAPSED), ENTRY(FULL),
    ENTRY(SELECT),     ENTRY(LOOP),           ENTRY(CUT),       ENTRY(CUT_ROWS), ENTRY(DIMSHUFFLE), ENTRY(SUBTENSOR),      ENTRY(RESHAPE),   ENTRY(PYTHON),
    ENTRY(CODE),       ENTRY(REORDER),        ENTRY(FALLIBLE),  ENTRY(ITEM_INDEX),
    ENTRY(ITEM_SLICE), ENTRY(SWAP),           ENTRY(DIRECT),    ENTRY(RETURN_LIST),
    ENTRY(RETURN_ONE), ENTRY(RETURN_WRAPPED), ENTRY(R_CONST),   ENTRY(R_DIM),
    ENTRY(R_VALUE),    ENTRY(R_ADD),          ENTRY(R_SUB),     ENTRY(R_MUL),
    ENTRY(R_FLOORDIV), ENTRY(R_MOD),          ENTRY(R_MIN),     ENTRY(R_MAX),
    ENTRY(R_NEG),      ENTRY(R_ABS),          ENTRY(R_LT),      ENTRY(R_LE),
    ENTRY(R_GT),       ENTRY(R_GE),           ENTRY(R_EQ),      ENTRY(R_NE),
    ENTRY(R_AND),      ENTRY(R_OR),           ENTRY(R_NOT),     ENTRY(R_SWITCH),
    ENTRY(R_SLICELEN), ENTRY(R_REQUIRE_EQ),   ENTRY(MAX_LOOPS), {"ABI_VERSION", SYM_ABI_VERSION},
};

static int fill_module(PyObject *module) {
    for (size_t i = 0; i < sizeof CONSTANTS / sizeof *CONSTANTS; i++)
        if (PyModule_AddIntConstant(module, CONSTANTS[i].name, CONSTANTS[i].value)) return -1;
    if (!row_limit_exceeded)
        row_limit_exceeded = PyErr_NewException("symcodegen.cvm.RowLimitExceeded", PyExc_MemoryError, NULL);
    if (!row_limit_exceeded || PyModule_AddObjectRef(module, "RowLimitExceeded", row_limit_exceeded)) return -1;
    PyObject *routines = routine_addresses();
    int failed = !routines || PyModule_AddObjectRef(module, "routines", routines);
    Py_XDECREF(routines);
    return failed || PyModule_AddObjectRef(module, "Program", (PyObject *)&ProgramType) ||
                   PyModule_AddObjectRef(module, "Caller", (PyObject *)&CallerType) ||
                   PyModule_AddStringConstant(module, "source_digest", SYM_SOURCE_DIGEST)
               ? -1
               : 0;
}

PyMODINIT_FUNC PyInit__cvm(void) {
    import_array();
    choose_products(NULL);
    choose_combining(NULL);
    if (PyType_Ready(&ProgramType) || PyType_Ready(&CallerType)) return NULL;
    PyObject *module = PyModule_Create(&definition);
    if (module && fill_module(module)) Py_CLEAR(module);
    return module;
}
