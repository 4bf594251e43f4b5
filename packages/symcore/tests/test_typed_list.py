"""Typed lists: the type, every Op against Python's lists, gradients against finite differences."""

import pickle

import numpy as np
import pytest

from symcore import Rop, debugprint, generic, grad, shared, slicetype, verify_grad
from symcore import tensor as T
from symcore.interpreter import evaluate
from symcore.tensor.type import TensorType
from symcore.typed_list import TypedListType, index_, length, make_list, shared_list

VECTOR = TensorType("float64", (None,))
L = TypedListType(VECTOR)("L")
X, K = T.dvector("x"), T.lscalar("i")
DATA = [np.arange(3.0), np.array([5.0, 6.0]), np.array([]), np.array([5.0, 6.0]), np.array([np.nan])]


def same(found, wanted):
    assert type(found) is list and len(found) == len(wanted)
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(a, b)


def without(items, k):
    return items[:k] + items[k + 1 :]


def inserted(items, k, x):
    new = list(items)
    new.insert(k, x)
    return new


@pytest.mark.parametrize(
    ("build", "wanted"),
    [
        (lambda: L.append(X), lambda d, x, i: [*d, x]),
        (lambda: L.extend(L), lambda d, x, i: d + d),
        (lambda: L.extend([X, X]), lambda d, x, i: [*d, x, x]),
        (lambda: L.insert(K, X), lambda d, x, i: inserted(d, i, x)),
        (lambda: L.insert(-1, X), lambda d, x, i: inserted(d, -1, x)),
        (lambda: L.insert(-100, X), lambda d, x, i: inserted(d, -100, x)),
        (lambda: L.insert(100, X), lambda d, x, i: inserted(d, 100, x)),
        (lambda: L.remove(X), lambda d, x, i: without(d, 1)),
        (lambda: L.reverse(), lambda d, x, i: d[::-1]),
        (lambda: L[1:K], lambda d, x, i: d[1:i]),
        (lambda: L[::-2], lambda d, x, i: d[::-2]),
        (lambda: L[slicetype("s")], lambda d, x, i: d[1:]),
        (lambda: make_list([L[0], X, [1.0, 2.0]]), lambda d, x, i: [d[0], x, [1.0, 2.0]]),
    ],
)
def test_what_makes_a_list(build, wanted):
    data, x, i = [v.copy() for v in DATA], np.array([5.0, 6.0]), 3
    result = evaluate(build(), {"L": data, "x": x, "i": i, "s": slice(1, None)})
    same(result, wanted(DATA, x, i))
    same(data, DATA)  # nothing was changed, and nothing of what was given is handed out
    assert not any(np.shares_memory(a, b) for a in result for b in [*data, x] if a.size)


def test_what_asks_a_list():
    def ask(question, **values):
        return evaluate(question, {"L": DATA, **values}).tolist()

    assert ask(L[K], i=1) == ask(L[-2]) == [5, 6]
    assert ask(L.length()) == ask(length(L)) == 5
    assert ask(L.count(X), x=[5.0, 6.0]) == 2 and ask(L.count(X), x=[1.0]) == 0
    assert ask(L.ind(X), x=[5.0, 6.0]) == 1 and ask(index_(L, X), x=[np.nan]) == 4
    with pytest.raises(ValueError, match="none of the 5 elements"):
        ask(L.ind(X), x=[1.0])
    with pytest.raises(ValueError, match="none of the 5 elements"):
        evaluate(L.remove(X), {"L": DATA, "x": [1.0]})
    for k in (5, -6):
        with pytest.raises(IndexError, match=f"index {k} is out of bounds for a list of 5"):
            ask(L[K], i=k)


def test_the_type():
    nested = TypedListType(VECTOR, 1)
    assert nested == TypedListType(TypedListType(VECTOR)) and hash(nested) == hash(TypedListType(TypedListType(VECTOR)))
    assert nested != TypedListType(VECTOR) and nested.depth == 1 and nested.ttype == TypedListType(VECTOR)
    assert str(nested) == "TypedList(TypedList(TensorType(float64, vector)))"
    assert pickle.loads(pickle.dumps(nested)) == nested
    wide, narrow = TypedListType(VECTOR), TypedListType(TensorType("float64", (3,)))
    assert wide.is_super(narrow) and not narrow.is_super(wide) and not wide.is_super(VECTOR)
    same(nested.filter([[[1.0], [2.0, 3.0]]])[0], [[1.0], [2.0, 3.0]])
    assert wide.filter(DATA) is DATA and wide.filter(tuple(DATA)) == DATA
    assert wide.values_eq(DATA, [v.copy() for v in DATA]) and not wide.values_eq(DATA, DATA[:-1])
    assert wide.values_eq_approx([np.array([1.0])], [np.array([1.0 + 1e-15])])
    assert wide.may_share_memory(DATA, [DATA[0][1:]]) and not wide.may_share_memory(DATA, [np.ones(3)])
    with pytest.raises(TypeError, match="element 1 of the list does not fit"):
        wide.filter([np.ones(2), np.ones((2, 2))])
    with pytest.raises(TypeError, match="expected a list"):
        wide.filter(np.ones((2, 2)))
    with pytest.raises(TypeError, match="expected a list"):
        wide.filter(tuple(DATA), strict=True)
    with pytest.raises(TypeError, match="type of the elements"):
        TypedListType("float64")
    with pytest.raises(ValueError, match="zero or more"):
        TypedListType(VECTOR, -1)


