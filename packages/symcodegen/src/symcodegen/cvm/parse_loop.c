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

/* Axes by input and output of the program of a step. Rows that steps write are cut along their first axis alone, and so are
 * those that they read back. */
static int parse_members(Loop *loop, int index, PyObject *members) {
    const Program *inner = loop->inner;
    int n;
    if (!(loop->members = parse_ints(members, &n, "the members of loop", index))) return -1;
    if (n != inner->n_inputs + inner->n_outputs || loop->until)
        return bad_loop(index, "members have an axis for each input and output of its program, and no condition ends it");
    for (int i = 0; i < n; i++) {
        const int output = i - inner->n_inputs, axis = loop->members[i];
        const Slot *s = inner->slots + (output < 0 ? inner->inputs[i].slot : inner->outputs[output]);
        const int written = output >= 0 || loop->sources[i] >= loop->n_sequences;
        if (axis < -1 || axis >= s->ndim || (written && axis))
            return bad_loop(index, "members lie along an axis, in outputs and states along the first one");
    }
    return 0;
}

/* The parameters of a LOOP node; its callable and operands are there already. */
int parse_loop(Program *p, Node *node, int index, PyObject *params) {
    PyObject *sequences, *states, *results, *members = NULL;
    Loop *loop = node->loop = PyMem_Calloc(1, sizeof *loop);
    if (!loop) return PyErr_NoMemory(), -1;
    loop->inner = (Program *)node->callable;
    PyObject *fused;
    if (!PyTuple_Check(params) ||
        !PyArg_ParseTuple(params, "iO!O!O!pOK|O!", &loop->steps, &PyTuple_Type, &sequences, &PyTuple_Type, &states,
                          &PyTuple_Type, &results, &loop->until, &fused, &loop->scalars, &PyTuple_Type, &members))
        return PyErr_Clear(), bad_loop(index, "params are (steps, sequences, states, results, until, fused, scalars[, members])");
    loop->fused = (sym_kernel *)PyLong_AsVoidPtr(fused);
    if (PyErr_Occurred()) return -1;
    int n = (int)(PyTuple_GET_SIZE(sequences) + PyTuple_GET_SIZE(states) + PyTuple_GET_SIZE(results));
    loop->tracks = PyMem_Calloc(n + 1, sizeof(Track));
    if (!loop->tracks) return PyErr_NoMemory(), -1;
    loop->n_sequences = (int)PyTuple_GET_SIZE(sequences);
    loop->n_states = (int)PyTuple_GET_SIZE(states);
    loop->n_results = (int)PyTuple_GET_SIZE(results);
    if (parse_tracks(loop, index, sequences, states, results) || place_loop(p, node, index)) return -1;
    return members && PyTuple_GET_SIZE(members) ? parse_members(loop, index, members) : 0;
}
