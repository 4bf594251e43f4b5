/* Structures shared by the files of the virtual machine. A Program never changes after its construction; what a call
 * changes lives in a Context, what a combination of shapes determines in a Prepared. All three are touched only under
 * the GIL, except the pointer table and scratch of a Context while its kernels run. */
#ifndef SYMCVM_H
#define SYMCVM_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#define NPY_NO_DEPRECATED_API NPY_1_7_API_VERSION
#define PY_ARRAY_UNIQUE_SYMBOL symcvm_array_api
#ifndef SYMCVM_MODULE
#define NO_IMPORT_ARRAY
#endif
#include <numpy/arrayobject.h>

#include "../runtime/symabi.h"
#include "interface.h"

#define MAX_LOOPS 62    /* loops of one kernel: fits a 64-bit mask, and NumPy's 64 dims less the sign bit's trouble */
#define ALIGNMENT 64    /* of everything in the arena: a cache line, and the widest vector register */
#define MEMO 8          /* prepares kept per segment */
#define MAX_CONTEXTS 64 /* idle contexts kept per program; more threads than that allocate anew */
#define LONG_WORK ((i64)1 << 28) /* of a segment: some tens of milliseconds; signals are looked at */
#define HOST_SIZE 16    /* bytes of the cell of a HOST slot: the largest dtype, complex128 */

/* ---- the program ---- */

typedef struct {
    int op, dst;
    i64 a; /* register, slot or, for R_CONST, the value */
    int b, c, d;
} Instruction;

typedef struct {
    int kind, typenum, ndim;
    int segment;     /* whose Prepared holds its shape; -1 until known to be used */
    int local;       /* position in that Prepared's places */
    int info;        /* position of its lengths, then strides, in that Prepared's table */
    int reg;         /* HOST: the register */
    int host;        /* HOST: number of its cell in the segment */
    int ring;        /* ARRAY: number of its ring of recycled arrays */
    int update;      /* UPDATE: position in updates */
    int first, last; /* first and last node that names it; last = n_nodes: until the end of the call */
    i64 itemsize;
    int *registers;  /* its lengths, or NULL */
    i64 *lengths;    /* INPUT, SHARED: static lengths */
    PyObject *value; /* CONST */
    PyArray_Descr *descr;
} Slot;

typedef struct {
    int kind, a, b, c;
} Item;

typedef struct {
    const char *name;
    sym_kernel *fn;
    sym_kernel *check;         /* run when shapes are bound, p = NULL: may fail, may reserve scratch */
    i64 (*work)(const i64 *d); /* in the unit of bytes touched; NULL: the bytes */
    int fallible, needs_blas;
    sym_kernel *(*choose)(const i64 *d, const i64 *s); /* a kernel for these lengths and strides that needs no check and
                                                          may take the place of fn, or NULL */
} Routine;

/* One sequence (rows it starts from), state (taps) or result (neither) of a loop. */
typedef struct {
    int first;       /* which input, or output, of the program of a step */
    int n, *offsets; /* rows, or taps */
    int step, before;
    int keep, ring;  /* -1: all rows; position of the operand that holds the rows meanwhile, -1: the output does */
    int in, out;     /* positions of operands, -1: none */
} Track;

typedef struct {
    struct Program *inner;
    int index; /* which of the loops of its program */
    int steps, until;
    int n_sequences, n_states, n_results, n_same; /* tracks: sequences, states, results */
    Track *tracks;
    sym_kernel *fused;  /* runs all steps where rows lie without gaps, but for these pointers; or NULL */
    npy_uint64 scalars;
    int *sources; /* by input of the inner program: the track, or - 1 - position of the operand that is the same */
    int *members; /* by input, then output, of the inner program: the axis along which the members of a batch lie, that no
                     step brings together (members.c), -1: it belongs to all of them; NULL: there are none */
} Loop;

typedef struct {
    int prep, flags, weight, segment;
    int guard; /* register that holds 0 where the node is left out, or -1 */
    long tag;
    sym_kernel *fn;
    PyObject *callable; /* of PYTHON; of LOOP the inner program */
    Loop *loop;
    const Routine *routine; /* if fn is one of the prebuilt ones */
    int n_outputs, n_inputs, n_ops, n_code, n_params, n_loops, n_inplace;
    int *ops;    /* outputs, then inputs */
    int *params; /* registers, or the order of a dimshuffle */
    int *axes;   /* [operand][loop] */
    npy_uint64 *stretch;
    int *inplace; /* pairs */
    Item *items;
    Instruction *code;
    int ptr;  /* first of its pointers in the pointer table */
    int d, s; /* positions of its d and s in the table of a Prepared */
} Node;

