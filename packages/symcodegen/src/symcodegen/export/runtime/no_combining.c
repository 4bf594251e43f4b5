/* Stands in for combine.c in a program that does not reduce floats. */
#include "combine.h"

sym_reduction known_reductions[SYM_KNOWN];
