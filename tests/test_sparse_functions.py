"""Sparse matrices through the whole compiler: inputs, outputs, updates, memory, every mode, against SciPy."""

import pickle
import threading

import numpy as np
import pytest
import scipy.sparse as sp

import symstack as ss
from symstack import tensor as T

sparse = T.sparse
rng = np.random.default_rng(31)
MODES = ["FAST_RUN", "FAST_COMPILE", "DEBUG"]


def some(m=6, n=5, format="csr"):
    """Return a matrix of SciPy of which about half the elements are stored."""
    return sp.csr_matrix(rng.normal(size=(m, n)) * (rng.random((m, n)) < 0.5)).asformat(format)


def agrees(found, wanted):
    found, wanted = (v.toarray() if sp.issparse(v) else np.asarray(v) for v in (found, wanted))
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)  # a few roundings of numbers of size one


@pytest.mark.parametrize("mode", [*MODES, ss.NanGuardMode()], ids=[*MODES, "NanGuardMode"])
@pytest.mark.parametrize("format", ["csr", "csc", "bsr"])
def test_what_users_write_in_every_mode(mode, format):
    a, b, d, v = some(format=format), some(), rng.normal(size=(6, 5)), rng.normal(size=5)
    x, y, m, u = sparse.matrix(format, "x"), sparse.csr_matrix("y"), T.dmatrix("m"), T.dvector("u")
    p, q = a.toarray(), b.toarray()
    pairs = [
        (x + y, p + q), (x - y, p - q), (x * y, p * q), (x + m, p + d), (m - x, d - p), (x * m, p * d), (x * u, p * v),
        (x @ m.T, p @ d.T), (m.T @ x, d.T @ p), (x @ u, p @ v), (sparse.true_dot(x, y.T), p @ q.T),
        (sparse.tanh(x * 2.0 + y), np.tanh(2 * p + q)), (x.T, p.T), (x[1:4, ::2], p[1:4, ::2]),
        (x[[0, 0, 5]], p[[0, 0, 5]]),
        (x[2, 1], p[2, 1]), (sparse.hstack([x, y]), np.hstack([p, q])), (sparse.vstack([x, y]), np.vstack([p, q])),
        (x.sum(0), p.sum(0)), (x.shape, [6, 5]), (x < m, p < d), (sparse.lt(x, y), p < q), (x, p),
        (sparse.sampling_dot(m, m, sparse.true_dot(x, x.T)), (p @ p.T) * (d @ d.T)),
        ((x @ u).shape[0] + T.zeros_like(x @ u), np.full(6, 6.0)),
    ]  # fmt: skip
    f = ss.function([x, y, m, u], [build for build, _ in pairs], mode=mode)
    for _ in range(2):  # the second call meets what the first has left behind
        for found, (_, wanted) in zip(f(a, b, d, v), pairs, strict=True):
            agrees(found, wanted)


@pytest.mark.parametrize("mode", MODES)
def test_logistic_regression_on_sparse_rows_learns(mode):
    """Rows as sparse input, weights updated: the same steps by SciPy and NumPy."""
    rows, labels = some(40, 8), (rng.random(40) < 0.5) * 1.0
    x, t = sparse.csr_matrix("x"), T.dvector("t")
    w = ss.shared(np.zeros(8), "w")
    p = T.nnet.sigmoid(x @ w)
    cost = -(t * T.log(p) + (1 - t) * T.log(1 - p)).mean()
    step = ss.function([x, t], cost, updates=[(w, w - 0.5 * T.grad(cost, w))], mode=mode)
    expected, costs = np.zeros(8), []
    for _ in range(5):
        costs.append(float(step(rows, labels)))
        q = 1 / (1 + np.exp(-(rows @ expected)))
        expected -= 0.5 * rows.T @ (q - labels) / 40
    agrees(w.get_value(), expected)
    assert costs == sorted(costs, reverse=True) and costs[0] == pytest.approx(np.log(2))


