/* Modified Bessel functions of the first kind: up to 6 a polynomial in x^2 / 4, close to the power series, whose terms
 * are all positive (Abramowitz and Stegun, 9.6.10); beyond, exp(x) / sqrt(x) times a polynomial in 1 / x. float32 is
 * computed in float64. Polynomials come from tools/fit_special.py (in 1 / x) and tools/fit_symmath.py (in x^2 / 4). */

//@ i0_far_poly: base
/* absolute error 7.8e-17 */
SYM_FN double sym_i0_far_poly_f64(double t) {
  double s = t * t;
  double e = 4.943344563851813e-09;
  e = SYM_FMA(e, s, -3.471148552257239e-08);
  e = SYM_FMA(e, s, 1.0654716630869076e-07);
  e = SYM_FMA(e, s, -1.816660101299977e-07);
  e = SYM_FMA(e, s, 1.6627402662608153e-07);
  e = SYM_FMA(e, s, -1.1267996770889206e-08);
  e = SYM_FMA(e, s, -2.1370889623090938e-07);
  e = SYM_FMA(e, s, 3.4470249970883594e-07);
  e = SYM_FMA(e, s, -8.112697859227111e-08);
  e = SYM_FMA(e, s, -1.2871193321882179e-06);
  e = SYM_FMA(e, s, 3.198254033178161e-06);
  e = SYM_FMA(e, s, 1.7256458867192414e-05);
  e = SYM_FMA(e, s, 0.0006560632933213082);
  e = SYM_FMA(e, s, 0.002407172846265354);
  double o = 5.756566783905581e-09;
  o = SYM_FMA(o, s, -4.804344242926691e-08);
  o = SYM_FMA(o, s, 1.8690132927222042e-07);
  o = SYM_FMA(o, s, -4.5401209059639313e-07);
  o = SYM_FMA(o, s, 7.831661688795632e-07);
  o = SYM_FMA(o, s, -1.0471054066165375e-06);
  o = SYM_FMA(o, s, 1.1852499352520595e-06);
  o = SYM_FMA(o, s, -1.2767090074690004e-06);
  o = SYM_FMA(o, s, 1.4911320953633941e-06);
  o = SYM_FMA(o, s, -1.8482055829909083e-06);
  o = SYM_FMA(o, s, 9.00132562405815e-07);
  o = SYM_FMA(o, s, 6.362749249959474e-06);
  o = SYM_FMA(o, s, 7.976801973438353e-05);
  o = SYM_FMA(o, s, 0.011450632718103216);
  return SYM_FMA(o, t, e);
}

//@ i1_far_poly: base
/* absolute error 8.2e-17 */
SYM_FN double sym_i1_far_poly_f64(double t) {
  double s = t * t;
  double e = -4.992465534621467e-09;
  e = SYM_FMA(e, s, 3.4782645706372536e-08);
  e = SYM_FMA(e, s, -1.0530244906453776e-07);
  e = SYM_FMA(e, s, 1.7432541321029373e-07);
  e = SYM_FMA(e, s, -1.44774317144566e-07);
  e = SYM_FMA(e, s, -3.164307252107045e-08);
  e = SYM_FMA(e, s, 2.805330477945049e-07);
  e = SYM_FMA(e, s, -4.31591289679385e-07);
  e = SYM_FMA(e, s, 1.6267609343681538e-07);
  e = SYM_FMA(e, s, 1.3481416127919036e-06);
  e = SYM_FMA(e, s, -3.6910010609793763e-06);
  e = SYM_FMA(e, s, -2.156410787428354e-05);
  e = SYM_FMA(e, s, -0.0010751563733406614);
  e = SYM_FMA(e, s, -0.009046047563545125);
  double o = -6.3973119977837155e-09;
  o = SYM_FMA(o, s, 5.311738330509916e-08);
  o = SYM_FMA(o, s, -2.0545002318417933e-07);
  o = SYM_FMA(o, s, 4.958497869213096e-07);
  o = SYM_FMA(o, s, -8.492071926803494e-07);
  o = SYM_FMA(o, s, 1.1266357843797062e-06);
  o = SYM_FMA(o, s, -1.2659147088656914e-06);
  o = SYM_FMA(o, s, 1.35895296976856e-06);
  o = SYM_FMA(o, s, -1.6005325543151688e-06);
  o = SYM_FMA(o, s, 2.040240213421515e-06);
  o = SYM_FMA(o, s, -1.0959612534429096e-06);
  o = SYM_FMA(o, s, -7.512010472677496e-06);
  o = SYM_FMA(o, s, -0.00010932111535463418);
  o = SYM_FMA(o, s, -0.03388026259427671);
  return SYM_FMA(o, t, e);
}

/* Of z = x^2 / 4 the rounding is made good, which the function would magnify: with y = (f(z) - f(0)) / z, the
 * derivative is about y (1 + z / 5), that of I1 / x about y (1 + z / 7). */
