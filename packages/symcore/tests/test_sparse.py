"""Sparse matrices as users write them: types, operators, functions, against SciPy and NumPy; bad input; no SciPy."""

import copy
import pickle
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

if find_spec("scipy") is None:
    pytest.skip("needs SciPy: pip install 'symcore[scipy]'", allow_module_level=True)
import scipy.sparse as sp

from symcore import shared, sparse
from symcore import tensor as T
from symcore.errors import DisconnectedInputError
from symcore.gradient.grad import grad
from symcore.graph.clone import clone
from symcore.ifelse import ifelse
from symcore.interpreter import evaluate
from symcore.printing.debugprint import debugprint
from symcore.testing import missing_cases, op_classes
from symcore.testing.sparse_cases import SPARSE_CASES

rng = np.random.default_rng(29)
FORMATS = ("csr", "csc", "bsr")


def some(m=5, n=4, format="csr", density=0.5, dtype="float64", positive=False):
    """Return a matrix of SciPy with about ``density`` of its elements stored, never all, never none."""
    values = rng.uniform(0.2, 0.9, (m, n)) * (1 if positive else rng.choice([-1.0, 1.0], (m, n)))
    keep = rng.random((m, n)) < density
    keep[0, 0], keep[-1, -1] = True, False
    scaled = values * keep * (10 if np.dtype(dtype).kind in "iu" else 1)
    return sp.csr_matrix(np.abs(scaled) if np.dtype(dtype).kind == "u" else scaled).astype(dtype).asformat(format)


def dense(value):
    return value.toarray() if sp.issparse(value) else np.asarray(value)


def variable(value):
    if sp.issparse(value):
        return sparse.matrix(value.format, dtype=value.dtype)
    return T.TensorType(value.dtype, (None,) * value.ndim)()


def run(build, *values):
    inputs = [variable(v) for v in values]
    return evaluate(build(*inputs), dict(zip(inputs, values, strict=True)))


def agrees(found, wanted, exact=False):
    found, wanted = dense(found), np.asarray(wanted)
    assert found.shape == wanted.shape
    if exact:
        np.testing.assert_array_equal(found, wanted)
    else:  # a few roundings of numbers of size one
        np.testing.assert_allclose(found, wanted, rtol=1e-13, atol=1e-13)


# ---------------------------------------------------------------------- types and values


def test_types_are_interned_compared_cloned_and_pickled():
    a = sparse.SparseType("csr", "float32")
    assert a is sparse.SparseType("csr", np.float32) and a != sparse.SparseType("csc", "float32")
    assert a.clone(dtype="int8") == sparse.SparseType("csr", "int8") and a.clone("csc").format == "csc"
    known = a.clone(shape=(3, None))
    assert a.is_super(known) and not known.is_super(a) and known.is_super(a.clone(shape=(3, 2)))
    for t in (a, known):
        assert pickle.loads(pickle.dumps(t)) is t and copy.deepcopy(t) is t and hash(t) == hash(copy.copy(t))
    assert str(a) == "SparseType(float32, csr)" and str(known) == "SparseType(float32, csr, shape=(3, ?))"
    assert a.ndim == 2 and a.broadcastable == (False, False) and "float64" in sparse.SparseType.dtype_set


@pytest.mark.parametrize(("arguments", "error", "message"), [
    (("coo",), ValueError, "'csc', 'csr', 'bsr', got 'coo'"),
    (("csr", "float16"), TypeError, "cannot be float16; use float32"),
    (("csr", "float32", (2, 3, 4)), ValueError, "two lengths"),
    (("csr", "float32", (2, -1)), ValueError, "two lengths"),
])  # fmt: skip
def test_bad_types(arguments, error, message):
    with pytest.raises(error, match=message):
        sparse.SparseType(*arguments)


def test_filter_converts_what_loses_nothing():
    x = some()
    wanted = sparse.SparseType("csr", "float64")
    assert wanted.filter(x) is x
    for value in (x.tocsc(), x.tocoo(), x.todok(), sp.csr_array(x), x.toarray(), x.toarray().tolist()):
        found = wanted.filter(value)
        assert type(found) is sp.csr_matrix
        agrees(found, x.toarray(), exact=True)
    assert wanted.filter(x.astype("float32")).dtype == np.float64
    assert sparse.SparseType("csr", "float32").filter(x, allow_downcast=True).dtype == np.float32
    small = some(dtype="int8")
    agrees(wanted.filter(small), small.toarray(), exact=True)


