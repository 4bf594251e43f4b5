"""The namespaces of linear algebra, Fourier transforms and older spellings, and that they run compiled."""

import subprocess
import sys

import numpy as np
import pytest

import symstack as ss
from symstack import tensor as T

NAMES = {
    T: """cumsum cumprod diff sort argsort topk argtopk topk_and_argtopk bincount unique searchsorted unravel_index
        ravel_multi_index to_one_hot tile repeat roll flip tri tril triu diag diagonal alloc_diag extract_diag
        fill_diagonal fill_diagonal_offset trace mgrid ogrid meshgrid take_along_axis choose compress horizontal_stack
        vertical_stack stacklists permute_row_elements inverse_permutation broadcast_to logsumexp einsum
        batched_tensordot erf erfc erfcx erfinv erfcinv gamma gammaln psi tri_gamma j0 j1 jv i0 i1 iv gammainc
        gammaincc gammau gammal xlogx xlogy0 chi2sf""",
    T.nlinalg: """matrix_inverse MatrixInverse pinv det slogdet eig eigh qr svd lstsq matrix_power norm trace
        tensorinv tensorsolve matrix_dot diag alloc_diag extract_diag kron""",
    T.slinalg: """cholesky Cholesky solve Solve solve_triangular solve_lower_triangular solve_upper_triangular
        solve_symmetric cho_solve eigvalsh expm kron""",
    T.fft: "rfft irfft",
    T.extra_ops: "repeat cumsum cumprod to_one_hot squeeze bincount diff unique",
}


@pytest.mark.parametrize(("home", "name"), [(home, name) for home, text in NAMES.items() for name in text.split()])
def test_name(home, name):
    assert getattr(home, name) is not None


@pytest.mark.parametrize("name", ["nlinalg", "slinalg", "fft", "extra_ops"])
def test_namespace(name):
    assert name in dir(T)


def test_compiled_as_numpy_has_it():
    x = np.random.default_rng(5).normal(size=(4, 4)) + 4 * np.eye(4)
    m, v = T.dmatrix(), T.dvector()
    outputs = [
        T.cumsum(m, 1), T.sort(m, 0), T.tile(m, (2, 1)), T.repeat(v, 3), T.roll(v, 1), T.diag(v), T.tril(m),
        T.logsumexp(m, 1), T.einsum("ij,jk,k->i", m, m, v), T.nlinalg.matrix_inverse(m), T.nlinalg.det(m),
        T.slinalg.solve(m, v), T.erf(v), T.gammaln(v**2 + 1), T.fft.rfft(m)[..., 0],
    ]  # fmt: skip
    from scipy import special

    w = x[0]
    wanted = [
        np.cumsum(x, 1), np.sort(x, 0), np.tile(x, (2, 1)), np.repeat(w, 3), np.roll(w, 1), np.diag(w), np.tril(x),
        special.logsumexp(x, 1), x @ x @ w, np.linalg.inv(x), np.linalg.det(x), np.linalg.solve(x, w), special.erf(w),
        special.gammaln(w**2 + 1), np.fft.rfft(x).real,
    ]  # fmt: skip
    f = ss.function([m, v], outputs)
    for found, value in zip(f(x, w), wanted, strict=True):
        np.testing.assert_allclose(found, value, rtol=1e-10, atol=1e-12)


def test_a_gaussian_process_learns_its_noise():
    """The likelihood of a Gaussian process, by Cholesky factor and triangular system, with compiled gradients."""
    rng = np.random.default_rng(6)
    points = np.linspace(0, 3, 40)
    seen = np.sin(2 * points) + 0.3 * rng.normal(size=40)
    log_noise = ss.shared(0.5, name="log_noise")
    x, y = T.dvector("x"), T.dvector("y")
    kernel = T.exp(-((x.dimshuffle(0, "x") - x.dimshuffle("x", 0)) ** 2) * 2) + T.exp(2 * log_noise) * T.eye(40)
    factor = T.slinalg.cholesky(kernel)
    white = T.slinalg.solve_lower_triangular(factor, y)
    cost = (white**2).sum() / 2 + T.log(T.diag(factor)).sum()
    step = ss.function([x, y], cost, updates=[(log_noise, log_noise - 0.01 * T.grad(cost, log_noise))])
    costs = [float(step(points, seen)) for _ in range(150)]
    assert costs[-1] < costs[0] and abs(np.exp(log_noise.get_value()) - 0.3) < 0.1


def test_the_namespaces_are_loaded_when_they_are_used():
    code = "import sys; from symstack import tensor; sys.exit('symcore.linalg.nlinalg' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0
