/* exp and its kin: x = n ln 2 + r with |r| <= ln 2 / 2 (Cody and Waite, Software Manual for the Elementary Functions, 1980),
 * a polynomial for exp(r), and 2^n in two factors, so that results overflow and become denormal exactly where they must. */

//@ pow2n: base
/* p * 2^n for |n| <= 2 * 1022; `bits` are those of n + SYM_ROUND. Biased exponents are unsigned: AVX2 lacks the
 * arithmetic 64-bit shift. Two factors, each normal: the one rounding happens in the last product. */
SYM_FN float sym_scale_f32(float p, sym_u32 bits) {
  sym_u32 n = bits - 0x4b400000u + 2u * 127u, a = n >> 1, b = n - a;
  return p * sym_float_of(a << 23) * sym_float_of(b << 23);
}
SYM_FN double sym_scale_f64(double p, sym_u64 bits) {
  sym_u64 n = bits - 0x4338000000000000ull + 2u * 1023u, a = n >> 1, b = n - a;
  return p * sym_double_of(a << 52) * sym_double_of(b << 52);
}

//@ exp_poly_f32: base
/* (exp(r) - 1 - r) / r^2 */
SYM_FN float sym_exp_poly_f32(float r) {
  float p = SYM_FMAF(0.0013814593f, r, 0.00836874545f);
  p = SYM_FMAF(p, r, 0.041668389f);
  p = SYM_FMAF(p, r, 0.166665211f);
  return SYM_FMAF(p, r, 0.49999994f);
}

//@ exp_poly_f64: base
/* The same in float64, in the order of G. Estrin (1960): short chains keep the units busy. */
SYM_FN double sym_exp_poly_f64(double r) {
  double r2 = r * r, r4 = r2 * r2;
  double a = SYM_FMA(0.1666666666666649, r, 0.5000000000000013);
  double b = SYM_FMA(0.008333333333445603, r, 0.04166666666651215);
  double c = SYM_FMA(0.00019841269610468499, r, 0.0013888888947649982);
  double d = SYM_FMA(2.7557494816438805e-06, r, 2.480148942451215e-05);
  double e = SYM_FMA(2.5028743300104997e-08, r, 2.763143310281207e-07);
  return SYM_FMA(SYM_FMA(e, r4, SYM_FMA(d, r2, c)), r4, SYM_FMA(b, r2, a));
}

//@ sym_exp_f32: pow2n exp_poly_f32
SYM_FN float sym_exp_f32(float x) {
  float c = x < -104.0f ? -104.0f : x;
  c = c > 89.0f ? 89.0f : c;
  float t = SYM_FMAF(c, 1.44269502f, SYM_ROUND_F32), n = t - SYM_ROUND_F32;
  float r = SYM_FMAF(n, -1.42860677e-6f, SYM_FMAF(n, -0.693145752f, c));
  return sym_scale_f32(SYM_FMAF(sym_exp_poly_f32(r), r * r, r) + 1.0f, sym_bits_f32(t));
}

//@ sym_exp_f64: pow2n exp_poly_f64
SYM_FN double sym_exp_f64(double x) {
  double c = x < -746.0 ? -746.0 : x;
  c = c > 710.0 ? 710.0 : c;
  double t = SYM_FMA(c, 1.4426950408889634, SYM_ROUND_F64), n = t - SYM_ROUND_F64;
  double r = SYM_FMA(n, -1.9082149292705877e-10, SYM_FMA(n, -0.6931471803691238, c));
  return sym_scale_f64(SYM_FMA(sym_exp_poly_f64(r), r * r, r) + 1.0, sym_bits_f64(t));
}

