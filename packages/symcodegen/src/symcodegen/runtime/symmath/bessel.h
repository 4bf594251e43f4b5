/* Modified Bessel functions of the first kind: up to 8 the power series, whose terms are all positive (Abramowitz and
 * Stegun, 9.6.10); beyond, exp(x) / sqrt(x) times a polynomial in 1 / x. float32 is computed in float64. Polynomials come
 * from tools/fit_special.py. */

//@ i0_far_poly: base
/* relative error 6.4e-17 */
SYM_FN double sym_i0_far_poly_f64(double t) {
  double s = t * t;
  double e = -5.905024573995148e-11;
  e = SYM_FMA(e, s, 4.4789181847911815e-10);
  e = SYM_FMA(e, s, -1.5930354799216344e-09);
  e = SYM_FMA(e, s, 3.5985362919394714e-09);
  e = SYM_FMA(e, s, -5.91556056510856e-09);
  e = SYM_FMA(e, s, 7.406235049001522e-09);
  e = SYM_FMA(e, s, -5.394456734259438e-09);
  e = SYM_FMA(e, s, -6.750552282740284e-09);
  e = SYM_FMA(e, s, 2.15488936175863e-08);
  e = SYM_FMA(e, s, 8.872214307451732e-08);
  e = SYM_FMA(e, s, 1.4838475687894938e-06);
  e = SYM_FMA(e, s, 0.00013621607439186705);
  e = SYM_FMA(e, s, 0.4021765094450081);
  double o = 2.0820835852793106e-11;
  o = SYM_FMA(o, s, -1.5066113686101474e-10);
  o = SYM_FMA(o, s, 5.122212147228388e-10);
  o = SYM_FMA(o, s, -1.1448789558755036e-09);
  o = SYM_FMA(o, s, 2.1053080134403423e-09);
  o = SYM_FMA(o, s, -3.905230623712341e-09);
  o = SYM_FMA(o, s, 7.737147033780934e-09);
  o = SYM_FMA(o, s, -1.346629294837396e-08);
  o = SYM_FMA(o, s, 7.566352487698237e-09);
  o = SYM_FMA(o, s, 3.932437699533459e-08);
  o = SYM_FMA(o, s, 2.9735996224521226e-07);
  o = SYM_FMA(o, s, 1.1143033787545386e-05);
  o = SYM_FMA(o, s, 0.0033605519836678944);
  return SYM_FMA(o, t, e);
}

//@ i1_far_poly: base
/* relative error 2.1e-17 */
SYM_FN double sym_i1_far_poly_f64(double t) {
  double s = t * t;
  double e = 6.135932778393812e-11;
  e = SYM_FMA(e, s, -4.6561597954216946e-10);
  e = SYM_FMA(e, s, 1.657764699456319e-09);
  e = SYM_FMA(e, s, -3.75344338735913e-09);
  e = SYM_FMA(e, s, 6.202984113000443e-09);
  e = SYM_FMA(e, s, -7.863004697555056e-09);
  e = SYM_FMA(e, s, 5.963645798166707e-09);
  e = SYM_FMA(e, s, 6.737493433374833e-09);
  e = SYM_FMA(e, s, -2.337446787242448e-08);
  e = SYM_FMA(e, s, -1.0001282610189342e-07);
  e = SYM_FMA(e, s, -1.8349101357991557e-06);
  e = SYM_FMA(e, s, -0.00021923576383382282);
  e = SYM_FMA(e, s, 0.38939845902587233);
  double o = -1.9677083272584384e-11;
  o = SYM_FMA(o, s, 1.417650842869536e-10);
  o = SYM_FMA(o, s, -4.798751536934023e-10);
  o = SYM_FMA(o, s, 1.0715528639398075e-09);
  o = SYM_FMA(o, s, -1.992076551203188e-09);
  o = SYM_FMA(o, s, 3.803814960536081e-09);
  o = SYM_FMA(o, s, -7.816968266767898e-09);
  o = SYM_FMA(o, s, 1.408852075202545e-08);
  o = SYM_FMA(o, s, -8.43880090582137e-09);
  o = SYM_FMA(o, s, -4.312778920167609e-08);
  o = SYM_FMA(o, s, -3.4838567401229716e-07);
  o = SYM_FMA(o, s, -1.5038547197358572e-05);
  o = SYM_FMA(o, s, -0.009749577193235768);
  return SYM_FMA(o, t, e);
}

//@ bessel_far: sym_exp_f64
/* y exp(x) / sqrt(x), without overflow before its time */
SYM_FN double sym_bessel_far_f64(double x, double y) {
  double h = sym_exp_f64(0.5 * x);
  return y / __builtin_sqrt(x) * h * h;
}