//@ i0_near: sum_with_rest
SYM_FN double sym_i0_near_f64(double a) {
  double h = 0.5 * a, lost, z = sym_two_prod(h, h, &lost);
  double y = 3.5191752642151503e-20;
  y = SYM_FMA(y, z, 4.0903262477390457e-18);
  y = SYM_FMA(y, z, 6.3196545237680302e-16);
  y = SYM_FMA(y, z, 7.5895126910522471e-14);
  y = SYM_FMA(y, z, 7.5943790309516017e-12);
  y = SYM_FMA(y, z, 6.1511717104675452e-10);
  y = SYM_FMA(y, z, 3.9367604155329006e-08);
  y = SYM_FMA(y, z, 1.9290123335716213e-06);
  y = SYM_FMA(y, z, 6.944444446286157e-05);
  y = SYM_FMA(y, z, 0.0017361111110935606);
  y = SYM_FMA(y, z, 0.027777777777787342);
  y = SYM_FMA(y, z, 0.24999999999999747);
#if SYM_HAS_FMA
  y = SYM_FMA(y, z, 1.0000000000000002);
  return SYM_FMA(y, z, SYM_FMA(y * SYM_FMA(z, 0.19, 1.0), lost, 1.0));
#else
  double low, rest, sum;
  y = sym_sum_with_rest(y, z, 1.0000000000000002, &low);
  sum = sym_sum_with_rest(y, z, 1.0, &rest);
  return sum + (rest + low * z + y * SYM_FMA(z, 0.19, 1.0) * lost);
#endif
}

//@ i1_near: sum_with_rest product_plus
SYM_FN double sym_i1_near_f64(double a, double x) {
  double h = 0.5 * a, lost, z = sym_two_prod(h, h, &lost);
  double y = 1.2166868939752244e-21;
  y = SYM_FMA(y, z, 1.5960274569730007e-19);
  y = SYM_FMA(y, z, 2.6274704686815062e-17);
  y = SYM_FMA(y, z, 3.4506096618928421e-15);
  y = SYM_FMA(y, z, 3.7971119389239875e-13);
  y = SYM_FMA(y, z, 3.4173224802889733e-11);
  y = SYM_FMA(y, z, 2.4604750515730666e-09);
  y = SYM_FMA(y, z, 1.3778659586107191e-07);
  y = SYM_FMA(y, z, 5.7870370373972519e-06);
  y = SYM_FMA(y, z, 0.00017361111111080779);
  y = SYM_FMA(y, z, 0.0034722222222223573);
  y = SYM_FMA(y, z, 0.041666666666666644);
#if SYM_HAS_FMA
  y = SYM_FMA(y, z, 0.25);
  lost *= y * SYM_FMA(z, 0.15, 1.0);
  double sum = SYM_FMA(y, z, 0.5), rest = SYM_FMA(y, z, 0.5 - sum) + lost;
#else
  double low, rest, sum;
  y = sym_sum_with_rest(y, z, 0.25, &low);
  lost *= y * SYM_FMA(z, 0.15, 1.0);
  sum = sym_sum_with_rest(y, z, 0.5, &rest);
  rest += SYM_FMA(low, z, lost);
#endif
  return sym_product_plus(sum, x, rest * x);
}

//@ bessel_far: exp_poly_f64 pow2n two_prod
/* (c + c y) exp(x) / sqrt(x), for c near 0.4 and x up to 1000: c / sqrt(x) with one factor, the product of 1 + e for the
 * rest of the exponential, 1 + y and what root and quotient have lost. */
SYM_FN double sym_bessel_far_f64(double x, double c, double y) {
  double t = SYM_FMA(x, 1.4426950408889634, SYM_ROUND_F64), n = t - SYM_ROUND_F64;
  double r = SYM_FMA(n, -1.9082149292705877e-10, SYM_FMA(n, -0.6931471803691238, x));
  double root = __builtin_sqrt(x), v = c / root, square_lost, product_lost;
  double square = sym_two_prod(root, root, &square_lost), product = sym_two_prod(v, root, &product_lost);
  double lost = 2.5 * ((c - product) - product_lost) - (3.1 * v * v) * ((x - square) - square_lost);
  double e = SYM_FMA(sym_exp_poly_f64(r), r * r, r);
  return sym_scale_f64(SYM_FMA(v, e + SYM_FMA(e, y, y + lost), v), sym_bits_f64(t));
}

//@ sym_i0_f64: i0_near i0_far_poly bessel_far
SYM_FN double sym_i0_f64(double x) {
  double a = sym_abs_f64(x), far = a > 6.0 ? a : 6.0;
  far = far < 1000.0 ? far : 1000.0;
  double y = sym_bessel_far_f64(far, 0.40234375, sym_i0_far_poly_f64(12.0 / far - 1.0));
  return a <= 6.0 ? sym_i0_near_f64(a) : (x != x ? x : y);
}

//@ sym_i0_f32: sym_i0_f64
SYM_FN float sym_i0_f32(float x) { return (float)sym_i0_f64((double)x); }

//@ sym_i1_f64: i1_near i1_far_poly bessel_far
SYM_FN double sym_i1_f64(double x) {
  double a = sym_abs_f64(x), far = a > 6.0 ? a : 6.0;
  far = far < 1000.0 ? far : 1000.0;
  double y = sym_bessel_far_f64(far, 0.3896484375, sym_i1_far_poly_f64(12.0 / far - 1.0));
  return a <= 6.0 ? sym_i1_near_f64(a, x) : (x != x ? x : __builtin_copysign(y, x));
}

//@ sym_i1_f32: sym_i1_f64
SYM_FN float sym_i1_f32(float x) { return (float)sym_i1_f64((double)x); }
