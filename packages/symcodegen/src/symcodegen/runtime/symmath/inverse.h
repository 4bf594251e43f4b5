/* Inverse trigonometric and hyperbolic functions. The arctangent of a quotient reduces to |t| <= tan(pi/8) with one division,
 * whichever of the three intervals it lies in; arcsine and arccosine reduce to |x| <= 1/2 by
 * asin(x) = pi/2 - 2 asin(sqrt((1 - x) / 2)) (both: Cody and Waite, 1980). The hyperbolic ones are logarithms of 1 + u
 * with a u that loses nothing near 0. */

//@ atan_parts_f32: base
/* atan(t) - t for |t| <= tan(pi/8) */
SYM_FN float sym_atan_small_f32(float t) {
  float z = t * t;
  float q = SYM_FMAF(-0.0609231666f, z, 0.106000669f);
  q = SYM_FMAF(q, z, -0.142445043f);
  q = SYM_FMAF(q, z, 0.199985325f);
  q = SYM_FMAF(q, z, -0.333333164f);
  return q * z * t;
}

//@ sym_arctan_f32: atan_parts_f32
SYM_FN float sym_arctan_f32(float x) {
  float a = sym_abs_f32(x);
  float up = a <= 0.414213562f ? a : a - 1.0f, down = a <= 0.414213562f ? 1.0f : a + 1.0f;
  up = a > 2.41421356f ? -1.0f : up;
  down = a > 2.41421356f ? a : down;
  float base = a <= 0.414213562f ? 0.0f : 0.785398185f;
  float rest = a <= 0.414213562f ? 0.0f : -2.1855695e-08f;
  base = a > 2.41421356f ? 1.57079637f : base;
  rest = a > 2.41421356f ? -4.371139e-08f : rest;
  float t = up / down;
  return __builtin_copysignf(base + (t + (sym_atan_small_f32(t) + rest)), x);
}

//@ sym_arctan2_f32: atan_parts_f32
/* The angle of the point (x, y). Both are scaled where their sum could overflow or their quotient lose digits. */
SYM_FN float sym_arctan2_f32(float y, float x) {
  float height = sym_abs_f32(y), width = sym_abs_f32(x), most = height > width ? height : width;
  float scale = most > 1.26765060e30f ? 9.53674316e-7f : 1.0f, inf = __builtin_inff();
  scale = most < 7.88860905e-31f ? 1048576.0f : scale;
  scale = most == inf ? 0.0f : scale;
  float a = height == inf ? 1.0f : height * scale, b = width == inf ? 1.0f : width * scale;
  float low = 0.414213562f * b, high = 2.41421356f * b;
  float up = a <= low ? a : a - b, down = a <= low ? b : a + b;
  up = a > high ? -b : up;
  down = a > high ? a : down;
  down = down == 0.0f ? 1.0f : down;
  float base = a <= low ? 0.0f : 0.785398185f, rest = a <= low ? 0.0f : -2.1855695e-08f;
  float back = a <= low ? 3.14159274f : 2.3561945f;
  float back_rest = a <= low ? -8.742278e-08f : -5.96244023e-09f;
  base = a > high ? 1.57079637f : base;
  rest = a > high ? -4.371139e-08f : rest;
  back = a > high ? 1.57079637f : back;
  back_rest = a > high ? -4.371139e-08f : back_rest;
  float t = up / down, p = sym_atan_small_f32(t);
  float right = base + (t + (p + rest)), left = back - (t + (p - back_rest));
  return __builtin_copysignf(__builtin_copysignf(1.0f, x) < 0.0f ? left : right, y);
}

//@ asin_parts_f32: base
/* (asin(s) - s) / s for s = sqrt(z), z <= 1/4 */
SYM_FN float sym_asin_small_f32(float z) {
  float q = SYM_FMAF(0.0421520919f, z, 0.0241922922f);
  q = SYM_FMAF(q, z, 0.0454665087f);
  q = SYM_FMAF(q, z, 0.0749534443f);
  q = SYM_FMAF(q, z, 0.166667506f);
  return q * z;
}

//@ sym_arcsin_f32: asin_parts_f32
/* z is the smaller of a^2 and (1 - a) / 2: chosen by a <= 1/2, a polynomial of its own would be computed for each. */
SYM_FN float sym_arcsin_f32(float x) {
  float a = sym_abs_f32(x), square = a * a, rest = (1.0f - a) * 0.5f, z = square < rest ? square : rest;
  float p = sym_asin_small_f32(z), s = __builtin_sqrtf(z);
  float y = a <= 0.5f ? SYM_FMAF(p, a, a) : 1.57079637f - (2.0f * SYM_FMAF(p, s, s) + 4.371139e-08f);
  return __builtin_copysignf(y, x);
}

