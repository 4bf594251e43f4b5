/* Hyperbolic functions: tanh from exp(2 x) - 1, sinh from E = exp(|x|) - 1 as (E + E / (E + 1)) / 2; nothing cancels. */

//@ sym_tanh_f32: exp_poly_f32
/* m / (m + 2) with m = exp(2 y) - 1, summed so that nothing cancels. y is |x|, or -|x| where |x| <= 1: so m + 2 is rounded
 * where its rounding weighs least. The sign of y is that of a difference of bits: a second choice, beside that of the
 * largest |x|, would become four of them. */
SYM_FN float sym_tanh_f32(float x) {
  float a = sym_abs_f32(x), b = a > 10.0f ? 10.0f : a;
  float y = sym_float_of(sym_bits_f32(b) ^ (~(0x3f800000u - sym_bits_f32(b)) & 0x80000000u));
  float t = SYM_FMAF(y, 2.88539004f, SYM_ROUND_F32), n = t - SYM_ROUND_F32;
  float r = SYM_FMAF(n, -1.42860677e-6f, SYM_FMAF(n, -0.693145752f, y + y));
  float e = SYM_FMAF(sym_exp_poly_f32(r), r * r, r), power = sym_float_of((sym_bits_f32(t) << 23) + 0x3f800000u);
  float m = SYM_FMAF(e, power, power - 1.0f);
  return __builtin_copysignf(m / (m + 2.0f), x);
}

//@ sym_tanh_f64: exp_poly_f64
SYM_FN double sym_tanh_f64(double x) {
  double a = sym_abs_f64(x), b = a > 22.0 ? 22.0 : a;
  double y = sym_double_of(sym_bits_f64(b) ^ (~(0x3ff0000000000000ull - sym_bits_f64(b)) & 0x8000000000000000ull));
  double t = SYM_FMA(y, 2.8853900817779268, SYM_ROUND_F64), n = t - SYM_ROUND_F64;
  double r = SYM_FMA(n, -1.9082149292705877e-10, SYM_FMA(n, -0.6931471803691238, y + y));
  double e = SYM_FMA(sym_exp_poly_f64(r), r * r, r);
  double power = sym_double_of((sym_bits_f64(t) << 52) + 0x3ff0000000000000ull);
  double m = SYM_FMA(e, power, power - 1.0);
  return __builtin_copysign(m / (m + 2.0), x);
}

//@ exp_half: pow2n exp_poly_f32 exp_poly_f64
/* exp(x) / 2 for 0 <= x, finite up to where cosh overflows, with the inverse beside it. */
SYM_FN float sym_exp_half_f32(float x) {
  float c = x > 90.0f ? 90.0f : x;
  float t = SYM_FMAF(c, 1.44269502f, SYM_ROUND_F32), n = t - SYM_ROUND_F32;
  float r = SYM_FMAF(n, -1.42860677e-6f, SYM_FMAF(n, -0.693145752f, c));
  return sym_scale_f32(SYM_FMAF(sym_exp_poly_f32(r), r * r, r) + 1.0f, sym_bits_f32(t) - 1u);
}
SYM_FN double sym_exp_half_f64(double x) {
  double c = x > 711.0 ? 711.0 : x;
  double t = SYM_FMA(c, 1.4426950408889634, SYM_ROUND_F64), n = t - SYM_ROUND_F64;
  double r = SYM_FMA(n, -1.9082149292705877e-10, SYM_FMA(n, -0.6931471803691238, c));
  return sym_scale_f64(SYM_FMA(sym_exp_poly_f64(r), r * r, r) + 1.0, sym_bits_f64(t) - 1u);
}

//@ sym_cosh_f32: exp_half
SYM_FN float sym_cosh_f32(float x) {
  float e = sym_exp_half_f32(sym_abs_f32(x));
  return e + 0.25f / e;
}

//@ sym_cosh_f64: exp_half
SYM_FN double sym_cosh_f64(double x) {
  double e = sym_exp_half_f64(sym_abs_f64(x));
  return e + 0.25 / e;
}

