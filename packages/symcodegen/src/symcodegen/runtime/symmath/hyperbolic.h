/* Hyperbolic functions: tanh from exp(2 x) - 1; sinh by an odd polynomial near 0, where the difference of exponentials would
 * cancel, and by exponentials beyond. */

//@ sym_tanh_f32: exp_poly_f32
/* m / (m + 2) with m = exp(2 y) - 1, summed so that nothing cancels. y is |x|, or -|x| where |x| < 1: so m + 2 is rounded
 * where its rounding weighs least. */
SYM_FN float sym_tanh_f32(float x) {
  float a = sym_abs_f32(x), b = a > 10.0f ? 10.0f : a, y = b > 1.0f ? b : -b;
  float t = SYM_FMAF(y, 2.88539004f, SYM_ROUND_F32), n = t - SYM_ROUND_F32;
  float r = SYM_FMAF(n, -1.42860677e-6f, SYM_FMAF(n, -0.693145752f, y + y));
  float e = SYM_FMAF(sym_exp_poly_f32(r), r * r, r), power = sym_float_of((sym_bits_f32(t) << 23) + 0x3f800000u);
  float m = SYM_FMAF(e, power, power - 1.0f);
  return __builtin_copysignf(m / (m + 2.0f), x);
}

//@ sym_tanh_f64: exp_poly_f64
SYM_FN double sym_tanh_f64(double x) {
  double a = sym_abs_f64(x), b = a > 22.0 ? 22.0 : a, y = b > 1.0 ? b : -b;
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

//@ sym_sinh_f32: exp_half
SYM_FN float sym_sinh_f32(float x) {
  float a = sym_abs_f32(x), e = sym_exp_half_f32(a), z = x * x;
  float q = SYM_FMAF(SYM_FMAF(SYM_FMAF(2.78392599e-06f, z, 0.000198426351f), z, 0.00833331142f), z, 0.166666672f);
  return a < 1.0f ? SYM_FMAF(q * z, x, x) : __builtin_copysignf(e - 0.25f / e, x);
}

//@ sym_sinh_f64: exp_half
SYM_FN double sym_sinh_f64(double x) {
  double a = sym_abs_f64(x), e = sym_exp_half_f64(a), z = x * x, w = z * z;
  double a0 = SYM_FMA(0.0083333333333335709, z, 0.16666666666666666);
  double a1 = SYM_FMA(2.7557319308243097e-06, z, 0.00019841269841064233);
  double a2 = SYM_FMA(1.6061264871234391e-10, z, 2.5052089930973863e-08);
  double a3 = SYM_FMA(6.3275532593488618e-15, z, 7.5085480567411248e-13);
  double q = SYM_FMA(SYM_FMA(a3, w, a2), w * w, SYM_FMA(a1, w, a0));
  return a < 1.0 ? SYM_FMA(q * z, x, x) : __builtin_copysign(e - 0.25 / e, x);
}