def test_filter_sorts_and_adds_up_without_touching_the_value():
    parts = np.array([1.0, 2.0, 4.0]), np.array([2, 0, 2]), np.array([0, 3])
    x = sp.csr_matrix(parts, shape=(1, 3))
    found = sparse.SparseType("csr", "float64").filter(x)
    assert found.indices.tolist() == [0, 2] and found.data.tolist() == [2.0, 5.0]
    assert x.nnz == 3 and x.indices.tolist() == [2, 0, 2]


@pytest.mark.parametrize(("value", "options", "message"), [
    (lambda: some().tocsc(), {"strict": True}, r"\(strict\), got csc"),
    (lambda: np.zeros((2, 2)), {"strict": True}, r"\(strict\), got array"),
    (lambda: some(dtype="complex128"), {}, "without losing precision"),
    (lambda: some(dtype="complex128"), {"allow_downcast": True}, "without losing precision"),
    (lambda: np.zeros(3), {}, "wrong number of dimensions"),
    (lambda: sp.coo_array(np.ones(3)), {}, "a matrix"),
    (lambda: "text", {}, "cannot make a sparse matrix"),
    (lambda: sparse.csr_matrix("a"), {}, "the symbolic variable a"),
    (lambda: some(3, 3), {}, r"axis 0 must have length 5 .* got shape \(3, 3\)"),
])  # fmt: skip
def test_filter_refuses(value, options, message):
    with pytest.raises(TypeError, match=message):
        sparse.SparseType("csr", "float64", (5, None)).filter(value(), **options)


@pytest.mark.parametrize("format", FORMATS)
def test_malformed_matrices_are_refused_before_anything_follows_their_indices(format):
    for part, place, value in (("indices", 0, 1000), ("indices", -1, -7), ("indptr", 1, 90)):
        bad = some(format=format).copy()
        getattr(bad, part)[place] = value
        with pytest.raises(TypeError, match="is malformed"):
            sparse.SparseType(format, "float64").filter(bad)
        with pytest.raises(TypeError, match="is malformed"):
            sparse.as_sparse(bad)


def test_values_are_compared_by_their_elements():
    t = sparse.SparseType("csr", "float64")
    x = some()
    stored_zero = x.copy()
    stored_zero.data[0] = 0.0
    pruned = stored_zero.copy()
    pruned.eliminate_zeros()
    assert t.values_eq(stored_zero, pruned) and not t.values_eq(x, pruned)
    assert t.values_eq_approx(x, x * (1 + 1e-14)) and not t.values_eq(x, x * (1 + 1e-14))
    assert not t.values_eq_approx(x, x * 1.01) and not t.values_eq(x, x.tocsc()) and not t.values_eq(x, x.toarray())
    with_nan = x.copy()
    with_nan.data[1] = np.nan
    assert t.values_eq(with_nan, with_nan.copy()) and not t.values_eq_approx(with_nan, x)
    assert t.may_share_memory(x, sp.csr_matrix((x.data, x.indices, x.indptr), shape=x.shape))
    assert not t.may_share_memory(x, x.copy()) and t.may_share_memory(x, x.data[1:])


def test_variables_constants_and_shared_variables():
    x = sparse.csr_fmatrix("x")
    assert (x.name, x.format, x.dtype, x.ndim, bool(x)) == ("x", "csr", "float32", 2, True)
    assert sparse.bsr_dmatrix().type == sparse.SparseType("bsr", "float64")
    assert sparse.csc_matrix("c", dtype="int64").type.dtype == np.int64
    c = sparse.as_sparse_variable(some(), name="c")
    again = sparse.as_sparse(c.data.copy())
    assert isinstance(c, sparse.SparseConstant) and c.signature() == again.signature() and str(c) == "c"
    assert c.type.shape == (5, 4) and str(again).startswith("SparseConstant{csr, float64, shape (5, 4)")
    assert sparse.as_sparse(c.data * 2).signature() != c.signature()
    with pytest.raises(ValueError, match="read-only"):
        c.data.data[0] = 1.0
    assert sparse.as_sparse(c) is c and sparse.as_sparse((x + x).owner).type == x.type
    assert sparse.as_sparse_or_tensor_variable(1.5).type.ndim == 0 and sparse.is_sparse(some())
    for bad in (T.matrix(), np.ones((2, 2)), "text"):
        with pytest.raises(TypeError, match="sparse"):
            sparse.as_sparse_variable(bad)
    again = pickle.loads(pickle.dumps([x, x * 2, c]))
    assert again[1].owner.inputs[0] is again[0] and again[2].signature() == c.signature()