//@ sym_i0_f64: i0_far_poly bessel_far
SYM_FN double sym_i0_f64(double x) {
  double a = sym_abs_f64(x), z = 0.25 * a * a, far = a > 8.0 ? a : 8.0;
  double near = 8.434015951438106e-57;
  near = SYM_FMA(near, z, 6.14839762859838e-54);
  near = SYM_FMA(near, z, 4.156316796932504e-51);
  near = SYM_FMA(near, z, 2.5976979980828152e-48);
  near = SYM_FMA(near, z, 1.4962740468957016e-45);
  near = SYM_FMA(near, z, 7.915289708078262e-43);
  near = SYM_FMA(near, z, 3.8310002187098785e-40);
  near = SYM_FMA(near, z, 1.6894710964510564e-37);
  near = SYM_FMA(near, z, 6.757884385804225e-35);
  near = SYM_FMA(near, z, 2.4395962632753253e-32);
  near = SYM_FMA(near, z, 7.904291893012054e-30);
  near = SYM_FMA(near, z, 2.2843403570804838e-27);
  near = SYM_FMA(near, z, 5.8479113141260385e-25);
  near = SYM_FMA(near, z, 1.3157800456783586e-22);
  near = SYM_FMA(near, z, 2.5789288895295828e-20);
  near = SYM_FMA(near, z, 4.358389823304995e-18);
  near = SYM_FMA(near, z, 6.276081345559193e-16);
  near = SYM_FMA(near, z, 7.594058428126623e-14);
  near = SYM_FMA(near, z, 7.594058428126624e-12);
  near = SYM_FMA(near, z, 6.151187326782565e-10);
  near = SYM_FMA(near, z, 3.936759889140842e-08);
  near = SYM_FMA(near, z, 1.9290123456790124e-06);
  near = SYM_FMA(near, z, 6.944444444444444e-05);
  near = SYM_FMA(near, z, 0.001736111111111111);
  near = SYM_FMA(near, z, 0.027777777777777776);
  near = SYM_FMA(near, z, 0.25);
  near = SYM_FMA(near, z, 1.0);
  near = SYM_FMA(near, z, 1.0);
  double y = sym_bessel_far_f64(far, sym_i0_far_poly_f64(16.0 / far - 1.0));
  y = far < 800.0 ? y : __builtin_inf();
  return a <= 8.0 ? near : (x != x ? x : y);
}

//@ sym_i0_f32: sym_i0_f64
SYM_FN float sym_i0_f32(float x) { return (float)sym_i0_f64((double)x); }

//@ sym_i1_f64: i1_far_poly bessel_far
SYM_FN double sym_i1_f64(double x) {
  double a = sym_abs_f64(x), z = 0.25 * a * a, far = a > 8.0 ? a : 8.0;
  double near = 1.5060742770425188e-58;
  near = SYM_FMA(near, z, 1.1385921534441443e-55);
  near = SYM_FMA(near, z, 7.992916917177893e-53);
  near = SYM_FMA(near, z, 5.195395996165631e-50);
  near = SYM_FMA(near, z, 3.1172375976993783e-47);
  near = SYM_FMA(near, z, 1.7207151539300568e-44);
  near = SYM_FMA(near, z, 8.706818678886087e-42);
  near = SYM_FMA(near, z, 4.022550229645372e-39);
  near = SYM_FMA(near, z, 1.6894710964510563e-36);
  near = SYM_FMA(near, z, 6.419990166514014e-34);
  near = SYM_FMA(near, z, 2.195636636947793e-31);
  near = SYM_FMA(near, z, 6.718648109060246e-29);
  near = SYM_FMA(near, z, 1.827472285664387e-26);
  near = SYM_FMA(near, z, 4.385933485594529e-24);
  near = SYM_FMA(near, z, 9.21046031974851e-22);
  near = SYM_FMA(near, z, 1.676303778194229e-19);
  near = SYM_FMA(near, z, 2.615033893982997e-17);
  near = SYM_FMA(near, z, 3.451844740057556e-15);
  near = SYM_FMA(near, z, 3.7970292140633116e-13);
  near = SYM_FMA(near, z, 3.417326292656981e-11);
  near = SYM_FMA(near, z, 2.460474930713026e-09);
  near = SYM_FMA(near, z, 1.3778659611992944e-07);
  near = SYM_FMA(near, z, 5.787037037037037e-06);
  near = SYM_FMA(near, z, 0.00017361111111111112);
  near = SYM_FMA(near, z, 0.003472222222222222);
  near = SYM_FMA(near, z, 0.041666666666666664);
  near = SYM_FMA(near, z, 0.25);
  near = SYM_FMA(near, z, 0.5);
  double y = sym_bessel_far_f64(far, sym_i1_far_poly_f64(16.0 / far - 1.0));
  y = __builtin_copysign(far < 800.0 ? y : __builtin_inf(), x);
  return a <= 8.0 ? near * x : (x != x ? x : y);
}

//@ sym_i1_f32: sym_i1_f64
SYM_FN float sym_i1_f32(float x) { return (float)sym_i1_f64((double)x); }
