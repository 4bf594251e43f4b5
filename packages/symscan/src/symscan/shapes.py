"""The shapes of what a step makes, from those of the loop's inputs."""

from collections.abc import Sequence
from typing import Any

from symcore.graph.clone import clone_graph
from symcore.graph.fgraph import FunctionGraph
from symcore.graph.traverse import ancestors
from symcore.graph.variable import Constant
from symcore.interpreter import evaluate
from symcore.op import Shape
from symcore.tensor.constant import as_tensor
from symcore.tensor.shapes import Shape_i
from symopt.shape_inference import shape_of
from symscan.spec import Spec


def row_shape(
    spec: Spec, fgraph: FunctionGraph, made: Any, inputs: Sequence[Any], shapes: Sequence[Any]
) -> Shape | None:
    """Return the shape of ``made``, a result of a step; ``None`` if only a step can tell.

    ``inputs`` and ``shapes``: the variables that the node has as inputs, and their shapes. Lengths are ints or integer
    variables.
    """
    known = made.type.shape
    if None not in known:
        return tuple(known)
    inner, outer, outer_shapes = spec.inner(fgraph.inputs), spec.outer(list(inputs)), spec.outer(list(shapes))
    lengths: dict[Any, Any] = {}
    groups = zip(inner.sequences + inner.states, outer_shapes.sequences + outer_shapes.states, strict=True)
    for taps, shape in groups:
        lengths.update((v, shape[1:]) for v in taps)
    lengths.update(zip(inner.non_sequences, outer_shapes.non_sequences, strict=True))
    mapping: dict[Any, Any] = dict(zip(inner.non_sequences, outer.non_sequences, strict=True))
    wanted = [as_tensor(n) for n in shape_of(made)]
    for v in list(ancestors(wanted)):
        node = v.owner
        if node is not None and type(node.op) is Shape_i and lengths.get(node.inputs[0]) is not None:
            mapping[v] = as_tensor(lengths[node.inputs[0]][node.op.i]).astype("int64")
    found = clone_graph(wanted, mapping)
    own = set(fgraph.inputs) | set(fgraph.clients)
    if any(v in own and not isinstance(v, Constant) for v in ancestors(found)):
        return None
    return tuple(int(n.data) if isinstance(n, Constant) else n for n in found)


def row_shape_of_values(
    spec: Spec, fgraph: FunctionGraph, made: Any, variables: Sequence[Any], values: Sequence[Any]
) -> tuple[int, ...]:
    """Return the shape of ``made`` for inputs with the given values; lengths that only a step can tell are 0."""
    shapes = [getattr(x, "shape", None) for x in values]
    fresh = [v.type() for v in variables]
    found = row_shape(spec, fgraph, made, fresh, shapes)
    if found is None:
        return tuple(n or 0 for n in made.type.shape)
    given = dict(zip(fresh, values, strict=True))
    return tuple(n if isinstance(n, int) else int(evaluate(n, given)) for n in found)
