/* Choices that C's operators get wrong for NaN or for signs; results as NumPy's. */

//@ sym_maximum_f32: base
/* The larger one; NaN if either is (the first one's, as in NumPy). */
SYM_FN float sym_maximum_f32(float a, float b) { return ((a > b) | (a != a)) ? a : b; }

//@ sym_maximum_f64: base
SYM_FN double sym_maximum_f64(double a, double b) { return ((a > b) | (a != a)) ? a : b; }

//@ sym_minimum_f32: base
SYM_FN float sym_minimum_f32(float a, float b) { return ((a < b) | (a != a)) ? a : b; }

//@ sym_minimum_f64: base
SYM_FN double sym_minimum_f64(double a, double b) { return ((a < b) | (a != a)) ? a : b; }

//@ sym_sign_f32: base
/* -1, 0 or 1; NaN of NaN. */
SYM_FN float sym_sign_f32(float x) { return x > 0.0f ? 1.0f : (x < 0.0f ? -1.0f : (x == 0.0f ? 0.0f : x)); }

//@ sym_sign_f64: base
SYM_FN double sym_sign_f64(double x) { return x > 0.0 ? 1.0 : (x < 0.0 ? -1.0 : (x == 0.0 ? 0.0 : x)); }
