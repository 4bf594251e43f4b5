"""The example's Op, rule and C, used as a user would: nothing is imported here but the Op."""

import pickle

import numpy as np
import pytest

from symcodegen.extension import why_not
from symcore import plugins
from symcore import tensor as T
from symcore.gradient import grad, verify_grad
from symopt.function import function
from symopt.mode import get_mode
from symplugin_horner import Horner

CUBIC = (1.0, -2.0, 0.5, 3.0)


def ops(f):
    return [type(node.op).__name__ for node in f.fgraph.toposort()]


def where(f):
    """Where the nodes of ``Horner`` run, and why."""
    return [(place, how) for node, place, how in f.placement() if isinstance(node.op, Horner)]


def compiles():
    """Whether C can be made and run here."""
    f = function([x := T.dvector("x")], T.exp(x))
    return all(place == "C" for _, place, _ in f.placement())


def test_the_entry_points_are_found():
    assert "horner" in plugins.names("symstack.rewrites")
    assert "horner" in plugins.names("symstack.c")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(), (0,), (7,), (3, 4), (2, 3, 4)])
def test_the_compiled_polynomial_is_numpys(dtype, shape):
    x = T.tensor(dtype, shape=(None,) * len(shape))
    value = np.random.default_rng(0).uniform(-2, 2, shape).astype(dtype)
    wanted = np.polyval(CUBIC[::-1], value.astype("float64"))
    for mode in ("FAST_RUN", "FAST_COMPILE"):
        result = function([x], Horner(CUBIC)(x), mode=mode)(value)
        assert result.dtype == dtype and result.shape == shape
        np.testing.assert_allclose(result, wanted, rtol=0, atol=50 * np.finfo(dtype).eps)


@pytest.mark.parametrize("view", [lambda v: v[::2, ::-1], lambda v: v.T, lambda v: np.broadcast_to(v[:1], v.shape)])
def test_strided_inputs(view):
    x = T.dmatrix("x")
    value = view(np.arange(48.0).reshape(6, 8) / 10)
    np.testing.assert_allclose(function([x], Horner(CUBIC)(x))(value), np.polyval(CUBIC[::-1], value), rtol=1e-13)


def test_gradient():
    verify_grad(lambda x: Horner(CUBIC)(x), [np.linspace(-1, 1, 5)])
    x = T.dscalar("x")
    assert function([x], grad(Horner((4.0,))(x), x))(3.0) == 0.0


def test_low_degrees_become_arithmetic_and_can_be_kept():
    x = T.dvector("x")
    value = np.array([1.0, -2.0])
    line = T.exp(Horner((1.0, 2.0))(x))
    fused = function([x], line)
    assert "Horner" not in ops(fused)
    kept = function([x], line, mode=get_mode("FAST_RUN").excluding("horner-of-low-degree"))
    assert "Horner" in ops(kept)
    np.testing.assert_allclose(fused(value), np.exp(1 + 2 * value), rtol=1e-14)
    np.testing.assert_allclose(kept(value), np.exp(1 + 2 * value), rtol=1e-14)


def test_the_rule_keeps_shape_and_leaves_higher_degrees_alone():
    x = T.fmatrix("x")
    constant = function([x], Horner((1.5,))(x))
    assert "Horner" not in ops(constant)
    result = constant(np.full((2, 0), np.nan, "float32"))
    assert result.shape == (2, 0) and result.dtype == "float32"
    assert constant(np.array([[np.nan]], "float32")).tolist() == [[1.5]]
    assert "Horner" in ops(function([x], Horner((1.0, 0.0, 2.0))(x)))


def test_it_runs_in_c_where_c_runs():
    x = T.dvector("x")
    [(place, _)] = where(function([x], Horner(CUBIC)(x)))
    assert (place == "C") == compiles(), why_not()


@pytest.mark.parametrize(
    ("x", "coefficients", "reason"),
    [(T.vector("x", dtype="float16"), CUBIC, "float16"), (T.dvector("x"), (1.0, 2.0, np.inf), "infinite")],
)
def test_what_has_no_c_falls_back_and_says_why(x, coefficients, reason):
    f = function([x], Horner(coefficients)(x))
    [(place, how)] = where(f)
    assert place != "C"
    if compiles():
        assert reason in how and reason in f.explain()
    value = np.array([0.5, 1.0], x.type.dtype)
    np.testing.assert_allclose(f(value), np.polyval(coefficients[::-1], value), rtol=1e-3)


def test_bad_use():
    with pytest.raises(TypeError, match=r"astype\('float64'\)"):
        Horner(CUBIC)(T.lvector("n"))
    with pytest.raises(ValueError, match="at least one coefficient"):
        Horner(())(T.dvector("x"))


def test_equal_parameters_make_equal_ops_that_pickle():
    op = Horner(CUBIC)
    assert op == Horner(CUBIC) != Horner((1.0,))
    assert pickle.loads(pickle.dumps(op)) == op and hash(op) == hash(Horner(CUBIC))
