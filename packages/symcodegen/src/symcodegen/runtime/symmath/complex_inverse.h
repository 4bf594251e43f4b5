/* Inverse trigonometric and hyperbolic functions of complex numbers: branch cuts and special values of C99, annex G, on
 * the side of a cut that the sign of a zero says. Errors are meant of the number, as in complex_functions.h. */

/* W. Kahan, "Branch cuts for complex elementary functions" (1987): with s = sqrt(1 - z) and t = sqrt(1 + z),
 *   arcsin z = arctan(x / Re(s t)) + i arcsinh(Im(conj(s) t)),  arccos z = 2 arctan(Re s / Re t) - i arcsinh(...),
 * in which no two terms of opposite sign meet. Far out arcsin z is arctan(x / |y|) + i log 2|z|, and near 0 it is z, to
 * all digits; for those, and for NaN and infinity, the roots are taken of some other number. */
//@ complex_arcs: sym_sqrt_c128 complex_log_abs sym_arctan2_f64 sym_arcsinh_f64
SYM_FN double _Complex sym_complex_arcs(double _Complex z, int cosine) {
  double x = __real__ z, y = __imag__ z, a = sym_abs_f64(x), b = sym_abs_f64(y), m = a > b ? a : b;
  int far = !((a < 0x1p28) & (b < 0x1p28)), near = m < 0x1p-28;
  double p = (far | near) ? 0.5 : x, q = (far | near) ? 0.25 : y;
  double _Complex s = sym_sqrt_c128(__builtin_complex(1.0 - p, -q)), t = sym_sqrt_c128(__builtin_complex(1.0 + p, q));
  double im = sym_arcsinh_f64(__real__ s * __imag__ t - __imag__ s * __real__ t);
  double over = cosine ? __real__ s : p;
  double under = cosine ? __real__ t : __real__ s * __real__ t - __imag__ s * __imag__ t;
  over = far ? (cosine ? b : x) : over;
  under = far ? (cosine ? x : b) : under;
  double re = sym_arctan2_f64(over, under) * ((cosine & !far) ? 2.0 : 1.0);
  im = far ? __builtin_copysign(sym_complex_log_abs(x, y) + 0.69314718055994530942, y) : near ? y : im;
  int on_axis = (x == 0.0) & (y != y);
  if (cosine) {
    re = (near | on_axis) ? 1.5707963267948966 - ((on_axis ? 0.0 : x) - 6.123233995736766e-17) : re;
    return __builtin_complex(re, -im);
  }
  return __builtin_complex((near | on_axis) ? x : re, im);
}

//@ sym_arcsin_c128: complex_arcs
SYM_FN double _Complex sym_arcsin_c128(double _Complex z) { return sym_complex_arcs(z, 0); }

//@ sym_arccos_c128: complex_arcs
SYM_FN double _Complex sym_arccos_c128(double _Complex z) { return sym_complex_arcs(z, 1); }

/* arccosh z is i arccos z or -i arccos z, the one whose real part is not negative. */
//@ sym_arccosh_c128: complex_arcs
SYM_FN double _Complex sym_arccosh_c128(double _Complex z) {
  double _Complex w = sym_complex_arcs(z, 1);
  return __builtin_complex(sym_abs_f64(__imag__ w), __builtin_copysign(__real__ w, __imag__ z));
}

/* arcsinh z = -i arcsin iz; for an odd function with real coefficients, the parts trade places before and after. */
//@ sym_arcsinh_c128: complex_arcs
SYM_FN double _Complex sym_arcsinh_c128(double _Complex z) {
  double _Complex w = sym_complex_arcs(__builtin_complex(__imag__ z, __real__ z), 0);
  return __builtin_complex(__imag__ w, __real__ w);
}

/* Re = log1p(4 |x| / ((1 - |x|)^2 + y^2)) / 4, Im = arctan2(2 y, (1 - |x|) (1 + |x|) - y^2) / 2. Beside the poles at 1
 * and -1 the square of y would be 0; far out 1 / z remains, and pi / 2. */
//@ sym_arctanh_c128: sym_log_f64 sym_log1p_f64 sym_arctan2_f64
SYM_FN double _Complex sym_arctanh_c128(double _Complex z) {
  double x = __real__ z, y = __imag__ z, a = sym_abs_f64(x), b = sym_abs_f64(y), m = a > b ? a : b, n = a > b ? b : a;
  double inf = __builtin_inf();
  int far = !((a < 0x1p54) & (b < 0x1p54)), near = m < 0x1p-28;
  double p = (far | near) ? 0.5 : a, q = (far | near) ? 0.25 : y, d = 1.0 - p, tiny = sym_abs_f64(q);
  int pole = (d == 0.0) & (tiny < 0x1p-27);
  double re = 0.25 * sym_log1p_f64(4.0 * p / (pole ? 1.0 : d * d + q * q));
  re = pole ? 0.5 * (0.69314718055994530942 - sym_log_f64(tiny)) : re;
  double im = 0.5 * sym_arctan2_f64(2.0 * q, d * (1.0 + p) - q * q);
  int infinite = (a == inf) | (b == inf), strange = (x != x) | (y != y);
  double t = (far & !infinite) ? n / m : 0.0;
  double out = infinite ? 0.0 : strange ? x + y : (a / m) / (m * (1.0 + t * t));
  re = far ? out : near ? a : re;
  im = far ? (((y != y) | (strange & !infinite)) ? x + y : 1.5707963267948966) : near ? y : im;
  re = ((x == 0.0) & strange) ? 0.0 : re;
  return __builtin_complex(__builtin_copysign(re, x), __builtin_copysign(im, y));
}

//@ sym_arctan_c128: sym_arctanh_c128
SYM_FN double _Complex sym_arctan_c128(double _Complex z) {
  double _Complex w = sym_arctanh_c128(__builtin_complex(__imag__ z, __real__ z));
  return __builtin_complex(__imag__ w, __real__ w);
}

/* The same in complex64. */
//@ sym_arcsin_c64: complex_narrow sym_arcsin_c128
SYM_NARROW(arcsin)
//@ sym_arccos_c64: complex_narrow sym_arccos_c128
SYM_NARROW(arccos)
//@ sym_arctan_c64: complex_narrow sym_arctan_c128
SYM_NARROW(arctan)
//@ sym_arcsinh_c64: complex_narrow sym_arcsinh_c128
SYM_NARROW(arcsinh)
//@ sym_arccosh_c64: complex_narrow sym_arccosh_c128
SYM_NARROW(arccosh)
//@ sym_arctanh_c64: complex_narrow sym_arctanh_c128
SYM_NARROW(arctanh)