def test_shared_variables_hold_their_own_matrix():
    value = some()
    s = shared(value, "s")
    assert isinstance(s, sparse.SparseSharedVariable) and s.type == sparse.SparseType("csr", "float64")
    value.data[:] = 7.0
    assert not np.any(s.get_value().data == 7.0)
    s.get_value().data[:] = 8.0
    assert not np.any(s.get_value().data == 8.0)
    new = some(3, 3)
    s.set_value(new)
    new.data[:] = 9.0
    assert s.get_value().shape == (3, 3) and not np.any(s.get_value().data == 9.0)
    with pytest.raises(TypeError, match="losing precision"):
        s.set_value(new.astype("complex128"))
    borrowed = shared(some(), borrow=True)
    assert borrowed.get_value(borrow=True) is borrowed.get_value(borrow=True)
    s.zero()
    assert s.get_value().nnz == 0 and s.get_value().shape == (3, 3)
    assert shared(some().tocoo()).type.format == "csr" and shared(some(format="bsr")).type.format == "bsr"


# ---------------------------------------------------------------------- operators


@pytest.mark.parametrize("format", FORMATS)
def test_operators_on_two_sparse_matrices(format):
    a, b = some(format=format), some(format=format)
    x, y = a.toarray(), b.toarray()
    agrees(run(lambda a, b: a + b, a, b), x + y)
    agrees(run(lambda a, b: a - b, a, b), x - y)
    agrees(run(lambda a, b: a * b, a, b), x * y)
    agrees(run(lambda a, b: a + b, a, b.tocsc()), x + y)
    agrees(run(lambda a: -a, a), -x)
    agrees(run(abs, a), abs(x))
    assert run(lambda a, b: a + b, a, b).format == format
    for name, wanted in (("eq", x == y), ("neq", x != y), ("lt", x < y), ("le", x <= y), ("gt", x > y), ("ge", x >= y)):
        found = run(getattr(sparse, name), a, b)
        assert found.dtype == bool and found.format == format
        agrees(found, wanted, exact=True)
    agrees(run(lambda a, b: a < b, a, b), x < y, exact=True)


@pytest.mark.parametrize("format", FORMATS)
def test_operators_on_sparse_and_dense(format):
    a, d, v = some(format=format), rng.normal(size=(5, 4)), rng.normal(size=4)
    x = a.toarray()
    for y in map(np.asarray, (d, v, 1.5)):
        agrees(run(lambda a, y: a + y, a, y), x + y)
        agrees(run(lambda a, y: y + a, a, y), x + y)
        agrees(run(lambda a, y: a - y, a, y), x - y)
        agrees(run(lambda a, y: y - a, a, y), y - x)
        agrees(run(lambda a, y: a * y, a, y), x * y)
        agrees(run(lambda a, y: y * a, a, y), x * y)
        agrees(run(lambda a, y: a / y, a, y), x / y)
        assert sp.issparse(run(lambda a, y: y * a, a, y)) and not sp.issparse(run(lambda a, y: y + a, a, y))
        agrees(run(lambda a, y: a < y, a, y), x < y, exact=True)
        agrees(run(lambda a, y: y <= a, a, y), y <= x, exact=True)
        agrees(run(lambda a, y: sparse.eq(y, a), a, y), x == y, exact=True)
    agrees(run(lambda a: d + a * 2 - 1, a), d + x * 2 - 1)
    agrees(run(lambda a: v * a, a), x * v)
    column = T.TensorType("float64", (None, 1))()
    inputs = sparse.matrix(format)
    agrees(evaluate(inputs * column, {inputs: a, column: d[:, :1]}), x * d[:, :1])


