"""What the introduction to the language shows on its slides: every number, and the structure of every optimised graph.

The first part has one test per line of the talk; ``test_slide_exercises.py`` has its exercises. The numbers were
computed with plain NumPy from ``numpy.random.seed(42)``.
"""

import numpy as np
import pytest

import symstack as ss
from symstack import tensor as T

DOT = [1.79048354, 0.03158954, -0.26423186]
OUT = [0.9421594, 0.73722395, 0.67606977]
STEP = 0.1


def near(actual, expected, digits=8):
    """Equal to as many decimals as the slides print."""
    np.testing.assert_allclose(actual, expected, rtol=0, atol=0.51 * 10.0**-digits)


def ops(function):
    """Class names of the Ops of a compiled function, in the order in which they run."""
    return [type(node.op).__name__ for node in function.fgraph.toposort()]


def scalar_functions(function):
    """Names of the scalar functions of the elementwise nodes."""
    return [node.op.fn.name for node in function.fgraph.toposort() if type(node.op).__name__ == "Elemwise"]


def node_of(function, name):
    """The one node whose Op class has this name."""
    [node] = [node for node in function.fgraph.toposort() if type(node.op).__name__ == name]
    return node


class Slides:
    """The variables, expressions and values of the talk."""

    def __init__(self):
        state = np.random.RandomState(42)
        self.W_val, self.x_val, self.b_val = state.randn(4, 3), state.rand(4), np.ones(3)
        self.y_val = state.uniform(size=3)
        self.x, self.W, self.b, self.y = T.vector("x"), T.matrix("W"), T.vector("b"), T.vector("y")
        self.dot = T.dot(self.x, self.W)
        self.out = T.nnet.sigmoid(self.dot + self.b)
        self.cost = ((self.out - self.y) ** 2).sum()
        self.centred = (self.x - self.x.mean()) / self.x.std()

    def shared(self):
        """Shared W and b, dot and out of them, and the cost."""
        W, b = ss.shared(self.W_val, name="W"), ss.shared(self.b_val, name="b")
        dot = T.dot(self.x, W)
        out = T.nnet.sigmoid(dot + b)
        return W, b, dot, out, ((out - self.y) ** 2).sum()


@pytest.fixture
def s():
    return Slides()


# --- building and calling ---------------------------------------------------------------------------------------------


def test_the_values_of_the_setup(s):
    near(s.y_val, [0.6118528947, 0.1394938607, 0.2921446485], digits=10)


def test_debugprint_of_dot_has_three_lines(s):
    lines = ss.printing.debugprint(s.dot, file="str").strip().splitlines()
    assert len(lines) == 3
    assert "dot" in lines[0].lower() and "x" in lines[1] and "W" in lines[2]


def test_debugprint_of_out_shows_sigmoid_over_add_over_dot_and_b(s):
    lines = ss.printing.debugprint(s.out, file="str").strip().splitlines()
    assert len(lines) == 6
    for line, word in zip(lines, ["sigmoid", "add", "dot", "x", "W", "b"], strict=True):
        assert word.lower() in line.lower()
    assert "[id A]" in lines[0]


def test_f(s):
    near(ss.function(inputs=[s.x, s.W], outputs=s.dot)(s.x_val, s.W_val), DOT)


def test_g(s):
    near(ss.function([s.x, s.W, s.b], s.out)(s.x_val, s.W_val, s.b_val), OUT)


def test_h(s):
    first, second = ss.function([s.x, s.W, s.b], [s.dot, s.out])(s.x_val, s.W_val, s.b_val)
    near(first, DOT)
    near(second, OUT)


def test_i(s):
    first, second = ss.function([s.x, s.W, s.b], [s.dot + s.b, s.out])(s.x_val, s.W_val, s.b_val)
    near(first, [2.79048354, 1.03158954, 0.73576814])
    near(second, OUT)


# --- optimised graphs -------------------------------------------------------------------------------------------------


@pytest.mark.default_mode
def test_optimised_f_is_a_gemv_into_fresh_memory(s):
    f = ss.function([s.x, s.W], s.dot)
    assert sorted(ops(f)) == ["AllocEmpty", "DimShuffle", "Gemv", "Shape_i"]
    y, alpha, A, x, beta = node_of(f, "Gemv").inputs
    assert (float(alpha.data), float(beta.data)) == (1.0, 0.0)
    assert type(y.owner.op).__name__ == "AllocEmpty" and type(A.owner.op).__name__ == "DimShuffle"
    shape = node_of(f, "Shape_i")
    assert (shape.inputs[0], shape.op.i) == (f.fgraph.inputs[1], 1)
    assert (x, A.owner.inputs[0]) == tuple(f.fgraph.inputs)


