"""Bad input: the type of each error, and that its message says what was asked, what was given, what to do."""

import copy
import pickle

import numpy as np
import pytest

from symcore import Apply, Op, clone, errors, grad, shared
from symcore import tensor as T
from symcore.interpreter import evaluate

X, Y, M = T.vector("x"), T.vector("y"), T.matrix("M")
I = T.iscalar("i")  # noqa: E741


class Nothing(Op):
    """An Op without anything."""


class TypedOp(Op):
    itypes = (T.dvector().type, T.dscalar().type)
    otypes = (T.dvector().type,)

    def perform(self, node, x, y):
        return x * y


class ReturnsTwo(Op):
    factor: int
    scale: float = 1.0

    def make_node(self, x):
        return Apply(self, [x], [x.type()])

    def perform(self, node, x):
        return x, x


BUILDING = {
    "bool of a comparison": (lambda: bool(X > 0), TypeError, ["T.switch"]),
    "chained comparison": (lambda: 0 < X < 1, TypeError, ["truth value", "&"]),
    "len": (lambda: len(X), TypeError, ["x.shape[0]"]),
    "iteration": (lambda: list(X), ValueError, ["scan"]),
    "assignment": (lambda: X.__setitem__(slice(None), 0), TypeError, ["set_subtensor"]),
    "a NumPy function": (lambda: np.asarray(X), TypeError, ["symbolic", "eval"]),
    "cost that is no scalar": (lambda: grad(X, X), TypeError, ["scalar", "vector", "Sum it"]),
    "cost that is an integer": (lambda: grad(I, I), TypeError, ["float", "int32"]),
    "cost that is no variable": (lambda: grad(3.0, X), TypeError, ["3.0"]),
    "wrt that is no variable": (lambda: grad(X.sum(), "x"), TypeError, ["'x'"]),
    "disconnected": (lambda: grad(X.sum(), Y), errors.DisconnectedInputError, ["y", "ignore"]),
    "disconnected integer": (lambda: grad(X.sum(), I), errors.DisconnectedInputError, ["i"]),
    "no cost": (lambda: grad(None, X), ValueError, ["known_grads"]),
    "dropping an axis": (lambda: M.dimshuffle(0), ValueError, ["axis 1", "addbroadcast"]),
    "no such axis": (lambda: M.dimshuffle(0, 2), ValueError, ["axis 2", "2 dimensions"]),
    "reduction over no such axis": (lambda: M.sum(axis=2), ValueError, ["axis 2"]),
    "axis twice": (lambda: M.sum(axis=(0, 0)), ValueError, ["twice"]),
    "axis that is no number": (lambda: M.sum(axis="rows"), TypeError, ["axis"]),
    "too many indices": (lambda: X[0, 0], IndexError, ["1 dimensions"]),
    "lengths that never match": (
        lambda: T.constant([1.0, 2.0]) + T.constant([1.0, 2.0, 3.0]),
        ValueError,
        ["(2,)", "(3,)"],
    ),
    "dot lengths that never match": (
        lambda: T.dot(T.constant(np.ones((2, 3))), T.constant(np.ones(2))),
        ValueError,
        ["3", "2"],
    ),
    "reshape to two unknowns": (lambda: X.reshape((-1, -1)), ValueError, ["-1"]),
    "reshape without rank": (lambda: X.reshape(T.lvector()), ValueError, ["ndim="]),
    "join of ranks": (lambda: T.concatenate([X, M]), TypeError, ["vector", "matrix"]),
    "join of no list": (lambda: T.concatenate(X), TypeError, ["list"]),
    "text as a tensor": (lambda: X + "a", TypeError, ["TensorVariable", "str"]),
    "a float dtype that is none": (lambda: X.astype("float128"), TypeError, ["float64"]),
    "tensor without shape": (lambda: T.tensor("float64"), TypeError, ["shape="]),
    "replacement of another type": (lambda: clone(X * 2, {X: M}), TypeError, ["matrix", "strict=False"]),
    "shared list of a shape": (lambda: shared([1, 2], shape=(2,)), TypeError, ["np.asarray"]),
    "shared of another type": (lambda: shared(np.zeros(3)).set_value(np.zeros((3, 3))), TypeError, ["dimensions"]),
    "too few inputs": (lambda: TypedOp()(X), TypeError, ["takes 2 inputs, got 1"]),
    "input of another type": (lambda: TypedOp()(X, Y), TypeError, ["input 1", "scalar", "vector"]),
    "an Op without make_node": (lambda: Nothing()(X), NotImplementedError, ["Nothing", "make_node"]),
    "missing parameter": (lambda: ReturnsTwo(), TypeError, ["'factor'"]),
    "unknown parameter": (lambda: ReturnsTwo(1, speed=2), TypeError, ["speed", "factor, scale"]),
    "too many parameters": (lambda: ReturnsTwo(1, 2.0, 3), TypeError, ["takes 2 parameters"]),
    "scalar function of too many": (lambda: T.exp(X, Y), TypeError, ["exp", "1"]),
    "round mode": (lambda: T.round(X, "up"), ValueError, ["half_to_even", "'up'"]),
    "gradient that nobody wrote": (
        lambda: grad(ReturnsTwo(2)(X).sum(), X),
        errors.NullTypeGradError,
        ["ReturnsTwo", "L_op"],
    ),
}

