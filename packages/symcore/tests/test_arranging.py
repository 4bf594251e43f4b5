"""Repeating, moving, stacking, picking, diagonals and grids against NumPy, and their gradients."""

import numpy as np
import pytest

from symcore import tensor as T
from symcore.gradient.verify import verify_grad
from symcore.interpreter import evaluate

rng = np.random.default_rng(11)
V, M, C = rng.normal(size=4), rng.normal(size=(3, 4)), rng.normal(size=(2, 3, 4))
NONE = np.zeros((0, 4))


def check(build, numpy, *arrays, grad=True):
    """Compare with NumPy with all lengths unknown and all known; check the gradients of float inputs."""
    wanted = numpy(*arrays)
    wanted = list(wanted) if isinstance(wanted, (list, tuple)) else [wanted]
    for known in (False, True):
        inputs = [T.TensorType(x.dtype, x.shape if known else (None,) * x.ndim)() for x in map(np.asarray, arrays)]
        built = build(*inputs)
        built = list(built) if isinstance(built, (list, tuple)) else [built]
        found = evaluate(built, dict(zip(inputs, arrays, strict=True)))
        assert len(found) == len(wanted)
        for y, a, b in zip(built, found, wanted, strict=True):
            assert a.ndim == y.type.ndim and a.dtype == y.type.dtype
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)
            assert all(s in (None, n) for s, n in zip(y.type.shape, a.shape, strict=True))
    if grad and all(np.asarray(x).dtype == np.float64 and np.asarray(x).size for x in arrays):
        for k in range(len(wanted)):
            verify_grad(lambda *xs, k=k: as_list(build(*xs))[k], list(arrays), rng=np.random.default_rng(1))


def as_list(y):
    return list(y) if isinstance(y, (list, tuple)) else [y]


