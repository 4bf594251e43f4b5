"""Shapes of variables in terms of the graph's inputs, so that nothing is computed only to look at its shape.

Every Op says with ``infer_shape`` how the shapes of its outputs follow from those of its inputs. Here these answers are
put together along the graph, one axis of one variable at a time; the most common Ops, whose lengths are lengths of an
input, are followed without asking. Lengths found are kept for as long as the graph lives. An expression that was
found before a later rewrite is still right, for rewriting keeps values; it is only checked that the variable it
measures is still part of the graph, lest it bring dead nodes back.
"""

import weakref
from collections.abc import Callable
from typing import Any

from symcore.graph.variable import Constant
from symcore.tensor.elemwise import Elemwise
from symcore.tensor.products import Dot, Gemm, Gemv, Ger
from symcore.tensor.reduce import Reduce
from symcore.tensor.shapes import DimShuffle, Shape_i
from symcore.tensor.type import TensorType

#: One entry per axis: an int, or a 0-d int64 variable.
Dims = tuple[Any, ...]
#: One axis of one variable.
Axis = tuple[Any, int]

# ---------------------------------------------------------------------- Ops whose lengths are lengths of an input


def _through_elemwise(node: Any, output: int, axis: int) -> Axis | None:
    ndim = node.outputs[0].type.ndim
    best: Axis | None = None
    for v in node.inputs:
        own = axis - ndim + v.type.ndim
        if own < 0:
            continue
        length = v.type.shape[own]
        if length == 1:
            continue
        if length is not None or v.owner is None:
            return v, own
        if best is None:
            best = v, own
    return best


def _through_dimshuffle(node: Any, output: int, axis: int) -> Axis | None:
    return node.inputs[0], node.op.order[axis]


def _through_reduce(node: Any, output: int, axis: int) -> Axis | None:
    left = [a for a in range(node.inputs[0].type.ndim) if a not in node.op.axis]
    return node.inputs[0], left[axis]


def _through_dot(node: Any, output: int, axis: int) -> Axis | None:
    x, y = node.inputs
    rows = x.type.ndim - 1
    return (x, axis) if axis < rows else (y, axis - rows + 1)


def _through_blas(node: Any, output: int, axis: int) -> Axis | None:
    return node.inputs[0], axis


_THROUGH: dict[type, Callable[[Any, int, int], Axis | None]] = {
    Elemwise: _through_elemwise, DimShuffle: _through_dimshuffle, Reduce: _through_reduce, Dot: _through_dot,
    Gemm: _through_blas, Gemv: _through_blas, Ger: _through_blas,
}


class ShapeInference:
    """The lengths found so far for one graph, or for no graph in particular."""

    def __init__(self, fgraph: Any = None):
        self._fgraph = None if fgraph is None else weakref.ref(fgraph)
        self._known: dict[Axis, Any] = {}

    def __call__(self, variable: Any) -> Dims:
        """Return the shape of a tensor variable. It may belong to the graph, or be built on variables of it."""
        return tuple([self.length(variable, axis) if known is None else known
                      for axis, known in enumerate(variable.type.shape)])

    def length(self, variable: Any, axis: int) -> Any:
        """Return the length of a tensor along one axis: an int, or a 0-d int64 variable."""
        found: dict[Axis, Any] = {}  # in this call; what an earlier one found may be out of date
        stack: list[Axis] = [(variable, axis)]
        while stack:
            request = stack[-1]
            if self._look_up(request, found) is not None:
                stack.pop()
                continue
            v, a = request
            node = v.owner
            through = None if node is None else _THROUGH.get(type(node.op))
            source = through(node, v.index, a) if through is not None else None
            if source is not None:
                length = self._look_up(source, found)
                if length is None:
                    stack.append(source)
                    continue
            elif node is None:
                length = Shape_i(a)(v)
            else:
                waiting = [(x, k) for x in node.inputs if isinstance(x.type, TensorType) for k in range(x.type.ndim)
                           if self._look_up((x, k), found) is None]
                if waiting:
                    stack.extend(waiting)
                    continue
                length = self._ask(node, v, a, found)
            found[request] = self._known[request] = length
            stack.pop()
        return self._look_up((variable, axis), found)

    def _look_up(self, request: Axis, found: dict[Axis, Any]) -> Any:
        v, axis = request
        static = v.type.shape[axis]
        if static is not None:
            return static
        length = found.get(request)
        if length is None:
            length = self._known.get(request)
            if length is not None:
                if not self._alive(length):
                    return None
                found[request] = length
        return length

    def _alive(self, length: Any) -> bool:
        """Tell whether the variable that ``length`` measures is still in the graph."""
        if isinstance(length, int) or length.owner is None or type(length.owner.op) is not Shape_i:
            return True
        source = length.owner.inputs[0]
        fgraph = self._fgraph() if self._fgraph is not None else None
        return source.owner is None or fgraph is None or source in fgraph.clients

    def _ask(self, node: Any, v: Any, axis: int, found: dict[Axis, Any]) -> Any:
        """Return what the Op says; without an answer, the length can only be measured."""
        shapes = [tuple(self._look_up((x, k), found) for k in range(x.type.ndim))
                  if isinstance(x.type, TensorType) else None for x in node.inputs]
        dims = node.op.infer_shape(node, shapes)[v.index]
        if dims is None:
            return Shape_i(axis)(v)
        return int(dims[axis].data) if isinstance(dims[axis], Constant) else dims[axis]


_found: "weakref.WeakKeyDictionary[Any, ShapeInference]" = weakref.WeakKeyDictionary()


def shape_inference(fgraph: Any = None) -> ShapeInference:
    """Return what is known of the shapes of a graph. Without a graph nothing is remembered."""
    if fgraph is None:
        return ShapeInference()
    shapes = _found.get(fgraph)
    if shapes is None:
        shapes = _found[fgraph] = ShapeInference(fgraph)
    return shapes


def shape_of(variable: Any, fgraph: Any = None) -> Dims:
    """Return the shape of ``variable``: per axis an int where it is known, else a 0-d int64 variable built on the
    inputs of the graph ``fgraph`` to which it belongs, or on whose variables it is built."""
    if None not in variable.type.shape:
        known: Dims = variable.type.shape
        return known
    return shape_inference(fgraph)(variable)
