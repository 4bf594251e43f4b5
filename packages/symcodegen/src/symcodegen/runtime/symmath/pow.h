/* pow with the special cases of C99, F.9.4.4. */

//@ pow_special: sym_rint_f32 sym_rint_f64
/* Puts the sign of x and the special cases on `y` = pow(|x|, e). */
SYM_FN float sym_pow_special_f32(float x, float e, float y) {
  const float inf = __builtin_inff();
  float ax = sym_abs_f32(x), half = 0.5f * e;
  int whole = sym_rint_f32(e) == e, odd = whole & (sym_rint_f32(half) != half);
  float at_zero = e < 0.0f ? inf : 0.0f, at_inf = e < 0.0f ? 0.0f : inf;
  y = ax == 0.0f ? at_zero : y;
  y = ax == inf ? at_inf : y;
  y = ax == 1.0f ? 1.0f : y;
  y = __builtin_copysignf(1.0f, x) < 0.0f && odd ? -y : y;
  y = x < 0.0f && !whole && ax != inf ? __builtin_nanf("") : y;
  y = ((x != x) | (e != e)) ? x + e : y;
  return ((x == 1.0f) | (e == 0.0f)) ? 1.0f : y;
}
SYM_FN double sym_pow_special_f64(double x, double e, double y) {
  const double inf = __builtin_inf();
  double ax = sym_abs_f64(x), half = 0.5 * e;
  int whole = sym_rint_f64(e) == e, odd = whole & (sym_rint_f64(half) != half);
  double at_zero = e < 0.0 ? inf : 0.0, at_inf = e < 0.0 ? 0.0 : inf;
  y = ax == 0.0 ? at_zero : y;
  y = ax == inf ? at_inf : y;
  y = ax == 1.0 ? 1.0 : y;
  y = __builtin_copysign(1.0, x) < 0.0 && odd ? -y : y;
  y = x < 0.0 && !whole && ax != inf ? __builtin_nan("") : y;
  y = ((x != x) | (e != e)) ? x + e : y;
  return ((x == 1.0) | (e == 0.0)) ? 1.0 : y;
}

//@ pow_parts_f32: log_parts
/* e log2(x) for a float x >= 0, and 2^y, in float64 with polynomials just long enough: 2^-28 is left of an error budget of
 * 2^-25. */
SYM_FN double sym_pow_exponent_f32(float x, float e) {
  double k, f = sym_log_split_f64((double)x, &k) - 1.0;
  double s = f / (2.0 + f), z = s * s;
  double q = SYM_FMA(SYM_FMA(0.23579997868871816, z, 0.28537450316254243), z * z,
                     SYM_FMA(0.40000332300165442, z, 0.66666665663111968));
  return SYM_FMA(SYM_FMA(q, z, 2.0) * s, 1.4426950408889634, k) * (double)e;
}
SYM_FN float sym_pow_power_f32(double y) {
  double t = y + SYM_ROUND_F64, r = y - (t - SYM_ROUND_F64), r2 = r * r;
  double a = SYM_FMA(0.24022647897220764, r, 0.69314720298543331);
  double b = SYM_FMA(0.0096184385588400055, r, 0.05550332162966002);
  double c = SYM_FMA(0.00015353269177656093, r, 0.0013399003306421458);
  double p = SYM_FMA(SYM_FMA(SYM_FMA(c, r2, b), r2, a), r, 1.0);
  return (float)(p * sym_double_of((sym_bits_f64(t) << 52) + 0x3ff0000000000000ull));
}

//@ sym_pow_f32: pow_special pow_parts_f32
SYM_FN float sym_pow_f32(float x, float e) {
  double y = sym_pow_exponent_f32(sym_abs_f32(x), e);
  y = y < -151.0 ? -151.0 : y;
  y = y > 129.0 ? 129.0 : y;
  return sym_pow_special_f32(x, e, sym_pow_power_f32(y));
}

