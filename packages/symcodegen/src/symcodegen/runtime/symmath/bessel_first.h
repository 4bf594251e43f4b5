/* Bessel functions of the first kind, of order 0 and 1: up to 8 a polynomial in x^2; beyond, Hankel's functions
 * (Abramowitz and Stegun, 9.2.5) of 64 / x^2, with sines and cosines of x itself, so that the phase is not rounded.
 * Errors are meant of the amplitude sqrt(2 / (pi x)). float32 is computed in float64. Polynomials come from
 * tools/fit_special.py. */

//@ j0_near_poly: base
/* absolute error 1.2e-16 */
SYM_FN double sym_j0_near_poly_f64(double t) {
  double s = t * t;
  double e = 2.8780700417086955e-16;
  e = SYM_FMA(e, s, 3.990811966391986e-13);
  e = SYM_FMA(e, s, 3.3634718625333373e-10);
  e = SYM_FMA(e, s, 1.5956108859013866e-07);
  e = SYM_FMA(e, s, 3.847319785739127e-05);
  e = SYM_FMA(e, s, 0.00405807898914049);
  e = SYM_FMA(e, s, 0.14598884856759273);
  e = SYM_FMA(e, s, 1.0383794611437211);
  e = SYM_FMA(e, s, -0.6484692830871837);
  e = SYM_FMA(e, s, 0.04582966485981377);
  double o = -6.5151500571157116e-18;
  o = SYM_FMA(o, s, -1.1351277410243094e-14);
  o = SYM_FMA(o, s, -1.2384699153073492e-11);
  o = SYM_FMA(o, s, -7.915407670549364e-09);
  o = SYM_FMA(o, s, -2.7177491450676137e-06);
  o = SYM_FMA(o, s, -0.0004435459224727048);
  o = SYM_FMA(o, s, -0.028472718610869578);
  o = SYM_FMA(o, s, -0.507468045847102);
  o = SYM_FMA(o, s, -0.808088807669687);
  o = SYM_FMA(o, s, 0.9303012472958572);
  return SYM_FMA(o, t, e);
}

//@ j1_near_poly: base
/* absolute error 2.4e-17 */
SYM_FN double sym_j1_near_poly_f64(double t) {
  double s = t * t;
  double e = 7.737468840824268e-18;
  e = SYM_FMA(e, s, 1.2060729354963575e-14);
  e = SYM_FMA(e, s, 1.1610655460712977e-11);
  e = SYM_FMA(e, s, 6.431268732317326e-09);
  e = SYM_FMA(e, s, 1.8684525372339864e-06);
  e = SYM_FMA(e, s, 0.0002494945813908964);
  e = SYM_FMA(e, s, 0.01245681439225544);
  e = SYM_FMA(e, s, 0.15858376432721938);
  e = SYM_FMA(e, s, 0.15151665143806634);
  e = SYM_FMA(e, s, -0.05814382795599107);
  double o = -3.2382440004784723e-16;
  o = SYM_FMA(o, s, -3.990810305586612e-13);
  o = SYM_FMA(o, s, -2.9430378824414127e-10);
  o = SYM_FMA(o, s, -1.1967081644236786e-07);
  o = SYM_FMA(o, s, -2.4045748660869658e-05);
  o = SYM_FMA(o, s, -0.002029039494570245);
  o = SYM_FMA(o, s, -0.054745818212847276);
  o = SYM_FMA(o, s, -0.2595948652859303);
  o = SYM_FMA(o, s, 0.08105866038589796);
  return SYM_FMA(o, t, e);
}

//@ j0_p_poly: base
/* relative error 1.3e-17 */
SYM_FN double sym_j0_p_poly_f64(double t) {
  double s = t * t;
  double e = 3.334599531685773e-14;
  e = SYM_FMA(e, s, 2.454626647456918e-13);
  e = SYM_FMA(e, s, 4.786833648457065e-12);
  e = SYM_FMA(e, s, 1.5500573849457377e-10);
  e = SYM_FMA(e, s, 1.2803761421389911e-08);
  e = SYM_FMA(e, s, 6.137416080111143e-06);
  e = SYM_FMA(e, s, 0.9994572757882519);
  double o = -1.1346926815291663e-14;
  o = SYM_FMA(o, s, -6.563491590174781e-14);
  o = SYM_FMA(o, s, -1.061860361827791e-12);
  o = SYM_FMA(o, s, -2.4883792349430343e-11);
  o = SYM_FMA(o, s, -1.2121178913027262e-09);
  o = SYM_FMA(o, s, -2.052744816021978e-07);
  o = SYM_FMA(o, s, -0.0005363673192130033);
  return SYM_FMA(o, t, e);
}

//@ j0_q_poly: base
/* relative error 1.0e-16 */
SYM_FN double sym_j0_q_poly_f64(double t) {
  double s = t * t;
  double e = -3.4113236146637735e-14;
  e = SYM_FMA(e, s, -2.099758563065514e-13);
  e = SYM_FMA(e, s, -3.6048433228612124e-12);
  e = SYM_FMA(e, s, -9.469840948077304e-11);
  e = SYM_FMA(e, s, -5.668716993586103e-09);
  e = SYM_FMA(e, s, -1.477138832591472e-06);
  e = SYM_FMA(e, s, -0.01555511387951352);
  double o = 1.219514188391054e-14;
  o = SYM_FMA(o, s, 5.929898206834386e-14);
  o = SYM_FMA(o, s, 8.668139835284154e-13);
  o = SYM_FMA(o, s, 1.703066004617455e-11);
  o = SYM_FMA(o, s, 6.432785773648844e-10);
  o = SYM_FMA(o, s, 7.106214856811922e-08);
  o = SYM_FMA(o, s, 6.83314909934392e-05);
  return SYM_FMA(o, t, e);
}

