"""What can be asked of a list: its length, where an element is, how often. The answers are int64 scalars."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from symcore.graph.null import disconnected
from symcore.graph.variable import Apply
from symcore.op import Op, Shape
from symcore.tensor.type import TensorType
from symcore.typed_list.building import as_element, as_list, find


class _Question(Op):
    """What the Ops have in common that answer with a whole number: no gradient."""

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        return [()]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[False] for _ in node.inputs]

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        return [disconnected() for _ in inputs]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [None]


class Length(_Question):
    """The number of elements."""

    def make_node(self, items: Any) -> Apply:
        return Apply(self, [as_list(items, "length")], [TensorType("int64", ())()])

    def perform(self, node: Apply, items: Any) -> Any:
        return np.array(len(items), dtype=np.int64)


class Index(_Question):
    """The position of the first element that equals the given one (NaN equals NaN). ``ValueError`` if there is none."""

    def make_node(self, items: Any, element: Any) -> Apply:
        items = as_list(items, "index_")
        return Apply(self, [items, as_element(element, items, "index_")], [TensorType("int64", ())()])

    def perform(self, node: Apply, items: Any, element: Any) -> Any:
        return np.array(find(node, items, element), dtype=np.int64)


class Count(_Question):
    """How many elements equal the given one (NaN equals NaN)."""

    def make_node(self, items: Any, element: Any) -> Apply:
        items = as_list(items, "count")
        return Apply(self, [items, as_element(element, items, "count")], [TensorType("int64", ())()])

    def perform(self, node: Apply, items: Any, element: Any) -> Any:
        ttype = node.inputs[0].type.ttype
        return np.array(sum(ttype.values_eq(x, element) for x in items), dtype=np.int64)
