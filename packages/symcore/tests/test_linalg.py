"""Linear algebra as functions: identities that hold whatever LAPACK chooses, NumPy, gradients through compositions."""

from importlib.util import find_spec

import numpy as np
import pytest

from symcore import tensor as T
from symcore.errors import DisconnectedInputError, NullTypeGradError
from symcore.gradient.grad import grad
from symcore.gradient.verify import verify_grad
from symcore.interpreter import evaluate
from symcore.linalg import nlinalg, slinalg

rng = np.random.default_rng(13)
A = np.eye(4) * 3 + 0.5 * rng.normal(size=(4, 4))
P = A @ A.T + np.diag([1.0, 2.0, 3.0, 4.0])
B = rng.normal(size=(4, 2))
RECT = rng.normal(size=(5, 3))
needs_scipy = pytest.mark.skipif(find_spec("scipy") is None, reason="needs SciPy: pip install 'symcore[scipy]'")


def value(build, *arrays):
    inputs = [T.TensorType(x.dtype, (None,) * x.ndim)() for x in map(np.asarray, arrays)]
    return evaluate(build(*inputs), dict(zip(inputs, arrays, strict=True)))


def gradients(build, *arrays):
    verify_grad(build, list(arrays), rng=np.random.default_rng(1))


def test_decompositions_multiply_to_the_matrix():
    for x in (A, RECT, RECT.T):
        u, s, vt = value(lambda x: nlinalg.svd(x, full_matrices=False), x)
        np.testing.assert_allclose(u * s @ vt, x, atol=1e-12)
        q, r = value(nlinalg.qr, x)
        np.testing.assert_allclose(q @ r, x, atol=1e-12)
        np.testing.assert_allclose(value(lambda x: nlinalg.svd(x, 1, 0), x), s)
    w, v = value(nlinalg.eig, A)
    np.testing.assert_allclose(v * w @ np.linalg.inv(v), A, atol=1e-12)
    for triangle, read in (("L", np.tril), ("U", np.triu)):
        w, v = value(lambda x, t=triangle: nlinalg.eigh(x, t), read(P))
        np.testing.assert_allclose(v * w @ v.T, P, atol=1e-10)
    lower, upper = value(slinalg.cholesky, P), value(lambda x: slinalg.cholesky(x, lower=False), P)
    np.testing.assert_allclose(lower @ lower.T, P)
    np.testing.assert_allclose(upper.T @ upper, P)


def test_gradients_of_functions_of_decompositions():
    gradients(lambda x: nlinalg.svd(x, False)[0] * 1.3 + T.sum(nlinalg.svd(x, False)[1]), RECT)
    gradients(lambda x: nlinalg.qr(x)[1], RECT)
    gradients(lambda x: T.tril(nlinalg.eigh(x @ x.T)[1] ** 2), A)
    gradients(lambda x: slinalg.cholesky(x @ x.T + T.eye(4)), A)
    gradients(lambda x: slinalg.cholesky(x @ x.T + T.eye(4), lower=False), A)
    gradients(lambda x: nlinalg.slogdet(x)[1], A)


def test_gradient_of_a_determinant_at_singular_matrices():
    """It is the transposed adjugate: the cofactors, which NumPy's determinant of minors gives as well."""
    rng = np.random.default_rng(7)
    x = T.dmatrix()
    slope = grad(nlinalg.det(x), x)
    whole = rng.standard_normal((4, 4))
    deficient = whole.copy()
    deficient[2] = deficient[0] - 2 * deficient[1]
    nearly = deficient.copy()
    nearly[3, 3] *= 1 + 1e-13
    matrices = [whole, deficient, nearly, np.ones((3, 3)), np.zeros((2, 2)), np.diag([0.0, 2, 3]), np.zeros((1, 1))]
    for a in [*matrices, np.diag([1e-200, 1e-200])]:
        n = len(a)
        minors = np.array([[np.delete(np.delete(a, i, 0), j, 1) for j in range(n)] for i in range(n)])
        cofactors = np.linalg.det(minors) * (-1.0) ** np.add.outer(np.arange(n), np.arange(n))
        scale = max(np.linalg.norm(a, 2), np.abs(a).max()) ** (n - 1)
        np.testing.assert_allclose(slope.eval({x: a}), cofactors, rtol=0, atol=64 * n * np.finfo(float).eps * scale)
    assert np.isnan(slope.eval({x: np.array([[np.nan, 1], [1, 1]])})).all()


def test_second_derivatives():
    for build in (nlinalg.det, lambda x: nlinalg.slogdet(x)[1], lambda x: slinalg.cholesky(x @ x.T + T.eye(4)).sum()):
        gradients(lambda x, build=build: grad(build(x), x), A)


