/* Inverses of the error function and of the normal distribution by erfinv(x) / x, which as a function of
 * w = -log(1 - x^2) is smooth from 0 on and, from 6.25 on, is nearly sqrt(w): M. B. Giles, "Approximating the erfinv
 * function", GPU Computing Gems, Jade edition (2011). A relative error of w enters the result with half its size at most,
 * one of 1 - x^2 near 0 not at all. Polynomials come from tools/fit_special.py. */

//@ erfinv_small_poly: base
/* absolute error 7.9e-17 */
SYM_FN double sym_erfinv_small_poly_f64(double t) {
  double s = t * t;
  double e = -1.113483769832702e-21;
  e = SYM_FMA(e, s, 1.150022252066253e-18);
  e = SYM_FMA(e, s, -1.3016928016796445e-16);
  e = SYM_FMA(e, s, 6.596407712420834e-15);
  e = SYM_FMA(e, s, -8.118399443074353e-14);
  e = SYM_FMA(e, s, -1.2976885526532075e-11);
  e = SYM_FMA(e, s, 1.0512181539804126e-09);
  e = SYM_FMA(e, s, -2.9070382262927266e-08);
  e = SYM_FMA(e, s, -1.3654691850603575e-06);
  e = SYM_FMA(e, s, 0.00018673420802464837);
  e = SYM_FMA(e, s, -0.00603367087142785);
  double o = 3.240704459379902e-21;
  o = SYM_FMA(o, s, -3.4996044354754177e-19);
  o = SYM_FMA(o, s, 1.557432024623325e-17);
  o = SYM_FMA(o, s, -4.0282154327661744e-17);
  o = SYM_FMA(o, s, -4.001237735091896e-14);
  o = SYM_FMA(o, s, 2.6304834740560442e-12);
  o = SYM_FMA(o, s, -5.414287198084716e-11);
  o = SYM_FMA(o, s, -4.11266082002324e-09);
  o = SYM_FMA(o, s, 4.234788173782339e-07);
  o = SYM_FMA(o, s, -1.3882523394405316e-05);
  o = SYM_FMA(o, s, -0.000740702534154477);
  return SYM_FMA(SYM_FMA(SYM_FMA(o, t, e), t, 0.2401581824255883), t, 0.6536545626831027);
}

//@ erfinv_middle_poly: base
/* absolute error 3.8e-17 */
SYM_FN double sym_erfinv_middle_poly_f64(double t) {
  double s = t * t;
  double e = -4.6831176489668314e-07;
  e = SYM_FMA(e, s, -1.7296002505167625e-06);
  e = SYM_FMA(e, s, 2.195286574623887e-05);
  e = SYM_FMA(e, s, -4.6463008451817316e-05);
  e = SYM_FMA(e, s, -0.00028312419523921124);
  e = SYM_FMA(e, s, 0.001483737331837269);
  e = SYM_FMA(e, s, 0.00568518241825842);
  e = SYM_FMA(e, s, 0.009445522011984885);
  double o = 1.8764843821449951e-06;
  o = SYM_FMA(o, s, -5.888365859386257e-06);
  o = SYM_FMA(o, s, -2.2887466838194773e-05);
  o = SYM_FMA(o, s, 0.00020551854699753244);
  o = SYM_FMA(o, s, -0.0001488982535937807);
  o = SYM_FMA(o, s, -0.0035587940097007646);
  o = SYM_FMA(o, s, -0.007643805570178328);
  return SYM_FMA(SYM_FMA(SYM_FMA(o, t, e), t, 0.0016752766934004957), t, -0.1670232012717293);
}

