/* Trigonometric functions of arguments below a limit, which nearly all are: pi/2 is taken away in three parts by fused
 * multiply-adds, whose first difference is exact (W. Kahan; see J.-M. Muller, "Elementary Functions", section 11.2).
 * They set *unusual where an argument is beyond the limit; the result is worthless then. The functions of trig.h give the
 * same bits below the limit, and are right everywhere. */

//@ trig_usual_f32: base
#define SYM_TRIG_USUAL_F32 100000.0f
/* a - n pi/2 = result + *rest, with n in the low bits of *turned: the nearest integer to `turns`. Without a fused
 * multiply-add, in float64. */
SYM_FN float sym_trig_usually_f32(float a, float turns, float *rest, sym_u32 *turned, sym_u32 *unusual) {
  *unusual |= a > SYM_TRIG_USUAL_F32 ? 1u : 0u;
#if SYM_HAS_FMA
  float n = turns - SYM_ROUND_F32;
  *turned = sym_bits_f32(turns);
  *rest = n * 1.71512451e-15f;
  return SYM_FMAF(n, 4.37113883e-08f, SYM_FMAF(n, -1.57079637f, a));
#else
  (void)turns;
  double b = (double)(a > SYM_TRIG_USUAL_F32 ? 0.0f : a), t = b * 0.6366197723675814 + SYM_ROUND_F64, n = t - SYM_ROUND_F64;
  double r = (b - n * 1.5707963267341256) - n * 6.077100506506192e-11;
  *turned = (sym_u32)sym_bits_f64(t);
  *rest = (float)(r - (double)(float)r);
  return (float)r;
#endif
}
SYM_FN float sym_trig_usual_f32(float a, sym_u32 *turned, sym_u32 *unusual) {
  float rest, r = sym_trig_usually_f32(a, SYM_FMAF(a, 0.636619747f, SYM_ROUND_F32), &rest, turned, unusual);
  return r + rest;
}
SYM_FN float sym_sin_turned_f32(float r, sym_u32 turned) {
  float z = r * r;
  float s = SYM_FMAF(SYM_FMAF(-0.000195186018f, z, 0.00833219104f), z, -0.166666552f);
  float c = SYM_FMAF(SYM_FMAF(2.44302082e-05f, z, -0.0013887299f), z, 0.0416666456f);
  s = SYM_FMAF(r * z, s, r);
  c = SYM_FMAF(SYM_FMAF(c, z, -0.5f), z, 1.0f);
  return sym_float_of(sym_bits_f32(turned & 1u ? c : s) ^ (turned & 2u) << 30);
}

//@ sym_sin_usual_f32: trig_usual_f32
SYM_FN float sym_sin_usual_f32(sym_u32 *unusual, float x) {
  sym_u32 turned;
  float r = sym_trig_usual_f32(sym_abs_f32(x), &turned, unusual), y = sym_sin_turned_f32(r, turned);
  return sym_float_of(sym_bits_f32(y) ^ (sym_bits_f32(x) & 0x80000000u));
}

//@ sym_cos_usual_f32: trig_usual_f32
SYM_FN float sym_cos_usual_f32(sym_u32 *unusual, float x) {
  sym_u32 turned;
  float r = sym_trig_usual_f32(sym_abs_f32(x), &turned, unusual);
  return sym_sin_turned_f32(r, turned + 1u);
}

//@ sym_tan_usual_f32: trig_usual_f32
/* The last part of pi/2 is added with the polynomial, and the turns are counted with more digits, so that t never exceeds
 * 1: each saves half a unit in the last place, which the reciprocal would double. */
SYM_FN float sym_tan_usual_f32(sym_u32 *unusual, float x) {
  sym_u32 turned;
  float a = sym_abs_f32(x), turns = SYM_FMAF(a, 0.636619747f, a * 2.56825503e-08f) + SYM_ROUND_F32, rest;
  float r = sym_trig_usually_f32(a, turns, &rest, &turned, unusual), z = r * r;
  float q = SYM_FMAF(0.0044564819f, z, -7.39415045e-05f);
  q = SYM_FMAF(SYM_FMAF(SYM_FMAF(q, z, 0.0109655382f), z, 0.0212318432f), z, 0.054069709f);
  q = SYM_FMAF(SYM_FMAF(q, z, 0.13332577f), z, 0.333333522f);
  float t = r + SYM_FMAF(r * z, q, rest);
  float y = (turned & 1u ? -1.0f : t) / (turned & 1u ? t : 1.0f);
  return sym_float_of(sym_bits_f32(y) ^ (sym_bits_f32(x) & 0x80000000u));
}

