"""The tensor language beside NumPy, one function at a time: by the reference interpreter, and some of the cases in C.

What comes out exactly must be equal; what is rounded may differ by a few units in the last place of the exact result,
sums by the roundings of their terms. Where the language means otherwise than NumPy the table ``DIFFERENCES`` says so.

The long run is ``python tests/numpy_differential --draws 5000``.
"""

import itertools
import os
from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy_differential import compare
from numpy_differential.case import DIFFERENCES, Case, Drawer
from numpy_differential.compare import STEPS, Disagreement, by_numpy, check, random_case
from random_graphs.generator import Choices

import symstack as ss
from symstack import tensor as T

DRAWS = int(os.environ.get("SYMSTACK_NUMPY_DRAWS", "500"))
pytestmark = pytest.mark.c


@st.composite
def cases(draw):
    return random_case(lambda low, high: draw(st.integers(low, high)))


@pytest.mark.slow
@settings(max_examples=DRAWS, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(cases())
def test_the_language_computes_what_numpy_computes(case):
    check(case)


@pytest.mark.slow
@pytest.mark.parametrize("step", sorted(set(STEPS), key=lambda s: s.__name__), ids=lambda s: s.__name__)
def test_every_group_of_functions(step):
    for seed in range(max(DRAWS // 25, 10)):
        case = step(Drawer(Choices.of(seed)))
        case.compiled = seed % 5 == 0
        check(case)


# --- the test itself: it must be able to fail -------------------------------------------------------------------------


def made(ours, numpy=None, **how):
    """A case of three numbers ``x0``."""
    values = {"x0": np.array([1.0, -2.0, 0.3])}
    return Case(ours, numpy or ours.replace("T.", "np."), values, {"x0": (None,)}, layouts={"x0": "C"}, **how)


@pytest.mark.parametrize(
    ("ours", "numpy", "how", "words"),
    [
        ("T.exp(x0) * (1 + 4e-15)", "np.exp(x0)", {"ulps": 4}, "NumPy has"),
        ("T.sum(x0) + 1e-13", "np.sum(x0)", {"scale": "np.sum(np.abs(x0))", "factor": 11, "ulps": 2}, "NumPy has"),
        ("T.sqr(x0) + 1e-15", "np.square(x0)", {}, "NumPy has"),
        ("T.switch(x0 > 0, x0, np.nan)", "x0", {"ulps": 4}, "NumPy has"),
        ("x0[:2]", "x0", {}, "NumPy has"),
        ("x0.astype('float32')", "x0", {"ulps": 1e9}, "NumPy has"),
        ("x0 + 0", "x0[7] + x0", {}, "NumPy raises IndexError"),
        ("x0[T.constant(7)]", "x0[0]", {}, "raises IndexError"),
        ("x0[:, 0]", "x0", {}, "raises IndexError"),
    ],
)
def test_a_difference_is_found(ours, numpy, how, words):
    with pytest.raises(Disagreement, match=words):
        check(made(ours, numpy, **how))


def test_a_wrong_kernel_is_found(monkeypatch):
    case = made("T.tanh(x0)", compiled=True, ulps=4)
    check(case)
    honest = compare._run

    def off(case, way):
        return honest(case, way) * (1 + 2e-15 * (way != "interpreter"))

    monkeypatch.setattr(compare, "_run", off)
    with pytest.raises(Disagreement, match="FAST_RUN in C"):
        check(case)


@pytest.mark.default_mode
def test_a_compiled_case_runs_in_c(monkeypatch):
    seen = []
    honest = ss.function

    def spy(*args, **options):
        f = honest(*args, **options)
        seen.append({where for _, where, _ in f.placement()})
        return f

    monkeypatch.setattr(compare.ss, "function", spy)
    check(made("T.exp(x0)", compiled=True, ulps=4))
    check(made("T.sum(x0)", compiled=True, ulps=2, scale="np.sum(np.abs(x0))", factor=11.0))
    check(made("x0[::-1].copy()", compiled=True))
    assert seen == [{"C"}, {"C"}, {"view"}]


def test_draws_are_diverse():
    drawn = [random_case(Choices.of(seed)) for seed in range(1500)]
    text = Counter(case.ours.partition("(")[0] for case in drawn)
    assert len(text) > 120 and max(text.values()) < 150
    dtypes = Counter(v.dtype.newbyteorder("=").name for case in drawn for v in case.values.values())
    assert len(dtypes) == 14 and min(dtypes.values()) > 20
    layouts = Counter(layout for case in drawn for layout in case.layouts.values())
    assert {"reversed", "strided", "byteswapped", "misaligned", "fortran", "C"} <= set(layouts)
    empty = sum(any(v.size == 0 for v in case.values.values()) for case in drawn)
    assert 100 < empty < 600
    assert 0.1 < np.mean([case.compiled for case in drawn]) < 0.25
    refused = 0
    for case in drawn[:500]:
        try:
            by_numpy(case.numpy, {n: np.asarray(v) for n, v in case.values.items()})
        except compare._REFUSALS:
            refused += 1
    assert refused < 25


def test_every_difference_is_met():
    met = set().union(*(random_case(Choices.of(seed)).differences for seed in range(3000)))
    assert met == set(DIFFERENCES)


# --- what it found ----------------------------------------------------------------------------------------------------


COMPARISONS = {"lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal", "eq": "equal",
               "neq": "not_equal"}  # fmt: skip


@pytest.mark.parametrize("name", COMPARISONS)
def test_int64_and_uint64_compare_exactly_in_c(name):
    signed = np.array([2**63 - 1, 2**53 + 1, -1, 0, 2**53, -(2**63), 5])
    unsigned = np.array([2**63, 2**53, 2**64 - 1, 0, 2**53 + 1, 2**63 + 1, 5], np.uint64)
    compared = getattr(np, COMPARISONS[name])
    a, b = T.lvector("a"), T.TensorType("uint64", (None,))("b")
    s, u = T.lscalar("s"), T.TensorType("uint64", ())("u")
    compare_ = getattr(T, name)
    vectors = ss.function([a, b], [compare_(a, b), compare_(b, a)], mode="FAST_RUN")
    scalars = ss.function([s, u], [compare_(s, u), compare_(u, s), compare_(s, np.uint64(2**53))], mode="FAST_RUN")
    pairs = list(itertools.product(signed, unsigned))
    x, y = np.array([p for p, _ in pairs]), np.array([q for _, q in pairs])
    forward, backward = vectors(x, y)
    np.testing.assert_array_equal(forward, compared(x, y))
    np.testing.assert_array_equal(backward, compared(y, x))
    for p, q in pairs:
        assert [bool(v) for v in scalars(p, q)] == [compared(p, q), compared(q, p), compared(p, np.uint64(2**53))]


@pytest.mark.parametrize("text", ["T.max(x, axis={})", "T.argmax(x, axis={})", "T.min(T.abs(x) + 1, axis={})"])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_largest_of_no_elements_is_refused_where_there_are_no_results(text, axis):
    x = T.dtensor3("x")
    f = ss.function([x], eval(text.format(axis), {"T": T, "x": x}), mode="FAST_RUN")
    for shape in ((0, 0, 3), (0, 3, 0), (3, 0, 0), (0, 2, 3), (2, 0, 3)):
        values = np.zeros(shape)
        try:
            wanted = np.max(values, axis=axis)
        except ValueError:
            with pytest.raises(ValueError, match="no elements"):
                f(values)
        else:
            assert f(values).shape == wanted.shape


RANGES = [(5, 0, -1, "uint8"), (5, 3, 1, "uint8"), (-100, 100, 1, "int8"), (0, 200, 1, "int8"), (250, 255, 2, "uint8")]


@pytest.mark.parametrize("arguments", RANGES)
def test_ranges_of_small_integers(arguments):
    *bounds, dtype = arguments
    wanted = np.arange(*bounds, dtype=dtype)
    symbols = [T.lscalar(n) for n in "abc"]
    for mode in ("FAST_RUN", "FAST_COMPILE"):
        found = ss.function(symbols, T.arange(*symbols, dtype=dtype), mode=mode)(*bounds)
        np.testing.assert_array_equal(found, wanted)
        assert found.dtype == wanted.dtype
        np.testing.assert_array_equal(ss.function([], T.arange(*bounds, dtype=dtype), mode=mode)(), wanted)


def test_variances_of_too_few_elements_are_not_defined():
    x = T.dvector("x")
    f = ss.function([x], [T.var(x, ddof=1), T.var(x, ddof=2)])
    assert np.isnan(f(np.zeros(0))).all()
    one, two = f(np.ones(1))
    assert np.isnan(one) and np.isnan(two)
    assert np.isnan(T.var(T.constant(np.ones(1)), ddof=2).eval())


def test_arrays_of_other_libraries_are_arguments():
    class Other:
        def __init__(self, data):
            self.data = data

        def __dlpack__(self, **options):
            return self.data.__dlpack__(**options)

        def __dlpack_device__(self):
            return self.data.__dlpack_device__()

    data = np.arange(3.0)
    x = T.dvector("x")
    f = ss.function([x], [x + 1, x[::-1], x])
    for result, wanted in zip(f(Other(data)), (data + 1, data[::-1], data), strict=True):
        np.testing.assert_array_equal(result, wanted)
        assert not np.shares_memory(result, data)
    default = ss.function([ss.In(x, value=Other(data))], x * 2)
    data[0] = 5.0
    np.testing.assert_array_equal(default(), [0.0, 2.0, 4.0])
    assert not ss.In(x, value=None).has_default