@pytest.mark.default_mode
def test_debugprint_of_optimised_f_shows_the_nodes_and_their_order(s):
    text = ss.printing.debugprint(ss.function([s.x, s.W], s.dot), file="str")
    for word in ("Gemv", "AllocEmpty", "Shape_i", "DimShuffle", "1.0", "0.0", "x", "W"):
        assert word in text
    # every node carries its position in the order of execution
    first = text.splitlines()[0].split()
    assert first[-1] == "3"


@pytest.mark.default_mode
def test_optimised_g_folds_the_bias_into_gemv(s):
    g = ss.function([s.x, s.W, s.b], s.out)
    assert sorted(ops(g)) == ["DimShuffle", "Elemwise", "Gemv"]
    y, alpha, _, _, beta = node_of(g, "Gemv").inputs
    assert y is g.fgraph.inputs[2]
    assert (float(alpha.data), float(beta.data)) == (1.0, 1.0)
    assert scalar_functions(g) == ["sigmoid"]


@pytest.mark.default_mode
def test_the_sigmoid_of_g_works_in_place(s):
    g = ss.function([s.x, s.W, s.b], s.out)
    assert g.plan.inplace[node_of(g, "Elemwise")] == {0: 0}
    assert "[(0, 0)]" in ss.printing.debugprint(g, file="str").splitlines()[0]


def test_gemv_of_g_leaves_the_argument_as_it_was(s):
    b_val = s.b_val.copy()
    ss.function([s.x, s.W, s.b], s.out)(s.x_val, s.W_val, b_val)
    np.testing.assert_array_equal(b_val, np.ones(3))


@pytest.mark.default_mode
def test_optimised_h_fuses_sigmoid_and_add(s):
    h = ss.function([s.x, s.W, s.b], [s.dot, s.out])
    assert sorted(ops(h)) == ["AllocEmpty", "DimShuffle", "Elemwise", "Gemv", "Shape_i"]
    assert scalar_functions(h) == ["Composite{sigmoid((i0 + i1))}"]


# --- types ------------------------------------------------------------------------------------------------------------


def test_a_type_holds_rank_dtype_and_broadcasting_but_no_shape():
    matrix = T.dmatrix("m")
    assert (matrix.ndim, matrix.dtype, matrix.broadcastable) == (2, "float64", (False, False))
    assert matrix.type.shape == (None, None)
    assert matrix.type == T.dmatrix().type != T.fmatrix().type


def test_row_and_col_broadcast():
    r, c = T.row("r"), T.col("c")
    assert (r.broadcastable, c.broadcastable) == ((True, False), (False, True))
    near(ss.function([r, c], r + c)([[1, 2, 3]], [[0.1], [0.2]]), [[1.1, 2.1, 3.1], [1.2, 2.2, 3.2]])


def test_vector_and_matrix_default_to_floatX():
    assert T.matrix().dtype == ss.config.floatX == "float64"
    assert T.fmatrix().dtype == T.matrix(dtype="float32").dtype == "float32"
    with ss.config.override(floatX="float32"):
        assert T.vector().dtype == "float32"


# --- no side effects --------------------------------------------------------------------------------------------------


def test_augmented_assignment_makes_a_new_variable():
    a = T.vector("a")
    before = a
    a += 1
    assert a is not before
    assert before.owner is None
    near(ss.function([before], a)([1.0, 2.0]), [2.0, 3.0])


def test_assigning_to_an_item_is_a_type_error():
    a = T.vector("a")
    with pytest.raises(TypeError, match="set_subtensor"):
        a[:] = 0
    with pytest.raises(TypeError, match="inc_subtensor"):
        a[:] += 1


def test_inc_and_set_subtensor_take_their_place():
    a = T.vector("a")
    given = np.array([1.0, 2.0, 3.0])
    near(ss.function([a], T.inc_subtensor(a[:], 1))(given), [2.0, 3.0, 4.0])
    near(ss.function([a], T.set_subtensor(a[:], 0))(given), [0.0, 0.0, 0.0])
    near(ss.function([a], T.set_subtensor(a[1:], 5))(given), [1.0, 5.0, 5.0])
    near(given, [1.0, 2.0, 3.0])


# --- things that surprise ---------------------------------------------------------------------------------------------


def test_print_prints_when_its_result_is_used(capfd):
    a = T.dvector("a")
    shown = ss.printing.Print("seen", attrs=["sum"])(a)
    near(ss.function([a], shown * 2)([1.0, 2.0]), [2.0, 4.0])
    assert "seen" in capfd.readouterr().out
    near(ss.function([a], a * 2)([1.0, 2.0]), [2.0, 4.0])
    assert "seen" not in capfd.readouterr().out


