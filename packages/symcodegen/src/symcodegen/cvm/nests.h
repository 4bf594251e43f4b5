/* What kernels find in ctx->loops; described in symabi.h. */
#ifndef SYMCVM_NESTS_H
#define SYMCVM_NESTS_H

#include "../runtime/symabi.h"

extern const sym_loops kernel_loops;

/* One row of pack_rows, and the way back. */
void pack_run(void *v, const char *x, i64 n, i64 step, i64 size);
void unpack_run(char *y, const void *v, i64 n, i64 step, i64 size);
void *pack_rows(void *v, const char *x, i64 rows, i64 n, i64 step, i64 jump, i64 size);
void unpack_rows(char *y, const void *v, i64 rows, i64 n, i64 step, i64 jump, i64 size);
int strided_loops(char *const *p, const i64 *d, const i64 *s, const sym_operand *operand, int operands, i64 bytes,
                  void (*loop)(i64 n, char *const *q));
int loops_by_rows(char *const *p, const i64 *d, const i64 *s, i64 operands, i64 most,
                  void (*work)(const sym_loops *loops, char *const *p, char *const *q, i64 from, i64 m, i64 row,
                               i64 rows, const i64 *step, const i64 *jump));

int reduce_loops(char *const *p, const i64 *d, const i64 *s, const sym_ctx *ctx, const sym_reduction *how);
int sort_loops(sym_nest *t, i64 operands, i64 block, const i64 *d, const i64 *s);
int next_position(i64 count, const i64 *which, i64 *at, i64 operands, const i64 *d, const i64 *s, char **q);
void divide_share(sym_share *share, i64 section);
void combine_share(const sym_ctx *ctx, sym_share *share, void *totals);

#endif
