/* One node of a program: its parameters by kind of preparation, and its register code. */
#include "cvm.h"

#include <limits.h>

static int bad_node(int index, const char *message) {
    if (!PyErr_Occurred()) PyErr_Format(PyExc_ValueError, "node %d of a program: %s.", index, message);
    return -1;
}

/* ---- register code ---- */

/* How the operands of an opcode are meant: r register, o register or -1, s slot, i integer. */
static const char *const OPERANDS[N_OPCODES] = {
    [R_CONST] = "i", [R_DIM] = "si",      [R_VALUE] = "si",      [R_ADD] = "rr",        [R_SUB] = "rr",
    [R_MUL] = "rr",  [R_FLOORDIV] = "rr", [R_MOD] = "rr",        [R_MIN] = "rr",        [R_MAX] = "rr",
    [R_NEG] = "r",   [R_ABS] = "r",       [R_LT] = "rr",         [R_LE] = "rr",         [R_GT] = "rr",
    [R_GE] = "rr",   [R_EQ] = "rr",       [R_NE] = "rr",         [R_AND] = "rr",        [R_OR] = "rr",
    [R_NOT] = "r",   [R_SWITCH] = "rrr",  [R_SLICELEN] = "rooo", [R_REQUIRE_EQ] = "rr",
};

static int parse_instruction(Instruction *in, PyObject *item, int index) {
    i64 v[6] = {0, 0, 0, -1, -1, -1};
    Py_ssize_t n = PyTuple_Check(item) ? PyTuple_GET_SIZE(item) : 0;
    if (n < 3 || n > 6) return bad_node(index, "an instruction is a tuple (opcode, dst, a, b, c, d)");
    for (int i = 0; i < n; i++) {
        v[i] = PyLong_AsLongLong(PyTuple_GET_ITEM(item, i));
        if (v[i] == -1 && PyErr_Occurred()) return -1;
        if (!(v[0] == R_CONST && i == 2) && (v[i] < -1 || v[i] > INT_MAX))
            return bad_node(index, "an instruction's operand is out of range");
    }
    if (v[0] < 0 || v[0] >= N_OPCODES || v[1] < 0) return bad_node(index, "unknown opcode or negative register");
    const char *kinds = OPERANDS[v[0]];
    for (int i = 0; kinds[i]; i++)
        if (v[0] != R_CONST && kinds[i] != 'o' && v[2 + i] < 0)
            return bad_node(index, "an instruction lacks an operand");
    *in = (Instruction){.op = (int)v[0], .dst = (int)v[1], .a = v[2], .b = (int)v[3], .c = (int)v[4], .d = (int)v[5]};
    return 0;
}

static int parse_code(Program *p, Node *node, int index, PyObject *code) {
    if (!PyTuple_Check(code)) return bad_node(index, "code is not a tuple");
    node->n_code = (int)PyTuple_GET_SIZE(code);
    if (!(node->code = PyMem_Calloc(node->n_code + 1, sizeof(Instruction)))) return PyErr_NoMemory(), -1;
    for (int i = 0; i < node->n_code; i++) {
        if (parse_instruction(node->code + i, PyTuple_GET_ITEM(code, i), index)) return -1;
        if (node->code[i].dst >= 1 << 24) return bad_node(index, "a register above 2**24");
        if (node->code[i].dst >= p->n_registers) p->n_registers = node->code[i].dst + 1;
    }
    return 0;
}

/* ---- operands ---- */

static int parse_operands(Program *p, Node *node, int index, PyObject *outputs, PyObject *inputs) {
    int n_out, n_in;
    int *out = parse_ints(outputs, &n_out, "outputs of node", index);
    int *in = out ? parse_ints(inputs, &n_in, "inputs of node", index) : NULL;
    if (in && (node->ops = PyMem_Calloc(n_out + n_in + 1, sizeof(int)))) {
        node->n_outputs = n_out;
        node->n_inputs = n_in;
        node->n_ops = n_out + n_in;
        for (int i = 0; i < node->n_ops; i++) node->ops[i] = i < n_out ? out[i] : in[i - n_out];
    }
    PyMem_Free(out);
    PyMem_Free(in);
    if (!node->ops) return PyErr_Occurred() ? -1 : (PyErr_NoMemory(), -1);
    for (int i = 0; i < node->n_ops; i++)
        if (node->ops[i] < 0 || node->ops[i] >= p->n_slots) return bad_node(index, "an operand is not a slot");
    return 0;
}

