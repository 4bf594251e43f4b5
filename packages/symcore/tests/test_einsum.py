"""``einsum`` and ``batched_tensordot`` against NumPy."""

import numpy as np
import pytest

from symcore import tensor as T
from symcore.gradient.verify import verify_grad
from symcore.interpreter import evaluate

rng = np.random.default_rng(12)
LENGTHS = dict(zip("abcijkl", (2, 3, 2, 3, 4, 2, 5), strict=True))

SUBSCRIPTS = [
    "i->", "i->i", "ij->ji", "ij->", "ij->j", "ii->i", "ii->", "iij->j", "iji->ij", "iii->i", "ii",
    "i,i->", "i,j->ij", "i,j->ji", "ij,j->i", "ij,jk->ik", "ij,jk->ki", "ij,kj->ik", "ij,jk", "ij,ij->ij", "ij,ij->",
    "ij,ij->j", "bij,bjk->bik", "bij,bjk->kbi", "bij,bij->b", "abij,abjk->abik", "abij,bjk->abik", "ijk,kl->ijl",
    "ijk,jil->kl", "ij,k->i", "ij,jk,kl->il", "i,ij,j->", "ij,jk,k->i", "i,i,i->i", "ij,ik,il->jkl", "ii,ij->j",
    "a,ab,abc->abc", ",ij->ij", "i,->i", "ba", "bca,ab",
]  # fmt: skip


def values(term):
    return rng.normal(size=[LENGTHS[c] for c in term])


@pytest.mark.parametrize("subscripts", SUBSCRIPTS)
def test_as_numpy(subscripts):
    arrays = [values(term.replace(" ", "")) for term in subscripts.partition("->")[0].split(",")]
    for known in (False, True):
        inputs = [T.TensorType("float64", x.shape if known else (None,) * x.ndim)() for x in arrays]
        y = T.einsum(subscripts, *inputs)
        found = evaluate(y, dict(zip(inputs, arrays, strict=True)))
        wanted = np.einsum(subscripts, *arrays)
        assert found.shape == wanted.shape and y.type.ndim == wanted.ndim
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("subscripts", ["iij->j", "bij,bjk->kbi", "ij,jk,kl->il", "ij,ij->j", "a,ab,abc->abc"])
def test_gradients(subscripts):
    arrays = [values(term) for term in subscripts.partition("->")[0].split(",")]
    verify_grad(lambda *xs: T.einsum(subscripts, *xs), arrays, rng=np.random.default_rng(1))


@pytest.mark.parametrize(
    ("subscripts", "shapes"),
    [
        ("...ij,...jk->...ik", [(2, 3, 4), (2, 4, 2)]),
        ("...ij,...jk->...ik", [(5, 2, 3, 4), (4, 2)]),
        ("...ij,...jk->...ik", [(5, 1, 3, 4), (2, 4, 2)]),
        ("...,...", [(3, 4), (4,)]),
        ("i...->...", [(2, 3, 4)]),
        ("...i->i...", [(2, 3, 4)]),
        ("ij,ij->ij", [(1, 3), (2, 1)]),
        ("bij,bjk->bik", [(1, 3, 4), (5, 4, 2)]),
    ],
)
def test_dots_and_lengths_of_one(subscripts, shapes):
    arrays = [rng.normal(size=s) for s in shapes]
    inputs = [T.TensorType("float64", tuple(1 if n == 1 else None for n in s))() for s in shapes]
    found = evaluate(T.einsum(subscripts, *inputs), dict(zip(inputs, arrays, strict=True)))
    np.testing.assert_allclose(found, np.einsum(subscripts, *arrays), rtol=1e-12)


def test_integers_lists_and_empty_axes():
    i = np.arange(6).reshape(2, 3)
    found = evaluate(T.einsum(T.constant(i), [0, 1], T.constant(i), [2, 1], [2, 0]))
    np.testing.assert_array_equal(found, np.einsum(i, [0, 1], i, [2, 1], [2, 0]))
    assert found.dtype == i.dtype
    small = np.array([100, 100], "int8")
    assert T.einsum("i->", T.constant(small)).dtype == "int8"
    empty = np.zeros((2, 0))
    np.testing.assert_array_equal(
        evaluate(T.einsum("ij,kj->ik", T.constant(empty), T.constant(empty))), np.zeros((2, 2))
    )


@pytest.mark.parametrize(
    ("message", "subscripts", "count"),
    [
        ("describes 2 operands, 1", "ij,jk->ik", 1),
        ("does not fit an operand", "ijk->i", 1),
        ("must occur in it once", "ij->ii", 1),
        ("must occur in it once", "ij->ik", 1),
        ("something other than letters", "i1->i", 1),
        ("does not fit an operand", "...ijk->i", 1),
    ],
)
def test_wrong_subscripts_are_refused(message, subscripts, count):
    with pytest.raises(ValueError, match=message):
        T.einsum(subscripts, *[T.dmatrix() for _ in range(count)])


def test_different_lengths_are_refused_when_it_runs():
    x, y = T.dmatrix(), T.dmatrix()
    with pytest.raises(ValueError, match="differ"):
        evaluate(T.einsum("ij,jk->ik", x, y), {x: np.ones((2, 3)), y: np.ones((2, 3))})


def test_batched_tensordot():
    x, y = rng.normal(size=(2, 3, 4, 5)), rng.normal(size=(2, 4, 5, 6))
    wanted = np.stack([np.tensordot(a, b, 2) for a, b in zip(x, y, strict=True)])
    a, b = T.dtensor4(), T.dtensor4()
    np.testing.assert_allclose(evaluate(T.batched_tensordot(a, b, 2), {a: x, b: y}), wanted)
    np.testing.assert_allclose(evaluate(T.batched_tensordot(a, b, [[2, 3], [1, 2]]), {a: x, b: y}), wanted)
    crossed = np.einsum("bijk,bkjl->bil", x, y.transpose(0, 2, 1, 3))
    shuffled = b.dimshuffle(0, 2, 1, 3)
    np.testing.assert_allclose(evaluate(T.batched_tensordot(a, shuffled, [[2, 3], [2, 1]]), {a: x, b: y}), crossed)
    with pytest.raises(ValueError, match="batch axis 0"):
        T.batched_tensordot(a, b, [[0], [1]])
