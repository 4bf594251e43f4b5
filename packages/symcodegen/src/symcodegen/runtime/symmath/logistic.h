/* The functions of neural networks, through exp(-|x|): it cannot overflow, so both tails keep all their digits. */

//@ sym_sigmoid_f32: sym_exp_f32
/* 1 / (1 + exp(-x)), and exp(x) / (1 + exp(x)) for negative x: denormal results included. */
SYM_FN float sym_sigmoid_f32(float x) {
  float e = sym_exp_f32(-sym_abs_f32(x));
  return (x < 0.0f ? e : 1.0f) / (1.0f + e);
}

//@ sym_sigmoid_f64: sym_exp_f64
SYM_FN double sym_sigmoid_f64(double x) {
  double e = sym_exp_f64(-sym_abs_f64(x));
  return (x < 0.0 ? e : 1.0) / (1.0 + e);
}

//@ sym_sigmoid_usual_f32: sym_exp_usual_f32
SYM_FN float sym_sigmoid_usual_f32(sym_u32 *unusual, float x) {
  float e = sym_exp_usual_f32(unusual, -sym_abs_f32(x));
  return (x < 0.0f ? e : 1.0f) / (1.0f + e);
}

//@ sym_sigmoid_usual_f64: sym_exp_usual_f64
SYM_FN double sym_sigmoid_usual_f64(sym_u64 *unusual, double x) {
  double e = sym_exp_usual_f64(unusual, -sym_abs_f64(x));
  return (x < 0.0 ? e : 1.0) / (1.0 + e);
}

//@ log1p_unit: log_parts
/* log(1 + z) for 0 <= z <= 1: above sqrt(2) - 1, (1 + z) / 2 takes the place of 1 + z, and nothing is lost in the sum. */
SYM_FN float sym_log1p_unit_f32(float z) {
  float k = z > 0.414213562f ? 1.0f : 0.0f, f = z > 0.414213562f ? 0.5f * (z - 1.0f) : z;
  return sym_log_quotient_f32(k, f, 2.0f + f);
}
SYM_FN double sym_log1p_unit_f64(double z) {
  double k = z > 0.41421356237309503 ? 1.0 : 0.0, f = z > 0.41421356237309503 ? 0.5 * (z - 1.0) : z;
  return sym_log_quotient_f64(k, f, 2.0 + f);
}

//@ sym_softplus_f32: sym_exp_f32 log1p_unit
/* log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)) */
SYM_FN float sym_softplus_f32(float x) {
  return (x < 0.0f ? 0.0f : x) + sym_log1p_unit_f32(sym_exp_f32(-sym_abs_f32(x)));
}

//@ sym_softplus_f64: sym_exp_f64 log1p_unit
SYM_FN double sym_softplus_f64(double x) {
  return (x < 0.0 ? 0.0 : x) + sym_log1p_unit_f64(sym_exp_f64(-sym_abs_f64(x)));
}

//@ sym_log_sigmoid_f32: sym_softplus_f32
/* log(sigmoid(x)), which is x, not -infinity, where the sigmoid underflows */
SYM_FN float sym_log_sigmoid_f32(float x) { return -sym_softplus_f32(-x); }

//@ sym_log_sigmoid_f64: sym_softplus_f64
SYM_FN double sym_log_sigmoid_f64(double x) { return -sym_softplus_f64(-x); }
