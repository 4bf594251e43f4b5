"""``ifelse``: types, values, derivatives."""

import numpy as np
import pytest

from symcore import Rop, grad
from symcore import tensor as T
from symcore.ifelse import IfElse, ifelse
from symcore.interpreter import evaluate


@pytest.fixture
def xy():
    return T.dvector("x"), T.dvector("y")


@pytest.mark.parametrize(("condition", "wanted"), [(1, [1.0]), (0, [2.0, 3.0]), (-3, [1.0])])
def test_the_recorded_answer(xy, condition, wanted):
    i = T.iscalar("i")
    assert evaluate(ifelse(i, *xy), {i: condition, xy[0]: [1.0], xy[1]: [2.0, 3.0]}).tolist() == wanted


def test_types_that_cannot_be_made_equal(xy):
    i = T.iscalar("i")
    with pytest.raises(TypeError, match="same number of dimensions"):
        ifelse(i, xy[0], T.matrix("M"))
    with pytest.raises(TypeError, match="condition of ifelse must be a scalar"):
        ifelse(xy[0], xy[0], xy[1])
    with pytest.raises(ValueError, match="2 and 1"):
        ifelse(i, [xy[0], xy[1]], [xy[0]])
    with pytest.raises(TypeError, match="cannot choose"):
        ifelse(i, object(), xy[0])


def test_dtypes_and_lengths_are_made_equal():
    i = T.iscalar("i")
    out = ifelse(i, T.fvector(), T.dvector())
    assert out.dtype == "float64"
    assert ifelse(i, T.fscalar(), 2.5).dtype == "float32"
    assert ifelse(i, T.row(), T.matrix()).type.shape == (None, None)
    assert ifelse(i, T.row(), T.row()).type.shape == (1, None)


def test_lists_and_names(xy):
    i = T.bscalar("i")
    x, y = xy
    a, b = ifelse(i, [x, y], [y, x], name="pair")
    assert (a.name, b.name) == ("pair_0", "pair_1")
    assert ifelse(i, x, y, name="one").name == "one"
    assert isinstance(ifelse(i, [x], [y]), list)
    got = evaluate([a, b], {i: 0, x: [1.0], y: [2.0, 2.0]})
    assert [v.tolist() for v in got] == [[2.0, 2.0], [1.0]]
    assert a.owner is b.owner
    assert isinstance(a.owner.op, IfElse)


def test_the_result_is_no_view_of_what_was_chosen(xy):
    i = T.iscalar("i")
    given = np.ones(3)
    got = evaluate(ifelse(i, *xy), {i: 1, xy[0]: given, xy[1]: given})
    assert not np.shares_memory(got, given)


@pytest.mark.parametrize("condition", [0, 1])
def test_gradients_of_the_side_not_taken_are_zero(xy, condition):
    i = T.iscalar("i")
    x, y = xy
    out = ifelse(i, T.exp(x), y**3)
    values = {i: condition, x: [0.5, 1.0], y: [2.0, 3.0, 4.0]}
    gx, gy = evaluate(grad(out.sum(), [x, y]), values)
    np.testing.assert_allclose(gx, np.exp([0.5, 1.0]) * condition)
    np.testing.assert_allclose(gy, 3 * np.array([4.0, 9.0, 16.0]) * (1 - condition))
    u = T.dvector("u")
    tangent = evaluate(Rop(out, x, u), {**values, u: [1.0, 10.0]})
    np.testing.assert_allclose(tangent, np.exp([0.5, 1.0]) * [1, 10] if condition else np.zeros(3))


def test_no_nan_leaks_from_the_side_not_taken():
    x = T.dscalar("x")
    cost = ifelse(x > 0, T.log(x), x * 2)
    assert evaluate(grad(cost, x), {x: 0.0}) == 2.0