@pytest.mark.default_mode
def test_print_keeps_a_rule_from_applying():
    a = T.dvector("a")
    fused = ss.function([a], T.log(1 + a))
    watched = ss.function([a], T.log(ss.printing.Print("sum", attrs=["mean"])(1 + a)))
    assert "log1p" in scalar_functions(fused)
    assert "log1p" not in scalar_functions(watched)


def test_assert_checks_when_the_function_runs():
    a = T.dvector("a")
    checked = ss.printing.Assert("a must be positive")(a, (a > 0).all())
    root = ss.function([a], T.sqrt(checked))
    near(root([4.0]), [2.0])
    with pytest.raises(AssertionError, match="a must be positive"):
        root([-4.0])


def test_a_plain_variable_is_true_and_a_comparison_has_no_truth_value():
    a = T.vector("a")
    assert bool(a) is True
    with pytest.raises(TypeError):
        bool(a > 0)


def test_iterating_and_len_say_what_to_do():
    a = T.vector("a")
    with pytest.raises(ValueError, match="length"):
        iter(a).__next__()
    with pytest.raises(TypeError, match=r"shape\[0\]"):
        len(a)


def test_printing_a_variable_shows_its_name():
    assert str(T.vector("weights")) == "weights"


# --- givens and clone -------------------------------------------------------------------------------------------------


def test_givens(s):
    x_ = T.vector("x_")
    centred = (x_ - x_.mean()) / x_.std()
    f = ss.function([x_, s.W], s.dot, givens={s.x: centred})
    near(f(s.x_val, s.W_val), [1.90651511, 0.60431744, -0.64253361])


def test_clone_with_a_replacement(s):
    dot, out = ss.clone([s.dot, s.out], replace={s.x: s.centred})
    near(ss.function([s.x, s.W], dot)(s.x_val, s.W_val), [1.90651511, 0.60431744, -0.64253361])
    near(ss.function([s.x, s.W, s.b], out)(s.x_val, s.W_val, s.b_val), [0.94816756, 0.83262094, 0.58842698])


def test_clone_leaves_the_original(s):
    ss.clone([s.dot], replace={s.x: s.centred})
    near(ss.function([s.x, s.W], s.dot)(s.x_val, s.W_val), DOT)


# --- gradients --------------------------------------------------------------------------------------------------------


def test_cost_and_grads(s):
    dW, db = ss.grad(s.cost, [s.W, s.b])
    f = ss.function([s.x, s.W, s.b, s.y], [s.cost, dW, db])
    cost, gW, gb = f(s.x_val, s.W_val, s.b_val, s.y_val)
    near(cost, 0.6137821438190066, digits=15)
    near(gW, [
        [0.01095277, 0.07045955, 0.051161],
        [0.01889131, 0.12152849, 0.0882424],
        [0.01555008, 0.10003427, 0.07263534],
        [0.01048429, 0.06744584, 0.04897273],
    ])  # fmt: skip
    near(gb, [0.03600015, 0.23159028, 0.16815877])


def test_grad_of_one_variable_is_one_variable(s):
    single = ss.grad(s.cost, s.W)
    assert single.type == s.W.type
    near(
        ss.function([s.x, s.W, s.b, s.y], single)(s.x_val, s.W_val, s.b_val, s.y_val)[0],
        [0.01095277, 0.07045955, 0.051161],
    )


@pytest.mark.default_mode
def test_the_optimised_gradient_of_W_is_a_ger(s):
    f = ss.function([s.x, s.W, s.b, s.y], [s.cost, *ss.grad(s.cost, [s.W, s.b])])
    assert ops(f).count("Ger") == 1
    assert f.fgraph.outputs[1].owner.op == node_of(f, "Ger").op


def test_cost_and_upd(s):
    dW, db = ss.grad(s.cost, [s.W, s.b])
    f = ss.function([s.x, s.W, s.b, s.y], [s.cost, s.W - STEP * dW, s.b - STEP * db])
    cost, W, b = f(s.x_val, s.W_val, s.b_val, s.y_val)
    near(cost, 0.6137821438190066, digits=15)
    near(W, [
        [0.49561888, -0.14531026, 0.64257244],
        [1.52114073, -0.24630622, -0.2429612],
        [1.57765781, 0.7574313, -0.47673792],
        [0.54151161, -0.47016228, -0.47062703],
    ])  # fmt: skip
    near(b, [0.99639999, 0.97684097, 0.98318412])


