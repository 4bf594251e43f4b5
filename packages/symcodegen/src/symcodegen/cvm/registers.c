/* Register code: the int64 arithmetic of shapes, run while a segment is prepared. */
#include "cvm.h"

#include <limits.h>
#include <string.h>

/* The integer or bool at `address`; typenum was checked when the program was built. */
i64 read_integer(const char *address, int typenum) {
    switch (typenum) {
    case NPY_BOOL: return *(const npy_bool *)address != 0;
    case NPY_BYTE: return *(const npy_byte *)address;
    case NPY_UBYTE: return *(const npy_ubyte *)address;
    case NPY_SHORT: return *(const npy_short *)address;
    case NPY_USHORT: return *(const npy_ushort *)address;
    case NPY_INT: return *(const npy_int *)address;
    case NPY_UINT: return *(const npy_uint *)address;
    case NPY_LONG: return *(const npy_long *)address;
    case NPY_ULONG: return (i64) * (const npy_ulong *)address;
    case NPY_LONGLONG: return *(const npy_longlong *)address;
    default: return (i64) * (const npy_ulonglong *)address;
    }
}

/* Writes `value` as an element of the dtype: the cell of a HOST slot. */
void write_integer(char *address, int typenum, i64 value) {
    switch (typenum) {
    case NPY_BOOL: *(npy_bool *)address = value != 0; break;
    case NPY_BYTE: *(npy_byte *)address = (npy_byte)value; break;
    case NPY_UBYTE: *(npy_ubyte *)address = (npy_ubyte)value; break;
    case NPY_SHORT: *(npy_short *)address = (npy_short)value; break;
    case NPY_USHORT: *(npy_ushort *)address = (npy_ushort)value; break;
    case NPY_INT: *(npy_int *)address = (npy_int)value; break;
    case NPY_UINT: *(npy_uint *)address = (npy_uint)value; break;
    case NPY_LONG: *(npy_long *)address = (npy_long)value; break;
    case NPY_ULONG: *(npy_ulong *)address = (npy_ulong)value; break;
    case NPY_LONGLONG: *(npy_longlong *)address = value; break;
    case NPY_ULONGLONG: *(npy_ulonglong *)address = (npy_ulonglong)value; break;
    case NPY_FLOAT: *(npy_float *)address = (npy_float)value; break;
    default: *(npy_double *)address = (npy_double)value; break;
    }
}

/* Python's slice.indices followed by len(range(...)): brings start and stop into range, gives the number of items. */
i64 slice_length(i64 *start, i64 *stop, i64 step, int has_start, int has_stop, i64 length) {
    i64 low = step < 0 ? -1 : 0, high = step < 0 ? length - 1 : length;
    i64 a = has_start ? *start : (step < 0 ? high : low);
    i64 b = has_stop ? *stop : (step < 0 ? low : high);
    if (has_start) {
        a += a < 0 ? length : 0;
        a = a < low ? low : a > high ? high : a;
    }
    if (has_stop) {
        b += b < 0 ? length : 0;
        b = b < low ? low : b > high ? high : b;
    }
    *start = a;
    *stop = b;
    if (step > 0) return b > a ? (b - a - 1) / step + 1 : 0;
    /* -(step + 1) cannot overflow, -step could */
    return a > b ? (i64)((npy_uint64)(a - b - 1) / ((npy_uint64) - (step + 1) + 1)) + 1 : 0;
}

/* By zero both give 0, as NumPy and the kernels have it: what is computed here may be an element as well as a length. */
static i64 floor_divide(i64 a, i64 b) {
    if (b == 0) return 0;
    if (b == -1) return (i64)(0 - (npy_uint64)a); /* the machine's division traps on the smallest integer */
    i64 q = a / b;
    return q - (a % b != 0 && (a < 0) != (b < 0));
}

static i64 floor_modulo(i64 a, i64 b) {
    if (b == 0 || b == -1) return 0;
    i64 m = a % b;
    return m + (m != 0 && (m < 0) != (b < 0) ? b : 0);
}

static int slicelen(Context *c, const Instruction *in, i64 *r, int node) {
    i64 start = in->b < 0 ? 0 : r[in->b], stop = in->c < 0 ? 0 : r[in->c], step = in->d < 0 ? 1 : r[in->d];
    if (step == 0) return fail_at(c, node, SYM_VALUE, "the step of a slice is 0. Use a step that is not zero.");
    r[in->dst] = slice_length(&start, &stop, step, in->b >= 0, in->c >= 0, r[in->a]);
    return 0;
}

static int step_one(Context *c, Prepared *q, const Instruction *in, int node) {
    const Segment *segment = c->program->segments + q->segment;
    i64 *r = q->registers;
    i64 a = in->op > R_VALUE ? r[in->a] : 0, b = 0;
    if ((in->op >= R_ADD && in->op <= R_MAX) || (in->op >= R_LT && in->op <= R_OR) || in->op == R_REQUIRE_EQ)
        b = r[in->b];
    switch (in->op) {
    case R_CONST: r[in->dst] = in->a; break;
    case R_DIM: r[in->dst] = lengths_of(c, (int)in->a)[in->b]; break;
    case R_VALUE: r[in->dst] = q->sig[segment->n_sig - segment->n_reads + in->d]; break;
    /* wrap as two's complement: a huge length is caught when memory is sized, undefined behaviour would not be */
    case R_ADD: r[in->dst] = (i64)((npy_uint64)a + (npy_uint64)b); break;
    case R_SUB: r[in->dst] = (i64)((npy_uint64)a - (npy_uint64)b); break;
    case R_MUL: r[in->dst] = (i64)((npy_uint64)a * (npy_uint64)b); break;
    case R_FLOORDIV: r[in->dst] = floor_divide(a, b); break;
    case R_MOD: r[in->dst] = floor_modulo(a, b); break;
    case R_MIN: r[in->dst] = a < b ? a : b; break;
    case R_MAX: r[in->dst] = a > b ? a : b; break;
    case R_NEG: r[in->dst] = (i64)(0 - (npy_uint64)a); break;
    case R_ABS: r[in->dst] = a < 0 ? (i64)(0 - (npy_uint64)a) : a; break;
    case R_LT: r[in->dst] = a < b; break;
    case R_LE: r[in->dst] = a <= b; break;
    case R_GT: r[in->dst] = a > b; break;
    case R_GE: r[in->dst] = a >= b; break;
    case R_EQ: r[in->dst] = a == b; break;
    case R_NE: r[in->dst] = a != b; break;
    case R_AND: r[in->dst] = a && b; break;
    case R_OR: r[in->dst] = a || b; break;
    case R_NOT: r[in->dst] = !a; break;
    case R_SWITCH: r[in->dst] = a ? r[in->b] : r[in->c]; break;
    case R_SLICELEN: return slicelen(c, in, r, node);
    case R_REQUIRE_EQ:
        if (a != b) return fail_at(c, node, SYM_SHAPE, "lengths %lld and %lld must be equal.", a, b);
        r[in->dst] = a;
        break;
    }
    return 0;
}

/* Runs the code of a node. The values it reads from slots were gathered at the end of the signature. */
int run_registers(Context *c, Prepared *q, const Node *node) {
    for (int i = 0; i < node->n_code; i++)
        if (step_one(c, q, node->code + i, (int)(node - c->program->nodes))) return -1;
    return 0;
}