typedef struct {
    int slot;
    i64 position;
} Read;

typedef struct {
    int first, end; /* nodes */
    int python;     /* it is one Python node */
    int n_slots, n_table, n_hosts, n_ops;
    int n_externals;
    int *externals; /* slots whose shape is read from an ndarray when the segment is prepared */
    int n_reads;
    Read *reads; /* values that its registers read */
    int n_sig;
} Segment;

typedef struct {
    int slot;
    PyObject *filter; /* or NULL */
} Input;

typedef struct {
    int slot;
    PyObject *storage;
} Shared;

typedef struct {
    int shared, slot, mode;
} Update;

/* ---- what shapes determine ---- */

typedef struct {
    int root;   /* slot that owns the memory; -1: not known yet */
    i64 offset; /* bytes from the root's address */
    i64 arena;  /* of a root in the arena: its position there */
} Place;

typedef struct Cut Cut; /* cut.c: how a kernel is run in pieces */

typedef struct {
    sym_kernel *fn;
    const i64 *d, *s;
    int ptr, node;
    Cut *cut; /* or NULL */
} Run;

typedef struct {
    int pos, root;
    i64 offset;
} Bind;

/* Where a pointer of the inner program points in step i: operand + start + step * i; in a ring of rows, to row
 * (row + i) modulo rows. */
typedef struct {
    int pos, operand;
    i64 start, step, row, rows;
} Move;

#define MOST_GROUPS 8 /* of members: the most threads that share a loop */

/* One loop for given shapes and a given number of steps, or a group of the members of its batch. */
typedef struct LoopPrepared {
    struct LoopPrepared *next;
    struct Prepared *inner;
    const Loop *loop;
    const Node *node;
    int part;     /* which context its steps have: 0, a group 1 and so on */
    i64 n, check; /* steps; steps between looks for a signal */
    int fused, blas;
    int n_groups; /* 0: the batch stays together */
    struct LoopPrepared *groups[MOST_GROUPS];
    int n_moves, n_turns; /* linear ones, then those in rings */
    Move moves[];
} LoopPrepared;

typedef struct Prepared {
    struct Prepared *before; /* of the previous segment; part of the signature */
    int refs, segment;
    int products; /* product_choices when it was made */
    int blas;     /* some kernel may call BLAS */
    int n_runs, n_static, n_binds;
    i64 arena_size, work;
    i64 row_bytes; /* of what loops keep row by row in the arena */
    i64 *sig, *registers, *table;
    Place *places;
    Run *runs;
    Bind *binds; /* static ones first: they hold as long as the context's arena stays where it is */
    char *hosts;
    LoopPrepared *loops;
    Cut *cuts;
} Prepared;

/* ---- what a call changes ---- */

struct Program;

typedef struct Context {
    sym_ctx abi; /* first: a kernel's ctx is its Context */
    struct Program *program;
    struct Context *next;
    int (*walk)(struct Context *, const Prepared *); /* runs the kernels of a segment: run_plain, or what also times */
    char **pointers;
    char **base;        /* by slot: address of what is in an ndarray or a cell */
    PyObject **objects; /* by slot: strong references, NULL between calls */
    PyObject **rings;   /* two for each ARRAY slot */
    PyObject **spares;  /* one for each update */
    PyObject **results; /* by output, then by update: results of Python nodes, staged for the commit */
    double *cells;      /* one for each input: room for a Python number */
    Prepared **chain;   /* by segment: in use in this call, or in the last one */
    Prepared **bound;   /* by segment: what the static pointers belong to; NULL: bind again */
    char **arenas;
    i64 *arena_sizes;
    i64 *sig;
    char *scratch;
    i64 scratch_size;
    PyObject *lock; /* an RLock; what storages show as owner while this context updates them */
    char *owned;    /* by update: it shows our lock */
    int owning;
    i64 *node_ns, *node_calls, *node_cuts; /* while profiling; cuts: calls that threads shared */
    i64 shared; /* how often threads shared work */
    int failed_kind, failed_node;
    char message[400];
    struct Context **loops; /* by loop: the context of its steps, NULL: none yet; then those of groups of members */
    struct Context *outer;  /* the context whose loop this one serves */
    struct Context *inside; /* the failure is one of this context, of a loop */
    i64 failed_step;
    PyThreadState *released; /* this thread's, while kernels run without the GIL */
    double condition[2];     /* whether a loop goes on */
} Context;

