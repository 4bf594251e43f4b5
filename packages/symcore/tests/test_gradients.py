"""``grad``, ``Lop``, ``Rop``, Jacobians, Hessians, what bends gradients, and the numeric checks."""

import numpy as np
import pytest

from symcore import (
    Lop,
    Rop,
    consider_constant,
    disconnected_grad,
    grad,
    grad_clip,
    grad_scale,
    hessian,
    jacobian,
    numeric_grad,
    shared,
    subgraph_grad,
    undefined_grad,
    verify_grad,
    zero_grad,
)
from symcore import tensor as T
from symcore.errors import DisconnectedInputError, GradientError, NullTypeGradError
from symcore.graph.null import DisconnectedType, NullType, grad_not_implemented
from symcore.graph.traverse import toposort
from symcore.graph.variable import Apply
from symcore.interpreter import evaluate
from symcore.op import Op
from symcore.tensor.elemwise import TABLE, Composite, Elemwise, ScalarFn

RNG = np.random.default_rng(5)
V = RNG.uniform(0.3, 1.2, 4)
M = RNG.normal(size=(3, 4))


def value(expression, *pairs):
    return evaluate(expression, dict(zip(pairs[::2], pairs[1::2], strict=True)))


# ------------------------------------------------------------------ recorded answers


def test_recorded_gradients():
    x, y = T.vectors("xy")
    i = T.iscalar("i")
    assert value(grad(abs(x).sum(), x), x, [0.0, -1.0]).tolist() == [0.0, -1.0]
    assert value(grad(x.max(), x), x, [1.0, 1.0, 0.0]).tolist() == [1.0, 1.0, 0.0]
    assert value(grad(T.maximum(x, 1.0).sum(), x), x, [1.0, 2.0]).tolist() == [1.0, 1.0]
    assert value(grad(T.clip(x, 0, 1).sum(), x), x, [0.0, 1.0, 2.0, 0.5]).tolist() == [1.0, 1.0, 0.0, 1.0]
    assert value(grad((i * 2.0).sum(), i), i, 3) == 2.0
    assert value(jacobian(x**2, x), x, [4.0, 4.0]).tolist() == [[8.0, 0.0], [0.0, 8.0]]
    assert value(hessian((x**2).sum(), x), x, [4.0, 4.0]).tolist() == [[2.0, 0.0], [0.0, 2.0]]
    w, m, v = T.matrix("W"), T.matrix("M"), T.vector("V")
    rop = Rop(T.dot(x, w), w, m)
    assert value(rop, w, np.ones((2, 2)), m, 2 * np.ones((2, 2)), x, [0.0, 1.0]).tolist() == [2.0, 2.0]
    lop = Lop(T.dot(x, w), w, v)
    assert value(lop, v, [2.0, 2.0], x, [0.0, 1.0], w, np.ones((2, 2))).tolist() == [[0.0, 0.0], [2.0, 2.0]]
    assert value(sum(grad((x * y + x).sum(), [x, y])), x, [0.0], y, [1.0]) == 2.0


def test_slides_cost_and_gradients():
    rng = np.random.RandomState(42)  # noqa: NPY002 - the numbers of the slides were drawn from it
    weights, x_value, b_value = rng.randn(4, 3), rng.rand(4), np.ones(3)
    y_value = rng.uniform(size=3)
    x, w, b, y = T.vector("x"), T.matrix("W"), T.vector("b"), T.vector("y")
    out = T.sigmoid(T.dot(x, w) + b)
    cost = ((out - y) ** 2).sum()
    cost.name = "C"
    by_w, by_b = grad(cost, [w, b])
    assert by_w.name == "(dC/dW)"
    got = evaluate([cost, by_w, by_b], {x: x_value, w: weights, b: b_value, y: y_value})
    np.testing.assert_allclose(got[0], 0.6137821438190066, rtol=1e-14)
    np.testing.assert_allclose(got[1][0], [0.01095277, 0.07045955, 0.051161], atol=5e-9)
    np.testing.assert_allclose(got[2], [0.03600015, 0.23159028, 0.16815877], atol=5e-9)


