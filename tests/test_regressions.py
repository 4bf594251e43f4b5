"""Wrong results and refusals found by random programs, each as the smallest program that showed it."""

from types import SimpleNamespace

import numpy as np
import pytest

import symstack as ss
from symcore.interpreter import evaluate
from symopt import Mode, RuleSet
from symstack import tensor as T

MODES = {
    "FAST_COMPILE": "FAST_COMPILE",
    "FAST_RUN": "FAST_RUN",
    "C without rules": Mode("no rules", RuleSet(), "cvm"),
    "FAST_RUN in Python": ss.get_mode("FAST_RUN").with_linker("py"),
}
every_mode = pytest.mark.parametrize("mode", MODES.values(), ids=MODES.keys())


def agree(inputs, outputs, values, mode, rtol=1e-12):
    """Compute in a mode and by the interpreter; return the result of the mode."""
    want = evaluate(outputs, dict(zip(inputs, values, strict=True)))
    got = ss.function(inputs, outputs, mode=mode, on_unused_input="ignore")(*values)
    for a, b in zip(got, want, strict=True):
        assert a.dtype == b.dtype and a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=rtol)
    return got


@every_mode
def test_the_gradient_of_arctan2_with_truth_values_and_small_integers(mode):
    x, k = T.dvector("x"), T.bvector("k")
    g_bool = ss.grad(T.arctan2(k > 0, x).sum(), x)
    g_int = ss.grad(T.arctan2(k, x).sum(), x)
    [by_bool, by_int] = agree([x, k], [g_bool, g_int], [np.array([2.0, -1.0]), np.int8([100, -7])], mode)
    np.testing.assert_allclose(by_bool, [-1 / 5, 0])
    np.testing.assert_allclose(by_int, [-100 / 10004, 7 / 50])  # 100 ** 2 does not fit an int8


def test_a_number_is_written_into_unsigned_integers():
    u = T.TensorType("uint8", (None,))("u")
    f = ss.function([u], [T.set_subtensor(u[:2], 2), T.inc_subtensor(u[[0, 0]], 1)])
    got = f(np.arange(4, dtype="uint8"))
    np.testing.assert_array_equal(got, [[2, 2, 2, 3], [2, 1, 2, 3]])
    with pytest.raises(TypeError, match="uint8"):
        T.set_subtensor(u[:2], 300)


@every_mode
def test_the_whole_of_a_tensor_is_written_through_dots(mode):
    m = T.dmatrix("m")
    agree([m], [T.inc_subtensor(m[...], 1), T.set_subtensor(m[:, ...], m * 2), m[...] * 2], [np.ones((2, 3))], mode)


@every_mode
def test_the_condition_of_a_switch_is_not_converted(mode):
    c, d, a, b = T.dvector("c"), T.lvector("d"), T.bvector("a"), T.bvector("b")
    values = [np.array([0.5, 0.0, np.nan]), np.array([256, -(2**63), 0]), np.int8([1, 2, 3]), np.int8([4, 5, 6])]
    by_float, by_int = agree([c, d, a, b], [T.switch(c, a, b), T.switch(d, a, b)], values, mode)
    np.testing.assert_array_equal(by_float, [1, 5, 3])  # 0.5 is no zero, though it is 0 as an int8
    np.testing.assert_array_equal(by_int, [1, 2, 6])


@every_mode
@pytest.mark.parametrize("dtype", ["int8", "int16", "uint8"])
def test_one_over_a_small_integer_is_computed_in_double_precision(mode, dtype):
    k = T.TensorType(dtype, (None,))("k")
    [by_one, product] = agree([k], [1 / k, -(1 / k) * k], [np.array([3, 7, 49], dtype)], mode, rtol=1e-15)
    np.testing.assert_array_equal(by_one, 1 / np.array([3.0, 7.0, 49.0]))
    np.testing.assert_allclose(product, -1, rtol=1e-15)


@every_mode
def test_a_gradient_ends_at_integers(mode):
    x, k = T.dmatrix("x"), T.lmatrix("k")
    y = T.switch(x > 0, k, 2 * k)
    cost = (T.dot(y, y.T) * 0.5 + y[:, 0] + y[[0, 1], 1] + T.set_subtensor(y[0], 1).max(axis=1)).sum() + x.sum()
    [g] = agree([x, k], [ss.grad(cost, x)], [np.array([[1.0, -1.0], [2.0, 0.5]]), np.array([[1, 2], [3, 4]])], mode)
    np.testing.assert_array_equal(g, np.ones((2, 2)))


def test_sums_of_nothing_are_zero_however_large_each_term():
    x, s, v = T.dtensor3("x"), T.dscalar("s"), T.dvector("v")
    sums = [(T.zeros_like(x) / T.zeros_like(x)).sum(axis=0), (T.second(x, s)).sum(axis=(0, 1)), (v * np.inf).sum()]
    mode = ss.get_mode("FAST_RUN").excluding("nan_changing")
    agree([x, s, v], sums, [np.zeros((0, 2, 3)), np.array(np.inf), np.zeros(0)], mode)
    # what is known to be infinite is not multiplied by 0 in any mode
    agree([x, v], [sums[0], sums[2]], [np.zeros((0, 2, 3)), np.zeros(0)], "FAST_RUN")