//@ sym_exp_usual_f32: exp_poly_f32
/* Usual: the result is a normal number, and 2^n can be added to the exponent. */
SYM_FN float sym_exp_usual_f32(sym_u32 *unusual, float x) {
  *unusual |= sym_abs_f32(x) <= 87.0f ? 0u : 1u;
  float t = SYM_FMAF(x, 1.44269502f, SYM_ROUND_F32), n = t - SYM_ROUND_F32;
  float r = SYM_FMAF(n, -1.42860677e-6f, SYM_FMAF(n, -0.693145752f, x));
  float p = SYM_FMAF(sym_exp_poly_f32(r), r * r, r) + 1.0f;
  return sym_float_of(sym_bits_f32(p) + (sym_bits_f32(t) << 23));
}

//@ sym_exp_usual_f64: exp_poly_f64
SYM_FN double sym_exp_usual_f64(sym_u64 *unusual, double x) {
  *unusual |= sym_abs_f64(x) <= 708.0 ? 0u : 1u;
  double t = SYM_FMA(x, 1.4426950408889634, SYM_ROUND_F64), n = t - SYM_ROUND_F64;
  double r = SYM_FMA(n, -1.9082149292705877e-10, SYM_FMA(n, -0.6931471803691238, x));
  double p = SYM_FMA(sym_exp_poly_f64(r), r * r, r) + 1.0;
  return sym_double_of(sym_bits_f64(p) + (sym_bits_f64(t) << 52));
}

//@ exp2_poly: base
/* 2^r */
SYM_FN float sym_exp2_poly_f32(float r) {
  float p = SYM_FMAF(0.000153532688f, r, 0.00133990031f);
  p = SYM_FMAF(p, r, 0.00961843878f);
  p = SYM_FMAF(p, r, 0.0555033199f);
  p = SYM_FMAF(p, r, 0.240226477f);
  p = SYM_FMAF(p, r, 0.693147182f);
  return SYM_FMAF(p, r, 1.0f);
}
SYM_FN double sym_exp2_poly_f64(double r) {
  double r2 = r * r, r4 = r2 * r2;
  double a = SYM_FMA(0.24022650695910072, r, 0.69314718055994529);
  double b = SYM_FMA(0.0096181291076283277, r, 0.055504108664821687);
  double d = SYM_FMA(0.00015403530393642901, r, 0.0013333558146392411);
  double e = SYM_FMA(1.3215486593654166e-06, r, 1.5252733854614808e-05);
  double f = SYM_FMA(7.0549747600435132e-09, r, 1.0178051807662246e-07);
  double g = SYM_FMA(2.5625275854088681e-11, r, 4.4565922915938517e-10);
  double p = SYM_FMA(SYM_FMA(SYM_FMA(g, r2, f), r4, SYM_FMA(e, r2, d)), r4, SYM_FMA(b, r2, a));
  return SYM_FMA(p, r, 1.0);
}

//@ sym_exp2_f32: pow2n exp2_poly
SYM_FN float sym_exp2_f32(float x) {
  float c = x < -151.0f ? -151.0f : x;
  c = c > 129.0f ? 129.0f : c;
  float t = c + SYM_ROUND_F32;
  return sym_scale_f32(sym_exp2_poly_f32(c - (t - SYM_ROUND_F32)), sym_bits_f32(t));
}

//@ sym_exp2_f64: pow2n exp2_poly
SYM_FN double sym_exp2_f64(double x) {
  double c = x < -1076.0 ? -1076.0 : x;
  c = c > 1025.0 ? 1025.0 : c;
  double t = c + SYM_ROUND_F64;
  return sym_scale_f64(sym_exp2_poly_f64(c - (t - SYM_ROUND_F64)), sym_bits_f64(t));
}

//@ sym_exp2_usual_f32: exp2_poly
SYM_FN float sym_exp2_usual_f32(sym_u32 *unusual, float x) {
  *unusual |= sym_abs_f32(x) <= 125.0f ? 0u : 1u;
  float t = x + SYM_ROUND_F32;
  return sym_float_of(sym_bits_f32(sym_exp2_poly_f32(x - (t - SYM_ROUND_F32))) + (sym_bits_f32(t) << 23));
}

