/* Rounding to integers by adding and taking away 2^52 (2^23): SSE2 has no instruction, a call would not vectorise. */

//@ sym_rint_f32: base
/* Nearest integer, ties to even; keeps signed zeros, NaN and infinities. */
SYM_FN float sym_rint_f32(float x) {
  float a = sym_abs_f32(x), y = (a + 8388608.0f) - 8388608.0f;
  return a < 8388608.0f ? __builtin_copysignf(y, x) : x;
}

//@ sym_rint_f64: base
SYM_FN double sym_rint_f64(double x) {
  double a = sym_abs_f64(x), y = (a + 4503599627370496.0) - 4503599627370496.0;
  return a < 4503599627370496.0 ? __builtin_copysign(y, x) : x;
}

//@ sym_floor_f32: sym_rint_f32
SYM_FN float sym_floor_f32(float x) {
  float y = sym_rint_f32(x);
  return __builtin_copysignf(y > x ? y - 1.0f : y, x);
}

//@ sym_floor_f64: sym_rint_f64
SYM_FN double sym_floor_f64(double x) {
  double y = sym_rint_f64(x);
  return __builtin_copysign(y > x ? y - 1.0 : y, x);
}

//@ sym_ceil_f32: sym_rint_f32
SYM_FN float sym_ceil_f32(float x) {
  float y = sym_rint_f32(x);
  return __builtin_copysignf(y < x ? y + 1.0f : y, x);
}

//@ sym_ceil_f64: sym_rint_f64
SYM_FN double sym_ceil_f64(double x) {
  double y = sym_rint_f64(x);
  return __builtin_copysign(y < x ? y + 1.0 : y, x);
}

//@ sym_trunc_f32: sym_rint_f32
SYM_FN float sym_trunc_f32(float x) {
  float a = sym_abs_f32(x), y = sym_rint_f32(a);
  return __builtin_copysignf(y > a ? y - 1.0f : y, x);
}

//@ sym_trunc_f64: sym_rint_f64
SYM_FN double sym_trunc_f64(double x) {
  double a = sym_abs_f64(x), y = sym_rint_f64(a);
  return __builtin_copysign(y > a ? y - 1.0 : y, x);
}
