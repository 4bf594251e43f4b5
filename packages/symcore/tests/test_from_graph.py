"""``OpFromGraph``: values, nesting, captured variables, derivatives and their overrides."""

import copy
import pickle

import numpy as np
import pytest

from symcore import Lop, OpFromGraph, Rop, clone, grad, grad_undefined, shared, verify_grad
from symcore import tensor as T
from symcore.errors import DisconnectedInputError, MissingInputError, NullTypeGradError
from symcore.graph.null import disconnected
from symcore.interpreter import evaluate

V = np.array([0.5, -1.0, 2.0])


def straight_through(inputs, output_grads):
    return [output_grads[0]]


@pytest.fixture
def x():
    return T.dvector("x")


def test_values_and_names(x):
    s = T.dscalar("s")
    op = OpFromGraph([x, s], [x * s, x.sum()], name="scaled")
    a, b = op(x + 1, 2.0)
    assert str(op) == "OpFromGraph{scaled}"
    got = evaluate([a, b], {x: V})
    np.testing.assert_allclose(got[0], (V + 1) * 2)
    np.testing.assert_allclose(got[1], (V + 1).sum())
    assert OpFromGraph([x], [x * 2])(x, name="twice").name == "twice"


def test_bad_arguments(x):
    y = T.dvector("y")
    with pytest.raises(MissingInputError, match="y"):
        OpFromGraph([x], [x + y])
    with pytest.raises(TypeError, match="it has a value"):
        OpFromGraph([x, shared(V)], [x])
    with pytest.raises(TypeError, match="lists of symbolic variables"):
        OpFromGraph(x, x)
    with pytest.raises(ValueError, match="twice"):
        OpFromGraph([x, x], [x])
    op = OpFromGraph([x], [x * 2])
    with pytest.raises(TypeError, match="takes 1 inputs, got 2"):
        op(x, y)
    with pytest.raises(TypeError, match="must be TensorType"):
        op(T.dmatrix())
    with pytest.raises(TypeError, match="not both"):
        OpFromGraph([x], [x], grad_overrides=straight_through, lop_overrides=straight_through)
    with pytest.raises(ValueError, match="1 gradient overrides"):
        OpFromGraph([x], [x], grad_overrides=[None, None])
    with pytest.raises(ValueError, match="connection_pattern"):
        OpFromGraph([x], [x], connection_pattern=[[True, False]])


def test_equal_graphs_are_equal_ops(x):
    y = T.dvector("y")
    a, b = OpFromGraph([x], [T.exp(x) + 1]), OpFromGraph([y], [T.exp(y) + 1])
    assert a == b
    assert hash(a) == hash(b)
    assert a != OpFromGraph([x], [T.exp(x) + 2])
    assert a != OpFromGraph([x], [T.exp(x) + 1], grad_overrides=straight_through)
    assert pickle.loads(pickle.dumps(a)) == a
    z = a(x)
    again = pickle.loads(pickle.dumps(z))
    assert again.owner.op == a
    np.testing.assert_allclose(evaluate(copy.deepcopy(z), {"x": V}), np.exp(V) + 1)


def test_nested_graphs_and_their_derivatives(x):
    inner = OpFromGraph([x], [T.tanh(x) * x])
    outer = OpFromGraph([x], [inner(inner(x)).sum()])
    verify_grad(lambda v: outer(v), [V])
    second = grad(grad(outer(x), x).sum(), x)
    f = lambda v: np.tanh(v) * v  # noqa: E731
    assert np.isclose(evaluate(outer(x), {x: V}), f(f(V)).sum())
    verify_grad(lambda v: grad(outer(v), v), [V])
    assert evaluate(second, {x: V}).shape == (3,)
    u = T.dvector("u")
    np.testing.assert_allclose(evaluate(Rop(outer(x), x, u), {x: V, u: V}), evaluate(grad(outer(x), x), {x: V}) @ V)


def test_shared_variables_are_captured(x):
    w = shared(np.array([1.0, 2.0, 3.0]), "w")
    out = OpFromGraph([x], [(x * w**2).sum()])(x)
    assert out.owner.inputs == [x, w]
    np.testing.assert_allclose(evaluate(grad(out, w), {x: V}), 2 * V * [1, 2, 3])
    w.set_value(np.zeros(3))
    assert evaluate(out, {x: V}) == 0
    other = shared(np.ones(3))
    assert evaluate(clone(out, {w: other}), {x: V}) == V.sum()


