"""What well-known graphs become: which nodes remain after all rules."""

import numpy as np
import pytest

from symcore import tensor as T
from symcore.gradient.grad import grad
from symcore.graph.fgraph import FunctionGraph
from symcore.interpreter import evaluate
from symcore.tensor.elemwise import Composite, Elemwise
from symcore.tensor.products import Dot, Gemm, Gemv, Ger
from symcore.tensor.reduce import Reduce
from symcore.tensor.shared import shared
from symopt.engine import rewrite
from symopt.rules import RULES
from symopt.rules.fusion import MOST_INPUTS, MOST_STEPS, backend


def optimised(inputs, outputs):
    outputs = outputs if isinstance(outputs, list) else [outputs]
    fgraph = FunctionGraph(inputs, outputs)
    rewrite(fgraph, RULES)
    fgraph.check()
    return fgraph


def kinds(fgraph):
    return sorted(type(node.op).__name__ for node in fgraph.nodes)


def nodes_of(fgraph, op_class):
    return [node for node in fgraph.nodes if isinstance(node.op, op_class)]


def check_values(fgraph, inputs, outputs, values):
    wanted = evaluate(outputs, dict(zip(inputs, values, strict=True)))
    got = evaluate(list(fgraph.outputs), dict(zip(fgraph.inputs, values, strict=False)))
    for a, b in zip(wanted, got, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-10, atol=1e-12)


@pytest.fixture
def layer():
    x, w, b = T.dvector("x"), T.dmatrix("W"), T.dvector("b")
    product = T.dot(x, w)
    return x, w, b, product, T.sigmoid(product + b)


def test_a_vector_times_a_matrix_is_gemv_into_an_empty_buffer(layer):
    x, w, _, product, _ = layer
    fgraph = optimised([x, w], product)
    assert kinds(fgraph) == ["AllocEmpty", "DimShuffle", "Gemv", "Shape_i"]


def test_the_bias_is_folded_into_gemv(layer):
    x, w, b, _, out = layer
    fgraph = optimised([x, w, b], out)
    assert kinds(fgraph) == ["DimShuffle", "Elemwise", "Gemv"]
    [gemv] = nodes_of(fgraph, Gemv)
    assert gemv.inputs[0] is fgraph.inputs[2]
    assert [v.data.item() for v in (gemv.inputs[1], gemv.inputs[4])] == [1.0, 1.0]


def test_a_product_that_is_also_an_output_keeps_its_sum_which_is_fused(layer):
    x, w, b, product, out = layer
    fgraph = optimised([x, w, b], [product, out])
    [fused] = nodes_of(fgraph, Elemwise)
    assert str(fused.op) == "Elemwise{Composite{sigmoid((i0 + i1))}}"


def test_one_loop_returns_inner_results_too(layer):
    x, w, b, product, out = layer
    fgraph = optimised([x, w, b], [product + b, out])
    assert len(nodes_of(fgraph, Elemwise)) == 1


def test_the_gradient_of_a_layer_is_ger_and_the_update_accumulates(layer):
    x, w, b, _, out = layer
    y = T.dvector("y")
    cost = T.sqr(out - y).sum()
    inputs = [x, w, b, y]
    gradient = grad(cost, w)
    values = [np.linspace(0, 1, 4), np.linspace(-1, 1, 12).reshape(4, 3), np.ones(3), np.array([0.1, 0.5, 0.9])]
    fgraph = optimised(inputs, [gradient])
    [ger] = nodes_of(fgraph, Ger)
    assert ger is fgraph.outputs[0].owner
    check_values(fgraph, inputs, [gradient], values)
    update = optimised(inputs, [w - 0.1 * gradient])
    [ger] = nodes_of(update, Ger)
    assert ger.inputs[0] is update.inputs[1]
    assert ger.inputs[1].data == -0.1
    check_values(update, inputs, [w - 0.1 * gradient], values)


@pytest.mark.parametrize("decay", [0.0, 0.01])
def test_a_training_step_with_weight_decay_updates_in_gemm(decay):
    x, y, lr = T.dmatrix("x"), T.dmatrix("y"), T.dscalar("lr")
    w, b = shared(np.full((4, 3), 0.1), name="W"), shared(np.zeros(3), name="b")
    out = T.tanh(T.dot(x, w) + b)
    cost = T.sqr(out - y).sum() + decay * T.sqr(w).sum()
    outputs = [cost, w - lr * grad(cost, w), b - lr * grad(cost, b)]
    fgraph = optimised([x, y, lr], outputs)
    gemms = nodes_of(fgraph, Gemm)
    assert len(gemms) == 2
    update = fgraph.outputs[1].owner
    assert update.op == Gemm()
    assert update.inputs[0].name == "W"
    assert not nodes_of(fgraph, Dot)
    values = [np.linspace(0, 1, 20).reshape(5, 4), np.linspace(-1, 1, 15).reshape(5, 3), np.array(0.1)]
    check_values(fgraph, [x, y, lr], outputs, values)


def test_momentum_is_one_gemm():
    v, a, b = T.dmatrices("v", "a", "b")
    fgraph = optimised([v, a, b], 0.9 * v - 0.1 * T.dot(a, b))
    [gemm] = nodes_of(fgraph, Gemm)
    assert len(fgraph) == 1
    assert (gemm.inputs[1].data, gemm.inputs[4].data) == (-0.1, 0.9)


def test_a_row_is_not_accumulated_onto():
    a, b, bias = T.dmatrix("a"), T.dmatrix("b"), T.dvector("bias")
    fgraph = optimised([a, b, bias], T.dot(a, b) + bias)
    [gemm] = nodes_of(fgraph, Gemm)
    assert gemm.inputs[4].data == 0


