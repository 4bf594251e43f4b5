"""Linear algebra through LAPACK's addresses: against NumPy, for every layout, and its failures."""

import numpy as np
import pytest

from symcodegen.export import ExportError, export_c
from symcodegen.testing import PLAIN
from symcore import tensor as T
from symcore.linalg import nlinalg, slinalg
from symcore.linalg.solving import SolveTriangular
from symopt import function

pytest.importorskip("scipy")
pytestmark = pytest.mark.c
DTYPES = ["float32", "float64", "complex64", "complex128"]


def compiled(inputs, outputs):
    f = function(inputs, outputs, mode=PLAIN)
    assert not [str(node.op) for node, where, _ in f.placement() if where == "Python"]
    return f


def matrices(dtype, n, m=None):
    """A well-conditioned matrix in several layouts."""
    rng = np.random.default_rng(n)
    shape = (2 * n, 2 * (m or n))
    x = rng.standard_normal(shape) + (1j * rng.standard_normal(shape) if dtype[0] == "c" else 0)
    x += 4 * np.sqrt(n) * np.eye(*shape) if m is None else 0
    x = x.astype(dtype)
    a = x[:n, : m or n]
    return [a, a.T, np.asfortranarray(a), x[: n * 2 : 2, : 2 * (m or n) : 2][::-1] if m else x[::-2, ::-2]]


def close(got, wanted, factor=1.0):
    assert got.dtype == wanted.dtype and got.shape == wanted.shape
    bound = 1000 * factor * max(1, len(wanted.shape) and wanted.shape[0]) * np.finfo(got.dtype).eps
    assert np.all(np.abs(got - wanted) <= bound * np.abs(wanted).max(initial=0) + np.finfo(got.dtype).tiny)


@pytest.mark.parametrize("dtype", DTYPES)
def test_inverses_and_determinants(dtype):
    x = T.TensorType(dtype, (None, None))()
    f = compiled([x], [nlinalg.matrix_inverse(x), nlinalg.det(x), *nlinalg.slogdet(x)])
    for n in (0, 1, 2, 7, 40):
        for a in matrices(dtype, n):
            inverse, det, sign, log = f(a)
            wide = a.astype(complex if dtype[0] == "c" else float)
            close(inverse, np.linalg.inv(wide).astype(dtype))
            wanted = np.linalg.slogdet(wide)
            close(sign, np.asarray(wanted[0], dtype))
            close(log, np.asarray(wanted[1], log.dtype))
            if wanted[1] < np.log(np.finfo(dtype).max):
                close(det, np.asarray(np.linalg.det(wide), dtype))
    singular = np.ones((3, 3), dtype)
    assert f(np.eye(3, dtype=dtype))[1] == 1
    with pytest.raises(np.linalg.LinAlgError, match="singular"):
        f(singular)
    g = compiled([x], [nlinalg.det(x), *nlinalg.slogdet(x)])
    assert g(np.zeros((2, 2), dtype))[0] == 0 and g(np.zeros((2, 2), dtype))[2] == -np.inf
    with pytest.raises(np.linalg.LinAlgError, match="square"):
        g(np.ones((2, 3), dtype))


def test_a_matrix_decides_about_itself_and_not_its_transpose():
    """LAPACK sees the transpose first. What NumPy solves is, though elimination of the transpose meets a zero."""
    A, b = T.dmatrix(), T.dvector()
    f, g = compiled([A], nlinalg.matrix_inverse(A)), compiled([A, b], slinalg.solve(A, b))
    infinite = np.array([[1, np.inf], [0, 1]])
    assert np.isnan(f(infinite)).all() and np.isnan(g(infinite, np.ones(2))).all()
    nearly = np.array([[0.8, 1.8], [2.3, 5.174999999999999]])
    np.linalg.inv(nearly)  # no error
    inverse = f(nearly)  # the adjugate over a number about which nothing is known but that it is small
    np.testing.assert_allclose(inverse / inverse[1, 0], [[-5.175 / 2.3, 1.8 / 2.3], [1, -0.8 / 2.3]], rtol=1e-9)
    np.testing.assert_allclose(g(nearly, np.array([1.0, 0.0])) / inverse[:, 0], 1, rtol=1e-9)