# ------------------------------------------------------------------ grad


@pytest.mark.parametrize(
    "fun",
    [
        lambda x, m: T.dot(m, T.tanh(x)),
        lambda x, m: (m * x).sum(axis=1) / (1 + T.sqr(m).sum(axis=1)),
        lambda x, m: T.concatenate([m, x.dimshuffle("x", 0)])[1:, ::-1],
        lambda x, m: T.exp(m - m.max(axis=1, keepdims=True)) * x,
        lambda x, m: (m**2).mean(axis=0) ** x,
        lambda x, m: T.inc_subtensor(m[[0, 0, 2], 1:3], T.outer(x[:3], x[:2])),
        lambda x, m: T.switch(m > 0, m * x, T.sin(m)),
        lambda x, m: m.reshape((2, 6)).T.dot(m.flatten()[:2]),
        lambda x, m: T.tensordot(m, m, [[1], [1]]) * x.norm(2),
        lambda x, m: m.var(axis=1) + x.std() + x.prod(),
    ],
    ids=range(10),
)
def test_gradients_of_compositions(fun):
    verify_grad(fun, [V, M])


@pytest.mark.parametrize("axis", [(0, 2), (0, 1, 2), (1,), (), (1, 2)])
def test_gradients_of_products_over_several_axes(axis):
    x, t = T.dtensor3(), np.random.default_rng(3).standard_normal((2, 3, 2))
    t[0, 1, 0] = t[1, 2, 1] = 0
    got = grad(T.sum(T.sqr(x.prod(axis=axis))), x).eval({x: t})
    product = t.prod(axis=axis, keepdims=True)
    for k in np.ndindex(t.shape):
        others = t.copy()
        others[k] = 1
        along = tuple(0 if a in axis else n for a, n in enumerate(k))
        wanted = 2 * product[along] * others.prod(axis=axis, keepdims=True)[along]
        assert abs(got[k] - wanted) <= 1e-14 * abs(wanted)


def test_gradients_of_products_beyond_the_range():
    """The product of all under- or overflows, that of the others does not."""
    x = T.dvector()
    slope = grad(x.prod(), x)
    np.testing.assert_allclose(slope.eval({x: np.array([1e-200, 3e-200])}), [3e-200, 1e-200], rtol=1e-15)
    np.testing.assert_allclose(slope.eval({x: np.array([1e200, 1e200, 2])}), [2e200, 2e200, np.inf], rtol=1e-15)
    np.testing.assert_array_equal(slope.eval({x: np.array([0.0, np.inf])}), [np.inf, 0])
    assert slope.eval({x: np.zeros(0)}).shape == (0,) and slope.eval({x: np.ones(1)}).tolist() == [1]


def test_gradient_by_intermediates_and_several_uses():
    x = T.vector("x")
    a = T.exp(x)
    cost = (a * a + 3 * a).sum()
    np.testing.assert_allclose(value(grad(cost, a), x, V), 2 * np.exp(V) + 3)
    by_x, by_a = grad(cost, (x, a))
    np.testing.assert_allclose(value(by_x, x, V), (2 * np.exp(V) + 3) * np.exp(V))
    assert isinstance(grad(cost, (x,)), tuple) and isinstance(grad(cost, [x]), list)


def test_second_derivatives():
    x = T.scalar("x")
    third = grad(grad(grad(T.sin(x) * x, x), x), x)
    np.testing.assert_allclose(value(third, x, 0.7), -3 * np.sin(0.7) - 0.7 * np.cos(0.7))


def test_float32_graphs_have_float32_gradients():
    x = T.fvector("x")
    assert grad((T.tanh(x) * 2 + x**3).mean(), x).dtype == "float32"
    assert grad((x.astype("float64") ** 2).sum(), x).dtype == "float32"


