/* Functions of complex numbers, with the special values of C99, annex G. complex64 is computed in complex128, so that
 * its results are rounded once or nearly so. Errors are meant of the number: of |w|, not of each part. */

/* exp(x) (cos y + i sin y); beyond 709 the exponential is a product of two, for the cosine may bring it back. */
//@ complex_exp: sym_exp_f64
SYM_FN double _Complex sym_complex_exp(double _Complex z, double sin, double cos) {
  double x = __real__ z, y = __imag__ z, inf = __builtin_inf();
  double e = sym_exp_f64(x > 709.0 ? x - 709.0 : x), back = x > 709.0 ? 0x1.d422d2be5dc9bp+1022 : 1.0;
  double re = e * cos * back, im = e * sin * back;
  int strange = !(sym_abs_f64(y) < inf);
  re = (strange & (x == -inf)) ? 0.0 : (strange & (x == inf)) ? inf : re;
  im = y == 0.0 ? y : (strange & (x == -inf)) ? 0.0 : im;
  return __builtin_complex(re, im);
}

//@ complex_expm1: sym_expm1_f64
SYM_FN double _Complex sym_complex_expm1(double _Complex z, double sin, double cos, double half) {
  double x = __real__ z, y = __imag__ z, e = sym_expm1_f64(x);
  double re = e * cos - 2.0 * half * half, im = (e + 1.0) * sin;
  return __builtin_complex(re, y == 0.0 ? y : im);
}

/* log m + log1p((n / m)^2) / 2 for the larger part m and the smaller part n: nothing overflows. */
//@ complex_log_abs: sym_log_f64 sym_log1p_f64
SYM_FN double sym_complex_log_abs(double x, double y) {
  double a = sym_abs_f64(x), b = sym_abs_f64(y), m = a > b ? a : b, n = a > b ? b : a, inf = __builtin_inf();
  double t = ((m == 0.0) | (m == inf)) ? 0.0 : n / m, w = sym_log_f64(m) + 0.5 * sym_log1p_f64(t * t);
  return ((a == inf) | (b == inf)) ? inf : ((x != x) | (y != y)) ? x + y : w;
}

//@ sym_log_c128: complex_log_abs sym_arctan2_f64
SYM_FN double _Complex sym_log_c128(double _Complex z) {
  return __builtin_complex(sym_complex_log_abs(__real__ z, __imag__ z), sym_arctan2_f64(__imag__ z, __real__ z));
}

//@ sym_log2_c128: sym_log_c128
SYM_FN double _Complex sym_log2_c128(double _Complex z) {
  double _Complex w = sym_log_c128(z);
  return __builtin_complex(__real__ w * 1.4426950408889634074, __imag__ w * 1.4426950408889634074);
}

//@ sym_log10_c128: sym_log_c128
SYM_FN double _Complex sym_log10_c128(double _Complex z) {
  double _Complex w = sym_log_c128(z);
  return __builtin_complex(__real__ w * 0.43429448190325182765, __imag__ w * 0.43429448190325182765);
}

/* Near zero |1 + z|^2 - 1 = x (2 + x) + y^2. */
//@ sym_log1p_c128: complex_log_abs sym_arctan2_f64
SYM_FN double _Complex sym_log1p_c128(double _Complex z) {
  double x = __real__ z, y = __imag__ z;
  double a = sym_abs_f64(x), b = sym_abs_f64(y);
  int near = (a < 0.5) & (b < 0.5);
  double small = near ? x * (2.0 + x) + y * y : 0.0;
  double re = near ? 0.5 * sym_log1p_f64(small) : sym_complex_log_abs(1.0 + x, y);
  return __builtin_complex(re, sym_arctan2_f64(y, 1.0 + x));
}

/* W. Kahan, "Branch cuts for complex elementary functions" (1987): t = sqrt((|x| + |z|) / 2) and |y| / 2t. Both parts
 * are scaled by a power of two where a square would leave the range. */