SAME = {
    "tile one": (lambda x: T.tile(x, 3), lambda x: np.tile(x, 3), V),
    "tile matrix": (lambda x: T.tile(x, (2, 3)), lambda x: np.tile(x, (2, 3)), M),
    "tile fewer": (lambda x: T.tile(x, (2,)), lambda x: np.tile(x, (2,)), M),
    "tile more": (lambda x: T.tile(x, (2, 1, 3)), lambda x: np.tile(x, (2, 1, 3)), M),
    "tile none": (lambda x: T.tile(x, (0, 2)), lambda x: np.tile(x, (0, 2)), M),
    "tile ndim": (lambda x: T.tile(x, 2, ndim=3), lambda x: np.tile(x, (1, 1, 2)), M),
    "repeat": (lambda x: T.repeat(x, 3), lambda x: np.repeat(x, 3), M),
    "repeat axis": (lambda x: T.repeat(x, 2, axis=-2), lambda x: np.repeat(x, 2, -2), C),
    "repeat vector": (lambda x: T.repeat(x, [2, 0, 1], 0), lambda x: np.repeat(x, [2, 0, 1], 0), M),
    "repeat one": (lambda x: T.repeat(x, [2], 1), lambda x: np.repeat(x, [2], 1), M),
    "repeat zero": (lambda x: T.repeat(x, 0, 1), lambda x: np.repeat(x, 0, 1), M),
    "repeat nothing": (lambda x: T.repeat(x, 2, 0), lambda x: np.repeat(x, 2, 0), NONE),
    "roll": (lambda x: T.roll(x, 2), lambda x: np.roll(x, 2), M),
    "roll back": (lambda x: T.roll(x, -5, 1), lambda x: np.roll(x, -5, 1), M),
    "roll two": (lambda x: T.roll(x, (1, -1), (0, 2)), lambda x: np.roll(x, (1, -1), (0, 2)), C),
    "roll nothing": (lambda x: T.roll(x, 1, 0), lambda x: np.roll(x, 1, 0), NONE),
    "flip": (T.flip, np.flip, C),
    "flip axis": (lambda x: T.flip(x, -1), lambda x: np.flip(x, -1), M),
    "flip axes": (lambda x: T.flip(x, (0, 2)), lambda x: np.flip(x, (0, 2)), C),
    "moveaxis": (lambda x: T.moveaxis(x, 0, -1), lambda x: np.moveaxis(x, 0, -1), C),
    "moveaxis two": (lambda x: T.moveaxis(x, (2, 0), (0, 1)), lambda x: np.moveaxis(x, (2, 0), (0, 1)), C),
    "atleast": (lambda x: [T.atleast_1d(x), T.atleast_2d(x)], lambda x: [np.atleast_1d(x), np.atleast_2d(x)], V),
    "logsumexp": (lambda x: T.logsumexp(x, 1), lambda x: np.log(np.exp(x).sum(1)), M),
    "logsumexp all": (T.logsumexp, lambda x: np.log(np.exp(x).sum()), M),
    "logsumexp kept": (
        lambda x: T.logsumexp(x, (0, 2), True),
        lambda x: np.log(np.exp(x).sum((0, 2), keepdims=True)),
        C,
    ),
    "diff": (T.diff, np.diff, M),
    "diff twice": (lambda x: T.diff(x, 2, 0), lambda x: np.diff(x, 2, 0), M),
    "cumsum": (T.cumsum, np.cumsum, M),
    "cumsum axis": (lambda x: T.cumsum(x, -1), lambda x: np.cumsum(x, -1), M),
    "cumprod": (lambda x: T.cumprod(x, axis=0), lambda x: np.cumprod(x, 0), M),
    "diag of vector": (T.diag, np.diag, V),
    "diag above": (lambda x: T.diag(x, 2), lambda x: np.diag(x, 2), V),
    "diag of matrix": (lambda x: T.diag(x, -1), lambda x: np.diag(x, -1), M),
    "diagonal": (lambda x: T.diagonal(x, 1, -1, 0), lambda x: np.diagonal(x, 1, -1, 0), C),
    "trace": (T.trace, np.trace, M),
    "trace of many": (lambda x: T.trace(x, 0, 1, 2), lambda x: np.trace(x, 0, 1, 2), C),
    "tril": (lambda x: T.tril(x, 1), lambda x: np.tril(x, 1), C),
    "triu": (lambda x: T.triu(x, -1), lambda x: np.triu(x, -1), M),
    "triu of nothing": (T.triu, np.triu, NONE),
    "broadcast_to": (lambda x: T.broadcast_to(x, (2, 3, 4)), lambda x: np.broadcast_to(x, (2, 3, 4)), V),
    "compress": (lambda x: T.compress([1, 0, 1], x, 0), lambda x: np.compress([1, 0, 1], x, 0), M),
    "compress all": (lambda x: T.compress([0, 1, 1], x), lambda x: np.compress([0, 1, 1], x), M),
    "nonzero_values": (T.nonzero_values, lambda x: x[x != 0], M),
    "sort": (T.sort, np.sort, M),
    "sort all": (lambda x: T.sort(x, None), lambda x: np.sort(x, None), M),
    "topk": (lambda x: T.topk(x, 2), lambda x: np.sort(x)[:, -2:], M),
    "smallest": (lambda x: T.topk(x, -2, axis=0), lambda x: np.sort(x, 0)[:2], M),
    "hstack": (lambda x: T.hstack([x, 2 * x]), lambda x: np.hstack([x, 2 * x]), V),
    "vstack": (lambda x: T.vstack([x, 2 * x]), lambda x: np.vstack([x, 2 * x]), V),
    "horizontal_stack": (lambda x: T.horizontal_stack(x, x), lambda x: np.hstack([x, x]), M),
    "vertical_stack": (lambda x: T.vertical_stack(x, x), lambda x: np.vstack([x, x]), M),
    "stacklists": (
        lambda x: T.stacklists([[x, x + 1], [x + 2, x + 3]]),
        lambda x: np.array([[x, x + 1], [x + 2, x + 3]]),
        V,
    ),
    "meshgrid": (lambda x: T.meshgrid(x, 2 * x), lambda x: np.meshgrid(x, 2 * x), V),
}


@pytest.mark.parametrize("name", SAME)
def test_as_numpy(name):
    build, numpy, x = SAME[name]
    check(build, numpy, x)