//@ sym_arccos_f32: asin_parts_f32
SYM_FN float sym_arccos_f32(float x) {
  float a = sym_abs_f32(x), z = a <= 0.5f ? a * a : (1.0f - a) * 0.5f;
  float s = a <= 0.5f ? x : __builtin_sqrtf(z), r = SYM_FMAF(sym_asin_small_f32(z), s, s);
  float far = x < 0.0f ? 3.14159274f - (2.0f * r + 8.742278e-08f) : 2.0f * r;
  return a <= 0.5f ? 1.57079637f - (r + 4.371139e-08f) : far;
}

//@ asinh_parts_f32: log_sum
/* Below 0.53 an odd polynomial, beyond it log(a + sqrt(a^2 + 1)), where a rounding of the argument does no harm. */
SYM_FN float sym_arcsinh_small_f32(float a) {
  float z = a * a;
  float q = SYM_FMAF(SYM_FMAF(-0.0123534305f, z, 0.0276490208f), z, -0.0442800336f);
  return SYM_FMAF(SYM_FMAF(SYM_FMAF(q, z, 0.0749783441f), z, -0.16666624f) * z, a, a);
}

//@ sym_arcsinh_f32: asinh_parts_f32
SYM_FN float sym_arcsinh_f32(float x) {
  float a = sym_abs_f32(x), far = a > 1.15292150e18f ? 1.0f : 0.0f, c = a > 1.15292150e18f ? 0.0f : a;
  float k, u = a + __builtin_sqrtf(SYM_FMAF(c, c, 1.0f)), f = sym_log_split_f32(u, &k) - 1.0f;
  float y = sym_log_sum_f32(k + far, f);
  y = a < __builtin_inff() ? y : a;
  return __builtin_copysignf(a < 0.53f ? sym_arcsinh_small_f32(a) : y, x);
}

//@ sym_arccosh_f32: sym_log1p_f32
SYM_FN float sym_arccosh_f32(float x) {
  float t = x - 1.0f, c = x > 1.15292150e18f ? 1.0f : t;
  float u = c + __builtin_sqrtf(c * (c + 2.0f));
  float y = sym_log1p_f32(x > 1.15292150e18f ? x : u) + (x > 1.15292150e18f ? 0.693147182f : 0.0f);
  return x < 1.0f ? __builtin_nanf("") : y;
}

//@ atanh_parts_f32: log_sum
/* For |x| < 1: below 1/2 an odd polynomial, beyond it the logarithm of a quotient. */
SYM_FN float sym_arctanh_inner_f32(float x, float a) {
  float z = x * x;
  float q = SYM_FMAF(SYM_FMAF(0.177001774f, z, 0.0511143357f), z, 0.118310198f);
  q = SYM_FMAF(SYM_FMAF(SYM_FMAF(q, z, 0.142217398f), z, 0.200025842f), z, 0.333332986f);
  float k, f = sym_log_split_f32((1.0f + a) / (1.0f - a), &k) - 1.0f;
  return a < 0.5f ? SYM_FMAF(q * z, x, x) : __builtin_copysignf(0.5f * sym_log_sum_f32(k, f), x);
}

//@ sym_arctanh_f32: atanh_parts_f32
SYM_FN float sym_arctanh_f32(float x) {
  float a = sym_abs_f32(x), y = sym_arctanh_inner_f32(x, a);
  y = a < 1.0f ? y : __builtin_nanf("");
  return a == 1.0f ? __builtin_copysignf(__builtin_inff(), x) : y;
}

//@ atan_parts_f64: base
/* atan(t) - t for |t| <= tan(pi/8) */
SYM_FN double sym_atan_small_f64(double t) {
  double z = t * t;
  double w = z * z;
  double qe = SYM_FMA(-0.017981349807886751, w, -0.050423961465672407);
  qe = SYM_FMA(qe, w, -0.066632161483541341);
  qe = SYM_FMA(qe, w, -0.09090898442912472);
  qe = SYM_FMA(qe, w, -0.14285714280829032);
  qe = SYM_FMA(qe, w, -0.33333333333333232);
  double qo = SYM_FMA(0.038137301890091929, w, 0.058486346068206636);
  qo = SYM_FMA(qo, w, 0.076920711102264172);
  qo = SYM_FMA(qo, w, 0.11111110810573822);
  qo = SYM_FMA(qo, w, 0.19999999999961196);
  double q = SYM_FMA(qo, z, qe);
  return q * z * t;
}

