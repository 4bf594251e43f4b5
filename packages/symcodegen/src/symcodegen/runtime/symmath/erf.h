/* The error function: near 0 an odd polynomial, beyond it exp(-x^2) / x times a polynomial in (x - a) / (x + a) (M. M.
 * Shepherd and J. G. Laframboise, Mathematics of Computation 36, 1981). x^2 is split, for the exponential would magnify
 * its rounding. */

//@ erf_small_f32: base
/* erf near 0: |x| <= 0.97 */
SYM_FN float sym_erf_small_f32(float x) {
  float z = x * x;
  float q = SYM_FMAF(-0.000567250536f, z, 0.00492397277f);
  q = SYM_FMAF(q, z, -0.0267131664f);
  q = SYM_FMAF(q, z, 0.112800784f);
  q = SYM_FMAF(q, z, -0.376122802f);
  q = SYM_FMAF(q, z, 0.128379092f);
  return SYM_FMAF(q, x, x);
}
//@ erf_parts_f32: exp_poly_f32 erf_small_f32
/* erfc for a >= 0.7, without its factor 2^n; `bits` are those of n + SYM_ROUND */
SYM_FN float sym_erfc_large_f32(float a, sym_u32 *bits) {
  float t = (a - 2.0f) / (a + 2.0f);
  float t2 = t * t;
  float qe = SYM_FMAF(-0.000660105201f, t2, 0.00475300476f);
  qe = SYM_FMAF(qe, t2, -0.0289717503f);
  qe = SYM_FMAF(qe, t2, -0.203844547f);
  qe = SYM_FMAF(qe, t2, 0.0732913539f);
  float qo = SYM_FMAF(-0.000190073377f, t2, 0.00106215349f);
  qo = SYM_FMAF(qo, t2, -0.00750153605f);
  qo = SYM_FMAF(qo, t2, 0.121513687f);
  qo = SYM_FMAF(qo, t2, 0.167211041f);
  float q = SYM_FMAF(qo, t, qe);
#if SYM_HAS_FMA
  float head = a * a, tail = SYM_FMAF(a, a, -head);
#else
  double square = (double)a * (double)a;
  float head = (float)square, tail = (float)(square - (double)head);
#endif
  float n = SYM_FMAF(head, -1.44269502f, SYM_ROUND_F32), k = n - SYM_ROUND_F32;
  float r = SYM_FMAF(k, -1.42860677e-6f, SYM_FMAF(k, -0.693145752f, -head) - tail);
  float e = SYM_FMAF(sym_exp_poly_f32(r), r * r, r);
  *bits = sym_bits_f32(n);
  return (0.4375f + SYM_FMAF(0.4375f + q, e, q)) / a;
}

//@ erf_parts_f64: pow2n exp_poly_f64 two_prod
SYM_FN double sym_erf_small_f64(double x) {
  double z = x * x;
  double z2 = z * z;
  double qe = SYM_FMA(1.6658749054559457e-08, z2, 1.6502208667365152e-06);
  qe = SYM_FMA(qe, z2, 0.00012055439379457893);
  qe = SYM_FMA(qe, z2, 0.0052239776708389186);
  qe = SYM_FMA(qe, z2, 0.11283791670976015);
  qe = SYM_FMA(qe, z2, 0.12837916709551259);
  double qo = SYM_FMA(-1.480612507579029e-09, z2, -1.6741591417776056e-07);
  qo = SYM_FMA(qo, z2, -1.4928241954900504e-05);
  qo = SYM_FMA(qo, z2, -0.00085483298118272332);
  qo = SYM_FMA(qo, z2, -0.026866170649433838);
  qo = SYM_FMA(qo, z2, -0.37612638903184148);
  double q = SYM_FMA(qo, z, qe);
  return SYM_FMA(q, x, x);
}
/* a exp(a^2) erfc(a) - 0.4375 for 0.7 <= a <= 27.5 */
SYM_FN double sym_erfc_factor_f64(double a) {
  double t = (a - 3.0) / (a + 3.0);
  double t2 = t * t;
  double qe = SYM_FMA(-2.6121274810525986e-09, t2, 2.1169710926197504e-08);
  qe = SYM_FMA(qe, t2, -9.0236145707864162e-08);
  qe = SYM_FMA(qe, t2, 2.9344099145403338e-07);
  qe = SYM_FMA(qe, t2, -9.9117826220216565e-07);
  qe = SYM_FMA(qe, t2, 6.4636243261868417e-06);
  qe = SYM_FMA(qe, t2, -8.4608152917706194e-05);
  qe = SYM_FMA(qe, t2, 0.0012428761519464695);
  qe = SYM_FMA(qe, t2, -0.014019825625655229);
  qe = SYM_FMA(qe, t2, -0.09546975030664609);
  qe = SYM_FMA(qe, t2, -0.14658304803289077);
  qe = SYM_FMA(qe, t2, 0.099503453544169854);
  double qo = SYM_FMA(-5.1113510305685477e-09, t2, 4.9531663093713229e-08);
  qo = SYM_FMA(qo, t2, -3.2225609020589955e-07);
  qo = SYM_FMA(qo, t2, 1.8832111430573008e-06);
  qo = SYM_FMA(qo, t2, -1.1110361514011645e-05);
  qo = SYM_FMA(qo, t2, 6.8979953719724727e-05);
  qo = SYM_FMA(qo, t2, -0.00041254379133723448);
  qo = SYM_FMA(qo, t2, 0.00091082268929461568);
  qo = SYM_FMA(qo, t2, 0.046350263331277786);
  qo = SYM_FMA(qo, t2, 0.13988054760177035);
  qo = SYM_FMA(qo, t2, 0.09530622695922801);
  return SYM_FMA(qo, t, qe);
}
SYM_FN double sym_erfc_large_f64(double x) {
  double a = x > 27.5 ? 27.5 : x, q = sym_erfc_factor_f64(a);
  double tail, head = sym_two_prod(a, a, &tail);
  double n = SYM_FMA(head, -1.4426950408889634, SYM_ROUND_F64), k = n - SYM_ROUND_F64;
  double r = SYM_FMA(k, -1.9082149292705877e-10, SYM_FMA(k, -0.6931471803691238, -head) - tail);
  double e = SYM_FMA(sym_exp_poly_f64(r), r * r, r);
  return sym_scale_f64((0.4375 + SYM_FMA(0.4375 + q, e, q)) / a, sym_bits_f64(n));
}

