/* How elements of floats are combined: compiled for several instruction sets, chosen when the extension is loaded. */
#ifndef SYMCVM_COMBINE_H
#define SYMCVM_COMBINE_H

#include "../runtime/symabi.h"

/* The extension has all sets for its processor family. An exported program has those for the processor that its flags
 * promise, else for those with AVX2 and for any; -DSYM_ALL_PROCESSORS gives it all of them. */
#if !defined(__x86_64__)
#define COMBINE_AVX512 0
#define COMBINE_AVX2 0
#define COMBINE_VECTOR 1
#elif !defined(SYM_EXPORTED) || defined(SYM_ALL_PROCESSORS)
#define COMBINE_AVX512 1
#define COMBINE_AVX2 1
#define COMBINE_VECTOR 1
#elif defined(__AVX512VL__) && defined(__AVX512DQ__) && defined(__AVX512BW__)
#define COMBINE_AVX512 1
#define COMBINE_AVX2 0
#define COMBINE_VECTOR 0
#elif defined(__AVX2__)
#define COMBINE_AVX512 0
#define COMBINE_AVX2 1
#define COMBINE_VECTOR 0
#else
#define COMBINE_AVX512 0
#define COMBINE_AVX2 1
#define COMBINE_VECTOR 1
#endif

#define SECTION ((i64)1 << 17) /* elements worth a thread, where they lie in memory */

/* By SYM_ADD_F32 and so on: reductions of the elements of one operand, as they lie. */
extern sym_reduction known_reductions[SYM_KNOWN];
extern const sym_reduction combine_avx512[SYM_KNOWN], combine_avx2[SYM_KNOWN], combine_vector[SYM_KNOWN];

/* Fills known_reductions with the functions called `name` ("avx512", "avx2", "vector"), or with the best for this processor
 * if name is NULL. 0, or -1 if the processor or the compiler does not have them. Under the GIL. */
int choose_combining(const char *name);

#endif