//@ sym_arctan_f64: atan_parts_f64
SYM_FN double sym_arctan_f64(double x) {
  double a = sym_abs_f64(x);
  double up = a <= 0.41421356237309503 ? a : a - 1.0, down = a <= 0.41421356237309503 ? 1.0 : a + 1.0;
  up = a > 2.4142135623730949 ? -1.0 : up;
  down = a > 2.4142135623730949 ? a : down;
  double base = a <= 0.41421356237309503 ? 0.0 : 0.78539816339744828;
  double rest = a <= 0.41421356237309503 ? 0.0 : 3.061616997868383e-17;
  base = a > 2.4142135623730949 ? 1.5707963267948966 : base;
  rest = a > 2.4142135623730949 ? 6.123233995736766e-17 : rest;
  double t = up / down;
  return __builtin_copysign(base + (t + (sym_atan_small_f64(t) + rest)), x);
}

//@ sym_arctan2_f64: atan_parts_f64
/* The angle of the point (x, y). Both are scaled where their sum could overflow or their quotient lose digits. */
SYM_FN double sym_arctan2_f64(double y, double x) {
  double height = sym_abs_f64(y), width = sym_abs_f64(x), most = height > width ? height : width;
  double scale = most > 0x1p+1000 ? 0x1p-60 : 1.0, inf = __builtin_inf();
  scale = most < 0x1p-900 ? 0x1p+60 : scale;
  scale = most == inf ? 0.0 : scale;
  double a = height == inf ? 1.0 : height * scale, b = width == inf ? 1.0 : width * scale;
  double low = 0.41421356237309503 * b, high = 2.4142135623730949 * b;
  double up = a <= low ? a : a - b, down = a <= low ? b : a + b;
  up = a > high ? -b : up;
  down = a > high ? a : down;
  down = down == 0.0 ? 1.0 : down;
  double base = a <= low ? 0.0 : 0.78539816339744828, rest = a <= low ? 0.0 : 3.061616997868383e-17;
  double back = a <= low ? 3.1415926535897931 : 2.3561944901923448;
  double back_rest = a <= low ? 1.2246467991473532e-16 : 9.1848509936051484e-17;
  base = a > high ? 1.5707963267948966 : base;
  rest = a > high ? 6.123233995736766e-17 : rest;
  back = a > high ? 1.5707963267948966 : back;
  back_rest = a > high ? 6.123233995736766e-17 : back_rest;
  double t = up / down, p = sym_atan_small_f64(t);
  double right = base + (t + (p + rest)), left = back - (t + (p - back_rest));
  return __builtin_copysign(__builtin_copysign(1.0, x) < 0.0 ? left : right, y);
}

//@ asin_parts_f64: base
/* (asin(s) - s) / s for s = sqrt(z), z <= 1/4 */
SYM_FN double sym_asin_small_f64(double z) {
  double w = z * z;
  double qe = SYM_FMA(-0.016063943975176118, w, 0.006573560442082866);
  qe = SYM_FMA(qe, w, 0.013887260772171084);
  qe = SYM_FMA(qe, w, 0.022371776088721207);
  qe = SYM_FMA(qe, w, 0.044642856854745103);
  qe = SYM_FMA(qe, w, 0.16666666666665647);
  double qo = SYM_FMA(0.031811941181503968, w, 0.019415749672927456);
  qo = SYM_FMA(qo, w, 0.012157430905258775);
  qo = SYM_FMA(qo, w, 0.017359470450725879);
  qo = SYM_FMA(qo, w, 0.030381958245004715);
  qo = SYM_FMA(qo, w, 0.075000000002961364);
  double q = SYM_FMA(qo, z, qe);
  return q * z;
}

//@ sym_arcsin_f64: asin_parts_f64
SYM_FN double sym_arcsin_f64(double x) {
  double a = sym_abs_f64(x), square = a * a, rest = (1.0 - a) * 0.5, z = square < rest ? square : rest;
  double p = sym_asin_small_f64(z), s = __builtin_sqrt(z);
  double y = a <= 0.5 ? SYM_FMA(p, a, a) : 1.5707963267948966 - (2.0 * SYM_FMA(p, s, s) - 6.123233995736766e-17);
  return __builtin_copysign(y, x);
}

