/* pow with the special cases of C99, F.9.4.4. */

//@ pow_special: sym_rint_f32 sym_rint_f64
/* Puts the sign of x and the special cases on `y` = pow(|x|, e). */
SYM_FN float sym_pow_special_f32(float x, float e, float y) {
  const float inf = __builtin_inff();
  float ax = sym_abs_f32(x), half = 0.5f * e;
  /* Differences, and no comparisons with e: gcc 13 and later would choose between booleans, and make no vectors of it. */
  float part = sym_abs_f32(sym_rint_f32(e) - e), rest = sym_abs_f32(sym_rint_f32(half) - half);
  int broken = part > 0.0f, odd = !broken & (rest > 0.0f);
  float at_zero = e < 0.0f ? inf : 0.0f, at_inf = e < 0.0f ? 0.0f : inf;
  y = ax == 0.0f ? at_zero : y;
  y = ax == inf ? at_inf : y;
  y = ax == 1.0f ? 1.0f : y;
  y = __builtin_copysignf(1.0f, x) < 0.0f && odd ? -y : y;
  y = x < 0.0f && broken && ax != inf ? __builtin_nanf("") : y;
  y = ((x != x) | (e != e)) ? x + e : y;
  return ((x == 1.0f) | (e == 0.0f)) ? 1.0f : y;
}
SYM_FN double sym_pow_special_f64(double x, double e, double y) {
  const double inf = __builtin_inf();
  double ax = sym_abs_f64(x), half = 0.5 * e;
  /* Differences, and no comparisons with e: gcc 13 and later would choose between booleans, and make no vectors of it. */
  double part = sym_abs_f64(sym_rint_f64(e) - e), rest = sym_abs_f64(sym_rint_f64(half) - half);
  int broken = part > 0.0, odd = !broken & (rest > 0.0);
  double at_zero = e < 0.0 ? inf : 0.0, at_inf = e < 0.0 ? 0.0 : inf;
  y = ax == 0.0 ? at_zero : y;
  y = ax == inf ? at_inf : y;
  y = ax == 1.0 ? 1.0 : y;
  y = __builtin_copysign(1.0, x) < 0.0 && odd ? -y : y;
  y = x < 0.0 && broken && ax != inf ? __builtin_nan("") : y;
  y = ((x != x) | (e != e)) ? x + e : y;
  return ((x == 1.0) | (e == 0.0)) ? 1.0 : y;
}

//@ pow_parts_f32: log_normal pow2n exp2_poly
/* e log2(x), as the sum of the result and `low`, for a normal x > 0. With f = m - 1 and s = f / (2 + f),
 * log2 m = 2 / ln 2 (s + s^3 (1/3 + ...)). */
#if SYM_HAS_FMA
/* In pairs of float32: 2^-32 of the logarithm is lost, up to 2^-25 of the power. f - 2 s is exact, for 2 s is near f. */
SYM_FN float sym_pow_exponent_f32(float k, float f, float e, float *low) {
  float r = 1.0f / (2.0f + f), s = f * r, z = s * s, sl = SYM_FMAF(-s, f, f - (s + s)) * r;
  float c = s * z, p = SYM_FMAF(SYM_FMAF(SYM_FMAF(0.121458456f, z, 0.142491117f), z, 0.200004891f), z, 0.333333313f);
  float t = SYM_FMAF(c, p, s), n = SYM_FMAF(t, 2.88539004f, k), y = e * n;
  float tl = SYM_FMAF(c, p, s - t) + SYM_FMAF(sl, z, sl);
  float nl = SYM_FMAF(tl, 2.88539004f, SYM_FMAF(t, 3.85192607e-08f, SYM_FMAF(t, 2.88539004f, k - n)));
  *low = SYM_FMAF(e, nl, SYM_FMAF(e, n, -y));
  return y;
}
#else
/* Without a fused multiply-add float64 is cheaper, with a polynomial just long enough: 2^-28 is left. */
SYM_FN float sym_pow_exponent_f32(float k, float f, float e, float *low) {
  double s = (double)f / (2.0 + (double)f), z = s * s;
  double q = SYM_FMA(SYM_FMA(0.23579997868871816, z, 0.28537450316254243), z * z,
                     SYM_FMA(0.40000332300165442, z, 0.66666665666311968));
  double wide = SYM_FMA(SYM_FMA(q, z, 2.0) * s, 1.4426950408889634, (double)k) * (double)e;
  float y = (float)wide;
  *low = (float)(wide - (double)y);
  return y;
}
#endif

