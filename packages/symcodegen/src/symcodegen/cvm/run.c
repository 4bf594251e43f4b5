/* One call, from arguments to results. */
#include "cvm.h"
#include "products.h"

#include <time.h>

#define BETWEEN_LOOKS ((i64)50 * 1000000) /* nanoseconds between two looks for a signal */

/* ---- kernels ---- */

static i64 now(void) {
    struct timespec t;
#ifdef _WIN32
    timespec_get(&t, TIME_UTC);
#else
    clock_gettime(CLOCK_MONOTONIC, &t);
#endif
    return (i64)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Lets a signal's handler run; 1 if it raised. Only a call that runs without the GIL is long enough to ask. */
int interrupted(Context *c) {
    while (c->outer) c = c->outer;
    if (!c->released) return 0;
    PyEval_RestoreThread(c->released);
    int raised = PyErr_CheckSignals();
    c->released = PyEval_SaveThread();
    return raised;
}

static int run_timed(Context *c, const Prepared *q) {
    Prepared one = *q;
    for (int i = 0; i < q->n_runs; i++) {
        i64 start = now(), shared = outermost(c)->shared;
        one.runs = q->runs + i;
        one.n_runs = 1;
        int failed = run_plain(c, &one);
        c->node_ns[q->runs[i].node] += now() - start;
        c->node_calls[q->runs[i].node]++;
        c->node_cuts[q->runs[i].node] += outermost(c)->shared != shared;
        if (failed) return failed;
    }
    return 0;
}

/* ---- profile ---- */

static int start_profile(Context *c) {
    if (c->node_ns) return 0;
    c->node_ns = PyMem_Calloc(c->program->n_nodes + 1, sizeof(i64));
    c->node_calls = PyMem_Calloc(c->program->n_nodes + 1, sizeof(i64));
    c->node_cuts = PyMem_Calloc(c->program->n_nodes + 1, sizeof(i64));
    c->walk = run_timed;
    return c->node_ns && c->node_calls && c->node_cuts ? 0 : (PyErr_NoMemory(), -1);
}

/* Has the nodes within the loops of a segment timed, too. */
static int profile_loops(Context *c, const Prepared *q) {
    for (const LoopPrepared *l = q->loops; l; l = l->next) {
        for (int part = 0; part <= l->n_groups; part++) {
            Context *k = *steps_of(c, l->loop, part);
            if (start_profile(k) || profile_loops(k, part ? l->groups[part - 1]->inner : l->inner)) return -1;
        }
    }
    return 0;
}

/* Adds what a context has counted to its program, and so for the loops within. */
static void end_profile(Context *c) {
    Program *p = c->program;
    for (int n = 0; c->node_ns && c->node_calls && c->node_cuts && n < p->n_nodes; n++) {
        p->node_ns[n] += c->node_ns[n];
        p->node_calls[n] += c->node_calls[n];
        p->node_cuts[n] += c->node_cuts[n];
    }
    PyMem_Free(c->node_ns);
    PyMem_Free(c->node_calls);
    PyMem_Free(c->node_cuts);
    c->node_ns = c->node_calls = c->node_cuts = NULL;
    c->walk = run_plain;
    for (int i = 0; i < all_loops(p); i++)
        if (c->loops[i]) end_profile(c->loops[i]);
}

/* ---- long runs ---- */

/* The first node that writes into a shared variable itself: once it has run, the call must not be broken off. */
static int first_direct(const Context *c) {
    const Program *p = c->program;
    int first = p->n_nodes;
    for (int i = 0; i < p->n_updates; i++) {
        const Update *u = p->updates + i;
        int writer = p->slots[u->slot].first;
        if (c->objects[u->slot] == c->objects[p->shared[u->shared].slot] && writer < first) first = writer;
    }
    return first;
}

/* As run_plain, with a look for a signal between two kernels where the last look is some tens of milliseconds ago. */
static int run_watched(Context *c, const Prepared *q) {
    int end = first_direct(c);
    i64 looked = now();
    Prepared one = *q;
    for (int i = 0; i < q->n_runs; i++) {
        if (i && q->runs[i].node <= end && now() - looked > BETWEEN_LOOKS) {
            if (interrupted(c)) {
                c->failed_kind = SYM_RAISED;
                return -1;
            }
            looked = now();
        }
        one.runs = q->runs + i;
        one.n_runs = 1;
        if (c->walk(c, &one)) return -1;
    }
    return 0;
}

static int run_kernels(Context *c, Prepared *q) {
    Program *p = c->program;
    int release = q->work > p->gil_threshold && q->n_runs, failed;
    if (c->node_ns && profile_loops(c, q)) return -1;
    if (release) c->released = PyEval_SaveThread();
    if (p->blas_threads) {
        use_blas_threads(p->blas_threads);
        share_products(p->blas_threads);
    }
    failed = release && q->work > LONG_WORK ? run_watched(c, q) : c->walk(c, q);
    if (release) PyEval_RestoreThread(c->released);
    c->released = NULL;
    if (failed) raise_failure(c);
    return failed;
}

/* Is the Python node of this segment guarded by a register that holds 0? */
static int is_left_out(Context *c, int k) {
    int guard = c->program->nodes[c->program->segments[k].first].guard;
    return guard >= 0 && !c->chain[k - 1]->registers[guard];
}

static int run_segment(Context *c, int k) {
    Program *p = c->program;
    Segment *g = p->segments + k;
    if (g->python && is_left_out(c, k)) return find_prepared(c, k) ? 0 : -1;
    if (g->python) {
        i64 start = c->node_ns ? now() : 0;
        if (run_python_node(c, p->nodes + g->first)) return -1;
        if (c->node_ns) {
            c->node_ns[g->first] += now() - start;
            c->node_calls[g->first]++;
        }
        return find_prepared(c, k) ? 0 : -1; /* the shapes of what it returned */
    }
    if (k && !find_prepared(c, k)) return -1;
    if (bind_segment(c, k)) return -1;
    if (k == p->n_segments - 1 && stage_results(c)) return -1;
    return run_kernels(c, c->chain[k]);
}

/* ---- a call ---- */

/* Shared values and segment 0's shapes; then ownership, if other threads may run before the commit. */
static int enter(Context *c) {
    Program *p = c->program;
    for (;;) {
        if (take_shared(c)) return -1;
        Prepared *q = find_prepared(c, 0);
        if (!q) return -1;
        if (!p->n_updates || (p->n_segments == 1 && q->work <= p->gil_threshold)) return 0;
        int owned = own_updates(c);
        if (owned) return owned < 0 ? -1 : 0;
    }
}

static int run_all(Context *c, PyObject *const *args) {
    Program *p = c->program;
    if ((p->profile && start_profile(c)) || take_inputs(c, args) || enter(c)) return -1;
    for (int k = 0; k < p->n_segments; k++)
        if (run_segment(c, k)) return -1;
    if (p->segments[p->n_segments - 1].python && stage_results(c)) return -1;
    commit_updates(c);
    return 0;
}

/* Runs the program; `one`: returns the first output itself, else the list of all. NULL with an exception. */
PyObject *call_program(Program *p, PyObject *const *args, Py_ssize_t n_args, int one) {
    if (n_args != p->n_inputs)
        return PyErr_Format(PyExc_TypeError, "the program has %d inputs; got %zd arguments.", p->n_inputs, n_args);
    if (p->cleared) return PyErr_Format(PyExc_RuntimeError, "the program is being destroyed."), NULL;
    /* made first: an allocation that the garbage collector watches may run other threads, which must not happen between
     * reading a shared variable and committing its new value */
    PyObject *result = one ? NULL : PyList_New(p->n_outputs);
    if (!one && result && p->repeats && repeat_call(p, args, ((PyListObject *)result)->ob_item)) return result;
    Context *c = one || result ? take_context(p) : NULL;
    if (!c) {
        Py_XDECREF(result);
        return NULL;
    }
    p->calls++;
    int failed = run_all(c, args);
    if (c->owning) disown_updates(c);
    if (c->node_ns) end_profile(c);
    if (failed)
        Py_CLEAR(result);
    else if (one)
        result = take_output(c, 0);
    else
        for (int i = 0; i < p->n_outputs; i++) PyList_SET_ITEM(result, i, take_output(c, i));
    give_context(c);
    return result;
}