def test_numbers_take_the_dtype_of_the_matrix():
    x = sparse.csr_fmatrix()
    assert (x * 0.1).dtype == (x / 3).dtype == (x + 0.1).dtype == "float32" and (x * np.float64(0.1)).dtype == "float64"
    k = sparse.csr_matrix(dtype="int8")
    assert (k * 2).dtype == "int8" and (k * 0.5).dtype != "int8" and (-k).dtype == "int8"
    assert run(lambda k: -k, some(dtype="int8")).dtype == np.int8
    with pytest.raises(TypeError, match="truth values"):
        -sparse.csr_matrix(dtype="bool")


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("dtype", ["float64", "float32", "int32", "complex128"])
def test_products(format, dtype):
    a, d, v = some(format=format, dtype=dtype), rng.normal(size=(4, 3)), rng.normal(size=4)
    x = a.toarray()
    tolerance = {"rtol": 1e-5, "atol": 1e-5} if dtype == "float32" else {"rtol": 1e-12, "atol": 1e-12}
    for name in ("dot", "true_dot", "structured_dot"):
        product = getattr(sparse, name)
        for found, wanted in (
            (run(product, a, d), x @ d), (run(product, a, v), x @ v),
            (run(product, d.T, a.T.tocsr()), d.T @ x.T), (run(product, rng.normal(size=5) * 0 + 1, a), np.ones(5) @ x),
            (run(product, a, a.T), x @ x.T),
        ):  # fmt: skip
            np.testing.assert_allclose(dense(found), wanted, **tolerance)
    assert not sp.issparse(run(sparse.dot, a, a.T)) and sp.issparse(run(sparse.true_dot, a, a.T))
    for build in (lambda a, d: a @ d, lambda a, d: a.dot(d), T.dot, T.matmul):
        np.testing.assert_allclose(run(build, a, d), x @ d, **tolerance)
    left = rng.normal(size=(3, 5))
    np.testing.assert_allclose(run(lambda a, left: left @ a, a, left), left @ x, **tolerance)
    full = run(lambda a, d: sparse.usmm(0.5, a, d, T.ones((5, 3))), a, d)
    np.testing.assert_allclose(full, 0.5 * (x @ d) + 1, **tolerance)


def test_products_of_what_is_not_stored_with_infinity():
    a = sp.csr_matrix(np.array([[0.0, 2.0]]))
    assert run(lambda a, v: a @ v, a, np.array([np.inf, 1.0])).tolist() == [2.0]
    assert np.isnan(run(lambda a, v: a @ v, a, np.array([1.0, np.nan]))).all()


def test_sampling_dot_computes_what_is_asked_for():
    p, x, y = some(), rng.normal(size=(5, 3)), rng.normal(size=(4, 3))
    found = run(sparse.sampling_dot, x, y, p)
    agrees(found, p.toarray() * (x @ y.T))
    assert found.nnz == p.nnz
    sparse.verify_grad_sparse(sparse.sampling_dot, [x, y, p], structured=True)


# ---------------------------------------------------------------------- functions


STRUCTURED = {
    "structured_sigmoid": lambda x: 1 / (1 + np.exp(-x)), "structured_exp": np.exp, "structured_log": np.log,
    "sin": np.sin, "arcsin": np.arcsin, "tan": np.tan, "arctan": np.arctan, "sinh": np.sinh, "arcsinh": np.arcsinh,
    "tanh": np.tanh, "arctanh": np.arctanh, "expm1": np.expm1, "log1p": np.log1p, "sqr": np.square, "sqrt": np.sqrt,
    "abs": np.abs, "sgn": np.sign, "rint": np.rint, "ceil": np.ceil, "floor": np.floor, "trunc": np.trunc,
    "deg2rad": np.deg2rad, "rad2deg": np.rad2deg, "conj": np.conj,
}  # fmt: skip


@pytest.mark.parametrize("name", STRUCTURED)
def test_functions_of_the_stored_entries(name):
    a = some(positive=True)
    function = getattr(sparse, name)
    found = run(function, a)
    wanted = a.copy()
    wanted.data = STRUCTURED[name](a.data)
    np.testing.assert_allclose(found.toarray(), wanted.toarray(), rtol=1e-14)
    assert found.nnz == a.nnz
    assert name in function.__doc__ or function.__doc__.startswith("Return the sparse ``x`` with")
    if name not in ("sgn", "rint", "ceil", "floor", "trunc"):
        sparse.verify_grad_sparse(function, [a], structured=True)