//@ sym_sqrt_c128: base
SYM_FN double _Complex sym_sqrt_c128(double _Complex z) {
  double x = __real__ z, y = __imag__ z, a = sym_abs_f64(x), b = sym_abs_f64(y), m = a > b ? a : b;
  double inf = __builtin_inf();
  double scale = m > 0x1p500 ? 0x1p-200 : m < 0x1p-400 ? 0x1p600 : 1.0;
  double root = m > 0x1p500 ? 0x1p100 : m < 0x1p-400 ? 0x1p-300 : 1.0;
  double p = a * scale, q = b * scale;
  p = m > 0x1p900 ? p * 0x1p-400 : p;
  q = m > 0x1p900 ? q * 0x1p-400 : q;
  root = m > 0x1p900 ? root * 0x1p200 : root;
  double t = __builtin_sqrt(0.5 * (p + __builtin_sqrt(p * p + q * q))), o = t == 0.0 ? 0.0 : 0.5 * q / t;
  t *= root;
  o *= root;
  double re = x >= 0.0 ? t : o, im = __builtin_copysign(x >= 0.0 ? o : t, y);
  re = m == 0.0 ? 0.0 : re;
  im = m == 0.0 ? y : im;
  int nan = (x != x) | (y != y);
  re = nan ? x + y : re;
  im = nan ? x + y : im;
  re = x == inf ? inf : x == -inf ? (y != y ? y : 0.0) : re;
  im = x == inf ? (y != y ? y : __builtin_copysign(0.0, y)) : x == -inf ? __builtin_copysign(inf, y) : im;
  re = b == inf ? inf : re;
  im = b == inf ? y : im;
  return __builtin_complex(re, im);
}

/* Hyperbolic functions of a large x are half an exponential, which is taken in two factors. */
//@ complex_hyperbolic: sym_sinh_f64 sym_cosh_f64 sym_exp_f64
SYM_FN double sym_complex_factor(double x) {
  double h = sym_exp_f64(0.5 * sym_abs_f64(x));
  return sym_abs_f64(x) > 700.0 ? h : 1.0;
}
SYM_FN double sym_complex_cosh(double x, double factor) {
  return sym_abs_f64(x) > 700.0 ? 0.5 * factor : sym_cosh_f64(x);
}
SYM_FN double sym_complex_sinh(double x, double factor) {
  return sym_abs_f64(x) > 700.0 ? __builtin_copysign(0.5 * factor, x) : sym_sinh_f64(x);
}

//@ complex_sinh: complex_hyperbolic
SYM_FN double _Complex sym_complex_sinh_of(double _Complex z, double sin, double cos) {
  double x = __real__ z, y = __imag__ z, inf = __builtin_inf(), f = sym_complex_factor(x);
  double re = sym_complex_sinh(x, f) * cos * f, im = sym_complex_cosh(x, f) * sin * f;
  int strange = !(sym_abs_f64(y) < inf);
  re = x == 0.0 ? x : (strange & (sym_abs_f64(x) == inf)) ? x : re;
  return __builtin_complex(re, y == 0.0 ? y : im);
}

//@ complex_cosh: complex_hyperbolic
SYM_FN double _Complex sym_complex_cosh_of(double _Complex z, double sin, double cos) {
  double x = __real__ z, y = __imag__ z, inf = __builtin_inf(), f = sym_complex_factor(x);
  double re = sym_complex_cosh(x, f) * cos * f, im = sym_complex_sinh(x, f) * sin * f;
  int strange = !(sym_abs_f64(y) < inf);
  re = (strange & (sym_abs_f64(x) == inf)) ? inf : re;
  double sx = __builtin_copysign(1.0, x), sy = __builtin_copysign(1.0, y);
  return __builtin_complex(re, ((x == 0.0) | (y == 0.0)) ? 0.0 * sx * sy : im);
}

/* W. Kahan, as above. */
//@ complex_tanh: sym_sinh_f64 sym_exp_f64
SYM_FN double _Complex sym_complex_tanh(double _Complex z, double sin, double cos, double t) {
  double x = __real__ z, y = __imag__ z, a = sym_abs_f64(x), inf = __builtin_inf();
  double beta = 1.0 + t * t, s = sym_sinh_f64(a > 20.0 ? __builtin_copysign(20.0, x) : x);
  double rho = __builtin_sqrt(1.0 + s * s), d = 1.0 + beta * s * s, re = beta * rho * s / d, im = t / d;
  int strange = !(sym_abs_f64(y) < inf), far = a > 20.0;
  double decay = sym_exp_f64(-2.0 * a), flat = strange ? 0.0 : 4.0 * sin * cos * decay;
  re = far ? __builtin_copysign(1.0, x) : (x == 0.0) & (strange | (s == 0.0)) ? x : re;
  im = far ? flat : im;
  int unknown = far & strange & (a < inf);
  re = unknown ? __builtin_nan("") : re;
  im = unknown ? __builtin_nan("") : im;
  return __builtin_complex(re, y == 0.0 ? y : im);
}