static int parse_inplace(Node *node, int index, PyObject *pairs) {
    if (!PyTuple_Check(pairs)) return bad_node(index, "inplace is not a tuple of pairs");
    node->n_inplace = (int)PyTuple_GET_SIZE(pairs);
    if (!(node->inplace = PyMem_Calloc(2 * node->n_inplace + 1, sizeof(int)))) return PyErr_NoMemory(), -1;
    for (int i = 0; i < node->n_inplace; i++) {
        int n = 0, *pair = parse_ints(PyTuple_GET_ITEM(pairs, i), &n, "inplace of node", index);
        int fine =
            pair && n == 2 && pair[0] >= 0 && pair[0] < node->n_outputs && pair[1] >= 0 && pair[1] < node->n_inputs;
        if (fine) {
            node->inplace[2 * i] = pair[0];
            node->inplace[2 * i + 1] = pair[1];
        }
        PyMem_Free(pair);
        if (!fine) return bad_node(index, "inplace needs pairs (output position, input position)");
    }
    return 0;
}

/* ---- parameters ---- */

static int parse_axes(Program *p, Node *node, int index, PyObject *axes, int k) {
    int n, *row = parse_ints(axes, &n, "axes of node", index);
    if (!row) return -1;
    int ndim = p->slots[node->ops[k]].ndim, fine = n == node->n_loops;
    npy_uint64 seen = 0;
    for (int j = 0; j < n && fine; j++) {
        fine = row[j] >= -1 && row[j] < ndim && (row[j] < 0 || !(seen >> row[j] & 1));
        if (fine && row[j] >= 0) seen |= (npy_uint64)1 << row[j];
        if (fine) node->axes[k * node->n_loops + j] = row[j];
    }
    PyMem_Free(row);
    if (!fine)
        return bad_node(index, "axes: one tuple of equal length per operand, each axis of the operand at most once");
    return 0;
}

static int parse_collapsed(Program *p, Node *node, int index, PyObject *params) {
    PyObject *axes, *stretch;
    if (!PyTuple_Check(params) || !PyArg_ParseTuple(params, "O!O!", &PyTuple_Type, &axes, &PyTuple_Type, &stretch) ||
        PyTuple_GET_SIZE(axes) != node->n_ops || PyTuple_GET_SIZE(stretch) != node->n_ops || !node->n_ops)
        return PyErr_Clear(), bad_node(index, "params of COLLAPSED are (axes, stretch), each with one item per "
                                              "operand");
    PyObject *first = PyTuple_GET_ITEM(axes, 0);
    node->n_loops = PyTuple_Check(first) ? (int)PyTuple_GET_SIZE(first) : -1;
    if (node->n_loops < 0 || node->n_loops > MAX_LOOPS) return bad_node(index, "axes need 0 to 62 loops");
    node->axes = PyMem_Calloc((size_t)node->n_ops * node->n_loops + 1, sizeof(int));
    node->stretch = PyMem_Calloc(node->n_ops, sizeof(npy_uint64));
    if (!node->axes || !node->stretch) return PyErr_NoMemory(), -1;
    for (int k = 0; k < node->n_ops; k++) {
        if (parse_axes(p, node, index, PyTuple_GET_ITEM(axes, k), k)) return -1;
        node->stretch[k] = PyLong_AsUnsignedLongLong(PyTuple_GET_ITEM(stretch, k));
        if (PyErr_Occurred()) return -1;
    }
    return 0;
}

static int parse_items(Program *p, Node *node, int index, PyObject *params) {
    if (!PyTuple_Check(params) || PyTuple_GET_SIZE(params) > p->slots[node->ops[1]].ndim)
        return bad_node(index, "params of SUBTENSOR are a tuple of at most ndim items");
    node->n_params = (int)PyTuple_GET_SIZE(params);
    if (!(node->items = PyMem_Calloc(node->n_params + 1, sizeof(Item)))) return PyErr_NoMemory(), -1;
    for (int i = 0; i < node->n_params; i++) {
        int n, *v = parse_ints(PyTuple_GET_ITEM(params, i), &n, "item of node", index);
        if (!v) return -1;
        int fine = n == 2 ? v[0] == ITEM_INDEX && v[1] >= 0 : n == 4 && v[0] == ITEM_SLICE;
        if (fine) node->items[i] = (Item){v[0], v[1], n == 4 ? v[2] : -1, n == 4 ? v[3] : -1};
        PyMem_Free(v);
        if (!fine) return bad_node(index, "an item is (ITEM_INDEX, register) or (ITEM_SLICE, start, stop, step)");
    }
    return 0;
}