//@ sym_exp2_usual_f64: exp2_poly
SYM_FN double sym_exp2_usual_f64(sym_u64 *unusual, double x) {
  *unusual |= sym_abs_f64(x) <= 1021.0 ? 0u : 1u;
  double t = x + SYM_ROUND_F64;
  return sym_double_of(sym_bits_f64(sym_exp2_poly_f64(x - (t - SYM_ROUND_F64))) + (sym_bits_f64(t) << 52));
}

//@ sym_expm1_usual_f32: exp_poly_f32
SYM_FN float sym_expm1_usual_f32(sym_u32 *unusual, float x) {
  *unusual |= sym_abs_f32(x) <= 18.0f ? 0u : 1u;
  float t = SYM_FMAF(x, 1.44269502f, SYM_ROUND_F32), n = t - SYM_ROUND_F32;
  float r = SYM_FMAF(n, -1.42860677e-6f, SYM_FMAF(n, -0.693145752f, x));
  float e = SYM_FMAF(sym_exp_poly_f32(r), r * r, r), power = sym_float_of((sym_bits_f32(t) << 23) + 0x3f800000u);
  return __builtin_copysignf(SYM_FMAF(e, power, power - 1.0f), x);
}

//@ sym_expm1_usual_f64: exp_poly_f64
SYM_FN double sym_expm1_usual_f64(sym_u64 *unusual, double x) {
  *unusual |= sym_abs_f64(x) <= 40.0 ? 0u : 1u;
  double t = SYM_FMA(x, 1.4426950408889634, SYM_ROUND_F64), n = t - SYM_ROUND_F64;
  double r = SYM_FMA(n, -1.9082149292705877e-10, SYM_FMA(n, -0.6931471803691238, x));
  double e = SYM_FMA(sym_exp_poly_f64(r), r * r, r);
  double power = sym_double_of((sym_bits_f64(t) << 52) + 0x3ff0000000000000ull);
  return __builtin_copysign(SYM_FMA(e, power, power - 1.0), x);
}

//@ sym_expm1_f32: exp_poly_f32
/* 2^n (exp(r) - 1) + (2^n - 1): nothing cancels. Half of 2^n is used, so that n = 128 does not overflow early. */
SYM_FN float sym_expm1_f32(float x) {
  float c = x < -18.0f ? -18.0f : x;
  c = c > 89.0f ? 89.0f : c;
  float t = SYM_FMAF(c, 1.44269502f, SYM_ROUND_F32), n = t - SYM_ROUND_F32;
  float r = SYM_FMAF(n, -1.42860677e-6f, SYM_FMAF(n, -0.693145752f, c));
  float e = SYM_FMAF(sym_exp_poly_f32(r), r * r, r);
  float h = sym_float_of((sym_bits_f32(t) - 0x4b400000u + 126u) << 23);
  float y = 2.0f * SYM_FMAF(e, h, h - 0.5f);
  return n == 0.0f ? (x == 0.0f ? x : e) : y;
}

//@ sym_expm1_f64: exp_poly_f64
SYM_FN double sym_expm1_f64(double x) {
  double c = x < -40.0 ? -40.0 : x;
  c = c > 710.0 ? 710.0 : c;
  double t = SYM_FMA(c, 1.4426950408889634, SYM_ROUND_F64), n = t - SYM_ROUND_F64;
  double r = SYM_FMA(n, -1.9082149292705877e-10, SYM_FMA(n, -0.6931471803691238, c));
  double e = SYM_FMA(sym_exp_poly_f64(r), r * r, r);
  double h = sym_double_of((sym_bits_f64(t) - 0x4338000000000000ull + 1022u) << 52);
  double y = 2.0 * SYM_FMA(e, h, h - 0.5);
  return n == 0.0 ? (x == 0.0 ? x : e) : y;
}
