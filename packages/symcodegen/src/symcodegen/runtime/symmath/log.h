/* Logarithms: x = 2^k m with m in [sqrt(1/2), sqrt(2)], s = (m - 1) / (m + 1), log m = 2 s + s^3 Q(s^2), summed so that
 * the large term is exact: f - s (f - s^2 Q) with f = m - 1, for f - s f = 2 s (P. T. P. Tang, ACM Transactions on
 * Mathematical Software 16, 1990). */

//@ log_parts: keep_largest
/* The k and m of a positive, normal x. k comes as a float: AVX2 cannot convert 64-bit integers. */
SYM_FN float sym_log_split_f32(float x, float *k) {
  sym_u32 i = sym_bits_f32(x) - 0x3f3504f3u;
  *k = (float)((sym_i32)i >> 23);
  return sym_float_of((i & 0x007fffffu) + 0x3f3504f3u);
}
/* k in float64, where i is the bits of the number less those of sqrt(1/2), and the bias. */
#if defined(__AVX512DQ__) || defined(__aarch64__)
#define SYM_LOG_BIAS 0ull
SYM_FN double sym_log_exponent_f64(sym_u64 i) { return (double)((sym_i64)i >> 52); }
#else
#define SYM_LOG_BIAS 0x3ff0000000000000ull
SYM_FN double sym_log_exponent_f64(sym_u64 i) {
  return sym_double_of((i >> 52) | 0x4330000000000000ull) - (4503599627370496.0 + 1023.0);
}
#endif
SYM_FN double sym_log_split_f64(double x, double *k) {
  sym_u64 i = sym_bits_f64(x) + (SYM_LOG_BIAS - 0x3fe6a09e667f3bcdull);
  *k = sym_log_exponent_f64(i);
  return sym_double_of((i & 0x000fffffffffffffull) + 0x3fe6a09e667f3bcdull);
}
/* t, with log(1 + f) = f - s t and s = f / d; d is 2 + f. */
SYM_FN float sym_log_bend_f32(float f, float d, float *s) {
  float quotient = f / d, z = quotient * quotient;
  float q = SYM_FMAF(SYM_FMAF(SYM_FMAF(0.242916912f, z, 0.284982234f), z, 0.400009781f), z, 0.666666627f);
  *s = quotient;
  return SYM_FMAF(-z, q, f);
}
SYM_FN double sym_log_bend_f64(double f, double d, double *s) {
  double quotient = f / d, z = quotient * quotient, w = z * z;
  double a = SYM_FMA(0.39999999999433311, z, 0.66666666666667307);
  double b = SYM_FMA(0.2222219885793548, z, 0.28571428739053212);
  double c = SYM_FMA(SYM_FMA(0.14793568602840601, z, 0.153143262069075), z, 0.18183551769981099);
  *s = quotient;
  return SYM_FMA(-z, SYM_FMA(SYM_FMA(c, w, b), w, a), f);
}
/* k ln 2 + log(1 + f), d = 2 + f */
SYM_FN float sym_log_quotient_f32(float k, float f, float d) {
  float s, t = sym_log_bend_f32(f, d, &s);
  return SYM_FMAF(k, 0.693145752f, f - SYM_FMAF(s, t, k * -1.42860677e-6f));
}
SYM_FN double sym_log_quotient_f64(double k, double f, double d) {
  double s, t = sym_log_bend_f64(f, d, &s);
  return SYM_FMA(k, 0.6931471803691238, f - SYM_FMA(s, t, k * -1.9082149292705877e-10));
}
/* The sign bit, where x is not positive, normal and finite: in integers, for comparisons share the multipliers' units. */
SYM_FN sym_u64 sym_log_unusual_f64(double x) {
  sym_u64 i = sym_bits_f64(x);
  return ((i - 0x0010000000000000ull) | (0x7fefffffffffffffull - i)) & 0x8000000000000000ull;
}
/* As the split, but k comes times 2^23, which saves a shift. */
SYM_FN float sym_log_cut_f32(float x, float *k) {
  sym_u32 e = (sym_bits_f32(x) - 0x3f3504f3u) & 0xff800000u;
  *k = (float)(sym_i32)e;
  return sym_float_of(sym_bits_f32(x) - e);
}
/* What a logarithm is where x is not a positive, finite number. */
SYM_FN float sym_log_special_f32(float x, float y) {
  y = x < __builtin_inff() ? y : x;
  y = x < 0.0f ? __builtin_nanf("") : y;
  return x == 0.0f ? -__builtin_inff() : y;
}
SYM_FN double sym_log_special_f64(double x, double y) {
  y = x < __builtin_inf() ? y : x;
  y = x < 0.0 ? __builtin_nan("") : y;
  return x == 0.0 ? -__builtin_inf() : y;
}

