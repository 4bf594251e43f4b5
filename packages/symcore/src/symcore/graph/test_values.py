"""Test values: what a graph gives for one example of its inputs, computed while it is built.

With ``config.compute_test_value`` on, every node computes its outputs at once from the test values of its inputs
(``x.tag.test_value = array``) and keeps them (``y.tag.test_value``). So a mistake in shapes or values raises at the
line that makes it, with that line's own traceback, and not when a function is called.

The value of a constant is its test value, that of a shared variable the one it has now.
"""

import contextlib
import threading
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

from symcore.config import config
from symcore.errors import TestValueError
from symcore.graph import trace
from symcore.graph.shared import SharedVariable
from symcore.graph.traverse import toposort
from symcore.graph.variable import Apply, Constant, Variable, evaluator, test_values

_NONE = object()
_local = threading.local()


@contextlib.contextmanager
def paused() -> Iterator[None]:
    """Inside the block this thread computes no test values: what is built there is not the user's own expression."""
    before = getattr(_local, "paused", False)
    _local.paused = True
    try:
        yield
    finally:
        _local.paused = before


def get_test_value(variable: Any) -> Any:
    """Return the test value of a variable: that in its tag, or what its node gives for those of its inputs.

    Constants give their value, shared variables the one they have now (the value itself, not a copy), values that are
    no variables themselves. Raises ``TestValueError`` (an ``AttributeError``) when an input behind the variable has no
    test value, ``TypeError`` when a test value does not fit its variable, and what the Ops raise.
    """
    if not isinstance(variable, Variable):
        return variable
    found = _own(variable)
    if found is _NONE:
        _compute(variable)
        found = _own(variable)
    return found


def has_test_value(variable: Variable[Any]) -> bool:
    """Tell whether a variable itself has a value: in its tag, or as a constant or shared variable."""
    return isinstance(variable, (Constant, SharedVariable)) or hasattr(getattr(variable, "_tag", None), "test_value")


def _own(variable: Variable[Any]) -> Any:
    """Return the value that a variable itself has, checked against its type."""
    if isinstance(variable, Constant):
        return variable.data
    if isinstance(variable, SharedVariable):
        return variable.container.value
    value = getattr(getattr(variable, "_tag", None), "test_value", _NONE)
    if value is _NONE:
        return _NONE
    try:
        return variable.type.filter(value)
    except TypeError as error:
        raise TypeError(f"the test value of {variable} does not fit its type {variable.type}: {error}") from None


def _compute(variable: Variable[Any]) -> None:
    """Compute the test values that are missing behind a variable."""
    order = toposort([variable])
    needed = {variable}
    for node in reversed(order):
        if any(y in needed for y in node.outputs):
            needed.update(v for v in node.inputs if not has_test_value(v))
    for node in order:
        if any(y in needed for y in node.outputs):
            _run(node)
    if not has_test_value(variable):
        raise TestValueError(_missing(variable, None))


def _run(node: Apply) -> None:
    """Compute the test values of a node's outputs from those of its inputs, which are there."""
    values = []
    for v in node.inputs:
        value = _own(v)
        if value is _NONE:
            raise TestValueError(_missing(v, node))
        values.append(value)
    for y, result in zip(node.outputs, evaluator.run_node(node, values), strict=True):
        y.tag.test_value = result


def _missing(variable: Variable[Any], node: Apply | None) -> str:
    used = "" if node is None else f" It is used by {node.op}."
    where = trace.describe(node.trace) if node is not None else ""
    return (
        f"{variable} (of type {variable.type}) has no test value.{used} Give it one where it is made: "
        f"variable.tag.test_value = value. Or leave out what has none: config.compute_test_value = 'ignore'."
        + (f"\n  built at {where}" if where else "")
    )


def watch(node: Apply) -> None:
    """Compute the test values of a new node's outputs, as ``config.compute_test_value`` asks. Called by ``Apply``."""
    wanted = config.compute_test_value
    if wanted == "off" or getattr(_local, "paused", False) or trace.is_recording():
        return
    try:
        with paused():
            _fill(node.inputs)
            _run(node)
    except TestValueError as error:
        _on_missing(error, wanted)
    except Exception as error:
        if wanted == "pdb":
            _debug(error)
        raise


def _fill(inputs: Sequence[Variable[Any]]) -> None:
    for v in inputs:
        if v.owner is not None and not has_test_value(v):
            _compute(v)


def _on_missing(error: TestValueError, wanted: str) -> None:
    if wanted == "warn":
        warnings.warn(str(error), stacklevel=trace.users_level())
    elif wanted == "raise":
        raise error
    elif wanted == "pdb":
        _debug(error)
        raise error


def _debug(error: Exception) -> None:
    """Let the user look around where the error was raised."""
    import pdb  # a sixth of what importing symcore costs, and seldom wanted

    pdb.post_mortem(error.__traceback__)


test_values.watch = watch
