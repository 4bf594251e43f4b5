"""Functions that return their argument and change how gradients flow through it."""

from collections.abc import Sequence
from typing import Any

from symcore.graph.null import disconnected, grad_undefined
from symcore.graph.variable import Apply
from symcore.op import Op, Shape
from symcore.tensor.constant import as_tensor
from symcore.tensor.scalar_functions import clip
from symcore.vectorize.dispatch import vectorize_node


class _Through(Op):
    """The identity, as a view. Abstract: subclasses say what becomes of the gradient."""

    def make_node(self, x: Any) -> Apply:
        x = as_tensor(x)
        return Apply(self, [x], [x.type()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        return [input_shapes[0]]

    def perform(self, node: Apply, x: Any) -> Any:
        return x

    def view(self, node: Apply) -> dict[int, int]:
        return {0: 0}

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [None]


class ZeroGrad(_Through):
    """The identity with derivative zero: the input counts as connected, and gets a gradient of zeros."""

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        return [None]


class DisconnectedGrad(_Through):
    """The identity through which no gradient passes: the input counts as disconnected."""

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[False]]

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        return [disconnected()]


class UndefinedGrad(_Through):
    """The identity whose derivative is undefined: ``grad`` through it raises ``NullTypeGradError``."""

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        return [grad_undefined(self, 0, inputs[0], "undefined_grad() was put there to say so.")]


class GradClip(_Through):
    """The identity whose backward gradient is limited to ``[lower, upper]``, elementwise.

    That is no derivative of any function: forward differentiation (``Rop``) passes its tangent on unchanged.
    """

    lower: float
    upper: float

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        return [clip(output_grads[0], self.lower, self.upper)]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [tangents[0]]


class GradScale(_Through):
    """The identity whose derivatives are multiplied by a number."""

    multiplier: float

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        return [output_grads[0] * self.multiplier]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [None if tangents[0] is None else tangents[0] * self.multiplier]


def consider_constant(x: Any) -> Any:
    """Return ``x`` as a constant for differentiation: the gradient behind it is zero. The same as ``zero_grad``."""
    return ZeroGrad()(x)


def zero_grad(x: Any) -> Any:
    """Return ``x`` with a gradient of zeros: what ``x`` depends on counts as connected, with gradient 0."""
    return ZeroGrad()(x)


def disconnected_grad(x: Any) -> Any:
    """Return ``x`` so that ``grad`` sees no path through it: alone it raises ``DisconnectedInputError``."""
    return DisconnectedGrad()(x)


def undefined_grad(x: Any) -> Any:
    """Return ``x`` so that differentiating through it raises ``NullTypeGradError``."""
    return UndefinedGrad()(x)


def grad_clip(x: Any, lower_bound: float, upper_bound: float) -> Any:
    """Return ``x``; the gradient that comes back through it is limited to ``[lower_bound, upper_bound]`` elementwise.

    Raises ``ValueError`` when the bounds are in the wrong order.
    """
    low, high = float(lower_bound), float(upper_bound)
    if not low <= high:
        raise ValueError(f"grad_clip needs lower_bound <= upper_bound, got {lower_bound} and {upper_bound}.")
    return GradClip(low, high)(x)


def grad_scale(x: Any, multiplier: float) -> Any:
    """Return ``x``; the gradient that comes back through it is multiplied by ``multiplier`` (-1 reverses it)."""
    return GradScale(float(multiplier))(x)


@vectorize_node.register(_Through)
def _through_a_batch(op: _Through, node: Apply, inputs: Sequence[Any], batched: Sequence[bool]) -> Sequence[Any]:
    """The whole batch at once: these Ops do not look at what they hand on."""
    return [op(inputs[0])]
