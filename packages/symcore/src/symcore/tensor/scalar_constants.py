"""What number a 0-d expression stands for, found without computing the graph: ``get_scalar_constant_value``."""

from typing import Any

import numpy as np

from symcore.errors import SymstackError
from symcore.graph.variable import Apply, Constant, Variable
from symcore.tensor.constant import scalar_value
from symcore.tensor.creation import Alloc
from symcore.tensor.elemwise import Elemwise, ScalarFn
from symcore.tensor.shapes import DimShuffle, MakeVector, Reshape, Shape_i, ShapeOf, SpecifyShape
from symcore.tensor.subtensor import Subtensor
from symcore.tensor.type import TensorType


class NotScalarConstantError(SymstackError, ValueError):
    """A variable is not known, while the graph is built, to have one value in all its elements."""


class EmptyConstantError(NotScalarConstantError):
    """A constant has no element that could be its value."""


#: Ops whose output holds nothing but values of their first input.
_SAME_VALUES = (Alloc, DimShuffle, Reshape, SpecifyShape, Subtensor)


def get_scalar_constant_value(
    v: Any, elemwise: bool = True, only_process_constants: bool = False, max_recur: int = 10
) -> np.ndarray[Any, Any]:
    """Return the one number that every element of ``v`` is known to have.

    Looks through fills, casts, reshapes, views, known shapes, and (with ``elemwise``) arithmetic of numbers.

    Parameters
    ----------
    v
        A number, an array, or a variable.
    elemwise
        Compute scalar functions whose inputs are all known.
    only_process_constants
        Look at constants alone, behind nothing.
    max_recur
        How many nodes to look behind.

    Returns
    -------
    A 0-d array of the dtype of ``v``.

    Raises
    ------
    NotScalarConstantError
        When the value is not known, or not the same everywhere; ``EmptyConstantError`` for a constant of no elements.
    """
    if not isinstance(v, Variable):
        return _of_array(np.asarray(v))
    if not isinstance(v.type, TensorType):
        raise NotScalarConstantError(f"{v} is of type {v.type}: only tensors have a number as their value.")
    found = _known(v, elemwise, 0 if only_process_constants else max_recur)
    if found is None:
        raise NotScalarConstantError(f"the value of {v} ({v.type}) is not known while the graph is built.")
    return np.array(found, dtype=v.type.dtype)


def _of_array(array: Any) -> Any:
    if array.dtype.kind not in "biufc":
        raise NotScalarConstantError(f"expected a number, an array or a tensor variable, got {array!r}.")
    if not array.size:
        raise EmptyConstantError(f"an array of shape {array.shape} has no element.")
    first = array.flat[0]
    if array.size > 1 and not bool((array == first).all()):
        raise NotScalarConstantError(f"the elements of an array of shape {array.shape} are not all equal.")
    return np.array(first)


def _known(v: Any, elemwise: bool, depth: int) -> Any:
    """Return the value as a NumPy scalar, or ``None``. ``depth`` bounds the recursion."""
    if isinstance(v, Constant):
        if not v.data.size:
            raise EmptyConstantError(f"the constant {v} of shape {v.data.shape} has no element.")
        return scalar_value(v)
    node = v.owner
    if node is None or depth <= 0:
        return None
    if isinstance(node.op, Shape_i):
        return node.inputs[0].type.shape[node.op.i]
    if isinstance(node.op, Subtensor):
        item = _item(node, elemwise, depth)
        if item is not None:
            return item
    if isinstance(node.op, MakeVector):
        parts = [_known(x, elemwise, depth - 1) for x in node.inputs]
        return parts[0] if None not in parts and all(p == parts[0] for p in parts) else None
    if isinstance(node.op, _SAME_VALUES):
        return _known(node.inputs[0], elemwise, depth - 1)
    if isinstance(node.op, Elemwise) and isinstance(node.op.fn, ScalarFn):
        return _of_function(node, elemwise, depth)
    return None


def _item(node: Apply, elemwise: bool, depth: int) -> Any:
    """The value of ``vector[k]``, for a vector that is a shape or made of parts."""
    source, entries = node.inputs[0].owner, node.op.entries  # type: ignore[attr-defined]
    if source is None or len(entries) != 1 or not isinstance(entries[0], int):
        return None
    if isinstance(source.op, ShapeOf):
        return source.inputs[0].type.shape[entries[0]]
    return _known(source.inputs[entries[0]], elemwise, depth - 1) if isinstance(source.op, MakeVector) else None


def _of_function(node: Apply, elemwise: bool, depth: int) -> Any:
    name = node.op.fn.name  # type: ignore[attr-defined]
    if name == "second":
        return _known(node.inputs[1], elemwise, depth - 1)
    if not elemwise and not name.startswith("cast_") and name != "identity":
        return None
    values = [_known(x, elemwise, depth - 1) for x in node.inputs]
    if any(value is None for value in values):
        return None
    arrays = [np.array(value, dtype=x.type.dtype) for value, x in zip(values, node.inputs, strict=True)]
    with np.errstate(all="ignore"):
        return node.op.fn.compute(arrays)[0][()]  # type: ignore[attr-defined]