@pytest.mark.parametrize("format", FORMATS)
def test_functions_of_stored_entries_and_another_argument(format):
    a, v, d = some(format=format, positive=True), rng.uniform(0.5, 1.5, 4), rng.uniform(0.5, 1.5, (5, 4))
    x, stored = a.toarray(), a.toarray() != 0
    for name, f in (("structured_add", np.add), ("structured_pow", np.power), ("structured_minimum", np.minimum),
                    ("structured_maximum", np.maximum)):  # fmt: skip
        for y in (np.float64(0.7), v, d):
            agrees(run(getattr(sparse, name), a, np.asarray(y)), np.where(stored, f(x, y), 0))
    agrees(run(sparse.structured_add_s_v, a, v), np.where(stored, x + v, 0))
    agrees(run(sparse.mul_s_v, a, v), x * v)
    agrees(run(sparse.col_scale, a, v), x * v)
    agrees(run(sparse.row_scale, a, d[:, 0]), x * d[:, :1])
    agrees(run(sparse.add_s_s_data, a, a), 2 * x)
    agrees(run(lambda a, v: sparse.structured(lambda s, t: T.sin(s) * t, a, v), a, v), np.sin(x) * v)
    for build, structured, points in (
        (sparse.structured_pow, True, [a, v]), (sparse.structured_add_s_v, True, [a, v]),
        (sparse.mul_s_v, False, [a, v]), (sparse.row_scale, False, [a, d[:, 0]]),
        (lambda a, d: sparse.true_divide(a, d), True, [a, d]), (sparse.structured_minimum, True, [a, d + 2]),
    ):  # fmt: skip
        sparse.verify_grad_sparse(build, points, structured=structured)
    with pytest.raises(TypeError, match="col_scale takes a vector"):
        sparse.col_scale(sparse.csr_matrix(), T.matrix())


@pytest.mark.parametrize("format", FORMATS)
def test_sums_likes_and_conversions(format):
    a = some(format=format)
    x = a.toarray()
    agrees(run(lambda a: a.sum(), a), x.sum())
    agrees(run(lambda a: a.sum(axis=0), a), x.sum(0))
    agrees(run(lambda a: sparse.sp_sum(a, -1), a), x.sum(1))
    assert run(sparse.sp_ones_like, a).data.tolist() == np.ones_like(a.data).tolist()
    agrees(run(lambda a: a.zeros_like(), a), np.zeros_like(x), exact=True)
    agrees(run(lambda a: a.toarray(), a), x, exact=True)
    agrees(run(sparse.transpose, a), x.T, exact=True)
    agrees(run(lambda a: a.astype("float32"), a), x.astype("float32"), exact=True)
    assert run(lambda a: sparse.fcast(a).tocsc(), a).format == "csc" and run(lambda a: a.tobsr(), a).format == "bsr"
    assert run(lambda a: a.shape, a).tolist() == [5, 4] and run(lambda a: a.shape[1], a) == 4
    assert run(lambda a: a.T.shape[0], a) == 4 and run(lambda a: (a * 2).size, a) == a.data.size
    copied = run(lambda a: a.copy(), a)
    assert copied is not a and not np.shares_memory(copied.data, a.data)
    for make in (sparse.csr_from_dense, sparse.csc_from_dense, sparse.bsr_from_dense):
        agrees(run(make, x), x, exact=True)
    with pytest.raises(ValueError, match="axis"):
        sparse.sp_sum(sparse.csr_matrix(), 2)


def test_int8_sums_do_not_overflow():
    a = sp.csr_matrix(np.full((40, 40), 100, "int8"))
    for axis in (None, 0, 1):
        found = run(lambda a, axis=axis: sparse.sp_sum(a, axis), a)
        assert found.dtype == np.int64 and (found == 100 * (1600 if axis is None else 40)).all()


def test_matrices_from_parts_and_back():
    a = some()
    for made, value in ((sparse.CSR, a), (sparse.CSC, a.tocsc())):
        data, indices, indptr = T.dvector(), T.ivector(), T.ivector()
        built = made(data, indices, indptr, [5, 4])
        given = {data: value.data, indices: value.indices, indptr: value.indptr}
        agrees(evaluate(built, given), value.toarray(), exact=True)
        parts = run(lambda x: list(sparse.csm_properties(x)), value)
        for found, wanted in zip(parts, (value.data, value.indices, value.indptr, [5, 4]), strict=True):
            np.testing.assert_array_equal(found, wanted)
        bad = given | {indices: value.indices + 9}
        with pytest.raises(ValueError, match="index|indices"):
            evaluate(built, bad)
    assert run(sparse.csm_indices, a).dtype == np.int32 == run(sparse.csm_indptr, a).dtype
    with pytest.raises(TypeError, match="tocsr"):
        sparse.csm_properties(sparse.bsr_matrix())