//@ sym_erf_f32: erf_small_f32
/* Beyond 0.97 the fourth root of 1 - erf is a polynomial: no exponential is needed. From 3.93 on the result is 1. */
SYM_FN float sym_erf_f32(float x) {
  float a = sym_abs_f32(x), c = a > 3.93f ? 3.93f : a;
  float p = SYM_FMAF(-2.46344571e-05f, c, 0.000215708002f);
  p = SYM_FMAF(p, c, 0.000518462213f);
  p = SYM_FMAF(p, c, -0.0117705408f);
  p = SYM_FMAF(p, c, 0.0415367074f);
  p = SYM_FMAF(p, c, -0.0141777946f);
  p = SYM_FMAF(p, c, -0.0962727964f);
  p = SYM_FMAF(p, c, -0.292124331f);
  p = SYM_FMAF(p, c, 1.00186872f);
  p = p * p;
  return a < 0.97f ? sym_erf_small_f32(x) : __builtin_copysignf(SYM_FMAF(-p, p, 1.0f), x);
}

//@ sym_erf_f64: erf_parts_f64
SYM_FN double sym_erf_f64(double x) {
  double a = sym_abs_f64(x);
  return a < 0.866 ? sym_erf_small_f64(x) : __builtin_copysign(1.0 - sym_erfc_large_f64(a), x);
}

//@ sym_erfc_f32: erf_parts_f32 pow2n
SYM_FN float sym_erfc_f32(float x) {
  sym_u32 bits;
  float a = sym_abs_f32(x), p = sym_erfc_large_f32(a > 10.4f ? 10.4f : a, &bits), y = sym_scale_f32(p, bits);
  return a < 0.7f ? 1.0f - sym_erf_small_f32(x) : (x < 0.0f ? 2.0f - y : y);
}

//@ sym_erfc_usual_f32: erf_parts_f32
/* Usual: not far enough to the right, or to the left, for the tail to be denormal. */
SYM_FN float sym_erfc_usual_f32(sym_u32 *unusual, float x) {
  sym_u32 bits;
  float a = sym_abs_f32(x), p = sym_erfc_large_f32(a, &bits), y = sym_float_of(sym_bits_f32(p) + (bits << 23));
  *unusual |= a <= 9.0f ? 0u : 1u;
  return a < 0.7f ? 1.0f - sym_erf_small_f32(x) : (x < 0.0f ? 2.0f - y : y);
}

//@ sym_erfc_f64: erf_parts_f64
SYM_FN double sym_erfc_f64(double x) {
  double a = sym_abs_f64(x), y = sym_erfc_large_f64(a);
  return a < 0.7 ? 1.0 - sym_erf_small_f64(x) : (x < 0.0 ? 2.0 - y : y);
}

//@ sym_erfcx_f64: erf_parts_f64 sym_exp_f64
/* exp(x^2) erfc(x): the factor alone from 0.7 on, beyond 27.5 the asymptotic series (Abramowitz and Stegun, 7.1.23); the
 * rounding of x^2 is made good. */
SYM_FN double sym_erfcx_f64(double x) {
  double a = sym_abs_f64(x), b = a < 27.5 ? a : 27.5, c = b < 0.7 ? 0.7 : b, tail, head = sym_two_prod(b, b, &tail);
  double e = sym_exp_f64(head), power = SYM_FMA(e, tail, e), middle = (0.4375 + sym_erfc_factor_f64(c)) / c;
  double w = 1.0 / a, v = 0.5 * w * w;
  double series = SYM_FMA(-11.0 * v, 1.0, 1.0);
  series = SYM_FMA(-9.0 * v, series, 1.0);
  series = SYM_FMA(-7.0 * v, series, 1.0);
  series = SYM_FMA(-5.0 * v, series, 1.0);
  series = SYM_FMA(-3.0 * v, series, 1.0);
  series = SYM_FMA(-v, series, 1.0);
  double y = a > 27.5 ? 0.56418958354775629 * w * series : middle;
  y = a < 0.7 ? power * (1.0 - sym_erf_small_f64(a)) : y;
  double other = a > 26.64 ? __builtin_inf() : SYM_FMA(2.0, power, -y);
  y = x < 0.0 ? other : y;
  return x != x ? x : y;
}

//@ sym_erfcx_f32: sym_erfcx_f64
SYM_FN float sym_erfcx_f32(float x) { return (float)sym_erfcx_f64((double)x); }
