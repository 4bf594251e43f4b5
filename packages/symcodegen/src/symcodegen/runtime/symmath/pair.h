/* Sums and products with their rounding errors: pairs of floats as numbers of twice the width. */

//@ two_prod: base
/* a * b = p + error, exactly: T. J. Dekker, Numerische Mathematik 18 (1971), where there is no fused
 * multiply-add; |a| and |b| below 2^996 then. */
SYM_FN double sym_two_prod(double a, double b, double *error) {
  double p = a * b;
#if SYM_HAS_FMA
  *error = SYM_FMA(a, b, -p);
#else
  double ca = 134217729.0 * a, ah = ca - (ca - a), al = a - ah;
  double cb = 134217729.0 * b, bh = cb - (cb - b), bl = b - bh;
  *error = ((ah * bh - p) + ah * bl + al * bh) + al * bl;
#endif
  return p;
}

//@ two_prod_f32: base
/* The same in float32, where float64 has room for the product. */
SYM_FN float sym_two_prod_f32(float a, float b, float *error) {
  float p = a * b;
#if SYM_HAS_FMA
  *error = SYM_FMAF(a, b, -p);
#else
  *error = (float)((double)a * (double)b - (double)p);
#endif
  return p;
}

//@ two_sum: base
/* a + b = s + error, exactly (D. E. Knuth, The Art of Computer Programming, volume 2, section 4.2.2) */
SYM_FN double sym_two_sum(double a, double b, double *error) {
  double s = a + b, c = s - a;
  *error = (a - (s - c)) + (b - c);
  return s;
}

//@ product_plus: two_prod
/* a b + c for a small c: one rounding of weight, with and without a fused multiply-add. A zero keeps the
 * product's sign. */
SYM_FN double sym_product_plus(double a, double b, double c) {
#if SYM_HAS_FMA
  return SYM_FMA(a, b, c);
#else
  double lost, p = sym_two_prod(a, b, &lost), rest = lost + c;
  return rest == 0.0 ? p : p + rest;
#endif
}

//@ sum_with_rest: two_prod two_sum
/* a b + c and, where there is no fused multiply-add, what rounding takes from it; 0 where there is one. */
SYM_FN double sym_sum_with_rest(double a, double b, double c, double *rest) {
#if SYM_HAS_FMA
  *rest = 0.0;
  return SYM_FMA(a, b, c);
#else
  double lost, more, s = sym_two_sum(sym_two_prod(a, b, &lost), c, &more);
  *rest = lost + more;
  return s;
#endif
}
