/* The gamma function, its logarithm and the derivatives of that. From 8 on Stirling's series with Bernoulli's numbers
 * (Abramowitz and Stegun, 6.1.40, 6.3.18, 6.4.12); below, the recurrence leads to an interval on which a polynomial stands
 * for what is left without its roots; negative arguments by reflection (6.1.17). float32 is computed in float64.
 * Polynomials come from tools/fit_special.py. */

//@ gammaln_poly: base
/* relative error 3.9e-17 */
SYM_FN double sym_gammaln_poly_f64(double t) {
  double s = t * t;
  double e = 2.915020840600158e-08;
  e = SYM_FMA(e, s, -1.5258602053637756e-08);
  e = SYM_FMA(e, s, 1.3833778748324786e-07);
  e = SYM_FMA(e, s, 2.7329252368665147e-07);
  e = SYM_FMA(e, s, 1.0402308562055134e-06);
  e = SYM_FMA(e, s, 3.4764841281870834e-06);
  e = SYM_FMA(e, s, 1.195718295249812e-05);
  e = SYM_FMA(e, s, 4.170409808958023e-05);
  e = SYM_FMA(e, s, 0.0001485169172330309);
  e = SYM_FMA(e, s, 0.0005448969798010082);
  e = SYM_FMA(e, s, 0.0020955338803511515);
  e = SYM_FMA(e, s, 0.00877637042524953);
  e = SYM_FMA(e, s, 0.044520447198509686);
  e = SYM_FMA(e, s, 0.4501393121092563);
  double o = -5.271069691352568e-08;
  o = SYM_FMA(o, s, 2.71885747144867e-08);
  o = SYM_FMA(o, s, -2.514796629915524e-07);
  o = SYM_FMA(o, s, -5.013249838452059e-07);
  o = SYM_FMA(o, s, -1.9132461879841067e-06);
  o = SYM_FMA(o, s, -6.432318239552401e-06);
  o = SYM_FMA(o, s, -2.2282559008298975e-05);
  o = SYM_FMA(o, s, -7.84615612837167e-05);
  o = SYM_FMA(o, s, -0.000283190642428413);
  o = SYM_FMA(o, s, -0.0010605660740508067);
  o = SYM_FMA(o, s, -0.004226194125963237);
  o = SYM_FMA(o, s, -0.019053957830246777);
  o = SYM_FMA(o, s, -0.11948158662524275);
  return SYM_FMA(o, t, e);
}

//@ psi_poly: base
/* relative error 3.3e-17 */
SYM_FN double sym_psi_poly_f64(double t) {
  double s = t * t;
  double e = 7.128014565586763e-07;
  e = SYM_FMA(e, s, -5.234593572155203e-07);
  e = SYM_FMA(e, s, 2.964002015923038e-06);
  e = SYM_FMA(e, s, 4.5638433261049305e-06);
  e = SYM_FMA(e, s, 1.6875489208875358e-05);
  e = SYM_FMA(e, s, 5.042255206575745e-05);
  e = SYM_FMA(e, s, 0.00015486636037579158);
  e = SYM_FMA(e, s, 0.00047467512280592556);
  e = SYM_FMA(e, s, 0.0014573752539003284);
  e = SYM_FMA(e, s, 0.004491813674871815);
  e = SYM_FMA(e, s, 0.013985786184791904);
  e = SYM_FMA(e, s, 0.044799654452774916);
  e = SYM_FMA(e, s, 0.1571201133520425);
  e = SYM_FMA(e, s, 0.8581832171262995);
  double o = -1.247403485022778e-06;
  o = SYM_FMA(o, s, 9.160503487595705e-07);
  o = SYM_FMA(o, s, -5.187036209674536e-06);
  o = SYM_FMA(o, s, -7.986967288663832e-06);
  o = SYM_FMA(o, s, -2.9533939397506967e-05);
  o = SYM_FMA(o, s, -8.825337668837312e-05);
  o = SYM_FMA(o, s, -0.00027112201887262866);
  o = SYM_FMA(o, s, -0.0008314922548000915);
  o = SYM_FMA(o, s, -0.002556687022444161);
  o = SYM_FMA(o, s, -0.007910468743092616);
  o = SYM_FMA(o, s, -0.024890048490209468);
  o = SYM_FMA(o, s, -0.08228558635575821);
  o = SYM_FMA(o, s, -0.3262546278681058);
  return SYM_FMA(o, t, e);
}

