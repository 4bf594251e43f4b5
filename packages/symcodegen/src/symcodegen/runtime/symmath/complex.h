/* Complex numbers as NumPy computes them: products and quotients without the recovery of infinities that C99 asks for (and
 * that calls a library). */

//@ sym_mul_c64: base
SYM_FN float _Complex sym_mul_c64(float _Complex a, float _Complex b) {
  float ar = __real__ a, ai = __imag__ a, br = __real__ b, bi = __imag__ b;
  return __builtin_complex(ar * br - ai * bi, ar * bi + ai * br);
}

//@ sym_mul_c128: base
SYM_FN double _Complex sym_mul_c128(double _Complex a, double _Complex b) {
  double ar = __real__ a, ai = __imag__ a, br = __real__ b, bi = __imag__ b;
  return __builtin_complex(ar * br - ai * bi, ar * bi + ai * br);
}

/* R. L. Smith, "Algorithm 116: Complex division", Communications of the ACM 5 (1962): the larger part of the divisor leads. */
//@ sym_div_c64: base
SYM_FN float _Complex sym_div_c64(float _Complex a, float _Complex b) {
  float ar = __real__ a, ai = __imag__ a, br = __real__ b, bi = __imag__ b;
  int real = sym_abs_f32(br) >= sym_abs_f32(bi);
  float lead = real ? br : bi, other = real ? bi : br, p = real ? ar : ai, q = real ? ai : ar;
  float ratio = other / lead, scale = 1.0f / (lead + other * ratio);
  float re = (p + q * ratio) * scale, im = real ? (q - p * ratio) * scale : (p * ratio - q) * scale;
  int zero = (br == 0.0f) & (bi == 0.0f);
  float z = sym_abs_f32(br), zr = ar / z, zi = ai / z;
  return __builtin_complex(zero ? zr : re, zero ? zi : im);
}

//@ sym_div_c128: base
SYM_FN double _Complex sym_div_c128(double _Complex a, double _Complex b) {
  double ar = __real__ a, ai = __imag__ a, br = __real__ b, bi = __imag__ b;
  int real = sym_abs_f64(br) >= sym_abs_f64(bi);
  double lead = real ? br : bi, other = real ? bi : br, p = real ? ar : ai, q = real ? ai : ar;
  double ratio = other / lead, scale = 1.0 / (lead + other * ratio);
  double re = (p + q * ratio) * scale, im = real ? (q - p * ratio) * scale : (p * ratio - q) * scale;
  int zero = (br == 0.0) & (bi == 0.0);
  double z = sym_abs_f64(br), zr = ar / z, zi = ai / z;
  return __builtin_complex(zero ? zr : re, zero ? zi : im);
}

/* The absolute value: infinite if either part is, even beside NaN. float32 has room enough in float64. */
//@ sym_abs_c64: base
SYM_FN float sym_abs_c64(float _Complex a) {
  double r = __real__ a, i = __imag__ a;
  float y = (float)__builtin_sqrt(r * r + i * i);
  r = sym_abs_f64(r);
  i = sym_abs_f64(i);
  return ((r == __builtin_inf()) | (i == __builtin_inf())) ? __builtin_inff() : y;
}

//@ sym_abs_c128: base
SYM_FN double sym_abs_c128(double _Complex a) {
  double r = sym_abs_f64(__real__ a), i = sym_abs_f64(__imag__ a), m = r > i ? r : i, n = r > i ? i : r, t = n / m;
  double y = m * __builtin_sqrt(1.0 + t * t);
  y = m == 0.0 ? n : y;
  return ((r == __builtin_inf()) | (i == __builtin_inf())) ? __builtin_inf() : y;
}
