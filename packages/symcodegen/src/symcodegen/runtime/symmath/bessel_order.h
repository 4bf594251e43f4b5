/* Bessel functions of any real order: J and I, each element a computation of its own. The power series where its terms
 * shrink from the first one on (DLMF 10.2.2, 10.25.2); beyond, expansions for a large argument (10.17.3) or a large
 * order (P. Debye; DLMF 10.19.6, 10.41.3); what lies between, from there by the recurrence in the order, in the
 * direction in which it is stable, from below through a continued fraction (10.10.1, by the method of W. J. Lentz).
 * Errors of J are meant of the amplitude sqrt(2 / (pi x)) where it oscillates. float32 is computed in float64. */

//@ bessel_debye: base
/* The coefficients of U_k(p) / p^k in powers of p^2, k = 0 ... 9 (DLMF 10.41.9, in exact fractions). */
static const double sym_bessel_debye[55] = {
  1.0,
  0.125, -0.20833333333333334,
  0.0703125, -0.4010416666666667, 0.3342013888888889,
  0.0732421875, -0.8912109375, 1.8464626736111112, -1.0258125964506173,
  0.112152099609375, -2.3640869140625, 8.78912353515625, -11.207002616222994, 4.669584423426247,
  0.22710800170898438, -7.368794359479632, 42.53499874538846, -91.81824154324002, 84.63621767460073,
  -28.212072558200244,
  0.5725014209747314, -26.491430486951554, 218.1905117442116, -699.5796273761325, 1059.9904525279999,
  -765.2524681411817, 212.57013003921713,
  1.7277275025844574, -108.09091978839466, 1200.9029132163525, -5305.646978613403, 11655.393336864534,
  -13586.550006434138, 8061.722181737309, -1919.457662318407,
  6.074042001273483, -493.915304773088, 7109.514302489364, -41192.65496889755, 122200.46498301746,
  -203400.17728041555, 192547.00123253153, -96980.59838863752, 20204.29133096615,
  24.380529699556064, -2499.8304818112097, 45218.76898136273, -331645.1724845636, 1268365.2733216248,
  -2813563.226586534, 3763271.297656404, -2998015.9185381066, 1311763.6146629772, -242919.18790055133,
};
/* The terms U_k / v^k as D^-k times a polynomial in t: for I with D = hypot(v, x), t = (v / D)^2, for J with
 * D = sqrt(x^2 - v^2), t = -(v / D)^2. */
SYM_FN void sym_bessel_terms(double inverse, double t, double *term) {
  const double *c = sym_bessel_debye;
  double scale = 1.0;
  for (int k = 0; k < 10; c += ++k) {
    double y = c[k];
    for (int i = k - 1; i >= 0; i--) y = SYM_FMA(y, t, c[i]);
    term[k] = y * scale;
    scale *= inverse;
  }
}

//@ bessel_leading: sym_pow_f64 sym_gamma_f64 log_wide sym_exp_f64 stirling two_prod two_sum
/* (x / 2)^v / gamma(v + 1), x > 0. From 10 on by Stirling's formula, with a pair as the exponent. */
static __attribute__((noinline, unused)) double sym_bessel_leading(double v, double x) {
  if (v == 0.0) return 1.0;
  if (v < 10.0) return sym_pow_f64(0.5 * x, v) / sym_gamma_f64(v + 1.0);
  double q = 0.5 * x / v, low, high = sym_log_wide(q, &low), pe, se;
  double s = sym_two_sum(sym_two_prod(v, high, &pe), v, &se), lost = v * (SYM_FMA(-q, 2.0 * v, x) / x);
  if (s < -800.0) return 0.0;
  low = (pe + se) + SYM_FMA(v, low, lost);
  double e = sym_exp_f64(s) * sym_exp_f64(-sym_stirling_f64(v)) / __builtin_sqrt(6.283185307179586 * v);
  return e < __builtin_inf() ? SYM_FMA(e, low, e) : e;
}

