/* float16 as storage: to float32 and back, rounding to nearest, in integer arithmetic that every machine vectorises. */

/* The exponent is moved by a multiplication, which brings subnormal numbers to normal ones. */
//@ sym_from_half_f32: base
SYM_FN float sym_from_half_f32(unsigned short h) {
    unsigned int u = (unsigned int)(h & 0x7fff) << 13;
    float x;
    __builtin_memcpy(&x, &u, 4);
    x *= 0x1p112f;
    __builtin_memcpy(&u, &x, 4);
    u = (h & 0x7c00) == 0x7c00 ? ((unsigned int)(h & 0x3ff) << 13 | 0x7f800000u) : u;
    u |= (unsigned int)(h & 0x8000) << 16;
    __builtin_memcpy(&x, &u, 4);
    return x;
}
/* Below 2^-14 the sum with 1/2 rounds to a multiple of the smallest float16; above, half of the last place is added. */
//@ sym_to_half_f32: base
SYM_FN unsigned short sym_to_half_f32(float x) {
    unsigned int u, small;
    __builtin_memcpy(&u, &x, 4);
    const unsigned int sign = u >> 16 & 0x8000u;
    u &= 0x7fffffffu;
    float a;
    __builtin_memcpy(&a, &u, 4);
    a += 0.5f;
    __builtin_memcpy(&small, &a, 4);
    unsigned int r = u < 0x38800000u ? small - 0x3f000000u : (u + 0xc8000fffu + (u >> 13 & 1u)) >> 13;
    r = u >= 0x47800000u ? 0x7c00u : r;
    r = u > 0x7f800000u ? 0x7e00u : r;
    return (unsigned short)(r | sign);
}
/* To float32 with the last bit set if anything is lost, so that the second rounding sees it. */
//@ sym_to_half_f64: sym_to_half_f32
SYM_FN unsigned short sym_to_half_f64(double x) {
    float f = (float)x;
    unsigned int u;
    __builtin_memcpy(&u, &f, 4);
    u -= __builtin_fabs((double)f) > __builtin_fabs(x);
    u |= (double)f != x;
    __builtin_memcpy(&f, &u, 4);
    return sym_to_half_f32(f);
}
