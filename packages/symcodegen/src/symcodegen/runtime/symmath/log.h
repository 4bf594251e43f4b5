/* Logarithms: x = 2^k m with m in [sqrt(1/2), sqrt(2)], s = (m - 1) / (m + 1), log m = 2 s + s^3 Q(s^2), summed so that
 * the large terms are exact: with f = m - 1 and h = f^2 / 2, log m = f - (h - s (h + s^2 Q)) (P. T. P. Tang, ACM
 * Transactions on Mathematical Software 16, 1990). */

//@ log_parts: base
/* The k and m of a positive, normal x. k comes as a float: AVX2 cannot convert 64-bit integers. */
SYM_FN float sym_log_split_f32(float x, float *k) {
  sym_u32 i = sym_bits_f32(x) - 0x3f3504f3u;
  *k = (float)((sym_i32)i >> 23);
  return sym_float_of((i & 0x007fffffu) + 0x3f3504f3u);
}
SYM_FN double sym_log_split_f64(double x, double *k) {
  sym_u64 i = sym_bits_f64(x) + (0x3ff0000000000000ull - 0x3fe6a09e667f3bcdull);
  *k = sym_double_of((i >> 52) | 0x4330000000000000ull) - (4503599627370496.0 + 1023.0);
  return sym_double_of((i & 0x000fffffffffffffull) + 0x3fe6a09e667f3bcdull);
}
/* s (h + s^2 Q(s^2)), the small part of log(1 + f) = f - (h - small). */
SYM_FN float sym_log_small_f32(float f, float h) {
  float s = f / (2.0f + f), z = s * s;
  float q = SYM_FMAF(SYM_FMAF(SYM_FMAF(0.242916912f, z, 0.284982234f), z, 0.400009781f), z, 0.666666627f);
  return s * SYM_FMAF(q, z, h);
}
SYM_FN double sym_log_small_f64(double f, double h) {
  double s = f / (2.0 + f), z = s * s, w = z * z;
  double a = SYM_FMA(0.39999999999433311, z, 0.66666666666667307);
  double b = SYM_FMA(0.2222219885793548, z, 0.28571428739053212);
  double c = SYM_FMA(SYM_FMA(0.14793568602840601, z, 0.153143262069075), z, 0.18183551769981099);
  double q = SYM_FMA(SYM_FMA(c, w, b), w, a);
  return s * SYM_FMA(q, z, h);
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
SYM_FN double sym_log_sum_f64(double k, double f) {
  double h = 0.5 * f * f, low = SYM_FMA(k, 1.9082149292705877e-10, sym_log_small_f64(f, h));
  return SYM_FMA(k, 0.6931471803691238, f - (h - low));
}

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
SYM_FN float sym_log_usual_f32(sym_u32 *unusual, float x) {
  *unusual |= ((x >= 1.17549435e-38f) & (x <= 3.40282347e+38f)) ? 0u : 1u;
  float k, f = sym_log_split_f32(x, &k) - 1.0f;
  return sym_log_sum_f32(k, f);
}

//@ sym_log_usual_f64: log_sum
SYM_FN double sym_log_usual_f64(sym_u64 *unusual, double x) {
  *unusual |= ((x >= 2.2250738585072014e-308) & (x <= 1.7976931348623157e+308)) ? 0u : 1u;
  double k, f = sym_log_split_f64(x, &k) - 1.0;
  return sym_log_sum_f64(k, f);
}

//@ log1p_sum: log_sum
/* log(1 + x) for x > -1: u = 1 + x = 2^k m, and 2^-k times what the sum lost is added to m - 1. Where
 * k = 0, f is x itself. `huge`: x may be so large that 2^-k has no room. The smaller of 1 and x is what is left of both
 * without the larger one. */
SYM_FN float sym_log1p_sum_f32(float x, int huge) {
  float u = 1.0f + x, large = x > 1.0f ? x : 1.0f;
  float small = sym_float_of(sym_bits_f32(x) ^ sym_bits_f32(large) ^ 0x3f800000u), lost = small - (u - large);
  float k, m = sym_log_split_f32(u, &k);
  sym_u32 power = (sym_bits_f32(u) + (0x3f800000u - 0x3f3504f3u)) & 0xff800000u;
  float f = (m - 1.0f) + lost * sym_float_of(huge && k > 100.0f ? 0u : 0x7f000000u - power);
  return __builtin_copysignf(sym_log_sum_f32(k, f), x);
}
SYM_FN double sym_log1p_sum_f64(double x, int huge) {
  double u = 1.0 + x, large = x > 1.0 ? x : 1.0;
  double small = sym_double_of(sym_bits_f64(x) ^ sym_bits_f64(large) ^ 0x3ff0000000000000ull);
  double lost = small - (u - large);
  double k, m = sym_log_split_f64(u, &k);
  sym_u64 power = (sym_bits_f64(u) + (0x3ff0000000000000ull - 0x3fe6a09e667f3bcdull)) & 0xfff0000000000000ull;
  double f = (m - 1.0) + lost * sym_double_of(huge && k > 1000.0 ? 0u : 0x7fe0000000000000ull - power);
  return __builtin_copysign(sym_log_sum_f64(k, f), x);
}

//@ sym_log1p_f32: log1p_sum
SYM_FN float sym_log1p_f32(float x) {
  float y = sym_log1p_sum_f32(x, 1);
  y = x < __builtin_inff() ? y : x;
  y = x < -1.0f ? __builtin_nanf("") : y;
  return x == -1.0f ? -__builtin_inff() : y;
}

//@ sym_log1p_f64: log1p_sum
SYM_FN double sym_log1p_f64(double x) {
  double y = sym_log1p_sum_f64(x, 1);
  y = x < __builtin_inf() ? y : x;
  y = x < -1.0 ? __builtin_nan("") : y;
  return x == -1.0 ? -__builtin_inf() : y;
}

//@ sym_log1p_usual_f32: log1p_sum
SYM_FN float sym_log1p_usual_f32(sym_u32 *unusual, float x) {
  *unusual |= ((x > -1.0f) & (x <= 1.26765060e30f)) ? 0u : 1u;
  return sym_log1p_sum_f32(x, 0);
}

//@ sym_log1p_usual_f64: log1p_sum
SYM_FN double sym_log1p_usual_f64(sym_u64 *unusual, double x) {
  *unusual |= ((x > -1.0) & (x <= 1.2676506002282294e30)) ? 0u : 1u;
  return sym_log1p_sum_f64(x, 0);
}

//@ log2_sum_f64: base
/* k + log2(1 + f), as the natural logarithm; the factor, in two parts, stands in the coefficients. */
SYM_FN double sym_log2_sum_f64(double k, double f) {
  double s = f / (2.0 + f), z = s * s, w = z * z, h = 0.7213475204444817 * f * f;
  double a = SYM_FMA(0.5770780163474097, z, 0.9617966939259849);
  double b = SYM_FMA(0.320598560899919, z, 0.41219858552944477);
  double c = SYM_FMA(SYM_FMA(0.21342608060368806, z, 0.2209390247326134), z, 0.2623331996429946);
  double q = SYM_FMA(SYM_FMA(c, w, b), w, a);
  return k + SYM_FMA(f, 1.4426950408889634, SYM_FMA(f, 2.0355273740931033e-17, s * SYM_FMA(q, z, h) - h));
}

//@ log10_sum_f64: base
SYM_FN double sym_log10_sum_f64(double k, double f) {
  double s = f / (2.0 + f), z = s * s, w = z * z, h = 0.2171472409516259 * f * f;
  double a = SYM_FMA(0.17371779275883964, z, 0.28952965460217067);
  double b = SYM_FMA(0.09650978339758123, z, 0.12408413841462794);
  double c = SYM_FMA(SYM_FMA(0.06424765211870871, z, 0.06650927365726285), z, 0.07897016195104899);
  double q = SYM_FMA(SYM_FMA(c, w, b), w, a);
  double rest = SYM_FMA(k, 3.694239077158931e-13, SYM_FMA(f, 1.098319650216765e-17, s * SYM_FMA(q, z, h) - h));
  return SYM_FMA(k, 0.30102999566361177, SYM_FMA(f, 0.4342944819032518, rest));
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
SYM_FN float sym_log10_sum_f32(float k, float f) {
  float q = SYM_FMAF(0.0378866419f, f, -0.0624005832f);
  q = SYM_FMAF(SYM_FMAF(q, f, 0.0649246275f), f, -0.0719221458f);
  q = SYM_FMAF(SYM_FMAF(q, f, 0.0866719633f), f, -0.108583495f);
  q = SYM_FMAF(SYM_FMAF(q, f, 0.14476864f), f, -0.217147186f);
  return SYM_FMAF(k, 0.30103f, SYM_FMAF(SYM_FMAF(q, f, 0.434294462f), f, k * -1.4320989e-8f));
}

//@ sym_log2_f32: log_normal log2_sum_f32
SYM_FN float sym_log2_f32(float x) {
  float k, f = sym_log_reduce_f32(x, &k) - 1.0f;
  return sym_log_special_f32(x, sym_log2_sum_f32(k, f));
}

//@ sym_log2_usual_f32: log_parts log2_sum_f32
SYM_FN float sym_log2_usual_f32(sym_u32 *unusual, float x) {
  *unusual |= ((x >= 1.17549435e-38f) & (x <= 3.40282347e+38f)) ? 0u : 1u;
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
  return sym_log_special_f32(x, sym_log10_sum_f32(k, f));
}

//@ sym_log10_usual_f32: log_parts log10_sum_f32
SYM_FN float sym_log10_usual_f32(sym_u32 *unusual, float x) {
  *unusual |= ((x >= 1.17549435e-38f) & (x <= 3.40282347e+38f)) ? 0u : 1u;
  float k, f = sym_log_split_f32(x, &k) - 1.0f;
  return sym_log10_sum_f32(k, f);
}

//@ sym_log10_f64: log_normal log10_sum_f64
SYM_FN double sym_log10_f64(double x) {
  double k, f = sym_log_reduce_f64(x, &k) - 1.0;
  return sym_log_special_f64(x, sym_log10_sum_f64(k, f));
}

//@ sym_log2_usual_f64: log_parts log2_sum_f64
SYM_FN double sym_log2_usual_f64(sym_u64 *unusual, double x) {
  *unusual |= ((x >= 2.2250738585072014e-308) & (x <= 1.7976931348623157e+308)) ? 0u : 1u;
  double k, f = sym_log_split_f64(x, &k) - 1.0;
  return sym_log2_sum_f64(k, f);
}

//@ sym_log10_usual_f64: log_parts log10_sum_f64
SYM_FN double sym_log10_usual_f64(sym_u64 *unusual, double x) {
  *unusual |= ((x >= 2.2250738585072014e-308) & (x <= 1.7976931348623157e+308)) ? 0u : 1u;
  double k, f = sym_log_split_f64(x, &k) - 1.0;
  return sym_log10_sum_f64(k, f);
}