//@ bessel_series: bessel_leading
/* The power series of J (sign -1) or I (sign 1); an order below 0 is no whole number. */
static __attribute__((noinline, unused)) double sym_bessel_series(double v, double x, double sign) {
  double q = 0.25 * x * x, term = 1.0, sum = 1.0;
  for (double k = 1.0; k < 1000.0; k++) {
    term *= sign * q / (k * (k + v));
    sum += term;
    if (k > -v && sym_abs_f64(term) <= 1e-17 * sym_abs_f64(sum)) break;
  }
  return sym_bessel_leading(v, x) * sum;
}

//@ bessel_wave: bessel_debye sym_sin_f64 sym_cos_f64 sym_arcsin_f64 sym_arctan2_f64 sym_rint_f64
/* J of either sign of the order, where it oscillates: x >= 25 and v^2 <= 2 x, or x > 200 and |v| well below x. With x
 * itself under sine and cosine: its phase is not rounded. */
static __attribute__((noinline, unused)) double sym_bessel_wave(double v, double x) {
  double a = sym_abs_f64(v), even = 1.0, odd = 0.0, width = x, bend = 0.0, direct = 0.0;
  if (a * a <= 2.0 * x) {
    double term = 1.0, most = 1e300, square = 4.0 * a * a;
    for (int k = 1; k < 60; k++) {
      double m = 2.0 * k - 1.0;
      term *= (square - m * m) / (8.0 * k * x);
      if (sym_abs_f64(term) > most || sym_abs_f64(term) < 1e-18) break;
      most = m > 2.0 * a ? sym_abs_f64(term) : most;
      if (k & 1) odd += k & 2 ? term : -term; else even += k & 2 ? -term : term;
    }
  } else {
    double term[10];
    width = __builtin_sqrt((x - a) * (x + a));
    sym_bessel_terms(1.0 / width, -(a / width) * (a / width), term);
    even = term[0] - term[2] + term[4] - term[6] + term[8];
    odd = term[1] - term[3] + term[5] - term[7] + term[9];
    if (a > 0.5 * x) direct = width - a * sym_arctan2_f64(width, a);
    else bend = a * sym_arcsin_f64(a / x) - a * a / (width + x);
  }
  /* The phase is x + bend - (v / 2 + 1 / 4) pi, or with the leading part in one piece. */
  double turn = 0.5 * v + 0.25, c, s;
  if (direct != 0.0) {
    turn = v < 0.0 ? 0.25 - a : 0.25;
    turn -= 2.0 * sym_rint_f64(0.5 * turn);
    double phase = direct - 3.141592653589793 * turn;
    c = sym_cos_f64(phase);
    s = sym_sin_f64(phase);
  } else {
    turn -= 2.0 * sym_rint_f64(0.5 * turn);
    double rest = bend - 3.141592653589793 * turn, cr = sym_cos_f64(rest), sr = sym_sin_f64(rest);
    double cx = sym_cos_f64(x), sx = sym_sin_f64(x);
    c = cx * cr - sx * sr;
    s = sx * cr + cx * sr;
  }
  return __builtin_sqrt(0.6366197723675814 / width) * (c * even + s * odd);
}
/* The largest order of which this is right. */
SYM_FN double sym_bessel_wave_limit(double x) {
  double root = __builtin_sqrt(2.0 * x), other = x - 21.0 * sym_pow_f64(x, 1.0 / 3.0);
  return x > 200.0 && other > root ? other : root;
}

//@ bessel_steps: base
/* From J of the orders v and v + 1 by the recurrence to that of order v + n (n > 0) or v + n + 1. */
SYM_FN double sym_bessel_up(double v, double x, double first, double second, double n) {
  for (double k = 1.0; k < n; k++) {
    double next = 2.0 * (v + k) / x * second - first;
    first = second;
    second = next;
  }
  return second;
}
/* To the order v - n, n >= 0. */
SYM_FN double sym_bessel_down(double v, double x, double first, double second, double n) {
  for (double k = 0.0; k < n && sym_abs_f64(first) < __builtin_inf(); k++) {
    double next = 2.0 * (v - k) / x * first - second;
    second = first;
    first = next;
  }
  return first;
}
/* J of order v + 1 divided by that of order v, v >= x. */
SYM_FN double sym_bessel_ratio(double v, double x) {
  double b = 2.0 * (v + 1.0) / x, c = 1e300, d = 1.0 / b, f = d;
  for (double k = 2.0; k < 1e7; k++) {
    b = 2.0 * (v + k) / x;
    d = 1.0 / (b - d);
    c = b - 1.0 / c;
    f *= c * d;
    if (sym_abs_f64(c * d - 1.0) < 1e-16) break;
  }
  return f;
}

