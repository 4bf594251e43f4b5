"""The test kit itself: ``check_op`` finds each kind of broken promise."""

import numpy as np
import pytest

from symcore.errors import GradientError
from symcore.from_function import as_op
from symcore.graph.null import disconnected, grad_undefined
from symcore.graph.variable import Apply
from symcore.op import Op
from symcore.tensor.constant import as_tensor
from symcore.tensor.elemwise import TABLE
from symcore.tensor.type import TensorType
from symcore.testing import BACKENDS, OpCase, check_op, of_other_dtypes, variants
from symcore.testing.differences import PRECISE, derivative

X = np.array([[0.5, -1.5, 2.0], [1.0, 0.3, -0.7]])


class _Double(Op):
    """``2 x``, with everything right; each Op below breaks one thing."""

    def make_node(self, x):
        x = as_tensor(x)
        return Apply(self, [x], [x.type()])

    def infer_shape(self, node, input_shapes):
        return [input_shapes[0]]

    def perform(self, node, x):
        return 2 * x

    def L_op(self, inputs, outputs, output_grads):
        return [2 * output_grads[0]]

    def R_op(self, inputs, outputs, tangents):
        return [2 * tangents[0]]


class Right(_Double):
    pass


class WrongDtype(_Double):
    def perform(self, node, x):
        return (2 * x).astype("float16")


class WrongRank(_Double):
    def perform(self, node, x):
        return 2 * x[0]


class NoArray(_Double):
    def perform(self, node, x):
        return [[4.0]]


class WrongStaticShape(_Double):
    def make_node(self, x):
        return Apply(self, [x], [TensorType(x.type.dtype, (7, None))()])


class WritesItsInput(_Double):
    def perform(self, node, x):
        x *= 2
        return x.copy()


class HiddenView(_Double):
    def perform(self, node, x):
        return x

    L_op = R_op = None


class DeclaredButCopied(_Double):
    def view(self, node):
        return {0: 0}


class WrongShape(_Double):
    def infer_shape(self, node, input_shapes):
        return [(input_shapes[0][1], input_shapes[0][0])]


class WrongPull(_Double):
    def L_op(self, inputs, outputs, output_grads):
        return [3 * output_grads[0]]


class WrongPush(_Double):
    def R_op(self, inputs, outputs, tangents):
        return [3 * tangents[0]]


class PullsTooMuch(_Double):
    """Wrong by ten in a million."""

    def L_op(self, inputs, outputs, output_grads):
        return [2.00002 * output_grads[0]]


class PushesTooMuch(_Double):
    def R_op(self, inputs, outputs, tangents):
        return [2.00002 * tangents[0]]


class PullsByLayout(_Double):
    """A gradient that is right for contiguous inputs alone."""

    def L_op(self, inputs, outputs, output_grads):
        return [output_grads[0] * contiguous(inputs[0]) * 2]


@as_op([TensorType("float64", (None, None))], [TensorType("float64", (None, None))])
def contiguous(x):
    return np.full(x.shape, float(x.flags.c_contiguous))


class NarrowIsWrong(_Double):
    """A gradient that is wrong in float32."""

    def L_op(self, inputs, outputs, output_grads):
        return [output_grads[0] * (2 if inputs[0].dtype == "float64" else 2.01)]


class NoPush(_Double):
    def R_op(self, inputs, outputs, tangents):
        return [None]


class SaysDisconnected(_Double):
    def connection_pattern(self, node):
        return [[False]]


class PullsNothing(_Double):
    def L_op(self, inputs, outputs, output_grads):
        return [disconnected()]


class Undefined(_Double):
    def L_op(self, inputs, outputs, output_grads):
        return [grad_undefined(self, 0, inputs[0])]


class BadPattern(_Double):
    def connection_pattern(self, node):
        return [[True, True]]


class LayoutMatters(_Double):
    def perform(self, node, x):
        return 2 * np.ndarray(x.shape, x.dtype, buffer=x.base if x.base is not None and not x.flags.c_contiguous else x)


class WrongInplace(_Double):
    def make_node(self, x):
        return Apply(self, [x], [TensorType("float32", x.type.shape)()])

    def perform(self, node, x):
        return (2 * x).astype("float32")

    def inplace(self, node):
        return {0: (0,)}


class HoldsAnArray(_Double):
    values: tuple


class EqualToEverything(_Double):
    def __eq__(self, other):
        return True

    __hash__ = Op.__hash__


class ByIdentity(_Double):
    def __init__(self, factor=2):
        self.factor = factor


class Parent(_Double):
    pass


class Child(Parent):
    pass


class NotLinear(Op):
    """``x y`` whose ``R_op`` forgets one term when both tangents are there."""

    def make_node(self, x, y):
        return Apply(self, [x, y], [x.type()])

    def infer_shape(self, node, input_shapes):
        return [input_shapes[0]]

    def perform(self, node, x, y):
        return x * y

    def L_op(self, inputs, outputs, output_grads):
        return [output_grads[0] * inputs[1], output_grads[0] * inputs[0]]

    def R_op(self, inputs, outputs, tangents):
        u, v = tangents
        return [u * inputs[1] if u is not None else v * inputs[0]]


