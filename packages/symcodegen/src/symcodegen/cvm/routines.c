/* The prebuilt kernels by name, and what the machine knows about them. */
#include "cvm.h"
#include "kernels.h"

#include <limits.h>
#include <string.h>

sym_blas blas_pointers;

/* In the unit of bytes touched: a core does some tens of floating-point operations in the time of a few bytes. */
static i64 product_work(double flops) {
    return flops / 4 > 1e18 ? (i64)1e18 : (i64)(flops / 4);
}

static i64 gemm_work(const i64 *d) {
    return product_work(2.0 * (double)d[4] * (double)d[5] * (double)d[7]);
}

static i64 gemm_batched_work(const i64 *d) {
    const i64 nd = d[0], *a = d + 1 + nd;
    double flops = 2.0 * (double)d[nd]; /* columns of the result, which its shape ends with */
    for (i64 axis = 0; axis < nd; axis++) flops *= (double)a[axis];
    return product_work(flops);
}

static i64 gemv_work(const i64 *d) {
    return product_work(16.0 * (double)d[2] * (double)d[3]); /* bound by memory: as many bytes */
}

static i64 ger_work(const i64 *d) {
    return product_work(32.0 * (double)d[0] * (double)d[1]);
}

/* Rows that are read and written; the table they come from may be any size. Extras (k, ndim, itemsize, scalars), then `out`. */
static i64 gather_work(const i64 *d) {
    double bytes = 2.0 * (double)d[2] * (double)d[4];
    for (i64 axis = 0; axis < d[1] - d[0]; axis++) bytes *= (double)d[5 + axis];
    return bytes > 1e18 ? (i64)1e18 : (i64)bytes;
}

#define BLAS_ROUTINES(letter, dtype, choose, choose_gemv)                                                      \
    {"gemm_" dtype, letter##_gemm, letter##_gemm_check, gemm_work, 0, 1, choose},                                      \
        {"gemm_batched_" dtype, letter##_gemm_batched, letter##_gemm_batched_check, gemm_batched_work, 0, 1, NULL},    \
        {"gemv_" dtype, letter##_gemv, letter##_gemv_check, gemv_work, 0, 1, choose_gemv},                             \
        {"ger_" dtype, letter##_ger, letter##_ger_check, ger_work, 0, 1, NULL}

/* The first name of a function describes it; later ones are aliases. */
static const Routine ROUTINES[] = {
    {"copy_1", copy_1, NULL, NULL, 0, 0, NULL},
    {"copy_2", copy_2, NULL, NULL, 0, 0, NULL},
    {"copy_4", copy_4, NULL, NULL, 0, 0, NULL},
    {"copy_8", copy_8, NULL, NULL, 0, 0, NULL},
    {"copy_16", copy_16, NULL, NULL, 0, 0, NULL},
    {"gather", gather, NULL, gather_work, 1, 0, NULL},
    {"row_offsets", row_offsets, NULL, NULL, 1, 0, NULL},
    {"scatter_set", scatter_set, NULL, NULL, 1, 0, NULL},
    {"scatter_add_bool", scatter_add_bool, NULL, NULL, 1, 0, NULL},
    {"scatter_add_int8", scatter_add_1, NULL, NULL, 1, 0, NULL},
    {"scatter_add_uint8", scatter_add_1, NULL, NULL, 1, 0, NULL},
    {"scatter_add_int16", scatter_add_2, NULL, NULL, 1, 0, NULL},
    {"scatter_add_uint16", scatter_add_2, NULL, NULL, 1, 0, NULL},
    {"scatter_add_int32", scatter_add_4, NULL, NULL, 1, 0, NULL},
    {"scatter_add_uint32", scatter_add_4, NULL, NULL, 1, 0, NULL},
    {"scatter_add_int64", scatter_add_8, NULL, NULL, 1, 0, NULL},
    {"scatter_add_uint64", scatter_add_8, NULL, NULL, 1, 0, NULL},
    {"scatter_add_float32", scatter_add_f4, NULL, NULL, 1, 0, NULL},
    {"scatter_add_float64", scatter_add_f8, NULL, NULL, 1, 0, NULL},
    {"scatter_add_complex64", scatter_add_c8, NULL, NULL, 1, 0, NULL},
    {"scatter_add_complex128", scatter_add_c16, NULL, NULL, 1, 0, NULL},
    {"sort", sort_axis, NULL, NULL, 1, 0, NULL},
    {"argsort", argsort_axis, NULL, NULL, 1, 0, NULL},
    {"topk", topk_axis, NULL, NULL, 1, 0, NULL},
    BLAS_ROUTINES(s, "float32", s_gemm_choose, s_gemv_choose),
    BLAS_ROUTINES(d, "float64", d_gemm_choose, d_gemv_choose),
    BLAS_ROUTINES(c, "complex64", NULL, NULL),
    BLAS_ROUTINES(z, "complex128", NULL, NULL),
};

enum { N_ROUTINES = sizeof ROUTINES / sizeof *ROUTINES };

const Routine *find_routine(sym_kernel *fn) {
    for (int i = 0; i < N_ROUTINES; i++)
        if (ROUTINES[i].fn == fn) return ROUTINES + i;
    return NULL;
}

sym_kernel *copy_kernel(i64 itemsize) {
    switch (itemsize) {
    case 1: return copy_1;
    case 2: return copy_2;
    case 4: return copy_4;
    case 8: return copy_8;
    default: return copy_16;
    }
}

PyObject *routine_addresses(void) {
    PyObject *all = PyDict_New();
    for (int i = 0; all && i < N_ROUTINES; i++) {
        PyObject *address = PyLong_FromVoidPtr((void *)ROUTINES[i].fn);
        if (!address || PyDict_SetItemString(all, ROUTINES[i].name, address)) Py_CLEAR(all);
        Py_XDECREF(address);
    }
    return all;
}

/* ---- BLAS ---- */

static const struct {
    const char *name;
    size_t offset;
} BLAS_FUNCTIONS[] = {
    {"sgemm", offsetof(sym_blas, sgemm)}, {"dgemm", offsetof(sym_blas, dgemm)}, {"cgemm", offsetof(sym_blas, cgemm)},
    {"zgemm", offsetof(sym_blas, zgemm)}, {"sgemv", offsetof(sym_blas, sgemv)}, {"dgemv", offsetof(sym_blas, dgemv)},
    {"cgemv", offsetof(sym_blas, cgemv)}, {"zgemv", offsetof(sym_blas, zgemv)}, {"sger", offsetof(sym_blas, sger)},
    {"dger", offsetof(sym_blas, dger)},   {"cgeru", offsetof(sym_blas, cgeru)}, {"zgeru", offsetof(sym_blas, zgeru)},
};

enum { N_BLAS = sizeof BLAS_FUNCTIONS / sizeof *BLAS_FUNCTIONS };

/* 0, or -1 if there is no such function. */
int set_blas_pointer(const char *name, void *address) {
    for (int i = 0; i < N_BLAS; i++)
        if (!strcmp(name, BLAS_FUNCTIONS[i].name)) {
            memcpy((char *)&blas_pointers + BLAS_FUNCTIONS[i].offset, &address, sizeof address);
            return 0;
        }
    return -1;
}

int blas_is_set(void) {
    for (int i = 0; i < N_BLAS; i++) {
        void *address;
        memcpy(&address, (char *)&blas_pointers + BLAS_FUNCTIONS[i].offset, sizeof address);
        if (!address) return 0;
    }
    return 1;
}