//@ bessel_jv: bessel_series bessel_wave bessel_steps sym_pow_f64 sym_floor_f64 sym_ceil_f64
/* J of order v >= 0, x > 0, from orders for which an expansion is right. */
static __attribute__((noinline, unused)) double sym_bessel_positive(double v, double x) {
  double q = 0.25 * x * x;
  if (q <= v + 1.0) return sym_bessel_series(v, x, -1.0);
  if (x < 25.0) { /* from above */
    double n = sym_ceil_f64(q - v), top = v + n;
    return sym_bessel_down(top, x, sym_bessel_series(top, x, -1.0), sym_bessel_series(top + 1.0, x, -1.0), n);
  }
  double limit = sym_bessel_wave_limit(x);
  if (v <= limit) return sym_bessel_wave(v, x);
  double n = sym_ceil_f64(v - limit) + 1.0, low = v - n;
  if (v > x + 100.0 * sym_pow_f64(x, 1.0 / 3.0) + 100.0) return 0.0;
  if (n > 1e7) return __builtin_nan("");
  double first = sym_bessel_wave(low, x), second = sym_bessel_wave(low + 1.0, x);
  if (v < x) return sym_bessel_up(low, x, first, second, n);
  /* The ratio at v, downward to the known orders, whose larger value gives the scale. */
  double f = 1.0, g = sym_bessel_ratio(v, x), scale = 1.0;
  for (double k = 0.0; k < n; k++) {
    double next = 2.0 * (v - k) / x * f - g;
    g = f;
    f = next;
    if (sym_abs_f64(f) > 1e250) f *= 1e-250, g *= 1e-250, scale *= 1e-250;
  }
  return sym_abs_f64(f) > sym_abs_f64(g) ? scale * (first / f) : scale * (second / g);
}
/* Order -a, where a > 0 is no whole number: downward, in which direction what is left of J and Y does not shrink. */
static __attribute__((noinline, unused)) double sym_bessel_negative(double a, double x) {
  double n = sym_ceil_f64(a), start = n - a, first, second;
  if (x <= 1.0) return sym_bessel_series(-a, x, -1.0);
  if (x >= 25.0) {
    double limit = sym_bessel_wave_limit(x);
    if (a <= limit) return sym_bessel_wave(-a, x);
    n = sym_ceil_f64(a - limit);
    start = n - a;
    if (n > 1e7) return __builtin_nan("");
    first = sym_bessel_wave(start, x);
    second = sym_bessel_wave(start + 1.0, x);
  } else {
    first = sym_bessel_positive(start, x);
    second = sym_bessel_positive(start + 1.0, x);
  }
  return sym_bessel_down(start, x, first, second, n);
}

static __attribute__((noinline, unused)) double sym_jv_of(double v, double x) {
  const double inf = __builtin_inf(), nan = __builtin_nan("");
  double a = sym_abs_f64(v), z = sym_abs_f64(x), half = 0.5 * a;
  int whole = sym_floor_f64(a) == a, odd = whole && sym_floor_f64(half) != half && a < 9e15;
  if (v != v || x != x || (x < 0.0 && !whole)) return nan;
  if (z == inf || a == inf) return z == a ? nan : 0.0;
  double sign = odd && (v < 0.0) != (x < 0.0) ? -1.0 : 1.0;
  if (z == 0.0) {
    if (v == 0.0) return 1.0;
    return v > 0.0 || whole ? 0.0 : inf / sym_gamma_f64(1.0 + v);
  }
  return v < 0.0 && !whole ? sym_bessel_negative(a, z) : sign * sym_bessel_positive(a, z);
}