def test_lists_of_other_things():
    objects = TypedListType(generic)("objects")
    assert evaluate(objects.append({"a": 1})[0], {"objects": [{"b": 2}]}) == {"b": 2}
    assert evaluate(objects.append({"a": 1})[-1], {"objects": []}) == {"a": 1}
    nested = TypedListType(VECTOR, 1)("nested")
    same(evaluate(nested[1].append(nested[0][0]), {"nested": [[[1.0]], [[2.0, 3.0]]]}), [[2.0, 3.0], [1.0]])


def test_wrong_use():
    with pytest.raises(TypeError, match=r"l.length\(\)"):
        len(L)
    with pytest.raises(TypeError, match="iterate"):
        list(L)
    assert bool(L)
    for build in (lambda: L.append(T.dmatrix("M")), lambda: L.append("text"), lambda: L.insert(0, T.fvector())):
        with pytest.raises(TypeError, match="cannot be an element of L"):
            build()
    with pytest.raises(TypeError, match="takes a typed list"):
        length(X)
    with pytest.raises(TypeError, match="cannot follow"):
        L.extend(TypedListType(TensorType("float32", (None,)))("F"))
    with pytest.raises(TypeError, match="of one type"):
        make_list([X, T.dmatrix()])
    with pytest.raises(TypeError, match="takes a list"):
        make_list(X)
    with pytest.raises(ValueError, match="at least one"):
        make_list([])
    with pytest.raises(TypeError, match="integer"):
        L[1.5]


def test_make_list_finds_the_type_of_all():
    a, b = TensorType("float64", (3, None))(), TensorType("float64", (4, 2))()
    assert make_list([a, b]).type == TypedListType(TensorType("float64", (None, None)))
    assert make_list([a, a]).type == TypedListType(a.type)
    assert make_list([TensorType("float64", (3,))(), X]).type == TypedListType(VECTOR)


def test_shared_lists_and_constants():
    given = [v.copy() for v in DATA[:2]]
    s = shared_list(given, TypedListType(VECTOR), "s")
    given[0][:] = -1
    same(s.get_value(), DATA[:2])
    s.zero()
    same(s.get_value(), [np.zeros(3), np.zeros(2)])
    s.set_value([np.ones(1)])
    same(evaluate(s.append(X), {"x": [2.0]}), [[1.0], [2.0]])
    with pytest.raises(TypeError, match="expected a list"):
        s.set_value(np.ones(2))
    assert str(shared([1.0]).type) == "Generic"  # a list becomes a typed one only where its type is said
    c, d, e = (TypedListType.constant_class(L.type, v) for v in (DATA[:2], [v.copy() for v in DATA[:2]], DATA[1:2]))
    assert c.signature() == d.signature() != e.signature()


def slope_of(expression, wrt, **values):
    return evaluate(grad(expression, wrt), {"L": [np.arange(3.0), np.array([5.0, 6.0])], **values})


def test_gradients_with_respect_to_a_list():
    same(slope_of((L[1] ** 2).sum(), L), [np.zeros(3), [10, 12]])
    same(slope_of((L[0] ** 2).sum() + L[0].sum() * 3 + L[-1].sum(), L), [[3, 5, 7], [1, 1]])  # terms add up
    same(slope_of(L.reverse()[0].sum(), L), [np.zeros(3), [1, 1]])
    same(slope_of(L[::-1][0].sum(), L), [np.zeros(3), [1, 1]])
    same(slope_of(L.extend(L)[2].sum() + L.extend(L)[1].sum() * 2, L), [[1, 1, 1], [2, 2]])
    same(slope_of(L.remove(X)[0].sum(), L, x=np.arange(3.0)), [np.zeros(3), [1, 1]])
    same(slope_of(L.remove(X)[0].sum(), L, x=np.array([5.0, 6.0])), [np.ones(3), np.zeros(2)])
    same(slope_of(L[0].sum() * L.length(), L), [[2, 2, 2], np.zeros(2)])


@pytest.mark.parametrize("k", [-100, -1, 0, 1, 2, 100])
def test_gradients_of_insert(k):
    cost = sum((n + 2) * L.insert(k, X)[n].sum() for n in range(3))
    order = inserted(["a", "b"], k, "x")
    weights = {name: order.index(name) + 2 for name in order}
    gl, gx = (slope_of(cost, v, x=np.ones(4)) for v in (L, X))
    same(gl, [np.full(3, weights["a"]), np.full(2, weights["b"])])
    np.testing.assert_array_equal(gx, np.full(4, weights["x"]))


def test_gradients_against_finite_differences():
    def through_lists(x, y):
        items = make_list([x, y]).append(x * y).insert(1, T.exp(x)).reverse()
        return (items[slice(1, 3)].extend([x])[0] ** 2).sum() + (items[-1] * items[0]).sum()

    rng = np.random.default_rng(5)
    verify_grad(through_lists, [rng.normal(size=3), rng.normal(size=3)])


def test_the_gradient_of_a_gradient():
    slope = grad((L[0] ** 3).sum(), L)[0].sum()
    same(slope_of(slope, L), [6 * np.arange(3.0), np.zeros(2)])


def test_rop():
    y, v = T.dvector("y"), T.dvector("v")
    items = make_list([X, y]).append(X * y)
    values = {"x": np.array([1.0, 2.0]), "y": np.array([3.0, -1.0]), "v": np.array([0.5, 2.0])}
    forward = evaluate(Rop(items.remove(y).reverse()[0] ** 2, [X], [v]), values)
    np.testing.assert_allclose(forward, 2 * values["x"] * values["y"] ** 2 * values["v"], rtol=1e-14)
    assert evaluate(Rop(items[1], [X], [v], "ignore"), values).tolist() == [0, 0]


def test_printing():
    assert debugprint(L.append(X)[0], file="str").splitlines()[0] == "GetItem [id A]"
    assert str(TypedListType.constant_class(L.type, DATA)) == "TypedListConstant{5 elements}"