def test_inverses_and_powers():
    for n in (-2, -1, 0, 1, 2, 5):
        np.testing.assert_allclose(value(lambda x, n=n: nlinalg.matrix_power(x, n), A), np.linalg.matrix_power(A, n))
        if n:
            gradients(lambda x, n=n: nlinalg.matrix_power(x, n), A)
    np.testing.assert_allclose(value(nlinalg.pinv, RECT), np.linalg.pinv(RECT))
    np.testing.assert_allclose(value(nlinalg.matrix_inverse, A), np.linalg.inv(A))
    with pytest.raises(np.linalg.LinAlgError):
        value(nlinalg.matrix_inverse, np.zeros((2, 2)))
    with pytest.raises(TypeError, match="an int"):
        nlinalg.matrix_power(T.dmatrix(), 0.5)


def test_products():
    np.testing.assert_allclose(value(nlinalg.matrix_dot, A, P, B), A @ P @ B)
    for a, b in ((A, B), (A[0], B), (B, A[0]), (A[0], B[0]), (rng.normal(size=(2, 3, 2)), B), (np.float64(2.0), B)):
        np.testing.assert_allclose(value(slinalg.kron, a, b), np.kron(a, b))
    gradients(slinalg.kron, A, B)
    np.testing.assert_allclose(value(nlinalg.trace, A), np.trace(A))
    with pytest.raises(ValueError, match="at least one"):
        nlinalg.matrix_dot()


@pytest.mark.parametrize("order", [None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf])
def test_norms_of_a_matrix(order):
    np.testing.assert_allclose(value(lambda x: nlinalg.norm(x, order), RECT), np.linalg.norm(RECT, order))
    gradients(lambda x: nlinalg.norm(x, order), RECT)


@pytest.mark.parametrize("order", [None, 0, 1, 2, 3.5, np.inf, -np.inf])
def test_norms_of_vectors(order):
    np.testing.assert_allclose(value(lambda x: nlinalg.norm(x, order), RECT[0]), np.linalg.norm(RECT[0], order))
    for keep in (False, True):
        wanted = np.linalg.norm(RECT, order, axis=1, keepdims=keep)
        found = value(lambda x, keep=keep: nlinalg.norm(x, order, axis=1, keepdims=keep), RECT)
        np.testing.assert_allclose(found, wanted)


def test_norms_along_two_axes_and_those_that_there_are_not():
    cube = rng.normal(size=(2, 3, 4))
    for order in (None, "fro", 1, -1, np.inf, -np.inf):
        for axes in ((0, 2), (2, 0)):
            wanted = np.linalg.norm(cube, order, axes)
            np.testing.assert_allclose(value(lambda x, o=order, a=axes: nlinalg.norm(x, o, a), cube), wanted)
    for order, axes in ((3, None), ("nuc", (0, 1)), ("odd", (0, 1)), ("fro", 0)):
        with pytest.raises(ValueError, match="norm"):
            nlinalg.norm(T.dtensor3(), order, axes)


def test_systems():
    np.testing.assert_allclose(value(slinalg.solve, A, B), np.linalg.solve(A, B))
    np.testing.assert_allclose(value(slinalg.solve, A, B[:, 0]), np.linalg.solve(A, B[:, 0]))
    np.testing.assert_allclose(value(slinalg.solve_symmetric, P, B), np.linalg.solve(P, B))
    np.testing.assert_allclose(value(slinalg.Solve("general"), A, B), np.linalg.solve(A, B))
    for x, b in ((RECT, B[:1].repeat(5, 0)), (RECT.T, rng.normal(size=3))):
        for found, wanted in zip(value(nlinalg.lstsq, x, b), np.linalg.lstsq(x, b, rcond=None), strict=True):
            np.testing.assert_allclose(found, wanted, atol=1e-12)
        gradients(lambda x, b: nlinalg.lstsq(x, b)[0], x, b)


def test_tensor_systems():
    x, b = rng.normal(size=(2, 3, 6)) + np.eye(6).reshape(2, 3, 6) * 3, rng.normal(size=(2, 3))
    np.testing.assert_allclose(value(nlinalg.tensorsolve, x, b), np.linalg.tensorsolve(x, b))
    moved = x.transpose(2, 0, 1)
    wanted = np.linalg.tensorsolve(moved, b, axes=(0,))
    np.testing.assert_allclose(value(lambda x, b: nlinalg.tensorsolve(x, b, axes=(0,)), moved, b), wanted)
    np.testing.assert_allclose(value(lambda x: nlinalg.tensorinv(x, 2), x), np.linalg.tensorinv(x, 2))
    gradients(nlinalg.tensorsolve, x, b)


