"""How one node becomes the node that does its work for every entry of a batch.

``vectorize_node(op, node, inputs, batched)`` is a single-dispatch function on the class of the Op. Its rules get the
node, and its inputs as they are now: where ``batched[k]`` is true, input ``k`` has one axis more than the node's own,
the batch, in front; the others are the same for every entry. A rule returns one variable per output, with the batch
in front or, where the output is the same for every entry, without; or ``None``, which leaves the node to ``Blockwise``.
"""

import functools
from collections.abc import Collection, Sequence
from typing import Any

from symcore.graph import trace
from symcore.graph.collector import full_collections_wait
from symcore.graph.traverse import toposort
from symcore.graph.variable import Apply, Variable
from symcore.op import Op
from symcore.tensor.creation import Alloc
from symcore.tensor.shapes import shape_i
from symcore.tensor.type import TensorType

Mapped = dict[Variable[Any], Variable[Any]]


@functools.singledispatch
def vectorize_node(op: Any, node: Apply, inputs: Sequence[Any], batched: Sequence[bool]) -> Sequence[Any] | None:
    """Return the outputs of ``node`` over a batch; see the module. The rule for ``Op`` itself is ``Blockwise``."""
    raise TypeError(f"{op!r} is no Op.")


def walk(outputs: Sequence[Any], mapping: Mapped, blockers: Collection[Variable[Any]] = ()) -> list[Any]:
    """Return ``outputs`` with the keys of ``mapping`` replaced by its values, which may have a batch axis in front.

    ``mapping`` is extended by what was built. Nothing behind ``blockers`` is looked at.
    """
    with full_collections_wait:
        for node in toposort(outputs, {*mapping, *blockers}):
            if mapping.keys().isdisjoint(node.inputs):
                continue
            inputs = [mapping.get(v, v) for v in node.inputs]
            batched = [has_batch(new, old) for new, old in zip(inputs, node.inputs, strict=True)]
            with trace.inherit(node.trace):
                results = _vectorized(node, inputs, batched)
            for y, new in zip(node.outputs, results, strict=True):
                if new.name is None and new.owner is not None:
                    new.name = y.name
                mapping.setdefault(y, new)
    return [mapping.get(v, v) for v in outputs]


def _vectorized(node: Apply, inputs: Sequence[Any], batched: Sequence[bool]) -> Sequence[Any]:
    if not any(batched):
        return node.clone_with_new_inputs(inputs).outputs
    results = vectorize_node(node.op, node, inputs, batched)
    if results is None:
        results = vectorize_node.dispatch(Op)(node.op, node, inputs, batched)
        assert results is not None
    for k, (y, new) in enumerate(zip(node.outputs, results, strict=True)):
        ranks = (y.type.ndim, y.type.ndim + 1) if isinstance(y.type, TensorType) else (None,)
        if getattr(new.type, "ndim", None) not in ranks or getattr(new.type, "dtype", None) != getattr(
            y.type, "dtype", None
        ):
            raise TypeError(
                f"the rule of vectorize_node for {node.op} made output {k} of type {y.type} into {new.type}; "
                "over a batch it has the same dtype and at most one axis more."
            )
    return results


def has_batch(new: Any, old: Any) -> bool:
    """Tell whether ``new``, which stands for ``old``, has the batch in front."""
    return isinstance(old.type, TensorType) and new.type.ndim == old.type.ndim + 1


def batch_length(inputs: Sequence[Any], batched: Sequence[bool]) -> Any:
    """Return the length of the batch: a constant where some type knows it."""
    with_batch = [x for x, b in zip(inputs, batched, strict=True) if b]
    known = [x for x in with_batch if x.type.shape[0] is not None]
    return shape_i((known or with_batch)[0], 0)


def with_batch(x: Any, length: Any) -> Any:
    """Return ``x`` repeated along a new first axis."""
    return Alloc()(x, length, *[shape_i(x, i) for i in range(x.type.ndim)])


def all_with_batch(inputs: Sequence[Any], batched: Sequence[bool]) -> list[Any]:
    """Return the inputs, those without a batch repeated."""
    if all(batched):
        return list(inputs)
    length = batch_length(inputs, batched)
    return [x if b else with_batch(x, length) for x, b in zip(inputs, batched, strict=True)]


def padded(x: Any, batched: bool, ndim: int) -> Any:
    """Return ``x`` with axes of length 1 after the batch, so that each entry has ``ndim`` axes."""
    if not batched or x.type.ndim == ndim + 1:
        return x
    return x.dimshuffle(0, *["x"] * (ndim + 1 - x.type.ndim), *range(1, x.type.ndim))
