"""Special functions: values known in closed form, derivatives of orders, and what happens without SciPy."""

import pickle
import sys
from importlib.util import find_spec

import numpy as np
import pytest

from symcore import tensor as T
from symcore.errors import NullTypeGradError
from symcore.gradient.grad import grad
from symcore.gradient.rop import Rop
from symcore.gradient.verify import verify_grad
from symcore.interpreter import evaluate
from symcore.linalg import slinalg

X = np.array([0.2, 0.9, 2.3, 4.0])
needs_scipy = pytest.mark.skipif(find_spec("scipy") is None, reason="needs SciPy: pip install 'symcore[scipy]'")

EULER = 0.57721566490153286
#: Abramowitz and Stegun (1964): tables 6.1, 7.1, 9.1 and 9.8, and identities of section 6.
VALUES = {
    "erf": (T.erf(1.0), 0.84270079294971487),
    "erfc": (T.erfc(1.0), 0.15729920705028513),
    "erfcx": (T.erfcx(0.0), 1.0),
    "erfinv": (T.erfinv(T.erf(T.constant(0.3, dtype="float64"))), 0.3),
    "erfcinv": (T.erfcinv(T.erfc(T.constant(0.3, dtype="float64"))), 0.3),
    "gamma": (T.gamma(T.constant(5.5, dtype="float64")), 52.342777784553519),
    "gammaln": (T.gammaln(T.constant(101)), np.log(np.arange(1.0, 101)).sum()),
    "psi": (T.psi(T.constant(1)), -EULER),
    "digamma": (T.digamma(T.constant(2)), 1 - EULER),
    "tri_gamma": (T.tri_gamma(T.constant(1)), np.pi**2 / 6),
    "polygamma": (T.polygamma(1, T.constant(1)), np.pi**2 / 6),
    "j0": (T.j0(T.constant(1.0, dtype="float64")), 0.76519768655796655),
    "j1": (T.j1(T.constant(1.0, dtype="float64")), 0.44005058574493352),
    "jv": (T.jv(2, T.constant(1.0, dtype="float64")), 0.11490348493190048),
    "i0": (T.i0(T.constant(1.0, dtype="float64")), 1.2660658777520083),
    "i1": (T.i1(T.constant(1.0, dtype="float64")), 0.56515910399248503),
    "iv": (T.iv(0.5, T.constant(1.0, dtype="float64")), np.sqrt(2 / np.pi) * np.sinh(1)),
    "gammainc": (T.gammainc(1, T.constant(2.0, dtype="float64")), -np.expm1(-2)),
    "gammaincc": (T.gammaincc(1, T.constant(2.0, dtype="float64")), np.exp(-2)),
    "gammal": (T.gammal(3, T.constant(2.0, dtype="float64")), 2 - 10 * np.exp(-2)),
    "gammau": (T.gammau(3, T.constant(2.0, dtype="float64")), 10 * np.exp(-2)),
    "chi2sf": (T.chi2sf(T.constant(3.0, dtype="float64"), 2), np.exp(-1.5)),
    "xlogx": (T.xlogx(0.0), 0.0),
    "xlogy0": (T.xlogy0(0.0, 0.0), 0.0),
}


@needs_scipy
@pytest.mark.parametrize("name", VALUES)
def test_value(name):
    y, wanted = VALUES[name]
    tolerance = 1e-6 if y.dtype == "float32" else 1e-14
    np.testing.assert_allclose(evaluate(y), wanted, rtol=tolerance)


@needs_scipy
@pytest.mark.parametrize("name", ["erf", "gammaln", "psi", "j0", "j1", "i0", "i1", "tri_gamma", "erfcx"])
def test_second_derivatives(name):
    function = getattr(T, name)
    verify_grad(lambda x: grad(function(x).sum(), x), [X], rng=np.random.default_rng(1))


@needs_scipy
def test_the_second_argument_of_a_chi_squared_tail_has_no_derivative():
    x, k = T.dvector("x"), T.dvector("k")
    cost = T.chi2sf(x, k).sum()
    verify_grad(lambda x: T.chi2sf(x, 3), [X], rng=np.random.default_rng(1))
    assert evaluate(grad(cost, x), {x: X, k: X}).shape == (4,)
    with pytest.raises(NullTypeGradError, match="gammaincc with respect to its order"):
        grad(cost, k)


@pytest.mark.parametrize("name", ["jv", "iv", "gammainc", "gammaincc", "polygamma"])
def test_the_derivative_by_an_order_is_refused_not_zero(name):
    order, x, n = T.dscalar("order"), T.dvector("x"), T.lscalar("n")
    function = getattr(T, name)
    with pytest.raises(NullTypeGradError, match="not implemented"):
        grad(function(order, x).sum(), order)
    with pytest.raises(NullTypeGradError, match="not implemented"):
        Rop(function(order, x), order, order)
    with pytest.raises(TypeError, match="not implemented"):
        Rop(function(order, x), [order, x], [order, x])
    assert grad(function(order, x).sum(), x).ndim == 1
    assert grad(function(n, x).sum(), x).ndim == 1


def test_dtypes():
    assert T.erf(T.fscalar()).dtype == "float32" and T.erf(T.iscalar()).dtype == "float64"
    assert T.gammainc(2, T.fvector()).dtype == "float32"
    with pytest.raises(TypeError, match="real numbers"):
        T.erf(T.zscalar())


def test_xlogy_is_zero_whatever_the_other_is():
    x, y = T.dvector(), T.dvector()
    given = {x: [0.0, 0.0, 2.0], y: [0.0, np.nan, 3.0]}
    np.testing.assert_allclose(evaluate(T.xlogy0(x, y), given), [0, 0, 2 * np.log(3)])
    np.testing.assert_allclose(evaluate(grad(T.xlogy0(x, y).sum(), y), given)[[0, 2]], [0, 2 / 3])


def test_the_functions_pickle_by_name():
    assert pickle.loads(pickle.dumps(T.erfcx)) is T.erfcx


@pytest.mark.parametrize(
    ("asked", "build"),
    [
        ("T.psi", lambda x: T.psi(x)),
        ("T.tri_gamma", lambda x: T.tri_gamma(x)),
        ("solve_triangular", lambda x: slinalg.solve_lower_triangular(x, x)),
        ("expm", lambda x: slinalg.expm(x)),
    ],
)
def test_without_scipy_one_line_names_the_extra(monkeypatch, asked, build):
    for name in ("scipy", "scipy.special", "scipy.linalg"):
        monkeypatch.setitem(sys.modules, name, None)
    x = T.dmatrix()
    y = build(x)
    with pytest.raises(ImportError, match=rf"^{asked} needs SciPy .*pip install 'symcore\[scipy\]'(\n|$)"):
        evaluate(y, {x: np.eye(2)})
