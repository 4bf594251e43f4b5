/* Hyperbolic functions: odd polynomials near 0, where differences of exponentials would cancel; exponentials beyond. */

//@ sym_tanh_f32: pow2n exp_poly_f32
/* 1 - 2 / (exp(2 |x|) + 1) beyond 0.5625: the quotient is below the result, so its error weighs less than one ulp. */
SYM_FN float sym_tanh_f32(float x) {
  float a = sym_abs_f32(x), y = a > 10.0f ? 20.0f : a + a;
  float t = SYM_FMAF(y, 1.44269502f, SYM_ROUND_F32), n = t - SYM_ROUND_F32;
  float r = SYM_FMAF(n, -1.42860677e-6f, SYM_FMAF(n, -0.693145752f, y));
  float p = SYM_FMAF(sym_exp_poly_f32(r), r * r, r) + 1.0f;
  float e = p * sym_float_of((sym_bits_f32(t) - 0x4b400000u + 127u) << 23);
  float big = 1.0f - 2.0f / (e + 1.0f);
  float z = x * x;
  float q = SYM_FMAF(-0.0061558038f, z, 0.0209920146f);
  q = SYM_FMAF(SYM_FMAF(SYM_FMAF(q, z, -0.053834185f), z, 0.13332428f), z, -0.333333135f);
  return __builtin_copysignf(a < 0.5625f ? SYM_FMAF(q * z, a, a) : big, x);
}

//@ sym_tanh_f64: pow2n exp_poly_f64
SYM_FN double sym_tanh_f64(double x) {
  double a = sym_abs_f64(x), y = a > 22.0 ? 44.0 : a + a;
  double t = SYM_FMA(y, 1.4426950408889634, SYM_ROUND_F64), n = t - SYM_ROUND_F64;
  double r = SYM_FMA(n, -1.9082149292705877e-10, SYM_FMA(n, -0.6931471803691238, y));
  double p = SYM_FMA(sym_exp_poly_f64(r), r * r, r) + 1.0;
  double e = p * sym_double_of((sym_bits_f64(t) - 0x4338000000000000ull + 1023u) << 52);
  double big = 1.0 - 2.0 / (e + 1.0);
  double z = x * x, w = z * z, w2 = w * w;
  double a0 = SYM_FMA(0.13333333333332911, z, -0.33333333333333331);
  double a1 = SYM_FMA(0.021869488523689074, z, -0.05396825396792812);
  double a2 = SYM_FMA(0.0035921240922874749, z, -0.0088632352518253771);
  double a3 = SYM_FMA(0.00058978488024079387, z, -0.0014557970222515869);
  double a4 = SYM_FMA(9.3576242944831597e-05, z, -0.00023804144664563669);
  double a5 = SYM_FMA(7.1619703037076831e-06, z, -3.2458939670045842e-05);
  double q = SYM_FMA(SYM_FMA(SYM_FMA(a5, w, a4), w2, SYM_FMA(a3, w, a2)), w2, SYM_FMA(a1, w, a0));
  return __builtin_copysign(a < 0.5625 ? SYM_FMA(q * z, a, a) : big, x);
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