# --- shared variables and updates -------------------------------------------------------------------------------------


def twice_updated(s):
    """The shared program of the notebook after the two updates it makes by hand."""
    W, b, dot, out, cost = s.shared()
    updated = ss.function([s.x, s.y], [p - STEP * g for p, g in zip([W, b], ss.grad(cost, [W, b]), strict=True)])
    for _ in range(2):
        new_W, new_b = updated(s.x_val, s.y_val)
        W.set_value(new_W)
        b.set_value(new_b)
    return W, b, dot, out, cost


def test_shared_f_and_g_before_any_update(s):
    _, _, dot, out, _ = s.shared()
    near(ss.function([s.x], dot)(s.x_val), DOT)
    near(ss.function([s.x], out)(s.x_val), OUT)


def test_shared_f_after_the_updates(s):
    _, _, dot, _, _ = twice_updated(s)
    near(ss.function([s.x], dot)(s.x_val), [1.78587062, 0.00189954, -0.28566499])


def test_shared_g_after_the_updates(s):
    _, _, _, out, _ = twice_updated(s)
    near(ss.function([s.x], out)(s.x_val), [0.94151144, 0.72221187, 0.66391952])


def test_cost_and_perform_updates(s):
    W, b, _, _, cost = twice_updated(s)
    dW, db = ss.grad(cost, [W, b])
    train = ss.function(inputs=[s.x, s.y], outputs=cost, updates=[(W, W - STEP * dW), (b, b - STEP * db)])
    near(train(s.x_val, s.y_val), 0.5864515900709053, digits=15)
    near(train(s.x_val, s.y_val), 0.5727623242026183, digits=15)


def test_outputs_and_updates_are_computed_before_any_update():
    a, b = ss.shared(1.0, name="a"), ss.shared(2.0, name="b")
    swap = ss.function([], [a, b, a + b], updates=[(a, b), (b, a)])
    assert [float(v) for v in swap()] == [1.0, 2.0, 3.0]
    assert (float(a.get_value()), float(b.get_value())) == (2.0, 1.0)


def test_a_shared_variable_is_an_implicit_input_of_all_functions(s):
    W, _, dot, _, _ = s.shared()
    f = ss.function([s.x], dot)
    double = ss.function([], [], updates=[(W, 2 * W)])
    near(f(s.x_val), DOT)
    double()
    near(f(s.x_val), 2 * np.array(DOT), digits=7)


def test_get_value_and_set_value_copy():
    W = ss.shared(np.zeros(3), name="W")
    W.get_value()[:] = 7
    given = np.ones(3)
    W.set_value(given)
    given[:] = 9
    np.testing.assert_array_equal(W.get_value(), np.ones(3))


# --- optimisations by name --------------------------------------------------------------------------------------------


def test_merge_computes_a_common_expression_once():
    a = T.dvector("a")
    f = ss.function([a], [T.exp(a).sum(), T.exp(a).sum() * 2], mode="FAST_COMPILE")
    assert scalar_functions(f).count("exp") == 1


@pytest.mark.default_mode
def test_x_over_x_becomes_one():
    a = T.dvector("a")
    f = ss.function([a], a / a)
    assert "true_div" not in scalar_functions(f)
    near(f([0.0, 2.0, np.inf]), [1.0, 1.0, 1.0])


@pytest.mark.default_mode
def test_log_of_one_plus_x_is_right_for_tiny_x():
    a = T.dscalar("a")
    f = ss.function([a], T.log(1 + a))
    assert scalar_functions(f) == ["log1p"]
    assert f(1e-20) == 1e-20


@pytest.mark.default_mode
def test_a_chain_of_elementwise_work_is_one_loop():
    a, b = T.dvector("a"), T.dvector("b")
    f = ss.function([a, b], T.tanh(a * b + 1) / (1 + a**2))
    assert ops(f) == ["Elemwise"]
    values = np.linspace(-1, 1, 7), np.linspace(2, 3, 7)
    near(f(*values), np.tanh(values[0] * values[1] + 1) / (1 + values[0] ** 2), digits=14)


@pytest.mark.default_mode
def test_a_product_of_matrices_with_a_sum_is_a_gemm():
    A, B, C = T.dmatrix("A"), T.dmatrix("B"), T.dmatrix("C")
    f = ss.function([A, B, C], 0.5 * C + 2.0 * T.dot(A, B))
    assert [name for name in ops(f) if name in ("Gemm", "Dot", "Elemwise")] == ["Gemm"]
    rng = np.random.default_rng(0)
    a, b, c = rng.normal(size=(3, 4)), rng.normal(size=(4, 5)), rng.normal(size=(3, 5))
    near(f(a, b, c), 0.5 * c + 2 * a @ b, digits=13)