def test_known_grads_and_consider_constant():
    x, y = T.vectors("xy")
    a = x * y
    g = T.constant([1.0, 2.0])
    by_x = grad(None, x, known_grads={a: g})
    assert value(by_x, x, [1.0, 1.0], y, [3.0, 4.0]).tolist() == [3.0, 8.0]
    both = grad((a * x).sum(), x, consider_constant=[a])
    assert value(both, x, [1.0, 1.0], y, [3.0, 4.0]).tolist() == [3.0, 4.0]


@pytest.mark.parametrize(
    ("kind", "expected"), [("zero", [0.0, 0.0]), ("none", None), ("disconnected", DisconnectedType)]
)
def test_disconnected_inputs(kind, expected):
    x, y = T.vectors("xy")
    got = grad(x.sum(), y, disconnected_inputs="ignore", return_disconnected=kind)
    if kind == "zero":
        assert value(got, y, [1.0, 2.0]).tolist() == expected
    else:
        assert got is expected or isinstance(got.type, expected)
    with pytest.warns(UserWarning, match="does not depend on y"):
        grad(x.sum(), y, disconnected_inputs="warn")
    with pytest.raises(DisconnectedInputError, match="does not depend on y"):
        grad(x.sum(), y)
    with pytest.raises(DisconnectedInputError):
        grad((x * y.shape[0]).sum(), y)  # a shape carries no gradient
    with pytest.raises(DisconnectedInputError):
        grad(T.exp(x).sum(), T.iscalar())


def test_infinite_slopes_do_not_leak_past_a_switch():
    x = T.vector("x")
    at = [-1.0, 0.0, 2.0]
    assert value(grad(T.switch(x > 0, T.log(x), 0).sum(), x), x, at).tolist() == [0.0, 0.0, 0.5]
    assert value(grad(T.sqrt(x)[2], x), x, at).tolist() == [0.0, 0.0, 0.5 / np.sqrt(2.0)]
    safe = T.switch(T.eq(x, 0), 1, T.sin(x) / x)
    assert np.isfinite(value(grad(safe.sum(), x), x, at)).all()
    assert value(grad(x.norm(2), x), x, [0.0, 0.0]).tolist() == [0.0, 0.0]
    assert value(grad((x**0).sum() + (x**1).sum(), x), x, [0.0, 1.0]).tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("build", "at", "expected"),
    [
        (lambda x: T.switch(x < 0, T.exp(x), x), 1000.0, 1.0),
        (lambda x: T.switch(x < 0, T.exp(x) * T.sinh(x), x), 1000.0, 1.0),
        (lambda x: T.switch(x >= 0, x, 2 * T.expm1(T.sqr(T.exp(-x)))), 1000.0, 1.0),
        (lambda x: T.switch(x > 0, x * T.log(x), 0), 0.0, 0.0),
        (lambda x: T.switch(x > 0, T.log(x) ** 2, 3 * x), 0.0, 3.0),
        (lambda x: T.switch(x <= 0, 3 * x, T.exp(T.log(x) ** 2)), 0.0, 3.0),
    ],
)
def test_infinite_values_do_not_leak_past_a_switch(build, at, expected):
    """The side that was not taken may overflow: its factors are infinite, or NaN, and what they multiply is zero."""
    x, v = T.vector("x"), T.vector("v")
    with np.errstate(all="ignore"):
        assert value(grad(build(x).sum(), x), x, [at]).tolist() == [expected]
        assert evaluate(Rop(build(x), x, v), {x: np.array([at]), v: np.ones(1)}).tolist() == [expected]


def test_undefined_gradients():
    x = T.vector("x")
    with pytest.raises(NullTypeGradError, match="undefined_grad"):
        grad((undefined_grad(x) * 2).sum(), x)
    got = grad((undefined_grad(x) * 2).sum(), x, null_gradients="return")
    assert isinstance(got.type, NullType)


# ------------------------------------------------------------------ forward


