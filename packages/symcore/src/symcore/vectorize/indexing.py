"""The rules of ``vectorize_node`` for reading and writing parts of tensors."""

from collections.abc import Sequence
from typing import Any

from symcore.graph.variable import Apply
from symcore.tensor.constant import constant
from symcore.tensor.creation import arange
from symcore.tensor.indexing import FULL, INPUT, count_inputs
from symcore.tensor.shapes import shape_i
from symcore.tensor.subtensor import AdvancedIncSubtensor, AdvancedSubtensor, IncSubtensor, Subtensor
from symcore.vectorize.dispatch import batch_length, padded, vectorize_node, with_batch

Inputs = Sequence[Any]
Flags = Sequence[bool]


@vectorize_node.register(Subtensor)
def subtensor(op: Subtensor, node: Apply, inputs: Inputs, batched: Flags) -> Sequence[Any] | None:
    """The whole batch, then the index; a gather where entries have indices of their own."""
    if not any(batched[1:]):
        return [Subtensor((FULL, *op.entries))(*inputs)]
    index = _Index.of_scalars(op.entries, inputs[1:], batched[1:])
    return None if index is None else [index.read(inputs[0], batched[0])]


@vectorize_node.register(IncSubtensor)
def inc_subtensor(op: IncSubtensor, node: Apply, inputs: Inputs, batched: Flags) -> Sequence[Any] | None:
    """The whole batch, then the index; a scatter where entries have indices of their own."""
    x, y, *scalars = inputs
    if any(batched[2:]):
        index = _Index.of_scalars(op.entries, scalars, batched[2:])
        return None if index is None else [index.write(x, batched[0], y, batched[1], node, op.set_instead)]
    x = x if batched[0] else with_batch(x, batch_length([y], [True]))
    rank = node.inputs[0].type.ndim - sum(not isinstance(e, tuple) for e in op.entries)
    return [IncSubtensor((FULL, *op.entries), op.set_instead)(x, padded(y, batched[1], rank), *scalars)]


@vectorize_node.register(AdvancedSubtensor)
def advanced_subtensor(op: AdvancedSubtensor, node: Apply, inputs: Inputs, batched: Flags) -> Sequence[Any] | None:
    """A gather, with the number of the entry as one more index array where entries have indices of their own."""
    index = _Index.of_arrays(op.entries, inputs[1:], batched[1:])
    return None if index is None else [index.read(inputs[0], batched[0])]


@vectorize_node.register(AdvancedIncSubtensor)
def advanced_inc_subtensor(
    op: AdvancedIncSubtensor, node: Apply, inputs: Inputs, batched: Flags
) -> Sequence[Any] | None:
    """A scatter, with the number of the entry as one more index array where entries have indices of their own."""
    index = _Index.of_arrays(op.entries, inputs[2:], batched[2:])
    return None if index is None else [index.write(inputs[0], batched[0], inputs[1], batched[1], node, op.set_instead)]


