/* Derivatives of the digamma function of any order n: (-1)^(n + 1) n! zeta(n + 1, x), with Hurwitz's zeta function by
 * the summation formula of Euler and Maclaurin (DLMF 25.11.28), negative arguments through the sum over all whole
 * numbers. Orders 0 and 1 are psi and tri_gamma. Each element is a loop of its own; float32 is computed in float64. */

//@ polygamma_sum: bessel_leading sym_pow_f64 sym_ceil_f64
/* n! zeta(n + 1, x) for x > 0: the first term, n! / x^(n + 1), times the sum of the others' shares of it. */
static __attribute__((noinline, unused)) double sym_polygamma_sum(double n, double x) {
  static const double bernoulli[10] = { /* B_2k / (2 k)! */
    0.08333333333333333, -0.001388888888888889, 3.306878306878307e-05, -8.267195767195768e-07, 2.08767569878681e-08,
    -5.284190138687493e-10, 1.3382536530684679e-11, -3.3896802963225827e-13, 8.586062056277845e-15,
    -2.174868698558062e-16,
  };
  double first = 1.0 / (sym_bessel_leading(n, 2.0 * x) * x), sum = 0.0, s = n + 1.0, far = x, share = 1.0;
  for (int k = 0; far < n + 12.0 && k < 1000; k++, far += 1.0) { /* 41 x / n terms, where n is large */
    sum += share;
    share = sym_pow_f64(x / (far + 1.0), s);
    if (share < 1e-18 * sum) return first * sum;
  }
  double inverse = 1.0 / far, tail = far / n + 0.5, term = s * inverse;
  for (double k = 0.0; k < 10.0; k++) {
    tail += bernoulli[(int)k] * term;
    term *= (s + 2.0 * k + 1.0) * (s + 2.0 * k + 2.0) * inverse * inverse;
  }
  return first * SYM_FMA(share, tail, sum);
}

//@ polygamma_of: polygamma_sum sym_psi_f64 sym_tri_gamma_f64 sym_floor_f64 sym_rint_f64
static __attribute__((noinline, unused)) double sym_polygamma_of(double n, double x) {
  const double inf = __builtin_inf();
  if (!(n >= 0.0 && n < inf) || sym_floor_f64(n) != n || x != x) return __builtin_nan("");
  if (n == 0.0) return sym_psi_f64(x);
  if (n == 1.0 && x > -inf) return sym_tri_gamma_f64(x);
  double half = 0.5 * n, sign = sym_floor_f64(half) == half ? -1.0 : 1.0; /* that of the result for x > 0 */
  if (x == inf) return sign * 0.0;
  if (x > 0.0) return sign * sym_polygamma_sum(n, x);
  double nearest = sym_rint_f64(x), r = x - nearest;
  if (nearest == x) return sign * inf;
  double right = r > 0.0 ? r : 1.0 + r, left = r > 0.0 ? 1.0 - r : -r;
  double a = sym_polygamma_sum(n, right), b = sym_polygamma_sum(n, left), rest = sym_polygamma_sum(n, 1.0 - x);
  if (b < inf) return sign * (a + sign * (b - rest));
  /* Beyond the largest number the nearer pole decides; halfway between two of them they cancel where n is even. */
  return a < inf || right > left ? b : sign * (right < left || sign > 0.0 ? inf : rest);
}

//@ sym_polygamma_f64: polygamma_of
SYM_FN double sym_polygamma_f64(double n, double x) { return sym_polygamma_of(n, x); }

//@ sym_polygamma_f32: polygamma_of
SYM_FN float sym_polygamma_f32(float n, float x) { return (float)sym_polygamma_of((double)n, (double)x); }