/* Whole powers below 100 by multiplication, as NumPy has them; 0 to a power that is neither 0 nor positive is NaN. */
//@ sym_pow_c128: sym_exp_c128 sym_log_c128 sym_mul_c128 sym_div_c128
SYM_FN double _Complex sym_pow_c128(double _Complex a, double _Complex b) {
  double br = __real__ b, bi = __imag__ b, nan = __builtin_nan("");
  if ((br == 0.0) & (bi == 0.0)) return __builtin_complex(1.0, 0.0);
  if ((__real__ a == 0.0) & (__imag__ a == 0.0))
    return ((br > 0.0) & (bi == 0.0)) ? __builtin_complex(0.0, 0.0) : __builtin_complex(nan, nan);
  if ((bi == 0.0) & (sym_abs_f64(br) < 100.0) && br == (double)(int)br) {
    int n = br < 0.0 ? -(int)br : (int)br;
    double _Complex y = a;
    if (br == 1.0) return a;
    if (br == 2.0) return sym_mul_c128(a, a);
    if (br == 3.0) return sym_mul_c128(a, sym_mul_c128(a, a));
    y = __builtin_complex(1.0, 0.0);
    for (double _Complex square = a;; square = sym_mul_c128(square, square)) {
      if (n & 1) y = sym_mul_c128(y, square);
      if (!(n >>= 1)) break;
    }
    return br < 0.0 ? sym_div_c128(__builtin_complex(1.0, 0.0), y) : y;
  }
  return sym_exp_c128(sym_mul_c128(b, sym_log_c128(a)));
}

/* z / |z|; NaN beside an infinity stays, 0 stays. */
//@ sym_sign_c128: sym_abs_c128
SYM_FN double _Complex sym_sign_c128(double _Complex z) {
  double x = __real__ z, y = __imag__ z, r = sym_abs_c128(z), inf = __builtin_inf(), nan = __builtin_nan("");
  double re = x / r, im = y / r;
  int xi = sym_abs_f64(x) == inf, yi = sym_abs_f64(y) == inf, bad = ((x != x) & !yi) | ((y != y) & !xi) | (xi & yi);
  re = r == 0.0 ? 0.0 : xi ? __builtin_copysign(1.0, x) : yi ? 0.0 : re;
  im = r == 0.0 ? 0.0 : yi ? __builtin_copysign(1.0, y) : xi ? 0.0 : im;
  return __builtin_complex(bad ? nan : re, bad ? nan : im);
}

/* The order by real parts, then imaginary ones; NaN is in no order, and both extrema give it. */
//@ sym_reciprocal_c64: base
SYM_FN float _Complex sym_reciprocal_c64(float _Complex z) {
  float x = __real__ z, y = __imag__ z;
  int real = sym_abs_f32(y) <= sym_abs_f32(x);
  float lead = real ? x : y, other = real ? y : x, ratio = other / lead, scale = 1.0f / (lead + other * ratio);
  return __builtin_complex(real ? scale : ratio * scale, real ? -ratio * scale : -scale);
}

//@ sym_reciprocal_c128: base
SYM_FN double _Complex sym_reciprocal_c128(double _Complex z) {
  double x = __real__ z, y = __imag__ z;
  int real = sym_abs_f64(y) <= sym_abs_f64(x);
  double lead = real ? x : y, other = real ? y : x, ratio = other / lead, scale = 1.0 / (lead + other * ratio);
  return __builtin_complex(real ? scale : ratio * scale, real ? -ratio * scale : -scale);
}

//@ sym_less_c64: base
SYM_FN int sym_less_c64(float _Complex a, float _Complex b) {
  float ar = __real__ a, ai = __imag__ a, br = __real__ b, bi = __imag__ b;
  return ((ar < br) & (ai == ai) & (bi == bi)) | ((ar == br) & (ai < bi));
}

