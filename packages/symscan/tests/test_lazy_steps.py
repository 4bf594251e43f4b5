"""An ``ifelse`` within the step of a loop: its gradient asks nothing of the side that a step does not take."""

import numpy as np
import pytest

from symcore import grad
from symcore import tensor as T
from symcore.graph.variable import Apply
from symcore.ifelse import ifelse
from symcore.op import Op
from symcore.tensor.constant import as_tensor
from symopt.function import function
from symopt.testing import usual_modes
from symscan import scan

MODES = usual_modes()
every_mode = pytest.mark.parametrize("mode", MODES.values(), ids=list(MODES))
pytestmark = pytest.mark.filterwarnings("ignore:(invalid value|divide by zero):RuntimeWarning")


@every_mode
def test_steps_that_choose_by_their_own_state(mode):
    """``h <- log(h) w`` where ``h > 0``, else ``h^2 + w``: the logarithm of the other steps is NaN."""
    h0, w = T.dscalar("h0"), T.dscalar("w")

    def step(h, w):
        return ifelse(h > 0, T.log(h) * w, h * h + w)

    hs, _ = scan(step, outputs_info=h0, non_sequences=w, n_steps=5)
    f = function([h0, w], [hs, *grad(hs.sum(), [h0, w])], mode=mode)
    got = f(0.3, 0.5)
    h, dh, dw, values, total = 0.3, 1.0, 0.0, [], np.zeros(2)
    for _ in range(5):
        if h > 0:
            h, dh, dw = np.log(h) * 0.5, 0.5 * dh / h, np.log(h) + 0.5 * dw / h
        else:
            h, dh, dw = h * h + 0.5, 2 * h * dh, 2 * h * dw + 1
        values.append(h)
        total += dh, dw
    assert min(values) < 0 < max(values)
    np.testing.assert_allclose(got[0], values, rtol=1e-12)
    np.testing.assert_allclose(got[1:], total, rtol=1e-12)


@every_mode
def test_products_and_sequences_in_the_sides(mode):
    c, x, h0 = T.bvector("c"), T.dmatrix("x"), T.dvector("h0")
    w = T.dmatrix("w")

    def step(c, x, h, w):
        y = T.dot(T.sqrt(h), w)  # NaN where the state is negative
        return ifelse(c, T.log(y) + x, T.tanh(h) - x)

    hs, _ = scan(step, sequences=[c, x], outputs_info=h0, non_sequences=w)
    f = function([c, x, h0, w], grad(hs[-1].sum(), [x, h0, w]), mode=mode)
    gx, gh, gw = f([0, 0], [[0.1, 0.2], [0.3, 0.4]], [-1.0, -2.0], np.eye(2))
    h1 = np.tanh([-1.0, -2.0]) - [0.1, 0.2]
    slope = 1 - np.tanh(h1) ** 2
    np.testing.assert_allclose(gx, [-slope, [-1.0, -1.0]], rtol=1e-12)
    np.testing.assert_allclose(gh, slope * (1 - np.tanh([-1.0, -2.0]) ** 2), rtol=1e-12)
    assert gw.tolist() == [[0.0, 0.0], [0.0, 0.0]]
    got = f([1, 0], [[0.1, 0.2], [0.3, 0.4]], [1.0, 4.0], [[1.0, 2.0], [3.0, 4.0]])
    y = np.array([7.0, 10.0])
    back = (1 - np.tanh(np.log(y) + [0.1, 0.2]) ** 2) / y
    np.testing.assert_allclose(got[2], np.outer([1.0, 2.0], back), rtol=1e-12)
    np.testing.assert_allclose(got[1], np.array([[1.0, 2.0], [3.0, 4.0]]) @ back * [0.5, 0.25], rtol=1e-12)


class Picky(Op):
    """The identity, which refuses negative numbers."""

    def make_node(self, x):
        return Apply(self, [as_tensor(x)], [as_tensor(x).type()])

    def infer_shape(self, node, input_shapes):
        return input_shapes

    def perform(self, node, x):
        if (x < 0).any():
            raise ArithmeticError("this side was computed")
        return x.copy()

    def L_op(self, inputs, outputs, output_grads):
        return [output_grads[0]]


@every_mode
def test_what_fails_in_a_side_stays_in_its_steps(mode):
    """Neither does the gradient have the forward loop hand it out, nor is it done for all steps at a time."""
    c, x, h0, w = T.bvector("c"), T.dmatrix("x"), T.dvector("h0"), T.dmatrix("w")

    def step(c, x, h, w):
        y = T.tanh(T.dot(Picky()(h), w) + T.dot(Picky()(x), w))
        return ifelse(c, y, h * 0.5), ifelse(c, T.dot(Picky()(h), w), x)

    [hs, ys], _ = scan(step, sequences=[c, x], outputs_info=[h0, None], non_sequences=w)
    f = function([c, x, h0, w], [hs[-1], ys, *grad(hs[-1].sum() + ys.sum(), [x, h0, w])], mode=mode)
    rows = [[-1.0, 1.0], [-2.0, 2.0]]
    got = f([0, 0], rows, [-1.0, -2.0], np.eye(2))
    wanted = [[-0.25, -0.5], rows, np.ones((2, 2)), [0.25, 0.25], np.zeros((2, 2))]
    for a, b in zip(got, wanted, strict=True):
        np.testing.assert_array_equal(a, b)
    again = f([1, 0], np.abs(rows), [1.0, 2.0], np.eye(2) / 4)
    np.testing.assert_allclose(again[0], np.tanh([0.5, 0.75]) / 2, rtol=1e-12)


@every_mode
def test_loops_in_the_sides(mode):
    """A whole loop is the side: neither it nor its gradient is asked for where the other side is taken."""
    c, x = T.bscalar("c"), T.dvector("x")
    ys, _ = scan(lambda y: T.sqrt(y) * x, outputs_info=x, n_steps=3)
    f = function([c, x], grad(ifelse(c, ys[-1], x * 3).sum(), x), mode=mode)
    np.testing.assert_allclose(f(0, [-1.0, 2.0]), [3.0, 3.0])
    np.testing.assert_allclose(f(1, [1.0, 4.0]), np.array([1.0, 4.0]) ** 0.875 * 1.875, rtol=1e-12)
