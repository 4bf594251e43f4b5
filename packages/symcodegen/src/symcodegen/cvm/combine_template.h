/* How floats are combined, for one instruction set: the rows of `known_reductions`.
 *
 * Before including: TABLE, the name of what is defined; BYTES of a vector; TARGET, an attribute of functions; rest_f32 and
 * rest_f64, which make a vector of the n elements at x (fewer than it holds) and of a number for the others. */
#include "combine.h"

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O2", "tree-loop-vectorize", "vect-cost-model=dynamic")
#define IVDEP _Pragma("GCC ivdep")
#else
#define IVDEP _Pragma("clang loop vectorize(assume_safety)")
#endif
#define LOOPS __attribute__((noinline, hot, unused))
#define REST(x, n, unit) _Generic(*(x), float: rest_f32, double: rest_f64)((const void *)(x), n, unit)

#define ADD(a, b) ((a) + (b))
#define MUL(a, b) ((a) * (b))
/* A NaN is greater and smaller than everything, on either side. */
#define MAXIMUM(a, b) ((((a) > (b)) | ((a) != (a))) ? (a) : (b))
#define MINIMUM(a, b) ((((a) < (b)) | ((a) != (a))) ? (a) : (b))
#define CHOOSE(a, b, better)                                                                                           \
    const __typeof__((a) < (b)) m = (better) | ((b) != (b));                                                           \
    return (__typeof__(a))((m & (__typeof__(m))(b)) | (~m & (__typeof__(m))(a)));

#define ONE ADD
#define TWO(a, b) return (a) + (b);
#define NAME(x) add_f32_##x
#define X float
#define A double
#define WIDENED 1
#define UNIT 0
#include "combine_one.h"
#define NAME(x) add_f32_f32_##x
#define X float
#define A float
#define WIDENED 0
#define UNIT 0
#include "combine_one.h"
#define NAME(x) add_f64_##x
#define X double
#define A double
#define WIDENED 0
#define UNIT 0
#include "combine_one.h"
#undef ONE
#undef TWO
#define ONE MUL
#define TWO(a, b) return (a) * (b);
#define NAME(x) mul_f32_f32_##x
#define X float
#define A float
#define WIDENED 0
#define UNIT 1
#include "combine_one.h"
#define NAME(x) mul_f64_##x
#define X double
#define A double
#define WIDENED 0
#define UNIT 1
#include "combine_one.h"
#undef ONE
#undef TWO
#define ONE MAXIMUM
#define TWO(a, b) CHOOSE(a, b, (b) > (a))
#define NAME(x) maximum_f32_##x
#define X float
#define A float
#define WIDENED 0
#define UNIT (-__builtin_inff())
#include "combine_one.h"
#define NAME(x) maximum_f64_##x
#define X double
#define A double
#define WIDENED 0
#define UNIT (-__builtin_inf())
#include "combine_one.h"
#undef ONE
#undef TWO
#define ONE MINIMUM
#define TWO(a, b) CHOOSE(a, b, (b) < (a))
#define NAME(x) minimum_f32_##x
#define X float
#define A float
#define WIDENED 0
#define UNIT __builtin_inff()
#include "combine_one.h"
#define NAME(x) minimum_f64_##x
#define X double
#define A double
#define WIDENED 0
#define UNIT __builtin_inf()
#include "combine_one.h"
#undef ONE
#undef TWO

#define ENTRY(name, x, a, totals_with_totals, to, no_unit)                                                             \
    {.element = sizeof(x), .total = sizeof(a), .result = sizeof(x), .operands = 2, .block = SYM_RUN,                   \
     .section = SECTION, .extremum = no_unit, .unit = &name##_unit, .run = name##_run, .each = name##_each,            \
     .join = totals_with_totals, .store = to, .columns = name##_columns}

const sym_reduction TABLE[SYM_KNOWN] = {
    [SYM_ADD_F32] = ENTRY(add_f32, float, double, add_f32_join, add_f32_store, 0),
    [SYM_ADD_F32_F32] = ENTRY(add_f32_f32, float, float, add_f32_f32_each, 0, 0),
    [SYM_ADD_F64] = ENTRY(add_f64, double, double, add_f64_each, 0, 0),
    [SYM_MUL_F32_F32] = ENTRY(mul_f32_f32, float, float, mul_f32_f32_each, 0, 0),
    [SYM_MUL_F64] = ENTRY(mul_f64, double, double, mul_f64_each, 0, 0),
    [SYM_MAXIMUM_F32] = ENTRY(maximum_f32, float, float, maximum_f32_each, 0, 1),
    [SYM_MAXIMUM_F64] = ENTRY(maximum_f64, double, double, maximum_f64_each, 0, 1),
    [SYM_MINIMUM_F32] = ENTRY(minimum_f32, float, float, minimum_f32_each, 0, 1),
    [SYM_MINIMUM_F64] = ENTRY(minimum_f64, double, double, minimum_f64_each, 0, 1),
};
