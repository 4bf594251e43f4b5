/* The gamma function, its logarithm and the derivatives of that. From 5, 6 or 8 on Stirling's formula, a polynomial in
 * 1 / x^2 for its series (Abramowitz and Stegun, 6.1.40, 6.3.18); below, the recurrence leads to an interval on which a
 * polynomial stands for what is left without its roots; negative arguments by reflection (6.1.17, 6.3.7, 6.4.7).
 * Polynomials come from tools/fit_special.py, that of Stirling's formula from tools/fit_symmath.py. */

//@ gammaln_poly: base
/* relative error 3.9e-17 */
SYM_FN double sym_gammaln_poly_f64(double t) {
  double s = t * t;
  double e = -5.271069691352568e-08;
  e = SYM_FMA(e, s, 2.71885747144867e-08);
  e = SYM_FMA(e, s, -2.514796629915524e-07);
  e = SYM_FMA(e, s, -5.013249838452059e-07);
  e = SYM_FMA(e, s, -1.9132461879841067e-06);
  e = SYM_FMA(e, s, -6.432318239552401e-06);
  e = SYM_FMA(e, s, -2.2282559008298975e-05);
  e = SYM_FMA(e, s, -7.84615612837167e-05);
  e = SYM_FMA(e, s, -0.000283190642428413);
  e = SYM_FMA(e, s, -0.0010605660740508067);
  e = SYM_FMA(e, s, -0.004226194125963237);
  e = SYM_FMA(e, s, -0.019053957830246777);
  e = SYM_FMA(e, s, -0.11948158662524275);
  double o = 2.915020840600158e-08;
  o = SYM_FMA(o, s, -1.5258602053637756e-08);
  o = SYM_FMA(o, s, 1.3833778748324786e-07);
  o = SYM_FMA(o, s, 2.7329252368665147e-07);
  o = SYM_FMA(o, s, 1.0402308562055134e-06);
  o = SYM_FMA(o, s, 3.4764841281870834e-06);
  o = SYM_FMA(o, s, 1.195718295249812e-05);
  o = SYM_FMA(o, s, 4.170409808958023e-05);
  o = SYM_FMA(o, s, 0.0001485169172330309);
  o = SYM_FMA(o, s, 0.0005448969798010082);
  o = SYM_FMA(o, s, 0.0020955338803511515);
  o = SYM_FMA(o, s, 0.00877637042524953);
  o = SYM_FMA(o, s, 0.044520447198509686);
  return SYM_FMA(SYM_FMA(o, t, e), t, 0.4501393121092563);
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
/* absolute error 3.3e-17 */
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
  e = SYM_FMA(e, s, -1.915479989616888e-17);
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

//@ tri_gamma_poly: base
/* relative error 3.0e-16 */
SYM_FN double sym_tri_gamma_poly_f64(double t) {
  double s = t * t;
  double e = -6.212906566072526e-10;
  e = SYM_FMA(e, s, 7.870767073609119e-09);
  e = SYM_FMA(e, s, -2.5491313984595767e-08);
  e = SYM_FMA(e, s, 2.272385183605459e-08);
  e = SYM_FMA(e, s, -1.558508477879122e-08);
  e = SYM_FMA(e, s, 1.1135268641685661e-07);
  e = SYM_FMA(e, s, 1.4124230355757273e-07);
  e = SYM_FMA(e, s, -7.672468731157204e-07);
  e = SYM_FMA(e, s, -3.6792605032924263e-06);
  e = SYM_FMA(e, s, 7.461715208659834e-06);
  e = SYM_FMA(e, s, 8.822119869715123e-05);
  e = SYM_FMA(e, s, -0.00034568648288016386);
  e = SYM_FMA(e, s, -0.003417959443933623);
  e = SYM_FMA(e, s, 0.1594725347858115);
  double o = -8.636191044280262e-10;
  o = SYM_FMA(o, s, -1.9046970604833473e-09);
  o = SYM_FMA(o, s, 2.1446987913473936e-08);
  o = SYM_FMA(o, s, -2.120180793817437e-08);
  o = SYM_FMA(o, s, -1.928352292362924e-08);
  o = SYM_FMA(o, s, -1.6751916696798788e-07);
  o = SYM_FMA(o, s, 8.200061376440658e-08);
  o = SYM_FMA(o, s, 2.1245074733123396e-06);
  o = SYM_FMA(o, s, 2.8172383539145703e-06);
  o = SYM_FMA(o, s, -3.828752700263394e-05);
  o = SYM_FMA(o, s, -7.294212078657242e-05);
  o = SYM_FMA(o, s, 0.001836798568371043);
  o = SYM_FMA(o, s, -0.01259670325041689);
  return SYM_FMA(o, t, e);
}

//@ sinpi_poly: base
/* relative error 1.8e-16 */
SYM_FN double sym_sinpi_poly_f64(double t) {
  double s = t * t;
  double e = 0.00046221110224187623;
  e = SYM_FMA(e, s, 0.08122912313126236);
  e = SYM_FMA(e, s, 2.5129497710807596);
  double o = -0.007297923158868456;
  o = SYM_FMA(o, s, -0.5916063965668396);
  return SYM_FMA(SYM_FMA(o, t, e), t, -5.08860287319232);
}

//@ cospi_poly: base
/* relative error 8.2e-17 */
SYM_FN double sym_cospi_poly_f64(double t) {
  double s = t * t;
  double e = 0.0019100499693232012;
  e = SYM_FMA(e, s, 0.23212354870806307);
  e = SYM_FMA(e, s, 3.9759445074964344);
  double o = -0.00010370082971594627;
  o = SYM_FMA(o, s, -0.025506923601872334);
  o = SYM_FMA(o, s, -1.313351147147505);
  return SYM_FMA(SYM_FMA(o, t, e), t, -4.809264256974929);
}

//@ sinpi: sinpi_poly cospi_poly sym_rint_f64 two_prod
/* sin(pi x) as a pair, and pi times the cotangent of pi x, from the exact distance v to the nearest multiple of 1/2. */
SYM_FN double sym_sin_of_pi_f64(double x, double *low) {
  double n = sym_rint_f64(x), r = x - n, a = sym_abs_f64(r), v = a > 0.25 ? 0.5 - a : a, z = v * v, lost;
  double p = sym_two_prod(v, 3.141592653589793, &lost), one = a > 0.25 ? 1.0 : p;
  double sine = SYM_FMA(v, SYM_FMA(z, sym_sinpi_poly_f64(z - 0.03125), 1.2246467991473532e-16), lost);
  double rest = a > 0.25 ? z * sym_cospi_poly_f64(z - 0.03125) : sine, y = one + rest, half = 0.5 * n;
  double sign = (half == sym_rint_f64(half)) == (r >= 0.0) ? 1.0 : -1.0;
  *low = sign * ((one - y) + rest);
  return sign * y;
}
SYM_FN double sym_pi_cot_pi_f64(double x) {
  double r = x - sym_rint_f64(x), a = sym_abs_f64(r), v = a > 0.25 ? 0.5 - a : a, z = v * v;
  double s = v * SYM_FMA(z, sym_sinpi_poly_f64(z - 0.03125), 3.141592653589793);
  double c = SYM_FMA(z, sym_cospi_poly_f64(z - 0.03125), 1.0);
  return __builtin_copysign(3.141592653589793, r) * (a > 0.25 ? s : c) / (a > 0.25 ? c : s);
}

//@ stirling: base
/* log gamma(x) - (x - 1/2) log x + x - log(2 pi) / 2 for x >= 5 */
SYM_FN double sym_stirling_f64(double x) {
  double z = 1.0 / x, w = z * z;
  double y = -0.012648020249097754;
  y = SYM_FMA(y, w, 0.005461409067377191);
  y = SYM_FMA(y, w, -0.0018858912917387811);
  y = SYM_FMA(y, w, 0.00084112218074552177);
  y = SYM_FMA(y, w, -0.00059523085311390426);
  y = SYM_FMA(y, w, 0.00079365074890690461);
  y = SYM_FMA(y, w, -0.0027777777776529463);
  y = SYM_FMA(y, w, 0.083333333333333232);
  return y * z;
}

//@ gammaln_positive: gammaln_poly stirling log_normal log_sum two_prod
/* The logarithm is k ln 2, whose leading part is exact, and the rest: from 6 on each is multiplied on its own. */
SYM_FN double sym_gammaln_positive_f64(double x) {
  double y = x, p = 1.0;
  p *= y >= 2.5 ? y - 1.0 : 1.0; y -= y >= 2.5 ? 1.0 : 0.0;
  p *= y >= 2.5 ? y - 1.0 : 1.0; y -= y >= 2.5 ? 1.0 : 0.0;
  p *= y >= 2.5 ? y - 1.0 : 1.0; y -= y >= 2.5 ? 1.0 : 0.0;
  p *= y >= 2.5 ? y - 1.0 : 1.0; y -= y >= 2.5 ? 1.0 : 0.0;
  double u = x < 1.0 ? x : y - 1.0, v = x < 1.0 ? x - 1.0 : y - 2.0, lost, uv = sym_two_prod(u, v, &lost);
  double q = sym_gammaln_poly_f64((x < 1.0 ? x + 1.0 : y) - 1.75), near = SYM_FMA(uv, q, lost * q);
  double k, f = sym_log_reduce_f64(((x < 1.0) | (x >= 6.0)) ? x : p, &k) - 1.0, rest = sym_log_sum_f64(0.0, f);
  rest = SYM_FMA(k, 1.9082149292705877e-10, rest);
  double kl = k * 0.6931471803691238, l = kl + rest, c = x - 0.5;
  double far = SYM_FMA(c, kl, SYM_FMA(c, rest, -x)) + (0.91893853320467278 + sym_stirling_f64(x));
  far = x < __builtin_inf() ? far : x;
  near = x < 1.0 ? near - l : near + l;
  near = x == 0.0 ? __builtin_inf() : near;
  return x >= 6.0 ? far : near;
}

//@ sym_gammaln_f64: gammaln_positive sinpi sym_log_f64
/* Of the absolute value. Near its roots at negative arguments the error is small in absolute terms only. */
SYM_FN double sym_gammaln_f64(double x) {
  double a = x < 0.0 ? 1.0 - x : x, y = sym_gammaln_positive_f64(a), low;
  double s = sym_abs_f64(sym_sin_of_pi_f64(x, &low));
  double other = sym_log_f64(3.141592653589793 / s) - y;
  other = s == 0.0 ? __builtin_inf() : other;
  y = x < 0.0 ? other : y;
  return x == -__builtin_inf() ? -__builtin_inf() : y;
}

//@ sym_gammaln_usual_f64: gammaln_positive
/* Usual: positive. */
SYM_FN double sym_gammaln_usual_f64(sym_u64 *unusual, double x) {
  *unusual |= x > 0.0 ? 0u : 1u;
  return sym_gammaln_positive_f64(x);
}

//@ gammaln_near_poly_f32: base
/* relative error 3.7e-8 */
SYM_FN float sym_gammaln_near_poly_f32(float t) {
  float s = t * t;
  float e = -0.00260477397f;
  e = SYM_FMAF(e, s, 0.001952413f);
  e = SYM_FMAF(e, s, -0.00464891782f);
  e = SYM_FMAF(e, s, -0.00530420616f);
  e = SYM_FMAF(e, s, -0.0149337361f);
  e = SYM_FMAF(e, s, -0.0414151065f);
  e = SYM_FMAF(e, s, -0.163299188f);
  float o = 0.00179662416f;
  o = SYM_FMAF(o, s, -0.00137227052f);
  o = SYM_FMAF(o, s, 0.00315204589f);
  o = SYM_FMAF(o, s, 0.00343295932f);
  o = SYM_FMAF(o, s, 0.00941408705f);
  o = SYM_FMAF(o, s, 0.0242162291f);
  o = SYM_FMAF(o, s, 0.0764331445f);
  return SYM_FMAF_EXACT(SYM_FMAF_EXACT(o, t, e), t, 0.502422333f);
}

//@ gammaln_middle_poly_f32: base
/* relative error 9.6e-9 */
SYM_FN float sym_gammaln_middle_poly_f32(float t) {
  float s = t * t;
  float e = 1.24149224e-08f;
  e = SYM_FMAF(e, s, 1.24327272e-07f);
  e = SYM_FMAF(e, s, 3.36827088e-06f);
  e = SYM_FMAF(e, s, 8.34181919e-05f);
  e = SYM_FMAF(e, s, 0.00264335354f);
  e = SYM_FMAF(e, s, 0.175477654f);
  float o = -5.59997666e-08f;
  o = SYM_FMAF(o, s, -5.88714556e-07f);
  o = SYM_FMAF(o, s, -1.654486e-05f);
  o = SYM_FMAF(o, s, -0.00044989647f);
  o = SYM_FMAF(o, s, -0.0180694666f);
  return SYM_FMAF_EXACT(SYM_FMAF_EXACT(o, t, e), t, 0.918085217f);
}

//@ gammaln_positive_f32: gammaln_near_poly_f32 gammaln_middle_poly_f32 log_sum two_prod_f32
/* Of x = 2^k (1 + f): below 1/2 by way of 1 + x, to 6 by polynomials without the roots, beyond as in float64, where two
 * terms of the series are enough. */
SYM_FN float sym_gammaln_positive_f32(float x, float k, float f) {
  float a = x < 0.5f ? x + 1.0f : x, u = x < 0.5f ? x : x - 1.0f, root = x < 0.5f ? 1.0f : 2.0f, v = x - root, lost;
  float uv = sym_two_prod_f32(u, v, &lost), p = sym_gammaln_near_poly_f32(a - 1.37500095f);
  float near = SYM_FMAF(uv, p, SYM_FMAF(u, x - (v + root), lost) * p);
  float middle = v * sym_gammaln_middle_poly_f32(x - 4.12490654f);
  float rest = SYM_FMAF(k, 1.42860677e-6f, sym_log_sum_f32(0.0f, f)), kl = k * 0.693145752f, l = kl + rest;
  float c = x - 0.5f, z = 1.0f / x, far = SYM_FMAF_EXACT(c, kl, SYM_FMAF(c, rest, -x));
  far += SYM_FMAF(SYM_FMAF(z * z, -0.0027777778f, 0.0833333333f), z, 0.918938533f);
  near = x < 0.5f ? near - l : near;
  near = x < 2.25f ? near : middle;
  return x < 6.0f ? near : far;
}

//@ sym_gammaln_f32: gammaln_positive_f32 log_normal select_f32 sym_gammaln_f64
SYM_FN float sym_gammaln_f32(float x) {
  float k, f = sym_log_reduce_f32(x, &k) - 1.0f, y = sym_gammaln_positive_f32(x, k, f);
  y = x == __builtin_inff() ? x : y;
  return sym_select_f32(x > 0.0f ? ~0u : 0u, y, (float)sym_gammaln_f64((double)x));
}

//@ sym_gammaln_usual_f32: gammaln_positive_f32
/* Usual: positive, normal, finite. */
SYM_FN float sym_gammaln_usual_f32(sym_u32 *unusual, float x) {
  *unusual |= ((x >= 1.17549435e-38f) & (x <= 3.40282347e+38f)) ? 0u : 1u;
  float k, f = sym_log_split_f32(x, &k) - 1.0f;
  return sym_gammaln_positive_f32(x, k, f);
}

//@ gamma_near: gamma_poly two_prod
/* For 1 <= y < 5 the product of y - 1, y - 2 ... with its error, y left in [1, 2). All factors are exact. */
SYM_FN double sym_gamma_step_f64(double y, double *p, double *low) {
  double f = y >= 2.0 ? y - 1.0 : 1.0, lost;
  *p = sym_two_prod(*p, f, &lost);
  *low = SYM_FMA(*low, f, lost);
  return y >= 2.0 ? f : y;
}
/* gamma(x) for 1 <= x < 5, gamma(1 + x) for x < 1, as a pair: what 1 + x has lost counts by the derivative, nearly. */
SYM_FN double sym_gamma_near_f64(double x, double *low) {
  double p = 1.0, pl = 0.0, y = sym_gamma_step_f64(x, &p, &pl), lost;
  y = sym_gamma_step_f64(y, &p, &pl);
  y = sym_gamma_step_f64(y, &p, &pl);
  y = sym_gamma_step_f64(y, &p, &pl);
  y = x < 1.0 ? x + 1.0 : y;
  lost = x < 1.0 ? x - (y - 1.0) : 0.0;
  double t = y - 1.5, small = sym_gamma_poly_f64(t) + SYM_FMA(SYM_FMA(0.83, t, 0.0323), lost, -3.833293249912899e-17);
  double m = 0.886226925452758 + small, ml = (0.886226925452758 - m) + small, z = sym_two_prod(m, p, &lost);
  *low = lost + SYM_FMA(ml, p, m * pl);
  return z;
}

//@ gamma_positive: gamma_near stirling log_wide two_prod two_sum exp_poly_f64 pow2n
/* (x - 1/2) log x - x as a pair, for the exponential magnifies its rounding. The result is a pair, times 2^n with
 * `turned` = n + SYM_ROUND_F64; below 1 it is gamma(1 + x). */
SYM_FN double sym_gamma_positive_f64(double x, double *rest, double *turned) {
  double near_rest, near = sym_gamma_near_f64(x, &near_rest);
  double b = x < 5.0 ? 5.0 : (x > 190.0 ? 190.0 : x), s = sym_stirling_f64(b);
  double e = SYM_FMA(s * s, sym_exp_poly_f64(s), s), root = 2.5066282746310007, root_low = -1.8328579980459167e-16;
  double low, high = sym_log_wide(b, &low), pe, se, l = sym_two_sum(sym_two_prod(b - 0.5, high, &pe), -b, &se);
  pe += SYM_FMA(b - 0.5, low, se);
  double t = SYM_FMA(l, 1.4426950408889634, SYM_ROUND_F64), n = t - SYM_ROUND_F64;
  double r = SYM_FMA(n, -0.6931471803691238, l) + SYM_FMA(n, -1.9082149292705877e-10, pe), q = sym_exp_poly_f64(r);
  double p = SYM_FMA(q, r * r, r), w = SYM_FMA(p, root, root), y = SYM_FMA(w, e, w);
  double wl = SYM_FMA(p, root, root - w) + SYM_FMA(p, root_low, root_low);
  *turned = x >= 5.0 ? t : SYM_ROUND_F64;
  *rest = x >= 5.0 ? SYM_FMA(w, e, w - y) + wl : near_rest;
  return x >= 5.0 ? y : near;
}

//@ sym_gamma_f64: gamma_positive sinpi
/* gamma(-a) = -pi / (a sin(pi a) gamma(a)): of a quotient of pairs the remainder counts. */
SYM_FN double sym_gamma_f64(double x) {
  double a = sym_abs_f64(x), low, turned, m = sym_gamma_positive_f64(a, &low, &turned), sum = m + low;
  double quotient = sum / x;
  double y = a < 1.0 ? quotient : sym_scale_f64(sum, sym_bits_f64(turned));
  double sl, s = sym_sin_of_pi_f64(a, &sl), u = a < 1.0 ? 1.0 : a, e1, e2, e3, d = sym_two_prod(u, m, &e1);
  double dl = SYM_FMA(u, low, e1), c = sym_two_prod(d, s, &e2), cl = e2 + SYM_FMA(d, sl, dl * s);
  double q = -3.141592653589793 / c, p = sym_two_prod(q, c, &e3);
  double rest = ((-3.141592653589793 - p) - e3) - SYM_FMA(q, cl, 1.2246467991473532e-16);
  double other = sym_scale_f64(SYM_FMA(rest * q, -0.3183098861837907, q), sym_bits_f64(2.0 * SYM_ROUND_F64 - turned));
  other = a < 1e-17 ? quotient : other;
  other = s == 0.0 ? __builtin_nan("") : other;
  y = x < 0.0 ? other : y;
  y = x == -__builtin_inf() ? __builtin_nan("") : y;
  return x == 0.0 ? __builtin_copysign(__builtin_inf(), x) : y;
}

//@ sym_gamma_usual_f64: gamma_positive
/* Usual: positive. */
SYM_FN double sym_gamma_usual_f64(sym_u64 *unusual, double x) {
  double low, turned, sum = sym_gamma_positive_f64(x, &low, &turned);
  sum += low;
  *unusual |= x > 0.0 ? 0u : 1u;
  return x < 1.0 ? sum / x : sym_scale_f64(sum, sym_bits_f64(turned));
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

//@ tri_gamma_from_one: tri_gamma_poly two_prod
/* The second derivative of log gamma at y + lost, for y >= 1: 1 / y + 1 / (2 y^2) + G(1 / y) / y^3. */
SYM_FN double sym_tri_gamma_from_one_f64(double y, double lost) {
  double z = 1.0 / y, error, p = sym_two_prod(y, z, &error), low = z * (((1.0 - p) - error) - lost * z);
#if !SYM_HAS_FMA
  low = y < 1e200 ? low : 0.0; /* beyond, the exact product overflows on its way, and low is nothing */
#endif
  return z + SYM_FMA(z * z, SYM_FMA(z, sym_tri_gamma_poly_f64(2.0 * z - 1.0), 0.5), SYM_FMA(low, z, low));
}
/* (n + nl)^2 / (d + dl)^2 as a pair, with 1 / n for the quotient's remainder. */
SYM_FN double sym_tri_gamma_square_f64(double n, double nl, double inverse, double d, double dl, double *low) {
  double q = n / d, error, p = sym_two_prod(q, d, &error), ql = (((n - p) - error) + (nl - q * dl)) * (q * inverse);
  double square = sym_two_prod(q, q, &error);
  *low = SYM_FMA(2.0 * q, ql, error);
  return square;
}

//@ sym_tri_gamma_f64: tri_gamma_from_one sinpi
/* Below 1 that of 1 + x and 1 / x^2, of negative arguments (pi / sin(pi x))^2 less that of 1 - x; squares as pairs. */
SYM_FN double sym_tri_gamma_f64(double x) {
  double a = sym_abs_f64(x), y = x >= 1.0 ? x : 1.0 + a;
  double lost = a < 1.0 ? a - (y - 1.0) : (x < 0.0 ? 1.0 - (y - a) : 0.0);
  double sl, s = sym_sin_of_pi_f64(x, &sl), far = sym_tri_gamma_from_one_f64(y, lost);
  double n = x < 0.0 ? 3.141592653589793 : 1.0, nl = x < 0.0 ? 1.2246467991473532e-16 : 0.0;
  double d = x < 0.0 ? s : (x < 1.0 ? x : 1.0), dl = x < 0.0 ? sl : 0.0, low;
  double square = sym_tri_gamma_square_f64(n, nl, x < 0.0 ? 0.3183098861837907 : 1.0, d, dl, &low);
  double near = square < __builtin_inf() ? square + (low + (x < 0.0 ? -far : far)) : square;
  near = x == -__builtin_inf() ? __builtin_inf() : near;
  far = x == __builtin_inf() ? 0.0 : far;
  return x >= 1.0 ? far : near;
}

//@ sym_tri_gamma_usual_f64: tri_gamma_from_one
/* Usual: positive and finite, with a finite result. */
SYM_FN double sym_tri_gamma_usual_f64(sym_u64 *unusual, double x) {
  double y = x >= 1.0 ? x : 1.0 + x, low, far = sym_tri_gamma_from_one_f64(y, x < 1.0 ? x - (y - 1.0) : 0.0);
  double square = sym_tri_gamma_square_f64(1.0, 0.0, 1.0, x < 1.0 ? x : 1.0, 0.0, &low);
  *unusual |= ((x > 1e-150) & (x < 1e300)) ? 0u : 1u;
  return x >= 1.0 ? far : square + (low + far);
}

//@ sym_tri_gamma_f32: sym_tri_gamma_f64
SYM_FN float sym_tri_gamma_f32(float x) { return (float)sym_tri_gamma_f64((double)x); }