//@ erfinv_far_poly: base
/* absolute error 6.3e-18 */
SYM_FN double sym_erfinv_far_poly_f64(double t) {
  double s = t * t;
  double e = 3.454310481820896e-13;
  e = SYM_FMA(e, s, 1.987385447533167e-13);
  e = SYM_FMA(e, s, -4.8062195505527315e-11);
  e = SYM_FMA(e, s, -1.0796349331368102e-10);
  e = SYM_FMA(e, s, 2.5022911011835726e-09);
  e = SYM_FMA(e, s, 2.1917172922653146e-08);
  e = SYM_FMA(e, s, 8.711620543868217e-08);
  e = SYM_FMA(e, s, 4.1157067904238526e-07);
  e = SYM_FMA(e, s, 6.1018186902861375e-06);
  e = SYM_FMA(e, s, 9.708493044507988e-05);
  e = SYM_FMA(e, s, -3.481957938540885e-07);
  double o = -1.501350825711781e-12;
  o = SYM_FMA(o, s, 1.288911172200312e-11);
  o = SYM_FMA(o, s, 1.0723089748773778e-10);
  o = SYM_FMA(o, s, -3.7190521638189754e-10);
  o = SYM_FMA(o, s, -8.563939550228728e-09);
  o = SYM_FMA(o, s, -4.6359165150887235e-08);
  o = SYM_FMA(o, s, -1.665644702013759e-07);
  o = SYM_FMA(o, s, -1.4530256581028321e-06);
  o = SYM_FMA(o, s, -2.5603846588268244e-05);
  o = SYM_FMA(o, s, -0.0002795888563450156);
  return SYM_FMA(SYM_FMA(SYM_FMA(o, t, e), t, 0.010327673628370617), t, -0.15202829647617716);
}

//@ erfinv_end_poly: base
/* absolute error 2.6e-16 */
SYM_FN double sym_erfinv_end_poly_f64(double t) {
  double s = t * t;
  double e = 7.397243255125196e-40;
  e = SYM_FMA(e, s, -4.805100270149877e-37);
  e = SYM_FMA(e, s, 1.587269852558748e-34);
  e = SYM_FMA(e, s, -3.110216488047e-32);
  e = SYM_FMA(e, s, 4.378026379661831e-30);
  e = SYM_FMA(e, s, -3.8443085279572455e-28);
  e = SYM_FMA(e, s, 3.6256997310076796e-26);
  e = SYM_FMA(e, s, 3.9000501066367733e-25);
  e = SYM_FMA(e, s, 5.153176244897027e-22);
  e = SYM_FMA(e, s, 1.0419756574977802e-19);
  e = SYM_FMA(e, s, 2.1649301084408908e-17);
  e = SYM_FMA(e, s, 3.28819277046137e-15);
  e = SYM_FMA(e, s, -5.073066512751338e-14);
  e = SYM_FMA(e, s, -3.6693412586045764e-10);
  e = SYM_FMA(e, s, -2.396723195839252e-07);
  e = SYM_FMA(e, s, -0.00012860401177363257);
  double o = -1.2915806312700423e-38;
  o = SYM_FMA(o, s, 8.416521990052883e-36);
  o = SYM_FMA(o, s, -2.781272794446813e-33);
  o = SYM_FMA(o, s, 5.459946872285587e-31);
  o = SYM_FMA(o, s, -7.673257658477933e-29);
  o = SYM_FMA(o, s, 6.78711736413848e-27);
  o = SYM_FMA(o, s, -6.257570723284927e-25);
  o = SYM_FMA(o, s, -3.44309580792728e-24);
  o = SYM_FMA(o, s, -8.020360655562736e-21);
  o = SYM_FMA(o, s, -1.5165586002902345e-18);
  o = SYM_FMA(o, s, -2.841410430524951e-16);
  o = SYM_FMA(o, s, -2.77198301068654e-14);
  o = SYM_FMA(o, s, 1.0642724568787376e-11);
  o = SYM_FMA(o, s, 9.849825956312593e-09);
  o = SYM_FMA(o, s, 5.582314467908675e-06);
  return SYM_FMA(SYM_FMA(SYM_FMA(o, t, e), t, 0.00303853032578495), t, -0.08062934893201582);
}