def test_rop_and_lop_are_transposed():
    x, m = T.vector("x"), T.matrix("m")
    u, v = T.vector("u"), T.vector("v")
    y = T.tanh(T.dot(m, x)) * T.exp(x[:3]) + (m**2).sum(axis=1)
    point = {x: V, m: M, u: RNG.normal(size=4), v: RNG.normal(size=3)}
    forward, backward = Rop(y, x, u), Lop(y, x, v)
    np.testing.assert_allclose(evaluate((forward * v).sum(), point), evaluate((backward * u).sum(), point), rtol=1e-10)
    dense = evaluate(jacobian(y, x), point)
    np.testing.assert_allclose(evaluate(forward, point), dense @ point[u], rtol=1e-10)
    np.testing.assert_allclose(evaluate(backward, point), point[v] @ dense, rtol=1e-10)


def test_rop_of_several():
    x, y, u = T.vectors("xyu")
    outputs = Rop([x * y, x + y, y * 1.0], [x], [u], disconnected_outputs="ignore")
    point = {x: [1.0, 2.0], y: [3.0, 4.0], u: [1.0, -1.0]}
    assert [a.tolist() for a in evaluate(outputs, point)] == [[3.0, -4.0], [1.0, -1.0], [0.0, 0.0]]
    with pytest.raises(DisconnectedInputError):
        Rop(y * 2, x, u)
    with pytest.raises(ValueError, match="rank"):
        Rop(x * 2, x, T.matrix())


# ------------------------------------------------------------------ matrices


def test_jacobian_of_any_rank_and_of_several():
    x, m = T.vector("x"), T.matrix("m")
    by_m, by_x = jacobian(T.tanh(m) * x, [m, x])
    got_m, got_x = evaluate([by_m, by_x], {x: V, m: M})
    assert got_m.shape == (3, 4, 3, 4) and got_x.shape == (3, 4, 4)
    np.testing.assert_allclose(got_x[1], np.diag(np.tanh(M[1])), rtol=1e-12)
    np.testing.assert_allclose(got_m[2, 1, 2, 1], (1 - np.tanh(M[2, 1]) ** 2) * V[1], rtol=1e-12)
    assert np.count_nonzero(got_m) == 12
    s = T.scalar("s")
    assert value(jacobian(s**2, s), s, 3.0) == 6.0
    assert value(jacobian(x[:0], x), x, V).shape == (0, 4)


def test_jacobian_of_shared_variables_and_constants_inside():
    w = shared(M, "w")
    x = T.vector("x")
    np.testing.assert_allclose(value(jacobian(T.dot(w, x), x), x, V), M)
    np.testing.assert_allclose(value(jacobian(T.dot(w, x) * T.constant([1.0, 2.0, 3.0]), w), x, V)[2, 2], 3 * V)


def test_jacobian_has_no_loop_and_computes_the_common_part_once():
    x = T.vector("x")
    j = jacobian(T.exp(T.sin(x)), x)
    names = [str(node.op) for node in toposort([j])]
    assert not any("Blockwise" in name for name in names)
    for name in ("Elemwise{exp}", "Elemwise{sin}", "Elemwise{cos}"):  # of the vector, not of a matrix
        assert names.count(name) == 1
    assert {n.outputs[0].ndim for n in toposort([j]) if str(n.op) in ("Elemwise{exp}", "Elemwise{cos}")} == {1}


def test_derivatives_of_jacobians():
    verify_grad(lambda x: jacobian(T.tanh(x) * x.sum(), x), [V])
    x, u = T.vectors("xu")
    j = jacobian(x**3, x)
    np.testing.assert_allclose(value(Rop(j, x, u), x, V, u, np.ones(4)), np.diag(6 * V), rtol=1e-12)
    third = jacobian(jacobian(x**3, x), x)
    np.testing.assert_allclose(value(third, x, V)[1, 1, 1], 6 * V[1], rtol=1e-12)