//@ sym_pow_f32: pow_special pow_parts_f32
SYM_FN float sym_pow_f32(float x, float e) {
  float k, f = sym_log_reduce_f32(sym_abs_f32(x), &k) - 1.0f, low, y = sym_pow_exponent_f32(k, f, e, &low);
  low = sym_abs_f32(y) <= 152.0f ? low : 0.0f;
  y = y < -152.0f ? -152.0f : y;
  y = y > 130.0f ? 130.0f : y;
  float t = y + SYM_ROUND_F32, r = (y - (t - SYM_ROUND_F32)) + low;
  return sym_pow_special_f32(x, e, sym_scale_f32(sym_exp2_poly_f32(r), sym_bits_f32(t)));
}

//@ sym_pow_usual_f32: pow_parts_f32
/* Usual: the base is positive, normal and finite, the result normal and finite. */
SYM_FN float sym_pow_usual_f32(sym_u32 *most, float x, float e) {
  float k, f = sym_log_split_f32(x, &k) - 1.0f, low, y = sym_pow_exponent_f32(k, f, e, &low);
  sym_keep_largest(most, sym_bits_f32(x) - 0x00800000u);
  sym_keep_largest(most, sym_bits_f32(sym_abs_f32(y)) + (SYM_MOST_USUAL_F32 - 0x42fa0000u)); /* |y| <= 125 */
  float t = y + SYM_ROUND_F32, r = (y - (t - SYM_ROUND_F32)) + low;
  return sym_float_of(sym_bits_f32(sym_exp2_poly_f32(r)) + (sym_bits_f32(t) << 23));
}

//@ log_wide: log_normal two_prod
/* log x as a pair of float64, about 67 bits. */
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

//@ sum_rest: two_prod
/* a b + c where a b nearly cancels c, or is much smaller: one rounding, of the result. */
SYM_FN double sym_sum_rest(double a, double b, double c) {
#if SYM_HAS_FMA
  return SYM_FMA(a, b, c);
#else
  double pe, p = sym_two_prod(a, b, &pe);
  return (p + c) + pe;
#endif
}

//@ pow_pairs_f64: log_normal pow2n two_prod sum_rest
/* e log2(2^k m) as the sum of the result and, with SYM_ROUND_F64 added, of `whole`: 2^-63 of the logarithm is lost, for up
 * to 10 bits vanish in the exponent. With s = (m - 1) / (m + 1) = sh + sl, log2 m = 2 / (3 ln 2) s (g + gl),
 * g + gl = 3 + s^2 + 3 s^4 / 5 + ...; sh and g are so short that their product, and 3 - g + sh^2, are exact. */