//@ erfinv_small_poly_f32: base
/* absolute error 3.1e-8 */
SYM_FN float sym_erfinv_small_poly_f32(float t) {
  float s = t * t;
  float e = 6.98368086e-10f;
  e = SYM_FMAF(e, s, -2.56528772e-08f);
  e = SYM_FMAF(e, s, -1.37997426e-06f);
  e = SYM_FMAF(e, s, 0.000186759396f);
  e = SYM_FMAF(e, s, -0.0060336832f);
  float o = -4.60764671e-09f;
  o = SYM_FMAF(o, s, 4.2566279e-07f);
  o = SYM_FMAF(o, s, -1.388702e-05f);
  o = SYM_FMAF(o, s, -0.000740698713f);
  return SYM_FMAF_EXACT(SYM_FMAF_EXACT(SYM_FMAF(o, t, e), t, 0.240158185f), t, 0.653654575f);
}

//@ erfinv_middle_poly_f32: base
/* absolute error 5.8e-8 */
SYM_FN float sym_erfinv_middle_poly_f32(float t) {
  float s = t * t;
  float e = -3.21434527e-07f;
  e = SYM_FMAF(e, s, 0.000828663411f);
  e = SYM_FMAF(e, s, 0.00201182929f);
  e = SYM_FMAF(e, s, 0.00472228648f);
  float o = -0.000256594358f;
  o = SYM_FMAF(o, s, -0.00140047364f);
  o = SYM_FMAF(o, s, -0.00318213785f);
  return SYM_FMAF_EXACT(SYM_FMAF_EXACT(SYM_FMAF(o, t, e), t, 0.00588829815f), t, -0.165765598f);
}

//@ erfinv_end_poly_f32: base
/* absolute error 3.6e-8 */
SYM_FN float sym_erfinv_end_poly_f32(float t) {
  float s = t * t;
  float e = 2.54254229e-10f;
  e = SYM_FMAF(e, s, 4.66689665e-09f);
  e = SYM_FMAF(e, s, 2.40821947e-07f);
  e = SYM_FMAF(e, s, 4.28339854e-06f);
  e = SYM_FMAF(e, s, -0.000505898613f);
  float o = -1.76184611e-09f;
  o = SYM_FMAF(o, s, -2.9126328e-08f);
  o = SYM_FMAF(o, s, -1.2616913e-06f);
  o = SYM_FMAF(o, s, 1.15156909e-05f);
  return SYM_FMAF_EXACT(SYM_FMAF_EXACT(SYM_FMAF(o, t, e), t, 0.00834076852f), t, -0.128863364f);
}

/* erfinv(x) / x as base + rest: usually, where w is at most 12.25; for all float64 x; and for 1 - |x| of any size. */
//@ erfinv_usual_of_f64: erfinv_small_poly erfinv_middle_poly
SYM_FN double sym_erfinv_usual_of_f64(double w, double *base) {
  double s = __builtin_sqrt(w);
  *base = w < 6.25 ? 1.0 : s;
  return w < 6.25 ? sym_erfinv_small_poly_f64(w - 3.125) : sym_erfinv_middle_poly_f64(s - 3.0);
}

//@ erfinv_of_f64: erfinv_usual_of_f64 erfinv_far_poly
SYM_FN double sym_erfinv_of_f64(double w, double *base) {
  double rest = sym_erfinv_usual_of_f64(w, base);
  return w < 12.25 ? rest : sym_erfinv_far_poly_f64(*base - 4.8125);
}

//@ erfinv_end_f64: erfinv_of_f64 erfinv_end_poly
SYM_FN double sym_erfinv_end_f64(double w, double *base) {
  double rest = sym_erfinv_of_f64(w, base);
  return w < 37.0 ? rest : sym_erfinv_end_poly_f64(*base - 16.75);
}