typedef struct Program {
    PyObject_HEAD vectorcallfunc vectorcall;
    int n_loops;
    int n_slots, n_nodes, n_segments, n_inputs, n_shared, n_updates, n_outputs, n_registers, n_rings, n_pointers;
    int max_sig;
    Slot *slots;
    Node *nodes;
    Segment *segments;
    Input *inputs;
    Shared *shared;
    Update *updates;
    int *outputs;
    int *register_segment;   /* by register: the segment that sets it, -1: nothing does */
    char *result_slots;      /* by slot: it is an output */
    int n_held_results;      /* results that are HELD slots */
    int *holders, n_holders; /* slots whose object a context may hold during a call */
    PyObject *on_error, *name;
    Prepared **memo; /* MEMO for each segment, most recent first */
    Context *idle;
    int n_idle, n_contexts;
    i64 prepares, hits, calls, arena_bytes;
    char profile, cleared;
    char repeats; /* repeat.c may run its calls */
    Py_ssize_t gil_threshold, row_limit;
    int threads, blas_threads;
    i64 *node_ns, *node_calls, *node_cuts;
    /* work space of prepare, which never runs twice at once */
    int *root_last;  /* by slot: last node that uses memory it owns */
    int *births;     /* roots in the arena, in order of their first node */
    int *deaths;     /* by node: first of the roots that die after it, -1 */
    int *next_death; /* by slot: the next one */
    int n_births;
} Program;

extern PyTypeObject ProgramType, CallerType;

/* parse.c, analyse.c: from tuples to a checked Program */
int parse_program(Program *p, PyObject *slots, PyObject *nodes, PyObject *inputs, PyObject *shared, PyObject *updates,
                  PyObject *outputs);
int parse_node(Program *p, int index, PyObject *item);
int analyse_program(Program *p);
int *parse_ints(PyObject *tuple, int *n, const char *what, long index);

/* registers.c */
int run_registers(Context *c, Prepared *q, const Node *node);
i64 read_integer(const char *address, int typenum);
void write_integer(char *address, int typenum, i64 value);
i64 slice_length(i64 *start, i64 *stop, i64 step, int has_start, int has_stop, i64 length);

/* prepare.c and its parts: shapes.c (kernels), views.c, collapse.c, arena.c */
int prepare_kernel(Context *c, Prepared *q, Node *node);
int prepare_view(Context *c, Prepared *q, Node *node);
int fill_shape(Context *c, Prepared *q, int slot, const i64 *lengths, int node);
void add_root(Context *c, int slot);
i64 add_run(Context *c, Prepared *q, Node *node, sym_kernel *fn);
i64 collapse(int n_ops, int n_outputs, int loops, i64 *d, i64 *s, int reorder);
i64 pack_arena(Context *c, Prepared *q);
Prepared *find_prepared(Context *c, int segment);
Prepared *find_signature(Context *c, int segment);
void use_prepared(Context *c, int segment, Prepared *q);
void drop_prepared(Prepared *q);

/* services.c; without Python, as prepare.c and its parts and loop.c are */
char *aligned_new(i64 size);
void aligned_free(char *memory);
int allocate_work_space(Program *p);
void drop_memo(Program *p);
int start_context(Context *c, Program *p);
void end_context(Context *c);
int bind_static(Context *c, int segment);
char *slot_address(Context *c, int slot);
int run_plain(Context *c, const Prepared *q);
int fail(const sym_ctx *ctx, int kind, const char *format, ...);
int fail_at(Context *c, int node, int kind, const char *format, ...);

/* context.c */
Context *take_context(Program *p);
void give_context(Context *c);
void free_context(Context *c);
int bind_segment(Context *c, int segment);
PyObject *fresh_array(const Slot *slot, const i64 *lengths);
PyObject *result_array(Context *c, const Slot *slot, const i64 *lengths);
int is_untouched(PyObject *object, const Slot *slot, const i64 *lengths, Py_ssize_t references);

