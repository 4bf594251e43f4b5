/* Sorting of complex numbers in the order of NumPy, by comparing and merging: those without NaN first, then those
 * whose imaginary part alone is NaN, then those whose real part is, then NaN in both. Once dealt out so, no comparison
 * meets a NaN that matters, if those whose real part is NaN have their parts the other way round. */
#include "sorting.h"

#include <string.h>

#if defined(__GNUC__) && !defined(__clang__)
#define OPTIMIZED __attribute__((optimize("O3")))
#else
#define OPTIMIZED
#endif
#define LESS(a, b) (((a).re < (b).re) | (((a).re == (b).re) & ((a).im < (b).im)))

#define T float
#define NAME(x) x##_f4
#include "sorting_complex.h"
#undef T
#undef NAME

#define T double
#define NAME(x) x##_f8
#include "sorting_complex.h"

void sort_complex(Lines *t) {
    while (take_lines(t, 1))
        if (t->order.size == 8) sort_f4(t);
        else sort_f8(t);
}