//@ erfinv_end_f32: erfinv_small_poly_f32 erfinv_middle_poly_f32 erfinv_end_poly_f32
SYM_FN float sym_erfinv_of_f32(float w, float *base) {
  float s = __builtin_sqrtf(w);
  *base = w < 6.25f ? 1.0f : s;
  return w < 6.25f ? sym_erfinv_small_poly_f32(w - 3.125f) : sym_erfinv_middle_poly_f32(s - 3.3125f);
}
SYM_FN float sym_erfinv_end_f32(float w, float *base) {
  float rest = sym_erfinv_of_f32(w, base);
  return w < 16.75f ? rest : sym_erfinv_end_poly_f32(*base - 7.25f);
}

//@ sym_erfinv_f64: erfinv_of_f64 log_sum
SYM_FN double sym_erfinv_f64(double x) {
  double a = sym_abs_f64(x), k, f = sym_log_split_f64((1.0 - a) * (1.0 + a), &k) - 1.0, base;
  double rest = sym_erfinv_of_f64(-sym_log_sum_f64(k, f), &base), y = SYM_FMA(x, base, x * rest);
  y = a == 1.0 ? x * __builtin_inf() : y;
  return a <= 1.0 ? y : __builtin_nan("");
}

//@ sym_erfinv_usual_f64: erfinv_usual_of_f64 log_sum
SYM_FN double sym_erfinv_usual_f64(sym_u64 *unusual, double x) {
  double v = (1.0 - sym_abs_f64(x)) * (1.0 + sym_abs_f64(x)), k, f = sym_log_split_f64(v, &k) - 1.0, base;
  *unusual |= v > 5e-6 ? 0u : 1u;
  double rest = sym_erfinv_usual_of_f64(-sym_log_sum_f64(k, f), &base);
  return SYM_FMA(x, base, x * rest);
}

//@ sym_erfinv_f32: erfinv_end_f32 log_sum
SYM_FN float sym_erfinv_f32(float x) {
  float a = sym_abs_f32(x), k, f = sym_log_split_f32((1.0f - a) * (1.0f + a), &k) - 1.0f, base;
  float rest = sym_erfinv_of_f32(-sym_log_sum_f32(k, f), &base), y = SYM_FMAF_EXACT(x, base, x * rest);
  y = a == 1.0f ? x * __builtin_inff() : y;
  return a <= 1.0f ? y : __builtin_nanf("");
}

/* (y + lost) (base + rest), with what 1 - x has lost of x. */
//@ erfcinv_product: base
SYM_FN double sym_erfcinv_product_f64(double x, double base, double rest) {
  double y = 1.0 - x, lost = (1.0 - y) - x;
  return SYM_FMA(y, base, SYM_FMA(y, rest, lost * (base + rest)));
}
SYM_FN float sym_erfcinv_product_f32(float x, float base, float rest) {
  float y = 1.0f - x, lost = (1.0f - y) - x;
  return SYM_FMAF_EXACT(y, base, SYM_FMAF_EXACT(y, rest, lost * (base + rest)));
}

//@ sym_erfcinv_f64: erfcinv_product erfinv_end_f64 log_normal log_sum
SYM_FN double sym_erfcinv_f64(double x) {
  double q = x < 1.0 ? x : 2.0 - x, k, f = sym_log_reduce_f64(q * (2.0 - q), &k) - 1.0, base;
  double rest = sym_erfinv_end_f64(-sym_log_sum_f64(k, f), &base), z = sym_erfcinv_product_f64(x, base, rest);
  z = q == 0.0 ? (1.0 - x) * __builtin_inf() : z;
  return q >= 0.0 ? z : __builtin_nan("");
}