//@ gamma_poly: base
/* relative error 4.5e-17 */
SYM_FN double sym_gamma_poly_f64(double t) {
  double s = t * t;
  double e = 0.00037955491879486174;
  e = SYM_FMA(e, s, 0.0003320885800907498);
  e = SYM_FMA(e, s, 0.0010569633457018935);
  e = SYM_FMA(e, s, 0.002273514062024839);
  e = SYM_FMA(e, s, 0.005132883760616497);
  e = SYM_FMA(e, s, 0.011522407277990318);
  e = SYM_FMA(e, s, 0.02583761230507782);
  e = SYM_FMA(e, s, 0.058610303633145476);
  e = SYM_FMA(e, s, 0.1446453590475836);
  e = SYM_FMA(e, s, 0.4148134536882826);
  e = SYM_FMA(e, s, 0.886226925452758);
  double o = -0.00025303807808043895;
  o = SYM_FMA(o, s, -0.00022139952612051456);
  o = SYM_FMA(o, s, -0.0007046879722466143);
  o = SYM_FMA(o, s, -0.0015159595901781905);
  o = SYM_FMA(o, s, -0.003423629338262631);
  o = SYM_FMA(o, s, -0.007690139287816347);
  o = SYM_FMA(o, s, -0.017222447013020576);
  o = SYM_FMA(o, s, -0.03800193543217766);
  o = SYM_FMA(o, s, -0.07752305230182892);
  o = SYM_FMA(o, s, -0.10729480456475984);
  o = SYM_FMA(o, s, 0.032338397448885);
  return SYM_FMA(o, t, e);
}

//@ sinpi_poly: base
/* relative error 1.2e-16 */
SYM_FN double sym_sinpi_poly_f64(double t) {
  double s = t * t;
  double e = 7.69784727556448e-07;
  e = SYM_FMA(e, s, 0.000447471036106566);
  e = SYM_FMA(e, s, 0.07764717237242026);
  e = SYM_FMA(e, s, 2.332998758213981);
  e = SYM_FMA(e, s, 2.534324262661598);
  double o = -2.228371216069697e-08;
  o = SYM_FMA(o, s, -2.1132930986204534e-05);
  o = SYM_FMA(o, s, -0.007027808542952501);
  o = SYM_FMA(o, s, -0.5593251868104577);
  o = SYM_FMA(o, s, -4.557629442461073);
  return SYM_FMA(o, t, e);
}

//@ sinpi: sinpi_poly sym_rint_f64
/* sin(pi x), with the sign, and pi times the cotangent of pi x, from the exact distance to the nearest integer. */
SYM_FN double sym_sin_of_pi_f64(double x) {
  double n = sym_rint_f64(x), r = x - n, half = 0.5 * n;
  double y = r * sym_sinpi_poly_f64(r * r - 0.125);
  return half == sym_rint_f64(half) ? y : -y;
}
SYM_FN double sym_pi_cot_pi_f64(double x) {
  double r = x - sym_rint_f64(x), a = sym_abs_f64(r), c = 0.5 - a;
  double s = r * sym_sinpi_poly_f64(r * r - 0.125), k = c * sym_sinpi_poly_f64(c * c - 0.125);
  return 3.141592653589793 * k / s;
}