//@ trig_usual_f64: base
#define SYM_TRIG_USUAL_F64 1048576.0
SYM_FN double sym_trig_usual_f64(double a, sym_u64 *turned, sym_u64 *unusual) {
  *unusual |= a > SYM_TRIG_USUAL_F64 ? 1u : 0u;
  double t = SYM_FMA(a, 0.6366197723675814, SYM_ROUND_F64), n = t - SYM_ROUND_F64;
  *turned = sym_bits_f64(t);
#if SYM_HAS_FMA
  return SYM_FMA(n, 1.4973849048591698e-33, SYM_FMA(n, -6.123233995736766e-17, SYM_FMA(n, -1.5707963267948966, a)));
#else
  return ((a - n * 1.5707963267341256) - n * 6.077100506303966e-11) - n * 2.0222662487959506e-21;
#endif
}
SYM_FN double sym_sin_turned_f64(double r, sym_u64 turned) {
  double z = r * r, w = z * z;
  double a = SYM_FMA(-0.00019841269840950235, z, 0.0083333333333330348);
  double b = SYM_FMA(-2.5052068689759996e-08, z, 2.7557319066275037e-06);
  double c = SYM_FMA(-7.3738125244579631e-13, z, 1.6054008290987544e-10);
  double s = SYM_FMA(SYM_FMA(SYM_FMA(c, w, b), w, a), z, -0.16666666666666666);
  double d = SYM_FMA(-0.0013888888888888332, z, 0.041666666666666664);
  double e = SYM_FMA(-2.7557319019686846e-07, z, 2.4801587301102562e-05);
  double f = SYM_FMA(-1.1465629239058175e-11, z, 2.0876711761216565e-09);
  double k = SYM_FMA(SYM_FMA(SYM_FMA(4.5352596402401315e-14, w, f), w, e), w, d);
  s = SYM_FMA(r * z, s, r);
  k = SYM_FMA(SYM_FMA(k, z, -0.5), z, 1.0);
  return sym_double_of(sym_bits_f64(turned & 1u ? k : s) ^ (turned & 2u) << 62);
}

//@ sym_sin_usual_f64: trig_usual_f64
SYM_FN double sym_sin_usual_f64(sym_u64 *unusual, double x) {
  sym_u64 turned;
  double r = sym_trig_usual_f64(sym_abs_f64(x), &turned, unusual), y = sym_sin_turned_f64(r, turned);
  return sym_double_of(sym_bits_f64(y) ^ (sym_bits_f64(x) & 0x8000000000000000ull));
}

//@ sym_cos_usual_f64: trig_usual_f64
SYM_FN double sym_cos_usual_f64(sym_u64 *unusual, double x) {
  sym_u64 turned;
  double r = sym_trig_usual_f64(sym_abs_f64(x), &turned, unusual);
  return sym_sin_turned_f64(r, turned + 1u);
}

//@ sym_tan_usual_f64: trig_usual_f64
SYM_FN double sym_tan_usual_f64(sym_u64 *unusual, double x) {
  sym_u64 turned;
  double r = sym_trig_usual_f64(sym_abs_f64(x), &turned, unusual), z = r * r, w = z * z, v = w * w;
  double a = SYM_FMA(0.021869489651339401, z, 0.053968253925198238);
  double b = SYM_FMA(0.0035922952207175294, z, 0.0088632185130465245);
  double c = SYM_FMA(0.00059522644647443872, z, 0.0014547198473821186);
  double d = SYM_FMA(0.0001375031945751021, z, 0.00022190292346405054);
  double e = SYM_FMA(9.06957550717626e-05, z, -2.7753111961618782e-05);
  double f = SYM_FMA(2.102077156477886e-05, z, -4.553993313608404e-05);
  double q = SYM_FMA(SYM_FMA(f, w, e), v, SYM_FMA(d, w, c));
  q = SYM_FMA(q, v, SYM_FMA(b, w, a));
  q = SYM_FMA(SYM_FMA(q, z, 0.13333333333416522), z, 0.33333333333332782);
  double t = SYM_FMA(r * z, q, r);
  double y = (turned & 1u ? -1.0 : t) / (turned & 1u ? t : 1.0);
  return sym_double_of(sym_bits_f64(y) ^ (sym_bits_f64(x) & 0x8000000000000000ull));
}