//@ sym_erfcinv_usual_f64: erfcinv_product erfinv_usual_of_f64 log_sum
SYM_FN double sym_erfcinv_usual_f64(sym_u64 *unusual, double x) {
  double q = x < 1.0 ? x : 2.0 - x, v = q * (2.0 - q), k, f = sym_log_split_f64(v, &k) - 1.0, base;
  *unusual |= v > 5e-6 ? 0u : 1u;
  double rest = sym_erfinv_usual_of_f64(-sym_log_sum_f64(k, f), &base);
  return sym_erfcinv_product_f64(x, base, rest);
}

//@ sym_erfcinv_f32: erfcinv_product erfinv_end_f32 log_normal log_sum
SYM_FN float sym_erfcinv_f32(float x) {
  float q = x < 1.0f ? x : 2.0f - x, k, f = sym_log_reduce_f32(q * (2.0f - q), &k) - 1.0f, base;
  float rest = sym_erfinv_end_f32(-sym_log_sum_f32(k, f), &base), z = sym_erfcinv_product_f32(x, base, rest);
  z = q == 0.0f ? (1.0f - x) * __builtin_inff() : z;
  return q >= 0.0f ? z : __builtin_nanf("");
}

/* -sqrt(2) erfcinv(2 p) = (1/2 - p) (-2 sqrt(2)) (base + rest), the second factor and its product with the third as
 * pairs. */
//@ quantile_product: product_plus
SYM_FN double sym_quantile_product_f64(double p, double base, double rest) {
  double y = 0.5 - p, lost = (0.5 - y) - p, u = base + rest, low, v = sym_two_prod(u, -2.8284271247461903, &low);
  low += SYM_FMA(u, 1.9334586626905827e-16, -2.8284271247461903 * ((base - u) + rest));
  low = SYM_FMA(y, low, lost * v);
  return sym_product_plus(y, v, low);
}

//@ sym_normal_quantile_f64: quantile_product erfinv_end_f64 log_normal log_sum
SYM_FN double sym_normal_quantile_f64(double p) {
  double q = p < 0.5 ? p : 1.0 - p, k, f = sym_log_reduce_f64(q * (4.0 - 4.0 * q), &k) - 1.0, base;
  double rest = sym_erfinv_end_f64(-sym_log_sum_f64(k, f), &base), z = sym_quantile_product_f64(p, base, rest);
  z = q == 0.0 ? (p - 0.5) * __builtin_inf() : z;
  return q >= 0.0 ? z : __builtin_nan("");
}

//@ sym_normal_quantile_usual_f64: quantile_product erfinv_usual_of_f64 log_sum
SYM_FN double sym_normal_quantile_usual_f64(sym_u64 *unusual, double p) {
  double q = p < 0.5 ? p : 1.0 - p, v = q * (4.0 - 4.0 * q), k, f = sym_log_split_f64(v, &k) - 1.0, base;
  *unusual |= v > 5e-6 ? 0u : 1u;
  double rest = sym_erfinv_usual_of_f64(-sym_log_sum_f64(k, f), &base);
  return sym_quantile_product_f64(p, base, rest);
}

//@ sym_normal_quantile_f32: erfinv_end_f32 log_normal log_sum two_prod_f32
SYM_FN float sym_normal_quantile_f32(float p) {
  float q = p < 0.5f ? p : 1.0f - p, k, f = sym_log_reduce_f32(q * (4.0f - 4.0f * q), &k) - 1.0f, base;
  float rest = sym_erfinv_end_f32(-sym_log_sum_f32(k, f), &base), y = 0.5f - p, lost = (0.5f - y) - p;
  float u = base + rest, low, v = sym_two_prod_f32(u, -2.82842708f, &low);
  low += SYM_FMAF(u, -4.84064684e-08f, -2.82842708f * ((base - u) + rest));
  float z = SYM_FMAF_EXACT(y, v, SYM_FMAF(y, low, lost * v));
  z = q == 0.0f ? (p - 0.5f) * __builtin_inff() : z;
  return q >= 0.0f ? z : __builtin_nanf("");
}
