"""``Blockwise``: any Op over a batch, entry by entry; for Ops that have no rule of their own."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from symcore.graph.clone import clone_graph
from symcore.graph.null import DisconnectedType, NullType
from symcore.graph.traverse import ancestors
from symcore.graph.variable import Apply, Constant, Variable
from symcore.interpreter import evaluate, run_node
from symcore.op import Op, Shape
from symcore.tensor.type import TensorType
from symcore.vectorize import along_axes, indexing, tensors
from symcore.vectorize.dispatch import batch_length, has_batch, vectorize_node, walk, with_batch
from symcore.vectorize.stacks import over_stack

#: The modules whose import registers the rules of single Ops; derivatives of ``Blockwise`` are made with them.
RULES = (along_axes, indexing, tensors)


class Blockwise(Op):
    """Apply ``op`` to every entry of the inputs that have a batch axis in front, and stack the results.

    Linear algebra runs on all entries in one call (see ``stacks``); other Ops run entry by entry.

    ``batched`` says which inputs have one; the others are the same for every entry. Entries do not feed each other, so
    derivatives are those of ``op`` over a batch, summed over it for inputs that all entries share.
    """

    op: Op
    batched: tuple[bool, ...]

    def __init__(self, op: Op, batched: Sequence[bool]):
        super().__init__(op, tuple(map(bool, batched)))
        self.__dict__["pure"] = op.pure

    def make_node(self, *inputs: Any) -> Apply:
        if len(inputs) != len(self.batched) or not any(self.batched):
            raise TypeError(f"{self} takes {len(self.batched)} inputs, at least one over a batch; got {len(inputs)}.")
        for k, (x, b) in enumerate(zip(inputs, self.batched, strict=True)):
            if b and not (isinstance(x.type, TensorType) and x.type.ndim):
                raise TypeError(f"input {k} of {self} must be a tensor with a batch in front, got {x.type}.")
        core = self._core(inputs)
        for k, y in enumerate(core.outputs):
            if not isinstance(y.type, TensorType):
                raise TypeError(
                    f"{self.op} cannot run over a batch: its output {k} is of type {y.type}, which has no axes. "
                    "(A random draw over a batch: give the draw a size that includes the batch.)"
                )
        known = [
            x.type.shape[0] for x, b in zip(inputs, self.batched, strict=True) if b and x.type.shape[0] is not None
        ]
        length = known[0] if known else None
        return Apply(self, inputs, [TensorType(y.type.dtype, (length, *y.type.shape))() for y in core.outputs])

    def _core(self, inputs: Sequence[Any]) -> Apply:
        """Return the node for one entry, on variables of its own (constants stay)."""
        given = [
            TensorType(x.type.dtype, x.type.shape[1:])() if b else x if isinstance(x, Constant) else x.type()
            for x, b in zip(inputs, self.batched, strict=True)
        ]
        node = self.op.make_node(*given)
        if node.inputs != given:
            raise TypeError(f"make_node of {self.op} changes inputs that fit already, so it cannot run over a batch.")
        return node

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape | None]:
        core = self._core(node.inputs)
        shapes = [s[1:] if b else s for s, b in zip(input_shapes, self.batched, strict=True)]
        length = next(s[0] for s, b in zip(input_shapes, self.batched, strict=True) if b)
        fixed = dict(self._pairs(core.inputs, node.inputs, batched=False))
        varying = {c for c, _ in self._pairs(core.inputs, node.inputs, batched=True)}
        found: list[Shape | None] = []
        for shape in self.op.infer_shape(core, shapes):
            symbolic = [n for n in shape or () if isinstance(n, Variable)]
            if shape is None or any(v in varying for v in ancestors(symbolic)):
                found.append(None)
                continue
            new = iter(clone_graph(symbolic, dict(fixed)))
            found.append((length, *(next(new) if isinstance(n, Variable) else n for n in shape)))
        return found

    def _pairs(self, core: Sequence[Any], outer: Sequence[Any], batched: bool) -> list[tuple[Any, Any]]:
        return [(c, x) for c, x, b in zip(core, outer, self.batched, strict=True) if b == batched]

    def perform(self, node: Apply, *values: Any) -> Any:
        lengths = {x.shape[0] for x, b in zip(values, self.batched, strict=True) if b}
        if len(lengths) > 1:
            raise ValueError(f"{self}: the batches of the inputs have different lengths: {sorted(lengths)}.")
        core = self._core(node.inputs)
        length = lengths.pop()
        whole = over_stack(self.op, values, self.batched) if length else None
        if whole is not None:
            whole = tuple([r.astype(y.type.dtype, copy=False) for r, y in zip(whole, node.outputs, strict=True)])
            return whole if len(whole) > 1 else whole[0]
        rows = [
            run_node(core, [np.asarray(x[k]) if b else x for x, b in zip(values, self.batched, strict=True)])
            for k in range(length)
        ]
        if not rows:
            results = [
                np.zeros((0, *shape), y.type.dtype)
                for y, shape in zip(core.outputs, self._entry_shapes(core, values), strict=True)
            ]
        else:
            results = [np.stack(column) for column in zip(*rows, strict=True)]
        return tuple(results) if len(results) > 1 else results[0]

    def _entry_shapes(self, core: Apply, values: Sequence[Any]) -> list[tuple[int, ...]]:
        """Return the shapes of the results for one entry where there is none; 0 for a length that only values tell."""
        given = {c: x for c, x in self._pairs(core.inputs, values, batched=False) if not isinstance(c, Constant)}
        varying = {c for c, _ in self._pairs(core.inputs, values, batched=True)}
        shapes = [np.shape(x)[1:] if b else np.shape(x) for x, b in zip(values, self.batched, strict=True)]
        found = []
        for y, shape in zip(core.outputs, self.op.infer_shape(core, shapes), strict=True):
            lengths = []
            for n in y.type.shape if shape is None else shape:
                unknown = n is None or (isinstance(n, Variable) and any(v in varying for v in ancestors([n])))
                lengths.append(0 if unknown else int(evaluate(n, given)) if isinstance(n, Variable) else int(n))
            found.append(tuple(lengths))
        return found

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return self.op.connection_pattern(self._core(node.inputs))

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        core = self._core(inputs)
        seeds = [TensorType(g.type.dtype, g.type.shape[1:])() for g in output_grads]
        terms = self.op.L_op(list(core.inputs), list(core.outputs), list(seeds))
        mapping = self._mapping(core, inputs, outputs) | dict(zip(seeds, output_grads, strict=True))
        length = batch_length(inputs, self.batched)
        results = []
        for term, batched in zip(terms, self.batched, strict=True):
            if term is None or isinstance(term.type, (DisconnectedType, NullType)):
                results.append(term)
                continue
            [new] = walk([term], mapping)
            if has_batch(new, term):
                results.append(new if batched else new.sum(axis=0, dtype=new.type.dtype))
            else:
                results.append(with_batch(new, length) if batched else new * length.astype(new.type.dtype))
        return results

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        core = self._core(inputs)
        points = [
            None if t is None else TensorType(t.type.dtype, t.type.shape[1:] if b else t.type.shape)()
            for t, b in zip(tangents, self.batched, strict=True)
        ]
        terms = self.op.R_op(list(core.inputs), list(core.outputs), list(points))
        mapping = self._mapping(core, inputs, outputs)
        mapping |= {p: t for p, t in zip(points, tangents, strict=True) if p is not None}
        length = batch_length(inputs, self.batched)
        results = []
        for term in terms:
            new = None if term is None else walk([term], mapping)[0]
            results.append(new if new is None or has_batch(new, term) else with_batch(new, length))
        return results

    def _mapping(self, core: Apply, inputs: Sequence[Any], outputs: Sequence[Any]) -> dict[Any, Any]:
        pairs = zip((*core.inputs, *core.outputs), (*inputs, *outputs), strict=True)
        return {c: x for c, x in pairs if c is not x}

    def __str__(self) -> str:
        return f"Blockwise{{{self.op}}}"

    __repr__ = __str__


@vectorize_node.register(Op)
def _over_a_batch(op: Op, node: Apply, inputs: Sequence[Any], batched: Sequence[bool]) -> Sequence[Any]:
    return Blockwise(op, batched).make_node(*inputs).outputs