//@ log_normal: log_parts
/* As the split, for denormal x too. */
SYM_FN float sym_log_reduce_f32(float x, float *k) {
  float low = x < 1.17549435e-38f ? 1.0f : 0.0f;
  float m = sym_log_split_f32(x < 1.17549435e-38f ? x * 8388608.0f : x, k);
  *k -= 23.0f * low;
  return m;
}
SYM_FN double sym_log_reduce_f64(double x, double *k) {
  double low = x < 2.2250738585072014e-308 ? 1.0 : 0.0;
  double m = sym_log_split_f64(x < 2.2250738585072014e-308 ? x * 18014398509481984.0 : x, k);
  *k -= 54.0 * low;
  return m;
}

//@ log_sum: log_parts
/* k ln 2 + log(1 + f). In float32 a longer polynomial costs less than a quotient: f - f^2 (1/2 - f P(f)). */
SYM_FN float sym_log_sum_f32(float k, float f) {
  float q = SYM_FMAF(-0.0763484165f, f, 0.127636656f);
  q = SYM_FMAF(SYM_FMAF(q, f, -0.131610215f), f, 0.142015368f);
  q = SYM_FMAF(SYM_FMAF(q, f, -0.166232556f), f, 0.200012326f);
  q = SYM_FMAF(SYM_FMAF(q, f, -0.250008225f), f, 0.333333313f);
  q = SYM_FMAF(q, f, -0.5f);
  return SYM_FMAF(k, 0.693145752f, SYM_FMAF(q, f * f, k * 1.42860677e-6f) + f);
}
SYM_FN double sym_log_sum_f64(double k, double f) { return sym_log_quotient_f64(k, f, 2.0 + f); }

//@ sym_log_f32: log_normal log_sum
SYM_FN float sym_log_f32(float x) {
  float k, f = sym_log_reduce_f32(x, &k) - 1.0f;
  return sym_log_special_f32(x, sym_log_sum_f32(k, f));
}

//@ sym_log_f64: log_normal log_sum
SYM_FN double sym_log_f64(double x) {
  double k, f = sym_log_reduce_f64(x, &k) - 1.0;
  return sym_log_special_f64(x, sym_log_sum_f64(k, f));
}

//@ sym_log_usual_f32: log_sum
/* Usual: positive, normal, finite. */
SYM_FN float sym_log_usual_f32(sym_u32 *most, float x) {
  sym_keep_largest(most, sym_bits_f32(x) - 0x00800000u);
  float k, f = sym_log_split_f32(x, &k) - 1.0f;
  return sym_log_sum_f32(k, f);
}

//@ sym_log_usual_f64: log_sum
SYM_FN double sym_log_usual_f64(sym_u64 *unusual, double x) {
  *unusual |= sym_log_unusual_f64(x);
  double k, f = sym_log_split_f64(x, &k) - 1.0;
  return sym_log_sum_f64(k, f);
}

//@ log1p_parts: log_sum
/* f and k of log(1 + x) = k ln 2 + log(1 + f), from the bits of u = 1 + x: they give k, and 1 + f = 2^-k + 2^-k x, where
 * 2^-k - 1 is exact but for large k, where it matters not. So nothing is lost that 1 + x loses; where k = 0, f is x. */