@pytest.mark.parametrize("format", FORMATS)
def test_indexing(format):
    a = some(format=format)
    x = a.toarray()
    for name, index in {
        "element": (2, 1), "from the end": (-1, 0), "slices": (slice(1, 4), slice(None, None, 2)),
        "backwards": (slice(None, None, -1), slice(3, 0, -2)), "nothing": (slice(4, 1), slice(None)),
        "lists": ([0, 3, 3], [1, -1, 2]), "rows": [3, 0, 0], "columns": (slice(None), [2, 2, 0]),
        "rows of a part": ([4, 1], slice(1, 3)), "columns of a part": (slice(0, 2), [1, 0]), "ellipsis": (..., [1]),
        "array": np.array([1, -1]),
    }.items():  # fmt: skip
        agrees(run(lambda a, i=index: a[i], a), x[index], exact=True), name
    agrees(run(lambda a: a[2], a), x[[2]], exact=True)
    agrees(run(lambda a: a[:, -1], a), x[:, [-1]], exact=True)
    agrees(run(lambda a: a[1, 1:], a), x[[1], 1:], exact=True)
    i, j, rows, mask = T.lscalar(), T.iscalar(), T.lvector(), T.TensorType("bool", (None,))()
    s = sparse.matrix(format)
    given = {s: a, i: 3, j: 1, rows: [4, 4, -2], mask: [True, False, False, True, True]}
    for built, wanted in (
        (s[i, j], x[3, 1]), (s[j:i], x[1:3]), (s[rows, :j], x[[4, 4, -2], :1]), (s[mask], x[[0, 3, 4]]),
    ):  # fmt: skip
        agrees(evaluate(built, given), wanted, exact=True)
    for build in (lambda s: s[1:, ::2], lambda s: s[2, 1], lambda s: s[[0, 0, -1]], lambda s: s[[1, 1], [2, 2]],
                  lambda s: s[::-1, -2], lambda s: s[:, [3, 0, 3]]):  # fmt: skip
        sparse.verify_grad_sparse(build, [a])
    for index, error in (((1, 2, 3), IndexError), (1.5, TypeError), (slice(None, None, 0), ValueError)):
        with pytest.raises(error):
            s[index]
    for build in (lambda a: a[[9]], lambda a: a[9, 0], lambda a: a[[0], [9]]):
        with pytest.raises(IndexError):
            run(build, a)


def test_joining_and_diagonals():
    a, b, c = some(), some(format="csc"), some(3, 4, "bsr", dtype="float32")
    x, y, z = a.toarray(), b.toarray(), c.toarray()
    agrees(run(lambda a, b: sparse.hstack([a, b]), a, b), np.hstack([x, y]))
    agrees(run(lambda a, c: sparse.vstack([a, c]), a, c), np.vstack([x, z]))
    found = run(lambda a, b: sparse.vstack([a, b], format="csr", dtype="float32"), a, b)
    assert found.format == "csr" and found.dtype == np.float32
    assert run(lambda a: sparse.hstack([a, a]), a).format == "csc"
    found = run(lambda a, c: sparse.block_diag(a, c, T.ones((1, 2)), format="csr"), a, c)
    agrees(found, sp.block_diag([a, c, np.ones((1, 2))]).toarray())
    agrees(run(lambda a: sparse.diag(a[:4]), a), np.diag(x[:4]))
    agrees(run(sparse.square_diagonal, x[0]), np.diag(x[0]))
    sparse.verify_grad_sparse(lambda v: sparse.diag(sparse.square_diagonal(v)), [x[0]])
    with pytest.raises(ValueError, match="at least one"):
        sparse.hstack([])
    with pytest.raises(ValueError, match="cannot be put together"):
        run(lambda a, c: sparse.hstack([a, c]), a, c)


def test_stored_zeros_are_kept_until_removed():
    a = some()
    a.data[2] = 0.0
    assert run(sparse.sin, a).nnz == a.nnz and run(lambda a: a * 2, a).nnz == a.nnz
    for build in (sparse.remove0, sparse.clean):
        assert run(build, a).nnz == a.nnz - 1
    assert a.nnz == len(a.data) and sparse.ensure_sorted_indices(sparse.csr_matrix("x")).name == "x"


