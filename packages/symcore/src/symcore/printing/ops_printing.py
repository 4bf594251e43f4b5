"""Ops that look at a value while a function runs: ``Print`` shows it, ``Assert`` checks conditions."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from symcore.graph.null import disconnected
from symcore.graph.variable import Apply, Variable
from symcore.op import Op, Shape
from symcore.tensor.constant import as_tensor


def _variable(x: Any) -> Variable[Any]:
    return x if isinstance(x, Variable) else as_tensor(x)


class Print(Op):
    """Return the input unchanged, and print it each time it is computed: ``x = Print("x", ["shape", "mean"])(x)``.

    It prints only if its result is used. A node that prints is never merged, moved or repeated, so it can keep rules
    from applying to what it stands between.

    Parameters
    ----------
    message
        Printed before every line.
    attrs
        Attributes or methods of the value to print; by default the value itself.
    global_fn
        Called as ``global_fn(op, value)`` instead of printing. It must be found by its module's name to be pickled.
    """

    message: str = ""
    attrs: tuple[str, ...] = ("__str__",)
    global_fn: Callable[..., Any] | None = None
    pure: ClassVar[bool] = False

    def __init__(
        self, message: str = "", attrs: Sequence[str] = ("__str__",), global_fn: Callable[..., Any] | None = None
    ):
        super().__init__(message, (attrs,) if isinstance(attrs, str) else tuple(attrs), global_fn)

    def make_node(self, x: Any) -> Apply:
        x = _variable(x)
        return Apply(self, [x], [x.type()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        return [input_shapes[0]]

    def perform(self, node: Apply, x: Any) -> Any:
        if self.global_fn is not None:
            self.global_fn(self, x)
            return x
        for name in self.attrs:
            value = getattr(x, name)
            value = value() if callable(value) else value
            print(f"{self.message} {name} = {value}".strip())
        return x

    def view(self, node: Apply) -> dict[int, int]:
        return {0: 0}

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        return [output_grads[0]]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [tangents[0]]


class Assert(Op):
    """Return the first input unchanged, if all conditions hold: ``y = Assert("x must be positive")(y, T.all(x > 0))``.

    Raises ``AssertionError`` with the message, when the function runs, for a condition that has a false element.
    """

    msg: str = "a condition of Assert does not hold"
    pure: ClassVar[bool] = False

    def make_node(self, x: Any, *conditions: Any) -> Apply:
        x = _variable(x)
        return Apply(self, [x, *map(as_tensor, conditions)], [x.type()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        return [input_shapes[0]]

    def perform(self, node: Apply, x: Any, *conditions: Any) -> Any:
        for position, condition in enumerate(conditions):
            if not np.all(condition):
                raise AssertionError(f"{self.msg} (condition {position}: {node.inputs[position + 1]})")
        return x

    def view(self, node: Apply) -> dict[int, int]:
        return {0: 0}

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True]] + [[False]] * (len(node.inputs) - 1)

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        return [output_grads[0], *(disconnected() for _ in inputs[1:])]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [tangents[0]]