def test_determinants_that_leave_the_range_on_the_way():
    x = T.dmatrix()
    f = compiled([x], nlinalg.det(x))
    for diagonal in ([1e200, 1e200, 1e-200, 1e-200], [1e-300, 1e-300, 1e300, 1e300], [1e300, 1e300], [1e-300] * 3,
                     [-1e308, 10, 0.05], [np.inf, 1], [np.nan, 1]):  # fmt: skip
        with np.errstate(all="ignore"):
            wanted = float(np.prod(np.longdouble(diagonal)))
        np.testing.assert_allclose(f(np.diag(diagonal)), wanted, rtol=1e-14)


@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("dtype", DTYPES)
def test_cholesky(dtype, lower):
    x = T.TensorType(dtype, (None, None))()
    f = compiled([x], slinalg.cholesky(x, lower=lower))
    for n in (0, 1, 3, 33):
        for a in matrices(dtype, n):
            square = (a @ a.conj().T).astype(dtype)
            read = np.tril(square) if lower else np.triu(square)  # the other half is not looked at
            read = read + (np.triu(np.full((n, n), 77), 1) if lower else np.tril(np.full((n, n), 77), -1))
            factor = np.linalg.cholesky(square)
            close(f(read.astype(dtype)), factor if lower else np.ascontiguousarray(factor.conj().T), 100)
    with pytest.raises(np.linalg.LinAlgError, match="positive definite"):
        f(np.diag([1, -1]).astype(dtype))
    g = compiled([x], slinalg.cholesky(x, lower=lower, on_error="nan"))
    assert np.isnan(g(np.diag([1, -1]).astype(dtype))).all() and g(np.eye(2, dtype=dtype)).tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize("dtype", DTYPES)
def test_systems(dtype):
    a, b, v = (T.TensorType(dtype, (None,) * r)() for r in (2, 2, 1))
    f = compiled([a, b, v], [slinalg.solve(a, b), slinalg.solve(a, v)])
    for n, m in ((0, 2), (1, 1), (4, 0), (5, 3), (40, 7)):
        for x, y in zip(matrices(dtype, n), matrices(dtype, n, m), strict=True):
            y = y if y.shape == (n, m) else y.T
            got = f(x, y, x[::-1, 0] if n else np.zeros(0, dtype))
            close(got[0], np.linalg.solve(x, y))
            if n:
                close(got[1], np.linalg.solve(x, x[::-1, 0]))
    with pytest.raises(np.linalg.LinAlgError, match="singular"):
        f(np.ones((2, 2), dtype), np.ones((2, 1), dtype), np.ones(2, dtype))
    with pytest.raises(np.linalg.LinAlgError, match="right-hand side of 3"):
        f(np.eye(2, dtype=dtype), np.ones((3, 1), dtype), np.ones(2, dtype))


@pytest.mark.parametrize("unit", [False, True])
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "complex128"])
def test_triangular_systems(dtype, lower, transposed, unit):
    a, b, v = (T.TensorType(dtype, (None,) * r)() for r in (2, 2, 1))
    op = SolveTriangular(lower, transposed, unit)
    f = compiled([a, b, v], [op(a, b), op(a, v)])
    for n in (0, 1, 6, 20):
        for x in matrices(dtype, n):
            part = np.tril(x) if lower else np.triu(x)
            if unit:
                x = (x / 16).astype(dtype)  # so that it is well-conditioned with ones on the diagonal
                part = (np.tril(x, -1) if lower else np.triu(x, 1)) + np.eye(n)
            part = (part.T if transposed else part).astype(dtype)
            y = np.linspace(-1, 1, 3 * n).reshape(n, 3).astype(dtype)
            got = f(x, y, y[:, 0])
            close(got[0], np.linalg.solve(part, y), 10)
            close(got[1], np.linalg.solve(part, y[:, 0]), 10)
    if not unit:
        with pytest.raises(np.linalg.LinAlgError, match="zero at 1"):
            f(np.diag([1, 0, 2]).astype(dtype), np.ones((3, 1), dtype), np.ones(3, dtype))


def test_addresses_are_not_exported(tmp_path):
    x = T.dmatrix()
    with pytest.raises(ExportError, match="LAPACK"):
        export_c(function([x], nlinalg.matrix_inverse(x)), tmp_path / "out")