//@ sym_less_equal_c64: base
SYM_FN int sym_less_equal_c64(float _Complex a, float _Complex b) {
  float ar = __real__ a, ai = __imag__ a, br = __real__ b, bi = __imag__ b;
  return ((ar < br) & (ai == ai) & (bi == bi)) | ((ar == br) & (ai <= bi));
}

//@ sym_maximum_c64: sym_less_equal_c64
SYM_FN float _Complex sym_maximum_c64(float _Complex a, float _Complex b) {
  int first = (__real__ a != __real__ a) | (__imag__ a != __imag__ a) | sym_less_equal_c64(b, a);
  return __builtin_complex(first ? __real__ a : __real__ b, first ? __imag__ a : __imag__ b);
}

//@ sym_minimum_c64: sym_less_equal_c64
SYM_FN float _Complex sym_minimum_c64(float _Complex a, float _Complex b) {
  int first = (__real__ a != __real__ a) | (__imag__ a != __imag__ a) | sym_less_equal_c64(a, b);
  return __builtin_complex(first ? __real__ a : __real__ b, first ? __imag__ a : __imag__ b);
}

//@ sym_less_c128: base
SYM_FN int sym_less_c128(double _Complex a, double _Complex b) {
  double ar = __real__ a, ai = __imag__ a, br = __real__ b, bi = __imag__ b;
  return ((ar < br) & (ai == ai) & (bi == bi)) | ((ar == br) & (ai < bi));
}

//@ sym_less_equal_c128: base
SYM_FN int sym_less_equal_c128(double _Complex a, double _Complex b) {
  double ar = __real__ a, ai = __imag__ a, br = __real__ b, bi = __imag__ b;
  return ((ar < br) & (ai == ai) & (bi == bi)) | ((ar == br) & (ai <= bi));
}

//@ sym_maximum_c128: sym_less_equal_c128
SYM_FN double _Complex sym_maximum_c128(double _Complex a, double _Complex b) {
  int first = (__real__ a != __real__ a) | (__imag__ a != __imag__ a) | sym_less_equal_c128(b, a);
  return __builtin_complex(first ? __real__ a : __real__ b, first ? __imag__ a : __imag__ b);
}

//@ sym_minimum_c128: sym_less_equal_c128
SYM_FN double _Complex sym_minimum_c128(double _Complex a, double _Complex b) {
  int first = (__real__ a != __real__ a) | (__imag__ a != __imag__ a) | sym_less_equal_c128(a, b);
  return __builtin_complex(first ? __real__ a : __real__ b, first ? __imag__ a : __imag__ b);
}

//@ sym_pow_c64: sym_pow_c128
SYM_FN float _Complex sym_pow_c64(float _Complex a, float _Complex b) {
  double _Complex w = sym_pow_c128(__builtin_complex((double)__real__ a, (double)__imag__ a),
                                   __builtin_complex((double)__real__ b, (double)__imag__ b));
  return __builtin_complex((float)__real__ w, (float)__imag__ w);
}

//@ sym_exp_c128: complex_exp sym_sin_f64 sym_cos_f64
SYM_FN double _Complex sym_exp_c128(double _Complex z) {
  double y = __imag__ z;
  return sym_complex_exp(z, sym_sin_f64(y), sym_cos_f64(y));
}

//@ sym_expm1_c128: complex_expm1 sym_sin_f64 sym_cos_f64
SYM_FN double _Complex sym_expm1_c128(double _Complex z) {
  double y = __imag__ z;
  return sym_complex_expm1(z, sym_sin_f64(y), sym_cos_f64(y), sym_sin_f64(0.5 * y));
}

//@ sym_sinh_c128: complex_sinh sym_sin_f64 sym_cos_f64
SYM_FN double _Complex sym_sinh_c128(double _Complex z) {
  double y = __imag__ z;
  return sym_complex_sinh_of(z, sym_sin_f64(y), sym_cos_f64(y));
}

//@ sym_cosh_c128: complex_cosh sym_sin_f64 sym_cos_f64
SYM_FN double _Complex sym_cosh_c128(double _Complex z) {
  double y = __imag__ z;
  return sym_complex_cosh_of(z, sym_sin_f64(y), sym_cos_f64(y));
}

