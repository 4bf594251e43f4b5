"""Loops whose steps read a sparse matrix: the gradient with respect to it is a sum over the steps, and sparse."""

import numpy as np
import pytest

from symcore import Rop, grad, shared, sparse
from symcore import tensor as T
from symcore.errors import NullTypeGradError
from symopt import function
from symscan import loop, scan

scipy_sparse = pytest.importorskip("scipy.sparse")
rng = np.random.default_rng(31)
w, h, x = sparse.csr_matrix("w"), T.dmatrix("h"), T.dtensor3("x")
W = scipy_sparse.random(3, 3, 0.5, format="csr", random_state=1)
H, X = rng.normal(size=(3, 2)), rng.normal(size=(4, 3, 2))


def dense(value):
    return value.toarray() if scipy_sparse.issparse(value) else value


@pytest.mark.parametrize("mode", ["FAST_COMPILE", "FAST_RUN"])
@pytest.mark.parametrize("product", [sparse.dot, sparse.structured_dot])
def test_gradients_are_those_of_the_loop_written_out(product, mode):
    rows, _ = scan(lambda v, s: T.tanh(product(w, s) + v), x, h)
    state, written_out = h, []
    for t in range(len(X)):
        state = T.tanh(product(w, state) + x[t])
        written_out.append(state)
    costs = (rows**2).sum(), sum((s**2).sum() for s in written_out)
    slopes = [grad(cost, [w, h, x]) for cost in costs]
    f = function([w, h, x], [*slopes[0], *slopes[1]], mode=mode)
    got = f(W, H, X)
    assert scipy_sparse.issparse(got[0]) and got[0].format == "csr"
    assert (got[0].nnz == W.nnz) is (product is sparse.structured_dot)
    for a, b in zip(got[:3], got[3:], strict=True):
        np.testing.assert_allclose(dense(a), dense(b), rtol=1e-11)
    none = function([w, h, x], slopes[0], mode=mode)(W, H, X[:0])
    assert not dense(none[0]).any() and dense(none[0]).shape == (3, 3)


def test_a_sparse_matrix_beside_a_dense_one_and_in_a_plain_output():
    u = shared(rng.normal(size=(2, 2)), "u")
    (rows, sums), _ = scan(lambda v, s: [T.dot(s, u) + v, sparse.structured_dot(w, s).sum()], x, [h, None])
    cost = T.sin(sums).sum() + (rows[-1] ** 2).sum()
    slope_w, slope_u = function([w, h, x], grad(cost, [w, u]))(W, H, X)
    f, eps = function([w, h, x], cost), 1e-6
    for place in zip(*W.nonzero(), strict=True):
        ahead, behind = W.copy(), W.copy()
        ahead[place] += eps
        behind[place] -= eps
        np.testing.assert_allclose(slope_w[place], (f(ahead, H, X) - f(behind, H, X)) / (2 * eps), rtol=1e-5, atol=1e-7)
    assert slope_u.shape == (2, 2)


def test_forward_mode_and_a_loop_with_a_carry():
    v = sparse.csr_matrix("v")
    last, _ = loop(lambda s, row: (T.tanh(sparse.structured_dot(w, s) + row), None), h, x)
    tangent, slope = Rop(last.sum(), w, v), grad(last.sum(), w)
    got, expected = function([w, h, x, v], [tangent, sparse.sp_sum(slope * v)])(W, H, X, W)
    np.testing.assert_allclose(got, expected, rtol=1e-10)


def test_second_derivatives_are_refused_and_never_zero():
    rows, _ = scan(lambda v, s: T.tanh(sparse.structured_dot(w, s) + v), x, h)
    total = sparse.sp_sum(grad((rows**2).sum(), w))
    for derivative in (lambda: grad(total, h), lambda: Rop(total, h, h)):
        with pytest.raises(NullTypeGradError, match="does not stack, such as a sparse matrix"):
            derivative()