INTEGER = {
    "argsort": (T.argsort, np.argsort, M),
    "argtopk": (lambda x: T.argtopk(x, 2, axis=1), lambda x: np.argsort(x, 1)[:, -2:], M),
    "flatnonzero": (T.flatnonzero, np.flatnonzero, np.array([[0, 2], [3, 0]])),
    "diff of truth": (T.diff, np.diff, np.array([True, False, False])),
    "bincount": (T.bincount, np.bincount, np.array([1, 1, 4])),
    "bincount longer": (lambda x: T.bincount(x, minlength=7), lambda x: np.bincount(x, minlength=7), np.array([1, 4])),
    "unique": (
        lambda x: T.unique(x, True, True, True),
        lambda x: np.unique(x, True, True, True),
        np.array([3, 1, 3, 2]),
    ),
    "searchsorted": (
        lambda x: T.searchsorted([1, 3, 5], x),
        lambda x: np.searchsorted([1, 3, 5], x),
        np.array([0, 3, 9]),
    ),
    "unravel": (lambda x: T.unravel_index(x, (3, 4)), lambda x: np.unravel_index(x, (3, 4)), np.array([0, 7, 11])),
    "ravel": (
        lambda x: T.ravel_multi_index([x, x + 1], (3, 4)),
        lambda x: np.ravel_multi_index((x, x + 1), (3, 4)),
        np.array([0, 2]),
    ),
    "clipped": (
        lambda x: T.ravel_multi_index([x, x], (3, 4), mode="clip"),
        lambda x: np.ravel_multi_index((x, x), (3, 4), mode="clip"),
        np.array([0, 9]),
    ),
    "one hot": (lambda x: T.to_one_hot(x, 4), lambda x: np.eye(4)[x], np.array([2, 0, 3])),
    "inverse permutation": (T.inverse_permutation, np.argsort, np.array([2, 0, 3, 1], "int32")),
    "fill_diagonal": (
        lambda x: T.fill_diagonal(x, 9),
        lambda x: np.where(np.eye(3, 4, dtype=bool), 9, x),
        np.arange(12).reshape(3, 4),
    ),
}


@pytest.mark.parametrize("name", INTEGER)
def test_of_integers_as_numpy(name):
    build, numpy, x = INTEGER[name]
    check(build, numpy, x, grad=False)


def test_recorded_dtypes_and_those_of_positions():
    assert T.cumsum(T.bvector()).dtype == "int8"
    assert T.cumprod(T.fvector()).dtype == "float32"
    assert T.argsort(T.fvector()).dtype == "int64"
    assert T.bincount(T.bvector()).dtype == "int64"
    assert T.bincount(T.bvector(), T.fvector()).dtype == "float32"
    assert T.topk_and_argtopk(T.fvector(), 2, idx_dtype="int32")[1].dtype == "int32"
    assert T.to_one_hot(T.lvector(), 3, dtype="int8").dtype == "int8"
    assert T.tri(3).dtype == T.zeros(3).dtype


def test_symbolic_counts_and_lengths():
    x, n, m = T.dmatrix(), T.iscalar(), T.lscalar()
    given = {x: M, n: 2, m: 3}
    np.testing.assert_array_equal(evaluate(T.tile(x, (n, m)), given), np.tile(M, (2, 3)))
    np.testing.assert_array_equal(evaluate(T.repeat(x, n, 1), given), np.repeat(M, 2, 1))
    np.testing.assert_array_equal(evaluate(T.roll(x, -n, 1), given), np.roll(M, -2, 1))
    np.testing.assert_array_equal(evaluate(T.topk(x, n), given), np.sort(M)[:, -2:])
    np.testing.assert_array_equal(evaluate(T.tri(n, m, n - 2), given), np.tri(2, 3, 0))
    np.testing.assert_array_equal(evaluate(T.triu(x, n), given), np.triu(M, 2))
    np.testing.assert_array_equal(evaluate(T.to_one_hot(T.constant([1]), m), given), [[0, 1, 0]])
    np.testing.assert_array_equal(evaluate(T.bartlett(m + n), given), np.bartlett(5))
    np.testing.assert_array_equal(evaluate(T.tile(x, T.stack([n, m])), given), np.tile(M, (2, 3)))
    vector = T.lvector()
    np.testing.assert_array_equal(evaluate(T.tile(x, vector, ndim=2), {x: M, vector: [1, 2]}), np.tile(M, (1, 2)))
    for k in (-2, 0, 1):
        filled = M.copy()
        np.fill_diagonal(filled[max(-k, 0) :, max(k, 0) :], 5)
        np.testing.assert_array_equal(evaluate(T.fill_diagonal_offset(x, 5, n), {x: M, n: k}), filled)
        np.testing.assert_array_equal(evaluate(T.fill_diagonal_offset(x, 5, k), {x: M}), filled)


