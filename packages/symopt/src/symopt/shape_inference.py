"""Shapes of variables in terms of the graph's inputs, so that nothing is computed only to look at its shape.

Every Op says with ``infer_shape`` how the shapes of its outputs follow from those of its inputs. Here these answers are
put together along the graph, once per variable: the shapes found are kept for as long as the graph lives. An expression
that was found before a later rewrite is still right, for rewriting keeps values; it is only checked that the
variables it measures directly are still part of the graph, lest it bring dead nodes back.
"""

import weakref
from collections.abc import Sequence
from typing import Any

from symcore.graph.variable import Constant
from symcore.tensor.shapes import Shape_i
from symcore.tensor.type import TensorType

#: One entry per axis: an int, or a 0-d int64 variable.
Dims = tuple[Any, ...]


class ShapeInference:
    """The shapes found so far for one graph, or for no graph in particular."""

    def __init__(self, fgraph: Any = None):
        self._fgraph = None if fgraph is None else weakref.ref(fgraph)
        self._known: dict[Any, Dims] = {}

    def __call__(self, variable: Any) -> Dims:
        """Return the shape of a tensor variable. It may belong to the graph, or be built on variables of it."""
        fresh: set[Any] = set()
        stack = [variable]
        while stack:
            v = stack[-1]
            if self._has(v, fresh):
                stack.pop()
                continue
            node = v.owner
            if node is None or None not in v.type.shape:
                self._known[v] = _own_shape(v)
                fresh.add(v)
                stack.pop()
                continue
            waiting = [x for x in node.inputs if isinstance(x.type, TensorType) and not self._has(x, fresh)]
            if waiting:
                stack.extend(waiting)
            else:
                self._infer(node)
                fresh.update(node.outputs)
                stack.pop()
        return self._known[variable]

    def _has(self, v: Any, fresh: set[Any]) -> bool:
        if v in fresh:
            return True
        dims = self._known.get(v)
        if dims is None or not self._alive(dims):
            return False
        fresh.add(v)
        return True

    def _alive(self, dims: Dims) -> bool:
        """Tell whether the variables that ``dims`` measures directly are still in the graph."""
        fgraph = self._fgraph() if self._fgraph is not None else None
        if fgraph is None:
            return True
        for d in dims:
            if not isinstance(d, int) and d.owner is not None and type(d.owner.op) is Shape_i:
                source = d.owner.inputs[0]
                if source.owner is not None and source not in fgraph.clients:
                    return False
        return True

    def _infer(self, node: Any) -> None:
        shapes = [self._known[x] if isinstance(x.type, TensorType) else None for x in node.inputs]
        inferred: Sequence[Any] = node.op.infer_shape(node, shapes)
        for output, dims in zip(node.outputs, inferred, strict=True):
            if not isinstance(output.type, TensorType):
                continue
            if dims is None:
                self._known[output] = _own_shape(output)
            else:
                self._known[output] = tuple(
                    _as_dim(found) if static is None else static
                    for static, found in zip(output.type.shape, dims, strict=True))


def _own_shape(v: Any) -> Dims:
    """Return the shape that can only be measured on the variable itself."""
    return tuple(Shape_i(i)(v) if d is None else d for i, d in enumerate(v.type.shape))


def _as_dim(d: Any) -> Any:
    return int(d.data) if isinstance(d, Constant) else d


_found: "weakref.WeakKeyDictionary[Any, ShapeInference]" = weakref.WeakKeyDictionary()


def shape_of(variable: Any, fgraph: Any = None) -> Dims:
    """Return the shape of ``variable``: per axis an int where it is known, else a 0-d int64 variable built on the
    inputs of the graph. Without ``fgraph`` nothing is remembered."""
    if None not in variable.type.shape:
        return variable.type.shape
    if fgraph is None:
        return ShapeInference()(variable)
    shapes = _found.get(fgraph)
    if shapes is None:
        shapes = _found[fgraph] = ShapeInference(fgraph)
    return shapes(variable)

