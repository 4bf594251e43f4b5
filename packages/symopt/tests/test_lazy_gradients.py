"""The gradient of an ``ifelse`` is as lazy as the ``ifelse``: with all rules, with none, in every mode.

What is computed by the side that is not taken is NaN or fails, forwards and backwards.
"""

import time

import numpy as np
import pytest

from symcore import Op, OpFromGraph, Rop, as_op, grad, shared, typed_list
from symcore import tensor as T
from symcore.graph.variable import Apply
from symcore.ifelse import IfElse, ifelse
from symcore.tensor.constant import as_tensor
from symopt.function import function
from symopt.testing import usual_modes

MODES = usual_modes()
every_mode = pytest.mark.parametrize("mode", MODES.values(), ids=list(MODES))
fails_rarely = pytest.mark.filterwarnings("ignore:(invalid value|divide by zero):RuntimeWarning")


class Picky(Op):
    """The identity, which refuses negative numbers, and whose derivative does too."""

    def make_node(self, x):
        x = as_tensor(x)
        return Apply(self, [x], [x.type()])

    def infer_shape(self, node, input_shapes):
        return input_shapes

    def perform(self, node, x):
        if (x < 0).any():
            raise ArithmeticError("this side was computed")
        return x.copy()

    def L_op(self, inputs, outputs, output_grads):
        return [output_grads[0] * Picky()(inputs[0])]


def inputs():
    return T.bscalar("c"), T.bscalar("d"), T.dvector("x")


def checked(cost, given, values, wanted, mode):
    """Check the gradient of ``cost`` with respect to the last of ``given``."""
    f = function(given, grad(cost, given[-1]), mode=mode, on_unused_input="ignore")
    for conditions, expected in wanted.items():
        np.testing.assert_allclose(f(*conditions, values), expected, rtol=1e-12)


@fails_rarely
@every_mode
def test_nan_of_the_side_not_taken(mode):
    c, d, x = inputs()
    side = T.log(x) * T.sqrt(x - 1)
    checked(ifelse(c, side, x * 2).sum(), [c, d, x], [-1.0, 0.0], {(0, 0): [2.0, 2.0]}, mode)
    checked(ifelse(c, x * 2, side).sum(), [c, d, x], [-1.0, 0.0], {(1, 0): [2.0, 2.0]}, mode)


@pytest.mark.parametrize("mode", [m for k, m in MODES.items() if k != "DEBUG"], ids=[k for k in MODES if k != "DEBUG"])
def test_errors_of_the_side_not_taken(mode):
    c, d, x = inputs()
    cost = ifelse(c, Picky()(x * 3), x**2).sum()
    checked(cost, [c, d, x], [-1.0, 2.0], {(0, 0): [-2.0, 4.0]}, mode)
    f = function([c, x], grad(cost, x), mode=mode)
    with pytest.raises(ArithmeticError, match="this side was computed"):
        f(1, [-1.0, 2.0])


@fails_rarely
@every_mode
def test_what_two_choices_need(mode):
    """The logarithm is needed if either choice asks for it; its gradient where neither does is 0, not 0 * NaN."""
    c, d, x = inputs()
    y = T.log(x)
    cost = (ifelse(c, y * 2, x) + ifelse(d, y * 3, x * x)).sum()
    wanted = {(0, 0): [1.0 - 2.0], (1, 0): [-2.0 - 2.0], (0, 1): [1.0 - 3.0], (1, 1): [-5.0]}
    checked(cost, [c, d, x], [-1.0], wanted, mode)
    z = T.sqrt(x)
    cost = (ifelse(c, z * 2, x) + ifelse(d, z * 3, x * x)).sum()
    checked(cost, [c, d, x], [-1.0], {(0, 0): [-1.0]}, mode)


@fails_rarely
@every_mode
def test_choices_within_choices(mode):
    c, d, x = inputs()
    y = T.sqrt(x)
    cost = (ifelse(c, ifelse(d, y * 2, x * x), x) + ifelse(d, x, y)).sum()
    checked(cost, [c, d, x], [-4.0], {(0, 1): [2.0]}, mode)
    deep = ifelse(c, ifelse(d, x * 5, ifelse(c, y, T.log(y))), ifelse(d, y, x**3)).sum()
    checked(deep, [c, d, x], [-4.0], {(1, 1): [5.0], (0, 0): [48.0]}, mode)
    checked(deep, [c, d, x], [4.0], {(1, 0): [0.25], (0, 1): [0.25]}, mode)


@fails_rarely
@every_mode
def test_a_condition_that_another_one_guards(mode):
    """Whether the second choice is taken is itself only known where the first one is."""
    c, _, x = inputs()
    y, inner = T.sqrt(x), Picky()(x).sum() > 1
    cost = (ifelse(c, ifelse(inner, y, x), x * 2) + ifelse(x.sum() > 0, y * 4, x)).sum()
    f = function([c, x], grad(cost, x), mode=mode if mode.name != "DEBUG" else MODES["py"])
    np.testing.assert_allclose(f(0, [-4.0]), [3.0])
    np.testing.assert_allclose(f(1, [4.0]), [0.25 + 1.0])
    np.testing.assert_allclose(f(0, [4.0]), [2.0 + 1.0])


