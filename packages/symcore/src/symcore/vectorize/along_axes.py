"""The rules of ``vectorize_node`` for Ops that work along one or two axes: over a batch, the axes after those."""

from collections.abc import Sequence
from typing import Any

from symcore.graph.variable import Apply
from symcore.tensor.cumulative import CumOp, Recurrence
from symcore.tensor.diagonals import ExtractDiag, WriteDiag
from symcore.tensor.discrete import InBounds
from symcore.tensor.sorting import Argsort, Sort, TopK
from symcore.vectorize.dispatch import all_with_batch, vectorize_node

Inputs = Sequence[Any]
Flags = Sequence[bool]


@vectorize_node.register(Sort)
def sort(op: Sort, node: Apply, inputs: Inputs, batched: Flags) -> Sequence[Any]:
    """The axis moves up by one."""
    return [Sort(op.axis + 1, op.kind)(inputs[0])]


@vectorize_node.register(Argsort)
def argsort(op: Argsort, node: Apply, inputs: Inputs, batched: Flags) -> Sequence[Any]:
    """The axis moves up by one."""
    return [Argsort(op.axis + 1, op.kind)(inputs[0])]


@vectorize_node.register(TopK)
def top_k(op: TopK, node: Apply, inputs: Inputs, batched: Flags) -> Sequence[Any] | None:
    """The axis moves up by one; entries that keep different numbers of elements cannot be stacked."""
    if batched[1]:
        return None
    return TopK(op.axis + 1, op.in_order, op.idx_dtype).make_node(*inputs).outputs


@vectorize_node.register(CumOp)
def cumulative(op: CumOp, node: Apply, inputs: Inputs, batched: Flags) -> Sequence[Any]:
    """The axis moves up by one."""
    return [CumOp(op.axis + 1, op.mode)(inputs[0])]


@vectorize_node.register(Recurrence)
def recurrence(op: Recurrence, node: Apply, inputs: Inputs, batched: Flags) -> Sequence[Any]:
    """The axis moves up by one."""
    return [Recurrence(op.axis + 1)(*all_with_batch(inputs, batched))]


@vectorize_node.register(InBounds)
def in_bounds(op: InBounds, node: Apply, inputs: Inputs, batched: Flags) -> Sequence[Any] | None:
    """All entries at once, where they have one bound."""
    return None if batched[1] else [op(*inputs)]


@vectorize_node.register(ExtractDiag)
def extract_diag(op: ExtractDiag, node: Apply, inputs: Inputs, batched: Flags) -> Sequence[Any]:
    """Both axes move up by one."""
    return [ExtractDiag(op.offset, op.axis1 + 1, op.axis2 + 1)(inputs[0])]


@vectorize_node.register(WriteDiag)
def write_diag(op: WriteDiag, node: Apply, inputs: Inputs, batched: Flags) -> Sequence[Any]:
    """Both axes move up by one."""
    return [WriteDiag(op.offset, op.axis1 + 1, op.axis2 + 1)(*all_with_batch(inputs, batched))]
