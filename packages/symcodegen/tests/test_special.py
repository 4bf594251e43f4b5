"""Special functions of symmath: accuracy in units in the last place, special values, vectorisation."""

import importlib.util
import platform
import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy import special

pytestmark = [pytest.mark.c, pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not on PATH")]
_SPEC = importlib.util.spec_from_file_location("symmath_build", Path(__file__).parents[1] / "tools/symmath_build.py")
tools = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(tools)

INF, NAN = np.inf, np.nan
KINDS = {"f32": np.float32, "f64": np.float64}
SCIPY = {
    "gamma": special.gamma, "gammaln": special.gammaln, "psi": special.psi, "erfcx": special.erfcx,
    "tri_gamma": lambda x: special.polygamma(1, x), "erfinv": special.erfinv, "erfcinv": special.erfcinv,
    "normal_quantile": special.ndtri, "i0": special.i0, "i1": special.i1,
}  # fmt: skip
#: Intervals of samples ("log": over magnitudes, both signs where the first end is negative).
INTERVALS = {
    "gamma": [(1e-300, 1e-3, "log"), (1e-3, 8, ""), (4.9, 5.1, ""), (8, 171, ""), (-1e-300, 1e-3, "log"), (-20, 0, ""),
              (-170, -20, ""), (-184, -170, "")],
    "gammaln": [(1e-300, 1e-3, "log"), (1e-3, 3, ""), (0.999, 1.001, ""), (1.999, 2.001, ""), (2, 9, ""),
                (5.9, 100, ""), (100, 1e305, "log")],
    "psi": [(1e-300, 1e-3, "log"), (1e-3, 3, ""), (1.46, 1.4632, ""), (2, 9, ""), (8, 1e10, "log")],
    "tri_gamma": [(-1e-100, 1e-3, "log"), (1e-3, 9, ""), (0.9, 1.1, ""), (8, 1e10, "log"), (-9, 0, "")],
    "erfcx": [(-26, 0, ""), (0, 1, ""), (1, 28, ""), (26, 1e10, "log")],
    "erfinv": [(-1e-300, 1e-3, "log"), (0.001, 0.01, ""),
               (-0.9999, 0.9999, ""), (0.99, 1, ""), (0.999998, 0.999999, "")],
    "erfcinv": [(1e-300, 1e-3, "log"), (1e-3, 1.99, ""), (0.99, 1.01, ""), (1.99, 2, "")],
    "normal_quantile": [(1e-300, 1e-3, "log"), (1e-3, 0.999, ""), (0.46, 0.51, ""), (0.99, 1, "")],
    "i0": [(-8, 8, ""), (5.9, 30, ""), (30, 713, "")],
    "i1": [(-8, 8, ""), (4, 6, ""), (-1e-300, 1e-3, "log"), (5.9, 30, ""), (30, 713, "")],
}  # fmt: skip
#: The largest error in units in the last place: half a unit for the last operation, half a unit for what enters it
#: rounded, and what polynomials and their arguments add. In float32 half a unit and little more, where it is computed
#: in float64.
BOUND = 2.5
NATIVE_F32 = frozenset({"gammaln", "erfinv", "erfcinv", "normal_quantile"})


BUILDS = {"light": [*tools.LIGHT, "-march=native"], "heavy": [*tools.HEAVY, "-march=native"]}
if platform.machine() in ("x86_64", "AMD64"):  # without a fused multiply-add, which all are meant to do without
    BUILDS["sse2"] = [*tools.LIGHT, "-march=x86-64"]


@pytest.fixture(scope="module", params=BUILDS)
def built(request, tmp_path_factory):
    out = tmp_path_factory.mktemp("special") / f"{request.param}.so"
    flags = [*BUILDS[request.param], "-ffp-contract=off"]
    report = tools.build_with_report({f"sym_{name}_{kind}": 1 for name in SCIPY for kind in KINDS}, out, flags)
    return out, report


def samples(low, high, how, count):
    rng = np.random.default_rng([3, count])
    if not how:
        return rng.uniform(low, high, count)
    sign = rng.choice([-1, 1], count) if low < 0 else 1
    return sign * 10 ** rng.uniform(np.log10(abs(low)), np.log10(high), count)


def exact_functions(mp):
    """The functions in arithmetic of 40 digits; of the inverses by Newton's method."""

    def root(p):  # erfc(z) = p
        z = mp.mpf(float(special.erfcinv(float(p))))
        for _ in range(3):
            z += (mp.erfc(z) - p) * mp.sqrt(mp.pi) / 2 * mp.exp(z * z)
        return z

    return {
        "gamma": mp.gamma, "gammaln": lambda x: mp.re(mp.loggamma(x)), "psi": mp.digamma,
        "tri_gamma": lambda x: mp.psi(1, x), "erfcx": lambda x: mp.exp(x * x) * mp.erfc(x),
        "erfinv": mp.erfinv, "erfcinv": root, "normal_quantile": lambda p: -mp.sqrt(2) * root(2 * p),
        "i0": lambda x: mp.besseli(0, x), "i1": lambda x: mp.besseli(1, x),
    }  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", SCIPY)
def test_accuracy(built, name, kind):
    mp = pytest.importorskip("mpmath", reason="the reference of many digits").mp
    exact = exact_functions(mp)[name]
    f = tools.bind(built[0], f"sym_{name}_{kind}")
    dtype = KINDS[kind]
    bound = BOUND if kind == "f64" or name in NATIVE_F32 else 0.51
    with mp.workdps(40):
        for low, high, how in INTERVALS[name]:
            with np.errstate(over="ignore"):
                x = samples(low, high, how, 150).astype(dtype)
            x = x[np.isfinite(x) & (np.abs(x) >= np.finfo(dtype).tiny)]
            for a, y in zip(x, f(x), strict=True):
                wanted = exact(mp.mpf(float(a)))
                rounded = dtype(float(wanted)) if abs(wanted) < float(np.finfo(dtype).max) else dtype(INF)
                if not np.isfinite(rounded):
                    assert abs(y) == rounded
                    continue
                error = abs(mp.mpf(float(y)) - wanted) / mp.mpf(float(np.spacing(abs(rounded))))
                assert error <= bound, (a, y, float(wanted))


@pytest.mark.parametrize("name", SCIPY)
def test_against_scipy(built, name):
    """A second opinion over the same intervals, and between roots at negative arguments."""
    f = tools.bind(built[0], f"sym_{name}_f64")
    for low, high, how in INTERVALS[name]:
        x = samples(low, high, how, 2000)
        theirs = SCIPY[name](x)
        early = np.isinf(theirs) & (np.abs(x) > 709) if name in ("i0", "i1") else np.zeros(x.shape, bool)
        np.testing.assert_allclose(f(x)[~early], theirs[~early], rtol=1e-12, atol=1e-12)
    if name in ("gammaln", "psi"):  # near their roots there the error is small in absolute terms only
        x = samples(-30, 0, "", 2000)
        x = x[np.abs(x - np.rint(x)) > 1e-3]
        np.testing.assert_allclose(f(x), SCIPY[name](x), rtol=1e-12, atol=1e-11)


#: Where SciPy's answer is NaN or infinite although the limit is known.
KNOWN = {"i0": {INF: INF, -INF: INF}, "i1": {INF: INF, -INF: -INF}, "gammaln": {5e-324: 744.4400719213812},
         "erfcinv": {5e-324: 27.213293210812948}}  # fmt: skip


@pytest.mark.parametrize("name", SCIPY)
def test_special_values(built, name):
    f = tools.bind(built[0], f"sym_{name}_f64")
    x = np.array([0.0, -0.0, 1, 2, -1, -2, -3, 0.5, -0.5, INF, -INF, NAN, 1e306, -1e306, 5e-324, 1.5, -200.5, -201.0,
                  300, -300, 171.0, 172.0, 27.5, -26.63, -26.65, -27, 700, 714, 800, 1.7e308])  # fmt: skip
    with np.errstate(all="ignore"):
        wanted = SCIPY[name](x)
    for where, value in KNOWN.get(name, {}).items():
        wanted[x == where] = value
    got = f(x)
    np.testing.assert_allclose(got, wanted, rtol=1e-11, atol=5e-324)
    infinite = np.isinf(wanted)
    np.testing.assert_array_equal(np.signbit(got)[infinite], np.signbit(wanted)[infinite])


def test_loops_are_vectorised(built):
    if built[0].stem == "sse2":
        pytest.skip("the first x86-64 processors cannot compare 64-bit integers in vectors")
    if built[0].stem == "heavy" and tools.gcc_release() >= 13:
        pytest.skip("gcc 13 and later thread jumps through complete forms at -O3; kernels have the usual ones")
    assert [name for name, vectorised in built[1].items() if not vectorised] == []


@pytest.mark.parametrize("name", ["j0", "j1"])
def test_bessel_functions_of_the_first_kind(name, tmp_path):
    """Within 64 roundings of the amplitude: the absolute coefficients of the polynomials add up to 4.2 (those of
    J1 / x to 0.8, which is multiplied by up to 8), of which several are rounded, and the amplitude is down to 0.28."""
    mp = pytest.importorskip("mpmath")
    function = special.j0 if name == "j0" else special.j1
    out = tools.build({f"sym_{name}_{kind}": 1 for kind in KINDS}, tmp_path / "bessel.so", ["-O2"])
    single, double = (tools.bind(out, f"sym_{name}_{kind}") for kind in KINDS)
    x = np.concatenate([samples(low, high, "", 150) for low, high in ((-8, 8), (7.9, 8.1), (8, 40), (1e3, 1e9))])
    with mp.workdps(40):
        exact = np.array([float(mp.besselj(int(name[1]), mp.mpf(float(v)))) for v in x])
    amplitude = np.minimum(1, np.sqrt(2 / (np.pi * np.maximum(np.abs(x), 0.5))))
    assert np.max(np.abs(double(x) - exact) / amplitude) <= 64 * 2.0**-53
    narrow = x.astype(np.float32)
    wanted = function(narrow[np.abs(narrow) < 100].astype(float))
    close = np.abs(single(narrow)[np.abs(narrow) < 100] - wanted)
    assert (close <= 2.0**-23 * np.abs(wanted) + 1e-14).all()
    at = np.array([0.0, -0.0, INF, -INF, NAN])
    odd = name == "j1"
    np.testing.assert_array_equal(double(at), [0 if odd else 1, 0 if odd else 1, 0, 0, NAN])
    if odd:
        tiny = 10.0 ** np.arange(-300, -8, 7)
        np.testing.assert_array_max_ulp(double(tiny), tiny / 2, 1)
        assert np.signbit(double(np.array([-0.0, -1e-300]))).all()


def _lower_share(mp, a, x):
    """P(a, x) in 40 digits, by its series."""
    a, x = mp.mpf(a), mp.mpf(x)
    term = total = mp.mpf(1)
    n = 0
    while term > total * mp.mpf(10) ** -38 or n < x - a:
        n += 1
        term *= x / (a + n)
        total += term
    return total * mp.exp(a * mp.log(x) - x - mp.loggamma(a + 1))


def test_incomplete_gamma_functions(tmp_path):
    """Within 8 roundings of the logarithm of the factor, ``a log x - x - log gamma(a + 1)``, or, where a is large and
    its parts cancel beforehand, of that of the result; SciPy's are off by more than 1e-6 in the tails of a large a."""
    mp = pytest.importorskip("mpmath")
    names = {f"sym_{name}_{kind}": 2 for name in ("gammainc", "gammaincc") for kind in KINDS}
    out = tools.build(names, tmp_path / "gammainc.so", ["-O2"])
    low, low_single = tools.bind(out, "sym_gammainc_f64"), tools.bind(out, "sym_gammainc_f32")
    up = tools.bind(out, "sym_gammaincc_f64")
    rng = np.random.default_rng(12)
    a = np.concatenate([10 ** rng.uniform(-9, 1, 80), 10 ** rng.uniform(1, 4, 60), [2e6, 2e6, 2e6]])
    x = np.concatenate([a[:80] * 10 ** rng.uniform(-1, 1, 80), a[80:140] + np.sqrt(a[80:140]) * rng.uniform(-3, 9, 60),
                        2e6 + np.sqrt(2e6) * np.array([-7.9, 0, 6])])  # fmt: skip
    with mp.workdps(40):
        exact = [_lower_share(mp, float(p), float(q)) for p, q in zip(a, x, strict=True)]
        lower, upper = (np.array([float(v) for v in w]) for w in (exact, [1 - v for v in exact]))
    size = np.where(a < 10, np.abs(a * np.log(x)) + x + np.abs(special.gammaln(a + 1)), 0)
    for got, wanted in ((low(a, x), lower), (up(a, x), upper)):
        kept = wanted > 1e-290
        bound = 8 * (4 + size + np.abs(np.log(np.maximum(wanted, 1e-300)))) * 2.0**-52
        assert kept.sum() > 100 and (np.abs(got - wanted)[kept] <= (bound * wanted)[kept]).all()
    single = low_single(a.astype("f4"), x.astype("f4"))
    np.testing.assert_allclose(single, low(*(v.astype("f4").astype(float) for v in (a, x))), rtol=2e-7, atol=1e-37)
    a, x = np.array([[0, 0, 1, INF, 1, INF, NAN, -1, 1, 2], [0, 1, 0, 1, INF, INF, 1, 1, -1, NAN]], float)
    np.testing.assert_array_equal(low(a, x), [NAN, 1, 0, 0, 1, NAN, NAN, NAN, NAN, NAN])
    np.testing.assert_array_equal(up(a, x), [NAN, 0, 1, 1, 0, NAN, NAN, NAN, NAN, NAN])