//@ sym_pow_usual_f32: pow_parts_f32
/* Usual: the base is positive, normal and finite, the result normal and finite. */
SYM_FN float sym_pow_usual_f32(sym_u32 *unusual, float x, float e) {
  float y = (float)sym_pow_exponent_f32(x, e);
  *unusual |= ((x >= 1.17549435e-38f) & (x <= 3.40282347e+38f) & (sym_abs_f32(y) <= 125.0f)) ? 0u : 1u;
  return sym_pow_power_f32(sym_pow_exponent_f32(x, e));
}

//@ pow_parts_f64: log_normal exp_poly_f64 pow2n two_prod
/* exp(e log |x|) with the logarithm as a pair of float64 (about 67 bits), for up to 10 vanish in the exponent. */
SYM_FN double sym_log_wide(double x, double *low) {
  double k, f = sym_log_reduce_f64(x, &k) - 1.0;
  /* s + sl = f / (2 + f) */
  double d = 2.0 + f, dl = f - (d - 2.0), inverse = 1.0 / d, s = f * inverse, pe;
  double rest = f - sym_two_prod(s, d, &pe);
  double sl = (rest - pe - s * dl) * inverse;
  /* z + zl = s^2, c + cl = s^3 */
  double ze, z = sym_two_prod(s, s, &ze), zl = ze + 2.0 * s * sl;
  double ce, c = sym_two_prod(s, z, &ce), cl = ce + (s * zl + sl * z);
  /* q + ql = 2/3 + z Q(z) */
  double w = z * z;
  double a0 = SYM_FMA(0.2857142857144096, z, 0.39999999999999986);
  double a1 = SYM_FMA(0.18181818782243894, z, 0.22222222218375828);
  double a2 = SYM_FMA(0.13336138431350331, z, 0.15384562116317543);
  double a3 = SYM_FMA(0.11964354658704186, z, 0.11678081764309396);
  double tail = z * SYM_FMA(SYM_FMA(a3, w, a2), w * w, SYM_FMA(a1, w, a0)) + 3.700743415417188e-17;
  double q = 0.6666666666666666 + tail, ql = (0.6666666666666666 - q) + tail;
  double te, t = sym_two_prod(c, q, &te), tl = te + (c * ql + cl * q);
  /* k ln 2 + 2 s + t, largest first */
  double big = k * 0.6931471803691238, h = big + 2.0 * s, e1 = (big - h) + 2.0 * s;
  double h2 = h + t, e2 = (h - h2) + t;
  double lo = (e1 + e2) + (SYM_FMA(k, 1.9082149292705877e-10, 2.0 * sl) + tl);
  double hi = h2 + lo;
  *low = (h2 - hi) + lo;
  return hi;
}
SYM_FN double sym_pow_power_f64(double p, double low) {
  double t = SYM_FMA(p, 1.4426950408889634, SYM_ROUND_F64), n = t - SYM_ROUND_F64;
  double r = SYM_FMA(n, -0.6931471803691238, p) + SYM_FMA(n, -1.9082149292705877e-10, low);
  return sym_scale_f64(SYM_FMA(sym_exp_poly_f64(r), r * r, r) + 1.0, sym_bits_f64(t));
}

//@ sym_pow_f64: pow_special pow_parts_f64
SYM_FN double sym_pow_f64(double x, double e) {
  const double most = 36893488147419103232.0; /* 2^65: beyond, no power is finite, and pairs would overflow */
  double y = e > most ? most : e;
  y = y < -most ? -most : y;
  double low, high = sym_log_wide(sym_abs_f64(x), &low), pe;
  double p = sym_two_prod(y, high, &pe);
  pe += y * low;
  pe = p < -746.0 || p > 710.0 ? 0.0 : pe;
  p = p < -746.0 ? -746.0 : p;
  p = p > 710.0 ? 710.0 : p;
  return sym_pow_special_f64(x, e, sym_pow_power_f64(p, pe));
}

//@ sym_pow_usual_f64: pow_parts_f64
SYM_FN double sym_pow_usual_f64(sym_u64 *unusual, double x, double e) {
  double low, high = sym_log_wide(x, &low), pe, p = sym_two_prod(e, high, &pe);
  *unusual |= ((x >= 2.2250738585072014e-308) & (x <= 1.7976931348623157e+308) & (sym_abs_f64(p) <= 700.0)) ? 0u : 1u;
  return sym_pow_power_f64(p, pe + e * low);
}
