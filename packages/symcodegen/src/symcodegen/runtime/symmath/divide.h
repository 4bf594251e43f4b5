/* Floor division and remainder as Python and NumPy define them: the remainder has the divisor's sign.
 *
 * For floats the remainder is exact, by long division of the mantissas as integers, so that 1.0 // 0.1 is 9. The loop
 * over exponent gaps is not vectorised; up to a quotient of 2^11 (float32: 2^40) it takes one step. */

//@ fmod_f32: base
SYM_FN float sym_fmod_f32(float a, float b) {
  sym_u32 ia = sym_bits_f32(a) & 0x7fffffffu, ib = sym_bits_f32(b) & 0x7fffffffu, sign = sym_bits_f32(a) & 0x80000000u;
  if (ia >= 0x7f800000u || ib > 0x7f800000u || ib == 0) return (a * b) / (a * b);
  if (ia < ib) return a;
  int ea = (int)(ia >> 23), eb = (int)(ib >> 23);
  sym_u64 ma = (ia & 0x7fffffu) | (ea ? 0x800000u : 0u), mb = (ib & 0x7fffffu) | (eb ? 0x800000u : 0u);
  int gap = (ea ? ea : 1) - (eb ? eb : 1);
  for (; gap > 40; gap -= 40) ma = (ma << 40) % mb;
  ma = (ma << gap) % mb;
  if (ma == 0) return sym_float_of(sign);
  /* Back to a float: the exponent is that of b, less what normalisation shifts, but never below the denormal one. */
  int e = eb ? eb : 1, shift = __builtin_clzll(ma) - 40;
  shift = shift < e - 1 ? shift : e - 1;
  ma <<= shift;
  e -= shift;
  return sym_float_of(sign | (sym_u32)(ma & 0x7fffffu) | (ma & 0x800000u ? (sym_u32)e << 23 : 0u));
}

//@ fmod_f64: base
SYM_FN double sym_fmod_f64(double a, double b) {
  sym_u64 ia = sym_bits_f64(a) & 0x7fffffffffffffffull, ib = sym_bits_f64(b) & 0x7fffffffffffffffull;
  sym_u64 sign = sym_bits_f64(a) & 0x8000000000000000ull, one = 0x0010000000000000ull;
  if (ia >= 0x7ff0000000000000ull || ib > 0x7ff0000000000000ull || ib == 0) return (a * b) / (a * b);
  if (ia < ib) return a;
  int ea = (int)(ia >> 52), eb = (int)(ib >> 52);
  sym_u64 ma = (ia & (one - 1)) | (ea ? one : 0), mb = (ib & (one - 1)) | (eb ? one : 0);
  int gap = (ea ? ea : 1) - (eb ? eb : 1);
  for (; gap > 11; gap -= 11) ma = (ma << 11) % mb;
  ma = (ma << gap) % mb;
  if (ma == 0) return sym_double_of(sign);
  int e = eb ? eb : 1, shift = __builtin_clzll(ma) - 11;
  shift = shift < e - 1 ? shift : e - 1;
  ma <<= shift;
  e -= shift;
  return sym_double_of(sign | (ma & (one - 1)) | (ma & one ? (sym_u64)e << 52 : 0));
}

//@ sym_mod_f32: fmod_f32
/* NaN where b is 0 or a is infinite; a zero result has the sign of b. */
SYM_FN float sym_mod_f32(float a, float b) {
  float m = sym_fmod_f32(a, b);
  if (m == 0.0f) return __builtin_copysignf(0.0f, b);
  return (m < 0.0f) != (b < 0.0f) ? m + b : m;
}

//@ sym_mod_f64: fmod_f64
SYM_FN double sym_mod_f64(double a, double b) {
  double m = sym_fmod_f64(a, b);
  if (m == 0.0) return __builtin_copysign(0.0, b);
  return (m < 0.0) != (b < 0.0) ? m + b : m;
}