@pytest.mark.default_mode
def test_a_shape_is_found_without_the_value():
    A, B = T.dmatrix("A"), T.dmatrix("B")
    f = ss.function([A, B], T.exp(T.dot(A, B)).shape, on_unused_input="ignore")
    assert not {"Dot", "Gemm", "Elemwise"} & set(ops(f))
    assert f(np.ones((2, 3)), np.ones((3, 5))).tolist() == [2, 5]


@pytest.mark.default_mode
def test_constants_are_folded():
    a = T.dscalar("a")
    f = ss.function([a], a + T.exp(T.constant(0.0)) * 3)
    assert [len(node.inputs) for node in f.fgraph.toposort()] == [2]
    assert f(1.0) == 4.0


def test_the_type_of_a_replacement_has_to_match():
    a, wrong = T.dvector("a"), T.dmatrix("w")
    y = a + 1
    graph = ss.FunctionGraph([a], [y])
    with pytest.raises(TypeError, match="type"):
        graph.replace(graph.outputs[0], wrong)


@pytest.mark.default_mode
def test_a_rule_is_switched_off_for_one_function_and_for_all():
    a = T.dscalar("a")
    mode = ss.get_mode("FAST_RUN").excluding("nan_changing")
    assert np.isnan(ss.function([a], a / a, mode=mode)(0.0))
    assert ss.function([a], a / a)(0.0) == 1.0
    with ss.config.override(excluding="nan_changing"):
        assert np.isnan(ss.function([a], a / a)(0.0))


@pytest.mark.parametrize("mode", ["FAST_RUN", "FAST_COMPILE", "DEBUG_MODE"])
def test_modes_agree(s, mode):
    near(ss.function([s.x, s.W, s.b], s.out, mode=mode)(s.x_val, s.W_val, s.b_val), OUT)


@pytest.mark.default_mode
def test_fast_run_is_the_default(s):
    assert ss.config.mode == "FAST_RUN"
    assert ss.function([s.x, s.W], s.dot).mode == ss.get_mode("FAST_RUN")


def test_fast_compile_rewrites_less(s):
    quick = ss.function([s.x, s.W, s.b], [s.dot, s.out], mode="FAST_COMPILE")
    assert "Composite{sigmoid((i0 + i1))}" not in scalar_functions(quick)


# --- extending --------------------------------------------------------------------------------------------------------


@ss.as_op(itypes=[T.dmatrix().type, T.dmatrix().type], otypes=[T.dmatrix().type],
          infer_shape=lambda node, shapes: [(shapes[0][0], shapes[1][1])])  # fmt: skip
def numpy_dot(a, b):
    return np.dot(a, b)


def test_as_op():
    A, B = T.dmatrix("A"), T.dmatrix("B")
    f = ss.function([A, B], numpy_dot(A, B))
    near(f([[1.0, 2.0]], [[3.0], [4.0]]), [[11.0]])
    shape = ss.function([A, B], numpy_dot(A, B).shape, on_unused_input="ignore")
    assert shape(np.ones((2, 3)), np.ones((3, 4))).tolist() == [2, 4]


class Doubled(ss.Op):
    """``2 * x``, with a gradient in the older spelling."""

    def make_node(self, x):
        x = T.as_tensor_variable(x)
        return ss.Apply(self, [x], [x.type()])

    def perform(self, node, x):
        return x * 2

    def grad(self, inputs, output_grads):
        return [output_grads[0] * 2]


def test_an_op_of_the_user_with_its_gradient():
    a = T.dvector("a")
    y = Doubled()(a)
    value, slope = ss.function([a], [y, ss.grad((y**2).sum(), a)])([1.0, 3.0])
    near(value, [2.0, 6.0])
    near(slope, [8.0, 24.0])


# --- configuration ----------------------------------------------------------------------------------------------------


def test_configuration_by_attribute(monkeypatch):
    before = ss.config.floatX
    try:
        ss.config.floatX = "float32"
        assert T.vector().dtype == "float32"
    finally:
        ss.config.floatX = before


def test_configuration_by_environment_and_by_file(tmp_path):
    import os
    import subprocess
    import sys

    file = tmp_path / "rc"
    file.write_text("[global]\nfloatX = float16\nmode = FAST_COMPILE\n", encoding="utf-8")
    code = "import symstack as ss; print(ss.config.floatX, ss.config.mode)"
    environment = {**os.environ, "SYMSTACKRC": str(file), "SYMSTACK_FLAGS": "floatX=float32"}
    said = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["float32", "FAST_COMPILE"]
