"""What DEBUG mode raises, and how values are compared and shown in its messages."""

from typing import Any

import numpy as np

from symcore.errors import SymstackError
from symcore.graph import trace
from symcore.graph.variable import Apply, Variable


class DebugError(SymstackError, AssertionError):
    """Base class of what DEBUG mode finds. ``node`` is the node it was found at, where there is one."""

    node: Apply | None = None

    def __init__(self, message: str, node: Apply | None = None):
        super().__init__(message)
        self.node = node


class BadRewrite(DebugError):
    """A rule changed a value. ``rule`` is its name, ``old`` and ``new`` the variable and what took its place."""

    def __init__(self, message: str, rule: str, old: Variable[Any], new: Variable[Any]):
        super().__init__(message, old.owner)
        self.rule = rule
        self.old = old
        self.new = new


class BadKernel(DebugError):
    """A node has another value in C than by ``perform``, or an output that is not of the type it declares."""


class BadView(DebugError):
    """An output shares memory with something that the Op's ``view`` does not name."""


class BadDestroy(DebugError):
    """A node changed one of its inputs, which the Op's ``destroys`` does not name."""


class BadPlan(DebugError):
    """Every node is right by itself, and the whole function is not: the memory plan lets a buffer be overwritten."""


def tolerance(dtype: Any) -> float:
    """Return the relative and absolute error that rounding explains; the same as of ``TensorType.values_eq_approx``."""
    return float(np.finfo(dtype).eps) ** 0.7 if dtype.kind in "fc" else 0.0


def differing(a: Any, b: Any) -> Any:
    """Return where two arrays of one dtype and shape differ by more than rounding; NaN equals NaN."""
    if a.dtype.kind not in "fc":
        return np.asarray(a != b)
    limit = tolerance(a.dtype)
    return ~np.isclose(a, b, rtol=limit, atol=limit, equal_nan=True)


def summary(value: Any) -> str:
    """Return dtype, shape and range of an array in one line: ``float64 (3,), from -1 to 2, 1 NaN``."""
    if not isinstance(value, (np.ndarray, np.generic)):
        text = repr(value)
        return text if len(text) <= 80 else text[:77] + "..."
    array = np.asarray(value)
    text = f"{array.dtype} {array.shape}"
    if not array.size or array.dtype.kind not in "biuf":
        return text
    if array.dtype.kind != "f":
        return f"{text}, from {array.min()} to {array.max()}"
    finite = array[np.isfinite(array)]
    if finite.size:
        text += f", from {finite.min():.6g} to {finite.max():.6g}"
    for name, count in (("NaN", np.isnan(array).sum()), ("infinite", np.isinf(array).sum())):
        if count:
            text += f", {count} {name}"
    return text


def worst(a: Any, b: Any, bad: Any) -> str:
    """Return the element that differs most: ``element (0,) is 3.0 instead of 2.0; 1 of 3 elements differ``."""
    if not bad.ndim:
        return f"it is {b} instead of {a}"
    with np.errstate(all="ignore"):
        distance = np.abs(np.asarray(b, dtype="complex128") - np.asarray(a, dtype="complex128"))
    distance = np.where(np.isfinite(distance), distance, np.inf)
    index = np.unravel_index(int(np.argmax(np.where(bad, distance, -1.0))), bad.shape)
    place = tuple(int(i) for i in index)
    return f"element {place} is {b[place]} instead of {a[place]}; {int(bad.sum())} of {bad.size} elements differ"


def built(node: Apply | None) -> str:
    """Return the line of the user's code that built a node, as the last line of a message; or an empty string."""
    where = trace.describe(node.trace) if node is not None else ""
    return f"\n  built at {where}" if where else ""


def shown(node: Apply | None, variable: Variable[Any]) -> str:
    """Return a node with its inputs on one line, cut where it is long; or the variable where no node made it."""
    text = str(variable) if node is None else f"{node.op}({', '.join(str(v) for v in node.inputs)})"
    return text if len(text) <= 160 else text[:157] + "..."
