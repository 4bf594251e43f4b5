/* The constants and the text that describe a program to the machine: everything the lowering has to know. */
#ifndef SYMCVM_INTERFACE_H
#define SYMCVM_INTERFACE_H

/* Kinds of slot. */
enum { INPUT, SHARED, CONST, TEMP, ARRAY, UPDATE, VIEW, HOST, HELD, OBJECT, N_KINDS };

/* How a node is prepared. */
enum { COLLAPSED, FULL, DIMSHUFFLE, SUBTENSOR, RESHAPE, PYTHON, CODE, SELECT, LOOP, N_PREPS };

/* Flags of a node. */
/* CUT: a COLLAPSED kernel may run in pieces along a loop that all outputs move along. The bits from CUT_ROWS on: the
 * operands of a FULL kernel of which a piece gets some of the rows. */
enum { REORDER = 1, FALLIBLE = 2, CUT = 4, CUT_ROWS = 8 };

/* Items of SUBTENSOR, modes of an update, ways to hand back the outputs. */
enum { ITEM_INDEX, ITEM_SLICE };
enum { SWAP, DIRECT };
enum { RETURN_LIST, RETURN_ONE, RETURN_WRAPPED, N_RETURN_KINDS };

/* Opcodes of register code. */
enum {
    R_CONST,
    R_DIM,
    R_VALUE,
    R_ADD,
    R_SUB,
    R_MUL,
    R_FLOORDIV,
    R_MOD,
    R_MIN,
    R_MAX,
    R_NEG,
    R_ABS,
    R_LT,
    R_LE,
    R_GT,
    R_GE,
    R_EQ,
    R_NE,
    R_AND,
    R_OR,
    R_NOT,
    R_SWITCH,
    R_SLICELEN,
    R_REQUIRE_EQ,
    N_OPCODES
};