# ---------------------------------------------------------------------- gradients


def test_gradients_with_respect_to_sparse_matrices_are_sparse():
    a, w = some(), rng.normal(size=(4, 3))
    x, m = sparse.csr_matrix("x"), T.dmatrix("m")
    for product, stored in ((sparse.structured_dot, True), (sparse.dot, False)):
        cost = T.sqr(product(x, m)).sum()
        gx, gm = grad(cost, [x, m])
        assert gx.type == x.type and gm.type == m.type
        wanted = 2 * (a @ w) @ w.T
        found = evaluate(gx, {x: a, m: w})
        np.testing.assert_allclose(found.toarray(), np.where(a.toarray() != 0, wanted, 0) if stored else wanted, 1e-12)
        np.testing.assert_allclose(evaluate(gm, {x: a, m: w}), 2 * a.T @ (a @ w), 1e-12)
        assert (found.nnz == a.nnz) is stored


def test_gradients_in_both_kinds_where_they_differ():
    a, y = some(), rng.normal(size=(5, 4))
    x = sparse.csr_matrix()
    stored = a.toarray() != 0
    for build, regular in ((lambda: sparse.sp_sum(x), np.ones((5, 4))), (lambda: (x * y).sum(), y)):
        np.testing.assert_allclose(evaluate(grad(build(), x), {x: a}).toarray(), regular)
    for build, wanted in (
        (lambda: sparse.sp_sum(x, sparse_grad=True), 1.0), (lambda: (x + y).sum(), 1.0),
        (lambda: (x.toarray() * y).sum(), y),
    ):  # fmt: skip
        np.testing.assert_allclose(evaluate(grad(build(), x), {x: a}).toarray(), np.where(stored, wanted, 0))
    for build in (lambda x: sparse.dense_from_sparse(x, sparse_grad=False) * y, lambda x: sparse.sp_sum(x, 0),
                  lambda x: x * y + x * x - x, lambda x: (x * 2).T * y.T):  # fmt: skip
        sparse.verify_grad_sparse(build, [a])


def test_the_full_gradient_of_a_sum_is_not_built_where_few_elements_are_wanted():
    x = sparse.csr_matrix("x")
    text = debugprint(grad(sparse.sp_sum(sparse.sqr(x)), x), file="str")
    assert "SparseFromDense" not in text and "Alloc" not in text
    n = 20_000  # the full matrix would take 3.2 GB
    a = sp.csr_matrix((rng.normal(size=40), (rng.permutation(n)[:40], rng.permutation(n)[:40])), shape=(n, n))
    for build in (
        lambda x: sparse.sp_sum(sparse.tanh(x) * 2.0 + sparse.sqr(x)),
        lambda x: sparse.sp_sum(sparse.sqr(x), 0).sum(),
    ):
        assert evaluate(grad(build(x), x), {x: a}).nnz == a.nnz


def test_gradient_of_stored_entries_flows_through_chains():
    a, w = some(), rng.normal(size=(4, 3))
    sparse.verify_grad_sparse(lambda x, w: sparse.tanh(sparse.sqr(x) * 2.0) @ w, [a, w], structured=True)
    sparse.verify_grad_sparse(lambda x, w: sparse.sqr(sparse.tanh(x)) @ T.tanh(x.T @ (x @ w)), [a, w], structured=True)
    x = sparse.csc_matrix()
    with pytest.raises(DisconnectedInputError):
        grad(T.sum(x.astype("int64").toarray() * 1.5), x)


def test_float32_stays_float32():
    x, w = sparse.csr_fmatrix(), T.fmatrix()
    assert [g.dtype for g in grad((sparse.sqr(x * 2.5) @ w).sum(), [x, w])] == ["float32", "float32"]


# ---------------------------------------------------------------------- graphs


def test_graphs_are_printed_cloned_and_chosen_from():
    a, w = some(), rng.normal(size=(4, 3))
    x, m = sparse.csr_matrix("x"), T.dmatrix("m")
    y = sparse.tanh(x * 2.0) @ m
    text = debugprint(y, file="str", print_type=True)
    assert "SparseDot{structured=True}" in text and "<SparseType(float64, csr)>" in text
    agrees(evaluate(clone(y, {x: sparse.as_sparse(a)}), {m: w}), np.tanh(2 * a.toarray()) @ w)
    c = T.lscalar()
    agrees(evaluate(ifelse(c, x, x * 2.0), {c: 0, x: a}), 2 * a.toarray())
    agrees(pickle.loads(pickle.dumps(y)).eval({"x": a, "m": w}), np.tanh(2 * a.toarray()) @ w)