@pytest.mark.parametrize("n", [0, 1, 2, 5, 6])
def test_bartlett(n):
    np.testing.assert_allclose(evaluate(T.bartlett(n)), np.bartlett(n), atol=1e-15)


def test_fill_diagonal_of_a_cube():
    cube = np.zeros((3, 3, 3))
    wanted = cube.copy()
    np.fill_diagonal(wanted, 2.0)
    x = T.dtensor3()
    np.testing.assert_array_equal(evaluate(T.fill_diagonal(x, 2.0), {x: cube}), wanted)


def test_fill_diagonal_gives_gradients_to_both():
    verify_grad(lambda x, v: T.fill_diagonal(x, v), [M, np.float64(2.0)], rng=np.random.default_rng(1))
    verify_grad(lambda x, v: T.fill_diagonal_offset(x, v, -1), [M, np.float64(2.0)], rng=np.random.default_rng(1))


@pytest.mark.parametrize("axis", [0, 1, -1, None])
def test_take_along_axis(axis):
    order = np.argsort(M, axis)
    check(lambda x: T.take_along_axis(x, order, axis), lambda x: np.take_along_axis(x, order, axis), M)


def test_take_along_axis_broadcasts_lengths_known_to_be_one():
    index = np.array([[2, 0, 0]])
    check(lambda x: T.take_along_axis(x, index, 1), lambda x: np.take_along_axis(x, index, 1), M)


@pytest.mark.parametrize(("mode", "a"), [("raise", [2, 0, 1, 2]), ("wrap", [-1, 5, 2, 0]), ("clip", [-3, 9, 1, 2])])
def test_choose(mode, a):
    choices = [V, 2 * V, np.float64(7.0)]
    check(lambda i: T.choose(i, choices, mode=mode), lambda i: np.choose(i, choices, mode=mode), np.array(a))
    check(lambda i: T.choose(i, M, mode=mode), lambda i: np.choose(i, M, mode=mode), np.array(a))


def test_choose_refuses_what_is_out_of_range():
    i = T.lvector()
    for wrong in ([0, 3], [-1, 0]):
        with pytest.raises(IndexError, match="out of range"):
            evaluate(T.choose(i, M[:, :2]), {i: wrong})
    with pytest.raises(ValueError, match="'wrap'"):
        T.choose(i, M, mode="nearest")


def test_permute_row_elements():
    p = np.array([2, 0, 3, 1])
    each = np.array([p, p[::-1], [0, 1, 2, 3]])
    check(lambda x: T.permute_row_elements(x, p), lambda x: x[:, p], M)
    check(lambda x: T.permute_row_elements(x, p, inverse=1), lambda x: x[:, np.argsort(p)], M)
    check(lambda x: T.permute_row_elements(x, each), lambda x: np.take_along_axis(x, each, 1), M)
    check(lambda x: T.permute_row_elements(x, each), lambda x: np.stack([x[r] for r in each]), V)
    back = T.permute_row_elements(T.permute_row_elements(M, each), each, inverse=True)
    np.testing.assert_array_equal(evaluate(back), M)