#define PROGRAM_DOC                                                                                                    \
    "Program(slots, nodes, inputs, shared, updates, outputs, on_error=None, name='')\n"                                \
    "--\n\n"                                                                                                           \
    "A planned graph as plain data: tuples of ints, addresses of kernels, arrays. Calling it runs it: "                \
    "program(*args)\n"                                                                                                 \
    "takes one argument for each input and returns the list of outputs. Safe to call from many threads.\n\n"           \
    "slots    sequence of (kind, typenum, ndim, extra); slots are named by their position. typenum is NumPy's\n"       \
    "         dtype.num. extra, by kind:\n"                                                                            \
    "         INPUT, SHARED  static lengths, a tuple of ndim ints, -1 where unknown\n"                                 \
    "         CONST          the ndarray (aligned, native byte order); kept alive, never written\n"                    \
    "         TEMP           lengths, a tuple of ndim registers, or None: the COLLAPSED node that writes it first\n"   \
    "                        decides (an axis that is on no loop has length 1). Lives in the arena, C-contiguous\n"    \
    "         ARRAY          as TEMP, but a fresh or recycled ndarray of its own: what is returned, or shown to\n"     \
    "                        Python nodes without a copy\n"                                                            \
    "         UPDATE         as ARRAY: the next value of a shared slot\n"                                              \
    "         VIEW           None: made by DIMSHUFFLE, SUBTENSOR, RESHAPE or SELECT\n"                                 \
    "         HOST           a register: a 0-d operand that holds its value\n"                                         \
    "         HELD           None: the ndarray that a Python node returned (ndim, typenum as declared)\n"              \
    "         OBJECT         None: any Python object (inputs, shared values and results of Python nodes);\n"           \
    "                        typenum -1, ndim 0; only Python nodes read it\n\n"                                        \
    "nodes    sequence of (prep, fn, outputs, inputs, params, code, inplace, flags, weight, tag[, guard]), in order\n" \
    "         of execution:\n"                                                                                         \
    "         prep     COLLAPSED, FULL, DIMSHUFFLE, SUBTENSOR, RESHAPE, SELECT, LOOP, PYTHON, or CODE (no\n"           \
    "                  operands: runs code)\n"                                                                         \
    "         fn       address of a kernel (COLLAPSED, FULL), a callable (PYTHON), the Program of one step (LOOP),\n"  \
    "                  None (the others)\n"                                                                            \
    "         outputs, inputs  tuples of slots; the kernel's operands are outputs + inputs\n"                          \
    "         params   COLLAPSED   (axes, stretch): axes[k][j] = the axis of operand k that is loop j, or -1 "         \
    "(operand\n"                                                                                                       \
    "                              does not move along it); stretch[k] = bit mask of the loops where length 1 of\n"    \
    "                              operand k may stand for any length. All axes[k] have the same length, <= 62\n"      \
    "                  FULL        tuple of registers: the extra integers that precede the shapes in d\n"              \
    "                  DIMSHUFFLE  tuple: the input's axis for each output axis, -1 = new axis of length 1; an\n"      \
    "                              input axis that is left out must have length 1\n"                                   \
    "                  SUBTENSOR   tuple of (ITEM_INDEX, register) or (ITEM_SLICE, start, stop, step), registers\n"    \
    "                              or -1 for None; missing items are whole slices\n"                                   \
    "                  RESHAPE     tuple of registers, the lengths; one may hold -1. A view where strides allow it,\n" \
    "                              else a copy in the arena\n"                                                         \
    "                  SELECT      (register,): the view is of the first input where it is not 0, else of the\n"       \
    "                              second; both have the dtype and rank of the view\n"                                 \
    "                  LOOP        (steps, sequences, states, results, until, fused, scalars, members): the register\n"\
    "                              with the number of steps. sequences: (step, row, row, ...) for each, step 1 or -1, a row\n"  \
    "                              counted from the end if negative. states: (keep, tap, tap, ...), keep -1: all\n"    \
    "                              rows; results: (keep,). until: 0 or 1. fused: 0, or the address of a kernel of\n"   \
    "                              all steps (kernels/steps.py), used where rows of one length lie without gaps, but\n"\
    "                              for those of the pointers in the bit mask scalars. members: nothing, or by input\n" \
    "                              and output of the program of a step the axis along which the members of a batch\n"  \
    "                              lie, -1: it belongs to all; what a step makes of one does not depend on others.\n"  \
    "                              inputs: sequences, initial rows of the states, what is the same in all steps.\n"    \
    "                              outputs: rows of the states, of the results; then one more slot for each state\n"   \
    "                              with keep > -1 and each result with keep > 1, its rows while the loop runs; with\n" \
    "                              until a 0-d int64, the number of steps made. No output needs registers.\n"          \
    "                              The program of a step has INPUT slots for the rows of the sequences, the taps of\n" \
    "                              the states and what is the same, ARRAY outputs for the next rows of the states,\n"  \
    "                              the rows of the results, and with until a condition; one segment, no R_VALUE.\n"    \
    "                  PYTHON, CODE  None\n"                                                                           \
    "         code     tuple of instructions run before the node is prepared, below; () for PYTHON (put a CODE node\n" \
    "                  before it)\n"                                                                                   \
    "         inplace  tuple of (output position, input position): the kernel may write that output over that\n"       \
    "                  input. Honoured if the input is a dead TEMP with the same dtype size, shape and strides\n"      \
    "         flags    REORDER: the loops may run in any order. FALLIBLE: the kernel may fail (prebuilt routines,\n"   \
    "                  views and Python nodes know it themselves). CUT: a COLLAPSED kernel may be run in pieces, on\n" \
    "                  several threads, along any loop that all outputs move along; no element of a result may\n"     \
    "                  depend on where the pieces end. For a FULL kernel 1 << CUT_ROWS + k says the same of the rows\n"\
    "                  (first axis) of operand k; operands not named go whole to every piece\n"                        \
    "         weight   work per byte touched, 1 for plain arithmetic: decides about releasing the GIL\n"               \
    "         tag      int handed to on_error and given by timings()\n"                                                \
    "         guard    register, or -1 (the default): where it holds 0 the node is left out, with its code, as if\n"   \
    "                  it were not there. What only such nodes make may be read by nodes left out with them, by a\n"   \
    "                  SELECT of something else, by R_VALUE (which then gives 1), by R_DIM (0), and by PYTHON\n"       \
    "                  nodes (None).\n"                                                                                \
    "         Operands that a node writes may be views: SUBTENSOR of a slot, then copies into the view, is a join.\n"  \
    "         A view may be taken before anything is written, if the slot's lengths are registers.\n"                  \
    "         PYTHON: fn(*inputs) returns the value of its one output, or a tuple or list of all. Outputs are HELD\n"  \
    "         or OBJECT slots. fn must not write to its inputs; it may keep them.\n\n"                                 \
    "code     instructions (opcode, dst, a, b, c, d), trailing operands may be left out. Registers are int64, set\n"   \
    "         once. R_CONST dst value | R_DIM dst slot axis | R_VALUE dst slot position (an integer or bool slot of\n" \
    "         rank 0 or 1: INPUT, SHARED, CONST, HELD, or computed before; such a node starts a new segment) |\n"      \
    "         R_ADD R_SUB R_MUL R_FLOORDIV R_MOD R_MIN R_MAX R_LT R_LE R_GT R_GE R_EQ R_NE R_AND R_OR dst a b |\n"     \
    "         R_NEG R_ABS R_NOT dst a | R_SWITCH dst condition a b | R_SLICELEN dst length start stop step (-1 for\n"  \
    "         None) | R_REQUIRE_EQ dst a b (dst = a, a shape error unless a == b). Division floors, as Python's.\n\n"  \
    "inputs   sequence of (slot, filter): INPUT or OBJECT slots. An argument that is not an exact, aligned, native\n"  \
    "         ndarray of the dtype, rank and static lengths (or float / int for 0-d float64 / int64) is replaced by\n" \
    "         filter(argument); filter None: a TypeError.\n"                                                           \
    "shared   sequence of (slot, storage): SHARED or OBJECT slots; storage is the list [value, owner] of a "           \
    "container.\n"                                                                                                     \
    "updates  sequence of (index in shared, slot, mode): UPDATE, HELD or OBJECT slots. DIRECT says that the kernel\n"  \
    "         that first writes the UPDATE slot may read the shared slot from the same memory, element by element "    \
    "or\n"                                                                                                             \
    "         as BLAS does; the machine sees for itself that no later node fails or reads the old value and that\n"    \
    "         nothing else holds the array, and otherwise falls back to SWAP (a spare array, exchanged at the end).\n" \
    "outputs  sequence of ARRAY, HELD or OBJECT slots, no slot twice.\n"                                               \
    "on_error callable (tag, kind, message, operands, cause) -> exception to raise. kind is 'shape', 'index',\n"       \
    "         'value', 'memory' or 'python'; operands a tuple with (dtype name, shape, strides) for each operand of\n" \
    "         the node, or None where it is not known; cause the exception of a Python node, or None.\n\n"             \
    "Raises TypeError or ValueError if the description is not consistent. Attributes: profile (bool, settable),\n"     \
    "gil_threshold (int, settable: work above which kernels run without the GIL), threads (int, settable: how many\n"  \
    "may share the pieces of a kernel), blas_threads (int, settable: how many BLAS is told to use before a call; 0:\n" \
    "it is told nothing), stats (dict: prepares, hits, contexts, arena_bytes, calls), name. Methods: timings(),\n"     \
    "shared(), clear()."

#endif