//@ sinh_parts_f32: exp_poly_f32
/* (E + E / (E + 1)) / 2 with E = 2^n e + (2^n - 1), e = exp(r) - 1; `bits` are those of n + SYM_ROUND, n below 128. */
SYM_FN float sym_sinh_sum_f32(float e, sym_u32 bits) {
  float power = sym_float_of((bits << 23) + 0x3f800000u), m = SYM_FMAF(e, power, power - 1.0f);
  return 0.5f * (m + m / (m + 1.0f));
}
SYM_FN float sym_sinh_reduce_f32(float a, sym_u32 *bits) {
  float t = SYM_FMAF(a, 1.44269502f, SYM_ROUND_F32), n = t - SYM_ROUND_F32;
  float r = SYM_FMAF(n, -1.42860677e-6f, SYM_FMAF(n, -0.693145752f, a));
  *bits = sym_bits_f32(t);
  return SYM_FMAF(sym_exp_poly_f32(r), r * r, r);
}

//@ sym_sinh_f32: sinh_parts_f32 pow2n
/* Beyond 88.0f half of exp(x), in two factors, for 2^n overflows before the result does. */
SYM_FN float sym_sinh_f32(float x) {
  sym_u32 bits;
  float a = sym_abs_f32(x), e = sym_sinh_reduce_f32(a > 90.0f ? 90.0f : a, &bits);
  return __builtin_copysignf(a > 88.0f ? sym_scale_f32(e + 1.0f, bits - 1u) : sym_sinh_sum_f32(e, bits), x);
}

//@ sym_sinh_usual_f32: sinh_parts_f32
SYM_FN float sym_sinh_usual_f32(sym_u32 *unusual, float x) {
  sym_u32 bits;
  float a = sym_abs_f32(x), e = sym_sinh_reduce_f32(a, &bits);
  *unusual |= a <= 88.0f ? 0u : 1u;
  return __builtin_copysignf(sym_sinh_sum_f32(e, bits), x);
}

//@ sinh_parts_f64: exp_poly_f64
/* (E + E / (E + 1)) / 2 with E = 2^n e + (2^n - 1), e = exp(r) - 1; `bits` are those of n + SYM_ROUND, n below 1024. */
SYM_FN double sym_sinh_sum_f64(double e, sym_u64 bits) {
  double power = sym_double_of((bits << 52) + 0x3ff0000000000000ull), m = SYM_FMA(e, power, power - 1.0);
  return 0.5 * (m + m / (m + 1.0));
}
SYM_FN double sym_sinh_reduce_f64(double a, sym_u64 *bits) {
  double t = SYM_FMA(a, 1.4426950408889634, SYM_ROUND_F64), n = t - SYM_ROUND_F64;
  double r = SYM_FMA(n, -1.9082149292705877e-10, SYM_FMA(n, -0.6931471803691238, a));
  *bits = sym_bits_f64(t);
  return SYM_FMA(sym_exp_poly_f64(r), r * r, r);
}

//@ sym_sinh_f64: sinh_parts_f64 pow2n
/* Beyond 709.0 half of exp(x), in two factors, for 2^n overflows before the result does. */
SYM_FN double sym_sinh_f64(double x) {
  sym_u64 bits;
  double a = sym_abs_f64(x), e = sym_sinh_reduce_f64(a > 711.0 ? 711.0 : a, &bits);
  return __builtin_copysign(a > 709.0 ? sym_scale_f64(e + 1.0, bits - 1u) : sym_sinh_sum_f64(e, bits), x);
}

//@ sym_sinh_usual_f64: sinh_parts_f64
SYM_FN double sym_sinh_usual_f64(sym_u64 *unusual, double x) {
  sym_u64 bits;
  double a = sym_abs_f64(x), e = sym_sinh_reduce_f64(a, &bits);
  *unusual |= a <= 709.0 ? 0u : 1u;
  return __builtin_copysign(sym_sinh_sum_f64(e, bits), x);
}