RUNNING = {
    "no value": (lambda: evaluate(X + Y, {X: [1.0]}), errors.MissingInputError, ["y"]),
    "no value, by eval": (lambda: X.eval(), ValueError, ["x"]),
    "wrong rank": (lambda: evaluate(X, {X: np.ones((2, 2))}), TypeError, ["expected 1", "got 2"]),
    "loss of precision": (lambda: evaluate(T.fvector("f") + 1, {"f": np.ones(2)}), TypeError, ["float32", "float64"]),
    "shapes that differ": (lambda: evaluate(X + Y, {X: [1.0, 2.0], Y: [1.0, 2.0, 3.0]}), ValueError, ["2", "3"]),
    "a length of 1 is not stretched": (
        lambda: evaluate(X + Y, {X: [1.0], Y: [1.0, 2.0]}),
        ValueError,
        ["shape=(1, None)", "addbroadcast"],
    ),
    "dot": (lambda: evaluate(T.dot(M, X), {M: np.ones((2, 3)), X: [1.0, 2.0]}), ValueError, ["(2, 3)", "(2,)"]),
    "out of bounds": (lambda: evaluate(X[5], {X: [1.0]}), IndexError, ["5"]),
    "stated shape": (lambda: evaluate(T.specify_shape(X, (3,)), {X: [1.0]}), ValueError, ["3", "(1,)"]),
    "reshape": (lambda: evaluate(X.reshape((2, 2)), {X: [1.0]}), ValueError, ["2"]),
    "largest of nothing": (lambda: evaluate(X.max(), {X: []}), ValueError, ["no elements"]),
    "negative length": (lambda: evaluate(T.zeros(I), {I: -1}), ValueError, ["negative"]),
    "integer to a negative power": (lambda: evaluate(I**I, {I: -2}), ValueError, ["float"]),
    "perform of too many": (lambda: evaluate(ReturnsTwo(2)(X), {X: [1.0]}), ValueError, ["2 values for 1 outputs"]),
    "no perform": (
        lambda: evaluate(Apply(Nothing(), [X], [X.type()]).out(), {X: [1.0]}),
        NotImplementedError,
        ["perform"],
    ),
}


@pytest.mark.parametrize("name", BUILDING)
def test_while_building(name):
    call, error, words = BUILDING[name]
    with pytest.raises(error) as info:
        call()
    assert all(word in str(info.value) for word in words), str(info.value)


@pytest.mark.parametrize("name", RUNNING)
def test_while_running(name):
    call, error, words = RUNNING[name]
    with pytest.raises(error) as info:
        call()
    assert all(word in str(info.value) for word in words), str(info.value)


def test_errors_at_run_time_name_the_node_and_the_users_line():
    bad = X + Y
    with pytest.raises(ValueError) as info:  # noqa: PT011 - the notes are what matters here
        evaluate(bad, {X: [1.0, 2.0], Y: [1.0, 2.0, 3.0]})
    note = "\n".join(info.value.__notes__)
    assert "Elemwise{add}" in note and "bad = X + Y" in note and "test_errors.py" in note
    assert "shape (2,), strides (8,)" in note and len(note.splitlines()) <= 15


def test_bool_of_a_plain_variable_is_true_and_equality_is_identity():
    assert bool(X) is True and (X == Y) is False and (X == X) is True


def test_named_errors_are_the_builtin_errors_one_would_catch():
    assert issubclass(errors.MissingInputError, ValueError) and issubclass(errors.DisconnectedInputError, ValueError)
    assert issubclass(errors.NullTypeGradError, TypeError) and issubclass(errors.GradientError, AssertionError)
    assert issubclass(errors.ConfigError, AttributeError) and issubclass(errors.InconsistentGraphError, TypeError)
    assert all(issubclass(e, errors.SymstackError) for e in (errors.MissingInputError, errors.UnusedInputError))


def test_what_only_shared_variables_have():
    with pytest.raises(AttributeError, match="only shared variables have a value"):
        _ = (X + 1).get_value
    assert not hasattr(X, "set_value") and not hasattr(X, "anything") and getattr(X, "_of_a_library", 3) == 3
    with pytest.raises(AttributeError, match="has no attribute 'anything'$"):
        _ = X.anything
    assert copy.copy(X).type == pickle.loads(pickle.dumps(X)).type == X.type


def test_an_index_that_is_no_integer():
    with pytest.raises(TypeError, match="divide with //"):
        X[: I / 2]
    with pytest.raises(TypeError, match=r"Cast it: y\.astype\('int64'\)"):
        X[Y]


def test_the_gradient_with_respect_to_an_expression_made_again():
    with pytest.raises(errors.DisconnectedInputError, match="this very variable"):
        grad((X**2).sum(), X[0])
    with pytest.raises(errors.DisconnectedInputError) as caught:
        grad((X**2).sum(), Y)
    assert "very" not in str(caught.value)


class WritesToStorage(Op):
    def make_node(self, x):
        return Apply(self, [x], [x.type()])

    def perform(self, node, inputs, storage):
        storage[0][0] = inputs[0]


def test_a_perform_that_takes_other_arguments():
    y = WritesToStorage()(X)  # the line of the user
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'storage'") as caught:
        evaluate(y, {X: np.ones(2)})
    notes = "".join(caught.value.__notes__)
    assert "perform(self, node, *values)" in notes and "the line of the user" in notes
