"""Ops whose results are counts and positions, along which nothing can be differentiated: their base, and a check."""

from collections.abc import Sequence
from typing import Any

from symcore.graph.null import disconnected
from symcore.graph.variable import Apply
from symcore.op import Op, Shape
from symcore.tensor.constant import as_tensor
from symcore.tensor.shapes import as_length


class _Discrete(Op):
    """An Op no output of which depends differentiably on an input. Abstract."""

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[False] * len(node.outputs) for _ in node.inputs]

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        return [disconnected() for _ in inputs]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [None] * len(outputs)


def as_integers(op: Any, what: str, value: Any) -> Any:
    """Return ``value`` as a tensor of int64. Raises ``TypeError`` naming ``op`` for what holds no integers."""
    x = as_tensor(value)
    if x.type.dtype.kind not in "iu":
        raise TypeError(f"{op}: {what} must be integers, got {x.type}. Cast them: .astype('int64').")
    return x if x.type.dtype.name == "int64" else x.astype("int64")


class InBounds(_Discrete):
    """Integers, having made sure that each is at least 0 and below a length ``n``: a view. Inputs: integers, ``n``.

    Raises ``IndexError`` when the function runs and one is not.
    """

    def make_node(self, x: Any, n: Any) -> Apply:
        x = as_integers(self, "positions", x)
        return Apply(self, [x, as_length(n)], [x.type()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        return [input_shapes[0]]

    def perform(self, node: Apply, x: Any, n: Any) -> Any:
        if x.size and not (x.min() >= 0 and x.max() < n):
            wrong = x.min() if x.min() < 0 else x.max()
            raise IndexError(f"position {wrong} is out of range: there are {n} choices, counted from 0.")
        return x

    def view(self, node: Apply) -> dict[int, int]:
        return {0: 0}