//@ j1_p_poly: base
/* relative error 2.1e-17 */
SYM_FN double sym_j1_p_poly_f64(double t) {
  double s = t * t;
  double e = -3.5404613525657416e-14;
  e = SYM_FMA(e, s, -2.635099411586755e-13);
  e = SYM_FMA(e, s, -5.190987549128526e-12);
  e = SYM_FMA(e, s, -1.713108363257052e-10);
  e = SYM_FMA(e, s, -1.4708512970871809e-08);
  e = SYM_FMA(e, s, -7.95969469844003e-06);
  e = SYM_FMA(e, s, 1.0009070262780821);
  double o = 1.2012721775449965e-14;
  o = SYM_FMA(o, s, 7.019004954768849e-14);
  o = SYM_FMA(o, s, 1.1443000350441976e-12);
  o = SYM_FMA(o, s, 2.7205216071451606e-11);
  o = SYM_FMA(o, s, 1.3603054724512454e-09);
  o = SYM_FMA(o, s, 2.453676622679369e-07);
  o = SYM_FMA(o, s, 0.0008988049416705564);
  return SYM_FMA(o, t, e);
}

//@ j1_q_poly: base
/* relative error 5.4e-17 */
SYM_FN double sym_j1_q_poly_f64(double t) {
  double s = t * t;
  double e = 3.613838965220232e-14;
  e = SYM_FMA(e, s, 2.248080209615115e-13);
  e = SYM_FMA(e, s, 3.892783101307446e-12);
  e = SYM_FMA(e, s, 1.039449369627048e-10);
  e = SYM_FMA(e, s, 6.420133494245422e-09);
  e = SYM_FMA(e, s, 1.8212018511696138e-06);
  e = SYM_FMA(e, s, 0.04677687402744898);
  double o = -1.2885173339953764e-14;
  o = SYM_FMA(o, s, -6.327191570730754e-14);
  o = SYM_FMA(o, s, -9.308675106308984e-13);
  o = SYM_FMA(o, s, -1.85220905861051e-11);
  o = SYM_FMA(o, s, -7.151109688895056e-10);
  o = SYM_FMA(o, s, -8.291960706171709e-08);
  o = SYM_FMA(o, s, -9.621458822054462e-05);
  return SYM_FMA(o, t, e);
}

//@ bessel_j0: j0_near_poly j0_p_poly j0_q_poly
SYM_FN double sym_bessel_j0(double x, double a, double d, double c) {
  double near = a < 8.0 ? a : 8.0, far = a < 8.0 ? 8.0 : a, r = 8.0 / far, t = 2.0 * r * r - 1.0;
  double n = sym_j0_near_poly_f64(near * near * 0.03125 - 1.0);
  n = near < 1e-5 ? 1.0 - 0.25 * near * near : n;
  double p = sym_j0_p_poly_f64(t), q = sym_j0_q_poly_f64(t) * r;
  double y = (p * (c + d) - q * (d - c)) / __builtin_sqrt(3.14159265358979323846 * far);
  y = a < 8.0 ? n : a == __builtin_inf() ? 0.0 : y;
  return x != x ? x : y;
}

//@ sym_j0_f64: bessel_j0 sym_sin_f64 sym_cos_f64
SYM_FN double sym_j0_f64(double x) {
  double a = sym_abs_f64(x);
  return sym_bessel_j0(x, a, sym_sin_f64(a), sym_cos_f64(a));
}

//@ sym_j0_usual_f64: bessel_j0 sym_sin_usual_f64 sym_cos_usual_f64
SYM_FN double sym_j0_usual_f64(unsigned long long *far, double x) {
  double a = sym_abs_f64(x);
  return sym_bessel_j0(x, a, sym_sin_usual_f64(far, a), sym_cos_usual_f64(far, a));
}

//@ sym_j0_f32: sym_j0_f64
SYM_FN float sym_j0_f32(float x) { return (float)sym_j0_f64((double)x); }

//@ bessel_j1: j1_near_poly j1_p_poly j1_q_poly
SYM_FN double sym_bessel_j1(double x, double a, double d, double c) {
  double near = a < 8.0 ? a : 8.0, far = a < 8.0 ? 8.0 : a, r = 8.0 / far, t = 2.0 * r * r - 1.0;
  double n = (near < 1e-5 ? 0.5 : sym_j1_near_poly_f64(near * near * 0.03125 - 1.0)) * a;
  double p = sym_j1_p_poly_f64(t), q = sym_j1_q_poly_f64(t) * r;
  double y = (p * (d - c) + q * (c + d)) / __builtin_sqrt(3.14159265358979323846 * far);
  y = a < 8.0 ? n : a == __builtin_inf() ? 0.0 : y;
  return x != x ? x : x < 0.0 ? -y : x == 0.0 ? x : y;
}

//@ sym_j1_f64: bessel_j1 sym_sin_f64 sym_cos_f64
SYM_FN double sym_j1_f64(double x) {
  double a = sym_abs_f64(x);
  return sym_bessel_j1(x, a, sym_sin_f64(a), sym_cos_f64(a));
}

//@ sym_j1_usual_f64: bessel_j1 sym_sin_usual_f64 sym_cos_usual_f64
SYM_FN double sym_j1_usual_f64(unsigned long long *far, double x) {
  double a = sym_abs_f64(x);
  return sym_bessel_j1(x, a, sym_sin_usual_f64(far, a), sym_cos_usual_f64(far, a));
}

//@ sym_j1_f32: sym_j1_f64
SYM_FN float sym_j1_f32(float x) { return (float)sym_j1_f64((double)x); }