def test_hessian():
    x, m = T.vector("x"), T.matrix("m")
    cost = T.exp((x**2).sum()) + (T.dot(m, x) ** 2).sum()
    got = value(hessian(cost, x), x, V, m, M)
    e = np.exp(V @ V)
    np.testing.assert_allclose(got, e * (2 * np.eye(4) + 4 * np.outer(V, V)) + 2 * M.T @ M, rtol=1e-10)
    first, second = hessian(cost, [x, m])
    assert second.ndim == 4
    np.testing.assert_allclose(value(second, x, V, m, M)[1, :, 1, :], 2 * np.outer(V, V), rtol=1e-10)


def test_jacobian_refuses_integers():
    with pytest.raises(TypeError, match="int64"):
        jacobian(T.lvector(), T.vector())
    with pytest.raises(TypeError, match="tensor"):
        jacobian(3.0, T.vector())


# ------------------------------------------------------------------ bending gradients


def test_what_bends_gradients():
    x = T.vector("x")
    at = np.array([1.0, -2.0])

    def slope(y):
        return value(grad((y * 3).sum() + x.sum(), x), x, at).tolist()

    assert slope(x) == [4.0, 4.0]
    assert slope(consider_constant(x)) == slope(zero_grad(x)) == slope(disconnected_grad(x)) == [1.0, 1.0]
    assert slope(grad_scale(x, -1)) == [-2.0, -2.0] and slope(grad_clip(x, -2, 2)) == [3.0, 3.0]
    assert value(grad_clip(x, -2, 2), x, at).tolist() == [1.0, -2.0]
    assert value(grad((zero_grad(x) * 3).sum(), x), x, at).tolist() == [0.0, 0.0]
    with pytest.raises(DisconnectedInputError):
        grad((disconnected_grad(x) * 3).sum(), x)
    with pytest.raises(ValueError, match="lower_bound <= upper_bound"):
        grad_clip(x, 1, -1)


def test_subgraph_grad_in_stages():
    x = T.vector("x")
    w1, w2 = shared(RNG.normal(size=(4, 3)), "w1"), shared(RNG.normal(size=(3, 2)), "w2")
    hidden = T.tanh(T.dot(x, w1))
    cost = T.sqr(T.dot(hidden, w2)).sum()
    by_w2, by_hidden = subgraph_grad([w2], [hidden], cost=cost)
    by_w1, by_x = subgraph_grad([w1], [x], start={hidden: by_hidden[0]})
    whole = grad(cost, [w2, w1, x])
    for staged, direct in zip([by_w2[0], by_w1[0], by_x[0]], whole, strict=True):
        np.testing.assert_allclose(value(staged, x, V), value(direct, x, V), rtol=1e-12)
    *both, by_start, by_cost = subgraph_grad([w2], [hidden], start={cost: T.constant(2.0)}, cost=cost, details=True)
    np.testing.assert_allclose(value(both[0][0], x, V), 3 * value(whole[0], x, V), rtol=1e-12)
    assert len(by_start) == len(by_cost) == 2
    with pytest.raises(ValueError, match="start"):
        subgraph_grad([w2], [hidden])


# ------------------------------------------------------------------ numeric checks


