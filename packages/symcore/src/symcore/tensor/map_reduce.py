"""``MapReduce``: elementwise work and the reduction of its result as one Op, without the tensor in between.

Rewriting makes it; nobody has to ask for it. It means exactly ``Reduce(Elemwise(map)(*inputs))``, and everything but
its C is written as that.
"""

from collections.abc import Sequence
from typing import Any

from symcore.graph.variable import Apply
from symcore.op import Op, Shape
from symcore.tensor.elemwise import Composite, Elemwise
from symcore.tensor.reduce import NAMES, REDUCTIONS, Reduce


class MapReduce(Op):
    """Apply ``map`` to every element of the inputs, broadcast, and combine the results along ``axis``.

    ``map`` is a ``ScalarFn``, or a ``Composite`` with one result; ``fn``, ``axis``, ``dtype`` and ``acc_dtype`` are
    those of ``Reduce``. The output has the shape of the broadcast inputs without ``axis``, and the dtype ``dtype``.

    Raises ``TypeError`` for a map with several results, ``ValueError`` for a reduction that does not exist, for an axis
    that the broadcast inputs do not have, and for inputs that cannot be broadcast together.
    """

    map: Any
    fn: str
    axis: tuple[int, ...]
    dtype: str
    acc_dtype: str

    @property
    def elemwise(self) -> Elemwise:
        """The Op that computes what is combined."""
        return Elemwise(self.map)

    @property
    def reduce(self) -> Reduce:
        """The Op that combines it."""
        return Reduce(self.fn, self.axis, self.dtype, self.acc_dtype)

    @property
    def operations(self) -> int:
        """How many operations of the expression it does at once."""
        return (len(self.map.steps) if isinstance(self.map, Composite) else 1) + 1

    def make_node(self, *inputs: Any) -> Apply:
        if self.map.nout != 1:
            raise TypeError(f"MapReduce needs a map with one result, {self.map} has {self.map.nout}.")
        if self.fn not in REDUCTIONS:
            raise ValueError(f"MapReduce cannot combine with {self.fn!r}; it can with {', '.join(REDUCTIONS)}.")
        mapped = self.elemwise.make_node(*inputs)
        return Apply(self, mapped.inputs, [self.reduce.make_node(mapped.outputs[0]).outputs[0].type()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        node = self.elemwise.make_node(*node.inputs)
        return self.reduce.infer_shape(node, self.elemwise.infer_shape(node, input_shapes)[:1])

    def perform(self, node: Apply, *inputs: Any) -> Any:
        return self.reduce.perform(node, self.elemwise.perform(node, *inputs))

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        x = self.elemwise(*inputs)
        [g] = self.reduce.L_op([x], outputs, output_grads)
        return [None] * len(inputs) if g is None else self.elemwise.L_op(inputs, [x], [g])

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        x = self.elemwise(*inputs)
        return self.reduce.R_op([x], outputs, self.elemwise.R_op(inputs, [x], tangents))

    def __str__(self) -> str:
        return f"{NAMES[self.fn]}{{axis={self.axis}, acc_dtype={self.acc_dtype}}} of {self.map}"

    __repr__ = __str__
