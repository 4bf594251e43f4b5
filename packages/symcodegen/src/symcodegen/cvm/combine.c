/* Which functions that combine elements this processor runs. */
#include "combine.h"

#include <string.h>

sym_reduction known_reductions[SYM_KNOWN];

#if COMBINE_AVX512
static int has_avx512(void) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx2");
}
#endif

#if COMBINE_AVX2
static int has_avx2(void) {
    return __builtin_cpu_supports("avx2");
}
#endif

#if COMBINE_VECTOR
static int always(void) {
    return 1;
}
#endif

/* Best first. */
static const struct {
    const char *name;
    const sym_reduction *table;
    int (*supported)(void);
} CHOICES[] = {
#if COMBINE_AVX512
    {"avx512", combine_avx512, has_avx512},
#endif
#if COMBINE_AVX2
    {"avx2", combine_avx2, has_avx2},
#endif
#if COMBINE_VECTOR
    {"vector", combine_vector, always},
#endif
};

int choose_combining(const char *name) {
#if defined(__x86_64__)
    __builtin_cpu_init();
#endif
    for (size_t i = 0; i < sizeof CHOICES / sizeof *CHOICES; i++)
        if ((!name || !strcmp(name, CHOICES[i].name)) && CHOICES[i].supported()) {
            memcpy(known_reductions, CHOICES[i].table, sizeof known_reductions);
            return 0;
        }
    return -1;
}