def test_two_products_are_accumulated():
    a, b, c, d = (T.dmatrix(n) for n in "abcd")
    fgraph = optimised([a, b, c, d], T.tanh(T.dot(a, b) + T.dot(c, d) + a))
    first, second = nodes_of(fgraph, Gemm)
    assert sorted([first.inputs[4].data.item(), second.inputs[4].data.item()]) == [0.0, 1.0]
    assert len(nodes_of(fgraph, Elemwise)) == 1


def test_integer_products_stay_dot():
    a, b = T.lmatrices("a", "b")
    assert kinds(optimised([a, b], T.dot(a, b))) == ["Dot"]


def test_gradients_lose_their_fills():
    x = T.dmatrix("x")
    fgraph = optimised([x], grad(T.sqr(x).sum(), x))
    assert kinds(fgraph) == ["Elemwise"]
    assert str(fgraph.outputs[0].owner) == "Elemwise{mul}(TensorConstant{2.0}, x)"


def test_the_gradient_of_the_cross_entropy_does_not_divide():
    z, y = T.dvectors("z", "y")
    p = T.sigmoid(z)
    cost = -(y * T.log(p) + (1 - y) * T.log(1 - p)).sum()
    gradient = grad(cost, z)
    fgraph = optimised([z, y], gradient)
    values = [np.array([-800.0, 0.0, 800.0]), np.array([1.0, 1.0, 0.0])]
    [got] = evaluate(list(fgraph.outputs), dict(zip(fgraph.inputs, values, strict=True)))
    np.testing.assert_allclose(got, [-1.0, -0.5, 1.0])


def test_nothing_is_computed_for_its_shape_alone():
    x, w = T.dmatrices("x", "w")
    hidden = T.tanh(T.dot(x, w))
    fgraph = optimised([x, w], [hidden.shape[0], T.zeros_like(hidden), hidden[1:].shape])
    assert not nodes_of(fgraph, (Gemm, Dot))
    assert not any(node.op == T.tanh.op for node in fgraph.nodes)


# ---------------------------------------------------------------------- fusion


def composites(fgraph):
    return [node for node in nodes_of(fgraph, Elemwise) if isinstance(node.op.fn, Composite)]


def test_fusion_does_not_cross_a_reduction():
    x = T.dvector("x")
    e = T.exp(x)
    fgraph = optimised([x], T.tanh(e / e.sum()))
    assert len(composites(fgraph)) == 1
    assert len(nodes_of(fgraph, Reduce)) == 1


def test_a_group_that_would_depend_on_itself_is_not_made():
    """``a -> sum -> c`` and ``a -> c``: one loop for a and c would need the sum before it starts."""
    x, y = T.dvectors("x", "y")
    a = T.tanh(x) * y
    outputs = [a, T.exp(a) - a.sum()]
    fgraph = optimised([x, y], outputs)
    check_values(fgraph, [x, y], outputs, [np.linspace(0, 1, 5), np.linspace(1, 2, 5)])


def test_loops_of_different_shapes_stay_apart():
    x, v = T.dmatrix("x"), T.dvector("v")
    fgraph = optimised([x, v], T.tanh(x) * T.exp(T.sin(v)))
    assert sorted(node.outputs[0].ndim for node in nodes_of(fgraph, Elemwise)) == [1, 2]


def test_what_cannot_be_compiled_stays_out_of_the_loops(monkeypatch):
    asked = []

    def compiles(fn, dtypes):
        asked.append((fn.name, [d.name for d in dtypes]))
        return fn.name != "tanh"

    monkeypatch.setattr(backend, "compiles", compiles)
    x = T.dvector("x")
    y = T.exp(T.tanh(T.sin(x) * 2)) + 1
    fgraph = optimised([x], [y, T.tanh(x * 3).sum()])
    assert len(composites(fgraph)) == 2
    assert len([node for node in nodes_of(fgraph, Elemwise) if node.op == T.tanh.op]) == 2
    assert len(nodes_of(fgraph, Reduce)) == 1
    assert ("exp", ["float64"]) in asked
    check_values(fgraph, [x], [y, T.tanh(x * 3).sum()], [np.linspace(0, 1, 5)])


def test_kernels_are_limited():
    inputs = [T.dvector(f"x{k}") for k in range(3 * MOST_INPUTS)]
    total = T.tanh(inputs[0])
    for x in inputs[1:]:
        total = T.sin(total * x)
    fgraph = optimised(inputs, total)
    for node in composites(fgraph):
        assert len(node.inputs) <= MOST_INPUTS + 1
        assert len(node.op.fn.steps) <= MOST_STEPS + 1
    assert len(fgraph) <= 6


def test_cheap_work_is_done_again_rather_than_stored():
    """The sum is needed by two loops that cannot be one; both read its terms."""
    x, y = T.dvectors("x", "y")
    z = x + y
    fgraph = optimised([x, y], [T.exp(z) / T.exp(z).sum(), T.sin(z - T.tanh(z).sum())])
    assert not any(node.op == T.add.op for node in fgraph.nodes)
    for node in composites(fgraph):
        fn = node.op.fn
        assert not any(fn.steps[result - fn.nin][0] is T.add for result in fn.results)


def test_arithmetic_of_shapes_is_not_fused():
    x = T.dmatrix("x")
    fgraph = optimised([x], x.shape[0] * x.shape[1] + 2)
    assert not composites(fgraph)


def test_fused_graphs_keep_the_users_names():
    x, y = T.dvectors("x", "y")
    total = T.tanh(x + y)
    total.name = "total"
    assert optimised([x, y], total).outputs[0].name == "total"