@fails_rarely
@every_mode
def test_several_values_and_several_shapes(mode):
    c = T.bscalar("c")
    x = T.dvector("x")
    p, q = ifelse(c, [T.log(x), x[:1] * 2], [x[1:], x * 3])
    cost = p.sum() * q.sum()
    checked(cost, [c, x], [-1.0, -2.0], {(0,): [-6.0, -9.0 - 6.0]}, mode)
    checked(cost, [c, x], [1.0, np.e], {(1,): [2.0 + 2.0, 2.0 / np.e]}, mode)


@fails_rarely
@every_mode
def test_second_derivatives(mode):
    c, d, x = inputs()
    cost = ifelse(c, x**3, T.log(x) * 2).sum()
    f = function([c, x], grad(grad(cost, x).sum(), x), mode=mode)
    np.testing.assert_allclose(f(1, [-2.0]), [-12.0])
    np.testing.assert_allclose(f(0, [2.0]), [-0.5])


@fails_rarely
@every_mode
def test_of_variables_within_the_sides(mode):
    """What is differentiated by lies in a side: the gradient is asked for everywhere."""
    c, d, x = inputs()
    y = x * 2
    z = y + 1
    cost = ifelse(c, T.log(z), z * z).sum()
    f = function([c, x], grad(cost, [z, y, x]), mode=mode)
    for got, wanted in zip(f(0, [-3.0]), (-10.0, -10.0, -20.0), strict=True):
        np.testing.assert_allclose(got, [wanted])


@fails_rarely
@every_mode
def test_graphs_made_into_ops(mode):
    c, d, x = inputs()
    op = OpFromGraph([c, x], [ifelse(c, T.log(x), x * 2)])
    cost = ifelse(d, op(c, x * 1.0), T.sqrt(x)).sum()
    checked(cost, [c, d, x], [-1.0], {(0, 1): [2.0]}, mode)


@every_mode
def test_lists_and_forward_derivatives(mode):
    c = T.bscalar("c")
    x = T.dvector("x")
    rows = typed_list.make_list([x * 2, x * x])
    cost = ifelse(c, rows[1], T.exp(x)).sum()
    checked(cost, [c, x], [3.0], {(1,): [6.0], (0,): [np.exp(3.0)]}, mode)
    tangent = function([c, x], Rop(ifelse(c, rows[1], T.exp(x)), x, T.ones_like(x)), mode=mode)
    np.testing.assert_allclose(tangent(1, [3.0]), [6.0])


@fails_rarely
@pytest.mark.parametrize("mode", list(MODES.values())[:5], ids=list(MODES)[:5])
def test_the_backward_pass_of_the_side_not_taken_is_not_computed(mode):
    ran = []

    @as_op([T.dvector], [T.dvector])
    def noted(v):
        ran.append(v)
        return v * 1.0

    class Noted(Op):
        def make_node(self, x):
            return Apply(self, [as_tensor(x)], [as_tensor(x).type()])

        def perform(self, node, x):
            return x * 1.0

        def L_op(self, inputs, outputs, output_grads):
            return [noted(output_grads[0])]

    c, x = T.bscalar("c"), T.dvector("x")
    w = shared(np.ones(2), "w")
    cost = ifelse(c, T.exp(Noted()(x * w)), x * 2).sum()
    f = function([c, x], [cost, *grad(cost, [x, w])], mode=mode)
    f(0, [1.0, 2.0])
    assert not ran
    f(1, [1.0, 2.0])
    assert len(ran) == 1


def test_a_null_gradient_of_a_side_is_null():
    from symcore.errors import NullTypeGradError
    from symcore.gradient.flow import undefined_grad

    c, x = T.bscalar("c"), T.dvector("x")
    with pytest.raises(NullTypeGradError):
        grad(ifelse(c, undefined_grad(x), x * 2).sum(), x)


def test_long_chains_of_choices_cost_in_proportion():
    """One after the other, and one within the other: as many choices backwards as there are forwards."""

    def chain(n, nested):
        c, x = T.bscalar("c"), T.dscalar("x")
        y, w = x, x * 0.5
        for _ in range(n):
            y = ifelse(c, y * w, w) if nested else ifelse(T.gt(y, 2.0), y * w, y + w)
        start = time.process_time()
        g = grad(y, x)
        taken = time.process_time() - start
        todo, seen = [g.owner], set()
        while todo:
            node = todo.pop()
            if node is not None and node not in seen:
                seen.add(node)
                todo += [v.owner for v in node.inputs]
        return taken, sum(isinstance(node.op, IfElse) for node in seen)

    for nested in (True, False):
        chain(20, nested)
        small, few = chain(200, nested)
        large, many = chain(2000, nested)
        assert many < 12 * few
        assert large < 40 * small + 0.1  # linear; the rest is noise and memory
