"""Functions of the language that have a newer way to write them: each is one line over that."""

from typing import Any

from symcore.tensor.constant import as_tensor
from symcore.tensor.scalar_functions import identity, maximum, minimum
from symcore.tensor.subtensor import getitem, inc_subtensor, set_subtensor

#: ``tensor_copy(x)``: the same values under a variable, and in an array, of their own.
tensor_copy = identity


def largest(*args: Any) -> Any:
    """Return, elementwise, the largest of the arguments. Raises ``ValueError`` for none."""
    return _folded(maximum, args, "largest")


def smallest(*args: Any) -> Any:
    """Return, elementwise, the smallest of the arguments. Raises ``ValueError`` for none."""
    return _folded(minimum, args, "smallest")


def _folded(function: Any, args: Any, name: str) -> Any:
    if not args:
        raise ValueError(f"{name}() needs at least one argument.")
    result = as_tensor(args[0])
    for other in args[1:]:
        result = function(result, other)
    return result


def advanced_subtensor1(x: Any, ilist: Any) -> Any:
    """Return the rows ``x[ilist]`` for a vector of integers."""
    return getitem(as_tensor(x), _rows(ilist))


def advanced_set_subtensor1(x: Any, y: Any, ilist: Any) -> Any:
    """Return ``x`` with the rows ``ilist`` (a vector of integers) replaced by ``y``."""
    return set_subtensor(advanced_subtensor1(x, ilist), y)


def advanced_inc_subtensor1(x: Any, y: Any, ilist: Any) -> Any:
    """Return ``x`` with ``y`` added to the rows ``ilist`` (a vector of integers); rows named twice get both."""
    return inc_subtensor(advanced_subtensor1(x, ilist), y)


def _rows(ilist: Any) -> Any:
    rows = as_tensor(ilist)
    if rows.type.ndim != 1 or rows.type.dtype.kind not in "iu":
        raise TypeError(f"the rows are chosen by a vector of integers, got {rows} of type {rows.type}.")
    return rows
