"""How many steps a sequence with taps allows, where its length is known at the call only."""

from collections.abc import Sequence
from typing import Any

from symcore.graph.null import disconnected
from symcore.graph.variable import Apply
from symcore.op import Op, Shape
from symcore.tensor.constant import as_tensor


def too_few(where: str, taps: Sequence[int], rows: Any) -> str:
    """Return what an error says of a sequence, called ``where``, that has not even the rows its taps skip."""
    needed = max(0, *taps) - min(0, *taps) + 1
    return (
        f"{where} has {rows} rows, too few for the taps {list(taps)}: a step needs {needed}. Give it more rows."
    )


class EnoughRows(Op):
    """The number of rows of a sequence, an int64 scalar, having made sure that it is at least ``least``: a view.

    ``where`` and ``taps`` are the sequence's, for the error. Raises ``ValueError`` when the function runs and there are
    fewer.
    """

    where: str
    taps: tuple[int, ...]
    least: int

    def make_node(self, rows: Any) -> Apply:
        rows = as_tensor(rows)
        if rows.type.ndim or rows.type.dtype.name != "int64":
            raise TypeError(f"{self} takes a number of rows, an int64 scalar; got {rows} of type {rows.type}.")
        return Apply(self, [rows], [rows.type()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        return [()]

    def perform(self, node: Apply, rows: Any) -> Any:
        if rows < self.least:
            raise ValueError(too_few(self.where, self.taps, int(rows)))
        return rows

    def view(self, node: Apply) -> dict[int, int]:
        return {0: 0}

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[False]]

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        return [disconnected()]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [disconnected()]