//@ sym_tanh_c128: complex_tanh sym_sin_f64 sym_cos_f64 sym_tan_f64
SYM_FN double _Complex sym_tanh_c128(double _Complex z) {
  double y = __imag__ z;
  return sym_complex_tanh(z, sym_sin_f64(y), sym_cos_f64(y), sym_tan_f64(y));
}

//@ sym_exp2_c128: sym_exp_c128
SYM_FN double _Complex sym_exp2_c128(double _Complex z) {
  const double k = 0.693147180559945309417;
  return sym_exp_c128(__builtin_complex(k * __real__ z, k * __imag__ z));
}

/* sin z = -i sinh iz, cos z = cosh iz, tan z = -i tanh iz. */
//@ sym_sin_c128: sym_sinh_c128
SYM_FN double _Complex sym_sin_c128(double _Complex z) {
  double _Complex w = sym_sinh_c128(__builtin_complex(-__imag__ z, __real__ z));
  return __builtin_complex(__imag__ w, -__real__ w);
}

//@ sym_cos_c128: sym_cosh_c128
SYM_FN double _Complex sym_cos_c128(double _Complex z) {
  return sym_cosh_c128(__builtin_complex(-__imag__ z, __real__ z));
}

//@ sym_tan_c128: sym_tanh_c128
SYM_FN double _Complex sym_tan_c128(double _Complex z) {
  double _Complex w = sym_tanh_c128(__builtin_complex(-__imag__ z, __real__ z));
  return __builtin_complex(__imag__ w, -__real__ w);
}

/* The same in complex64, and where no sine, cosine or tangent is of a large argument. */
//@ complex_narrow: base
#define SYM_NARROW(name) \
  SYM_FN float _Complex sym_##name##_c64(float _Complex z) { \
    double _Complex w = sym_##name##_c128(__builtin_complex((double)__real__ z, (double)__imag__ z)); \
    return __builtin_complex((float)__real__ w, (float)__imag__ w); \
  }
#define SYM_NARROW_USUAL(name) \
  SYM_FN float _Complex sym_##name##_usual_c64(unsigned long long *far, float _Complex z) { \
    double _Complex w = sym_##name##_usual_c128(far, __builtin_complex((double)__real__ z, (double)__imag__ z)); \
    return __builtin_complex((float)__real__ w, (float)__imag__ w); \
  }

//@ sym_exp_c64: complex_narrow sym_exp_c128
SYM_NARROW(exp)
//@ sym_expm1_c64: complex_narrow sym_expm1_c128
SYM_NARROW(expm1)
//@ sym_sinh_c64: complex_narrow sym_sinh_c128
SYM_NARROW(sinh)
//@ sym_cosh_c64: complex_narrow sym_cosh_c128
SYM_NARROW(cosh)
//@ sym_tanh_c64: complex_narrow sym_tanh_c128
SYM_NARROW(tanh)
//@ sym_exp2_c64: complex_narrow sym_exp2_c128
SYM_NARROW(exp2)
//@ sym_sin_c64: complex_narrow sym_sin_c128
SYM_NARROW(sin)
//@ sym_cos_c64: complex_narrow sym_cos_c128
SYM_NARROW(cos)
//@ sym_tan_c64: complex_narrow sym_tan_c128
SYM_NARROW(tan)
//@ sym_log_c64: complex_narrow sym_log_c128
SYM_NARROW(log)
//@ sym_log2_c64: complex_narrow sym_log2_c128
SYM_NARROW(log2)
//@ sym_log10_c64: complex_narrow sym_log10_c128
SYM_NARROW(log10)
//@ sym_log1p_c64: complex_narrow sym_log1p_c128
SYM_NARROW(log1p)
//@ sym_sqrt_c64: complex_narrow sym_sqrt_c128
SYM_NARROW(sqrt)
//@ sym_sign_c64: complex_narrow sym_sign_c128
SYM_NARROW(sign)

/* The same where no sine, cosine or tangent is of a large argument; otherwise a mark is set. See trig.h. */
//@ sym_exp_usual_c128: complex_exp sym_sin_usual_f64 sym_cos_usual_f64
SYM_FN double _Complex sym_exp_usual_c128(unsigned long long *far, double _Complex z) {
  double y = __imag__ z;
  return sym_complex_exp(z, sym_sin_usual_f64(far, y), sym_cos_usual_f64(far, y));
}