def test_numeric_grad_is_good_to_six_digits():
    x, y = RNG.normal(size=5), RNG.normal(size=(2, 3))
    before = x.copy()
    by_x, by_y = numeric_grad(lambda a, b: np.sum(np.sin(a) * np.exp(a)) + np.prod(b), [x, y])
    np.testing.assert_allclose(by_x, (np.sin(x) + np.cos(x)) * np.exp(x), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(by_y, np.prod(y) / y, rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(x, before)
    assert numeric_grad(lambda a: float(a) ** 2, 3.0).shape == ()
    single = numeric_grad(lambda a: np.sum(np.float32(1) * a**3), np.array([1.0, 2.0], "float32"))
    np.testing.assert_allclose(single, [3.0, 12.0], rtol=1e-2)


def test_verify_grad_finds_small_errors():
    verify_grad(lambda x: T.exp(x) * x, [V])
    verify_grad([T.exp][0], [V.astype("float32")])
    verify_grad(lambda x: [x * 2, T.sin(x)], [V], n_tests=1)
    for wrong in (lambda x: T.exp(x) + grad_scale(x, 1.0001), lambda x: zero_grad(x) * x):
        with pytest.raises(GradientError, match="finite differences"):
            verify_grad(wrong, [V])
    verify_grad(lambda x: T.exp(x) + grad_scale(x, 1.0001), [V], abs_tol=1e-3)
    with pytest.raises(TypeError, match="int64"):
        verify_grad(lambda x: x * 1.0, [np.arange(3)])


def test_verify_grad_checks_with_respect_to_each_input_and_0d():
    verify_grad(lambda a, b: a * T.sqr(b), [np.array(0.5), np.array(2.0)])
    with pytest.raises(GradientError, match="input 1"):
        verify_grad(lambda a, b: a * grad_scale(b, 2.0), [V, V])


def test_Lop_of_outputs_that_lead_to_each_other():
    x, u, v, w = T.vectors("xuvw")
    a = 2 * x
    got = value(Lop([a, a * a, x], x, [u, v, w]), x, V, u, np.ones(4), v, V, w, 5 * np.ones(4))
    np.testing.assert_allclose(got, 2 + 8 * V * V + 5, rtol=1e-12)
    twice = Lop([a, a], x, [u, v])
    np.testing.assert_allclose(value(twice, x, V, u, V, v, 2 * V), 6 * V, rtol=1e-12)


# ---------------------------------------------------------------------- slopes nobody knows


def _half_known():
    """Return ``f(x, n)`` of which the derivative by ``n`` is not written."""
    return ScalarFn(
        "half_known_of_tests", np.multiply, 2, TABLE["mul"].rule,
        pullback=lambda xs, y, g: [g * xs[1], grad_not_implemented("half_known", 1, xs[1])],
    )  # fmt: skip


def test_a_scalar_function_may_leave_a_slope_unknown():
    f = _half_known()
    x, n = T.dmatrix("x"), T.dvector("n")
    g = grad(T.exp(f(x, n)).sum(), x)
    X, N = np.array([[0.5, -1.0]]), np.array([2.0, 0.3])
    np.testing.assert_allclose(value(g, x, X, n, N), np.exp(X * N) * N)
    with pytest.raises(NullTypeGradError, match="half_known with respect to its input 1"):
        grad(f(x, n).sum(), n)
    with pytest.raises(NullTypeGradError, match="half_known"):
        Rop(T.exp(f(x, n)), [x, n], [x, n])
    [g] = grad(f(x, n).sum(), [n], null_gradients="return")
    assert isinstance(g.type, NullType)


def test_a_composite_with_an_unknown_slope_keeps_the_known_ones():
    f, float64 = _half_known(), "float64"
    steps = ((f, (0, 1), float64), (TABLE["exp"], (2,), float64), (TABLE["add"], (3, 1), float64))
    x, n = T.dvector("x"), T.dvector("n")
    [y] = Elemwise(Composite(2, steps, (4,))).make_node(x, n).outputs
    X, N = np.array([0.5, -1.0]), np.array([2.0, 0.3])
    np.testing.assert_allclose(value(grad(y.sum(), x), x, X, n, N), np.exp(X * N) * N)
    with pytest.raises(NullTypeGradError, match="half_known"):
        grad(y.sum(), n)


def test_forward_mode_through_an_op_that_knows_only_its_backward_mode_refuses_unknown_slopes():
    class Backward(Op):
        def make_node(self, x, n):
            return Apply(self, [x, n], [x.type()])

        def perform(self, node, x, n):
            return x * n

        def L_op(self, inputs, outputs, output_grads):
            return [output_grads[0] * inputs[1], grad_not_implemented(self, 1, inputs[1])]

    x, n = T.dvector("x"), T.dvector("n")
    y = Backward()(x, n)
    np.testing.assert_allclose(value(Rop(y, x, T.ones_like(x)), x, np.ones(1), n, np.full(1, 3.0)), [3.0])
    with pytest.raises(NullTypeGradError, match="Backward"):
        Rop(y, n, n)