/* inputs.c, shared.c, run.c, python_node.c */
int take_inputs(Context *c, PyObject *const *args);
int take_number(Context *c, int index, const Slot *slot, PyObject *value);
int is_proper(PyObject *value, const Slot *slot);
int take_shared(Context *c);
int own_updates(Context *c);
void disown_updates(Context *c);
int stage_results(Context *c);
void commit_updates(Context *c);
PyObject *take_output(Context *c, int index);
PyObject *call_program(Program *p, PyObject *const *args, Py_ssize_t n_args, int one);
int run_python_node(Context *c, Node *node);

/* repeat.c */
void plan_repeats(Program *p);
int repeat_call(Program *p, PyObject *const *args, PyObject **outputs);

int interrupted(Context *c);

/* loop.c, and parse_loop.c for what comes from tuples */
int parse_loop(Program *p, Node *node, int index, PyObject *params);
int place_loop(Program *p, Node *node, int index);
int bad_loop(int index, const char *message);
void free_loop(Loop *loop);
int prepare_loop(Context *c, Prepared *q, Node *node);
void drop_loops(LoopPrepared *l);
int bind_loops(Context *c, Prepared *q);
sym_kernel run_loop;
Prepared *prepare_step(Context *c, const Node *node, int part, i64 members);
LoopPrepared *place_steps(Context *c, const Node *node, Prepared *inner, int part, i64 first);
int run_range(Context *c, const LoopPrepared *l, char *const *p, i64 from, i64 n, i64 *made);

/* The contexts of the steps of a loop, and how many there are in all. */
static inline Context **steps_of(Context *c, const Loop *loop, int part) {
    return c->loops + part * c->program->n_loops + loop->index;
}

static inline int all_loops(const Program *p) {
    return p->n_loops * (1 + MOST_GROUPS);
}

/* The context of the call: a step of a loop shares threads and counts as its function does. */
static inline Context *outermost(Context *c) {
    while (c->outer) c = c->outer;
    return c;
}

/* cut.c and members.c; an exported program runs every kernel and every loop whole */
#define WORK_PER_NS 26 /* of one thread */
#ifdef SYM_WITHOUT_THREADS
#define plan_groups(c, q, l) ((void)(q))
#define run_groups(c, l, p) 1
#define plan_cut(c, q, node, work) ((void)(work))
#define drop_cuts(cut) ((void)(cut))
#define run_cut(c, run) SYM_OK
#else
extern int small_steps;
void plan_groups(Context *c, Prepared *q, LoopPrepared *l);
int run_groups(Context *c, const LoopPrepared *l, char *const *p);
void plan_cut(Context *c, Prepared *q, const Node *node, i64 work);
void drop_cuts(Cut *cut);
int run_cut(Context *c, const Run *run);
void parallel_for(const sym_ctx *ctx, i64 n, i64 grain, void (*body)(void *, i64, i64), void *data);
void set_blas_setter(void *address);
int blas_threads(void);
int use_blas_threads(int count);
#endif
/* steps.c */
PyObject *run_program_steps(PyObject *self, PyObject *args);

/* errors.c */
#define SYM_INSIDE 100 /* a kind of failure: of a step of a loop, noted in c->inside */
#define SYM_RAISED 101 /* an exception is set already */
#define SYM_LIMIT 102  /* loops would keep more rows than row_limit allows */
extern PyObject *row_limit_exceeded;
void raise_failure(Context *c);
void raise_python_failure(Context *c, int node);

/* routines.c and the files of kernels it lists */
extern sym_blas blas_pointers;
const Routine *find_routine(sym_kernel *fn);
sym_kernel *copy_kernel(i64 itemsize);
PyObject *routine_addresses(void);
int set_blas_pointer(const char *name, void *address);
int blas_is_set(void);

static inline i64 *lengths_of(Context *c, int slot) {
    const Slot *s = c->program->slots + slot;
    return c->chain[s->segment]->table + s->info;
}

static inline i64 *strides_of(Context *c, int slot) {
    return lengths_of(c, slot) + c->program->slots[slot].ndim;
}

static inline Place *place_of(Context *c, int slot) {
    const Slot *s = c->program->slots + slot;
    return c->chain[s->segment]->places + s->local;
}

/* Memory of these roots is packed into the arena of their segment. */
static inline int in_arena(const Slot *root) {
    return root->kind == TEMP || root->kind == VIEW;
}

#endif