@every_mode
@pytest.mark.parametrize("exponent", [0.5, np.array([0.5])])
def test_roots_of_minus_infinity_do_not_depend_on_how_many_exponents_there_are(mode, exponent):
    x = T.dvector("x")
    if mode is not MODES["C without rules"]:
        mode = ss.get_mode(mode).excluding("nan_changing")
    values = [np.array([-np.inf, -1.0, 4.0, 0.0])]
    [got] = agree([x], [x ** T.constant(exponent)], values, mode)
    np.testing.assert_array_equal(got, [np.inf, np.nan, 2.0, 0.0])


@every_mode
def test_integers_divided_by_zero_in_what_may_be_a_shape(mode):
    x, k = T.bvector("x"), T.lscalar("k")
    n = x.size + x.size
    made = [T.alloc((k + 3) // n, 2), T.alloc((k + 3) % n, 2), T.alloc(1.0, x.size // n, 2), T.ones_like(x)[::-1] // n]
    got = agree([x, k], made, [np.int8([]), np.array(4)], mode)
    assert got[2].shape == (0, 2)
    agree([x, k], made, [np.int8([7, -5]), np.array(4)], mode)


@every_mode
def test_zero_minus_truth_values_and_small_integers(mode):
    x, k = T.dvector("x"), T.bvector("k")
    zeros = T.zeros_like(x)
    got = agree(
        [x, k],
        [zeros - (x > 1), zeros - k, 0.0 - (x > 1), zeros - (x > 1) * k],
        [np.array([1.0, 2.0]), np.int8([-128, 5])],
        mode,
    )
    np.testing.assert_array_equal(got[1], [128, -5])


_WIDER = {
    "terms with scalar coefficients": lambda v: [v.i * v.x + v.j * v.x, v.i * v.n + v.j * v.n, v.x * v.i * v.j - v.x],
    "truth values as coefficients": lambda v: [v.t * v.x + v.t * v.x, v.t * v.x - v.t * v.x, v.t * v.n - v.t * v.n],
    "a gradient step": lambda v: [v.y - v.i * (v.x + v.j * v.y)],
    "divisors": lambda v: [2.0 * v.x / v.a / v.b * 3.0, (-v.x) / v.a / v.b, -(v.x / v.a) / v.b],
    "sums of many": lambda v: [T.add(v.a, v.b, -v.x), T.add(0.0, v.a, v.b), T.add(v.a, v.b, v.n, -v.n)],
    "products of many": lambda v: [T.mul(1.0, v.a, v.b), T.mul(-1.0, v.a, v.b), T.mul(v.a, v.a, v.x), v.x * v.a * v.b],
    "under functions": lambda v: [
        T.log(T.add(1.0, v.a, v.a)),
        T.sum(T.mul(2.0, v.a, v.b)),
        T.exp(T.add(v.a, v.b, -v.n)),
    ],
}


@every_mode
@pytest.mark.parametrize("name", _WIDER)
def test_small_integers_beside_wider_numbers_do_not_overflow(mode, name):
    v = SimpleNamespace(
        i=T.bscalar("i"),
        j=T.bscalar("j"),
        t=T.TensorType("bool", ())("t"),
        a=T.bvector("a"),
        b=T.bvector("b"),
        n=T.lvector("n"),
        x=T.dvector("x"),
        y=T.dvector("y"),
    )
    values = [
        np.int8(100),
        np.int8(77),
        np.bool_(True),
        np.int8([100, 99]),
        np.int8([77, 90]),
        np.array([170, 185]),
        np.array([0.5, 2.0]),
        np.array([3.0, 5.0]),
    ]
    outputs = _WIDER[name](v)
    inputs = list(vars(v).values())
    wide = [T.cast(x, "int64" if x.dtype == "int8" else x.dtype) for x in inputs]
    in_wide = ss.clone(outputs, dict(zip(inputs, wide, strict=True)), strict=False)
    got = agree(inputs, outputs, [np.asarray(x) for x in values], mode)
    want = evaluate(in_wide, dict(zip(inputs, map(np.asarray, values), strict=True)))
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


@pytest.mark.default_mode
def test_the_gradient_of_log_of_one_plus_exp_is_a_sigmoid():
    x = T.dvector("x")
    f = ss.function([x], ss.grad(T.log(1 + T.exp(x)).sum(), x))
    np.testing.assert_allclose(f([1000.0, 0.0, -1000.0]), [1.0, 0.5, 0.0])


def test_an_index_that_leaves_one_row_of_an_operand_of_known_length():
    known = T.TensorType("float64", (2, None))
    x, y = T.dmatrix("x"), known("y")
    part = T.eq(x, y)[-3::2]
    assert part.type.shape == (1, None)
    f = ss.function([x, y], part)
    a, b = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 0.0], [3.0, 4.0]])
    np.testing.assert_array_equal(f(a, b), [[True, False]])


@pytest.mark.default_mode
def test_a_quotient_among_factors_stays_where_it_is():
    a, c, d = T.fvectors("a", "c", "d")
    x = np.float32([1e20, 1e-30])
    cases = [  # gathered over one line, products of two of them over- or underflow
        (-(a / c) * d, -x),
        (a / -c * d * d / d, -x),
        (a / -2 / c * d * 3, -1.5 * x),
        (-a / c / d, -1 / x),
        (1 / (c * -1 / d), np.float32([-1, -1])),
    ]
    for got, (_, want) in zip(ss.function([a, c, d], [e for e, _ in cases])(x, x, x), cases, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5)
