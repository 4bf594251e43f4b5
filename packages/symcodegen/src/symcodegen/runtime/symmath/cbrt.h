/* The cube root, without a quotient: a cube root of 1 / |x| to 4 bits from the exponent divided by 3, then, with
 * r = 1 - |x| z^3, the series of (1 - r)^(-2/3) (the first step as in W. Kahan, "Computing a real cube root", 1991). */

//@ cbrt_normal_f32: base
/* Of a normal number, or of 0. */
SYM_FN float sym_cbrt_normal_f32(float c) {
  float z = sym_float_of((sym_u32)(sym_i32)SYM_FMAF((float)(sym_i32)sym_bits_f32(c), -0.333333343f, 1419900928.0f));
  float d = c * z, r = SYM_FMAF(-d, z * z, 1.0f), b = d * z;
  float p = SYM_FMAF(SYM_FMAF(0.428955853f, r, 0.458595335f), r, 0.493798822f);
  p = SYM_FMAF(SYM_FMAF(p, r, 0.555536091f), r, 0.666666687f);
  return SYM_FMAF(b, p * r, b);
}

//@ sym_cbrt_f32: cbrt_normal_f32
SYM_FN float sym_cbrt_f32(float x) {
  float a = sym_abs_f32(x), back = a < 1.17549435e-38f ? 0.00390625f : 1.0f;
  float y = sym_cbrt_normal_f32(a < 1.17549435e-38f ? a * 16777216.0f : a) * back;
  return a < __builtin_inff() ? __builtin_copysignf(y, x) : x;
}

//@ sym_cbrt_usual_f32: cbrt_normal_f32
/* Usual: 0 or normal, and finite; in float64, below 7e299. */
SYM_FN float sym_cbrt_usual_f32(sym_u32 *unusual, float x) {
  float a = sym_abs_f32(x);
  sym_u32 i = sym_bits_f32(a);
  *unusual |= (((i - 0x00800000u) & (0u - i)) | (0x7f7fffffu - i)) & 0x80000000u;
  return __builtin_copysignf(sym_cbrt_normal_f32(a), x);
}

//@ cbrt_normal_f64: sum_rest
/* As in float32, after a step to 17 bits, and one of Newton's: the root of a cube is exact. The exponent is
 * divided in the upper half of the number. */
SYM_FN double sym_cbrt_normal_f64(double c) {
  double high = sym_double_of((sym_bits_f64(c) >> 32) | 0x4330000000000000ull) - 4503599627370496.0;
  double third = SYM_FMA(high, -0.33333333333333331, 4503599627370496.0 + 1430197664.0);
  double z = sym_double_of(sym_bits_f64(third) << 32), r = SYM_FMA(-(c * z), z * z, 1.0);
  double q = SYM_FMA(SYM_FMA(0.17449027636861231, r, 0.22348976716827951), r, 0.33332899310804948);
  z = SYM_FMA(z * r, q, z);
  double d = c * z, b = d * z;
  r = SYM_FMA(-d, z * z, 1.0);
  double y = SYM_FMA(b, r * SYM_FMA(r, 0.55555555555555558, 0.66666666666666663), b);
  return SYM_FMA(sym_sum_rest(-(y * y), y, c), z * z * 0.33333333333333331, y);
}

//@ sym_cbrt_f64: cbrt_normal_f64
SYM_FN double sym_cbrt_f64(double x) {
  double a = sym_abs_f64(x), back = a < 2.2250738585072014e-308 ? 3.814697265625e-06 : 1.0;
  double c = a < 2.2250738585072014e-308 ? a * 18014398509481984.0 : a;
#if !SYM_HAS_FMA /* where the cube of the rounded root is formed, which may overflow */
  back = a > 1e300 ? 262144.0 : back;
  c = a > 1e300 ? a * 5.551115123125783e-17 : c;
#endif
  double y = sym_cbrt_normal_f64(c) * back;
  return a < __builtin_inf() ? __builtin_copysign(y, x) : x;
}

//@ sym_cbrt_usual_f64: cbrt_normal_f64
SYM_FN double sym_cbrt_usual_f64(sym_u64 *unusual, double x) {
  double a = sym_abs_f64(x);
  sym_u64 i = sym_bits_f64(a);
  *unusual |= (((i - 0x0010000000000000ull) & (0u - i)) | (0x7e30000000000000ull - i)) & 0x8000000000000000ull;
  return __builtin_copysign(sym_cbrt_normal_f64(a), x);
}