SYM_FN double sym_pow_exponent_f64(double k, double m, double e, double *whole) {
  double f = m - 1.0, r = 1.0 / (m + 1.0), s = f * r, sh = sym_double_of(sym_bits_f64(s) & 0xfffffffff8000000ull);
  double sl = sym_sum_rest(-sh, f, f - (sh + sh)) * r, z = s * s, w = z * z;
  double odd = SYM_FMA(SYM_FMA(0.19886551880251385, w, 0.27272678070582629), w, 0.42857142855277675);
  double even = SYM_FMA(SYM_FMA(0.1978322425415627, w, 0.23080073267452178), w, 0.3333333376016977);
  even = SYM_FMA(even, w, 0.60000000000003062);
  double g = sym_double_of(sym_bits_f64(SYM_FMA(w, 0.6, z + 3.0)) & 0xfffffffffc000000ull);
  double gl = SYM_FMA(w, SYM_FMA(odd, z, even), SYM_FMA(sl, sh + s, SYM_FMA(sh, sh, 3.0 - g)));
  double t = sh * g, tl = SYM_FMA(s, gl, sl * g);
#if SYM_HAS_FMA
  double n = SYM_FMA(t, 0.9617966939259756, k), nl = SYM_FMA(t, 0.9617966939259756, k - n);
#else
  double nl, h = sym_two_prod(t, 0.9617966939259756, &nl), n = k + h;
  nl += h - (n - k);
#endif
  nl = SYM_FMA(tl, 0.9617966939259756, SYM_FMA(t, 5.0577616648125907e-17, nl));
#if SYM_HAS_FMA
  double rounded = SYM_FMA(e, n, SYM_ROUND_F64), rest = SYM_FMA(e, nl, SYM_FMA(e, n, SYM_ROUND_F64 - rounded));
#else
  double ye, y = sym_two_prod(e, n, &ye), rounded = y + SYM_ROUND_F64;
  double rest = (y + (SYM_ROUND_F64 - rounded)) + SYM_FMA(e, nl, ye);
#endif
  *whole = rounded;
  return rest;
}
/* 2^r for |r| <= 0.504 */
SYM_FN double sym_pow_poly_f64(double r) {
  double w = r * r;
  double odd = SYM_FMA(SYM_FMA(7.0740771417342008e-09, w, 1.3215433670965857e-06), w, 0.00015403530460115301);
  double even = SYM_FMA(SYM_FMA(4.4484701838329326e-10, w, 1.0178097863555053e-07), w, 1.5252733776763403e-05);
  odd = SYM_FMA(SYM_FMA(odd, w, 0.0096181291075919523), w, 0.24022650695910136);
  even = SYM_FMA(SYM_FMA(even, w, 0.0013333558146410766), w, 0.055504108664822159);
  return SYM_FMA(SYM_FMA(SYM_FMA(even, r, odd), r, 0.69314718055994529), r, 1.0);
}

//@ sym_pow_f64: pow_special pow_pairs_f64
SYM_FN double sym_pow_f64(double x, double e) {
  const double most = 36893488147419103232.0; /* 2^65: beyond, no power is finite, and pairs would overflow */
  double limited = e > most ? most : e;
  limited = limited < -most ? -most : limited;
  double k, m = sym_log_reduce_f64(sym_abs_f64(x), &k), t, r = sym_pow_exponent_f64(k, m, limited, &t);
  double y = t - SYM_ROUND_F64;
  r = sym_abs_f64(y) <= 1080.0 ? r : 0.0;
  t = y < -1080.0 ? SYM_ROUND_F64 - 1080.0 : t;
  t = y > 1026.0 ? SYM_ROUND_F64 + 1026.0 : t;
  return sym_pow_special_f64(x, e, sym_scale_f64(sym_pow_poly_f64(r), sym_bits_f64(t)));
}

//@ sym_pow_usual_f64: pow_pairs_f64
SYM_FN double sym_pow_usual_f64(sym_u64 *unusual, double x, double e) {
  double k, m = sym_log_split_f64(x, &k), t, r = sym_pow_exponent_f64(k, m, e, &t);
  sym_u64 n = sym_bits_f64(t), outside = (n - 0x4337fffffffffc04ull) | (0x43380000000003fcull - n); /* |n| <= 1020 */
  *unusual |= sym_log_unusual_f64(x) | (outside & 0x8000000000000000ull);
  return sym_double_of(sym_bits_f64(sym_pow_poly_f64(r)) + (n << 52));
}
