"""``as_op``: Python functions as Ops."""

import copy
import pickle

import numpy as np
import pytest

from symcore import Op, as_op, grad
from symcore import tensor as T
from symcore.errors import NullTypeGradError
from symcore.from_function import FromFunctionOp
from symcore.interpreter import evaluate


def dot_shape(node, shapes):
    [(rows, _), (_, columns)] = shapes
    return [(rows, columns)]


@as_op(itypes=[T.matrix, T.matrix], otypes=[T.matrix], infer_shape=dot_shape)
def numpy_dot(a, b):
    """The product."""
    return np.dot(a, b)


@as_op([T.dvector], [T.dscalar, T.lscalar])
def largest(x):
    return x.max(), x.argmax()


def test_the_function_becomes_an_op():
    x, w = T.matrix("x"), T.matrix("w")
    y = numpy_dot(x, w)
    assert isinstance(numpy_dot, Op) and isinstance(numpy_dot, FromFunctionOp)
    assert numpy_dot.__name__ == "numpy_dot" and numpy_dot.__doc__ == "The product."
    np.testing.assert_array_equal(evaluate(T.exp(y), {x: np.eye(2), w: np.eye(2)}), np.exp(np.eye(2)))
    assert str(numpy_dot) == "FromFunctionOp{numpy_dot}"
    value, position = largest(T.constant([1.0, 3.0, 2.0]))
    assert (value.eval(), position.eval()) == (3.0, 1)


def test_shapes_are_inferred_where_said():
    x = T.matrix()
    assert numpy_dot.infer_shape(numpy_dot.make_node(x, x), [(2, 3), (3, 4)]) == [(2, 4)]
    assert largest.infer_shape(largest.make_node(T.dvector()), [(3,)]) == [None, None]


def test_it_is_pickled_by_name():
    again = pickle.loads(pickle.dumps(numpy_dot))
    assert again is numpy_dot and b"dot_shape" not in pickle.dumps(numpy_dot)
    assert copy.deepcopy(numpy_dot) == numpy_dot
    x = T.matrix("x")
    graph = pickle.loads(pickle.dumps(numpy_dot(x, x)))
    assert graph.owner.op == numpy_dot

    local = as_op([T.dvector], [T.dvector])(lambda x: x)
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(local)


def test_equality_goes_by_function_and_types():
    def double(x):
        return 2 * x

    a, c = as_op(T.dvector, T.dvector)(double), as_op(T.dmatrix, T.dmatrix)(double)
    b = as_op([T.dvector().type], [T.dvector])(double)
    assert a == b and hash(a) == hash(b) and a != c


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: numpy_dot(T.matrix()), "takes 2 inputs, got 1"),
        (lambda: numpy_dot(T.matrix(), T.vector()), "input 1"),
        (lambda: numpy_dot(T.fmatrix(), T.matrix()), "float32"),
        (lambda: as_op(["matrix"], [T.matrix]), "itypes"),
        (lambda: as_op([T.matrix], [3]), "otypes"),
    ],
)
def test_wrong_uses_are_refused(call, words):
    with pytest.raises(TypeError, match=words):
        call()


def test_wrong_results_are_refused():
    wrong_type = as_op([T.dvector], [T.dvector])(lambda x: np.ones((2, 2)))
    with pytest.raises(TypeError, match="output 0 that does not fit its otype"):
        wrong_type(T.constant([1.0])).eval()
    wrong_count = as_op([T.dvector], [T.dvector, T.dvector])(lambda x: (x,))
    with pytest.raises(ValueError, match="1 values for 2 outputs"):
        wrong_count(T.constant([1.0]))[0].eval()


def test_it_has_no_gradient_and_says_so():
    x = T.matrix("x")
    with pytest.raises(NullTypeGradError, match="FromFunctionOp"):
        grad(numpy_dot(x, x).sum(), x)
