"""``IndexedMap``: elementwise work on rows that an index takes from tables, without the tensor of those rows.

Rewriting makes it; nobody has to ask for it. It means exactly ``Elemwise(map)`` of ``x[index]`` and the other inputs,
and perhaps a ``Reduce`` of the first result, and everything but its C is written as that.
"""

from collections.abc import Sequence
from typing import Any

from symcore.graph.null import disconnected
from symcore.graph.variable import Apply
from symcore.op import Op, Shape
from symcore.tensor.broadcast import broadcast_shape
from symcore.tensor.constant import as_tensors
from symcore.tensor.elemwise import Composite, Elemwise, fitting
from symcore.tensor.reduce import NAMES, REDUCTIONS, Reduce
from symcore.tensor.subtensor import AdvancedSubtensor

#: What takes rows of a table.
ROWS = AdvancedSubtensor(("array",))


class IndexedMap(Op):
    """Apply ``map`` to every element of the inputs, broadcast, where some inputs are rows ``x[index]`` of tables ``x``.

    Inputs: those of ``map``, with the table in the place of its rows for each position in ``tables``; then one integer
    array of any rank from 1 on for each of them, in the same order. A table has rank 2 at least. Outputs: the results
    of ``map``; with ``fn`` the first one is combined along ``axis``, as by ``Reduce(fn, axis, dtype, acc_dtype)``.

    Raises ``ValueError`` for positions that ``map`` has not, or not once and in order, and for a reduction that does
    not exist; ``TypeError`` for another number of inputs, for a table without rows and for an index without axes.
    Computing it raises ``IndexError`` for a row that a table does not have.
    """

    map: Any
    tables: tuple[int, ...]
    fn: str = ""
    axis: tuple[int, ...] = ()
    dtype: str = ""
    acc_dtype: str = ""

    @property
    def elemwise(self) -> Elemwise:
        """The Op that computes the results from the rows."""
        return Elemwise(self.map)

    @property
    def reduce(self) -> Reduce | None:
        """The Op that combines the first result, if one does."""
        return Reduce(self.fn, self.axis, self.dtype, self.acc_dtype) if self.fn else None

    @property
    def operations(self) -> int:
        """How many operations of the expression it does at once."""
        steps = len(self.map.steps) if isinstance(self.map, Composite) else 1
        return steps + len(self.tables) + bool(self.fn)

    def make_node(self, *inputs: Any) -> Apply:
        variables = as_tensors(inputs)
        count = len(variables) - len(self.tables)
        if not self.tables or self.tables[0] < 0 or list(self.tables) != sorted(set(self.tables)):
            raise ValueError(
                f"{self} has tables={self.tables}: give positions of inputs of the map, in order, each once."
            )
        if self.fn and self.fn not in REDUCTIONS:
            raise ValueError(f"{self} cannot combine with {self.fn!r}; it can with {', '.join(REDUCTIONS)}.")
        if count <= self.tables[-1] or self.map.nin not in (None, count):
            raise TypeError(
                f"{self} takes the inputs of {self.map}, of which {self.tables} are tables, and an index for each of "
                f"these; got {len(variables)} inputs."
            )
        for table, index in self._pairs(variables):
            if table.type.ndim < 2 or index.type.ndim < 1:
                raise TypeError(
                    f"{self} takes rows of tensors of rank 2 and more by arrays of rank 1 and more, got {table.type} "
                    f"and {index.type}. Of others, give the elements: x[index]."
                )
        parts = [ROWS.make_node(*pair) for pair in self._pairs(variables)]
        inputs = (*variables[:count], *(part.inputs[1] for part in parts))
        outputs = [y.type() for y in self.mapped(inputs).outputs]
        if self.reduce is not None:
            outputs[0] = self.reduce.make_node(outputs[0]).outputs[0].type()
        return Apply(self, list(inputs), outputs)

    def _pairs(self, values: Sequence[Any]) -> list[tuple[Any, Any]]:
        """Return each table with its index, of inputs or of what stands for them."""
        first = len(values) - len(self.tables)
        return [(values[k], values[first + n]) for n, k in enumerate(self.tables)]

    def _read(self, values: Sequence[Any], rows: Sequence[Any]) -> list[Any]:
        """Return what the map reads: ``values`` without the indices, ``rows`` in the places of the tables."""
        read = list(values[: len(values) - len(self.tables)])
        for k, row in zip(self.tables, rows, strict=True):
            read[k] = row
        return read

    def mapped(self, inputs: Sequence[Any]) -> Apply:
        """Return the elementwise work alone, as a node on the tensors of rows."""
        return self.elemwise.make_node(*self._read(inputs, [ROWS(*pair) for pair in self._pairs(inputs)]))

    def read_by_map(self, inputs: Sequence[Any], shapes: Sequence[Shape]) -> tuple[list[Any], list[Shape]]:
        """Return the types and the shapes of what the map reads, for inputs of the given shapes."""
        rows = [tuple(index) + tuple(table[1:]) for table, index in self._pairs(shapes)]
        return [v.type for v in self.mapped(inputs).inputs], self._read(shapes, rows)

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        types, shapes = self.read_by_map(node.inputs, input_shapes)
        whole = broadcast_shape(types, shapes)
        kept = tuple(n for a, n in enumerate(whole) if a not in self.axis)
        return [kept if self.fn and k == 0 else whole for k in range(len(node.outputs))]

    def perform(self, node: Apply, *inputs: Any) -> Any:
        read = self._read(inputs, [table[index] for table, index in self._pairs(inputs)])
        results = self.elemwise.perform(self.mapped(node.inputs), *read)
        if self.reduce is None:
            return results
        first, *others = results if isinstance(results, tuple) else (results,)
        first = self.reduce.perform(node, first)
        return (first, *others) if others else first

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        count = len(node.inputs) - len(self.tables)
        return [[k < count] * len(node.outputs) for k in range(len(node.inputs))]

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        node = self.mapped(inputs)
        grads = list(output_grads)
        if self.reduce is not None and grads[0] is not None:
            [grads[0]] = self.reduce.L_op(node.outputs[:1], outputs[:1], grads[:1])
        if all(g is None for g in grads):
            found: list[Any] = [None] * len(node.inputs)
        else:
            found = self.elemwise.L_op(node.inputs, node.outputs, grads)
        for (_, index), k in zip(self._pairs(inputs), self.tables, strict=True):
            if found[k] is not None:
                found[k] = ROWS.L_op([inputs[k], index], [node.inputs[k]], [found[k]])[0]
        return [*found, *(disconnected() for _ in self.tables)]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        node = self.mapped(inputs)
        rows = [None if t is None else ROWS(t, index) for (t, _), (_, index) in zip(
            self._pairs(tangents), self._pairs(inputs), strict=True)]
        found = self.elemwise.R_op(node.inputs, node.outputs, self._read(tangents, rows))
        if self.reduce is not None and found[0] is not None:
            found[:1] = self.reduce.R_op(node.outputs[:1], outputs[:1], found[:1])
        return found

    def inplace(self, node: Apply) -> dict[int, tuple[int, ...]]:
        """A result may overwrite what is read at the same element alone: no table, and no result that is combined."""
        count = len(node.inputs) - len(self.tables)
        read_alone = [i for i in range(count) if i not in self.tables]
        return fitting(range(bool(self.fn), len(node.outputs)), read_alone, node)

    def __str__(self) -> str:
        combined = f"{NAMES[self.fn]}{{axis={self.axis}, acc_dtype={self.acc_dtype}}} of " if self.fn in NAMES else ""
        return f"{combined}{self.map} of indexed rows"

    __repr__ = __str__