static int parse_params(Program *p, Node *node, int index, PyObject *params) {
    int view = node->prep == DIMSHUFFLE || node->prep == SUBTENSOR || node->prep == RESHAPE;
    if (node->prep == SELECT &&
        (node->n_outputs != 1 || node->n_inputs != 2 || p->slots[node->ops[0]].kind != VIEW ||
         p->slots[node->ops[0]].ndim != p->slots[node->ops[1]].ndim ||
         p->slots[node->ops[0]].ndim != p->slots[node->ops[2]].ndim))
        return bad_node(index, "SELECT has one output, a VIEW slot, and two inputs of its rank");
    if (view && (node->n_outputs != 1 || node->n_inputs != 1 || p->slots[node->ops[0]].kind != VIEW))
        return bad_node(index, "a view has one output, a VIEW slot, and one input");
    switch (node->prep) {
    case COLLAPSED: return parse_collapsed(p, node, index, params);
    case SUBTENSOR: return parse_items(p, node, index, params);
    case LOOP: return parse_loop(p, node, index, params);
    case PYTHON: return node->n_code ? bad_node(index, "a PYTHON node has no code: put a CODE node before it") : 0;
    case CODE: return node->n_ops ? bad_node(index, "a CODE node has no operands") : 0;
    }
    if (!(node->params = parse_ints(params, &node->n_params, "params of node", index))) return -1;
    int ndim = node->n_ops ? p->slots[node->ops[0]].ndim : 0;
    if (node->prep == SELECT && node->n_params != 1) return bad_node(index, "params of SELECT are one register");
    if (view && node->n_params != ndim)
        return bad_node(index, "a view needs one parameter for each axis of its output");
    for (int i = 0; node->prep == DIMSHUFFLE && i < ndim; i++)
        if (node->params[i] < -1 || node->params[i] >= p->slots[node->ops[1]].ndim)
            return bad_node(index, "the order of a dimshuffle names an axis that its input lacks");
    return 0;
}

static int parse_function(Node *node, int index, PyObject *fn) {
    if (node->prep == PYTHON) {
        node->callable = Py_NewRef(fn);
        return PyCallable_Check(fn) ? 0 : bad_node(index, "fn of a PYTHON node is not callable");
    }
    if (node->prep == LOOP) {
        if (!PyObject_TypeCheck(fn, &ProgramType)) return bad_node(index, "fn of a LOOP node is not a Program");
        node->callable = Py_NewRef(fn);
        node->flags |= FALLIBLE;
        node->fn = run_loop;
        return 0;
    }
    if (node->prep != COLLAPSED && node->prep != FULL)
        return fn == Py_None ? 0 : bad_node(index, "fn of a view or a CODE node is not None");
    node->fn = (sym_kernel *)PyLong_AsVoidPtr(fn);
    if (PyErr_Occurred()) return -1;
    if (!node->fn) return bad_node(index, "the address of its kernel is 0");
    node->routine = find_routine(node->fn);
    if (node->routine && node->routine->fallible) node->flags |= FALLIBLE;
    return 0;
}

int parse_node(Program *p, int index, PyObject *item) {
    Node *node = p->nodes + index;
    PyObject *fn, *outputs, *inputs, *params, *code, *inplace;
    node->guard = -1;
    if (!PyTuple_Check(item) ||
        !PyArg_ParseTuple(item, "iOOOOOOiil|i", &node->prep, &fn, &outputs, &inputs, &params, &code, &inplace,
                          &node->flags, &node->weight, &node->tag, &node->guard)) {
        PyErr_Clear();
        return bad_node(index, "need (prep, fn, outputs, inputs, params, code, inplace, flags, weight, tag[, guard])");
    }
    if (node->prep < 0 || node->prep >= N_PREPS) return bad_node(index, "unknown kind of preparation");
    if (parse_function(node, index, fn) || parse_operands(p, node, index, outputs, inputs) ||
        parse_code(p, node, index, code) || parse_params(p, node, index, params) || parse_inplace(node, index, inplace))
        return -1;
    if (node->routine && node->routine->needs_blas && !blas_is_set()) {
        PyErr_SetString(PyExc_RuntimeError, "a node needs BLAS, and its pointers are not set. Call "
                                            "symcodegen.blas.load() first.");
        return -1;
    }
    return 0;
}