@pytest.mark.parametrize("mode", MODES)
def test_updates_of_shared_matrices(mode):
    a, b = some(), some()
    s, t = ss.shared(a, "s"), ss.shared(b, "t")
    m = T.dmatrix()
    f = ss.function([m], s @ m, updates=[(s, s * 0.5 + t), (t, s)], mode=mode)
    agrees(f(np.eye(5)), a)
    agrees(s.get_value(), a * 0.5 + b)
    agrees(t.get_value(), a)
    learn = ss.function([m], updates=[(s, s - 0.1 * T.grad(T.sqr(s @ m).sum(), s))], mode=mode)
    before, d = s.get_value(), rng.normal(size=(5, 2))
    learn(d)
    slope = np.where(before.toarray() != 0, 2 * (before @ d) @ d.T, 0)
    agrees(s.get_value(), before.toarray() - 0.1 * slope)
    with pytest.raises(TypeError):
        ss.function([], updates=[(s, T.ones((6, 5)))], mode=mode)


@pytest.mark.parametrize("mode", MODES)
def test_a_failed_call_changes_no_shared_matrix(mode):
    a = some()
    s, m = ss.shared(a), T.dmatrix()
    f = ss.function([m], s @ m, updates=[(s, s * 2.0)], mode=mode)
    with pytest.raises(ValueError, match="cannot be multiplied"):
        f(np.ones((3, 3)))
    agrees(s.get_value(), a)


@pytest.mark.parametrize("mode", MODES)
def test_no_output_shares_memory_with_an_input_a_shared_matrix_or_another_output(mode):
    """Views, and Ops that take over only where entries are stored, end in matrices of their own."""
    a, b = some(), some()
    x, s = sparse.csr_matrix(), ss.shared(b)
    outputs = [x, x.T, x * 2.0, sparse.sin(x), x.astype("float32"), sparse.csm_data(x), x.tocsr(), s, s.T, s * 1.0,
               sparse.sp_ones_like(s)]  # fmt: skip
    f = ss.function([x], [*outputs, x * 2.0], updates=[(s, s.T.T)], mode=mode)
    results = f(a)
    kept = [a, s.container.value, *results]
    arrays = [[v.data, v.indices, v.indptr] if sp.issparse(v) else [v] for v in kept]
    for i, mine in enumerate(arrays):
        for other in arrays[:i]:
            assert not any(np.may_share_memory(p, q) for p in mine for q in other), (i, mode)
    before = a.toarray()
    for result in results:  # SciPy may work in place on what belongs to the caller
        if sp.issparse(result):
            result.data[:] = 0.0
            result.eliminate_zeros()
    agrees(a, before)
    agrees(s.get_value(), b)
    agrees(f(a)[2], before * 2)


@pytest.mark.parametrize("mode", MODES)
def test_nothing_is_written_over_the_entries_of_a_matrix_that_is_still_used(mode):
    a = some()
    x = sparse.csr_matrix()
    data = sparse.csm_data(x)
    made = sparse.with_entries_of(x, T.exp(data * 2.0) + 1.0)  # may run in place, but on buffers of its own
    f = ss.function([x], [made, made * 3.0, x.sum()], mode=mode)
    before = a.copy()
    stored = before.copy()
    stored.data = np.exp(before.data * 2) + 1
    for _ in range(3):
        found = f(a)
        agrees(found[0], stored)
        agrees(found[1], stored * 3)
        agrees(found[2], before.sum())
        agrees(a, before)
    g = ss.function([ss.In(x, mutable=True)], made, mode=mode)
    agrees(g(a.copy()), stored)