SYM_FN float sym_log1p_reduce_f32(float x, sym_u32 u, float *k) {
  sym_u32 i = u - 0x3f3504f3u;
  float power = sym_float_of(0x3f800000u - (i & 0xff800000u));
  *k = (float)((sym_i32)i >> 23);
  return SYM_FMAF(x, power, power - 1.0f);
}
/* Likewise, and `d` = 2 + f. */
SYM_FN double sym_log1p_reduce_f64(double x, sym_u64 u, double *k, double *d) {
  sym_u64 i = u + (SYM_LOG_BIAS - 0x3fe6a09e667f3bcdull);
  double power = sym_double_of(SYM_LOG_BIAS + 0x3ff0000000000000ull - (i & 0xfff0000000000000ull));
  *k = sym_log_exponent_f64(i);
  *d = SYM_FMA(x, power, power + 1.0);
  return SYM_FMA(x, power, power - 1.0);
}

//@ sym_log1p_f32: log1p_parts
/* A huge x, whose 2^-k has no room, is divided by a power of two first. */
SYM_FN float sym_log1p_f32(float x) {
  float c = x > 1.26765060e30f ? x * 2.32830644e-10f : x, more = x > 1.26765060e30f ? 32.0f : 0.0f;
  float k, f = sym_log1p_reduce_f32(c, sym_bits_f32(1.0f + c), &k);
  float y = __builtin_copysignf(sym_log_sum_f32(k + more, f), x);
  y = x < __builtin_inff() ? y : x;
  y = x < -1.0f ? __builtin_nanf("") : y;
  return x == -1.0f ? -__builtin_inff() : y;
}

//@ sym_log1p_f64: log1p_parts
SYM_FN double sym_log1p_f64(double x) {
  double c = x > 0x1p+900 ? x * 0x1p-200 : x, more = x > 0x1p+900 ? 200.0 : 0.0;
  double k, d, f = sym_log1p_reduce_f64(c, sym_bits_f64(1.0 + c), &k, &d);
  double y = __builtin_copysign(sym_log_quotient_f64(k + more, f, d), x);
  y = x < __builtin_inf() ? y : x;
  y = x < -1.0 ? __builtin_nan("") : y;
  return x == -1.0 ? -__builtin_inf() : y;
}

//@ sym_log1p_usual_f32: log1p_parts
/* Usual: 1 + x is in [2^-24, 2^40); in float64, in [2^-53, 2^203). */
SYM_FN float sym_log1p_usual_f32(sym_u32 *unusual, float x) {
  sym_u32 u = sym_bits_f32(1.0f + x);
  *unusual |= (u - 0x33800000u) & 0xe0000000u;
  float k, f = sym_log1p_reduce_f32(x, u, &k);
  return __builtin_copysignf(sym_log_sum_f32(k, f), x);
}

//@ sym_log1p_usual_f64: log1p_parts
SYM_FN double sym_log1p_usual_f64(sym_u64 *unusual, double x) {
  sym_u64 u = sym_bits_f64(1.0 + x);
  *unusual |= (u - 0x3ca0000000000000ull) & 0xf000000000000000ull;
  double k, d, f = sym_log1p_reduce_f64(x, u, &k, &d);
  return __builtin_copysign(sym_log_quotient_f64(k, f, d), x);
}

//@ log_scaled_f64: log_parts
/* scale * log(1 + f) + rest, for a small rest */
SYM_FN double sym_log_scaled_f64(double f, double scale, double rest) {
  double s, t = sym_log_bend_f64(f, 2.0 + f, &s);
  return SYM_FMA(f, scale, SYM_FMA(s * t, -scale, rest));
}

//@ log2_sum_f64: log_scaled_f64
SYM_FN double sym_log2_sum_f64(double k, double f) {
  return k + sym_log_scaled_f64(f, 1.4426950408889634, f * 2.0355273740931033e-17);
}

//@ log10_sum_f64: log_scaled_f64
SYM_FN double sym_log10_sum_f64(double k, double f) {
  double rest = SYM_FMA(k, 3.694239077158931e-13, f * 1.098319650216765e-17);
  return SYM_FMA(k, 0.30102999566361177, sym_log_scaled_f64(f, 0.4342944819032518, rest));
}