class _Index:
    """An index of slices and arrays for one entry, and where its parts come to stand in a result.

    ``rank``: the number of axes that the arrays have together; ``before``: how many slices stand before them, or
    ``None`` where slices part the arrays, so that their axes come first.
    """

    def __init__(self, entries: Sequence[Any], inputs: Inputs, batched: Flags):
        self.entries = tuple(entries)
        at = [k for k, e in enumerate(entries) if e == "array"]
        self.before = at[0] if at == list(range(at[0], at[-1] + 1)) else None
        taken = iter(zip(inputs, batched, strict=True))
        given = [[next(taken) for _ in range(1 if e == "array" else count_inputs([e]))] for e in entries]
        arrays = [pairs[0] for e, pairs in zip(entries, given, strict=True) if e == "array"]
        self.rank = max(v.type.ndim - b for v, b in arrays)
        #: Whether entries have indices of their own.
        self.own = any(b for _, b in arrays)
        self.inputs = [padded(v, b, self.rank) for pairs in given for v, b in pairs]

    @classmethod
    def of_scalars(cls, entries: Sequence[Any], scalars: Inputs, batched: Flags) -> "_Index | None":
        """Return a basic index as arrays and slices; ``None`` where the ends of slices differ between entries."""
        new: list[Any] = []
        inputs: list[Any] = []
        flags: list[bool] = []
        taken = iter(zip(scalars, batched, strict=True))
        for e in entries:
            if isinstance(e, tuple) or e == INPUT:
                needed = [next(taken) for _ in range(count_inputs([e]))]
                if isinstance(e, tuple) and any(b for _, b in needed):
                    return None
            else:
                needed = [(constant(e, dtype="int64"), False)]
            new.append(e if isinstance(e, tuple) else "array")
            inputs += [v for v, _ in needed]
            flags += [b for _, b in needed]
        return cls(new, inputs, flags)

    @classmethod
    def of_arrays(cls, entries: Sequence[Any], inputs: Inputs, batched: Flags) -> "_Index | None":
        """Return an index with arrays; ``None`` where it holds numbers too, or slices that differ between entries."""
        flags = iter(batched)
        for e in entries:
            if not isinstance(e, tuple) and e != "array":
                return None
            if [next(flags) for _ in range(1 if e == "array" else count_inputs([e]))].count(True) and e != "array":
                return None
        return cls(entries, inputs, batched)

    def _with_rows(self, x: Any) -> tuple[tuple[Any, ...], list[Any]]:
        """Return entries and inputs with the number of the entry as the first index array."""
        rows = arange(shape_i(x, 0)).dimshuffle(0, *["x"] * self.rank)
        return ("array", *self.entries), [rows, *self.inputs]

    def _order(self, x_batched: bool, ndim: int) -> list[int]:
        """Return the axes of what the index over the batch gives in the order batch, then as for one entry."""
        j, p = self.rank, self.before
        if not self.own:  # the batch is a slice before all
            return [j, *range(j), *range(j + 1, ndim)] if p is None else list(range(ndim))
        if not x_batched:
            return list(range(ndim)) if not p else [p, *range(p), *range(p + 1, ndim)]
        if not p:  # apart, or at the front: arrays come first, the batch first of all
            return list(range(ndim))
        return [0, *range(1 + j, 1 + j + p), *range(1, 1 + j), *range(1 + j + p, ndim)]

    def read(self, x: Any, x_batched: bool) -> Any:
        """Return the part of every entry."""
        if not self.own:
            entries, inputs = (FULL, *self.entries), self.inputs
        elif x_batched:
            entries, inputs = self._with_rows(x)
        else:
            entries, inputs = self.entries, self.inputs
        part = AdvancedSubtensor(entries)(x, *inputs)
        return part.dimshuffle(*self._order(x_batched, part.type.ndim))

    def write(self, x: Any, x_batched: bool, y: Any, y_batched: bool, node: Apply, set_instead: bool) -> Any:
        """Return every entry with its part written or added to. Duplicates of an entry keep their order."""
        if not x_batched:
            x = with_batch(x, batch_length([y, *self.inputs], [y_batched, *self._leading()]))
        rank = node.inputs[0].type.ndim - self.entries.count("array") + self.rank
        y = padded(y, True, rank) if y_batched else y.dimshuffle(*["x"] * (rank + 1 - y.type.ndim), *range(y.type.ndim))
        entries, inputs = self._with_rows(x) if self.own else ((FULL, *self.entries), self.inputs)
        order = self._order(True, rank + 1)
        y = y.dimshuffle(*[order.index(a) for a in range(rank + 1)])
        return AdvancedIncSubtensor(entries, set_instead)(x, y, *inputs)

    def _leading(self) -> list[bool]:
        """Tell which of the inputs have the batch in front."""
        return [v.type.ndim == self.rank + 1 and self.own for v in self.inputs]
