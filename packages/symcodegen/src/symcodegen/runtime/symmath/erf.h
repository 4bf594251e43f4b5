/* The error function: near 0 an odd polynomial, beyond it exp(-x^2) times a polynomial in (x - a) / (x + a) (M. M. Shepherd and
 * J. G. Laframboise, Mathematics of Computation 36, 1981). x^2 is split, for its rounding would be magnified by the exponential. */

//@ erf_parts_f32: sym_exp_f32
/* erf near 0: |x| <= 0.866 */
SYM_FN float sym_erf_small_f32(float x) {
  float z = x * x;
  float q = SYM_FMAF(-0.000629272137f, z, 0.00504891481f);
  q = SYM_FMAF(q, z, -0.0268026032f);
  q = SYM_FMAF(q, z, 0.112827688f);
  q = SYM_FMAF(q, z, -0.376125842f);
  q = SYM_FMAF(q, z, 0.128379166f);
  return SYM_FMAF(q, x, x);
}
/* erfc for x >= 1/2 */
SYM_FN float sym_erfc_large_f32(float x) {
  float a = x > 10.4f ? 10.4f : x, t = (a - 2.0f) / (a + 2.0f);
  float t2 = t * t;
  float qe = SYM_FMAF(-0.00126677635f, t2, 0.00865976792f);
  qe = SYM_FMAF(qe, t2, -0.0542113297f);
  qe = SYM_FMAF(qe, t2, -0.166030824f);
  qe = SYM_FMAF(qe, t2, 1.27697837f);
  float qo = SYM_FMAF(-0.000214355299f, t2, 0.00113717793f);
  qo = SYM_FMAF(qo, t2, -0.00800308678f);
  qo = SYM_FMAF(qo, t2, 0.164048478f);
  qo = SYM_FMAF(qo, t2, -0.0927637592f);
  float q = SYM_FMAF(qo, t, qe);
  double square = (double)a * (double)a;
  float head = (float)square, e = sym_exp_f32(-head);
  return (q / SYM_FMAF(2.0f, a, 1.0f)) * SYM_FMAF(e, head - square, e);
}

//@ erf_parts_f64: sym_exp_f64 two_prod
SYM_FN double sym_erf_small_f64(double x) {
  double z = x * x;
  double z2 = z * z;
  double qe = SYM_FMA(1.6658749054559457e-08, z2, 1.6502208667365152e-06);
  qe = SYM_FMA(qe, z2, 0.00012055439379457893);
  qe = SYM_FMA(qe, z2, 0.0052239776708389186);
  qe = SYM_FMA(qe, z2, 0.11283791670976015);
  qe = SYM_FMA(qe, z2, 0.12837916709551259);
  double qo = SYM_FMA(-1.480612507579029e-09, z2, -1.6741591417776056e-07);
  qo = SYM_FMA(qo, z2, -1.4928241954900504e-05);
  qo = SYM_FMA(qo, z2, -0.00085483298118272332);
  qo = SYM_FMA(qo, z2, -0.026866170649433838);
  qo = SYM_FMA(qo, z2, -0.37612638903184148);
  double q = SYM_FMA(qo, z, qe);
  return SYM_FMA(q, x, x);
}
SYM_FN double sym_erfc_large_f64(double x) {
  double a = x > 27.5 ? 27.5 : x, t = (a - 3.0) / (a + 3.0);
  double t2 = t * t;
  double qe = SYM_FMA(-3.8798290453901629e-09, t2, 3.305449540919915e-08);
  qe = SYM_FMA(qe, t2, -1.3298680167745999e-07);
  qe = SYM_FMA(qe, t2, 3.518438724096664e-07);
  qe = SYM_FMA(qe, t2, -7.2972280176511025e-07);
  qe = SYM_FMA(qe, t2, 4.9490887067913499e-06);
  qe = SYM_FMA(qe, t2, -0.00010515974697366649);
  qe = SYM_FMA(qe, t2, 0.0018886903551127078);
  qe = SYM_FMA(qe, t2, -0.023770514918462753);
  qe = SYM_FMA(qe, t2, -0.11927366341531397);
  qe = SYM_FMA(qe, t2, -0.04756229435345067);
  qe = SYM_FMA(qe, t2, 1.2530080582697296);
  double qo = SYM_FMA(-1.1134122515740888e-08, t2, 1.0007456142372925e-07);
  qo = SYM_FMA(qo, t2, -6.1616440775327877e-07);
  qo = SYM_FMA(qo, t2, 3.4726260165866808e-06);
  qo = SYM_FMA(qo, t2, -2.0100785232766105e-05);
  qo = SYM_FMA(qo, t2, 0.00012509943250406161);
  qo = SYM_FMA(qo, t2, -0.00077983228838823609);
  qo = SYM_FMA(qo, t2, 0.0025293918179736712);
  qo = SYM_FMA(qo, t2, 0.068308027343856867);
  qo = SYM_FMA(qo, t2, 0.12964515870276419);
  qo = SYM_FMA(qo, t2, -0.1356211061245812);
  double q = SYM_FMA(qo, t, qe);
  double tail, head = sym_two_prod(a, a, &tail), e = sym_exp_f64(-head);
  return (q / SYM_FMA(2.0, a, 1.0)) * SYM_FMA(e, -tail, e);
}

//@ sym_erf_f32: erf_parts_f32
SYM_FN float sym_erf_f32(float x) {
  float a = sym_abs_f32(x);
  return a < 0.866f ? sym_erf_small_f32(x) : __builtin_copysignf(1.0f - sym_erfc_large_f32(a), x);
}

//@ sym_erf_f64: erf_parts_f64
SYM_FN double sym_erf_f64(double x) {
  double a = sym_abs_f64(x);
  return a < 0.866 ? sym_erf_small_f64(x) : __builtin_copysign(1.0 - sym_erfc_large_f64(a), x);
}

//@ sym_erfc_f32: erf_parts_f32
SYM_FN float sym_erfc_f32(float x) {
  float a = sym_abs_f32(x), y = sym_erfc_large_f32(a);
  return a < 0.5f ? 1.0f - sym_erf_small_f32(x) : (x < 0.0f ? 2.0f - y : y);
}

//@ sym_erfc_f64: erf_parts_f64
SYM_FN double sym_erfc_f64(double x) {
  double a = sym_abs_f64(x), y = sym_erfc_large_f64(a);
  return a < 0.5 ? 1.0 - sym_erf_small_f64(x) : (x < 0.0 ? 2.0 - y : y);
}