//@ log2_sum_f32: base
/* k + log2(1 + f) */
SYM_FN float sym_log2_sum_f32(float k, float f) {
  float q = SYM_FMAF(0.125852406f, f, -0.207294911f);
  q = SYM_FMAF(SYM_FMAF(q, f, 0.215722889f), f, -0.238942653f);
  q = SYM_FMAF(SYM_FMAF(q, f, 0.287915796f), f, -0.360704184f);
  q = SYM_FMAF(SYM_FMAF(q, f, 0.480910629f), f, -0.721347332f);
  return SYM_FMAF(SYM_FMAF(q, f, 1.44269502f), f, k);
}

//@ log10_sum_f32: base
/* k log10(2) + log10(1 + f), where k comes times 2^23. Its product with the high part of log10(2) is exact; without
 * the low part, log10(1000) is not 3. */
SYM_FN float sym_log10_sum_f32(float k, float f) {
  float q = SYM_FMAF(0.0378866419f, f, -0.0624005832f);
  q = SYM_FMAF(SYM_FMAF(q, f, 0.0649246275f), f, -0.0719221458f);
  q = SYM_FMAF(SYM_FMAF(q, f, 0.0866719633f), f, -0.108583495f);
  q = SYM_FMAF(SYM_FMAF(q, f, 0.14476864f), f, -0.217147186f);
  return SYM_FMAF(k, 0x1.344p-25f, SYM_FMAF(SYM_FMAF(q, f, 0.434294462f), f, k * 0x1.3509f8p-41f));
}

//@ sym_log2_f32: log_normal log2_sum_f32
SYM_FN float sym_log2_f32(float x) {
  float k, f = sym_log_reduce_f32(x, &k) - 1.0f;
  return sym_log_special_f32(x, sym_log2_sum_f32(k, f));
}

//@ sym_log2_usual_f32: log_parts log2_sum_f32
SYM_FN float sym_log2_usual_f32(sym_u32 *most, float x) {
  sym_keep_largest(most, sym_bits_f32(x) - 0x00800000u);
  float k, f = sym_log_split_f32(x, &k) - 1.0f;
  return sym_log2_sum_f32(k, f);
}

//@ sym_log2_f64: log_normal log2_sum_f64
SYM_FN double sym_log2_f64(double x) {
  double k, f = sym_log_reduce_f64(x, &k) - 1.0;
  return sym_log_special_f64(x, sym_log2_sum_f64(k, f));
}

//@ sym_log10_f32: log_normal log10_sum_f32
SYM_FN float sym_log10_f32(float x) {
  float k, f = sym_log_reduce_f32(x, &k) - 1.0f;
  return sym_log_special_f32(x, sym_log10_sum_f32(k * 8388608.0f, f));
}

//@ sym_log10_usual_f32: log_parts log10_sum_f32
SYM_FN float sym_log10_usual_f32(sym_u32 *most, float x) {
  sym_keep_largest(most, sym_bits_f32(x) - 0x00800000u);
  float k, f = sym_log_cut_f32(x, &k) - 1.0f;
  return sym_log10_sum_f32(k, f);
}

//@ sym_log10_f64: log_normal log10_sum_f64
SYM_FN double sym_log10_f64(double x) {
  double k, f = sym_log_reduce_f64(x, &k) - 1.0;
  return sym_log_special_f64(x, sym_log10_sum_f64(k, f));
}

//@ sym_log2_usual_f64: log_parts log2_sum_f64
SYM_FN double sym_log2_usual_f64(sym_u64 *unusual, double x) {
  *unusual |= sym_log_unusual_f64(x);
  double k, f = sym_log_split_f64(x, &k) - 1.0;
  return sym_log2_sum_f64(k, f);
}

//@ sym_log10_usual_f64: log_parts log10_sum_f64
SYM_FN double sym_log10_usual_f64(sym_u64 *unusual, double x) {
  *unusual |= sym_log_unusual_f64(x);
  double k, f = sym_log_split_f64(x, &k) - 1.0;
  return sym_log10_sum_f64(k, f);
}