@pytest.mark.parametrize("mode", MODES)
def test_gradients_in_every_mode(mode):
    a, d = some(), rng.normal(size=(5, 3))
    x, m = sparse.csr_matrix("x"), T.dmatrix("m")
    residual = a @ d
    f = ss.function([x, m], T.grad(T.sqr(x @ m).sum(), [x, m]), mode=mode)
    gx, gm = f(a, d)
    assert gx.nnz == a.nnz
    agrees(gx, np.where(a.toarray() != 0, 2 * residual @ d.T, 0))
    agrees(gm, 2 * a.T @ residual)
    full = ss.function([x, m], T.grad(T.sqr(sparse.dot(x, m)).sum(), x), mode=mode)
    agrees(full(a, d), 2 * residual @ d.T)
    pushed = ss.function([x, m], ss.gradient.Rop(x @ m, [x, m], [x * 2.0, m * 3.0]), mode=mode)
    agrees(pushed(a, d), 5 * residual)


def test_second_derivatives_and_jacobians_through_a_sparse_product():
    a, v = some(), rng.normal(size=5)
    x, u = sparse.csr_matrix(), T.dvector()
    agrees(ss.gradient.jacobian(x @ u, u).eval({x: a, u: v}), a)
    agrees(ss.gradient.hessian(T.sqr(x @ u).sum(), u).eval({x: a, u: v}), 2 * (a.T @ a))


def test_a_scan_multiplies_by_a_sparse_matrix():
    a = some(6, 6)
    x, w = sparse.csr_matrix("x"), T.dscalar("w")
    states = ss.scan(lambda h, m: T.tanh(w * (m @ h)), outputs_info=T.ones(6), non_sequences=[x], n_steps=4)
    states = states[0] if isinstance(states, (list, tuple)) else states
    f = ss.function([x, w], [states[-1], T.grad(states[-1].sum(), w)])
    h, slope = np.ones(6), np.zeros(6)
    for _ in range(4):
        product, moved = a @ h, a @ slope
        h = np.tanh(0.7 * product)
        slope = (1 - h**2) * (product + 0.7 * moved)
    found = f(a, 0.7)
    agrees(found[0], h)
    agrees(found[1], slope.sum())


def test_functions_with_sparse_matrices_are_pickled_copied_and_explained():
    a, d = some(), rng.normal(size=(5, 3))
    s, m = ss.shared(a, "s"), T.dmatrix("m")
    f = ss.function([m], s @ m, updates=[(s, s * 2.0)])
    again = pickle.loads(pickle.dumps(f))
    agrees(again(d), a @ d)
    agrees(s.get_value(), a)
    other = ss.shared(some(), "other")
    agrees(f.copy(swap={s: other})(d), other.get_value() * 0.5 @ d)
    assert "SparseDot" in ss.printing.debugprint(f, file="str") and "SparseDot" in str(f.explain())


def test_givens_defaults_and_bad_values():
    a, d = some(), rng.normal(size=(5, 3))
    x, m = sparse.csr_matrix("x"), T.dmatrix("m")
    agrees(ss.function([m], x @ m, givens={x: a})(d), a @ d)
    agrees(ss.function([m, ss.In(x, value=a)], x @ m)(d), a @ d)
    f = ss.function([x, m], x @ m)
    for value in (a.tocsc(), a.tocoo(), sp.csr_array(a), a.toarray()):
        agrees(f(value, d), a @ d)
    with pytest.raises(TypeError, match="bad value for input x: .*losing precision"):
        f(a.astype("complex128"), d)
    with pytest.raises(TypeError, match="bad value for input m"):
        f(a, a)
    with pytest.raises(TypeError):
        ss.function([x], x @ m, givens={m: x})


def test_one_function_from_many_threads():
    a = some(60, 50)
    x, m = sparse.csr_matrix(), T.dmatrix()
    f = ss.function([x, m], [x @ m, sparse.tanh(x) * 2.0])
    wrong = []

    def work(k):
        d = np.full((50, 2), float(k))
        for _ in range(50):
            product, mapped = f(a, d)
            if not np.allclose(product, a @ d) or not np.allclose(mapped.data, np.tanh(a.data) * 2):
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