//@ sym_floor_divide_f32: fmod_f32 sym_floor_f32
/* a / b where b is 0; else (a - remainder) / b, which is whole but for its rounding. */
SYM_FN float sym_floor_divide_f32(float a, float b) {
  if (b == 0.0f) return a / b;
  float m = sym_fmod_f32(a, b), q = (a - m) / b;
  if (m != 0.0f && (m < 0.0f) != (b < 0.0f)) q -= 1.0f;
  if (q == 0.0f) return __builtin_copysignf(0.0f, a / b);
  float y = sym_floor_f32(q);
  return q - y > 0.5f ? y + 1.0f : y;
}

//@ sym_floor_divide_f64: fmod_f64 sym_floor_f64
SYM_FN double sym_floor_divide_f64(double a, double b) {
  if (b == 0.0) return a / b;
  double m = sym_fmod_f64(a, b), q = (a - m) / b;
  if (m != 0.0 && (m < 0.0) != (b < 0.0)) q -= 1.0;
  if (q == 0.0) return __builtin_copysign(0.0, a / b);
  double y = sym_floor_f64(q);
  return q - y > 0.5 ? y + 1.0 : y;
}

//@ int_divide: base
/* Integers: division by 0 gives 0, and the most negative number divided by -1 stays itself, as in NumPy. */
#define SYM_SIGNED_DIVIDE(name, type, utype) \
  SYM_FN type sym_floor_divide_##name(type a, type b) { \
    if (b == 0) return 0; \
    if (b == -1) return (type)(0 - (utype)a); \
    type q = (type)(a / b); \
    return (type)(q - ((type)(q * b) != a && (a < 0) != (b < 0))); \
  } \
  SYM_FN type sym_mod_##name(type a, type b) { \
    if (b == 0 || b == -1) return 0; \
    type m = (type)(a % b); \
    return (type)(m + (m != 0 && (m < 0) != (b < 0) ? b : 0)); \
  }
#define SYM_UNSIGNED_DIVIDE(name, type) \
  SYM_FN type sym_floor_divide_##name(type a, type b) { return b == 0 ? 0 : (type)(a / b); } \
  SYM_FN type sym_mod_##name(type a, type b) { return b == 0 ? 0 : (type)(a % b); }

//@ sym_divide_i8: int_divide
SYM_SIGNED_DIVIDE(i8, signed char, unsigned char)

//@ sym_divide_i16: int_divide
SYM_SIGNED_DIVIDE(i16, short, unsigned short)

//@ sym_divide_i32: int_divide
SYM_SIGNED_DIVIDE(i32, sym_i32, sym_u32)

//@ sym_divide_i64: int_divide
SYM_SIGNED_DIVIDE(i64, sym_i64, sym_u64)

//@ sym_divide_u8: int_divide
SYM_UNSIGNED_DIVIDE(u8, unsigned char)

//@ sym_divide_u16: int_divide
SYM_UNSIGNED_DIVIDE(u16, unsigned short)

//@ sym_divide_u32: int_divide
SYM_UNSIGNED_DIVIDE(u32, sym_u32)

//@ sym_divide_u64: int_divide
SYM_UNSIGNED_DIVIDE(u64, sym_u64)

//@ sym_ipow: base
/* Integer powers by repeated squaring, modulo 2^64 (the caller narrows). A negative exponent gives 0 but for bases 1 and
 * -1; NumPy refuses it, so the caller checks where that matters. */
SYM_FN sym_i64 sym_ipow(sym_i64 base, sym_i64 e) {
  if (e < 0) return base == 1 ? 1 : (base == -1 ? (e & 1 ? -1 : 1) : 0);
  sym_u64 y = 1, b = (sym_u64)base, n = (sym_u64)e;
  for (; n; n >>= 1, b *= b)
    if (n & 1) y *= b;
  return (sym_i64)y;
}
