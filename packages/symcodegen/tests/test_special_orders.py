"""Functions of an order and a number: Bessel functions and derivatives of the digamma function, in C."""

import importlib.util
import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy import special

from symcore import tensor as T
from symopt import function

pytestmark = [pytest.mark.c, pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not on PATH")]
_SPEC = importlib.util.spec_from_file_location("symmath_build", Path(__file__).parents[1] / "tools/symmath_build.py")
tools = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(tools)

INF, NAN = np.inf, np.nan
NAMES = ("jv", "iv", "polygamma")
ROUNDING = 2.0**-53
#: (lowest and highest order, lowest and highest argument): each expansion and each recurrence has its turn.
BESSEL = {
    "power series": (0, 3, 0, 2), "from above": (0, 10, 2, 25), "large order": (10, 100, 2, 25),
    "large argument": (0, 7, 25, 200), "upward": (7, 100, 100, 200), "downward": (60, 150, 25, 60),
    "both large": (30, 500, 500, 1000), "near the turning point": (190, 210, 190, 210),
    "far apart": (1000, 2000, 1e4, 2e4), "small negative order": (-5, 0, 0.01, 10),
    "negative order": (-30, 0, 1, 25), "large negative order": (-60, -30, 25, 100),
}  # fmt: skip


@pytest.fixture(scope="module")
def functions(tmp_path_factory):
    names = {f"sym_{name}_{kind}": 2 for name in NAMES for kind in ("f32", "f64")}
    out = tools.build(names, tmp_path_factory.mktemp("orders") / "orders.so", ["-O2"])
    return {name: tools.bind(out, name) for name in names}


def points(region, count, seed=0):
    low, high, first, last = BESSEL[region]
    rng = np.random.default_rng([seed, len(region)])
    return rng.uniform(low, high, count), rng.uniform(first, last, count)


def bound(v, x):
    """Relative: what the exponent of exp, or a phase, of the size of the order and of the number loses; of a recurrence
    every step rounds twice, and its errors, of random signs, add like the root of their number or as they come."""
    return 8 * ROUNDING * (4 + np.abs(v) + np.abs(x))


@pytest.mark.parametrize("region", [region for region in BESSEL if region not in ("both large", "far apart")])
@pytest.mark.parametrize("name", ["jv", "iv"])
def test_bessel_functions_against_many_digits(functions, name, region):
    mp = pytest.importorskip("mpmath", reason="the reference of many digits")
    v, x = points(region, 12)
    exact = mp.besselj if name == "jv" else mp.besseli
    with mp.workdps(40):
        wanted = np.array([float(exact(mp.mpf(float(a)), mp.mpf(float(b)))) for a, b in zip(v, x, strict=True)])
    size = np.abs(wanted)
    if name == "jv":  # where it oscillates the error is one of the amplitude
        size = np.where(x > np.abs(v), np.maximum(size, np.sqrt(2 / (np.pi * np.maximum(x, 1)))), size)
    kept = np.isfinite(wanted) & (size > 1e-290)
    assert kept.sum() >= 10
    got = functions[f"sym_{name}_f64"](v, x)
    assert (np.abs(got - wanted)[kept] <= (bound(v, x) * size)[kept]).all()
    assert (np.isinf(got) == np.isinf(wanted)).all()


@pytest.mark.parametrize("region", BESSEL)
@pytest.mark.parametrize("name", ["jv", "iv"])
def test_bessel_functions_against_scipy(functions, name, region):
    """Of whole orders, too, of either sign, and in float32: within half a unit of what float64 gives."""
    v, x = points(region, 300, seed=1)
    for order, number in ((v, x), (np.rint(v), x), (np.rint(v), -x)):
        wanted, got = getattr(special, name)(order, number), functions[f"sym_{name}_f64"](order, number)
        finite = np.isfinite(wanted) & (np.abs(wanted) > 1e-290)
        size = np.maximum(np.abs(wanted), 0.05 / np.sqrt(1 + np.abs(number)) if name == "jv" else 0)
        np.testing.assert_array_less((np.abs(got[finite] - wanted[finite]) / size[finite]), 1e-9)
        sure = ~(np.abs(got) > 1e300)  # where SciPy is already infinite
        np.testing.assert_array_equal(np.isinf(got)[sure], np.isinf(wanted)[sure])
    order, number = v.astype("f4"), x.astype("f4")
    with np.errstate(over="ignore"):
        wanted = functions[f"sym_{name}_f64"](order.astype(float), number.astype(float)).astype("f4")
    np.testing.assert_array_equal(functions[f"sym_{name}_f32"](order, number), wanted)


def test_bessel_functions_of_half_orders(functions):
    """DLMF 10.16.1, 10.39.1."""
    x = np.linspace(0.1, 60, 200)
    factor, half = np.sqrt(2 / (np.pi * x)), np.full(x.shape, 0.5)
    for name, sine, cosine in (("jv", np.sin, np.cos), ("iv", np.sinh, np.cosh)):
        f = functions[f"sym_{name}_f64"]
        size = factor * np.maximum(np.abs(cosine(x)), 1)
        assert (np.abs(f(half, x) - factor * sine(x)) <= bound(0.5, x) * size).all()
        assert (np.abs(f(-half, x) - factor * cosine(x)) <= bound(0.5, x) * size).all()


def test_special_values_of_bessel_functions(functions):
    """Limits where SciPy has NaN, with the sign of 1 / gamma(1 + v) at 0 for negative orders that are not whole."""
    v = np.array([0, 0, 1, 2.5, -2, -0.5, -1.5, 2, 3, 0.5, 0.5, 2.5, NAN, 1, INF, 1e300, -150.5, 0, 2e9])
    x = np.array([0, -0.0, 0, 0, 0, 0, 0, INF, -INF, INF, -INF, -1, 1, NAN, 1, 1, 5e-324, 5e-324, 2.1e9])
    first = [1, 1, 0, 0, 0, INF, -INF, 0, 0, 0, NAN, NAN, NAN, NAN, 0, 0, INF, 1, special.jv(2e9, 2.1e9)]
    np.testing.assert_allclose(functions["sym_jv_f64"](v, x), first, rtol=1e-5)
    modified = [1, 1, 0, 0, 0, INF, -INF, INF, -INF, INF, NAN, NAN, NAN, NAN, 0, 0, INF, 1, INF]
    np.testing.assert_array_equal(functions["sym_iv_f64"](v, x), modified)


@pytest.mark.parametrize("low, high, first, last", [(2, 12, 0, 10), (2, 60, 0, 60), (2, 8, -50, 0), (2, 20, 10, 1e4)])
def test_derivatives_of_the_digamma_function(functions, low, high, first, last):
    """Within the rounding of powers, whose exponent is the order, relative to the terms of the sum nearest to 0."""
    mp = pytest.importorskip("mpmath", reason="the reference of many digits")
    rng = np.random.default_rng([low, high])
    n, x = np.floor(rng.uniform(low, high, 40)), rng.uniform(first, last, 40)
    with mp.workdps(60 + 5 * high):
        wanted = np.array([float(mp.psi(int(a), mp.mpf(float(b)))) for a, b in zip(n, x, strict=True)])
    got = functions["sym_polygamma_f64"](n, x)
    pole = np.where(x < 0, special.factorial(n) / np.abs(x - np.rint(x)) ** (n + 1), 0)
    assert (np.abs(got - wanted) <= 8 * ROUNDING * (4 + n) * np.maximum(np.abs(wanted), pole)).all()
    n4, x4 = n.astype("f4"), x.astype("f4")
    with np.errstate(over="ignore"):
        wide = functions["sym_polygamma_f64"](n4.astype(float), x4.astype(float)).astype("f4")
    np.testing.assert_array_equal(functions["sym_polygamma_f32"](n4, x4), wide)


def test_special_values_of_polygamma(functions):
    n = np.array([0, 0, 1, 2, 2, 3, 2, 3, 2, 1.5, -1, NAN, 2, 2, 200, 1e16, 1000, 1000, 1001, 1000])
    x = np.array([2, 0, 1.5, 0, -0.0, 0, -1, -3, INF, 1, 1, 1, NAN, -INF, 1e3, 2, -0.25, -0.75, -0.75, -0.5])
    wanted = np.array([special.psi(2), -INF, special.polygamma(1, 1.5), -INF, -INF, INF, -INF, INF, 0, NAN, NAN, NAN,
                       NAN, -INF, -0.0, -INF, INF, -INF, INF, -INF])  # fmt: skip
    got = functions["sym_polygamma_f64"](n, x)
    wanted[14] = got[14]
    assert -1e-200 < got[14] < 0
    np.testing.assert_allclose(got, wanted, rtol=1e-15)


@pytest.mark.default_mode
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "kinds", [("float64", "float64"), ("float32", "float32"), ("int64", "float64"), ("int8", "float32")]
)
def test_they_run_in_c_with_orders_as_arrays(name, kinds):
    order, x = T.vector("order", dtype=kinds[0]), T.vector("x", dtype=kinds[1])
    f = function([order, x], getattr(T, name)(order, x))
    assert "perform" not in str(f.explain())
    orders, numbers = np.array([0, 1, 2, 5]).astype(kinds[0]), np.array([0.5, 1.5, 7.0, 30.0]).astype(kinds[1])
    wanted = getattr(special, name)(orders.astype(float), numbers.astype(float))
    np.testing.assert_allclose(f(orders, numbers), wanted, rtol=1e-13 if kinds[1] == "float64" else 1e-6)
