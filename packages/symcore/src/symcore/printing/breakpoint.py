"""``PdbBreakpoint``: stop in Python's debugger while a function runs, when a condition holds."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from symcore.graph.null import disconnected
from symcore.graph.variable import Apply, Variable
from symcore.op import Op, Shape
from symcore.tensor.constant import as_tensor


class PdbBreakpoint(Op):
    """Return the monitored values unchanged, and stop in ``pdb`` first, whenever the condition holds.

    ``x, y = PdbBreakpoint("negative loss")(loss < 0, x, y)``; go on with what it returns, or it will not be computed.
    With one monitored variable it returns a variable, with several a list. The condition is a scalar of any dtype. In
    the debugger ``monitored`` is the list of the values and ``node.inputs[1:]`` that of their variables; they are the
    function's own arrays: look, and do not change them. Gradients pass through.

    A node with it runs in Python and is never merged, moved or repeated.
    """

    name: str = ""
    pure: ClassVar[bool] = False

    def make_node(self, condition: Any, *monitored: Any) -> Apply:
        condition = as_tensor(condition)
        if condition.type.ndim != 0:
            raise TypeError(
                f"{self} stops on a scalar condition, got {condition} of type {condition.type}. "
                "Reduce it first: T.any(condition) or T.all(condition)."
            )
        if not monitored:
            raise TypeError(f"{self} needs at least one variable to monitor: PdbBreakpoint(name)(condition, x).")
        inputs = [v if isinstance(v, Variable) else as_tensor(v) for v in monitored]
        return Apply(self, [condition, *inputs], [v.type() for v in inputs])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        return list(input_shapes[1:])

    def perform(self, node: Apply, condition: Any, *monitored: Any) -> Any:
        if np.asarray(condition).item():
            import pdb  # takes longer to load than all of printing

            print(f"breakpoint {self.name!r}: its condition holds. The values are in the list 'monitored'.")
            pdb.set_trace()
        return monitored

    def view(self, node: Apply) -> dict[int, int]:
        return {k: k + 1 for k in range(len(node.outputs))}

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        count = len(node.outputs)
        return [[False] * count, *[[i == k for k in range(count)] for i in range(count)]]

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        return [disconnected(), *output_grads]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return list(tangents[1:])
