/* Vectorisable mathematics in plain C (GNU dialect): no headers, no libm, no branches, no tables.
 *
 * Every function is straight-line code with selects, so that a compiler turns a loop over it into vector instructions of
 * any width. Nothing relies on -ffast-math; NaN, infinities, signed zeros and denormal numbers are treated as in C99, annex
 * F. README.symmath.md has the measured errors: within 2.5 units in the last place.
 *
 * A line that begins with the section mark names a piece of text and the pieces it needs; symcodegen/symmath.py picks
 * pieces by name and puts each between include guards. Polynomial coefficients come from tools/fit_symmath.py.
 */

//@ base
typedef int sym_i32;
typedef unsigned int sym_u32;
typedef long long sym_i64;
typedef unsigned long long sym_u64;
#define SYM_FN static inline __attribute__((always_inline, unused))

/* A fused multiply-add where the machine has one; elsewhere two roundings, for which all functions below leave room
 * (their reductions multiply numbers short enough for exact products). A libm call would end vectorisation. */
#if defined(__FMA__) || defined(__FMA4__) || defined(__ARM_FEATURE_FMA) || defined(__FP_FAST_FMA)
#define SYM_HAS_FMA 1
#define SYM_FMA(a, b, c) __builtin_fma(a, b, c)
#define SYM_FMAF(a, b, c) __builtin_fmaf(a, b, c)
#define SYM_FMAF_EXACT(a, b, c) __builtin_fmaf(a, b, c)
#else
#define SYM_HAS_FMA 0
#define SYM_FMA(a, b, c) ((a) * (b) + (c))
#define SYM_FMAF(a, b, c) ((a) * (b) + (c))
/* For the few steps that have no room: the product is exact in float64. */
#define SYM_FMAF_EXACT(a, b, c) ((float)((double)(a) * (double)(b) + (double)(c)))
#endif

/* Adding 1.5 * 2^52 (2^23) leaves the nearest integer, ties to even, in the low bits of the sum. */
#define SYM_ROUND_F32 12582912.0f
#define SYM_ROUND_F64 6755399441055744.0

SYM_FN float sym_float_of(sym_u32 bits) { union { sym_u32 i; float f; } u = {bits}; return u.f; }
SYM_FN sym_u32 sym_bits_f32(float x) { union { float f; sym_u32 i; } u = {x}; return u.i; }
SYM_FN double sym_double_of(sym_u64 bits) { union { sym_u64 i; double f; } u = {bits}; return u.f; }
SYM_FN sym_u64 sym_bits_f64(double x) { union { double f; sym_u64 i; } u = {x}; return u.i; }
SYM_FN float sym_abs_f32(float x) { return __builtin_fabsf(x); }
SYM_FN double sym_abs_f64(double x) { return __builtin_fabs(x); }

//@ keep_largest: base
/* How a form for usual arguments tells of others: it sets bits of `*unusual`; or, where usual arguments lie between two
 * limits, it keeps the largest bit pattern less that of the lower limit, which wraps around below it. That is an addition
 * and a maximum of integers, where two comparisons would take turns with the multiplications. */
#define SYM_MOST_USUAL_F32 0x7effffffu
SYM_FN void sym_keep_largest(sym_u32 *most, sym_u32 i) { *most = i > *most ? i : *most; }
