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

//@ sym_softplus_f32: sym_exp_f32 sym_log1p_f32
/* log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)) */
SYM_FN float sym_softplus_f32(float x) {
  return (x < 0.0f ? 0.0f : x) + sym_log1p_f32(sym_exp_f32(-sym_abs_f32(x)));
}

//@ sym_softplus_f64: sym_exp_f64 sym_log1p_f64
SYM_FN double sym_softplus_f64(double x) {
  return (x < 0.0 ? 0.0 : x) + sym_log1p_f64(sym_exp_f64(-sym_abs_f64(x)));
}

//@ sym_log_sigmoid_f32: sym_softplus_f32
/* log(sigmoid(x)), which is x, not -infinity, where the sigmoid underflows */
SYM_FN float sym_log_sigmoid_f32(float x) { return -sym_softplus_f32(-x); }

//@ sym_log_sigmoid_f64: sym_softplus_f64
SYM_FN double sym_log_sigmoid_f64(double x) { return -sym_softplus_f64(-x); }