def test_tensor_functions_refuse_sparse_matrices_and_say_what_to_do():
    x = sparse.csr_matrix("x")
    for build in (lambda: T.exp(x), lambda: T.sum(x), lambda: T.tensordot(x, T.matrix())):
        with pytest.raises(TypeError, match=r"sparse.*x\.toarray\(\)"):
            build()
    for build, error, message in (
        (lambda: sparse.add(T.matrix(), T.matrix()), TypeError, "use T.add"),
        (lambda: sparse.dot(T.matrix(), T.matrix()), TypeError, "use T.dot"),
        (lambda: x * T.tensor3(), TypeError, "at most two dimensions"),
        (lambda: x / x, TypeError, "cannot divide by the sparse matrix"),
        (lambda: sparse.as_sparse(some()) @ T.ones((3, 3)), ValueError, "cannot be multiplied"),
        (lambda: sparse.as_sparse(some()) + sparse.as_sparse(some(3, 3)), ValueError, "one shape"),
        (lambda: sparse.as_sparse(some()) * np.ones(3), ValueError, "does not broadcast"),
        (lambda: len(x), TypeError, r"x\.shape\[0\]"),
        (lambda: list(x), TypeError, "cannot iterate"),
        (lambda: np.asarray(x), TypeError, "symbolic"),
        (lambda: some() @ x, TypeError, "as_sparse_variable"),
        (lambda: T.dot(some(), T.matrix()), TypeError, "function of that name in sparse"),
        (lambda: sparse.cast(sparse.csr_matrix(dtype="complex64"), "float32"), TypeError, "real part"),
    ):
        with pytest.raises(error, match=message):
            build()
    for build in (lambda a, b: a + b, lambda a, b: a * b, sparse.lt):
        with pytest.raises(ValueError, match="one shape, got shapes"):
            run(build, some(), some(3, 3))
    with pytest.raises(ValueError, match="does not fit a sparse matrix of shape"):
        run(lambda a, v: a * v, some(), np.ones(3))


def test_a_length_of_one_is_stretched_only_where_the_type_says_so():
    a, row = some(), np.ones((1, 4))
    with pytest.raises(ValueError, match="does not fit"):
        run(lambda a, r: a * r, a, row)
    x, r = sparse.csr_matrix(), T.drow()
    agrees(evaluate(x * r, {x: a, r: row}), a.toarray())


def test_matrices_of_no_rows():
    a = sp.csr_matrix((0, 4))
    for build in (
        lambda a: a + a, lambda a: a * a, lambda a: a * 2, sparse.sin, lambda a: a[[]], lambda a: a.toarray(),
    ):  # fmt: skip
        assert run(build, a).shape == (0, 4)
    assert run(lambda a: a.sum(), a) == 0 and run(lambda a: a.sum(0), a).tolist() == [0] * 4
    assert run(lambda a: a @ np.ones((4, 2)), a).shape == (0, 2)
    assert run(lambda a: grad((sparse.sqr(a) @ np.ones((4, 2))).sum(), a), a).shape == (0, 4)


def test_every_sparse_op_has_a_case():
    here = {cls.__name__ for cls in op_classes("symcore") if cls.__module__.startswith("symcore.sparse.")}
    assert len(here) > 20 and not here & set(missing_cases("symcore", SPARSE_CASES))


def test_without_scipy_one_line_names_the_extra():
    code = """
import sys
sys.modules["scipy"] = None
sys.modules["scipy.sparse"] = None
from symcore import sparse
from symcore import tensor as T
for use in (lambda: sparse.csr_matrix("x"), lambda: sparse.csr_from_dense(T.matrix()), lambda: sparse.as_sparse(1),
            lambda: sparse.SparseType("csr", "float64")):
    try:
        use()
    except ImportError as error:
        assert "needs SciPy" in str(error) and str(error).endswith("pip install 'symcore[scipy]'"), error
        assert "\\n" not in str(error)
    else:
        raise AssertionError("no error")
assert T.matrix().type.ndim == 2
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_importing_sparse_does_not_import_scipy():
    code = "import sys, symcore.sparse; assert not any(m.startswith('scipy') for m in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