def test_a_right_op_passes():
    check_op(OpCase(Right(), X, expected=lambda x: 2 * x))


BROKEN = [
    (OpCase(WrongDtype(), X), "has dtype float16"),
    (OpCase(WrongRank(), X), r"has shape \(3,\)"),
    (OpCase(NoArray(), X), "not an array"),
    (OpCase(WrongStaticShape(), X), "its type says"),
    (OpCase(HiddenView(), X), "is a view of input 0, but is not declared"),
    (OpCase(DeclaredButCopied(), X), "is not a view of input 0, but is declared"),
    (OpCase(WrongShape(), X), r"infer_shape of WrongShape says \(3, 2\)"),
    (OpCase(WrongPull(), X), "finite differences give"),
    (OpCase(WrongPush(), X), "finite differences give"),
    (OpCase(PullsTooMuch(), X), "finite differences give"),
    (OpCase(PushesTooMuch(), X), "finite differences give"),
    (OpCase(PullsTooMuch(), X, tol=1e-3), "one Jacobian"),
    (OpCase(PullsByLayout(), X, dtypes=("float64",)), "L_op of PullsByLayout on"),
    (OpCase(NarrowIsWrong(), X), "on narrower floats"),
    (OpCase(Right(), X, unconnected=[0]), "output 0 is connected"),
    (OpCase(NoPush(), X), "finite differences give"),
    (OpCase(SaysDisconnected(), X), "connection_pattern"),
    (OpCase(PullsNothing(), X), "connection_pattern"),
    (OpCase(Undefined(), X), "declared undefined"),
    (OpCase(Right(), X, undefined=[0]), "declared undefined"),
    (OpCase(BadPattern(), X), "connection_pattern"),
    (OpCase(LayoutMatters(), X), "on sliced inputs|on reversed inputs|on Fortran-ordered inputs"),
    (OpCase(WrongInplace(), X, grad=False), "may take over"),
    (OpCase(HoldsAnArray((np.float64(1.0), b"bytes")), X), "no plain data"),
    (OpCase(EqualToEverything(), X), "equal to something else"),
    (OpCase(ByIdentity(), X), "pickled copy"),
    (OpCase(Parent(), X), "must be final"),
    (OpCase(Child(), X), "not abstract"),
    (OpCase(NotLinear(), X, X + 1), "not linear"),
    (OpCase(Right(), X, expected=lambda x: 3 * x), "against NumPy"),
]


@pytest.mark.parametrize(("case", "message"), BROKEN, ids=[str(case) for case, _ in BROKEN])
def test_a_broken_promise_is_found(case, message):
    with pytest.raises(AssertionError, match=message):
        check_op(case)


def test_an_op_that_writes_its_input_is_found():
    with pytest.raises(ValueError, match="read-only"):
        check_op(OpCase(WritesItsInput(), X))


def test_gradient_errors_are_assertion_errors():
    with pytest.raises(GradientError):
        check_op(OpCase(WrongPull(), X))


def test_backends_are_compared_with_perform():
    seen = []

    def agrees(node, inputs):
        seen.append(node.op)
        return [node.op.perform(node, *inputs)]

    BACKENDS["a"] = agrees
    BACKENDS["b"] = lambda node, inputs: None
    try:
        check_op(OpCase(TABLE["exp"], X))
        assert set(seen) == {TABLE["exp"].op}
        BACKENDS["b"] = lambda node, inputs: [np.exp(inputs[0]) * inputs[0].dtype.type(1.001)]
        with pytest.raises(AssertionError, match="by the backend b"):
            check_op(OpCase(TABLE["exp"], X))
    finally:
        del BACKENDS["a"], BACKENDS["b"]


def test_backends_see_every_layout():
    seen = set()

    def backend(node, inputs):
        seen.add(inputs[0].strides)
        return [node.op.perform(node, *inputs)]

    BACKENDS["a"] = backend
    try:
        check_op(OpCase(TABLE["exp"], X, dtypes=("float64",)))
    finally:
        del BACKENDS["a"]
    assert seen == {(24, 8), (8, 16), (96, 16), (-24, -8)}


def test_variants_of_elementwise_cases():
    found = variants(OpCase(TABLE["add"], X, X + 1, expected=np.add))
    assert [[x.shape for x in case.inputs] for case in found] == [[(), ()], [(0, 3), (0, 3)], [(4, 1), (4,)]]
    assert found[2].shapes == [(None, 1), (None,)]
    assert variants(OpCase(Right(), X)) == []
    cases = of_other_dtypes([OpCase(TABLE["lt"], X, X)], [TABLE["lt"]])
    of_dtypes = {case.inputs[0].dtype.name: case for case in cases}
    assert {"bool", "int8", "uint64", "float16", "float32"} <= set(of_dtypes)
    assert (of_dtypes["uint8"].inputs[0] == [[0, 1, 2], [1, 0, 0]]).all()


def test_extrapolated_differences():
    slope, rounding = derivative(lambda t: np.array([np.exp(1 + t), np.sin(3 * t), 7.0]), *PRECISE)
    np.testing.assert_allclose(slope, [np.e, 3.0, 0.0], rtol=1e-11, atol=1e-11)
    assert (np.abs(slope - [np.e, 3.0, 0.0]) <= rounding + 1e-12).all()