//@ stirling: base
/* log gamma(x) - (x - 1/2) log x + x - log(2 pi) / 2 for x >= 8 */
SYM_FN double sym_stirling_f64(double x) {
  double z = 1.0 / x, w = z * z;
  double y = 0.17964437236883057;
  y = SYM_FMA(y, w, -0.029550653594771242);
  y = SYM_FMA(y, w, 0.00641025641025641);
  y = SYM_FMA(y, w, -0.0019175269175269176);
  y = SYM_FMA(y, w, 0.0008417508417508417);
  y = SYM_FMA(y, w, -0.0005952380952380953);
  y = SYM_FMA(y, w, 0.0007936507936507937);
  y = SYM_FMA(y, w, -0.002777777777777778);
  y = SYM_FMA(y, w, 0.08333333333333333);
  return y * z;
}

//@ gammaln_positive: gammaln_poly stirling sym_log_f64
SYM_FN double sym_gammaln_positive_f64(double x) {
  double y = x, p = 1.0;
  p *= y >= 2.5 ? y - 1.0 : 1.0; y -= y >= 2.5 ? 1.0 : 0.0;
  p *= y >= 2.5 ? y - 1.0 : 1.0; y -= y >= 2.5 ? 1.0 : 0.0;
  p *= y >= 2.5 ? y - 1.0 : 1.0; y -= y >= 2.5 ? 1.0 : 0.0;
  p *= y >= 2.5 ? y - 1.0 : 1.0; y -= y >= 2.5 ? 1.0 : 0.0;
  p *= y >= 2.5 ? y - 1.0 : 1.0; y -= y >= 2.5 ? 1.0 : 0.0;
  p *= y >= 2.5 ? y - 1.0 : 1.0; y -= y >= 2.5 ? 1.0 : 0.0;
  double u = x < 1.0 ? x : y - 1.0, v = x < 1.0 ? x - 1.0 : y - 2.0;
  double near = u * v * sym_gammaln_poly_f64((x < 1.0 ? x + 1.0 : y) - 1.75);
  double l = sym_log_f64(((x < 1.0) | (x >= 8.0)) ? x : p);
  double far = SYM_FMA(x - 0.5, l, -x) + (0.91893853320467278 + sym_stirling_f64(x));
  far = x < __builtin_inf() ? far : x;
  return x >= 8.0 ? far : (x < 1.0 ? near - l : near + l);
}

//@ sym_gammaln_f64: gammaln_positive sinpi
/* Of the absolute value. Near its roots at negative arguments the error is small in absolute terms only. */
SYM_FN double sym_gammaln_f64(double x) {
  double a = x < 0.0 ? 1.0 - x : x, y = sym_gammaln_positive_f64(a);
  double s = sym_abs_f64(sym_sin_of_pi_f64(x < 0.0 ? x : 0.5));
  double other = sym_log_f64(3.141592653589793 / s) - y;
  other = s == 0.0 ? __builtin_inf() : other;
  y = x < 0.0 ? other : y;
  return x == -__builtin_inf() ? -__builtin_inf() : y;
}

//@ sym_gammaln_f32: sym_gammaln_f64
SYM_FN float sym_gammaln_f32(float x) { return (float)sym_gammaln_f64((double)x); }

