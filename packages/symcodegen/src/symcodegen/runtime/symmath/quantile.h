/* Inverses of the error function and of the normal distribution: M. J. Wichura, "Algorithm AS 241: The Percentage Points of
 * the Normal Distribution", Applied Statistics 37 (1988), PPND16. float32 is computed in float64. */

//@ quantile: sym_log_f64
/* The point with the probability p below it, times `factor`, from x = q * `scale`, q = p - 1/2, and the smaller one of p and
 * 1 - p. */
SYM_FN double sym_quantile_f64(double x, double scale, double tail, double factor) {
  double q = x / scale;
  double z = SYM_FMA(-q, q, 0.180625), r = __builtin_sqrt(-sym_log_f64(tail)), u = r - 1.6, v = r - 5.0;
  double mn = 2509.0809287301227;
  mn = SYM_FMA(mn, z, 33430.57558358813);
  mn = SYM_FMA(mn, z, 67265.7709270087);
  mn = SYM_FMA(mn, z, 45921.95393154987);
  mn = SYM_FMA(mn, z, 13731.69376550946);
  mn = SYM_FMA(mn, z, 1971.5909503065513);
  mn = SYM_FMA(mn, z, 133.14166789178438);
  mn = SYM_FMA(mn, z, 3.3871328727963665);
  double md = 5226.495278852854;
  md = SYM_FMA(md, z, 28729.085735721943);
  md = SYM_FMA(md, z, 39307.89580009271);
  md = SYM_FMA(md, z, 21213.794301586597);
  md = SYM_FMA(md, z, 5394.196021424751);
  md = SYM_FMA(md, z, 687.1870074920579);
  md = SYM_FMA(md, z, 42.31333070160091);
  md = SYM_FMA(md, z, 1.0);
  double on = 0.0007745450142783414;
  on = SYM_FMA(on, u, 0.022723844989269184);
  on = SYM_FMA(on, u, 0.2417807251774506);
  on = SYM_FMA(on, u, 1.2704582524523684);
  on = SYM_FMA(on, u, 3.6478483247632045);
  on = SYM_FMA(on, u, 5.769497221460691);
  on = SYM_FMA(on, u, 4.630337846156546);
  on = SYM_FMA(on, u, 1.4234371107496835);
  double od = 1.0507500716444169e-09;
  od = SYM_FMA(od, u, 0.0005475938084995345);
  od = SYM_FMA(od, u, 0.015198666563616457);
  od = SYM_FMA(od, u, 0.14810397642748008);
  od = SYM_FMA(od, u, 0.6897673349851);
  od = SYM_FMA(od, u, 1.6763848301838038);
  od = SYM_FMA(od, u, 2.053191626637759);
  od = SYM_FMA(od, u, 1.0);
  double tn = 2.0103343992922881e-07;
  tn = SYM_FMA(tn, v, 2.7115555687434876e-05);
  tn = SYM_FMA(tn, v, 0.0012426609473880784);
  tn = SYM_FMA(tn, v, 0.026532189526576124);
  tn = SYM_FMA(tn, v, 0.29656057182850487);
  tn = SYM_FMA(tn, v, 1.7848265399172913);
  tn = SYM_FMA(tn, v, 5.463784911164114);
  tn = SYM_FMA(tn, v, 6.657904643501103);
  double td = 2.0442631033899397e-15;
  td = SYM_FMA(td, v, 1.421511758316446e-07);
  td = SYM_FMA(td, v, 1.8463183175100548e-05);
  td = SYM_FMA(td, v, 0.0007868691311456133);
  td = SYM_FMA(td, v, 0.014875361290850615);
  td = SYM_FMA(td, v, 0.1369298809227358);
  td = SYM_FMA(td, v, 0.599832206555888);
  td = SYM_FMA(td, v, 1.0);
  double far = (r <= 5.0 ? on : tn) / (r <= 5.0 ? od : td);
  far = r == __builtin_inf() ? r : far;
  far *= factor;
  return sym_abs_f64(q) <= 0.425 ? x * (mn / md * (factor / scale)) : (q < 0.0 ? -far : far);
}

//@ sym_normal_quantile_f64: quantile
SYM_FN double sym_normal_quantile_f64(double p) { return sym_quantile_f64(p - 0.5, 1.0, p < 0.5 ? p : 1.0 - p, 1.0); }

//@ sym_normal_quantile_f32: sym_normal_quantile_f64
SYM_FN float sym_normal_quantile_f32(float x) { return (float)sym_normal_quantile_f64((double)x); }

//@ sym_erfinv_f64: quantile
SYM_FN double sym_erfinv_f64(double x) {
  return sym_quantile_f64(x, 2.0, 0.5 - 0.5 * sym_abs_f64(x), 0.70710678118654752);
}

//@ sym_erfinv_f32: sym_erfinv_f64
SYM_FN float sym_erfinv_f32(float x) { return (float)sym_erfinv_f64((double)x); }

//@ sym_erfcinv_f64: quantile
SYM_FN double sym_erfcinv_f64(double x) {
  return sym_quantile_f64(1.0 - x, 2.0, x < 1.0 ? 0.5 * x : 1.0 - 0.5 * x, 0.70710678118654752);
}

//@ sym_erfcinv_f32: sym_erfcinv_f64
SYM_FN float sym_erfcinv_f32(float x) { return (float)sym_erfcinv_f64((double)x); }