//@ sym_arccos_f64: asin_parts_f64
SYM_FN double sym_arccos_f64(double x) {
  double a = sym_abs_f64(x), z = a <= 0.5 ? a * a : (1.0 - a) * 0.5;
  double s = a <= 0.5 ? x : __builtin_sqrt(z), r = SYM_FMA(sym_asin_small_f64(z), s, s);
  double far = x < 0.0 ? 3.1415926535897931 - (2.0 * r - 1.2246467991473532e-16) : 2.0 * r;
  return a <= 0.5 ? 1.5707963267948966 - (r - 6.123233995736766e-17) : far;
}

//@ sym_arcsinh_f64: sym_log1p_f64
SYM_FN double sym_arcsinh_f64(double x) {
  double a = sym_abs_f64(x), c = a > 0x1p+500 ? 0.0 : a, s = c * c;
  double u = c + s / (1.0 + __builtin_sqrt(1.0 + s));
  double y = sym_log1p_f64(a > 0x1p+500 ? a : u) + (a > 0x1p+500 ? 0.69314718055994529 : 0.0);
  return __builtin_copysign(y, x);
}

//@ sym_arccosh_f64: sym_log1p_f64
SYM_FN double sym_arccosh_f64(double x) {
  double t = x - 1.0, c = x > 0x1p+500 ? 1.0 : t;
  double u = c + __builtin_sqrt(c * (c + 2.0));
  double y = sym_log1p_f64(x > 0x1p+500 ? x : u) + (x > 0x1p+500 ? 0.69314718055994529 : 0.0);
  return x < 1.0 ? __builtin_nan("") : y;
}

//@ sym_arctanh_f64: sym_log1p_f64
SYM_FN double sym_arctanh_f64(double x) {
  double a = sym_abs_f64(x);
  return __builtin_copysign(0.5 * sym_log1p_f64((a + a) / (1.0 - a)), x);
}

//@ sym_arcsinh_usual_f32: asinh_parts_f32
SYM_FN float sym_arcsinh_usual_f32(sym_u32 *unusual, float x) {
  float a = sym_abs_f32(x);
  *unusual |= a <= 1.15292150e18f ? 0u : 1u;
  float k, f = sym_log_split_f32(a + __builtin_sqrtf(SYM_FMAF(a, a, 1.0f)), &k) - 1.0f;
  return __builtin_copysignf(a < 0.53f ? sym_arcsinh_small_f32(a) : sym_log_sum_f32(k, f), x);
}

//@ sym_arcsinh_usual_f64: sym_log1p_usual_f64
SYM_FN double sym_arcsinh_usual_f64(sym_u64 *unusual, double x) {
  double a = sym_abs_f64(x), s = a * a;
  *unusual |= a <= 1e18 ? 0u : 1u;
  return __builtin_copysign(sym_log1p_usual_f64(unusual, a + s / (1.0 + __builtin_sqrt(1.0 + s))), x);
}

//@ sym_arccosh_usual_f32: sym_log1p_usual_f32
SYM_FN float sym_arccosh_usual_f32(sym_u32 *unusual, float x) {
  float c = x - 1.0f;
  *unusual |= ((x >= 1.0f) & (x <= 1.15292150e18f)) ? 0u : 1u;
  return sym_log1p_usual_f32(unusual, c + __builtin_sqrtf(c * (c + 2.0f)));
}

//@ sym_arccosh_usual_f64: sym_log1p_usual_f64
SYM_FN double sym_arccosh_usual_f64(sym_u64 *unusual, double x) {
  double c = x - 1.0;
  *unusual |= ((x >= 1.0) & (x <= 1e18)) ? 0u : 1u;
  return sym_log1p_usual_f64(unusual, c + __builtin_sqrt(c * (c + 2.0)));
}

//@ sym_arctanh_usual_f32: atanh_parts_f32
SYM_FN float sym_arctanh_usual_f32(sym_u32 *unusual, float x) {
  float a = sym_abs_f32(x);
  *unusual |= a < 1.0f ? 0u : 1u;
  return sym_arctanh_inner_f32(x, a);
}

//@ sym_arctanh_usual_f64: sym_log1p_usual_f64
SYM_FN double sym_arctanh_usual_f64(sym_u64 *unusual, double x) {
  double a = sym_abs_f64(x);
  return __builtin_copysign(0.5 * sym_log1p_usual_f64(unusual, (a + a) / (1.0 - a)), x);
}