//@ gamma_positive: gamma_poly stirling pow_parts_f64 two_prod two_sum exp_poly_f64 pow2n
/* (x - 1/2) log x - x as a pair of numbers, for the exponential magnifies its rounding. */
SYM_FN double sym_gamma_positive_f64(double x) {
  double y = x, p = 1.0;
  p *= y >= 2.0 ? y - 1.0 : 1.0; y -= y >= 2.0 ? 1.0 : 0.0;
  p *= y >= 2.0 ? y - 1.0 : 1.0; y -= y >= 2.0 ? 1.0 : 0.0;
  p *= y >= 2.0 ? y - 1.0 : 1.0; y -= y >= 2.0 ? 1.0 : 0.0;
  p *= y >= 2.0 ? y - 1.0 : 1.0; y -= y >= 2.0 ? 1.0 : 0.0;
  p *= y >= 2.0 ? y - 1.0 : 1.0; y -= y >= 2.0 ? 1.0 : 0.0;
  p *= y >= 2.0 ? y - 1.0 : 1.0; y -= y >= 2.0 ? 1.0 : 0.0;
  double near = sym_gamma_poly_f64((x < 1.0 ? x + 1.0 : y) - 1.5);
  double quotient = near / x;
  near *= p;
  near = x < 1.0 ? quotient : near;
  double b = x < 8.0 ? 8.0 : (x > 180.0 ? 180.0 : x), s = sym_stirling_f64(b), e = SYM_FMA(s * s, sym_exp_poly_f64(s), s);
  double low, high = sym_log_wide(b, &low), pe, se, l = sym_two_sum(sym_two_prod(b - 0.5, high, &pe), -b, &se);
  pe += SYM_FMA(b - 0.5, low, se);
  double t = SYM_FMA(l, 1.4426950408889634, SYM_ROUND_F64), n = t - SYM_ROUND_F64;
  double r = SYM_FMA(n, -0.6931471803691238, l) + SYM_FMA(n, -1.9082149292705877e-10, pe);
  double w = SYM_FMA(SYM_FMA(sym_exp_poly_f64(r), r * r, r), 2.5066282746310007, 2.5066282746310007);
  double far = sym_scale_f64(SYM_FMA(w, e, w), sym_bits_f64(t));
  far = x != x ? x : far;
  return x >= 8.0 ? far : near;
}

//@ sym_gamma_f64: gamma_positive sinpi
SYM_FN double sym_gamma_f64(double x) {
  double a = sym_abs_f64(x), y = sym_gamma_positive_f64(a);
  double s = sym_sin_of_pi_f64(a), other = -3.141592653589793 / (a * s * y);
  other = a > 200.0 ? 0.0 : other;
  other = s == 0.0 ? __builtin_nan("") : other;
  y = x < 0.0 ? other : y;
  y = x == -__builtin_inf() ? __builtin_nan("") : y;
  return x == 0.0 ? __builtin_copysign(__builtin_inf(), x) : y;
}

//@ sym_gamma_f32: sym_gamma_f64
SYM_FN float sym_gamma_f32(float x) { return (float)sym_gamma_f64((double)x); }

//@ psi_positive: psi_poly sym_log_f64
SYM_FN double sym_psi_positive_f64(double x) {
  double y = x, p = 0.0;
  p += y >= 2.5 ? 1.0 / (y - 1.0) : 0.0; y -= y >= 2.5 ? 1.0 : 0.0;
  p += y >= 2.5 ? 1.0 / (y - 1.0) : 0.0; y -= y >= 2.5 ? 1.0 : 0.0;
  p += y >= 2.5 ? 1.0 / (y - 1.0) : 0.0; y -= y >= 2.5 ? 1.0 : 0.0;
  p += y >= 2.5 ? 1.0 / (y - 1.0) : 0.0; y -= y >= 2.5 ? 1.0 : 0.0;
  p += y >= 2.5 ? 1.0 / (y - 1.0) : 0.0; y -= y >= 2.5 ? 1.0 : 0.0;
  p += y >= 2.5 ? 1.0 / (y - 1.0) : 0.0; y -= y >= 2.5 ? 1.0 : 0.0;
  double c = x < 1.0 ? x + 1.0 : y;
  double near = ((c - 1.4616321449683622) - 9.549995429965697e-17) * sym_psi_poly_f64(c - 1.75);
  near = x < 1.0 ? near - 1.0 / x : near + p;
  double z = 1.0 / x, w = z * z;
  double q = 3.0539543302701198;
  q = SYM_FMA(q, w, -0.4432598039215686);
  q = SYM_FMA(q, w, 0.08333333333333333);
  q = SYM_FMA(q, w, -0.021092796092796094);
  q = SYM_FMA(q, w, 0.007575757575757576);
  q = SYM_FMA(q, w, -0.004166666666666667);
  q = SYM_FMA(q, w, 0.003968253968253968);
  q = SYM_FMA(q, w, -0.008333333333333333);
  q = SYM_FMA(q, w, 0.08333333333333333);
  double far = sym_log_f64(x) - SYM_FMA(q, w, 0.5 * z);
  return x >= 8.0 ? far : near;
}