//@ sym_expm1_usual_c128: complex_expm1 sym_sin_usual_f64 sym_cos_usual_f64
SYM_FN double _Complex sym_expm1_usual_c128(unsigned long long *far, double _Complex z) {
  double y = __imag__ z;
  return sym_complex_expm1(z, sym_sin_usual_f64(far, y), sym_cos_usual_f64(far, y), sym_sin_usual_f64(far, 0.5 * y));
}

//@ sym_sinh_usual_c128: complex_sinh sym_sin_usual_f64 sym_cos_usual_f64
SYM_FN double _Complex sym_sinh_usual_c128(unsigned long long *far, double _Complex z) {
  double y = __imag__ z;
  return sym_complex_sinh_of(z, sym_sin_usual_f64(far, y), sym_cos_usual_f64(far, y));
}

//@ sym_cosh_usual_c128: complex_cosh sym_sin_usual_f64 sym_cos_usual_f64
SYM_FN double _Complex sym_cosh_usual_c128(unsigned long long *far, double _Complex z) {
  double y = __imag__ z;
  return sym_complex_cosh_of(z, sym_sin_usual_f64(far, y), sym_cos_usual_f64(far, y));
}

//@ sym_tanh_usual_c128: complex_tanh sym_sin_usual_f64 sym_cos_usual_f64 sym_tan_usual_f64
SYM_FN double _Complex sym_tanh_usual_c128(unsigned long long *far, double _Complex z) {
  double y = __imag__ z;
  return sym_complex_tanh(z, sym_sin_usual_f64(far, y), sym_cos_usual_f64(far, y), sym_tan_usual_f64(far, y));
}

//@ sym_exp2_usual_c128: sym_exp_usual_c128
SYM_FN double _Complex sym_exp2_usual_c128(unsigned long long *far, double _Complex z) {
  const double k = 0.693147180559945309417;
  return sym_exp_usual_c128(far, __builtin_complex(k * __real__ z, k * __imag__ z));
}

//@ sym_sin_usual_c128: sym_sinh_usual_c128
SYM_FN double _Complex sym_sin_usual_c128(unsigned long long *far, double _Complex z) {
  double _Complex w = sym_sinh_usual_c128(far, __builtin_complex(-__imag__ z, __real__ z));
  return __builtin_complex(__imag__ w, -__real__ w);
}

//@ sym_cos_usual_c128: sym_cosh_usual_c128
SYM_FN double _Complex sym_cos_usual_c128(unsigned long long *far, double _Complex z) {
  return sym_cosh_usual_c128(far, __builtin_complex(-__imag__ z, __real__ z));
}

//@ sym_tan_usual_c128: sym_tanh_usual_c128
SYM_FN double _Complex sym_tan_usual_c128(unsigned long long *far, double _Complex z) {
  double _Complex w = sym_tanh_usual_c128(far, __builtin_complex(-__imag__ z, __real__ z));
  return __builtin_complex(__imag__ w, -__real__ w);
}

//@ sym_exp_usual_c64: complex_narrow sym_exp_usual_c128
SYM_NARROW_USUAL(exp)
//@ sym_expm1_usual_c64: complex_narrow sym_expm1_usual_c128
SYM_NARROW_USUAL(expm1)
//@ sym_sinh_usual_c64: complex_narrow sym_sinh_usual_c128
SYM_NARROW_USUAL(sinh)
//@ sym_cosh_usual_c64: complex_narrow sym_cosh_usual_c128
SYM_NARROW_USUAL(cosh)
//@ sym_tanh_usual_c64: complex_narrow sym_tanh_usual_c128
SYM_NARROW_USUAL(tanh)
//@ sym_exp2_usual_c64: complex_narrow sym_exp2_usual_c128
SYM_NARROW_USUAL(exp2)
//@ sym_sin_usual_c64: complex_narrow sym_sin_usual_c128
SYM_NARROW_USUAL(sin)
//@ sym_cos_usual_c64: complex_narrow sym_cos_usual_c128
SYM_NARROW_USUAL(cos)
//@ sym_tan_usual_c64: complex_narrow sym_tan_usual_c128
SYM_NARROW_USUAL(tan)