def test_what_may_be_broadcast_is_decided_by_the_arguments(x):
    y = T.dmatrix("y")
    op = OpFromGraph([y], [y + np.ones((2, 3))])
    with pytest.raises(ValueError, match="length 1"):
        evaluate(op(y), {y: [[1.0, 2.0, 3.0]]})
    row = T.drow("row")
    got = evaluate(grad(op(row).sum(), row), {row: [[1.0, 2.0, 3.0]]})
    assert got.tolist() == [[2.0, 2.0, 2.0]]
    assert op(row).owner.op != op


def test_inline_calls_return_the_graph(x):
    op = OpFromGraph([x], [T.exp(x)], inline=True)
    assert str(op(x).owner.op) == "Elemwise{exp}"
    kept = OpFromGraph([x], [T.exp(x)], inline=True, grad_overrides=straight_through)
    assert isinstance(kept(x).owner.op, OpFromGraph)


def test_outputs_are_arrays_of_their_own(x):
    op = OpFromGraph([x], [x, x[:2], x[:2], T.constant([1.0, 2.0])])
    given = V.copy()
    outs = evaluate(op(x), {x: given})
    for k, a in enumerate(outs):
        assert not np.shares_memory(a, given)
        assert a.flags.writeable
        assert not any(np.shares_memory(a, b) for b in outs[:k])


def test_overridden_gradients(x):
    rounded = OpFromGraph([x], [T.round(x)], grad_overrides=straight_through)
    assert evaluate(grad((rounded(x) * V).sum(), x), {x: V}).tolist() == V.tolist()
    u = T.dvector("u")
    assert evaluate(Rop(rounded(x), x, u), {x: V, u: V}).tolist() == V.tolist()  # follows from the gradient
    y = T.dvector("y")
    listed = OpFromGraph([x, y], [x * y], grad_overrides=["default", lambda inputs, grads: grads[0] * 100])
    gx, gy = evaluate(grad(listed(x, y).sum(), [x, y]), {x: V, y: V + 1})
    np.testing.assert_allclose(gx, V + 1)
    np.testing.assert_allclose(gy, [100.0] * 3)
    with_outputs = OpFromGraph(
        [x], [T.exp(x)], lop_overrides=lambda inputs, outputs, grads: [grads[0] * outputs[0] * 2]
    )
    np.testing.assert_allclose(evaluate(grad(with_outputs(x).sum(), x), {x: V}), 2 * np.exp(V))


def test_overrides_that_say_there_is_no_gradient(x):
    y = T.dvector("y")
    op = OpFromGraph([x, y], [x * y], grad_overrides=[disconnected(), None])
    with pytest.raises(DisconnectedInputError):
        grad(op(x, y).sum(), x)
    null = OpFromGraph([x, y], [x * y], grad_overrides=[grad_undefined("this graph", 0, x), None])
    with pytest.raises(NullTypeGradError, match="this graph"):
        grad(null(x, y).sum(), x)
    pattern = OpFromGraph([x, y], [x * y], connection_pattern=[[False], [True]])
    with pytest.raises(DisconnectedInputError):
        grad(pattern(x, y).sum(), x)


def test_overridden_directional_derivatives(x):
    u = T.dvector("u")
    op = OpFromGraph([x], [T.exp(x)], rop_overrides=lambda inputs, tangents: [tangents[0] * 7])
    assert evaluate(Rop(op(x), x, u), {x: V, u: V}).tolist() == (7 * V).tolist()
    np.testing.assert_allclose(evaluate(grad(op(x).sum(), x), {x: V}), np.exp(V))
    with pytest.raises(ValueError, match="returned 2 terms"):
        Rop(OpFromGraph([x], [x], rop_overrides=lambda inputs, tangents: tangents * 2)(x), x, u)


def test_gradients_with_respect_to_captured_variables_of_an_overridden_graph(x):
    w = shared(np.array([1.0, 2.0, 3.0]))
    op = OpFromGraph([x], [x * w], grad_overrides=straight_through)
    gx, gw = evaluate(grad(op(x).sum(), [x, w]), {x: V})
    np.testing.assert_allclose(gx, np.ones(3))
    np.testing.assert_allclose(gw, V)


def test_integer_inputs_and_outputs(x):
    i = T.iscalar("i")
    op = OpFromGraph([x, i], [x[i], i * 2, x.argmax()])
    a, b, c = op(x, i)
    assert [v.tolist() for v in evaluate([a, b, c], {x: V, i: 1})] == [-1.0, 2, 2]
    assert evaluate(Lop([a], [x], [T.constant(2.0)])[0], {x: V, i: 1}).tolist() == [0, 2, 0]
    with pytest.raises(DisconnectedInputError):
        grad(a, i)
