"""What stands between the brackets: how an index is taken apart and how long a slice is.

A basic index is a tuple of entries, one per axis of the indexed tensor from the left: an ``int``, ``INPUT`` (the next
scalar input of the node), or ``("slice", start, stop, step)`` whose parts are ints, ``None`` or ``INPUT``. Entries are
hashable, so they can be parameters of an Op.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from symcore.graph.variable import Apply, Constant, Variable
from symcore.op import Op, Shape
from symcore.tensor.constant import as_tensor
from symcore.tensor.shapes import INPUT, as_length
from symcore.tensor.slices import is_slice_variable
from symcore.tensor.type import TensorType

FULL = ("slice", None, None, None)
Entry = Any
#: The greatest length and the greatest distance from an end that 64 bits hold.
LONGEST = 2**63 - 1


def is_scalar_index(item: Any) -> bool:
    """Tell whether ``item`` is one integer, known or symbolic."""
    if isinstance(item, (int, np.integer)) and not isinstance(item, (bool, np.bool_)):
        return True
    if isinstance(item, np.ndarray):
        return item.ndim == 0 and item.dtype.kind in "iu"
    return (
        isinstance(item, Variable)
        and isinstance(item.type, TensorType)
        and item.type.ndim == 0
        and item.type.dtype.kind in "iu"
    )


def split(item: Any) -> tuple[Entry, list[Any]]:
    """Return the entry for one scalar or slice, and the variables it needs as inputs. Raises ``TypeError``."""
    if isinstance(item, slice):
        parts: list[Any] = []
        inputs: list[Any] = []
        for part in (item.start, item.stop, item.step):
            entry, needed = (None, []) if part is None else split_scalar(part)
            parts.append(entry if entry is None or entry == INPUT else in_64_bits(entry))
            inputs += needed
        if parts[2] == 0:
            raise ValueError("the step of a slice cannot be zero.")
        return ("slice", *parts), inputs
    entry, needed = split_scalar(item)
    if isinstance(entry, int) and not -LONGEST <= entry <= LONGEST:
        raise IndexError(f"index {entry} is out of bounds for an axis of any length.")
    return entry, needed


def split_scalar(item: Any) -> tuple[Entry, list[Any]]:
    """Return the entry for one integer, and the variable it needs, if any."""
    if isinstance(item, Constant) and item.type.ndim == 0:
        item = item.data.item()
    if isinstance(item, Variable):
        if not is_scalar_index(item):
            raise TypeError(
                f"an index must be an integer, got {item} of type {item.type}. A quotient of integers is a float: "
                "divide with //. Else cast it: index.astype('int64')."
            )
        return INPUT, [as_length(item)]
    if isinstance(item, (float, np.floating)):
        raise TypeError(f"an index must be an integer, got the float {item}.")
    return int(item), []


def in_64_bits(part: int) -> int:
    """Return what selects the same as ``part`` does in a slice, and fits in 64 bits: no axis is longer."""
    return min(max(part, -LONGEST), LONGEST)


def fill(entries: Sequence[Entry], values: Iterator[Any]) -> tuple[Any, ...]:
    """Return the Python index that ``entries`` stand for, taking a value for each ``INPUT``."""
    index: list[Any] = []
    for entry in entries:
        if isinstance(entry, tuple):
            index.append(slice(*[int(next(values)) if p == INPUT else p for p in entry[1:]]))
        else:
            index.append(int(next(values)) if entry == INPUT else entry)
    return tuple(index)


def count_inputs(entries: Sequence[Entry]) -> int:
    """Return how many scalar inputs ``entries`` take."""
    return sum(sum(p == INPUT for p in e[1:]) if isinstance(e, tuple) else e == INPUT for e in entries)


def static_slice(length: int | None, start: Any, stop: Any, step: Any) -> int | None:
    """Return the length of a slice where it can be known."""
    if start is None and stop is None and step in (None, 1, -1):
        return length
    if length is not None and INPUT not in (start, stop, step):
        return len(range(*slice(start, stop, step).indices(length)))
    return None


def show(entries: Sequence[Entry]) -> str:
    """Return the entries as they would be typed."""
    texts = []
    for entry in entries:
        if isinstance(entry, tuple):
            start, stop, step = ("" if p is None else "?" if p == INPUT else str(p) for p in entry[1:])
            texts.append(f"{start}:{stop}" + (f":{step}" if step else ""))
        else:
            texts.append("?" if entry == INPUT else str(entry))
    return ", ".join(texts)


class SliceLength(Op):
    """The number of elements of ``start:stop:step`` of an axis; inputs: its length, then the parts that are given.

    ``given`` says which of start, stop and step are there.
    """

    given: tuple[bool, bool, bool]

    def make_node(self, length: Any, *parts: Any) -> Apply:
        inputs = [as_length(length), *map(as_length, parts)]
        if len(inputs) != 1 + sum(self.given):
            raise TypeError(f"{self} takes {1 + sum(self.given)} inputs, got {len(inputs)}.")
        return Apply(self, inputs, [TensorType("int64", ())()])

    def infer_shape(self, node: Apply, input_shapes: Sequence[Shape]) -> list[Shape]:
        return [()]

    def perform(self, node: Apply, length: Any, *parts: Any) -> Any:
        values = iter(parts)
        start, stop, step = (int(next(values)) if given else None for given in self.given)
        if step == 0:
            raise ValueError("the step of a slice cannot be zero.")
        return np.array(len(range(*slice(start, stop, step).indices(int(length)))), dtype=np.int64)

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[False]] * len(node.inputs)

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        from symcore.graph.null import disconnected

        return [disconnected() for _ in inputs]

    def R_op(self, inputs: Any, outputs: Any, tangents: Any) -> list[Any]:
        return [None]


def slice_length(length: Any, start: Any, stop: Any, step: Any) -> Any:
    """Return how many elements a slice of an axis takes: an int where known, else a scalar variable."""
    if isinstance(length, int) and not any(isinstance(p, Variable) for p in (start, stop, step)):
        return len(range(*slice(start, stop, step).indices(length)))
    if start is None and stop is None and step in (None, 1, -1):
        return length
    parts = [p for p in (start, stop, step) if p is not None]
    return SliceLength((start is not None, stop is not None, step is not None))(length, *parts)


def basic_shape(entries: Sequence[Entry], shape: Shape, inputs: Iterator[Any]) -> list[Any]:
    """Return the symbolic shape of ``x[entries]`` for ``x`` of symbolic ``shape``."""
    result: list[Any] = []
    for axis, entry in enumerate(entries):
        if isinstance(entry, tuple):
            parts = [next(inputs) if p == INPUT else p for p in entry[1:]]
            result.append(slice_length(shape[axis], *parts))
        elif entry == INPUT:
            next(inputs)
    return result + list(shape[len(entries) :])


def as_index_array(item: Any) -> Any:
    """Return an integer array index as a tensor variable of int64; ``None`` if ``item`` is something else."""
    if isinstance(item, (slice, type(None), type(...))) or is_scalar_index(item) or is_slice_variable(item):
        return None
    variable: Any = as_tensor(np.asarray(item) if isinstance(item, list) and not _has_variables(item) else item)
    if variable.type.dtype.kind not in "iub":
        empty = isinstance(variable, Constant) and not variable.data.size
        if empty:  # NumPy makes an empty list an array of floats
            return variable.astype("int64")
        raise TypeError(
            f"an array used as an index must hold integers or truth values, got {variable} of type {variable.type}. "
            f"Cast it: {variable}.astype('int64')."
        )
    return variable


def _has_variables(items: Any) -> bool:
    return any(isinstance(v, Variable) or (isinstance(v, (list, tuple)) and _has_variables(v)) for v in items)


def advanced_position(entries: Sequence[Entry]) -> int | None:
    """Return where NumPy puts the axes of the index arrays: before that many kept axes; 0 if the arrays are apart."""
    at = [k for k, e in enumerate(entries) if e == "array" or not isinstance(e, tuple)]
    if at != list(range(at[0], at[-1] + 1)):
        return 0
    return at[0]
