"""symmath: accuracy in ulp, special values, vectorisation, and no calls out, for each set of flags and each machine."""

from __future__ import annotations

import ctypes
import importlib.util
import math
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from symcodegen.symmath import available, prerequisites, snippets

pytestmark = [pytest.mark.c, pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not on PATH")]

Array = np.ndarray[Any, Any]


def load_tool(name: str) -> ModuleType:
    """A module of the package's tools folder, which is not installed."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parents[1] / "tools" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tools = load_tool("symmath_build")

UNARY = ["exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "tanh", "sinh", "cosh", "sigmoid", "softplus",
         "log_sigmoid", "sin", "cos", "tan", "erf", "erfc", "arcsin", "arccos", "arctan", "arcsinh", "arccosh",
         "arctanh", "cbrt"]  # fmt: skip
FLOATS = ("f32", "f64")
INTEGERS = tuple(f"{sign}{bits}" for sign in "iu" for bits in (8, 16, 32, 64))
VECTOR = {f"sym_{name}_{kind}": 1 for name in UNARY for kind in FLOATS} | {
    f"sym_{name}_{kind}": 2 for name in ("pow", "arctan2") for kind in FLOATS
} | {f"sym_{name}_{kind}": 1 for name in ("rint", "floor", "ceil", "trunc", "sign") for kind in FLOATS} | {
    f"sym_{name}_{kind}": 2 for name in ("maximum", "minimum") for kind in FLOATS
}  # fmt: skip
# The first x86-64 processors cannot compare 64-bit integers in vectors.
LEFT_SCALAR = {"light_sse2": {"sym_sin_f64", "sym_cos_f64", "sym_tan_f64"}}
if shutil.which("gcc") and tools.gcc_release() >= 13:  # -O3 moves look-ups into branches; kernels have usual forms
    LEFT_SCALAR["heavy_native"] = {"sym_sin_f32", "sym_cos_f32", "sym_tan_f32"}
SCALAR = {f"sym_{name}_{kind}": 2 for name in ("mod", "floor_divide") for kind in FLOATS + INTEGERS}
# In test_special.py, ops/test_half.py and ops/test_complex.py.
SPECIAL_FUNCTIONS = ["gamma", "gammaln", "psi", "tri_gamma", "erfcx", "erfinv", "erfcinv", "normal_quantile", "i0",
                     "i1", "j0", "j1", "gammainc", "gammaincc", "jv", "iv", "polygamma"]  # fmt: skip
ELSEWHERE = {f"sym_{name}_{kind}" for name in SPECIAL_FUNCTIONS for kind in FLOATS} | {
    "sym_from_half_f32", "sym_to_half_f32", "sym_to_half_f64",
    *(name for name in available() if name.endswith(("_c64", "_c128"))),
    *(name for name in available() if "_usual_" in name),  # in test_usual_forms.py
}  # fmt: skip
BOUND = 2.5
# What is expected where much less than BOUND is reached: a wrong digit in a coefficient shows.
BOUNDS = {"exp": 1.1, "exp2": 1.4, "expm1": 1.9, "log": 1.0, "log2": 2.1, "log10": 2.1, "log1p": 1.5, "tanh": 2.45,
          "sinh": 2.4, "cosh": 1.5, "softplus": 1.9, "log_sigmoid": 1.9, "sin": 2.0, "cos": 2.0, "erf": 2.0,
          "erfc": 2.1, "pow": 2.1, "arcsin": 2.4, "arccos": 1.4, "arctan": 1.9, "arctan2": 2.0, "arcsinh": 2.3,
          "arctanh": 2.3}  # fmt: skip

X86 = platform.machine() in ("x86_64", "AMD64")


def processor_has(flag: str) -> bool:
    info = Path("/proc/cpuinfo")
    return info.exists() and f" {flag} " in info.read_text().replace("\n", " ")


MACHINES = {"native": ["-march=native"]}
if X86:
    MACHINES["sse2"] = ["-march=x86-64"]
    if processor_has("avx2") and processor_has("fma"):
        MACHINES["avx2"] = ["-march=x86-64", "-mavx2", "-mfma"]
    if processor_has("avx512f"):
        MACHINES["native"] += ["-mprefer-vector-width=512"]
CONFIGS = [("light", "native"), ("heavy", "native"), *(("light", name) for name in MACHINES if name != "native")]


@pytest.fixture(scope="session", params=CONFIGS, ids="-".join)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bool]]:
    level, machine = request.param
    flags = [*(tools.LIGHT if level == "light" else tools.HEAVY), *MACHINES[machine]]
    if level == "light":  # contraction must not matter: gcc's default is on, ours off
        flags.append("-ffp-contract=off")
    out = tmp_path_factory.mktemp("symmath") / f"{level}_{machine}.so"
    report = tools.build_with_report(VECTOR | SCALAR, out, flags)
    return out, report


# -- references ------------------------------------------------------------------------------------------------------


def by_element(function: Callable[[float], float]) -> Callable[[Array], Array]:
    return lambda x: np.array([function(float(v)) for v in x], np.longdouble)


def wide_softplus(x: Array) -> Array:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


WIDE: dict[str, Callable[..., Array]] = {
    "sigmoid": lambda x: np.where(x < 0, np.exp(-np.abs(x)), 1) / (1 + np.exp(-np.abs(x))),
    "softplus": wide_softplus,
    "log_sigmoid": lambda x: -wide_softplus(-x),
    "erf": by_element(math.erf),
    "erfc": by_element(math.erfc),
    "pow": np.power,
    "arctan2": np.arctan2,
} | {name: getattr(np, name) for name in UNARY if hasattr(np, name)}

# The extended format must be wider than float64, and math.erf is a float64 function of its own error.
WIDER = np.finfo(np.longdouble).nmant > 60


def reference(name: str, *arguments: Array) -> Array:
    """Values as the two rows (nearest float64, rest)."""
    with np.errstate(all="ignore"):
        wide = WIDE[name](*(a.astype(np.longdouble) for a in arguments))
        high = wide.astype(np.float64)
        rest = np.where(np.isfinite(high), (wide - high).astype(np.float64), 0.0)
    return np.stack([high, rest])


RANGES = {
    "exp": (-104, 89, -746, 710), "exp2": (-150, 128, -1075, 1024), "expm1": (-20, 89, -40, 710),
    "tanh": (-10, 10, -22, 22), "sinh": (-90, 90, -711, 711), "cosh": (-90, 90, -711, 711),
    "sigmoid": (-104, 40, -746, 50), "softplus": (-104, 100, -746, 800), "log_sigmoid": (-100, 104, -800, 746),
    "sin": (-1e5, 1e5, -1e7, 1e7), "cos": (-1e5, 1e5, -1e7, 1e7), "tan": (-1e5, 1e5, -1e7, 1e7),
    "erf": (-4, 4, -6, 6), "erfc": (-4, 10, -6, 26.5), "cbrt": (-1e38, 1e38, -8e307, 8e307),
}  # fmt: skip


def arguments(name: str, kind: str, count: int) -> list[Array]:
    """Dense samples: over the whole range, around 1, and with magnitudes down to the denormal numbers."""
    rng = np.random.default_rng([ord(c) for c in name + kind])
    dtype = tools.DTYPES[kind]
    wide = kind == "f64"
    if name == "pow":
        base = np.exp(rng.normal(size=count) * 3)
        base[: count // 4] = 1 + rng.normal(size=count // 4) * 1e-3
        base = np.abs(base).astype(dtype).astype(float)
        exponent = rng.uniform(-1, 1, count) * (740 if wide else 100) / np.where(base == 1, 1, np.log(base))
        exponent[::3] = rng.normal(size=len(exponent[::3])) * 3
        return [base.astype(dtype), exponent.astype(dtype)]
    if name.startswith("arc"):
        return [a.astype(dtype) for a in inverse_arguments(name, rng, count // 3, wide)]
    small = rng.normal(size=count // 3) * np.exp(-rng.uniform(0, 740 if wide else 100, count // 3))
    if name in ("log", "log2", "log10", "log1p"):
        values = np.exp(rng.uniform(-740 if wide else -100, 709 if wide else 88, count // 3))
        near_one = 1 + rng.uniform(-0.7, 1, count // 3) * np.exp(-rng.uniform(0, 20, count // 3))
        if name == "log1p":
            return [np.concatenate([values, near_one - 1, small[small > -1]]).astype(dtype)]
        return [np.concatenate([values, near_one, np.abs(small)]).astype(dtype)]
    low, high = RANGES[name][2:] if wide else RANGES[name][:2]
    return [np.concatenate([rng.uniform(low, high, count // 3), rng.normal(size=count // 3) * 2, small]).astype(dtype)]


def inverse_arguments(name: str, rng: Any, count: int, wide: bool) -> list[Array]:
    """The same for the inverse functions: over the domain, close to its ends, and over all magnitudes."""
    size = np.exp(rng.uniform(-700 if wide else -85, 700 if wide else 85, count)) * rng.choice([-1, 1], count)
    if name == "arctan2":
        return [np.concatenate([a, rng.normal(size=count)]) for a in (size, rng.permutation(size))]
    if name in ("arctan", "arcsinh"):
        return [np.concatenate([size, rng.normal(size=count) * 2, rng.uniform(-1, 1, count)])]
    gap = np.exp(-rng.uniform(0, 36 if wide else 15, count))
    if name == "arccosh":
        return [np.concatenate([1 + gap, 1 + rng.uniform(0, 3, count), np.abs(size)[np.abs(size) >= 1]])]
    ends = (1 - gap) * rng.choice([-1, 1], count)
    return [np.concatenate([ends, rng.uniform(-1, 1, count), size[np.abs(size) < 1]])]


# -- accuracy --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("name", [*UNARY, "pow", "arctan2"])
def test_accuracy(built: tuple[Path, dict[str, bool]], name: str, kind: str) -> None:
    if kind == "f64" and not WIDER:
        pytest.skip("this platform has no format wider than float64 to compare with")
    inputs = arguments(name, kind, 12_000 if "erf" in name else 30_000)
    got = tools.bind(built[0], f"sym_{name}_{kind}")(*inputs)
    error = tools.ulp_error(got, reference(name, *inputs))
    worst = int(np.argmax(error))
    slack = 1.0 if name in ("erf", "erfc") and kind == "f64" else 0.0  # the reference's own error
    assert error[worst] <= BOUNDS.get(name, BOUND) + slack, [float(x[worst]) for x in inputs]
    assert error.mean() < 0.5 + slack


# Computed with 400 digits: the float64 (float32) nearest to a multiple of pi/2, and other arguments that need all of
# 2/pi. Each with its sine and cosine.
HARD_ANGLES = {
    "f64": [
        (6381956970095103 * 2.0**797, 1.0, -4.6871659242546277e-19),
        (1e22, -0.8522008497671888, 0.5232147853951389),
        (2.0**1023 * 1.7, None, None),
        (1048575.9999999, None, None),
    ],
    "f32": [
        (16367173 * 2.0**72, 1.0, -1.6147697982476211e-09),
        (2.0**127, 0.6233855129558702, 0.78191463871496),
        (float(np.float32(1e22)), -0.7340815352961015, 0.679061337095051),
    ],
}


@pytest.mark.parametrize("kind", FLOATS)
def test_angles_of_every_size(built: tuple[Path, dict[str, bool]], kind: str) -> None:
    sin, cos, tan = (tools.bind(built[0], f"sym_{name}_{kind}") for name in ("sin", "cos", "tan"))
    spacing = float(np.finfo(tools.DTYPES[kind]).eps)
    for x, want_sin, want_cos in HARD_ANGLES[kind]:
        for sign in (1, -1):
            angle = np.array([sign * x], tools.DTYPES[kind])
            s, c, t = float(sin(angle)[0]), float(cos(angle)[0]), float(tan(angle)[0])
            assert s * s + c * c == pytest.approx(1, abs=4 * spacing)
            assert t == pytest.approx(s / c, rel=8 * spacing)
            if want_sin is not None:
                assert s == pytest.approx(sign * want_sin, rel=2 * spacing)
                assert c == pytest.approx(want_cos, rel=2 * spacing)
    # Random large arguments: sin(2 x) = 2 sin x cos x needs the right quadrant and a good remainder.
    rng = np.random.default_rng(5)
    top = 700 if kind == "f64" else 87
    x = np.exp(rng.uniform(14, top, 4000)).astype(tools.DTYPES[kind])
    double = sin(2 * x).astype(float)
    assert np.max(np.abs(double - 2 * sin(x).astype(float) * cos(x).astype(float))) < 6 * spacing


# -- special values --------------------------------------------------------------------------------------------------


def same(got: Array, want: Array) -> Array:
    """Equal bit for bit, but for the sign and payload of NaN."""
    return np.where(np.isnan(want), np.isnan(got), (got == want) & (np.signbit(got) == np.signbit(want)))


INF, NAN, PI, HALF_PI = np.inf, np.nan, np.pi, np.pi / 2
SPECIAL: dict[str, list[tuple[float, float]]] = {
    "exp": [(0.0, 1), (-0.0, 1), (INF, INF), (-INF, 0.0), (1e4, INF), (-1e4, 0.0)],
    "exp2": [(0.0, 1), (-0.0, 1), (INF, INF), (-INF, 0.0), (3, 8), (-1, 0.5), (1e4, INF), (-1e4, 0.0)],
    "expm1": [(0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -1), (1e4, INF), (-1e4, -1), (1e-38, 1e-38)],
    "log": [(1, 0.0), (0.0, -INF), (-0.0, -INF), (INF, INF), (-1, NAN), (-INF, NAN)],
    "log2": [(1, 0.0), (8, 3), (0.25, -2), (0.0, -INF), (-0.0, -INF), (INF, INF), (-1, NAN)],
    "log10": [(1, 0.0), (1000, 3), (0.0, -INF), (-0.0, -INF), (INF, INF), (-1, NAN)],
    "log1p": [(0.0, 0.0), (-0.0, -0.0), (-1, -INF), (INF, INF), (-2, NAN), (-INF, NAN), (1e-38, 1e-38)],
    "tanh": [(0.0, 0.0), (-0.0, -0.0), (INF, 1), (-INF, -1), (100, 1), (-100, -1), (1e-38, 1e-38)],
    "sinh": [(0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -INF), (1e4, INF), (1e-38, 1e-38)],
    "cosh": [(0.0, 1), (-0.0, 1), (INF, INF), (-INF, INF), (-1e4, INF)],
    "sigmoid": [(0.0, 0.5), (-0.0, 0.5), (INF, 1), (-INF, 0.0), (1e4, 1), (-1e4, 0.0)],
    "softplus": [(INF, INF), (-INF, 0.0), (1e4, 1e4), (-1e4, 0.0)],
    "log_sigmoid": [(INF, -0.0), (-INF, -INF), (-800, -800), (1e4, -0.0)],
    "sin": [(0.0, 0.0), (-0.0, -0.0), (INF, NAN), (-INF, NAN), (1e-38, 1e-38)],
    "cos": [(0.0, 1), (-0.0, 1), (INF, NAN), (-INF, NAN), (1e-38, 1)],
    "tan": [(0.0, 0.0), (-0.0, -0.0), (INF, NAN), (-INF, NAN), (1e-38, 1e-38)],
    "erf": [(0.0, 0.0), (-0.0, -0.0), (INF, 1), (-INF, -1)],
    "erfc": [(0.0, 1), (-0.0, 1), (INF, 0.0), (-INF, 2), (30, 0.0)],
    "arcsin": [(0.0, 0.0), (-0.0, -0.0), (1, HALF_PI), (-1, -HALF_PI), (1.1, NAN), (-INF, NAN), (1e-38, 1e-38)],
    "arccos": [(1, 0.0), (-1, PI), (0.0, HALF_PI), (-0.0, HALF_PI), (1.1, NAN), (-1.1, NAN), (INF, NAN)],
    "arctan": [(0.0, 0.0), (-0.0, -0.0), (INF, HALF_PI), (-INF, -HALF_PI), (1e38, HALF_PI), (1e-38, 1e-38)],
    "arcsinh": [(0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -INF), (1e-38, 1e-38)],
    "arccosh": [(1, 0.0), (INF, INF), (0.999, NAN), (0.0, NAN), (-2, NAN), (-INF, NAN), (-1e38, NAN)],
    "cbrt": [(0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -INF), (1, 1), (-8, -2), (27, 3), (216, 6)],
    "arctanh": [(0.0, 0.0), (-0.0, -0.0), (1, INF), (-1, -INF), (1.1, NAN), (-INF, NAN), (1e-38, 1e-38)],
}


@pytest.mark.parametrize(("kind", "most"), [("f32", 10), ("f64", 22)])
def test_log10_of_powers_of_ten_is_whole(built: tuple[Path, dict[str, bool]], kind: str, most: int) -> None:
    k = np.arange(most + 1)
    got = tools.bind(built[0], f"sym_log10_{kind}")(np.array([10.0 ** int(i) for i in k], tools.DTYPES[kind]))
    np.testing.assert_array_equal(got, k)


@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("name", UNARY)
def test_special_values(built: tuple[Path, dict[str, bool]], name: str, kind: str) -> None:
    dtype = tools.DTYPES[kind]
    cases = [*SPECIAL[name], (NAN, NAN), (-NAN, NAN)]
    x = np.array([case[0] for case in cases], dtype)
    with np.errstate(over="ignore"):
        want = np.array([case[1] for case in cases], dtype)
    got = tools.bind(built[0], f"sym_{name}_{kind}")(x)
    assert same(got, want).all(), list(zip(x, got, want, strict=True))


@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("name", UNARY)
def test_ends_of_the_range(built: tuple[Path, dict[str, bool]], name: str, kind: str) -> None:
    """The largest numbers, the smallest ones and those on both sides of the smallest normal one are as any others."""
    info = np.finfo(tools.DTYPES[kind])
    ends = np.array([info.max, info.max / 2, info.tiny, info.tiny * 1.5, info.smallest_subnormal, info.tiny / 2])
    x = np.concatenate([ends, -ends]).astype(tools.DTYPES[kind])
    if kind == "f64" and name in ("sin", "cos", "tan"):
        x = x[np.abs(x) < 1]  # reduced by more digits of pi than the wider format has: see the angles of every size
    if kind == "f64" and not WIDER:
        pytest.skip("this platform has no format wider than float64 to compare with")
    got, want = tools.bind(built[0], f"sym_{name}_{kind}")(x), reference(name, x)
    slack = 1.0 if name in ("erf", "erfc") and kind == "f64" else 0.0
    error = tools.ulp_error(got, want)
    assert error.max() <= BOUND + slack, list(zip(x, got, want[0], strict=True))
    signed = ~np.isnan(want[0])
    assert (np.signbit(got) == np.signbit(want[0]))[signed].all(), list(zip(x, got, want[0], strict=True))


@pytest.mark.parametrize("kind", FLOATS)
def test_angles_of_special_points(built: tuple[Path, dict[str, bool]], kind: str) -> None:
    """All pairs of zeros, infinities, NaN and the smallest and largest numbers, as NumPy, signs of zero included."""
    info = np.finfo(tools.DTYPES[kind])
    values = [0.0, 1, 3, INF, float(info.max), float(info.tiny), float(info.smallest_subnormal)]
    grid = np.array([*values, *(-np.array(values)), NAN], tools.DTYPES[kind])
    y, x = (one.ravel() for one in np.meshgrid(grid, grid))
    with np.errstate(all="ignore"):
        want = np.arctan2(y, x)
    got = tools.bind(built[0], f"sym_arctan2_{kind}")(y, x)
    exact = ~np.isfinite(want) | (want == 0)
    assert same(got, want)[exact].all(), [
        (y[i], x[i], got[i], want[i]) for i in np.flatnonzero(exact & ~same(got, want))
    ]
    assert np.allclose(got[~exact], want[~exact], rtol=3 * float(info.eps), atol=0)


@pytest.mark.parametrize("kind", FLOATS)
def test_denormal_numbers_are_kept(built: tuple[Path, dict[str, bool]], kind: str) -> None:
    tiny = np.finfo(tools.DTYPES[kind]).smallest_subnormal
    x = np.array([tiny, 3 * tiny, -tiny, -1000 * tiny], tools.DTYPES[kind])
    for name in ("expm1", "log1p", "tanh", "sinh", "sin", "tan", "arcsin", "arctan", "arcsinh", "arctanh"):
        assert (tools.bind(built[0], f"sym_{name}_{kind}")(x) == x).all(), name
    # exp(x) with denormal results, to the last bit that is left
    low = np.linspace(-103.9, -87.4, 1000) if kind == "f32" else np.linspace(-745.1, -708.5, 1000)
    low = low.astype(tools.DTYPES[kind])
    for name in ("exp", "sigmoid", "softplus"):
        got = tools.bind(built[0], f"sym_{name}_{kind}")(low)
        assert (got > 0).all()
        assert tools.ulp_error(got, reference("exp", low)).max() < BOUND
    assert tools.bind(built[0], f"sym_log2_{kind}")(x[:1])[0] == (-149 if kind == "f32" else -1074)


@pytest.mark.parametrize("kind", FLOATS)
def test_pow_follows_c99(built: tuple[Path, dict[str, bool]], kind: str) -> None:
    info = np.finfo(tools.DTYPES[kind])
    most_odd = 2.0 ** (info.nmant + 1) - 1
    values = [0.0, 1, 2, 3, 0.5, 1.5, 2.5, 7, 1e30, info.max, info.tiny, info.smallest_subnormal, INF, most_odd,
              most_odd + 1, 1 - info.epsneg, 1 + info.eps]  # fmt: skip
    grid = np.array([*values, *(-np.array(values)), NAN], tools.DTYPES[kind])
    x, y = (one.ravel() for one in np.meshgrid(grid, grid))
    with np.errstate(all="ignore"):
        want = np.power(x, y)
    got = tools.bind(built[0], f"sym_pow_{kind}")(x, y)
    exact = ~np.isfinite(want) | (want == 0) | (np.abs(x) == 1) | (y == 0)
    assert same(got, want)[exact].all(), [
        (x[i], y[i], got[i], want[i]) for i in np.flatnonzero(exact & ~same(got, want))[:5]
    ]
    error = tools.ulp_error(got, reference("pow", x, y)) if WIDER or kind == "f32" else np.zeros(1)
    assert error.max() <= BOUND
    assert (np.signbit(got) == np.signbit(want))[~np.isnan(want)].all()


@pytest.mark.parametrize("kind", FLOATS)
def test_powers_of_whole_numbers_are_exact(built: tuple[Path, dict[str, bool]], kind: str) -> None:
    """3 ** 2 is 9: what is whole and has room in the mantissa carries no rounding error."""
    room = 2 ** (np.finfo(tools.DTYPES[kind]).nmant + 1)
    pairs = [(a, b) for a in range(1, 200) for b in range(54) if a**b <= room]
    base, exponent = (np.array(column, tools.DTYPES[kind]) for column in zip(*pairs, strict=True))
    got = tools.bind(built[0], f"sym_pow_{kind}")(base, exponent)
    wrong = [pair for pair, value in zip(pairs, got, strict=True) if int(value) != pair[0] ** pair[1]]
    assert len(pairs) > 900 and wrong == []


def test_powers_where_most_digits_vanish(built: tuple[Path, dict[str, bool]]) -> None:
    """In float64: results near both ends of the range, and denormal ones; bases next to sqrt(2) and its inverse."""
    if not WIDER:
        pytest.skip("long double is no wider than double here")
    rng = np.random.default_rng(31)
    x = np.concatenate([rng.uniform(0.69, 0.73, 20_000), rng.uniform(1.38, 1.45, 20_000), rng.uniform(0.5, 2, 20_000)])
    y = rng.uniform(-1074, 1023, x.size) / np.log2(x)
    got = tools.bind(built[0], "sym_pow_f64")(x, y)
    assert tools.ulp_error(got, reference("pow", x, y)).max() <= BOUND


def test_log1p_from_its_pole_to_the_largest_number(built: tuple[Path, dict[str, bool]]) -> None:
    """In float64: where 1 + x loses nearly all of x, where it is x, and around both ends of k = 0."""
    if not WIDER:
        pytest.skip("long double is no wider than double here")
    rng = np.random.default_rng(32)
    parts = [np.exp2(rng.uniform(a, b, 10_000)) for a, b in ((-1074, -40), (40, 60), (190, 210), (880, 1023.9))]
    near = [rng.uniform(0.4, 0.43, 10_000), rng.uniform(-0.31, -0.28, 10_000)]
    x = np.concatenate([*parts, *near, np.exp2(rng.uniform(-53, -1, 10_000)) - 1])
    x = x[x > -1]
    got = tools.bind(built[0], "sym_log1p_f64")(x)
    assert tools.ulp_error(got, reference("log1p", x)).max() <= BOUND


def test_roots_of_cubes_are_exact(built: tuple[Path, dict[str, bool]]) -> None:
    """In float64, where the last step has an exact residue."""
    roots = np.concatenate([np.arange(-3000.0, 3000.0), np.arange(200_000.0, 208_063.0)])
    assert (tools.bind(built[0], "sym_cbrt_f64")(roots**3) == roots).all()


# -- NumPy's semantics -----------------------------------------------------------------------------------------------


def grid_of(kind: str) -> tuple[Array, Array]:
    dtype = tools.DTYPES[kind]
    rng = np.random.default_rng(3)
    if dtype.kind == "f":
        info = np.finfo(dtype)
        special = [0.0, 1, 0.1, 0.5, 1.5, 2.5, 3, 6, 1e30, info.max, info.tiny, info.smallest_subnormal, INF, NAN]
        values = np.concatenate([special, -np.array(special), rng.normal(size=80) * np.exp(rng.normal(size=80) * 15)])
    else:
        info_i = np.iinfo(dtype)
        edge = [info_i.min, info_i.max, info_i.max - 1, 0, 1, 2, 3, 7]
        near = rng.integers(-20 if info_i.min else 0, 20, 20)
        values = np.concatenate([np.array(edge, dtype), near.astype(dtype), np.array([-1, -2, -7]).astype(dtype)])
    a, b = np.meshgrid(values.astype(dtype), values.astype(dtype))
    return a.ravel(), b.ravel()


@pytest.mark.parametrize("function", [*SCALAR, *(name for name in VECTOR if "imum" in name)])
def test_binary_functions_equal_numpy(built: tuple[Path, dict[str, bool]], function: str) -> None:
    name, kind = function[4:].rsplit("_", 1)
    a, b = grid_of(kind)
    with np.errstate(all="ignore"):
        want = getattr(np, name)(a, b)
    got = tools.bind(built[0], f"sym_{name}_{kind}")(a, b)
    right = (got == want) & ((got != 0) | (np.signbit(got) == np.signbit(want))) if kind in FLOATS else got == want
    if name in ("maximum", "minimum"):
        right = got == want  # which zero comes out is not defined
    right |= np.isnan(want) & np.isnan(got)
    assert right.all(), [(a[i], b[i], got[i], want[i]) for i in np.flatnonzero(~right)[:5]]


def test_known_floor_divisions(built: tuple[Path, dict[str, bool]]) -> None:
    divide = tools.bind(built[0], "sym_floor_divide_f64")
    assert divide(np.array([1.0, 6.0]), np.array([0.1, 0.1])).tolist() == [9.0, 59.0]
    whole = tools.bind(built[0], "sym_floor_divide_i32")
    assert whole(np.array([-(2**31), -7, 7, 5]), np.array([-1, 2, -2, 0])).tolist() == [-(2**31), -4, -4, 0]


@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("name", ["rint", "floor", "ceil", "trunc", "sign"])
def test_rounding_equals_numpy(built: tuple[Path, dict[str, bool]], name: str, kind: str) -> None:
    dtype = tools.DTYPES[kind]
    half = np.arange(-8, 8.25, 0.25)
    edge = np.array([2.0**22, 2.0**23, 2.0**24, 2.0**51, 2.0**52, 2.0**53, 1e30, INF, NAN, 1e-40, 0.49999997])
    steps = np.nextafter(edge.astype(dtype), dtype.type(0)).astype(float)
    x = np.concatenate([half, edge, edge + 0.5, steps, -edge, -edge - 0.5, -steps, [0.49999999999999994]]).astype(dtype)
    with np.errstate(all="ignore"):
        want = getattr(np, name)(x)
    got = tools.bind(built[0], f"sym_{name}_{kind}")(x)
    assert same(got, want).all(), [(x[i], got[i], want[i]) for i in np.flatnonzero(~same(got, want))[:5]]


def test_integer_power(tmp_path: Path) -> None:
    source = tmp_path / "ipow.c"
    source.write_text(
        snippets(["sym_ipow"])
        + '__attribute__((visibility("default"))) long long f(long long a, long long b) { return sym_ipow(a, b); }\n'
    )
    out = tmp_path / "ipow.so"
    subprocess.run(["gcc", *tools.COMMON, "-O1", str(source), "-o", str(out)], check=True)
    function = ctypes.CDLL(str(out)).f
    function.restype = ctypes.c_longlong
    for a in (-3, -2, -1, 0, 1, 2, 3, 10, 2**31):
        for b in (0, 1, 2, 5, 62, 63, 64, 1001):
            want = (a**b + 2**63) % 2**64 - 2**63
            assert function(ctypes.c_longlong(a), ctypes.c_longlong(b)) == want, (a, b)
    assert [function(ctypes.c_longlong(a), ctypes.c_longlong(-3)) for a in (1, -1, 2, 0)] == [1, -1, 0, 0]


# -- what the compiler makes of it -----------------------------------------------------------------------------------


def test_every_loop_is_vectorised(built: tuple[Path, dict[str, bool]]) -> None:
    assert {name for name in VECTOR if not built[1][name]} <= LEFT_SCALAR.get(built[0].stem, set())


@pytest.mark.skipif(shutil.which("nm") is None, reason="needs nm")
def test_nothing_is_called(built: tuple[Path, dict[str, bool]]) -> None:
    done = subprocess.run(["nm", "-u", str(built[0])], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.skipif(shutil.which("objdump") is None or not X86, reason="reads x86 disassembly")
def test_packed_instructions_do_the_work(built: tuple[Path, dict[str, bool]]) -> None:
    done = subprocess.run(
        ["objdump", "-d", "--no-show-raw-insn", str(built[0])], capture_output=True, text=True, check=True
    )
    for name in VECTOR.keys() - LEFT_SCALAR.get(built[0].stem, set()):
        body = re.search(rf"<loop_{name}>:\n(.*?)\n\n", done.stdout + "\n\n", re.DOTALL)
        assert body is not None
        packed, scalar = ("ps", "ss") if name.endswith("f32") else ("pd", "sd")
        count = {
            kind: len(re.findall(rf"\bv?(?:mul|add|sub|fn?m(?:add|sub)\d+|cmp\w*|max|min|blendv){kind}\b", body[1]))
            for kind in (packed, scalar)
        }
        # the scalar remainder of the loop stands beside the vector body
        assert count[packed] >= 0.4 * count[scalar], (name, count)


# -- the pieces ------------------------------------------------------------------------------------------------------


def test_snippets_hold_what_is_needed_and_nothing_else() -> None:
    text = snippets(["sym_exp_f32"])
    assert "sym_exp_f32" in text and "sym_exp_f64" not in text and "sym_log" not in text
    assert "/*" not in text and "#include" not in text
    assert prerequisites(["sym_softplus_f32", "sym_exp_f32"]).count("sym_exp_f32") == 1
    with pytest.raises(KeyError, match="sym_nonsense"):
        snippets(["sym_nonsense"])


def test_texts_of_several_kernels_may_be_joined(tmp_path: Path) -> None:
    source = tmp_path / "joined.c"
    sets = (["sym_softplus_f32"], ["sym_exp_f32", "sym_tanh_f64"], ["sym_exp_f32"])
    source.write_text("".join(map(snippets, sets)))
    subprocess.run(["gcc", *tools.COMMON, "-Werror", "-O1", str(source), "-o", str(tmp_path / "joined.so")], check=True)


def test_every_function_is_tested() -> None:
    public = {name for name in available() if name.startswith("sym_") and not name.startswith("sym_divide_")}
    assert public - ELSEWHERE == set(VECTOR) | set(SCALAR) | {"sym_ipow"}


@pytest.mark.parametrize("compiler", ["clang", "aarch64-linux-gnu-gcc"])
def test_other_compilers_take_it(tmp_path: Path, compiler: str) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    out = tools.build(VECTOR | SCALAR, tmp_path / "other.so", ["-O2"], compiler)
    assert out.stat().st_size > 0
    if compiler == "clang" and sys.platform.startswith("linux"):
        x = np.linspace(-5, 5, 1000, dtype=np.float32)
        assert tools.ulp_error(tools.bind(out, "sym_exp_f32")(x), reference("exp", x)).max() <= BOUND