def test_grids():
    n = T.lscalar()
    for a, b in zip(T.mgrid[0:n, 1:7:2], np.mgrid[0:3, 1:7:2], strict=True):
        np.testing.assert_array_equal(evaluate(a, {n: 3}), b)
    for a, b in zip(T.ogrid[0:n, 0:1:5j], np.ogrid[0:3, 0:1:5j], strict=True):
        np.testing.assert_allclose(evaluate(a, {n: 3}), b)
        assert evaluate(a, {n: 3}).shape == b.shape
    np.testing.assert_array_equal(evaluate(T.mgrid[2:n], {n: 5}), np.mgrid[2:5])
    for options in ({"indexing": "ij"}, {"sparse": True}, {}):
        for a, b in zip(T.meshgrid(V, M[0], V, **options), np.meshgrid(V, M[0], V, **options), strict=True):
            np.testing.assert_array_equal(evaluate(a), b)


def test_logsumexp_does_not_overflow():
    x = np.array([[1000.0, 999.0], [-np.inf, -np.inf], [np.inf, 0.0]])
    wanted = [1000 + np.log1p(np.exp(-1)), -np.inf, np.inf]
    np.testing.assert_allclose(evaluate(T.logsumexp(T.constant(x), 1)), wanted)


def test_the_gradient_of_cumprod_at_zeros():
    x = T.dvector()
    verify_grad(lambda v: T.cumprod(v), [np.array([2.0, 0.0, 3.0, 0.0, 1.0])], rng=np.random.default_rng(1))
    assert evaluate(T.cumprod(x), {x: []}).shape == (0,)


REFUSED = [
    (ValueError, "n >= 0", lambda x: T.diff(x, -1)),
    (ValueError, "got 0", lambda x: T.topk(x, 0)),
    (ValueError, "'quicksort'|quicksort", lambda x: T.sort(x, kind="bogo")),
    (ValueError, "order=", lambda x: T.sort(x, order="field")),
    (ValueError, "out of range", lambda x: T.sort(x, 2)),
    (ValueError, "as many shifts", lambda x: T.roll(x, (1, 2, 3), (0, 1))),
    (TypeError, "must be integers", lambda x: T.bincount(x)),
    (TypeError, "must be integers", lambda x: T.repeat(x, 1.5)),
    (TypeError, "its rank", lambda x: T.take_along_axis(x, T.lvector(), 0)),
    (TypeError, "vector as condition", lambda x: T.compress(x, x)),
    (ValueError, "'left' or 'right'", lambda x: T.searchsorted(T.dvector(), x, side="middle")),
    (TypeError, "looks into a vector", lambda x: T.searchsorted(x, 1.0)),
    (ValueError, "'raise', 'wrap'", lambda x: T.ravel_multi_index([1, 1], (2, 2), mode="no")),
    (ValueError, "vector or a matrix", lambda x: T.diag(T.dscalar())),
    (TypeError, "and a scalar", lambda x: T.fill_diagonal(x, x)),
    (ValueError, "takes matrices", lambda x: T.horizontal_stack(x, T.dvector())),
    (ValueError, "'xy' and 'ij'", lambda x: T.meshgrid(x, indexing="yx")),
    (ValueError, "needs its end", lambda x: T.mgrid[3:]),
    (ValueError, "how many dimensions", lambda x: T.tile(x, T.lvector())),
]


@pytest.mark.parametrize("k", range(len(REFUSED)))
def test_a_wrong_call_is_refused_while_the_graph_is_built(k):
    error, message, build = REFUSED[k]
    with pytest.raises(error, match=message):
        build(T.dmatrix("x"))


def test_wrong_values_are_refused_when_it_runs():
    i, x = T.lvector(), T.dvector()
    for build, value, message in [
        (lambda: T.bincount(i), [-1, 2], "from 0"),
        (lambda: T.topk(i, 3), [1, 2], "1 to 2 elements"),
        (lambda: T.repeat(i, T.constant([1, 2, 3]), 0), [1, 2], "2 numbers"),
        (lambda: T.unravel_index(i, (2, 2))[0], [4, 0], "out of bounds"),
    ]:
        with pytest.raises(ValueError, match=message):
            evaluate(build(), {i: value})
    with pytest.raises(ValueError, match="as many weights"):
        evaluate(T.bincount(i, x), {i: [0, 1], x: [1.0]})