//@ bessel_iv: bessel_series bessel_debye sinpi sym_exp_f64 sym_arcsinh_f64 sym_floor_f64
/* I (sign 1) or K (sign -1) of order v >= 0 for hypot(v, x) >= 80. The exponential in two equal factors, which do not
 * overflow before their product with the rest does. */
static __attribute__((noinline, unused)) double sym_bessel_large(double v, double x, double sign) {
  if (v > 1e150) return sign > 0.0 ? 0.0 : __builtin_inf();
  if (x > 1e150) return sign > 0.0 ? __builtin_inf() : 0.0;
  double radius = __builtin_sqrt(v * v + x * x), share = v / radius, term[10], sum = 0.0;
  double rest = v * (v / (radius + x)) - v * sym_arcsinh_f64(v / x), half;
  sym_bessel_terms(1.0 / radius, share * share, term);
  for (int k = 9; k >= 0; k--) sum += k & 1 ? sign * term[k] : term[k];
  half = x < 1400.0 ? sym_exp_f64(sign * 0.5 * x) * sym_exp_f64(sign * 0.5 * rest)
                    : sym_exp_f64(sign * 0.5 * (x + rest));
  return half * (sum * __builtin_sqrt((sign > 0.0 ? 0.15915494309189535 : 1.5707963267948966) / radius)) * half;
}
/* K of order a >= 0 for 2 <= x and hypot(a, x) < 80: the integral of exp(-x cosh t) cosh(a t) over t >= 0, of which the
 * trapezoidal rule loses less than exp(-60). */
SYM_FN double sym_bessel_k_middle(double a, double x) {
  double sum = 0.5 * sym_exp_f64(-x), step = 0.0625;
  for (double k = 1.0; k < 400.0; k++) {
    double t = step * k, e = sym_exp_f64(t), inverse = 1.0 / e;
    double term = sym_exp_f64(SYM_FMA(a, t, -0.5 * x * (e + inverse))) * (0.5 + 0.5 * sym_exp_f64(-2.0 * a * t));
    sum += term;
    if (0.5 * x * (e - inverse) > a && term < 1e-18 * sum) break;
  }
  return step * sum;
}
static __attribute__((noinline, unused)) double sym_iv_of(double v, double x) {
  const double inf = __builtin_inf(), nan = __builtin_nan("");
  double a = sym_abs_f64(v), z = sym_abs_f64(x), half = 0.5 * a, low;
  int whole = sym_floor_f64(a) == a, odd = whole && sym_floor_f64(half) != half && a < 9e15;
  if (v != v || x != x || (x < 0.0 && !whole)) return nan;
  double sign = odd && x < 0.0 ? -1.0 : 1.0;
  if (z == inf || a == inf) return z == a ? nan : z == inf ? sign * inf : 0.0;
  if (z == 0.0) {
    if (v == 0.0) return 1.0;
    return v > 0.0 || whole ? 0.0 : inf / sym_gamma_f64(1.0 + v);
  }
  int far = a >= 80.0 || z >= 80.0 || a * a + z * z >= 6400.0;
  if (v < 0.0 && !whole && z < 2.0 && !far) return sym_bessel_series(v, z, 1.0);
  double y = far ? sym_bessel_large(a, z, 1.0) : sym_bessel_series(a, z, 1.0);
  if (v >= 0.0 || whole) return sign * y;
  double k = far ? sym_bessel_large(a, z, -1.0) : sym_bessel_k_middle(a, z);
  return y + 0.6366197723675814 * sym_sin_of_pi_f64(a, &low) * k;
}

//@ sym_jv_f64: bessel_jv
SYM_FN double sym_jv_f64(double v, double x) { return sym_jv_of(v, x); }

//@ sym_jv_f32: bessel_jv
SYM_FN float sym_jv_f32(float v, float x) { return (float)sym_jv_of((double)v, (double)x); }

//@ sym_iv_f64: bessel_iv
SYM_FN double sym_iv_f64(double v, double x) { return sym_iv_of(v, x); }

//@ sym_iv_f32: bessel_iv
SYM_FN float sym_iv_f32(float v, float x) { return (float)sym_iv_of((double)v, (double)x); }
