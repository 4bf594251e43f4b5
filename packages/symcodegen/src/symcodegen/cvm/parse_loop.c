/* The description of a loop, from tuples. */
#include "cvm.h"

#include <string.h>

/* (lead, offset, ...): the first number is handed back, the others become the track's. */
static int parse_track(Track *t, PyObject *item, int index, int *lead) {
    int n, *values = parse_ints(item, &n, "a track of loop", index);
    if (!values) return -1;
    if (n > 0) {
        *lead = values[0];
        t->n = n - 1;
        memmove(values, values + 1, (n - 1) * sizeof(int));
    }
    t->offsets = values;
    return n > 0 ? 0 : bad_loop(index, "a track is a tuple of at least one int");
}

static int parse_tracks(Loop *loop, int index, PyObject *sequences, PyObject *states, PyObject *results) {
    PyObject *const groups[] = {sequences, states, results};
    Track *t = loop->tracks;
    for (int g = 0; g < 3; g++)
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(groups[g]); i++, t++) {
            int lead = 0;
            if (parse_track(t, PyTuple_GET_ITEM(groups[g], i), index, &lead)) return -1;
            if (g == 0)
                t->step = lead;
            else
                t->keep = lead;
            if ((g == 0 && (lead * lead != 1 || !t->n)) || (g == 1 && !t->n) || (g == 2 && t->n) ||
                (g && (lead < -1 || !lead)))
                return bad_loop(index, "sequences are (1 or -1, row, ...), states (keep, tap, ...), results (keep,)");
            for (int k = 0; g == 1 && k < t->n; k++)
                if (t->offsets[k] >= 0) return bad_loop(index, "a tap is negative");
        }
    return 0;
}

/* The parameters of a LOOP node; its callable and operands are there already. */
int parse_loop(Program *p, Node *node, int index, PyObject *params) {
    PyObject *sequences, *states, *results;
    Loop *loop = node->loop = PyMem_Calloc(1, sizeof *loop);
    if (!loop) return PyErr_NoMemory(), -1;
    loop->inner = (Program *)node->callable;
    PyObject *fused;
    if (!PyTuple_Check(params) ||
        !PyArg_ParseTuple(params, "iO!O!O!pOK", &loop->steps, &PyTuple_Type, &sequences, &PyTuple_Type, &states,
                          &PyTuple_Type, &results, &loop->until, &fused, &loop->scalars))
        return PyErr_Clear(), bad_loop(index, "params are (steps, sequences, states, results, until, fused, scalars)");
    loop->fused = (sym_kernel *)PyLong_AsVoidPtr(fused);
    if (PyErr_Occurred()) return -1;
    int n = (int)(PyTuple_GET_SIZE(sequences) + PyTuple_GET_SIZE(states) + PyTuple_GET_SIZE(results));
    loop->tracks = PyMem_Calloc(n + 1, sizeof(Track));
    if (!loop->tracks) return PyErr_NoMemory(), -1;
    loop->n_sequences = (int)PyTuple_GET_SIZE(sequences);
    loop->n_states = (int)PyTuple_GET_SIZE(states);
    loop->n_results = (int)PyTuple_GET_SIZE(results);
    return parse_tracks(loop, index, sequences, states, results) ? -1 : place_loop(p, node, index);
}