//@ sym_psi_f64: psi_positive sinpi
/* The logarithmic derivative of gamma. Near its roots at negative arguments the error is small in absolute terms only. */
SYM_FN double sym_psi_f64(double x) {
  double y = sym_psi_positive_f64(x < 0.0 ? 1.0 - x : x);
  double other = y - sym_pi_cot_pi_f64(x < 0.0 ? x : 0.25);
  other = x == sym_rint_f64(x) ? __builtin_nan("") : other;
  y = x < 0.0 ? other : y;
  return x == 0.0 ? -__builtin_copysign(__builtin_inf(), x) : y;
}

//@ sym_psi_f32: sym_psi_f64
SYM_FN float sym_psi_f32(float x) { return (float)sym_psi_f64((double)x); }

//@ tri_gamma_positive: base
SYM_FN double sym_tri_gamma_positive_f64(double x) {
  double y = x, p = 0.0;
  p += y < 8.0 ? 1.0 / (y * y) : 0.0; y += y < 8.0 ? 1.0 : 0.0;
  p += y < 8.0 ? 1.0 / (y * y) : 0.0; y += y < 8.0 ? 1.0 : 0.0;
  p += y < 8.0 ? 1.0 / (y * y) : 0.0; y += y < 8.0 ? 1.0 : 0.0;
  p += y < 8.0 ? 1.0 / (y * y) : 0.0; y += y < 8.0 ? 1.0 : 0.0;
  p += y < 8.0 ? 1.0 / (y * y) : 0.0; y += y < 8.0 ? 1.0 : 0.0;
  p += y < 8.0 ? 1.0 / (y * y) : 0.0; y += y < 8.0 ? 1.0 : 0.0;
  p += y < 8.0 ? 1.0 / (y * y) : 0.0; y += y < 8.0 ? 1.0 : 0.0;
  p += y < 8.0 ? 1.0 / (y * y) : 0.0; y += y < 8.0 ? 1.0 : 0.0;
  double z = 1.0 / y, w = z * z;
  double q = 54.971177944862156;
  q = SYM_FMA(q, w, -7.092156862745098);
  q = SYM_FMA(q, w, 1.1666666666666667);
  q = SYM_FMA(q, w, -0.2531135531135531);
  q = SYM_FMA(q, w, 0.07575757575757576);
  q = SYM_FMA(q, w, -0.03333333333333333);
  q = SYM_FMA(q, w, 0.023809523809523808);
  q = SYM_FMA(q, w, -0.03333333333333333);
  q = SYM_FMA(q, w, 0.16666666666666666);
  return p + SYM_FMA(SYM_FMA(q, z, 0.5), w, z);
}

//@ sym_tri_gamma_f64: tri_gamma_positive sinpi
SYM_FN double sym_tri_gamma_f64(double x) {
  double y = sym_tri_gamma_positive_f64(x < 0.0 ? 1.0 - x : x);
  double s = sym_sin_of_pi_f64(x < 0.0 ? x : 0.5), other = 9.869604401089358 / (s * s) - y;
  y = x < 0.0 ? other : y;
  return ((x == 0.0) | (x == -__builtin_inf())) ? __builtin_inf() : y;
}

//@ sym_tri_gamma_f32: sym_tri_gamma_f64
SYM_FN float sym_tri_gamma_f32(float x) { return (float)sym_tri_gamma_f64((double)x); }