@needs_scipy
def test_triangular_systems():
    lower, upper = np.tril(A), np.triu(A)
    np.testing.assert_allclose(value(slinalg.solve_lower_triangular, A, B), np.linalg.solve(lower, B))
    np.testing.assert_allclose(value(slinalg.solve_upper_triangular, A, B), np.linalg.solve(upper, B))
    np.testing.assert_allclose(value(slinalg.Solve(A_structure="lower_triangular"), A, B), np.linalg.solve(lower, B))
    transposed = value(lambda a, b: slinalg.solve_triangular(a, b, trans="T"), A, B)
    np.testing.assert_allclose(transposed, np.linalg.solve(upper.T, B))
    for low in (True, False):
        factor = np.linalg.cholesky(P) if low else np.linalg.cholesky(P).T
        found = value(lambda c, b, low=low: slinalg.cho_solve((c, low), b), factor, B)
        np.testing.assert_allclose(found, np.linalg.solve(P, B))
        gradients(lambda c, b, low=low: slinalg.cho_solve((c, low), b), factor, B)
    with pytest.raises(np.linalg.LinAlgError):
        value(slinalg.solve_lower_triangular, np.zeros((2, 2)), np.ones(2))


@needs_scipy
def test_the_exponential_of_a_matrix():
    w, v = np.linalg.eigh(P / 8)
    np.testing.assert_allclose(value(slinalg.expm, P / 8), v * np.exp(w) @ v.T)
    gradients(slinalg.expm, A / 4)


def test_eigenvalues_of_two_matrices():
    other = A.T @ A + np.eye(4)
    wanted = np.sort(np.linalg.eigvals(np.linalg.solve(other, P)).real)
    for lower, read in ((True, np.tril), (False, np.triu)):
        found = value(lambda a, b, low=lower: slinalg.eigvalsh(a, b, low), read(P), read(other))
        np.testing.assert_allclose(found, wanted)
    np.testing.assert_allclose(value(slinalg.eigvalsh, P), np.linalg.eigvalsh(P))
    gradients(lambda a, b: slinalg.eigvalsh(a @ a.T, b @ b.T + T.eye(4)), A, A[::-1].copy())


def test_a_matrix_that_is_not_positive_definite():
    with pytest.raises(np.linalg.LinAlgError):
        value(slinalg.cholesky, -P)
    assert np.isnan(value(lambda x: slinalg.cholesky(x, on_error="nan"), -P)).all()
    assert np.isnan(value(slinalg.Cholesky(lower=True, on_error="nan"), -P)).all()


def test_equal_eigenvalues_give_finite_gradients():
    x = T.dmatrix()
    for cost in (nlinalg.eigh(x)[0].sum(), nlinalg.svd(x, False)[1].sum()):
        np.testing.assert_allclose(evaluate(grad(cost, x), {x: np.eye(3)}), np.eye(3), atol=1e-12)


def test_dtypes():
    f, i, z = T.fmatrix(), T.imatrix(), T.zmatrix()
    assert nlinalg.matrix_inverse(f).dtype == "float32" and nlinalg.matrix_inverse(i).dtype == "float64"
    assert [v.dtype for v in nlinalg.eig(f)] == ["complex64", "complex64"]
    assert [v.dtype for v in nlinalg.eigh(z)] == ["float64", "complex128"]
    assert [v.dtype for v in nlinalg.slogdet(z)] == ["complex128", "float64"]
    assert slinalg.solve(f, T.dvector()).dtype == "float64"


REFUSED = [
    (TypeError, "a matrix", lambda: nlinalg.det(T.dvector())),
    (TypeError, "float16", lambda: nlinalg.det(T.matrix(dtype="float16"))),
    (ValueError, "square", lambda: nlinalg.det(np.ones((2, 3)))),
    (ValueError, "does not fit", lambda: slinalg.solve(np.ones((2, 2)), np.ones(3))),
    (ValueError, "structures", lambda: slinalg.Solve("banded")),
    (ValueError, "'L' or 'U'", lambda: nlinalg.eigh(T.dmatrix(), "X")),
    (ValueError, "'reduced'", lambda: nlinalg.qr(T.dmatrix(), "raw")),
    (ValueError, "on_error", lambda: slinalg.cholesky(T.dmatrix(), on_error="ignore")),
    (ValueError, "trans", lambda: slinalg.solve_triangular(T.dmatrix(), T.dvector(), trans=2)),
    (ValueError, "0 < ind", lambda: nlinalg.tensorinv(T.dtensor3(), 0)),
    (ValueError, "dimensions of b", lambda: nlinalg.tensorsolve(T.dmatrix(), T.dtensor3())),
]


@pytest.mark.parametrize("k", range(len(REFUSED)))
def test_a_wrong_call_is_refused_while_the_graph_is_built(k):
    error, message, build = REFUSED[k]
    with pytest.raises(error, match=message):
        build()


def test_gradients_that_are_not_there_say_so():
    x, z = T.dmatrix(), T.zmatrix()
    for cost in (
        nlinalg.svd(x)[0].sum(),
        nlinalg.qr(x, "complete")[1].sum(),
        nlinalg.eig(x)[0].real.sum(),
    ):
        with pytest.raises(NullTypeGradError, match="not implemented"):
            grad(cost, x)
    with pytest.raises(NullTypeGradError, match="real matrices"):
        grad(T.real(nlinalg.det(z)), z)
    with pytest.raises(DisconnectedInputError):
        grad(nlinalg.lstsq(x, T.dvector())[3].sum(), x)
